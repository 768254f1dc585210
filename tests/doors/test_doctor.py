"""`rekall doctor`: every line good, or what to type; whatever is wrong, it ends, and changes nothing."""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from support import CHECKOUT, Ran
from support.systems import program

from rekall.app import App
from rekall.entry.fields import Draft
from rekall.entry.types import EntryType
from rekall.mcp.clients import find_client

Rekall = Callable[..., Ran]


@pytest.fixture
def base(quick_model, home: Path) -> Path:
    app = App()
    base = app.open_base(to_write=True)
    base.add(Draft(EntryType.BUG, "nginx answers 502", "x"))
    base.delete(base.add(Draft(EntryType.TIL, "gone", "y")).entry.id)
    app.close()
    return home / "rekall.db"


def lines(ran: Ran, topic: str) -> list[dict[str, Any]]:
    return [line for line in ran.json["lines"] if line["topic"] == topic]


def worst(ran: Ran, topic: str) -> dict[str, Any]:
    order = ("good", "warn", "bad")
    return max(lines(ran, topic), key=lambda line: order.index(line["level"]))


def state(home: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in sorted(home.rglob("*")) if path.is_file()}


def test_all_is_well_and_nothing_is_changed(rekall: Rekall, base: Path, home: Path, monkeypatch) -> None:
    monkeypatch.setenv("EDITOR", sys.executable)
    before = state(home)
    ran = rekall("doctor", "--json")
    assert (ran.code, ran.err, ran.json["ok"], ran.json["bad"]) == (0, "", True, 0)
    assert worst(ran, "base")["text"].startswith("1 entry, 1 deleted one to restore")
    assert worst(ran, "words")["level"] == worst(ran, "vectors")["level"] == worst(ran, "editor")["level"] == "good"
    assert state(home) == before
    said = rekall("doctor")
    assert said.code == 0
    assert len([line for line in said.out.splitlines() if line.startswith(("good", "warn", "bad"))]) == len(
        ran.json["lines"]
    )


def test_it_loads_no_model_and_needs_no_base(home: Path) -> None:
    program = """
import sys
from rekall.cli.main import run
try:
    run(["doctor", "--json"])
except SystemExit as ended:
    print([name for name in ("numpy", "onnxruntime", "tokenizers", "textual", "sqlite_vec") if name in sys.modules], ended.code)
"""
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, cwd=CHECKOUT)
    assert ran.stdout.splitlines()[-1] in ("[] 0", "[] 5")  # vi may not be there
    assert not home.exists()


@pytest.mark.parametrize("what", ["damaged", "foreign", "newer", "folder"])
def test_a_base_that_cannot_be_used_is_a_bad_line_and_the_page_goes_on(
    rekall: Rekall, base: Path, home: Path, what: str
) -> None:
    if what == "damaged":
        base.write_bytes(base.read_bytes()[:5000] + os.urandom(9000))
    elif what == "foreign":
        base.write_text("no base")
    elif what == "folder":
        base.unlink()
        base.mkdir()
    else:
        with sqlite3.connect(base) as other:
            other.execute("PRAGMA user_version = 999")
        other.close()
    ran = rekall("doctor", "--json")
    assert ran.code == 5
    assert not ran.json["ok"]
    bad = worst(ran, "base")
    assert bad["level"] == "bad"
    assert bad["hint"]
    assert {"editor", "terminal", "assistants", "hooks"} <= {line["topic"] for line in ran.json["lines"]}


def test_a_place_in_which_no_base_can_be_made(rekall: Rekall, home: Path) -> None:
    home.write_text("a file")
    ran = rekall("doctor", "--json")
    assert (ran.code, worst(ran, "base")["text"]) == (5, f"{home} is no folder")


def test_what_waits_is_lacking_or_left_lying_is_said(rekall: Rekall, base: Path, home: Path) -> None:
    with sqlite3.connect(base) as other:
        other.execute("DELETE FROM words_docsize")
        (space,) = other.execute("SELECT id FROM space WHERE active = 1").fetchone()
        other.execute(f"DELETE FROM signs_{space}")
        other.execute("DELETE FROM signing")
    other.close()
    drafts = home / "drafts"
    drafts.mkdir(exist_ok=True)
    (drafts / "bug-0123456789ab.md").write_text("# half a thought\n")
    ran = rekall("doctor", "--json")
    assert worst(ran, "words")["hint"] == "run `rekall index rebuild --words`"
    assert worst(ran, "vectors")["level"] == "warn"
    assert "draft" in worst(ran, "drafts")["text"]
    assert ran.code == 5


def test_settings_that_nobody_reads_or_that_are_broken(rekall: Rekall, home: Path, monkeypatch) -> None:
    home.mkdir()
    (home / "config.toml").write_text("[serach]\nlimit = 3\n")
    monkeypatch.setenv("REKALL_SEARCH_LIMT", "5")
    ran = rekall("doctor", "--json")
    assert worst(ran, "settings")["level"] == "warn"
    assert worst(ran, "environment") == {
        "topic": "environment",
        "level": "warn",
        "text": "nothing reads REKALL_SEARCH_LIMT",
        "hint": "did you mean REKALL_SEARCH_LIMIT?",
    }
    (home / "config.toml").write_text("[search\n")
    ran = rekall("doctor", "--json")
    assert (ran.code, worst(ran, "settings")["level"]) == (5, "bad")
    assert worst(ran, "editor")["level"] in ("good", "bad")


def test_an_editor_that_is_not_there(rekall: Rekall, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setenv("VISUAL", "no-such-editor --wait")
    found = worst(rekall("doctor", "--json"), "editor")
    assert (found["level"], found["text"]) == ("bad", "no-such-editor --wait (VISUAL) cannot be found")
    monkeypatch.setenv("VISUAL", f'"{sys.executable}" -x')
    assert worst(rekall("doctor", "--json"), "editor")["level"] == "good"
    for options, level in (("", "warn"), (" --wait", "good")):
        path = program(tmp_path / "code", "")
        monkeypatch.setenv("VISUAL", f"{path}{options}")
        found = worst(rekall("doctor", "--json"), "editor")
        assert (found["level"], "--wait" in (found["hint"] or "")) == (level, level == "warn")


def test_completion_is_looked_for_in_the_shell_s_start_file(rekall: Rekall, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setenv("SHELL", "/bin/bash")
    found = worst(rekall("doctor", "--json"), "completion")
    assert found["hint"] == 'add to ~/.bashrc: eval "$(rekall init bash)"'
    user = tmp_path / "user"
    user.mkdir()
    (user / ".bashrc").write_text('eval "$(rekall init bash)"\n')
    assert worst(rekall("doctor", "--json"), "completion")["level"] == "good"


def test_assistants_whose_command_is_gone(rekall: Rekall, tmp_path: Path) -> None:
    (tmp_path / "user").mkdir()
    for name, command in (("cursor", sys.executable), ("zed", "/gone/bin/rekall")):
        client = find_client(name)
        path = client.path()
        path.parent.mkdir(parents=True)
        path.write_text("// mine\n" + json.dumps({client.section: {"rekall": {"command": command, "args": ["mcp"]}}}))
    ran = rekall("doctor", "--json")
    assert [(line["level"], line["text"]) for line in lines(ran, "assistants")] == [
        ("bad", "Zed starts /gone/bin/rekall, which is not there"),
        ("good", "set up: Cursor"),
    ]
    assert ran.code == 5


def test_no_line_gives_the_lie_to_another(rekall: Rekall, home: Path, tmp_path: Path, monkeypatch) -> None:
    path = find_client("zed").path()
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps({find_client("zed").section: {"rekall": {"command": "/gone/bin/rekall"}}}))
    ran = rekall("doctor", "--json")
    assert [line["level"] for line in lines(ran, "assistants")] == ["bad"]

    (tmp_path / "file").write_text("")
    monkeypatch.setenv("REKALL_HOME", str(tmp_path / "file" / "below"))
    assert [line["level"] for line in lines(rekall("doctor", "--json"), "base")] == ["bad"]

    home.mkdir(parents=True)
    (home / "config.toml").write_text("no toml")
    monkeypatch.setenv("REKALL_HOME", str(home))
    bad = [line["text"] for line in rekall("doctor", "--json").json["lines"] if line["level"] == "bad"]
    assert sum("config.toml" in text for text in bad) == 1


@pytest.mark.parametrize(("picker", "said"), [("list", "a numbered list"), ("fzf", "fzf is not installed")])
def test_the_picker_is_the_one_that_is_set(rekall: Rekall, monkeypatch, tmp_path: Path, picker: str, said: str) -> None:
    monkeypatch.setenv("REKALL_UI_PICKER", picker)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert worst(rekall("doctor", "--json"), "picker")["text"].endswith(said)


def test_it_works_without_any_home(home: Path) -> None:
    environ = {name: value for name, value in os.environ.items() if name not in ("HOME", "REKALL_HOME", "USERPROFILE")}
    ran = subprocess.run(
        [sys.executable, "-m", "rekall", "doctor", "--json"],
        env={**environ, "XDG_DATA_HOME": str(home), "XDG_CONFIG_HOME": str(home)},
        capture_output=True,
        text=True,
        check=False,
        cwd=CHECKOUT,
    )
    assert ran.returncode in (0, 5)
    assert ran.stderr == ""
    assert len(json.loads(ran.stdout)["lines"]) > 10


def test_another_program_of_that_name_in_the_environment_is_told(
    rekall: Rekall, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, file in (("rekall", "rekall/session.py"), ("rekall-mcp", "rekall_mcp/server.py")):
        info = tmp_path / f"{name.replace('-', '_')}-1.7.1.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.7.1\n")
        (info / "RECORD").write_text(f"{file},,\n")
        (tmp_path / file).parent.mkdir()
        (tmp_path / file).touch()  # Python 3.12 leaves out what is not there
    monkeypatch.syspath_prepend(tmp_path)
    said = rekall("doctor").out
    assert "the package rekall 1.7.1 is installed here too" in said
    assert "pip uninstall rekall`" in said
    assert "rekall-mcp" not in said


def test_a_backup_of_this_minute_is_told_in_words(rekall: Rekall) -> None:
    rekall("--set", "engine.model=none", "add", "til", "one")
    assert rekall("backup").code == 0
    (line,) = (each for each in rekall("doctor", "--json").json["lines"] if each["topic"] == "backup")
    assert "the last one was made just now, 0 entries changed since" in line["text"]


def test_what_links_leave_open_is_counted_until_it_is_settled(rekall: Rekall, base: Path) -> None:
    assert lines(rekall("doctor", "--json"), "conflicts") == []
    app = App()
    opened = app.open_base(to_write=True)
    one, other = (opened.add(Draft(EntryType.TIL, title, "x")).entry.id for title in ("north", "south"))
    opened.link(one, other, "contradicts")
    opened.link(other, one, "contradicts")
    (line,) = lines(rekall("doctor", "--json"), "conflicts")
    assert (line["level"], line["text"]) == ("warn", "1 pair of entries contradict each other, as links say")
    assert rekall("conflicts", "--kind", "contradicts", "--json").json["total"] == 1
    opened.deprecate(one, other)
    app.close()
    assert lines(rekall("doctor", "--json"), "conflicts") == []
