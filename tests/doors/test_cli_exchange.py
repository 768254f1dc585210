"""import from the shell, and what supersedes what on its way through a file."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from support import Ran

Rekall = Callable[..., Ran]
posix = pytest.mark.skipif(os.name == "nt", reason="Windows has no file modes")


pytestmark = pytest.mark.usefixtures("quick_model")


@pytest.fixture
def notes(tmp_path: Path) -> Path:
    """Three Markdown notes, one of them in a sub-folder, and things that are none."""
    folder = tmp_path / "notes"
    (folder / "deep").mkdir(parents=True)
    (folder / ".hidden").mkdir()
    (folder / "first.md").write_text("---\ntitle: The first\ntype: bug\ntags: [Web, css]\n---\n\nSome text.\n", "utf-8")
    (folder / "second-note.md").write_text("# A heading as title\n\nMore text.\n", "utf-8")
    (folder / "deep" / "third_note.markdown").write_text("only text, ünïcode\n", "utf-8")
    (folder / ".hidden" / "x.md").write_text("# hidden\n")
    (folder / "image.png").write_bytes(b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + bytes(range(256)))
    return folder


def titles(rekall: Rekall) -> list[str]:
    return sorted(entry["title"] for entry in rekall("list", "--all", "--json").json["entries"])


def entries(rekall: Rekall) -> list[dict[str, Any]]:
    """Every entry in full, links included."""
    ids = [entry["id"] for entry in rekall("list", "--all", "--json").json["entries"]]
    return [rekall("show", entry_id, "--json").json["entry"] for entry_id in ids]


def without_origin(entry: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in entry.items() if name != "origin"}


def report(rekall: Rekall, *arguments: object, code: int = 0) -> dict[str, Any]:
    ran = rekall("import", *map(str, arguments), "--json")
    assert ran.code == code
    assert ran.json["schema_version"] == 2
    return dict(ran.json)


# import


def test_a_folder_is_walked_and_what_is_hidden_or_foreign_left_out(rekall: Rekall, notes: Path) -> None:
    ran = rekall("import", str(notes))
    assert (ran.code, ran.out, ran.err) == (0, "3 added\n", "1 file of other kinds left out: 1 .png\n")
    assert titles(rekall) == ["A heading as title", "The first", "third note"]
    (first,) = (entry for entry in entries(rekall) if entry["title"] == "The first")
    assert (first["type"], first["tags"], first["content"]) == ("bug", ["web", "css"], "Some text.")


def test_the_report_in_json_has_every_figure(rekall: Rekall, notes: Path) -> None:
    answer = report(rekall, notes)
    assert {
        name: answer[name]
        for name in (
            "dry_run",
            "added",
            "updated",
            "unchanged",
            "kept",
            "refused",
            "unknown_types",
            "lost_links",
            "warning",
        )
    } == {
        "dry_run": False,
        "added": 3,
        "updated": 0,
        "unchanged": 0,
        "kept": [],
        "refused": [],
        "unknown_types": {},
        "lost_links": 0,
        "warning": None,
    }
    assert answer["embedded"] >= 3


@pytest.mark.parametrize("name", ["content", "text", "body"])
def test_a_record_may_call_its_text_by_three_names(rekall: Rekall, tmp_path: Path, name: str) -> None:
    file = tmp_path / "records.jsonl"
    file.write_text(json.dumps({"title": "t", name: "the text", "type": "til", "tags": "a, B"}))
    report(rekall, file)
    (entry,) = entries(rekall)
    assert (entry["content"], entry["type"], entry["tags"]) == ("the text", "til", ["a", "b"])


@pytest.mark.parametrize("wrap", [lambda records: records, lambda records: {"entries": records}])
def test_a_json_file_holds_a_list(rekall: Rekall, tmp_path: Path, wrap: Callable[[Any], Any]) -> None:
    file = tmp_path / "records.json"
    file.write_text("\ufeff" + json.dumps(wrap([{"title": "one"}, {"title": "two", "content": "x"}])), "utf-8")
    assert report(rekall, file)["added"] == 2
    assert titles(rekall) == ["one", "two"]


def test_a_record_without_title_takes_its_first_line(rekall: Rekall, tmp_path: Path) -> None:
    file = tmp_path / "records.jsonl"
    file.write_text(json.dumps({"text": "\n# First line\nsecond"}) + "\n")
    report(rekall, file)
    assert titles(rekall) == ["First line"]


def test_unknown_types_become_references_and_are_counted(rekall: Rekall, tmp_path: Path) -> None:
    file = tmp_path / "types.jsonl"
    file.write_text(
        "".join(
            json.dumps({"title": f"n{number}", "type": kind}) + "\n"
            for number, kind in enumerate(["gotcha", "gotcha", "recipe", "bug", None])
        )
    )
    ran = rekall("import", str(file))
    assert ran.code == 0
    assert "'gotcha'" in ran.err
    assert "2 entries" in ran.err
    assert "--type" in ran.err
    assert rekall("stats", "--json").json["by_type"] == {"reference": 4, "bug": 1}


def test_another_type_can_be_chosen_for_them(rekall: Rekall, tmp_path: Path) -> None:
    file = tmp_path / "types.jsonl"
    file.write_text('{"title": "a", "type": "gotcha"}\n{"title": "b"}\n{"title": "c", "type": "bug"}\n')
    assert report(rekall, file, "--type", "pitfall")["unknown_types"] == {"gotcha": 1}
    assert rekall("stats", "--json").json["by_type"] == {"pitfall": 2, "bug": 1}


def test_the_chosen_type_must_exist(rekall: Rekall, notes: Path, home: Path) -> None:
    ran = rekall("import", str(notes), "--type", "gotcha")
    assert ran.code == 4
    assert "types: " in ran.err
    assert not home.exists()


def test_what_is_unchanged_is_skipped_and_what_changed_is_updated(rekall: Rekall, notes: Path) -> None:
    report(rekall, notes)
    before = {entry["title"]: entry["id"] for entry in entries(rekall)}
    again = report(rekall, notes)
    assert (again["added"], again["unchanged"], again["embedded"]) == (0, 3, 0)
    (notes / "first.md").write_text("---\ntitle: The first\ntype: bug\n---\n\nOther text.\n", "utf-8")
    changed = report(rekall, notes)
    assert (changed["added"], changed["updated"], changed["unchanged"]) == (0, 1, 2)
    after = {entry["title"]: entry for entry in entries(rekall)}
    assert {title: entry["id"] for title, entry in after.items()} == before
    assert after["The first"]["content"] == "Other text."
    assert [hit["title"] for hit in rekall("search", '"Other text"', "--mode", "words", "--json").json["hits"]] == [
        "The first"
    ]


def test_the_same_file_from_another_folder_is_the_same_source(
    rekall: Rekall, notes: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(notes.parent)
    assert report(rekall, "notes")["added"] == 3
    monkeypatch.chdir(notes)
    assert report(rekall, ".")["unchanged"] == 3
    assert report(rekall, "../notes/first.md")["unchanged"] == 1
    assert len(titles(rekall)) == 3


def test_an_entry_edited_here_and_in_its_file_keeps_both_versions(rekall: Rekall, notes: Path) -> None:
    report(rekall, notes)
    entry_id = rekall("list", "--type", "bug", "--json").json["entries"][0]["id"]
    rekall("edit", entry_id, "--content", "my own words")
    (notes / "first.md").write_text("---\ntitle: The first\ntype: bug\n---\n\nThe file's words.\n", "utf-8")
    ran = rekall("import", str(notes))
    assert ran.code == 7
    assert "1 changed on both sides" in ran.out
    assert "first.md (content)" in ran.err
    assert rekall("show", entry_id, "--json").json["entry"]["content"] == "my own words"
    contents = [entry["content"] for entry in entries(rekall)]
    assert "The file's words." in contents
    assert report(rekall, notes)["conflicts"] == []
    assert report(rekall, notes, "--overwrite")["updated"] == 1
    assert rekall("show", entry_id, "--json").json["entry"]["content"] == "The file's words."
    assert len(entries(rekall)) == 3


def test_a_dry_run_reports_and_changes_nothing(rekall: Rekall, notes: Path) -> None:
    rekall("add", "til", "here before")
    answer = report(rekall, notes, "--dry-run")
    assert (answer["dry_run"], answer["added"]) == (True, 3)
    assert titles(rekall) == ["here before"]
    assert rekall("import", str(notes), "--dry-run").out == "would be: 3 added\n"
    assert report(rekall, notes)["added"] == 3


def test_a_dry_run_makes_no_database(rekall: Rekall, notes: Path, home: Path) -> None:
    assert report(rekall, notes, "--dry-run")["added"] == 3
    assert not home.exists()


def test_one_bad_file_is_reported_and_the_rest_goes_in(rekall: Rekall, notes: Path) -> None:
    (notes / "broken.md").write_text("---\ntitle: [never closed\n---\n")
    (notes / "latin.md").write_bytes(b"# caf\xe9\n")
    (notes / "binary.md").write_bytes(bytes(range(256)))
    (notes / "records.jsonl").write_text('{"title": "good"}\nnot json\n{"title": ""}\n[1]\n')
    ran = rekall("import", str(notes))
    assert ran.code == 4
    assert ran.out == "6 added, 2 refused\n"
    for where in ("binary.md", "records.jsonl, line 2"):
        assert where in ran.err
    assert "encoding is not UTF-8: read as cp1252: " in ran.err
    assert "hint: " in ran.err
    assert len(titles(rekall)) == 6


def test_refusals_in_json_are_one_document_with_the_code(rekall: Rekall, notes: Path) -> None:
    (notes / "binary.md").write_bytes(bytes(range(256)))
    answer = report(rekall, notes, code=4)
    (refused,) = answer["refused"]
    assert refused["where"].endswith("binary.md")
    assert "no text" in refused["message"]
    assert answer["added"] == 3


def test_a_dry_run_with_refusals_ends_with_the_same_code(rekall: Rekall, notes: Path) -> None:
    (notes / "binary.md").write_bytes(bytes(range(256)))
    ran = rekall("import", str(notes), "--dry-run")
    assert ran.code == 4
    assert "would be" in ran.err
    assert titles(rekall) == []


def test_a_path_that_does_not_exist_imports_nothing_at_all(rekall: Rekall, notes: Path) -> None:
    ran = rekall("import", str(notes), str(notes / "nowhere"))
    assert (ran.code, ran.out) == (3, "")
    assert "nowhere" in ran.err
    assert titles(rekall) == []
    assert rekall("import", "nowhere", "--json").json["error"]["kind"] == "not_found"


def test_a_file_of_another_kind_is_refused_by_name(rekall: Rekall, notes: Path) -> None:
    ran = rekall("import", str(notes / "image.png"))
    assert ran.code == 4
    assert "image.png" in ran.err
    assert "docs/importing.md" in ran.err or "binary" in ran.err


def test_an_empty_folder_imports_nothing(rekall: Rekall, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    ran = rekall("import", str(tmp_path / "empty"))
    assert (ran.code, ran.out) == (0, "nothing to import\n")


def test_two_records_of_one_id_are_two_entries_the_second_time_too(rekall: Rekall, tmp_path: Path) -> None:
    file = tmp_path / "same.jsonl"
    file.write_text('{"_id": "x", "title": "one"}\n{"_id": "x", "title": "two"}\n')
    assert report(rekall, file)["added"] == 2
    assert report(rekall, file)["unchanged"] == 2


def test_an_import_without_an_engine_stores_and_says_so(
    rekall: Rekall, notes: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REKALL_ENGINE_MODEL", "missing")
    ran = rekall("import", str(notes))
    assert (ran.code, ran.out) == (0, "3 added\n")
    assert "missing" in ran.err
    assert "hint: installed: all-MiniLM-L6-v2" in ran.err
    monkeypatch.delenv("REKALL_ENGINE_MODEL")
    answer = report(rekall, notes)
    assert (answer["unchanged"], answer["warning"]) == (3, None)
    assert answer["embedded"] >= 3


# what supersedes what, on its way through a file


@pytest.mark.parametrize("target", ["all.jsonl", "folder"])
@pytest.mark.parametrize(
    "command",
    [("link", "new", "old", "--as", "supersedes", "--reason", "faster"), ("edit", "old", "--superseded-by", "new")],
    ids=["link", "edit"],
)
def test_a_successor_stays_one_truth_through_a_file(
    rekall: Rekall, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, target: str, command: tuple[str, ...]
) -> None:
    ids = {name: rekall("add", "til", name, "--json").json["entry"]["id"] for name in ("old", "new")}
    assert rekall(*(ids.get(word, word) for word in command)).code == 0
    before = entries(rekall)
    assert rekall("export", str(tmp_path / target)).code == 0
    monkeypatch.setenv("REKALL_HOME", str(tmp_path / "other"))
    assert report(rekall, tmp_path / target)["added"] == 2
    by_title = {entry["title"]: entry for entry in entries(rekall)}
    reason = "faster" if command[0] == "link" else ""
    link = {"source": ids["new"], "target": ids["old"], "type": "supersedes", "reason": reason}
    assert by_title["old"]["superseded_by"] == {"id": ids["new"], "title": "new"}
    assert by_title["old"]["links"] == by_title["new"]["links"] == [link]
    assert {title: without_origin(entry) for title, entry in by_title.items()} == {
        entry["title"]: without_origin(entry) for entry in before
    }
    assert rekall("link", ids["new"], ids["old"], "--remove").code == 0
    (old,) = (entry for entry in entries(rekall) if entry["title"] == "old")
    assert (old["status"], old["superseded_by"], old["links"]) == ("active", None, [])


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ({"status": "obsolete", "superseded_by": "NEW"}, {}),
        ({}, {"links": [{"target": "OLD", "type": "supersedes"}]}),
        ({"status": "obsolete", "superseded_by": "NEW"}, {"links": [{"target": "OLD", "type": "supersedes"}]}),
        ({"superseded_by": {"id": "NEW", "title": "new"}}, {}),
    ],
    ids=["field", "link", "both", "answer"],
)
def test_a_file_may_name_a_successor_at_either_end(
    rekall: Rekall, tmp_path: Path, old: dict[str, Any], new: dict[str, Any]
) -> None:
    ids = {"OLD": "01J9P7AAAAAAAAAAAAAAAAAAA1", "NEW": "01J9P7AAAAAAAAAAAAAAAAAAA2"}
    records = [{"id": ids["OLD"], "title": "old", **old}, {"id": ids["NEW"], "title": "new", **new}]
    text = "".join(json.dumps(record) + "\n" for record in records)
    (tmp_path / "two.jsonl").write_text(text.replace('"OLD"', f'"{ids["OLD"]}"').replace('"NEW"', f'"{ids["NEW"]}"'))
    assert report(rekall, tmp_path / "two.jsonl")["added"] == 2
    by_title = {entry["title"]: entry for entry in entries(rekall)}
    assert (by_title["old"]["status"], by_title["old"]["superseded_by"]["id"]) == ("obsolete", ids["NEW"])
    assert [link["type"] for link in by_title["old"]["links"]] == ["supersedes"]
    assert by_title["old"]["links"] == by_title["new"]["links"]
