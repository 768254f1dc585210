"""The question before something is taken away: asked on the terminal, also where stdin is a pipe, and never to nobody."""

from __future__ import annotations

import os
import sys

import click

from rekall.cli.options import on_terminal
from rekall.cli.render import talk
from rekall.errors import Interrupted, UsageError

_TERMINAL = "/dev/tty"


def need_somebody(command: str) -> None:
    """Look whether there is a terminal to ask on. Raises UsageError: There is none."""
    if not on_terminal() and not (sys.stderr.isatty() and os.path.exists(_TERMINAL)):
        raise UsageError(
            f"{command} asks for confirmation, and there is no terminal to ask on",
            f"add --yes to {command} without being asked",
        )


def ask(question: str, refused: str, *, as_json: bool) -> None:
    """Ask; a no ends the command with the exit code of an interruption.

    Args:
        question: The question, with its mark.
        refused: What is said to a no: "nothing deleted".
        as_json: Whether a program reads the answer.
    """
    if _says_yes(question):
        return
    if as_json:
        raise Interrupted(refused)
    talk(refused)
    raise click.exceptions.Exit(Interrupted.exit_code)


def _says_yes(question: str) -> bool:
    if on_terminal():
        return click.confirm(question, err=True)
    click.echo(f"{question} [y/N]: ", nl=False, err=True)
    with open(_TERMINAL, encoding="utf-8", errors="replace") as person:
        return person.readline().strip().casefold() in ("y", "yes")
