"""Deleting for ever: no byte of what an entry said stays in the base, and what cannot be wiped now is remembered until it is.

The entry goes at once, in one transaction. Its traces (in pages that are free again, in the words index, in the log of writes) go
when the file is written anew, which needs room and a moment when nobody reads what was before.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

from rekall.entry.fields import Entry
from rekall.errors import DatabaseLocked, NotFound, StorageError
from rekall.knowledge.reports import Deleted
from rekall.store.values import SHORTEST_END
from rekall.system.clock import Clock

if TYPE_CHECKING:  # protocols cost memory that a search does not need
    from rekall.store.contract import Store

_WAIT_S = 2.0
"""Seconds to wait for others with the rewriting when a person waits for it."""

_BESIDE_S = 0.2
"""The same when it is done beside something else."""


class Eraser:
    """Deletes entries for ever."""

    def __init__(self, store: Store, clock: Clock, take_out: Callable[[int, Entry, None], None]) -> None:
        """Work on an open store.

        Args:
            store: The base.
            clock: The time.
            take_out: Removes an entry with all that belongs to it, and leaves no tombstone.
        """
        self._store = store
        self._clock = clock
        self._remove = take_out

    def erase(self, entry_id: str) -> Deleted:
        """Remove an entry, or what is kept of a deleted one, and every trace of it.

        Args:
            entry_id: The full id, also of one that was erased before and left traces: then these are wiped.

        Raises:
            NotFound: Nothing is known of such an id.
        """
        store = self._store
        with store.transaction():
            key = store.entries.key_of(entry_id)
            if key is not None or store.tombstones.has(entry_id):
                self._take_out(entry_id, key)
            elif entry_id not in store.tombstones.traces():
                raise NotFound(
                    f"no entry {entry_id!r}", "it may have been deleted already; `rekall restore` lists those"
                )
        why = self._wipe(_WAIT_S)
        if not why:  # nobody waits to hear of it any more
            with store.transaction():
                store.tombstones.forget_trace(entry_id)
        return Deleted(entry_id, why)

    def forget_past(self, entry_id: str) -> Deleted:
        """Drop what is kept of what an entry said before, and every trace of it; what it says now stays.

        Args:
            entry_id: The full id of an entry, or of a deleted one.

        Raises:
            NotFound: Nothing is known of such an id.
        """
        store = self._store
        with store.transaction():
            key = store.entries.key_of(entry_id)
            if key is None and not store.tombstones.has(entry_id):
                raise NotFound(f"no entry {entry_id!r}", "`rekall list` shows the ids")
            origin = None if key is None else store.origins.of(key)
            if key is not None and origin is not None:
                from rekall.knowledge.merging import without_past

                said = without_past(origin.said, store.entries.one(key))
                store.origins.put(replace(origin, said=said))
            store.history.note_lost(entry_id)
            store.history.forget(entry_id)
            store.agreements.forget(entry_id)
            store.tombstones.leave_trace(entry_id, self._clock.now())
        why = self._wipe(_WAIT_S)
        if not why:
            with store.transaction():
                store.tombstones.forget_trace(entry_id)
        return Deleted(entry_id, why)

    def left(self, name: str) -> str | None:
        """The id of the one erased entry that ends or begins so, and of which nobody has heard yet that all traces are gone."""
        wanted = name.strip().upper()
        for ends in (len(wanted) >= SHORTEST_END, False):
            fits = str.endswith if ends else str.startswith
            found = [entry_id for entry_id in self._store.tombstones.traces() if fits(entry_id, wanted)]
            found = [entry_id for entry_id in found if not self._is_there(entry_id)]
            if found:
                return found[0] if wanted and len(found) == 1 else None
        return None

    def _is_there(self, entry_id: str) -> bool:
        """Whether there is such an entry, of which only the past left traces."""
        return self._store.entries.key_of(entry_id) is not None or self._store.tombstones.has(entry_id)

    def finish(self) -> None:
        """Wipe the traces that were left, if that can be done without delay; else they wait for the next chance."""
        with contextlib.suppress(StorageError):  # whoever works with the base is told what is wrong with it
            self._wipe(_BESIDE_S)

    def _take_out(self, entry_id: str, key: int | None) -> None:
        from rekall.knowledge import kept  # what becomes of deleted entries is no part of a search

        store = self._store
        if key is not None:
            self._remove(key, store.entries.one(key), None)
        store.tombstones.drop(entry_id)
        for other in store.tombstones.naming(entry_id):  # the reasons of links that come back with the other end
            record = kept.without_links_to(store.tombstones.record(other) or {}, entry_id)
            if record is not None:
                store.tombstones.replace(other, record)
        for origin in store.origins.naming(entry_id):  # the same, of links that came with an import
            store.origins.put(replace(origin, said=kept.without_link_to(origin.said, entry_id)))
        store.history.forget(entry_id)
        store.agreements.forget(entry_id)
        store.pairs.forget(entry_id)
        store.tombstones.leave_trace(entry_id, self._clock.now())

    def _wipe(self, wait_s: float) -> str:
        """Write the file anew where there are traces. Returns why that cannot be done now, or an empty text."""
        store = self._store
        ids = [entry_id for entry_id, is_wiped in store.tombstones.traces().items() if not is_wiped]
        if not ids:
            return ""
        try:
            if not store.compact(wait_s):
                return "another program is reading the base"
            with store.transaction():
                store.tombstones.note_wiped(ids)
        except DatabaseLocked:
            return "another program is writing to the base"
        except StorageError as error:
            return error.message
        return ""
