"""Bases and archives of the original Rekall: everything in them comes in, and nothing about them changes."""

from __future__ import annotations

import hashlib
import json
import sqlite3
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import closing
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import pytest
from support import CHECKOUT, Bench
from support.systems import WINDOWS, links

from rekall.entry.filters import Filters
from rekall.entry.types import LinkType
from rekall.errors import InvalidInput
from rekall.exchange.dialect import NamedLink, Note, Refused, Source
from rekall.exchange.dialects import original_notes
from rekall.exchange.dialects.original import OriginalRekallArchive, OriginalRekallBase
from rekall.knowledge.import_report import ImportReport
from rekall.knowledge_base import KnowledgeBase

SHARED = CHECKOUT.parent / "shared" / "original"
shared = pytest.mark.skipif(not SHARED.is_dir(), reason="no shared/original beside the checkout")

ENTRIES = """CREATE TABLE entries (id TEXT PRIMARY KEY, title TEXT NOT NULL, content TEXT, type TEXT NOT NULL, project TEXT,
    confidence INTEGER DEFAULT 2, status TEXT DEFAULT 'active', superseded_by TEXT REFERENCES entries(id),
    created_at TEXT NOT NULL, updated_at TEXT NOT NULL)"""
STEPS = {
    0: (
        ENTRIES,
        "CREATE TABLE tags (entry_id TEXT NOT NULL, tag TEXT NOT NULL, PRIMARY KEY (entry_id, tag))",
        "CREATE INDEX idx_entries_type ON entries(type)",
        "CREATE VIRTUAL TABLE entries_fts USING fts5(id UNINDEXED, title, content, tags, tokenize='porter unicode61')",
    ),
    1: (
        "ALTER TABLE entries ADD COLUMN memory_type TEXT DEFAULT 'episodic'",
        "ALTER TABLE entries ADD COLUMN last_accessed TEXT",
        "ALTER TABLE entries ADD COLUMN access_count INTEGER DEFAULT 0",
        "ALTER TABLE entries ADD COLUMN consolidation_score REAL DEFAULT 0.0",
        "ALTER TABLE entries ADD COLUMN next_review TEXT",
        "ALTER TABLE entries ADD COLUMN review_interval INTEGER DEFAULT 1",
        "ALTER TABLE entries ADD COLUMN ease_factor REAL DEFAULT 2.5",
    ),
    2: (
        "CREATE TABLE links (id TEXT PRIMARY KEY, source_id TEXT NOT NULL, target_id TEXT NOT NULL,"
        " relation_type TEXT NOT NULL, created_at TEXT NOT NULL, UNIQUE(source_id, target_id, relation_type))",
    ),
    4: ("ALTER TABLE entries ADD COLUMN context_compressed BLOB",),
    5: ("ALTER TABLE links ADD COLUMN reason TEXT",),
    6: ("ALTER TABLE entries ADD COLUMN context_structured TEXT",),
    7: (
        "ALTER TABLE entries ADD COLUMN context_blob BLOB",
        "CREATE TABLE context_keywords (entry_id TEXT, keyword TEXT, PRIMARY KEY (entry_id, keyword))",
    ),
    8: (
        "CREATE TABLE sources (id TEXT PRIMARY KEY, domain TEXT NOT NULL, url_pattern TEXT)",
        "CREATE TABLE entry_sources (id TEXT PRIMARY KEY, entry_id TEXT NOT NULL, source_id TEXT,"
        " source_type TEXT NOT NULL, source_ref TEXT NOT NULL, note TEXT, created_at TEXT NOT NULL)",
    ),
    12: ("ALTER TABLE entries ADD COLUMN centrality_score REAL DEFAULT 0.0",),
}
"""What each step of the original's schema adds, as far as an entry is concerned."""

FIRST, SECOND, THIRD = (f"01HQ0000000000000000000{end}" for end in ("ABC", "DEF", "GHJ"))
CONTEXT = {
    "situation": "when the worker starts",
    "solution": "restart it",
    "trigger_keywords": ["worker", "pool"],
    "what_failed": None,
    "conversation_excerpt": "User: why?\nAssistant: because.",
    "files_modified": ["src/a.py", "b, c.txt"],
    "error_messages": ["ECONNRESET: 1, 2"],
    "time_of_day": "morning",
    "day_of_week": "monday",
    "created_at": "2025-03-01T08:00:00.5",
    "extraction_method": "manual",
    "mood": {"of": ["the day"]},
}


def make(path: Path, version: int = 12, **pragmas: str) -> sqlite3.Connection:
    """An empty base of the original, open; the schema has grown as far as a version."""
    db = sqlite3.connect(path)
    for name, value in pragmas.items():
        db.execute(f"PRAGMA {name} = {value}")
    for step, statements in STEPS.items():
        for statement in statements if step <= version else ():
            db.execute(statement)
    db.execute(f"PRAGMA user_version = {version}")
    return db


def put(db: sqlite3.Connection, entry_id: str | None, title: Any = "A title", **values: Any) -> None:
    """Add an entry as the original does, or as something broken would."""
    row = {
        "id": entry_id,
        "title": title,
        "type": "bug",
        "content": "",
        "project": None,
        "confidence": 2,
        "status": "active",
        "created_at": "2025-03-01T09:30:00.25",
        "updated_at": "2025-03-02T10:00:00",
        **values,
    }
    db.execute(f"INSERT INTO entries ({', '.join(row)}) VALUES ({', '.join('?' * len(row))})", list(row.values()))


def packed(value: Any) -> bytes:
    return zlib.compress(value.encode() if isinstance(value, str) else json.dumps(value).encode(), 6)


def read(path: Path) -> list[Note | Refused]:
    dialect = OriginalRekallBase()
    source = Source(path)
    assert path.suffix in dialect.suffixes
    assert dialect.fits(source)
    return list(dialect.notes(source))


def notes(path: Path) -> dict[str, Note]:
    """Everything in a base by title; nothing may be refused."""
    found = read(path)
    assert [item for item in found if isinstance(item, Refused)] == []
    return {str(item.fields["title"]): item for item in found if isinstance(item, Note)}


def state_of(folder: Path) -> dict[str, str]:
    return {file.name: hashlib.sha256(file.read_bytes()).hexdigest() for file in sorted(folder.iterdir())}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / ("the original's #1 folder%" if WINDOWS else "the original's #1 folder?")
    made.mkdir()
    return made


@pytest.mark.parametrize("version", [0, 1, 4, 5, 6, 7, 12])
def test_a_base_of_any_schema_comes_in_whole(folder: Path, version: int) -> None:
    path = folder / "knowledge.db"
    has = {
        1: {"memory_type": "semantic", "access_count": 3, "next_review": "2025-06-25", "review_interval": 27},
        4: {"context_compressed": packed("the free text\nof old")},
        6: {"context_structured": json.dumps(CONTEXT)},
        12: {"centrality_score": 12.0},
    }
    with closing(make(path, version)) as db:
        put(
            db,
            FIRST,
            "first",
            content="text\r\n",
            project="infra",
            confidence=4,
            status="obsolete",
            superseded_by=SECOND,
        )
        extras = {name: value for step, values in has.items() if step <= version for name, value in values.items()}
        put(db, SECOND, "second", **extras)
        db.executemany("INSERT INTO tags VALUES (?, ?)", [(FIRST, "React"), (FIRST, "long tag, with blanks")])
        if version >= 2:
            reason = ("because of it",) if version >= 5 else ()
            row = ("L1", SECOND, FIRST, "supersedes", "2025-03-02T10:00:00", *reason)
            db.execute(f"INSERT INTO links VALUES ({', '.join('?' * len(row))})", row)
        db.commit()
    before = state_of(folder)
    found = notes(path)
    assert list(found) == ["first", "second"]
    first, second = found.values()
    assert first.fields == {
        "id": FIRST,
        "title": "first",
        "type": "bug",
        "project": "infra",
        "confidence": 4,
        "status": "obsolete",
        "superseded_by": SECOND,
        "tags": ["React", "long tag, with blanks"],
        "created_at": "2025-03-01T09:30:00.25",
        "updated_at": "2025-03-02T10:00:00",
    }
    assert (first.content, first.record_id) == ("text\r\n", FIRST)
    assert second.links == (
        (NamedLink(FIRST, LinkType.SUPERSEDES, "because of it" if version >= 5 else ""),) * (version >= 2)
    )
    if version >= 1:
        schedule = {"next_review": "2025-06-25", "review_interval": 27, "ease_factor": 2.5}
        assert schedule.items() <= second.fields.items()
        assert {"memory_type": "semantic", "access_count": 3}.items() <= second.fields.items()
    assert ("the free text\nof old" in second.content) is (version >= 4)
    assert (second.fields.get("situation") == "when the worker starts") is (version >= 6)
    assert (second.fields.get("centrality_score") == 12.0) is (version >= 12)
    assert state_of(folder) == before


def test_every_part_of_a_context_has_its_place(folder: Path) -> None:
    path = folder / "knowledge.sqlite3"
    with closing(make(path)) as db:
        put(db, FIRST, "packed", content="before", context_blob=packed(CONTEXT), context_structured="")
        db.executemany("INSERT INTO context_keywords VALUES (?, ?)", [(FIRST, "pool"), (FIRST, "extra")])
        db.commit()
    note = notes(path)["packed"]
    assert note.content == "before\n\n## Conversation\n\nUser: why?\nAssistant: because."
    assert note.fields["keywords"] == ["worker", "pool", "extra"]
    assert note.fields["files"] == ["src/a.py", "b, c.txt"]
    assert note.fields["error_messages"] == ["ECONNRESET: 1, 2"]
    assert note.fields["created_at"] == "2025-03-01T09:30:00.25"
    other = {
        "time_of_day": "morning",
        "day_of_week": "monday",
        "extraction_method": "manual",
        "mood": {"of": ["the day"]},
    }
    assert {**other, "context_created_at": "2025-03-01T08:00:00.5"}.items() <= note.fields.items()
    assert not {"what_failed", "trigger_keywords", "files_modified", "conversation_excerpt"} & note.fields.keys()


def test_what_the_original_wrote_unasked_is_left_out(folder: Path) -> None:
    path = folder / "knowledge.db"
    with closing(make(path)) as db:
        put(db, FIRST, "plain", last_accessed="2025-03-01T09:30:00.25", context_structured="")
        db.commit()
    said = {"id", "title", "type", "confidence", "status", "created_at", "updated_at"}
    assert notes(path)["plain"].fields.keys() == said


BROKEN_CONTEXTS = {
    "no zlib, plain words": ({"context_blob": b"plain words"}, "plain words", 0),
    "no object": ({"context_blob": packed('["a list", 7]')}, "a list", 0),
    "no JSON": ({"context_structured": "{situation: broken"}, "{situation: broken", 0),
    "deep": ({"context_structured": "[" * 100_000}, "[[[", 0),
    "a huge number": ({"context_structured": '{"n": ' + "9" * 5000 + "}"}, "9999", 0),
    "cut off": ({"context_compressed": packed(" ".join(f"word{n}" for n in range(9000)))[:-3000]}, "word7 word8", 1),
    "noise": ({"context_blob": b"\x00\xff\xfe\x01" * 9}, "", 1),
    "noise, but another form": ({"context_blob": b"\x00\xff" * 9, "context_structured": '{"solution": "so"}'}, "so", 0),
    "half a form, and a whole one": (
        {"context_blob": packed(CONTEXT)[:60], "context_structured": json.dumps(CONTEXT)},
        "",
        0,
    ),
    "halves of characters": ({"context_structured": '{"solution": "a\\ud83d b\\u0000c \\ud83d\\ude80"}'}, "🚀", 0),
    "bytes that are text": ({"context_structured": b'{"solution": "in bytes"}'}, "in bytes", 0),
    "both": (
        {"context_blob": packed({"solution": "s"}), "context_compressed": packed("and old text")},
        "and old text",
        0,
    ),
}


@pytest.mark.parametrize("case", BROKEN_CONTEXTS)
def test_a_context_that_is_broken_is_text_or_said(folder: Path, case: str) -> None:
    values, expected, refused = BROKEN_CONTEXTS[case]
    path = folder / "knowledge.db"
    with closing(make(path)) as db:
        put(db, FIRST, "kept", content="its text", **values)
        db.commit()
    found = read(path)
    (note,) = (item for item in found if isinstance(item, Note))
    assert note.content.startswith("its text")
    everything = note.content + json.dumps(dict(note.fields), ensure_ascii=False)
    assert expected in everything
    everything.encode()
    assert "\0" not in note.fields.get("solution", "")
    assert len(found) - 1 == refused
    assert all(FIRST in item.where for item in found if isinstance(item, Refused))


def test_a_context_that_would_fill_the_memory_is_cut_and_said(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(original_notes, "MOST_CONTEXT_BYTES", 100_000)
    path = folder / "knowledge.db"
    with closing(make(path)) as db:
        put(db, FIRST, "kept", context_compressed=packed("x" * 10_000_000))
        db.commit()
    note, refused = read(path)
    assert isinstance(note, Note)
    assert 100_000 <= len(note.content) < 100_100
    assert isinstance(refused, Refused)


def test_sources_are_lines_with_their_kind(folder: Path) -> None:
    path = folder / "knowledge.db"
    with closing(make(path)) as db:
        put(db, FIRST, "sourced")
        db.execute("INSERT INTO sources VALUES ('S', 'docs.example.org', 'https://docs.example.org/*')")
        rows = [
            ("1", FIRST, None, "theme", "database", None),
            ("2", FIRST, None, "url", "https://example.org/a?b#c", "section on locks"),
            ("3", FIRST, None, "file", "src/db.py", ""),
            ("4", FIRST, "S", "url", "", None),
            ("5", FIRST, "gone", "url", "", "only a note"),
        ]
        db.executemany("INSERT INTO entry_sources VALUES (?, ?, ?, ?, ?, ?, '2025')", rows)
        db.commit()
    assert notes(path)["sourced"].fields["sources"] == [
        "theme: database",
        "https://example.org/a?b#c (section on locks)",
        "file: src/db.py",
        "url: docs.example.org",
        "only a note",
    ]


def test_odd_rows_cost_nothing_else(folder: Path) -> None:
    path = folder / "knowledge.db"
    with closing(make(path, writable_schema="ON")) as db:
        put(db, FIRST.lower(), "x" * 2000, type="runbook", status="draft", confidence=9)
        put(db, None, "", content="\n# The first line\nmore", created_at="yesterday", updated_at="")
        put(db, "not-a-ulid", 7, content=None, confidence="high")
        put(db, THIRD, b"caf\xe9 in bytes", content="fine")
        put(db, SECOND, "")
        db.execute("INSERT INTO entries SELECT ?, CAST(? AS TEXT), CAST(? AS TEXT), 'bug', NULL, 2, NULL, NULL, '', ''"
                   + ", NULL" * 11, ("T4", b"d\xc3\xa9j\xc3\xa0 \xff vu", b"caf\xe9"))  # fmt: skip
        db.execute("INSERT INTO links VALUES ('L', 'not-a-ulid', ?, 'caused_by', '', 'why')", (FIRST.lower(),))
        db.execute("INSERT INTO links VALUES ('M', ?, ?, 'related', '', NULL)", (THIRD, THIRD))
        db.commit()
    found = read(path)
    assert [SECOND in item.where for item in found if isinstance(item, Refused)] == [True]
    later, untitled, number, in_bytes, broken = (item for item in found if isinstance(item, Note))
    assert (later.fields["id"], later.fields["title"]) == (FIRST, "x" * 2000)
    assert (later.fields["type"], later.fields["status"], later.fields["confidence"]) == ("runbook", "draft", 9)
    assert (untitled.name, untitled.record_id, "id" in untitled.fields) == ("The first line", "", False)
    assert (number.record_id, number.fields["confidence"]) == ("not-a-ulid", "high")
    assert number.links == (NamedLink(FIRST, LinkType.RELATED, "caused_by: why"),)
    assert (in_bytes.content, in_bytes.links) == ("fine", ())
    assert (broken.fields["title"], broken.content) == ("déjà � vu", "café")


def test_columns_of_a_later_version_are_kept(folder: Path) -> None:
    path = folder / "knowledge.db"
    with closing(make(path)) as db:
        db.execute("ALTER TABLE entries ADD COLUMN mood TEXT")
        db.execute("ALTER TABLE entries ADD COLUMN picture BLOB")
        db.execute("PRAGMA user_version = 31")
        put(db, FIRST, "later", mood="sunny", picture=b"\x89PNG\xff")
        db.commit()
    note = notes(path)["later"]
    assert note.fields["mood"] == "sunny"
    assert "picture" not in note.fields


def test_a_base_that_is_open_elsewhere_is_read_with_its_log(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    private = tmp_path / "private"
    private.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(private))
    path = folder / "knowledge.db"
    with closing(make(path, journal_mode="WAL")) as db:
        put(db, FIRST, "checkpointed")
        db.commit()
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        put(db, SECOND, "in the log alone")
        db.commit()
        kept = {file.name: file.read_bytes() for file in folder.iterdir()}
        assert len(kept["knowledge.db-wal"]) > 0
        assert list(notes(path)) == ["checkpointed", "in the log alone"]
        assert {file.name: file.read_bytes() for file in folder.iterdir()} == kept
    alone = tmp_path / "moved"
    alone.mkdir()
    for name in ("knowledge.db", "knowledge.db-wal"):  # as after a crash: a log, and nobody who has the base open
        (alone / name).write_bytes(kept[name])
    before = state_of(alone)
    assert list(notes(alone / "knowledge.db")) == ["checkpointed", "in the log alone"]
    assert state_of(alone) == before
    assert list(private.iterdir()) == []


@links
def test_a_link_to_a_base_leads_to_its_log_too(folder: Path, tmp_path: Path) -> None:
    link = tmp_path / "link.db"
    link.symlink_to(folder / "knowledge.db")
    with closing(make(folder / "knowledge.db", journal_mode="WAL")) as db:
        put(db, FIRST, "in the log alone")
        db.commit()
        assert list(notes(link)) == ["in the log alone"]


def test_a_base_left_in_the_middle_of_a_change_is_read_as_it_was_before(folder: Path, tmp_path: Path) -> None:
    path = tmp_path / "live.db"
    with closing(make(path, journal_mode="DELETE", cache_size="1")) as db:
        for number in range(200):
            put(db, f"01HQ{number:022d}", f"title {number}", content="before " * 100)
        db.commit()
        db.execute("UPDATE entries SET content = replace(content, 'before', 'after!')")
        for name in ("live.db", "live.db-journal"):  # as after a crash
            (folder / name.replace("live", "knowledge")).write_bytes((tmp_path / name).read_bytes())
        db.rollback()
    assert b"after!" in (folder / "knowledge.db").read_bytes()
    before = state_of(folder)
    assert {note.content[:6] for note in notes(folder / "knowledge.db").values()} == {"before"}
    assert state_of(folder) == before


def test_a_base_in_wal_mode_gets_no_files_beside_it(folder: Path) -> None:
    path = folder / "knowledge.db"
    with closing(make(path, journal_mode="WAL")) as db:
        put(db, FIRST, "one")
        db.commit()
    path.chmod(0o444)
    before = state_of(folder)
    assert list(before) == ["knowledge.db"]
    reading = OriginalRekallBase().notes(Source(path))
    next(reading)
    assert state_of(folder) == before
    reading.close()  # type: ignore[attr-defined]  # an import that ends early
    assert state_of(folder) == before


def damaged_bases(path: Path) -> Iterator[tuple[int, bytes]]:
    """A base with 300 entries, once for each of its pages, with that page overwritten."""
    with closing(make(path, page_size="1024")) as db:
        for number in range(300):
            put(
                db,
                f"01HQ{number:022d}",
                f"title {number}",
                content=f"content {number} " * (200 if number % 50 == 0 else 5),
            )
            db.execute("INSERT INTO tags VALUES (?, ?)", (f"01HQ{number:022d}", f"tag{number}"))
        db.execute("INSERT INTO entries_fts SELECT id, title, content, '' FROM entries")
        db.commit()
    whole = path.read_bytes()
    for start in range(1024, len(whole), 1024):
        yield start // 1024, whole[:start] + b"\xee" * 1024 + whole[start + 1024 :]


def tried(path: Path) -> list[Note | Refused] | InvalidInput:
    try:
        return read(path)
    except InvalidInput as error:
        return error


def test_a_damaged_page_costs_nothing_on_other_pages(folder: Path) -> None:
    path = folder / "knowledge.db"
    with_loss = unreadable = 0
    for _, data in damaged_bases(path):
        path.write_bytes(data)
        found = tried(path)
        if isinstance(found, InvalidInput):  # the page with the tables' own definitions
            assert "backups" in found.hint
            unreadable += 1
            continue
        kept = {item.fields["id"] for item in found if isinstance(item, Note) and "title" in item.fields}
        assert len(kept) == 300  # the words index holds every text a second time
        with_loss += any(isinstance(item, Refused) for item in found)
    assert with_loss > 20
    assert unreadable < 5


def test_a_base_that_was_cut_off_gives_what_is_there(folder: Path) -> None:
    path = folder / "knowledge.db"
    with closing(make(path)) as db:
        for number in range(300):
            put(db, f"01HQ{number:022d}", f"title {number}", content=f"content {number} " * 20)
        db.commit()
    data = path.read_bytes()
    path.write_bytes(data[: len(data) * 2 // 3])
    found = read(path)
    kept = [item for item in found if isinstance(item, Note)]
    assert 50 < len(kept) < 300
    assert any(isinstance(item, Refused) and "entries" in item.where for item in found)


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("empty.db", b""),
        ("noise.db", bytes(range(256)) * 40),
        ("text.sqlite", b"SQLite format 3 is what this text is about"),
        ("magic.db", b"SQLite format 3\0"),
        ("magic.sqlite3", b"SQLite format 3\0" + b"\xff" * 5000),
        ("x.db", b"SQLite format 3\0" + b"\0" * 5000),
    ],
)
def test_other_files_are_none_of_its_own(folder: Path, name: str, data: bytes) -> None:
    (folder / name).write_bytes(data)
    assert not OriginalRekallBase().fits(Source(folder / name))
    assert [file.name for file in folder.iterdir()] == [name]


def test_databases_of_other_tools_are_none_of_its_own(folder: Path) -> None:
    path = folder / "feeds.db"
    with closing(sqlite3.connect(path)) as db:
        db.execute("CREATE TABLE entries (id TEXT, title TEXT, content TEXT, feed TEXT)")
        db.commit()
    assert not OriginalRekallBase().fits(Source(path))
    assert not OriginalRekallBase().fits(Source(folder / "missing.db"))
    (folder / "folder.db").mkdir()
    assert not OriginalRekallBase().fits(Source(folder / "folder.db"))


def test_a_base_damaged_at_its_beginning_says_what_to_do(folder: Path) -> None:
    path = folder / "knowledge.db"
    path.write_bytes(b"SQLite format 3\0" + b"\xff" * 5000)
    dialect = OriginalRekallBase()
    assert dialect.fits(Source(path))
    with pytest.raises(InvalidInput, match="cannot be read") as caught:
        list(dialect.notes(Source(path)))
    assert "backups" in caught.value.hint


def test_a_base_of_our_own_is_refused_with_the_way(bench: Any, folder: Path) -> None:
    from rekall.store.sqlite import SqliteStore

    path = folder / "rekall.db"
    SqliteStore(path).close()
    dialect = OriginalRekallBase()
    assert dialect.fits(Source(path))
    with pytest.raises(InvalidInput) as caught:
        list(dialect.notes(Source(path)))
    assert "rekall export" in caught.value.hint


# the archive

RECORD = {
    "id": FIRST,
    "title": "zipped",
    "type": "bug",
    "content": "its text",
    "tags": ["a b"],
    "memory_type": "semantic",
}


def archive(path: Path, entries: str | bytes, checksum: str | None = "", **more: str) -> Path:
    data = entries.encode() if isinstance(entries, str) else entries
    checksum = f"sha256:{hashlib.sha256(data).hexdigest()}" if checksum == "" else checksum
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as made:
        made.writestr("manifest.json", json.dumps({"format_version": "1.0", "checksum": checksum}))
        made.writestr("entries.json", data)
        for name, text in more.items():
            made.writestr(name, text)
    return path


def unzipped(path: Path) -> tuple[list[Note], list[Refused]]:
    dialect, source = OriginalRekallArchive(), Source(path)
    assert dialect.fits(source)
    found = list(dialect.notes(source))
    return [each for each in found if isinstance(each, Note)], [each for each in found if isinstance(each, Refused)]


def test_an_archive_is_a_list_of_records(folder: Path) -> None:
    path = archive(
        folder / "a.rekall.zip", json.dumps([RECORD, {**RECORD, "access_count": 0, "context": CONTEXT}, 7, {}])
    )
    (plain, full), refused = unzipped(path)
    assert plain.fields == {name: value for name, value in RECORD.items() if name != "content"}
    assert plain.content == "its text"
    assert full.fields["situation"] == "when the worker starts"
    assert [each.where for each in refused] == [f"{path}, record 3", f"{path}, record 4"]


@pytest.mark.parametrize(("checksum", "said"), [(None, 0), ("sha256:00", 1), ("md5:00", 0)])
def test_a_checksum_that_does_not_fit_is_said(folder: Path, checksum: str | None, said: int) -> None:
    found, refused = unzipped(archive(folder / "a.zip", json.dumps([RECORD]), checksum))
    assert (len(found), len(refused)) == (1, said)
    assert all("checksum" in each.error.message for each in refused)


def test_a_list_that_breaks_off_gives_what_is_whole(folder: Path) -> None:
    text = json.dumps([RECORD] * 3)
    for broken in (text[:-20], text[:-1], text[:-1] + ", nonsense]"):
        found, refused = unzipped(archive(folder / "a.zip", broken))
        assert len(found) == (2 if broken == text[:-20] else 3)
        assert [each.where for each in refused] == [f"{folder / 'a.zip'}, entries.json"]


def test_a_member_with_flipped_bytes_gives_what_is_whole(folder: Path) -> None:
    path = folder / "a.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as made:
        made.writestr("manifest.json", json.dumps({"checksum": "sha256:00"}))
        made.writestr("entries.json", json.dumps([RECORD, RECORD, {**RECORD, "content": "its text " * 9000}]))
    data = bytearray(path.read_bytes())
    place = data.rindex(b"its text")
    data[place : place + 3] = b"ITS"
    path.write_bytes(data)
    found, refused = unzipped(path)
    assert len(found) == 2
    assert [each.where.rpartition(", ")[2] for each in refused] == ["entries.json", "manifest.json"]


def test_hostile_archives_are_bounded(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from rekall.exchange.dialects import original

    monkeypatch.setattr(original, "MOST_BYTES", 1_000_000)
    path = archive(folder / "bomb.zip", "[" + " " * 5_000_000 + "]")
    with pytest.raises(InvalidInput, match="larger than"):
        unzipped(path)
    outside = archive(folder / "out.zip", json.dumps([RECORD]), **{"../../evil.txt": "evil", "/tmp/evil": "evil"})
    assert len(unzipped(outside)[0]) == 1
    assert sorted(file.name for file in folder.iterdir()) == ["bomb.zip", "out.zip"]


@pytest.mark.parametrize("data", [b"", b"PK\x03\x04", b"noise" * 1000, b"PK\x05\x06" + b"\0" * 18])
def test_other_archives_are_none_of_its_own(folder: Path, data: bytes) -> None:
    (folder / "x.zip").write_bytes(data)
    assert not OriginalRekallArchive().fits(Source(folder / "x.zip"))
    (folder / "x.rekall.zip").write_bytes(data)
    with pytest.raises(InvalidInput):
        list(OriginalRekallArchive().notes(Source(folder / "x.rekall.zip")))


# the one that the original's own code made


def truth() -> list[dict[str, Any]]:
    entries = json.loads((SHARED / "truth.json").read_text("utf-8"))["entries"]
    assert isinstance(entries, list)
    return entries


DEFAULTS = {"memory_type": "episodic", "next_review": None, "review_interval": 1, "ease_factor": 2.5, "access_count": 0}


@shared
def test_every_field_of_the_truth_is_in_a_note() -> None:
    before = state_of(SHARED)
    found = {item.record_id: item for item in read(SHARED / "knowledge.db") if isinstance(item, Note)}
    assert list(found) == [entry["id"] for entry in truth()]
    for entry in truth():
        note, context = found[entry["id"]], entry["context"] or {}
        for name in (
            "id",
            "title",
            "type",
            "project",
            "confidence",
            "status",
            "superseded_by",
            "created_at",
            "updated_at",
        ):
            assert note.fields.get(name) == entry[name]
        assert sorted(note.fields.get("tags", [])) == sorted(entry["tags"])
        assert {name: note.fields.get(name, default) for name, default in DEFAULTS.items()} == {
            name: entry[name] for name in DEFAULTS
        }
        assert note.content.startswith(entry["content"])
        for text in (entry["legacy_context"], context.pop("conversation_excerpt", None)):
            assert (text or "").strip() in note.content
        names = {"trigger_keywords": "keywords", "files_modified": "files", "created_at": "context_created_at"}
        for name, value in context.items():
            assert note.fields.get(names.get(name, name)) == value
        links = [(entry["id"], link.target, link.type.value, link.reason or None) for link in note.links]
        assert sorted(map(str, links)) == sorted(str(tuple(link)) for link in entry["links"])
        assert len(note.fields.get("sources", [])) == len(entry["sources"])
        for kind, place, remark in entry["sources"]:
            (line,) = (line for line in note.fields["sources"] if place in line)
            assert kind == "url" or kind in line
            assert (remark or "") in line
    assert state_of(SHARED) == before


@shared
def test_its_archive_says_what_its_base_says_but_for_what_it_lost() -> None:
    base = {item.record_id: item for item in read(SHARED / "knowledge.db") if isinstance(item, Note)}
    found, refused = unzipped(SHARED / "export.rekall.zip")
    assert refused == []
    active = [entry["id"] for entry in truth() if entry["status"] == "active"]
    assert sorted(note.record_id for note in found) == sorted(active)
    for note in found:
        whole = base[note.record_id]
        assert whole.content.startswith(note.content)
        assert {name for name in note.fields if note.fields[name] != whole.fields.get(name)} <= {"tags"}
        assert sorted(note.fields.get("tags", [])) == sorted(whole.fields.get("tags", []))


# through an import


def take(base: KnowledgeBase, *paths: Path) -> ImportReport:
    """Import, refusing nothing."""
    report = base.files.import_paths(paths)
    assert report.refused == []
    return report


def local(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(timezone.utc).replace(microsecond=0)


def assert_holds(base: KnowledgeBase, entries: list[dict[str, Any]]) -> None:
    """Every field of the original's entries is in a base."""
    assert base.count() == len(entries)
    for wanted in entries:
        entry, links = (view := base.get(wanted["id"])).entry, view.links
        for name in ("id", "project", "confidence", "superseded_by"):
            assert getattr(entry, name) == wanted[name]
        assert entry.title == " ".join(wanted["title"].split())
        assert (entry.type.value, entry.status.value) == (wanted["type"], wanted["status"])
        assert (entry.created_at, entry.updated_at) == (local(wanted["created_at"]), local(wanted["updated_at"]))
        assert sorted(entry.tags) == sorted({tag.lower() for tag in wanted["tags"]})
        assert entry.content.startswith(wanted["content"].replace("\r\n", "\n").strip("\n").rstrip())
        others = {field.name: field.value for field in entry.other_fields}
        assert {name: others.get(name, default) for name, default in DEFAULTS.items()} == {
            name: wanted[name] for name in DEFAULTS
        }
        context = wanted["context"] or {}
        for text in (wanted["legacy_context"], context.get("conversation_excerpt")):
            assert (text or "").strip() in entry.content
        for name in ("situation", "solution", "what_failed"):
            assert getattr(entry, name) == (context.get(name) or "")
        for name, today in (("trigger_keywords", "keywords"), ("files_modified", "files"), ("error_messages",) * 2):
            assert getattr(entry, today) == tuple(context.get(name) or ())
        for name in ("time_of_day", "day_of_week", "extraction_method"):
            assert others.get(name) == context.get(name)
        assert others.get("context_created_at") == context.get("created_at")
        assert {
            (link.link.source, link.link.target, link.link.type.value, link.link.reason or None) for link in links
        } >= {tuple(link) for link in wanted["links"]}
        assert [any(place in line for line in entry.sources) for _, place, _ in wanted["sources"]] == [True] * len(
            wanted["sources"]
        )


@shared
def test_a_base_comes_in_whole_and_once(bench: Bench) -> None:
    before = state_of(SHARED)
    report = take(bench.base, SHARED / "knowledge.db")
    assert (report.added, report.problems, report.lost_links) == (len(truth()), {}, 0)
    assert_holds(bench.base, truth())
    counts = bench.base.stats().counts
    again = take(bench.base, SHARED / "knowledge.db")
    assert (again.added, again.updated, again.unchanged) == (0, 0, len(truth()))
    assert_holds(bench.base, truth())
    assert bench.base.stats().counts == counts
    assert state_of(SHARED) == before


def test_odd_rows_come_in_through_an_import(bench: Bench, folder: Path) -> None:
    path = folder / "knowledge.db"
    schedule = {"next_review": "2025-07-01", "review_interval": 9, "ease_factor": 1.9, "access_count": 4}
    with closing(make(path)) as db:
        put(db, FIRST.lower(), "x " * 1000, type="runbook", status="draft", confidence=9, project="a\nb", **schedule)
        put(db, None, "", content="\n# The first line\nmore", created_at="yesterday", updated_at="")
        put(db, "not-a-ulid", 7, content="seven", confidence="high", superseded_by=THIRD)
        put(
            db,
            THIRD,
            b"caf\xe9 in bytes",
            context_structured='{"solution": ["a", {"b": 1}], "files_modified": "one.txt"}',
        )
        put(db, SECOND, "last", superseded_by=FIRST, status="obsolete")
        db.execute("INSERT INTO tags VALUES (?, ?)", (SECOND, "t" * 300))
        db.execute("INSERT INTO links VALUES ('L', 'not-a-ulid', ?, 'caused_by', '', 'why')", (FIRST.lower(),))
        db.execute("INSERT INTO links VALUES ('M', ?, '01HQ0000000000000000000ZZZ', 'related', '', NULL)", (THIRD,))
        db.commit()
    for expected in ((5, 0), (0, 5)):
        report = take(bench.base, path)
        assert (report.added, report.unchanged) == expected
        assert bench.base.count() == 5
    first = bench.base.get(FIRST).entry
    others = {field.name: field.value for field in first.other_fields}
    assert schedule.items() <= others.items()
    assert (first.title[:5], str(others["title"]).count("x")) == ("x x x", 1000)
    assert (others["type"], others["status"], others["confidence"]) == ("runbook", "draft", 9)
    by_title = {entry.title: entry for entry in bench.base.list_entries(Filters(), None, 0).entries}
    assert by_title.keys() >= {"The first line", "7", "café in bytes", "last"}
    (link,) = (line for line in bench.base.get(by_title["7"].id).links if line.is_outgoing)
    assert (link.link.target, link.link.reason) == (FIRST, "caused_by: why")
    assert by_title["7"].superseded_by == THIRD
    assert bench.base.get(SECOND).entry.superseded_by == FIRST
    assert "t" * 300 in str(bench.base.get(SECOND).entry.other_fields)


@pytest.mark.parametrize("name", ["export.rekall.zip", "export.json"])
@shared
def test_a_base_fills_what_its_export_left_out(bench: Bench, name: str) -> None:
    active = [entry for entry in truth() if entry["status"] == "active"]
    assert take(bench.base, SHARED / name).added == len(active)
    assert take(bench.base, SHARED / name).unchanged == len(active)
    report = take(bench.base, SHARED / "knowledge.db")
    assert report.added == len(truth()) - len(active)
    assert_holds(bench.base, truth())


@pytest.mark.parametrize("name", ["export.rekall.zip", "export.json"])
@shared
def test_an_export_takes_nothing_away_that_its_base_brought(bench: Bench, name: str) -> None:
    take(bench.base, SHARED / "knowledge.db")
    take(bench.base, SHARED / name)
    assert_holds(bench.base, truth())


def test_a_base_of_our_own_and_other_databases_cost_an_import_nothing_else(bench: Bench, folder: Path) -> None:
    from rekall.store.sqlite import SqliteStore

    with closing(make(folder / "knowledge.db")) as db:
        put(db, FIRST, "first", content="text")
        db.commit()
    SqliteStore(folder / "rekall.db").close()
    with closing(sqlite3.connect(folder / "other.sqlite")) as db:
        db.execute("CREATE TABLE t (a)")
    (folder / "noise.db").write_bytes(bytes(range(256)))
    (folder / "note.md").write_text("# A note\n")
    report = bench.base.files.import_paths([folder])
    assert (report.added, report.refused) == (2, [])
    (refused,) = bench.base.files.import_paths([folder / "rekall.db"]).refused
    assert "export" in refused.error.hint
