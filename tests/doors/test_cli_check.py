"""The commands `check`, `backup` and `restore-base`, as people and programs use them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import apsw
import pytest
from support import Ran
from support.systems import shell_line

from rekall import app as app_room

Rekall = Callable[..., Ran]

pytestmark = pytest.mark.usefixtures("quick_model")


@pytest.fixture
def base(rekall: Rekall, home: Path) -> Path:
    """A base of two entries."""
    for title in ("one", "two"):
        assert rekall("add", "bug", title, "--content", f"about {title}").code == 0
    return home / "rekall.db"


def change(path: Path, sql: str) -> None:
    connection = apsw.Connection(str(path))
    connection.execute(sql)
    connection.close()


def titles(rekall: Rekall) -> list[str]:
    return sorted(entry["title"] for entry in rekall("list", "--all", "--json").json["entries"])


def test_a_sound_base_is_fine_and_stays_what_it_is(rekall, base):
    before = base.read_bytes()
    ran = rekall("check")
    assert ran.code == 0
    assert "everything is fine" in ran.err
    assert all(line.startswith(("ok ", "note ", " ")) for line in ran.out.splitlines())
    again = rekall("check", "--repair")
    assert again.code == 0
    assert "mended" not in again.out + again.err
    assert base.read_bytes() == before
    assert not (base.parent / "backups").exists()


def test_before_anything_is_stored_check_makes_nothing(rekall, home):
    ran = rekall("check", "--json")
    assert ran.code == 0
    assert ran.json["ok"] is True
    assert ran.json["entries"] is None
    assert not home.exists()


def test_a_problem_ends_with_5_and_names_what_mends_it(rekall, base):
    change(base, "UPDATE entry SET status = 'weird' WHERE title = 'one'")
    ran = rekall("check")
    assert ran.code == 5
    assert "problem  entries" in ran.out
    assert "one" in ran.out
    assert "'weird'" in ran.out
    assert "rekall check --repair" in ran.err


def test_a_repair_says_where_everything_is(rekall, base):
    change(base, "UPDATE entry SET status = 'weird' WHERE title = 'one'")
    ran = rekall("check", "--repair")
    assert ran.code == 0
    assert "everything is fine now" in ran.err
    (copy,) = (base.parent / "backups").glob("before-repair-*.db")
    (aside,) = (base.parent / "backups").glob("*.jsonl")
    assert str(copy) in ran.out
    assert str(aside) in ran.out
    assert "  one" in ran.out
    assert json.loads(aside.read_text("utf-8"))["values"]["status"] == "weird"
    assert rekall("check").code == 0
    assert titles(rekall) == ["one", "two"]


def test_programs_read_what_was_mended(rekall, base):
    base.write_bytes(bytes(100) + base.read_bytes()[100:])
    found = rekall("check", "--json")
    assert found.code == 5
    assert found.json["problems"] == 1
    assert found.json["findings"][0]["level"] == "problem"
    assert found.json["repaired"] is None
    mended = rekall("check", "--repair", "--json").json
    assert mended["ok"] is True
    assert mended["repaired"]["entries"] == mended["entries"] == 2
    assert Path(mended["repaired"]["copy"]).exists()
    assert titles(rekall) == ["one", "two"]


def test_a_copy_is_checked_by_its_name(rekall, base, tmp_path):
    copy = tmp_path / "copy.db"
    assert rekall("backup", str(copy)).code == 0
    assert rekall("check", str(copy)).code == 0
    change(copy, "UPDATE entry SET confidence = 9")
    assert rekall("check", str(copy)).code == 5
    assert rekall("check", "--repair", str(copy)).code == 0
    assert rekall("restore-base", str(copy)).code == 2  # it asks, and nobody is there
    assert rekall("restore-base", str(copy), "--yes").code == 0
    assert rekall("check", str(tmp_path / "nothing.db")).code == 3


@pytest.mark.parametrize("name", ["copy.db", "a copy; of 'it'.db"])
def test_what_mends_a_file_names_that_file(rekall, base, tmp_path, name):
    file = str(tmp_path / name)
    assert rekall("backup", file).code == 0
    change(Path(file), "UPDATE entry SET status = 'nonsense' WHERE title = 'one'")
    wanted = f"rekall check --repair {shell_line(file)}"
    ran = rekall("check", file)
    assert f"-> run `{wanted}`" in ran.out
    assert f"`{wanted}` mends what it can" in ran.err
    assert {
        each["hint"] for each in rekall("check", file, "--json").json["findings"] if each["level"] == "problem"
    } == {f"run `{wanted}`"}
    assert f"`{wanted}`" in rekall("restore-base", file, "-y").err
    before = base.read_bytes()
    assert rekall("check", "--repair", file).code == 0
    assert base.read_bytes() == before
    assert rekall("check", file).code == 0


def test_a_file_that_is_none_of_ours_is_not_said_to_be_mended_by_a_repair_of_the_base(rekall, base, tmp_path):
    file = tmp_path / "thesis.txt"
    file.write_text("no base " * 500)
    for arguments in (("check",), ("check", "--repair"), ("restore-base", "-y")):
        ran = rekall(*arguments, str(file))
        assert ran.code == 5
        assert "`rekall check --repair`" not in ran.out + ran.err
    assert file.read_text() == "no base " * 500


@pytest.mark.skipif(os.name == "nt", reason="pipes lie in no folder there")
@pytest.mark.parametrize("kind", ["pipe", "device", "folder"])
def test_what_is_no_file_is_no_base_for_any_command(rekall, base, tmp_path, kind):
    copy = tmp_path / "copy.db"
    assert rekall("backup", str(copy)).code == 0
    for file in base.parent.glob("rekall.db*"):
        file.unlink()
    if kind == "pipe":
        os.mkfifo(base)
    elif kind == "device":
        base.symlink_to("/dev/zero")
    else:
        base.mkdir()
    for line in (
        "check",
        "check --repair",
        "list",
        "search x",
        "add bug x",
        "stats",
        "backup",
        f"restore-base {copy} -y",
    ):
        ran = rekall(*line.split())
        assert ran.code == 5, line
        assert "is no file" in ran.out + ran.err, line
    assert not base.is_file()


@pytest.mark.skipif(os.name == "nt", reason="pipes lie in no folder there")
@pytest.mark.parametrize("end", ["-wal", "-shm"])
def test_a_pipe_beside_the_base_keeps_nobody_waiting(rekall, base, end):
    os.mkfifo(base.with_name(base.name + end))
    rekall("check")
    assert rekall("check", "--repair").code == 0
    assert titles(rekall) == ["one", "two"]
    assert rekall("check").code == 0


@pytest.mark.skipif(os.name == "nt", reason="memory is limited in another way")
def test_a_log_longer_than_memory_is_no_traceback(rekall, base):
    with base.with_name(base.name + "-wal").open("wb") as log:
        log.truncate(4 << 30)  # a hole: no room is taken
    limited = "import resource, sys; resource.setrlimit(resource.RLIMIT_AS, (3 << 30, 3 << 30)); from rekall.cli.main import run; run(sys.argv[1:])"
    done = subprocess.run([sys.executable, "-c", limited, "check", str(base)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "cannot be looked through" in done.stdout
    assert "every entry can be read" in done.stdout


def test_a_base_that_another_program_locks_is_said_to_be(rekall, base, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("rekall.store.as_is.AsItIs.__init__.__kwdefaults__", {"to_write": False, "busy_timeout_s": 0.2})
    connection = apsw.Connection(str(base))
    connection.pragma("locking_mode", "exclusive")
    connection.execute("UPDATE entry SET confidence = 3")
    ran = rekall("check")
    assert ran.code == 5
    assert "locked" in ran.out
    assert rekall("check", "--repair").code == 5
    connection.close()
    assert rekall("check").code == 0


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_cannot_be_written_is_checked_all_the_same(rekall, base):
    base.parent.chmod(0o500)
    try:
        ran = rekall("check")
        assert ran.code == 0, ran
    finally:
        base.parent.chmod(0o700)


def test_a_backup_is_made_listed_and_put_back(rekall, base):
    ran = rekall("backup")
    assert ran.code == 0
    copy = Path(ran.out.strip())
    assert copy.exists()
    assert "2 entries" in ran.err
    (listed,) = rekall("backup", "--list", "--json").json["backups"]
    assert (listed["path"], listed["reason"]) == (str(copy), "backup")
    assert str(copy) in rekall("backup", "--list").out
    rekall("add", "bug", "three")
    assert titles(rekall) == ["one", "three", "two"]
    done = rekall("restore-base", str(copy), "--yes")
    assert done.code == 0
    assert "restored 2 entries" in done.out
    assert titles(rekall) == ["one", "two"]
    before = next(each for each in rekall("backup", "--list", "--json").json["backups"] if each["reason"] != "backup")
    assert before["path"] in done.err
    undone = rekall("restore-base", before["path"], "--yes", "--json").json
    assert undone["restored"]["entries"] == 3
    assert titles(rekall) == ["one", "three", "two"]


def test_how_many_backups_stay_is_said_on_the_line_or_in_the_settings(rekall, base):
    for _ in range(3):
        rekall("backup", "--keep", "2")
    assert len(rekall("backup", "--list", "--json").json["backups"]) == 2
    rekall("config", "set", "backup.keep", "1")
    assert len(rekall("backup", "--json").json["removed"]) == 2


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("backup", "-"), 2),
        (("backup", "copy.db", "--keep", "3"), 2),
        (("backup", "--keep", "0"), 2),
        (("backup", "nowhere/copy.db"), 3),
        (("restore-base", "nothing.db", "--yes"), 3),
        (("restore-base", "nothing.db"), 3),
        (("restore", "backups/some.db"), 3),
    ],
)
def test_what_makes_no_sense_is_said(rekall, base, arguments, code):
    ran = rekall(*arguments)
    assert ran.code == code
    assert "hint: " in ran.err


def test_the_original_s_restore_leads_to_the_base(rekall, base, tmp_path):
    rekall("backup", str(tmp_path / "copy.db"))
    ran = rekall("restore", str(tmp_path / "copy.db"))
    assert ran.code == 2
    assert f"rekall restore-base {tmp_path / 'copy.db'}" in ran.err


def test_a_damaged_base_is_restored_from_its_backup(rekall, base):
    copy = rekall("backup").out.strip()
    base.write_bytes(b"nothing of a database" * 1000)
    assert rekall("list").code == 5
    done = rekall("restore-base", copy, "--yes")
    assert done.code == 0
    assert titles(rekall) == ["one", "two"]
    (kept,) = (base.parent / "backups").glob("before-restore-*.db")
    assert kept.read_bytes().startswith(b"nothing of a database")


FIFTH_INDEXES = """
    DROP INDEX entry_by_end; DROP INDEX entry_by_facets; DROP INDEX entry_by_creation; DROP INDEX entry_by_title;
    DROP INDEX entry_by_update; CREATE INDEX entry_by_update ON entry (updated_at, id);
    DROP INDEX entry_by_project; CREATE INDEX entry_by_project ON entry (project) WHERE project IS NOT NULL;
    DROP TABLE operation; DROP TABLE version; DROP TABLE link_version;
    DROP TABLE agreed; DROP TABLE folder; DROP TABLE review; DROP TABLE judged_pair"""
"""Makes the indexes of entries those of the fifth schema, and takes out what came later: history, sync, review."""


def test_an_earlier_schema_is_brought_up_to_date_with_a_word_about_the_copy(rekall, base):
    change(
        base,
        f"{FIFTH_INDEXES}; DROP TABLE unembeddable; DROP TABLE trace; DROP TABLE signing; DROP TABLE centre; PRAGMA user_version = 5",
    )
    ran = rekall("list")
    assert ran.code == 0
    assert ran.err.count("before-migration-") == 1
    assert "before-migration-" not in rekall("list").err


def test_a_large_base_is_said_to_take_a_while_before_it_is_brought_up_to_date(rekall, base, monkeypatch):
    monkeypatch.setattr(app_room, "_LARGE_BYTES", 1)
    change(base, "DROP INDEX entry_by_facets; DROP INDEX entry_by_creation; DROP INDEX entry_by_title")
    change(base, "DROP INDEX entry_by_update; CREATE INDEX entry_by_update ON entry (updated_at, id)")
    change(
        base, "DROP INDEX entry_by_project; CREATE INDEX entry_by_project ON entry (project) WHERE project IS NOT NULL"
    )
    change(base, "DROP TABLE operation; DROP TABLE version; DROP TABLE link_version; PRAGMA user_version = 8")
    change(base, "DROP TABLE agreed; DROP TABLE folder; DROP TABLE review; DROP TABLE judged_pair")
    told = rekall("list").err
    assert 0 <= told.find("bringing a large base up to date") < told.find("was brought up to date")
    assert "up to date" not in rekall("list").err


def test_a_base_that_cannot_be_brought_up_to_date_is_not_said_to_be(rekall, base):
    connection = apsw.Connection(str(base))
    connection.execute(
        f"{FIFTH_INDEXES}; DROP TABLE unembeddable; DROP TABLE trace; DELETE FROM words_config; PRAGMA user_version = 5"
    )
    connection.close()
    for _ in range(3):
        ran = rekall("list")
        assert ran.code == 5
        assert "brought up" not in ran.err
        assert "rekall check --repair" in ran.err
    assert len([*(base.parent / "backups").iterdir()]) == 1
    assert rekall("check", "--repair").code == 0
    assert titles(rekall) == ["one", "two"]


def test_what_is_deleted_for_ever_names_the_copies_that_still_hold_it(rekall, base):
    copy = rekall("backup").out.strip()
    entry = rekall("list", "--json").json["entries"][0]["id"]
    assert rekall("delete", entry, "--forever", "--yes", "--json").json["backups"] == [copy]
    later = rekall("add", "bug", "three", "--json").json["entry"]["id"]
    ran = rekall("delete", later, "--forever", "--yes")
    assert ran.code == 0
    assert "copies" not in ran.err


def test_broken_settings_are_a_finding_like_any_other(rekall, base, home):
    (home / "config.toml").write_text("this is no TOML")
    ran = rekall("check", "--json")
    assert ran.code == 5
    assert [each["topic"] for each in ran.json["findings"] if each["level"] == "problem"] == ["settings"]
