"""The legs of a search: each finds candidates in its own way and gives every candidate a score.

A new leg is a class of the shape of `Leg` and one line in `app.build`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from rekall.embeddings import Closeness, EmbeddingService, Question, Readiness
from rekall.errors import EngineError
from rekall.search.query import ParsedQuery
from rekall.store.values import Selection, Space, Term, Terms
from rekall.wording import count_text

if TYPE_CHECKING:  # protocols cost memory that a search does not need
    from rekall.store.contract import Store

MOST_TERMS = 64
"""Of a longer query, a pasted stack trace for instance, the rarest terms are looked up."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """Somebody who waits for an answer.

    Attributes:
        notice: Told when something slow begins.
        is_wanted: Asked while the engine is waited for, whether the answer is still wanted.
    """

    notice: Callable[[str], None] = lambda text: None
    is_wanted: Callable[[], bool] = lambda: True


NOBODY = Waiting()
"""Who waits for an answer to the end and is told nothing before."""


@dataclass(frozen=True, slots=True)
class Found:
    """What a leg knows of entries.

    Attributes:
        order: The entries it puts forward, best first.
        score: The score of these and of others that it was asked for: 0 to about 1, comparable across queries.
    """

    order: tuple[int, ...] = ()
    score: Mapping[int, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Highlight:
    """What a leg would show of an entry: the terms it holds, or the passage that came nearest (0 is the head)."""

    terms: tuple[Term, ...] = ()
    passage: int = 0


class Asking(Protocol):
    """One query as a leg asks it. Everything but its making happens inside one snapshot."""

    note: str
    """What a person should know about the answer, or empty."""

    def find(self, selection: Selection, most: int) -> Found:
        """The best of the selected entries, `most` at the most.

        Raises:
            EngineError: The leg cannot answer after all.
        """
        ...

    def score(self, keys: Iterable[int]) -> Mapping[int, float]:
        """The scores of given entries; one it knows nothing of is left out."""
        ...

    def reasons(self, keys: Iterable[int]) -> Mapping[int, Mapping[str, Any]]:
        """Fields of `results.Why` that only this leg knows, for the given entries."""
        ...

    def highlights(self, keys: Iterable[int]) -> Mapping[int, Highlight]:
        """What to show of the given entries."""
        ...


class Leg(Protocol):
    """A way to find entries."""

    name: str
    """As `results.Mode` and `--explain` name it."""

    def ask(self, query: ParsedQuery, waiting: Waiting) -> Asking | None:
        """Make a query ready, before any snapshot; it may take long. None when there is nothing to compare with.

        Raises:
            EngineError: The leg cannot be used.
            Superseded: The answer is not wanted any more.
        """
        ...


class WordsLeg:
    """Finds entries by their words: BM25 as a share of what the query could score at most."""

    name = "words"

    def __init__(self, store: Store) -> None:
        """Work on an open store."""
        self._store = store

    def ask(self, query: ParsedQuery, waiting: Waiting) -> AskedWords:
        """The query's terms; they are looked up when it is first asked."""
        return AskedWords(self._store, query.text)


class AskedWords:
    """A query by words."""

    note = ""

    def __init__(self, store: Store, text: str) -> None:
        """Ask a store for the words of a text."""
        self._store = store
        self._text = text
        self._terms: Terms | None = None
        self._matched: dict[int, tuple[Term, ...]] = {}

    @property
    def terms(self) -> Terms:
        """The terms that are looked for, with how common each is; counted once a search."""
        if self._terms is None:
            self._terms = self._store.words.terms(self._text, MOST_TERMS)
        return self._terms

    def find(self, selection: Selection, most: int) -> Found:
        """The selected entries that cover most of the words."""
        score = self._store.words.search(self.terms, selection, most)
        return Found(tuple(score), score)

    def score(self, keys: Iterable[int]) -> dict[int, float]:
        """The coverage of given entries."""
        return self._store.words.coverage_of(self.terms, keys)

    def reasons(self, keys: Iterable[int]) -> dict[int, dict[str, Any]]:
        """The words that each entry holds, as they were typed."""
        return {key: {"matched": tuple(term.word for term in held)} for key, held in self._held(keys).items()}

    def highlights(self, keys: Iterable[int]) -> dict[int, Highlight]:
        """The terms that each entry holds."""
        return {key: Highlight(held) for key, held in self._held(keys).items()}

    def _held(self, keys: Iterable[int]) -> dict[int, tuple[Term, ...]]:
        """The terms that each of the given entries holds; looked up once an entry."""
        wanted = list(keys)
        missing = [key for key in wanted if key not in self._matched]
        if missing and self._text:
            self._matched |= dict.fromkeys(missing, ()) | self._store.words.matched(self.terms, missing)
        return {key: held for key in wanted if (held := self._matched.get(key))}


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
            note = self._incomplete(state.space) if state.passages else ""
        if not state.passages:
            return None
        if not self._embeddings.is_ready():
            waiting.notice("loading the model")
        question = self._embeddings.question(query.text, waiting.is_wanted, state.model)
        return AskedMeaning(self._embeddings, question, note)

    def can_answer(self) -> bool:
        """Whether there is anything to compare with.

        Raises:
            EngineError: There is, and the model cannot be used or nothing has a vector yet.
        """
        return self._readiness().passages > 0

    def ask_entry(self, key: int) -> AskedMeaning | None:
        """What a stored entry says as a question; None while it has no vector. Call it inside the snapshot."""
        question = self._embeddings.question_of(key)
        return AskedMeaning(self._embeddings, question) if question else None

    def advice(self) -> str:
        """What to know or do while an entry lacks its vector."""
        return self._embeddings.advice()

    def _readiness(self) -> Readiness:
        state = self._embeddings.readiness()
        if state.passages and state.reason:
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

    def __init__(self, embeddings: EmbeddingService, question: Question, note: str = "") -> None:
        """Compare entries with a question."""
        self.note = note
        self._embeddings = embeddings
        self._question = question
        self._space: Space | None = None
        self._closeness: dict[int, Closeness] = {}

    def find(self, selection: Selection, most: int) -> Found:
        """The selected entries that are nearest to it."""
        self._space = self._embeddings.space_of(self._question)
        if self._space is None:
            raise EngineError("the model's vectors were just dropped; search again")
        self._closeness = self._embeddings.semantic_search(self._question, most, selection, self._space)
        return Found(tuple(self._closeness), self._scores(self._closeness))

    def score(self, keys: Iterable[int]) -> dict[int, float]:
        """The similarity of given entries."""
        found = self._embeddings.closeness(self._question, keys, self._space)
        self._closeness |= found
        return self._scores(found)

    def highlights(self, keys: Iterable[int]) -> dict[int, Highlight]:
        """The passage of each entry that came nearest."""
        return {key: Highlight(passage=close.best_position) for key in keys if (close := self._closeness.get(key))}

    def reasons(self, keys: Iterable[int]) -> dict[int, dict[str, Any]]:
        """The cosines of head and best passage."""
        return {
            key: {"similarity": close.similarity, "head": close.head, "best_passage": close.best_passage}
            for key in keys
            if (close := self._closeness.get(key))
        }

    @staticmethod
    def _scores(closeness: Mapping[int, Closeness]) -> dict[int, float]:
        return {key: close.similarity for key, close in closeness.items()}
