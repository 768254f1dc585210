import contextlib
import importlib.machinery
import importlib.util
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timezone
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from support import servers
from support.depth import tries

from rekall.db import Database
from rekall.entry.fields import Entry
from rekall.entry.passages import Passage
from rekall.entry.types import EntryType
from rekall.errors import EngineError, RekallError, StorageError
from rekall.models.vectors import Matrix, unit_rows
from rekall.store import neighbours, sign_blocks, vectors
from rekall.store.contract import Store
from rekall.store.sign_blocks import Layout
from rekall.store.signs import Signs
from rekall.store.sqlite import SqliteStore
from rekall.store.values import Space
from rekall.store.vectors import NumpyIndex, SqliteVecIndex, choose_backend
from rekall.vector_index import Backend, Vector, VectorIndex, is_unit, vector_bytes

IN_SQLITE = ("sqlite-vec", "numpy")
BACKENDS = (*IN_SQLITE, "pgvector")
DIM = 24
NOW = datetime(2026, 1, 1, tzinfo=timezone.utc)


@dataclass
class Shelf:
    """An index over a real space, and the ids of the passages that may have vectors."""

    store: Store
    index: VectorIndex
    ids: list[int]
    space: Space

    def held(self) -> int:
        """How many vectors there are, and nothing left of any other."""
        return len(self.index)

    def fill(self, rows: Matrix) -> None:
        with self.store.transaction():
            self.index.add_many(zip(self.ids, rows))

    def add(self, passage_id: int, vector: Vector) -> None:
        with self.store.transaction():
            self.index.add(passage_id, vector)

    def delete(self, passage_id: int) -> None:
        with self.store.transaction():
            self.index.delete(passage_id)

    def clear(self) -> None:
        with self.store.transaction():
            self.index.clear()

    def rebuild(self) -> None:
        with self.store.transaction():
            self.index.rebuild()


@dataclass
class SqliteShelf(Shelf):
    """One whose tables can be looked into."""

    store: SqliteStore

    @property
    def db(self) -> Database:
        return self.store.db

    def held(self) -> int:
        number = super().held()
        assert len(self.table("vectors")) == len(self.signed()) == number
        return number

    def table(self, kind: str) -> list[tuple]:
        return self.db.rows(f"SELECT * FROM {kind}_{self.space.id}")

    def signed(self) -> dict[int, tuple[int, bytes]]:
        """The number of the middle and the sign of each passage that has one."""
        layout = Layout(self.space.dim)
        found = {}
        for block, centre, bits in self.table("signs"):
            assert len(bits) == layout.size_bytes
            for slot in range(layout.rows):
                sign = layout.sign(bits, slot)
                if sign is not None:
                    found[block * layout.rows + slot] = centre, sign
        return found

    def signs(self) -> Signs:
        return Signs(self.db, self.space.id, self.space.dim, by_sql=False)


def make_shelf(name: str, count: int = 60, dim: int = DIM) -> SqliteShelf:
    try:
        store = SqliteStore(None, name)
    except StorageError:
        if sys.platform == "linux":
            raise
        pytest.skip("this SQLite cannot load the sqlite-vec extension")
    assert store.vectors.backend.name == name
    ids, space = make_room(store, count, dim)
    return SqliteShelf(store, store.vectors.index(space), ids, space)


def make_room(store: Store, count: int, dim: int) -> tuple[list[int], Space]:
    """Passages and a space for vectors."""
    entry = Entry(EntryType.TIL, "t", id="01" + "A" * 24, created_at=NOW, updated_at=NOW)
    with store.transaction():
        key = store.entries.insert(entry)
        ids = store.passages.put(key, [Passage(place, str(place), place.to_bytes(16, "big")) for place in range(count)])
        return ids, store.vectors.make_space("print", "model", dim, NOW)


@contextlib.contextmanager
def open_shelf(name: str, count: int = 60, dim: int = DIM) -> Iterator[Shelf]:
    if name in IN_SQLITE:
        made = make_shelf(name, count, dim)
        with contextlib.closing(made.store):
            yield made
        return
    servers.server()  # skips the test where there is none
    from rekall.store.postgres import open_store

    with servers.empty_base() as conninfo, contextlib.closing(open_store(conninfo)) as store:
        ids, space = make_room(store, count, dim)
        assert store.vectors.backend.name == name
        yield Shelf(store, store.vectors.index(space), ids, space)


@pytest.fixture(params=BACKENDS)
def shelf(request: pytest.FixtureRequest) -> Iterator[Shelf]:
    with open_shelf(request.param) as made:
        yield made


@pytest.fixture(params=IN_SQLITE)
def sqlite_shelf(request: pytest.FixtureRequest) -> Iterator[Shelf]:
    with open_shelf(request.param) as made:
        yield made


@pytest.fixture(params=BACKENDS)
def shelf_of(request: pytest.FixtureRequest) -> Iterator[Callable[..., Shelf]]:
    with contextlib.ExitStack() as stack:
        yield lambda count, dim=DIM: stack.enter_context(open_shelf(request.param, count, dim))


@pytest.fixture(params=IN_SQLITE)
def sqlite_shelf_of(request: pytest.FixtureRequest) -> Iterator[Callable[..., Shelf]]:
    with contextlib.ExitStack() as stack:
        yield lambda count, dim=DIM: stack.enter_context(open_shelf(request.param, count, dim))


def random_rows(count: int, dim: int = DIM, seed: int = 1) -> Matrix:
    return unit_rows(np.random.default_rng(seed).standard_normal((count, dim)))


def by_cosine(ids: list[int], rows: Matrix, query: Matrix) -> list[tuple[int, float]]:
    cosines = rows.astype(np.float64) @ query.astype(np.float64)
    return sorted(zip(ids, cosines.tolist()), key=lambda pair: (-pair[1], pair[0]))


def assert_same(found: list[tuple[int, float]], expected: list[tuple[int, float]]) -> None:
    assert [one for one, _ in found] == [one for one, _ in expected]
    assert [cosine for _, cosine in found] == pytest.approx([cosine for _, cosine in expected], abs=1e-5)


def test_each_name_opens_its_own_backend():
    shelves = [make_shelf(name, 1) for name in IN_SQLITE]
    assert [type(one.index) for one in shelves] == [SqliteVecIndex, NumpyIndex]
    for one in shelves:
        one.store.close()


def test_the_nearest_come_first_with_their_cosine(shelf):
    rows = random_rows(60)
    shelf.fill(rows)
    query = random_rows(1, seed=2)[0]
    assert_same(shelf.index.search(query, 10), by_cosine(shelf.ids, rows, query)[:10])


def test_a_vector_finds_itself_with_similarity_one(shelf):
    rows = random_rows(60)
    shelf.fill(rows)
    ((found, similarity),) = shelf.index.search(rows[17], 1)
    assert found == shelf.ids[17]
    assert similarity == pytest.approx(1.0, abs=1e-6)


def test_the_opposite_vector_has_similarity_minus_one(shelf):
    row = random_rows(1)[0]
    shelf.add(shelf.ids[0], -row)
    assert shelf.index.search(row, 1)[0][1] == pytest.approx(-1.0, abs=1e-5)


def test_more_results_than_vectors_gives_them_all(shelf):
    shelf.fill(random_rows(7))
    assert sorted(found for found, _ in shelf.index.search(random_rows(1)[0], 1000)) == shelf.ids[:7]


@pytest.mark.parametrize("k", [0, -1])
def test_no_result_wanted_gives_none(shelf, k):
    shelf.fill(random_rows(7))
    assert shelf.index.search(random_rows(1)[0], k) == []


def test_an_empty_index_finds_nothing(shelf):
    assert shelf.index.search(random_rows(1)[0], 5) == []
    assert shelf.index.similarities(random_rows(1)[0], shelf.ids) == {}
    assert len(shelf.index) == 0


def test_more_than_four_thousand_results_are_possible(shelf_of):
    shelf = shelf_of(4200, 8)
    shelf.fill(random_rows(4200, 8))
    assert len(shelf.index.search(random_rows(1, 8, seed=3)[0], 4200)) == 4200


@pytest.mark.parametrize("dim", [8, 20, 33, 384])
def test_equal_vectors_come_in_the_order_of_their_ids(shelf_of, dim):
    shelf = shelf_of(1111, dim)
    shelf.fill(np.repeat(random_rows(1, dim, seed=4), 1111, axis=0))
    query = random_rows(1, dim, seed=5)[0]
    assert [found for found, _ in shelf.index.search(query, 10)] == shelf.ids[:10]
    assert [found for found, _ in shelf.index.search(query, 1111)] == shelf.ids
    assert [found for found, _ in shelf.index.search(query, 5, shelf.ids[700:])] == shelf.ids[700:705]


def test_ids_decide_between_equal_vectors_at_the_cut(shelf):
    row, other = random_rows(2)
    for passage_id in shelf.ids[:20]:
        shelf.add(passage_id, other)
    shelf.add(shelf.ids[30], row)
    assert [found for found, _ in shelf.index.search(row, 4)] == [shelf.ids[30], *shelf.ids[:3]]


def test_only_the_given_ids_may_answer(shelf):
    rows = random_rows(60)
    shelf.fill(rows)
    chosen = shelf.ids[5:50:3]
    expected = [pair for pair in by_cosine(shelf.ids, rows, rows[0]) if pair[0] in chosen]
    assert_same(shelf.index.search(rows[0], 6, among=list(reversed(chosen))), expected[:6])


def test_among_none_of_them_nothing_is_found(shelf):
    shelf.fill(random_rows(60))
    assert shelf.index.search(random_rows(1)[0], 5, among=[]) == []


def test_ids_without_a_vector_are_passed_over(shelf):
    shelf.fill(random_rows(10))
    assert [
        found for found, _ in shelf.index.search(random_rows(1)[0], 5, among=[shelf.ids[3], shelf.ids[40], 10**9])
    ] == [shelf.ids[3]]
    assert list(shelf.index.similarities(random_rows(1)[0], [shelf.ids[3], shelf.ids[40], 10**9])) == [shelf.ids[3]]


def test_similarities_are_the_cosines_of_the_given_ids(shelf):
    rows = random_rows(60)
    shelf.fill(rows)
    query = random_rows(1, seed=8)[0]
    chosen = shelf.ids[10:40:7]
    cosines = dict(by_cosine(shelf.ids, rows, query))
    found = shelf.index.similarities(query, iter(chosen))
    assert found == pytest.approx({one: cosines[one] for one in chosen}, abs=1e-5)
    assert shelf.index.similarities(query, []) == {}


def test_arrays_bytes_and_views_are_the_same_vector(shelf):
    row = random_rows(1)[0]
    for passage_id, vector in zip(shelf.ids, (row, row.tobytes(), memoryview(row), memoryview(row.tobytes()))):
        shelf.add(passage_id, vector)
        assert shelf.index.get(passage_id) == row.tobytes()
    assert shelf.index.search(row, 9) == shelf.index.search(row.tobytes(), 9)


def test_a_missing_vector_is_none(shelf):
    assert shelf.index.get(shelf.ids[0]) is None


def test_many_vectors_come_by_their_ids_and_what_is_not_there_is_left_out(shelf):
    rows = random_rows(10)
    shelf.fill(rows)
    chosen = [*shelf.ids[7:2:-1], shelf.ids[40], 10**9, shelf.ids[5]]
    expected = {shelf.ids[place]: rows[place].tobytes() for place in range(3, 8)}
    assert shelf.index.get_many(chosen) == shelf.index.get_many(iter(chosen)) == expected
    assert all(shelf.index.get(one) == data for one, data in expected.items())
    assert all(type(data) is bytes for data in shelf.index.get_many(chosen).values())
    assert shelf.index.get_many([]) == shelf.index.get_many([10**9]) == {}


def test_of_many_vectors_more_than_a_block_come_at_once(shelf_of):
    shelf = shelf_of(2500, 8)
    rows = random_rows(2500, 8)
    shelf.fill(rows)
    assert shelf.index.get_many(shelf.ids) == {one: row.tobytes() for one, row in zip(shelf.ids, rows)}


def test_a_vector_added_again_replaces_the_first(shelf):
    first, second = random_rows(2)
    shelf.add(shelf.ids[0], first)
    shelf.add(shelf.ids[0], second)
    assert shelf.index.get(shelf.ids[0]) == second.tobytes()
    assert len(shelf.index) == 1
    assert shelf.index.search(second, 5) == [(shelf.ids[0], pytest.approx(1.0, abs=1e-6))]


def test_a_deleted_vector_is_never_found(shelf):
    rows = random_rows(60)
    shelf.fill(rows)
    shelf.delete(shelf.ids[9])
    assert shelf.ids[9] not in dict(shelf.index.search(rows[9], 60))
    assert len(shelf.index) == 59
    assert shelf.index.get(shelf.ids[9]) is None


def test_deleting_what_is_not_there_changes_nothing(shelf):
    shelf.fill(random_rows(3))
    shelf.delete(shelf.ids[50])
    assert len(shelf.index) == 3


def test_clear_removes_every_vector(shelf):
    shelf.fill(random_rows(5))
    shelf.clear()
    assert shelf.held() == 0
    assert shelf.index.get_many(shelf.ids) == {}


def test_clear_leaves_no_sign(sqlite_shelf):
    sqlite_shelf.fill(random_rows(5))
    sqlite_shelf.clear()
    assert sqlite_shelf.table("vectors") == sqlite_shelf.table("signs") == []
    assert sqlite_shelf.db.rows("SELECT * FROM centre") == sqlite_shelf.db.rows("SELECT * FROM signing") == []


def test_deleting_a_passage_removes_its_vector_and_signs(shelf):
    rows = random_rows(5)
    shelf.fill(rows)
    (key,) = shelf.store.entries.keys()
    kept = [Passage(place, str(place), place.to_bytes(16, "big")) for place in range(60) if place != 2]
    with shelf.store.transaction():
        shelf.store.passages.put(key, [replace(passage, position=at) for at, passage in enumerate(kept)])
    assert shelf.index.get(shelf.ids[2]) is None
    assert shelf.ids[2] not in dict(shelf.index.search(rows[2], 9))
    assert sorted(shelf.index.get_many(shelf.ids)) == [one for one in shelf.ids[:5] if one != shelf.ids[2]]
    assert shelf.held() == 4


def test_deleting_an_entry_leaves_nothing_of_its_vectors(shelf):
    shelf.fill(random_rows(5))
    with shelf.store.transaction():
        other = shelf.store.vectors.index(shelf.store.vectors.make_space("other", "model", 8, NOW))
        other.add(shelf.ids[0], random_rows(1, 8)[0])
    (key,) = shelf.store.entries.keys()
    with shelf.store.transaction():
        shelf.store.entries.delete(key)
    assert shelf.held() == len(other) == 0


def test_signs_of_passages_that_another_program_deleted_find_nothing(sqlite_shelf_of, monkeypatch):
    """Nobody told them."""
    small_limits(monkeypatch, 10, 5, 1)
    shelf = sqlite_shelf_of(60)
    rows = random_rows(60)
    shelf.fill(rows)
    shelf.db.run("DELETE FROM passage WHERE id <= ?", (shelf.ids[29],))
    assert_same(shelf.index.search(rows[40], 5), by_cosine(shelf.ids[30:], rows[30:], rows[40])[:5])
    shelf.rebuild()
    assert list(shelf.signed()) == shelf.ids[30:]
    assert len(shelf.index) == 30


def test_a_vector_needs_its_passage(shelf):
    with pytest.raises(StorageError), shelf.store.transaction():
        shelf.add(10**6, random_rows(1)[0])
    assert len(shelf.index) == 0


def test_an_undone_transaction_undoes_the_vectors(shelf):
    rows = random_rows(5)
    shelf.fill(rows[:2])
    with pytest.raises(ZeroDivisionError), shelf.store.transaction():  # noqa: PT012 - the transaction as a whole
        shelf.add(shelf.ids[3], rows[3])
        shelf.delete(shelf.ids[0])
        raise ZeroDivisionError
    assert sorted(found for found, _ in shelf.index.search(rows[0], 9)) == shelf.ids[:2]


def bad_vectors() -> dict[str, object]:
    good = random_rows(1)[0]
    with_nan, with_infinity = good.copy(), good.copy()
    with_nan[3] = np.nan
    with_infinity[3] = np.inf
    return {
        "too short": unit_rows(good[None, :-1])[0],
        "too long": random_rows(1, DIM + 1)[0],
        "NaN": with_nan,
        "infinity": with_infinity,
        "zero": np.zeros(DIM, dtype=np.float32),
        "long": good * 2,
        "short": good * 0.9,
        "float64": good.astype(np.float64),
        "float64 of the same size": good[: DIM // 2].astype(np.float64),
        "float16": np.concatenate([good, good]).astype(np.float16),
        "integers": np.ones(DIM, dtype=np.int32),
        "few bytes": good.tobytes()[:-1],
        "empty": b"",
    }


@pytest.mark.parametrize("name", bad_vectors())
def test_a_bad_vector_is_refused_and_nothing_is_stored(shelf, name):
    kept = random_rows(1, seed=6)[0]
    shelf.add(shelf.ids[0], kept)
    for passage_id in shelf.ids[:2]:
        with pytest.raises(EngineError) as raised:
            shelf.add(passage_id, bad_vectors()[name])
        assert raised.value.hint
    assert shelf.index.get(shelf.ids[0]) == kept.tobytes()
    assert shelf.held() == 1


@pytest.mark.parametrize("name", bad_vectors())
def test_a_bad_query_is_refused(shelf, name):
    shelf.fill(random_rows(3))
    with pytest.raises(EngineError):
        shelf.index.search(bad_vectors()[name], 3)
    with pytest.raises(EngineError):
        shelf.index.similarities(bad_vectors()[name], shelf.ids)


def small_limits(patch: pytest.MonkeyPatch, exact: int, candidates: int, per_result: int, clear: int = 1) -> None:
    """Let the signs of few vectors choose; with `clear` 1 nobody looks whether they chose well."""
    patch.setattr(vectors, "EXACT_LIMIT", exact)
    patch.setattr(vectors, "_CLEAR", clear)
    patch.setattr(vectors, "_SHARE_WORTH", 1)
    patch.setattr(vectors, "CANDIDATES", candidates)
    patch.setattr(vectors, "CANDIDATES_PER_RESULT", per_result)


def by_signs(ids: list[int], rows: Matrix, query: Matrix, most: int) -> list[int]:
    distances = ((rows > 0) != (query > 0)).sum(axis=1).tolist()
    return [one for _, one in sorted(zip(distances, ids))[:most]]


@pytest.mark.parametrize("dim", [8, 20, 24])
@pytest.mark.parametrize("k", [1, 5, 12])
def test_of_many_vectors_the_signs_choose_and_the_cosine_orders(sqlite_shelf_of, monkeypatch, dim, k):
    small_limits(monkeypatch, 50, 20, 3)
    shelf = sqlite_shelf_of(120, dim)
    rows, query = random_rows(120, dim), random_rows(1, dim, seed=7)[0]
    shelf.fill(rows)
    candidates = by_signs(shelf.ids, rows, query, max(20, 3 * k))
    expected = [pair for pair in by_cosine(shelf.ids, rows, query) if pair[0] in candidates]
    assert_same(shelf.index.search(query, k), expected[:k])


def test_signs_choose_only_among_the_given_ids(sqlite_shelf_of, monkeypatch):
    small_limits(monkeypatch, 30, 10, 2)
    shelf = sqlite_shelf_of(120)
    rows, query = random_rows(120), random_rows(1, seed=7)[0]
    shelf.fill(rows)
    allowed = shelf.ids[1::3]
    candidates = by_signs(allowed, rows[1::3], query, 10)
    expected = [pair for pair in by_cosine(shelf.ids, rows, query) if pair[0] in candidates]
    assert_same(shelf.index.search(query, 4, allowed), expected[:4])


def test_few_given_ids_are_compared_exactly_even_of_many_vectors(sqlite_shelf_of, monkeypatch):
    small_limits(monkeypatch, 30, 1, 1)
    shelf = sqlite_shelf_of(120)
    rows, query = random_rows(120), random_rows(1, seed=7)[0]
    shelf.fill(rows)
    expected = [pair for pair in by_cosine(shelf.ids, rows, query) if pair[0] in shelf.ids[:30]]
    assert_same(shelf.index.search(query, 5, shelf.ids[:30]), expected[:5])


def test_up_to_the_limit_every_vector_is_compared_and_above_it_the_signs_choose(sqlite_shelf_of, monkeypatch):
    small_limits(monkeypatch, 2, 1, 1)
    shelf = sqlite_shelf_of(3, 8)
    query, near, same_signs, far = unit_rows(
        np.array(
            [
                [1, 0.01, 0.01, 0.01, 0.01, 0.01, 0.01, 0.01],
                [1, -0.01, 0.01, 0.01, 0.01, 0.01, 0.01, 0.01],
                [1, 1, 1, 1, 1, 1, 1, 1],
                [-1, -1, -1, -1, -1, -1, -1, -1],
            ]
        )
    )
    shelf.fill(np.stack([near, same_signs]))
    assert shelf.index.search(query, 1)[0][0] == shelf.ids[0]
    shelf.add(shelf.ids[2], far)
    assert shelf.index.search(query, 1)[0][0] == shelf.ids[1]


def test_a_zero_has_the_sign_of_a_negative_number(sqlite_shelf_of, monkeypatch):
    small_limits(monkeypatch, 1, 1, 1)
    shelf = sqlite_shelf_of(2, 8)
    query = unit_rows(np.array([[1, -1, -1, -1, -1, -1, -1, -1]]))[0]
    with_zeros, other = unit_rows(np.array([[1, 0, 0, 0, 0, 0, 0, 0], [1, 1, -1, -1, -1, -1, -1, -1]]))
    shelf.fill(np.stack([with_zeros, other]))
    assert shelf.index.search(query, 1)[0][0] == shelf.ids[0]


def test_with_every_vector_a_candidate_two_stages_give_the_exact_answer(sqlite_shelf_of, monkeypatch):
    small_limits(monkeypatch, 10, 200, 1)
    shelf = sqlite_shelf_of(120)
    rows, query = random_rows(120), random_rows(1, seed=7)[0]
    shelf.fill(rows)
    assert_same(shelf.index.search(query, 20), by_cosine(shelf.ids, rows, query)[:20])


def test_replaced_and_deleted_vectors_leave_no_signs_behind(sqlite_shelf_of, monkeypatch):
    small_limits(monkeypatch, 10, 1, 1)
    shelf = sqlite_shelf_of(30)
    rows = random_rows(30)
    shelf.fill(rows)
    shelf.add(shelf.ids[4], rows[5])
    shelf.delete(shelf.ids[5])
    assert shelf.index.search(rows[5], 1) == [(shelf.ids[4], pytest.approx(1.0, abs=1e-6))]
    assert shelf.index.search(rows[4], 1)[0][0] != shelf.ids[4]


@pytest.mark.parametrize(
    "damage",
    [
        "DELETE FROM {signs}",
        "DELETE FROM {signs} WHERE block % 2",
        "UPDATE {signs} SET bits = zeroblob(3)",
        "UPDATE {signs} SET bits = zeroblob(length(bits))",
        "UPDATE {signs} SET centre = 7",
        "DELETE FROM signing",
        "UPDATE signing SET held = 1000",
    ],
)
def test_damaged_signs_are_made_anew(sqlite_shelf_of, monkeypatch, damage):
    monkeypatch.setattr(sign_blocks, "_PAGE_ROOM", 100)
    small_limits(monkeypatch, 20, 10, 2)
    shelf = sqlite_shelf_of(90)
    rows, query = random_rows(90), random_rows(1, seed=7)[0]
    shelf.fill(rows)
    before, signs = shelf.index.search(query, 5), shelf.table("signs")
    shelf.db.run(damage.format(signs=f"signs_{shelf.space.id}"))
    shelf.rebuild()
    assert shelf.table("signs") == signs
    assert shelf.index.search(query, 5) == before


def test_rebuilding_works_across_blocks(sqlite_shelf_of, monkeypatch):
    monkeypatch.setattr(sign_blocks, "_PAGE_ROOM", 100)
    monkeypatch.setattr(vectors, "BLOCKS_A_PART", 2)
    shelf = sqlite_shelf_of(50)
    rows, query = random_rows(50), random_rows(1, seed=7)[0]
    shelf.fill(rows)
    shelf.db.run(f"DELETE FROM signs_{shelf.space.id}")
    shelf.rebuild()
    assert len(shelf.index) == 50
    assert_same(shelf.index.search(query, 50), by_cosine(shelf.ids, rows, query))


def test_rebuilding_an_empty_index_is_fine(shelf):
    shelf.rebuild()
    assert len(shelf.index) == 0


DAMAGE = {
    "short": b"\0" * 8,
    "empty": b"",
    "odd": b"\1" * (4 * DIM - 1),
    "other dimension": random_rows(1, 2 * DIM)[0].tobytes(),
    "zero": bytes(4 * DIM),
    "NaN": np.full(DIM, np.nan, dtype=np.float32).tobytes(),
    "long": (random_rows(1)[0] * 3).tobytes(),
}


@pytest.mark.parametrize("damage", DAMAGE.values(), ids=DAMAGE)
def test_a_damaged_vector_is_removed_by_a_rebuild_and_waits_to_be_embedded(sqlite_shelf, damage):
    rows = random_rows(60)
    sqlite_shelf.fill(rows)
    sqlite_shelf.db.run(
        f"UPDATE vectors_{sqlite_shelf.space.id} SET vector = ? WHERE passage_id = ?", (damage, sqlite_shelf.ids[8])
    )
    sqlite_shelf.rebuild()
    assert sqlite_shelf.index.get(sqlite_shelf.ids[8]) is None
    assert len(sqlite_shelf.index) == 59
    pending = sqlite_shelf.store.passages.pending(sqlite_shelf.space, 99)
    assert [item.passage_id for item in pending] == [sqlite_shelf.ids[8]]
    expected = [pair for pair in by_cosine(sqlite_shelf.ids, rows, rows[8]) if pair[0] != sqlite_shelf.ids[8]]
    assert_same(sqlite_shelf.index.search(rows[8], 10), expected[:10])


@pytest.mark.parametrize(
    "damage", [DAMAGE["short"], DAMAGE["odd"], DAMAGE["other dimension"]], ids=["short", "odd", "other dimension"]
)
def test_a_search_over_a_damaged_vector_answers_or_ends_in_a_clear_error(sqlite_shelf, damage):
    rows = random_rows(10)
    sqlite_shelf.fill(rows)
    sqlite_shelf.db.run(
        f"UPDATE vectors_{sqlite_shelf.space.id} SET vector = ? WHERE passage_id = ?", (damage, sqlite_shelf.ids[8])
    )
    found, hint = [], ""
    try:
        found = sqlite_shelf.index.search(rows[0], 3)
    except RekallError as error:
        hint = error.hint
    assert "rebuild" in hint or found[0] == (sqlite_shelf.ids[0], pytest.approx(1.0, abs=1e-5))


@pytest.mark.parametrize("name", ["short", "empty", "odd", "other dimension"])
def test_of_many_vectors_one_that_is_not_whole_is_left_out(sqlite_shelf, name):
    rows = random_rows(10)
    sqlite_shelf.fill(rows)
    sqlite_shelf.db.run(
        f"UPDATE vectors_{sqlite_shelf.space.id} SET vector = ? WHERE passage_id = ?",
        (DAMAGE[name], sqlite_shelf.ids[8]),
    )
    assert sqlite_shelf.index.get_many(sqlite_shelf.ids[7:10]) == {
        sqlite_shelf.ids[7]: rows[7].tobytes(),
        sqlite_shelf.ids[9]: rows[9].tobytes(),
    }


def test_two_spaces_keep_their_vectors_apart(shelf):
    shelf.fill(random_rows(4))
    with shelf.store.transaction():
        other = shelf.store.vectors.index(shelf.store.vectors.make_space("other", "model", 8, NOW))
        other.add(shelf.ids[0], random_rows(1, 8)[0])
    assert type(other) is type(shelf.index)
    assert len(shelf.index) == 4
    assert len(other) == 1
    with shelf.store.transaction():
        other.clear()
    assert len(shelf.index) == 4


@settings(deadline=None, max_examples=tries(60))
@example(seed=78, dim=384, count=6, k=6, among=None, exact=0, candidates=1)  # one cosine differs by 1.01e-6
@given(
    seed=st.integers(0, 2**32 - 1),
    dim=st.sampled_from([8, 20, 64, 384]),
    count=st.integers(0, 90),
    k=st.integers(1, 100),
    among=st.none() | st.sets(st.integers(0, 99), max_size=60),
    exact=st.integers(0, 90),
    candidates=st.integers(1, 50),
)
def test_both_backends_agree_on_random_data(seed, dim, count, k, among, exact, candidates):
    rows, query = random_rows(count, dim, seed), random_rows(1, dim, seed + 1)[0]
    shelves = [make_shelf(name, count, dim) for name in IN_SQLITE]
    with pytest.MonkeyPatch.context() as patch:
        small_limits(patch, exact, candidates, 1)
        for one in shelves:
            one.fill(rows)
        chosen = None if among is None else [place + 1 for place in among]
        first, second = (one.index.search(query, k, chosen) for one in shelves)
    assert_same_but_for_ties(first, second)
    assert shelves[0].table("signs") == shelves[1].table("signs")
    for one in shelves:
        one.store.close()


ROUNDING = 1e-5
"""How far apart two backends may see one cosine: sqlite-vec adds squared differences in float32, some 1e-6 at 384 dimensions."""


def assert_same_but_for_ties(found: list[tuple[int, float]], expected: list[tuple[int, float]]) -> None:
    """The same, but that what is as near as rounding goes may stand in another order, and the last may be another one."""
    assert [cosine for _, cosine in found] == pytest.approx([cosine for _, cosine in expected], abs=ROUNDING)
    cosines = dict(expected)
    assert all(cosine == pytest.approx(cosines[one], abs=ROUNDING) for one, cosine in found if one in cosines)
    nearest = [
        {one for one, cosine in each if cosine > each[-1][1] + 2 * ROUNDING} for each in (found, expected) if each
    ]
    assert all(one in dict(other) for ids, other in zip(nearest, (expected, found)) for one in ids)


def without_sqlite_vec(monkeypatch: pytest.MonkeyPatch, instead: importlib.machinery.ModuleSpec | None) -> None:
    find = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name, package=None: instead if name == "sqlite_vec" else find(name, package)
    )


@pytest.fixture
def db() -> Iterator[Database]:
    made = Database(None)
    yield made
    made.close()


def test_numpy_serves_and_says_why_when_the_extension_is_not_installed(db, monkeypatch):
    without_sqlite_vec(monkeypatch, None)
    chosen = choose_backend(db, "auto")
    assert chosen.name == "numpy"
    assert "not installed" in chosen.reason


def test_asking_for_a_missing_extension_by_name_fails_with_the_way_out(db, monkeypatch):
    without_sqlite_vec(monkeypatch, None)
    with pytest.raises(StorageError) as raised:
        choose_backend(db, "sqlite-vec")
    assert "not installed" in raised.value.message
    assert "rekall config set performance.vector_index_backend auto" in raised.value.hint


def broken_package(folder: Path) -> importlib.machinery.ModuleSpec:
    for suffix in (".so", ".dll", ".dylib"):
        (folder / f"vec0{suffix}").write_bytes(b"this is no library")
    spec = importlib.machinery.ModuleSpec("sqlite_vec", None, is_package=True)
    spec.submodule_search_locations = [str(folder)]
    return spec


def test_numpy_serves_and_says_why_when_the_extension_is_broken(db, monkeypatch, tmp_path):
    without_sqlite_vec(monkeypatch, broken_package(tmp_path))
    chosen = choose_backend(db, "auto")
    assert chosen.name == "numpy"
    assert "cannot be loaded" in chosen.reason
    assert db.value("SELECT 1") == 1


def test_asking_for_a_broken_extension_by_name_fails(db, monkeypatch, tmp_path):
    without_sqlite_vec(monkeypatch, broken_package(tmp_path))
    with pytest.raises(StorageError, match="cannot be loaded"):
        choose_backend(db, "sqlite-vec")


def test_numpy_serves_where_no_extension_may_be_loaded(db, monkeypatch):
    def refuse(self: Database, path: str) -> None:
        raise StorageError("extensions are switched off")

    monkeypatch.setattr(Database, "load_extension", refuse)
    chosen = choose_backend(db, "auto")
    assert chosen.name == "numpy"
    assert "extensions are switched off" in chosen.reason


def test_a_library_that_loads_but_lacks_the_functions_is_not_trusted(db, monkeypatch):
    monkeypatch.setattr(Database, "load_extension", lambda self, path: None)
    assert choose_backend(db, "auto").name == "numpy"


def test_numpy_by_name_says_that_it_was_asked_for(db):
    chosen = choose_backend(db, "numpy")
    assert chosen.name == "numpy"
    assert "vector_index_backend" in chosen.reason


@pytest.mark.skipif(find_spec("sqlite_vec") is None, reason="there is no sqlite-vec for this system")
def test_auto_takes_sqlite_vec_where_it_loads(db):
    assert choose_backend(db, "auto") == Backend("sqlite-vec", "")


@pytest.mark.skipif(find_spec("sqlite_vec") is None, reason="there is no sqlite-vec for this system")
def test_sqlite_vec_searches_without_numpy():
    program = """
import array, sys
from datetime import datetime, timezone
from rekall.store.sqlite import SqliteStore
store = SqliteStore(None, "sqlite-vec")
space = store.vectors.make_space("f", "m", 8, datetime(2026, 1, 1, tzinfo=timezone.utc))
index = store.vectors.index(space)
index.search(array.array("f", [1, 0, 0, 0, 0, 0, 0, 0]).tobytes(), 5)
print("numpy" in sys.modules)
"""
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=120)
    assert ended.stdout.strip() == "False"


# pairs


def cosines_by_force(ids: list[int], rows: Matrix) -> dict[tuple[int, int], float]:
    matrix = rows.astype(np.float64) @ rows.astype(np.float64).T
    return {
        (min(ids[one], ids[other]), max(ids[one], ids[other])): float(matrix[one, other])
        for one in range(len(ids))
        for other in range(one)
    }


def pairs_of(shelf: Shelf, ids: list[int]) -> dict[tuple[int, int], float]:
    found = shelf.index.pairs(ids)
    assert len({(one, other) for one, other, _ in found}) == len(found)
    return {(one, other): cosine for one, other, cosine in found}


def test_pairs_are_each_two_with_their_cosine_the_smaller_id_first(shelf):
    rows = random_rows(50)
    shelf.fill(rows)
    found = pairs_of(shelf, list(reversed(shelf.ids[:50])))
    assert len(found) == 50 * 49 // 2 == 1225
    assert all(one < other for one, other in found)
    assert found == pytest.approx(cosines_by_force(shelf.ids[:50], rows), abs=1e-6)


def test_pairs_of_equal_and_opposite_vectors(shelf):
    row = random_rows(1)[0]
    shelf.fill(np.stack([row, row, -row]))
    one, other, opposite = shelf.ids[:3]
    expected = {(one, other): 1.0, (one, opposite): -1.0, (other, opposite): -1.0}
    assert pairs_of(shelf, shelf.ids[:3]) == pytest.approx(expected, abs=1e-6)


def test_of_no_vector_and_of_one_there_are_no_pairs(shelf):
    shelf.fill(random_rows(3))
    assert shelf.index.pairs([]) == shelf.index.pairs([shelf.ids[1]]) == shelf.index.pairs([shelf.ids[1]] * 3) == []
    assert shelf.index.pairs([10**6, 10**6 + 1]) == []


def test_what_has_no_vector_is_in_no_pair(shelf):
    rows = random_rows(6)
    shelf.fill(rows)
    shelf.delete(shelf.ids[2])
    asked = [shelf.ids[0], shelf.ids[2], shelf.ids[4], shelf.ids[30], 10**6, shelf.ids[4]]
    assert pairs_of(shelf, asked) == pytest.approx({(shelf.ids[0], shelf.ids[4]): float(rows[0] @ rows[4])}, abs=1e-6)


@pytest.mark.parametrize("name", ["short", "empty", "odd", "other dimension"])
def test_a_vector_that_is_not_whole_is_in_no_pair(sqlite_shelf, name):
    rows = random_rows(10)
    sqlite_shelf.fill(rows)
    sqlite_shelf.db.run(
        f"UPDATE vectors_{sqlite_shelf.space.id} SET vector = ? WHERE passage_id = ?",
        (DAMAGE[name], sqlite_shelf.ids[8]),
    )
    assert pairs_of(sqlite_shelf, sqlite_shelf.ids[7:10]) == pytest.approx(
        {(sqlite_shelf.ids[7], sqlite_shelf.ids[9]): float(rows[7] @ rows[9])}, abs=1e-6
    )


@settings(deadline=None, max_examples=tries(40))
@given(
    seed=st.integers(0, 2**32 - 1),
    dim=st.sampled_from([8, 20, 384]),
    count=st.integers(0, 40),
    among=st.sets(st.integers(0, 60), max_size=40),
    shared=st.sampled_from([0.0, 3.0]),
)
def test_both_backends_agree_on_the_pairs_of_random_data(seed, dim, count, among, shared):
    """Also where all vectors share a direction, as those of some models do."""
    rows = unit_rows(np.random.default_rng(seed).standard_normal((count, dim)) + shared)
    shelves = [make_shelf(name, 60, dim) for name in IN_SQLITE]
    for one in shelves:
        one.fill(rows)
    first, second = (pairs_of(one, [place + 1 for place in among]) for one in shelves)
    assert first == pytest.approx(second, abs=1e-6)
    for one in shelves:
        one.store.close()


# what every vector must be


@pytest.mark.parametrize("length", [0.9985, 0.9995, 1.0, 1.0005, 1.0015])
def test_a_vector_may_be_a_thousandth_longer_or_shorter_than_one(length):
    row = random_rows(1)[0] * np.float32(length)
    assert is_unit(row.tobytes()) is (abs(length - 1) < 0.001)


def test_the_bytes_of_a_vector_are_its_own():
    row = random_rows(1)[0]
    assert vector_bytes(row, DIM) == vector_bytes(row.tobytes(), DIM) == row.tobytes()
    with pytest.raises(EngineError) as raised:
        vector_bytes(np.stack([row, row], axis=1)[:, 0], DIM)  # every other number of an array
    assert raised.value.hint


# neighbours


def brute_neighbours(
    rows: Matrix, ids: list[int], asked: list[int], among: list[int], least: float, most: int
) -> dict[tuple[int, int], float]:
    """The same by definition: of each asked one the nearest, equal ones by their ids."""
    place = {number: at for at, number in enumerate(ids)}
    found: dict[tuple[int, int], float] = {}
    for one in asked:
        near = [(float(rows[place[one]] @ rows[place[other]]), other) for other in among if other != one]
        near = sorted((each for each in near if each[0] >= least), key=lambda each: (-each[0], each[1]))
        found |= {(min(one, other), max(one, other)): cosine for cosine, other in near[:most]}
    return found


@pytest.mark.parametrize("asked_share", [1.0, 0.3])
@pytest.mark.parametrize("most", [1, 3, 60])
def test_neighbours_are_the_nearest_of_each(shelf, monkeypatch, asked_share, most):
    """In chunks and blocks much smaller than the shelf, so that the nearest come from several."""
    monkeypatch.setattr(neighbours, "CHUNK_BYTES", 4 * DIM * 7)
    monkeypatch.setattr(vectors, "_BLOCK_ROWS", 11)
    rows = random_rows(60)
    shelf.fill(rows)
    asked = shelf.ids[: int(60 * asked_share)]
    for among in (None, shelf.ids[20:]):
        found = shelf.index.neighbours([*asked, asked[0], 10**9], among, 0.15, most)
        expected = brute_neighbours(rows, shelf.ids, asked, shelf.ids if among is None else among, 0.15, most)
        assert {(one, other) for one, other, _ in found} == set(expected)
        assert len(found) == len(expected)
        assert [cosine for *_, cosine in found] == sorted((cosine for *_, cosine in found), reverse=True)
        for one, other, cosine in found:
            assert cosine == pytest.approx(expected[one, other], abs=1e-5)


def test_of_many_equal_vectors_each_has_few_neighbours(shelf):
    shelf.fill(np.repeat(random_rows(1), 60, axis=0))
    found = shelf.index.neighbours(shelf.ids, None, 0.9, 4)
    assert 60 <= len(found) <= 240
    assert all(cosine == pytest.approx(1.0, abs=1e-5) for *_, cosine in found)


def test_an_empty_index_has_no_neighbours(shelf):
    assert shelf.index.neighbours(shelf.ids, None, -1.0, 4) == []
    assert shelf.index.neighbours([], None, -1.0, 4) == []


def test_a_damaged_vector_is_nobodys_neighbour(sqlite_shelf):
    rows = random_rows(60)
    sqlite_shelf.fill(rows)
    nan, long, short = sqlite_shelf.ids[3], sqlite_shelf.ids[4], sqlite_shelf.ids[5]
    table = f"vectors_{sqlite_shelf.space.id}"
    for number, data in (
        (nan, np.full(DIM, np.nan, dtype=np.float32).tobytes()),
        (long, (rows[4] * 1e20).astype(np.float32).tobytes()),
        (short, b"abc"),
    ):
        sqlite_shelf.db.run(f"UPDATE {table} SET vector = ? WHERE passage_id = ?", (data, number))
    found = sqlite_shelf.index.neighbours(sqlite_shelf.ids, None, -1.0, 100)
    assert not {nan, long, short} & {number for one, other, _ in found for number in (one, other)}
    assert len(found) == 57 * 56 // 2
