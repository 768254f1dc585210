"""The plain words of the product: entries, links, passages, hits, and the seams between rooms."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:  # numpy stays out of the processes that never see a vector
    from rekall.models.vectors import Matrix

    Rows = Matrix | Sequence[memoryview[float]]
    """n vectors, each a buffer of d float32: (n, d), rows of unit length. An array where numpy made them, else views of
    the bytes that another process sent."""


class EntryType(str, Enum):
    """What kind of knowledge an entry is."""

    BUG = "bug"
    PATTERN = "pattern"
    DECISION = "decision"
    PITFALL = "pitfall"
    CONFIG = "config"
    REFERENCE = "reference"
    SNIPPET = "snippet"
    TIL = "til"


class Status(str, Enum):
    """Whether an entry still holds."""

    ACTIVE = "active"
    OBSOLETE = "obsolete"


class LinkType(str, Enum):
    """How one entry bears on another."""

    RELATED = "related"
    SUPERSEDES = "supersedes"
    DERIVED_FROM = "derived_from"
    CONTRADICTS = "contradicts"


class Mode(str, Enum):
    """How a search looks: by words, by meaning, or by both."""

    HYBRID = "hybrid"
    WORDS = "words"
    MEANING = "meaning"


@dataclass(frozen=True, slots=True)
class Context:
    """The structured part of an entry: what makes an old note useful again."""

    situation: str = ""
    solution: str = ""
    what_failed: str = ""
    error_messages: tuple[str, ...] = ()
    files: tuple[str, ...] = ()
    trigger_keywords: tuple[str, ...] = ()
    sources: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Draft:
    """An entry before it is stored. `id` and the times are given only when they are known from elsewhere."""

    type: EntryType
    title: str
    content: str = ""
    tags: tuple[str, ...] = ()
    project: str | None = None
    status: Status = Status.ACTIVE
    superseded_by: str | None = None
    confidence: int = 2
    context: Context = field(default_factory=Context)
    id: str | None = None
    created_at: datetime | None = None
    updated_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Entry:
    """One piece of knowledge, as stored. Times are UTC, whole seconds."""

    id: str
    type: EntryType
    title: str
    content: str
    tags: tuple[str, ...]
    project: str | None
    status: Status
    superseded_by: str | None
    confidence: int
    context: Context
    created_at: datetime
    updated_at: datetime

    def as_draft(self) -> Draft:
        """What it says, as the beginning of an edit: without id and times."""
        return Draft(
            self.type,
            self.title,
            self.content,
            self.tags,
            self.project,
            self.status,
            self.superseded_by,
            self.confidence,
            self.context,
        )


@dataclass(frozen=True, slots=True)
class Tombstone:
    """What is left of a deleted entry, and enough to bring it back."""

    id: str
    type: EntryType
    title: str
    deleted_at: datetime


@dataclass(frozen=True, slots=True)
class Link:
    """A directed, typed relation between two entries."""

    source: str
    target: str
    type: LinkType
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Filters:
    """Conditions that every result meets; they apply before any limit.

    Attributes:
        types: Any of these; empty allows all.
        tags: All of these.
        project: Exactly this one.
        since: Updated at or after this moment (UTC).
        status: Exactly this one.
    """

    types: tuple[EntryType, ...] = ()
    tags: tuple[str, ...] = ()
    project: str | None = None
    since: datetime | None = None
    status: Status | None = None

    @property
    def is_empty(self) -> bool:
        """True when every entry passes."""
        return self == Filters()


@dataclass(frozen=True, slots=True)
class Passage:
    """A stretch of an entry that is embedded on its own. Position 0 is the head: title and beginning."""

    position: int
    text: str
    text_hash: bytes


@dataclass(frozen=True, slots=True)
class PendingPassage:
    """A stored passage that has no vector yet."""

    passage_id: int
    entry_id: str
    position: int
    text_hash: bytes


@dataclass(frozen=True, slots=True)
class Why:
    """The reasons a hit stands where it stands.

    Attributes:
        coverage: Share of the query's words that the entry holds, weighted by rarity, 0 to about 1.
        words_rank: Place in the words leg from 1, or None.
        matched: Words of the query that the entry holds, as they were typed; very common ones left out.
        similarity: Mean of head and best passage, cosine; None without meaning.
        head: Cosine of the head.
        best_passage: Cosine of the best passage.
        meaning_rank: Place in the meaning leg from 1, or None.
    """

    coverage: float
    words_rank: int | None
    matched: tuple[str, ...]
    similarity: float | None
    head: float | None
    best_passage: float | None
    meaning_rank: int | None


@dataclass(frozen=True, slots=True)
class Hit:
    """One search result."""

    entry: Entry
    score: float
    snippet: str
    why: Why
    successor: Entry | None = None


@dataclass(frozen=True, slots=True)
class ModeReport:
    """The mode that was asked for, the mode that answered, and why they differ (empty when they do not)."""

    requested: Mode
    used: Mode
    reason: str = ""


@dataclass(frozen=True, slots=True)
class SearchResult:
    """The answer to a query."""

    query: str
    mode: ModeReport
    hits: tuple[Hit, ...]


class Encoder(Protocol):
    """Turns texts into unit vectors of one space, in this process or in another."""

    @property
    def fingerprint(self) -> str:
        """Identity of the vector space."""
        ...

    @property
    def dim(self) -> int:
        """Length d of a vector."""
        ...

    def encode_documents(self, texts: Sequence[str]) -> Rows:
        """Encode n texts to be found. Returns (n, d) float32, rows of unit length."""
        ...

    def encode_queries(self, texts: Sequence[str]) -> Rows:
        """Encode n questions. Returns (n, d) float32, rows of unit length."""
        ...

    def is_open(self) -> bool:
        """Whether it can be used: not closed, and its process alive."""
        ...

    def close(self) -> None:
        """Free what the encoder holds; a second time does nothing."""
        ...


class ArrayEncoder(Encoder, Protocol):
    """An encoder of this process: its rows are one array."""

    def encode_documents(self, texts: Sequence[str]) -> Matrix:
        """Encode n texts to be found. Returns (n, d) float32, rows of unit length."""
        ...

    def encode_queries(self, texts: Sequence[str]) -> Matrix:
        """Encode n questions. Returns (n, d) float32, rows of unit length."""
        ...
