"""One ranking of what several bases answer to one query; pure.

Similarities above an unrelated entry's, in units that hold for every base, and coverage compare across bases (docs/adr/0017). Each
base keeps the order it gave: of the hits that come first, the best is taken, then the next.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from rekall.entry.fields import Entry
from rekall.entry.types import Status
from rekall.search.meaning import ESTIMATE_AT, ESTIMATE_PER_COVERAGE
from rekall.search.results import AskedBase, Hit, Mode, SearchResult


@dataclass(frozen=True, slots=True)
class Answered:
    """What a base answered.

    Attributes:
        name: What it is called; empty for the one that was asked first.
        result: Its answer.
    """

    name: str
    result: SearchResult


def merged(
    first: SearchResult, others: Sequence[Answered], away: Sequence[AskedBase], limit: int, share: float
) -> SearchResult:
    """One answer of several.

    What several bases hold, and what says the same in all of them, is a hit once: of the base that was asked first.

    Args:
        first: The answer of the base that was asked first; how the line was read is its to say.
        others: Those of the others.
        away: Bases that gave none, and why.
        limit: The most hits.
        share: Weight of words beside meaning, as in a hybrid score.
    """
    answers = [Answered("", first), *others]
    used = {each.result.mode.used for each in answers if each.result.hits}
    ranked = [_Ranked(each, share, is_mixed=len(used) > 1) for each in answers]
    hits = list(_each_once(_in_turn(ranked)))[:limit]
    said = [
        AskedBase(each.name, len(each.result.hits), _from_afar(each.result.mode.reason, each.name)) for each in others
    ]
    return replace(
        first,
        hits=tuple(hits),
        weaker=tuple(replace(hit, base=each.name) for each in answers for hit in each.result.weaker),
        bases=tuple(sorted((*said, *away), key=lambda each: each.name)),
    )


class _Ranked:
    """The hits of a base in its order, each with what it is compared by."""

    def __init__(self, answered: Answered, share: float, *, is_mixed: bool) -> None:
        result = answered.result
        self.hits = [replace(hit, base=answered.name) for hit in result.hits]
        by_words = is_mixed and result.mode.used is Mode.WORDS
        figures = [_as_hybrid(hit, share) if by_words else hit.score for hit in self.hits]
        best = float("-inf")
        for place in range(len(figures) - 1, -1, -1):  # what was put before a better one counts as much
            best = figures[place] = max(best, figures[place])
        one_word = len(result.query.split()) == 1 and not by_words
        self.keys = [_key(hit, figure, one_word=one_word) for hit, figure in zip(self.hits, figures)]
        self.at = 0


def _key(hit: Hit, figure: float, *, one_word: bool) -> tuple[Any, ...]:
    """What of two first hits tells which goes before the other; the larger does."""
    holds = hit.entry.status is not Status.OBSOLETE
    return hit.why.exact_title and holds, one_word and hit.why.holds_all and holds, figure, hit.entry.updated_at


def _as_hybrid(hit: Hit, share: float) -> float:
    """The score of a hit by words alone as it would be where meaning answers: it is taken to be as near as its words let expect."""
    return hit.score + ESTIMATE_AT + (ESTIMATE_PER_COVERAGE + share - 1.0) * hit.why.coverage


def _in_turn(ranked: Sequence[_Ranked]) -> Iterator[Hit]:
    """Every hit, the better one of those that come next; of equals that of the base that was asked first."""
    while True:
        waiting = [each for each in ranked if each.at < len(each.hits)]
        if not waiting:
            return
        best = max(waiting, key=lambda each: each.keys[each.at])
        yield best.hits[best.at]
        best.at += 1


def _each_once(hits: Iterator[Hit]) -> Iterator[Hit]:
    """The hits without those that another base says in the same words."""
    every = list(hits)
    told: dict[tuple[str, str], list[Hit]] = {}
    for hit in every:
        if not hit.base:
            told.setdefault((hit.entry.title, hit.entry.content), []).append(hit)
    for hit in every:
        if hit.base:
            alike = told.setdefault((hit.entry.title, hit.entry.content), [])
            if any(each.base != hit.base and _says_the_same(each.entry, hit.entry) for each in alike):
                continue
            alike.append(hit)
        yield hit


def _says_the_same(one: Entry, other: Entry) -> bool:
    """Whether two entries say the same, whoever wrote them down and when: two may have imported one note."""
    theirs = replace(other, id=one.id, created_at=one.created_at, updated_at=one.updated_at)
    return replace(theirs, superseded_by=one.superseded_by) == one


def _from_afar(reason: str, name: str) -> str:
    """What a base says of its answer, with its commands as they are typed for a base of a name."""
    return reason.replace("`rekall ", f"`rekall -b {name} ")
