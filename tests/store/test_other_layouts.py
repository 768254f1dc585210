"""What SQLite's format lets vary costs nothing: bytes left free in pages, encodings, sizes, pages that say where others are."""

from __future__ import annotations

import contextlib
import ctypes
import random
from collections.abc import Iterator
from pathlib import Path

import apsw
import pytest
from support import make_bench
from support.bases import all_links
from support.damage import entries_of
from support.depth import some
from support.holding import LOCKED, held_at_replacing
from support.systems import linux_alone

from rekall.errors import DatabaseCorrupt
from rekall.store.base_file import SqliteBaseFile
from rekall.store.findings import Level
from rekall.store.sqlite import SqliteStore
from rekall.store.watch import Watch

LONG = " ".join(f"word{number * 7919 % 9973} ünï 漢字 🎉" for number in range(2500))

RESERVED = (1, 8, 12, 32, 255)
ENCODINGS = ("UTF-16le", "UTF-16be")
SETTINGS = {
    "512": "PRAGMA page_size = 512",
    "1024": "PRAGMA page_size = 1024",
    "8192": "PRAGMA page_size = 8192",
    "65536": "PRAGMA page_size = 65536",
    "auto_vacuum": "PRAGMA auto_vacuum = full",
    "incremental": "PRAGMA auto_vacuum = incremental",
}
LAYOUTS = [*(f"reserved {count}" for count in RESERVED), *ENCODINGS, *SETTINGS, "512, reserved 32", "old format"]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Entries of every length, some linked, some deleted."""
    path = tmp_path_factory.mktemp("made") / "rekall.db"
    bench = make_bench(path)
    for number in range(14):
        bench.base.add(
            "bug",
            f"title {number} 漢字",
            content=LONG[: 37 * number**3],
            situation=LONG[: 11 * number**3],
            tags=["all", f"tag{number}"],
        )
    ids = bench.store.entries.ids_in_order()
    for one, other in zip(ids[:4], ids[4:8]):
        bench.base.link(one, other, "related", f"because of {one} ünï")
    for entry_id in ids[-3:]:
        bench.base.delete(entry_id)
    bench.base.close()
    return path


def written_as(source: Path, target: Path, layout: str) -> None:
    """The same rows in a file of another layout."""
    with (
        contextlib.closing(apsw.Connection(str(source))) as old,
        contextlib.closing(apsw.Connection(str(target))) as new,
    ):
        if layout in ENCODINGS:
            new.execute(f"PRAGMA encoding = '{layout}'")
            copy_rows(old, new)
            return
        with new.backup("main", old, "main") as backup:
            backup.step()
        new.pragma("journal_mode", "delete")
        if "reserved" in layout:
            count = ctypes.c_int(int(layout.rpartition(" ")[2]))
            new.file_control("main", apsw.SQLITE_FCNTL_RESERVE_BYTES, ctypes.addressof(count))
        if layout == "old format":
            new.config(apsw.SQLITE_DBCONFIG_LEGACY_FILE_FORMAT, 1)
        new.execute(SETTINGS.get(layout.partition(",")[0], ""))
        new.execute("VACUUM")


def copy_rows(old: apsw.Connection, new: apsw.Connection) -> None:
    """Tables and rows, one by one: nothing else changes an encoding."""
    found = "SELECT type, name, sql FROM sqlite_schema WHERE sql IS NOT NULL AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\'"
    parts = [row for row in old.execute(found) if not row[1].startswith("words_")]
    for _, _, sql in parts:
        new.execute(sql)
    for kind, name, _ in parts:
        if kind == "table" and name != "words":
            for row in old.execute(f"SELECT * FROM {name}"):
                new.execute(f"INSERT INTO {name} VALUES ({', '.join('?' * len(row))})", row)
    for name in ("application_id", "user_version"):
        new.pragma(name, old.pragma(name))


def everything(path: Path) -> tuple[object, ...]:
    with contextlib.closing(SqliteStore(path, "numpy")) as store:
        kept = [(each, store.tombstones.record(each.id)) for each in store.tombstones.latest(100)]
        return {entry.id: entry for _, entry in store.entries.stream()}, sorted(map(repr, all_links(store))), kept


@pytest.fixture
def path(tmp_path: Path) -> Iterator[Path]:
    (tmp_path / "base").mkdir()
    return tmp_path / "base" / "rekall.db"


@some(1 / 2)
@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_repair_takes_everything_over_from_any_layout(made, path, layout):
    written_as(made, path, layout)
    with contextlib.closing(apsw.Connection(str(path))) as db:
        db.execute("INSERT INTO link VALUES (1, 2, 'eats', '', '', 0)")
    before = everything(made)
    SqliteBaseFile(path).mend()
    assert [each for each in SqliteBaseFile(path).examine().findings if each.level is Level.PROBLEM] == []
    entries, links, kept = everything(path)
    assert entries == before[0]
    assert [link for link in links if "because" in link] == before[1]
    assert kept == before[2]


@linux_alone("elsewhere no folder says what a process has open")
@pytest.mark.parametrize("layout", ENCODINGS)
def test_a_repair_that_replaces_the_file_has_it_open_no_more(made, path, layout, monkeypatch):
    written_as(made, path, layout)
    held = held_at_replacing(path, monkeypatch)
    SqliteBaseFile(path).mend()
    assert set(held) == {LOCKED}


def test_what_is_written_while_a_file_is_made_that_takes_its_place_is_not_lost(made, path, monkeypatch):
    written_as(made, path, "UTF-16le")
    real, done = SqliteBaseFile._replace, []

    def overtaken(self: SqliteBaseFile, new: Path, watch: Watch) -> bool:
        if not done:
            with contextlib.closing(apsw.Connection(str(path))) as writer:
                writer.execute("UPDATE entry SET project = 'written meanwhile' WHERE key = 2")
        done.append(real(self, new, watch))
        return done[-1]

    monkeypatch.setattr(SqliteBaseFile, "_replace", overtaken)
    SqliteBaseFile(path).mend()
    assert done == [False, True]
    assert "written meanwhile" in {entry.project for entry in entries_of(path).values()}


@pytest.mark.parametrize("layout", [layout for layout in LAYOUTS if layout not in ENCODINGS])
def test_what_sqlite_reads_of_any_layout_is_used_as_it_is(made, path, layout):
    written_as(made, path, layout)
    found = SqliteBaseFile(path).examine()
    assert [each for each in found.findings if each.level is Level.PROBLEM] == []
    assert everything(path) == everything(made)


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_a_base_of_another_encoding_is_refused_and_says_what_mends_it(made, path, encoding):
    written_as(made, path, encoding)
    data = path.read_bytes()
    with pytest.raises(DatabaseCorrupt, match="UTF-16") as raised:
        SqliteStore(path, "numpy")
    assert "rekall check --repair" in raised.value.hint
    assert path.read_bytes() == data
    found = SqliteBaseFile(path).examine()
    assert [each.topic for each in found.findings if each.level is Level.PROBLEM] == ["schema"]
    assert found.needs_mending


HEAD = {
    "a page of another size": (16, b"\x20\x00"),
    "a smaller page": (16, b"\x02\x00"),
    "bytes that are not free": (20, b"\x0c"),
    "most of the page free": (20, b"\xff"),
    "another encoding": (56, b"\0\0\0\2"),
    "no encoding": (56, b"\xff\0\0\x09"),
}


@pytest.mark.parametrize("hit", HEAD)
def test_a_head_that_says_another_layout_is_not_believed(made, path, hit):
    at, new = HEAD[hit]
    data = bytearray(made.read_bytes())
    data[at : at + len(new)] = new
    path.write_bytes(data)
    SqliteBaseFile(path).mend()
    assert everything(path) == everything(made)


@pytest.mark.parametrize("layout", ["reserved 12", "UTF-16le"])
@pytest.mark.parametrize("seed", range(4))
def test_damage_in_any_layout_costs_only_what_it_hit(made, path, layout, seed):
    written_as(made, path, layout)
    data = bytearray(path.read_bytes())
    page = random.Random(seed).randrange(1, len(data) // 4096)
    data[4096 * page : 4096 * page + 4096] = bytes(4096)
    path.write_bytes(data)
    SqliteBaseFile(path).mend()
    before, after = entries_of(made), entries_of(path)
    same = [entry_id for entry_id in before if after.get(entry_id) == before[entry_id]]
    assert len(same) >= len(before) - 6
