"""How every door says the same things: reasons, sizes, counts, ages, and text that cannot move a cursor."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # `rekall --help` says nothing about entries
    from rekall.search.results import Hit, StageReport

_CONTROL = {code: "\ufffd" for code in (*range(0x20), *range(0x7F, 0xA0)) if chr(code) not in "\n\t"}

_AGES = ((365 * 86_400, "y"), (30 * 86_400, "mo"), (7 * 86_400, "w"), (86_400, "d"), (3_600, "h"), (60, "min"))


def printable(text: str) -> str:
    """A text that cannot move the cursor or change colours: control characters become U+FFFD."""
    return text.translate(_CONTROL)


def size_text(size: float) -> str:
    """Bytes for people: 24.1 MB."""
    return f"{size / 1e6:,.1f} MB" if size >= 1e5 else f"{size / 1e3:,.1f} kB"


def count_text(number: int, one: str, many: str = "") -> str:
    """A number with its noun."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def age_text(moment: datetime, now: datetime) -> str:
    """How long ago something was, in one unit: 5min, 3h, 2d, 6w, 4mo, 2y."""
    seconds = (now - moment).total_seconds()
    return next((f"{int(seconds // size)}{unit}" for size, unit in _AGES if seconds >= size), "now")


MODE_WORDS = {"hybrid": "words and meaning", "words": "words", "meaning": "meaning"}
"""What a search went by, by the value of its mode."""


def why_line(hit: Hit) -> str:
    """Why a hit stands where it stands."""
    why = hit.why
    parts = [f"score {hit.score:.3f}"]
    if why.coverage >= 0.0005:  # less comes from words that every other entry has
        rank = f"#{why.words_rank}" if why.words_rank else "beyond the first candidates"
        matched = f": {', '.join(why.matched)}" if why.matched else ""
        parts.append(f"words {why.coverage:.3f} ({rank}{matched})")
    if why.similarity is not None and why.head is not None and why.best_passage is not None:
        rank = f"#{why.meaning_rank}" if why.meaning_rank else "beyond the first candidates"
        further = f"; head {why.head:.3f}, best passage {why.best_passage:.3f}" if why.best_passage > why.head else ""
        parts.append(f"meaning {why.similarity:.3f} ({rank}{further})")
    for other in why.others:
        parts.append(f"{other.leg} {other.score:.3f}" + (f" (#{other.rank})" if other.rank else ""))
    return " · ".join(parts)


def stage_line(stage: StageReport) -> str:
    """What a stage of a search did and how long it took."""
    return f"{stage.name}: {stage.did}, {stage.took_s * 1000:.1f} ms"
