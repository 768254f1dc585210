"""A new base from everything that can be read of a damaged one; what cannot stay as it was goes into a file beside it."""

from __future__ import annotations

import base64
import contextlib
import json
import re
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from rekall.db import Database
from rekall.entry.passages import passages_of
from rekall.errors import DatabaseForeign
from rekall.store import schema
from rekall.store.as_is import AsItIs
from rekall.store.no_less import missing
from rekall.store.pages import LOST, Cell, CutText, Pages, Text, Value
from rekall.store.row_shapes import SPACE_TABLE, Shape
from rekall.store.salvage import LostRow, Salvage, SavedRow
from rekall.store.soundness import GONE, UNTITLED, Fault, faults_of, new_id
from rekall.store.sqlite import SqliteStore
from rekall.store.values import MOST_KEY

_TELLING = ("situation", "solution", "what_failed", "error_messages", "other_fields", "error")
"""Fields for which an entry is made whose own row is lost; labels alone say nothing."""

_LEAST_TEXT = 20
"""Fewer readable characters are not worth an entry."""
_MOST_BROKEN = 10_000
_HEAD_CHARACTERS = 80
"""The id of an entry stands so near to the beginning of its row."""
_UNREADABLE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\ufffd]+")
_ULID = re.compile(r"0[0-9A-HJKMNP-TV-Z]{25}")

_OF_SIGNS = ("centre", "signing")
_BELONGS = (
    ("item", "entry_key", "entry", "key"),
    ("link", "source_key", "entry", "key"),
    ("link", "target_key", "entry", "key"),
    ("origin", "entry_key", "entry", "key"),
    ("passage", "entry_key", "entry", "key"),
    ("review", "entry_key", "entry", "key"),
)
_OF_INDEXES = ("passage", "lease", "unembeddable", *_OF_SIGNS)
"""What is made anew, or worth nothing later: not kept aside."""


@dataclass
class Aside:
    """The file of everything that is not in the new base as it was, a line of JSON each."""

    file: IO[str]
    lines: int = 0

    def put(self, table: str, why: str, values: object, raw: bytes = b"") -> None:
        """Keep a row, or a value of one: as text where it is text, and its bytes."""
        line = {"table": table, "why": why, "values": _shown(values), "base64": base64.b64encode(raw).decode()}
        self.file.write(json.dumps(line, ensure_ascii=False) + "\n")
        self.lines += 1


@dataclass
class Made:
    """What became of a damaged base.

    Attributes:
        entries: How many entries it has now.
        changed: Entries that are not what they were: id and title, by key.
        lost: Ids that the index of ids names and of which nothing is left.
        problems: What was broken in the file.
        taken: How many rows were taken over.
        missing: What SQLite can read of the old one and is not in the new one, a line each; there should be nothing.
    """

    entries: int = 0
    changed: dict[int, str] = field(default_factory=dict)
    lost: frozenset[str] = frozenset()
    problems: tuple[str, ...] = ()
    taken: int = 0
    missing: tuple[str, ...] = ()


def make_whole(pages: Pages, target: Path, aside: Aside, old: AsItIs | None = None) -> Made:
    """Write a whole base of today's schema.

    Args:
        pages: The damaged one.
        target: A file that is not there yet.
        aside: Takes what cannot stay as it was.
        old: The damaged one through SQLite, None where that cannot read it.

    Raises:
        DatabaseForeign, DatabaseTooNew: It is no base of this Rekall, or nothing of one is left.
        StorageError: The new one cannot be written.
    """
    salvage = Salvage(pages)
    made = Made()
    with contextlib.closing(Database(target, migrations=schema.MIGRATIONS[: salvage.version])) as db:
        db.run("PRAGMA foreign_keys = OFF")
        with db.transaction():
            _Rows(db, salvage, aside, made).take_over()
        if not made.taken and not salvage.has_schema:
            raise DatabaseForeign(
                "nothing of a Rekall database was found in it; nothing was changed",
                "if it was one, `rekall restore-base` takes a copy; else move it away, or point REKALL_HOME elsewhere",
            )
        if old is not None:
            made.missing = tuple(missing(old, db, salvage.shapes, has_later=bool(pages.log_damage)))
    with contextlib.closing(SqliteStore(target, "numpy")) as store:
        with store.transaction():
            _make_indexes(store)
        made.entries = store.entries.count()
        titles = store.entries.by_keys(made.changed)
        made.changed = {key: f"{entry.id}  {entry.title}" for key, entry in titles.items()}
        store.compact()
    made.problems = tuple(dict.fromkeys(salvage.problems))
    return made


def _make_indexes(store: SqliteStore) -> None:
    """Words, passages and signs from entries and vectors; a passage of the same text keeps its vectors."""
    store.words.clear()
    for key, entry in store.entries.stream():
        store.words.put(key, entry)
        store.passages.put(key, passages_of(entry))
    for space in store.vectors.spaces():
        store.db.run(f"DELETE FROM vectors_{space.id:d} WHERE passage_id NOT IN (SELECT id FROM passage)")
        store.vectors.index(space).rebuild()
    store.db.run("DELETE FROM unembeddable WHERE passage_id NOT IN (SELECT id FROM passage)")


@dataclass
class _Rows:
    """The rows of a damaged base on their way into a new one of the same version."""

    db: Database
    salvage: Salvage
    aside: Aside
    made: Made
    ids: dict[int, str] = field(default_factory=dict)
    dropped: set[int] = field(default_factory=set)
    beside: set[int] = field(default_factory=set)
    sizes: dict[str, Counter[int]] = field(default_factory=dict)
    spaces: list[SavedRow] = field(default_factory=list)
    broken: list[LostRow] = field(default_factory=list)

    def take_over(self) -> None:
        """Everything, in the one transaction of the caller."""
        self.ids = self.salvage.ids()
        for found in self.salvage.rows():
            if isinstance(found, LostRow):
                self._lost(found)
            elif found.table == "space":
                self.spaces.append(found)
            elif SPACE_TABLE.fullmatch(found.table):
                self._vector(found)
            elif found.table in _OF_SIGNS:
                continue  # made anew
            else:
                self._row(found)
        self._settle_spaces()
        self._forget_deleted()
        self._keep_broken_entries()
        self._make_lost_entries()
        self._renumber()
        self._drop_strays()
        self._keep_foreign()
        known = {row[0] for row in self.db.rows("SELECT id FROM entry")}
        deleted = self.db.rows("SELECT id FROM tombstone") if "tombstone" in self.salvage.shapes else []
        self.made.lost = frozenset(self.ids.values()) - known - {row[0] for row in deleted}

    def _row(self, found: SavedRow) -> None:
        shape = self.salvage.shapes[found.table]
        values, faults = self._mended(found)
        if any(fault.better is GONE for fault in faults):
            self._put_aside(found, _reason(faults))
            return
        if not self._insert(shape, values):
            if found.table == "entry" and found.is_reached and isinstance(found.cell.key, int):
                self.dropped.add(found.cell.key)
            if found.is_reached:
                self._put_aside(found, "another row of the same key comes first")
            return
        key = values.get("key" if found.table == "entry" else "entry_key")
        if found.table == "entry" and not found.is_reached and isinstance(key, int):
            self.beside.add(key)
        if faults and found.table not in _OF_INDEXES:
            self._put_aside(found, _reason(faults))
            if isinstance(key, int) and found.table in ("entry", "item"):
                self.made.changed[key] = ""

    def _lost(self, found: LostRow) -> None:
        """A row whose values cannot be told apart."""
        if found.table in _OF_INDEXES or SPACE_TABLE.fullmatch(found.table):
            return
        self.aside.put(found.table, found.why, self.salvage.readable(found.raw), found.raw)
        if found.table == "entry" and len(self.broken) < _MOST_BROKEN:
            self.broken.append(found)

    def _keep_broken_entries(self) -> None:
        """The readable text of entries whose values cannot be told apart, once everything else has its place.

        Only where the index of ids, or the row itself, says which entry it is: a page of something else looks like rows, too.
        """
        present = {row[0] for row in self.db.rows("SELECT id FROM entry")}
        for found in self.broken:
            readable = _UNREADABLE.sub(" ", self.salvage.readable(found.raw)).strip()
            named = _ULID.search(readable, 0, _HEAD_CHARACTERS)
            known = named[0] if named else self.ids.get(found.key or 0)
            if known is None or known in present or len(readable) < _LEAST_TEXT:
                continue
            key = found.key if self.ids.get(found.key or 0) == known else None
            if self._make_entry(key, known, readable):
                present.add(known)
                self.made.changed[self.db.last_key()] = ""

    def _make_entry(self, key: int | None, entry_id: str, content: str) -> bool:
        """An entry of which little is known."""
        cell = Cell(0, key, (), b"", True, ())
        row: dict[str, Value] = {"key": key, "id": entry_id, "title": UNTITLED, "content": content}
        values, _ = self._mended(SavedRow("entry", row, cell, True))
        return self._insert(self.salvage.shapes["entry"], values)

    def _mended(self, found: SavedRow) -> tuple[dict[str, Value], list[Fault]]:
        """The values to store, and what was wrong with those that were there."""
        row: dict[str, Value] = {}
        cut: list[Fault] = []
        for column, value in found.values.items():
            if isinstance(value, CutText):
                row[column] = value.decode("utf-8", "ignore")
                cut.append(Fault(column, "is cut off", row[column]))
            elif isinstance(value, Text):
                row[column] = _text(value)
            else:
                row[column] = None if value is LOST else value
        faults = faults_of(found.table, row)
        by_column = {fault.column for fault in faults}
        faults += [fault for fault in cut if fault.column not in by_column]
        for fault in faults:
            row[fault.column] = fault.better
        key = row.get("key")
        if "id" in by_column and found.table == "entry" and isinstance(key, int) and key in self.ids:
            row["id"] = self.ids[key]
        for each in self.salvage.shapes[found.table].columns:
            row[each.name] = _of_type(each.type, row.get(each.name))
            if row[each.name] is None and each.is_required:
                row[each.name] = {"TEXT": "", "BLOB": b""}.get(each.type, 0)
        return row, faults

    def _insert(self, shape: Shape, values: dict[str, Value]) -> bool:
        """Store a row. Returns False when one of the same key is there, or it breaks a rule of the table."""
        names = [name for name in values if not (name == shape.key and values[name] is None)]
        marks = ", ".join("?" * len(names))
        sql = f"INSERT OR IGNORE INTO {shape.name} ({', '.join(names)}) VALUES ({marks}) RETURNING 1"
        is_in = self.db.value(sql, [_stored(values[name]) for name in names]) is not None
        self.made.taken += is_in
        return is_in

    def _vector(self, found: SavedRow) -> None:
        """A vector whose row is whole; any other is made again from its passage."""
        data = found.values.get("vector")
        if isinstance(data, bytes) and data and len(data) % 4 == 0 and isinstance(found.cell.key, int):
            if found.table not in self.sizes:
                self.sizes[found.table] = Counter()
                self.db.run(schema.space_tables(int(found.table.partition("_")[2]), self.salvage.version))
            self.sizes[found.table][len(data) // 4] += 1
            self.db.run(f"INSERT OR IGNORE INTO {found.table} VALUES (?, ?)", (found.cell.key, data))
            self.made.taken += 1

    def _settle_spaces(self) -> None:
        """Spaces with the dimensions that their vectors have; vectors of no space go, and are made again."""
        kept = set()
        for found in self.spaces:
            sizes = self.sizes.get(f"vectors_{found.cell.key}")
            dim = sizes.most_common(1)[0][0] if sizes else found.values.get("dim")
            is_other = dim != found.values.get("dim")
            values, faults = self._mended(SavedRow("space", {**found.values, "dim": dim}, found.cell, found.is_reached))
            number = values.get("id")
            if any(fault.better is GONE for fault in faults) or not isinstance(number, int) or number in kept:
                continue
            if self._insert(self.salvage.shapes["space"], values) or self._insert(
                self.salvage.shapes["space"], {**values, "active": -1}
            ):
                kept.add(number)
                self.db.run(schema.space_tables(number, self.salvage.version))
                if faults or is_other:
                    self._put_aside(found, _reason(faults) or "dim is not that of its vectors")
        for name in self.sizes:
            number = int(name.partition("_")[2])
            if number not in kept:
                self.db.run(schema.drop_space_tables(number))

    def _forget_deleted(self) -> None:
        """Take out again what no tree led to and what was deleted after its last change."""
        if "tombstone" not in self.salvage.shapes:
            return
        traces = " UNION SELECT entry_id, deleted_at FROM trace" if "trace" in self.salvage.shapes else ""
        gone: dict[str, str] = dict(self.db.rows(f"SELECT id, deleted_at FROM tombstone{traces}"))
        for key in self.beside:
            rows = self.db.rows("SELECT id, updated_at FROM entry WHERE key = ?", (key,))
            if rows and rows[0][0] in gone and gone[rows[0][0]] >= rows[0][1]:
                self.db.run("DELETE FROM entry WHERE key = ?", (key,))
                self.dropped.add(key)

    def _make_lost_entries(self) -> None:
        """An entry for fields that say something and whose own entry is lost."""
        marks = ", ".join("?" * len(_TELLING))
        sql = (
            "SELECT entry_key, min(kind) FROM item WHERE entry_key NOT IN (SELECT key FROM entry) "
            f"AND kind IN ({marks}) AND value <> '' GROUP BY entry_key"
        )
        for key, _ in self.db.rows(sql, _TELLING):
            if key in self.dropped:
                continue
            if self._make_entry(key, self.ids.get(key) or new_id(""), ""):
                self.made.changed[key] = ""

    def _renumber(self) -> None:
        """Keys that count up from the others where they were out of range."""
        strange = self.db.rows("SELECT key FROM entry WHERE key NOT BETWEEN 1 AND ?", (MOST_KEY - 1,))
        last = self.db.value("SELECT max(key) FROM entry WHERE key < ?", (MOST_KEY,)) or 0
        for new, (old,) in enumerate(strange, max(last, 0) + 1):
            for table, column, other, _ in (("entry", "key", "entry", "key"), *_BELONGS):
                if other == "entry" and table in self.salvage.shapes:
                    self.db.run(f"UPDATE OR IGNORE {table} SET {column} = ? WHERE {column} = ?", (new, old))
            if old in self.made.changed:
                self.made.changed[new] = self.made.changed.pop(old)

    def _drop_strays(self) -> None:
        """Rows that belong to nothing; those that say something are kept aside."""
        for table, column, other, key in _BELONGS:
            if table not in self.salvage.shapes:
                continue
            where = f"{column} NOT IN (SELECT {key} FROM {other})"
            if table not in _OF_INDEXES:
                names = [each.name for each in self.salvage.shapes[table].columns]
                for row in self.db.rows(f"SELECT {', '.join(names)} FROM {table} WHERE {where}"):
                    self.aside.put(table, "what it belongs to is lost", dict(zip(names, row)))
            self.db.run(f"DELETE FROM {table} WHERE {where}")
        if "superseded_by" in {column.name for column in self.salvage.shapes["entry"].columns}:
            self.db.run("UPDATE entry SET superseded_by = NULL WHERE superseded_by NOT IN (SELECT id FROM entry)")

    def _keep_foreign(self) -> None:
        """What Rekall does not make does not come along, but nothing of it is lost."""
        for (kind, name), sql in self.salvage.sql.items():
            acts = kind in ("trigger", "view") or sql.lstrip()[:40].upper().startswith("CREATE VIRTUAL")
            if acts and name != "words":
                self.aside.put("sqlite_schema", f"a {kind} that Rekall does not make", {"name": name, "sql": sql})
        for name in self.salvage.foreign_tables:
            for cell in self.salvage.foreign_rows(name):
                values = [_text(value) if isinstance(value, Text) else value for value in cell.values]
                self.aside.put(name, "a table that Rekall does not make", values, cell.raw)

    def _put_aside(self, found: SavedRow, why: str) -> None:
        self.aside.put(found.table, why, found.values, found.cell.raw)


def _reason(faults: list[Fault]) -> str:
    return "; ".join(f"{fault.column} {fault.why}" for fault in faults)


def _text(value: bytes) -> Value:
    """The text, or its bytes where it is not UTF-8."""
    try:
        return value.decode()
    except UnicodeDecodeError:
        return bytes(value)


def _of_type(kind: str, value: Value) -> Value:
    """A value as a column of a type can hold it; None where it says nothing."""
    if kind == "TEXT":
        return value.decode("utf-8", "replace") if isinstance(value, bytes) else None if value is None else str(value)
    if kind == "BLOB":
        return value.encode() if isinstance(value, str) else value if isinstance(value, bytes) else None
    if kind == "INTEGER":
        return value if isinstance(value, int) else None
    return float(value) if isinstance(value, (int, float)) else None


def _stored(value: Value) -> Value:
    return bytes(value) if isinstance(value, bytes) else value


def _shown(values: object) -> object:
    """Values as JSON can hold them."""
    if isinstance(values, dict):
        return {str(name): _shown(value) for name, value in values.items()}
    if isinstance(values, (list, tuple)):
        return [_shown(value) for value in values]
    if isinstance(values, Text):
        return values.decode("utf-8", "replace")
    if isinstance(values, bytes):
        return values.hex()
    return values if isinstance(values, (int, float, str, type(None))) else None
