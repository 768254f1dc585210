"""Puts files into a synced folder, for all who may read there."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

from rekall.system.files import write_atomically

_READ_AND_WRITE = 0o666


def put_file(path: Path, data: bytes, *, is_last: bool = True) -> None:
    """Write a file of a synced folder whole; whoever could read it, or may read the folder around it, can read it after that.

    Args:
        path: The file.
        data: What it is to hold.
        is_last: Whether it must be on the disk at the end; see `write_atomically`.

    Raises:
        OSError: It cannot be written; it is as before.
    """
    mode = _mode_for(path)
    write_atomically(path, data, is_last=is_last)
    if mode is not None:
        with contextlib.suppress(OSError):  # a file system without modes
            os.chmod(path, mode)


def _mode_for(path: Path) -> int | None:
    """The mode of the file that is there; for a new one, that of its folder without what is for folders alone."""
    if os.name == "nt":
        return None
    for place in (path, path.parent):
        with contextlib.suppress(OSError):
            return place.stat().st_mode & _READ_AND_WRITE
    return None
