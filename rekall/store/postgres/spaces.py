"""Vector spaces as rows on a server: which there are, what each is for, and its index."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from rekall.entry.times import written
from rekall.store.postgres.passages import PostgresPassages
from rekall.store.postgres.phrases import Stemming
from rekall.store.postgres.selection import condition
from rekall.store.postgres.server import Server
from rekall.store.postgres.vectors import INDEX_NAMES, PgVectorIndex
from rekall.store.values import Selection, Space, SpaceState, StoredPassage
from rekall.vector_index import Backend, Vector


class PostgresVectors:
    """Vector spaces and their indexes; see `contract.Vectors`."""

    def __init__(self, db: Server, tokens: Stemming) -> None:
        """Work on a server."""
        self._db = db
        self._tokens = tokens
        self._passages = PostgresPassages(db, tokens)

    @property
    def backend(self) -> Backend:
        """What searches vectors."""
        return Backend("pgvector", "")

    def index(self, space: Space) -> PgVectorIndex:
        """The vectors of a space."""
        return PgVectorIndex(self._db, space.id, space.dim)

    def nearest(self, space: Space, vector: Vector, k: int, selection: Selection) -> list[tuple[StoredPassage, float]]:
        """The passages of selected entries that are nearest to a vector, with their cosine, most similar first."""
        index = self.index(space)
        if selection.is_everything:
            found = index.search(vector, k)
        else:
            where, bindings = condition(selection, self._tokens)
            found = index.nearest(vector, k, f"JOIN entry e ON e.key = p.entry_key WHERE {where}", bindings)
        passages = {passage.id: passage for passage in self._passages.by_ids(number for number, _ in found)}
        return [(passages[number], similarity) for number, similarity in found if number in passages]

    def active_space(self) -> Space | None:
        """The space that searches use, or None before anything was embedded."""
        return next(iter(self._spaces("active = %s", (int(SpaceState.ACTIVE),))), None)

    def space_of(self, fingerprint: str) -> Space | None:
        """The space of a model fingerprint, or None."""
        return next(iter(self._spaces("fingerprint = %s", (fingerprint,))), None)

    def spaces(self) -> list[Space]:
        """Every space, oldest first."""
        return self._spaces("true", ())

    def count(self, space: Space) -> int:
        """How many vectors a space holds."""
        return len(self.index(space))

    def count_at_most(self, space: Space) -> int:
        """A number that costs no counting, and is not below how many vectors a space holds."""
        last = self._db.value("SELECT max(passage_id) FROM embedding WHERE space_id = %s", (space.id,))
        return int(last or 0)  # passages are numbered from 1

    def make_space(self, fingerprint: str, model: str, dim: int, created_at: datetime) -> Space:
        """Make the space of a model; the first one of a base is active at once."""
        state = SpaceState.BUILDING if self.active_space() else SpaceState.ACTIVE
        ((number,),) = self._db.rows(
            "INSERT INTO space (fingerprint, model, dim, active, created_at) VALUES (%s, %s, %s, %s, %s) RETURNING id",
            (fingerprint, model, dim, int(state), written(created_at)),
        )
        return Space(number, fingerprint, model, dim, state)

    def resume(self, space: Space) -> Space:
        """Build a retired space again; any other stays what it is."""
        states = (int(SpaceState.BUILDING), space.id, int(SpaceState.RETIRED))
        self._db.run("UPDATE space SET active = %s WHERE id = %s AND active = %s", states)
        return self.space_of(space.fingerprint) or space

    def activate(self, space: Space) -> None:
        """Let searches use this space from now on; the one they used retires."""
        retired, active = int(SpaceState.RETIRED), int(SpaceState.ACTIVE)
        self._db.run("UPDATE space SET active = %s WHERE active = %s", (retired, active))
        self._db.run("UPDATE space SET active = %s WHERE id = %s", (active, space.id))

    def rename(self, space: Space, model: str) -> None:
        """Note under which name the model of a space is installed now."""
        self._db.run("UPDATE space SET model = %s WHERE id = %s", (model, space.id))

    def drop(self, space: Space) -> None:
        """Remove a space and its vectors."""
        self._db.run("DELETE FROM space WHERE id = %s", (space.id,))

    def sweep(self) -> None:
        """Drop the indexes of spaces that are gone. It waits until nobody reads vectors, and others wait for it meanwhile."""
        kept = {self.index(space).name for space in self.spaces()}
        rows = self._db.rows(
            "SELECT c.relname FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid "
            "WHERE i.indrelid = 'embedding'::regclass AND starts_with(c.relname, %s)",
            (INDEX_NAMES,),
        )
        for (name,) in rows:
            if name not in kept:
                self._db.run(f"DROP INDEX {name}")

    def keep_spread(self, space: Space, spread: float) -> None:
        """Keep how far the cosines of a space lie apart."""
        self._db.run("UPDATE space SET spread = %s WHERE id = %s", (spread, space.id))

    def _spaces(self, where: str, bindings: Sequence[Any]) -> list[Space]:
        columns = "id, fingerprint, model, dim, active, spread"
        rows = self._db.rows(f"SELECT {columns} FROM space WHERE {where} ORDER BY id", bindings)
        return [
            Space(number, fingerprint, model, dim, SpaceState(state), spread)
            for number, fingerprint, model, dim, state, spread in rows
        ]
