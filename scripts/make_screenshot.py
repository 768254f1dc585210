"""Draws docs/pictures/tui.svg: the terminal UI over examples/notes, with the shipped model.

    python scripts/make_screenshot.py
    python scripts/make_screenshot.py --out picture.svg --theme light --size 120x34

The notes are imported into a temporary home, and ages are counted from a fixed day.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import re
import tempfile
from collections.abc import Awaitable, Callable
from datetime import datetime, timezone
from pathlib import Path

from textual.worker import WorkerCancelled

from rekall.app import App
from rekall.tui.app import RekallApp
from rekall.tui.main_screen import MainScreen

ROOT = Path(__file__).parent.parent
QUERY = "authentication vanishes on ipad"
TODAY = datetime(2025, 11, 20, tzinfo=timezone.utc)
_FONT_FACES = re.compile(r"\s*@font-face\s*\{.*?\}", re.DOTALL)
_COMMENTS = re.compile(r"\s*<!--.*?-->", re.DOTALL)
_NUMBER = re.compile(r"terminal-\d+")
_ID = re.compile(r"\b01[0-9A-HJKMNP-TV-Z]{24}\b")
_RANDOM_PART = "XA3W46F0W5XEW8HW"
_FAMILY = "ui-monospace, SFMono-Regular, Menlo, Consolas, 'DejaVu Sans Mono', monospace"


def main() -> None:
    """Draw the picture."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=ROOT / "docs" / "pictures" / "tui.svg")
    parser.add_argument("--query", default=QUERY)
    parser.add_argument("--theme", default="dark", choices=["dark", "light"])
    parser.add_argument("--size", default="110x32", help="columns x rows")
    options = parser.parse_args()
    width, _, height = options.size.partition("x")
    with tempfile.TemporaryDirectory() as home:
        rekall = App({"REKALL_HOME": home}, {"ui.theme": options.theme})
        try:
            rekall.open_base(to_write=True).files.import_paths([ROOT / "examples" / "notes"])
            picture = asyncio.run(drawn(rekall, options.query, (int(width), int(height))))
        finally:
            rekall.close()
    options.out.parent.mkdir(parents=True, exist_ok=True)
    options.out.write_text(picture, "utf-8")


async def drawn(rekall: App, query: str, size: tuple[int, int]) -> str:
    """The screen after a search, as SVG without a link to anywhere."""
    ui = RekallApp(rekall, now=lambda: TODAY)
    async with ui.run_test(size=size) as pilot:
        screen = ui.screen
        assert isinstance(screen, MainScreen)
        screen.line.value = query
        await pilot.pause(ui.debounce_s)
        await settled(ui, pilot.pause)
        picture = ui.export_screenshot(title="rekall")
    return tidied(picture)


async def settled(ui: RekallApp, pause: Callable[[], Awaitable[None]]) -> None:
    """Wait until nothing is being asked or drawn."""
    for _ in range(5):
        with contextlib.suppress(WorkerCancelled):  # by a later one, which is waited for next
            await ui.workers.wait_for_complete()
        await pause()


def tidied(picture: str) -> str:
    """The picture without what changes from run to run, and without an address that a viewer might fetch."""
    for pattern in (_FONT_FACES, _COMMENTS):
        picture = pattern.sub("", picture)
    picture = _NUMBER.sub("terminal", picture)
    picture = _ID.sub(lambda found: found[0][:10] + _RANDOM_PART, picture)
    return picture.replace("font-family: Fira Code, monospace", f"font-family: {_FAMILY}")


if __name__ == "__main__":
    main()
