"""The lookup log as a file: JSON lines beside the base, which every process may add to, bounded and in nobody's way.

A line is added in one write at the end of the file, so that what two processes add at once stands one after the other. A full
file becomes the older of two, and the older one before it goes. Whatever cannot be written is left out.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

MOST_BYTES = 8 << 20
"""A file of this size is full: about 40,000 searches, and there are two."""

_PRIVATE = 0o600
_ROTATING_S = 0.0
_WIPING_S = 2.0

# Windows: what only adds to the end of a file does so in one piece (CreateFile's constants)
_APPEND, _SHARE_ALL, _OPEN_ALWAYS, _NORMAL = 0x0004, 0x0007, 4, 0x80


class LookupLog:
    """Two files of lines, the older one first."""

    def __init__(self, path: Path, most_bytes: int = MOST_BYTES) -> None:
        """Open nothing yet.

        Args:
            path: The file that is added to, or a link to it; the older one lies beside the file itself.
            most_bytes: How large it gets.
        """
        self._path = path = Path(os.path.realpath(path))  # what is wiped is what was said, and not where it lies
        self._older = path.with_name(f"{path.stem}.older{path.suffix}")
        self._most_bytes = most_bytes

    def add(self, line: bytes) -> None:
        """Add a line. Where that fails it is left out: nobody waits for it, and nothing depends on it."""
        with contextlib.suppress(OSError):
            append = _append_on_windows if os.name == "nt" else _append
            if append(str(self._path), line.rstrip(b"\n") + b"\n") > self._most_bytes:
                self._rotate()

    def lines(self) -> Iterator[bytes]:
        """Every line, the oldest first; a file that cannot be read has none."""
        for path in self._files():
            with contextlib.suppress(OSError), open(path, "rb") as file:
                yield from file

    def size_bytes(self) -> int:
        """Bytes of both files."""
        total = 0
        for path in self._files():
            with contextlib.suppress(OSError):
                total += os.path.getsize(path)
        return total

    def keep(self, wanted: Callable[[bytes], bytes | None]) -> None:
        """Write the files anew with what becomes of each line; None leaves it out. A file without a change stays.

        Raises:
            OSError: That cannot be done; the files are as before.
        """
        from rekall.system.files import write_atomically
        from rekall.system.one_by_one import one_by_one

        with one_by_one(self._path, _WIPING_S):
            for path in self._files():
                try:
                    lines = path.read_bytes().splitlines(keepends=True)
                except FileNotFoundError:
                    continue
                kept = [new for line in lines if (new := wanted(line)) is not None]
                if kept != lines:
                    write_atomically(path, b"".join(kept))

    def wipe(self) -> None:
        """Remove both files.

        Raises:
            OSError: One cannot be removed.
        """
        from rekall.system.one_by_one import one_by_one
        from rekall.system.replacing import remove_file

        with one_by_one(self._path, _WIPING_S):
            for path in self._files():
                remove_file(path)

    def _files(self) -> Iterator[Path]:
        """The files that are there, the older one first; a pipe would be waited for, and a device is not ours to remove."""
        yield from filter(os.path.isfile, (self._older, self._path))

    def _rotate(self) -> None:
        """Let a full file become the older one, unless somebody else does so at this moment."""
        from rekall.system.one_by_one import one_by_one

        with one_by_one(self._path, _ROTATING_S):
            if os.path.getsize(self._path) > self._most_bytes:
                os.replace(self._path, self._older)


def _append(path: str, data: bytes) -> int:
    """Add to the end of a file, in one write. Returns its size."""
    kind = getattr(os, "O_CLOEXEC", 0) | getattr(
        os, "O_NONBLOCK", 0
    )  # a pipe that nobody reads is an error, and no wait
    handle = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | kind, _PRIVATE)
    try:
        os.write(handle, data)
        return os.fstat(handle).st_size
    finally:
        os.close(handle)


def _append_on_windows(path: str, data: bytes) -> int:
    """The same where `O_APPEND` goes to the end before it writes, and another process may write between the two."""
    import _winapi

    api: Any = _winapi  # of which other systems know nothing
    handle = api.CreateFile(path, _APPEND, _SHARE_ALL, 0, _OPEN_ALWAYS, _NORMAL, 0)
    try:
        api.WriteFile(handle, data)
    finally:
        api.CloseHandle(handle)
    return os.path.getsize(path)
