"""What a repository is when it is no encoder of texts: rerankers and others are refused by their names."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from rekall.errors import ExportFailed

ELSEWHERE = "`rekall model list` names encoders that can be pulled"

RERANKER = "a reranker, which scores pairs of texts"
_SPARSE = "a sparse model, whose vectors are weights of words"
_MANY = "a multi-vector model, which compares texts token by token"
_CLASSIFIER = "a model that sorts texts into classes"
_PICTURES = "a model of pictures and texts"
_WRITER = "a language model: nothing in it says how its states become a vector"
_OLD = "made of parts from before transformers"

_MODEL_TYPES = {"CrossEncoder": RERANKER, "SparseEncoder": _SPARSE, "MultiVectorEncoder": _MANY}
"""By `model_type` of config_sentence_transformers.json, which releases from 5.0 on write."""

_MULTI_VECTOR_KEYS = (
    "query_prefix",
    "document_prefix",
    "skiplist_words",
    "attend_to_expansion_tokens",
    "do_query_expansion",
)
"""Keys of config_sentence_transformers.json that only PyLate writes."""

_MODULES = {
    "LogitScore": RERANKER,
    "SpladePooling": _SPARSE,
    "MLMTransformer": _SPARSE,
    "SparseAutoEncoder": _SPARSE,
    "SparseStaticEmbedding": _SPARSE,
    "IDF": _SPARSE,
    "CSRSparsity": _SPARSE,
    "MultiVectorMask": _MANY,
    "TokenPooling": _MANY,
    "CLIPModel": _PICTURES,
    "WordEmbeddings": _OLD,
    "WordWeights": _OLD,
    "BoW": _OLD,
    "CNN": _OLD,
    "LSTM": _OLD,
}
"""By the class of a module in modules.json."""

_ARCHITECTURES = (
    (r".*(ColBERT|ColPali|ColQwen).*", _MANY),
    (r".*(Splade|SPLADE).*", _SPARSE),
    (r".*(ForRanking|ForReranking|Reranker|CrossEncoder).*", RERANKER),
    (r".*ForSequenceClassification", f"{RERANKER}, or {_CLASSIFIER}"),
    (r".*For(TokenClassification|QuestionAnswering|MultipleChoice|NextSentencePrediction)", _CLASSIFIER),
    (r".*(ForCausalLM|LMHeadModel|ForConditionalGeneration)", _WRITER),
)
"""By a class in `architectures` of config.json; the last two rows and the one before count without modules.json alone."""

_TASKS = {
    "sequence-classification": RERANKER,
    "fill-mask": _SPARSE,
    "text-generation": _WRITER,
    "any-to-any": _PICTURES,
}
"""By `transformer_task` of sentence_bert_config.json."""


def refuse(what: str, kind: str) -> ExportFailed:
    """The error for a repository of another kind."""
    return ExportFailed(f"{what} is {kind}, not an encoder of texts", ELSEWHERE)


def check_settings(what: str, settings: Mapping[str, Any]) -> None:
    """Refuse by config_sentence_transformers.json.

    Raises:
        ExportFailed: It describes another kind of model.
    """
    kind = settings.get("model_type")
    if kind in _MODEL_TYPES:
        raise refuse(what, _MODEL_TYPES[kind])
    if kind not in (None, "SentenceTransformer"):
        raise ExportFailed(f"{what} is a {kind!r}, a kind of model that Rekall does not know", ELSEWHERE)
    if any(key in settings for key in _MULTI_VECTOR_KEYS) or settings.get("similarity_fn_name") == "maxsim":
        raise refuse(what, _MANY)


def check_module(what: str, name: str) -> None:
    """Refuse by the class of a module, as modules.json names it.

    Raises:
        ExportFailed: Only another kind of model has it.
    """
    kind = name.rpartition(".")[2]
    if name.startswith("pylate."):
        raise refuse(what, _MANY)
    if kind in _MODULES and name.startswith("sentence_transformers."):
        raise refuse(what, f"{_MODULES[kind]} ({name})")


def check_task(what: str, task: object) -> None:
    """Refuse by `transformer_task`.

    Raises:
        ExportFailed: It is that of another kind of model.
    """
    if isinstance(task, str) and task in _TASKS:
        raise refuse(what, _TASKS[task])


def check_config(what: str, config: Mapping[str, Any], *, lone: bool) -> None:
    """Refuse by the transformer's config.json.

    Args:
        what: The repository or folder, for messages.
        config: Its content.
        lone: Whether there is no modules.json; with one, what the transformer was before does not matter.

    Raises:
        ExportFailed: It describes another kind of model.
    """
    named = config.get("architectures")
    classes: Sequence[Any] = named if isinstance(named, list) else []
    for pattern, kind in _ARCHITECTURES if lone else _ARCHITECTURES[:3]:
        if any(re.fullmatch(pattern, str(name)) for name in classes):
            raise refuse(what, kind)
    about = config.get("sentence_transformers")
    if lone and isinstance(about, dict):  # an old CrossEncoder notes its activation there
        raise refuse(what, RERANKER)


def check_reads_text(what: str, config: Mapping[str, Any]) -> None:
    """Refuse a transformer that reads pictures or sounds as well, if no family is about it.

    Raises:
        ExportFailed: It does.
    """
    if any(isinstance(config.get(f"{sense}_config"), dict) for sense in ("vision", "audio")):
        raise refuse(what, _PICTURES)
