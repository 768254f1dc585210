"""Whether there is a base that this Rekall can use, and how one is made or brought up to date."""

from __future__ import annotations

from collections.abc import Sequence

from rekall.errors import DatabaseForeign, DatabaseReadOnly, DatabaseTooNew, StorageError
from rekall.store.postgres.schema import MIGRATIONS
from rekall.store.postgres.server import Server
from rekall.store.postgres.session import lock_number

LEAST_VECTOR = (0, 7)
"""The first pgvector with halfvec."""

_LEAST_SERVER = 140000
"""The first server whose functions and index types all statements have; older ones get no repairs any more."""

_MIGRATION_WAIT_S = 120.0

_VECTOR = """
    SELECT x.extversion, CASE WHEN NOT has_schema_privilege(n.oid, 'USAGE') THEN quote_ident(n.nspname) END AS hidden
    FROM pg_extension x JOIN pg_namespace n ON n.oid = x.extnamespace WHERE x.extname = 'vector'
"""
"""The version of pgvector, and its schema where one may not use that."""


def shape_of(db: Server) -> int | None:
    """How many steps were taken to make what is there; None where there is no base."""
    if db.value("SELECT to_regclass(quote_ident(%s) || '.base')", (db.schema,)) is None:
        return None
    return int(db.value("SELECT shape FROM base"))


def check_shape(db: Server, steps: Sequence[str] = MIGRATIONS) -> None:
    """Make sure that this Rekall can use what is there.

    Raises:
        DatabaseForeign: There is no base.
        DatabaseTooNew: A later Rekall made it.
        StorageError: It is of an earlier Rekall, or without pgvector.
    """
    try:
        shape, version, hidden = db.rows(
            f"SELECT b.shape, v.* FROM {db.quoted_schema}.base b LEFT JOIN ({_VECTOR}) v ON true"
        )[0]
    except (DatabaseForeign, DatabaseReadOnly):
        raise DatabaseForeign(
            f"{db.where} holds no Rekall base that you may read",
            "`rekall base init` with this address makes one; where there is one, its owner gives you the rights of a reader",
        ) from None
    if shape > len(steps):
        raise DatabaseTooNew(
            f"{db.where} is of a later Rekall (schema {shape}, this one knows {len(steps)})", "upgrade Rekall"
        )
    if shape < len(steps):
        raise StorageError(
            f"{db.where} is of an earlier Rekall (schema {shape} of {len(steps)})",
            "its owner brings it up to date: `rekall base init` with this address",
        )
    check_vector(db, version, hidden)


def vector_version(db: Server) -> str | None:
    """The version of pgvector in the database, or None."""
    found = db.value("SELECT extversion FROM pg_extension WHERE extname = 'vector'")
    return None if found is None else str(found)


def check_vector(db: Server, version: str | None, hidden: str | None) -> None:
    """Make sure that the database has a pgvector of today, and that it may be used.

    Args:
        db: The server.
        version: The version that it has, or None.
        hidden: The schema that it lies in, where one may not use that.

    Raises:
        StorageError: It has none, one that is too old, or one that is out of reach.
    """
    least = ".".join(map(str, LEAST_VECTOR))
    if version is None:
        raise StorageError(
            f"{db.where} has no pgvector",
            f"who runs the server installs pgvector {least} or later: `CREATE EXTENSION vector`",
        )
    if tuple(int(part) for part in version.split(".")[:2]) < LEAST_VECTOR:
        raise StorageError(
            f"{db.where} has pgvector {version}, which is too old",
            f"{least} or later is needed: `ALTER EXTENSION vector UPDATE`",
        )
    if hidden is not None:
        raise StorageError(
            f"{db.where} has pgvector in the schema {hidden}, which you may not use",
            f"who runs the server lets everybody use it: `GRANT USAGE ON SCHEMA {hidden} TO PUBLIC`",
        )


def migrate(db: Server, steps: Sequence[str] = MIGRATIONS) -> int:
    """Make a base, or bring one up to date; of many who try at once one does it, and the others find it done.

    Returns:
        How many steps were taken.

    Raises:
        DatabaseTooNew: A later Rekall made it.
        StorageError: It cannot be made: no rights, no pgvector, or too old a server.
    """
    check_server(db)
    with db.migrating(_MIGRATION_WAIT_S):
        if (
            db.value("SELECT to_regnamespace(%s)", (db.quoted_schema,)) is None
        ):  # to make it takes rights, to find it none
            db.run("CREATE SCHEMA IF NOT EXISTS " + db.quoted_schema)
        shape = shape_of(db) or 0
        if shape > len(steps):
            raise DatabaseTooNew(f"{db.where} is of a later Rekall", "upgrade Rekall")
        if shape < len(steps):
            ensure_vector(db)
            for step in steps[shape:]:
                db.run(step)
            db.run("UPDATE base SET shape = %s", (len(steps),))
    return len(steps) - shape


def check_server(db: Server) -> None:
    """Make sure that the server is new enough. Raises StorageError."""
    if int(db.value("SELECT current_setting('server_version_num')")) < _LEAST_SERVER:
        version = db.value("SHOW server_version")
        raise StorageError(f"the server of {db.where} is PostgreSQL {version}", "14 or later is needed")


def ensure_vector(db: Server) -> None:
    """Make pgvector available in the database, inside a transaction. Raises StorageError."""
    db.rows("SELECT pg_advisory_xact_lock(%s)", (lock_number("vector"),))  # two at once could not make it
    if vector_version(db) is None:
        if db.value("SELECT 1 FROM pg_available_extensions WHERE name = 'vector'") is None:
            check_vector(db, None, None)
        if db.value("SELECT to_regnamespace('public')") is None:
            raise StorageError(
                f"{db.where} has no schema public, into which pgvector would be put",
                "who runs the server puts it into another one that all may use: `CREATE EXTENSION vector SCHEMA NAME`",
            )
        db.run("CREATE EXTENSION IF NOT EXISTS vector SCHEMA public")
    db.refresh_path()  # also where somebody else made it since this connection began
    check_vector(db, *db.rows(_VECTOR)[0])
