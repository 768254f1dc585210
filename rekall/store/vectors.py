"""The nearest vectors of a space: by sqlite-vec inside SQLite, or by numpy where that cannot load.

Both backends read the same two tables. `vectors_N` is the truth; `signs_N` holds one bit a dimension and is
derived (`signs`). Few vectors are compared exactly. Of many, the signs choose candidates by Hamming distance, and
the candidates are compared exactly: 50,000 signs are 2.4 MB to read where the vectors are 77 MB.
Why not a vec0 table, measured: docs/adr/0004. What the signs find and miss: docs/adr/0033.
"""

from __future__ import annotations

import importlib.util
import json
from abc import abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from rekall.db import Database, Row
from rekall.errors import StorageError
from rekall.store.sign_blocks import Nearest, best_of
from rekall.store.signs import Signs
from rekall.vector_index import Backend, Vector, VectorIndex, Wide, vector_bytes

if TYPE_CHECKING:  # with sqlite-vec a process searches without numpy
    import numpy as np
    import numpy.typing as npt

EXACT_LIMIT = 10_000
"""Up to this many vectors are compared exactly (10 ms); above, signs choose candidates first."""

CANDIDATES = 1_000
"""Candidates that the signs hand over; what they miss of the true ten best: docs/benchmarks.md."""

CANDIDATES_PER_RESULT = 4

CANDIDATES_OF_MANY, CANDIDATES_OF_MANY_PER_RESULT = 600, 3
"""The same for a wide choice from many vectors, where each candidate is a page to read to know whether it passes."""

_BEST, _CLEAR = 10, 3
"""The best ten must be among the first third of the candidates; otherwise there may be better ones behind the last."""

_MORE = 4
"""So many times as many candidates are compared next."""

_MARGIN = 1.3
"""Of a wide choice so many times the candidates are looked at: fewer of them may pass than of all."""

_SHARE_WORTH = 4
"""Candidates of more than a quarter cost more than all."""

MOST_EXACT = 100_000
"""Up to so many vectors all are compared in the end, where signs say little; 90 ms."""

MOST_CANDIDATES = 25_600
"""Of more vectors so many candidates are the last; 100 ms."""

BLOCKS_A_PART = 64
"""Blocks that a part of a rebuild makes: 10,000 vectors of 384 dimensions."""

_BLOCK_ROWS = 1024

_LONGEST, _FARTHEST = 1.01, 2.01
"""No cosine is larger and no distance longer between vectors of unit length; a damaged vector is passed over."""


class _TableIndex(VectorIndex):
    """The vectors of one space in two tables: the search over both, and how they are written."""

    _BY_SQL: ClassVar[bool]

    def __init__(self, db: Database, space: int, dim: int) -> None:
        """Work on the tables of a space whose vectors have `dim` dimensions."""
        self._db = db
        self._dim = dim
        self._vectors = f"vectors_{space:d}"
        self._signs = Signs(db, space, dim, by_sql=self._BY_SQL)

    def search(self, query_vec: Vector, k: int, among: Sequence[int] | Wide | None = None) -> list[tuple[int, float]]:
        """The nearest vectors, most similar first; equal ones by id. See `VectorIndex.search`."""
        query = vector_bytes(query_vec, self._dim)
        if k <= 0 or (among is not None and not among):
            return []
        held = self._signs.state().held
        if isinstance(among, Wide):
            total = int(held * among.share)
            found = self._by_signs(query, k, among, held, total) if total > EXACT_LIMIT else None
            if found is not None:
                return found
            among = among.all()
            if not among:
                return []
        total = held if among is None else len(among)
        if total > EXACT_LIMIT:
            found = self._by_signs(query, k, among, held, total)
            if found is not None:
                return found
        return self._nearest(query, k, among)

    def _by_signs(
        self, query: bytes, k: int, among: Sequence[int] | Wide | None, held: int, total: int
    ) -> list[tuple[int, float]] | None:
        """The nearest of those whose signs are nearest; None where all should be compared.

        Were the best ten of these not well before the last, by their signs, these say little here, and more of them are
        compared: of a model with few dimensions, of many vectors that are nearly one.
        """
        is_wide = isinstance(among, Wide)
        most, done, reach = max(CANDIDATES, CANDIDATES_PER_RESULT * k), 0, 0
        if is_wide and held > MOST_EXACT:
            most = max(CANDIDATES_OF_MANY, CANDIDATES_OF_MANY_PER_RESULT * k)
        found: list[tuple[int, float]] = []
        while most * _SHARE_WORTH <= total:
            if most > reach:  # a scan costs as much as some thousands of candidates
                reach = most if is_wide else most * _MORE
                near = self._near(query, reach, among, held)
            if len(near.ranks) + len(near.unknown) < most:  # there are signs for too few
                return None
            fresh = [one for one, rank in near.ranks.items() if done <= rank < most]
            found += self._nearest(query, k, fresh if done else [*fresh, *near.unknown])
            found = sorted(found, key=lambda each: (-each[1], each[0]))[:k]
            is_clear = len(found) == k and max(near.ranks.get(one, 0) for one, _ in found[:_BEST]) < most // _CLEAR
            if is_clear or (most >= MOST_CANDIDATES and total > MOST_EXACT):
                return found
            most, done = most * _MORE, most
        return found if held > MOST_EXACT and len(found) == k else None

    def _near(self, query: bytes, most: int, among: Sequence[int] | Wide | None, held: int) -> Nearest:
        """The `most` whose signs are nearest; of a wide choice about so many, ranked among those that pass."""
        if not isinstance(among, Wide):
            return self._signs.nearest(query, most, among, held)
        near = self._signs.nearest(query, int(_MARGIN * most / among.share), None, held)
        kept = set(among.passing(sorted([*near.ranks, *near.unknown])))
        share = len(kept) / max(1, len(near.ranks) + len(near.unknown))
        ranks = {one: int(rank * share) for one, rank in near.ranks.items() if one in kept}
        return Nearest(ranks, [one for one in near.unknown if one in kept])

    def similarities(self, query_vec: Vector, ids: Iterable[int]) -> dict[int, float]:
        """The cosine similarity of each given id; an id without a vector is left out."""
        chosen = list(ids)
        return dict(self._nearest(vector_bytes(query_vec, self._dim), len(chosen), chosen)) if chosen else {}

    def neighbours(
        self, ids: Sequence[int], among: Sequence[int] | None, at_least: float, most_each: int
    ) -> list[tuple[int, int, float]]:
        """The nearest of each of many vectors; see `VectorIndex.neighbours`."""
        from rekall.store.neighbours import near_pairs  # with numpy, which a search may do without

        blocks = partial(_blocks, self._db, self._vectors, "vector", 4 * self._dim)
        return near_pairs(blocks, ids, among, self._dim, at_least, most_each)

    def get(self, passage_id: int) -> bytes | None:
        """The bytes of one vector, (d,) float32, or None."""
        vector = self._db.value(f"SELECT vector FROM {self._vectors} WHERE passage_id = ?", (passage_id,))
        return None if vector is None else bytes(vector)

    def get_many(self, ids: Iterable[int]) -> dict[int, bytes]:
        """The bytes of each given id's vector, (d,) float32; an id without a whole one is left out."""
        where, bindings = _where(self._vectors, "vector", 4 * self._dim, list(ids))
        return dict(self._db.rows(f"SELECT passage_id, vector {where}", bindings))

    def add_many(self, vectors: Iterable[tuple[int, Vector]]) -> None:
        """Store vectors in place of any of the same ids.

        Raises:
            EngineError: One is not finite or not of unit length; nothing is stored.
        """
        rows = list({number: vector_bytes(vector, self._dim) for number, vector in vectors}.items())
        if rows:
            self._db.run_many(f"INSERT OR REPLACE INTO {self._vectors} VALUES (?, ?)", rows)
            self._signs.put(rows)

    def delete(self, passage_id: int) -> None:
        """Remove a vector; an id without one is no error."""
        self._db.run(f"DELETE FROM {self._vectors} WHERE passage_id = ?", (passage_id,))
        self._signs.forget([passage_id])

    def clear(self) -> None:
        """Remove every vector."""
        self._db.run(f"DELETE FROM {self._vectors}")
        self._signs.clear()

    def rebuild(self) -> None:
        """Make the signs from the vectors again; a damaged vector is removed, to be embedded again."""
        with self._db.transaction():
            first: int | None = 0
            while first is not None:
                first = self.rebuild_from(first)

    def rebuild_from(self, first: int) -> int | None:
        """Do a part of `rebuild`; see `VectorIndex.rebuild_from`."""
        with self._db.transaction():
            if first <= 0:
                self._signs.take_middle()
            return self._signs.make(first, BLOCKS_A_PART)

    def __len__(self) -> int:
        """How many vectors there are."""
        return self._signs.state().held

    @abstractmethod
    def _nearest(self, query: bytes, k: int, among: Sequence[int] | None) -> list[tuple[int, float]]:
        """Exact search."""


class SqliteVecIndex(_TableIndex):
    """Searches inside SQLite, with the distance functions of the sqlite-vec extension."""

    _BY_SQL = True

    def _nearest(self, query: bytes, k: int, among: Sequence[int] | None) -> list[tuple[int, float]]:
        where, bindings = _where(self._vectors, "vector", 4 * self._dim, among)
        sql = (  # no distance from a vector that is not finite, too much of one from a vector that is too long
            f"SELECT * FROM (SELECT passage_id, vec_distance_l2(vector, ?) AS distance {where}) "
            f"WHERE distance <= {_FARTHEST} ORDER BY distance, passage_id LIMIT ?"
        )
        # for unit vectors |a - b|² = 2 - 2cos
        return [(row[0], 1.0 - row[1] * row[1] / 2.0) for row in self._db.rows(sql, (query, *bindings, k))]

    def pairs(self, ids: Iterable[int]) -> list[tuple[int, int, float]]:
        """The cosine similarity of each two of the given ids, the smaller id first."""
        where, bindings = _where(self._vectors, "vector", 4 * self._dim, list(ids))
        sql = (
            f"WITH chosen AS MATERIALIZED (SELECT passage_id, vector {where}) SELECT * FROM ("
            "SELECT a.passage_id, b.passage_id, vec_distance_l2(a.vector, b.vector) AS distance "
            f"FROM chosen a, chosen b WHERE a.passage_id < b.passage_id) WHERE distance <= {_FARTHEST}"
        )
        return [(one, other, 1.0 - distance * distance / 2.0) for one, other, distance in self._db.rows(sql, bindings)]


class NumpyIndex(_TableIndex):
    """Reads rows a block at a time and compares them with numpy."""

    _BY_SQL = False

    def pairs(self, ids: Iterable[int]) -> list[tuple[int, int, float]]:
        """The cosine similarity of each two of the given ids, the smaller id first."""
        import numpy as np

        vectors = sorted(self.get_many(ids).items())
        if not vectors:
            return []
        matrix = np.frombuffer(b"".join(data for _, data in vectors), dtype=np.float32).reshape(len(vectors), -1)
        with np.errstate(invalid="ignore", over="ignore"):
            cosines = np.einsum("nd,md->nm", matrix, matrix)  # not `@`, whose rounding depends on the row's place
            rows, columns = np.nonzero(np.triu(np.abs(cosines) <= _LONGEST, k=1))
        numbers = [number for number, _ in vectors]
        return [
            (numbers[row], numbers[column], cosine)
            for row, column, cosine in zip(rows.tolist(), columns.tolist(), cosines[rows, columns].tolist())
        ]

    def _nearest(self, query: bytes, k: int, among: Sequence[int] | None) -> list[tuple[int, float]]:
        import numpy as np

        wanted = np.frombuffer(query, dtype=np.float32)
        ids: list[npt.NDArray[np.int64]] = []
        opposite: list[npt.NDArray[np.float32]] = []
        for rows in _blocks(self._db, self._vectors, "vector", 4 * self._dim, among):
            matrix = np.frombuffer(b"".join(row[1] for row in rows), dtype=np.float32).reshape(len(rows), -1)
            ids.append(np.fromiter((row[0] for row in rows), dtype=np.int64, count=len(rows)))
            # not `@`, whose rounding depends on the row's place: equal vectors must stay equal
            with np.errstate(invalid="ignore", over="ignore"):
                cosines = np.einsum("nd,d->n", matrix, wanted)
            sound = np.abs(cosines) <= _LONGEST  # not finite, or too long: damaged
            ids[-1], opposite = ids[-1][sound], [*opposite, -cosines[sound]]
        if not ids:
            return []
        best, distances = best_of(ids, opposite, k)
        return list(zip(best.tolist(), (-distances).tolist()))


def choose_backend(db: Database, preferred: str) -> Backend:
    """Load sqlite-vec into the connection where that is wanted and works.

    Args:
        db: An open database.
        preferred: "auto", "sqlite-vec" or "numpy".

    Raises:
        StorageError: sqlite-vec was asked for by name and cannot be loaded.
    """
    if preferred == "numpy":
        return Backend("numpy", "performance.vector_index_backend is numpy")
    reason = _load_sqlite_vec(db)
    if reason and preferred == "sqlite-vec":
        raise StorageError(reason, "run `rekall config set performance.vector_index_backend auto` to let numpy search")
    return Backend("numpy", reason) if reason else Backend("sqlite-vec", "")


def open_index(db: Database, backend: Backend, space: int, dim: int) -> VectorIndex:
    """The index of a space on the chosen backend."""
    return (SqliteVecIndex if backend.name == "sqlite-vec" else NumpyIndex)(db, space, dim)


def _load_sqlite_vec(db: Database) -> str:
    """Load the extension. Returns why that failed, or an empty string.

    The package is found but not imported: importing it brings numpy, 15 MB and 50 ms.
    """
    spec = importlib.util.find_spec("sqlite_vec")
    if spec is None or not spec.submodule_search_locations:
        return "sqlite-vec is not installed"
    try:
        db.load_extension(str(Path(spec.submodule_search_locations[0]) / "vec0"))
        db.value(
            "SELECT vec_distance_hamming(vec_bit(x'ff'), vec_bit(x'0f'))"
        )  # one built for another processor fails late
    except StorageError as error:
        return f"sqlite-vec cannot be loaded: {error.__cause__ or error}"
    return ""


def _blocks(db: Database, table: str, column: str, size: int, among: Sequence[int] | None) -> Iterator[list[Row]]:
    where, bindings = _where(table, column, size, among)
    block: list[Row] = []
    for row in db.stream(f"SELECT passage_id, {column} {where}", bindings):
        block.append(row)
        if len(block) == _BLOCK_ROWS:
            yield block
            block = []
    if block:
        yield block


def _where(table: str, column: str, size: int, among: Sequence[int] | None) -> tuple[str, tuple[Any, ...]]:
    """The rows to look at; a damaged one, of another size, is passed over until `rebuild` removes it."""
    clause = f"FROM {table} WHERE length({column}) = {size:d}"
    if among is None:
        return clause, ()
    return f"{clause} AND passage_id IN (SELECT value FROM json_each(?))", (json.dumps(list(among)),)
