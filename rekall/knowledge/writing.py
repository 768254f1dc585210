"""Every change of an entry: added, edited, deprecated, deleted, brought back, linked."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

from rekall.embeddings import EmbeddingService
from rekall.entry import rules
from rekall.entry.changes import Changes
from rekall.entry.fields import Draft, Entry, values_of
from rekall.entry.types import Link, LinkType, Status
from rekall.errors import EditConflict, EngineError, InvalidInput, NotFound, StorageError
from rekall.knowledge.capturing import Capture
from rekall.knowledge.erasing import Eraser
from rekall.knowledge.reports import Saved
from rekall.knowledge.storing import put_again, put_new
from rekall.knowledge.succession import put_link, put_successor, remove_links, settled
from rekall.prepared import Prepared
from rekall.system.clock import Clock

if TYPE_CHECKING:  # none of them is needed by a search
    from rekall.entry.secrets import Secret
    from rekall.knowledge.kept import Kept
    from rekall.store.contract import Store


@dataclass(frozen=True, slots=True)
class New:
    """An entry that is to be stored, and with which vectors or why without."""

    entry: Entry
    prepared: Prepared | None
    problem: EngineError | None
    secrets: tuple[Secret, ...]


@dataclass(frozen=True, slots=True)
class Edit(New):
    """The same in the place of an entry as the editor saw it."""

    old: Entry


class EntryService:
    """Writes entries with their words, vectors and links, each change in one transaction.

    The model works before it, while no lock is held; without a model an entry is stored, to be embedded later.

    Attributes:
        eraser: Deletes for ever.
    """

    def __init__(
        self, store: Store, embeddings: EmbeddingService, clock: Clock, capture: Capture | None = None
    ) -> None:
        """Work on an open store.

        Args:
            store: The base.
            embeddings: The vectors.
            clock: The time, and new ids.
            capture: Looks for secrets in what is to be stored, and decides about them.
        """
        self._store = self.store = store
        self.capture = capture or Capture()
        self._embeddings = self.embeddings = embeddings
        self._clock = self.clock = clock
        self.eraser = Eraser(store, clock, self.take_out)

    def add(self, draft: Draft, *, unless: Callable[[], bool] = lambda: False) -> Saved:
        """Store a new entry, unless it is said, when nobody else can write, that it is needed no more.

        Raises:
            EditConflict: It is needed no more; nothing was stored.
            InvalidInput: The draft breaks a rule, see `rules.checked`, or brings the id of an entry that is there.
            NotFound, Ambiguous: Its successor's id does not name one entry.
        """
        new = self.begun(draft)
        with self._store.transaction():
            if unless():
                raise EditConflict(f"{new.entry.title!r} was just stored in another window", "run the command again")
            key = self.put_new(new)
        return self.saved(key, new.entry, new)

    def begun(self, draft: Draft) -> New:
        """The entry that a draft is to become, with its vectors; nothing is stored yet. Raises as `add` does."""
        draft, secrets = self.capture.looked_at(rules.checked(draft))
        entry = self.new_entry(settled(self._with_successor(draft)))
        return New(entry, *self.prepared(entry, None), secrets)

    def put_new(self, new: New) -> int:
        """Store a new entry; the caller holds the transaction. Returns its key. Raises InvalidInput: its id is there."""
        if self._store.entries.key_of(new.entry.id) is not None:
            raise InvalidInput(f"there already is an entry {new.entry.id}", "change it with `rekall edit`")
        key = self.put(None, new.entry, new.prepared)
        put_successor(self._store, new.entry, None, self._clock.now())
        return key

    def edit(self, old: Entry, draft: Draft, *, reason: str = "") -> Saved:
        """Replace what an entry says.

        Args:
            old: The entry as the editor saw it.
            draft: What it is to say; id and creation time stay.
            reason: Why it was superseded, kept on the link to its successor.

        Raises:
            NotFound: It is gone.
            EditConflict: It is no longer what the editor saw; nothing was changed.
            InvalidInput: The draft breaks a rule.
        """
        edit = self.edited(old, draft)
        with self._store.transaction():
            key, entry = self.put_edit(edit, reason)
        return self.saved(key, entry, edit)

    def edited(self, old: Entry, draft: Draft) -> Edit:
        """What is to be stored in the place of an entry; nothing is stored yet. Raises InvalidInput."""
        draft = replace(draft, id=old.id, created_at=old.created_at, updated_at=self._clock.now())
        draft, secrets = self.capture.looked_at(rules.checked(draft), old)
        entry = self.new_entry(settled(self._with_successor(draft), old))
        return Edit(entry, *self.prepared(entry, self._store.entries.key_of(old.id)), secrets, old)

    def put_edit(self, edit: Edit, reason: str = "") -> tuple[int, Entry]:
        """Store an edit; the caller holds the transaction.

        Returns:
            The key, and the entry as it is now.

        Raises:
            NotFound, EditConflict: It is gone, or no longer what the editor saw.
        """
        old = edit.old
        key = self._store.entries.key_of(old.id)
        if key is None:
            raise NotFound(f"entry {old.id} was just deleted", "add it again with `rekall add`")
        if self._store.entries.one(key) != old:
            raise EditConflict(
                f"entry {old.id} was changed in another window since you opened it",
                "look at it with `rekall show`, then edit again",
            )
        self.put(key, edit.entry, edit.prepared)
        put_successor(self._store, edit.entry, old.superseded_by, self._clock.now(), reason)
        return key, self._store.entries.one(key)

    def saved(self, key: int, entry: Entry, new: New) -> Saved:
        """What is to be said of an entry that was stored, once its transaction has ended."""
        return Saved.of(entry, new.problem or self._caught_up(key), self._embeddings.advice, new.secrets)

    def change(self, prefix: str, changes: Changes) -> Saved:
        """Change parts of the entry whose id begins so. Raises as `edit` does, and NotFound or Ambiguous."""
        old = self._resolved(prefix)[1]
        return self.edit(old, changes.applied(old.as_draft()))

    def deprecate(self, prefix: str, successor: str | None = None, reason: str = "") -> Saved:
        """Mark an entry as one that no longer holds.

        Args:
            prefix: The beginning of its id.
            successor: The beginning of the id of the entry to read instead, or None.
            reason: Why; it is kept on the link to the successor, also to one it has already, without one as the last
                line of the content.

        Raises:
            NotFound, Ambiguous: An id does not name one entry.
            InvalidInput: The entry would supersede itself, be it through others.
        """
        old = self._resolved(prefix)[1]
        reason = self.capture.text(rules.one_line(reason, "reason"))
        named = old.superseded_by if successor is None else self._resolved(successor)[1].id
        draft = replace(old.as_draft(), status=Status.OBSOLETE, superseded_by=named)
        if reason and named is None:
            draft = replace(draft, content=f"{old.content}\n\nObsolete: {reason}")
        return self.edit(old, draft, reason=reason)

    def delete(self, entry_id: str) -> None:
        """Remove the entry of a full id, with its words, vectors and links. A tombstone stays, which `restore` takes back.

        Raises:
            NotFound: There is none.
            EntryDamaged: It cannot be read, so that nothing could be restored.
        """
        store = self._store
        with store.transaction():
            key = store.entries.key_of(entry_id)
            if key is None:
                raise NotFound(
                    f"no entry {entry_id!r}", "it may have been deleted already; `rekall restore` lists those"
                )
            self.take_out(key, store.entries.one(key), self._clock.now())

    def take_out(self, key: int, entry: Entry, deleted_at: datetime | None) -> None:
        """Remove an entry; the caller holds the transaction.

        Args:
            key: Its key.
            entry: What it says.
            deleted_at: The time on its tombstone; None leaves none.
        """
        if deleted_at is not None:
            self._store.tombstones.put(entry, self._record(key, entry), deleted_at)
        self._store.words.delete(key)
        self._store.entries.delete(key)
        self._embeddings.forget(key)

    def restore(self, prefix: str) -> Saved:
        """Bring back a deleted entry, with its id, times, origin and links.

        What joins it to an entry that is deleted too comes back when the other one does. What it superseded is
        superseded again, unless somebody has made that active since.

        Raises:
            NotFound, Ambiguous: The id does not name one deleted entry.
            EntryDamaged: What is kept of it is damaged.
        """
        from rekall.knowledge import kept  # what becomes of deleted entries is no part of a search

        store = self._store
        tombstone = store.tombstones.resolve(prefix)
        was = kept.read(store, tombstone)
        if was is None:
            raise _restored_already(tombstone.id)
        entry = self._as_it_was(was)
        prepared, problem = self.prepared(entry, None)
        with store.transaction():
            now = store.tombstones.record(entry.id)
            if now is None:
                raise _restored_already(entry.id)
            if now != was.record:  # another window was quicker, and it is deleted again
                raise EditConflict(f"entry {entry.id} was just changed in another window", "restore it again")
            key = self._put_back(entry, was, prepared)
            entry = store.entries.one(key)
        return Saved.of(entry, problem or self._caught_up(key), self._embeddings.advice)

    def bring_back(self, entry_id: str, path: str) -> int:
        """Bring back an entry that was deleted because its source was gone; the caller holds the transaction.

        Args:
            entry_id: Its full id.
            path: Where the source is now.

        Returns:
            The key of the entry.

        Raises:
            NotFound: There is no such deleted entry.
            EntryDamaged: What is kept of it is damaged.
        """
        from rekall.knowledge import kept

        was = kept.read(self._store, self._store.tombstones.resolve(entry_id))
        if was is None:
            raise _restored_already(entry_id)
        return self._put_back(self._as_it_was(was), was, None, path)

    def _as_it_was(self, was: Kept) -> Entry:
        return self.new_entry(replace(rules.checked(was.draft), superseded_by=None))

    def _put_back(self, entry: Entry, was: Kept, prepared: Prepared | None, source: str = "") -> int:
        key = self.put(None, entry, prepared)
        for link in sorted(was.links, key=lambda link: link.source != was.successor):
            self.restore_link(entry, link)
        if was.origin is not None:
            from rekall.knowledge.origins import AWAY  # a search needs no room of the import

            path = source or was.origin.path
            is_gone = path.endswith(AWAY)  # whoever restores it keeps it, though its source is gone
            if not is_gone and self._store.origins.at(path) is None:  # else it was imported again since
                self._store.origins.put(replace(was.origin, path=path, entry_key=key))
        return key

    def link(self, source: str, target: str, kind: LinkType = LinkType.RELATED, reason: str = "") -> Link:
        """Link two entries; the same link again changes its reason. What is superseded becomes obsolete.

        Args:
            source: The beginning of the id of the entry that bears on the other.
            target: The beginning of the other's id.
            kind: How it bears on it.
            reason: Why, or empty.

        Returns:
            The link, with full ids.

        Raises:
            NotFound, Ambiguous: An id does not name one entry.
            InvalidInput: Both are the same entry, or it would let an entry supersede what supersedes it.
        """
        with self._store.transaction():
            (_, first), (_, second) = self._resolved(source), self._resolved(target)
            if first.id == second.id:
                raise InvalidInput("an entry cannot be linked to itself", "name two entries")
            made = Link(first.id, second.id, kind, self.capture.text(rules.one_line(reason, "reason")))
            put_link(self._store, made, self._clock.now())
        return made

    def unlink(self, source: str, target: str, kind: LinkType | None = None) -> int:
        """Remove the links from one entry to another, of one type or of any. Returns how many there were.

        What only they superseded is active again.

        Raises:
            NotFound: There is no such link, or an id does not name an entry.
            Ambiguous: An id names several.
        """
        with self._store.transaction():
            (first, one), (second, other) = self._resolved(source), self._resolved(target)
            links = [link for link in self._store.links.between(first, second) if kind in (None, link.type)]
            remove_links(self._store, links, self._clock.now())
        if not links:
            raise NotFound(f"no link from {one.title!r} to {other.title!r}", "`rekall show` lists an entry's links")
        return len(links)

    def put(self, key: int | None, entry: Entry, prepared: Prepared | None = None) -> int:
        """Store entry, words and passages; the caller holds the transaction. Returns its key.

        Args:
            key: Its key; None for a new one.
            entry: What it says; its successor is for `succession.put_successor`.
            prepared: Its vectors; without them they are made later.
        """
        if key is None:
            return put_new(self._store, self._embeddings, [entry], prepared)[0]
        put_again(self._store, self._embeddings, key, entry, prepared)
        return key

    def put_all(self, entries: Sequence[Entry]) -> list[int]:
        """Store new entries as `put` does, to be embedded later. Returns their keys."""
        return put_new(self._store, self._embeddings, entries)

    def new_entry(self, draft: Draft) -> Entry:
        """A checked draft with what it lacks: an id and times."""
        created = draft.created_at or self._clock.now()
        values = values_of(draft) | {
            "id": draft.id or self._clock.new_id(draft.created_at),
            "created_at": created,
            "updated_at": draft.updated_at or created,
        }
        return Entry(**values)

    def _resolved(self, prefix: str) -> tuple[int, Entry]:
        key = self._store.entries.resolve(prefix)
        return key, self._store.entries.one(key)

    def _record(self, key: int, entry: Entry) -> dict[str, Any]:
        from rekall.knowledge import kept

        return kept.record_of(entry, self._store.links.of(key), self._store.origins.of(key))

    def restore_link(self, entry: Entry, link: Link) -> None:
        """Bring back one link of a restored entry, or keep it with the other entry when that is deleted too."""
        store = self._store
        other_id = link.target if link.source == entry.id else link.source
        other = store.entries.by_ids([other_id]).get(other_id)
        if other is None:
            record = store.tombstones.record(other_id)
            if record is not None:
                from rekall.knowledge import kept

                store.tombstones.replace(other_id, kept.with_link(record, link))
            return
        target = other if link.target == other_id else entry
        if link.type is not LinkType.SUPERSEDES or target.status is Status.OBSOLETE:
            store.links.put(link, self._clock.now(), as_oldest=True)  # what was said since stays the latest

    def prepared(self, entry: Entry, key: int | None) -> tuple[Prepared | None, EngineError | None]:
        """The entry's passages and vectors, and why some or all of these are lacking."""
        try:
            prepared = self._embeddings.prepare(entry, key)
        except EngineError as error:
            return None, error
        return prepared, prepared.problem

    def _caught_up(self, key: int) -> EngineError | None:
        """Embed a stored entry again when the model changed since it was prepared. Returns why that failed.

        The entry is stored, whatever becomes of the base afterwards: who is told otherwise would add it again.
        """
        try:
            self._embeddings.catch_up(key)
        except EngineError as error:
            return error
        except StorageError as error:
            return EngineError(error.message, "it is stored; `rekall index rebuild --vectors` embeds it")
        return None

    def _with_successor(self, draft: Draft) -> Draft:
        """The draft with its successor's full id."""
        if draft.superseded_by is None:
            return draft
        successor = self._resolved(draft.superseded_by)[1]
        if successor.id == draft.id:
            raise InvalidInput("an entry cannot supersede itself", "name another one")
        return replace(draft, superseded_by=successor.id)


def _restored_already(entry_id: str) -> NotFound:
    return NotFound(f"no deleted entry {entry_id!r}", "it may have been restored already")
