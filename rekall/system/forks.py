"""What a fork does to this process's native work: it waits until none is under way, and what goes on starts afresh.

A child has one thread and a copy of everything else. A lock that another thread held stays held for ever there, in
Python and in native code alike, so a child of a process at work would hang in the first library that it calls.
"""

from __future__ import annotations

import os
import sys
import threading
import weakref
from collections import Counter
from types import TracebackType
from typing import Protocol

LONGEST_WAIT_S = 30.0
"""A fork waits no longer than this for what is under way; the child then knows that it was."""

_PARALLEL = "TOKENIZERS_PARALLELISM"


class Forked(Protocol):
    """What must know that it lives on in a child."""

    def after_fork(self, *, is_whole: bool) -> None:
        """Make new locks; without `is_whole` native code was interrupted somewhere, and cannot be used."""
        ...


class Forks:
    """The native work of a process, which a fork must not interrupt.

    A context manager around each piece of such work, as short as can be: any number at once, but none while a fork
    goes on.
    """

    def __init__(self, longest_wait_s: float = LONGEST_WAIT_S) -> None:
        """Nothing is under way.

        Args:
            longest_wait_s: See `LONGEST_WAIT_S`.
        """
        self._longest_wait_s = longest_wait_s
        self._living: weakref.WeakSet[Forked] = weakref.WeakSet()
        self._quietened = False
        self._start()

    def __enter__(self) -> None:
        """Begin a piece of work, once no fork goes on."""
        me = threading.get_ident()
        with self._changed:
            while self._forking and me not in self._working:
                self._changed.wait()
            self._working[me] += 1

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End it."""
        me = threading.get_ident()
        with self._changed:
            if me not in self._working:
                return  # it began before the fork that made this child
            self._working[me] -= 1
            if not self._working[me]:
                del self._working[me]
                self._changed.notify_all()

    def tell(self, one: Forked) -> None:
        """Let something know of every fork, in the child."""
        self._living.add(one)

    def before(self) -> None:
        """Wait for what is under way. Called by the thread that forks."""
        me = threading.get_ident()
        with self._changed:
            self._forking += 1
            self._is_whole = False  # until the end of this: an interrupt may come first
            self._quieten()
            idle = self._changed.wait_for(lambda: not self._working.keys() - {me}, self._longest_wait_s)
            self._is_whole = idle and me not in self._working  # its own work would wait for ever

    def after_in_parent(self) -> None:
        """Let the work go on."""
        with self._changed:
            self._forking -= 1
            if not self._forking and self._quietened:
                self._quietened = False
                os.environ.pop(_PARALLEL, None)
            self._changed.notify_all()

    def after_in_child(self) -> None:
        """Start afresh, and tell whoever lives on."""
        is_whole = self._is_whole
        self._start()
        self._quietened = False
        if "tokenizers" in sys.modules:
            os.environ[_PARALLEL] = "false"  # its threads are gone, and it would wait for them
        for one in list(self._living):
            one.after_fork(is_whole=is_whole)

    def _start(self) -> None:
        self._changed = threading.Condition()  # a signal may come while it is held: no plain lock
        self._working: Counter[int] = Counter()
        self._forking = 0
        self._is_whole = True

    def _quieten(self) -> None:
        """Say what `tokenizers` decides at a fork by itself, or it prints a warning into the child's output."""
        if _PARALLEL not in os.environ and "tokenizers" in sys.modules:
            self._quietened = True
            os.environ[_PARALLEL] = "false"


FORKS = Forks()
"""That of this process: a fork is the process's, whoever asks for it."""

if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=FORKS.before, after_in_parent=FORKS.after_in_parent, after_in_child=FORKS.after_in_child)
