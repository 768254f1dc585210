"""Who writes waits for another Rekall that says that its work takes long, and for nobody else."""

from __future__ import annotations

import contextlib
import subprocess
import sys
from pathlib import Path

import pytest

from rekall.db import Database
from rekall.errors import DatabaseLocked
from rekall.system.leftovers import sweep_folders
from rekall.system.long_work import announced, under_way

HOLD = """
import sys
from pathlib import Path
from rekall.db import Database
db = Database(Path(sys.argv[1]))
with db.transaction(doing=sys.argv[2]):
    print("begun", flush=True)
    sys.stdin.readline()
db.close()
"""


def holder(path: Path, doing: str) -> subprocess.Popen[str]:
    """A process that is in a transaction, until it is told to end it."""
    command = [sys.executable, "-c", HOLD, str(path), doing]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "begun\n"
    return process


def let_go(process: subprocess.Popen[str]) -> None:
    assert process.stdin is not None
    process.stdin.write("\n")
    process.stdin.flush()


def test_long_work_that_ends_just_before_it_is_asked_for_keeps_nobody_from_writing(tmp_path, monkeypatch):
    path = tmp_path / "rekall.db"
    process = holder(path, "making a test")

    def asked_late(path: Path | None) -> str:
        process.communicate("\n")
        return under_way(path)

    monkeypatch.setattr("rekall.db.under_way", asked_late)
    with contextlib.closing(Database(path, busy_timeout_s=0.01)) as db, db.transaction():
        assert process.returncode == 0


def test_a_writer_waits_for_long_work_and_says_so_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rekall.db._TELL_S", 0.2)  # later than the usual time is over
    path = tmp_path / "rekall.db"
    process = holder(path, "making a test")
    told: list[str] = []
    with contextlib.closing(Database(path, busy_timeout_s=0.01)) as db:

        def hear(said: str) -> None:
            told.append(said)
            let_go(process)

        db.waiting = hear
        with db.transaction():
            pass
    assert told == ["waiting for another Rekall that is making a test"]
    process.communicate()
    assert [file.name for file in tmp_path.iterdir() if "busy" in file.name] == []


@pytest.mark.parametrize("doing", ["", "making a test"])
def test_nobody_waits_longer_than_usual_for_work_that_is_not_said_or_not_alive(tmp_path: Path, doing: str) -> None:
    path = tmp_path / "rekall.db"
    if doing:
        dead = holder(path, doing)
        dead.kill()
        dead.communicate()
        assert under_way(path) == ""
    process = holder(path, "")
    with contextlib.closing(Database(path, busy_timeout_s=0.01)) as db, pytest.raises(DatabaseLocked), db.transaction():
        pass
    let_go(process)
    process.communicate()
    assert len(sweep_folders([tmp_path])) == bool(doing)


def test_a_folder_that_cannot_be_written_announces_nothing(tmp_path: Path) -> None:
    with announced(tmp_path / "nowhere" / "rekall.db", "a test"):
        assert under_way(tmp_path / "nowhere" / "rekall.db") == ""
    with announced(None, "a test"):
        assert under_way(None) == ""
