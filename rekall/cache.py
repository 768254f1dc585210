"""A bounded memory of query vectors: it saves an encode, it is never searched."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable


class EmbeddingCache:
    """Vectors by (fingerprint, text), least recently used out first.

    It is only ever asked for the vector of a text, never for what there is, so it cannot hide an
    entry: a miss costs an encode. Every write to the base empties it all the same, so that nothing
    computed before a change outlives it. Thread-safe.
    """

    def __init__(self, max_size: int, ttl_s: float, clock: Callable[[], float] = time.monotonic) -> None:
        """An empty cache.

        Args:
            max_size: Vectors kept; 0 keeps none.
            ttl_s: Seconds a vector stays usable.
            clock: Seconds that never go back.
        """
        self._max_size = max_size
        self._ttl_s = ttl_s
        self._clock = clock
        self._lock = threading.Lock()
        self._vectors: OrderedDict[tuple[str, str], tuple[float, bytes]] = OrderedDict()

    def get(self, fingerprint: str, text: str) -> bytes | None:
        """The vector of a text in a space, (d,) float32 as bytes, or None."""
        with self._lock:
            found = self._vectors.get((fingerprint, text))
            if found is None:
                return None
            if self._clock() - found[0] > self._ttl_s:
                del self._vectors[fingerprint, text]
                return None
            self._vectors.move_to_end((fingerprint, text))
            return found[1]

    def put(self, fingerprint: str, text: str, vector: bytes) -> None:
        """Keep a vector; the least recently used one makes room."""
        with self._lock:
            self._vectors[fingerprint, text] = (self._clock(), vector)
            self._vectors.move_to_end((fingerprint, text))
            while len(self._vectors) > self._max_size:
                self._vectors.popitem(last=False)

    def invalidate(self) -> None:
        """Forget everything."""
        with self._lock:
            self._vectors.clear()

    def __len__(self) -> int:
        """Vectors kept, stale ones included."""
        return len(self._vectors)
