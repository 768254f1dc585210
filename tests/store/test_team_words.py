"""The words index on a server: the figures of the one in SQLite, and what only a server's tables could get wrong."""

import contextlib
from collections.abc import Iterator
from datetime import datetime, timezone

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support import servers
from support.depth import tries

from rekall.entry.fields import Entry
from rekall.entry.types import EntryType
from rekall.store.contract import Store
from rekall.store.sqlite import SqliteStore
from rekall.store.values import EVERYTHING

NOW = datetime(2026, 1, 1, tzinfo=timezone.utc)
MOST = 64


@pytest.fixture(scope="module")
def base() -> Iterator[Store]:
    servers.server()
    from rekall.store.postgres import open_store

    with servers.empty_base() as conninfo, contextlib.closing(open_store(conninfo)) as made:
        yield made


class Undone(Exception):
    """Ends a transaction whose work nobody wants."""


@contextlib.contextmanager
def undone(store: Store) -> Iterator[None]:
    with contextlib.suppress(Undone), store.transaction():
        yield
        raise Undone


@pytest.fixture
def store(base: Store) -> Iterator[Store]:
    with undone(base):
        yield base


def put(store: Store, *texts: str, first: int = 1) -> None:
    store.words.put_many(
        [
            (key, Entry(EntryType.TIL, title=text, content=text, id=f"01{key:024}", created_at=NOW, updated_at=NOW))
            for key, text in enumerate(texts, first)
        ]
    )


WORDS = [
    "user_id",
    "user",
    "id",
    "foo::bar",
    "foo",
    "bar",
    "1.2.3",
    "C++",
    "a/b.py",
    "connect",
    "connection",
    "容器启动",
    "猫",
    "naïve",
]
TEXTS = st.lists(st.sampled_from(WORDS), max_size=8).map(" ".join)


@settings(deadline=None, max_examples=tries(60))
@given(texts=st.lists(TEXTS, min_size=1, max_size=8), asked=TEXTS, is_unfinished=st.booleans())
def test_terms_and_coverage_are_those_of_sqlite(base, texts, asked, is_unfinished):
    with contextlib.closing(SqliteStore(None)) as other, undone(base):
        for each in (base, other):
            put(each, *texts)
        terms = base.words.terms(asked, MOST, unfinished=is_unfinished)
        assert terms == other.words.terms(asked, MOST, unfinished=is_unfinished)
        expected = other.words.search(terms, EVERYTHING, 50)
        assert base.words.search(terms, EVERYTHING, 50) == pytest.approx(expected, abs=1e-6)
        assert base.words.coverage_of(terms, range(9)) == pytest.approx(expected, abs=1e-6)
        assert base.words.matched(terms, range(9)) == other.words.matched(terms, range(9))
        for word in asked.split():
            assert base.words.held([word]) == other.words.held([word])
            assert base.words.in_titles(word, 9) == other.words.in_titles(word, 9)


def test_words_side_by_side_are_counted_wherever_they_stand(store):
    """Also where one pair follows another, which share the blank between them."""
    with contextlib.closing(SqliteStore(None)) as other:
        for each in (store, other):
            put(each, "user_id user_id x user_id", "user id", "user x id", "other")
        terms = store.words.terms("user_id", MOST)
        assert terms == other.words.terms("user_id", MOST)
        assert store.words.search(terms, EVERYTHING, 9) == pytest.approx(
            other.words.search(terms, EVERYTHING, 9), abs=1e-6
        )


def test_a_word_longer_than_an_index_holds_is_found_and_told_from_another_that_begins_so(store):
    long = "ab" * 5000
    put(store, long, f"{long}x", f"other {long} behind")
    assert sorted(store.words.search(store.words.terms(long, MOST), EVERYTHING, 9)) == [1, 3]
    assert store.words.held([long]) == {long: 2}


def test_of_one_key_given_twice_the_last_holds(store):
    entries = [
        Entry(EntryType.TIL, title=title, id=f"01{7:024}", created_at=NOW, updated_at=NOW)
        for title in ("first", "second")
    ]
    store.words.put_many([(7, entry) for entry in entries])
    assert store.words.count() == 1
    assert store.words.held(["first", "second"]) == {"second": 1}


def test_a_forgotten_word_leaves_no_trace(store):
    put(store, "secret zebra", "zebra")
    store.words.delete(1)
    store.words.delete(1)
    store.words.forget_deleted()
    assert store.words.held(["secret", "zebra"]) == {"zebra": 1}
    for table, column in (("term", "word"), ("indexed", "stems")):
        assert not store.db.rows(f"SELECT 1 FROM {table} WHERE strpos({column}, 'secret') > 0")  # type: ignore[attr-defined]
    assert store.words.count() == 1


def test_counts_stay_right_whatever_is_put_in_place_of_what(store):
    put(store, "alpha beta", "beta gamma", "gamma")
    put(store, "beta", "delta beta", first=2)
    store.words.delete(1)
    counted = dict(store.db.rows("SELECT word, entries FROM term WHERE entries > 0"))  # type: ignore[attr-defined]
    postings = dict(store.db.rows("SELECT t.word, count(*) FROM posting p JOIN term t ON t.id = p.term GROUP BY 1"))  # type: ignore[attr-defined]
    assert counted == postings
    assert {word: counted.get(word) for word in ("alpha", "beta", "gamma", "delta")} == {
        "alpha": None,
        "beta": 2,
        "gamma": None,
        "delta": 1,
    }
    sizes = store.db.rows("SELECT count(*), sum(size) FROM indexed")  # type: ignore[attr-defined]
    assert store.db.rows("SELECT entries, words FROM totals") == sizes  # type: ignore[attr-defined]
