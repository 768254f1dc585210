"""How sure it is that a hit is about what was asked."""

from __future__ import annotations

from rekall.search.results import Match, Why


def match_of(why: Why) -> Match:
    """The word for a hit."""
    value = 0.6 * why.coverage + 0.3 * (why.pieces or 0.0) + (why.near or 0.0)
    return Match.STRONG if value > 0.8 else Match.LIKELY if value > 0.4 else Match.WEAK
