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
from rekall.tui.where import base_in, id_of, key_of


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
        self._read_key = ""
        self._trail: list[str] = []

    def finder(self) -> Find:
        """Finds what was searched for in a text; called in a thread."""
        raise NotImplementedError

    @property
    def current_key(self) -> str:
        """The key of the entry that keys act on: the one being read, else the one chosen in the list; or empty."""
        row = self.entry_list.chosen
        return self._read_key if self.is_reading else row.key if row else ""

    def read(self, key: str, *, delay_s: float = 0.0, keep_place: bool = False) -> None:
        """Show an entry in the detail pane."""
        self._read_key = key
        self.start(partial(self._read, key, delay_s, keep_place=keep_place), "detail", exclusive=True)

    def on_detail_pane_followed(self, event: DetailPane.Followed) -> None:
        """Open a linked entry."""
        self._trail.append(self._read_key)
        self._open(key_of(event.entry_id, base_in(self._read_key)))

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
        key = self.current_key
        if key:
            self.add_class("reading")
            self._read_key = key
            self.start(partial(self._read_links, key), "detail", exclusive=True)

    @property
    def asked(self) -> str:
        """The query whose answer the list shows."""
        return ""

    def action_tree(self) -> None:
        """Show what is linked around the current entry."""
        from rekall.tui.link_tree import TreeActions

        start = self.current_key

        def read(entry_id: str) -> None:
            key = key_of(entry_id, base_in(start))
            if key != start:
                self._trail.append(start)
            self._open(key)

        self.act(lambda hand, ids: TreeActions(self, hand.base, read).show(*ids), start)

    def _open(self, key: str) -> None:
        self.base.lookups.note_opened([id_of(key)], after=self.asked)
        self.add_class("reading")
        self.read(key)
        self.set_focus(self.detail)  # at once: a key typed next may move the keyboard on

    def _close_detail(self) -> None:
        self._trail.clear()
        self.remove_class("reading")
        row = self.entry_list.chosen
        if self.has_class("wide") and row and row.key != self._read_key:
            self.read(row.key)
        self.set_focus(self.entry_list)

    async def _read(self, key: str, delay_s: float, *, keep_place: bool) -> None:
        await asyncio.sleep(delay_s)
        row = self.entry_list.chosen
        why, at = (row.why, row.at) if row and row.key == key else ("", 0)

        def load() -> Document:
            base = self.opened(base_in(key))
            view = base.get(id_of(key))
            short = base.short_ids([line.other.id for line in view.links])
            return make_document(view, why, self.finder(), at, short, base_in(key))

        try:
            document = await in_thread(load)
        except NotFound:
            document = Document.of_text("This entry was deleted.")
        self.detail.show(document, keep_place=keep_place)
        self.refresh_bindings()

    async def _read_links(self, key: str) -> None:
        await self._read(key, 0.0, keep_place=True)
        if not self.detail.focus_links():
            self.detail.focus()
            self.host.say("no links", "this entry is not linked to others")
