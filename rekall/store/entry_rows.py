"""An entry as rows, in every store: a few columns that statements ask for, and an item a text for everything else."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from enum import Enum
from typing import Any

from rekall.entry.fields import BY_NAME, FIELDS, RECORD_NUMBER, Entry, Field, Kind
from rekall.entry.other import OtherField
from rekall.entry.times import exact, written

UNREADABLE = (ValueError, TypeError, OverflowError, RecursionError)
"""What a row ends in that says what no entry can: a type or status that there is not, a time that is none, broken JSON."""

NUMBERED = json.dumps([RECORD_NUMBER])[:-1] + ","
"""Begins another field as an item that holds the number which a database gave a record: no words of the entry."""

_SUCCESSOR = "superseded_by"
"""The one field that is not stored: links say it."""

COLUMNS: tuple[Field, ...] = tuple(
    BY_NAME[name]
    for name in ("id", "type", "title", "content", "project", "status", "confidence", "created_at", "updated_at")
)
NAMES = tuple(field.name for field in COLUMNS)
"""The columns' names, in their order."""

_ITEMS: tuple[Field, ...] = tuple(field for field in FIELDS if field not in COLUMNS and field.name != _SUCCESSOR)
"""Every other field is kept in `item`, a row a text, so that a new one needs no migration."""


def values(entry: Entry) -> tuple[Any, ...]:
    """What the columns of an entry hold."""
    return tuple([_stored(field, getattr(entry, field.name)) for field in COLUMNS])


def items(entries: Iterable[tuple[int, Entry]]) -> Iterator[tuple[int, str, int, str]]:
    """The items of entries, by their keys: key, kind, position, text."""
    return (
        (key, field.name, position, text)
        for key, entry in entries
        for field in _ITEMS
        if getattr(entry, field.name)
        for position, text in enumerate(_texts(field, entry))
    )


def entry_of(columns: Sequence[Any], items: Mapping[str, Sequence[str]], successor: str | None) -> Entry:
    """The entry of its columns, its items by kind, and what links say of its successor. Raises one of `UNREADABLE`."""
    values = {field.name: _read(field, value) for field, value in zip(COLUMNS, columns)}
    for field in _ITEMS:
        texts = items.get(field.name)
        if texts:
            values[field.name] = _listed(field, texts) if field.kind.is_list else _read(field, texts[0])
    return Entry(**values, superseded_by=successor)


def _stored(field: Field, value: Any) -> Any:
    """A field's value as its column holds it."""
    if field.kind is Kind.TIME:
        return written(value)
    return value.value if isinstance(value, Enum) else value


def _texts(field: Field, entry: Entry) -> tuple[str, ...]:
    """A field's texts as items hold them."""
    return tuple(other.stored for other in entry.other_fields) if field.kind is Kind.OTHER else field.texts(entry)


def _listed(field: Field, texts: Sequence[str]) -> tuple[Any, ...]:
    return tuple(map(OtherField.parsed, texts)) if field.kind is Kind.OTHER else tuple(texts)


def _read(field: Field, value: Any) -> Any:
    """A field's value from its column or its one item."""
    if field.kind is Kind.CHOICE and field.choices is not None:
        return field.choices(value)
    if field.kind is Kind.TIME:
        return exact(value)
    return int(value) if field.kind is Kind.NUMBER else value
