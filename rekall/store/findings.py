"""What a look at a base found, and what mending, copying and restoring did: plain values that pass between rooms."""

from __future__ import annotations

import enum
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Protocol


class Level(str, enum.Enum):
    """How much a finding matters."""

    OK = "ok"
    """As it should be."""
    NOTE = "note"
    """Worth knowing; nothing is wrong."""
    PROBLEM = "problem"
    """Something is wrong; the hint names what mends it."""


REMEMBERED = 200
"""So many times of changes go along with an examination, for a reminder of backups."""

REPAIR = "run `rekall check --repair`"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at, in words.

    Attributes:
        topic: What was looked at: "entries", "words", "files".
        level: How it is.
        text: What was found, one line.
        hint: What mends it, empty where there is nothing to do.
        details: What it is about, a line each; not all of them where there are many.
    """

    topic: str
    level: Level
    text: str
    hint: str = ""
    details: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Examined:
    """What a base was found to be.

    Attributes:
        findings: Everything that was looked at.
        needs_mending: Whether mending the base would change anything in it.
        entries: How many entries there are, None where that cannot be known.
        changed_at: When the latest entries were changed, the latest first; as many as matter to a reminder.
        since: When the base got its first vectors, None where it has none.
        model: Name and fingerprint of the model that made the vectors which searches use, None where there are none.
    """

    findings: tuple[Finding, ...]
    needs_mending: bool
    entries: int | None = None
    changed_at: tuple[datetime, ...] = ()
    since: datetime | None = None
    model: tuple[str, str] | None = None


@dataclass(frozen=True, slots=True)
class Glance:
    """A base at a glance: what can be known without a look at every page.

    Attributes:
        entries: How many entries there are.
        deleted: How many can be restored.
        indexed: How many entries the words index holds.
        pending: How many passages wait for a vector.
        aside: How many the model cannot embed.
        model: The model whose vectors searches use, None before there are any.
        is_older: Whether an earlier Rekall made it, so that the next command brings it up to date.
        bytes: Its size.
        log_bytes: The size of its log of writes.
        changed_at: When entries were changed, the latest first; no more than `REMEMBERED`.
        synced: Where the folders lay with which it is synced.
    """

    entries: int
    deleted: int
    indexed: int
    pending: int
    aside: int
    model: str | None
    is_older: bool
    bytes: int
    log_bytes: int
    changed_at: tuple[datetime, ...]
    synced: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Mended:
    """What mending a base did.

    Attributes:
        copy: Where the file lies as it was.
        entries: How many entries the base has now.
        set_aside: The file with everything that is not in the base as it was, None where that is nothing.
        lines: How many lines that has.
        changed: Which entries are not what they were, a line each; not all of them where there are many.
        changed_count: How many they are.
        lost: Ids of entries that an index still names and of which nothing was left; not all of them where there are many.
        lost_count: How many they are.
    """

    copy: Path
    entries: int
    set_aside: Path | None
    lines: int
    changed: tuple[str, ...]
    changed_count: int
    lost: tuple[str, ...] = ()
    lost_count: int = 0


@dataclass(frozen=True, slots=True)
class BaseCopy:
    """A copy of a base in a file.

    Attributes:
        path: The file.
        made_at: When it was made.
        bytes: Its size.
        entries: How many entries it holds; None where nobody looked.
        reason: Why it was made: "backup", "before-restore", "before-migration", "before-repair".
    """

    path: Path
    made_at: datetime
    bytes: int
    entries: int | None
    reason: str


class BaseFile(Protocol):
    """A base as a file: also where it cannot be opened."""

    @property
    def path(self) -> Path:
        """The file."""
        ...

    def examine(self) -> Examined:
        """Look at everything in it; nothing is changed."""
        ...

    def mend(self) -> Mended:
        """Make it whole again from everything that can be read of it."""
        ...

    def back_up(self, target: Path | None, keep: int, *, replace: bool) -> tuple[BaseCopy, Sequence[Path]]:
        """Copy it beside running writers. Returns the copy, and the older ones that were removed for it."""
        ...

    def restore(
        self, source: Path, keep: int, agreed: Callable[[BaseCopy], bool]
    ) -> tuple[BaseCopy, BaseCopy | None] | None:
        """Put another file in its place. Returns what was restored and the copy of what was there before."""
        ...

    def copies(self) -> Sequence[BaseCopy]:
        """The copies that Rekall made, the latest first."""
        ...

    def copies_with(self, entry_id: str) -> Sequence[Path]:
        """The copies that hold an entry, and what belongs to them; one that cannot be read may hold it."""
        ...
