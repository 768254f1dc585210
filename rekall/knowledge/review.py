"""Asks of notes whether they still hold: which are due, and what becomes of an answer (docs/adr/0047)."""

from __future__ import annotations

import enum
import heapq
from contextlib import nullcontext
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING

from rekall.entry.fields import Entry
from rekall.entry.filters import Filters
from rekall.entry.types import Status
from rekall.errors import InvalidInput
from rekall.knowledge import review_memory as memories
from rekall.knowledge.recorded import operation
from rekall.knowledge.review_due import Schedule, memory
from rekall.knowledge.writing import EntryService
from rekall.store.reviews import Review
from rekall.store.values import Selection

if TYPE_CHECKING:
    from rekall.knowledge.stale import Around, Found
    from rekall.store.contract import Store


class Answer(str, enum.Enum):
    """What a person says of a note that was asked about."""

    HOLDS = "holds"
    CHANGED = "changed"
    OUTDATED = "outdated"
    NEVER = "never"
    AGAIN = "again"


@dataclass(frozen=True, slots=True)
class Standing:
    """How it stands with the review of an entry.

    Attributes:
        entry: The entry.
        seen_at: When it was written, changed or looked at last.
        due_at: When it comes up; None for never.
        reviewed_at: When it was looked at last; None where it never was.
        times: How often it was looked at.
    """

    entry: Entry
    seen_at: datetime
    due_at: datetime | None
    reviewed_at: datetime | None
    times: int


@dataclass(frozen=True, slots=True)
class Due:
    """What is due.

    Attributes:
        entries: Those that are asked about now, what most probably no longer holds first.
        total: How many are due in all; None where nobody counted.
        answered: How many were answered today.
    """

    entries: tuple[Standing, ...]
    total: int | None
    answered: int


@dataclass(frozen=True, slots=True)
class Answered:
    """An answer that was taken, with what takes it back.

    Attributes:
        entry: The entry as it is now.
        answer: The answer.
        due_at: When it comes up again; None for never.
        before: The review before; None where there was none.
        old: The entry as it was.
        operation: What the history calls the change of the entry, if there was one.
    """

    entry: Entry
    answer: Answer
    due_at: datetime | None
    before: Review | None
    old: Entry
    operation: int | None = None


class Reviewer:
    """Knows what is due, and takes answers."""

    def __init__(self, writer: EntryService) -> None:
        """Work on the base of a writer."""
        self._writer = writer
        self._store: Store = writer.store
        self._clock = writer.clock

    def due(self, filters: Filters, most: int | None, *, is_counted: bool = False, now: datetime | None = None) -> Due:
        """What is due of the entries that pass, in the order in which it is asked.

        Args:
            filters: Conditions; what is obsolete is never due.
            most: The most of them; None for all.
            is_counted: Whether to count all that are due, which takes a look at each.
            now: The time, where it is another one.
        """
        schedule = Schedule(self._store.reviews, now or self._clock.now())
        with self._store.snapshot():
            answered = schedule.answered()
            if filters.status is Status.OBSOLETE:
                return Due((), 0, answered)
            selection = Selection(replace(filters, status=Status.ACTIVE))
            every = is_counted or most is None
            found = list(schedule.waiting(selection, None if every else most))
            first = heapq.nsmallest(len(found) if most is None else most, found, key=schedule.urgency)
            entries = self._store.entries.by_keys([each.key for each in first])
        standing = tuple(_standing(entries[each.key], each.review) for each in first if each.key in entries)
        return Due(standing, len(found) if every else None, answered)

    def left_today(self, per_day: int, now: datetime | None = None) -> int:
        """How many are still asked about today, of so many a day at most."""
        return Schedule(self._store.reviews, now or self._clock.now()).left(per_day)

    def standing(self, entry_id: str) -> Standing:
        """How it stands with one entry. Raises NotFound, EntryDamaged."""
        with self._store.snapshot():
            key = self._store.entries.resolve(entry_id)
            return _standing(self._store.entries.one(key), self._store.reviews.of([key]).get(key))

    def answer(self, entry_id: str, answer: Answer, successor: str | None = None, reason: str = "") -> Answered:
        """Take an answer, in one transaction.

        Args:
            entry_id: The entry.
            answer: What was said of it.
            successor: Of what is outdated, the entry to read instead.
            reason: Why it is outdated.

        Raises:
            NotFound, Ambiguous: An id does not name one entry.
            InvalidInput: A successor is named of what is not outdated, or it is obsolete already, and does not hold either.
        """
        if successor is not None and answer is not Answer.OUTDATED:
            raise InvalidInput("only what is outdated has a successor", "say --outdated, or leave --by out")
        store = self._store
        with operation(store, "review") as span, store.transaction():
            key = store.entries.resolve(entry_id)
            old = store.entries.one(key)
            before = store.reviews.of([key]).get(key)
            if old.status is Status.OBSOLETE and answer in (Answer.HOLDS, Answer.AGAIN):
                raise InvalidInput(
                    f"{old.title!r} is obsolete, and never asked about",
                    f"`rekall edit {old.id} --status active` makes it hold again",
                )
            if answer is Answer.OUTDATED:
                if old.status is Status.OBSOLETE and successor is None:
                    raise InvalidInput(f"{old.title!r} is obsolete already", "name what replaces it with --by ID")
                self._writer.deprecate(old.id, successor, reason)
            review = self._reviewed(old, before, answer)
            store.reviews.put(key, review)
            entry = store.entries.one(key)
        number = getattr(span, "number", None)
        return Answered(entry, answer, review.due_at, before, old, number)

    def take_back(self, answered: Answered) -> Entry:
        """Take an answer back: the review is as it was, and so is an entry that was called outdated.

        What was changed in the editor stays; the history takes that back.

        Raises:
            NotFound: The entry is gone.
            InvalidInput: It was changed since.
        """
        store = self._store
        undoing = nullcontext() if answered.operation is None else operation(store, "undo", undoes=answered.operation)
        with undoing, store.transaction():
            key = store.entries.resolve(answered.entry.id)
            if answered.answer is Answer.OUTDATED:
                self._reactivate(answered, store.entries.one(key))
            if answered.before is None:
                store.reviews.drop(key)
            else:
                store.reviews.put(key, answered.before)
            return store.entries.one(key)

    def stale(self, around: Around, filters: Filters, most: int | None) -> Found:
        """What seems to hold no longer of the entries that pass, with reasons, the worst first; see `stale.Finder`."""
        from rekall.knowledge.stale import Finder  # no review looks for reasons

        return Finder(self._store, self._clock.now(), around).find(filters, most)

    def _reviewed(self, entry: Entry, before: Review | None, answer: Answer) -> Review:
        """The review that an answer makes."""
        now = self._clock.now()
        known = memory(before, entry.type, entry.updated_at)
        times = before.times if before else 0
        if answer is Answer.AGAIN:
            seen_at = before.reviewed_at if before and before.reviewed_at else entry.updated_at
            return Review(now, max(seen_at, entry.updated_at), times, known.card)
        if answer is Answer.NEVER:
            return Review(None, now, times + 1, known.card)
        known = memories.after(known, now, held=answer is Answer.HOLDS)
        return Review(memories.next_due(entry.id, times + 1, known), now, times + 1, known.card)

    def _reactivate(self, answered: Answered, now: Entry) -> None:
        from rekall.knowledge.undoing import Past

        if now != answered.entry:
            raise InvalidInput(f"{now.title!r} was changed since", "`rekall history` shows what was done to it")
        if answered.operation is not None:
            Past(self._writer).undo(answered.operation)
        else:
            self._writer.edit(now, answered.old.as_draft())


def _standing(entry: Entry, review: Review | None) -> Standing:
    known = memory(review, entry.type, entry.updated_at)
    if review is None:
        return Standing(entry, entry.updated_at, memories.first_due(entry.id, known), None, 0)
    return Standing(entry, known.seen_at, review.due_at, review.reviewed_at, review.times)
