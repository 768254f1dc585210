"""What the classes of transformers 5 make of a tokenizer.json: most keep its vocabulary and build the rest anew."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from rekall.errors import ExportFailed
from rekall.models.export.tokenizer_settings import MEND, ROLES, Token, TokenizerSettings

Json = Mapping[str, Any]

GENERIC = "TokenizersBackend"
"""The class that takes a tokenizer.json as it is."""

OF_ARCHITECTURE: Mapping[str, str] = {
    **dict.fromkeys(("bert", "distilbert", "electra", "ernie", "megatron-bert", "nomic_bert", "convbert"), "Bert"),
    **dict.fromkeys(("layoutlm", "squeezebert", "nezha", "visual_bert"), "Bert"),
    **dict.fromkeys(("roberta", "data2vec-text", "ibert", "longformer", "roberta-prelayernorm", "mra"), "Roberta"),
    **dict.fromkeys(("xlm-roberta", "xmod", "gte", "jina_embeddings_v3"), "XLMRoberta"),
    **dict.fromkeys(("gemma", "gemma2", "gemma3", "gemma3_text", "gemma3n_text", "t5gemma"), "Gemma"),
    **dict.fromkeys(("qwen2", "qwen3", "qwen2_moe", "qwen3_moe", "qwen3_next"), "Qwen2"),
    **dict.fromkeys(("t5", "mt5", "switch_transformers"), "T5"),
    **dict.fromkeys(("gpt2", "gpt_neo", "gptj", "opt", "phi", "starcoder2"), "GPT2"),
    **dict.fromkeys(("gpt_neox", "olmo", "olmoe", "mpt"), "GPTNeoX"),
    "albert": "Albert",
    "camembert": "Camembert",
    "mpnet": "MPNet",
    **dict.fromkeys(("modernbert", "modernbert-decoder", "mistral", "umt5", "xlm-roberta-xl", "granite"), GENERIC),
}
"""By model type, what transformers 5 takes where a folder names no class; "Tokenizer" left out."""

_OWN_ALWAYS = {"modernbert", "modernbert-decoder", "qwen2"}
"""Architectures whose published folders name a wrong class, which transformers 5 knows."""

_SAME = {
    **dict.fromkeys(("DistilBert", "Electra", "MobileBert", "ConvBert", "LayoutLM", "SqueezeBert", "Lxmert"), "Bert"),
    **dict.fromkeys(("Bart", "Longformer", "LED"), "Roberta"),
}

_OTHERS = [
    "Barthez",
    "Bartpho",
    "BertGeneration",
    "BertJapanese",
    "Bertweet",
    "BigBird",
    "BioGpt",
    "BlenderbotSmall",
    "Blenderbot",
    "ByT5",
    "CLIP",
    "CTRL",
    "Canine",
    "Clvp",
    "CodeLlama",
    "Cohere",
    "CpmAnt",
    "Cpm",
    "DPRQuestionEncoder",
    "DPRContextEncoder",
    "Deberta",
    "DebertaV2",
    "Dia",
    "Esm",
    "Esmc",
    "FNet",
    "FSMT",
    "Flaubert",
    "Funnel",
    "GPTNeoXJapanese",
    "GPTSw3",
    "Herbert",
    "Lasr",
    "LayoutLMv2",
    "LayoutLMv3",
    "LayoutXLM",
    "Luke",
    "M2M100",
    "MBart50",
    "MBart",
    "MLuke",
    "Marian",
    "MarkupLM",
    "Mgpstr",
    "Mvp",
    "MyT5",
    "Nllb",
    "Nougat",
    "OpenAIGPT",
    "PLBart",
    "Parakeet",
    "Pegasus",
    "Perceiver",
    "Phobert",
    "ProphetNet",
    "Qwen3_5",
    "Rag",
    "Reformer",
    "RemBert",
    "RoCBert",
    "RoFormer",
    "SeamlessM4T",
    "Siglip2",
    "Siglip",
    "Speech2Text",
    "SpeechT5",
    "Splinter",
    "Tapas",
    "Udop",
    "Vits",
    "Wav2Vec2CTC",
    "Whisper",
    "XGLM",
    "XLM",
    "XLNet",
]
"""Classes of transformers whose ways are not known here."""

_QWEN = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
_BERT_ROLES = {"unk_token": "[UNK]", "sep_token": "[SEP]", "pad_token": "[PAD]", "cls_token": "[CLS]"}
_BERT_ROLES |= {"mask_token": "[MASK]"}
_ROBERTA_ROLES = {"bos_token": "<s>", "eos_token": "</s>", "sep_token": "</s>", "cls_token": "<s>"}
_ROBERTA_ROLES |= {"unk_token": "<unk>", "pad_token": "<pad>", "mask_token": "<mask>"}


class NotItsKind(Exception):
    """A tokenizer.json whose model is of another kind than the class; the message says which."""


@dataclass(frozen=True, slots=True)
class Built:
    """What a class builds beside the vocabulary.

    Attributes:
        model: Settings of the model that differ from those of an empty one of its kind.
        around: The roles of the tokens before and after a text; None keeps the file's post-processor.
        extra: Special tokens that it adds where nothing is said of any.
    """

    model: Json
    normalizer: Json | None
    pre_tokenizer: Json | None
    around: tuple[tuple[str, ...], tuple[str, ...]] | None
    extra: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class TokenizerClass:
    """A class of transformers 5 that builds a tokenizer anew.

    Attributes:
        kind: What the model must be: "WordPiece", "BPE" or "Unigram".
        roles: The special tokens that it has where none are given.
        build: Builds it from the settings and what the file holds.
    """

    kind: str
    roles: Mapping[str, str]
    build: Callable[[TokenizerSettings, Json], Built]


def class_of(settings: TokenizerSettings, architecture: str, file: Json) -> str:
    """The class that transformers 5 takes, without "Tokenizer": a key of `CLASSES`, `GENERIC`, or one not known here."""
    declared = settings.declared.removesuffix("Tokenizer")
    own = OF_ARCHITECTURE.get(architecture)
    if declared == "Llama" and architecture not in ("mistral", *_OWN_ALWAYS) and "ByteLevel" in _types(file):
        return GENERIC
    if not declared:
        return own or GENERIC
    if own in (None, declared):
        return _known(declared)
    if own == GENERIC:
        return GENERIC
    return own if architecture in _OWN_ALWAYS else _known(declared)


def built(kind: str, settings: TokenizerSettings, file: Json) -> Built:
    """What a class of `CLASSES` builds.

    Raises:
        NotItsKind: The file's model is of another kind.
    """
    found = file["model"]["type"]
    if found != CLASSES[kind].kind:
        raise NotItsKind(f"{kind}Tokenizer is made for {CLASSES[kind].kind} and the vocabulary is {found}")
    return CLASSES[kind].build(settings, file)


def named_tokens(kind: str, settings: TokenizerSettings) -> dict[str, Token]:
    """The special tokens of a class by their roles, in the order in which they are added."""
    defaults = CLASSES[kind].roles if kind in CLASSES else {}
    found: dict[str, Token] = {}
    for role in ROLES:
        value = settings.named.get(role, None if role in settings.given else defaults.get(role))
        if value is None:
            continue
        if isinstance(value, str):
            takes_blanks = role == "mask_token" and kind in ("MPNet", "Camembert")
            value = Token(value, lstrip=takes_blanks)
        found[role] = replace(value, special=True)
    for role, value in settings.model_tokens.items():
        found[role] = Token.plain(value) if isinstance(value, str) else replace(value, special=True)
    return found


def _known(declared: str) -> str:
    name = _SAME.get(declared, declared)
    return name if name in CLASSES or name in _OTHERS else GENERIC


def _types(part: Any) -> set[str]:
    """The type of every part of a tokenizer's pre-tokenizer."""
    pre = part.get("pre_tokenizer") or {}
    return {str(pre.get("type"))} | {str(each.get("type")) for each in pre.get("pretokenizers", [])}


def _bert(settings: TokenizerSettings, file: Json) -> Built:
    return Built(
        {
            "unk_token": _text(settings, "unk_token", "[UNK]"),
            "continuing_subword_prefix": "##",
            "max_input_chars_per_word": 100,
        },
        bert_normalizer(settings),
        {"type": "BertPreTokenizer"},
        (("cls_token",), ("sep_token",)),
    )


def bert_normalizer(settings: TokenizerSettings) -> dict[str, Any]:
    """The normalizer that the settings of a BERT tokenizer ask for."""
    accents = settings.given.get("strip_accents")
    return {
        "type": "BertNormalizer",
        "clean_text": True,
        "handle_chinese_chars": settings.flag("tokenize_chinese_chars", True),
        "strip_accents": None if accents is None else settings.flag("strip_accents", False),
        "lowercase": settings.flag("do_lower_case", True),
    }


def _roberta(settings: TokenizerSettings, file: Json) -> Built:
    return Built(_bpe(), None, _byte_level(settings.flag("add_prefix_space", False)), (("cls_token",), ("sep_token",)))


def _xlm_roberta(settings: TokenizerSettings, file: Json) -> Built:
    model = {"unk_id": 3, "byte_fallback": False}
    return Built(model, _charsmap(file), _pieces(settings), (("bos_token",), ("eos_token",)))


def _camembert(settings: TokenizerSettings, file: Json) -> Built:
    unknown = _text(settings, "unk_token", "<unk>")
    row = next((row for row, (piece, _) in enumerate(file["model"]["vocab"]) if piece == unknown), 0)
    extra = ("<s>NOTUSED", "</s>NOTUSED", "<unk>NOTUSED")
    model = {"unk_id": row, "byte_fallback": False}
    return Built(model, _charsmap(file), _pieces(settings), (("bos_token",), ("eos_token",)), extra)


def _albert(settings: TokenizerSettings, file: Json) -> Built:
    steps: list[Json] = [_replaced("``", '"'), _replaced("''", '"')]
    if not settings.flag("keep_accents", False):
        steps += [{"type": "NFKD"}, {"type": "StripAccents"}]
    if settings.flag("do_lower_case", True):
        steps.append({"type": "Lowercase"})
    steps += [step for step in [_charsmap(file)] if step]
    model = {"unk_id": 1, "byte_fallback": False}
    normalizer = {"type": "Sequence", "normalizers": steps}
    return Built(model, normalizer, _pieces(settings), (("cls_token",), ("sep_token",)))


def _t5(settings: TokenizerSettings, file: Json) -> Built:
    count = settings.given.get("extra_ids", 100)
    if not isinstance(count, int) or not 0 <= count <= 1_000:
        raise ExportFailed(f"tokenizer_config.json has `extra_ids` {count!r}", MEND)
    pieces = _sequence({"type": "WhitespaceSplit"}, _metaspace("always"))
    extra = tuple(f"<extra_id_{number}>" for number in range(count))
    return Built({"unk_id": 2, "byte_fallback": False}, _charsmap(file), pieces, ((), ("eos_token",)), extra)


def _llama(settings: TokenizerSettings, file: Json) -> Built:
    scheme = "never"
    if settings.flag("add_prefix_space", True):
        scheme = "always" if settings.flag("legacy", False) else "first"
    model = {**_bpe(), "fuse_unk": True, "byte_fallback": True}
    return Built({**model, **_NO_AFFIXES}, None, _metaspace(scheme, split=False), None)


def _gemma(settings: TokenizerSettings, file: Json) -> Built:
    model = {**_bpe(), "fuse_unk": True, "byte_fallback": True, "unk_token": _text(settings, "unk_token", "<unk>")}
    split = {"type": "Split", "pattern": {"String": " "}, "behavior": "MergedWithPrevious", "invert": False}
    return Built({**model, **_NO_AFFIXES}, _replaced(" ", "▁"), split, None)


def _qwen2(settings: TokenizerSettings, file: Json) -> Built:
    split = {"type": "Split", "pattern": {"Regex": _QWEN}, "behavior": "Isolated", "invert": False}
    level = {**_byte_level(settings.flag("add_prefix_space", False)), "use_regex": False}
    return Built(_bpe(), {"type": "NFC"}, _sequence(split, level), None)


def _gpt2(settings: TokenizerSettings, file: Json) -> Built:
    return Built(_bpe(), None, _byte_level(settings.flag("add_prefix_space", False)), None)


def _gpt_neox(settings: TokenizerSettings, file: Json) -> Built:
    return Built(_bpe(), {"type": "NFC"}, _byte_level(settings.flag("add_prefix_space", False)), ((), ()))


_NO_AFFIXES = {"continuing_subword_prefix": None, "end_of_word_suffix": None}


def _bpe() -> dict[str, Any]:
    return {
        "dropout": None,
        "unk_token": None,
        "continuing_subword_prefix": "",
        "end_of_word_suffix": "",
        "fuse_unk": False,
        "byte_fallback": False,
        "ignore_merges": False,
    }


def _byte_level(prefix: bool) -> dict[str, Any]:
    return {"type": "ByteLevel", "add_prefix_space": prefix, "trim_offsets": True, "use_regex": True}


def _metaspace(scheme: str, *, split: bool = True) -> dict[str, Any]:
    return {"type": "Metaspace", "replacement": "▁", "prepend_scheme": scheme, "split": split}


def _pieces(settings: TokenizerSettings) -> dict[str, Any]:
    scheme = "always" if settings.flag("add_prefix_space", True) else "never"
    return _sequence({"type": "WhitespaceSplit"}, _metaspace(scheme))


def _sequence(*parts: Json) -> dict[str, Any]:
    return {"type": "Sequence", "pretokenizers": list(parts)}


def _replaced(text: str, content: str) -> dict[str, Any]:
    return {"type": "Replace", "pattern": {"String": text}, "content": content}


def _charsmap(file: Json) -> Json | None:
    """The table of SentencePiece, which is all that is taken over from a normalizer."""
    normalizer = file.get("normalizer") or {}
    parts = normalizer.get("normalizers", []) if normalizer.get("type") == "Sequence" else [normalizer]
    return next((part for part in parts if part.get("type") == "Precompiled"), None)


def _text(settings: TokenizerSettings, role: str, default: str) -> str:
    if role in settings.given and role not in settings.named:
        raise ExportFailed(f"tokenizer_config.json has `{role}` null, and the model needs one", MEND)
    value = settings.named.get(role, default)
    return value if isinstance(value, str) else value.content


_END = {"unk_token": "<|endoftext|>", "bos_token": "<|endoftext|>", "eos_token": "<|endoftext|>"}

CLASSES: Mapping[str, TokenizerClass] = {
    "Bert": TokenizerClass("WordPiece", _BERT_ROLES, _bert),
    "MPNet": TokenizerClass("WordPiece", {**_ROBERTA_ROLES, "unk_token": "[UNK]"}, _bert),
    "Roberta": TokenizerClass("BPE", _ROBERTA_ROLES, _roberta),
    "XLMRoberta": TokenizerClass("Unigram", _ROBERTA_ROLES, _xlm_roberta),
    "Camembert": TokenizerClass("Unigram", _ROBERTA_ROLES, _camembert),
    "Albert": TokenizerClass(
        "Unigram",
        {**_BERT_ROLES, "bos_token": "[CLS]", "eos_token": "[SEP]", "unk_token": "<unk>", "pad_token": "<pad>"},
        _albert,
    ),
    "T5": TokenizerClass("Unigram", {"eos_token": "</s>", "unk_token": "<unk>", "pad_token": "<pad>"}, _t5),
    "Llama": TokenizerClass("BPE", {"unk_token": "<unk>", "bos_token": "<s>", "eos_token": "</s>"}, _llama),
    "Gemma": TokenizerClass(
        "BPE",
        {
            "unk_token": "<unk>",
            "bos_token": "<bos>",
            "eos_token": "<eos>",
            "pad_token": "<pad>",
            "mask_token": "<mask>",
        },
        _gemma,
    ),
    "Qwen2": TokenizerClass("BPE", dict.fromkeys(("unk_token", "eos_token", "pad_token"), "<|endoftext|>"), _qwen2),
    "GPT2": TokenizerClass("BPE", _END, _gpt2),
    "GPTNeoX": TokenizerClass("BPE", {**_END, "pad_token": "<|padding|>"}, _gpt_neox),
}
"""By the name that `class_of` gives."""


def is_known(kind: str) -> bool:
    """Whether it is known what a class does."""
    return kind == GENERIC or kind in CLASSES
