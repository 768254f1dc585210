"""The title that a Markdown text begins with."""

from __future__ import annotations

import re

from rekall.entry.fields import BY_NAME
from rekall.exchange import markdown_names as names
from rekall.exchange.dialect import Source
from rekall.exchange.markdown_text import Heading, headings

_MOST = BY_NAME["title"].most
_WORD = re.compile(r"\w+")
_LOOKED_AT = 40
"""Lines at the top among which a heading may be the title."""

_MOST_ABOVE = 200
"""Lines above a first heading; below more of them it is none."""

_LONG = 2000
"""Characters of a line that is surely text, and of a page above which HTML may have its title."""

_IMAGE = re.compile(r"!\[[^\]\n]*\](?:\([^)\n]*\)|\[[^\]\n]*\])?")
_LINK = re.compile(r"\[\[[^\[\]\n]*\]\]|\[[^\[\]\n]*\](?:\([^()\n]*\)|\[[^\[\]\n]*\])")
_ELEMENT = re.compile(r"<[^<>\n]{1,500}>")
_FURNITURE = re.compile(
    r"\[\[?_?toc_?\]?\]|\[toc\]|\{:[^{}]*\}|\{\{[^{}]*\}\}|\{%[^%]*%\}|%%.*%%|(?:[-*_][ \t]*){3,}|:[\w:/-]+:|"
    r"(?:#[^\s#]+[ \t]*)+|[\w-]+::.*|\[//\]:.*|\[[^\]]+\]:.*|import\s.+|export\s.+|<%.*%>|!!!.*",
    re.IGNORECASE,
)
_HTML_TITLE = re.compile(r"<h1\b[^>]{0,200}>(?P<text>.{1,500}?)</h1>", re.IGNORECASE | re.DOTALL)
_PANDOC = re.compile(r"%[ \t]+(?P<title>\S[^\n]{0,400})\n")
_ATTRIBUTES = re.compile(r"[ \t]*\{[#.:][^{}]*\}\s*\Z")
_WHOLE_EMPHASIS = re.compile(r"(?P<mark>\*\*|__|\*|_)(?P<text>[^*_]+)(?P=mark)\Z")


def titled(source: Source, body: str, shown: str, *, only: bool = False) -> tuple[str, str]:
    """The title that a text begins with.

    A first heading leaves the text, unless it says more than the title does, or stands below other text. A heading that
    says nothing, or that is longer than a title may be, is none.

    Args:
        source: The file.
        body: Its text.
        shown: The same, `masked`.
        only: Whether the heading needs to be the only one of the first level.

    Returns:
        The title or nothing, and the text.
    """
    block = _PANDOC.match(body)
    if block and not names.is_generic(block["title"].strip()):
        return block["title"].strip(), body
    found = list(headings(body, shown))
    if not found:
        return _html_title(shown, len(shown)), body
    first, above = found[0], shown[: found[0].start]
    is_near_top = above.count("\n") <= _MOST_ABOVE
    is_first = is_near_top and all(map(is_furniture, above.split("\n"))) and not _has_code(body, shown, first.start)
    html = _html_title(shown, first.start) if is_first else ""
    if html:
        return html, body
    heading = _candidate(found, is_first, only or names.is_day(source.stem))
    if heading is None or len(heading.text) > 4 * _MOST:
        return "", body
    is_near = heading is first and is_first
    if not is_near and body.count("\n", 0, heading.start) > _LOOKED_AT:
        return "", body
    title = plain(heading.text)
    if not title or len(title) > _MOST or _says_nothing(title, source):
        return "", body
    if not is_near or _WORD.findall(title) != _WORD.findall(heading.text):
        return title, body
    return title, (body[: heading.start] + body[heading.end :]).strip("\n")


def _says_nothing(title: str, source: Source) -> bool:
    """Whether a heading is one that every second note has, and not the name of the file: `# Home` in home.md."""
    stem = source.stem
    is_name = names.words_of(stem).lower() == title.lower() and not names.is_generic(stem, names.FILE_NAMES)
    return names.is_generic(title) and not is_name


def _candidate(found: list[Heading], is_first: bool, only: bool) -> Heading | None:
    """The heading that would be the title: the first, where no other is as high; one of the first level also where it is."""
    first = found[0]
    tops = [heading for heading in found if heading.level == 1]
    if not is_first:
        return first if tops == [first] and not only else None
    if first.level == 1:
        return None if only and len(tops) > 1 else first
    return None if only or any(other.level <= first.level for other in found[1:]) else first


def is_furniture(line: str) -> bool:
    """Whether a line above a heading is no text: badges, breadcrumbs, a table of contents, elements of HTML."""
    if not line.strip():
        return True
    if len(line) > _LONG:
        return False
    if _FURNITURE.fullmatch(line.strip()):
        return True
    bare = _LINK.sub("", _IMAGE.sub("", line))
    bare = re.sub(r"\[\]\([^)\n]*\)|\[\]\[[^\]\n]*\]", "", bare)
    return not any(char.isalnum() for char in _ELEMENT.sub("", bare))


def _has_code(body: str, shown: str, end: int) -> bool:
    """Whether code stands above a place; comments do not count."""
    hidden = "".join(was for was, now in zip(body[:end], shown[:end], strict=True) if was != now)
    return "```" in hidden or "~~~" in hidden or (bool(hidden.strip()) and "<!--" not in hidden)


def _html_title(shown: str, end: int) -> str:
    """A title written as HTML at the top: `<h1 align="center">Name</h1>`."""
    above = shown[: min(end, _LONG)]
    found = _HTML_TITLE.search(above)
    if not found or not all(map(is_furniture, above[: found.start()].split("\n"))):
        return ""
    title = " ".join(_ELEMENT.sub(" ", found["text"]).split())
    return "" if names.is_generic(title) else title


def plain(heading: str) -> str:
    """A heading as a title: links by their words, pictures and anchors left out."""
    text = _ATTRIBUTES.sub("", heading)
    text = re.sub(r"!\[[^\]\n]*\]\([^)\n]*\)", "", text)
    text = re.sub(r"\[\[(?:[^\]|\n]*\|)?([^\]\n]*)\]\]", r"\1", text)
    text = re.sub(r"\[([^\[\]\n]+)\]\([^()\n]*(?:\([^()\n]*\)[^()\n]*)?\)", r"\1", text)
    text = re.sub(r"</?(?:a|b|i|em|strong|span|sub|sup|img|br|code|small)\b[^<>\n]*>", "", text)
    emphasis = _WHOLE_EMPHASIS.match(text.strip())
    return " ".join((emphasis["text"] if emphasis else text).split())
