"""Every use case, one method each; the doors call nothing else."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from rekall.db import Database
from rekall.embeddings import EmbeddingService, Progress
from rekall.entry.rules import Changes
from rekall.entry.types import (
    Draft,
    Entry,
    EntryType,
    Filters,
    Link,
    LinkType,
    Mode,
    ModeReport,
    SearchResult,
    Tombstone,
)
from rekall.errors import Ambiguous, EngineError, NotFound
from rekall.knowledge.reports import EntryView, IndexStatus, MemoryReport, Page, Saved, Stats
from rekall.knowledge.spaces import SpaceKeeper, SpaceReport, Switch
from rekall.knowledge.writing import EntryService
from rekall.model_manager import ModelManager
from rekall.search.searcher import Searcher
from rekall.store.entries import EntryStore
from rekall.store.passages import PassageStore
from rekall.store.words import WordIndex
from rekall.vector_index import Backend

if TYPE_CHECKING:  # a search needs none of the import and export rooms
    from rekall.exchange.importing import ImportReport


_ID_CHARS = 26
_WHOLE_ID = re.compile("[0-7][0-9A-HJKMNP-TV-Z]{25}")
"""A ULID: Crockford's base 32."""


class _Undo(Exception):
    """Leaves a transaction without keeping it."""


class KnowledgeBase:
    """A base of entries, open until `close`."""

    def __init__(
        self,
        db: Database,
        entries: EntryStore,
        service: EntryService,
        words: WordIndex,
        passages: PassageStore,
        embeddings: EmbeddingService,
        searcher: Searcher,
        keeper: SpaceKeeper,
        manager: ModelManager,
        backend: Backend,
        now: Callable[[], datetime],
    ) -> None:
        """Take over what `app` has built."""
        self._db = db
        self._entries = entries
        self._service = service
        self._words = words
        self._passages = passages
        self._embeddings = embeddings
        self._searcher = searcher
        self._keeper = keeper
        self._manager = manager
        self._backend = backend
        self._now = now

    def drop_model(self) -> None:
        """Give back what the model holds; the next use loads it again."""
        self._manager.close()

    def close(self) -> None:
        """Drop the model and close the database."""
        self._manager.close()
        self._db.close()

    def add(self, draft: Draft) -> Saved:
        """Store a new entry. Without an engine it is stored all the same; see `EntryService.add`."""
        return self._service.add(draft)

    def get(self, prefix: str) -> EntryView:
        """The entry whose id begins so.

        Raises:
            NotFound: There is none.
            Ambiguous: There are several.
        """
        with self._db.snapshot():
            key = self._entries.resolve(prefix)
            entry = self._entries.by_keys([key])[key]
            successor = (
                self._entries.by_ids([entry.superseded_by]).get(entry.superseded_by) if entry.superseded_by else None
            )
            return EntryView(entry, tuple(self._entries.links(key)), successor)

    def version(self) -> int:
        """A number that changes when another process has written to the base."""
        return self._db.data_version()

    def is_model_loaded(self) -> bool:
        """Whether the model is in memory, in this process or in its own."""
        return self._embeddings.is_ready()

    def count(self) -> int:
        """How many entries there are."""
        return self._entries.count()

    def ids_in_order(self) -> list[str]:
        """The ids of all entries, in the order in which they were stored."""
        return self._entries.ids_in_order()

    def titles(self, links: Sequence[Link]) -> dict[str, str]:
        """Titles of the entries at both ends of links, by id."""
        ends = {end for link in links for end in (link.source, link.target)}
        return {entry_id: entry.title for entry_id, entry in self._entries.by_ids(ends).items()}

    def short_id(self, entry_id: str) -> str:
        """The shortest beginning of an id that names its entry alone."""
        return self._entries.short_id(entry_id)

    def edit(self, old: Entry, draft: Draft) -> Saved:
        """Replace what an entry says, as the editor saw it; see `EntryService.edit`."""
        return self._service.edit(old, draft)

    def change(self, prefix: str, changes: Changes) -> Saved:
        """Change parts of an entry; see `EntryService.change`."""
        return self._service.change(prefix, changes)

    def deprecate(self, prefix: str, successor: str | None = None, reason: str = "") -> Saved:
        """Mark an entry as one that no longer holds; see `EntryService.deprecate`."""
        return self._service.deprecate(prefix, successor, reason)

    def delete(self, entry_id: str, *, forever: bool = False) -> bool:
        """Remove an entry; a tombstone stays unless it goes for ever. See `EntryService.delete`."""
        return self._service.delete(entry_id, forever=forever)

    def restore(self, prefix: str) -> Saved:
        """Bring back a deleted entry; see `EntryService.restore`."""
        return self._service.restore(prefix)

    def deleted(self, limit: int) -> list[Tombstone]:
        """What can be restored, the last deleted first."""
        return self._service.deleted(limit)

    def find_deleted(self, prefix: str) -> Tombstone:
        """The deleted entry whose id begins so. Raises NotFound or Ambiguous."""
        return self._service.find_deleted(prefix)

    def link(self, source: str, target: str, kind: LinkType = LinkType.RELATED, reason: str = "") -> Link:
        """Link two entries; see `EntryService.link`."""
        return self._service.link(source, target, kind, reason)

    def unlink(self, source: str, target: str, kind: LinkType | None = None) -> int:
        """Remove links; see `EntryService.unlink`."""
        return self._service.unlink(source, target, kind)

    def list_entries(self, filters: Filters, limit: int | None, offset: int = 0) -> Page:
        """Entries that pass, newest change first."""
        with self._db.snapshot():
            keys = self._entries.list_keys(filters, limit, offset)
            entries = self._entries.by_keys(keys)
            return Page(tuple(entries[key] for key in keys), self._entries.count(filters))

    def search(
        self,
        line: str,
        filters: Filters,
        mode: Mode,
        limit: int,
        *,
        literal: bool = False,
        notice: Callable[[str], None] = lambda text: None,
        is_wanted: Callable[[], bool] = lambda: True,
    ) -> SearchResult:
        """The best entries for a line as a person types it; see `Searcher.search`."""
        return self._searcher.search(line, filters, mode, limit, literal=literal, notice=notice, is_wanted=is_wanted)

    def similar(
        self, text_or_id: str, filters: Filters, limit: int, is_wanted: Callable[[], bool] = lambda: True
    ) -> SearchResult:
        """The entries nearest in meaning to a stored entry, or to a text when no id begins so.

        Raises:
            NotFound: It is a whole id, and no entry has it.
            Ambiguous: Several ids begin so.
            EngineError: The model is needed and cannot be used, or nothing has a vector yet.
            Superseded: `is_wanted` said no while the model was waited for.
        """
        reason = self._embeddings.why_unavailable()
        if reason:
            raise EngineError(f"similarity needs vectors: {reason}", "`rekall search --mode words` works without")
        key = self._key_or_none(text_or_id)
        report = ModeReport(Mode.MEANING, Mode.MEANING)
        if not self._passages.count():
            return SearchResult(text_or_id, report, ())
        question = self._embeddings.question(text_or_id, is_wanted) if key is None else None
        with self._db.snapshot():
            among = self._searcher.allowed_passages(filters)
            if question is not None:
                found = self._embeddings.semantic_search(question, limit, among)
            elif key is not None and self._embeddings.question_of(key) is not None:
                found = self._embeddings.find_similar(key, limit, among)
            else:
                raise EngineError(f"entry {text_or_id} has no vector yet", "run `rekall index rebuild --vectors`")
            return SearchResult(text_or_id, report, self._searcher.similar(found, limit))

    def import_paths(
        self,
        paths: Sequence[Path],
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
        from rekall.exchange.importing import Importer
        from rekall.exchange.reading import find_files, read_files

        files = find_files(list(paths))
        importer = Importer(
            self._entries, self._service.put_unembedded, self._service.new_entry, self._now, overwrite=overwrite
        )
        try:
            with self._db.transaction():
                importer.take(read_files(files, unknown), reading)
                importer.finish()
                if dry_run:
                    raise _Undo
        except _Undo:
            return importer.report
        try:
            importer.report.embedded = self._embeddings.embed_pending(embedding)
        except EngineError as error:
            importer.report.warning, importer.report.hint = error.message, error.hint
        return importer.report

    def export(self, path: Path, filters: Filters, progress: Callable[[int], None] = lambda count: None) -> int:
        """Write entries to a `.jsonl` file or a Markdown folder. Returns how many."""
        from rekall.exchange.writing import write

        links: dict[str, list[Link]] = {}
        for link in self._entries.links():
            links.setdefault(link.source, []).append(link)
        wanted = None if filters.is_empty else set(self._entries.list_keys(filters))
        chosen = (
            (entry, links.get(entry.id, [])) for key, entry in self._entries.stream() if wanted is None or key in wanted
        )
        return write(path, chosen, progress)

    def stats(self) -> Stats:
        """Counts and sizes."""
        status = self.index_status()
        return Stats(self._entries.counts(), self._db.size_bytes(), status.vectors, status.passages)

    def memory(self) -> MemoryReport:
        """Measure this process and the engine's before the model, with it, and after it was dropped."""
        from rekall.system.resident import children_bytes, peak_bytes, resident_bytes

        before = resident_bytes()
        problem = ""
        try:
            self._embeddings.question("how much memory does a question take")
        except EngineError as error:
            problem = error.message
        loaded, child = resident_bytes(), children_bytes()
        self._manager.close()
        dropped = resident_bytes()
        return MemoryReport(before, loaded, child, dropped, max(peak_bytes(), loaded), problem)

    def index_status(self) -> IndexStatus:
        """What the indexes hold, and what serves them."""
        space = self._passages.active_space()
        passages, entries = self._passages.pending_counts(space)
        model = None
        with contextlib.suppress(EngineError):  # then the problem says why
            model = self._embeddings.model_in_use()
        total = self._passages.count()
        return IndexStatus(
            backend=self._backend,
            entries=self._entries.count(),
            words=self._words.count(),
            passages=total,
            vectors=total - passages,
            pending_passages=passages,
            pending_entries=entries,
            spaces=tuple(self._keeper.spaces()),
            model=model,
            model_problem=self._embeddings.why_unavailable(),
        )

    def use_model(
        self, name: str, progress: Progress = lambda done, total: None, budget_s: float | None = None
    ) -> Switch:
        """Embed everything with another model, then search with it; see `SpaceKeeper.switch`."""
        return self._keeper.switch(name, progress, budget_s)

    def prune_vectors(self, *, unfinished: bool = False) -> list[SpaceReport]:
        """Drop the vectors of models that are no longer in use; see `SpaceKeeper.prune`."""
        return self._keeper.prune(unfinished=unfinished)

    def rebuild_words(self, progress: Progress = lambda done, total: None) -> int:
        """Index the words of every entry anew, in one transaction. Returns how many entries."""
        total = self._entries.count()
        done = 0
        with self._db.transaction():
            self._words.clear()
            for key, entry in self._entries.stream():
                self._words.put(key, entry)
                done += 1
                progress(done, total)
        return done

    def rebuild_vectors(self, progress: Progress = lambda done, total: None, *, from_scratch: bool = False) -> int:
        """Cut every entry anew and embed what has no vector; interrupted, the next call goes on.

        Args:
            progress: Told how many passages were embedded, of how many.
            from_scratch: Forget every vector first.

        Returns:
            How many vectors were made.

        Raises:
            EngineError: The model cannot be used; nothing was forgotten.
        """
        self._manager.load(self._embeddings.model_in_use())
        with self._db.transaction():
            for key, entry in self._entries.stream():
                self._embeddings.store_unembedded(key, entry)
            self._embeddings.refresh(from_scratch=from_scratch)
        return self._embeddings.embed_pending(progress)

    def _key_or_none(self, text: str) -> int | None:
        """The key of the entry whose id begins so; None for a text.

        Raises:
            NotFound: It is a whole id, and no entry has it.
            Ambiguous: Several ids begin so.
        """
        if not text.isalnum() or len(text) > _ID_CHARS:
            return None
        try:
            return self._entries.resolve(text)
        except Ambiguous:
            raise
        except NotFound:
            if _WHOLE_ID.fullmatch(text.upper()):
                raise
            return None
