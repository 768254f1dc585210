"""Web pages and exports in HTML, as Markdown; and bookmarks as every browser writes them, a note each."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from html.parser import HTMLParser
from typing import Any

from rekall.errors import InvalidInput
from rekall.exchange.dialect import Note, Refused, Source
from rekall.exchange.json_shapes import file_words, first_line, when
from rekall.exchange.page import markdown_of, soup_of, tame

_BOOKMARKS = re.compile(r"\A\s*<!DOCTYPE\s+NETSCAPE-Bookmark-file", re.IGNORECASE)
_PROLOG = re.compile(r"\s*(?:<\?xml[^>]*\?>\s*)?")
_BEGINS = re.compile(
    r"<"
    r"(?:!doctype|html|head|body|title|meta|article|section|main|header|div|p|h[1-6]|ul|ol|dl|table|pre|blockquote|"
    r"center|details|figure|address|hr|br|a|img|b|i|u|em|strong|small|span|font|tt|code)\b",
    re.I | re.S,
)
_TEMPLATE = re.compile(r"\{%-?\s*(?:if|for|block|extends|include|set)\b|<\?php|<%[=@ ]|\{\{#(?:if|each)\b")
_CODE_EDGE = re.compile(r"<(?P<end>/?)(?P<tag>pre|code|textarea)\b", re.IGNORECASE)
_META = ("description", "keywords", "author", "date", "created", "updated", "exporter-version", "source")
_LARGEST = 32 * 1024 * 1024


def _is_template(text: str) -> bool:
    """Whether a program makes a page again and again; a page that shows how one is written is none."""
    return bool(_TEMPLATE.search(text)) and bool(_TEMPLATE.search(_without_code(text)))


def _without_code(text: str) -> str:
    """A page without the code that it shows; an element that does not end is text."""
    edges = [
        (found["tag"].lower(), bool(found["end"]), found.start(), found.end()) for found in _CODE_EDGE.finditer(text)
    ]
    last = {tag: start for tag, is_end, start, _ in edges if is_end}
    parts, at, within = list[str](), 0, ""
    for tag, is_end, start, end in edges:
        if not within and not is_end and last.get(tag, -1) > start:
            within = tag
            parts.append(text[at:start])
        elif within == tag and is_end:
            within, at = "", end
    return "".join((*parts, text[at:]))


def _begins(text: str) -> bool:
    """Whether a text begins as a page does; comments may stand before."""
    prolog = _PROLOG.match(text)
    at = prolog.end() if prolog else 0
    while text.startswith("<!--", at) and (end := text.find("-->", at)) >= 0:
        at = end + 3
        while text[at : at + 1].isspace():
            at += 1
    return bool(_BEGINS.match(text, at))


@dataclass(slots=True)
class _Bookmark:
    """One bookmark while it is read."""

    said: dict[str, str]
    folders: list[str]
    title: str = ""
    description: str = ""


class WebPage:
    """A page, or a file of bookmarks."""

    name = "html"
    title = "HTML pages and bookmarks"
    suffixes: tuple[str, ...] = (".html", ".htm", ".xhtml")
    keys: Mapping[str, str] = {
        "href": "sources",
        "add_date": "created_at",
        "last_modified": "updated_at",
        "source": "sources",
    }
    hint = "A page saved from a browser, an export in HTML, or the bookmarks that a browser, Pocket or Pinboard writes as HTML."

    def fits(self, source: Source) -> bool:
        """Whether a file is a page with text, and no second form of a note that lies beside it."""
        try:
            if (
                source.path.with_suffix(".json").exists()
                or source.path.with_suffix(".md").exists()
                or source.path.stat().st_size > _LARGEST
            ):
                return False
            text = source.text
        except (InvalidInput, OSError):
            return False
        return bool(_BOOKMARKS.match(text) or (_begins(text) and not _is_template(text)))

    def notes(self, source: Source) -> Iterator[Note | Refused]:
        """The page, or every bookmark."""
        if _BOOKMARKS.match(source.text):
            yield from _bookmarks(source)
            return
        soup = soup_of(source.text)
        title = soup.title.get_text(" ", strip=True) if soup.title else ""
        fields: dict[str, Any] = {
            str(meta["name"]).lower(): str(meta["content"])
            for meta in soup.find_all("meta", attrs={"name": True, "content": True})
            if str(meta["name"]).lower() in _META and str(meta["content"]).strip()
        }
        keywords = fields.pop("keywords", "")
        for part in soup.find_all(["script", "style", "head", "template"]):
            part.decompose()
        content = markdown_of(soup)
        if content or title:
            yield Note(
                fields=fields,
                content=content,
                title=title or first_line(content),
                name=file_words(source),
                tags=tuple(word.strip() for word in keywords.split(",") if word.strip()),
            )


class _Bookmarks(HTMLParser):
    """Reads a file of bookmarks, whose lists and items nobody closes."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.found: list[_Bookmark] = []
        self._folders: list[str] = []
        self._heading = ""
        self._into = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """A folder, a bookmark or its description begins."""
        if tag == "dl":
            self._folders.append(self._heading.strip())
            self._heading = ""
        elif tag == "a":
            self.found.append(
                _Bookmark({name: value or "" for name, value in attrs}, [name for name in self._folders if name])
            )
        elif tag in ("h1", "h3"):
            self._heading = ""
        if tag != "br":
            self._into = tag

    def handle_endtag(self, tag: str) -> None:
        """A folder or a name ends."""
        if tag == "dl" and self._folders:
            self._folders.pop()
        self._into = ""

    def handle_data(self, data: str) -> None:
        """A name or a description goes on."""
        if self._into == "h3":
            self._heading += data
        elif self._into == "a":
            self.found[-1].title += data
        elif self._into == "dd" and self.found:
            self.found[-1].description += data


def _bookmarks(source: Source) -> Iterator[Note]:
    """Every bookmark, with the folders that it lies in."""
    reader = _Bookmarks()
    reader.feed(tame(source.text))
    reader.close()
    for number, bookmark in enumerate(reader.found, 1):
        said: dict[str, Any] = {
            name: value for name, value in bookmark.said.items() if value and name not in ("tags", "icon")
        }
        for name in ("add_date", "last_modified", "last_visit"):
            if name in said and not when(said[name]):
                said.pop(name)  # 0 for never
        if bookmark.folders:
            said["folder"] = "/".join(bookmark.folders)
        yield Note(
            fields=said,
            content=bookmark.description.strip(),
            title=" ".join(bookmark.title.split()) or said.get("href", ""),
            name=file_words(source),
            part=f"bookmark {number}",
            tags=tuple(tag.strip() for tag in bookmark.said.get("tags", "").split(",") if tag.strip()),
        )


DIALECT = WebPage()
