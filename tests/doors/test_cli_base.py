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


def test_an_empty_file_is_no_base(rekall: Rekall, home: Path, tmp_path: Path):
    file = tmp_path / "some.db"
    file.touch()
    ran = rekall("base", "add", "some", str(file))
    assert (ran.code, "is no base: it is empty" in ran.err, f"rekall base init {file}" in ran.err) == (5, True, True)
    assert (file.read_bytes(), sorted(tmp_path.glob("some*"))) == (b"", [file])
    assert rekall("base", "init", str(file)).err.startswith("made a base")
    assert rekall("base", "add", "some", str(file)).code == 0
    file.write_bytes(b"")
    assert rekall("-b", "some", "list").code == 5
    assert file.read_bytes() == b""


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


def test_what_is_about_ones_own_base_stays_so_whichever_is_in_use(rekall: Rekall, team: Path, home: Path):
    rekall("add", "til", "mine alone")
    rekall("add", "til", "mine as well")
    rekall("base", "use", "team")
    done = rekall("backup", "--json")
    assert done.json["backup"]["entries"] == 2
    assert "your own base, not about team" in done.err
    assert "not about team" in rekall("check").err
    assert rekall("--set", "bases.use=team", "backup").code == 2
    assert rekall("stats", "--json").json["database"]["path"] == str(team / "rekall.db")
    assert rekall("-b", "own", "stats", "--json").json["database"]["path"] == str(home / "rekall.db")


def test_names_of_ones_own_base_are_not_offered_for_another(rekall: Rekall, team: Path):
    rekall("add", "til", "mine alone", "--tag", "mine")
    assert "mine" in rekall("__complete", "fish", "list", "--tag", "=").out
    assert "mine" not in rekall("__complete", "fish", "-b", "team", "list", "--tag", "=").out
    rekall("base", "use", "team")
    assert "mine" not in rekall("__complete", "fish", "list", "--tag", "=").out


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


# side by side


@pytest.fixture
def both(rekall: Rekall, team: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """One entry of one's own beside the team's, and a terminal that remembers lists."""
    monkeypatch.setenv("REKALL_TERMINAL", "a")
    rekall("add", "til", "nginx keeps websockets open")
    return team


def hits(rekall: Rekall, *arguments: str) -> dict[str, str]:
    found = rekall("search", *arguments, "--json").json
    return {each["title"]: each.get("base", "") for each in found["hits"]}


def test_a_search_asks_every_base_and_says_where_a_hit_lives(rekall: Rekall, both: Path):
    assert hits(rekall, "websockets") == {"nginx drops websockets": "team", "nginx keeps websockets open": ""}
    lines = rekall("search", "websockets").out.splitlines()
    assert [("(team)" in line) for line in lines if "nginx" in line].count(True) == 1
    answer = rekall("search", "websockets", "--json").json
    assert answer["bases"] == [{"name": "team", "hits": 1, "reason": None}]


def test_a_setting_or_an_option_says_what_is_asked(rekall: Rekall, both: Path):
    alone = {"nginx keeps websockets open": ""}
    found = rekall("--set", "bases.search=none", "search", "websockets", "--json").json
    assert {each["title"]: each.get("base", "") for each in found["hits"]} == alone
    assert "bases" not in found
    found = rekall("-b", "own", "search", "websockets", "--json").json
    assert [each["title"] for each in found["hits"]] == list(alone)
    found = rekall("-b", "team", "search", "websockets", "--json").json
    assert [(each["title"], each.get("base")) for each in found["hits"]] == [("nginx drops websockets", None)]
    assert rekall("--set", "bases.search=nobody", "search", "x").code == 3
    rekall("base", "use", "team")
    assert hits(rekall, "websockets") == {"nginx drops websockets": "", "nginx keeps websockets open": "own"}


def test_a_base_that_is_away_costs_a_note_and_never_the_answer(rekall: Rekall, both: Path):
    (both / "rekall.db").rename(both / "elsewhere.db")
    ran = rekall("search", "websockets")
    assert ran.code == 0
    assert "nginx keeps websockets open" in ran.out
    assert ran.err.count("nothing of team is here") == 1
    answer = rekall("search", "websockets", "--json").json
    assert [(each["name"], each["hits"]) for each in answer["bases"]] == [("team", None)]


def test_an_entry_of_another_base_is_read_and_changed_where_it_lives(rekall: Rekall, both: Path):
    found = rekall("search", "websockets", "--json").json["hits"]
    theirs = next(each for each in found if each.get("base"))
    mine = next(each for each in found if not each.get("base"))
    assert rekall("show", theirs["id"], "--json").json["entry"]["content"] == "proxy_read_timeout"
    assert rekall("show", "nginx drops websockets", "--json").json["entry"]["id"] == theirs["id"]
    both_shown = rekall("show", theirs["id"], mine["id"], "--json").json["entries"]
    assert [each["id"] for each in both_shown] == [theirs["id"], mine["id"]]
    assert rekall("edit", theirs["id"], "--tag", "proxy").code == 0
    assert rekall("-b", "team", "show", theirs["id"], "--json").json["entry"]["tags"] == ["proxy"]
    mixed = rekall("link", mine["id"], theirs["id"])
    assert (mixed.code, "different bases" in mixed.err) == (2, True)
    assert rekall("delete", theirs["id"], "--yes").code == 0
    assert titles(rekall, "-b", "team", "list") == []
    assert titles(rekall, "list") == ["nginx keeps websockets open"]


def test_a_number_names_the_entry_of_the_base_it_was_shown_from(rekall: Rekall, both: Path):
    listed = rekall("search", "websockets").out.splitlines()
    place = next(line.split()[0] for line in listed if "(team)" in line)
    assert rekall("show", place, "--json").json["entry"]["title"] == "nginx drops websockets"
    other = {"1": "2", "2": "1"}[place]
    assert rekall("show", other, "--json").json["entry"]["title"] == "nginx keeps websockets open"
    rekall("-b", "team", "list")
    assert rekall("show", "1", "--json").json["entry"]["title"] == "nginx drops websockets"


def test_whole_entries_come_each_from_its_base(rekall: Rekall, both: Path):
    ran = rekall("search", "websockets", "--full")
    assert ran.code == 0
    assert "proxy_read_timeout" in ran.out
    entries = [each["entry"]["title"] for each in rekall("search", "websockets", "--full", "--json").json["hits"]]
    assert sorted(entries) == ["nginx drops websockets", "nginx keeps websockets open"]


def test_a_file_of_names_that_cannot_be_read_costs_a_note(rekall: Rekall, both: Path, home: Path):
    (home / "bases.toml").write_text("[team")
    ran = rekall("search", "websockets")
    assert (ran.code, "other bases are left out" in ran.err) == (0, True)
    assert "nginx keeps websockets open" in ran.out


def test_without_other_bases_nothing_is_said_of_them(rekall: Rekall, quick_model: FakeEncoder):
    rekall("add", "til", "alone")
    answer = rekall("search", "alone", "--json").json
    assert "bases" not in answer
    assert "base" not in answer["hits"][0]


# copies


def test_an_entry_goes_to_the_team_and_comes_back_changed(rekall: Rekall, both: Path):
    mine = rekall("list", "--json").json["entries"][0]
    shared = rekall("share", mine["id"], "--to", "team", "--dry-run")
    assert (shared.code, "would be added" in shared.out) == (0, True)
    assert rekall("share", mine["id"], "--to", "team").code == 0
    assert hits(rekall, "websockets") == {
        "nginx drops websockets": "team",
        mine["title"]: "",
    }  # the copy is no second hit
    rekall("-b", "team", "edit", mine["id"], "--tag", "proxy")
    assert hits(rekall, "websockets")[mine["title"]] == "team"  # now it says something else
    taken = rekall("take", mine["id"], "--from", "team", "--json").json
    assert [(each["what"], each["fields"]) for each in taken["copied"]] == [("changed", ["tags"])]
    assert rekall("show", mine["id"], "--json").json["entry"]["tags"] == ["proxy"]
    assert "nothing new" in rekall("share", mine["id"], "--to", "team").out


def test_a_team_s_entry_is_taken_by_its_number(rekall: Rekall, both: Path):
    listed = rekall("search", "websockets").out.splitlines()
    place = next(line.split()[0] for line in listed if "(team)" in line)
    ran = rekall("take", place, "--from", "team")
    assert ran.code == 0, ran.err
    assert titles(rekall, "-b", "own", "list", "--sort", "title") == [
        "nginx drops websockets",
        "nginx keeps websockets open",
    ]


def test_both_versions_are_kept_and_the_exit_code_says_so(rekall: Rekall, both: Path):
    mine = rekall("list", "--json").json["entries"][0]["id"]
    rekall("share", mine, "--to", "team")
    rekall("edit", mine, "-c", "mine")
    rekall("-b", "team", "edit", mine, "-c", "theirs")
    assert rekall("share", mine, "--to", "team").code == 4
    taken = rekall("take", mine, "--from", "team")
    assert (taken.code, "yours stays" in taken.err) == (8, True)
    assert rekall("show", mine, "--json").json["entry"]["content"] == "mine"


def test_a_base_that_is_only_read_gives_and_takes_nothing(rekall: Rekall, both: Path):
    rekall("base", "add", "team", str(both), "--read-only")
    assert rekall("take", "nginx drops websockets", "--from", "team").code == 0
    refused = rekall("share", "nginx keeps websockets open", "--to", "team")
    assert (refused.code, "is only read from here" in refused.err) == (5, True)


def test_one_s_own_base_is_no_other_base(rekall: Rekall, both: Path):
    assert rekall("share", "1", "--to", "own").code == 2
    assert rekall("take", "1", "--from", "nobody").code == 3
