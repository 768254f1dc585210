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

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import datetime
from typing import Any, Protocol

from rekall.entry.fields import Entry
from rekall.entry.passages import Passage
from rekall.entry.types import Link, Tombstone
from rekall.store.values import (
    EVERYTHING,
    Counts,
    Origin,
    PendingPassage,
    Selection,
    Space,
    StoredPassage,
    Term,
    Terms,
)
from rekall.vector_index import Backend, Vector, VectorIndex


class Entries(Protocol):
    """The entries. Writing belongs inside a transaction."""

    def insert(self, entry: Entry) -> int:
        """Store a new entry. Returns its key."""
        ...

    def update(self, key: int, entry: Entry) -> None:
        """Replace everything about an entry but its key and links."""
        ...

    def delete(self, key: int) -> None:
        """Remove an entry; its links, origin, passages and vectors go with it."""
        ...

    def by_keys(self, keys: Iterable[int]) -> dict[int, Entry]:
        """Entries by key; a key without an entry is left out."""
        ...

    def by_ids(self, ids: Iterable[str]) -> dict[str, Entry]:
        """Entries by full id; an id without an entry is left out."""
        ...

    def titles(self, ids: Iterable[str]) -> dict[str, str]:
        """Titles by full id; an id without an entry is left out."""
        ...

    def key_of(self, entry_id: str) -> int | None:
        """The key of a full id, or None."""
        ...

    def resolve(self, prefix: str) -> int:
        """The key of the one entry whose id begins so, in either case. Raises NotFound or Ambiguous."""
        ...

    def short_ids(self, ids: Iterable[str]) -> dict[str, str]:
        """The shortest beginning of each id that no other entry's id has, at least `SHORTEST_PREFIX` characters."""
        ...

    def keys(self, selection: Selection = EVERYTHING, limit: int | None = None, offset: int = 0) -> list[int]:
        """Keys of the selected entries, the latest change first."""
        ...

    def count(self, selection: Selection = EVERYTHING) -> int:
        """How many entries are selected."""
        ...

    def counts(self) -> Counts:
        """Figures for `rekall stats`."""
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

    def of(self, key: int) -> list[Link]:
        """The links that touch an entry."""
        ...

    def starting_at(self, keys: Iterable[int]) -> dict[str, list[Link]]:
        """The links that start at each of some entries, by the id of the entry."""
        ...

    def between(self, source: int, target: int) -> list[Link]:
        """The links from one entry to another."""
        ...

    def remove(self, link: Link) -> None:
        """Remove a link; one that is not there is no error."""
        ...


class Origins(Protocol):
    """Where imported entries came from. Writing belongs inside a transaction."""

    def of(self, key: int) -> Origin | None:
        """Where an entry was imported from, or None."""
        ...

    def at(self, path: str) -> Origin | None:
        """What was imported from `path`, or None."""
        ...

    def put(self, origin: Origin) -> None:
        """Remember where an entry was imported from."""
        ...


class Words(Protocol):
    """The words index. Writing belongs inside a transaction."""

    def put(self, key: int, entry: Entry) -> None:
        """Index an entry, in place of what was indexed under the same key."""
        ...

    def delete(self, key: int) -> None:
        """Remove an entry from the index."""
        ...

    def clear(self) -> None:
        """Empty the index."""
        ...

    def forget_deleted(self) -> None:
        """Leave no trace of a deleted entry's words in the index."""
        ...

    def count(self) -> int:
        """How many entries are indexed."""
        ...

    def terms(self, text: str, most: int) -> Terms:
        """The distinct words of a text worth looking for.

        Of more than `most` the rarest; words of more than half the entries only where there are no others.
        """
        ...

    def places(self, text: str) -> list[tuple[int, int, str]]:
        """The words of a text: where each begins and ends, in characters, and its stem."""
        ...

    def search(self, terms: Terms, selection: Selection, limit: int) -> dict[int, float]:
        """The selected entries that cover most of the terms, best first, each with its coverage, 0 to about 1."""
        ...

    def coverage_of(self, terms: Terms, keys: Iterable[int]) -> dict[int, float]:
        """Coverage of the given entries; one that holds no term is left out."""
        ...

    def matched(self, terms: Terms, keys: Iterable[int]) -> dict[int, tuple[Term, ...]]:
        """Which of the terms each of the given entries holds; one that holds none is left out."""
        ...


class Passages(Protocol):
    """Which passages an entry consists of. Writing belongs inside a transaction."""

    def put(self, entry_key: int, passages: Sequence[Passage]) -> list[int]:
        """Make these the passages of an entry; one whose text is known keeps its vectors. Returns their ids."""
        ...

    def of_entries(self, keys: Iterable[int]) -> list[StoredPassage]:
        """All passages of the given entries."""
        ...

    def by_ids(self, ids: Iterable[int]) -> list[StoredPassage]:
        """The passages of the given ids."""
        ...

    def ids(self, selection: Selection) -> list[int]:
        """Ids of the passages of the selected entries."""
        ...

    def has_text(self, passage_id: int, text_hash: bytes) -> bool:
        """Whether a passage is still there with that text."""
        ...

    def count(self) -> int:
        """How many passages there are."""
        ...

    def embedded_hashes(self, entry_key: int, space: Space) -> set[bytes]:
        """Text hashes of an entry's passages that have a vector in a space."""
        ...

    def pending(self, space: Space | None, limit: int, entry_key: int | None = None) -> list[PendingPassage]:
        """Passages without a vector in a space (in any, when None), in the order of entries; or of one entry."""
        ...

    def pending_counts(self, space: Space | None) -> tuple[int, int]:
        """How many passages have no vector in a space, and to how many entries they belong."""
        ...


class Vectors(Protocol):
    """Vector spaces, and the index of each. Writing belongs inside a transaction."""

    @property
    def backend(self) -> Backend:
        """What searches vectors, and why not the preferred one."""
        ...

    def active_space(self) -> Space | None:
        """The space that searches use, or None before anything was embedded."""
        ...

    def space_of(self, fingerprint: str) -> Space | None:
        """The space of a model's fingerprint, or None."""
        ...

    def spaces(self) -> list[Space]:
        """Every space, oldest first."""
        ...

    def make_space(self, fingerprint: str, model: str, dim: int, created_at: datetime) -> Space:
        """Make the space of a model; the first one of a base is active at once."""
        ...

    def resume(self, space: Space) -> Space:
        """Build a retired space again; any other stays what it is."""
        ...

    def activate(self, space: Space) -> None:
        """Let searches use this space from now on; the one they used retires."""
        ...

    def rename(self, space: Space, model: str) -> None:
        """Note under which name the model of a space is installed now."""
        ...

    def drop(self, space: Space) -> None:
        """Remove a space and its vectors."""
        ...

    def count(self, space: Space) -> int:
        """How many vectors a space holds."""
        ...

    def index(self, space: Space) -> VectorIndex:
        """The vectors of a space."""
        ...

    def nearest(self, space: Space, vector: Vector, k: int, selection: Selection) -> list[tuple[StoredPassage, float]]:
        """The passages of selected entries that are nearest to a vector, with their cosine, most similar first.

        Args:
            space: Where to look.
            vector: (d,) float32 of unit length.
            k: How many passages at most.
            selection: Whose passages may answer.
        """
        ...


class Tombstones(Protocol):
    """What deleted entries leave. Writing belongs inside a transaction."""

    def put(self, entry: Entry, record: Mapping[str, Any], deleted_at: datetime) -> None:
        """Keep what a deleted entry was, as anything that JSON can hold."""
        ...

    def resolve(self, prefix: str) -> Tombstone:
        """The one deleted entry whose id begins so, in either case. Raises NotFound or Ambiguous."""
        ...

    def record(self, entry_id: str) -> dict[str, Any] | None:
        """What `put` was given for a full id, or None."""
        ...

    def replace(self, entry_id: str, record: Mapping[str, Any]) -> None:
        """Keep something else of a deleted entry."""
        ...

    def latest(self, limit: int) -> list[Tombstone]:
        """Deleted entries, the last deleted first."""
        ...

    def drop(self, entry_id: str) -> None:
        """Forget a deleted entry for good; an id without a tombstone is no error."""
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
    def tombstones(self) -> Tombstones:
        """What deleted ones leave."""
        ...

    def transaction(self) -> AbstractContextManager[None]:
        """All or nothing. Inside another transaction the outer one decides."""
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

    def compact(self) -> bool:
        """Give back the room, and the traces, of what was deleted. Returns whether it is done already.

        Raises:
            DatabaseLocked: Another process writes; everything is as before.
        """
        ...

    def release_memory(self) -> None:
        """Drop what is only kept to be faster; the next reads fetch it again."""
        ...

    def close(self) -> None:
        """Close it; a second time does nothing."""
        ...
