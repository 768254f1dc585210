"""A sync through git in every state in which a repository may be found: it works there, or says why not and leaves it alone."""

from __future__ import annotations

import os
import random
import shutil
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from support.git_folders import ADDRESS, bare, committed, files, git, needs_git, settle_git
from support.secret_samples import KINDS
from support.systems import WINDOWS

from rekall.errors import GitError
from rekall.sync.git import GitReport, GitSync, Hand, prepared
from rekall.sync.git_merging import Notes
from rekall.sync.git_message import Touched, message
from rekall.sync.merging import MergedFile
from rekall.sync.reports import SyncReport

pytestmark = needs_git


def lines(before: bytes | None, mine: bytes | None, theirs: bytes | None) -> MergedFile:
    """A merge that shows what it was given."""
    return MergedFile(b"|".join(part.strip() if part else b"-" for part in (before, mine, theirs)) + b"\n")


HAND = Hand(
    Notes(lines, lambda path: path.endswith(".md"), lambda data: data.partition(b"\n")[0].decode()),
    lambda path: ".sync-conflict" in path,
    lambda data, before: "a key" if b"SECRET" in data and b"SECRET" not in before else "",
)


def sync(
    folder: Path, *, wanted: bool | None = None, write: dict[str, str] | None = None, **options: bool
) -> GitReport:
    """A sync in which the base brings some files into the folder."""

    def run(author_of: object) -> SyncReport:
        for name, text in (write or {}).items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_text(text, "utf-8", newline="\n")
        return SyncReport()

    repository = prepared(folder, wanted=wanted)[0]
    assert repository is not None
    return GitSync(repository, HAND, run, **options).sync()


def is_prepared(folder: Path, *, wanted: bool | None = None) -> bool:
    return prepared(folder, wanted=wanted)[0] is not None


@pytest.fixture(autouse=True)
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    return settle_git(tmp_path / "settings", monkeypatch)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that is a repository of its own, with a note in it; a remote that has it, and another clone of that."""
    place = tmp_path_factory.mktemp("made")
    with pytest.MonkeyPatch.context() as patch:
        settle_git(place / "settings", patch)
        notes = place / "notes"
        write(notes, "one.md", "1\nfirst\n")
        assert sync(notes, wanted=True).problem is None
        shutil.copytree(notes, place / "alone")
        bare(place / "remote.git")
        git(notes, "remote", "add", "origin", "../remote.git")
        assert sync(notes).problem is None
        git(place, "clone", "-q", "remote.git", "other")
        git(place / "other", "remote", "set-url", "origin", "../remote.git")
    return place


@pytest.fixture
def notes(tmp_path: Path, made: Path) -> Path:
    """A folder that is a repository of its own, with a note in it."""
    return Path(shutil.copytree(made / "alone", tmp_path / "notes"))


@pytest.fixture
def shared(tmp_path: Path, made: Path) -> tuple[Path, Path, Path]:
    """A remote, and two clones of it."""
    remote, one, other = (
        Path(shutil.copytree(made / name, tmp_path / name)) for name in ("remote.git", "notes", "other")
    )
    return remote, one, other


def write(folder: Path, name: str, text: str) -> None:
    (folder / name).parent.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text(text, "utf-8", newline="\n")


def test_a_folder_becomes_a_repository_only_when_told(tmp_path):
    folder = tmp_path / "notes"
    folder.mkdir()
    assert not is_prepared(folder)
    assert not (folder / ".git").exists()
    report = sync(folder, wanted=True, write={"a.md": "1\n"})
    assert (report.commits, report.remote, report.problem) == (1, "", None)
    assert git(folder, "branch", "--show-current") == "main"
    assert is_prepared(folder)  # from now on it is one
    assert not is_prepared(folder, wanted=False)


def test_a_second_sync_commits_nothing(notes):
    assert sync(notes).commits == 0
    assert git(notes, "rev-list", "--count", "HEAD") == "1"


def test_what_was_changed_by_hand_is_a_commit_of_its_own(notes):
    write(notes, "two.md", "2\nby hand\n")
    report = sync(notes, write={"three.md": "3\nfrom the base\n"})
    assert report.commits == 2
    assert git(notes, "log", "-2", "--format=%s").split("\n") == ["Notes: 1 added", "Notes: 1 added by hand"]


def test_a_note_that_was_staged_and_is_gone_stops_nothing(notes):
    write(notes, "gone.md", "2\nstaged by a sync that was killed\n")
    git(notes, "add", "gone.md")
    (notes / "gone.md").unlink()
    write(notes, "two.md", "3\nsecond\n")
    done = sync(notes)
    assert done.problem is None
    assert done.commits == 1
    assert git(notes, "status", "--porcelain") == ""


def test_only_the_folder_is_committed_and_what_else_is_staged_stays_staged(tmp_path):
    top = tmp_path / "code"
    folder = top / "docs" / "notes [1]"
    folder.mkdir(parents=True)
    git(top, "init", "-q")
    write(top, "main.py", "one\n")
    git(top, "add", ".")
    git(top, "commit", "-qm", "code")
    write(top, "main.py", "two\n")
    git(top, "add", "main.py")
    write(top, "main.py", "three\n")
    write(top, "new.py", "new\n")
    assert not is_prepared(folder)  # other people's code is not committed to unasked
    report = sync(folder, wanted=True, write={"a.md": "1\n"})
    assert report.problem is None
    assert committed(top) == {"main.py": "one", "docs/notes [1]/a.md": "1"}
    assert git(top, "status", "--porcelain") == "MM main.py\n?? new.py"
    assert git(top, "show", ":main.py") == "two"
    assert is_prepared(folder)  # it was told once
    assert not is_prepared(top / "docs")


def test_a_repository_of_something_else_is_not_committed_to_unasked(tmp_path):
    top = tmp_path / "code"
    top.mkdir()
    git(top, "init", "-q")
    for name in ("a.py", "b.py", "c.py", "README.md"):
        write(top, name, "x\n")
    git(top, "add", ".")
    git(top, "commit", "-qm", "code")
    repository, remark = prepared(top, wanted=None)
    assert repository is None
    assert "--git" in remark
    assert sync(top, wanted=True, write={"a.md": "1\n"}).commits == 1
    assert is_prepared(top)
    git(top, "config", "rekall.sync", "false")
    assert not is_prepared(top)


def test_a_folder_that_the_repository_around_ignores_is_none_of_its(tmp_path):
    top = tmp_path / "code"
    (top / "notes").mkdir(parents=True)
    git(top, "init", "-q")
    write(top, ".gitignore", "notes/\n")
    assert not is_prepared(top / "notes")
    assert sync(top / "notes", wanted=True, write={"a.md": "1\n"}).problem is None
    assert committed(top / "notes") == {"a.md": "1"}
    assert not git(top, "log", code=None)


@pytest.mark.parametrize(
    ("begin", "says"),
    [
        ("git merge side", "a merge"),
        ("git rebase side", "a rebase"),
        ("git cherry-pick side", "a cherry-pick"),
        ("git checkout -q --detach", "no branch"),
        (
            "git stash -q && git checkout -q HEAD~1 && git checkout -q -B main && echo x > one.md && git commit -qam x && git stash pop",
            "not merged",
        ),
    ],
    ids=["merge", "rebase", "cherry-pick", "detached", "stash pop"],
)
@pytest.mark.skipif(WINDOWS, reason="the commands are a shell's")
def test_a_repository_in_the_middle_of_something_is_left_alone(notes, begin, says):
    git(notes, "checkout", "-qb", "side")
    write(notes, "one.md", "1\nside\n")
    git(notes, "commit", "-qam", "side")
    git(notes, "checkout", "-q", "main")
    write(notes, "one.md", "1\nmain\n")
    git(notes, "commit", "-qam", "main")
    if "stash" in begin:
        write(notes, "one.md", "1\nstashed\n")
    subprocess.run(begin, shell=True, cwd=notes, capture_output=True, env={**os.environ, "GIT_EDITOR": ":"})
    before, status = files(notes), git(notes, "status", "--porcelain=v2", "--branch")
    with pytest.raises(GitError, match=says) as caught:
        sync(notes, write={"new.md": "2\n"})
    assert caught.value.hint
    assert caught.value.exit_code == 9
    assert files(notes) == before  # the base's notes were not written either
    assert git(notes, "status", "--porcelain=v2", "--branch") == status


def test_a_lock_of_another_git_is_waited_for_and_named(notes, monkeypatch):
    monkeypatch.setattr("rekall.sync.git_repository._LOCKED_S", 0.2)
    lock = notes / ".git" / "index.lock"
    lock.write_bytes(b"")
    with pytest.raises(GitError, match="another git") as caught:
        sync(notes)
    assert str(lock) in caught.value.hint
    assert lock.exists()
    lock.unlink()
    assert sync(notes).problem is None


def test_git_must_know_who_commits(tmp_path, settings):
    settings.write_text("[user]\n\tuseConfigOnly = true\n", "utf-8")
    (tmp_path / "notes").mkdir()
    with pytest.raises(GitError, match="who you are") as caught:
        sync(tmp_path / "notes", wanted=True, write={"a.md": "1\n"})
    assert "user.name" in caught.value.hint


def test_without_git_the_hint_says_what_else_there_is(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(GitError, match="not installed") as caught:
        prepared(tmp_path, wanted=True)
    assert "--no-git" in caught.value.hint
    assert not is_prepared(tmp_path)  # nobody asked for it


def test_an_empty_clone_of_an_empty_remote(tmp_path):
    remote = bare(tmp_path / "remote.git")
    git(tmp_path, "clone", "-q", str(remote), "notes")
    assert sync(tmp_path / "notes").commits == 0
    report = sync(tmp_path / "notes", write={"a.md": "1\n"})
    assert (report.commits, report.sent, report.problem) == (1, 1, None)
    assert committed(remote, "main") == {"a.md": "1"}
    assert git(tmp_path / "notes", "status", "--porcelain=v2", "--branch").count("branch.ab +0 -0") == 1


def test_an_empty_folder_gets_what_the_remote_has(shared, tmp_path):
    remote, _, _ = shared
    folder = tmp_path / "third"
    folder.mkdir()
    sync(folder, wanted=True)
    git(folder, "remote", "add", "origin", str(remote))
    report = sync(folder)
    assert (report.received, report.sent, report.problem) == (1, 0, None)
    assert committed(folder) == {"one.md": "1\nfirst"}


@pytest.mark.parametrize("branch", ["master", "notes/Ünal"])
def test_two_that_began_apart_meet_on_the_branch_that_the_remote_has(tmp_path, branch):
    remote = bare(tmp_path / "remote.git", "somewhere-else")
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        git(tmp_path / name, "init", "-q")
        git(tmp_path / name, "symbolic-ref", "HEAD", "refs/heads/" + (branch if name == "a" else "main"))
        sync(tmp_path / name, write={f"{name}.md": f"{name}\n"})
        git(tmp_path / name, "remote", "add", "origin", str(remote))
    for name in ("a", "b", "a"):
        report = sync(tmp_path / name)
        assert report.problem is None
        assert report.remote == f"origin/{branch}"
    assert set(files(tmp_path / "a")) == set(files(tmp_path / "b")) == {"a.md", "b.md"}


def test_a_shallow_clone_is_deepened_where_it_must_be(shared, tmp_path):
    remote, one, _ = shared
    for number in range(3):
        write(one, "one.md", f"1\n{number}\n")
        sync(one)
    git(tmp_path, "clone", "-q", "--depth=1", remote.as_uri(), "shallow")
    write(one, "one.md", "1\nby one\n")
    sync(one)
    write(tmp_path / "shallow", "two.md", "2\n")
    report = sync(tmp_path / "shallow")
    assert report.problem is None
    assert set(committed(remote, "main")) == {"one.md", "two.md"}


def test_a_worktree_and_a_submodule_are_work_trees_as_any_other(notes, tmp_path, settings):
    git(notes, "worktree", "add", "-q", "-b", "beside", str(tmp_path / "beside"))
    assert sync(tmp_path / "beside", write={"b.md": "2\n"}).commits == 1
    assert set(committed(notes, "beside")) == {"one.md", "b.md"}
    around = tmp_path / "around"
    around.mkdir()
    git(around, "init", "-q")
    git(around, "-c", "protocol.file.allow=always", "submodule", "--quiet", "add", str(notes), "inside")
    git(around, "commit", "-qm", "around")
    assert sync(around / "inside", write={"c.md": "3\n"}).commits == 1
    assert sync(around, wanted=True, write={"top.md": "4\n"}).commits == 1
    assert git(around, "status", "--porcelain") == " M inside"  # moving it on is the person's to do


def test_line_ends_of_windows_and_names_of_any_letters(shared):
    remote, one, other = shared
    git(other, "config", "core.autocrlf", "true")
    git(other, "config", "core.quotepath", "true")
    git(one, "config", "core.autocrlf", "false")
    name = "Füße – 日本 'x'.md"
    write(one, name, "7\nTagwerk\n")
    sync(one)
    sync(other)
    assert (other / name).read_bytes() == b"7\r\nTagwerk\r\n"
    assert sync(other).commits == 0
    (other / name).write_bytes(b"7\r\nanders\r\n")
    write(one, name, "7\nauch anders\n")
    sync(one)
    report = sync(other)
    assert report.problem is None
    assert committed(remote, "main")[name] == "7\nTagwerk|7\nanders|7\nauch anders"
    assert sync(one).received == 2
    assert committed(one) == committed(other)


def test_a_star_in_a_name_is_a_star(notes):
    if WINDOWS:
        pytest.skip("no file of Windows has such a name")
    write(notes, "*.md", "2\n")
    write(notes, ":(top)x.md", "3\n")
    assert sync(notes).problem is None
    assert set(committed(notes)) == {"one.md", "*.md", ":(top)x.md"}
    (notes / "*.md").unlink()
    assert sync(notes).problem is None
    assert set(committed(notes)) == {"one.md", ":(top)x.md"}


def test_a_hook_that_fails_is_told_and_leaves_nothing_staged(notes):
    hook(notes, "pre-commit", "echo no notes on fridays >&2; exit 1")
    report = sync(notes, write={"a.md": "2\n"})
    assert report.problem is not None
    assert "no notes on fridays" in report.problem.message
    assert git(notes, "status", "--porcelain") == "?? a.md"
    (notes / ".git" / "hooks" / "pre-commit").unlink()
    assert sync(notes).commits == 1


def test_a_hook_that_fails_at_a_merge_takes_the_merge_back(shared):
    _, one, other = shared
    write(one, "one.md", "1\nby one\n")
    sync(one)
    write(other, "two.md", "2\n")
    hook(other, "commit-msg", "! grep -q ^Merge $1")
    report = sync(other)
    assert report.problem is not None
    assert report.commits == 1
    assert git(other, "status", "--porcelain") == ""
    assert (other / "one.md").read_text("utf-8") == "1\nfirst\n"


def test_a_signature_that_nobody_can_give_is_told(notes, settings, tmp_path):
    program = tmp_path / "sign"
    program.write_text("#!/bin/sh\necho no passphrase >&2\nexit 2\n", "utf-8")
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    git(notes, "config", "commit.gpgSign", "true")
    git(notes, "config", "gpg.program", str(program))
    report = sync(notes, write={"a.md": "2\n"})
    assert report.problem is not None
    assert "sign" in report.problem.hint
    assert git(notes, "status", "--porcelain") == "?? a.md"


@pytest.mark.skipif(WINDOWS, reason="a terminal of POSIX")
def test_git_never_asks_anybody(notes, tmp_path):
    """Not by the terminal that the command has, nor by a program that shows a window."""
    asked = tmp_path / "asked"
    for name in ("askpass", "ssh"):
        program = tmp_path / name
        program.write_text(
            f"#!/bin/sh\necho {name} >> {asked}\nread answer < /dev/tty && echo tty >> {asked}\nexit 1\n", "utf-8"
        )
        program.chmod(program.stat().st_mode | stat.S_IXUSR)
    git(notes, "remote", "add", "origin", "ssh://nobody@nowhere.invalid/notes.git")
    program = (
        "import os, pty, sys\n"
        "pid, terminal = pty.fork()\n"
        "if not pid:\n"
        "    from rekall.sync.git_program import Git\n"
        "    from pathlib import Path\n"
        "    ran = Git(Path(sys.argv[1])).ran('fetch', 'origin')\n"
        "    os._exit(40 + ran.code % 100)\n"
        "print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))\n"
    )
    env = {
        "GIT_ASKPASS": str(tmp_path / "askpass"),
        "SSH_ASKPASS": str(tmp_path / "askpass"),
        "GIT_SSH": str(tmp_path / "ssh"),
        "DISPLAY": ":9",
    }
    ran = subprocess.run(
        [sys.executable, "-c", program, str(notes)],
        env={**os.environ, **env},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert ran.stdout.strip() == str(40 + 128 % 100), ran.stderr
    assert asked.read_text("utf-8").split() == ["ssh"]  # it was run, and found no terminal


def test_the_git_of_a_hook_around_us_is_not_ours(notes, tmp_path, monkeypatch):
    another = tmp_path / "another"
    another.mkdir()
    git(another, "init", "-q")
    monkeypatch.setenv("GIT_DIR", str(another / ".git"))
    monkeypatch.setenv("GIT_WORK_TREE", str(another))
    monkeypatch.setenv("GIT_INDEX_FILE", str(another / ".git" / "index"))
    monkeypatch.setenv("GIT_PREFIX", "x/")
    assert sync(notes, write={"a.md": "2\n"}).commits == 1
    for name in ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_PREFIX"):
        monkeypatch.delenv(name)
    assert set(committed(notes)) == {"one.md", "a.md"}
    assert git(another, "status", "--porcelain") == ""


def test_a_remote_that_cannot_be_reached_keeps_nobody_from_committing(shared, tmp_path):
    remote, one, _ = shared
    remote.rename(tmp_path / "gone.git")
    report = sync(one, write={"a.md": "2\n"})
    assert report.commits == 1
    assert report.problem is not None
    assert report.problem.retryable
    assert "next sync" in report.problem.hint
    (tmp_path / "gone.git").rename(remote)
    report = sync(one)
    assert (report.sent, report.problem) == (1, None)


def test_a_history_that_was_written_anew_is_not_merged_with_the_old_one(shared):
    """Else what somebody took out of it would come back with the next sync of somebody else."""
    remote, one, other = shared
    sync(one, write={"secret.md": "2\nnot for everybody\n"})
    sync(other)
    git(one, "reset", "-q", "--hard", "HEAD~1")
    git(one, "push", "-q", "--force", "origin", "main")
    for _ in range(2):
        report = sync(other, write={"new.md": "3\n"})
        assert report.problem is not None
        assert "written anew" in report.problem.message
    assert set(committed(remote, "main")) == {"one.md"}
    git(other, "fetch", "-q")
    git(other, "reset", "-q", "--hard", "origin/main")
    assert sync(other, write={"new.md": "3\n"}).problem is None
    assert set(committed(remote, "main")) == {"one.md", "new.md"}


def test_a_remote_that_takes_nothing_is_told(shared):
    remote, one, _ = shared
    hook(remote, "pre-receive", "echo the branch is protected >&2; exit 1")
    report = sync(one, write={"a.md": "2\n"})
    assert report.problem is not None
    assert "protected" in report.problem.message
    assert report.sent == 0


def test_no_password_of_an_address_is_said(notes):
    git(notes, "remote", "add", "origin", "https://ada:hunter22@127.0.0.1:9/notes.git")
    report = sync(notes)
    assert report.problem is not None
    assert "hunter22" not in report.problem.message + report.problem.hint


def test_other_staged_work_waits_for_its_own_commit_before_a_merge(shared):
    remote, one, other = shared
    write(one, "one.md", "1\nby one\n")
    sync(one)
    write(other, "two.md", "2\n")
    write(other, "code.py", "x = 1\n")
    git(other, "add", "code.py")
    folder_only = sync(other)
    assert folder_only.problem is None  # the folder is all of the repository: its files are committed
    assert set(committed(remote, "main")) == {"one.md", "two.md", "code.py"}


def test_a_file_in_the_way_is_named_and_nothing_is_lost(shared):
    _, one, other = shared
    write(one, "two.md", "2\nby one\n")
    sync(one)
    write(other, "two.md", "2\nSECRET\n")
    report = sync(other)
    assert report.problem is not None
    assert [each.path for each in report.synced.refused] == ["two.md"]
    assert (other / "two.md").read_text("utf-8") == "2\nSECRET\n"
    report = sync(other, with_secrets=True)
    assert report.problem is None
    assert (other / "two.md").read_text("utf-8") == "-|2\nSECRET|2\nby one\n"


def test_secrets_and_what_is_hidden_or_a_copy_stay_out(notes):
    for name in (
        ".obsidian/workspace.json",
        "a.sync-conflict-20260101.md",
        ".DS_Store",
        "secret.md",
        "marked.md",
        "picture.png",
    ):
        write(notes, name, {"secret.md": "SECRET", "marked.md": "<<<<<<< a\n=======\n>>>>>>> b\n"}.get(name, "x"))
    report = sync(notes)
    assert set(committed(notes)) == {"one.md", "picture.png"}
    assert [each.path for each in report.synced.refused] == ["secret.md"]
    assert "--with-secrets" in report.synced.refused[0].hint


def test_what_both_changed_and_is_no_note_stops_the_merge_and_leaves_all_as_it_was(shared):
    _, one, other = shared
    write(one, "list.txt", "a\n")
    sync(one)
    sync(other)
    write(one, "list.txt", "b\n")
    sync(one)
    write(other, "list.txt", "c\n")
    report = sync(other)
    assert report.problem is not None
    assert "list.txt" in report.problem.message
    assert (other / "list.txt").read_text("utf-8") == "c\n"
    assert git(other, "status", "--porcelain") == ""
    assert report.commits == 1


def test_a_merge_that_a_killed_sync_left_is_taken_back(shared):
    _, one, other = shared
    write(one, "one.md", "1\nby one\n")
    sync(one)
    write(other, "one.md", "1\nby the other\n")
    git(other, "commit", "-qam", "by hand")
    git(other, "fetch", "-q")
    (other / ".git" / "rekall-sync").write_text("HEAD\n", "utf-8")
    git(other, "merge", "-q", "origin/main", code=1)
    report = sync(other)
    assert report.problem is None
    assert (other / "one.md").read_text("utf-8") == "1\nfirst|1\nby the other|1\nby one\n"
    assert not (other / ".git" / "rekall-sync").exists()


def test_a_lock_that_a_killed_sync_left_is_removed(shared):
    _, _, other = shared
    (other / ".git" / "rekall-sync").write_text("HEAD\n", "utf-8")
    (other / ".git" / "index.lock").write_bytes(b"")
    assert sync(other, write={"a.md": "2\n"}).commits == 1


def test_notes_that_git_could_merge_by_lines_are_merged_by_fields_all_the_same(shared):
    _, one, other = shared
    write(one, "one.md", "1\n" + "line\n" * 20)
    sync(one)
    sync(other)
    write(one, "one.md", "1\ntop\n" + "line\n" * 20)
    sync(one)
    write(other, "one.md", "1\n" + "line\n" * 20 + "bottom\n")
    assert sync(other).problem is None
    assert (other / "one.md").read_bytes().count(b"|") == 2


@pytest.mark.parametrize("far", [True, False], ids=["rewritten", "hardly changed"])
def test_a_note_that_one_renamed_and_the_other_changed_is_one_note(shared, far):
    _, one, other = shared
    write(one, "two.md", "2\n" + "line\n" * 9)
    sync(one)
    sync(other)
    (one / "two.md").unlink()
    write(one, "renamed.md", "2\nnothing is left of it\n" if far else "2\n" + "line\n" * 9 + "end\n")
    sync(one)
    write(other, "two.md", "2\nbegin\n" + "line\n" * 9)
    assert sync(other).problem is None
    assert set(files(other)) == {"one.md", "renamed.md"}
    assert (other / "renamed.md").read_bytes().count(b"|") == 2 if far else True
    assert b"begin" in (other / "renamed.md").read_bytes()
    assert sync(one).problem is None
    assert files(one) == files(other)


def test_a_note_that_both_renamed_is_one_note(shared):
    _, one, other = shared
    write(one, "two.md", "2\n" + "line\n" * 9)
    sync(one)
    sync(other)
    for folder, name in ((one, "mine.md"), (other, "theirs.md")):
        (folder / "two.md").rename(folder / name)
        sync(folder)
    sync(one)
    assert files(one) == files(other)
    assert len(files(one)) == 2


def test_a_note_that_one_deleted_and_the_other_changed_stays_for_the_sync_to_decide(shared):
    _, one, other = shared
    (one / "one.md").unlink()
    sync(one)
    write(other, "one.md", "1\nchanged\n")
    assert sync(other).problem is None
    assert (other / "one.md").read_text("utf-8") == "1\nchanged\n"


@pytest.mark.skipif(WINDOWS, reason="modes of POSIX")
def test_a_merged_note_can_be_read_by_those_who_could(shared):
    _, one, other = shared
    write(one, "one.md", "1\nby one\n")
    sync(one)
    write(other, "one.md", "1\nby the other\n")
    sync(other)
    assert b"|" in (other / "one.md").read_bytes()
    assert (other / "one.md").stat().st_mode & 0o044 == 0o044


def test_the_author_of_a_change_is_who_committed_it(shared, tmp_path):
    _, one, other = shared
    git(one, "config", "user.name", "Zoë Quinn")
    git(other, "config", "user.name", "Bob")
    write(one, "Notiz ä.md", "5\n")
    sync(one)
    told = {}

    def run(author_of) -> SyncReport:
        told.update({name: author_of(other / name) for name in ("one.md", "Notiz ä.md", "never.md")})
        return SyncReport()

    repository = prepared(other, wanted=None)[0]
    assert repository is not None
    GitSync(repository, HAND, run).sync()
    assert told == {"one.md": "Ada Lovelace", "Notiz ä.md": "Zoë Quinn", "never.md": None}
    assert ADDRESS not in str(told)


def test_no_secret_of_a_title_gets_into_a_message():
    secret = KINDS["github classic"][1](random.Random(7))
    subject, body = message(
        [Touched("a.md", "A"), Touched("b.md", "D")], {"a.md": f"the key {secret}", "b.md": "# Title\nx"}, by_hand=False
    )
    assert subject == "Notes: 1 added, 1 deleted"
    assert body == "+ (a title that looks like a secret)\n- # Title x"


def hook(repository: Path, name: str, says: str) -> None:
    folder = repository / (".git/hooks" if (repository / ".git").exists() else "hooks")
    folder.mkdir(exist_ok=True)
    file = folder / name
    file.write_text(f"#!/bin/sh\n{says}\n", "utf-8", newline="\n")
    file.chmod(0o755)
