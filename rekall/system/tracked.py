"""What git knows of the files of a checkout: which there are, and where those went that were renamed. It is asked twice at most."""

from __future__ import annotations

import functools
import os
import subprocess
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path

_PATIENCE_S = 10.0
_MOST_COMMITS = 5000
"""Renames that lie further back are not looked for."""


class Checkout:
    """A checkout of a repository."""

    def __init__(self, top: Path) -> None:
        """Ask nothing yet."""
        self.top = top

    def has(self, path: str) -> bool:
        """Whether there is such a file or folder, at that place or below any folder of the checkout."""
        wanted = path.strip("/")
        if os.path.lexists(self.top / wanted):
            return True
        return any(f"/{known}".endswith(f"/{wanted}") for known in self._named.get(wanted.rpartition("/")[2], ()))

    def moved_to(self, path: str) -> str | None:
        """Where a file is now that was renamed; None where git does not know, or it is gone again."""
        seen = {path}
        while (new := self._renamed.get(path)) and new not in seen:
            path = new
            seen.add(path)
        return path if len(seen) > 1 and os.path.lexists(self.top / path) else None

    def had(self, name: str) -> bool:
        """Whether a file of that name was there, and was renamed or deleted."""
        return any(path.rpartition("/")[2] == name for path in self._gone)

    @functools.cached_property
    def _named(self) -> Mapping[str, list[str]]:
        """The files that git tracks, and the folders they lie in, by their last name."""
        found: dict[str, list[str]] = defaultdict(list)
        files = [each for each in self._said("ls-files", "-z") if each]
        folders = {parent for file in files for parent in _parents(file)}
        for path in (*files, *folders):
            found[path.rpartition("/")[2]].append(path)
        return found

    @functools.cached_property
    def _renamed(self) -> Mapping[str, str]:
        """What files were called next, by what they were called."""
        return {path: new for path, new in self._gone.items() if new}

    @functools.cached_property
    def _gone(self) -> Mapping[str, str]:
        """The files that the last thousands of commits took away: what they were called next, or nothing."""
        what = (
            "log",
            "--no-merges",
            f"-n{_MOST_COMMITS}",
            "--diff-filter=DR",
            "-M",
            "--name-status",
            "--format=",
            "-z",
        )
        found: dict[str, str] = {}
        parts = iter(each for each in self._said(*what) if each.strip("\n"))
        for kind in parts:
            path = next(parts, "")
            found.setdefault(path, next(parts, "") if kind.strip("\n").startswith("R") else "")
        return found

    def _said(self, *words: str) -> list[str]:
        """What git says, cut at its zero bytes; nothing where there is no git, or it takes long."""
        command = ["git", "-c", "core.fsmonitor=false", "-c", "core.quotePath=false", "-C", str(self.top), *words]
        try:
            done = subprocess.run(
                command,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                timeout=_PATIENCE_S,
                env={**os.environ, "GIT_OPTIONAL_LOCKS": "0"},
                check=False,
            )
        except (OSError, subprocess.TimeoutExpired):
            return []
        return [] if done.returncode else done.stdout.decode("utf-8", "replace").split("\0")


def _parents(path: str) -> list[str]:
    parts = path.split("/")[:-1]
    return ["/".join(parts[: place + 1]) for place in range(len(parts))]
