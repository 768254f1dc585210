"""Entries in an order, each with what is to be read instead."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rekall.entry.filters import Filters
from rekall.entry.view import successor_of
from rekall.knowledge.reports import Page
from rekall.store.values import Order, Selection

if TYPE_CHECKING:  # protocols cost memory that a search does not need
    from rekall.store.contract import Store


def listed(store: Store, filters: Filters, limit: int | None, offset: int, order: Order, *, is_reversed: bool) -> Page:
    """Entries that pass, see `KnowledgeBase.list_entries`; damaged ones are left out."""
    selection = Selection(filters)
    with store.snapshot():
        keys = store.entries.keys(selection, limit, offset, order, is_reversed=is_reversed)
        found = store.entries.by_keys(keys)
        entries = tuple(found[key] for key in keys if key in found)
        titles = store.entries.titles({entry.superseded_by for entry in entries if entry.superseded_by})
        successors = {entry.id: after for entry in entries if (after := successor_of(entry, titles))}
        return Page(entries, successors, store.entries.count(selection))
