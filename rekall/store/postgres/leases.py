"""Work that one process does for all of them, as rows: who has it, and how far it is."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Any

from rekall.entry.times import exact, written
from rekall.store.postgres.server import Server
from rekall.store.values import Lease

_NEVER = datetime.min.replace(tzinfo=timezone.utc)
_COLUMNS = "name, holder, pid, host, renewed_at, done, total"


class PostgresLeases:
    """Reads and writes leases; see `contract.Leases`."""

    def __init__(self, db: Server) -> None:
        """Work on a server."""
        self._db = db

    def of(self, name: str) -> Lease | None:
        """The lease of that name, or None when nobody has it."""
        return next(iter(self._leases("name = %s", (name,))), None)

    def under(self, beginning: str) -> list[Lease]:
        """Every lease whose name begins so, by name."""
        return self._leases("starts_with(name, %s) ORDER BY name", (beginning,))

    def take(self, lease: Lease, instead_of: Lease | None = None) -> bool:
        """Take a lease that nobody has, or that is still as it was seen. Returns whether it was so."""
        row = (lease.name, lease.holder, lease.pid, lease.host, written(lease.renewed_at), lease.done, lease.total)
        if instead_of is None:
            sql = f"INSERT INTO lease ({_COLUMNS}) VALUES (%s, %s, %s, %s, %s, %s, %s) ON CONFLICT (name) DO NOTHING"
            return self._changed(sql, row)
        sql = (
            "UPDATE lease SET holder = %s, pid = %s, host = %s, renewed_at = %s, done = %s, total = %s "
            "WHERE name = %s AND holder = %s AND (renewed_at = %s OR %s)"
        )
        seen, is_unknown = written(instead_of.renewed_at), instead_of.renewed_at == _NEVER
        return self._changed(sql, (*row[1:], lease.name, instead_of.holder, seen, is_unknown))

    def renew(self, lease: Lease) -> bool:
        """Say how far the work is. Returns whether its holder still has it."""
        sql = "UPDATE lease SET renewed_at = %s, done = %s, total = %s WHERE name = %s AND holder = %s"
        return self._changed(sql, (written(lease.renewed_at), lease.done, lease.total, lease.name, lease.holder))

    def release(self, holder: str, beginning: str = "") -> None:
        """Give up everything that a holder has, or what of it has a name that begins so."""
        self._changed("DELETE FROM lease WHERE holder = %s AND starts_with(name, %s)", (holder, beginning))

    def _changed(self, sql: str, bindings: tuple[Any, ...]) -> bool:
        """Whether a statement changed something; nobody waits for it, nor it for anybody who writes."""
        with self._db.change():
            return self._db.run(sql, bindings) > 0

    def _leases(self, where: str, bindings: tuple[Any, ...]) -> list[Lease]:
        rows = self._db.rows(f"SELECT {_COLUMNS} FROM lease WHERE {where}", bindings)
        return [
            Lease(name, holder, pid, host, _moment(renewed_at), done, total)
            for name, holder, pid, host, renewed_at, done, total in rows
        ]


def _moment(text: str) -> datetime:
    """When a lease was renewed; one that says no time was renewed long ago, so that it stops nobody."""
    try:
        return exact(text)
    except (ValueError, OverflowError):
        return _NEVER
