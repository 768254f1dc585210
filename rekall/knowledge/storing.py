"""Stores entries with their words and passages, as many at once as there are; the caller holds the transaction."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rekall.embeddings import EmbeddingService
from rekall.entry.fields import Entry
from rekall.prepared import Prepared

if TYPE_CHECKING:  # protocols cost memory that a search does not need
    from rekall.store.contract import Store


def put_new(
    store: Store, embeddings: EmbeddingService, entries: Sequence[Entry], prepared: Prepared | None = None
) -> list[int]:
    """Store new entries. Returns their keys. With vectors, `prepared`, there is one."""
    keys = store.entries.insert_many(entries)
    store.tombstones.drop(*(entry.id for entry in entries))
    _take_schedules(store, keys, entries)
    _index(store, embeddings, list(zip(keys, entries, strict=True)), prepared)
    return keys


def _take_schedules(store: Store, keys: Sequence[int], entries: Sequence[Entry]) -> None:
    """Take over when the source of an entry wanted it to be looked at again."""
    planned = [(key, entry) for key, entry in zip(keys, entries, strict=True) if entry.other_fields]
    if planned:
        from rekall.knowledge.review_memory import taken_over  # few notes bring such fields

        for key, entry in planned:
            review = taken_over(entry)
            if review is not None:
                store.reviews.put(key, review)


def put_again(
    store: Store, embeddings: EmbeddingService, key: int, entry: Entry, prepared: Prepared | None = None
) -> None:
    """Store what an entry says now."""
    store.entries.update(key, entry)
    _index(store, embeddings, [(key, entry)], prepared)


def _index(
    store: Store, embeddings: EmbeddingService, entries: Sequence[tuple[int, Entry]], prepared: Prepared | None
) -> None:
    """Index words and passages; without vectors these are made later."""
    store.words.put_many(entries)
    if prepared is None:
        embeddings.put_unembedded(entries)
    else:
        for key, _ in entries:
            embeddings.put(key, prepared)
