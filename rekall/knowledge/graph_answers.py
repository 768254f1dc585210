"""What is said of an entry's surroundings as JSON; see `answers`."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from rekall.entry.fields import Draft, Entry
from rekall.entry.record import draft_record
from rekall.entry.types import Reference
from rekall.entry.view import LinkLine
from rekall.knowledge import answers
from rekall.knowledge.generalizing import Group
from rekall.knowledge.graph import Around, Related, Step
from rekall.knowledge.suggesting import Suggestion


def related(found: Related, most: int) -> dict[str, Any]:
    """What bears on an entry; at most so many linked ones."""
    return {
        **around(found.around, most),
        "near": [
            {**answers.summary(hit.entry, hit.successor), "similarity": answers.figure(hit.why.similarity)}
            for hit in found.near
        ],
        "why_no_near": found.why_no_near or None,
    }


def around(found: Around, most: int) -> dict[str, Any]:
    """What is linked around an entry; at most so many of them."""
    titles = _titles(found)
    return {
        "entry": _summary(found.entry, titles),
        "linked_total": len(found.steps),
        "linked": [_step(step, titles) for step in found.steps[:most]],
    }


def _step(step: Step, titles: dict[str, str]) -> dict[str, Any]:
    return {
        **_summary(step.entry, titles),
        "distance": step.distance,
        "through": answers.reference(Reference(step.through, titles.get(step.through, ""))),
        "links": list(links(step.lines)),
    }


def links(lines: Iterable[LinkLine]) -> Iterable[dict[str, str]]:
    """Links, each with how the entry before bears on the one that is told."""
    return ({**answers.link(line.link), "said": line.phrase} for line in lines)


def _summary(entry: Entry, titles: dict[str, str]) -> dict[str, Any]:
    after = entry.superseded_by
    return answers.summary(entry, Reference(after, titles.get(after, "")) if after else None)


def _titles(found: Around) -> dict[str, str]:
    return {each.id: each.title for each in (found.entry, *(step.entry for step in found.steps))}


def draft(made: Draft) -> dict[str, Any]:
    """A draft that is not stored."""
    return {name: value for name, value in draft_record(made).items() if value not in ("", [], None)}


def group(found: Group) -> dict[str, Any]:
    """Entries that are all near each other, with what they share."""
    return {
        "entries": [answers.summary(entry, None) for entry in found.entries],
        "least_similarity": answers.figure(found.least),
        "shared": {
            name: list(getattr(found.shared, name))
            for name in ("words", "tags", "projects", "keywords", "files", "error_messages")
        },
    }


def suggestion(found: Suggestion) -> dict[str, Any]:
    """A link worth making."""
    return {
        "source": answers.summary(found.source, None),
        "target": answers.summary(found.target, None),
        "reasons": list(found.reasons),
        "score": answers.figure(found.score),
        "similarity": answers.figure(found.similarity),
    }
