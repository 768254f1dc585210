"""Every command that takes an entry takes one of another base: by the number of a list, by its id, by its title."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from support import FakeEncoder, Ran

Rekall = Callable[..., Ran]

TITLE = "nginx drops websockets"
OTHER = "websockets need a ping"
MINE = "nginx keeps websockets open"


@pytest.fixture
def team(rekall: Rekall, quick_model: FakeEncoder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two entries of a team beside one's own, and a terminal that remembers lists."""
    monkeypatch.setenv("REKALL_TERMINAL", "a")
    folder = tmp_path / "team's"
    assert rekall("base", "init", str(folder)).code == 0
    assert rekall("base", "add", "team", str(folder)).code == 0
    for title in (TITLE, OTHER):
        assert rekall("-b", "team", "add", "bug", title, "-c", "proxy_read_timeout").code == 0
    assert rekall("add", "til", MINE).code == 0
    return folder


def ids(rekall: Rekall, *base: str) -> dict[str, str]:
    return {each["title"]: each["id"] for each in rekall(*base, "list", "--json").json["entries"]}


def places(rekall: Rekall) -> dict[str, str]:
    """The number of each entry in the last list, which is that of a search."""
    lines = [line.split() for line in rekall("search", "websockets").out.splitlines()]
    numbered = {line[0]: " ".join(line[1:]) for line in lines if line and line[0].isdecimal()}
    return {
        title: place for title in (TITLE, OTHER, MINE) for place, said in numbered.items() if said.startswith(title)
    }


@pytest.mark.parametrize("way", ["number", "title"])
def test_every_command_that_takes_one_entry_finds_it_where_it_lives(rekall: Rekall, team: Path, way: str):
    theirs = ids(rekall, "-b", "team")

    def name(title: str = TITLE) -> str:
        return {"number": places(rekall).get(title, ""), "id": theirs[title], "title": title}[way]

    for arguments in (
        ("show", "--json"),
        ("show", "--raw"),
        ("edit", "--json", "--tag", "proxy"),
        ("history", "--json"),
        ("diff", "--json"),
        ("related", "--json"),
        ("graph", "--json"),
        ("similar", "--json"),
        ("review", "--list", "--json"),
        ("review", "--holds"),
        ("conflicts", "--json"),
        ("take", "--from", "team", "--dry-run"),
        ("deprecate",),
    ):
        command, *options = arguments
        ran = rekall(command, name(), *options)
        assert ran.code == 0, (arguments, ran)
    assert rekall("-b", "team", "show", theirs[TITLE], "--json").json["entry"]["status"] == "obsolete"
    number = rekall("history", name(), "--json").json["versions"][-1]["number"]
    if way != "number":  # a number with a version is none
        assert rekall("show", f"{name()}@{number}", "--json").json["entry"]["tags"] == []
        assert rekall("restore", f"{name()}@{number}").code == 0
        assert rekall("-b", "team", "show", theirs[TITLE], "--json").json["entry"]["status"] == "active"
    assert rekall("history", name(), "--forget", "--yes").code == 0
    deleted = rekall("delete", name(), "--yes")
    assert "`rekall -b team restore " in deleted.err
    assert TITLE not in ids(rekall, "-b", "team")
    if way != "number":
        assert rekall("restore", name()).code == 0
        assert TITLE in ids(rekall, "-b", "team")
    assert rekall("delete", name(OTHER), "--forever", "--yes").code == 0
    assert OTHER not in ids(rekall, "-b", "team")
    assert list(ids(rekall)) == [MINE]


@pytest.mark.parametrize("way", ["number", "id"])
def test_every_command_that_takes_two_works_where_both_live(rekall: Rekall, team: Path, way: str):
    theirs = ids(rekall, "-b", "team")

    def named() -> list[str]:
        listed = places(rekall)
        return [{"number": listed.get(each, ""), "id": theirs[each], "title": each}[way] for each in (TITLE, OTHER)]

    def check(ran: Ran) -> None:
        assert ran.code == 0, ran

    check(rekall("link", *named()))
    check(rekall("link", *named(), "--remove"))
    check(rekall("link", *named()))
    check(rekall("unlink", *named()))
    check(rekall("conflicts", *named(), "--dismiss"))
    check(rekall("generalize", *named(), "--dry-run"))
    check(rekall("merge", *named(), "--dry-run"))
    check(rekall("supersede", *named()))
    check(rekall("-b", "team", "edit", theirs[TITLE], "--status", "active"))
    one, other = named()
    check(rekall("edit", one, "--superseded-by", other))
    check(rekall("-b", "team", "edit", theirs[TITLE], "--status", "active"))
    one, other = named()
    check(rekall("review", one, "--outdated", "--by", other))
    if way != "number":
        check(rekall("suggest", "--dismiss", f"{one}:{other}"))
    check(rekall("merge", *reversed(named()), "--yes"))
    gone = rekall("-b", "team", "show", theirs[TITLE], "--json").json["entry"]
    assert gone["superseded_by"]["id"] == theirs[OTHER]
    assert list(ids(rekall)) == [MINE]


def test_what_is_to_hang_together_is_refused_with_what_to_type(rekall: Rekall, team: Path):
    theirs = ids(rekall, "-b", "team")
    listed = places(rekall)
    mixed = (listed[MINE], listed[TITLE])
    for command in (
        ("link", *mixed),
        ("unlink", *mixed),
        ("merge", *mixed, "--yes"),
        ("supersede", *mixed),
        ("generalize", *mixed, "--yes"),
        ("conflicts", *mixed, "--dismiss"),
        ("deprecate", mixed[0], "--replaced-by", mixed[1]),
        ("review", mixed[0], "--outdated", "--by", mixed[1]),
        ("edit", mixed[0], "--superseded-by", mixed[1]),
        ("suggest", "--accept", f"{ids(rekall)[MINE]}:{theirs[TITLE]}"),
    ):
        ran = rekall(*command)
        assert ran.code == 2, (command, ran)
        assert "different bases" in ran.err
        assert f"`rekall take {theirs[TITLE][-4:]} --from team` first, then `rekall {command[0]}" in ran.err, ran.err
    hint = next(line for line in rekall("link", *mixed).err.splitlines() if "rekall take" in line)
    take, again = (each.removesuffix(" …").split()[1:] for each in hint.split("`")[1::2])
    assert rekall(*take).code == 0
    assert rekall(*again).code == 0
    assert len(rekall("-b", "own", "show", MINE, "--json").json["entry"]["links"]) == 1


def test_in_a_base_in_use_ones_own_are_shared_first(rekall: Rekall, team: Path):
    mine = ids(rekall)[MINE]
    rekall("base", "use", "team")
    ran = rekall("link", TITLE, MINE)
    assert (ran.code, f"`rekall share {mine[-4:]} --to team` first" in ran.err) == (2, True), ran
    assert rekall("share", mine, "--to", "team").code == 0
    assert rekall("link", TITLE, mine).code == 0


def test_several_of_different_bases_are_named_base_by_base(rekall: Rekall, team: Path):
    listed = places(rekall)
    mine, theirs = listed[MINE], listed[TITLE]
    for command in (("delete", "--yes"), ("edit", "--tag", "x"), ("review", "--holds")):
        ran = rekall(command[0], f"{mine},{theirs}", *command[1:])
        assert ran.code == 2
        assert f"{mine} in your own base, {theirs} in team" in ran.err
        assert f"`rekall {command[0]} {mine} …`, then `rekall {command[0]} {theirs} …`" in ran.err
    shown = rekall("show", f"{mine},{theirs}", "--json").json["entries"]
    assert [each["title"] for each in shown] == [MINE, TITLE]


def test_lists_of_another_base_are_numbered_for_the_next_command(rekall: Rekall, team: Path):
    rekall("-b", "team", "link", TITLE, OTHER)
    rekall("related", TITLE)
    assert rekall("show", "1", "--json").json["entry"]["title"] == OTHER
    rekall("similar", TITLE)
    assert rekall("show", "1", "--json").json["entry"]["title"] == OTHER
    found = rekall("similar", TITLE, "--json").json
    assert [(each["title"], each["base"]) for each in found["hits"]] == [(OTHER, "team")]


def test_a_number_of_a_list_that_is_out_of_reach_says_so(rekall: Rekall, team: Path):
    rekall("-b", "team", "list")
    ran = rekall("-b", "own", "show", "1")
    assert (ran.code, "lives in team, not in your own base" in ran.err) == (3, True)
    assert rekall("take", "1", "--from", "team").code == 0
    assert rekall("-b", "own", "show", "1").code == 0  # a copy has the same id
    rekall("base", "remove", "team")
    rekall("delete", OTHER, "--yes")
    ran = rekall("show", "1")
    assert (ran.code, "no base has that name any more" in ran.err) == (3, True)


def test_share_and_take_say_where_an_entry_lives_instead(rekall: Rekall, team: Path):
    for name in (TITLE, places(rekall)[TITLE]):
        ran = rekall("share", name, "--to", "team")
        assert (ran.code, "lives in team, not in your own base" in ran.err) == (2, True), ran
        assert "rekall take " in ran.err
    for name in (MINE, places(rekall)[MINE]):
        ran = rekall("take", name, "--from", "team")
        assert (ran.code, "lives in your own base, not in team" in ran.err) == (2, True), ran


def test_an_undo_says_in_which_base(rekall: Rekall, team: Path):
    rekall("edit", TITLE, "--tag", "proxy")
    assert "in your own base: " in rekall("undo", "--dry-run").err
    assert "undo 3: " in rekall("-b", "team", "undo", "--dry-run").err


def test_what_was_deleted_elsewhere_can_come_back(rekall: Rekall, team: Path):
    theirs = ids(rekall, "-b", "team")
    rekall("delete", TITLE, "--yes")
    assert "was deleted" in rekall("show", TITLE).err
    assert rekall("restore", theirs[TITLE]).code == 0
    assert rekall("show", TITLE, "--json").json["entry"]["id"] == theirs[TITLE]
