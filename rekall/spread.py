"""How far the cosines of a vector space lie apart, which differs from model to model and is kept with the space."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from rekall.store.values import Space

if TYPE_CHECKING:  # protocols cost memory that a search does not need
    from rekall.store.contract import Store

REFERENCE = 0.12
"""The spread that weights are given for: that of all-MiniLM-L6-v2 between heads, 0.10 to 0.15 on eight sets.

That of multilingual-e5-small is 0.025: there a difference of 0.1 says what 0.5 says with MiniLM (docs/adr/0017).
"""

SAMPLE = 128
"""Entries that are compared with one another to be kept: 8,128 cosines, 10 ms."""

QUICK_SAMPLE = 40
"""Entries that a search compares where nothing is kept yet: 780 cosines, 1 ms."""

_PRIOR = 8
"""With so many entries what was found and `REFERENCE` count alike: two notes say nothing of a model."""

_NOTES = math.log(1.4)
"""What notes of one subject or another change the spread by with one model; so much is hardly corrected."""


def unit_of(spread: float) -> float:
    """What one of cosine is worth in a space, in the units of a space of `REFERENCE`.

    (0.12 / spread)^(x² / (x² + ln² 1.4)), x = ln(0.12 / spread): 1 for any notes with MiniLM, 4.5 for multilingual-e5-small. It
    corrects between models, not between subjects, where correcting loses nDCG (docs/adr/0017).
    """
    distance = math.log(REFERENCE / spread)
    return math.exp(distance**3 / (distance**2 + _NOTES**2))


def spread_of(store: Store, space: Space) -> float:
    """The spread of a space: as it is kept, or as a few entries show it."""
    return space.spread or measured(store, space, QUICK_SAMPLE)


def without_copies(store: Store, space: Space, copy: float) -> float:
    """The spread of a space as it is without copies of a text, which lie at one point and make it seem wide.

    Only for comparing entries with one another. A search keeps to what there is: hits are told apart by it, copies among them.

    Args:
        store: The base.
        space: The space.
        copy: The least cosine of two copies.
    """
    cosines = store.vectors.index(space).pairs(store.passages.sample(SAMPLE))
    copies = {max(one, other) for one, other, cosine in cosines if cosine >= copy}
    if not copies:
        return spread_of(store, space)
    return _deviation([cosine for one, other, cosine in cosines if one not in copies and other not in copies])


def keep_spread(store: Store, space: Space) -> None:
    """Keep the spread of a space, once it has enough vectors to show it. Call it inside a transaction.

    Of fewer a search compares all: kept, they would be what hundreds are judged by that are added one by one.
    """
    cosines = _cosines(store, space, SAMPLE)
    if len(cosines) >= math.comb(QUICK_SAMPLE, 2):
        store.vectors.keep_spread(space, _deviation(cosines))


def measured(store: Store, space: Space, most: int = SAMPLE) -> float:
    """The standard deviation of the cosines between entries' heads, at most `most` of them; more than 0.

    Of few entries it is near `REFERENCE`, by the mean of the logarithms.
    """
    return _deviation(_cosines(store, space, most))


def _cosines(store: Store, space: Space, most: int) -> list[float]:
    return [cosine for _, _, cosine in store.vectors.index(space).pairs(store.passages.sample(most))]


def _deviation(cosines: Sequence[float]) -> float:
    if not cosines:
        return REFERENCE
    mean = math.fsum(cosines) / len(cosines)
    found = math.sqrt(math.fsum((cosine - mean) ** 2 for cosine in cosines) / len(cosines))
    entries = (1 + math.isqrt(1 + 8 * len(cosines))) / 2  # n (n - 1) / 2 pairs
    share = entries**2 / (entries**2 + _PRIOR**2)
    return math.exp(share * math.log(max(found, REFERENCE / 100)) + (1 - share) * math.log(REFERENCE))
