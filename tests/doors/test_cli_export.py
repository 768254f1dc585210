"""export from the shell."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from support import Ran

Rekall = Callable[..., Ran]
posix = pytest.mark.skipif(os.name == "nt", reason="Windows has no file modes")


pytestmark = pytest.mark.usefixtures("quick_model")


def entries(rekall: Rekall) -> list[dict[str, Any]]:
    """Every entry in full, links included; where each came from is this base's own affair."""
    ids = [entry["id"] for entry in rekall("list", "--all", "--json").json["entries"]]
    shown = [rekall("show", entry_id, "--json").json["entry"] for entry_id in ids]
    return [{name: value for name, value in entry.items() if name != "origin"} for entry in shown]


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
        {"id": ids[3], "title": "2024", "content": "the year"},
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
        "secrets": [],
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
@pytest.mark.parametrize("name", ["all.txt", "all.csv"])
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


# stdout


@pytest.mark.usefixtures("rich_base")
@pytest.mark.parametrize("form", ["", "jsonl", "json", "html"])
def test_a_dash_is_stdout_and_the_talk_goes_to_stderr(
    rekall: Rekall, tmp_path: Path, monkeypatch: Any, form: str
) -> None:
    monkeypatch.chdir(tmp_path)
    file = tmp_path / "all"
    ran = rekall("export", "-", *(("--format", form) if form else ()))
    rekall("export", str(file), "--format", form or "jsonl")
    assert (ran.code, ran.out.encode()) == (0, file.read_bytes())
    assert ran.err == "exported 4 entries\n"
    assert not (tmp_path / "-").exists()


@pytest.mark.usefixtures("rich_base")
def test_one_entry_goes_to_stdout_as_markdown_and_more_do_not(rekall: Rekall) -> None:
    ran = rekall("export", "-", "--format", "markdown", "--type", "bug")
    assert (ran.code, ran.err) == (0, "exported 1 entry\n")
    assert ran.out.startswith("---\nid: 01J9P7AAAAAAAAAAAAAAAAAAA0\n")
    for form in ("markdown", "obsidian"):
        ran = rekall("export", "-", "--format", form)
        assert (ran.code, ran.out) == (4, "")
        assert "folder" in ran.err


@pytest.mark.usefixtures("rich_base")
def test_a_report_is_not_mixed_into_the_entries(rekall: Rekall) -> None:
    ran = rekall("export", "-", "--json")
    assert ran.code == 2
    assert "entries" in ran.json["error"]["message"]
    assert "--format json" in ran.json["error"]["hint"]


@pytest.mark.usefixtures("rich_base")
def test_an_error_is_told_to_people_whatever_the_format_of_the_file(rekall: Rekall, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    ran = rekall("--set", "search.limit=5", "export", str(tmp_path / "file" / "all"), "--format", "json")
    assert (ran.code in (3, 4), ran.out) == (True, "")
    assert "error: " in ran.err
    ran = rekall("search", "export", "--format", "json", "--type", "nothing")
    assert ran.json["error"]["kind"] == "invalid_input"


@pytest.mark.usefixtures("rich_base")
def test_a_reader_that_has_enough_ends_an_export_quietly(rekall: Rekall, tmp_path: Path) -> None:
    records = [json.dumps({"title": f"n{number}", "content": "word " * 2000}) for number in range(100)]
    (tmp_path / "many.jsonl").write_text("\n".join(records))
    assert report(rekall, tmp_path / "many.jsonl")["added"] == 100
    with subprocess.Popen(
        [sys.executable, "-m", "rekall", "export", "-"], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert json.loads(process.stdout.readline())["title"]
        process.stdout.close()
        assert process.stderr.read() == b""
        assert process.wait() == 0


def test_what_was_deleted_goes_along_and_is_said(rekall: Rekall, tmp_path: Path) -> None:
    ids = [rekall("add", "til", name, "--json").json["entry"]["id"] for name in ("one", "two")]
    rekall("delete", ids[0], "--yes")
    target = tmp_path / "all.jsonl"
    assert rekall("export", str(target)).err == (
        f"exported 1 entry and 1 deleted one to {target} (--no-deleted leaves those out)\n"
    )
    assert rekall("export", str(target), "--json").json["deleted"] == 1
    assert rekall("export", str(target), "--no-deleted").err == f"exported 1 entry to {target}\n"
    assert ids[0] not in target.read_text("utf-8")
    assert rekall("export", str(target), "--type", "til").err == f"exported 1 entry to {target}\n"


def test_files_of_an_earlier_export_that_went_are_said(rekall: Rekall, tmp_path: Path) -> None:
    entry_id = rekall("add", "til", "one", "--json").json["entry"]["id"]
    folder = tmp_path / "vault"
    rekall("export", str(folder), "--format", "obsidian")
    rekall("edit", entry_id, "--title", "two")
    ran = rekall("export", str(folder), "--format", "obsidian")
    assert "removed 1 file of an earlier export" in ran.err
    assert [path.name for path in folder.iterdir()] == ["two.md"]
    rekall("edit", entry_id, "--title", "three")
    answer = rekall("export", str(folder), "-f", "obsidian", "--json").json
    assert (answer["removed"], answer["format"]) == (["two.md"], "obsidian")


def test_the_formats_of_the_command_are_those_there_are() -> None:
    from rekall.cli.export import _FORMATS
    from rekall.exchange.writing import Format

    assert list(_FORMATS) == [form.value for form in Format]
