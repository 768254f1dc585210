"""Reading: the entry in the detail pane, the way through its links, and the places in it that were searched for."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import ClassVar

from textual.binding import Binding, BindingType

from rekall.errors import NotFound
from rekall.knowledge_base import KnowledgeBase
from rekall.tui.detail import DetailPane
from rekall.tui.document import Document, Find, make_document
from rekall.tui.entry_keys import EntryKeys
from rekall.tui.screens import Host
from rekall.tui.tasks import in_thread


class ReadingScreen(EntryKeys):
    """A screen whose entries can be read: in place of the list, or beside it where there is room."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("l", "links", "Links", show=False, tooltip="Go to the links of the entry"),
        Binding("T", "tree", "Tree", show=False, tooltip="What is linked around the entry, as a tree"),
        Binding("n", "next_match(1)", "Next match", show=False, tooltip="Go to the next place that was searched for"),
        Binding("N", "next_match(-1)", "Match before", show=False, tooltip="Go to the place before"),
    ]

    def __init__(self, host: Host, base: KnowledgeBase) -> None:
        super().__init__(host, base)
        self._read_id = ""
        self._trail: list[str] = []

    def finder(self) -> Find:
        """Finds what was searched for in a text; called in a thread."""
        raise NotImplementedError

    @property
    def current_id(self) -> str:
        """The id of the entry that keys act on: the one being read, else the one chosen in the list; or empty."""
        row = self.entry_list.chosen
        return self._read_id if self.is_reading else row.id if row else ""

    def read(self, entry_id: str, *, delay_s: float = 0.0, keep_place: bool = False) -> None:
        """Show an entry in the detail pane."""
        self._read_id = entry_id
        self.start(partial(self._read, entry_id, delay_s, keep_place=keep_place), "detail", exclusive=True)

    def on_detail_pane_followed(self, event: DetailPane.Followed) -> None:
        """Open a linked entry."""
        self._trail.append(self._read_id)
        self._open(event.entry_id)

    def action_next_match(self, by: int) -> None:
        """Go to the next place in the entry that was searched for."""
        if not self.has_class("wide") and not self.is_reading:
            return
        place, total = self.detail.next_match(by)
        if total:
            self.host.say(f"match {place} of {total}", "n the next, N the one before")
        else:
            self.host.say("no match", "nothing in this entry was searched for")

    def action_links(self) -> None:
        """Go to the links of the current entry."""
        entry_id = self.current_id
        if entry_id:
            self.add_class("reading")
            self._read_id = entry_id
            self.start(partial(self._read_links, entry_id), "detail", exclusive=True)

    @property
    def asked(self) -> str:
        """The query whose answer the list shows."""
        return ""

    def action_tree(self) -> None:
        """Show what is linked around the current entry."""
        from rekall.tui.link_tree import TreeActions

        start = self.current_id

        def read(entry_id: str) -> None:
            if entry_id != start:
                self._trail.append(start)
            self._open(entry_id)

        TreeActions(self, self.base, read).show(start)

    def _open(self, entry_id: str) -> None:
        self.base.lookups.note_opened([entry_id], after=self.asked)
        self.add_class("reading")
        self.read(entry_id)
        self.set_focus(self.detail)  # at once: a key typed next may move the keyboard on

    def _close_detail(self) -> None:
        self._trail.clear()
        self.remove_class("reading")
        row = self.entry_list.chosen
        if self.has_class("wide") and row and row.id != self._read_id:
            self.read(row.id)
        self.set_focus(self.entry_list)

    async def _read(self, entry_id: str, delay_s: float, *, keep_place: bool) -> None:
        await asyncio.sleep(delay_s)
        row = self.entry_list.chosen
        why, at = (row.why, row.at) if row and row.id == entry_id else ("", 0)

        def load() -> Document:
            view = self.base.get(entry_id)
            short = self.base.short_ids([line.other.id for line in view.links])
            return make_document(view, why, self.finder(), at, short)

        try:
            document = await in_thread(load)
        except NotFound:
            document = Document.of_text("This entry was deleted.")
        self.detail.show(document, keep_place=keep_place)
        self.refresh_bindings()

    async def _read_links(self, entry_id: str) -> None:
        await self._read(entry_id, 0.0, keep_place=True)
        if not self.detail.focus_links():
            self.detail.focus()
            self.host.say("no links", "this entry is not linked to others")
