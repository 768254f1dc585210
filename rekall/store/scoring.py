"""BM25 as FTS5 computes it, and once more from figures that are known: its own counts every term anew for each statement."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from rekall.entry.fields import Column
from rekall.errors import DatabaseCorrupt

if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Protocol

    from rekall.store.values import Terms

    class Row(Protocol):
        """What FTS5 tells of an entry that it found (sqlite.org/fts5.html#custom_auxiliary_functions)."""

        @property
        def row_count(self) -> int:
            """How many entries there are."""

        def column_size(self, column: int, /) -> int:
            """The words of the entry; of all columns where the column is less than 0."""

        def column_total_size(self, column: int, /) -> int:
            """The words of all entries."""

        def phrase_locations(self, phrase: int, /) -> list[list[int]]:
            """Where a phrase of the query stands, a list a column."""


K1 = 1.2  # FTS5's own constants, not configurable (sqlite.org/fts5.html#the_bm25_function)
B = 0.75

WEIGHTS = tuple(column.weight for column in Column)

BM25 = f"bm25(words, {', '.join(map(str, WEIGHTS))})"
"""What FTS5 says of an entry: less is better."""

KNOWN_BM25 = "known_bm25"
"""As statements call `known_bm25`."""


FEW = 150_000
"""Up to so many entries, counted for each term, are all scored: 80 ms."""


def is_costly(terms: Terms) -> bool:
    """Whether scoring every entry that holds a term would take too long; see `rekall.store.ranked`."""
    return sum(terms.frequencies.values()) > FEW


def idf(entries: int, documents: int) -> float:
    """FTS5's inverse document frequency, with its floor for words of more than half the entries."""
    return max(math.log((max(entries - documents, 0) + 0.5) / (documents + 0.5)), 1e-6)


def scores_of(rows: Iterable[tuple[int, float | None]]) -> dict[int, float]:
    """Scores by key, as a statement gave them.

    Raises:
        DatabaseCorrupt: The index counts no words, so that nothing has a score.
    """
    found: dict[int, float] = {}
    for key, score in rows:
        if score is None:
            raise DatabaseCorrupt("the words index does not say how many words there are")
        found[key] = score
    return found


def known_bm25(row: Row, passed_over: int, *idfs: float) -> float | None:
    """The score of an entry, more is better; None where the index counts no words.

    Args:
        row: What FTS5 knows of it.
        passed_over: So many phrases of the query come first and do not count.
        idfs: The inverse document frequency of each of the others.
    """
    words = row.column_total_size(-1)
    if words <= 0:
        return None
    length = row.column_size(-1) * row.row_count / words
    norm = K1 * (1 - B + B * length)
    score = 0.0
    for phrase, each in enumerate(idfs, passed_over):
        found = 0.0
        for weight, places in zip(WEIGHTS, row.phrase_locations(phrase)):
            if places:
                found += weight * len(places)
        if found:
            score += each * ((found * (K1 + 1)) / (found + norm))
    return score
