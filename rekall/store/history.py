"""What was done, and what entries were before, as rows; see `past.History`."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Any

from rekall.db import Database
from rekall.entry.times import exact, written
from rekall.store.past import LinkVersion, Operation, Touched, Version, Was
from rekall.store.typed import BLOB, NUMBER, TEXT, TEXT_OR_NONE, is_typed, typed

_COLUMNS = "done_at, verb, door, client, source, undoes, undone_by, is_whole"
_OPERATIONS = f"SELECT number, {_COLUMNS} FROM operation"
_HOLDS = "o.number > ?1 AND o.undone_by IS NULL AND (o.undoes IS NULL OR o.undoes < ?1)"
"""Whether `operation o` changed something after another, and not only took back what was done after that."""

_VERSIONS = "SELECT entry_id, operation, was, state FROM version"
_LINKS = "SELECT operation, source_id, target_id, type, reason FROM link_version"


class SqliteHistory:
    """Reads and writes the history; see `past.History`."""

    def __init__(self, db: Database) -> None:
        """Work on an open database."""
        self._db = db

    def begin(self, operation: Operation) -> int:
        """Note something that is being done. Returns its number."""
        values = (
            written(operation.done_at),
            operation.verb,
            operation.door,
            operation.client,
            operation.source,
            operation.undoes,
            operation.undone_by,
            int(operation.is_whole),
        )
        sql = f"INSERT INTO operation ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?) RETURNING number"
        return int(self._db.value(sql, values))

    def keep(self, versions: Sequence[Version], links: Sequence[LinkVersion] = ()) -> None:
        """Keep what entries and links were; a version that is there is replaced, a link's stays."""
        if versions:
            self._db.run_many(
                "INSERT OR REPLACE INTO version (entry_id, operation, was, state) VALUES (?, ?, ?, ?)",
                ((each.entry_id, each.operation, int(each.was), each.state) for each in versions),
            )
        if links:
            self._db.run_many(
                "INSERT OR IGNORE INTO link_version (operation, source_id, target_id, type, reason) VALUES (?, ?, ?, ?, ?)",
                ((each.operation, each.source, each.target, each.type, each.reason) for each in links),
            )

    def drop(self, versions: Iterable[Version]) -> None:
        """Drop versions of which nothing is left to say."""
        places = ((each.entry_id, each.operation) for each in versions)
        self._db.run_many("DELETE FROM version WHERE entry_id = ? AND operation = ?", places)

    def bound(self, ids: Iterable[str], most: int) -> None:
        """Drop the oldest versions of some entries where there are more; their operations are whole no longer."""
        too_old = (
            "operation <= (SELECT o.operation FROM version o WHERE o.entry_id = ?1 "
            "ORDER BY o.operation DESC LIMIT 1 OFFSET ?2)"
        )
        wanted = [(entry_id, most) for entry_id in ids]
        self._db.run_many(
            "UPDATE operation SET is_whole = 0 WHERE number IN "
            f"(SELECT operation FROM version WHERE entry_id = ?1 AND {too_old})",
            wanted,
        )
        self._db.run_many(f"DELETE FROM version WHERE entry_id = ?1 AND {too_old}", wanted)

    def forget(self, entry_id: str) -> None:
        """Drop all that is kept of an entry and of its links."""
        self._db.run("DELETE FROM version WHERE entry_id = ?", (entry_id,))
        self._db.run("DELETE FROM link_version WHERE source_id = ?1 OR target_id = ?1", (entry_id,))

    def note_lost(self, entry_id: str) -> None:
        """Note that what is kept of an entry and of its links goes: operations that changed them are whole no longer."""
        self._db.run(
            "UPDATE operation SET is_whole = 0 WHERE number IN (SELECT operation FROM version WHERE entry_id = ?1 "
            "UNION SELECT operation FROM link_version WHERE source_id = ?1 UNION SELECT operation FROM link_version "
            "WHERE target_id = ?1)",
            (entry_id,),
        )

    def of(self, entry_id: str) -> list[Version]:
        """The versions of an entry, the latest first."""
        return self._versions("entry_id = ? ORDER BY operation DESC", (entry_id,))

    def links_of(self, entry_id: str) -> list[LinkVersion]:
        """What the links of an entry were, the latest first."""
        return self._link_versions(
            "source_id = ?1 OR target_id = ?1 ORDER BY operation DESC, source_id, target_id, type", (entry_id,)
        )

    def changed_by(self, operation: int) -> list[str]:
        """The full ids of the entries that an operation changed, in their order."""
        rows = self._db.readable_rows(
            "SELECT entry_id FROM version WHERE operation = ? ORDER BY entry_id", (operation,)
        )
        return [entry_id for (entry_id,) in typed(rows, TEXT)]

    def made_by(self, operation: int, ids: Iterable[str]) -> list[Version]:
        """The versions that an operation made of some entries, by their ids."""
        wanted = json.dumps(list(ids))
        return self._versions(
            "entry_id IN (SELECT value FROM json_each(?)) AND operation = ? ORDER BY entry_id", (wanted, operation)
        )

    def links_made_by(self, operation: int) -> list[LinkVersion]:
        """What links were before an operation."""
        return self._link_versions("operation = ? ORDER BY source_id, target_id, type", (operation,))

    def operation(self, number: int) -> Operation | None:
        """The operation of a number, or None."""
        return self.operations([number]).get(number)

    def operations(self, numbers: Iterable[int]) -> dict[int, Operation]:
        """Operations by their numbers; one that is not there is left out."""
        wanted = json.dumps(list(numbers))
        found = self._operations("number IN (SELECT value FROM json_each(?))", (wanted,))
        return {each.number: each for each in found}

    def latest(self, limit: int, *, to_undo: bool = False) -> list[Operation]:
        """What was done last, the latest first; with `to_undo` what is not undone, and no undoing."""
        where = "undone_by IS NULL AND undoes IS NULL" if to_undo else "1"
        return self._operations(f"{where} ORDER BY number DESC LIMIT ?", (limit,))

    def touched(self, numbers: Iterable[int]) -> dict[int, Touched]:
        """What operations changed, by their numbers."""
        wanted = (json.dumps(list(numbers)),)
        found: dict[int, Touched] = {}
        counted = (
            "SELECT operation, count(*), min({}) FROM {} WHERE operation IN (SELECT value FROM json_each(?)) GROUP BY 1"
        )
        rows = self._db.readable_rows(counted.format("source_id", "link_version"), wanted)
        for number, links, end in typed(rows, NUMBER, NUMBER, TEXT):
            found[number] = Touched(0, links, end)
        rows = self._db.readable_rows(counted.format("entry_id", "version"), wanted)
        for number, entries, entry_id in typed(rows, NUMBER, NUMBER, TEXT):
            found[number] = Touched(entries, found.get(number, Touched()).links, entry_id)
        return found

    def size(self) -> tuple[int, int]:
        """How many versions are kept that say something, and how many bytes that takes."""
        rows = self._db.readable_rows("SELECT count(*), coalesce(sum(length(state)), 0) FROM version WHERE was >= 2")
        versions, bytes_ = rows[0] if rows else (0, 0)
        return int(versions), int(bytes_)

    def changed_since(self, operation: int) -> list[tuple[str, int]]:
        """Entries that an operation changed, by id, each with the number of every change after it that is not undone."""
        of_links = "(l.source_id = v.{0} OR l.target_id = v.{0})"
        sql = f"""
            SELECT v.entry_id, o.number FROM version v JOIN version l ON l.entry_id = v.entry_id JOIN operation o ON o.number = l.operation
            WHERE v.operation = ?1 AND {_HOLDS}
            UNION SELECT v.entry_id, o.number FROM version v JOIN link_version l ON {of_links.format("entry_id")}
            JOIN operation o ON o.number = l.operation WHERE v.operation = ?1 AND v.was <> {Was.OTHER:d} AND {_HOLDS}
            UNION SELECT v.target_id, o.number FROM link_version v JOIN link_version l ON l.source_id = v.source_id
            AND l.target_id = v.target_id AND l.type = v.type JOIN operation o ON o.number = l.operation
            WHERE v.operation = ?1 AND {_HOLDS} ORDER BY 1, 2"""
        return [(row[0], row[1]) for row in typed(self._db.readable_rows(sql, (operation,)), TEXT, NUMBER)]

    def note_undone(self, number: int, by: int | None) -> None:
        """Note by which operation another was undone; None says that it holds again."""
        self._db.run("UPDATE operation SET undone_by = ? WHERE number = ?", (by, number))

    def _versions(self, where: str, bindings: Sequence[Any]) -> list[Version]:
        rows = typed(self._db.readable_rows(f"{_VERSIONS} WHERE {where}", bindings), TEXT, NUMBER, NUMBER, BLOB)
        known = {int(each) for each in Was}
        return [Version(row[0], row[1], Was(row[2]), row[3]) for row in rows if row[2] in known]

    def _link_versions(self, where: str, bindings: Sequence[Any]) -> list[LinkVersion]:
        rows = self._db.readable_rows(f"{_LINKS} WHERE {where}", bindings)
        return [LinkVersion(*row) for row in typed(rows, NUMBER, TEXT, TEXT, TEXT, TEXT_OR_NONE)]

    def _operations(self, where: str, bindings: Sequence[Any]) -> list[Operation]:
        found = []
        for row in self._db.readable_rows(f"{_OPERATIONS} WHERE {where}", bindings):
            if not is_typed(row[:6], (NUMBER, *(TEXT,) * 5)):
                continue
            try:
                done_at = exact(row[1])
            except (ValueError, OverflowError):
                continue
            undoes, undone_by = (each if isinstance(each, int) else None for each in row[6:8])
            found.append(Operation(row[0], done_at, row[2], row[3], row[4], row[5], undoes, undone_by, bool(row[8])))
        return found
