"""The connection to a base on a server: statements, transactions, snapshots, and what becomes of them when it is gone."""

from __future__ import annotations

import contextlib
import hashlib
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, TypeVar

import psycopg

from rekall.errors import DatabaseAway, DatabaseLocked, DatabaseReadOnly, InvalidInput, StorageError
from rekall.store.driver import Elsewhere, Turn
from rekall.store.postgres import driver, refusals
from rekall.store.postgres.address import Address
from rekall.system.forks import FORKS

BUSY_TIMEOUT_S = 10.0
_TELL_S = 2.0
_LONG_WAIT_S = 120.0  # for another Rekall that says what it does
_TRY_MS = 250  # how long one try for the write lock keeps other threads out
_PAUSE_S = 0.01  # how long it lets them in before the next
_STATEMENT_MS = 120_000  # no statement lasts longer, but those that say so
_IDLE_MS = 300_000  # a process that sleeps in a transaction keeps nobody out for longer
_FATE_PAUSE_S = 0.2
_FATE_S = 10.0  # how long it is asked what became of a commit that was not answered

DEFAULT_SCHEMA = "rekall"

Row = tuple[Any, ...]
Bindings = Sequence[Any] | Mapping[str, Any]
Answer = TypeVar("Answer")

_NAMED_SCHEMA = """
    SELECT CASE WHEN source = 'client' THEN (parse_ident(split_part(setting, ',', 1)))[1] END
    FROM pg_settings WHERE name = 'search_path'
"""
"""The schema that the address names, in options=-csearch_path=NAME."""

_SETTINGS = f"""
    SELECT set_config('search_path', quote_ident(%s) || coalesce((SELECT ', ' || quote_ident(n.nspname) FROM pg_extension x
        JOIN pg_namespace n ON n.oid = x.extnamespace WHERE x.extname = 'vector'), ''), false),
    set_config('default_transaction_read_only', 'on', false),
    set_config('statement_timeout', '{_STATEMENT_MS}', false),
    set_config('idle_in_transaction_session_timeout', '{_IDLE_MS}', false),
    set_config('jit', 'off', false),
    set_config('max_parallel_workers_per_gather', '0', false)
"""
"""A statement by itself reads; and compiling one, or parting it among processes, costs more than any of ours takes."""

_HOLDER = """
    SELECT a.application_name FROM pg_locks l JOIN pg_stat_activity a ON a.pid = l.pid
    WHERE l.locktype = 'advisory' AND l.granted AND l.objsubid = 1
    AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
    AND (l.classid::bigint << 32) | l.objid::bigint = %s LIMIT 1
"""
_DOING = "rekall: "
"""Begins the name under which a connection does something long, so that who waits can say for what."""


class Server:
    """One connection to a base on a PostgreSQL server.

    Every method raises a `StorageError` in place of the driver's errors. Thread-safe: one statement at a time, and the
    others wait while a thread is in a `transaction` or a `snapshot`. Statements by themselves read, and are tried once
    more where the connection was gone; what writes belongs in a `transaction` or a `change`.

    Statements take `%s`, or `%(name)s` and a mapping; a per cent sign of their own is written twice where they have any.
    """

    def __init__(self, where: Address, *, read_only: bool = False, busy_timeout_s: float = BUSY_TIMEOUT_S) -> None:
        """Connect.

        Args:
            where: The base.
            read_only: Refuse whatever would change something.
            busy_timeout_s: Seconds to wait for somebody else who writes.

        Raises:
            DatabaseAway: The server cannot be reached, or lets nobody in.
        """
        self.where = where
        self.is_read_only = read_only
        self.schema = DEFAULT_SCHEMA
        self.waiting: Callable[[str], None] = lambda said: None
        """Told once for whom a change waits, when that takes long."""
        self.changes = 0
        """How many transactions began, and were undone."""
        self._turn: Turn = threading.RLock()
        self._busy_timeout_s = busy_timeout_s
        self._block = ""  # "change" or "snapshot", while one is open
        self._is_closed = False
        self._own_changes = 0
        FORKS.tell(self)
        self._connection = self._connected()

    # statements

    def rows(self, sql: str, bindings: Bindings = ()) -> list[Row]:
        """All rows of a query."""
        return self._tried(lambda: self._connection.execute(sql, bindings or None).fetchall())

    def value(self, sql: str, bindings: Bindings = ()) -> Any:
        """The first column of the first row, or None."""
        found = self.rows(sql, bindings)
        return found[0][0] if found else None

    def run(self, sql: str, bindings: Bindings = ()) -> int:
        """Execute a statement that gives no rows. Returns how many rows it touched."""
        return self._tried(lambda: self._connection.execute(sql, bindings or None).rowcount)

    def run_many(self, sql: str, bindings: Iterable[Sequence[Any]]) -> None:
        """Execute one statement for each tuple of bindings, all on one way to the server."""
        with self._translated(), self._connection.cursor() as cursor:
            cursor.executemany(sql, list(bindings))

    def copy(self, into: str, rows: Iterable[Sequence[Any]], types: Sequence[str] = ()) -> None:
        """Store many rows at once.

        Args:
            into: The table and its columns: `item (entry_key, kind)`.
            rows: A value a column.
            types: The types of the columns, where values go as bytes and not as text: for numbers and vectors.
        """
        how = " WITH (FORMAT binary)" if types else ""
        with (
            self._translated(),
            self._connection.cursor() as cursor,
            cursor.copy(f"COPY {into} FROM STDIN{how}") as copy,
        ):
            if types:
                copy.set_types(list(types))
            for row in rows:
                copy.write_row(row)

    # blocks

    @property
    def quoted_schema(self) -> str:
        """The schema's name as a statement names it."""
        return '"' + self.schema.replace('"', '""') + '"'

    def refresh_path(self) -> None:
        """Look again where pgvector lies, once it was made."""
        self.rows(_SETTINGS, (self.schema,))

    @contextlib.contextmanager
    def transaction(self, wait_s: float | None = None, doing: str = "") -> Iterator[None]:
        """All or nothing, one at a time over all who use the base. Inside another one the outer one decides.

        Args:
            wait_s: Seconds to wait for somebody else who writes, where that is another time than usual.
            doing: What takes long in it: others wait for that, and say so.
        """
        with self._turn:
            if self._is_in_change():
                yield
                return
        with self._writing(wait_s):
            self.changes += 1
            try:
                if doing:
                    self.rows("SELECT set_config('application_name', %s, true)", (_DOING + doing,))
                yield
                self._commit(
                    str(self.value("UPDATE base SET version = version + 1 RETURNING pg_current_xact_id()::text"))
                )
                self._own_changes += 1
            except BaseException:  # Ctrl-C included: whatever stops the block undoes it
                self.changes += 1
                self._end("ROLLBACK")
                raise

    @contextlib.contextmanager
    def migrating(self, wait_s: float) -> Iterator[None]:
        """A transaction in which the shape of the base changes: nobody else writes, and no statement of it is too long."""
        with self._writing(wait_s):
            try:
                self.rows("SELECT set_config('statement_timeout', '0', true)")
                yield
                self._commit()
            except BaseException:
                self._end("ROLLBACK")
                raise

    @contextlib.contextmanager
    def change(self) -> Iterator[None]:
        """A small change of rows that nobody else's writing touches, such as a lease; nobody waits for it."""
        with self._turn:
            if self._is_in_change():
                yield
                return
            self._begin("change", "BEGIN READ WRITE")
            try:
                yield
                self._commit()
            except BaseException:
                self._end("ROLLBACK")
                raise

    @contextlib.contextmanager
    def snapshot(self) -> Iterator[None]:
        """Every read of the block sees the same moment, whatever others write or drop."""
        with self._turn:
            if self._block:
                self._check_open()
                yield
                return
            self._begin("snapshot", "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
            try:
                yield
            finally:
                self._end("ROLLBACK")

    # the base as a whole

    def version(self) -> int:
        """A number that changes when another process has written."""
        with self._turn:
            return self.moment() - self._own_changes

    def moment(self) -> int:
        """A number that changes when anything was written."""
        return int(self.value("SELECT version FROM base"))

    def close(self) -> None:
        """Close the connection; a second time does nothing."""
        if isinstance(self._turn, Elsewhere):
            return  # it is the parent's
        with self._turn:
            self._is_closed = True
            self._connection.close()

    def after_fork(self, *, is_whole: bool) -> None:
        """Refuse everything in the child of a fork."""
        self._turn = Elsewhere(self.where.shown)

    # the connection

    def _connected(self) -> psycopg.Connection[Row]:
        """A new connection, in which statements by themselves read."""
        try:
            connection = driver.connect(**{**self.where.parts, "client_encoding": "UTF8"})
        except psycopg.Error as error:
            raise refusals.at_the_door(self.where, error) from None
        try:
            if connection.info.parameter_status("server_encoding") != "UTF8":
                raise StorageError(
                    f"{self.where} cannot hold every text", "its database must be made with encoding UTF8"
                )
            (named,) = connection.execute(_NAMED_SCHEMA).fetchall()
            self.schema = named[0] or DEFAULT_SCHEMA
            self._lock = lock_number(self.schema)
            connection.execute(_SETTINGS, (self.schema,))
        except psycopg.Error as error:
            connection.close()
            raise refusals.refused(self.where, error, is_gone=False) from None
        except BaseException:
            connection.close()
            raise
        return connection

    def _tried(self, ask: Callable[[], Answer]) -> Answer:
        """What a statement gives; a read by itself is asked once more where the connection was gone."""
        with self._translated():
            try:
                return ask()
            except psycopg.OperationalError:
                if self._block or not self._connection.closed:
                    raise
                self._connection = self._connected()
                return ask()

    def _begin(self, kind: str, sql: str) -> None:
        """Open a block; nothing was done in it yet, so that it may be tried on a new connection."""
        self._tried(lambda: self._connection.execute(sql))
        self._block = kind

    def _end(self, sql: str) -> None:
        """End a block; where that fails the connection ends, and the block with it."""
        self._block = ""
        try:
            if not self._connection.closed:
                self._connection.execute(sql)
        except psycopg.Error:
            self._connection.close()
        except BaseException:
            self._connection.close()
            raise

    def _commit(self, number: str = "") -> None:
        """Store what was changed. Where the answer is lost, find out what became of it.

        Args:
            number: The transaction's; without one a lost answer stays lost.

        Raises:
            DatabaseAway: Nothing was stored; or it is not known whether it was, and the error says so.
        """
        with self._translated():
            try:
                self._connection.execute("COMMIT")
            except psycopg.OperationalError:
                if not self._connection.closed:
                    raise
                if not number or not self._was_stored(number):
                    raise
            self._block = ""

    def _was_stored(self, number: str) -> bool:
        """What became of a transaction whose commit was not answered."""
        end = time.monotonic() + _FATE_S
        while True:
            with contextlib.suppress(DatabaseAway):
                self._connection = self._connected()
                fate = self._connection.execute("SELECT pg_xact_status(%s::xid8)", (number,)).fetchone()
                if fate is not None and fate[0] in ("committed", "aborted"):
                    return bool(fate[0] == "committed")
            if time.monotonic() >= end:
                raise DatabaseAway(
                    f"the connection to {self.where} was lost while a change was being stored",
                    "look whether it is there before you make it again",
                )
            time.sleep(_FATE_PAUSE_S)

    @contextlib.contextmanager
    def _writing(self, wait_s: float | None) -> Iterator[None]:
        """A turn in which this process alone may write. Other threads read while it waits for another process.

        Where no time is given, what another Rekall says will take long is waited for as long as that takes, in bounds.
        """
        if self.is_read_only:
            raise DatabaseReadOnly(f"{self.where} is open for reading only", "`rekall base list` says which bases are")
        began = time.monotonic()
        end = began + (self._busy_timeout_s if wait_s is None else wait_s)
        patient_until, tell_at = began + (_LONG_WAIT_S if wait_s is None else 0.0), began + _TELL_S
        while True:
            with self._turn:
                if self._has_lock(end - time.monotonic()):
                    yield
                    return
                now = time.monotonic()
                doing = self._doing() if now >= min(end, tell_at) else ""
                if now >= end and not (now < patient_until and doing):
                    raise refusals.locked(self.where, doing)
                if now >= tell_at:
                    tell_at = began + 2 * _LONG_WAIT_S
                    who = f"another Rekall that is {doing}" if doing else "somebody else who writes to it"
                    self.waiting(f"{self.where}: waiting for {who}")
            time.sleep(_PAUSE_S)

    def _has_lock(self, left_s: float) -> bool:
        """Begin a change, unless somebody else is at one."""
        assert self._block != "snapshot", "what is written inside a snapshot would be undone"
        try_ms = max(1, min(_TRY_MS, int(1000 * left_s)))
        try:
            self._begin(
                "change",
                f"BEGIN READ WRITE; SET LOCAL lock_timeout = {try_ms}; SELECT pg_advisory_xact_lock({self._lock}); "
                f"SET LOCAL lock_timeout = {int(1000 * self._busy_timeout_s)}",
            )
        except DatabaseLocked:
            self._end("ROLLBACK")
            return False
        except BaseException:
            self._end("ROLLBACK")
            raise
        return True

    def _doing(self) -> str:
        """What somebody says who keeps others from writing; empty when nobody says anything."""
        said = str(self.value(_HOLDER, (self._lock,)) or "")
        return said[len(_DOING) :] if said.startswith(_DOING) else ""

    def _is_in_change(self) -> bool:
        self._check_open()
        assert self._block != "snapshot", "what is written inside a snapshot would be undone"
        return self._block == "change"

    def _check_open(self) -> None:
        if self._is_closed:
            raise StorageError(f"{self.where} was closed", "open it again: `rekall.open()`")

    @contextlib.contextmanager
    def _translated(self) -> Iterator[None]:
        """A turn at the connection, with the driver's errors in Rekall's words."""
        with self._turn:
            self._check_open()
            try:
                yield
            except psycopg.Error as error:
                raise refusals.refused(self.where, error, is_gone=self._connection.closed) from None
            except UnicodeEncodeError as error:
                raise InvalidInput("the text is not valid UTF-8", "convert it to UTF-8 first") from error


def lock_number(schema: str) -> int:
    """The number of the lock that who writes to a schema's base has; other numbers are other programs'."""
    return int.from_bytes(hashlib.blake2b(f"rekall {schema}".encode(), digest_size=8).digest(), "big", signed=True)
