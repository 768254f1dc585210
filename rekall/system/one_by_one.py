"""A lock beside a file, by which processes and threads do something to it one after another."""

from __future__ import annotations

import contextlib
import errno
import os
import time
from collections.abc import Iterator
from pathlib import Path

from rekall.system.replacing import discard

_PRIVATE = 0o600
_SHORTEST_S, _LONGEST_S = 0.002, 0.02
_OPEN_TRIES_S = 1.0  # Windows makes no file anew while the last one of its name is still being removed
_TAKEN = frozenset((errno.EACCES, errno.EAGAIN, errno.EDEADLK))


@contextlib.contextmanager
def one_by_one(path: Path, wait_s: float) -> Iterator[None]:
    """Keep others out of the same block for the same file; they wait. The lock ends with the process, however that ends.

    Where the system has no such locks, or the folder cannot be written, nobody is kept out.

    Args:
        path: The file; the lock is a file beside it, which is there as long as anybody needs it.
        wait_s: Seconds to wait.

    Raises:
        TimeoutError: Somebody else was in it all the time.
    """
    mark = _mark_of(path)
    handle = _taken(mark, wait_s)
    try:
        yield
    finally:
        if handle is not None:
            if os.name != "nt":
                discard(mark)  # while it is locked, so that nobody takes a lock that has lost its name
            os.close(handle)
            if os.name == "nt":
                with contextlib.suppress(OSError):  # whoever waits has it open, and removes it
                    os.unlink(mark)


def is_any_in(path: Path) -> bool:
    """Whether somebody is in the block for a file, or died there."""
    return os.path.exists(_mark_of(path))


def _mark_of(path: Path) -> Path:
    return path.with_name(f".{path.name}.opening")


def _taken(mark: Path, wait_s: float) -> int | None:
    """The lock, held by this process; None where there are none."""
    began, pause = time.monotonic(), _SHORTEST_S
    while True:
        try:
            handle = os.open(mark, os.O_CREAT | os.O_RDWR, _PRIVATE)
        except OSError:
            if os.name != "nt" or time.monotonic() - began > _OPEN_TRIES_S:
                return None
            handle = None
        if handle is not None:
            try:
                _lock(handle)
                if _is_at(handle, mark):
                    return handle
            except OSError as error:
                if error.errno not in _TAKEN:
                    os.close(handle)
                    return None
            os.close(handle)
        if time.monotonic() - began >= wait_s:
            raise TimeoutError(errno.ETIMEDOUT, "somebody else is at it", str(mark))
        time.sleep(pause)
        pause = min(pause * 1.5, _LONGEST_S)


def _lock(handle: int) -> None:
    """Take the lock of a file, or raise an OSError at once; a lock of `flock` or Windows holds between threads, too."""
    if os.name == "nt":
        import msvcrt

        msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)  # type: ignore[attr-defined,unused-ignore]
    else:
        import fcntl

        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)


def _is_at(handle: int, mark: Path) -> bool:
    """Whether an open file still has its name: whoever had the lock before may have removed it."""
    if os.name == "nt":  # where nobody removes a file that is open
        return True
    try:
        return os.path.samestat(os.fstat(handle), os.stat(mark))
    except FileNotFoundError:
        return False
