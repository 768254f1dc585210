"""A knowledge base: the verbs that the shell, the terminal UI, assistants and Python share, and its parts."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from typing import TYPE_CHECKING, Any

from rekall.entry.changes import Changes
from rekall.entry.fields import Draft, Entry
from rekall.entry.filters import Filters
from rekall.entry.rules import chosen, entry_type, link_type
from rekall.entry.types import Link, LinkType, Reference, Tombstone
from rekall.entry.view import EntryView
from rekall.errors import InvalidInput
from rekall.knowledge.files import Files
from rekall.knowledge.index import Index
from rekall.knowledge.lookups import Lookups
from rekall.knowledge.recorded import act_as
from rekall.knowledge.reports import Deleted, Page, Saved, Stats
from rekall.knowledge.writing import EntryService
from rekall.search.legs import Waiting
from rekall.search.results import Match, Mode, SearchResult
from rekall.search.searcher import Searcher
from rekall.search.titles import entries_titled
from rekall.store.values import FACETS, Facets, Order, Selection

if TYPE_CHECKING:  # protocols cost memory that a search does not need
    from rekall.knowledge.bulk import Bulk
    from rekall.knowledge.conflicts import ConflictFinder
    from rekall.knowledge.graph import Graph
    from rekall.knowledge.journal import Journal
    from rekall.knowledge.resembling import Resembling
    from rekall.knowledge.review import Reviewer
    from rekall.knowledge.undoing import Past
    from rekall.store.contract import Store
    from rekall.sync.running import Sync

ALL = Filters()
"""Every entry passes."""


class KnowledgeBase:
    """A base of entries, open until `close`; also a context manager.

    Attributes:
        files: Imports and exports.
        index: Words, vectors and the model behind them.
        lookups: What was looked for and read, where the builder lets it be kept.
    """

    def __init__(self, store: Store, writer: EntryService, searcher: Searcher, files: Files, index: Index) -> None:
        """Take over what `app` has built."""
        self._store = store
        self._writer = writer
        self._searcher = searcher
        self.files = files
        self.index = index
        self.lookups = Lookups()

    def __enter__(self) -> KnowledgeBase:
        """The base itself."""
        return self

    def __exit__(self, kind: object, error: object, trace: object) -> None:
        """Close it."""
        self.close()

    def close(self) -> None:
        """Drop the model, wipe what was left of erased entries where that is possible, and close the store."""
        self.index.drop_model()
        try:
            self._writer.eraser.finish()
        finally:
            self._store.close()

    def add(self, entry: Draft | str, title: str = "", **values: Any) -> Saved:
        """Store a new entry; without an engine it is stored all the same, and embedded later.

        Args:
            entry: A draft, or the type of an entry: `base.add("bug", "CORS fails on Safari", tags=["cors"])`.
            title: Its title, after a type.
            values: Its other fields, after a type.

        Raises:
            InvalidInput: A part cannot be stored; it is named.
            NotFound, Ambiguous: The successor's id does not name one entry.
        """
        if isinstance(entry, Draft):
            if title or values:
                raise InvalidInput("a draft says everything itself", "put the other fields into the draft")
            return self._writer.add(entry)
        return self._writer.add(Changes.of(title=title, **values).applied(Draft(entry_type(entry), "")))

    def add_all(self, given: Sequence[tuple[Draft, Sequence[Link]]]) -> list[Saved]:
        """Store new entries and links that start at them, all or none; see `Bulk.add`."""
        return self._bulk().add(given)

    def get(self, prefix: str) -> EntryView:
        """The entry whose id begins so, with its links.

        Raises:
            NotFound: There is none.
            Ambiguous: There are several.
        """
        with self._store.snapshot():
            key = self._store.entries.resolve(prefix)
            entry, links = self._store.entries.one(key), self._store.links.of(key)
            named = {end for link in links for end in (link.source, link.target)} | {entry.superseded_by or ""}
            origin, titles = self._store.origins.of(key), self._store.entries.titles(named)
            keys = self._store.entries.keys_of(titles) if links else {}
            gone = self._store.entries.obsolete_among(keys.values()) if links else {}
            obsolete = {each for each, key in keys.items() if key in gone}
            return EntryView.of(entry, tuple(links), titles, origin.path if origin else "", obsolete)

    def edit(self, old: Entry, draft: Draft) -> Saved:
        """Replace what an entry says, unless it is no longer what the editor saw; see `EntryService.edit`."""
        return self._writer.edit(old, draft)

    def change(self, prefix: str, changes: Changes | None = None, **values: Any) -> Saved:
        """Change parts of the entry whose id begins so: `base.change("01K2KT", title="…", add_tags=["git"])`.

        Raises:
            NotFound, Ambiguous: The id does not name one entry.
            InvalidInput: A part cannot be stored; it is named.
            EditConflict: Another process changed it at the same moment.
        """
        if changes is not None and values:
            raise InvalidInput("changes say everything themselves", "put the other fields into the changes")
        return self._writer.change(prefix, Changes.of(**values) if changes is None else changes)

    def change_all(self, ids: Iterable[str], changes: Changes | None = None, **values: Any) -> list[Saved]:
        """Change parts of several entries, all or none: `base.change_all(ids, add_tags=["git"])`.

        Returns those that are different now, in the order of the ids; one that is named twice is changed once.

        Raises:
            NotFound, Ambiguous, InvalidInput, EditConflict: As in `change`; nothing was changed.
        """
        return self._bulk().change(ids, Changes.of(**values) if changes is None else changes)

    def delete_all(self, ids: Iterable[str]) -> list[Entry]:
        """Delete several entries, all or none; `restore` takes each back. Returns them. Raises as `delete` does."""
        return self._bulk().delete(ids)

    @property
    def journal(self) -> Journal:
        """Notes that grow at their end, such as that of a day."""
        from rekall.knowledge.journal import Journal

        return Journal(self._writer.store, self._writer)

    def act_as(self, door: str, client: str = "") -> None:
        """Say who makes the changes from now on, for the history: a door, and the name of the program behind it."""
        act_as(self._writer.store, door, client)

    @property
    def graph(self) -> Graph:
        """What belongs together: what is linked, by how many steps, and what could be."""
        from rekall.knowledge.graph import Graph  # only looking around needs it

        return Graph(self._writer, self._searcher)

    @property
    def conflicts(self) -> ConflictFinder:
        """Entries that contradict or repeat each other."""
        from rekall.knowledge.conflicts import ConflictFinder

        return ConflictFinder(self._writer)

    @property
    def past(self) -> Past:
        """What was done, and what entries said before: history, undo and earlier versions."""
        from rekall.knowledge.undoing import Past  # only looking back needs it

        return Past(self._writer)

    @property
    def sync(self) -> Sync:
        """Folders that hold the same entries, a file each."""
        from rekall.sync.running import Sync

        return Sync(self._writer)

    @property
    def review(self) -> Reviewer:
        """What is to be looked at again, and why: reviews, and what seems to hold no longer."""
        from rekall.knowledge.review import Reviewer

        return Reviewer(self._writer)

    def rename_tag(self, old: str, new: str | None) -> int:
        """Give every entry that has a tag another one instead, or none; see `Bulk.rename_tag`."""
        return self._bulk().rename_tag(old, new)

    def rename_project(self, old: str, new: str | None) -> int:
        """Move every entry of a project to another, or to none; see `Bulk.rename_project`."""
        return self._bulk().rename_project(old, new)

    def deprecate(self, prefix: str, successor: str | None = None, reason: str = "") -> Saved:
        """Mark an entry as one that no longer holds; see `EntryService.deprecate`."""
        return self._writer.deprecate(prefix, successor, reason)

    def delete(self, prefix: str, *, forever: bool = False) -> Deleted:
        """Remove the entry whose id begins so; a tombstone stays, which `restore` takes back.

        Args:
            prefix: The beginning of an id; with `forever` of a deleted entry too.
            forever: Leave nothing to restore and no trace of its text in the base. Where traces cannot be wiped now the
                answer says why; they are at the next chance, and deleting it again tries at once.

        Raises:
            NotFound, Ambiguous: The id does not name one entry.
        """
        if forever:
            from rekall.knowledge.whole_ids import whole_id  # few deletions are

            entry_id = whole_id(self._store, self._writer.eraser, prefix)
            self.lookups.forget(entry_id, self._store.entries.titles([entry_id]).get(entry_id, ""))
            return self._writer.eraser.erase(entry_id)
        entry = self.get(prefix).entry
        self._writer.delete(entry.id)
        return Deleted(entry.id)

    def erased(self, prefix: str) -> str | None:
        """The id of the one entry that begins so and was erased, while traces of it are left; else None."""
        return self._writer.eraser.left(prefix)

    def damaged(self) -> int:
        """How many entries could not be read since the base was opened, and were left out."""
        return self._store.entries.damaged()

    def restore(self, prefix: str) -> Saved:
        """Bring back a deleted entry; see `EntryService.restore`."""
        return self._writer.restore(prefix)

    def deleted(self, limit: int = 20) -> list[Tombstone]:
        """What can be restored, the last deleted first."""
        return self._store.tombstones.latest(limit)

    def find_deleted(self, prefix: str) -> Tombstone:
        """The deleted entry whose id begins so. Raises NotFound or Ambiguous."""
        return self._store.tombstones.resolve(prefix)

    def link(self, source: str, target: str, type: LinkType | str = LinkType.RELATED, reason: str = "") -> Link:
        """Link two entries; what is superseded becomes obsolete. See `EntryService.link`."""
        return self._writer.link(source, target, link_type(type), reason)

    def unlink(self, source: str, target: str, type: LinkType | str | None = None) -> int:
        """Remove links; what only they superseded is active again. See `EntryService.unlink`."""
        return self._writer.unlink(source, target, None if type is None else link_type(type))

    def list_entries(
        self,
        filters: Filters = ALL,
        limit: int | None = None,
        offset: int = 0,
        order: Order | str = Order.CHANGED,
        *,
        is_reversed: bool = False,
    ) -> Page:
        """Entries that pass, the latest change first.

        Args:
            filters: Conditions.
            limit: The most entries; None for all.
            offset: How many to skip.
            order: What comes first: "changed" or "created" the newest, "title", "type" or "project" from A on.
            is_reversed: Turn the order around.
        """
        from rekall.knowledge.listing import listed  # no search lists

        return listed(self._store, filters, limit, offset, chosen(Order, order, "order"), is_reversed=is_reversed)

    def search(
        self,
        line: str,
        filters: Filters = ALL,
        mode: Mode | str = Mode.HYBRID,
        limit: int = 10,
        *,
        literal: bool = False,
        unfinished: bool = False,
        at_least: Match | str | None = None,
        near: str | None = None,
        notice: Callable[[str], None] = lambda text: None,
        is_wanted: Callable[[], bool] = lambda: True,
        words_first: Callable[[SearchResult], None] | None = None,
    ) -> SearchResult:
        """The best entries for a line as a person types it.

        Args:
            line: Words, "phrases", NOT word or -word to leave one out, and filters such as type:bug.
            filters: Further conditions.
            mode: "hybrid", "words" or "meaning".
            limit: The most hits to return.
            literal: Take the line as text, for a pasted error message.
            unfinished: What the line ends with is still being typed, and may be the beginning of a longer word.
            at_least: "strong" or "likely" sets hits aside that are less sure; the answer keeps them as `weaker`.
            near: A project whose entries come before others that are about as good; how sure a hit is does not change by it.
            notice: Told when something slow begins.
            is_wanted: Asked while the model is waited for, whether the answer is still wanted.
            words_first: Told what the words alone find, before the model is waited for.

        Raises:
            Superseded: `is_wanted` said no.
        """
        waiting, least = Waiting(notice, is_wanted), None if at_least is None else chosen(Match, at_least, "match")
        return self._searcher.search(
            line,
            filters,
            chosen(Mode, mode, "mode"),
            max(limit, 0),
            literal=literal,
            unfinished=unfinished,
            at_least=least,
            near=near,
            waiting=waiting,
            words_first=words_first,
        )

    def highlights(
        self, text: str, line: str, *, unfinished: bool = False, literal: bool = False
    ) -> list[tuple[int, int]]:
        """Where in a text the words of a query stand, in characters; see `search.highlight`."""
        return self.highlighter(line, unfinished=unfinished, literal=literal)(text)

    def highlighter(
        self, line: str, *, unfinished: bool = False, literal: bool = False
    ) -> Callable[[str], list[tuple[int, int]]]:
        """The same for many texts: the line is read once."""
        return self._searcher.highlighter(line, unfinished=unfinished, literal=literal)

    def similar(
        self,
        text_or_id: str,
        filters: Filters = ALL,
        limit: int = 10,
        is_wanted: Callable[[], bool] = lambda: True,
        near: str | None = None,
    ) -> SearchResult:
        """The entries nearest in meaning to a stored entry, or to a text when no id begins so.

        Those of the project `near` come before others that are about as near.

        Raises:
            NotFound: It is a whole id, and no entry has it.
            Ambiguous: Several ids begin so.
            EngineError: The model is needed and cannot be used, or nothing has a vector yet.
            Superseded: `is_wanted` said no.
        """
        return self._searcher.similar(text_or_id, filters, max(limit, 0), is_wanted, near)

    def resembling(self, entry_id: str) -> tuple[Resembling, ...]:
        """The few entries that one may contradict, has the title of, or says nearly the same as; see `resembling`."""
        from rekall.knowledge.resembling import resembling  # only what was just written is looked at so

        return resembling(self._store, self._searcher, self.get(entry_id).entry)

    def count(self) -> int:
        """How many entries there are."""
        return self._store.entries.count()

    def stats(self) -> Stats:
        """Counts and sizes."""
        store, space = self._store, self._store.vectors.active_space()
        passages, _ = store.passages.pending_counts(space)
        total, (aside, _) = store.passages.count(), store.unembeddable.counts(space)
        embedder = self.index.embedder() if passages else None
        return Stats(store.entries.counts(), store.size_bytes(), total - passages - aside, total, embedder)

    def facets(self, filters: Filters = ALL, most: int = -1, of: Collection[str] = FACETS) -> Facets:
        """How many of the entries that pass have each type, tag, project and status, the commonest first.

        Args:
            filters: Conditions.
            most: The most values of each; -1 for all.
            of: Which of "types", "tags", "projects" and "statuses"; the others stay empty.
        """
        return self._store.entries.facets(Selection(filters), most, of)

    def titles(self, ids: Iterable[str]) -> dict[str, str]:
        """Titles by full id; an id without an entry is left out."""
        return self._store.entries.titles(ids)

    def titled(self, text: str, most: int = 9) -> list[Reference]:
        """The entries of exactly this title; where there are none, those whose title holds all of its words."""
        return entries_titled(self._store, text, most)

    def short_ids(self, ids: Sequence[str]) -> dict[str, str]:
        """The end of each id by which it is shown: it names its entry alone, and will as the base grows (docs/adr/0024)."""
        return self._store.entries.short_ids(ids)

    def version(self) -> int:
        """A number that changes when another process has written to the base."""
        return self._store.version()

    def _bulk(self) -> Bulk:
        from rekall.knowledge.bulk import Bulk  # most commands change one entry at most

        return Bulk(self._writer.store, self._writer)
