"""Web pages and exports in HTML, as Markdown; and bookmarks as every browser writes them, a note each."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from rekall.errors import InvalidInput
from rekall.exchange.dialect import Note, Refused, Source
from rekall.exchange.json_shapes import file_words, first_line, when
from rekall.exchange.page import markdown_of, soup_of

if TYPE_CHECKING:
    from bs4 import BeautifulSoup, Tag

_BOOKMARKS = re.compile(r"\A\s*<!DOCTYPE\s+NETSCAPE-Bookmark-file", re.IGNORECASE)
_BEGINS = re.compile(
    r"\A\s*(?:<\?xml[^>]*\?>\s*)?(?:<!--.*?-->\s*)*<(?:!doctype|html|head|body|div|p|h[1-6]|article|meta|title|ul|table)\b",
    re.I | re.S,
)
_META = ("description", "keywords", "author", "date", "created", "updated", "exporter-version", "source")
_LARGEST = 32 * 1024 * 1024


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
        return bool(_BOOKMARKS.match(text) or _BEGINS.match(text))

    def notes(self, source: Source) -> Iterator[Note | Refused]:
        """The page, or every bookmark."""
        soup = soup_of(source.text)
        if _BOOKMARKS.match(source.text):
            yield from _bookmarks(soup, source)
            return
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


def _bookmarks(soup: BeautifulSoup, source: Source) -> Iterator[Note]:
    """Every bookmark, with the folders that it lies in."""
    for number, link in enumerate(soup.find_all("a", href=True), 1):
        fields: dict[str, Any] = {"href": str(link["href"])}
        for name in ("add_date", "last_modified"):
            if when(str(link.get(name, ""))):
                fields[name] = str(link[name])
        folders = _folders(link)
        if folders:
            fields["folder"] = "/".join(folders)
        if link.get("shortcuturl"):
            fields["shortcut"] = str(link["shortcuturl"])
        yield Note(
            fields=fields,
            content=_description(link),
            title=link.get_text(" ", strip=True) or str(link["href"]),
            name=file_words(source),
            part=f"bookmark {number}",
            tags=tuple(tag.strip() for tag in str(link.get("tags", "")).split(",") if tag.strip()),
        )


def _folders(link: Tag) -> list[str]:
    """The headings of the lists that a bookmark lies in, the outermost first."""
    found = []
    for listing in link.find_parents("dl"):
        heading = listing.find_previous_sibling("h3") or (
            listing.parent.find("h3", recursive=False) if listing.parent else None
        )
        if heading is not None:
            found.append(heading.get_text(" ", strip=True))
    return list(dict.fromkeys(reversed(found)))


def _description(link: Tag) -> str:
    """The text of the `<DD>` after a bookmark, up to the next one."""
    following = link.find_next(["dd", "a"])
    if following is None or following.name != "dd":
        return ""
    texts = []
    for part in following.descendants:
        if getattr(part, "name", None) in ("dt", "dl", "h3", "a"):
            break
        if isinstance(part, str):
            texts.append(part)
    return "".join(texts).strip()


DIALECT = WebPage()
