"""Whole entries as JSON, for `rekall add --from-json`: the fields of docs/json.md, and nothing that is none of them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from rekall.entry import rules
from rekall.entry.fields import FIELDS, Draft
from rekall.entry.record import from_record, means, strictly
from rekall.entry.titles import titled
from rekall.entry.types import EntryType, Link
from rekall.entry.values import LINKS, normal
from rekall.errors import InvalidInput

_NAMES = (*(field.name for field in FIELDS), LINKS)
_PASSED_OVER = ("origin", "schema_version")
"""What answers say of an entry besides."""

_LINES = ("title", "project")
_AROUND = ("entry", "entries", "added")
"""Under what answers and export files hold entries."""


@dataclass(frozen=True, slots=True)
class Whole:
    """An entry as it was given.

    Attributes:
        draft: What it says.
        links: The links that start at it; their source is empty.
        names_project: Whether it says its project, or that it has none.
    """

    draft: Draft
    links: tuple[Link, ...]
    names_project: bool


def read_whole(text: str, kind: EntryType) -> list[Whole]:
    """The entries of a text: one object, a list of them, JSON lines, or an answer of ours that holds some.

    Args:
        text: The text.
        kind: The type of an entry that names none.

    Raises:
        InvalidInput: It is no JSON, names a field that no entry has, or a value cannot be read; nothing of it is taken.
    """
    records = _records(text)
    if not records:
        raise InvalidInput("there is no entry in it", 'write one as {"title": "…", "content": "…"}')
    several = len(records) > 1
    return [_whole(record, kind, f"entry {place}: " if several else "") for place, record in enumerate(records, 1)]


def _records(text: str) -> list[Any]:
    if not text.strip():
        return []
    lines = [(number, line) for number, line in enumerate(text.split("\n"), 1) if line.strip()]
    is_lines = len(lines) > 1 and lines[0][1].rstrip().endswith("}") and lines[0][1].startswith("{")
    if is_lines:
        return [_inner(_loaded(line, f"line {number}: ")) for number, line in lines]
    value = _inner(_loaded(text))
    return value if isinstance(value, list) else [value]


def _loaded(text: str, which: str = "") -> Any:
    """What JSON says. Raises InvalidInput, also where an object has two values of one name: only one would be kept."""
    try:
        return json.loads(text, object_pairs_hook=_object)
    except RecursionError as error:
        raise InvalidInput(f"{which}it is nested deeper than anybody writes") from error
    except ValueError as error:
        raise InvalidInput(
            f"{which}it is no JSON: {error}", "give one object, a list of objects, or one object a line"
        ) from error


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise InvalidInput(f"{rules.quoted(twice)} stands twice in one object", "write it once")
    return found


def _inner(value: Any) -> Any:
    """What an answer or an export file of ours holds."""
    if isinstance(value, Mapping) and "title" not in value:
        return next((value[name] for name in _AROUND if isinstance(value.get(name), (Mapping, list))), value)
    return value


def _whole(record: Any, kind: EntryType, which: str) -> Whole:
    if not isinstance(record, Mapping):
        what = "null" if record is None else rules.quoted(record)
        raise InvalidInput(f"{which}it is {what}, expected an object", "docs/json.md names its fields")
    if isinstance(record.get("entry"), Mapping) and "title" not in record:
        record = record["entry"]
    known = {name: value for name, value in record.items() if name not in _PASSED_OVER}
    _refuse_what_is_no_field(known, which)
    content = next((value for name, value in known.items() if means(name) == "content" and name != "other_fields"), "")
    if content is not None and not isinstance(content, str):
        raise InvalidInput(f"{which}the content is {rules.quoted(content)}, expected text")
    fields = {name: value for name, value in known.items() if means(name) != "content" or name == "other_fields"}
    read = from_record(fields, content or "", "", kind, is_literal=True)
    if read.unknown_type:
        rules.entry_type(read.unknown_type)
    for problem in read.problems:
        strictly(problem, fields)
    if read.named or read.record_id:
        wrong = f"{read.named[0].target!r} of its links" if read.named else f"{read.record_id!r}"
        raise InvalidInput(
            f"{which}{wrong} is no id of an entry", "ids have 26 characters; leave it out to get a new one"
        )
    draft = _unshortened(read.draft, fields)
    if not draft.title and draft.content:
        title, rest = titled(draft.content)
        draft = replace(draft, title=title, content=rest)
    return Whole(draft, read.links, any(means(name) == "project" for name in fields))


def _refuse_what_is_no_field(known: Mapping[str, Any], which: str) -> None:
    """Refuse names that no field has, and two that mean the same one, of which one text would be lost."""
    said: dict[str, str] = {}
    for name, value in known.items():
        other = said.setdefault(means(name) or normal(name), name) if value not in (None, "") else name
        if other != name:
            raise InvalidInput(
                f"{which}{rules.quoted(other)} and {rules.quoted(name)} are the same field", "name it once"
            )
        if not means(name) and normal(name) != "content":
            near = rules.nearest(normal(name), _NAMES)
            hint = f"did you mean {near!r}?" if near else f"fields: {', '.join(_NAMES)}"
            raise InvalidInput(
                f"{which}an entry has no field {rules.quoted(name)}",
                f"{hint} (what is none of them goes under other_fields)",
            )


def _unshortened(draft: Draft, fields: Mapping[str, Any]) -> Draft:
    """The draft with its lines as they were given, so that one that is too long is refused, not cut as in an import."""
    lines: dict[str, Any] = {
        means(name): value for name, value in fields.items() if means(name) in _LINES and isinstance(value, str)
    }
    given = {normal(name) for name in fields if means(name) in _LINES}
    others = tuple(field for field in draft.other_fields if normal(field.name) not in given)
    return replace(draft, **lines, other_fields=others)
