"""What PostgreSQL and its driver refuse, in Rekall's words."""

from __future__ import annotations

import re

import psycopg

from rekall.errors import (
    DatabaseAway,
    DatabaseCorrupt,
    DatabaseForeign,
    DatabaseLocked,
    DatabaseReadOnly,
    DiskFull,
    InvalidInput,
    StorageError,
)
from rekall.store.postgres.address import Address

_AGAIN = "try again in a moment"
_UNCHANGED = "nothing was changed; try again in a moment"

_ROOTS = "name the file with sslrootcert=FILE; sslrootcert=system takes what the system trusts"

_AT_THE_DOOR: tuple[tuple[str, str, str], ...] = (
    (
        "password authentication failed",
        "refuses the password",
        "PostgreSQL takes it from ~/.pgpass, PGPASSWORD or a service file",
    ),
    ("no password supplied", "asks for a password", "put it into ~/.pgpass or PGPASSWORD; Rekall keeps none"),
    (
        'role ".*" (does not exist|is not permitted)',
        "does not know this user, or does not let it in",
        "check the user's name in the address, or ask who runs the server",
    ),
    ('database ".*" does not exist', "is not there", "check its name in the address; `createdb` makes a database"),
    ("permission denied for database", "lets this user not in", "ask who runs the server"),
    (
        "no pg_hba.conf entry",
        "lets nobody in who comes from here like this",
        "ask who runs the server; it may want sslmode=require",
    ),
    (
        "could not translate host name|failed to resolve host",
        "cannot be found: nobody knows its host",
        "check the address and the network",
    ),
    ("definition of service", "is in no service file", "see pg_service.conf in PostgreSQL's documentation"),
    ("connection refused", "does not answer: nothing listens there", "check host and port, and that the server runs"),
    (
        "no such file or directory",
        "does not answer: no server runs there",
        "start the server, or name its host in the address",
    ),
    (
        "timeout expired|timed out|(wait|login)_timeout",
        "did not answer in time",
        "check the network; your own base is at hand as always",
    ),
    ("root certificate file", "cannot be verified: this machine has no root certificate for it", _ROOTS),
    ("certificate verify failed", "has a certificate that this machine does not trust", _ROOTS),
    (
        "does not match host name",
        "has the certificate of another host",
        "name the host as its certificate does, or ask who runs the server",
    ),
    (
        "certificate (required|authentication failed|present)|client certificate|private key",
        "wants a certificate of yours, and takes none that it was given",
        "name it with sslcert=FILE and sslkey=FILE, its key, which nobody else may read",
    ),
    (r"\bssl\b", "and this machine do not agree on encryption", "see sslmode in PostgreSQL's documentation"),
    ("starting up|recovery mode|not yet accepting", "is starting", _AGAIN),
    ("shutting down", "is being stopped", _AGAIN),
    ("too many|slots are reserved", "has no room for another connection", _AGAIN),
)
"""What a server says before it lets anybody in has no code, only words: what is among them, what it means, and what to do."""


_IN_THE_MIDDLE: tuple[tuple[tuple[str, ...], type[StorageError | InvalidInput], str, str], ...] = (
    (("55P03", "40P01", "40001"), DatabaseLocked, "is locked: somebody else is writing to it", _AGAIN),
    (("57014",), DatabaseLocked, "did not answer in time", _UNCHANGED),
    (("25P03",), DatabaseAway, "waited too long for this process", _UNCHANGED),
    (
        ("42501", "25006"),
        DatabaseReadOnly,
        "does not let you do that",
        "ask who runs it for the rights of a reader, or of a writer to change something",
    ),
    (
        ("53100",),
        DiskFull,
        "has no room left",
        "who runs the server must free some; what was stored before is as it was",
    ),
    (("53",), DatabaseAway, "is on a server that is short of memory or connections", _UNCHANGED),
    (
        ("42P01", "3F000", "42703"),
        DatabaseForeign,
        "is no Rekall base, or part of it is gone",
        "`rekall base init` with this address makes one",
    ),
    (("22021", "22P05"), InvalidInput, "cannot store characters of the text", "its database must be made with UTF8"),
)
"""What the server's codes begin with, what they are to us, and what to do."""


_TO_WHOM = "connection (failed|is bad): (connection to server (at|on) .*? failed: )?"
"""What the driver puts before it."""


def at_the_door(where: Address, error: psycopg.Error) -> StorageError:
    """That no connection can be made."""
    said = re.sub(_TO_WHOM, "", " ".join(str(error).split()))
    for pattern, meaning, hint in _AT_THE_DOOR:
        if re.search(pattern, said, re.IGNORECASE):
            return DatabaseAway(f"{where} {meaning}", hint)
    return DatabaseAway(f"{where} cannot be reached: {where.scrubbed(said)}", "check the address and the network")


def lost(where: Address) -> DatabaseAway:
    """That the connection is gone, and nothing was changed."""
    return DatabaseAway(f"the connection to {where} was lost", _UNCHANGED)


def refused(where: Address, error: psycopg.Error, *, is_gone: bool) -> StorageError | InvalidInput:
    """A statement that went wrong.

    Args:
        where: The base.
        error: The driver's error.
        is_gone: Whether the connection is gone with it.
    """
    code = error.sqlstate or ""
    if is_gone or code[:2] == "08" or code in ("57P01", "57P02", "57P03"):
        return lost(where)
    for codes, kind, meaning, hint in _IN_THE_MIDDLE:
        if code.startswith(codes):
            return kind(f"{where} {meaning}", hint)
    if code.startswith(("23", "XX001", "XX002")):
        return DatabaseCorrupt(
            f"{where} holds what it cannot hold: {_primary(where, error)}", "ask who runs the server"
        )
    return StorageError(
        f"{where} reported an error: {_primary(where, error)}", "please report this, with the command you ran"
    )


def locked(where: Address, doing: str = "") -> DatabaseLocked:
    """That somebody else writes for longer than one waits."""
    what = f"another Rekall is {doing}" if doing else "somebody else is writing to it"
    return DatabaseLocked(f"{where} is locked: {what}", _AGAIN)


def _primary(where: Address, error: psycopg.Error) -> str:
    """The first line of what the server said; the statement and its values are not in it."""
    said = error.diag.message_primary or str(error).partition("\n")[0]
    return where.scrubbed(said)
