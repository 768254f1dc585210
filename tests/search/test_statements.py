"""How many SQL statements an answer takes, a figure that a remote store multiplies by its latency; and which read by index."""

import os
import re
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from pathlib import Path

import numpy as np
import pytest
from support import Bench, make_bench

from rekall.db import Database
from rekall.entry.fields import Draft, Entry
from rekall.entry.filters import Filters
from rekall.entry.passages import Passage
from rekall.entry.spans import Span
from rekall.entry.types import EntryType, LinkType, Status
from rekall.models.vectors import unit_rows
from rekall.search.results import Mode, SearchResult
from rekall.store import vectors
from rekall.store.sqlite import SqliteStore
from rekall.store.values import EVERYTHING, Order, Origin, Selection
from rekall.wiring import Tuning

NOW = datetime(2026, 1, 1, tzinfo=timezone.utc)
SIX = "safari cookie nginx proxy docker timeout"
MANY = " ".join(f"rare{number}" for number in range(64))


def fill(bench: Bench) -> list[str]:
    """More entries than one leg puts forward, so that each is asked for the other's; some long, some superseded."""
    words = SIX.split()
    ids = []
    for number in range(260):
        content = [f"w{(number * 7 + place * place) % 997}" for place in range(180 if number % 5 == 0 else 6)]
        content += [f"rare{(number + place) % 64}" for place in range(3)]
        said = words[number % 6] if number % 2 else f"w{number}"
        ids.append(bench.base.add(Draft(EntryType.TIL, f"{said} {number}", " ".join(content))).entry.id)
    for number in range(1, 60, 4):
        bench.base.deprecate(ids[number], ids[number + 1])
    bench.base.link(ids[0], ids[2], LinkType.RELATED, "both")
    return ids


CHANGED = "PRAGMA data_version"
"""Whether another program wrote: asked often, and answered without reading a page."""


@pytest.fixture(scope="module", params=["auto", "numpy"])
def filled(request: pytest.FixtureRequest) -> Iterator[tuple[Bench, list[str]]]:
    made = make_bench(backend=request.param, tuning=Tuning(lexical_share=0.5, cache_max_size=1000))
    yield made, fill(made)
    made.base.close()


@pytest.fixture(params=[vectors.EXACT_LIMIT, 100], ids=["exact", "two stages"])
def filled_bench(filled, request, monkeypatch) -> tuple[Bench, list[str]]:
    monkeypatch.setattr(vectors, "EXACT_LIMIT", request.param)
    bench, ids = filled
    bench.embeddings.forget()
    return bench, ids


def statements(bench: Bench, work: Callable[[], object]) -> list[str]:
    """Every statement that SQLite was given meanwhile, BEGIN and ROLLBACK among them."""
    seen: list[str] = []

    def trace(cursor: object, sql: str, bindings: object) -> bool:
        seen.append(" ".join(sql.split()))
        return True

    connection = bench.store.db._connection
    connection.exec_trace = trace
    try:
        work()
    finally:
        connection.exec_trace = None
    return seen


def assert_at_most(most: int, seen: list[str]) -> None:
    said = "\n".join(f"{number} × {sql[:110]}" for sql, number in Counter(seen).items())
    assert 0 < len(seen) <= most, f"{len(seen)} statements, at most {most} wanted:\n{said}"


def shown(bench: Bench, result: SearchResult) -> SearchResult:
    """What the shell needs to print it."""
    bench.base.short_ids([named.id for hit in result.hits for named in (hit.entry, hit.successor) if named])
    return result


@pytest.mark.parametrize("line", [SIX, f"{SIX} type:til -absent"])
def test_a_hybrid_search(filled_bench, line):
    bench, _ = filled_bench
    found: list[SearchResult] = []
    seen = statements(bench, lambda: found.append(shown(bench, bench.base.search(line, limit=10))))
    assert len(found[0].hits) == 10
    assert found[0].mode.used is Mode.HYBRID
    most = 50 if line == SIX else 58  # what is left out is counted first, at one moment
    assert_at_most(most, [statement for statement in seen if statement != CHANGED])


def test_a_search_by_words_for_many_terms(filled_bench):
    bench, _ = filled_bench
    found: list[SearchResult] = []
    work = lambda: found.append(shown(bench, bench.base.search(MANY, mode=Mode.WORDS, limit=50)))  # noqa: E731
    assert_at_most(150, statements(bench, work))
    assert len(found[0].hits) == 50


def test_entries_similar_to_one(filled_bench):
    bench, ids = filled_bench
    found: list[SearchResult] = []
    seen = statements(bench, lambda: found.append(shown(bench, bench.base.similar(ids[5]))))
    assert len(found[0].hits) == 10
    assert_at_most(25, seen)  # the spread of a space that has none yet takes three


def test_reading_one(filled_bench):
    bench, ids = filled_bench
    for entry_id in (ids[0], ids[1], ids[7]):
        # two of them say which of the linked entries no longer hold
        assert_at_most(10, statements(bench, lambda entry_id=entry_id: bench.base.get(entry_id)))


def test_listing(filled_bench):
    bench, _ = filled_bench
    assert_at_most(8, statements(bench, lambda: bench.base.list_entries(limit=50)))


@pytest.mark.parametrize("limit", [1, 10, 50])
def test_more_hits_take_no_more_statements(filled_bench, limit):
    bench, _ = filled_bench
    few = statements(bench, lambda: shown(bench, bench.base.search(SIX, limit=5)))
    bench.embeddings.forget()
    assert len(statements(bench, lambda: shown(bench, bench.base.search(SIX, limit=limit)))) <= len(few)


# by which index statements read


@dataclass(frozen=True)
class Read:
    """A statement that SQLite was given, and how it reads each of its tables."""

    sql: str
    plan: tuple[str, ...]

    @property
    def scans(self) -> list[str]:
        """Tables of ours of which it reads every row, also where it does so in an index."""
        return [step for step in self.plan if re.match(r"SCAN (?!words\b|json_each\b|j\b|vocabulary\b)", step)]


def reads(db: Database, work: Callable[[], object]) -> list[Read]:
    """The plan of every SELECT of some work, with the values it was given."""
    seen: list[tuple[str, object]] = []

    def trace(cursor: object, sql: str, bindings: object) -> bool:
        seen.append((sql, bindings))
        return True

    db._connection.exec_trace = trace
    try:
        work()
    finally:
        db._connection.exec_trace = None
    asked = [(sql, bindings) for sql, bindings in seen if sql.lstrip().startswith("SELECT")]
    return [
        Read(" ".join(sql.split()), tuple(row[3] for row in db.rows(f"EXPLAIN QUERY PLAN {sql}", bindings)))
        for sql, bindings in asked
    ]


@pytest.fixture(scope="module")
def tagged() -> Iterator[SqliteStore]:
    """Entries with tags and origins, more than SQLite would think it cheap to read through."""
    made = SqliteStore(None)
    space = made.vectors.make_space("print", "m", 8, NOW)
    with made.transaction():
        for number in range(1200):
            tags = ("all", f"n/{number % 100}", f"n/{number % 100}/{number}")
            entry = Entry(
                EntryType.BUG, f"zebra {number}", tags=tags, id=f"01{number:024d}", created_at=NOW, updated_at=NOW
            )
            key = made.entries.insert(entry)
            made.words.put(key, entry)
            (passage,) = made.passages.put(key, [Passage(0, "t", number.to_bytes(32, "big"))])
            made.vectors.index(space).add(passage, unit_rows(np.ones((1, 8)))[0])
            source = number.to_bytes(32, "big")
            made.origins.put(
                Origin(str(Path(f"/n/{number % 100}/{number}.md")), key, source, b"", None, f"id {number}")
            )
    yield made
    made.close()


ONE_TAG, TWO_TAGS = (Selection(Filters(tags=tags)) for tags in (("n/7",), ("all", "n/7")))
BY_TAG: dict[str, Callable[[SqliteStore, Selection], int]] = {
    "keys": lambda store, selection: len(store.entries.keys(selection, 20)),
    "count": lambda store, selection: store.entries.count(selection),
    "passages": lambda store, selection: len(store.passages.ids(selection)),
    "words": lambda store, selection: len(store.words.search(store.words.terms("zebra", 64), selection, 20)),
    "vectors": lambda store, selection: len(
        store.vectors.nearest(store.vectors.spaces()[0], unit_rows(np.ones((1, 8)))[0], 20, selection)
    ),
}


@pytest.mark.parametrize("selection", [ONE_TAG, TWO_TAGS], ids=["one tag", "two tags"])
@pytest.mark.parametrize("ask", BY_TAG.values(), ids=BY_TAG)
def test_a_tag_is_looked_up_in_its_index_and_no_table_read_through(tagged, ask, selection):
    found: list[int] = []
    seen = [read for read in reads(tagged.db, lambda: found.append(ask(tagged, selection))) if "'tags'" in read.sql]
    assert found == [12]
    assert seen
    for read in seen:
        assert read.scans == []
        looked_up = [step[step.index("(") :] for step in read.plan if "item_by_tag" in step]
        assert looked_up == ["(value=?)", "(value>? AND value<?)"] * len(selection.filters.tags)


CHANGED = {
    "since": Filters(since=NOW),
    "until": Filters(until=NOW - timedelta(seconds=1)),
    "since and until": Filters(since=NOW, until=NOW),
    "changed": Filters(changed=Span(NOW, NOW)),
}


@pytest.mark.parametrize("filters", CHANGED.values(), ids=CHANGED)
def test_a_time_of_change_is_looked_up_in_its_index(tagged, filters):
    (read,) = reads(tagged.db, lambda: tagged.entries.count(Selection(filters)))
    (step,) = read.plan
    assert step.startswith("SEARCH e USING COVERING INDEX entry_by_update (updated_at")


FROM_WHERE: dict[str, tuple[Callable[[SqliteStore], list[Origin]], int, list[str]]] = {
    "folder": (lambda store: list(store.origins.under(str(Path("/n/7")))), 12, ["PRIMARY KEY (path>? AND path<?)"] * 2),
    "file": (
        lambda store: list(store.origins.under(str(Path("/n/7/7.md")))),
        1,
        ["PRIMARY KEY (path>? AND path<?)"] * 2,
    ),
    "all": (lambda store: list(store.origins.under(os.sep)), 1200, ["PRIMARY KEY (path>? AND path<?)"] * 4),
    "hash": (lambda store: store.origins.like((7).to_bytes(32, "big")), 1, ["INDEX origin_by_hash (source_hash=?)"]),
    "id": (
        lambda store: store.origins.like(b"", "id 7"),
        1,
        ["INDEX origin_by_hash (source_hash=?)", "INDEX origin_by_record (record_id=?)"],
    ),
}


@pytest.mark.parametrize("where", FROM_WHERE)
def test_where_entries_came_from_is_looked_up_and_never_read_through_nor_sorted(tagged, where):
    ask, count, ways = FROM_WHERE[where]
    found: list[Origin] = []
    seen = reads(tagged.db, lambda: found.extend(ask(tagged)))
    assert len(found) == count
    assert [read.plan for read in seen] == [(f"SEARCH origin USING {way}",) for way in ways]


LISTED: dict[str, tuple[Selection, Order, str]] = {
    "changed": (EVERYTHING, Order.CHANGED, "SCAN e USING COVERING INDEX entry_by_update"),
    "created": (EVERYTHING, Order.CREATED, "SCAN e USING INDEX entry_by_creation"),
    "title": (EVERYTHING, Order.TITLE, "SCAN e USING INDEX entry_by_title"),
    "type": (EVERYTHING, Order.TYPE, "SCAN e USING COVERING INDEX entry_by_update"),
    "project": (EVERYTHING, Order.PROJECT, "SCAN e USING COVERING INDEX entry_by_update"),
    "of a type": (
        Selection(Filters(types=(EntryType.TIL,))),
        Order.CHANGED,
        "SCAN e USING COVERING INDEX entry_by_update",
    ),
    "of a project": (
        Selection(Filters(project="api", status=Status.ACTIVE)),
        Order.CHANGED,
        "SEARCH e USING COVERING INDEX entry_by_project (project=?)",
    ),
}


@pytest.mark.parametrize(("selection", "order", "step"), LISTED.values(), ids=LISTED)
@pytest.mark.parametrize("is_reversed", [False, True])
def test_a_list_is_read_in_the_order_of_an_index_and_no_entry_is_read_for_it(
    tagged, selection, order, step, is_reversed
):
    (read,) = reads(tagged.db, lambda: tagged.entries.keys(selection, 20, order=order, is_reversed=is_reversed))
    assert read.plan[0] == step
    is_sorted = order in (Order.TYPE, Order.PROJECT)
    assert ("USE TEMP B-TREE FOR ORDER BY" in read.plan) == is_sorted


@pytest.mark.parametrize("filters", [{"types": (EntryType.TIL,)}, {"project": "api"}, {"status": Status.ACTIVE}, {}])
def test_entries_are_counted_by_an_index_alone(tagged, filters):
    (read,) = reads(tagged.db, lambda: tagged.entries.count(Selection(Filters(**filters))))
    assert len(read.plan) == 1
    assert "USING COVERING INDEX" in read.plan[0]
