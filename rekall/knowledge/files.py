"""Entries from files and to files: `rekall import` and `rekall export`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from os import PathLike
from pathlib import Path
from typing import IO, TYPE_CHECKING

from rekall.embeddings import EmbeddingService, Progress
from rekall.entry.filters import Filters
from rekall.entry.types import EntryType
from rekall.errors import EngineError
from rekall.knowledge.writing import EntryService
from rekall.system.clock import Clock

if TYPE_CHECKING:  # a search needs none of the import and export rooms
    from rekall.exchange.outgoing import Written
    from rekall.knowledge.importing import ImportReport
    from rekall.store.contract import Store


class _DryRun(Exception):
    """Leaves a transaction without keeping it."""


class Files:
    """Imports and exports."""

    def __init__(self, store: Store, writer: EntryService, embeddings: EmbeddingService, clock: Clock) -> None:
        """Work on an open store."""
        self._store = store
        self._writer = writer
        self._embeddings = embeddings
        self._clock = clock

    def import_paths(
        self,
        paths: Sequence[str | PathLike[str]] | str | PathLike[str],
        unknown: EntryType = EntryType.REFERENCE,
        *,
        dry_run: bool = False,
        overwrite: bool = False,
        reading: Callable[[int], None] = lambda count: None,
        embedding: Progress = lambda done, total: None,
    ) -> ImportReport:
        """Import Markdown and JSON files, first all texts in one transaction, then their vectors bit by bit.

        Interrupted while it reads, the base is as before; later, everything is there and only vectors are
        missing, which the next import or `rebuild` makes.

        Args:
            paths: Files and folders.
            unknown: The type of what names no known type.
            dry_run: Report what would happen, and change nothing.
            overwrite: Let the source win where entry and source both changed.
            reading: Told how many items were read.
            embedding: Told how many passages were embedded, of how many.

        Raises:
            NotFound, InvalidInput: A path does not exist or is of another kind.
        """
        from rekall.exchange.reading import find_files, read_files
        from rekall.knowledge.importing import Importer

        several = [paths] if isinstance(paths, (str, PathLike)) else paths
        files = find_files([Path(path) for path in several])
        importer = Importer(self._store, self._writer, self._clock, overwrite=overwrite)
        try:
            with self._store.transaction():
                importer.take(read_files(files, unknown), reading)
                importer.finish()
                if dry_run:
                    raise _DryRun
        except _DryRun:
            return importer.report
        try:
            importer.report.embedded = self._embeddings.embed_pending(embedding)
        except EngineError as error:
            importer.report.warning, importer.report.hint = error.message, error.hint
        return importer.report

    def export(
        self,
        target: str | PathLike[str] | IO[bytes],
        filters: Filters = Filters(),  # noqa: B008  # frozen
        progress: Callable[[int], None] = lambda count: None,
        *,
        form: str = "",
        deleted: bool = True,
    ) -> Written:
        """Write entries to a file, a folder or a stream; see `exporting.export`, which `form` is read for."""
        from rekall.knowledge.exporting import export, named_form

        place = Path(target) if isinstance(target, (str, PathLike)) else target
        return export(self._store, place, filters, progress, form=named_form(form), deleted=deleted)
