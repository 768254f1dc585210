"""Whether a pooler stands before a server that lends its sessions for a transaction each.

Through such a one, settings of a session would hold for others, and not for who made them.
"""

from __future__ import annotations

import contextlib
import select
from collections.abc import Callable

import psycopg

from rekall.errors import StorageError
from rekall.store.postgres.address import Address

_PID = "SELECT pg_backend_pid()"
_WAIT_S = 1.0
"""A second connection is waited for no longer: where sessions are not lent, a pooler may have none left for it."""

Connection = psycopg.Connection[tuple[object, ...]]


def check_session(where: Address, connection: Connection, connect: Callable[[], Connection]) -> None:
    """Make sure that a connection keeps its session of the server; nothing is left in any.

    Args:
        where: The base.
        connection: One that does not lead to the server directly; nothing was set in it yet.
        connect: Makes another one to the same place.

    Raises:
        StorageError: Others have the session while the connection is idle.
        psycopg.Error: No second connection can be made.
    """
    if _is_lent(connection, connect):
        raise StorageError(
            f"{where} lies behind a pooler that gives every transaction another session of the server",
            "use the address whose pooler keeps a session for each connection (pgbouncer: pool_mode = session), "
            "or the server's own",
        )


def _is_lent(connection: Connection, connect: Callable[[], Connection]) -> bool:
    """Whether another connection gets the idle one's session, or that one does not get it back."""
    first = _session(connection)
    with contextlib.closing(connect()) as other:
        if _session_at_once(other) == first:
            return True
    return any(_session(connection) != first for _ in range(2))  # twice, for who lends them in turn


def _session(connection: Connection) -> object:
    (number,) = connection.execute(_PID).fetchone() or (None,)
    return number


def _session_at_once(connection: Connection) -> object:
    """The number of the session that a connection gets; None where it has to wait for one."""
    raw = connection.pgconn
    raw.send_query(_PID.encode())
    if not select.select([raw.socket], [], [], _WAIT_S)[0]:
        return None
    found = None
    while (result := raw.get_result()) is not None:
        value = result.get_value(0, 0)
        found = int(value) if value else found
    return found
