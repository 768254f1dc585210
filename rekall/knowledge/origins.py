"""The path under which an imported entry is known: its file, and after a # what tells a record from the others of its file."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from rekall.exchange.places import on_disk
from rekall.store import values
from rekall.store.values import Origin

THEIRS = values.THEIRS

AWAY = "!away"
"""Ends the path of an entry in whose place another note is now, or none."""


def files_of(path: str) -> Iterator[str]:
    """The files that a path of an origin may mean, the longest first: a name may hold a # itself."""
    path = path.removesuffix(THEIRS).removesuffix(AWAY)
    yield path
    while "#" in path:
        path = path.rpartition("#")[0]
        yield path


def put_aside(origin: Origin) -> Origin:
    """An origin whose place is another note's, or nobody's."""
    return origin if origin.path.endswith(AWAY) else replace(origin, path=f"{origin.path}#{origin.entry_key}{AWAY}")


def place_of(path: str) -> str:
    """The path that an origin had before it was put aside."""
    return path.removesuffix(AWAY).rpartition("#")[0] if path.endswith(AWAY) else path


def source_file(path: str) -> Path | None:
    """The file that an origin means; None when it is not there any more."""
    return next((Path(file) for file in map(on_disk, files_of(path)) if os.path.isfile(file)), None)
