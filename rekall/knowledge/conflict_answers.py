"""What doors answer of conflicts as JSON; see `answers`."""

from __future__ import annotations

from typing import Any

from rekall.knowledge import answers
from rekall.knowledge.conflicts import Conflict, Conflicts
from rekall.knowledge.disagreement import Clash

WORDS = {
    Clash.CONTRADICTS: "contradicts, by a link",
    Clash.NEGATION: "one denies the other",
    Clash.VERSION: "two versions",
    Clash.NUMBER: "two numbers",
    Clash.REPEAT: "says the same",
}
"""What is between two entries, as people read it."""


def conflicts(found: Conflicts) -> dict[str, Any]:
    """Pairs that contradict or repeat each other."""
    return {
        "total": found.total,
        "compared": found.compared,
        "entries": found.entries,
        "by_words": found.by_words,
        "conflicts": [conflict(each) for each in found.pairs],
    }


def conflict(pair: Conflict) -> dict[str, Any]:
    """A pair."""
    return {
        "conflict": pair.what.clash.value,
        "score": round(pair.score, 4),
        "similarity": None if pair.similarity is None else round(pair.similarity, 6),
        "reason": pair.reason or None,
        "entries": [
            {"said": said, "statement": statement or None, **answers.summary(entry, None)}
            for entry, said, statement in (
                (pair.one, pair.what.here, pair.what.here_in),
                (pair.other, pair.what.there, pair.what.there_in),
                *((entry, entry.title, "") for entry in pair.more),
            )
        ],
    }
