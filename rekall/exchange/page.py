"""HTML of notes as Markdown and as plain text, by markdownify and Beautiful Soup: well kept, and lenient with what is broken."""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterator
from html import escape, unescape
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bs4 import BeautifulSoup, Tag

MOST_ELEMENTS = 50_000
"""Elements of a page of which a tree is made; each takes more than a kilobyte."""

_DECLARATION = re.compile(r"<!--|<!\[CDATA\[|<[!?](?=[A-Za-z\[])", re.IGNORECASE)
_ENDS = {"<!--": "-->", "<![CDATA[": "]]>"}
_TAG = re.compile(r"<[^<>]*>")
_BLANKS = re.compile(r"[ \t\r\f\v]{100,}")
_LINE_END = re.compile(r"</(?:p|div|li|tr|h[1-6]|dt|dd|pre|blockquote)>|<br\b[^<>]*>", re.IGNORECASE)
_INDENTING = frozenset({"blockquote", "ul", "ol"})
_MOST_LEVELS = 20
_BLANK_LINES = re.compile(r"\n{3,}")


def soup_of(html: str) -> BeautifulSoup:
    """A page, read as a browser would; nothing in it is run or fetched, and no entity is expanded but HTML's own.

    Of a page with more elements than `MOST_ELEMENTS` the text alone is read.
    """
    from bs4 import BeautifulSoup

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of XHTML, and of texts that look like addresses
        return BeautifulSoup(tame(html), "html.parser")


def tame(html: str) -> str:
    """A page without comments and declarations, in which every tag ends.

    Python's parser looks for the end of each that has none through all that follows, which takes the square of its length.
    """
    if "<!" in html or "<?" in html:
        html = "".join(_without_declarations(html))
    last = html.rfind(">") + 1
    if "<" in html[last:]:
        html = html[:last] + html[last:].replace("<", "&lt;")
    if html.count("<") > MOST_ELEMENTS * 2:  # most tags have an end tag
        html = escape(unescape(_TAG.sub(" ", _LINE_END.sub("\n", html))), quote=False)
    return _BLANKS.sub(" ", html)


def _without_declarations(html: str) -> Iterator[str]:
    """The parts of a page between its comments and declarations; one that does not end is text. What CDATA holds is text, too."""
    at, lost = 0, set[str]()
    for found in _DECLARATION.finditer(html):
        start = found.start()
        if start < at:
            continue
        end_mark = _ENDS.get(found[0].upper(), ">")
        end = -1 if end_mark in lost else html.find(end_mark, found.end())
        yield html[at:start]
        if end < 0:
            lost.add(end_mark)
            yield "&lt;"
            at = start + 1
        else:
            at = end + len(end_mark)
            if found[0].upper() == "<![CDATA[":
                yield escape(html[found.end() : end], quote=False)
    yield html[at:]


def markdown_of(what: BeautifulSoup | Tag) -> str:
    """A page, or a part of one, as Markdown. Words stay as they are: `snake_case` gets no backslash."""
    from markdownify import MarkdownConverter

    converter = MarkdownConverter(heading_style="atx", bullets="-", escape_asterisks=False, escape_underscores=False)
    _flatten(what)
    try:
        text = str(converter.convert_soup(what))
    except RecursionError:  # thousands of elements in each other
        text = what.get_text("\n")
    lines = "\n".join(line.rstrip() for line in text.replace("\xa0", " ").split("\n"))
    return _BLANK_LINES.sub("\n\n", lines).strip("\n")


def _flatten(what: BeautifulSoup | Tag) -> None:
    """Take what is indented deeper than anybody reads as not indented any more: each level would indent every line in it."""
    from bs4 import Tag

    waiting = [(0, what)]
    while waiting:
        depth, element = waiting.pop()
        if element.name in _INDENTING:
            depth += 1
            if depth > _MOST_LEVELS:
                element.name = "div"
        waiting += [(depth, child) for child in element.children if isinstance(child, Tag)]


def page_text(html: str) -> str:
    """The plain text of some HTML."""
    return str(soup_of(html).get_text(" "))
