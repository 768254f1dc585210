"""The detail pane: one entry in full, and the entries it is linked to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.content import Content
from textual.geometry import Size
from textual.message import Message
from textual.widget import Widget
from textual.widgets import OptionList, Static
from textual.widgets.option_list import Option

from rekall.tui.document import Document
from rekall.wording import printable

if TYPE_CHECKING:
    from rekall.tui.markdown import MarkdownText


class MarkdownView(Widget):
    """Draws a `MarkdownText` to fit its width."""

    def __init__(self) -> None:
        super().__init__(id="content")
        self._text: MarkdownText | None = None
        self._laid_out = (0, Content(""))

    def show(self, text: MarkdownText | None) -> None:
        """Draw another text; None hides the widget."""
        self._text = text
        self._laid_out = (0, Content(""))
        self.display = text is not None
        self.refresh(layout=True)

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:
        """The number of lines at this width."""
        return self._for_width(width).plain.count("\n") + 1

    def render(self) -> Content:
        """The whole text."""
        return self._for_width(self.size.width)

    def action_copy_address(self, address: str) -> None:
        """Copy the address of a clicked link; whether to open it is up to the person."""
        self.app.copy_to_clipboard(address)
        self.app.notify(printable(address), title="copied the address", markup=False)

    def _for_width(self, width: int) -> Content:
        if self._text is not None and self._laid_out[0] != width:
            self._laid_out = (width, Content("\n").join(self._text.laid_out(max(width, 10))))
        return self._laid_out[1]


class LinkList(OptionList):
    """Linked entries, one per line."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("j", "cursor_down", "Down", show=False),
        Binding("k", "cursor_up", "Up", show=False),
    ]

    def __init__(self) -> None:
        super().__init__(id="links", markup=False, compact=True)


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
        self._head = Static(id="head", markup=False)
        self._markdown = MarkdownView()
        self._plain = Static(id="plain", markup=False)
        self._tail = Static(id="tail", markup=False)
        self._targets: list[str] = []

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
        self._head.update(document.head)
        for part, content in ((self._plain, Content(document.plain)), (self._tail, document.tail)):
            part.display = bool(content.plain)
            part.update(content)
        self._markdown.show(document.markdown)
        self.links.display = bool(document.links)
        self.links.set_options([Option(line, str(place)) for place, (_, line) in enumerate(document.links)])
        self._targets = [target for target, _ in document.links]
        if not keep_place:
            self.scroll_home(animate=False, immediate=True)

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
        self.post_message(self.Followed(self._targets[event.option_index]))
