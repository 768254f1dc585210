"""Entries, their lists, links and origins as rows."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any, TypeVar

from rekall.db import Database, Row
from rekall.entry.types import Context, Entry, EntryType, Filters, Link, LinkType, Status
from rekall.errors import Ambiguous, NotFound

_COLUMNS = "key, id, type, title, content, project, status, superseded_by, confidence, situation, solution, what_failed, created_at, updated_at"
_LISTS = ("tag", "error", "file", "keyword", "source")
_MOST_CANDIDATES = 8
Value = TypeVar("Value")
SHORTEST_PREFIX = 6


@dataclass(frozen=True, slots=True)
class Origin:
    """Where an imported entry came from, and what source and entry looked like then."""

    path: str
    entry_key: int
    source_hash: bytes
    entry_hash: bytes


@dataclass(frozen=True, slots=True)
class Counts:
    """How many entries there are, by status and by type."""

    entries: int
    by_status: dict[str, int]
    by_type: dict[str, int]
    by_project: dict[str, int]
    tags: int
    links: int


class EntryStore:
    """Reads and writes entries. Writing methods belong inside a transaction of the caller."""

    def __init__(self, db: Database) -> None:
        """Work on an open database."""
        self._db = db

    def insert(self, entry: Entry) -> int:
        """Store a new entry. Returns its key, the row id that indexes use."""
        marks = ", ".join("?" * 13)
        self._db.run(f"INSERT INTO entry ({_COLUMNS.removeprefix('key, ')}) VALUES ({marks})", _values(entry))
        key = self._db.last_key()
        self._insert_lists(key, entry)
        return key

    def update(self, key: int, entry: Entry) -> None:
        """Replace everything about an entry but its key."""
        names = _COLUMNS.removeprefix("key, ").split(", ")
        self._db.run(
            f"UPDATE entry SET {', '.join(f'{name} = ?' for name in names)} WHERE key = ?", (*_values(entry), key)
        )
        self._db.run("DELETE FROM item WHERE entry_key = ?", (key,))
        self._insert_lists(key, entry)

    def delete(self, key: int) -> None:
        """Remove an entry; lists, links, origin, passages and vectors go with it."""
        self._db.run("DELETE FROM entry WHERE key = ?", (key,))

    def by_keys(self, keys: Iterable[int]) -> dict[int, Entry]:
        """Entries by key; a key without an entry is left out."""
        wanted = json.dumps(list(keys))
        with self._db.snapshot():  # columns and lists of one moment
            rows = self._db.rows(
                f"SELECT {_COLUMNS} FROM entry WHERE key IN (SELECT value FROM json_each(?))", (wanted,)
            )
            lists = self._lists("entry_key IN (SELECT value FROM json_each(?))", (wanted,))
        return {row[0]: _entry(row, lists.get(row[0], {})) for row in rows}

    def by_ids(self, ids: Iterable[str]) -> dict[str, Entry]:
        """Entries by full id; an id without an entry is left out."""
        rows = self._db.rows(
            "SELECT key FROM entry WHERE id IN (SELECT value FROM json_each(?))", (json.dumps(list(ids)),)
        )
        return {entry.id: entry for entry in self.by_keys(row[0] for row in rows).values()}

    def key_of(self, entry_id: str) -> int | None:
        """The key of a full id, or None."""
        key = self._db.value("SELECT key FROM entry WHERE id = ?", (entry_id,))
        return None if key is None else int(key)

    def resolve(self, prefix: str) -> int:
        """The key of the one entry whose id begins with `prefix`, in either case.

        Raises:
            NotFound: No entry has such an id.
            Ambiguous: Several do; they are listed.
        """
        wanted = prefix.strip().upper()
        if not wanted.isalnum() or not wanted.isascii():
            raise NotFound(f"no entry {prefix!r}", "ids are letters and digits; `rekall list` shows them")
        rows = self._db.rows(
            "SELECT key, id, title FROM entry WHERE id >= ?1 AND id < ?1 || '~' ORDER BY id LIMIT ?2",
            (wanted, _MOST_CANDIDATES + 1),
        )
        if not rows:
            raise NotFound(
                f"no entry {prefix!r}", "`rekall list` shows the ids; `rekall search` finds entries by word or meaning"
            )
        return unambiguous(prefix, [(row[1], row[2], int(row[0])) for row in rows])

    def short_id(self, entry_id: str) -> str:
        """The shortest beginning of an id that no other entry's id has, at least `SHORTEST_PREFIX` characters."""
        (row,) = self._db.rows(
            "SELECT (SELECT max(id) FROM entry WHERE id < ?1), (SELECT min(id) FROM entry WHERE id > ?1)", (entry_id,)
        )
        shared = max(_shared_beginning(entry_id, neighbour) for neighbour in (row[0] or "", row[1] or ""))
        return entry_id[: max(shared + 1, SHORTEST_PREFIX)]

    def list_keys(self, filters: Filters, limit: int | None = None, offset: int = 0) -> list[int]:
        """Keys of the entries that pass, newest change first."""
        return self.list_keys_where(*filter_sql(filters), -1 if limit is None else limit, offset)

    def list_keys_where(self, where: str, bindings: Sequence[Any], limit: int, offset: int = 0) -> list[int]:
        """Keys of the entries that meet a condition on `entry e`, newest change first; limit -1 means all."""
        sql = f"SELECT e.key FROM entry e WHERE {where} ORDER BY e.updated_at DESC, e.id DESC LIMIT ? OFFSET ?"
        return [row[0] for row in self._db.rows(sql, (*bindings, limit, offset))]

    def obsolete_among(self, keys: Iterable[int]) -> dict[int, int | None]:
        """Which of these entries no longer hold, each with the key of its successor if it has one."""
        sql = """
            SELECT e.key, s.key FROM entry e LEFT JOIN entry s ON s.id = e.superseded_by
            WHERE e.status = ? AND e.key IN (SELECT value FROM json_each(?))
        """
        return {row[0]: row[1] for row in self._db.rows(sql, (Status.OBSOLETE.value, json.dumps(list(keys))))}

    def ids_in_order(self) -> list[str]:
        """The ids of all entries, in the order of keys."""
        return [row[0] for row in self._db.rows("SELECT id FROM entry ORDER BY key")]

    def stream(self, batch: int = 256) -> Iterator[tuple[int, Entry]]:
        """Every entry with its key, in the order of keys, a batch of rows in memory at a time."""
        last = 0
        while rows := self._db.rows("SELECT key FROM entry WHERE key > ? ORDER BY key LIMIT ?", (last, batch)):
            yield from sorted(self.by_keys(row[0] for row in rows).items())
            last = rows[-1][0]

    def count(self, filters: Filters | None = None) -> int:
        """How many entries pass."""
        where, bindings = filter_sql(filters or Filters())
        return int(self._db.value(f"SELECT count(*) FROM entry e WHERE {where}", bindings))

    def counts(self) -> Counts:
        """Figures for `rekall stats`."""

        def grouped(column: str) -> dict[str, int]:
            return dict(
                self._db.rows(
                    f"SELECT {column}, count(*) FROM entry WHERE {column} IS NOT NULL GROUP BY 1 ORDER BY 2 DESC, 1"
                )
            )

        tags = self._db.value("SELECT count(DISTINCT value) FROM item WHERE kind = 'tag'")
        links = self._db.value("SELECT count(*) FROM link")
        return Counts(self.count(), grouped("status"), grouped("type"), grouped("project"), tags, links)

    def add_link(self, source: int, target: int, link: Link, created_at: datetime) -> None:
        """Store a link; the same link again changes its reason."""
        self._db.run(
            "INSERT INTO link VALUES (?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET reason = excluded.reason",
            (source, target, link.type.value, link.reason, written_time(created_at)),
        )

    def links(self, key: int | None = None) -> list[Link]:
        """Links that touch an entry, or all of them."""
        sql = "SELECT s.id, t.id, l.type, l.reason FROM link l JOIN entry s ON s.key = l.source_key JOIN entry t ON t.key = l.target_key"
        rows = (
            self._db.rows(f"{sql} WHERE ? IN (l.source_key, l.target_key) ORDER BY 1, 2, 3", (key,))
            if key
            else self._db.rows(f"{sql} ORDER BY 1, 2, 3")
        )
        return [Link(row[0], row[1], LinkType(row[2]), row[3]) for row in rows]

    def remove_link(self, source: int, target: int, kind: LinkType | None) -> int:
        """Remove the links from one entry to another, of one kind or of any. Returns how many there were."""
        where = "source_key = ?1 AND target_key = ?2 AND (?3 IS NULL OR type = ?3)"
        bindings = (source, target, kind.value if kind else None)
        count = int(self._db.value(f"SELECT count(*) FROM link WHERE {where}", bindings))
        self._db.run(f"DELETE FROM link WHERE {where}", bindings)
        return count

    def superseded_by(self, entry_id: str) -> list[str]:
        """Ids of the entries that name this one as their successor."""
        return [
            row[0] for row in self._db.rows("SELECT id FROM entry WHERE superseded_by = ? ORDER BY id", (entry_id,))
        ]

    def set_successor(self, ids: Iterable[str], successor: str) -> None:
        """Let obsolete entries that have no successor name one; ids of other entries are passed over."""
        self._db.run(
            "UPDATE entry SET superseded_by = ? WHERE status = ? AND superseded_by IS NULL AND id IN (SELECT value FROM json_each(?))",
            (successor, Status.OBSOLETE.value, json.dumps(list(ids))),
        )

    def origin_of(self, key: int) -> Origin | None:
        """Where an entry was imported from, or None."""
        rows = self._db.rows("SELECT path, entry_key, source_hash, entry_hash FROM origin WHERE entry_key = ?", (key,))
        return Origin(*rows[0]) if rows else None

    def origin(self, path: str) -> Origin | None:
        """What was imported from `path`, or None."""
        rows = self._db.rows("SELECT path, entry_key, source_hash, entry_hash FROM origin WHERE path = ?", (path,))
        return Origin(*rows[0]) if rows else None

    def set_origin(self, origin: Origin) -> None:
        """Remember where an entry was imported from."""
        self._db.run("DELETE FROM origin WHERE entry_key = ? OR path = ?", (origin.entry_key, origin.path))
        self._db.run(
            "INSERT INTO origin VALUES (?, ?, ?, ?)",
            (origin.path, origin.entry_key, origin.source_hash, origin.entry_hash),
        )

    def _insert_lists(self, key: int, entry: Entry) -> None:
        context = entry.context
        lists = (entry.tags, context.error_messages, context.files, context.trigger_keywords, context.sources)
        self._db.run_many(
            "INSERT INTO item VALUES (?, ?, ?, ?)",
            (
                (key, kind, position, value)
                for kind, values in zip(_LISTS, lists)
                for position, value in enumerate(values)
            ),
        )

    def _lists(self, where: str, bindings: Sequence[Any]) -> dict[int, dict[str, list[str]]]:
        found: dict[int, dict[str, list[str]]] = {}
        for key, kind, value in self._db.rows(
            f"SELECT entry_key, kind, value FROM item WHERE {where} ORDER BY entry_key, kind, position", bindings
        ):
            found.setdefault(key, {}).setdefault(kind, []).append(value)
        return found


def unambiguous(prefix: str, found: Sequence[tuple[str, str, Value]]) -> Value:
    """The value of the only one of (id, title, value) that a prefix fits.

    Raises:
        Ambiguous: There are several; they are listed.
    """
    if len(found) > 1:
        candidates = [f"{entry_id}  {title}" for entry_id, title, _ in found[:_MOST_CANDIDATES]]
        many = "more than " if len(found) > _MOST_CANDIDATES else ""
        raise Ambiguous(
            f"{prefix!r} fits {many}{len(candidates)} entries", "give more characters of the id", candidates
        )
    return found[0][2]


def filter_sql(filters: Filters) -> tuple[str, tuple[Any, ...]]:
    """A condition on `entry e`, and its bindings."""
    clauses = ["1"]
    bindings: list[Any] = []
    if filters.types:
        clauses.append(f"e.type IN ({', '.join('?' * len(filters.types))})")
        bindings += [kind.value for kind in filters.types]
    for tag in filters.tags:
        clauses.append("EXISTS (SELECT 1 FROM item i WHERE i.kind = 'tag' AND i.value = ? AND i.entry_key = e.key)")
        bindings.append(tag.strip().lower())
    if filters.project is not None:
        clauses.append("e.project = ? COLLATE NOCASE")
        bindings.append(filters.project)
    if filters.since is not None:
        clauses.append("e.updated_at >= ?")
        bindings.append(written_time(filters.since))
    if filters.status is not None:
        clauses.append("e.status = ?")
        bindings.append(filters.status.value)
    return " AND ".join(clauses), tuple(bindings)


def _shared_beginning(left: str, right: str) -> int:
    """How many first characters two ids have in common."""
    return next((place for place, (a, b) in enumerate(zip(left, right)) if a != b), min(len(left), len(right)))


def _values(entry: Entry) -> tuple[Any, ...]:
    context = entry.context
    return (
        entry.id,
        entry.type.value,
        entry.title,
        entry.content,
        entry.project,
        entry.status.value,
        entry.superseded_by,
        entry.confidence,
        context.situation,
        context.solution,
        context.what_failed,
        written_time(entry.created_at),
        written_time(entry.updated_at),
    )


def _entry(row: Row, lists: dict[str, list[str]]) -> Entry:
    (
        _,
        entry_id,
        kind,
        title,
        content,
        project,
        status,
        superseded_by,
        confidence,
        situation,
        solution,
        what_failed,
        created_at,
        updated_at,
    ) = row
    tags, errors, files, keywords, sources = (tuple(lists.get(name, ())) for name in _LISTS)
    return Entry(
        id=entry_id,
        type=EntryType(kind),
        title=title,
        content=content,
        tags=tags,
        project=project,
        status=Status(status),
        superseded_by=superseded_by,
        confidence=confidence,
        context=Context(situation, solution, what_failed, errors, files, keywords, sources),
        created_at=parse_time(created_at),
        updated_at=parse_time(updated_at),
    )


def written_time(moment: datetime) -> str:
    """A time as it stands in the database: UTC, whole seconds, in an order that texts keep."""
    return moment.astimezone(timezone.utc).isoformat(timespec="seconds").replace("+00:00", "Z")


def parse_time(text: str) -> datetime:
    """The time that `written_time` wrote."""
    return datetime.fromisoformat(text.replace("Z", "+00:00"))
