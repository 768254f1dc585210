"""Dates as people say them: yesterday, 7d, last week, monday, nov 2025, "3 months ago", and two of them with .. between.

A day, week, month or year that is named is a stretch of time; how long ago something is names a moment. What lies ahead is
refused unless it is written out.
"""

from __future__ import annotations

import re
import unicodedata
from datetime import datetime, timezone

from rekall.entry.date_forms import DAYS, MONTHS, Ahead, Said, read
from rekall.entry.rules import nearest
from rekall.entry.spans import BETWEEN, SECOND, Span
from rekall.errors import InvalidInput

FORMS = 'yesterday, 7d, 2026-11-05 or "3 months ago"'
"""What a date may look like, for hints."""

_WORDS_BETWEEN = re.compile(r"(?:(?:from|since) (\S.*?) (?:to|until|till)|between (\S.*?) and) (\S.*)", re.IGNORECASE)
_WORD_BEFORE = re.compile(r"(?P<word>since|from|starting|until|till|to|after|before) (?P<date>.+)", re.IGNORECASE)

_ENDS = re.compile(r"\.{2,}|…| (?:to|-|–|—) ", re.IGNORECASE)
"""What may stand between two dates."""

_SAID_OTHERWISE = tuple(
    (re.compile(written), plain)
    for written, plain in (
        (r"\b(?:noon|midday)\b", "12:00"),
        (r"\bmidnight\b", "00:00"),
        (r"\bhalf (?:an?|of an?) ", "0.5 "),
        (r"\b(?:an?|one) (\w+) and a half\b", r"1.5 \1"),
        (r"(?<=[a-z])\.(?=\s|\Z)", ""),  # fri.
        (r"['\N{RIGHT SINGLE QUOTATION MARK}]([0-6]\d)\Z", r"20\1"),  # nov '25
        (r"['\N{RIGHT SINGLE QUOTATION MARK}]([7-9]\d)\Z", r"19\1"),
    )
)

_YEAR_LAST = re.compile(r"(.+) (\d\d:\d\d:\d\d)( utc| gmt)? (\d{4})( [+-]\d\d:\d\d)?\Z")
"""A time as `date` and `git log` print it: Thu Nov 26 21:08:33 UTC 2026."""

_EARLIEST, _LATEST = (each.replace(tzinfo=timezone.utc) for each in (datetime.min, datetime.max))

_MOST_CHARS = 80
"""A longer text is no date, whatever it begins with."""


def said(text: str, now: datetime) -> Said:
    """What a date means that a person typed.

    Args:
        text: The date.
        now: The time.

    Raises:
        InvalidInput: It is none, or lies ahead; the hint shows some that are right.
    """
    if BETWEEN in text or "…" in text:
        hint = f"created and changed take A{BETWEEN}B; else write {FORMS}"
        raise InvalidInput(f"{_cut(text)!r} is two dates where one is wanted", hint)
    plain = _plain(text)
    found = None
    try:
        if len(plain) <= _MOST_CHARS:
            found = read(plain, now)
    except Ahead:
        hint = f"write {FORMS}; a day ahead is written out"
        raise InvalidInput(f"{_cut(text)!r} is still to come, and no entry is from then", hint) from None
    except (ValueError, OverflowError, OSError):  # there is no such day, or no zone reaches it
        found = None
    if found is None:
        raise InvalidInput(f"{_cut(text)!r} is not a date", _hint(plain))
    return found


def span(text: str, now: datetime) -> Span:
    """The stretch that a person typed: a date, since when, or two dates with .. between, one of which may be missing.

    Raises:
        InvalidInput: It is none, or ends before it begins.
    """
    text = " ".join(text.split())  # thousands of blanks would be parted in each way
    in_words = _WORDS_BETWEEN.fullmatch(text)
    first, *others = [in_words[1] or in_words[2], in_words[3]] if in_words else _ENDS.split(text, 1)
    one_end = None if others else _WORD_BEFORE.fullmatch(text)
    if one_end:
        return _open_span(one_end["word"].lower(), said(one_end["date"], now))
    if not others:
        found = said(text, now)
        return Span(found.start, None if found.end is None else found.last)
    first, last = first.strip(), others[0].strip()
    if not first and not last:
        raise InvalidInput(
            f"{_cut(text)!r} names no date", f"write 2026-01{BETWEEN}2026-03, monday{BETWEEN} or {FORMS}"
        )
    made = Span(said(first, now).start if first else None, said(last, now).last if last else None)
    if made.is_empty:
        hint = f"write the earlier first: 2026-01{BETWEEN}2026-03"
        raise InvalidInput(f"{_cut(text)!r} ends before it begins: {made}", hint)
    return made


def _open_span(word: str, found: Said) -> Span:
    """The stretch that begins or ends with a date; before and after leave the date itself out."""
    if word == "after":
        return Span(found.last + min(SECOND, _LATEST - found.last))
    if word == "before":
        return Span(None, found.start - min(SECOND, found.start - _EARLIEST))
    return Span(found.start) if word in ("since", "from", "starting") else Span(None, found.last)


def _plain(text: str) -> str:
    """A date without what says nothing: capitals, commas, little words, more blanks than one."""
    if len(text) > 4 * _MOST_CHARS:
        return text
    text = unicodedata.normalize("NFKC", text).casefold().replace("\N{MINUS SIGN}", "-").replace(",", " ")
    for written, plain in _SAID_OTHERWISE:
        text = written.sub(plain, text)
    text = re.sub(r"(?<!\d)(\d{8})[t ](\d\d)(\d\d)(\d\d)?(?!\d)", _spelled_out, text)
    text = re.sub(r"(?<=\d)t(\d\d)(?![\d:])", r" \1:00", text)
    text = re.sub(r"(?<=\d)t(?=\d)", " ", text)
    text = re.sub(r"([+-]\d\d)(\d\d)\Z", r"\1:\2", text) if ":" in text else text
    text = " ".join(word for word in text.split() if word not in ("the", "of", "on", "at"))
    return _YEAR_LAST.sub(r"\1 \4 \2\3\5", text)


def _spelled_out(compact: re.Match[str]) -> str:
    """20261105T140000 as the other times are written."""
    day, hour, minute, second = compact.groups()
    return f"{day} {hour}:{minute}:{second or '00'}"


def _cut(text: str) -> str:
    return text if len(text) <= 60 else text[:59] + "…"


def _hint(plain: str) -> str:
    if re.fullmatch(r"-?\d{1,3}", plain):
        count = plain.lstrip("-")
        return f'say of what: {count}d, {count}w, {count}m or {count}y; several words go in quotes: "{count} days ago"'
    if re.fullmatch(r"\d{1,2}([/-])\d{1,2}\1\d{4}", plain):
        return "it may be two days; write 2026-11-05 or 5 nov 2026"
    near = nearest(plain, ["today", "yesterday", *DAYS, *MONTHS], 0.75) if plain.isalpha() else ""
    return f"did you mean {near}? else write {FORMS}" if near else f"write {FORMS}"
