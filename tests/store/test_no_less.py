"""A repair never ends with less than could be read before it: it is refused, and everything stays as it is."""

from __future__ import annotations

import contextlib
from pathlib import Path

import apsw
import pytest
from support import make_bench
from test_other_layouts import everything, written_as

from rekall.db import Database
from rekall.errors import DatabaseForeign, StorageError
from rekall.store import no_less, page_layout, schema
from rekall.store.as_is import AsItIs
from rekall.store.base_file import SqliteBaseFile
from rekall.store.findings import Level
from rekall.store.row_shapes import shapes_of

WORDS = "words " * 2999 + "end"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Three entries, the first two linked, a fourth deleted."""
    path = tmp_path / "home" / "rekall.db"
    bench = make_bench(path)
    for number in range(4):
        bench.base.add("bug", f"title {number}", content=WORDS, tags=["one"])
    ids = bench.store.entries.ids_in_order()
    bench.base.link(ids[0], ids[1], "related", "because")
    bench.base.delete(ids[3])
    bench.base.close()
    return path


CHANGES = {
    "nothing": ("SELECT 1", ""),
    "an entry": ("DELETE FROM entry WHERE key = 2", "entry 0"),
    "a text that is cut": ("UPDATE entry SET content = substr(content, 1, 400) WHERE key = 2", "what the entry"),
    "a field": ("DELETE FROM item WHERE entry_key = 1", "table item"),
    "a link": ("DELETE FROM link", "table link"),
    "a deleted entry": ("DELETE FROM tombstone", "table tombstone"),
    "what was done": ("UPDATE operation SET client = 'x' WHERE number = 2", "table operation: 2"),
    "an earlier version": ("DELETE FROM version WHERE operation = 4", "table version"),
    "what it said": ("UPDATE version SET state = x'00' WHERE was = 3", "table version"),
    "a link before": ("DELETE FROM link_version", "table link_version: 5"),
    "what is kept of it": ("UPDATE tombstone SET record = '{}'", "table tombstone"),
}


@pytest.mark.parametrize("change", CHANGES)
def test_whatever_is_less_is_named(path, tmp_path, change):
    sql, said = CHANGES[change]
    new = tmp_path / "new.db"
    new.write_bytes(path.read_bytes())
    latest = len(schema.MIGRATIONS)
    with contextlib.closing(AsItIs(path)) as old, contextlib.closing(Database(new)) as db:
        db.run(sql)
        found = no_less.missing(old, db, shapes_of(latest), has_later=False)
    assert bool(found) == bool(said)
    assert all(said in line for line in found[:1])


def test_a_repair_that_would_lose_something_is_refused(path, tmp_path, monkeypatch: pytest.MonkeyPatch):
    other = tmp_path / "other.db"
    written_as(path, other, "reserved 12")
    data = other.read_bytes()
    monkeypatch.setattr(
        page_layout, "usable_bytes", lambda pages: pages.size
    )  # so that it reads every long row wrongly
    with pytest.raises(StorageError, match="would lose what can still be read") as raised:
        SqliteBaseFile(other).mend()
    assert other.read_bytes() == data
    (kept,) = (tmp_path / "backups").iterdir()
    assert kept.read_bytes() == data
    assert str(kept) in raised.value.message
    monkeypatch.undo()
    SqliteBaseFile(other).mend()
    assert everything(other) == everything(path)


@pytest.mark.parametrize("data", [b"a thesis, chapter one\n" * 4000, bytes(range(256)) * 64, bytes(8192), b"x"])
def test_a_file_of_something_else_is_not_replaced_by_an_empty_base(tmp_path, data):
    file = tmp_path / "thesis.txt"
    file.write_bytes(data)
    with pytest.raises(DatabaseForeign, match="nothing of a Rekall database"):
        SqliteBaseFile(file).mend()
    assert file.read_bytes() == data
    assert list((tmp_path / "backups").iterdir()) == []


MISFITS = {
    "of an entry": ("entry", "title = 5, type = NULL, status = NULL, confidence = 'x'"),
    "of an entry, as bytes": (
        "entry",
        "title = CAST(title AS BLOB), type = CAST(type AS BLOB), id = CAST(id AS BLOB), content = CAST(content AS BLOB)",
    ),
    "of a deleted entry": ("tombstone", "title = NULL, deleted_at = NULL"),
    "of a field": ("item", "kind = 7, position = 'x'"),
}


@pytest.mark.parametrize("of", MISFITS)
def test_what_a_row_says_is_kept_though_most_of_it_is_not_as_it_should_be(path, of):
    table, change = MISFITS[of]
    forced(path, table, change)
    SqliteBaseFile(path).mend()
    entries, links, kept = everything(path)
    assert [entry.content for entry in entries.values()] == [WORDS] * 3
    assert len(links) == 1
    assert len(kept) == 1
    assert all(record["entry"]["content"] == WORDS for _, record in kept)
    if table == "item":
        aside = "".join(file.read_text() for file in (path.parent / "backups").glob("*.jsonl"))
        assert aside.count('"one"') == 3


def forced(path: Path, table: str, change: str) -> None:
    """Change every row of a table past the rules of its schema, as flipped bits do."""
    with contextlib.closing(apsw.Connection(str(path))) as db:
        db.execute("PRAGMA ignore_check_constraints = on; PRAGMA writable_schema = on")
        (was,) = db.execute("SELECT sql FROM sqlite_schema WHERE name = ?", (table,)).fetchone()
        loose = was.replace(" STRICT,", "").replace(" STRICT", "").replace(" NOT NULL", "")
        db.execute("UPDATE sqlite_schema SET sql = ? WHERE name = ?", (loose, table))
    with contextlib.closing(apsw.Connection(str(path))) as db:
        db.execute(f"PRAGMA foreign_keys = off; UPDATE {table} SET {change}")
        db.execute("PRAGMA writable_schema = on")
        db.execute("UPDATE sqlite_schema SET sql = ? WHERE name = ?", (was, table))


@pytest.mark.parametrize("key", [(1 << 63) - 1, -7, 0, 1 << 60])
def test_an_entry_of_a_key_out_of_range_gets_another(path, key):
    before = everything(path)
    with contextlib.closing(apsw.Connection(str(path))) as db:
        db.execute("PRAGMA foreign_keys = off")
        for table, column in (
            ("item", "entry_key"),
            ("passage", "entry_key"),
            ("link", "source_key"),
            ("entry", "key"),
        ):
            db.execute(f"UPDATE {table} SET {column} = ? WHERE {column} = 1", (key,))
    base = SqliteBaseFile(path)
    assert base.examine().needs_mending
    base.mend()
    assert [each for each in base.examine().findings if each.level is Level.PROBLEM] == []
    assert everything(path) == before
    bench = make_bench(path)
    bench.base.add("bug", "one more")
    bench.base.close()


def test_a_damaged_reason_of_what_was_set_aside_stops_no_repair(path):
    with contextlib.closing(apsw.Connection(str(path))) as db:
        db.execute("INSERT INTO unembeddable SELECT min(id), 1, 'too long' FROM passage")
    forced(path, "unembeddable", "reason = x'616263'")
    SqliteBaseFile(path).mend()
    assert [each for each in SqliteBaseFile(path).examine().findings if each.level is Level.PROBLEM] == []
