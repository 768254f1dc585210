"""The signs of one space: written beside its vectors, taken from the middle of these, brought over when that moves.

A sign says of each number whether it is above the mean of a sample of the space's vectors (`centre`); of a model whose numbers
all have one sign those of the numbers themselves say nothing. A block names the middle that its signs were taken from. When
the middle has moved, blocks are brought over some at a time, and a search asks each middle's signs by themselves.
"""

from __future__ import annotations

import itertools
import json
from array import array
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from rekall.db import Database
from rekall.store import schema
from rekall.store.driver import corrupt
from rekall.store.sign_blocks import Layout, Nearest, has_numpy, nearest_by_numpy, nearest_by_sql
from rekall.vector_index import is_unit

FIRST_LOOK = 2_000
"""So many vectors a space has when its middle is first looked for; fewer are compared exactly in any case."""

_GROWTH = 1.25
"""The middle is looked at again when the space is so much larger than it was at the last look."""

_SAMPLE = 1_024
"""Vectors whose mean the middle is, spread over the space: a thirtieth of a standard deviation from the mean of all."""

_LEAST_SAMPLE = 256
"""Of fewer vectors no middle is taken."""

_MOVED = 0.04
"""The middle has moved when more than this share of the sample's signs say something else from the new one.

Two samples of the same vectors differ by 0.014; those of multilingual-e5-small and of zero by a third.
"""

_BLOCKS_A_WRITE = 8
"""Blocks that one write brings over: a thousand vectors, 5 ms."""

NUMPY_FROM = 100_000
"""From so many vectors on the signs are compared with numpy even where it has to be imported: 15 MB, and a quarter of the time."""


@dataclass(frozen=True, slots=True)
class State:
    """How far the signs of a space are.

    Attributes:
        held: How many vectors have signs.
        looked: How many had when the middle was last looked at.
        next_block: From here on blocks may be of an earlier middle; None when there are none.
    """

    held: int
    looked: int
    next_block: int | None


@dataclass(frozen=True, slots=True)
class Judged:
    """What was found of the vectors of a space and their signs.

    Attributes:
        vectors: How many there are.
        damaged: Vectors that are not what they should be.
        unsigned: Vectors that lack their sign or have another.
        strays: Signs of no vector.
        is_counted: Whether there are as many signs as is noted.
    """

    vectors: int
    damaged: int
    unsigned: int
    strays: int
    is_counted: bool


class Signs:
    """The signs of one space. Writing belongs inside a transaction, after the vectors."""

    def __init__(self, db: Database, space: int, dim: int, *, by_sql: bool) -> None:
        """Work on the tables of a space.

        Args:
            db: The database.
            space: The number of the space.
            dim: d of its vectors.
            by_sql: Whether sqlite-vec is loaded; without it numpy does everything.
        """
        self._db = db
        self._space = int(space)
        self._layout = Layout(dim)
        self._by_sql = by_sql and dim % 8 == 0
        self._table = f"signs_{space:d}"
        self._vectors = f"vectors_{space:d}"

    def state(self) -> State:
        """How far the signs are."""
        rows = self._db.rows("SELECT held, looked, next_block FROM signing WHERE space_id = ?", (self._space,))
        return State(*rows[0]) if rows else State(0, 0, None)

    def nearest(self, query: bytes, most: int, among: Sequence[int] | None, held: int) -> Nearest:
        """The passages whose signs are nearest to a query's, the `most` nearest of each middle.

        Args:
            query: (d,) float32.
            most: How many.
            among: Ids to choose from; None means all.
            held: How many there are, as `state` says.
        """
        signed = {number: self._signs([query], mean)[0] for number, mean in self._centres().items()}
        is_small = self._by_sql and not has_numpy() and held <= NUMPY_FROM
        search = nearest_by_sql if is_small else nearest_by_numpy
        return search(self._db, self._table, self._layout, signed, most, among)

    def put(self, vectors: Sequence[tuple[int, bytes]]) -> None:
        """Take the signs of vectors that were just stored; bring some others over where the middle has moved."""
        number, mean = self._latest()
        signs = self._signs([vector for _, vector in vectors], mean)
        by_block: dict[int, list[tuple[int, bytes]]] = {}
        for (passage_id, _), sign in zip(vectors, signs):
            block, slot = divmod(passage_id, self._layout.rows)
            by_block.setdefault(block, []).append((slot, sign))
        grown = 0
        for block, placed in by_block.items():
            held, data = self._read(block, number)
            if data is None:  # none yet, damaged, or of an earlier middle
                grown += self._make(block, number, mean) - held
                continue
            for slot, sign in placed:
                self._layout.put(data, slot, sign)
            self._write(block, number, data)
            grown += self._layout.held(data) - held
        self._count(grown)
        self._keep_up(len(vectors))

    def forget(self, ids: Iterable[int]) -> None:
        """Leave nothing of the signs of some passages."""
        by_block: dict[int, list[int]] = {}
        for passage_id in ids:
            block, slot = divmod(passage_id, self._layout.rows)
            by_block.setdefault(block, []).append(slot)
        gone = 0
        for block, slots in by_block.items():
            for number, bits in self._db.rows(f"SELECT centre, bits FROM {self._table} WHERE block = ?", (block,)):
                if len(bits) != self._layout.size_bytes:
                    continue
                data = bytearray(bits)
                for slot in slots:
                    self._layout.forget(data, slot)
                gone += self._layout.held(bits) - self._layout.held(data)
                self._write(block, number, data)
        self._count(-gone)

    def clear(self) -> None:
        """Forget every sign and the middle."""
        self._db.run(f"DELETE FROM {self._table}")
        for table in ("centre", "signing"):
            self._db.run(f"DELETE FROM {table} WHERE space_id = ?", (self._space,))

    def take_middle(self) -> None:
        """Look where the middle of the vectors is now; where that has moved, blocks wait to be brought over to it."""
        state = self.state()
        sample = self._sample()
        next_block = state.next_block
        if len(sample) >= _LEAST_SAMPLE:
            middle = array(
                "f", [total / len(sample) for total in map(sum, zip(*(array("f", each) for each in sample)))]
            )
            if not self._differing(sample, middle.tobytes(), self._latest()[1]) <= _MOVED:
                sql = "INSERT INTO centre SELECT ?1, coalesce(max(number), 0) + 1, ?2 FROM centre WHERE space_id = ?1"
                self._db.run(sql, (self._space, middle.tobytes()))
                next_block = 0
        self._keep(State(state.held, state.held, next_block))

    def bring_over(self, most: int = _BLOCKS_A_WRITE) -> bool:
        """Take the signs of at most so many blocks anew that are of an earlier middle. Returns whether any may be left."""
        state = self.state()
        if state.next_block is None:
            return False
        number, mean = self._latest()
        sql = f"SELECT block, bits FROM {self._table} WHERE block >= ? AND centre <> ? ORDER BY block LIMIT ?"
        old = self._db.rows(sql, (state.next_block, number, most))
        for block, bits in old:
            held = self._layout.held(bits) if len(bits) == self._layout.size_bytes else 0
            self._count(self._make(block, number, mean) - held)
        next_block = old[-1][0] + 1 if len(old) == most else None
        self._keep(State(self.state().held, state.looked, next_block))
        if next_block is None:
            self._db.run("DELETE FROM centre WHERE space_id = ? AND number <> ?", (self._space, number))
        return next_block is not None

    def make(self, first: int, most: int) -> int | None:
        """Take the signs of at most so many blocks anew from the vectors, whatever is there; damaged vectors are removed.

        Args:
            first: The first passage whose signs are looked at.
            most: How many blocks.

        Returns:
            Where the next ones begin, None at the end.
        """
        number, mean = self._latest()
        for _ in range(most):
            at = self._db.value(f"SELECT min(passage_id) FROM {self._vectors} WHERE passage_id >= ?", (first,))
            block = None if at is None else at // self._layout.rows
            past = f"DELETE FROM {self._table} WHERE block >= ?1 AND (?2 IS NULL OR block < ?2)"
            self._db.run(past, (first // self._layout.rows, block))  # of passages that have no vector
            if block is None:
                self._recount()
                self.bring_over()
                return None
            if at < first:  # a damaged tree; going on would never end
                raise corrupt(self._db.path, "vectors that are out of order")
            rows = self._rows(block)
            bad = {number for number, _ in rows} - {number for number, _ in self._sound(rows)}
            self._db.run_many(f"DELETE FROM {self._vectors} WHERE passage_id = ?", ((each,) for each in bad))
            self._make(block, number, mean)
            first = (block + 1) * self._layout.rows
        return first

    def take_over(self, before: str) -> None:
        """Fill the blocks from a table that has a sign a row."""
        size = self._layout.sign_bytes
        rows = self._db.stream(
            f"SELECT passage_id, bits FROM {before} WHERE length(bits) = {size:d} ORDER BY passage_id"
        )
        held = 0
        for block, signs in itertools.groupby(rows, key=lambda row: int(row[0]) // self._layout.rows):
            data = bytearray(self._layout.size_bytes)
            for passage_id, sign in signs:
                self._layout.put(data, passage_id % self._layout.rows, sign)
                held += 1
            self._write(block, 0, data)
        self._count(held)

    def judged(self) -> Judged:
        """Whether the vectors are sound and the signs are theirs."""
        centres, size = self._centres(), self._layout.rows
        of_block = f"SELECT DISTINCT passage_id / {size} FROM {self._vectors}"
        count = damaged = unsigned = strays = there = 0
        for (block,) in self._db.stream(of_block):
            rows = self._rows(block)
            sound = {passage_id for passage_id, _ in self._sound(rows)}
            count += len(rows)
            damaged += len(rows) - len(sound)
            found = self._db.rows(f"SELECT centre, bits FROM {self._table} WHERE block = ?", (block,))
            centre, bits = found[0] if found else (0, b"")
            if len(bits) != self._layout.size_bytes or centre not in centres:
                unsigned += len(sound)
                continue
            there += self._layout.held(bits)
            made = self._made(block, rows, centres[centre])
            if bits != made:
                slots = [(block * size + slot, self._layout.sign(bits, slot)) for slot in range(size)]
                numbers = {number for number, _ in rows}
                strays += sum(sign is not None and number not in numbers for number, sign in slots)
                unsigned += sum(
                    number in sound and sign != self._layout.sign(made, number - block * size) for number, sign in slots
                )
        for (bits,) in self._db.stream(f"SELECT bits FROM {self._table} WHERE block NOT IN ({of_block})"):
            strays += self._layout.held(bits) if len(bits) == self._layout.size_bytes else 1
            there += self._layout.held(bits) if len(bits) == self._layout.size_bytes else 0
        return Judged(count, damaged, unsigned, strays, self.state().held == there)

    def _recount(self) -> None:
        """Count again how many vectors have signs, and look through all for those of an earlier middle."""
        blocks = self._db.stream(f"SELECT bits FROM {self._table} WHERE length(bits) = {self._layout.size_bytes}")
        held = sum(self._layout.held(bits) for (bits,) in blocks)
        self._keep(State(held, self.state().looked, 0))

    def _centres(self) -> dict[int, bytes | None]:
        """The middle of each number, None for zero; a damaged one is left out."""
        rows = self._db.rows("SELECT number, mean FROM centre WHERE space_id = ?", (self._space,))
        return {0: None, **{number: mean for number, mean in rows if self._is_whole(mean)}}

    def _latest(self) -> tuple[int, bytes | None]:
        """The middle that signs are taken from now, with its number; zero where it is damaged."""
        sql = "SELECT number, mean FROM centre WHERE space_id = ? ORDER BY number DESC LIMIT 1"
        rows = self._db.rows(sql, (self._space,))
        return (rows[0][0], rows[0][1]) if rows and self._is_whole(rows[0][1]) else (0, None)

    def _is_whole(self, vector: bytes) -> bool:
        return len(vector) == 4 * self._layout.dim

    def _signs(self, vectors: Sequence[bytes], mean: bytes | None) -> list[bytes]:
        """The signs of vectors from a middle: a bit a dimension, the lowest first, as sqlite-vec has it."""
        if self._by_sql and not has_numpy():
            difference = "?1" if mean is None else "vec_sub(?1, ?2)"
            sql = f"SELECT vec_quantize_binary({difference})"
            return [self._db.value(sql, (each,) if mean is None else (each, mean)) for each in vectors]
        import numpy as np

        numbers = np.frombuffer(b"".join(vectors), dtype=np.float32).reshape(len(vectors), self._layout.dim)
        bits = np.packbits(
            numbers > (0 if mean is None else np.frombuffer(mean, np.float32)), axis=1, bitorder="little"
        )
        return [row.tobytes() for row in bits]

    def _differing(self, vectors: Sequence[bytes], one: bytes | None, other: bytes | None) -> float:
        """The share of signs that are another one from another middle."""
        pairs = zip(self._signs(vectors, one), self._signs(vectors, other))
        count = sum((int.from_bytes(a, "big") ^ int.from_bytes(b, "big")).bit_count() for a, b in pairs)
        return count / (len(vectors) * self._layout.dim)

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
        return [vector for _, vector in self._sound(rows)]

    def _read(self, block: int, number: int) -> tuple[int, bytearray | None]:
        """How many signs a block holds, and the block; None unless it is whole and of a middle."""
        for centre, bits in self._db.rows(f"SELECT centre, bits FROM {self._table} WHERE block = ?", (block,)):
            if len(bits) == self._layout.size_bytes:
                return self._layout.held(bits), bytearray(bits) if centre == number else None
        return 0, None

    def _write(self, block: int, number: int, data: bytearray) -> None:
        if self._layout.held(data):
            sql = f"INSERT OR REPLACE INTO {self._table} VALUES (?, ?, ?)"
            self._db.run(sql, (block, number, bytes(data)))
        else:
            self._db.run(f"DELETE FROM {self._table} WHERE block = ?", (block,))

    def _make(self, block: int, number: int, mean: bytes | None) -> int:
        """Make a block anew from its vectors. Returns how many signs it holds."""
        data = self._made(block, self._rows(block), mean)
        self._write(block, number, data)
        return self._layout.held(data)

    def _made(self, block: int, rows: Sequence[tuple[int, bytes]], mean: bytes | None) -> bytearray:
        """A block from its vectors; one that is not whole has no sign."""
        whole = [row for row in rows if self._is_whole(row[1])]
        signs = self._signs([vector for _, vector in whole], mean) if whole else []
        data = bytearray(self._layout.size_bytes)
        for (passage_id, _), sign in zip(whole, signs):
            self._layout.put(data, passage_id - block * self._layout.rows, sign)
        return data

    def _rows(self, block: int) -> list[tuple[int, bytes]]:
        """The vectors of a block."""
        first = block * self._layout.rows
        sql = f"SELECT passage_id, vector FROM {self._vectors} WHERE passage_id BETWEEN ? AND ?"
        return [(row[0], row[1]) for row in self._db.rows(sql, (first, first + self._layout.rows - 1))]

    def _sound(self, rows: Sequence[tuple[int, bytes]]) -> list[tuple[int, bytes]]:
        """The vectors that are what they should be."""
        return [row for row in rows if self._is_whole(row[1]) and is_unit(row[1])]

    def _count(self, more: int) -> None:
        sql = (
            "INSERT INTO signing VALUES (?1, ?2, 0, NULL) ON CONFLICT (space_id) DO UPDATE SET held = max(held + ?2, 0)"
        )
        if more:
            self._db.run(sql, (self._space, more))

    def _keep(self, state: State) -> None:
        values = (self._space, state.held, state.looked, state.next_block)
        self._db.run("INSERT OR REPLACE INTO signing VALUES (?, ?, ?, ?)", values)

    def _keep_up(self, written: int) -> None:
        """Look at the middle when the space has grown by much, and bring a few blocks over."""
        state = self.state()
        if state.held >= FIRST_LOOK and state.held >= _GROWTH * state.looked:
            self.take_middle()
        self.bring_over(max(_BLOCKS_A_WRITE, written // 64))


def forget_passages(db: Database, ids: Sequence[int]) -> None:
    """Leave nothing of the signs of some passages in any space. Call it before they go, inside the transaction."""
    if not ids:
        return
    for space, dim in db.rows(f"SELECT id, dim FROM space WHERE {schema.IS_WHOLE_SPACE}"):
        Signs(db, space, dim, by_sql=False).forget(ids)


def pack_signs(db: Database) -> None:
    """Put signs that are a row each, as before schema 8, into blocks; none of them is taken anew."""
    tables = db.rows("SELECT name FROM sqlite_schema WHERE type = 'table' AND name GLOB 'signs_[0-9]*'")
    sizes: dict[str, int] = dict(db.rows(f"SELECT 'signs_' || id, dim FROM space WHERE {schema.IS_WHOLE_SPACE}"))
    for (name,) in tables:
        if not db.rows("SELECT 1 FROM pragma_table_info(?) WHERE name = 'passage_id'", (name,)):
            continue
        space = int(name.partition("_")[2])
        db.run(f"ALTER TABLE {name} RENAME TO signs_before")
        db.run(schema.space_tables(space))
        if name in sizes:
            Signs(db, space, sizes[name], by_sql=False).take_over("signs_before")
        db.run("DROP TABLE signs_before")
