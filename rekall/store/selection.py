"""A selection as SQL: a condition on `entry e`, and its bindings. User text is only ever bound."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from rekall.entry.filters import FILTERS
from rekall.entry.rules import tag
from rekall.entry.times import written
from rekall.entry.types import EntryType, Status
from rekall.store.folding import fold
from rekall.store.units import is_ended, names
from rekall.store.values import Selection, Term

Condition = tuple[str, tuple[Any, ...]]

NO_FILTER = "1"
"""The condition that every entry meets."""


def _types(value: Any) -> Condition:
    return f"e.type IN ({', '.join('?' * len(value))})", tuple(EntryType(kind).value for kind in value)


def _tags(value: Any) -> Condition:
    """Each of the tags, or one below it: `net` and `net/` find `net/dns`."""
    named = "SELECT entry_key FROM item WHERE kind = 'tags' AND value"
    clause = f"e.key IN ({named} = ? UNION ALL {named} >= ? || '/' AND value < ? || '0')"  # OR would scan all tags
    return " AND ".join([clause] * len(value)), tuple(name for each in value for name in [tag(each).rstrip("/")] * 3)


def _tags_of_one(value: Any) -> Condition:
    """The same where entries are looked at one by one."""
    clause = (
        "EXISTS (SELECT 1 FROM item i WHERE i.entry_key = e.key AND i.kind = 'tags' "
        "AND (i.value = ? OR (i.value >= ? || '/' AND i.value < ? || '0')))"
    )
    return " AND ".join([clause] * len(value)), tuple(name for each in value for name in [tag(each).rstrip("/")] * 3)


def _within(column: str, span: Any) -> Condition:
    ends = [(f"{column} >= ?", span.start), (f"{column} <= ?", span.last)]
    given = [(clause, written(value)) for clause, value in ends if value is not None]
    return " AND ".join(clause for clause, _ in given) or "1", tuple(text for _, text in given)


_CONDITIONS: Mapping[str, Callable[[Any], Condition]] = {
    "types": _types,
    "tags": _tags,
    "project": lambda value: ("e.project = ? COLLATE NOCASE", (value,)),
    "since": lambda value: ("e.updated_at >= ?", (written(value),)),
    "until": lambda value: ("e.updated_at <= ?", (written(value),)),
    "created": lambda value: _within("e.created_at", value),
    "changed": lambda value: _within("e.updated_at", value),
    "status": lambda value: ("e.status = ?", (Status(value).value,)),
}
"""How each filter of the table is applied, by its name."""


_INDEXED = frozenset({"project", "since", "until", "created", "changed"})


def has_index(selection: Selection) -> bool:
    """Whether an index leads to the entries that pass a filter, without a look at all of them."""
    return any(getattr(selection.filters, name) not in (None, ()) for name in _INDEXED)


def filtered(selection: Selection, *, of_one: bool = False) -> Condition:
    """A condition on `entry e` that the filters of a selection are met, and its bindings.

    Args:
        selection: The selection.
        of_one: Whether entries are given, and looked at one by one.
    """
    clauses = [NO_FILTER]
    bindings: list[Any] = []
    for each in FILTERS:
        value = getattr(selection.filters, each.name)
        if value not in (None, ()):
            clause, bound = (_tags_of_one if of_one and each.name == "tags" else _CONDITIONS[each.name])(value)
            clauses.append(clause)
            bindings += bound
    return " AND ".join(clauses), tuple(bindings)


def condition(selection: Selection) -> Condition:
    """A condition on `entry e` that the selected entries meet, and its bindings."""
    clause, bound = filtered(selection)
    clauses, bindings = [clause], list(bound)
    for texts, holds in ((selection.phrases, "IN"), (selection.excluded, "NOT IN")):
        for text in texts:
            clauses.append(f"e.key {holds} (SELECT rowid FROM words WHERE words MATCH ?)")
            bindings.append(phrase(text))
    return " AND ".join(clauses), tuple(bindings)


def left_out(selection: Selection) -> str:
    """What an expression of FTS5 ends in, so that it does not find what a selection leaves out."""
    return f" NOT ({' OR '.join(f'({phrase(text)})' for text in selection.excluded)})" if selection.excluded else ""


def holding(selection: Selection) -> str:
    """An expression of FTS5 for what holds the phrases of a selection and nothing that it leaves out."""
    return f"({' AND '.join(f'({phrase(text)})' for text in selection.phrases)}){left_out(selection)}"


def expression(term: Term) -> str:
    """A term as FTS5 is asked for it."""
    return literal(term.sought or term.word) + ("*" if term.prefix else "")


def phrase(text: str) -> str:
    """Words side by side; a name such as `C++` must be there as it is."""
    text = fold(text)
    return " AND ".join([literal(text), *(literal(name.sought) for name in names(text) if is_ended(name))])


def literal(text: str) -> str:
    """A text as an FTS5 string: nothing in it is syntax. FTS5 cuts and stems it like any other text."""
    return '"' + text.replace('"', '""').replace("\0", " ") + '"'
