"""`rekall sync` as people type it: what it says, how it ends, and how it stays."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from support import Ran
from support.git_folders import bare, git, needs_git, settle_git
from support.systems import WINDOWS
from support.waiting import PATIENCE_S, until

from rekall.app import App

Rekall = Callable[..., Ran]


@pytest.fixture(autouse=True)
def _quick(quick_model: object, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settle_git(tmp_path / "settings", monkeypatch)
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def notes(tmp_path: Path) -> Path:
    return tmp_path / "notes"


def note(folder: Path) -> Path:
    """The only note of a folder."""
    found = list(folder.glob("*.md"))
    assert len(found) == 1
    return found[0]


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text("utf-8")
    assert old in text
    path.write_text(text.replace(old, new), "utf-8", newline="\n")


def test_what_goes_out_comes_in_and_is_merged_is_said(rekall: Rekall, notes: Path):
    rekall("add", "bug", "CORS fails on Safari", "--solution", "send Vary: Origin", "--tag", "cors")
    ran = rekall("sync", "notes", "--dry-run")
    assert (ran.code, ran.err) == (
        3,
        "error: notes does not exist\n\nhint: make the folder first, or mount it; then sync again\n",
    )
    ran = rekall("sync", "notes")
    assert (ran.code, ran.err) == (0, "")
    assert ran.out == "notes: 1 went out\n  out  added  CORS fails on Safari\n"
    assert rekall("sync", "notes").out == "notes: nothing to do, 1 entry the same on both sides\n"
    edit(note(notes), "- cors", "- cors\n- safari")
    rekall("edit", "CORS fails on Safari", "--situation", "behind a proxy")
    (notes / "by hand.md").write_text("Some words.\n", "utf-8")
    ran = rekall("sync", "notes", "--dry-run")
    assert ran.out.startswith("notes: would be: 1 came in, 1 merged\n")
    ran = rekall("sync")
    assert ran.code == 0
    first, *lines = ran.out.splitlines()
    assert first == f"{notes}: 1 came in, 1 merged"
    assert sorted(lines) == ["  both  merged  CORS fails on Safari  (tags, situation)", "  in    added   by hand"]


def test_a_conflict_is_told_with_what_settles_it(rekall: Rekall, notes: Path):
    rekall("add", "bug", "CORS fails", "--solution", "send Vary")
    rekall("sync", "notes")
    edit(note(notes), "send Vary", "send Vary with Origin")
    rekall("edit", "CORS fails", "--solution", "turn it off")
    ran = rekall("sync", "notes")
    assert ran.code == 8
    assert "1 changed on both sides" in ran.out
    assert "changed here and there: CORS fails (solution)" in ran.err
    assert "both versions are kept" in ran.err
    command = next(part for part in ran.err.split("`") if part.startswith("rekall show "))
    shown = rekall(*command.split()[1:])
    assert "turn it off" in shown.out
    assert "send Vary with Origin" in shown.out
    assert rekall("sync", "notes").code == 0


def test_what_cannot_be_synced_is_named_and_has_an_exit_code(rekall: Rekall, notes: Path):
    rekall("add", "til", "one")
    rekall("sync", "notes")
    path = note(notes)
    path.write_bytes(b"\xff\xfe\x00bad")
    for _ in range(2):
        ran = rekall("sync", "notes")
        assert ran.code == 4
        assert f"left alone {path.name}: " in ran.err
    answer = rekall("sync", "notes", "--json").json["folders"][0]
    assert ([each["where"] for each in answer["refused"]], answer["left_alone"]) == ([path.name], [])


def test_a_file_that_is_no_note_of_ours_is_named_once_and_fails_nothing(rekall: Rekall, notes: Path):
    notes.mkdir()
    (notes / "bad.md").write_bytes(b"\xff\xfe\x00bad")
    ran = rekall("sync", "notes")
    assert (ran.code, ran.out) == (0, "notes: 1 left alone\n")
    assert ran.err == "left alone bad.md: it is not text in UTF-8 (convert it, or move it out of the folder)\n"
    ran = rekall("sync", "notes")
    assert (ran.code, ran.out) == (0, "notes: nothing to do, both are empty\n")
    assert ran.err == "note: 1 file left alone as before; `rekall sync status` names it\n"
    ran = rekall("sync", "status")
    assert (ran.code, "left alone bad.md: " in ran.err) == (0, True)
    answer = rekall("sync", "notes", "--json").json["folders"][0]
    assert ([each["where"] for each in answer["left_alone"]], answer["refused"]) == (["bad.md"], [])


@pytest.mark.parametrize("folder", ["", "/", "/.."])
def test_folders_that_nobody_means_are_refused(
    rekall: Rekall, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, folder: str
):
    home = tmp_path / "home"
    home.mkdir()
    (home / "a.md").write_text("# A\n\ntext\n", "utf-8")
    monkeypatch.setenv("USERPROFILE" if WINDOWS else "HOME", str(home))
    for more in ((), ("--yes",), ("--dry-run",)):
        ran = rekall("sync", f"{home}{folder}" if folder != "/" else os.path.abspath(os.sep), *more)
        assert ran.code == 4
        assert "rekall sync ~/notes" in ran.err
    assert (home / "a.md").read_text("utf-8") == "# A\n\ntext\n"


def test_a_person_is_asked_before_a_first_sync_changes_notes_of_somebody(
    rekall: Rekall, notes: Path, monkeypatch: pytest.MonkeyPatch
):
    notes.mkdir()
    path = notes / "a.md"
    path.write_text("# A\n\ntext\n", "utf-8")
    for door in ("sync", "asking"):
        monkeypatch.setattr(f"rekall.cli.{door}.on_terminal", lambda: True)
    ran = rekall("sync", "notes", stdin="n\n")
    assert (ran.code, ran.out) == (130, "")
    assert "notes holds 1 note that Rekall does not know. Take it in, and write an `id` into each file?" in ran.err
    assert list(notes.iterdir()) == [path]
    assert path.read_text("utf-8") == "# A\n\ntext\n"
    assert rekall("sync", "notes", stdin="y\n").code == 0
    assert "id: " in path.read_text("utf-8")
    (notes / "b.md").write_text("# B\n", "utf-8")
    assert "Take" not in rekall("sync", "notes").err  # they know each other


def test_the_folder_of_the_base_is_refused(rekall: Rekall):
    rekall("add", "til", "one")
    ran = rekall("sync", str(App().places.database.parent))
    assert (ran.code, "holds a base of Rekall" in ran.err) == (4, True)


def test_a_folder_called_status_can_be_synced(rekall: Rekall, tmp_path: Path):
    rekall("add", "til", "one")
    ran = rekall("sync", "status")
    assert (ran.code, ran.out) == (0, "")
    assert "no folder is synced yet" in ran.err
    assert rekall("sync", "./status").code == 0
    assert list((tmp_path / "status").glob("*.md"))
    for arguments in (("sync", "status"), ("sync", "--status"), ("sync", "status", "./status")):
        ran = rekall(*arguments)
        assert ran.code == 0
        assert ran.out.startswith(f"{tmp_path / 'status'}  synced ")
        assert "1 entry" in ran.out
    assert rekall("sync", "status", "elsewhere").code == 3


def test_all_known_folders_are_synced_and_one_that_is_gone_keeps_nobody_from_the_others(rekall: Rekall, tmp_path: Path):
    ran = rekall("sync")
    assert (ran.code, "name one" in ran.err) == (2, True)
    rekall("add", "til", "one")
    for name in ("a", "b"):
        rekall("sync", name)
    (tmp_path / "a").rename(tmp_path / "away")
    rekall("add", "til", "two")
    ran = rekall("sync")
    assert ran.code == 3
    assert "a is gone" in ran.err
    assert len(list((tmp_path / "b").glob("*.md"))) == 2
    assert not (tmp_path / "a").exists()
    ran = rekall("doctor", "--json")
    assert any(line["topic"] == "sync" and "gone" in line["text"] for line in ran.json["lines"])
    assert rekall("sync", "a", "--forget").code == 0
    assert rekall("sync").code == 0
    assert rekall("sync", "a", "--forget").code == 3


def test_many_deletions_are_asked_for(rekall: Rekall, notes: Path):
    for number in range(12):
        rekall("add", "til", f"note {number}")
    rekall("sync", "notes")
    for path in notes.glob("*.md"):
        path.unlink()
    ran = rekall("sync", "notes")
    assert ran.code == 4
    assert "--allow-many-deletions" in ran.err
    assert rekall("list", "--json").json["total"] == 12
    assert rekall("sync", "notes", "--yes").code == 0
    assert rekall("list", "--json").json["total"] == 0


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("a", "b"), "one folder at a time"),
        (("",), "is empty"),
        (("--forget",), "--forget needs a folder"),
        (("a", "--forget", "--watch"), "exclude each other"),
        (("a", "--every", "5m"), "--every needs --watch"),
        (("a", "--watch", "--json"), "--watch does not go with --json"),
        (("a", "--watch", "--dry-run"), "--watch does not go with --dry-run"),
    ],
)
def test_options_that_make_no_sense_are_refused(rekall: Rekall, tmp_path: Path, arguments: tuple[str, ...], says: str):
    ran = rekall("sync", *arguments)
    assert ran.code == 2
    assert says in ran.err + ran.out
    assert not (tmp_path / "a").exists()


def test_paths_that_are_no_folders_are_refused(rekall: Rekall, tmp_path: Path):
    (tmp_path / "file").write_text("x", "utf-8")
    assert rekall("sync", "file").code == 4
    assert rekall("sync", "missing/notes").code == 3
    assert not (tmp_path / "missing").exists()


@needs_git
def test_git_says_what_it_did_and_ends_with_a_code_of_its_own(rekall: Rekall, tmp_path: Path, notes: Path):
    rekall("add", "til", "one")
    ran = rekall("sync", "notes", "--git")
    assert (ran.code, ran.out.splitlines()[0]) == (0, "notes: 1 went out")
    assert ran.err.startswith("git: 1 committed\nnote: git has no remote yet; `git remote add origin")
    assert rekall("sync").err == ""  # nobody is told again and again
    git(notes, "remote", "add", "origin", "../remote.git")
    ran = rekall("sync")
    assert ran.code == 9
    assert "cannot be asked" in ran.err
    ran = rekall("sync", "--json")
    assert (ran.code, ran.json["folders"][0]["error"]["kind"], ran.json["folders"][0]["error"]["retryable"]) == (
        9,
        "git_remote",
        True,
    )
    bare(tmp_path / "remote.git")
    assert rekall("sync").err == "git: 1 sent to origin/main\n"
    rekall("add", "til", "two")
    assert rekall("sync", "--no-git").err == ""
    assert git(notes, "status", "--porcelain") != ""
    git(notes, "checkout", "-q", "--detach")
    ran = rekall("sync")
    assert ran.code == 9
    assert "git switch" in ran.err


@needs_git
def test_a_repository_of_code_is_synced_without_git_and_that_is_said_once(rekall: Rekall, tmp_path: Path):
    git(tmp_path, "init", "-q", "code")
    rekall("add", "til", "one")
    (tmp_path / "code" / "notes").mkdir()
    assert "git is left out, `--git` goes" in rekall("sync", "code/notes").err
    assert rekall("sync", "code/notes").err == ""
    assert "1 committed" in rekall("sync", "code/notes", "--git").err
    rekall("add", "til", "two")
    assert "1 committed" in rekall("sync").err


class Watching:
    """`rekall sync FOLDER --watch` as a process."""

    def __init__(self, folder: Path, **options: object) -> None:
        command = [sys.executable, "-m", "rekall", "sync", str(folder), "--watch"]
        self.process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, encoding="utf-8", **options
        )  # type: ignore[call-overload]
        assert "watching" in self.process.stderr.readline()

    def end(self, number: int) -> int:
        """How it ends after a signal; it says nothing."""
        self.process.send_signal(number)
        code = self.process.wait(PATIENCE_S)
        assert "error" not in self.process.stderr.read()
        for stream in (self.process.stdout, self.process.stderr):
            stream.close()
        return int(code)


@pytest.mark.skipif(WINDOWS, reason="signals of POSIX")
def test_it_stays_syncs_what_changes_and_ends_when_told(rekall: Rekall, notes: Path):
    notes.mkdir()
    watching = Watching(notes)
    ran = rekall("sync", "notes", "--watch")
    assert (ran.code, "watched already" in ran.err) == (2, True)
    (notes / "by hand.md").write_text("---\ntitle: By hand\n---\nSome words.\n", "utf-8")
    app = App()
    until(lambda: app.open_base().count())
    app.open_base(to_write=True).add("til", "from the base")
    until(lambda: len(list(notes.glob("*.md"))) == 2)
    app.close()
    assert watching.end(signal.SIGTERM) == 143


def test_what_stays_wrong_while_it_watches_is_said_once(capsys: pytest.CaptureFixture[str]):
    from rekall.cli.sync_watch import Remarks

    remarks = Remarks()
    for text in ("error: gone", "error: gone", "error: other", "", "error: other"):
        remarks.say("sync", text)
        remarks.say("git", "")
    assert capsys.readouterr().err == "error: gone\nerror: other\nerror: other\n"


@pytest.mark.skipif(WINDOWS, reason="signals of POSIX")
def test_it_ends_with_ctrl_c_and_with_its_terminal(notes: Path):
    import pty

    notes.mkdir()
    assert Watching(notes).end(signal.SIGINT) == 130
    ours, theirs = pty.openpty()
    program = (
        "import os, fcntl, signal, termios, sys\n"
        "signal.signal(signal.SIGHUP, signal.SIG_DFL)\n"  # under nohup it would be right to stay
        "os.setsid()\n"
        "fcntl.ioctl(0, termios.TIOCSCTTY, 0)\n"
        "from rekall.cli.main import run\n"
        f"sys.argv = ['rekall', 'sync', {str(notes)!r}, '--watch']\n"
        "run()\n"
    )
    process = subprocess.Popen([sys.executable, "-c", program], stdin=theirs, stdout=theirs, stderr=theirs)
    os.close(theirs)
    seen = b""
    while b"watching" not in seen:
        seen += os.read(ours, 1000)
    os.close(ours)  # the window is closed
    assert process.wait(PATIENCE_S) == 129
