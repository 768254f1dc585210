"""Entries whose source is gone: told by every import, deleted by one with `--prune`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rekall.errors import InvalidInput
from rekall.exchange.places import is_there
from rekall.knowledge.importing import Importer
from rekall.knowledge.origins import THEIRS, files_of
from rekall.knowledge.writing import EntryService
from rekall.store.values import Origin
from rekall.system.clock import Clock

if TYPE_CHECKING:  # protocols cost memory that a search does not need
    from rekall.store.contract import Store


def find_gone(store: Store, importer: Importer, roots: Sequence[str], *, has_files: bool, prune: bool) -> list[Origin]:
    """What was imported from these paths before and is not there any more.

    Args:
        store: The base.
        importer: What it found.
        roots: Identities of the paths that were imported.
        has_files: Whether there was any file to read.
        prune: Whether it is to be deleted.

    Raises:
        InvalidInput: There is nothing at all under the paths: a disk that is not mounted looks like that.
    """
    gone = [
        origin
        for root in roots
        for origin in store.origins.under(root)
        if not origin.path.endswith(THEIRS) and not importer.was_seen(origin.path) and _is_gone(importer, origin.path)
    ]
    if gone and prune and not has_files:
        raise InvalidInput(
            "there is no note under these paths, so nothing was deleted",
            "is the folder there, and mounted? `rekall delete` deletes single entries",
        )
    return gone


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
                self._writer.take_out(origin.entry_key, entry, self._clock.now())
                self._importer.report.pruned += 1


def _is_gone(importer: Importer, path: str) -> bool:
    """Whether the file is not there, or was read whole and does not hold the record any more."""
    for file in files_of(path):
        if is_there(file):
            return file != path and importer.was_read(file)
    return True
