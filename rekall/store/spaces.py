"""Vector spaces as rows: which there are, what each is for, and its index."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from rekall.db import Database
from rekall.entry.times import written
from rekall.store import schema
from rekall.store.passages import SqlitePassages
from rekall.store.typed import BLOB, NUMBER, typed
from rekall.store.values import Selection, Space, SpaceState, StoredPassage
from rekall.store.vectors import choose_backend, open_index
from rekall.vector_index import Backend, Vector, VectorIndex, Wide

LISTED = 30_000
"""Up to so many vectors the passages of a selection are listed, whatever it leaves out."""

_SAMPLE, _WIDE = 256, 0.055
"""Of so many entries, spread over the base, at least this share is selected where asking is cheaper than listing."""


class SqliteVectors:
    """Vector spaces and their indexes; see `contract.Vectors`."""

    def __init__(self, db: Database, passages: SqlitePassages, preferred: str) -> None:
        """Work on an open database.

        Args:
            db: The database.
            passages: To apply a selection to passages.
            preferred: The backend: "auto", "sqlite-vec" or "numpy".

        Raises:
            StorageError: sqlite-vec was asked for by name and cannot be loaded.
        """
        self._db = db
        self._passages = passages
        self._backend = choose_backend(db, preferred)

    @property
    def backend(self) -> Backend:
        """What searches vectors, and why not the preferred one."""
        return self._backend

    def index(self, space: Space) -> VectorIndex:
        """The vectors of a space."""
        return open_index(self._db, self._backend, space.id, space.dim)

    def nearest(self, space: Space, vector: Vector, k: int, selection: Selection) -> list[tuple[StoredPassage, float]]:
        """The passages of selected entries that are nearest to a vector, with their cosine, most similar first."""
        index = self.index(space)
        found = index.search(vector, k, None if selection.is_everything else self._among(selection, len(index)))
        passages = {passage.id: passage for passage in self._passages.by_ids(number for number, _ in found)}
        return [(passages[number], similarity) for number, similarity in found if number in passages]

    def _among(self, selection: Selection, vectors: int) -> Sequence[int] | Wide:
        """The passages of the selected entries: all by their ids, or a way to ask where that would be very many."""
        if vectors > LISTED:
            sample = self._passages.sample(_SAMPLE)
            share = len(self._passages.passing(sample, selection)) / max(1, len(sample))
            if share > _WIDE:
                return Wide(
                    share, lambda ids: self._passages.passing(ids, selection), lambda: self._passages.ids(selection)
                )
        return self._passages.ids(selection)

    def active_space(self) -> Space | None:
        """The space that searches use, or None before anything was embedded."""
        return next(iter(self._spaces("active = ?", (int(SpaceState.ACTIVE),))), None)

    def space_of(self, fingerprint: str) -> Space | None:
        """The space of a model fingerprint, or None."""
        return next(iter(self._spaces("fingerprint = ?", (fingerprint,))), None)

    def spaces(self) -> list[Space]:
        """Every space, oldest first."""
        return self._spaces("true ORDER BY id", ())

    def count(self, space: Space) -> int:
        """How many vectors a space holds."""
        return len(self.index(space))

    def count_at_most(self, space: Space) -> int:
        """A number that costs no counting, and is not below how many vectors a space holds."""
        return self.count(space)

    def make_space(self, fingerprint: str, model: str, dim: int, created_at: datetime) -> Space:
        """Make the space of a model; the first one of a base is active at once."""
        self._db.run(f"DELETE FROM space WHERE NOT ({schema.IS_WHOLE_SPACE})")
        state = SpaceState.BUILDING if self.active_space() else SpaceState.ACTIVE
        self._db.run(
            "INSERT INTO space (fingerprint, model, dim, active, created_at) VALUES (?, ?, ?, ?, ?)",
            (fingerprint, model, dim, int(state), written(created_at)),
        )
        space = Space(self._db.last_key(), fingerprint, model, dim, state)
        self._db.run(schema.space_tables(space.id))
        return space

    def resume(self, space: Space) -> Space:
        """Build a retired space again; any other stays what it is."""
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

    def keep_spread(self, space: Space, spread: float) -> None:
        """Keep how far the cosines of a space lie apart."""
        texts = ", ".join(f"{name} = CAST({name} AS TEXT)" for name in ("fingerprint", "model", "created_at"))
        sql = f"UPDATE space SET spread = ?, {texts} WHERE id = ?"  # a damaged row could not be written otherwise
        self._db.run(sql, (spread, space.id))

    def _spaces(self, where: str, bindings: Sequence[Any]) -> list[Space]:
        columns = "id, CAST(fingerprint AS BLOB), CAST(model AS BLOB), dim, active, spread"
        rows = self._db.rows(f"SELECT {columns} FROM space WHERE {schema.IS_WHOLE_SPACE} AND {where}", bindings)
        return [
            Space(number, _text(print_), _text(model), dim, _state(state), _spread(spread))
            for number, print_, model, dim, state, spread in typed(rows, NUMBER, BLOB, BLOB, NUMBER, NUMBER)
        ]


# what a damaged row says is read as something that serves nobody: then the words answer, and `rekall check` says why


def _text(data: bytes) -> str:
    return data.decode("utf-8", "replace")


def _state(number: int) -> SpaceState:
    return SpaceState(number) if number in list(SpaceState) else SpaceState.RETIRED


def _spread(number: object) -> float | None:
    return number if isinstance(number, float) and 0.0 < number < 1.0 else None
