"""What the use cases answer, besides entries and hits."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rekall.embedder import Embedder
from rekall.entry.fields import Entry
from rekall.entry.types import Reference
from rekall.errors import EngineError
from rekall.knowledge.spaces import SpaceReport
from rekall.model_manager import ModelIdentity
from rekall.store.values import Counts, SetAside
from rekall.vector_index import Backend

if TYPE_CHECKING:  # a search needs none of it
    from rekall.entry.secrets import Secret


@dataclass(frozen=True, slots=True)
class Saved:
    """An entry as it was stored.

    Attributes:
        entry: The entry.
        warning: Why it has no vectors yet; empty when it has.
        hint: What mends that, or who is at it.
        secrets: What in it looks like a key or token and was not there before; masked where the settings say so.
    """

    entry: Entry
    warning: str
    hint: str
    secrets: tuple[Secret, ...] = ()

    @classmethod
    def of(
        cls,
        entry: Entry,
        problem: EngineError | None,
        advice: Callable[[], str],
        secrets: tuple[Secret, ...] = (),
    ) -> Saved:
        """An entry that was stored, what kept its vectors away, and where that has no hint of its own, the advice."""
        if problem is None:
            return cls(entry, "", "", secrets)
        return cls(entry, problem.message, problem.hint or advice(), secrets)


@dataclass(frozen=True, slots=True)
class Deleted:
    """An entry that was deleted.

    Attributes:
        entry_id: Its id.
        why_traces: Why traces of what was deleted for ever stay in the file until the next chance; empty when there are none.
    """

    entry_id: str
    why_traces: str = ""


@dataclass(frozen=True, slots=True)
class Page:
    """Some entries of a list, what replaced the obsolete ones among them (by their id), and how many there are in all."""

    entries: tuple[Entry, ...]
    successors: dict[str, Reference]
    total: int


@dataclass(frozen=True, slots=True)
class IndexStatus:
    """What the indexes hold, and what serves them.

    `aside` names some of the passages that the model cannot embed; `aside_passages` counts all. `wants_rebuild` says that
    searches by meaning would be faster if the vectors were rebuilt.
    """

    backend: Backend
    entries: int
    words: int
    passages: int
    vectors: int
    pending_passages: int
    pending_entries: int
    aside_passages: int
    aside_entries: int
    aside: tuple[SetAside, ...]
    spaces: tuple[SpaceReport, ...]
    model: ModelIdentity | None
    model_problem: str
    embedder: Embedder | None
    wants_rebuild: bool


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
