"""Whether what is made of the entries agrees with them: words, passages, vectors and their signs."""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Iterator

from rekall.db import Database
from rekall.entry.passages import passages_of
from rekall.store.entries import SqliteEntries
from rekall.store.findings import REPAIR, Finding, Level
from rekall.store.signs import Signs
from rekall.store.words import SqliteWords

_COMPARED = 20_000
"""So many entries are compared with the words index, which is made anew for that: about seven seconds."""
_MOST_DETAILS = 10


def words(db: Database, entries: int | None) -> Iterator[Finding]:
    """Whether the words index holds every entry, and nothing else."""
    lost = _count(db, "SELECT count(*) FROM entry WHERE key NOT IN (SELECT id FROM words_docsize)")
    extra = _count(db, "SELECT count(*) FROM words_docsize WHERE id NOT IN (SELECT key FROM entry)")
    if lost or extra:
        text = f"the words index lacks {lost} entries and holds {extra} that are not there"
        yield Finding("words", Level.PROBLEM, text, REPAIR)
    elif entries is None or entries > _COMPARED:
        text = "the words index holds every entry and no other; so many were not compared word by word"
        yield Finding("words", Level.OK, text)
    elif _words_differ(db):
        yield Finding("words", Level.PROBLEM, "the words index does not hold the words that entries say", REPAIR)
    else:
        yield Finding("words", Level.OK, "the words index holds every word of every entry, and nothing else")


def _words_differ(db: Database) -> bool:
    """Whether an index that is made anew in memory is another one: the texts are kept nowhere else to compare."""
    with contextlib.closing(Database(None)) as made:
        words = SqliteWords(made)
        with made.transaction():
            for key, entry in SqliteEntries(db).stream():
                words.put(key, entry)
        return any(one != other for one, other in itertools.zip_longest(_held(db), _held(made)))


def passages(db: Database) -> Iterator[Finding]:
    """Whether what is embedded is what entries say."""
    rows = db.stream("SELECT entry_key, text_hash FROM passage ORDER BY entry_key, position")
    stored = itertools.groupby(rows, key=lambda row: int(row[0]))
    at, hashes = next(stored, (None, ()))
    other: list[str] = []
    count = 0
    for key, entry in SqliteEntries(db).stream():  # both in the order of keys, so that none is kept in memory
        while at is not None and at < key:
            at, hashes = next(stored, (None, ()))
        found = [bytes(row[1]) for row in hashes] if at == key else []
        if found != [passage.text_hash for passage in passages_of(entry)]:
            count += 1
            if len(other) < _MOST_DETAILS:
                other.append(f"{entry.id}  {entry.title}")
    if count:
        text = f"what {count} entries say is not what they were indexed with: damaged, or changed by another program"
        yield Finding("passages", Level.PROBLEM, text, REPAIR, tuple(other))
    else:
        yield Finding("passages", Level.OK, "what entries say is what they were indexed with")


def vectors(db: Database) -> Iterator[Finding]:
    """Whether vectors are whole and belong to passages, and signs to vectors."""
    spaces = db.rows("SELECT id, dim, active, CAST(model AS BLOB) FROM space")
    tables = {row[0] for row in db.rows("SELECT name FROM sqlite_schema WHERE type = 'table'")}
    known = {f"{part}_{row[0]}" for row in spaces for part in ("vectors", "signs")}
    lost = known - tables
    stray = {name for name in tables - known if name.startswith(("vectors_", "signs_"))}
    if lost or stray:
        text = f"tables of vectors and spaces do not fit: {', '.join(sorted(lost | stray))}"
        yield Finding("vectors", Level.PROBLEM, text, REPAIR)
    passages = _count(db, "SELECT count(*) FROM passage")
    for number, dim, active, model in spaces:
        if f"vectors_{number}" not in tables or f"signs_{number}" not in tables:
            continue
        name = bytes(model).decode("utf-8", "replace")
        found = Signs(db, number, dim, by_sql=False).judged()
        count = found.vectors
        strays = _count(db, f"SELECT count(*) FROM vectors_{number} WHERE passage_id NOT IN (SELECT id FROM passage)")
        strays += found.strays
        if found.damaged or found.unsigned or strays or not found.is_counted:
            wrong = f"{found.damaged} damaged, {found.unsigned} without their signs, {strays} of nothing"
            text = f"vectors of {name}: {wrong}{'' if found.is_counted else ', counted wrongly'}"
            yield Finding("vectors", Level.PROBLEM, text, REPAIR)
        else:
            yield Finding("vectors", Level.OK, f"{count:,} vectors of {name} are whole")
        if active == 1 and passages > count:
            text = f"{passages - count} of {passages} passages have no vector yet and are found by their words only"
            yield Finding("vectors", Level.NOTE, text, "`rekall index rebuild` makes them")


def _count(db: Database, sql: str) -> int:
    return int(db.value(sql))


def _held(db: Database) -> Iterator[tuple[object, ...]]:
    """Every term of the words index, with sums that differ where it stands in another entry or place."""
    db.run("CREATE VIRTUAL TABLE IF NOT EXISTS temp.held USING fts5vocab (main, words, instance)")
    doc = "(doc % 2147483647)"  # the sums of any keys must not grow out of SQLite's numbers
    sums = f"count(*), sum({doc}), sum(offset), sum({doc} * (offset % 64 + 1))"
    return db.stream(f"SELECT term, col, {sums} FROM temp.held GROUP BY term, col ORDER BY term, col")
