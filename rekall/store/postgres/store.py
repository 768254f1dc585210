"""The store of a base on a server: the only room that joins its parts."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import TYPE_CHECKING

from rekall.store.postgres import room
from rekall.store.postgres.address import address
from rekall.store.postgres.counts import Tokens
from rekall.store.postgres.entries import PostgresEntries
from rekall.store.postgres.leases import PostgresLeases
from rekall.store.postgres.links import PostgresLinks
from rekall.store.postgres.opening import check_shape
from rekall.store.postgres.origins import PostgresOrigins
from rekall.store.postgres.passages import PostgresPassages
from rekall.store.postgres.server import BUSY_TIMEOUT_S, Server
from rekall.store.postgres.spaces import PostgresVectors
from rekall.store.postgres.tombstones import PostgresTombstones
from rekall.store.postgres.unembeddable import PostgresUnembeddable
from rekall.store.postgres.words import PostgresWords

if TYPE_CHECKING:  # no search looks back
    from rekall.store.postgres.agreed import PostgresAgreements
    from rekall.store.postgres.history import PostgresHistory
    from rekall.store.postgres.judged_pairs import PostgresPairs
    from rekall.store.postgres.reviews import PostgresReviews


class PostgresStore:
    """A base on a PostgreSQL server; see `contract.Store`."""

    def __init__(self, db: Server) -> None:
        """Work on a connection to a base that `check_shape` found fit."""
        self.db = db
        self._tokens = Tokens()
        self.entries = PostgresEntries(db, self._tokens)
        self.links = PostgresLinks(db)
        self.origins = PostgresOrigins(db)
        self.words = PostgresWords(db, self._tokens)
        self.passages = PostgresPassages(db, self._tokens)
        self.vectors = PostgresVectors(db, self._tokens)
        self.unembeddable = PostgresUnembeddable(db)
        self.tombstones = PostgresTombstones(db)
        self.leases = PostgresLeases(db)

    @property
    def history(self) -> PostgresHistory:
        """What was done, and what entries were before."""
        from rekall.store.postgres.history import PostgresHistory

        return PostgresHistory(self.db)

    @property
    def reviews(self) -> PostgresReviews:
        """When entries are to be looked at again."""
        from rekall.store.postgres.reviews import PostgresReviews

        return PostgresReviews(self.db, self._tokens)

    @property
    def pairs(self) -> PostgresPairs:
        """What was said of two of them."""
        from rekall.store.postgres.judged_pairs import PostgresPairs

        return PostgresPairs(self.db)

    @property
    def agreements(self) -> PostgresAgreements:
        """What folders and the base last said alike."""
        from rekall.store.postgres.agreed import PostgresAgreements

        return PostgresAgreements(self.db)

    def transaction(self, wait_s: float | None = None, doing: str = "") -> AbstractContextManager[None]:
        """All or nothing. Inside another transaction the outer one decides."""
        return self.db.transaction(wait_s, doing)

    def snapshot(self) -> AbstractContextManager[None]:
        """Every read of the block sees the same moment, whatever others write or drop."""
        return self.db.snapshot()

    def moment(self) -> object:
        """Something that differs once anything was written, by this process or another."""
        return self.db.moment(), self.db.changes

    def version(self) -> int:
        """A number that changes when another process has written."""
        return self.db.version()

    def size_bytes(self) -> int:
        """Bytes of the base's tables and of their indexes on the server."""
        return room.size_bytes(self.db)

    def compact(self, wait_s: float | None = None) -> bool:
        """Give back the room, and the traces, of what was deleted; see `room`."""
        with self.db.transaction(wait_s):
            self.words.forget_deleted()
        return room.compact(self.db, self.vectors.sweep, wait_s)

    def release_memory(self) -> None:
        """Nothing is kept here to be faster: the server keeps it."""

    def close(self) -> None:
        """Close the connection; a second time does nothing."""
        self.db.close()


def open_store(conninfo: str, *, read_only: bool = False, busy_timeout_s: float = BUSY_TIMEOUT_S) -> PostgresStore:
    """Open a team's base; none is made.

    Args:
        conninfo: Where it lies, as PostgreSQL's own tools take it.
        read_only: Refuse whatever would change something.
        busy_timeout_s: Seconds to wait for somebody else who writes.

    Raises:
        InvalidInput: The address is none.
        StorageError: The base is away, is not there, or cannot be used by this Rekall.
    """
    db = Server(address(conninfo), read_only=read_only, busy_timeout_s=busy_timeout_s)
    try:
        check_shape(db)
        return PostgresStore(db)
    except BaseException:
        db.close()
        raise
