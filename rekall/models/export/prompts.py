"""Text that a model expects before a query or a document: from its repository, or from a table for those without."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from rekall.errors import ExportFailed
from rekall.models.engine.card import Prompts

_QUERY_NAMES = ("query", "retrieval.query", "Retrieval-query")
_DOCUMENT_NAMES = ("document", "passage", "corpus", "retrieval.passage", "Retrieval-document")
"""The first three in the order in which sentence-transformers looks them up; then those of single models."""

_SEARCH = "Represent this sentence for searching relevant passages: "
_NOMIC = Prompts("search_query: ", "search_document: ")
_WEB_SEARCH = "Instruct: Given a web search query, retrieve relevant passages that answer the query\nQuery:"

KNOWN: tuple[tuple[str, Prompts], ...] = (
    (r"(multilingual-)?e5-(small|base|large)(-v2)?", Prompts("query: ", "passage: ")),
    (r"multilingual-e5-large-instruct", Prompts(f"{_WEB_SEARCH} ", "")),
    (r"bge-(small|base|large)-en(-v1\.5)?", Prompts(_SEARCH, "")),
    (r"bge-(small|base|large)-zh(-v1\.5)?", Prompts("为这个句子生成表示以用于检索相关文章：", "")),
    (r"snowflake-arctic-embed-[ml]-v2\.0", Prompts("query: ", "")),
    (r"snowflake-arctic-embed-(xs|s|m|l|m-long|m-v1\.5)", Prompts(_SEARCH, "")),
    (r"mdbr-leaf-(ir|mt)|mxbai-embed-(large-v1|xsmall-v1|2d-large-v1)|uae-large-v1", Prompts(_SEARCH, "")),
    (r"nomic-embed-text-v(1(\.5)?|2-moe)|modernbert-embed-(base|large)", _NOMIC),
    (r"nomic-embed-code|coderankembed", Prompts("Represent this query for searching relevant code: ", "")),
    (r"embeddinggemma-(300m|2).*", Prompts("task: search result | query: ", "title: none | text: ")),
    (r"qwen3-embedding-(0\.6|4|8)b", Prompts(_WEB_SEARCH, "")),
    (r"jina-embeddings-v5-text-.*", Prompts("Query: ", "Document: ")),
    (
        r"instructor-(base|large|xl)",
        Prompts(
            "Represent the question for retrieving supporting documents: ", "Represent the document for retrieval: "
        ),
    ),
)
"""Names of models, and the prompts for searching that their authors' pages give; more exact names come first."""

_FAMILIES = r"(?<![a-z0-9])(e5|bge|arctic-embed|nomic-embed|mxbai-embed|embeddinggemma|qwen3-embedding|instructor|stella)(?![a-z0-9])"
_WITHOUT = r"bge-m3|bge-reranker|bge-visualized"


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
    query, document = (
        next((prompts[kind] for kind in kinds if kind in prompts), default) for kinds in (_QUERY_NAMES, _DOCUMENT_NAMES)
    )
    return Prompts(query, document)


def expected_of(config: Mapping[str, Any], names: Sequence[str]) -> list[str]:
    """What to tell of a model that has no prompts though it may expect some.

    Args:
        config: The content of `config_sentence_transformers.json`.
        names: What it is called, and what it was made from.
    """
    given = [name for name, prompt in (config.get("prompts") or {}).items() if prompt]
    if given:
        return [
            f"none of its prompts ({', '.join(given)}) is one for queries or documents; `--query-prompt` takes the text"
        ]
    for name in names:
        plain = _plain(name)
        if re.search(_WITHOUT, plain):
            continue
        for pattern, known in KNOWN:
            if found := re.search(rf"(?<![a-z0-9])({pattern})(?![a-z0-9])", plain):
                expects = f"query prompt {known.query!r}" + (
                    f" and document prompt {known.document!r}" if known.document else ""
                )
                return [f"it seems to come from {found[0]}, which expects {expects}; give them if it still does"]
        if found := re.search(_FAMILIES, plain):
            return [f"models of the family {found[0]} expect prompts; if its page names some, give `--query-prompt`"]
    return []


def _published(name: str) -> Prompts | None:
    """The prompts of a model that its name tells, whatever its case and whether words are joined by _ or -."""
    model = _plain(name)
    return next((known for pattern, known in KNOWN if re.fullmatch(pattern, model)), None)


def _plain(name: str) -> str:
    return name.rstrip("/").rpartition("/")[2].lower().replace("_", "-")
