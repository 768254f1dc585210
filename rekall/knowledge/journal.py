"""Notes that grow at their end, found by their title; what several processes add to one at once is all kept."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from rekall.entry.fields import Draft, Entry
from rekall.entry.types import Status
from rekall.errors import EditConflict, NotFound
from rekall.knowledge.reports import Saved
from rekall.knowledge.writing import EntryService
from rekall.store.values import EVERYTHING

if TYPE_CHECKING:  # protocols cost memory that a search does not need
    from rekall.store.contract import Store

_FREE_TRIES = 3
"""Tries in which the model works before the transaction; the next one keeps everybody else waiting."""

_MOST_OF_A_TITLE = 20


class Journal:
    """Finds a note by its title, and adds to it."""

    def __init__(self, store: Store, writer: EntryService) -> None:
        """Work on an open store, with what changes one entry."""
        self._store = store
        self._writer = writer

    def find(self, draft: Draft) -> Entry | None:
        """The active entry with the title of a draft; of several the one that has its tags, then the oldest."""
        with self._store.snapshot():
            keys = self._store.words.titled(draft.title, EVERYTHING, _MOST_OF_A_TITLE)
            entries = self._store.entries.by_keys(keys).values()
        found = [each for each in entries if each.title == draft.title and each.status is Status.ACTIVE]
        return min(found, key=lambda each: (not {*draft.tags} <= {*each.tags}, each.id), default=None)

    def append(self, draft: Draft) -> Saved:
        """Put the content of a draft at the end of the entry of its title; without one the draft is stored.

        Raises:
            InvalidInput: The draft breaks a rule, or there is too much text for one entry.
        """
        for _ in range(_FREE_TRIES):
            try:
                return self._appended(draft)
            except (EditConflict, NotFound):  # another process was quicker
                continue
        with self._store.transaction():
            return self._appended(draft)

    def edit(self, old: Entry, draft: Draft) -> Saved:
        """Replace what a note says; what was added to its end since the editor saw it stays there.

        Raises:
            NotFound: It is gone.
            EditConflict: More than that has changed; nothing was stored.
            InvalidInput: The draft breaks a rule.
        """
        for _ in range(_FREE_TRIES):
            try:
                return self._edited(old, draft)
            except EditConflict:
                continue
        with self._store.transaction():
            return self._edited(old, draft)

    def _appended(self, draft: Draft) -> Saved:
        old = self.find(draft)
        if old is None:
            return self._writer.add(draft, unless=lambda: self.find(draft) is not None)
        return self._writer.edit(old, replace(old.as_draft(), content=_joined(old.content, draft.content)))

    def _edited(self, old: Entry, draft: Draft) -> Saved:
        now = self._store.entries.by_ids([old.id]).get(old.id, old)
        is_longer = now.content.startswith(old.content)
        if now == old or not is_longer or replace(now, content=old.content, updated_at=old.updated_at) != old:
            return self._writer.edit(old, draft)
        added = now.content[len(old.content) :]
        return self._writer.edit(now, replace(draft, content=_joined(draft.content, added)))


def _joined(content: str, more: str) -> str:
    """A text with more at its end: below a list its next item, else a paragraph."""
    content, more = content.rstrip(), more.strip("\n")
    is_in_list = content.rpartition("\n")[2].startswith(("- ", "  ")) and more.startswith("- ")
    return more if not content else f"{content}\n{more}" if is_in_list else f"{content}\n\n{more}"
