"""What is remembered of a source: what it said, as hashes and in little room, and the links that were made for it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from typing import Any

from rekall.entry.fields import Entry
from rekall.entry.record import others_apart, plain
from rekall.exchange.reading import Found
from rekall.knowledge import merging
from rekall.knowledge.known import record_id_of
from rekall.store.values import Origin

_HASHED = (
    *("title", "type", "tags", "project", "status", "superseded_by", "confidence", "situation", "solution"),
    *("what_failed", "error_messages", "files", "keywords", "sources"),
)
"""The order in which fields enter a hash; another one would take everything imported before for edited."""


def origin_of(found: Found, key: int, told: Entry, links: Sequence[Sequence[str]]) -> Origin:
    """Where an entry comes from, and what its source said.

    Args:
        found: What was found.
        key: The key of the entry.
        told: The entry as the source makes it.
        links: The links that were made for it: target, type and reason of each.
    """
    said = merging.encoded(merging.said_by(told), links)
    hashes = found.source_hash, entry_hash(told)
    return Origin(found.path, key, *hashes, told.superseded_by, record_id_of(found), said)


def entry_hash(entry: Entry) -> bytes:
    """Hash of everything an entry says, times left out. A field that is empty does not count."""
    fields: dict[str, Any] = {}
    for name in _HASHED:
        value = getattr(entry, name)
        if value or value == 0:
            fields[name] = plain(value)
    if entry.other_fields:
        fields |= others_apart({other.name: other.value for other in entry.other_fields})
    return hashlib.blake2b(json.dumps([fields, entry.content]).encode(), digest_size=16).digest()


def is_same(old: Entry, new: Entry) -> bool:
    """Whether two entries say the same."""
    return entry_hash(old) == entry_hash(new)
