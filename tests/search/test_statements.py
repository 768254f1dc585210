"""How many SQL statements an answer takes: a figure that a remote store multiplies by its latency."""

from collections import Counter
from collections.abc import Callable, Iterator

import pytest
from support import Bench, make_bench

from rekall.app import Tuning
from rekall.entry.fields import Draft
from rekall.entry.types import EntryType, LinkType
from rekall.search.results import Mode, SearchResult
from rekall.store import vectors

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
    assert_at_most(25, seen)


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
    assert_at_most(22, seen)


def test_reading_one(filled_bench):
    bench, ids = filled_bench
    for entry_id in (ids[0], ids[1], ids[7]):
        assert_at_most(8, statements(bench, lambda entry_id=entry_id: bench.base.get(entry_id)))


def test_listing(filled_bench):
    bench, _ = filled_bench
    assert_at_most(8, statements(bench, lambda: bench.base.list_entries(limit=50)))


@pytest.mark.parametrize("limit", [1, 10, 50])
def test_more_hits_take_no_more_statements(filled_bench, limit):
    bench, _ = filled_bench
    few = statements(bench, lambda: shown(bench, bench.base.search(SIX, limit=5)))
    bench.embeddings.forget()
    assert len(statements(bench, lambda: shown(bench, bench.base.search(SIX, limit=limit)))) <= len(few)
