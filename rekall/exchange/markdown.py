"""Reads an entry from Markdown with YAML front matter, and takes back what was edited."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from rekall.entry import rules
from rekall.entry.fields import Draft
from rekall.entry.record import OTHER, Read, edited_record, from_record, is_own, means, strictly
from rekall.entry.types import EntryType
from rekall.errors import InvalidInput
from rekall.exchange.front_matter import FrontMatter, read_yaml, split
from rekall.exchange.markdown_writing import dump_front_matter

_HEADING = re.compile(r"\A\s*#[ \t]+(?P<title>\S.*)(?:\n|\Z)")
_CLOSING = re.compile(r"(?<=[ \t])#+\Z")


def text_to_edit(what: Draft) -> str:
    """All that can be edited of an entry or a draft, empty fields included; `edited_draft` reads it back.

    Every door begins with this very text, so that what one keeps of it in a draft file is taken up by the others.
    """
    return dump_front_matter(edited_record(what), what.content)


def edited_draft(text: str, kind: EntryType, title: str = "") -> Draft:
    """What a text of `text_to_edit` says after somebody has edited it.

    Args:
        text: The text.
        kind: The type of a text that names none.
        title: The title of a text that has none.

    Raises:
        InvalidInput: A field cannot be read, or names what does not exist: whoever sits there can mend it.
    """
    found = split(text)
    if found.problem:
        raise InvalidInput(
            f"the front matter is not valid YAML: {found.problem}", "quote values that contain `: ` or `#`"
        )
    if not found.kind and text.lstrip().startswith("---\n"):
        raise InvalidInput("the front matter is not closed, or not `key: value` lines", "end it with a line of ---")
    read = _read(_with_numbers(found), title, kind)
    if read.unknown_type:
        rules.entry_type(read.unknown_type)
    for problem in read.problems:
        strictly(problem, found.fields)
    return read.draft


def from_markdown(text: str, default_title: str, unknown: EntryType = EntryType.REFERENCE) -> Read:
    """A draft from Markdown as Rekall writes it: texts are taken as they are.

    Without a title in its front matter, the first heading is the title, else `default_title`.
    """
    return _read(_own_split(text.removeprefix("\ufeff").replace("\r\n", "\n")), default_title, unknown)


def own_parts(text: str) -> tuple[Mapping[str, Any], str]:
    """The fields and the content of a file that `rekall export` wrote."""
    found = _own_split(text)
    return found.fields, found.body.strip("\n")


def _own_split(text: str) -> FrontMatter:
    """The parts of a text; what is no field of an entry has the numbers and truths that it was written with."""
    found = split(text)
    if found.kind != "yaml" or found.problem or not is_own(found.fields):
        return found
    typed = read_yaml(found.raw, is_typed=True)
    return replace(
        found,
        fields={name: value if means(name) and name != OTHER else typed[name] for name, value in found.fields.items()},
    )


def _with_numbers(found: FrontMatter) -> FrontMatter:
    """The parts of an edited text; a number or truth among what is no field of an entry is one again, so that an edit changes nothing else."""
    if found.kind != "yaml":
        return found
    typed = read_yaml(found.raw, is_typed=True)
    return replace(
        found,
        fields={
            name: value if means(name) and name != OTHER else _same(value, typed.get(name))
            for name, value in found.fields.items()
        },
    )


def _same(text: Any, typed: Any) -> Any:
    """A value with the numbers and truths in it that JSON writes as they stand in the text: 1, and not 1.10 or no."""
    if isinstance(text, Mapping) and isinstance(typed, Mapping):
        return {name: _same(value, typed.get(name)) for name, value in text.items()}
    if isinstance(text, list) and isinstance(typed, list) and len(text) == len(typed):
        return [_same(one, other) for one, other in zip(text, typed, strict=True)]
    written = json.dumps(typed) if isinstance(typed, (bool, int, float)) else ""
    return typed if written and text in (written, written.replace("e", ".0e", 1)) else text  # YAML writes 1.0e+22


def _read(found: FrontMatter, default_title: str, unknown: EntryType) -> Read:
    text = found.body.strip("\n")
    heading = _HEADING.match(text)
    if not found.fields.get("title") and heading:
        title = _CLOSING.sub("", heading["title"].rstrip(" \t")).rstrip(" \t")
        return from_record(found.fields, text[heading.end() :], title, unknown, is_literal=True)
    return from_record(found.fields, text, default_title, unknown, is_literal=True)
