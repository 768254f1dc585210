"""Makes a base on a server, and the roles of those who read and of those who write."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass

from rekall.errors import DatabaseReadOnly
from rekall.store.postgres.address import address
from rekall.store.postgres.opening import migrate, shape_of
from rekall.store.postgres.server import Server

READER, WRITER = "reader", "writer"
"""How the names of the roles end; they begin with that of the schema."""

_WAIT_S = 120.0
_OF_HISTORY = ("operation", "version", "link_version")
_NOTED = "done_at, verb, door, client, source, undoes, undone_by, is_whole"
"""What of an operation a writer says; its number and its author are the server's to say."""

_OWN = "EXISTS (SELECT FROM {schema}.operation o WHERE o.number = {table}.operation AND o.author = session_user)"


@dataclass(frozen=True, slots=True)
class Prepared:
    """What was done for a base.

    Attributes:
        made: What was made, a line each; nothing where the rights for it were missing.
        to_do: Statements that somebody with more rights has to run, before `init` is run again.
    """

    made: tuple[str, ...] = ()
    to_do: tuple[str, ...] = ()


def prepare(conninfo: str) -> Prepared:
    """Make a base or bring it up to date, and give the roles of readers and writers what they may do.

    Args:
        conninfo: Where it is to lie, as PostgreSQL's own tools take it; who it names owns the base.

    Raises:
        StorageError: It cannot be made.
    """
    with contextlib.closing(Server(address(conninfo))) as db:
        try:
            was_there = shape_of(db) is not None
            steps = migrate(db)
        except DatabaseReadOnly:
            who = _quoted(str(db.value("SELECT current_user")))
            return Prepared(
                (),
                (
                    "CREATE EXTENSION IF NOT EXISTS vector;",
                    f"CREATE SCHEMA IF NOT EXISTS {db.quoted_schema} AUTHORIZATION {who};",
                ),
            )
        said = "is up to date" if not steps else "was brought up to date" if was_there else "is made"
        made = [f"{db.where}: the base {said}, in the schema {db.schema}"]
        missing = _missing_roles(db)
        if missing and not db.value("SELECT rolcreaterole OR rolsuper FROM pg_roles WHERE rolname = current_user"):
            return Prepared(tuple(made), tuple(f"CREATE ROLE {_quoted(role)} NOLOGIN;" for role in missing))
        with db.migrating(_WAIT_S):
            for role in missing:
                db.run(f"CREATE ROLE {_quoted(role)} NOLOGIN")
            for statement in _rights(db):
                db.run(statement)
        reader, writer = (_role(db, end) for end in (READER, WRITER))
        made.append(f"who may read gets `GRANT {reader} TO NAME`, who may write `GRANT {writer} TO NAME`")
        if not was_there and (others := _members(db)):
            made.append(
                f"these roles were given before, in this database or another one of the server: {', '.join(others)} may use "
                "the base, too; where that is not meant, make it in a schema of another name, and drop this one"
            )
        return Prepared(tuple(made))


def _role(db: Server, end: str) -> str:
    return f"{db.schema}_{end}"


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _missing_roles(db: Server) -> list[str]:
    wanted = [_role(db, end) for end in (READER, WRITER)]
    there = {row[0] for row in db.rows("SELECT rolname::text FROM pg_roles WHERE rolname = ANY(%s)", (wanted,))}
    return [role for role in wanted if role not in there]


def _members(db: Server) -> list[str]:
    """Who has one of the roles, which hold for all databases of the server; who makes the base is left out."""
    roles = [_role(db, end) for end in (READER, WRITER)]
    rows = db.rows(
        "SELECT DISTINCT m.rolname::text FROM pg_auth_members a JOIN pg_roles r ON r.oid = a.roleid "
        "JOIN pg_roles m ON m.oid = a.member WHERE r.rolname = ANY(%s) AND m.rolname <> current_user ORDER BY 1",
        (roles,),
    )
    return [row[0] for row in rows]


def _rights(db: Server) -> list[str]:
    """What readers and writers may do: a writer changes entries, and drops no history of others."""
    schema = db.quoted_schema
    reader, writer = (_quoted(_role(db, end)) for end in (READER, WRITER))
    tables = [
        str(row[0]) for row in db.rows("SELECT tablename::text FROM pg_tables WHERE schemaname = %s", (db.schema,))
    ]
    plain = ", ".join(f"{schema}.{_quoted(name)}" for name in sorted(tables) if name not in (*_OF_HISTORY, "base"))
    statements = [
        f"GRANT USAGE ON SCHEMA {schema} TO {reader}, {writer}",
        f"GRANT SELECT ON ALL TABLES IN SCHEMA {schema} TO {reader}, {writer}",
        f"GRANT INSERT, UPDATE, DELETE ON {plain} TO {writer}",
        f"GRANT UPDATE (version) ON {schema}.base TO {writer}",
        f"GRANT INSERT ({_NOTED}), UPDATE (undone_by, is_whole), DELETE ON {schema}.operation TO {writer}",
        f"GRANT INSERT, UPDATE, DELETE ON {schema}.version, {schema}.link_version TO {writer}",
    ]
    for table in _OF_HISTORY:
        own = "author = session_user" if table == "operation" else _OWN.format(schema=schema, table=table)
        changes = "true" if table == "operation" else own  # what was undone is noted by who undoes it
        policies = {
            "SELECT": "USING (true)",
            "INSERT": f"WITH CHECK ({own})",
            "UPDATE": f"USING ({changes})",
            "DELETE": f"USING ({own})",
        }
        statements.append(f"ALTER TABLE {schema}.{table} ENABLE ROW LEVEL SECURITY")
        for verb, rule in policies.items():
            name = f"rekall_{verb.lower()}"
            statements.append(f"DROP POLICY IF EXISTS {name} ON {schema}.{table}")
            statements.append(f"CREATE POLICY {name} ON {schema}.{table} FOR {verb} {rule}")
    return statements
