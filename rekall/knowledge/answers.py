"""What every door answers as JSON: one shape for a thing, whichever command or tool says it (docs/json.md)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from rekall.entry.fields import EDITED, FIELDS, Entry
from rekall.entry.record import draft_record, link_record
from rekall.entry.times import written
from rekall.entry.types import Link, Reference, Tombstone
from rekall.entry.view import EntryView
from rekall.search.results import Hit, ModeReport, SearchResult

if TYPE_CHECKING:  # a search needs none of it
    from rekall.entry.secrets import Secret

SUMMARY = ("id", "type", "title", "tags", "project", "status", "superseded_by", "updated_at")
"""The fields that name an entry among others."""

NULLABLE = tuple(field.name for field in EDITED if field.default is None and not field.is_required)
"""The fields that are null when an entry has none."""


def reference(named: Reference | None) -> dict[str, str] | None:
    """An entry that another one names."""
    return {"id": named.id, "title": named.title} if named else None


def link(made: Link) -> dict[str, str]:
    """A link, the same from both of its ends."""
    return link_record(made)


def entry(shown: Entry, successor: Reference | None, links: Sequence[Link] | None = None) -> dict[str, Any]:
    """An entry in full, empty fields included.

    Args:
        shown: The entry.
        successor: What is to be read instead.
        links: Its links in both directions; None leaves them out.
    """
    said = {name: _nulled(name, value) for name, value in draft_record(shown).items()}
    said |= {"superseded_by": reference(successor)}
    said |= {} if links is None else {"links": [link(each) for each in links]}
    return {**said, "content": shown.content}


def view(shown: EntryView) -> dict[str, Any]:
    """An entry in full with its links, and where it was imported from."""
    said = entry(shown.entry, shown.successor, [line.link for line in shown.links])
    return {**said, "origin": shown.origin or None}


def secrets(found: Sequence[Secret]) -> list[dict[str, Any]]:
    """What looks like keys and tokens; never what they are."""
    return [
        {
            "looks_like": each.kind,
            "field": each.field,
            "line": each.line,
            "begins": each.begins,
            "masked": each.is_masked,
        }
        for each in found
    ]


def summary(shown: Entry, successor: Reference | None) -> dict[str, Any]:
    """An entry among others."""
    named = draft_record(shown, [field for field in FIELDS if field.name in SUMMARY])
    said = {name: _nulled(name, named[name]) for name in SUMMARY}
    return said | {"superseded_by": reference(successor)}


_PARTS = ("clear", "near", "pieces", "pairs", "whole", "keywords", "lacking", "feedback", "crowding", "near_project")
"""What else a score is added up from (docs/adr/0017)."""


def hit(found: Hit, *, explain: bool = False) -> dict[str, Any]:
    """A search hit: which entry, how sure and how good, and why; with `explain` every part of its score."""
    why = found.why
    said = summary(found.entry, found.successor)
    said |= {"base": found.base} if found.base else {}
    said |= {"match": found.match.value if found.match else None}
    said |= {"score": figure(found.score), "similarity": figure(why.similarity), "snippet": found.snippet}
    said["why"] = {
        "coverage": figure(why.coverage),
        "words_rank": why.words_rank,
        "matched": list(why.matched),
        "lacks": list(why.lacks),
        "exact_title": why.exact_title,
        "head": figure(why.head),
        "best_passage": figure(why.best_passage),
        "meaning_rank": why.meaning_rank,
        **{other.leg: {"score": figure(other.score), "rank": other.rank} for other in why.others},
    }
    if explain:
        said["why"]["parts"] = {name: figure(getattr(why, name)) for name in _PARTS}
    return said


def mode(report: ModeReport) -> dict[str, str | None]:
    """How a search was answered."""
    return {"requested": report.requested.value, "used": report.used.value, "reason": report.reason or None}


def result(found: SearchResult, *, explain: bool = False) -> dict[str, Any]:
    """The answer to a search.

    Args:
        found: The answer.
        explain: Also say what each stage did, and every part of the scores.
    """
    said: dict[str, Any] = {
        "query": found.query,
        "filters": str(found.filters) or None,
        "notes": list(found.notes),
        "mode": mode(found.mode),
        "nothing_close": found.nothing_close,
        "weaker": len(found.weaker),
        "hits": [hit(each, explain=explain) for each in found.hits],
    }
    if found.left_out:
        said["left_out"] = left_out(found)
    if found.bases:
        said["bases"] = [{"name": each.name, "hits": each.hits, "reason": each.reason or None} for each in found.bases]
    if found.repaired:
        said["repaired"] = [{"typed": each.typed, "searched": each.searched} for each in found.repaired]
    if explain:
        said["stages"] = [
            {"name": stage.name, "did": stage.did, "took_s": round(stage.took_s, 6)} for stage in found.stages
        ]
    return said


def left_out(found: SearchResult) -> list[dict[str, Any]]:
    """The texts that a line leaves out."""
    return [{"text": each.text, "entries": each.entries} for each in found.left_out]


def tombstone(left: Tombstone) -> dict[str, str]:
    """What is left of a deleted entry."""
    return {"id": left.id, "type": left.type.value, "title": left.title, "deleted_at": written(left.deleted_at)}


def _nulled(name: str, value: Any) -> Any:
    return None if name in NULLABLE and value == "" else value


def figure(value: float | None) -> float | None:
    """A measure, not longer than it means something."""
    return None if value is None else round(value, 6)
