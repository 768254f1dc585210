"""The change from one model to another: the new vectors beside the old ones, one moment of change, and what is left."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from rekall.cache import EmbeddingCache
from rekall.db import Database
from rekall.embeddings import EmbeddingService, Progress
from rekall.model_manager import ModelIdentity, ModelManager
from rekall.store.passages import PassageStore, SpaceState


@dataclass(frozen=True, slots=True)
class Switch:
    """How far the change to another model came.

    Attributes:
        model: The new model.
        before: The model in use before, empty when there was none.
        replaced: Whether that one gave way, so that its vectors serve nothing any more.
        embedded: Vectors made by this call.
        pending: Passages that still lack a vector.
        is_active: Whether searches use the new model now.
    """

    model: ModelIdentity
    before: str
    replaced: bool
    embedded: int
    pending: int
    is_active: bool


@dataclass(frozen=True, slots=True)
class SpaceReport:
    """A vector space and how many vectors it holds."""

    model: str
    fingerprint: str
    state: SpaceState
    vectors: int
    dim: int

    @property
    def bytes(self) -> int:
        """What the vectors and their sign bits take, in bytes."""
        return self.vectors * (4 * self.dim + -(-self.dim // 8))

    @property
    def serves(self) -> bool:
        """Whether searches use it."""
        return self.state is SpaceState.ACTIVE


class SpaceKeeper:
    """Changes the model in use, and drops vectors that nothing uses any more."""

    def __init__(
        self,
        db: Database,
        passages: PassageStore,
        embeddings: EmbeddingService,
        manager: ModelManager,
        cache: EmbeddingCache,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Work on an open database.

        Args:
            db: For transactions.
            passages: To know the spaces.
            embeddings: To fill them.
            manager: Loads the models.
            cache: Forgets its query vectors at a change.
            clock: Seconds that never go back.
        """
        self._db = db
        self._passages = passages
        self._embeddings = embeddings
        self._manager = manager
        self._cache = cache
        self._clock = clock

    def switch(self, name: str, progress: Progress, budget_s: float | None = None) -> Switch:
        """Make another model the one in use: embed everything with it beside the old vectors, then change over.

        Searches use the old vectors until the last moment. Interrupted, or out of time, it goes on next time. What
        other processes store meanwhile is embedded too before it changes over.

        Args:
            name: An installed model.
            progress: Told how many passages were embedded, of how many.
            budget_s: Stop after about so many seconds; None goes on to the end. At least one batch is embedded.

        Raises:
            EngineError: The model cannot be used; what was done so far is kept, and searches are as before.
        """
        end = None if budget_s is None else self._clock() + budget_s
        model = self._manager.identify(name)
        self._manager.load(model)  # before anything is written
        before = self._passages.active_space()
        embedded = 0
        while True:
            space, made = self._embeddings.fill(model, progress, lambda: end is not None and self._clock() >= end)
            embedded += made
            with self._db.transaction():
                space = self._embeddings.still_there(space)
                pending, _ = self._passages.pending_counts(space)
                self._passages.rename(space, model.name)
                if not pending and not space.active:
                    self._passages.activate(space)
                    self._cache.invalidate()
            if not pending or (end is not None and self._clock() >= end):
                is_active = space.active or not pending
                replaced = is_active and before is not None and before.fingerprint != model.fingerprint
                return Switch(model, before.model if before else "", replaced, embedded, pending, is_active)

    def prune(self, *, unfinished: bool = False) -> list[SpaceReport]:
        """Drop the vectors that searches used before, and give the room back to the disk.

        Args:
            unfinished: Also drop those of a model that `switch` has not finished with.

        Returns:
            What went.
        """
        states = {SpaceState.RETIRED, SpaceState.BUILDING} if unfinished else {SpaceState.RETIRED}
        with self._db.transaction():
            gone = [space for space in self._passages.spaces() if space.state in states]
            reports = [report for report in self.spaces() if report.state in states]
            for space in gone:
                self._passages.drop(space)
        if gone:
            self._db.compact()
        return reports

    def spaces(self) -> list[SpaceReport]:
        """Every vector space of the base, oldest first."""
        return [
            SpaceReport(space.model, space.fingerprint, space.state, self._passages.vector_count(space), space.dim)
            for space in self._passages.spaces()
        ]
