"""What the rows of each table look like in the file, in every schema there was."""

from __future__ import annotations

import functools
import re
from collections.abc import Sequence
from dataclasses import dataclass

from rekall.db import Database
from rekall.store import schema
from rekall.store.pages import Cell, Text, Value

SPACE_TABLE = re.compile(r"(vectors|signs)_([0-9]{1,18})")

_NEXT_VERSIONS = 3
"""A schema a few numbers on may look like today's and mean something else."""


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table: its name, its type, whether it may be empty, and what it holds where a row says nothing."""

    name: str
    type: str
    is_required: bool
    default: Value


@dataclass(frozen=True, slots=True)
class Shape:
    """What the rows of a table look like in the file.

    Attributes:
        name: The table.
        columns: Its columns, in the order in which rows hold them.
        key: The column that is the row id, or empty.
        is_index: Whether its rows lie in the tree of its primary key, without row ids.
    """

    name: str
    columns: tuple[Column, ...]
    key: str
    is_index: bool

    def named(self, cell: Cell) -> dict[str, Value]:
        """A row by the names of its columns; what it leaves out has its default."""
        values = dict(zip((column.name for column in self.columns), cell.values))
        for column in self.columns[len(cell.values) :]:
            values[column.name] = column.default
        if self.key:
            values[self.key] = cell.key
        return values

    def fits(self, cell: Cell, *, exactly: bool) -> bool:
        """Whether a row may be one of this table.

        Args:
            cell: The row.
            exactly: Every value is of its column's type; otherwise most are.
        """
        count = len(cell.values)
        if count > len(self.columns) or any(
            column.is_required and column.default is None and column.name != self.key for column in self.columns[count:]
        ):
            return False
        right = sum(_is_of(column, value, self.key) for column, value in zip(self.columns, cell.values))
        return right == count if exactly else right * 3 >= count * 2


def is_misread(version: int, *, exact: bool) -> bool:
    """Whether the number of a later schema is damage: the schema is exactly today's, and the number far from it."""
    return exact and version > len(schema.MIGRATIONS) + _NEXT_VERSIONS


def is_beside(name: str) -> bool:
    """Whether something in a schema is made beside its steps: by SQLite, by the words index, for a space."""
    return name.startswith(("sqlite_", "words_")) or SPACE_TABLE.fullmatch(name) is not None


def plain(sql: str) -> str:
    """SQL without what says nothing: blanks, and the quotes that renaming a table leaves."""
    return " ".join(sql.replace('"', " ").split()).replace(" (", "(")


@functools.cache
def schema_of(version: int) -> dict[tuple[str, str], str]:
    """The SQL of everything in the schema of a version, by kind and name."""
    made = Database(None, migrations=schema.MIGRATIONS[:version])
    try:
        sql = "SELECT type, name, sql FROM sqlite_schema WHERE name NOT LIKE 'sqlite\\_%' ESCAPE '\\'"
        return {(kind, name): text or "" for kind, name, text in made.rows(sql) if not is_beside(name)}
    finally:
        made.close()


@functools.cache
def shapes_of(version: int) -> dict[str, Shape]:
    """The tables of a version whose rows are the truth: all but the words index."""
    made = Database(None, migrations=schema.MIGRATIONS[:version])
    try:
        tables = made.rows("SELECT name, wr FROM pragma_table_list WHERE schema = 'main' AND type = 'table'")
        return {
            name: _table_shape(name, made.rows(f"PRAGMA table_info('{name}')"), is_index=bool(without))
            for name, without in tables
            if not name.startswith(("sqlite_", "words"))
        }
    finally:
        made.close()


def _table_shape(name: str, columns: Sequence[tuple[object, ...]], *, is_index: bool) -> Shape:
    """The shape of a table from what SQLite says of its columns."""
    in_order = sorted(columns, key=lambda column: (not column[5], column[5])) if is_index else columns
    keys = [str(column[1]) for column in columns if column[5]]
    found = tuple(Column(str(column[1]), str(column[2]), bool(column[3]), _default(column[4])) for column in in_order)
    return Shape(name, found, keys[0] if keys and not is_index else "", is_index)


def _default(sql: object) -> Value:
    if sql is None:
        return None
    return Text(b"") if sql == "''" else int(str(sql))


def space_shape(name: str, kind: str, version: int) -> Shape:
    """The shape of a table of a space in a schema: of its "vectors" or its "signs"."""
    if kind == "signs" and version >= schema.PACKED:
        block = (Column("block", "INTEGER", False, None), Column("centre", "INTEGER", True, None))
        return Shape(name, (*block, Column("bits", "BLOB", True, None)), "block", False)
    column = "vector" if kind == "vectors" else "bits"
    columns = (Column("passage_id", "INTEGER", False, None), Column(column, "BLOB", True, None))
    return Shape(name, columns, "passage_id", False)


def _is_of(column: Column, value: Value, key: str) -> bool:
    """Whether a value is of its column's type."""
    if value is None:
        return column.name == key or not column.is_required
    if column.type == "TEXT":
        return isinstance(value, Text)
    if column.type == "BLOB":
        return isinstance(value, bytes) and not isinstance(value, Text)
    return isinstance(value, int) or (column.type == "REAL" and isinstance(value, float))
