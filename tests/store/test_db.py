import contextlib
import os
import sqlite3
import stat
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support import in_threads, make_bench, syncing

from rekall.db import Database
from rekall.entry.fields import Draft
from rekall.entry.filters import Filters
from rekall.entry.types import EntryType
from rekall.errors import (
    DatabaseCorrupt,
    DatabaseForeign,
    DatabaseLocked,
    DatabaseReadOnly,
    DatabaseTooNew,
    DiskFull,
    StorageError,
)
from rekall.search.results import Mode
from rekall.store import schema

POSIX = pytest.mark.skipif(
    os.name != "posix", reason="Windows has no file modes; its home folder is private by its own rules"
)


PATIENCE_S = 120.0
"""How long a busy machine may take. Only what is broken takes so long."""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "base" / "rekall.db"


@pytest.fixture
def opened() -> Iterator[Callable[..., Database]]:
    """Opens databases and closes them in the end."""
    made: list[Database] = []

    def make(*arguments: object, **options: object) -> Database:
        made.append(Database(*arguments, **options))
        return made[-1]

    yield make
    for one in made:
        one.close()


@pytest.fixture
def db(opened: Callable[..., Database]) -> Database:
    made = opened(None)
    made.run("CREATE TABLE thing (name TEXT)")
    return made


def names(db: Database) -> list[str]:
    return [row[0] for row in db.rows("SELECT name FROM thing ORDER BY rowid")]


def test_a_new_file_is_marked_as_ours(opened, path):
    db = opened(path)
    assert db.value("PRAGMA application_id") == schema.APPLICATION_ID
    assert db.value("PRAGMA user_version") == len(schema.MIGRATIONS)


def test_outside_of_the_tests_what_is_committed_is_on_the_disk(opened, path, monkeypatch):
    monkeypatch.setattr(Database, "_open", syncing.OPEN)
    monkeypatch.setattr(Database, "_migrate", syncing.MIGRATE)
    full, normal = 2, 1
    assert opened(path).value("PRAGMA synchronous") == full
    assert opened(None).value("PRAGMA synchronous") == normal


def test_a_new_file_writes_ahead_and_keeps_its_references(opened, path):
    db = opened(path)
    assert db.value("PRAGMA journal_mode") == "wal"
    assert db.value("PRAGMA page_size") == schema.PAGE_BYTES
    db.close()
    again = opened(path)
    assert again.value("PRAGMA journal_mode") == "wal"
    assert again.value("PRAGMA foreign_keys") == 1


def test_without_a_path_no_file_is_made(opened, tmp_path):
    before = sorted(tmp_path.rglob("*"))
    db = opened(None)
    assert db.value("SELECT count(*) FROM entry") == 0
    assert sorted(tmp_path.rglob("*")) == before


def test_what_was_written_is_there_when_opened_again(opened, path):
    first = opened(path)
    first.run("CREATE TABLE thing (name TEXT)")
    first.run_many("INSERT INTO thing VALUES (?)", [("a",), ("b",)])
    first.close()
    assert names(opened(path)) == ["a", "b"]


def test_opening_and_reading_again_changes_no_byte(opened, path):
    opened(path).close()
    before = path.read_bytes()
    again = opened(path)
    again.rows("SELECT * FROM entry")
    again.close()
    assert path.read_bytes() == before


def test_an_empty_file_becomes_a_database(opened, path):
    path.parent.mkdir()
    path.touch()
    assert opened(path).value("PRAGMA application_id") == schema.APPLICATION_ID


def test_closing_twice_is_fine(opened, path):
    db = opened(path)
    db.close()
    db.close()


@POSIX
def test_only_the_owner_may_read_it(opened, path):
    before = os.umask(0)
    try:
        db = opened(path)
        db.run("CREATE TABLE thing (name TEXT)")
        modes = {part.name: stat.S_IMODE(part.stat().st_mode) for part in path.parent.iterdir()}
    finally:
        os.umask(before)
    assert modes == {"rekall.db": 0o600, "rekall.db-wal": 0o600, "rekall.db-shm": 0o600}
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


def foreign(path: Path, *statements: str) -> bytes:
    path.parent.mkdir(parents=True, exist_ok=True)
    with contextlib.closing(sqlite3.connect(path)) as connection:
        for statement in statements:
            connection.execute(statement)
        connection.commit()
    return path.read_bytes()


@pytest.mark.parametrize(
    "statement",
    [
        "CREATE TABLE bookmarks (url TEXT)",
        "PRAGMA application_id = 42",
        "PRAGMA user_version = 1",
    ],
)
def test_the_database_of_another_program_is_left_alone(path, statement):
    before = foreign(path, statement)
    with pytest.raises(DatabaseForeign) as raised:
        Database(path)
    assert str(path) in raised.value.message
    assert raised.value.hint
    assert path.read_bytes() == before
    assert [part.name for part in path.parent.iterdir()] == ["rekall.db"]


@pytest.mark.parametrize(
    "data", [b"hi\n", b"just some notes\n" * 10, b"\x89PNG" + bytes(10_000)], ids=["tiny", "text", "binary"]
)
def test_a_file_that_is_no_database_is_left_alone(path, data):
    path.parent.mkdir()
    path.write_bytes(data)
    with pytest.raises(DatabaseForeign) as raised:
        Database(path)
    assert raised.value.hint
    assert path.read_bytes() == data


def test_a_database_of_a_later_rekall_is_left_alone(opened, path):
    later = (*schema.MIGRATIONS, "CREATE TABLE extra (x)")
    opened(path, migrations=later).close()
    before = path.read_bytes()
    with pytest.raises(DatabaseTooNew) as raised:
        Database(path)
    assert "upgrade" in raised.value.hint
    assert path.read_bytes() == before


def test_a_folder_in_its_place_is_a_clear_error(path):
    path.mkdir(parents=True)
    with pytest.raises(StorageError) as raised:
        Database(path)
    assert raised.value.hint


def test_a_file_in_the_place_of_its_folder_is_a_clear_error(path):
    path.parent.write_text("in the way")
    with pytest.raises(StorageError) as raised:
        Database(path)
    assert raised.value.hint


def filled(path: Path) -> None:
    bench = make_bench(path)
    for number in range(40):
        bench.base.add(Draft(EntryType.TIL, f"note {number}", "word " * 400))
    bench.base.close()


def test_a_file_cut_in_half_is_called_damaged(path):
    filled(path)
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 2])
    with pytest.raises(DatabaseCorrupt) as raised, contextlib.closing(Database(path)) as db:
        db.check()
    assert "rekall check --repair" in raised.value.hint
    assert path.read_bytes() == data[: len(data) // 2]


def test_overwritten_pages_are_called_damaged(path):
    filled(path)
    data = bytearray(path.read_bytes())
    for start in range(schema.PAGE_BYTES, len(data), schema.PAGE_BYTES):
        data[start : start + 600] = b"\xaa" * 600
    path.write_bytes(data)
    with pytest.raises(DatabaseCorrupt), contextlib.closing(Database(path)) as db:
        db.check()


def test_a_damaged_page_ends_a_read_in_a_clear_error(path):
    filled(path)
    data = bytearray(path.read_bytes())
    for start in range(schema.PAGE_BYTES, len(data), schema.PAGE_BYTES):
        data[start : start + 600] = b"\xaa" * 600
    path.write_bytes(data)
    with pytest.raises(DatabaseCorrupt):
        make_bench(path).base.list_entries(Filters(), None)


def test_a_sound_database_passes_the_check(opened, path):
    filled(path)
    opened(path).check()


def test_waiting_for_another_writer_ends_in_a_clear_error(opened, path):
    first, second = opened(path), opened(path, busy_timeout_s=0.05)
    with first.transaction():
        first.run("CREATE TABLE thing (name TEXT)")
        with pytest.raises(DatabaseLocked) as raised, second.transaction():
            pass
    assert raised.value.retryable
    assert raised.value.hint
    with second.transaction():
        second.run("INSERT INTO thing VALUES ('b')")
    assert names(first) == ["b"]


def test_another_writer_does_not_stop_readers(opened, path):
    first, second = opened(path), opened(path, busy_timeout_s=0.05)
    first.run("CREATE TABLE thing (name TEXT)")
    with first.transaction():
        first.run("INSERT INTO thing VALUES ('a')")
        assert names(second) == []
        assert names(opened(path, busy_timeout_s=0.05)) == []
    assert names(second) == ["a"]


def test_a_writer_waits_for_a_short_transaction_to_end(opened, path):
    first = opened(path)
    first.run("CREATE TABLE thing (name TEXT)")
    begun, ended = threading.Event(), []

    def other() -> None:
        second = Database(path, busy_timeout_s=PATIENCE_S)
        begun.set()
        with second.transaction():
            second.run("INSERT INTO thing VALUES ('second')")
        second.close()
        ended.append(True)

    thread = threading.Thread(target=other)
    with first.transaction():
        first.run("INSERT INTO thing VALUES ('first')")
        thread.start()
        begun.wait()
        thread.join(0.1)
        assert ended == []
    thread.join()
    assert ended == [True]
    assert names(first) == ["first", "second"]


def test_many_may_open_a_new_file_at_once(opened, path):
    together, problems = threading.Barrier(8), []

    def work() -> None:
        together.wait()
        try:
            Database(path).close()
        except BaseException as error:
            problems.append(error)

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert problems == []
    db = opened(path)
    db.check()
    assert db.value("PRAGMA user_version") == len(schema.MIGRATIONS)
    assert db.value("PRAGMA journal_mode") == "wal"


def test_a_full_disk_is_named_and_leaves_the_base_as_it_was(path):
    bench = make_bench(path)
    kept = bench.base.add(Draft(EntryType.TIL, "kept")).entry
    bench.store.db.run(f"PRAGMA max_page_count = {bench.store.db.value('PRAGMA page_count') + 2}")
    with pytest.raises(DiskFull) as raised:
        bench.base.add(Draft(EntryType.TIL, "too much", "word " * 100_000))
    assert raised.value.retryable
    assert raised.value.hint
    assert bench.base.list_entries(Filters(), None).entries == (kept,)
    bench.store.db.check()
    bench.store.db.run("PRAGMA max_page_count = 1000000")
    bench.base.add(Draft(EntryType.TIL, "room again"))
    assert bench.base.count() == 2
    bench.base.close()


def test_writing_where_nothing_may_be_written_is_named(db):
    db.run("PRAGMA query_only = 1")
    with pytest.raises(DatabaseReadOnly) as raised:
        db.run("INSERT INTO thing VALUES ('a')")
    assert raised.value.hint


@POSIX
def test_a_folder_without_write_permission_is_named(tmp_path):
    if os.geteuid() == 0:
        pytest.skip("root may write everywhere")
    folder = tmp_path / "closed"
    folder.mkdir(mode=0o500)
    with pytest.raises(DatabaseReadOnly) as raised:
        Database(folder / "rekall.db")
    assert raised.value.hint


def test_wrong_sql_is_a_storage_error(db):
    with pytest.raises(StorageError):
        db.run("SELEKT")
    with pytest.raises(StorageError):
        list(db.stream("SELECT * FROM nowhere"))
    with pytest.raises(StorageError):
        db.run_many("INSERT INTO nowhere VALUES (?)", [("a",)])


def test_an_extension_that_is_not_there_is_a_storage_error(db, tmp_path):
    with pytest.raises(StorageError):
        db.load_extension(str(tmp_path / "nothing"))


def test_sql_may_not_load_extensions(db):
    with pytest.raises(StorageError):
        db.value("SELECT load_extension('vec0')")


EXTRA = "CREATE TABLE extra (x TEXT); INSERT INTO extra VALUES ('once');"


def test_an_added_migration_applies_once_and_keeps_the_data(opened, path):
    filled(path)
    for _ in range(2):
        db = opened(path, migrations=(*schema.MIGRATIONS, EXTRA))
        assert db.rows("SELECT x FROM extra") == [("once",)]
        assert db.value("PRAGMA user_version") == len(schema.MIGRATIONS) + 1
        assert db.value("SELECT count(*) FROM entry") == 40
        db.close()


def test_a_failing_migration_leaves_the_old_version_intact(opened, path):
    filled(path)
    broken = (*schema.MIGRATIONS, "CREATE TABLE extra (x); DELETE FROM entry; INSERT INTO nowhere VALUES (1)")
    with pytest.raises(StorageError):
        Database(path, migrations=broken)
    db = opened(path)
    assert db.value("PRAGMA user_version") == len(schema.MIGRATIONS)
    assert db.value("SELECT count(*) FROM sqlite_schema WHERE name = 'extra'") == 0
    assert db.value("SELECT count(*) FROM entry") == 40
    db.check()


def test_the_steps_before_a_failing_one_stay(opened, path):
    with pytest.raises(StorageError):
        Database(path, migrations=(*schema.MIGRATIONS, EXTRA, "INSERT INTO nowhere VALUES (1)"))
    db = opened(path, migrations=(*schema.MIGRATIONS, EXTRA))
    assert db.rows("SELECT x FROM extra") == [("once",)]


def test_a_new_file_whose_first_step_fails_can_be_opened_later(opened, path):
    with pytest.raises(StorageError):
        Database(path, migrations=("CREATE TABLE a (x); nonsense",))
    assert opened(path).value("SELECT count(*) FROM entry") == 0


def shape(db: Database) -> list[tuple]:
    return db.rows("SELECT type, name, tbl_name, sql FROM sqlite_schema ORDER BY type, name")


def test_a_fresh_schema_equals_a_migrated_one(opened, tmp_path):
    steps = (*schema.MIGRATIONS, EXTRA, "ALTER TABLE extra ADD COLUMN y TEXT")
    for count in range(1, len(steps) + 1):
        migrated = opened(tmp_path / "migrated.db", migrations=steps[:count])
        fresh = opened(tmp_path / f"fresh{count}.db", migrations=steps[:count])
        assert shape(migrated) == shape(fresh)
        assert migrated.value("PRAGMA user_version") == fresh.value("PRAGMA user_version") == count
        migrated.close()


def test_a_transaction_keeps_everything(db):
    with db.transaction():
        db.run("INSERT INTO thing VALUES ('a')")
        db.run("INSERT INTO thing VALUES ('b')")
    assert names(db) == ["a", "b"]


@pytest.mark.parametrize("problem", [ValueError, KeyboardInterrupt, SystemExit, GeneratorExit])
def test_whatever_stops_a_transaction_undoes_it(db, problem):
    with pytest.raises(problem), db.transaction():  # noqa: PT012 - the transaction as a whole
        db.run("INSERT INTO thing VALUES ('a')")
        raise problem
    assert names(db) == []
    with db.transaction():
        db.run("INSERT INTO thing VALUES ('b')")
    assert names(db) == ["b"]


def test_a_refused_statement_undoes_the_transaction(db):
    with pytest.raises(StorageError), db.transaction():  # noqa: PT012 - the transaction as a whole
        db.run("INSERT INTO thing VALUES ('a')")
        db.run("INSERT INTO nowhere VALUES ('a')")
    assert names(db) == []


def test_a_commit_that_is_refused_undoes_the_transaction(db):
    db.run(
        "CREATE TABLE child (name TEXT REFERENCES parent (name) DEFERRABLE INITIALLY DEFERRED); CREATE TABLE parent (name TEXT UNIQUE)"
    )
    with pytest.raises(StorageError), db.transaction():  # noqa: PT012 - the transaction as a whole
        db.run("INSERT INTO thing VALUES ('a')")
        db.run("INSERT INTO child VALUES ('nobody')")
    assert names(db) == []
    with db.transaction():
        db.run("INSERT INTO thing VALUES ('b')")
    assert names(db) == ["b"]


def test_the_outer_transaction_decides(db):
    with pytest.raises(ValueError, match="outer"), db.transaction():  # noqa: PT012 - the transaction as a whole
        with db.transaction():
            db.run("INSERT INTO thing VALUES ('inner')")
        raise ValueError("outer")
    assert names(db) == []


def test_a_problem_in_the_inner_transaction_undoes_both(db):
    with pytest.raises(ValueError, match="inner"), db.transaction():  # noqa: PT012 - the transaction as a whole
        db.run("INSERT INTO thing VALUES ('outer')")
        with db.transaction():
            db.run("INSERT INTO thing VALUES ('inner')")
            raise ValueError("inner")
    assert names(db) == []


def test_nested_transactions_end_together(db):
    with db.transaction():
        with db.transaction():
            db.run("INSERT INTO thing VALUES ('inner')")
        db.run("INSERT INTO thing VALUES ('outer')")
    assert names(db) == ["inner", "outer"]


def test_value_is_none_without_a_row(db):
    assert db.value("SELECT name FROM thing") is None


def test_a_stream_gives_the_rows_of_a_query(db):
    db.run_many("INSERT INTO thing VALUES (?)", ((str(number),) for number in range(5)))
    assert [row[0] for row in db.stream("SELECT name FROM thing WHERE name > ?", ("2",))] == ["3", "4"]


def stems(db: Database, text: str) -> list[str]:
    return [stem for _, _, stem in db.stem_places(text)]


def test_stems_are_folded_words(db):
    assert stems(db, "Connections FAILED, déjà-vu c++") == ["connect", "fail", "deja", "vu", "c"]


def test_places_are_characters_and_not_bytes(db):
    assert db.stem_places("é 数据 zebra") == [(0, 1, "e"), (2, 4, "数据"), (5, 10, "zebra")]


TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=60) | st.lists(
    st.sampled_from(["Running", "é", "e\u0301", "数据库", " ", "\n", "😀", "\0", "don't", "-", "ﬁ", "İ", "_", "１２"]),
    max_size=20,
).map("".join)


@settings(deadline=None, max_examples=150)
@given(text=TEXTS)
def test_the_places_of_stems_are_where_the_words_stand(text):
    with contextlib.closing(Database(None)) as db:
        places = db.stem_places(text)
        last = 0
        for start, end, stem in places:
            assert last <= start < end <= len(text)
            assert stems(db, text[start:end]) == [stem]
            last = end


# many threads on one connection


@pytest.fixture(params=["file", "memory"])
def shared(request: pytest.FixtureRequest, opened: Callable[..., Database], path: Path) -> Database:
    """A connection for many threads, with two accounts that hold a hundred between them."""
    made: Database = opened(path if request.param == "file" else None)
    made.run("CREATE TABLE account (name TEXT PRIMARY KEY, amount INTEGER); CREATE TABLE log (number INTEGER)")
    made.run("INSERT INTO account VALUES ('a', 100), ('b', 0)")
    return made


def test_no_update_of_many_threads_is_lost(shared):
    def work(number: int) -> None:
        for _ in range(20):
            with shared.transaction():
                amount = shared.value("SELECT amount FROM account WHERE name = 'a'")
                shared.run("UPDATE account SET amount = ? WHERE name = 'a'", (amount + 1,))

    assert in_threads(12, work) == []
    assert shared.value("SELECT amount FROM account WHERE name = 'a'") == 100 + 12 * 20


def test_no_thread_sees_half_of_anothers_transaction(shared):
    def work(number: int) -> None:
        for turn in range(30):
            if number % 2:
                with contextlib.suppress(ZeroDivisionError), shared.transaction():
                    shared.run("UPDATE account SET amount = amount - 1 WHERE name = 'a'")
                    shared.run("UPDATE account SET amount = amount + 1 WHERE name = 'b'")
                    if turn % 5 == 0:
                        raise ZeroDivisionError
            elif turn % 3 == 0:
                assert shared.value("SELECT sum(amount) FROM account") == 100
            elif turn % 3 == 1:
                with shared.snapshot():
                    first = shared.rows("SELECT amount FROM account ORDER BY name")
                    assert shared.rows("SELECT amount FROM account ORDER BY name") == first
                    assert sum(row[0] for row in first) == 100
            else:
                assert sum(row[0] for row in shared.stream("SELECT amount FROM account")) == 100

    assert in_threads(12, work) == []
    assert shared.rows("SELECT amount FROM account ORDER BY name") == [(100 - 6 * 24,), (6 * 24,)]


def test_the_last_key_is_that_of_the_threads_own_row(shared):
    shared.run("CREATE TABLE numbered (key INTEGER PRIMARY KEY, thread INTEGER)")

    def work(number: int) -> None:
        for _ in range(20):
            with shared.transaction():
                shared.run("INSERT INTO numbered (thread) VALUES (?)", (number,))
                key = shared.last_key()
            assert shared.value("SELECT thread FROM numbered WHERE key = ?", (key,)) == number

    assert in_threads(8, work) == []


def test_threads_may_do_everything_at_once(shared):
    def work(number: int) -> None:
        for turn in range(10):
            shared.run_many("INSERT INTO log VALUES (?)", ((number * 100 + turn + place / 2,) for place in (0, 0)))
            assert shared.stem_places("zebras crossing") == [(0, 6, "zebra"), (7, 15, "cross")]
            shared.data_version()
            shared.size_bytes()
            with pytest.raises(StorageError):
                shared.run("INSERT INTO nowhere VALUES (1)")
            with contextlib.suppress(KeyError), shared.transaction(), shared.transaction():
                shared.run("DELETE FROM log")
                raise KeyError

    assert in_threads(8, work) == []
    assert shared.value("SELECT count(*) FROM log") == 8 * 10 * 2


def test_a_thread_that_stops_reading_a_stream_lets_the_others_go_on(shared):
    shared.run_many("INSERT INTO log VALUES (?)", ((number,) for number in range(1000)))

    def work(number: int) -> None:
        for _ in range(10):
            rows = shared.stream("SELECT number FROM log")
            next(rows)
            rows.close()
            shared.run("UPDATE log SET number = number + 1 WHERE number = ?", (number,))

    assert in_threads(6, work) == []


def test_a_stream_ends_before_another_thread_writes(shared):
    shared.run_many("INSERT INTO log VALUES (?)", ((number,) for number in range(50)))
    written = threading.Event()

    def write() -> None:
        shared.run("DELETE FROM log")
        written.set()

    thread = threading.Thread(target=write)
    rows = shared.stream("SELECT number FROM log ORDER BY number")
    seen = [next(rows)]
    thread.start()
    assert not written.wait(0.1)
    seen += rows
    thread.join()
    assert seen == [(number,) for number in range(50)]
    assert shared.value("SELECT count(*) FROM log") == 0


def test_closing_waits_for_the_transaction_of_another_thread(opened, path):
    db = opened(path)
    db.run("CREATE TABLE thing (name TEXT)")
    inside, go_on = threading.Event(), threading.Event()

    def work() -> None:
        with db.transaction():
            inside.set()
            go_on.wait(PATIENCE_S)
            db.run("INSERT INTO thing VALUES ('whole')")

    worker, closer = threading.Thread(target=work), threading.Thread(target=db.close)
    worker.start()
    assert inside.wait(PATIENCE_S)
    closer.start()
    closer.join(0.1)
    assert closer.is_alive()
    go_on.set()
    worker.join(PATIENCE_S)
    closer.join(PATIENCE_S)
    assert names(opened(path)) == ["whole"]


def test_the_version_changes_when_another_connection_writes_and_only_then(opened, path):
    first, second = opened(path), opened(path)
    first.run("CREATE TABLE thing (name TEXT)")
    before = second.data_version()
    second.rows("SELECT * FROM thing")
    first.rows("SELECT * FROM thing")
    second.run("INSERT INTO thing VALUES ('own')")
    assert second.data_version() == before
    seen = {before}
    for _ in range(3):
        first.run("INSERT INTO thing VALUES ('other')")
        seen.add(second.data_version())
        assert second.data_version() == second.data_version()
    assert len(seen) == 4


def test_the_version_of_a_base_tells_of_another_window(path):
    benches = [make_bench(path), make_bench(path)]
    first, second = (bench.base for bench in benches)
    try:
        entry = first.add(Draft(EntryType.TIL, "zebra")).entry
        before = second.version()
        for mode in Mode:
            second.search("zebra", Filters(), mode, 5)
        first.list_entries(Filters(), None)
        second.get(entry.id)
        assert second.version() == before
        for write in (first.delete, first.restore):
            write(entry.id)
            assert second.version() != before
            before = second.version()
    finally:
        for bench in benches:
            bench.base.close()


@pytest.mark.skipif(os.name == "nt", reason="a file that is open keeps its name there")
def test_nothing_is_written_to_a_file_that_lost_its_name(tmp_path):
    path = tmp_path / "rekall.db"
    with contextlib.closing(Database(path)) as db:
        db.run("CREATE TABLE t (x)")
        (tmp_path / "kept").hardlink_to(path)
        path.unlink()
        with pytest.raises(StorageError, match="moved, removed or replaced"), db.transaction():
            pytest.fail("was begun")
        (tmp_path / "other").write_bytes(b"")
        (tmp_path / "other").rename(path)
        with pytest.raises(StorageError, match="moved, removed or replaced"), db.transaction():
            pytest.fail("was begun")
        path.unlink()
        (tmp_path / "kept").rename(path)
        with db.transaction():
            db.run("INSERT INTO t VALUES (1)")
