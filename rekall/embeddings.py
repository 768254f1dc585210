"""Entries as vectors: embeds passages, keeps their space, and finds what is close in meaning."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rekall.cache import EmbeddingCache, EntryVectors, similarities
from rekall.claims import Claims
from rekall.embedder import IMPORTING, Embedded, Embedder, Filled, Progress, advice, embedder_of, how_far
from rekall.entry.fields import Entry
from rekall.entry.passages import passages_of
from rekall.errors import REPAIR, EngineError
from rekall.model_manager import ModelIdentity
from rekall.prepared import Prepared, embedded_apart
from rekall.questions import Question, Questions
from rekall.spread import keep_spread
from rekall.store.values import EVERYTHING, Selection, Space, StoredPassage
from rekall.system.clock import Clock
from rekall.vector_index import passages_for

if TYPE_CHECKING:
    from rekall.backlog import Backlog, Known
    from rekall.store.contract import Store


@dataclass(frozen=True, slots=True)
class Closeness:
    """How near an entry is to a query: cosines of its head and of its best passage, the head included."""

    head: float
    best_passage: float
    best_position: int

    @property
    def similarity(self) -> float:
        """The mean of head and best passage; the head's own cosine when the entry is short (docs/adr/0005)."""
        return (self.head + self.best_passage) / 2.0


@dataclass(frozen=True, slots=True)
class Readiness:
    """Whether a search by meaning can be answered.

    Attributes:
        has_passages: Whether there are any; without there is nothing to compare with.
        space: The space that searches use, None before anything was embedded.
        model: What made its vectors; None where that cannot be used.
        reason: Why a search by meaning cannot be answered, or empty.
    """

    has_passages: bool
    space: Space | None
    model: ModelIdentity | None
    reason: str


class EmbeddingService:
    """Every use of the model for entries goes through here."""

    def __init__(
        self,
        store: Store,
        questions: Questions,
        clock: Clock,
        claims: Claims,
        cache: EmbeddingCache | None = None,
    ) -> None:
        """Work on an open store.

        Args:
            store: The base.
            questions: Makes texts into questions; its manager loads the model when it is needed.
            clock: The time.
            claims: Who is at what.
            cache: Keeps vectors of entries that were compared lately, where that is faster than reading them.
        """
        self._store = store
        self._manager = questions.manager
        self._clock = clock
        self._claims = claims
        self._cache = cache
        self._questions = questions

    def model_in_use(self) -> ModelIdentity:
        """The model that made the vectors searches use; the configured one before there are any.

        Raises:
            EngineError: It is not installed, damaged, or was changed since.
        """
        return self._model_of(self._store.vectors.active_space())

    def readiness(self) -> Readiness:
        """What there is to compare with, and why that cannot be done. One look for the whole of a search."""
        passages = bool(self._store.passages.sample(1))  # counting a million takes 7 ms
        space = self._store.vectors.active_space()
        try:
            model = self._model_of(space)
        except EngineError as error:
            reason = f"{error.message}; {error.hint}" if error.hint else error.message
            return Readiness(passages, space, None, reason)
        reason = f"no entry has a vector yet; {self.advice()}" if passages and not space else ""
        return Readiness(passages, space, model, reason)

    def prepare(self, entry: Entry, key: int | None = None) -> Prepared:
        """Cut an entry and embed the passages that have no vector yet. Call it before the transaction.

        Args:
            entry: The entry as it will be stored.
            key: Its key when it is stored already.

        Raises:
            EngineError: The model cannot be used.
        """
        passages = tuple(passages_of(entry))
        space = self._store.vectors.active_space()
        known = self._settled(key, space) if key is not None and space else set()
        missing = list(
            {passage.text_hash: passage.text for passage in passages if passage.text_hash not in known}.items()
        )
        if not missing:
            return Prepared(passages, {}, None)
        model = self._model_of(space)
        return embedded_apart(self._manager, model, passages, missing)

    def _settled(self, key: int, space: Space) -> set[bytes]:
        """Text hashes of an entry's passages that have a vector, or that the model cannot embed."""
        return self._store.passages.embedded_hashes(key, space) | self._store.unembeddable.hashes(key, space)

    def put(self, key: int, prepared: Prepared) -> None:
        """Store the passages of an entry and their vectors. Call it inside the transaction."""
        ids = self._store.passages.put(key, prepared.passages)
        self.forget(key)
        if prepared.model is None:
            return
        vectors = self._store.vectors
        space = vectors.space_of(prepared.model.fingerprint)
        if space is None and vectors.active_space() is None:
            space = self._backlog().space_for(prepared.model)
        if space is not None:  # else its vectors were pruned since `prepare`; `catch_up` makes those of the new model
            index = vectors.index(space)
            made = zip(ids, prepared.passages)
            index.add_many((n, prepared.vectors[p.text_hash]) for n, p in made if p.text_hash in prepared.vectors)
            for passage_id, passage in zip(ids, prepared.passages):
                if passage.text_hash in prepared.aside:
                    self._store.unembeddable.put(space, passage_id, prepared.aside[passage.text_hash])

    def catch_up(self, key: int) -> None:
        """Embed what a stored entry lacks, since another process may have changed the model meanwhile. Raises EngineError."""
        space = self._store.vectors.active_space()
        if space is not None and self._store.passages.pending(space, 1, [key]):
            self._backlog().embed_of(self._model_of(space), space, [key])

    def put_unembedded(self, entries: Sequence[tuple[int, Entry]]) -> None:
        """Store the passages of entries, by their keys; new ones wait for `embed_pending`."""
        for key, _ in entries:
            self.forget(key)
        self._store.passages.put_many([(key, passages_of(entry)) for key, entry in entries])

    def forget(self, key: int | None = None) -> None:
        """Keep no vector of an entry that was written or deleted, or of any."""
        if self._cache is not None:
            self._cache.invalidate(key)

    def refresh(self, *, from_scratch: bool) -> None:
        """Let everything be tried again, and forget the vectors if asked to. Call it inside a transaction.

        Raises:
            EngineError: The model cannot be used.
        """
        space = self._backlog().space_for(self.model_in_use())
        index = self._store.vectors.index(space)
        self.forget()
        self._store.unembeddable.clear(space)
        if from_scratch:
            index.clear()

    def renew(self, first: int) -> int | None:
        """Make a part of the signs anew, in a transaction for each; see `VectorIndex.rebuild_from`."""
        space = self._store.vectors.active_space()
        if space is None:
            return None
        next_part = self._store.vectors.index(space).rebuild_from(first)
        if next_part is None:
            self.forget()  # a damaged vector may be gone
            keep_spread(self._store, space)
        return next_part

    def embed_pending(self, progress: Progress = lambda done, total: None) -> Embedded:
        """Give every passage a vector of the model in use, unless another process is at it; see `embed_imported`."""
        return self.embed_imported((), progress)

    def embed_imported(self, keys: Collection[int], progress: Progress = lambda done, total: None) -> Embedded:
        """Embed the entries of an import, then everything else that lacks a vector, what was changed last first.

        The import's own are embedded at once when they have at most `FEW_PASSAGES`. More of them, and everything else,
        are embedded by one process at a time: where another is at it this returns at once, and that one goes on with
        them. Interrupted, it goes on next time.

        Args:
            keys: The entries that were stored.
            progress: Told how many passages were embedded, of how many.

        Raises:
            EngineError: The model cannot be used; what was done so far is kept.
        """
        if not self._store.passages.count():
            return Embedded(0, 0, None)
        return self._backlog().embed_first(self.model_in_use(), keys, progress)

    def embed_entries(self, keys: Collection[int], progress: Progress, known: Known) -> Embedded:
        """Embed some entries, and nothing else that waits unless they are many; see `Backlog.embed_some`. Raises EngineError."""
        return self._backlog().embed_some(self.model_in_use(), keys, progress, known)

    def fill(self, model: ModelIdentity, progress: Progress, is_time_up: Callable[[], bool] = lambda: False) -> Filled:
        """Give every passage a vector of a model, unless another process is at it; see `Backlog.fill`."""
        return self._backlog().fill(model, progress, is_time_up)

    def still_there(self, space: Space) -> Space:
        """A space as it is now; see `Backlog.still_there`. Call it inside a transaction."""
        return self._backlog().still_there(space)

    def embedder(self) -> Embedder | None:
        """Which process embeds for the space in use now, None when none does."""
        return embedder_of(self._claims, self._store.vectors.active_space())

    def announce(self, holder: str = "") -> str:
        """Say that this process stores notes and embeds them next, so that nobody is sent to do it.

        Call it inside a transaction, with every batch.

        Args:
            holder: What the call before returned; empty for the first.

        Returns:
            What `withdraw` takes.
        """
        holder = holder or self._claims.new_holder()
        lease = self._claims.of(IMPORTING + holder)
        if lease is not None:
            self._claims.renew(lease, 0, 0)
        else:
            self._claims.sweep(IMPORTING)
            self._claims.take(IMPORTING + holder, holder)
        return holder

    def withdraw(self, holder: str) -> None:
        """Take back what `announce` said."""
        self._claims.release(holder)

    def advice(self) -> str:
        """What a person should know or do while passages lack a vector: who embeds and how far it is, or what to run."""
        return advice(self.embedder())

    def how_far(self) -> str:
        """How much is embedded and how it goes on, for who has just interrupted that."""
        space = self._store.vectors.active_space()
        pending, _ = self._store.passages.pending_counts(space)
        aside, _ = self._store.unembeddable.counts(space)
        total = self._store.passages.count()
        return how_far(total - pending - aside, total)

    def is_ready(self) -> bool:
        """Whether a model is loaded, so that a question is answered at once."""
        return self._manager.is_loaded()

    def question(
        self, text: str, is_wanted: Callable[[], bool] = lambda: True, model: ModelIdentity | None = None
    ) -> Question:
        """The vector of a question, for the space that searches use now.

        Args:
            text: What is asked.
            is_wanted: Asked while it waits for the model.
            model: The model in use, where that is known already.

        Raises:
            EngineError: The model cannot be used.
            Superseded: The answer is not wanted any more.
        """
        return self._questions.of(model or self.model_in_use(), text, is_wanted)

    def known(self, question: Question, texts: Sequence[str]) -> Sequence[float]:
        """The share of each text's tokens that the model of a question knows; see `Questions.known`."""
        return self._questions.known(question, texts)

    def space_of(self, question: Question) -> Space | None:
        """The space of a question, None when another process has dropped it."""
        return self._store.vectors.space_of(question.fingerprint)

    def question_of(self, key: int) -> Question | None:
        """The stored vector of an entry's head, or None while it has none."""
        space = self._store.vectors.active_space()
        heads = [passage.id for passage in self._store.passages.of_entries([key]) if passage.position == 0]
        vector = next(iter(self._store.vectors.index(space).get_many(heads[:1]).values()), None) if space else None
        if space is None or vector is None:
            return None
        model = None
        with contextlib.suppress(EngineError):  # stored vectors are compared without it
            model = self._model_of(space)
        return Question(space.fingerprint, vector, model=model)

    def semantic_search(
        self, question: Question, k: int, selection: Selection = EVERYTHING, space: Space | None = None
    ) -> dict[int, Closeness]:
        """The entries nearest to a question, most similar first.

        Args:
            question: Where to look from, and in which space.
            k: How many entries.
            selection: Which entries may answer.
            space: Its space, where the caller has looked it up inside this snapshot.

        Returns:
            Closeness by entry key.
        """
        space = space or self.space_of(question)
        if space is None:
            return {}
        for asked in passages_for(k, lambda: self._store.vectors.count_at_most(space)):
            nearest = self._store.vectors.nearest(space, question.vector, asked, selection)
            if len({passage.entry_key for passage, _ in nearest}) >= k or len(nearest) < asked:
                break
        found = self._closeness(space, question, dict.fromkeys(passage.entry_key for passage, _ in nearest))
        return dict(sorted(found.items(), key=lambda item: (-item[1].similarity, item[0]))[:k])

    def find_similar(self, key: int, k: int, selection: Selection = EVERYTHING) -> dict[int, Closeness]:
        """The entries nearest to a stored one, itself left out; empty while it has no vector."""
        question = self.question_of(key)
        if question is None:
            return {}
        found = self.semantic_search(question, k + 1, selection)
        return dict([item for item in found.items() if item[0] != key][:k])

    def closeness(self, question: Question, keys: Iterable[int], space: Space | None = None) -> dict[int, Closeness]:
        """Closeness of the given entries; one without vectors is left out. `space` as for `semantic_search`."""
        wanted, is_followed = list(keys), space is not None  # then `semantic_search` came before, at the same moment
        space = (space or self.space_of(question)) if wanted else None
        return self._closeness(space, question, wanted, is_followed=is_followed) if space else {}

    def _closeness(
        self, space: Space, question: Question, keys: Iterable[int], *, is_followed: bool = False
    ) -> dict[int, Closeness]:
        if self._cache is not None:
            read_in = (
                self._cache.round if is_followed else self._cache.follow((self._store.version(), space.fingerprint))
            )
            return self._cached_closeness(self._cache, read_in, space, question, list(keys))
        passages = self._store.passages.of_entries(keys)
        ids = (passage.id for passage in passages)
        similarity = self._store.vectors.index(space).similarities(question.vector, ids) if passages else {}
        return {
            key: closeness_of([(each.position, similarity[each.id]) for each in of_entry])
            for key, of_entry in _by_entry(passages, similarity).items()
        }

    def _cached_closeness(
        self, cache: EmbeddingCache, read_in: int, space: Space, question: Question, keys: Sequence[int]
    ) -> dict[int, Closeness]:
        """The same from vectors in memory; what is not there is read and kept."""
        kept = cache.get_many(keys, read_in)
        missing = self._store.passages.of_entries(key for key in keys if key not in kept)
        read = self._store.vectors.index(space).get_many(each.id for each in missing) if missing else {}
        for key, of_entry in _by_entry(missing, read).items():
            kept[key] = EntryVectors.of([(each.position, read[each.id]) for each in of_entry])
            cache.put(key, kept[key], read_in)
        return {key: closeness_of(scores) for key, scores in similarities(kept, question.vector).items()}

    def _model_of(self, space: Space | None) -> ModelIdentity:
        if space is None:
            return self._manager.identify()
        model = self._manager.find(space.model, space.fingerprint)
        if model.dim != space.dim:  # a damaged row: its vectors are of this model, whatever it says
            raise EngineError(
                f"the base says that vectors of {model.name} have {space.dim} dimensions, and they have {model.dim}",
                REPAIR,
            )
        return model

    def _backlog(self) -> Backlog:
        from rekall.backlog import Backlog  # half a megabyte that a search does without

        return Backlog(self._store, self._manager, self._clock, self._claims, self._cache)


def closeness_of(scores: Sequence[tuple[int, float]]) -> Closeness:
    """From (position, cosine) of an entry's passages; without its head the first one stands in."""
    best_position, best = max(scores, key=lambda score: score[1])
    return Closeness(min(scores)[1], best, best_position)


def _by_entry(passages: Iterable[StoredPassage], among: Mapping[int, object]) -> dict[int, list[StoredPassage]]:
    """The passages that are among some ids, by their entry."""
    found: dict[int, list[StoredPassage]] = {}
    for passage in passages:
        if passage.id in among:
            found.setdefault(passage.entry_key, []).append(passage)
    return found
