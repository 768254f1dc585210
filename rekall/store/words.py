"""The words index: FTS5 over every text of an entry, and how much of a query an entry covers."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from rekall import schema
from rekall.db import Database
from rekall.types import Entry

K1 = 1.2  # FTS5's own constant, not configurable (sqlite.org/fts5.html#the_bm25_function)

WEIGHTS = (3.0, 2.0, 1.5, 1.0, 1.0)
"""Weights of title, labels (tags, keywords, project, files), errors, content and context."""

_CJK = re.compile("[\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af\uf900-\ufaff]+")


@dataclass(frozen=True, slots=True)
class WordQuery:
    """What the words leg is asked.

    Attributes:
        terms: Stemmed terms, any of which makes a match.
        phrases: Texts that must occur word for word.
        excluded: Texts that must not occur.
    """

    terms: tuple[str, ...]
    phrases: tuple[str, ...] = ()
    excluded: tuple[str, ...] = ()

    @property
    def is_restricted(self) -> bool:
        """True when phrases or exclusions narrow the entries that may answer."""
        return bool(self.phrases or self.excluded)


@dataclass(frozen=True, slots=True)
class WordMatch:
    """An entry of the words leg; coverage is between 0 and about 1."""

    key: int
    coverage: float


class WordIndex:
    """Adds entries to the index and searches it. Writing belongs inside a transaction of the caller."""

    def __init__(self, db: Database) -> None:
        """Work on an open database."""
        self._db = db

    def put(self, key: int, entry: Entry) -> None:
        """Index an entry, in place of what was indexed under the same key."""
        self.delete(key)
        context = entry.context
        labels = (*entry.tags, *context.trigger_keywords, entry.project or "", *context.files)
        texts = (
            entry.title,
            "\n".join(labels),
            "\n".join(context.error_messages),
            entry.content,
            "\n".join((context.situation, context.solution, context.what_failed)),
        )
        self._db.run(
            "INSERT INTO words (rowid, title, labels, errors, content, context) VALUES (?, ?, ?, ?, ?, ?)",
            (key, *map(split_cjk, texts)),
        )

    def delete(self, key: int) -> None:
        """Remove an entry from the index."""
        self._db.run("DELETE FROM words WHERE rowid = ?", (key,))

    def clear(self) -> None:
        """Empty the index."""
        self._db.run(schema.EMPTY_WORDS)

    def count(self) -> int:
        """How many entries are indexed."""
        return int(self._db.value("SELECT count(*) FROM words_docsize"))

    def terms(self, text: str) -> tuple[str, ...]:
        """The distinct stemmed terms of a text, in order."""
        return tuple(dict.fromkeys(self._db.stem(split_cjk(text))))

    def rarest(self, terms: Sequence[str], most: int) -> tuple[str, ...]:
        """At most so many of the terms, those in the fewest entries, in their order; unknown terms go last."""
        if len(terms) <= most:
            return tuple(terms)
        documents = {term: self._documents(term) for term in terms}
        kept = set(sorted(terms, key=lambda term: (documents[term] == 0, documents[term]))[:most])
        return tuple(term for term in terms if term in kept)

    def telling(self, terms: Iterable[str]) -> tuple[str, ...]:
        """The terms that tell entries apart: those in at most half of them."""
        entries = self.count()
        return tuple(term for term in terms if 2 * self._documents(term) <= entries)

    def search(self, query: WordQuery, limit: int, where: str = "1", bindings: Sequence[Any] = ()) -> list[WordMatch]:
        """The entries that cover most of the query.

        Coverage is the BM25 score over the most that the query could score, Σ idf(term) × (k1 + 1): a share
        that compares across queries, unlike the score itself.

        Args:
            query: Terms, phrases and exclusions; without terms and phrases nothing matches.
            limit: At most so many, best first.
            where: A condition on `entry e`.
            bindings: Its bindings.
        """
        match, most = self._expression(query)
        if not match:
            return []
        weights = ", ".join(map(str, WEIGHTS))
        sql = f"SELECT words.rowid, bm25(words, {weights}) AS score FROM words JOIN entry e ON e.key = words.rowid WHERE words MATCH ? AND {where} ORDER BY score, words.rowid LIMIT ?"
        # bm25() is negative, smaller is better
        return [WordMatch(key, -score / most) for key, score in self._db.rows(sql, (match, *bindings, limit))]

    def coverage_of(self, query: WordQuery, keys: Iterable[int]) -> dict[int, float]:
        """Coverage of the given entries; one that holds no word of the query is left out."""
        chosen = json.dumps(list(keys))
        found = self.search(query, -1, "e.key IN (SELECT value FROM json_each(?))", (chosen,))
        return {match.key: match.coverage for match in found}

    def restriction(self, query: WordQuery) -> tuple[str, tuple[str, ...]]:
        """The query's phrases and exclusions as a condition on `entry e`, for the other leg."""
        clauses, bindings = ["1"], []
        for phrase in query.phrases:
            clauses.append("e.key IN (SELECT rowid FROM words WHERE words MATCH ?)")
            bindings.append(_literal(split_cjk(phrase)))
        for word in query.excluded:
            clauses.append("e.key NOT IN (SELECT rowid FROM words WHERE words MATCH ?)")
            bindings.append(_literal(split_cjk(word)))
        return " AND ".join(clauses), tuple(bindings)

    def _expression(self, query: WordQuery) -> tuple[str, float]:
        """The FTS5 expression, and the most that it could score."""
        entries = max(self.count(), 1)
        documents = {term: self._documents(term) for term in query.terms}
        # a term in more than half of the entries scores nothing, and ranking them all is what takes time
        wanted_terms = [term for term in query.terms if 2 * documents[term] <= entries] or list(query.terms)
        most = sum(_idf(entries, documents[term]) for term in wanted_terms) * (K1 + 1)
        terms = " OR ".join(map(_literal, wanted_terms))
        phrases = [_literal(split_cjk(phrase)) for phrase in query.phrases]
        excluded = [_literal(split_cjk(word)) for word in query.excluded]
        wanted = " AND ".join([f"({terms})"] * bool(terms) + phrases)
        if not wanted:
            return "", 1.0
        return " NOT ".join([f"({wanted})", *excluded]), max(most, 1e-9)

    def _documents(self, term: str) -> int:
        return int(self._db.value("SELECT doc FROM temp.vocabulary WHERE term = ?", (term,)) or 0)


def split_cjk(text: str) -> str:
    """Chinese, Japanese and Korean runs as overlapping pairs of characters.

    FTS5's tokenizer takes a run without spaces for one word, which nobody would search for.
    """
    return _CJK.sub(lambda run: f" {' '.join(_pairs(run[0]))} ", text)


def _pairs(run: str) -> list[str]:
    return [run[place : place + 2] for place in range(max(len(run) - 1, 1))]


def _literal(text: str) -> str:
    """A text as an FTS5 string: nothing in it is syntax. FTS5 cuts and stems it like any other text."""
    return '"' + text.replace('"', '""') + '"'


def _idf(entries: int, documents: int) -> float:
    """FTS5's inverse document frequency, with its floor for words of more than half the entries."""
    return max(math.log((entries - documents + 0.5) / (documents + 0.5)), 1e-6)
