"""What an import did, in figures and by kind of problem."""

from __future__ import annotations

from array import array
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from rekall.exchange.dialect import Refused

if TYPE_CHECKING:
    from rekall.entry.secrets import Secret


@dataclass(slots=True)
class ImportReport:
    """What an import did, filled in as it goes.

    Attributes:
        added: New entries.
        updated: Entries whose source changed.
        unchanged: Entries whose source is the same as last time.
        moved: Entries whose file lies elsewhere now; they are counted as unchanged or updated too.
        kept: Where an entry here was changed later than the record that brings its id; it was left alone.
        conflicts: Where source and entry changed the same field; both versions are kept.
        refused: What could not be taken in.
        problems: Where something could not be read as what it names and was kept beside, by kind of problem.
        unknown_types: Types that do not exist, and how often they came.
        left_out: Files that hold no note, by kind.
        ignored: Files and folders left out by `.gitignore`, `--exclude`, or because a tool fills them.
        lost_links: Links whose target is not here.
        deleted_here: Sources whose entry was deleted here; they were not taken in again.
        restored: Entries that had been deleted with their source, and are back with it; they count as unchanged or updated too.
        deleted: Entries that were deleted because their source says so.
        gone: Entries whose source is gone; they stay without `--prune`.
        pruned: Entries that were deleted because their source is gone.
        embedded: Passages that got a vector.
        pending: Passages that still lack one.
        note: Who embeds the rest, or empty.
        warning: Why there are entries without vectors, or empty.
        hint: What mends that.
        secrets: What looks like a key or token in what was written, and where; masked where the settings say so.
        keys: The entries that were written, maybe more than once. An array, because numbers on the heap, made one by one
            among everything else, would keep all of it from the system.
    """

    added: int = 0
    updated: int = 0
    unchanged: int = 0
    moved: int = 0
    kept: list[str] = field(default_factory=list)
    conflicts: list[str] = field(default_factory=list)
    refused: list[Refused] = field(default_factory=list)
    problems: dict[str, list[str]] = field(default_factory=dict)
    unknown_types: Counter[str] = field(default_factory=Counter)
    left_out: Counter[str] = field(default_factory=Counter)
    ignored: int = 0
    lost_links: int = 0
    deleted_here: int = 0
    restored: int = 0
    deleted: int = 0
    gone: list[str] = field(default_factory=list)
    pruned: int = 0
    embedded: int = 0
    pending: int = 0
    note: str = ""
    warning: str = ""
    hint: str = ""
    secrets: list[tuple[str, Secret]] = field(default_factory=list)
    keys: array[int] = field(default_factory=lambda: array("q"))

    @property
    def stored(self) -> int:
        """Entries that were written."""
        return self.added + self.updated

    def tell(self, problem: str, where: str) -> None:
        """Note a problem of some kind."""
        self.problems.setdefault(problem, []).append(where)
