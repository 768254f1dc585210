r"""What was imported by another spelling of its path: in another case or normal form, or with `\\?\` in front."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from rekall.knowledge.origins import files_of
from rekall.system.spelling import plain, sameness

if TYPE_CHECKING:  # protocols cost memory that a search does not need
    from rekall.store.contract import Store


class Respelling:
    """Knows how the paths of an import are spelled now."""

    def __init__(self, roots: Sequence[str], files: Iterable[str]) -> None:
        """Learn them.

        Args:
            roots: Identities of the paths that are imported.
            files: Identities of the files that there are.
        """
        self._roots = [(sameness(root).rstrip(os.sep), root.rstrip(os.sep)) for root in roots]
        self._files = {sameness(file): file for file in files}

    def now(self, path: str) -> str:
        """The path of an origin as it is spelled now; as it is, where it is none of this import."""
        said = plain(path)
        same = sameness(said)
        root = next((root for key, root in self._roots if _is_at(same, key)), None)
        if root is None:
            return path
        for file in files_of(said):
            spelled = self._files.get(sameness(file))
            if spelled is not None:
                return spelled + said[len(file) :]
        parts = said.split(os.sep)
        return os.sep.join([root, *parts[root.count(os.sep) + 1 :]])  # of a file that is gone


def _is_at(path: str, root: str) -> bool:
    """Whether a path is a file or folder, something below it, or a record of it."""
    return path.startswith(root) and path[len(root) : len(root) + 1] in ("", os.sep, "#", "!")


def respell(store: Store, spelling: Respelling) -> int:
    """Let every origin have its path as it is spelled now, unless another one has that. Call it inside a transaction.

    Returns:
        How many have another path now.
    """
    found = [(path, now) for path in store.origins.paths() if (now := spelling.now(path)) != path]
    count = 0
    for path, now in found:
        origin = store.origins.at(path)
        if origin is not None and store.origins.at(now) is None:
            store.origins.put(replace(origin, path=now))
            count += 1
    return count
