"""Fills the list for its view: words at once, meaning when it arrives, pages as they are scrolled to."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial

from rekall.entry.filters import Filters
from rekall.errors import Superseded
from rekall.knowledge_base import KnowledgeBase
from rekall.search.results import Mode, ModeReport, SearchResult
from rekall.tui.document import Find, nowhere
from rekall.tui.entry_list import PAGE_ROWS, EntryList
from rekall.tui.finding import Listing, Refill, View, advice_text, nothing_text, status_text
from rekall.tui.rows import row_of_hit, rows_of_page
from rekall.tui.screens import Host
from rekall.tui.tasks import from_thread, in_thread
from rekall.tui.where import base_in, id_of

_MOST_HITS = 1_000
_MOST_AT_ONCE = 500
"""Entries read at once where only their ids are wanted."""


class ListKeeper:
    """Fills an `EntryList`. One `fill` runs at a time: a later one cancels it along with the search it waits for."""

    def __init__(
        self,
        host: Host,
        base: KnowledgeBase,
        entry_list: EntryList,
        view: View,
        tell: Callable[[str], None],
        advise: Callable[[str], None],
    ) -> None:
        """Nothing is asked yet.

        Args:
            host: The application, which says what a search asks.
            base: The base in use, whose entries are listed.
            entry_list: The list to fill.
            view: What it shows first.
            tell: Called with each text for the status line.
            advise: Called with what else is to be known of the list, or with an empty text.
        """
        self.view = view
        self.is_busy = False
        self._base = base
        self._list = entry_list
        self._tell = tell
        self._advise = advise
        self._host = host
        self._listing: Listing | None = None
        self._shown: View | None = None

    @property
    def is_behind(self) -> bool:
        """Whether the list still shows what was asked for before."""
        return self._shown is None or replace(self._shown, limit=self.view.limit) != self.view

    @property
    def is_base_empty(self) -> bool:
        """Whether the base has no entries at all."""
        shown = self._listing
        return shown is not None and not shown.total and not self.view.is_search and self.view.filters.is_empty

    async def fill(self, refill: Refill) -> None:
        """Ask for what the view shows, and show it.

        Raises:
            EngineError: The model cannot be used for similar entries.
            NotFound: The entry whose similar ones are shown was deleted.
        """
        with self._asking() as is_wanted, contextlib.suppress(Superseded):
            await asyncio.sleep(refill.delay_s)
            view = self.view
            if view.like:
                self._show(view, await in_thread(partial(self._similar, view, is_wanted)), refill)
            elif view.is_search:
                await self._search(view, refill, is_wanted)
            else:
                first, pages = (0, 1) if refill.top else self._list.window
                self._show(view, await in_thread(partial(self._newest, view.filters, first, pages)), refill)

    async def fill_similar(self, view: View) -> None:
        """Switch to the entries similar to one; on an error the list stays as it is.

        Raises:
            EngineError: The entry has no vector, or the model cannot be used.
            NotFound: The entry was deleted.
            Superseded: A later request took its place.
        """
        with self._asking() as is_wanted:
            self._tell("searching by meaning …")
            try:
                found = await in_thread(partial(self._similar, view, is_wanted))
            except BaseException:
                if self._listing is not None:
                    self._tell(status_text(self.view, self._listing))
                raise
        self.view = view
        self._show(view, found, Refill(top=True))

    async def bring_page(self, page: int, generation: int) -> None:
        """Load a page of the newest entries that was scrolled to."""
        found = await in_thread(partial(self._newest, self.view.filters, page, 1))
        self._list.put_page(page, found.rows, generation)

    def finder(self) -> Find:
        """Finds the words of the query that is shown in a text; made in a thread, since it asks the base."""
        return self._finder(self.view)

    async def all_ids(self) -> list[str]:
        """The keys of all that the view shows, also of what was not scrolled to."""
        shown = self._listing
        if shown is None or shown.mode is not None:
            return [row.key for row in shown.rows] if shown else []
        filters, ids = self.view.filters, []
        for start in range(0, shown.total, _MOST_AT_ONCE):
            page = await in_thread(partial(self._base.list_entries, filters, _MOST_AT_ONCE, start))
            ids += [entry.id for entry in page.entries]
        return ids

    def _finder(self, view: View) -> Find:
        if view.like or not view.line.strip():
            return nowhere
        return self._base.highlighter(view.line, unfinished=True, literal=view.literal)

    def grow(self) -> bool:
        """Ask for twice as many hits next time. Returns whether there may be more."""
        shown = self._listing
        if shown is None or shown.mode is None or shown.total < self.view.limit or self.view.limit >= _MOST_HITS:
            return False
        self.view = replace(self.view, limit=min(2 * self.view.limit, _MOST_HITS))
        return True

    @contextlib.contextmanager
    def _asking(self) -> Iterator[Callable[[], bool]]:
        """Be busy for the length of a block; gives a function that says whether the block still waits."""
        is_wanted = self.is_busy = True
        try:
            yield lambda: is_wanted
        finally:
            is_wanted = self.is_busy = False

    async def _search(self, view: View, refill: Refill, is_wanted: Callable[[], bool]) -> None:
        """Show what the words find as soon as it is there, unless quiet; then the complete answer."""
        are_words_shown = False
        asked = self._host.asked
        also = "" if asked is self._base else " and in other bases"

        def tell(text: str) -> None:
            if is_wanted():  # a search that was given up may still report
                self._tell(f"{text} …")

        def show_words(words: Listing) -> None:
            nonlocal are_words_shown
            if is_wanted():
                are_words_shown = True
                self._show(view, words, refill)
                self._tell(f"{status_text(view, words)} · searching by meaning{also} …")

        pass_on = from_thread(show_words)

        def words_first(found: SearchResult) -> None:
            unsure = tuple(replace(hit, match=None) for hit in found.hits)  # until the meaning has been heard
            words = replace(found, hits=unsure, mode=ModeReport(Mode.WORDS, Mode.WORDS))
            pass_on(self._listed(words, view))

        search = partial(
            asked.search,
            view.line,
            view.filters,
            Mode.HYBRID,
            view.limit,
            literal=view.literal,
            near=self._host.near,
            unfinished=True,
            notice=from_thread(tell),
            is_wanted=is_wanted,
            words_first=None if refill.quiet else words_first,
        )
        found = await in_thread(lambda: self._listed(search(), view))
        is_moved = are_words_shown and self._list.is_touched  # by the person, since the words were shown
        self._show(view, found, replace(refill, top=refill.top and not is_moved))

    def _similar(self, view: View, is_wanted: Callable[[], bool]) -> Listing:
        base = base_in(view.like)
        there = self._host.open_base(base) if base else self._base
        found = there.similar(id_of(view.like), view.filters, view.limit, is_wanted, self._host.near)
        hits = tuple(replace(hit, base=base) for hit in found.hits) if base else found.hits
        return self._listed(replace(found, hits=hits), replace(view, line=""))

    def _newest(self, filters: Filters, first_page: int, pages: int) -> Listing:
        page = self._base.list_entries(filters, pages * PAGE_ROWS, first_page * PAGE_ROWS)
        return Listing(rows_of_page(page), page.total, first_page)

    def _show(self, view: View, listing: Listing, refill: Refill) -> None:
        self._listing, self._shown = listing, view
        here = self._list.chosen
        chosen = refill.chosen or ("" if refill.top or here is None else here.key)
        self._list.empty_text = nothing_text(view, listing)
        self._list.show(listing.rows, listing.total, listing.first_page, chosen=chosen, top=refill.top)
        self._tell(status_text(view, listing))
        self._advise(advice_text(listing))

    def _listed(self, found: SearchResult, view: View) -> Listing:
        find = self._finder(view)
        rows = tuple(row_of_hit(hit, find) for hit in found.hits)
        said = tuple(each.said for each in found.bases if each.said)
        away = tuple(each.name for each in found.bases if each.hits is None)
        return Listing(
            rows, len(rows), mode=found.mode, notes=found.notes + said, away=away, nothing_close=found.nothing_close
        )
