"""Why a hit stands where it stands, and what each stage of a search did, in the words that every door uses."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # `rekall --help` says nothing about entries
    from rekall.search.results import Hit, SearchResult, StageReport

MODE_WORDS = {"hybrid": "words and meaning", "words": "words", "meaning": "meaning"}
"""What a search went by, by the value of its mode."""

BETWEEN = " · "
"""What stands between two parts of a reason."""

_WORDS = 6
"""Words that a reason names; a pasted text has dozens."""

_LEAST_COVERAGE = 0.0005
"""Less comes from words that every other entry has."""

_SHOWN = 0.0005
"""Less would be shown as nothing."""

NOTHING_CLOSE = "nothing here is about this"
"""What stands before hits of which none is likely."""


def left_out_text(found: SearchResult) -> str:
    """How many hits were set aside as less sure than was asked for: `3 likely and 7 weak hits left out`; may be empty."""
    if not found.weaker:
        return ""
    count: dict[str, int] = {}
    for hit in found.weaker:
        name = hit.match.value if hit.match else ""
        count[name] = count.get(name, 0) + 1
    counts = " and ".join(f"{number} {name}" for name, number in count.items())
    return f"{counts} hit{'s' if len(found.weaker) > 1 else ''} left out"


def why_line(hit: Hit) -> str:
    """Why a hit stands where it stands, on one line."""
    return BETWEEN.join(why_parts(hit))


def why_in_words(hit: Hit) -> str:
    """Why a hit was found, on one line and without figures."""
    why = hit.why
    parts = [hit.match.value] if hit.match else []
    if why.exact_title:
        parts.append("exact title")
    if why.matched and why.coverage >= _LEAST_COVERAGE:
        parts.append(f"words: {_some(why.matched)}")
    if why.lacks:
        parts.append(f"without {_some(why.lacks)}")
    if why.meaning_rank:
        parts.append("near in meaning")
    return BETWEEN.join(parts) or "found"


def why_parts(hit: Hit) -> list[str]:
    """Why a hit stands where it stands, part by part: its score, and what it consists of."""
    why = hit.why
    parts = [f"score {hit.score:.3f}"]
    if why.exact_title:
        parts.append("exact title, so first")
    if why.coverage >= _LEAST_COVERAGE:
        parts.append(
            f"words {why.coverage:.3f} ({': '.join(filter(None, (_place(why.words_rank), _some(why.matched))))})"
        )
    if why.lacks:
        parts.append(f"without {_some(why.lacks)}, so not strong")
    if why.similarity is not None and why.head is not None and why.best_passage is not None:
        further = f"; head {why.head:.3f}, best passage {why.best_passage:.3f}" if why.best_passage > why.head else ""
        parts.append(f"meaning {why.similarity:.3f} ({_place(why.meaning_rank)}{further})")
    elif why.near is not None:
        parts.append(f"meaning estimated {why.near:.3f}, no vector yet")
    if why.near is not None or why.similarity is None:  # by meaning alone the spelling counts nothing
        spelt = (
            ("pieces of words", why.pieces),
            ("words side by side", why.pairs),
            ("the whole line", why.whole),
            ("all words", why.keywords),
        )
        parts += [f"{name} {value:.3f}" for name, value in spelt if value and value >= _SHOWN]
    moved = (("near the best", why.feedback), ("crowd", -why.crowding), ("this project", why.near_project))
    parts += [f"{name} {value:+.3f}" for name, value in moved if abs(value) >= _SHOWN]
    parts += [f"{other.leg} {other.score:.3f}" + (f" (#{other.rank})" if other.rank else "") for other in why.others]
    return parts


def _place(rank: int | None) -> str:
    return f"#{rank}" if rank else "beyond the first candidates"


def _some(words: Sequence[str]) -> str:
    """The first of some words, and how many more there are."""
    more = f" and {len(words) - _WORDS} more" if len(words) > _WORDS else ""
    return ", ".join(words[:_WORDS]) + more


def stage_line(stage: StageReport) -> str:
    """What a stage of a search did and how long it took."""
    return f"{stage.name}: {stage.did}, {stage.took_s * 1000:.1f} ms"
