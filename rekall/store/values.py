"""What passes between a store and the rooms above it: selections, terms, origins, spaces, passages and counts."""

from __future__ import annotations

import enum
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from rekall.entry.filters import Filters

HASH_BYTES = 16
"""The hashes of passages, sources and entries: BLAKE2b of this length."""

MOST_KEY = 1 << 53
"""Keys count up from 1. A greater one is damage, and the next to the greatest of all could not be made."""

SHORTEST_END = 4
"""An id is never shown, and its end never read, shorter than this (docs/adr/0024)."""


@dataclass(frozen=True, slots=True)
class Selection:
    """Which entries may answer: those that pass the filters, hold every phrase, and hold none of the excluded texts."""

    filters: Filters = field(default_factory=Filters)
    phrases: tuple[str, ...] = ()
    excluded: tuple[str, ...] = ()

    @property
    def is_everything(self) -> bool:
        """True when every entry may answer."""
        return self == Selection()


EVERYTHING = Selection()


class Order(str, enum.Enum):
    """What a list of entries is sorted by: the newest first, or names from A on."""

    CHANGED = "changed"
    CREATED = "created"
    TITLE = "title"
    TYPE = "type"
    PROJECT = "project"


THEIRS = "!theirs"
"""Ends the path of the entry that keeps a source's version where both sides changed."""


@dataclass(frozen=True, slots=True)
class Origin:
    """Where an imported entry came from, and what source and entry looked like then.

    Attributes:
        path: The file, and what tells a record from the others of its file.
        entry_key: The entry.
        source_hash: Hash of the file's bytes, or of what the record said.
        entry_hash: Hash of the entry as the source made it.
        successor: The id of the successor that the source named, or None.
        record_id: The id that the source's own tool gave it, or empty.
        said: What the source said, in a form of the importer's own; empty where that is not known.
    """

    path: str
    entry_key: int
    source_hash: bytes
    entry_hash: bytes
    successor: str | None = None
    record_id: str = ""
    said: str = ""


@dataclass(frozen=True, slots=True)
class Counts:
    """How many entries there are, by status, type and project."""

    entries: int
    by_status: dict[str, int]
    by_type: dict[str, int]
    by_project: dict[str, int]
    tags: int
    links: int


@dataclass(frozen=True, slots=True)
class Facets:
    """What the entries of a selection have in common: how many have each value, the commonest first."""

    types: dict[str, int]
    tags: dict[str, int]
    projects: dict[str, int]
    statuses: dict[str, int]


FACETS = ("types", "tags", "projects", "statuses")
"""The facets of entries, by the names they have in `Facets`."""


@dataclass(frozen=True, slots=True)
class Term:
    """A word of a query and its stem, or several words that were typed in one piece.

    Attributes:
        word: As it was typed.
        stem: As it stands in the index; of several words their stems, with blanks between them.
        prefix: Whether longer words that begin so match too; a single Chinese or Japanese character does.
        sought: What the index is asked for, where that is not the word as it was typed.
        parts: The stems of the words that it joins, side by side, or that it says more exactly, as `C++` does.
    """

    word: str
    stem: str
    prefix: bool = False
    sought: str = ""
    parts: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Terms:
    """The words of a query with how common each is.

    Attributes:
        frequencies: The terms to look for, each with the number of entries that hold it.
        entries: How many entries there are.
    """

    frequencies: Mapping[Term, int]
    entries: int

    def __iter__(self) -> Iterator[Term]:
        """The terms, in the order of the query."""
        return iter(self.frequencies)


@dataclass(frozen=True, slots=True)
class StoredPassage:
    """A passage's place: its id, the entry it belongs to, and its position there (0 is the head)."""

    id: int
    entry_key: int
    position: int


@dataclass(frozen=True, slots=True)
class PendingPassage:
    """A stored passage that has no vector yet."""

    passage_id: int
    entry_id: str
    position: int
    text_hash: bytes


@dataclass(frozen=True, slots=True)
class SetAside:
    """A passage that a model cannot embed: which one of which entry, and why."""

    entry_id: str
    title: str
    position: int
    reason: str


@dataclass(frozen=True, slots=True)
class Lease:
    """Work that one process does for all of them: who has it, and how far it is.

    Attributes:
        name: The work.
        holder: Who does it: a token that nobody else has.
        pid: Its process.
        host: The machine where that runs.
        renewed_at: When it was at work last.
        done: How much of it is done.
        total: How much there is.
    """

    name: str
    holder: str
    pid: int
    host: str
    renewed_at: datetime
    done: int = 0
    total: int = 0


class SpaceState(enum.IntEnum):
    """What a vector space is for."""

    RETIRED = -1
    BUILDING = 0
    ACTIVE = 1


@dataclass(frozen=True, slots=True)
class Space:
    """A vector space: the vectors of one model fingerprint, each of `dim` float32 of unit length.

    Attributes:
        spread: How far the cosines of two of its entries lie apart; None while that is not known, see `rekall.spread`.
    """

    id: int
    fingerprint: str
    model: str
    dim: int
    state: SpaceState
    spread: float | None = None

    @property
    def active(self) -> bool:
        """Whether searches use it."""
        return self.state is SpaceState.ACTIVE
