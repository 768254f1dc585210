"""Small folders of every dialect, imported as a person would, against what is expected of each note beside them."""

import json
import os
import shutil
from collections import Counter
from os.path import normcase
from pathlib import Path

import pytest
from support import DATA, Bench

from rekall.entry.fields import Entry
from rekall.entry.filters import Filters
from rekall.entry.times import local_time
from rekall.exchange.catalog import dialects

VAULTS = DATA / "vaults"
NAMES = sorted(path.name.removesuffix(".expected.json") for path in VAULTS.glob("*.expected.json"))
BROKEN = {
    "mcp-memory-service": ["dump.jsonl, line 4"],
    "records": ["bad-lines.ndjson, line 2"],
    "evernote": ["Cut off.enex, after note 1"],
}
"""What is broken on purpose; all else of these files goes in."""
_LISTS = ("tags", "keywords", "error_messages", "files", "sources")


@pytest.fixture(params=NAMES)
def vault(request, tmp_path: Path) -> tuple[str, Path, list[dict]]:
    """A copy of a vault, and what is expected of it."""
    folder = tmp_path / request.param
    shutil.copytree(VAULTS / request.param, folder)
    return request.param, folder, json.loads((VAULTS / f"{request.param}.expected.json").read_text("utf-8"))


def told(bench: Bench, folder: Path) -> dict[str, list[Entry]]:
    """The entries by the file that each came from, below the folder, as Windows keeps it: without case."""
    found: dict[str, list[Entry]] = {}
    for key, entry in bench.store.entries.stream():
        origin = bench.store.origins.of(key)
        assert origin is not None
        place = origin.path.removeprefix(normcase(folder.resolve()) + os.sep)
        found.setdefault(place.partition("#")[0] if "#" in place else place, []).append(entry)
    return found


def problems(bench: Bench, entry: Entry, wanted: dict) -> list[str]:
    """Where an entry is not what it should be."""
    wrong = []
    for name in ("title", "project"):
        if name in wanted and getattr(entry, name) != wanted[name]:
            wrong.append(f"{name} is {getattr(entry, name)!r}, not {wanted[name]!r}")
    for name in ("type", "status"):
        if name in wanted and getattr(entry, name).value != wanted[name]:
            wrong.append(f"{name} is {getattr(entry, name).value!r}, not {wanted[name]!r}")
    for name in _LISTS:
        missing = set(wanted.get(name, ())) - set(getattr(entry, name))
        if missing:
            wrong.append(f"{name} lack {sorted(missing)}: {getattr(entry, name)}")
    wrong += [
        f"content lacks {text!r}: {entry.content!r}"
        for text in wanted.get("content_has", ())
        if text not in entry.content
    ]
    return wrong + wrong_times(entry, wanted) + wrong_fields(entry, wanted) + wrong_links(bench, entry, wanted)


def wrong_times(entry: Entry, wanted: dict) -> list[str]:
    wrong = []
    for name, moment in (("created", entry.created_at), ("updated", entry.updated_at)):
        if name in wanted:
            moments = (local_time(moment).replace(" ", "T"), moment.isoformat())
            if not any(text.startswith(wanted[name][:16].replace(" ", "T")) for text in moments):
                wrong.append(f"{name} is {moments}, not {wanted[name]}")
    return wrong


def wrong_fields(entry: Entry, wanted: dict) -> list[str]:
    others = {other.name: other.value for other in entry.other_fields}
    return [
        f"other field {name} is {others.get(name)!r}, not {value!r}"
        for name, value in wanted.get("other_fields", {}).items()
        if others.get(name) != value
    ]


def wrong_links(bench: Bench, entry: Entry, wanted: dict) -> list[str]:
    linked = set()
    for line in bench.base.get(entry.id).links:
        if line.is_outgoing:
            other = bench.base.get(line.other.id).entry
            key = bench.store.entries.key_of(other.id)
            assert key is not None
            origin = bench.store.origins.of(key)
            linked |= {other.title, *other.keywords, *([Path(origin.path).stem] if origin else [])}
    missing = set(map(normcase, wanted.get("links", ()))) - set(map(normcase, linked))
    return [f"links to {sorted(missing)} are not there: {sorted(linked)}"] if missing else []


def test_every_note_of_a_vault_is_what_it_should_be(bench, vault):
    name, folder, expected = vault
    report = bench.base.files.import_paths([folder])
    refused = [item.where.removeprefix(f"{folder}{os.sep}") for item in report.refused]
    assert refused == BROKEN.get(name, [])
    by_file = told(bench, folder)
    deleted = {tombstone.title for tombstone in bench.store.tombstones.latest(100)}
    wrong = []
    for wanted in expected:
        file = wanted["file"].partition("#")[0]
        if wanted.get("title") in deleted:
            continue
        fits = [problems(bench, entry, wanted) for entry in by_file.get(normcase(file), [])]
        if not fits:
            wrong.append(f"{wanted['file']}: no entry")
        else:
            wrong += [f"{wanted['file']}: {problem}" for problem in min(fits, key=len)]
    assert wrong == []
    before = bench.base.count()
    again = bench.base.files.import_paths([folder])
    assert (again.added, again.updated, again.conflicts, bench.base.count()) == (0, 0, [], before)


def test_there_are_enough_of_them():
    files = [path for name in NAMES for path in (VAULTS / name).rglob("*") if path.is_file()]
    assert len(files) >= 120
    assert len(NAMES) >= 20


def test_every_dialect_has_a_name_of_its_own_and_says_how_one_comes_by_such_files():
    assert max(Counter(dialect.name for dialect in dialects()).values()) == 1
    assert all(dialect.title and dialect.suffixes and dialect.hint for dialect in dialects())


def test_nothing_of_what_is_expected_is_empty(vault):
    _name, folder, expected = vault
    assert expected
    assert all((folder / wanted["file"].partition("#")[0]).exists() for wanted in expected)


def test_filters_find_what_was_imported(bench, vault):
    _name, folder, _expected = vault
    bench.base.files.import_paths([folder], project="auto")
    assert all(entry.project for entry in bench.base.list_entries(Filters(), None).entries)
