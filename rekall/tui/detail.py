"""The detail pane: one entry in full, and the entries it is linked to."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, NamedTuple

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.content import Content, Span
from textual.geometry import Size
from textual.message import Message
from textual.widget import Widget
from textual.widgets import OptionList
from textual.widgets.option_list import Option

from rekall.entry.view import LinkLine
from rekall.tui.document import Document, Part
from rekall.tui.markdown import CURRENT, MarkdownText, cells, drawn
from rekall.typeset.text import Line, wrapped
from rekall.wording import printable


class MarkdownView(Widget):
    """Draws a `MarkdownText` to fit its width."""

    def __init__(self) -> None:
        super().__init__(id="content")
        self._text: MarkdownText | None = None
        self._laid_out: tuple[int, list[Line]] = (0, [])
        self._drawn = (-1, 0, Content(""))
        self._current = -1

    def show(self, text: MarkdownText | None) -> None:
        """Draw another text; None hides the widget."""
        self._text = text
        self._laid_out, self._current = (0, []), -1
        self._drawn = (-1, 0, Content(""))
        self.display = text is not None
        self.refresh(layout=True)

    @property
    def stops(self) -> list[int]:
        """The lines in which something stands that was searched for."""
        return [place for place, line in enumerate(self._lines(self.size.width)) if line.has_match]

    def at_source(self, line: int) -> int:
        """Where the block begins that a line of the source belongs to."""
        lines = self._lines(self.size.width)
        block = max((each.source for each in lines if each.source <= line), default=0)
        return next((place for place, each in enumerate(lines) if each.source == block), 0)

    def emphasise(self, line: int) -> None:
        """Make the matches of one line stand out more; -1 for none."""
        if line != self._current:
            self._current = line
            self.refresh()

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:
        """The number of lines at this width."""
        return max(len(self._lines(width)), 1)

    def render(self) -> Content:
        """The whole text."""
        lines = self._lines(self.size.width)
        if self._drawn[:2] != (self._laid_out[0], self._current):
            drawn_lines = [drawn(line.runs, is_current=place == self._current) for place, line in enumerate(lines)]
            self._drawn = (self._laid_out[0], self._current, Content("\n").join(drawn_lines))
        return self._drawn[2]

    def action_copy_address(self, address: str) -> None:
        """Copy the address of a clicked link; whether to open it is up to the person."""
        self.app.copy_to_clipboard(address)
        self.app.notify(printable(address), title="copied the address", markup=False)

    def _lines(self, width: int) -> list[Line]:
        if self._text is not None and self._laid_out[0] != width:
            self._laid_out = (width, self._text.lines(max(width, 10)))
        return self._laid_out[1]


class PartView(Widget):
    """Draws a `Part` to fit its width."""

    def __init__(self, *, id: str) -> None:
        super().__init__(id=id)
        self._part = Part(Content(""))
        self._laid_out: tuple[int, list[tuple[int, int]]] = (0, [])
        self._current = -1

    def show(self, part: Part) -> None:
        """Draw another text."""
        self._part, self._laid_out, self._current = part, (0, []), -1
        self.refresh(layout=True)

    @property
    def stops(self) -> list[int]:
        """The lines in which something stands that was searched for."""
        starts = [start for start, _ in self._lines(self.size.width)]
        return list(dict.fromkeys(bisect_right(starts, place) - 1 for place, _ in self._part.places))

    def emphasise(self, line: int) -> None:
        """Make the matches of one line stand out more; -1 for none."""
        if line != self._current:
            self._current = line
            self.refresh()

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:
        """The number of lines at this width."""
        return max(len(self._lines(width)), 1)

    def render(self) -> Content:
        """The whole text."""
        lines, content = self._lines(self.size.width), self._part.content
        spans = list(content.spans)
        if 0 <= self._current < len(lines):
            first, behind = lines[self._current]
            spans += [Span(start, end, CURRENT) for start, end in self._part.places if first <= start < behind]
        return _folded(content.plain, spans, lines)

    def _lines(self, width: int) -> list[tuple[int, int]]:
        if self._laid_out[0] != width:
            self._laid_out = (width, wrapped(self._part.content.plain, max(width, 10), cells))
        return self._laid_out[1]


def _folded(text: str, spans: Sequence[Span], lines: Sequence[tuple[int, int]]) -> Content:
    """A text cut into lines. Cutting a `Content` line by line would look at thousands of spans thousands of times."""
    starts = [start for start, _ in lines]
    moved = [0]
    for start, end in lines:
        moved.append(moved[-1] + end - start + 1)

    def place(old: int) -> int:
        at = max(bisect_right(starts, old) - 1, 0)
        return moved[at] + min(old, lines[at][1]) - starts[at]

    placed = [Span(place(start), place(end), style) for start, end, style in spans]
    return Content("\n".join(text[start:end] for start, end in lines), placed)


class LinkList(OptionList):
    """Linked entries, one per line."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("j", "cursor_down", "Down", show=False),
        Binding("k", "cursor_up", "Up", show=False),
    ]

    def __init__(self) -> None:
        super().__init__(id="links", markup=False, compact=True)


class _Stop(NamedTuple):
    """A line with a match: where it is in the document, and which line of which view."""

    line: int
    view: PartView | MarkdownView
    place: int


class DetailPane(VerticalScroll, can_focus=True):
    """Shows a `Document`."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "screen.leave", "Back"),
        Binding("q", "app.quit", "Quit", show=False),  # 80 columns are too few for both
        Binding("j", "scroll_down", "Down", show=False),
        Binding("k", "scroll_up", "Up", show=False),
        Binding("space", "page_down", "Page down", show=False),
        Binding("g", "scroll_home", "Beginning", show=False),
        Binding("G", "scroll_end", "End", show=False),
    ]

    @dataclass
    class Followed(Message):
        """The person chose a linked entry to read."""

        entry_id: str

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.links = LinkList()
        self._head = PartView(id="head")
        self._markdown = MarkdownView()
        self._plain = PartView(id="plain")
        self._tail = PartView(id="tail")
        self._links: tuple[LinkLine, ...] = ()
        self._stop = -1
        self.has_matches = False
        """Whether something in it was searched for."""

    def compose(self) -> ComposeResult:
        """Head, content, tail and links."""
        yield from (self._head, self._markdown, self._plain, self._tail, self.links)

    def on_mount(self) -> None:
        """Start empty."""
        for part in (self._markdown, self._plain, self._tail, self.links):
            part.display = False

    def show(self, document: Document, *, keep_place: bool = False) -> None:
        """Show an entry.

        Args:
            document: What to show.
            keep_place: Keep the scroll position, for an entry that is already shown.
        """
        for view, part in ((self._head, document.head), (self._plain, document.plain), (self._tail, document.tail)):
            view.display = view is self._head or bool(part.content.plain)
            view.show(part)
        self._markdown.show(document.markdown)
        self._links = tuple(line for line, _ in document.links)
        self.links.display = bool(document.links)
        self.links.set_options([Option(line, str(place)) for place, (_, line) in enumerate(document.links)])
        self._stop = -1
        self.has_matches = document.has_matches
        if not keep_place:
            self.scroll_home(animate=False, immediate=True)
            if document.line is not None:
                self.call_after_refresh(self._begin_at, document.line)

    @property
    def chosen_link(self) -> LinkLine | None:
        """The link under the cursor; None while the keyboard is elsewhere."""
        place = self.links.highlighted
        return self._links[place] if self.links.has_focus and place is not None else None

    def next_match(self, by: int) -> tuple[int, int]:
        """Go to the next line with something that was searched for, or the one before; behind the last comes the first.

        Returns:
            Its number from 1, and how many there are; zeros for none.
        """
        stops = self._stops()
        if not stops:
            return 0, 0
        if self._stop < 0:  # from what is to be seen
            behind = [place for place, (line, *_) in enumerate(stops) if line >= self.scroll_offset.y]
            first = behind[0] if behind else 0
            self._stop = first if by > 0 else first - 1
        else:
            self._stop += by
        self._stop %= len(stops)
        self._go_to(stops[self._stop])
        return self._stop + 1, len(stops)

    def _begin_at(self, source: int) -> None:
        """Go to the first match at or behind a line of the content, else to that line."""
        if not self._markdown.display:
            return
        begin = self._markdown.virtual_region.y + self._markdown.at_source(source)
        stops = self._stops()
        found = next((at for at, (line, *_) in enumerate(stops) if line >= begin), None)
        if found is None:
            self._scroll_to_line(begin)
        else:
            self._stop = found
            self._go_to(stops[found])

    def _go_to(self, stop: _Stop) -> None:
        for each in self._views():
            each.emphasise(stop.place if each is stop.view else -1)
        self._scroll_to_line(stop.line)

    def _scroll_to_line(self, line: int) -> None:
        """Show a line of the document; where it is to be seen already, nothing moves."""
        top, height = self.scroll_offset.y, self.size.height
        if not top <= line < top + height - 1:
            self.scroll_to(y=max(line - height // 3, 0), animate=False, immediate=True)

    def _stops(self) -> list[_Stop]:
        """The lines with matches, from top to bottom."""
        return [
            _Stop(view.virtual_region.y + place, view, place)
            for view in self._views()
            if view.display
            for place in view.stops
        ]

    def _views(self) -> tuple[PartView | MarkdownView, ...]:
        return (self._head, self._markdown, self._plain, self._tail)

    def focus_links(self) -> bool:
        """Move the keyboard to the links. Returns whether there are any."""
        if not self.links.option_count:
            return False
        self.links.highlighted = 0
        self.links.focus(scroll_visible=False)
        self.call_after_refresh(self.scroll_end, animate=False)
        return True

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        """Tell the screen which entry to open."""
        event.stop()
        self.post_message(self.Followed(self._links[event.option_index].other.id))
