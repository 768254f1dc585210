"""Values of a file as the values of an entry's fields: read where they can be, kept where they cannot."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from typing import Any

from rekall.entry.fields import MAX_LIST_ITEMS, Field, Kind
from rekall.entry.other import Several
from rekall.entry.rules import MOST_LINE_CHARS, is_ulid
from rekall.entry.times import any_moment
from rekall.entry.types import Link, LinkType, NamedLink, Status
from rekall.errors import InvalidInput

LINKS = "links"
"""The name under which files keep the links that start at an entry."""

_OBSOLETE = ("obsolete", "deprecated", "superseded")
"""Words of other tools for what no longer holds."""

_WIKILINK = re.compile(r"\[\[(?P<target>[^\[\]|]*)(?:\|(?P<shown>[^\[\]]*))?\]\]")
_BLANKS = re.compile(r"[\s_-]+")
_SURROGATE = re.compile("[\ud800-\udfff\0]")
_MOST_DEPTH = 40
_MOST_DIGITS = 40
_READ_ITEMS = 50 * MAX_LIST_ITEMS
"""Items of a list that are looked at one by one; a longer list is kept as it is."""
_TITLE_CHARS = 200
"""Characters kept of a title that is longer than a title may be; all of it is kept beside."""


def normal(name: str) -> str:
    """A name of a field as it is compared: `Created At`, `created-at` and `created_at` are one."""
    low = name.strip().lower()
    return low if low.isidentifier() and "__" not in low else _BLANKS.sub("_", low)


def text_of(value: object) -> str | None:
    """A scalar as text, None for a list or a mapping."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return value
    if isinstance(value, (int, float)):
        return str(value)
    return str(value) if isinstance(value, date) else None


def unlinked(text: str) -> str:
    """A text that is nothing but a `[[link]]`, as what the link shows."""
    found = _WIKILINK.fullmatch(text.strip())
    return (found["shown"] or found["target"]).strip() if found else text


class Taken:
    """What was taken of a record beside the fields that could be read."""

    def __init__(self, is_literal: bool) -> None:
        """Begin with nothing.

        Args:
            is_literal: Whether `[[links]]` are just text.
        """
        self.is_literal = is_literal
        self._others = Several()
        self.problems: list[tuple[str, str]] = []

    def keep(self, name: str, value: Any) -> None:
        """Keep a field as it is. Two under one name become a list."""
        self._others.put(clean(str(name)), clean(value))

    @property
    def others(self) -> dict[str, Any]:
        """What was kept, by name."""
        return self._others.found

    def fail(self, name: str, value: Any, why: str) -> None:
        """Keep a field that could not be read, and say why."""
        self.keep(name, value)
        self.problems.append((name, why))

    def line(self, value: Any) -> str | None:
        """One text, also of a list that holds only one; None for anything else."""
        while isinstance(value, (list, tuple)) and len(value) == 1:
            value = value[0]
        text = text_of(value)
        if text is None:
            return None
        return str(clean(text if self.is_literal else unlinked(text))).strip()


def clean(value: Any, depth: int = 0) -> Any:
    """A value whose texts can be stored: a lone half of a character and a NUL become U+FFFD.

    What is nested deeper than anybody writes becomes one text.
    """
    if isinstance(value, str):
        is_text = (value.isascii() and "\0" not in value) or not _SURROGATE.search(value)
        return value if is_text else _SURROGATE.sub("\ufffd", value)
    if depth > _MOST_DEPTH and isinstance(value, (Mapping, list, tuple)):
        return clean(" ".join(_scalars(value)))
    if isinstance(value, Mapping):
        return {clean(str(name)): clean(item, depth + 1) for name, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [clean(item, depth + 1) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    return value if value is None or isinstance(value, (bool, int, float)) else str(text_of(value))


def _scalars(value: Any) -> Iterator[str]:
    """Every name and text in a value, however deep."""
    waiting = [value]
    while waiting:
        item = waiting.pop()
        if isinstance(item, Mapping):
            waiting += [part for pair in reversed(list(item.items())) for part in reversed(pair)]
        elif isinstance(item, (list, tuple)):
            waiting += reversed(item)
        else:
            yield text_of(item) or ""


def read_value(taken: Taken, field: Field, given: Sequence[tuple[str, Any]]) -> Any:
    """The value of a field from the names that mean it; None when they say nothing. What is not used is kept.

    Args:
        taken: Keeps the rest.
        field: The field.
        given: Names and values, the name that counts most first.
    """
    if field.kind.is_list:
        return _read_list(taken, field, given)
    found: Any = None
    for name, value in given:
        if value is None or value == "":
            continue
        try:
            read = _read_one(taken, field, name, value)
        except (InvalidInput, ValueError, OverflowError):
            taken.fail(name, value, _why(field))
            continue
        if found is None:
            found = read
        elif read != found:
            taken.keep(name, value)
    return found


def _why(field: Field) -> str:
    """What is wrong with a value that no reader of a field takes."""
    if field.choices is not None:
        return f"is none of {', '.join(choice.value for choice in field.choices)}"
    return {
        Kind.TIME: "is not a date",
        Kind.NUMBER: f"is no whole number from 0 to {field.most}",
        Kind.ID: "is no id of an entry",
    }.get(field.kind, "is no text")


def _read_one(taken: Taken, field: Field, name: str, value: Any) -> Any:
    if field.kind is Kind.TIME:
        return any_moment(value)
    if field.kind is Kind.ID and isinstance(value, Mapping) and set(value) <= {"id", "title"}:  # as answers name one
        value = value.get("id", "")
    if field.kind is Kind.TEXT:
        text = text_of(value)
        if text is None and isinstance(value, (list, tuple)) and all(text_of(item) is not None for item in value):
            text = "\n".join(f"- {text_of(item)}" for item in value)
        if text is None:
            raise InvalidInput("it is no text")
        return clean(text)
    line = taken.line(value)
    if line is None:
        raise InvalidInput("it is no single text")
    if not line:
        return None
    return _CHECKS[field.kind](taken, field, name, line)


def _line(taken: Taken, field: Field, name: str, line: str) -> str:
    short = " ".join(line.split())
    if len(short) > (field.most or MOST_LINE_CHARS):
        taken.keep(name, line)
        short = short[:_TITLE_CHARS].rsplit(" ", 1)[0] + "…"
    return short


def _choice(taken: Taken, field: Field, name: str, line: str) -> Any:
    assert field.choices is not None
    word = line.lower()
    if word in {choice.value for choice in field.choices}:
        return field.choices(word)
    if field.choices is Status and word.split()[0].strip(".,;:") in _OBSOLETE:  # "superseded by ADR-12"
        taken.keep(name, line)
        return Status.OBSOLETE
    raise InvalidInput(f"no such {field.noun}")


def _whole(taken: Taken, field: Field, name: str, line: str) -> int:
    if len(line) > _MOST_DIGITS:
        raise InvalidInput("it is no number that anybody writes")
    number = float(line)
    if number != int(number) or not 0 <= number <= field.most:
        raise InvalidInput("it is no whole number of that range")
    return int(number)


def _id(taken: Taken, field: Field, name: str, line: str) -> str:
    if not is_ulid(line):
        raise InvalidInput("it is no id of an entry")
    return line.upper()


_CHECKS = {Kind.LINE: _line, Kind.CHOICE: _choice, Kind.NUMBER: _whole, Kind.ID: _id}


def _read_list(taken: Taken, field: Field, given: Sequence[tuple[str, Any]]) -> tuple[str, ...] | None:
    """The items that all names of a field give together."""
    items: list[str] = []
    for name, value in given:
        if _is_endless(value):
            taken.fail(name, value, "has too many items, or too long ones")
            continue
        read = _items(taken, field, value)
        if read is None:
            taken.fail(name, value, "is no list of texts")
            continue
        long = [item for item in read if field.most and len(item) > field.most]
        apart = {*long, *items}
        more = [item for item in read if item not in apart]
        room = MAX_LIST_ITEMS - len(items)
        items += more[:room]
        if long or more[room:]:
            taken.fail(name, long + more[room:], "has too many items, or too long ones")
    return tuple(items) if items else None


def _is_endless(value: Any) -> bool:
    """Whether a list is so much longer than an entry's may be that nobody meant it as one."""
    if isinstance(value, str):
        return len(value) > _READ_ITEMS and value.count(",") + value.count(" ") > _READ_ITEMS * 10
    return isinstance(value, (list, tuple)) and len(value) > _READ_ITEMS


def _items(taken: Taken, field: Field, value: Any) -> list[str] | None:
    """The items of one value; None where it holds something that is no text."""
    if isinstance(value, Mapping):
        only = next((value[key] for key in ("name", "title", "label") if isinstance(value.get(key), str)), None)
        return [only] if only is not None and len(value) == 1 else None
    if isinstance(value, (list, tuple)):
        lists = [_inner(taken, field, item) for item in value]
        return None if any(item is None for item in lists) else _unique(item for each in lists for item in each or ())
    text = text_of(value)
    if text is None:
        return None
    if field.kind is Kind.ITEMS:
        return _unique([clean(text)])
    if field.kind is Kind.TAGS:
        return _unique(_label(taken, part) for part in _tags(clean(text)))
    return _unique(part if taken.is_literal else unlinked(part) for part in clean(text).split(","))


def _inner(taken: Taken, field: Field, item: Any) -> list[str] | None:
    """What one item of a list gives: it is not split again."""
    text = text_of(item)
    if text is None:
        return _items(taken, field, item)
    return [_label(taken, clean(text)) if field.kind is Kind.TAGS or not taken.is_literal else clean(text)]


def _label(taken: Taken, text: str) -> str:
    return text if taken.is_literal else unlinked(text)


def _tags(text: str) -> list[str]:
    """The tags of a line: between commas; where there are none, between blanks."""
    text = text.strip()
    if "[[" in text:
        return [text] if _WIKILINK.fullmatch(text) else text.split(",")
    if "," in text or ";" in text:
        return re.split("[,;]", text)
    if text.startswith(":") and text.endswith(":") and len(text) > 2:  # :linux:dns:
        return text.strip(":").split(":")
    return text.split()


def _unique(items: Any) -> list[str]:
    return list(dict.fromkeys(item.strip() for item in items if item.strip()))


def read_links(taken: Taken, name: str, value: Any, own_id: str) -> tuple[tuple[Link, ...], tuple[NamedLink, ...]]:
    """The links that a record says start at it: those to ids, and those to names."""
    links: list[Link] = []
    named: list[NamedLink] = []
    unread: list[Any] = []
    for item in value if isinstance(value, (list, tuple)) else [value]:
        if item is None or item == "":
            continue
        if isinstance(item, Mapping) and _is_elsewhere(item, own_id):
            continue
        made = _link(item)
        if made is None:
            unread.append(item)
        elif is_ulid(made.target):
            links.append(Link("", made.target.upper(), made.type, made.reason))
        else:
            named.append(made)
    if unread and all(isinstance(item, str) for item in unread):  # addresses, say
        taken.keep(name, value)
    elif unread:
        taken.fail(name, unread if isinstance(value, (list, tuple)) else value, "is no list of links")
    return tuple(links), tuple(named)


def _is_elsewhere(item: Mapping[str, Any], own_id: str) -> bool:
    """Whether a link starts at another entry, which says it itself."""
    source = text_of(item.get("source")) or ""
    return source.upper() != own_id.upper() and is_ulid(source) and is_ulid(own_id)


def _link(item: Any) -> NamedLink | None:
    if isinstance(item, str):
        found = _WIKILINK.fullmatch(item.strip())
        return NamedLink(clean(found["target"]).strip()) if found else NamedLink(item) if is_ulid(item) else None
    if isinstance(item, (list, tuple)):
        return _link(item[0]) if len(item) == 1 else None
    if not isinstance(item, Mapping):
        return None
    target, kind = text_of(item.get("target")), text_of(item.get("type"))
    if not target or kind is None or set(item) - {"source", "target", "type", "reason"}:
        return None
    reason = text_of(item.get("reason"))
    known = normal(kind) in {each.value for each in LinkType}
    if reason is None or (kind and not known):
        return None
    return NamedLink(clean(unlinked(target)), LinkType(normal(kind)) if known else LinkType.RELATED, clean(reason))
