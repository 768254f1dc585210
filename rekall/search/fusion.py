"""One score from several legs.

Scores are fused, not ranks: reciprocal rank fusion loses to plain meaning on most developer data
(docs/adr/0005, `benchmarks/quality.py`).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

OBSOLETE_PENALTY = 0.5
"""What an obsolete entry loses: it stays below what is current, unless nothing current comes near."""

NEAR_PROJECT, NEAR_PROJECT_ALONE = 0.05, 0.03
"""What an entry gains that belongs to the project somebody asks from, where several legs answer and where one alone does.

On eight sets (benchmarks/projects.py) hybrid's nDCG@10 gains 0.024 where the judged note is of the project, and loses 0.008 where it
is of another and 0.001 where chance decides. Of wrong first hits 15 in 100 are put right, of right ones 2 in 100 are lost: half of these
lead by 0.25 or more, out of reach, and half of the wrong ones by 0.16. With 0.08 nearly twice as much is lost.
"""

_BELOW = 1e-6


@dataclass(frozen=True, slots=True)
class Fusion:
    """How much each leg counts where several answer; a leg alone counts whole.

    Attributes:
        weights: Weight by the leg's name; 1 where there is none (docs/adr/0005).
    """

    weights: Mapping[str, float] = field(default_factory=dict)

    def weight(self, leg: str) -> float:
        """What a leg counts."""
        return self.weights.get(leg, 1.0)

    def score(self, key: int, scores: Mapping[str, Mapping[int, float]]) -> float:
        """The score of an entry, Σ weight × score of the legs; one that knows nothing of it adds nothing.

        Args:
            key: The entry.
            scores: The scores of every leg that answered, by its name, in figures that compare.
        """
        if len(scores) == 1:
            return next(iter(scores.values())).get(key, 0.0)
        return sum(self.weight(leg) * found.get(key, 0.0) for leg, found in scores.items())

    def scores(self, keys: Iterable[int], scores: Mapping[str, Mapping[int, float]]) -> dict[int, float]:
        """The score of each entry."""
        return {key: self.score(key, scores) for key in keys}


def ranking(scores: Mapping[int, float], obsolete: Mapping[int, int | None]) -> list[tuple[int, float]]:
    """Keys and scores, best first; equal scores put the newer key first.

    Args:
        scores: Scores by key.
        obsolete: The keys that no longer hold, each with the key of its successor if it has one. They are lowered by
            `OBSOLETE_PENALTY`, and below their successor where that is among the keys.
    """
    lowered = {key: score - OBSOLETE_PENALTY if key in obsolete else score for key, score in scores.items()}
    _sink(lowered, obsolete)
    return sorted(lowered.items(), key=lambda item: (-item[1], -item[0]))


def lifted(
    ordered: Sequence[tuple[int, float]], near: Mapping[int, float], obsolete: Mapping[int, int | None]
) -> list[tuple[int, float]]:
    """Keys and scores with those lifted that belong to the project somebody asks from.

    Args:
        ordered: Keys and scores, best first; those of what is obsolete are lowered.
        near: What each key of the project gains.
        obsolete: The keys that no longer hold; they stay below their successors.
    """
    if not near:
        return list(ordered)
    scores = {key: score + near.get(key, 0.0) for key, score in ordered}
    _sink(scores, obsolete)
    return sorted(scores.items(), key=lambda item: -item[1])  # equal ones stay as they were


def _sink(scores: dict[int, float], obsolete: Mapping[int, int | None]) -> None:
    """Lower what is obsolete below its successor where that is among the keys."""
    for _ in obsolete:  # a successor may be obsolete itself; a chain settles in at most as many rounds
        above = {key: scores[after] for key, after in obsolete.items() if after in scores and key in scores}
        sunk = {key: limit - _BELOW for key, limit in above.items() if scores[key] >= limit}
        if not sunk:
            break
        scores.update(sunk)


def holders_first(
    ordered: Sequence[tuple[int, float]], holders: Collection[int], obsolete: Collection[int]
) -> list[tuple[int, float]]:
    """Keys and scores with those first that hold the one word that was typed and still hold true, each in their order.

    One word says too little for its meaning to be told: of words that one of 2,488 notes holds, meaning put another note first
    for 3 in 10.
    """
    first = [pair for pair in ordered if pair[0] in holders and pair[0] not in obsolete]
    moved = {key for key, _ in first}
    return [*first, *(pair for pair in ordered if pair[0] not in moved)]
