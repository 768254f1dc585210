"""Entries from files and to files: `rekall import` and `rekall export`."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import IO, TYPE_CHECKING, TypeVar

from rekall.claims import LEASE_S
from rekall.embedder import PATIENCE_S, Progress
from rekall.embeddings import EmbeddingService
from rekall.entry.filters import Filters
from rekall.entry.types import EntryType
from rekall.errors import EngineError, Interrupted
from rekall.knowledge.recorded import operation
from rekall.knowledge.writing import EntryService
from rekall.system.clock import Clock
from rekall.system.collecting import collecting_seldom
from rekall.system.resident import trim_heap

if TYPE_CHECKING:  # a search needs none of the import and export rooms
    from rekall.exchange.dialect import Refused
    from rekall.exchange.folders import File, Walk
    from rekall.exchange.outgoing import Written
    from rekall.exchange.reading import Found, LeftOut
    from rekall.knowledge.import_report import ImportReport
    from rekall.knowledge.importing import Importer
    from rekall.store.contract import Store

BATCH = 200
"""Items stored in one transaction at most: some 30 ms of writing, so that nobody else waits long."""

BATCH_S = 0.25
"""Seconds of reading after which what was read is stored, so that words are found while an import goes on."""

_ANNOUNCE_S = LEASE_S / 8
"""Seconds after which it is said again that an import is going on."""

Paths = Sequence[str | PathLike[str]] | str | PathLike[str]
Item = TypeVar("Item")


@dataclass(frozen=True, slots=True)
class ImportOptions:
    """What a person chose for an import; see `Files.import_paths`."""

    unknown: EntryType = EntryType.REFERENCE
    project: str = ""
    exclude: tuple[str, ...] = ()
    dry_run: bool = False
    overwrite: bool = False
    prune: bool = False


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
        self._announced = ""
        self._announce_at = 0.0

    def import_paths(
        self,
        paths: Paths,
        unknown: EntryType = EntryType.REFERENCE,
        *,
        project: str = "",
        exclude: Sequence[str] = (),
        dry_run: bool = False,
        overwrite: bool = False,
        prune: bool = False,
        reading: Callable[[int, int], None] = lambda count, total: None,
        stored: Callable[[ImportReport], None] = lambda report: None,
        embedding: Progress = lambda done, total: None,
    ) -> ImportReport:
        """Import notes from files and folders: first all texts, a bounded transaction at a time, then their vectors.

        Interrupted, what was stored is there, can be found by its words, and the next import goes on.

        Args:
            paths: Files and folders.
            unknown: The type of what names no known type.
            project: The project of what names none; "auto" for the folder or repository of each file.
            exclude: Patterns, as in a `.gitignore`, of what is left out.
            dry_run: Report what would happen, and change nothing.
            overwrite: Let the source win where entry and source both changed, and take what was deleted here again.
            prune: Delete the entries whose source is gone from these paths.
            reading: Told how many files were read, of how many; of one file how many notes, of 0.
            stored: Told what was stored, before anything is embedded.
            embedding: Told how many passages were embedded, of how many.

        Raises:
            NotFound, InvalidInput: A path does not exist, or a pattern is none.
            Interrupted: With what was done until then.
        """
        options = ImportOptions(unknown, project, tuple(exclude), dry_run, overwrite, prune)
        report = self.store_texts(paths, options, reading)
        stored(report)
        if not dry_run:
            trim_heap()  # what told notes apart is not needed any more, and the model is large
            self.embed(report, embedding)
        return report

    def store_texts(
        self,
        paths: Paths,
        options: ImportOptions,
        reading: Callable[[int, int], None] = lambda count, total: None,
    ) -> ImportReport:
        """Everything but the vectors; see `import_paths`."""
        from rekall.exchange.catalog import suffixes
        from rekall.exchange.folders import find_files
        from rekall.exchange.places import forget, identity
        from rekall.exchange.reading import Choices, read_files
        from rekall.knowledge.importing import Importer

        forget()
        several = [Path(path) for path in ([paths] if isinstance(paths, (str, PathLike)) else paths)]
        walk = find_files(several, suffixes(), options.exclude)
        roots = [identity(path) for path in several]
        importer = Importer(self._store, self._writer, self._clock, roots, overwrite=options.overwrite)
        importer.note_walk(walk)
        self._respell(importer, walk, several, roots)
        choices = Choices(options.unknown, options.project)
        done = stored = 0
        try:
            with collecting_seldom(), operation(self._store, "import", "\n".join(map(str, several))):
                for batch in _batches(read_files(_followed(walk.files, importer, reading), choices)):
                    self._in_transaction(lambda items: self._take(importer, items), batch, dry_run=options.dry_run)
                    stored = importer.report.stored
                    done += len(batch)
                    if len(walk.files) == 1:  # one file of many notes
                        reading(done, 0)
                self._finish(importer, walk, roots, options)
        except KeyboardInterrupt:
            raise self._interrupted(stored) from None  # without the batch that was undone
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
        return export(
            self._store,
            place,
            filters,
            progress,
            form=named_form(form),
            deleted=deleted,
            looks_for_secrets=self._writer.capture.is_looking,
        )

    def _respell(self, importer: Importer, walk: Walk, paths: Sequence[Path], roots: Sequence[str]) -> None:
        """Where one file has several names, find what was imported before by another one, so that no note comes twice."""
        from rekall.exchange.places import identity, is_loose
        from rekall.knowledge.respelling import Respelling, respell

        if not any(map(is_loose, (*paths, *(Path(file.name) for file in walk.files[:1])))):
            return
        spelling = Respelling(roots, (identity(Path(file.name)) for file in walk.files))
        importer.note_spelling(spelling.now)
        if any(spelling.now(path) != path for path in self._store.origins.paths()):
            with self._store.transaction():
                respell(self._store, spelling)

    def _take(self, importer: Importer, items: list[Found | Refused | LeftOut]) -> None:
        """Store a batch, and say who embeds it once there is something to embed."""
        importer.take(items)
        if importer.report.stored and self._clock.seconds() >= self._announce_at:
            self._announce_at = self._clock.seconds() + _ANNOUNCE_S
            self._announced = self._embeddings.announce(self._announced)

    def _finish(self, importer: Importer, walk: Walk, roots: Sequence[str], options: ImportOptions) -> None:
        """Links, when every name is known; then what is gone."""
        from rekall.knowledge.pruning import Pruner, find_gone

        if not options.dry_run:
            for told in importer.links.batches():
                self._in_transaction(importer.links.store, told)
        importer.report.lost_links = importer.links.lost
        gone = find_gone(self._store, importer, walk, roots, prune=options.prune)
        importer.report.gone = [origin.path for origin in gone]
        if options.prune:
            pruner = Pruner(self._store, self._writer, self._clock, importer)
            for some in _batches(gone):
                self._in_transaction(pruner.take, some, dry_run=options.dry_run)

    def _in_transaction(self, do: Callable[[list[Item]], None], batch: list[Item], *, dry_run: bool = False) -> None:
        try:
            with self._store.transaction():
                do(batch)
                if dry_run:
                    raise _DryRun
        except _DryRun:
            pass

    def embed(self, report: ImportReport, progress: Progress = lambda done, total: None) -> None:
        """Make the vectors of an import whose texts are stored, and note in its report what is left.

        Raises:
            Interrupted: With what was done until then.
        """
        if report.keys:
            with self._store.transaction(PATIENCE_S):
                self._announced = self._embeddings.announce(self._announced)
        try:
            made = self._embeddings.embed_imported(report.keys, progress)
        except KeyboardInterrupt:
            raise self._interrupted(report.stored) from None
        except EngineError as error:
            self._withdraw()
            report.warning, report.hint = error.message, error.hint or self._embeddings.advice()
            return
        finally:
            self._withdraw()
        report.embedded, report.pending = made.done, made.left
        notes = [self._embeddings.advice()] if made.left else []
        report.note = "; ".join(filter(None, [*notes, made.remark]))

    def _withdraw(self) -> None:
        if self._announced:
            self._embeddings.withdraw(self._announced)
            self._announced, self._announce_at = "", 0.0

    def _interrupted(self, stored: int) -> Interrupted:
        """What is there after all, and how it goes on."""
        done, _, goes_on = self._embeddings.how_far().partition("; ")
        return Interrupted(f"interrupted: {stored:,} stored, {done}", goes_on)


def _followed(files: Sequence[File], importer: Importer, reading: Callable[[int, int], None]) -> Iterator[File]:
    """The files, one after the other; who follows them is told of each that was read to its end."""
    for count, file in enumerate(files, 1):
        yield file
        importer.note_read(file)
        reading(count, len(files))


def _batches(items: Iterable[Item]) -> Iterator[list[Item]]:
    """Items in lists of at most `BATCH`; a list ends early when reading it took `BATCH_S`."""
    batch: list[Item] = []
    began = time.monotonic()
    for item in items:
        batch.append(item)
        if len(batch) >= BATCH or time.monotonic() - began > BATCH_S:
            yield batch
            batch, began = [], time.monotonic()
    if batch:
        yield batch
