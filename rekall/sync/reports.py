"""What a sync says that it did, or would do."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import Enum


class What(str, Enum):
    """What a sync does with an entry. "Here" is the base, "there" the folder."""

    ADDED_HERE = "added_here"
    CHANGED_HERE = "changed_here"
    DELETED_HERE = "deleted_here"
    RESTORED_HERE = "restored_here"
    ADDED_THERE = "added_there"
    CHANGED_THERE = "changed_there"
    DELETED_THERE = "deleted_there"
    RESTORED_THERE = "restored_there"
    MERGED = "merged"
    """Both sides changed, and both get what comes of it."""
    KEPT = "kept"
    """One side deleted it and the other changed it: it stays, with the change."""
    MOVED = "moved"
    """Its file has another name; nothing else is different."""


@dataclass(frozen=True, slots=True)
class SyncChange:
    """What a sync did with an entry.

    Attributes:
        entry_id: The entry.
        title: Its title.
        path: Its file, below the folder, with slashes.
        what: What was done.
        fields: The fields that changed, where it was there before.
    """

    entry_id: str
    title: str
    path: str
    what: What
    fields: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class SyncConflict:
    """An entry that both sides changed in the same place.

    Attributes:
        entry_id: The entry; it says what it said here.
        title: Its title.
        kept_as: The entry that keeps what the folder said; it is linked to the other one, which it contradicts.
        fields: The fields, or the texts, that both changed.
    """

    entry_id: str
    title: str
    kept_as: str
    fields: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Refused:
    """Something that a sync left alone.

    Attributes:
        path: The file below the folder; of an entry that has none, its title.
        why: Why.
        hint: What to do about it, or empty.
        has_entry: Whether base and folder differ until it is mended; not so of a file that never was an entry's.
        is_known: Whether a sync before this one has said so.
    """

    path: str
    why: str
    hint: str = ""
    has_entry: bool = True
    is_known: bool = False


@dataclass(frozen=True, slots=True)
class SyncReport:
    """What a sync did.

    Attributes:
        changes: What became of entries.
        conflicts: Entries that both sides changed in the same place.
        refused: What could not be done.
        left_alone: Files that are no entries and become none; everything else is the same on both sides.
        unchanged: Entries that both sides say alike.
        is_dry: Whether nothing was done, and this is what would be.
    """

    changes: tuple[SyncChange, ...] = ()
    conflicts: tuple[SyncConflict, ...] = ()
    refused: tuple[Refused, ...] = ()
    left_alone: tuple[Refused, ...] = ()
    unchanged: int = 0
    is_dry: bool = False


@dataclass(frozen=True, slots=True)
class SyncedFolder:
    """A folder that a base is synced with.

    Attributes:
        id: The folder's own, wherever it lies.
        place: Where it lay last.
        synced_at: When that was, or None.
        entries: How many entries both have.
    """

    id: str
    place: str
    synced_at: datetime | None
    entries: int
