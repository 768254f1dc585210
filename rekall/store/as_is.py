"""A base opened as it is: to look at it, to copy it, to write over it; nothing is migrated, created or trusted."""

from __future__ import annotations

import contextlib
import os
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import apsw

from rekall.db import BUSY_TIMEOUT_S, Database
from rekall.errors import DatabaseForeign, DatabaseLocked, StorageError
from rekall.store import opening, schema
from rekall.store.driver import Translated

_PAGES_AT_ONCE = 256
_PAUSE_S = 0.02
_LOG_WAIT_MS = 500
_COUNTED = 100
"""So many faults SQLite's own check names; it stops there."""


class AsItIs(Database):
    """One connection to a file that may be damaged, old, locked, or no base at all."""

    def __init__(self, path: Path, *, to_write: bool = False, busy_timeout_s: float = BUSY_TIMEOUT_S) -> None:
        """Open it; the file must be there.

        Args:
            path: The file.
            to_write: Whether it may be written; otherwise not even its log is written back.
            busy_timeout_s: Seconds to wait for another process.

        Raises:
            StorageError: SQLite cannot open it.
        """
        self.path = path
        self._turn = threading.RLock()
        self._is_reading = False
        self._busy_timeout_s = busy_timeout_s
        opening.check_is_file(path)
        with self._translated():
            self._connection = self._opened(path, to_write=to_write)

    def check_pages(self) -> list[str]:
        """What SQLite finds wrong with pages, trees and indexes; empty for nothing.

        Raises:
            StorageError: It cannot even look.
        """
        found = [str(row[0]) for row in self.rows(f"PRAGMA integrity_check({_COUNTED})")]
        return [] if found == ["ok"] else [line for text in found for line in text.splitlines() if line.strip()]

    def check_schema(self) -> int:
        """The version of its schema, after a look at what the file holds. Raises as `opening.version_of` does."""
        with self._translated():
            return opening.version_of(self.path, self._connection, schema.MIGRATIONS)

    def is_ours(self) -> bool:
        """Whether the file says that it is a base of Rekall's."""
        return bool(self.value("PRAGMA application_id") == schema.APPLICATION_ID)

    def is_write_ahead(self) -> bool:
        """Whether readers and writers of the file do not stop each other."""
        return bool(self.value("PRAGMA journal_mode") == "wal")

    def copy_to(self, target: Path) -> None:
        """Copy everything, as it is at this moment, into a new file of one piece, while others go on writing."""
        with self.snapshot():
            self.value("SELECT count(*) FROM sqlite_schema")  # the moment begins with the first read
            with Translated(target, self._turn):
                other = apsw.Connection(str(target))
                try:
                    with other.backup("main", self._connection, "main") as backup:
                        while not backup.done:
                            backup.step(_PAGES_AT_ONCE)
                    other.pragma("journal_mode", "delete")  # one file, with nothing beside it
                except apsw.IOError as error:  # whose own text says nothing here
                    raise StorageError(f"{target} cannot be written", "check the disk and its free space") from error
                finally:
                    other.close()

    def write_over(self, source: Path, is_unchanged: Callable[[], bool]) -> bool:
        """Put the content of another file in the place of everything here, in one transaction.

        Args:
            source: A file of the same size of pages.
            is_unchanged: Asked when nobody else can write any more.

        Returns:
            Whether it was done; not if `is_unchanged` said no.

        Raises:
            StorageError: The file cannot be written, or another process keeps it locked; it is as before.
        """
        with self._translated():
            other = apsw.Connection(str(source), flags=apsw.SQLITE_OPEN_READONLY)
            try:
                with self._connection.backup("main", other, "main") as backup:
                    self._lock(backup)
                    if not is_unchanged():
                        return False
                    while not backup.done:
                        backup.step(_PAGES_AT_ONCE)
            finally:
                other.close()
        return True

    def begin_log(self) -> None:
        """Go to write-ahead mode, in which others may read while this connection writes."""
        self.value("PRAGMA journal_mode = wal")

    def write_log_back(self) -> None:
        """Let the file hold what its log says, where nobody reads it at this moment."""
        self._wait_at_most(_LOG_WAIT_MS)
        self.run("PRAGMA wal_checkpoint(TRUNCATE)")

    def _lock(self, backup: apsw.Backup) -> None:
        """Begin to write: a step of no pages takes the lock."""
        end = time.monotonic() + self._busy_timeout_s
        while True:
            try:
                backup.step(0)
                return
            except (apsw.BusyError, apsw.LockedError):
                if time.monotonic() >= end:
                    raise
                time.sleep(_PAUSE_S)

    def _opened(self, path: Path, *, to_write: bool) -> apsw.Connection:
        """A connection by the first way that works.

        Read only, where a log must stay as it is; read and write, where a journal must be played back; and as a file that never changes, where the folder
        cannot be written.
        """
        has_log = _size(path.with_name(path.name + "-wal")) > 0
        is_safe = to_write or not has_log  # without a log nothing is written at the end but away what opening made
        ways = (
            (str(path), apsw.SQLITE_OPEN_READWRITE if is_safe else apsw.SQLITE_OPEN_READONLY),
            (str(path), apsw.SQLITE_OPEN_READWRITE),
            (f"{path.absolute().as_uri()}?immutable=1", apsw.SQLITE_OPEN_READONLY | apsw.SQLITE_OPEN_URI),
        )
        first: apsw.Error | None = None
        for name, flags in ways[: 2 if to_write else 3]:
            connection = None
            try:
                connection = apsw.Connection(name, flags=flags)
                opening.wait_at_most(connection, int(self._busy_timeout_s * 1000))
                opening.distrust(connection)
                connection.pragma("cell_size_check", False)  # a page of which one cell is wrong is still to be read
                if not is_safe:
                    connection.config(apsw.SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1)
                connection.pragma("temp_store", "memory")
                opening.reach_the_disk(connection)
                connection.execute("SELECT count(*) FROM sqlite_schema").fetchall()
                return connection
            except (apsw.CantOpenError, apsw.ReadOnlyError) as error:
                first = first or error
                if connection is not None:
                    connection.close()
            except BaseException:
                if connection is not None:
                    connection.close()
                raise
        assert first is not None
        raise first


def _size(file: Path) -> int:
    return file.stat().st_size if file.exists() else 0


def opened(path: Path, *, to_write: bool = False) -> AsItIs | StorageError:
    """The file, or why SQLite cannot read it; a lock of another process is raised, for it says nothing of the file.

    Raises:
        DatabaseLocked: Another process keeps it locked.
    """
    try:
        return AsItIs(path, to_write=to_write)
    except DatabaseLocked:
        raise
    except DatabaseForeign as error:  # what SQLite calls no database may be a base whose first bytes are gone
        return error
    except StorageError as error:
        return error


@contextlib.contextmanager
def seen_through_sqlite(copy: Path, scratch: Path) -> Iterator[AsItIs | None]:
    """A copy and its log as SQLite reads them, None where it cannot; what it makes beside them goes into a scratch folder."""
    seen = scratch / "seen.db"
    for end in ("", "-wal"):
        source, place = copy.with_name(copy.name + end), seen.with_name(seen.name + end)
        if source.exists():
            try:
                os.link(source, place)  # nothing writes to it
            except OSError:  # not on every file system
                shutil.copyfile(source, place)
    found = opened(seen)
    if not isinstance(found, AsItIs):
        yield None
        return
    with contextlib.closing(found):
        yield found
