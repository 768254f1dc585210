"""A team's base on a PostgreSQL server, behind the store's contract."""

from rekall.store.postgres.looking import Checked, check
from rekall.store.postgres.roles import Prepared, prepare
from rekall.store.postgres.store import open_store

__all__ = ["Checked", "Prepared", "check", "open_store", "prepare"]
