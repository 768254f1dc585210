"""The processes of this machine: which one this is, and whether another one still runs."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import psutil

_SLACK_S = 2.0
"""By how much the start of a process may seem to follow what it did: times are kept in whole seconds, and the system
counts a start in ticks since it booted."""


class Processes:
    """What the system knows of processes; a test brings its own."""

    def this(self) -> int:
        """The number of this process."""
        return os.getpid()

    def host(self) -> str:
        """Where a process number means the same: the name of the machine, on Linux with the container it is in."""
        import platform  # a search in a base where nobody works needs neither this nor psutil

        name = platform.node()
        if not sys.platform.startswith("linux"):
            return name
        try:
            return f"{name}/{os.readlink('/proc/self/ns/pid')}"
        except OSError:  # without /proc
            return name

    def is_running(self, pid: int, since: datetime) -> bool:
        """Whether the process of this machine that had a number at some time runs on.

        Args:
            pid: Its number, which the system gives to another one when it has ended.
            since: A time when it ran.
        """
        import psutil

        try:
            process = psutil.Process(pid)
            if process.status() == psutil.STATUS_ZOMBIE:  # ended, and its parent has not looked
                return False
            return bool(process.create_time() <= since.timestamp() + _SLACK_S)
        except psutil.AccessDenied:  # somebody else's
            return True
        except (psutil.NoSuchProcess, ValueError, OverflowError):  # or no number that a process can have
            return False

    def holding(self, path: Path) -> list[int]:
        """The other processes that have a file open, as far as this user may know."""
        import psutil

        wanted = os.path.realpath(path)
        found = []
        for process in psutil.process_iter():
            if process.pid == self.this():
                continue
            try:
                files = {os.path.realpath(file.path) for file in process.open_files()}
            except (psutil.Error, OSError):  # gone, or somebody else's
                continue
            if wanted in files:
                found.append(process.pid)
        return found

    def of_ours_with(self, path: Path) -> list[str]:
        """The other Rekalls that have a file, or one in a folder, open or mapped, each as a person knows it.

        Others are not asked, which would take seconds, and what the system does not tell is left out.
        """
        import psutil

        wanted = os.path.normcase(os.path.realpath(path))
        inside = wanted.rstrip(os.sep) + os.sep
        found = []
        for process in psutil.process_iter():
            with contextlib.suppress(psutil.Error, OSError, ValueError):  # gone, or somebody else's
                if process.pid == self.this() or not _is_ours(process):
                    continue
                files = (os.path.normcase(file) for file in _files_of(process))
                if any(file == wanted or file.startswith(inside) for file in files):
                    found.append(_as_known(process))
        return list(dict.fromkeys(found))


_CHILD = "rekall.models.engine.child"
"""Stands in the command line of the process that runs a model for another one."""


def _is_ours(process: psutil.Process) -> bool:
    """Whether a process is a Rekall, as far as its name and command line tell."""
    is_python = process.name().lower().startswith(("python", "rekall", "pypy"))
    return is_python and any(_is_rekall(word) or _CHILD in word for word in process.cmdline())


def _as_known(process: psutil.Process) -> str:
    """A Rekall as a person called it; of one that runs a model, the one for which it does."""
    known, words = process, process.cmdline()
    parent = process.parent() if any(_CHILD in word for word in words) else None
    if parent is not None and _is_ours(parent):
        known, words = parent, parent.cmdline()
    place = next((at for at, word in enumerate(words) if _is_rekall(word)), len(words))
    verbs = [word for word in words[place + 1 :] if word.isalpha()]
    return f"`{' '.join(('rekall', *verbs[:1]))}` (process {known.pid})"


def _is_rekall(word: str) -> bool:
    """Whether a word of a command line is our program."""
    name = os.path.basename(word.replace("\\", "/")).lower()
    return name == "rekall" or name.startswith(("rekall.exe", "rekall-script", "rekall.cli"))


def _files_of(process: psutil.Process) -> Iterator[str]:
    """The files that a process has open or mapped, as far as the system tells."""
    import psutil

    with contextlib.suppress(psutil.Error, OSError):
        yield from (file.path for file in process.open_files())
    with contextlib.suppress(psutil.Error, OSError, NotImplementedError, AttributeError):  # macOS tells no maps
        yield from (mapped.path for mapped in process.memory_maps())
