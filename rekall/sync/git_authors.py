"""Who changed a file last, as git knows it."""

from __future__ import annotations

import os

from rekall.sync.git_repository import Repository

_MOST_COMMITS = 20_000
"""How far back git is asked; who changed what before that is not told."""


class Authors:
    """The authors of the last commits of a folder's files; git is asked once, when somebody wants to know."""

    def __init__(self, repository: Repository) -> None:
        """Ask nothing yet."""
        self._repository = repository
        self._found: dict[str, str] | None = None

    def of(self, path: str) -> str:
        """Who changed the file of a path below the folder last; empty where git does not say."""
        if self._found is None:
            self._found = self._asked()
        return self._found.get(path, "")

    def _asked(self) -> dict[str, str]:
        repository, found = self._repository, dict[str, str]()
        ran = repository.git.ran(
            *("log", f"-{_MOST_COMMITS}", "-c", "--no-renames", "--name-only", "-z", "--format=%x01%aN"),
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
