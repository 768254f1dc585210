"""The rows of a base, read without SQLite: along the trees of its tables, and page by page where those are broken.

What the trees lead to comes first. Then every page that none leads to is looked at: a whole file has none, and in a broken one
its rows are known by their shape. Pages that are free hold what was deleted, and stay out.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from rekall.entry.types import EntryType, LinkType, Status
from rekall.errors import DatabaseForeign, DatabaseTooNew
from rekall.store import schema
from rekall.store.page_layout import INNER_INDEX, INNER_TABLE, LEAF_INDEX, LEAF_TABLE
from rekall.store.pages import Cell, Damaged, Pages, Text, Value
from rekall.store.row_shapes import (
    SPACE_TABLE,
    Column,
    Shape,
    is_beside,
    is_misread,
    plain,
    schema_of,
    shapes_of,
    space_shape,
)
from rekall.store.values import HASH_BYTES

_NO_VERSION = 10_000
_IDS = "sqlite_autoindex_entry_1"
_ID = re.compile(rb"[0-9A-Za-z]{26}")
_TIME = re.compile(rb"\d{4}-\d\d-\d\dT")


@dataclass(frozen=True, slots=True)
class SavedRow:
    """A row that could be read.

    Attributes:
        table: Its table.
        values: Its values by column.
        cell: Where it lay, and its bytes.
        is_reached: Whether the tree of its table leads to it; otherwise it was known by its shape.
    """

    table: str
    values: dict[str, Value]
    cell: Cell
    is_reached: bool


@dataclass(frozen=True, slots=True)
class LostRow:
    """A row whose values could not be told apart: what is wrong, its bytes, and its row id where that is known."""

    table: str
    why: str
    raw: bytes
    key: int | None = None


class Salvage:
    """What can be read of a base.

    Attributes:
        version: The version of its schema, as its tables say, or else its head.
        problems: What is broken, a line each.
    """

    def __init__(self, pages: Pages) -> None:
        """Look at the head and the schema.

        Raises:
            DatabaseForeign: It is whole, and no base of Rekall's.
            DatabaseTooNew: A later Rekall wrote it.
        """
        self._pages = pages
        self.problems: list[str] = []
        self._seen: set[int] = set()
        self._misfit: dict[int, Shape] = {}
        self.sql: dict[tuple[str, str], str] = {}
        """The SQL of everything in its schema, by kind and name."""
        self._indexes: dict[str, int] = {}
        self._roots = self._read_schema()
        if not pages.has_whole_header:
            self.problems.append("the first bytes of the file")
        self.readable = pages.readable
        self.version = self._find_version()
        self.shapes = {**shapes_of(self.version)}
        for name in self._roots:
            found = SPACE_TABLE.fullmatch(name)
            if found:
                self.shapes[name] = space_shape(name, found[1], self.version)

    @property
    def has_schema(self) -> bool:
        """Whether any part of its schema is one of ours."""
        return any(plain(self.sql.get(known, "")) == plain(sql) for known, sql in schema_of(self.version).items())

    @property
    def foreign_tables(self) -> list[str]:
        """Tables that Rekall does not make."""
        own = {"words", "words_data", "words_idx", "words_docsize", "words_config", *self.shapes}
        return [name for name in self._roots if name not in own and not name.startswith("sqlite_")]

    def ids(self) -> dict[int, str]:
        """The ids of entries by key, from the index of ids: for entries whose row lost its own."""
        found: dict[int, str] = {}
        waiting = [self._indexes[_IDS]] if _IDS in self._indexes else []
        seen: set[int] = set()
        while waiting:
            number = waiting.pop()
            kind = self._pages.kind(number)
            if number in seen or kind not in (INNER_INDEX, LEAF_INDEX):
                continue
            seen.add(number)
            if kind == INNER_INDEX:
                waiting += self._pages.children(number)
            for cell in self._pages.cells(number):
                if isinstance(cell, Cell) and len(cell.values) == 2:
                    entry_id, key = cell.values
                    if isinstance(key, int) and isinstance(entry_id, Text) and _ID.fullmatch(entry_id):
                        found[key] = entry_id.decode("ascii")
        return found

    def foreign_rows(self, name: str) -> Iterator[Cell]:
        """The rows of a table that Rekall does not make."""
        seen: set[int] = set()
        waiting = [self._roots[name]]
        while waiting:
            number = waiting.pop()
            if number in seen or number in self._seen:
                continue
            seen.add(number)
            if self._pages.kind(number) in (INNER_TABLE, INNER_INDEX):
                waiting += reversed(self._pages.children(number))
            yield from (cell for cell in self._pages.cells(number) if isinstance(cell, Cell))

    def rows(self) -> Iterator[SavedRow | LostRow]:
        """Every row of every table of Rekall's: first what the trees lead to, then what lies beside them."""
        for name, shape in self.shapes.items():
            root = self._roots.get(name)
            if root is None:
                self.problems.append(f"where the table {name} begins")
                continue
            yield from self._along(shape, root)
        yield from self._beside()

    def _along(self, shape: Shape, root: int) -> Iterator[SavedRow | LostRow]:
        """The rows that the tree of a table leads to."""
        inner, leaf = (INNER_INDEX, LEAF_INDEX) if shape.is_index else (INNER_TABLE, LEAF_TABLE)
        waiting = [root]
        while waiting:
            number = waiting.pop()
            if number in self._seen:
                self.problems.append(f"page {number} is used twice")
                continue
            kind = self._pages.kind(number)
            if kind not in (inner, leaf):
                self.problems.append(f"page {number} of the table {shape.name}")
                continue
            cells = list(self._pages.cells(number))
            read = [cell for cell in cells if isinstance(cell, Cell)]
            fitting = [cell for cell in read if shape.fits(cell, exactly=False)]
            if cells and not fitting:
                self.problems.append(f"page {number} of the table {shape.name}")
                if not read:  # nothing that another table could take
                    yield from (
                        LostRow(shape.name, str(lost), lost.raw, lost.key)
                        for lost in cells
                        if isinstance(lost, Damaged)
                    )
                else:
                    self._misfit[number] = shape
                continue
            self._seen.add(number)
            if kind == inner:
                waiting += reversed(self._pages.children(number))
            yield from (self._judged(shape, number, cell) for cell in cells)

    def _judged(self, shape: Shape, number: int, cell: Cell | Damaged) -> SavedRow | LostRow:
        """A row that the tree of a table leads to, as far as it can be read."""
        if isinstance(cell, Cell) and cell.is_whole and shape.fits(cell, exactly=False):
            self._seen.update(cell.used)
            return SavedRow(shape.name, shape.named(cell), cell, True)
        self.problems.append(f"a row on page {number}")
        if isinstance(cell, Damaged):
            return LostRow(shape.name, str(cell), cell.raw, cell.key)
        if not shape.fits(cell, exactly=False) and not _tells(shape, cell):
            return LostRow(shape.name, f"page {number}: its values are not those of the table", cell.raw, cell.key)
        self._seen.update(cell.used)
        return SavedRow(shape.name, shape.named(cell), cell, True)

    def _beside(self) -> Iterator[SavedRow | LostRow]:
        """The rows of pages that no tree leads to and that are not free, where their shape says whose they are.

        A row of no such shape on a page that a tree does lead to is one of that tree's table all the same.
        """
        free = self._pages.free()
        for number in range(2, self._pages.count + 1):
            if number in self._seen or number in free:
                continue
            kind = self._pages.kind(number)
            if kind not in (LEAF_TABLE, LEAF_INDEX, INNER_INDEX):
                continue
            for cell in self._pages.cells(number):
                shape = self._shape_of(cell, is_index=kind != LEAF_TABLE) if isinstance(cell, Cell) else None
                if shape is not None and isinstance(cell, Cell):
                    yield SavedRow(shape.name, shape.named(cell), cell, False)
                elif number in self._misfit and not _is_of_words(cell):
                    yield self._judged(self._misfit[number], number, cell)

    def _shape_of(self, cell: Cell, *, is_index: bool) -> Shape | None:
        """The table whose rows look like one; of a row that is cut the table of entries alone is sure enough."""
        for name, looks in _LOOKS.items():
            shape = self.shapes.get(name)
            if shape is None or shape.is_index != is_index or not looks(cell.values):
                continue
            if shape.fits(cell, exactly=cell.is_whole):
                return shape
        return None

    def _read_schema(self) -> dict[str, int]:
        """Where each table begins, by name; notes indexes and SQL besides."""
        roots: dict[str, int] = {}
        for row in self._along(_SCHEMA, 1) if self._pages.count else ():
            if isinstance(row, LostRow):
                continue
            kind, name, root, sql = (row.values[part] for part in ("type", "name", "rootpage", "sql"))
            if not (isinstance(kind, Text) and isinstance(name, Text)):
                continue
            text = sql.decode("utf-8", "replace") if isinstance(sql, Text) else ""
            known = (kind.decode("utf-8", "replace"), name.decode("utf-8", "replace"))
            self.sql[known] = text
            if isinstance(root, int) and 1 < root <= self._pages.count:
                (roots if known[0] == "table" else self._indexes)[known[1]] = root
        return roots

    def _find_version(self) -> int:
        """The version whose tables these are."""
        latest = len(schema.MIGRATIONS)
        said = self._pages.header_number(60) if self._pages.count else 0
        is_ours = bool(self._pages.count) and self._pages.header_number(68) == schema.APPLICATION_ID
        likeness = {version: self._likeness(version) for version in range(1, latest + 1)}
        best = max(likeness, key=lambda version: (likeness[version], version == said, version))
        if self.sql and self._pages.has_whole_header:
            if not is_ours and likeness[best] < 0.5:
                raise DatabaseForeign(
                    "it is a database of another program", "move the file away, or point REKALL_HOME at another folder"
                )
            if latest < said < _NO_VERSION and not (self.problems or is_misread(said, exact=self._is_exactly(latest))):
                raise DatabaseTooNew(
                    f"it was written by a newer Rekall (schema {said}, this one knows {latest})", "upgrade Rekall"
                )
        if not is_ours or said != best:
            self.problems.append("the head of the file")
        return best if self.sql else self._guessed(said if 1 <= said <= latest else latest)

    def _is_exactly(self, version: int) -> bool:
        """Whether the schema holds everything of a version and nothing else."""
        known = {key: plain(sql) for key, sql in self.sql.items() if not is_beside(key[1])}
        return known == {key: plain(sql) for key, sql in schema_of(version).items()}

    def _guessed(self, said: int) -> int:
        """The version where the schema is lost: entries of the first two have columns that later ones do not."""
        wide = len(shapes_of(1)["entry"].columns)
        for number in range(2, self._pages.count + 1):
            if self._pages.kind(number) == LEAF_TABLE:
                for cell in self._pages.cells(number):
                    if isinstance(cell, Cell) and _LOOKS["entry"](cell.values):
                        return max(said, 3) if len(cell.values) < wide else 2
        return said

    def _likeness(self, version: int) -> float:
        """How much of the schema is that of a version, from 0 to 1."""
        wanted = schema_of(version)
        same = sum(plain(self.sql.get(known, "")) == plain(sql) for known, sql in wanted.items())
        beyond = [known for known in self.sql if known in schema_of(len(schema.MIGRATIONS)) and known not in wanted]
        return same / (len(wanted) + len(beyond))


_SCHEMA = Shape(
    "sqlite_schema",
    tuple(
        Column(name, kind, False, None)
        for name, kind in (
            ("type", "TEXT"),
            ("name", "TEXT"),
            ("tbl_name", "TEXT"),
            ("rootpage", "INTEGER"),
            ("sql", "TEXT"),
        )
    ),
    "",
    False,
)


def _known(*choices: type[EntryType] | type[Status] | type[LinkType]) -> set[bytes]:
    return {item.value.encode() for choice in choices for item in choice}


def _matches(pattern: re.Pattern[bytes], value: Value) -> bool:
    return isinstance(value, Text) and pattern.match(value) is not None


def _tells(shape: Shape, cell: Cell) -> bool:
    """Whether a row of a table is worth keeping though most of it is not as it should be: it says whose it is."""
    if len(cell.values) != len(shape.columns):
        return False
    row = shape.named(cell)
    if shape.name == "entry":
        return _matches_bytes(_ID, row["id"])
    if shape.name == "tombstone":
        return _matches_bytes(_ID, row["id"]) and isinstance(row["record"], bytes)
    return shape.name == "item" and isinstance(row["entry_key"], int) and isinstance(row["value"], bytes)


def _matches_bytes(pattern: re.Pattern[bytes], value: Value) -> bool:
    """Whether a text is of a form, or a value that one bit made bytes of a text."""
    return isinstance(value, bytes) and pattern.fullmatch(value) is not None


def _is_of_words(cell: Cell | Damaged) -> bool:
    """Whether a row is one of the words index, of which nothing is kept."""
    return (
        isinstance(cell, Cell) and len(cell.values) <= 3 and not any(isinstance(value, Text) for value in cell.values)
    )


_LOOKS: dict[str, Callable[[tuple[Value, ...]], bool]] = {
    "entry": lambda row: len(row) >= 10 and _matches(_ID, row[1]) and row[2] in _known(EntryType),
    "item": lambda row: len(row) == 4 and isinstance(row[1], Text) and row[1].replace(b"_", b"").isalpha(),
    "link": lambda row: len(row) >= 5 and row[2] in _known(LinkType) and _matches(_TIME, row[4]),
    "origin": lambda row: len(row) >= 4 and _is_hash(row[2]) and _is_hash(row[3]),
    "tombstone": lambda row: len(row) == 5 and _matches(_ID, row[0]) and _matches(_TIME, row[3]),
    "trace": lambda row: len(row) in (2, 3) and _matches(_ID, row[0]) and _matches(_TIME, row[1]),
    "operation": lambda row: len(row) == 9 and _matches(_TIME, row[1]) and isinstance(row[8], int),
    "version": lambda row: len(row) == 4 and _matches(_ID, row[0]) and isinstance(row[3], bytes),
    "link_version": lambda row: len(row) == 5 and _matches(_ID, row[1]) and _matches(_ID, row[2]),
    "folder": lambda row: len(row) == 5 and _matches(_ID, row[1]) and isinstance(row[3], Text) and row[3][:1] == b"{",
    "agreed": lambda row: len(row) == 6 and _matches(_ID, row[1]) and isinstance(row[5], bytes),
    "review": lambda row: len(row) == 5 and isinstance(row[3], int) and isinstance(row[4], Text) and row[4][:1] == b"{",
    "judged_pair": lambda row: len(row) == 4 and _matches(_ID, row[0]) and _matches(_ID, row[1]),
    "passage": lambda row: len(row) == 4 and _is_hash(row[3]),
    "space": lambda row: len(row) >= 6 and isinstance(row[3], int) and _matches(_TIME, row[5]),
}
"""What tells the rows of a table from those of every other, beside the types of its columns."""


def _is_hash(value: Value) -> bool:
    return isinstance(value, bytes) and len(value) == HASH_BYTES
