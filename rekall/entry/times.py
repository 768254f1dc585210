"""Times: as they are written in files, in the database and in answers; as people and other tools write them; as they are shown."""

from __future__ import annotations

import re
from datetime import date, datetime, timezone
from typing import Any

from rekall.errors import InvalidInput

_EPOCH = re.compile(r"\d{9,10}\.\d+\Z|\d{9,11}\Z|\d{13}\Z|\d{16}\Z|\d{19}\Z")
_UNITS = {13: 10**3, 16: 10**6, 19: 10**9}
"""Digits of milliseconds, microseconds and nanoseconds since 1970, for any time from 2001 to 2286."""

_YEARS = range(1900, 2200)
"""A year outside is a number of something else, or a slip."""

_EXACT = re.compile(r"\d{4}-\d\d-\d\d")
_DAY_FIRST = re.compile(
    r"(?P<day>\d{1,2})(?P<mark>[./-])(?P<month>\d{1,2})(?P=mark)(?P<year>\d{4})(?P<rest>\D.*)?\Z", re.S
)
_YEAR_FIRST = re.compile(
    r"(?P<year>\d{4})(?P<mark>[./_-]?)(?P<month>\d{2})(?P=mark)(?P<day>\d{2})(?P<rest>\D.*)?\Z", re.S
)
_COMPACT = re.compile(
    r"(?P<year>\d{4})(?P<month>\d\d)(?P<day>\d\d)T?(?P<hour>\d\d)(?P<minute>\d\d)(?:(?P<second>\d\d)(?:\d{3})?)?\Z"
)
_SOMEWHERE = re.compile(r"\d{4}|\d{1,2}[./-]\d{1,2}[./-]\d{2,4}")
_GMT = re.compile(r"\b(?:GMT|UTC)(?=[+-]\d)")
_ZONES = {
    name: hours * 3600
    for name, hours in {"EST": -5, "EDT": -4, "CDT": -5, "MST": -7, "MDT": -6, "PST": -8, "PDT": -7}.items()
} | {"UTC": 0, "GMT": 0, "CET": 3600, "CEST": 7200}
_ZONE_NAME = re.compile(r"\s*\([^)]*\)\s*\Z")
_WORDS = re.compile(r"[^\W\d_]{3,}")
_MOST_CHARS = 200
"""A longer text is no date, whatever it begins with."""


def written(moment: datetime) -> str:
    """A time as text, 2026-01-31T09:00:00Z: UTC and whole seconds, so that texts sort as times do."""
    if moment.tzinfo is not timezone.utc:
        moment = moment.astimezone(timezone.utc)
    return f"{moment.isoformat(timespec='seconds')[:-6]}Z"  # without +00:00


def parsed(text: str) -> datetime:
    """The time that `written` wrote."""
    return datetime.fromisoformat(text.replace("Z", "+00:00"))


def exact(text: str) -> datetime:
    """The same in UTC, of what may be damaged; a time that names no zone is meant so.

    Raises:
        ValueError, OverflowError: It is none, or of a year that there is not in UTC.
    """
    found = parsed(text)
    return found.replace(tzinfo=timezone.utc) if found.tzinfo is None else found.astimezone(timezone.utc)


def moment(text: str) -> datetime:
    """A date (`2026-01-31`) or a time (`2026-01-31T09:00:00Z`) as a person writes it, local where it names no zone.

    Raises:
        InvalidInput: It is neither.
    """
    try:
        return _aware(parsed(text.strip()))
    except (ValueError, OverflowError, OSError):
        raise InvalidInput(f"{_short(text)!r} is not a date", "write 2026-01-31 or 2026-01-31T09:00:00Z") from None


def local_day(moment: datetime) -> str:
    """The day of a time where the reader is: 2026-01-31."""
    return _local(moment).strftime("%Y-%m-%d")


def local_time(moment: datetime) -> str:
    """A time where the reader is: 2026-01-31 10:00."""
    return _local(moment).strftime("%Y-%m-%d %H:%M")


def any_moment(value: Any) -> datetime:
    """A time in any form that tools and people write, local where it names no zone.

    Seconds, milliseconds or microseconds since 1970, ISO 8601, `15.07.2019`, `2019/07/15`, `[[2019-07-15]]`,
    `Monday, July 15th 2019, 3:04 pm`.

    Args:
        value: What a file holds.

    Returns:
        An aware time.

    Raises:
        InvalidInput: It is none, or it can be read as two days, as `03/04/2019` can.
    """
    if isinstance(value, datetime):
        return _aware(value)
    if isinstance(value, date):
        return _aware(datetime(value.year, value.month, value.day))
    if isinstance(value, list) and len(value) == 1:
        return any_moment(value[0])
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        value = f"{value:f}" if isinstance(value, float) else _digits(value)
    if not isinstance(value, str):
        raise InvalidInput("it is not a date")
    text = value.strip().strip("\"'<>[]").strip()
    try:
        if len(text) > _MOST_CHARS:
            raise ValueError("no date")
        exact = _iso(text) if _EXACT.match(text) else None
        found = exact or _epoch(text) or _numbers(text) or _iso(text) or _spoken(text)
        if exact is None and found.year not in _YEARS:
            raise ValueError("a number of something else")
        return _aware(found)
    except (ValueError, OverflowError, OSError, TypeError) as error:
        raise InvalidInput(f"{_short(value)!r} is not a date") from error


def _local(moment: datetime) -> datetime:
    try:
        return moment.astimezone()
    except (OverflowError, OSError, ValueError):  # no zone reaches back to year 1
        return moment


def _aware(moment: datetime) -> datetime:
    return moment.astimezone(timezone.utc)


def _epoch(text: str) -> datetime | None:
    if not _EPOCH.match(text):
        return None
    return datetime.fromtimestamp(float(text) / _UNITS.get(len(text), 1), timezone.utc)


def _numbers(text: str) -> datetime | None:
    """A day written in numbers, and what follows it."""
    compact = _COMPACT.match(text)
    if compact:
        year, month, day, hour, minute, second = (int(number or 0) for number in compact.groups())
        return datetime(year, month, day, hour, minute, second)
    found = _YEAR_FIRST.match(text) or _DAY_FIRST.match(text)
    if found is None:
        return None
    year, month, day = int(found["year"]), int(found["month"]), int(found["day"])
    if "day" in found.groupdict() and found.re is _DAY_FIRST and found["mark"] != ".":
        if month <= 12 and day <= 12 and month != day:
            raise ValueError("month or day first")
        if month > 12:
            month, day = day, month
    rest = (found["rest"] or "").strip(" ,").removeprefix("T")
    whole = f"{year:04}-{month:02}-{day:02}" + (f"T{rest}" if rest else "")
    return _iso(whole) or _spoken(f"{whole[:10]} {rest}".strip())


def _iso(text: str) -> datetime | None:
    try:
        return parsed(text)
    except ValueError:
        return None


def _spoken(text: str) -> datetime:
    """A date in words. Every part must be there: nothing is filled in from today."""
    from dateutil import parser

    if len(text) > _MOST_CHARS:
        raise ValueError("no date")
    text = _ZONE_NAME.sub("", _GMT.sub("", text))
    if not _SOMEWHERE.search(text) or len(text) > 60:
        raise ValueError("no date")
    one: datetime
    one, other = (
        parser.parse(text, default=datetime(year, month, day), tzinfos=_zone)
        for year, month, day in ((2000, 1, 1), (2004, 2, 2))
    )
    if one != other:
        if (one.year, one.month) == (other.year, other.month) and _WORDS.search(text):
            return one  # "March 2019": its first day
        raise ValueError("not a whole date")
    return one


def _zone(name: str | None, offset_s: int | None) -> int | None:
    """Seconds east of Greenwich; None, which is local, for a name that means several zones or none."""
    return offset_s if offset_s is not None else _ZONES.get(name or "")


def _digits(number: int) -> str:
    """A whole number as text; Python does not write one of more than 4,300 digits."""
    return str(number) if number.bit_length() < 512 else ""


def _short(value: Any) -> str:
    text = str(value)
    return text if len(text) <= 60 else text[:59] + "…"
