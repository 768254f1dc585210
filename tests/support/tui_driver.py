"""Drives the terminal UI in tests: keys in, the screen as plain text out."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import html
import os
import re
import select
import signal
import struct
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator
from contextlib import asynccontextmanager, contextmanager
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from rich.cells import cell_len
from textual.pilot import Pilot
from textual.widgets import Input, TextArea

from rekall.app import App
from rekall.entry.fields import Draft
from rekall.entry.types import EntryType
from rekall.tui.app import RekallApp
from rekall.tui.form import FormScreen
from rekall.tui.main_screen import MainScreen
from support import CHECKOUT, DATA
from support.systems import shell_line
from support.waiting import PATIENCE_S

NOW = datetime(2026, 3, 1, 12, tzinfo=timezone.utc)
UPDATE = os.environ.get("REKALL_UPDATE_SCREENS") == "1"
"""Asked at import: each test begins without any REKALL_ variable."""

SCREENS = DATA / "screens"
_TEXT = re.compile(
    r'<text class="[^"]*-r\d+" x="([\d.]+)" y="[\d.]+" textLength="[\d.]+" '
    r'clip-path="url\(#[\w-]+-line-(\d+)\)">([^<]*)</text>'
)
_CELL_WIDTH = 12.2


def driven(test: Callable[..., Awaitable[None]]) -> Callable[..., None]:
    """Runs an async test in a loop of its own."""

    @functools.wraps(test)
    def run(**fixtures: Any) -> None:
        async def bounded() -> None:
            await asyncio.wait_for(test(**fixtures), timeout=PATIENCE_S)

        asyncio.run(bounded())

    return run


class RecordingApp(RekallApp):
    """The application, and what it told and copied."""

    def __init__(self, rekall: App, **options: Any) -> None:
        super().__init__(rekall, **options)
        self.told: list[str] = []
        self.copied: list[str] = []

    def notify(self, message: str, *, title: str = "", severity: Any = "information", **options: Any) -> None:
        assert options["markup"] is False
        self.told.append(": ".join(filter(None, (severity, title, message))))
        super().notify(message, title=title, severity=severity, **options)

    def copy_to_clipboard(self, text: str) -> None:
        self.copied.append(text)
        super().copy_to_clipboard(text)


class Ui:
    """A running UI."""

    def __init__(self, app: RecordingApp, pilot: Pilot[str]) -> None:
        self.app = app
        self.pilot = pilot

    @property
    def main(self) -> MainScreen:
        return next(screen for screen in self.app.screen_stack if isinstance(screen, MainScreen))

    @property
    def told(self) -> str:
        return "\n".join(self.app.told)

    @property
    def status(self) -> str:
        return self.lines()[-2]

    @property
    def chosen(self) -> str:
        row = self.main.entry_list.chosen
        return row.title if row else ""

    @property
    def focused(self) -> str:
        return str(self.app.focused.id) if self.app.focused else ""

    async def press(self, *keys: str) -> None:
        for key in keys:
            await self.pilot.press(key)
        await self.settle()

    async def type(self, text: str) -> None:
        """Type without waiting for what it brings about: the first character as a key, the others at once."""
        await self.pilot.press(text[0])
        field = self.app.focused
        assert isinstance(field, (Input, TextArea))
        field.insert_text_at_cursor(text[1:]) if isinstance(field, Input) else field.insert(text[1:])

    async def settle(self) -> None:
        """Wait until nothing is asked for or drawn."""
        await self.pilot.pause()
        while not all(worker.is_finished for worker in self.app.workers):
            await self.until(lambda: all(worker.is_finished for worker in self.app.workers))
            await self.pilot.pause()

    async def until(self, is_so: Callable[[], bool]) -> None:
        while not is_so():
            await self.pilot.pause(0.005)

    def lines(self) -> list[str]:
        """The screen, a text a row."""
        return screen_lines(self.app)

    def text(self) -> str:
        return "\n".join(self.lines())

    def titles(self) -> list[str]:
        """The titles that the list shows."""
        entry_list = self.main.entry_list
        rows = (entry_list.row_at(place) for place in range(entry_list.total))
        return [row.title for row in rows if row is not None]

    def assert_looks_like(self, name: str) -> None:
        """Compare the screen with the one stored as `name`; with REKALL_UPDATE_SCREENS=1 store it."""
        path = SCREENS / f"{name}.txt"
        shown = self.text() + "\n"
        if UPDATE:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(shown, "utf-8")
        assert shown == path.read_text("utf-8"), f"{path} differs; look at it, then run with REKALL_UPDATE_SCREENS=1"


def screen_lines(app: RekallApp) -> list[str]:
    """What a screen shows, read from its picture."""
    width, height = app.size
    rows = [[" "] * width for _ in range(height)]
    for x, line, text in _TEXT.findall(app.export_screenshot()):
        column = round(float(x) / _CELL_WIDTH)
        for character in html.unescape(text).replace("\N{NO-BREAK SPACE}", " "):
            if cell_len(character) == 0:
                continue
            rows[int(line)][column] = character
            column += 1
            if cell_len(character) == 2:
                rows[int(line)][column] = ""
                column += 1
    return ["".join(row).rstrip() for row in rows]


@asynccontextmanager
async def opened(rekall: App, size: tuple[int, int] = (80, 24), debounce_s: float = 0.01) -> AsyncIterator[Ui]:
    """The UI over an application, at a fixed moment."""
    app = RecordingApp(rekall, debounce_s=debounce_s, now=lambda: NOW)
    async with app.run_test(size=size) as pilot:
        ui = Ui(app, pilot)
        await ui.settle()
        yield ui


@asynccontextmanager
async def picking(rekall: App, line: str = "", size: tuple[int, int] = (80, 24)) -> AsyncIterator[Ui]:
    """The UI where an entry is only chosen."""
    app = RecordingApp(rekall, debounce_s=0.01, now=lambda: NOW, line=line, is_picker=True)
    async with app.run_test(size=size) as pilot:
        ui = Ui(app, pilot)
        await ui.settle()
        yield ui


@contextmanager
def base_of(drafts: Iterable[Draft]) -> Iterator[App]:
    """An application whose base holds some entries."""
    rekall = App()
    base = rekall.open_base(to_write=True)
    for draft in drafts:
        base.add(draft)
    try:
        yield rekall
    finally:
        rekall.close()


def entry_id(number: int) -> str:
    """A fixed id."""
    return f"01J0000000000000000000{number:04d}"


def sample(number: int, title: str, content: str = "", kind: str = "bug", **more: Any) -> Draft:
    """An entry with a fixed id; the higher its number, the older it is."""
    moment = NOW - timedelta(days=number)
    more.setdefault("tags", ())
    return Draft(EntryType(kind), title, content, id=entry_id(number), created_at=moment, updated_at=moment, **more)


SAFARI = sample(
    1,
    "Safari blocks our cookie",
    "Set the cookie on **our own** domain.\n\n```nginx\nproxy_pass http://api;\n```\n\n- first\n- second",
    tags=("safari", "auth"),
    project="webapp",
    confidence=4,
    situation="The login loops.",
    solution="Serve the API below the same domain.",
    what_failed="SameSite=None.",
    error_messages=("401 Unauthorized",),
    files=("nginx.conf",),
    keywords=("itp", "login loop"),
    sources=("https://webkit.org/",),
)
NGINX = sample(2, "nginx answers 502 after an idle minute", "Raise the keepalive timeout.", tags=("nginx",))
PAGING = sample(3, "Page by key, not by offset", "An offset reads what it skips.", "decision", project="api")
TESTS = sample(4, "A test fails around midnight", "Give it a clock of its own.", "pitfall")


def few() -> list[Draft]:
    """Four entries."""
    return [SAFARI, NGINX, PAGING, TESTS]


def add_in_another_window(home: Path, draft: Draft) -> None:
    """Write to the same database through a connection of its own."""
    with base_of([draft]) as other:
        assert other.places.database.parent == home


def drafts_of(rekall: App) -> list[Path]:
    return sorted(rekall.places.drafts.glob("*.md")) if rekall.places.drafts.exists() else []


def form(ui: Ui) -> FormScreen:
    assert isinstance(ui.app.screen, FormScreen)
    return ui.app.screen


def put(ui: Ui, name: str, text: str) -> None:
    """Fill a field of the form or the dialog."""
    field = ui.app.screen.query_one(f"#{name}")
    setattr(field, "text" if name in ("content", "situation", "error_messages", "files") else "value", text)


@pytest.fixture
def lent(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """The terminal is lent to the editor, and comes back; a driver without one cannot do that."""
    calls: list[str] = []

    @contextlib.contextmanager
    def suspend(self):
        calls.append("lent")
        yield
        calls.append("back")  # as Textual does it: not after an error

    monkeypatch.setattr("support.tui_driver.RecordingApp.suspend", suspend, raising=False)
    yield calls
    assert calls.count("lent") == calls.count("back")


def edited_by(tmp_path: Path, program: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let $EDITOR be a Python program over the file's text `t`."""
    script = tmp_path / "editor.py"
    script.write_text(
        "import pathlib, sys\np = pathlib.Path(sys.argv[1])\nt = p.read_text('utf-8')\n"
        f"{program}\np.write_text(t, 'utf-8')\n"
    )
    monkeypatch.setenv("EDITOR", shell_line(sys.executable, script))
    monkeypatch.setattr("rekall.system.editor.AT_ONCE_S", 0.0)  # it is quick because it is a program


class Terminal:
    """The command in a process of its own, before a pseudo-terminal."""

    def __init__(self, *arguments: str) -> None:
        import fcntl
        import pty
        import termios

        self.shown = b""
        self.pid, self._screen = pty.fork()
        if self.pid == 0:
            os.chdir(CHECKOUT)
            os.environ["TERM"] = "xterm-256color"
            os.execv(sys.executable, [sys.executable, "-m", "rekall", *arguments])
        fcntl.ioctl(self._screen, termios.TIOCSWINSZ, struct.pack("HHHH", 32, 110, 0, 0))

    def type(self, text: str) -> None:
        os.write(self._screen, text.encode())

    def read_until(self, is_done: Callable[[bytes], bool], patience_s: float = PATIENCE_S) -> None:
        """Read what is drawn until a condition on it holds; a terminal that is not read stands still."""
        end = time.monotonic() + patience_s
        while not is_done(self.shown):
            assert time.monotonic() < end, self.shown[-2_000:]
            if select.select([self._screen], [], [], 0.02)[0]:
                with contextlib.suppress(OSError):  # it has ended
                    self.shown += os.read(self._screen, 1 << 16)

    def rest(self, seconds: float) -> None:
        """Read what is drawn for so long."""
        end = time.monotonic() + seconds
        self.read_until(lambda shown: time.monotonic() > end)

    def hang_up(self) -> None:
        """Close the window."""
        if self._screen >= 0:
            os.close(self._screen)
            self._screen = -1

    def exit_code(self, patience_s: float = PATIENCE_S) -> int:
        """Wait for its end."""
        end = time.monotonic() + patience_s
        while time.monotonic() < end:
            if self._screen >= 0 and select.select([self._screen], [], [], 0.02)[0]:
                with contextlib.suppress(OSError):
                    self.shown += os.read(self._screen, 1 << 16)
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                self.pid = 0
                return os.waitstatus_to_exitcode(status)
            time.sleep(0.01)
        raise AssertionError("it did not end")

    def __enter__(self) -> Terminal:
        return self

    def __exit__(self, *_: object) -> None:
        if self.pid:
            os.kill(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)
        self.hang_up()
