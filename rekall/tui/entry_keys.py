"""What keys do to the entry that is chosen or read, and to those that are marked."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import ClassVar

from textual.binding import Binding, BindingType

from rekall.errors import RekallError, UsageError
from rekall.knowledge_base import KnowledgeBase
from rekall.tui.changing import EntryActions
from rekall.tui.detail import DetailPane
from rekall.tui.entry_list import EntryList
from rekall.tui.linking import LinkActions
from rekall.tui.marked import MarkedActions
from rekall.tui.screens import Host, RekallScreen
from rekall.tui.tasks import in_thread
from rekall.tui.versions import WayBack
from rekall.tui.where import base_in, by_base, id_of, key_of, one_base


class Hand:
    """What acts on the entries of one base."""

    def __init__(self, screen: RekallScreen[None], base: KnowledgeBase, show_change: Callable[[str], None]) -> None:
        """Nothing is done yet; `show_change` is called with the id of what was changed, or with an empty one."""
        self.base = base
        self.entry = EntryActions(screen, base, show_change)
        self.marked = MarkedActions(screen, base)
        self.links = LinkActions(screen, base, show_change)
        self.past = WayBack(screen, base, show_change)


class EntryKeys(RekallScreen[None]):
    """A screen with a list and a reading pane, and the keys that act on entries."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("a", "add", "Add", tooltip="Add an entry"),
        Binding("e", "edit", "Edit", tooltip="Edit the entry here, in a form"),
        Binding("E,ctrl+e", "edit_outside", "Editor", show=False, tooltip="Edit the entry in your editor"),
        Binding(
            "o", "open_source", "Source", show=False, tooltip="Open the file it was imported from, and import it again"
        ),
        Binding("d", "delete", "Delete", tooltip="Delete the entry, or all that are marked"),
        Binding("u", "undo", "Undo", show=False, tooltip="Undo what was done last, shown before it is done"),
        Binding("U", "redo", "Redo", show=False, tooltip="Do again what was undone last, shown before it is done"),
        Binding("H", "versions", "Versions", show=False, tooltip="What the entry said before; bring a version back"),
        Binding("c", "change", "Change", show=False, tooltip="Change tags, project, type or status of what is marked"),
        Binding("A", "mark_all", "Mark all", show=False, tooltip="Mark every entry of the list"),
        Binding(
            "L",
            "link",
            "Link",
            show=False,
            tooltip="Link the entry with what is marked, or with one you look for",
        ),
        Binding("R", "review", "Review", show=False, tooltip="Review what is due: does it still hold?"),
        Binding("y", "copy_content", "Copy", show=False, tooltip="Copy the content of the entry"),
        Binding("Y", "copy_id", "Copy id", show=False, tooltip="Copy the id of the entry"),
    ]

    def __init__(self, host: Host, base: KnowledgeBase) -> None:
        super().__init__(host)
        self.base = base
        self.entry_list = EntryList(host.now, id="list")
        self.detail = DetailPane(id="detail")
        self._changed_last = ""
        self.to_review = 0
        """How many entries are still asked about today."""

    def show_change(self, key: str) -> None:
        """Show the base after a change made here; the key is empty when the entry is gone."""
        raise NotImplementedError

    @property
    def current_key(self) -> str:
        """The key of the entry that keys act on: the one being read, else the one chosen in the list; or empty."""
        raise NotImplementedError

    @property
    def is_reading(self) -> bool:
        """Whether the keyboard is in the detail pane."""
        return self.detail.has_focus or self.detail.links.has_focus

    @property
    def marked(self) -> list[str]:
        """The keys of the marked entries; none while one is read, since keys act on that one then."""
        return [] if self.is_reading else list(self.entry_list.marked)

    def opened(self, base: str) -> KnowledgeBase:
        """The base of a name, of none the one in use. Raises StorageError, InvalidInput, NotFound."""
        return self.host.open_base(base) if base else self.base

    def gone(self, keys: Sequence[str]) -> list[str]:
        """Those of some entries that were deleted. Raises StorageError: A base cannot be used."""
        there = {key_of(found, base) for base, ids in by_base(keys).items() for found in self.opened(base).titles(ids)}
        return [key for key in keys if key not in there]

    def act(self, do: Callable[[Hand, list[str]], None], *keys: str) -> None:
        """Do something with entries in the base that they live in; `do` is called with what acts there, and their ids."""
        try:
            base = one_base(keys)
        except UsageError as error:
            self.host.complain(error)
        else:
            self._in(base, lambda hand: do(hand, list(map(id_of, keys))))

    def action_add(self) -> None:
        """Write a new entry."""
        self._in("", lambda hand: hand.entry.add())

    def action_edit(self) -> None:
        """Edit the current entry in the form."""
        self.act(lambda hand, ids: hand.entry.edit(*ids), self.current_key)

    def action_edit_outside(self) -> None:
        """Edit the current entry in the person's editor."""
        self.act(lambda hand, ids: hand.entry.edit_outside(*ids), self.current_key)

    def action_open_source(self) -> None:
        """Open the file that the current entry came from."""
        self.act(lambda hand, ids: hand.entry.open_source(*ids), self.current_key)

    def action_delete(self) -> None:
        """Delete the link under the cursor, the marked entries, or the current one."""
        link = self.detail.chosen_link
        if link is not None:
            self.act(lambda hand, ids: hand.links.unlink(ids[0], link), self.current_key)
        elif self.marked:
            name = base_in(self.marked[0])
            self.act(lambda hand, ids: hand.marked.delete(ids, partial(self._take_deleted, name)), *self.marked)
        else:
            self.act(lambda hand, ids: hand.entry.delete(*ids), self.current_key)

    def action_undo(self) -> None:
        """Undo what was done last, in the base in which something was done here last."""
        self._in(self._changed_last, lambda hand: hand.past.undo())

    def action_redo(self) -> None:
        """Do again what was undone last, in the same base."""
        self._in(self._changed_last, lambda hand: hand.past.redo())

    def action_versions(self) -> None:
        """Show the versions of the current entry."""
        self.act(lambda hand, ids: hand.past.versions(*ids), self.current_key)

    def action_change(self) -> None:
        """Change the marked entries, or the current one."""
        keys = self.marked or [key for key in [self.current_key] if key]
        name = base_in(keys[0]) if keys else ""
        self.act(lambda hand, ids: hand.marked.change(ids, partial(self._take_changed, name)), *keys)

    def action_link(self) -> None:
        """Link the current entry with the marked ones, or with one that is looked for."""
        others = [each for each in self.entry_list.marked if each != self.current_key]
        if self.current_key:
            self.act(lambda hand, ids: hand.links.link(ids[0], ids[1:]), self.current_key, *others)

    def action_review(self) -> None:
        """Ask about what is due."""
        from rekall.tui.review import open_review

        self.prepare(partial(open_review, self, self.base, partial(self._changed, "")))

    def on_screen_resume(self) -> None:
        """Count what is due anew, whenever another screen was there."""

        async def work() -> None:
            count = partial(self.base.review.left_today, self.host.settings.whole("review.per_day"), self.host.now())
            self.to_review = await in_thread(count)
            self.show_due()

        self.start(work, "due", exclusive=True)

    def show_due(self) -> None:
        """Say how many entries are still asked about today."""
        raise NotImplementedError

    def action_copy_content(self) -> None:
        """Copy the content of the current entry."""
        self.act(lambda hand, ids: hand.entry.copy_content(*ids), self.current_key)

    def action_copy_id(self) -> None:
        """Copy the id of the current entry."""
        self.act(lambda hand, ids: hand.entry.copy_id(*ids), self.current_key)

    def _in(self, base: str, do: Callable[[Hand], None]) -> None:
        """Do something in the base of a name; where it cannot be used, say why."""
        try:
            hand = Hand(self, self.opened(base), partial(self._changed, base))
        except RekallError as error:
            self.host.complain(error)
        else:
            do(hand)

    def _changed(self, base: str, entry_id: str) -> None:
        """Show what was changed in the base of a name."""
        self._changed_last = base
        self.show_change(key_of(entry_id, base))

    def _take_changed(self, base: str) -> None:
        self._changed_last = base
        self.show_change(self.current_key)

    def _take_deleted(self, base: str, ids: list[str]) -> None:
        self.entry_list.mark([key_of(each, base) for each in ids], is_marked=False)
        self._changed(base, "")
