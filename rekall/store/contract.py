"""What a store is to everything above it. No SQL crosses this line; `tests/contracts/test_store.py` holds for every store.

A store keeps entries and what belongs to them. Rows are the truth; words and vectors can be made again from them. Entries
are named by their id to people and by a key, a number of the store's own, between rooms.

    with store.transaction():                     # all or nothing
        key = store.entries.insert(entry)
        store.words.put(key, entry)
    with store.snapshot():                        # one moment, whatever others write
        keys = store.entries.keys(Selection(Filters(project="api")), limit=20)
        entries = store.entries.by_keys(keys)
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import datetime
from typing import Any, Protocol

from rekall.entry.fields import Entry
from rekall.entry.types import Link, LinkType, Tombstone
from rekall.store.agreements import Agreements
from rekall.store.derived import Passages, Unembeddable, Vectors, Words
from rekall.store.pairs import Pairs
from rekall.store.past import History
from rekall.store.reviews import Reviews
from rekall.store.sources import Origins
from rekall.store.values import EVERYTHING, FACETS, Counts, Facets, Lease, Order, Selection


class Entries(Protocol):
    """The entries. Writing belongs inside a transaction."""

    def insert(self, entry: Entry) -> int:
        """Store a new entry. Returns its key."""
        ...

    def insert_many(self, entries: Sequence[Entry]) -> list[int]:
        """Store new entries. Returns their keys, in order."""
        ...

    def update(self, key: int, entry: Entry) -> None:
        """Replace everything about an entry but its key and links."""
        ...

    def delete(self, key: int) -> None:
        """Remove an entry; its links, origin, passages and vectors go with it."""
        ...

    def by_keys(self, keys: Iterable[int]) -> dict[int, Entry]:
        """Entries by key; a key without an entry is left out, and so is one that is damaged, see `damaged`."""
        ...

    def one(self, key: int) -> Entry:
        """The entry of a key. Raises NotFound when it is gone, EntryDamaged when it cannot be read."""
        ...

    def damaged(self) -> int:
        """How many entries could not be read since the store was opened."""
        ...

    def by_ids(self, ids: Iterable[str]) -> dict[str, Entry]:
        """Entries by full id; an id without an entry, or with a damaged one, is left out."""
        ...

    def titles(self, ids: Iterable[str]) -> dict[str, str]:
        """Titles by full id; an id without an entry is left out."""
        ...

    def texts(self, keys: Iterable[int], most: int) -> dict[int, tuple[str, str]]:
        """The title of each entry, and the first `most` characters of its content and of the rest of what it says.

        For looking at many entries at once, however long they are; a key without an entry is left out.
        """
        ...

    def key_of(self, entry_id: str) -> int | None:
        """The key of a full id, or None."""
        ...

    def keys_of(self, ids: Iterable[str]) -> dict[str, int]:
        """Keys by full id; an id without an entry is left out."""
        ...

    def resolve(self, name: str) -> int:
        """The key of the one entry whose id ends so (four characters or more), else begins so, in either case.

        Raises:
            NotFound, Ambiguous: There is none, or there are several.
        """
        ...

    def short_ids(self, ids: Iterable[str]) -> dict[str, str]:
        """The end of each id that no other entry's id has, long enough to stay so as a base of this size grows (docs/adr/0024)."""
        ...

    def keys(
        self,
        selection: Selection = EVERYTHING,
        limit: int | None = None,
        offset: int = 0,
        order: Order = Order.CHANGED,
        *,
        is_reversed: bool = False,
    ) -> list[int]:
        """Keys of the selected entries in an order, by default the latest change first; of equal ones the newest first."""
        ...

    def count(self, selection: Selection = EVERYTHING) -> int:
        """How many entries are selected."""
        ...

    def counts(self) -> Counts:
        """Figures for `rekall stats`."""
        ...

    def facets(self, selection: Selection = EVERYTHING, most: int = -1, of: Collection[str] = FACETS) -> Facets:
        """How many of the selected entries have each type, tag, project and status: `most` of each, -1 for all; of what `of` names."""
        ...

    def stream(self) -> Iterator[tuple[int, Entry]]:
        """Every entry with its key, in the order of keys, a bounded number of them in memory at a time."""
        ...

    def ids_in_order(self) -> list[str]:
        """The ids of all entries, in the order in which they were stored."""
        ...

    def obsolete_among(self, keys: Iterable[int]) -> dict[int, int | None]:
        """Which of these entries no longer hold, each with the key of its successor if it has one."""
        ...

    def of_project(self, project: str, keys: Iterable[int]) -> set[int]:
        """Which of these entries belong to a project, named in either case as a filter names it."""
        ...


class Links(Protocol):
    """Links between entries; what supersedes an entry is known from here alone. Writing belongs in a transaction."""

    def put(self, link: Link, created_at: datetime, *, as_oldest: bool = False) -> bool:
        """Store a link; of several that supersede an entry the latest holds.

        Args:
            link: The link. The same link again becomes the latest, and takes the new reason.
            created_at: The time.
            as_oldest: Put it behind the target's other links instead.

        Returns:
            Whether it is stored: False when an end is not there.
        """
        ...

    def put_many(self, links: Sequence[Link], created_at: datetime) -> list[bool]:
        """Store links, one after the other. Returns of each what `put` does."""
        ...

    def of(self, key: int) -> list[Link]:
        """The links that touch an entry."""
        ...

    def starting_at(self, keys: Iterable[int]) -> dict[str, list[Link]]:
        """The links that start at each of some entries, by the id of the entry."""
        ...

    def touching(self, keys: Iterable[int]) -> list[Link]:
        """The links that start or end at any of some entries, each once."""
        ...

    def of_type(self, type: LinkType) -> list[Link]:
        """Every link of a type."""
        ...

    def between(self, source: int, target: int) -> list[Link]:
        """The links from one entry to another."""
        ...

    def remove(self, link: Link) -> None:
        """Remove a link; one that is not there is no error."""
        ...


class Tombstones(Protocol):
    """What deleted entries leave. Writing belongs inside a transaction."""

    def put(self, entry: Entry, record: Mapping[str, Any], deleted_at: datetime) -> None:
        """Keep what a deleted entry was, as anything that JSON can hold."""
        ...

    def resolve(self, name: str) -> Tombstone:
        """The one deleted entry whose id ends so, else begins so, in either case. Raises NotFound or Ambiguous."""
        ...

    def has(self, entry_id: str) -> bool:
        """Whether there is a deleted entry of a full id."""
        ...

    def record(self, entry_id: str) -> dict[str, Any] | None:
        """What `put` was given for a full id, or None. Raises EntryDamaged when it cannot be read."""
        ...

    def replace(self, entry_id: str, record: Mapping[str, Any]) -> None:
        """Keep something else of a deleted entry."""
        ...

    def origins(self) -> dict[str, tuple[str, str]]:
        """Where deleted entries had been imported from: the id and the source's hash as hex digits, by path."""
        ...

    def latest(self, limit: int) -> list[Tombstone]:
        """Deleted entries, the last deleted first."""
        ...

    def naming(self, entry_id: str) -> list[str]:
        """Ids of the deleted entries whose record names an id."""
        ...

    def drop(self, *ids: str) -> None:
        """Forget deleted entries for good; an id without a tombstone is no error."""
        ...

    def leave_trace(self, entry_id: str, deleted_at: datetime) -> None:
        """Remember that traces of an entry that was deleted for ever may be left on the disk."""
        ...

    def traces(self) -> dict[str, bool]:
        """Ids of the entries that left traces when they were deleted for ever, each with whether these are wiped by now."""
        ...

    def note_wiped(self, ids: Iterable[str]) -> None:
        """Note that their last traces are gone."""
        ...

    def forget_trace(self, entry_id: str) -> None:
        """Forget that an entry ever left traces."""
        ...


class Leases(Protocol):
    """Work that one process does for all of them. Each call is one change, inside a transaction or by itself.

    Who may take a lease that somebody has is not decided here, see `rekall.claims`.
    """

    def of(self, name: str) -> Lease | None:
        """The lease of that name, or None when nobody has it."""
        ...

    def under(self, beginning: str) -> list[Lease]:
        """Every lease whose name begins so, by name."""
        ...

    def take(self, lease: Lease, instead_of: Lease | None = None) -> bool:
        """Take a lease that nobody has, or that is still as it was seen.

        Args:
            lease: What is to be.
            instead_of: What was there, None for nothing.

        Returns:
            Whether it was so; else nothing is changed.
        """
        ...

    def renew(self, lease: Lease) -> bool:
        """Say how far the work is. Returns whether its holder still has it; else nothing is changed."""
        ...

    def release(self, holder: str, beginning: str = "") -> None:
        """Give up everything that a holder has, or what of it has a name that begins so."""
        ...


class Store(Protocol):
    """A base's data, in one place that all rooms share. Thread-safe; every method raises a `StorageError` of ours."""

    @property
    def entries(self) -> Entries:
        """The entries."""
        ...

    @property
    def links(self) -> Links:
        """The links between them."""
        ...

    @property
    def origins(self) -> Origins:
        """Where imported ones came from."""
        ...

    @property
    def words(self) -> Words:
        """The words index."""
        ...

    @property
    def passages(self) -> Passages:
        """What is embedded of them."""
        ...

    @property
    def vectors(self) -> Vectors:
        """The vectors of that."""
        ...

    @property
    def unembeddable(self) -> Unembeddable:
        """What of them a model cannot embed."""
        ...

    @property
    def tombstones(self) -> Tombstones:
        """What deleted ones leave."""
        ...

    @property
    def history(self) -> History:
        """What was done, and what entries were before."""
        ...

    @property
    def reviews(self) -> Reviews:
        """When entries are to be looked at again."""
        ...

    @property
    def pairs(self) -> Pairs:
        """What was said of two of them."""
        ...

    @property
    def agreements(self) -> Agreements:
        """What folders and the base last said alike."""
        ...

    @property
    def leases(self) -> Leases:
        """Work that one process does for all of them."""
        ...

    def transaction(self, wait_s: float | None = None, doing: str = "") -> AbstractContextManager[None]:
        """All or nothing. Inside another transaction the outer one decides.

        Args:
            wait_s: Seconds to wait for another process that writes, where that is another time than usual.
            doing: What takes long in it, to follow "another Rekall is": other processes wait for that.
        """
        ...

    def snapshot(self) -> AbstractContextManager[None]:
        """Every read of the block sees the same moment, whatever others write or drop."""
        ...

    def moment(self) -> object:
        """Something that differs once anything was written, by this process or another."""
        ...

    def version(self) -> int:
        """A number that changes when another process has written."""
        ...

    def size_bytes(self) -> int:
        """Bytes on the disk; 0 in memory."""
        ...

    def compact(self, wait_s: float | None = None) -> bool:
        """Give back the room, and the traces, of what was deleted.

        Args:
            wait_s: Seconds to wait for other processes, where that is another time than usual.

        Returns:
            Whether it is done already: False while another process reads what was before.

        Raises:
            StorageError: It cannot be done now; everything is as before.
        """
        ...

    def release_memory(self) -> None:
        """Drop what is only kept to be faster; the next reads fetch it again."""
        ...

    def close(self) -> None:
        """Close it; a second time does nothing."""
        ...
