"""What an export hands to the writers of files: entries with their links, and what was deleted."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from rekall.entry.fields import Entry
from rekall.entry.record import CONTENT, OTHER, link_record, to_record
from rekall.entry.times import written
from rekall.entry.types import Link
from rekall.entry.values import LINKS

DELETED_AT = "deleted_at"
"""What tells the record of a deleted entry from that of one that is there."""


ORIGIN = "origin"
"""What an answer says of where its entry came from; a record that is read is not asked for it."""


@dataclass(frozen=True, slots=True)
class Deleted:
    """A deleted entry as it was.

    Attributes:
        entry: All that it said.
        deleted_at: When it was deleted.
        links: Those that touched it, in both directions: no other entry tells them any more.
    """

    entry: Entry
    deleted_at: datetime
    links: Sequence[Link]


@dataclass(frozen=True, slots=True)
class Outgoing:
    """What is to be written. Each part is asked for once, at most.

    Attributes:
        count: How many entries.
        entries: Each with the links that start at it; a bounded number of them in memory at a time.
        ids: The ids of all these, in order.
        titles: The titles of all entries of the base, by id.
        takes_deleted: Whether deleted entries are written too.
        deleted: These, in the order in which they were deleted.
        deleted_at: When each entry was deleted that is not in the base any more, by id.
        progress: Told how many entries were written.
    """

    count: int
    entries: Iterable[tuple[Entry, Sequence[Link]]]
    ids: Callable[[], Sequence[str]]
    titles: Callable[[], Mapping[str, str]]
    takes_deleted: bool
    deleted: Iterable[Deleted]
    deleted_at: Callable[[], Mapping[str, datetime]]
    progress: Callable[[int], None] = lambda count: None


@dataclass(frozen=True, slots=True)
class Written:
    """What was written.

    Attributes:
        exported: How many entries.
        deleted: How many deleted ones.
        removed: Files of earlier exports that went, because their entry has another name now or was deleted.
        format: The form it was written in.
        secrets: The ids of the entries among them that hold what looks like a key or token.
    """

    exported: int
    deleted: int = 0
    removed: tuple[str, ...] = ()
    format: str = ""
    secrets: tuple[str, ...] = ()


def record_of(entry: Entry, links: Sequence[Link], taken: Sequence[str] = ()) -> dict[str, Any]:
    """An entry as fields, content left out.

    Args:
        entry: The entry.
        links: Those that start at it.
        taken: Names that mean something in the file; what came from elsewhere under one of them goes with the other fields.
    """
    record = to_record(entry, links)
    clashing = {
        name: record.pop(name) for name in list(record) if name.strip().casefold() in (DELETED_AT, ORIGIN, *taken)
    }
    return {**record, OTHER: {**record.get(OTHER, {}), **clashing}} if clashing else record


def whole_record(entry: Entry, links: Sequence[Link]) -> dict[str, Any]:
    """An entry as fields, with its content."""
    return {**record_of(entry, links), CONTENT: entry.content}


def deleted_record(deleted: Deleted) -> dict[str, Any]:
    """A deleted entry as fields, with all that brings it back."""
    record = {**whole_record(deleted.entry, ()), DELETED_AT: written(deleted.deleted_at)}
    return {**record, LINKS: [link_record(link) for link in deleted.links]} if deleted.links else record
