"""Links worth making: entries that are near in meaning or name each other, are not linked, and of which nobody said no.

What each clue is worth was measured (benchmarks/suggestions.py, docs/adr/0049).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rekall.entry.fields import Entry
from rekall.entry.filters import Filters
from rekall.entry.types import Link, LinkType, Status
from rekall.knowledge.mentions import Mention, Sort, mentions
from rekall.knowledge.nearness import NearPair, near_pairs
from rekall.knowledge.recorded import operation
from rekall.knowledge.writing import EntryService
from rekall.store.pairs import JudgedPair, Verdict
from rekall.store.values import Selection

if TYPE_CHECKING:
    from rekall.store.contract import Store

LEAST = 0.65
"""How clear the similarity of two entries is of which nothing else is known: a cosine of 0.70 with all-MiniLM-L6-v2."""

BESIDE = 0.4
"""The same where one names the other, too."""

SAME = 0.8
"""From which on they say nearly the same, which `rekall conflicts` tells; see `labels.resembles`."""

MOST_EACH = 5
"""Neighbours of an entry that are looked at."""

MOST_COMPARED = 14_000
"""Entries that are compared with one another, those that were changed last: some seconds."""

_WORTH = {Sort.ID: 1.0, Sort.TITLE: 0.9, Sort.ERROR: 0.85, Sort.FILE: 0.55}
"""How sure a mention is: 0.55 needs nearness beside it to come far up."""

_LONGEST_QUOTE = 60


@dataclass(frozen=True, slots=True)
class Suggestion:
    """A link worth making.

    Attributes:
        source: The entry at which it would start: the one that names the other, else the newer one.
        target: The other.
        reasons: Why, in words.
        score: How sure it is, 0 to 1.
        similarity: How near they are, a cosine, where that was looked at.
    """

    source: Entry
    target: Entry
    reasons: tuple[str, ...]
    score: float
    similarity: float | None


@dataclass(frozen=True, slots=True)
class Suggestions:
    """What was found.

    Attributes:
        links: The links, the surest first.
        total: How many there are, those that are not shown among them.
        repeats: How many pairs were left out for they say nearly the same.
        without_vectors: Whether nothing is known of nearness.
    """

    links: tuple[Suggestion, ...]
    total: int
    repeats: int
    without_vectors: bool


class Suggester:
    """Finds links worth making, makes them, and keeps which are not wanted."""

    def __init__(self, writer: EntryService) -> None:
        """Work on the store of what writes entries, and on its vectors."""
        self._writer = writer
        self._store: Store = writer.store

    def find(self, filters: Filters = Filters(), limit: int | None = 20) -> Suggestions:  # noqa: B008  # frozen
        """Links worth making.

        Args:
            filters: At least one of the two passes.
            limit: The most links; None for all.
        """
        store = self._store
        with store.snapshot():
            keys = store.entries.keys(Selection(Filters(status=Status.ACTIVE)), MOST_COMPARED)
            passing = None if filters.is_empty else set(store.entries.keys(Selection(filters)))
            near = near_pairs(store, self._writer.embeddings, keys, BESIDE, MOST_EACH)
            clues = _Clues(near, list(mentions(store)), passing)
            ranked = clues.ranked(self._settled(clues.pairs))
            shown = ranked if limit is None else ranked[:limit]
            entries = store.entries.by_keys({key for _, pair in shown for key in pair})
            links = tuple(
                clues.suggestion(entries[pair[0]], entries[pair[1]], pair, score)
                for score, pair in shown
                if pair[0] in entries and pair[1] in entries
            )
            has_space = store.vectors.active_space() is not None
        return Suggestions(links, len(ranked), clues.repeats, not has_space)

    def accept(self, pairs: Sequence[tuple[str, str]], type: LinkType, reason: str = "") -> list[Link]:
        """Make links, by the whole ids of their ends; one operation in the history. Raises NotFound as `link` does."""
        with operation(self._store, "link", "suggest"):
            return [self._writer.link(source, target, type, reason) for source, target in pairs]

    def dismiss(self, pairs: Sequence[tuple[str, str]]) -> None:
        """Remember that entries need no link, by their whole ids."""
        now = self._writer.clock.now()
        with self._store.transaction():
            for one, other in pairs:
                self._store.pairs.judge(one, other, Verdict.NO_LINK, now)

    def take_back(self, pairs: Sequence[tuple[str, str]]) -> int:
        """Forget that entries need no link. Returns of how many pairs that was known."""
        with self._store.transaction():
            return sum(self._store.pairs.take_back(one, other, Verdict.NO_LINK) for one, other in pairs)

    def dismissed(self) -> list[JudgedPair]:
        """The pairs that need no link, what was said last first; both of each are there."""
        found = self._store.pairs.all(Verdict.NO_LINK)
        there = self._store.entries.keys_of({end for each in found for end in (each.first, each.second)})
        return [each for each in found if each.first in there and each.second in there]

    def _settled(self, pairs: Collection[tuple[int, int]]) -> set[tuple[int, int]]:
        """The pairs that are linked, or need no link."""
        store = self._store
        keys = {key for pair in pairs for key in pair}
        ends = [(link.source, link.target) for link in store.links.touching(keys)]
        ends += [(each.first, each.second) for each in store.pairs.all(Verdict.NO_LINK)]
        known = store.entries.keys_of({end for pair in ends for end in pair})
        return {_pair(known[one], known[other]) for one, other in ends if one in known and other in known}


class _Clues:
    """What speaks for a link of two entries."""

    def __init__(self, near: Sequence[NearPair], named: Collection[Mention], passing: Collection[int] | None) -> None:
        self._near = {(each.one, each.other): each for each in near}
        self._named: dict[tuple[int, int], list[Mention]] = defaultdict(list)
        for mention in named:
            self._named[_pair(mention.source, mention.target)].append(mention)
        every = {pair for pair, each in self._near.items() if each.clear >= LEAST} | self._named.keys()
        wanted = {pair for pair in every if passing is None or pair[0] in passing or pair[1] in passing}
        same = {pair for pair in wanted if pair in self._near and self._near[pair].clear >= SAME}
        self.pairs = wanted - same
        self.repeats = len(same)

    def ranked(self, settled: Collection[tuple[int, int]]) -> list[tuple[float, tuple[int, int]]]:
        """Those that are not settled with their scores, the best first; of equal ones the newest."""
        found = [(self._score(pair), pair) for pair in self.pairs if pair not in settled]
        return sorted(found, key=lambda each: (-each[0], -each[1][1], -each[1][0]))

    def suggestion(self, one: Entry, other: Entry, pair: tuple[int, int], score: float) -> Suggestion:
        """A link with its reasons."""
        named, near = self._named.get(pair, []), self._near.get(pair)
        first = min(named, key=lambda each: list(Sort).index(each.sort), default=None)
        if first is not None and first.sort in (Sort.ID, Sort.TITLE):
            source, target = (one, other) if first.source == pair[0] else (other, one)
        else:
            source, target = (one, other) if one.created_at > other.created_at else (other, one)
        reasons = list(dict.fromkeys(map(_said, sorted(named, key=lambda each: list(Sort).index(each.sort)))))
        reasons += [f"near in meaning ({near.cosine:.2f})"] if near else []
        return Suggestion(source, target, tuple(reasons), score, near.cosine if near else None)

    def _score(self, pair: tuple[int, int]) -> float:
        """One less the share of doubt that every clue leaves."""
        doubt = 1.0
        for sort in {each.sort for each in self._named.get(pair, ())}:
            doubt *= 1 - _WORTH[sort]
        near = self._near.get(pair)
        return 1 - doubt * (1 - min(max(near.clear, 0.0), 1.0) if near else 1.0)


def _said(mention: Mention) -> str:
    """A mention in words, seen from the entry at which the link would start."""
    if mention.sort is Sort.ID:
        return "names its id"
    if mention.sort is Sort.TITLE:
        return "names its title"
    text = mention.text if len(mention.text) <= _LONGEST_QUOTE else f"{mention.text[: _LONGEST_QUOTE - 1]}…"
    return f"same {'error' if mention.sort is Sort.ERROR else 'file'}: {text}"


def _pair(one: int, other: int) -> tuple[int, int]:
    return (one, other) if one < other else (other, one)
