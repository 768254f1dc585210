"""A large import, whose texts are stored by a process of its own."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from support import Ran
from support.systems import signals
from support.waiting import PATIENCE_S

from rekall.cli import apart

Rekall = Callable[..., Ran]


@pytest.fixture
def many(tmp_path: Path) -> Path:
    """More files than a small import has."""
    folder = tmp_path / "many"
    folder.mkdir()
    for number in range(apart.LARGE_FILES + 1):
        (folder / f"note-{number}.md").write_text(f"# Note {number}\n\nword{number} [[note-{number // 2}]]\n")
    (folder / "binary.md").write_bytes(bytes(range(256)))
    return folder


def test_what_is_large_is_seen_without_reading(many: Path, tmp_path: Path) -> None:
    assert apart.is_large([many])
    assert not apart.is_large([many / "note-1.md", tmp_path / "nowhere"])
    big = tmp_path / "big.jsonl"
    with big.open("wb") as file:
        file.truncate(apart.LARGE_BYTES)
    assert apart.is_large([big])


def test_a_large_import_tells_what_a_small_one_does(
    rekall: Rekall, many: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REKALL_ENGINE_MODEL", "missing")
    ran = rekall("import", str(many))
    assert (ran.code, ran.out) == (4, f"{apart.LARGE_FILES + 1} added, 1 refused\n")
    assert "binary.md" in ran.err
    assert "missing" in ran.err
    assert [each["door"] for each in rekall("history", "--json").json["operations"]] == ["shell"]
    answer = rekall("import", str(many), "--json")
    assert answer.code == 4
    assert (answer.json["unchanged"], len(answer.json["refused"])) == (apart.LARGE_FILES + 1, 1)
    shown = rekall("search", "word400", "--mode", "words", "--json").json["hits"]
    assert [hit["title"] for hit in shown] == ["Note 400"]
    assert len(rekall("show", shown[0]["id"], "--json").json["entry"]["links"]) == 1


def test_an_error_there_ends_the_command_here(rekall: Rekall, many: Path) -> None:
    ran = rekall("import", str(many), "--exclude", "[", "--json")
    assert ran.code in (0, 4)
    ran = rekall("import", str(many), str(many / "nowhere"))
    assert (ran.code, ran.out) == (3, "")
    assert "nowhere" in ran.err


LISTENING = """
import signal, sys
from rekall.cli.main import run
signal.signal(signal.SIGINT, signal.default_int_handler)
run(sys.argv[1:])
"""


@signals
def test_an_interrupted_one_says_what_is_stored(rekall: Rekall, many: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REKALL_ENGINE_MODEL", "missing")
    with subprocess.Popen(
        [sys.executable, "-c", LISTENING, "import", str(many), "--json"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        deadline = time.monotonic() + PATIENCE_S
        while rekall("stats", "--json").json["entries"] == 0 and process.poll() is None:
            assert time.monotonic() < deadline
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=PATIENCE_S)
    if process.returncode == 130:
        assert json.loads(out)["error"]["kind"] == "interrupted", err
    assert rekall("import", str(many), "--json", "--exclude", "binary.md").code == 0
    assert rekall("stats", "--json").json["entries"] == apart.LARGE_FILES + 1
