"""The database file: opening, checking, migrating, transactions, and errors in Rekall's words."""

from __future__ import annotations

import contextlib
import os
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, NoReturn

import apsw

from rekall.errors import (
    DatabaseCorrupt,
    DatabaseForeign,
    DatabaseLocked,
    DatabaseReadOnly,
    DatabaseTooNew,
    DiskFull,
    InvalidInput,
    StorageError,
)
from rekall.store import schema
from rekall.system.files import PRIVATE_FILE, make_private_folder

BUSY_TIMEOUT_S = 10.0
_WAL_TRIES = 20
_TRY_MS = 50  # how long one try for the write lock keeps other threads out
_PAUSE_S = 0.01  # how long it lets them in before the next
_MIGRATION_WAIT = 12  # how many times as long as for a write another process's migration is waited for

Row = tuple[Any, ...]

_CUTTER = (schema.TOKENIZER[0], list(schema.TOKENIZER[1:]))
_STEMMER = ("porter", list(schema.TOKENIZER))
"""The tokenizers of the words index, as the driver asks for them."""


class Database:
    """One connection to a Rekall database.

    Every method raises a `StorageError` in place of the driver's errors. Thread-safe: one statement at a time, and
    the others wait while a thread is in a `transaction` or a `snapshot`.
    """

    def __init__(
        self,
        path: Path | None,
        *,
        migrations: Sequence[str] = schema.MIGRATIONS,
        busy_timeout_s: float = BUSY_TIMEOUT_S,
        migrated: Callable[[Database], None] = lambda db: None,
    ) -> None:
        """Open, and create or migrate where needed.

        Args:
            path: The file; None opens an empty database in memory, for reading before anything was stored.
            migrations: The numbered steps; a test may add one.
            busy_timeout_s: Seconds to wait for another process that writes.
            migrated: Completes a migration, in the transaction of its last step.
        """
        self.path = path
        self._turn = threading.RLock()
        self._is_reading = False
        self._busy_timeout_s = busy_timeout_s
        self._migrated = migrated
        if path is not None:
            _prepare(path)
        with self._translated():
            self._connection = apsw.Connection(str(path) if path else ":memory:")
        try:
            with self._translated():
                self._connection.set_busy_timeout(int(busy_timeout_s * 1000))
                self._open(migrations)
        except BaseException:
            self._connection.close()
            raise

    def rows(self, sql: str, bindings: Sequence[Any] | dict[str, Any] = ()) -> list[Row]:
        """All rows of a query."""
        with self._translated():
            return self._connection.execute(sql, bindings).fetchall()

    def stream(self, sql: str, bindings: Sequence[Any] | dict[str, Any] = ()) -> Iterator[Row]:
        """The rows of a query, one at a time. To the end, other threads wait."""
        with self._translated():
            yield from self._connection.execute(sql, bindings)

    def value(self, sql: str, bindings: Sequence[Any] | dict[str, Any] = ()) -> Any:
        """The first column of the first row, or None."""
        found = self.rows(sql, bindings)
        return found[0][0] if found else None

    def run(self, sql: str, bindings: Sequence[Any] | dict[str, Any] = ()) -> None:
        """Execute statements that give no rows."""
        with self._translated():
            self._connection.execute(sql, bindings)

    def run_many(self, sql: str, bindings: Iterable[Sequence[Any]]) -> None:
        """Execute one statement for each tuple of bindings."""
        with self._translated():
            self._connection.executemany(sql, bindings)

    def size_bytes(self) -> int:
        """Bytes of the file and of the log of writes beside it; 0 in memory."""
        if self.path is None:
            return 0
        files = (self.path, self.path.with_name(self.path.name + "-wal"))
        return sum(file.stat().st_size for file in files if file.exists())

    def last_key(self) -> int:
        """The row id of the last insertion."""
        return self._connection.last_insert_rowid()

    @contextlib.contextmanager
    def transaction(self, wait_s: float | None = None) -> Iterator[None]:
        """All or nothing. Inside another transaction the outer one decides.

        Args:
            wait_s: Seconds to wait for another process that writes, where that is another time than usual.
        """
        with self._turn:
            assert not self._is_reading, "what is written inside a snapshot would be undone"
            if self._in_transaction():
                yield
                return
        with self._write_lock(self._busy_timeout_s if wait_s is None else wait_s):
            try:
                yield
                self.run("COMMIT")
            except BaseException:  # Ctrl-C included: whatever stops the block undoes it
                if self._connection.in_transaction:
                    self.run("ROLLBACK")
                raise

    @contextlib.contextmanager
    def snapshot(self) -> Iterator[None]:
        """Every read of the block sees the same moment, whatever other processes write or drop."""
        with self._turn:
            if self._in_transaction():
                yield
                return
            self.run("BEGIN")
            self._is_reading = True
            try:
                yield
            finally:
                self._is_reading = False
                if self._connection.in_transaction:
                    self.run("ROLLBACK")

    @contextlib.contextmanager
    def _write_lock(self, wait_s: float) -> Iterator[None]:
        """A turn in which this connection may write. Other threads read while it waits for another process."""
        end = time.monotonic() + wait_s
        while True:
            with self._turn:
                self._wait_at_most(_TRY_MS)
                try:
                    self.run("BEGIN IMMEDIATE")
                except DatabaseLocked:
                    if time.monotonic() >= end:
                        raise
                else:
                    yield
                    return
                finally:
                    self._wait_at_most(int(self._busy_timeout_s * 1000))
            time.sleep(_PAUSE_S)

    def _in_transaction(self) -> bool:
        with self._translated():
            return bool(self._connection.in_transaction)

    def _wait_at_most(self, milliseconds: int) -> None:
        """Wait for another process that writes no longer than this."""
        with self._translated():
            self._connection.set_busy_timeout(milliseconds)

    def stem_places(self, text: str, *, stems: bool = True) -> list[tuple[int, int, str]]:
        """The terms that the words index makes of a text, each with the characters where it begins and ends.

        Args:
            text: A text, folded as the index folds it.
            stems: Whether endings are taken off; otherwise a term is a word in lower case without accents.
        """
        data = text.encode("utf-8", "replace")  # a lone surrogate, which no entry holds
        with self._translated():
            tokenizer = self._connection.fts5_tokenizer(*(_STEMMER if stems else _CUTTER))
            tokens: Any = tokenizer(data, apsw.FTS5_TOKENIZE_QUERY, None, include_colocated=False)
        if len(data) == len(text):  # ASCII: a byte is a character
            return [(start, end, str(term)) for start, end, term in tokens]
        places, at_byte, at_char = [], 0, 0
        for start, end, term in tokens:  # offsets in bytes
            at_char += len(data[at_byte:start].decode())
            length = len(data[start:end].decode())
            places.append((at_char, at_char + length, str(term)))
            at_byte, at_char = end, at_char + length
        return places

    def load_extension(self, path: str) -> None:
        """Load a SQLite extension into this connection.

        Raises:
            StorageError: It cannot be loaded here.
        """
        with self._translated():
            self._connection.enable_load_extension(True)
            try:
                self._connection.load_extension(path)
            finally:
                self._connection.enable_load_extension(False)

    def check(self) -> None:
        """Let SQLite look at every page.

        Raises:
            DatabaseCorrupt: It found damage.
        """
        verdict = self.value("PRAGMA quick_check(1)")
        if verdict != "ok":
            raise _corrupt(self.path, str(verdict))

    def close(self) -> None:
        """Close the connection; a second time does nothing."""
        with self._turn:
            self._connection.close()

    def compact(self) -> bool:
        """Rewrite the file, without the room and the traces of what was deleted.

        Returns:
            Whether it is done. While another process reads, the new content waits beside the file.

        Raises:
            DatabaseLocked: Another process writes; the file is as before.
        """
        self.run("VACUUM")
        return bool(self.value("PRAGMA wal_checkpoint(TRUNCATE)") == 0)

    def release_memory(self) -> None:
        """Drop the cached pages; the next reads fetch them again."""
        self.run("PRAGMA shrink_memory")

    def total_changes(self) -> int:
        """How many rows this connection has changed since it was opened."""
        with self._turn:
            return self._connection.total_changes()

    def data_version(self) -> int:
        """A number that changes when another process has written."""
        return int(self.value("PRAGMA data_version"))

    def _open(self, migrations: Sequence[str]) -> None:
        connection = self._connection
        connection.execute("BEGIN")  # one view of all three: another process may be creating the file
        application, version, tables = map(connection.pragma, ("application_id", "user_version", "schema_version"))
        connection.execute("COMMIT")
        if application != schema.APPLICATION_ID and (application or version or tables):
            raise DatabaseForeign(
                f"{self.path} is not a Rekall database", "move the file away, or point REKALL_HOME at another folder"
            )
        if version > len(migrations):
            raise DatabaseTooNew(
                f"{self.path} was written by a newer Rekall (schema {version}, this one knows {len(migrations)})",
                "upgrade Rekall to at least that version",
            )
        connection.pragma("cache_size", -500)  # KiB; with four times as much neither searches nor imports are faster
        connection.pragma("temp_store", "memory")  # a step that replaces a table writes no file elsewhere
        connection.pragma("foreign_keys", False)  # a step may replace a table that others refer to
        if version < len(migrations):
            self._migrate(migrations)
        connection.pragma("foreign_keys", True)
        connection.pragma("synchronous", "NORMAL" if self.path is None else "FULL")
        connection.execute(schema.VOCABULARY)

    def _migrate(self, migrations: Sequence[str]) -> None:
        """Apply the missing steps, each with its record in one transaction."""
        if self.path is not None and not self._connection.pragma("schema_version"):
            self._connection.pragma("page_size", schema.PAGE_BYTES)
            self._switch_to_wal()
        wait_s = _MIGRATION_WAIT * self._busy_timeout_s
        while True:
            with self.transaction(wait_s):
                # read under the lock: another process may have come first
                version = self._connection.pragma("user_version")
                if version >= len(migrations):
                    return
                self._connection.execute(migrations[version])
                self._connection.pragma("application_id", schema.APPLICATION_ID)
                self._connection.pragma("user_version", version + 1)
                if version + 1 == len(migrations):
                    self._migrated(self)

    def _switch_to_wal(self) -> None:
        """The switch does not honour the busy timeout, so it is tried again here."""
        for attempt in range(_WAL_TRIES):
            try:
                self._connection.pragma("journal_mode", "wal")
                return
            except apsw.BusyError:
                if attempt == _WAL_TRIES - 1:
                    raise
                time.sleep(0.05)

    def _translated(self) -> _Translated:
        """A turn at the connection, with the driver's errors in Rekall's words."""
        return _Translated(self.path, self._turn)


class _Translated:
    """One turn at the connection; a class of its own, for a generator took a twentieth of an import's time."""

    __slots__ = ("_path", "_turn")

    def __init__(self, path: Path | None, turn: threading.RLock) -> None:
        self._path = path
        self._turn = turn

    def __enter__(self) -> None:
        self._turn.acquire()

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        self._turn.release()
        if isinstance(error, apsw.Error):
            _raise(self._path, error)
        if isinstance(error, UnicodeEncodeError):
            raise InvalidInput("the text is not valid UTF-8", "convert it first, for example with iconv") from error


def _prepare(path: Path) -> None:
    """Make the folder and an empty private file, so that the data is never readable by others."""
    try:
        make_private_folder(path.parent)
        if not path.exists():
            os.close(os.open(path, os.O_CREAT | os.O_RDWR, PRIVATE_FILE))
    except PermissionError as error:
        raise DatabaseReadOnly(
            f"cannot write to {path.parent}", "check its permissions, or point REKALL_HOME at another folder"
        ) from error
    except OSError as error:
        raise StorageError(
            f"cannot create {path}: {error.strerror}", "point REKALL_HOME at a folder that you can write to"
        ) from error


def _raise(path: Path | None, error: apsw.Error) -> NoReturn:
    """The driver's error in Rekall's words."""
    if isinstance(error, (apsw.BusyError, apsw.LockedError)):
        raise DatabaseLocked(
            f"{path} is locked: another program is writing to it",
            "try again in a moment; Rekall may be importing in another window",
        ) from error
    if isinstance(error, (apsw.ReadOnlyError, apsw.PermissionsError)):
        raise DatabaseReadOnly(
            f"{path} cannot be written", "check the permissions of the file and its folder"
        ) from error
    if isinstance(error, apsw.FullError):
        raise DiskFull(f"no room left for {path}", "free some space and try again; nothing was lost") from error
    if isinstance(error, apsw.NotADBError):
        raise DatabaseForeign(
            f"{path} is not a database", "move the file away, or point REKALL_HOME at another folder"
        ) from error
    if isinstance(error, apsw.CorruptError):
        raise _corrupt(path, str(error)) from error
    if isinstance(error, apsw.CantOpenError):
        raise StorageError(
            f"cannot open {path}", "check that it is a file, and that you can write to its folder"
        ) from error
    if isinstance(error, apsw.IOError):
        raise StorageError(f"cannot read or write {path}: {error}", "check the disk and its free space") from error
    raise StorageError(
        f"the database reported an error: {error}", "please report this, with the command you ran"
    ) from error


def _corrupt(path: Path | None, detail: str) -> DatabaseCorrupt:
    return DatabaseCorrupt(
        f"{path} is damaged: {detail}",
        f"keep a copy; `rekall index rebuild --words` repairs the words index, `sqlite3 {path} .recover` saves what can still be read",
    )
