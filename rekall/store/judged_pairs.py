"""What a person said of two entries, as rows; see `pairs.Pairs`."""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import datetime

from rekall.db import Database
from rekall.entry.times import exact, written
from rekall.store.pairs import JudgedPair, Verdict
from rekall.store.typed import TEXT, typed


class SqlitePairs:
    """Reads and writes what was said of pairs; see `pairs.Pairs`."""

    def __init__(self, db: Database) -> None:
        """Work on an open database."""
        self._db = db

    def judge(self, one: str, other: str, verdict: Verdict, judged_at: datetime) -> None:
        """Remember what was said of two entries, named by their ids in any order; said again it is new."""
        row = (*sorted((one, other)), verdict.value, written(judged_at))
        self._db.run("INSERT OR REPLACE INTO judged_pair VALUES (?, ?, ?, ?)", row)

    def take_back(self, one: str, other: str, verdict: Verdict) -> bool:
        """Forget what was said of two entries. Returns whether that was known."""
        where = "FROM judged_pair WHERE first_id = ? AND second_id = ? AND verdict = ?"
        row = (*sorted((one, other)), verdict.value)
        is_known = self._db.value(f"SELECT 1 {where}", row) is not None
        self._db.run(f"DELETE {where}", row)
        return is_known

    def forget(self, entry_id: str) -> None:
        """Forget what was said of an entry and any other."""
        self._db.run("DELETE FROM judged_pair WHERE first_id = ?1 OR second_id = ?1", (entry_id,))

    def all(self, verdict: Verdict) -> list[JudgedPair]:
        """The pairs of which a verdict is known, what was said last first."""
        sql = (
            "SELECT first_id, second_id, judged_at FROM judged_pair WHERE verdict = ? "
            "ORDER BY judged_at DESC, first_id, second_id"
        )
        found = []
        for first, second, said in typed(self._db.rows(sql, (verdict.value,)), TEXT, TEXT, TEXT):
            try:
                found.append(JudgedPair(first, second, verdict, exact(said)))
            except (ValueError, OverflowError):  # a damaged row; `rekall check` says so
                continue
        return found

    def among(self, ids: Iterable[str], verdict: Verdict) -> set[tuple[str, str]]:
        """The pairs with a verdict of which at least one entry is among some, each in the order of the ids."""
        chosen = "(SELECT value FROM json_each(?1))"
        sql = (
            f"SELECT first_id, second_id FROM judged_pair WHERE first_id IN {chosen} AND verdict = ?2 UNION "
            f"SELECT first_id, second_id FROM judged_pair WHERE second_id IN {chosen} AND verdict = ?2"
        )
        rows = self._db.rows(sql, (json.dumps(list(ids)), verdict.value))
        return {(first, second) for first, second in typed(rows, TEXT, TEXT)}
