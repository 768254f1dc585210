"""model from the shell: list, info, verify, and exports that cannot be."""

from __future__ import annotations

import errno
import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from support import Ran

from rekall.app import App

Rekall = Callable[..., Ran]
SHIPPED = "all-MiniLM-L6-v2"


@pytest.fixture
def light_copy(home: Path) -> Path:
    """The shipped model under another name in the user's own folder, without its weights."""
    shipped = App().library.folder(SHIPPED)
    folder = home / "models" / "mine"
    folder.mkdir(parents=True)
    for file in shipped.iterdir():
        if file.name != "model.weights":
            shutil.copyfile(file, folder / file.name)
    return folder


def test_list_marks_the_model_in_use(rekall: Rekall, light_copy: Path) -> None:
    ran = rekall("model", "list")
    assert (ran.code, ran.err) == (0, "")
    installed = ran.out.partition("\n\n")[0]
    rows = {row[2:].split()[0].strip(): row[0] for row in installed.splitlines()}
    assert rows == {SHIPPED: "*", "mine": " "}
    listed = {
        model["name"]: model["in_use"]
        for model in rekall("--set", "engine.model=mine", "model", "list", "--json").json["models"]
    }
    assert listed == {SHIPPED: False, "mine": True}


def test_list_tells_dimensions_precision_and_size(rekall: Rekall) -> None:
    (model,) = rekall("model", "list", "--json").json["models"]
    assert (model["dimensions"], model["precision"]) == (384, "q8")
    assert 20e6 < model["bytes"] < 40e6


@pytest.mark.parametrize("arguments", [(), (SHIPPED,)])
def test_info_is_the_card(rekall: Rekall, arguments: tuple[str, ...]) -> None:
    model = rekall("model", "info", *arguments, "--json").json
    assert (model["model"], model["dimensions"], model["max_tokens"], model["pooling"], model["precision"]) == (
        SHIPPED,
        384,
        256,
        "mean",
        "q8",
    )
    assert model["source"]["sha256"] == "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
    assert model["licence"] == "Apache-2.0"
    assert {"model.onnx", "model.weights", "tokenizer.json"} <= set(model["files"])
    for record in model["files"].values():
        assert len(record["sha256"]) == 64
        assert record["bytes"] > 0
    text = rekall("model", "info", *arguments).out
    for part in (SHIPPED, "384 dimensions", "256 tokens", "Apache-2.0", "model.weights", model["fingerprint"]):
        assert part in text


def test_verify_loads_and_measures(rekall: Rekall) -> None:
    answer = rekall("model", "verify", "--json").json
    assert (answer["model"], answer["ok"]) == (SHIPPED, True)
    assert answer["min_cosine"] >= 0.998
    assert answer["mean_cosine"] >= 0.9995
    assert answer["texts"] > 10


@pytest.mark.parametrize("command", ["info", "verify"])
@pytest.mark.parametrize("name", ["missing", "../models/all-MiniLM-L6-v2", ".", "a b", "\udcff"])
def test_an_unknown_model_is_named_with_those_there_are(rekall: Rekall, command: str, name: str) -> None:
    ran = rekall("model", command, name)
    assert (ran.code, ran.out) == (6, "")
    assert SHIPPED in ran.err
    assert rekall("model", command, name, "--json").json["error"]["kind"] == "model_not_found"


def test_verify_names_the_missing_file_and_the_mend(rekall: Rekall, light_copy: Path) -> None:
    ran = rekall("model", "verify", "mine")
    assert (ran.code, ran.out) == (6, "")
    assert str(light_copy / "model.weights") in ran.err
    assert "rekall model export" in ran.err
    assert SHIPPED not in ran.err


@pytest.mark.parametrize("card", ["", "not json", "[]", "{}", '{"format": 99}'])
def test_a_card_that_cannot_be_read_is_named(rekall: Rekall, light_copy: Path, card: str) -> None:
    (light_copy / "model.json").write_text(card)
    for command in ("info", "verify"):
        ran = rekall("model", command, "mine")
        assert (ran.code, ran.out) == (6, "")
        assert str(light_copy / "model.json") in ran.err


def test_one_bad_card_does_not_hide_the_other_models(rekall: Rekall, light_copy: Path) -> None:
    (light_copy / "model.json").write_text("not json")
    ran = rekall("model", "list")
    assert SHIPPED in ran.out
    assert "mine" in ran.out + ran.err


def test_a_search_with_a_damaged_model_answers_by_words_and_says_so(
    rekall: Rekall, light_copy: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REKALL_ENGINE_MODEL", "mine")
    added = rekall("add", "til", "stored all the same", "--json")
    assert added.code == 0
    assert "model.weights" in added.json["warning"]
    answer = rekall("search", "stored", "--json").json
    assert answer["mode"]["used"] == "words"
    assert answer["mode"]["reason"]
    assert [hit["title"] for hit in answer["hits"]] == ["stored all the same"]


# export


@pytest.mark.parametrize("source", ["nowhere", "file"])
def test_an_export_of_no_folder_is_refused(rekall: Rekall, tmp_path: Path, home: Path, source: str) -> None:
    (tmp_path / "file").write_text("x")
    ran = rekall("model", "export", str(tmp_path / source))
    assert ran.code in (2, 3, 4)
    assert source in ran.err
    assert not home.exists()
    assert "error" in rekall("model", "export", str(tmp_path / source), "--json").json


@pytest.mark.parametrize(
    "config",
    [
        None,
        "not json",
        "[]",
        "{}",
        json.dumps({"model_type": "gpt2", "architectures": ["GPT2Model"], "hidden_size": 8}),
    ],
)
def test_an_export_of_a_folder_that_holds_no_model_leaves_nothing_behind(
    rekall: Rekall, tmp_path: Path, home: Path, config: str | None
) -> None:
    pytest.importorskip("onnx")
    pytest.importorskip("safetensors")
    source = tmp_path / "source"
    source.mkdir()
    if config is not None:
        (source / "config.json").write_text(config)
        (source / "modules.json").write_text("[]")
    ran = rekall("model", "export", str(source))
    assert (ran.code, ran.out) == (6, "")
    assert "source" in ran.err
    assert rekall("model", "export", str(source), "--json").json["error"]["kind"] == "export_failed"
    assert list(home.rglob("*.part")) == []
    assert not (home / "models" / "source").exists()


@pytest.mark.parametrize("name", ["../climb", "a/b", ".hidden", "a b", "-x"])
def test_a_name_that_no_model_may_have_is_refused(rekall: Rekall, tmp_path: Path, home: Path, name: str) -> None:
    (tmp_path / "source").mkdir()
    ran = rekall("model", "export", str(tmp_path / "source"), f"--name={name}")
    assert ran.code in (2, 4, 6)
    assert repr(name) in ran.err
    assert not home.exists()


# a config file that cannot be changed


def other_model(home: Path) -> str:
    """A model folder of another fingerprint, for the quick encoder: one with another token limit."""
    from rekall.models.engine.card import fingerprint_of, read_card

    folder = home / "models" / "other"
    shutil.copytree(App().library.folder(SHIPPED), folder, copy_function=shutil.copyfile)
    card = read_card(folder)
    raw = json.loads((folder / "model.json").read_text("utf-8"))
    raw |= {"max_tokens": 128, "fingerprint": fingerprint_of(card.files, card.prompts, 128)}
    (folder / "model.json").write_text(json.dumps(raw), "utf-8")
    return "other"


@pytest.mark.parametrize("broken", ["no toml [", "engine = 3\n", "directory"])
def test_a_model_is_not_changed_where_the_config_could_not_say_so(
    rekall: Rekall, home: Path, quick_model: object, broken: str
) -> None:
    assert rekall("add", "til", "a note").code == 0
    name = other_model(home)
    if broken == "directory":
        (home / "config.toml").mkdir()
    else:
        (home / "config.toml").write_text(broken)
    ran = rekall("model", "use", name)
    assert (ran.code, ran.out) == (5, "")
    assert "config.toml" in ran.err
    assert "hint:" in ran.err
    if broken == "directory":
        (home / "config.toml").rmdir()
    else:
        (home / "config.toml").unlink()
    assert rekall("index", "status", "--json").json["space"]["model"] == SHIPPED


def test_a_config_that_fails_after_the_change_is_said_with_what_holds(
    rekall: Rekall, home: Path, quick_model: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert rekall("add", "til", "a note").code == 0
    name = other_model(home)

    def fail(*arguments: object, **options: object) -> None:
        raise OSError(errno.EIO, "Input/output error", "config.toml")

    with monkeypatch.context() as patch:
        patch.setattr("rekall.cli.settings_file.write_atomically", fail)
        ran = rekall("model", "use", name)
    assert (ran.code, ran.out) == (5, "")
    assert f"searches use {name} now" in ran.err
    assert f"rekall config set engine.model {name}" in ran.err
    assert rekall("index", "status", "--json").json["space"]["model"] == name
    again = rekall("model", "use", name, "--json")
    assert (again.code, again.json["embedded"], again.json["in_use"]) == (0, 0, True)
