"""What an entry says to a folder: its fields as JSON has them, and its links; what was agreed of it, packed."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from rekall.entry.fields import BY_NAME, Draft, Kind
from rekall.entry.record import CONTENT, edited_record, from_record
from rekall.entry.times import written
from rekall.entry.types import Link, LinkType
from rekall.errors import EntryDamaged, RekallError
from rekall.knowledge.deltas import packed, unpacked

State = Mapping[str, Any]
"""A field a name, with empty ones; other fields under their own names; `LINKS` a reason by type and target.

No time of change is in it: it would differ at every change.
"""

LINKS, SUCCESSOR, CREATED, STATUS = "links", "superseded_by", "created_at", "status"
OBSOLETE = "obsolete"

_BROKEN = (ValueError, TypeError, AttributeError, KeyError, RekallError)


def state_of(draft: Draft, links: Iterable[Link] = ()) -> dict[str, Any]:
    """What a draft or an entry says.

    Args:
        draft: The draft.
        links: The links that start at it.
    """
    created = draft.created_at
    return {
        **edited_record(draft),
        CONTENT: draft.content,
        CREATED: written(created) if isinstance(created, datetime) else "",
        LINKS: {name_of(link): link.reason for link in links},
    }


def draft_of(state: State, entry_id: str) -> Draft:
    """The draft that says this; its successor and links are for whoever stores it.

    Raises:
        EntryDamaged: It cannot be read.
    """
    fields = {name: value for name, value in state.items() if name not in (CONTENT, LINKS, SUCCESSOR)}
    try:
        draft = from_record(fields, state[CONTENT], state["title"], is_literal=True).draft
    except _BROKEN as error:
        raise EntryDamaged("what was agreed of an entry is damaged") from error
    return replace(draft, id=entry_id)


def name_of(link: Link) -> str:
    """The name of a link among those of its source."""
    return f"{link.type.value} {link.target}"


def link_of(source: str, name: str, reason: str) -> Link:
    """The link of that name."""
    kind, _, target = name.partition(" ")
    return Link(source, target, LinkType(kind), reason)


def target_of(name: str) -> str:
    """The id of the entry to which a link of that name leads."""
    return name.partition(" ")[2]


def state_hash(state: State) -> str:
    """What a deletion is known by: the hash of what was deleted, its links left out."""
    said = {
        name: value
        for name, value in state.items()
        if name not in (LINKS, SUCCESSOR, STATUS, CREATED) and value not in ("", [])
    }
    return hashlib.blake2b(_bytes(json.dumps(said, sort_keys=True, ensure_ascii=False)), digest_size=16).hexdigest()


def different(one: State, other: State) -> tuple[str, ...]:
    """The names of the fields in which two states differ."""
    return tuple(name for name in dict.fromkeys((*one, *other)) if one.get(name, "") != other.get(name, ""))


def is_list(name: str) -> bool:
    """Whether a field is a list."""
    known = BY_NAME.get(name)
    return known is not None and known.kind.is_list and known.kind is not Kind.OTHER


def is_text(name: str) -> bool:
    """Whether a field is a text of several lines."""
    known = BY_NAME.get(name)
    return known is not None and known.kind is Kind.TEXT


@dataclass(frozen=True, slots=True)
class Pair:
    """What was agreed of an entry. What a file cannot say, or a base cannot hold, makes both sides differ.

    Attributes:
        here: What the base said; None where that was forgotten.
        there: What its file said.
        held: Names of links that the file says and the base cannot have, since their targets are not here.
        pending: Whether the file was still to be written.
        before: What the file said, and is known by, before that; None where there was none.
        before_hash: The hash of that file.
    """

    here: State | None = None
    there: State | None = None
    held: frozenset[str] = frozenset()
    pending: bool = False
    before: State | None = None
    before_hash: str = ""


@dataclass
class _Parts:
    """The parts of what is packed, each with its length in the first line."""

    head: dict[str, Any] = field(default_factory=dict)
    body: bytes = b""

    def add(self, name: str, data: bytes) -> None:
        self.head[name] = [len(self.body), len(data)]
        self.body += data

    def part(self, name: str) -> bytes | None:
        if name not in self.head:
            return None
        start, size = self.head[name]
        return self.body[start : start + size]


def pack(pair: Pair) -> bytes:
    """What was agreed, in little room."""
    parts = _Parts()
    if pair.here is not None:
        parts.add("here", packed(pair.here, None))
    if pair.there is not None and pair.there != pair.here:
        parts.add("there", packed(pair.there, pair.here))
    if pair.before is not None:
        parts.add("before", packed(pair.before, pair.there))
    if pair.held:
        parts.head["held"] = sorted(pair.held)
    if pair.pending:
        parts.head["pending"] = pair.before_hash
    return _bytes(json.dumps(parts.head)) + b"\n" + parts.body if parts.head else b""


def unpack(data: bytes) -> Pair:
    """What was agreed; nothing where it was forgotten, or is damaged."""
    if not data:
        return Pair()
    line, _, body = data.partition(b"\n")
    try:
        parts = _Parts(json.loads(line), body)
        here = parts.part("here")
        mine = None if here is None else unpacked(here, None)
        other = parts.part("there")
        there = mine if other is None else unpacked(other, mine)
        earlier = parts.part("before")
        before = None if earlier is None else unpacked(earlier, there)
        held = frozenset(map(str, parts.head.get("held", ())))
        return Pair(mine, there, held, "pending" in parts.head, before, str(parts.head.get("pending", "")))
    except _BROKEN:
        return Pair()


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")
