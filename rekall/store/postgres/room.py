"""The room that a base takes on its server, and how what was deleted gives its own back."""

from __future__ import annotations

from collections.abc import Callable

from rekall.errors import DatabaseLocked
from rekall.store.postgres.server import Server

_LARGE = ("embedding",)
"""Tables that are not written anew: that would keep everybody out for minutes, and no vector says what a text was."""

_TABLES = """
    SELECT c.relname, pg_has_role(c.relowner, 'USAGE') FROM pg_class c
    WHERE c.relnamespace = %s::regnamespace AND c.relkind = 'r' ORDER BY 1
"""


def size_bytes(db: Server) -> int:
    """Bytes of the tables and of their indexes."""
    sql = "SELECT sum(pg_total_relation_size(c.oid))::bigint FROM pg_class c WHERE c.relnamespace = %s::regnamespace"
    return int(db.value(f"{sql} AND c.relkind = 'r'", (db.quoted_schema,)))


def compact(db: Server, sweep: Callable[[], None], wait_s: float | None = None) -> bool:
    """Write every table anew without what was deleted; vectors are only cleared of it.

    What was written before may still stand in the server's log of writes and in backups.

    Args:
        db: The server.
        sweep: Removes what belongs to nothing any more, and waits for who reads it.
        wait_s: Seconds to wait for somebody else who writes, where that is another time than usual.

    Returns:
        Whether it is done: False while somebody reads what was there, and for who does not own the base.

    Raises:
        DatabaseLocked: Somebody else writes.
    """
    tables = db.rows(_TABLES, (db.quoted_schema,))
    if not all(is_ours for _, is_ours in tables):
        return False
    with db.alone(wait_s):
        try:
            with db.transaction():
                sweep()
            for name, _ in tables:
                how = "" if name in _LARGE else "(FULL) "
                db.run(f'VACUUM {how}"{name}"')
        except DatabaseLocked:
            return False
    return True
