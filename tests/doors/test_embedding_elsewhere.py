"""While another process embeds, every door says who and how far it is, and tells nobody to do it too."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import replace
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import pytest
from mcp.client.client import Client
from support import FakeEncoder, Ran
from support.tui_driver import driven, opened

from rekall.app import App
from rekall.errors import ModelNotFound
from rekall.mcp.server import RekallServer
from rekall.model_manager import ModelIdentity
from rekall.models.library import FolderLoader
from rekall.store.sqlite import SqliteStore
from rekall.store.values import Lease
from rekall.system.processes import Processes

Rekall = Callable[..., Ran]

pytestmark = pytest.mark.usefixtures("quick_model")

COMMAND = "rekall index rebuild"


def without_model(self: FolderLoader, *_: str) -> ModelIdentity:
    raise ModelNotFound("no model 'missing' is installed")


@pytest.fixture
def waiting(rekall: Rekall, monkeypatch: pytest.MonkeyPatch, home: Path) -> Iterator[SqliteStore]:
    """A base with one note that has its vector and three that wait for theirs; the same base as another has it."""
    assert rekall("add", "til", "docker prune", "--content", "frees the disk").code == 0
    with monkeypatch.context() as patch:
        patch.setattr(FolderLoader, "find", without_model)
        for title in ("docker cache", "docker layers", "docker volumes"):
            assert rekall("add", "til", title).code == 0
    with closing(SqliteStore(home / "rekall.db")) as store:
        yield store


@pytest.fixture
def other() -> Iterator[int]:
    """The number of a process that runs until the test has ended."""
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    yield child.pid
    child.communicate(b"\n")


@pytest.fixture
def lease(waiting: SqliteStore, other: int) -> Lease:
    """That process embeds."""
    space = waiting.vectors.active_space()
    assert space is not None
    now = datetime.now(timezone.utc).replace(microsecond=0)
    made = Lease(f"embedding {space.fingerprint}", "token", other, Processes().host(), now, 4617, 5497)
    assert waiting.leases.take(made)
    return made


@pytest.fixture
def who(lease: Lease) -> str:
    return f"process {lease.pid} is embedding, 4,617 of 5,497 passages done"


def test_a_search_says_it(rekall: Rekall, who: str) -> None:
    note = f"3 entries have no vector yet and can be found only by words; {who}"
    assert rekall("search", "docker").err == f"\nnote: {note}\n"
    assert rekall("search", "docker", "--json").json["mode"]["reason"] == note


def test_the_status_says_it(rekall: Rekall, who: str, lease: Lease) -> None:
    ran = rekall("index", "status")
    assert ran.err == f"\nnote: 3 entries without vectors; {who}\n"
    answer = rekall("index", "status", "--json").json
    assert answer["embedding"] == {"pid": lease.pid, "host": None, "done": 4617, "total": 5497}
    assert (answer["pending_entries"], answer["vectors"]) == (3, 1)


def test_the_figures_say_it(rekall: Rekall, who: str) -> None:
    assert f"1 of 4 passages  ({who})" in rekall("stats").out


def test_an_entry_stored_without_its_vector_says_it(rekall: Rekall, who: str, monkeypatch) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(FolderLoader, "find", without_model)
        for command in (("add", "til", "docker context"), ("edit", "--title", "docker rm")):
            ran = rekall(*command, *([] if command[0] == "add" else [newest(rekall)]))
            assert "can be found by words only: no model 'missing' is installed" in ran.err
            assert ran.err.endswith(f"hint: {who}\n")


def newest(rekall: Rekall) -> str:
    return str(rekall("list", "--json").json["entries"][0]["id"])


def test_a_rebuild_leaves_it_to_that_process_and_says_it(rekall: Rekall, who: str, quick_model: FakeEncoder) -> None:
    quick_model.encoded.clear()
    ran = rekall("index", "rebuild")
    assert (ran.code, ran.err) == (0, f"\nnote: {who}\n")
    assert ran.out.endswith("0 passages embedded; 3 to go\n")
    assert rekall("index", "rebuild", "--vectors", "--json").json["rebuilt"] == {"vectors": 0}
    assert quick_model.encoded == []


def test_a_model_that_another_process_is_changing_to_is_left_to_it(rekall: Rekall, who: str) -> None:
    ran = rekall("model", "use", "all-MiniLM-L6-v2")
    assert ran.code == 0
    assert "0 passages embedded, 3 to go" in ran.out
    assert ran.err == f"\nnote: {who}\n"


def test_an_assistant_is_told_it(who: str) -> None:
    async def asked() -> Any:
        async with Client(RekallServer(app, read_only=False).protocol_server(), mode="auto") as client:
            return await client.call_tool("search", {"query": "docker"})

    with closing(App()) as app:
        (content,) = asyncio.run(asked()).content
    assert content.text.splitlines()[0].startswith("Found by words and meaning")
    assert f"by words; {who}" in content.text
    assert COMMAND not in content.text


@driven
async def test_the_terminal_ui_says_it(who, lease, waiting):
    with closing(App()) as app:
        async with opened(app, (200, 24)) as ui:
            await ui.press("slash")
            await ui.type("docker")
            await ui.settle()
            assert who in " ".join(ui.lines())
            waiting.leases.renew(replace(lease, done=5000))
            await ui.type(" cache")
            await ui.settle()
            assert "5,000 of 5,497 passages done" in " ".join(ui.lines())


def test_nobody_who_has_ended_is_named(rekall: Rekall, waiting: SqliteStore, lease: Lease) -> None:
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    assert waiting.leases.take(replace(lease, pid=gone.pid), lease)
    assert rekall("search", "docker").err.count(f"run `{COMMAND} --vectors`") == 1
    assert rekall("index", "status").err == f"\nhint: 3 entries without vectors; run `{COMMAND} --vectors`\n"
    assert rekall("index", "status", "--json").json["embedding"] is None
    assert "embedding" not in rekall("stats").out
    assert rekall("index", "rebuild", "--vectors", "--json").json["rebuilt"] == {"vectors": 3}
    assert waiting.leases.under("") == []
    assert rekall("search", "docker").err == ""


def test_an_interrupted_rebuild_says_how_far_it_came_and_gives_the_work_back(
    rekall: Rekall, waiting: SqliteStore, quick_model: FakeEncoder, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stopped(texts: Sequence[str]) -> Any:
        if texts:
            raise KeyboardInterrupt
        return FakeEncoder(384).encode_documents(texts)

    with monkeypatch.context() as patch:
        patch.setattr(quick_model, "encode_documents", stopped)
        ran = rekall("index", "rebuild", "--vectors")
    assert ran.code == 130
    assert ran.err == (
        "error: interrupted: 1 of 4 passages embedded\n\n"
        "hint: it goes on with the next import or `rekall index rebuild`\n"
    )
    assert waiting.leases.under("") == []
    assert rekall("index", "rebuild", "--vectors", "--json").json["rebuilt"] == {"vectors": 3}


LOADED = """
import json, sys
from rekall.cli.main import run
try:
    run(sys.argv[1:])
except SystemExit as ended:
    assert not ended.code, ended.code
print()
print(json.dumps([name for name in ("psutil", "platform") if name in sys.modules]))
"""


def loaded(*arguments: str) -> list[str]:
    ran = subprocess.run(
        [sys.executable, "-c", LOADED, *arguments], capture_output=True, text=True, check=True, env={**os.environ}
    )
    return list(json.loads(ran.stdout.splitlines()[-1]))


def test_a_search_asks_for_processes_only_while_somebody_embeds(
    rekall: Rekall, waiting: SqliteStore, other: int
) -> None:
    assert "psutil" not in loaded("search", "docker")
    space = waiting.vectors.active_space()
    assert space is not None
    now = datetime.now(timezone.utc)
    waiting.leases.take(Lease(f"embedding {space.fingerprint}", "token", other, Processes().host(), now))
    assert "psutil" in loaded("search", "docker")
    waiting.leases.release("token")
    assert rekall("index", "rebuild", "--vectors").code == 0
    assert "psutil" not in loaded("search", "docker")
