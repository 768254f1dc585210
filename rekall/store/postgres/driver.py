"""The driver of PostgreSQL: where it is imported, and what it turns values into."""

from __future__ import annotations

import logging
import re
from typing import Any

from rekall.errors import StorageError
from rekall.wording import install_command

try:
    import psycopg  # noqa: F401 - whatever else of it is here
    from psycopg.adapt import Loader
    from psycopg.types.string import StrDumper

    from rekall.store.postgres.waiting import PatientConnection, connected
except ImportError as error:
    raise StorageError(
        "a team's base needs the package psycopg, which is not installed here", f"run `{install_command('team')}`"
    ) from error

logging.getLogger("psycopg").addHandler(
    logging.NullHandler()
)  # what goes wrong is raised; it has nothing to say on stderr

_NUL, _MARK, _ESCAPE = "\0", "\ufdd0", "\ufdd1"
"""PostgreSQL holds no U+0000. It is stored as U+FDD0, which stands for nothing; these two are stored behind U+FDD1."""

_STORED = re.compile(f"{_ESCAPE}(.)|{_MARK}", re.DOTALL)
_FIRST_BYTES = b"\xef\xb7"  # of both in UTF-8, and of little else


def stored(text: str) -> str:
    """A text as PostgreSQL can hold it."""
    if _MARK in text or _ESCAPE in text:
        text = text.replace(_ESCAPE, _ESCAPE * 2).replace(_MARK, _ESCAPE + _MARK)
    return text.replace(_NUL, _MARK)


def read(text: str) -> str:
    """A text as it was given to `stored`."""
    return _STORED.sub(lambda found: found[1] or _NUL, text)


class _TextDumper(StrDumper):
    """A text as PostgreSQL can hold it."""

    def dump(self, obj: str) -> Any:
        """Turn it."""
        return super().dump(stored(obj))


class _TextLoader(Loader):
    """A text as it was stored."""

    def load(self, data: Any) -> str:
        """Turn it back."""
        raw = bytes(data)
        text = raw.decode()
        return read(text) if _FIRST_BYTES in raw else text


def connect(**parts: Any) -> PatientConnection:
    """A connection in which every statement is a transaction of its own, and every text comes back as it was given.

    Raises:
        psycopg.Error: There is none.
    """
    connection = connected(**parts)
    connection.adapters.register_dumper(str, _TextDumper)
    for name in ("text", "varchar", "name", "bpchar"):
        connection.adapters.register_loader(name, _TextLoader)
    return connection
