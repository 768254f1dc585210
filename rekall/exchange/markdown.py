"""Reads an entry from Markdown with YAML front matter, and takes back what was edited."""

from __future__ import annotations

import re
from dataclasses import replace

from rekall.entry import rules
from rekall.entry.fields import Draft
from rekall.entry.record import OTHER, Read, edited_record, from_record, is_own, means, strictly
from rekall.entry.types import EntryType
from rekall.errors import InvalidInput
from rekall.exchange.front_matter import FrontMatter, read_yaml, split
from rekall.exchange.markdown_writing import dump_front_matter

_HEADING = re.compile(r"\A\s*#[ \t]+(?P<title>\S.*?)(?:[ \t]+#+)?[ \t]*(?:\n|\Z)")


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
    read = _read(found, title, kind)
    if read.unknown_type:
        rules.entry_type(read.unknown_type)
    for problem in read.problems:
        strictly(problem, found.fields)
    return read.draft


def from_markdown(text: str, default_title: str, unknown: EntryType = EntryType.REFERENCE) -> Read:
    """A draft from Markdown as Rekall writes it: texts are taken as they are.

    Without a title in its front matter, the first heading is the title, else `default_title`.
    """
    found = split(text.removeprefix("\ufeff").replace("\r\n", "\n"))
    if found.kind == "yaml" and not found.problem and is_own(found.fields):
        typed = read_yaml(found.raw, is_typed=True)
        fields = {name: value if means(name) else typed[name] for name, value in found.fields.items()}
        if OTHER in typed:
            fields[OTHER] = typed[OTHER]
        found = replace(found, fields=fields)
    return _read(found, default_title, unknown)


def _read(found: FrontMatter, default_title: str, unknown: EntryType) -> Read:
    text = found.body.strip("\n")
    heading = _HEADING.match(text)
    if not found.fields.get("title") and heading:
        return from_record(found.fields, text[heading.end() :], heading["title"], unknown, is_literal=True)
    return from_record(found.fields, text, default_title, unknown, is_literal=True)
