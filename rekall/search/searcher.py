"""Runs a query: both legs, the cut, the reasons."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from rekall.db import Database
from rekall.embeddings import Closeness, EmbeddingService, Question
from rekall.entry.passages import passage_texts
from rekall.entry.types import Entry, Filters, Hit, Mode, ModeReport, SearchResult, Why
from rekall.errors import EngineError
from rekall.search.fusion import fused_score, ranking
from rekall.search.query import ParsedQuery, merged, parse_query
from rekall.search.snippet import make_snippet
from rekall.store.entries import EntryStore, filter_sql
from rekall.store.passages import PassageStore
from rekall.store.words import Term, WordIndex, WordQuery

CANDIDATES = 100
"""Entries that each leg puts forward; a larger limit asks for more."""

MOST_TERMS = 64
"""Of a longer query, a pasted stack trace for instance, the rarest terms are looked up."""


@dataclass(frozen=True, slots=True)
class _Leg:
    """One leg's part of the answer: its best entries in order, and what it knows of any entry."""

    order: tuple[int, ...]
    score: Mapping[int, float]


class Searcher:
    """Answers queries over an open base. Reads only."""

    def __init__(
        self,
        db: Database,
        entries: EntryStore,
        words: WordIndex,
        passages: PassageStore,
        embeddings: EmbeddingService,
        lexical_share: float,
    ) -> None:
        """Work on an open base.

        Args:
            db: For stemming.
            entries: To read what is shown.
            words: The words leg.
            passages: To apply filters to the meaning leg.
            embeddings: The meaning leg.
            lexical_share: Weight of words beside meaning.
        """
        self._db = db
        self._entries = entries
        self._words = words
        self._passages = passages
        self._embeddings = embeddings
        self._lexical_share = lexical_share

    def search(
        self,
        line: str,
        filters: Filters,
        mode: Mode,
        limit: int,
        *,
        literal: bool = False,
        notice: Callable[[str], None] = lambda text: None,
        is_wanted: Callable[[], bool] = lambda: True,
    ) -> SearchResult:
        """The best entries for a line as a person types it.

        Without an engine the words answer, and the mode says why. No lock is held while the engine works; then
        everything is read at one moment.

        Args:
            line: The query; see `parse_query`.
            filters: Conditions from options, besides those in the line.
            mode: Which legs to ask.
            limit: At most so many hits.
            literal: Take the line as text, without phrases, exclusions and filters.
            notice: Told when something slow begins.
            is_wanted: Asked while the engine is waited for, whether somebody still waits for the answer.

        Raises:
            Superseded: Nobody does.
        """
        query = ParsedQuery(line) if literal else parse_query(line)
        question, reason = self._question(query.text, mode, notice, is_wanted) if query.text else (None, "")
        with self._db.snapshot():
            if not query.text:
                hits = self._newest(merged(query.filters, filters), query, limit)
                return SearchResult(line, ModeReport(mode, mode), hits)
            if question is not None and not self._embeddings.can_compare(question):
                question, reason = None, "the vectors of the model were dropped just now; search again"
            used = Mode.WORDS if question is None and reason else mode
            hits = self._answer(query, merged(query.filters, filters), question, used, limit)
            return SearchResult(line, ModeReport(mode, used, reason), hits)

    def similar(self, found: Mapping[int, Closeness], limit: int) -> tuple[Hit, ...]:
        """Hits from closeness alone, for `rekall similar`."""
        scores = {key: closeness.similarity for key, closeness in found.items()}
        return self._hits(scores, _Leg((), {}), found, tuple(found), WordQuery(()), limit)

    def allowed_passages(self, filters: Filters) -> list[int] | None:
        """Ids of the passages whose entry passes the filters; None means all."""
        return self._allowed(WordQuery(()), filters)

    def _answer(
        self, query: ParsedQuery, conditions: Filters, question: Question | None, used: Mode, limit: int
    ) -> tuple[Hit, ...]:
        """Both legs, or the one that is used, and the best of what they put forward."""
        word_query = self._word_query(query)
        most = max(CANDIDATES, limit)
        words = self._coverage(word_query, conditions, most) if used is not Mode.MEANING else _Leg((), {})
        near: dict[int, Closeness] = {}
        if question is not None:
            near = self._embeddings.semantic_search(question, most, self._allowed(word_query, conditions))
        near_order = tuple(near)
        if question is not None and used is Mode.HYBRID:  # each leg's figure for the candidates of the other
            near |= self._embeddings.closeness(question, [key for key in words.order if key not in near])
            missing = self._words.coverage_of(word_query, [key for key in near_order if key not in words.score])
            words = _Leg(words.order, {**words.score, **missing})
        scores = {
            key: fused_score(
                used, words.score.get(key, 0.0), near[key].similarity if key in near else None, self._lexical_share
            )
            for key in (*words.order, *near_order)
        }
        return self._hits(scores, words, near, near_order, word_query, limit)

    def _word_query(self, query: ParsedQuery) -> WordQuery:
        terms = self._words.rarest(self._words.terms(query.text), MOST_TERMS)
        return WordQuery(terms, query.phrases, query.excluded)

    def _question(
        self, text: str, mode: Mode, notice: Callable[[str], None], is_wanted: Callable[[], bool]
    ) -> tuple[Question | None, str]:
        """The query as a vector, and what there is to say about searching with it.

        None without a reason where there is nothing to compare with; None and the reason where the engine fails.
        """
        if mode is Mode.WORDS or not self._passages.count():
            return None, ""
        reason = self._embeddings.why_unavailable()
        if reason:
            return None, reason
        if not self._embeddings.is_ready():
            notice("loading the model")
        try:
            return self._embeddings.question(text, is_wanted), self._incomplete()
        except EngineError as error:
            return None, error.message

    def _incomplete(self) -> str:
        passages, entries = self._passages.pending_counts(self._passages.active_space())
        if not passages:
            return ""
        return f"{entries:,} {'entry has' if entries == 1 else 'entries have'} no vector yet and can be found by words only; run `rekall index rebuild --vectors`"

    def _allowed(self, query: WordQuery, filters: Filters) -> list[int] | None:
        if filters.is_empty and not query.is_restricted:
            return None
        where, bindings = filter_sql(filters)
        restriction, more = self._words.restriction(query)
        return self._passages.ids_where(f"{where} AND {restriction}", (*bindings, *more))

    def _coverage(self, query: WordQuery, filters: Filters, most: int) -> _Leg:
        where, bindings = filter_sql(filters)
        matches = self._words.search(query, most, where, bindings)
        return _Leg(tuple(match.key for match in matches), {match.key: match.coverage for match in matches})

    def _newest(self, filters: Filters, parsed: ParsedQuery, limit: int) -> tuple[Hit, ...]:
        """A query of filters or exclusions alone lists what passes, newest first."""
        query = self._word_query(parsed)
        if filters.is_empty and not query.is_restricted:
            return ()
        where, bindings = filter_sql(filters)
        restriction, more = self._words.restriction(query)
        keys = self._entries.list_keys_where(f"{where} AND {restriction}", (*bindings, *more), limit)
        return self._hits(dict.fromkeys(keys, 0.0), _Leg(tuple(keys), {}), {}, (), query, limit, keep_order=True)

    def _hits(
        self,
        scores: Mapping[int, float],
        coverage: _Leg,
        closeness: Mapping[int, Closeness],
        near: tuple[int, ...],
        query: WordQuery,
        limit: int,
        *,
        keep_order: bool = False,
    ) -> tuple[Hit, ...]:
        ordered = list(scores.items()) if keep_order else ranking(scores, self._entries.obsolete_among(scores))
        ordered = ordered[:limit]
        entries = self._entries.by_keys(key for key, _ in ordered)
        successors = self._entries.by_ids({entry.superseded_by for entry in entries.values() if entry.superseded_by})
        words_rank = {key: place for place, key in enumerate(coverage.order, 1)}
        meaning_rank = {key: place for place, key in enumerate(near, 1)}
        telling = self._words.telling(query.terms)
        hits = []
        for key, score in ordered:
            entry, close = entries[key], closeness.get(key)
            matched = self._words.matched(key, telling) if key in coverage.score else ()
            why = Why(
                coverage=coverage.score.get(key, 0.0),
                words_rank=words_rank.get(key),
                matched=tuple(term.word for term in matched),
                similarity=close.similarity if close else None,
                head=close.head if close else None,
                best_passage=close.best_passage if close else None,
                meaning_rank=meaning_rank.get(key),
            )
            snippet = self._snippet(entry, matched, close)
            hits.append(Hit(entry, score, snippet, why, successors.get(entry.superseded_by or "")))
        return tuple(hits)

    def _snippet(self, entry: Entry, terms: tuple[Term, ...], close: Closeness | None) -> str:
        """Around the query's words; without any, the beginning of the passage that came nearest in meaning."""
        context = entry.context
        text = "\n".join(
            part
            for part in (
                entry.content,
                context.situation,
                context.solution,
                context.what_failed,
                *context.error_messages,
            )
            if part
        )
        if not terms and close and close.best_position > 0:
            texts = passage_texts(entry)
            text = texts[close.best_position] if close.best_position < len(texts) else text
        return make_snippet(text, {term.stem: term.word for term in terms}, self._db.stem_places)
