"""Where a base lies: an address as PostgreSQL's own tools take it, and as it may be shown to anybody."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, field
from typing import Any

from psycopg import ProgrammingError
from psycopg.conninfo import conninfo_to_dict

from rekall.errors import InvalidInput

CONNECT_S = 5
"""Seconds that a server is waited for, where the address says nothing else."""

DEFAULT_SCHEMA = "rekall"

_SCHEMA = re.compile(r"(?:-c\s*|--)search[_-]path=(\S*)", re.IGNORECASE)
"""The schema that an address names among its options, each of which may be said in several ways."""

_SCHEMA_NAME = re.compile(r"[a-z_][a-z0-9_]{0,55}")
"""A name that means the same with and without quotation marks, and to which a role's ending can be added in 63 bytes."""

_BOUNDED: dict[str, Any] = {
    "connect_timeout": CONNECT_S,
    "tcp_user_timeout": 15_000,  # milliseconds until what was sent must be known to have come
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
}
"""How long a connection to nobody lasts: half a minute at most."""

_HINT = (
    "write postgresql://user@host/database, with %40 for an @ in a name; leave the password out: "
    "PostgreSQL reads it from ~/.pgpass or PGPASSWORD"
)


@dataclass(frozen=True, slots=True)
class Address:
    """Where a base lies.

    Attributes:
        parts: What the driver is given; a password may be among it.
        shown: The same for people: no password.
    """

    parts: dict[str, Any] = field(repr=False)
    shown: str

    def __str__(self) -> str:
        """The address for people."""
        return self.shown

    def scrubbed(self, text: str) -> str:
        """A text of somebody else without the password, should it be there."""
        for secret in {str(self.parts.get(name) or "") for name in ("password", "sslpassword")} | {
            os.environ.get("PGPASSWORD", "")
        }:
            if secret:
                text = text.replace(secret, "***")
        return text


def address(conninfo: str, **bounds: Any) -> Address:
    """An address: a URL, `name=value` pairs, or `service=NAME`; the rest is as libpq finds it in the environment.

    Args:
        conninfo: The text. It is not repeated in any error, for it may hold a password.
        bounds: Parts that hold where it says nothing else.

    Raises:
        InvalidInput: It is none.
    """
    try:
        parts = dict(conninfo_to_dict(conninfo))
    except ProgrammingError:
        raise InvalidInput("the address of the base is none that PostgreSQL knows", _HINT) from None
    misread = [name for name in ("host", "dbname", "port", "hostaddr") if "@" in str(parts.get(name) or "")]
    ports = str(parts.get("port") or "0").split(",")
    if misread or not all(port.isdigit() or not port for port in ports):  # the end of a password, most likely
        raise InvalidInput(
            "the address of the base cannot be read: it holds a character that must be written %XX", _HINT
        )
    return Address({**_BOUNDED, **bounds, **parts}, _shown(parts))


def schema_named(options: str) -> str:
    """The schema in which the base of an address lies.

    Args:
        options: What the address, a service file or the environment gives the server to begin a session with.

    Raises:
        InvalidInput: It has a name that Rekall does not take.
    """
    named = _SCHEMA.findall(options)
    if not named:
        return DEFAULT_SCHEMA
    if not _SCHEMA_NAME.fullmatch(named[-1]):
        raise InvalidInput(
            "the schema in the address of the base has a name that Rekall does not take",
            "write options=-csearch_path=NAME, one name of a to z, 0 to 9 and _, up to 56 of them",
        )
    return str(named[-1])


def _shown(parts: dict[str, Any]) -> str:
    """An address without what is secret, and without what is as always."""
    host = str(parts.get("host") or parts.get("hostaddr") or os.environ.get("PGHOST") or "")
    service = parts.get("service") or os.environ.get("PGSERVICE")
    if not host and service:
        return f"service {service}"
    port = str(parts.get("port") or os.environ.get("PGPORT") or "").strip(",")
    name = str(
        parts.get("dbname") or os.environ.get("PGDATABASE") or parts.get("user") or os.environ.get("PGUSER") or ""
    )
    where = "this machine" if not host or host.startswith("/") else host
    at = f"{where}:{port}" if port and where == host else where
    return f"the base {name} on {at}" if name else f"the base on {at}"
