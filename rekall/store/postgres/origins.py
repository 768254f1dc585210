"""Where imported entries came from, as rows."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from operator import attrgetter
from typing import Any

from rekall.store.postgres.server import Server
from rekall.store.values import THEIRS, Origin

_COLUMNS = "path, entry_key, source_hash, entry_hash, successor, record_id, said"
_ORIGINS = f"SELECT {_COLUMNS} FROM origin"
_AT = "hashtextextended(path, 0) = ANY(SELECT hashtextextended(p, 0) FROM unnest(%(paths)s::text[]) p) AND path = ANY(%(paths)s)"
"""A path is longer than an index holds: its hash leads there."""

_FIRST = 500
"""So many characters of a path stand in an index, in their order."""

_ORIGINS_AT_ONCE = 500
_PATHS_AT_ONCE = 2_000
_values = attrgetter("path", "entry_key", "source_hash", "entry_hash", "successor", "record_id", "said")


class PostgresOrigins:
    """Reads and writes origins; see `sources.Origins`."""

    def __init__(self, db: Server) -> None:
        """Work on a server."""
        self._db = db

    def of(self, key: int) -> Origin | None:
        """Where an entry was imported from, or None."""
        return next(iter(self._many("entry_key = %(key)s", {"key": key})), None)

    def at(self, path: str) -> Origin | None:
        """What was imported from `path`, or None."""
        return self.at_many([path]).get(path)

    def at_many(self, paths: Iterable[str]) -> dict[str, Origin]:
        """What was imported from each of some paths; one from which nothing was is left out."""
        return {origin.path: origin for origin in self._many(_AT, {"paths": list(paths)})}

    def said(self, paths: Iterable[str]) -> dict[str, str]:
        """What the sources at some paths said; one that is not known is left out."""
        return dict(self._db.rows(f"SELECT path, said FROM origin WHERE {_AT}", {"paths": list(paths)}))

    def say(self, said: Mapping[str, str]) -> None:
        """Remember that sources said something else, by their paths."""
        self._db.run(
            "UPDATE origin SET said = given.said FROM unnest(%s::text[], %s::text[]) AS given (path, said) "
            "WHERE hashtextextended(origin.path, 0) = hashtextextended(given.path, 0) AND origin.path = given.path",
            (list(said), list(said.values())),
        )

    def put(self, *origins: Origin) -> None:
        """Remember where entries were imported from."""
        latest = {origin.path: origin for origin in origins}
        one_each = list({origin.entry_key: origin for origin in latest.values()}.values())
        keys = {"paths": [origin.path for origin in origins], "keys": [origin.entry_key for origin in origins]}
        self._db.run(f"DELETE FROM origin WHERE ({_AT}) OR entry_key = ANY(%(keys)s)", keys)
        columns = [list(column) for column in zip(*map(_values, one_each))]
        if columns:
            self._db.run(
                f"INSERT INTO origin ({_COLUMNS}) SELECT * FROM unnest(%s::text[], %s::bigint[], %s::bytea[], %s::bytea[], "
                "%s::text[], %s::text[], %s::text[])",
                columns,
            )

    def paths(self) -> Iterator[str]:
        """Every path from which something was imported, in order, a bounded number in memory at a time."""
        last = ""
        while rows := self._db.rows(
            f"SELECT path FROM origin WHERE left(path, {_FIRST}) >= left(%(last)s, {_FIRST}) AND path > %(last)s "
            f"ORDER BY left(path, {_FIRST}), path LIMIT {_PATHS_AT_ONCE}",
            {"last": last},
        ):
            yield from (row[0] for row in rows)
            last = rows[-1][0]

    def known(self, hashes: Iterable[bytes], record_ids: Iterable[str]) -> tuple[set[bytes], set[str]]:
        """Which of some hashes, and which of some record ids, any source has that was imported."""
        digests, names = [each for each in hashes if each], [each for each in record_ids if each]
        of_hash = self._db.rows("SELECT source_hash FROM origin WHERE source_hash = ANY(%s::bytea[])", (digests,))
        of_name = self._db.rows(
            "SELECT record_id FROM origin WHERE record_id <> '' AND hashtextextended(record_id, 0) = "
            "ANY(SELECT hashtextextended(n, 0) FROM unnest(%(names)s::text[]) n) AND record_id = ANY(%(names)s)",
            {"names": names},
        )
        return {row[0] for row in of_hash}, {row[0] for row in of_name}

    def like(self, source_hash: bytes, record_id: str = "") -> list[Origin]:
        """What was imported from a source of the same hash, or of the same record id unless that is empty, by path."""
        return self._many(
            "source_hash = %(hash)s OR (record_id <> '' AND "
            "hashtextextended(record_id, 0) = hashtextextended(%(name)s, 0) AND record_id = %(name)s)",
            {"hash": source_hash, "name": record_id},
            "ORDER BY path",
        )

    def naming(self, entry_id: str) -> list[Origin]:
        """What was imported from sources that named an id."""
        return self._many("strpos(said, %(id)s) > 0", {"id": entry_id})

    def under(self, path: str) -> Iterator[Origin]:
        """What was imported from a file, or from below a folder, by path, a bounded number in memory at a time."""
        inside = (
            "path IN (%(path)s, %(path)s || %(theirs)s) "
            "OR left(path, length(%(path)s) + 1) IN (%(path)s || '#', %(path)s || %(slash)s)"
        )
        given = {"path": path.rstrip(os.sep), "theirs": THEIRS, "slash": os.sep, "last": ""}
        while rows := self._many(
            f"left(path, {_FIRST}) >= left(greatest(%(path)s, %(last)s), {_FIRST}) AND path > %(last)s "
            f"AND left(path, least(length(%(path)s), {_FIRST})) = left(%(path)s, {_FIRST}) AND ({inside})",
            given,
            f"ORDER BY left(path, {_FIRST}), path LIMIT {_ORIGINS_AT_ONCE}",
        ):
            yield from rows
            given["last"] = rows[-1].path

    def _many(self, where: str, bindings: Mapping[str, Any], tail: str = "") -> list[Origin]:
        rows: Sequence[tuple[Any, ...]] = self._db.rows(f"{_ORIGINS} WHERE {where} {tail}", bindings)
        return [Origin(*row) for row in rows]
