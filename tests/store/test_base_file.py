"""Copies of a base beside running writers, and a base put in the place of another, whoever has it open."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from datetime import datetime, timezone
from pathlib import Path

import apsw
import pytest
from support import make_bench
from support.damage import entries_of
from support.holding import LOCKED, held_at_replacing
from support.systems import WINDOWS, links, linux_alone

from rekall.db import Database
from rekall.errors import (
    DatabaseCorrupt,
    DatabaseForeign,
    DatabaseLocked,
    DatabaseTooNew,
    FileHeld,
    InvalidInput,
    NotFound,
    UsageError,
)
from rekall.store import schema
from rekall.store.base_file import SqliteBaseFile
from rekall.store.copies import BACKUP, BEFORE_MIGRATION, copies_in, copy_before_migration, place_for, remove_old
from rekall.store.findings import BaseCopy, Level
from rekall.store.sqlite import SqliteStore
from rekall.store.watch import Watch


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A base of two entries."""
    folder = tmp_path / "base"
    folder.mkdir()
    fill(folder / "rekall.db", "one", "two")
    return folder / "rekall.db"


@pytest.fixture
def other(tmp_path: Path) -> Path:
    """A copy of a base of three."""
    folder = tmp_path / "other"
    folder.mkdir()
    fill(folder / "rekall.db", "first", "second", "third")
    return SqliteBaseFile(folder / "rekall.db").back_up(tmp_path / "copy.db", 1, replace=False)[0].path


def fill(path: Path, *titles: str) -> None:
    bench = make_bench(path)
    for title in titles:
        bench.base.add("bug", title, content=f"{title} " * 400)
    bench.base.close()


def titles(path: Path) -> list[str]:
    return sorted(entry.title for entry in entries_of(path).values())


def yes(found: BaseCopy) -> bool:
    return True


def whole(path: Path) -> bool:
    return not any(each.level is Level.PROBLEM for each in SqliteBaseFile(path).examine().findings)


HOLD = """
import sys, apsw
connection = apsw.Connection(sys.argv[1])
ask = lambda: print(connection.execute("SELECT count(*) FROM entry").fetchall()[0][0], flush=True)
ask()
for line in sys.stdin:
    if line.strip() == "write":
        connection.execute("UPDATE entry SET confidence = 4")
    ask()
"""


@pytest.fixture
def holder() -> Iterator[Callable[[Path], subprocess.Popen[str]]]:
    """Another process that has a base open; a line to its stdin asks how many entries it sees."""
    processes: list[subprocess.Popen[str]] = []

    def hold(path: Path) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, "-c", HOLD, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        processes.append(process)
        assert process.stdout is not None
        assert process.stdout.readline().strip().isdigit()
        return process

    yield hold
    for process in processes:
        process.kill()
        process.communicate()


def asked(process: subprocess.Popen[str], line: str = "") -> int:
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(line + "\n")
    process.stdin.flush()
    return int(process.stdout.readline())


# copies


def test_a_backup_is_one_private_file_that_can_be_used_as_a_base(path, tmp_path):
    copy, removed = SqliteBaseFile(path).back_up(tmp_path / "copy.db", 5, replace=False)
    assert (copy.entries, removed) == (2, ())
    assert sorted(file.name for file in tmp_path.glob("copy.db*")) == ["copy.db"]
    assert os.name == "nt" or copy.path.stat().st_mode & 0o777 == 0o600
    assert copy.path.read_bytes()[18:20] == b"\1\1"  # no log beside it
    assert titles(copy.path) == ["one", "two"]


def test_a_backup_holds_what_stands_in_the_log_only(path):
    bench = make_bench(path)
    try:
        bench.base.add("bug", "three")
        copy, _ = SqliteBaseFile(path).back_up(None, 5, replace=False)
        assert titles(copy.path) == ["one", "three", "two"]
    finally:
        bench.base.close()


def test_a_backup_beside_a_writer_is_a_moment_of_it_and_stops_it_not(path):
    ended = threading.Event()
    written: list[int] = []

    def write() -> None:
        connection = apsw.Connection(str(path))
        connection.set_busy_timeout(10_000)
        while not ended.is_set():
            with connection:  # both or neither
                connection.execute("UPDATE entry SET confidence = (confidence + 1) % 5")
            written.append(1)
        connection.close()

    thread = threading.Thread(target=write)
    thread.start()
    try:
        for _ in range(5):
            before = len(written)
            copy, _ = SqliteBaseFile(path).back_up(None, 9, replace=False)
            entries = entries_of(copy.path).values()
            assert len({entry.confidence for entry in entries}) == 1
            while len(written) == before:
                time.sleep(0.001)
    finally:
        ended.set()
        thread.join()


def test_only_old_backups_are_removed(path):
    folder = path.parent / "backups"
    base = SqliteBaseFile(path)
    made = [base.back_up(None, 9, replace=False)[0].path for _ in range(4)]
    strangers = [folder / "rekall.db", folder / "rekall-mine.db", folder / "notes.txt", folder / "before-restore-x.db"]
    for stranger in strangers:
        stranger.write_text("mine")
    _, removed = base.back_up(None, 2, replace=False)
    assert set(removed) == set(made[:3])
    assert all(stranger.read_text() == "mine" for stranger in strangers)
    assert len(base.copies()) == 2


def test_names_of_one_second_are_told_apart_and_sorted(tmp_path):
    moment = datetime(2026, 1, 2, 3, 4, 5, tzinfo=timezone.utc)
    first = place_for(tmp_path, BACKUP, moment)
    first.touch()
    second = place_for(tmp_path, BACKUP, moment)
    second.touch()
    assert [first.name, second.name] == ["rekall-20260102T030405Z.db", "rekall-20260102T030405Z-2.db"]
    assert [copy.made_at for copy in copies_in(tmp_path)] == [moment, moment]
    assert remove_old(tmp_path, BEFORE_MIGRATION, 1) == []


def test_a_backup_elsewhere_is_remembered_and_replaced_by_the_next(path, tmp_path):
    base = SqliteBaseFile(path)
    target = tmp_path / "stick" / "copy.db"
    with pytest.raises(NotFound):
        base.back_up(target, 5, replace=False)
    target.parent.mkdir()
    base.back_up(target, 5, replace=False)
    assert [copy.path for copy in base.copies()] == [target]
    fill(path, "three")
    assert base.back_up(target, 5, replace=False)[0].entries == 3
    target.unlink()
    assert base.copies() == []


def test_every_copy_made_elsewhere_is_known_and_every_file_beside_the_copies_is_looked_at(path, tmp_path):
    base = SqliteBaseFile(path)
    entry = next(iter(entries_of(path)))
    inside = base.back_up(None, 9, replace=False)[0].path
    renamed = inside.rename(inside.with_name("mine"))
    places = [tmp_path / f"{name}.db" for name in "abc"]
    for place in places:
        base.back_up(place, 9, replace=False)
    foreign = apsw.Connection(str(inside.with_name("wide.db")))
    foreign.execute(f"PRAGMA encoding = 'UTF-16le'; CREATE TABLE t (x); INSERT INTO t VALUES ('{entry}')")
    foreign.close()
    (inside.parent / "a folder").mkdir()
    inside.with_name("other.txt").write_text("nothing of it")
    assert base.copies_with(entry) == sorted([renamed, inside.with_name("wide.db"), *places])
    away = places[0].rename(tmp_path / "unplugged.db")
    base.back_up(tmp_path / "d.db", 9, replace=False)
    assert places[0] not in base.copies_with(entry)
    away.rename(places[0])
    assert {*places, tmp_path / "d.db"} <= {*base.copies_with(entry)}


def test_what_an_earlier_rekall_remembered_of_a_copy_elsewhere_stays_known(path, tmp_path):
    base = SqliteBaseFile(path)
    old = base.back_up(tmp_path / "old.db", 9, replace=False)[0].path
    remembered = path.parent / "backups" / "elsewhere.json"
    said = json.loads(remembered.read_text())
    del said["others"]
    remembered.write_text(json.dumps(said))
    new = base.back_up(tmp_path / "new.db", 9, replace=False)[0].path
    assert base.copies_with(next(iter(entries_of(path)))) == sorted([old, new])


def test_a_backup_into_a_folder_gets_a_name_there(path, tmp_path):
    copy, _ = SqliteBaseFile(path).back_up(tmp_path, 5, replace=False)
    assert copy.path.parent == tmp_path
    assert titles(copy.path) == ["one", "two"]


def test_nothing_but_an_earlier_backup_is_replaced(path, tmp_path):
    base = SqliteBaseFile(path)
    notes, live = tmp_path / "notes.txt", tmp_path / "live.db"
    notes.write_text("mine")
    fill(live, "theirs")
    for target in (notes, live):
        before = target.read_bytes()
        with pytest.raises(InvalidInput, match="no copy"):
            base.back_up(target, 5, replace=False)
        assert target.read_bytes() == before
    base.back_up(notes, 5, replace=True)
    assert titles(notes) == ["one", "two"]


@pytest.mark.parametrize("end", ["", "-wal", "-shm"])
def test_the_base_itself_is_no_place_for_a_backup(path, end):
    before = path.read_bytes()
    with pytest.raises(UsageError, match="base itself"):
        SqliteBaseFile(path).back_up(path.with_name(path.name + end), 5, replace=True)
    assert path.read_bytes() == before


def test_a_damaged_base_makes_no_backup_and_removes_none(path):
    base = SqliteBaseFile(path)
    kept = base.back_up(None, 1, replace=False)[0].path
    data = bytearray(path.read_bytes())
    data[5 * schema.PAGE_BYTES : 6 * schema.PAGE_BYTES] = b"\xff" * schema.PAGE_BYTES
    path.write_bytes(data)
    with pytest.raises(DatabaseCorrupt):
        base.back_up(None, 1, replace=False)
    assert [copy.path for copy in base.copies()] == [kept]
    assert sorted(file.name for file in kept.parent.iterdir()) == [kept.name]


def test_without_a_base_there_is_nothing_to_back_up(tmp_path):
    with pytest.raises(NotFound, match="no base"):
        SqliteBaseFile(tmp_path / "rekall.db").back_up(None, 1, replace=False)
    assert not (tmp_path / "rekall.db").exists()


def test_the_copies_that_hold_an_entry_are_known(path, tmp_path):
    base = SqliteBaseFile(path)
    with_both = base.back_up(None, 9, replace=False)[0].path
    bench = make_bench(path)
    entry = bench.base.add("bug", "three").entry
    bench.base.close()
    with_three = base.back_up(tmp_path / "copy.db", 9, replace=False)[0].path
    assert base.copies_with(entry.id) == [with_three]
    assert base.copies_with(sorted(entries_of(with_both))[0]) == sorted([with_three, with_both])


# before a migration


def test_what_an_earlier_rekall_left_is_kept_before_it_is_changed(tmp_path):
    path, told = tmp_path / "rekall.db", []
    with contextlib.closing(Database(path, migrations=schema.MIGRATIONS[:5])) as old:
        old.run(
            "INSERT INTO entry VALUES (1, '01ARZ3NDEKTSV4RRFFQ69G5FAV', 'bug', 'old', 'x', NULL, 'active', 2, ?1, ?1)",
            ("2026-01-01T00:00:00Z",),
        )
    for _ in range(2):
        SqliteStore(path, migrating=lambda file: told.append(copy_before_migration(file, 3))).close()
    (copy,) = copies_in(tmp_path / "backups")
    assert copy.reason == BEFORE_MIGRATION
    assert told == [f"the base was brought up to date; what it was is kept in {copy.path}"]
    with contextlib.closing(Database(copy.path, migrations=schema.MIGRATIONS[:5])) as kept:
        assert kept.value("SELECT title FROM entry") == "old"
    assert titles(path) == ["old"]


def test_what_is_damaged_is_kept_before_a_migration_as_it_is(tmp_path):
    path, told = tmp_path / "rekall.db", []
    Database(path, migrations=schema.MIGRATIONS[:5]).close()
    data = bytearray(path.read_bytes())
    data[-schema.PAGE_BYTES :] = b"\xff" * schema.PAGE_BYTES
    path.write_bytes(data)
    with contextlib.suppress(DatabaseCorrupt):
        SqliteStore(path, migrating=lambda file: told.append(copy_before_migration(file, 3))).close()
    (copy,) = copies_in(tmp_path / "backups")
    assert copy.path.read_bytes()[-schema.PAGE_BYTES :] == b"\xff" * schema.PAGE_BYTES
    assert str(copy.path) in told[0]


def test_a_base_whose_copy_cannot_be_made_is_opened_all_the_same(tmp_path):
    path, told = tmp_path / "rekall.db", []
    Database(path, migrations=schema.MIGRATIONS[:4]).close()
    (tmp_path / "backups").write_text("a file where the folder should be")
    SqliteStore(path, migrating=lambda file: told.append(copy_before_migration(file, 3))).close()
    assert len(told) == 1
    assert "without a copy" in told[0]
    assert whole(path)


def test_a_migration_that_fails_is_copied_once_for_each_content(tmp_path):
    path, told = tmp_path / "rekall.db", []
    with contextlib.closing(Database(path, migrations=schema.MIGRATIONS[:5])) as old:
        old._connection.config(apsw.SQLITE_DBCONFIG_DEFENSIVE, 0)
        old.run("DELETE FROM words_config")

    def fail() -> None:
        with pytest.raises(DatabaseCorrupt):
            SqliteStore(path, migrating=lambda file: told.append(copy_before_migration(file, 2))).close()

    for _ in range(4):
        fail()
    (first,) = copies_in(tmp_path / "backups")
    with contextlib.closing(Database(path, migrations=schema.MIGRATIONS[:5])) as old:
        old.run("INSERT INTO lease VALUES ('x', 'y', 1, 'z', '2026-01-01T00:00:00Z', 0, 0)")
    fail()
    assert len(copies_in(tmp_path / "backups")) == 2
    assert str(first.path) in told[3]
    assert len(told) == 5


def test_a_new_base_needs_no_copy(tmp_path):
    told: list[Path] = []
    SqliteStore(tmp_path / "rekall.db", migrating=told.append).close()
    assert told == []


# restoring


def test_a_backup_takes_the_place_of_the_base_and_what_was_there_is_kept(path, other):
    done = SqliteBaseFile(path).restore(other, 5, yes)
    assert done is not None
    restored, kept = done
    assert restored.entries == 3
    assert titles(path) == ["first", "second", "third"]
    assert kept is not None
    assert kept.reason == "before-restore"
    SqliteBaseFile(path).restore(kept.path, 5, yes)
    assert titles(path) == ["one", "two"]


def test_who_says_no_keeps_the_base(path, other):
    before = path.read_bytes()
    assert SqliteBaseFile(path).restore(other, 5, lambda found: found.entries == 99) is None
    assert path.read_bytes() == before
    assert not (path.parent / "backups").exists()


def test_an_old_log_never_lies_over_what_was_restored(path, other, tmp_path):
    bench = make_bench(path)
    bench.base.add("bug", "in the log")
    for end in ("", "-wal"):
        shutil.copy(f"{path}{end}", tmp_path / f"killed.db{end}")
    bench.base.close()
    killed = tmp_path / "killed.db"
    SqliteBaseFile(killed).restore(other, 5, yes)
    assert titles(killed) == ["first", "second", "third"]


@pytest.mark.parametrize("state", ["missing", "empty", "no database", "head gone", "log alone"])
def test_a_base_that_is_not_there_or_no_use_is_restored(path, other, state):
    log = path.with_name("rekall.db-wal")
    if state == "log alone":
        log.write_bytes(b"left by something")
    if state in ("missing", "log alone"):
        path.unlink()
    else:
        path.write_bytes(
            {"empty": b"", "no database": b"x" * 9000, "head gone": bytes(100) + path.read_bytes()[100:]}[state]
        )
    done = SqliteBaseFile(path).restore(other, 5, yes)
    assert done is not None
    assert (done[1] is None) == (state in ("missing", "empty", "log alone"))
    assert titles(path) == ["first", "second", "third"]
    assert whole(path)


@linux_alone("elsewhere no folder says what a process has open")
def test_where_the_file_is_replaced_we_ourselves_have_it_open_no_more(path, other, monkeypatch):
    path.write_bytes(b"")
    held = held_at_replacing(path, monkeypatch)
    SqliteBaseFile(path).restore(other, 5, yes)
    assert set(held) == {LOCKED}


def test_an_older_copy_is_brought_up_to_date(path, tmp_path):
    old = tmp_path / "old.db"
    with contextlib.closing(Database(old, migrations=schema.MIGRATIONS[:3])) as db:
        db.run(
            "INSERT INTO entry VALUES (1, '01ARZ3NDEKTSV4RRFFQ69G5FAV', 'bug', 'old', 'x', NULL, 'active', 2, ?1, ?1)",
            ("2026-01-01T00:00:00Z",),
        )
    before = old.read_bytes()
    SqliteBaseFile(path).restore(old, 5, yes)
    assert titles(path) == ["old"]
    assert old.read_bytes() == before


def test_what_is_no_whole_base_is_refused(path, other, tmp_path):
    before = path.read_bytes()
    base = SqliteBaseFile(path)
    newer, foreign, text, damaged, bad_row = (tmp_path / f"{name}.db" for name in ("n", "f", "t", "d", "b"))
    Database(newer, migrations=(*schema.MIGRATIONS, "CREATE TABLE novelty (a)")).close()
    connection = apsw.Connection(str(foreign))
    connection.execute("CREATE TABLE t (x)")
    connection.close()
    text.write_text("no database at all" * 1000)
    data = bytearray(other.read_bytes())
    data[3 * schema.PAGE_BYTES : 4 * schema.PAGE_BYTES] = b"\xff" * schema.PAGE_BYTES
    damaged.write_bytes(data)
    shutil.copy(other, bad_row)
    connection = apsw.Connection(str(bad_row))
    connection.execute("UPDATE entry SET status = 'weird'")
    connection.close()
    for file, error in (
        (tmp_path / "nothing.db", NotFound),
        (tmp_path, NotFound),
        (path, UsageError),
        (newer, DatabaseTooNew),
        (foreign, DatabaseForeign),
        (text, DatabaseForeign),
        (damaged, DatabaseCorrupt),
        (bad_row, DatabaseCorrupt),
    ):
        with pytest.raises(error):
            base.restore(file, 5, yes)
    assert path.read_bytes() == before
    assert sorted(file.name for file in path.parent.iterdir()) == ["rekall.db"]


def test_a_process_that_has_the_base_open_sees_the_restored_one(path, other, holder):
    process = holder(path)
    assert asked(process) == 2
    SqliteBaseFile(path).restore(other, 5, yes)
    assert asked(process) == 3
    assert asked(process, "write") == 3
    assert titles(path) == ["first", "second", "third"]
    assert {entry.confidence for entry in entries_of(path).values()} == {4}


def test_a_process_that_has_the_base_open_sees_the_mended_one(path, holder):
    process = holder(path)
    connection = apsw.Connection(str(path))
    connection.execute("UPDATE entry SET status = 'weird' WHERE key = 1")
    connection.close()
    SqliteBaseFile(path).mend()
    assert asked(process, "write") == 2
    assert whole(path)


def test_a_file_that_only_a_rename_could_replace_is_left_alone_while_it_is_open(path, other, holder):
    process = holder(path)
    data = bytes(100) + path.read_bytes()[100:]
    with path.open("rb+") as file:
        file.write(bytes(100))
    with pytest.raises(
        (DatabaseLocked, FileHeld), match=None if WINDOWS else str(process.pid)
    ):  # which may not tell who
        SqliteBaseFile(path).mend()
    with pytest.raises((DatabaseLocked, FileHeld)):
        SqliteBaseFile(path).restore(other, 5, yes)
    assert path.read_bytes() == data
    process.kill()
    process.wait()
    SqliteBaseFile(path).mend()
    assert titles(path) == ["one", "two"]


def test_what_is_written_while_a_repair_works_is_not_lost(path, monkeypatch: pytest.MonkeyPatch):
    """The first try is overtaken by a writer: it begins again with what that wrote."""
    connection = apsw.Connection(str(path))
    connection.execute("UPDATE entry SET status = 'weird' WHERE key = 1")
    connection.close()
    real, done = SqliteBaseFile._put_in_place, []

    def overtaken(self: SqliteBaseFile, new: Path, watch: Watch) -> bool:
        if not done:
            writer = apsw.Connection(str(path))
            writer.execute("UPDATE entry SET project = 'written meanwhile' WHERE key = 2")
            writer.close()
        done.append(real(self, new, watch))
        return done[-1]

    monkeypatch.setattr(SqliteBaseFile, "_put_in_place", overtaken)
    SqliteBaseFile(path).mend()
    assert done == [False, True]
    assert sorted(str(entry.project) for entry in entries_of(path).values()) == ["None", "written meanwhile"]


def test_a_writer_that_stays_is_waited_for_and_then_named(path, other, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("rekall.store.as_is.AsItIs.__init__.__kwdefaults__", {"to_write": False, "busy_timeout_s": 0.2})
    connection = apsw.Connection(str(path))
    connection.execute("BEGIN IMMEDIATE")
    with pytest.raises(DatabaseLocked):
        SqliteBaseFile(path).restore(other, 5, yes)
    connection.execute("ROLLBACK")
    connection.close()
    assert titles(path) == ["one", "two"]


@pytest.mark.parametrize("state", ["sound", "head gone"])
def test_a_restore_that_is_killed_leaves_old_or_new(tmp_path, path, other, state):
    data = path.read_bytes() if state == "sound" else bytes(100) + path.read_bytes()[100:]
    program = (
        "import sys; from pathlib import Path; from rekall.store.base_file import SqliteBaseFile; print('on', flush=True); "
        "SqliteBaseFile(Path(sys.argv[1])).restore(Path(sys.argv[2]), 5, lambda found: True)"
    )
    for step in range(8):
        folder = tmp_path / f"{step}"
        folder.mkdir()
        base = folder / "rekall.db"
        base.write_bytes(data)
        process = subprocess.Popen([sys.executable, "-c", program, str(base), str(other)], stdout=subprocess.PIPE)
        assert process.stdout is not None
        assert process.stdout.readline()
        time.sleep(0.05 * step)
        process.kill()
        process.wait()
        process.stdout.close()
        if not whole(base):
            assert state == "head gone"
            SqliteBaseFile(base).mend()
        assert titles(base) in (["one", "two"], ["first", "second", "third"])


def test_of_what_was_there_before_a_restore_the_latest_stay(path, other):
    base = SqliteBaseFile(path)
    for _ in range(4):
        base.restore(other, 2, yes)
    assert [copy.reason for copy in base.copies()] == ["before-restore"] * 2


@links
def test_a_base_behind_a_link_is_replaced_behind_it(tmp_path, path, other):
    linked = tmp_path / "linked" / "rekall.db"
    linked.parent.mkdir()
    linked.symlink_to(path)
    path.write_bytes(bytes(100) + path.read_bytes()[100:])
    base = SqliteBaseFile(linked)
    base.mend()
    assert linked.is_symlink()
    assert titles(linked) == titles(path) == ["one", "two"]
    base.restore(other, 5, yes)
    assert linked.is_symlink()
    assert titles(path) == ["first", "second", "third"]
    assert (linked.parent / "backups").is_dir()


KEEP = """
import sys
from pathlib import Path
from rekall.store.copies import keep_raw
print("ready", flush=True)
keep_raw(Path(sys.argv[1]), Path(sys.argv[2]))
"""


def test_a_raw_copy_that_is_killed_is_no_copy(path, tmp_path):
    with path.open("r+b") as file:
        file.truncate(1 << 30)  # a hole: long to copy, and no room taken
    folder = path.parent / "backups"
    folder.mkdir()
    target = folder / "before-repair-20260102T030405Z.db"
    with subprocess.Popen([sys.executable, "-c", KEEP, str(path), str(target)], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        while not any(file.stat().st_size for file in folder.glob(".*/copy")):
            assert process.poll() is None
        process.kill()
    assert copies_in(folder) == []
    assert not target.exists()


def test_a_repair_that_finds_no_base_keeps_no_copy(tmp_path):
    path = tmp_path / "rekall.db"
    connection = apsw.Connection(str(path))
    connection.execute("CREATE TABLE t (x)")
    connection.close()
    with pytest.raises(DatabaseForeign):
        SqliteBaseFile(path).mend()
    assert list((tmp_path / "backups").iterdir()) == []
