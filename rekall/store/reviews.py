"""The part of a store that remembers when entries are to be looked at again; see `contract`."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from rekall.entry.types import EntryType
from rekall.store.values import Selection


@dataclass(frozen=True, slots=True)
class Review:
    """What is remembered of the reviews of an entry.

    Attributes:
        due_at: When it is to be looked at again; None for never.
        reviewed_at: When it was looked at last; None where only a schedule was taken over.
        times: How often it was looked at.
        card: How well it keeps, in a form of the reviewer's own.
    """

    due_at: datetime | None
    reviewed_at: datetime | None
    times: int
    card: str


@dataclass(frozen=True, slots=True)
class Waiting:
    """An entry that may be due.

    Attributes:
        key: Its key.
        entry_id: Its id.
        type: Its type.
        changed_at: When it was changed last.
        review: Its last review; None where there was none.
    """

    key: int
    entry_id: str
    type: EntryType
    changed_at: datetime
    review: Review | None = None


class Reviews(Protocol):
    """When entries are to be looked at again. Writing belongs inside a transaction."""

    def put(self, key: int, review: Review) -> None:
        """Remember a review in the place of the one before."""
        ...

    def drop(self, key: int) -> None:
        """Forget that an entry was ever reviewed."""
        ...

    def of(self, keys: Iterable[int]) -> dict[int, Review]:
        """The last review of each entry; one that has none, or a damaged one, is left out."""
        ...

    def due(self, selection: Selection, now: datetime) -> list[Waiting]:
        """Of the selected entries those whose time has come, by their last review, the longest due first."""
        ...

    def unreviewed(
        self,
        selection: Selection,
        types: Collection[EntryType],
        before: datetime,
        most: int,
        after: Waiting | None = None,
    ) -> list[Waiting]:
        """Some of the selected entries that have no review, what was changed longest ago first.

        Args:
            selection: Which entries.
            types: Of which types.
            before: Only what was not changed after that.
            most: So many at most.
            after: The last one of the part before.
        """
        ...

    def answered_since(self, moment: datetime) -> int:
        """How many entries were last looked at since then; what was only planned counts for none."""
        ...
