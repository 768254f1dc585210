"""Text that a model expects before a query or a document: from its repository, or from a table for those without."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from rekall.errors import ExportFailed
from rekall.models.engine.card import Prompts

_DOCUMENT_NAMES = ("document", "passage", "corpus")  # the order in which sentence-transformers looks them up

_SEARCH = "Represent this sentence for searching relevant passages: "
_NOMIC = Prompts("search_query: ", "search_document: ")

KNOWN: tuple[tuple[str, Prompts], ...] = (
    (r"(multilingual-)?e5-(small|base|large)(-v2)?", Prompts("query: ", "passage: ")),
    (r"bge-(small|base|large)-en(-v1\.5)?", Prompts(_SEARCH, "")),
    (r"bge-(small|base|large)-zh(-v1\.5)?", Prompts("为这个句子生成表示以用于检索相关文章：", "")),
    (r"snowflake-arctic-embed-(xs|s|m|l|m-long|m-v1\.5)", Prompts(_SEARCH, "")),
    (r"mdbr-leaf-(ir|mt)|mxbai-embed-large-v1", Prompts(_SEARCH, "")),
    (r"nomic-embed-text-v1(\.5)?|modernbert-embed-(base|large)", _NOMIC),
)
"""Names of models, and prompts that their authors publish only in prose."""


def prompts_of(config: Mapping[str, Any], names: Sequence[str], where: str) -> Prompts:
    """The prompts of a model.

    Args:
        config: The content of `config_sentence_transformers.json`.
        names: What it is called, with or without its owner; looked up when the configuration has no prompts.
        where: The file's path, for messages.

    Raises:
        ExportFailed: A prompt is not text, or the default one does not exist.
    """
    given: Any = config.get("prompts") or {}
    if not isinstance(given, dict) or not all(isinstance(prompt, (str, type(None))) for prompt in given.values()):
        raise ExportFailed(f"{where} has prompts that are not text")
    prompts = {name: str(prompt or "") for name, prompt in given.items()}
    name = config.get("default_prompt_name")
    if name is not None and name not in prompts:
        raise ExportFailed(
            f"{where} has `default_prompt_name` {name!r} and no prompt of that name",
            "give `--query-prompt` and `--document-prompt` with a corrected file",
        )
    if not any(prompts.values()):
        return next(filter(None, map(_published, names)), Prompts("", ""))
    default = prompts.get(name or "", "")
    document = next((prompts[kind] for kind in _DOCUMENT_NAMES if kind in prompts), default)
    return Prompts(query=prompts.get("query", default), document=document)


def _published(name: str) -> Prompts | None:
    """The prompts of a model that its name tells, whatever its case and whether words are joined by _ or -."""
    model = name.rpartition("/")[2].lower().replace("_", "-")
    return next((known for pattern, known in KNOWN if re.fullmatch(pattern, model)), None)
