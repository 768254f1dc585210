"""Every change of an entry: added, edited, deprecated, deleted, brought back, linked."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import Any

from rekall.db import Database
from rekall.embeddings import EmbeddingService, Prepared
from rekall.entry import rules
from rekall.entry.record import from_fields, to_fields
from rekall.entry.rules import Changes
from rekall.entry.types import Draft, Entry, Link, LinkType, Status, Tombstone
from rekall.errors import DatabaseLocked, EditConflict, EngineError, InvalidInput, NotFound
from rekall.knowledge.reports import Saved
from rekall.store.entries import EntryStore, Origin
from rekall.store.tombstones import TombstoneStore
from rekall.store.words import WordIndex


class EntryService:
    """Writes entries with their words and vectors, each change in one transaction.

    The model works before the transaction, so that no lock is held meanwhile; without it an entry is stored all the
    same, to be embedded later.
    """

    def __init__(
        self,
        db: Database,
        entries: EntryStore,
        words: WordIndex,
        tombstones: TombstoneStore,
        embeddings: EmbeddingService,
        now: Callable[[], datetime],
        new_id: Callable[[datetime | None], str],
    ) -> None:
        """Work on an open database.

        Args:
            db: For transactions.
            entries: The rows.
            words: The words index.
            tombstones: What deleted entries leave.
            embeddings: The vectors.
            now: The time.
            new_id: Makes the id of an entry that was created then, or now.
        """
        self._db = db
        self._entries = entries
        self._words = words
        self._tombstones = tombstones
        self._embeddings = embeddings
        self._now = now
        self._new_id = new_id

    def add(self, draft: Draft) -> Saved:
        """Store a new entry.

        Raises:
            InvalidInput: The draft breaks a rule, see `rules.checked`, or brings the id of an entry that is there.
            NotFound, Ambiguous: Its successor's id does not name one entry.
        """
        entry = self.new_entry(self._with_successor(rules.checked(draft)))
        prepared, problem = self._prepared(entry, None)
        with self._db.transaction():
            if self._entries.key_of(entry.id) is not None:
                raise InvalidInput(f"there is an entry {entry.id} already", "change it with `rekall edit`")
            self._check_successor(entry)
            key = self._put(None, entry, prepared)
        return Saved.of(entry, problem or self._caught_up(key))

    def edit(self, old: Entry, draft: Draft) -> Saved:
        """Replace what an entry says.

        Args:
            old: The entry as the editor saw it.
            draft: What it shall say; id and creation time stay.

        Raises:
            NotFound: It is gone.
            EditConflict: It is no longer what the editor saw; nothing was changed.
            InvalidInput: The draft breaks a rule.
        """
        return self._edited(old, draft, None)

    def _edited(self, old: Entry, draft: Draft, link: Link | None) -> Saved:
        """What `edit` does, together with a link to the entry."""
        draft = replace(draft, id=old.id, created_at=old.created_at, updated_at=self._now())
        entry = self.new_entry(self._with_successor(rules.checked(draft)))
        key = self._entries.key_of(old.id)
        prepared, problem = self._prepared(entry, key)
        with self._db.transaction():
            key = self._entries.key_of(old.id)
            if key is None:
                raise NotFound(f"entry {old.id} was deleted meanwhile", "add it again with `rekall add`")
            if self._entries.by_keys([key])[key] != old:
                raise EditConflict(
                    f"entry {old.id} was changed meanwhile in another window",
                    "look at it with `rekall show`, then edit again",
                )
            self._check_successor(entry)
            self._put(key, entry, prepared)
            if link is not None:
                self._store_link(link)
        return Saved.of(entry, problem or self._caught_up(key))

    def change(self, prefix: str, changes: Changes) -> Saved:
        """Change parts of the entry whose id begins so. Raises as `edit` does, and NotFound or Ambiguous."""
        old = self._resolved(prefix)[1]
        return self.edit(old, changes.applied(old.as_draft()))

    def deprecate(self, prefix: str, successor: str | None, reason: str) -> Saved:
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
        reason = " ".join(rules.text(reason, "reason").split())
        named = old.superseded_by if successor is None else self._resolved(successor)[1].id
        content = f"{old.content}\n\nObsolete: {reason}" if reason and named is None else None
        changes = Changes(status=Status.OBSOLETE, superseded_by=named, content=content)
        is_said = successor is not None or reason
        link = Link(named, old.id, LinkType.SUPERSEDES, reason) if named is not None and is_said else None
        return self._edited(old, changes.applied(old.as_draft()), link)

    def delete(self, entry_id: str, *, forever: bool = False) -> bool:
        """Remove an entry, with its words, vectors and links. A tombstone stays, which `restore` takes back.

        Args:
            entry_id: The full id, of an entry, or of a tombstone when it goes for ever.
            forever: Leave nothing, and write the file anew so that no trace of the text is in it.

        Returns:
            Whether the file holds no trace: False without `forever`, and while another process uses the base.

        Raises:
            NotFound: There is no entry of that id.
        """
        with self._db.transaction():
            key = self._entries.key_of(entry_id)
            if key is None and not (forever and self._tombstones.find(entry_id)):
                raise NotFound(
                    f"no entry {entry_id!r}", "it may have been deleted already; `rekall restore` lists those"
                )
            if key is not None:
                entry = self._entries.by_keys([key])[key]
                if not forever:
                    self._tombstones.put(entry, self._record(key, entry), self._now())
                self._words.delete(key)
                self._entries.delete(key)
                self._embeddings.forget_queries()
            if forever:
                self._tombstones.drop(entry_id)
                self._words.forget_deleted()
        if not forever:
            return False
        try:
            return self._db.compact()
        except DatabaseLocked:  # deleted all the same
            return False

    def restore(self, prefix: str) -> Saved:
        """Bring back a deleted entry, with its id, times, origin, links and those who name it as their successor.

        What joins it to an entry that is deleted too comes back when the other one does.

        Raises:
            NotFound, Ambiguous: The id does not name one deleted entry.
        """
        tombstone = self._tombstones.resolve(prefix)
        record = self._tombstones.record(tombstone.id)
        read = from_fields(record["entry"], record["entry"]["content"], tombstone.title, tombstone.type)
        entry = self.new_entry(rules.checked(read.draft))
        prepared, problem = self._prepared(entry, None)
        with self._db.transaction():
            if self._tombstones.record(entry.id) != record:  # another window was quicker, and it is deleted again
                raise EditConflict(f"entry {entry.id} was changed meanwhile in another window", "restore it again")
            successor = entry.superseded_by
            if successor is not None and self._entries.key_of(successor) is None:
                self._leave(successor, "superseded", entry.id)
                entry = replace(entry, superseded_by=None)
            key = self._put(None, entry, prepared)
            for source, target, kind, reason in record["links"]:
                first, second = self._entries.key_of(source), self._entries.key_of(target)
                if first is not None and second is not None:
                    self._entries.add_link(first, second, Link(source, target, LinkType(kind), reason), self._now())
                else:
                    other = target if source == entry.id else source
                    self._leave(other, "links", [source, target, kind, reason])
            self._entries.set_successor(record["superseded"], entry.id)
            for predecessor in record["superseded"]:
                self._leave(predecessor, "successor", entry.id)
            if record["origin"]:
                path, source_hash, entry_hash = record["origin"]
                if self._entries.origin(path) is None:  # else it was imported again meanwhile
                    origin = Origin(path, key, bytes.fromhex(source_hash), bytes.fromhex(entry_hash))
                    self._entries.set_origin(origin)
        return Saved.of(entry, problem or self._caught_up(key))

    def deleted(self, limit: int) -> list[Tombstone]:
        """What `restore` can bring back, the last deleted first."""
        return self._tombstones.latest(limit)

    def find_deleted(self, prefix: str) -> Tombstone:
        """The deleted entry whose id begins so. Raises NotFound or Ambiguous."""
        return self._tombstones.resolve(prefix)

    def link(self, source: str, target: str, kind: LinkType, reason: str) -> Link:
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
        reason = " ".join(rules.text(reason, "reason").split())
        (_, first), (_, second) = self._resolved(source), self._resolved(target)
        if first.id == second.id:
            raise InvalidInput("an entry cannot be linked to itself", "name two entries")
        link = Link(first.id, second.id, kind, reason)
        if kind is LinkType.SUPERSEDES:
            self.deprecate(second.id, first.id, reason)
        else:
            self._store_link(link)
        return link

    def unlink(self, source: str, target: str, kind: LinkType | None) -> int:
        """Remove the links from one entry to another, of one kind or of any. Returns how many there were.

        Raises:
            NotFound: There is no such link, or an id does not name an entry.
            Ambiguous: An id names several.
        """
        with self._db.transaction():
            (first, one), (second, other) = self._resolved(source), self._resolved(target)
            count = self._entries.remove_link(first, second, kind)
        if not count:
            raise NotFound(f"no link from {one.title!r} to {other.title!r}", "`rekall show` lists an entry's links")
        return count

    def put_unembedded(self, key: int | None, entry: Entry) -> int:
        """Store an entry whose vectors are made later; the caller holds the transaction. Returns its key."""
        return self._put(key, entry, None)

    def new_entry(self, draft: Draft) -> Entry:
        """A checked draft with what it lacks: an id and times."""
        created = draft.created_at or self._now()
        return Entry(
            id=draft.id or self._new_id(draft.created_at),
            type=draft.type,
            title=draft.title,
            content=draft.content,
            tags=draft.tags,
            project=draft.project,
            status=draft.status,
            superseded_by=draft.superseded_by,
            confidence=draft.confidence,
            context=draft.context,
            created_at=created,
            updated_at=draft.updated_at or created,
        )

    def _resolved(self, prefix: str) -> tuple[int, Entry]:
        key = self._entries.resolve(prefix)
        found = self._entries.by_keys([key]).get(key)
        if found is None:
            raise NotFound(f"entry {prefix!r} was deleted just now")
        return key, found

    def _record(self, key: int, entry: Entry) -> dict[str, Any]:
        """All that `restore` needs, as JSON can hold it."""
        origin = self._entries.origin_of(key)
        return {
            "entry": {**to_fields(entry, full=True), "content": entry.content},
            "links": [[link.source, link.target, link.type.value, link.reason] for link in self._entries.links(key)],
            "superseded": self._entries.superseded_by(entry.id),
            "origin": [origin.path, origin.source_hash.hex(), origin.entry_hash.hex()] if origin else None,
        }

    def _leave(self, entry_id: str, part: str, value: Any) -> None:
        """Keep with a deleted entry what shall come back with it; without a tombstone it is lost."""
        record = self._tombstones.find(entry_id)
        if record is None:
            return
        if part != "successor":
            record[part].append(value)
        elif record["entry"]["status"] == Status.OBSOLETE.value and not record["entry"]["superseded_by"]:
            record["entry"]["superseded_by"] = value
        self._tombstones.replace(entry_id, record)

    def _check_successor(self, entry: Entry) -> None:
        """Refuse an entry whose successor was deleted since it was looked up; the caller holds the transaction."""
        if entry.superseded_by is not None and self._entries.key_of(entry.superseded_by) is None:
            raise NotFound(f"entry {entry.superseded_by} was deleted just now", "name another successor, or none")

    def _store_link(self, link: Link) -> None:
        with self._db.transaction():
            source, target = self._entries.key_of(link.source), self._entries.key_of(link.target)
            if source is None or target is None:
                raise NotFound("one of the two entries was deleted just now")
            self._entries.add_link(source, target, link, self._now())

    def _prepared(self, entry: Entry, key: int | None) -> tuple[Prepared | None, EngineError | None]:
        """The entry's passages and vectors, or why there is no engine."""
        try:
            return self._embeddings.prepare(entry, key), None
        except EngineError as error:
            return None, error

    def _caught_up(self, key: int) -> EngineError | None:
        """Embed a stored entry again when the model changed meanwhile. Returns why that failed."""
        try:
            self._embeddings.catch_up(key)
        except EngineError as error:
            return error
        return None

    def _put(self, key: int | None, entry: Entry, prepared: Prepared | None) -> int:
        """Entry, words and vectors; the caller holds the transaction."""
        if key is None:
            key = self._entries.insert(entry)
            self._tombstones.drop(entry.id)
        else:
            self._entries.update(key, entry)
        self._words.put(key, entry)
        if prepared is None:
            self._embeddings.store_unembedded(key, entry)
        else:
            self._embeddings.store(key, prepared)
        return key

    def _with_successor(self, draft: Draft) -> Draft:
        """The draft with its successor's full id; an entry with a successor is obsolete."""
        if draft.superseded_by is None:
            return draft
        successor = self._resolved(draft.superseded_by)[1]
        if successor.id == draft.id:
            raise InvalidInput("an entry cannot supersede itself")
        return replace(draft, superseded_by=successor.id, status=Status.OBSOLETE)
