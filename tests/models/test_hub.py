"""A pull from a model hub, with the real client, against a hub on the loopback."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support import CHECKOUT
from support.hub_server import TOKEN, Hub, running_hub
from support.systems import WINE

from rekall.errors import ExportFailed, PullFailed, UsageError
from rekall.models.export.hub import fetch, parse_repository
from rekall.models.export.hub_files import RemoteFile, check_size

safetensors = pytest.importorskip("safetensors.numpy")

REPOSITORY = "someone/tiny-model"
PATIENCE_S = 120.0
"""How long a busy machine may take. Only what is broken takes so long."""

CLASSES = "sentence_transformers.models."
POOLED = [
    {"idx": 0, "path": "", "type": f"{CLASSES}Transformer"},
    {"idx": 1, "path": "1_Pooling", "type": f"{CLASSES}Pooling"},
]

DRIVER = """
import hashlib, json, sys, time, types
from pathlib import Path

from rekall.errors import RekallError
from rekall.models.export import hub_client
from rekall.models.export.hub import fetch, parse_repository

slept = []
assert hub_client.time is time
hub_client.time = types.SimpleNamespace(sleep=slept.append)  # its pauses between attempts take no time

def files_in(folder):
    paths = (path for path in sorted(folder.rglob("*")) if path.is_file())
    return {path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest() for path in paths}

def pull(asked):
    told, inspected = [], []
    slept.clear()

    def inspect(folder):
        inspected.extend(files_in(folder))
        if asked.get("refuse"):
            raise RekallError("refused")

    answer = {"told": told, "inspected": inspected, "slept": slept}
    try:
        repository, revision = parse_repository(asked["repository"])
        with fetch(repository, revision, progress=lambda *figures: told.append(figures), inspect=inspect) as fetched:
            answer |= {"commit": fetched.commit, "repository": fetched.repository, "files": files_in(fetched.folder)}
            if "hold" in asked:
                Path(asked["hold"], "begun").touch()
                while not Path(asked["hold"], "go").exists():
                    time.sleep(0.01)
                answer["files"] = files_in(fetched.folder)
            if asked.get("fail"):
                raise RekallError("the export failed")
        answer["gone"] = not fetched.folder.exists()
    except RekallError as error:
        answer |= {"kind": error.kind, "message": error.message, "hint": error.hint}
    return answer

for line in sys.stdin:
    print(json.dumps(pull(json.loads(line))), flush=True)
    if "huggingface_hub.utils" in sys.modules:  # the next pull opens its own connection, as the next process would
        sys.modules["huggingface_hub.utils"].close_session()
"""

ANOTHER_TOOL = """
import sys
from huggingface_hub import hf_hub_download
for name in sys.argv[3:]:
    hf_hub_download(sys.argv[1], name, revision=sys.argv[2])
"""


@dataclass
class Pulled:
    """How a pull ended: what it fetched, or the error."""

    commit: str = ""
    repository: str = ""
    files: dict[str, str] = field(default_factory=dict)
    told: list[tuple[str, int, int]] = field(default_factory=list)
    inspected: list[str] = field(default_factory=list)
    slept: list[float] = field(default_factory=list)
    gone: bool = False
    kind: str = ""
    message: str = ""
    hint: str = ""


@dataclass
class Site:
    """A hub, a user with an HF_HOME, and what stands in the environment.

    `worker` pulls one model after another: starting a process for each would take most of the time of this suite.
    """

    hub: Hub
    home: Path
    env: dict[str, str]
    worker: subprocess.Popen[str] | None = None

    def begin(self, repository: str = REPOSITORY, env: Mapping[str, str] = {}, **asked: Any) -> subprocess.Popen[str]:
        """Start a pull in a process of its own."""
        process = self.start(env)
        assert process.stdin
        process.stdin.write(json.dumps({"repository": repository, **asked}) + "\n")
        process.stdin.flush()
        return process

    def start(self, env: Mapping[str, str] = {}, stderr: Any = subprocess.PIPE) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-c", DRIVER],
            env={**self.env, **env},
            cwd=CHECKOUT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=stderr,
            text=True,
            encoding="utf-8",
        )

    def pull(self, repository: str = REPOSITORY, env: Mapping[str, str] = {}, **asked: Any) -> Pulled:
        """Pull and wait: in the worker, or in a process of its own when the environment is another."""
        if env:
            return ended(self.begin(repository, env, **asked))
        assert self.worker
        assert self.worker.stdin
        assert self.worker.stdout
        self.worker.stdin.write(json.dumps({"repository": repository, **asked}) + "\n")
        self.worker.stdin.flush()
        return Pulled(**json.loads(self.worker.stdout.readline()))

    @property
    def workshop(self) -> Path:
        return self.home / "assets" / "rekall"

    def as_another_tool(self, commit: str, *names: str) -> Path:
        """Fill the client's cache the way another program does; the snapshot."""
        command = [sys.executable, "-c", ANOTHER_TOOL, REPOSITORY, commit, *names]
        env = {**self.env, "HF_HUB_DISABLE_XET": "1", "HF_HUB_DISABLE_TELEMETRY": "1"}
        subprocess.run(command, env=env, check=True, capture_output=True, timeout=PATIENCE_S)
        self.hub.requests.clear()
        return self.cache / "snapshots" / self.hub.refs[REPOSITORY].get(commit, commit)

    @property
    def cache(self) -> Path:
        return self.home / "hub" / f"models--{REPOSITORY.replace('/', '--')}"

    def left(self) -> list[str]:
        """What Rekall's folder holds, locks aside."""
        paths = (path for path in self.workshop.rglob("*") if path.is_file() and path.suffix != ".lock")
        return sorted(path.relative_to(self.workshop).as_posix().partition("/")[2] for path in paths)


def ended(process: subprocess.Popen[str]) -> Pulled:
    """Wait for a pull. Whatever happens, the client says nothing and the token is not shown."""
    out, err = process.communicate(timeout=PATIENCE_S)
    assert err == ""
    assert process.returncode == 0
    assert TOKEN not in out
    return Pulled(**json.loads(out))


def hashes(files: Mapping[str, bytes]) -> dict[str, str]:
    return {name: hashlib.sha256(data).hexdigest() for name, data in files.items()}


def wait_until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """The site that the tests share, one after another."""
    folder = tmp_path_factory.mktemp("hub")
    strange = ("HF_", "HUGGING", "TRANSFORMERS_", "REKALL_", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "DO_NOT_TRACK")
    env = {name: value for name, value in os.environ.items() if not name.upper().startswith(strange)}
    with running_hub() as hub, (folder / "said").open("w") as said:
        env |= {"HF_ENDPOINT": hub.address, "HF_HOME": str(folder / "hf"), "PYTHONPATH": str(CHECKOUT)}
        if WINE:
            env["HF_HUB_DISABLE_SYMLINKS"] = "1"  # it makes links that lead nowhere
        made = Site(hub, folder / "hf", env)
        made.worker = made.start(stderr=said)
        yield made
        made.worker.communicate(timeout=PATIENCE_S)
    assert (folder / "said").read_text() == ""


@pytest.fixture
def site(town: Site) -> Iterator[Site]:
    yield town
    town.hub.reset()
    if town.home.is_file():
        town.home.unlink()
    shutil.rmtree(town.home, ignore_errors=True)


def weights(rows: int = 64) -> bytes:
    table = np.random.default_rng(rows).standard_normal((rows, 64)).astype(np.float32)
    return bytes(safetensors.save({"embeddings.word_embeddings.weight": table}))


def model(modules: object = POOLED, **changes: bytes | None) -> dict[str, bytes]:
    """The files that a pull of a sentence-transformers model needs; `changes` by name with _ for / and dots."""
    return {
        "modules.json": json.dumps(modules).encode(),
        "config_sentence_transformers.json": b'{"prompts": {}}',
        "config.json": b'{"model_type": "bert"}',
        "sentence_bert_config.json": b'{"max_seq_length": 256}',
        "tokenizer.json": b'{"model": {}}',
        "tokenizer_config.json": b"{}",
        "model.safetensors": weights(),
        "1_Pooling/config.json": b'{"pooling_mode_mean_tokens": true}',
        "README.md": b"---\nlicense: mit\n---\n",
    }


DECOYS = {
    name: name.encode()
    for name in (
        ".gitattributes",
        "pytorch_model.bin",
        "tf_model.h5",
        "rust_model.ot",
        "model-q8.gguf",
        "onnx/model.onnx",
        "onnx/config.json",
        "openvino/openvino_model.xml",
        "vocab.txt",
        "model-00009-of-00009.safetensors",
        "train_script.py",
        "data_config.json",
        "1_Pooling/pytorch_model.bin",
        "2_Other/model.safetensors",
        "../model.safetensors",
        "/etc/config.json",
        "LICENSES/other.txt",
    )
}


# what is fetched


def test_a_pull_fetches_what_an_export_reads_and_nothing_else(site: Site) -> None:
    needed = {**model(), "LICENSE": b"MIT", "NOTICE.txt": b"by someone"}
    commit = site.hub.add(REPOSITORY, {**DECOYS, **needed})
    pulled = site.pull()
    assert pulled.message == ""
    assert pulled.files == hashes(needed)
    assert (pulled.repository, pulled.commit) == (REPOSITORY, commit)
    assert sorted(site.hub.sent_names()) == sorted(needed)


def test_a_pull_asks_nothing_but_one_listing_and_the_files(site: Site) -> None:
    commit = site.hub.add(REPOSITORY, model())
    site.pull(env={"AI_AGENT": "someone", "HF_HUB_DISABLE_TELEMETRY": "0"})
    resolved = f"/{REPOSITORY}/resolve/{commit}/"
    others = [request.path for request in site.hub.requests if resolved not in request.path]
    assert others == [f"/api/models/{REPOSITORY}"]


def test_the_user_agent_names_rekall_and_the_client_and_nobody_else(site: Site) -> None:
    site.hub.add(REPOSITORY, model())
    site.pull(env={"AI_AGENT": "someone", "HF_HUB_DISABLE_TELEMETRY": "0"})
    agents = {request.headers["user-agent"] for request in site.hub.requests}
    assert len(agents) == 1
    assert [part.partition("/")[0].strip() for part in agents.pop().split(";")] == ["rekall", "hf_hub", "python"]


def test_files_are_asked_for_uncompressed_so_that_a_part_can_be_taken_up(site: Site) -> None:
    site.hub.add(REPOSITORY, model())
    site.pull()
    assert {request.headers["accept-encoding"] for request in site.hub.sent()} == {"identity"}


def test_the_weights_come_last(site: Site) -> None:
    site.hub.add(REPOSITORY, model())
    site.pull()
    assert site.hub.sent_names()[0] == "modules.json"
    assert site.hub.sent_names()[-1] == "model.safetensors"


@pytest.mark.parametrize("revision", ["v1", "refs/pr/1"])
def test_a_revision_is_pinned_to_its_commit(site: Site, revision: str) -> None:
    old = site.hub.add(REPOSITORY, {**model(), "config.json": b'{"old": 1}'}, branch=revision)
    site.hub.add(REPOSITORY, model())
    pulled = site.pull(f"{REPOSITORY}@{revision}")
    assert pulled.commit == old
    assert pulled.files["config.json"] == hashlib.sha256(b'{"old": 1}').hexdigest()
    assert all(f"/resolve/{old}/" in request.path for request in site.hub.requests[1:])


def test_a_commit_can_be_pulled(site: Site) -> None:
    old = site.hub.add(REPOSITORY, {**model(), "config.json": b'{"old": 1}'})
    site.hub.add(REPOSITORY, model())
    assert site.pull(f"{REPOSITORY}@{old}").commit == old


def test_a_page_on_the_hub_of_the_environment_can_be_pulled(site: Site) -> None:
    old = site.hub.add(REPOSITORY, {**model(), "config.json": b'{"old": 1}'}, branch="v1")
    site.hub.add(REPOSITORY, model())
    assert site.pull(f"{site.hub.address}/{REPOSITORY}/tree/v1").commit == old


LAYOUTS: dict[str, dict[str, bytes]] = {
    "no modules.json": {
        name: data for name, data in model().items() if name not in ("modules.json", "1_Pooling/config.json")
    },
    "older layout": {
        "modules.json": json.dumps(
            [
                {"path": "0_Transformer", "type": f"{CLASSES}Transformer"},
                {"path": "1_Pooling", "type": f"{CLASSES}Pooling"},
                {"path": "2_Dense", "type": f"{CLASSES}Dense"},
                {"path": "3_Normalize", "type": f"{CLASSES}Normalize"},
            ]
        ).encode(),
        "0_Transformer/config.json": b"{}",
        "0_Transformer/sentence_roberta_config.json": b"{}",
        "0_Transformer/tokenizer.json": b"{}",
        "0_Transformer/model.safetensors": weights(),
        "1_Pooling/config.json": b"{}",
        "2_Dense/config.json": b"{}",
        "2_Dense/model.safetensors": weights(32),
    },
    "weights in parts": {
        **{name: data for name, data in model().items() if name != "model.safetensors"},
        "model.safetensors.index.json": json.dumps(
            {"weight_map": {"a": "model-00001-of-00002.safetensors", "b": "model-00002-of-00002.safetensors"}}
        ).encode(),
        "model-00001-of-00002.safetensors": weights(),
        "model-00002-of-00002.safetensors": weights(64),
        "special_tokens_map.json": b"{}",
        "added_tokens.json": b"{}",
    },
    "model2vec": {
        "config.json": b'{"model_type": "model2vec"}',
        "tokenizer.json": b"{}",
        "model.safetensors": weights(),
        "README.md": b"",
    },
    "static, at the root": {
        "modules.json": json.dumps(
            [
                {"path": ".", "type": "sentence_transformers.sentence_transformer.modules.StaticEmbedding"},
                {"path": "1_Normalize", "type": f"{CLASSES}Normalize"},
            ]
        ).encode(),
        "tokenizer.json": b"{}",
        "model.safetensors": weights(),
    },
    "static, in a folder": {
        "modules.json": json.dumps([{"path": "0_StaticEmbedding", "type": f"{CLASSES}StaticEmbedding"}]).encode(),
        "0_StaticEmbedding/tokenizer.json": b"{}",
        "0_StaticEmbedding/model.safetensors": weights(),
    },
}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_repository_of_any_layout_is_fetched_whole(site: Site, layout: str) -> None:
    site.hub.add(REPOSITORY, {**DECOYS, **LAYOUTS[layout]})
    pulled = site.pull()
    assert pulled.message == ""
    # what is at the root and looks like a model's file is in no module's folder
    assert pulled.files == hashes(LAYOUTS[layout])


def test_a_model_that_is_too_large_is_refused_by_its_size() -> None:
    parts = [RemoteFile(f"model-0000{number}-of-00002.safetensors", 5_400_000_000, "") for number in (1, 2)]
    check_size(REPOSITORY, parts[:1])
    with pytest.raises(PullFailed, match=r"weights of 10\.8 GB, and Rekall pulls models of up to 8 GB"):
        check_size(REPOSITORY, [RemoteFile("config.json", 700, ""), *parts])


def test_progress_rises_to_the_size_of_all_files(site: Site) -> None:
    files = {**model(), "model.safetensors": weights(20_000)}
    site.hub.add(REPOSITORY, files)
    told = site.pull().told
    total = sum(map(len, files.values()))
    done = [figures[1] for figures in told]
    assert done == sorted(done)
    assert done[-1] == total
    assert {figures[2] for figures in told} == {total}
    assert len([name for name, _, _ in told if name == "model.safetensors"]) > 10
    assert {name for name, _, _ in told} == set(files)


def test_a_pull_that_ends_well_leaves_nothing_behind(site: Site) -> None:
    site.hub.add(REPOSITORY, model())
    assert site.pull().gone
    assert site.left() == []
    assert not (site.home / "hub").exists()
    assert not (site.home / "xet").exists()


def test_the_room_is_imported_without_the_client() -> None:
    program = "import sys, rekall.models.export.hub; print([name for name in ('huggingface_hub', 'httpx', 'httpx2', 'numpy', 'onnx') if name in sys.modules])"
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, cwd=CHECKOUT, check=True)
    assert ran.stdout.strip() == "[]"


def test_without_the_client_its_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_DISABLE_TELEMETRY", "1")  # put back afterwards
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    with pytest.raises(PullFailed) as failed, fetch(REPOSITORY):
        pass
    assert "huggingface_hub" in failed.value.message
    assert "rekall-memory[export]" in failed.value.hint


# the token


def test_the_token_goes_to_the_hub_and_to_nobody_else(site: Site) -> None:
    site.hub.add(REPOSITORY, model())
    site.hub.private.add(REPOSITORY)
    assert site.pull(env={"HF_TOKEN": TOKEN}).message == ""
    shown = {(request.host, request.headers.get("authorization")) for request in site.hub.requests}
    assert shown == {("hub", f"Bearer {TOKEN}"), ("store", None)}


def test_the_token_that_was_saved_under_hf_home_is_used(site: Site) -> None:
    site.hub.add(REPOSITORY, model())
    site.hub.private.add(REPOSITORY)
    site.home.mkdir()
    (site.home / "token").write_text(TOKEN)
    assert site.pull().message == ""


def test_a_client_that_was_set_to_talk_keeps_quiet(site: Site) -> None:
    site.hub.add(REPOSITORY, model())
    talkative = {"HF_DEBUG": "1", "HF_HUB_VERBOSITY": "debug", "HF_HUB_ENABLE_HF_TRANSFER": "1", "HF_TOKEN": TOKEN}
    assert site.pull(env=talkative).message == ""  # `ended` looks at what was said


def test_without_a_token_none_is_sent(site: Site) -> None:
    site.hub.add(REPOSITORY, model())
    site.pull()
    assert not any("authorization" in request.headers for request in site.hub.requests)


@pytest.mark.parametrize("token", [f"{TOKEN}é", f"{TOKEN}\x0cx"], ids=["accent", "form feed"])
def test_a_token_that_cannot_be_sent_is_told_without_showing_it(site: Site, token: str) -> None:
    site.hub.add(REPOSITORY, model())
    pulled = site.pull(env={"HF_TOKEN": token})
    assert pulled.kind == "pull_failed"
    assert "token" in pulled.message
    assert "HF_TOKEN" in pulled.hint


# refused before anything large


def without(*names: str, **more: bytes) -> dict[str, bytes]:
    return {name: data for name, data in model().items() if name not in names}


REFUSED: dict[str, tuple[dict[str, bytes], str]] = {
    "pickle": ({**without("model.safetensors"), "pytorch_model.bin": b"pickle"}, "pytorch_model.bin"),
    "shards": (
        {
            **without("model.safetensors"),
            "model.safetensors.index.json": b"{}",
            "model-00001-of-00002.safetensors": weights(),
            "model-00002-of-00002.safetensors": weights(),
        },
        "does not say which files hold the weights: it has no weight_map",
    ),
    "shard elsewhere": (
        {
            **without("model.safetensors"),
            "model.safetensors.index.json": b'{"weight_map": {"a": "../model-00001-of-00001.safetensors"}}',
        },
        "is not the name of a safetensors file",
    ),
    "shard missing": (
        {
            **without("model.safetensors"),
            "model.safetensors.index.json": b'{"weight_map": {"a": "model-00001-of-00001.safetensors"}}',
        },
        "has no model-00001-of-00001.safetensors",
    ),
    "no weights": (without("model.safetensors"), "no model.safetensors"),
    "no tokenizer": ({**without("tokenizer.json"), "vocab.txt": b"a"}, "no tokenizer.json"),
    "no config": (without("config.json"), "no config.json"),
    "no pooling": (without("1_Pooling/config.json"), "1_Pooling"),
    "gguf": ({"README.md": b"", "model.gguf": b"gguf"}, "no config.json"),
    "empty": ({}, "no config.json"),
    "dense pickle": (
        {
            **model([*POOLED, {"path": "2_Dense", "type": f"{CLASSES}Dense"}]),
            "2_Dense/config.json": b"{}",
            "2_Dense/pytorch_model.bin": b"pickle",
        },
        "pytorch_model.bin in 2_Dense",
    ),
    "outside": (model([{"path": "../..", "type": f"{CLASSES}Transformer"}]), "'../..'"),
    "absolute": (model([{"path": "/etc", "type": f"{CLASSES}Transformer"}]), "'/etc'"),
    "drive": (model([{"path": "C:evil", "type": f"{CLASSES}Transformer"}]), "'C:evil'"),
    "backslash": (model([{"path": "..\\up", "type": f"{CLASSES}Transformer"}]), "outside"),
    "not json": ({**model(), "modules.json": b"<html>"}, "not a list of modules"),
    "deep json": ({**model(), "modules.json": b"[" * 100_000}, "not a list of modules"),
    "not a list": ({**model(), "modules.json": b"7"}, "not a list of modules"),
    "no types": ({**model(), "modules.json": b"[{}]"}, "not a list of modules"),
    "strings": ({**model(), "modules.json": b'["a"]'}, "not a list of modules"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_exported_is_refused_before_its_weights(site: Site, case: str) -> None:
    files, reason = REFUSED[case]
    site.hub.add(REPOSITORY, files)
    pulled = site.pull()
    assert pulled.kind == "pull_failed"
    assert reason in pulled.message
    assert REPOSITORY in pulled.message
    assert pulled.hint != ""
    assert set(site.hub.sent_names()) <= {"modules.json", "model.safetensors.index.json"}
    assert site.left() == []


def test_an_inspection_sees_all_but_the_weights_and_can_refuse(site: Site) -> None:
    site.hub.add(REPOSITORY, model())
    pulled = site.pull(refuse=True)
    assert pulled.message == "refused"
    assert sorted(pulled.inspected) == sorted(without("model.safetensors"))
    assert "model.safetensors" not in site.hub.sent_names()
    assert site.left() == []


# what the hub refuses

ANSWERS: dict[str, tuple[int, str, str, str]] = {
    "gated": (403, "GatedRepo", "gated", "HF_TOKEN"),
    "gated, unknown": (401, "GatedRepo", "gated", "HF_TOKEN"),
    "unauthorised": (401, "", "without a token: it is private or does not exist", "HF_TOKEN"),
    "forbidden": (403, "", "does not let this account", "HF_TOKEN"),
    "unknown": (404, "", "no model", "check the name"),
    "too many": (429, "", "too many requests", "wait"),
    "broken": (500, "", "error 500", "later"),
}


@pytest.mark.parametrize("case", ANSWERS)
def test_what_the_hub_refuses_is_told_with_a_way_out(site: Site, case: str) -> None:
    status, code, message, hint = ANSWERS[case]
    site.hub.add(REPOSITORY, model())
    site.hub.refusals["/api/models"] = status, code
    pulled = site.pull()
    assert pulled.kind == "pull_failed"
    assert message in pulled.message
    assert hint in pulled.hint
    assert site.left() == []


def test_a_model_that_is_not_there_is_told(site: Site) -> None:
    pulled = site.pull("someone/nothing", env={"HF_TOKEN": TOKEN})
    assert pulled.message == f"there is no model someone/nothing at {site.hub.address.removeprefix('http://')}"


def test_a_model_that_is_private_or_not_there_asks_for_a_token(site: Site) -> None:
    pulled = site.pull("someone/nothing")
    assert "someone/nothing" in pulled.message
    assert "HF_TOKEN" in pulled.hint


def test_a_token_that_is_not_accepted_is_told(site: Site) -> None:
    site.hub.refusals["/api/models"] = 401, ""
    assert "does not accept the access token" in site.pull(env={"HF_TOKEN": TOKEN}).message


def test_a_revision_that_is_not_there_is_told(site: Site) -> None:
    site.hub.add(REPOSITORY, model())
    pulled = site.pull(f"{REPOSITORY}@v9")
    assert pulled.message == f"{REPOSITORY} has no revision 'v9'"
    assert f"rekall model pull {REPOSITORY}" in pulled.hint


def test_a_gate_before_the_files_is_told_with_the_page_to_go_to(site: Site) -> None:
    site.hub.add(REPOSITORY, model())
    site.hub.refusals[f"/{REPOSITORY}/resolve/"] = 403, "GatedRepo"
    pulled = site.pull()
    assert "gated" in pulled.message
    assert f"{site.hub.address}/{REPOSITORY}" in pulled.hint
    assert site.left() == []


def test_a_file_that_is_listed_and_not_there_is_told(site: Site) -> None:
    site.hub.add(REPOSITORY, model())
    site.hub.refusals[f"/{REPOSITORY}/resolve/"] = 404, "EntryNotFound"
    assert "lists a file" in site.pull().message


@pytest.mark.parametrize("answer", [b"<html>sign in</html>", b"[]", b"{}", b'{"id": "a/b", "sha": "../../x"}', b"null"])
def test_an_answer_that_no_hub_gives_is_told(site: Site, answer: bytes) -> None:
    site.hub.raw_answer = answer
    pulled = site.pull()
    assert "does not answer like a model hub" in pulled.message
    assert "HF_ENDPOINT" in pulled.hint


def test_a_hub_that_answers_with_another_commit_than_the_one_asked_for_is_refused(site: Site) -> None:
    site.hub.raw_answer = json.dumps({"id": REPOSITORY, "sha": "1" * 40, "siblings": []}).encode()
    assert "does not answer like a model hub" in site.pull(f"{REPOSITORY}@{'0' * 40}").message


def test_a_hub_that_tells_no_hashes_is_refused(site: Site) -> None:
    site.hub.add(REPOSITORY, model())
    site.hub.tells_hashes = False
    assert "cannot be checked" in site.pull().message
    assert site.hub.sent() == []


def test_a_password_in_the_address_of_the_hub_is_not_shown(site: Site) -> None:
    address = site.hub.address.replace("http://", "http://someone:sesame@")
    pulled = site.pull("someone/nothing", env={"HF_ENDPOINT": address})
    assert "sesame" not in pulled.message + pulled.hint
    assert "127.0.0.1" in pulled.message


# bytes that are not what they should be


@pytest.mark.parametrize("name", ["model.safetensors", "config.json"])
def test_a_file_with_other_bytes_is_refused_and_not_kept(site: Site, name: str) -> None:
    files = model()
    site.hub.add(REPOSITORY, files)
    site.hub.altered[name] = files[name][:-1] + b"?"
    pulled = site.pull()
    assert pulled.kind == "pull_failed"
    assert f"{name} of {REPOSITORY} arrived damaged" in pulled.message
    assert name not in site.left()
    assert f"{name}.part" not in site.left()
    site.hub.altered.clear()
    assert site.pull().files == hashes(files)


def test_a_file_that_is_longer_than_it_should_be_is_refused(site: Site) -> None:
    files = model()
    site.hub.add(REPOSITORY, files)
    site.hub.altered["model.safetensors"] = files["model.safetensors"] * 1_000
    pulled = site.pull()
    assert "arrived damaged" in pulled.message
    assert max(done for _, done, _ in pulled.told) < len(site.hub.altered["model.safetensors"]) / 2


def test_a_file_that_is_always_shorter_than_it_should_be_is_refused(site: Site) -> None:
    files = model()
    site.hub.add(REPOSITORY, files)
    site.hub.altered["README.md"] = b"-"
    site.hub.knows_ranges = False
    pulled = site.pull()
    assert "README.md" in pulled.message
    assert site.left() == []


# connections that break


def test_a_dropped_connection_is_taken_up_where_it_broke(site: Site) -> None:
    files = {**model(), "model.safetensors": weights(2_000)}
    site.hub.add(REPOSITORY, files)
    site.hub.cuts["model.safetensors"] = [300_000]
    pulled = site.pull()
    assert pulled.files == hashes(files)
    ranges = [request.headers.get("range") for request in site.hub.sent()]
    assert [asked for asked in ranges if asked] == ["bytes=300000-"]


def test_a_dropped_connection_starts_again_where_parts_cannot_be_asked_for(site: Site) -> None:
    files = {**model(), "model.safetensors": weights(2_000)}
    site.hub.add(REPOSITORY, files)
    site.hub.cuts["model.safetensors"] = [300_000]
    site.hub.knows_ranges = False
    assert site.pull().files == hashes(files)


def test_a_store_that_stumbles_is_asked_again(site: Site) -> None:
    site.hub.add(REPOSITORY, model())
    site.hub.hiccups = [503]
    assert site.pull().files == hashes(model())


@pytest.mark.slow
def test_a_download_that_stays_cut_fails_and_the_next_pull_goes_on_from_there(site: Site) -> None:
    files = {**model(), "model.safetensors": weights(2_000)}
    site.hub.add(REPOSITORY, files)
    site.hub.cuts["model.safetensors"] = [200_000, 100_000, 0, 0, 0, 0]
    pulled = site.pull()
    assert len(pulled.slept) > 1
    assert all(pause > 0 for pause in pulled.slept)
    assert pulled.kind == "pull_failed"
    assert "was lost" in pulled.message
    assert "again" in pulled.hint
    assert "model.safetensors" not in site.left()
    site.hub.requests.clear()
    assert site.pull().files == hashes(files)
    assert [request.headers["range"] for request in site.hub.sent()] == ["bytes=300000-"]
    assert site.left() == []


def test_a_pull_that_was_killed_is_taken_up_by_the_next(site: Site) -> None:
    files = {**model(), "model.safetensors": weights(2_000)}
    site.hub.add(REPOSITORY, files)
    site.hub.released.clear()
    process = site.begin()
    part = (
        site.workshop
        / f"{REPOSITORY.replace('/', '--')}@{site.hub.refs[REPOSITORY]['main']}"
        / "model.safetensors.part"
    )
    wait_until(lambda: part.exists() and part.stat().st_size > 0)
    process.kill()
    process.communicate()
    site.hub.released.set()
    site.hub.requests.clear()
    assert site.pull().files == hashes(files)
    assert [request.headers["range"][:6] for request in site.hub.sent()] == ["bytes="]
    assert site.left() == []


def test_a_rest_that_belongs_to_nothing_is_replaced_in_the_end(site: Site) -> None:
    files = model()
    commit = site.hub.add(REPOSITORY, files)
    folder = site.workshop / f"{REPOSITORY.replace('/', '--')}@{commit}"
    folder.mkdir(parents=True)
    (folder / "model.safetensors.part").write_bytes(b"other bytes")
    (folder / "config.json").write_bytes(b"?" * len(files["config.json"]))
    assert "arrived damaged" in site.pull().message
    assert site.pull().files == hashes(files)


def test_a_hub_that_fell_silent_is_given_up(site: Site) -> None:
    site.hub.hangs = True
    began = time.monotonic()
    pulled = site.pull(env={"HF_HUB_ETAG_TIMEOUT": "1"})
    assert time.monotonic() - began < PATIENCE_S  # the hub holds out longer
    assert sum(pulled.slept) < 10
    assert "does not answer" in pulled.message
    assert "rekall model import FILE.tar" in pulled.hint
    assert "--from-dir" in pulled.hint


def test_no_network_at_all_is_told_with_the_ways_that_need_none(site: Site) -> None:
    with socket.create_server(("127.0.0.1", 0)) as gone:
        address = f"http://127.0.0.1:{gone.getsockname()[1]}"
    began = time.monotonic()
    pulled = site.pull(env={"HF_ENDPOINT": address})
    assert time.monotonic() - began < PATIENCE_S
    assert sum(pulled.slept) < 10
    assert f"cannot reach {address.removeprefix('http://')}" in pulled.message
    assert "rekall model import FILE.tar" in pulled.hint
    assert "--from-dir" in pulled.hint


@pytest.mark.parametrize("address", ["hub", "ftp://hub", "http://", "http://[::1"])
def test_an_address_that_is_none_is_told(site: Site, address: str) -> None:
    pulled = site.pull(env={"HF_ENDPOINT": address})
    assert pulled.kind == "pull_failed"
    assert "HF_" in pulled.message + pulled.hint


# the disk


@pytest.mark.skipif(os.name == "nt", reason="Windows has no limit on the size of a process's files")
def test_a_disk_that_is_full_is_told(site: Site) -> None:
    import resource

    site.hub.add(REPOSITORY, {**model(), "model.safetensors": weights(2_000)})
    limit = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, limit[1]))
    try:
        process = site.begin()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limit)
    pulled = ended(process)
    assert "no room left" in pulled.message
    assert "HF_HOME" in pulled.hint
    assert "model.safetensors" not in site.left()


def test_a_model_that_is_larger_than_the_disk_is_refused_first(site: Site) -> None:
    commit = site.hub.add(REPOSITORY, model())
    listing = {
        "id": REPOSITORY,
        "sha": commit,
        "siblings": [
            {"rfilename": name, "size": 1 << 60, "blobId": "0" * 40}
            for name in ("config.json", "tokenizer.json", "model.safetensors")
        ],
    }
    site.hub.raw_answer = json.dumps(listing).encode()
    pulled = site.pull()
    assert "no room left" in pulled.message
    assert "MB" in pulled.message
    assert len(site.hub.requests) == 1
    assert site.left() == []


def test_a_home_that_is_a_file_is_told(site: Site) -> None:
    site.hub.add(REPOSITORY, model())
    site.home.write_text("")
    pulled = site.pull()
    assert pulled.kind == "pull_failed"
    assert "HF_HOME" in pulled.hint


# what is kept


def test_a_failed_export_keeps_the_files_for_the_next_attempt(site: Site) -> None:
    files = model()
    site.hub.add(REPOSITORY, files)
    assert site.pull(fail=True).message == "the export failed"
    site.hub.requests.clear()
    pulled = site.pull()
    assert pulled.files == hashes(files)
    assert site.hub.sent() == []
    assert pulled.told[-1][1:] == [sum(map(len, files.values()))] * 2
    assert site.left() == []


def test_kept_files_are_checked_again(site: Site) -> None:
    files = model()
    site.hub.add(REPOSITORY, files)
    site.pull(fail=True)
    kept = next(site.workshop.rglob("model.safetensors"))
    kept.write_bytes(files["model.safetensors"][:-1] + b"?")
    site.hub.requests.clear()
    assert site.pull().files == hashes(files)
    assert site.hub.sent_names() == ["model.safetensors"]


@pytest.mark.parametrize(("days", "kept"), [(6, True), (8, False)])
def test_what_a_failed_pull_left_goes_after_a_week(site: Site, days: int, kept: bool) -> None:
    site.hub.add(REPOSITORY, model())
    site.hub.add("someone/other", model())
    site.pull("someone/other", fail=True)
    folder = next(site.workshop.glob("*@*"))
    past = time.time() - days * 86_400
    os.utime(folder, (past, past))
    site.pull()
    assert folder.exists() is kept


def test_two_pulls_of_one_model_wait_for_each_other(site: Site, tmp_path: Path) -> None:
    files = model()
    site.hub.add(REPOSITORY, files)
    first = site.begin(hold=str(tmp_path))
    wait_until((tmp_path / "begun").exists)
    second = site.begin()
    listings = f"/api/models/{REPOSITORY}"
    wait_until(lambda: len([request for request in site.hub.requests if request.path == listings]) == 2)
    assert second.poll() is None
    (tmp_path / "go").touch()
    assert [ended(process).files for process in (first, second)] == [hashes(files)] * 2
    assert site.left() == []


def test_two_pulls_that_begin_together_both_end_well(site: Site) -> None:
    files = {**model(), "model.safetensors": weights(2_000)}
    site.hub.add(REPOSITORY, files)
    processes = [site.begin(), site.begin()]
    assert [ended(process).files for process in processes] == [hashes(files)] * 2


# the client's own cache


def test_what_another_tool_has_is_used_and_stays(site: Site) -> None:
    files = {**model(), "onnx/model.onnx": b"onnx"}
    site.hub.add(REPOSITORY, files)
    snapshot = site.as_another_tool("main", *files)
    before = {path: path.lstat().st_mtime_ns for path in site.home.joinpath("hub").rglob("*")}
    pulled = site.pull()
    assert pulled.files == hashes(model())
    assert site.hub.sent() == []
    assert {path: path.lstat().st_mtime_ns for path in site.home.joinpath("hub").rglob("*")} == before
    assert hashes({name: (snapshot / name).read_bytes() for name in files}) == hashes(files)


def test_a_damaged_copy_in_the_cache_is_fetched_again_and_stays(site: Site) -> None:
    files = model()
    site.hub.add(REPOSITORY, files)
    snapshot = site.as_another_tool("main", *files)
    (snapshot / "model.safetensors").resolve().write_bytes(b"cut")
    assert site.pull().files == hashes(files)
    assert site.hub.sent_names() == ["model.safetensors"]
    assert (snapshot / "model.safetensors").read_bytes() == b"cut"


def test_another_revision_in_the_cache_stays(site: Site) -> None:
    old = {**model(), "config.json": b'{"old": 1}'}
    site.hub.add(REPOSITORY, old, branch="v1")
    site.hub.add(REPOSITORY, model())
    snapshot = site.as_another_tool("v1", *old)
    assert site.pull().files == hashes(model())
    assert hashes({name: (snapshot / name).read_bytes() for name in old}) == hashes(old)


# offline

OFFLINE = {"HF_HUB_OFFLINE": "1"}


@pytest.mark.parametrize("revision", ["", "@main", "@commit"])
def test_offline_the_cache_is_enough(site: Site, revision: str) -> None:
    files = model()
    commit = site.hub.add(REPOSITORY, files)
    site.as_another_tool("main", *files)
    pulled = site.pull(REPOSITORY + revision.replace("commit", commit), env=OFFLINE)
    assert (pulled.message, pulled.commit, pulled.files) == ("", commit, hashes(files))
    assert site.hub.requests == []
    assert site.cache.exists()


@pytest.mark.parametrize("revision", ["", "@v2", f"@{'0' * 40}"])
def test_offline_a_revision_that_is_not_in_the_cache_is_told(site: Site, revision: str) -> None:
    site.hub.add(REPOSITORY, model(), branch="v1")
    site.as_another_tool("v1", "config.json")
    pulled = site.pull(REPOSITORY + revision, env=OFFLINE)
    assert pulled.message.startswith(f"HF_HUB_OFFLINE is set, and {REPOSITORY}{revision} is not in ")
    assert "rekall model import FILE.tar" in pulled.hint
    assert site.hub.requests == []


def test_offline_a_branch_that_leads_out_of_the_cache_is_not_followed(site: Site) -> None:
    site.hub.add(REPOSITORY, model())
    site.as_another_tool("main", "config.json")
    (site.cache / "refs" / "main").write_text("../../..")
    assert "is not in" in site.pull(env=OFFLINE).message


def plain_files(snapshot: Path) -> None:
    """As the client's cache is where there are no links."""
    for path in snapshot.rglob("*"):
        if path.is_symlink():
            data = path.read_bytes()
            path.unlink()
            path.write_bytes(data)


def shared_blobs(snapshot: Path) -> None:
    """As the client's cache is from 2.4 on for files that several repositories have."""
    for number, path in enumerate(snapshot.rglob("*")):
        if path.is_symlink():
            blob = path.parent / os.readlink(path)
            store = snapshot.parent / f"{number:064x}"
            blob.rename(store)
            blob.symlink_to(store)


@pytest.mark.skipif(os.name == "nt", reason="the client's cache has no links on Windows")
@pytest.mark.parametrize("change", [plain_files, shared_blobs])
def test_offline_every_form_of_the_cache_is_read(site: Site, change: Callable[[Path], None]) -> None:
    files = model()
    site.hub.add(REPOSITORY, files)
    change(site.as_another_tool("main", *files))
    pulled = site.pull(env=OFFLINE)
    assert (pulled.message, pulled.files) == ("", hashes(files))


def test_offline_a_part_of_a_model_is_not_taken_for_the_whole(site: Site) -> None:
    site.hub.add(REPOSITORY, model())
    site.as_another_tool("main", "config.json", "tokenizer.json", "model.safetensors")
    pulled = site.pull(env=OFFLINE)
    assert "only a part" in pulled.message


def test_offline_a_model_that_is_known_to_have_no_modules_is_taken(site: Site) -> None:
    files = LAYOUTS["no modules.json"]
    commit = site.hub.add(REPOSITORY, files)
    site.as_another_tool("main", *files)
    marker = site.cache / ".no_exist" / commit / "modules.json"
    marker.parent.mkdir(parents=True)
    marker.touch()
    assert site.pull(env=OFFLINE).files == hashes(files)


def test_offline_the_cached_copy_is_named_when_it_lacks_a_file(site: Site) -> None:
    site.hub.add(REPOSITORY, model())
    site.as_another_tool("main", *without("model.safetensors"))
    pulled = site.pull(env=OFFLINE)
    assert pulled.message == f"the cached copy of {REPOSITORY} has no model.safetensors"


@pytest.mark.skipif(os.name == "nt", reason="without links the client's cache does not know its hashes")
def test_offline_a_damaged_copy_is_refused(site: Site) -> None:
    files = model()
    site.hub.add(REPOSITORY, files)
    snapshot = site.as_another_tool("main", *files)
    blob = (snapshot / "model.safetensors").resolve()
    blob.write_bytes(files["model.safetensors"][:-1] + b"?")
    pulled = site.pull(env=OFFLINE)
    assert "model.safetensors" in pulled.message
    assert "damaged" in pulled.message
    assert "HF_HUB_OFFLINE" in pulled.hint


# the name on the command line


@pytest.mark.parametrize(
    ("text", "parsed"),
    [
        ("org/name", ("org/name", None)),
        ("sentence-transformers/all-MiniLM-L6-v2", ("sentence-transformers/all-MiniLM-L6-v2", None)),
        ("BAAI/bge-small-en-v1.5@main", ("BAAI/bge-small-en-v1.5", "main")),
        ("a/b@refs/pr/1", ("a/b", "refs/pr/1")),
        ("a_b/c.d@v1.0+x", ("a_b/c.d", "v1.0+x")),
        (f"a/b@{'0' * 40}", ("a/b", "0" * 40)),
        ("https://huggingface.co/org/name", ("org/name", None)),
        ("https://huggingface.co/org/name/?library=x", ("org/name", None)),
        ("https://huggingface.co/org/name/tree/v1", ("org/name", "v1")),
        ("https://huggingface.co/org/name/tree/refs%2Fpr%2F1", ("org/name", "refs/pr/1")),
    ],
)
def test_a_repository_and_its_revision_are_told_apart(text: str, parsed: tuple[str, str | None]) -> None:
    assert parse_repository(text) == parsed


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "@",
        "name",
        "@main",
        "org/",
        "/name",
        "org//name",
        "org/name/more",
        "org/name ",
        "org/na me",
        "org/name\n",
        "org/name\x00",
        "../name",
        "org/..",
        "./name",
        "org/a..b",
        "org/a--b",
        "org/name.git",
        "-org/name",
        "org/-name",
        "org/name-",
        "org/" + "n" * 97,
        "örg/name",
        "org\\name",
        "/etc/passwd",
        "C:/name",
        "org/name@",
        "org/name@..",
        "org/name@a/../b",
        "org/name@/etc",
        "org/name@-x",
        "org/name@a b",
        "org/name@a@b",
        "org/name@a\n",
        "org/name@\x1b[31m",
        "org/name@" + "v" * 300,
        "https://example.org/org/name",
        "https://huggingface.co",
        "https://huggingface.co/org",
        "https://huggingface.co/datasets/org/name",
        "https://huggingface.co/org/name/blob/main/config.json",
        "https://huggingface.co/org/name/tree/main/onnx",
        "https://huggingface.co/../name",
        "https://huggingface.co@example.org/org/name",
        "https://[/org/name",
        "file:///etc/passwd",
    ],
)
def test_what_names_no_repository_is_refused_with_a_way_out(text: str) -> None:
    with pytest.raises(UsageError) as refused:
        parse_repository(text)
    assert refused.value.hint
    assert not any(ord(character) < 32 for character in refused.value.message)


def test_a_failed_pull_is_a_failed_export() -> None:
    assert issubclass(PullFailed, ExportFailed)
    assert PullFailed.exit_code == 6
