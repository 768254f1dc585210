"""export from the shell."""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from support import Ran

Rekall = Callable[..., Ran]
posix = pytest.mark.skipif(os.name == "nt", reason="Windows has no file modes")


pytestmark = pytest.mark.usefixtures("quick_model")


def entries(rekall: Rekall) -> list[dict[str, Any]]:
    """Every entry in full, links included."""
    ids = [entry["id"] for entry in rekall("list", "--all", "--json").json["entries"]]
    return [rekall("show", entry_id, "--json").json["entry"] for entry_id in ids]


def report(rekall: Rekall, *arguments: object, code: int = 0) -> dict[str, Any]:
    ran = rekall("import", *map(str, arguments), "--json")
    assert ran.code == code
    return dict(ran.json)


@pytest.fixture
def rich_base(rekall: Rekall, tmp_path: Path) -> list[dict[str, Any]]:
    """A base with every field in use, links, successors, and texts that are hard to carry."""
    ids = [f"01J9P7AAAAAAAAAAAAAAAAAAA{number}" for number in range(4)]
    records: list[dict[str, Any]] = [
        {
            "id": ids[0],
            "title": "--- : # [x] 'quoted' \"double\"",
            "type": "bug",
            "content": "---\nnot: front matter\n---\n\n# heading\n\n    code\ttab  \nend",
            "tags": ["c++", "yes", "1.0"],
            "project": "no",
            "confidence": 5,
            "situation": "multi\nline: yes",
            "solution": "- dash",
            "what_failed": "null",
            "error_messages": ["E: x", "~", "2024-01-01"],
            "files": ["a b.py", "C:\\x"],
            "keywords": ["on", "日本"],
            "sources": ["https://example.org/?a=1,2"],
            "created": "2020-02-29T23:59:59Z",
            "updated": "2024-03-01T10:00:00+02:00",
            "links": [
                {"target": ids[1], "type": "contradicts", "reason": "because: yes"},
                {"target": ids[2], "type": "derived_from"},
            ],
        },
        {
            "id": ids[1],
            "title": "old",
            "type": "decision",
            "status": "obsolete",
            "superseded_by": ids[0],
            "updated": "2023-01-01",
        },
        {"id": ids[2], "title": "# a title like a heading", "content": "# another heading\n\ntext 🦊 \u2028 end"},
        {"id": ids[3], "title": "2024", "content": ""},
    ]
    file = tmp_path / "rich.jsonl"
    file.write_text("".join(json.dumps(record) + "\n" for record in records), "utf-8")
    assert report(rekall, file)["added"] == 4
    return entries(rekall)


@pytest.mark.parametrize("target", ["all.jsonl", "folder"])
def test_an_export_into_an_empty_base_gives_the_same_entries(
    rekall: Rekall, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, rich_base: list[dict[str, Any]], target: str
) -> None:
    ran = rekall("export", str(tmp_path / target))
    assert (ran.code, ran.out) == (0, "")
    assert "4 entries" in ran.err
    monkeypatch.setenv("REKALL_HOME", str(tmp_path / "other"))
    answer = report(rekall, tmp_path / target)
    assert (answer["added"], answer["refused"], answer["lost_links"]) == (4, [], 0)
    assert sorted(entries(rekall), key=lambda entry: entry["id"]) == sorted(rich_base, key=lambda entry: entry["id"])


@pytest.mark.parametrize("target", ["all.jsonl", "folder"])
def test_an_export_into_the_same_base_changes_nothing(
    rekall: Rekall, tmp_path: Path, rich_base: list[dict[str, Any]], target: str
) -> None:
    rekall("export", str(tmp_path / target))
    answer = report(rekall, tmp_path / target)
    assert (answer["added"], answer["updated"], answer["unchanged"]) == (0, 0, 4)
    assert entries(rekall) == rich_base


@pytest.mark.usefixtures("rich_base")
@pytest.mark.parametrize("target", ["all.jsonl", "folder"])
def test_two_exports_are_the_same_bytes(rekall: Rekall, tmp_path: Path, target: str) -> None:
    def content() -> dict[str, bytes]:
        path = tmp_path / target
        return {file.name: file.read_bytes() for file in ([path] if path.is_file() else sorted(path.iterdir()))}

    rekall("export", str(tmp_path / target))
    first = content()
    rekall("export", str(tmp_path / target))
    assert content() == first
    assert len(first) in (1, 4)


@pytest.mark.usefixtures("rich_base")
def test_an_export_takes_the_filters_of_a_list(rekall: Rekall, tmp_path: Path) -> None:
    answer = rekall("export", str(tmp_path / "some.jsonl"), "--type", "bug", "--tag", "c++", "--json").json
    assert answer == {
        "schema_version": 2,
        "exported": 1,
        "deleted": 0,
        "removed": [],
        "format": "jsonl",
        "path": str(tmp_path / "some.jsonl"),
    }
    (line,) = (tmp_path / "some.jsonl").read_text("utf-8").split("\n")[:-1]
    assert json.loads(line)["type"] == "bug"


@pytest.mark.usefixtures("rich_base")
def test_what_list_prints_can_be_imported(rekall: Rekall, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "list.json").write_text(rekall("list", "--json").out, "utf-8")
    monkeypatch.setenv("REKALL_HOME", str(tmp_path / "other"))
    assert report(rekall, tmp_path / "list.json")["added"] == 4


@pytest.mark.usefixtures("rich_base")
@pytest.mark.parametrize("name", ["all.txt", "all.csv", "all.md"])
def test_an_export_of_an_unknown_kind_is_refused(rekall: Rekall, tmp_path: Path, name: str) -> None:
    ran = rekall("export", str(tmp_path / name))
    assert ran.code == 4
    assert ".jsonl" in ran.err
    assert not (tmp_path / name).exists()


@pytest.mark.usefixtures("rich_base")
def test_an_export_does_not_replace_a_file_by_a_folder(rekall: Rekall, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    assert rekall("export", str(tmp_path / "file")).code == 4
    assert (tmp_path / "file").read_text() == "mine"


@pytest.mark.usefixtures("rich_base")
def test_an_export_that_cannot_be_written_is_explained_and_keeps_the_old_one(rekall: Rekall, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    ran = rekall("export", str(tmp_path / "file" / "all.jsonl"))
    assert ran.code in (3, 4)
    assert "hint: " in ran.err
    (tmp_path / "taken.jsonl").mkdir()
    assert rekall("export", str(tmp_path / "taken.jsonl")).code in (3, 4)
    assert list(tmp_path.glob("*.part")) == list(tmp_path.glob(".*.part")) == []


@posix
@pytest.mark.usefixtures("rich_base")
def test_what_is_exported_is_private(rekall: Rekall, tmp_path: Path) -> None:
    rekall("export", str(tmp_path / "new" / "all.jsonl"))
    rekall("export", str(tmp_path / "folder"))
    files = [tmp_path / "new" / "all.jsonl", *(tmp_path / "folder").iterdir()]
    assert {stat.S_IMODE(file.stat().st_mode) for file in files} == {0o600}
    assert {stat.S_IMODE((tmp_path / name).stat().st_mode) for name in ("new", "folder")} == {0o700}


def test_an_empty_base_exports_nothing(rekall: Rekall, tmp_path: Path, home: Path) -> None:
    assert rekall("export", str(tmp_path / "none.jsonl"), "--json").json["exported"] == 0
    assert (tmp_path / "none.jsonl").read_bytes() == b""
    assert not home.exists()
