"""Work that one process does for all of them, as rows: who has it, and how far it is."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Any

from rekall.db import Database
from rekall.entry.times import exact, written
from rekall.store.typed import NUMBER, TEXT, typed
from rekall.store.values import Lease

_NEVER = datetime.min.replace(tzinfo=timezone.utc)
_COLUMNS = "name, holder, pid, host, renewed_at, done, total"
_TYPES = (TEXT, TEXT, NUMBER, TEXT, TEXT, NUMBER, NUMBER)
_DAMAGED = " OR ".join(
    f"typeof({name}) <> '{'text' if types is TEXT else 'integer'}'" for name, types in zip(_COLUMNS.split(", "), _TYPES)
)
"""Says of a row that nobody can read it, so that it stops nobody."""


class SqliteLeases:
    """Reads and writes leases; see `contract.Leases`."""

    def __init__(self, db: Database) -> None:
        """Work on an open database."""
        self._db = db

    def of(self, name: str) -> Lease | None:
        """The lease of that name, or None when nobody has it."""
        return next(iter(self._leases("name = ?", (name,))), None)

    def under(self, beginning: str) -> list[Lease]:
        """Every lease whose name begins so, by name."""
        return self._leases("substr(name, 1, ?) = ? ORDER BY name", (len(beginning), beginning))

    def take(self, lease: Lease, instead_of: Lease | None = None) -> bool:
        """Take a lease that nobody has, or that is still as it was seen. Returns whether it was so."""
        if instead_of is None:
            self._db.run(f"DELETE FROM lease WHERE name = ? AND ({_DAMAGED})", (lease.name,))
            sql = f"INSERT OR IGNORE INTO lease ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?) RETURNING 1"
            return self._db.value(sql, _row(lease)) is not None
        sql = (
            "UPDATE lease SET holder = ?2, pid = ?3, host = ?4, renewed_at = ?5, done = ?6, total = ?7 "
            "WHERE name = ?1 AND holder = ?8 AND (renewed_at = ?9 OR ?9 IS NULL) RETURNING 1"
        )
        seen = None if instead_of.renewed_at == _NEVER else written(instead_of.renewed_at)
        return self._db.value(sql, (*_row(lease), instead_of.holder, seen)) is not None

    def renew(self, lease: Lease) -> bool:
        """Say how far the work is. Returns whether its holder still has it."""
        sql = "UPDATE lease SET renewed_at = ?3, done = ?4, total = ?5 WHERE name = ?1 AND holder = ?2 RETURNING 1"
        now = (lease.name, lease.holder, written(lease.renewed_at), lease.done, lease.total)
        return self._db.value(sql, now) is not None

    def release(self, holder: str, beginning: str = "") -> None:
        """Give up everything that a holder has, or what of it has a name that begins so."""
        sql = "DELETE FROM lease WHERE holder = ? AND substr(name, 1, ?) = ?"
        self._db.run(sql, (holder, len(beginning), beginning))

    def _leases(self, where: str, bindings: tuple[Any, ...]) -> list[Lease]:
        rows = self._db.readable_rows(f"SELECT {_COLUMNS} FROM lease WHERE {where}", bindings)
        return [
            Lease(name, holder, pid, host, _moment(renewed_at), done, total)
            for name, holder, pid, host, renewed_at, done, total in typed(rows, *_TYPES)
        ]


def _moment(text: str) -> datetime:
    """When a lease was renewed; a damaged row was renewed long ago, so that it stops nobody."""
    try:
        return exact(text)
    except (ValueError, OverflowError):
        return _NEVER


def _row(lease: Lease) -> tuple[Any, ...]:
    moment = written(lease.renewed_at)
    return lease.name, lease.holder, lease.pid, lease.host, moment, lease.done, lease.total
