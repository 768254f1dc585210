"""The closed sets of the product: types of entries, statuses, kinds of links; and what links two entries."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import Enum


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


@dataclass(frozen=True, slots=True)
class Link:
    """A directed, typed relation between two entries.

    Attributes:
        source: The id of the entry that bears on the other.
        target: The id of the other one.
    """

    source: str
    target: str
    type: LinkType
    reason: str = ""


@dataclass(frozen=True, slots=True)
class NamedLink:
    """A link to a note that is known by a name: a path, a file's name, a title, an alias, or the record id of its tool.

    Attributes:
        target: The name, as the file gives it: `ops/dns`, `dns#Records`, `DNS notes`.
        type: How it bears on that note.
        reason: Why, or empty.
    """

    target: str
    type: LinkType = LinkType.RELATED
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Reference:
    """An entry as others name it."""

    id: str
    title: str


@dataclass(frozen=True, slots=True)
class Tombstone:
    """What is left of a deleted entry, and enough to bring it back."""

    id: str
    type: EntryType
    title: str
    deleted_at: datetime
