"""Who changed a file last, as git knows it."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from rekall.sync.git_repository import Repository

_MOST_COMMITS = 20_000
"""How far back git is asked; who changed what before that is not told."""


class Authors:
    """The authors of the last commits of a folder's files; git is asked when somebody wants to know."""

    def __init__(
        self, repository: Repository, came: tuple[str, str] = ("", ""), kept: Mapping[str, str] | None = None
    ) -> None:
        """Ask nothing yet.

        Args:
            repository: The repository.
            came: The commit before, and the last of those that came: what changed among these was changed by their authors.
            kept: Files that keep what others said, by the file of the entry in which they said it.
        """
        self._repository = repository
        self._came = came
        self._kept = kept or {}
        self._asked: list[dict[str, str]] = []

    def of(self, path: Path) -> str | None:
        """Who changed a file of the folder last; None where git does not say."""
        name = os.path.relpath(path, self._repository.folder).replace(os.sep, "/")
        name = self._kept.get(name, name)
        for number in range(3):
            if number == len(self._asked):
                self._asked.append(self._ask(number))
            if name in self._asked[number]:
                return self._asked[number][name]
        return None

    def _ask(self, number: int) -> dict[str, str]:
        """The authors among the commits that came, then among all, then among those that joined two histories."""
        before, tip = self._came
        if number == 0:
            return self._read(["--no-merges", tip, *([f"^{before}"] if before else [])]) if tip else {}
        return self._read(["--no-merges"] if number == 1 else ["--merges", "-c"])

    def _read(self, which: Sequence[str]) -> dict[str, str]:
        repository, found = self._repository, dict[str, str]()
        ran = repository.git.ran(
            *("log", f"-{_MOST_COMMITS}", "--no-renames", "--name-only", "-z", "--format=%x01%aN", *which),
            *("--", repository.prefix or "."),
        )
        author = ""
        for field in ran.out.split(b"\0"):
            for part in field.split(b"\n"):
                if part.startswith(b"\x01"):
                    author = part[1:].decode("utf-8", "replace")
                elif part:
                    found.setdefault(os.fsdecode(part).removeprefix(repository.prefix), author)
        return found
