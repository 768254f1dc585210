"""The connection to a base on a server: made, made again, shared by threads, and closed."""

from __future__ import annotations

import contextlib
import hashlib
import math
import threading
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, TypeVar

import psycopg

from rekall.errors import DatabaseAway, InvalidInput, StorageError
from rekall.store.driver import Elsewhere, Turn
from rekall.store.postgres import driver, pooling, refusals
from rekall.store.postgres.address import DEFAULT_SCHEMA, Address, schema_named
from rekall.store.postgres.waiting import NoAnswer, PatientConnection, is_there
from rekall.system.forks import FORKS

STATEMENT_MS = 120_000
"""No statement lasts longer, but those that say so."""

LONGEST_S = STATEMENT_MS / 1000 + 10
"""Seconds in which a server that is there ends what reads; one that does not is stuck."""

_LOOKS = 3
"""So many times it must seem to be gone before a change is given up, of which one would have to begin anew."""

_IDLE_MS = 300_000
"""A process that sleeps in a transaction keeps nobody out for longer."""

Row = tuple[Any, ...]
Answer = TypeVar("Answer")

_SETTINGS = f"""
    SELECT set_config('search_path', quote_ident(%s) || coalesce((SELECT ', ' || quote_ident(n.nspname) FROM pg_extension x
        JOIN pg_namespace n ON n.oid = x.extnamespace WHERE x.extname = 'vector'), ''), false),
    set_config('default_transaction_read_only', 'on', false),
    set_config('default_transaction_isolation', 'read committed', false),
    set_config('row_security', 'on', false),
    set_config('statement_timeout', '{STATEMENT_MS}', false),
    set_config('idle_in_transaction_session_timeout', '{_IDLE_MS}', false),
    set_config('jit', 'off', false),
    set_config('max_parallel_workers_per_gather', '0', false),
    (SELECT stats_reset FROM pg_stat_bgwriter)
"""
"""A statement by itself reads. A change sees what was there when it had the lock, and who writes only their own rows of the
history, whatever a role's own settings are. And compiling a statement, or parting it, costs more than any of ours takes. The last column
tells of a breakdown of the server, which then starts its statistics again, and may use a transaction's number twice."""

_SETTINGS_OF_SESSION = f"{_SETTINGS} WHERE pg_backend_pid() = %s"
"""The same, where the session is that to which the server let us in; else nothing, and no row."""


class Session:
    """One connection to a server, in which statements by themselves read, and are tried once more where it was gone.

    Thread-safe: one statement at a time. Every method raises a `StorageError` in place of the driver's errors.
    """

    def __init__(self, where: Address) -> None:
        """Connect.

        Raises:
            DatabaseAway: The server cannot be reached, or lets nobody in.
        """
        self.where = where
        self.schema = DEFAULT_SCHEMA
        self._turn: Turn = threading.RLock()
        self._block = ""
        """"change" or "snapshot", while one is open: what was begun cannot go on in another connection."""
        self._takes_its_time = False
        """Whether statements by themselves may last as long as they like."""
        self._unbroken_since: object = None
        """Since when the server that the connection leads to has not broken down, as far as it says."""
        self._is_closed = False
        FORKS.tell(self)
        self._connection = self._connected()

    @property
    def quoted_schema(self) -> str:
        """The schema's name as a statement names it."""
        return '"' + self.schema.replace('"', '""') + '"'

    def refresh_path(self) -> None:
        """Look again where pgvector lies, once it was made."""
        self._tried(lambda: self._connection.execute(_SETTINGS, (self.schema,)))

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

    def _connected(self) -> PatientConnection:
        """A new connection, in which statements by themselves read."""
        try:
            connection = self._unprepared()
        except psycopg.Error as error:
            raise refusals.at_the_door(self.where, error) from None
        try:
            if connection.info.parameter_status("server_encoding") != "UTF8":
                raise StorageError(
                    f"{self.where} cannot hold every text", "its database must be made with encoding UTF8"
                )
            self.schema = schema_named(connection.info.options)
            self._lock = lock_number(self.schema)
            self._set_up(connection)
        except psycopg.Error as error:
            connection.close()
            raise refusals.refused(self.where, error, is_gone=False) from None
        except BaseException:
            connection.close()
            raise
        return connection

    def _unprepared(self) -> PatientConnection:
        """A new connection, as the server's defaults have it."""
        connection = driver.connect(**{**self.where.parts, "client_encoding": "UTF8"})
        connection.is_there = partial(is_there, self.where.parts)
        return connection

    def _set_up(self, connection: psycopg.Connection[Row]) -> None:
        """Make the settings of a session, which must be the connection's own."""
        made = connection.execute(_SETTINGS_OF_SESSION, (self.schema, connection.info.backend_pid)).fetchone()
        if made is None:
            pooling.check_session(self.where, connection, self._unprepared)
            made = connection.execute(_SETTINGS, (self.schema,)).fetchone()
        assert made is not None
        self._unbroken_since = made[-1]

    def _tried(self, ask: Callable[[], Answer]) -> Answer:
        """What a statement gives; a read by itself is asked once more where the connection was gone."""
        with self._translated():
            reads = self._block != "change" and not self._takes_its_time
            self._connection.longest_s, self._connection.looks = (LONGEST_S, 1) if reads else (math.inf, _LOOKS)
            try:
                return ask()
            except psycopg.OperationalError as error:
                if self._block or not self._connection.closed or isinstance(error, NoAnswer):
                    raise
                self._connection = self._connected()
                return ask()

    def check_open(self) -> None:
        """Raises StorageError where it was closed."""
        if self._is_closed:
            raise StorageError(f"{self.where} was closed", "open it again: `rekall.open()`")

    @contextlib.contextmanager
    def _translated(self) -> Iterator[None]:
        """A turn at the connection, with the driver's errors in Rekall's words."""
        with self._turn:
            self.check_open()
            try:
                yield
            except NoAnswer:
                raise DatabaseAway(
                    f"{self.where} did not answer in time", "nothing was changed; try again in a moment"
                ) from None
            except psycopg.Error as error:
                raise refusals.refused(self.where, error, is_gone=self._connection.closed) from None
            except UnicodeEncodeError as error:
                raise InvalidInput("the text is not valid UTF-8", "convert it to UTF-8 first") from error


def lock_number(schema: str) -> int:
    """The number of the lock that who writes to a schema's base has; other numbers are other programs'."""
    return int.from_bytes(hashlib.blake2b(f"rekall {schema}".encode(), digest_size=8).digest(), "big", signed=True)
