"""How sure it is that a hit is about what was asked: one figure for what speaks for it, and where it becomes a word.

The figure is a sum that compares across queries, bases and models, so nothing is learnt from the base: one of thirty notes
has the same words as one of thirty thousand. Measured by benchmarks/calibration.py (docs/adr/0018).
"""

from __future__ import annotations

from rekall.search.results import Match, Why
from rekall.search.second_stage import ALONE, BESIDE_MEANING, Weights

STRONG, LIKELY = 0.9, 0.48
"""What speaks for a hit by words and meaning, at least."""

STRONG_WORDS, LIKELY_WORDS = 0.6, 0.3
"""What speaks for a hit by words alone, at least."""

_UNREAD = 0.9
"""What coverage counts where the second stage did not look at the text: pieces and pairs mostly go with it."""

_RESEMBLES = 0.8
"""How clear a similarity between two entries is where they say the same: a cosine of 0.85 with all-MiniLM-L6-v2. Of 2,820
real notes 2 in 100 have such a neighbour (benchmarks/alike.py)."""


def match_of(why: Why) -> Match:
    """The word for a hit. An exact title is strong, whatever else."""
    if why.exact_title:
        return Match.STRONG
    figure = evidence(why)
    strong, likely = (STRONG, LIKELY) if _has_meaning(why) else (STRONG_WORDS, LIKELY_WORDS)
    return Match.STRONG if figure >= strong else Match.LIKELY if figure >= likely else Match.WEAK


def evidence(why: Why) -> float:
    """What speaks for a hit: clear similarity and matching words, as they are weighed in the ranking."""
    if not _has_meaning(why):
        return _lexical(why, ALONE)
    similarity = why.clear if why.clear is not None else why.near or 0.0
    return similarity + _lexical(why, BESIDE_MEANING)


def resembles(why: Why) -> bool:
    """Whether an entry found by its similarity to another may say the same."""
    return why.clear is not None and why.clear >= _RESEMBLES


def _has_meaning(why: Why) -> bool:
    return why.clear is not None or why.near is not None


def _lexical(why: Why, weights: Weights) -> float:
    if why.pieces is None:
        return _UNREAD * why.coverage
    return weights.words * why.coverage + weights.pieces * why.pieces + weights.pairs * (why.pairs or 0.0)
