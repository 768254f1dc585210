"""What dead processes left lying: scratch files, and drafts in which nothing was written; found, and swept."""

from __future__ import annotations

import contextlib
import errno
import os
import time
import zlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path

from rekall.system.drafts import DraftName, hands_on, is_hand
from rekall.system.files import ScratchName, host_mark
from rekall.system.processes import Processes
from rekall.system.replacing import discard_folder, put_aside, remove_file

DRAFTS = "drafts"
"""The name of the folder of drafts."""

NAMELESS_S = 86_400.0
"""Age at which a scratch file is left over whose process cannot be asked: an earlier Rekall named none, or it is of
another machine."""

FORGOTTEN_S = 7 * NAMELESS_S
"""Age at which a scratch file is left over whose process still runs: it could not remove it when it was done with it."""

UNTOUCHED_S = 600.0
"""Age at which a draft without a word of a person is left over: before, an editor may be about to open it."""


@dataclass(frozen=True, slots=True)
class Leftover:
    """Something that no living process needs.

    Attributes:
        path: Where it lies.
        what: "scratch" for a file or folder that was never finished, "draft" for one in which nothing was written,
            "aside" for what was put aside and not taken away.
        size: Bytes in it.
        written: When it was last written.
    """

    path: Path
    what: str
    size: int
    written: datetime


def find_leftovers(
    folders: Iterable[Path], processes: Processes | None = None, *, now: Callable[[], float] = time.time
) -> list[Leftover]:
    """What dead processes left in some folders, not in folders below. What a living one writes is none.

    Args:
        folders: Where to look; one that is not there or cannot be read holds nothing.
        processes: The processes of this machine.
        now: Seconds since the epoch.
    """
    known = processes or Processes()
    found = (_judged(Path(item.path), known, now()) for folder in dict.fromkeys(folders) for item in _items(folder))
    return sorted((each for each in found if each is not None), key=lambda each: each.path)


def sweep(leftovers: Iterable[Leftover]) -> list[Leftover]:
    """Remove what was found. What was put aside goes back where nothing took its place.

    Returns:
        What is gone. The rest could not be removed, or somebody was quicker.
    """
    gone = []
    for each in leftovers:
        with contextlib.suppress(OSError):
            if not _put_back(each):
                _remove(each.path)
            gone.append(each)
    return gone


def sweep_folders(folders: Iterable[Path]) -> list[Leftover]:
    """Find and sweep; costs a look into each folder where there is nothing to sweep."""
    return sweep(find_leftovers(folders))


def sweep_beside(path: Path) -> list[Leftover]:
    """Sweep what dead processes left beside a file, or in a folder, of the person's own: only what says that it is ours."""
    found = find_leftovers([path if path.is_dir() else path.parent])
    named = ((each, ScratchName.read(each.path.name)) for each in found)
    return sweep(each for each, scratch in named if scratch is not None and scratch.pid is not None)


def set_aside(folder: Path) -> list[Path]:
    """What was put aside in a folder, or waits to be removed, whoever did it."""
    named = ((Path(item.path), ScratchName.read(item.name)) for item in _items(folder))
    return sorted(path for path, scratch in named if scratch is not None and (scratch.is_aside or scratch.is_trash))


def _put_back(each: Leftover) -> bool:
    """Whether it had been put aside, nothing took its place, and it stands there again."""
    scratch = ScratchName.read(each.path.name)
    if each.what != "aside" or scratch is None or scratch.place is None:
        return False
    place = each.path.with_name(scratch.place)
    if place.exists():
        return False
    put_aside(each.path, place)
    return True


def _items(folder: Path) -> Iterator[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as items:
            yield from items
    except OSError:  # not there, or not for us
        return


def _judged(path: Path, processes: Processes, now: float) -> Leftover | None:
    """What a file is as a leftover, or None when it is none."""
    scratch = ScratchName.read(path.name)
    draft = DraftName.read(path.name) if path.parent.name == DRAFTS else None  # elsewhere it is anybody's note
    hand = is_hand(path.name)
    if not (scratch or draft or hand):
        return None
    try:
        size, written = _measured(path)
        if scratch:
            is_left = _is_dead(scratch.pid, scratch.host, processes, written, now)
            is_left = is_left or (scratch.is_trash and scratch.is_here) or now - written > FORGOTTEN_S
        elif hand:
            is_left = _is_dead(*hand, processes, written, now)
        else:
            is_left = now - written > UNTOUCHED_S and draft is not None and _says_nothing(path, draft)
            is_left = is_left and not any(processes.is_running(pid, _moment(since)) for pid, since in hands_on(path))
    except (OSError, ValueError, OverflowError):  # it went while it was looked at, or its time is none
        return None
    what = "draft" if draft and not scratch else "aside" if scratch and scratch.is_aside else "scratch"
    return Leftover(path, what, size, _moment(written)) if is_left else None


def _is_dead(pid: int | None, host: str, processes: Processes, written: float, now: float) -> bool:
    """Whether the process is gone that made a file, as far as can be told here."""
    if pid is None or host != host_mark():
        return now - written > NAMELESS_S
    return pid != processes.this() and not processes.is_running(pid, _moment(written))


def _says_nothing(path: Path, draft: DraftName) -> bool:
    """Whether a draft still says what it began with, or nothing at all."""
    data = path.read_bytes()
    return f"{zlib.crc32(data):08x}" == draft.begun_with or not data.strip()


def _measured(path: Path) -> tuple[int, float]:
    """The bytes of a file or of what is in a folder, and when any of it was last written."""
    state = path.lstat()
    size, written = state.st_size, state.st_mtime
    if path.is_dir() and not path.is_symlink():
        size = 0
        for item in path.rglob("*"):
            state = item.lstat()
            size, written = size + state.st_size, max(written, state.st_mtime)
    return size, written


def _moment(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, timezone.utc)


def _remove(path: Path) -> None:
    path.lstat()  # somebody may have been quicker
    if path.is_dir() and not path.is_symlink():
        if not discard_folder(path):
            raise OSError(errno.EBUSY, os.strerror(errno.EBUSY), str(path))
    else:
        remove_file(path)
