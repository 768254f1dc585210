"""Entries whose title was typed word for word: they come first, whatever else a search finds."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING

from rekall.entry.types import Reference
from rekall.store.values import EVERYTHING, Selection

if TYPE_CHECKING:  # protocols cost memory that a search does not need
    from rekall.store.contract import Store

_MOST = 50
"""Notes of one title are rare; of "Notes" or "2026-11-26" there may be very many."""
_MOST_CHARS = 1000
"""No title is longer; a pasted log is not looked up."""


def exact_titles(store: Store, text: str, selection: Selection) -> list[int]:
    """Keys of the selected entries whose title is the text, at most `_MOST`."""
    return [] if len(text) > _MOST_CHARS else store.words.titled(text, selection, _MOST)


def is_titled_twice(store: Store, text: str) -> bool:
    """Whether several entries have a title, which says without a search that one is not alone with its own."""
    return len(exact_titles(store, text, EVERYTHING)) > 1


def entries_titled(store: Store, text: str, most: int) -> list[Reference]:
    """The entries of exactly this title, else those whose title holds all of its words; the newest first, at most `most`."""
    with store.snapshot():
        keys = store.words.titled(text, EVERYTHING, most) or store.words.in_titles(text, most)
        entries = store.entries.by_keys(keys)
        return [Reference(entries[key].id, entries[key].title) for key in keys if key in entries]


def spelt_alike(title: str, line: str) -> bool:
    """Whether a line is a title down to its punctuation, in either case and with any blanks."""
    return title.casefold().split() == line.casefold().split()


def titles_first(
    ordered: Sequence[tuple[int, float]], exact: Collection[int], obsolete: Mapping[int, int | None]
) -> list[tuple[int, float]]:
    """Keys and scores with exact titles first, current ones before obsolete ones, each in the order of their scores.

    Args:
        ordered: Keys and scores, best first.
        exact: The keys whose title was typed.
        obsolete: The keys that no longer hold, each with the key of its successor if it has one; a successor among the
            candidates comes right before what it replaces.
    """
    if not exact:
        return list(ordered)
    scores = dict(ordered)
    current = [key for key in scores if key in exact and key not in obsolete]
    first = dict.fromkeys(current)
    for key in scores:
        if key in exact and key in obsolete:
            first.update(dict.fromkeys([*reversed(_successors(key, obsolete, scores)), key]))
    return [*((key, scores[key]) for key in first), *(pair for pair in ordered if pair[0] not in first)]


def _successors(key: int, obsolete: Mapping[int, int | None], among: Collection[int]) -> list[int]:
    """What replaces an entry, and what replaces that, of the candidates; the nearest first."""
    found: list[int] = []
    after = obsolete.get(key)
    while after is not None and after in among and after not in found and after != key:
        found.append(after)
        after = obsolete.get(after)
    return found
