"""The rows of a table whatever is stored in them: no text can fail to be read, no value is taken for one of another type."""

from __future__ import annotations

from collections.abc import Iterator

from rekall.db import Database
from rekall.store.row_shapes import Shape
from rekall.store.soundness import Row

_ENCODINGS = {"UTF-16le": "utf-16-le", "UTF-16be": "utf-16-be"}


def rows_of(db: Database, table: str, shape: Shape, *, backwards: bool = False) -> Iterator[Row]:
    """The rows of a table by the names of its columns; texts that are none as bytes.

    Args:
        db: The base, as it is.
        table: The table.
        shape: What its rows look like.
        backwards: Whether the last row comes first.
    """
    encoding = _ENCODINGS.get(str(db.value("PRAGMA encoding")), "utf-8")
    names = [column.name for column in shape.columns]
    wanted = ", ".join(f"typeof({name}), iif(typeof({name}) = 'text', CAST({name} AS BLOB), {name})" for name in names)
    first = names[0] if shape.is_index else "rowid"
    order = f" ORDER BY {first} DESC" if backwards else ""
    for values in db.stream(f"SELECT {wanted} FROM {table}{order}"):
        yield {name: _read(*pair, encoding) for name, pair in zip(names, zip(values[::2], values[1::2]))}


def _read(kind: str, value: object, encoding: str) -> object:
    """A text as such where it is one."""
    if kind != "text" or not isinstance(value, bytes):
        return value
    try:
        return value.decode(encoding)
    except UnicodeDecodeError:
        return value
