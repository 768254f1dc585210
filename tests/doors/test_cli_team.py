"""A team's base on a real server, as two people use it from the shell."""

from __future__ import annotations

import itertools
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from support import FakeEncoder, Ran
from support.servers import server

pytest.importorskip("psycopg")

Rekall = Callable[..., Ran]
_numbers = itertools.count()


@pytest.fixture
def location() -> Iterator[str]:
    """An empty database with pgvector."""
    running, name = server(), f"shell_{os.getpid()}_{next(_numbers)}"
    running.run(f"CREATE DATABASE {name}")
    yield running.conninfo(
        name, options=f"-csearch_path={name}"
    )  # roles are of the whole server, and named by the schema
    running.run(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
def team(rekall: Rekall, quick_model: FakeEncoder, location: str) -> str:
    assert rekall("base", "init", location).code == 0
    assert rekall("base", "add", "team", location).code == 0
    return location


def test_from_an_empty_database_to_the_second_person_s_first_search(
    rekall: Rekall, team: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    rekall("add", "bug", "nginx drops websockets", "-c", "proxy_read_timeout")
    entry = rekall("list", "--json").json["entries"][0]["id"]
    assert rekall("share", entry, "--to", "team").code == 0
    monkeypatch.setenv("REKALL_HOME", str(tmp_path / "second"))
    assert rekall("base", "add", "team", team).code == 0
    found = rekall("search", "websockets", "--json").json
    assert [(each["id"], each["base"]) for each in found["hits"]] == [(entry, "team")]
    assert found["bases"] == [{"name": "team", "hits": 1, "reason": None}]
    assert rekall("edit", entry, "--tag", "proxy").code == 0
    assert rekall("take", entry, "--from", "team").code == 0
    monkeypatch.setenv("REKALL_HOME", str(tmp_path / "home"))
    taken = rekall("take", entry, "--from", "team", "--json").json
    assert [(each["what"], each["fields"]) for each in taken["copied"]] == [("changed", ["tags"])]
    looked = rekall("base", "check", "--json").json["bases"]
    assert [(each["name"], each["answers"], each["same_model"]) for each in looked] == [
        ("own", True, True),
        ("team", True, True),
    ]


def test_many_vectors_without_an_index_are_told_with_what_makes_it(
    rekall: Rekall, team: str, monkeypatch: pytest.MonkeyPatch
):
    from rekall.store.postgres import vectors

    for number in range(3):
        rekall("-b", "team", "add", "til", f"note {number}")
    assert "hint" not in rekall("base", "check").err
    monkeypatch.setattr(vectors, "EXACT", 2)
    assert "`rekall -b team index rebuild`" in rekall("base", "check").err
    assert "index rebuild --vectors" in rekall("-b", "team", "index", "status").err
    assert [each["wants_rebuild"] for each in rekall("base", "check", "--json").json["bases"]] == [False, True]
    assert rekall("-b", "team", "index", "rebuild").code == 0
    assert "hint" not in rekall("base", "check").err
    assert not rekall("-b", "team", "index", "status", "--json").json["wants_rebuild"]


def test_a_base_goes_into_a_team_s_and_back_with_equal_entries(rekall: Rekall, team: str, tmp_path: Path):
    for number in range(5):
        rekall("add", "til", f"note {number}", "-c", f"text {number} ü 🐙", "--tag", "a", "--solution", "s")
    ids = [each["id"] for each in rekall("list", "--json").json["entries"]]
    rekall("link", ids[0], ids[1], "--reason", "why")
    assert rekall("share", *ids, "--to", "team").code == 0

    def said(base: str) -> list[object]:
        shown = rekall("-b", base, "show", *ids, "--json").json["entries"]
        return [{name: value for name, value in each.items() if name != "updated_at"} for each in shown]

    assert said("team") == said("own")


def test_a_server_that_is_gone_costs_a_note(rekall: Rekall, team: str):
    rekall("add", "bug", "nginx drops websockets")
    gone = team.replace("port", "x") + " port='1'"
    assert rekall("base", "add", "gone", gone).code == 5
    rekall("base", "remove", "team")
    from rekall.app import App
    from rekall.bases import KnownBase

    App().bases.add(KnownBase("gone", gone))
    ran = rekall("search", "websockets")
    assert (ran.code, "nothing of gone is here" in ran.err) == (0, True)
    assert "nginx drops websockets" in ran.out


def test_commands_work_on_a_server_as_on_a_file(rekall: Rekall, team: str):
    for command in (
        ("add", "til", "one", "--tag", "a"),
        ("list",),
        ("stats",),
        ("tags",),
        ("history",),
        ("index", "status"),
        ("search", "one"),
        ("undo", "--yes"),
    ):
        ran = rekall("-b", "team", *command)
        assert ran.code == 0, (command, ran)


def test_two_people_edit_one_entry_and_the_second_is_told(
    rekall: Rekall, team: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    rekall("-b", "team", "add", "bug", "nginx drops websockets", "-c", "one\ntwo\nthree")
    entry = rekall("-b", "team", "list", "--json").json["entries"][0]["id"]
    program = tmp_path / "editor.py"
    program.write_text(
        "import pathlib, subprocess, sys\n"
        f"other = ['-b', 'team', 'edit', {entry!r}, '--tag', 'proxy']\n"
        "subprocess.run([sys.executable, '-m', 'rekall', *other], check=True)\n"
        "file = pathlib.Path(sys.argv[-1])\n"
        "file.write_text(file.read_text().replace('three', 'THREE'))\n"
    )
    monkeypatch.setenv("EDITOR", f'"{sys.executable}" "{program}"')
    monkeypatch.setenv("REKALL_ENGINE_MODEL", "missing")
    ran = rekall("-b", "team", "edit", entry)
    assert (ran.code, "somebody else changed its tags meanwhile" in ran.err) == (0, True), ran
    now = rekall("-b", "team", "show", entry, "--json").json["entry"]
    assert (now["content"], now["tags"]) == ("one\ntwo\nTHREE", ["proxy"])


def test_what_is_copied_takes_its_vectors_along(rekall: Rekall, team: str, quick_model: FakeEncoder):
    for number in range(3):
        rekall("add", "til", f"note {number}", "-c", f"about subject{number}")
    ids = [each["id"] for each in rekall("list", "--json").json["entries"]]
    quick_model.encoded.clear()
    assert rekall("share", *ids, "--to", "team").code == 0
    assert quick_model.encoded == []
    status = rekall("-b", "team", "index", "status", "--json").json
    assert (status["passages"], status["vectors"]) == (3, 3)
    rekall("-b", "team", "edit", ids[0], "-c", "another text")
    quick_model.encoded.clear()
    assert rekall("take", *ids, "--from", "team").code == 0
    assert quick_model.encoded == []
    assert rekall("index", "status", "--json").json["vectors"] == 3
    rekall("--set", "engine.model=none", "add", "til", "without a vector")
    (waiting,) = [each["id"] for each in rekall("list", "--json").json["entries"] if each["id"] not in ids]
    assert rekall("share", waiting, "--to", "team").code == 0
    assert [text.strip() for text in quick_model.encoded] == ["without a vector"]
