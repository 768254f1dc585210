"""Waits for what other processes and threads do: for an event, however busy the machine is, never for a moment."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

import psutil

PATIENCE_S = 120.0
"""How long a busy machine may take. Only what is broken takes so long."""

Found = TypeVar("Found")


def comes(condition: Callable[[], bool], patience_s: float = PATIENCE_S) -> bool:
    """Whether a condition comes true."""
    end = time.monotonic() + patience_s
    while time.monotonic() < end:
        if condition():
            return True
        time.sleep(0.01)
    return condition()


def until(look: Callable[[], Found], patience_s: float = PATIENCE_S) -> Found:
    """What `look` finds, as soon as it finds something."""
    end = time.monotonic() + patience_s
    while not (found := look()):
        assert time.monotonic() < end, "it did not come"
        time.sleep(0.01)
    return found


def command_of(process: psutil.Process) -> str:
    """What a process was started as; empty once it has ended."""
    try:
        return " ".join(process.cmdline())
    except psutil.NoSuchProcess:  # a zombie is one of those
        return ""


def is_gone(process: psutil.Process | int) -> bool:
    """Whether a process has ended; what nobody has reaped yet does not run either."""
    try:
        known = psutil.Process(process) if isinstance(process, int) else process
        return not known.is_running() or known.status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True
