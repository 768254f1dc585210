"""What people type who come from the original Rekall, and the base that they left there."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from support import Ran
from support.tui_driver import base_of, driven, opened

from rekall.cli.commands import COMMANDS, EARLIER
from rekall.cli.earlier import TODAY
from rekall.config import find_original_base

Rekall = Callable[..., Ran]
pytestmark = pytest.mark.usefixtures("quick_model")

VERBS = [
    "version",
    "config",
    "init",
    "search",
    "add",
    "show",
    "browse",
    "deprecate",
    "install",
    "research",
    "similar",
    "export",
    "import",
    "link",
    "unlink",
    "related",
    "graph",
    "centrality",
    "generalize",
    "info",
    "backup",
    "restore",
    "suggest",
    "embeddings",
    "migrate",
    "changelog",
    "sources",
    "mcp-server",
    "inbox",
    "staging",
    "consolidation",
    "hooks",
]
"""Every command of the original."""


def add(rekall: Rekall, title: str) -> str:
    entry_id = rekall("add", "bug", title, "-c", f"the text of {title}", "--json").json["entry"]["id"]
    assert isinstance(entry_id, str)
    return entry_id


# verbs


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_of_the_original_does_something_or_leads_on(rekall: Rekall, verb: str) -> None:
    if verb in COMMANDS or verb in EARLIER:
        assert rekall(verb, "--help").code == 0
        return
    ran = rekall(verb, "some", "argument", "--any=option")
    assert (ran.code, ran.out) == (2, "")
    assert ran.err.startswith(f"error: no command {verb!r}; the original Rekall had it\n\nhint: ")
    assert rekall(verb, "--json").json["error"]["kind"] == "usage"


@pytest.mark.parametrize("name", TODAY)
def test_commands_that_an_answer_names_exist(rekall: Rekall, name: str) -> None:
    ran = rekall(name, "list")
    assert ran.code == 2
    for command in re.findall(r"`rekall ([a-z]+(?: [a-z]+)?(?: --[a-z-]+)?)", ran.err):
        words = [word for word in command.split() if word.startswith("-") or word in (*COMMANDS, "install")]
        shown = rekall(*(word for word in words if not word.startswith("-")), "--help")
        assert shown.code == 0
        assert all(word in shown.out for word in words if word.startswith("-"))


def test_the_help_leaves_old_names_out(rekall: Rekall) -> None:
    shown = rekall("--help").out
    assert not [verb for verb in (*EARLIER, *TODAY) if re.search(rf"^  {re.escape(verb)}\b", shown, re.MULTILINE)]
    assert rekall("centralty").err == "error: no command 'centralty'\n\nhint: `rekall --help` lists the commands\n"


def test_deprecate_makes_obsolete(rekall: Rekall) -> None:
    old, new = add(rekall, "the old way"), add(rekall, "the new way")
    ran = rekall("deprecate", old)
    assert (ran.code, ran.err) == (0, "")
    assert "the old way" in ran.out
    assert rekall("show", old, "--json").json["entry"]["status"] == "obsolete"
    entry = rekall("deprecate", old, "-r", new, "--json").json["entry"]
    assert (entry["status"], entry["superseded_by"]["id"]) == ("obsolete", new)
    assert rekall("deprecate", old, "--replaced-by", "0000").code == 3
    assert rekall("deprecate", "0000", "--json").json["error"]["kind"] == "not_found"


def test_unlink_removes_links(rekall: Rekall) -> None:
    one, other = add(rekall, "one"), add(rekall, "other")
    for kind in ("related", "contradicts"):
        rekall("link", one, other, "--type", kind)
    assert rekall("unlink", one, other, "--type", "related").err == "removed 1 link\n"
    assert rekall("unlink", one, other, "--json").json["removed_links"] == 1
    assert rekall("show", one, "--json").json["entry"]["links"] == []


def test_browse_lists_where_there_is_no_terminal(rekall: Rekall) -> None:
    add(rekall, "one")
    add(rekall, "other")
    assert rekall("browse").out == rekall("list").out
    assert (
        rekall("browse", "-t", "bug", "-l", "1", "--json").json == rekall("list", "-t", "bug", "-n", "1", "--json").json
    )
    assert rekall("browse", "-t", "til").out == ""


def test_info_is_stats(rekall: Rekall) -> None:
    add(rekall, "one")
    assert rekall("info", "--json").json == rekall("stats", "--json").json


@pytest.mark.parametrize("words", [("--global", "list"), ("-g", "search", "x"), ("--legacy", "list")])
def test_options_of_the_original_lead_on(rekall: Rekall, words: tuple[str, ...]) -> None:
    ran = rekall(*words)
    assert ran.code == 2
    assert f"no option {words[0]!r}" in ran.err
    assert "REKALL_HOME" in ran.err


def test_restore_of_a_file_names_the_import(rekall: Rekall, tmp_path: Path) -> None:
    backup = tmp_path / "my backups" / "knowledge_1.db"
    backup.parent.mkdir()
    backup.write_bytes(b"whatever")
    ran = rekall("restore", str(backup))
    assert ran.code == 2
    assert f"rekall import '{backup}'" in ran.err or f'rekall import "{backup}"' in ran.err
    assert rekall("restore", str(backup.with_name("missing.db"))).code == 3
    assert rekall("restore", "x" * 5000).code == 3


def test_an_id_goes_before_a_file_of_that_name(rekall: Rekall, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    entry_id = add(rekall, "gone")
    rekall("delete", entry_id, "--yes")
    monkeypatch.chdir(tmp_path)
    (tmp_path / entry_id).write_text("a file")
    assert rekall("restore", entry_id).code == 0


# a base that is found


@pytest.fixture
def user(tmp_path: Path, home: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A user's folder, with nothing of the original's in any place."""
    for name in ("XDG_DATA_HOME", "XDG_CONFIG_HOME"):
        monkeypatch.delenv(name, raising=False)
    folder = tmp_path / "user"
    (folder / "work").mkdir(parents=True)
    monkeypatch.setenv("USERPROFILE", str(folder))
    monkeypatch.chdir(folder / "work")
    return folder


def original(path: Path) -> Path:
    """A base of the original at a path."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with closing(sqlite3.connect(path)) as db:
        db.execute(
            "CREATE TABLE entries (id TEXT PRIMARY KEY, title TEXT, content TEXT, type TEXT, confidence INTEGER)"
        )
        db.execute("INSERT INTO entries VALUES ('01HQ0000000000000000000ABC', 'from before', 'old text', 'bug', 2)")
        db.commit()
    return path


def place_of(name: str, user: Path, home: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """One of the original's places, with what names it."""
    if name == "REKALL_HOME":
        return home / "knowledge.db"
    if name == "REKALL_DB_PATH":
        monkeypatch.setenv(name, str(user / "of my own.db"))
        return user / "of my own.db"
    if name == "project":
        return user / "work" / ".rekall" / "knowledge.db"
    if name in ("data_dir", "data_dir beside ours"):
        folder = home if name == "data_dir beside ours" else user / ".config" / "rekall"
        folder.mkdir(parents=True)
        (folder / "config.toml").write_text('data_dir = "~/data"\n')
        return user / "data" / "knowledge.db"
    if name == "XDG_DATA_HOME":
        monkeypatch.setenv(name, str(user / "xdg"))
        return user / "xdg" / "rekall" / "knowledge.db"
    return user / {"share": ".local/share/rekall", "legacy": ".rekall"}[name] / "knowledge.db"


PLACES = ("REKALL_HOME", "REKALL_DB_PATH", "project", "data_dir", "XDG_DATA_HOME", "share", "legacy")


@pytest.mark.parametrize("name", [*PLACES, "data_dir beside ours"])
def test_an_empty_base_says_how_one_of_the_original_comes_in(
    rekall: Rekall, user: Path, home: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    assert find_original_base() is None
    path = original(place_of(name, user, home, monkeypatch))
    command = f'rekall import "{path}"' if " " in str(path) else f"rekall import {path}"
    for words in (("list",), ("search", "x", "--mode", "words")):
        ran = rekall(*words)
        assert ran.code == 0
        assert command.replace('"', "'") in ran.err or command in ran.err
        assert "the original Rekall" in ran.err
    add(rekall, "one")
    assert "the original Rekall" not in rekall("search", "nothing-like-it", "--mode", "words").err


def test_the_first_of_its_places_is_named(user: Path, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    paths = [original(place_of(name, user, home, monkeypatch)) for name in PLACES]
    for path in paths:
        assert find_original_base() == path
        path.unlink()
    assert find_original_base() is None


def test_what_is_no_base_is_not_named(user: Path, home: Path) -> None:
    (user / ".rekall" / "knowledge.db").mkdir(parents=True)
    (user / ".local" / "share" / "rekall").mkdir(parents=True)
    (user / ".local" / "share" / "rekall" / "knowledge.db").touch()
    home.mkdir()
    (home / "config.toml").write_text("data_dir = [1]\n")
    (user / ".config" / "rekall").mkdir(parents=True)
    (user / ".config" / "rekall" / "config.toml").write_text("no toml")
    assert find_original_base({"REKALL_HOME": str(home), "REKALL_DB_PATH": "a\0b"}) is None


@pytest.mark.usefixtures("user")
def test_an_empty_base_without_one_says_what_it_said(rekall: Rekall) -> None:
    assert rekall("list").err == "nothing to list; start with `rekall add` or `rekall import`\n"


@driven
async def test_the_terminal_ui_says_it_too(user):
    path = original(user / ".rekall" / "knowledge.db")
    with base_of([]) as rekall:
        async with opened(rekall, size=(200, 24)) as ui:
            assert f"rekall import {path}" in ui.text()
