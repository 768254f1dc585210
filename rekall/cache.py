"""Vectors of entries that were read lately, kept by a process that stays; a bounded part of the base, never all of it."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # only the numpy backend keeps vectors here (docs/adr/0014)
    from rekall.models.vectors import Matrix


@dataclass(frozen=True, slots=True)
class EntryVectors:
    """The vectors of one entry.

    Attributes:
        positions: Which passage each row is; 0 is the head.
        rows: (n, d) float32, rows of unit length.
    """

    positions: tuple[int, ...]
    rows: Matrix

    @classmethod
    def of(cls, vectors: Sequence[tuple[int, bytes]]) -> EntryVectors:
        """The vectors of an entry from position and bytes, (d,) float32 each."""
        import numpy as np

        rows = np.frombuffer(b"".join(vector for _, vector in vectors), dtype=np.float32)
        return cls(tuple(position for position, _ in vectors), rows.reshape(len(vectors), -1))


class EmbeddingCache:
    """The vectors of entries, least recently used out first, each for a bounded time.

    It is asked for entries that are known from elsewhere, so a miss costs a read and can hide nothing. A write drops the
    entries it touched; what another process wrote, or another model, drops all. Thread-safe.
    """

    def __init__(self, max_size: int, ttl_s: float, clock: Callable[[], float] = time.monotonic) -> None:
        """An empty cache.

        Args:
            max_size: Entries kept; 0 keeps none.
            ttl_s: Seconds an entry's vectors stay usable after they were read.
            clock: Seconds that never go back.
        """
        self._max_size = max_size
        self._ttl_s = ttl_s
        self._clock = clock
        self._lock = threading.Lock()
        self._state: object = None
        self._round = 0
        self._entries: OrderedDict[int, tuple[float, EntryVectors]] = OrderedDict()

    def get(self, key: int) -> EntryVectors | None:
        """The vectors of an entry, or None."""
        with self._lock:
            return self._used(key)

    def get_many(self, keys: Iterable[int], read_in: int) -> dict[int, EntryVectors]:
        """The vectors of those of the given entries that are kept.

        Args:
            keys: The entries.
            read_in: What `follow` said; after a change since then nothing is given.
        """
        with self._lock:
            if read_in != self._round:
                return {}
            return {key: found for key in keys if (found := self._used(key)) is not None}

    def put(self, key: int, vectors: EntryVectors, read_in: int) -> None:
        """Keep the vectors of an entry; the least recently used ones make room.

        Args:
            key: The entry.
            vectors: Its vectors.
            read_in: What `follow` said before they were read; after a change since then they are not kept.
        """
        with self._lock:
            if read_in != self._round:
                return
            self._entries[key] = (self._clock(), vectors)
            self._entries.move_to_end(key)
            while len(self._entries) > self._max_size:
                self._entries.popitem(last=False)

    def follow(self, state: object) -> int:
        """Forget everything when the base is no longer in the state that the vectors were read from.

        Args:
            state: Anything that differs once another process has written or another model is in use.

        Returns:
            A number for `put`, which changes with every change of the base.
        """
        with self._lock:
            if state != self._state:
                self._state = state
                self._round += 1
                self._entries.clear()
            return self._round

    @property
    def round(self) -> int:
        """What `follow` said last, or a later number where something was invalidated since."""
        return self._round

    def invalidate(self, key: int | None = None) -> None:
        """Forget one entry, or all of them. Vectors that were read before are not kept afterwards either."""
        with self._lock:
            self._round += 1
            if key is None:
                self._entries.clear()
            else:
                self._entries.pop(key, None)

    def get_entry_ids(self) -> list[int]:
        """The keys of the entries kept, the least recently used first: some of the base, not all."""
        with self._lock:
            return [key for key, (since_s, _) in self._entries.items() if not self._is_stale(since_s)]

    def get_all_vectors(self) -> dict[int, EntryVectors]:
        """Everything kept, by entry, the least recently used first: some of the base, not all."""
        with self._lock:
            return {key: kept for key, (since_s, kept) in self._entries.items() if not self._is_stale(since_s)}

    def __len__(self) -> int:
        """Entries kept, stale ones included."""
        return len(self._entries)

    def _used(self, key: int) -> EntryVectors | None:
        """What is kept of an entry, which is thereby the latest one used."""
        found = self._entries.get(key)
        if found is None or self._is_stale(found[0]):
            self._entries.pop(key, None)
            return None
        self._entries.move_to_end(key)
        return found[1]

    def _is_stale(self, since_s: float) -> bool:
        return self._clock() - since_s > self._ttl_s


def similarities(kept: Mapping[int, EntryVectors], vector: bytes) -> dict[int, list[tuple[int, float]]]:
    """The cosines of entries' passages to a vector, by entry: position and cosine.

    Args:
        kept: Vectors by entry.
        vector: (d,) float32 of unit length, as bytes.
    """
    import numpy as np

    if not kept:
        return {}
    wanted = np.frombuffer(vector, dtype=np.float32)
    # not `@`, whose rounding depends on the row's place: equal vectors must stay equal
    scores = np.einsum("nd,d->n", np.concatenate([each.rows for each in kept.values()]), wanted).tolist()
    found, start = {}, 0
    for key, each in kept.items():
        end = start + len(each.positions)
        found[key] = list(zip(each.positions, scores[start:end]))
        start = end
    return found
