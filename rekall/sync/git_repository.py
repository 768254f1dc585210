"""The repository that a folder lies in: where it is, and whether its state lets a sync work in it."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from rekall.errors import GitError
from rekall.sync.files import SUFFIXES
from rekall.sync.folder import OWN
from rekall.sync.git_program import Git
from rekall.system.one_by_one import one_by_one
from rekall.system.replacing import discard

_MARK = "rekall-sync"
"""A file among git's own that is there while we merge; one that a killed sync left says that the merge was ours."""

_WAIT_S = 60.0
"""How long another sync of the same repository is waited for."""

_LOCKED_S = 10.0
"""How long another git is waited for that has the index."""

_SETTING = "rekall.sync"

_LEAST_SHARE = 0.3
"""A repository in which less of the files are notes is one of something else."""

_UNDER_WAY = (
    ("MERGE_HEAD", "a merge", "finish it with `git commit`, or take it back with `git merge --abort`"),
    ("rebase-merge", "a rebase", "finish it with `git rebase --continue`, or `git rebase --abort`"),
    ("rebase-apply", "a rebase", "finish it with `git rebase --continue`, or `git rebase --abort`"),
    ("CHERRY_PICK_HEAD", "a cherry-pick", "finish it with `git cherry-pick --continue`, or `--abort`"),
    ("REVERT_HEAD", "a revert", "finish it with `git revert --continue`, or `git revert --abort`"),
    ("BISECT_LOG", "a bisection", "end it with `git bisect reset`"),
)


def repository_of(git: Git) -> Repository | None:
    """The repository whose work tree a folder belongs to; None where it is in none, or where that one ignores it.

    Raises:
        GitError: There is one, and git does not work with it.
    """
    folder = Path(os.path.realpath(git.folder))
    asked = git.ran("rev-parse", "--is-inside-work-tree", "--show-toplevel", "--absolute-git-dir")
    lines = asked.text.split("\n")
    if lines[0] == "false":
        raise GitError(f"{folder} lies in git's own files", "sync a folder in which the files are checked out")
    if asked.code:
        if any(os.path.lexists(each / ".git") for each in (folder, *folder.parents)):
            raise GitError(f"git does not work in {folder}: {asked.said}", "see what `git status` says there")
        return None
    top = Path(os.path.realpath(lines[1]))
    plain = ("--no-literal-pathspecs", "check-ignore", "-q")  # which knows no others
    if folder != top and git.at(top).ran(*plain, f"./{_below(folder, top)}/").code == 0:
        return None
    return Repository(git.at(top), top, folder, Path(lines[2]))


def _below(folder: Path, top: Path) -> str:
    """A folder as git names it: below the top, with slashes."""
    below = os.path.relpath(folder, top).replace(os.sep, "/")
    return "" if below == "." else below


@dataclass(frozen=True)
class Repository:
    """A repository with a synced folder in its work tree.

    Attributes:
        git: Git, at the top of the work tree.
        top: The top of the work tree.
        folder: The synced folder: the top, or below it.
        own: Where git keeps its files of this work tree.
    """

    git: Git
    top: Path
    folder: Path
    own: Path
    prefix: str = field(init=False)
    """How the paths of the folder begin: empty, or "notes/"."""

    def __post_init__(self) -> None:
        below = _below(self.folder, self.top)
        object.__setattr__(self, "prefix", f"{below}/" if below else "")

    @property
    def is_whole(self) -> bool:
        """Whether the repository holds nothing but the folder."""
        return not self.prefix

    def is_wanted(self) -> bool:
        """Whether syncs of the folder go through git without being told.

        They do where somebody said so once, and where the folder is all of the repository and that is one of notes. Nobody's
        code gets commits unasked.
        """
        said = self.git.says("config", "--get-all", _SETTING).split("\n")
        if self.prefix or "true" in said or "false" in said:
            return (self.prefix.rstrip("/") or "true") in said
        names = self.git.run("ls-files", "-z").names
        notes = sum(name.lower().endswith(SUFFIXES) or name.startswith(f"{OWN}/") for name in names)
        return _LEAST_SHARE * len(names) <= notes

    def want(self) -> None:
        """Remember that syncs of the folder go through git; `.git/config` is this clone's own."""
        value = self.prefix.rstrip("/") or "true"
        if value not in self.git.says("config", "--get-all", _SETTING).split("\n"):
            self.git.run("config", "--local", *(("--add",) if self.prefix else ("--replace-all",)), _SETTING, value)

    def place(self, name: str) -> Path:
        """Where one of git's own files lies, which need not be there."""
        return self._places([name])[name]

    def _places(self, names: Sequence[str]) -> dict[str, Path]:
        asked = [part for name in names for part in ("--git-path", name)]
        return {name: self.top / said for name, said in zip(names, self.git.run("rev-parse", *asked).text.split("\n"))}

    def head(self) -> str:
        """The commit that is checked out; empty before the first one."""
        return self.git.says("rev-parse", "-q", "--verify", "HEAD^{commit}")

    def branch(self) -> str:
        """The branch that is checked out; empty where none is."""
        return self.git.says("symbolic-ref", "-q", "--short", "HEAD")

    @contextlib.contextmanager
    def taken(self) -> Iterator[None]:
        """Keep other syncs out of the repository, when its state lets one work.

        Raises:
            GitError: Another one is at work all the time, or somebody is in the middle of something.
        """
        try:
            with one_by_one(self.own / _MARK, _WAIT_S):
                self._take_back()
                self._check()
                yield
        except TimeoutError as error:
            raise GitError(
                f"another sync of {self.folder} is at work",
                "wait for it, or end the `rekall sync --watch` that does it",
            ) from error

    @contextlib.contextmanager
    def merging(self) -> Iterator[None]:
        """Note that the merge of a block is ours, so that the next sync takes it back should this one be killed."""
        mark = self.own / _MARK
        mark.write_text(f"{self.head()}\n", "utf-8")
        yield
        discard(mark)

    def _take_back(self) -> None:
        """Undo the merge of a sync that was killed."""
        mark = self.own / _MARK
        if not mark.exists():
            return
        lock = self.place("index.lock")
        if lock.exists() and not _is_git_at_work(self.top):
            discard(lock)
        if self.place("MERGE_HEAD").exists():
            self.git.run("merge", "--abort")
        discard(mark)

    def _check(self) -> None:
        places = self._places([*(name for name, _, _ in _UNDER_WAY), "index.lock"])
        for name, what, hint in _UNDER_WAY:
            if places[name].exists():
                raise GitError(f"{self.top} is in the middle of {what}", f"{hint}; then sync again")
        lock = places["index.lock"]
        if not _goes(lock.exists, _LOCKED_S):
            raise GitError(
                f"another git is at work in {self.top}",
                f"wait for it; where there is none, remove {lock}, then sync again",
            )
        if self.git.run("ls-files", "-u", "-z").out:
            raise GitError(f"{self.top} has files that are not merged", "settle them: `git status` names them")
        if not self.branch():
            raise GitError(
                f"{self.top} is on no branch (a detached HEAD)",
                "go to one, for example `git switch main`; then sync again",
            )
        if self.git.ran("var", "GIT_COMMITTER_IDENT").code or self.git.ran("var", "GIT_AUTHOR_IDENT").code:
            raise GitError(
                "git does not know who you are",
                'tell it: `git config --global user.name "Your Name"` and `git config --global user.email you@example.org`',
            )

    def commit(self, paths: Sequence[str], message: Sequence[str]) -> bool:
        """Commit what lies at some paths, and nothing else that is staged.

        Args:
            paths: Below the top; what is gone is committed as such.
            message: The paragraphs.

        Returns:
            Whether there was anything to commit.

        Raises:
            GitError: A hook, or the program that signs, refuses; what was staged is as before.
        """
        if not paths:
            return False
        given = b"\0".join(map(os.fsencode, paths)) + b"\0"
        from_stdin = ("--pathspec-from-file=-", "--pathspec-file-nul")
        self.git.run("update-index", "--add", "--remove", "-z", "--stdin", given=given)
        against = self.head() or self.git.run("hash-object", "-t", "tree", "--stdin").text
        changed = self.git.run("diff-index", "--cached", "--name-only", "--no-renames", "-z", against).names
        wanted = {*changed} & {*paths}  # git refuses one that was staged, never committed, and is gone
        if not wanted:
            return False
        given = b"\0".join(map(os.fsencode, sorted(wanted))) + b"\0"
        said = [part for paragraph in message if paragraph for part in ("-m", paragraph)]
        ran = self.git.ran("commit", "-q", "--only", "--cleanup=whitespace", *said, *from_stdin, given=given)
        if ran.code:
            self.git.ran("reset", "-q", *from_stdin, given=given)
            raise GitError(
                f"git does not commit: {ran.said}",
                "a hook or the signing of commits refuses; mend it, and sync again. The folder and the base are as they should be",
            )
        return True


def _goes(is_there: Callable[[], bool], longest_s: float) -> bool:
    """Whether something goes away in time."""
    end = time.monotonic() + longest_s
    while is_there():
        if time.monotonic() > end:
            return False
        time.sleep(0.1)
    return True


def _is_git_at_work(top: Path) -> bool:
    """Whether some git stands in a work tree, as far as the system tells."""
    import psutil

    for process in psutil.process_iter(["name", "cwd"]):
        place = process.info["cwd"]
        if place and (process.info["name"] or "").lower() in ("git", "git.exe") and Path(place).is_relative_to(top):
            return True
    return False
