"""A look at everything in a base: its log, its schema, every page, every row, and whether its parts agree."""

from __future__ import annotations

import contextlib
import mmap
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from rekall.entry.times import parsed
from rekall.errors import DatabaseForeign, DatabaseLocked, DatabaseReadOnly, DatabaseTooNew, StorageError
from rekall.store import agreement, schema
from rekall.store.as_is import AsItIs
from rekall.store.findings import REMEMBERED, REPAIR, Examined, Finding, Level
from rekall.store.log_frames import LogFrames
from rekall.store.row_shapes import Shape, is_beside, is_misread, schema_of, shapes_of
from rekall.store.rows_as_they_are import rows_of
from rekall.store.soundness import Row, faults_of, is_time

_MOST_DETAILS = 10
_LONG_LOG_BYTES = 64 << 20

_NOUNS = {
    "entry": ("entries", "every entry can be read"),
    "item": ("fields", "every field of an entry can be read"),
    "link": ("links", "every link can be read"),
    "origin": ("origins", "every origin of an imported entry can be read"),
    "tombstone": ("deleted", "every deleted entry can be read"),
    "trace": ("traces", ""),
    "lease": ("leases", ""),
    "operation": ("history", ""),
    "version": ("versions", "every earlier version can be read"),
    "link_version": ("links before", ""),
    "folder": ("folders", ""),
    "agreed": ("agreed with folders", "everything agreed with a folder can be read"),
    "review": ("reviews", ""),
    "judged_pair": ("judged pairs", ""),
    "passage": ("passages", "every passage can be read"),
    "space": ("spaces", "every space of vectors can be read"),
}


def examine(path: Path) -> Examined:
    """Look at everything; nothing is changed, and nothing is raised for what is found."""
    if path.exists() and not path.is_file():
        hint = "point REKALL_HOME at another folder, or move it away"
        return Examined((Finding("base", Level.PROBLEM, f"{path} is no file", hint),), False)
    if not path.exists():
        text = f"no base yet at {path}"
        return Examined((Finding("base", Level.NOTE, text, "`rekall add` and `rekall import` make it"),), False)
    findings = [*_log(path)]
    try:
        if not path.stat().st_size and not findings:
            return Examined((Finding("base", Level.NOTE, f"{path} is empty", "`rekall add` fills it"),), False)
        db = AsItIs(path)
    except (StorageError, OSError) as error:
        findings.append(_unreadable(path, error))
        return Examined(tuple(findings), any(finding.hint == REPAIR for finding in findings))
    with contextlib.closing(db):
        found = _Look(db)
        findings += found.head()
        if not any(finding.topic == "schema" and finding.level is Level.PROBLEM for finding in findings):
            with db.snapshot():
                findings += found.findings()
        needs_mending = any(finding.hint == REPAIR for finding in findings)
        return replace(found.known(), findings=tuple(findings), needs_mending=needs_mending)


def _log(path: Path) -> Iterator[Finding]:
    """What is to be said of the log of writes, which SQLite follows up to the first damage without a word."""
    log = path.with_name(path.name + "-wal")
    damage = 0
    if not log.is_file():
        return
    for _ in range(3):  # a writer may be in the middle of it
        try:
            damage = _damage_of(log)
        except (OSError, ValueError) as error:
            if log.is_file() and log.stat().st_size:  # else it is gone, or empty
                text = f"{log.name} cannot be looked through ({error})"
                yield Finding("log", Level.NOTE, text, "close programs that have the base open, and check again")
            return
        if not damage:
            break
    if damage:
        yield Finding(
            "log", Level.PROBLEM, f"{log.name} is damaged: {damage} of the latest changes lie behind it", REPAIR
        )
    elif log.stat().st_size > _LONG_LOG_BYTES:
        text = f"{log.name} has {log.stat().st_size / 1e6:.0f} MB, because a program that stays open keeps it"
        yield Finding("log", Level.NOTE, text, "close programs that have the base open; it shrinks by itself")


def _damage_of(log: Path) -> int:
    """How many changes of a log lie behind damage; it may be longer than there is memory."""
    with log.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        return LogFrames(data).damage


def _unreadable(path: Path, error: StorageError | OSError) -> Finding:
    """Why the file cannot be opened."""
    if isinstance(error, DatabaseLocked):
        return Finding("base", Level.PROBLEM, error.message, error.hint)
    if isinstance(error, (OSError, DatabaseReadOnly)) or not _is_readable(path):
        return Finding("base", Level.PROBLEM, f"{path} cannot be read", "check that it is a file, and its permissions")
    return Finding("base", Level.PROBLEM, error.message, REPAIR)


def _is_readable(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            file.read(1)
    except OSError:
        return False
    return True


@dataclass
class _Look:
    """One look at a base that SQLite can open."""

    db: AsItIs
    version: int = 0
    entries: int | None = None

    def findings(self) -> list[Finding]:
        """Everything behind the head, of one moment."""
        found = [*self._pages()]
        broken = bool([finding for finding in found if finding.level is Level.PROBLEM])
        shapes = shapes_of(self.version)
        for table in sorted(shapes, key=lambda name: list(_NOUNS).index(name) if name in _NOUNS else len(_NOUNS)):
            found += self._rows(table, shapes[table])
        found += self._references()
        faulty = any(finding.level is Level.PROBLEM for finding in found)
        if self.version == len(schema.MIGRATIONS) and not (broken and faulty):
            found += self._guarded("words", agreement.words(self.db, self.entries))
            found += self._guarded("vectors", agreement.vectors(self.db))
            if not faulty:
                found += self._guarded("passages", agreement.passages(self.db))
        return found

    def known(self) -> Examined:
        """What is to be known of a base besides findings, as far as it can be read."""
        try:
            if self.db.value("PRAGMA encoding") != "UTF-8":
                return Examined((), False, self.entries)
            latest = self.db.rows(
                "SELECT CAST(updated_at AS BLOB) FROM entry ORDER BY updated_at DESC LIMIT ?", (REMEMBERED,)
            )
            spaces = self.db.rows(
                "SELECT CAST(created_at AS BLOB), active, CAST(model AS BLOB), CAST(fingerprint AS BLOB) FROM space"
            )
        except StorageError:
            return Examined((), False, self.entries)
        models = [(_ascii(model), _ascii(known)) for _, active, model, known in spaces if active == 1]
        since = min((moment for row in spaces if (moment := _moment(row[0])) is not None), default=None)
        changed = tuple(moment for row in latest if (moment := _moment(row[0])) is not None)
        return Examined((), False, self.entries, changed, since, models[0] if models else None)

    def head(self) -> Iterator[Finding]:
        """What the file says it is."""
        try:
            self.version = self.db.check_schema()
        except DatabaseTooNew as error:
            version = int(self.db.value("PRAGMA user_version"))
            if is_misread(version, exact=self._schema() == schema_of(len(schema.MIGRATIONS))):
                yield Finding("schema", Level.PROBLEM, f"the number of its schema reads {version}", REPAIR)
            else:
                yield Finding("schema", Level.PROBLEM, error.message, error.hint)
            return
        except DatabaseForeign as error:
            yield Finding("schema", Level.PROBLEM, error.message, REPAIR if self.db.is_ours() else error.hint)
            return
        except StorageError as error:
            yield Finding("schema", Level.PROBLEM, error.message, REPAIR)
            return
        latest = len(schema.MIGRATIONS)
        if not self.version:
            yield Finding("schema", Level.NOTE, "the file holds nothing yet", "`rekall add` fills it")
        elif self.version < latest:
            yield Finding(
                "schema",
                Level.NOTE,
                f"schema {self.version}, {latest} is the newest",
                "it is brought up to date when it is next opened; a copy is made first",
            )
        else:
            yield Finding("schema", Level.OK, f"schema {self.version}, nothing in it acts by itself")
        foreign = self._foreign_tables()
        if foreign:
            text = f"tables that Rekall does not make: {', '.join(foreign)}"
            yield Finding("schema", Level.NOTE, text, "Rekall does not look at them")
        if not self.db.is_write_ahead():
            text = (
                "not in write-ahead mode: a copy, or left so by another tool; readers and writers would stop each other"
            )
            yield Finding("mode", Level.NOTE, text, "it goes back to that mode when it is next opened")
        else:
            yield Finding("mode", Level.OK, "write-ahead mode: readers and writers do not stop each other")

    def _schema(self) -> dict[tuple[str, str], str]:
        """The SQL of everything in the schema but what is made beside its steps."""
        rows = self.db.rows("SELECT type, name, coalesce(sql, '') FROM sqlite_schema")
        return {(kind, name): sql for kind, name, sql in rows if not is_beside(name)}

    def _foreign_tables(self) -> list[str]:
        own = set(shapes_of(self.version)) if self.version else set()
        rows = self.db.rows(
            "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' "
            "AND name NOT LIKE 'words%' AND name NOT GLOB 'vectors_[0-9]*' AND name NOT GLOB 'signs_[0-9]*'"
        )
        return sorted({row[0] for row in rows} - own)

    def _pages(self) -> Iterator[Finding]:
        """What SQLite itself finds wrong."""
        try:
            wrong = self.db.check_pages()
        except StorageError as error:
            wrong = [error.message]
        if wrong:
            text = (
                f"SQLite finds {len(wrong)} faults in the file"
                if len(wrong) > 1
                else "SQLite finds a fault in the file"
            )
            yield Finding("pages", Level.PROBLEM, text, REPAIR, tuple(wrong[:_MOST_DETAILS]))
        else:
            yield Finding("pages", Level.OK, "SQLite finds no fault in pages, trees and indexes")

    def _rows(self, table: str, shape: Shape) -> Iterator[Finding]:
        """Whether every row of a table is what it must be."""
        topic, fine = _NOUNS.get(table, (table, ""))
        faulty: list[str] = []
        count = wrong = 0
        why = ""
        try:
            for row in rows_of(self.db, table, shape):
                count += 1
                faults = faults_of(table, row)
                if faults:
                    wrong += 1
                    if len(faulty) < _MOST_DETAILS:
                        faulty.append(f"{_named(table, row)}: " + "; ".join(f"{f.column} {f.why}" for f in faults))
        except StorageError as error:
            why = error.message
        if table == "entry":
            self.entries = count
        if wrong:
            text = f"{wrong} of {count} rows of the table {table} are not what they must be"
            yield Finding(topic, Level.PROBLEM, text, REPAIR, tuple(faulty))
        if why:
            yield Finding(topic, Level.PROBLEM, f"the table {table} cannot be read to its end: {why}", REPAIR)
        elif not wrong and fine:
            yield Finding(topic, Level.OK, f"{count:,}: {fine}" if count else "none")

    def _references(self) -> Iterator[Finding]:
        """Whether everything that names another row finds it."""
        try:
            lost = self.db.rows("PRAGMA foreign_key_check")
        except StorageError as error:
            yield Finding("references", Level.PROBLEM, f"references cannot be followed: {error.message}", REPAIR)
            return
        tables: dict[str, int] = {}
        for table, *_ in lost:
            tables[str(table)] = tables.get(str(table), 0) + 1
        if tables:
            text = f"{len(lost)} rows belong to entries or passages that are not there"
            yield Finding("references", Level.PROBLEM, text, REPAIR, tuple(f"{n} of {t}" for t, n in tables.items()))
        else:
            yield Finding(
                "references", Level.OK, "fields, links, origins and passages belong to entries that are there"
            )

    def _guarded(self, topic: str, found: Iterator[Finding]) -> Iterator[Finding]:
        """What a look found; a finding of its own where it could not look."""
        try:
            yield from found
        except StorageError as error:
            yield Finding(topic, Level.PROBLEM, f"{topic} cannot be read: {error.message}", REPAIR)


def _ascii(value: object) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else ""


def _moment(value: object) -> datetime | None:
    text = _ascii(value)
    return parsed(text) if is_time(text) else None


def _named(table: str, row: Row) -> str:
    """What a person knows a row by."""
    for column in ("id", "entry_id", "path", "name", "fingerprint"):
        value = row.get(column)
        if isinstance(value, str):
            title = row.get("title")
            return f"{value}  {title}" if isinstance(title, str) else value
    numbers = [f"{column} {row[column]}" for column in ("entry_key", "source_key", "key", "kind") if column in row]
    return ", ".join(numbers) or table
