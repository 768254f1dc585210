"""What is left of deleted entries: enough to bring each one back."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from rekall.db import Database, Row
from rekall.entry.fields import Entry
from rekall.entry.times import exact, written
from rekall.entry.types import EntryType, Tombstone
from rekall.errors import EntryDamaged, NotFound
from rekall.store.entries import BEGINS_SO, ENDS_SO
from rekall.store.id_parts import unambiguous
from rekall.store.typed import TEXT, is_typed, typed

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

    def resolve(self, name: str) -> Tombstone:
        """The one deleted entry whose id ends or begins so, in either case; ends go first.

        Raises:
            NotFound: There is none.
            Ambiguous: There are several; they are listed.
        """
        hint = "`rekall restore` lists what can be restored"
        wanted = name.strip().upper()
        if not wanted.isalnum() or not wanted.isascii():
            raise NotFound(f"no deleted entry {name!r}", hint)
        with self._db.snapshot():
            rows: list[Row] = []
            for where in (ENDS_SO, BEGINS_SO):
                rows = rows or self._db.readable_rows(
                    f"SELECT id, coalesce(CAST(title AS BLOB), x'') FROM tombstone WHERE {where} ORDER BY id", (wanted,)
                )
            if not rows:
                raise NotFound(f"no deleted entry {name!r}", hint)
            titled = [(entry_id, title.decode("utf-8", "replace"), entry_id) for entry_id, title in rows]
            found = unambiguous(name, titled)
            whole = self._db.readable_rows(f"SELECT {_COLUMNS} FROM tombstone WHERE id = ?", (found,))
        read = _readable(whole[0]) if whole else None
        if read is None:
            raise EntryDamaged(f"what is kept of the deleted entry {found} is damaged")
        return read

    def has(self, entry_id: str) -> bool:
        """Whether there is a deleted entry of a full id."""
        return self._db.value("SELECT 1 FROM tombstone WHERE id = ?", (entry_id,)) is not None

    def record(self, entry_id: str) -> dict[str, Any] | None:
        """What `put` was given for a full id, or None.

        Raises:
            EntryDamaged: It is damaged.
        """
        found = self._db.value("SELECT CAST(record AS BLOB) FROM tombstone WHERE id = ?", (entry_id,))
        if found is None:
            return None
        try:
            record = json.loads(found)
        except (ValueError, RecursionError):
            record = None
        if not isinstance(record, dict):
            raise EntryDamaged(f"what is kept of the deleted entry {entry_id} is damaged")
        return record

    def replace(self, entry_id: str, record: Mapping[str, Any]) -> None:
        """Keep something else of a deleted entry."""
        others = ", ".join(f"{name} = coalesce(CAST({name} AS TEXT), '')" for name in ("type", "title", "deleted_at"))
        sql = f"UPDATE tombstone SET record = ?, {others} WHERE id = ?"  # a damaged row could not be written otherwise
        self._db.run(sql, (json.dumps(record), entry_id))

    def origins(self) -> dict[str, tuple[str, str]]:
        """Where deleted entries had been imported from: the id and the source's hash as hex digits, by path."""
        sql = (
            "SELECT json_extract(record, '$.origin[0]'), id, json_extract(record, '$.origin[1]') FROM tombstone "
            "WHERE CASE WHEN json_valid(record) THEN json_type(record, '$.origin[0]') = 'text' "
            "AND json_type(record, '$.origin[1]') = 'text' END ORDER BY deleted_at, id"
        )
        rows = typed(self._db.readable_rows(sql), TEXT, TEXT, TEXT)
        return {path: (entry_id, source_hash) for path, entry_id, source_hash in rows}

    def latest(self, limit: int) -> list[Tombstone]:
        """Deleted entries, the last deleted first."""
        sql = f"SELECT {_COLUMNS} FROM tombstone ORDER BY deleted_at DESC, id DESC LIMIT ?"
        return [read for row in self._db.readable_rows(sql, (limit,)) if (read := _readable(row)) is not None]

    def naming(self, entry_id: str) -> list[str]:
        """Ids of the deleted entries whose record names an id."""
        sql = "SELECT id FROM tombstone WHERE instr(CAST(record AS BLOB), CAST(? AS BLOB))"
        return [row[0] for row in typed(self._db.readable_rows(sql, (entry_id,)), TEXT)]

    def drop(self, *ids: str) -> None:
        """Forget deleted entries for good; an id without a tombstone is no error."""
        self._db.run_many("DELETE FROM tombstone WHERE id = ?", ((entry_id,) for entry_id in ids))

    def leave_trace(self, entry_id: str, deleted_at: datetime) -> None:
        """Remember that the file may still hold traces of an entry that was deleted for ever."""
        self._db.run("INSERT OR REPLACE INTO trace VALUES (?, ?, 0)", (entry_id, written(deleted_at)))

    def traces(self) -> dict[str, bool]:
        """Ids of the entries that left traces when they were deleted for ever, each with whether these are wiped by now."""
        rows = typed(self._db.readable_rows("SELECT entry_id, is_wiped FROM trace ORDER BY 1"), TEXT)
        return {entry_id: bool(is_wiped) for entry_id, is_wiped in rows}

    def note_wiped(self, ids: Iterable[str]) -> None:
        """Note that their last traces are gone."""
        wanted = json.dumps(list(ids))
        self._db.run("UPDATE trace SET is_wiped = 1 WHERE entry_id IN (SELECT value FROM json_each(?))", (wanted,))

    def forget_trace(self, entry_id: str) -> None:
        """Forget that an entry ever left traces."""
        self._db.run("DELETE FROM trace WHERE entry_id = ?", (entry_id,))


def _readable(row: Row) -> Tombstone | None:
    """A tombstone, or None where its row is damaged."""
    if not is_typed(row, (TEXT,) * 4):
        return None
    try:
        return Tombstone(row[0], EntryType(row[1]), row[2], exact(row[3]))
    except (ValueError, OverflowError):
        return None
