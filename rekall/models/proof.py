"""What an exported model was held against, in words: Rekall's own reading of the source, or vectors of the source."""

from __future__ import annotations

from collections.abc import Collection

READING = "float64"
SOURCE = "sentence-transformers"
GIVEN = "reference"

_NAMES = {
    READING: "its own float64 reading of the checkpoint",
    SOURCE: "sentence-transformers, which traced it",
    GIVEN: "vectors of the source (--reference)",
}
"""By the kind that a card's `fidelity` has them under."""


def named(kind: str) -> str:
    """What vectors of a kind are, for people."""
    return _NAMES.get(kind, kind)


def proof_text(kinds: Collection[str]) -> str:
    """Which proof a model has, given the kinds of vectors that it was held against."""
    held = " and ".join(named(kind) for kind in kinds) or "nothing"
    if {GIVEN, SOURCE} & set(kinds):
        return f"checked against {held}"
    return f"checked against {held}, not against vectors of the source"
