"""What is found without scoring everything, against what scoring everything finds; on a small base with small bounds."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timezone

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from support.depth import tries

from rekall.entry.fields import Entry
from rekall.entry.filters import Filters
from rekall.entry.types import EntryType
from rekall.store import impacts, ranked, scoring
from rekall.store.ranked import RankedWords
from rekall.store.scoring import K1, idf
from rekall.store.sqlite import SqliteStore
from rekall.store.values import EVERYTHING, Selection, Terms

NOW = datetime(2026, 1, 1, tzinfo=timezone.utc)
ENTRIES = 1500
SHRUNK = 3 * ENTRIES / 1_000_000  # the ten best of few are not as far ahead as those of a million
COMMON = [f"common{number}" for number in range(8)]
MIDDLE = [f"middle{number}" for number in range(16)]
RARE = [f"rare{number}" for number in range(60)]
SHARES = {
    **{word: 0.15 + 0.04 * place for place, word in enumerate(COMMON)},
    **{word: 0.02 + 0.005 * place for place, word in enumerate(MIDDLE)},
    **dict.fromkeys(RARE, 0.002),
}
LEAST_RECALL = 0.85
"""Of the ten best for common words alone, where nothing proves that none is missing; 0.9 to 1 was found."""


def made(number: int, random_: random.Random) -> Entry:
    held = [word for word, share in SHARES.items() if random_.random() < share]
    held += random_.choices(held, k=len(held)) if held else []
    filling = [f"w{random_.randrange(500)}" for _ in range(random_.randrange(60))]
    title = random_.sample(held, min(len(held), 2)) if random_.random() < 0.3 else filling[:3]
    return Entry(
        type=EntryType.BUG if number % 3 else EntryType.TIL,
        title=" ".join(title) or "nothing",
        content=" ".join(random_.sample(held + filling, len(held + filling))),
        project="small" if number % 50 == 0 else "large",
        id=f"{number:026d}",
        created_at=NOW,
        updated_at=NOW,
    )


@pytest.fixture(scope="module")
def store() -> Iterator[SqliteStore]:
    made_store = SqliteStore(None)
    random_ = random.Random(7)
    with made_store.transaction():
        for number in range(ENTRIES):
            entry = made(number, random_)
            made_store.words.put(made_store.entries.insert(entry), entry)
        for key in range(3, ENTRIES, 11):  # what was deleted counts nowhere
            made_store.words.delete(key)
            made_store.entries.delete(key)
    yield made_store
    made_store.close()


@pytest.fixture(autouse=True)
def small_bounds(monkeypatch: pytest.MonkeyPatch) -> None:
    for where, name in ((scoring, "FEW"), (ranked, "RARE")):
        monkeypatch.setattr(where, name, int(getattr(where, name) * SHRUNK))
    for name in ("_ROW_MS", "_POSTING_MS"):
        monkeypatch.setattr(ranked, name, getattr(ranked, name) / SHRUNK)
    monkeypatch.setattr(ranked, "LOOKED_AT", 100)
    monkeypatch.setattr(impacts.EveryScore, "_scores", lambda *args, **more: None)
    monkeypatch.setattr(ranked, "NARROW", 100)


def scores(store: SqliteStore, terms: Terms, selection: Selection = EVERYTHING) -> dict[int, float]:
    """The BM25 score of everything, by FTS5's own function, the best first."""
    keys = set(store.entries.keys(selection))
    asked = " OR ".join(f'"{term.word}"' for term in terms)
    rows = store.db.rows(f"SELECT rowid, -{scoring.BM25} FROM words WHERE words MATCH ? ORDER BY 2 DESC, 1", (asked,))
    return {key: score for key, score in rows if key in keys}


def missing(found: Sequence[int], expected: Mapping[int, float], most: int) -> int:
    """How many of the best were not found; of equal ones any will do."""
    best = list(expected.values())[:most]
    return sum(expected[key] < best[-1] - 1e-9 for key in found[:most]) + max(len(best) - len(found), 0)


QUERIES = st.tuples(
    st.lists(st.sampled_from(COMMON), max_size=5, unique=True),
    st.lists(st.sampled_from(MIDDLE), max_size=6, unique=True),
    st.lists(st.sampled_from(RARE), max_size=3, unique=True),
).map(lambda parts: " ".join(word for part in parts for word in part))

EXAMPLES = settings(max_examples=tries(300), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@EXAMPLES
@given(QUERIES)
@example("common1")
@example("common5 common7")
@example("rare1 common1")
@example(" ".join(COMMON))
@example(" ".join([*COMMON, *MIDDLE, *RARE[:30]]))
def test_what_is_proven_is_what_scoring_everything_finds(store, query):
    terms = store.words.terms(query, 64)
    expected = scores(store, terms) if terms.frequencies else {}
    found = RankedWords(store.db).best(terms, EVERYTHING, 20)
    if found is not None:
        assert found.scores == pytest.approx({key: expected[key] for key in found.scores}, rel=1e-12)
        assert list(found.scores.values()) == sorted(found.scores.values(), reverse=True)
        if found.is_proven:
            assert not missing(list(found.scores), expected, ranked.PROVEN)


@EXAMPLES
@given(QUERIES, st.lists(st.integers(1, ENTRIES + 5), max_size=40, unique=True))
def test_given_entries_score_what_fts5_scores_them(store, query, keys):
    terms = store.words.terms(query, 64)
    expected = scores(store, terms) if terms.frequencies else {}
    most = sum(idf(terms.entries, documents) for documents in terms.frequencies.values()) * (K1 + 1)
    assert store.words.coverage_of(terms, keys) == pytest.approx(
        {key: expected[key] / most for key in keys if key in expected}, rel=1e-12
    )


@pytest.mark.parametrize(
    "selection",
    [
        Selection(Filters(project="small")),
        Selection(Filters(project="large")),
        Selection(Filters(types=(EntryType.TIL,))),
        Selection(excluded=("common7",)),
        Selection(Filters(project="large"), excluded=("common7", "middle3")),
        Selection(phrases=("common0",)),
        Selection(Filters(project="nobody's")),
    ],
    ids=str,
)
def test_only_selected_entries_are_found_and_the_best_of_them(store, selection):
    random_ = random.Random(3)
    lost = 0
    for _ in range(10):
        query = " ".join([*random_.sample(COMMON[:6], 3), *random_.sample(MIDDLE, 3), random_.choice(RARE)])
        terms = store.words.terms(query, 64)
        assert scoring.is_costly(terms)
        expected = scores(store, terms, selection)
        found = store.words.search(terms, selection, 20)
        assert set(found) <= set(expected)
        assert len(found) == min(20, len(expected))
        lost += missing(list(found), expected, 10)
    assert lost <= 10 * 10 * (1 - LEAST_RECALL)


def test_few_of_the_best_are_missing_where_nothing_is_proven(store):
    random_ = random.Random(11)
    shares = []
    for _ in range(40):
        terms = store.words.terms(" ".join(random_.sample(COMMON, random_.randrange(1, 6))), 64)
        found = list(store.words.search(terms, EVERYTHING, 20))
        shares.append(1 - missing(found, scores(store, terms), 10) / 10)
    assert sum(shares) / len(shares) >= LEAST_RECALL


def test_it_looks_at_a_part_of_what_holds_the_words(store):
    """The statements of a search, as they are explained to SQLite: by an expression of FTS5, and by nothing else."""
    plan = store.db.rows(
        f"EXPLAIN QUERY PLAN SELECT rowid, {scoring.BM25} FROM words WHERE words MATCH ? ORDER BY 2 LIMIT 10",
        ('("common0") AND ("common1")',),
    )
    assert [row[3] for row in plan] == ["SCAN words VIRTUAL TABLE INDEX 0:M5", "USE TEMP B-TREE FOR ORDER BY"]


def test_titles_that_many_entries_share_lead_to_each_of_them():
    with_same = SqliteStore(None)
    with with_same.transaction():
        for number in range(40):
            entry = Entry(
                type=EntryType.TIL,
                title="Daily note" if number % 2 else "!",
                content=f"common{number % 3} text",
                id=f"{number:026d}",
                created_at=NOW,
                updated_at=NOW,
            )
            with_same.words.put(with_same.entries.insert(entry), entry)
    terms = with_same.words.terms("common1 common2", 64)
    assert RankedWords(with_same.db).scores_of(terms, range(1, 41)) == pytest.approx(scores(with_same, terms))
    assert RankedWords(with_same.db).scores_of(terms, []) == {}
    with_same.close()
