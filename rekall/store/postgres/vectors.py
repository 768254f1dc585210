"""The nearest vectors of a space, by pgvector on the server.

Up to `EXACT` vectors all are compared. Beyond, an index of half-precision vectors (HNSW) chooses candidates, which are compared
exactly. `rebuild` makes it; where it is not there, and where few vectors are chosen from, all of them are compared.
"""

from __future__ import annotations

import struct
import sys
from array import array
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from rekall.store.postgres.opening import check_vector
from rekall.store.postgres.server import Server
from rekall.store.postgres.session import Row
from rekall.vector_index import UNIT_TOLERANCE, Vector, VectorIndex, Wide, vector_bytes

EXACT = 50_000
"""Up to so many vectors are compared exactly."""

CANDIDATES = 800
"""At least so many candidates the index hands over; fewer miss more of the best hundred: docs/team.md."""

ONE_IN = 200
"""And at least one vector in so many: of more vectors the index misses more."""

MOST_AT_ONCE = 1000
"""What pgvector hands over at once (`hnsw.ef_search`)."""

FEW = 50_000
"""Where a condition leaves no more vectors, all of these are compared."""

MOST_INDEXED_DIM = 4000
"""pgvector's index holds no longer half-precision vectors; of these all are compared."""

_PART_ROWS = 20_000
_MOST_SCANNED = 20_000  # what pgvector looks at unless told
_BLOCK_ROWS = 1024
_BUILD_MEMORY = "256MB"
"""What the server may take to make the index: 200,000 vectors of 384 dimensions, more of which it makes slowly."""

INDEX_NAMES = "embedding_hnsw_"
"""Begins the name of the index of a space, before the space's number."""

_QUERY = "(SELECT %s::vector)"
"""The vector that is asked for, read once: where the plan of a statement is kept, a bare value would be read anew for each row."""

_HEADER = struct.Struct(">HH")
"""Before the numbers of a vector as it goes over the wire: how many there are, and nothing."""


@dataclass(frozen=True, slots=True)
class _Indexed:
    """What the server knows of the index of a space.

    Attributes:
        is_there: Whether there is one.
        vectors: About how many it holds; as many as when the server counted last.
        goes_on: Whether it can look for more than it hands over at once: from pgvector 0.8 on.
    """

    is_there: bool
    vectors: int
    goes_on: bool

    def holds(self, k: int) -> bool:
        """Whether it finds so many."""
        return self.is_there and k <= MOST_AT_ONCE

    def candidates(self, k: int) -> int:
        """How many it is asked for to find the k nearest."""
        wanted = max(CANDIDATES, self.vectors // ONE_IN, k)
        return wanted if self.goes_on else min(wanted, MOST_AT_ONCE)


class PgVectorIndex(VectorIndex):
    """The vectors of one space on a server; see `VectorIndex`."""

    def __init__(self, db: Server, space: int, dim: int) -> None:
        """Work on a space whose vectors have `dim` dimensions."""
        self._db = db
        self._dim = dim
        self._space = f"{space:d}"  # not bound: the index of a space is used where the statement names it
        self.name = f"{INDEX_NAMES}{space:d}"
        """What the index is called, where there is one."""

    def search(self, query_vec: Vector, k: int, among: Sequence[int] | Wide | None = None) -> list[tuple[int, float]]:
        """The nearest vectors, most similar first; equal ones by id. See `VectorIndex.search`."""
        query = written(vector_bytes(query_vec, self._dim))
        if k <= 0 or (among is not None and not among):
            return []
        if among is None:
            return self._nearest_of_all(query, k)
        ids = among.all() if isinstance(among, Wide) else among
        return self._exactly(query, k, "v.passage_id = ANY(%s)", (list(ids),))

    def nearest(self, query_vec: Vector, k: int, passages: str, bindings: Sequence[Any]) -> list[tuple[int, float]]:
        """The nearest vectors of some passages, most similar first; equal ones by id.

        Args:
            query_vec: (d,) float32 of unit length.
            k: How many.
            passages: What follows `FROM passage p` in a statement that gives these.
            bindings: Its bindings.
        """
        query = written(vector_bytes(query_vec, self._dim))
        if k <= 0:
            return []
        with self._db.snapshot():
            indexed = self._indexed()
            if indexed.holds(k) and indexed.goes_on:
                few = f"SELECT count(*) FROM (SELECT 1 FROM passage p {passages} LIMIT {FEW + 1}) s"
                if self._db.value(few, bindings) > FEW:
                    # not a join, which the server might begin at the other end
                    where = f"(SELECT true FROM passage p {passages} AND p.id = v.passage_id)"
                    found = self._by_index(indexed, query, k, where, bindings)
                    if len(found) == k:
                        return found
            return self._exactly(query, k, f"v.passage_id IN (SELECT p.id FROM passage p {passages})", bindings)

    def similarities(self, query_vec: Vector, ids: Iterable[int]) -> dict[int, float]:
        """The cosine similarity of each given id; an id without a vector is left out."""
        query = written(vector_bytes(query_vec, self._dim))
        sql = (
            f"SELECT v.passage_id, -(v.value <#> {_QUERY}) FROM embedding v "
            f"WHERE v.space_id = {self._space} AND v.passage_id = ANY(%s)"
        )
        return dict(self._db.rows(sql, (query, list(ids))))

    def pairs(self, ids: Iterable[int]) -> list[tuple[int, int, float]]:
        """The cosine similarity of each two of the given ids, the smaller id first; one without a vector is left out."""
        sql = (
            f"WITH chosen AS MATERIALIZED (SELECT v.passage_id, v.value FROM embedding v WHERE v.space_id = {self._space} "
            "AND v.passage_id = ANY(%s)) SELECT a.passage_id, b.passage_id, -(a.value <#> b.value) FROM chosen a "
            "JOIN chosen b ON a.passage_id < b.passage_id"
        )
        return [(one, other, cosine) for one, other, cosine in self._db.rows(sql, (list(ids),))]

    def neighbours(
        self, ids: Sequence[int], among: Sequence[int] | None, at_least: float, most_each: int
    ) -> list[tuple[int, int, float]]:
        """The nearest of each of many vectors; see `VectorIndex.neighbours`."""
        from rekall.store.neighbours import near_pairs  # with numpy, which a search does without

        return near_pairs(self._blocks, ids, among, self._dim, at_least, most_each)

    def get(self, passage_id: int) -> bytes | None:
        """The bytes of one vector, (d,) float32, or None."""
        return self.get_many([passage_id]).get(passage_id)

    def get_many(self, ids: Iterable[int]) -> dict[int, bytes]:
        """The bytes of each given id's vector, (d,) float32; an id without one is left out."""
        sql = (
            "SELECT v.passage_id, vector_send(v.value) FROM embedding v "
            f"WHERE v.space_id = {self._space} AND v.passage_id = ANY(%s)"
        )
        return {number: _from_wire(data) for number, data in self._db.rows(sql, (list(ids),))}

    def add_many(self, vectors: Iterable[tuple[int, Vector]]) -> None:
        """Store vectors in place of any of the same ids.

        Raises:
            EngineError: One is not finite or not of unit length; nothing is stored.
        """
        rows = {number: vector_bytes(vector, self._dim) for number, vector in vectors}
        if rows:
            self._delete(list(rows))
            sent = ((int(self._space), number, _to_wire(data)) for number, data in rows.items())
            self._db.copy("embedding (space_id, passage_id, value)", sent, ("int8", "int8", "bytea"))

    def delete(self, passage_id: int) -> None:
        """Remove a vector; an id without one is no error."""
        self._delete([passage_id])

    def clear(self) -> None:
        """Remove every vector."""
        self._db.run(f"DELETE FROM embedding WHERE space_id = {self._space}")

    def rebuild(self) -> None:
        """Remove damaged vectors, to be embedded again, and make the index where there are many."""
        with self._db.transaction():
            first: int | None = 0
            while first is not None:
                first = self.rebuild_from(first)

    def rebuild_from(self, first: int) -> int | None:
        """Do a part of `rebuild`; see `VectorIndex.rebuild_from`. The last makes the index, for as long as that takes."""
        with self._db.transaction():
            sql = (
                f"SELECT max(passage_id) FROM (SELECT v.passage_id FROM embedding v WHERE v.space_id = {self._space} "
                f"AND v.passage_id >= %s ORDER BY v.passage_id LIMIT {_PART_ROWS}) s"
            )
            last = self._db.value(sql, (first,))
            if last is None:
                self._make_index()
                return None
            self._db.run(
                f"DELETE FROM embedding v WHERE v.space_id = {self._space} AND v.passage_id BETWEEN %s AND %s "
                "AND (vector_dims(v.value) <> %s OR NOT vector_norm(v.value) BETWEEN %s AND %s)",
                (first, last, self._dim, 1 - UNIT_TOLERANCE, 1 + UNIT_TOLERANCE),
            )
            return int(last) + 1

    def wants_rebuild(self) -> bool:
        """Whether there are so many vectors that the index would pay, and it is not there."""
        if self._dim > MOST_INDEXED_DIM or self._indexed().is_there:
            return False
        counted = f"SELECT count(*) FROM (SELECT 1 FROM embedding WHERE space_id = {self._space} LIMIT {EXACT + 1}) s"
        return int(self._db.value(counted)) > EXACT

    def __len__(self) -> int:
        """How many vectors there are."""
        return int(self._db.value(f"SELECT count(*) FROM embedding WHERE space_id = {self._space}"))

    def _nearest_of_all(self, query: str, k: int) -> list[tuple[int, float]]:
        with self._db.snapshot():
            indexed = self._indexed()
            found = self._by_index(indexed, query, k) if indexed.holds(k) else []
            return found if len(found) == k else self._exactly(query, k)

    def _exactly(
        self, query: str, k: int, where: str = "true", bindings: Sequence[Any] = ()
    ) -> list[tuple[int, float]]:
        """The nearest of all vectors that meet a condition on `embedding v`."""
        sql = (
            f"SELECT v.passage_id, -(v.value <#> {_QUERY}) FROM embedding v "
            f"WHERE v.space_id = {self._space} AND {where} ORDER BY 2 DESC, 1 LIMIT %s"
        )
        return [(number, cosine) for number, cosine in self._db.rows(sql, (query, *bindings, k))]

    def _by_index(
        self, indexed: _Indexed, query: str, k: int, where: str = "true", bindings: Sequence[Any] = ()
    ) -> list[tuple[int, float]]:
        """The same of the candidates that the index hands over."""
        candidates = indexed.candidates(k)
        half = f"halfvec({self._dim:d})"
        sql = (
            f"SELECT c.passage_id, -(c.value <#> {_QUERY}) FROM (SELECT v.passage_id, v.value FROM embedding v "
            f"WHERE v.space_id = {self._space} AND {where} ORDER BY v.value::{half} <#> (SELECT %s::{half}) LIMIT {candidates:d}) c "
            "ORDER BY 2 DESC, 1 LIMIT %s"
        )
        settings = {"hnsw.ef_search": str(min(candidates, MOST_AT_ONCE))}
        if indexed.goes_on:
            settings |= {
                "hnsw.iterative_scan": "relaxed_order",  # they are compared anyway
                "hnsw.max_scan_tuples": str(max(_MOST_SCANNED, 4 * candidates)),
                "hnsw.scan_mem_multiplier": "4",
            }
        set_all = ", ".join(f"set_config('{name}', '{value}', true)" for name, value in settings.items())
        self._db.rows(f"SELECT {set_all}")
        return [(number, cosine) for number, cosine in self._db.rows(sql, (query, *bindings, query, k))]

    def _indexed(self) -> _Indexed:
        """What the server knows of the index."""
        sql = (
            "SELECT x.extversion, c.reltuples FROM (SELECT) one LEFT JOIN pg_extension x ON x.extname = 'vector' "
            "LEFT JOIN pg_class c ON c.oid = to_regclass(%s)"
        )
        ((version, vectors),) = self._db.rows(sql, (self.name,))
        if version is None:
            check_vector(self._db, None, None)
        goes_on = tuple(map(int, version.split(".")[:2])) >= (0, 8)
        return _Indexed(vectors is not None, int(vectors or 0), goes_on)

    def _make_index(self) -> None:
        """Make the index of many vectors, where there is none. Others read meanwhile, and cannot write."""
        if not self.wants_rebuild():
            return
        self._db.rows(
            "SELECT set_config('statement_timeout', '0', true), set_config('maintenance_work_mem', CASE WHEN "
            "pg_size_bytes(current_setting('maintenance_work_mem')) < pg_size_bytes(%(memory)s) THEN %(memory)s "
            "ELSE current_setting('maintenance_work_mem') END, true)",
            {"memory": _BUILD_MEMORY},
        )
        self._db.run(
            f"CREATE INDEX {self.name} ON embedding USING hnsw ((value::halfvec({self._dim:d})) halfvec_ip_ops) "
            f"WHERE space_id = {self._space}"
        )
        self._db.run("ANALYZE embedding")  # a server that takes a space for small does without its index

    def _delete(self, ids: Sequence[int]) -> None:
        self._db.run(f"DELETE FROM embedding WHERE space_id = {self._space} AND passage_id = ANY(%s)", (list(ids),))

    def _blocks(self, among: Sequence[int] | None) -> Iterator[list[Row]]:
        """Vectors a block at a time, in the order of their ids; rows of id and bytes."""
        chosen, bindings = ("", ()) if among is None else (" AND v.passage_id = ANY(%s)", (list(among),))
        sql = (
            "SELECT v.passage_id, vector_send(v.value) FROM embedding v "
            f"WHERE v.space_id = {self._space} AND v.passage_id > %s{chosen} ORDER BY v.passage_id LIMIT {_BLOCK_ROWS}"
        )
        last = 0
        while rows := self._db.rows(sql, (last, *bindings)):
            yield [(number, _from_wire(data)) for number, data in rows]
            last = rows[-1][0]


def written(vector: bytes) -> str:
    """A vector, (d,) float32 as bytes, as pgvector reads it."""
    return f"[{','.join(map(repr, array('f', vector)))}]"


def _to_wire(vector: bytes) -> bytes:
    """A vector, (d,) float32 as bytes, as pgvector takes it over the wire."""
    numbers = array("f", vector)
    if sys.byteorder == "little":
        numbers.byteswap()
    return _HEADER.pack(len(numbers), 0) + numbers.tobytes()


def _from_wire(data: bytes) -> bytes:
    numbers = array("f", bytes(data[_HEADER.size :]))
    if sys.byteorder == "little":
        numbers.byteswap()
    return numbers.tobytes()
