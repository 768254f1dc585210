"""Why a hit stands where it stands, and what each stage of a search did, in the words that every door uses."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:  # `rekall --help` says nothing about entries
    from rekall.search.results import Hit, SearchResult, StageReport

MODE_WORDS = {"hybrid": "words and meaning", "words": "words", "meaning": "meaning"}
"""What a search went by, by the value of its mode."""


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
    """Why a hit stands where it stands."""
    why = hit.why
    parts = [f"score {hit.score:.3f}"]
    if why.exact_title:
        parts.append("exact title, so first")
    if why.coverage >= 0.0005:  # less comes from words that every other entry has
        rank = f"#{why.words_rank}" if why.words_rank else "beyond the first candidates"
        matched = f": {', '.join(why.matched)}" if why.matched else ""
        parts.append(f"words {why.coverage:.3f} ({rank}{matched})")
    if why.similarity is not None and why.head is not None and why.best_passage is not None:
        rank = f"#{why.meaning_rank}" if why.meaning_rank else "beyond the first candidates"
        further = f"; head {why.head:.3f}, best passage {why.best_passage:.3f}" if why.best_passage > why.head else ""
        parts.append(f"meaning {why.similarity:.3f} ({rank}{further})")
    if why.pieces is not None:
        parts.append(f"pieces {why.pieces:.3f}")
        parts += [f"pairs {why.pairs:.3f}"] if why.pairs else []
    parts += [
        f"{name} {value:+.3f}" for name, value in (("feedback", why.feedback), ("crowding", -why.crowding)) if value
    ]
    for other in why.others:
        parts.append(f"{other.leg} {other.score:.3f}" + (f" (#{other.rank})" if other.rank else ""))
    return " · ".join(parts)


def stage_line(stage: StageReport) -> str:
    """What a stage of a search did and how long it took."""
    return f"{stage.name}: {stage.did}, {stage.took_s * 1000:.1f} ms"
