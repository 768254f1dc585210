"""The tokenizers of the tiny checkpoints that `make_goldens.py` makes: small ones of every kind, from corpus.txt.

WordPiece and unigram vocabularies are counted here, because their trainers differ from run to run.
"""

from __future__ import annotations

import json
import math
import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import tokenizers
import transformers  # noqa: TID251 - these are the references
from tokenizers import AddedToken, models, normalizers, pre_tokenizers, processors, trainers

CORPUS = (Path(__file__).parent.parent / "tests/data/checkpoints/corpus.txt").read_text("utf-8").splitlines()
FREQUENT = ["word", "the", "lock", "is", "and", "index", "key"]  # one token each: edge texts count with them
MASK = {mask: AddedToken(mask, lstrip=True, special=True) for mask in ("<mask>", "[MASK]")}
"""Mask tokens that take the blanks before them."""


def words_of(text: str) -> Counter[str]:
    """Words and signs, counted."""
    return Counter(re.findall(r"\w+|[^\w\s]", text))


def by_frequency(counts: Mapping[str, int]) -> list[str]:
    """Most frequent first."""
    return [key for key, _ in sorted(counts.items(), key=lambda item: (-item[1], item[0]))]


def wordpieces(first: Sequence[str], last: Sequence[str] = ()) -> dict[str, int]:
    """A vocabulary of special tokens, characters, frequent words and word endings, in lower case without accents."""
    words = words_of(normalizers.BertNormalizer().normalize_str(" ".join([*CORPUS, *FREQUENT * 20])))
    letters = sorted(set("".join(words)))
    frequent = by_frequency({word: times for word, times in words.items() if times > 1})
    endings = Counter(word[place:] for word in words for place in range(1, len(word) - 1))
    parts = [f"##{part}" for part in (*filter(str.isalnum, letters), *by_frequency(endings)[:60])]
    return {piece: place for place, piece in enumerate(dict.fromkeys([*first, *letters, *frequent, *parts, *last]))}


def unigrams(first: Sequence[str], limit: int) -> list[tuple[str, float]]:
    """Special tokens, then pieces with the logarithm of their share, as SentencePiece's unigram models hold them."""
    counts: Counter[str] = Counter()
    for word, times in words_of(" ".join([*CORPUS, *FREQUENT * 20])).items():
        text = "▁" + word
        for start in range(len(text)):
            for stop in range(start + 1, min(start + 10, len(text)) + 1):
                counts[text[start:stop]] += times
    worth = {piece: times * (len(piece) - 1) for piece, times in counts.items()}
    needed = {*filter(lambda piece: len(piece) == 1, counts), *(f"▁{word}" for word in FREQUENT)}
    chosen = sorted({*needed, *by_frequency(worth)[: limit - len(needed)]})
    total = sum(counts[piece] for piece in chosen)
    return [*((token, 0.0) for token in first), *((piece, math.log(counts[piece] / total)) for piece in chosen)]


def byte_pairs(first: Sequence[str], size: int) -> tokenizers.Tokenizer:
    """A byte-level BPE."""
    made = tokenizers.Tokenizer(models.BPE())
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    trainer = trainers.BpeTrainer(vocab_size=size, show_progress=False)
    trainer.initial_alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer.special_tokens = [AddedToken(token, special=True) for token in first]
    made.train_from_iterator([*CORPUS, " " + " ".join(FREQUENT * 20)], trainer)
    return made


def bert_tokenizer(lowercase: bool = True) -> Any:
    """WordPiece between [CLS] and [SEP]."""
    vocabulary = wordpieces(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"])
    return transformers.BertTokenizer(vocab=vocabulary, do_lower_case=lowercase, model_max_length=512)


def mpnet_tokenizer() -> Any:
    """WordPiece between <s> and </s>."""
    vocabulary = wordpieces(["<s>", "<pad>", "</s>", "<unk>", "[UNK]"], ["<mask>"])
    return transformers.MPNetTokenizer(vocab=vocabulary, model_max_length=512)


def roberta_tokenizer() -> Any:
    """Byte-level BPE that says nothing of a limit."""
    model = json.loads(byte_pairs(["<s>", "<pad>", "</s>", "<unk>"], 430).to_str())["model"]
    return transformers.RobertaTokenizer(
        vocab={**model["vocab"], "<mask>": len(model["vocab"])},
        merges=[tuple(merge) for merge in model["merges"]],
        mask_token=MASK["<mask>"],
    )


def xlm_roberta_tokenizer() -> Any:
    """SentencePiece's unigrams."""
    vocabulary = [*unigrams(["<s>", "<pad>", "</s>", "<unk>"], 470), ("<mask>", 0.0)]
    return transformers.XLMRobertaTokenizer(vocab=vocabulary, mask_token=MASK["<mask>"], model_max_length=512)


def camembert_tokenizer() -> Any:
    """SentencePiece's unigrams behind the odd first rows of this family."""
    first = ["<s>NOTUSED", "<pad>", "</s>NOTUSED", "<unk>", "<unk>NOTUSED", "<s>", "</s>"]
    return transformers.CamembertTokenizer(vocab=[*unigrams(first, 410), ("<mask>", 0.0)], model_max_length=512)


def modernbert_tokenizer() -> Any:
    """Byte-level BPE with NFC, special tokens at the end and runs of blanks as tokens of their own."""
    made = byte_pairs([], 420)
    made.normalizer = normalizers.NFC()
    made.add_tokens(["|||IP_ADDRESS|||", *(AddedToken(" " * count, normalized=True) for count in (8, 4, 2))])
    made.add_special_tokens(["<|padding|>", "<|endoftext|>", "[UNK]", "[CLS]", "[SEP]", "[PAD]", MASK["[MASK]"]])
    made.post_processor = between(made, "[CLS]", "[SEP]")
    names = {f"{name}_token": f"[{name.upper()}]" for name in ("unk", "cls", "sep", "pad")}
    return transformers.PreTrainedTokenizerFast(
        tokenizer_object=made, mask_token=MASK["[MASK]"], model_max_length=8192, **names
    )


def t5_tokenizer() -> Any:
    """SentencePiece's unigrams with a token at the end and none at the start."""
    return transformers.T5Tokenizer(vocab=unigrams(["<pad>", "</s>", "<unk>"], 370), extra_ids=2, model_max_length=512)


def qwen_tokenizer() -> Any:
    """Byte-level BPE with one special token, at the end of every text, and padding before it."""
    made = byte_pairs(["<|endoftext|>", "<|im_start|>", "<|im_end|>"], 420)
    made.normalizer = normalizers.NFC()
    end = ("<|endoftext|>", made.token_to_id("<|endoftext|>"))
    names = {"pad_token": end[0], "eos_token": "<|im_end|>"}
    made.post_processor = processors.TemplateProcessing(single=f"$A {end[0]}", special_tokens=[end])
    return transformers.PreTrainedTokenizerFast(
        tokenizer_object=made, padding_side="left", model_max_length=131072, **names
    )


def qwen2_tokenizer() -> Any:
    """The same with the words of Qwen2, which transformers gives this architecture whatever a file says."""
    made = qwen_tokenizer()
    words = transformers.Qwen2Tokenizer().backend_tokenizer.pre_tokenizer
    made.backend_tokenizer.pre_tokenizer = words
    return made


def gemma_tokenizer() -> Any:
    """SentencePiece's BPE: blanks become a sign, letters that the vocabulary lacks their bytes."""
    first = ["<pad>", "<eos>", "<bos>", "<unk>", "<mask>"]
    unknown = "<unk>"
    trained = tokenizers.Tokenizer(models.BPE(unk_token=unknown))
    trained.pre_tokenizer = pre_tokenizers.Split("▁", "merged_with_next")
    trainer = trainers.BpeTrainer(vocab_size=230, show_progress=False)
    trainer.special_tokens = [AddedToken(token, special=True) for token in first]
    trained.train_from_iterator([line.replace(" ", "▁") for line in [*CORPUS, " " + " ".join(FREQUENT * 20)]], trainer)
    model = json.loads(trained.to_str())["model"]
    pieces = [
        *first,
        *(f"<0x{byte:02X}>" for byte in range(256)),
        *(piece for piece in model["vocab"] if piece not in first),
    ]
    made = tokenizers.Tokenizer(
        models.BPE(
            vocab={piece: place for place, piece in enumerate(pieces)},
            merges=[tuple(merge) for merge in model["merges"]],
            unk_token=unknown,
            fuse_unk=True,
            byte_fallback=True,
        )
    )
    made.normalizer = normalizers.Replace(" ", "▁")
    made.pre_tokenizer = pre_tokenizers.Split(" ", "merged_with_previous")
    made.add_special_tokens(first)
    made.post_processor = between(made, "<bos>", "<eos>")
    names = {f"{name}_token": f"<{name}>" for name in ("pad", "eos", "bos", "unk", "mask")}
    return transformers.PreTrainedTokenizerFast(tokenizer_object=made, model_max_length=2048, **names)


def unigram_tokenizer() -> Any:
    """For a static model: unigrams after NFKC, and special tokens, which static models leave out."""
    special: list[str | AddedToken] = ["<pad>", "<unk>", "<s>", "</s>"]
    made = tokenizers.Tokenizer(models.Unigram(unigrams(list(map(str, special)), 370), unk_id=1))
    made.normalizer = normalizers.Sequence([normalizers.NFKC(), normalizers.Replace(tokenizers.Regex(" {2,}"), " ")])
    made.pre_tokenizer = pre_tokenizers.Metaspace()
    made.add_special_tokens(special)
    made.post_processor = between(made, "<s>", "</s>")
    return transformers.PreTrainedTokenizerFast(tokenizer_object=made)


def between(tokenizer: tokenizers.Tokenizer, first: str, last: str) -> Any:
    """Puts every text between two special tokens."""
    ids = [(token, tokenizer.token_to_id(token)) for token in (first, last)]
    return processors.TemplateProcessing(single=f"{first} $A {last}", special_tokens=ids)


TOKENIZERS: Mapping[str, Callable[[], Any]] = {
    "bert": bert_tokenizer,
    "bert-cased": lambda: bert_tokenizer(lowercase=False),
    "mpnet": mpnet_tokenizer,
    "roberta": roberta_tokenizer,
    "xlm-roberta": xlm_roberta_tokenizer,
    "camembert": camembert_tokenizer,
    "modernbert": modernbert_tokenizer,
    "unigram": unigram_tokenizer,
    "t5": t5_tokenizer,
    "qwen": qwen_tokenizer,
    "qwen2": qwen2_tokenizer,
    "gemma": gemma_tokenizer,
}
