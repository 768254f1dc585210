"""Decides what an import does with each thing it finds: new, changed, unchanged, moved, deleted, or changed on both sides."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from rekall.entry.fields import Draft, Entry
from rekall.entry.types import Link, LinkType, Status
from rekall.errors import EntryDamaged, InvalidInput, RekallError
from rekall.exchange.dialect import Refused
from rekall.exchange.folders import File, Walk
from rekall.exchange.places import identity
from rekall.exchange.reading import Found, LeftOut, identity_of
from rekall.knowledge import merging
from rekall.knowledge.fitting import fitted
from rekall.knowledge.import_links import ImportLinks
from rekall.knowledge.import_report import ImportReport
from rekall.knowledge.kept import record_of
from rekall.knowledge.known import Known
from rekall.knowledge.origins import AWAY, THEIRS, place_of
from rekall.knowledge.recognising import Recogniser, is_gone
from rekall.knowledge.remembering import entry_hash, is_same, origin_of
from rekall.knowledge.succession import settled, superseding
from rekall.knowledge.writing import EntryService
from rekall.store.values import Origin
from rekall.system.clock import Clock

if TYPE_CHECKING:  # protocols cost memory that a search does not need
    from rekall.store.contract import Store


class Importer:
    """Stores what was found, a batch and a transaction of the caller's at a time."""

    def __init__(
        self, store: Store, writer: EntryService, clock: Clock, roots: Sequence[str], *, overwrite: bool
    ) -> None:
        """Prepare an import.

        Args:
            store: To look up what is there.
            writer: Stores an entry and indexes its words.
            clock: The time.
            roots: Identities of the paths that are imported.
            overwrite: Let the source win where both changed, and take what was deleted here again.
        """
        self._store = store
        self._writer = writer
        self._clock = clock
        self._overwrite = overwrite
        self._recogniser = Recogniser(store)
        self._deleted = store.tombstones.origins()
        self._pruned: dict[str, str] = {}
        self._deleted_ids: set[str] = set()
        self._deleted_by_hash: dict[str, list[str]] = {}
        for path, (entry_id, source_hash) in list(self._deleted.items()):
            if path.endswith(AWAY):  # its source was gone, nobody deleted it
                self._pruned.update(dict.fromkeys((place_of(path), source_hash, entry_id), entry_id))
                del self._deleted[path]
            else:
                self._deleted_ids.add(entry_id)
                self._deleted_by_hash.setdefault(source_hash, []).append(path)
        self._ids: set[str] = set()
        self._new: list[tuple[Found, Entry]] = []
        self._read: set[int] = set()
        self.links = ImportLinks(store, clock, roots)
        self.report = ImportReport()
        self.incomplete: set[str] = set()
        """Files of which something was refused: what is not seen of them may still be there."""

    def take(self, items: Sequence[Found | Refused | LeftOut]) -> None:
        """Store every item that can be stored; the others are listed in the report. Call it inside a transaction.

        One lookup for many items tells which are new or unchanged. Any other item is handled by itself, and the items
        after it are looked up again, a few at first.
        """
        at, ahead = 0, len(items)
        while at < len(items):
            some = items[at : at + ahead]
            known = Known.of(self._store, [item for item in some if isinstance(item, Found)])
            taken = next((place for place, item in enumerate(some) if not self._done(item, known)), len(some))
            at += taken
            ahead *= 2
            if taken < len(some):
                self._store_new()
                self._done(items[at], None)
                at, ahead = at + 1, 1
        self._store_new()

    def _done(self, item: Found | Refused | LeftOut, known: Known | None) -> bool:
        """Take an item, unless it needs a closer look than what is known of it; it gets that where nothing is."""
        if isinstance(item, LeftOut):
            self.report.left_out[item.why] += 1
        elif isinstance(item, Refused):
            self._refuse(item)
        else:
            try:
                if known is not None:
                    return self._take_known(item, known)
                self._take(item)
            except RekallError as error:
                if error.exit_code != 4 and not isinstance(error, EntryDamaged):  # the database or the disk
                    raise
                self._refuse(Refused(item.where, error), item.file)
        return True

    def was_seen(self, path: str) -> bool:
        """Whether this import found something at a path."""
        return self._recogniser.was_seen(path)

    def was_read(self, file: str) -> bool:
        """Whether this import read a file to its end, and could take in everything in it."""
        return hash(file) in self._read and file not in self.incomplete

    def note_read(self, file: File) -> None:
        """Note that a file was read to its end."""
        self._read.add(hash(identity_of(file)))

    def note_walk(self, walk: Walk) -> None:
        """Learn what the walk through the folders found, and put into the report what it left out."""
        self._recogniser.note_files([file.name for file in walk.files])
        self.report.left_out.update(walk.left_out)
        self.report.ignored = walk.ignored
        for folder, why in walk.unreadable:
            self.report.refused.append(
                Refused(str(folder), InvalidInput(f"cannot be read: {why}", "check its permissions"))
            )

    def note_spelling(self, now: Callable[[str], str]) -> None:
        """Learn how the paths are spelled now from which came what was deleted here."""
        self._deleted = {now(path): known for path, known in self._deleted.items()}

    def _refuse(self, refused: Refused, file: str = "") -> None:
        self.report.refused.append(refused)
        self.incomplete.update([file] if file else (identity(Path(name)) for name in _files_named(refused.where)))

    def _take_known(self, found: Found, known: Known) -> bool:
        """Take what is new, or says what it said last time. Returns whether it is."""
        own_id = found.read.draft.id
        if found.deleted_at is not None or self._recogniser.is_met(found.path):
            return False
        same = None if self._overwrite else known.same(found)
        if same is None and (not known.is_new(found) or self._pruned or self._recogniser.may_be_numbered(found)):
            return False
        self._recogniser.unique(found)
        if same is not None:
            self._unchanged(found, *same)
        else:
            draft = fitted(found)
            if own_id in self._ids:  # two records with one id are two entries
                draft = replace(draft, id=None)
            if self._was_deleted_here(found, draft):
                self.report.deleted_here += 1
                return True
            self._add(found, draft)
        if own_id:
            self._ids.add(own_id)
        return True

    def _take(self, found: Found) -> None:
        """Take anything, however it was changed, moved or deleted on either side."""
        found = self._recogniser.unique(found)
        draft = fitted(found)
        if found.deleted_at is not None:
            self._take_deleted(found, self._writer.capture.looked_at(draft)[0], found.deleted_at)
            return
        origin = self._origin_of(found, draft)
        key = origin.entry_key if origin else self._store.entries.key_of(draft.id) if draft.id else None
        if origin is None and draft.id in self._ids:  # two records with one id are two entries
            draft, key = replace(draft, id=None), None
        if key is None and self._was_deleted_here(found, draft):
            self.report.deleted_here += 1
            return
        if key is None:
            origin = self._brought_back(found, draft)
            key = origin.entry_key if origin else None
        if draft.id:
            self._ids.add(draft.id)
        old = None if key is None else self._store.entries.one(key)
        is_open = self._overwrite and self._store.origins.at(found.path + THEIRS) is not None
        is_same = origin is not None and origin.source_hash == found.source_hash
        if origin and old and is_same and not is_open and not self._was_read_in_part(origin, old):
            self._unchanged(found, origin, old)
            return
        if key is None or old is None:
            self._add(found, draft)
        else:
            self._update(found, origin, key, old, settled(self._looked_at(found, draft)))

    def _looked_at(self, found: Found, draft: Draft) -> Draft:
        """The draft as it may be stored; the report is told of its secrets, and of what could not be read."""
        draft, secrets = self._writer.capture.looked_at(draft)
        if found.read.unknown_type:
            self.report.unknown_types[found.read.unknown_type] += 1
        for problem in found.read.problems:
            self.report.tell(problem.kind, found.where)
        self.report.secrets += ((found.where, secret) for secret in secrets)
        return draft

    def _add(self, found: Found, draft: Draft) -> None:
        """Gather a new entry; `_store_new` stores it with the others."""
        draft = self._looked_at(found, draft)
        if draft.created_at is None:
            draft = replace(draft, created_at=found.file_time)
        entry = self._writer.new_entry(settled(draft))
        self._new.append((found, entry))
        self.links.tell(found, entry.id, (), is_changed=True, successor=entry.superseded_by)

    def _store_new(self) -> None:
        """Store the new entries that were gathered."""
        if self._new:
            keys = self._writer.put_all([entry for _, entry in self._new])
            told = (origin_of(found, key, entry, ()) for key, (found, entry) in zip(keys, self._new, strict=True))
            self._store.origins.put(*told)
            self.report.added += len(keys)
            self.report.keys.extend(keys)
            self._new = []

    def _unchanged(self, found: Found, origin: Origin, old: Entry) -> None:
        self.report.unchanged += 1
        said, links = merging.decoded(origin.said)
        self.links.tell(found, old.id, links, is_changed=False, successor=(said or {}).get(merging.AWAITED))

    def _update(self, found: Found, origin: Origin | None, key: int, old: Entry, theirs: Draft) -> None:
        """Make an entry say what its source says now, and keep what was changed here."""
        told = self._entry(theirs, old)
        links = merging.decoded(origin.said)[1] if origin else []
        if is_same(old, told):
            self.report.unchanged += 1
            self._remember(found, key, told, links)
            return
        if origin is None and old.updated_at > told.updated_at and not self._overwrite:
            self.report.kept.append(found.where)
            self._remember(replace(found, source_hash=b""), key, told, links)  # so that --overwrite still takes it
            return
        merged = self._merged(found, origin, old, told)
        entry = self._entry(merged.draft, old, told.updated_at)
        if merged.conflicts:
            self._keep_theirs(found, old, told, merged.conflicts)
        elif self._overwrite:
            self._drop_theirs(found)
        is_superseded = self._forget_successor(key, old, origin, told)
        if not is_same(old, entry):
            self._writer.put(key, replace(entry, status=Status.OBSOLETE) if is_superseded else entry)
            self.report.keys.append(key)
            self.report.updated += 1
        elif not merged.conflicts:
            self.report.unchanged += 1
        self._remember(found, key, told, links)

    def _drop_theirs(self, found: Found) -> None:
        """Delete the entry that kept a source's version, now that the source has its way, unless it was edited."""
        copy = self._store.origins.at(found.path + THEIRS)
        if copy is not None:
            entry = self._store.entries.one(copy.entry_key)
            if not self.was_edited(entry, copy):
                self._writer.take_out(copy.entry_key, entry, self._clock.now())

    def _merged(self, found: Found, origin: Origin | None, old: Entry, told: Entry) -> merging.Merged:
        """What comes of the source's version and this one."""
        if origin is None and not self._overwrite and not found.is_whole:
            return merging.Merged(merging.joined(old.as_draft(), told.as_draft()), ())
        if self._overwrite or origin is None or not self.was_edited(old, origin):
            return merging.Merged(told.as_draft(), ())
        return merging.merge(merging.decoded(origin.said)[0], old.as_draft(), told.as_draft())

    def _keep_theirs(self, found: Found, old: Entry, told: Entry, fields: Sequence[str]) -> None:
        """Keep a source's version as an entry that contradicts this one, the same one at every such import."""
        named = ", ".join(fields).replace("_", " ")
        self.report.conflicts.append(f"{found.where} ({named})")
        draft = replace(told.as_draft(), superseded_by=None)
        path, number = found.path + THEIRS, 1
        copy = self._store.origins.at(path)
        while copy and self.was_edited(self._store.entries.one(copy.entry_key), copy):
            number += 1
            path = f"{found.path}~{number}{THEIRS}"
            copy = self._store.origins.at(path)
        if copy is None:
            entry = self._writer.new_entry(replace(draft, created_at=told.created_at, updated_at=self._clock.now()))
            key = self._writer.put(None, entry)
        else:
            key = copy.entry_key
            entry = self._entry(draft, self._store.entries.one(key))
            self._writer.put(key, entry)
        self.report.keys.append(key)
        self._store.origins.put(
            Origin(
                path, key, found.source_hash, entry_hash(entry), None, "", merging.encoded(merging.said_by(entry), [])
            )
        )
        self._store.links.put(
            Link(entry.id, old.id, LinkType.CONTRADICTS, f"both were changed: {named}"), self._clock.now()
        )

    def _take_deleted(self, found: Found, draft: Draft, deleted_at: datetime) -> None:
        """Delete what its source deleted, unless it was changed here since; keep what was not here to be restored."""
        store = self._store
        origin = self._origin_of(found, draft)
        key = origin.entry_key if origin else store.entries.key_of(draft.id or "")
        old = None if key is None else store.entries.one(key)
        if old is not None and key is not None:
            is_edited = self.was_edited(old, origin) if origin else old.updated_at > deleted_at
            if is_edited and not self._overwrite:
                self.report.kept.append(found.where)
                return
            self._writer.take_out(key, old, deleted_at)
            self.report.deleted += 1
        elif (draft.id and store.tombstones.has(draft.id)) or found.path in self._deleted:
            self.report.unchanged += 1
        else:
            entry = self._writer.new_entry(settled(draft))
            origin = None if draft.id else Origin(found.path, 0, found.source_hash, entry_hash(entry))
            links = [replace(link, source=link.source or entry.id) for link in found.touching]
            store.tombstones.put(entry, record_of(entry, links, origin), deleted_at)
            self._deleted[found.path] = (entry.id, found.source_hash.hex())
            self.report.deleted += 1

    def _remember(self, found: Found, key: int, told: Entry, links: Sequence[Sequence[str]]) -> None:
        """Note what a source said, and the links that it wants."""
        self._store.origins.put(origin_of(found, key, told, links))
        self.links.tell(found, told.id, links, is_changed=True, successor=told.superseded_by)

    def _entry(self, draft: Draft, old: Entry, updated_at: datetime | None = None) -> Entry:
        """What a draft makes of an entry, with the id and time of the one it changes."""
        draft = settled(draft)
        return self._writer.new_entry(
            replace(
                draft,
                id=old.id,
                created_at=draft.created_at or old.created_at,
                updated_at=draft.updated_at or updated_at or self._clock.now(),
            )
        )

    def _origin_of(self, found: Found, draft: Draft) -> Origin | None:
        origin = self._recogniser.origin_of(found, draft, self._ids)
        self.report.moved = self._recogniser.moved
        return origin

    def _brought_back(self, found: Found, draft: Draft) -> Origin | None:
        """The origin of an entry that was deleted because its source was gone, and is back."""
        names = (found.path, found.source_hash.hex(), draft.id or "")
        entry_id = next((self._pruned[name] for name in names if name in self._pruned), "")
        if not entry_id or not self._store.tombstones.has(entry_id):
            return None
        key = self._writer.bring_back(entry_id, found.path)
        self.report.keys.append(key)
        self.report.restored += 1
        return self._store.origins.of(key)

    def _was_deleted_here(self, found: Found, draft: Draft) -> bool:
        """Whether the entry of a source was deleted here, and the source says nothing new since."""
        if self._overwrite:
            return False
        entry_id, source_hash = self._deleted.get(found.path, ("", ""))
        if entry_id:
            return source_hash == found.source_hash.hex()
        if draft.id:
            return draft.id in self._deleted_ids
        moved = self._deleted_by_hash.get(found.source_hash.hex(), ())
        return any(not self.was_seen(path) and is_gone(path, found) for path in moved)

    def _forget_successor(self, key: int, old: Entry, origin: Origin | None, entry: Entry) -> bool:
        """Drop the successor that the source named before and does not name now; what others say of it stays.

        Returns:
            Whether the entry is superseded all the same.
        """
        if origin is not None and origin.successor not in (None, entry.superseded_by):
            self._store.links.remove(Link(origin.successor or "", old.id, LinkType.SUPERSEDES))
        return bool(superseding(self._store, key, old.id))

    def was_edited(self, old: Entry, origin: Origin) -> bool:
        """Whether an entry was changed here since it was imported.

        A link from another entry supersedes this one without editing it.
        """
        if origin.successor and old.superseded_by and origin.successor != old.superseded_by:
            return True
        as_told = replace(old, superseded_by=origin.successor)
        told = {entry_hash(as_told)} | (
            {entry_hash(replace(as_told, status=Status.ACTIVE))} if old.superseded_by else set()
        )
        return origin.entry_hash not in told

    def _was_read_in_part(self, origin: Origin, old: Entry) -> bool:
        """Whether an earlier Rekall imported it, which dropped what it had no field for, and nobody edited it since."""
        return not origin.said and not self.was_edited(old, origin)


def _files_named(where: str) -> Iterator[str]:
    """The files that a report may mean: before what it calls a part of one stands a comma, and names hold commas too."""
    yield where
    while ", " in where:
        where = where.rpartition(", ")[0]
        yield where
