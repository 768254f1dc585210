"""Entries as rows: a few columns that statements ask for, and an item a text for everything else."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence

from rekall.entry.fields import Entry
from rekall.entry.types import LinkType, Status
from rekall.errors import EntryDamaged, NotFound
from rekall.store import entry_rows
from rekall.store.id_parts import MOST_CANDIDATES, no_entry, part_of_id, shown_ends, unambiguous
from rekall.store.postgres import summaries
from rekall.store.postgres.phrases import Stemming
from rekall.store.postgres.schema import NO_CASE
from rekall.store.postgres.selection import condition
from rekall.store.postgres.server import Server
from rekall.store.values import EVERYTHING, FACETS, SHORTEST_END, Counts, Facets, Order, Selection

_BATCH = 256
_NAMES = ", ".join(entry_rows.NAMES)
_E_NAMES = ", ".join(f"e.{name}" for name in entry_rows.NAMES)
_TYPES = ", ".join(f"%s::{'bigint' if name == 'confidence' else 'text'}[]" for name in entry_rows.NAMES)

_ORDERS = {
    Order.CHANGED: ("e.updated_at", True),
    Order.CREATED: ("e.created_at", True),
    Order.TITLE: (NO_CASE.format("e.title"), False),
    Order.TYPE: ("e.type", False),
    Order.PROJECT: (NO_CASE.format("e.project"), False),
}
"""What each order sorts by, and whether the greatest comes first; entries without a project come last."""

ENDS_SO = f"length(%(part)s) >= {SHORTEST_END} AND right(id, 4) = right(%(part)s, 4) AND right(id, length(%(part)s)) = %(part)s"
BEGINS_SO = "id >= %(part)s AND id < %(part)s || '~'"
"""An id that ends, or begins, with a part; the last four characters are what an index is made of."""

_SUCCESSOR = f"""
    LEFT JOIN LATERAL (SELECT l.source_key AS key FROM link l WHERE l.target_key = e.key
    AND l.type = '{LinkType.SUPERSEDES.value}' ORDER BY l.turn DESC LIMIT 1) s ON true
"""
"""The latest entry that supersedes `entry e`, as `s`."""


class PostgresEntries:
    """Reads and writes entries; see `contract.Entries`."""

    def __init__(self, db: Server, tokens: Stemming) -> None:
        """Work on a server."""
        self._db = db
        self._tokens = tokens
        self._damaged: set[int] = set()

    def insert(self, entry: Entry) -> int:
        """Store a new entry. Returns its key."""
        return self.insert_many([entry])[0]

    def insert_many(self, entries: Sequence[Entry]) -> list[int]:
        """Store new entries. Returns their keys, in order."""
        columns = [list(column) for column in zip(*map(entry_rows.values, entries))]
        if not columns:
            return []
        sql = (
            f"INSERT INTO entry ({_NAMES}) SELECT {_NAMES} FROM unnest({_TYPES}) WITH ORDINALITY AS given ({_NAMES}, place) "
            "ORDER BY place RETURNING id, key"
        )
        keys: dict[str, int] = dict(self._db.rows(sql, columns))
        made = [int(keys[entry.id]) for entry in entries]
        self._insert_items(zip(made, entries))
        return made

    def update(self, key: int, entry: Entry) -> None:
        """Replace everything about an entry but its key and links."""
        names = ", ".join(f"{name} = %s" for name in entry_rows.NAMES)
        self._db.run(f"UPDATE entry SET {names} WHERE key = %s", (*entry_rows.values(entry), key))
        self._db.run("DELETE FROM item WHERE entry_key = %s", (key,))
        self._insert_items([(key, entry)])

    def delete(self, key: int) -> None:
        """Remove an entry; items, links, origin, passages and vectors go with it."""
        self._db.run("DELETE FROM entry WHERE key = %s", (key,))

    def by_keys(self, keys: Iterable[int]) -> dict[int, Entry]:
        """Entries by key; a key without an entry is left out, and so is one that is damaged, see `damaged`."""
        wanted = list(keys)
        if not wanted:
            return {}
        with self._db.snapshot():  # columns and items of one moment
            rows = self._db.rows(
                f"SELECT e.key, (SELECT n.id FROM entry n WHERE n.key = s.key), {_E_NAMES} FROM entry e {_SUCCESSOR} "
                "WHERE e.key = ANY(%s)",
                (wanted,),
            )
            items: dict[int, dict[str, list[str]]] = {}
            for key, kind, value in self._db.rows(
                "SELECT entry_key, kind, value FROM item WHERE entry_key = ANY(%s) ORDER BY entry_key, kind, position",
                (wanted,),
            ):
                items.setdefault(key, {}).setdefault(kind, []).append(value)
        found = {}
        for key, successor, *columns in rows:
            try:
                found[key] = entry_rows.entry_of(columns, items.get(key, {}), successor)
            except entry_rows.UNREADABLE:
                self._damaged.add(key)
        self._damaged -= found.keys()
        return found

    def one(self, key: int) -> Entry:
        """The entry of a key.

        Raises:
            NotFound: It was deleted in the meantime.
            EntryDamaged: It cannot be read.
        """
        found = self.by_keys([key]).get(key)
        if found is None and key in self._damaged:
            name = self._db.value("SELECT id FROM entry WHERE key = %s", (key,)) or key
            raise EntryDamaged(f"entry {name} is damaged and cannot be read")
        if found is None:
            raise NotFound("the entry was just deleted", "`rekall restore` lists what was deleted")
        return found

    def damaged(self) -> int:
        """How many entries could not be read since the store was opened."""
        return len(self._damaged)

    def by_ids(self, ids: Iterable[str]) -> dict[str, Entry]:
        """Entries by full id; an id without an entry is left out."""
        return {entry.id: entry for entry in self.by_keys(self.keys_of(ids).values()).values()}

    def titles(self, ids: Iterable[str]) -> dict[str, str]:
        """Titles by full id; an id without an entry is left out."""
        return dict(self._db.rows("SELECT id, title FROM entry WHERE id = ANY(%s)", (list(ids),)))

    def texts(self, keys: Iterable[int], most: int) -> dict[int, tuple[str, str]]:
        """The title of each entry, and the first `most` characters of its content and of the rest of what it says."""
        rows = self._db.rows(
            "SELECT e.key, e.title, left(e.content, %(most)s::integer), (SELECT left(string_agg(left(value, %(most)s::integer), "
            "E'\\n' ORDER BY kind, position), %(most)s::integer) FROM item WHERE entry_key = e.key "
            "AND NOT (kind = 'other_fields' AND starts_with(value, %(numbered)s))) FROM entry e WHERE e.key = ANY(%(keys)s)",
            {"most": most, "numbered": entry_rows.NUMBERED, "keys": list(keys)},
        )
        return {key: (title, f"{content}\n{rest}" if rest else content) for key, title, content, rest in rows}

    def key_of(self, entry_id: str) -> int | None:
        """The key of a full id, or None."""
        return self.keys_of([entry_id]).get(entry_id)

    def keys_of(self, ids: Iterable[str]) -> dict[str, int]:
        """Keys by full id; an id without an entry is left out."""
        return dict(self._db.rows("SELECT id, key FROM entry WHERE id = ANY(%s)", (list(ids),)))

    def resolve(self, name: str) -> int:
        """The key of the one entry whose id ends or begins with `name`, in either case; ends go first, as they are shown.

        Raises:
            NotFound: No entry has such an id.
            Ambiguous: Several do; they are listed.
        """
        part = {"part": part_of_id(name), "most": MOST_CANDIDATES + 1}
        for where in (ENDS_SO, BEGINS_SO):
            rows = self._db.rows(f"SELECT id, title, key FROM entry WHERE {where} ORDER BY id LIMIT %(most)s", part)
            if rows:
                return unambiguous(name, [(row[0], row[1], int(row[2])) for row in rows])
        raise no_entry(name)

    def short_ids(self, ids: Iterable[str]) -> dict[str, str]:
        """The end of each id that no other entry's id has, long enough to stay so as a base of this size grows."""
        wanted = list(ids)
        rows = self._db.rows(
            "SELECT w.id, (SELECT string_agg(o.id, ' ') FROM entry o WHERE right(o.id, 4) = right(w.id, 4) AND o.id <> w.id), "
            "(SELECT count(*) FROM entry) FROM unnest(%s::text[]) w (id)",
            (wanted,),
        )
        entries = rows[0][2] if rows else 0
        return shown_ends(wanted, {row[0]: (row[1] or "").split() for row in rows}, entries)

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
        where, bindings = condition(selection, self._tokens)
        value, is_down = _ORDERS[order]
        way, ties = "DESC" if is_down != is_reversed else "ASC", "ASC" if is_reversed else "DESC"
        sql = f"SELECT e.key FROM entry e WHERE {where} ORDER BY {value} {way}, e.id {ties} LIMIT %s::bigint OFFSET %s"
        return [row[0] for row in self._db.rows(sql, (*bindings, limit, offset))]

    def count(self, selection: Selection = EVERYTHING) -> int:
        """How many entries are selected."""
        where, bindings = condition(selection, self._tokens)
        return int(self._db.value(f"SELECT count(*) FROM entry e WHERE {where}", bindings))

    def counts(self) -> Counts:
        """Figures for `rekall stats`."""
        return summaries.counts(self._db)

    def facets(self, selection: Selection = EVERYTHING, most: int = -1, of: Collection[str] = FACETS) -> Facets:
        """How many of the selected entries have each type, tag, project and status; at most so many of each."""
        return summaries.facets(self._db, condition(selection, self._tokens), most, of)

    def stream(self) -> Iterator[tuple[int, Entry]]:
        """Every entry with its key, in the order of keys, a batch of rows in memory at a time."""
        last = 0
        while rows := self._db.rows("SELECT key FROM entry WHERE key > %s ORDER BY key LIMIT %s", (last, _BATCH)):
            yield from sorted(self.by_keys(row[0] for row in rows).items())
            last = rows[-1][0]

    def ids_in_order(self) -> list[str]:
        """The ids of all entries, in the order of keys."""
        return [row[0] for row in self._db.rows("SELECT id FROM entry ORDER BY key")]

    def obsolete_among(self, keys: Iterable[int]) -> dict[int, int | None]:
        """Which of these entries no longer hold, each with the key of its successor if it has one."""
        sql = f"SELECT e.key, s.key FROM entry e {_SUCCESSOR} WHERE e.status = %s AND e.key = ANY(%s)"
        return dict(self._db.rows(sql, (Status.OBSOLETE.value, list(keys))))

    def of_project(self, project: str, keys: Iterable[int]) -> set[int]:
        """Which of these entries belong to a project, named in either case as a filter names it."""
        sql = f"SELECT e.key FROM entry e WHERE e.key = ANY(%s) AND {NO_CASE.format('e.project')} = {NO_CASE.format('%s')}"
        return {row[0] for row in self._db.rows(sql, (list(keys), project))}

    def _insert_items(self, entries: Iterable[tuple[int, Entry]]) -> None:
        columns = [list(column) for column in zip(*entry_rows.items(entries))]
        if columns:
            self._db.run(
                "INSERT INTO item (entry_key, kind, position, value) "
                "SELECT * FROM unnest(%s::bigint[], %s::text[], %s::integer[], %s::text[])",
                columns,
            )
