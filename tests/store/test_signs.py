"""The signs of a space follow its middle: whoever writes, in steps, and searches find the same meanwhile."""

from __future__ import annotations

import contextlib
from datetime import datetime, timezone
from pathlib import Path

import numpy as np
import pytest

from rekall.db import Database
from rekall.models.vectors import Matrix, unit_rows
from rekall.store import middles, schema, sign_blocks, signs, vectors
from rekall.store.packing import pack_signs
from rekall.store.sign_blocks import Layout
from rekall.store.sqlite import SqliteStore, complete
from rekall.store.values import Space
from rekall.vector_index import VectorIndex

NOW = datetime(2026, 1, 1, tzinfo=timezone.utc)
DIM = 64
BACKENDS = ("sqlite-vec", "numpy")


def passages_for(store: SqliteStore, count: int) -> None:
    store.db.run("INSERT INTO entry VALUES (1, 'X', 'til', 'x', '', NULL, 'active', 2, '', '')")
    ids = ((number, number) for number in range(1, count + 1))
    store.db.run_many("INSERT INTO passage VALUES (?, 1, ?, x'')", ids)


def filled(backend: str, rows: Matrix, path: Path | None = None, at_once: int = 200) -> tuple[SqliteStore, VectorIndex]:
    """A base that holds these vectors, written so many at a time."""
    store = SqliteStore(path, backend)
    with store.transaction():
        passages_for(store, 2 * len(rows))
        space = store.vectors.make_space("print", "model", rows.shape[1], NOW)
    index = store.vectors.index(space)
    for start in range(0, len(rows), at_once):
        with store.transaction():
            index.add_many(enumerate(rows[start : start + at_once], start + 1))
    return store, index


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Middles are looked for early, and blocks are small."""
    monkeypatch.setattr(signs, "FIRST_LOOK", 300)
    monkeypatch.setattr(signs, "_BLOCKS_A_WRITE", 100)
    monkeypatch.setattr(sign_blocks, "_PAGE_ROOM", 9 * 16)
    monkeypatch.setattr(vectors, "EXACT_LIMIT", 300)
    monkeypatch.setattr(vectors, "CANDIDATES", 100)


def clustered(count: int, seed: int = 1) -> Matrix:
    random = np.random.default_rng(seed)
    centres = unit_rows(random.standard_normal((60, DIM)))
    noise = 0.7 * random.standard_normal((count, DIM)) / np.sqrt(DIM)
    return unit_rows(centres[random.integers(0, 60, count)] + noise)


def side(seed: int = 2) -> Matrix:
    return unit_rows(np.random.default_rng(seed).standard_normal((1, DIM)))


def one_sided(count: int) -> Matrix:
    return unit_rows(clustered(count) + 2.5 * side())


SPACES = {
    "centred": clustered,
    "one-sided": one_sided,
    "rectified": lambda count: unit_rows(np.maximum(clustered(count) * np.sqrt(DIM) + 1.0, 0.0)),
    "rectified, sparse": lambda count: unit_rows(np.maximum(clustered(count) * np.sqrt(DIM) - 1.0, 0.0) + 1e-6),
    "sigmoid": lambda count: unit_rows(1.0 / (1.0 + np.exp(-np.sqrt(DIM) * clustered(count)))),
    "near duplicates": lambda count: unit_rows(np.repeat(clustered(count // 10), 10, axis=0) + 1e-4 * clustered(count)),
    "drifting": lambda count: unit_rows(
        clustered(count) + 2.0 * np.where(np.arange(count)[:, None] < count // 2, side(2), side(3))
    ),
    "decaying": lambda count: unit_rows(clustered(count) * (np.arange(DIM) + 1.0) ** -0.5),
    "crowded": lambda count: unit_rows(side(5) + 0.02 * clustered(count)),
    "scattered": lambda count: unit_rows(np.random.default_rng(6).standard_normal((count, DIM))),
    "few dimensions": lambda count: unit_rows(clustered(count)[:, :12]),
}
"""Kinds of spaces; benchmarks/index.py measures them larger."""

BY_SIGNS_ALONE = {"centred", "one-sided", "rectified", "sigmoid", "near duplicates"}


def recall(found: list[tuple[int, float]], rows: Matrix, query: Matrix) -> float:
    cosines = rows @ query
    last = np.sort(cosines)[-10]
    return min(10, sum(bool(cosines[number - 1] >= last - 1e-6) for number, _ in found[:10])) / 10


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("kind", SPACES)
def test_nine_and_a_half_of_the_nearest_ten_are_found_whatever_the_model(backend, kind):
    rows = SPACES[kind](2_000)
    store, index = filled(backend, rows)
    shares = [recall(index.search(query, 10), rows, query) for query in rows[::80]]
    assert np.mean(shares) >= 0.97
    store.close()


@pytest.mark.parametrize("kind", sorted(BY_SIGNS_ALONE))
def test_of_most_models_a_twentieth_chosen_by_signs_is_enough(monkeypatch, kind):
    monkeypatch.setattr(vectors, "_CLEAR", 1)  # nobody looks whether they chose well
    rows = SPACES[kind](2_000)
    store, index = filled("numpy", rows)
    shares = [recall(index.search(query, 10), rows, query) for query in rows[::40]]
    assert np.mean(shares) >= 0.95
    store.close()


def centres_of(store: SqliteStore) -> set[int]:
    return {row[0] for row in store.db.rows("SELECT DISTINCT centre FROM signs_1")}


def judged(store: SqliteStore, backend: str) -> signs.Judged:
    return signs.Signs(store.db, 1, DIM, by_sql=backend == "sqlite-vec").judged()


@pytest.mark.parametrize("backend", BACKENDS)
def test_signs_of_two_middles_are_asked_apart_until_all_are_brought_over(backend, monkeypatch):
    monkeypatch.setattr(signs, "_BLOCKS_A_WRITE", 1)
    rows = one_sided(1_200)
    store, index = filled(backend, rows[:1_000], at_once=250)
    assert len(centres_of(store)) > 1
    fewest = 1.0
    steps = 0
    while len(centres_of(store)) > 1:
        shares = [recall(index.search(query, 10), rows[:1_000], query) for query in rows[::50]]
        fewest = min(fewest, float(np.mean(shares)))
        assert judged(store, backend) == signs.Judged(1_000, 0, 0, 0, True)
        with store.transaction():
            index.add(1, rows[0])
        steps += 1
    assert fewest >= 0.97
    assert steps > 20
    with store.transaction():
        index.add(1, rows[0])
    (left,) = store.db.rows("SELECT number FROM centre")
    assert centres_of(store) == {left[0]}
    assert store.db.rows("SELECT next_block FROM signing") == [(None,)]
    store.close()


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_rebuild_takes_all_signs_from_where_the_middle_is_now(backend, monkeypatch):
    monkeypatch.setattr(signs, "FIRST_LOOK", 10**6)
    monkeypatch.setattr(vectors, "BLOCKS_A_PART", 3)
    rows = one_sided(600)
    store, index = filled(backend, rows)
    assert centres_of(store) == {0}
    first, parts = index.rebuild_from(0), 1
    assert centres_of(store) == {0, 1}
    while first is not None:
        assert judged(store, backend) == signs.Judged(600, 0, 0, 0, True)
        first, parts = index.rebuild_from(first), parts + 1
    assert centres_of(store) == {1}
    assert parts > 10
    assert len(index) == 600
    store.close()


def test_a_middle_that_stays_is_not_taken_again():
    rows = one_sided(1_500)
    store, index = filled("numpy", rows)
    middle = store.db.rows("SELECT * FROM centre")
    assert len(middle) == 1
    for _ in range(3):
        index.rebuild()
    assert store.db.rows("SELECT * FROM centre") == middle
    store.close()


def test_a_space_about_zero_needs_no_middle():
    store, index = filled("numpy", SPACES["scattered"](800))
    index.rebuild()
    assert store.db.rows("SELECT * FROM centre") == []
    store.close()


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize(
    "damage",
    [
        "DELETE FROM centre",
        "UPDATE centre SET mean = x'00'",
        "UPDATE centre SET mean = CAST(replace(hex(zeroblob(64)), '00', x'0000C07F') AS BLOB)",  # not a number
        "UPDATE centre SET number = 1 << 62",
        "UPDATE signs_1 SET bits = x'01'",
    ],
)
def test_where_a_middle_is_lost_its_vectors_are_compared_one_by_one(backend, damage):
    rows = one_sided(800)
    store, index = filled(backend, rows)
    assert centres_of(store) == {1}
    store.db.run(damage)
    shares = [recall(index.search(query, 10), rows, query) for query in rows[::50]]
    assert np.mean(shares) == 1.0
    assert judged(store, backend).unsigned == 800
    index.rebuild()
    assert judged(store, backend) == signs.Judged(800, 0, 0, 0, True)
    assert 0 not in centres_of(store)
    store.close()


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_damaged_block_hides_none_of_its_vectors(backend):
    rows = one_sided(800)
    store, index = filled(backend, rows)
    store.db.run("UPDATE signs_1 SET bits = substr(bits, 2) WHERE block % 3 = 0")
    for query in range(0, 800, 50):
        assert index.search(rows[query], 1)[0][0] == query + 1
        assert index.search(rows[query], 1, [*range(1, 700), query + 1])[0][0] == query + 1
    store.close()


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_sign_that_is_neither_there_nor_not_is_seen(backend):
    store, _ = filled(backend, one_sided(400))
    store.db.run("UPDATE signs_1 SET bits = CAST(substr(bits, 1, length(bits) - 1) || x'02' AS BLOB) WHERE block = 3")
    assert not judged(store, backend).is_counted
    assert judged(store, backend).unsigned == 1
    store.close()


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize(
    "damage",
    [
        "INSERT INTO signs_1 SELECT 9223372036854775807, 7, bits FROM signs_1 LIMIT 1",
        "INSERT INTO signs_1 SELECT -9223372036854775807, -7, bits FROM signs_1 LIMIT 1",
        "INSERT INTO centre SELECT 1, 9223372036854775807, mean FROM centre",
        "INSERT INTO centre SELECT 1, 0, mean FROM centre",
        "UPDATE signing SET held = 9223372036854775807, looked = 0",
        "UPDATE signing SET held = -5, looked = -5, next_block = -9223372036854775808",
        "UPDATE signing SET next_block = 9223372036854775807",
        "DELETE FROM signing",
        "INSERT INTO passage VALUES (9223372036854775807, 1, 9000, x''); "
        "INSERT INTO vectors_1 SELECT 9223372036854775807, vector FROM vectors_1 LIMIT 1",
    ],
)
def test_numbers_out_of_range_stop_nobody_and_a_rebuild_ends_them(backend, damage):
    rows = one_sided(800)
    store, index = filled(backend, rows)
    store.db.run("PRAGMA foreign_keys = off")
    store.db.run(damage)
    judged(store, backend)
    assert np.mean([recall(index.search(query, 10), rows, query) for query in rows[::80]]) >= 0.95
    with store.transaction():
        index.add(801, rows[0])
        index.delete(801)
        signs.Signs(store.db, 1, DIM, by_sql=False).take_middle()
    index.rebuild()
    found = judged(store, backend)
    assert (found.damaged, found.unsigned, found.strays, found.is_counted) == (0, 0, 0, True)
    store.close()


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_long_list_of_very_many_is_as_long_as_asked(backend, monkeypatch):
    monkeypatch.setattr(vectors, "MOST_EXACT", 400)
    monkeypatch.setattr(vectors, "MOST_CANDIDATES", 200)
    store, index = filled(backend, one_sided(600))
    assert len(index.search(one_sided(1)[0], 200)) == 200
    store.close()


def test_both_ways_to_take_and_to_compare_signs_agree(monkeypatch):
    rows = one_sided(900)
    query = rows[7].tobytes()
    store, _ = filled("sqlite-vec", rows[:700])
    monkeypatch.setattr(middles, "has_numpy", lambda: False)
    monkeypatch.setattr(signs, "has_numpy", lambda: False)
    with store.transaction():
        store.vectors.index(only_space(store)).add_many(enumerate(rows[700:], 701))
    assert judged(store, "numpy") == judged(store, "sqlite-vec") == signs.Judged(900, 0, 0, 0, True)
    for among in (None, list(range(5, 800, 3))):
        one, other = (signs.Signs(store.db, 1, DIM, by_sql=by_sql) for by_sql in (True, False))
        assert one.nearest(query, 50, among, 900) == other.nearest(query, 50, among, 900)
    store.close()


def only_space(store: SqliteStore) -> Space:
    (space,) = store.vectors.spaces()
    return space


def test_vectors_that_are_all_the_same_are_found_by_their_ids(monkeypatch):
    monkeypatch.setattr(sign_blocks, "_BLOCKS_AT_ONCE", 2)
    store, index = filled("numpy", np.repeat(one_sided(1), 900, axis=0))
    assert [number for number, _ in index.search(one_sided(1)[0], 10)] == list(range(1, 11))
    store.close()


def test_what_is_deleted_leaves_no_bit(tmp_path):
    rows = one_sided(400)
    store, index = filled("numpy", rows)
    for number in range(1, 400):
        index.delete(number)
    assert len(index) == 1
    (block,) = store.db.rows("SELECT block, bits FROM signs_1")
    layout = Layout(DIM)
    assert sum(map(bool, block[1])) <= layout.slot_bytes + 1
    index.delete(400)
    assert store.db.rows("SELECT * FROM signs_1") == []
    assert len(index) == 0
    store.close()


@pytest.fixture
def older(tmp_path: Path) -> tuple[Path, Matrix]:
    """A base of schema 7 with one-sided vectors and their signs, a row each."""
    rows = one_sided(900)
    path = tmp_path / "rekall.db"
    store, _ = filled("numpy", rows, path)
    with store.transaction():
        store.db.run("DROP TABLE signs_1; DROP TABLE centre; DROP TABLE signing")
        store.db.run(schema.space_tables(1, schema.PACKED - 1))
        bits = np.packbits(rows > 0, axis=1, bitorder="little")
        store.db.run_many("INSERT INTO signs_1 VALUES (?, ?)", ((n, row.tobytes()) for n, row in enumerate(bits, 1)))
        store.db.run("UPDATE signs_1 SET bits = x'00' WHERE passage_id = 5")
        store.db.run("DROP TABLE agreed; DROP TABLE folder; DROP TABLE review; DROP TABLE judged_pair")
        store.db.run("DROP TABLE link_version; DROP TABLE version; DROP TABLE operation")
        store.db.run("DROP INDEX entry_by_facets; DROP INDEX entry_by_creation; DROP INDEX entry_by_title")
        store.db.run("DROP INDEX entry_by_update; CREATE INDEX entry_by_update ON entry (updated_at, id)")
        store.db.run("DROP INDEX entry_by_project; PRAGMA user_version = 7")
        store.db.run("CREATE INDEX entry_by_project ON entry (project) WHERE project IS NOT NULL")
    store.close()
    return path, rows


@pytest.mark.parametrize("backend", BACKENDS)
def test_an_older_base_is_searched_at_once_and_brought_over_by_writes(older, backend):
    path, rows = older
    with contextlib.closing(SqliteStore(path, backend)) as store:
        index = store.vectors.index(only_space(store))
        assert centres_of(store) == {0}
        assert len(index) == 899  # one was damaged
        assert judged(store, backend).unsigned == 1
        assert np.mean([recall(index.search(query, 10), rows, query) for query in rows[::50]]) >= 0.95
        for number in range(20):
            with store.transaction():
                index.add(number + 1, rows[number])
        assert centres_of(store) == {1}
        assert judged(store, backend) == signs.Judged(900, 0, 0, 0, True)


def test_packing_signs_again_changes_nothing(older):
    path, _ = older
    with contextlib.closing(Database(path, migrated=complete)) as db:
        before = db.rows("SELECT * FROM signs_1")
        with db.transaction():
            pack_signs(db)
        assert db.rows("SELECT * FROM signs_1") == before


def test_two_writers_follow_one_middle(tmp_path):
    rows = one_sided(1_000)
    path = tmp_path / "rekall.db"
    store, index = filled("numpy", rows[:600], path)
    other = SqliteStore(path, "sqlite-vec")
    indexes = (index, other.vectors.index(only_space(other)))
    for start in range(600, 1_000, 10):
        one = (store, other)[start // 10 % 2]
        with one.transaction():
            indexes[start // 10 % 2].add_many(enumerate(rows[start : start + 10], start + 1))
    assert judged(store, "numpy") == signs.Judged(1_000, 0, 0, 0, True)
    assert len(index) == len(indexes[1]) == 1_000
    store.close()
    other.close()
