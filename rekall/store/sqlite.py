"""The store in one SQLite file: the only room that joins its parts."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING

from rekall.db import Database
from rekall.store.entries import SqliteEntries
from rekall.store.leases import SqliteLeases
from rekall.store.links import SqliteLinks, SqliteOrigins
from rekall.store.packing import pack_signs
from rekall.store.passages import SqlitePassages
from rekall.store.spaces import SqliteVectors
from rekall.store.tombstones import SqliteTombstones
from rekall.store.unembeddable import SqliteUnembeddable
from rekall.store.words import SqliteWords

if TYPE_CHECKING:  # no search looks back
    from rekall.store.agreed import SqliteAgreements
    from rekall.store.history import SqliteHistory
    from rekall.store.judged_pairs import SqlitePairs
    from rekall.store.review_rows import SqliteReviews


class SqliteStore:
    """A base in a file of its own; see `contract.Store`."""

    def __init__(
        self,
        path: Path | None,
        backend: str = "auto",
        *,
        migrating: Callable[[Path], None] = lambda path: None,
        read_only: bool = False,
    ) -> None:
        """Open a base, and make or migrate it where needed.

        Args:
            path: The file; None opens an empty base in memory.
            backend: What searches vectors: "auto", "sqlite-vec" or "numpy".
            migrating: Told of a base of an earlier schema before anything in it is changed.
            read_only: Open what is there, and refuse every change.

        Raises:
            StorageError: The file cannot be used, or the backend cannot be loaded.
        """
        self.db = Database(path, migrated=complete, migrating=migrating, read_only=read_only)
        try:
            self.entries = SqliteEntries(self.db)
            self.links = SqliteLinks(self.db)
            self.origins = SqliteOrigins(self.db)
            self.words = SqliteWords(self.db, self.entries.stream)
            self.passages = SqlitePassages(self.db, self.words.holders)
            self.vectors = SqliteVectors(self.db, self.passages, backend)
            self.unembeddable = SqliteUnembeddable(self.db)
            self.tombstones = SqliteTombstones(self.db)
            self.leases = SqliteLeases(self.db)
        except BaseException:
            self.db.close()
            raise

    @property
    def history(self) -> SqliteHistory:
        """What was done, and what entries were before."""
        from rekall.store.history import SqliteHistory

        return SqliteHistory(self.db)

    @property
    def reviews(self) -> SqliteReviews:
        """When entries are to be looked at again."""
        from rekall.store.review_rows import SqliteReviews

        return SqliteReviews(self.db)

    @property
    def pairs(self) -> SqlitePairs:
        """What was said of two of them."""
        from rekall.store.judged_pairs import SqlitePairs

        return SqlitePairs(self.db)

    @property
    def agreements(self) -> SqliteAgreements:
        """What folders and the base last said alike."""
        from rekall.store.agreed import SqliteAgreements

        return SqliteAgreements(self.db)

    def transaction(self, wait_s: float | None = None, doing: str = "") -> AbstractContextManager[None]:
        """All or nothing. Inside another transaction the outer one decides."""
        return self.db.transaction(wait_s, doing)

    def snapshot(self) -> AbstractContextManager[None]:
        """Every read of the block sees the same moment, whatever others write or drop."""
        return self.db.snapshot()

    def moment(self) -> object:
        """Something that differs once anything was written, by this process or another."""
        return self.db.data_version(), self.db.total_changes()

    def version(self) -> int:
        """A number that changes when another process has written."""
        return self.db.data_version()

    def size_bytes(self) -> int:
        """Bytes of the file and of the log of writes beside it; 0 in memory."""
        return self.db.size_bytes()

    def compact(self, wait_s: float | None = None) -> bool:
        """Give back the room, and the traces, of what was deleted."""
        with self.db.transaction(wait_s):
            self.words.forget_deleted()
        return self.db.compact(wait_s)

    def release_memory(self) -> None:
        """Drop the cached pages; the next reads fetch them again."""
        self.db.release_memory()

    def close(self) -> None:
        """Close the file; a second time does nothing."""
        self.db.close()


def complete(db: Database) -> None:
    """Do what a step of the schema cannot: index the words of every entry where one emptied the index, pack signs."""
    pack_signs(db)
    words = SqliteWords(db)
    if words.count() == 0:
        for key, entry in SqliteEntries(db).stream():
            words.put(key, entry)
