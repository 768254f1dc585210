"""`rekall doctor`: one page on how everything is; nothing is changed, and no model is loaded."""

from __future__ import annotations

import os
import sys
import textwrap
from collections.abc import Callable, Iterator

import click

from rekall.app import App
from rekall.cli.doctor_around import AROUND
from rekall.cli.doctor_base import OF_BASE
from rekall.cli.looks import Health, Look
from rekall.cli.options import json_option, pass_app
from rekall.cli.render import cells, out, out_json, styled, talk, terminal_width
from rekall.errors import RekallError, StorageError, in_our_words
from rekall.wording import count_text, printable

_COLOURS = {Health.GOOD: "green", Health.WARN: "yellow", Health.BAD: "red"}


@click.command()
@json_option
@pass_app
def doctor(app: App, as_json: bool) -> None:
    """Say how everything is, and what to type where it is not well.

    Looks at the installation, settings, base, model, backups, drafts, editor, shell and assistants, in a moment; nothing
    is changed. `rekall check` looks at every page of the base. Ends with 5 when a line is bad.
    """
    said: list[str] = []
    quiet = App(flags=app.flags, tell=said.append)  # what is to be said of the settings gets lines of its own
    looks = list(every_look(quiet))
    bad, warn = (sum(each.health is health for each in looks) for health in (Health.BAD, Health.WARN))
    if as_json:
        lines = [
            {"topic": each.topic, "level": each.health.value, "text": each.text, "hint": each.hint or None}
            for each in looks
        ]
        out_json({"ok": not bad, "bad": bad, "warn": warn, "lines": lines})
    else:
        _print(looks)
        talk("")
        parts = [f"{number} {word}" for number, word in ((bad, "bad"), (warn, "to know")) if number]
        talk(", ".join(parts) if parts else f"all {count_text(len(looks), 'line')} good")
    if bad:
        raise click.exceptions.Exit(StorageError.exit_code)


def _print(looks: list[Look]) -> None:
    wide = max(cells(each.topic) for each in looks)
    for each in looks:
        first, *rest = _wrapped(each.text, wide + 8)
        out(f"{styled(f'{each.health.value:<4}', fg=_COLOURS[each.health])}  {each.topic:<{wide}}  {first}")
        for line in [*rest, *_wrapped(f"-> {each.hint}" if each.hint else "", wide + 8)]:
            out(f"{'':<{wide + 8}}{line}")


def _wrapped(text: str, taken: int) -> list[str]:
    """A text on lines beside a column; in a pipe on one."""
    if not text or not (sys.stdout.isatty() or "COLUMNS" in os.environ):
        return [printable(text)] if text else []
    width = max(terminal_width() - taken - 1, 30)
    return textwrap.wrap(printable(text), width, break_long_words=False, break_on_hyphens=False)


def every_look(app: App) -> Iterator[Look]:
    """Every line; what fails while it is looked at is a line that says so, and several fail of the same once."""
    said = set()
    for topic, look in (*AROUND[0], *OF_BASE, *AROUND[1]):
        for each in _looked(topic, look, app):
            if each.health is not Health.BAD or each.text not in said:
                yield each
            said.add(each.text)


def _looked(topic: str, look: Callable[[App], Iterator[Look]], app: App) -> Iterator[Look]:
    try:
        yield from look(app)
    except (RekallError, OSError) as error:
        known = in_our_words(error)
        yield Look(topic, Health.BAD, known.message, known.hint)
