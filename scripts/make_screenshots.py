"""Draws docs/pictures/tui*.svg: each state of the terminal UI over examples/notes, with the shipped model.

    python scripts/make_screenshots.py
    python scripts/make_screenshots.py marked facets --out /tmp

The notes are imported into a temporary home, ages are counted from a fixed day, and what is random in ids is put right, so
that the same code draws the same pictures.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import re
import tempfile
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path

from textual.pilot import Pilot
from textual.widgets import Input
from textual.worker import WorkerCancelled

from rekall.app import App
from rekall.tui.app import RekallApp
from rekall.tui.main_screen import MainScreen

ROOT = Path(__file__).parent.parent
QUERY = "authentication vanishes on ipad"
TODAY = datetime(2025, 11, 20, tzinfo=timezone.utc)
SMALL = (80, 24)

_FONT_FACES = re.compile(r"\s*@font-face\s*\{.*?\}", re.DOTALL)
_COMMENTS = re.compile(r"\s*<!--.*?-->", re.DOTALL)
_NUMBER = re.compile(r"terminal-\d+")
_ID = re.compile(r"\b01[0-9A-HJKMNP-TV-Z]{24}\b")
_RANDOM_PART = "XA3W46F0W5XEW8HW"
_FAMILY = "ui-monospace, SFMono-Regular, Menlo, Consolas, 'DejaVu Sans Mono', monospace"


class Person:
    """Somebody at the keyboard."""

    def __init__(self, app: RekallApp, pilot: Pilot[str]) -> None:
        self.app = app
        self._pilot = pilot

    async def press(self, *keys: str) -> None:
        """Press keys, and wait until nothing is asked for or drawn any more."""
        for key in keys:
            await self._pilot.press(key)
        await self.settle()

    async def search(self, query: str) -> None:
        """Type a query and go to the list."""
        screen = self.app.screen
        assert isinstance(screen, MainScreen)
        screen.line.value = query
        await self._pilot.pause(self.app.debounce_s)
        await self.settle()
        screen.entry_list.focus()
        await self.settle()

    async def type(self, text: str) -> None:
        """Type into the field that has the keyboard."""
        for character in text:
            await self._pilot.press("space" if character == " " else character)
        await self.settle()

    async def settle(self) -> None:
        """Wait until nothing is being asked or drawn."""
        for _ in range(5):
            with contextlib.suppress(WorkerCancelled):  # by a later one, which is waited for next
                await self.app.workers.wait_for_complete()
            await self._pilot.pause()


@dataclass(frozen=True)
class State:
    """A state that is worth a picture: what brings it about, its size, and whether the base is empty."""

    reach: Callable[[Person], Awaitable[None]]
    size: tuple[int, int] = SMALL
    is_empty: bool = False


async def _search(person: Person) -> None:
    await person.search(QUERY)


async def _match(person: Person) -> None:
    await person.search("nginx keepalive")
    await person.press("enter", "n")


async def _nothing_close(person: Person) -> None:
    await person.search("carbonara without cream")


async def _facets(person: Person) -> None:
    await person.search("nginx")
    await person.press("f")
    await person.type("infr")
    await person.press("enter")


async def _marked(person: Person) -> None:
    await person.search("nginx")
    await person.press("x", "x", "x")


async def _change(person: Person) -> None:
    await _marked(person)
    await person.press("c")
    await person.type("proxy")


async def _form(person: Person) -> None:
    await person.press("a")
    await person.type("Redis forgets")


async def _palette(person: Person) -> None:
    await person.search("nginx")  # the newest of those without a date of their own come in any order
    await person.press("colon")
    await person.type("link")


async def _link(person: Person) -> None:
    await _marked(person)
    await person.press("L")


async def _pasted(person: Person) -> None:
    trace = 'Traceback (most recent call last):\n  File "pay.py", line 3\nsqlite3.OperationalError: database is locked'
    await person.press("slash")
    person.app.copy_to_clipboard(trace)
    await person.press("ctrl+v")


async def _nothing(person: Person) -> None:
    await person.settle()


STATES = {
    "": State(_search, (110, 32)),
    "match": State(_match),
    "nothing-close": State(_nothing_close),
    "facets": State(_facets),
    "marked": State(_marked),
    "change": State(_change),
    "link": State(_link),
    "form": State(_form),
    "palette": State(_palette),
    "pasted": State(_pasted),
    "empty": State(_nothing, is_empty=True),
}
"""Every state by its name; the one without a name is the first that a reader sees."""


def main() -> None:
    """Draw the pictures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("states", nargs="*", help=f"of {', '.join(filter(None, STATES))}; all without one")
    parser.add_argument("--out", type=Path, default=ROOT / "docs" / "pictures")
    parser.add_argument("--theme", default="dark", choices=["dark", "light"])
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    for name, picture in drawn(options.states or list(STATES), options.theme).items():
        (options.out / file_name(name)).write_text(picture, "utf-8")


def file_name(state: str) -> str:
    """The file of a state's picture."""
    return f"tui-{state}.svg" if state else "tui.svg"


def drawn(names: list[str], theme: str = "dark") -> dict[str, str]:
    """The pictures of some states, as SVG without a link to anywhere."""
    pictures = {}
    for is_empty in (False, True):
        some = [name for name in names if STATES[name].is_empty is is_empty]
        if not some:
            continue
        with tempfile.TemporaryDirectory() as home:
            environ = {"REKALL_HOME": home, "HOME": home}
            rekall = App(environ, {"ui.theme": theme, "add.project": "off"})
            try:
                base = rekall.open_base(to_write=True)
                if not is_empty:
                    base.files.import_paths([ROOT / "examples" / "notes"])
                for name in some:
                    pictures[name] = asyncio.run(_drawn(rekall, STATES[name]))
            finally:
                rekall.close()
    return pictures


async def _drawn(rekall: App, state: State) -> str:
    ui = RekallApp(rekall, now=lambda: TODAY)
    async with ui.run_test(size=state.size) as pilot:
        person = Person(ui, pilot)
        await person.settle()
        await state.reach(person)
        for field in ui.screen.query(Input):
            field.cursor_blink = False
        await person.settle()
        picture = ui.export_screenshot(title="rekall")
    return tidied(picture)


def tidied(picture: str) -> str:
    """The picture without what changes from run to run, and without an address that a viewer might fetch."""
    for pattern in (_FONT_FACES, _COMMENTS):
        picture = pattern.sub("", picture)
    picture = _NUMBER.sub("terminal", picture)
    picture = _ID.sub(lambda found: found[0][:10] + _RANDOM_PART, picture)
    return picture.replace("font-family: Fira Code, monospace", f"font-family: {_FAMILY}")


if __name__ == "__main__":
    main()
