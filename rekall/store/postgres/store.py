"""The store of a base on a server: the only room that joins its parts."""

from __future__ import annotations

from contextlib import AbstractContextManager

from rekall.store.postgres.address import address
from rekall.store.postgres.counts import Tokens
from rekall.store.postgres.opening import check_shape
from rekall.store.postgres.passages import PostgresPassages
from rekall.store.postgres.server import BUSY_TIMEOUT_S, Server
from rekall.store.postgres.spaces import PostgresVectors
from rekall.store.postgres.unembeddable import PostgresUnembeddable
from rekall.store.postgres.words import PostgresWords


class PostgresStore:
    """A base on a PostgreSQL server; see `contract.Store`."""

    def __init__(self, db: Server) -> None:
        """Work on a connection to a base that `check_shape` found fit."""
        self.db = db
        tokens = Tokens()
        self.words = PostgresWords(db, tokens)
        self.passages = PostgresPassages(db, tokens)
        self.vectors = PostgresVectors(db, tokens)
        self.unembeddable = PostgresUnembeddable(db)

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
