"""Searches by words, by kind of line: what scoring every entry takes and finds, and what the product takes and finds.

    python benchmarks/common_words.py HOME [--lines 10] [--bounded]

HOME is a base of `benchmarks/scale.py --make`, best of a million notes. Milliseconds of processor time for the index alone: "all" where
FTS5 scores every entry that holds a word; "new" the first time that a line is asked, in a process that has answered others; "again"
the next time. Recall is the share of the ten and of the fifty best of scoring everything. --bounded asks what answers where
the lists of words are not read: an index in a format that is not known.
"""

from __future__ import annotations

import argparse
import contextlib
import random
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from unittest.mock import patch

import numpy as np

from rekall.db import Database
from rekall.entry.filters import Filters
from rekall.entry.types import EntryType
from rekall.store import impacts, scoring
from rekall.store.sqlite import SqliteStore
from rekall.store.values import EVERYTHING, Selection, Terms

_MOST = 100
_FIRST_LINE = "with not from this docker"
assert np  # as after a question by meaning


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("home", type=Path)
    parser.add_argument("--lines", type=int, default=10, help="of each kind")
    parser.add_argument("--bounded", action="store_true", help="without the lists of words")
    options = parser.parse_args()
    if options.bounded:
        patch.object(impacts.EveryScore, "_scores", lambda *args, **more: None).start()
    print(
        "| line | selection | all ms | new ms | longest | again ms | recall@10 | @50 |\n|---|---|---|---|---|---|---|---|"
    )
    with contextlib.closing(SqliteStore(options.home / "rekall.db")) as store:
        store.words.search(store.words.terms(_FIRST_LINE, 64), EVERYTHING, _MOST)
        for kind, make in kinds(store.db).items():
            for said, selection in SELECTIONS.items() if kind == "two common words" else [("everything", EVERYTHING)]:
                terms = [store.words.terms(make(), 64) for _ in range(options.lines)]
                rows = [measured(store, each, selection) for each in terms if scoring.is_costly(each)]
                if rows:
                    every, new, again, ten, fifty = np.array(rows).mean(axis=0)
                    longest = max(row[1] for row in rows)
                    figures = f"{every:.0f} | {new:.0f} | {longest:.0f} | {again:.0f} | {ten:.3f} | {fifty:.3f}"
                    print(f"| {kind} | {said} | {figures} |", flush=True)


SELECTIONS: Mapping[str, Selection] = {
    "everything": EVERYTHING,
    "a type": Selection(Filters(types=(EntryType.BUG,))),
    "a rare type": Selection(Filters(types=(EntryType.TIL,))),
    "a project": Selection(Filters(project="project-7")),
    "a rare project": Selection(Filters(project="project-58")),
    "a tag": Selection(Filters(tags=("topic-0",))),
    "a rare tag": Selection(Filters(tags=("topic-390",))),
    "a phrase": Selection(phrases=("with not",)),
    "a word that must be there": Selection(phrases=("from",)),
    "without a word": Selection(excluded=("from",)),
}


def kinds(db: Database) -> dict[str, Callable[[], str]]:
    """Makes a line of each kind, of words of a base."""
    chance = random.Random(1)  # noqa: S311
    entries = db.value("SELECT count(*) FROM words_docsize")
    last = db.value("SELECT max(key) FROM entry")

    def of(least: float, most: float) -> list[str]:
        sql = "SELECT term FROM temp.vocabulary WHERE doc BETWEEN ? AND ?"
        return [
            term for (term,) in db.rows(sql, (least * entries, most * entries)) if term.isascii() and term.isalpha()
        ]

    common, middle, rare = of(0.1, 0.5), of(0.01, 0.1), of(0.00001, 0.01)

    def of_note(many: int) -> str:
        while True:
            rows = db.rows("SELECT title || ' ' || content FROM entry WHERE key = ?", (chance.randint(1, last),))
            words = (
                [word for word in rows[0][0].replace(".", "").replace(",", "").split() if word.isalpha()]
                if rows
                else []
            )
            if len(words) >= many:
                return " ".join(chance.sample(words, many))

    def some(*parts: tuple[list[str], int]) -> Callable[[], str]:
        return lambda: " ".join(word for words, many in parts for word in chance.sample(words, many))

    return {
        "one common word": some((common, 1)),
        "two common words": some((common, 2)),
        "three common words": some((common, 3)),
        "five common words": some((common, 5)),
        "eight words in 1 to 10 %": some((middle, 8)),
        "two of each": some((common, 2), (middle, 2)),
        "a rare word and two common ones": some((rare, 1), (common, 2)),
        "two rare words and three common ones": some((rare, 2), (common, 3)),
        "eight words of a note": lambda: of_note(8),
        "ten words of a note": lambda: of_note(10),
        "twenty words of a note": lambda: of_note(20),
    }


def measured(store: SqliteStore, terms: Terms, selection: Selection) -> tuple[float, float, float, float, float]:
    """Milliseconds for scoring everything, for the first search and the next, and the recall of the ten and fifty best."""
    took: list[float] = []
    best: dict[int, float] = {}
    for _ in range(2):
        with timed(took):
            best = store.words.search(terms, selection, _MOST)
    with timed(took):
        every = store.words._covered(terms, "words", "1", (), -1 if selection != EVERYTHING else _MOST)
    if selection != EVERYTHING:
        passing = set(store.entries.keys(selection))
        every = {key: share for key, share in every.items() if key in passing}
    return took[2], took[0], took[1], recall(best, every, 10), recall(best, every, 50)


@contextlib.contextmanager
def timed(took: list[float]) -> Iterator[None]:
    """Note the processor time of a block, in milliseconds."""
    began = time.process_time()
    yield
    took.append((time.process_time() - began) * 1e3)


def recall(found: Mapping[int, float], every: Mapping[int, float], most: int) -> float:
    """The share of the best that was found; of equal ones any will do."""
    best = list(every.values())[:most]
    return sum(share >= best[-1] * (1 - 1e-6) for share in list(found.values())[:most]) / len(best) if best else 1.0


if __name__ == "__main__":
    main()
