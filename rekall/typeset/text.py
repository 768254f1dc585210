"""A text with styles, cut into lines that fit a width: at words, wide characters counted as they stand."""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from enum import Enum

Cells = Callable[[str], int]
"""How many cells of a terminal a text takes; every door brings the measure by which it draws."""

_PIECE = re.compile(r"[^\S\n]+|\S+")
_TAB = 4
_JOINER = "\u200d"


class Style(Enum):
    """What a stretch of text is."""

    HEADING = "heading"
    STRONG = "strong"
    EMPHASIS = "emphasis"
    STRUCK = "struck"
    CODE = "code"
    BLOCK = "block"
    LINK = "link"
    FAINT = "faint"
    MATCH = "match"


@dataclass(frozen=True, slots=True)
class Span:
    """Where a style holds in a text, in characters; a link says where it leads."""

    start: int
    end: int
    style: Style
    address: str = ""


@dataclass(frozen=True, slots=True)
class Run:
    """A stretch of a line in which the styles do not change."""

    text: str
    styles: tuple[Style, ...] = ()
    address: str = ""


@dataclass(frozen=True, slots=True)
class Line:
    """A line as it is drawn.

    Attributes:
        runs: Its stretches.
        source: The line of the source, from 0, where the block begins that it belongs to.
    """

    runs: tuple[Run, ...]
    source: int = 0

    @property
    def plain(self) -> str:
        """Its characters."""
        return "".join(run.text for run in self.runs)

    @property
    def has_match(self) -> bool:
        """Whether something in it was searched for."""
        return any(Style.MATCH in run.styles for run in self.runs)


@dataclass(frozen=True, slots=True)
class StyledText:
    """A text and its spans, which may overlap."""

    plain: str
    spans: tuple[Span, ...] = ()

    def styled(self, style: Style) -> StyledText:
        """The same in one more style."""
        return replace(self, spans=(*self.spans, Span(0, len(self.plain), style))) if self.plain else self

    def marked(self, places: Iterable[tuple[int, int]]) -> StyledText:
        """The same with what was searched for marked; what lies outside of it is passed over."""
        size = len(self.plain)
        found = [Span(max(start, 0), min(end, size), Style.MATCH) for start, end in places if start < size and end > 0]
        return replace(self, spans=(*self.spans, *found)) if found else self

    def runs(self, start: int = 0, end: int | None = None) -> tuple[Run, ...]:
        """A part of it as runs."""
        return self._runs(self.spans, start, len(self.plain) if end is None else end)

    def _runs(self, spans: Iterable[Span], start: int, end: int) -> tuple[Run, ...]:
        inside = [span for span in spans if span.start < end and span.end > start and span.start < span.end]
        edges = {start, end, *(min(max(edge, start), end) for span in inside for edge in (span.start, span.end))}
        places = sorted(edges)
        runs = []
        for first, last in itertools.pairwise(places):
            over = [span for span in inside if span.start <= first and span.end >= last]
            address = next((span.address for span in over if span.address), "")
            runs.append(Run(self.plain[first:last], tuple(dict.fromkeys(span.style for span in over)), address))
        return tuple(runs)

    def lines(self, width: int, cells: Cells) -> list[tuple[Run, ...]]:
        """Its lines, each at most `width` cells wide."""
        waiting = sorted(self.spans, key=lambda span: span.start, reverse=True)
        near: list[Span] = []  # a text may have thousands of spans, and a line a few
        lines = []
        for start, end in wrapped(self.plain, width, cells):
            near = [span for span in near if span.end > start]
            while waiting and waiting[-1].start < end:
                near.append(waiting.pop())
            lines.append(self._runs(near, start, end))
        return lines


def joined(texts: Sequence[StyledText], between: str) -> StyledText:
    """Texts one after the other."""
    plain, spans, at = [], [], 0
    for place, text in enumerate(texts):
        at += len(between) if place else 0
        spans += [replace(span, start=span.start + at, end=span.end + at) for span in text.spans]
        plain.append(text.plain)
        at += len(text.plain)
    return StyledText(between.join(plain), tuple(spans))


def wrapped(text: str, width: int, cells: Cells) -> list[tuple[int, int]]:
    """Where the lines of a text begin and end: it is cut at blanks, a word that is too long and wide characters anywhere."""
    lines: list[tuple[int, int]] = []
    start = 0
    for line in text.split("\n"):
        lines += _wrapped_line(text, start, start + len(line), max(width, 2), cells)
        start += len(line) + 1
    return lines


def expanded(line: str) -> str:
    """A line of code with its tabs as blanks."""
    return line.expandtabs(_TAB) if "\t" in line else line


def _wrapped_line(text: str, start: int, end: int, width: int, cells: Cells) -> Iterator[tuple[int, int]]:
    if cells(text[start:end]) <= width:
        yield start, start + len(text[start:end].rstrip())
        return
    begin, last, used = start, start, 0  # where the line begins, where its words end, and the cells up to there
    for first, behind in _pieces(text, start, end, cells):
        room = cells(text[last:behind])
        if used + room <= width:
            if not text[first].isspace():
                last, used = behind, used + room
            continue
        if text[first].isspace():
            continue
        if last > begin:
            yield begin, last
        begin, taken = first, 0
        for at in range(first, behind):  # a word that is wider than a line
            more = cells(text[at])
            if taken + more > width and text[at - 1] != _JOINER and more and at > begin:
                yield begin, at
                begin, taken = at, 0
            taken += more
        last, used = behind, taken
    if last > begin:
        yield begin, last


def _pieces(text: str, start: int, end: int, cells: Cells) -> Iterator[tuple[int, int]]:
    """Words and blanks; between wide characters a line may be cut as well."""
    for found in _PIECE.finditer(text, start, end):
        first, behind = found.span()
        word = found[0]
        if word.isascii() or cells(word) <= len(word):
            yield first, behind
            continue
        begin = first
        for at in range(first + 1, behind):
            if (cells(text[at]) == 2 or cells(text[at - 1]) == 2) and cells(text[at]) and text[at - 1] != _JOINER:
                yield begin, at
                begin = at
        yield begin, behind
