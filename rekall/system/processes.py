"""The processes of this machine: which one this is, and whether another one still runs."""

from __future__ import annotations

import os
import sys
from datetime import datetime
from pathlib import Path

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
