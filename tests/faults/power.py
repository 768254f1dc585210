"""What a file loses when the power goes: every write since its last sync, or some of them, in any order."""

from __future__ import annotations

import ctypes
import os
import random
from dataclasses import dataclass, field

_HANDLE_AT = 3 * ctypes.sizeof(ctypes.c_void_p)
"""Where SQLite's file for Unix keeps its number, after three pointers."""


def handle_of(file: int) -> int:
    """The number of the file behind a `sqlite3_file`."""
    return ctypes.cast(file + _HANDLE_AT, ctypes.POINTER(ctypes.c_int))[0]


@dataclass
class _File:
    handle: int
    size: int
    undo: list[tuple[int, bytes, int]] = field(default_factory=list)
    """Where a write began, what stood there, and how long it was."""


class Unsynced:
    """The writes of this process that no sync has followed."""

    def __init__(self) -> None:
        self._files: dict[tuple[int, int], _File] = {}

    def write(self, handle: int, at: int, length: int) -> None:
        """So many bytes are about to be written."""
        file = self._file(handle)
        if file is not None:
            file.undo.append((at, _read(file.handle, at, length), length))

    def truncate(self, handle: int, size: int) -> None:
        """A file is about to be cut."""
        file = self._file(handle)
        if file is not None:
            now = os.fstat(handle).st_size
            file.undo.append((size, _read(file.handle, size, max(0, now - size)), 0))

    def synced(self, handle: int) -> None:
        """A sync has ended well."""
        found = os.fstat(handle)
        file = self._files.get((found.st_dev, found.st_ino))
        if file is not None:
            file.undo.clear()
            file.size = found.st_size

    def lose(self, seed: int) -> None:
        """The power goes: with an even seed every write is lost that was not synced, with an odd one about half of them."""
        chance = random.Random(seed)
        for file in self._files.values():
            is_all = seed % 2 == 0
            for at, before, length in reversed(file.undo):
                if is_all or chance.random() < 0.5:
                    os.pwrite(file.handle, before + bytes(max(0, length - len(before))), at)
            if is_all and file.undo:
                os.ftruncate(file.handle, file.size)

    def _file(self, handle: int) -> _File | None:
        """What is known of a file; None for shared memory, which no disk keeps."""
        found = os.fstat(handle)
        key = found.st_dev, found.st_ino
        if key not in self._files:
            path = os.readlink(f"/proc/self/fd/{handle}")
            if path.endswith("-shm"):
                return None
            # a number of our own that is never closed: closing any would drop the locks of SQLite
            flags = os.O_RDWR
            self._files[key] = _File(os.open(path, flags), found.st_size)
        return self._files[key]


def _read(handle: int, at: int, length: int) -> bytes:
    return os.pread(handle, length, at) if length else b""
