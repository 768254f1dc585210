"""The middle of a space's vectors, and the signs that are taken from it.

A sign says of each number of a vector whether it is above that of the middle, the mean of a sample of the space's vectors. Of a
model whose numbers all have one sign, those of the numbers themselves say nothing (docs/adr/0033).
"""

from __future__ import annotations

import itertools
import json
import math
from array import array
from collections.abc import Sequence

from rekall.db import Database
from rekall.store.sign_blocks import has_numpy
from rekall.store.values import MOST_KEY
from rekall.vector_index import UNIT_TOLERANCE, is_unit

_SAMPLE = 1_024
"""Vectors whose mean the middle is, spread over the space: a thirtieth of a standard deviation from the mean of all."""

_LEAST_SAMPLE = 256
"""Of fewer vectors no middle is taken."""

_MOVED = 0.04
"""The middle has moved when more than this share of the sample's signs say something else from the new one.

Two samples of the same vectors differ by 0.014; those of multilingual-e5-small and of zero by a third.
"""


_NUMBERED = f"FROM centre WHERE space_id = ? AND number BETWEEN 1 AND {MOST_KEY}"
"""The middles of a space; a row of another number is damage, and as if it were not there."""


class Middles:
    """The middles of one space: the latest, and earlier ones of which there still are signs. Number 0 is zero."""

    def __init__(self, db: Database, space: int, dim: int, *, by_sql: bool) -> None:
        """Work on an open database; `by_sql` where sqlite-vec is loaded."""
        self._db = db
        self._space = int(space)
        self._dim = dim
        self._by_sql = by_sql and dim % 8 == 0
        self._vectors = f"vectors_{space:d}"

    def all(self) -> dict[int, bytes | None]:
        """The middle of each number, None for zero; a damaged one is left out."""
        rows = self._db.rows(f"SELECT number, mean {_NUMBERED}", (self._space,))
        return {0: None, **{number: mean for number, mean in rows if self._is_middle(mean)}}

    def latest(self) -> tuple[int, bytes | None]:
        """The middle that signs are taken from now, with its number; zero where it is damaged."""
        rows = self._db.rows(f"SELECT number, mean {_NUMBERED} ORDER BY number DESC LIMIT 1", (self._space,))
        return (rows[0][0], rows[0][1]) if rows and self._is_middle(rows[0][1]) else (0, None)

    def look(self) -> bool:
        """Look where the middle of the vectors is now. Returns whether it has moved; then that is the latest."""
        sample = self._sample()
        if len(sample) < _LEAST_SAMPLE:
            return False
        middle = array("f", [total / len(sample) for total in map(sum, zip(*(array("f", each) for each in sample)))])
        if self._differing(sample, middle.tobytes(), self.latest()[1]) <= _MOVED:
            return False
        number = self._db.value(f"SELECT coalesce(max(number), 0) + 1 {_NUMBERED}", (self._space,))
        self._db.run("INSERT OR REPLACE INTO centre VALUES (?, ?, ?)", (self._space, number, middle.tobytes()))
        return True

    def forget(self, *, but: int | None = None) -> None:
        """Forget every middle, or every one but that of a number."""
        self._db.run("DELETE FROM centre WHERE space_id = ? AND number IS NOT ?", (self._space, but))

    def signs(self, vectors: Sequence[bytes], mean: bytes | None) -> list[bytes]:
        """The signs of vectors from a middle: a bit a dimension, the lowest first, as sqlite-vec has it."""
        if self._by_sql and not has_numpy():
            difference = "?1" if mean is None else "vec_sub(?1, ?2)"
            sql = f"SELECT vec_quantize_binary({difference})"
            return [self._db.value(sql, (each,) if mean is None else (each, mean)) for each in vectors]
        import numpy as np

        numbers = np.frombuffer(b"".join(vectors), dtype=np.float32).reshape(len(vectors), self._dim)
        bits = np.packbits(
            numbers > (0 if mean is None else np.frombuffer(mean, np.float32)), axis=1, bitorder="little"
        )
        return [row.tobytes() for row in bits]

    def is_whole(self, vector: bytes) -> bool:
        """Whether a vector has all its numbers."""
        return len(vector) == 4 * self._dim

    def _is_middle(self, mean: bytes) -> bool:
        """Whether it is the mean of vectors of unit length: whole, finite and no longer than these."""
        return self.is_whole(mean) and math.hypot(*array("f", mean)) <= 1.0 + UNIT_TOLERANCE

    def sound(self, rows: Sequence[tuple[int, bytes]]) -> list[tuple[int, bytes]]:
        """The vectors that are what they should be."""
        whole = [row for row in rows if self.is_whole(row[1])]
        if not has_numpy() or not whole:
            return [row for row in whole if is_unit(row[1])]
        import numpy as np

        numbers = np.frombuffer(b"".join(vector for _, vector in whole), dtype=np.float32).reshape(len(whole), -1)
        with np.errstate(invalid="ignore", over="ignore"):
            lengths = np.sqrt(np.einsum("nd,nd->n", numbers, numbers, dtype=np.float64))
            is_sound = np.abs(lengths - 1.0) <= UNIT_TOLERANCE
        return list(itertools.compress(whole, is_sound.tolist()))

    def _differing(self, vectors: Sequence[bytes], one: bytes | None, other: bytes | None) -> float:
        """The share of signs that are another one from another middle."""
        pairs = zip(self.signs(vectors, one), self.signs(vectors, other))
        count = sum((int.from_bytes(a, "big") ^ int.from_bytes(b, "big")).bit_count() for a, b in pairs)
        return count / (len(vectors) * self._dim)

    def _sample(self) -> list[bytes]:
        """Some whole vectors, spread evenly over the space."""
        ((first, last),) = self._db.rows(
            f"SELECT (SELECT min(passage_id) FROM {self._vectors}), (SELECT max(passage_id) FROM {self._vectors})"
        )
        if first is None:
            return []
        places = [first + (last - first + 1) * step // _SAMPLE for step in range(_SAMPLE)]
        sql = (
            f"SELECT vector FROM {self._vectors} WHERE passage_id IN (SELECT (SELECT passage_id FROM {self._vectors} "
            "WHERE passage_id >= j.value ORDER BY passage_id LIMIT 1) FROM json_each(?) j)"
        )
        rows = [(0, row[0]) for row in self._db.rows(sql, (json.dumps(places),))]
        return [vector for _, vector in self.sound(rows)]
