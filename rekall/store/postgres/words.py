"""The words index on a server: the postings of Rekall's own tokens, and BM25 over them in SQL.

A term, the length of an entry and the weights of the columns count as they do in FTS5 (`rekall.store.scoring`), so that both stores
give the same coverage. Shares of a score are added up as whole numbers: equal entries have equal scores, in whatever order the
server adds.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from rekall.entry.fields import Entry
from rekall.store.asked import AskedTerms
from rekall.store.folding import fold, fold_in_place
from rekall.store.postgres.counts import Counts, Tokens
from rekall.store.postgres.phrases import Query, Side, beginning_with, holding, side_by_side
from rekall.store.postgres.postings import Postings
from rekall.store.postgres.selection import condition
from rekall.store.postgres.server import Server
from rekall.store.scoring import K1, WEIGHTS, B, idf
from rekall.store.title_words import title_key, title_words, typed
from rekall.store.values import Selection, Term, Terms
from rekall.store.vocabulary import MOST_READ, Vocabulary

_MOST_ALIKE = 1000
"""So many entries of one title are looked at."""
_MOST_OF_A_TITLE = 32
"""Words by which a title is looked for."""

_ONE = 1 << 30
"""The most that the terms could score, as a whole number, so that the share of each fits an integer."""

_SHARE = f"(%s * p.found / (p.found + {K1 * (1 - B)} + %s * p.size))::integer"
"""What a term adds to the score of an entry; bound are its weight, and what a word counts towards the entry's length."""


_BETWEEN = "  "
_TIMES = f"{{weight}} * (cardinality(string_to_array(replace(split_part(i.stems, E'\\n', {{line}}), ' ', '{_BETWEEN}'), %s)) - 1)"
"""How often words stand side by side in a column: with two blanks between all words no two places have one in common."""


class PostgresWords:
    """Adds entries to the index and searches it; see `contract.Words`."""

    def __init__(self, db: Server, tokens: Tokens) -> None:
        """Work on a server."""
        self._db = db
        self._tokens = tokens
        self._postings = Postings(db, tokens)
        self._counts = Counts(db, tokens)
        self._asked = AskedTerms(self._counts)
        self._vocabulary = Vocabulary(self._counts)

    def put(self, key: int, entry: Entry) -> None:
        """Index an entry, in place of what was indexed under the same key."""
        self._postings.put([(key, entry)])

    def put_many(self, entries: Sequence[tuple[int, Entry]]) -> None:
        """Index entries by their keys, each in place of what was indexed under it."""
        self._postings.put(entries)

    def delete(self, key: int) -> None:
        """Remove an entry from the index."""
        self._postings.forget([key])

    def forget_deleted(self) -> None:
        """Leave no word of a deleted entry in the index."""
        self._postings.forget_unheld()

    def clear(self) -> None:
        """Empty the index."""
        self._postings.clear()

    def damage(self) -> str:
        """Empty: what a server cannot read is an error of its own."""
        return ""

    def count(self) -> int:
        """How many entries are indexed."""
        return self._counts.entries()

    def places(self, text: str) -> list[tuple[int, int, str]]:
        """The words of a text: where each begins and ends, in characters, and its stem."""
        self._db.check_open()
        folded = fold_in_place(text)
        return [(*folded.place(start, end), stem) for start, end, stem in self._tokens.stem_places(folded.text)]

    def terms(self, text: str, most: int, *, unfinished: bool = False) -> Terms:
        """The distinct words of a text worth looking for, and what was typed in one piece."""
        return self._asked.terms(text, most, unfinished=unfinished)

    def titled(self, text: str, selection: Selection, most: int) -> list[int]:
        """Keys of the selected entries whose title has exactly these words, in this order; the newest first."""
        words = title_words(self._tokens, text)
        sql, bindings = holding(side_by_side(self._tokens, title_key(words)))
        where, bound = condition(selection, self._tokens)
        rows = self._db.rows(
            f"SELECT e.key, e.title FROM entry e WHERE e.key IN ({sql}) AND {where} ORDER BY e.key DESC LIMIT {_MOST_ALIKE}",
            (*bindings, *bound),
        )
        same = [key for key, title in rows if typed(title) == typed(text)]
        return (same or [key for key, title in rows if title_words(self._tokens, title) == words])[:most]

    def in_titles(self, text: str, most: int) -> list[int]:
        """Keys of the entries whose title holds every word of a text in any form, or else words that begin so."""
        words = [fold(word) for word in text.split()[:_MOST_OF_A_TITLE] if any(map(str.isalnum, word))]
        for is_beginning in (False, True) if words else ():
            sides = [side_by_side(self._tokens, word, is_beginning=is_beginning) for word in words]
            parts = [holding(side, in_title=True) for side in sides]
            sql = f"{' INTERSECT '.join(sql for sql, _ in parts)} ORDER BY key DESC LIMIT %s"
            rows = self._db.rows(sql, (*(value for _, bound in parts for value in bound), most))
            if rows:
                return [key for (key,) in rows]
        return []

    def unknown(self, words: Sequence[str]) -> list[str]:
        """Those of the words that no entry holds in any form, and that begin no word of one."""
        return self._vocabulary.unknown(words)

    def held(self, words: Sequence[str]) -> dict[str, int]:
        """How many entries hold each of the words in any form; one that none holds is left out."""
        return self._vocabulary.held(words)

    def form(self, word: str) -> str | None:
        """A word as entries write it: itself where one does, else the form that stands there most often."""
        sql, bindings = holding(side_by_side(self._tokens, fold(word)))
        rows = self._db.rows(
            "SELECT e.title || chr(10) || e.content, "
            "(SELECT string_agg(i.value, chr(10)) FROM item i WHERE i.entry_key = e.key) "
            f"FROM entry e WHERE e.key IN ({sql}) ORDER BY e.key DESC LIMIT {MOST_READ}",
            bindings,
        )
        return self._vocabulary.form(word, [text for row in rows for text in row if text])

    def search(self, terms: Terms, selection: Selection, limit: int) -> dict[int, float]:
        """The selected entries that cover most of the terms, best first, each with its coverage."""
        parts = self._shares(terms)
        if not parts:
            return {}
        sql, bindings = _joined(parts)
        source = f"({sql}) s"
        if not selection.is_everything:
            where, bound = condition(selection, self._tokens)
            source += f" JOIN entry e ON e.key = s.key WHERE {where}"
            bindings += bound
        sql = f"SELECT s.key, sum(s.share) FROM {source} GROUP BY s.key ORDER BY 2 DESC, 1 LIMIT %s"
        return _coverage(self._db.rows(sql, (*bindings, limit)))

    def coverage_of(self, terms: Terms, keys: Iterable[int]) -> dict[int, float]:
        """Coverage of the given entries; one that holds no term is left out."""
        chosen = list(keys)
        parts = self._shares(terms, chosen) if chosen else []
        if not parts:
            return {}
        sql, bindings = _joined(parts)
        return _coverage(self._db.rows(f"SELECT key, sum(share) FROM ({sql}) s GROUP BY key", bindings))

    def matched(self, terms: Terms, keys: Iterable[int]) -> dict[int, tuple[Term, ...]]:
        """Which of the terms each of the given entries holds; one that holds none is left out."""
        chosen, asked = list(keys), list(terms)
        parts = [
            (f"SELECT {place}, s.key FROM ({sql}) s WHERE s.key = ANY(%s)", (*bindings, chosen))
            for place, (sql, bindings) in enumerate(holding(self._counts.side(term)) for term in asked)
        ]
        found: dict[int, list[Term]] = {}
        if parts and chosen:
            for place, key in sorted(self._db.rows(*_joined(parts))):
                found.setdefault(key, []).append(asked[place])
        return {key: tuple(held) for key, held in found.items()}

    def _shares(self, terms: Terms, chosen: Sequence[int] | None = None) -> list[Query]:
        """What each term adds to the score of each entry that holds it, or of each of some entries."""
        held = {term: self._counts.side(term) for term, documents in terms.frequencies.items() if documents}
        if not held:
            return []
        known, entries, words = self._counts.numbers(side.stems[0] for side in held.values() if side.is_word)
        total = _total(terms)
        length = K1 * B * entries / max(words, 1)
        parts: list[Query] = []
        for term, side in held.items():
            weight = _ONE * idf(terms.entries, terms.frequencies[term]) / total
            if side.is_word:
                source: Query = "posting p WHERE p.term = %s", (known.get(side.stems[0]),)
            else:
                source = _counted(side)
            where = "" if chosen is None else f" {'AND' if side.is_word else 'WHERE'} p.key = ANY(%s)"
            among = () if chosen is None else (chosen,)
            parts.append(
                (f"SELECT p.key, {_SHARE} AS share FROM {source[0]}{where}", (weight, length, *source[1], *among))
            )
        return parts


def _counted(side: Side) -> Query:
    """How often entries hold the beginning of a word, or words side by side, as `posting p` says it of a word."""
    if len(side.stems) == 1:
        where, bindings = beginning_with(side.stems[0])
        return (
            "(SELECT p.key, sum(p.found) AS found, min(p.size) AS size FROM posting p "
            f"WHERE p.term IN (SELECT t.id FROM term t WHERE {where}) GROUP BY p.key) p"
        ), bindings
    sql, bindings = holding(side)
    times = f"({' + '.join(_TIMES.format(weight=weight, line=line) for line, weight in enumerate(WEIGHTS, 1))})::real"
    return (
        f"(SELECT i.key, {times} AS found, i.size FROM indexed i WHERE i.key IN ({sql})) p",
        (*[side.spaced(_BETWEEN)] * len(WEIGHTS), *bindings),
    )


def _joined(parts: Sequence[Query]) -> Query:
    return " UNION ALL ".join(sql for sql, _ in parts), tuple(value for _, bound in parts for value in bound)


def _total(terms: Terms) -> float:
    """The idf of all terms: the most that they could score is K1 + 1 times as much."""
    return sum(idf(terms.entries, documents) for documents in terms.frequencies.values())


def _coverage(rows: Iterable[tuple[Any, ...]]) -> dict[int, float]:
    """Scores as shares of the most that the terms could score."""
    return {key: int(score) / _ONE for key, score in rows}
