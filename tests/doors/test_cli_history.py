"""history, diff, undo, and versions by name: what the shell says of the past, and the way back."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import click
import pytest
from support import Ran

from rekall.app import App
from rekall.cli.render import as_shown, cells
from rekall.knowledge.undoing import _EMBEDDED_AT_ONCE as AT_ONCE

Rekall = Callable[..., Ran]

pytestmark = pytest.mark.usefixtures("quick_model")

LONG = "word " * 60


@pytest.fixture
def entry_id(rekall: Rekall) -> str:
    """An entry that was changed twice: by operations 2 and 3."""
    said = rekall("add", "bug", "CORS fails", "-c", f"one\ntwo\n{LONG}\nfour", "--tag", "web", "--json").json
    made = str(said["entry"]["id"])
    rekall("edit", made, "--title", "CORS fails on Safari", "--tag", "cors", "--untag", "web")
    rekall("edit", made, "-c", f"one\n2\n{LONG}changed\nfour")
    return made


def rows(ran: Ran) -> list[list[str]]:
    assert ran.code == 0, ran.err
    return [re.split(r"\s{2,}", line.strip()) for line in ran.out.splitlines()]


def test_what_was_done_is_a_line_each_the_last_first(
    rekall: Rekall, entry_id: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "400")  # however long the path of a test is
    for number in range(3):
        (tmp_path / f"{number}.md").write_text(f"# note {number}\n", "utf-8")
    rekall("import", str(tmp_path))
    rekall("delete", entry_id, "--yes")
    found = rows(rekall("history"))
    assert [row[0] for row in found] == ["5", "4", "3", "2", "1"]
    assert found[0][3] == "delete: CORS fails on Safari"
    assert found[1][3] == f"import: {tmp_path}, 3 entries"
    assert {row[2] for row in found} == {"shell"}
    assert all(re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d", row[1]) for row in found)
    assert rows(rekall("history", "-n", "1")) == found[:1]


def test_the_versions_of_an_entry_say_which_fields_changed(rekall: Rekall, entry_id: str) -> None:
    for name in (entry_id, "CORS"):
        assert [row[::3] for row in rows(rekall("history", name))] == [
            ["3", "edit: content"],
            ["2", "edit: title, tags"],
            ["1", "add"],
        ]


def test_who_did_it_is_said_a_sync_by_its_author(rekall: Rekall, entry_id: str) -> None:
    app = App()
    base = app.open_base(to_write=True)
    with (
        base.past.act_as("shell", "Ann\x1b[31m <ann@example.org>"),
        base._writer.store.recorder.operation("sync", "~/notes"),
    ):
        base.change(entry_id, content="from another machine")
    app.close()
    (first, *_) = rows(rekall("history", entry_id))
    assert first[2].startswith("shell (Ann<U+001B>[31m")
    assert first[3] == "sync ~/notes: content"


def test_an_operation_is_one_line_of_eighty_columns(rekall: Rekall, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    rekall("add", "bug", "日本語 and a title of many words " * 9)
    rekall("edit", "1", "--title", "x" * 300)
    app = App()
    with app.open_base(to_write=True).past.act_as("mcp", "a client with a very long name indeed " * 3):
        app.open_base().add("til", "by a client\nof two lines")
    app.close()
    shown = rekall("history").out.splitlines()
    assert len(shown) == 2
    assert all(cells(line) <= 80 for line in shown)


def test_where_no_history_is_kept_nothing_goes_back_that_could_not_come_again(rekall: Rekall, entry_id: str) -> None:
    rekall("config", "set", "history.keep", "0")
    for words in (("undo", "--yes"), ("restore", f"{entry_id}@1")):
        ran = rekall(*words)
        assert (ran.code, "history.keep" in ran.err) == (4, True), ran
    assert "four" in rekall("show", entry_id).out
    assert "history.keep is 0" in rekall("history").err
    assert rekall("history", "--json").err == ""


def test_what_changed_while_no_history_was_kept_is_not_undone_over(rekall: Rekall, entry_id: str) -> None:
    rekall("--set", "history.keep=0", "edit", entry_id, "-c", f"one\n3\n{LONG}changed\nfour")
    for number in "321":
        ran = rekall("undo", number, "--yes")
        assert (ran.code, "not all that it changed is still kept" in ran.err) == (4, True), ran
    assert "3" in rekall("show", entry_id).out
    rekall("edit", entry_id, "--title", "later")
    assert rekall("undo", "--yes").code == 0
    assert rekall("show", entry_id, "--json").json["entry"]["title"] == "CORS fails on Safari"


def test_what_cannot_be_undone_names_what_was_done_before_it(rekall: Rekall, entry_id: str) -> None:
    other = str(rekall("add", "bug", "other", "--json").json["entry"]["id"])
    rekall("edit", entry_id, "--title", "later")
    rekall("history", entry_id, "--forget", "--yes")
    ran = rekall("undo", "--yes")
    assert (ran.code, "`rekall undo 4` undoes what was done before it" in ran.err) == (4, True), ran
    assert rekall("undo", "4", "--yes").code == 0
    assert other not in rekall("list", "--json").out


def test_what_came_back_without_vectors_is_said(rekall: Rekall, tmp_path: Path) -> None:
    for number in range(AT_ONCE + 1):
        (tmp_path / f"{number}.md").write_text(f"# note {number}\n", "utf-8")
    rekall("import", str(tmp_path))
    assert "no vector" not in rekall("undo", "--yes").err
    assert f"{AT_ONCE + 1} entries have no vector yet" in rekall("undo", "2", "--yes").err


def test_an_empty_base_has_no_history_and_nothing_to_undo(rekall: Rekall) -> None:
    ran = rekall("history")
    assert (ran.code, ran.out) == (0, "")
    assert "nothing was done yet" in ran.err
    assert rekall("history", "--json").json["operations"] == []
    ran = rekall("undo", "--yes")
    assert (ran.code, "nothing to undo" in ran.err) == (3, True)
    for words in (("history", "K7Q2"), ("diff", "K7Q2"), ("show", "K7Q2@1"), ("restore", "K7Q2@1")):
        ran = rekall(*words)
        assert (ran.code, "K7Q2" in ran.err, "hint: " in ran.err) == (3, True, True), words


@pytest.mark.parametrize(
    ("words", "lines"),
    [
        ((), ["content", "@ line 1", "  one", "- two", f"- {LONG}", "+ 2", f"+ {LONG}changed", "  four"]),
        (("2",), ["content"]),
        (("1", "2"), ["title", "- CORS fails", "+ CORS fails on Safari", "", "tags", "- web", "+ cors"]),
        (("2", "1"), ["title", "- CORS fails on Safari", "+ CORS fails", "", "tags", "- cors", "+ web"]),
    ],
)
def test_what_differs_is_shown_by_field(
    rekall: Rekall, entry_id: str, words: tuple[str, ...], lines: list[str]
) -> None:
    shown = rekall("diff", entry_id, *words).out.splitlines()
    if lines[0] != "content":
        assert shown == lines
    else:
        assert shown[0] == "content"
        assert {line.rstrip() for line in lines if line[:1] in "+-"} <= set(shown)


def test_a_version_may_be_named_as_in_every_other_command(rekall: Rekall, entry_id: str) -> None:
    assert rekall("diff", f"{entry_id}@1").out == rekall("diff", entry_id, "1").out
    assert rekall("diff", f"{entry_id}@1", "2").out == rekall("diff", entry_id, "1", "2").out


def test_links_differ_too(rekall: Rekall, entry_id: str) -> None:
    rekall("add", "til", "Another thing")
    rekall("link", entry_id, "Another", "--reason", "why not")
    assert rekall("diff", entry_id).out.splitlines() == ["links", "+ related to Another thing (why not)"]
    rekall("link", entry_id, "Another", "--remove")
    assert rekall("diff", entry_id, "5").out.splitlines() == ["links", "- related to Another thing (why not)"]
    assert rows(rekall("history", entry_id, "-n", "1"))[0][3] == "unlink: links"


def test_what_differs_reads_well_on_eighty_columns(
    rekall: Rekall, entry_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from rekall.cli import diff

    app = App()
    states = app.open_base().past.states(entry_id)
    monkeypatch.setattr("sys.stdout.isatty", lambda: True, raising=False)
    monkeypatch.setenv("COLUMNS", "80")
    from rekall.knowledge.differences import differences

    lines = [as_shown(line) for line in diff._shown(differences(states[1], states[0], {}))]
    app.close()
    plain = [click.unstyle(line) for line in lines]
    assert all(cells(line) <= 80 for line in plain)
    assert any(line.startswith("+ … word") and line.endswith("changed") for line in plain)  # cut to what differs
    assert "\x1b[7m" in "".join(lines)  # the words that differ stand out
    assert len(plain) < 12


def test_undo_walks_back_and_undoing_that_does_it_again(rekall: Rekall, entry_id: str) -> None:
    ran = rekall("undo", "--yes")
    assert ran.code == 0
    assert "undo 3: edit, " in ran.err
    assert "changes back CORS fails on Safari: content" in ran.err
    assert "`rekall undo 4` does it again" in ran.err
    assert rekall("undo", "--yes").code == 0
    assert rekall("show", entry_id, "--json").json["entry"]["title"] == "CORS fails"
    assert rekall("undo", "5", "--yes").code == 0
    assert rekall("show", entry_id, "--json").json["entry"]["title"] == "CORS fails on Safari"
    assert [row[3] for row in rows(rekall("history"))][:3] == [
        "undo 5: CORS fails on Safari",
        "undo 2 (undone): CORS fails on Safari",
        "undo 3: CORS fails on Safari",
    ]


def test_a_dry_run_shows_and_changes_nothing(rekall: Rekall, entry_id: str) -> None:
    ran = rekall("undo", "--dry-run")
    assert (ran.code, "changes back" in ran.err) == (0, True)
    assert len(rows(rekall("history"))) == 3
    assert rekall("undo", "--dry-run", "--json").json["undone_by"] is None


def test_undo_asks_and_refuses_where_nobody_can_answer(
    rekall: Rekall, entry_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    ran = rekall("undo")
    assert (ran.code, "no terminal to ask on" in ran.err, "--yes" in ran.err) == (2, True, True)
    monkeypatch.setattr("rekall.cli.asking.on_terminal", lambda: True)
    ran = rekall("undo", stdin="n\n")
    assert (ran.code, "nothing undone" in ran.err) == (130, True)
    assert len(rows(rekall("history"))) == 3
    assert rekall("undo", stdin="y\n").code == 0
    assert len(rows(rekall("history"))) == 4


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("undo", "99", "--yes"), 3, "no operation 99"),
        (("undo", "2", "--yes"), 4, "changed since: 'CORS fails on Safari'"),
        (("undo", "1", "--yes"), 4, "first: `rekall undo 3`, `rekall undo 2`; or `rekall restore"),
        (("undo", "x"), 2, "NUMBER takes a whole number, 1 or more, not 'x'"),
        (("diff", "{}", "9"), 3, "that entry has no version 9, but 3, 2, 1"),
        (("show", "{}@9"), 3, "that entry has no version 9, but 3, 2, 1"),
        (("restore", "{}@9"), 3, "that entry has no version 9, but 3, 2, 1"),
        (("restore", "{}"), 3, "is not deleted"),
        (("history", "COSR"), 3, "no entry 'COSR'"),
        (("edit", "{}@2", "--title", "x"), 3, "a version is shown by `rekall show "),
        (("redo",), 2, "no command 'redo'"),
    ],
)
def test_what_is_wrong_is_said_with_a_hint(
    rekall: Rekall, entry_id: str, words: tuple[str, ...], code: int, said: str
) -> None:
    ran = rekall(*(word.replace("{}", entry_id) for word in words))
    assert (ran.code, said in ran.err, "hint: " in ran.err) == (code, True, True), ran.err


def test_an_earlier_version_is_shown_and_brought_back(rekall: Rekall, entry_id: str) -> None:
    shown = rekall("show", f"{entry_id}@1")
    assert shown.out.startswith("CORS fails\n")
    assert "\ntwo\n" in shown.out
    assert rekall("show", f"{entry_id}@1", "--raw").out == f"one\ntwo\n{LONG}\nfour\n"
    assert rekall("show", f"{entry_id}@1", "--json").json["entry"]["tags"] == ["web"]
    assert len(rekall("show", entry_id, f"{entry_id}@2", "--json").json["entries"]) == 2
    ran = rekall("restore", f"{entry_id}@1")
    assert (ran.code, ran.out.split("  ")[1]) == (0, "CORS fails\n")
    entry = rekall("show", entry_id, "--json").json["entry"]
    assert (entry["title"], entry["tags"], entry["id"]) == ("CORS fails", ["web"], entry_id)
    assert rows(rekall("history", entry_id))[0][3] == "restore version 1: title, tags, content"
    assert rekall("undo", "--yes").code == 0
    assert rekall("show", entry_id, "--json").json["entry"]["title"] == "CORS fails on Safari"


def test_a_deleted_entry_has_a_history_and_an_earlier_version_of_it_comes_back(rekall: Rekall, entry_id: str) -> None:
    rekall("delete", entry_id, "--yes")
    assert rows(rekall("history", entry_id))[0][::3] == ["4", "delete"]
    assert rows(rekall("history", "CORS fails on Safari"))[0][0] == "4"
    assert rekall("show", f"{entry_id}@1").out.startswith("CORS fails\n")
    assert "+ CORS fails on Safari" in rekall("diff", entry_id, "1").out
    ran = rekall("show", f"{entry_id}@4")
    assert (ran.code, "deleted then" in ran.err) == (3, True)
    assert rekall("restore", f"{entry_id}@1").code == 0
    assert rekall("show", entry_id, "--json").json["entry"]["title"] == "CORS fails"
    assert rekall("undo", "--yes").code == 0  # as a whole: it is deleted again
    assert rekall("show", entry_id).code == 3


def test_a_title_with_an_at_sign_is_a_title(rekall: Rekall) -> None:
    rekall("add", "til", "actions/checkout@4", "-c", "pinned")
    rekall("edit", "actions/checkout@4", "-c", "pinned by hash")
    assert "pinned by hash" in rekall("show", "actions/checkout@4").out
    assert "pinned\n" in rekall("show", "actions/checkout@4@1").out
    assert "- pinned" in rekall("diff", "actions/checkout@4").out


def test_a_past_is_forgotten_after_a_question(rekall: Rekall, entry_id: str, home: Path) -> None:
    ran = rekall("history", entry_id, "--forget")
    assert (ran.code, "no terminal to ask on" in ran.err) == (2, True)
    assert rekall("history", "--forget").code == 2
    rekall("backup")
    ran = rekall("history", entry_id, "--forget", "--yes")
    assert ran.code == 0
    assert "forgot 2 versions of" in ran.err
    assert str(home / "backups") in ran.err  # which may still hold them
    assert rows(rekall("history", entry_id)) == [["0", "what was there before anything was remembered"]]
    ran = rekall("undo", "--yes")
    assert (ran.code, "not all that it changed is still kept" in ran.err) == (4, True)
    assert rekall("show", entry_id).out.startswith("CORS fails on Safari\n")


def test_an_edit_with_a_secret_says_how_its_past_is_wiped(rekall: Rekall) -> None:
    ran = rekall("add", "til", "the key", "-c", "token: ghp_" + "a1B2c3D4e5F6g7H8i9J0" * 2)
    assert "--forget" in ran.err


def test_a_change_of_many_is_one_operation_that_says_what_it_was(rekall: Rekall) -> None:
    for title, tag in (("one", "js"), ("two", "ecmascript"), ("three", "py")):
        rekall("add", "til", title, "--tag", tag, "--project", "web")
    rekall("tags", "merge", "js", "ecmascript", "javascript", "--yes")
    rekall("projects", "rename", "web", "shop", "--yes")
    rekall("delete", "one", "two", "--yes")
    rekall("restore", "one", "two")
    assert [row[3] for row in rows(rekall("history", "-n", "4"))] == [
        "restore: 2 entries",
        "delete: 2 entries",
        "projects: web → shop, 3 entries",
        "tags: js, ecmascript → javascript, 2 entries",
    ]
    for _ in range(4):
        assert rekall("undo", "--yes").code == 0
    tags = {each["name"] for each in rekall("tags", "--json").json["tags"]}
    assert tags == {"js", "ecmascript", "py"}
    assert [each["name"] for each in rekall("projects", "--json").json["projects"]] == ["web"]
