"""The words index: FTS5 over every text of an entry, and how much of a query an entry covers."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from rekall.db import Database
from rekall.entry.types import Entry
from rekall.store import schema

K1 = 1.2  # FTS5's own constant, not configurable (sqlite.org/fts5.html#the_bm25_function)

WEIGHTS = (3.0, 2.0, 1.5, 1.0, 1.0)
"""Weights of title, labels (tags, keywords, project, files), errors, content and context."""

_CJK = re.compile("[\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af\uf900-\ufaff]+")


@dataclass(frozen=True, slots=True)
class Term:
    """A word of a query and its stem.

    FTS5 stems what it is asked, and stemming twice is not stemming once ("database", "databas", "databa"): it
    is asked for the word, and the stem serves to look up how common it is.

    Attributes:
        word: As it was typed.
        stem: As it stands in the index.
        prefix: Whether longer words that begin so match too; a single Chinese or Japanese character does.
    """

    word: str
    stem: str
    prefix: bool = False


@dataclass(frozen=True, slots=True)
class WordQuery:
    """What the words leg is asked.

    Attributes:
        terms: Any of them makes a match.
        phrases: Texts that must occur word for word.
        excluded: Texts that must not occur.
    """

    terms: tuple[Term, ...]
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
            (key, *(split_cjk(text, indexing=True) for text in texts)),
        )

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

    def terms(self, text: str) -> tuple[Term, ...]:
        """The distinct terms of a query, in order."""
        text = split_cjk(text)
        found: dict[str, Term] = {}
        for start, end, stem in self._db.stem_places(text):
            word = text[start:end]
            found.setdefault(stem, Term(word, stem, prefix=len(word) == 1 and bool(_CJK.match(word))))
        return tuple(found.values())

    def matched(self, key: int, terms: Iterable[Term]) -> tuple[Term, ...]:
        """Which of the terms an entry holds, in their order."""
        sql = "SELECT 1 FROM words WHERE words MATCH ? AND rowid = ?"
        return tuple(term for term in terms if self._db.value(sql, (_expression(term), key)) is not None)

    def rarest(self, terms: Sequence[Term], most: int) -> tuple[Term, ...]:
        """At most so many of the terms, those in the fewest entries, in their order; unknown ones are dropped first."""
        if len(terms) <= most:
            return tuple(terms)
        documents = {term: self._documents(term) for term in terms}
        kept = set(sorted(terms, key=lambda term: (documents[term] == 0, documents[term]))[:most])
        return tuple(term for term in terms if term in kept)

    def telling(self, terms: Iterable[Term]) -> tuple[Term, ...]:
        """The terms that tell entries apart: those in at most half of them, else all.

        FTS5 gives the others no weight.
        """
        return tuple(self._frequencies(terms, self.count()))

    def search(self, query: WordQuery, limit: int, where: str = "1", bindings: Sequence[Any] = ()) -> list[WordMatch]:
        """The entries that cover most of the query.

        Coverage is the BM25 score over the most that the query could score, Σ idf(term) × (k1 + 1): a share
        that compares across queries, unlike the score itself.

        Args:
            query: Terms, phrases and exclusions; without terms the phrases' words are taken.
            limit: At most so many, best first.
            where: A condition on `entry e`.
            bindings: Its bindings.
        """
        terms = query.terms or self.terms(" ".join(query.phrases))
        if not terms:
            return []
        # ranking every entry that holds "the" is what a search of a large base would spend its time on
        entries = max(self.count(), 1)
        telling = self._frequencies(terms, entries)
        most = sum(_idf(entries, documents) for documents in telling.values()) * (K1 + 1)
        restriction, more = self.restriction(query)
        weights = ", ".join(map(str, WEIGHTS))
        sql = f"""
            SELECT words.rowid, bm25(words, {weights}) AS score FROM words JOIN entry e ON e.key = words.rowid
            WHERE words MATCH ? AND {where} AND {restriction} ORDER BY score, words.rowid LIMIT ?
        """
        rows = self._db.rows(sql, (" OR ".join(map(_expression, telling)), *bindings, *more, limit))
        return [WordMatch(key, -score / most) for key, score in rows]  # bm25() is negative, smaller is better

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

    def _frequencies(self, terms: Iterable[Term], entries: int) -> dict[Term, int]:
        """The telling terms, each with the number of entries that hold it."""
        documents = {term: self._documents(term) for term in terms}
        return {term: number for term, number in documents.items() if 2 * number <= entries} or documents

    def _documents(self, term: Term) -> int:
        """How many entries hold a term."""
        if term.prefix:
            return int(self._db.value("SELECT count(*) FROM words WHERE words MATCH ?", (_expression(term),)))
        return int(self._db.value("SELECT doc FROM temp.vocabulary WHERE term = ?", (term.stem,)) or 0)


def split_cjk(text: str, *, indexing: bool = False) -> str:
    """Chinese, Japanese and Korean runs as overlapping pairs of characters.

    FTS5's tokenizer takes a run without spaces for one word, which nobody would search for. In the index a run's
    last character stands alone as well, so that a single character is the beginning of some term wherever it is.
    """
    return _CJK.sub(lambda run: f" {' '.join(_pairs(run[0], indexing=indexing))} ", text)


def _pairs(run: str, *, indexing: bool) -> list[str]:
    pairs = [run[place : place + 2] for place in range(len(run) - 1)]
    return [*pairs, run[-1]] if indexing or not pairs else pairs


def _expression(term: Term) -> str:
    return _literal(term.word) + ("*" if term.prefix else "")


def _literal(text: str) -> str:
    """A text as an FTS5 string: nothing in it is syntax. FTS5 cuts and stems it like any other text."""
    return '"' + text.replace('"', '""').replace("\0", " ") + '"'


def _idf(entries: int, documents: int) -> float:
    """FTS5's inverse document frequency, with its floor for words of more than half the entries."""
    return max(math.log((entries - documents + 0.5) / (documents + 0.5)), 1e-6)
