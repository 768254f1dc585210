"""Which notes of a project are worth an assistant's attention when a session begins, the best first."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import TYPE_CHECKING

from rekall.entry.fields import Entry
from rekall.entry.filters import Filters
from rekall.entry.types import EntryType, Status

if TYPE_CHECKING:
    from rekall.knowledge_base import KnowledgeBase

_LATEST = 60
"""How many of the latest notes are looked at, and how many of the latest of the types that matter most."""

_WORTH = {
    EntryType.PITFALL: 3.0,
    EntryType.DECISION: 3.0,
    EntryType.PATTERN: 2.0,
    EntryType.CONFIG: 2.0,
    EntryType.BUG: 1.5,
    EntryType.REFERENCE: 1.0,
    EntryType.SNIPPET: 1.0,
    EntryType.TIL: 1.0,
}
"""What holds for everything that is done next counts more than what was right once."""

_EACH_CONFIDENCE = 0.6
_NEW, _HALF_LIFE_DAYS = 3.0, 60.0


def notes_for(base: KnowledgeBase, project: str, now: datetime) -> tuple[list[Entry], int]:
    """The notes of a project that still hold, those that matter most first, and how many there are."""
    of_it = Filters(project=project, status=Status.ACTIVE)
    latest = base.list_entries(of_it, limit=_LATEST)
    first = Filters(project=project, status=Status.ACTIVE, types=(EntryType.PITFALL, EntryType.DECISION))
    entries: Iterable[Entry] = latest.entries
    if latest.total > len(latest.entries):
        entries = (*latest.entries, *base.list_entries(first, limit=_LATEST).entries)
    found = {entry.id: entry for entry in entries}
    return sorted(found.values(), key=lambda entry: worth(entry, now), reverse=True), latest.total


def worth(entry: Entry, now: datetime) -> float:
    """How much a note matters: what it is, how sure its author was, and how new it is."""
    age_days = max((now - entry.updated_at).total_seconds() / 86_400, 0.0)
    newness: float = 0.5 ** (age_days / _HALF_LIFE_DAYS)
    return _WORTH[entry.type] + _EACH_CONFIDENCE * entry.confidence + _NEW * newness
