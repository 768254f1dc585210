"""Gemini's GEMINI.md: what it was told to remember is a list below a heading of its own, a note an item."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from rekall.errors import InvalidInput
from rekall.exchange.dialect import Note, Refused, Source
from rekall.exchange.json_shapes import first_line

_SECTION = re.compile(r"^(?P<marks>#{1,6})[ \t]+Gemini Added Memories[ \t]*#*[ \t]*$", re.IGNORECASE | re.MULTILINE)
_HEADING = re.compile(r"^(?P<marks>#{1,6})[ \t]+\S", re.MULTILINE)
_FENCE = re.compile(r"^[ \t]*(?:```|~~~)", re.MULTILINE)
_ITEM = re.compile(r"^[-*+][ \t]+", re.MULTILINE)


class Gemini:
    """The memories of Gemini."""

    name = "gemini"
    title = "Gemini's memories"
    suffixes: tuple[str, ...] = (".md",)
    keys: Mapping[str, str] = {}
    hint = "`rekall import --from gemini`, or the file itself: ~/.gemini/GEMINI.md, and GEMINI.md of a project."

    def fits(self, source: Source) -> bool:
        """Whether a file has such a list; a GEMINI.md without one is plain Markdown."""
        try:
            text = source.text
        except (InvalidInput, OSError):
            return False
        is_asked = "added memor" in text.lower()  # the pattern costs more than the word
        return is_asked and bool(_SECTION.search(text)) and not text.startswith(("---\n", "+++\n"))

    def notes(self, source: Source) -> Iterator[Note | Refused]:
        """What stands around the list, as one note; then every item."""
        rest, items = _apart(source.text)
        project = source.path.parent.name if source.path.parent.name not in ("", ".gemini", "memory") else ""
        if rest.strip():
            heading = re.match(r"\s*#[ \t]+(?P<title>\S.*)", rest)
            yield Note(
                content=rest.strip("\n"),
                title=heading["title"].strip() if heading else f"{source.stem} {project}".strip(),
                name=source.stem,
                part="instructions",
            )
        for number, item in enumerate(items, 1):
            yield Note(content=item, title=first_line(item), name=source.stem, part=f"memory {number}")


def _apart(text: str) -> tuple[str, list[str]]:
    """The text around the lists of memories, and their items."""
    rest, items, at = [], [], 0
    for section in _SECTION.finditer(text):
        if section.start() < at:
            continue
        rest.append(text[at : section.start()])
        end = _end(text, section)
        before, *found = _items(text[section.end() : end])
        if before.strip():
            rest.append(before)
        items += found
        at = end
    return "\n".join(part.strip("\n") for part in [*rest, text[at:]] if part.strip()), items


def _end(text: str, section: re.Match[str]) -> int:
    """Where a section ends: at the next heading of its level or above that stands in no block of code."""
    for heading in _HEADING.finditer(text, section.end()):
        inside = len(_FENCE.findall(text, section.end(), heading.start())) % 2
        if len(heading["marks"]) <= len(section["marks"]) and not inside:
            return heading.start()
    return len(text)


def _items(section: str) -> list[str]:
    """What stands before the first item, then every item with the lines that belong to it."""
    starts = [found.start() for found in _ITEM.finditer(section)]
    pieces = [section[: starts[0]] if starts else section]
    for start, end in zip(starts, [*starts[1:], len(section)]):
        lines = _ITEM.sub("", section[start:end], count=1).strip("\n").split("\n")
        pieces.append("\n".join([lines[0], *(line.removeprefix("  ") for line in lines[1:])]).strip())
    return [pieces[0], *(piece for piece in pieces[1:] if piece)]


DIALECT = Gemini()
