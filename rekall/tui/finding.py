"""What the list shows, as values and in words."""

from __future__ import annotations

from dataclasses import dataclass, field

from textual.content import Content

from rekall.entry.filters import Filters
from rekall.search.explain import MODE_WORDS, NOTHING_CLOSE
from rekall.search.results import ModeReport
from rekall.tui.rows import Row
from rekall.wording import count_text, printable

_MOST_SHOWN = 60
"""How much of a query is repeated where nothing was found."""


@dataclass(frozen=True, slots=True)
class View:
    """What is asked for: the newest entries, the hits of a query, or the entries similar to one.

    Attributes:
        limit: The most hits to show; the list of the newest has no limit.
        line: The query as typed.
        filters: The conditions of the filter dialog.
        like: The key of the entry whose similar entries are shown, or empty.
        like_title: Its title.
        literal: Whether all of the line is text, as of one that was pasted.
    """

    limit: int
    line: str = ""
    filters: Filters = field(default_factory=Filters)
    like: str = ""
    like_title: str = ""
    literal: bool = False

    @property
    def shown_line(self) -> str:
        """The query as it is shown: a long one is cut."""
        return self.line if len(self.line) <= _MOST_SHOWN else f"{self.line[:_MOST_SHOWN]}…"

    @property
    def is_search(self) -> bool:
        """Whether it asks for hits rather than the newest entries."""
        return bool(self.like or self.line.strip())


@dataclass(frozen=True, slots=True)
class Listing:
    """An answer to a view.

    Attributes:
        rows: Rows from the start of a page on.
        total: How many there are in all.
        first_page: The page the rows start with.
        mode: How they were found; None for the newest entries.
        notes: What to know about how the query was read.
        away: The names of bases that were asked and gave no answer.
        nothing_close: Whether there are hits, and none of them is likely to be about what was asked.
    """

    rows: tuple[Row, ...]
    total: int
    first_page: int = 0
    mode: ModeReport | None = None
    notes: tuple[str, ...] = ()
    away: tuple[str, ...] = ()
    nothing_close: bool = False


@dataclass(frozen=True, slots=True)
class Refill:
    """How to ask again for what a view shows.

    Attributes:
        top: Start at the first row; otherwise the cursor stays where it is.
        delay_s: Wait this long first: a later refill may make this one unnecessary.
        chosen: The key to put the cursor on, if it is in the list.
        quiet: Leave the list as it is until the complete answer is there.
        changed: Something was changed here, so that the list shows what is no more.
    """

    top: bool = False
    delay_s: float = 0.0
    chosen: str = ""
    quiet: bool = False
    changed: bool = False


def status_text(view: View, listing: Listing) -> str:
    """The status line of a list: how many there are, through which filters, and how they were found."""
    if listing.mode is None:
        passing = "" if view.filters.is_empty else " with these filters"
        return f"{count_text(listing.total, 'entry', 'entries')}{passing} · newest first"
    is_cut = listing.total >= view.limit
    count = (
        f"the best {listing.total:,}" if is_cut else count_text(listing.total, "hit") if listing.total else "no hits"
    )
    if view.like:
        return f"{count} near in meaning to “{view.like_title}”"
    if listing.nothing_close:
        count = f"{NOTHING_CLOSE}; the nearest {listing.total:,}"
    is_whole = listing.mode.used is listing.mode.requested
    if listing.nothing_close and is_whole:  # no room for more at 80 columns
        return count
    without = f" · without {', '.join(listing.away)}" if listing.away else ""
    return f"{count} · by {MODE_WORDS[listing.mode.used.value]}{'' if is_whole else ' only'}{without}"


def advice_text(listing: Listing) -> str:
    """What else there is to know of a list, for lines of its own: how the query was read, and why a leg is missing."""
    reason = listing.mode.reason if listing.mode else ""
    return "\n".join(part for part in (*listing.notes, reason) if part)


def nothing_text(view: View, listing: Listing) -> Content:
    """What stands in place of the rows where nothing was found: what was asked, and what can be done."""
    keys = Content("")
    if not view.filters.is_empty:
        keys = Content.assemble("\n\n", ("F", "bold"), "   drops the filters\n", ("f", "bold"), "   changes them")
    if view.like:
        return Content(f"No other entry is near in meaning to “{view.like_title}”.") + keys
    if view.line.strip():
        passing = "" if view.filters.is_empty else f" among the entries with {view.filters}"
        return Content(printable(f"Nothing was found for “{view.shown_line}”{passing}.")) + keys
    if not view.filters.is_empty:
        return Content(printable(f"No entry passes {view.filters}.")) + keys
    return Content("")
