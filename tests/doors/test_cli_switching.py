"""Switching models from the shell: use, list, info, remove, pack, import; index status and prune."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from support import CHECKOUT, DATA, Ran

from rekall import backlog
from rekall.models.engine.card import read_card

Rekall = Callable[..., Ran]
Process = Callable[..., "subprocess.CompletedProcess[str]"]
SHIPPED = "all-MiniLM-L6-v2"
TITLES = [
    "safari blocks cookies",
    "nginx proxy timeout",
    "docker image grows",
    "git rebase loses work",
    "redis queue hangs",
]


@pytest.fixture(scope="session")
def tiny_models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four tiny models: `tiny`, `second` and `tiny-changed` are tables, `bert` is a graph."""
    pytest.importorskip("onnx")
    pytest.importorskip("safetensors")
    from rekall.models.export.exporter import export_model
    from rekall.models.export.options import ExportOptions

    parent = tmp_path_factory.mktemp("models")
    for name, checkpoint in (("tiny", "model2vec"), ("second", "static"), ("bert", "bert")):
        export_model(DATA / "checkpoints" / checkpoint, parent / name, ExportOptions(min_cosine=0.9))
    export_model(
        DATA / "checkpoints" / "model2vec", parent / "changed" / "tiny", ExportOptions(precision="fp32", min_cosine=0.9)
    )
    return parent


@pytest.fixture
def models(home: Path, tiny_models: Path) -> Path:
    """The user's own folder with `tiny`, `second` and `bert`."""
    for name in ("tiny", "second", "bert"):
        shutil.copytree(tiny_models / name, home / "models" / name)
    return home / "models"


@pytest.fixture(autouse=True)
def small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backlog, "EMBED_BATCH", 2)
    monkeypatch.setattr(backlog, "MOST_BATCH", 2)


@pytest.fixture
def stocked(rekall: Rekall, models: Path, tmp_path: Path) -> Path:
    """Five notes embedded with `tiny`. Returns the folder of models."""
    assert rekall("model", "use", "tiny").code == 0
    add_notes(rekall, tmp_path, TITLES)
    return models


def add_notes(rekall: Rekall, folder: Path, titles: list[str]) -> None:
    file = folder / "notes.jsonl"
    file.write_text("".join(json.dumps({"title": title, "type": "til"}) + "\n" for title in titles))
    assert rekall("import", str(file)).code == 0


def change_artefact(models: Path, tiny_models: Path) -> None:
    """Put another export in the place of `tiny`."""
    shutil.rmtree(models / "tiny")
    shutil.copytree(tiny_models / "changed" / "tiny", models / "tiny")


def status(rekall: Rekall) -> dict[str, Any]:
    return dict(rekall("index", "status", "--json").json)


def mode(rekall: Rekall) -> tuple[str, str | None]:
    """How a search was answered; it finds the note by its title whichever way."""
    answer = rekall("search", TITLES[0], "--json").json
    assert answer["hits"][0]["title"] == TITLES[0]
    return answer["mode"]["used"], answer["mode"]["reason"]


def marked(rekall: Rekall) -> list[str]:
    return [model["name"] for model in rekall("model", "list", "--json").json["models"] if model["in_use"]]


def configured(rekall: Rekall) -> str:
    return str(rekall("config", "get", "engine.model").out.strip())


# use


def test_use_embeds_everything_and_says_so(rekall: Rekall, stocked: Path) -> None:
    ran = rekall("model", "use", "bert")
    assert (ran.code, ran.out) == (0, "searches use bert now; 5 passages embedded\n")
    assert "the vectors of tiny are kept" in ran.err
    assert "`rekall index prune`" in ran.err
    assert mode(rekall) == ("hybrid", None)
    state = status(rekall)
    assert (state["space"]["model"], state["space"]["vectors"], state["pending_passages"]) == ("bert", 5, 0)
    assert state["space"]["fingerprint"] == state["fingerprint"] == read_card(stocked / "bert").fingerprint


def test_use_as_json_is_all_there_is(rekall: Rekall, stocked: Path) -> None:
    ran = rekall("model", "use", "bert", "--json")
    assert (ran.code, ran.err) == (0, "")
    assert ran.json == {
        "schema_version": 2,
        "model": "bert",
        "fingerprint": read_card(stocked / "bert").fingerprint,
        "before": "tiny",
        "embedded": 5,
        "pending": 0,
        "set_aside": 0,
        "in_use": True,
    }


def test_use_again_does_nothing(rekall: Rekall, stocked: Path) -> None:
    ran = rekall("model", "use", "tiny")
    assert (ran.code, ran.out, ran.err) == (0, "searches use tiny now; 0 passages embedded\n", "")
    assert rekall("model", "use", "tiny", "--json").json["embedded"] == 0
    assert status(rekall)["other_spaces"] == []


def test_the_way_back_embeds_only_what_is_new(rekall: Rekall, stocked: Path) -> None:
    rekall("model", "use", "bert")
    assert rekall("add", "til", "zebra crossing", "--json").json["warning"] is None
    answer = rekall("model", "use", "tiny", "--json").json
    assert (answer["before"], answer["embedded"], answer["in_use"]) == ("bert", 1, True)


def test_the_setting_follows_a_switch_and_keeps_the_rest_of_the_file(rekall: Rekall, stocked: Path, home: Path) -> None:
    assert configured(rekall) == "tiny"
    rekall("config", "set", "search.limit", "7")
    config = Path(rekall("config", "path", "--json").json["config"])
    config.write_text("# my comment\n" + config.read_text())
    rekall("model", "use", "bert")
    assert configured(rekall) == "bert"
    assert rekall("config", "get", "search.limit").out == "7\n"
    assert config.read_text().startswith("# my comment\n")


def test_the_setting_stays_while_the_switch_is_not_finished(rekall: Rekall, stocked: Path) -> None:
    rekall("model", "use", "bert", "--budget", "0s")
    assert configured(rekall) == "tiny"
    rekall("model", "use", "bert")
    assert configured(rekall) == "bert"


def test_the_setting_is_written_also_when_this_command_alone_was_told_the_same(rekall: Rekall, stocked: Path) -> None:
    rekall("--set", "engine.model=bert", "model", "use", "bert")
    assert configured(rekall) == "bert"


def test_use_without_a_base_makes_no_database_file(rekall: Rekall, models: Path, home: Path) -> None:
    ran = rekall("model", "use", "tiny", "--json")
    assert (ran.code, ran.json["embedded"], ran.json["before"], ran.json["in_use"]) == (0, 0, None, True)
    assert list(home.rglob("*.db*")) == []
    assert configured(rekall) == "tiny"
    assert marked(rekall) == ["tiny"]
    assert rekall("add", "til", "safari", "--json").json["warning"] is None
    assert status(rekall)["space"]["model"] == "tiny"


@pytest.mark.parametrize("name", ["nowhere", "../models/tiny", "", "a b"])
def test_an_unknown_model_changes_nothing_and_names_those_there_are(rekall: Rekall, stocked: Path, name: str) -> None:
    before = status(rekall)
    ran = rekall("model", "use", name)
    assert (ran.code, ran.out) == (6, "")
    assert "bert" in ran.err
    assert "second" in ran.err
    assert rekall("model", "use", name, "--json").json["error"]["kind"] == "model_not_found"
    assert status(rekall) == before
    assert configured(rekall) == "tiny"


def test_an_unknown_model_makes_nothing(rekall: Rekall, home: Path) -> None:
    assert rekall("model", "use", "nowhere").code == 6
    assert not home.exists()


def test_a_damaged_model_changes_nothing(rekall: Rekall, stocked: Path) -> None:
    before = status(rekall)
    with (stocked / "bert" / "model.weights").open("r+b") as file:
        file.write(b"torn")
    ran = rekall("model", "use", "bert")
    assert (ran.code, ran.out) == (6, "")
    assert "model.weights" in ran.err
    assert status(rekall) == before
    assert mode(rekall) == ("hybrid", None)


# a part


def test_a_part_says_how_much_is_to_go_and_how_to_go_on(rekall: Rekall, stocked: Path) -> None:
    ran = rekall("model", "use", "bert", "--budget", "0s")
    assert (ran.code, ran.out) == (
        0,
        "embedded 2 passages with bert, 3 to go; searches stay with the old model until then\n",
    )
    assert "`rekall model use bert`" in ran.err
    assert marked(rekall) == ["tiny"]
    assert mode(rekall) == ("hybrid", None)
    answer = rekall("model", "use", "bert", "--budget", "0", "--json").json
    assert (answer["embedded"], answer["pending"], answer["in_use"], answer["before"]) == (2, 1, False, "tiny")
    assert rekall("model", "use", "bert").out == "searches use bert now; 1 passage embedded\n"


def test_a_part_of_what_waits_for_the_model_in_use_says_how_much_is_to_go(
    rekall: Rekall, stocked: Path, home: Path
) -> None:
    shutil.move(stocked / "tiny", home / "away")
    add_notes(rekall, home, [f"note number{number}" for number in range(4)])
    shutil.move(home / "away", stocked / "tiny")
    assert status(rekall)["pending_passages"] == 4
    ran = rekall("model", "use", "tiny", "--budget", "0s")
    assert ran.code == 0
    assert "2 to go" in ran.out
    assert "`rekall model use tiny`" in ran.err


@pytest.mark.parametrize("budget", ["30s", "5m", "2h", "10", "1.5s", "0.5", " 30s ", "99999999999h"])
def test_a_budget_is_written_as_people_write_it(rekall: Rekall, stocked: Path, budget: str) -> None:
    ran = rekall("model", "use", "bert", "--budget", budget, "--json")
    assert (ran.code, ran.json["in_use"]) == (0, True)


@pytest.mark.parametrize("budget", ["", "junk", "s", "30 s", "30x", "-5", "-5s", "1e3", "5m30s", "1,5s", "inf", "nan"])
def test_a_budget_that_is_none_is_an_error_of_usage(rekall: Rekall, stocked: Path, budget: str) -> None:
    before = status(rekall)
    ran = rekall("model", "use", "bert", f"--budget={budget}")
    assert (ran.code, ran.out) == (2, "")
    assert "30s" in ran.err
    assert rekall("model", "use", "bert", f"--budget={budget}", "--json").json["error"]["kind"] == "usage"
    assert status(rekall) == before


def test_status_shows_what_is_unfinished_and_how_to_go_on(rekall: Rekall, stocked: Path) -> None:
    rekall("model", "use", "bert", "--budget", "0s")
    ran = rekall("index", "status")
    (line,) = [line for line in ran.out.splitlines() if "bert" in line]
    assert "2 of 5 vectors of bert" in line
    assert "`rekall model use bert`" in line
    assert ran.err == ""
    (space,) = status(rekall)["other_spaces"]
    assert (space["model"], space["state"], space["vectors"]) == ("bert", "building", 2)
    assert space["fingerprint"] == read_card(stocked / "bert").fingerprint


# prune


def test_status_shows_what_can_go_and_prune_lets_it_go(rekall: Rekall, stocked: Path) -> None:
    rekall("model", "use", "bert")
    (line,) = [line for line in rekall("index", "status").out.splitlines() if "tiny" in line]
    assert "5 of 5 vectors of tiny" in line
    assert "`rekall index prune`" in line
    assert [space["state"] for space in status(rekall)["other_spaces"]] == ["retired"]
    ran = rekall("index", "prune")
    assert (ran.code, ran.err) == (0, "")
    assert ran.out.startswith("dropped 5 vectors of tiny (")
    assert status(rekall)["other_spaces"] == []
    assert mode(rekall) == ("hybrid", None)
    assert rekall("index", "prune").out == "nothing to prune: every vector belongs to the model in use\n"


def test_prune_leaves_what_is_unfinished_and_does_not_deny_that_it_is_there(rekall: Rekall, stocked: Path) -> None:
    rekall("model", "use", "bert", "--budget", "0s")
    ran = rekall("index", "prune")
    assert ran.code == 0
    assert "every vector belongs to the model in use" not in ran.out
    assert "--unfinished" in ran.out + ran.err
    assert [space["vectors"] for space in status(rekall)["other_spaces"]] == [2]
    assert rekall("index", "prune", "--unfinished").out.startswith("dropped 2 vectors of bert (")
    assert status(rekall)["other_spaces"] == []


def test_prune_as_json_lists_what_went(rekall: Rekall, stocked: Path) -> None:
    rekall("model", "use", "bert")
    ran = rekall("index", "prune", "--json")
    assert ran.err == ""
    (gone,) = ran.json["pruned"]
    assert gone.keys() == {"model", "fingerprint", "state", "vectors", "bytes"}
    assert (gone["model"], gone["state"], gone["vectors"]) == ("tiny", "retired", 5)
    assert gone["bytes"] >= 5 * 32 * 4
    assert rekall("index", "prune", "--json").json["pruned"] == []


def test_prune_without_a_base_makes_nothing(rekall: Rekall, home: Path) -> None:
    assert rekall("index", "prune").code == 0
    assert not home.exists()


def test_prune_makes_the_file_smaller(rekall_process: Process, models: Path, home: Path, tmp_path: Path) -> None:
    rekall_process("model", "use", "tiny")
    file = tmp_path / "notes.jsonl"
    file.write_text("".join(json.dumps({"title": f"note number {n}", "type": "til"}) + "\n" for n in range(2000)))
    rekall_process("import", str(file))
    rekall_process("model", "use", "second")
    database = next(home.rglob("*.db"))
    before = database.stat().st_size
    (gone,) = json.loads(rekall_process("index", "prune", "--json").stdout)["pruned"]
    assert gone["vectors"] == 2000
    assert [file.name for file in database.parent.glob(database.name + "*")] == [database.name]
    assert database.stat().st_size <= before - gone["bytes"]


# list, info, verify


def test_list_marks_the_model_that_searches_use_and_not_the_configured_one(rekall: Rekall, stocked: Path) -> None:
    rekall("config", "set", "engine.model", "bert")
    assert marked(rekall) == ["tiny"]
    rows = [row for row in rekall("model", "list").out.splitlines() if row.startswith("*")]
    assert len(rows) == 1
    assert "tiny" in rows[0]
    assert marked(lambda *arguments: rekall("--set", "engine.model=second", *arguments)) == ["tiny"]


def test_list_marks_the_configured_model_before_there_are_vectors(rekall: Rekall, models: Path) -> None:
    assert marked(rekall) == [SHIPPED]
    rekall("config", "set", "engine.model", "bert")
    assert marked(rekall) == ["bert"]


def test_list_marks_the_model_in_use_under_the_name_it_was_given_since(rekall: Rekall, stocked: Path) -> None:
    (stocked / "tiny").rename(stocked / "renamed")
    assert mode(rekall) == ("hybrid", None)
    assert marked(rekall) == ["renamed"]


def test_list_tells_installed_models_from_those_that_can_be_had(rekall: Rekall, stocked: Path) -> None:
    ran = rekall("model", "list", "--json")
    assert ran.err == ""
    assert [model["name"] for model in ran.json["models"]] == sorted(["bert", "second", "tiny", SHIPPED])
    for model in ran.json["models"]:
        assert model.keys() == {
            "name",
            "in_use",
            "architecture",
            "dimensions",
            "max_tokens",
            "precision",
            "bytes",
            "licence",
        }
    text = rekall("model", "list").out
    assert len(ran.json["known"]) > 5
    for known in ran.json["known"]:
        assert {"repository", "dimensions", "languages", "licence", "score", "disk_mb", "ram_mb"} <= known.keys()
        assert not known["repository"].endswith(f"/{SHIPPED}")
        assert known["repository"] in text


def test_list_says_what_is_wrong_with_a_damaged_model(rekall: Rekall, stocked: Path) -> None:
    (stocked / "bert" / "model.json").write_text("torn")
    (damaged,) = [model for model in rekall("model", "list", "--json").json["models"] if model["name"] == "bert"]
    assert "model.json" in damaged["problem"]
    (row,) = [row for row in rekall("model", "list").out.splitlines() if row.split()[:1] == ["bert"]]
    assert "damaged" in row


@pytest.mark.parametrize("command", ["info", "verify"])
def test_without_a_name_the_model_in_use_is_meant(rekall: Rekall, stocked: Path, command: str) -> None:
    rekall("config", "set", "engine.model", "bert")
    answer = rekall("model", command, "--json").json
    assert answer["model"] == "tiny"
    rekall("model", "use", "second")
    answer = rekall("model", command, "--json").json
    assert answer["model"] == "second"


@pytest.mark.parametrize("command", ["info", "verify"])
def test_a_model_answers_under_the_name_it_has_here(
    rekall: Rekall, stocked: Path, tmp_path: Path, command: str
) -> None:
    archive = str(tmp_path / "bert.tar")
    rekall("model", "pack", "bert", "--out", archive)
    rekall("model", "import", archive, "--name", "mine")
    answer = rekall("model", command, "mine", "--json").json
    assert answer["model"] == "mine"


# remove


def test_remove_takes_a_model_away(rekall: Rekall, stocked: Path) -> None:
    ran = rekall("model", "remove", "second")
    assert (ran.code, ran.out, ran.err) == (0, "removed second\n", "")
    assert sorted(path.name for path in stocked.iterdir()) == ["bert", "tiny"]
    assert rekall("model", "remove", "bert", "--json").json == {
        "schema_version": 2,
        "removed": "bert",
        "folder": str(stocked / "bert"),
    }
    assert mode(rekall) == ("hybrid", None)
    assert rekall("model", "remove", "bert").code == 6


@pytest.mark.parametrize(("name", "configured_model"), [("tiny", "tiny"), ("tiny", "bert"), ("bert", "bert")])
def test_the_model_in_use_and_the_configured_one_stay(
    rekall: Rekall, stocked: Path, name: str, configured_model: str
) -> None:
    rekall("config", "set", "engine.model", configured_model)
    ran = rekall("model", "remove", name)
    assert (ran.code, ran.out) == (4, "")
    assert f"model {name} is in use" in ran.err
    assert "rekall model use" in ran.err
    assert (stocked / name / "model.json").exists()


def test_the_model_in_use_stays_under_whatever_name(rekall: Rekall, stocked: Path) -> None:
    rekall("config", "set", "engine.model", "bert")
    (stocked / "tiny").rename(stocked / "renamed")
    assert mode(rekall) == ("hybrid", None)
    assert rekall("model", "remove", "renamed").code == 4
    assert mode(rekall) == ("hybrid", None)


def test_a_shipped_model_stays(rekall: Rekall, stocked: Path) -> None:
    ran = rekall("model", "remove", SHIPPED)
    assert (ran.code, ran.out) == (4, "")
    assert "came with Rekall" in ran.err
    assert rekall("model", "verify", SHIPPED).code == 0


@pytest.mark.parametrize("name", ["nowhere", "..", ".", "../models/bert", "", ".bert.old"])
def test_removing_what_is_not_there_removes_nothing(rekall: Rekall, stocked: Path, name: str) -> None:
    before = sorted(stocked.rglob("*"))
    ran = rekall("model", "remove", name)
    assert (ran.code, ran.out) == (6, "")
    assert sorted(stocked.rglob("*")) == before


def test_the_model_of_an_earlier_space_may_go_and_status_still_answers(rekall: Rekall, stocked: Path) -> None:
    rekall("model", "use", "bert")
    assert rekall("model", "remove", "tiny").code == 0
    assert mode(rekall) == ("hybrid", None)
    assert rekall("index", "status").code == 0
    assert rekall("index", "prune").out.startswith("dropped 5 vectors of tiny")


def test_a_missing_model_degrades_to_words_and_says_what_to_do(rekall: Rekall, stocked: Path) -> None:
    shutil.rmtree(stocked / "tiny")
    used, reason = mode(rekall)
    assert used == "words"
    assert reason is not None
    assert "tiny" in reason
    assert "rekall model use" in reason
    assert rekall("add", "til", "zebra crossing").code == 0
    assert rekall("model", "list").code == 0
    assert rekall("model", "use", "bert", "--json").json["in_use"]
    assert mode(rekall) == ("hybrid", None)


# a changed artefact


def test_a_changed_model_is_noticed_and_using_it_again_mends_it(
    rekall: Rekall, stocked: Path, tiny_models: Path
) -> None:
    change_artefact(stocked, tiny_models)
    used, reason = mode(rekall)
    assert used == "words"
    assert reason is not None
    assert "changed" in reason
    assert "`rekall model use tiny`" in reason
    assert "`rekall model use tiny`" in rekall("search", TITLES[0]).err
    assert "`rekall model use tiny`" in rekall("index", "status").err
    state = status(rekall)
    assert (state["model"], state["fingerprint"], state["dimensions"]) == (None, None, None)

    answer = rekall("model", "use", "tiny", "--json").json
    assert (answer["embedded"], answer["in_use"]) == (5, True)
    assert mode(rekall) == ("hybrid", None)
    assert rekall("index", "prune").out.startswith("dropped 5 vectors of tiny (")


def test_a_note_added_after_the_model_was_changed_is_stored_with_a_hint_that_helps(
    rekall: Rekall, stocked: Path, tiny_models: Path
) -> None:
    change_artefact(stocked, tiny_models)
    ran = rekall("add", "til", "zebra crossing")
    assert ran.code == 0
    assert "warning: stored" in ran.err
    assert "`rekall model use tiny`" in ran.err
    assert "rebuild --vectors" not in ran.err
    assert rekall("search", "zebra", "--json").json["hits"][0]["title"] == "zebra crossing"
    assert rekall("model", "use", "tiny", "--json").json["embedded"] == 6
    assert mode(rekall) == ("hybrid", None)


def test_a_part_of_a_changed_model_does_not_say_that_searches_use_it(
    rekall: Rekall, stocked: Path, tiny_models: Path
) -> None:
    change_artefact(stocked, tiny_models)
    ran = rekall("model", "use", "tiny", "--budget", "0s")
    assert (ran.code, mode(rekall)[0]) == (0, "words")
    assert "searches use" not in ran.out
    assert "`rekall model use tiny`" in ran.err


def test_after_a_changed_model_was_taken_again_its_old_vectors_are_not_kept_in_silence(
    rekall: Rekall, stocked: Path, tiny_models: Path
) -> None:
    change_artefact(stocked, tiny_models)
    assert "`rekall index prune`" in rekall("model", "use", "tiny").err


# pack and import


def test_a_model_goes_from_one_machine_to_another(
    rekall: Rekall, stocked: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    archive = tmp_path / "bert.tar"
    ran = rekall("model", "pack", "bert", "--out", str(archive))
    assert (ran.code, ran.err) == (0, "")
    assert str(archive) in ran.out
    assert "rekall model import bert.tar" in ran.out

    monkeypatch.setenv("REKALL_HOME", str(tmp_path / "other"))
    ran = rekall("model", "import", str(archive))
    assert (ran.code, ran.out) == (0, f"imported bert to {tmp_path / 'other' / 'models' / 'bert'}\n")
    assert "`rekall model use bert`" in ran.err
    assert rekall("model", "verify", "bert").code == 0
    rekall("model", "use", "bert")
    assert marked(rekall) == ["bert"]
    assert rekall("add", "til", "safari", "--json").json["warning"] is None


def test_pack_and_import_as_json(rekall: Rekall, stocked: Path, tmp_path: Path) -> None:
    archive = tmp_path / "some.tar"
    fingerprint = read_card(stocked / "bert").fingerprint
    ran = rekall("model", "pack", "bert", "--out", str(archive), "--json")
    assert (ran.err, ran.json) == (
        "",
        {
            "schema_version": 2,
            "model": "bert",
            "file": str(archive),
            "bytes": archive.stat().st_size,
            "fingerprint": fingerprint,
        },
    )
    ran = rekall("model", "import", str(archive), "--name", "mine", "--json")
    assert (ran.err, ran.json) == (
        "",
        {"schema_version": 2, "model": "mine", "folder": str(stocked / "mine"), "fingerprint": fingerprint},
    )


def test_pack_writes_where_one_stands(
    rekall: Rekall, stocked: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    assert rekall("model", "pack", "bert").code == 0
    assert [path.name for path in (tmp_path / "here").iterdir()] == ["bert.tar"]
    assert rekall("model", "import", "bert.tar").code == 0


def test_a_model_imported_under_another_name_is_packed_for_that_name(
    rekall: Rekall, stocked: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    archive = str(tmp_path / "bert.tar")
    rekall("model", "pack", "bert", "--out", archive)
    rekall("model", "import", archive, "--name", "mine")
    rekall("model", "pack", "mine", "--out", str(tmp_path / "mine.tar"))
    monkeypatch.setenv("REKALL_HOME", str(tmp_path / "other"))
    assert rekall("model", "import", str(tmp_path / "mine.tar"), "--json").json["model"] == "mine"


def test_a_second_name_of_the_model_in_use_takes_its_place(rekall: Rekall, stocked: Path, tmp_path: Path) -> None:
    archive = str(tmp_path / "tiny.tar")
    rekall("model", "pack", "tiny", "--out", archive)
    rekall("model", "import", archive, "--name", "mine")
    assert rekall("model", "use", "mine", "--json").json["embedded"] == 0
    assert marked(rekall) == ["mine"]
    assert rekall("model", "remove", "tiny").code == 0
    assert rekall("model", "remove", "mine").code == 4
    assert mode(rekall) == ("hybrid", None)


def test_import_does_not_replace_another_model_unasked(rekall: Rekall, stocked: Path, tmp_path: Path) -> None:
    archive = str(tmp_path / "bert.tar")
    rekall("model", "pack", "bert", "--out", archive)
    ran = rekall("model", "import", archive, "--name", "second")
    assert (ran.code, ran.out) == (4, "")
    assert "--replace" in ran.err
    assert rekall("model", "import", archive, "--name", "second", "--replace").code == 0
    assert read_card(stocked / "second").fingerprint == read_card(stocked / "bert").fingerprint


def test_an_imported_model_does_not_hide_a_shipped_one_of_the_same_name_unasked(
    rekall: Rekall, stocked: Path, tmp_path: Path
) -> None:
    archive = str(tmp_path / "bert.tar")
    rekall("model", "pack", "bert", "--out", archive)
    assert rekall("model", "import", archive, "--name", SHIPPED).code == 4
    assert rekall("model", "info", SHIPPED, "--json").json["dimensions"] == 384


@pytest.mark.parametrize("content", [b"", b"no tar at all", b"\0" * 10240])
def test_import_of_something_else_leaves_nothing_behind(
    rekall: Rekall, home: Path, tmp_path: Path, content: bytes
) -> None:
    (tmp_path / "some.tar").write_bytes(content)
    ran = rekall("model", "import", str(tmp_path / "some.tar"))
    assert (ran.code, ran.out) == (4, "")
    assert "some.tar" in ran.err
    assert not list(home.rglob("*")) or [path.name for path in home.rglob("*")] == ["models"]
    assert rekall("model", "import", str(tmp_path / "some.tar"), "--json").json["error"]["kind"] == "invalid_input"


def test_import_of_a_file_that_is_not_there_is_named(rekall: Rekall, tmp_path: Path) -> None:
    ran = rekall("model", "import", str(tmp_path / "nowhere.tar"))
    assert (ran.code, ran.out) == (3, "")
    assert "nowhere.tar" in ran.err


@pytest.mark.parametrize("name", ["../up", "a b", ".hidden"])
def test_import_under_a_name_that_no_model_may_have_is_refused(
    rekall: Rekall, stocked: Path, tmp_path: Path, name: str
) -> None:
    archive = str(tmp_path / "bert.tar")
    rekall("model", "pack", "bert", "--out", archive)
    before = sorted(stocked.parent.rglob("*"))
    assert rekall("model", "import", archive, "--name", name).code in (2, 4)
    assert sorted(stocked.parent.rglob("*")) == before


def test_pack_of_a_damaged_model_writes_nothing(rekall: Rekall, stocked: Path, tmp_path: Path) -> None:
    with (stocked / "bert" / "model.weights").open("r+b") as file:
        file.write(b"torn")
    ran = rekall("model", "pack", "bert", "--out", str(tmp_path / "bert.tar"))
    assert (ran.code, ran.out) == (6, "")
    assert "model.weights" in ran.err
    assert not (tmp_path / "bert.tar").exists()


def test_pack_into_a_folder_that_is_not_there_is_named(rekall: Rekall, stocked: Path, tmp_path: Path) -> None:
    ran = rekall("model", "pack", "bert", "--out", str(tmp_path / "nowhere" / "bert.tar"))
    assert (ran.code, ran.out) == (3, "")
    assert "nowhere" in ran.err


# processes


def test_a_pipe_gets_data_on_stdout_and_hints_on_stderr_and_no_progress(rekall_process: Process, stocked: Path) -> None:
    done = rekall_process("model", "use", "bert")
    assert done.stdout == "searches use bert now; 5 passages embedded\n"
    assert done.stderr.strip().startswith("hint: the vectors of tiny are kept")
    assert "\x1b" not in done.stdout + done.stderr
    assert "\r" not in done.stdout + done.stderr
    done = rekall_process("index", "prune", "--json")
    assert (done.stderr, json.loads(done.stdout)["pruned"][0]["model"]) == ("", "tiny")


@pytest.mark.skipif(os.name == "nt", reason="Windows has no pseudo-terminals of this kind")
def test_a_terminal_sees_how_far_it_is_and_the_time_left(stocked: Path) -> None:
    import pty
    import select

    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "rekall", "model", "use", "bert"],
        stdout=subprocess.PIPE,
        stderr=theirs,
        cwd=CHECKOUT,
        env={**os.environ, "TERM": "xterm", "COLUMNS": "100"},
    )
    os.close(theirs)
    seen = b""
    while select.select([ours], [], [], 300)[0]:
        try:
            piece = os.read(ours, 4096)
        except OSError:  # the other end is closed
            break
        if not piece:
            break
        seen += piece
    os.close(ours)
    stdout, _ = process.communicate(timeout=300)
    assert stdout == b"searches use bert now; 5 passages embedded\n"
    assert b"embedding with bert" in seen
    assert b"5/5" in seen
    assert b"0:00:00" in seen


@pytest.mark.slow
def test_two_processes_that_switch_at_once_both_end_well(
    rekall_process: Process, rekall: Rekall, models: Path, tmp_path: Path
) -> None:
    rekall_process("model", "use", "tiny")
    file = tmp_path / "notes.jsonl"
    file.write_text("".join(json.dumps({"title": f"note number {n}", "type": "til"}) + "\n" for n in range(2000)))
    rekall_process("import", str(file))
    started = [
        subprocess.Popen(
            [sys.executable, "-m", "rekall", "model", "use", name, "--json"],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd=CHECKOUT,
        )
        for name in ("bert", "bert", "second")
    ]
    answers = []
    for process in started:
        out, err = process.communicate(timeout=300)
        assert (process.returncode, err) == (0, b"")
        answers.append(json.loads(out))
    *both, second = answers
    assert second["in_use"]
    assert any(answer["in_use"] for answer in both)  # the other may have left it to that one
    assert all(answer["in_use"] == (not answer["pending"]) for answer in both)
    assert sum(answer["embedded"] for answer in both) == second["embedded"] == 2000
    state = status(rekall)
    assert state["space"]["model"] in ("bert", "second")
    assert state["pending_passages"] == 0
    assert {space["state"] for space in state["other_spaces"]} == {"retired"}
    assert rekall("search", "note number 17", "--json").json["mode"]["reason"] is None
