"""The path under which an imported entry is known: its file, and after a # what tells a record from the others of its file."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from rekall.exchange.places import on_disk
from rekall.store import values

THEIRS = values.THEIRS

AWAY = "!away"
"""Ends the path of an entry in whose place its source has another note now."""


def files_of(path: str) -> Iterator[str]:
    """The files that a path of an origin may mean, the longest first: a name may hold a # itself."""
    path = path.removesuffix(THEIRS).removesuffix(AWAY)
    yield path
    while "#" in path:
        path = path.rpartition("#")[0]
        yield path


def source_file(path: str) -> Path | None:
    """The file that an origin means; None when it is not there any more."""
    return next((Path(file) for file in map(on_disk, files_of(path)) if os.path.isfile(file)), None)
