"""A server that goes, hangs and comes back under an assistant and under the terminal UI: a note, and one's own base goes on."""

from __future__ import annotations

import asyncio
import tempfile
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from mcp import Client
from support import FakeEncoder, Ran, servers
from support.proxies import proxy
from support.tui_driver import Ui, driven, opened

from rekall.app import App
from rekall.mcp.server import RekallServer

if servers.why_not():
    pytest.skip(servers.why_not(), allow_module_level=True)

from rekall.store.postgres import waiting

Rekall = Callable[..., Ran]
_SOCKET = ".s.PGSQL.5432"


@pytest.fixture
def folder() -> Iterator[Path]:
    """Where the server seems to be."""
    with tempfile.TemporaryDirectory() as made:
        yield Path(made)


@pytest.fixture
def named(rekall: Rekall, quick_model: FakeEncoder, folder: Path) -> Iterator[Callable[[], None]]:
    """Makes an entry of a team, where the server is reached through the folder, and one of one's own."""
    with servers.empty_base() as conninfo:

        def make() -> None:
            there = conninfo.replace(str(servers.server().folder), str(folder)) + " connect_timeout=2"
            assert rekall("base", "add", "team", there).code == 0
            rekall("-b", "team", "add", "bug", "nginx drops websockets", "-c", "proxy_read_timeout")
            rekall("add", "til", "nginx keeps websockets open")

        yield make


def go(app: App, folder: Path) -> None:
    """Let the server go, as far as the application can see."""
    pid = app.open_base("team")._store.db.value("SELECT pg_backend_pid()")  # type: ignore[attr-defined]
    (folder / _SOCKET).unlink()
    servers.server().run(f"SELECT pg_terminate_backend({pid}, 10000)")


def come(folder: Path) -> None:
    """Let it come, or come back."""
    (folder / _SOCKET).symlink_to(servers.server().folder / _SOCKET)


def call(app: App, tool: str, **arguments: Any) -> tuple[str, list[str]]:
    """What a tool says, and the titles or ids of what it has."""

    async def asked() -> Any:
        async with Client(RekallServer(app, with_data=True).protocol_server()) as client:
            return await client.call_tool(tool, arguments)

    result = asyncio.run(asked())
    data = result.structured_content or {}
    return result.content[0].text, [each["id"] for each in data.get("hits", data.get("entries", []))]


def test_under_an_assistant(rekall: Rekall, named: Callable[[], None], folder: Path):
    come(folder)
    named()
    own, theirs = (rekall("-b", name, "list", "--json").json["entries"][0]["id"] for name in ("own", "team"))
    app = App()
    assert set(call(app, "search", query="websockets")[1]) == {own, theirs}
    go(app, folder)
    text, found = call(app, "search", query="websockets")
    assert found == [own]
    assert "nothing of team is here: " in text
    assert call(app, "get", ids=[own, theirs])[1] == [own]
    assert "error: " in call(app, "update", id=theirs, title="x")[0]
    assert "no server runs there" in call(app, "add", content="x", base="team")[0]
    assert call(app, "add", content="mine goes on")[0].startswith("added")
    come(folder)
    assert {own, theirs} <= set(call(app, "search", query="websockets")[1])
    app.close()


def test_one_that_hangs_under_an_assistant(
    rekall: Rekall, named: Callable[[], None], folder: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(waiting, "SILENT_S", 0.05)
    monkeypatch.setenv("REKALL_BASES_WAIT_SECONDS", "0.05")
    with proxy(folder, servers.server().folder) as way:
        named()
        app = App()
        app.open_base("team")
        way.freeze()
        text, found = call(app, "search", query="websockets")
        assert len(found) == 1
        assert "nothing of team is here: it did not answer in time" in text
        assert "it has not answered an earlier search yet" in call(app, "search", query="websockets")[0]
        app.close()
        for thread in threading.enumerate():
            if thread.name == "rekall-team":
                thread.join(60)
        assert "rekall-team" not in {thread.name for thread in threading.enumerate()}


@driven
async def test_under_the_terminal_ui(rekall: Rekall, named: Callable[[], None], folder: Path):
    come(folder)
    named()
    app = App()
    theirs, own = "nginx drops websockets", "nginx keeps websockets open"

    async def look_for(ui: Ui, line: str) -> list[str]:
        await ui.press("slash")
        await ui.type(line)
        await ui.press("enter")
        await ui.settle()
        return sorted(ui.titles())

    async with opened(app) as ui:
        assert await look_for(ui, "websockets") == [theirs, own]
        ui.main.entry_list.choose(ui.titles().index(theirs))
        await ui.settle()
        go(app, folder)
        await ui.press("enter")
        assert "the connection to " in ui.told or "does not answer" in ui.told
        await ui.press("escape")
        assert await look_for(ui, "nginx websockets") == [own]
        assert "without team" in ui.status
        come(folder)
        assert await look_for(ui, "websockets nginx") == [theirs, own]
    app.close()
