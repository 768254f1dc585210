"""The best entries for some terms by BM25, where scoring everything that holds a common word would take too long.

Scoring an entry takes 0.45 µs, and `with` is in 370,000 of a million. A term adds at most idf × (k1 + 1) to a score, so an entry that
holds common words alone does not beat what holds the rare ones (MaxScore: Turtle and Flood 1995). So

1. all that hold one of the rarest terms are scored by these, and the best of them by all terms;
2. the common terms are parted in two, and what holds one of each part is scored; another parting leaves unseen only what has all
   its terms in one quarter;
3. of a single common term, entries are scored that have it in their title.

It ends as soon as nothing unseen can be among the best `PROVEN`, or when what may be spent is spent (docs/adr/0034).
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate

from rekall.db import Database
from rekall.store.scoring import BM25, K1, KNOWN_BM25, idf, known_bm25, scores_of
from rekall.store.selection import condition, expression, left_out, literal
from rekall.store.title_words import title_key, title_words
from rekall.store.values import Selection, Terms

RARE = 20_000
"""So many, counted for each term, hold the rarest terms."""

SPENT = 100.0
"""What may be spent, in milliseconds of one processor; counted and not timed, so that the same query finds the same."""

PROVEN = 10
"""So many of the best are sought until none can be missing."""

LOOKED_AT = 1000
"""Of those that hold a rare term so many are scored by all terms."""

MOST_LOOKED_FOR = 1000
"""For a longer list everything is scored."""

_ROW_MS, _POSTING_MS = 0.45e-3, 0.08e-3
"""What it takes to score an entry, and to go by one twice: FTS5 counts every term for itself before it scores."""

MOST_PARTINGS = 2
_AT_ONCE = 250
"""Titles in one statement."""

NARROW = 20_000
"""Where no more entries are selected, all of them that hold a term are scored."""

_CHOSEN = "(SELECT value FROM json_each(?))"


@dataclass(frozen=True, slots=True)
class Weighed:
    """A term as it counts: how it is asked for, how many entries hold it, and its share of a score."""

    sought: str
    documents: int
    idf: float

    @property
    def most(self) -> float:
        """What it adds to a score at most: FTS5's curve ends there."""
        return self.idf * (K1 + 1)


@dataclass(frozen=True, slots=True)
class Best:
    """What was found.

    Attributes:
        scores: The best entries, best first, with their BM25 scores.
        is_proven: Whether no other entry can be among the best `PROVEN` of all.
    """

    scores: dict[int, float]
    is_proven: bool


Halves = tuple[Sequence[Weighed], Sequence[Weighed]]


class RankedWords:
    """Finds the best entries for terms, and scores given ones; see the module."""

    def __init__(self, db: Database) -> None:
        """Work on an open database."""
        self._db = db
        db.add_ranking(KNOWN_BM25, known_bm25)

    def best(self, terms: Terms, selection: Selection, limit: int) -> Best | None:
        """The best of the selected entries, at most `limit`; None where everything must be scored to know them."""
        weighed = _weighed(terms)
        if limit > MOST_LOOKED_FOR or (len(weighed) == 1 and (_POSTING_MS + _ROW_MS) * weighed[0].documents < SPENT):
            return None
        chosen = None
        if not replace(selection, excluded=()).is_everything:
            where, bindings = condition(selection)
            sql = f"SELECT e.key FROM entry e WHERE {where} LIMIT {NARROW + 1}"
            chosen = [key for (key,) in self._db.rows(sql, bindings)]
            if len(chosen) <= NARROW:
                scores = self.known(any_of(weighed), 0, weighed, chosen) if chosen else {}
                return Best(dict(_ordered(scores)[:limit]), is_proven=True)
        looking = _Looking(self, weighed, terms.entries, limit, selection)
        looking.look()
        scores = dict(_ordered(looking.scores)[:limit])
        return Best(scores, looking.is_proven()) if len(scores) == limit else None

    def scores_of(self, terms: Terms, keys: Iterable[int]) -> dict[int, float]:
        """The scores of given entries; one that holds no term is left out."""
        return self.scores_of_weighed(_weighed(terms), list(keys))

    def scores_of_weighed(self, weighed: Sequence[Weighed], chosen: Sequence[int]) -> dict[int, float]:
        """The same for terms as they count.

        Their titles lead there: each has a word of its own in the index (`title_words`), and what holds none of these words FTS5
        passes over in leaps.
        """
        scores: dict[int, float] = {}
        for start in range(0, len(chosen), _AT_ONCE):
            among = chosen[start : start + _AT_ONCE]
            titles = self._db.rows(f"SELECT title FROM entry WHERE key IN {_CHOSEN}", (json.dumps(among),))
            anchors = sorted({title_key(title_words(self._db, title)) for (title,) in titles})
            if anchors:
                asked = f"(title : ({' OR '.join(map(literal, anchors))})) AND ({any_of(weighed)})"
                scores |= self.known(asked, len(anchors), weighed, among)
        return scores

    def known(self, asked: str, passed_over: int, terms: Sequence[Weighed], keys: Sequence[int]) -> dict[int, float]:
        """The scores of those of the given entries that an expression finds.

        Args:
            asked: The expression.
            passed_over: So many phrases of it come first and do not count.
            terms: Its other phrases.
            keys: The entries.
        """
        sql = (
            f"SELECT rowid, {KNOWN_BM25}(words, ?{', ?' * len(terms)}) FROM words "
            f"WHERE words MATCH ? AND +rowid IN {_CHOSEN}"
        )
        return scores_of(self._db.rows(sql, (passed_over, *(term.idf for term in terms), asked, json.dumps(keys))))

    def scored(self, asked: str, most: int, selection: Selection) -> dict[int, float]:
        """The best of the selected entries that an expression finds, by all phrases of it, as FTS5 scores them."""
        sql = f"SELECT rowid, -{BM25} AS score FROM words WHERE words MATCH ? ORDER BY score DESC, rowid LIMIT"
        asked, passing = f"({asked}){left_out(selection)}", replace(selection, excluded=())
        if passing.is_everything:
            return scores_of(self._db.rows(f"{sql} ?", (asked, most)))
        where, bindings = condition(passing)  # looked at from the best on, until enough have passed
        sql = f"SELECT s.rowid, s.score FROM ({sql} -1) s CROSS JOIN entry e ON e.key = s.rowid WHERE {where} LIMIT ?"
        return scores_of(self._db.rows(sql, (asked, *bindings, most)))


class _Looking:
    """One search for the best: what it found, and what may have been passed over."""

    def __init__(
        self, ranked: RankedWords, terms: list[Weighed], entries: int, limit: int, selection: Selection
    ) -> None:
        self.scores: dict[int, float] = {}
        self._ranked = ranked
        self._entries = entries
        self._limit = limit
        self._selection = selection
        self._terms = terms
        rare = sum(total <= RARE for total in accumulate(term.documents for term in self._terms))
        self._rare, self._common = self._terms[:rare], self._terms[rare:]
        self._spent = 0.0
        self._kept = max(LOOKED_AT, limit)
        self._rare_unseen = self._cut_off = (
            0.0  # by rare terms alone, and in all: the most of what was found and not kept
        )
        self._cells: list[Sequence[Weighed]] = [self._terms]
        """What was not found has all its terms in one of these, and perhaps some of `_others`."""
        self._others: Sequence[Weighed] = ()

    def is_proven(self) -> bool:
        """Whether nothing else can be among the best `PROVEN`."""
        best = sorted(self.scores.values(), reverse=True)[:PROVEN]
        unseen = max(_most(term for term in cell if term not in self._rare) for cell in self._cells)
        unseen += self._rare_unseen + _most(self._others)
        return len(best) == PROVEN and best[-1] >= max(self._cut_off, unseen)

    def look(self) -> None:
        """Go one way after the other."""
        if self._rare:
            self._look_at_rare()
        if self._common and not self._is_enough():
            if len(self._common) == 1:
                self._look_at_titles()
            else:
                self._look_at_parts()

    def _is_enough(self) -> bool:
        return len(self.scores) >= self._limit and self.is_proven()

    def _look_at_rare(self) -> None:
        held = self._ranked.scored(any_of(self._rare), self._kept, self._selection)
        if len(held) == self._kept:
            self._rare_unseen = min(held.values())
        if self._common:
            asked = f"({any_of(self._rare)}) AND ({any_of(self._common)})"
            held |= self._ranked.known(asked, 0, self._terms, list(held))
        self.scores |= held
        self._spent += (_POSTING_MS + _ROW_MS) * sum(term.documents for term in self._rare)

    def _look_at_titles(self) -> None:
        (term,) = self._common
        title = f"title : {term.sought}"
        found = list(self._ranked.scored(f"({title}) AND {term.sought}", self._kept, self._selection))
        self.scores |= self._ranked.known(f"({title}) AND ({any_of(self._terms)})", 1, self._terms, found)

    def _look_at_parts(self) -> None:
        for place, halves in enumerate(self._partings()):
            cost = _cost(halves, self._entries)
            if place and self._spent + cost > SPENT:
                break
            self._spent += cost
            self._others = [term for term in self._terms if term not in [*halves[0], *halves[1]]]
            self._look_at_both(halves)
            self._cells = [[term for term in cell if term in half] for cell in self._cells for half in halves]
            if self._is_enough():
                break

    def _partings(self) -> Sequence[Halves]:
        """Ways to part the terms in two, any two terms in one way or another; or one way that can be afforded."""
        terms = self._terms
        ways = [_by_bit(terms, bit) for bit in range(MOST_PARTINGS)]
        if self._spent + _cost(ways[0], self._entries) <= SPENT:
            return [way for way in ways if way[1]]
        least = len(self._rare) + 1
        for size in range(len(terms), least + 1, -1):
            for first in range(size - 1, least - 1, -1):
                way = (terms[:first], terms[first:size])
                if self._spent + _cost(way, self._entries) <= SPENT:
                    return [way]
        return [(terms[:least], terms[least : least + 1])]

    def _look_at_both(self, halves: Halves) -> None:
        asked = " AND ".join(f"({any_of(half)})" for half in halves)
        most = self._limit if not self._others else 2 * self._limit
        found = self._ranked.scored(asked, most, self._selection)
        if len(found) == most:
            self._cut_off = max(self._cut_off, min(found.values()) + _most(self._others))
        if self._others:
            found = self._ranked.scores_of_weighed(self._terms, [key for key in found if key not in self.scores])
        self.scores |= found


def _weighed(terms: Terms) -> list[Weighed]:
    """The terms that some entry holds, the rarest first."""
    return [
        Weighed(expression(term), documents, idf(terms.entries, documents))
        for term, documents in sorted(terms.frequencies.items(), key=lambda each: each[1])
        if documents
    ]


def _ordered(scores: Mapping[int, float]) -> list[tuple[int, float]]:
    """The best first; of equal ones the oldest."""
    return sorted(scores.items(), key=lambda each: (-each[1], each[0]))


def any_of(terms: Iterable[Weighed]) -> str:
    """An expression for what holds one of some terms."""
    return " OR ".join(term.sought for term in terms)


def _by_bit(terms: Sequence[Weighed], bit: int) -> Halves:
    """Terms parted by one bit of their places."""
    return (
        [term for place, term in enumerate(terms) if not place >> bit & 1],
        [term for place, term in enumerate(terms) if place >> bit & 1],
    )


def _most(terms: Iterable[Weighed]) -> float:
    """What an entry scores at most by some terms."""
    return sum(term.most for term in terms)


def _cost(halves: Halves, entries: int) -> float:
    """What it takes to score what holds a term of each half, if words know nothing of each other."""
    rows = entries * math.prod(1 - math.prod(1 - term.documents / entries for term in half) for half in halves)
    return _POSTING_MS * sum(term.documents for half in halves for term in half) + _ROW_MS * rows
