"""What is looked at when a base is opened: what acts by itself is refused, what is not as it should be is named."""

import contextlib
import os
import sqlite3
import threading
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import apsw
import pytest
from support import FakeEncoder, in_threads, make_bench
from support.systems import links

from rekall.app import App
from rekall.db import Database
from rekall.entry.fields import Draft
from rekall.entry.filters import Filters
from rekall.entry.types import EntryType
from rekall.errors import DatabaseCorrupt, DatabaseForeign, DatabaseReadOnly, DatabaseTooNew
from rekall.store import opening, schema
from rekall.store.sqlite import SqliteStore


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A base with three entries and a vector space."""
    made = tmp_path / "base" / "rekall.db"
    bench = make_bench(made)
    for number in range(3):
        bench.base.add(Draft(EntryType.TIL, f"note {number}", f"zebra {number}"))
    bench.base.close()
    return made


def crafted(path: Path, *statements: str) -> None:
    """What somebody else's program does to a base."""
    with contextlib.closing(sqlite3.connect(path)) as other:
        for statement in statements:
            other.execute(statement)
        other.commit()


ACTS = {
    "a trigger that deletes": "CREATE TRIGGER more AFTER INSERT ON entry BEGIN DELETE FROM entry WHERE key <> new.key; END",
    "a trigger on a table of vectors": "CREATE TRIGGER t AFTER INSERT ON vectors_1 BEGIN SELECT 1; END",
    "a view": "CREATE VIEW every AS WITH RECURSIVE n (x) AS (SELECT 1 UNION ALL SELECT x FROM n) SELECT x FROM n",
    "a virtual table": "CREATE VIRTUAL TABLE other USING fts5 (a)",
    "a virtual table in capitals and blanks": "create   VIRTUAL\n table other USING rtree (id, a, b)",
    "an index on one of ours": "CREATE UNIQUE INDEX once ON entry (id, type)",
    "an index on an expression": "CREATE INDEX slow ON entry (length(replace(content, 'a', content)))",
}


@pytest.mark.parametrize("name", ACTS)
def test_what_acts_by_itself_is_refused(path, name):
    crafted(path, ACTS[name])
    with pytest.raises(DatabaseForeign, match="which Rekall does not make") as raised:
        SqliteStore(path)
    assert "rekall check --repair" in raised.value.hint


def changed_table(path: Path, name: str, change: Callable[[str], str]) -> None:
    with contextlib.closing(sqlite3.connect(path)) as other:
        other.execute("PRAGMA writable_schema = on")
        (sql,) = other.execute("SELECT sql FROM sqlite_schema WHERE name = ?", (name,)).fetchone()
        other.execute("UPDATE sqlite_schema SET sql = ? WHERE name = ?", (change(sql), name))
        other.commit()


@pytest.mark.parametrize(
    ("table", "old", "new"),
    [
        ("entry", "title TEXT NOT NULL", "title TEXT NOT NULL DEFAULT (randomblob(1000000000))"),
        ("entry", "content TEXT NOT NULL", "content TEXT NOT NULL CHECK (length(content) < 3)"),
        ("words", "content = ''", "content = 'entry'"),
        ("link", "ON DELETE CASCADE", "ON DELETE SET NULL"),
        ("vectors_1", "passage_id INTEGER", "other INTEGER"),
    ],
)
def test_a_table_that_is_not_as_rekall_makes_it_is_named(path, table, old, new):
    changed_table(path, table, lambda sql: sql.replace(old, new))
    with pytest.raises((DatabaseCorrupt, DatabaseForeign)) as raised:
        SqliteStore(path)
    assert "rekall check --repair" in raised.value.hint


def test_a_view_in_the_place_of_a_table_is_refused(path):
    crafted(path, "ALTER TABLE entry RENAME TO other", "CREATE VIEW entry AS SELECT * FROM other")
    with pytest.raises((DatabaseCorrupt, DatabaseForeign)):
        SqliteStore(path)


def test_a_table_that_is_missing_is_named(path):
    crafted(path, "DROP TABLE lease")
    with pytest.raises(DatabaseCorrupt, match="lease is missing"):
        SqliteStore(path)


def test_plain_tables_of_other_programs_are_left_alone(path):
    """A tool that copies databases as they grow keeps its marks in tables beside."""
    crafted(path, "CREATE TABLE _copied (id INTEGER PRIMARY KEY, seq INTEGER)", "INSERT INTO _copied VALUES (1, 2)")
    with contextlib.closing(SqliteStore(path)) as store:
        assert store.entries.count() == 3


@pytest.mark.parametrize("name", ["a trigger that deletes", "a view"])
def test_what_acts_by_itself_does_not_even_where_it_came_after_the_look(path, name):
    with contextlib.closing(Database(path)) as db:
        crafted(path, ACTS[name].replace("every", "looked"))
        with db.transaction():
            db.run(
                "INSERT INTO entry SELECT 99, 'ID', type, title, content, project, status, confidence, created_at, updated_at FROM entry LIMIT 1"
            )
        assert db.value("SELECT count(*) FROM entry") == 4


def test_sql_may_not_write_where_only_sqlite_does(path):
    with contextlib.closing(Database(path)) as db:
        for sql in ("DELETE FROM words_data", "PRAGMA writable_schema = on; DELETE FROM sqlite_schema"):
            with pytest.raises(Exception, match="may not be modified"):
                db.run(sql)
        assert db.value("PRAGMA trusted_schema") == 0
        assert db.value("PRAGMA cell_size_check") == 1
        assert db.value("PRAGMA secure_delete") == 1


# numbers in the header


def test_the_checksum_of_the_schema_is_that_of_all_steps():
    assert opening.shape_sum() == schema.SHAPE


@pytest.mark.parametrize("steps", range(1, len(schema.MIGRATIONS) + 1))
def test_a_base_of_any_version_passes_the_look(tmp_path, steps):
    Database(tmp_path / "old.db", migrations=schema.MIGRATIONS[:steps]).close()
    with contextlib.closing(Database(tmp_path / "old.db")) as db:
        assert db.value("PRAGMA user_version") == len(schema.MIGRATIONS)


@pytest.mark.parametrize("version", [-1, -(2**31), 0, 1, 3, len(schema.MIGRATIONS) - 1, 2**31 - 1])
def test_a_version_that_is_not_that_of_the_tables_is_called_damaged(path, version):
    crafted(path, f"PRAGMA user_version = {version}")
    with pytest.raises(DatabaseCorrupt) as raised:
        Database(path)
    assert "rekall check --repair" in raised.value.hint


def test_a_version_to_come_is_not_called_damaged(path):
    crafted(path, f"PRAGMA user_version = {len(schema.MIGRATIONS) + 3}")
    with pytest.raises(DatabaseTooNew):
        Database(path)


def test_a_base_whose_mark_was_hit_is_called_damaged_and_not_foreign(path):
    crafted(path, "PRAGMA application_id = 7")
    with pytest.raises(DatabaseCorrupt) as raised:
        Database(path)
    assert "rekall check --repair" in raised.value.hint


# the log of writes


@pytest.mark.parametrize("mode", ["delete", "truncate", "persist"])
def test_a_base_that_lost_its_log_of_writes_gets_it_back(path, mode):
    crafted(path, f"PRAGMA journal_mode = {mode}")
    with contextlib.closing(Database(path)) as db:
        assert db.value("PRAGMA journal_mode") == "wal"
        with contextlib.closing(Database(path)) as reader, reader.snapshot():
            assert reader.value("SELECT count(*) FROM entry") == 3
            with db.transaction():  # a reader does not stop a writer
                db.run("DELETE FROM item")


def test_a_base_that_cannot_get_it_back_now_is_used_all_the_same(path):
    crafted(path, "PRAGMA journal_mode = delete")
    with contextlib.closing(apsw.Connection(str(path))) as other:
        other.execute("BEGIN")
        other.execute("SELECT count(*) FROM entry").fetchall()  # holds the file, so that the mode cannot change
        with contextlib.closing(Database(path, busy_timeout_s=0.05)) as db:
            assert db.value("SELECT count(*) FROM entry") == 3
            assert db.value("PRAGMA journal_mode") == "delete"
    with contextlib.closing(Database(path)) as db:
        assert db.value("PRAGMA journal_mode") == "wal"


def log_bytes(path: Path) -> int:
    return path.with_name(path.name + "-wal").stat().st_size


def fill(db: Database, megabytes: int) -> None:
    for _ in range(megabytes):
        with db.transaction():
            db.run("UPDATE entry SET content = randomblob(0) || hex(randomblob(500000)) WHERE key = 1")


def test_the_log_of_writes_becomes_short_when_a_reader_that_stayed_is_gone(path):
    with contextlib.closing(Database(path)) as db:
        with contextlib.closing(Database(path)) as reader, reader.snapshot():
            reader.value("SELECT count(*) FROM entry")
            fill(db, 50)
            assert log_bytes(path) > 40 << 20  # what the reader sees must stay
        fill(db, 40)
        assert log_bytes(path) <= 2 * opening.LOG_BYTES


def test_the_log_of_writes_stays_short_though_there_always_is_a_reader(path):
    """Readers that overlap never leave SQLite a moment to begin its log anew by itself."""
    done = threading.Event()

    def read(number: int) -> None:
        with contextlib.closing(Database(path)) as reader:
            while not done.is_set():
                with reader.snapshot():
                    reader.value("SELECT sum(length(content)) FROM entry")

    def write() -> None:
        try:
            with contextlib.closing(Database(path)) as db:
                fill(db, 120)
                assert log_bytes(path) < 100 << 20
        finally:
            done.set()

    assert in_threads(4, lambda number: read(number) if number else write()) == []


def test_what_is_long_is_not_waited_for_again_with_every_change(path):
    with contextlib.closing(Database(path)) as db, contextlib.closing(Database(path)) as reader, reader.snapshot():
        reader.value("SELECT count(*) FROM entry")
        asked: list[str] = []
        run = db.run
        db.run = lambda sql, *rest: (asked.append(sql), run(sql, *rest))[1]  # type: ignore[method-assign]
        fill(db, 80)
        assert sum("wal_checkpoint" in sql for sql in asked) <= 3


# a base that is only read


@pytest.fixture
def only_read(path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A base whose folder nobody may write into, as far as the system tells us: root may write anywhere."""
    really = os.access
    monkeypatch.setattr(os, "access", lambda place, mode: Path(place) != path.parent and really(place, mode))
    return path


def test_a_base_in_a_folder_that_cannot_be_written_is_read_and_nothing_is_left_there(only_read: Path) -> None:
    moved = only_read.rename(only_read.with_name("Notizen für #1? 100%.db"))
    with closing(SqliteStore(moved)) as store:
        assert store.entries.count() == 3
        assert [file.name for file in moved.parent.iterdir()] == [moved.name]
        with pytest.raises(DatabaseReadOnly, match="cannot be written"), store.transaction():
            store.db.run("DELETE FROM entry")


@pytest.mark.parametrize("read_only", [False, True])
def test_one_of_an_earlier_schema_says_that_it_has_to_be_brought_up_to_date(
    only_read: Path, tmp_path: Path, read_only: bool
) -> None:
    Database(tmp_path / "old.db", migrations=schema.MIGRATIONS[:-1]).close()
    old = (tmp_path / "old.db").rename(only_read.with_name("old.db"))
    was = old.read_bytes()
    with pytest.raises(DatabaseReadOnly, match="of an earlier Rekall, and cannot be brought up to date"):
        SqliteStore(old, read_only=read_only)
    assert old.read_bytes() == was


@links
def test_by_a_link_it_is_the_folder_of_the_file_that_counts(
    only_read: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    link = tmp_path_factory.mktemp("home") / "rekall.db"
    link.symlink_to(only_read)
    with closing(SqliteStore(link)) as store:
        assert store.entries.count() == 3
        assert [file.name for file in only_read.parent.iterdir()] == [only_read.name]


def test_what_its_owner_has_in_the_log_of_writes_is_read_too(only_read: Path) -> None:
    with closing(apsw.Connection(str(only_read))) as owner:
        owner.pragma("wal_autocheckpoint", 0)
        owner.execute("UPDATE entry SET title = 'written just now'")
        with closing(SqliteStore(only_read)) as store:
            assert store.db.value("SELECT count(*) FROM entry WHERE title = 'written just now'") == 3


def test_an_earlier_one_cannot_be_brought_up_to_date_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "rekall.db"
    Database(path, migrations=schema.MIGRATIONS[:-1]).close()
    really = os.access
    monkeypatch.setattr(os, "access", lambda place, mode: Path(place) != tmp_path and really(place, mode))
    with pytest.raises(DatabaseReadOnly):
        Database(path)


def test_a_process_that_stays_sees_what_others_write_where_it_cannot_and_writes_once_it_can(
    home: Path, quick_model: FakeEncoder, monkeypatch: pytest.MonkeyPatch
) -> None:
    really, is_closed = os.access, False
    monkeypatch.setattr(os, "access", lambda place, mode: not (is_closed and mode == os.W_OK) and really(place, mode))

    def titles(app: App) -> set[str]:
        return {entry.title for entry in app.open_base().list_entries(Filters()).entries}

    def add(title: str) -> None:
        with closing(App()) as owner:
            owner.open_base(to_write=True).add(Draft(EntryType.TIL, title))

    add("before")
    with closing(App()) as reader:
        is_closed = True
        assert titles(reader) == {"before"}
        opened = reader.open_base()
        assert reader.open_base() is opened
        is_closed = False
        add("later")
        is_closed = True
        assert titles(reader) == {"before", "later"}
        with pytest.raises(DatabaseReadOnly):
            reader.open_base(to_write=True).add(Draft(EntryType.TIL, "refused"))
        is_closed = False
        reader.open_base(to_write=True).add(Draft(EntryType.TIL, "by itself"))
        assert titles(reader) == {"before", "later", "by itself"}
