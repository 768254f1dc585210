"""When entries are to be looked at again, as rows; see `reviews.Reviews`."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import datetime

from rekall.entry.times import exact, written
from rekall.entry.types import EntryType
from rekall.store.postgres.phrases import Stemming
from rekall.store.postgres.selection import condition
from rekall.store.postgres.server import Server
from rekall.store.postgres.session import Row
from rekall.store.reviews import Review, Waiting
from rekall.store.values import Selection

_REVIEW = "r.due_at, r.reviewed_at, r.times, r.card"
_ENTRY = "e.key, e.id, e.type, e.updated_at"


class PostgresReviews:
    """Reads and writes reviews; see `reviews.Reviews`."""

    def __init__(self, db: Server, tokens: Stemming) -> None:
        """Work on a server."""
        self._db = db
        self._tokens = tokens

    def put(self, key: int, review: Review) -> None:
        """Remember a review in the place of the one before."""
        times = (None if each is None else written(each) for each in (review.due_at, review.reviewed_at))
        self._db.run(
            "INSERT INTO review (entry_key, due_at, reviewed_at, times, card) VALUES (%s, %s, %s, %s, %s) "
            "ON CONFLICT (entry_key) DO UPDATE SET due_at = excluded.due_at, reviewed_at = excluded.reviewed_at, "
            "times = excluded.times, card = excluded.card",
            (key, *times, review.times, review.card),
        )

    def drop(self, key: int) -> None:
        """Forget that an entry was ever reviewed."""
        self._db.run("DELETE FROM review WHERE entry_key = %s", (key,))

    def of(self, keys: Iterable[int]) -> dict[int, Review]:
        """The last review of each entry; one that has none is left out."""
        rows = self._db.rows(f"SELECT r.entry_key, {_REVIEW} FROM review r WHERE r.entry_key = ANY(%s)", (list(keys),))
        return {key: _review(rest) for key, *rest in rows}

    def due(self, selection: Selection, now: datetime) -> list[Waiting]:
        """Of the selected entries those whose time has come, by their last review, the longest due first."""
        where, bindings = condition(selection, self._tokens)
        rows = self._db.rows(
            f"SELECT {_ENTRY}, {_REVIEW} FROM review r JOIN entry e ON e.key = r.entry_key "
            f"WHERE r.due_at <= %s AND {where} ORDER BY r.due_at, e.id",
            (written(now), *bindings),
        )
        return [_waiting(row[:4], _review(row[4:])) for row in rows]

    def unreviewed(
        self,
        selection: Selection,
        types: Collection[EntryType],
        before: datetime,
        most: int,
        after: Waiting | None = None,
    ) -> list[Waiting]:
        """Some of the selected entries that have no review, what was changed longest ago first."""
        where, bindings = condition(selection, self._tokens)
        last = ("", "") if after is None else (written(after.changed_at), after.entry_id)
        rows = self._db.rows(
            f"SELECT {_ENTRY} FROM entry e WHERE e.updated_at <= %s AND (e.updated_at, e.id) > (%s, %s) AND e.type = ANY(%s) "
            f"AND NOT EXISTS (SELECT 1 FROM review r WHERE r.entry_key = e.key) AND {where} "
            "ORDER BY e.updated_at, e.id LIMIT %s",
            (written(before), *last, [kind.value for kind in types], *bindings, most),
        )
        return [_waiting(row) for row in rows]

    def answered_since(self, moment: datetime) -> int:
        """How many entries were last looked at since then."""
        sql = "SELECT count(*) FROM review WHERE reviewed_at >= %s AND times > 0"
        return int(self._db.value(sql, (written(moment),)))


def _waiting(row: Row, review: Review | None = None) -> Waiting:
    key, entry_id, kind, changed_at = row
    return Waiting(key, entry_id, EntryType(kind), exact(changed_at), review)


def _review(row: Iterable[object]) -> Review:
    due_at, reviewed_at, times, card = row
    moments = [None if each is None else exact(str(each)) for each in (due_at, reviewed_at)]
    return Review(moments[0], moments[1], int(str(times)), str(card))
