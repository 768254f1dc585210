"""What is left of deleted entries: enough to bring each one back."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from rekall.entry.fields import Entry
from rekall.entry.times import exact, written
from rekall.entry.types import EntryType, Tombstone
from rekall.errors import EntryDamaged, NotFound
from rekall.store.id_parts import unambiguous
from rekall.store.postgres.entries import BEGINS_SO, ENDS_SO
from rekall.store.postgres.server import Server
from rekall.store.postgres.session import Row

_COLUMNS = "id, type, title, deleted_at"


class PostgresTombstones:
    """Reads and writes tombstones; see `contract.Tombstones`."""

    def __init__(self, db: Server) -> None:
        """Work on a server."""
        self._db = db

    def put(self, entry: Entry, record: Mapping[str, Any], deleted_at: datetime) -> None:
        """Keep what a deleted entry was, as anything that JSON can hold."""
        self._db.run(
            f"INSERT INTO tombstone ({_COLUMNS}, record) VALUES (%s, %s, %s, %s, %s) ON CONFLICT (id) DO UPDATE SET "
            "type = excluded.type, title = excluded.title, deleted_at = excluded.deleted_at, record = excluded.record",
            (entry.id, entry.type.value, entry.title, written(deleted_at), json.dumps(record)),
        )

    def resolve(self, name: str) -> Tombstone:
        """The one deleted entry whose id ends or begins so, in either case; ends go first.

        Raises:
            NotFound: There is none.
            Ambiguous: There are several; they are listed.
        """
        hint = "`rekall restore` lists what can be restored"
        wanted = name.strip().upper()
        rows: list[Row] = []
        if wanted.isalnum() and wanted.isascii():
            with self._db.snapshot():
                for where in (ENDS_SO, BEGINS_SO):
                    sql = f"SELECT {_COLUMNS} FROM tombstone WHERE {where} ORDER BY id"
                    rows = rows or self._db.rows(sql, {"part": wanted})
        if not rows:
            raise NotFound(f"no deleted entry {name!r}", hint)
        found = unambiguous(name, [(row[0], row[2], row) for row in rows])
        read = _readable(found)
        if read is None:
            raise EntryDamaged(f"what is kept of the deleted entry {found[0]} is damaged")
        return read

    def has(self, entry_id: str) -> bool:
        """Whether there is a deleted entry of a full id."""
        return self._db.value("SELECT 1 FROM tombstone WHERE id = %s", (entry_id,)) is not None

    def record(self, entry_id: str) -> dict[str, Any] | None:
        """What `put` was given for a full id, or None.

        Raises:
            EntryDamaged: It is damaged.
        """
        found = self._db.value("SELECT record FROM tombstone WHERE id = %s", (entry_id,))
        if found is None:
            return None
        record = _parsed(found)
        if record is None:
            raise EntryDamaged(f"what is kept of the deleted entry {entry_id} is damaged")
        return record

    def replace(self, entry_id: str, record: Mapping[str, Any]) -> None:
        """Keep something else of a deleted entry."""
        self._db.run("UPDATE tombstone SET record = %s WHERE id = %s", (json.dumps(record), entry_id))

    def origins(self) -> dict[str, tuple[str, str]]:
        """Where deleted entries had been imported from: the id and the source's hash as hex digits, by path."""
        found = {}
        for entry_id, text in self._db.rows(
            "SELECT id, record FROM tombstone WHERE strpos(record, '\"origin\"') > 0 ORDER BY deleted_at, id"
        ):
            record = _parsed(text) or {}
            match record.get("origin"):
                case [str(path), str(source_hash), *_]:
                    found[path] = (entry_id, source_hash)
        return found

    def latest(self, limit: int) -> list[Tombstone]:
        """Deleted entries, the last deleted first."""
        sql = f"SELECT {_COLUMNS} FROM tombstone ORDER BY deleted_at DESC, id DESC LIMIT %s"
        return [read for row in self._db.rows(sql, (limit,)) if (read := _readable(row)) is not None]

    def naming(self, entry_id: str) -> list[str]:
        """Ids of the deleted entries whose record names an id."""
        sql = "SELECT id FROM tombstone WHERE strpos(record, %s) > 0 ORDER BY id"
        return [row[0] for row in self._db.rows(sql, (entry_id,))]

    def drop(self, *ids: str) -> None:
        """Forget deleted entries for good; an id without a tombstone is no error."""
        self._db.run("DELETE FROM tombstone WHERE id = ANY(%s)", (list(ids),))

    def leave_trace(self, entry_id: str, deleted_at: datetime) -> None:
        """Remember that the server may still hold traces of an entry that was deleted for ever."""
        self._db.run(
            "INSERT INTO trace (entry_id, deleted_at, is_wiped) VALUES (%s, %s, false) ON CONFLICT (entry_id) "
            "DO UPDATE SET deleted_at = excluded.deleted_at, is_wiped = false",
            (entry_id, written(deleted_at)),
        )

    def traces(self) -> dict[str, bool]:
        """Ids of the entries that left traces when they were deleted for ever, each with whether these are wiped by now."""
        return dict(self._db.rows("SELECT entry_id, is_wiped FROM trace ORDER BY 1"))

    def note_wiped(self, ids: Iterable[str]) -> None:
        """Note that their last traces are gone."""
        self._db.run("UPDATE trace SET is_wiped = true WHERE entry_id = ANY(%s)", (list(ids),))

    def forget_trace(self, entry_id: str) -> None:
        """Forget that an entry ever left traces."""
        self._db.run("DELETE FROM trace WHERE entry_id = %s", (entry_id,))


def _parsed(text: str) -> dict[str, Any] | None:
    """A record, or None where somebody broke it."""
    try:
        record = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return record if isinstance(record, dict) else None


def _readable(row: Row) -> Tombstone | None:
    """A tombstone, or None where its row says what none can."""
    try:
        return Tombstone(row[0], EntryType(row[1]), row[2], exact(row[3]))
    except (ValueError, OverflowError):
        return None
