"""A repair never ends with less than could be read before it: it is refused, and everything stays as it is."""

from __future__ import annotations

import contextlib
from pathlib import Path

import pytest
from support import make_bench
from test_other_layouts import everything, written_as

from rekall.db import Database
from rekall.errors import DatabaseForeign, StorageError
from rekall.store import no_less, page_layout, schema
from rekall.store.as_is import AsItIs
from rekall.store.base_file import SqliteBaseFile
from rekall.store.row_shapes import shapes_of


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Three entries, the first two linked, a fourth deleted."""
    path = tmp_path / "home" / "rekall.db"
    bench = make_bench(path)
    for number in range(4):
        bench.base.add("bug", f"title {number}", content="words " * 3000, tags=["one"])
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
