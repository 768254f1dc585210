"""Runs a query, stage by stage: the legs find, fusion ranks, rerankers reorder, then the best are read and explained."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from rekall.entry.filters import Filters
from rekall.errors import REBUILD, Ambiguous, DatabaseCorrupt, EngineError, NotFound
from rekall.search.exclusions import Settled, settle
from rekall.search.fusion import NEAR_PROJECT, NEAR_PROJECT_ALONE, Fusion, holders_first, lifted, ranking
from rekall.search.labels import labelled
from rekall.search.legs import NOBODY, AskedWords, Asking, Found, Leg, Waiting
from rekall.search.meaning import MeaningLeg
from rekall.search.query import ParsedQuery
from rekall.search.reading import read_hits
from rekall.search.rerank import Candidates
from rekall.search.results import Hit, Match, Mode, ModeReport, Repair, SearchResult, StageReport
from rekall.search.titles import exact_titles, titles_first
from rekall.store.values import Selection
from rekall.wording import count_text

if TYPE_CHECKING:  # protocols cost memory that a search does not need
    from rekall.search.highlight import Highlighter
    from rekall.search.rerank import Reranker
    from rekall.search.spelling import Spelling
    from rekall.store.contract import Store

_ID_CHARS = 26
_WHOLE_ID = re.compile("[0-7][0-9A-HJKMNP-TV-Z]{25}")
"""A ULID: Crockford's base 32."""

_Answering = Callable[[Mapping[str, Asking], dict[str, Found], Mode, str], SearchResult]

CANDIDATES = 100
"""Entries that each leg puts forward; a larger limit asks for more."""


@dataclass(slots=True)
class _Stages:
    """What was done so far."""

    reports: list[StageReport] = field(default_factory=list)

    @contextmanager
    def timed(self, name: str) -> Iterator[list[str]]:
        """Time a stage; the block says in a list what it did."""
        did: list[str] = []
        start = time.perf_counter()
        yield did
        self.reports.append(StageReport(name, "; ".join(did), time.perf_counter() - start))


class Searcher:
    """Answers queries over an open store. Reads only."""

    def __init__(
        self,
        store: Store,
        legs: Sequence[Leg],
        fusion: Fusion,
        rerankers: Sequence[Reranker] = (),
        spelling: Spelling | None = None,
    ) -> None:
        """Work on an open store.

        Args:
            store: The base.
            legs: The ways to find entries; the words come first, for they never fail.
            fusion: Makes one score of theirs.
            rerankers: Reorder the best, one after the other.
            spelling: Repairs misspelt words; None searches every word as it is typed.
        """
        self._store = store
        self._legs = legs
        self._fusion = fusion
        self._rerankers = rerankers
        self._spelling = spelling
        self._highlighter: tuple[object, Highlighter] | None = None

    def search(
        self,
        line: str,
        filters: Filters,
        mode: Mode,
        limit: int,
        *,
        literal: bool = False,
        at_least: Match | None = None,
        unfinished: bool = False,
        near: str | None = None,
        waiting: Waiting = NOBODY,
        words_first: Callable[[SearchResult], None] | None = None,
    ) -> SearchResult:
        """The best entries for a line as a person types it.

        Where a leg cannot be used the others answer, and the mode says why. No lock is held while the engine works;
        then everything is read at one moment.

        Args:
            line: The query; see `parse_query`.
            filters: Conditions from options, besides those in the line.
            mode: Which legs to ask.
            limit: The most hits to return.
            literal: Take the line as text, without phrases, exclusions and filters.
            at_least: Set hits aside that are less sure.
            unfinished: Whether the last word is still being typed, and may be the beginning of a longer one.
            near: A project whose entries come before others that are about as good; see `fusion.NEAR_PROJECT`.
            waiting: Told when something slow begins, and asked whether the answer is still wanted.
            words_first: Told what the words alone find, before the engine is waited for.

        Raises:
            Superseded: Nobody waits for the answer any more.
        """
        stages = _Stages()
        settled = settle(self._store, line, filters, literal=literal)
        repaired: tuple[Repair, ...] = ()
        if self._spelling is not None and not literal:
            query, repaired = self._spelling.repaired(settled.query)
            settled = replace(settled, query=query)
        if unfinished and settled.query.text and line.endswith(settled.query.text.split()[-1]):
            settled = replace(settled, query=replace(settled.query, unfinished=True))
        query, selection = settled.query, settled.selection
        if not query.text:
            return self._newest(line, settled, mode, limit, stages)

        def result(asked: Mapping[str, Asking], found: dict[str, Found], used: Mode, reason: str) -> SearchResult:
            hits = self._answer(query, selection, asked, found, limit, near, stages)
            answer = SearchResult(
                line,
                ModeReport(mode, used, reason),
                hits,
                selection.filters,
                settled.notes(self._store, has_hits=bool(hits)),
                tuple(stages.reports),
                left_out=settled.left_out,
                repaired=repaired,
            )
            return answer if at_least is None else answer.only(at_least)

        found: dict[str, Found] = {}
        moment: object = None
        asked = self._ask_words(query, waiting)
        words = asked if mode is not Mode.MEANING else {}
        if words_first is not None and mode is Mode.HYBRID:
            with self._store.snapshot():
                moment, by_words = self._store.moment(), result(words, found, Mode.WORDS, "")
            if not self._store.words.damage():
                words_first(by_words)
            stages.reports = [report for report in stages.reports if report.name == Mode.WORDS.value]
        asking, reason = self._ask_others(query, mode, waiting, stages)
        with self._store.snapshot():
            if found and self._store.moment() != moment:  # what the words found is of another moment
                found, words = {}, self._ask_words(query, waiting)
                asked, stages.reports = words, stages.reports[1:]
            self._find(selection, words, found, max(CANDIDATES, limit), stages)
            if asking or not reason:
                notes = "; ".join(filter(None, (reason, *(each.note for each in asking.values()))))
                done = len(stages.reports)
                try:
                    return self._sound(result({**words, **asking}, dict(found), mode, notes), asking, result)
                except EngineError as error:  # the vectors are not what they should be, or the engine died
                    reason = error.message
                    del stages.reports[done:]
            return self._sound(result(asked, found, Mode.WORDS, reason), asking, result)

    def _sound(self, answer: SearchResult, asking: Mapping[str, Asking], result: _Answering) -> SearchResult:
        """An answer, or one without the words where their index is damaged.

        Args:
            answer: What was found.
            asking: The query as the other legs ask it.
            result: Makes an answer of what some legs find.

        Raises:
            DatabaseCorrupt: No other leg answers.
        """
        why = self._store.words.damage()
        if not why or answer.mode.used is Mode.MEANING:
            return answer
        if not asking:
            others = f"; meaning does not answer: {answer.mode.reason}" if answer.mode.reason else ""
            raise DatabaseCorrupt(f"the words index is damaged ({why}){others}", REBUILD)
        return result(asking, {}, Mode.MEANING, f"the words index is damaged; {REBUILD}")

    def highlighter(self, line: str, *, unfinished: bool = False, literal: bool = False) -> Highlighter:
        """What finds the words of a line in texts; made once for as long as the same line is asked and nothing written."""
        from rekall.search.highlight import highlighter  # where nobody looks, nothing is marked

        asked = (line, unfinished, literal, self._store.moment())
        if self._highlighter is None or self._highlighter[0] != asked:
            made = highlighter(self._store, line, self._spelling, unfinished=unfinished, literal=literal)
            self._highlighter = (asked, made)
        return self._highlighter[1]

    def similar(
        self,
        text_or_id: str,
        filters: Filters,
        limit: int,
        is_wanted: Callable[[], bool] = lambda: True,
        near: str | None = None,
    ) -> SearchResult:
        """The entries nearest in meaning to a stored entry, or to a text when no id begins so.

        Those of the project `near` come before others that are about as near.

        Raises:
            NotFound: It is a whole id, and no entry has it.
            Ambiguous: Several ids begin so.
            EngineError: The model is needed and cannot be used, or nothing has a vector yet.
            Superseded: `is_wanted` said no while the model was waited for.
        """
        stages, selection = _Stages(), Selection(filters)
        mode = ModeReport(Mode.MEANING, Mode.MEANING)
        leg = next(leg for leg in self._legs if isinstance(leg, MeaningLeg))
        key = self._key_or_none(text_or_id)
        try:
            can_answer = leg.can_answer()
        except EngineError as error:
            hint = "`rekall search --mode words` works without them"
            raise EngineError(f"similarity needs vectors: {error.message}", hint) from error
        hits: tuple[Hit, ...] = ()
        if can_answer:
            asking = leg.ask(ParsedQuery(text_or_id), Waiting(is_wanted=is_wanted)) if key is None else None
            with self._store.snapshot():
                if key is not None:
                    asking = leg.ask_entry(key)
                if asking is None:
                    raise EngineError(f"entry {text_or_id} has no vector yet", leg.advice())
                with stages.timed("meaning") as did:
                    most = limit + (key is not None)
                    found = asking.find(selection, max(CANDIDATES, most) if near else most)
                    did.append(count_text(len(found.order), "candidate"))
                scores = {each: found.score[each] for each in found.order if each != key}
                obsolete = self._store.entries.obsolete_among(scores)
                said: dict[int, dict[str, Any]] = {}
                ordered = self._lifted(ranking(scores, obsolete), near, NEAR_PROJECT_ALONE, obsolete, said)[:limit]
                hits = read_hits(self._store, ordered, {"meaning": asking}, {"meaning": found}, said)
        return SearchResult(text_or_id, mode, hits, filters, (), tuple(stages.reports))

    def _key_or_none(self, text: str) -> int | None:
        """The key of the entry whose id ends or begins so; None for a text, also for a word in small letters.

        Raises:
            NotFound: It is a whole id, and no entry has it.
            Ambiguous: Several ids do.
        """
        if not text.isalnum() or len(text) > _ID_CHARS or (text.isalpha() and text.islower()):
            return None  # the end of an id may spell a word, but it is shown in capitals
        try:
            return self._store.entries.resolve(text)
        except Ambiguous:
            raise
        except NotFound:
            if _WHOLE_ID.fullmatch(text.upper()):
                raise
            return None

    def _ask_words(self, query: ParsedQuery, waiting: Waiting) -> dict[str, Asking]:
        """The query made ready for the words, which are always there."""
        made = {leg.name: leg.ask(query, waiting) for leg in self._legs if leg.name == Mode.WORDS.value}
        return {name: asking for name, asking in made.items() if asking is not None}

    def _ask_others(
        self, query: ParsedQuery, mode: Mode, waiting: Waiting, stages: _Stages
    ) -> tuple[dict[str, Asking], str]:
        """Make the query ready for every leg of a mode but the words, and say which cannot be used."""
        asking: dict[str, Asking] = {}
        reasons: list[str] = []
        for leg in self._legs:
            if leg.name == Mode.WORDS.value or mode.value not in (Mode.HYBRID.value, leg.name):
                continue
            with stages.timed(f"{leg.name}, the question") as did:
                try:
                    made = leg.ask(query, waiting)
                except EngineError as error:
                    did.append("cannot be used")
                    reasons.append(error.message)
                else:
                    did.append("nothing to compare with" if made is None else "ready")
                    asking |= {leg.name: made} if made is not None else {}
        return asking, "; ".join(reasons)

    def _find(
        self, selection: Selection, asking: Mapping[str, Asking], found: dict[str, Found], most: int, stages: _Stages
    ) -> None:
        """Let every leg that has not done so put forward its candidates."""
        for name, each in asking.items():
            if name not in found:
                with stages.timed(name) as did:
                    found[name] = each.find(selection, most)
                    did.append(count_text(len(found[name].order), "candidate"))

    def _answer(
        self,
        query: ParsedQuery,
        selection: Selection,
        asking: Mapping[str, Asking],
        found: dict[str, Found],
        limit: int,
        near: str | None,
        stages: _Stages,
    ) -> tuple[Hit, ...]:
        """The best of what the legs put forward."""
        self._find(selection, asking, found, max(CANDIDATES, limit), stages)
        exact = exact_titles(self._store, query.text, selection) if Mode.WORDS.value in asking else []
        keys = list(dict.fromkeys([*exact, *(key for name in asking for key in found[name].order)]))
        with stages.timed("fusion") as did:
            for name, each in asking.items():  # each leg's figure for the candidates of the others
                missing = [key for key in keys if key not in found[name].score]
                if missing:
                    found[name] = Found(found[name].order, {**found[name].score, **each.score(missing)})
            compared = self._compared(keys, asking, found)
            scores = self._fusion.scores(keys, compared)
            obsolete = self._store.entries.obsolete_among(scores)
            ordered = ranking(scores, obsolete)
            did.append(f"{count_text(len(keys), 'candidate')} ranked")
        said: dict[int, dict[str, Any]] = {key: {"exact_title": True} for key in exact}
        for reranker in self._rerankers if ordered else ():
            with stages.timed(reranker.name) as did:
                best = [key for key, _ in ordered[: reranker.most]]
                again = reranker.order(query, Candidates(best, scores, compared, asking))
                for key, reasons in again.reasons.items():
                    said.setdefault(key, {}).update(reasons)
                scores = {**scores, **again.scores}
                placed = ranking({key: scores[key] for key in best}, obsolete)
                lowest = placed[-1][1]
                ordered = [*placed, *((key, min(score, lowest)) for key, score in ordered[reranker.most :])]
                did.append(f"reordered the best {len(best)}")
        ordered = self._lifted(ordered, near, NEAR_PROJECT if len(asking) > 1 else NEAR_PROJECT_ALONE, obsolete, said)
        words = asking.get(Mode.WORDS.value)
        if isinstance(words, AskedWords) and len(asking) > 1:
            ordered = holders_first(ordered, words.holding_all(keys, 1), obsolete)
        ordered = titles_first(ordered, exact, obsolete)
        with stages.timed("reading") as did:
            hits = read_hits(self._store, ordered[:limit], asking, found, said)
            did.append(count_text(len(hits), "hit"))
        entries = self._store.words.count()
        return tuple(labelled(query.text, hit, entries) for hit in hits)

    def _lifted(
        self,
        ordered: list[tuple[int, float]],
        near: str | None,
        by: float,
        obsolete: Mapping[int, int | None],
        said: dict[int, dict[str, Any]],
    ) -> list[tuple[int, float]]:
        """What was found with the entries of a project lifted, which is noted in `said`."""
        if not near or not ordered:
            return ordered
        keys = dict.fromkeys(self._store.entries.of_project(near, [key for key, _ in ordered]), by)
        for key in keys:
            said.setdefault(key, {})["near_project"] = by
        return lifted(ordered, keys, obsolete)

    @staticmethod
    def _compared(
        keys: Sequence[int], asking: Mapping[str, Asking], found: Mapping[str, Found]
    ) -> dict[str, Mapping[int, float]]:
        """What each leg says of all candidates, in figures that compare; a leg alone says what it said."""
        if len(asking) == 1:
            return {name: found[name].score for name in asking}
        coverage = found[Mode.WORDS.value].score if Mode.WORDS.value in asking else {}
        return {name: each.comparable(found[name].score, keys, coverage) for name, each in asking.items()}

    def _newest(self, line: str, settled: Settled, mode: Mode, limit: int, stages: _Stages) -> SearchResult:
        """A query of filters or exclusions alone lists what passes, the latest change first."""
        hits: tuple[Hit, ...] = ()
        selection = settled.selection
        if not selection.is_everything:
            with self._store.snapshot(), stages.timed("newest") as did:
                keys = self._store.entries.keys(selection, limit)
                words = AskedWords(self._store, "")
                found = {"words": Found(tuple(keys))}
                hits = read_hits(self._store, [(key, 0.0) for key in keys], {"words": words}, found)
                did.append(count_text(len(hits), "hit"))
        notes = settled.notes(self._store, has_hits=bool(hits))
        report = ModeReport(mode, mode)
        return SearchResult(line, report, hits, selection.filters, notes, tuple(stages.reports), settled.left_out)
