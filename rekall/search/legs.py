"""The legs of a search: each finds candidates in its own way and gives every candidate a score.

A new leg is a class of the shape of `Leg` and one line in `wiring.build`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Protocol

from rekall.search.query import ParsedQuery
from rekall.store.values import Selection, Term, Terms

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

    def comparable(
        self, scores: Mapping[int, float], keys: Iterable[int], coverage: Mapping[int, float]
    ) -> Mapping[int, float]:
        """The scores of some keys as fusion adds them to those of other legs.

        Args:
            scores: What `find` and `score` said.
            keys: The keys.
            coverage: How much of the query's words each entry holds, for a leg that must estimate what it does not know.
        """
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
        return AskedWords(self._store, query.text, unfinished=query.unfinished)


class AskedWords:
    """A query by words."""

    note = ""

    def __init__(self, store: Store, text: str, *, unfinished: bool = False) -> None:
        """Ask a store for the words of a text, the last of which may be still typed."""
        self._store = store
        self._text = text
        self._unfinished = unfinished
        self._terms: Terms | None = None
        self._matched: dict[int, tuple[Term, ...]] = {}

    @property
    def terms(self) -> Terms:
        """The terms that are looked for, with how common each is; counted once a search."""
        if self._terms is None:
            self._terms = self._store.words.terms(self._text, MOST_TERMS, unfinished=self._unfinished)
        return self._terms

    def find(self, selection: Selection, most: int) -> Found:
        """The selected entries that cover most of the words."""
        score = self._store.words.search(self.terms, selection, most)
        return Found(tuple(score), score)

    def score(self, keys: Iterable[int]) -> dict[int, float]:
        """The coverage of given entries."""
        return self._store.words.coverage_of(self.terms, keys)

    def comparable(
        self, scores: Mapping[int, float], keys: Iterable[int], coverage: Mapping[int, float]
    ) -> Mapping[int, float]:
        """The coverage as it is: it compares across queries."""
        return scores

    def reasons(self, keys: Iterable[int]) -> dict[int, dict[str, Any]]:
        """The words that each entry holds, as they were typed, and whether these are all."""
        return {
            key: {"matched": _typed(held), "holds_all": self._is_all(held)} for key, held in self._held(keys).items()
        }

    def highlights(self, keys: Iterable[int]) -> dict[int, Highlight]:
        """The terms that each entry holds."""
        return {key: Highlight(held) for key, held in self._held(keys).items()}

    def holding_all(self, keys: Sequence[int], most: int) -> set[int]:
        """Those of the given entries that hold every word that was typed; none where more than `most` were typed."""
        if not 0 < len(self._text.split()) <= most:
            return set()
        return {key for key, held in self._held(keys).items() if self._is_all(held)}

    def lacking(self, keys: Sequence[int]) -> dict[int, float]:
        """The share of the numbers that were typed and are held by one of the given entries, that each of them lacks.

        A number is a word with a digit, such as `404`, `v3` or `1.2.3`, but no count such as 2 or 10. Entries that lack
        nothing are left out.
        """
        numbers = {term for term in self.terms if not term.prefix and _is_telling(term.word)}
        numbers -= {term for term in numbers if any(term.stem in other.parts for other in numbers)}
        if not numbers:
            return {}
        counted = {term: documents for term, documents in self.terms.frequencies.items() if term in numbers}
        terms = replace(self.terms, frequencies=counted)  # all words would take ten times as long
        held = self._store.words.matched(terms, keys)
        known = set().union(*held.values())
        lacks = {key: 1.0 - len(held.get(key, ())) / len(known) for key in keys} if known else {}
        return {key: share for key, share in lacks.items() if share}

    def _is_all(self, held: Iterable[Term]) -> bool:
        return set(self.terms) <= set(held)

    def _held(self, keys: Iterable[int]) -> dict[int, tuple[Term, ...]]:
        """The terms that each of the given entries holds; looked up once an entry."""
        wanted = list(keys)
        missing = [key for key in wanted if key not in self._matched]
        if missing and self._text:
            self._matched |= dict.fromkeys(missing, ()) | self._store.words.matched(self.terms, missing)
        return {key: held for key in wanted if (held := self._matched.get(key))}


def _is_telling(word: str) -> bool:
    return any(sign.isdigit() for sign in word) and not (word.isdigit() and len(word) < 3)


def _typed(held: Iterable[Term]) -> tuple[str, ...]:
    """Terms as they were typed, each once; of what was typed in one piece, the piece and not its parts."""
    whole = {part for term in held for part in term.parts if len(term.parts) > 1}
    return tuple(dict.fromkeys(term.word for term in held if term.parts or term.stem not in whole))
