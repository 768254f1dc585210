"""`rekall tui`, and `rekall` alone on a terminal."""

from __future__ import annotations

import contextlib
import importlib.util
import sys

import click

from rekall.app import App
from rekall.cli.options import on_terminal, pass_app
from rekall.cli.render import talk
from rekall.errors import UsageError

HINT = "run `pip install 'rekall[tui]'`"


def is_installed() -> bool:
    """Whether the terminal UI is there, asked without importing it."""
    return importlib.util.find_spec("textual") is not None


def can_draw() -> bool:
    """Whether a person sits before it. Textual draws on stderr, so that has to be a terminal, too."""
    return on_terminal() and sys.stderr.isatty()


@click.command()
@pass_app
def tui(app: App) -> None:
    """Open the terminal UI; `rekall` alone does, too."""
    if not is_installed():
        raise UsageError("the terminal UI needs the package textual", HINT)
    if not can_draw():
        raise UsageError("the terminal UI needs a terminal", "`rekall search` and `rekall list` do without")
    from rekall.tui.app import RekallApp

    with contextlib.closing(app.long_lived()) as stays:
        result = RekallApp(stays).run()
    if result:
        talk(result)
