"""One base used by many threads at once, and reads between whose statements another window writes."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from support import Bench, in_threads, make_bench

from rekall.db import Database, Row
from rekall.entry.changes import Changes
from rekall.entry.fields import Draft, Entry
from rekall.entry.filters import Filters
from rekall.entry.types import EntryType, LinkType
from rekall.errors import EditConflict, NotFound
from rekall.knowledge import recording
from rekall.search.results import Mode
from rekall.store import sqlite

THREADS = 16
PATIENCE_S = 120.0
"""How long a busy machine may take. Only what is broken takes so long."""


@pytest.fixture(params=["auto", "numpy"])
def shared(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Bench]:
    """A base in a file, for many threads."""
    made = make_bench(tmp_path / "base.db", request.param)
    yield made
    made.base.close()


def test_many_threads_do_everything_at_once_each_with_its_own_notes(shared):
    base = shared.base

    def work(number: int) -> None:
        mine = Filters(project=f"p{number}")
        for turn in range(4):
            entry = base.add(Draft(EntryType.TIL, f"zebra{number} note{turn}", project=f"p{number}")).entry
            assert base.get(entry.id).entry == entry
            for mode in Mode:
                hits = base.search(f"zebra{number} note{turn}", mine, mode, 10).hits
                assert hits[0].entry == entry
            entry = base.change(entry.id, Changes.of(content=f"giraffe{number}")).entry
            assert base.search(f"giraffe{number}", mine, Mode.WORDS, 10).hits[0].entry == entry
            other = base.add(Draft(EntryType.BUG, f"other{number}", project=f"p{number}")).entry
            base.link(entry.id, other.id, LinkType.DERIVED_FROM, "why")
            base.delete(other.id, forever=turn % 2 == 1)
            if turn % 2 == 0:
                assert base.restore(other.id).entry == other
                base.delete(other.id)
            assert base.list_entries(mine, None).total == turn + 1

    assert in_threads(THREADS, work) == []
    status = base.index.status()
    assert (status.entries, status.words, status.pending_passages) == (THREADS * 4, THREADS * 4, 0)
    assert len(base.deleted(100)) == THREADS * 2
    assert shared.store.db.rows("PRAGMA foreign_key_check") == []
    shared.store.db.check()


def test_of_many_threads_that_change_one_note_none_undoes_anothers_change(shared):
    entry_id = shared.base.add(Draft(EntryType.TIL, "a note")).entry.id

    def work(number: int) -> None:
        for turn in range(3):
            while True:
                try:
                    shared.base.change(entry_id, Changes.of(add_tags=(f"t{number}-{turn}",)))
                    break
                except EditConflict:
                    continue

    assert in_threads(6, work) == []
    assert len(shared.base.get(entry_id).entry.tags) == 18


def test_of_many_threads_that_restore_one_note_one_does(shared):
    entry = shared.base.add(Draft(EntryType.TIL, "a note")).entry
    shared.base.delete(entry.id)
    problems = in_threads(8, lambda number: shared.base.restore(entry.id))
    assert [type(problem) for problem in problems] == [NotFound] * 7
    assert shared.base.list_entries(Filters(), None).entries == (entry,)


# another window writes between two statements of a read


class Watched(Database):
    """Does something once, right after a query that begins so. Tells of each try to write, and goes on trying."""

    after: tuple[str, Callable[[], object]] | None = None
    tried = threading.Event()

    def __init__(self, path: Path | None, **options: Any) -> None:
        super().__init__(path, **{"busy_timeout_s": PATIENCE_S, **options})

    def run(self, sql: str, bindings: Sequence[Any] | dict[str, Any] = ()) -> None:
        if sql == "BEGIN IMMEDIATE":
            self.tried.set()
        super().run(sql, bindings)

    def rows(self, sql: str, bindings: Sequence[Any] | dict[str, Any] = ()) -> list[Row]:
        return self._then(sql, super().rows(sql, bindings))

    def readable_rows(self, sql: str, bindings: Sequence[Any] | dict[str, Any] = ()) -> list[Row]:
        return self._then(sql, super().readable_rows(sql, bindings))

    def _then(self, sql: str, found: list[Row]) -> list[Row]:
        if self.after and self.after[0] in sql:
            (_, act), self.after = self.after, None
            act()
        return found


@pytest.fixture
def windows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Bench, Bench]]:
    """Two processes on one file; the first one's database is `Watched`."""
    with monkeypatch.context() as patch:
        patch.setattr(sqlite, "Database", Watched)
        first = make_bench(tmp_path / "base.db")
    second = make_bench(tmp_path / "base.db")
    yield first, second
    first.base.close()
    second.base.close()


def after(bench: Bench, query: str, act: Callable[[], object]) -> Callable[[], bool]:
    """Do something after the next such query; the answer tells whether it came to that."""
    assert isinstance(bench.store.db, Watched)
    watched = bench.store.db
    watched.after = (query, act)
    return lambda: watched.after is None


@pytest.fixture
def note(windows: tuple[Bench, Bench]) -> Entry:
    """One note among two, new each time it is changed: title and tag say the same."""
    windows[0].base.add(Draft(EntryType.TIL, "another note", tags=("another",)))
    return windows[0].base.add(Draft(EntryType.TIL, "old", "zebra", tags=("old",))).entry


READS: dict[str, Callable[[Bench, Entry], list[Entry]]] = {
    "get": lambda bench, note: [bench.base.get(note.id).entry],
    "list": lambda bench, note: list(bench.base.list_entries(Filters(), None).entries),
    "search": lambda bench, note: [hit.entry for hit in bench.base.search("zebra", Filters(), Mode.WORDS, 9).hits],
    "similar": lambda bench, note: [hit.entry for hit in bench.base.similar("zebra old", Filters(), 9).hits],
    "stream": lambda bench, note: [entry for _, entry in bench.store.entries.stream()],
}
QUERIES = {
    "get": "FROM entry WHERE length(?1) >= 4",
    "list": "SELECT e.key FROM entry e WHERE",
    "search": "FROM words JOIN entry e",
    "similar": "FROM entry e WHERE e.status =",
    "stream": "SELECT key FROM entry WHERE key >",
}


@pytest.mark.parametrize(
    "read",
    [
        "get",
        "list",
        "search",
        "similar",
        "stream",
    ],
)
def test_a_note_deleted_in_the_middle_of_a_read_is_there_or_not(windows, note, read):
    first, second = windows
    came = after(first, QUERIES[read], lambda: second.base.delete(note.id))
    try:
        found = READS[read](first, note)
    except NotFound:
        found = []
    assert came()
    assert [entry for entry in found if entry.id == note.id] in ([], [note])


@pytest.mark.parametrize(
    "read",
    [
        "get",
        "list",
        "search",
        "similar",
        "stream",
    ],
)
def test_a_note_changed_in_the_middle_of_a_read_is_the_old_one_or_the_new_one(windows, note, read):
    first, second = windows
    came = after(
        first,
        "FROM entry e WHERE e.key IN (SELECT value",
        lambda: second.base.change(note.id, Changes.of(title="new", tags=("new",))),
    )
    found = READS[read](first, note)
    assert came()
    (seen,) = [entry for entry in found if entry.id == note.id]
    assert seen.tags == (seen.title,)


def test_a_list_counts_what_it_shows(windows, note):
    first, second = windows
    came = after(first, "SELECT e.key FROM entry e WHERE", lambda: second.base.add(Draft(EntryType.TIL, "third")))
    page = first.base.list_entries(Filters(), None)
    assert came()
    assert len(page.entries) == page.total


def test_reading_goes_on_while_a_write_waits_for_another_window(windows, note):
    first, second = windows
    writer = threading.Thread(target=first.base.add, args=(Draft(EntryType.TIL, "came later"),), daemon=True)
    with second.store.db.transaction():
        writer.start()
        for _ in range(10):
            Watched.tried.clear()
            assert Watched.tried.wait(PATIENCE_S)
            assert first.base.count() == 2
            assert writer.is_alive()  # the read has not waited until the write gave up
        assert writer.is_alive()
    writer.join(PATIENCE_S)
    assert first.base.count() == 3


def test_the_first_changes_of_all_threads_are_recorded(bench, monkeypatch):
    """What records is made with the first change. While one thread makes it, others wait for that one and make none."""
    makers: list[int] = []

    class Made(recording.Recorder):
        def __init__(self, *given: Any) -> None:
            makers.append(threading.get_ident())
            if len(makers) == 1:
                other.start()
                other.join(0.3)  # it ends in that time only where it does not wait
            super().__init__(*given)

    monkeypatch.setattr(recording, "Recorder", Made)
    other = threading.Thread(target=lambda: bench.base.add("til", "zebra"))
    bench.base.add("til", "giraffe")
    other.join(PATIENCE_S)
    assert makers == [threading.get_ident()]
    assert sorted(each.verb for each in bench.base.past.operations(9)) == ["add", "add"]
