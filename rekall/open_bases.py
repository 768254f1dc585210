"""The bases beside one's own that a process has open: it follows their names, which may change while it runs."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Generic, Protocol, TypeVar

from rekall.errors import InvalidInput

if TYPE_CHECKING:
    from rekall.bases import Bases, KnownBase


class Closes(Protocol):
    """Something that is open."""

    def close(self) -> None:
        """Close it."""
        ...


Opened = TypeVar("Opened", bound=Closes)


class _Work:
    """A piece of work under way, with the base of a name, or with whichever."""

    def __init__(self, name: str) -> None:
        self.name = name


class OpenBases(Generic[Opened]):
    """What is open, by name. What went is closed once no work is under way that may use it.

    Thread-safe.
    """

    def __init__(self, path: Callable[[], Path], open_known: Callable[[KnownBase], Opened]) -> None:
        """Open nothing yet.

        Args:
            path: Where the file of names lies, which need not be there.
            open_known: Makes what is open; it may open the base itself later.
        """
        self._path = path
        self._open_known = open_known
        self._lock = threading.RLock()
        self._read: tuple[object, Bases] | None = None
        self._open: dict[str, tuple[KnownBase, Opened]] = {}
        self._at_work: set[_Work] = set()
        self._leaving: list[tuple[set[_Work], Opened]] = []

    @property
    def known(self) -> Bases:
        """The names, read again where their file changed. Raises InvalidInput: It cannot be used."""
        from rekall.bases import Bases

        with self._lock:
            stamp = _stamp(self._path())
            if self._read is None or self._read[0] != stamp:
                self._read = stamp, Bases(self._path())
            return self._read[1]

    def of(self, name: str) -> Opened:
        """What is open under a name. Raises NotFound, InvalidInput: There is no base of that name."""
        with self._lock:
            if name not in self._open:
                known = self.known.of(name)
                self._open[name] = known, self._open_known(known)
            return self._open[name][1]

    def follow(self, in_use: str) -> list[str]:
        """Leave what has its name no more, or another place or rights under it. Returns the names.

        Where the names cannot be read nothing is left; who asks for them is told.

        Args:
            in_use: The base that a process began with, which it stays with.
        """
        with self._lock:
            others = [name for name in self._open if name != in_use]
            try:
                known = list(self.known) if others else []
            except InvalidInput:
                return []
            gone = {name: self._open.pop(name)[1] for name in others if self._open[name][0] not in known}
        for opened in gone.values():
            self._close_later(opened)
        return list(gone)

    @contextlib.contextmanager
    def work(self, name: str = "") -> Iterator[None]:
        """What is open is not closed in the block.

        Args:
            name: The only base that is used in it, where that is known.
        """
        work = _Work(name)
        with self._lock:
            self._at_work.add(work)
        try:
            yield
        finally:
            with self._lock:
                self._at_work.remove(work)
                for waits_for, _ in self._leaving:
                    waits_for.discard(work)
                ready = [opened for waits_for, opened in self._leaving if not waits_for]
                self._leaving = [each for each in self._leaving if each[0]]
            for opened in ready:
                opened.close()

    def close(self) -> None:
        """Close all of them; one that a thread is still at is closed at the end of that."""
        with self._lock:
            opened = {name: each for name, (_, each) in self._open.items()}
            self._open.clear()
        for name, each in opened.items():
            self._close_later(each, name)

    def _close_later(self, opened: Opened, name: str = "") -> None:
        """Close it once no work is under way that may use it; with a name, what is done with another base cannot."""
        with self._lock:
            waits_for = {work for work in self._at_work if not name or work.name in ("", name)}
            if waits_for:
                self._leaving.append((waits_for, opened))
        if not waits_for:
            opened.close()


def _stamp(path: Path) -> object:
    """What differs between two states of a file; None where there is none."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_ino, found.st_mtime_ns, found.st_size
