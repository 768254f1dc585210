"""The note of a day: lines added to it, from several processes at once, and in the editor."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from support import FakeEncoder, Ran
from support.runs import in_threads
from support.systems import program, shell_line

from rekall.app import App
from rekall.entry.fields import Draft
from rekall.entry.types import EntryType

Rekall = Callable[..., Ran]
pytestmark = pytest.mark.usefixtures("quick_model")
DAY = Draft(EntryType.TIL, "2026-11-24", tags=("daily",))


def day(back: int = 0) -> str:
    return (datetime.now() - timedelta(days=back)).strftime("%Y-%m-%d")


def shown(rekall: Rekall, *arguments: str) -> dict[str, Any]:
    ran = rekall("today", "--json", *arguments)
    assert ran.code == 0, ran.err
    entry: dict[str, Any] = ran.json["entry"]
    return entry


@pytest.fixture
def pen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Somebody at a terminal, whose editor runs lines with `file` and its `text`."""
    for door in ("today", "editor"):
        monkeypatch.setattr(f"rekall.cli.{door}.on_terminal", lambda: True)
    script = tmp_path / "pen"

    def install(body: str) -> None:
        source = (
            "import pathlib, subprocess, sys\n"
            f"file = pathlib.Path(sys.argv[-1])\ntext = file.read_text('utf-8')\n{body}\n"
        )
        monkeypatch.setenv("VISUAL", shell_line(program(script, source)))

    return install


def test_the_first_line_makes_the_note_and_the_next_come_below_it(rekall: Rekall) -> None:
    ran = rekall("today", "found", "the", "leak:", "docker", "run", "--rm", "-it")
    assert re.fullmatch(rf"added to [0-9A-Z]+  {day()}\n", ran.out), ran
    rekall("today", "bug", "fixed", "it")
    entry = shown(rekall)
    assert (entry["title"], entry["type"], entry["tags"], entry["project"]) == (day(), "til", ["daily"], None)
    first, second = entry["content"].split("\n")
    assert re.fullmatch(r"- \d\d:\d\d found the leak: docker run --rm -it", first)
    assert re.fullmatch(r"- \d\d:\d\d bug fixed it", second)
    assert rekall("list", "--ids").out.count("\n") == 1


def test_what_is_piped_in_belongs_to_its_line(rekall: Rekall) -> None:
    ran = rekall("today", "pushed", stdin="a1 first\n\nb2 second\n")
    assert ran.code == 0
    assert shown(rekall)["content"].partition("pushed")[2] == "\n\n  a1 first\n\n  b2 second"
    rekall("today", "-", stdin="alone")
    assert shown(rekall)["content"].endswith(" alone")
    assert "\n- " in shown(rekall)["content"]


@pytest.mark.parametrize(
    ("arguments", "back", "line"),
    [
        (("--yesterday", "went home"), 1, "- went home"),
        (("--date", "yesterday 18:00", "went home"), 1, "- 18:00 went home"),
        (("went", "home", "--date", "3d"), 3, r"- \d\d:\d\d went home"),
        (("--date", "today", "went home"), 0, r"- \d\d:\d\d went home"),
    ],
)
def test_another_day_has_its_own_note(rekall: Rekall, arguments: tuple[str, ...], back: int, line: str) -> None:
    assert rekall("today", *arguments).code == 0
    entry = shown(rekall, "--date", day(back))
    assert entry["title"] == day(back)
    assert re.fullmatch(line, entry["content"])


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        ((), 3, "no note of"),
        (("--date", "last week", "x"), 4, "more than one day"),
        (("--date", "soonish", "x"), 4, "not a date"),
        (("--date", "monday", "--yesterday", "x"), 2, "two days"),
        (("--show", "x"), 2, "only shows"),
        (("",), 2, "nothing to write down"),
        (("x", "--yesterdy"), 2, "yesterday"),
    ],
)
def test_what_is_no_line_is_said(rekall: Rekall, arguments: tuple[str, ...], code: int, said: str) -> None:
    ran = rekall("today", *arguments)
    assert (ran.code, said in ran.err) == (code, True), ran
    assert rekall("list", "--ids").out == ""


def test_without_words_and_a_terminal_it_is_printed(rekall: Rekall) -> None:
    rekall("today", "one thing")
    assert "one thing" in rekall("today").out
    assert "one thing" in rekall("today", "--show", stdin="not read").out
    assert "not read" not in shown(rekall)["content"]


def test_a_note_of_that_title_is_taken_whoever_made_it_unless_it_no_longer_holds(rekall: Rekall) -> None:
    rekall("add", day(), "-c", "Some words.")
    rekall("today", "more")
    entry = shown(rekall)
    assert re.fullmatch(r"Some words\.\n\n- \d\d:\d\d more", entry["content"])
    rekall("edit", entry["id"], "--status", "obsolete")
    rekall("today", "anew")
    assert shown(rekall)["id"] != entry["id"]


def test_nothing_is_lost_where_many_add_at_once(home: Path) -> None:
    App().open_base(to_write=True).close()

    def write(number: int) -> None:
        app = App()
        for line in range(3):
            app.open_base(to_write=True).journal.append(
                Draft(DAY.type, DAY.title, content=f"- {number}/{line}", tags=DAY.tags)
            )
        app.close()

    assert in_threads(6, write) == []
    base = App().open_base()
    assert base.count() == 1
    found = base.journal.find(DAY)
    assert found is not None
    assert sorted(found.content.split("\n")) == sorted(f"- {number}/{line}" for number in range(6) for line in range(3))


def test_a_line_costs_only_the_passages_that_it_changes(home: Path, quick_model: FakeEncoder) -> None:
    base = App().open_base(to_write=True)
    lines = [f"- line {number} about something else altogether" for number in range(120)]
    base.journal.append(Draft(DAY.type, DAY.title, content="\n".join(lines[:60]), tags=DAY.tags))
    del quick_model.encoded[:]
    base.journal.append(Draft(DAY.type, DAY.title, content=lines[60], tags=DAY.tags))
    assert len(quick_model.encoded) == 1
    base.journal.append(Draft(DAY.type, DAY.title, content="\n".join(lines[61:]), tags=DAY.tags))
    del quick_model.encoded[:]
    base.journal.append(Draft(DAY.type, DAY.title, content="- one more", tags=DAY.tags))
    assert quick_model.encoded == []  # behind what is embedded of a long note


def test_in_the_editor_what_others_add_meanwhile_stays(rekall: Rekall, pen: Callable[[str], None]) -> None:
    pen("file.write_text(text + '\\nby hand\\n')")
    assert rekall("today").err == ""
    assert shown(rekall)["content"] == "by hand"
    add = f"subprocess.run([{sys.executable!r}, '-m', 'rekall', 'today', 'meanwhile'], check=True, stdin=subprocess.DEVNULL)"
    pen(f"{add}\nfile.write_text(text.replace('by hand', 'by my hand'))")
    ran = rekall("today")
    assert "changed" in ran.out, ran
    assert re.fullmatch(r"by my hand\n\n- \d\d:\d\d meanwhile", shown(rekall)["content"])
    pen("")
    assert "nothing changed" in rekall("today").err
