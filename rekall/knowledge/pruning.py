"""Entries whose source is gone: told by every import, deleted by one with `--prune`."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING

from rekall.errors import InvalidInput
from rekall.exchange.dialect import Refused
from rekall.exchange.folders import Walk
from rekall.exchange.places import identity, is_there, on_disk
from rekall.knowledge.importing import Importer
from rekall.knowledge.origins import THEIRS, files_of, put_aside
from rekall.knowledge.writing import EntryService
from rekall.store.values import Origin
from rekall.system.clock import Clock

if TYPE_CHECKING:  # protocols cost memory that a search does not need
    from rekall.store.contract import Store


def find_gone(store: Store, importer: Importer, walk: Walk, roots: Sequence[str], *, prune: bool) -> list[Origin]:
    """What was imported from these paths before and is not there any more.

    A path under which there is nothing at all may be a disk that is not mounted: what lay there is not deleted.

    Args:
        store: The base.
        importer: What it found; its report is told of paths that are empty.
        walk: The files that there are.
        roots: Identities of the paths that were imported.
        prune: Whether it is to be deleted.
    """
    gone: dict[str, Origin] = {}
    for root in (*roots, *map(identity, walk.linked)):
        lost = [
            origin
            for origin in store.origins.under(root)
            if not origin.path.endswith(THEIRS)
            and not importer.was_seen(origin.path)
            and _is_gone(importer, origin.path)
        ]
        if lost and prune and not _holds_any(walk, root):
            empty = InvalidInput(
                "there is no note, so nothing that came from there was deleted",
                "is the folder there, and mounted? `rekall delete` deletes single entries",
            )
            importer.report.refused.append(Refused(root, empty))
        else:
            gone.update((origin.path, origin) for origin in lost)
    return list(gone.values())


def _holds_any(walk: Walk, root: str) -> bool:
    """Whether a file was found under a path, whichever way it was reached."""
    files = (identity(file.path) for file in walk.files)
    return any(file == root or file.startswith(root.rstrip(os.sep) + os.sep) for file in files)


class Pruner:
    """Deletes entries whose source is gone."""

    def __init__(self, store: Store, writer: EntryService, clock: Clock, importer: Importer) -> None:
        """Work for an import.

        Args:
            store: The base.
            writer: Takes entries out.
            clock: The time.
            importer: Knows what was edited here, and has the report.
        """
        self._store = store
        self._writer = writer
        self._clock = clock
        self._importer = importer

    def take(self, origins: Sequence[Origin]) -> None:
        """Delete the entries of some sources; one that was edited here stays. Call it inside a transaction."""
        entries = self._store.entries.by_keys(origin.entry_key for origin in origins)
        for origin in origins:
            entry = entries.get(origin.entry_key)
            now = self._store.origins.of(origin.entry_key)
            if entry is None or now is None or now.path != origin.path:
                continue
            if self._importer.was_edited(entry, now):
                self._importer.report.kept.append(f"{origin.path} (gone, and edited here)")
            else:
                self._store.origins.put(put_aside(now))  # so that it comes back when its source does
                self._writer.take_out(origin.entry_key, entry, self._clock.now())
                self._importer.report.pruned += 1


def _is_gone(importer: Importer, path: str) -> bool:
    """Whether the file is not there, or was read whole and does not hold the record any more."""
    for file in files_of(path):
        if is_there(file):
            # one without a byte may be a copy under way
            return file != path and importer.was_read(file) and os.path.getsize(on_disk(file)) > 0
    return True
