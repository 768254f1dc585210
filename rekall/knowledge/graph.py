"""What is linked with an entry, by how many steps and through whom; and what is near it in meaning and not linked."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING

from rekall.entry.fields import Entry
from rekall.entry.filters import Filters
from rekall.entry.types import Link, LinkType, Reference
from rekall.entry.view import LinkLine, in_order, other_end
from rekall.errors import EngineError
from rekall.knowledge.writing import EntryService
from rekall.search.results import Hit
from rekall.search.searcher import Searcher
from rekall.store.values import Selection

if TYPE_CHECKING:
    from rekall.entry.spans import Span
    from rekall.exchange.outgoing import Written
    from rekall.knowledge.days import Day
    from rekall.knowledge.generalizing import Generalizer
    from rekall.knowledge.suggesting import Suggester
    from rekall.store.contract import Store

EVERY = Filters()
"""Every entry passes."""

NEAR = 0.55
"""How clear a similarity to an entry is that is told of it: a cosine of 0.60 with all-MiniLM-L6-v2, where four in ten
belong together (benchmarks/suggestions.py)."""

ON_THE_MAP, LINES_EACH = 0.5, 2
"""The same for a line on the map, and how many an entry begins there: more would be a cloth."""

DEEPEST = 20
"""Steps beyond these reach everything that can be reached at all, or nearly so."""


@dataclass(frozen=True, slots=True)
class Step:
    """An entry that was reached through another one.

    Attributes:
        entry: The entry.
        distance: How many links lie between it and where one began.
        through: The id of the entry before it on the way.
        lines: The links between the two, seen from the one before.
    """

    entry: Entry
    distance: int
    through: str
    lines: tuple[LinkLine, ...]


@dataclass(frozen=True, slots=True)
class Around:
    """An entry with what is linked around it.

    Attributes:
        entry: Where one began.
        steps: What was reached: the nearest first, each once, by a shortest way.
        links: The links among all these, also those that lead to what was reached before.
    """

    entry: Entry
    steps: tuple[Step, ...]
    links: tuple[Link, ...]


@dataclass(frozen=True, slots=True)
class Related:
    """What bears on an entry.

    Attributes:
        around: What is linked.
        near: What is near in meaning and not linked at all, the nearest first.
        why_no_near: Why nothing is said of that, or empty.
    """

    around: Around
    near: tuple[Hit, ...]
    why_no_near: str = ""


class Graph:
    """Looks from one entry to what surrounds it."""

    def __init__(self, writer: EntryService, searcher: Searcher) -> None:
        """Look into the store of what writes entries."""
        self._writer = writer
        self._store: Store = writer.store
        self._searcher = searcher

    @property
    def suggester(self) -> Suggester:
        """Links worth making."""
        from rekall.knowledge.suggesting import Suggester

        return Suggester(self._writer)

    @property
    def generalizer(self) -> Generalizer:
        """What several entries have in common."""
        from rekall.knowledge.generalizing import Generalizer

        return Generalizer(self._writer)

    def days(self, span: Span, filters: Filters = EVERY) -> list[Day]:
        """What was done on each day of a stretch of time, the last day first; see `knowledge.days`."""
        from rekall.knowledge.days import days

        return days(self._store, span, filters)

    def around(
        self, entry_id: str, depth: int = 1, types: Collection[LinkType] = (), filters: Filters = EVERY
    ) -> Around:
        """What is linked with an entry: one statement a step, however many entries it reaches.

        Args:
            entry_id: Its whole id.
            depth: How many steps to go.
            types: The kinds of links to follow; all where none is named.
            filters: What is left out, and not gone through, unless it passes.

        Raises:
            NotFound: There is no such entry.
        """
        with self._store.snapshot():
            key = self._store.entries.resolve(entry_id)
            root = self._store.entries.one(key)
            passing = None if filters.is_empty else set(self._store.entries.keys(Selection(filters)))
            distances, ways = {root.id: 0}, dict[str, tuple[str, list[Link]]]()
            links: dict[Link, None] = {}
            level, keys = [root.id], [key]
            for distance in range(1, min(depth, DEEPEST) + 1):
                found = [link for link in self._store.links.touching(keys) if not types or link.type in types]
                links.update(dict.fromkeys(found))
                level = _reached(level, found, distance, distances, ways)
                there = self._store.entries.keys_of(level)
                if passing is not None:
                    there = {each: key for each, key in there.items() if key in passing}
                    for each in set(level) - there.keys():
                        del ways[each]
                    level = [each for each in level if each in there]
                keys = list(there.values())
                if not keys:
                    break
            entries = self._store.entries.by_ids(ways)
        steps = tuple(
            Step(entries[each], distances[each], through, _lines(through, made, entries[each]))
            for each, (through, made) in ways.items()
            if each in entries  # others are damaged
        )
        known = {root.id, *entries}
        return Around(root, steps, tuple(link for link in links if {link.source, link.target} <= known))

    def related(
        self,
        entry_id: str,
        depth: int = 1,
        types: Collection[LinkType] = (),
        most_near: int = 5,
        filters: Filters = EVERY,
    ) -> Related:
        """What is linked with an entry, and what is near in meaning and is not.

        Args:
            entry_id: Its whole id.
            depth: How many steps to go along links.
            types: The kinds of links to follow; all where none is named.
            most_near: How many near ones at most.
            filters: What is left out unless it passes.

        Raises:
            NotFound: There is no such entry.
        """
        around = self.around(entry_id, depth, types, filters)
        if not most_near:
            return Related(around, ())
        linked = {step.entry.id for step in around.steps}
        if types:
            linked |= {step.entry.id for step in self.around(entry_id, 1).steps}
        try:
            hits = self._searcher.similar(entry_id, filters, min(most_near + len(linked), 200)).hits
        except EngineError as error:
            return Related(around, (), error.message)
        return Related(around, tuple(hit for hit in hits if hit.entry.id not in linked and is_near(hit))[:most_near])

    def write_page(
        self,
        target: Path | IO[bytes],
        filters: Filters = EVERY,
        around: Around | None = None,
        *,
        most: int = 0,
        progress: Callable[[int], None] = lambda count: None,
    ) -> tuple[Written, int]:
        """Write entries as one HTML page to wander in.

        Args:
            target: The file, or a stream.
            filters: Which entries.
            around: These instead.
            most: How many at most, 0 for `graph_export.MOST`: the newest, or the nearest where these are around an entry.
            progress: Told how many entries were written.

        Returns:
            What was written, and how many entries were left out for there were too many.
        """
        from rekall.knowledge.graph_export import MOST, write_page  # with Markdown, which nothing else here needs
        from rekall.knowledge.nearness import near_pairs

        with self._store.snapshot():
            entries = self._store.entries
            if around is None:
                keys = entries.keys(Selection(filters))
            else:
                keys = list(entries.keys_of([around.entry.id, *(step.entry.id for step in around.steps)]).values())
            chosen = keys[: most or MOST]
            near = near_pairs(self._store, self._writer.embeddings, chosen, ON_THE_MAP, LINES_EACH)
            pairs = {(each.one, each.other) for each in near}
            return write_page(self._store, target, set(chosen), pairs, progress), len(keys) - len(chosen)


def is_near(hit: Hit) -> bool:
    """Whether an entry that is similar to another may belong together with it."""
    return hit.why.clear is not None and hit.why.clear >= NEAR


def _reached(
    level: Sequence[str],
    found: Sequence[Link],
    distance: int,
    distances: dict[str, int],
    ways: dict[str, tuple[str, list[Link]]],
) -> list[str]:
    """What is reached by one more step; every entry of which that is new is noted with the way to it."""
    touching: dict[str, list[Link]] = {each: [] for each in level}
    for link in found:
        for end in {link.source, link.target}:
            if end in touching:
                touching[end].append(link)
    new: list[str] = []
    for each in level:
        for link in in_order(touching[each], each):
            other = other_end(link, each)
            if other not in distances:
                distances[other] = distance
                ways[other] = (each, [])
                new.append(other)
            if distances[other] == distance and ways[other][0] == each:
                ways[other][1].append(link)
    return new


def _lines(through: str, links: Sequence[Link], entry: Entry) -> tuple[LinkLine, ...]:
    other = Reference(entry.id, entry.title)
    return tuple(LinkLine(link, link.source == through, other) for link in links)
