"""Every command that writes a file of somebody's says which one another program has open, and leaves nothing behind."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from support import Ran

from rekall.app import App
from rekall.cli.model_get import tell_what_is_held
from rekall.entry.fields import Draft
from rekall.entry.types import EntryType
from rekall.system import replacing

Rekall = Callable[..., Ran]

COMMANDS = {
    "export": ("out.jsonl", ["export", "FILE"]),
    "export to html": ("out.html", ["export", "FILE"]),
    "export of one": ("one.md", ["export", "FILE"]),
    "report": ("report.json", ["import", "NOTE", "--report", "FILE"]),
    "vectors": ("vectors.json", ["embed", "text", "--output", "FILE"]),
    "backup": ("copy.db", ["backup", "--force", "FILE"]),
    "setting": ("home/config.toml", ["config", "set", "search.limit", "7"]),
    "unset": ("home/config.toml", ["config", "unset", "search.limit"]),
    "saved search": ("home/config.toml", ["search", "--save", "mine", "words"]),
    "assistant": ("project/.mcp.json", ["mcp", "install", "claude-code", "--project", "--write"]),
    "hooks": ("project/.claude/settings.local.json", ["hook", "install", "claude-code", "--project"]),
}


@pytest.mark.parametrize("name", COMMANDS)
def test_a_file_that_is_held_is_named_and_stays(
    rekall: Rekall, quick_model, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    app = App()
    app.open_base(to_write=True).add(Draft(EntryType.BUG, "nginx answers 502", "x"))
    app.close()
    (tmp_path / "note.md").write_text("# a note\n")
    place, command = COMMANDS[name]
    path = home / place.removeprefix("home/") if place.startswith("home/") else tmp_path / place
    path.parent.mkdir(parents=True, exist_ok=True)
    before = "[search]\nlimit = 3\n" if path.suffix == ".toml" else "{}"
    path.write_text(before)
    if "project" in place:
        (tmp_path / "project" / ".git").mkdir()
        monkeypatch.chdir(tmp_path / "project")
    replace = os.replace

    def refuse(source: str | Path, target: str | Path) -> None:
        if Path(target) == Path(os.path.realpath(path)):
            refused = PermissionError(errno.EACCES, "Access is denied", str(source))
            refused.winerror = 32
            raise refused
        replace(source, target)

    monkeypatch.setattr(os, "replace", refuse)
    monkeypatch.setattr(replacing.time, "sleep", lambda seconds: None)
    files = sorted(each.name for each in path.parent.iterdir())
    ran = rekall(
        *[str(path) if word == "FILE" else str(tmp_path / "note.md") if word == "NOTE" else word for word in command]
    )
    assert ran.code != 0
    assert path.name in ran.err + ran.out
    assert "another program has it open" in ran.err + ran.out
    assert ".part" not in ran.err + ran.out
    assert path.read_text() == before
    left = {each.name for each in path.parent.iterdir()} - {*files, f"{path.name}.before-rekall"}
    assert left <= {"rekall.db-wal", "rekall.db-shm"}


def test_a_draft_that_is_held_does_not_make_a_stored_text_fail(
    rekall: Rekall, home: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    script = tmp_path / "editor.py"
    script.write_text("import sys\nopen(sys.argv[1], 'a').write('\\nmore words\\n')\n")
    monkeypatch.setenv("EDITOR", f'"{sys.executable}" "{script}"')
    added = rekall("add", "til", "a note", "--json").json["entry"]["id"]
    unlink = os.unlink

    def refuse(path: str | Path, **more: object) -> None:
        if Path(path).suffix == ".md":
            refused = PermissionError(errno.EACCES, "Access is denied", str(path))
            refused.winerror = 32
            raise refused
        unlink(path, **more)

    monkeypatch.setattr(os, "unlink", refuse)
    monkeypatch.setattr(replacing.time, "sleep", lambda seconds: None)
    ran = rekall("edit", added)
    assert ran.code == 0
    assert "another program has it open" in ran.err
    assert "is not needed any more" in ran.err
    assert "more words" in rekall("show", added).out


HOLD = """
import mmap, sys
file = open(sys.argv[1], "rb")
kept = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
print("held", flush=True)
sys.stdin.read()
"""


def test_who_still_has_a_model_that_was_replaced_is_told(
    home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    app = App()
    tell_what_is_held(app)
    assert capsys.readouterr().err == ""
    weights = app.places.models / ".mine.1-00000000.abcdefgh.gone" / "weights"  # as Windows leaves it
    weights.parent.mkdir(parents=True)
    weights.write_bytes(b"x" * 10)
    tell_what_is_held(app)
    assert "note: a program still uses files" in capsys.readouterr().err
    script = tmp_path / "rekall"
    script.write_text(HOLD)
    with subprocess.Popen(
        [sys.executable, str(script), str(weights), "mcp"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        tell_what_is_held(app)
        process.communicate()
    assert f"note: `rekall mcp` (process {process.pid}) still uses files" in capsys.readouterr().err
