"""A team's base on a PostgreSQL server, behind the store's contract."""

from rekall.store.postgres.store import open_store

__all__ = ["open_store"]
