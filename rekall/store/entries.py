"""Entries as rows: a few columns that statements ask for, and an item a text for everything else."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

from rekall.db import Database, Row
from rekall.entry.fields import Entry, Kind
from rekall.entry.types import LinkType, Status
from rekall.errors import DatabaseCorrupt, EntryDamaged, NotFound
from rekall.store import entry_rows, summaries
from rekall.store.driver import corrupt
from rekall.store.id_parts import MOST_CANDIDATES, no_entry, part_of_id, shown_ends, unambiguous
from rekall.store.selection import condition, holding
from rekall.store.signs import forget_passages
from rekall.store.typed import NUMBER, TEXT, TEXT_OR_NONE, Types, is_typed, typed
from rekall.store.values import EVERYTHING, FACETS, SHORTEST_END, Counts, Facets, Order, Selection

_BATCH = 256
_TYPES: tuple[Types, ...] = tuple(
    NUMBER if field.kind is Kind.NUMBER else TEXT_OR_NONE if field.name == "project" else TEXT
    for field in entry_rows.COLUMNS
)

_ORDERS = {
    Order.CHANGED: ("e.updated_at", True),
    Order.CREATED: ("e.created_at", True),
    Order.TITLE: ("e.title COLLATE NOCASE", False),
    Order.TYPE: ("e.type", False),
    Order.PROJECT: ("coalesce(e.project, char(0x10ffff)) COLLATE NOCASE", False),
}
"""What each order sorts by, and whether the greatest comes first; entries without a project come last."""

_BEGINNING = "substr(e.title, 1, 12) COLLATE NOCASE"
"""What `entry_by_title` holds. Titles in its order and then by all they say are in the order of titles."""

ENDS_SO = f"length(?1) >= {SHORTEST_END} AND substr(id, -4) = substr(?1, -4) AND substr(id, -length(?1)) = ?1"
BEGINS_SO = "id >= ?1 AND id < ?1 || '~'"
"""An id that ends, or begins, with the first binding; the last four characters are what `entry_by_end` is made of."""

SUCCESSOR_KEY = f"""
    (SELECT l.source_key FROM link l WHERE l.target_key = e.key AND l.type = '{LinkType.SUPERSEDES.value}'
    ORDER BY l.turn DESC LIMIT 1)"""
"""The latest entry that supersedes `entry e`."""


class SqliteEntries:
    """Reads and writes entries; see `contract.Entries`."""

    def __init__(self, db: Database) -> None:
        """Work on an open database."""
        self._db = db
        self._damaged: set[int] = set()

    def insert(self, entry: Entry) -> int:
        """Store a new entry. Returns its key, the row id that indexes use."""
        return self.insert_many([entry])[0]

    def insert_many(self, entries: Sequence[Entry]) -> list[int]:
        """Store new entries. Returns their keys, in order."""
        marks = ", ".join("?" * len(entry_rows.COLUMNS))
        sql = f"INSERT INTO entry ({', '.join(entry_rows.NAMES)}) VALUES ({marks}) RETURNING key"
        keys = [int(key) for (key,) in self._db.rows_of_many(sql, map(entry_rows.values, entries))]
        self._insert_items(zip(keys, entries, strict=True))
        return keys

    def update(self, key: int, entry: Entry) -> None:
        """Replace everything about an entry but its key and links."""
        names = ", ".join(f"{name} = ?" for name in entry_rows.NAMES)
        self._db.run(f"UPDATE entry SET {names} WHERE key = ?", (*entry_rows.values(entry), key))
        self._db.run("DELETE FROM item WHERE entry_key = ?", (key,))
        self._insert_items([(key, entry)])

    def delete(self, key: int) -> None:
        """Remove an entry; items, links, origin, passages and vectors go with it."""
        passages = self._db.rows("SELECT id FROM passage WHERE entry_key = ?", (key,))
        forget_passages(self._db, [row[0] for row in passages])
        self._db.run("DELETE FROM entry WHERE key = ?", (key,))

    def by_keys(self, keys: Iterable[int]) -> dict[int, Entry]:
        """Entries by key; a key without an entry is left out, and so is one that is damaged, see `damaged`."""
        wanted = list(keys)
        try:
            return self._read_many(wanted)
        except DatabaseCorrupt:  # find out which, so that it stands in the way of no other
            found: dict[int, Entry] = {}
            for key in wanted:
                try:
                    found |= self._read_many([key])
                except DatabaseCorrupt:
                    self._damaged.add(key)
            return found

    def one(self, key: int) -> Entry:
        """The entry of a key.

        Raises:
            NotFound: It was deleted in the meantime.
            EntryDamaged: It cannot be read.
        """
        found = self.by_keys([key]).get(key)
        if found is None and key in self._damaged:
            rows = typed(self._db.readable_rows("SELECT id FROM entry WHERE key = ?", (key,)), TEXT)
            name = next((row[0] for row in rows), key)
            raise EntryDamaged(f"entry {name} is damaged and cannot be read")
        if found is None:
            raise NotFound("the entry was just deleted", "`rekall restore` lists what was deleted")
        return found

    def damaged(self) -> int:
        """How many entries could not be read since the store was opened."""
        return len(self._damaged)

    def _read_many(self, keys: list[int]) -> dict[int, Entry]:
        wanted = json.dumps(keys)
        names = ", ".join(f"e.{name}" for name in entry_rows.NAMES)
        with self._db.snapshot():  # columns and items of one moment
            rows = self._db.rows(
                f"SELECT e.key, (SELECT s.id FROM entry s WHERE s.key = {SUCCESSOR_KEY}), {names} "
                "FROM entry e WHERE e.key IN (SELECT value FROM json_each(?))",
                (wanted,),
            )
            items: dict[int, dict[str, list[str]]] = {}
            for key, kind, value in self._db.rows(
                "SELECT entry_key, kind, value FROM item WHERE entry_key IN (SELECT value FROM json_each(?)) "
                "ORDER BY entry_key, kind, position",
                (wanted,),
            ):
                items.setdefault(key, {}).setdefault(kind, []).append(value)
        found = {}
        for row in rows:
            try:
                found[row[0]] = _entry(row, items.get(row[0], {}))
            except entry_rows.UNREADABLE:
                self._damaged.add(row[0])
        self._damaged -= found.keys()
        return found

    def by_ids(self, ids: Iterable[str]) -> dict[str, Entry]:
        """Entries by full id; an id without an entry is left out."""
        rows = self._db.rows(
            "SELECT key FROM entry WHERE id IN (SELECT value FROM json_each(?))", (json.dumps(list(ids)),)
        )
        return {entry.id: entry for entry in self.by_keys(row[0] for row in rows).values()}

    def titles(self, ids: Iterable[str]) -> dict[str, str]:
        """Titles by full id; an id without an entry is left out."""
        wanted = json.dumps(list(ids))
        sql = "SELECT id, title FROM entry WHERE id IN (SELECT value FROM json_each(?))"
        return dict(typed(self._db.readable_rows(sql, (wanted,)), TEXT, TEXT))

    def texts(self, keys: Iterable[int], most: int) -> dict[int, tuple[str, str]]:
        """The title of each entry, and the first `most` characters of its content and of the rest of what it says."""
        rows = self._db.readable_rows(
            "SELECT e.key, e.title, substr(e.content, 1, ?1), (SELECT substr(group_concat(substr(value, 1, ?1), char(10)), 1, ?1) "
            "FROM item WHERE entry_key = e.key AND NOT (kind = 'other_fields' AND substr(value, 1, ?3) = ?4)) "
            "FROM entry e WHERE e.key IN (SELECT value FROM json_each(?2))",
            (most, json.dumps(list(keys)), len(entry_rows.NUMBERED), entry_rows.NUMBERED),
        )
        return {
            key: (title, f"{content}\n{rest}" if rest else content)
            for key, title, content, rest in typed(rows, NUMBER, TEXT, TEXT, TEXT_OR_NONE)
        }

    def key_of(self, entry_id: str) -> int | None:
        """The key of a full id, or None."""
        key = self._db.value("SELECT key FROM entry WHERE id = ?", (entry_id,))
        return None if key is None else int(key)

    def keys_of(self, ids: Iterable[str]) -> dict[str, int]:
        """Keys by full id; an id without an entry is left out."""
        sql = "SELECT id, key FROM entry WHERE id IN (SELECT value FROM json_each(?))"
        return dict(typed(self._db.readable_rows(sql, (json.dumps(list(ids)),)), TEXT, NUMBER))

    def resolve(self, name: str) -> int:
        """The key of the one entry whose id ends or begins with `name`, in either case; ends go first, as they are shown.

        Raises:
            NotFound: No entry has such an id.
            Ambiguous: Several do; they are listed.
        """
        wanted = part_of_id(name)
        for where in (ENDS_SO, BEGINS_SO):
            rows = self._db.readable_rows(
                f"SELECT id, coalesce(CAST(title AS BLOB), x''), key FROM entry WHERE {where} ORDER BY id LIMIT ?2",
                (wanted, MOST_CANDIDATES + 1),
            )
            if rows:
                return unambiguous(name, [(row[0], row[1].decode("utf-8", "replace"), int(row[2])) for row in rows])
        raise no_entry(name)

    def short_ids(self, ids: Iterable[str]) -> dict[str, str]:
        """The end of each id that no other entry's id has, long enough to stay so as a base of this size grows."""
        wanted = list(ids)
        rows = self._db.readable_rows(
            "SELECT j.value, (SELECT group_concat(o.id, ' ') FROM entry o WHERE substr(o.id, -4) = substr(j.value, -4) "
            "AND o.id <> j.value) FROM json_each(?) j",
            (json.dumps(wanted),),
        )
        return shown_ends(wanted, {entry_id: (others or "").split() for entry_id, others in rows}, self.count())

    def keys(
        self,
        selection: Selection = EVERYTHING,
        limit: int | None = None,
        offset: int = 0,
        order: Order = Order.CHANGED,
        *,
        is_reversed: bool = False,
    ) -> list[int]:
        """Keys of the selected entries in an order, by default the latest change first; of equal ones the newest first."""
        where, bindings = condition(selection)
        value, is_down = _ORDERS[order]
        way, ties = "DESC" if is_down != is_reversed else "ASC", "ASC" if is_reversed else "DESC"
        source, by = "entry e", f"{value} {way}, e.id {ties}"
        if (
            order is Order.TITLE and limit is not None and selection.is_everything
        ):  # SQLite itself would sort all titles
            source, by = "entry e INDEXED BY entry_by_title", f"{_BEGINNING} {way}, {by}"
        sql = f"SELECT e.key FROM {source} WHERE {where} ORDER BY {by} LIMIT ? OFFSET ?"
        return [row[0] for row in self._db.rows(sql, (*bindings, -1 if limit is None else limit, offset))]

    def count(self, selection: Selection = EVERYTHING) -> int:
        """How many entries are selected."""
        if selection.phrases and selection.filters == EVERYTHING.filters:  # the words index alone tells
            return int(self._db.value("SELECT count(*) FROM words WHERE words MATCH ?", (holding(selection),)))
        where, bindings = condition(selection)
        return int(self._db.value(f"SELECT count(*) FROM entry e WHERE {where}", bindings))

    def counts(self) -> Counts:
        """Figures for `rekall stats`."""
        return summaries.counts(self._db)

    def facets(self, selection: Selection = EVERYTHING, most: int = -1, of: Collection[str] = FACETS) -> Facets:
        """How many of the selected entries have each type, tag, project and status; at most so many of each."""
        return summaries.facets(self._db, selection, most, of)

    def stream(self) -> Iterator[tuple[int, Entry]]:
        """Every entry with its key, in the order of keys, a batch of rows in memory at a time."""
        last = 0
        while rows := self._db.rows("SELECT key FROM entry WHERE key > ? ORDER BY key LIMIT ?", (last, _BATCH)):
            if rows[-1][0] <= last:  # a damaged tree; going on would never end
                raise corrupt(self._db.path, "entries that are out of order")
            yield from sorted(self.by_keys(row[0] for row in rows).items())
            last = rows[-1][0]

    def ids_in_order(self) -> list[str]:
        """The ids of all entries, in the order of keys."""
        return [row[0] for row in typed(self._db.readable_rows("SELECT id FROM entry ORDER BY key"), TEXT)]

    def obsolete_among(self, keys: Iterable[int]) -> dict[int, int | None]:
        """Which of these entries no longer hold, each with the key of its successor if it has one."""
        sql = f"SELECT e.key, {SUCCESSOR_KEY} FROM entry e WHERE e.status = ? AND e.key IN (SELECT value FROM json_each(?))"
        return dict(self._db.rows(sql, (Status.OBSOLETE.value, json.dumps(list(keys)))))

    def of_project(self, project: str, keys: Iterable[int]) -> set[int]:
        """Which of these entries belong to a project, named in either case as a filter names it."""
        sql = "SELECT e.key FROM json_each(?) j JOIN entry e ON e.key = j.value WHERE e.project = ? COLLATE NOCASE"
        return {row[0] for row in self._db.rows(sql, (json.dumps(list(keys)), project))}

    def _insert_items(self, entries: Iterable[tuple[int, Entry]]) -> None:
        self._db.run_many("INSERT INTO item VALUES (?, ?, ?, ?)", entry_rows.items(entries))


def _entry(row: Row, items: Mapping[str, list[str]]) -> Entry:
    _, successor, *columns = row
    if not is_typed(tuple(columns), _TYPES):
        raise ValueError("a value of another type")
    if any(type(text) is not str for texts in items.values() for text in texts) or any(
        type(kind) is not str for kind in items
    ):
        raise ValueError("a field of another type")
    return entry_rows.entry_of(columns, items, successor if isinstance(successor, str) else None)
