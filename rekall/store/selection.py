"""A selection as SQL: a condition on `entry e`, and its bindings. User text is only ever bound."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from rekall.entry.filters import FILTERS
from rekall.entry.rules import tag
from rekall.entry.times import written
from rekall.entry.types import EntryType, Status
from rekall.store.values import Selection, Term

Condition = tuple[str, tuple[Any, ...]]

_CJK = re.compile("[\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af\uf900-\ufaff]+")


def _types(value: Any) -> Condition:
    return f"e.type IN ({', '.join('?' * len(value))})", tuple(EntryType(kind).value for kind in value)


def _tags(value: Any) -> Condition:
    """Each of the tags, or one below it: `net` and `net/` find `net/dns`."""
    named = "SELECT entry_key FROM item WHERE kind = 'tags' AND value"
    clause = f"e.key IN ({named} = ? UNION ALL {named} >= ? || '/' AND value < ? || '0')"  # OR would scan all tags
    return " AND ".join([clause] * len(value)), tuple(name for each in value for name in [tag(each).rstrip("/")] * 3)


_CONDITIONS: Mapping[str, Callable[[Any], Condition]] = {
    "types": _types,
    "tags": _tags,
    "project": lambda value: ("e.project = ? COLLATE NOCASE", (value,)),
    "since": lambda value: ("e.updated_at >= ?", (written(value),)),
    "status": lambda value: ("e.status = ?", (Status(value).value,)),
}
"""How each filter of the table is applied, by its name."""


def condition(selection: Selection) -> Condition:
    """A condition on `entry e` that the selected entries meet, and its bindings."""
    clauses = ["1"]
    bindings: list[Any] = []
    for each in FILTERS:
        value = getattr(selection.filters, each.name)
        if value not in (None, ()):
            clause, bound = _CONDITIONS[each.name](value)
            clauses.append(clause)
            bindings += bound
    for texts, holds in ((selection.phrases, "IN"), (selection.excluded, "NOT IN")):
        for text in texts:
            clauses.append(f"e.key {holds} (SELECT rowid FROM words WHERE words MATCH ?)")
            bindings.append(literal(split_cjk(text)))
    return " AND ".join(clauses), tuple(bindings)


def expression(term: Term) -> str:
    """A term as FTS5 is asked for it."""
    return literal(term.word) + ("*" if term.prefix else "")


def literal(text: str) -> str:
    """A text as an FTS5 string: nothing in it is syntax. FTS5 cuts and stems it like any other text."""
    return '"' + text.replace('"', '""').replace("\0", " ") + '"'


def is_cjk(text: str) -> bool:
    """Whether a text begins with a Chinese, Japanese or Korean character."""
    return bool(_CJK.match(text))


def split_cjk(text: str, *, indexing: bool = False) -> str:
    """Chinese, Japanese and Korean runs as overlapping pairs of characters.

    FTS5's tokenizer takes a run without spaces for one word, which no one would search for. In the index a run's
    last character stands alone as well, so that a single character is the beginning of some term wherever it is.
    """
    return _CJK.sub(lambda run: f" {' '.join(_pairs(run[0], indexing=indexing))} ", text)


def _pairs(run: str, *, indexing: bool) -> list[str]:
    pairs = [run[place : place + 2] for place in range(len(run) - 1)]
    return [*pairs, run[-1]] if indexing or not pairs else pairs
