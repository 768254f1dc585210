"""How often this process has a base open at the moment at which another takes its place: Windows allows that not."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from rekall.store import base_file
from rekall.system.replacing import take_place

LOCKED = 1
"""What is open for the lock that keeps others out. Windows needs none, and there nothing is open for it."""


def held_at_replacing(path: Path, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """A list that gets, each time the base is replaced, how often it is open. Linux alone tells."""
    held: list[int] = []

    def seen(source: Path, target: Path) -> None:
        if target == path:
            held.append(sum(os.path.realpath(each) == str(path) for each in Path("/proc/self/fd").iterdir()))
        take_place(source, target)

    monkeypatch.setattr(base_file, "take_place", seen)
    return held
