"""The database file: opening, checking, migrating, transactions, and errors in Rekall's words."""

from __future__ import annotations

import contextlib
import os
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import apsw

from rekall.errors import DatabaseLocked, DatabaseReadOnly, StorageError
from rekall.store import opening, schema, tokens
from rekall.store.driver import Elsewhere, Translated, Turn, corrupt
from rekall.system.forks import FORKS
from rekall.system.long_work import announced, under_way
from rekall.system.one_by_one import is_any_in, one_by_one

BUSY_TIMEOUT_S = 10.0
_TELL_S = 2.0
_LONG_WAIT_S = 120.0  # for another Rekall that says what it does; as long as for a migration
_MOST_WAITS = 60  # no write is waited for longer than so many times as long as usual
_TRY_MS = 50  # how long one try for the write lock keeps other threads out
_LONG_LOG_BYTES = 4 * opening.LOG_BYTES  # from here on a writer sees to the log of writes
_LOG_WAIT_MS = 500  # how long it waits for readers to let go of that
_PAUSE_S = 0.01  # how long it lets them in before the next
_SWITCH_S = 1.0  # how long another process is waited for that brings a base to write-ahead mode
_MIGRATION_WAIT = 12  # how many times as long as for a write another process's migration is waited for

Row = tuple[Any, ...]


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
        migrating: Callable[[Path], None] = lambda path: None,
        read_only: bool = False,
    ) -> None:
        """Open, and create or migrate where needed.

        Args:
            path: The file; None opens an empty database in memory, for reading before anything was stored.
            migrations: The numbered steps; a test may add one.
            busy_timeout_s: Seconds to wait for another process that writes.
            migrated: Completes a migration, in the transaction of its last step.
            migrating: Told of a base of an earlier schema before anything is changed, while nobody else can write.
            read_only: Open what is there, and refuse every change.
        """
        self.path = path
        self._turn: Turn = threading.RLock()
        FORKS.tell(self)
        self._is_reading = False
        self._long_log_bytes = _LONG_LOG_BYTES
        self._busy_timeout_s = busy_timeout_s
        self._migrated = migrated
        self._migrating = migrating
        self.waiting: Callable[[str], None] = lambda said: None
        """Told once for whom a change waits, when that takes long."""
        self.changes = 0
        """How many transactions began, and were undone."""
        with self._translated():
            self._connection = opening.connect(path, read_only=read_only)
        self._read_only, self._identity = read_only, opening.which_file(path)
        try:
            with self._translated():
                opening.wait_at_most(self._connection, int(busy_timeout_s * 1000))
                self._open(migrations)
        except BaseException:
            self._connection.close()
            raise

    def rows(self, sql: str, bindings: Sequence[Any] | dict[str, Any] = ()) -> list[Row]:
        """All rows of a query."""
        with self._translated():
            return self._connection.execute(sql, bindings).fetchall()

    def readable_rows(self, sql: str, bindings: Sequence[Any] | dict[str, Any] = ()) -> list[Row]:
        """The rows of a query without those that hold a text which is none; `rekall check` finds these."""
        found: list[Row] = []
        with self._translated():
            rows = self._connection.execute(sql, bindings)
            while True:
                with contextlib.suppress(UnicodeDecodeError):
                    row = next(rows, None)
                    if row is None:
                        return found
                    found.append(row)

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

    def rows_of_many(self, sql: str, bindings: Iterable[Sequence[Any]]) -> list[Row]:
        """All rows that one statement gives for each tuple of bindings."""
        with self._translated():
            return self._connection.executemany(sql, bindings).fetchall()

    def size_bytes(self) -> int:
        """Bytes of the file and of the log of writes beside it; 0 in memory."""
        return 0 if self.path is None else self.path.stat().st_size + self._log_bytes()

    def last_key(self) -> int:
        """The row id of the last insertion."""
        return self._connection.last_insert_rowid()

    @contextlib.contextmanager
    def transaction(self, wait_s: float | None = None, doing: str = "") -> Iterator[None]:
        """All or nothing. Inside another transaction the outer one decides.

        Args:
            wait_s: Seconds to wait for another process that writes, where that is another time than usual.
            doing: What takes long in it, so that other processes wait for it.
        """
        with self._turn:
            assert not self._is_reading, "what is written inside a snapshot would be undone"
            if self._in_transaction():
                yield
                return
        opening.check_may_be_written(self.path, self._identity, read_only=self._read_only)
        with announced(self.path, doing), self._write_lock(wait_s):
            self.changes += 1
            try:
                yield
                self.run("COMMIT")
            except BaseException:  # Ctrl-C included: whatever stops the block undoes it
                if self._connection.in_transaction:
                    self.run("ROLLBACK")
                self.changes += 1
                raise
            self._shorten_log()

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

    def _shorten_log(self) -> None:
        """Begin the log of writes anew once it is long, which SQLite does not while there always is somebody who reads."""
        if self._log_bytes() < self._long_log_bytes:
            return
        self._wait_at_most(_LOG_WAIT_MS)
        try:
            self.run("PRAGMA wal_checkpoint(TRUNCATE)")
        except StorageError:
            pass  # the change is stored; what is wrong with the log ends the next one
        finally:
            self._wait_at_most(int(self._busy_timeout_s * 1000))
        self._long_log_bytes = max(_LONG_LOG_BYTES, 2 * self._log_bytes())  # not each time for a reader that stays

    def _log_bytes(self) -> int:
        """Bytes of the log of writes beside the file."""
        try:
            return 0 if self.path is None else os.stat(f"{self.path}-wal").st_size
        except FileNotFoundError:
            return 0

    @contextlib.contextmanager
    def _write_lock(self, wait_s: float | None) -> Iterator[None]:
        """A turn in which this connection may write. Other threads read while it waits for another process.

        Where no time is given, what another Rekall says will take long is waited for as long as that takes, in bounds.
        """
        began = time.monotonic()
        usual = self._busy_timeout_s
        end, tell_at = began + (usual if wait_s is None else min(wait_s, _MOST_WAITS * usual)), began + _TELL_S
        patient_until = began + (_LONG_WAIT_S if wait_s is None else 0.0)
        is_last = wait_s is not None
        while True:
            with self._turn:
                self._wait_at_most(_TRY_MS)
                try:
                    self.run("BEGIN IMMEDIATE")
                except DatabaseLocked:
                    now = time.monotonic()
                    if now >= end and not (now < patient_until and under_way(self.path)):
                        if is_last:
                            raise
                        is_last = True  # what took long may have ended just before it was asked for
                    if now >= tell_at:
                        tell_at = began + 2 * _LONG_WAIT_S
                        what = under_way(self.path)
                        who = f"another Rekall that is {what}" if what else "another program that writes to the base"
                        self.waiting(f"waiting for {who}")
                else:
                    yield
                    return
                finally:
                    self._wait_at_most(int(self._busy_timeout_s * 1000))
            time.sleep(_PAUSE_S)

    def is_writing(self) -> bool:
        """Whether something may be changed that is not stored yet."""
        return self._in_transaction() and not self._is_reading

    def _in_transaction(self) -> bool:
        with self._translated():
            return bool(self._connection.in_transaction)

    def _wait_at_most(self, milliseconds: int) -> None:
        """Wait for another process that writes no longer than this."""
        with self._translated():
            opening.wait_at_most(self._connection, milliseconds)

    def stem_places(self, text: str, *, stems: bool = True) -> list[tuple[int, int, str]]:
        """The terms that the words index makes of a folded text, each with the characters where it begins and ends.

        Without `stems` endings stay, and a term is a word in lower case without accents.
        """
        with self._translated():
            return tokens.stem_places(self._connection, text, stems=stems)

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

    def add_ranking(self, name: str, function: Callable[..., float | None]) -> None:
        """Let statements call a function for what FTS5 finds; its first argument is what FTS5 knows of a row."""
        with self._translated():
            self._connection.register_fts5_function(name, function)

    @contextlib.contextmanager
    def undefended(self) -> Iterator[None]:
        """Let a block write the tables in which SQLite keeps an index, and which are closed to everything else."""
        self._connection.config(apsw.SQLITE_DBCONFIG_DEFENSIVE, 0)
        try:
            yield
        finally:
            self._connection.config(apsw.SQLITE_DBCONFIG_DEFENSIVE, 1)

    def check(self) -> None:
        """Let SQLite look at every page.

        Raises:
            DatabaseCorrupt: It found damage.
        """
        verdict = self.value("PRAGMA quick_check(1)")
        if verdict != "ok":
            raise corrupt(self.path, str(verdict))

    def close(self) -> None:
        """Close the connection; a second time does nothing."""
        if isinstance(self._turn, Elsewhere):
            return  # it is the parent's
        with self._turn:
            self._connection.close()

    def after_fork(self, *, is_whole: bool) -> None:
        """Refuse everything in the child of a fork."""
        self._turn = Elsewhere(self.path)

    def compact(self, wait_s: float | None = None) -> bool:
        """Rewrite the file, without the room and the traces of what was deleted; False while others read what was there.

        Args:
            wait_s: Seconds to wait for other processes, where that is another time than usual.

        Raises:
            StorageError: It cannot be done now; the file is as before.
        """
        with self._turn:
            self._wait_at_most(int(1000 * (self._busy_timeout_s if wait_s is None else wait_s)))
            try:
                with self._translated(), opening.temporary_files(self.path, self._connection):
                    self._connection.execute("VACUUM")
                return bool(self.value("PRAGMA wal_checkpoint(TRUNCATE)") == 0)
            finally:
                self._wait_at_most(int(1000 * self._busy_timeout_s))

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
        opening.distrust(connection)
        is_in_hand = self.path is not None and (not self.path.stat().st_size or is_any_in(self.path))
        version = 0 if is_in_hand else opening.version_of(self.path, connection, migrations)
        opening.settle(connection)
        connection.pragma("foreign_keys", False)  # a step may replace a table that others refer to
        if version < len(migrations) or not opening.is_as_it_stays(connection):
            try:
                with self._translated():
                    self._make_ready(migrations, is_old=version < len(migrations))
            except DatabaseReadOnly as error:
                if not 0 < version < len(migrations):
                    raise
                raise DatabaseReadOnly(
                    f"{self.path} is of an earlier Rekall, and cannot be brought up to date here: it can only be read",
                    "open it once with this Rekall where it can be written, or copy it into a folder of your own",
                ) from error
        connection.pragma("foreign_keys", True)
        connection.pragma("synchronous", "NORMAL" if self.path is None else "FULL")
        connection.execute(schema.VOCABULARY)

    def _make_ready(self, migrations: Sequence[str], *, is_old: bool) -> None:
        """Bring a base to this schema and to write-ahead mode; of many processes one does it, and the others wait."""
        if self.path is None:
            self._migrate(migrations)
            return
        try:
            with one_by_one(self.path, _MIGRATION_WAIT * self._busy_timeout_s if is_old else _SWITCH_S):
                if opening.version_of(self.path, self._connection, migrations) < len(migrations):
                    with opening.temporary_files(self.path, self._connection):
                        self._migrate(migrations)
                opening.write_ahead_if_possible(self._connection)
        except TimeoutError as error:
            if is_old:
                raise DatabaseLocked(
                    f"{self.path} is locked: another Rekall is bringing it up to date", "try again in a moment"
                ) from error

    def _migrate(self, migrations: Sequence[str]) -> None:
        """Apply the missing steps, each with its record in one transaction."""
        if self.path is not None and not self._connection.pragma("schema_version"):
            self._connection.pragma("page_size", schema.PAGE_BYTES)
            opening.write_ahead(self._connection)
        wait_s = _MIGRATION_WAIT * self._busy_timeout_s
        found: int | None = self._connection.pragma("user_version")
        doing = "bringing the base up to date" if found else ""
        while True:
            with self.transaction(wait_s, doing):
                # read under the lock: another process may have come first
                version = self._connection.pragma("user_version")
                if version >= len(migrations):
                    return
                if version and version == found and self.path is not None:
                    self._migrating(self.path)
                found = None  # once, and only by who comes first
                self._connection.execute(migrations[version])
                self._connection.pragma("application_id", schema.APPLICATION_ID)
                self._connection.pragma("user_version", version + 1)
                if version + 1 == len(migrations):
                    self._migrated(self)

    def _translated(self) -> Translated:
        """A turn at the connection, with the driver's errors in Rekall's words."""
        return Translated(self.path, self._turn)
