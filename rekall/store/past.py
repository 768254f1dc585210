"""The part of a store that remembers what was done, and what entries were before; see `contract`."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import IntEnum
from typing import Protocol


class Was(IntEnum):
    """What an entry was before an operation."""

    NOTHING = 0
    """There was no such entry."""
    DELETED = 1
    """It was deleted, and could be restored."""
    OTHER = 2
    """It said something else; that is kept as what differs."""
    THERE = 3
    """It was there, and is not any more; what it said is kept whole."""


@dataclass(frozen=True, slots=True)
class Operation:
    """Something that was done.

    Attributes:
        number: Counts up; 0 before it is stored.
        done_at: When.
        verb: What, in a word: "edit", "import", "undo".
        door: How it came: shell, tui, mcp, hook, python.
        client: The name of the program behind that, or empty.
        source: What it was done with, such as the paths of an import, or empty.
        undoes: The operation that it took back, or None.
        undone_by: The one that took it back, or None.
        is_whole: Whether everything that it changed is still known.
        author: Who did it: the role that a team's server let in; empty in a base of one's own, and before it is stored.
    """

    number: int
    done_at: datetime
    verb: str
    door: str
    client: str = ""
    source: str = ""
    undoes: int | None = None
    undone_by: int | None = None
    is_whole: bool = True
    author: str = ""


@dataclass(frozen=True, slots=True)
class Version:
    """What an entry was before an operation.

    Attributes:
        entry_id: The entry.
        operation: The number of the operation.
        was: What it was.
        state: What it said, in a form of the recorder's own.
    """

    entry_id: str
    operation: int
    was: Was
    state: bytes = b""


@dataclass(frozen=True, slots=True)
class LinkVersion:
    """What a link was before an operation; without a reason, None, there was none."""

    operation: int
    source: str
    target: str
    type: str
    reason: str | None


@dataclass(frozen=True, slots=True)
class Touched:
    """What an operation changed, in figures.

    Attributes:
        entries: How many entries.
        links: How many links.
        entry_id: One of the entries, or an end of one of the links; empty where nothing is kept any more.
    """

    entries: int = 0
    links: int = 0
    entry_id: str = ""


class History(Protocol):
    """What was done, and what entries were before. Writing belongs inside a transaction."""

    def begin(self, operation: Operation) -> int:
        """Note something that is being done. Returns its number."""
        ...

    def keep(self, versions: Sequence[Version], links: Sequence[LinkVersion] = ()) -> None:
        """Keep what entries and links were; a version that is there is replaced, a link's stays."""
        ...

    def drop(self, versions: Iterable[Version]) -> None:
        """Drop versions of which nothing is left to say."""
        ...

    def bound(self, ids: Iterable[str], most: int) -> None:
        """Drop the oldest versions of some entries where there are more; their operations are whole no longer."""
        ...

    def forget(self, entry_id: str) -> None:
        """Drop all that is kept of an entry and of its links."""
        ...

    def note_lost(self, entry_id: str) -> None:
        """Note that what is kept of an entry and of its links goes: operations that changed them are whole no longer."""
        ...

    def of(self, entry_id: str) -> list[Version]:
        """The versions of an entry, the latest first."""
        ...

    def links_of(self, entry_id: str) -> list[LinkVersion]:
        """What the links of an entry were, the latest first."""
        ...

    def changed_by(self, operation: int) -> list[str]:
        """The full ids of the entries that an operation changed, in their order."""
        ...

    def made_by(self, operation: int, ids: Iterable[str]) -> list[Version]:
        """The versions that an operation made of some entries, by their ids."""
        ...

    def links_made_by(self, operation: int) -> list[LinkVersion]:
        """What links were before an operation."""
        ...

    def operation(self, number: int) -> Operation | None:
        """The operation of a number, or None."""
        ...

    def operations(self, numbers: Iterable[int]) -> dict[int, Operation]:
        """Operations by their numbers; one that is not there is left out."""
        ...

    def latest(self, limit: int, *, to_undo: bool = False) -> list[Operation]:
        """What was done last, the latest first; with `to_undo` what is not undone, and no undoing."""
        ...

    def touched(self, numbers: Iterable[int]) -> dict[int, Touched]:
        """What operations changed, by their numbers."""
        ...

    def size(self) -> tuple[int, int]:
        """How many versions are kept that say something, and how many bytes that takes."""
        ...

    def changed_since(self, operation: int) -> list[tuple[str, int]]:
        """Entries that an operation changed, by id, each with the number of every change after it that is not undone."""
        ...

    def note_undone(self, number: int, by: int | None) -> None:
        """Note by which operation another was undone; None says that it holds again."""
        ...
