"""The links of an import: resolved when every name is known, made once, and taken back when the source drops them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from rekall.entry.rules import is_ulid
from rekall.entry.types import Link, LinkType
from rekall.exchange.reading import Found
from rekall.knowledge import merging
from rekall.knowledge.naming import Names
from rekall.knowledge.succession import put_links, remove_links
from rekall.system.clock import Clock

if TYPE_CHECKING:  # protocols cost memory that a search does not need
    from rekall.store.contract import Store

AT_ONCE = 200
"""Entries whose links are stored in one transaction."""

_Said = tuple[str, str, str]
"""A link as a source says it: target, type and reason."""

_Ends = tuple[str, str, LinkType]


@dataclass(frozen=True, slots=True)
class _Told:
    """What a source says of its links.

    Attributes:
        entry_id: Its entry.
        path: The path of its origin.
        relative: Where it lies below the folder that is imported.
        wanted: The links that it says and that were not made before: target, type and reason.
        dropped: Those that were made and that it does not say any more.
        kept: Those that were made and that it still says.
        is_changed: Whether the source is new or says something else than last time.
        successor: The entry that it names as its own successor.
    """

    entry_id: str
    path: str
    relative: str
    wanted: tuple[_Said, ...]
    dropped: tuple[_Said, ...]
    kept: tuple[_Said, ...]
    is_changed: bool
    successor: str | None


class ImportLinks:
    """Gathers the links of everything found, and stores them in the end."""

    def __init__(self, store: Store, clock: Clock, roots: Sequence[str]) -> None:
        """Begin without links.

        Args:
            store: The base.
            clock: The time.
            roots: Identities of the paths that are imported.
        """
        self._store = store
        self._clock = clock
        self._names = Names(store, roots)
        self._told: list[_Told] = []
        self.lost = 0
        """Links of new and changed sources whose target is not here."""

    def tell(
        self,
        found: Found,
        entry_id: str,
        made: Sequence[Sequence[str]],
        *,
        is_changed: bool,
        successor: str | None = None,
    ) -> None:
        """Note what a source says of its links.

        Args:
            found: What was found.
            entry_id: Its entry.
            made: The links that were made for it before.
            is_changed: Whether the source is new or says something else than last time.
            successor: The successor that it names.
        """
        successor = None if successor == entry_id else successor
        self._names.add(entry_id, found.relative, found.read.draft.title, found.names)
        said = [(link.target, link.type.value, link.reason) for link in found.read.links]
        said += [(link.target, link.type.value, link.reason) for link in found.read.named]
        before = [(target, kind, reason) for target, kind, reason in made]
        wanted = tuple(dict.fromkeys(link for link in said if link not in before))
        dropped = tuple(link for link in before if link not in said) if is_changed else ()
        if wanted or dropped or successor:
            kept = tuple(link for link in before if link in said)
            self._told.append(_Told(entry_id, found.path, found.relative, wanted, dropped, kept, is_changed, successor))

    def batches(self) -> Iterator[list[_Told]]:
        """What `store` is to be called with, each in a transaction of its own."""
        # the successor that an entry itself names comes last, so that it is the latest
        named = [replace(told, wanted=(), dropped=()) for told in self._told if told.successor]
        for all_of_them in (self._told, named):
            for start in range(0, len(all_of_them), AT_ONCE):
                some = all_of_them[start : start + AT_ONCE]
                yield some if all_of_them is named else [replace(told, successor=None) for told in some]

    def store(self, batch: Sequence[_Told]) -> None:
        """Make and take back the links of some sources; those to notes that are not here are only counted."""
        made: dict[_Ends, Link] = {}
        awaited: dict[_Ends, _Told] = {}
        remembered: dict[str, list[_Said]] = {}
        links = self._resolved(batch)
        for told in batch:
            self._drop(told, links)
            stored = []
            for said in told.wanted:
                link = links.get((told.path, said))
                if link is None:
                    self.lost += told.is_changed
                    continue
                if link.source == link.target:
                    continue
                stored.append(said)
                self._gather(made, link)
            if told.successor:
                succession = Link(told.successor, told.entry_id, LinkType.SUPERSEDES)
                self._gather(made, succession)
                awaited[_ends(succession)] = told
            if stored or told.dropped:
                remembered[told.path] = [*told.kept, *stored]
        self._remember(remembered)
        made_links = zip(made, put_links(self._store, list(made.values()), self._clock.now()), strict=True)
        for name, is_made in made_links:
            told_by = awaited.get(name)
            self.lost += not is_made and (told_by is None or told_by.is_changed)
            if told_by is not None and is_made is not told_by.is_changed:
                self._await(told_by, is_made=is_made)

    def _gather(self, made: dict[_Ends, Link], link: Link) -> None:
        """A succession is told at both its ends, at one of them with a reason."""
        name = _ends(link)
        made[name] = link if link.reason or name not in made else made[name]

    def _resolved(self, batch: Sequence[_Told]) -> dict[tuple[str, _Said], Link]:
        """What some sources say, as links between entries that are there, by the path of the source and what it says."""
        meant = {}
        for told in batch:
            for said in (*told.wanted, *((*told.kept, *told.dropped) if told.dropped else ())):
                target = said[0]
                found = target.upper() if is_ulid(target) else self._names.resolve(target, told.relative)
                if found is not None:
                    meant[told.path, said] = Link(told.entry_id, found, LinkType(said[1]), said[2])
        there = self._store.entries.keys_of({link.target for link in meant.values()})
        return {of: link for of, link in meant.items() if link.target in there}

    def _drop(self, told: _Told, links: Mapping[tuple[str, _Said], Link]) -> None:
        """Take back the links that a source made and says no more, not even in other words."""
        if not told.dropped:
            return
        still = {_ends(link) for said in (*told.wanted, *told.kept) if (link := links.get((told.path, said)))}
        gone = (links.get((told.path, said)) for said in told.dropped)
        remove_links(self._store, [link for link in gone if link and _ends(link) not in still], self._clock.now())

    def _await(self, told: _Told, *, is_made: bool) -> None:
        """Note that a successor is to come, or has come."""
        origin = self._store.origins.at(told.path)
        if origin is not None:
            fields, links = merging.decoded(origin.said)
            said = {name: value for name, value in (fields or {}).items() if name != merging.AWAITED}
            said |= {} if is_made else {merging.AWAITED: told.successor}
            self._store.origins.put(replace(origin, said=merging.encoded(said, links)))

    def _remember(self, made: Mapping[str, Sequence[_Said]]) -> None:
        """Note which links were made for some sources, by their paths."""
        said = self._store.origins.said(made)
        self._store.origins.say({path: merging.with_links(text, made[path]) for path, text in said.items()})


def _ends(link: Link) -> _Ends:
    return link.source, link.target, link.type
