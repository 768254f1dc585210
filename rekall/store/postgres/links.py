"""Links between entries, as rows."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from rekall.entry.times import written
from rekall.entry.types import Link, LinkType
from rekall.store.postgres.server import Server

_LINKS = (
    "SELECT s.id, t.id, l.type, l.reason FROM link l "
    "JOIN entry s ON s.key = l.source_key JOIN entry t ON t.key = l.target_key"
)
_TYPES = frozenset(kind.value for kind in LinkType)
"""A link of another type is a later Rekall's, or nobody's: it is left out."""


class PostgresLinks:
    """Reads and writes links; see `contract.Links`."""

    def __init__(self, db: Server) -> None:
        """Work on a server."""
        self._db = db

    def put(self, link: Link, created_at: datetime, *, as_oldest: bool = False) -> bool:
        """Store a link as the latest of its target's, or as the oldest. Returns False when an end is not there."""
        return self.put_many([link], created_at, as_oldest=as_oldest)[0]

    def put_many(self, links: Sequence[Link], created_at: datetime, *, as_oldest: bool = False) -> list[bool]:
        """Store links, one after the other, each as `put` does. Returns of each whether it is stored."""
        ids = list({end for link in links for end in (link.source, link.target)})
        keys: dict[str, int] = dict(self._db.rows("SELECT id, key FROM entry WHERE id = ANY(%s)", (ids,)))
        turn = "min(turn), 0) - 1" if as_oldest else "max(turn), 0) + 1"
        at = written(created_at)
        self._db.run_many(
            "INSERT INTO link (source_key, target_key, type, reason, created_at, turn) "
            f"SELECT %s, %s, %s, %s, %s, coalesce({turn} FROM link WHERE target_key = %s "
            "ON CONFLICT (source_key, target_key, type) DO UPDATE SET turn = excluded.turn, reason = excluded.reason",
            [
                (keys[link.source], keys[link.target], link.type.value, link.reason, at, keys[link.target])
                for link in links
                if link.source in keys and link.target in keys
            ],
        )
        return [link.source in keys and link.target in keys for link in links]

    def of(self, key: int) -> list[Link]:
        """The links that touch an entry."""
        return self.touching([key])

    def starting_at(self, keys: Iterable[int]) -> dict[str, list[Link]]:
        """The links that start at each of some entries, by the id of the entry."""
        found: dict[str, list[Link]] = {}
        for link in self._rows("l.source_key = ANY(%s)", (list(keys),)):
            found.setdefault(link.source, []).append(link)
        return found

    def touching(self, keys: Iterable[int]) -> list[Link]:
        """The links that start or end at any of some entries, each once."""
        among = list(keys)
        return self._rows("(l.source_key = ANY(%s) OR l.target_key = ANY(%s))", (among, among))

    def of_type(self, type: LinkType) -> list[Link]:
        """Every link of a type."""
        return self._rows("l.type = %s", (type.value,))

    def between(self, source: int, target: int) -> list[Link]:
        """The links from one entry to another."""
        return self._rows("l.source_key = %s AND l.target_key = %s", (source, target))

    def remove(self, link: Link) -> None:
        """Remove a link; one that is not there is no error."""
        self._db.run(
            "DELETE FROM link USING entry s, entry t WHERE s.key = source_key AND t.key = target_key "
            "AND s.id = %s AND t.id = %s AND link.type = %s",
            (link.source, link.target, link.type.value),
        )

    def _rows(self, where: str, bindings: Sequence[Any]) -> list[Link]:
        rows = self._db.rows(f"{_LINKS} WHERE {where} ORDER BY 1, 2, 3", bindings)
        return [Link(source, target, LinkType(kind), reason) for source, target, kind, reason in rows if kind in _TYPES]
