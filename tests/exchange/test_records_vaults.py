"""Small folders of other tools' files: each note is read with the values that its file says. The import of them is tested beside it."""

from __future__ import annotations

import json
from pathlib import Path, PurePosixPath
from typing import Any

import pytest

from rekall.exchange.dialect import Dialect, Note, Refused, Source
from rekall.exchange.dialects import (
    day_one,
    enex,
    gemini,
    jrnl,
    keep,
    mcp_memory_service,
    mem0,
    memory_graph,
    org,
    pinboard,
    plain_text,
    records,
    rules_file,
    simplenote,
    standard_notes,
    web_page,
)

VAULTS = Path(__file__).parent.parent / "data" / "vaults"
ASKED: tuple[Dialect, ...] = (
    *(keep.DIALECT, simplenote.DIALECT, day_one.DIALECT, standard_notes.DIALECT, jrnl.DIALECT, memory_graph.DIALECT),
    *(mcp_memory_service.DIALECT, mem0.DIALECT, pinboard.DIALECT, enex.DIALECT, org.DIALECT, web_page.DIALECT),
    *(gemini.DIALECT, rules_file.DIALECT, plain_text.DIALECT, records.DIALECT),
)
"""The order in which a file is asked about."""
MINE = (
    *(
        "keep",
        "simplenote",
        "day-one",
        "jrnl",
        "mem0",
        "mcp-memory-service",
        "mcp-memory",
        "pinboard",
        "standard-notes",
    ),
    *("evernote", "org", "text", "html", "gemini", "records"),
)
REFUSED = {"dump.jsonl, line 4", "bad-lines.ndjson, line 2", "Cut off.enex, after note 1"}


def dialect_of(source: Source) -> Dialect | None:
    return next((dialect for dialect in ASKED if source.suffix in dialect.suffixes and dialect.fits(source)), None)


def read(folder: Path) -> tuple[dict[str, tuple[Note, Dialect]], set[str]]:
    notes: dict[str, tuple[Note, Dialect]] = {}
    refused = set()
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        place = path.relative_to(folder).as_posix()
        source = Source(path, PurePosixPath(place))
        dialect = dialect_of(source)
        for item in dialect.notes(source) if dialect else ():
            if isinstance(item, Refused):
                refused.add(Path(item.where).name)
            else:
                key = f"{place}#{item.part}" if item.part else place
                assert key not in notes, "two notes of one place"
                assert dialect is not None
                notes[key] = (item, dialect)
    return notes, refused


def title_of(note: Note) -> str:
    return str(note.fields.get("title") or note.title or note.name)


def labels(note: Note, dialect: Dialect, own: str) -> list[str]:
    """What a note has for a list of ours, in its fields or beside them."""
    values: list[Any] = [note.fields[name] for name in note.fields if name == own or dialect.keys.get(name) == own]
    flat = [item for value in values for item in (value if isinstance(value, list) else str(value).split(","))]
    beside = {"tags": note.tags, "keywords": note.keywords}.get(own, ())
    return [str(item).strip().lower() if own == "tags" else str(item).strip() for item in (*flat, *beside)]


@pytest.mark.parametrize("vault", MINE)
def test_every_note_says_what_its_file_says(vault: str) -> None:
    expected = json.loads((VAULTS / f"{vault}.expected.json").read_text("utf-8"))
    notes, refused = read(VAULTS / vault)
    assert refused <= REFUSED
    assert sorted(notes) == sorted(item["file"] for item in expected)
    for item in expected:
        note, dialect = notes[item["file"]]
        if "title" in item:
            assert title_of(note) == item["title"]
        for text in item.get("content_has", ()):
            assert text in note.content
        for own in ("tags", "keywords", "sources"):
            if own in item:
                assert sorted(labels(note, dialect, own)) == sorted(item[own]), item["file"]
        if "type" in item:
            kinds = [note.fields[name] for name in note.fields if name == "type" or dialect.keys.get(name) == "type"]
            assert str(kinds[0]).lower() == item["type"]
        assert len(note.links) == len(item.get("links", ())), item["file"]
        assert (note.deleted_at is not None) == item.get("deleted", False)
        assert {name: note.fields.get(name) for name in item.get("other_fields", {})} == item.get("other_fields", {})


def test_there_are_files_of_every_kind() -> None:
    files = [path for vault in MINE for path in (VAULTS / vault).rglob("*") if path.is_file()]
    assert len(files) >= 60
    assert {path.suffix for path in files} >= {
        ".json",
        ".jsonl",
        ".ndjson",
        ".txt",
        ".org",
        ".rst",
        ".adoc",
        ".enex",
        ".html",
        ".md",
    }
