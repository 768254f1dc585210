"""Which passages the model of a space cannot embed, and why, as rows on a server."""

from __future__ import annotations

from rekall.store.postgres.server import Server
from rekall.store.values import SetAside, Space


class PostgresUnembeddable:
    """Reads and writes what was set aside; see `derived.Unembeddable`."""

    def __init__(self, db: Server) -> None:
        """Work on a server."""
        self._db = db

    def put(self, space: Space, passage_id: int, reason: str) -> None:
        """Set a passage aside."""
        self._db.run(
            "INSERT INTO unembeddable (passage_id, space_id, reason) VALUES (%s, %s, %s) "
            "ON CONFLICT (space_id, passage_id) DO UPDATE SET reason = excluded.reason",
            (passage_id, space.id, reason),
        )

    def clear(self, space: Space) -> None:
        """Let everything of a space be tried again."""
        self._db.run("DELETE FROM unembeddable WHERE space_id = %s", (space.id,))

    def hashes(self, entry_key: int, space: Space) -> set[bytes]:
        """Text hashes of an entry's passages that were set aside."""
        sql = (
            "SELECT p.text_hash FROM passage p JOIN unembeddable u ON u.passage_id = p.id "
            "WHERE p.entry_key = %s AND u.space_id = %s"
        )
        return {text_hash for (text_hash,) in self._db.rows(sql, (entry_key, space.id))}

    def counts(self, space: Space | None) -> tuple[int, int]:
        """How many passages are set aside, and to how many entries they belong."""
        if space is None:
            return 0, 0
        sql = (
            "SELECT count(*), count(DISTINCT p.entry_key) FROM unembeddable u JOIN passage p ON p.id = u.passage_id "
            "WHERE u.space_id = %s"
        )
        ((passages, entries),) = self._db.rows(sql, (space.id,))
        return int(passages), int(entries)

    def of(self, space: Space | None, most: int) -> list[SetAside]:
        """What is set aside, at most so much of it, the entry that was changed last first."""
        if space is None:
            return []
        sql = (
            "SELECT e.id, e.title, p.position, u.reason FROM unembeddable u JOIN passage p ON p.id = u.passage_id "
            "JOIN entry e ON e.key = p.entry_key WHERE u.space_id = %s "
            "ORDER BY e.updated_at DESC, e.id DESC, p.position LIMIT %s"
        )
        return [SetAside(*row) for row in self._db.rows(sql, (space.id, most))]
