"""What keys do to the entry that is chosen or read, and to those that are marked."""

from __future__ import annotations

from functools import partial
from typing import ClassVar

from textual.binding import Binding, BindingType

from rekall.knowledge_base import KnowledgeBase
from rekall.tui.changing import EntryActions
from rekall.tui.detail import DetailPane
from rekall.tui.entry_list import EntryList
from rekall.tui.linking import LinkActions
from rekall.tui.marked import MarkedActions
from rekall.tui.screens import Host, RekallScreen
from rekall.tui.tasks import in_thread
from rekall.tui.versions import WayBack


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
        self.actions = EntryActions(self, base, self.show_change)
        self._marked_actions = MarkedActions(self, base)
        self._link_actions = LinkActions(self, base, self.show_change)
        self.to_review = 0
        """How many entries are still asked about today."""
        self._way_back = WayBack(self, base, self.show_change)

    def show_change(self, entry_id: str) -> None:
        """Show the base after a change made here; the id is empty when the entry is gone."""
        raise NotImplementedError

    @property
    def current_id(self) -> str:
        """The id of the entry that keys act on: the one being read, else the one chosen in the list; or empty."""
        raise NotImplementedError

    @property
    def is_reading(self) -> bool:
        """Whether the keyboard is in the detail pane."""
        return self.detail.has_focus or self.detail.links.has_focus

    @property
    def marked(self) -> list[str]:
        """The marked entries; none while one is read, since keys act on that one then."""
        return [] if self.is_reading else list(self.entry_list.marked)

    def action_add(self) -> None:
        """Write a new entry."""
        self.actions.add()

    def action_edit(self) -> None:
        """Edit the current entry in the form."""
        self.actions.edit(self.current_id)

    def action_edit_outside(self) -> None:
        """Edit the current entry in the person's editor."""
        self.actions.edit_outside(self.current_id)

    def action_open_source(self) -> None:
        """Open the file that the current entry came from."""
        self.actions.open_source(self.current_id)

    def action_delete(self) -> None:
        """Delete the link under the cursor, the marked entries, or the current one."""
        link = self.detail.chosen_link
        if link is not None:
            self._link_actions.unlink(self.current_id, link)
        elif self.marked:
            self._marked_actions.delete(self.marked, self._take_deleted)
        else:
            self.actions.delete(self.current_id)

    def action_undo(self) -> None:
        """Undo what was done last."""
        self._way_back.undo()

    def action_redo(self) -> None:
        """Do again what was undone last."""
        self._way_back.redo()

    def action_versions(self) -> None:
        """Show the versions of the current entry."""
        self._way_back.versions(self.current_id)

    def action_change(self) -> None:
        """Change the marked entries, or the current one."""
        ids = self.marked or [self.current_id]
        self._marked_actions.change([each for each in ids if each], self._take_changed)

    def action_link(self) -> None:
        """Link the current entry with the marked ones, or with one that is looked for."""
        others = [each for each in self.entry_list.marked if each != self.current_id]
        self._link_actions.link(self.current_id, others)

    def action_review(self) -> None:
        """Ask about what is due."""
        from rekall.tui.review import open_review

        self.prepare(partial(open_review, self, self.base, self.show_change))

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
        self.actions.copy_content(self.current_id)

    def action_copy_id(self) -> None:
        """Copy the id of the current entry."""
        self.actions.copy_id(self.current_id)

    def _take_changed(self) -> None:
        self.show_change(self.current_id)

    def _take_deleted(self, ids: list[str]) -> None:
        self.entry_list.mark(ids, is_marked=False)
        self.show_change("")
