"""Many processes open a base at once that is new, of an earlier schema, or not in write-ahead mode."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import threading
from pathlib import Path

import apsw
import pytest
from support.depth import IS_DEEP

from rekall.db import Database
from rekall.errors import DatabaseLocked
from rekall.store import schema
from rekall.store.opening import reach_the_disk, wait_at_most
from rekall.system.one_by_one import is_any_in, one_by_one

MANY = 8
TIMES = 20 if IS_DEEP else 1

OPEN = """
import json, sys
from pathlib import Path
from rekall.db import Database
from rekall.errors import RekallError
if sys.platform != "win32":  # which is what the slow disk imitates
    sys.path.insert(0, sys.argv[1])
    from support.slow_disk import SlowDisk
    disk = SlowDisk(0.001, 0.005, is_windows=True)
print("ready", flush=True)
for line in sys.stdin:
    try:
        db = Database(Path(json.loads(line)), busy_timeout_s=2.0)
        mode = db.value("PRAGMA journal_mode")
        db.close()
    except RekallError as error:
        mode = f"{type(error).__name__}: {error.message}"
    print(json.dumps(mode), flush=True)
"""


def base(path: Path, steps: int, mode: str) -> Path:
    """A base of an earlier or this schema, in a mode."""
    path.parent.mkdir()
    if steps:
        Database(path, migrations=schema.MIGRATIONS[:steps]).close()
        with contextlib.closing(apsw.Connection(str(path))) as connection:
            assert connection.pragma("journal_mode", mode) == mode
    return path


def test_each_of_many_processes_opens_a_base_and_one_makes_it_ready(tmp_path):
    now = len(schema.MIGRATIONS)
    kinds = {"new": (0, "wal"), "old": (now - 2, "wal"), "older": (5, "delete"), "rollback": (now, "delete")}
    bases = [
        base(tmp_path / f"{kind}{turn}" / "rekall.db", *made) for turn in range(TIMES) for kind, made in kinds.items()
    ]
    command = [sys.executable, "-c", OPEN, str(Path(__file__).parents[1])]
    with contextlib.ExitStack() as stack:
        many = [
            stack.enter_context(subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True))
            for _ in range(MANY)
        ]
        for each in many:
            assert each.stdout is not None
            assert each.stdout.readline() == "ready\n"
        for path in bases:
            for each in many:
                assert each.stdin is not None
                each.stdin.write(json.dumps(str(path)) + "\n")
                each.stdin.flush()
            modes = [json.loads(each.stdout.readline()) for each in many if each.stdout is not None]
            assert modes == ["wal"] * MANY, path
            with contextlib.closing(Database(path)) as db:
                assert db.value("PRAGMA user_version") == now
                db.check()
            assert not [name for name in os.listdir(path.parent) if name.endswith(".opening")]
        for each in many:
            assert each.stdin is not None
            each.stdin.close()


def test_one_after_another_goes_through_and_leaves_no_lock(tmp_path):
    inside: list[int] = []
    most: list[int] = []
    together = threading.Barrier(MANY)

    def work(number: int) -> None:
        together.wait()
        with one_by_one(tmp_path / "rekall.db", 60):
            inside.append(number)
            most.append(len(inside))
            assert is_any_in(tmp_path / "rekall.db")
            inside.remove(number)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(MANY)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most == [1] * MANY
    assert os.listdir(tmp_path) == []


def test_who_waits_too_long_is_told_that_the_base_is_locked(tmp_path):
    path = tmp_path / "rekall.db"
    with one_by_one(path, 0), pytest.raises(DatabaseLocked, match="up to date"):
        Database(path, busy_timeout_s=0.001)
    Database(path).close()


def test_a_lock_that_a_dead_process_left_keeps_nobody_out(tmp_path):
    path = tmp_path / "rekall.db"
    die = "import os, sys; from pathlib import Path; from rekall.system.one_by_one import one_by_one\nwith one_by_one(Path(sys.argv[1]), 0): os._exit(0)"
    subprocess.run([sys.executable, "-c", die, str(path)], check=True, timeout=120)
    assert is_any_in(path) == (os.name != "nt")  # where it goes with its process
    Database(path, busy_timeout_s=0.001).close()
    assert not is_any_in(path)


def test_where_no_lock_can_be_made_nobody_is_kept_out(tmp_path):
    with one_by_one(tmp_path / "nowhere" / "rekall.db", 0), one_by_one(tmp_path / "nowhere" / "rekall.db", 0):
        assert not is_any_in(tmp_path / "nowhere" / "rekall.db")


@pytest.mark.parametrize(("is_windows", "told"), [(True, [("busy", 70), ("log", 0)]), (False, [("busy", 70)])])
def test_windows_is_asked_again_for_a_lock_and_never_left_to_wait_for_it(is_windows, told):
    class Connection:
        """Notes what it is told: SQLite tells nobody how it waits."""

        said: list[tuple[str, int]] = []  # noqa: RUF012  # one instance

        def set_busy_timeout(self, milliseconds: int) -> None:
            self.said = [("busy", milliseconds)]

        def setlk_timeout(self, milliseconds: int, flags: int) -> None:
            assert flags == 0
            self.said.append(("log", milliseconds))  # which the other sets anew each time

    connection = Connection()
    wait_at_most(connection, 70, is_windows=is_windows)
    assert connection.said == told


def test_only_macos_is_asked_to_empty_the_memory_of_the_drive(tmp_path):
    with contextlib.closing(apsw.Connection(str(tmp_path / "base"))) as connection:
        for platform, asked in (("linux", 0), ("win32", 0), ("darwin", 1)):
            reach_the_disk(connection, platform)
            assert connection.pragma("fullfsync") == asked
