"""The remote of a repository: which branch of it is ours, what it has, and how it gets what we have."""

from __future__ import annotations

import re
from dataclasses import dataclass

from rekall.errors import GitError, RemoteError
from rekall.sync.git_program import REMOTE_S, Ran
from rekall.sync.git_repository import Repository

_SSH = "core.sshCommand=ssh -o BatchMode=yes -o ConnectTimeout=20 -o ServerAliveInterval=15 -o ServerAliveCountMax=4"


@dataclass(frozen=True)
class Remote:
    """A branch of a remote with which the branch that is checked out is kept the same.

    Attributes:
        repository: Ours.
        name: The remote's name.
        branch: The branch there.
        is_tracked: Whether git knows that the two belong together.
    """

    repository: Repository
    name: str
    branch: str
    is_tracked: bool

    @property
    def ref(self) -> str:
        """Where git keeps what the branch there was when it last asked."""
        return f"refs/remotes/{self.name}/{self.branch}"

    def tip(self) -> str:
        """The last commit there, as far as is known; empty where there is none."""
        return self.repository.git.says("rev-parse", "-q", "--verify", f"{self.ref}^{{commit}}")

    def fetch(self) -> None:
        """Ask what is there.

        Raises:
            RemoteError: It cannot be reached.
            GitError: Its history was written anew. To merge that with ours would bring back what was taken out of it.
        """
        before = self.tip()
        self.asked("fetch", "-q", self.name)
        git, now = self.repository.git, self.tip()
        if before and now != before and git.ran("merge-base", "--is-ancestor", before, now or before).code:
            git.run("update-ref", self.ref, before)  # the next sync asks again
            raise GitError(
                f"the history of {self.name}/{self.branch} was written anew (a forced push)",
                f"to take it: `git fetch` and `git reset --hard {self.name}/{self.branch}` in {self.repository.top}, then sync again; "
                "your base keeps what it has",
            )
        if self._is_cut_off():
            self.asked("fetch", "-q", "--unshallow", self.name)

    def push(self) -> str:
        """Send what we have. Returns why it was not taken, empty where it was."""
        tracking = () if self.is_tracked else ("--set-upstream",)
        to = f"HEAD:refs/heads/{self.branch}"
        ran = self.ran("push", "-q", *tracking, self.name, to)
        return ran.said if ran.code else ""

    def _is_cut_off(self) -> bool:
        """Whether a shallow clone does not reach back to where both histories are one."""
        git, tip, head = self.repository.git, self.tip(), self.repository.head()
        if not (tip and head) or git.says("rev-parse", "--is-shallow-repository") != "true":
            return False
        return git.ran("merge-base", head, tip).code != 0

    def asked(self, *arguments: str) -> Ran:
        """The same where the remote is to answer. Raises RemoteError."""
        ran = self.ran(*arguments)
        if ran.code:
            raise RemoteError(
                f"the remote {self.name} cannot be asked: {ran.said}",
                f"see that `git fetch {self.name}` works in {self.repository.top}, where it may ask you for a password; "
                "everything is committed here, and the next sync goes on",
            )
        return ran

    def ran(self, *arguments: str) -> Ran:
        """Run git where it speaks with the remote; ssh has nobody to ask, and gives up where nobody answers."""
        git = self.repository.git
        own = "GIT_SSH_COMMAND" in git.environ or "GIT_SSH" in git.environ or git.says("config", "core.sshCommand")
        return git.ran(*arguments, settings=() if own else (_SSH,), longest_s=REMOTE_S)


def remote_of(repository: Repository) -> Remote | None:
    """The remote that a repository's branch belongs to; None where there is none, or none that can be told.

    Of a repository that holds nothing but the folder, the only remote is the one. Where that has no branch of our name, and
    we have no other, the branch is the one that it has, whatever it is called: two machines that began apart meet there.

    Raises:
        RemoteError: It is asked for its branches, and cannot be reached.
    """
    git, branch = repository.git, repository.branch()
    name = git.says("config", f"branch.{branch}.remote")
    merged = git.says("config", f"branch.{branch}.merge")
    names = git.says("remote").split()
    is_tracked = name in names and merged.startswith("refs/heads/")
    if not is_tracked:
        name = name if name in names else "origin" if "origin" in names else names[0] if len(names) == 1 else ""
    if not name or not (is_tracked or repository.is_whole):
        return None
    ours = Remote(repository, name, merged.removeprefix("refs/heads/") if is_tracked else branch, is_tracked)
    is_alone = len(git.says("for-each-ref", "refs/heads", "--format=%(refname)").split()) <= 1
    if ours.tip() or not (repository.is_whole and is_alone):
        return ours
    asked = ours.asked("ls-remote", "--symref", name).text
    there = re.findall(r"^[0-9a-f]+\trefs/heads/(.+)$", asked, re.MULTILINE)
    first = re.search(r"^ref: refs/heads/(.+)\tHEAD$", asked, re.MULTILINE)
    if ours.branch in there or not there:
        return ours
    chosen = first[1] if first and first[1] in there else there[0] if len(there) == 1 else ""
    return Remote(repository, name, chosen, False) if chosen else ours
