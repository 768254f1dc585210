"""Reads an entry from Markdown with YAML front matter, and takes back what was edited."""

from __future__ import annotations

import re
from typing import Any

from rekall.entry import rules
from rekall.entry.fields import Draft
from rekall.entry.record import Read, edited_record, from_record
from rekall.entry.types import EntryType
from rekall.errors import InvalidInput
from rekall.exchange.markdown_writing import dump_front_matter

_HEADING = re.compile(r"\A\s*#[ \t]+(?P<title>\S.*?)[ \t]*#*[ \t]*(?:\n|\Z)")


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
        InvalidInput: It cannot be read, or names an unknown type.
    """
    read = from_markdown(text, title, kind)
    if read.unknown_type:
        rules.entry_type(read.unknown_type)
    return read.draft


def from_markdown(text: str, default_title: str, unknown: EntryType = EntryType.REFERENCE) -> Read:
    """A draft from Markdown.

    Without a title in its front matter, the first heading is the title, else `default_title`.

    Raises:
        InvalidInput: The front matter is no YAML object, or a field cannot be read.
    """
    import yaml
    from frontmatter.default_handlers import YAMLHandler

    handler = YAMLHandler()
    text = text.removeprefix("\ufeff").replace("\r\n", "\n")
    fields: dict[str, Any] = {}
    if handler.detect(text):
        try:
            parts = handler.FM_BOUNDARY.split(text, 2)
            if len(parts) != 3:
                raise InvalidInput("the front matter is not closed", "end it with a line of ---")
            head, text = parts[1:]
            fields = handler.load(head) or {}
        except (yaml.YAMLError, ValueError, RecursionError) as error:
            raise InvalidInput(
                f"the front matter is not valid YAML: {_where(error)}", "quote values that contain `: ` or `#`"
            ) from error
        if not isinstance(fields, dict):
            raise InvalidInput("the front matter is not a list of `key: value` lines")
    text = text.strip("\n")
    heading = _HEADING.match(text)
    if not fields.get("title") and heading:
        return from_record(fields, text[heading.end() :], heading["title"], unknown)
    return from_record(fields, text, default_title, unknown)


def _where(error: Exception) -> str:
    """One line for a YAML error of several: what, and in which line of the file."""
    mark = getattr(error, "problem_mark", None)
    problem = getattr(error, "problem", None) or str(error).splitlines()[0]
    return f"{problem} (line {mark.line + 1})" if mark else problem
