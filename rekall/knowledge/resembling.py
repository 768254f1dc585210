"""What an entry that was just written down resembles."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rekall.entry.fields import Entry
from rekall.entry.filters import Filters
from rekall.errors import EngineError
from rekall.search.labels import alike
from rekall.search.results import Hit, Mode
from rekall.search.searcher import Searcher
from rekall.search.titles import is_titled_twice

if TYPE_CHECKING:  # protocols cost memory that a search does not need
    from rekall.store.contract import Store


def resembling(store: Store, searcher: Searcher, entry: Entry) -> tuple[Hit, ...]:
    """The few entries of the same title as one, and those that say nearly the same, which needs its vector."""
    is_another = is_titled_twice(store, entry.title)
    titled = searcher.search(entry.title, Filters(), Mode.WORDS, 4, literal=True).hits if is_another else ()
    try:
        near = searcher.similar(entry.id, Filters(), 3).hits
    except EngineError:  # it is found by words only, which whoever stored it was told
        near = ()
    return alike(entry, titled, near)
