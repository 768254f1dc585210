"""bench from the shell: the sample notes, a folder of judged queries, the user's own base, and models."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path

import pytest
from support import DATA, Ran

from rekall.models.export.exporter import export_model
from rekall.models.export.options import ExportOptions

Rekall = Callable[..., Ran]
MODES = ["words", "meaning", "hybrid"]


@pytest.fixture
def beir(tmp_path: Path) -> Path:
    folder = tmp_path / "animals"
    (folder / "qrels").mkdir(parents=True)
    documents = {"c": "cats purr", "d": "dogs bark", "f": "fish swim", "twin": "cats purr"}
    queries = {"q1": "which animal purrs", "q2": "bark"}
    for name, texts in (("corpus", documents), ("queries", queries)):
        lines = [json.dumps({"_id": key, "text": text}) for key, text in texts.items()]
        (folder / f"{name}.jsonl").write_text("\n".join(lines))
    (folder / "qrels" / "test.tsv").write_text("q\td\ts\nq1\tc\t1\nq1\ttwin\t1\nq2\td\t1\n")
    return folder


def every_file(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in folder.rglob("*")
        if path.is_file()
    }


def test_the_sample_notes_are_found_by_every_mode(rekall: Rekall, home: Path) -> None:
    answer = rekall("bench", "--json").json
    assert (answer["set"], answer["notes"]) == ("sample notes", [])
    assert answer["entries"] >= 40
    assert answer["queries"] >= 25
    assert [row["mode"] for row in answer["modes"]] == MODES
    words, meaning, hybrid = answer["modes"]
    assert hybrid["recall"] >= 0.95
    assert hybrid["first_hit"] >= max(words["first_hit"], meaning["first_hit"]) > 0.7
    assert words["peak_bytes"] < 60e6 < meaning["peak_bytes"]
    assert not home.exists()


def test_a_folder_is_one_table(rekall: Rekall, home: Path, beir: Path) -> None:
    ran = rekall("bench", str(beir))
    assert ran.code == 0
    title, blank, head, *rows = ran.out.splitlines()
    assert (title, blank) == ("animals: 4 entries, 2 queries", "")
    assert all(word in head for word in ("first hit", "recall@10", "nDCG@10", "MRR@10", "median", "peak RAM"))
    assert [row.split()[0] for row in rows] == MODES
    assert not home.exists()


def test_equal_documents_stay_two(rekall: Rekall, beir: Path) -> None:
    answer = rekall("bench", str(beir), "--json").json
    assert answer["entries"] == 4
    assert [row["recall"] for row in answer["modes"]] == [1.0, 1.0, 1.0]


def test_a_document_that_holds_nothing_is_told(rekall: Rekall, beir: Path) -> None:
    with (beir / "corpus.jsonl").open("a") as file:
        file.write('\n{"_id": "none", "title": "", "text": ""}\n')
    ran = rekall("bench", str(beir))
    assert ran.out.startswith("animals: 4 entries, 2 queries\n")
    assert "1 document left out" in ran.err


def test_the_own_base_is_asked_and_left_as_it_is(rekall: Rekall, home: Path) -> None:
    for title in ("nginx keeps the old address", "cron has no PATH", "cron has no PATH"):
        assert rekall("add", "bug", title).code == 0
    before = every_file(home)
    answer = rekall("bench", "--own", "--json").json
    assert (answer["entries"], answer["queries"]) == (3, 2)
    assert [row["first_hit"] for row in answer["modes"]] == [1.0, 1.0, 1.0]
    assert every_file(home) == before


def test_titles_of_what_no_longer_holds_are_not_asked(rekall: Rekall) -> None:
    old = rekall("add", "bug", "the old way", "--json").json["entry"]["id"]
    rekall("add", "bug", "the new way")
    rekall("edit", old, "--status", "obsolete")
    answer = rekall("bench", "--own", "--json").json
    assert (answer["entries"], answer["queries"]) == (2, 1)


def test_without_a_model_the_words_are_measured_and_why_is_said(rekall: Rekall) -> None:
    rekall("add", "bug", "nginx keeps the old address")
    answer = rekall("--set", "engine.model=none", "bench", "--json").json
    assert [row["mode"] for row in answer["modes"]] == ["words"]
    assert any("none" in note for note in answer["notes"])


def test_an_empty_base_says_what_to_do(rekall: Rekall) -> None:
    ran = rekall("bench", "--own")
    assert (ran.code, ran.out) == (4, "")
    assert "rekall bench" in ran.err


def test_a_folder_that_is_no_set_is_told(rekall: Rekall, tmp_path: Path) -> None:
    ran = rekall("bench", str(tmp_path))
    assert ran.code == 3
    assert "test.tsv" in ran.err
    assert "BEIR" in ran.err


def test_a_set_whose_answers_are_elsewhere_is_told(rekall: Rekall, beir: Path) -> None:
    judgements = beir / "qrels" / "test.tsv"
    query = judgements.read_text().splitlines()[1].split("\t")[0]
    judgements.write_text(f"query-id\tcorpus-id\tscore\n{query}\tnowhere\t1\n")
    ran = rekall("bench", str(beir))
    assert ran.code == 4
    assert "no document answers a judged query" in ran.err


@pytest.mark.parametrize("arguments", [("FOLDER", "--own"), ("--own", "--model", "x"), ("FOLDER", "--model", "x")])
def test_one_thing_is_measured_at_a_time(rekall: Rekall, arguments: tuple[str, ...]) -> None:
    assert rekall("bench", *arguments).code == 2


def test_a_model_is_measured_as_before(rekall: Rekall, home: Path) -> None:
    export_model(DATA / "checkpoints" / "static", home / "models" / "tiny", ExportOptions(min_cosine=0.99))
    named = rekall("bench", "--model", "tiny", "--json").json["models"]
    before = rekall("model", "bench", "tiny", "--json").json["models"]
    assert [set(each) for each in named] == [set(each) for each in before]
    assert [each["name"] for each in named] == ["tiny"]
    listed = rekall("bench", "--model", "all", "--json").json["models"]
    assert {each["name"] for each in listed} == {"tiny", "all-MiniLM-L6-v2"}
