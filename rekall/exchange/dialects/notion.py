"""Notion's export of Markdown: names that end in 32 hexadecimal digits, properties as lines under the heading."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from urllib.parse import unquote

from rekall.entry.types import NamedLink
from rekall.exchange.dialect import Note, Refused, Source
from rekall.exchange.inline_fields import labels_at_the_top
from rekall.exchange.markdown_note import KEYS, note_of, page_of
from rekall.exchange.markdown_text import SUFFIXES, link_targets

_NAMED = re.compile(r"(?P<name>.*?)[ _-]?(?P<id>[0-9a-f]{32}|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})\Z", re.DOTALL)
_KNOWN = frozenset(
    [
        "tags",
        "tag",
        "created",
        "status",
        "type",
        "date",
        "updated",
        "url",
        "project",
        "author",
        "owner",
        "category",
        "priority",
        "due",
        "topic",
        "area",
        "source",
        "level",
        "reviewed",
        "multi-select",
        "assignee",
        "assign",
    ]
)
_ADDRESS = re.compile(r"https://(?:www\.)?notion\.so/\S*?(?P<id>[0-9a-f]{32})(?:[?#]\S*)?\Z")


class Notion:
    """A page a file."""

    name = "notion"
    title = "Notion"
    suffixes: tuple[str, ...] = SUFFIXES
    keys: Mapping[str, str] = {
        **KEYS,
        "Created time": "created_at",
        "Created At": "created_at",
        "Date Created": "created_at",
        "Last edited time": "updated_at",
        "Last Edited Time": "updated_at",
        "Last Edited": "updated_at",
        "Last updated": "updated_at",
        "Tags": "tags",
        "Multi-select": "tags",
    }
    hint = "Settings → Export all workspace content → Markdown & CSV, unpacked. Pages come in; the .csv of a database only lists them."

    def fits(self, source: Source) -> bool:
        """Whether a file is called as Notion calls its pages."""
        return source.suffix in self.suffixes and len(source.stem) > 32 and bool(_NAMED.match(source.stem))

    def notes(self, source: Source) -> Iterator[Note | Refused]:
        """The page; nothing for an empty file."""
        page = page_of(source)
        named = _NAMED.match(source.stem)
        if page.is_empty:
            return
        found = note_of(page)
        properties, content = _properties(found.content)
        own = {name: value for name, value in properties.items() if name not in found.fields}
        targets = list(link_targets(page.shown))
        links = [link for link in found.links if not _id_in(link.target)]
        links = [*(NamedLink(page_id) for target in targets if (page_id := _id_in(target))), *links]
        yield replace(
            found,
            fields={**found.fields, **own},
            content=content if len(own) == len(properties) else found.content,
            name=(named["name"].strip() if named else "") or found.name,
            record_id=named["id"].replace("-", "") if named else found.record_id,
            links=tuple({link.target: link for link in links}.values()),
        )


def _id_in(target: str) -> str:
    """The id of the page that a link leads to, or empty."""
    address = _ADDRESS.match(target)
    if address:
        return address["id"]
    path = unquote(target.split("#", 1)[0])
    if ":" in path or not path.endswith(".md"):
        return ""
    named = _NAMED.match(path.removesuffix(".md"))
    return named["id"].replace("-", "") if named else ""


def _properties(content: str) -> tuple[dict[str, str], str]:
    """The lines of `Name: value` at the top of a page, and the text below them.

    One line alone may be prose, unless its name is one that pages of Notion often have.
    """
    properties, below = labels_at_the_top(content)
    is_known = any(name.lower().split()[0] in _KNOWN for name in properties)
    is_whole = not any("\n" in value for value in properties.values())
    return (properties, below) if is_known or (is_whole and len(properties) > 1) else ({}, content)


DIALECT = Notion()
