"""Takes a base, or a part of it, out as a page to wander in."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import replace
from pathlib import Path
from typing import IO, TYPE_CHECKING

from rekall.errors import InvalidInput
from rekall.exchange.graph_page import Pair, write_graph
from rekall.exchange.outgoing import Outgoing, Written
from rekall.knowledge.exporting import outgoing_of, watched
from rekall.system.files import make_private_folder, named_file_written_whole
from rekall.system.leftovers import sweep_beside

if TYPE_CHECKING:
    from rekall.store.contract import Store

MOST = 5_000
"""Entries on a page that a browser still moves without effort; the newest are taken."""


def write_page(
    store: Store,
    target: Path | IO[bytes],
    keys: set[int] | None,
    near: Collection[tuple[int, int]],
    progress: Callable[[int], None] = lambda count: None,
) -> Written:
    """Write entries as a page; the caller holds a snapshot.

    Args:
        store: The base.
        target: The file, written whole or not at all; or a stream.
        keys: Which entries; None for all.
        near: Which of them are near in meaning, by their keys.
        progress: Told how many entries were written.

    Raises:
        InvalidInput: The target is a folder.
    """
    holding: list[str] = []
    ids = {key: entry.id for key, entry in store.entries.by_keys({end for pair in near for end in pair}).items()}
    pairs = [Pair(ids[one], ids[other]) for one, other in near if one in ids and other in ids]
    outgoing = watched(outgoing_of(store, keys, progress), holding)
    written = _write_file(target, outgoing, pairs) if isinstance(target, Path) else write_graph(target, outgoing, pairs)
    return replace(written, format="html", secrets=tuple(holding))


def _write_file(path: Path, outgoing: Outgoing, near: Collection[Pair]) -> Written:
    sweep_beside(path)
    if path.is_dir():
        raise InvalidInput(f"{path} is a folder, and the page is one file", f"name the file: {path / 'rekall'}.html")
    make_private_folder(path.parent)
    with named_file_written_whole(path) as file:
        return write_graph(file, outgoing, near)
