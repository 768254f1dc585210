"""Many entries stored or changed at once: all of them, or none."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from rekall.entry import rules
from rekall.entry.changes import Changes
from rekall.entry.fields import Draft, Entry
from rekall.entry.filters import Filters
from rekall.entry.types import Link, LinkType
from rekall.errors import InvalidInput, NotFound
from rekall.knowledge.reports import Saved
from rekall.knowledge.writing import EntryService
from rekall.store.values import Selection

if TYPE_CHECKING:  # protocols cost memory that a search does not need
    from rekall.store.contract import Store


class Bulk:
    """Stores, changes and deletes several entries, each time in one transaction."""

    def __init__(self, store: Store, writer: EntryService) -> None:
        """Work on an open store, with what changes one entry."""
        self._store = store
        self._writer = writer

    def add(self, given: Sequence[tuple[Draft, Sequence[Link]]]) -> list[Saved]:
        """Store new entries, and the links that start at them.

        Args:
            given: What each says, and its links, whose sources are not looked at. They, and the successors, may name an id
                that another of these entries brings.

        Raises:
            NotFound, Ambiguous: The id of a successor or of a link's target does not name one entry; nothing was stored.
            InvalidInput: A draft breaks a rule, or brings the id of an entry that is there; nothing was stored.
        """
        brought = {draft.id.upper() for draft, _ in given if draft.id}
        later = [(draft.superseded_by or "").upper() in brought for draft, _ in given]
        begun = [
            self._writer.begun(replace(draft, superseded_by=None) if is_later else draft)
            for (draft, _), is_later in zip(given, later, strict=True)
        ]
        with self._store.transaction():
            keys = [self._writer.put_new(new) for new in begun]
            for (draft, links), is_later, new in zip(given, later, begun, strict=True):
                for link in links:
                    self._writer.link(new.entry.id, link.target, link.type, link.reason)
                if is_later and draft.superseded_by:
                    self._writer.link(draft.superseded_by, new.entry.id, LinkType.SUPERSEDES)
            stored = [self._store.entries.one(key) for key in keys]
        return [self._writer.saved(key, entry, new) for key, entry, new in zip(keys, stored, begun, strict=True)]

    def change(self, ids: Iterable[str], changes: Changes) -> list[Saved]:
        """Change parts of several entries.

        Args:
            ids: Parts of their ids; one that is named twice is changed once.
            changes: What is to be different.

        Returns:
            Those that are different now, in the order of the ids.

        Raises:
            NotFound, Ambiguous: An id does not name one entry; nothing was changed.
            InvalidInput: An entry cannot be so; nothing was changed.
            EditConflict: Another process changed one at the same moment; nothing was changed.
        """
        return self._changed(self._named(ids).values(), changes.applied)

    def delete(self, ids: Iterable[str]) -> list[Entry]:
        """Delete several entries; each leaves a tombstone. Returns them.

        Raises:
            NotFound, Ambiguous, EntryDamaged: An id does not name one entry that can be read; nothing was deleted.
        """
        with self._store.transaction():
            found = self._named(ids)
            for entry in found.values():
                self._writer.delete(entry.id)
        return list(found.values())

    def rename_tag(self, old: str, new: str | None) -> int:
        """Give every entry that has a tag another one instead, also below it: with `git`, `git/hooks` gets a new beginning.

        Args:
            old: A tag.
            new: The other one, which entries may have already; None takes the tag away, and leaves those below it.

        Returns:
            How many entries are different now.

        Raises:
            NotFound: No entry has the tag.
            InvalidInput: The new name cannot be a tag.
        """
        gone, come = rules.tag(old), None if new is None else rules.tag(new)
        if gone == come:
            raise InvalidInput(f"{old!r} and {new!r} are the same tag", "tags are written in small letters")

        def renamed(draft: Draft) -> Draft:
            if come is None:
                return replace(draft, tags=tuple(name for name in draft.tags if name != gone))
            tags = (f"{come}{name[len(gone) :]}" if f"{name}/".startswith(f"{gone}/") else name for name in draft.tags)
            return replace(draft, tags=tuple(tags))

        keys = self._store.entries.keys(Selection(Filters(tags=(gone,))))
        if not keys:
            raise NotFound(f"no entry has the tag {old!r}", "`rekall tags` lists them")
        return len(self._changed(self._store.entries.by_keys(keys).values(), renamed))

    def rename_project(self, old: str, new: str | None) -> int:
        """Move every entry of a project to another, or to none. Returns how many there were.

        Raises:
            NotFound: No entry belongs to it.
            InvalidInput: The new name cannot be a project.
        """
        if old == new:
            raise InvalidInput(f"{old!r} and {new!r} are the same project")
        keys = self._store.entries.keys(Selection(Filters(project=old)))
        if not keys:
            raise NotFound(f"no entry belongs to the project {old!r}", "`rekall projects` lists them")
        return len(self._changed(self._store.entries.by_keys(keys).values(), Changes.of(project=new).applied))

    def _changed(self, entries: Iterable[Entry], change: Callable[[Draft], Draft]) -> list[Saved]:
        """Store what a change makes of each entry, where that is something else."""
        edits = []
        for old in entries:
            before = old.as_draft()
            draft = rules.checked(change(before))
            if draft != before:
                edits.append(self._writer.edited(old, draft))
        with self._store.transaction():
            stored = [(self._writer.put_edit(edit), edit) for edit in edits]
        return [self._writer.saved(key, entry, edit) for (key, entry), edit in stored]

    def _named(self, ids: Iterable[str]) -> dict[int, Entry]:
        """The entries that ids name, by key, each once."""
        keys = dict.fromkeys(map(self._store.entries.resolve, ids))
        return {key: self._store.entries.one(key) for key in keys}
