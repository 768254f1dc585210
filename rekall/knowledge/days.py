"""What was learned when: what was written down, changed, found outdated and deleted on each day of a stretch of time."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from rekall.entry.fields import Entry
from rekall.entry.filters import Filters
from rekall.entry.spans import Span
from rekall.entry.times import local_day
from rekall.entry.types import Status, Tombstone
from rekall.knowledge import versions
from rekall.store.past import Operation, Was
from rekall.store.values import Selection

if TYPE_CHECKING:
    from rekall.store.contract import Store

_OPERATIONS_AT_ONCE = 200
_ALL = 2**31


@dataclass(frozen=True, slots=True)
class Day:
    """What was done on a day; an entry that was written down on it is among those alone, unless it is gone again.

    Attributes:
        day: The day where the reader is, as text.
        added: Entries that were written down.
        changed: Entries that were there before and say something else.
        obsolete: Those of either that hold no longer.
        deleted: What was deleted.
    """

    day: str
    added: tuple[Entry, ...]
    changed: tuple[Entry, ...]
    obsolete: tuple[Entry, ...]
    deleted: tuple[Tombstone, ...]


def days(store: Store, span: Span, filters: Filters = Filters()) -> list[Day]:  # noqa: B008  # frozen
    """The days of a stretch of time on which anything was done, the last first.

    What an entry was changed by is known from the history; of what is not kept there any more, the last change is.

    Args:
        store: The base.
        span: The stretch.
        filters: Which entries; with any, what was deleted is left out.
    """
    with store.snapshot():
        passing = None if filters.is_empty else set(store.entries.keys(Selection(filters)))
        created = store.entries.keys(Selection(Filters(created=span)))
        latest = store.entries.keys(Selection(Filters(changed=span)))
        found = store.entries.by_keys({*created, *latest})
        entries = {entry.id: entry for key, entry in found.items() if passing is None or key in passing}
        changed = {
            (local_day(entry.updated_at), entry.id) for entry in entries.values() if _is_in(entry.updated_at, span)
        }
        then = set(_changed(store, span))
        missing = {entry_id for _, entry_id in then} - entries.keys()
        keys = store.entries.keys_of(missing)
        allowed = [key for key in keys.values() if passing is None or key in passing]
        entries |= {entry.id: entry for entry in store.entries.by_keys(allowed).values()}
        gone = (
            [each for each in store.tombstones.latest(_ALL) if _is_in(each.deleted_at, span)] if passing is None else []
        )
    return _by_day(entries, changed | then, span, gone)


def _by_day(entries: dict[str, Entry], changed: set[tuple[str, str]], span: Span, gone: list[Tombstone]) -> list[Day]:
    added: dict[str, list[Entry]] = defaultdict(list)
    for entry in entries.values():
        if _is_in(entry.created_at, span):
            added[local_day(entry.created_at)].append(entry)
    others: dict[str, list[Entry]] = defaultdict(list)
    for day, entry_id in changed:
        if entry_id in entries and local_day(entries[entry_id].created_at) != day:
            others[day].append(entries[entry_id])
    deleted: dict[str, list[Tombstone]] = defaultdict(list)
    for each in gone:
        deleted[local_day(each.deleted_at)].append(each)
    return [
        Day(
            day,
            _in_order(entry for entry in added[day] if entry.status is Status.ACTIVE),
            _in_order(entry for entry in others[day] if entry.status is Status.ACTIVE),
            _in_order(entry for entry in (*added[day], *others[day]) if entry.status is Status.OBSOLETE),
            tuple(deleted[day]),
        )
        for day in sorted({*added, *others, *deleted}, reverse=True)
    ]


def _in_order(entries: Iterator[Entry]) -> tuple[Entry, ...]:
    """Entries by project, and in each as they were written down."""
    return tuple(sorted(entries, key=lambda entry: (entry.project is None, entry.project or "", entry.id)))


def _changed(store: Store, span: Span) -> Iterator[tuple[str, str]]:
    """The days and entries of all changes that the history knows."""
    for operation in _operations(store, span):
        for some in versions.made_by(store, operation.number):
            yield from ((local_day(operation.done_at), each.entry_id) for each in some if each.was is Was.OTHER)


def _operations(store: Store, span: Span) -> Iterator[Operation]:
    """What was done in a stretch and is not undone, the latest first; more is read while all of it lies in the stretch."""
    most, seen = _OPERATIONS_AT_ONCE, 0
    while True:
        found = store.history.latest(most)
        for operation in found[seen:]:
            if span.start is not None and operation.done_at < span.start:
                return
            if _is_in(operation.done_at, span) and operation.undone_by is None and operation.undoes is None:
                yield operation
        if len(found) < most:
            return
        seen, most = len(found), most * 4


def _is_in(moment: datetime, span: Span) -> bool:
    moment = moment.replace(microsecond=0)
    return (span.start is None or moment >= span.start) and (span.last is None or moment <= span.last)
