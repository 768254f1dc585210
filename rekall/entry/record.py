"""Entries as plain fields, the common ground of Markdown front matter and JSON records.

What comes in was written by people and by other programs: every field is coerced or refused by name.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timezone
from typing import Any

from rekall.entry import rules
from rekall.entry.types import Context, Draft, Entry, EntryType, Link, LinkType, Status
from rekall.errors import InvalidInput

CONTENT_NAMES = ("content", "text", "body")
_ALIASES = {"errors": "error_messages", "keywords": "trigger_keywords", "error": "error_messages"}


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


def to_fields(entry: Entry, links: Sequence[Link] = (), *, full: bool = False) -> dict[str, Any]:
    """An entry as fields, content left out, in a fixed order.

    Args:
        entry: The entry.
        links: Its links; those that start at it are written.
        full: Also the fields that are empty.
    """
    fields = draft_fields(entry)
    fields["links"] = [
        {"target": link.target, "type": link.type.value, "reason": link.reason}
        for link in links
        if link.source == entry.id
    ]
    return fields if full else {name: value for name, value in fields.items() if value not in ("", [])}


def draft_fields(draft: Draft | Entry) -> dict[str, Any]:
    """What a draft or an entry says as fields, empty ones included, content left out."""
    context = draft.context
    return {
        "id": draft.id or "",
        "title": draft.title,
        "type": draft.type.value,
        "tags": list(draft.tags),
        "project": draft.project or "",
        "status": draft.status.value,
        "superseded_by": draft.superseded_by or "",
        "confidence": draft.confidence,
        "created_at": written(draft.created_at) if draft.created_at else "",
        "updated_at": written(draft.updated_at) if draft.updated_at else "",
        "situation": context.situation,
        "solution": context.solution,
        "what_failed": context.what_failed,
        "error_messages": list(context.error_messages),
        "files": list(context.files),
        "keywords": list(context.trigger_keywords),
        "sources": list(context.sources),
    }


def from_fields(
    fields: Mapping[str, Any], content: str, default_title: str, unknown: EntryType = EntryType.REFERENCE
) -> Read:
    """A draft from fields. Unknown fields are passed over.

    Args:
        fields: Names and values as a parser gave them.
        content: The text.
        default_title: For fields without a title.
        unknown: The type of fields that name no type, or one that does not exist.

    Raises:
        InvalidInput: A field is of a kind that cannot be read; it is named.
    """
    known = {_ALIASES.get(name, name): value for name, value in fields.items() if isinstance(name, str)}
    kind_name = _text(known, "type").strip().lower()
    kind = EntryType(kind_name) if kind_name in {kind.value for kind in EntryType} else None
    entry_id = _text(known, "id") or _text(known, "_id")
    draft = Draft(
        type=kind or unknown,
        title=_text(known, "title").strip() or default_title,
        content=content,
        tags=_list(known, "tags"),
        project=_text(known, "project").strip() or None,
        status=rules.status(_text(known, "status")) if known.get("status") else Status.ACTIVE,
        superseded_by=_text(known, "superseded_by").upper() or None,
        confidence=_whole(known, "confidence", 2),
        context=Context(
            situation=_text(known, "situation"),
            solution=_text(known, "solution"),
            what_failed=_text(known, "what_failed"),
            error_messages=_list(known, "error_messages", split=False),
            files=_list(known, "files"),
            trigger_keywords=_list(known, "trigger_keywords"),
            sources=_list(known, "sources", split=False),
        ),
        id=entry_id.upper() if is_ulid(entry_id) else None,
        created_at=_moment(known, "created_at") or _moment(known, "created") or _moment(known, "date"),
        updated_at=_moment(known, "updated_at") or _moment(known, "updated"),
    )
    return Read(draft, _links(known), "" if draft.id else entry_id, "" if kind or not kind_name else kind_name)


def is_ulid(text: str) -> bool:
    """Whether a text is a ULID, and so may be an entry's id."""
    from ulid import ULID

    try:
        return len(text) == 26 and bool(ULID.from_str(text.upper()))
    except ValueError:
        return False


def written(moment: datetime) -> str:
    """A time as it stands in files: 2026-01-31T09:00:00Z."""
    return moment.astimezone(timezone.utc).isoformat(timespec="seconds").replace("+00:00", "Z")


def _text(fields: Mapping[str, Any], name: str) -> str:
    value = fields.get(name)
    if value is None:
        return ""
    if isinstance(value, (str, int, float)) and not isinstance(value, bool):  # YAML reads `title: 2024` as a number
        return str(value)
    if isinstance(value, (date, datetime)):
        return value.isoformat()
    raise InvalidInput(f"{name} is {_kind(value)}, expected text")


def _list(fields: Mapping[str, Any], name: str, *, split: bool = True) -> tuple[str, ...]:
    value = fields.get(name)
    if value is None:
        return ()
    if isinstance(value, str):
        return tuple(part.strip() for part in value.split(",")) if split else (value,)
    if isinstance(value, (list, tuple)):
        return tuple(_text({name: item}, name) for item in value)
    return (_text(fields, name),)


def _whole(fields: Mapping[str, Any], name: str, default: int) -> int:
    value = fields.get(name, default)
    try:
        return default if value is None else int(value)
    except (TypeError, ValueError, OverflowError):
        raise InvalidInput(f"{name} is {value!r}, expected a whole number") from None


def _moment(fields: Mapping[str, Any], name: str) -> datetime | None:
    value = fields.get(name)
    if value is None or value == "":
        return None
    if isinstance(value, datetime):
        return value if value.tzinfo else value.replace(tzinfo=timezone.utc)
    if isinstance(value, date):
        return datetime(value.year, value.month, value.day, tzinfo=timezone.utc)
    return rules.moment(_text(fields, name))


def _links(fields: Mapping[str, Any]) -> tuple[Link, ...]:
    value = fields.get("links") or []
    if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
        raise InvalidInput("links is not a list of objects with target, type and reason")
    try:
        return tuple(
            Link("", _text(item, "target").upper(), LinkType(_text(item, "type") or "related"), _text(item, "reason"))
            for item in value
        )
    except ValueError:
        raise InvalidInput(
            "links name an unknown type", f"link types: {', '.join(kind.value for kind in LinkType)}"
        ) from None


def _kind(value: object) -> str:
    return {dict: "an object", list: "a list", bool: "true or false"}.get(type(value), type(value).__name__)
