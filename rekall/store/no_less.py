"""What a repair must not lose: a row that SQLite itself can read of the old file is in the new one as it was.

The old file is read row by row; where it cannot be read any more, from the other end. Of a row that is damaged in part the other
values are compared.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from rekall.db import Database
from rekall.errors import StorageError
from rekall.store.as_is import AsItIs
from rekall.store.row_shapes import Shape
from rekall.store.rows_as_they_are import rows_of
from rekall.store.soundness import GONE, Row, faults_of

_KNOWN_BY = {
    "item": ("entry_key", "kind", "position"),
    "link": ("source_key", "target_key", "type"),
    "origin": ("path",),
    "tombstone": ("id",),
    "review": ("entry_key",),
    "operation": ("number",),
    "version": ("entry_id", "operation"),
    "link_version": ("operation", "source_id", "target_id", "type"),
}
_OF_ENTRIES = ("entry_key", "source_key", "target_key")
_MADE_ANEW = ("superseded_by", "turn")
"""Columns that follow from others."""


def missing(old: AsItIs, new: Database, shapes: dict[str, Shape], *, has_later: bool) -> list[str]:
    """What can be read of an old base and is not in the new one, a line each; nothing is changed.

    Args:
        old: The damaged base.
        new: What was made of it, in the same schema.
        shapes: The tables of that.
        has_later: Whether the new one holds changes that SQLite does not see in the old one, behind damage of its log.
    """
    return _Comparison(old, new, shapes, has_later).missing()


@dataclass
class _Comparison:
    """One comparison of two bases."""

    old: AsItIs
    new: Database
    shapes: dict[str, Shape]
    has_later: bool
    keys: dict[int, int] = field(default_factory=dict)
    """The keys of entries in the new base by those in the old one."""

    def missing(self) -> list[str]:
        found = self._entries()
        for table in _KNOWN_BY:
            if table in self.shapes and not (self.has_later and table != "tombstone"):
                found += self._rows(table)
        return found

    def _entries(self) -> list[str]:
        columns = [column.name for column in self.shapes["entry"].columns]
        same: set[str] = set()
        other: dict[str, str] = {}
        seen: set[object] = set()
        for row in self._read("entry"):
            faults = {fault.column for fault in faults_of("entry", row)}
            entry_id, key = row.get("id"), row.get("key")
            if "id" in faults or not isinstance(entry_id, str) or not isinstance(key, int):
                continue
            is_second = key in seen  # in a damaged tree, where only one of the two can be had by its key
            seen.add(key)
            found = self._first("entry", columns, "id = ?", (entry_id,))
            if found is None:
                if not (is_second or (self.has_later and self._is_deleted(entry_id))):
                    other[entry_id] = f"entry {entry_id}"
                continue
            if isinstance(found["key"], int):
                self.keys[key] = found["key"]
            compared = [name for name in columns if name not in ("key", *_MADE_ANEW) and name not in faults]
            is_later = self.has_later and found["updated_at"] != row.get("updated_at")
            if is_later or all(found[name] == row.get(name) for name in compared):
                same.add(entry_id)
            elif not is_second:
                other[entry_id] = f"what the entry {entry_id} says"
        return [said for entry_id, said in other.items() if entry_id not in same]

    def _rows(self, table: str) -> list[str]:
        shape = self.shapes[table]
        columns = [
            column.name for column in shape.columns if column.name != shape.key and column.name not in _MADE_ANEW
        ]
        same: set[tuple[object, ...]] = set()
        other: dict[tuple[object, ...], str] = {}
        for row in self._read(table):
            faults = faults_of(table, row)
            if any(fault.better is GONE for fault in faults):
                continue
            wrong = {fault.column for fault in faults}
            known_by = _KNOWN_BY[table]
            values = {name: self._key(value) if name in _OF_ENTRIES else value for name, value in row.items()}
            known = tuple(values.get(name) for name in known_by)
            if None in known or wrong.intersection(known_by) or ("entry_key" in values and values["entry_key"] is None):
                continue  # of no entry that is readable
            found = self._first(table, columns, " AND ".join(f"{name} = ?" for name in known_by), known)
            if found is None and self._is_replaced(table, values):
                continue
            if found is not None and all(found[name] == values.get(name) for name in columns if name not in wrong):
                same.add(known)
            else:
                other[known] = f"a row of the table {table}: {', '.join(map(str, known))}"
        return [said for known, said in other.items() if known not in same]

    def _key(self, value: object) -> int | None:
        """The key that an entry of the old base has in the new one."""
        return self.keys.get(value) if isinstance(value, int) else None

    def _is_replaced(self, table: str, values: dict[str, object]) -> bool:
        """Whether there is a reason that a row is not there: another row of its entry, or a later change."""
        if table == "origin":
            return self._first(table, ["path"], "entry_key = ?", (values["entry_key"],)) is not None
        if table == "tombstone" and self.has_later:
            entry_id = values["id"]
            return self._is_deleted(entry_id) or self._first("entry", ["id"], "id = ?", (entry_id,)) is not None
        return False

    def _is_deleted(self, entry_id: object) -> bool:
        return any(
            self._first(table, [name], f"{name} = ?", (entry_id,)) is not None
            for table, name in (("tombstone", "id"), ("trace", "entry_id"))
            if table in self.shapes
        )

    def _first(
        self, table: str, columns: list[str], where: str, values: tuple[object, ...]
    ) -> dict[str, object] | None:
        rows = self.new.rows(f"SELECT {', '.join(columns)} FROM {table} WHERE {where}", values)
        return dict(zip(columns, rows[0])) if rows else None

    def _read(self, table: str) -> Iterator[Row]:
        """The rows of the old table, as far as SQLite gets from either end."""
        shape = self.shapes[table]
        try:
            yield from rows_of(self.old, table, shape)
        except StorageError:
            try:
                yield from rows_of(self.old, table, shape, backwards=True)
            except StorageError:
                return
