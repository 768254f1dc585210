"""One score from two legs.

Scores are fused, not ranks: reciprocal rank fusion loses to plain meaning on most developer data
(docs/adr/0005, `benchmarks/quality.py`).
"""

from __future__ import annotations

from collections.abc import Mapping

from rekall.entry.types import Mode

OBSOLETE_PENALTY = 0.5
"""What an obsolete entry loses: it stays below what is current, unless nothing current comes near."""

_BELOW = 1e-6


def fused_score(mode: Mode, coverage: float, similarity: float | None, lexical_share: float) -> float:
    """The score of an entry.

    Args:
        mode: WORDS takes the coverage, MEANING the similarity, HYBRID similarity + lexical_share × coverage.
        coverage: Share of the query's words that the entry holds, 0 to about 1; comparable across queries.
        similarity: Cosine of meaning; None, an entry without a vector yet, counts as unrelated.
        lexical_share: Weight of words beside meaning (docs/adr/0005).
    """
    if mode is Mode.WORDS:
        return coverage
    if mode is Mode.MEANING:
        return similarity or 0.0
    return (similarity or 0.0) + lexical_share * coverage


def ranking(scores: Mapping[int, float], obsolete: Mapping[int, int | None]) -> list[tuple[int, float]]:
    """Keys and scores, best first; equal scores put the newer key first.

    Args:
        scores: Scores by key.
        obsolete: The keys that no longer hold, each with the key of its successor if it has one. They are lowered by
            `OBSOLETE_PENALTY`, and below their successor where that is among the keys.
    """
    lowered = {key: score - OBSOLETE_PENALTY if key in obsolete else score for key, score in scores.items()}
    for _ in obsolete:  # a successor may be obsolete itself; a chain settles in at most as many rounds
        above = {key: lowered[after] for key, after in obsolete.items() if after in lowered and key in lowered}
        sunk = {key: limit - _BELOW for key, limit in above.items() if lowered[key] >= limit}
        if not sunk:
            break
        lowered.update(sunk)
    return sorted(lowered.items(), key=lambda item: (-item[1], -item[0]))
