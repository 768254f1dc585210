"""Keeps the list true to its view: words at once, meaning as it arrives, pages as they are scrolled to."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from functools import partial

from rekall.entry.types import Mode
from rekall.errors import Superseded
from rekall.knowledge_base import KnowledgeBase
from rekall.tui.entry_list import EntryList
from rekall.tui.finding import Finder, Listing, View, status_text
from rekall.tui.tasks import from_thread, in_thread

_MOST_HITS = 1_000


class ListKeeper:
    """Fills an `EntryList`. One `fill` runs at a time: a later one cancels it, and with it the search it waits for."""

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
            tell: Told what the status line shall say.
            warn: Told once why words alone answer, in full; the status line may have no room for it.
        """
        self.view = view
        self.is_busy = False
        self._finder = Finder(base)
        self._list = entry_list
        self._tell = tell
        self._warn = warn
        self._warned = ""
        self._listing: Listing | None = None

    @property
    def is_base_empty(self) -> bool:
        """Whether there is nothing at all to show."""
        shown = self._listing
        return shown is not None and not shown.total and not self.view.is_search and self.view.filters.is_empty

    async def fill(self, *, top: bool = False, delay_s: float = 0.0, chosen: str = "", quiet: bool = False) -> None:
        """Ask for what the view shows, and show it.

        Args:
            top: Begin at the first row; else the cursor stays where it is.
            delay_s: Wait so long first: a later call may make this one needless.
            chosen: The id to choose where it is in the list.
            quiet: Change what is shown once, when all is there.
        """
        self.is_busy = True
        is_wanted = True

        def tell(text: str) -> None:
            if is_wanted:  # a thread that nobody waits for any more may still say what it does
                self._tell(f"{text} …")

        try:
            await asyncio.sleep(delay_s)
            view = self.view
            if view.like:
                similar = partial(self._finder.similar, view, lambda: is_wanted)
                self._show(view, await in_thread(similar), chosen, top=top)
            elif view.is_search:
                if not quiet:
                    words = await in_thread(partial(self._finder.hits, view, Mode.WORDS))
                    self._show(view, words, chosen, top=top)
                    self._tell(f"{status_text(view, words)} · looking by meaning …")
                search = partial(self._finder.hits, view, Mode.HYBRID, from_thread(tell), lambda: is_wanted)
                self._show(view, await in_thread(search), chosen, top=top and not self._list.is_touched)
            else:
                first, pages = (0, 1) if top else self._list.window
                newest = await in_thread(partial(self._finder.newest, view.filters, first, pages))
                self._show(view, newest, chosen, top=top)
        except Superseded:
            return
        finally:
            is_wanted = False
            self.is_busy = False

    async def fill_similar(self, view: View) -> None:
        """Show what is near to an entry; on an error the list stays as it is.

        Raises:
            EngineError: The entry has no vector, or the model cannot be used.
            NotFound: The entry was deleted.
            Superseded: Nobody waits for it any more.
        """
        self.is_busy = True
        is_wanted = True
        self._tell("looking by meaning …")
        try:
            found = await in_thread(partial(self._finder.similar, view, lambda: is_wanted))
        except BaseException:
            if self._listing is not None:
                self._tell(status_text(self.view, self._listing))
            raise
        finally:
            is_wanted = False
            self.is_busy = False
        self.view = view
        self._show(view, found, "", top=True)

    async def bring_page(self, page: int, generation: int) -> None:
        """Bring a page of the newest entries that was scrolled to."""
        found = await in_thread(partial(self._finder.newest, self.view.filters, page))
        self._list.put_page(page, found.rows, generation)

    def grow(self) -> bool:
        """Ask for twice as many hits next time. Returns whether there may be more."""
        shown = self._listing
        if shown is None or shown.mode is None or shown.total < self.view.limit or self.view.limit >= _MOST_HITS:
            return False
        self.view = replace(self.view, limit=min(2 * self.view.limit, _MOST_HITS))
        return True

    def _show(self, view: View, listing: Listing, chosen: str, *, top: bool) -> None:
        self._listing = listing
        here = self._list.chosen
        keep = chosen or ("" if top or here is None else here.id)
        self._list.show(listing.rows, listing.total, listing.first_page, chosen=keep, top=top)
        self._tell(status_text(view, listing))
        mode = listing.mode
        if mode and mode.used is not mode.requested and mode.reason != self._warned:
            self._warned = mode.reason
            self._warn("found by words only", mode.reason)
