"""Decides what an import does with each thing it finds: new, changed, unchanged, or edited here since."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from rekall.entry import rules
from rekall.entry.fields import Draft, Entry
from rekall.entry.record import to_record
from rekall.entry.rules import is_ulid
from rekall.entry.types import Link, LinkType, Status
from rekall.errors import RekallError
from rekall.exchange.reading import Found, Refused
from rekall.knowledge.succession import put_link, settled, superseding, with_reason
from rekall.knowledge.writing import EntryService
from rekall.store.values import Origin
from rekall.system.clock import Clock

if TYPE_CHECKING:  # protocols cost memory that a search does not need
    from rekall.store.contract import Store


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

    def __init__(self, store: Store, writer: EntryService, clock: Clock, *, overwrite: bool) -> None:
        """Prepare an import.

        Args:
            store: To look up what is there.
            writer: Stores an entry and indexes its words.
            clock: The time.
            overwrite: Let the source win where both changed.
        """
        self._store = store
        self._writer = writer
        self._clock = clock
        self._overwrite = overwrite
        self._seen: Counter[str] = Counter()
        self._links: list[Link] = []
        self._taken: set[int] = set()
        self._named: dict[str, str] = {}
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
        """Store the links between what was imported; those to entries that are not here are only counted."""
        told: dict[tuple[str, str, LinkType], Link] = {}
        for link in self._links:  # a succession is told at both its ends, at one of them with a reason
            known = told.get((link.source, link.target, link.type))
            told[link.source, link.target, link.type] = link if link.reason or known is None else known
        # the successor that an entry itself names comes last, so that it is the latest
        for link in sorted(told.values(), key=lambda link: self._named.get(link.target) == link.source):
            is_whole = link.source != link.target and is_ulid(link.source) and is_ulid(link.target)
            if not (is_whole and put_link(self._store, with_reason(self._store, link), self._clock.now())):
                self.report.lost_links += 1

    def _take(self, found: Found) -> None:
        draft = rules.checked(found.read.draft)
        if found.read.unknown_type:
            self.report.unknown_types[found.read.unknown_type] += 1
        path = self._unique(found.path)
        origin = self._store.origins.at(path)
        key = origin.entry_key if origin else self._store.entries.key_of(draft.id or "")
        if origin is None and key in self._taken:  # two records with one id are two entries
            draft, key = replace(draft, id=None), None
        if origin and origin.source_hash == found.source_hash:
            self.report.unchanged += 1
            return
        old = None if key is None else self._store.entries.by_keys([key])[key]
        entry = self._entry(draft, old)
        if key is None or old is None:
            key = self._writer.put(None, entry)
            self.report.added += 1
        elif _same(old, entry):
            self.report.unchanged += 1
            entry = replace(entry, id=old.id)
        elif self._was_edited(old, origin, entry) and not self._overwrite:
            self.report.kept.append(found.where)
            return
        else:
            is_superseded = self._forget_successor(key, old, origin, entry)
            self._writer.put(key, replace(entry, status=Status.OBSOLETE) if is_superseded else entry)
            self.report.updated += 1
        self._taken.add(key)
        self._store.origins.put(Origin(path, key, found.source_hash, entry_hash(entry), entry.superseded_by))
        if entry.superseded_by:
            self._named[entry.id] = entry.superseded_by
            self._links.append(Link(entry.superseded_by, entry.id, LinkType.SUPERSEDES))
        self._links += [replace(link, source=entry.id) for link in found.read.links]

    def _entry(self, draft: Draft, old: Entry | None) -> Entry:
        """What a draft makes of an entry, with the id and time of the one it changes."""
        draft = settled(draft)
        if old is not None:
            draft = replace(
                draft,
                id=old.id,
                created_at=draft.created_at or old.created_at,
                updated_at=draft.updated_at or self._clock.now(),
            )
        return self._writer.new_entry(draft)

    def _forget_successor(self, key: int, old: Entry, origin: Origin | None, entry: Entry) -> bool:
        """Drop the successor that the source named before and does not name now; what others say of it stays.

        Returns:
            Whether the entry is superseded all the same.
        """
        if origin is not None and origin.successor not in (None, entry.superseded_by):
            self._store.links.remove(Link(origin.successor or "", old.id, LinkType.SUPERSEDES))
        return bool(superseding(self._store, key, old.id))

    def _was_edited(self, old: Entry, origin: Origin | None, new: Entry) -> bool:
        """Whether taking `new` would undo a change made here: since the import, or later than the file's own time.

        A link from another entry supersedes this one without editing it.
        """
        if origin is None:
            return old.updated_at > new.updated_at
        if origin.successor and old.superseded_by and origin.successor != old.superseded_by:
            return True
        as_told = replace(old, superseded_by=origin.successor)
        told = {entry_hash(as_told)} | (
            {entry_hash(replace(as_told, status=Status.ACTIVE))} if old.superseded_by else set()
        )
        return origin.entry_hash not in told

    def _unique(self, path: str) -> str:
        """Two records of one file with the same id are two entries."""
        self._seen[path] += 1
        return path if self._seen[path] == 1 else f"{path}~{self._seen[path]}"


_HASHED = (
    *("title", "type", "tags", "project", "status", "superseded_by", "confidence", "situation", "solution"),
    *("what_failed", "error_messages", "files", "keywords", "sources"),
)
"""The order in which fields enter a hash; another one would take everything imported before for edited."""


def entry_hash(entry: Entry) -> bytes:
    """Hash of everything an entry says, times left out. A field that is empty does not count."""
    record = to_record(entry)
    names = [*(name for name in _HASHED if name in record), *(name for name in record if name not in _NOT_HASHED)]
    fields = {name: record[name] for name in names}
    return hashlib.blake2b(json.dumps([fields, entry.content]).encode(), digest_size=16).digest()


_NOT_HASHED = (*_HASHED, "id", "created_at", "updated_at")


def _same(old: Entry, new: Entry) -> bool:
    return entry_hash(old) == entry_hash(new)
