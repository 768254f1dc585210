"""An entry as it is read: plain in a pipe, set for the width of a terminal with its Markdown rendered."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rekall.cli.render import cells, styled
from rekall.entry.fields import Place
from rekall.entry.times import local_day
from rekall.entry.view import EntryView, LinkLine, Section, labels_of
from rekall.typeset.markdown import MarkdownText, Page
from rekall.typeset.text import Line, Run, Style, StyledText, expanded, wrapped
from rekall.wording import printable

WIDEST = 100
"""Lines of prose beyond these are hard to read."""

_MOST_MARKDOWN_CHARS = 100_000
"""A longer text is shown as it is stored: laying it out would take seconds."""

_DRAWN: Mapping[Style, Mapping[str, Any]] = {
    Style.HEADING: {"bold": True},
    Style.STRONG: {"bold": True},
    Style.EMPHASIS: {"italic": True},
    Style.STRUCK: {"strikethrough": True},
    Style.CODE: {"fg": "cyan"},
    Style.BLOCK: {"fg": "cyan"},
    Style.FAINT: {"dim": True},
    Style.MATCH: {"bold": True, "underline": True},
}

Marking = Callable[[str], Sequence[tuple[int, int]]]
"""Says where in a text stands what was searched for."""


@dataclass(frozen=True, slots=True)
class Printed:
    """An entry as lines.

    Attributes:
        lines: The lines, with their styles.
        at: The line on which what was searched for begins; 0 where nothing was.
    """

    lines: tuple[str, ...]
    at: int = 0


def plain_text(view: EntryView, short: Mapping[str, str]) -> str:
    """An entry in full as text for a pipe; its content as it is stored."""
    return "\n".join(_drawn(runs) for runs in _parts(view, short, None, lambda text: (), is_rendered=False)[0])


def set_for(
    view: EntryView, short: Mapping[str, str], width: int, marking: Marking, at: int, *, is_rendered: bool
) -> Printed:
    """An entry set for a terminal.

    Args:
        view: The entry.
        short: The ids by which it and those it is linked with are shown.
        width: Cells of a line.
        marking: What was searched for.
        at: The character of the content at which what was found begins, where that is known.
        is_rendered: Whether Markdown is rendered; else the content stands as it is stored.
    """
    lines, begin = _parts(view, short, min(width, WIDEST), marking, at=at, is_rendered=is_rendered)
    return Printed(tuple(map(_drawn, lines)), begin)


def _parts(
    view: EntryView,
    short: Mapping[str, str],
    width: int | None,
    marking: Marking,
    *,
    at: int = 0,
    is_rendered: bool,
) -> tuple[list[Sequence[Run]], int]:
    """The lines of an entry, and on which of them begins what was found."""
    sheet = _Sheet(width, marking)
    entry = view.entry
    sheet.put(entry.title, Style.HEADING)
    sheet.put("  ".join((*labels_of(entry), f"confidence {entry.confidence}/5")))
    if view.successor:
        sheet.put(f"superseded by {short[view.successor.id]}  {view.successor.title}", Style.STRONG)
    created, changed = local_day(entry.created_at), local_day(entry.updated_at)
    dates = f"created {created}" if created == changed else f"created {created}  changed {changed}"
    sheet.put(f"{entry.id}  {dates}", Style.FAINT)
    sheet.put_sections(view.sections(Place.BEFORE), "")
    found = 0
    if entry.content:
        sheet.lines.append(())
        found = _put_content(sheet.lines, entry.content, width, marking, at, is_rendered=is_rendered)
    sheet.put_sections(view.sections(Place.AFTER), "  ")
    sheet.put_links(view.links, short)
    if view.origin:
        sheet.lines.append(())
        sheet.put(f"from {view.origin}", Style.FAINT)
    return sheet.lines, found or next((place for place, runs in enumerate(sheet.lines) if _is_match(runs)), 0)


class _Sheet:
    """Lines that are being put one below the other."""

    def __init__(self, width: int | None, marking: Marking) -> None:
        self.lines: list[Sequence[Run]] = []
        self._width = width
        self._marking = marking

    def put(self, text: str, *styles: Style, indent: str = "") -> None:
        """Add a text, broken at words where there is a width."""
        shown = StyledText(_laid(printable(text), self._width))
        shown = shown.marked(self._marking(shown.plain))
        for style in styles:
            shown = shown.styled(style)
        rows = shown.lines(self._width - len(indent), cells) if self._width else [shown.runs()]
        self.lines.extend((Run(indent), *runs) if indent else runs for runs in rows)

    def put_sections(self, sections: Sequence[Section], indent: str) -> None:
        """Add parts of the context, each under its heading."""
        for section in sections:
            self.lines.append(())
            self.put(section.label, Style.STRONG)
            for item in section.items:
                self.put(item, indent=indent)

    def put_links(self, links: Sequence[LinkLine], short: Mapping[str, str]) -> None:
        """Add the entries that it is linked with."""
        if links:
            self.lines.append(())
            self.put("Links", Style.STRONG)
        for line in links:
            reason = f"  ({line.link.reason})" if line.link.reason else ""
            obsolete = " (obsolete)" if line.is_obsolete else ""
            named = f"{short[line.other.id]}  {line.other.title}{obsolete}{reason}"
            self.put(f"{line.phrase} {line.arrow} {named}", indent="  ")


def _put_content(
    lines: list[Sequence[Run]], content: str, width: int | None, marking: Marking, at: int, *, is_rendered: bool
) -> int:
    """Add the content, and return the line on which what was found begins; 0 where nothing in it was."""
    source = printable(content)
    above = content.count("\n", 0, at)
    begin = len(lines)
    if width is None or not is_rendered or len(source) > _MOST_MARKDOWN_CHARS:
        source = _laid(source, width)
        text = StyledText(source)
        text = text.marked(marking(source)) if width else text
        lines.extend(_as_stored(text, width))
        places = [number for number, runs in enumerate(lines[begin:], begin) if _is_match(runs)]
        wanted = begin + _lines_of(source, above, width)
        return next((place for place in places if place >= wanted), wanted if at else 0)
    markdown = MarkdownText(source, addresses=True)
    markdown = markdown.marked(marking(markdown.plain))
    laid = markdown.laid_out(Page(width, cells, margin=2, folds=False))
    lines.extend(line.runs for line in laid)
    place = _place_of(laid, above if at else None)
    return 0 if place is None else begin + place


def _laid(text: str, width: int | None) -> str:
    """A text as it is set for a terminal: with blanks for tabs, of which nobody knows how wide they are."""
    return "\n".join(map(expanded, text.split("\n"))) if width and "\t" in text else text


def _lines_of(source: str, rows: int, width: int | None) -> int:
    """How many lines the first rows of a text take that is shown as it is stored."""
    return len(wrapped("\n".join(source.split("\n", rows)[:rows]), width, cells)) if rows and width else rows


def _as_stored(text: StyledText, width: int | None) -> Iterator[Sequence[Run]]:
    """A text line by line, each broken at words where there is a width."""
    if width:
        yield from text.lines(width, cells)
        return
    start = 0
    for line in text.plain.split("\n"):
        yield text.runs(start, start + len(line)) if line else ()
        start += len(line) + 1


def _place_of(laid: Sequence[Line], source: int | None) -> int | None:
    """The line of what was found: in the block that begins at or before a line of the source, else the best of all."""
    if source is not None:
        before = max((line.source for line in laid if line.source <= source), default=0)
        block = [place for place, line in enumerate(laid) if line.source == before and line.runs]
        if block:
            return next((place for place in block if laid[place].has_match), block[0])
    found = [place for place, line in enumerate(laid) if line.has_match]
    if not found:
        return None
    marks = {place: sum(Style.MATCH in run.styles for run in laid[place].runs) for place in found}
    return max(found, key=lambda place: (sum(marks.get(near, 0) for near in range(place, place + 5)), -place))


def _is_match(runs: Sequence[Run]) -> bool:
    return any(Style.MATCH in run.styles for run in runs)


def _drawn(runs: Sequence[Run]) -> str:
    """Runs as a line with our styles."""
    parts = []
    for run in runs:
        style: dict[str, Any] = {}
        for each in run.styles:
            style |= _DRAWN.get(each, {})
        parts.append(styled(run.text, **style) if style else run.text)
    return "".join(parts).rstrip(" ")
