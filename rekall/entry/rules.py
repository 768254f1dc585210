"""The rules a draft passes before it is stored."""

from __future__ import annotations

import re
from dataclasses import dataclass, fields, replace
from datetime import datetime, timezone
from typing import Any

from rekall.entry.types import Context, Draft, EntryType, LinkType, Status
from rekall.errors import InvalidInput

MAX_TITLE_CHARS = 500
MAX_CONTENT_BYTES = 4 * 1024 * 1024
MAX_LIST_ITEMS = 200
MAX_TAG_CHARS = 100
_CONFIDENCE = range(6)
_LINE_ENDS = re.compile("\r+\n?|[\x85\u2028\u2029]")
_LEADING_BLANK_LINES = re.compile(r"\A(?:\s*\n)+")


def checked(draft: Draft) -> Draft:
    """The draft with its blanks trimmed, lists without repeats and tags in lower case.

    Raises:
        InvalidInput: A part is empty, too long, or holds characters that are no text.
    """
    title = " ".join(text(draft.title, "title").split())
    if not title:
        raise InvalidInput("the title is empty", 'give the entry a title: `rekall add bug "CORS fails on Safari"`')
    if len(title) > MAX_TITLE_CHARS:
        raise InvalidInput(
            f"the title has {len(title):,} characters, the limit is {MAX_TITLE_CHARS}",
            "put the details into the content",
        )
    if draft.confidence not in _CONFIDENCE:
        raise InvalidInput(f"confidence is {draft.confidence}, it goes from 0 to 5")
    context = draft.context
    return replace(
        draft,
        title=title,
        content=_long_text(draft.content, "content"),
        tags=_items(tuple(_tag(tag) for tag in draft.tags), "tags", MAX_TAG_CHARS),
        project=" ".join(text(draft.project, "project").split()) or None if draft.project else None,
        context=Context(
            situation=_long_text(context.situation, "situation"),
            solution=_long_text(context.solution, "solution"),
            what_failed=_long_text(context.what_failed, "what_failed"),
            error_messages=_items(context.error_messages, "error_messages"),
            files=_items(context.files, "files"),
            trigger_keywords=_items(context.trigger_keywords, "trigger_keywords"),
            sources=_items(context.sources, "sources"),
        ),
        created_at=_whole_second(draft.created_at),
        updated_at=_whole_second(draft.updated_at),
    )


@dataclass(frozen=True, slots=True)
class Changes:
    """What shall be different about an entry. None leaves a part as it is; a list replaces the old one.

    Attributes:
        add_tags, remove_tags: Tags that come to those there are, or go.
        superseded_by: The beginning of the successor's id.
    """

    type: EntryType | None = None
    title: str | None = None
    content: str | None = None
    tags: tuple[str, ...] | None = None
    add_tags: tuple[str, ...] = ()
    remove_tags: tuple[str, ...] = ()
    project: str | None = None
    status: Status | None = None
    superseded_by: str | None = None
    confidence: int | None = None
    situation: str | None = None
    solution: str | None = None
    what_failed: str | None = None
    error_messages: tuple[str, ...] | None = None
    files: tuple[str, ...] | None = None
    trigger_keywords: tuple[str, ...] | None = None
    sources: tuple[str, ...] | None = None

    def applied(self, draft: Draft) -> Draft:
        """The draft with these changes. An entry that becomes active again loses its successor."""
        gone = {_tag(tag) for tag in self.remove_tags}
        tags = (*(draft.tags if self.tags is None else self.tags), *self.add_tags)
        if self.status is Status.ACTIVE:
            draft = replace(draft, superseded_by=None)
        return replace(
            draft,
            tags=tuple(tag for tag in tags if _tag(tag) not in gone),
            context=replace(draft.context, **self._given(_CONTEXT_PARTS)),
            **self._given(_PARTS),
        )

    def _given(self, names: tuple[str, ...]) -> dict[str, Any]:
        return {name: value for name in names if (value := getattr(self, name)) is not None}


_PARTS = ("type", "title", "content", "project", "status", "superseded_by", "confidence")
_CONTEXT_PARTS = tuple(part.name for part in fields(Context))


def entry_type(name: str) -> EntryType:
    """The type of that name.

    Raises:
        InvalidInput: There is none; the nearest is suggested.
    """
    try:
        return EntryType(name.strip().lower())
    except ValueError:
        import difflib

        known = [kind.value for kind in EntryType]
        near = difflib.get_close_matches(name.lower(), known, n=1)
        hint = f"did you mean `{near[0]}`? " if near else ""
        raise InvalidInput(f"unknown type {name!r}", f"{hint}types: {', '.join(known)}") from None


def status(name: str) -> Status:
    """The status of that name.

    Raises:
        InvalidInput: There is none.
    """
    try:
        return Status(name.strip().lower())
    except ValueError:
        raise InvalidInput(
            f"unknown status {name!r}", f"statuses: {', '.join(item.value for item in Status)}"
        ) from None


def link_type(name: str) -> LinkType:
    """The kind of link of that name.

    Raises:
        InvalidInput: There is none.
    """
    try:
        return LinkType(name.strip().lower().replace("-", "_"))
    except ValueError:
        known = ", ".join(item.value for item in LinkType)
        raise InvalidInput(f"unknown kind of link {name!r}", f"kinds: {known}") from None


def moment(text: str) -> datetime:
    """A date (`2026-01-31`) or a time (`2026-01-31T09:00:00Z`), UTC where it names no zone.

    Raises:
        InvalidInput: It is neither.
    """
    try:
        parsed = datetime.fromisoformat(text.strip().replace("Z", "+00:00"))
        return (parsed if parsed.tzinfo else parsed.replace(tzinfo=timezone.utc)).astimezone(timezone.utc)
    except (ValueError, OverflowError):
        raise InvalidInput(f"{text!r} is not a date", "write 2026-01-31 or 2026-01-31T09:00:00Z") from None


def text(value: str, part: str) -> str:
    """The value, when it is text that can be stored.

    Raises:
        InvalidInput: It holds a NUL byte, or bytes that are not valid UTF-8.
    """
    if "\0" in value:
        raise InvalidInput(f"the {part} holds a NUL byte", "is it a binary file? Rekall stores text")
    try:
        value.encode("utf-8")
    except UnicodeEncodeError:
        raise InvalidInput(
            f"the {part} is not valid UTF-8", "convert it to UTF-8 first, for instance with iconv"
        ) from None
    return value


def _tag(value: str) -> str:
    """A tag as it is stored."""
    return " ".join(value.lower().split())


def _long_text(value: str, part: str) -> str:
    whole = _LEADING_BLANK_LINES.sub("", _one_line_end(text(value, part))).rstrip()
    size = len(whole.encode())
    if size > MAX_CONTENT_BYTES:
        raise InvalidInput(
            f"the {part} has {size / 1e6:.1f} MB, the limit is {MAX_CONTENT_BYTES / 1e6:.1f} MB",
            "store the part worth finding again, and name the file with --file",
        )
    return whole


def _one_line_end(value: str) -> str:
    """Every way to end a line as a line feed; YAML folds the rarer ones."""
    return _LINE_ENDS.sub("\n", value)


def _items(values: tuple[str, ...], part: str, most_chars: int = MAX_CONTENT_BYTES) -> tuple[str, ...]:
    """Trimmed items in their order, without blanks and repeats."""
    items = tuple(dict.fromkeys(item for value in values if (item := _one_line_end(text(value, part)).strip())))
    if len(items) > MAX_LIST_ITEMS:
        raise InvalidInput(f"{len(items)} {part}, the limit is {MAX_LIST_ITEMS}")
    for item in items:
        if len(item) > most_chars:
            raise InvalidInput(f"one of the {part} has {len(item):,} characters, the limit is {most_chars:,}")
    return items


def _whole_second(time: datetime | None) -> datetime | None:
    try:
        return time.astimezone(timezone.utc).replace(microsecond=0) if time else None
    except OverflowError:
        raise InvalidInput(f"{time} is too far away for a date") from None
