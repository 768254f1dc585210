"""What was done to a base, and what an entry said after each change: read back from the present."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from rekall.entry.fields import Entry, values_of
from rekall.entry.rules import nearest
from rekall.entry.types import Link, LinkType
from rekall.entry.view import EntryView
from rekall.errors import EntryDamaged, NotFound
from rekall.knowledge.deltas import Saying, draft_of, saying, unpacked, without_origin
from rekall.store.past import LinkVersion, Operation, Touched, Version, Was

if TYPE_CHECKING:
    from rekall.store.contract import Store


@dataclass(frozen=True, slots=True)
class State:
    """What an entry was after an operation.

    Attributes:
        number: That of the operation, by which the version is named; 0 is what was before all that is known.
        operation: The operation; None for number 0.
        said: What the entry said then; None where it was not there.
        changed: The fields that the operation changed.
        links: The links that it had then.
        changes_links: Whether the operation changed them.
    """

    number: int
    operation: Operation | None
    said: Saying | None
    changed: tuple[str, ...] = ()
    links: tuple[Link, ...] = ()
    changes_links: bool = False


@dataclass(frozen=True, slots=True)
class Done:
    """Something that was done, and to what.

    Attributes:
        operation: The operation.
        touched: How much it changed.
        title: The title of one of the entries, as it is now; empty where nobody knows it any more.
    """

    operation: Operation
    touched: Touched
    title: str = ""


def done(store: Store, limit: int) -> list[Done]:
    """What was done last, the latest first."""
    with store.snapshot():
        operations = store.history.latest(limit)
        touched = store.history.touched(each.number for each in operations)
        titles = titles_of(store, {each.entry_id for each in touched.values()})
    nothing = Touched()
    return [
        Done(each, (found := touched.get(each.number, nothing)), titles.get(found.entry_id, "")) for each in operations
    ]


def titles_of(store: Store, ids: Iterable[str]) -> dict[str, str]:
    """Titles by full id, of deleted entries too."""
    wanted = {each for each in ids if each}
    titles = store.entries.titles(wanted)
    for gone in wanted - set(titles):
        if store.tombstones.has(gone):
            try:
                titles[gone] = store.tombstones.resolve(gone).title
            except (NotFound, EntryDamaged):  # there is one, and it cannot be read
                continue
    return titles


def made_by(store: Store, operation: int) -> Iterator[list[Version]]:
    """The versions of an operation, some hundreds at a time: an import may have made a hundred thousand."""
    ids = store.history.changed_by(operation)
    for first in range(0, len(ids), _READ_AT_ONCE):
        yield store.history.made_by(operation, ids[first : first + _READ_AT_ONCE])


_READ_AT_ONCE = 200


def entry_of(said: Saying) -> Entry:
    """The entry that said this, with no successor. Raises EntryDamaged: It cannot be read."""
    draft = draft_of(said)
    created = draft.created_at or draft.updated_at
    if draft.id is None or created is None:
        raise EntryDamaged("what is kept of an earlier version is damaged")
    return Entry(**values_of(draft) | {"created_at": created, "updated_at": draft.updated_at or created})


def view_of(store: Store, state: State) -> EntryView:
    """A version that says something, as entries are shown."""
    entry = entry_of(state.said or {})
    after = [link.source for link in state.links if link.type is LinkType.SUPERSEDES and link.target == entry.id]
    entry = replace(entry, superseded_by=after[-1] if after else None)
    titles = titles_of(store, {end for link in state.links for end in (link.source, link.target)})
    return EntryView.of(entry, state.links, titles)


def states(store: Store, entry_id: str) -> list[State]:
    """The versions of an entry, the present one first, as far back as they are known.

    Args:
        store: The store.
        entry_id: The full id of an entry, or of a deleted one.

    Raises:
        NotFound: Nothing is known of it.
    """
    with store.snapshot():
        key = store.entries.key_of(entry_id)
        entry = None if key is None else store.entries.one(key)
        now = () if key is None else tuple(store.links.of(key))
        versions = {each.operation: each for each in store.history.of(entry_id)}
        links: dict[int, list[LinkVersion]] = {}
        for link in store.history.links_of(entry_id):
            links.setdefault(link.operation, []).append(link)
        numbers = sorted({*versions, *links}, reverse=True)
        operations = store.history.operations(numbers)
    if entry is None and not versions:
        raise NotFound(f"no entry {entry_id!r}", "`rekall list` shows the ids")
    said: Saying | None = None if entry is None else saying(entry)
    found: list[State] = []
    for number in numbers:
        operation, version, after = operations.get(number), versions.get(number), said
        before = links_before(now, links.get(number, ()))
        has_links = number in links
        try:
            said = after if version is None else before_of(version, after)
        except EntryDamaged:
            found.append(State(number, operation, after, (), now, has_links))
            return found
        found.append(State(number, operation, after, different(said, after), now, has_links))
        now = before
    if said is not None:  # what was there before anything was remembered
        found.append(State(0, None, said, (), now))
    return found


def state(store: Store, entry_id: str, number: int) -> State:
    """One version of an entry. Raises NotFound: There is none of that number, or the entry was not there then."""
    found = states(store, entry_id)
    for each in found:
        if each.number == number and each.said is not None:
            return each
    listed = "`rekall history ENTRY` lists its versions"
    if any(each.number == number for each in found):
        raise NotFound(f"version {number} says nothing: the entry was deleted then", listed)
    there = [str(each.number) for each in found if each.said is not None]
    near = nearest(str(number), there) if len(there) > _MOST_NAMED else ""
    has = f"did you mean {near}?" if near else ""
    more = " and earlier ones" if len(there) > _MOST_NAMED else ""
    others = f", but {', '.join(there[:_MOST_NAMED])}{more}" if there else ""
    raise NotFound(f"that entry has no version {number}{others}", f"{has} {listed}".strip())


_MOST_NAMED = 6


def links_before(now: Sequence[Link], versions: Iterable[LinkVersion]) -> tuple[Link, ...]:
    """The links of an entry before an operation, by those after it."""
    found = {(link.source, link.target, link.type.value): link for link in now}
    for was in versions:
        ends = (was.source, was.target, was.type)
        if was.reason is None:
            found.pop(ends, None)
        elif ends in found:
            found[ends] = replace(found[ends], reason=was.reason)
        elif was.type in _LINK_TYPES:
            found[ends] = Link(was.source, was.target, LinkType(was.type), was.reason)
    return tuple(found.values())


_LINK_TYPES = frozenset(each.value for each in LinkType)


def before_of(version: Version, after: Saying | None) -> Saying | None:
    """What an entry said before an operation; None where it was not there. Raises EntryDamaged."""
    if version.was in (Was.NOTHING, Was.DELETED):
        return None
    if version.was is Was.THERE:
        return without_origin(unpacked(version.state, None))
    return unpacked(version.state, after)


def different(before: Saying | None, after: Saying | None) -> tuple[str, ...]:
    """The fields in which two states differ, without the time of the change."""
    if before is None or after is None:
        return ()
    names = dict.fromkeys((*before, *after))
    return tuple(name for name in names if name != "updated_at" and before.get(name) != after.get(name))
