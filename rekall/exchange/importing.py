"""Decides what an import does with each thing it finds: new, changed, unchanged, or edited here meanwhile."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime

from rekall.entry import rules
from rekall.entry.record import is_ulid, to_fields
from rekall.entry.types import Draft, Entry, Link
from rekall.errors import RekallError
from rekall.exchange.reading import Found, Refused
from rekall.store.entries import EntryStore, Origin


@dataclass(slots=True)
class ImportReport:
    """What an import did, filled in as it goes.

    Attributes:
        added: New entries.
        updated: Entries whose source changed.
        unchanged: Entries whose source is the same as last time.
        kept: Where source and entry both changed; the entry was left alone.
        refused: What could not be read.
        unknown_types: Types that do not exist, and how often they came.
        lost_links: Links whose target is not here.
        embedded: Passages that got a vector.
        warning: Why there are entries without vectors, or empty.
        hint: What mends that.
    """

    added: int = 0
    updated: int = 0
    unchanged: int = 0
    kept: list[str] = field(default_factory=list)
    refused: list[Refused] = field(default_factory=list)
    unknown_types: Counter[str] = field(default_factory=Counter)
    lost_links: int = 0
    embedded: int = 0
    warning: str = ""
    hint: str = ""

    @property
    def stored(self) -> int:
        """Entries that were written."""
        return self.added + self.updated


class Importer:
    """Stores what was found. Everything belongs inside one transaction of the caller."""

    def __init__(
        self,
        entries: EntryStore,
        put: Callable[[int | None, Entry], int],
        new_entry: Callable[[Draft], Entry],
        now: Callable[[], datetime],
        *,
        overwrite: bool,
    ) -> None:
        """Prepare an import.

        Args:
            entries: To look up what is there.
            put: Stores an entry under a key, or as a new one, and indexes it; returns its key.
            new_entry: Gives a checked draft its id and times.
            now: The time.
            overwrite: Let the source win where both changed.
        """
        self._entries = entries
        self._put = put
        self._new_entry = new_entry
        self._now = now
        self._overwrite = overwrite
        self._seen: Counter[str] = Counter()
        self._links: list[tuple[str, Link]] = []
        self._taken: set[int] = set()
        self._superseded: list[tuple[int, Entry, Origin]] = []
        self.report = ImportReport()

    def take(self, items: Iterable[Found | Refused], progress: Callable[[int], None]) -> None:
        """Store every item that can be stored; the others are listed in the report."""
        for count, item in enumerate(items, 1):
            if isinstance(item, Refused):
                self.report.refused.append(item)
            else:
                try:
                    self._take(item)
                except RekallError as error:
                    if error.exit_code != 4:  # not about this item: the database or the disk
                        raise
                    self.report.refused.append(Refused(item.where, error))
            progress(count)

    def finish(self) -> None:
        """Store the links between what was imported, and drop references to successors that did not come."""
        for key, entry, origin in self._superseded:
            if self._entries.key_of(entry.superseded_by or "") is None:
                alone = replace(entry, superseded_by=None)
                self._entries.update(key, alone)
                self._entries.set_origin(replace(origin, entry_hash=entry_hash(alone)))
                self.report.lost_links += 1
        for source_id, link in self._links:
            source = self._entries.key_of(source_id)
            target = self._entries.key_of(link.target) if is_ulid(link.target) else None
            if source is None or target is None or source == target:
                self.report.lost_links += 1
            else:
                self._entries.add_link(source, target, link, self._now())

    def _take(self, found: Found) -> None:
        draft = rules.checked(found.read.draft)
        if found.read.unknown_type:
            self.report.unknown_types[found.read.unknown_type] += 1
        path = self._unique(found.path)
        origin = self._entries.origin(path)
        key = origin.entry_key if origin else self._entries.key_of(draft.id or "")
        if origin is None and key in self._taken:  # two records with one id are two entries
            draft, key = replace(draft, id=None), None
        if origin and origin.source_hash == found.source_hash:
            self.report.unchanged += 1
            return
        if key is None:
            entry = self._new_entry(draft)
            key = self._put(None, entry)
            self.report.added += 1
        else:
            old = self._entries.by_keys([key])[key]
            entry = self._new_entry(
                replace(
                    draft,
                    id=old.id,
                    created_at=draft.created_at or old.created_at,
                    updated_at=draft.updated_at or self._now(),
                )
            )
            if _same(old, entry):
                self.report.unchanged += 1
                entry = old
            elif self._was_edited(old, origin, entry) and not self._overwrite:
                self.report.kept.append(found.where)
                return
            else:
                self._put(key, entry)
                self.report.updated += 1
        self._taken.add(key)
        origin = Origin(path, key, found.source_hash, entry_hash(entry))
        self._entries.set_origin(origin)
        if entry.superseded_by:
            self._superseded.append((key, entry, origin))
        self._links += [(entry.id, link) for link in found.read.links]

    def _was_edited(self, old: Entry, origin: Origin | None, new: Entry) -> bool:
        """Whether taking `new` would undo a change made here: since the import, or later than the file's own time."""
        return entry_hash(old) != origin.entry_hash if origin else old.updated_at > new.updated_at

    def _unique(self, path: str) -> str:
        """Two records of one file with the same id are two entries."""
        self._seen[path] += 1
        return path if self._seen[path] == 1 else f"{path}~{self._seen[path]}"


def entry_hash(entry: Entry) -> bytes:
    """Hash of everything an entry says, times left out."""
    fields = {name: value for name, value in to_fields(entry).items() if name not in ("id", "created_at", "updated_at")}
    return hashlib.blake2b(json.dumps([fields, entry.content]).encode(), digest_size=16).digest()


def _same(old: Entry, new: Entry) -> bool:
    return entry_hash(old) == entry_hash(new)
