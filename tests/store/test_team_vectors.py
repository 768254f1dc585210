"""The nearest vectors on a server, where an index chooses candidates."""

import contextlib
import os
from collections.abc import Iterator
from datetime import datetime, timezone

import numpy as np
import pytest
from support import servers

from rekall.entry.fields import Entry
from rekall.entry.filters import Filters
from rekall.entry.passages import Passage
from rekall.entry.types import EntryType
from rekall.errors import StorageError
from rekall.models.vectors import Matrix, unit_rows
from rekall.store.contract import Store
from rekall.store.values import EVERYTHING, Selection, Space

NOW = datetime(2026, 1, 1, tzinfo=timezone.utc)
DIM, COUNT = 16, 600


@pytest.fixture
def store() -> Iterator[Store]:
    servers.server()
    from rekall.store.postgres import open_store

    with servers.empty_base() as conninfo, contextlib.closing(open_store(conninfo)) as made:
        yield made


@pytest.fixture
def rows() -> Matrix:
    return unit_rows(np.random.default_rng(3).standard_normal((COUNT, DIM)))


@pytest.fixture
def space(store: Store, rows: Matrix, monkeypatch: pytest.MonkeyPatch) -> Space:
    """A space of many vectors, one an entry, every other entry of project p; with the index that `rebuild` makes."""
    from rekall.store.postgres import vectors

    monkeypatch.setattr(vectors, "EXACT", 100)
    monkeypatch.setattr(vectors, "FEW", 50)
    with store.transaction():
        entries = [
            Entry(
                EntryType.TIL,
                "t",
                project="p" if number % 2 else None,
                id=f"01{number:024}",
                created_at=NOW,
                updated_at=NOW,
            )
            for number in range(COUNT)
        ]
        keys = store.entries.insert_many(entries)
        ids = store.passages.put_many([(key, [Passage(0, str(key), key.to_bytes(16, "big"))]) for key in keys])
        made = store.vectors.make_space("print", "model", DIM, NOW)
        store.vectors.index(made).add_many(zip((one for (one,) in ids), rows))
        store.vectors.index(made).rebuild()
    return made


def used_index(store: Store, space: Space) -> list[str]:
    """The statements of a search, as the server plans them."""
    asked: list[tuple[str, tuple]] = []
    rows = store.db.rows  # type: ignore[attr-defined]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(store.db, "rows", lambda sql, bindings=(): asked.append((sql, bindings)) or rows(sql, bindings))  # type: ignore[attr-defined]
        store.vectors.nearest(space, rows_of(store, space)[0], 5, EVERYTHING)
    return [line for sql, bindings in asked if "embedding" in sql for (line,) in rows(f"EXPLAIN {sql}", bindings)]


def rows_of(store: Store, space: Space) -> Matrix:
    held = store.vectors.index(space).get_many(store.passages.ids(EVERYTHING))
    return np.stack([np.frombuffer(held[one], dtype=np.float32) for one in sorted(held)])


def nearest(store: Store, space: Space, query: Matrix, k: int, selection: Selection = EVERYTHING) -> list[int]:
    return [passage.id for passage, _ in store.vectors.nearest(space, query, k, selection)]


def by_force(store: Store, space: Space, query: Matrix, k: int, selection: Selection = EVERYTHING) -> list[int]:
    ids, matrix = sorted(store.passages.ids(EVERYTHING)), rows_of(store, space)
    chosen = set(store.passages.ids(selection))
    order = sorted(range(len(ids)), key=lambda at: (-float(matrix[at] @ query), ids[at]))
    return [ids[at] for at in order if ids[at] in chosen][:k]


def test_many_vectors_have_an_index_and_few_have_none(store, space, monkeypatch):
    from rekall.store.postgres import vectors

    def has_index(one: Space) -> bool:
        return store.db.value("SELECT to_regclass(%s)", (f"embedding_hnsw_{one.id}",)) is not None

    assert has_index(space)
    assert not store.vectors.index(space).wants_rebuild()
    assert store.db.value(
        "SELECT count(*) FROM pg_stats WHERE schemaname = %s AND tablename = 'embedding'", (store.db.schema,)
    )
    with store.transaction():
        store.vectors.index(space).rebuild()
        few = store.vectors.make_space("few", "model", DIM, NOW)
        store.vectors.index(few).rebuild()
        long = store.vectors.make_space("long", "model", vectors.MOST_INDEXED_DIM + 1, NOW)
        assert not store.vectors.index(few).wants_rebuild()
        monkeypatch.setattr(vectors, "EXACT", -1)
        assert [store.vectors.index(one).wants_rebuild() for one in (space, few, long)] == [False, True, False]
        store.vectors.index(long).rebuild()
    assert [has_index(one) for one in (space, few, long)] == [True, False, False]


def test_the_index_of_a_dropped_space_is_swept_away_and_no_other(store, space):
    with store.transaction():
        other = store.vectors.make_space("other", "model", DIM, NOW)
        ids = sorted(store.passages.ids(EVERYTHING))
        store.vectors.index(other).add_many(zip(ids, rows_of(store, space)))
        store.vectors.index(other).rebuild()
        store.vectors.drop(other)
    with store.transaction():
        store.vectors.sweep()
    left = store.db.rows(
        "SELECT indexname FROM pg_indexes WHERE schemaname = %s AND indexdef LIKE %s", (store.db.schema, "%hnsw%")
    )
    assert left == [(f"embedding_hnsw_{space.id}",)]


def test_who_owns_a_base_sweeps_by_compacting_it(store, space):
    with store.transaction():
        store.vectors.drop(space)
    assert store.compact()
    assert store.db.value("SELECT to_regclass(%s)", (f"embedding_hnsw_{space.id}",)) is None


@pytest.mark.parametrize("exact", [100, COUNT])
def test_what_is_asked_for_is_read_once_where_the_server_keeps_a_plan(store, space, monkeypatch, exact):
    """Read anew for each candidate it took most of the time."""
    from rekall.store.postgres import vectors

    monkeypatch.setattr(vectors, "CANDIDATES", 100)
    asked: list[tuple[str, tuple]] = []
    rows = store.db.rows
    query = rows_of(store, space)[0]
    with monkeypatch.context() as patch:
        patch.setattr(store.db, "rows", lambda sql, bindings=(): asked.append((sql, bindings)) or rows(sql, bindings))
        store.vectors.index(space).search(query, 5, None if exact == 100 else [1, 2])
    ((sql, bindings),) = [each for each in asked if "<#>" in each[0]]
    types = {str: "text", int: "bigint", list: "bigint[]"}
    for place in range(1, len(bindings) + 1):
        sql = sql.replace("%s", f"${place}", 1)
    with store.transaction():
        store.db.run(f"PREPARE asked ({', '.join(types[type(each)] for each in bindings)}) AS {sql}")
        store.db.rows("SELECT set_config('plan_cache_mode', 'force_generic_plan', true)")
        given = ", ".join("'{1,2}'" if isinstance(each, list) else f"'{each}'" for each in bindings)
        plan = [line for (line,) in store.db.rows(f"EXPLAIN (VERBOSE) EXECUTE asked({given})")]
        store.db.run("DEALLOCATE asked")
    assert any("<#>" in line for line in plan)
    assert not [line for line in plan if "<#>" in line and "$" in line]


@pytest.mark.parametrize("k", [1, 10, 100, COUNT, 2000])
def test_the_nearest_by_the_index_are_the_nearest(store, space, k):
    """Of as many candidates as there are vectors nothing is missed; where more are asked for, all are compared."""
    query = unit_rows(np.random.default_rng(4).standard_normal((1, DIM)))[0]
    found, expected = nearest(store, space, query, k), by_force(store, space, query, k)
    assert len(found) == len(expected)
    assert len(set(found) & set(expected)) >= 0.98 * len(expected)


@pytest.mark.parametrize("few", [50, 1000])
def test_a_selection_holds_before_the_nearest_are_cut(store, space, monkeypatch, few):
    from rekall.store.postgres import vectors

    monkeypatch.setattr(vectors, "FEW", few)
    query = unit_rows(np.random.default_rng(5).standard_normal((1, DIM)))[0]
    for k in (1, 40, COUNT):
        selection = Selection(Filters(project="p"))
        found, expected = nearest(store, space, query, k, selection), by_force(store, space, query, k, selection)
        assert len(found) == len(expected) == min(k, COUNT // 2)
        assert len(set(found) & set(expected)) >= 0.98 * len(expected)


def test_what_is_removed_is_not_found_by_the_index(store, space, rows):
    ids = sorted(store.passages.ids(EVERYTHING))
    with store.transaction():
        store.vectors.index(space).delete(ids[7])
    assert ids[7] not in nearest(store, space, rows[7], 100)
    with store.transaction():
        store.vectors.index(space).add(ids[7], rows[8])
    assert nearest(store, space, rows[8], 2) == ids[7:9]


def test_the_statement_goes_by_the_index(store, space):
    """The planner would rather look at so few one after the other."""
    with store.snapshot():
        store.db.rows("SELECT set_config('enable_seqscan', 'off', true), set_config('enable_sort', 'off', true)")
        assert any("hnsw" in line for line in used_index(store, space))


def test_of_more_vectors_the_index_is_asked_for_more_than_it_hands_over_at_once(store, space, monkeypatch):
    from rekall.store.postgres import vectors

    monkeypatch.setattr(vectors, "CANDIDATES", 1)
    monkeypatch.setattr(vectors, "MOST_AT_ONCE", 5)
    queries = unit_rows(np.random.default_rng(6).standard_normal((20, DIM)))
    expected = [by_force(store, space, query, 5) for query in queries]
    missed = {}
    for one_in in (COUNT, 2):
        monkeypatch.setattr(vectors, "ONE_IN", one_in)
        with store.snapshot():
            store.db.rows("SELECT set_config('enable_seqscan', 'off', true), set_config('enable_sort', 'off', true)")
            found = [nearest(store, space, query, 5) for query in queries]
        missed[one_in] = sum(len(set(best) - set(one)) for one, best in zip(found, expected))
    assert missed[2] == 0 < missed[COUNT], missed


def test_a_damaged_vector_is_removed_by_a_rebuild(store, space):
    ids = sorted(store.passages.ids(EVERYTHING))
    with store.transaction():
        store.db.run(
            "UPDATE embedding SET value = value * array_fill(2, ARRAY[16])::vector WHERE passage_id = %s", (ids[3],)
        )
        store.vectors.index(space).rebuild()
    assert sorted(store.vectors.index(space).get_many(ids)) == [one for one in ids if one != ids[3]]
    assert [each.passage_id for each in store.passages.pending(space, 9)] == [ids[3]]


def test_where_pgvector_goes_under_an_open_base_a_search_says_so():
    server = servers.server()
    from rekall.store.postgres import open_store, prepare

    name = f"without_vector_{os.getpid()}"
    server.run(f"CREATE DATABASE {name}")
    try:
        prepare(server.conninfo(name))
        with contextlib.closing(open_store(server.conninfo(name))) as store:
            with store.transaction():
                space = store.vectors.make_space("print", "model", DIM, NOW)
            server.run("DROP EXTENSION vector CASCADE", database=name)
            with pytest.raises(StorageError, match="has no pgvector"):
                store.vectors.nearest(space, np.eye(DIM, dtype=np.float32)[0], 5, EVERYTHING)
    finally:
        server.run(f"DROP DATABASE {name} WITH (FORCE)")
