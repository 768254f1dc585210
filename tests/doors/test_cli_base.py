"""`rekall base` and `-b`: names, which base a command works with, and bases that are only read."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from support import FakeEncoder, Ran

Rekall = Callable[..., Ran]


@pytest.fixture
def team(rekall: Rekall, quick_model: FakeEncoder, tmp_path: Path) -> Path:
    """A second base by the name of team, with one entry."""
    folder = tmp_path / "team's"
    assert rekall("base", "init", str(folder)).code == 0
    assert rekall("base", "add", "team", str(folder)).code == 0
    assert rekall("-b", "team", "add", "bug", "nginx drops websockets", "-c", "proxy_read_timeout").code == 0
    return folder


def titles(rekall: Rekall, *arguments: str) -> list[str]:
    return [each["title"] for each in rekall(*arguments, "--json").json["entries"]]


def test_a_command_works_with_the_base_that_is_named(rekall: Rekall, team: Path):
    rekall("add", "til", "mine alone")
    assert titles(rekall, "list") == ["mine alone"]
    assert titles(rekall, "-b", "team", "list") == ["nginx drops websockets"]
    assert titles(rekall, "--base", "own", "list") == ["mine alone"]
    assert rekall("base", "use", "team").code == 0
    assert titles(rekall, "list") == ["nginx drops websockets"]
    assert titles(rekall, "-b", "own", "list") == ["mine alone"]
    assert rekall("base", "use", "own").code == 0
    assert titles(rekall, "list") == ["mine alone"]


def test_names_are_listed_and_forgotten(rekall: Rekall, team: Path):
    listed = {each["name"]: each for each in rekall("base", "list", "--json").json["bases"]}
    assert list(listed) == ["own", "team"]
    assert (listed["own"]["in_use"], listed["team"]["in_use"]) == (True, False)
    rekall("base", "use", "team")
    assert rekall("base", "list", "--json").json["bases"][1]["in_use"] is True
    gone = rekall("base", "remove", "team")
    assert "your own base again" in gone.err
    assert (team / "rekall.db").is_file()
    assert titles(rekall, "list") == []
    assert rekall("-b", "team", "list").code == 3


def test_a_base_that_is_only_read_refuses_every_change(rekall: Rekall, team: Path):
    rekall("base", "add", "team", str(team), "--read-only")
    before = (team / "rekall.db").read_bytes()
    assert titles(rekall, "-b", "team", "list") == ["nginx drops websockets"]
    hit = rekall("-b", "team", "search", "websockets", "--json").json["hits"][0]
    for change in (
        ("add", "til", "new"),
        ("edit", hit["id"], "--title", "other"),
        ("delete", hit["id"], "--yes"),
        ("delete", hit["id"], "--yes", "--forever"),
        ("tags", "rename", "a", "b"),
        ("index", "rebuild"),
    ):
        ran = rekall("-b", "team", *change)
        if change[0] != "tags":  # there is no such tag
            assert (ran.code, "is only read from here" in ran.err) == (5, True), (change, ran)
    assert titles(rekall, "-b", "team", "list") == ["nginx drops websockets"]
    assert (team / "rekall.db").read_bytes() == before


def test_a_base_that_is_not_there_is_never_made(rekall: Rekall, home: Path, tmp_path: Path):
    ran = rekall("base", "add", "gone", str(tmp_path / "nowhere"))
    assert (ran.code, "gone is not there" in ran.err) == (5, True)
    assert not (tmp_path / "nowhere").exists()
    assert [each["name"] for each in rekall("base", "list", "--json").json["bases"]] == ["own"]


def test_a_password_never_gets_anywhere(rekall: Rekall, home: Path):
    ran = rekall("base", "add", "team", "postgresql://ann:hunter2@localhost/notes")
    assert ran.code == 4
    assert "hunter2" not in ran.out + ran.err
    assert not (home / "bases.toml").exists()
    home.mkdir(exist_ok=True)
    (home / "bases.toml").write_text('[team]\nlocation = "host=localhost password=hunter2"\n')
    for command in (
        ("base", "list"),
        ("base", "check"),
        ("-b", "team", "list"),
        ("doctor",),
        ("base", "list", "--json"),
    ):
        ran = rekall(*command)
        assert "hunter2" not in ran.out + ran.err, command


def test_what_is_about_ones_own_base_refuses_another(rekall: Rekall, team: Path):
    for command in ("backup", "check", "doctor", "base"):
        ran = rekall("-b", "team", command)
        assert (ran.code, "about your own base" in ran.err) == (2, True), command


def test_check_says_which_answers(rekall: Rekall, team: Path):
    looked = {each["name"]: each for each in rekall("base", "check", "--json").json["bases"]}
    assert (looked["team"]["answers"], looked["team"]["entries"]) == (True, 1)
    (team / "rekall.db").rename(team / "elsewhere.db")
    ran = rekall("base", "check", "--json")
    assert ran.code == 5
    away = ran.json["bases"][1]
    assert (away["answers"], away["entries"]) == (False, None)
    assert "is not there" in away["problem"]
    assert not (team / "rekall.db").exists()
