"""`rekall stale`: what seems to hold no longer, in words, as JSON and as ids."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from support import Ran

Rekall = Callable[..., Ran]


@pytest.fixture
def old(rekall: Rekall, quick_model: None, tmp_path: Path) -> list[str]:
    """Four old entries: of two something is known, one is only old, one is obsolete."""
    rows = [
        {"title": "Rails 4.2 on the server", "type": "bug", "confidence": 1, "content": "x"},
        {"title": "the freeze", "type": "til", "project": "shop", "content": "it is valid until 2024-06"},
        {"title": "only old", "type": "bug", "content": "x"},
        {"title": "obsolete", "type": "bug", "status": "obsolete", "content": "valid until 2024-06"},
    ]
    file = tmp_path / "old.jsonl"
    file.write_text(
        "".join(json.dumps({**row, "updated": f"2024-01-0{place}"}) + "\n" for place, row in enumerate(rows, 1))
    )
    assert rekall("import", str(file)).code == 0
    rekall("add", "til", "Rails 7 is here", "-c", "text")
    return [each["title"] for each in rows]


def test_each_reason_is_told_with_what_to_do(rekall: Rekall, old: list[str]) -> None:
    ran = rekall("stale")
    assert ran.code == 0
    lines = ran.out.splitlines()
    assert lines[0].split()[:4] == ["1", "Rails", "4.2", "on"]
    short = lines[0].split()[-1]
    text = " ".join(ran.out.split())
    assert "it is about Rails 4.2, and 'Rails 7 is here' names 7" in text
    assert "you were not sure of it: confidence 1 of 5" in text
    assert f"-> `rekall edit {short} --confidence 4` once you know" in text
    assert "it says 'valid until 2024-06', which has passed" in text
    assert "obsolete" not in text
    assert max(map(len, lines)) <= 80
    assert "3 entries; `rekall review 1`" in ran.err


def test_the_same_as_json_and_as_ids(rekall: Rekall, old: list[str]) -> None:
    answer = rekall("stale", "--json").json
    assert [each["title"] for each in answer["entries"]] == old[:3]
    assert answer["total"] == 3
    first = answer["entries"][0]
    assert [each["sign"] for each in first["reasons"]] == ["old_version", "unsure", "old"]
    assert first["id"] in first["reasons"][1]["hint"]
    assert rekall("stale", "--ids", "-n", "2").out.split() == [each["id"] for each in answer["entries"][:2]]
    assert "1 of 3; --all" in " ".join(rekall("stale", "-n", "1").err.replace("entry ", "").split())


def test_filters_and_reasons_choose(rekall: Rekall, old: list[str]) -> None:
    assert [each["title"] for each in rekall("stale", "-p", "shop", "--json").json["entries"]] == ["the freeze"]
    chosen = rekall("stale", "--because", "unsure", "--json").json["entries"]
    assert [[reason["sign"] for reason in each["reasons"]] for each in chosen] == [["unsure"]]
    assert rekall("stale", "--because", "file-gone").out == ""
    assert "nothing seems stale" in rekall("stale", "--because", "file-gone").err


@pytest.mark.parametrize(
    ("words", "code"),
    [(("--all", "-n", "2"), 2), (("--ids", "--json"), 2), (("--because", "rotten"), 2), (("-t", "x"), 4)],
)
def test_a_wrong_call_is_told(rekall: Rekall, words: tuple[str, ...], code: int) -> None:
    assert rekall("stale", *words).code == code


def test_an_empty_base_has_nothing_stale(rekall: Rekall) -> None:
    ran = rekall("stale")
    assert (ran.code, ran.out) == (0, "")
    assert "start with" in ran.err
    assert rekall("stale", "--json").json == {"schema_version": 2, "total": 0, "entries": []}


@pytest.mark.skipif(shutil.which("git") is None, reason="no git here")
def test_files_are_looked_for_in_the_repository_one_stands_in(
    rekall: Rekall, quick_model: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "shop"
    folder.mkdir()
    subprocess.run(["git", "init", "-q"], cwd=folder, check=True)
    (folder / "there.py").touch()
    rekall("add", "bug", "a note", "-p", "shop", "--file", "there.py", "--file", "src/gone.py", "-c", "x")
    assert rekall("stale").out == ""
    monkeypatch.setenv("REKALL_ADD_PROJECT", "auto")
    monkeypatch.chdir(folder)
    (found,) = rekall("stale", "--json").json["entries"]
    assert [each["text"] for each in found["reasons"]] == ["src/gone.py is gone"]


def test_nothing_is_changed(rekall: Rekall, old: list[str], home: Path) -> None:
    before = rekall("export", "-").out
    rekall("stale")
    assert rekall("export", "-").out == before
    assert rekall("review", "--json").json["answered_today"] == 0
