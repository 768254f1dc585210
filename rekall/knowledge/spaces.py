"""The change from one model to another: the new vectors beside the old ones, one moment of change, and what is left."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from rekall.embedder import PATIENCE_S, Embedder, Progress
from rekall.embeddings import EmbeddingService
from rekall.model_manager import ModelIdentity, ModelManager
from rekall.store.values import SpaceState
from rekall.system.clock import Clock

if TYPE_CHECKING:  # protocols cost memory that a search does not need
    from rekall.store.contract import Store


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
        holder: Who embeds with it in another process, None when nobody does.
        aside: Passages that the model cannot embed.
    """

    model: ModelIdentity
    before: str
    replaced: bool
    embedded: int
    pending: int
    is_active: bool
    holder: Embedder | None = None
    aside: int = 0


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

    def __init__(self, store: Store, embeddings: EmbeddingService, manager: ModelManager, clock: Clock) -> None:
        """Work on an open store.

        Args:
            store: The spaces.
            embeddings: To fill them.
            manager: Loads the models.
            clock: Seconds, for budgets.
        """
        self._store = store
        self._embeddings = embeddings
        self._manager = manager
        self._clock = clock

    def switch(self, name: str, progress: Progress, budget_s: float | None = None) -> Switch:
        """Make another model the one in use: embed everything with it beside the old vectors, then change over.

        Searches use the old vectors until the last moment. Interrupted, or out of time, it goes on next time. What
        other processes store in the meantime is embedded too before it changes over. While another process embeds with
        that model it is left to that one, and this returns at once.

        Args:
            name: An installed model.
            progress: Told how many passages were embedded, of how many.
            budget_s: Stop after about this many seconds; None goes on to the end. At least one batch is embedded.

        Raises:
            EngineError: The model cannot be used; what was done so far is kept, and searches are as before.
        """
        end = None if budget_s is None else self._clock.seconds() + budget_s
        model = self._manager.identify(name)
        self._manager.load(model)  # before anything is written
        before = self._store.vectors.active_space()
        embedded = 0
        while True:
            filled = self._embeddings.fill(model, progress, lambda: end is not None and self._clock.seconds() >= end)
            embedded += filled.made
            with self._store.transaction(PATIENCE_S):
                space = self._embeddings.still_there(filled.space)
                pending, _ = self._store.passages.pending_counts(space)
                aside, _ = self._store.unembeddable.counts(space)
                self._store.vectors.rename(space, model.name)
                if not pending and not space.active:
                    self._store.vectors.activate(space)
                    self._embeddings.forget()
            holder = filled.holder if pending else None
            if not pending or holder or (end is not None and self._clock.seconds() >= end):
                is_active = space.active or not pending
                replaced = is_active and before is not None and before.fingerprint != model.fingerprint
                return Switch(
                    model, before.model if before else "", replaced, embedded, pending, is_active, holder, aside
                )

    def prune(self, *, unfinished: bool = False) -> list[SpaceReport]:
        """Drop the vectors that searches used before, and give the room back to the disk.

        Args:
            unfinished: Also drop those of a model that `switch` has not finished with.

        Returns:
            What went.
        """
        states = {SpaceState.RETIRED, SpaceState.BUILDING} if unfinished else {SpaceState.RETIRED}
        with self._store.transaction(PATIENCE_S):
            gone = [space for space in self._store.vectors.spaces() if space.state in states]
            reports = [report for report in self.spaces() if report.state in states]
            for space in gone:
                self._store.vectors.drop(space)
        if gone:
            self._store.compact()
        return reports

    def spaces(self) -> list[SpaceReport]:
        """Every vector space of the base, oldest first."""
        return [
            SpaceReport(space.model, space.fingerprint, space.state, self._store.vectors.count(space), space.dim)
            for space in self._store.vectors.spaces()
        ]
