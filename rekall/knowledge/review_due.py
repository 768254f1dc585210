"""Which notes are due, told from what a store remembers of reviews; see `review`."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from rekall.entry.filters import Filters
from rekall.entry.types import EntryType, Status
from rekall.knowledge import review_memory as memories
from rekall.knowledge.review_memory import Memory
from rekall.store.reviews import Review, Waiting
from rekall.store.values import Selection

if TYPE_CHECKING:
    from rekall.store.reviews import Reviews

_AT_ONCE = 500
"""Notes that are read at once of those that were never reviewed."""


class Schedule:
    """What is due at a time."""

    def __init__(self, reviews: Reviews, now: datetime) -> None:
        """Read nothing yet."""
        self._reviews = reviews
        self._now = now

    def answered(self) -> int:
        """How many were answered today; what was while the clock was ahead by days is no part of it."""
        today = _midnight(self._now)
        tomorrow = _midnight(today + timedelta(hours=36))
        return self._reviews.answered_since(today) - self._reviews.answered_since(tomorrow)

    def left(self, per_day: int) -> int:
        """How many are still asked about today, of so many a day at most."""
        left = per_day - self.answered()
        if left <= 0:
            return 0
        selection = Selection(Filters(status=Status.ACTIVE))
        return min(left, sum(1 for _ in self.waiting(selection, left)))

    def waiting(self, selection: Selection, most: int | None) -> Iterator[Waiting]:
        """What is due, in no order; at least so many of each kind that the most urgent are among them."""
        month = self._now - timedelta(days=memories.LEAST_DAYS)
        for each in self._reviews.due(selection, self._now):
            assert each.review is not None
            is_older = each.changed_at <= (each.review.reviewed_at or each.changed_at)
            if is_older or each.changed_at <= month:  # what was changed since is not asked about for a month
                yield each
        for days in sorted(set(memories.FIRST_DAYS.values())):
            yield from self._unreviewed(selection, days, most)

    def _unreviewed(self, selection: Selection, days: float, most: int | None) -> Iterator[Waiting]:
        """What is due of the types of one pace that were never reviewed, the oldest first."""
        kinds = [kind for kind, own in memories.FIRST_DAYS.items() if own == days]
        before, last = memories.earliest_due(kinds, self._now), None
        count = 0
        while most is None or count < most:
            part = self._reviews.unreviewed(selection, kinds, before, _AT_ONCE, last)
            for each in part:
                if memories.first_due(each.entry_id, memories.first_memory(each.type, each.changed_at)) <= self._now:
                    count += 1
                    yield each
                    if count == most:
                        return
            if len(part) < _AT_ONCE:
                return
            last = part[-1]

    def urgency(self, each: Waiting) -> tuple[float, str]:
        """What is asked first: what is least likely to hold still; of equal ones always the same."""
        return -memory(each.review, each.type, each.changed_at).age(self._now), each.entry_id[::-1]


def memory(review: Review | None, kind: EntryType, changed_at: datetime) -> Memory:
    """What is known of a note."""
    if review is None:
        return memories.first_memory(kind, changed_at)
    return memories.memory_of(review, kind, changed_at)


def _midnight(now: datetime) -> datetime:
    """When today began where the person is."""
    return now.astimezone().replace(hour=0, minute=0, second=0, microsecond=0)
