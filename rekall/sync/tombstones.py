"""What a deletion leaves in a folder: a small file under the entry's id, with the hashes of what was deleted and no text.

Lines are only added, so that two tombstones of one entry are merged by having the lines of both. An entry that was deleted for
ever leaves one without a line.
"""

from __future__ import annotations

import contextlib
import os
import re
import time
from collections.abc import Mapping
from pathlib import Path

from rekall.sync.files import Root
from rekall.sync.folder import DELETED, OWN
from rekall.sync.putting import put_file
from rekall.system.replacing import discard, remove_file

KEPT_DAYS = 400
"""Days after which a tombstone goes: whoever synced in the meantime knows that the entry is deleted, as its file is gone."""

_LINE = re.compile(r"[0-9a-f]{32}")
_ABOUT = "deleted"


def hashes_in(path: Path) -> frozenset[str]:
    """What was deleted; nothing where it was deleted for ever, or the tombstone cannot be read."""
    try:
        return frozenset(_LINE.findall(path.read_text("utf-8", "replace")))
    except OSError:
        return frozenset()


def is_tombstone(data: bytes) -> bool:
    """Whether a file is one."""
    lines = data.decode("utf-8", "replace").split()
    return bool(lines) and all(line == _ABOUT or _LINE.fullmatch(line) for line in lines)


def joined(*tombstones: bytes) -> bytes:
    """Several tombstones of one entry as one."""
    hashes = {found for data in tombstones for found in _LINE.findall(data.decode("utf-8", "replace"))}
    return "".join(f"{line}\n" for line in (_ABOUT, *sorted(hashes))).encode()


def put(root: Root, entry_id: str, state_hash: str) -> None:
    """Leave a tombstone, or add to it what was deleted."""
    path = root.path / OWN / DELETED / entry_id
    path.parent.mkdir(parents=True, exist_ok=True)
    before = b""
    with contextlib.suppress(OSError):
        before = path.read_bytes()
    data = joined(before, state_hash.encode())
    if data != before:
        put_file(path, data)


def remove(root: Root, entry_id: str) -> None:
    """Take a tombstone away: the entry is there again."""
    remove_file(root.path / OWN / DELETED / entry_id)


def sweep(deleted: Mapping[str, Path], now_s: float | None = None) -> None:
    """Remove tombstones that are too old to tell anybody anything."""
    oldest = (time.time() if now_s is None else now_s) - KEPT_DAYS * 86_400
    for path in deleted.values():
        with contextlib.suppress(OSError):
            if os.stat(path).st_mtime < oldest:
                discard(path)
