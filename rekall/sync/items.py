"""What a sync is to do with an entry, and what it knows of it before."""

from __future__ import annotations

from dataclasses import dataclass, field

from rekall.entry.fields import Entry
from rekall.store.agreements import Agreed
from rekall.sync.files import Says
from rekall.sync.reports import What
from rekall.sync.states import Pair, State, state_hash

ERASED = "erased"
"""What stands in the place of a file's hash for an entry that was deleted for ever."""


@dataclass(frozen=True, slots=True)
class Mine:
    """An entry as the base has it.

    Attributes:
        entry: The entry.
        state: What it says, with the links that wait for their targets.
        held: Names of those links.
    """

    entry: Entry
    state: State
    held: frozenset[str]


@dataclass(frozen=True, slots=True)
class File:
    """A file of an entry.

    Attributes:
        path: Where it lies, below the folder.
        hash: What its bytes are known by.
        state: What it says, and what other versions of it say.
        says: It, as it is to be changed; None where it was not read since it did not change.
        conflicts: What its versions say in ways that do not fit.
        others: What the other versions said, of those that did not fit.
        spare: Further versions that go once what they say is kept: path and hash.
        is_unread: Whether it changed, and is read when its turn comes: not all are held at once.
    """

    path: str
    hash: str
    state: State | None
    says: Says | None = None
    conflicts: tuple[str, ...] = ()
    others: tuple[tuple[State, tuple[str, ...]], ...] = ()
    spare: tuple[tuple[str, str], ...] = ()
    is_unread: bool = False


@dataclass(slots=True)
class Item:
    """What a sync is to do with an entry.

    Attributes:
        entry_id: The entry.
        title: Its title.
        path: Its file, below the folder; empty where it is to have none.
        what: What that is, or None where only what was agreed on changes.
        fields: The fields that change, where it was there before.
        stamp: What told in the base that it is as it was planned for; empty where it is not there.
        mine: It as it is in the base.
        here: What the base is to say; None where it is to be deleted, or has none.
        file: Its file as it is.
        there: What the file is to say; None where there is to be none.
        data: The bytes of that; None where they lie there already.
        row: What the store remembers of it.
        pair: What was agreed before.
        kept: What is kept of conflicts, as entries of their own: id, what each says, and the fields.
        buries: Whether a tombstone is to lie in the folder: True, False, or None for as it is.
        buried: The hash of what was deleted.
        deleted: The hashes in the tombstone that lies in the folder.
    """

    entry_id: str
    title: str
    path: str
    what: What | None
    stamp: str
    mine: Mine | None = None
    here: State | None = None
    file: File | None = None
    there: State | None = None
    data: bytes | None = None
    row: Agreed | None = None
    pair: Pair = field(default_factory=Pair)
    fields: tuple[str, ...] = ()
    kept: tuple[tuple[str, State, tuple[str, ...]], ...] = ()
    buries: bool | None = None
    buried: str = ""
    deleted: frozenset[str] = frozenset()

    @property
    def was_deleted(self) -> bool:
        """Whether what was agreed on is what somebody deleted."""
        return self.pair.there is not None and state_hash(self.pair.there) in self.deleted

    @property
    def dead_row(self) -> Agreed:
        """What is remembered once both agree that it is deleted."""
        return Agreed(self.entry_id, "", "", ERASED if self.mine is None and is_erased(self.row) else "")

    @property
    def is_done(self) -> bool:
        """Whether nothing is left to do, not even to remember."""
        if self.what is not None or self.row is None or self.mine is None or self.data is not None or self.kept:
            return False
        seen = Seen.of(self.row.seen)
        is_same = bool(seen.file) and seen.stamp == self.stamp and self.path == self.row.path
        return is_same and self.mine.held == self.pair.held and self.buries is None


@dataclass(frozen=True, slots=True)
class Seen:
    """What is remembered of a file and its entry, to tell that neither changed.

    Attributes:
        file: What the file system says of the file; empty where that is not to be trusted.
        stamp: What the store says of the entry.
        waits: Whether the entry waits for something that its file names.
    """

    file: str
    stamp: str
    waits: bool = False

    @classmethod
    def of(cls, text: str) -> Seen:
        """What `text` wrote; nothing for anything else."""
        parts = text.split("|")
        return cls(parts[0], parts[1], parts[2] == "w") if len(parts) == 3 else cls("", "")

    @property
    def text(self) -> str:
        """It as one text."""
        return f"{self.file}|{self.stamp}|{'w' if self.waits else ''}"


def is_erased(row: Agreed | None) -> bool:
    """Whether an entry that is not here was deleted for ever, so that nothing may tell of it; the eraser forgot what it said."""
    return row is not None and (row.file_hash == ERASED or not (row.seen or not row.path))
