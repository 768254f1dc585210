"""Logseq in Markdown: pages of blocks with `name:: value` properties, and journals."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from rekall.exchange.dialect import Note, Refused, Source
from rekall.exchange.inline_fields import field_of, joined
from rekall.exchange.markdown_names import FILE_NAMES, date_in, is_generic, name_of
from rekall.exchange.markdown_note import KEYS, Page, links_in, listed, note_of, page_of, text_or_nothing
from rekall.exchange.markdown_text import SUFFIXES, unique

MARK = "logseq"

_BLOCK = re.compile(r"^\t*- ", re.MULTILINE)
_OWN = re.compile(
    r"^[ \t]*(?:- )?(?:collapsed:: true|id:: [0-9a-f]{8}-[0-9a-f-]{27}|query-table::|logseq\.[\w.-]+::)|"
    r"\(\([0-9a-f]{8}-[0-9a-f-]{27}\)\)|\{\{(?:query|embed|renderer) ",
    re.MULTILINE,
)
_STATES = re.compile(r"^\t*- (?:TODO|DOING|LATER|NOW|DONE|WAITING|CANCELED) ", re.MULTILINE)
_ESCAPED = re.compile(r"%([0-9A-Fa-f]{2})")
_HEADING = re.compile(r"^#{1,6} ", re.MULTILINE)
_FOLDERS = frozenset({"pages", "journals", "logseq"})
_PAGE = frozenset({"title", "tags", "alias", "type", "public", "icon"})
_LISTS = ("tags", "tag", "alias", "aliases")
_COPIES = frozenset({("logseq", "bak"), ("logseq", "version-files"), ("logseq", ".recycle")})
_NAMELESS = frozenset({"collapsed", "id"})


class Logseq:
    """A page a file."""

    name = "logseq"
    title = "Logseq"
    suffixes: tuple[str, ...] = SUFFIXES
    keys: Mapping[str, str] = {**KEYS, "created-at": "created_at", "updated-at": "updated_at"}
    hint = (
        "Import the graph's folder itself: pages, journals and their properties come in; nothing needs to be exported."
    )

    def fits(self, source: Source) -> bool:
        """Whether a file lies in a graph, or has properties and blocks as only Logseq writes them."""
        if source.suffix not in self.suffixes:
            return False
        if MARK in source.marks and not _FOLDERS.isdisjoint(source.relative.parts[:-1]):
            return True
        text = text_or_nothing(source)
        if MARK in source.marks:
            return not _HEADING.search(text)  # a README beside the pages is a README
        first = next((line for line in text.split("\n", 20) if line.strip()), "")
        if first.startswith("- ") and (_OWN.search(text) or _STATES.search(text)):
            return True
        field = field_of(first)
        if field is None or _HEADING.search(text):
            return False
        return field[0] in _PAGE or bool(_BLOCK.search(text))

    def notes(self, source: Source) -> Iterator[Note | Refused]:
        """The page; nothing for one without words, and for the copies that Logseq keeps of older states."""
        parts = source.relative.parts
        if not _COPIES.isdisjoint(itertools.pairwise(parts)):  # the graph may lie below what is imported
            return
        page = page_of(source)
        own, body = _properties(page.body)
        if page.is_empty or not (page.fields or own or any(char not in "-*+ \t\n" for char in body)):
            return
        fields = {**page.fields, **{name: value for name, value in own.items() if name not in page.fields}}
        twice = {
            name: [page.fields[name], value] for name, value in own.items() if page.fields.get(name, value) != value
        }
        found = note_of(replace(page, fields={**fields, **twice}, body=body), takes_heading=False)
        day = date_in(source.stem)
        yield replace(
            found,
            content=body,
            title="" if found.fields.get("title") else _title(page, day),
            created_at=found.created_at,
            keywords=unique((*found.keywords, *((_journal(day),) if day and _is_journal(source) else ()))),
            links=tuple({(link.target, link.type): link for link in (*found.links, *links_in(own))}.values()),
            is_template=found.is_template or source.relative.parts[0] == "templates",
        )


def _properties(body: str) -> tuple[dict[str, Any], str]:
    """The properties of a page, and the text without them.

    They stand above everything else, or alone in the first block. A block's own `id` and `collapsed` stay where they are.
    """
    lines = body.split("\n")
    found: list[tuple[str, str]] = []
    used = 0
    for number, line in enumerate(lines):
        is_first = number == 0
        if line.startswith("- ") and not is_first:
            break
        field = field_of(line) if is_first or not line.startswith(("\t", "   ")) else None
        if field is None:
            if line.strip() and lines[0].startswith("- "):
                return {}, body  # the first block goes on: its properties are not the page's
            break
        found.append(field)
        used = number + 1
    if not found or all(name in _NAMELESS for name, _ in found):
        return {}, body
    fields = joined(found)
    for name in _LISTS:
        if isinstance(fields.get(name), str):
            fields[name] = listed(fields[name])
    return fields, "\n".join(lines[used:]).strip("\n")


def _title(page: Page, day: datetime | None) -> str:
    """The name of a page: that of its file, with `/` between the parts of a namespace."""
    stem = page.source.stem
    if day and _is_journal(page.source):
        return day.date().isoformat()
    if is_generic(stem, FILE_NAMES):
        return name_of(page.source)
    name = stem.replace("___", "/")
    return _ESCAPED.sub(lambda found: chr(int(found[1], 16)), name).strip() or stem


def _is_journal(source: Source) -> bool:
    return "journals" in source.relative.parts[:-1] or bool(re.fullmatch(r"\d{4}_\d\d_\d\d", source.stem))


def _journal(day: datetime) -> str:
    """The name by which pages link to a journal, in the form that Logseq begins with."""
    ending = "th" if 11 <= day.day <= 13 else {1: "st", 2: "nd", 3: "rd"}.get(day.day % 10, "th")
    return f"{['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'][day.month - 1]} {day.day}{ending}, {day.year}"


DIALECT = Logseq()
