"""Entries that contradict or repeat each other: found among those that are near in meaning, told apart by what differs.

What is near comes from the vectors of the base; where there are none, from the words (`near_words`). What is between two entries
is `disagreement`'s to say. How near is near enough was measured (benchmarks/conflicts.py, docs/adr/0048).
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from rekall.entry.fields import Draft, Entry
from rekall.entry.filters import Filters
from rekall.entry.types import LinkType, Status
from rekall.errors import InvalidInput
from rekall.knowledge.disagreement import (
    COPIED,
    Clash,
    Disagreement,
    between,
    grouped,
    is_told,
    repetition,
    same,
    scored,
    without_rounds,
)
from rekall.knowledge.nearness import COPY, near_pairs
from rekall.knowledge.open_pairs import open_links
from rekall.knowledge.reports import Saved
from rekall.knowledge.statements import TakenApart, taken_apart
from rekall.knowledge.writing import EntryService
from rekall.search.labels import COMPARED
from rekall.store.pairs import JudgedPair, Verdict
from rekall.store.values import Selection, Space

if TYPE_CHECKING:
    from rekall.store.contract import Store

MOST_EACH = 8
"""Neighbours of an entry that are looked at."""

MOST_PAIRS = 4_000
"""Pairs whose texts are read, the nearest first; two seconds."""

MOST_COMPARED = 200_000_000
"""Pairs of vectors that are compared: 14,000 entries with one another, some seconds. Of a larger base the entries that
were changed last are compared with all."""

_KEPT = 400
"""Entries that stay taken apart."""


@dataclass(frozen=True, slots=True)
class Conflict:
    """Two entries that contradict or repeat each other.

    Attributes:
        one: The entry that was changed later.
        other: The one that was changed earlier.
        what: What is between them, `here` being the one.
        score: How sure that is, 0 to 1.
        similarity: How near they are in meaning, a cosine; None where that is not known.
        reason: What the link between them says, where it is a link that says so.
        more: Further entries of the same text, what was changed later first.
    """

    one: Entry
    other: Entry
    what: Disagreement
    score: float
    similarity: float | None = None
    reason: str = ""
    more: tuple[Entry, ...] = ()

    @property
    def entries(self) -> tuple[Entry, ...]:
        """All of them."""
        return (self.one, self.other, *self.more)


@dataclass(frozen=True, slots=True)
class Conflicts:
    """What was found.

    Attributes:
        pairs: The pairs, the surest first; copies of one text are one, however many.
        total: How many there are, those that are not shown among them.
        compared: How many entries were compared with the others.
        entries: How many entries there are to compare with.
        by_words: How many entries have no vector, so that they were compared by their words; all where there are none.
    """

    pairs: tuple[Conflict, ...]
    total: int
    compared: int
    entries: int
    by_words: int


@dataclass(frozen=True, slots=True)
class _Near:
    """Two entries, by their keys, that are near each other: how clearly, and by which cosine."""

    one: int
    other: int
    clear: float
    cosine: float | None


class ConflictFinder:
    """Finds entries that contradict or repeat each other, and keeps which of them are fine."""

    def __init__(self, writer: EntryService) -> None:
        """Work on the store of what writes entries, and on its vectors."""
        self._writer = writer
        self._store = writer.store
        self._embeddings = writer.embeddings
        self._clock = writer.clock

    def find(
        self,
        filters: Filters = Filters(),  # noqa: B008  # frozen
        limit: int | None = 20,
        ids: Collection[str] = (),
        clashes: Collection[Clash] = (),
    ) -> Conflicts:
        """Pairs of active entries that contradict or repeat each other, what links say first, then the surest.

        Args:
            filters: At least one of a pair passes them.
            limit: The most pairs; None for all.
            ids: At least one of a pair is one of these, by its whole id; empty for any.
            clashes: Kinds of what is between them; empty for all.
        """
        store = self._store
        with store.snapshot():
            active = Selection(replace(filters, status=Status.ACTIVE))
            known = store.entries.keys_of(ids)
            total = store.entries.count(Selection(Filters(status=Status.ACTIVE)))
            most = max(1, MOST_COMPARED // max(1, total))
            asked = [known[each] for each in ids if each in known] if ids else store.entries.keys(active, most)
            asked = asked[:most]
            space = store.vectors.active_space()
            near = {(each.one, each.other): each for each in self._near(asked, is_all=len(asked) == total)}
            unembedded = self._without_vectors(space, asked)
            if unembedded:
                from rekall.knowledge.near_words import near_by_words

                for one, other, share in near_by_words(store, unembedded, total):
                    near.setdefault((one, other), _Near(one, other, share, None))
            linked = self._linked(filters, ids)
            found = [
                *linked,
                *self._told_apart(list(near.values()), {_pair(each.one.id, each.other.id) for each in linked}),
            ]
        chosen = [each for each in found if not clashes or each.what.clash in clashes]
        shown = chosen if limit is None else chosen[:limit]
        return Conflicts(tuple(shown), len(chosen), len(asked), total, len(unembedded))

    def dismiss(self, one: str, other: str) -> JudgedPair:
        """Remember that two entries are fine beside each other, by their whole ids.

        Raises:
            InvalidInput: It is one entry.
        """
        if one == other:
            raise InvalidInput("an entry is no pair with itself", "name two entries")
        now = self._clock.now()
        with self._store.transaction():
            self._store.pairs.judge(one, other, Verdict.FINE, now)
        return JudgedPair(*_pair(one, other), Verdict.FINE, now)

    def take_back(self, one: str, other: str) -> bool:
        """Forget that two entries are fine beside each other. Returns whether that was known."""
        with self._store.transaction():
            return self._store.pairs.take_back(one, other, Verdict.FINE)

    def dismissed(self) -> list[JudgedPair]:
        """The pairs that are fine, what was said last first; both of each are there."""
        found = self._store.pairs.all(Verdict.FINE)
        there = self._store.entries.keys_of({end for each in found for end in (each.first, each.second)})
        return [each for each in found if each.first in there and each.second in there]

    def united(self, one: Entry, other: Entry) -> Draft:
        """What an entry is to say that keeps all of two; see `uniting.united`."""
        from rekall.knowledge.uniting import united

        return united(one, other)

    def merge(self, one: Entry, other: Entry, draft: Draft) -> Saved:
        """Let an entry say what two said, and make the other one obsolete; see `uniting.Uniter.merge`."""
        from rekall.knowledge.uniting import Uniter

        return Uniter(self._writer).merge(one, other, draft)

    def _near(self, asked: Sequence[int], *, is_all: bool) -> Iterator[_Near]:
        """Pairs of active entries whose heads are near each other, the nearest first."""
        store = self._store
        pairs = near_pairs(store, self._embeddings, asked, COMPARED, MOST_EACH, with_all=4 * MOST_PAIRS)
        copies = [each for each in pairs if each.cosine >= COPY]
        if copies and is_all:  # of each text one is compared with the others, for copies would be all that is near
            joins = [
                each
                for each, is_new in zip(copies, without_rounds([(each.one, each.other) for each in copies]))
                if is_new
            ]
            ours = {key: min(group) for group in grouped((each.one, each.other) for each in joins) for key in group}
            left = [key for key in asked if ours.get(key, key) == key]
            pairs = [*joins, *near_pairs(store, self._embeddings, left, COMPARED, MOST_EACH)]
        obsolete = store.entries.obsolete_among({key for each in pairs for key in (each.one, each.other)})
        fits = [each for each in pairs if each.one not in obsolete and each.other not in obsolete]
        for each in fits[:MOST_PAIRS]:
            yield _Near(each.one, each.other, each.clear, each.cosine)

    def _without_vectors(self, space: Space | None, asked: Sequence[int]) -> list[int]:
        """The entries that cannot be compared by meaning."""
        if space is None:
            return list(asked)
        return [] if not self._store.passages.pending_counts(space)[0] else [*self._waiting(space, asked)]

    def _waiting(self, space: Space, asked: Sequence[int]) -> Iterator[int]:
        heads = {each.id: each.entry_key for each in self._store.passages.of_entries(asked) if each.position == 0}
        there = self._store.vectors.index(space).get_many(heads)
        yield from (key for number, key in heads.items() if number not in there)

    def _linked(self, filters: Filters, ids: Collection[str]) -> list[Conflict]:
        """The pairs that links leave open, of which at least one entry is asked for."""
        store = self._store
        links = open_links(store.entries, store.links)
        if links and not ids and not filters.is_empty:
            passing = set(store.entries.keys(Selection(replace(filters, status=None))))
            ends = store.entries.keys_of({end for link in links for end in (link.source, link.target)})
            ids = {end for end, key in ends.items() if key in passing}
            links = links if ids else []
        entries = store.entries.by_ids({end for link in links for end in (link.source, link.target)})
        found = []
        for link in links:
            one, other = entries.get(link.source), entries.get(link.target)
            if one is not None and other is not None and (not ids or {one.id, other.id} & set(ids)):
                what = Disagreement(Clash.CONTRADICTS, one.title, other.title, "", "", 1.0)
                found.append(Conflict(one, other, what, 1.0, None, link.reason))
        return found

    def _told_apart(self, near: Sequence[_Near], known: Collection[tuple[str, str]]) -> list[Conflict]:
        """Which of some near pairs contradict or repeat each other."""
        reading = _Reading(self._store)
        keys = {key for each in near for key in (each.one, each.other)}
        settled, linked = set(known), set[tuple[str, str]]()
        for link in self._store.links.touching(keys):
            (settled if link.type is LinkType.SUPERSEDES else linked).add(_pair(link.source, link.target))
        fine = {_pair(each.first, each.second) for each in self._store.pairs.all(Verdict.FINE)}
        found: list[Conflict] = []
        for each in sorted(near, key=lambda pair: (pair.one, pair.other)):
            one, other = reading.entry(each.one), reading.entry(each.other)
            if one is None or other is None:
                continue
            pair = _pair(one.id, other.id)
            if pair in settled or pair in fine:
                continue
            if (one.updated_at, one.id) < (other.updated_at, other.id):
                one, other = other, one
            what = between(reading.apart(one), reading.apart(other), each.clear)
            if what is None or (what.clash is Clash.REPEAT and pair in linked):
                continue
            score = scored(what, each.clear)
            if is_told(what, score):
                found.append(Conflict(one, other, what, score, each.cosine))
        found.sort(key=lambda each: (-each.score, each.one.id, each.other.id))
        return _joined(found, reading)


def _joined(found: Sequence[Conflict], reading: _Reading) -> list[Conflict]:
    """The same with the copies of a text as one, and without what is known already from the pairs before."""
    copies = [each for each in found if each.what.clash is Clash.REPEAT and _are_copies(each, reading)]
    entries = {entry.id: entry for each in copies for entry in each.entries}
    groups = grouped((each.one.id, each.other.id) for each in copies)
    stands_for = {entry_id: min(group) for group in groups for entry_id in group}
    ends = [(stands_for.get(each.one.id, each.one.id), stands_for.get(each.other.id, each.other.id)) for each in found]
    between_them = [pair for each, pair in zip(found, ends) if each.what.clash is Clash.REPEAT and pair[0] != pair[1]]
    is_new = iter(without_rounds(between_them))
    told: list[Conflict] = []
    known: set[frozenset[str]] = set()
    for each, pair in zip(found, ends):
        is_repeat = each.what.clash is Clash.REPEAT
        if is_repeat and pair[0] != pair[1]:
            told += [each] if next(is_new) else []
        elif frozenset(pair) not in known:
            known.add(frozenset(pair))
            group = next((group for group in groups if pair[0] in group), ()) if is_repeat else ()
            told.append(_of_copies(each, [entries[entry_id] for entry_id in group]) if group else each)
    return told


def _are_copies(pair: Conflict, reading: _Reading) -> bool:
    return repetition(reading.apart(pair.one), reading.apart(pair.other)) >= COPIED


def _of_copies(pair: Conflict, entries: Sequence[Entry]) -> Conflict:
    """A pair with all the entries of its text, what was changed later first."""
    one, other, *more = sorted(entries, key=lambda entry: (entry.updated_at, entry.id), reverse=True)
    what = same(taken_apart(one), taken_apart(other), pair.what.surety)
    return replace(pair, one=one, other=other, what=what, more=tuple(more))


def _pair(one: str, other: str) -> tuple[str, str]:
    return (one, other) if one < other else (other, one)


class _Reading:
    """Reads entries and takes them apart, the latest kept."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._entries: OrderedDict[int, Entry | None] = OrderedDict()
        self._apart: OrderedDict[str, TakenApart] = OrderedDict()

    def entry(self, key: int) -> Entry | None:
        """The entry of a key; None where it is damaged."""
        if key not in self._entries:
            self._entries[key] = self._store.entries.by_keys([key]).get(key)
            if len(self._entries) > _KEPT:
                self._entries.popitem(last=False)
        self._entries.move_to_end(key)
        return self._entries[key]

    def apart(self, entry: Entry) -> TakenApart:
        """An entry taken apart."""
        if entry.id not in self._apart:
            self._apart[entry.id] = taken_apart(entry)
            if len(self._apart) > _KEPT:
                self._apart.popitem(last=False)
        self._apart.move_to_end(entry.id)
        return self._apart[entry.id]
