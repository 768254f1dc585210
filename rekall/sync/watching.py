"""Notices that a folder or a base changed, at next to no cost: by the system's events, or by looking where it sends none."""

from __future__ import annotations

import contextlib
import importlib.util
import os
import threading
import time
from collections.abc import Callable, Iterator
from enum import Enum
from pathlib import Path

QUIET_S = 2.0
"""How long nothing may change before a sync begins: an editor saves in several steps, an import in many."""

_MOST_QUIETS = 15
"""How many such times are waited for where something changes all the time."""

_TICK_S = 2.0
"""How often the base is asked for its version, which takes some microseconds."""

_LOOKS_S = 5.0
"""How often a folder without events is looked at."""

_LOOK_SHARE = 0.005
"""The most of its time that looking may take."""

_STEP_MS = 400
"""How often the watcher gathers what the system told it; its own 50 ms would wake a processor twenty times a second."""

_ROUND_MS = 1_000
"""How often it says that nothing changed; the first time tells that it listens."""

_LONGEST_START_S = 10.0

_REMOTE_KINDS = (
    "nfs",
    "cifs",
    "smb",
    "afp",
    "webdav",
    "davfs",
    "9p",
    "drvfs",
    "vboxsf",
    "vmhgfs",
    "prl_fs",
    "fuse",
    "ncp",
)
"""How the names of file systems begin that do not tell what others change in them."""


class Why(Enum):
    """Why it is time to sync."""

    START = "start"
    FOLDER = "folder"
    """A file changed."""
    BASE = "base"
    """Another process wrote to the base."""
    TIME = "time"
    """The time between two looks at everything is over."""


class Watch:
    """Watches a folder and a base, as long as `turns` is gone through; `close` ends what listens."""

    def __init__(
        self,
        folder: Path,
        is_part: Callable[[str], bool],
        version: Callable[[], int],
        *,
        every_s: float,
        quiet_s: float = QUIET_S,
    ) -> None:
        """Listen to nothing yet.

        Args:
            folder: The folder.
            is_part: Whether a file, by its path below the folder with slashes, belongs to what is synced.
            version: The base's version, which changes when another process has written to it.
            every_s: It is time at the latest after so many seconds.
            quiet_s: How long nothing may change before it is time.
        """
        self._folder = folder
        self._is_part = is_part
        self._version = version
        self._every_s = every_s
        self._quiet_s = quiet_s
        self._changed = threading.Event()
        self._ears: _Ears | None = None
        self._seen: tuple[int, int] | None = None

    @property
    def has_events(self) -> bool:
        """Whether the system tells of changes, so that nothing needs to be looked at."""
        return self._ears is not None and self._ears.has_events

    def turns(self) -> Iterator[Why]:
        """Why it is time to sync, each time that it is; the caller syncs before it asks again."""
        self._listen()
        version, last = self._version(), time.monotonic()
        yield Why.START
        while True:
            self._changed.wait(_TICK_S)
            self._listen()
            if self._seen is None:  # the folder is gone: a stick that was pulled out, a mount that went
                self._changed.clear()
                continue
            now = self._version()
            if self._changed.is_set() or now != version:
                why = Why.FOLDER if self._changed.is_set() else Why.BASE
                self._let_settle()
            elif time.monotonic() - last >= self._every_s:
                why = Why.TIME
            else:
                continue
            version, last = self._version(), time.monotonic()
            self._changed.clear()
            yield why

    def close(self) -> None:
        """Stop listening."""
        if self._ears is not None:
            self._ears.close()
            self._ears = None

    def _listen(self) -> None:
        """Listen to the folder that lies in the place now; one that came back has changed."""
        try:
            found = self._folder.stat()
            seen = (found.st_dev, found.st_ino)
        except OSError:
            self._seen = None
            return
        if seen == self._seen and self._ears is not None and not self._ears.is_deaf:
            return
        is_another = self._ears is not None
        needs_looks = self._ears is not None and self._ears.is_deaf
        self.close()
        self._seen = seen
        self._ears = _Ears(self._folder, self._is_part, self._changed, looks=needs_looks or not _tells(self._folder))
        if is_another:
            self._changed.set()

    def _let_settle(self) -> None:
        """Wait until nothing has changed for a while."""
        for _ in range(_MOST_QUIETS):
            self._changed.clear()
            version = self._version()
            end = time.monotonic() + self._quiet_s
            while (left := end - time.monotonic()) > 0 and not self._changed.wait(left):
                pass
            if not self._changed.is_set() and self._version() == version:
                return


class _Ears:
    """A thread that hears of changes in a folder, and sets an event.

    Attributes:
        has_events: Whether the system tells it.
        is_deaf: Whether the system has stopped telling, or never began: it has only so many watches to give.
    """

    def __init__(self, folder: Path, is_part: Callable[[str], bool], changed: threading.Event, *, looks: bool) -> None:
        self.has_events = not looks
        self.is_deaf = False
        self._folder = folder
        self._is_part = is_part
        self._changed = changed
        self._stop = threading.Event()
        self._listens = threading.Event()
        self._first = self._look() if looks else ()
        self._thread = threading.Thread(target=self._look_often if looks else self._hear, daemon=True)
        self._thread.start()
        if not looks:
            self._listens.wait(_LONGEST_START_S)  # what changes before is nobody's to hear

    def close(self) -> None:
        """End the thread."""
        self._stop.set()
        self._thread.join(5)

    def _hear(self) -> None:
        import watchfiles

        try:
            for changes in watchfiles.watch(
                self._folder,
                watch_filter=lambda _, path: self._is_part(self._below(path)),
                stop_event=self._stop,
                step=_STEP_MS,
                rust_timeout=_ROUND_MS,
                yield_on_timeout=True,
                raise_interrupt=False,
                ignore_permission_denied=True,
            ):
                self._listens.set()
                if changes:
                    self._changed.set()
        except (OSError, RuntimeError):  # no watches left, the folder went: whoever waits looks at it
            pass
        if not self._stop.is_set():
            self.is_deaf = True
            self._changed.set()
        self._listens.set()

    def _look_often(self) -> None:
        seen = self._first
        pause = _LOOKS_S
        while not self._stop.wait(pause):
            began = time.process_time()
            found = self._look()
            if found != seen:
                self._changed.set()
                found = self._look()  # a file that moved meanwhile may have been seen in neither of its places
            seen = found
            pause = max(_LOOKS_S, (time.process_time() - began) / _LOOK_SHARE)

    def _look(self) -> tuple[tuple[str, int, int], ...]:
        """Every file with its size and time."""
        return tuple(sorted(self._files(self._folder)))

    def _files(self, folder: Path | str) -> Iterator[tuple[str, int, int]]:
        with contextlib.suppress(OSError), os.scandir(folder) as found:
            for each in found:
                with contextlib.suppress(OSError):
                    if each.is_dir(follow_symlinks=False):
                        if each.name != ".git":
                            yield from self._files(each.path)
                    elif self._is_part(self._below(each.path)):
                        about = each.stat(follow_symlinks=False)
                        yield each.path, about.st_size, about.st_mtime_ns

    def _below(self, path: str) -> str:
        below = os.path.relpath(path, self._folder)
        return below.replace(os.sep, "/")


def can_hear() -> bool:
    """Whether the extra is installed that hears of changes from the system."""
    return importlib.util.find_spec("watchfiles") is not None


def _tells(folder: Path) -> bool:
    """Whether the system tells of what changes in a folder, whoever changes it."""
    return can_hear() and not is_on_network(folder)


def is_on_network(folder: Path) -> bool:
    """Whether a folder lies on a file system that others change without our system's noticing."""
    import psutil

    place = os.path.realpath(folder)
    if place.startswith("\\\\"):
        return True
    best, kind = "", ""
    for part in psutil.disk_partitions(all=True):
        mount = part.mountpoint.rstrip("\\/")
        if len(mount) >= len(best) and (place == mount or place.startswith(mount + os.sep) or not mount):
            best, kind = mount, f"{part.fstype.lower()} {part.opts}"
    return kind.startswith(_REMOTE_KINDS) or "remote" in kind.split(" ")[-1].split(",")
