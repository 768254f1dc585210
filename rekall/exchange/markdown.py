"""An entry as a Markdown file with YAML front matter."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from rekall.errors import InvalidInput
from rekall.exchange.fields import Read, from_fields, to_fields
from rekall.types import Entry, EntryType, Link

_HEADING = re.compile(r"\A\s*#[ \t]+(?P<title>\S.*?)[ \t]*#*[ \t]*(?:\n|\Z)")


def to_markdown(entry: Entry, links: Sequence[Link] = (), *, full: bool = False, without: Sequence[str] = ()) -> str:
    """An entry as Markdown; `from_markdown` reads it back the same.

    Args:
        entry: The entry.
        links: Its links.
        full: Also the fields that are empty, for an editor.
        without: Fields to leave out.
    """
    fields = {name: value for name, value in to_fields(entry, links, full=full).items() if name not in without}
    return dump_front_matter(fields, entry.content)


def dump_front_matter(fields: Mapping[str, Any], content: str) -> str:
    """Fields between `---` lines, then the content."""
    import yaml  # comes with python-frontmatter

    head = yaml.safe_dump(dict(fields), sort_keys=False, allow_unicode=True, width=100)
    return f"---\n{head}---\n\n{content}\n" if content else f"---\n{head}---\n"


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
                raise InvalidInput("the front matter has no end", "close it with a line of ---")
            head, text = parts[1:]
            fields = handler.load(head) or {}
        except (yaml.YAMLError, ValueError, RecursionError) as error:
            raise InvalidInput(
                f"the front matter is not valid YAML: {_where(error)}", "put values with `: ` or `#` in quotes"
            ) from error
        if not isinstance(fields, dict):
            raise InvalidInput("the front matter is not a list of `key: value` lines")
    text = text.strip("\n")
    heading = _HEADING.match(text)
    if not fields.get("title") and heading:
        return from_fields(fields, text[heading.end() :], heading["title"], unknown)
    return from_fields(fields, text, default_title, unknown)


def _where(error: Exception) -> str:
    """One line for a YAML error of several: what, and in which line of the file."""
    mark = getattr(error, "problem_mark", None)
    problem = getattr(error, "problem", None) or str(error).splitlines()[0]
    return f"{problem} (line {mark.line + 1})" if mark else problem
