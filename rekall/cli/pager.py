"""Long texts on a terminal go through the person's pager; whatever is wrong with that, they are printed."""

from __future__ import annotations

import os
import shlex
import shutil
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import click

from rekall.cli.render import as_shown, cells, out, terminal_width

_OPENS_AT = frozenset({"less", "more", "most", "moar", "moor", "vim", "nvim", "view"})
"""Pagers that take `+LINE`."""

_TAKES_STYLES = frozenset({"bat", "batcat", "moar", "moor", "ov"})
_LESS = "FRX"
"""Leave where all of it fits, take styles, and leave the text on the screen; as git sets it where $LESS says nothing."""

_ABOVE = 3
"""Lines that stay above the one that is opened at."""


def show_lines(
    lines: Sequence[str], at: int = 0, *, may_page: bool = True, environ: Mapping[str, str] = os.environ
) -> None:
    """Print lines, through a pager where they are more than the screen holds.

    Args:
        lines: The lines, with our styles.
        at: The line to open at.
        may_page: Whether a pager may be used at all.
        environ: The environment.
    """
    size = shutil.get_terminal_size((80, 24))
    if may_page and sys.stdout.isatty() and environ.get("TERM") != "dumb" and _rows(lines) >= size.lines:
        command = pager_command(environ)
        begin = max(min(at - _ABOVE, len(lines) - size.lines + 1), 0)  # as far down as the last page
        if command and _paged(command, lines, begin if at >= size.lines - _ABOVE else 0, environ):
            return
    out("\n".join(lines))


def pager_command(environ: Mapping[str, str] = os.environ) -> list[str]:
    """The person's pager and its arguments; empty for none."""
    named = next((environ[name] for name in ("REKALL_PAGER", "PAGER") if name in environ), None)
    if named is None:
        return ["less"] if shutil.which("less", path=environ.get("PATH")) else []
    try:
        words = shlex.split(named, posix=os.name != "nt")
    except ValueError:  # a quote that is not closed
        words = named.split()
    return [] if words[:1] == ["cat"] else words


def takes_styles(command: Sequence[str], environ: Mapping[str, str] = os.environ) -> bool:
    """Whether a pager shows styles, and not the characters that make them."""
    name = Path(command[0]).stem
    if name == "less":
        return any("r" in option.lower() for option in (environ.get("LESS", _LESS), *_flags(command)))
    return name in _TAKES_STYLES


def _flags(command: Sequence[str]) -> list[str]:
    return [word for word in command[1:] if word.startswith("-")]


def _rows(lines: Sequence[str]) -> int:
    """How many rows of the screen lines take; a line of code may take several."""
    width = max(terminal_width(), 1)
    return sum(max(-(-cells(click.unstyle(as_shown(line))) // width), 1) for line in lines)


def _paged(command: Sequence[str], lines: Sequence[str], begin: int, environ: Mapping[str, str]) -> bool:
    """Show lines in a pager, from the one to begin with. Returns whether it did."""
    context = click.get_current_context(silent=True)
    shown = as_shown("\n".join(lines)) + "\n"
    if not takes_styles(command, environ) or (context is not None and context.color is False):
        shown = click.unstyle(shown)
    opened = [f"+{begin + 1}"] if begin and Path(command[0]).stem in _OPENS_AT else []
    settings = {**environ, "LESS": environ.get("LESS", _LESS), "LESSCHARSET": environ.get("LESSCHARSET", "utf-8")}
    try:
        pager = subprocess.Popen([*command, *opened], stdin=subprocess.PIPE, env=settings)
    except (OSError, ValueError):  # it is not there, or no program
        return False
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)  # ctrl-c is the pager's
    try:
        pager.communicate(shown.encode("utf-8", "replace"))
    finally:
        signal.signal(signal.SIGINT, before)
    return pager.returncode == 0
