"""A base on a server: statements, transactions, snapshots, and what becomes of them when the connection is gone."""

from __future__ import annotations

import contextlib
import math
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

import psycopg

from rekall.errors import DatabaseAway, DatabaseLocked, DatabaseReadOnly
from rekall.store.postgres import refusals
from rekall.store.postgres.address import Address
from rekall.store.postgres.session import LONGEST_S, STATEMENT_MS, Row, Session

BUSY_TIMEOUT_S = 10.0
_TELL_S = 2.0
_LONG_WAIT_S = 120.0  # for another Rekall that says what it does
_TRY_MS = 250  # how long one try for the write lock keeps other threads out
_PAUSE_S = 0.01  # how long it lets them in before the next
_FATE_PAUSE_S = 0.2
_FATE_S = 10.0  # how long it is asked what became of a commit that was not answered

Bindings = Sequence[Any] | Mapping[str, Any]

_HOLDER = """
    SELECT a.application_name FROM pg_locks l JOIN pg_stat_activity a ON a.pid = l.pid
    WHERE l.locktype = 'advisory' AND l.granted AND l.objsubid = 1
    AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
    AND (l.classid::bigint << 32) | l.objid::bigint = %s LIMIT 1
"""
_DOING = "rekall: "
"""Begins the name under which a connection does something long, so that who waits can say for what."""


class Server(Session):
    """One connection to a base on a PostgreSQL server.

    Threads wait while one of them is in a `transaction` or a `snapshot`. What writes belongs in a `transaction` or a
    `change`.

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
        super().__init__(where)
        self.is_read_only = read_only
        self.waiting: Callable[[str], None] = lambda said: None
        """Told once for whom a change waits, when that takes long."""
        self.changes = 0
        """How many transactions began, and were undone."""
        self._busy_timeout_s = busy_timeout_s
        self._own_changes = 0

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
                raised = "UPDATE base SET version = version + 1 RETURNING pg_current_xact_id()::text"
                self._commit(str(self.value(raised)))
                self._own_changes += 1
            except BaseException:  # Ctrl-C included: whatever stops the block undoes it
                self.changes += 1
                self._end()
                raise

    @contextlib.contextmanager
    def migrating(self, wait_s: float) -> Iterator[None]:
        """A transaction in which the shape of the base changes: nobody else writes, and no statement of it is too long."""
        with self._writing(wait_s):
            try:
                self.rows("SELECT set_config('statement_timeout', '0', true)")
                yield
                self._commit(self._number())
            except BaseException:
                self._end()
                raise

    @contextlib.contextmanager
    def change(self) -> Iterator[None]:
        """A small change of rows that nobody else's writing touches, such as a lease; nobody waits for it."""
        with self._turn:
            if self._is_in_change():
                yield
                return
            self._check_writable()
            self._begin("change", "BEGIN READ WRITE")
            try:
                yield
                self._commit(self._number())
            except BaseException:
                self._end()
                raise

    @contextlib.contextmanager
    def alone(self, wait_s: float | None = None) -> Iterator[None]:
        """Nobody else writes in the block, in which every statement is by itself and may take its time.

        Args:
            wait_s: Seconds to wait for somebody else who writes, where that is another time than usual.

        Raises:
            DatabaseLocked: Somebody writes for longer.
        """
        wait_s = self._busy_timeout_s if wait_s is None else wait_s
        settings = "SELECT set_config('lock_timeout', %s, false), set_config('statement_timeout', %s, false)"
        with self._turn:
            self.check_open()
            self.rows(settings, (f"{max(1, int(1000 * wait_s))}", "0"))
            self._takes_its_time = True
            try:
                self.rows("SELECT pg_advisory_lock(%s)", (self._lock,))
                try:
                    yield
                finally:
                    self.rows("SELECT pg_advisory_unlock(%s)", (self._lock,))
            finally:
                self._takes_its_time = False
                self.rows(settings, ("0", str(STATEMENT_MS)))

    @contextlib.contextmanager
    def snapshot(self) -> Iterator[None]:
        """Every read of the block sees the same moment, whatever others write or drop."""
        with self._turn:
            if self._block:
                self.check_open()
                yield
                return
            self._begin("snapshot", "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
            try:
                yield
            finally:
                self._end()

    # the base as a whole

    def version(self) -> int:
        """A number that changes when another process has written."""
        with self._turn:
            return self.moment() - self._own_changes

    def moment(self) -> int:
        """A number that changes when anything was written."""
        return int(self.value("SELECT version FROM base"))

    def _begin(self, kind: str, sql: str) -> None:
        """Open a block; nothing was done in it yet, so that it may be tried on a new connection."""
        try:
            self._tried(lambda: self._connection.execute(sql))
        except BaseException:
            self._end()
            raise
        self._block = kind

    def _end(self) -> None:
        """Undo what a block did; where that fails the connection ends, and the block with it."""
        self._block = ""
        try:
            if not self._connection.closed:
                self._connection.execute("ROLLBACK")
        except psycopg.Error:
            self._connection.close()
        except BaseException:
            self._connection.close()
            raise

    def _commit(self, number: str) -> None:
        """Store what was changed. Where the answer is lost, find out what became of it.

        Args:
            number: The transaction's.

        Raises:
            DatabaseAway: Nothing was stored; or it is not known whether it was, and the error says so.
        """
        with self._translated():
            self._connection.longest_s = LONGEST_S
            try:
                self._connection.execute("COMMIT")
            except psycopg.OperationalError:
                if not self._connection.closed:
                    raise
                if not self._was_stored(number):
                    raise refusals.lost(self.where) from None
            self._block = ""

    def _check_writable(self) -> None:
        if self.is_read_only:
            raise DatabaseReadOnly(f"{self.where} is open for reading only", "`rekall base list` says which bases are")

    def _number(self) -> str:
        """The number of the transaction, by which the server knows it afterwards."""
        return str(self.value("SELECT pg_current_xact_id()::text"))

    def _was_stored(self, number: str) -> bool:
        """What became of a transaction whose commit was not answered.

        Raises:
            DatabaseAway: That is not known. A server that broke down may have given the number to another transaction since.
        """
        end, since = time.monotonic() + _FATE_S, self._unbroken_since
        while True:
            with contextlib.suppress(DatabaseAway, psycopg.OperationalError):
                self._connection = self._connected()
                fate = self._connection.execute("SELECT pg_xact_status(%s::xid8)", (number,)).fetchone()
                if fate is not None and fate[0] == "aborted":
                    return False
                if fate is not None and fate[0] == "committed":
                    if self._unbroken_since == since:
                        return True
                    end = 0.0
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
        self._check_writable()
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
                if doing is None:  # whoever it was has just ended
                    continue
                if now >= end and not (now < patient_until and doing):
                    raise refusals.locked(self.where, doing)
                if now >= tell_at:
                    tell_at = math.inf
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
            return False
        return True

    def _doing(self) -> str | None:
        """What somebody says who keeps others from writing; empty where nothing is said, None where nobody does."""
        holder = self.value(_HOLDER, (self._lock,))
        if holder is None:
            return None
        said = str(holder)
        return said[len(_DOING) :] if said.startswith(_DOING) else ""

    def _is_in_change(self) -> bool:
        self.check_open()
        assert self._block != "snapshot", "what is written inside a snapshot would be undone"
        return self._block == "change"
