"""Takes entries out of a base, to be written to files."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from rekall.entry.fields import Entry
from rekall.entry.filters import Filters
from rekall.entry.types import Link
from rekall.exchange.writing import write
from rekall.store.values import Selection

if TYPE_CHECKING:
    from rekall.store.contract import Store

_BATCH = 256
"""Entries read at a time."""


def export(store: Store, path: Path, filters: Filters, progress: Callable[[int], None]) -> int:
    """Write entries to a `.jsonl` file or a Markdown folder. Returns how many.

    Raises:
        InvalidInput: The path ends in something else, or cannot be a folder.
    """
    wanted = None if filters.is_empty else set(store.entries.keys(Selection(filters)))
    return write(path, _chosen(store, wanted), progress)


def _chosen(store: Store, wanted: set[int] | None) -> Iterator[tuple[Entry, list[Link]]]:
    stream = ((key, entry) for key, entry in store.entries.stream() if wanted is None or key in wanted)
    while batch := list(islice(stream, _BATCH)):
        links = store.links.starting_at(key for key, _ in batch)
        yield from ((entry, links.get(entry.id, [])) for _, entry in batch)
