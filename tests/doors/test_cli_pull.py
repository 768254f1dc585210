"""`rekall model pull` from the first byte to the first search, against a hub on the loopback."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from subprocess import CompletedProcess

import pytest
from support import DATA, Ran
from support.hub_server import Hub, running_hub

from rekall.models.engine.card import read_card

REPOSITORY = "tiny/e5-small"  # a name with prompts of its own
Process = Callable[..., "CompletedProcess[str]"]


def files_of(checkpoint: str) -> dict[str, bytes]:
    folder = DATA / "checkpoints" / checkpoint
    names = [path for path in folder.rglob("*") if path.is_file() and path.suffix != ".npy"]
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in names}


@pytest.fixture(scope="module")
def server() -> Iterator[Hub]:
    with running_hub() as hub:
        yield hub


@pytest.fixture
def hub(server: Hub) -> Iterator[Hub]:
    yield server
    server.reset()


@pytest.fixture
def pull(hub: Hub, tmp_path: Path, rekall_process: Process) -> Callable[..., CompletedProcess[str]]:
    def run(*arguments: str) -> CompletedProcess[str]:
        env = {"HF_ENDPOINT": hub.address, "HF_HOME": str(tmp_path / "hf"), "HF_TOKEN": ""}
        return rekall_process("model", "pull", *arguments, env=env, check=False)

    return run


def test_a_model_is_pulled_exported_pinned_and_used(hub, pull, home, tmp_path, rekall: Callable[..., Ran]):
    commit = hub.add(REPOSITORY, {**files_of("bert"), "pytorch_model.bin": b"x" * 1000, "LICENSE": b"MIT"})
    ran = pull(REPOSITORY, "--json")
    assert (ran.returncode, ran.stderr) == (0, "")
    answer = json.loads(ran.stdout)
    assert (answer["model"], answer["revision"]) == ("e5-small", commit)
    card = read_card(home / "models" / "e5-small")
    assert (card.source.name, card.source.revision) == (REPOSITORY, commit)
    assert (card.prompts.query, card.prompts.document) == ("query: ", "passage: ")
    assert "LICENSE" in card.files
    assert "pytorch_model.bin" not in hub.sent_names()
    assert not [path for path in (tmp_path / "hf").rglob("*") if path.suffix == ".safetensors"]

    rekall("add", "bug", "the session expires early", "--content", "the proxy cuts the cookie")
    assert rekall("model", "use", "e5-small").code == 0
    assert rekall("search", "cookie", "--json").json["mode"]["used"] == "hybrid"
    assert rekall("model", "info").out.splitlines()[0].split() == ["name", "e5-small"]
    assert f"{REPOSITORY} at {commit}" in rekall("model", "info").out


def test_a_static_model_is_pulled_too(hub, pull, home):
    hub.add("tiny/potion", files_of("model2vec"))
    assert pull("tiny/potion").returncode == 0
    assert read_card(home / "models" / "potion").is_static


def test_an_architecture_that_cannot_be_exported_is_refused_before_its_weights(hub, pull, home):
    files = files_of("bert")
    files["config.json"] = json.dumps({**json.loads(files["config.json"]), "model_type": "longformer"}).encode()
    hub.add(REPOSITORY, files)
    ran = pull(REPOSITORY)
    assert ran.returncode == 6
    assert "longformer" in ran.stderr
    assert "--via torch" in ran.stderr
    assert "model.safetensors" not in hub.sent_names()
    assert not (home / "models").exists()


def test_an_export_that_is_not_faithful_leaves_no_model(hub, pull, home):
    hub.add(REPOSITORY, files_of("bert"))
    ran = pull(REPOSITORY, "--min-cosine", "0.99999999")
    assert ran.returncode == 6
    assert "not faithful" in ran.stderr
    assert list((home / "models").iterdir()) == []


def test_a_folder_fetched_elsewhere_needs_no_connection(hub, pull, home):
    ran = pull(f"{REPOSITORY}@v1", "--from-dir", str(DATA / "checkpoints" / "bert"), "--json")
    assert ran.returncode == 0
    card = read_card(home / "models" / "e5-small")
    assert (card.source.name, card.source.revision) == (REPOSITORY, "v1")
    assert hub.requests == []


def test_a_repository_that_is_not_there_is_told(pull, home):
    ran = pull("tiny/nothing")
    assert ran.returncode == 6
    assert "tiny/nothing" in ran.stderr
    assert not home.exists()


@pytest.mark.parametrize("name", ["nothing", "../x/y", "a b/c", ""])
def test_what_is_no_repository_is_a_usage_error(pull, hub, name):
    assert pull(name).returncode == 2
    assert hub.requests == []
