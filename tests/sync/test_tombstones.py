"""Deletions in a folder: old ones go, and texts that others had added do not go with an entry that comes back."""

from __future__ import annotations

import os
from pathlib import Path

from support.synced import settle, sides

from rekall.sync import tombstones


def test_tombstones_go_when_they_are_old_and_the_dead_stay_dead(tmp_path: Path):
    left, right = sides(tmp_path / "notes")
    entry_id = left.add("one", "text")
    settle(left, right)
    left.bench.base.delete(entry_id)
    settle(left, right)
    (path,) = (tmp_path / "notes" / ".rekall" / "deleted").iterdir()
    assert path.name == entry_id
    assert b"text" not in path.read_bytes()
    then = path.stat().st_mtime - (tombstones.KEPT_DAYS + 1) * 86_400
    os.utime(path, (then, then))
    settle(left, right)
    assert not path.exists()
    assert not left.has(entry_id)


def test_who_brings_an_entry_back_takes_nothing_from_those_who_had_added_to_it(tmp_path: Path):
    """The second never saw what the first had added when somebody deleted the file."""
    first, second = sides(tmp_path / "notes")
    entry_id = first.add("one", "text")
    settle(first, second)
    first.change(entry_id, solution="added by the first")
    first.sync()
    first.bench.base.delete(entry_id)
    first.sync()
    second.change(entry_id, what_failed="added by the second")
    second.sync()
    first.bench.base.restore(entry_id)
    settle(first, second)
    entry = second.entry(entry_id)
    assert (entry.solution, entry.what_failed) == ("added by the first", "added by the second")
