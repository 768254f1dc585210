"""What a person said of two entries, as rows; see `pairs.Pairs`."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from rekall.entry.times import exact, written
from rekall.store.pairs import JudgedPair, Verdict
from rekall.store.postgres.server import Server


class PostgresPairs:
    """Reads and writes what was said of pairs; see `pairs.Pairs`."""

    def __init__(self, db: Server) -> None:
        """Work on a server."""
        self._db = db

    def judge(self, one: str, other: str, verdict: Verdict, judged_at: datetime) -> None:
        """Remember what was said of two entries, named by their ids in any order; said again it is new."""
        self._db.run(
            "INSERT INTO judged_pair (first_id, second_id, verdict, judged_at) VALUES (%s, %s, %s, %s) "
            "ON CONFLICT (first_id, second_id, verdict) DO UPDATE SET judged_at = excluded.judged_at",
            (*sorted((one, other)), verdict.value, written(judged_at)),
        )

    def take_back(self, one: str, other: str, verdict: Verdict) -> bool:
        """Forget what was said of two entries. Returns whether that was known."""
        sql = "DELETE FROM judged_pair WHERE first_id = %s AND second_id = %s AND verdict = %s"
        return self._db.run(sql, (*sorted((one, other)), verdict.value)) > 0

    def forget(self, entry_id: str) -> None:
        """Forget what was said of an entry and any other."""
        self._db.run("DELETE FROM judged_pair WHERE first_id = %s OR second_id = %s", (entry_id, entry_id))

    def all(self, verdict: Verdict) -> list[JudgedPair]:
        """The pairs of which a verdict is known, what was said last first."""
        rows = self._db.rows(
            "SELECT first_id, second_id, judged_at FROM judged_pair WHERE verdict = %s "
            "ORDER BY judged_at DESC, first_id, second_id",
            (verdict.value,),
        )
        return [JudgedPair(first, second, verdict, exact(said)) for first, second, said in rows]

    def among(self, ids: Iterable[str], verdict: Verdict) -> set[tuple[str, str]]:
        """The pairs with a verdict of which at least one entry is among some, each in the order of the ids."""
        chosen = list(ids)
        rows = self._db.rows(
            "SELECT first_id, second_id FROM judged_pair WHERE verdict = %s AND (first_id = ANY(%s) OR second_id = ANY(%s))",
            (verdict.value, chosen, chosen),
        )
        return {(first, second) for first, second in rows}
