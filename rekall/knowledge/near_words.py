"""Entries that say nearly the same words: what there is to go by where entries have no vectors.

Each text is known by the few smallest of the checksums of its rows of three words, so that texts which share many of these rows
share many of those (Broder 1997), and by the words of its title without numbers and negations.
"""

from __future__ import annotations

import zlib
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from rekall.entry.fields import Entry
from rekall.entry.types import Status
from rekall.knowledge.statements import plain_words, statement

if TYPE_CHECKING:
    from rekall.store.contract import Store

MARKS = 16
"""Checksums that a text is known by."""

LEAST = 0.25
"""The share of them that two texts have in common, to be looked at."""

CROWD = 40
"""A row of words that more entries have than this is a phrase of a template and tells nothing."""

_TITLES_LIKE = 0.75
"""How near two entries of the same words in their titles are taken to be."""

MOST_READ = 50_000
"""Of more entries only those that are asked for are read."""

_FEWEST = 2
_AT_ONCE = 500
_READ_CHARS = 4_000


def near_by_words(store: Store, asked: Sequence[int], entries: int) -> Iterator[tuple[int, int, float]]:
    """Pairs of active entries, the smaller key first, and how near they are by their words, 0 to 1.

    Args:
        store: The base.
        asked: At least one of a pair is one of these; of a large base both are.
        entries: How many entries there are.
    """
    marks: dict[int, frozenset[int]] = {}
    holders: defaultdict[int, list[int]] = defaultdict(list)
    titled: defaultdict[frozenset[str], list[int]] = defaultdict(list)
    for key, entry in _active(store, asked if entries > MOST_READ else None):
        marks[key] = marks_of(entry)
        for mark in marks[key]:
            holders[mark].append(key)
        about = statement(entry.title).words
        if len(about) >= _FEWEST:
            titled[about].append(key)
    shared: Counter[tuple[int, int]] = Counter()
    wanted = set(asked)
    for keys in holders.values():
        shared.update(_pairs(keys, wanted))
    found = {pair: 2 * number / (len(marks[pair[0]]) + len(marks[pair[1]])) for pair, number in shared.items()}
    for keys in titled.values():
        for pair in _pairs(keys, wanted):
            found[pair] = max(found.get(pair, 0.0), _TITLES_LIKE)
    for (one, other), share in found.items():
        if share >= LEAST:
            yield one, other, share


def marks_of(entry: Entry) -> frozenset[int]:
    """The checksums that the text of an entry is known by."""
    row = plain_words(f"{entry.title}\n{entry.content}\n{entry.situation}\n{entry.solution}"[:_READ_CHARS])
    rows = zip(row, row[1:], row[2:]) if len(row) > 2 else [tuple(row)]
    return frozenset(sorted({zlib.crc32(" ".join(each).encode()) for each in rows})[:MARKS])


def _pairs(keys: Sequence[int], wanted: set[int]) -> Iterator[tuple[int, int]]:
    if len(keys) > CROWD:
        return
    for at, one in enumerate(keys):
        for other in keys[at + 1 :]:
            if one in wanted or other in wanted:
                yield (one, other) if one < other else (other, one)


def _active(store: Store, keys: Sequence[int] | None) -> Iterator[tuple[int, Entry]]:
    """Active entries: those of some keys, or all."""
    found = store.entries.stream() if keys is None else _in_parts(store, keys)
    for key, entry in found:
        if entry.status is Status.ACTIVE:
            yield key, entry


def _in_parts(store: Store, keys: Sequence[int]) -> Iterator[tuple[int, Entry]]:
    for begin in range(0, len(keys), _AT_ONCE):
        yield from store.entries.by_keys(keys[begin : begin + _AT_ONCE]).items()
