"""What keys do to several entries at once: change, delete and bring back, each time all or none."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING

from rekall.entry.changes import Changes
from rekall.knowledge.capturing import about_secrets
from rekall.knowledge_base import KnowledgeBase
from rekall.tui.rows import one_line
from rekall.tui.screens import RekallScreen
from rekall.tui.tasks import in_thread
from rekall.wording import count_text

if TYPE_CHECKING:
    from rekall.entry.fields import Entry

_MOST_NAMED = 6
"""How many titles a question names."""


_MOST_READ = 200
"""Of more, the dialog says only what these have now."""


class MarkedActions:
    """Changes and deletes entries by their ids on behalf of a screen."""

    def __init__(self, screen: RekallScreen[None], base: KnowledgeBase) -> None:
        """Nothing is changed yet."""
        self._screen = screen
        self._host = screen.host
        self._base = base

    def change(self, ids: Sequence[str], changed: Callable[[], None]) -> None:
        """Ask what is to be different about entries, and change them; `changed` is called when they are."""

        async def ask() -> None:
            from rekall.tui.changes import ChangeDialog

            entries = await in_thread(partial(self._read, ids))
            if not entries:
                self._host.say("nothing to change", "the entries were deleted")
                return
            self._screen.app.push_screen(ChangeDialog(entries, len(ids)), take)

        def take(changes: Changes | None) -> None:
            if changes is not None and not changes.is_empty:
                self._screen.start(partial(self._change, ids, changes, changed))

        if ids:
            self._screen.prepare(ask)

    def delete(self, ids: Sequence[str], deleted: Callable[[list[str]], None]) -> None:
        """Delete entries after a question that counts them; `deleted` is called with their ids."""

        async def ask() -> None:
            from rekall.tui.dialogs import Question

            titles = await in_thread(partial(self._base.titles, ids))
            named = [f"  {one_line(title)[:66]}" for title in list(titles.values())[:_MOST_NAMED]]
            if len(titles) > _MOST_NAMED:
                named.append(f"  and {len(titles) - _MOST_NAMED:,} more")
            what = count_text(len(titles), "marked entry", "marked entries")
            question = Question(
                "\n".join([f"Delete {what}?", *named]), "y deletes them, u brings them back · n keeps them"
            )
            self._screen.app.push_screen(question, lambda answer: take(list(titles), is_sure=bool(answer)))

        def take(found: list[str], *, is_sure: bool) -> None:
            if is_sure and found:
                self._screen.prepare(partial(self._delete, found, deleted))

        self._screen.prepare(ask)

    def _read(self, ids: Sequence[str]) -> list[Entry]:
        return [self._base.get(entry_id).entry for entry_id in self._base.titles(ids[:_MOST_READ])]

    async def _change(self, ids: Sequence[str], changes: Changes, changed: Callable[[], None]) -> None:
        there = await in_thread(partial(self._base.titles, ids))
        saved = await in_thread(partial(self._base.change_all, list(there), changes))
        secrets = next((each.secrets for each in saved if each.secrets), ())
        if secrets:
            self._host.warn("it looks as if there is a secret in it", about_secrets(secrets))
        gone = len(ids) - len(there)
        same = len(there) - len(saved)
        rest = [f"{same:,} already so" if same else "", f"{gone:,} deleted meanwhile" if gone else ""]
        text = ", ".join(filter(None, (count_text(len(saved), "entry", "entries"), *rest)))
        self._host.say("changed, u takes it back" if saved else "changed", text)
        changed()

    async def _delete(self, ids: list[str], deleted: Callable[[list[str]], None]) -> None:
        gone = await in_thread(partial(self._base.delete_all, ids))
        self._host.say("deleted, u brings them back", count_text(len(gone), "entry", "entries"))
        deleted([entry.id for entry in gone])
