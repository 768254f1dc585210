"""A file system below SQLite whose locks take time, and that gives them as Windows does."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Iterator

import apsw

SHARED, EXCLUSIVE = 1, 4


class SlowDisk(apsw.VFS):
    """Files of the system, slowed down; once it is made every connection of this process uses it."""

    def __init__(self, lock_s: float = 0.0, sync_s: float = 0.0, *, is_windows: bool = False) -> None:
        """Make it the one that connections use.

        Args:
            lock_s: Seconds that each lock takes, and each time one is given up.
            sync_s: Seconds that each way to the disk takes.
            is_windows: Whether readers keep one another out while they take their locks, as with LockFileEx: for a
                moment each of them needs the byte by which a writer that waits keeps readers out.
        """
        self.lock_s, self.sync_s, self.is_windows = lock_s, sync_s, is_windows
        self.below = apsw.vfs_names()[0]
        super().__init__("slow", self.below, makedefault=True)

    def xOpen(self, name: str | apsw.URIFilename | None, flags: list[int]) -> SlowFile:  # noqa: N802  # apsw's
        """Open a file."""
        return SlowFile(self, name, flags)


class SlowFile(apsw.VFSFile):
    """An open file of a slow disk."""

    def __init__(self, disk: SlowDisk, name: str | apsw.URIFilename | None, flags: list[int]) -> None:
        """Open it."""
        super().__init__(disk.below, name, flags)  # type: ignore[arg-type]
        self._disk = disk
        self._level = 0
        self._pending: int | None = None
        self._beside = f"{name.filename() if isinstance(name, apsw.URIFilename) else name}.pending"

    def xLock(self, level: int) -> None:  # noqa: N802
        """Take a lock, slowly."""
        time.sleep(self._disk.lock_s)
        if not self._disk.is_windows or level not in (SHARED, EXCLUSIVE):
            super().xLock(level)
        elif level == SHARED and self._level == 0:
            with self._keeping_others_out():
                super().xLock(level)
        else:
            self._keep_out()  # until it is given up, also where the lock itself is not free yet
            super().xLock(level)
        self._level = max(self._level, level)

    def xUnlock(self, level: int) -> None:  # noqa: N802
        """Give a lock up, slowly."""
        time.sleep(self._disk.lock_s)
        super().xUnlock(level)
        self._let_in()
        self._level = level

    def xSync(self, flags: int) -> None:  # noqa: N802
        """Bring it to the disk, slowly."""
        time.sleep(self._disk.sync_s)
        super().xSync(flags)

    def xClose(self) -> None:  # noqa: N802
        """Close it, and give up what it held."""
        self._let_in()
        super().xClose()

    @contextlib.contextmanager
    def _keeping_others_out(self) -> Iterator[None]:
        self._keep_out()
        try:
            time.sleep(self._disk.lock_s)
            yield
        finally:
            self._let_in()

    def _keep_out(self) -> None:
        import fcntl

        if self._pending is not None:
            return
        handle = os.open(self._beside, os.O_CREAT | os.O_RDWR, 0o600)
        for _ in range(3):  # as SQLite tries on Windows
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                time.sleep(0.001)
            else:
                self._pending = handle
                return
        os.close(handle)
        raise apsw.BusyError("somebody else is taking a lock")

    def _let_in(self) -> None:
        if self._pending is not None:
            os.close(self._pending)
            self._pending = None
