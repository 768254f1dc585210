"""The signs of vectors in packed blocks: how a block lies in a row, and which signs are nearest to a query's.

A sign is one bit a dimension: whether the number is above that of the space's middle. A row of `signs_N` holds those of so many
consecutive passages as fill a page, and a byte for each that says whether it is there; so a scan reads pages from end to end,
and a change writes one.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from rekall.db import Database, Row

if TYPE_CHECKING:  # with sqlite-vec a process searches without numpy
    import numpy as np
    import numpy.typing as npt

_PAGE_ROOM = 8_100
"""Bytes of a row that lie in its page, and nothing in a page of overflow."""

_BLOCKS_AT_ONCE = 64
"""So many blocks numpy compares at a time: half a megabyte; with four times as many nothing is faster."""


@dataclass(frozen=True)
class Layout:
    """Where the signs of vectors of `dim` dimensions lie.

    Attributes:
        dim: d.
    """

    dim: int

    @cached_property
    def sign_bytes(self) -> int:
        """Bytes of one sign as it is made."""
        return -(-self.dim // 8)

    @cached_property
    def slot_bytes(self) -> int:
        """Bytes of one sign in its place: whole words of eight, which numpy counts at once."""
        return 8 * -(-self.dim // 64)

    @cached_property
    def rows(self) -> int:
        """Signs a block."""
        return max(8, _PAGE_ROOM // (self.slot_bytes + 1) // 8 * 8)

    @cached_property
    def size_bytes(self) -> int:
        """Bytes of a block: its signs, then a byte each."""
        return self.rows * (self.slot_bytes + 1)

    @cached_property
    def damaged(self) -> bytes:
        """Stands for a block that is not whole: any of its signs may be there."""
        return bytes(self._there_at) + b"\1" * self.rows

    @cached_property
    def _there_at(self) -> int:
        """Where the bytes begin that say which signs are there."""
        return self.rows * self.slot_bytes

    def put(self, block: bytearray, slot: int, sign: bytes) -> None:
        """Put a sign into its place in a block."""
        start = slot * self.slot_bytes
        block[start : start + len(sign)] = sign
        block[self._there_at + slot] = 1

    def forget(self, block: bytearray, slot: int) -> None:
        """Leave nothing of a sign in a block."""
        start = slot * self.slot_bytes
        block[start : start + self.slot_bytes] = bytes(self.slot_bytes)
        block[self._there_at + slot] = 0

    def sign(self, block: bytes | bytearray, slot: int) -> bytes | None:
        """The sign in a place of a block, None where none is there."""
        start = slot * self.slot_bytes
        return bytes(block[start : start + self.slot_bytes]) if block[self._there_at + slot] == 1 else None

    def held(self, block: bytes | bytearray) -> int:
        """How many signs a block holds."""
        return block.count(1, self._there_at)


Signed = Mapping[int, bytes]
"""The query's sign from the middle of each number."""


@dataclass(frozen=True, slots=True)
class Nearest:
    """The passages whose signs are nearest to a query's.

    Attributes:
        ranks: Their places by distance, from 0, among those of the same middle.
        unknown: Passages whose signs are of a middle that is not there, and all that a damaged block may be of.
    """

    ranks: dict[int, int]
    unknown: list[int]


def nearest_by_sql(
    db: Database, table: str, layout: Layout, signed: Signed, most: int, among: Sequence[int] | None
) -> Nearest:
    """With the functions of sqlite-vec: 14 ms of 50,000, without numpy."""
    place = f"b.block * {layout.rows} + s.n"
    there = f"substr(b.bits, {layout.rows * layout.slot_bytes + 1} + s.n, 1) = x'01'"
    chosen, ids = ("", ()) if among is None else (f"AND {place} IN (SELECT value FROM json_each(?))", (_json(among),))
    slots = f"WITH slot AS MATERIALIZED (SELECT value AS n FROM json_each('{_json(range(layout.rows))}'))"
    tables = f"FROM {table} b CROSS JOIN slot s WHERE"
    is_whole = f"length(b.bits) = {layout.size_bytes}"
    ranks: dict[int, int] = {}
    for number, sign in signed.items():
        one = f"vec_bit(substr(b.bits, 1 + s.n * {layout.slot_bytes}, {layout.slot_bytes}))"
        sql = (
            f"{slots} SELECT {place} AS id {tables} {is_whole} AND b.centre = {number:d} AND {there} {chosen} "
            f"ORDER BY vec_distance_hamming({one}, vec_bit(?)), id LIMIT ?"
        )
        rows = db.rows(sql, (*ids, sign.ljust(layout.slot_bytes, b"\0"), most))
        ranks |= {row[0]: rank for rank, row in enumerate(rows)}
    known = ", ".join(str(int(number)) for number in signed)
    lost = f"(NOT {is_whole} OR (b.centre NOT IN ({known}) AND {there}))"
    unknown = db.rows(f"{slots} SELECT {place} {tables} {lost} {chosen}", ids)
    return Nearest(ranks, [row[0] for row in unknown])


def nearest_by_numpy(
    db: Database, table: str, layout: Layout, signed: Signed, most: int, among: Sequence[int] | None
) -> Nearest:
    """With numpy: 2 ms of 50,000, 35 ms of a million."""
    import numpy as np

    wanted = None if among is None else np.unique(np.fromiter(among, dtype=np.int64, count=len(among)))
    scans = {number: _Scan(layout, sign, most) for number, sign in signed.items()}
    unknown: list[int] = []
    for number, rows in _chunks(db, table, layout):
        blocks = np.fromiter((row[0] for row in rows), dtype=np.int64, count=len(rows))
        data = np.frombuffer(b"".join(row[2] for row in rows), dtype=np.uint8).reshape(len(rows), -1)
        there = data[:, layout.rows * layout.slot_bytes :] == 1
        if wanted is not None:
            there &= _asked(layout, blocks, wanted)
        if number is not None and number in scans:
            scans[number].look(blocks, data, there)
        else:
            row, slot = np.nonzero(there)
            unknown += (blocks[row] * layout.rows + slot).tolist()
    ranks: dict[int, int] = {}
    for scan in scans.values():
        ranks |= {one: rank for rank, one in enumerate(scan.best())}
    return Nearest(ranks, unknown)


class _Scan:
    """The nearest signs of one middle, as far as they were seen."""

    def __init__(self, layout: Layout, sign: bytes, most: int) -> None:
        import numpy as np

        self._layout = layout
        self._most = most
        # once for every place of a block: numpy is slow along so short a row as one sign
        self._query = np.frombuffer(sign.ljust(layout.slot_bytes, b"\0") * layout.rows, dtype=np.uint64)
        self._border = layout.dim
        self._ids: list[npt.NDArray[np.int64]] = []
        self._distances: list[npt.NDArray[np.int32]] = []
        self._count = 0

    def look(self, blocks: npt.NDArray[np.int64], data: npt.NDArray[np.uint8], there: npt.NDArray[np.bool_]) -> None:
        """Take what is near enough of some blocks.

        Args:
            blocks: (b,) their numbers.
            data: (b, bytes) what they hold.
            there: (b, rows) which of their signs may answer.
        """
        import numpy as np

        signs = data[:, : self._layout.rows * self._layout.slot_bytes].view(np.uint64)
        counts = np.bitwise_count(signs ^ self._query).reshape(len(blocks), self._layout.rows, -1)
        sums = counts[..., 0].astype(np.int32)
        for word in range(1, counts.shape[2]):  # a sum along so short an axis takes three times as long
            sums += counts[..., word]
        distances = sums.reshape(-1)
        near = np.flatnonzero(distances <= self._border)
        near = near[there.reshape(-1)[near]]
        self._ids.append(blocks[near // self._layout.rows] * self._layout.rows + near % self._layout.rows)
        self._distances.append(distances[near])
        self._count += len(near)
        if self._count > 4 * self._most:
            self._narrow()

    def best(self) -> list[int]:
        """The nearest, by distance, then id."""
        return best_of(self._ids, self._distances, self._most)[0].tolist() if self._count else []

    def _narrow(self) -> None:
        """Let go of all but the nearest; of what comes later only nearer ones are wanted, for its ids are greater."""
        ids, distances = best_of(self._ids, self._distances, self._most)
        self._border = int(distances[-1]) - 1
        self._ids, self._distances, self._count = [ids], [distances], len(ids)


def _chunks(db: Database, table: str, layout: Layout) -> Iterator[tuple[int | None, list[Row]]]:
    """Blocks by the number of their middle, None for damaged ones, some at a time, each time in their order."""
    waiting: dict[int | None, list[Row]] = {}
    for row in db.stream(f"SELECT block, centre, bits FROM {table} ORDER BY block"):
        if len(row[2]) != layout.size_bytes:
            row = (row[0], None, layout.damaged)
        rows = waiting.setdefault(row[1], [])
        rows.append(row)
        if len(rows) == _BLOCKS_AT_ONCE:
            yield row[1], waiting.pop(row[1])
    yield from waiting.items()


def _asked(layout: Layout, blocks: npt.NDArray[np.int64], wanted: npt.NDArray[np.int64]) -> npt.NDArray[np.bool_]:
    """Which signs of some blocks, in their order, are of wanted passages, in theirs: (b, rows)."""
    import numpy as np

    found = np.zeros((len(blocks), layout.rows), dtype=np.bool_)
    first, last = np.searchsorted(wanted, [blocks[0] * layout.rows, (blocks[-1] + 1) * layout.rows])
    ids = wanted[first:last]
    row = np.minimum(np.searchsorted(blocks, ids // layout.rows), len(blocks) - 1)
    is_in = blocks[row] == ids // layout.rows
    found[row[is_in], ids[is_in] % layout.rows] = True
    return found


def best_of(
    ids: Sequence[npt.NDArray[np.int64]], keys: Sequence[npt.NDArray[Any]], most: int
) -> tuple[npt.NDArray[np.int64], npt.NDArray[Any]]:
    """The `most` smallest keys and their ids, by key, then id. Both (k,)."""
    import numpy as np

    all_ids, all_keys = np.concatenate(ids), np.concatenate(keys)
    if most < len(all_keys):
        border = np.partition(all_keys, most - 1)[most - 1]
        kept = all_keys <= border  # ties at the border stay until ids decide
        all_ids, all_keys = all_ids[kept], all_keys[kept]
    order = np.lexsort((all_ids, all_keys))[:most]
    return all_ids[order], all_keys[order]


def has_numpy() -> bool:
    """Whether numpy is in this process already, so that using it costs nothing."""
    return "numpy" in sys.modules


def _json(numbers: Sequence[int]) -> str:
    return json.dumps(list(numbers))
