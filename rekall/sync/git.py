"""Syncs a folder through git: commit, merge what came, commit, push; git connects to what the person has set up, nothing else does."""

from __future__ import annotations

import contextlib
import os
import random
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from rekall.errors import GitError, RemoteError
from rekall.sync.git_authors import Authors
from rekall.sync.git_merging import Merging, NotePair, Notes
from rekall.sync.git_message import Touched, message
from rekall.sync.git_program import Git
from rekall.sync.git_remote import Remote, remote_of
from rekall.sync.git_repository import Repository, repository_of
from rekall.sync.reports import Refused, SyncConflict, SyncReport

MOST_PUSHES = 12
"""How often a push is tried while others push too."""

_MOST_FRUITLESS = 3
"""How often it is tried again though the remote has nothing new: somebody's push may be under way."""

_LONGEST_PAUSE_S = 3.0

RunSync = Callable[[Callable[[Path], "str | None"]], SyncReport]
"""Makes base and folder the same, and says how; it is told who changed a file last."""


@dataclass(frozen=True, slots=True)
class GitReport:
    """What a sync through git did.

    Attributes:
        synced: What became of entries.
        remote: The remote and its branch, as people write it; empty where there is none.
        commits: How many commits were made.
        received: How many commits came from the remote.
        sent: How many it got.
        problem: What git could not do; everything else is done.
    """

    synced: SyncReport
    remote: str = ""
    commits: int = 0
    received: int = 0
    sent: int = 0
    problem: GitError | None = None


@dataclass(frozen=True, slots=True)
class Hand:
    """What a sync through git asks about files; see `Notes` for those that are merged.

    Attributes:
        notes: What the files of the folder are.
        is_passed_over: Whether a file below the folder is no part of it, such as another tool's conflict copy.
        secret_in: What looks like a secret in a file's bytes and was not in those of before, in a few words; empty where
            nothing does.
    """

    notes: Notes
    is_passed_over: Callable[[str], bool]
    secret_in: Callable[[bytes, bytes], str]


def prepared(folder: Path, *, wanted: bool | None) -> tuple[Repository | None, str]:
    """The repository through which a folder is synced; None where git has no part in it.

    Args:
        folder: The folder, which is there.
        wanted: True makes the folder a repository where it is in none, and remembers that git is wanted; False leaves git out;
            None goes by what the folder is and what was remembered.

    Returns:
        The repository, and what somebody should know who has it and syncs without it.

    Raises:
        GitError: Git is wanted and missing, or does not work there.
    """
    if wanted is False or (wanted is None and not _may_be_in_one(folder)):
        return None, ""
    git = Git(folder)
    git.check_version()
    found = repository_of(git)
    if wanted is None:
        if found is None or found.is_wanted():
            return found, ""
        where = (
            f"in the repository {found.top}" if found.prefix else "in a repository that holds other things than notes"
        )
        return None, f"the folder is {where}; git is left out, `--git` goes through it from now on"
    if found is None:
        git.run("init", "-q")
        git.run("symbolic-ref", "HEAD", "refs/heads/main")  # whatever this machine calls a first branch
        found = repository_of(git)
    assert found is not None
    found.want()
    return found, ""


def _may_be_in_one(folder: Path) -> bool:
    there = Path(os.path.realpath(folder))
    return any(os.path.lexists(each / ".git") for each in (there, *there.parents))


class GitSync:
    """One sync of a folder through its repository."""

    def __init__(
        self,
        repository: Repository,
        hand: Hand,
        run: RunSync,
        *,
        check: Callable[[], object] = lambda: None,
        with_secrets: bool = False,
        asks_remote: bool = True,
    ) -> None:
        """Take over what the sync is made of.

        Args:
            repository: The repository.
            hand: What the folder's files are.
            run: Makes base and folder the same.
            check: Refuses what `run` would refuse, such as many deletions, and does nothing.
            with_secrets: Whether notes that hold what looks like a secret are committed.
            asks_remote: Whether the remote is asked although there is nothing to send.
        """
        self._repository = repository
        self._git = repository.git
        self._hand = hand
        self._run = run
        self._check = check
        self._with_secrets = with_secrets
        self._asks_remote = asks_remote
        self._report = GitReport(SyncReport())

    def sync(self) -> GitReport:
        """Do it.

        Raises:
            GitError: The repository is in a state in which nothing may be done; nothing was. What goes wrong later stands in
                the report.
        """
        with self._repository.taken():
            try:
                if not self._repository.head():
                    self._begin()
                self._commit({}, by_hand=bool(self._repository.head()))
                self._synced(Authors(self._repository))
                remote = remote_of(self._repository)
                if remote is not None:
                    self._report = replace(self._report, remote=f"{remote.name}/{remote.branch}")
                    if self._asks_remote or self._repository.head() != remote.tip():
                        self._exchange(remote)
            except GitError as error:
                self._report = replace(self._report, problem=error)
        return self._report

    def _begin(self) -> None:
        """Begin an empty repository with what its remote has, if that can be had: its first commit is not ours then."""
        with contextlib.suppress(GitError):  # told when the remote's turn comes
            remote = remote_of(self._repository)
            if remote is not None:
                remote.fetch()
                tip = remote.tip()
                if tip and Merging(self._repository, self._hand.notes).merge(tip, "")[0]:
                    self._report = replace(self._report, received=self._commits_between("", tip))

    def _synced(self, authors: Authors) -> None:
        """Make base and folder the same, and commit what that changed in the folder."""
        report = self._run(authors.of)
        self._report = replace(self._report, synced=joined(self._report.synced, report))
        self._commit({change.path: change.title for change in report.changes}, by_hand=False)

    def _exchange(self, remote: Remote) -> None:
        """Merge what the remote has, and send what we have, until both are the same."""
        fruitless, seen = 0, None
        for attempt in range(MOST_PUSHES):
            if attempt:
                time.sleep(random.uniform(0, min(0.1 * 2**attempt, _LONGEST_PAUSE_S)))  # noqa: S311  # keeps two apart
            remote.fetch()
            tip = remote.tip()
            fruitless, seen = (fruitless + 1 if tip == seen else 0), tip
            if tip:
                self._merge(remote, tip)
            waiting = self._commits_between(tip, self._repository.head())
            if not waiting:
                return
            refused = remote.push()
            if not refused:
                self._report = replace(self._report, sent=self._report.sent + waiting)
                return
            if fruitless >= _MOST_FRUITLESS:
                break
        raise RemoteError(
            f"the remote {remote.name} does not take what we have: {refused}",
            f"see that `git push {remote.name}` works in {self._repository.top}; everything is committed here",
        )

    def _merge(self, remote: Remote, tip: str) -> None:
        before = self._repository.head()
        merging = Merging(self._repository, self._hand.notes)
        came, pairs = merging.merge(tip, f"Merge notes from {remote.name}/{remote.branch}")
        if not came:
            return
        received = self._commits_between(before, tip)
        made = self._report.commits + (self._repository.head() != tip)
        self._report = replace(self._report, received=self._report.received + received, commits=made)
        kept = {pair.kept_as: pair.path for pair in pairs}
        self._synced(Authors(self._repository, (before, tip), kept))
        self._keep(pairs)

    def _keep(self, pairs: Iterable[NotePair]) -> None:
        """Report the notes of which git's merge kept both versions."""
        report = self._report.synced
        titles = {change.entry_id: change.title for change in report.changes}
        for pair in pairs:
            mine, other = (self._entry_at(path) for path in (pair.path, pair.kept_as))
            title = titles.get(mine) or titles.get(other) or pair.path
            conflict = SyncConflict(mine, title, other, pair.fields)
            report = joined(report, SyncReport(conflicts=(conflict,)))
        self._report = replace(self._report, synced=report)

    def _entry_at(self, path: str) -> str:
        """The id of the entry in a file of the folder; empty where there is none any more."""
        try:
            return self._hand.notes.entry_of((self._repository.folder / path).read_bytes())
        except OSError:
            return ""

    def _commits_between(self, old: str, new: str) -> int:
        """How many commits a commit has that another one has not."""
        if not new:
            return 0
        return int(self._git.run("rev-list", "--count", new, *([f"^{old}"] if old else [])).text)

    def _commit(self, titles: dict[str, str], *, by_hand: bool) -> None:
        """Commit what lies changed in the folder, but for what is not to be."""
        prefix = self._repository.prefix
        touched = [each for each in self._changed() if self._may_be_committed(each)]
        notes = [each for each in touched if not each.path.startswith(".")]
        if by_hand and any(each.kind == "D" for each in notes):
            self._check()  # what is refused stays where `git restore` brings it back
        if self._repository.commit([prefix + each.path for each in touched], message(notes, titles, by_hand=by_hand)):
            self._report = replace(self._report, commits=self._report.commits + 1)

    def _changed(self) -> list[Touched]:
        """The files of the folder that are not as in the last commit, without those that nobody asked git to keep."""
        ran = self._git.run(
            *("--no-optional-locks", "status", "--porcelain=v1", "-z", "--untracked-files=all", "--no-renames"),
            *("--ignore-submodules=all", "--", self._repository.prefix or "."),
        )
        found = []
        for record in ran.names:
            state, path = record[:2], record[3:].removeprefix(self._repository.prefix)
            if path.endswith("/"):  # another repository within
                continue
            if (
                state == "??"
                and any(part.startswith(".") for part in path.split("/"))
                and not self._hand.notes.is_ours(path)
            ):
                continue
            is_there = os.path.lexists(self._repository.folder / path)
            is_new = state in ("??", "A ", "AM")
            found.append(Touched(path, ("A" if is_new else "M") if is_there else "D"))
        return found

    def _may_be_committed(self, each: Touched) -> bool:
        """Whether a file is to be committed; of one that is not for what it says, the report tells."""
        if each.kind == "D":
            return True
        path = self._repository.folder / each.path
        if self._hand.is_passed_over(each.path) or path.is_symlink():  # it leads to this machine's files
            return False
        try:
            data = path.read_bytes()
        except OSError:  # gone, a link to nowhere, or not ours to read: git would fail
            return False
        if b"<<<<<<< " in data and b"\n>>>>>>> " in data:
            return False
        secret = "" if self._with_secrets else self._hand.secret_in(data, b"")
        if secret:  # what is in the history already is not kept from it
            before = self._git.ran("cat-file", "blob", f"HEAD:{self._repository.prefix}{each.path}")
            secret = self._hand.secret_in(data, b"" if before.code else before.out)
        if secret:
            why = Refused(
                each.path,
                f"it looks as if it held a secret ({secret}), and was not committed",
                "take it out, or add --with-secrets",
            )
            self._report = replace(self._report, synced=joined(self._report.synced, SyncReport(refused=(why,))))
        return not secret


def joined(first: SyncReport, then: SyncReport) -> SyncReport:
    """What two runs, one after the other, did together."""
    return SyncReport(
        changes=(*first.changes, *then.changes),
        conflicts=(*first.conflicts, *then.conflicts),
        refused=tuple(dict.fromkeys((*first.refused, *then.refused))),
        left_alone=tuple({each.path: each for each in (*then.left_alone, *first.left_alone)}.values()),
        unchanged=then.unchanged or first.unchanged,
        is_dry=then.is_dry,
    )
