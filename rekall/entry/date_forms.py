"""The forms that a spoken date may have, each with the days or the moment that it means; `spoken_dates` reads them.

All of it is in the reader's own time, also across a change of the clocks. A name without its year means the last one that has
begun, today's included.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta, timezone

from rekall.entry.amounts import AMOUNTS, WAYS, amount, number
from rekall.entry.spans import SECOND, in_utc, midnight

DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
MONTHS = (
    *("january", "february", "march", "april", "may", "june"),
    *("july", "august", "september", "october", "november", "december"),
)

_YEARS = range(1900, 2200)
"""A number outside is no year."""

_CALENDAR = ("week", "month", "quarter", "year")
_PARTS_OF_DAY = {"morning": (4, 12), "afternoon": (12, 18), "evening": (17, 24), "night": (18, 30)}
"""From which hour of a day to which."""

_LONGEST_DAY = timedelta(hours=26)
"""The clocks are never moved by more than two hours."""

Parts = Mapping[str, "str | None"]
"""What the named groups of a form found."""


class Ahead(Exception):
    """What was said has not begun."""


@dataclass(frozen=True, slots=True)
class Said:
    """What a date means, in UTC.

    Attributes:
        start: Its first second, or the moment it is.
        end: The first second after it; None for a moment.
    """

    start: datetime
    end: datetime | None = None

    @property
    def last(self) -> datetime:
        """Its last second, or the moment it is."""
        return self.start if self.end is None else self.end - SECOND


def read(plain: str, now: datetime) -> Said | None:
    """What a date means, in small letters and without needless words; None where it has none of the forms.

    Raises:
        Ahead: It has not begun.
        ValueError, OverflowError, OSError: There is no such day, or it may be two.
    """
    for form, meaning in _FORMS:
        found = form.fullmatch(plain)
        if found:
            return meaning(found.groupdict(), now)
    return None


# days and months


def _today(now: datetime) -> date:
    return _here(now).date()


def _here(moment: datetime) -> datetime:
    """A time as the reader's clock shows it, without its zone."""
    return moment.astimezone().replace(tzinfo=None, fold=0)


def _days(first: date, count: int = 1) -> Said:
    """Whole days."""
    try:
        made = Said(midnight(first), midnight(first + timedelta(days=count)))
    except OverflowError:  # 9999-12-31, as who means "for ever" writes it
        return Said(midnight(first), datetime.max.replace(tzinfo=timezone.utc, microsecond=0))
    if made.last < made.start:
        raise ValueError("a day that was left out where the date line was moved")
    return made


def _months(first: date, count: int = 1) -> Said:
    """Whole months, from the one that a day lies in."""
    return Said(midnight(first.replace(day=1)), midnight(_moved(first.replace(day=1), count)))


def _moved(day: date, months: int) -> date:
    """The same day of another month, or that month's last where it has no such day."""
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    following = date(year + month // 11, (month + 1) % 12 + 1, 1)
    return date(year, month + 1, min(day.day, (following - timedelta(days=1)).day))


def _place(names: tuple[str, ...], text: str) -> int:
    """Which of the days or months a name means, from 0; three letters tell."""
    return next(place for place, name in enumerate(names) if name.startswith(text[:3]))


def _year(text: str | None) -> int:
    if number(text) not in _YEARS:
        raise ValueError("a number of something else")
    return number(text)


# what each form means


def _day_word(parts: Parts, now: datetime) -> Said:
    return _days(_today(now) - timedelta(days={"today": 0, "yesterday": 1}.get(parts["word"] or "", 2)))


def _now(parts: Parts, now: datetime) -> Said:
    return Said(now.astimezone(timezone.utc).replace(microsecond=0))


def _ahead(parts: Parts, now: datetime) -> Said:
    raise Ahead


def _long_ago(parts: Parts, now: datetime) -> Said:
    """A moment, to the minute: months and days by the calendar, hours by a clock that is never moved."""
    ago = amount(parts.get("amounts") or f"1 {parts['unit']}")
    if ago.months or ago.days:
        here = _here(now)
        now = in_utc(datetime.combine(_moved(here.date(), -ago.months) - timedelta(days=ago.days), here.time()))
    moment = now.astimezone(timezone.utc) - timedelta(minutes=ago.minutes)
    return Said(moment.replace(second=0, microsecond=0))


def _this_or_last(parts: Parts, now: datetime) -> Said:
    """This week, last month, the year before last."""
    today, unit = _today(now), parts["unit"]
    back = {"this": 0, "current": 0, None: 2}.get(parts.get("which"), 1)
    if unit == "week":
        return _days(today - timedelta(days=today.weekday() + 7 * back), 7)
    if unit == "month":
        return _months(_moved(today.replace(day=1), -back))
    if unit == "quarter":
        return _months(_moved(today.replace(day=1), -((today.month - 1) % 3) - 3 * back), 3)
    return _months(date(today.year - back, 1, 1), 12)


def _weekend(parts: Parts, now: datetime) -> Said:
    """The last one that has begun; `last weekend` on a Sunday is the one before."""
    today = _today(now)
    saturday = today - timedelta(days=today.weekday() - 5)
    if parts["which"] == "this" and saturday > today:
        raise Ahead
    return _days(saturday - timedelta(days=7 * (saturday > today or parts["which"] not in (None, "this"))), 2)


def _weekday(parts: Parts, now: datetime) -> Said:
    """The last one, today included; `last monday` on a Monday is a week ago, and `this monday` the one of this week."""
    today, which = _today(now), parts["which"]
    back = today.weekday() - _place(DAYS, parts["day"] or "")
    if which == "this":
        if back < 0:
            raise Ahead
        return _days(today - timedelta(days=back))
    return _days(today - timedelta(days=back % 7 or (7 if which else 0)))


def _weekday_of_week(parts: Parts, now: datetime) -> Said:
    """Monday last week, tuesday of the week before last."""
    monday = _here(_this_or_last({**parts, "unit": "week"}, now).start).date()
    day = monday + timedelta(days=_place(DAYS, parts["day"] or ""))
    if day > _today(now):
        raise Ahead
    return _days(day)


def _part_of_day(parts: Parts, now: datetime) -> Said | None:
    """This morning, last night, monday evening; a night goes on into the next day."""
    name, today = parts["part"] or "night", _today(now)
    if parts["day"]:
        found = _one_day(parts["day"], now)
        if found is None:
            return None
        day = _here(found.start).date()
    else:
        day = today - timedelta(days=parts["which"] == "last")
    first, last = _PARTS_OF_DAY[name]
    start, end = (in_utc(datetime.combine(day, time()) + timedelta(hours=hour)) for hour in (first, last))
    if start > now:
        if parts["day"] or parts["which"] or parts["part"] is None:
            raise Ahead
        return _part_of_day({**parts, "which": "last"}, now)
    return Said(start, end)


def _edge(parts: Parts, now: datetime) -> Said | None:
    """The first or the last day of a month, a year, last week."""
    rest = parts["rest"] or ""
    found = read("today" if rest == "day" else f"this {rest}" if rest in _CALENDAR else rest, now)
    if found is None or found.end is None:
        return None
    day = _here(found.last if parts["edge"] == "end" else found.start).date()
    if day > _today(now):
        raise Ahead
    return _days(day)


def _epoch(parts: Parts, now: datetime) -> Said:
    """@1764194400, as git and `date` take seconds since 1970; milliseconds, too."""
    return Said(datetime.fromtimestamp(number(parts["epoch"]), timezone.utc))


def _one_day(text: str, now: datetime) -> Said | None:
    """A day, and nothing longer or shorter."""
    found = read(text, now)
    is_day = found is not None and found.end is not None and found.end - found.start <= _LONGEST_DAY
    return found if is_day else None


def _month(parts: Parts, now: datetime) -> Said:
    """The last one, this one included; `last november` in November is a year ago."""
    today, which, month = _today(now), parts.get("which"), _place(MONTHS, parts["month"] or "") + 1
    if parts.get("year"):
        return _months(date(_year(parts["year"]), month, 1))
    if which == "this" and month > today.month:
        raise Ahead
    has_begun = month < today.month or (month == today.month and which in (None, "this"))
    return _months(date(today.year if has_begun else today.year - 1, month, 1))


def _day(parts: Parts, now: datetime) -> Said:
    """5 nov: the last one, today included. A day of the week that stands before it must be its own."""
    today, month, of_month = _today(now), _place(MONTHS, parts["month"] or "") + 1, number(parts["number"])
    day = date(number(parts["year"]), month, of_month) if parts["year"] else _last_of_that_name(month, of_month, today)
    if parts["day"] and _place(DAYS, parts["day"]) != day.weekday():
        raise ValueError("another day of the week")
    return _days(day)


def _last_of_that_name(month: int, day: int, today: date) -> date:
    date(2000, month, day)  # raises for a day that no year has
    years = range(today.year, today.year - 9, -1)  # 29 February comes again after eight years at most
    return next(date(year, month, day) for year in years if _has_been(year, month, day, today))


def _has_been(year: int, month: int, day: int, today: date) -> bool:
    is_there = month != 2 or day <= _moved(date(year, 1, 31), 1).day
    return is_there and (year, month, day) <= (today.year, today.month, today.day)


def _digits(parts: Parts, now: datetime) -> Said:
    """2026-11-05, 2026/11/05; 5.11.2026 is a day first; 11/05/2026 may be two days, and 25/11/2026 not."""
    year, month, day = (number(parts[name]) for name in ("year", "month", "number"))
    if parts["first"] and parts["mark"] != ".":
        if day <= 12 and month <= 12 and day != month:
            raise ValueError("month or day first")
        if month > 12:
            day, month = month, day
    return _days(date(year, month, day))


def _dotted(parts: Parts, now: datetime) -> Said:
    """5.11. and 5.11.26, day first: dots say so."""
    day, month = number(parts["number"]), number(parts["month"])
    if parts["short"]:
        return _days(date(2000 + number(parts["short"]), month, day))
    return _days(_last_of_that_name(month, day, _today(now)))


def _month_digits(parts: Parts, now: datetime) -> Said:
    return _months(date(_year(parts["year"]), number(parts["month"]), 1))


def _whole_year(parts: Parts, now: datetime) -> Said:
    return _months(date(_year(parts["year"]), 1, 1), 12)


def _week(parts: Parts, now: datetime) -> Said:
    """A week as ISO counts them, or a day of it; without a year the last one that has begun."""
    week, today = number(parts["week"]), _today(now)
    year = _year(parts["year"]) if parts["year"] else today.isocalendar()[0]
    monday = date.fromisocalendar(year, week, 1)
    if not parts["year"] and monday > today:
        monday = date.fromisocalendar(year - 1, week, 1)
    day = number(parts.get("number"))
    return _days(monday + timedelta(days=day - 1)) if day else _days(monday, 7)


def _quarter(parts: Parts, now: datetime) -> Said:
    today, month = _today(now), number(parts["quarter"]) * 3 - 2
    year = _year(parts["year"]) if parts["year"] else today.year - (month > today.month)
    return _months(date(year, month, 1), 3)


def _half(parts: Parts, now: datetime) -> Said:
    today, month = _today(now), number(parts["part"]) * 6 - 5
    year = _year(parts["year"]) if parts["year"] else today.year - (month > today.month)
    return _months(date(year, month, 1), 6)


def _time(parts: Parts, now: datetime) -> Said | None:
    """A time of a day; without a day the last time that the clock showed it."""
    hour, minute, second = (number(parts[name]) for name in ("hour", "minute", "second"))
    if parts["half"]:
        if not 1 <= hour <= 12:
            raise ValueError("no such hour")
        hour = hour % 12 + (12 if parts["half"] == "pm" else 0)
    elif parts["minute"] is None:
        return None  # a number, and not of a clock
    day = _one_day(parts["day"] or "today", now)
    if day is None:
        return None
    wanted = datetime(*_here(day.start).timetuple()[:3], hour, minute, second)
    if parts["zone"]:
        zone = parts["zone"].strip()
        ahead = "+00:00" if zone in ("z", "utc", "gmt") else zone if ":" in zone else f"{zone}:00"
        return Said(datetime.fromisoformat(f"{wanted.isoformat()}{ahead}").astimezone(timezone.utc))
    moment = in_utc(wanted)
    return Said(moment if parts["day"] or moment <= now else in_utc(wanted - timedelta(days=1)))


_IN = "(?:(?:in|within|during|for|over) )?"
_DAY_NAME = rf"(?P<day>{'|'.join([*DAYS, 'tues', 'weds', 'thurs?', *(name[:3] for name in DAYS)])})"
_MONTH_NAME = rf"(?P<month>{'|'.join([*MONTHS, 'sept', *(name[:3] for name in MONTHS)])})\.?"
_YEAR = r"(?P<year>\d{4})"
_WHICH_WEEK = "(?:(?P<which>this|last|past|previous) week|week before last)"
_NTH = r"(?P<number>\d{1,2})(?:st|nd|rd|th|\.)?"
_WEEK = r"w(?:eek|k)? ?(?P<week>\d{1,2})"
_CLOCK = (
    r"(?P<hour>\d{1,2})(?::(?P<minute>\d\d)(?::(?P<second>\d\d)(?:\.\d+)?)?)?"
    r"(?: ?(?P<half>am|pm))?(?: ?(?P<zone>z|utc|gmt|[+-]\d\d(?::\d\d)?))?"
)

_WRITTEN: tuple[tuple[str, Callable[[Parts, datetime], Said | None]], ...] = (
    (r"(?P<word>today|yesterday|day before yesterday)", _day_word),
    ("now", _now),
    (rf"tomorrow|day after tomorrow|(?:next|coming) .+|in (?:{AMOUNTS})|\+ ?(?:{AMOUNTS})", _ahead),
    (rf"(?:{AMOUNTS}) (?:from now|from today|hence|ahead)", _ahead),
    (rf"{_IN}(?:last|past|previous) (?P<amounts>{AMOUNTS})", _long_ago),
    (rf"(?:within |(?:now|today)?- ?)?(?P<amounts>{AMOUNTS})(?: ago| back)?", _long_ago),
    (
        rf"{_IN}past (?P<unit>{WAYS})|(?P<alone>{WAYS}) ago",
        lambda parts, now: _long_ago({"unit": parts["unit"] or parts["alone"]}, now),
    ),
    (rf"{_IN}last (?P<unit>minute|hour|day|fortnight)", _long_ago),
    (rf"{_IN}(?P<which>this|current|last|previous) (?P<unit>week|month|quarter|year)", _this_or_last),
    (r"(?P<unit>week|month|quarter|year) before last", _this_or_last),
    (r"(?:(?P<which>this|last|past|previous) )?weekend", _weekend),
    (rf"(?:(?P<which>this|last|past|previous) )?{_DAY_NAME}", _weekday),
    (rf"{_DAY_NAME} {_WHICH_WEEK}", _weekday_of_week),
    (rf"{_WHICH_WEEK} {_DAY_NAME}", _weekday_of_week),
    (rf"(?:(?P<which>this|last) |(?P<day>.+) )?(?P<part>{'|'.join(_PARTS_OF_DAY)})|tonight", _part_of_day),
    (r"(?P<edge>start|begin|beginning|end) (?P<rest>.+)", _edge),
    (rf"{_IN}(?:(?P<which>this|last|past|previous) )?{_MONTH_NAME}", _month),
    (rf"{_IN}{_MONTH_NAME}[ -]?{_YEAR}", _month),
    (rf"{_IN}{_YEAR}[ -]?{_MONTH_NAME}", _month),
    (rf"(?:{_DAY_NAME} )?{_NTH}[ -]?{_MONTH_NAME}(?:[ -]?{_YEAR})?", _day),
    (rf"(?:{_DAY_NAME} )?{_MONTH_NAME}[ -]?{_NTH}(?: {_YEAR})?", _day),
    (rf"{_YEAR}(?P<mark>[-/._])(?P<month>\d{{1,2}})(?P=mark)(?P<number>\d{{1,2}})(?P<first>)", _digits),
    (rf"{_YEAR}(?P<month>\d\d)(?P<number>\d\d)(?P<first>)", _digits),
    (rf"(?P<first>(?P<number>\d{{1,2}})(?P<mark>[-/.])(?P<month>\d{{1,2}})(?P=mark)){_YEAR}", _digits),
    (r"(?P<number>\d{1,2})\.(?P<month>\d{1,2})\.(?P<short>\d\d)?", _dotted),
    (r"@(?P<epoch>\d{10})(?:\d{3})?", _epoch),
    (rf"{_IN}{_YEAR}", _whole_year),
    (rf"{_YEAR}[-/.](?P<month>\d{{1,2}})", _month_digits),
    (rf"(?P<month>\d{{1,2}})[-/.]{_YEAR}", _month_digits),
    (rf"{_YEAR}[ -]?{_WEEK}(?:-?(?P<number>[1-7]))?", _week),
    (rf"{_IN}{_WEEK}(?: {_YEAR})?", _week),
    (rf"{_YEAR}[ /-]?q(?P<quarter>[1-4])", _quarter),
    (rf"{_IN}q(?P<quarter>[1-4])(?:[ /-]?{_YEAR})?", _quarter),
    (rf"{_YEAR}[ /-]?h(?P<part>[12])", _half),
    (rf"{_IN}h(?P<part>[12])(?:[ /-]?{_YEAR})?", _half),
    (rf"(?:(?P<day>.+) )?{_CLOCK}", _time),
    (rf"{_CLOCK} (?P<day>.+)", _time),
)

_FORMS = tuple((re.compile(form), meaning) for form, meaning in _WRITTEN)
