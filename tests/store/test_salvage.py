"""What is left of a base is found without SQLite: after any damage, in any schema, in file and log."""

from __future__ import annotations

import contextlib
import json
import random
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import apsw
import pytest
from support import make_bench
from support.damage import Specimen, entries_of
from support.depth import some, tries

from rekall.db import Database
from rekall.entry.types import EntryType, Status
from rekall.errors import DatabaseForeign, DatabaseTooNew
from rekall.store import schema
from rekall.store.base_file import SqliteBaseFile
from rekall.store.findings import Finding, Level
from rekall.store.log_frames import LogFrames
from rekall.store.pages import Pages
from rekall.store.salvage import Salvage
from rekall.store.sqlite import SqliteStore

SEEDS = tries(40, 21)
"""Each kind of damage three times, and six times in a deep run; `make faults` damages bases by the hundred."""


def problems(path: Path) -> list[Finding]:
    return [each for each in SqliteBaseFile(path).examine().findings if each.level is Level.PROBLEM]


@pytest.fixture(scope="module")
def specimen(tmp_path_factory: pytest.TempPathFactory) -> Specimen:
    """Some 30 entries; every ninth is short, the others fill up to a dozen pages."""
    path = tmp_path_factory.mktemp("specimen") / "rekall.db"
    bench = make_bench(path)
    for number in range(30):
        bench.base.add(
            "bug",
            f"title {number}",
            content="".join(f"word{number} line {line} ünï\n" for line in range(110 * (number % 9))),
            situation=f"situation {number} " * (60 * number),
            error_messages=[f"E{number}: {number * 7919}"],
            tags=["all", f"tag{number}"],
            project="mine",
        )
    ids = bench.store.entries.ids_in_order()
    for one, other in zip(ids[:10], ids[10:20]):
        bench.base.link(one, other, "related", f"because of {one}")
    for entry_id in ids[-3:]:
        bench.base.delete(entry_id)
    bench.base.close()
    return Specimen.of(path)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    folder = tmp_path / "base"
    folder.mkdir()
    return folder / "rekall.db"


@pytest.mark.parametrize("seed", range(SEEDS))
def test_whatever_was_hit_the_rest_is_there_unchanged(specimen, path, seed):
    kind, data, spared = specimen.damaged(seed)
    path.write_bytes(data)
    base = SqliteBaseFile(path)
    found = base.examine()
    if found.needs_mending:
        base.mend()
    else:
        assert [each for each in found.findings if each.level is Level.PROBLEM] == []
    found = base.examine()
    assert [each for each in found.findings if each.level is Level.PROBLEM] == []
    assert not found.needs_mending
    after = entries_of(path)
    assert {entry_id: after.get(entry_id) for entry_id in spared} == {
        entry_id: specimen.entries[entry_id] for entry_id in spared
    }, kind


def test_what_is_mended_is_what_is_left_without_its_head(specimen, path):
    path.write_bytes(bytes(4096) + specimen.data[4096:])
    mended = SqliteBaseFile(path).mend()
    assert entries_of(path) == specimen.entries
    assert mended.copy.read_bytes()[4096:] == specimen.data[4096:]
    assert mended.entries == len(specimen.entries)


def test_deleted_entries_do_not_come_back(specimen, path):
    path.write_bytes(bytes(100) + specimen.data[100:])
    SqliteBaseFile(path).mend()
    with contextlib.closing(SqliteStore(path)) as store:
        assert len(store.tombstones.latest(9)) == 3
        assert store.entries.count() == 27


def test_links_tombstones_and_vectors_survive(specimen, path):
    path.write_bytes(specimen.data)
    with contextlib.closing(SqliteStore(path)) as store:
        before = [store.db.rows(f"SELECT * FROM {table} ORDER BY 1, 2") for table in ("link", "tombstone", "vectors_1")]
        store.db.run("UPDATE entry SET confidence = 9 WHERE key = 1")
    assert [each.topic for each in problems(path)] == ["entries"]
    SqliteBaseFile(path).mend()
    with contextlib.closing(SqliteStore(path)) as store:
        after = [store.db.rows(f"SELECT * FROM {table} ORDER BY 1, 2") for table in ("link", "tombstone", "vectors_1")]
    assert after == before


@pytest.mark.parametrize("is_found_by_shape", [False, True])
def test_the_history_survives_and_leads_back(path, is_found_by_shape):
    bench = make_bench(path)
    first, second, third = (bench.base.add("bug", f"title {n}", content=f"words {n}\n" * 400).entry for n in range(3))
    bench.base.change(first.id, content="other words\n" + first.content)
    bench.base.link(first.id, second.id, "supersedes", "because")
    bench.base.delete(third.id)
    bench.base.past.undo()
    said = {each: [state.said for state in bench.base.past.states(each)] for each in (first.id, second.id, third.id)}
    operations = bench.base.past.operations(99)
    bench.base.close()
    data = path.read_bytes()
    if is_found_by_shape:
        path.write_bytes(bytes(4096) + data[4096:])
    else:
        with contextlib.closing(SqliteStore(path)) as store:
            store.db.run("UPDATE entry SET confidence = 9 WHERE key = 2")
    SqliteBaseFile(path).mend()
    bench = make_bench(path)
    if not is_found_by_shape:
        bench.store.db.run("UPDATE entry SET confidence = ? WHERE key = 2", (second.confidence,))
    assert bench.base.past.operations(99) == operations
    assert {each: [state.said for state in bench.base.past.states(each)] for each in said} == said
    for _ in range(5):  # all of it but the deletion, which is undone
        bench.base.past.undo()
    assert bench.base.count() == 0
    bench.base.close()


_ULID = "01JB{:022d}"
KEPT_BESIDE = {
    "review": [
        (key, None if key == 5 else "2026-05-01T00:00:00Z", "2026-01-01T00:00:00Z", key, '{"stability": 30.5}')
        for key in range(2, 20)
    ],
    "folder": [(key, _ULID.format(key), "/notes", '{"git": true}', None) for key in (1, 2)],
    "agreed": [
        (1, _ULID.format(key), f"a note {key}.md", "512 1764230000", "9f" * 32, b"\x28\xb5said") for key in range(40)
    ],
    "judged_pair": [
        (_ULID.format(key), _ULID.format(key + 50), "fine", "2026-01-01T00:00:00.000Z") for key in range(40)
    ],
}


@pytest.mark.parametrize("table", KEPT_BESIDE)
@pytest.mark.parametrize("is_found_by_shape", [False, True])
def test_what_is_kept_of_reviews_folders_and_pairs_survives(specimen, path, table, is_found_by_shape):
    path.write_bytes(specimen.data)
    rows = KEPT_BESIDE[table]
    with contextlib.closing(SqliteStore(path)) as store:
        if table == "agreed":
            store.db.run_many("INSERT INTO folder VALUES (?, ?, ?, ?, ?)", KEPT_BESIDE["folder"])
        store.db.run_many(f"INSERT INTO {table} VALUES ({', '.join('?' * len(rows[0]))})", rows)
        store.db.run("UPDATE entry SET confidence = 9 WHERE key = 1")
        (root,) = store.db.rows("SELECT rootpage FROM sqlite_schema WHERE name = ?", (table,))[0]
    if is_found_by_shape:  # where the table begins is not known any more
        damage(path, f"PRAGMA writable_schema = 1; UPDATE sqlite_schema SET rootpage = 9999 WHERE rootpage = {root}")
    SqliteBaseFile(path).mend()
    with contextlib.closing(SqliteStore(path)) as store:
        assert store.db.rows(f"SELECT * FROM {table} ORDER BY 1, 2") == rows
    assert problems(path) == []


# rows

DAMAGES = {
    "not UTF-8": ("UPDATE entry SET content = CAST(x'61ff62' AS TEXT) WHERE key = 2", {"content": "a\ufffdb"}),
    "status": ("UPDATE entry SET status = 'weird' WHERE key = 2", {"status": Status.ACTIVE}),
    "type": ("UPDATE entry SET type = 'gotcha' WHERE key = 2", {"type": EntryType.TIL}),
    "time": ("UPDATE entry SET created_at = 'yesterday' WHERE key = 2", {}),
    "time without zone": ("UPDATE entry SET updated_at = '2026-01-01' WHERE key = 2", {}),
    "number": ("UPDATE entry SET confidence = -7 WHERE key = 2", {"confidence": 2}),
    "title": ("UPDATE entry SET title = '' WHERE key = 2", {"title": "content of 2"}),
    "tag": (
        "UPDATE item SET value = CAST(x'74ff' AS TEXT) WHERE entry_key = 2 AND kind = 'tags'",
        {"tags": ("t\ufffd",)},
    ),
}


@pytest.fixture
def small(path: Path) -> Path:
    bench = make_bench(path)
    for number in range(1, 4):
        bench.base.add("bug", f"title {number}", content=f"content of {number}", tags=[f"t{number}"])
    bench.base.close()
    return path


def damage(path: Path, sql: str) -> None:
    connection = apsw.Connection(str(path))
    connection.execute(f"PRAGMA ignore_check_constraints = 1; PRAGMA foreign_keys = 0; {sql}")
    connection.close()


@pytest.mark.parametrize("name", DAMAGES)
def test_a_damaged_entry_is_kept_with_what_is_known_of_it(small, name):
    sql, expected = DAMAGES[name]
    before = entries_of(small)
    damage(small, sql)
    (problem, *_) = problems(small)
    assert problem.topic in ("entries", "fields")
    assert problem.details
    mended = SqliteBaseFile(small).mend()
    after = entries_of(small)
    second = sorted(before)[1]
    assert {key: entry for key, entry in after.items() if key != second} == {
        key: entry for key, entry in before.items() if key != second
    }
    assert {field: getattr(after[second], field) for field in expected} == expected
    assert mended.changed_count == 1
    assert second in mended.changed[0]
    assert mended.set_aside is not None
    (line,) = map(json.loads, mended.set_aside.read_text("utf-8").splitlines())
    assert line["base64"]
    assert line["why"]
    assert problems(small) == []


@pytest.mark.parametrize(
    ("sql", "topic"),
    [
        (
            "INSERT INTO tombstone VALUES ('01ARZ3NDEKTSV4RRFFQ69G5FAV', 'bug', 't', '2026-01-01T00:00:00Z', '{')",
            "deleted",
        ),
        (
            "INSERT INTO tombstone VALUES ('01ARZ3NDEKTSV4RRFFQ69G5FAV', 'bug', 't', '2026-01-01T00:00:00Z', '[]')",
            "deleted",
        ),
        ("INSERT INTO link VALUES (1, 2, 'likes', '', '2026-01-01T00:00:00Z', 0)", "links"),
        ("INSERT INTO link VALUES (1, 99, 'related', '', '2026-01-01T00:00:00Z', 0)", "references"),
        ("INSERT INTO item VALUES (99, 'tags', 0, 'x')", "references"),
        ("INSERT INTO origin VALUES ('/a', 1, x'00', x'00', NULL, '', '')", "origins"),
        ("INSERT INTO origin VALUES ('/a', 1, zeroblob(16), zeroblob(16), NULL, '', '{}')", "origins"),
        ("INSERT INTO lease VALUES ('a', 'b', 1, 'h', 'never', 0, 0)", "leases"),
        ("INSERT INTO review VALUES (1, 'soon', NULL, 1, '{}')", "reviews"),
        ("INSERT INTO review VALUES (1, NULL, 'once', 1, '{}')", "reviews"),
        ("INSERT INTO review VALUES (99, NULL, NULL, 1, '{}')", "references"),
        ("UPDATE space SET dim = 7", "vectors"),
        ("UPDATE space SET active = 5", "spaces"),
        ("UPDATE space SET spread = -1.0", "spaces"),
        ("DELETE FROM signs_1", "vectors"),
        ("UPDATE signs_1 SET bits = zeroblob(length(bits))", "vectors"),
        ("UPDATE signs_1 SET centre = 3", "vectors"),
        ("UPDATE signing SET held = held + 1", "vectors"),
        ("INSERT INTO centre VALUES (1, 1, x'0000c07f')", "centre"),
        ("INSERT INTO centre VALUES (9, 1, x'00000000')", "references"),
        ("UPDATE vectors_1 SET vector = x'00' WHERE passage_id = 1", "vectors"),
        ("DELETE FROM space", "vectors"),
        ("DELETE FROM words WHERE rowid = 2", "words"),
        ("INSERT INTO words (rowid, title) VALUES (77, 'x')", "words"),
        ("DELETE FROM passage WHERE entry_key = 2", "references"),
        ("UPDATE passage SET text_hash = x'00' WHERE entry_key = 2", "passages"),
        ("UPDATE entry SET content = 'changed by somebody' WHERE key = 2", "passages"),
        ("CREATE TRIGGER t AFTER INSERT ON entry BEGIN DELETE FROM entry; END", "schema"),
        ("CREATE VIEW v AS SELECT 1", "schema"),
        ("PRAGMA user_version = -1", "schema"),
        ("PRAGMA user_version = 3", "schema"),
        ("PRAGMA user_version = 262", "schema"),
        ("PRAGMA application_id = 7", "schema"),
        ("DROP INDEX entry_by_update", "schema"),
        ("DROP TABLE lease", "schema"),
    ],
)
def test_what_is_wrong_is_found_and_mended_and_no_entry_changes(small, sql, topic):
    before = entries_of(small)
    damage(small, sql)
    found = problems(small)
    assert topic in [each.topic for each in found]
    assert all("check --repair" in each.hint for each in found)
    SqliteBaseFile(small).mend()
    assert problems(small) == []
    after = entries_of(small)
    if "changed by somebody" in sql:
        assert after.pop(sorted(after)[1]).content == "changed by somebody"
        before.pop(sorted(before)[1])
    assert after == before


def test_a_wrong_number_of_dimensions_costs_no_vector(small):
    damage(small, "UPDATE space SET dim = 7")
    SqliteBaseFile(small).mend()
    with contextlib.closing(SqliteStore(small)) as store:
        space = store.vectors.active_space()
        assert space is not None
        assert space.dim != 7
        assert len(store.vectors.index(space)) == 3


def test_fields_whose_entry_is_lost_become_an_entry_of_their_own(small):
    damage(small, "INSERT INTO item VALUES (2, 'solution', 0, 'what helped'); DELETE FROM entry WHERE key = 2")
    before = entries_of(small)
    SqliteBaseFile(small).mend()
    after = entries_of(small)
    (kept,) = [entry for entry_id, entry in after.items() if entry_id not in before]
    assert (kept.solution, kept.tags, kept.type) == ("what helped", ("t2",), EntryType.TIL)


def test_an_entry_whose_values_cannot_be_told_apart_keeps_its_text(specimen, path):
    """The head of its record is broken; everything behind is there."""
    key = 4
    with contextlib.closing(SqliteStore(path)):
        pass
    data = bytearray(specimen.data)
    entry_id = sorted(specimen.entries)[key - 1]
    at = data.index(entry_id.encode() + b"bugtitle 3")
    data[at - 9] |= 0x7F  # a length that cannot be
    path.write_bytes(data)
    mended = SqliteBaseFile(path).mend()
    after = entries_of(path)
    assert after[entry_id].title == "(title lost)"
    assert "title 3" in after[entry_id].content
    assert after[entry_id].tags == specimen.entries[entry_id].tags
    assert any(entry_id in line for line in mended.changed)
    del after[entry_id]
    assert after == {each: entry for each, entry in specimen.entries.items() if each != entry_id}


def test_what_another_program_keeps_in_the_file_is_set_aside(small):
    damage(small, "CREATE TABLE theirs (a, b); INSERT INTO theirs VALUES (1, 'two'); PRAGMA user_version = -1")
    mended = SqliteBaseFile(small).mend()
    assert mended.set_aside is not None
    lines = list(map(json.loads, mended.set_aside.read_text("utf-8").splitlines()))
    assert [(line["table"], line["values"]) for line in lines] == [("theirs", [1, "two"])]


def test_a_base_of_somebody_else_is_left_alone(path):
    connection = apsw.Connection(str(path))
    connection.execute("CREATE TABLE notes (text); INSERT INTO notes VALUES ('x')")
    connection.close()
    before = path.read_bytes()
    assert not SqliteBaseFile(path).examine().needs_mending
    with pytest.raises(DatabaseForeign):
        SqliteBaseFile(path).mend()
    assert path.read_bytes() == before


def test_a_base_of_a_later_rekall_is_left_alone(path):
    later = "CREATE TABLE novelty (key INTEGER PRIMARY KEY) STRICT"
    Database(path, migrations=(*schema.MIGRATIONS, later)).close()
    before = path.read_bytes()
    (problem,) = problems(path)
    assert "newer" in problem.text
    assert "check --repair" not in problem.hint
    with pytest.raises(DatabaseTooNew):
        SqliteBaseFile(path).mend()
    assert path.read_bytes() == before


@pytest.mark.parametrize("change", ["a term", "an entry", "a place"])
def test_words_that_are_not_those_of_their_entries_are_found(small, change):
    """SQLite keeps no texts beside this index, so it cannot see that."""
    with contextlib.closing(SqliteStore(small)) as store, store.transaction():
        entry = store.entries.by_keys([2])[2]
        other = {"a term": "contentious of 2", "an entry": "content of 3", "a place": "of content 2"}[change]
        store.words.put(2, replace(entry, content=other))
    assert [each.topic for each in problems(small)] == ["words"]
    SqliteBaseFile(small).mend()
    assert problems(small) == []


def test_an_index_in_which_much_was_changed_and_deleted_is_as_it_should_be(path):
    bench = make_bench(path)
    for number in range(40):
        entry = bench.base.add("bug", f"title {number}", content=f"content of {number} " * 30).entry
        if number % 3 == 0:
            bench.base.change(entry.id, content=f"changed {number}")
        if number % 4 == 0:
            bench.base.delete(entry.id)
    bench.base.close()
    assert problems(path) == []


# older schemas


def old_base(path: Path, version: int) -> None:
    """Two entries, a tag each, as that schema kept them."""
    with contextlib.closing(Database(path, migrations=schema.MIGRATIONS[:version])) as db, db.transaction():
        for key in (1, 2):
            columns = {
                "key": key,
                "id": f"01{key:024d}",
                "type": "bug",
                "title": f"title {key}",
                "content": f"content {key}\n" * 900 * key,
                "status": "active",
                "confidence": 3,
                "created_at": "2026-01-01T00:00:00Z",
                "updated_at": "2026-01-02T00:00:00Z",
            }
            if version < 3:
                columns |= {"situation": f"situation {key}", "solution": "", "what_failed": ""}
            names = ", ".join(columns)
            db.run(f"INSERT INTO entry ({names}) VALUES ({', '.join('?' * len(columns))})", tuple(columns.values()))
            db.run("INSERT INTO item VALUES (?, ?, 0, ?)", (key, "tag" if version < 3 else "tags", f"tag {key}"))


@pytest.mark.parametrize("version", range(1, len(schema.MIGRATIONS)))
@pytest.mark.parametrize("hit", ["nothing", "head", "first page", "status"])
def test_a_base_of_any_schema_is_mended_and_brought_up_to_date(tmp_path, path, version, hit):
    old_base(path, version)
    shutil.copy(path, tmp_path / "same.db")
    expected = entries_of(tmp_path / "same.db")
    data = bytearray(path.read_bytes())
    if hit == "head":
        data[:100] = bytes(100)
    elif hit == "first page":
        data[: schema.PAGE_BYTES] = bytes(schema.PAGE_BYTES)
    path.write_bytes(data)
    if hit == "status":
        damage(path, "UPDATE entry SET status = 'weird'")
    assert bool(problems(path)) == (hit != "nothing")
    SqliteBaseFile(path).mend()
    assert problems(path) == []
    assert entries_of(path) == expected


# the log


@pytest.fixture
def logged(tmp_path: Path, path: Path) -> Iterator[Path]:
    """A base whose entries stand in its log; a copy, for the base itself is open."""
    live = tmp_path / "live.db"
    bench = make_bench(live)
    for number in range(6):
        bench.base.add("bug", f"title {number}", content=f"content {number}")
    for end in ("", "-wal"):
        shutil.copy(f"{live}{end}", f"{path}{end}")
    bench.base.close()
    return path


def test_the_log_is_laid_over_the_file(logged):
    with Pages(logged, Path(f"{logged}-wal")) as pages:
        rows = list(Salvage(pages).rows())
        assert sum(row.table == "entry" for row in rows) == 6
    with Pages(logged) as pages:
        assert sum(row.table == "entry" for row in Salvage(pages).rows()) < 6


def test_damage_in_the_middle_of_the_log_costs_only_what_was_hit(logged):
    log = Path(f"{logged}-wal")
    data = bytearray(log.read_bytes())
    commits = [at for at in range(32, len(data), 24 + schema.PAGE_BYTES) if any(data[at + 4 : at + 8])]
    data[commits[-3] + 24 + 4000] ^= 1
    log.write_bytes(data)
    (problem,) = [each for each in problems(logged) if each.topic == "log"]
    assert "2 of the latest changes" in problem.text
    SqliteBaseFile(logged).mend()
    assert problems(logged) == []
    assert len(entries_of(logged)) >= 5


LOG_DAMAGES = ("flip", "flips", "zeroed", "head")


@some(1 / 3)
@pytest.mark.parametrize("seed", range(32))
def test_no_damage_of_the_log_costs_more_than_what_it_hit(logged, seed):
    log, chance, kind = Path(f"{logged}-wal"), random.Random(seed), LOG_DAMAGES[seed % 4]
    data = bytearray(log.read_bytes())
    if kind == "zeroed":
        at = chance.randrange(len(data) // 2)
        data[at : at + schema.PAGE_BYTES] = bytes(schema.PAGE_BYTES)
    else:
        for _ in range(8 if kind == "flips" else 1):
            data[chance.randrange(32 if kind == "head" else len(data) // 2)] ^= 1 << chance.randrange(8)
    log.write_bytes(data)
    assert [each.topic for each in problems(logged) if each.topic == "log"] == ["log"]
    SqliteBaseFile(logged).mend()
    assert problems(logged) == []
    entries = {entry.title: entry.content for entry in entries_of(logged).values()}
    assert {"title 3", "title 4", "title 5"} <= entries.keys()
    assert all(content == f"content {title[6:]}" for title, content in entries.items() if title.startswith("title"))


def test_a_log_that_somebody_writes_to_is_not_taken_for_damaged(tmp_path):
    path, ended = tmp_path / "base.db", threading.Event()
    bench = make_bench(path)
    bench.base.add("bug", "title", content="x " * 3000)

    def write() -> None:
        connection = apsw.Connection(str(path))
        connection.set_busy_timeout(10_000)
        connection.pragma("wal_autocheckpoint", 20)
        while not ended.is_set():
            connection.execute("UPDATE entry SET confidence = (confidence + 1) % 5")
        connection.close()

    thread = threading.Thread(target=write)
    thread.start()
    try:
        for _ in range(30):
            assert [each.topic for each in problems(path)] == []
    finally:
        ended.set()
        thread.join()
        bench.base.close()


def test_a_log_that_ends_in_the_middle_of_a_change_is_as_it_should_be(logged):
    log = Path(f"{logged}-wal")
    log.write_bytes(log.read_bytes()[:-100])
    assert LogFrames(log.read_bytes()).damage == 0
    assert problems(logged) == []


def test_what_an_undone_change_left_in_the_log_is_no_damage(tmp_path):
    path = tmp_path / "base.db"
    connection = apsw.Connection(str(path))
    connection.pragma("journal_mode", "wal")
    connection.pragma("cache_size", 2)
    connection.execute("CREATE TABLE t (x); INSERT INTO t VALUES (1)")
    connection.execute("BEGIN")
    for _ in range(60):
        connection.execute("INSERT INTO t VALUES (randomblob(3000))")
    connection.execute("ROLLBACK; INSERT INTO t VALUES (2)")
    assert LogFrames(Path(f"{path}-wal").read_bytes()).damage == 0
    connection.close()


# interruption


@some(1 / 2)
@pytest.mark.parametrize("hit", [100, 1])
def test_a_repair_that_is_killed_leaves_the_base_before_or_after(specimen, tmp_path, hit):
    """With its first bytes gone the file itself is replaced; with one flipped byte it is written by SQLite."""
    data = bytearray(specimen.data)
    data[:100] = bytes(100) if hit == 100 else data[:100]
    if hit == 1:
        data[63] ^= 0x80  # the number of the schema
    program = (
        "import sys; from pathlib import Path; from rekall.store.base_file import SqliteBaseFile; print('on', flush=True); "
        "SqliteBaseFile(Path(sys.argv[1])).mend(); print('done', flush=True)"
    )
    outcomes = set()
    for step in range(8):
        folder = tmp_path / f"{hit}-{step}"
        folder.mkdir()
        path = folder / "rekall.db"
        path.write_bytes(data)
        process = subprocess.Popen([sys.executable, "-c", program, str(path)], stdout=subprocess.PIPE)
        assert process.stdout is not None
        assert process.stdout.readline()
        time.sleep(0.12 * step)
        process.kill()
        process.wait()
        process.stdout.close()
        outcomes.add(not problems(path))
        if problems(path):
            SqliteBaseFile(path).mend()
        assert entries_of(path) == specimen.entries
        assert problems(path) == []
    assert False in outcomes


def test_entries_of_which_nothing_is_left_are_named(specimen, path):
    gone = min(specimen.pages, key=lambda entry_id: len(specimen.pages[entry_id]))
    data = bytearray(specimen.data)
    for page in specimen.pages[gone]:
        data[(page - 1) * specimen.page_bytes : page * specimen.page_bytes] = bytes(specimen.page_bytes)
    path.write_bytes(data)
    mended = SqliteBaseFile(path).mend()
    assert gone in mended.lost
    assert not set(mended.lost) & set(entries_of(path))


def test_rows_that_all_lead_through_the_whole_file_take_no_time(tmp_path):
    """Each of two thousand rows claims to go on through every page that follows."""
    size, leaves, chained = 4096, 250, 2000
    total = 489 + (size - 4) * chained
    row = bytes([0x80 | total >> 21, 0x80 | total >> 14 & 0x7F, 0x80 | total >> 7 & 0x7F, total & 0x7F, 1])
    row += b"\x02" + b"\x01" * 488 + (leaves + 2).to_bytes(4, "big")
    leaf = bytearray(size)
    places = range(100, size - len(row), len(row))
    leaf[0:8] = b"\x0d\0\0" + len(places).to_bytes(2, "big") + (100).to_bytes(2, "big") + b"\0"
    for number, place in enumerate(places):
        leaf[8 + 2 * number : 10 + 2 * number] = place.to_bytes(2, "big")
        leaf[place : place + len(row)] = row
    head = bytearray(size)
    head[:18] = b"SQLite format 3\0" + size.to_bytes(2, "big")
    chain = [(leaves + 3 + number).to_bytes(4, "big") + b"\x01" * (size - 4) for number in range(chained)]
    path = tmp_path / "bomb.db"
    path.write_bytes(bytes(head) + bytes(leaf) * leaves + b"".join(chain))
    with Pages(path) as pages:
        cells = [cell for page in range(2, leaves + 2) for cell in pages.cells(page)]
        read = sum(len(cell.raw) for cell in cells)
    assert len(cells) == leaves * len(places)
    assert max(len(cell.raw) for cell in cells) > size * chained * 0.9
    assert read <= 10 * path.stat().st_size


def test_repair_needs_no_program_from_outside(specimen, path, monkeypatch: pytest.MonkeyPatch):
    path.write_bytes(bytes(100) + specimen.data[100:])
    monkeypatch.setenv("PATH", "")
    run: Callable[[], object] = SqliteBaseFile(path).mend
    assert run()
    assert entries_of(path) == specimen.entries
