"""The one table of filters: what may narrow a search or a list. A filter is added here, and in the store that applies it.

The query line, options, the terminal UI and the tools for assistants read `FILTERS` (docs/adr/0012).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from dataclasses import fields as attributes_of
from datetime import date, datetime, timezone
from typing import Annotated, Any, get_type_hints

from rekall.entry import rules
from rekall.entry.spans import Span, last_text, start_text
from rekall.entry.types import EntryType, Status
from rekall.errors import InvalidInput

MOST_VALUES = 32
"""More values of one filter than a person types; SQLite bounds the depth of a condition."""


MOST_WORDS = 5
"""How many words of a line may be one date: `since:a couple of weeks ago`."""


def _start(text: str) -> datetime:
    """The first second of a date."""
    from rekall.entry.spoken_dates import said  # 3 ms that a search without dates does not pay

    return said(text, _now()).start


def _last(text: str) -> datetime:
    """The last second of a date."""
    from rekall.entry.spoken_dates import said

    return said(text, _now()).last


def _span(text: str) -> Span:
    """The stretch of time that a date is, or two with .. between."""
    from rekall.entry.spoken_dates import span

    return span(text, _now())


def _now() -> datetime:
    """The time at which something is typed."""
    return datetime.now(timezone.utc)


@dataclass(frozen=True, slots=True)
class Filter:
    """What there is to know of one filter.

    Attributes:
        key: Its name in a query line and as an option: `type:bug`, `--type bug`.
        help: What passes, one sentence; shown by options and tools.
        hint: How a value is written, in a few words.
        read: Makes a value of what a person typed; raises InvalidInput.
        shown: A value as it is typed.
        is_list: Whether several values may be given.
        values: The values there are, when they are a closed set.
        is_date: Whether a value is a date, or a stretch of time: of several words, also without quotes.
        short: The option's short form.
        metavar: What stands for a value in help.
        name: The attribute's own name.
    """

    key: str
    help: str
    hint: str
    read: Callable[[str], Any] = str
    shown: Callable[[Any], str] = str
    is_list: bool = False
    values: tuple[str, ...] = ()
    is_date: bool = False
    short: str = ""
    metavar: str = "TEXT"
    name: str = ""

    def texts(self, filters: Filters) -> tuple[str, ...]:
        """Its values as they are typed; empty when it is not set."""
        value = getattr(filters, self.name)
        values = value if self.is_list else () if value is None else (value,)
        return tuple(map(self.shown, values))


@dataclass(frozen=True, slots=True)
class Filters:
    """Conditions that every result meets; they apply before any limit."""

    types: Annotated[
        tuple[EntryType, ...],
        Filter(
            "type",
            "Only entries of this type; several match any of them.",
            "any of these, separated by commas",
            rules.entry_type,
            lambda value: value.value,
            is_list=True,
            values=tuple(kind.value for kind in EntryType),
            short="t",
            metavar="TYPE",
        ),
    ] = ()
    tags: Annotated[
        tuple[str, ...],
        Filter(
            "tag", "Only entries with all of these tags.", "all of these, separated by commas", rules.tag, is_list=True
        ),
    ] = ()
    project: Annotated[
        str | None, Filter("project", "Only entries of this project.", "exactly this one", short="p", metavar="NAME")
    ] = None
    since: Annotated[
        datetime | None,
        Filter(
            "since",
            "Only entries changed since then: 2026-01-31, monday, 7d.",
            "changed then or later: yesterday, 7d, 2026-01-31",
            _start,
            start_text,
            is_date=True,
            metavar="DATE",
        ),
    ] = None
    until: Annotated[
        datetime | None,
        Filter(
            "until",
            "Only entries not changed after then; a day or month counts to its end.",
            "changed then or before: friday, 2w, 2026-01",
            _last,
            last_text,
            is_date=True,
            metavar="DATE",
        ),
    ] = None
    created: Annotated[
        Span | None,
        Filter(
            "created",
            "Only entries written in this time: today, 2026-01, 7d, A..B.",
            "written then: today, 2026-01, 3m, or A..B",
            _span,
            str,
            is_date=True,
            metavar="WHEN",
        ),
    ] = None
    changed: Annotated[
        Span | None,
        Filter(
            "changed",
            "Only entries last changed in this time, as for created.",
            "last changed then: last week, 12h, or A..B",
            _span,
            str,
            is_date=True,
            metavar="WHEN",
        ),
    ] = None
    status: Annotated[
        Status | None,
        Filter(
            "status",
            "Only active, or only obsolete, entries.",
            "active or obsolete",
            rules.status,
            lambda value: value.value,
            values=tuple(status.value for status in Status),
            metavar="STATUS",
        ),
    ] = None

    def __post_init__(self) -> None:
        """Make firm what Python calls leave loose: lists, one value for several, choices and dates as text.

        Raises:
            InvalidInput: A value cannot be read, or there are more than `MOST_VALUES` of a filter.
        """
        for each in FILTERS:
            value = getattr(self, each.name)
            if value is None or value == ():
                continue
            value = value.isoformat() if isinstance(value, date) else value  # a datetime is one, too
            values = (value,) if isinstance(value, str) or not each.is_list else tuple(value)
            if len(values) > MOST_VALUES:
                raise InvalidInput(f"{len(values):,} values of {each.key}, the limit is {MOST_VALUES}")
            read = tuple(each.read(item) if isinstance(item, str) else item for item in values)
            object.__setattr__(self, each.name, read if each.is_list else read[0])

    @property
    def is_empty(self) -> bool:
        """True when every entry passes."""
        return self == Filters()

    @property
    def contradiction(self) -> str:
        """Why no entry can ever pass, or empty: `since` lies after `until`."""
        changed = self.changed or Span()
        starts = [(self.since, "since"), (changed.start, "changed")]
        lasts = [(self.until, "until"), (changed.last, "changed")]
        for start, one in starts:
            for last, other in lasts:
                if one != other and Span(start, last).is_empty:
                    later, earlier = (f"{key}:{BY_KEY[key].texts(self)[0]}" for key in (one, other))
                    return f"{later} lies after {earlier}"
        return ""

    @classmethod
    def read(cls, typed: Mapping[str, Iterable[str]]) -> Filters:
        """Filters from what a person typed, by the filters' names; of a single value the last one given holds.

        Raises:
            InvalidInput: A value cannot be read, and what there is to choose from is named; or no entry could ever pass.
        """
        filters = cls.from_line(typed)
        if filters.contradiction:
            raise InvalidInput(
                f"no entry can pass: {filters.contradiction}", "since takes the earlier date, until the later one"
            )
        return filters

    @classmethod
    def from_line(cls, typed: Mapping[str, Iterable[str]]) -> Filters:
        """The same from a query line, of which none is an error.

        Raises:
            InvalidInput: A value cannot be read.
        """
        values: dict[str, Any] = {}
        for each in FILTERS:
            given = [text for text in typed.get(each.name, ()) if text.strip()]
            given = given if each.is_list else given[-1:]
            read = tuple(dict.fromkeys(each.read(text) for text in given))
            if read:
                values[each.name] = read if each.is_list else read[-1]
        return cls(**values)

    def over(self, other: Filters) -> Filters:
        """These and others together; where both name a single value or a choice of types, these hold."""
        values: dict[str, Any] = {}
        for each in FILTERS:
            mine, theirs = getattr(self, each.name), getattr(other, each.name)
            if each.is_list and not each.values:  # all of them must hold
                values[each.name] = tuple(dict.fromkeys((*theirs, *mine)))
            else:
                values[each.name] = mine if mine not in (None, ()) else theirs
        return Filters(**values)

    def __str__(self) -> str:
        """The filters as one types them in a query line."""
        parts = ((each.key, text) for each in FILTERS for text in each.texts(self))
        return " ".join(f'{key}:"{text}"' if " " in text else f"{key}:{text}" for key, text in parts)


def _table() -> tuple[Filter, ...]:
    hints = get_type_hints(Filters, include_extras=True)
    return tuple(
        replace(hints[attribute.name].__metadata__[0], name=attribute.name) for attribute in attributes_of(Filters)
    )


FILTERS: tuple[Filter, ...] = _table()
"""Every filter."""

BY_KEY: Mapping[str, Filter] = {each.key: each for each in FILTERS}
