"""An entry as plain fields: the common ground of Markdown front matter, JSON files, tombstones and JSON answers.

What comes in was written by people and by other programs. A field that cannot be read as what its name says, and a name that
is no field of an entry, are kept with the entry (`entry.other`); `Read.problems` says which could not be read.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from functools import lru_cache
from typing import Any

from rekall.entry.fields import BY_NAME, EDITED, FIELDS, Draft, Entry, Field, Kind
from rekall.entry.other import OtherField
from rekall.entry.rules import chosen, is_ulid
from rekall.entry.times import written
from rekall.entry.types import EntryType, Link, NamedLink
from rekall.entry.values import LINKS, Taken, normal, read_links, read_value, text_of
from rekall.errors import InvalidInput

CONTENT = "content"
NO_KEYS: Mapping[str, str] = {}

_FIRST = ("id", "title", "type")
"""What a record begins with, so that a person who opens the file sees at once what it is about."""


def _order(field: Field) -> tuple[bool, int]:
    return field.shown is not None, _FIRST.index(field.name) if field.name in _FIRST else len(_FIRST)


ORDER: tuple[Field, ...] = tuple(sorted((field for field in FIELDS if field.name != CONTENT), key=_order))
"""The fields of a record: what it is, its labels and times, then the structured context."""


_SHOWN_NAME = 80

OTHER = "other_fields"
"""A mapping of fields that are kept as they are, whatever their names say."""


@dataclass(frozen=True, slots=True)
class Problem:
    """A field that could not be read as what it names. It is kept as it was.

    Attributes:
        name: Its name in the file.
        why: What is wrong with it, said of the name, and the same for every value: "is not a date".
    """

    name: str
    why: str

    @property
    def kind(self) -> str:
        """What is wrong, as one reads it."""
        return f"{self.name if len(self.name) <= _SHOWN_NAME else self.name[: _SHOWN_NAME - 1] + '…'} {self.why}"


@dataclass(frozen=True, slots=True)
class Read:
    """A draft read from somewhere, and what was said besides.

    Attributes:
        draft: The entry to be, not yet checked.
        links: Links that start at it; their source is empty.
        named: The same to notes that are known by a name.
        record_id: The record's own id, when it is not one of ours.
        unknown_type: The type it named, when there is no such type.
        problems: What could not be read.
    """

    draft: Draft
    links: tuple[Link, ...]
    named: tuple[NamedLink, ...]
    record_id: str
    unknown_type: str
    problems: tuple[Problem, ...]


def to_record(entry: Entry, links: Sequence[Link] = (), *, full: bool = False) -> dict[str, Any]:
    """An entry as fields, content left out, in a fixed order.

    Args:
        entry: The entry.
        links: Its links; those that start at it are written.
        full: Also the fields that are empty.
    """
    record = draft_record(entry)
    record[LINKS] = [link_record(link) for link in links if link.source == entry.id]
    return _flat(record if full else {name: value for name, value in record.items() if value or value == 0})


def draft_record(draft: Draft, fields: Iterable[Field] = ORDER) -> dict[str, Any]:
    """What a draft or an entry says as fields, empty ones included, content left out."""
    return {
        field.name: {other.name: other.value for other in draft.other_fields}
        if field.kind is Kind.OTHER
        else plain(getattr(draft, field.name))
        for field in fields
    }


def edited_record(draft: Draft) -> dict[str, Any]:
    """The fields that a person may edit, empty ones included, content left out."""
    return _flat(draft_record(draft, (field for field in ORDER if field in EDITED)))


def _flat(record: dict[str, Any]) -> dict[str, Any]:
    """Other fields under their own names, where those mean nothing else."""
    others = record.pop(OTHER, None) or {}
    return {**record, **others_apart(others)}


def others_apart(others: Mapping[str, Any]) -> dict[str, Any]:
    """Other fields under their own names; those whose names mean something else together under `OTHER`."""
    kept = {name: value for name, value in others.items() if normal(name) in _MEANS or not name}
    own = {name: value for name, value in others.items() if name not in kept}
    return {**own, OTHER: kept} if kept else own


def link_record(link: Link) -> dict[str, str]:
    """A link as fields: the one shape it has in files and answers."""
    return {"source": link.source, "target": link.target, "type": link.type.value, "reason": link.reason}


def from_record(
    record: Mapping[str, Any],
    content: str,
    default_title: str,
    unknown: EntryType = EntryType.REFERENCE,
    *,
    keys: Mapping[str, str] = NO_KEYS,
    is_literal: bool = False,
) -> Read:
    """A draft from fields. Nothing is refused: what cannot be read, and what has no place of its own, is kept.

    Args:
        record: Names and values as a parser gave them.
        content: The text.
        default_title: For a record without a title.
        unknown: The type of a record that names no type, or one that does not exist.
        keys: Names of this file that mean a field of an entry, besides those of the table.
        is_literal: Whether texts are taken as they are: what Rekall wrote itself holds no `[[links]]` to read.
    """
    taken = Taken(is_literal or is_own(record))
    given = _sorted_out(taken, record, content, keys)
    links, named = _linked(taken, given.pop(LINKS, ()), _own_id(record))
    values: dict[str, Any] = {}
    for field in FIELDS:
        if field.name not in given or field.name in ("id", "type"):
            continue
        known = given[field.name]
        if len(known) > 1:
            known = sorted(known, key=lambda pair: _rank(field, pair[0]))
        value = read_value(taken, field, known)
        if value is not None:
            values[field.name] = value
    kind, unknown_type = _type(taken, given.get("type", ()))
    record_id = _id(taken, given.get("id", ()))
    values["title"] = values.get("title") or default_title
    if record_id and not is_ulid(record_id):
        taken.keep(*given["id"][0])
    draft = Draft(
        type=kind or unknown,
        content=content,
        id=record_id.upper() if is_ulid(record_id) else None,
        other_fields=tuple(OtherField.of(name, value) for name, value in taken.others.items()),
        **values,
    )
    problems = tuple(Problem(name, why) for name, why in taken.problems)
    return Read(draft, links, named, "" if draft.id else record_id, unknown_type, problems)


def _sorted_out(
    taken: Taken, record: Mapping[str, Any], content: str, keys: Mapping[str, str]
) -> dict[str, list[tuple[str, Any]]]:
    """Names and values by the field that they mean; the others are kept."""
    given: dict[str, list[tuple[str, Any]]] = {}
    for name, value in record.items():
        meant = keys.get(name) or keys.get(normal(name)) or means(name)
        if name == OTHER and isinstance(value, Mapping):
            for other, kept in value.items():
                taken.keep(str(other), kept)
        elif meant == CONTENT and value == content:
            continue  # the parser took it for the text
        elif meant and meant != CONTENT:
            given.setdefault(meant, []).append((name, value))
        else:
            taken.keep(name, value)
    return given


def _linked(
    taken: Taken, given: Sequence[tuple[str, Any]], own_id: str
) -> tuple[tuple[Link, ...], tuple[NamedLink, ...]]:
    """The links of every name that means them."""
    read = [read_links(taken, name, value, own_id) for name, value in given]
    return tuple(link for links, _ in read for link in links), tuple(link for _, named in read for link in named)


def strictly(problem: Problem, record: Mapping[str, Any]) -> None:
    """Refuse what could not be read, in the words of the rule that it breaks.

    Raises:
        InvalidInput: Always.
    """
    value = record.get(problem.name)
    field = BY_NAME.get(_MEANS.get(normal(problem.name), ""))
    if field is not None and field.choices is not None and isinstance(value, str):
        chosen(field.choices, value, field.noun)
    shown = f" ({value})" if isinstance(value, (str, int, float)) and len(str(value)) <= 60 else ""
    raise InvalidInput(problem.kind + shown)


def is_own(record: object) -> bool:
    """Whether Rekall wrote a record: it has an id of ours, and a type and a time under our names."""
    return (
        isinstance(record, Mapping)
        and isinstance(record.get("created_at"), str)
        and str(record.get("type")) in _TYPES
        and is_ulid(_own_id(record))
    )


_TYPES = {kind.value for kind in EntryType}


_MEANS: Mapping[str, str] = {
    **{normal(alias): field.name for field in FIELDS if field.name != OTHER for alias in field.aliases},
    **{field.name: field.name for field in FIELDS if field.name != OTHER},
    LINKS: LINKS,
    OTHER: CONTENT,  # taken apart before; what is no mapping is kept
}
"""What a name in a file means, by its normal form."""


def means(name: str) -> str:
    """The field that a name in a file means, or empty."""
    return _meant(name) if len(name) <= _SHOWN_NAME else _MEANS.get(normal(name), "")


@lru_cache(maxsize=256)
def _meant(name: str) -> str:
    """The same, remembered: the notes of one person have few names of fields."""
    return _MEANS.get(normal(name), "")


def _rank(field: Field, name: str) -> int:
    """The field's own name goes before others, in the order of the table."""
    known = [field.name, *map(normal, field.aliases)]
    return known.index(normal(name)) if normal(name) in known else 0


def plain(value: Any) -> Any:
    """A field's value as files and JSON hold it; nothing is an empty text."""
    if value is None:
        return ""
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, datetime):
        return written(value)
    return list(value) if isinstance(value, tuple) else value


def _own_id(record: Mapping[str, Any]) -> str:
    for name in ("id", "_id"):
        if isinstance(record.get(name), (str, int)) and record[name]:
            return str(record[name]).strip()
    return ""


def _id(taken: Taken, given: Sequence[tuple[str, Any]]) -> str:
    """The id of a record; another one, and one that is no text, is kept."""
    found = ""
    for name, value in sorted(given, key=lambda pair: pair[0].startswith("_")):
        text = text_of(value)
        if found or text is None:
            if text != found:
                taken.keep(name, value)
        else:
            found = text.strip()
    return found


def _type(taken: Taken, given: Sequence[tuple[str, Any]]) -> tuple[EntryType | None, str]:
    """The type that a record names, and the name of one that does not exist."""
    for name, value in given:
        text = taken.line(value)
        if text is None:
            taken.fail(name, value, "is no single text")
        elif text.lower() in _TYPES:
            return EntryType(text.lower()), ""
        elif text:
            taken.keep(name, value)
            return None, text
    return None, ""
