"""Markdown in the colours of the terminal UI."""

from __future__ import annotations

from collections.abc import Sequence

from textual.content import Content, Span
from textual.style import Style as Drawn

from rekall.typeset.markdown import MarkdownText as Parsed
from rekall.typeset.markdown import Page
from rekall.typeset.text import Line, Run, Style

_STYLES = {
    Style.HEADING: "bold $primary",
    Style.STRONG: "bold",
    Style.EMPHASIS: "italic",
    Style.STRUCK: "strike",
    Style.CODE: "$secondary",
    Style.BLOCK: "$secondary on $panel",
    Style.FAINT: "$foreground 55%",
    Style.MATCH: "bold underline $accent",
}
MATCH = _STYLES[Style.MATCH]
"""How a word that was searched for looks; the line stays without colour."""

CURRENT = "reverse"
"""How it looks where the reader was taken to it."""


class MarkdownText:
    """A Markdown text, laid out for any width; see `rekall.typeset.markdown`."""

    def __init__(self, source: str) -> None:
        """Parse a text without control characters."""
        self._text = Parsed(source)
        self.has_matches = False
        """Whether something in it was searched for."""

    @property
    def plain(self) -> str:
        """Everything that is read, without the marks."""
        return self._text.plain

    def mark(self, places: Sequence[tuple[int, int]]) -> None:
        """Mark what was searched for, by its places in `plain`."""
        self._text = self._text.marked(places)
        self.has_matches = bool(places)

    def lines(self, width: int) -> list[Line]:
        """Its lines for a width in cells, each with where it comes from and whether something in it was searched for."""
        return self._text.laid_out(Page(width, cells, fills=True))

    def laid_out(self, width: int) -> list[Content]:
        """Its lines as they are drawn."""
        return [drawn(line.runs) for line in self.lines(width)]


def cells(text: str) -> int:
    """How many cells a text takes as this terminal UI draws it."""
    return len(text) if text.isascii() else Content(text).cell_length


def drawn(runs: Sequence[Run], *, is_current: bool = False) -> Content:
    """Runs in their styles; a click on a link copies its address. The matches of the current line stand out more."""
    spans: list[Span] = []
    at = 0
    for run in runs:
        end = at + len(run.text)
        spans += [Span(at, end, _STYLES[style]) for style in run.styles if style in _STYLES]
        if is_current and Style.MATCH in run.styles:
            spans.append(Span(at, end, CURRENT))
        if run.address:
            spans.append(
                Span(at, end, Drawn(underline=True) + Drawn.from_meta({"@click": f"copy_address({run.address!r})"}))
            )
        at = end
    return Content("".join(run.text for run in runs), spans)
