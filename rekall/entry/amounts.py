"""How long ago something is, as people say it: 7d, 1h30m, "a couple of weeks", "1.5 years"."""

from __future__ import annotations

import re
from dataclasses import dataclass

_NUMBERS = (
    *("one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve"),
    *("thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen", "twenty"),
)
_OTHER_NUMBERS = {"a": 1, "an": 1, "couple": 2, "few": 3, "dozen": 12, "thirty": 30, "sixty": 60, "ninety": 90}
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
_DAYS_OF_A_MONTH, _MINUTES_OF_A_DAY = 30, 24 * 60
"""What a part of a month, or of a day, comes to."""

_WORDS = "|".join((*_NUMBERS, *_OTHER_NUMBERS))
_COUNT = rf"(?:\d{{1,5}}(?:\.\d{{1,2}})? ?|(?:an? (?=couple|few|dozen))?(?:{_WORDS}) )"
WAYS = "|".join(sorted((way for ways in _UNITS.values() for way in ways), key=len, reverse=True))
"""All names of units, for a form."""

_AMOUNT = rf"{_COUNT}(?:{WAYS})(?![a-z])"
AMOUNTS = rf"{_AMOUNT}(?: ?(?:and )?{_AMOUNT})*"
"""One or more counts, each with its unit, for a form."""

_ONE_AMOUNT = re.compile(rf"({_COUNT})({WAYS})(?![a-z])")


@dataclass(frozen=True, slots=True)
class Amount:
    """How long something takes: months and days by the calendar, minutes by a clock that is never moved."""

    months: int = 0
    days: int = 0
    minutes: float = 0.0


def number(text: str | None) -> int:
    """A number in digits; 0 where there is none."""
    return int((text or "0").strip())


def amount(text: str) -> Amount:
    """What a text of the form `AMOUNTS` comes to."""
    months, days, minutes, unit = 0, 0, 0.0, ""
    for count, way in _ONE_AMOUNT.findall(text):
        is_minutes = way == "m" and unit == "hours"  # 1h30m
        unit = "minutes" if is_minutes else next(name for name, ways in _UNITS.items() if way in ways)
        of_months = _count(count) * _IN_MONTHS.get(unit, 0)
        of_days = _count(count) * _IN_DAYS.get(unit, 0) + of_months % 1 * _DAYS_OF_A_MONTH
        months += int(of_months)
        days += int(of_days)
        minutes += _count(count) * _IN_MINUTES.get(unit, 0) + of_days % 1 * _MINUTES_OF_A_DAY
    return Amount(months, days, minutes)


def _count(text: str) -> float:
    """A number in digits or as a word."""
    word = text.split()[-1]
    if word[0].isdigit():
        return float(word)
    return _NUMBERS.index(word) + 1 if word in _NUMBERS else _OTHER_NUMBERS[word]
