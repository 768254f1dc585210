"""The words index: FTS5 over every text of an entry, and how much of a query an entry covers."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from rekall.db import Database
from rekall.entry.fields import Column, Entry
from rekall.store import schema
from rekall.store.asked import AskedTerms
from rekall.store.damaged_words import Everything, Reading, Writing, check_not_empty, make_empty
from rekall.store.folding import fold, fold_in_place
from rekall.store.indexed import columns_of
from rekall.store.scoring import BM25, K1, idf, is_costly, scores_of
from rekall.store.selection import condition, expression, left_out, literal
from rekall.store.title_words import title_key, title_words, typed
from rekall.store.values import Selection, Term, Terms
from rekall.store.vocabulary import MOST_READ, Vocabulary
from rekall.store.word_counts import WordCounts, in_parts

if TYPE_CHECKING:
    from rekall.store.impacts import EveryScore
    from rekall.store.ranked import RankedWords

_NAMES = ", ".join(column.value[0] for column in Column)

_PUT = f"INSERT INTO words (rowid, {_NAMES}) VALUES (?, {', '.join('?' * len(Column))})"
_DELETE = "DELETE FROM words WHERE rowid = ?"
_MOST_ALIKE = 1000
"""So many entries of one title are looked at."""
_MOST_OF_A_TITLE = 32
"""Words by which a title is looked for."""


class SqliteWords:
    """Adds entries to the index and searches it; see `contract.Words`.

    FTS5 stems what it is asked, and stemming twice is not stemming once ("database", "databas", "databa"): it is asked
    for the word of a `Term`, and the stem serves to look up how common it is.
    """

    def __init__(self, db: Database, everything: Everything | None = None) -> None:
        """Work on an open database.

        Args:
            db: The base.
            everything: Every entry, to make a damaged index anew; without it damage is raised.
        """
        self._db = db
        self._everything = everything
        self._reading = Reading(db)
        self._writing = Writing(db, self._put_all if everything else None)
        self._counts = WordCounts(db)
        self._asked = AskedTerms(self._counts)
        self._vocabulary = Vocabulary(self._counts)
        self._every: EveryScore | None = None

    def put(self, key: int, entry: Entry) -> None:
        """Index an entry, in place of what was indexed under the same key."""
        self.put_many([(key, entry)])

    def put_many(self, entries: Sequence[tuple[int, Entry]]) -> None:
        """Index entries by their keys, each in place of what was indexed under it."""
        with self._writing:
            self._put(entries)

    def delete(self, key: int) -> None:
        """Remove an entry from the index."""
        with self._writing:
            self._delete(key)
            return
        self._delete(key)

    def forget_deleted(self) -> None:
        """Merge the index into one piece, in which no word of a deleted entry is left."""
        with self._writing:
            self._db.run(schema.MERGE_WORDS)

    def clear(self) -> None:
        """Empty the index, whatever is wrong with it."""
        make_empty(self._db)

    def damage(self) -> str:
        """Why the index could not be read, if nothing was written since; empty when it could, as far as is known."""
        return self._reading.damage

    def count(self) -> int:
        """How many entries are indexed."""
        with self._reading:
            return self._counts.entries()
        return 0

    def _put_all(self) -> None:
        self.clear()
        for key, entry in self._everything() if self._everything else ():
            self._put([(key, entry)])

    def _put(self, entries: Sequence[tuple[int, Entry]]) -> None:
        self._db.run_many(_DELETE, ((key,) for key, _ in entries))
        # FTS5 writes out what it has gathered when a key comes that is not greater than the last
        in_order = sorted(entries, key=lambda item: item[0])
        self._db.run_many(_PUT, ((key, *columns_of(entry, self._db)) for key, entry in in_order))

    def _delete(self, key: int) -> None:
        self._db.run(_DELETE, (key,))

    def places(self, text: str) -> list[tuple[int, int, str]]:
        """The words of a text: where each begins and ends, in characters, and its stem."""
        folded = fold_in_place(text)
        return [(*folded.place(start, end), stem) for start, end, stem in self._db.stem_places(folded.text)]

    def terms(self, text: str, most: int, *, unfinished: bool = False) -> Terms:
        """The distinct words of a text worth looking for, and what was typed in one piece.

        Of more than `most` the rarest, unknown ones last. Words of more than half the entries, to which FTS5 gives no
        weight, are passed over beside rarer ones that some entry holds: ranking every entry that holds "the" is what
        a search of a large base would spend its time on.

        A word that no entry holds is looked for as the beginning of one; so is the last word of an unfinished text.
        """
        with self._reading:
            found = self._asked.terms(text, most, unfinished=unfinished)
            if not any(found.frequencies.values()):
                check_not_empty(self._db)
            return found
        return Terms({}, 1)

    def titled(self, text: str, selection: Selection, most: int) -> list[int]:
        """Keys of the selected entries whose title has exactly these words, in this order; the newest first.

        Where titles differ in punctuation only ("C", "C++"), and one is what was typed, the others are left out.
        """
        with self._reading:
            return self._titled(text, selection, most)
        return []

    def _titled(self, text: str, selection: Selection, most: int) -> list[int]:
        words = title_words(self._db, text)
        where, bindings = condition(selection)
        sql = f"""
            SELECT e.key, e.title FROM words JOIN entry e ON e.key = words.rowid
            WHERE words MATCH ? AND {where} ORDER BY words.rowid DESC LIMIT {_MOST_ALIKE}
        """
        rows = self._db.readable_rows(sql, (f"title : {literal(title_key(words))}", *bindings))
        same = [key for key, title in rows if typed(title) == typed(text)]
        return (same or [key for key, title in rows if title_words(self._db, title) == words])[:most]

    def in_titles(self, text: str, most: int) -> list[int]:
        """Keys of the entries whose title holds every word of a text in any form, or else words that begin so."""
        words = [literal(fold(word)) for word in text.split()[:_MOST_OF_A_TITLE] if any(map(str.isalnum, word))]
        with self._reading:
            for ending in ("", "*") if words else ():
                asked = " AND ".join(f"title : {word}{ending}" for word in words)
                sql = "SELECT rowid FROM words WHERE words MATCH ? ORDER BY rowid DESC LIMIT ?"
                if rows := self._db.rows(sql, (asked, most)):
                    return [key for (key,) in rows]
        return []

    def unknown(self, words: Sequence[str]) -> list[str]:
        """Those of the words that no entry holds in any form, and that begin no word of one."""
        with self._reading:
            return self._vocabulary.unknown(words)
        return []

    def held(self, words: Sequence[str]) -> dict[str, int]:
        """How many entries hold each of the words in any form; one that none holds is left out."""
        with self._reading:
            return self._vocabulary.held(words)
        return {}

    def form(self, word: str) -> str | None:
        """A word as entries write it: itself where one does, else the form that stands there most often."""
        with self._reading:
            rows = self._db.readable_rows(
                "SELECT e.title || char(10) || e.content, (SELECT group_concat(i.value, char(10)) FROM item i "
                "WHERE i.entry_key = e.key) FROM words JOIN entry e ON e.key = words.rowid WHERE words MATCH ? "
                f"ORDER BY words.rowid DESC LIMIT {MOST_READ}",
                (literal(fold(word)),),
            )
            return self._vocabulary.form(word, [text for row in rows for text in row if text])
        return None

    def search(self, terms: Terms, selection: Selection, limit: int) -> dict[int, float]:
        """The selected entries that cover most of the terms, best first, each with its coverage.

        Coverage is the BM25 score over the most that the query could score, Σ idf(term) × (k1 + 1): a share
        that compares across queries, unlike the score itself.
        """
        with self._reading:
            scores = self._of_every(terms, lambda every: every.best(terms, selection, limit))
            if scores is not None:
                return _coverage(terms, scores)
            if is_costly(terms) and (best := self._ranked().best(terms, selection, limit)) is not None:
                if not best.is_proven:  # worth an import
                    scores = self._of_every(terms, lambda every: every.best(terms, selection, limit, imports=True))
                return _coverage(terms, best.scores if scores is None else scores)
            without, passing = left_out(selection), replace(selection, excluded=())
            if passing.is_everything:  # an index that holds what entries hold needs no look at them
                return self._covered(terms, "words", "1", (), limit, without)
            source = "words JOIN entry e ON e.key = words.rowid"
            return self._covered(terms, source, *condition(passing), limit, without)
        return {}

    def coverage_of(self, terms: Terms, keys: Iterable[int]) -> dict[int, float]:
        """Coverage of the given entries; one that holds no term is left out."""
        chosen = list(keys)
        # `+` keeps FTS5 from counting every term anew for each key
        among = "+words.rowid IN (SELECT value FROM json_each(?))"
        with self._reading:
            scores = self._of_every(terms, lambda every: every.scores_of(terms, chosen))
            if scores is not None or is_costly(terms):
                return _coverage(terms, self._ranked().scores_of(terms, chosen) if scores is None else scores)
            return self._covered(terms, "words", among, (json.dumps(chosen),), -1) if chosen else {}
        return {}

    def matched(self, terms: Terms, keys: Iterable[int]) -> dict[int, tuple[Term, ...]]:
        """Which of the terms each of the given entries holds; one that holds none is left out."""
        chosen = list(keys)
        with self._reading:
            if self._every is not None:
                with self._db.snapshot():
                    held = self._every.matched(terms, chosen)
                if held is not None:
                    return held
            return self._matched(terms, json.dumps(chosen))
        return {}

    def holders(self, text: str, keys: Sequence[int] | None) -> set[int] | None:
        """Which of some entries, or of all, hold words side by side; None where the lists of entries are not here."""
        if self._every is None:
            return None
        with self._reading, self._db.snapshot():
            return self._every.holders(text, keys) if self._every.is_ready() else None
        return None

    def _matched(self, terms: Terms, chosen: str) -> dict[int, tuple[Term, ...]]:
        one = "SELECT {}, rowid FROM words WHERE words MATCH ? AND rowid IN (SELECT value FROM json_each(?))"
        found: dict[int, list[Term]] = {}
        for part in in_parts(list(terms)):
            sql = " UNION ALL ".join(one.format(place) for place in range(len(part)))
            bindings = [value for term in part for value in (expression(term), chosen)]
            for place, key in sorted(self._db.rows(sql, bindings)):
                found.setdefault(key, []).append(part[place])
        return {key: tuple(held) for key, held in found.items()}

    def _covered(
        self, terms: Terms, source: str, where: str, bindings: Sequence[Any], limit: int, without: str = ""
    ) -> dict[int, float]:
        if not terms.frequencies:
            return {}
        sql = f"""
            SELECT words.rowid, -{BM25} AS score FROM {source}
            WHERE words MATCH ? AND {where} ORDER BY score DESC, words.rowid LIMIT ?
        """
        rows = self._db.rows(sql, (f"({' OR '.join(map(expression, terms))}){without}", *bindings, limit))
        return _coverage(terms, scores_of(rows))

    def _of_every(self, terms: Terms, ask: Callable[[EveryScore], dict[int, float] | None]) -> dict[int, float] | None:
        """What scoring everything at once says, where that pays: for common words, and once it is made ready; else None."""
        if self._every is None and not is_costly(terms):
            return None
        with self._db.snapshot():
            every = self._every_score()
            return ask(every) if is_costly(terms) or every.is_ready() else None

    def _every_score(self) -> EveryScore:
        if self._every is None:
            from rekall.store.impacts import EveryScore  # most bases never need it

            self._every = EveryScore(self._db, self._counts)
        return self._every

    def _ranked(self) -> RankedWords:
        from rekall.store.ranked import RankedWords  # most bases never need it

        return RankedWords(self._db)


def _coverage(terms: Terms, scores: Mapping[int, float]) -> dict[int, float]:
    """Scores as shares of the most that the terms could score."""
    most = sum(idf(terms.entries, documents) for documents in terms.frequencies.values()) * (K1 + 1)
    return {key: score / most for key, score in scores.items()}
