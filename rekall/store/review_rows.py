"""When entries are to be looked at again, as rows; see `reviews.Reviews`."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Iterator
from datetime import datetime

from rekall.db import Database, Row
from rekall.entry.times import exact, written
from rekall.entry.types import EntryType
from rekall.store.reviews import Review, Waiting
from rekall.store.selection import condition
from rekall.store.typed import NUMBER, TEXT, TEXT_OR_NONE, typed
from rekall.store.values import Selection

_REVIEW = "r.due_at, r.reviewed_at, r.times, r.card"
_ENTRY = "e.key, e.id, e.type, e.updated_at"


class SqliteReviews:
    """Reads and writes reviews; see `reviews.Reviews`."""

    def __init__(self, db: Database) -> None:
        """Work on an open database."""
        self._db = db

    def put(self, key: int, review: Review) -> None:
        """Remember a review in the place of the one before."""
        times = (None if each is None else written(each) for each in (review.due_at, review.reviewed_at))
        self._db.run(
            "INSERT OR REPLACE INTO review (entry_key, due_at, reviewed_at, times, card) VALUES (?, ?, ?, ?, ?)",
            (key, *times, review.times, review.card),
        )

    def drop(self, key: int) -> None:
        """Forget that an entry was ever reviewed."""
        self._db.run("DELETE FROM review WHERE entry_key = ?", (key,))

    def of(self, keys: Iterable[int]) -> dict[int, Review]:
        """The last review of each entry; one that has none, or a damaged one, is left out."""
        rows = self._db.readable_rows(
            f"SELECT r.entry_key, {_REVIEW} FROM review r WHERE r.entry_key IN (SELECT value FROM json_each(?))",
            (json.dumps(list(keys)),),
        )
        found = typed(rows, NUMBER, TEXT_OR_NONE, TEXT_OR_NONE, NUMBER, TEXT)
        return {row[0]: review for row in found if (review := _review(row[1:])) is not None}

    def due(self, selection: Selection, now: datetime) -> list[Waiting]:
        """Of the selected entries those whose time has come, by their last review, the longest due first."""
        where, bindings = condition(selection)
        rows = self._db.readable_rows(
            f"SELECT {_ENTRY}, {_REVIEW} FROM review r JOIN entry e ON e.key = r.entry_key "
            f"WHERE r.due_at <= ? AND {where} ORDER BY r.due_at, e.id",
            (written(now), *bindings),
        )
        shapes = (NUMBER, TEXT, TEXT, TEXT, TEXT_OR_NONE, TEXT_OR_NONE, NUMBER, TEXT)
        return [each for each in _waiting(typed(rows, *shapes)) if each.review is not None]

    def unreviewed(
        self,
        selection: Selection,
        types: Collection[EntryType],
        before: datetime,
        most: int,
        after: Waiting | None = None,
    ) -> list[Waiting]:
        """Some of the selected entries that have no review, what was changed longest ago first."""
        where, bindings = condition(selection)
        last = ("", "") if after is None else (written(after.changed_at), after.entry_id)
        kinds = json.dumps([kind.value for kind in types])
        rows = self._db.readable_rows(
            f"SELECT {_ENTRY} FROM entry e WHERE e.updated_at <= ? AND (e.updated_at, e.id) > (?, ?) "
            "AND e.type IN (SELECT value FROM json_each(?)) "
            f"AND NOT EXISTS (SELECT 1 FROM review r WHERE r.entry_key = e.key) AND {where} "
            "ORDER BY e.updated_at, e.id LIMIT ?",
            (written(before), *last, kinds, *bindings, most),
        )
        return list(_waiting(typed(rows, NUMBER, TEXT, TEXT, TEXT)))

    def answered_since(self, moment: datetime) -> int:
        """How many entries were last looked at since then."""
        return int(
            self._db.value("SELECT count(*) FROM review WHERE reviewed_at >= ? AND times > 0", (written(moment),))
        )


def _waiting(rows: Iterable[Row]) -> Iterator[Waiting]:
    """Entries of rows; what is damaged is left out."""
    for key, entry_id, kind, changed_at, *rest in rows:
        try:
            review = _review(rest) if rest else None
            yield Waiting(key, entry_id, EntryType(kind), exact(changed_at), review)
        except (ValueError, OverflowError):
            continue


def _review(row: Collection[object]) -> Review | None:
    due_at, reviewed_at, times, card = row
    try:
        moments = [None if each is None else exact(str(each)) for each in (due_at, reviewed_at)]
    except (ValueError, OverflowError):
        return None
    return Review(moments[0], moments[1], int(str(times)), str(card))
