"""The leg that finds entries by meaning: cosines between the query and passages, and how far they can be trusted."""

from __future__ import annotations

import math
from array import array
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from rekall.embeddings import Closeness, EmbeddingService, Readiness
from rekall.errors import EngineError
from rekall.questions import Question
from rekall.search.legs import Found, Highlight, Waiting
from rekall.search.query import ParsedQuery
from rekall.spread import spread_of, unit_of
from rekall.store.values import Selection, Space
from rekall.wording import count_text

if TYPE_CHECKING:  # protocols cost memory that a search does not need
    from rekall.store.contract import Store
    from rekall.vector_index import VectorIndex

BACKGROUND = 128
"""Entries, spread over the base, whose cosines say what an unrelated entry has for this query; 0.3 ms."""

_USUAL_LEVEL, _USUAL_WEIGHT, _FEW = 0.1, 3.0, 8
"""Counts as three entries of cosine 0.1 where there are few: in a base of two notes they are no background."""

ESTIMATE_AT, ESTIMATE_PER_COVERAGE = 0.05, 0.9
"""What an entry without a vector is taken to have: 0.05 + 0.9 × coverage.

With 60 % of the entries without vectors, recall@10 of hybrid is within 0.010 of that of words or above it on each of eight sets;
0.02 + 0.7 × coverage ranks them too low, 0.15 + 1.5 × too high (benchmarks/quality.py --state pending).
"""

LEAST_KNOWN = 0.1
"""A query of which the model knows less is searched by words alone: all such texts are one point to the model."""

NEIGHBOURS = 10
FEEDBACK = 0.5
"""How far the query moves towards the mean of the best heads."""


class MeaningLeg:
    """Finds entries by meaning: cosines between the query and passages."""

    name = "meaning"

    def __init__(self, store: Store, embeddings: EmbeddingService) -> None:
        """Work on an open store and its vectors."""
        self._store = store
        self._embeddings = embeddings

    def ask(self, query: ParsedQuery, waiting: Waiting) -> AskedMeaning | None:
        """The query as a vector; the model is loaded where it was not."""
        with self._store.snapshot():
            state = self._readiness()
            note = self._incomplete(state.space) if state.has_passages else ""
        if not state.has_passages:
            return None
        if not self._embeddings.is_ready():
            waiting.notice("loading the model")
        question = self._embeddings.question(query.text, waiting.is_wanted, state.model)
        if question.known < LEAST_KNOWN:
            raise EngineError("the model does not know these words", "`rekall search --mode words` looks for them")
        return AskedMeaning(self._store, self._embeddings, question, note)

    def can_answer(self) -> bool:
        """Whether there is anything to compare with.

        Raises:
            EngineError: There is, and the model cannot be used or nothing has a vector yet.
        """
        return self._readiness().has_passages

    def ask_entry(self, key: int) -> AskedMeaning | None:
        """What a stored entry says as a question; None while it has no vector. Call it inside the snapshot."""
        question = self._embeddings.question_of(key)
        return AskedMeaning(self._store, self._embeddings, question) if question else None

    def advice(self) -> str:
        """What to know or do while an entry lacks its vector."""
        return self._embeddings.advice()

    def _readiness(self) -> Readiness:
        state = self._embeddings.readiness()
        if state.has_passages and state.reason:
            raise EngineError(state.reason)
        return state

    def _incomplete(self, space: Space | None) -> str:
        passages, entries = self._store.passages.pending_counts(space)
        if not passages:
            return ""
        have = count_text(entries, "entry has", "entries have")
        return f"{have} no vector yet and can be found only by words; {self._embeddings.advice()}"


class AskedMeaning:
    """A query by meaning."""

    def __init__(self, store: Store, embeddings: EmbeddingService, question: Question, note: str = "") -> None:
        """Compare entries with a question."""
        self.note = note
        self._store = store
        self._embeddings = embeddings
        self._question = question
        self._space: Space | None = None
        self._closeness: dict[int, Closeness] = {}
        self._heads: dict[int, int] = {}
        self._background: float | None = None
        self._worth: float | None = None

    def find(self, selection: Selection, most: int) -> Found:
        """The selected entries that are nearest to it."""
        self._closeness = self._embeddings.semantic_search(self._question, most, selection, self._here())
        return Found(tuple(self._closeness), self._scores(self._closeness))

    def score(self, keys: Iterable[int]) -> dict[int, float]:
        """The similarity of given entries."""
        found = self._embeddings.closeness(self._question, keys, self._space)
        self._closeness |= found
        return self._scores(found)

    def comparable(
        self, scores: Mapping[int, float], keys: Iterable[int], coverage: Mapping[int, float]
    ) -> dict[int, float]:
        """The similarities above what an unrelated entry has, in the units of `spread.unit_of`.

        (similarity - background) × unit × share of the query that the model knows: about 0 for an unrelated entry, about 0.5
        for one that answers, whatever the model. An entry without a vector is not unrelated: it gets what entries of its
        coverage have.
        """
        level, unit = self._level(), self._unit()
        estimate = {
            key: ESTIMATE_AT + ESTIMATE_PER_COVERAGE * coverage.get(key, 0.0) for key in keys if key not in scores
        }
        known = self._question.known
        near = {key: (scores[key] - level) * unit if key in scores else estimate[key] for key in keys}
        return {key: known * value for key, value in near.items()}

    def crowding(self, keys: Sequence[int]) -> dict[int, float]:
        """How close the heads of some entries lie to one another: the mean cosine of each to its ten nearest.

        A head that is near to many others is near to many queries as well (hubness: Radovanović et al. 2010; the
        correction is that of CSLS, Conneau et al. 2018). In the units of `comparable`; their mean is 0.
        """
        near: dict[int, list[float]] = {}
        for one, other, cosine in self._index().pairs(self._heads_of(keys).values()):
            near.setdefault(one, []).append(cosine)
            near.setdefault(other, []).append(cosine)
        closest = {number: sorted(cosines)[-NEIGHBOURS:] for number, cosines in near.items()}
        crowd = {number: math.fsum(best) / len(best) for number, best in closest.items()}
        return self._around_zero(crowd)

    def feedback(self, best: Sequence[int], keys: Sequence[int]) -> dict[int, float]:
        """The similarities of heads to the query moved towards the heads of the best entries (Rocchio 1971).

        In the units of `comparable`; their mean is 0. Empty where none of the best has a vector.
        """
        heads = self._index().get_many(self._heads_of(best).values())
        if not heads:
            return {}
        numbers = array("f", self._question.vector)
        vectors = [array("f", head) for head in heads.values()]
        moved = [own + FEEDBACK * sum(each) / len(vectors) for own, each in zip(numbers, zip(*vectors))]
        length = math.sqrt(math.fsum(number * number for number in moved))
        query = array("f", [number / length for number in moved]).tobytes()
        return self._around_zero(self._index().similarities(query, self._heads_of(keys).values()))

    def buried(self, keys: Iterable[int]) -> dict[int, float]:
        """By how much the best passage of each entry is nearer than head and best passage together are.

        In the units of `comparable`; an entry without a vector is left out. Where this is much, the beginnings do not say
        what the entries are about, as in long chats.
        """
        unit = self._unit()
        close = {key: self._closeness[key] for key in keys if key in self._closeness}
        return {key: self._question.known * (each.best_passage - each.similarity) * unit for key, each in close.items()}

    def known(self, texts: Sequence[str]) -> Sequence[float]:
        """The share of each text's tokens that the model knows."""
        return self._embeddings.known(self._question, texts)

    def highlights(self, keys: Iterable[int]) -> dict[int, Highlight]:
        """The passage of each entry that came nearest."""
        return {key: Highlight(passage=close.best_position) for key in keys if (close := self._closeness.get(key))}

    def reasons(self, keys: Iterable[int]) -> dict[int, dict[str, Any]]:
        """The cosines of head and best passage, and how clearly they are above what has nothing to do with the query."""
        unit = self._unit()
        worth, level = self._question.known * unit, self._question.level
        return {
            key: {
                "similarity": close.similarity,
                "head": close.head,
                "best_passage": close.best_passage,
                "clear": worth * (close.similarity - level),
            }
            for key in keys
            if (close := self._closeness.get(key))
        }

    @staticmethod
    def _scores(closeness: Mapping[int, Closeness]) -> dict[int, float]:
        return {key: close.similarity for key, close in closeness.items()}

    def _level(self) -> float:
        """The cosine of an unrelated entry; measured once."""
        if self._background is None:
            sample = self._index().similarities(self._question.vector, self._store.passages.sample(BACKGROUND)).values()
            weight = _USUAL_WEIGHT * _FEW / (_FEW + len(sample))
            self._background = (math.fsum(sample) + _USUAL_LEVEL * weight) / (len(sample) + weight)
        return self._background

    def _unit(self) -> float:
        """What one of cosine is worth; looked up once."""
        if self._worth is None:
            self._worth = unit_of(spread_of(self._store, self._here()))
        return self._worth

    def _here(self) -> Space:
        """The space of the question.

        Raises:
            EngineError: Another process has dropped it.
        """
        self._space = self._space or self._embeddings.space_of(self._question)
        if self._space is None:
            raise EngineError("the model's vectors were just dropped; search again")
        return self._space

    def _index(self) -> VectorIndex:
        return self._store.vectors.index(self._here())

    def _heads_of(self, keys: Sequence[int]) -> dict[int, int]:
        """The passages that are the heads of some entries, by entry; looked up once."""
        missing = [key for key in keys if key not in self._heads]
        if missing:
            passages = self._store.passages.of_entries(missing)
            self._heads |= {passage.entry_key: passage.id for passage in passages if passage.position == 0}
        return {key: self._heads[key] for key in keys if key in self._heads}

    def _around_zero(self, cosines: Mapping[int, float]) -> dict[int, float]:
        """Figures of heads as figures of their entries, less their mean."""
        unit = self._unit()
        mean = math.fsum(cosines.values()) / max(1, len(cosines))
        entry = {number: key for key, number in self._heads.items()}
        return {entry[number]: self._question.known * (value - mean) * unit for number, value in cosines.items()}
