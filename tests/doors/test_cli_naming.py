"""What a person may call an entry in the shell: a number of the last list, an id, a title; one or several."""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Callable
from pathlib import Path

import pytest
from support import Ran

from rekall.app import App
from rekall.cli.main import COMMANDS
from rekall.system.last_lists import TERMINAL, LastList, LastLists, terminal_name

Rekall = Callable[..., Ran]

pytestmark = pytest.mark.usefixtures("quick_model")


@pytest.fixture
def stocked(rekall: Rekall, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """Ids by title, the first title the latest; and a terminal."""
    monkeypatch.setenv(TERMINAL, "here")
    titles = ("404", "Café au lait", "Safari drops the cookie", "CORS fails on Safari")
    ids = {title: rekall("add", "til", title, "--json").json["entry"]["id"] for title in titles}
    return dict(reversed(ids.items()))


def shown(rekall: Rekall, *names: str) -> str:
    """The title of what was shown, or the message of the error."""
    said = rekall("show", *names, "--json").json
    return str(said["entry"]["title"]) if "entry" in said else str(said["error"]["message"])


def test_a_number_is_a_place_in_the_list_that_was_shown_last(rekall: Rekall, stocked: dict[str, str]) -> None:
    assert shown(rekall, "1") == "no entry '1': this terminal has shown no list yet"
    assert rekall("list", "--sort", "title").code == 0
    assert [shown(rekall, name) for name in ("1", "@3", "04")] == [
        "404",
        "CORS fails on Safari",
        "Safari drops the cookie",
    ]
    assert "had 4 entries" in shown(rekall, "5")
    rekall("search", "cookie", "--mode", "words", "-n", "1")
    assert shown(rekall, "1") == "Safari drops the cookie"
    assert "had 1 entry" in shown(rekall, "2")


@pytest.mark.parametrize("form", [("--json",), ("--format", "jsonl"), ("--format", "plain"), ("--ids",), ("--full",)])
def test_what_has_no_numbers_is_no_list(rekall: Rekall, stocked: dict[str, str], form: tuple[str, ...]) -> None:
    rekall("list")
    rekall("search", "cookie", "--mode", "words", *form)
    assert shown(rekall, "1") == next(iter(stocked))


def test_every_terminal_has_a_list_of_its_own(
    rekall: Rekall, stocked: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    rekall("list", "--sort", "title")
    monkeypatch.setenv(TERMINAL, "elsewhere")
    assert "has shown no list" in shown(rekall, "1")
    rekall("list", "--sort", "title", "--reverse")
    assert shown(rekall, "1") == "Safari drops the cookie"
    monkeypatch.setenv(TERMINAL, "here")
    assert shown(rekall, "1") == "404"
    monkeypatch.delenv(TERMINAL)
    rekall("list")
    assert "this is no terminal" in shown(rekall, "1")


def test_what_was_deleted_since_is_said_so(rekall: Rekall, stocked: dict[str, str]) -> None:
    rekall("list", "--sort", "title")
    rekall("delete", "2", "--yes")
    ran = rekall("show", "2")
    assert ran.code == 3
    assert "entry 2 of the last list, 'Café au lait', was deleted since" in ran.err
    short = stocked["Café au lait"][-4:]
    assert f"`rekall restore {short}`" in ran.err
    rekall("delete", "--forever", "--yes", short)
    assert "entry 2 of the last list was deleted since" in shown(rekall, "2")
    assert shown(rekall, "3") == "CORS fails on Safari"


@pytest.mark.parametrize("verb", [("show",), ("edit", "--add-tag", "x"), ("delete", "-y")])
def test_a_deleted_one_is_said_to_be_so_by_its_id_and_its_title(
    rekall: Rekall, stocked: dict[str, str], verb: tuple[str, ...]
) -> None:
    assert rekall("delete", "-y", "CORS fails on Safari").code == 0
    for name in (stocked["CORS fails on Safari"], stocked["CORS fails on Safari"][-6:], "cors fails on safari"):
        ran = rekall(verb[0], name, *verb[1:])
        assert (ran.code, "'CORS fails on Safari' was deleted" in ran.err) == (3, True)
        assert "rekall restore" in ran.err
    assert "was deleted" not in shown(rekall, "CORS")


def test_entries_of_one_title_are_told_apart(rekall: Rekall, stocked: dict[str, str]) -> None:
    rekall("add", "bug", "Café au lait", "-p", "shop")
    candidates = rekall("show", "café au lait", "--json").json["error"]["candidates"]
    assert ["  bug shop 2" in each for each in candidates] == [True, False]
    assert "  til 2" in candidates[1]
    assert all(each.endswith("  Café au lait") for each in candidates)


def test_a_number_that_is_a_title_too_says_what_was_taken(rekall: Rekall, stocked: dict[str, str]) -> None:
    assert shown(rekall, "404") == "404"  # there is no such place
    LastLists(App().places.lists).keep(LastList((stocked["CORS fails on Safari"],) * 500))
    ran = rekall("show", "404")
    assert ran.out.startswith("CORS fails on Safari\n")
    assert "note: 404 is 'CORS fails on Safari', number 404 of the last list" in ran.err
    assert f"the entry of that title is {stocked['404'][-4:]}" in ran.err


@pytest.mark.parametrize(
    ("name", "title"),
    [
        ("cors fails  ON safari", "CORS fails on Safari"),
        ("cookie", "Safari drops the cookie"),
        ("drop cookies", "Safari drops the cookie"),
        ("cafe\u0301 AU lait", "Café au lait"),
        ("cafe", "Café au lait"),
        ("cook", "Safari drops the cookie"),
    ],
)
def test_a_title_names_its_entry(rekall: Rekall, stocked: dict[str, str], name: str, title: str) -> None:
    assert shown(rekall, name) == title


def test_words_of_several_titles_list_them_with_the_ids_that_are_shown(rekall: Rekall, stocked: dict[str, str]) -> None:
    ran = rekall("show", "safari")
    assert ran.code == 3
    for title in ("CORS fails on Safari", "Safari drops the cookie"):
        assert f"\n  {stocked[title][-4:]}  {title}\n" in ran.err
    assert rekall("show", "safari", "--json").json["error"]["kind"] == "ambiguous"


def test_an_id_goes_before_a_title_and_a_small_word_is_a_title(rekall: Rekall, stocked: dict[str, str]) -> None:
    end = stocked["404"][-4:]
    rekall("add", "til", end.lower())
    assert shown(rekall, end) == "404"
    if end.isalpha():
        assert shown(rekall, end.lower()) == end.lower()


@pytest.mark.parametrize("name", ["", "   ", "x" * 5_000, "no such words", "'\"; --", "@", "@0", "0", "1-2-3", "%"])
def test_what_names_nothing_is_an_error_with_a_hint(rekall: Rekall, stocked: dict[str, str], name: str) -> None:
    rekall("list")
    ran = rekall("show", "--", name)
    assert (ran.code, ran.out) == (3, "")
    assert "hint: " in ran.err


def test_several_at_once_and_ranges_and_ids_from_stdin(rekall: Rekall, stocked: dict[str, str]) -> None:
    rekall("list", "--sort", "title")
    said = rekall("show", "1", "3-4", "cookie", "--json").json
    assert [entry["title"] for entry in said["entries"]] == ["404", "CORS fails on Safari", "Safari drops the cookie"]
    ids = rekall("search", "safari", "--mode", "words", "--ids").out
    assert sorted(ids.split()) == sorted(stocked[title] for title in stocked if "Safari" in title)
    assert len(rekall("show", "-", "--json", stdin=ids).json["entries"]) == 2
    plain = rekall("list", "--format", "plain").out
    assert len(rekall("show", "-", "--json", stdin=plain).json["entries"]) == 4
    ran = rekall("show", "-", stdin="\n")
    assert (ran.code, ran.out) == (0, "")
    assert "no ids on stdin" in ran.err


def test_places_between_commas(rekall: Rekall, stocked: dict[str, str]) -> None:
    assert rekall("list").code == 0
    ids = list(stocked.values())
    said = rekall("show", "1,3-4, @2", "--json").json["entries"]
    assert [each["id"] for each in said] == [ids[0], ids[2], ids[3], ids[1]]
    assert "no entry '1,x'" in rekall("show", "1,x").err


def test_a_line_on_stdin_is_a_column_or_a_whole_title(rekall: Rekall, stocked: dict[str, str]) -> None:
    ids = list(stocked.values())
    table = rekall("search", "safari", "--mode", "words", "--limit", "2").out
    assert len(rekall("show", "-", "--json", stdin=table).json["entries"]) == 2
    lines = f"{ids[0]} anything\n{ids[2][-6:]}\ttil\tanything\nSafari drops the cookie\n"
    said = rekall("show", "-", "--json", stdin=lines).json
    assert [each["id"] for each in said["entries"]] == [ids[0], ids[2], stocked["Safari drops the cookie"]]
    assert "no entry 'Safari holds'" in rekall("delete", "-y", "-", stdin="Safari holds\n").err  # nor one of its words


def test_one_that_is_not_there_stops_before_anything_is_done(rekall: Rekall, stocked: dict[str, str]) -> None:
    assert rekall("delete", "cookie", "nothing-like-it", "--yes").code == 3
    assert rekall("list", "--json").json["total"] == 4


def test_delete_takes_several_and_restore_names_them_by_number_or_title(
    rekall: Rekall, stocked: dict[str, str]
) -> None:
    rekall("list", "--sort", "title")
    ran = rekall("delete", "1", "cookie", "--yes")
    shorts = [stocked[title][-4:] for title in ("404", "Safari drops the cookie")]
    assert [line.split()[:2] for line in ran.err.splitlines()[:2]] == [["deleted", short] for short in shorts]
    assert f"`rekall restore {' '.join(shorts)}` brings them back" in ran.err
    assert len(rekall("restore").out.splitlines()) == 2
    assert rekall("restore", "1").code == 0
    assert rekall("restore", "404").code == 3  # a place that is not there
    left = rekall("restore", "--json").json["tombstones"]
    assert rekall("restore", left[0]["title"] if left[0]["title"] != "404" else left[0]["id"]).code == 0
    assert rekall("list", "--json").json["total"] == 4
    said = rekall("delete", "cookie", "404", "café", "--yes", "--json").json
    assert [each["title"] for each in said["entries"]] == ["Safari drops the cookie", "404", "Café au lait"]
    assert len(rekall("restore", *[each["id"] for each in said["entries"]], "--json").json["entries"]) == 3


def test_a_question_counts_and_names_what_would_go(
    rekall: Rekall, stocked: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rekall.cli.asking.on_terminal", lambda: True)
    rekall("list", "--sort", "title")
    ran = rekall("delete", "1-3", stdin="n\n")
    assert ran.code == 130
    assert "delete these 3 entries?" in ran.err
    assert all(f"  {stocked[title][-4:]}  {title}\n" in ran.err for title in ("404", "Café au lait"))
    assert ran.err.endswith("nothing deleted\n")
    assert "error" not in ran.err
    assert rekall("list", "--json").json["total"] == 4
    assert rekall("delete", "1-3", stdin="y\n").code == 0
    assert rekall("list", "--json").json["total"] == 1


def test_several_for_ever_are_asked_for_once_and_all_or_none(
    rekall: Rekall, stocked: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    rekall("list", "--sort", "title")
    rekall("delete", "1", "--yes")
    assert rekall("delete", "--forever", "--yes", "1", "2", "nothing-like-it").code == 3
    assert rekall("list", "--json").json["total"] == 3
    monkeypatch.setattr("rekall.cli.asking.on_terminal", lambda: True)
    ran = rekall("delete", "--forever", "1-2", "cookie", stdin="y\n")
    assert ran.code == 0
    assert ran.err.count("delete these 3 entries for ever?") == 1
    short = stocked["Café au lait"][-4:]
    assert f"deleted {short}  Café au lait for ever\n" in ran.err
    assert rekall("list", "--json").json["total"] == 1
    assert rekall("restore", "--json").json["tombstones"] == []


def test_links_and_near_ones_are_named_by_number(rekall: Rekall, stocked: dict[str, str]) -> None:
    rekall("list", "--sort", "title")
    link = rekall("link", "1", "cookie", "--json").json["link"]
    assert (link["source"], link["target"]) == (stocked["404"], stocked["Safari drops the cookie"])
    assert rekall("unlink", "1", "4", "--json").json["removed_links"] == 1
    hits = rekall("similar", "3", "--json").json["hits"]
    assert stocked["CORS fails on Safari"] not in [hit["id"] for hit in hits]
    assert len(hits) == 3


def test_a_list_is_private_bounded_and_harmless_when_broken(
    rekall: Rekall, stocked: dict[str, str], home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rekall("list")
    (file,) = (home / "lists").iterdir()
    if os.name != "nt":
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert json.loads(file.read_text())["ids"] == list(stocked.values())
    for broken in (
        "",
        "{",
        "[]",
        '{"ids": 3, "line": "", "at": []}',
        '{"ids": [3], "line": "", "at": []}',
        "[" * 9_000,
    ):
        file.write_text(broken)
        assert "has shown no list" in shown(rekall, "1")
    lists = LastLists(home / "lists")
    lists.keep(LastList(tuple(map(str, range(5_000))), "x" * 9_000))
    last = lists.last()
    assert last is not None
    assert (len(last.ids), len(last.line)) == (999, 2_000)
    for number in range(80):
        monkeypatch.setenv(TERMINAL, f"window {number}")
        LastLists(home / "lists").keep(LastList(("x",)))
    assert len(list((home / "lists").iterdir())) <= 65


@pytest.mark.skipif(os.name == "nt" or os.getuid() == 0, reason="a folder that cannot be written")
def test_a_folder_that_cannot_be_written_stops_no_list(rekall: Rekall, stocked: dict[str, str], home: Path) -> None:
    home.chmod(0o500)
    assert rekall("list").code == 0
    home.chmod(0o700)


def test_a_name_of_a_terminal_is_a_files_name() -> None:
    for told in ("a/b", "../../x", "日本", "x" * 900, "a", "A"):
        name = terminal_name({TERMINAL: told})
        assert name.replace("-", "").isalnum()
        assert name.isascii()
        assert len(name) < 80
    assert len({terminal_name({TERMINAL: told}) for told in ("a/b", "a-b", "a b")}) == 3


def test_every_command_that_takes_an_entry_says_so(rekall: Rekall) -> None:
    for command in ("show", "delete", "link", "similar", "restore"):
        assert command in COMMANDS
        assert "ENTRY" in rekall(command, "--help").out
