"""What the list shows: the newest entries, the hits of a line, or what is near to an entry."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from rekall.entry.record import written
from rekall.entry.types import Filters, Mode, ModeReport
from rekall.knowledge_base import KnowledgeBase
from rekall.tui.entry_list import PAGE_ROWS
from rekall.tui.rows import Row, row_of_hit, rows_of_page, successions
from rekall.wording import MODE_WORDS, count_text


@dataclass(frozen=True, slots=True)
class View:
    """What is asked for.

    Attributes:
        limit: At most so many hits; the list of the newest has no end.
        line: The query as it was typed.
        filters: The conditions of the filter dialog.
        like: The id of the entry whose neighbours are shown, or empty.
        like_title: Its title.
    """

    limit: int
    line: str = ""
    filters: Filters = field(default_factory=Filters)
    like: str = ""
    like_title: str = ""

    @property
    def is_search(self) -> bool:
        """Whether hits are shown, and not the newest entries."""
        return bool(self.like or self.line.strip())


@dataclass(frozen=True, slots=True)
class Listing:
    """Rows from a page on, how many there are in all, and how they were found (None for the newest)."""

    rows: tuple[Row, ...]
    total: int
    first_page: int = 0
    mode: ModeReport | None = None


class Finder:
    """Asks the knowledge base, in any thread."""

    def __init__(self, base: KnowledgeBase) -> None:
        self._base = base

    def newest(self, filters: Filters, first_page: int = 0, pages: int = 1) -> Listing:
        """Some pages of the newest entries."""
        page = self._base.list_entries(filters, pages * PAGE_ROWS, first_page * PAGE_ROWS)
        titles = self._base.titles(successions(page.entries))
        return Listing(rows_of_page(page.entries, titles), page.total, first_page)

    def hits(
        self,
        view: View,
        mode: Mode,
        notice: Callable[[str], None] = lambda text: None,
        is_wanted: Callable[[], bool] = lambda: True,
    ) -> Listing:
        """The hits of a line.

        Raises:
            Superseded: `is_wanted` said no.
        """
        found = self._base.search(view.line, view.filters, mode, view.limit, notice=notice, is_wanted=is_wanted)
        rows = tuple(row_of_hit(hit) for hit in found.hits)
        return Listing(rows, len(rows), mode=found.mode)

    def similar(self, view: View, is_wanted: Callable[[], bool] = lambda: True) -> Listing:
        """The entries near to one.

        Raises:
            EngineError: The entry has no vector, or the model cannot be used.
            NotFound: The entry was deleted.
            Superseded: `is_wanted` said no.
        """
        found = self._base.similar(view.like, view.filters, view.limit, is_wanted)
        rows = tuple(row_of_hit(hit) for hit in found.hits)
        return Listing(rows, len(rows), mode=found.mode)


def status_text(view: View, listing: Listing) -> str:
    """What the status line says of a list: how many, and how they were found."""
    if listing.mode is None:
        passing = "" if view.filters.is_empty else " with these filters"
        return f"{count_text(listing.total, 'entry', 'entries')}{passing} · newest first"
    most = listing.total >= view.limit
    count = f"the best {listing.total:,}" if most else count_text(listing.total, "hit") if listing.total else "no hits"
    if view.like:
        return f"{count} near in meaning to “{view.like_title}”"
    mode = listing.mode
    if mode.used is not mode.requested:
        return f"{count} · by words only: {mode.reason}"
    return f"{count} · by {MODE_WORDS[mode.used.value]}" + (f" · {mode.reason}" if mode.reason else "")


def filters_text(filters: Filters) -> str:
    """Filters as one would type them."""
    parts = [f"type:{kind.value}" for kind in filters.types]
    parts += [f"tag:{tag}" for tag in filters.tags]
    parts += [f"project:{filters.project}"] if filters.project else []
    parts += [f"status:{filters.status.value}"] if filters.status else []
    parts += [f"since:{since_text(filters)}"] if filters.since else []
    return " ".join(parts)


def since_text(filters: Filters) -> str:
    """The moment from which on entries pass, as a date where it is midnight; empty without one."""
    moment = filters.since
    if moment is None:
        return ""
    return written(moment).removesuffix("T00:00:00Z")
