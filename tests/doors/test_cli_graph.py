"""What belongs together, from the shell: related, graph, suggest, generalize and the page of a day."""

from __future__ import annotations

import contextlib
import re
import sys
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import pytest
from rich.cells import cell_len
from support import Ran
from support.systems import program, shell_line

from rekall.app import App
from rekall.cli.tree import PLAIN, tree
from rekall.errors import InvalidInput
from rekall.wording import shell_word

Rekall = Callable[..., Ran]
pytestmark = pytest.mark.usefixtures("quick_model")


def add(rekall: Rekall, title: str, *arguments: str, kind: str = "til") -> str:
    ran = rekall("add", kind, title, "--json", *arguments)
    assert ran.code == 0, ran.err
    return str(ran.json["entry"]["id"])


def short(rekall: Rekall, entry_id: str) -> str:
    found = re.search(r"[0-9A-Z]{4,}$", rekall("list", "--all", "--format", "plain").out.split("\t")[0])
    assert found
    return entry_id[-len(found[0]) :]


@pytest.fixture
def ring(rekall: Rekall) -> dict[str, str]:
    """Four entries in a circle, one of them obsolete, and one beside them."""
    ids = {
        name: add(rekall, f"Entry {name} about {word}")
        for name, word in zip("abcde", ("redis", "kafka", "bread", "tea", "sand"))
    }
    rekall("link", ids["b"], ids["a"], "--as", "supersedes", "--reason", "it lost data")
    rekall("link", ids["b"], ids["c"])
    rekall("link", ids["d"], ids["c"], "--as", "derived_from")
    rekall("link", ids["d"], ids["a"], "--as", "contradicts")
    return ids


def test_related_groups_what_is_linked_and_says_the_way_to_what_is_farther(rekall: Rekall, ring: dict[str, str]):
    ran = rekall("related", ring["a"], "--depth", "3", "--near", "0")
    assert ran.code == 0
    end = {name: short(rekall, each) for name, each in ring.items()}
    lines = [line.rstrip() for line in ran.out.splitlines()]
    assert [line for line in lines if line and not line.startswith(" ")] == [
        "Superseded by",
        "Contradicted by",
        "2 steps away",
    ]
    assert "    it lost data" in lines
    assert f"    {end['b']} Entry b about kafka is related to it" in lines
    assert "Entry e" not in ran.out


def test_the_numbers_of_related_name_its_entries(rekall: Rekall, ring: dict[str, str], monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("REKALL_TERMINAL", "one")
    rekall("related", ring["a"], "--near", "0")
    assert rekall("show", "2", "--json").json["entry"]["id"] == ring["d"]


def test_an_entry_that_is_not_there_is_told_with_a_hint_and_one_without_links_too(rekall: Rekall, ring: dict[str, str]):
    for command in ("related", "graph"):
        ran = rekall(command, "no such entry")
        assert (ran.code, ran.out) == (3, "")
        assert "hint:" in ran.err
        ran = rekall(command, ring["e"])
        assert ran.code == 0
        assert "linked with" in ran.err
    assert rekall("related", ring["a"], "--as", "superseeds").code == 4


def test_a_tree_has_each_entry_once_and_names_repeats(rekall: Rekall, ring: dict[str, str]):
    end = {name: short(rekall, each) for name, each in ring.items()}
    assert rekall("graph", ring["a"], "--depth", "5").out.splitlines() == [
        f"{end['a']}  Entry a about redis (obsolete)",
        f"├─ superseded by ← {end['b']}  Entry b about kafka",
        f"│  └─ related to → {end['c']}  Entry c about bread",
        f"│     └─ source of ← {end['d']}  Entry d about tea (below)",
        f"└─ contradicted by ← {end['d']}  Entry d about tea",
        f"   └─ derived from → {end['c']}  Entry c about bread (above)",
    ]


def test_a_tree_is_cut_to_the_width_and_follows_only_what_is_asked_for(
    rekall: Rekall, ring: dict[str, str], monkeypatch: pytest.MonkeyPatch
):
    long = add(
        rekall, "A title that is much longer than any line of a terminal of eighty columns, and then some more 漢字漢字"
    )
    rekall("link", ring["b"], long)
    monkeypatch.delenv("COLUMNS", raising=False)
    piped = rekall("graph", ring["b"]).out
    assert "and then some more 漢字漢字" in piped
    assert "\x1b" not in piped
    monkeypatch.setenv("COLUMNS", "60")
    lines = rekall("graph", ring["b"]).out.splitlines()
    assert max(map(cell_len, lines)) <= 60
    assert any(line.endswith("…") for line in lines)
    assert len(rekall("graph", ring["b"], "--as", "supersedes", "--depth", "9").out.splitlines()) == 2
    assert len(rekall("graph", ring["b"], "--type", "bug").out.splitlines()) == 1
    assert (
        rekall("graph", ring["b"], "--type", "supersedes").out == rekall("graph", ring["b"], "--as", "supersedes").out
    )


def test_a_tree_for_a_terminal_without_lines_is_ascii(rekall: Rekall, ring: dict[str, str]):
    with contextlib.closing(App()) as app:
        base = app.open_base()
        found = base.graph.around(ring["a"], 5)
        drawn = list(tree(found, base.short_ids(list(ring.values())), PLAIN, 80))
    assert all(line.isascii() for line in map(_plain, drawn))
    assert _plain(drawn[1]).startswith("|- superseded by <- ")
    assert _plain(drawn[-1]).startswith("   `- derived from -> ")


def _plain(line: str) -> str:
    return re.sub("\x1b<[0-9a-f]+>\\[[0-9;]*m", "", line)


def test_a_long_chain_stays_within_the_width(rekall: Rekall, monkeypatch: pytest.MonkeyPatch):
    ids = [add(rekall, f"link number {number} of a rather long chain") for number in range(21)]
    for one, other in pairwise(ids):
        rekall("link", one, other, "--as", "derived_from")
    monkeypatch.setenv("COLUMNS", "80")
    lines = rekall("graph", ids[0], "--depth", "20").out.splitlines()
    assert (len(lines), max(map(cell_len, lines)) <= 80) == (21, True)
    assert "derived from → " in lines[1]
    assert re.search(r"└─ → \S+  link num", lines[-1])


def test_a_hub_is_shown_in_part(rekall: Rekall):
    hub, *others = (add(rekall, f"n{number}") for number in range(9))
    for other in others:
        rekall("link", hub, other)
    ran = rekall("graph", hub, "--limit", "4")
    assert (len(ran.out.splitlines()), "4 of 9 lines" in ran.err) == (4, True)
    ran = rekall("related", hub, "--limit", "3", "--near", "0")
    assert "3 of 8 linked entries" in ran.err
    answer = rekall("related", hub, "--limit", "3", "--json").json
    assert (answer["linked_total"], len(answer["linked"])) == (8, 3)


def test_show_says_of_every_link_how_it_bears_and_what_no_longer_holds(rekall: Rekall, ring: dict[str, str]):
    end = {name: short(rekall, each) for name, each in ring.items()}
    text = rekall("show", ring["b"]).out
    assert (
        f"  supersedes → {end['a']}  Entry a about redis (obsolete)  (it lost data)\n  related to → {end['c']}" in text
    )
    assert (
        f"  contradicts → {end['a']}  Entry a about redis (obsolete)\n  derived from → "
        in rekall("show", ring["d"]).out
    )


# suggest


@pytest.fixture
def cited(rekall: Rekall) -> tuple[str, str]:
    one = add(rekall, "Sessions vanish after a deploy", "--content", "redis")
    other = add(rekall, "about tea", "--content", "leaves; sessions vanish after a deploy")
    return one, other


def test_suggestions_are_numbered_accepted_and_dismissed(
    rekall: Rekall, cited: tuple[str, str], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("REKALL_TERMINAL", "one")
    third = add(rekall, "about salt", "--content", f"see {cited[0]}")
    ran = rekall("suggest")
    assert (ran.code, "names its id" in ran.out, "names its title" in ran.out) == (0, True, True)
    assert rekall("suggest", "--accept", "1-2", "--as", "derived_from").code == 0
    links = rekall("show", cited[0], "--json").json["entry"]["links"]
    assert {(link["source"], link["type"]) for link in links} == {(cited[1], "derived_from"), (third, "derived_from")}
    assert rekall("suggest").out == ""
    rekall("link", third, cited[0], "--remove")
    rekall("suggest")
    assert rekall("suggest", "--dismiss", "1").code == 0
    assert rekall("suggest", "--json").json["links"] == []
    assert rekall("suggest", "--dismissed").out.startswith(" 1  ")
    assert rekall("suggest", "--reopen", "1", "--json").json["reopened"] == 1
    assert rekall("suggest", "--reopen", f"{third}:{cited[0]}", "--json").json["reopened"] == 0
    assert "nothing was set aside" in rekall("suggest", "--dismissed").err
    assert rekall("suggest", "--json").json["total"] == 1


def test_a_number_without_a_list_and_a_pair_of_one_are_refused(rekall: Rekall, cited: tuple[str, str]):
    ran = rekall("suggest", "--accept", "1")
    assert (ran.code, "hint: name two ids" in ran.err) == (3, True)
    assert rekall("suggest", "--accept", f"{cited[0]}:{cited[0]}").code == 2
    for arguments in (("--accept",), ("1",), ("--as", "related"), ("--accept", "--dismiss", "1"), ("-i",)):
        ran = rekall("suggest", *arguments)
        assert (ran.code, "hint:" in ran.err) == (2, True), arguments


def test_keys_answer_one_suggestion_after_the_other(
    rekall: Rekall, cited: tuple[str, str], monkeypatch: pytest.MonkeyPatch
):
    add(rekall, "about salt", "--content", f"see {cited[0]}")
    monkeypatch.setattr("rekall.cli.suggest.on_terminal", lambda: True)
    typed = iter("?lx")
    monkeypatch.setattr("rekall.cli.keys.Keys.next", lambda self: next(typed))
    ran = rekall("suggest", "-i")
    assert (ran.code, "1 link made, 1 set aside" in ran.err) == (0, True)
    assert len(rekall("show", cited[0], "--json").json["entry"]["links"]) == 1
    assert rekall("suggest", "--json").json["total"] == 0


# generalize


def three(rekall: Rekall) -> list[str]:
    return [
        add(rekall, f"Cookie lost in {name}", "--solution", "send SameSite=None", "--tag", "cookies", kind="bug")
        for name in ("Safari", "Firefox", "Chrome")
    ]


def test_a_pattern_is_drafted_printed_and_taken_from_stdin(rekall: Rekall):
    ids = three(rekall)
    draft = rekall("generalize", *ids, "--dry-run")
    assert (draft.code, rekall("list", "--json").json["total"]) == (0, 3)
    assert draft.out.startswith("---\ntitle: cookie lost\ntype: pattern\ntags: [cookies]\n")
    ran = rekall(
        "generalize", *ids, "--json", stdin=draft.out.replace("title: cookie lost", "title: Cookies need SameSite")
    )
    assert ran.code == 0, ran.err
    entry = rekall("show", ran.json["entry"]["id"], "--json").json["entry"]
    assert (entry["title"], entry["type"]) == ("Cookies need SameSite", "pattern")
    assert {(link["type"], link["target"]) for link in entry["links"]} == {("derived_from", each) for each in ids}


def test_a_text_without_a_title_takes_the_one_that_is_given_or_says_how_to_give_one(rekall: Rekall):
    ids = three(rekall)
    ran = rekall("generalize", *ids, stdin="only a text\n")
    assert (ran.code, rekall("list", "--json").json["total"]) == (InvalidInput.exit_code, 3)
    assert "the text has no title" in ran.err
    assert "--title" in ran.err
    ran = rekall("generalize", *ids, "--title", "Cookies", "--json", stdin="only a text\n")
    assert (ran.json["entry"]["title"], ran.json["entry"]["type"]) == ("Cookies", "pattern")
    ran = rekall("generalize", *ids, "--title", "Cookies", "--json", stdin="# Its own\n\ntext\n")
    assert ran.json["entry"]["title"] == "Its own"


def test_a_pattern_is_written_in_the_editor(rekall: Rekall, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    ids = three(rekall)
    for door in ("generalize", "editor"):
        monkeypatch.setattr(f"rekall.cli.{door}.on_terminal", lambda: True)
    source = "import pathlib, sys\nfile = pathlib.Path(sys.argv[-1])\nfile.write_text(file.read_text('utf-8').replace('cookie lost', 'Written'), 'utf-8')\n"
    monkeypatch.setenv("VISUAL", shell_line(program(tmp_path / "idle", "")))
    ran = rekall("generalize", *ids)
    assert (ran.code, "nothing stored" in ran.err, rekall("list", "--json").json["total"]) == (0, True, 3)
    monkeypatch.setenv("VISUAL", shell_line(program(tmp_path / "pen", source)))
    ran = rekall("generalize", *ids)
    assert (ran.code, "Written" in ran.out) == (0, True), ran
    assert len(rekall("show", "Written", "--json").json["entry"]["links"]) == 3


def test_without_a_terminal_or_a_text_nothing_is_stored(rekall: Rekall):
    ids = three(rekall)
    ran = rekall("generalize", *ids)
    assert (ran.code, "--yes" in ran.err) == (2, True)
    assert rekall("generalize", ids[0]).code == 4
    assert rekall("generalize", *ids, "--type", "bug").code == 2
    assert rekall("list", "--json").json["total"] == 3


def test_groups_are_listed_and_their_numbers_can_be_typed_behind_the_command(
    rekall: Rekall, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("REKALL_TERMINAL", "one")
    assert "no group" in rekall("generalize").err
    for tail in ("one", "two", "three"):
        add(
            rekall,
            f"nginx proxy reload worker upstream {tail}",
            "--content",
            "nginx proxy reload worker upstream timeout",
        )
    ran = rekall("generalize")
    assert (ran.code, ran.out.splitlines()[0].startswith("3 entries: nginx")) == (0, True)
    assert "rekall generalize 1-3" in ran.err
    assert rekall("generalize", "1-3", "--yes").code == 0
    assert "no group" in rekall("generalize").err


# the page of a day


def test_the_page_of_a_day_groups_by_project_and_names_what_was_done(rekall: Rekall, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("REKALL_TERMINAL", "one")
    assert "nothing was written down" in rekall("today", "--page").err
    shop = add(rekall, "CORS fails", "--project", "shop", "--content", "# Why\n\nThe header is missing.")
    add(rekall, "A thought")
    old = add(rekall, "Old way", "--project", "shop")
    rekall("edit", old, "--status", "obsolete")
    gone = add(rekall, "Gone")
    rekall("delete", "--yes", gone)
    monkeypatch.setenv("COLUMNS", "80")
    ran = rekall("today", "--page")
    lines = ran.out.splitlines()
    assert lines[0].endswith("2 added, 1 obsolete, 1 deleted")
    assert [line.strip() for line in lines if re.match(r" \S", line)] == ["shop", "no project", "deleted"]
    assert "      Why The header is missing." in lines
    assert max(map(len, lines)) <= 80
    assert rekall("show", "1", "--json").json["entry"]["id"] == shop
    for arguments in (("--week",), ("--page", "this", "week"), ("--page", "--date", "today")):
        assert len(rekall("today", *arguments, "--json").json["days"]) == 1
    assert rekall("today", "--page", "last week", "--json").json["days"] == []
    assert "- **CORS fails**\n" in rekall("today", "--page", "--markdown").out
    assert rekall("list", "--json").json["total"] == 3  # no line was written


def test_a_page_names_where_the_rest_of_many_is_to_be_seen(rekall: Rekall, tmp_path: Path):
    file = tmp_path / "many.jsonl"
    file.write_text(
        "".join(f'{{"title": "note {number}", "type": "til", "project": "my shop"}}\n' for number in range(25))
    )
    rekall("import", str(file))
    ran = rekall("today", "--page")
    assert len([line for line in ran.out.splitlines() if " + " in line]) == 20
    command = re.search(rf"5 more: `rekall (list --created \S+ --project) {shell_word('my shop')}`", ran.out)
    assert command
    assert rekall(*command[1].split(), "my shop", "--json").json["total"] == 25
    assert len(rekall("today", "--page", "--json").json["days"][0]["added"]) == 25


def test_a_page_of_two_times_or_none_is_refused(rekall: Rekall):
    for arguments, code in (
        (("--week", "--yesterday"), 2),
        (("--page", "--show"), 2),
        (("--page", "--json", "--markdown"), 2),
        (("--page", "whenever"), 4),
    ):
        assert rekall("today", *arguments).code == code, arguments
    assert rekall("list", "--json").json["total"] == 0
    assert sys.modules["rekall.cli.day_page"]
