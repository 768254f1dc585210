"""What is left of deleted entries: enough to bring each one back."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from rekall.db import Database
from rekall.entry.fields import Entry
from rekall.entry.times import parsed, written
from rekall.entry.types import EntryType, Tombstone
from rekall.errors import NotFound
from rekall.store.entries import unambiguous

_COLUMNS = "id, type, title, deleted_at"


class SqliteTombstones:
    """Reads and writes tombstones; see `contract.Tombstones`."""

    def __init__(self, db: Database) -> None:
        """Work on an open database."""
        self._db = db

    def put(self, entry: Entry, record: Mapping[str, Any], deleted_at: datetime) -> None:
        """Keep what a deleted entry was, as anything that JSON can hold."""
        values = (entry.id, entry.type.value, entry.title, written(deleted_at), json.dumps(record))
        self._db.run(f"INSERT OR REPLACE INTO tombstone ({_COLUMNS}, record) VALUES (?, ?, ?, ?, ?)", values)

    def resolve(self, prefix: str) -> Tombstone:
        """The one deleted entry whose id begins so, in either case.

        Raises:
            NotFound: There is none.
            Ambiguous: There are several; they are listed.
        """
        hint = "`rekall restore` lists what can be restored"
        wanted = prefix.strip().upper()
        if not wanted.isalnum() or not wanted.isascii():
            raise NotFound(f"no deleted entry {prefix!r}", hint)
        sql = f"SELECT {_COLUMNS} FROM tombstone WHERE id >= ?1 AND id < ?1 || '~' ORDER BY id"
        rows = self._db.rows(sql, (wanted,))
        if not rows:
            raise NotFound(f"no deleted entry {prefix!r}", hint)
        return _tombstone(unambiguous(prefix, [(row[0], row[2], row) for row in rows]))

    def record(self, entry_id: str) -> dict[str, Any] | None:
        """What `put` was given for a full id, or None."""
        found = self._db.value("SELECT record FROM tombstone WHERE id = ?", (entry_id,))
        if found is None:
            return None
        record = json.loads(found)
        assert isinstance(record, dict)
        return record

    def replace(self, entry_id: str, record: Mapping[str, Any]) -> None:
        """Keep something else of a deleted entry."""
        self._db.run("UPDATE tombstone SET record = ? WHERE id = ?", (json.dumps(record), entry_id))

    def origins(self) -> dict[str, tuple[str, str]]:
        """Where deleted entries had been imported from: the id and the source's hash as hex digits, by path."""
        sql = (
            "SELECT json_extract(record, '$.origin[0]'), id, json_extract(record, '$.origin[1]') FROM tombstone "
            "WHERE CASE WHEN json_valid(record) THEN json_type(record, '$.origin[0]') = 'text' "
            "AND json_type(record, '$.origin[1]') = 'text' END ORDER BY deleted_at, id"
        )
        return {path: (entry_id, source_hash) for path, entry_id, source_hash in self._db.rows(sql)}

    def latest(self, limit: int) -> list[Tombstone]:
        """Deleted entries, the last deleted first."""
        sql = f"SELECT {_COLUMNS} FROM tombstone ORDER BY deleted_at DESC, id DESC LIMIT ?"
        return [_tombstone(row) for row in self._db.rows(sql, (limit,))]

    def drop(self, entry_id: str) -> None:
        """Forget a deleted entry for good; an id without a tombstone is no error."""
        self._db.run("DELETE FROM tombstone WHERE id = ?", (entry_id,))


def _tombstone(row: tuple[Any, ...]) -> Tombstone:
    return Tombstone(row[0], EntryType(row[1]), row[2], parsed(row[3]))
