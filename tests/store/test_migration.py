"""A base of an earlier schema is opened by this Rekall: nothing is lost, and links say who superseded whom."""

import contextlib
import re
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support import in_threads, make_bench
from support.depth import tries

from rekall.db import Database
from rekall.entry.fields import Draft, Entry
from rekall.entry.filters import Filters
from rekall.entry.other import OtherField
from rekall.entry.times import written
from rekall.entry.types import EntryType, Link, Status
from rekall.errors import DatabaseTooNew, StorageError
from rekall.search.results import Mode
from rekall.store import schema
from rekall.store.entries import SqliteEntries
from rekall.store.sign_blocks import Layout
from rekall.store.sqlite import SqliteStore, complete
from rekall.store.values import EVERYTHING, Lease, Origin
from rekall.store.words import SqliteWords


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "base" / "rekall.db"


@pytest.fixture
def opened() -> Iterator[Callable[..., Database]]:
    """Opens databases and closes them in the end."""
    made: list[Database] = []

    def make(*arguments: object, **options: object) -> Database:
        made.append(Database(*arguments, **{"migrated": complete, **options}))
        return made[-1]

    yield make
    for one in made:
        one.close()


def shape(db: Database) -> list[tuple]:
    return db.rows("SELECT type, name, tbl_name, sql FROM sqlite_schema ORDER BY type, name")


def contents(db: Database) -> dict[str, list[tuple]]:
    """Every row of every table."""
    tables = db.rows("SELECT name FROM sqlite_schema WHERE type = 'table' AND sql NOT LIKE 'CREATE VIRTUAL%'")
    return {name: sorted(db.rows(f"SELECT * FROM {name}"), key=repr) for (name,) in tables}


KINDS_BEFORE = {"tags": "tag", "error_messages": "error", "files": "file", "keywords": "keyword", "sources": "source"}
CONTEXT_BEFORE = ("situation", "solution", "what_failed")
ENTRY_BEFORE = (
    "key",
    "id",
    "type",
    "title",
    "content",
    "project",
    "status",
    "superseded_by",
    "confidence",
    *CONTEXT_BEFORE,
    "created_at",
    "updated_at",
)
RECORD_BEFORE = """{"entry": {"id": "01HF7YAZVGRQZ1773AHQ3RYWZY", "title": "deleted zebra", "type": "til", "tags": ["x"],
"project": "", "status": "obsolete", "superseded_by": "SUCCESSOR", "confidence": 2,
"created_at": "2026-01-01T00:00:00Z", "updated_at": "2026-01-01T00:00:00Z", "situation": "the situation",
"solution": "the solution", "what_failed": "what failed", "error_messages": ["E1, and", "E2"], "files": ["a.py"],
"keywords": ["key", "word"], "sources": ["https://example.org", "b"], "links": [], "content": "said"},
"links": [["01HF7YAZVGRQZ1773AHQ3RYWZY", "SUCCESSOR", "related", "why"]], "superseded": [], "origin": ORIGIN}"""
"""What a tombstone keeps, as Rekall wrote it then."""
ORIGINS_BEFORE = {2: '["/gone.md", "0A", "0b"]', 3: '["/gone.md", "0A", "0b", "SUCCESSOR"]'}
ORIGINS_BEFORE |= dict.fromkeys(range(4, 11), '["/gone.md", "0A", "0b", "SUCCESSOR", "", ""]')
"""Where what was deleted had been imported from, as the Rekall of each schema wrote it."""
DELETED_BEFORE = "01HF7YAZVGRQZ1773AHQ3RYWZY"


def entry_id(number: int) -> str:
    return f"01{number:024d}"


def insert_before(db: Database, **columns: object) -> None:
    """An entry as the schemas 1 and 2 had it."""
    key = columns["key"]
    values = {
        "id": entry_id(int(str(key))),
        "type": "til",
        "title": f"title {key}",
        "content": "",
        "project": None,
        "status": "active",
        "superseded_by": None,
        "confidence": 2,
        **dict.fromkeys(CONTEXT_BEFORE, ""),
        "created_at": "2026-01-01T00:00:00Z",
        "updated_at": "2026-01-05T00:00:00Z",
        **columns,
    }
    marks = ", ".join("?" * len(ENTRY_BEFORE))
    db.run(f"INSERT INTO entry ({', '.join(ENTRY_BEFORE)}) VALUES ({marks})", [values[name] for name in ENTRY_BEFORE])


def filled_before(path: Path, steps: int) -> dict[str, list[tuple]]:
    """A base of an earlier schema with entries, lists, links, an origin, vectors and words; what it holds."""
    made = make_bench()
    old = Database(path, migrations=schema.MIGRATIONS[:steps])
    try:
        first = made.base.add(Draft(EntryType.BUG, "zebra crossing", "look left", ("a", "b"))).entry
        second = Draft(
            EntryType.TIL,
            "zebra stripes",
            "long zebra tail " * 200,
            project="Zoo",
            superseded_by=first.id,
            situation="in the zoo",
            solution="paint",
            error_messages=("E1, and", "E2"),
            files=("zoo.py",),
            keywords=("horse", "black and white"),
            sources=("https://example.org",),
        )
        made.base.link(first.id, made.base.add(second).entry.id, reason="both zebra")
        now = made.store.db
        (space,) = made.store.vectors.spaces()
        with old.transaction():
            old.run(schema.space_tables(space.id, steps))
            for key, entry in made.store.entries.stream():
                SqliteWords(old).put(key, entry)
                if steps > 2:
                    continue
                columns = {name: getattr(entry, name) for name in ENTRY_BEFORE if name != "key"}
                columns |= {"type": entry.type.value, "status": entry.status.value}
                columns |= {"created_at": written(entry.created_at), "updated_at": written(entry.updated_at)}
                insert_before(old, key=key, **columns)
                for name, kind in KINDS_BEFORE.items():
                    texts = enumerate(getattr(entry, name))
                    old.run_many("INSERT INTO item VALUES (?, ?, ?, ?)", [(key, kind, *each) for each in texts])
            as_they_are = ("passage", "space", f"vectors_{space.id}", "link")
            vectors = contents(now)[f"vectors_{space.id}"]
            for name in ("entry", "item", *as_they_are) if steps > 2 else as_they_are:
                width = {"link": 5 if steps < 3 else None, "space": 6 if steps < 5 else None}.get(name)
                rows = [row[:width] for row in contents(now)[name]]
                old.run_many(f"INSERT INTO {name} VALUES ({', '.join('?' * len(rows[0]))})", rows)
            signs = [(row[0], sign_of(row[1])) for row in vectors]
            if steps >= schema.PACKED:
                signs = packed(signs)
                old.run("INSERT INTO signing VALUES (?, ?, 0, NULL)", (space.id, len(vectors)))
            marks = ", ".join("?" * len(signs[0]))
            old.run_many(f"INSERT INTO signs_{space.id} VALUES ({marks})", signs)
            columns = "path, entry_key, source_hash, entry_hash"
            old.run(
                f"INSERT INTO origin ({columns}) SELECT '/a.md', key, x'01', x'02' FROM entry WHERE project = 'Zoo'"
            )
            if steps > 2:
                old.run("UPDATE origin SET successor = ?", (first.id,))
            else:
                old.run("DELETE FROM link WHERE type = 'supersedes'")  # the column alone said it
            if steps > 1:
                record = RECORD_BEFORE.replace("ORIGIN", ORIGINS_BEFORE[steps]).replace("SUCCESSOR", first.id)
                values = (DELETED_BEFORE, "til", "deleted zebra", "2026-01-02T00:00:00Z", record)
                old.run("INSERT INTO tombstone VALUES (?, ?, ?, ?, ?)", values)
        return contents(old)
    finally:
        old.close()
        made.base.close()


def sign_of(vector: bytes) -> bytes:
    """The sign of a vector as it was made before schema 8."""
    return np.packbits(np.frombuffer(vector, dtype=np.float32) > 0, bitorder="little").tobytes()


def packed(signs: list[tuple]) -> list[tuple]:
    """Signs, a row each, as blocks."""
    blocks: dict[int, bytearray] = {}
    for passage_id, sign in signs:
        layout = Layout(8 * len(sign))
        block, slot = divmod(passage_id, layout.rows)
        layout.put(blocks.setdefault(block, bytearray(layout.size_bytes)), slot, sign)
    return [(block, 0, bytes(data)) for block, data in blocks.items()]


def as_now(before: dict[str, list[tuple]], steps: int) -> dict[str, list[tuple]]:
    """What a base of an earlier schema holds when it has this one, said again without SQL."""
    third = before if steps > 2 else as_third(before)
    fourth = third if steps > 3 else {**third, "origin": [(*row, "", "") for row in third["origin"]], "lease": []}
    spaces = fourth["space"] if steps > 4 else [(*row, None) for row in fourth["space"]]
    signs = {}
    if steps < schema.PACKED:
        signs = {"signs_1": packed(before["signs_1"]), "signing": [(1, len(before["signs_1"]), 0, None)]}
    return without_words({**NEW_SINCE, **fourth, "space": spaces, **signs})


NEW_SINCE: dict[str, list[tuple]] = {
    "trace": [],
    "unembeddable": [],
    "centre": [],
    "operation": [],
    "version": [],
    "link_version": [],
    "folder": [],
    "agreed": [],
    "review": [],
    "judged_pair": [],
}
"""Tables that schemas after the fourth brought; they are empty at first."""


def without_words(held: dict[str, list[tuple]]) -> dict[str, list[tuple]]:
    """The same without the words index, which is made anew."""
    return {name: rows for name, rows in held.items() if not name.startswith("words_")}


def as_third(before: dict[str, list[tuple]]) -> dict[str, list[tuple]]:
    """What a base of the schemas 1 and 2 holds when it has the third; the order of links is left out."""
    entries = [dict(zip(ENTRY_BEFORE, row)) for row in before["entry"]]
    keys = {entry["id"]: entry["key"] for entry in entries}
    gone = (*CONTEXT_BEFORE, "superseded_by")
    names = {kind: name for name, kind in KINDS_BEFORE.items()}
    links = {row[:3]: row for row in before["link"]}
    items = [(key, names[kind], place, value) for key, kind, place, value in before["item"]]
    for entry in entries:
        items += [(entry["key"], name, 0, entry[name]) for name in CONTEXT_BEFORE if entry[name]]
        if entry["superseded_by"]:
            ends = (keys[entry["superseded_by"]], entry["key"], "supersedes")
            links.setdefault(ends, (*ends, "", entry["updated_at"]))
    superseded = {target for _, target, kind in links if kind == "supersedes"}
    for entry in entries:
        entry["status"] = "obsolete" if entry["key"] in superseded else entry["status"]
    named = {entry["key"]: entry["superseded_by"] for entry in entries}
    changed = {
        "origin": [(*row, named[row[1]]) for row in before["origin"]],
        "entry": [tuple(value for name, value in entry.items() if name not in gone) for entry in entries],
        "item": items,
        "link": list(links.values()),
        "tombstone": before.get("tombstone", []),
    }
    return {name: sorted(rows, key=repr) for name, rows in {**before, **changed}.items()}


def without_turns(now: dict[str, list[tuple]]) -> dict[str, list[tuple]]:
    """The same without the order that links got, which `successors` tells."""
    return {**now, "link": sorted((row[:5] for row in now["link"]), key=repr)}


def assert_migrated(db: Database, before: dict[str, list[tuple]], steps: int) -> None:
    """Everything that a base of an earlier schema held is there; from the third on with the order of links."""
    now = without_words(contents(db))
    assert (now if steps > 2 else without_turns(now)) == as_now(before, steps)


HELD_BEFORE = {
    1: {"entry": 2, "item": 8, "link": 1, "origin": 1},
    2: {"entry": 2, "item": 8, "link": 1, "origin": 1, "tombstone": 1},
    3: {"entry": 2, "item": 10, "link": 2, "origin": 1, "tombstone": 1},
    4: {"entry": 2, "item": 10, "link": 2, "origin": 1, "tombstone": 1},
    5: {"entry": 2, "item": 10, "link": 2, "origin": 1, "tombstone": 1},
    6: {"entry": 2, "item": 10, "link": 2, "origin": 1, "tombstone": 1},
    7: {"entry": 2, "item": 10, "link": 2, "origin": 1, "tombstone": 1},
    8: {"entry": 2, "item": 10, "link": 2, "origin": 1, "tombstone": 1},
    9: {"entry": 2, "item": 10, "link": 2, "origin": 1, "tombstone": 1},
    10: {"entry": 2, "item": 10, "link": 2, "origin": 1, "tombstone": 1},
}
"""How many rows a base of each earlier schema has, so that none of them is compared with nothing."""

every_step = pytest.mark.parametrize("steps", range(1, len(schema.MIGRATIONS)))


@every_step
def test_a_base_of_an_earlier_schema_keeps_all_it_holds(opened, path, steps):
    before = filled_before(path, steps)
    assert {name: len(before[name]) for name in HELD_BEFORE[steps]} == HELD_BEFORE[steps]
    assert len(before["passage"]) == len(before["vectors_1"]) > 3
    assert len(before["signs_1"]) == (len(before["passage"]) if steps < schema.PACKED else 1)
    db = opened(path)
    assert db.value("PRAGMA user_version") == len(schema.MIGRATIONS)
    assert_migrated(db, before, steps)
    assert [row[2] for row in contents(db)["link"]] == ["related", "supersedes"]
    db.check()
    assert db.rows("PRAGMA foreign_key_check") == []
    assert db.value("PRAGMA foreign_keys") == 1


@every_step
def test_a_base_of_an_earlier_schema_has_the_shape_of_a_new_one(opened, path, tmp_path, steps):
    filled_before(path, steps)
    migrated, fresh = opened(path), opened(tmp_path / "fresh.db")
    fresh.run(schema.space_tables(1))
    assert shape(migrated) == shape(fresh)
    indexes = {row[1] for row in shape(migrated) if row[0] == "index"}
    assert {"entry_by_update", "entry_by_project", "item_by_tag", "link_by_target", "tombstone_by_time"} < indexes
    assert {"origin_by_hash", "origin_by_record", "entry_by_facets", "entry_by_creation", "entry_by_title"} < indexes
    assert "entry_by_successor" not in indexes


@every_step
def test_deleting_from_a_base_of_an_earlier_schema_takes_along_what_belongs_to_an_entry(opened, path, steps):
    filled_before(path, steps)
    db = opened(path)
    entries = SqliteEntries(db)
    for key in entries.keys():  # noqa: SIM118 - this is no dictionary
        entries.delete(key)
    db.run("DELETE FROM signing WHERE held = 0")
    left = {name: len(rows) for name, rows in contents(db).items() if rows and not name.startswith("words")}
    assert left == {"space": 1} | ({"tombstone": 1} if steps > 1 else {})


@every_step
def test_a_base_of_an_earlier_schema_is_searched_and_its_entries_are_deleted_and_restored(path, steps):
    filled_before(path, steps)
    bench = make_bench(path)

    def links() -> set[Link]:
        return {link for key in bench.store.entries.keys(EVERYTHING) for link in bench.store.links.of(key)}

    try:
        for mode in Mode:
            hits = bench.base.search("zebra crossing", Filters(), mode, 10).hits
            assert hits[0].entry.title == "zebra crossing"
            assert bench.base.search("stripes", Filters(project="zoo"), mode, 10).hits[0].entry.title == "zebra stripes"
        (tagged,) = bench.base.list_entries(Filters(tags=("a",)), None).entries
        entry, before = hits[0].entry, links()
        assert tagged == entry
        (other,) = bench.base.list_entries(Filters(project="zoo"), None).entries
        assert (other.status, other.superseded_by) == (Status.OBSOLETE, entry.id)
        bench.base.delete(entry.id)
        assert links() == set()
        assert bench.base.restore(entry.id).entry == entry
        assert links() == before
        assert len(before) == 2
    finally:
        bench.base.close()


@every_step
def test_a_base_of_an_earlier_schema_has_no_spread_yet_and_gets_one_with_its_vectors(path, steps):
    filled_before(path, steps)
    bench = make_bench(path)
    try:
        (space,) = bench.store.vectors.spaces()
        assert space.spread is None
        bench.base.search("zebra crossing", Filters(), Mode.HYBRID, 10)
        for number in range(50):
            bench.base.add(Draft(EntryType.TIL, f"note {number} of {number % 7}"))
        bench.base.index.rebuild_vectors()
        (space,) = bench.store.vectors.spaces()
        assert 0.05 < space.spread < 0.5
        hits = bench.base.search("zebra crossing", Filters(), Mode.HYBRID, 10).hits
        assert hits[0].entry.title == "zebra crossing"
    finally:
        bench.base.close()


@pytest.mark.parametrize("steps", ORIGINS_BEFORE)
def test_what_was_deleted_in_an_earlier_schema_can_be_restored(path, steps):
    filled_before(path, steps)
    bench = make_bench(path)
    try:
        assert bench.store.tombstones.origins() == {"/gone.md": (DELETED_BEFORE, "0A")}
        entry = bench.base.restore(DELETED_BEFORE).entry
        successor = bench.store.entries.by_ids([entry.superseded_by])[entry.superseded_by]
        assert successor.title == "zebra crossing"
        assert (entry.title, entry.content, entry.tags) == ("deleted zebra", "said", ("x",))
        assert entry.status is Status.OBSOLETE
        assert [getattr(entry, name) for name in CONTEXT_BEFORE] == ["the situation", "the solution", "what failed"]
        assert (entry.error_messages, entry.files) == (("E1, and", "E2"), ("a.py",))
        assert (entry.keywords, entry.sources) == (("key", "word"), ("https://example.org", "b"))
        assert entry.other_fields == ()
        key = bench.store.entries.key_of(entry.id)
        named = None if steps < 3 else entry.superseded_by
        assert bench.store.origins.of(key) == Origin("/gone.md", key, b"\x0a", b"\x0b", named)
        links = bench.store.links.of(key)
        assert {(link.type.value, link.reason) for link in links} == {("supersedes", ""), ("related", "why")}
    finally:
        bench.base.close()


@every_step
def test_many_may_migrate_a_base_at_once(opened, path, steps):
    before = filled_before(path, steps)
    problems = in_threads(6, lambda number: SqliteStore(path).close())
    assert problems == []
    assert_migrated(opened(path), before, steps)


@every_step
def test_an_older_rekall_leaves_a_migrated_base_alone(opened, path, steps):
    filled_before(path, steps)
    opened(path).close()
    with pytest.raises(DatabaseTooNew):
        Database(path, migrations=schema.MIGRATIONS[:steps])


@every_step
def test_a_migrated_base_takes_what_only_this_schema_keeps(path, steps):
    filled_before(path, steps)
    bench = make_bench(path)
    try:
        store, (first, second) = bench.store, bench.store.entries.by_keys([1, 2]).values()
        assert store.origins.of(2) == Origin("/a.md", 2, b"\1", b"\2", first.id)
        assert list(store.origins.under("/a.md")) == store.origins.like(b"\1") == [store.origins.of(2)]
        assert store.origins.like(b"?", "") == store.origins.like(b"?", "id 1") == []
        told = Origin("/b.md", 1, b"3", b"4", None, "id 1", '{"title": "x"}')
        kept = (OtherField.of("rating", [4, None]), OtherField.of("rating", "zebra"))
        with store.transaction():
            store.origins.put(told)
            store.entries.update(2, replace(second, other_fields=kept))
        assert store.origins.like(b"?", "id 1") == [store.origins.of(1)] == [told]
        assert [entry.other_fields for entry in store.entries.by_keys([1, 2]).values()] == [(), kept]
        lease = Lease("work", "me", 1, "here", first.updated_at, 2, 3)
        assert store.leases.take(lease)
        assert store.leases.of("work") == lease
    finally:
        bench.base.close()


BROKEN = "INSERT INTO nowhere VALUES (1)"


def statements_of(step: int) -> list[str]:
    """The statements of a step; comments, which may hold a semicolon, are left out."""
    return re.sub("--[^\n]*", "", schema.MIGRATIONS[step]).split(";")


INTERRUPTIONS = [(step, place) for step in (2, 3, 4) for place in range(len(statements_of(step)))]


@pytest.mark.parametrize(("step", "place"), INTERRUPTIONS)
def test_a_migration_that_is_interrupted_anywhere_leaves_the_base_as_it_was(opened, path, step, place):
    before = filled_before(path, step)
    statements = statements_of(step)
    statements.insert(place, BROKEN)
    with pytest.raises(StorageError, match="nowhere"):
        Database(path, migrations=(*schema.MIGRATIONS[:step], ";".join(statements)))
    old = opened(path, migrations=schema.MIGRATIONS[:step])
    assert contents(old) == before
    assert old.value("PRAGMA user_version") == step
    assert old.value("PRAGMA foreign_keys") == 1
    old.check()
    old.close()
    assert_migrated(opened(path), before, step)


def words_held(db: Database) -> list[tuple]:
    """Every term of the words index, with its places."""
    db.run("CREATE VIRTUAL TABLE IF NOT EXISTS temp.held USING fts5vocab (main, words, instance)")
    return db.rows("SELECT term, doc, col, offset FROM temp.held ORDER BY 1, 2, 3, 4")


@pytest.mark.parametrize("steps", range(1, 5))  # the fifth made the index anew
def test_the_words_of_a_base_of_an_earlier_schema_are_indexed_as_those_of_a_new_one(path, steps):
    filled_before(path, steps)
    with contextlib.closing(Database(path, migrations=schema.MIGRATIONS[:steps])) as old:
        old.run("UPDATE entry SET title = 'Straße 🚀 C++ 1.2.3', content = 'ＡＰＩ データ' WHERE key = 1")
    with contextlib.closing(SqliteStore(path)) as store:
        migrated = words_held(store.db)
        assert {"strass", "api", "デー", "zebra"} < {term for term, *_ in migrated}
        with store.transaction():
            store.words.clear()
            for key, entry in store.entries.stream():
                store.words.put(key, entry)
        assert words_held(store.db) == migrated


def test_words_that_could_not_be_indexed_leave_a_base_as_it_was(opened, path, monkeypatch):
    before = filled_before(path, 4)

    def stop(self: SqliteWords, key: int, entry: Entry) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(SqliteWords, "put", stop)
        with pytest.raises(KeyboardInterrupt):
            SqliteStore(path)
    held = contents(opened(path, migrations=schema.MIGRATIONS[:-1]))
    assert {
        name: held[name] for name in ("entry", "item", "link", "origin", "tombstone", "vectors_1")
    }.items() <= before.items()
    with contextlib.closing(SqliteStore(path)) as store:
        assert store.words.count() == 2


def test_stores_that_open_a_base_of_an_earlier_schema_at_once_index_it_once(path):
    filled_before(path, 4)
    assert in_threads(6, lambda number: SqliteStore(path).close()) == []
    with contextlib.closing(SqliteStore(path)) as store:
        assert store.words.count() == 2
        assert len(store.words.search(store.words.terms("zebra", 9), EVERYTHING, 9)) == 2


def test_a_migration_that_is_interrupted_between_two_steps_goes_on_from_there(opened, path):
    before = filled_before(path, 1)
    with pytest.raises(StorageError, match="nowhere"):
        Database(path, migrations=(*schema.MIGRATIONS[:3], BROKEN))
    between = opened(path, migrations=schema.MIGRATIONS[:3], migrated=lambda db: None)
    assert between.value("PRAGMA user_version") == 3
    assert without_turns(contents(between)) == as_third(before)
    between.close()
    assert_migrated(opened(path), before, 1)


# who superseded whom, which the second schema said twice

LINKS = "SELECT source_key, target_key, type, reason, created_at FROM link"
TIMES = [f"2026-01-0{day}T00:00:00Z" for day in range(1, 9)]


def settled_before(
    path: Path, entries: Sequence[tuple[str, int | None]], links: Sequence[tuple[int, int, str, str]]
) -> None:
    """A base of the second schema: entries with status and successor, and links, by key from 1."""
    with contextlib.closing(Database(path, migrations=schema.MIGRATIONS[:2])) as old, old.transaction():
        for key, (status, successor) in enumerate(entries, 1):
            named = None if successor is None else entry_id(successor)
            insert_before(old, key=key, status=status, superseded_by=named)
        for source, target, kind, at in links:
            old.run("INSERT INTO link VALUES (?, ?, ?, ?, ?)", (source, target, kind, f"{source} {kind} {target}", at))


def successors(db: Database) -> dict[int, int | None]:
    """The key of the successor of each entry."""
    found = SqliteEntries(db).by_keys(range(1, 99))
    return {key: None if entry.superseded_by is None else int(entry.superseded_by[2:]) for key, entry in found.items()}


def test_a_successor_without_a_link_gets_one(opened, path):
    settled_before(path, [("active", None), ("obsolete", 1)], [])
    db = opened(path)
    assert db.rows(LINKS) == [(1, 2, "supersedes", "", "2026-01-05T00:00:00Z")]
    assert successors(db) == {1: None, 2: 1}


def test_a_successor_with_its_link_keeps_the_reason_and_the_time(opened, path):
    settled_before(path, [("active", None), ("obsolete", 1)], [(1, 2, "supersedes", TIMES[0])])
    assert opened(path).rows(LINKS) == [(1, 2, "supersedes", "1 supersedes 2", TIMES[0])]


def test_a_link_that_an_obsolete_entry_has_without_a_successor_stays_and_tells_it(opened, path):
    settled_before(path, [("active", None), ("obsolete", None)], [(1, 2, "supersedes", TIMES[0])])
    db = opened(path)
    assert db.rows("SELECT reason FROM link") == [("1 supersedes 2",)]
    assert successors(db) == {1: None, 2: 1}


def test_an_entry_made_active_after_its_link_keeps_its_other_links_alone(opened, path):
    """The shell left the link there when somebody said that the entry holds again."""
    links = [(1, 2, "supersedes", TIMES[0]), (1, 2, "related", TIMES[0]), (2, 1, "contradicts", TIMES[0])]
    settled_before(path, [("active", None), ("active", None)], links)
    db = opened(path)
    kept = db.rows("SELECT source_key, target_key, type FROM link ORDER BY type")
    assert kept == [(2, 1, "contradicts"), (1, 2, "related")]
    assert successors(db) == {1: None, 2: None}
    assert db.rows("SELECT DISTINCT status FROM entry") == [("active",)]


def test_a_link_made_after_an_active_entry_was_changed_supersedes_it(opened, path):
    """An import stored such links without a word to their target."""
    settled_before(path, [("active", None), ("active", None)], [(1, 2, "supersedes", TIMES[6])])
    db = opened(path)
    assert db.rows("SELECT reason FROM link") == [("1 supersedes 2",)]
    assert successors(db) == {1: None, 2: 1}
    assert db.rows("SELECT status FROM entry ORDER BY key") == [("active",), ("obsolete",)]


def test_an_active_entry_with_a_successor_is_obsolete(opened, path):
    """A file may say both; a new import of it would say obsolete."""
    settled_before(path, [("active", None), ("active", 1)], [])
    db = opened(path)
    assert db.rows(LINKS) == [(1, 2, "supersedes", "", "2026-01-05T00:00:00Z")]
    assert successors(db) == {1: None, 2: 1}
    assert db.rows("SELECT status FROM entry ORDER BY key") == [("active",), ("obsolete",)]


def test_an_entry_that_superseded_itself_has_no_successor(opened, path):
    settled_before(path, [("obsolete", 1)], [])
    db = opened(path)
    assert db.rows("SELECT * FROM link") == []
    assert successors(db) == {1: None}


@pytest.mark.parametrize("times", [(0, 2), (1, 1), (7, 7), (7, 2), (0, 7)], ids=str)
@pytest.mark.parametrize("is_linked", [True, False])
@pytest.mark.parametrize("named", [1, 2])
def test_of_several_links_the_one_that_the_column_named_holds(opened, path, named, is_linked, times):
    """As when an entry was superseded by one, by another, and by the first again."""
    there = {source: is_linked or source != named for source in (1, 2)}
    links = [(source, 3, "supersedes", TIMES[time]) for source, time in zip((1, 2), times) if there[source]]
    settled_before(path, [("active", None), ("active", None), ("obsolete", named)], links)
    db = opened(path)
    assert successors(db) == {1: None, 2: None, 3: named}
    reasons = db.rows("SELECT reason FROM link ORDER BY source_key")
    assert reasons == [(f"{source} supersedes 3" if there[source] else "",) for source in (1, 2)]


def test_a_link_at_the_end_of_time_does_not_stop_a_migration(opened, path):
    last = "9999-12-31T23:59:59Z"
    links = [(1, 3, "supersedes", last), (2, 3, "supersedes", last)]
    settled_before(path, [("active", None), ("active", None), ("obsolete", 1)], links)
    assert opened(path).rows("SELECT created_at FROM link") == [(last,), (last,)]


SOME_ENTRIES = st.lists(
    st.tuples(st.sampled_from(["active", "obsolete"]), st.none() | st.integers(0, 4)), min_size=1, max_size=5
)
SOME_LINKS = st.lists(
    st.tuples(
        st.integers(0, 4),
        st.integers(0, 4),
        st.sampled_from(["supersedes", "supersedes", "related"]),
        st.sampled_from(TIMES),
    ),
    max_size=10,
)


@settings(deadline=None, max_examples=tries(60))
@given(entries=SOME_ENTRIES, links=SOME_LINKS)
def test_whatever_a_base_said_of_successors_the_links_say(tmp_path_factory, entries, links):
    path = tmp_path_factory.mktemp("migrated") / "rekall.db"
    count = len(entries)
    entries = [(status, None if named is None else named % count + 1) for status, named in entries]
    said = {(a % count + 1, b % count + 1, kind): at for a, b, kind, at in links if a % count != b % count}
    settled_before(path, entries, [(*ends, at) for ends, at in said.items()])
    with contextlib.closing(Database(path)) as db:
        found, stored = successors(db), {row[:3]: row[3] for row in db.rows(LINKS)}
        assert db.rows("PRAGMA foreign_key_check") == []
        states = [row[0] for row in db.rows("SELECT status FROM entry ORDER BY key")]
    expected = {ends for ends in said if ends[2] == "related"}
    for key, (status, named) in enumerate(entries, 1):
        named = None if named == key else named
        superseding = {
            source: at for (source, target, kind), at in said.items() if (target, kind) == (key, "supersedes")
        }
        if status == "active" and entries[key - 1][1] is None:  # made active after the link
            superseding = {source: at for source, at in superseding.items() if at >= "2026-01-05T00:00:00Z"}
        successor = max(superseding, key=lambda source: (superseding[source], source), default=None)
        if named is not None:
            superseding[named] = successor = named
        assert found[key] == successor
        assert states[key - 1] == ("obsolete" if superseding else status)
        expected |= {(source, key, "supersedes") for source in superseding}
    assert set(stored) == expected
    assert all(stored[ends] == f"{ends[0]} {ends[2]} {ends[1]}" for ends in expected & set(said))


def test_a_large_base_migrates_quickly(opened, path):
    count = 5_000
    with contextlib.closing(Database(path, migrations=schema.MIGRATIONS[:2])) as old, old.transaction():
        old.run(
            """
            WITH RECURSIVE n (key) AS (SELECT 1 UNION ALL SELECT key + 1 FROM n WHERE key < ?1)
            INSERT INTO entry SELECT key, printf('01%024d', key), 'bug', 'title ' || key, printf('%.*c', 2000, 'x'), 'p',
                iif(key % 2, 'active', 'obsolete'), iif(key % 2, NULL, printf('01%024d', key - 1)), 2,
                'situation', 'solution', 'what failed', '2026-01-01T00:00:00Z', '2026-01-01T00:00:00Z' FROM n
            """,
            (count,),
        )
        for kind in KINDS_BEFORE.values():
            old.run("INSERT INTO item SELECT key, ?1, 0, ?1 || key FROM entry", (kind,))
        old.run(
            "INSERT INTO link SELECT key, key + 3, iif(key % 2, 'contradicts', 'related'), '', updated_at FROM entry "
            "WHERE key + 3 <= ?",
            (count,),
        )
        old.run("INSERT INTO passage SELECT key, key, 0, x'00' FROM entry")
    began = time.process_time()  # what others do on the machine does not count
    db = opened(path)
    took = time.process_time() - began
    counted = {name: db.value(f"SELECT count(*) FROM {name}") for name in ("entry", "item", "passage")}
    assert counted == {"entry": count, "item": 8 * count, "passage": count}
    entries = SqliteEntries(db).by_keys(range(1, count + 1))
    assert all(entry.superseded_by == (None if key % 2 else entry_id(key - 1)) for key, entry in entries.items())
    assert took < 10
