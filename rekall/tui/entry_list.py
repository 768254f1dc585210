"""The list of entries: draws the visible rows, holds the pages around them, and knows which entries are marked."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
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

from rekall.tui.row_lines import lower_line, upper_line
from rekall.tui.rows import Row
from rekall.wording import age_text

PAGE_ROWS = 50
_MOST_PAGES = 8
"""How many pages to keep in memory: more than are visible at once."""

_ROW_LINES = 2
_MARK, _BLURRED_MARK = "▌", "│"
"""Stands before the chosen row, so that it stands out without colour: when focused, and when not."""

_CHECK = "✓"
"""Stands before a marked row."""

_SIDE = 2
"""Columns before and after a row's text."""


class EntryList(ScrollView, can_focus=True):
    """Any number of rows of two lines. Asks for the pages it needs with `PageWanted`."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up,k", "move(-1)", "Up", show=False),
        Binding("down,j", "move(1)", "Down", show=False),
        Binding("pageup", "page(-1)", "Page up", show=False),
        Binding("pagedown", "page(1)", "Page down", show=False),
        Binding("home,g", "first", "First", show=False),
        Binding("end,G", "last", "Last", show=False),
        Binding("enter", "open", "Choose", show=False, key_display="enter", tooltip="Read the entry"),
        Binding("x,space", "mark", "Mark", tooltip="Mark the entry, or take its mark away"),
        Binding("X", "mark_range", "Mark to here", show=False, tooltip="Mark all from the last marked one to here"),
        Binding("shift+down", "mark_and_move(1)", "Mark", show=False),
        Binding("shift+up", "mark_and_move(-1)", "Mark", show=False),
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
        "entry-list--text",
        "entry-list--match",
        "entry-list--check",
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

    @dataclass
    class Marked(Message):
        """Other entries are marked than before."""

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
        self._marked_last = -1
        self.marked: dict[str, None] = {}
        """The keys of the marked entries, in the order in which they were marked. They need not be in the list."""
        self.empty_text = Content("")
        """What stands in place of the rows where there are none."""
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

    @property
    def marked_elsewhere(self) -> int | None:
        """How many marked entries are not in the list; None while not all of the list is in memory."""
        here = {row.key for page in self._pages.values() for row in page}
        others = sum(key not in here for key in self.marked)
        return others if not others or self.total <= sum(map(len, self._pages.values())) else None

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
            chosen: The key to put the cursor on, if it is among the rows; otherwise the cursor keeps its index.
            top: Otherwise go to the first row.
        """
        before, self.generation = self.cursor, self.generation + 1
        self._asked.clear()
        self._marked_last = -1
        self._pages = {
            first_page + start // PAGE_ROWS: tuple(rows[start : start + PAGE_ROWS])
            for start in range(0, len(rows), PAGE_ROWS)
        }
        found = next((place for place, row in enumerate(rows, first_page * PAGE_ROWS) if row.key == chosen), None)
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

    def mark(self, keys: Iterable[str], *, is_marked: bool = True) -> None:
        """Mark entries, or take their marks away."""
        for key in keys:
            if is_marked:
                self.marked[key] = None
            else:
                self.marked.pop(key, None)
        self.refresh()
        self.post_message(self.Marked())

    def action_mark(self) -> None:
        """Mark the chosen entry or take its mark away, and go to the next."""
        self._mark_at(self.cursor)
        if self.cursor < self.total - 1:
            self.choose(self.cursor + 1)

    def action_mark_and_move(self, by: int) -> None:
        """Mark the chosen entry and the one beside it, and go there."""
        self._mark_rows(self.cursor, self.cursor + by)
        self.choose(self.cursor + by)

    def action_mark_range(self) -> None:
        """Mark every entry from the last marked one to the chosen one."""
        self._mark_rows(self.cursor if self._marked_last < 0 else self._marked_last, self.cursor)

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
        """Choose the row under the mouse; a double click reads it. With ctrl, or before the row, it marks; with shift to there."""
        index = (event.y + int(self.scroll_offset.y)) // _ROW_LINES
        if index >= self.total:
            return
        before = self.cursor
        self.choose(index)
        if event.shift:
            self._mark_rows(before if self._marked_last < 0 else self._marked_last, index)
        elif event.ctrl or event.x < _SIDE:
            self._mark_at(index)
        elif event.chain == 2:
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
            return self._empty_line(y) if not self.total else Strip.blank(width, base.rich_style)
        row = self.row_at(index)
        inner = width - 2 * _SIDE
        if row is None:
            self._ask_for(index // PAGE_ROWS)
            line = Content("…" if half == 0 else "")
        else:
            line = self._half(row, half, inner, is_chosen=index == self.cursor)
        mark = " "
        if index == self.cursor:
            mark = _MARK if self.has_focus else _BLURRED_MARK
        check = _CHECK if half == 0 and row is not None and row.key in self.marked else " "
        shown = Content.assemble((mark, self._style("mark")), (check, self._style("check")), line)
        strips = Visual.to_strips(self, shown.truncate(width), width, 1, base, pad=True)
        return strips[0] if strips else Strip.blank(width, base.rich_style)

    def _half(self, row: Row, half: int, width: int, *, is_chosen: bool) -> Content:
        if half:
            return lower_line(row, width, self._style)
        return upper_line(row, age_text(row.updated_at, self._now()), width, self._style, is_chosen=is_chosen)

    def _empty_line(self, y: int) -> Strip:
        """A line of what is said where there are no rows."""
        width, base = self.size.width, self.visual_style
        lines = self.empty_text.wrap(max(width - 2 * _SIDE, 8)) if self.empty_text.plain else []
        line = Content.assemble(" " * _SIDE, lines[y]) if y < len(lines) else Content("")
        strips = Visual.to_strips(self, line.truncate(width), width, 1, base, pad=True)
        return strips[0] if strips else Strip.blank(width, base.rich_style)

    def _row_style(self, index: int) -> Style:
        if index != self.cursor or not self.total:
            return self.visual_style
        return self.get_visual_style("entry-list--chosen" if self.has_focus else "entry-list--chosen-blurred")

    def _style(self, part: str) -> Style:
        styles = self.get_component_styles(f"entry-list--{part}")
        return Style(foreground=styles.color)

    def _mark_at(self, index: int) -> None:
        row = self.row_at(index)
        if row is not None:
            self._marked_last = index
            self.mark([row.key], is_marked=row.key not in self.marked)

    def _mark_rows(self, first: int, last: int) -> None:
        """Mark what lies between two rows, both included, as far as it is in memory."""
        rows = [self.row_at(index) for index in range(min(first, last), max(first, last) + 1)]
        self._marked_last = max(last, 0)
        self.mark(row.key for row in rows if row is not None)

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
