"""Takes entries out of a base, all at one moment, to be written to files."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import datetime
from itertools import islice
from pathlib import Path
from typing import IO, TYPE_CHECKING

from rekall.entry.fields import Draft, Entry, values_of
from rekall.entry.filters import Filters
from rekall.entry.rules import chosen
from rekall.entry.types import Link, Tombstone
from rekall.errors import EntryDamaged
from rekall.exchange.outgoing import Deleted, Outgoing, Written
from rekall.exchange.writing import Format, format_of, write
from rekall.knowledge import kept
from rekall.store.values import Selection

if TYPE_CHECKING:
    from rekall.store.contract import Store

_BATCH = 256
"""Entries read at a time."""

_ALL = 2**62


def export(
    store: Store,
    target: Path | IO[bytes],
    filters: Filters,
    progress: Callable[[int], None],
    *,
    form: Format | None = None,
    deleted: bool = True,
    looks_for_secrets: bool = True,
) -> Written:
    """Write entries to a file, a folder or a stream.

    Args:
        store: The base.
        target: Where to.
        filters: Which entries; with any, what was deleted is left out.
        progress: Told how many entries were written.
        form: How; by default as the path says, and JSON lines to a stream.
        deleted: Whether what was deleted is written too, where the form has a place for it.
        looks_for_secrets: Whether the answer names the entries that hold what looks like a key or token.

    Raises:
        InvalidInput: The path asks for no form, or does not fit the form.
    """
    form = form or (format_of(target) if isinstance(target, Path) else Format.JSONL)
    with store.snapshot():  # links agree with entries, whatever others write meanwhile
        keys = None if filters.is_empty else set(store.entries.keys(Selection(filters)))
        outgoing = outgoing_of(store, keys, progress, deleted=deleted and filters.is_empty)
        holding: list[str] = []
        if looks_for_secrets:
            outgoing = watched(outgoing, holding)
        return replace(write(target, form, outgoing), format=form.value, secrets=tuple(holding))


def watched(outgoing: Outgoing, holding: list[str]) -> Outgoing:
    """What goes out, as before; the ids of what holds a secret are noted on the way."""
    from rekall.entry.secrets import found_in

    def noted(entry: Entry) -> None:
        if found_in(entry):
            holding.append(entry.id)

    def entries() -> Iterator[tuple[Entry, Sequence[Link]]]:
        for entry, links in outgoing.entries:
            noted(entry)
            yield entry, links

    def deleted() -> Iterator[Deleted]:
        for each in outgoing.deleted:
            noted(each.entry)
            yield each

    return replace(outgoing, entries=entries(), deleted=deleted())


def named_form(name: str) -> Format | None:
    """The form of that name, None for an empty one. Raises InvalidInput; the nearest is suggested."""
    return chosen(Format, name, "format") if name else None


def outgoing_of(
    store: Store, keys: set[int] | None, progress: Callable[[int], None], *, deleted: bool = False
) -> Outgoing:
    """What goes out: entries by their keys, None for all, and what was deleted where that is wanted."""
    count = store.entries.count() if keys is None else len(keys)

    def ids() -> Sequence[str]:
        if keys is None:
            return store.entries.ids_in_order()
        return [entry.id for _, entry in _stream(store, keys)]

    return Outgoing(
        count=count,
        entries=_chosen(store, keys),
        ids=ids,
        titles=lambda: store.entries.titles(store.entries.ids_in_order()),
        takes_deleted=deleted,
        deleted=_deleted(store) if deleted else (),
        deleted_at=lambda: _deleted_at(store),
        progress=progress,
    )


def _chosen(store: Store, wanted: set[int] | None) -> Iterator[tuple[Entry, list[Link]]]:
    stream = _stream(store, wanted)
    while batch := list(islice(stream, _BATCH)):
        links = store.links.starting_at(key for key, _ in batch)
        yield from ((entry, _in_order(links.get(entry.id, ()))) for _, entry in batch)


def _stream(store: Store, wanted: set[int] | None) -> Iterator[tuple[int, Entry]]:
    return ((key, entry) for key, entry in store.entries.stream() if wanted is None or key in wanted)


def _in_order(links: Iterable[Link]) -> list[Link]:
    """Links in an order that does not tell in which they were made, so that a copy is written the same."""
    return sorted(links, key=lambda link: (link.source, link.target, link.type.value))


def _deleted(store: Store) -> Iterator[Deleted]:
    """Every deleted entry, in the order in which they were deleted."""
    for tombstone in _tombstones(store):
        with contextlib.suppress(EntryDamaged):  # one that is damaged is left to `rekall check`
            was = kept.read(store, tombstone)
            if was is not None:
                yield Deleted(_as_it_was(tombstone, was.draft), tombstone.deleted_at, _in_order(was.links))


def _as_it_was(tombstone: Tombstone, draft: Draft) -> Entry:
    """A deleted entry, of what its tombstone keeps."""
    times = {
        "created_at": draft.created_at or tombstone.deleted_at,
        "updated_at": draft.updated_at or tombstone.deleted_at,
    }
    return Entry(**(values_of(draft) | times | {"id": tombstone.id}))


def _deleted_at(store: Store) -> dict[str, datetime]:
    return {tombstone.id: tombstone.deleted_at for tombstone in _tombstones(store)}


def _tombstones(store: Store) -> list[Tombstone]:
    return sorted(store.tombstones.latest(_ALL), key=lambda each: (each.deleted_at, each.id))
