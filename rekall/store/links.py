"""Links between entries, and where imported entries came from, as rows."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from operator import attrgetter
from typing import Any

from rekall.db import Database
from rekall.entry.times import written
from rekall.entry.types import Link, LinkType
from rekall.store.driver import corrupt
from rekall.store.typed import BLOB, NUMBER, TEXT, TEXT_OR_NONE, typed
from rekall.store.values import THEIRS, Origin

_LINKS = (
    "SELECT s.id, t.id, l.type, l.reason FROM link l "
    "JOIN entry s ON s.key = l.source_key JOIN entry t ON t.key = l.target_key"
)
_ORIGINS = "SELECT path, entry_key, source_hash, entry_hash, successor, record_id, said FROM origin"
_TYPES = frozenset(kind.value for kind in LinkType)
"""A damaged link has another one, or a text that is none: it is left out, and `rekall check` says so."""
_ORIGINS_AT_ONCE = 500
_PATHS_AT_ONCE = 2_000
_values = attrgetter("path", "entry_key", "source_hash", "entry_hash", "successor", "record_id", "said")
_END = "(SELECT key FROM entry WHERE id = ?)"


class SqliteLinks:
    """Reads and writes links; see `contract.Links`."""

    def __init__(self, db: Database) -> None:
        """Work on an open database."""
        self._db = db

    def put(self, link: Link, created_at: datetime, *, as_oldest: bool = False) -> bool:
        """Store a link as the latest of its target's, or as the oldest. Returns False when an end is not there."""
        return self.put_many([link], created_at, as_oldest=as_oldest)[0]

    def put_many(self, links: Sequence[Link], created_at: datetime, *, as_oldest: bool = False) -> list[bool]:
        """Store links, one after the other, each as `put` does. Returns of each whether it is stored."""
        ids = json.dumps([end for link in links for end in (link.source, link.target)])
        keys: dict[str, int] = dict(
            self._db.rows("SELECT id, key FROM entry WHERE id IN (SELECT value FROM json_each(?))", (ids,))
        )
        turn = "min(turn), 0) - 1" if as_oldest else "max(turn), 0) + 1"
        at = written(created_at)
        self._db.run_many(
            "INSERT INTO link (source_key, target_key, type, reason, created_at, turn) "
            f"VALUES (?1, ?2, ?3, ?4, ?5, (SELECT coalesce({turn} FROM link WHERE target_key = ?2)) "
            "ON CONFLICT DO UPDATE SET turn = excluded.turn, reason = excluded.reason, created_at = CAST(created_at AS TEXT)",
            (
                (keys[link.source], keys[link.target], link.type.value, link.reason, at)
                for link in links
                if link.source in keys and link.target in keys
            ),
        )
        return [link.source in keys and link.target in keys for link in links]

    def of(self, key: int) -> list[Link]:
        """The links that touch an entry."""
        return self._rows("(l.source_key = ?1 OR l.target_key = ?1)", (key,))  # by an index each; IN reads every link

    def starting_at(self, keys: Iterable[int]) -> dict[str, list[Link]]:
        """The links that start at each of some entries, by the id of the entry."""
        found: dict[str, list[Link]] = {}
        for link in self._rows("l.source_key IN (SELECT value FROM json_each(?))", (json.dumps(list(keys)),)):
            found.setdefault(link.source, []).append(link)
        return found

    def touching(self, keys: Iterable[int]) -> list[Link]:
        """The links that start or end at any of some entries, each once."""
        among = "IN (SELECT value FROM json_each(?1))"
        return self._rows(f"(l.source_key {among} OR l.target_key {among})", (json.dumps(list(keys)),))

    def of_type(self, type: LinkType) -> list[Link]:
        """Every link of a type."""
        return self._rows("l.type = ?", (type.value,))

    def between(self, source: int, target: int) -> list[Link]:
        """The links from one entry to another."""
        return self._rows("l.source_key = ? AND l.target_key = ?", (source, target))

    def remove(self, link: Link) -> None:
        """Remove a link; one that is not there is no error."""
        self._db.run(
            f"DELETE FROM link WHERE source_key = {_END} AND target_key = {_END} AND type = ?",
            (link.source, link.target, link.type.value),
        )

    def _rows(self, where: str, bindings: Sequence[Any]) -> list[Link]:
        rows = self._db.readable_rows(f"{_LINKS} WHERE {where} ORDER BY 1, 2, 3", bindings)
        sound = typed(rows, TEXT, TEXT, TEXT, TEXT)
        return [
            Link(source, target, LinkType(kind), reason) for source, target, kind, reason in sound if kind in _TYPES
        ]


class SqliteOrigins:
    """Reads and writes origins; see `contract.Origins`."""

    def __init__(self, db: Database) -> None:
        """Work on an open database."""
        self._db = db

    def of(self, key: int) -> Origin | None:
        """Where an entry was imported from, or None."""
        return self._one("entry_key = ?", key)

    def at(self, path: str) -> Origin | None:
        """What was imported from `path`, or None."""
        return self._one("path = ?", path)

    def at_many(self, paths: Iterable[str]) -> dict[str, Origin]:
        """What was imported from each of some paths; one from which nothing was is left out."""
        found = self._many("path IN (SELECT value FROM json_each(?))", (json.dumps(list(paths)),))
        return {origin.path: origin for origin in found}

    def paths(self) -> Iterator[str]:
        """Every path from which something was imported, in order, a bounded number in memory at a time."""
        last = ""
        sql = f"SELECT path FROM origin WHERE path > ? ORDER BY path LIMIT {_PATHS_AT_ONCE}"
        while rows := list(typed(self._db.readable_rows(sql, (last,)), TEXT)):
            if rows[-1][0] <= last:  # a damaged tree; going on would never end
                raise corrupt(self._db.path, "origins that are out of order")
            yield from (row[0] for row in rows)
            last = rows[-1][0]

    def said(self, paths: Iterable[str]) -> dict[str, str]:
        """What the sources at some paths said; one that is not known is left out."""
        sql = "SELECT path, said FROM origin WHERE path IN (SELECT value FROM json_each(?))"
        return dict(typed(self._db.readable_rows(sql, (json.dumps(list(paths)),)), TEXT, TEXT))

    def say(self, said: Mapping[str, str]) -> None:
        """Remember that sources said something else, by their paths."""
        self._db.run_many("UPDATE origin SET said = ? WHERE path = ?", ((text, path) for path, text in said.items()))

    def put(self, *origins: Origin) -> None:
        """Remember where entries were imported from.

        INSERT OR REPLACE may replace several rows, so SQLite opens a savepoint for it, at which FTS5 writes out the words
        that it holds: a segment an entry instead of one a transaction.
        """
        places = ((origin.path, origin.entry_key) for origin in origins)
        self._db.run_many("DELETE FROM origin WHERE path = ? OR entry_key = ?", places)
        self._db.run_many(
            "INSERT INTO origin (path, entry_key, source_hash, entry_hash, successor, record_id, said) "
            "VALUES (?, ?, ?, ?, ?, ?, ?)",
            map(_values, origins),
        )

    def like(self, source_hash: bytes, record_id: str = "") -> list[Origin]:
        """What was imported from a source of the same hash, or of the same record id unless that is empty, by path."""
        same = self._many("source_hash = ?", (source_hash,))
        known = self._many("record_id = ? AND record_id <> ''", (record_id,)) if record_id else []
        return sorted({origin.path: origin for origin in (*same, *known)}.values(), key=lambda origin: origin.path)

    def known(self, hashes: Iterable[bytes], record_ids: Iterable[str]) -> tuple[set[bytes], set[str]]:
        """Which of some hashes, and which of some record ids, any source has that was imported."""
        sql = "SELECT {0} FROM origin WHERE {0} IN (SELECT {1} FROM json_each(?)) AND {0} <> ''"
        digits, names = json.dumps([each.hex() for each in hashes]), json.dumps(list(record_ids))
        of_hash = typed(self._db.rows(sql.format("source_hash", "unhex(value)"), (digits,)), BLOB)
        of_name = typed(self._db.readable_rows(sql.format("record_id", "value"), (names,)), TEXT)
        return {row[0] for row in of_hash}, {row[0] for row in of_name}

    def naming(self, entry_id: str) -> list[Origin]:
        """What was imported from sources that named an id."""
        return self._many("instr(CAST(said AS BLOB), CAST(? AS BLOB))", (entry_id,))

    def under(self, path: str) -> Iterator[Origin]:
        """What was imported from a file, or from below a folder, by path, a bounded number in memory at a time."""
        last = ""
        inside = "path IN (?1, ?1 || ?4) OR substr(path, 1, length(?1) + 1) IN (?1 || '#', ?1 || ?2)"
        while rows := self._many(
            f"path > ?3 AND path >= ?1 AND path < ?1 || char(1114111) AND ({inside})",
            (path.rstrip(os.sep), os.sep, last, THEIRS),
            f"ORDER BY path LIMIT {_ORIGINS_AT_ONCE}",
        ):
            if rows[-1].path <= last:  # a damaged tree; going on would never end
                raise corrupt(self._db.path, "origins that are out of order")
            yield from rows
            last = rows[-1].path

    def _many(self, where: str, bindings: Sequence[Any], tail: str = "") -> list[Origin]:
        rows = self._db.readable_rows(f"{_ORIGINS} WHERE {where} {tail}", bindings)
        return [Origin(*row) for row in typed(rows, TEXT, NUMBER, BLOB, BLOB, TEXT_OR_NONE, TEXT, TEXT)]

    def _one(self, where: str, value: Any) -> Origin | None:
        return next(iter(self._many(where, (value,))), None)
