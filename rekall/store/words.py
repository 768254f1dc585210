"""The words index: FTS5 over every text of an entry, and how much of a query an entry covers."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from rekall.db import Database
from rekall.entry.fields import FIELDS, Column, Entry
from rekall.store import schema
from rekall.store.selection import condition, expression, is_cjk, split_cjk
from rekall.store.values import Selection, Term, Terms

K1 = 1.2  # FTS5's own constant, not configurable (sqlite.org/fts5.html#the_bm25_function)

_NAMES = ", ".join(column.value[0] for column in Column)
_WEIGHTS = ", ".join(str(column.weight) for column in Column)
_FIELDS = tuple(tuple(field for field in FIELDS if field.words is column) for column in Column)
"""The fields of each column."""

_PUT = f"INSERT INTO words (rowid, {_NAMES}) VALUES (?, {', '.join('?' * len(Column))})"
_TERMS_A_STATEMENT = 64
"""Terms asked for in one statement; SQLite allows 500 parts of a compound SELECT."""


class SqliteWords:
    """Adds entries to the index and searches it; see `contract.Words`.

    FTS5 stems what it is asked, and stemming twice is not stemming once ("database", "databas", "databa"): it is asked
    for the word of a `Term`, and the stem serves to look up how common it is.
    """

    def __init__(self, db: Database) -> None:
        """Work on an open database."""
        self._db = db

    def put(self, key: int, entry: Entry) -> None:
        """Index an entry, in place of what was indexed under the same key."""
        self.delete(key)
        texts = ["\n".join([text for field in fields for text in field.words_of(entry)]) for fields in _FIELDS]
        self._db.run(_PUT, (key, *[text if text.isascii() else split_cjk(text, indexing=True) for text in texts]))

    def delete(self, key: int) -> None:
        """Remove an entry from the index."""
        self._db.run("DELETE FROM words WHERE rowid = ?", (key,))

    def forget_deleted(self) -> None:
        """Merge the index into one piece, in which no word of a deleted entry is left."""
        self._db.run(schema.MERGE_WORDS)

    def clear(self) -> None:
        """Empty the index."""
        self._db.run(schema.EMPTY_WORDS)

    def count(self) -> int:
        """How many entries are indexed."""
        return int(self._db.value("SELECT count(*) FROM words_docsize"))

    def places(self, text: str) -> list[tuple[int, int, str]]:
        """The words of a text: where each begins and ends, in characters, and its stem."""
        return self._db.stem_places(text)

    def terms(self, text: str, most: int) -> Terms:
        """The distinct words of a text worth looking for.

        Of more than `most` the rarest, unknown ones last. Words of more than half the entries, to which FTS5 gives no
        weight, are passed over beside rarer ones that some entry holds: ranking every entry that holds "the" is what
        a search of a large base would spend its time on.
        """
        text = split_cjk(text)
        found: dict[str, Term] = {}
        for start, end, stem in self._db.stem_places(text):
            word = text[start:end]
            found.setdefault(stem, Term(word, stem, prefix=len(word) == 1 and is_cjk(word)))
        documents, entries = self._documents(list(found.values()))
        if len(documents) > most:
            kept = set(sorted(documents, key=lambda term: (documents[term] == 0, documents[term]))[:most])
            documents = {term: number for term, number in documents.items() if term in kept}
        if any(0 < 2 * number <= entries for number in documents.values()):
            documents = {term: number for term, number in documents.items() if 2 * number <= entries}
        return Terms(documents, entries)

    def search(self, terms: Terms, selection: Selection, limit: int) -> dict[int, float]:
        """The selected entries that cover most of the terms, best first, each with its coverage.

        Coverage is the BM25 score over the most that the query could score, Σ idf(term) × (k1 + 1): a share
        that compares across queries, unlike the score itself.
        """
        return self._covered(terms, *condition(selection), limit)

    def coverage_of(self, terms: Terms, keys: Iterable[int]) -> dict[int, float]:
        """Coverage of the given entries; one that holds no term is left out."""
        chosen = list(keys)
        return self._covered(terms, *_among(chosen), -1) if chosen else {}

    def matched(self, terms: Terms, keys: Iterable[int]) -> dict[int, tuple[Term, ...]]:
        """Which of the terms each of the given entries holds; one that holds none is left out."""
        chosen = json.dumps(list(keys))
        one = "SELECT {}, rowid FROM words WHERE words MATCH ? AND rowid IN (SELECT value FROM json_each(?))"
        found: dict[int, list[Term]] = {}
        for part in _parts(list(terms)):
            sql = " UNION ALL ".join(one.format(place) for place in range(len(part)))
            bindings = [value for term in part for value in (expression(term), chosen)]
            for place, key in sorted(self._db.rows(sql, bindings)):
                found.setdefault(key, []).append(part[place])
        return {key: tuple(held) for key, held in found.items()}

    def _covered(self, terms: Terms, where: str, bindings: Sequence[Any], limit: int) -> dict[int, float]:
        if not terms.frequencies:
            return {}
        most = sum(_idf(terms.entries, documents) for documents in terms.frequencies.values()) * (K1 + 1)
        sql = f"""
            SELECT words.rowid, bm25(words, {_WEIGHTS}) AS score FROM words JOIN entry e ON e.key = words.rowid
            WHERE words MATCH ? AND {where} ORDER BY score, words.rowid LIMIT ?
        """
        rows = self._db.rows(sql, (" OR ".join(map(expression, terms)), *bindings, limit))
        return {key: -score / most for key, score in rows}  # bm25() is negative, smaller is better

    def _documents(self, terms: Sequence[Term]) -> tuple[dict[Term, int], int]:
        """How many entries hold each term, and how many there are."""
        if not terms:
            return {}, 1
        stems = json.dumps([term.stem for term in terms if not term.prefix])
        counted: dict[str | None, int] = dict(
            self._db.rows(
                "SELECT j.value, v.doc FROM json_each(?) j CROSS JOIN temp.vocabulary v ON v.term = j.value "
                "UNION ALL SELECT NULL, count(*) FROM words_docsize",
                (stems,),
            )
        )
        for part in _parts([term for term in terms if term.prefix]):
            sql = " UNION ALL ".join(["SELECT ?, count(*) FROM words WHERE words MATCH ?"] * len(part))
            counted |= self._db.rows(sql, [value for term in part for value in (term.stem, expression(term))])
        return {term: counted.get(term.stem, 0) for term in terms}, max(counted[None], 1)


def _parts(terms: Sequence[Term]) -> Iterator[Sequence[Term]]:
    """Terms in parts that one statement takes."""
    return (terms[start : start + _TERMS_A_STATEMENT] for start in range(0, len(terms), _TERMS_A_STATEMENT))


def _among(keys: Sequence[int]) -> tuple[str, tuple[str]]:
    return "e.key IN (SELECT value FROM json_each(?))", (json.dumps(keys),)


def _idf(entries: int, documents: int) -> float:
    """FTS5's inverse document frequency, with its floor for words of more than half the entries."""
    return max(math.log((entries - documents + 0.5) / (documents + 0.5)), 1e-6)
