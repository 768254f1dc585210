"""`rekall` and `rekall tui`: when the UI opens, what it needs, and how it ends."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from support import CHECKOUT
from support.launching import on_a_terminal
from support.systems import WINDOWS
from support.tui_driver import base_of, driven, few, opened
from support.waiting import PATIENCE_S, comes, command_of, is_gone

from rekall.app import App

posix = pytest.mark.skipif(os.name == "nt", reason="Windows has no pseudo terminals")
EXTRA = '"rekall-memory[tui]"' if WINDOWS else "'rekall-memory[tui]'"


@pytest.fixture
def on_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """As if a person sat at every end."""
    monkeypatch.setattr("rekall.cli.main.on_terminal", lambda: True)
    monkeypatch.setattr("rekall.cli.tui.can_draw", lambda: True)


@pytest.fixture
def no_textual(monkeypatch: pytest.MonkeyPatch) -> None:
    """Textual is not installed."""
    monkeypatch.setitem(sys.modules, "textual", None)


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[App]:
    """What the UI was started with, in place of starting it."""
    from rekall.tui.app import RekallApp

    apps: list[App] = []

    def run(self: RekallApp) -> str:
        apps.append(self.rekall)
        return "your text is kept in x.md"

    monkeypatch.setattr(RekallApp, "run", run)
    return apps


@pytest.mark.parametrize("arguments", [[], ["tui"]])
def test_it_opens_on_a_terminal(rekall, on_terminal, started, arguments):
    ran = rekall(*arguments)
    assert (ran.code, ran.out, ran.err) == (0, "", "your text is kept in x.md\n")
    assert [app.is_long_lived for app in started] == [True]


def test_settings_of_the_command_line_reach_it(rekall, on_terminal, started):
    assert rekall("--set", "ui.theme=light", "tui").code == 0
    assert started[0].settings.text("ui.theme") == "light"


def test_without_a_terminal_rekall_alone_prints_the_help(rekall, started):
    ran = rekall()
    assert ran.code == 0
    assert "Usage: rekall" in ran.out
    assert ran.err == ""
    assert started == []


def test_without_a_terminal_the_command_says_so(rekall):
    ran = rekall("tui")
    assert ran.code == 2
    assert ran.err.startswith("error: the terminal UI needs a terminal\n\nhint: ")


def test_without_textual_rekall_alone_prints_the_help_and_says_how_to_get_it(rekall, on_terminal, no_textual):
    ran = rekall()
    assert ran.code == 0
    assert "Usage: rekall" in ran.out
    assert ran.err == f"hint: the terminal UI needs the package textual, run `pip install {EXTRA}`\n"


def test_without_textual_the_command_says_how_to_get_it(rekall, on_terminal, no_textual):
    ran = rekall("tui")
    assert ran.code == 2
    assert ran.err == (f"error: the terminal UI needs the package textual\n\nhint: run `pip install {EXTRA}`\n")


@pytest.fixture(params=[ImportError("no Binding"), AttributeError("no Blank")])
def other_textual(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Textual is there in a version that lacks what the UI uses. Gives what it says about it."""

    class Failing:
        @staticmethod
        def find_spec(name: str, *_: object) -> None:
            if name == "rekall.tui.app":
                raise request.param

    monkeypatch.delitem(sys.modules, "rekall.tui.app", raising=False)
    monkeypatch.setattr(sys, "meta_path", [Failing, *sys.meta_path])
    return str(request.param)


def test_with_another_textual_rekall_alone_prints_the_help_and_says_what_to_do(rekall, on_terminal, other_textual):
    ran = rekall()
    assert ran.code == 0
    assert "Usage: rekall" in ran.out
    assert ran.err == f"hint: the terminal UI needs the package textual, run `pip install {EXTRA}`\n"


def test_with_another_textual_the_command_says_what_to_do(rekall, on_terminal, other_textual):
    ran = rekall("tui")
    assert ran.code == 2
    assert ran.err == (
        f"error: the terminal UI needs another version of the package textual ({other_textual})\n\n"
        f"hint: run `pip install {EXTRA}`\n"
    )


def test_a_database_that_cannot_be_used_is_an_error_and_no_screen(rekall, on_terminal, home):
    home.mkdir()
    (home / "rekall.db").write_text("no database, but long enough to be looked at" * 50)
    ran = rekall("tui")
    assert ran.code == 5
    assert "is not a database" in ran.err


@posix
@pytest.mark.slow
def test_it_runs_in_a_real_terminal_and_gives_it_back(home):
    with base_of([]):
        pass
    env = {**os.environ, "TERM": "xterm-256color", "COLUMNS": "80", "LINES": "24", "PYTHONPATH": str(CHECKOUT)}
    process, terminal = on_a_terminal([sys.executable, "-m", "rekall"], env)
    shown = b""
    while b"No entries yet" not in shown:
        shown += os.read(terminal, 65_536)
    os.write(terminal, b"q")
    try:
        while data := os.read(terminal, 65_536):
            shown += data
    except OSError:  # the other end is closed
        pass
    os.close(terminal)
    assert process.wait(PATIENCE_S) == 0
    assert b"\x1b[?1049h" in shown
    assert shown.rindex(b"\x1b[?1049l") > shown.rindex(b"\x1b[?1049h")


@pytest.mark.slow
def test_meaning_comes_from_the_models_own_process_which_ends_with_the_ui():
    import psutil

    with base_of(few()):
        pass
    long_lived = App(is_long_lived=True)

    @driven
    async def search() -> None:
        async with opened(long_lived) as ui:
            assert "model not loaded" in ui.status
            await ui.press("slash")
            await ui.type("midnight")
            await ui.settle()
            assert "by words and meaning" in ui.status
            assert "model loaded" in ui.status

    search()
    running = [process for process in psutil.Process().children() if "engine.child" in command_of(process)]
    assert len(running) == 1
    long_lived.close()
    assert comes(lambda: is_gone(running[0]))


HANGING = """
from rekall.app import App
from rekall.models.engine import process_encoder
from rekall.tui.app import RekallApp
import asyncio

process_encoder._START = "import time; time.sleep(600)  # import main"
process_encoder.ProcessEncoder.__init__.__kwdefaults__.update(load_deadline_s=600.0, request_deadline_s=600.0)
rekall = App(is_long_lived=True)

async def use():
    ui = RekallApp(rekall, debounce_s=0.0)
    async with ui.run_test() as pilot:
        await pilot.press("slash", "m", "i", "d")
        while not rekall.open_base().index.is_model_loaded():
            await pilot.pause(0.01)
        await pilot.press("ctrl+q")

asyncio.run(use())
rekall.close()
"""


@pytest.mark.slow
def test_quitting_ends_at_once_while_the_engine_hangs():
    with base_of(few()):
        pass
    ran = subprocess.run(  # the engine hangs for longer
        [sys.executable, "-c", HANGING], capture_output=True, text=True, timeout=PATIENCE_S, cwd=CHECKOUT, check=False
    )
    assert ran.returncode == 0, ran.stderr


def test_the_style_sheet_is_part_of_the_package():
    import rekall.tui.app

    assert (Path(rekall.tui.app.__file__).parent / "styles.tcss").is_file()
