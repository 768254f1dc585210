"""An entry as plain fields: the common ground of Markdown front matter, JSON files, tombstones and JSON answers.

What comes in was written by people and by other programs: every field is coerced or refused by name.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timezone
from enum import Enum
from typing import Any

from rekall.entry.fields import EDITED, FIELDS, Draft, Entry, Field, Kind
from rekall.entry.rules import chosen, is_ulid
from rekall.entry.times import moment, written
from rekall.entry.types import EntryType, Link, LinkType
from rekall.errors import InvalidInput

CONTENT = "content"

_FIRST = ("id", "title", "type")
"""What a record begins with, so that a person who opens the file sees at once what it is about."""


def _order(field: Field) -> tuple[bool, int]:
    return field.shown is not None, _FIRST.index(field.name) if field.name in _FIRST else len(_FIRST)


ORDER: tuple[Field, ...] = tuple(sorted((field for field in FIELDS if field.name != CONTENT), key=_order))
"""The fields of a record: what it is, its labels and times, then the structured context."""


@dataclass(frozen=True, slots=True)
class Read:
    """A draft read from somewhere, and what was said besides.

    Attributes:
        draft: The entry to be, not yet checked.
        links: Links that start at it; their source is empty.
        record_id: The record's own id, when it is not one of ours.
        unknown_type: The type it named, when there is no such type.
    """

    draft: Draft
    links: tuple[Link, ...]
    record_id: str
    unknown_type: str


def to_record(entry: Entry, links: Sequence[Link] = (), *, full: bool = False) -> dict[str, Any]:
    """An entry as fields, content left out, in a fixed order.

    Args:
        entry: The entry.
        links: Its links; those that start at it are written.
        full: Also the fields that are empty.
    """
    record = draft_record(entry)
    record["links"] = [link_record(link) for link in links if link.source == entry.id]
    return record if full else {name: value for name, value in record.items() if value not in ("", [])}


def draft_record(draft: Draft, fields: Iterable[Field] = ORDER) -> dict[str, Any]:
    """What a draft or an entry says as fields, empty ones included, content left out."""
    return {field.name: _plain(getattr(draft, field.name)) for field in fields}


def edited_record(draft: Draft) -> dict[str, Any]:
    """The fields that a person may edit, empty ones included, content left out."""
    return draft_record(draft, (field for field in ORDER if field in EDITED))


def link_record(link: Link) -> dict[str, str]:
    """A link as fields: the one shape it has in files and answers."""
    return {"source": link.source, "target": link.target, "type": link.type.value, "reason": link.reason}


def from_record(
    record: Mapping[str, Any], content: str, default_title: str, unknown: EntryType = EntryType.REFERENCE
) -> Read:
    """A draft from fields. Unknown fields are passed over.

    Args:
        record: Names and values as a parser gave them.
        content: The text.
        default_title: For a record without a title.
        unknown: The type of a record that names no type, or one that does not exist.

    Raises:
        InvalidInput: A field is of a kind that cannot be read; it is named.
    """
    values: dict[str, Any] = {}
    for field in FIELDS:
        if field.name not in (CONTENT, "id", "type"):
            value = _read(field, _given(field, record))
            if value is not None:
                values[field.name] = value
    kind_name = _text(record.get("type"), "type").strip().lower()
    kind = EntryType(kind_name) if kind_name in {kind.value for kind in EntryType} else None
    values["title"] = values.get("title") or default_title
    entry_id = _text(_given(_ID, record), "id")
    draft = Draft(type=kind or unknown, content=content, id=entry_id.upper() if is_ulid(entry_id) else None, **values)
    return Read(draft, _links(record), "" if draft.id else entry_id, "" if kind or not kind_name else kind_name)


_ID = next(field for field in FIELDS if field.name == "id")


def _plain(value: Any) -> Any:
    """A field's value as files and JSON hold it; nothing is an empty text."""
    if value is None:
        return ""
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, datetime):
        return written(value)
    return list(value) if isinstance(value, tuple) else value


def _given(field: Field, record: Mapping[str, Any]) -> Any:
    """The value of a field under its own name or another that files give it; the last one that says something."""
    values = [record[name] for name in (field.name, *field.aliases) if record.get(name) not in (None, "")]
    return values[0] if values else None


def _read(field: Field, value: Any) -> Any:
    """A value of a field's kind; None when it says nothing."""
    return None if value is None else _READERS[field.kind](field, value)


def _choice(field: Field, value: Any) -> Any:
    assert field.choices is not None
    return chosen(field.choices, _text(value, field.name), field.noun)


def _line(field: Field, value: Any) -> str | None:
    return _text(value, field.name).strip() or None


def _id(field: Field, value: Any) -> str | None:
    if isinstance(value, Mapping):  # as answers name an entry: {"id": …, "title": …}
        value = value.get("id", "")
    return _text(value, field.name).strip().upper() or None


def _listed(field: Field, value: Any) -> tuple[str, ...]:
    if isinstance(value, str):
        return (value,) if field.kind is Kind.ITEMS else tuple(part.strip() for part in value.split(","))
    if isinstance(value, (list, tuple)):
        return tuple(_text(item, field.name) for item in value)
    return (_text(value, field.name),)


def _whole(field: Field, value: Any) -> int:
    try:
        return int(value)
    except (TypeError, ValueError, OverflowError):
        raise InvalidInput(f"{field.name} is {value!r}, expected a whole number") from None


def _moment(field: Field, value: Any) -> datetime:
    if isinstance(value, datetime):
        return value if value.tzinfo else value.replace(tzinfo=timezone.utc)
    if isinstance(value, date):
        return datetime(value.year, value.month, value.day, tzinfo=timezone.utc)
    return moment(_text(value, field.name))


_READERS: Mapping[Kind, Callable[[Field, Any], Any]] = {
    Kind.CHOICE: _choice,
    Kind.LINE: _line,
    Kind.TEXT: lambda field, value: _text(value, field.name),
    Kind.TAGS: _listed,
    Kind.LIST: _listed,
    Kind.ITEMS: _listed,
    Kind.NUMBER: _whole,
    Kind.TIME: _moment,
    Kind.ID: _id,
}


def _text(value: Any, name: str) -> str:
    if value is None:
        return ""
    if isinstance(value, (str, int, float)) and not isinstance(value, bool):  # YAML reads `title: 2024` as a number
        return str(value)
    if isinstance(value, (date, datetime)):
        return value.isoformat()
    raise InvalidInput(f"{name} is {_kind(value)}, expected text")


def _links(record: Mapping[str, Any]) -> tuple[Link, ...]:
    value = record.get("links") or []
    if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
        raise InvalidInput("links is not a list of objects with target, type and reason")
    own = _text(_given(_ID, record), "id").upper()
    starting = [item for item in value if not item.get("source") or _text(item["source"], "source").upper() == own]
    try:
        return tuple(
            Link(
                "",
                _text(item.get("target"), "target").upper(),
                LinkType(_text(item.get("type"), "type") or "related"),
                _text(item.get("reason"), "reason"),
            )
            for item in starting
        )
    except ValueError:
        raise InvalidInput(
            "links name an unknown type", f"types of link: {', '.join(kind.value for kind in LinkType)}"
        ) from None


def _kind(value: object) -> str:
    return {dict: "an object", list: "a list", bool: "true or false"}.get(type(value), type(value).__name__)
