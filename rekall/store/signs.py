"""The signs of one space: written beside its vectors, taken from the middle of these, brought over when that moves.

A block names the middle that its signs were taken from (`middles`). When the middle has moved, blocks are brought over some at
a time, with each write or by `rekall index rebuild`, and a search asks each middle's signs by themselves.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from rekall.db import Database
from rekall.store import schema
from rekall.store.driver import corrupt
from rekall.store.middles import Middles
from rekall.store.sign_blocks import Layout, Nearest, has_numpy, nearest_by_numpy, nearest_by_sql
from rekall.store.values import MOST_KEY

FIRST_LOOK = 2_000
"""So many vectors a space has when its middle is first looked for; fewer are compared exactly in any case."""

_GROWTH = 1.25
"""The middle is looked at again when the space is so much larger than it was at the last look."""

_BLOCKS_A_WRITE = 8
"""Blocks that one write brings over: a thousand vectors, 5 ms."""

_LAST = (1 << 63) - 1
"""The greatest number of a passage, and of a block, that a table may hold."""

NUMPY_FROM = 50_000
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
        self._by_sql = by_sql
        self._middles = Middles(db, space, dim, by_sql=by_sql)
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
        signed = {number: self._middles.signs([query], mean)[0] for number, mean in self._middles.all().items()}
        is_small = self._by_sql and not has_numpy() and held <= NUMPY_FROM
        search = nearest_by_sql if is_small else nearest_by_numpy
        return search(self._db, self._table, self._layout, signed, most, among)

    def put(self, vectors: Sequence[tuple[int, bytes]]) -> None:
        """Take the signs of vectors that were just stored; bring some others over where the middle has moved."""
        number, mean = self._middles.latest()
        signs = self._middles.signs([vector for _, vector in vectors], mean)
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
        self._db.run("DELETE FROM signing WHERE space_id = ?", (self._space,))
        self._middles.forget()

    def take_middle(self) -> None:
        """Look where the middle is now; where it has moved, blocks wait to be brought over to it."""
        state = self.state()
        self._keep(State(state.held, state.held, 0 if self._middles.look() else state.next_block))

    def bring_over(self, most: int = _BLOCKS_A_WRITE) -> bool:
        """Take the signs of at most so many blocks anew that are of an earlier middle. Returns whether any may be left."""
        state = self.state()
        if state.next_block is None:
            return False
        number, mean = self._middles.latest()
        sql = f"SELECT block, bits FROM {self._table} WHERE block >= ? AND centre <> ? ORDER BY block LIMIT ?"
        old = self._db.rows(sql, (state.next_block, number, most))
        for block, bits in old:
            held = self._layout.held(bits) if len(bits) == self._layout.size_bytes else 0
            self._count(self._make(block, number, mean) - held)
        next_block = min(old[-1][0] + 1, _LAST) if len(old) == most else None
        self._keep(State(self.state().held, state.looked, next_block))
        if next_block is None:
            self._middles.forget(but=number)
        return next_block is not None

    def make(self, first: int, most: int) -> int | None:
        """Take the signs of at most so many blocks anew from the vectors, whatever is there; damaged vectors are removed.

        Args:
            first: The first passage whose signs are looked at.
            most: How many blocks.

        Returns:
            Where the next ones begin, None at the end.
        """
        number, mean = self._middles.latest()
        for _ in range(most):
            sql = f"SELECT min(passage_id) FROM {self._vectors} WHERE passage_id >= ?"
            at = self._db.value(sql, (first,)) if first <= _LAST else None
            block = None if at is None else at // self._layout.rows
            past = f"DELETE FROM {self._table} WHERE block BETWEEN ? AND ?"  # of passages that have no vector
            before = -_LAST if first <= 0 else first // self._layout.rows
            self._db.run(past, (before, _LAST if block is None else block - 1))
            if at is None or block is None:
                self._recount()
                self.bring_over()
                return None
            if at < first:  # a damaged tree; going on would never end
                raise corrupt(self._db.path, "vectors that are out of order")
            rows = self._rows(block)
            bad = {number for number, _ in rows} - {number for number, _ in self._middles.sound(rows)}
            self._db.run_many(f"DELETE FROM {self._vectors} WHERE passage_id = ?", ((each,) for each in bad))
            self._make(block, number, mean)
            first = (block + 1) * self._layout.rows
        return first

    def put_as_they_are(self, signs: Iterable[tuple[int, bytes]]) -> None:
        """Fill empty blocks with signs that were taken from zero, by passage and in that order."""
        held = 0
        for block, placed in itertools.groupby(signs, key=lambda each: each[0] // self._layout.rows):
            data = bytearray(self._layout.size_bytes)
            for passage_id, sign in placed:
                self._layout.put(data, passage_id % self._layout.rows, sign)
                held += 1
            self._write(block, 0, data)
        self._count(held)

    def judged(self) -> Judged:
        """Whether the vectors are sound and the signs are theirs."""
        centres, size = self._middles.all(), self._layout.rows
        of_block = f"SELECT DISTINCT passage_id / {size} FROM {self._vectors}"
        count = damaged = unsigned = strays = there = 0
        for (block,) in self._db.stream(of_block):
            rows = self._rows(block)
            sound = {passage_id for passage_id, _ in self._middles.sound(rows)}
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
        whole = [row for row in rows if self._middles.is_whole(row[1])]
        signs = self._middles.signs([vector for _, vector in whole], mean) if whole else []
        data = bytearray(self._layout.size_bytes)
        for (passage_id, _), sign in zip(whole, signs):
            self._layout.put(data, passage_id - block * self._layout.rows, sign)
        return data

    def _rows(self, block: int) -> list[tuple[int, bytes]]:
        """The vectors of a block."""
        first = block * self._layout.rows
        last = min(first + self._layout.rows - 1, _LAST)
        if not -_LAST <= first <= last:  # a damaged block, of no passages
            return []
        sql = f"SELECT passage_id, vector FROM {self._vectors} WHERE passage_id BETWEEN ? AND ?"
        return [(row[0], row[1]) for row in self._db.rows(sql, (first, last))]

    def _count(self, more: int) -> None:
        sql = (
            "INSERT INTO signing VALUES (?1, max(?2, 0), 0, NULL) "
            f"ON CONFLICT (space_id) DO UPDATE SET held = min(max(held + ?2, 0), {MOST_KEY})"
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
