"""What keys do to one entry: add, edit, open its source, delete, copy."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from rekall.entry.fields import Entry
from rekall.knowledge.capturing import about_secrets
from rekall.knowledge_base import KnowledgeBase
from rekall.tui.rows import brief, one_line
from rekall.tui.screens import RekallScreen
from rekall.tui.tasks import in_thread

if TYPE_CHECKING:
    from rekall.knowledge.reports import Saved


class EntryActions:
    """Changes and copies entries on behalf of a screen; an empty id means there is no entry to act on."""

    def __init__(self, screen: RekallScreen[None], base: KnowledgeBase, show_change: Callable[[str], None]) -> None:
        """Nothing is changed yet.

        Args:
            screen: Runs the work, and opens forms on top of itself.
            base: An open base.
            show_change: Called after a change with the id of the entry, or with an empty one when it is gone.
        """
        self._screen = screen
        self._host = screen.host
        self._base = base
        self._show_change = show_change

    def add(self) -> None:
        """Open the form of a new entry."""
        self._open_form(None)

    def edit(self, entry_id: str) -> None:
        """Open an entry in the form."""
        self._with_entry(entry_id, self._open_form)

    def edit_outside(self, entry_id: str) -> None:
        """Open an entry in the person's editor."""
        from rekall.tui.outside import edit_outside

        def edit(entry: Entry) -> None:
            self._screen.start(partial(edit_outside, self._host, self._base, entry, self._say_saved))

        self._with_entry(entry_id, edit)

    def open_source(self, entry_id: str) -> None:
        """Open the file that an entry was imported from, and import it again."""
        from rekall.tui.outside import edit_source

        async def edit() -> None:
            if await edit_source(self._host, self._base, entry_id):
                self._show_change(entry_id)

        if entry_id:
            self._screen.start(edit)

    def delete(self, entry_id: str) -> None:
        """Delete an entry."""
        if entry_id:
            self._screen.prepare(partial(self._delete, entry_id))

    def copy_content(self, entry_id: str) -> None:
        """Copy the content of an entry, or the whole entry if it has none."""

        def copy(entry: Entry) -> None:
            from rekall.exchange.markdown_writing import to_markdown

            self._host.copy_to_clipboard(entry.content or to_markdown(entry))
            self._host.say("copied the content", brief(entry.title))
            self._base.lookups.note_opened([entry.id], "copy")

        self._with_entry(entry_id, copy)

    def copy_id(self, entry_id: str) -> None:
        """Copy the id of an entry."""
        if entry_id:
            self._host.copy_to_clipboard(entry_id)
            self._host.say("copied the id", entry_id)

    def _with_entry(self, entry_id: str, use: Callable[[Entry], None]) -> None:
        """Read an entry as it is now and do something with it."""

        async def read() -> None:
            view = await in_thread(partial(self._base.get, entry_id))
            use(view.entry)

        if entry_id:
            self._screen.prepare(read)

    def _open_form(self, entry: Entry | None) -> None:
        from rekall.tui.form import FormScreen

        form = FormScreen(self._host, self._base, entry)

        def take(saved: Saved | None) -> None:
            if saved is not None:
                self._say_saved(saved)
                if entry is None and not saved.warning:
                    self._screen.start(partial(self._say_resembling, saved.entry.id), "resembling")

        self._screen.app.push_screen(form, take)

    def _say_saved(self, saved: Saved) -> None:
        if saved.secrets:
            self._host.warn("it looks as if there is a secret in it", about_secrets(saved.secrets))
        if saved.warning:
            self._host.warn(f"stored, but it can be found by words only: {saved.warning}", saved.hint)
        else:
            self._host.say("saved", brief(saved.entry.title))
        self._show_change(saved.entry.id)

    async def _say_resembling(self, entry_id: str) -> None:
        """Name what says nearly the same as a new entry."""
        found = await in_thread(partial(self._base.resembling, entry_id))
        if found:
            titles = "\n".join(
                one_line(f"{each.hit.entry.title}{f': {each.told}' if each.what else ''}") for each in found
            )
            verb = "may contradict" if any(each.what for each in found) else "resembles"
            self._host.warn(f"it {verb} what is there; L links them, d deletes one", titles)

    async def _delete(self, entry_id: str) -> None:
        title = (await in_thread(partial(self._base.get, entry_id))).entry.title
        await in_thread(partial(self._base.delete, entry_id))
        self._host.say("deleted, u brings it back", brief(title))
        self._show_change("")
