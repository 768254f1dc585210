"""One score from two legs.

Scores are fused, not ranks: reciprocal rank fusion loses to plain meaning on most developer data
(docs/adr/0005, `benchmarks/quality.py`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from rekall.types import Mode

OBSOLETE_PENALTY = 0.5
"""What an obsolete entry loses: it stays below what is current, unless nothing current comes near."""


def fused_score(mode: Mode, coverage: float, similarity: float | None, lexical_share: float) -> float:
    """The score of an entry.

    Args:
        mode: WORDS takes the coverage, MEANING the similarity, HYBRID similarity + lexical_share × coverage.
        coverage: Share of the query's words that the entry holds, 0 to about 1; comparable across queries.
        similarity: Cosine of meaning; None, an entry without a vector yet, counts as unrelated.
        lexical_share: Weight of words beside meaning; 0.4 to 0.6 differ little (docs/benchmarks.md).
    """
    if mode is Mode.WORDS:
        return coverage
    if mode is Mode.MEANING:
        return similarity or 0.0
    return (similarity or 0.0) + lexical_share * coverage


def ranking(scores: Mapping[int, float], obsolete: Iterable[int]) -> list[tuple[int, float]]:
    """Keys and scores, best first, obsolete entries lowered; equal scores put the newer key first."""
    sunk = set(obsolete)
    lowered = {key: score - OBSOLETE_PENALTY if key in sunk else score for key, score in scores.items()}
    return sorted(lowered.items(), key=lambda item: (-item[1], -item[0]))
