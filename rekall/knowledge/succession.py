"""What supersedes what. Links alone say it; a status follows them, in every door alike (docs/adr/0013).

An entry that another supersedes is obsolete. When its last such link is removed, or somebody says that it is active
again, link and status change together. When its successor is deleted, it stays obsolete.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING

from rekall.entry.fields import Draft, Entry
from rekall.entry.types import Link, LinkType, Status
from rekall.errors import InvalidInput, NotFound

if TYPE_CHECKING:  # protocols cost memory that a search does not need
    from rekall.store.contract import Store


def settled(draft: Draft, old: Entry | None = None) -> Draft:
    """A draft whose status and successor agree: what was changed decides, else the successor.

    Args:
        draft: What an entry is to say.
        old: What it said before; None for a new one.
    """
    if draft.superseded_by is None or draft.status is Status.OBSOLETE:
        return draft
    was_reopened = old is not None and old.status is Status.OBSOLETE and old.superseded_by == draft.superseded_by
    return replace(draft, superseded_by=None) if was_reopened else replace(draft, status=Status.OBSOLETE)


def put_successor(store: Store, entry: Entry, before: str | None, now: datetime, reason: str = "") -> None:
    """Make the links say what an entry says of its successor. Call it inside the transaction.

    Args:
        store: The base; the entry is stored already.
        entry: The entry as it is now.
        before: The id of the successor that it had.
        now: The time of the link.
        reason: Why, kept on the link; empty leaves the reason that a link has.

    Raises:
        NotFound: The successor was deleted since it was looked up.
        InvalidInput: What it names is superseded by it.
    """
    after = entry.superseded_by
    if after == before and not reason:
        return
    if after is not None:
        _refuse_a_round(store, after, entry.id)
    if before is not None and before != after:
        key = store.entries.key_of(entry.id)
        assert key is not None, "the entry is stored first"
        for source in superseding(store, key, entry.id) if after is None else [before]:
            store.links.remove(Link(source, entry.id, LinkType.SUPERSEDES))
    if after is not None and not store.links.put(
        with_reason(store, Link(after, entry.id, LinkType.SUPERSEDES, reason)), now
    ):
        raise NotFound(f"entry {after} was just deleted", "name another successor, or none")


def with_reason(store: Store, link: Link) -> Link:
    """A link that says no reason, with the one that it has already."""
    source, target = store.entries.key_of(link.source), store.entries.key_of(link.target)
    if link.reason or source is None or target is None:
        return link
    return next((known for known in store.links.between(source, target) if known.type is link.type), link)


def superseding(store: Store, key: int, entry_id: str) -> list[str]:
    """Ids of the entries that supersede one."""
    links = store.links.of(key)
    return [link.source for link in links if link.type is LinkType.SUPERSEDES and link.target == entry_id]


def put_link(store: Store, link: Link, now: datetime) -> bool:
    """Store a link that a person makes, and what follows from it: what is superseded is obsolete. Call it inside a transaction.

    Returns:
        Whether it is stored: False when an end is not there.

    Raises:
        InvalidInput: It would let an entry supersede what supersedes it.
    """
    if link.type is LinkType.SUPERSEDES:
        _refuse_a_round(store, link.source, link.target)
    return _put(store, [link], now)[0]


def put_links(store: Store, links: Sequence[Link], now: datetime) -> list[bool]:
    """Store what sources say, each once; one that says no reason keeps the reason that it has already.

    Sources of which each is sound can supersede each other in a round together. That is stored, and `conflicts` tells it.
    """
    silent = {link.source for link in links if not link.reason}
    known = store.links.starting_at(store.entries.keys_of(silent).values()) if silent else {}
    said = {(each.source, each.target, each.type): each for of_one in known.values() for each in of_one}
    return _put(
        store, [link if link.reason else said.get((link.source, link.target, link.type), link) for link in links], now
    )


def _refuse_a_round(store: Store, successor: str, old: str) -> None:
    """Raise InvalidInput where an entry supersedes its successor, be it through others: none of them would hold."""
    reached: set[str] = set()
    edge = {successor}
    while edge:
        if old in edge:
            title = store.entries.titles([successor]).get(successor, successor)
            raise InvalidInput(
                f"{title!r} is superseded by this one, so that neither would hold",
                f"`rekall edit {successor} --status active` first makes that one hold again",
            )
        reached |= edge
        links = store.links.touching(store.entries.keys_of(edge).values())
        edge = {link.source for link in links if link.type is LinkType.SUPERSEDES and link.target in edge} - reached


def _put(store: Store, links: Sequence[Link], now: datetime) -> list[bool]:
    are_stored = store.links.put_many(links, now)
    for link, is_stored in zip(links, are_stored):
        if is_stored and link.type is LinkType.SUPERSEDES:
            _set_status(store, link.target, Status.OBSOLETE, now)
    return are_stored


def remove_links(store: Store, links: Iterable[Link], now: datetime) -> None:
    """Remove links, and what followed from them: without a successor an entry is active again.

    Call it inside a transaction.
    """
    for link in links:
        store.links.remove(link)
        key = store.entries.key_of(link.target)
        if link.type is LinkType.SUPERSEDES and key is not None and not superseding(store, key, link.target):
            _set_status(store, link.target, Status.ACTIVE, now)


def _set_status(store: Store, entry_id: str, status: Status, now: datetime) -> None:
    key = store.entries.key_of(entry_id)
    entry = None if key is None else store.entries.by_keys([key]).get(key)
    if key is not None and entry is not None and entry.status is not status:  # None when it is damaged
        store.entries.update(key, replace(entry, status=status, updated_at=now))
