"""What was looked for and not found, and what is read most: what the lookup log says when it is looked at as a whole."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from rekall.knowledge.lookups import Lookups, Opened, Search, Use
from rekall.knowledge.statements import about
from rekall.search.results import Match

SOON = timedelta(minutes=10)
"""Who reads an entry so soon after a search, from the same place, found it by that search."""


@dataclass(frozen=True, slots=True)
class Unfound:
    """Something that was looked for and not found.

    Attributes:
        query: As it was typed last.
        times: How often, in any words that come to the same.
        last: When last.
    """

    query: str
    times: int
    last: datetime


@dataclass(frozen=True, slots=True)
class LookedFor:
    """What a lookup log says.

    Attributes:
        since: When its oldest line was written; None where there is none.
        searches: How many searches there are.
        readings: How often entries were read.
        unfound: What was looked for and not found, what was looked for most often first.
        used: The ids of the entries that were read most, with how often and when last.
    """

    since: datetime | None
    searches: int
    readings: int
    unfound: tuple[Unfound, ...]
    used: tuple[tuple[str, Use], ...]


def looked_for(lookups: Lookups) -> LookedFor:
    """What was looked for and read."""
    noted = list(lookups.all())
    searches = [each for each in noted if isinstance(each, Search)]
    readings = [each for each in noted if isinstance(each, Opened)]
    since = noted[0].at if noted else None
    return LookedFor(since, len(searches), len(readings), tuple(_unfound(noted)), tuple(_used(readings)))


def _unfound(noted: Iterable[Search | Opened]) -> list[Unfound]:
    """Queries that found nothing close, of which nothing was read soon after, and that found nothing later either."""
    times: Counter[frozenset[str]] = Counter()
    latest: dict[frozenset[str], Search] = {}
    waiting: dict[str, tuple[frozenset[str], Search]] = {}

    def settle(place: str) -> None:
        """Count the last search from a place as one that found nothing."""
        if place in waiting:
            key, search = waiting.pop(place)
            times[key] += 1
            latest[key] = search

    for each in noted:
        if isinstance(each, Opened):
            pending = waiting.get(each.session)
            if pending is not None and each.at - pending[1].at <= SOON:
                del waiting[each.session]
            continue
        settle(each.session)
        key = about(each.query)
        if not key:
            continue
        if each.hits and each.best != Match.WEAK.value:  # it is there by now
            times.pop(key, None)
            latest.pop(key, None)
        else:
            waiting[each.session] = (key, each)
    for place in list(waiting):
        settle(place)
    found = [Unfound(latest[key].query, number, latest[key].at) for key, number in times.items()]
    return sorted(found, key=lambda each: (-each.times, -each.last.timestamp(), each.query))


def _used(readings: Iterable[Opened]) -> list[tuple[str, Use]]:
    found: dict[str, Use] = {}
    for each in readings:
        for entry_id in each.ids:
            before = found.get(entry_id)
            found[entry_id] = Use(before.times + 1 if before else 1, each.at)
    return sorted(found.items(), key=lambda item: (-item[1].times, -item[1].last.timestamp(), item[0]))
