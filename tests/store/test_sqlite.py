"""What is true of the SQLite store alone: its tables, its files, its statements, and BM25 as FTS5 counts it."""

import contextlib
import importlib.util
import math
import os
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.depth import tries

from rekall.entry.fields import Column, Entry
from rekall.entry.other import OtherField
from rekall.entry.passages import Passage
from rekall.entry.types import EntryType, Link, LinkType
from rekall.errors import InvalidInput, StorageError
from rekall.models.vectors import unit_rows
from rekall.store import entries as entries_room
from rekall.store import links as links_room
from rekall.store import opening
from rekall.store.folding import fold
from rekall.store.sqlite import SqliteStore
from rekall.store.values import EVERYTHING, Origin, Selection, Space
from rekall.store.words import K1

NOW = datetime(2026, 1, 1, tzinfo=timezone.utc)
MOST = 64


def make_entry(number: int = 0, **parts: Any) -> Entry:
    values = {
        "id": f"01{number:024d}",
        "type": EntryType.BUG,
        "title": f"title {number}",
        "created_at": NOW,
        "updated_at": NOW + timedelta(seconds=number),
    }
    return Entry(**{**values, **parts})


@pytest.fixture
def store() -> Iterator[SqliteStore]:
    made = SqliteStore(None)
    yield made
    made.close()


def write(store: SqliteStore, entry: Entry) -> int:
    """An entry with words, a passage, an origin and a vector in every space."""
    with store.transaction():
        key = store.entries.insert(entry)
        store.words.put(key, entry)
        (passage_id,) = store.passages.put(key, [Passage(0, "t", b"h")])
        store.origins.put(Origin(f"path {key}", key, b"1", b"2"))
        for space in store.vectors.spaces():
            store.vectors.index(space).add(passage_id, unit_rows(np.ones((1, space.dim)))[0])
    return key


def make_space(store: SqliteStore, name: str = "f", dim: int = 8) -> Space:
    with store.transaction():
        return store.vectors.make_space(name, "m", dim, NOW)


def counts(store: SqliteStore) -> dict[str, int]:
    """How many rows each table has, those of FTS5 left out."""
    sql = "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'words%' ORDER BY name"
    return {name: store.db.value(f"SELECT count(*) FROM {name}") for (name,) in store.db.rows(sql)}


# tables


def test_deleting_leaves_no_row_in_any_table(store):
    make_space(store)
    full = make_entry(1, tags=("a",), situation="s", solution="s", what_failed="w", files=("f",), sources=("s",))
    one, two = write(store, full), write(store, make_entry(2))
    with store.transaction():
        for ends in ((make_entry(1).id, make_entry(2).id), (make_entry(2).id, make_entry(1).id)):
            store.links.put(Link(*ends, LinkType.RELATED), NOW)
    before = counts(store)
    assert {name: before[name] for name in ("entry", "item", "link", "origin", "passage")} == {
        "entry": 2,
        "item": 6,
        "link": 2,
        "origin": 2,
        "passage": 2,
    }
    with store.transaction():
        store.words.delete(one)
        store.entries.delete(one)
    after = counts(store)
    assert {name: number for name, number in after.items() if number} == {
        "entry": 1,
        "origin": 1,
        "passage": 1,
        "space": 1,
        "vectors_1": 1,
        "signs_1": 1,
        "signing": 1,
    }
    assert list(store.entries.by_keys([one, two])) == [two]
    assert store.db.rows("PRAGMA foreign_key_check") == []


def test_dropping_a_space_removes_its_tables(store):
    first, second = make_space(store, "one"), make_space(store, "two", 16)
    with store.transaction():
        store.vectors.drop(first)
    assert f"vectors_{first.id}" not in counts(store)
    assert f"signs_{first.id}" not in counts(store)
    assert {f"vectors_{second.id}", f"signs_{second.id}"} < set(counts(store))


def test_what_an_entry_does_not_have_takes_no_row(store):
    with store.transaction():
        store.entries.insert(make_entry())
    assert counts(store)["item"] == 0


@pytest.mark.parametrize("batch", [1, 3, 4, 22, 23, 24])
def test_the_stream_gives_every_entry_once_whatever_the_batch(store, monkeypatch, batch):
    monkeypatch.setattr(entries_room, "_BATCH", batch)
    with store.transaction():
        keys = [store.entries.insert(make_entry(number)) for number in range(24)]
        store.entries.delete(keys[5])
    streamed = list(store.entries.stream())
    assert [key for key, _ in streamed] == [key for key in keys if key != keys[5]]
    assert streamed[3][1] == make_entry(3)


def test_the_stream_goes_on_while_entries_are_changed(store, monkeypatch):
    monkeypatch.setattr(entries_room, "_BATCH", 3)
    with store.transaction():
        for number in range(10):
            store.entries.insert(make_entry(number))
    seen = []
    for key, entry in store.entries.stream():
        with store.transaction():
            store.entries.update(key, replace(entry, title="changed"))
        seen.append(key)
    assert len(seen) == 10


@pytest.mark.parametrize("batch", [1, 3, 4, 22, 23, 24])
def test_origins_come_once_and_in_order_whatever_the_batch(store, monkeypatch, batch):
    monkeypatch.setattr(links_room, "_ORIGINS_AT_ONCE", batch)
    with store.transaction():
        for number in range(24):
            key = store.entries.insert(make_entry(number))
            store.origins.put(Origin(str(Path("/a") / str(number)), key, b"1", b"2"))
    expected = sorted(str(Path("/a") / str(number)) for number in range(24) if number != 12)
    gone, seen = str(Path("/a/12")), []
    for origin in store.origins.under(str(Path("/a"))):
        if not seen:
            store.db.run("DELETE FROM origin WHERE path = ?", (gone,))
        seen.append(origin.path)
    assert [path for path in seen if path != gone] == expected
    assert [origin.path for origin in store.origins.under(str(Path("/a")))] == expected


NO_RECORDS = ["", " ", "{", "no json", "\0", "[" * 5000, "{'origin': []}", '{"origin": ["/b.md"}']
NO_RECORDS += [
    "null",
    "[]",
    "1",
    '"text"',
    '[["/b.md", "01"]]',
    '{"Origin": ["/b.md", "01"]}',
    '{"origin": [1e999, "01"]}',
]


@pytest.mark.parametrize("record", [*NO_RECORDS, '{"origin": ["/b.md", "01", "02"]'])
def test_a_damaged_tombstone_hides_no_other_from_an_import(store, record):
    for number in range(3):
        store.tombstones.put(make_entry(number), {"origin": [f"/{number}.md", "01", "02"]}, NOW)
    store.db.run("UPDATE tombstone SET record = ? WHERE id = ?", (record, make_entry(1).id))
    expected = {"/0.md": (make_entry(0).id, "01"), "/2.md": (make_entry(2).id, "01")}
    assert store.tombstones.origins() == expected


NO_TEXT: list[dict[str, Any]] = [{"title": "\ud800"}, {"tags": ("a", "\ud800")}]
NO_TEXT += [{"other_fields": (OtherField.of(*each),)} for each in (("\ud800", 1), ("a", [{"b": "\ud800"}]))]


@pytest.mark.parametrize("parts", NO_TEXT)
def test_text_that_is_not_valid_unicode_is_refused_in_our_words(store, parts):
    with pytest.raises(InvalidInput), store.transaction():
        store.entries.insert(make_entry(**parts))
    assert store.entries.count() == 0
    assert list(store.words.terms("\ud800 zebra", MOST))[-1].word == "zebra"


# statements


@pytest.fixture
def statements(store: SqliteStore) -> Callable[[], list[str]]:
    """Gives the statements that were executed since it was last asked."""
    seen: list[str] = []

    def note(cursor: object, sql: str, bindings: object) -> bool:
        seen.append(sql)
        return True

    def since() -> list[str]:
        told = seen[:]
        seen.clear()
        return told

    store.db._connection.set_exec_trace(note)
    return since


LATIN = [f"word{number}" for number in range(MOST)]
CHINESE = [chr(0x4E00 + number) for number in range(MOST)]


@pytest.mark.parametrize("words", [LATIN, CHINESE, LATIN[:32] + CHINESE[:32]], ids=["latin", "chinese", "both"])
def test_the_terms_of_a_long_query_and_what_fifty_hits_hold_take_few_statements(store, statements, words):
    keys = []
    with store.transaction():
        for number in range(50):
            entry = make_entry(number, content=" ".join(words[number::5]))
            keys.append(store.entries.insert(entry))
            store.words.put(keys[-1], entry)
    statements()
    terms = store.words.terms(" ".join(words), MOST)
    matched = store.words.matched(terms, keys)
    asked = statements()
    assert len(list(terms)) == MOST
    assert set(matched) == set(keys)
    assert {key: [term.word for term in held] for key, held in matched.items()} == {
        key: words[number::5] for number, key in enumerate(keys)
    }
    assert 2 <= len(asked) <= 10


def test_more_terms_than_one_statement_takes_are_matched_as_well(store, statements):
    words = [f"word{number}" for number in range(200)] + [chr(0x4E00 + number) for number in range(1000)]
    entry = make_entry(content=" ".join(words))
    with store.transaction():
        key = store.entries.insert(entry)
        store.words.put(key, entry)
    terms = store.words.terms(" ".join(words), 2000)
    assert [term.word for term in store.words.matched(terms, [key])[key]] == words
    assert len(statements()) < 60


@pytest.mark.parametrize("number", [1, 50])
def test_reading_many_entries_takes_as_many_statements_as_reading_one(store, statements, number):
    with store.transaction():
        keys = [store.entries.insert(make_entry(each, tags=("a",), situation="s")) for each in range(number)]
        for each in range(1, number):
            store.links.put(Link(make_entry(each).id, make_entry(0).id, LinkType.SUPERSEDES), NOW)
    statements()
    assert len(store.entries.by_keys(keys)) == number
    assert len([sql for sql in statements() if sql not in ("BEGIN", "ROLLBACK")]) == 2
    store.links.starting_at(keys)
    store.entries.short_ids(make_entry(each).id for each in range(number))
    store.entries.obsolete_among(keys)
    assert len(statements()) == 4


# words, as BM25 counts them

B = 0.75  # FTS5's own constant
TEXT = st.lists(
    st.sampled_from(["zebra", "horse", "cookie", "a", "the", "数据库", "据", "猫", "我的猫"]), max_size=5
).map(" ".join)
CORPUS = st.lists(st.fixed_dictionaries(dict.fromkeys(Column, TEXT)), min_size=1, max_size=8)
PARTS = {
    Column.TITLE: lambda text: {"title": text},
    Column.LABELS: lambda text: {"keywords": (text,)},
    Column.ERRORS: lambda text: {"error_messages": (text,)},
    Column.CONTENT: lambda text: {"content": text},
    Column.CONTEXT: lambda text: {"solution": text},
}


def tokens(text: str) -> list[str]:
    """As the index has them: every word here is its own stem."""
    return fold(text, indexing=True).split()


def covered_by_force(corpus: list[dict[Column, str]], terms: dict[str, bool]) -> list[float]:
    """The coverage of each document; of every term whether it is a prefix."""
    documents = [{column: tokens(text) for column, text in parts.items()} for parts in corpus]
    lengths = [1 + sum(map(len, document.values())) for document in documents]  # one says what the title is
    average = sum(lengths) / len(lengths)

    def hits(words: list[str], term: str) -> int:
        return sum(word.startswith(term) if terms[term] else word == term for word in words)

    weighted = [
        {term: sum(column.weight * hits(words, term) for column, words in document.items()) for term in terms}
        for document in documents
    ]
    holding = Counter(term for each in weighted for term, weight in each.items() if weight)
    idf = {term: max(math.log((len(corpus) - holding[term] + 0.5) / (holding[term] + 0.5)), 1e-6) for term in terms}
    most = sum(idf.values()) * (K1 + 1)
    return [
        sum(
            idf[term] * weight * (K1 + 1) / (weight + K1 * (1 - B + B * length / average))
            for term, weight in each.items()
            if weight
        )
        / most
        for each, length in zip(weighted, lengths)
    ]


@settings(deadline=None, max_examples=tries(150))
@given(corpus=CORPUS, text=TEXT)
def test_coverage_is_what_bm25_counted_by_hand_says(corpus, text):
    with contextlib.closing(SqliteStore(None)) as store:
        keys = []
        for number, parts in enumerate(corpus):
            said = {name: value for column, text in parts.items() for name, value in PARTS[column](text).items()}
            entry = make_entry(number, **said)
            keys.append(store.entries.insert(entry))
            store.words.put(keys[-1], entry)
        terms = store.words.terms(text, MOST)
        found = store.words.search(terms, EVERYTHING, 50)
        expected = covered_by_force(corpus, {term.word: term.prefix for term in terms}) if list(terms) else []
        assert found == pytest.approx({key: share for key, share in zip(keys, expected) if share}, rel=1e-6)
        assert store.words.coverage_of(terms, keys) == found
        assert set(store.words.matched(terms, keys)) == set(found)


# files


def test_nothing_of_a_deleted_entry_is_left_in_the_file(tmp_path):
    path = tmp_path / "rekall.db"
    secret = "xylophonequartz"
    with contextlib.closing(SqliteStore(path)) as store:
        write(store, make_entry(1))
        gone = write(store, make_entry(2, title=secret, content=f"{secret} " * 5, tags=(secret,), solution=secret))
        with store.transaction():
            store.words.delete(gone)
            store.entries.delete(gone)
            store.words.forget_deleted()
        assert store.compact()
        left = b"".join(part.read_bytes() for part in path.parent.iterdir() if part.name.startswith(path.name))
        assert secret[:8].encode() not in left
        assert make_entry(1).title.encode() in left


def test_a_large_base_is_written_again_by_way_of_a_file_beside_it_and_not_in_memory(tmp_path, monkeypatch):
    monkeypatch.setattr(opening, "_LARGE_BYTES", 0)
    monkeypatch.delenv("SQLITE_TMPDIR", raising=False)
    with contextlib.closing(SqliteStore(tmp_path / "rekall.db")) as store:
        write(store, make_entry(1, content="zebra"))
        folders: set[str | None] = set()

        def look() -> bool:
            folders.add(os.environ.get("SQLITE_TMPDIR"))
            return False

        store.db._connection.set_progress_handler(look, 1)
        try:
            assert store.compact()
        finally:
            store.db._connection.set_progress_handler(None)
        assert folders >= {str(tmp_path)}
        assert {path.name for path in tmp_path.iterdir()} <= {f"rekall.db{end}" for end in ("", "-wal", "-shm")}
        assert "SQLITE_TMPDIR" not in os.environ
        assert store.db._connection.pragma("temp_store") == 2
        assert len(store.words.search(store.words.terms("zebra", 9), EVERYTHING, 9)) == 1


def test_while_another_process_reads_what_is_compacted_waits(tmp_path):
    path = tmp_path / "rekall.db"
    with contextlib.closing(SqliteStore(path)) as store, contextlib.closing(SqliteStore(path)) as other:
        write(store, make_entry(1))
        with other.snapshot():
            assert other.entries.count() == 1
            store.db.run("PRAGMA busy_timeout = 20")
            assert not store.compact()
            assert other.entries.count() == 1
        assert store.compact()


def test_a_store_that_cannot_be_made_lets_go_of_its_file(tmp_path, monkeypatch):
    path: Path = tmp_path / "rekall.db"
    monkeypatch.setattr(importlib.util, "find_spec", lambda name, package=None: None)
    with pytest.raises(StorageError):
        SqliteStore(path, "sqlite-vec")
    assert sorted(part.name for part in path.parent.iterdir() if part.name.startswith("rekall.db")) == ["rekall.db"]


@pytest.mark.parametrize("backend", ["auto", "numpy"])
def test_each_backend_finds_the_nearest(backend):
    with contextlib.closing(SqliteStore(None, backend)) as store:
        space = make_space(store)
        key = write(store, make_entry(1, project="p"))
        query = unit_rows(np.ones((1, 8)))[0]
        for selection in (EVERYTHING, Selection(phrases=("title",))):
            ((passage, cosine),) = store.vectors.nearest(space, query, 5, selection)
            assert passage.entry_key == key
            assert cosine == pytest.approx(1, abs=1e-6)
        assert backend in ("auto", store.vectors.backend.name)


def test_the_links_of_an_entry_are_found_by_an_index_from_both_ends():
    with contextlib.closing(SqliteStore(None)) as store:
        read: list[str] = []
        rows = store.db.readable_rows

        def planned(sql: str, bindings: Sequence[object] = ()) -> list[tuple[object, ...]]:
            read.extend(str(row[3]) for row in store.db.rows(f"EXPLAIN QUERY PLAN {sql}", bindings))
            return rows(sql, bindings)

        store.db.readable_rows = planned  # type: ignore[method-assign]
        store.links.of(1)
    assert [line for line in read if line.startswith("SCAN")] == []
    assert len([line for line in read if line.startswith("SEARCH l USING")]) == 2
