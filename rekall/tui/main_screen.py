"""The main screen: search line, list, detail and status, and the keys that move between them."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import ClassVar

from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.content import Content
from textual.style import Style
from textual.widgets import Input, Static

from rekall.entry.filters import Filters
from rekall.errors import NotFound, StorageError, Superseded
from rekall.knowledge_base import KnowledgeBase
from rekall.search.saved import expanded
from rekall.tui.document import Document, Find
from rekall.tui.entry_list import EntryList
from rekall.tui.finding import Refill, View
from rekall.tui.list_keeper import ListKeeper
from rekall.tui.reading import ReadingScreen
from rekall.tui.rows import one_line
from rekall.tui.screens import WIDE, Host
from rekall.tui.search_line import PickLine, SearchLine
from rekall.tui.tasks import in_thread
from rekall.tui.welcome import WELCOME, welcome
from rekall.tui.where import base_in, id_of

POLL_S = 2.0
"""How often to check whether another process has written."""

_READ_DELAY_S = 0.06
"""Holding a key moves through the list faster than entries can be drawn."""

_CHANGES = frozenset(
    {"add", "edit", "edit_outside", "open_source", "delete", "undo", "versions", "change", "link", "mark_all", "review"}
)
"""What a screen that is there to choose an entry does not do."""

_LAST = ("command_palette", "help", "quit")
_IN_LIST = ("search", "filter", "mark", "similar", "add", "edit", "delete", *_LAST)
_IN_MARKED = ("mark", "mark_all", "change", "link", "delete", "leave", *_LAST)
_IN_ENTRY = ("leave", "search", "edit", "delete", "links", "link", "similar", *_LAST)
_IN_MATCHES = ("leave", "next_match(1)", *_IN_ENTRY[2:])
_IN_LINE = ("enter_line", "bring_back", "leave")
_IN_EMPTY = ("add", *_LAST)
_IN_PICKER = ("open", "search", "filter", "similar", "leave", "command_palette", "help")


class MainScreen(ReadingScreen):
    """Finds and shows entries, and leaves it to what it is built on to read and change them."""

    AUTO_FOCUS = "EntryList"
    BINDINGS: ClassVar[list[BindingType]] = [
        # priority, so that keys typed right after / reach the search line
        Binding("slash", "search", "Search", key_display="/", priority=True, tooltip="Search: words, or what you mean"),
        Binding("f", "filter", "Filter", tooltip="Filter by type, tag, project, status or date"),
        Binding("F", "clear_filters", "Clear filters", show=False, tooltip="Drop all filters"),
        Binding("s", "similar", "Similar", tooltip="Entries near in meaning to this one"),
        Binding(
            "n", "next_match(1)", "Next match", show=False, tooltip="Next place that was searched for in the entry"
        ),
        Binding("N", "next_match(-1)", "Match before", show=False, tooltip="The place before"),
        Binding("b,backspace", "back", "Back", show=False, tooltip="Back to the entry before"),
        Binding("escape", "leave", "Back", show=False),
    ]

    def __init__(
        self,
        host: Host,
        base: KnowledgeBase,
        limit: int,
        *,
        line: str = "",
        pick: Callable[[str], None] | None = None,
    ) -> None:
        """Show a base.

        Args:
            host: The application.
            base: An open base.
            limit: How many hits a search shows at first; scrolling to the end asks for more.
            line: What is searched for at first.
            pick: Where the screen is there to choose an entry: called with its id. Nothing can be changed then.
        """
        super().__init__(host, base)
        self._pick = pick
        self.line = PickLine() if pick else SearchLine()
        self.keeper = ListKeeper(host, base, self.entry_list, View(limit, line), self.show_state, self.messages.advise)
        self._chips = Static(id="chips", markup=False)
        self._state = Static(id="state", markup=False)
        self._model = Static(id="model", markup=False)
        self._limit = limit
        self._version = base.version()
        self._said = ""
        self._asking: Refill | None = None
        self._before_similar: list[tuple[View, str]] = []
        self._welcome = WELCOME if base.count() else welcome()

    def compose(self) -> ComposeResult:
        """Search line, list and detail, status, keys."""
        with Horizontal(id="search"):
            yield Static(f"search {self.host.in_use}".strip(), id="prompt", markup=False)
            yield self.line
        yield self._chips
        yield Static(self._welcome, id="welcome")
        with Horizontal(id="body"):
            yield self.entry_list
            yield self.detail
        yield self.messages
        with Horizontal(id="status-bar"):
            yield self._state
            yield self._model
        yield self.keys

    def on_mount(self) -> None:
        """Show the newest entries and watch for changes by other processes."""
        with self.line.prevent(Input.Changed):
            self.line.value = self.keeper.view.line
        if self._pick:
            self.set_focus(self.line, scroll_visible=False)
        self.show_view(self.keeper.view)
        self.set_interval(POLL_S, self._poll)

    @property
    def asked(self) -> str:
        """The query whose answer the list shows."""
        return self.keeper.view.line

    def finder(self) -> Find:
        """Finds the words of the query."""
        return self.keeper.finder()

    def fill(self, refill: Refill) -> None:
        """Ask again for what the list shows, in place of a request under way."""

        async def work() -> None:
            try:
                await self.keeper.fill(refill)
            except NotFound:
                if not self.keeper.view.like:
                    raise
                self.host.say("this entry was deleted", self.keeper.view.like_title)
                self.call_later(self._leave_similar)  # after this request, since it makes another
            finally:
                if self._asking is refill:
                    self._asking = None
                    self.host.take_keys()

        self._asking = refill
        self.start(work, "list", exclusive=True)

    def holds(self, key: str) -> bool:
        """In the list keys are about what was typed, not about what is still to be seen; so is the enter that chooses."""
        is_behind = self._asking is not None and (self.keeper.is_behind or self._asking.changed)
        is_for_list = self.entry_list.has_focus and key != "slash"
        return super().holds(key) or (is_behind and (is_for_list or (self._pick is not None and key == "enter")))

    def show_view(self, view: View, *, delay_s: float = 0.0, chosen: str = "") -> None:
        """Show something else in the list."""
        self.keeper.view = view
        self._show_chips(view.filters)
        self.fill(Refill(top=True, delay_s=delay_s, chosen=chosen))

    def show_state(self, text: str) -> None:
        """Say how many are marked, what the list shows, and whether the model is loaded."""
        self._said = text
        self._state.update(one_line(" · ".join(filter(None, (self._marked_text(), text)))))
        self.show_due()
        self.set_class(self.keeper.is_base_empty, "empty")
        self.host.take_keys()

    def show_change(self, key: str) -> None:
        """Show the base after a change made here; the key is empty when the entry is gone."""
        if not key and self.is_reading:
            self._close_detail()
        elif self._read_key:
            self.read(self._read_key, keep_place=True)
        self._unmark_gone()
        self.fill(Refill(chosen=key, quiet=True, changed=True))

    def on_resize(self, event: events.Resize) -> None:
        """With room for both, the detail shows what the list has chosen."""
        if event.size.width >= WIDE and not self._read_key and self.entry_list.chosen:
            self.read(self.entry_list.chosen.key)

    def on_input_changed(self, event: Input.Changed) -> None:
        """Search while the person types."""
        self._before_similar.clear()
        is_literal, line = self.line.is_literal, self.line.query_text
        line = line if is_literal else expanded(line, self.host.settings.searches)
        view = View(self._limit, line, self.keeper.view.filters, literal=is_literal)
        self.show_view(view, delay_s=self.host.debounce_s)

    def on_paste(self, event: events.Paste) -> None:
        """What is pasted outside of any field is searched for."""
        self.action_search()
        self.line.take(event.text)

    def on_entry_list_left_upward(self) -> None:
        """Up from the first row goes to the search line."""
        self.line.focus()

    def on_entry_list_chosen(self, event: EntryList.Chosen) -> None:
        """Show the chosen entry in the detail pane if both are visible."""
        if event.row is None:
            self._read_key = ""
            self.workers.cancel_group(self, "detail")
            self.detail.show(Document.of_text(""))
        elif not self.is_reading:
            self._trail.clear()
            self._read_key = ""
            if self.has_class("wide"):
                self.read(event.row.key, delay_s=_READ_DELAY_S)

    def on_entry_list_opened(self, event: EntryList.Opened) -> None:
        """Read an entry, and move the keyboard to the detail pane; or choose it."""
        if self._pick:
            self._pick(event.row.id)
        else:
            self._trail.clear()
            self._open(event.row.key)

    def on_entry_list_marked(self) -> None:
        """Say how many are marked, and show the keys that act on them."""
        self.show_state(self._said)
        self.refresh_bindings()

    def on_entry_list_page_wanted(self, event: EntryList.PageWanted) -> None:
        """Load a page of the list."""
        self.start(partial(self.keeper.bring_page, event.page, event.generation), "page")

    def on_entry_list_end_reached(self) -> None:
        """Ask for more hits."""
        if not self.keeper.is_busy and self.keeper.grow():
            self.fill(Refill(quiet=True))

    def action_search(self) -> None:
        """Go to the search line without delay: the next key may already be waiting."""
        self.remove_class("reading")
        self.set_focus(self.line)

    def action_to_list(self) -> None:
        """Leave the search line for the list."""
        self.entry_list.focus()

    def action_enter_line(self) -> None:
        """Enter in the search line: go to the list, or choose the entry that the list is at."""
        if self._pick:
            self.entry_list.action_open()
        else:
            self.action_to_list()

    def bar(self) -> Sequence[str] | None:
        """What the line of keys shows, in order: of what can be done where the keyboard is, what is done most."""
        if self.line.has_focus:
            return _IN_LINE
        if self.is_reading:
            return _IN_MATCHES if self.detail.has_matches else _IN_ENTRY
        if self.entry_list.has_focus and self._pick:
            return _IN_PICKER
        if self.entry_list.has_focus:
            return _IN_MARKED if self.entry_list.marked else _IN_LIST
        return _IN_EMPTY if self.has_class("empty") else None

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool:
        """In the search line, / types a slash; where an entry is only chosen, nothing is changed."""
        if self._pick and action in _CHANGES:
            return False
        return action != "search" or not isinstance(self.focused, SearchLine)

    def action_leave(self) -> None:
        """Step back: links → entry, then as `action_back` does; in the list, take the marks away, then clear the query."""
        if self.detail.links.has_focus:
            self.detail.focus()
        elif self.entry_list.has_focus and self.entry_list.marked:
            self.entry_list.mark(list(self.entry_list.marked), is_marked=False)
        elif self.is_reading or self.keeper.view.like:
            self.action_back()
        elif self._pick and not self.line.value:
            self.app.exit()
        else:
            self.line.drop()
            (self.line if self._pick else self.entry_list).focus()

    def action_back(self) -> None:
        """Step back: linked entry → previous entry → list; similar entries → previous list."""
        if self.is_reading and self._trail:
            self._open(self._trail.pop())
        elif self.is_reading:
            self._close_detail()
        else:
            self._leave_similar()

    def action_filter(self) -> None:
        """Open the dialog of filters."""
        from rekall.tui.facets import FacetDialog

        self.app.push_screen(FacetDialog(self.base, self.keeper.view.filters, self._set_filters))

    def action_drop_filter(self, name: str, value: str) -> None:
        """Drop one value of the filters."""
        from rekall.tui.facets import toggled

        self._set_filters(toggled(self.keeper.view.filters, name, value))

    def action_clear_filters(self) -> None:
        """Drop the filters."""
        self._set_filters(Filters())

    def action_mark_all(self) -> None:
        """Mark every entry of the list, also those that were not scrolled to."""

        async def work() -> None:
            self._state.update("marking …")
            self.entry_list.mark(await self.keeper.all_ids())

        self.start(work, "mark")

    def action_similar(self) -> None:
        """Show the entries near in meaning to the current one."""
        if self.current_key:
            self.start(partial(self._similar, self.current_key), "list", exclusive=True)

    def _set_filters(self, filters: Filters) -> None:
        self.show_view(replace(self.keeper.view, filters=filters))

    def _show_chips(self, filters: Filters) -> None:
        """The filters below the search line; a click drops one."""
        from rekall.tui.facets import chips

        shown = [
            Content.assemble((text, "$warning"), (" ✕", "$foreground 55%")).stylize(
                Style.from_meta({"@click": f"screen.drop_filter({name!r}, {value!r})"})
            )
            for name, value, text in chips(filters)
        ]
        keys = Content.assemble(("   f changes, F drops them", "$foreground 55%")) if shown else Content("")
        self._chips.update(Content("   ").join(shown) + keys)

    def _marked_text(self) -> str:
        """How many entries are marked, and how many of those are not to be seen in the list."""
        if not self.entry_list.marked:
            return ""
        elsewhere = self.entry_list.marked_elsewhere
        return f"{len(self.entry_list.marked):,} marked" + (f", {elsewhere:,} elsewhere" if elsewhere else "")

    def _unmark_gone(self) -> None:
        """Take the marks of entries away that were deleted."""

        async def work() -> None:
            gone = await in_thread(partial(self.gone, list(self.entry_list.marked)))
            self.entry_list.mark(gone, is_marked=False)

        if self.entry_list.marked:
            self.start(work, "mark")

    def _leave_similar(self) -> None:
        if self._before_similar:
            view, chosen = self._before_similar.pop()
            self.show_view(view, chosen=chosen)

    async def _similar(self, key: str) -> None:
        before = (self.keeper.view, key)
        title = (await in_thread(lambda: self.opened(base_in(key)).get(id_of(key)))).entry.title
        view = View(self._limit, before[0].line, before[0].filters, key, one_line(title))
        try:
            await self.keeper.fill_similar(view)
        except Superseded:
            return
        self._before_similar.append(before)
        if self.is_reading:
            self._close_detail()

    async def _poll(self) -> None:
        """Show what another process has written."""
        if self.keeper.is_busy:
            return
        with contextlib.suppress(StorageError):  # the next poll tries again, and any action reports it
            version = await in_thread(self.base.version)
            if version != self._version:
                self._version = version
                self._unmark_gone()
                self.fill(Refill(quiet=True))
                if self._read_key:
                    self.read(self._read_key, keep_place=True)
        self.show_due()

    def show_due(self) -> None:
        """Say what is due, and whether the model is loaded."""
        due = f"{self.to_review} to review · " if self.to_review and not self._pick else ""
        self._model.update(f"{due}model {'loaded' if self.base.index.is_model_loaded() else 'not loaded'}")
