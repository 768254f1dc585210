"""Which entries of a base are near each other in meaning, all of them at once, in units that hold for every model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rekall.embeddings import EmbeddingService
from rekall.errors import EngineError
from rekall.models.level import USUAL
from rekall.spread import unit_of, without_copies

if TYPE_CHECKING:
    from rekall.store.contract import Store
    from rekall.store.values import Space

COPY = 0.9995
"""Entries so near each other have one text, with every model: the same text has the same vector but for rounding."""


@dataclass(frozen=True, slots=True)
class NearPair:
    """Two entries, by their keys.

    Attributes:
        one: The smaller key.
        other: The larger key.
        clear: How far their similarity is above that of texts that have nothing to do with each other.
        cosine: Their similarity.
    """

    one: int
    other: int
    clear: float
    cosine: float


def near_pairs(
    store: Store,
    embeddings: EmbeddingService,
    keys: Sequence[int],
    at_least: float,
    most_each: int,
    *,
    with_all: int = 0,
) -> list[NearPair]:
    """Pairs of entries whose heads are near each other, the nearest first; none where nothing was embedded.

    Args:
        store: The base; the caller holds a snapshot.
        embeddings: Knows the model.
        keys: The entries that are compared with one another.
        at_least: How clear their similarity is at least.
        most_each: The most neighbours of each.
        with_all: Compare them with every entry, and return so many pairs at most; 0 compares them with one another.
    """
    space = store.vectors.active_space()
    if space is None or (len(keys) < 2 and not with_all):
        return []
    level, unit = level_of_space(embeddings, space), unit_of(without_copies(store, space, COPY))
    heads = {each.id: each.entry_key for each in store.passages.of_entries(keys) if each.position == 0}
    among = None if with_all else list(heads)
    found = store.vectors.index(space).neighbours(list(heads), among, level + at_least / unit, most_each)
    if with_all:
        found = found[:with_all]
        missing = {end for one, other, _ in found for end in (one, other)} - heads.keys()
        heads |= {each.id: each.entry_key for each in store.passages.by_ids(missing) if each.position == 0}
        found = [each for each in found if each[0] in heads and each[1] in heads]
    pairs = []
    for one, other, cosine in found:
        first, second = sorted((heads[one], heads[other]))
        pairs.append(NearPair(first, second, (cosine - level) * unit, cosine))
    return pairs


def level_of_space(embeddings: EmbeddingService, space: Space) -> float:
    """The cosine of texts that have nothing to do with each other."""
    try:
        model = embeddings.model_in_use()
    except EngineError:  # stored vectors are compared without it
        return USUAL
    return model.level if model.fingerprint == space.fingerprint else USUAL
