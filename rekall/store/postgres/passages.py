"""Which passages an entry consists of, and which of them lack a vector, as rows on a server."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from rekall.entry.passages import Passage
from rekall.store.postgres.phrases import Stemming
from rekall.store.postgres.selection import condition
from rekall.store.postgres.server import Server
from rekall.store.values import PendingPassage, Selection, Space, StoredPassage

_NEW = """
    INSERT INTO passage (entry_key, position, text_hash)
    SELECT * FROM unnest(%s::bigint[], %s::integer[], %s::bytea[]) RETURNING entry_key, position, id
"""
_MOVE = """
    UPDATE passage SET position = m.position FROM unnest(%s::bigint[], %s::integer[]) m (id, position)
    WHERE passage.id = m.id AND passage.position <> m.position
"""

_FEW_WAIT = 10_000
"""So many are looked for from the newest passage on; of more every passage is looked at."""


class PostgresPassages:
    """Reads and writes passages; see `contract.Passages`."""

    def __init__(self, db: Server, tokens: Stemming) -> None:
        """Work on a server."""
        self._db = db
        self._tokens = tokens
        self._complete: tuple[object, ...] = ()

    def put(self, entry_key: int, passages: Sequence[Passage]) -> list[int]:
        """Make these the passages of an entry. Returns their ids, in order.

        A passage whose text is known keeps its row, and so its vectors, wherever it now stands.
        """
        return self.put_many([(entry_key, passages)])[0]

    def put_many(self, items: Sequence[tuple[int, Sequence[Passage]]]) -> list[list[int]]:
        """Do so for several entries."""
        known = self._known([key for key, _ in items])
        kept: dict[tuple[int, int], int] = {}
        for key, passages in items:
            for each in passages:
                if ids := known.get((key, each.text_hash)):
                    kept[key, each.position] = ids.pop()
        if gone := [passage_id for ids in known.values() for passage_id in ids]:
            self._db.run("DELETE FROM passage WHERE id = ANY(%s)", (gone,))
        if kept:
            self._db.run(_MOVE, (list(kept.values()), [position for _, position in kept]))
        new = [
            (key, each.position, each.text_hash)
            for key, passages in items
            for each in passages
            if (key, each.position) not in kept
        ]
        made = self._db.rows(_NEW, tuple(map(list, zip(*new)))) if new else []
        ids_of = kept | {(key, position): passage_id for key, position, passage_id in made}
        return [[ids_of[key, each.position] for each in passages] for key, passages in items]

    def _known(self, keys: Sequence[int]) -> dict[tuple[int, bytes], list[int]]:
        """The ids of the passages of entries by key and text, the last first."""
        known: dict[tuple[int, bytes], list[int]] = {}
        sql = "SELECT entry_key, text_hash, id FROM passage WHERE entry_key = ANY(%s) ORDER BY entry_key, position DESC"
        for key, text_hash, passage_id in self._db.rows(sql, (list(keys),)):
            known.setdefault((key, text_hash), []).append(passage_id)
        return known

    def of_entries(self, keys: Iterable[int]) -> list[StoredPassage]:
        """All passages of the given entries."""
        sql = "SELECT id, entry_key, position FROM passage WHERE entry_key = ANY(%s)"
        return [StoredPassage(*row) for row in self._db.rows(sql, (list(keys),))]

    def by_ids(self, ids: Iterable[int]) -> list[StoredPassage]:
        """The passages of the given ids."""
        sql = "SELECT id, entry_key, position FROM passage WHERE id = ANY(%s)"
        return [StoredPassage(*row) for row in self._db.rows(sql, (list(ids),))]

    def ids(self, selection: Selection) -> list[int]:
        """Ids of the passages of the selected entries."""
        where, bindings = condition(selection, self._tokens)
        sql = f"SELECT p.id FROM passage p JOIN entry e ON e.key = p.entry_key WHERE {where}"
        return [number for (number,) in self._db.rows(sql, bindings)]

    def sample(self, most: int) -> list[int]:
        """Ids of the heads of at most `most` entries, spread evenly over the base; the same while nothing is written."""
        sql = """
            SELECT DISTINCT h.id FROM (SELECT min(id) AS first, max(id) AS last FROM passage) ends
            CROSS JOIN generate_series(0, %(most)s - 1) step
            CROSS JOIN LATERAL (
                SELECT p.id FROM passage p WHERE p.id >= ends.first + (ends.last - ends.first + 1) * step / %(most)s
                AND p.position = 0 ORDER BY p.id LIMIT 1) h ORDER BY h.id
        """
        return [number for (number,) in self._db.rows(sql, {"most": most})]

    def text_hashes(self, ids: Iterable[int]) -> dict[int, bytes]:
        """The text hash of each of some passages that is still there, by its id."""
        return dict(self._db.rows("SELECT id, text_hash FROM passage WHERE id = ANY(%s)", (list(ids),)))

    def hashes(self, keys: Iterable[int]) -> dict[int, bytes]:
        """The text hash of each passage of the given entries, by its id."""
        return dict(self._db.rows("SELECT id, text_hash FROM passage WHERE entry_key = ANY(%s)", (list(keys),)))

    def embedded_hashes(self, entry_key: int, space: Space) -> set[bytes]:
        """Text hashes of an entry's passages that have a vector in a space."""
        sql = (
            "SELECT p.text_hash FROM passage p JOIN embedding v ON v.passage_id = p.id AND v.space_id = %s "
            "WHERE p.entry_key = %s"
        )
        return {text_hash for (text_hash,) in self._db.rows(sql, (space.id, entry_key))}

    def count(self) -> int:
        """How many passages there are."""
        return int(self._db.value("SELECT count(*) FROM passage"))

    def pending(
        self, space: Space | None, limit: int, among: Iterable[int] | None = None, *, without: Iterable[int] = ()
    ) -> list[PendingPassage]:
        """Passages without a vector in a space (in any, when None), of the entry that was changed last first."""
        lacking, bindings = _lacks_vector(space)
        chosen = "" if among is None else "AND e.key = ANY(%s)"
        sql = (
            "SELECT p.id, e.id, p.position, p.text_hash FROM entry e JOIN passage p ON p.entry_key = e.key "
            f"WHERE {lacking} AND p.id <> ALL(%s) {chosen} ORDER BY e.updated_at DESC, e.id DESC, p.position LIMIT %s"
        )
        keys = () if among is None else (list(among),)
        return [PendingPassage(*row) for row in self._db.rows(sql, (*bindings, list(without), *keys, limit))]

    def pending_counts(self, space: Space | None) -> tuple[int, int]:
        """How many passages wait for a vector in a space, and to how many entries they belong.

        That none waits is seen from how many there are, and known for as long as nothing is written.
        """
        moment = (space, self._db.moment(), self._db.changes)
        if moment == self._complete:
            return 0, 0
        waiting = self._waiting(space)
        if waiting == 0:
            self._complete = moment
            return 0, 0  # the usual answer, without looking for a vector of each
        if space is None:
            return waiting, int(self._db.value("SELECT count(DISTINCT entry_key) FROM passage"))
        lacking, bindings = _lacks_vector(space)
        # the few of a large base are mostly its newest, and nothing is looked at beyond them
        end = f"ORDER BY p.id DESC LIMIT {waiting:d}" if 0 < waiting <= _FEW_WAIT else ""
        sql = f"SELECT count(*), count(DISTINCT s.entry_key) FROM (SELECT p.entry_key FROM passage p WHERE {lacking} {end}) s"
        ((passages, entries),) = self._db.rows(sql, bindings)
        return int(passages), int(entries)

    def _waiting(self, space: Space | None) -> int:
        """How many passages wait for a vector, by how many there are and how many do not."""
        total = "SELECT count(*) FROM passage"
        if space is None:
            return int(self._db.value(total))
        held = "SELECT count(*) FROM embedding WHERE space_id = %s"
        aside = (
            "SELECT count(*) FROM unembeddable u WHERE u.space_id = %s AND NOT EXISTS "
            "(SELECT 1 FROM embedding v WHERE v.space_id = u.space_id AND v.passage_id = u.passage_id)"
        )
        return int(self._db.value(f"SELECT ({total}) - ({held}) - ({aside})", (space.id, space.id)))


def _lacks_vector(space: Space | None) -> tuple[str, tuple[int, ...]]:
    """A condition on `passage p`."""
    if space is None:
        return "true", ()
    return (
        "NOT EXISTS (SELECT 1 FROM embedding v WHERE v.passage_id = p.id AND v.space_id = %s) "
        "AND NOT EXISTS (SELECT 1 FROM unembeddable u WHERE u.passage_id = p.id AND u.space_id = %s)"
    ), (space.id, space.id)
