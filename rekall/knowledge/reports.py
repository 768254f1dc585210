"""What the use cases answer, besides entries and hits."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from rekall.embedder import Embedder
from rekall.entry.fields import Entry
from rekall.entry.types import Reference
from rekall.errors import EngineError
from rekall.knowledge.spaces import SpaceReport
from rekall.model_manager import ModelIdentity
from rekall.store.values import Counts
from rekall.vector_index import Backend


@dataclass(frozen=True, slots=True)
class Saved:
    """An entry as it was stored, why it has no vectors yet (empty when it has), and what mends that or who is at it."""

    entry: Entry
    warning: str
    hint: str

    @classmethod
    def of(cls, entry: Entry, problem: EngineError | None, advice: Callable[[], str]) -> Saved:
        """An entry that was stored, what kept its vectors away, and where that has no hint of its own, the advice."""
        return cls(entry, problem.message, problem.hint or advice()) if problem else cls(entry, "", "")


@dataclass(frozen=True, slots=True)
class Page:
    """Some entries of a list, what replaced the obsolete ones among them (by their id), and how many there are in all."""

    entries: tuple[Entry, ...]
    successors: dict[str, Reference]
    total: int


@dataclass(frozen=True, slots=True)
class IndexStatus:
    """What the indexes hold, and what serves them."""

    backend: Backend
    entries: int
    words: int
    passages: int
    vectors: int
    pending_passages: int
    pending_entries: int
    spaces: tuple[SpaceReport, ...]
    model: ModelIdentity | None
    model_problem: str
    embedder: Embedder | None


@dataclass(frozen=True, slots=True)
class Stats:
    """Counts and sizes."""

    counts: Counts
    database_bytes: int
    vectors: int
    passages: int
    embedder: Embedder | None


@dataclass(frozen=True, slots=True)
class MemoryReport:
    """Resident memory, in bytes.

    Attributes:
        before_bytes: This process before the model was needed.
        loaded_bytes: This process while the model is loaded.
        child_bytes: The engine's own process at that moment; 0 where the model is loaded into this one.
        dropped_bytes: This process after the model was dropped.
        peak_bytes: The most that this process ever had.
        problem: Why there is no model, or empty.
    """

    before_bytes: int
    loaded_bytes: int
    child_bytes: int
    dropped_bytes: int
    peak_bytes: int
    problem: str
