"""Which passages an entry consists of, and which of them lack a vector, as rows."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence

from rekall.db import Database
from rekall.entry.passages import Passage
from rekall.store.selection import NO_FILTER, condition, filtered, holding, phrase
from rekall.store.signs import forget_passages
from rekall.store.typed import BLOB, NUMBER, TEXT, typed
from rekall.store.values import EVERYTHING, PendingPassage, Selection, Space, StoredPassage

Holders = Callable[[str, "Sequence[int] | None"], "set[int] | None"]

_ONE_BY_ONE = 2000
"""Of so many entries each is asked for its tags; of more it is looked up in the list of those that have the tag."""

_FEW_WAIT = 10_000
"""So many passages that wait are sought from the newest on; most of them would be sorted for nothing."""

_IS_SOUND = "typeof(entry_key) = 'integer' AND typeof(position) = 'integer' AND typeof(text_hash) = 'blob'"


class SqlitePassages:
    """Reads and writes passages; see `contract.Passages`."""

    def __init__(self, db: Database, holders: Holders = lambda text, keys: None) -> None:
        """Work on an open database.

        Args:
            db: The database.
            holders: Which of some entries hold a text, where that is known without a walk along the index.
        """
        self._db = db
        self._holders = holders
        self._complete: tuple[object, ...] = ()

    def put(self, entry_key: int, passages: Sequence[Passage]) -> list[int]:
        """Make these the passages of an entry. Returns their ids, in order.

        A passage whose text is known keeps its row, and so its vectors, wherever it now stands.
        """
        return self.put_many([(entry_key, passages)])[0]

    def put_many(self, items: Sequence[tuple[int, Sequence[Passage]]]) -> list[list[int]]:
        """Do so for several entries."""
        keys = json.dumps([key for key, _ in items])
        sql = "SELECT DISTINCT entry_key FROM passage WHERE entry_key IN (SELECT value FROM json_each(?))"
        held = {key for (key,) in self._db.rows(sql, (keys,))}
        rooms = {key: self._out_of_the_way(key) for key in held}
        placed = [
            [room[each.text_hash].pop() if room.get(each.text_hash) else 0 for each in passages]
            for room, passages in ((rooms.get(key, {}), passages) for key, passages in items)
        ]
        rows = [
            (passage_id, key, passage)
            for (key, passages), ids in zip(items, placed, strict=True)
            for passage, passage_id in zip(passages, ids, strict=True)
        ]
        kept = ((passage.position, passage_id) for passage_id, _, passage in rows if passage_id)
        self._db.run_many("UPDATE passage SET position = ? WHERE id = ?", kept)
        new = ((key, passage.position, passage.text_hash) for passage_id, key, passage in rows if not passage_id)
        sql = "INSERT INTO passage (entry_key, position, text_hash) VALUES (?, ?, ?) RETURNING id"
        made = iter(self._db.rows_of_many(sql, new))
        for key in held:
            self._delete("entry_key = ? AND position < 0", key)
        return [[passage_id or next(made)[0] for passage_id in ids] for ids in placed]

    def _out_of_the_way(self, entry_key: int) -> dict[bytes, list[int]]:
        """Put an entry's passages where no new one comes, so that positions may be exchanged. Returns their ids by text."""
        self._delete(f"entry_key = ? AND NOT ({_IS_SOUND})", entry_key)  # which could not be changed either
        known: dict[bytes, list[int]] = {}
        sql = "SELECT id, text_hash FROM passage WHERE entry_key = ? ORDER BY position DESC"
        for passage_id, text_hash in self._db.rows(sql, (entry_key,)):
            known.setdefault(text_hash, []).append(passage_id)
        self._db.run("UPDATE passage SET position = -1 - position WHERE entry_key = ?", (entry_key,))
        return known

    def _delete(self, where: str, entry_key: int) -> None:
        forget_passages(
            self._db, [row[0] for row in self._db.rows(f"SELECT id FROM passage WHERE {where}", (entry_key,))]
        )
        self._db.run(f"DELETE FROM passage WHERE {where}", (entry_key,))

    def of_entries(self, keys: Iterable[int]) -> list[StoredPassage]:
        """All passages of the given entries."""
        sql = "SELECT id, entry_key, position FROM passage WHERE entry_key IN (SELECT value FROM json_each(?))"
        rows = self._db.rows(sql, (json.dumps(list(keys)),))
        return [StoredPassage(*row) for row in typed(rows, NUMBER, NUMBER, NUMBER)]

    def by_ids(self, ids: Iterable[int]) -> list[StoredPassage]:
        """The passages of the given ids."""
        sql = "SELECT id, entry_key, position FROM passage WHERE id IN (SELECT value FROM json_each(?))"
        rows = self._db.rows(sql, (json.dumps(list(ids)),))
        return [StoredPassage(*row) for row in typed(rows, NUMBER, NUMBER, NUMBER)]

    def sample(self, most: int) -> list[int]:
        """Ids of the heads of at most `most` entries, spread evenly over the base; the same while nothing is written."""
        ((first, last),) = self._db.rows("SELECT (SELECT min(id) FROM passage), (SELECT max(id) FROM passage)")
        if first is None:
            return []
        places = [first + (last - first + 1) * step // most for step in range(most)]
        sql = (
            "SELECT DISTINCT (SELECT id FROM passage WHERE id >= j.value AND position = 0 ORDER BY id LIMIT 1) "
            "FROM json_each(?) j"
        )
        return [row[0] for row in self._db.rows(sql, (json.dumps(places),)) if row[0] is not None]

    def text_hashes(self, ids: Iterable[int]) -> dict[int, bytes]:
        """The text hash of each of some passages that is still there, by its id."""
        sql = "SELECT id, text_hash FROM passage WHERE id IN (SELECT value FROM json_each(?))"
        return dict(typed(self._db.rows(sql, (json.dumps(list(ids)),)), NUMBER, BLOB))

    def hashes(self, keys: Iterable[int]) -> dict[int, bytes]:
        """The text hash of each passage of the given entries, by its id."""
        sql = "SELECT id, text_hash FROM passage WHERE entry_key IN (SELECT value FROM json_each(?))"
        return dict(typed(self._db.rows(sql, (json.dumps(list(keys)),)), NUMBER, BLOB))

    def embedded_hashes(self, entry_key: int, space: Space) -> set[bytes]:
        """Text hashes of an entry's passages that have a vector in a space."""
        sql = f"SELECT p.text_hash FROM passage p JOIN vectors_{space.id:d} v ON v.passage_id = p.id WHERE p.entry_key = ?"
        return {row[0] for row in typed(self._db.rows(sql, (entry_key,)), BLOB)}

    def ids(self, selection: Selection) -> list[int]:
        """Ids of the passages of the selected entries."""
        if selection.phrases and selection.filters == EVERYTHING.filters:
            held = [self._holders(text, None) for text in selection.phrases]
            known = [keys for keys in held if keys is not None]
            if len(known) == len(held) and not selection.excluded:
                sql = "SELECT id FROM passage WHERE entry_key IN (SELECT value FROM json_each(?))"
                return [row[0] for row in self._db.rows(sql, (json.dumps(sorted(set.intersection(*known))),))]
            sql = "SELECT p.id FROM words CROSS JOIN passage p ON p.entry_key = words.rowid WHERE words MATCH ?"
            return [row[0] for row in self._db.rows(sql, (holding(selection),))]
        where, bindings = condition(selection)
        # a list, which is in the order of keys: an index of entries leads to them in another, and each would be sought by itself
        sql = f"SELECT p.id FROM passage p WHERE p.entry_key IN (SELECT e.key FROM entry e WHERE {where})"
        return [row[0] for row in self._db.rows(sql, bindings)]

    def passing(self, ids: Iterable[int], selection: Selection) -> set[int]:
        """Those of some passages that are of selected entries."""
        chosen = list(ids)
        where, bindings = filtered(selection, of_one=len(chosen) <= _ONE_BY_ONE)
        sql = (
            "SELECT p.id, p.entry_key FROM json_each(?) j CROSS JOIN passage p ON p.id = j.value "
            f"CROSS JOIN entry e ON e.key = p.entry_key WHERE {where}"
        )
        if where == NO_FILTER:
            sql = "SELECT p.id, p.entry_key FROM json_each(?) j CROSS JOIN passage p ON p.id = j.value"
        of_passage: dict[int, int] = dict(self._db.rows(sql, (json.dumps(chosen), *bindings)))
        keys = set(of_passage.values())
        for texts, is_wanted in ((selection.phrases, True), (selection.excluded, False)):
            for text in texts:
                found = self._holders(text, sorted(keys))
                if found is None:
                    # `+`: one walk along the words, where a leap to each entry would cost more
                    held = "SELECT rowid FROM words WHERE words MATCH ? AND +rowid IN (SELECT value FROM json_each(?))"
                    found = {key for (key,) in self._db.rows(held, (phrase(text), json.dumps(sorted(keys))))}
                keys = found if is_wanted else keys - found
        return {passage_id for passage_id, key in of_passage.items() if key in keys}

    def count(self) -> int:
        """How many passages there are."""
        return int(self._db.value("SELECT count(*) FROM passage"))

    def pending(
        self, space: Space | None, limit: int, among: Iterable[int] | None = None, *, without: Iterable[int] = ()
    ) -> list[PendingPassage]:
        """Passages without a vector in a space (in any, when None), of the entry that was changed last first.

        Args:
            space: The space.
            limit: How many at most.
            among: Keys of the entries to look at; None looks at all.
            without: Ids of passages to leave out.
        """
        keys = None if among is None else json.dumps(list(among))
        chosen = "" if keys is None else "AND e.key IN (SELECT value FROM json_each(?3))"
        sql = (
            # from the entries on, in the order of their index: what is pending is not sorted for every batch
            f"SELECT p.id, e.id, p.position, p.text_hash FROM entry e CROSS JOIN passage p ON p.entry_key = e.key "
            f"WHERE {_lacks_vector(space)} AND p.id NOT IN (SELECT value FROM json_each(?2)) {chosen} "
            "ORDER BY e.updated_at DESC, e.id DESC, p.position LIMIT ?1"
        )
        bindings = (limit, json.dumps(list(without)), *([] if keys is None else [keys]))
        rows = self._db.readable_rows(sql, bindings)
        return [PendingPassage(*row) for row in typed(rows, NUMBER, TEXT, NUMBER, BLOB)]

    def pending_counts(self, space: Space | None) -> tuple[int, int]:
        """How many passages wait for a vector in a space, and to how many entries they belong.

        Counting a million passages takes 7 ms: that none waits is known for as long as nothing is written.
        """
        moment = (space, self._db.data_version(), self._db.total_changes(), self._db.changes)
        if moment == self._complete:
            return 0, 0
        waiting = self._waiting(space)
        if waiting == 0:
            self._complete = moment
            return 0, 0  # the usual answer, without looking at each
        if space is None:
            return waiting, int(self._db.value("SELECT count(*) FROM (SELECT DISTINCT entry_key FROM passage)"))
        # the few of a large base are mostly its newest, and nothing is looked at beyond them
        end = f"ORDER BY p.id DESC LIMIT {waiting:d}" if 0 < waiting <= _FEW_WAIT else ""
        (row,) = self._db.rows(
            "SELECT count(*), count(DISTINCT entry_key) FROM "
            f"(SELECT p.entry_key FROM passage p WHERE {_lacks_vector(space)} {end})"
        )
        return int(row[0]), int(row[1])

    def _waiting(self, space: Space | None) -> int:
        """How many passages wait for a vector by what is noted of a space; negative where that cannot be."""
        total = "SELECT count(*) FROM passage"
        if space is None:
            return int(self._db.value(total))
        return int(
            self._db.value(
                f"SELECT ({total}) - coalesce((SELECT held FROM signing WHERE space_id = {space.id:d}), 0) - "
                f"(SELECT count(*) FROM unembeddable WHERE space_id = {space.id:d})"
            )
        )


def _lacks_vector(space: Space | None) -> str:
    if space is None:
        return "true"
    return (
        f"NOT EXISTS (SELECT 1 FROM vectors_{space.id:d} v WHERE v.passage_id = p.id) AND NOT EXISTS "
        f"(SELECT 1 FROM unembeddable u WHERE u.passage_id = p.id AND u.space_id = {space.id:d})"
    )
