"""`rekall tui`, and `rekall` alone on a terminal."""

from __future__ import annotations

import contextlib
import importlib.util
import sys
from typing import TYPE_CHECKING

import click

from rekall.app import App
from rekall.cli.options import on_terminal, pass_app
from rekall.cli.render import talk
from rekall.errors import UsageError
from rekall.system.left_out import left_out, openssl
from rekall.wording import install_command

if TYPE_CHECKING:
    from rekall.tui.app import RekallApp

HINT = f"run `{install_command('tui')}`"


def is_installed() -> bool:
    """Whether the terminal UI's package is installed, in a version that works."""
    try:
        _load()
    except UsageError:
        return False
    return True


def _load() -> type[RekallApp]:
    """The terminal UI.

    Raises:
        UsageError: Its package is missing or has the wrong version; the hint says what to run.
    """
    if importlib.util.find_spec("textual") is None:
        raise UsageError("the terminal UI needs the package textual", HINT)
    try:
        with left_out(*openssl()):
            import hashlib  # noqa: F401  # what is hashed later is hashed without, too

            from rekall.tui.app import RekallApp
    except (ImportError, AttributeError) as error:
        raise UsageError(f"the terminal UI needs another version of the package textual ({error})", HINT) from error
    return RekallApp


def can_draw() -> bool:
    """Whether there is a terminal to draw on. Textual draws on stderr, so that must be a terminal too."""
    return on_terminal() and sys.stderr.isatty()


@click.command()
@pass_app
def tui(app: App) -> None:
    """Open the terminal UI, as plain `rekall` does."""
    rekall_app = _load()
    if not can_draw():
        raise UsageError("the terminal UI needs a terminal", "`rekall search` and `rekall list` work without one")
    _ = app.settings  # what is to be said of the config file is said before there is a screen
    with contextlib.closing(app.long_lived("tui")) as stays, stays.at_work():
        result = rekall_app(stays).run()
    if result:
        talk(result)
