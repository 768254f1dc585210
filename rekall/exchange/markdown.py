"""Reads an entry from Markdown with YAML front matter, as Rekall writes it."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from rekall.entry.record import OTHER, Read, from_record, is_own, means
from rekall.entry.types import EntryType
from rekall.exchange.front_matter import FrontMatter, read_yaml, split

_HEADING = re.compile(r"\A\s*#[ \t]+(?P<title>\S.*)(?:\n|\Z)")
_CLOSING = re.compile(r"(?<=[ \t])#+\Z")


def from_markdown(text: str, default_title: str, unknown: EntryType = EntryType.REFERENCE) -> Read:
    """A draft from Markdown as Rekall writes it: texts are taken as they are.

    Without a title in its front matter, the first heading is the title, else `default_title`.
    """
    return read_parts(_own_split(text.removeprefix("\ufeff").replace("\r\n", "\n")), default_title, unknown)


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


def with_numbers(found: FrontMatter) -> FrontMatter:
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


def read_parts(found: FrontMatter, default_title: str, unknown: EntryType) -> Read:
    """A draft from the parts of a text, taken as they are; without a title its first heading is one."""
    text = found.body.strip("\n")
    heading = _HEADING.match(text)
    if not found.fields.get("title") and heading:
        title = _CLOSING.sub("", heading["title"].rstrip(" \t")).rstrip(" \t")
        return from_record(found.fields, text[heading.end() :], title, unknown, is_literal=True)
    return from_record(found.fields, text, default_title, unknown, is_literal=True)
