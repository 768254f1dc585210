"""Notes that seem to hold no longer, each with its reasons in plain words; whether they do, a person says (`review`)."""

from __future__ import annotations

import enum
import heapq
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from rekall.entry.fields import Entry
from rekall.entry.filters import Filters
from rekall.entry.times import local_day
from rekall.entry.types import LinkType, Status
from rekall.knowledge import review_memory as memories
from rekall.knowledge.gone_files import Places, source_is_gone
from rekall.knowledge.old_versions import Versions, subjects
from rekall.knowledge.past_dates import passed
from rekall.store.reviews import Review
from rekall.store.values import Selection

if TYPE_CHECKING:
    from rekall.store.contract import Store

_AT_ONCE = 500
_OLD = 4.0
"""Of the days after which its type is reviewed first, so many make a note old."""

_UNSURE = 1
_LOOKED_DAYS = 90
"""For so long must be known what was searched for before it says anything that a note was not found."""

_MOST_FILES = 3


class Sign(str, enum.Enum):
    """What makes a note seem stale."""

    FILE_GONE = "file_gone"
    FILE_MOVED = "file_moved"
    DATE_PASSED = "date_passed"
    OLD_VERSION = "old_version"
    SUPERSEDED = "superseded"
    SOURCE_GONE = "source_gone"
    UNSURE = "unsure"
    NEVER_FOUND = "never_found"
    OLD = "old"


_WEIGHTS: Mapping[Sign, float] = {
    Sign.FILE_GONE: 3.0,
    Sign.DATE_PASSED: 3.0,
    Sign.OLD_VERSION: 3.0,
    Sign.SUPERSEDED: 2.5,
    Sign.FILE_MOVED: 2.0,
    Sign.SOURCE_GONE: 2.0,
    Sign.UNSURE: 1.5,
    Sign.NEVER_FOUND: 1.0,
    Sign.OLD: 1.0,
}
_SETTLED_BY_REVIEW = frozenset({Sign.DATE_PASSED, Sign.OLD_VERSION, Sign.UNSURE, Sign.NEVER_FOUND, Sign.OLD})
"""What a person has answered who said that a note holds; it is said again when the note is due again."""


class UseLog(Protocol):
    """What was found and read, and since when that is known."""

    def since(self) -> datetime | None:
        """When it begins; None where nothing is kept."""
        ...

    def found(self, ids: Collection[str]) -> Mapping[str, object]:
        """What of these was found."""
        ...

    def opened(self, ids: Collection[str]) -> Mapping[str, object]:
        """What of these was read."""
        ...


@dataclass(frozen=True, slots=True)
class Reason:
    """Why a note seems stale: what was seen, and what to do."""

    sign: Sign
    text: str
    hint: str


@dataclass(frozen=True, slots=True)
class Stale:
    """A note with its reasons.

    Attributes:
        entry: The note.
        reasons: Why, the strongest first.
        seen_at: When it was written, changed or reviewed last.
    """

    entry: Entry
    reasons: tuple[Reason, ...]
    seen_at: datetime

    @property
    def weight(self) -> float:
        """How much speaks against it."""
        return sum(_WEIGHTS[reason.sign] for reason in self.reasons)


@dataclass(frozen=True, slots=True)
class Found:
    """The worst of them, and how many there are in all."""

    entries: tuple[Stale, ...]
    total: int


@dataclass(frozen=True, slots=True)
class Around:
    """What is looked at beside the notes.

    Attributes:
        here: The folder one stands in.
        project: The project of that folder.
        log: What was searched for.
        signs: What is looked for.
    """

    here: Path | None = None
    project: str | None = None
    log: UseLog | None = None
    signs: frozenset[Sign] = frozenset(Sign)


class Finder:
    """Looks for notes that seem stale."""

    def __init__(self, store: Store, now: datetime, around: Around) -> None:
        """Look at nothing yet."""
        self._store = store
        self._now = now
        self._places = Places(around.here, around.project)
        self._log = around.log
        self._signs = around.signs

    def find(self, filters: Filters, most: int | None) -> Found:
        """The notes that pass and seem stale, the worst first; of equal ones what was not looked at longest."""
        if filters.status is Status.OBSOLETE:
            return Found((), 0)
        with self._store.snapshot():
            versions = self._versions() if Sign.OLD_VERSION in self._signs else Versions()
            keys = self._store.entries.keys(Selection(replace(filters, status=Status.ACTIVE)))
            found = [each for each in self._all(keys, versions) if each.reasons]
        worst = heapq.nsmallest(
            len(found) if most is None else most, found, key=lambda each: (-each.weight, each.seen_at, each.entry.id)
        )
        return Found(tuple(worst), len(found))

    def _versions(self) -> Versions:
        names: set[str] = set()
        for _, entry in self._store.entries.stream():
            names |= subjects(entry)
        versions = Versions(names)
        for _, entry in self._store.entries.stream() if names else ():
            if entry.status is Status.ACTIVE:
                versions.add(entry)
        return versions

    def _all(self, keys: list[int], versions: Versions) -> Iterator[Stale]:
        """Each note with its reasons, some hundreds read at a time."""
        here = Versions()
        if self._places.top is not None:
            here.add_files(self._places.top)
        since = self._log.since() if self._log is not None and Sign.NEVER_FOUND in self._signs else None
        used = self._used() if since is not None else frozenset()
        for first in range(0, len(keys), _AT_ONCE):
            part = keys[first : first + _AT_ONCE]
            entries = self._store.entries.by_keys(part)
            reviews = self._store.reviews.of(part)
            replaced = self._replaced(part)
            for key in (key for key in part if key in entries):
                entry = entries[key]
                reasons = [
                    *self._of_files(entry, key),
                    *self._of_versions(entry, versions, here),
                    *replaced.get(entry.id, ()),
                    *self._of_time(entry, reviews.get(key), None if entry.id in used else since),
                ]
                yield self._weighed(entry, reviews.get(key), reasons)

    def _weighed(self, entry: Entry, review: Review | None, reasons: list[Reason]) -> Stale:
        """A note with those reasons that are asked for, and that a review has not settled."""
        is_settled = (
            review is not None and review.times > 0 and (review.due_at is None or review.due_at > self._now)
        ) and entry.updated_at <= (review.reviewed_at or entry.updated_at)
        kept = [
            each
            for each in reasons
            if each.sign in self._signs and not (is_settled and each.sign in _SETTLED_BY_REVIEW)
        ]
        kept.sort(key=lambda each: -_WEIGHTS[each.sign])
        return Stale(entry, tuple(kept), self._seen_at(entry, review))

    def _seen_at(self, entry: Entry, review: Review | None) -> datetime:
        reviewed = review.reviewed_at if review is not None and review.times else None
        return max(filter(None, (entry.updated_at, reviewed)))

    def _of_files(self, entry: Entry, key: int) -> Iterator[Reason]:
        """What is to be said of the files that a note is about, and of the one it was imported from."""
        found = self._store.origins.of(key)
        origin = found.path if found else ""
        gone = list(self._places.gone(entry, origin)) if entry.files else []
        for each in gone[:_MOST_FILES]:
            if each.moved_to:
                yield Reason(
                    Sign.FILE_MOVED, f"{each.path} is now {each.moved_to}", "name the new path: `rekall edit ID`"
                )
            else:
                yield Reason(
                    Sign.FILE_GONE, f"{each.path} is gone", "see whether it still holds without it: `rekall review ID`"
                )
        if len(gone) > _MOST_FILES:
            yield Reason(Sign.FILE_GONE, f"so are {len(gone) - _MOST_FILES} more of its files", "`rekall review ID`")
        if source_is_gone(origin):
            text = f"the file it was imported from is gone: {origin}"
            yield Reason(Sign.SOURCE_GONE, text, "import it from where it is now, or `rekall delete ID`")

    def _of_versions(self, entry: Entry, versions: Versions, here: Versions) -> Iterator[Reason]:
        """What is to be said of the versions that a note is about."""
        later = versions.later_than(entry)
        if later is None and self._places.is_here(entry):
            later = here.later_than(entry)
        if later is not None:
            where = f"{later.where!r} names" if " " in later.where else f"{later.where} names"
            text = f"it is about {later.name} {later.number}, and {where} {later.later}"
            yield Reason(Sign.OLD_VERSION, text, "bring it up to date, or `rekall review ID --outdated --by OTHER`")

    def _of_time(self, entry: Entry, review: Review | None, unused_since: datetime | None) -> Iterator[Reason]:
        """What time has done to a note."""
        seen_at, now = self._seen_at(entry, review), self._now
        said = passed("\n".join((entry.title, entry.situation, entry.solution, entry.content)), seen_at, now)
        if said:
            yield Reason(
                Sign.DATE_PASSED, f"it says {said!r}, which has passed", "`rekall edit ID`, or `rekall review ID`"
            )
        month = timedelta(days=memories.LEAST_DAYS)
        if entry.confidence <= _UNSURE and now - seen_at > 2 * month:
            text = f"you were not sure of it: confidence {entry.confidence} of 5"
            yield Reason(Sign.UNSURE, text, "`rekall edit ID --confidence 4` once you know")
        if unused_since is not None and max(unused_since, entry.updated_at) < now - timedelta(days=_LOOKED_DAYS):
            text = f"no search has found it since {local_day(max(unused_since, entry.updated_at))}"
            yield Reason(Sign.NEVER_FOUND, text, "say in its title what one would search for, or delete it")
        if memories.first_memory(entry.type, seen_at).age(now) >= _OLD:
            text = f"not changed or reviewed since {local_day(seen_at)}"
            yield Reason(Sign.OLD, text, "`rekall review ID`")

    def _used(self) -> frozenset[str]:
        """What was found or read; the log is read once for all."""
        assert self._log is not None
        ids = frozenset(self._store.entries.ids_in_order())
        return frozenset((*self._log.found(ids), *self._log.opened(ids)))

    def _replaced(self, keys: list[int]) -> dict[str, list[Reason]]:
        """What is to be said of notes that build on what is superseded, by their ids."""
        links = self._store.links.starting_at(keys)
        targets = {link.target for of_one in links.values() for link in of_one if _builds_on(link.type)}
        obsolete = {
            each.id: each
            for each in self._store.entries.by_ids(targets).values()
            if each.status is Status.OBSOLETE and each.superseded_by
        }
        titles = self._store.entries.titles(each.superseded_by or "" for each in obsolete.values())
        found: dict[str, list[Reason]] = {}
        for entry_id, of_one in links.items():
            linked = {link.target for link in of_one}
            for link in of_one:
                old = obsolete.get(link.target)
                if old is None or not _builds_on(link.type) or old.superseded_by in {*linked, entry_id}:
                    continue
                text = f"it builds on {old.title!r}, which {titles.get(old.superseded_by or '', 'another one')!r} supersedes"
                hint = f"see whether it still holds, and `rekall link ID {old.superseded_by}`"
                found.setdefault(entry_id, []).append(Reason(Sign.SUPERSEDED, text, hint))
        return found


def _builds_on(kind: LinkType) -> bool:
    return kind in (LinkType.RELATED, LinkType.DERIVED_FROM)
