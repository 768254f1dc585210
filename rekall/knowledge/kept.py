"""What is kept of a deleted entry: written when it is deleted, read when it is restored or exported."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from rekall.entry.fields import Draft, Entry
from rekall.entry.record import from_record, to_record
from rekall.entry.types import Link, LinkType, Tombstone
from rekall.errors import EntryDamaged, RekallError
from rekall.store.values import Origin

if TYPE_CHECKING:  # protocols cost memory that a search does not need
    from rekall.store.contract import Store

_SAID = 5
"""Where what its source said stands in what is kept of an origin."""

_BROKEN = (ValueError, TypeError, AttributeError, KeyError, RekallError)
"""What reading a record ends in that was damaged on the disk."""


@dataclass(frozen=True, slots=True)
class Kept:
    """A deleted entry as it was.

    Attributes:
        draft: What it said; its successor is a link.
        successor: The id of its successor, or None.
        deleted_at: When it was deleted.
        links: Those that touched it.
        origin: Where it had been imported from, with no key; or None.
        record: The record that says all this, to tell whether it changes.
    """

    draft: Draft
    successor: str | None
    deleted_at: datetime
    links: tuple[Link, ...]
    origin: Origin | None
    record: Mapping[str, Any]


def record_of(entry: Entry, links: Iterable[Link], origin: Origin | None) -> dict[str, Any]:
    """All that `restore` needs of a deleted entry, as JSON can hold it.

    Args:
        entry: The entry as it was.
        links: Those that touched it, in both directions.
        origin: Where it had been imported from, or None.
    """
    return {
        "entry": {**to_record(entry, full=True), "content": entry.content},
        "links": [[link.source, link.target, link.type.value, link.reason] for link in links],
        "origin": _origin_record(origin) if origin else None,
    }


def read(store: Store, tombstone: Tombstone) -> Kept | None:
    """What a tombstone keeps; None when it is gone.

    Raises:
        EntryDamaged: It cannot be read.
    """
    record = store.tombstones.record(tombstone.id)
    if record is None:
        return None
    try:
        said = record["entry"]
        draft = from_record(said, said.get("content", ""), tombstone.title, tombstone.type).draft
        links = tuple(_links(record, tombstone.id))
        return Kept(draft, said.get("superseded_by"), tombstone.deleted_at, links, _origin(record), record)
    except _BROKEN as error:
        raise EntryDamaged(f"what is kept of the deleted entry {tombstone.id} is damaged") from error


def with_link(record: Mapping[str, Any], link: Link) -> dict[str, Any]:
    """The record of another deleted entry with one more link, or with that one as it is now."""
    added = [link.source, link.target, link.type.value, link.reason]
    return {**record, "links": [*(each for each in record.get("links", ()) if each[:3] != added[:3]), added]}


def without_links_to(record: Mapping[str, Any], entry_id: str) -> dict[str, Any] | None:
    """The record of another deleted entry without its links to this one; None where it has none."""
    links = record.get("links", ())
    left = [link for link in links if entry_id not in link[:2]]
    superseded = [other for other in record.get("superseded", ()) if other != entry_id]
    origin = record.get("origin")
    if isinstance(origin, list) and len(origin) > _SAID:
        origin = [*origin[:_SAID], without_link_to(origin[_SAID], entry_id), *origin[_SAID + 1 :]]
    is_same = len(left) == len(links) and len(superseded) == len(record.get("superseded", ()))
    if is_same and origin == record.get("origin"):
        return None
    return {**record, "links": left, "superseded": superseded, "origin": origin}


def without_link_to(said: str, entry_id: str) -> str:
    """What a source said, without its links to an entry; the same text where it has none."""
    from rekall.knowledge import merging  # no search needs it

    fields, links = merging.decoded(said)
    left = [link for link in links if link[0] != entry_id]
    return said if left == links else merging.encoded(fields, left)


def _origin_record(origin: Origin) -> list[str | None]:
    hashes = (origin.source_hash.hex(), origin.entry_hash.hex())
    return [origin.path, *hashes, origin.successor, origin.record_id, origin.said]


def _origin(record: Mapping[str, Any]) -> Origin | None:
    if not record.get("origin"):
        return None
    path, source_hash, entry_hash, *more = record["origin"]  # Rekall 0.1 kept three of them
    return Origin(path, 0, bytes.fromhex(source_hash), bytes.fromhex(entry_hash), *more)


def _links(record: Mapping[str, Any], entry_id: str) -> Iterable[Link]:
    """The links that a record keeps; those of Rekall 0.1 keep successions beside them."""
    links = [Link(source, target, LinkType(kind), reason) for source, target, kind, reason in record.get("links", ())]
    pairs = [(entry_id, other) for other in record.get("superseded", ())]
    successor = record.get("entry", {}).get("superseded_by")
    pairs += [(successor, entry_id)] if successor else []
    known = {(link.source, link.target) for link in links if link.type is LinkType.SUPERSEDES}
    return [*links, *(Link(*pair, LinkType.SUPERSEDES) for pair in pairs if pair not in known)]
