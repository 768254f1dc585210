"""Which passages an entry consists of, which vector spaces exist, and which passages lack a vector."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from rekall import schema
from rekall.db import Database
from rekall.types import Passage, PendingPassage


@dataclass(frozen=True, slots=True)
class Space:
    """A vector space: the vectors of one model fingerprint."""

    id: int
    fingerprint: str
    model: str
    dim: int
    active: bool


@dataclass(frozen=True, slots=True)
class StoredPassage:
    """A passage's place: its id, the entry it belongs to, and its position there (0 is the head)."""

    id: int
    entry_key: int
    position: int


class PassageStore:
    """Reads and writes passages and spaces. Writing belongs inside a transaction of the caller."""

    def __init__(self, db: Database) -> None:
        """Work on an open database."""
        self._db = db

    def put(self, entry_key: int, passages: Sequence[Passage]) -> list[int]:
        """Make these the passages of an entry. Returns their ids, in order.

        A passage whose text is known keeps its row, and so its vectors, wherever it now stands.
        """
        known: dict[bytes, list[int]] = {}
        for passage_id, text_hash in self._db.rows(
            "SELECT id, text_hash FROM passage WHERE entry_key = ? ORDER BY position DESC", (entry_key,)
        ):
            known.setdefault(text_hash, []).append(passage_id)
        # out of the way first, so that positions may be exchanged
        self._db.run("UPDATE passage SET position = -1 - position WHERE entry_key = ?", (entry_key,))
        ids = []
        for passage in passages:
            if known.get(passage.text_hash):
                ids.append(known[passage.text_hash].pop())
                self._db.run("UPDATE passage SET position = ? WHERE id = ?", (passage.position, ids[-1]))
            else:
                self._db.run(
                    "INSERT INTO passage (entry_key, position, text_hash) VALUES (?, ?, ?)",
                    (entry_key, passage.position, passage.text_hash),
                )
                ids.append(self._db.last_key())
        self._db.run("DELETE FROM passage WHERE entry_key = ? AND position < 0", (entry_key,))
        return ids

    def of_entries(self, keys: Iterable[int]) -> list[StoredPassage]:
        """All passages of the given entries."""
        sql = "SELECT id, entry_key, position FROM passage WHERE entry_key IN (SELECT value FROM json_each(?))"
        return [StoredPassage(*row) for row in self._db.rows(sql, (json.dumps(list(keys)),))]

    def by_ids(self, ids: Iterable[int]) -> list[StoredPassage]:
        """The passages of the given ids."""
        sql = "SELECT id, entry_key, position FROM passage WHERE id IN (SELECT value FROM json_each(?))"
        return [StoredPassage(*row) for row in self._db.rows(sql, (json.dumps(list(ids)),))]

    def has_text(self, passage_id: int, text_hash: bytes) -> bool:
        """Whether a passage is still there with that text."""
        return (
            self._db.value("SELECT 1 FROM passage WHERE id = ? AND text_hash = ?", (passage_id, text_hash)) is not None
        )

    def embedded_hashes(self, entry_key: int, space: Space) -> set[bytes]:
        """Text hashes of an entry's passages that have a vector in a space."""
        sql = f"SELECT p.text_hash FROM passage p JOIN vectors_{space.id:d} v ON v.passage_id = p.id WHERE p.entry_key = ?"
        return {row[0] for row in self._db.rows(sql, (entry_key,))}

    def ids_where(self, where: str, bindings: Sequence[Any]) -> list[int]:
        """Ids of the passages whose entry meets a condition on `entry e`."""
        return [
            row[0]
            for row in self._db.rows(
                f"SELECT p.id FROM passage p JOIN entry e ON e.key = p.entry_key WHERE {where}", bindings
            )
        ]

    def count(self) -> int:
        """How many passages there are."""
        return int(self._db.value("SELECT count(*) FROM passage"))

    def active_space(self) -> Space | None:
        """The space that searches use, or None before anything was embedded."""
        return self._space("active = 1", ())

    def space_of(self, fingerprint: str) -> Space | None:
        """The space of a model fingerprint, or None."""
        return self._space("fingerprint = ?", (fingerprint,))

    def make_space(self, fingerprint: str, model: str, dim: int, created_at: str) -> Space:
        """Create the space of a fingerprint; it is the active one when there is no other."""
        active = self.active_space() is None
        self._db.run(
            "INSERT INTO space (fingerprint, model, dim, active, created_at) VALUES (?, ?, ?, ?, ?)",
            (fingerprint, model, dim, int(active), created_at),
        )
        space = Space(self._db.last_key(), fingerprint, model, dim, active)
        self._db.run(schema.space_tables(space.id))
        return space

    def activate(self, space: Space) -> None:
        """Let searches use this space from now on, and drop the vectors of the others."""
        for (other,) in self._db.rows("SELECT id FROM space WHERE id <> ?", (space.id,)):
            self._db.run(schema.drop_space_tables(other))
        self._db.run("DELETE FROM space WHERE id <> ?", (space.id,))
        self._db.run("UPDATE space SET active = 1 WHERE id = ?", (space.id,))

    def pending(self, space: Space | None, limit: int) -> list[PendingPassage]:
        """Passages without a vector in a space (in any, when None), in the order of entries."""
        return [
            PendingPassage(*row)
            for row in self._db.rows(
                f"SELECT p.id, e.id, p.position, p.text_hash {_pending_from(space)} ORDER BY p.entry_key, p.position LIMIT ?",
                (limit,),
            )
        ]

    def pending_counts(self, space: Space | None) -> tuple[int, int]:
        """How many passages have no vector in a space, and to how many entries they belong."""
        if space is not None and self._db.value(f"SELECT count(*) FROM signs_{space.id:d}") == self.count():
            return 0, 0  # the usual answer, without looking at each
        (row,) = self._db.rows(f"SELECT count(*), count(DISTINCT p.entry_key) {_pending_from(space)}")
        return int(row[0]), int(row[1])

    def _space(self, where: str, bindings: Sequence[Any]) -> Space | None:
        rows = self._db.rows(f"SELECT id, fingerprint, model, dim, active FROM space WHERE {where}", bindings)
        return Space(*rows[0]) if rows else None


def _pending_from(space: Space | None) -> str:
    base = "FROM passage p JOIN entry e ON e.key = p.entry_key"
    return (
        base
        if space is None
        else f"{base} WHERE NOT EXISTS (SELECT 1 FROM vectors_{space.id:d} v WHERE v.passage_id = p.id)"
    )
