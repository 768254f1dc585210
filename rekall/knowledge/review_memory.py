"""How long a note is believed: FSRS, the scheduler of flash cards, asked about notes (docs/adr/0047).

What FSRS calls recall is here that a note still holds when it is looked at again. Its stability is the number of days after
which nine of ten notes like this one still do.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

from rekall.entry.fields import Entry
from rekall.entry.times import any_moment
from rekall.entry.types import EntryType
from rekall.errors import InvalidInput
from rekall.store.reviews import Review

if TYPE_CHECKING:
    from fsrs import Scheduler

FIRST_DAYS: Mapping[EntryType, float] = {
    EntryType.CONFIG: 120,
    EntryType.BUG: 120,
    EntryType.PITFALL: 120,
    EntryType.TIL: 180,
    EntryType.DECISION: 180,
    EntryType.PATTERN: 360,
    EntryType.REFERENCE: 360,
    EntryType.SNIPPET: 360,
}
"""Days after which a note of each type is looked at for the first time, in the mean: settings, faults and traps go with the
versions they are about; what is general or used every day is found wrong without being asked."""

LEAST_DAYS, MOST_DAYS = 30, 1095
"""Nothing is asked about twice in a month, and everything once in three years."""

FIRST_SPREAD, LATER_SPREAD = 0.5, 0.1
"""How far, as a share of its days, a review is moved forward or back, so that what was stored together does not come together."""

_DIFFICULTY = 5.0
"""In the middle of what FSRS knows: 1 is a note that keeps, 10 one that does not."""

_EASIEST, _HARDEST = 1.0, 10.0

_SCHEDULES = (("next_review", "review_interval", "ease_factor", 1.0), ("sr-due", "sr-interval", "sr-ease", 100.0))
"""Where the original Rekall and Obsidian's plugin for spaced repetition keep a schedule: the day, the days to it, and the ease
that 1 is in its figures."""


@dataclass(frozen=True, slots=True)
class Memory:
    """How well a note keeps.

    Attributes:
        stability: Days after which nine of ten like it still hold.
        difficulty: How much less it gains than others by holding, from 1 to 10.
        seen_at: When it was written, changed or looked at last.
    """

    stability: float
    difficulty: float
    seen_at: datetime

    @property
    def card(self) -> str:
        """What is stored of it."""
        return json.dumps({"stability": round(self.stability, 4), "difficulty": round(self.difficulty, 4)})

    def age(self, now: datetime) -> float:
        """How long it was not looked at, in parts of its stability: where this is higher, fewer still hold."""
        return (now - self.seen_at) / timedelta(days=self.stability)


def first_memory(kind: EntryType, changed_at: datetime) -> Memory:
    """What is known of a note that was never looked at since it was written, or changed."""
    return Memory(FIRST_DAYS[kind], _DIFFICULTY, changed_at)


def first_due(entry_id: str, memory: Memory) -> datetime:
    """When a note comes up for the first time."""
    return _in_days(memory, _spread(entry_id, FIRST_SPREAD))


def earliest_due(kinds: Collection[EntryType], now: datetime) -> datetime:
    """Notes of these types that were changed later are not due yet."""
    return now - timedelta(days=min(FIRST_DAYS[kind] for kind in kinds) * (1 - FIRST_SPREAD))


def memory_of(review: Review, kind: EntryType, changed_at: datetime) -> Memory:
    """What a review remembers of a note; what cannot be read is as if it was never looked at."""
    first = first_memory(kind, changed_at)
    try:
        said = json.loads(review.card)
        stability, difficulty = float(said["stability"]), float(said["difficulty"])
    except (ValueError, TypeError, KeyError, RecursionError):
        stability = difficulty = math.nan
    if not (0 < stability < math.inf and _EASIEST <= difficulty <= _HARDEST):
        stability, difficulty = first.stability, first.difficulty
    return Memory(stability, difficulty, review.reviewed_at or first.seen_at)


def after(memory: Memory, now: datetime, *, held: bool) -> Memory:
    """What is known of a note once it was looked at.

    Args:
        memory: What was known before.
        now: The time.
        held: Whether it still held as it was.
    """
    from fsrs import Card, Rating, State  # 30 ms that only an answer needs

    now = now.astimezone(timezone.utc)
    seen_at = min(memory.seen_at.astimezone(timezone.utc), now)
    card = Card(0, State.Review, None, memory.stability, memory.difficulty, now, seen_at)
    card, _ = _scheduler().review_card(card, Rating.Good if held else Rating.Again, now)
    assert card.stability is not None
    assert card.difficulty is not None
    return Memory(min(max(card.stability, LEAST_DAYS), MOST_DAYS), card.difficulty, now)


def next_due(entry_id: str, times: int, memory: Memory) -> datetime:
    """When a note comes up again that was just looked at."""
    return _in_days(memory, _spread(f"{entry_id} {times}", LATER_SPREAD))


def taken_over(entry: Entry) -> Review | None:
    """The schedule that an imported entry brings along; None where it brings none that can be read."""
    names = {name for schedule in _SCHEDULES for name in schedule[:3] if isinstance(name, str)}
    said = {other.name: other.value for other in entry.other_fields if other.name in names}
    for due, interval, ease, one in _SCHEDULES:
        try:
            due_at = any_moment(said[due]) if said.get(due) else None
        except InvalidInput:
            due_at = None
        if due_at is not None:
            days = min(max(_number(said.get(interval), FIRST_DAYS[entry.type]), 1.0), MOST_DAYS)
            seen_at = due_at - timedelta(days=days)
            memory = Memory(days, _difficulty(_number(said.get(ease), 2.5 * one) / one, days), seen_at)
            return Review(due_at, seen_at, 0, memory.card)
    return None


def _in_days(memory: Memory, share: float) -> datetime:
    """A share of the days of a note after it was seen, to the second."""
    return memory.seen_at + timedelta(seconds=round(86_400 * memory.stability * share))


def _difficulty(ease: float, stability: float) -> float:
    """The difficulty at which a note that holds gains what the ease of SM-2 gives it."""
    weights: tuple[float, ...] = _scheduler().parameters
    most = math.exp(weights[8]) * math.pow(stability, -weights[9]) * (math.exp(0.1 * weights[10]) - 1)
    return min(max(11 - (max(ease, 1.0) - 1) / most, _EASIEST), _HARDEST)


def _number(value: Any, default: float) -> float:
    try:
        number = float(value)
    except (TypeError, ValueError):
        return default
    return number if 0 < number < 1e6 else default


def _scheduler() -> Scheduler:
    from fsrs import Scheduler

    return Scheduler(learning_steps=(), relearning_steps=(), maximum_interval=MOST_DAYS, enable_fuzzing=False)


def _spread(name: str, share: float) -> float:
    """A figure around 1 that a name always has, and that names have evenly."""
    number = int.from_bytes(hashlib.blake2b(name.encode(), digest_size=4).digest(), "big")
    return 1 - share + 2 * share * number / 0xFFFFFFFF
