"""Outlines in OPML, of Workflowy, OmniOutliner and others: each outline at the top is a note, what is below it a nested list."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from io import BytesIO
from typing import TYPE_CHECKING, Any

from rekall.errors import InvalidInput
from rekall.exchange.dialect import Note, Refused, Source
from rekall.exchange.json_shapes import Ids, file_words, first_line, listed, when

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

_TEXT = ("text", "title", "_note", "_complete", "xmlUrl", "htmlUrl", "url", "created", "id")


class Opml:
    """An outline."""

    name = "opml"
    title = "Outlines in OPML"
    suffixes: tuple[str, ...] = (".opml",)
    keys: Mapping[str, str] = {}
    hint = "Workflowy: Export → OPML; any outliner or reader of feeds has such an export."

    def fits(self, source: Source) -> bool:
        """Every file of that suffix, so that somebody hears of one that cannot be read."""
        return True

    def notes(self, source: Source) -> Iterator[Note | Refused]:
        """A note for each outline at the top; where there is one alone, for each below it."""
        from xml.etree.ElementTree import ParseError

        from defusedxml import DefusedXmlException
        from defusedxml.ElementTree import parse

        try:
            root = parse(BytesIO(source.data)).getroot()
        except DefusedXmlException as error:
            raise InvalidInput("its XML defines entities, which no outline does", "export the outline again") from error
        except (ParseError, RecursionError, ValueError) as error:
            raise InvalidInput(f"not valid XML: {error}", "export the outline again") from error
        head = {child.tag: " ".join("".join(child.itertext()).split()) for child in root.findall("head/*")}
        top = root.findall("body/outline")
        shared: dict[str, Any] = {"outline": head["title"]} if head.get("title") else {}
        if len(top) == 1 and len(top[0]) > 1 and not _said(top[0])[1]:
            shared, top = {"outline": _said(top[0])[0]}, list(top[0])
        ids = Ids()
        for number, element in enumerate(top, 1):
            title, note = _said(element)
            content = "\n\n".join(filter(None, (note, _nested(element)))) or title
            written = (element.get(name, "").strip() for name in ("htmlUrl", "url", "xmlUrl"))
            addresses = list(dict.fromkeys(filter(None, written)))
            other = {
                "outline_type" if name == "type" else name: value
                for name, value in element.attrib.items()
                if name not in _TEXT and value.strip()
            }
            if content or other or addresses:
                yield Note(
                    fields={**shared, **other, **({"sources": addresses} if addresses else {})},
                    content=content,
                    title=first_line(title),
                    name=f"{file_words(source)} {number}",
                    record_id=ids.once(element.get("id", "")),
                    part=f"record {number}",
                    created_at=when(element.get("created")),
                )


def _said(element: Element) -> tuple[str, str]:
    """The line of an outline, and the note at it, both without marks of HTML."""
    line = element.get("text") or element.get("title") or ""
    return " ".join(_plain(line).split()), _plain(element.get("_note") or "").strip()


def _plain(text: str) -> str:
    if "<" not in text and "&" not in text:
        return text
    from rekall.exchange.page import markdown_of, soup_of

    return markdown_of(soup_of(text))


def _nested(element: Element) -> str:
    """What is below an outline, as a nested list, however deep."""
    lines: list[str] = []
    waiting = [(0, child) for child in reversed(element)]
    while waiting:
        depth, child = waiting.pop()
        title, note = _said(child)
        more = [f"{name}: {value}" for name, value in child.attrib.items() if name not in _TEXT[:4] and value.strip()]
        text = "\n".join(filter(None, (title, note, *more)))
        box = {"true": "[x] ", "false": "[ ] "}.get((child.get("_complete") or "").lower(), "")
        lines += ["  " * min(depth, 20) + line for line in listed([box + text]).split("\n")]
        waiting += [(depth + 1, below) for below in reversed(child)]
    return "\n".join(lines)


DIALECT = Opml()
