"""A lock beside a file, by which processes and threads do something to it one after another."""

from __future__ import annotations

import contextlib
import errno
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from rekall.system.replacing import discard

_PRIVATE = 0o600
_SHORTEST_S, _LONGEST_S = 0.002, 0.02
_TAKEN = frozenset((errno.EACCES, errno.EAGAIN))

# Windows: a file that nobody else may open, and that goes when it is closed (CreateFile's constants)
_READ_AND_WRITE, _OPEN_ALWAYS, _DELETE_ON_CLOSE = 0xC0000000, 4, 0x04000000
_TAKEN_ON_WINDOWS = frozenset((5, 32, 303))  # the first and the last while it is being removed


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
    release = _taken(_mark_of(path), wait_s)
    try:
        yield
    finally:
        release()


def is_any_in(path: Path) -> bool:
    """Whether somebody is in the block for a file, or died there."""
    return os.path.exists(_mark_of(path))


def _mark_of(path: Path) -> Path:
    return path.with_name(f".{path.name}.opening")


def _taken(mark: Path, wait_s: float) -> Callable[[], None]:
    """Take the lock. Returns what gives it up, which does nothing where there are no locks."""
    began, pause = time.monotonic(), _SHORTEST_S
    while True:
        try:
            release = _lock_of_windows(mark) if os.name == "nt" else _lock_of_posix(mark)
        except OSError:
            return lambda: None
        if release is not None:
            return release
        if time.monotonic() - began >= wait_s:
            raise TimeoutError(errno.ETIMEDOUT, "somebody else is at it", str(mark))
        time.sleep(pause)
        pause = min(pause * 1.5, _LONGEST_S)


def _lock_of_windows(mark: Path) -> Callable[[], None] | None:
    """What gives the lock up, None where somebody else has it."""
    import _winapi

    api: Any = _winapi  # of which other systems know nothing
    try:
        handle = api.CreateFile(str(mark), _READ_AND_WRITE, 0, 0, _OPEN_ALWAYS, _DELETE_ON_CLOSE, 0)
    except OSError as error:
        if getattr(error, "winerror", None) in _TAKEN_ON_WINDOWS:
            return None
        raise
    return lambda: api.CloseHandle(handle)


def _lock_of_posix(mark: Path) -> Callable[[], None] | None:
    """What gives the lock up, None where somebody else has it; `flock` keeps threads apart, too."""
    import fcntl

    handle = os.open(mark, os.O_CREAT | os.O_RDWR, _PRIVATE)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if not os.path.samestat(os.fstat(handle), os.stat(mark)):  # whoever had it before removed its name
            raise FileNotFoundError
    except OSError as error:
        os.close(handle)
        if isinstance(error, FileNotFoundError) or error.errno in _TAKEN:
            return None
        raise

    def release() -> None:
        discard(mark)  # while it is locked, so that nobody takes a lock that has lost its name
        os.close(handle)

    return release
