"""Which passages an entry consists of, which vector spaces exist, and which passages lack a vector."""

from __future__ import annotations

import enum
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from rekall.db import Database
from rekall.entry.types import Passage, PendingPassage
from rekall.store import schema


class SpaceState(enum.IntEnum):
    """What a space is for; the numbers stand in the database, which allows one active space."""

    RETIRED = -1
    BUILDING = 0
    ACTIVE = 1


@dataclass(frozen=True, slots=True)
class Space:
    """A vector space: the vectors of one model fingerprint."""

    id: int
    fingerprint: str
    model: str
    dim: int
    state: SpaceState

    @property
    def active(self) -> bool:
        """Whether searches use it."""
        return self.state is SpaceState.ACTIVE


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
        return next(iter(self._spaces("active = ?", (int(SpaceState.ACTIVE),))), None)

    def space_of(self, fingerprint: str) -> Space | None:
        """The space of a model fingerprint, or None."""
        return next(iter(self._spaces("fingerprint = ?", (fingerprint,))), None)

    def spaces(self) -> list[Space]:
        """Every space, oldest first."""
        return self._spaces("true ORDER BY id", ())

    def vector_count(self, space: Space) -> int:
        """How many vectors a space holds."""
        return int(self._db.value(f"SELECT count(*) FROM signs_{space.id:d}"))

    def make_space(self, fingerprint: str, model: str, dim: int, created_at: str) -> Space:
        """Create the space of a fingerprint; it is the active one when there is no other."""
        state = SpaceState.BUILDING if self.active_space() else SpaceState.ACTIVE
        self._db.run(
            "INSERT INTO space (fingerprint, model, dim, active, created_at) VALUES (?, ?, ?, ?, ?)",
            (fingerprint, model, dim, int(state), created_at),
        )
        space = Space(self._db.last_key(), fingerprint, model, dim, state)
        self._db.run(schema.space_tables(space.id))
        return space

    def resume(self, space: Space) -> Space:
        """Take a retired space up again. Returns it as it is now."""
        states = (int(SpaceState.BUILDING), space.id, int(SpaceState.RETIRED))
        self._db.run("UPDATE space SET active = ? WHERE id = ? AND active = ?", states)
        return self.space_of(space.fingerprint) or space

    def activate(self, space: Space) -> None:
        """Let searches use this space from now on; the one they used retires."""
        self._db.run("UPDATE space SET active = ? WHERE active = ?", (int(SpaceState.RETIRED), int(SpaceState.ACTIVE)))
        self._db.run("UPDATE space SET active = ? WHERE id = ?", (int(SpaceState.ACTIVE), space.id))

    def rename(self, space: Space, model: str) -> None:
        """Note under which name the model of a space is installed now."""
        self._db.run("UPDATE space SET model = ? WHERE id = ?", (model, space.id))

    def drop(self, space: Space) -> None:
        """Remove a space and its vectors."""
        self._db.run(schema.drop_space_tables(space.id))
        self._db.run("DELETE FROM space WHERE id = ?", (space.id,))

    def pending(self, space: Space | None, limit: int, entry_key: int | None = None) -> list[PendingPassage]:
        """Passages without a vector in a space (in any, when None), in the order of entries; or of one entry."""
        return [
            PendingPassage(*row)
            for row in self._db.rows(
                f"SELECT p.id, e.id, p.position, p.text_hash {_pending_from(space)} "
                "AND (?1 IS NULL OR p.entry_key = ?1) ORDER BY p.entry_key, p.position LIMIT ?2",
                (entry_key, limit),
            )
        ]

    def pending_counts(self, space: Space | None) -> tuple[int, int]:
        """How many passages have no vector in a space, and to how many entries they belong."""
        if space is not None and self.vector_count(space) == self.count():
            return 0, 0  # the usual answer, without looking at each
        (row,) = self._db.rows(f"SELECT count(*), count(DISTINCT p.entry_key) {_pending_from(space)}")
        return int(row[0]), int(row[1])

    def _spaces(self, where: str, bindings: Sequence[Any]) -> list[Space]:
        rows = self._db.rows(f"SELECT id, fingerprint, model, dim, active FROM space WHERE {where}", bindings)
        return [Space(number, print_, model, dim, SpaceState(state)) for number, print_, model, dim, state in rows]


def _pending_from(space: Space | None) -> str:
    base = "FROM passage p JOIN entry e ON e.key = p.entry_key WHERE"
    if space is None:
        return f"{base} true"
    return f"{base} NOT EXISTS (SELECT 1 FROM vectors_{space.id:d} v WHERE v.passage_id = p.id)"
