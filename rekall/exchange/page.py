"""HTML of notes as Markdown and as plain text, by markdownify and Beautiful Soup: well kept, and lenient with what is broken."""

from __future__ import annotations

import re
import warnings
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bs4 import BeautifulSoup, Tag

_PROLOG = re.compile(r"<\?xml[^>]*\?>|<!DOCTYPE[^>\[]*(?:\[[^\]]*\])?[^>]*>", re.IGNORECASE)
_BLANK_LINES = re.compile(r"\n{3,}")


def soup_of(html: str) -> BeautifulSoup:
    """A page, read as a browser would; nothing in it is run or fetched, and no entity is expanded but HTML's own."""
    from bs4 import BeautifulSoup

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of XHTML, and of texts that look like addresses
        return BeautifulSoup(_PROLOG.sub("", html), "html.parser")


def markdown_of(what: BeautifulSoup | Tag) -> str:
    """A page, or a part of one, as Markdown. Words stay as they are: `snake_case` gets no backslash."""
    from markdownify import MarkdownConverter

    converter = MarkdownConverter(heading_style="atx", bullets="-", escape_asterisks=False, escape_underscores=False)
    try:
        text = str(converter.convert_soup(what))
    except RecursionError:  # thousands of elements in each other
        text = what.get_text("\n")
    lines = "\n".join(line.rstrip() for line in text.replace("\xa0", " ").split("\n"))
    return _BLANK_LINES.sub("\n\n", lines).strip("\n")


def page_text(html: str) -> str:
    """The plain text of some HTML."""
    return str(soup_of(html).get_text(" "))
