"""Every change of an entry: added, edited, deprecated, deleted, brought back, linked."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

from rekall.embeddings import EmbeddingService, Prepared
from rekall.entry import rules
from rekall.entry.changes import Changes
from rekall.entry.fields import Draft, Entry, values_of
from rekall.entry.record import from_record, to_record
from rekall.entry.types import Link, LinkType, Status, Tombstone
from rekall.errors import DatabaseLocked, EditConflict, EngineError, InvalidInput, NotFound
from rekall.knowledge.reports import Saved
from rekall.knowledge.succession import put_link, put_successor, remove_links, settled
from rekall.store.values import Origin
from rekall.system.clock import Clock

if TYPE_CHECKING:  # protocols cost memory that a search does not need
    from rekall.store.contract import Store


class EntryService:
    """Writes entries with their words, vectors and links, each change in one transaction.

    The model works before the transaction, so that no lock is held while it does; without it an entry is stored all the
    same, to be embedded later.
    """

    def __init__(self, store: Store, embeddings: EmbeddingService, clock: Clock) -> None:
        """Work on an open store.

        Args:
            store: The base.
            embeddings: The vectors.
            clock: The time, and new ids.
        """
        self._store = store
        self._embeddings = embeddings
        self._clock = clock

    def add(self, draft: Draft) -> Saved:
        """Store a new entry.

        Raises:
            InvalidInput: The draft breaks a rule, see `rules.checked`, or brings the id of an entry that is there.
            NotFound, Ambiguous: Its successor's id does not name one entry.
        """
        entry = self.new_entry(settled(self._with_successor(rules.checked(draft))))
        prepared, problem = self._prepared(entry, None)
        with self._store.transaction():
            if self._store.entries.key_of(entry.id) is not None:
                raise InvalidInput(f"there already is an entry {entry.id}", "change it with `rekall edit`")
            key = self.put(None, entry, prepared)
            put_successor(self._store, entry, None, self._clock.now())
        return Saved.of(entry, problem or self._caught_up(key), self._embeddings.advice)

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
        draft = replace(draft, id=old.id, created_at=old.created_at, updated_at=self._clock.now())
        entry = self.new_entry(settled(self._with_successor(rules.checked(draft)), old))
        key = self._store.entries.key_of(old.id)
        prepared, problem = self._prepared(entry, key)
        with self._store.transaction():
            key = self._store.entries.key_of(old.id)
            if key is None:
                raise NotFound(f"entry {old.id} was just deleted", "add it again with `rekall add`")
            if self._store.entries.by_keys([key])[key] != old:
                raise EditConflict(
                    f"entry {old.id} was changed in another window since you opened it",
                    "look at it with `rekall show`, then edit again",
                )
            self.put(key, entry, prepared)
            put_successor(self._store, entry, old.superseded_by, self._clock.now(), reason)
            entry = self._store.entries.by_keys([key])[key]
        return Saved.of(entry, problem or self._caught_up(key), self._embeddings.advice)

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
            InvalidInput: The entry would supersede itself.
        """
        old = self._resolved(prefix)[1]
        reason = rules.one_line(reason, "reason")
        named = old.superseded_by if successor is None else self._resolved(successor)[1].id
        draft = replace(old.as_draft(), status=Status.OBSOLETE, superseded_by=named)
        if reason and named is None:
            draft = replace(draft, content=f"{old.content}\n\nObsolete: {reason}")
        return self.edit(old, draft, reason=reason)

    def delete(self, entry_id: str, *, forever: bool = False) -> bool:
        """Remove an entry, with its words, vectors and links. A tombstone stays, which `restore` takes back.

        Args:
            entry_id: The full id, of an entry, or of a tombstone when it goes for ever.
            forever: Leave nothing, and write the file again so that no trace of the text is in it.

        Returns:
            Whether the file holds no trace: False without `forever`, and while another process uses the base.

        Raises:
            NotFound: There is no entry of that id.
        """
        store = self._store
        with store.transaction():
            key = store.entries.key_of(entry_id)
            if key is None and not (forever and store.tombstones.record(entry_id)):
                raise NotFound(
                    f"no entry {entry_id!r}", "it may have been deleted already; `rekall restore` lists those"
                )
            if key is not None:
                entry = store.entries.by_keys([key])[key]
                self.take_out(key, entry, None if forever else self._clock.now())
            if forever:
                store.tombstones.drop(entry_id)
                store.words.forget_deleted()
        if not forever:
            return False
        try:
            return store.compact()
        except DatabaseLocked:  # deleted all the same
            return False

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
        """
        store = self._store
        tombstone = store.tombstones.resolve(prefix)
        record = store.tombstones.record(tombstone.id) or {}
        entry = self._of_tombstone(tombstone, record)
        prepared, problem = self._prepared(entry, None)
        with store.transaction():
            now = store.tombstones.record(entry.id)
            if now is None:
                raise NotFound(f"no deleted entry {entry.id!r}", "it may have been restored already")
            if now != record:  # another window was quicker, and it is deleted again
                raise EditConflict(f"entry {entry.id} was just changed in another window", "restore it again")
            key = self._put_back(entry, record, prepared)
            entry = store.entries.by_keys([key])[key]
        return Saved.of(entry, problem or self._caught_up(key), self._embeddings.advice)

    def bring_back(self, entry_id: str, path: str) -> int:
        """Bring back an entry that was deleted because its source was gone; the caller holds the transaction.

        Args:
            entry_id: Its full id.
            path: Where the source is now.

        Returns:
            The key of the entry.
        """
        tombstone = self._store.tombstones.resolve(entry_id)
        record = self._store.tombstones.record(tombstone.id) or {}
        return self._put_back(self._of_tombstone(tombstone, record), record, None, path)

    def _of_tombstone(self, tombstone: Tombstone, record: dict[str, Any]) -> Entry:
        said = record.get("entry") or {}
        read = from_record(said, said.get("content", ""), tombstone.title, tombstone.type)
        return self.new_entry(replace(rules.checked(read.draft), superseded_by=None))

    def _put_back(self, entry: Entry, record: dict[str, Any], prepared: Prepared | None, source: str = "") -> int:
        key = self.put(None, entry, prepared)
        named = (record.get("entry") or {}).get("superseded_by")
        for link in sorted(links_of_tombstone(record, entry.id), key=lambda link: link.source != named):
            self._restore_link(entry, link)
        if record.get("origin"):
            path, source_hash, entry_hash, *more = record["origin"]  # Rekall 0.1 kept three of them
            from rekall.knowledge.origins import AWAY  # a search needs no room of the import

            is_gone = path.endswith(AWAY) and not source  # whoever restores it keeps it, though its source is gone
            if not is_gone and self._store.origins.at(source or path) is None:  # else it was imported again since
                hashes = bytes.fromhex(source_hash), bytes.fromhex(entry_hash)
                self._store.origins.put(Origin(source or path, key, *hashes, *more))
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
            InvalidInput: Both are the same entry.
        """
        with self._store.transaction():
            (_, first), (_, second) = self._resolved(source), self._resolved(target)
            if first.id == second.id:
                raise InvalidInput("an entry cannot be linked to itself", "name two entries")
            made = Link(first.id, second.id, kind, rules.one_line(reason, "reason"))
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
            key = self._store.entries.insert(entry)
            self._store.tombstones.drop(entry.id)
        else:
            self._store.entries.update(key, entry)
        self._store.words.put(key, entry)
        if prepared is None:
            self._embeddings.put_unembedded(key, entry)
        else:
            self._embeddings.put(key, prepared)
        return key

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
        found = self._store.entries.by_keys([key]).get(key)
        if found is None:
            raise NotFound(f"entry {prefix!r} was just deleted")
        return key, found

    def _record(self, key: int, entry: Entry) -> dict[str, Any]:
        return tombstone_record(entry, self._store.links.of(key), self._store.origins.of(key))

    def _restore_link(self, entry: Entry, link: Link) -> None:
        """Bring back one link of a restored entry, or keep it with the other entry when that is deleted too."""
        store = self._store
        other_id = link.target if link.source == entry.id else link.source
        other = store.entries.by_ids([other_id]).get(other_id)
        if other is None:
            record = store.tombstones.record(other_id)
            if record is not None:
                kept = [link.source, link.target, link.type.value, link.reason]
                record["links"] = [*(each for each in record["links"] if each[:3] != kept[:3]), kept]
                store.tombstones.replace(other_id, record)
            return
        target = other if link.target == other_id else entry
        if link.type is not LinkType.SUPERSEDES or target.status is Status.OBSOLETE:
            store.links.put(link, self._clock.now(), as_oldest=True)  # what was said since stays the latest

    def _prepared(self, entry: Entry, key: int | None) -> tuple[Prepared | None, EngineError | None]:
        """The entry's passages and vectors, or why there is no engine."""
        try:
            return self._embeddings.prepare(entry, key), None
        except EngineError as error:
            return None, error

    def _caught_up(self, key: int) -> EngineError | None:
        """Embed a stored entry again when the model changed since it was prepared. Returns why that failed."""
        try:
            self._embeddings.catch_up(key)
        except EngineError as error:
            return error
        return None

    def _with_successor(self, draft: Draft) -> Draft:
        """The draft with its successor's full id."""
        if draft.superseded_by is None:
            return draft
        successor = self._resolved(draft.superseded_by)[1]
        if successor.id == draft.id:
            raise InvalidInput("an entry cannot supersede itself")
        return replace(draft, superseded_by=successor.id)


def tombstone_record(entry: Entry, links: Iterable[Link], origin: Origin | None) -> dict[str, Any]:
    """All that `restore` needs of a deleted entry, as JSON can hold it.

    Args:
        entry: The entry as it was.
        links: Those that touched it, in both directions.
        origin: Where it had been imported from, or None.
    """
    return {
        "entry": {**to_record(entry, full=True), "content": entry.content},
        "links": [[link.source, link.target, link.type.value, link.reason] for link in links],
        "origin": _origin_record(origin) if origin else None,
    }


def _origin_record(origin: Origin) -> list[str | None]:
    hashes = (origin.source_hash.hex(), origin.entry_hash.hex())
    return [origin.path, *hashes, origin.successor, origin.record_id, origin.said]


def links_of_tombstone(record: dict[str, Any], entry_id: str) -> Iterable[Link]:
    """The links that a tombstone keeps; those of Rekall 0.1 keep successions beside them."""
    links = [Link(source, target, LinkType(kind), reason) for source, target, kind, reason in record.get("links", ())]
    pairs = [(entry_id, other) for other in record.get("superseded", ())]
    successor = record.get("entry", {}).get("superseded_by")
    pairs += [(successor, entry_id)] if successor else []
    known = {(link.source, link.target) for link in links if link.type is LinkType.SUPERSEDES}
    return [*links, *(Link(*pair, LinkType.SUPERSEDES) for pair in pairs if pair not in known)]
