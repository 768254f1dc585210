"""The rules a draft passes before it is stored, and the closed sets by the names that people type."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timezone
from enum import Enum
from itertools import islice
from typing import Any, TypeVar

from rekall.entry.fields import EDITED, FIELDS, MAX_LIST_ITEMS, MAX_TEXT_BYTES, Draft, Field, Kind
from rekall.entry.other import OtherField, others
from rekall.entry.types import EntryType, LinkType, Status
from rekall.errors import InvalidInput

Choice = TypeVar("Choice", bound=Enum)

MAX_ENTRY_BYTES = 10 * 1024 * 1024
"""The most that all texts of an entry have together; what an export makes of them can be read again."""

MAX_OTHER_FIELDS = 2_000
"""Fields of a file that are none of an entry's; what people write has some twenty."""

MOST_NAME_CHARS = 1_000
MOST_LINE_CHARS = 500
_MOST_QUOTED = 80
_MOST_GIVEN = 50 * MAX_LIST_ITEMS
"""Items of which it is still asked how many of them differ."""

_TIMES = tuple(field for field in FIELDS if field.kind is Kind.TIME)

_LINE_ENDS = re.compile("\r+\n?|[\x85\u2028\u2029]")
_ULID = re.compile("[0-7][0-9A-HJKMNP-TV-Z]{25}")  # the package takes 30 ms to import, and a note's time to parse one
_LEADING_BLANK_LINES = re.compile(r"\A(?:\s*\n)+")


def checked(draft: Draft) -> Draft:
    """The draft with its blanks trimmed, lists without repeats and tags in lower case.

    Raises:
        InvalidInput: A part is empty, too long, or holds characters that are no text.
    """
    values: dict[str, Any] = {}
    for field in EDITED:
        value = getattr(draft, field.name)
        if value is not field.default or field.is_required:  # else it says nothing, and there is nothing to check
            values[field.name] = _checked(field, value)
    if not values["title"]:
        raise InvalidInput("the title is empty", 'give the entry a title: `rekall add bug "CORS fails on Safari"`')
    times: dict[str, Any] = {field.name: _whole_second(getattr(draft, field.name)) for field in _TIMES}
    if draft.id is not None:
        if not (isinstance(draft.id, str) and is_ulid(draft.id)):
            raise InvalidInput(f"id is {quoted(draft.id)}, expected a ULID", "leave it out to get a new one")
        values["id"] = draft.id.upper()
    _check_size(values)
    changed = {name: value for name, value in values.items() if not _is_same(value, getattr(draft, name))}
    changed |= {name: time for name, time in times.items() if time is not getattr(draft, name)}
    return replace(draft, **changed) if changed else draft


def _is_same(value: object, other: object) -> bool:
    """Whether two values of a field are one: a choice is none with its name."""
    return value is other or (type(value) is type(other) and value == other)


def _check_size(values: Mapping[str, Any]) -> None:
    """Refuse texts that are too much together."""
    chars = 0
    for value in values.values():
        if type(value) is str:  # faster than `isinstance`, and every draft comes here
            chars += len(value)
        elif type(value) is tuple and value:
            chars += sum(len(item) for item in value if type(item) is str)
    if chars <= MAX_ENTRY_BYTES // 4:  # whatever letters these are
        return
    each = (item for value in values.values() for item in (value if isinstance(value, tuple) else (value,)))
    size = sum(len(item.encode()) for item in each if isinstance(item, str))
    if size > MAX_ENTRY_BYTES:
        raise InvalidInput(
            f"all its texts together have {size / 1e6:.1f} MB, the limit is {MAX_ENTRY_BYTES / 1e6:.1f} MB",
            "store the part worth finding again, and point to the file with --file",
        )


def entry_type(name: str) -> EntryType:
    """The type of that name. Raises InvalidInput; the nearest is suggested."""
    return chosen(EntryType, name, "type")


def status(name: str) -> Status:
    """The status of that name. Raises InvalidInput; the nearest is suggested."""
    return chosen(Status, name, "status")


def link_type(name: str) -> LinkType:
    """The type of link of that name. Raises InvalidInput; the nearest is suggested."""
    return chosen(LinkType, name.replace("-", "_"), "type of link")


def chosen(choices: type[Choice], name: str, noun: str) -> Choice:
    """The member of a closed set that a person named, in any case.

    Raises:
        InvalidInput: There is none; the nearest is suggested.
    """
    if not isinstance(name, str):
        raise InvalidInput(f"the {noun} is {quoted(name)}, expected text")
    try:
        return choices(name.strip().lower())
    except ValueError:
        name = name[:_MOST_QUOTED]
        near = nearest(name.strip().lower(), [item.value for item in choices])
        hint = f"did you mean `{near}`? " if near else ""
        known = ", ".join(item.value for item in choices)
        raise InvalidInput(f"unknown {noun} {quoted(name)}", f"{hint}{_plural(noun)}: {known}") from None


def _plural(noun: str) -> str:
    head, of, tail = noun.partition(" of ")
    return f"{head}{'es' if head.endswith(('s', 'ch')) else 's'}{of}{tail}"


def nearest(name: str, known: Sequence[str], cutoff: float = 0.6) -> str:
    """The known name that looks most like another, or empty.

    Args:
        name: What was typed.
        known: What could have been meant.
        cutoff: How alike they must be, 0 to 1 (difflib's ratio).
    """
    import difflib

    return next(iter(difflib.get_close_matches(name, known, n=1, cutoff=cutoff)), "")


def text(value: str, part: str) -> str:
    """The value, when it is text that can be stored.

    Args:
        value: What was given.
        part: What it is called in a message: "title", or "one of the files".

    Raises:
        InvalidInput: It holds a NUL byte, or bytes that are not valid UTF-8.
    """
    part = part if part.startswith("one of") else f"the {part}"
    if not isinstance(value, str):
        raise InvalidInput(f"{part} is {quoted(value)}, expected text")
    if "\0" in value:
        raise InvalidInput(f"{part} holds a NUL byte", "is it a binary file? Rekall stores text only")
    try:
        if not value.isascii():
            value.encode("utf-8")
    except UnicodeEncodeError:
        raise InvalidInput(f"{part} is not valid UTF-8", "convert it to UTF-8 first") from None
    return value


def quoted(value: object) -> str:
    """A value as a message repeats it: its beginning where it is long, and only its kind where it is no text and no number."""
    if isinstance(value, str):
        return repr(value if len(value) <= _MOST_QUOTED else value[: _MOST_QUOTED - 1] + "…")
    if value is None or isinstance(value, (bool, float)) or (isinstance(value, int) and value.bit_length() < 200):
        return repr(value)
    kind = "a number of very many digits" if isinstance(value, int) else f"a {type(value).__name__}"
    return f"an{kind[1:]}" if kind[2] in "aeiou" else kind


def one_line(value: str, part: str) -> str:
    """A text that can be stored, on one line. Raises InvalidInput."""
    return " ".join(text(value, part).split())


def is_ulid(text: str) -> bool:
    """Whether a text is a ULID, and so may be an entry's id."""
    return len(text) == 26 and _ULID.fullmatch(text.upper()) is not None


def tag(value: str) -> str:
    """A tag as it is stored: `#Net/DNS` is net/dns."""
    return " ".join(value.lower().split()).lstrip("# ")


def _checked(field: Field, value: Any) -> Any:
    """The value of one field as it is stored; what Python calls leave loose, a choice by its name, is made firm."""
    if field.kind is Kind.OTHER:
        return _others(value)
    if field.kind is Kind.CHOICE and field.choices is not None:
        return value if type(value) is field.choices else chosen(field.choices, value, field.noun)
    if field.kind is Kind.TEXT:
        return _long_text(value, field.noun)
    if field.kind.is_list:
        return _items(field, value)
    if field.kind is Kind.NUMBER and (not isinstance(value, (int, float)) or value not in range(field.most + 1)):
        raise InvalidInput(f"{field.noun} is {quoted(value)}, but must be from 0 to {field.most}")
    if field.kind is Kind.LINE:
        line = one_line(value or "", field.noun)
        most = field.most or MOST_LINE_CHARS
        if len(line) > most:
            raise InvalidInput(
                f"the {field.noun} has {len(line):,} characters, the limit is {most}", "put the details in the content"
            )
        return line or field.default
    return value


def _long_text(value: str, part: str) -> str:
    whole = _one_line_end(text(value, part)).rstrip()
    if whole[:1].isspace():
        whole = _LEADING_BLANK_LINES.sub("", whole)
    size = len(whole) if 4 * len(whole) <= MAX_TEXT_BYTES else len(whole.encode())
    if size > MAX_TEXT_BYTES:
        raise InvalidInput(
            f"the {part} has {size / 1e6:.1f} MB, the limit is {MAX_TEXT_BYTES / 1e6:.1f} MB",
            "store the part worth finding again, and point to the file with --file",
        )
    return whole


def _one_line_end(value: str) -> str:
    """Every way to end a line as a line feed; YAML folds the rarer ones."""
    return value if value.isascii() and "\r" not in value else _LINE_ENDS.sub("\n", value)


def _items(field: Field, values: Any) -> tuple[str, ...]:
    """Trimmed items in their order, without blanks and repeats; of Python calls also one text alone, or any iterable."""
    if not isinstance(values, Iterable):
        raise InvalidInput(f"the {field.noun} are {quoted(values)}, expected a list of texts")
    given = tuple(islice((values,) if isinstance(values, str) else values, _MOST_GIVEN + 1))
    if len(given) > _MOST_GIVEN:
        raise InvalidInput(f"more than {_MOST_GIVEN:,} {field.noun}, the limit is {MAX_LIST_ITEMS}")
    texts = (text(value, f"one of the {field.noun}") for value in given)
    cleaned = map(tag, texts) if field.kind is Kind.TAGS else (_one_line_end(value).strip() for value in texts)
    items = tuple(dict.fromkeys(item for item in cleaned if item))
    if len(items) > MAX_LIST_ITEMS:
        raise InvalidInput(f"{len(items):,} {field.noun}, the limit is {MAX_LIST_ITEMS}")
    most_chars = field.most or MAX_TEXT_BYTES
    for item in items:
        if len(item) > most_chars:
            raise InvalidInput(f"one of the {field.noun} has {len(item):,} characters, the limit is {most_chars:,}")
    return items


def _others(value: Any) -> tuple[OtherField, ...]:
    """Other fields, each name once; Python calls may give them as a mapping."""
    try:
        fields = others(value) if isinstance(value, Mapping) else tuple(islice(value, MAX_OTHER_FIELDS + 1))
    except (TypeError, ValueError, RecursionError):
        raise InvalidInput("the other fields hold what JSON cannot", "give them as texts, numbers and lists") from None
    if len(fields) > MAX_OTHER_FIELDS:
        raise InvalidInput(
            f"{len(fields):,} other fields, the limit is {MAX_OTHER_FIELDS:,}", "store the text that they come from"
        )
    for field in fields:
        if len(field.name) > MOST_NAME_CHARS:
            raise InvalidInput(
                f"the name of a field has {len(field.name):,} characters, the limit is {MOST_NAME_CHARS:,}"
            )
        text(field.name, "name of a field")
        text(field.json, field.name)
    size = sum(len(field.json) for field in fields)
    if size > MAX_TEXT_BYTES:
        raise InvalidInput(f"the other fields have {size / 1e6:.1f} MB, the limit is {MAX_TEXT_BYTES / 1e6:.1f} MB")
    return tuple(sorted({field.name: field for field in fields}.values(), key=lambda field: field.name))


def _whole_second(time: datetime | None) -> datetime | None:
    if time is None or (time.tzinfo is timezone.utc and not time.microsecond):
        return time
    try:
        return time.astimezone(timezone.utc).replace(microsecond=0)
    except OverflowError:
        raise InvalidInput(f"{time} is too far away for a date") from None
