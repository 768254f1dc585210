"""Memory limits: read as the system keeps them, and a model that would not fit is refused before it is loaded."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from support import CHECKOUT

from rekall.errors import OutOfMemory
from rekall.models.engine.card import read_card
from rekall.models.engine.room import FOR_THREADS, MB, check_room, need_of
from rekall.system.limits import Room, Rooms, rooms

CARD = read_card(CHECKOUT / "models" / "all-MiniLM-L6-v2")
linux = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="limits as Linux keeps them")

PAGE = 4096 if sys.platform == "win32" else os.sysconf("SC_PAGE_SIZE")


@pytest.fixture
def proc(tmp_path: Path) -> Path:
    """A process that maps 100 pages, has 50 resident and writes to 30."""
    folder = tmp_path / "proc"
    folder.mkdir()
    (folder / "statm").write_text("100 50 20 5 0 30 0\n")
    return folder


def group(folder: Path, limit: str, stat: str = "") -> None:
    folder.mkdir(parents=True, exist_ok=True)
    name = "memory.limit_in_bytes" if "/memory" in str(folder) else "memory.max"
    (folder / name).write_text(limit + "\n")
    if stat:
        (folder / "memory.stat").write_text(stat + "\n")


@linux
def test_without_a_group_and_a_limit_there_is_room_for_all(proc, tmp_path):
    assert rooms(proc, tmp_path / "groups").resident is None


@linux
def test_the_group_of_the_process_counts_and_so_do_those_around_it(proc, tmp_path):
    groups = tmp_path / "groups"
    (proc / "cgroup").write_text("0::/outer/inner\n")
    group(groups / "outer" / "inner", "max")
    assert rooms(proc, groups).resident is None
    group(groups / "outer", str(400 * MB), f"anon {100 * MB}\nfile {290 * MB}")
    assert rooms(proc, groups).resident == Room(400 * MB, 300 * MB)
    group(groups / "outer" / "inner", str(200 * MB))
    assert rooms(proc, groups).resident == Room(200 * MB, 200 * MB - 50 * PAGE)
    group(groups, str(60 * MB))
    assert rooms(proc, groups).resident == Room(60 * MB, 60 * MB - 50 * PAGE)


@linux
def test_a_container_sees_its_own_group_only(proc, tmp_path):
    """The path is that of the machine outside."""
    (proc / "cgroup").write_text("0::/docker/0123\n")
    group(tmp_path / "groups", str(90 * MB))
    assert rooms(proc, tmp_path / "groups").resident == Room(90 * MB, 90 * MB - 50 * PAGE)


@linux
def test_groups_of_the_first_version_are_read(proc, tmp_path):
    groups = tmp_path / "groups"
    (proc / "cgroup").write_text("5:cpu,cpuacct:/a\n4:memory:/a/b\n0::/\n")
    group(groups / "memory" / "a" / "b", "9223372036854771712")
    assert rooms(proc, groups).resident is None
    group(groups / "memory" / "a", str(300 * MB), f"total_rss {200 * MB}")
    assert rooms(proc, groups).resident == Room(300 * MB, 100 * MB)


@linux
@pytest.mark.parametrize("text", ["", "x", "-1", "1e9", "\xff"])
def test_what_cannot_be_read_limits_nothing(proc, tmp_path, text):
    (proc / "cgroup").write_text("0::/\nnonsense\n:\n")
    group(tmp_path / "groups", text, "anon x")
    assert rooms(proc, tmp_path / "groups").resident is None
    group(tmp_path / "groups", str(90 * MB))
    assert rooms(proc, tmp_path / "groups").resident == Room(90 * MB, 90 * MB - 50 * PAGE)
    (proc / "statm").write_text(text)
    assert rooms(proc, tmp_path / "groups") == Rooms()


@pytest.mark.parametrize("kind", ["addresses", "data", "resident"])
def test_a_limit_that_is_too_low_is_said_with_what_it_takes(kind):
    needed = getattr(need_of(CARD), kind)
    limit = 50 * MB + needed - 1
    with pytest.raises(OutOfMemory) as caught:
        check_room(CARD, Rooms(**{kind: Room(limit, needed - 1)}))
    assert f"{limit // MB} MB is too low for model all-MiniLM-L6-v2" in caught.value.message
    assert "which needs about" in caught.value.message
    assert check_room(CARD, Rooms(**{kind: Room(limit + 1, needed)})) is False
    assert check_room(CARD, Rooms(**{kind: Room(1 << 40, needed + FOR_THREADS)})) is True


def test_a_larger_model_needs_more_and_a_static_one_less():
    larger = replace(CARD, files={**CARD.files, "model.weights": replace(CARD.files["model.weights"], size=500 * MB)})
    for kind in ("addresses", "data", "resident"):
        assert getattr(need_of(larger), kind) > getattr(need_of(CARD), kind) + 100 * MB
    assert check_room(larger, Rooms()) is True


LIMITED = [("-v", 60), ("-v", 120), ("-v", 180), ("-v", 250), ("-d", 60), ("-d", 110), ("-d", 130)]


@linux
@pytest.mark.parametrize(("kind", "limit"), LIMITED)
def test_words_answer_within_a_limit_that_is_too_low_for_the_model(home, rekall_process, kind, limit):
    """Without that the process is ended by the libraries, which cannot be caught."""
    rekall_process("add", "bug", "the lock is held", "--json")
    for command in ('search "who holds the lock" --json', 'add til "another lock" --json'):
        whole = f"ulimit {kind} {limit * 1000}; exec {shlex.quote(sys.executable)} -m rekall {command}"
        ran = subprocess.run(["sh", "-c", whole], cwd=CHECKOUT, capture_output=True, text=True, timeout=120)
        assert ran.returncode == 0, ran.stderr
        assert "too low for model all-MiniLM-L6-v2" in ran.stdout
        assert "Traceback" not in ran.stderr


@linux
@pytest.mark.parametrize(("kind", "limit", "backend"), [("-v", 330, "numpy"), ("-v", 400, "auto"), ("-d", 170, "auto")])
def test_numpy_runs_the_model_within_a_limit_that_is_too_low_for_onnxruntime(
    home, rekall_process, kind, limit, backend
):
    rekall_process("add", "bug", "the lock is held", "--json")
    text = "another lock of many words " * 40
    for command in ('search "who holds the lock" --json', f"add til {shlex.quote(text)} --json"):
        whole = f"ulimit {kind} {limit * 1000}; exec {shlex.quote(sys.executable)} -m rekall {command}"
        ran = subprocess.run(
            ["sh", "-c", whole],
            cwd=CHECKOUT,
            capture_output=True,
            text=True,
            timeout=120,
            env={**os.environ, "REKALL_ENGINE_BACKEND": backend},
        )
        assert ran.returncode == 0, ran.stderr
        assert "too low" not in ran.stdout + ran.stderr
        assert '"used": "words"' not in ran.stdout
