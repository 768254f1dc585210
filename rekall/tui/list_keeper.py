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
from rekall.tui.entry_list import PAGE_ROWS, EntryList
from rekall.tui.finding import Listing, Refill, View, status_text
from rekall.tui.rows import row_of_hit, rows_of_page
from rekall.tui.tasks import from_thread, in_thread

_MOST_HITS = 1_000


class ListKeeper:
    """Fills an `EntryList`. One `fill` runs at a time: a later one cancels it along with the search it waits for."""

    def __init__(
        self,
        base: KnowledgeBase,
        entry_list: EntryList,
        view: View,
        tell: Callable[[str], None],
        warn: Callable[[str, str], None],
    ) -> None:
        """Nothing is asked yet.

        Args:
            base: An open base.
            entry_list: The list to fill.
            view: What it shows first.
            tell: Called with each text for the status line.
            warn: Called once with the full reason for a search by words only; the status line may be too short for it.
        """
        self.view = view
        self.is_busy = False
        self._base = base
        self._list = entry_list
        self._tell = tell
        self._warn = warn
        self._warned = ""
        self._listing: Listing | None = None

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

        def tell(text: str) -> None:
            if is_wanted():  # a search that was given up may still report
                self._tell(f"{text} …")

        def show_words(words: Listing) -> None:
            nonlocal are_words_shown
            if is_wanted():
                are_words_shown = True
                self._show(view, words, refill)
                self._tell(f"{status_text(view, words)} · searching by meaning …")

        pass_on = from_thread(show_words)

        def words_first(found: SearchResult) -> None:
            unsure = tuple(replace(hit, match=None) for hit in found.hits)  # until the meaning has been heard
            pass_on(_listing(replace(found, hits=unsure, mode=ModeReport(Mode.WORDS, Mode.WORDS))))

        search = partial(
            self._base.search,
            view.line,
            view.filters,
            Mode.HYBRID,
            view.limit,
            literal=view.literal,
            unfinished=True,
            notice=from_thread(tell),
            is_wanted=is_wanted,
            words_first=None if refill.quiet else words_first,
        )
        found = await in_thread(search)
        is_moved = are_words_shown and self._list.is_touched  # by the person, since the words were shown
        self._show(view, _listing(found), replace(refill, top=refill.top and not is_moved))

    def _similar(self, view: View, is_wanted: Callable[[], bool]) -> Listing:
        return _listing(self._base.similar(view.like, view.filters, view.limit, is_wanted))

    def _newest(self, filters: Filters, first_page: int, pages: int) -> Listing:
        page = self._base.list_entries(filters, pages * PAGE_ROWS, first_page * PAGE_ROWS)
        return Listing(rows_of_page(page), page.total, first_page)

    def _show(self, view: View, listing: Listing, refill: Refill) -> None:
        self._listing = listing
        here = self._list.chosen
        chosen = refill.chosen or ("" if refill.top or here is None else here.id)
        self._list.show(listing.rows, listing.total, listing.first_page, chosen=chosen, top=refill.top)
        self._tell(status_text(view, listing))
        mode = listing.mode
        if mode and mode.used is not mode.requested and mode.reason != self._warned:
            self._warned = mode.reason
            self._warn(f"found by {mode.used.value} only", mode.reason)


def _listing(found: SearchResult) -> Listing:
    rows = tuple(row_of_hit(hit) for hit in found.hits)
    return Listing(rows, len(rows), mode=found.mode, notes=found.notes, nothing_close=found.nothing_close)
