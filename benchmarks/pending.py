"""The state `pending`: three fifths of the entries have no vector yet, as while a large import is being embedded."""

from __future__ import annotations

import contextlib
import random
import sqlite3
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from judging import SEED, Bed, ByQuery, Opened, copied, means, opened, queries_of

from rekall.entry.fields import Entry
from rekall.knowledge.judged import known_answers
from rekall.knowledge.measuring import judge
from rekall.search.results import Mode
from rekall.store.sqlite import SqliteStore

SHARE = 0.6
MOST_TITLES = 60
"""Titles asked for of entries with a vector, and as many of entries without."""

HEAD = (
    "| set | titles first, with a vector: words | hybrid | without: words | hybrid "
    "| recall@10 words | hybrid | nDCG@10 words | hybrid |"
)


@dataclass(frozen=True, slots=True)
class Pending:
    """What was found while vectors are missing: shares of titles that come first, and the judged queries."""

    with_vector: tuple[float, float]
    without: tuple[float, float]
    words: ByQuery
    hybrid: ByQuery

    def row(self, name: str) -> str:
        """A line of the table."""
        words, hybrid = means(self.words), means(self.hybrid)
        cells = [*self.with_vector, *self.without, words.recall, hybrid.recall, words.ndcg, hybrid.ndcg]
        return f"| {name} | {' | '.join(f'{cell:.3f}' for cell in cells)} |"


def measure(bed: Bed, most: int) -> Pending:
    """One set, with the vectors of entries that are chosen at random, but always the same."""
    with copied(bed.home) as home:
        waiting = drop_vectors(home / "rekall.db")
        with opened(bed, home) as each:
            entries = each.base.list_entries().entries
            queries = queries_of(bed, most)
            return Pending(
                first_hits(each, [entry for entry in entries if entry.id not in waiting]),
                first_hits(each, [entry for entry in entries if entry.id in waiting]),
                each.by_query(queries, Mode.WORDS),
                each.by_query(queries, Mode.HYBRID),
            )


def first_hits(each: Opened, entries: list[Entry]) -> tuple[float, float]:
    """How often a title finds its entry first, by words and by both."""
    titles = known_answers(entries, MOST_TITLES)
    words, hybrid = (
        sum(judge(title, [hit.entry.id for hit in each.ask(title.text, mode)]).first_hit for title in titles)
        for mode in (Mode.WORDS, Mode.HYBRID)
    )
    return words / len(titles), hybrid / len(titles)


def drop_vectors(database: Path) -> Collection[str]:
    """Take the vectors from some entries of a base; returns their ids."""
    with contextlib.closing(sqlite3.connect(database)) as connection, connection:
        entries = connection.execute("SELECT key, id FROM entry ORDER BY key").fetchall()
        # queries lie in the order of their answers: the chance that chooses them would choose these very entries
        chance = random.Random(f"{SEED} vectors")  # noqa: S311
        waiting = chance.sample(entries, int(SHARE * len(entries)))
    with contextlib.closing(SqliteStore(database)) as store, store.transaction():
        passages = [passage.id for passage in store.passages.of_entries(key for key, _ in waiting)]
        for space in store.vectors.spaces():
            for passage_id in passages:
                store.vectors.index(space).delete(passage_id)
    return {entry_id for _, entry_id in waiting}
