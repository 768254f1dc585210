"""What was done and by whom, and what entries were before, as rows; see `past.History`."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from rekall.entry.times import exact, written
from rekall.errors import DatabaseReadOnly
from rekall.store.past import LinkVersion, Operation, Touched, Version, Was
from rekall.store.postgres.server import Server

_COLUMNS = "done_at, verb, door, client, source, undoes, undone_by, is_whole"
_OPERATIONS = f"SELECT number, {_COLUMNS}, author FROM operation"
_HOLDS = "o.number > %(number)s AND o.undone_by IS NULL AND (o.undoes IS NULL OR o.undoes < %(number)s)"
"""Whether `operation o` changed something after another, and not only took back what was done after that."""

_VERSIONS = "SELECT entry_id, operation, was, state FROM version"
_LINKS = "SELECT operation, source_id, target_id, type, reason FROM link_version"


class PostgresHistory:
    """Reads and writes the history; see `past.History`. Who did something is the role that the server let in."""

    def __init__(self, db: Server) -> None:
        """Work on a server."""
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
            operation.is_whole,
        )
        sql = f"INSERT INTO operation ({_COLUMNS}) VALUES (%s, %s, %s, %s, %s, %s, %s, %s) RETURNING number"
        return int(self._db.value(sql, values))

    def keep(self, versions: Sequence[Version], links: Sequence[LinkVersion] = ()) -> None:
        """Keep what entries and links were; a version that is there is replaced, a link's stays."""
        self._db.run_many(
            "INSERT INTO version (entry_id, operation, was, state) VALUES (%s, %s, %s, %s) "
            "ON CONFLICT (entry_id, operation) DO UPDATE SET was = excluded.was, state = excluded.state",
            [(each.entry_id, each.operation, int(each.was), each.state) for each in versions],
        )
        self._db.run_many(
            "INSERT INTO link_version (operation, source_id, target_id, type, reason) VALUES (%s, %s, %s, %s, %s) "
            "ON CONFLICT DO NOTHING",
            [(each.operation, each.source, each.target, each.type, each.reason) for each in links],
        )

    def drop(self, versions: Iterable[Version]) -> None:
        """Drop versions of which nothing is left to say."""
        places = [(each.entry_id, each.operation) for each in versions]
        self._db.run_many("DELETE FROM version WHERE entry_id = %s AND operation = %s", places)

    def bound(self, ids: Iterable[str], most: int) -> None:
        """Drop the oldest versions of some entries where there are more; their operations are whole no longer.

        A writer drops none of others: those stay.
        """
        self._db.rows(
            "WITH gone AS (DELETE FROM version v USING (SELECT entry_id, operation, row_number() OVER "
            "(PARTITION BY entry_id ORDER BY operation DESC) AS place FROM version WHERE entry_id = ANY(%s)) AS aged "
            "WHERE aged.place > %s AND v.entry_id = aged.entry_id AND v.operation = aged.operation RETURNING v.operation) "
            "UPDATE operation SET is_whole = false WHERE number IN (SELECT operation FROM gone) RETURNING number",
            (list(ids), most),
        )

    def forget(self, entry_id: str) -> None:
        """Drop all that is kept of an entry and of its links.

        Raises:
            DatabaseReadOnly: Some of it is what others did, and who asks may only drop what they did themselves.
        """
        given = {"id": entry_id}
        self._db.run("DELETE FROM version WHERE entry_id = %(id)s", given)
        self._db.run("DELETE FROM link_version WHERE source_id = %(id)s OR target_id = %(id)s", given)
        left = self._db.value(
            "SELECT (SELECT count(*) FROM version WHERE entry_id = %(id)s) + "
            "(SELECT count(*) FROM link_version WHERE source_id = %(id)s OR target_id = %(id)s)",
            given,
        )
        if left:
            raise DatabaseReadOnly(
                f"others changed the entry {entry_id} in {self._db.where}, and their history is not yours to delete",
                "who owns the base can; deleting the entry without its history needs no such right",
            )

    def note_lost(self, entry_id: str) -> None:
        """Note that what is kept of an entry and of its links goes: operations that changed them are whole no longer."""
        self._db.run(
            "UPDATE operation SET is_whole = false WHERE number IN (SELECT operation FROM version WHERE entry_id = %(id)s "
            "UNION SELECT operation FROM link_version WHERE source_id = %(id)s OR target_id = %(id)s)",
            {"id": entry_id},
        )

    def of(self, entry_id: str) -> list[Version]:
        """The versions of an entry, the latest first."""
        return self._versions("entry_id = %s ORDER BY operation DESC", (entry_id,))

    def links_of(self, entry_id: str) -> list[LinkVersion]:
        """What the links of an entry were, the latest first."""
        where = "source_id = %s OR target_id = %s ORDER BY operation DESC, source_id, target_id, type"
        return self._link_versions(where, (entry_id, entry_id))

    def changed_by(self, operation: int) -> list[str]:
        """The full ids of the entries that an operation changed, in their order."""
        sql = "SELECT entry_id FROM version WHERE operation = %s ORDER BY entry_id"
        return [row[0] for row in self._db.rows(sql, (operation,))]

    def made_by(self, operation: int, ids: Iterable[str]) -> list[Version]:
        """The versions that an operation made of some entries, by their ids."""
        return self._versions("entry_id = ANY(%s) AND operation = %s ORDER BY entry_id", (list(ids), operation))

    def links_made_by(self, operation: int) -> list[LinkVersion]:
        """What links were before an operation."""
        return self._link_versions("operation = %s ORDER BY source_id, target_id, type", (operation,))

    def operation(self, number: int) -> Operation | None:
        """The operation of a number, or None."""
        return self.operations([number]).get(number)

    def operations(self, numbers: Iterable[int]) -> dict[int, Operation]:
        """Operations by their numbers; one that is not there is left out."""
        return {each.number: each for each in self._operations("number = ANY(%s)", (list(numbers),))}

    def latest(self, limit: int, *, to_undo: bool = False) -> list[Operation]:
        """What was done last, the latest first; with `to_undo` what is not undone, and no undoing."""
        where = "undone_by IS NULL AND undoes IS NULL" if to_undo else "true"
        return self._operations(f"{where} ORDER BY number DESC LIMIT %s", (limit,))

    def touched(self, numbers: Iterable[int]) -> dict[int, Touched]:
        """What operations changed, by their numbers."""
        wanted = (list(numbers),)
        counted = "SELECT operation, count(*), min({}) FROM {} WHERE operation = ANY(%s) GROUP BY 1"
        found = {
            number: Touched(0, links, end)
            for number, links, end in self._db.rows(counted.format("source_id", "link_version"), wanted)
        }
        for number, entries, entry_id in self._db.rows(counted.format("entry_id", "version"), wanted):
            found[number] = Touched(entries, found.get(number, Touched()).links, entry_id)
        return found

    def size(self) -> tuple[int, int]:
        """How many versions are kept that say something, and how many bytes that takes."""
        sql = "SELECT count(*), coalesce(sum(length(state)), 0)::bigint FROM version WHERE was >= 2"
        versions, bytes_ = self._db.rows(sql)[0]
        return int(versions), int(bytes_)

    def changed_since(self, operation: int) -> list[tuple[str, int]]:
        """Entries that an operation changed, by id, each with the number of every change after it that is not undone."""
        sql = f"""
            SELECT v.entry_id, o.number FROM version v JOIN version l ON l.entry_id = v.entry_id
            JOIN operation o ON o.number = l.operation WHERE v.operation = %(number)s AND {_HOLDS}
            UNION SELECT v.entry_id, o.number FROM version v
            JOIN link_version l ON l.source_id = v.entry_id OR l.target_id = v.entry_id
            JOIN operation o ON o.number = l.operation
            WHERE v.operation = %(number)s AND v.was <> {Was.OTHER:d} AND {_HOLDS}
            UNION SELECT v.target_id, o.number FROM link_version v JOIN link_version l ON l.source_id = v.source_id
            AND l.target_id = v.target_id AND l.type = v.type JOIN operation o ON o.number = l.operation
            WHERE v.operation = %(number)s AND {_HOLDS} ORDER BY 1, 2"""
        return [(row[0], row[1]) for row in self._db.rows(sql, {"number": operation})]

    def note_undone(self, number: int, by: int | None) -> None:
        """Note by which operation another was undone; None says that it holds again."""
        self._db.run("UPDATE operation SET undone_by = %s WHERE number = %s", (by, number))

    def _versions(self, where: str, bindings: Sequence[Any]) -> list[Version]:
        return [
            Version(entry_id, operation, Was(was), state)
            for entry_id, operation, was, state in self._db.rows(f"{_VERSIONS} WHERE {where}", bindings)
        ]

    def _link_versions(self, where: str, bindings: Sequence[Any]) -> list[LinkVersion]:
        return [LinkVersion(*row) for row in self._db.rows(f"{_LINKS} WHERE {where}", bindings)]

    def _operations(self, where: str, bindings: Sequence[Any]) -> list[Operation]:
        return [
            Operation(number, exact(done_at), *said)
            for number, done_at, *said in self._db.rows(f"{_OPERATIONS} WHERE {where}", bindings)
        ]
