"""What a base on a server is like, for who sets one up: versions, rights, and how much there is."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass

from rekall.store.postgres.address import address
from rekall.store.postgres.opening import check_shape, vector_version
from rekall.store.postgres.room import size_bytes
from rekall.store.postgres.schema import MIGRATIONS
from rekall.store.postgres.server import Server


@dataclass(frozen=True, slots=True)
class Checked:
    """What a base on a server is like.

    Attributes:
        where: The base, for people.
        server: The version of PostgreSQL.
        vector: The version of pgvector.
        schema: The schema that it lies in.
        shape: The number of its last step; this Rekall uses no other.
        role: Who one is there.
        rights: "owner", "writer" or "reader".
        entries: How many entries there are.
        size_bytes: Bytes of its tables and indexes.
        is_encrypted: Whether what goes to the server can be read on the way by nobody.
    """

    where: str
    server: str
    vector: str
    schema: str
    shape: int
    role: str
    rights: str
    entries: int
    size_bytes: int
    is_encrypted: bool


_RIGHTS = """
    SELECT CASE WHEN pg_has_role(c.relowner, 'USAGE') THEN 'owner'
        WHEN has_table_privilege(c.oid, 'INSERT') AND has_table_privilege(c.oid, 'DELETE') THEN 'writer' ELSE 'reader' END
    FROM pg_class c WHERE c.oid = to_regclass('entry')
"""


def check(conninfo: str) -> Checked:
    """Look at a base, and change nothing.

    Args:
        conninfo: Where it lies, as PostgreSQL's own tools take it.

    Raises:
        InvalidInput: The address is none.
        StorageError: It is away, is not there, or cannot be used by this Rekall; the error says why, and what to do.
    """
    with contextlib.closing(Server(address(conninfo), read_only=True)) as db:
        check_shape(db)
        with db.snapshot():
            return Checked(
                where=str(db.where),
                server=str(db.value("SELECT current_setting('server_version')")),
                vector=vector_version(db) or "",
                schema=db.schema,
                shape=len(MIGRATIONS),
                role=str(db.value("SELECT session_user::text")),
                rights=str(db.value(_RIGHTS)),
                entries=int(db.value("SELECT count(*) FROM entry")),
                size_bytes=size_bytes(db),
                is_encrypted=bool(
                    db.value("SELECT coalesce((SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()), false)")
                ),
            )
