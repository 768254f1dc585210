"""A selection as SQL: a condition on `entry e`, and its bindings. User text is only ever bound."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from rekall.entry.filters import FILTERS
from rekall.entry.rules import tag
from rekall.entry.times import written
from rekall.entry.types import EntryType, Status
from rekall.store.postgres.phrases import Stemming, holding_every, sides_of
from rekall.store.values import Selection

Condition = tuple[str, tuple[Any, ...]]


def _tags(value: Any) -> Condition:
    """Each of the tags, or one below it: `net` and `net/` find `net/dns`."""
    clause = (
        "e.key IN (SELECT i.entry_key FROM item i WHERE i.kind = 'tags' AND i.value = %s "
        "UNION ALL SELECT i.entry_key FROM item i WHERE i.kind = 'tags' AND i.value >= %s AND i.value < %s)"
    )
    names = [tag(each).rstrip("/") for each in value]
    return " AND ".join([clause] * len(names)), tuple(part for name in names for part in (name, f"{name}/", f"{name}0"))


def _within(column: str, span: Any) -> Condition:
    ends = [(f"{column} >= %s", span.start), (f"{column} <= %s", span.last)]
    given = [(clause, written(value)) for clause, value in ends if value is not None]
    return " AND ".join(clause for clause, _ in given) or "true", tuple(text for _, text in given)


_CONDITIONS: Mapping[str, Callable[[Any], Condition]] = {
    "types": lambda value: ("e.type = ANY(%s)", ([EntryType(kind).value for kind in value],)),
    "tags": _tags,
    "project": lambda value: ('lower(e.project COLLATE "C") = lower(%s COLLATE "C")', (value,)),
    "since": lambda value: ("e.updated_at >= %s", (written(value),)),
    "until": lambda value: ("e.updated_at <= %s", (written(value),)),
    "created": lambda value: _within("e.created_at", value),
    "changed": lambda value: _within("e.updated_at", value),
    "status": lambda value: ("e.status = %s", (Status(value).value,)),
}
"""How each filter of the table is applied, by its name."""


def condition(selection: Selection, tokens: Stemming) -> Condition:
    """A condition on `entry e` that the selected entries meet, and its bindings."""
    clauses = ["true"]
    bindings: list[Any] = []
    for each in FILTERS:
        value = getattr(selection.filters, each.name)
        if value not in (None, ()):
            clause, bound = _CONDITIONS[each.name](value)
            clauses.append(clause)
            bindings += bound
    for texts, holds in ((selection.phrases, "IN"), (selection.excluded, "NOT IN")):
        for text in texts:
            sql, bound = holding_every(sides_of(tokens, text))
            clauses.append(f"e.key {holds} ({sql})")
            bindings += bound
    return " AND ".join(clauses), tuple(bindings)
