"""What the keys do to entries: add, edit, delete, undo, copy."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from functools import partial
from typing import TYPE_CHECKING, Any

from textual.screen import Screen
from textual.worker import Worker

from rekall.entry.types import Entry
from rekall.errors import NotFound, RekallError
from rekall.knowledge_base import KnowledgeBase
from rekall.tui.rows import one_line
from rekall.tui.tasks import in_thread

if TYPE_CHECKING:
    from rekall.knowledge.reports import Saved
    from rekall.tui.app import RekallApp


class ChangingScreen(Screen[None]):
    """A screen that shows entries and changes the current one."""

    app: RekallApp

    def __init__(self, base: KnowledgeBase) -> None:
        """Work on an open base."""
        super().__init__()
        self.base = base
        self._deleted: list[str] = []

    @property
    def current_id(self) -> str:
        """The id of the entry that keys are meant for; empty without one."""
        raise NotImplementedError

    def show_change(self, entry_id: str) -> None:
        """Show the base after a change, with that entry chosen; empty when it is gone."""
        raise NotImplementedError

    def start(
        self, work: Callable[[], Coroutine[Any, Any, None]], group: str = "change", *, exclusive: bool = False
    ) -> None:
        """Do something beside the screen; an error becomes a notification.

        Args:
            work: Called when it begins; a later one of an exclusive group may cancel it before.
            group: What it belongs to.
            exclusive: Cancel what the group is doing.
        """

        async def guarded() -> None:
            try:
                await work()
            except (RekallError, OSError) as error:
                self.app.complain(error)

        _: Worker[None] = self.run_worker(guarded, group=group, exclusive=exclusive)

    def action_add(self) -> None:
        """Write a new entry."""
        self._open_form(None)

    def action_edit(self) -> None:
        """Change the current entry in the form."""
        self._with_current(self._open_form)

    def action_edit_outside(self) -> None:
        """Change the current entry in the person's editor."""
        from rekall.tui.outside import edit_outside

        def edit(entry: Entry) -> None:
            self.start(partial(edit_outside, self.app, self.base, entry, self._say_saved))

        self._with_current(edit)

    def action_delete(self) -> None:
        """Delete the current entry; `u` brings it back."""
        if self.current_id:
            self.start(partial(self._delete, self.current_id))

    def action_undo(self) -> None:
        """Bring back what was deleted last."""
        if self._deleted:
            self.start(partial(self._restore, self._deleted.pop()))
        else:
            self.app.say("nothing was deleted here", "`rekall restore` lists what was deleted before")

    def action_copy_content(self) -> None:
        """Copy the content; of an entry without any, all that it says."""

        def copy(entry: Entry) -> None:
            from rekall.exchange.markdown import to_markdown

            self.app.copy_to_clipboard(entry.content or to_markdown(entry))
            self.app.say("copied the content", one_line(entry.title))

        self._with_current(copy)

    def action_copy_id(self) -> None:
        """Copy the id."""
        if self.current_id:
            self.app.copy_to_clipboard(self.current_id)
            self.app.say("copied the id", self.current_id)

    def _with_current(self, use: Callable[[Entry], None]) -> None:
        """Read the current entry as it is now, and do something with it."""
        entry_id = self.current_id

        async def read() -> None:
            view = await in_thread(partial(self.base.get, entry_id))
            use(view.entry)

        if entry_id:
            self.start(read)

    def _open_form(self, entry: Entry | None) -> None:
        from rekall.tui.form import FormScreen

        def take(saved: Saved | None) -> None:
            if saved is not None:
                self._say_saved(saved)

        self.app.push_screen(FormScreen(self.base, self.app.rekall.places.drafts, entry), take)

    def _say_saved(self, saved: Saved) -> None:
        title = one_line(saved.entry.title)
        if saved.warning:
            hint = saved.hint or "`rekall index rebuild --vectors` makes the vectors later"
            self.app.warn(f"stored, but it can be found by words only: {saved.warning}", hint)
        else:
            self.app.say("saved", title)
        self.show_change(saved.entry.id)

    async def _delete(self, entry_id: str) -> None:
        title = (await in_thread(partial(self.base.get, entry_id))).entry.title
        await in_thread(partial(self.base.delete, entry_id))
        self._deleted.append(entry_id)
        self.app.say("deleted, u brings it back", one_line(title))
        self.show_change("")

    async def _restore(self, entry_id: str) -> None:
        try:
            saved = await in_thread(partial(self.base.restore, entry_id))
        except NotFound:
            raise
        except RekallError:  # it can be tried again
            self._deleted.append(entry_id)
            raise
        self._say_saved(saved)
