"""What a home holds, as flat facts that can be compared, and what is wrong with it."""

from __future__ import annotations

import hashlib
import json
import os
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import apsw

from rekall.store.sign_blocks import Layout

Fact = tuple[Any, Any]
"""What must be the same, and what may differ where the fact was changed: ids and times."""

LOOKUPS = "lookups.jsonl"
"""What was looked for and read, which every search adds to: also those that look at a home afterwards."""

GROWING = ("space:", "passages:")
"""Facts that work in several transactions fills bit by bit."""


@dataclass(frozen=True, slots=True)
class State:
    """All facts of a home by name."""

    facts: dict[str, Fact]

    def changed_since(self, before: State) -> set[str]:
        """The names of facts that came, went or differ."""
        names = self.facts.keys() | before.facts.keys()
        return {name for name in names if self.facts.get(name) != before.facts.get(name)}

    def titles(self) -> list[str]:
        """The titles of the entries."""
        return sorted(name.removeprefix("entry:") for name in self.facts if name.startswith("entry:"))


def read_state(home: Path) -> State:
    """Read a home without Rekall."""
    facts: dict[str, Fact] = {}
    database = home / "rekall.db"
    if database.exists() and database.stat().st_size:
        connection = apsw.Connection(str(database))
        try:
            connection.execute("BEGIN")
            _read_base(connection, facts)
        finally:
            connection.close()
    config = home / "config.toml"
    facts["file:config.toml"] = (config.read_text("utf-8") if config.exists() else None, None)
    for file in sorted([*(home / "models").glob("*/*"), *home.glob("*.jsonl"), *home.glob("*.tar")]):
        if not file.parent.name.startswith(".") and file.name != LOOKUPS:
            name = f"file:{file.relative_to(home)}"
            facts[name] = (hashlib.sha256(file.read_bytes()).hexdigest(), None)
    for file in sorted((home / "notes").rglob("*.md")):
        if not file.name.startswith("."):
            facts[f"file:{file.relative_to(home)}"] = (hashlib.sha256(file.read_bytes()).hexdigest(), None)
    return State(facts)


def _read_base(connection: apsw.Connection, facts: dict[str, Fact]) -> None:
    rows = connection.execute
    titles: dict[int, str] = {}
    ids: dict[str, str] = {}
    columns = "key, id, type, title, content, project, status, confidence, created_at, updated_at"
    for key, id_, kind, title, content, project, status, confidence, *times in rows(f"SELECT {columns} FROM entry"):
        titles[key], ids[id_] = title, title
        items = rows("SELECT kind, position, value FROM item WHERE entry_key = ? ORDER BY 1, 2", (key,)).fetchall()
        facts[f"entry:{title}"] = ((kind, content, project, status, confidence, items), (id_, *times))
        passages = rows(
            "SELECT position, hex(text_hash) FROM passage WHERE entry_key = ? ORDER BY 1", (key,)
        ).fetchall()
        facts[f"passages:{title}"] = (passages, None)
    for source, target, kind, reason, *loose in rows(
        "SELECT source_key, target_key, type, reason, created_at, turn FROM link"
    ):
        facts[f"link:{titles.get(source)} {kind} {titles.get(target)}"] = (reason, tuple(loose))
    for path, key, source_hash in rows("SELECT path, entry_key, hex(source_hash) FROM origin"):
        facts[f"origin:{path}"] = ((titles.get(key), source_hash), None)
    for id_, kind, title, deleted_at, record in rows("SELECT id, type, title, deleted_at, record FROM tombstone"):
        said = json.loads(record)
        entry = said["entry"]
        loose = (id_, deleted_at, entry.pop("created_at", None), entry.pop("updated_at", None), entry.pop("id", None))
        facts[f"tombstone:{title}"] = ((kind, json.dumps(entry, sort_keys=True), len(said.get("links", ()))), loose)
    for number, model, active in rows("SELECT id, model, active FROM space").fetchall():
        count = rows(f"SELECT count(*) FROM vectors_{number:d}").fetchall()[0][0]
        facts[f"space:{model}"] = ((active, count), None)


def faults_of(home: Path) -> list[str]:
    """What is wrong with the file of a base, whatever it should hold."""
    found: list[str] = []
    database = home / "rekall.db"
    if not database.exists():
        return found
    if os.name == "posix" and stat.S_IMODE(database.stat().st_mode) != 0o600:
        found.append(f"the base has the mode {stat.S_IMODE(database.stat().st_mode):o}")
    connection = apsw.Connection(str(database))
    try:
        rows = connection.execute
        for (verdict,) in rows("PRAGMA integrity_check").fetchall():
            if verdict != "ok":
                found.append(f"integrity_check: {verdict}")
        if rows("PRAGMA foreign_key_check").fetchall():
            found.append("foreign_key_check finds rows")
        if rows("PRAGMA journal_mode").fetchall() != [("wal",)]:
            found.append("the base is not in WAL mode")
        keys = {key for (key,) in rows("SELECT key FROM entry")}
        words = {key for (key,) in rows("SELECT id FROM words_docsize")}
        if keys != words:
            found.append(f"{len(keys - words)} entries without words, {len(words - keys)} words without an entry")
        found += _faults_of_spaces(connection)
        found += _faults_of_history(connection)
        try:
            rows("INSERT INTO words (words, rank) VALUES ('integrity-check', 0)")
        except apsw.Error as error:
            found.append(f"the words index: {error}")
    except apsw.Error as error:
        found.append(f"SQLite cannot read it: {error}")
    finally:
        connection.close()
    return found


def _faults_of_history(connection: apsw.Connection) -> list[str]:
    """Versions of nothing that was done, and operations that do not agree on which undid which."""
    rows = connection.execute
    if not rows("SELECT 1 FROM sqlite_schema WHERE name = 'operation'").fetchall():
        return []
    asked = {
        "versions of no operation": "SELECT count(*) FROM version WHERE operation NOT IN (SELECT number FROM operation)",
        "links of no operation": "SELECT count(*) FROM link_version WHERE operation NOT IN (SELECT number FROM operation)",
        "operations undone by none": (
            "SELECT count(*) FROM operation o LEFT JOIN operation u ON u.number = o.undone_by "
            "WHERE o.undone_by IS NOT NULL AND u.undoes IS NOT o.number"
        ),
    }
    counts = {said: rows(sql).fetchall()[0][0] for said, sql in asked.items()}
    return [f"{count} {said}" for said, count in counts.items() if count]


def _faults_of_spaces(connection: apsw.Connection) -> list[str]:
    """Vectors that belong to nothing."""
    rows = connection.execute
    found = []
    for number, dim in rows("SELECT id, dim FROM space").fetchall():
        lost = rows(f"SELECT count(*) FROM vectors_{number:d} WHERE passage_id NOT IN (SELECT id FROM passage)")
        if lost.fetchall() != [(0,)]:
            found.append("vectors without a passage")
        layout, signed = Layout(dim), set()
        for block, bits in rows(f"SELECT block, bits FROM signs_{number:d}"):
            slots = range(layout.rows)
            signed |= {block * layout.rows + slot for slot in slots if layout.sign(bits, slot) is not None}
        if signed != {key for (key,) in rows(f"SELECT passage_id FROM vectors_{number:d}")}:
            found.append("vectors and their signs differ")
        (held,) = rows("SELECT coalesce(sum(held), 0) FROM signing WHERE space_id = ?", (number,)).fetchone()
        if held != len(signed):
            found.append(f"{len(signed)} signs are counted as {held}")
    return found


def faults_of_copies(home: Path, fewest: int) -> list[str]:
    """What is wrong with the copies below a home; one made before a repair is as damaged as the base was.

    Args:
        home: The folder.
        fewest: How many entries each must hold.
    """
    found = []
    for file in sorted(home.rglob("*.db")):
        if file.name == "rekall.db" or file.name.startswith("before-repair"):
            continue
        try:
            connection = apsw.Connection(
                f"file:{file}?immutable=1", flags=apsw.SQLITE_OPEN_READONLY | apsw.SQLITE_OPEN_URI
            )
            verdict = connection.execute("PRAGMA integrity_check").fetchall()
            entries = connection.execute("SELECT count(*) FROM entry").fetchall()[0][0]
            connection.close()
        except apsw.Error as error:
            found.append(f"the copy {file.name} cannot be read: {error}")
            continue
        if verdict != [("ok",)] or entries < fewest:
            found.append(f"the copy {file.name} holds {entries} entries, and SQLite says {verdict}")
    return found


def files_of(home: Path) -> set[str]:
    """The names of all files below a home, but for those SQLite makes and removes itself, and what a synced folder is known by."""
    return {
        str(file.relative_to(home))
        for file in home.rglob("*")
        if file.is_file() and file.name not in ("rekall.db-wal", "rekall.db-shm") and file.parent.name != "ids"
    }


def holds_bytes(home: Path, text: str) -> list[str]:
    """The files below a home in which these bytes stand."""
    data = text.encode()
    return sorted(
        str(file.relative_to(home)) for file in home.rglob("*") if file.is_file() and data in file.read_bytes()
    )
