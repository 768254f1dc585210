"""Stretches of time as filters hold them, and how they are typed: 2026-11, 2026-11-02..2026-11-08."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta, timezone

from rekall.entry.times import written

SECOND = timedelta(seconds=1)
"""Entries know their times to the second, so a stretch ends a second before the next begins."""

BETWEEN = ".."
"""What stands between the two ends of a stretch as it is typed."""

_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)

_OUT_OF_REACH = (ValueError, OverflowError, OSError)
"""What Python raises for a time that no zone reaches."""


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of time with both its ends; None where it has none.

    Attributes:
        start: Its first second.
        last: Its last second.
    """

    start: datetime | None = None
    last: datetime | None = None

    @property
    def is_empty(self) -> bool:
        """Whether it ends before it begins."""
        return self.start is not None and self.last is not None and self.last < self.start

    def both(self, other: Span) -> Span:
        """What lies in both."""
        starts = [each.start for each in (self, other) if each.start is not None]
        lasts = [each.last for each in (self, other) if each.last is not None]
        return Span(max(starts, default=None), min(lasts, default=None))

    def __str__(self) -> str:
        """As it is typed, in the reader's own time: a year, a month or a day where it is one, else its two ends."""
        first = None if self.start is None else start_text(self.start)
        last = None if self.last is None else last_text(self.last)
        if first is not None and last is not None:
            if first == last and "T" not in first:
                return first
            if first[:4] == last[:4] and (first[4:], last[4:]) == ("-01-01", "-12-31"):
                return first[:4]
            if first[7:] == "-01" and last[7:] == f"-{_days_of_month(last)}":
                return first[:7] if first[:7] == last[:7] else f"{first[:7]}{BETWEEN}{last[:7]}"
        return f"{first or ''}{BETWEEN}{last or ''}"


def start_text(value: datetime) -> str:
    """The first second of a stretch as it is typed: a day where it begins one, else a local time."""
    return _day(value) or _time_text(value)


def last_text(value: datetime) -> str:
    """The last second of a stretch as it is typed: a day where it ends one, else a local time."""
    is_last_day = value.year == date.max.year and (value.month, value.day) == (12, 31)
    return _local(value).date().isoformat() if is_last_day or _day(value + SECOND) else _time_text(value)


def midnight(day: date) -> datetime:
    """When a day begins where the reader is, in UTC; where no zone reaches, as if the reader were there."""
    begins = datetime(day.year, day.month, day.day)
    try:
        return in_utc(begins)
    except _OUT_OF_REACH:
        return begins.replace(tzinfo=timezone.utc)


def in_utc(local: datetime) -> datetime:
    """A time of the reader's clock, which names no zone.

    Of an hour that comes twice it is the first; one that is left out comes an hour later.

    Raises:
        ValueError, OverflowError, OSError: No zone reaches that far.
    """
    return _EPOCH + timedelta(
        seconds=local.timestamp()
    )  # `astimezone` puts a midnight that is left out on the day before


def _day(value: datetime) -> str:
    """The day that begins at a time, or empty."""
    day = _local(value).date()
    return day.isoformat() if midnight(day) == value else ""


def _time_text(value: datetime) -> str:
    local = _local(value).replace(tzinfo=None, fold=0, microsecond=0)
    try:
        is_plain = in_utc(local) == value.replace(microsecond=0)
    except _OUT_OF_REACH:
        is_plain = False
    if not is_plain:  # an hour that comes twice
        return written(value)
    return local.isoformat(timespec="seconds" if local.second else "minutes")


def _days_of_month(day: str) -> int:
    first = date.fromisoformat(day).replace(day=1)
    return 31 if first.month == 12 else (first.replace(month=first.month + 1) - first).days


def _local(value: datetime) -> datetime:
    try:
        return value.astimezone()
    except _OUT_OF_REACH:
        return value
