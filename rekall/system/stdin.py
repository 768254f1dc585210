"""What comes over stdin without having been asked for: a pipe or a file whose text belongs to the command.

A program that is started by another one often has a pipe there that nobody writes to and nobody closes. It is not waited for
for ever: who else may write to it is looked at after a while.
"""

from __future__ import annotations

import contextlib
import os
import re
import select
import stat
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import Enum

PATIENCE_S = 1.0
"""How long the first byte may take where nobody is known to write."""

PATIENCE_UNKNOWN_S = 30.0
"""The same where the system does not say who may write."""

_CHUNK_BYTES = 1 << 20


class Came(Enum):
    """What came over stdin."""

    NOTHING = "nothing"
    """It is a terminal, empty, or nothing that holds text."""
    TEXT = "text"
    SILENCE = "silence"
    """It is open, and nobody wrote."""
    REST = "rest"
    """A file of which somebody has read before, as a loop of a shell does: it is theirs."""


@dataclass(frozen=True, slots=True)
class Input:
    """What came.

    Attributes:
        came: Whether something did.
        data: Its bytes.
        is_shared: The program that started this one has the same pipe on its own stdin, as a loop of a shell does.
    """

    came: Came
    data: bytes = b""
    is_shared: bool = False


def whats_on_stdin(most: int, say_waiting: Callable[[], None] = lambda: None) -> Input:
    """Read stdin where it is a pipe or a file that was given to this command.

    Args:
        most: Bytes after which reading stops; the answer has one more where there are.
        say_waiting: Called when a pipe is waited for longer.
    """
    try:
        kind = os.fstat(0).st_mode
    except OSError:  # it is closed
        return Input(Came.NOTHING)
    if stat.S_ISREG(kind):
        if os.lseek(0, 0, os.SEEK_CUR) > 0:
            return Input(Came.REST if os.lseek(0, 0, os.SEEK_CUR) < os.fstat(0).st_size else Came.NOTHING)
    elif not (stat.S_ISFIFO(kind) or stat.S_ISSOCK(kind)):
        return Input(Came.NOTHING)  # a terminal, /dev/null, a folder
    elif not _something_comes(PATIENCE_S):
        patience = _patience(kind)
        if patience != 0:
            say_waiting()
        if patience is not None and not (patience and _something_comes(patience)):
            return Input(Came.SILENCE)
    data = b"".join(_chunks(most + 1))
    return Input(Came.TEXT, data, _is_shared()) if data else Input(Came.NOTHING)


def _is_shared() -> bool:
    with contextlib.suppress(OSError):  # the system does not say
        return os.readlink("/proc/self/fd/0") == os.readlink(f"/proc/{os.getppid()}/fd/0")
    return False


def _chunks(most: int) -> Iterator[bytes]:
    while most > 0 and (chunk := os.read(0, min(most, _CHUNK_BYTES))):
        most -= len(chunk)
        yield chunk


def _patience(kind: int) -> float | None:
    """How much longer a silent pipe is waited for; None until it ends, since another program of the line writes to it."""
    writers = _others_writing() if stat.S_ISFIFO(kind) else False
    if writers is None:
        return PATIENCE_UNKNOWN_S
    return None if writers else 0.0


def _something_comes(seconds: float) -> bool:
    """Whether there is something to read within so many seconds; the end counts."""
    if os.name != "nt":
        return bool(select.select([0], [], [], seconds)[0])
    return _comes_on_windows(seconds)


def _comes_on_windows(seconds: float) -> bool:
    """The same where pipes cannot be waited for with `select`."""
    import ctypes
    import msvcrt

    handle = msvcrt.get_osfhandle(0)  # type: ignore[attr-defined,unused-ignore]  # Windows only
    waiting = ctypes.c_ulong()
    pause, ends = threading.Event(), seconds
    while True:
        is_open = ctypes.windll.kernel32.PeekNamedPipe(  # type: ignore[attr-defined,unused-ignore]
            handle, None, 0, None, ctypes.byref(waiting), None
        )
        if not is_open or waiting.value:
            return True
        if ends <= 0:
            return False
        pause.wait(0.05)
        ends -= 0.05


def _others_writing() -> bool | None:
    """Whether a process that did not start this one may write to the pipe on stdin; None where the system cannot say.

    The programs of a shell's line write to each other, and end. Who started this process may keep a pipe open for ever.
    """
    try:
        pipe = os.readlink("/proc/self/fd/0")
        ours = _ancestors()
        return any(
            _writes(process, pipe) for process in os.listdir("/proc") if process.isdigit() and process not in ours
        )
    except OSError:
        return None


def _ancestors() -> set[str]:
    """This process and those that it comes from."""
    found, process = {str(os.getpid())}, str(os.getppid())
    while process not in found and process != "0":
        found.add(process)
        with contextlib.suppress(OSError), open(f"/proc/{process}/stat", encoding="utf-8", errors="replace") as said:
            process = said.read().rpartition(")")[2].split()[1]
    return found


def _writes(process: str, pipe: str) -> bool:
    """Whether a process has a pipe open for writing; one that cannot be looked at has not."""
    folder = f"/proc/{process}/fd"
    try:
        numbers = [number for number in os.listdir(folder) if os.readlink(f"{folder}/{number}") == pipe]
        return any(_is_written(process, number) for number in numbers)
    except OSError:  # another user's, or it has ended
        return False


def _is_written(process: str, number: str) -> bool:
    with open(f"/proc/{process}/fdinfo/{number}", encoding="ascii") as said:
        flags = re.search(r"^flags:\s*(\d+)", said.read(), re.MULTILINE)
    return flags is not None and int(flags[1], 8) & (os.O_WRONLY | os.O_RDWR) != 0
