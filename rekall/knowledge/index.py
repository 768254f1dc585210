"""The indexes and the models behind them: what they hold, making them again, changing the model."""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from rekall.embedder import PATIENCE_S, Embedded, Embedder, Progress
from rekall.embeddings import EmbeddingService
from rekall.errors import EngineError
from rekall.knowledge.reports import IndexStatus, MemoryReport
from rekall.knowledge.spaces import SpaceKeeper, SpaceReport, Switch
from rekall.model_manager import ModelManager
from rekall.store.values import Space
from rekall.vector_index import is_unit

if TYPE_CHECKING:  # protocols cost memory that a search does not need
    from rekall.store.contract import Store

_MOST_NAMED = 100
"""Passages that a model cannot embed and that are named."""

_CUT_BATCH = 256
"""Entries cut again in one transaction, in a fraction of a second: others write in between."""

_WORDS_BATCH = 256
"""Entries indexed at once: a server is asked a few times for all of them."""


class Index:
    """Looks after words, vectors and the model of a base."""

    def __init__(self, store: Store, embeddings: EmbeddingService, manager: ModelManager, spaces: SpaceKeeper) -> None:
        """Work on an open store."""
        self._store = store
        self._embeddings = embeddings
        self._manager = manager
        self._spaces = spaces

    def status(self) -> IndexStatus:
        """What the indexes hold, and what serves them."""
        space = self._store.vectors.active_space()
        passages, entries = self._store.passages.pending_counts(space)
        aside, aside_entries = self._store.unembeddable.counts(space)
        model = None
        with contextlib.suppress(EngineError):  # then the problem says why
            model = self._embeddings.model_in_use()
        total = self._store.passages.count()
        return IndexStatus(
            backend=self._store.vectors.backend,
            entries=self._store.entries.count(),
            words=self._store.words.count(),
            passages=total,
            vectors=total - passages - aside,
            pending_passages=passages,
            pending_entries=entries,
            aside_passages=aside,
            aside_entries=aside_entries,
            aside=tuple(self._store.unembeddable.of(space, _MOST_NAMED)) if aside else (),
            spaces=tuple(self._spaces.spaces()),
            model=model,
            model_problem=self._embeddings.readiness().reason,
            embedder=self.embedder() if passages else None,
            wants_rebuild=self.wants_rebuild(),
        )

    def space(self) -> Space | None:
        """The vectors that searches use, None before there are any."""
        return self._store.vectors.active_space()

    def wants_rebuild(self) -> bool:
        """Whether searches by meaning would be faster after `rebuild_vectors`."""
        space = self.space()
        return space is not None and self._store.vectors.index(space).wants_rebuild()

    def fingerprint(self) -> str:
        """The model that questions are embedded with, by its fingerprint; empty where it cannot be used."""
        space = self.space()
        if space is not None:
            return space.fingerprint
        with contextlib.suppress(EngineError):  # then only words answer, which the search says
            return self._embeddings.model_in_use().fingerprint
        return ""

    def embedder(self) -> Embedder | None:
        """Which process embeds now for the space that searches use, None when none does."""
        return self._embeddings.embedder()

    def advice(self) -> str:
        """What to know or do while entries lack vectors: who embeds and how far it is, or what to run."""
        return self._embeddings.advice()

    def how_far(self) -> str:
        """How much is embedded and how it goes on, for who has just interrupted that."""
        return self._embeddings.how_far()

    def rebuild_words(self, progress: Progress = lambda done, total: None) -> int:
        """Index the words of every entry again, in one transaction. Returns how many entries."""
        total = self._store.entries.count()
        done = 0
        with self._store.transaction(PATIENCE_S, "indexing the words of every entry again"):
            self._store.words.clear()
            entries = self._store.entries.stream()
            while some := list(itertools.islice(entries, _WORDS_BATCH)):
                self._store.words.put_many(some)
                done += len(some)
                progress(done, total)
        return done

    def rebuild_vectors(self, progress: Progress = lambda done, total: None, *, from_scratch: bool = False) -> Embedded:
        """Take the signs anew, cut every entry again, embed what has no vector; interrupted, the next call goes on.

        What the model could not embed is tried again.

        Where another process embeds already, what lacks a vector is left to that one.

        Args:
            progress: Told how many passages were embedded, of how many.
            from_scratch: Forget every vector first.

        Raises:
            EngineError: The model cannot be used; nothing was forgotten.
        """
        self._manager.load(self._embeddings.model_in_use())
        with self._store.transaction(PATIENCE_S):
            self._embeddings.refresh(from_scratch=from_scratch)
        first: int | None = None if from_scratch else 0
        while first is not None:
            with self._store.transaction(PATIENCE_S):
                first = self._embeddings.renew(first)
        keys = self._store.entries.keys()
        for start in range(0, len(keys), _CUT_BATCH):
            with self._store.transaction(PATIENCE_S):
                entries = self._store.entries.by_keys(keys[start : start + _CUT_BATCH])
                self._embeddings.put_unembedded(list(entries.items()))
        return self._embeddings.embed_pending(progress)

    def embed_waiting(self, progress: Progress = lambda done, total: None) -> Embedded:
        """Give what waits for a vector one, unless another process is at it. Raises EngineError."""
        return self._embeddings.embed_pending(progress)

    def embed_entries(
        self, ids: Iterable[str], progress: Progress = lambda done, total: None, like: Index | None = None
    ) -> Embedded:
        """Give some entries their vectors, and leave all else waiting unless they are many.

        Args:
            ids: The entries.
            progress: Told how many passages were embedded, of how many.
            like: Of another base, whose vectors are taken where they are of the same model and of the same texts.

        Raises:
            EngineError: The model cannot be used.
        """
        known = like.known if like else lambda fingerprint, ids: {}
        return self._embeddings.embed_entries(list(self._store.entries.keys_of(ids).values()), progress, known)

    def known(self, fingerprint: str, ids: Sequence[str]) -> dict[bytes, bytes]:
        """The vectors of some entries' passages, (d,) float32 each, by the hash of the text; of the model with a fingerprint."""
        space = self._store.vectors.space_of(fingerprint)
        if space is None:
            return {}
        with self._store.snapshot():
            hashes = self._store.passages.hashes(self._store.entries.keys_of(ids).values())
            vectors = self._store.vectors.index(space).get_many(hashes)
        sound = {
            number: vector for number, vector in vectors.items() if len(vector) == 4 * space.dim and is_unit(vector)
        }
        return {hashes[number]: vector for number, vector in sound.items()}

    def use_model(
        self, name: str, progress: Progress = lambda done, total: None, budget_s: float | None = None
    ) -> Switch:
        """Embed everything with another model, then search with it; see `SpaceKeeper.switch`."""
        return self._spaces.switch(name, progress, budget_s)

    def prune(self, *, unfinished: bool = False) -> list[SpaceReport]:
        """Drop the vectors of models that are no longer in use; see `SpaceKeeper.prune`."""
        return self._spaces.prune(unfinished=unfinished)

    def is_model_loaded(self) -> bool:
        """Whether the model is in memory, in this process or in its own."""
        return self._manager.is_loaded()

    def drop_model(self) -> None:
        """Give back what the model holds; the next use loads it again."""
        self._manager.close()

    def memory(self) -> MemoryReport:
        """Measure this process and the engine's before the model, with it, and after it was dropped."""
        from rekall.system.resident import children_bytes, peak_bytes, resident_bytes

        before = resident_bytes()
        problem = ""
        try:
            self._embeddings.question("how much memory does a question take")
        except EngineError as error:
            problem = error.message
        loaded, child = resident_bytes(), children_bytes()
        self._manager.close()
        dropped = resident_bytes()
        return MemoryReport(before, loaded, child, dropped, max(peak_bytes(), loaded), problem)
