"""The list of entries: draws the visible rows and holds the pages around them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar

from textual import events
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.geometry import Region, Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.strip import Strip
from textual.style import Style
from textual.visual import Visual

from rekall.search.results import Match
from rekall.tui.rows import Row
from rekall.wording import age_text

PAGE_ROWS = 50
_MOST_PAGES = 8
"""How many pages to keep in memory: more than are visible at once."""

_ROW_LINES = 2
_MARK, _BLURRED_MARK = "▌", "│"
"""Marks the chosen row, so that it stands out without colour: when focused, and when not."""


class EntryList(ScrollView, can_focus=True):
    """Any number of rows of two lines. Asks for the pages it needs with `PageWanted`."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up,k", "move(-1)", "Up", show=False),
        Binding("down,j", "move(1)", "Down", show=False),
        Binding("pageup", "page(-1)", "Page up", show=False),
        Binding("pagedown", "page(1)", "Page down", show=False),
        Binding("home,g", "first", "First", show=False),
        Binding("end,G", "last", "Last", show=False),
        Binding("enter", "open", "Open", show=False),
    ]
    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "entry-list--chosen",
        "entry-list--chosen-blurred",
        "entry-list--mark",
        "entry-list--kind",
        "entry-list--meta",
        "entry-list--reason",
        "entry-list--weak",
        "entry-list--note",
    }

    @dataclass
    class Chosen(Message):
        """The cursor is on another entry; None in an empty list."""

        row: Row | None

    @dataclass
    class Opened(Message):
        """The person wants to read the chosen entry."""

        row: Row

    @dataclass
    class PageWanted(Message):
        """A page is needed that is not in memory."""

        page: int
        generation: int

    @dataclass
    class LeftUpward(Message):
        """The cursor moved up from the first row."""

    @dataclass
    class EndReached(Message):
        """The cursor reached the last row."""

    def __init__(self, now: Callable[[], datetime], *, id: str | None = None) -> None:
        """An empty list.

        Args:
            now: The current time, for ages.
            id: The widget's id.
        """
        super().__init__(id=id)
        self._now = now
        self._pages: dict[int, tuple[Row, ...]] = {}
        self._asked: set[int] = set()
        self._announced: Row | None = None
        self.generation = 0
        self.total = 0
        self.cursor = 0
        self.is_touched = False
        """Whether the cursor was moved since the list last started at its top."""

    @property
    def chosen(self) -> Row | None:
        """The row under the cursor; None while its page is not in memory."""
        return self.row_at(self.cursor)

    @property
    def window(self) -> tuple[int, int]:
        """A range of pages around the visible rows and the cursor: its first page and its length."""
        top = max(int(self.scroll_offset.y) // _ROW_LINES, 0)
        first = max(min(top, self.cursor) // PAGE_ROWS - 1, 0)
        last = (max(top + self.size.height // _ROW_LINES, self.cursor)) // PAGE_ROWS + 1
        return (first, last - first + 1) if last - first < _MOST_PAGES else (max(top // PAGE_ROWS - 1, 0), 3)

    def row_at(self, index: int) -> Row | None:
        """The row at an index; None if its page is not in memory."""
        page = self._pages.get(index // PAGE_ROWS, ())
        return page[index % PAGE_ROWS] if 0 <= index < self.total and index % PAGE_ROWS < len(page) else None

    def show(
        self, rows: Sequence[Row], total: int, first_page: int = 0, *, chosen: str = "", top: bool = False
    ) -> None:
        """Show another list.

        Args:
            rows: Its rows, from the start of a page on.
            total: How many there are in all.
            first_page: The page that `rows` start with.
            chosen: The id to put the cursor on, if it is among the rows; otherwise the cursor keeps its index.
            top: Otherwise go to the first row.
        """
        before, self.generation = self.cursor, self.generation + 1
        self._asked.clear()
        self._pages = {
            first_page + start // PAGE_ROWS: tuple(rows[start : start + PAGE_ROWS])
            for start in range(0, len(rows), PAGE_ROWS)
        }
        found = next((place for place, row in enumerate(rows, first_page * PAGE_ROWS) if row.id == chosen), None)
        wanted = found if found is not None else 0 if top else before
        self.total, self.cursor = total, max(min(wanted, total - 1), 0)
        self.virtual_size = Size(self.size.width, total * _ROW_LINES)
        if top:
            self.is_touched = False
            self.scroll_to(y=0, animate=False)
        elif found is not None and found != before:  # scroll along with the entry
            self.scroll_to(y=max(self.scroll_offset.y + (found - before) * _ROW_LINES, 0), animate=False)
        self._follow()
        self.refresh()
        self._announce()

    def put_page(self, page: int, rows: tuple[Row, ...], generation: int) -> None:
        """Take a page that was asked for, unless the list has been replaced since."""
        if generation != self.generation:
            return
        self._asked.discard(page)
        self._pages[page] = rows
        while len(self._pages) > _MOST_PAGES:
            here = self.cursor // PAGE_ROWS
            del self._pages[max(self._pages, key=lambda number: abs(number - here))]
        self.refresh()
        self._announce()

    def choose(self, index: int) -> None:
        """Move the cursor to an index and scroll to it."""
        index = max(min(index, self.total - 1), 0)
        if index != self.cursor:
            self.cursor = index
            self.is_touched = True
            self.refresh()
            if index == self.total - 1:
                self.post_message(self.EndReached())
        self._follow()
        self._announce()

    def action_move(self, by: int) -> None:
        """Move down some rows, or up; up from the first row leaves the list."""
        if self.cursor + by < 0:
            self.post_message(self.LeftUpward())
        self.choose(self.cursor + by)

    def action_page(self, by: int) -> None:
        """Move down a screenful, or up."""
        self.choose(self.cursor + by * max(self.size.height // _ROW_LINES - 1, 1))

    def action_first(self) -> None:
        """Go to the first row."""
        self.choose(0)

    def action_last(self) -> None:
        """Go to the last row."""
        self.choose(self.total - 1)

    def action_open(self) -> None:
        """Read the chosen entry."""
        if self.chosen is not None:
            self.post_message(self.Opened(self.chosen))

    def on_click(self, event: events.Click) -> None:
        """Choose the row under the mouse; a double click reads it."""
        index = (event.y + int(self.scroll_offset.y)) // _ROW_LINES
        if index < self.total:
            self.choose(index)
            if event.chain == 2:
                self.action_open()

    def on_resize(self) -> None:
        """Keep the cursor visible."""
        self.virtual_size = Size(self.size.width, self.total * _ROW_LINES)
        self._follow()

    def watch_has_focus(self, has_focus: bool) -> None:
        """Draw the cursor for the new focus."""
        super().watch_has_focus(has_focus)
        self.refresh()

    def render_line(self, y: int) -> Strip:
        """One line of the screen: the upper or lower half of a row."""
        index, half = divmod(y + int(self.scroll_offset.y), _ROW_LINES)
        width = self.size.width
        base = self._row_style(index)
        if index >= self.total:
            return Strip.blank(width, base.rich_style)
        row = self.row_at(index)
        if row is None:
            self._ask_for(index // PAGE_ROWS)
            line = Content("  …" if half == 0 else "")
        else:
            line = (
                self._upper(row, width - 4, is_chosen=index == self.cursor)
                if half == 0
                else self._lower(row, width - 4)
            )
        mark = " "
        if index == self.cursor:
            mark = _MARK if self.has_focus else _BLURRED_MARK
        shown = Content.assemble((mark, self._style("mark")), " ", line)
        strips = Visual.to_strips(self, shown.truncate(width), width, 1, base, pad=True)
        return strips[0] if strips else Strip.blank(width, base.rich_style)

    def _upper(self, row: Row, width: int, *, is_chosen: bool) -> Content:
        """The title, and its age at the right."""
        return _spread(
            Content.assemble((row.title, Style(bold=is_chosen or None))),
            Content.assemble((age_text(row.updated_at, self._now()), self._style("meta"))),
            width,
        )

    def _lower(self, row: Row, width: int) -> Content:
        """The type and labels, and at the right how sure it is and why it was found."""
        left = [(row.kind, self._style("kind"))]
        if row.note:
            left.append((f"  {row.note}", self._style("note")))
        if row.labels:
            left.append((f"  {row.labels}", self._style("meta")))
        right = " · ".join(filter(None, (row.match, row.reason)))
        style = self._style("weak" if row.match == Match.WEAK.value else "reason")
        return _spread(Content.assemble(*left), Content.assemble((right, style)), width)

    def _row_style(self, index: int) -> Style:
        if index != self.cursor or not self.total:
            return self.visual_style
        return self.get_visual_style("entry-list--chosen" if self.has_focus else "entry-list--chosen-blurred")

    def _style(self, part: str) -> Style:
        styles = self.get_component_styles(f"entry-list--{part}")
        return Style(foreground=styles.color)

    def _ask_for(self, page: int) -> None:
        if page not in self._asked:
            self._asked.add(page)
            self.post_message(self.PageWanted(page, self.generation))

    def _follow(self) -> None:
        """Scroll just enough to show the cursor."""
        if self.total and self.size.height:
            region = Region(0, self.cursor * _ROW_LINES, 1, _ROW_LINES)
            self.scroll_to_region(region, animate=False, force=True, immediate=True)
            if self.row_at(self.cursor) is None:
                self._ask_for(self.cursor // PAGE_ROWS)

    def _announce(self) -> None:
        """Tell the screen if another entry is chosen."""
        row = self.chosen
        if row != self._announced and (row is not None or not self.total):
            self._announced = row
            self.post_message(self.Chosen(row))


def _spread(left: Content, right: Content, width: int) -> Content:
    """Two texts at the ends of a line; the left one is cut first, then the right one."""
    if not right.plain:
        return left.truncate(width, ellipsis=True)
    right = right.truncate(max(width * 2 // 3, 1), ellipsis=True)
    room = max(width - right.cell_length - 2, 1)
    return Content.assemble(left.truncate(room, ellipsis=True, pad=True), "  ", right)
