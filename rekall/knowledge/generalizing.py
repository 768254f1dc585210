"""A pattern drafted from several entries: what they share, and what each says, in its own words. Nothing is made up."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from rekall.entry.fields import Draft, Entry
from rekall.entry.filters import Filters
from rekall.entry.little_words import OF_TITLES
from rekall.entry.types import EntryType, Link, LinkType, Status
from rekall.errors import InvalidInput, NotFound
from rekall.knowledge.bulk import Bulk
from rekall.knowledge.nearness import near_pairs
from rekall.knowledge.recorded import operation
from rekall.knowledge.reports import Saved
from rekall.knowledge.writing import EntryService
from rekall.store.values import Selection

if TYPE_CHECKING:
    from rekall.store.contract import Store

LEAST = 0.6
"""How clear the similarity of each two entries of a group is."""

FEWEST = 3
"""Entries that make a group worth generalising."""

LARGEST = 8
"""Entries of a group at most: more are a subject, not one thing seen several times."""

MOST_COMPARED = 14_000
_QUOTED = 300
"""Characters that are quoted of a text."""

_MOST_SHARED_WORDS = 6
_WORD = re.compile(r"[^\W_][\w+#.-]*[^\W_]|[^\W_]")
_FENCE = re.compile(r"^\s*(?:```|~~~).*$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Shared:
    """What several entries have in common; of each thing what all have, else what at least two have.

    Attributes:
        tags: Tags.
        projects: Projects, each once, of all of them.
        words: Words of their titles.
        keywords: Keywords.
        files: Files.
        error_messages: Error messages.
    """

    tags: tuple[str, ...]
    projects: tuple[str, ...]
    words: tuple[str, ...]
    keywords: tuple[str, ...]
    files: tuple[str, ...]
    error_messages: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Group:
    """Entries that are all near each other.

    Attributes:
        entries: The entries, the newest first.
        shared: What they have in common.
        least: How near the two are that are farthest apart, a cosine.
    """

    entries: tuple[Entry, ...]
    shared: Shared
    least: float


class Generalizer:
    """Drafts patterns, and finds what they could be drafted from."""

    def __init__(self, writer: EntryService) -> None:
        """Work on the store of what writes entries, and on its vectors."""
        self._writer = writer
        self._store: Store = writer.store

    def draft(self, ids: Sequence[str], short: dict[str, str], title: str = "") -> Draft:
        """The draft of a pattern from entries, by their whole ids.

        Args:
            ids: The entries, each once.
            short: The ids by which they are named in it.
            title: Its title; by default the words that their titles share.

        Raises:
            InvalidInput: There are fewer than two.
            NotFound: One of them is gone.
        """
        if len(ids) < 2:
            raise InvalidInput("a pattern is drafted from at least two entries", "name more of them")
        found = self._store.entries.by_ids(ids)
        missing = [each for each in ids if each not in found]
        if missing:
            raise NotFound(f"entry {missing[0]} is gone or damaged", "`rekall list` shows what is there")
        return drafted([found[each] for each in ids], short, title)

    def add(self, draft: Draft, ids: Sequence[str]) -> Saved:
        """Store a pattern, derived from entries; the links with it, or nothing."""
        links = [Link("", each, LinkType.DERIVED_FROM) for each in ids]
        with operation(self._store, "generalize"):
            return Bulk(self._store, self._writer).add([(draft, links)])[0]

    def groups(self, filters: Filters = Filters(), most: int = 10) -> list[Group]:  # noqa: B008  # frozen
        """Entries that are all near each other and were not generalised yet, the largest groups first.

        Args:
            filters: Which entries.
            most: How many groups.
        """
        store = self._store
        with store.snapshot():
            active = Selection(replace(filters, status=Status.ACTIVE))
            keys = store.entries.keys(active, MOST_COMPARED)
            near = {
                (each.one, each.other): each.cosine
                for each in near_pairs(store, self._writer.embeddings, keys, LEAST, LARGEST * 2)
            }
            chosen = self._fresh(_cliques(near), most)
            entries = store.entries.by_keys({key for group in chosen for key in group})
        made = []
        for group in chosen:
            there = sorted((entries[key] for key in group if key in entries), key=lambda entry: entry.id, reverse=True)
            cosines = [near[one, other] for one in group for other in group if (one, other) in near]
            if len(there) >= FEWEST:
                made.append(Group(tuple(there), shared_by(there), min(cosines)))
        return made

    def _fresh(self, groups: Iterable[frozenset[int]], most: int) -> list[frozenset[int]]:
        """The groups of which no entry is the source of a pattern, or one itself."""
        ordered = sorted(groups, key=lambda group: (-len(group), sorted(group, reverse=True)))
        links = self._store.links.touching({key for group in ordered for key in group})
        used = {end for link in links if link.type is LinkType.DERIVED_FROM for end in (link.source, link.target)}
        taken = set(self._store.entries.keys_of(used).values())
        return [group for group in ordered if not group & taken][:most]


def drafted(entries: Sequence[Entry], short: dict[str, str], title: str = "") -> Draft:
    """The draft of a pattern: situation and solution of each in its own words, and below what they share and say.

    Args:
        entries: The entries.
        short: The ids by which they are named.
        title: Its title, or empty.
    """
    shared = shared_by(entries)

    def told(texts: Iterable[tuple[Entry, str]]) -> str:
        return "\n".join(f"- {short[entry.id]}: {_quoted(text)}" for entry, text in texts if text.strip())

    parts = []
    common = [
        (name.replace("_", " "), getattr(shared, name))
        for name in ("words", "tags", "keywords", "files", "error_messages")
    ]
    lines = [f"- {name}: {', '.join(values)}" for name, values in common if values]
    if lines:
        parts.append("## What they share\n\n" + "\n".join(lines))
    quotes = "\n\n".join(_section(entry, short[entry.id]) for entry in entries)
    parts.append(f"## From\n\n{quotes}")
    return Draft(
        EntryType.PATTERN,
        title or " ".join(shared.words) or entries[0].title,
        content="\n\n".join(parts),
        tags=shared.tags,
        project=shared.projects[0] if len(shared.projects) == 1 and all(each.project for each in entries) else None,
        situation=told((entry, entry.situation) for entry in entries),
        solution=told((entry, entry.solution) for entry in entries),
        what_failed=told((entry, entry.what_failed) for entry in entries),
        error_messages=shared.error_messages,
        files=shared.files,
        keywords=shared.keywords,
    )


def shared_by(entries: Sequence[Entry]) -> Shared:
    """What entries have in common."""
    words = [list(dict.fromkeys(_words(entry.title))) for entry in entries]
    return Shared(
        _common([entry.tags for entry in entries]),
        tuple(sorted({entry.project for entry in entries if entry.project})),
        _common(words)[:_MOST_SHARED_WORDS],
        _common([entry.keywords for entry in entries]),
        _common([entry.files for entry in entries]),
        _common([entry.error_messages for entry in entries]),
    )


def _common(values: Sequence[Collection[str]]) -> tuple[str, ...]:
    """What all have, as the first of them orders it; else what at least two have, the commonest first."""
    counts = Counter(value for own in values for value in dict.fromkeys(own))
    of_all = tuple(value for value in counts if counts[value] == len(values))
    return of_all or tuple(value for value, count in counts.most_common() if count >= 2)


def _words(title: str) -> list[str]:
    return [word for word in map(str.casefold, _WORD.findall(title)) if word not in OF_TITLES and len(word) > 1]


def _quoted(text: str) -> str:
    """The beginning of a text on one line."""
    flat = " ".join(_FENCE.sub("", text).split())
    return flat if len(flat) <= _QUOTED else f"{flat[: _QUOTED - 1].rstrip()}…"


def _section(entry: Entry, short: str) -> str:
    """An entry as it is quoted: its title, its id, and how its content begins."""
    said = _quoted(entry.content)
    heading = f"### {' '.join(entry.title.split())} ({short})"
    return f"{heading}\n\n> {said}" if said else heading


def _cliques(near: dict[tuple[int, int], float]) -> list[frozenset[int]]:
    """Groups of which each two are near, each entry in one: begun at the nearest pair, and grown by who is near to all."""
    around: dict[int, set[int]] = {}
    for one, other in near:
        around.setdefault(one, set()).add(other)
        around.setdefault(other, set()).add(one)
    taken: set[int] = set()
    groups = []
    for one, other in sorted(near, key=lambda pair: (-near[pair], pair)):
        if one in taken or other in taken:
            continue
        group = {one, other}
        waiting = around[one] & around[other] - taken
        while waiting and len(group) < LARGEST:
            best = max(waiting, key=lambda key: (min(near[min(key, each), max(key, each)] for each in group), -key))
            group.add(best)
            waiting = (waiting & around[best]) - {best}
        if len(group) >= FEWEST:
            groups.append(frozenset(group))
            taken |= group
    return groups
