"""Days that a note waits for, and that have passed: `until 2025-06`, `TODO after March 2025`, `expires 1 May 2025`."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone

_MONTHS = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"]
_MONTH = r"(?P<month>jan|feb|mar|apr|may|jun|jul|aug|sept?|oct|nov|dec)[a-z]*\.?"
_DATE = (
    r"(?:(?P<iso>\d{4}-\d{2}(?:-\d{2})?)(?![\d-])|(?P<quarter>q[1-4])[ /-](?P<of>\d{4})|(?P<of2>\d{4})[ -]?(?P<quarter2>q[1-4])"
    rf"|(?:(?P<day>\d{{1,2}})(?:st|nd|rd|th)?\s+)?{_MONTH}\s+(?:(?P<day2>\d{{1,2}})(?:st|nd|rd|th)?,?\s+)?(?P<year>\d{{4}})"
    r"|(?P<end>the end of|end of)?\s*(?P<only>20\d{2})(?![\d-]|\.\d|\w))"
)
_CUE = (
    r"(?:valid (?:until|till|through|to)|good until|until|till|expir(?:es|y|ing|ation)(?: date)?|(?:runs|phased|going) out|"
    r"end of (?:life|support)|\beol|sunset(?:s|ting)?|shut(?:s|ting)? down|removed?|revisit|review (?:this|it|again)|"
    r"check again|deadline|due|not before|(?:todo|fixme|remove|drop|delete|switch|upgrade|renew|rotate|replace|try again|retry)"
    r"[^.\n]{0,40}?\b(?:after|by|before|in|on|until))"
)
_WAITS = re.compile(
    rf"(?<!\w){_CUE}(?:\s+(?:on|in|by|after|at|at least|is|of|the|around|about)|:|\s-)*\s+(?P<date>{_DATE})",
    re.IGNORECASE,
)

_YEAR = re.compile(r"20\d\d")
_MOST_CHARS = 20_000
_CODE = re.compile(r"^```.*?^```|`[^`\n]*`", re.MULTILINE | re.DOTALL)
"""What stands in code is an example of something."""


def passed(text: str, since: datetime, now: datetime) -> str | None:
    """What a note waits for that has come since it was written: `until 2025-06`; None where there is nothing such.

    Args:
        text: What it says.
        since: When it was written, or looked at last.
        now: The time.
    """
    if not _YEAR.search(text):
        return None
    text = _CODE.sub(" ", text[:_MOST_CHARS])
    for said, last in _waiting(text):
        if since < last < now:
            return said
    return None


def _waiting(text: str) -> Iterator[tuple[str, datetime]]:
    """Each date that is waited for, as the text says it, and the end of its last day."""
    for found in _WAITS.finditer(text):
        try:
            yield " ".join(found[0].split()), _end_of(found)
        except (ValueError, OverflowError):
            continue


def _end_of(found: re.Match[str]) -> datetime:
    """The first moment after a date."""
    if found["iso"]:
        year, month, *day = map(int, found["iso"].split("-"))
        return _after(year, month, *day)
    quarter = found["quarter"] or found["quarter2"]
    if quarter:
        return _after(int(found["of"] or found["of2"]), int(quarter[1]) * 3)
    if found["only"]:
        return _after(int(found["only"]), 12)
    month = _MONTHS.index(found["month"][:3].lower()) + 1
    days = [int(day) for day in (found["day"], found["day2"]) if day]
    return _after(int(found["year"]), month, *days[:1])


def _after(year: int, month: int, day: int = 0) -> datetime:
    if day:
        return datetime(year, month, day, tzinfo=timezone.utc) + timedelta(days=1)
    return datetime(year + month // 12, month % 12 + 1, 1, tzinfo=timezone.utc)
