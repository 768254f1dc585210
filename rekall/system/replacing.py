"""Renames files into their places and removes them, with patience where another program has one of them open.

Windows neither replaces nor removes a file that another program has open, be it only to read it: an indexer, a backup, an
editor. Such a program lets go in a moment, so what is refused is tried again for about a second.
"""

from __future__ import annotations

import contextlib
import errno
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from rekall.errors import FileHeld
from rekall.system.spelling import plain

Answer = TypeVar("Answer")

PAUSES_S = (0.01, 0.02, 0.04, 0.06, 0.08, *(0.1,) * 8)
"""How long is waited before each further try, a second in all."""

_DENIED = 5  # also what a file says that may not be changed at all
_HELD_BY_WINDOWS = frozenset((_DENIED, 32, 33, 170, 303, 1224))
"""ERROR_ACCESS_DENIED, _SHARING_VIOLATION, _LOCK_VIOLATION, _BUSY, _DELETE_PENDING and _USER_MAPPED_FILE."""

_HELD = frozenset((errno.EBUSY, errno.ETXTBSY))


def take_place(source: Path, target: Path) -> None:
    """Rename a file or folder, in the place of what has that name. What is refused is told of the target.

    Raises:
        FileHeld: Another program has one of them open; both are as before.
        OSError: The system refuses it.
    """
    if os.name == "nt" and target.is_dir() and not source.is_dir():  # Windows says of that, too, that access is denied
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), plain(str(target)))
    patiently(lambda: os.replace(source, target), target)


def remove_file(path: Path) -> None:
    """Remove a file; one that is not there is as good as removed.

    Raises:
        FileHeld: Another program has it open.
        OSError: The system refuses it.
    """
    with contextlib.suppress(FileNotFoundError):
        patiently(lambda: os.unlink(path), path)


def discard(path: Path) -> None:
    """Remove a file that nobody needs. What cannot be removed now is swept by a later command."""
    with contextlib.suppress(OSError):
        remove_file(path)


def discard_folder(path: Path) -> bool:
    """Remove a folder that nobody needs, and say whether it is gone."""
    import shutil

    for pause in (*PAUSES_S, None):
        shutil.rmtree(path, ignore_errors=True)
        if pause is None or not os.path.lexists(path) or os.name != "nt":
            break
        time.sleep(pause)
    return not os.path.lexists(path)


def put_aside(folder: Path, aside: Path) -> None:
    """Rename a folder. Where a program has a file of it open, which keeps Windows from that, its files are.

    Raises:
        FileHeld: A file of it is open in a way that it cannot even be renamed; everything is as before.
        OSError: The system refuses it.
    """
    try:
        take_place(folder, aside)
    except FileHeld:
        if not folder.is_dir() or folder.is_symlink():
            raise
        _files_put_aside(folder, aside)


def patiently(act: Callable[[], Answer], target: Path) -> Answer:
    """Do something about a file, and try again for a second while another program has it open.

    Args:
        act: What to do.
        target: The file that a person knows, which errors name.

    Raises:
        FileHeld: Another program still has it open.
        OSError: The system refuses it; it is raised at once.
    """
    for pause in PAUSES_S:
        try:
            return act()
        except OSError as error:
            if not is_held(error, target):
                raise told_of(error, target) from error
        time.sleep(pause)
    try:
        return act()
    except OSError as error:
        raise (_held(error, target) if is_held(error, target) else told_of(error, target)) from error


def read_patiently(read: Callable[[], Answer], path: Path, *, is_windows: bool = os.name == "nt") -> Answer:
    """Read a file that another process may be replacing at this moment: Windows lets nobody open it then.

    Args:
        read: Reads it.
        path: The file.
        is_windows: Whether it says so by a mere lack of permission.

    Raises:
        OSError: It cannot be read.
    """
    for pause in PAUSES_S if is_windows else ():
        try:
            return read()
        except PermissionError:
            if not path.is_file():
                raise
        time.sleep(pause)
    return read()


def is_held(error: OSError, target: Path) -> bool:
    """Whether a system says by an error that a program has a file open."""
    code = getattr(error, "winerror", None)
    if code == _DENIED and target.is_file() and not os.access(target, os.W_OK):
        return False  # it is marked as one that may only be read
    return code in _HELD_BY_WINDOWS if code is not None else error.errno in _HELD


def told_of(error: OSError, target: Path) -> OSError:
    """The same error, told of the file that a person knows."""
    if error.errno is None:
        return error
    return OSError(error.errno, error.strerror or os.strerror(error.errno), plain(str(target)))


def _held(error: OSError, target: Path) -> FileHeld:
    from rekall.system.processes import Processes

    holders = Processes().of_ours_with(target)
    who = " and ".join(holders) or "another program"
    verb = "have" if len(holders) > 1 else "has"
    doubt = ", or its permissions forbid it" if not holders and getattr(error, "winerror", None) == _DENIED else ""
    if not holders and error.errno == errno.EBUSY:
        doubt = ", or it is a mount of its own"
    return FileHeld(error.errno or errno.EBUSY, f"{who} {verb} it open{doubt}", plain(str(target)))


def _files_put_aside(folder: Path, aside: Path) -> None:
    """Rename every file of a folder into another one, all or none."""
    os.mkdir(aside, 0o700)
    moved: list[str] = []
    try:
        for name in sorted(os.listdir(folder)):
            take_place(folder / name, aside / name)
            moved.append(name)
        os.rmdir(folder)
    except OSError as error:
        for name in reversed(moved):
            take_place(aside / name, folder / name)
        with contextlib.suppress(OSError):
            os.rmdir(aside)
        raise (_held(error, folder) if isinstance(error, FileHeld) or is_held(error, folder) else error) from error
