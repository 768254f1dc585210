"""The main screen: search line, list, detail and status, and how one moves between them."""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import replace
from functools import partial
from typing import ClassVar

from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.content import Content
from textual.widgets import Input, Static

from rekall.entry.types import Filters
from rekall.errors import NotFound, StorageError, Superseded
from rekall.knowledge_base import KnowledgeBase
from rekall.tui.changing import ChangingScreen
from rekall.tui.detail import DetailPane, LinkList
from rekall.tui.document import Document, make_document
from rekall.tui.entry_list import EntryList
from rekall.tui.finding import View, filters_text
from rekall.tui.key_bar import KeyBar
from rekall.tui.list_keeper import ListKeeper
from rekall.tui.rows import one_line
from rekall.tui.tasks import in_thread

WIDE = 100
"""From so many columns on, list and detail stand side by side; below, one takes the place of the other."""

POLL_S = 2.0
"""How often to ask whether another process wrote."""

_READ_DELAY_S = 0.06
"""The list may be run through faster than entries can be drawn."""

WELCOME = Content.assemble(
    ("Nothing is written down yet", "bold $primary"),
    "\n\n",
    ("a", "bold"),
    "   adds an entry\n",
    ("rekall import FOLDER", "bold"),
    "   takes in your Markdown notes\n",
    ("?", "bold"),
    "   shows every key",
)


class SearchLine(Input):
    """The search line; its footer says how to leave it."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "screen.to_list", "To the list", key_display="enter"),
        Binding("down", "screen.to_list", "To the list", show=False),
        Binding("escape", "screen.leave", "Clear"),
    ]


class MainScreen(ChangingScreen):
    """Finds, shows and changes entries."""

    AUTO_FOCUS = "EntryList"
    BINDINGS: ClassVar[list[BindingType]] = [
        # before others are asked, so that what is typed right after it is never taken for commands
        Binding("slash", "search", "Search", key_display="/", priority=True),
        Binding("f", "filter", "Filter"),
        Binding("F", "clear_filters", "Clear filters", show=False),
        Binding("s", "similar", "Similar"),
        Binding("l", "links", "Links"),
        Binding("a", "add", "Add"),
        Binding("e", "edit", "Edit"),
        Binding("E,ctrl+e", "edit_outside", "Editor", show=False),
        Binding("d", "delete", "Delete"),
        Binding("u", "undo", "Undo", show=False),
        Binding("y", "copy_content", "Copy", show=False),
        Binding("Y", "copy_id", "Copy id", show=False),
        Binding("b,backspace", "back", "Back", show=False),
        Binding("escape", "leave", "Back", show=False),
    ]

    def __init__(self, base: KnowledgeBase, limit: int) -> None:
        """Show a base.

        Args:
            base: An open base.
            limit: Hits of a search, to begin with; at the end of the list come more.
        """
        super().__init__(base)
        self._limit = limit
        self._version = base.version()
        self._read_id = ""
        self._trail: list[str] = []
        self._before_similar: list[tuple[View, str]] = []

    def compose(self) -> ComposeResult:
        """Search line, list and detail, status, keys."""
        with Horizontal(id="search"):
            yield Static("search", id="prompt", markup=False)
            yield SearchLine(placeholder='words or meaning, "a phrase", -without, type:bug', id="line", compact=True)
            yield Static(id="filters", markup=False)
        yield Static(WELCOME, id="welcome")
        with Horizontal(id="body"):
            yield EntryList(id="list", now=self.app.now)
            yield DetailPane(id="detail")
        with Horizontal(id="status-bar"):
            yield Static(id="state", markup=False)
            yield Static(id="model", markup=False)
        yield KeyBar()

    def on_mount(self) -> None:
        """Show the newest entries and begin to watch."""
        self.entry_list = self.query_one(EntryList)
        self.detail = self.query_one(DetailPane)
        self.links = self.query_one(LinkList)
        self.line = self.query_one(SearchLine)
        self.keeper = ListKeeper(self.base, self.entry_list, View(self._limit), self.show_state, self.app.warn)
        self.show_view(self.keeper.view)
        self.set_interval(POLL_S, self._poll)

    @property
    def is_reading(self) -> bool:
        """Whether keys are meant for the entry in the detail pane."""
        return self.detail.has_focus or self.links.has_focus

    @property
    def current_id(self) -> str:
        """The entry in the detail pane when the keyboard is there, else the one chosen in the list."""
        row = self.entry_list.chosen
        return self._read_id if self.is_reading else row.id if row else ""

    def fill(self, *, top: bool = False, delay_s: float = 0.0, chosen: str = "", quiet: bool = False) -> None:
        """Ask anew for what the list shows; see `ListKeeper.fill`."""

        async def work() -> None:
            try:
                await self.keeper.fill(top=top, delay_s=delay_s, chosen=chosen, quiet=quiet)
            except NotFound:
                if not self.keeper.view.like:
                    raise
                self.app.say("this entry was deleted", self.keeper.view.like_title)
                self.call_later(self._leave_similar)  # at the end of this, for it begins another

        self.start(work, "list", exclusive=True)

    def show_view(self, view: View, *, delay_s: float = 0.0, chosen: str = "") -> None:
        """Show something else in the list."""
        self.keeper.view = view
        self.query_one("#filters", Static).update(one_line(filters_text(view.filters)))
        self.fill(top=True, delay_s=delay_s, chosen=chosen)

    def show_state(self, text: str) -> None:
        """Say what the list shows, and whether the model is loaded."""
        self.query_one("#state", Static).update(one_line(text))
        self.query_one("#model", Static).update("model loaded" if self.base.is_model_loaded() else "model not loaded")
        self.set_class(self.keeper.is_base_empty, "empty")

    def show_change(self, entry_id: str) -> None:
        """Show the base after a change of ours."""
        if not entry_id and self.is_reading:
            self._close_detail()
        elif self._read_id:
            self.read(self._read_id, keep_place=True)
        self.fill(chosen=entry_id, quiet=True)

    def read(self, entry_id: str, *, delay_s: float = 0.0, keep_place: bool = False) -> None:
        """Show an entry in the detail pane."""
        self._read_id = entry_id
        self.start(partial(self._read, entry_id, delay_s, keep_place=keep_place), "detail", exclusive=True)

    def on_resize(self, event: events.Resize) -> None:
        """With room for both, the detail shows what the list has chosen."""
        if event.size.width >= WIDE and not self._read_id and self.entry_list.chosen:
            self.read(self.entry_list.chosen.id)

    def on_input_changed(self, event: Input.Changed) -> None:
        """Search as one types."""
        self._before_similar.clear()
        view = View(self._limit, event.value, self.keeper.view.filters)
        self.show_view(view, delay_s=self.app.debounce_s)

    def on_entry_list_left_upward(self) -> None:
        """Up from the first row goes to the search line."""
        self.line.focus()

    def on_entry_list_chosen(self, event: EntryList.Chosen) -> None:
        """The detail follows the list where both are in sight."""
        if event.row is None:
            self._read_id = ""
            self.workers.cancel_group(self, "detail")
            self.detail.show(Document.of_text(""))
        elif not self.is_reading:
            self._trail.clear()
            self._read_id = ""
            if self.has_class("wide"):
                self.read(event.row.id, delay_s=_READ_DELAY_S)

    def on_entry_list_opened(self, event: EntryList.Opened) -> None:
        """Read an entry, with the keyboard in the detail pane."""
        self._trail.clear()
        self._open(event.row.id)

    def on_entry_list_page_wanted(self, event: EntryList.PageWanted) -> None:
        """Bring a page of the list."""
        self.start(partial(self.keeper.bring_page, event.page, event.generation), "page")

    def on_entry_list_end_reached(self) -> None:
        """Ask for more hits."""
        if not self.keeper.is_busy and self.keeper.grow():
            self.fill(quiet=True)

    def on_detail_pane_followed(self, event: DetailPane.Followed) -> None:
        """Open a linked entry."""
        self._trail.append(self._read_id)
        self._open(event.entry_id)

    def action_search(self) -> None:
        """Go to the search line, at once: the next key may be waiting already."""
        self.remove_class("reading")
        self.set_focus(self.line)

    def action_to_list(self) -> None:
        """Go from the search line to the list."""
        self.entry_list.focus()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool:
        """In the search line a slash is a slash."""
        return action != "search" or not isinstance(self.focused, SearchLine)

    def action_leave(self) -> None:
        """One step back: out of the links, the search line, the detail, the neighbours, the query."""
        if self.links.has_focus:
            self.detail.focus()
        elif self.is_reading or self.keeper.view.like:
            self.action_back()
        else:
            self.line.value = ""
            self.entry_list.focus()

    def action_back(self) -> None:
        """To the entry before a linked one, from an entry to the list, from its neighbours to the list before."""
        if self.is_reading and self._trail:
            self._open(self._trail.pop())
        elif self.is_reading:
            self._close_detail()
        else:
            self._leave_similar()

    def action_filter(self) -> None:
        """Ask for filters."""
        from rekall.tui.dialogs import FilterDialog

        def apply(filters: Filters | None) -> None:
            if filters is not None:
                self.show_view(replace(self.keeper.view, filters=filters))

        self.app.push_screen(FilterDialog(self.keeper.view.filters), apply)

    def action_clear_filters(self) -> None:
        """Drop the filters."""
        self.show_view(replace(self.keeper.view, filters=Filters()))

    def action_similar(self) -> None:
        """Show what is near in meaning to the current entry."""
        if self.current_id:
            self.start(partial(self._similar, self.current_id), "list", exclusive=True)

    def action_links(self) -> None:
        """Go to the links of the current entry."""
        entry_id = self.current_id
        if entry_id:
            self.add_class("reading")
            self._read_id = entry_id
            self.start(partial(self._read_links, entry_id), "detail", exclusive=True)

    def _leave_similar(self) -> None:
        if self._before_similar:
            view, chosen = self._before_similar.pop()
            self.show_view(view, chosen=chosen)

    def _open(self, entry_id: str) -> None:
        self.add_class("reading")
        self.read(entry_id)
        self.call_after_refresh(self.detail.focus)  # it cannot have the keyboard before it is in sight

    def _close_detail(self) -> None:
        self._trail.clear()
        self.remove_class("reading")
        row = self.entry_list.chosen
        if self.has_class("wide") and row and row.id != self._read_id:
            self.read(row.id)
        self.call_after_refresh(self.entry_list.focus)

    async def _read(self, entry_id: str, delay_s: float, *, keep_place: bool) -> None:
        await asyncio.sleep(delay_s)
        row = self.entry_list.chosen
        why = row.why if row and row.id == entry_id else ""

        def load() -> Document:
            view = self.base.get(entry_id)
            return make_document(view, self.base.titles(view.links), why)

        try:
            document = await in_thread(load)
        except NotFound:
            document = Document.of_text("This entry was deleted.")
        self.detail.show(document, keep_place=keep_place)

    async def _read_links(self, entry_id: str) -> None:
        await self._read(entry_id, 0.0, keep_place=True)
        if not self.detail.focus_links():
            self.detail.focus()
            self.app.say("no links", "this entry is not linked with others")

    async def _similar(self, entry_id: str) -> None:
        before = (self.keeper.view, entry_id)
        title = (await in_thread(lambda: self.base.get(entry_id))).entry.title
        view = View(self._limit, before[0].line, before[0].filters, entry_id, one_line(title))
        try:
            await self.keeper.fill_similar(view)
        except Superseded:
            return
        self._before_similar.append(before)
        if self.is_reading:
            self._close_detail()

    async def _poll(self) -> None:
        """Show what another process wrote."""
        if self.keeper.is_busy:
            return
        with contextlib.suppress(StorageError):  # the next poll asks again, and whatever the person does tells it
            version = await in_thread(self.base.version)
            if version != self._version:
                self._version = version
                self.fill(quiet=True)
                if self._read_id:
                    self.read(self._read_id, keep_place=True)
        self.query_one("#model", Static).update("model loaded" if self.base.is_model_loaded() else "model not loaded")
