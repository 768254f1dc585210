"""How commands end: with an answer that nobody gets, with streams that are closed, and by signals."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from support import Ran
from support.depth import some
from support.launching import obeying_signals
from support.waiting import PATIENCE_S, comes, is_gone

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(os.name == "nt", reason="a shell's redirections, and signals as POSIX has them"),
]

Rekall = Callable[..., Ran]
needs_full = pytest.mark.skipif(not Path("/dev/full").exists(), reason="no device that is always full")
COMMAND = f"{sys.executable} -m rekall"


def shell(line: str) -> Ran:
    """A command line with redirections; `R` is the command."""
    ran = subprocess.run(
        ["bash", "-c", line.replace("R ", f"{COMMAND} ", 1)], capture_output=True, text=True, stdin=subprocess.DEVNULL
    )
    return Ran(ran.returncode, ran.stdout, ran.stderr)


def titles(rekall: Rekall) -> list[str]:
    return [entry["title"] for entry in rekall("list", "--all", "--json").json["entries"]]


LOST = [pytest.param(">/dev/full", marks=needs_full), ">&-", "| true"]


@pytest.mark.parametrize("redirection", LOST)
@pytest.mark.parametrize("form", ["", "--json "])
@pytest.mark.usefixtures("missing_model")
def test_what_was_stored_is_not_to_be_repeated(rekall: Rekall, redirection: str, form: str) -> None:
    ran = shell(f"set -o pipefail; R add til noted -c text {form}{redirection}")
    assert ran.code == 0  # whoever tries again on an error would store it twice
    [entry] = rekall("list", "--json").json["entries"]
    assert entry["title"] == "noted"
    [said] = re.findall(r"done and stored, but .*?: (?:added|entry) (\S+)", ran.err)
    assert entry["id"].endswith(said)
    assert ran.err.count("stored") == 1


@needs_full
def test_every_command_that_changes_something_says_that_it_did(rekall: Rekall, tmp_path: Path) -> None:
    rekall("add", "til", "one", "-c", "x")
    rekall("add", "til", "two", "-c", "y")
    two, one = (entry["id"] for entry in rekall("list", "--json").json["entries"])
    (tmp_path / "note.md").write_text("# three\n\nz\n")
    for words in (
        f"edit {one} --title changed",
        f"link {one} {two}",
        f"delete {two} -y --json",
        f"restore {two}",
        f"import {tmp_path / 'note.md'}",
        f"export {tmp_path / 'out.jsonl'} --json",
        "config set search.limit 7 --json",
        "index rebuild --words",
    ):
        ran = shell(f"R {words} >/dev/full")
        assert ran.code == 0, words
        assert "done and stored" in ran.err, words
    assert set(titles(rekall)) == {"changed", "two", "three"}
    assert rekall("config", "get", "search.limit").out == "7\n"


ANSWERS = ("list", "list --json", "search x --mode words", "stats", "config list", "restore", "index", "model list")


@pytest.mark.parametrize(
    ("words", "redirection"),
    [
        *(pytest.param(words, ">/dev/full", marks=needs_full) for words in ANSWERS),
        *((words, ">&-") for words in ANSWERS[1::2]),  # what loses it makes no difference to what is lost
    ],
)
def test_an_answer_that_is_all_there_is_fails_when_it_is_lost(rekall: Rekall, redirection: str, words: str) -> None:
    rekall("add", "til", "one", "-c", "x")
    [entry] = rekall("list", "--json").json["entries"]
    rekall("delete", entry["id"], "-y")
    rekall("add", "til", "two", "-c", "x")
    ran = shell(f"R {words} {redirection}")
    assert ran.code == 5
    assert ran.err.startswith("error: the answer could not be written")
    assert "stored" not in ran.err


COMMANDS = (
    "",
    "--help",
    "list",
    "add til one -c x",
    "add til one -",
    "search x --mode words",
    "restore",
    "import nowhere",
    "export -",
    "index",
    "model list",
    "config list",
    "config set search.limit 3",
    "embed",
    "mcp",
    "tui",
    "nonsense",
    "version",
)
TALKING = ("add til one -c x", "import nowhere", "restore", "mcp", "tui", "nonsense")
"""Commands that say something on stderr, whatever their answer is."""


@some(1 / 3)
@pytest.mark.parametrize(
    ("words", "closed"),
    [
        *((words, ">&-") for words in COMMANDS),
        *((words, "2>&-") for words in TALKING),
        *((words, ">&- 2>&- <&-") for words in COMMANDS),
    ],
)
def test_closed_streams_end_no_command_with_a_traceback(
    rekall: Rekall, tmp_path: Path, words: str, closed: str
) -> None:
    rekall("add", "til", "first", "-c", "x")
    before = (tmp_path / "home" / "rekall.db").stat().st_size
    ran = shell(f"cd {tmp_path}; exec {COMMAND} {words} {closed}")
    assert "Traceback" not in ran.err + ran.out
    assert "Exception ignored" not in ran.err
    assert ran.code in (0, 2, 3, 4, 5, 6)
    assert (tmp_path / "home" / "rekall.db").stat().st_size >= before
    assert "first" in titles(rekall)


@needs_full
def test_what_cannot_be_said_on_stderr_fails_nothing(rekall: Rekall) -> None:
    ran = shell("R add til noted --tag a -c text 2>/dev/full")
    assert (ran.code, titles(rekall)) == (0, ["noted"])
    assert shell("R show nothing 2>/dev/full").code == 3


def started(*words: str, ignoring: str = "", **options: Any) -> subprocess.Popen[bytes]:
    """A command in a process group of its own, as a terminal gives it one."""
    pipes: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    command = obeying_signals([sys.executable, "-m", "rekall", *words], but=ignoring)
    return subprocess.Popen(command, start_new_session=True, **{**pipes, **options})


def ended(process: subprocess.Popen[bytes]) -> tuple[int, str]:
    _, error = process.communicate(timeout=PATIENCE_S)
    return process.returncode, error.decode()


@pytest.mark.parametrize(("name", "code"), [("SIGTERM", 143), ("SIGHUP", 129), ("SIGINT", 130)])
def test_a_signal_undoes_what_is_under_way(rekall: Rekall, name: str, code: int) -> None:
    rekall("add", "til", "first", "-c", "x")
    process = started("add", "til", "second", "-")  # it waits for the text on stdin
    wait_for_reading(process)
    os.killpg(process.pid, getattr(signal, name))
    got, error = ended(process)
    assert got == code
    assert "Traceback" not in error
    assert (error == "") == (name != "SIGINT")
    assert titles(rekall) == ["first"]


def wait_for_reading(process: subprocess.Popen[bytes]) -> None:
    """Wait until a process has read what there is on its stdin, which is when its pipe is empty again."""
    import fcntl
    import struct
    import termios

    assert process.stdin is not None
    process.stdin.write(b"text")
    process.stdin.flush()
    while struct.unpack("i", fcntl.ioctl(process.stdin, termios.FIONREAD, b"\0" * 4))[0]:
        assert process.poll() is None


def test_nohup_is_respected(rekall: Rekall) -> None:
    process = started("add", "til", "second", "-", ignoring="SIGHUP")
    wait_for_reading(process)
    os.killpg(process.pid, signal.SIGHUP)
    assert ended(process) == (0, "")
    assert titles(rekall) == ["second"]


WHILE_A_THREAD_STARTS = """
import os, signal, threading
from rekall.cli.ending import listen
listen()
with threading._active_limbo_lock:
    os.kill(os.getpid(), signal.SIGTERM)
"""


def test_a_signal_that_comes_while_a_thread_is_started_ends_the_process() -> None:
    """Before Python 3.13 that lock lets nobody in twice, not even the thread that has it."""
    ran = subprocess.run(obeying_signals([sys.executable, "-c", WHILE_A_THREAD_STARTS]), timeout=PATIENCE_S)
    assert ran.returncode == 143


INTERRUPTED = """
import os, signal, sys
from importlib.abc import MetaPathFinder

class Interrupt(MetaPathFinder):
    def find_spec(self, name, path, target=None):
        if name == sys.argv[1]:
            os.kill(os.getpid(), signal.SIGINT)

sys.meta_path.insert(0, Interrupt())
from rekall.__main__ import run
sys.argv = ["rekall", "list"]
run()
"""


@pytest.mark.parametrize(
    "module", ["rekall.cli.main", "click", "rekall.app", "rekall.cli.listing", "rekall.entry.fields", "apsw"]
)
def test_ctrl_c_while_modules_are_loaded_is_130_and_no_traceback(rekall: Rekall, module: str) -> None:
    rekall("add", "til", "first", "-c", "x")
    program = INTERRUPTED.replace("sys.argv[1]", repr(module))
    ran = subprocess.run(obeying_signals([sys.executable, "-c", program]), capture_output=True, text=True)
    assert ran.returncode == 130
    assert "Traceback" not in ran.stderr


def test_an_import_in_another_process_ends_with_its_parent(rekall: Rekall, tmp_path: Path) -> None:
    import psutil

    folder = tmp_path / "notes"
    folder.mkdir()
    for number in range(600):
        (folder / f"{number}.md").write_text(f"# note {number}\n\nsome text {number}\n")
    process = started("import", str(folder))
    children: list[psutil.Process] = []
    while not children:
        assert process.poll() is None
        children = psutil.Process(process.pid).children()  # perhaps before its parent knows of it
    os.kill(process.pid, signal.SIGTERM)
    assert ended(process) == (143, "")
    assert comes(lambda: is_gone(children[0]))
    assert rekall("import", str(folder)).code == 0  # and it can be done again
    assert len(titles(rekall)) == 600


def test_a_setting_that_cannot_be_written_is_as_it_was(rekall: Rekall) -> None:
    rekall("config", "set", "search.limit", "7")
    ran = shell(f"ulimit -f 0; exec {COMMAND} config set search.limit 9")
    assert ran.code == 5
    assert ran.err.startswith("error: search.limit is as it was: ")
    assert rekall("config", "get", "search.limit").out == "7\n"
