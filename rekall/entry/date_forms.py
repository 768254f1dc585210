"""The forms that a spoken date may have, each with the days or the moment that it means; `spoken_dates` reads them.

All of it is in the reader's own time, also across a change of the clocks. A name without its year means the last one that has
begun, today's included.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta, timezone

from rekall.entry.spans import SECOND, in_utc, midnight

DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
MONTHS = (
    *("january", "february", "march", "april", "may", "june"),
    *("july", "august", "september", "october", "november", "december"),
)

_YEARS = range(1900, 2200)
"""A number outside is no year."""

_NUMBERS = ("one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve")
_UNITS = {
    "minutes": ("minute", "minutes", "min", "mins"),
    "hours": ("hour", "hours", "h", "hr", "hrs"),
    "days": ("day", "days", "d"),
    "weeks": ("week", "weeks", "w", "wk", "wks"),
    "fortnights": ("fortnight", "fortnights"),
    "months": ("month", "months", "m", "mo", "mos", "mth", "mths"),
    "quarters": ("quarter", "quarters", "q"),
    "years": ("year", "years", "y", "yr", "yrs"),
}
_IN_MINUTES = {"minutes": 1, "hours": 60}
_IN_DAYS = {"days": 1, "weeks": 7, "fortnights": 14}
_IN_MONTHS = {"months": 1, "quarters": 3, "years": 12}

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


def _number(text: str | None) -> int:
    """A number in digits or as a word; 0 where there is none."""
    text = (text or "0").strip()
    if text.isdigit():
        return int(text)
    return 2 if "couple" in text else 1 if text in ("a", "an") else _NUMBERS.index(text) + 1


def _year(text: str | None) -> int:
    if _number(text) not in _YEARS:
        raise ValueError("a number of something else")
    return _number(text)


# what each form means


def _day_word(parts: Parts, now: datetime) -> Said:
    return _days(_today(now) - timedelta(days={"today": 0, "yesterday": 1}.get(parts["word"] or "", 2)))


def _now(parts: Parts, now: datetime) -> Said:
    return Said(now.astimezone(timezone.utc).replace(microsecond=0))


def _ahead(parts: Parts, now: datetime) -> Said:
    raise Ahead


def _long_ago(parts: Parts, now: datetime) -> Said:
    """A moment, to the minute: months and days by the calendar, hours by a clock that is never moved."""
    months, days, minutes, unit = 0, 0, 0, ""
    for count, way in _ONE_AMOUNT.findall(parts.get("amounts") or f"1 {parts['unit']}"):
        is_minutes = way == "m" and unit == "hours"  # 1h30m
        unit = "minutes" if is_minutes else next(name for name, ways in _UNITS.items() if way in ways)
        months += _number(count) * _IN_MONTHS.get(unit, 0)
        days += _number(count) * _IN_DAYS.get(unit, 0)
        minutes += _number(count) * _IN_MINUTES.get(unit, 0)
    if months or days:
        here = _here(now)
        now = in_utc(datetime.combine(_moved(here.date(), -months) - timedelta(days=days), here.time()))
    moment = now.astimezone(timezone.utc) - timedelta(minutes=minutes)
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
    today, month, number = _today(now), _place(MONTHS, parts["month"] or "") + 1, _number(parts["number"])
    if parts["year"]:
        day = date(_number(parts["year"]), month, number)
    else:
        date(2000, month, number)  # raises for a day that no year has
        years = range(today.year, today.year - 9, -1)  # 29 February comes again after eight years at most
        day = next(date(year, month, number) for year in years if _has_been(year, month, number, today))
    if parts["day"] and _place(DAYS, parts["day"]) != day.weekday():
        raise ValueError("another day of the week")
    return _days(day)


def _has_been(year: int, month: int, day: int, today: date) -> bool:
    is_there = month != 2 or day <= _moved(date(year, 1, 31), 1).day
    return is_there and (year, month, day) <= (today.year, today.month, today.day)


def _digits(parts: Parts, now: datetime) -> Said:
    """2026-11-05, 2026/11/05; 5.11.2026 is a day first; 11/05/2026 may be two days, and 25/11/2026 not."""
    year, month, number = (_number(parts[name]) for name in ("year", "month", "number"))
    if parts["first"] and parts["mark"] != ".":
        if number <= 12 and month <= 12 and number != month:
            raise ValueError("month or day first")
        if month > 12:
            number, month = month, number
    return _days(date(year, month, number))


def _month_digits(parts: Parts, now: datetime) -> Said:
    return _months(date(_year(parts["year"]), _number(parts["month"]), 1))


def _whole_year(parts: Parts, now: datetime) -> Said:
    return _months(date(_year(parts["year"]), 1, 1), 12)


def _week(parts: Parts, now: datetime) -> Said:
    """A week as ISO counts them, or a day of it; without a year the last one that has begun."""
    week, today = _number(parts["week"]), _today(now)
    year = _year(parts["year"]) if parts["year"] else today.isocalendar()[0]
    monday = date.fromisocalendar(year, week, 1)
    if not parts["year"] and monday > today:
        monday = date.fromisocalendar(year - 1, week, 1)
    day = _number(parts.get("number"))
    return _days(monday + timedelta(days=day - 1)) if day else _days(monday, 7)


def _quarter(parts: Parts, now: datetime) -> Said:
    today, month = _today(now), _number(parts["quarter"]) * 3 - 2
    year = _year(parts["year"]) if parts["year"] else today.year - (month > today.month)
    return _months(date(year, month, 1), 3)


def _time(parts: Parts, now: datetime) -> Said | None:
    """A time of a day; without a day the last time that the clock showed it."""
    hour, minute, second = (_number(parts[name]) for name in ("hour", "minute", "second"))
    if parts["half"]:
        if not 1 <= hour <= 12:
            raise ValueError("no such hour")
        hour = hour % 12 + (12 if parts["half"] == "pm" else 0)
    elif parts["minute"] is None:
        return None  # a number, and not of a clock
    day = read(parts["day"], now) if parts["day"] else _days(_today(now))
    if day is None or day.end is None or day.end - day.start > _LONGEST_DAY:
        return None
    wanted = datetime(*_here(day.start).timetuple()[:3], hour, minute, second)
    if parts["zone"]:
        zone = parts["zone"].strip()
        ahead = "+00:00" if zone in ("z", "utc", "gmt") else zone if ":" in zone else f"{zone}:00"
        return Said(datetime.fromisoformat(f"{wanted.isoformat()}{ahead}").astimezone(timezone.utc))
    moment = in_utc(wanted)
    return Said(moment if parts["day"] or moment <= now else in_utc(wanted - timedelta(days=1)))


_COUNT = rf"(?:\d{{1,5}} ?|(?:an?(?: couple)?|couple|{'|'.join(_NUMBERS)}) )"
_WAYS = "|".join(sorted((way for ways in _UNITS.values() for way in ways), key=len, reverse=True))
_AMOUNT = rf"{_COUNT}(?:{_WAYS})(?![a-z])"
_AMOUNTS = rf"{_AMOUNT}(?: ?(?:and )?{_AMOUNT})*"
_ONE_AMOUNT = re.compile(rf"({_COUNT})({_WAYS})(?![a-z])")
_IN = "(?:(?:in|within|during|for|over) )?"
_DAY_NAME = rf"(?P<day>{'|'.join([*DAYS, 'tues', 'weds', 'thurs?', *(name[:3] for name in DAYS)])})"
_MONTH_NAME = rf"(?P<month>{'|'.join([*MONTHS, 'sept', *(name[:3] for name in MONTHS)])})\.?"
_YEAR = r"(?P<year>\d{4})"
_NTH = r"(?P<number>\d{1,2})(?:st|nd|rd|th|\.)?"
_WEEK = r"w(?:eek|k)? ?(?P<week>\d{1,2})"
_CLOCK = (
    r"(?P<hour>\d{1,2})(?::(?P<minute>\d\d)(?::(?P<second>\d\d)(?:\.\d+)?)?)?"
    r"(?: ?(?P<half>am|pm))?(?: ?(?P<zone>z|utc|gmt|[+-]\d\d(?::\d\d)?))?"
)

_WRITTEN: tuple[tuple[str, Callable[[Parts, datetime], Said | None]], ...] = (
    (r"(?P<word>today|yesterday|day before yesterday)", _day_word),
    ("now", _now),
    (rf"tomorrow|day after tomorrow|(?:next|coming) .+|in (?:{_AMOUNTS})|\+ ?(?:{_AMOUNTS})", _ahead),
    (rf"(?:{_AMOUNTS}) (?:from now|from today|hence|ahead)", _ahead),
    (rf"{_IN}(?:last|past|previous) (?P<amounts>{_AMOUNTS})", _long_ago),
    (rf"(?:within |- ?)?(?P<amounts>{_AMOUNTS})(?: ago| back)?", _long_ago),
    (
        rf"{_IN}past (?P<unit>{_WAYS})|(?P<alone>{_WAYS}) ago",
        lambda parts, now: _long_ago({"unit": parts["unit"] or parts["alone"]}, now),
    ),
    (rf"{_IN}last (?P<unit>minute|hour|day|fortnight)", _long_ago),
    (rf"{_IN}(?P<which>this|current|last|previous) (?P<unit>week|month|quarter|year)", _this_or_last),
    (r"(?P<unit>week|month|quarter|year) before last", _this_or_last),
    (r"(?:(?P<which>this|last|past|previous) )?weekend", _weekend),
    (rf"(?:(?P<which>this|last|past|previous) )?{_DAY_NAME}", _weekday),
    (rf"{_IN}(?:(?P<which>this|last|past|previous) )?{_MONTH_NAME}", _month),
    (rf"{_IN}{_MONTH_NAME}[ -]?{_YEAR}", _month),
    (rf"{_IN}{_YEAR}[ -]?{_MONTH_NAME}", _month),
    (rf"(?:{_DAY_NAME} )?{_NTH}[ -]?{_MONTH_NAME}(?:[ -]?{_YEAR})?", _day),
    (rf"(?:{_DAY_NAME} )?{_MONTH_NAME}[ -]?{_NTH}(?: {_YEAR})?", _day),
    (rf"{_YEAR}(?P<mark>[-/._])(?P<month>\d{{1,2}})(?P=mark)(?P<number>\d{{1,2}})(?P<first>)", _digits),
    (rf"{_YEAR}(?P<month>\d\d)(?P<number>\d\d)(?P<first>)", _digits),
    (rf"(?P<first>(?P<number>\d{{1,2}})(?P<mark>[-/.])(?P<month>\d{{1,2}})(?P=mark)){_YEAR}", _digits),
    (rf"{_IN}{_YEAR}", _whole_year),
    (rf"{_YEAR}[-/.](?P<month>\d{{1,2}})", _month_digits),
    (rf"(?P<month>\d{{1,2}})[-/.]{_YEAR}", _month_digits),
    (rf"{_YEAR}[ -]?{_WEEK}(?:-?(?P<number>[1-7]))?", _week),
    (rf"{_IN}{_WEEK}(?: {_YEAR})?", _week),
    (rf"{_YEAR}[ -]?q(?P<quarter>[1-4])", _quarter),
    (rf"{_IN}q(?P<quarter>[1-4])(?: {_YEAR})?", _quarter),
    (rf"(?:(?P<day>.+) )?{_CLOCK}", _time),
)

_FORMS = tuple((re.compile(form), meaning) for form, meaning in _WRITTEN)
