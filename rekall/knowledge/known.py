"""What a batch of an import is judged by: looked up for all of it at once, by a handful of statements."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rekall.entry.fields import Entry
from rekall.exchange.reading import Found
from rekall.store.values import Origin

if TYPE_CHECKING:  # protocols cost memory that a search does not need
    from rekall.store.contract import Store


@dataclass(frozen=True, slots=True)
class Known:
    """What the base knew of some things that were found, before any of them was taken.

    It holds for as long as they are only added, or left as they are.

    Attributes:
        origins: What was imported from where they lie, by path.
        entries: The entries of those, by key; one that is damaged is not there.
        hashes: Hashes of theirs that something imported has.
        record_ids: Ids of theirs that the tool of something imported gave it.
        ids: Ids of entries that they name as their own and that are there.
    """

    origins: Mapping[str, Origin]
    entries: Mapping[int, Entry]
    hashes: AbstractSet[bytes]
    record_ids: AbstractSet[str]
    ids: AbstractSet[str]

    @classmethod
    def of(cls, store: Store, found: Sequence[Found]) -> Known:
        """Look up some things that were found."""
        origins = store.origins.at_many([each.path for each in found])
        entries = store.entries.by_keys([origin.entry_key for origin in origins.values()])
        new = [each for each in found if each.path not in origins]
        names = {record_id_of(each) for each in new} - {""}
        hashes, record_ids = store.origins.known([each.source_hash for each in new], names)
        own = [draft_id for each in new if (draft_id := each.read.draft.id)]
        return cls(origins, entries, hashes, record_ids, store.entries.keys_of(own).keys() if own else frozenset())

    def is_new(self, found: Found) -> bool:
        """Whether nothing was imported from its place, nor anything that it may have been elsewhere."""
        return (
            found.path not in self.origins
            and found.source_hash not in self.hashes
            and record_id_of(found) not in self.record_ids
            and found.read.draft.id not in self.ids
        )

    def same(self, found: Found) -> tuple[Origin, Entry] | None:
        """What was imported from its place, and its entry, where the source says what it said then."""
        origin = self.origins.get(found.path)
        if origin is None or origin.source_hash != found.source_hash or not origin.said:
            return None
        entry = self.entries.get(origin.entry_key)
        return None if entry is None else (origin, entry)


def record_id_of(found: Found) -> str:
    """The id that its own tool gave it, or empty."""
    return found.record if found.has_id and found.record else found.read.record_id
