"""The two lines of a row as they are drawn."""

from __future__ import annotations

from collections.abc import Callable

from textual.content import Content
from textual.style import Style

from rekall.search.results import Match
from rekall.tui.rows import Row, Spans

Styles = Callable[[str], Style]
"""The style of a part of a row, by its name."""

_MATCH = Style(bold=True, underline=True)
"""Words that were searched for, also without colour."""

_ROOM_FOR_PROJECT = 60
"""From this many columns on, a hit names its project beside the text."""


def upper_line(row: Row, age: str, width: int, style: Styles, *, is_chosen: bool) -> Content:
    """The title, and at the right its base if that is another one, how sure it is that the entry was meant, and its age."""
    sure = style("weak" if row.match == Match.WEAK.value else "reason")
    lives = f"({row.base})  " if row.base else ""
    right = Content.assemble((lives, style("note")), (row.match, sure), "  " if row.match else "", (age, style("meta")))
    title = Content.assemble((row.title, Style(bold=is_chosen or None)))
    return _spread(_with_matches(title, row.title_spans, style), right, width)


def lower_line(row: Row, width: int, style: Styles) -> Content:
    """The type, and of a hit the stretch that was found, else labels and the beginning."""
    parts = [(row.kind, style("kind"))]
    if row.note:
        parts.append((f"  {row.note}", style("note")))
    right = Content("")
    if not row.is_hit:
        parts.append((f"  {row.labels}" if row.labels else "", style("meta")))
    elif row.project and width >= _ROOM_FOR_PROJECT:
        right = Content.assemble((row.project, style("meta"))).truncate(width // 4, ellipsis=True)
    text = _with_matches(Content.assemble((row.text, style("text"))), row.text_spans, style)
    left = Content.assemble(*parts, "  ", text) if row.text else Content.assemble(*parts)
    return _spread(left, right, width)


def _with_matches(text: Content, spans: Spans, style: Styles) -> Content:
    """A text with the words that were looked for made to stand out."""
    for start, end in spans:
        text = text.stylize(style("match") + _MATCH, start, end)
    return text


def _spread(left: Content, right: Content, width: int) -> Content:
    """Two texts at the ends of a line; the left one is cut first, then the right one."""
    if not right.plain:
        return left.truncate(width, ellipsis=True)
    right = right.truncate(max(width * 2 // 3, 1), ellipsis=True)
    room = max(width - right.cell_length - 2, 1)
    return Content.assemble(left.truncate(room, ellipsis=True, pad=True), "  ", right)
