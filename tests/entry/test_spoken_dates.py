"""Dates as people say them: every form in a table, read on one Thursday evening, and around the days on which clocks are moved."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from datetime import datetime, timezone

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rekall.entry.filters import Filters
from rekall.entry.spans import Span
from rekall.entry.spoken_dates import FORMS, said, span
from rekall.errors import InvalidInput
from rekall.search.query import parse_query

NOW = datetime(2026, 11, 26, 21, 8, 33, tzinfo=timezone.utc)
"""A Thursday, in the 48th week."""

Zone = Callable[[str], None]


@pytest.fixture(autouse=True)
def zone(monkeypatch: pytest.MonkeyPatch) -> Iterator[Zone]:
    """Puts the reader somewhere; in Greenwich at first. Where a process cannot be moved, its machine must be there."""
    if not hasattr(time, "tzset"):
        if time.timezone or time.daylight:
            pytest.skip("this machine is not in Greenwich, and Windows gives no process another zone")
        yield lambda name: pytest.skip("Windows gives no process another zone")
        return

    def put(name: str) -> None:
        monkeypatch.setenv("TZ", name)
        time.tzset()

    put("UTC")
    yield put
    monkeypatch.undo()
    time.tzset()


STRETCHES = {
    "2026-11-26": ("today", "this thursday", "Thu", "thursday", "26 nov", "26.11.2026", "2026-11-26"),
    "2026-11-25": ("yesterday", " Yesterday ", "wed", "weds", "wednesday", "this wednesday", "last wednesday"),
    "2026-11-24": ("day before yesterday", "the day before yesterday", "tue", "tues", "on tuesday"),
    "2026-11-23": ("monday", "MON", "last monday", "this monday", "past monday"),
    "2026-11-20": ("friday", "fri", "last friday"),
    "2026-11-19": ("last thursday",),
    "2026-11-05": (
        *("2026-11-05", "2026/11/05", "2026.11.05", "20261105", "5 nov", "nov 5", "5nov", "5-nov-2026", "5. Nov"),
        *("5th of November", "November 5th", "Nov 5th, 2026", "thu 5 nov", "Thursday, 5 November 2026", "5.11.2026"),
        "2026-W45-4",
        "2026w454",
    ),
    "2026-11-25 ": ("25/11/2026", "11/25/2026", "25-11-2026"),
    "2025-12-05": ("5 dec", "dec 5"),
    "2024-02-29": ("29 feb", "feb 29th"),
    "2026-11-23..2026-11-29": ("this week", "current week", "2026-W48", "w48", "week 48", "week 48 of 2026"),
    "2026-11-16..2026-11-22": ("last week", "previous week", "in the last week", "Last   WEEK", "2026w47"),
    "2026-11-09..2026-11-15": ("week before last", "the week before last"),
    "2025-12-08..2025-12-14": ("w50",),
    "2026-11-21..2026-11-22": ("weekend", "last weekend", "the weekend"),
    "2026-11": (
        "november",
        "nov",
        "this month",
        "this november",
        "2026-11",
        "2026/11",
        "11/2026",
        "nov 2026",
        "2026-nov",
    ),
    "2026-10": ("october", "last month", "in october", "Oct.", "last october", "October of 2026"),
    "2025-11": ("last november", "nov 2025", "2025 nov"),
    "2025-12": ("december", "dec", "last december"),
    "2026-09": ("sept", "september", "month before last"),
    "2026-05": ("may", "last may"),
    "2026": ("2026", "this year", "in 2026"),
    "2025": ("2025", "last year"),
    "2026-10..2026-12": ("q4", "this quarter", "2026-Q4"),
    "2026-07..2026-09": ("last quarter", "q3", "Q3 2026", "july..september", "2026-07..2026-09"),
    # moments, and what was since then
    "2026-11-26T09:08..": ("12h", "12 hours", "12 hours ago", "last 12 hours", "twelve hours ago"),
    "2026-11-26T20:08..": ("1h", "an hour ago", "last hour", "past hour", "60 min", "60 minutes"),
    "2026-11-26T19:38..": ("1h30m", "1h 30min", "90min", "1 hour and 30 minutes"),
    "2026-11-23T21:08..": ("3d", "3 days ago", "3 Days", "three days ago", "3days", "-3d", "- 3 days", "past 3 days"),
    "2026-11-19T21:08..": ("7d", "1w", "a week ago", "week ago", "past week", "last 7 days", "in the last 7 days"),
    "2026-11-12T21:08..": ("2w", "2 weeks ago", "2 wks", "a couple of weeks ago", "a fortnight ago", "14d", "２w"),
    "2026-11-16T21:08..": ("1w3d", "1 week 3 days", "1 week and 3 days ago"),
    "2026-08-26T21:08..": ("3m", "3 months", "3 months ago", "3mo", "three months", "a quarter ago", "last 3 months"),
    "2025-11-26T21:08..": ("1y", "1 year ago", "a year ago", "12 months", "past year"),
    "2025-05-26T21:08..": ("1y6m", "1 year 6 months", "18 months ago"),
    "2026-11-26T21:08:33..": ("now",),
    "2026-11-26T14:00..": ("14:00", "2pm", "2 pm", "today 14:00", "2026-11-26T14:00Z"),
    "2026-11-25T23:00..": ("23:00", "11pm", "yesterday at 23:00"),
    "2026-11-26T00:00:05..": ("00:00:05", "today 12:00:05 am"),
    "2026-11-05T14:00..": (
        *(
            "2026-11-05T14:00",
            "2026-11-05 14:00",
            "2026-11-05t14:00:00",
            "2026-11-05T14:00:00.123456Z",
            "20261105T140000Z",
        ),
        *(
            "2026-11-05T15:00+01:00",
            "2026-11-05T15:00:00+0100",
            "2026-11-05T15:00+01",
            "5 nov 2pm",
            "Thu, 05 Nov 2026 15:00:00 +0100",
            "Thu Nov  5 15:00:00 2026 +0100",
            "Thu Nov 5 14:00:00 UTC 2026",
            "2026-11-05T14",
        ),
    ),
    "2026-11-26T04:00..2026-11-26T11:59:59": ("this morning", "morning", "26 nov morning"),
    "2026-11-26T17:00..2026-11-26": ("this evening", "evening", "thursday evening"),
    "2026-11-26T18:00..2026-11-27T05:59:59": ("tonight", "this night", "night"),
    "2026-11-25T18:00..2026-11-26T05:59:59": ("last night", "yesterday night", "yesterday at night"),
    "2026-11-25T17:00..2026-11-25": ("yesterday evening", "last evening"),
    "2026-11-23T12:00..2026-11-23T17:59:59": ("monday afternoon",),
    "2026-11-25T12:00..": (
        "yesterday noon",
        "yesterday at noon",
        "noon yesterday",
        "12pm yesterday",
        "12:00 on wednesday",
    ),
    "2026-11-16 ": ("monday last week", "last week monday", "monday of last week", "last week on Monday"),
    "2026-11-10": ("tuesday of the week before last",),
    "2026-11-01": ("start of the month", "beginning of this month", "start of november", "1.11.", "01.11.26"),
    "2026-01-01": ("start of year", "beginning of the year", "start of 2026"),
    "2026-10-31": ("end of last month", "end of october", "31.10."),
    "2025-12-31": ("end of last year", "end of 2025", "31.12.25"),
    "2025-11 ": ("nov '25", "Nov ’25"),
    "2026-10..2026-12 ": ("Q4/2026", "2026/q4"),
    "2026-07..2026-12": ("h2", "H2 2026", "2026-H2"),
    "2026-11-20 ": ("fri.", "on Fri."),
    "2026-11-26T20:38..": ("half an hour ago", "0.5h"),
    "2026-11-26T19:38.. ": ("1.5h", "1.5 hours ago", "an hour and a half ago"),
    "2026-05-26T21:08..": ("half a year ago", "0.5 years"),
    "2026-11-23T09:08..": ("3.5d", "3.5 days ago"),
    "2026-11-23T21:08.. ": ("now-3d", "today-3d", "a few days ago", "the last few days"),
    "2026-11-13T21:08..": ("thirteen days ago",),
    "2026-11-14T21:08..": ("a dozen days ago",),
    "2026-11-26T21:00..": ("@1795726800", "@1795726800000"),
    # two of them
    "2026-11-23.. ": ("since monday", "from monday", "Since  Monday", "after sunday"),
    "2025-11..2025-12 ": ("nov. 2025 - dec. 2025", "from Nov. '25 to Dec. '25"),
    "1999": ("'99",),
    "..2026-11-25 ": ("until yesterday", "till wednesday", "before today"),
    "2026-11-23..2026-11-25 ": (
        "from monday to wednesday",
        "between monday and wednesday",
        "from monday until yesterday",
    ),
    "2026-11-23..": ("monday..", "this week.."),
    "..2026-11-25": ("..yesterday", "…yesterday", ".. yesterday"),
    "2026-01..2026-03": ("2026-01..2026-03", "2026-01 .. 2026-03", "jan…march", "2026-01...2026-03"),
    "2026-11-23..2026-11-25": ("monday to yesterday", "Mon - Wed", "23 nov – 25 nov"),
    "2026-08-26T21:08..2026-11-22": ("3 months ago..last week",),
    "2026-11-19T21:08..2026-11-23T21:08": ("7d..3d",),
}
"""What dates mean, as a filter shows it."""


@pytest.mark.parametrize(("shown", "typed"), [(shown, typed) for shown, many in STRETCHES.items() for typed in many])
def test_a_date_is_read_as_people_say_it(shown, typed):
    assert str(span(typed, NOW)) == shown.strip()


@pytest.mark.parametrize("shown", [shown.strip() for shown in STRETCHES if not shown.startswith("2026-11-26T00:00:05")])
def test_what_a_filter_shows_means_the_same_when_it_is_typed(shown):
    assert str(span(shown, NOW)) == shown


@pytest.mark.parametrize(
    "typed",
    [
        *("end of the month", "end of year", "this friday evening", "sunday of this week"),
        *("tomorrow", "Tomorrow", "the day after tomorrow", "next week", "next friday", "in 3 days", "3 days from now"),
        *("+3d", "this saturday", "this weekend", "this december", "in an hour"),
    ],
)
def test_what_lies_ahead_is_refused(typed):
    with pytest.raises(InvalidInput, match="is still to come") as caught:
        said(typed, NOW)
    assert FORMS in caught.value.hint


@pytest.mark.parametrize("typed", ["before 0001-01-01", "after 9999-12-31"])
def test_beyond_all_days_there_is_nothing_to_raise(typed):
    assert not span(typed, NOW).is_empty


def test_a_day_ahead_that_is_written_out_is_taken():
    assert str(span("2099-01-01", NOW)) == "2099-01-01"
    assert str(span("0001-01-02..9999-12-31", NOW)) == "0001-01-02..9999-12-31"


@pytest.mark.parametrize(
    "typed",
    [
        *(
            "",
            " ",
            "soon",
            "a while ago",
            "recently",
            "x",
            "7",
            "-",
            "d",
            "7dd",
            "3 mon",
            "3.5",
            "3.125d",
            "7x",
            "ago",
            "last",
        ),
        *("2026-13", "2026-13-01", "2026-02-30", "31 nov", "30 feb", "0 nov", "2026-W60", "2026-W00", "w99", "q5"),
        *("99999-01-01", "99999y", "999999999999d", "202611", "8080", "1234", "1700000000", "fri 5 nov", "13pm", "0am"),
        *("24:00", "12:60", "last week 9am", "monday monday", "2026-11-05T25:00", "\udcff", "\0", "nov" * 100, "٣"),
        "from" + " " * 20_000,  # an expression that tries each way to part the blanks takes days
        "from a" + " " * 100_000 + "to",
        *("2026-11-05T10:00+99:00", "05/11/2026", "11-05-2026", "2026-11/05"),
    ],
)
def test_what_is_no_date_is_refused_with_some_that_are(typed):
    for read in (said, span):
        with pytest.raises(InvalidInput, match="is not a date") as caught:
            read(typed, NOW)
        assert "write" in caught.value.hint or "say of what" in caught.value.hint


@pytest.mark.parametrize(
    ("typed", "hint"),
    [
        ("yesterdya", "did you mean yesterday?"),
        ("mondy", "did you mean monday?"),
        ("3", '3d, 3w, 3m or 3y; several words go in quotes: "3 days ago"'),
        ("05/11/2026", "it may be two days; write 2026-11-05"),
    ],
)
def test_a_slip_is_told_what_was_meant(typed, hint):
    with pytest.raises(InvalidInput) as caught:
        said(typed, NOW)
    assert hint in caught.value.hint


@pytest.mark.parametrize(("typed", "said_of"), [("..", "names no date"), ("nov..oct", "ends before it begins")])
def test_two_dates_that_are_no_stretch_are_refused(typed, said_of):
    with pytest.raises(InvalidInput, match=said_of):
        span(typed, NOW)


def test_two_dates_are_refused_where_one_is_wanted():
    with pytest.raises(InvalidInput, match="two dates where one is wanted"):
        said("2026-01..2026-03", NOW)


@pytest.mark.parametrize(
    ("now", "typed", "shown"),
    [
        ("2026-03-31T12:00", "1m", "2026-02-28T12:00.."),
        ("2024-03-31T12:00", "1 month ago", "2024-02-29T12:00.."),
        ("2024-02-29T12:00", "1y", "2023-02-28T12:00.."),
        ("2026-03-31T12:00", "last month", "2026-02"),
        ("2026-01-31T12:00", "last month", "2025-12"),
        ("2026-01-01T12:00", "yesterday", "2025-12-31"),
        ("2026-01-01T12:00", "this week", "2025-12-29..2026-01-04"),
        ("2026-01-01T12:00", "w53", "2025-12-29..2026-01-04"),
        ("2026-11-29T12:00", "sunday", "2026-11-29"),
        ("2026-11-29T12:00", "last weekend", "2026-11-21..2026-11-22"),
        ("2026-11-29T12:00", "this weekend", "2026-11-28..2026-11-29"),
        ("2026-11-30T12:00", "last monday", "2026-11-23"),
        ("2026-11-30T12:00", "monday", "2026-11-30"),
    ],
)
def test_the_ends_of_months_and_weeks(now, typed, shown):
    if typed == "w53":
        with pytest.raises(InvalidInput):
            span(typed, datetime.fromisoformat(f"{now}+00:00"))
    else:
        assert str(span(typed, datetime.fromisoformat(f"{now}+00:00"))) == shown


BERLIN, NEW_YORK, SAO_PAULO, AZORES, APIA = (
    "Europe/Berlin",
    "America/New_York",
    "America/Sao_Paulo",
    "Atlantic/Azores",
    "Pacific/Apia",
)


@pytest.mark.parametrize(
    ("place", "now", "typed", "start", "last"),
    [
        (BERLIN, "2026-10-26T12:00+01:00", "yesterday", "2026-10-24T22:00:00", "2026-10-25T22:59:59"),  # 25 hours
        (BERLIN, "2026-03-30T12:00+02:00", "yesterday", "2026-03-28T23:00:00", "2026-03-29T21:59:59"),  # 23 hours
        (BERLIN, "2026-10-26T12:00+01:00", "7d", "2026-10-19T10:00:00", None),  # the same time of day
        (BERLIN, "2026-10-25T12:00+01:00", "24h", "2026-10-24T11:00:00", None),  # a day of the clock is an hour less
        (BERLIN, "2026-10-26T12:00+01:00", "2026-10-25 02:30", "2026-10-25T00:30:00", None),  # comes twice
        (BERLIN, "2026-10-26T12:00+01:00", "2026-10-25T02:30+01:00", "2026-10-25T01:30:00", None),
        (BERLIN, "2026-03-30T12:00+02:00", "2026-03-29 02:30", "2026-03-29T01:30:00", None),  # is left out
        (BERLIN, "2026-11-01T00:30+01:00", "last month", "2026-09-30T22:00:00", "2026-10-31T22:59:59"),
        (BERLIN, "2026-11-01T00:30+01:00", "today", "2026-10-31T23:00:00", "2026-11-01T22:59:59"),
        (NEW_YORK, "2026-11-26T21:00-05:00", "today", "2026-11-26T05:00:00", "2026-11-27T04:59:59"),
        (NEW_YORK, "2026-11-26T21:00-05:00", "22:00", "2026-11-26T03:00:00", None),  # yesterday's
        (
            SAO_PAULO,
            "2018-11-05T12:00-02:00",
            "yesterday",
            "2018-11-04T03:00:00",
            "2018-11-05T01:59:59",
        ),  # begins at 01:00
        (AZORES, "2026-10-26T12:00-01:00", "yesterday", "2026-10-25T00:00:00", "2026-10-26T00:59:59"),  # midnight twice
        (APIA, "2012-01-01T12:00+14:00", "2011-12-31", "2011-12-30T10:00:00", "2011-12-31T09:59:59"),
    ],
)
def test_days_are_those_of_the_reader_also_where_clocks_are_moved(zone, place, now, typed, start, last):
    zone(place)
    found = span(typed, datetime.fromisoformat(now))
    wanted = [None if text is None else datetime.fromisoformat(f"{text}+00:00") for text in (start, last)]
    assert [found.start, found.last] == wanted
    assert span(str(found), datetime.fromisoformat(now)) == found


def test_a_day_that_never_was_is_none(zone):
    zone(APIA)
    with pytest.raises(InvalidInput, match="is not a date"):
        said("2011-12-30", NOW)


@settings(deadline=None, max_examples=200)
@given(st.text(max_size=30) | st.text(alphabet="0123456789-/.:wdmyth nov", max_size=16))
def test_whatever_is_typed_is_read_or_refused(text):
    try:
        found = span(text, NOW)
    except InvalidInput:
        return
    assert found.start is not None or found.last is not None
    assert span(str(found), NOW) == found


# as filters


def test_since_until_created_and_changed_are_the_ends_and_the_whole_of_a_date():
    filters = Filters.read({name: ["2026-10"] for name in ("since", "until", "created", "changed")})
    start, last = (datetime(2026, month, 1, tzinfo=timezone.utc) for month in (10, 11))
    last = datetime.fromtimestamp(last.timestamp() - 1, timezone.utc)
    assert (filters.since, filters.until) == (start, last)
    assert filters.created == filters.changed == Span(start, last)
    assert str(filters) == "since:2026-10-01 until:2026-10-31 created:2026-10 changed:2026-10"
    assert Filters(since=start, until=last, created=filters.created, changed=filters.changed) == filters
    assert Filters(until=last.date(), created="2026-10") == Filters.read(
        {"until": ["2026-10-31"], "created": ["oct 2026"]}
    )


@pytest.mark.parametrize(
    ("line", "said_of"),
    [
        ("since:2026-11 until:2026-10", "since:2026-11-01 lies after until:2026-10-31"),
        ("changed:2026-11 until:2026-10", "changed:2026-11 lies after until:2026-10-31"),
        ("since:2026-11 changed:2026-10", "since:2026-11-01 lies after changed:2026-10"),
        ("since:2026-10 until:2026-10", ""),
        ("since:2026-10 changed:2026-11 until:2026-12", ""),
        ("since:2026-11 created:2026-10", ""),
    ],
)
def test_dates_that_nothing_can_pass_are_named(line, said_of):
    parsed = parse_query(f"nginx {line}")
    assert (parsed.text, parsed.filters.contradiction) == ("nginx", said_of)
    typed = {key: [value] for key, _, value in (part.partition(":") for part in line.split())}
    if said_of:
        with pytest.raises(InvalidInput, match=said_of):
            Filters.read(typed)
    else:
        assert Filters.read(typed) == parsed.filters


@pytest.mark.parametrize(
    ("line", "text", "filters"),
    [
        ('a created:"3 days ago" b', "a b", {"created": "3 days ago"}),
        ("a created:3 days ago b", "a b", {"created": "3 days ago"}),
        ("a since:last week b", "a b", {"since": "last week"}),
        ("a since:yesterday 14:00 b", "a b", {"since": "yesterday 14:00"}),
        ("a since:yesterday b", "a b", {"since": "yesterday"}),
        ("a changed:last week..yesterday b", "a b", {"changed": "last week..yesterday"}),
        ("UNTIL:5 nov 2025", "", {"until": "5 nov 2025"}),
        ("since:a  couple of weeks ago x", "x", {"since": "a couple of weeks ago"}),
    ],
)
def test_a_date_in_a_line_is_as_many_words_as_can_be_one(line, text, filters):
    parsed = parse_query(line)
    assert parsed.text == text
    assert str(parsed.filters) == str(Filters(**filters))  # to the minute


@pytest.mark.parametrize(
    ("line", "text"),
    [
        ('"a since:3 days ago b"', "a since:3 days ago b"),
        ("since:3 files", "since:3 files"),
        ("until: monday", "until: monday"),
    ],
)
def test_what_is_no_date_stays_text(line, text):
    parsed = parse_query(line)
    assert (parsed.text, parsed.filters) == (text, Filters())


@pytest.mark.parametrize("word", ["changes:none", "creates:table", "create:x"])
def test_a_word_near_a_filter_of_dates_is_worth_a_note_only_before_a_date(word):
    assert parse_query(word).notes == ()
    assert "did you mean `changed:2026-01`?" in parse_query("changes:2026-01").notes[0]
