"""An assistant with several bases: it searches all of them, reads and changes an entry where it lives, and adds where it is told."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from mcp import Client
from support import FakeEncoder, Ran
from support.systems import not_on_windows

from rekall.app import App
from rekall.mcp.server import RekallServer

Rekall = Callable[..., Ran]
Call = Callable[..., tuple[str, dict[str, Any]]]


@pytest.fixture
def team(rekall: Rekall, quick_model: FakeEncoder, tmp_path: Path) -> Path:
    folder = tmp_path / "team"
    rekall("base", "init", str(folder))
    rekall("base", "add", "team", str(folder))
    rekall("-b", "team", "add", "bug", "nginx drops websockets", "-c", "proxy_read_timeout")
    rekall("add", "til", "nginx keeps websockets open")
    return folder


@pytest.fixture
def call() -> Iterator[Call]:
    app = App()
    app.door = "mcp"

    def ask(tool: str, **arguments: Any) -> tuple[str, dict[str, Any]]:
        async def asked() -> Any:
            async with Client(RekallServer(app, with_data=True).protocol_server()) as client:
                return await client.call_tool(tool, arguments)

        result = asyncio.run(asked())
        return result.content[0].text, result.structured_content

    yield ask
    app.close()


def ids(rekall: Rekall) -> tuple[str, str]:
    return tuple(rekall("-b", name, "list", "--json").json["entries"][0]["id"] for name in ("own", "team"))  # type: ignore[return-value]


def test_a_search_names_the_base_of_a_hit_and_get_reads_from_both(rekall: Rekall, team: Path, call: Call):
    own, theirs = ids(rekall)
    text, data = call("search", query="websockets")
    assert {each["id"] for each in data["hits"]} == {own, theirs}
    (line,) = (line for line in text.splitlines() if theirs in line)
    assert line.endswith("in team")
    text, data = call("get", ids=[own, theirs])
    assert [each["id"] for each in data["entries"]] == [own, theirs]
    assert "proxy_read_timeout" in text
    assert [each["id"] for each in call("get", ids=["nginx drops websockets"])[1]["entries"]] == [theirs]


def test_an_entry_of_another_base_is_read_as_a_resource(rekall: Rekall, team: Path):
    _, theirs = ids(rekall)
    app = App()

    async def asked() -> str:
        async with Client(RekallServer(app).protocol_server()) as client:
            return (await client.read_resource(f"rekall://entry/{theirs}")).contents[0].text  # type: ignore[union-attr]

    assert "proxy_read_timeout" in asyncio.run(asked())
    app.close()


def test_an_entry_is_changed_where_it_lives(rekall: Rekall, team: Path, call: Call):
    own, theirs = ids(rekall)
    _, data = call("update", id=theirs, add_tags=["proxy"])
    assert data["id"] == theirs
    assert rekall("-b", "team", "show", theirs, "--json").json["entry"]["tags"] == ["proxy"]
    assert rekall("-b", "team", "history", "-n", "1", "--json").json["operations"][0]["door"] == "mcp"
    for tool, given in (
        ("link", {"source": own, "target": theirs, "type": "related"}),
        ("deprecate", {"id": own, "superseded_by": theirs}),
    ):
        text, _ = call(tool, **given)
        assert "live in different bases" in text
        assert f"`rekall take {theirs} --from team`" in text
    text, _ = call("link", source=own, target="01ARZ3NDEKTSV4RRFFQ69G5FAV", type="related")
    assert "no entry" in text


def test_it_adds_to_the_base_that_is_named(rekall: Rekall, team: Path, call: Call):
    call("add", content="for the team", base="team")
    call("add", content="for myself")
    call("add", content="for myself again", base="own")
    listed = {name: rekall("-b", name, "list", "--json").json["total"] for name in ("own", "team")}
    assert listed == {"own": 3, "team": 2}
    text, _ = call("add", content="for nobody", base="nobody")
    assert "no base 'nobody'" in text
    assert "there are: own, team" in text
    rekall("base", "remove", "team")


def test_a_base_that_is_only_read_refuses(rekall: Rekall, team: Path, call: Call):
    _, theirs = ids(rekall)
    rekall("base", "add", "team", str(team), "--read-only")
    text, _ = call("update", id=theirs, title="other")
    assert "is only read from here" in text


def test_a_base_that_is_away_costs_a_note(rekall: Rekall, team: Path, call: Call):
    own, _ = ids(rekall)
    (team / "rekall.db").rename(team / "elsewhere.db")
    text, data = call("search", query="websockets", limit=3)
    assert [each["id"] for each in data["hits"]] == [own]
    assert "nothing of team is here" in text


def test_with_one_base_another_is_refused(rekall: Rekall, quick_model: FakeEncoder, call: Call):
    rekall("add", "til", "one")
    text, _ = call("add", content="x", base="team")
    assert "there is one base only" in text
    call("add", content="x", base="own")
    assert rekall("list", "--json").json["total"] == 2


def test_a_running_server_sees_names_come_and_go(rekall: Rekall, team: Path, call: Call, tmp_path: Path):
    own, theirs = ids(rekall)

    def found() -> set[str]:
        return {each["id"] for each in call("search", query="websockets")[1]["hits"]}

    assert found() == {own, theirs}
    rekall("base", "remove", "team")
    assert found() == {own}
    text, _ = call("get", ids=[theirs])
    assert "error:" in text
    text, _ = call("add", content="for the team", base="team")
    assert "there is one base only" in text
    rekall("base", "init", str(tmp_path / "ops"))
    rekall("base", "add", "ops", str(tmp_path / "ops"))
    call("add", content="websockets of ops", base="ops")
    assert len(found()) == 2
    rekall("base", "add", "team", str(team))
    assert len(found()) == 3
    rekall("base", "add", "team", str(tmp_path / "ops"))  # another place under the same name
    assert theirs not in found()


def test_a_base_that_bases_search_names_may_go(rekall: Rekall, team: Path, call: Call):
    own, theirs = ids(rekall)
    rekall("config", "set", "bases.search", "team")
    assert {each["id"] for each in call("search", query="websockets")[1]["hits"]} == {own, theirs}
    rekall("base", "remove", "team")
    assert {each["id"] for each in call("search", query="websockets")[1]["hits"]} == {own}


@not_on_windows("a file that is open cannot be moved there")
def test_a_base_that_is_removed_under_a_running_server_costs_a_note(rekall: Rekall, team: Path, call: Call):
    own, theirs = ids(rekall)
    assert call("get", ids=[theirs])[1]["entries"]
    for file in team.glob("rekall.db*"):
        file.rename(file.with_name(f"moved.{file.name}"))
    text, data = call("search", query="websockets")
    assert {each["id"] for each in data["hits"]} == {own}
    assert "nothing of team is here: team is not there" in text
    text, data = call("get", ids=[own, theirs])
    assert [each["id"] for each in data["entries"]] == [own]
    text, _ = call("add", content="for the team", base="team")
    assert "team is not there" in text
    assert not (team / "rekall.db").exists()
