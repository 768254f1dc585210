"""Scoring everything by lists that are read at once, against what FTS5 scores: by kind of line, of texts of any length."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.depth import tries

from rekall.entry.fields import Entry
from rekall.entry.filters import Filters
from rekall.entry.passages import passages_of
from rekall.entry.types import EntryType, Status
from rekall.store import impacts, postings, ranked, scoring
from rekall.store.passages import SqlitePassages
from rekall.store.postings import Postings, UnknownFormat
from rekall.store.selection import expression
from rekall.store.sqlite import SqliteStore
from rekall.store.values import EVERYTHING, Selection

NOW = datetime(2026, 1, 1, tzinfo=timezone.utc)
ENTRIES = 600
COMMON = [f"common{chr(97 + number)}" for number in range(6)]
RARE = [f"rare{chr(97 + number)}" for number in range(20)]
CLOSE = 1e-6
"""Scores are added up in single precision."""


def made(number: int, random_: random.Random) -> Entry:
    """An entry that holds some of the words, seldom a very long one."""
    held = [word for word in COMMON if random_.random() < 0.4] + [word for word in RARE if random_.random() < 0.03]
    filling = [
        f"w{random_.randrange(300)}" for _ in range(random_.choice([5, 20, 60, 200, 2500 if number % 60 == 0 else 30]))
    ]
    words = held * random_.choice([1, 1, 1, 2, 3]) + filling
    random_.shuffle(words)
    return Entry(
        type=EntryType.BUG if number % 3 else EntryType.TIL,
        title=" ".join(random_.sample(words, min(len(words), random_.randrange(1, 7)))),
        content=" ".join(words),
        tags=tuple({random_.choice([*COMMON, "net/dns", "net"]) for _ in range(number % 3)}),
        error_messages=(f"Error: {random_.choice(COMMON)} is missing",) if number % 7 == 0 else (),
        situation=random_.choice(COMMON) if number % 11 == 0 else "",
        project=random_.choice(["small", "large", "large", "large", None]),
        status=Status.OBSOLETE if number % 20 == 0 else Status.ACTIVE,
        id=f"{number:026d}",
        created_at=NOW + timedelta(hours=number),
        updated_at=NOW + timedelta(hours=number),
    )


def filled(entries: int = ENTRIES) -> SqliteStore:
    """A base written in several transactions, each a segment or more of the index, of which some is changed and some is gone."""
    store, random_ = SqliteStore(None), random.Random(5)
    for start in range(0, entries, 150):
        with store.transaction():
            for number in range(start, start + 150):
                entry = made(number, random_)
                store.words.put(store.entries.insert(entry), entry)
    with store.transaction():
        for key in range(3, entries, 11):
            store.words.delete(key)
            store.entries.delete(key)
        for key in range(5, entries, 13):
            if key in store.entries.by_keys([key]):
                store.words.put(key, made(key, random_))
    return store


@pytest.fixture(scope="module")
def store() -> Iterator[SqliteStore]:
    made_store = filled()
    yield made_store
    made_store.close()


@pytest.fixture(autouse=True)
def small_bounds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scoring, "FEW", 100)
    monkeypatch.setattr(impacts, "has_numpy", lambda: True)
    monkeypatch.setattr(impacts, "_READ_FROM", 30)
    monkeypatch.setattr(impacts, "_READ_BESIDE", 10)
    monkeypatch.setattr(impacts, "_AT_ONCE", 500)


def by_fts(store: SqliteStore, line: str, selection: Selection = EVERYTHING) -> dict[int, float]:
    """The BM25 score of everything that is selected, by FTS5's own function, the best first."""
    terms = store.words.terms(line, 64)
    keys = set(store.entries.keys(selection))
    asked = " OR ".join(map(expression, terms))
    rows = store.db.rows(f"SELECT rowid, -{scoring.BM25} FROM words WHERE words MATCH ? ORDER BY 2 DESC, 1", (asked,))
    return {key: score for key, score in rows if key in keys}


def agrees(store: SqliteStore, line: str, selection: Selection = EVERYTHING, limit: int = 20) -> None:
    """Assert that the best for a line are those of scoring everything, with these scores."""
    terms = store.words.terms(line, 64)
    found = impacts_of(store).best(terms, selection, limit)
    assert found is not None
    expected = by_fts(store, line, selection)
    assert list(found.values()) == pytest.approx(list(expected.values())[:limit], rel=CLOSE)
    assert found == pytest.approx({key: expected[key] for key in found}, rel=CLOSE)


def impacts_of(store: SqliteStore) -> impacts.EveryScore:
    """What a base's words score everything with."""
    return store.words._every_score()


LINES = {
    "one common word": COMMON[0],
    "two common words": " ".join(COMMON[:2]),
    "all common words": " ".join(COMMON),
    "a rare word and a common one": f"{RARE[0]} {COMMON[2]}",
    "rare words": " ".join(RARE[:5]),
    "twenty words": " ".join([*COMMON, *RARE[:14]]),
    "the beginning of a word": "commo rare",
    "a word twice": f"{COMMON[0]} {COMMON[0]} {RARE[1]}",
    "a word that is nowhere": f"{COMMON[0]} zzzzqqq",
    "words in one piece": f"{COMMON[0]}_{COMMON[1]} {COMMON[2]}-{COMMON[3]}",
    "what is in the texts that are long": "w1 w2 w3 w4",
}

SELECTIONS = [
    Selection(Filters(project="small")),
    Selection(Filters(project="LARGE")),
    Selection(Filters(types=(EntryType.TIL,))),
    Selection(Filters(status=Status.OBSOLETE)),
    Selection(Filters(tags=("net",))),
    Selection(Filters(tags=("net/dns", COMMON[0]))),
    Selection(Filters(since=NOW + timedelta(hours=500))),
    Selection(Filters(project="nobody's")),
    Selection(phrases=(COMMON[5],)),
    Selection(phrases=(f"{COMMON[0]} {COMMON[1]}",)),
    Selection(excluded=(COMMON[5],)),
    Selection(excluded=(COMMON[4], "is missing")),
    Selection(Filters(types=(EntryType.BUG,)), phrases=(COMMON[4],), excluded=(COMMON[5],)),
    Selection(phrases=("zzzzqqq",)),
]


@pytest.mark.parametrize("line", LINES.values(), ids=LINES)
def test_the_best_for_every_kind_of_line_are_those_of_scoring_everything(store, line):
    agrees(store, line)
    agrees(store, line, limit=ENTRIES)


@pytest.mark.parametrize("most", [16_000, 40], ids=["from the best on", "listed"])
@pytest.mark.parametrize("selection", SELECTIONS, ids=str)
def test_only_what_is_selected_is_found(store, selection, most, monkeypatch):
    monkeypatch.setattr(impacts, "_FIRST", 30)
    monkeypatch.setattr(impacts, "_MOST", most)
    monkeypatch.setattr(impacts, "_NARROW", 50)
    agrees(store, f"{COMMON[0]} {COMMON[1]} {RARE[3]}", selection)


@settings(max_examples=tries(100), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.sampled_from([*COMMON, *RARE, "w7", "rar"]), min_size=1, max_size=12), st.integers(1, 50))
def test_any_words_are_scored_as_fts5_scores_them(store, words, limit):
    agrees(store, " ".join(words), limit=limit)


def test_given_entries_and_what_they_hold_are_as_fts5_says(store):
    line = f"{COMMON[0]} {COMMON[3]} {RARE[2]} rar {COMMON[0]}_{COMMON[1]}"
    terms = store.words.terms(line, 64)
    keys = [1, 3, 5, 18, 99, 100, ENTRIES, ENTRIES + 50]
    expected = by_fts(store, line)
    every = impacts_of(store)
    assert every.scores_of(terms, keys) == pytest.approx(
        {key: expected[key] for key in keys if key in expected}, rel=CLOSE
    )
    held = every.matched(terms, keys)
    assert held is not None
    walked = store.words._matched(terms, json.dumps(keys))
    assert {key: set(found) for key, found in held.items()} == {key: set(found) for key, found in walked.items()}


def test_passages_are_selected_by_lists_as_by_the_index(store):
    with store.transaction():
        for key in store.entries.keys(EVERYTHING):
            store.passages.put(key, passages_of(store.entries.by_keys([key])[key]))
    ids = list(range(1, 400))
    for selection in SELECTIONS:
        by_index = SqlitePassages(store.db)
        agrees(store, COMMON[0])
        assert sorted(store.passages.ids(selection)) == sorted(by_index.ids(selection))
        assert store.passages.passing(ids, selection) == by_index.passing(ids, selection)
        assert by_index.passing(ids, selection) == set(ids) & set(by_index.ids(selection))
        assert store.entries.count(selection) == len(store.entries.keys(selection))


def test_a_change_is_seen_by_the_next_search():
    store = filled(300)
    line = " ".join(COMMON[:3])
    agrees(store, line)
    random_ = random.Random(9)
    for number in range(300, 303):
        with store.transaction():
            entry = made(number, random_)
            store.words.put(store.entries.insert(entry), entry)
        agrees(store, line)
    with store.transaction():
        store.words.delete(1)
        store.entries.delete(1)
    agrees(store, line)
    store.words.forget_deleted()  # one segment without tombstones
    agrees(store, line)
    store.close()


def test_what_is_not_stored_yet_is_scored_by_fts5():
    store = filled(150)
    agrees(store, COMMON[0])
    with store.transaction():
        entry = made(151, random.Random(1))
        store.words.put(store.entries.insert(entry), entry)
        assert impacts_of(store).best(store.words.terms(" ".join(COMMON), 64), EVERYTHING, 10) is None
        assert list(store.words.search(store.words.terms(" ".join(COMMON), 64), EVERYTHING, 10))
    store.close()


def test_an_index_in_another_format_is_left_to_fts5(monkeypatch):
    store = filled(150)
    line = " ".join(COMMON[:4])

    def unknown(*args: object) -> None:
        raise UnknownFormat

    monkeypatch.setattr(postings, "_entries", unknown)
    assert impacts_of(store).best(store.words.terms(line, 64), EVERYTHING, 10) is None
    found = store.words.search(store.words.terms(line, 64), EVERYTHING, 10)
    assert list(found) == list(by_fts(store, line))[:10]
    store.close()


def test_what_fts5_counts_otherwise_is_not_believed(monkeypatch):
    line = " ".join(COMMON[:4])
    read = Postings.of

    def one_less(self: Postings, stems: list[str]) -> list[postings.Held]:
        return [postings.Held(held.keys[1:], held.found[1:]) for held in read(self, stems)]

    for where, name, wrong in (
        (Postings, "of", one_less),
        (impacts, "totals", lambda db: (150, 17)),
        (impacts, "totals", lambda db: (149, 17)),
    ):
        store = filled(150)
        with monkeypatch.context() as changed:
            changed.setattr(where, name, wrong)
            assert impacts_of(store).best(store.words.terms(line, 64), EVERYTHING, 10) is None
            found = store.words.search(store.words.terms(line, 64), EVERYTHING, 10)
        assert list(found) == list(by_fts(store, line))[:10]
        store.close()


def test_numpy_is_imported_where_nothing_proves_that_the_best_were_found(monkeypatch):
    store = filled(300)
    monkeypatch.setattr(impacts, "has_numpy", lambda: False)
    monkeypatch.setattr(ranked, "RARE", 5)
    monkeypatch.setattr(ranked, "SPENT", 0.01)
    terms = store.words.terms(COMMON[0], 64)
    looked = ranked.RankedWords(store.db).best(terms, EVERYTHING, 10)
    assert looked is not None
    assert not looked.is_proven
    assert list(store.words.search(terms, EVERYTHING, 10)) == list(by_fts(store, COMMON[0]))[:10]
    store.close()


def test_lists_that_were_asked_for_least_lately_are_let_go(monkeypatch):
    store = filled(150)
    monkeypatch.setattr(impacts, "MOST_KEPT_BYTES", 1000)
    for line in (*COMMON, " ".join(COMMON), *RARE[:4]):
        agrees(store, line)
    every = impacts_of(store)
    assert sum(each.size_bytes for each in every._kept.values()) <= 1000
    store.close()


def test_words_of_every_length_and_place_are_read(monkeypatch):
    """A long text, whose places take two and three bytes, and whose list lies on several pages."""
    store = SqliteStore(None)
    with store.transaction():
        for number, times in enumerate([1, 2, 3, 4, 5, 200, 9000]):
            content = " ".join(["again", *["x"] * (number * 40)] * times)
            entry = Entry(
                type=EntryType.TIL,
                title="again" if number % 2 else "other",
                content=content,
                id=f"{number:026d}",
                created_at=NOW,
                updated_at=NOW,
            )
            store.words.put(store.entries.insert(entry), entry)
    with store.snapshot():
        (held,) = Postings(store.db).of(["again"])
    assert held.keys.tolist() == [1, 2, 3, 4, 5, 6, 7]
    assert held.found.tolist() == [1, 5, 3, 7, 5, 203, 9000]
    store.close()
