"""How `search`, `similar` and `list` answer: as a table, in lines for pipes, as JSON, as ids alone or as whole texts."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import Any

import click

from rekall.app import App
from rekall.cli.options import Command
from rekall.errors import UsageError

FORMATS = ("table", "plain", "json", "jsonl")


class Form(str, Enum):
    """The form of an answer."""

    TABLE = "table"
    PLAIN = "plain"
    JSON = "json"
    JSONL = "jsonl"
    IDS = "ids"
    FULL = "full"


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a person wants to see.

    Attributes:
        form: The form.
        is_full: Whether whole entries are wanted, in JSON too.
        sort: What to sort by, None for the order of the command.
        is_reversed: Whether the last comes first.
    """

    form: Form
    is_full: bool = False
    sort: str | None = None
    is_reversed: bool = False


def form_options(sorts: tuple[str, ...], default: str) -> Callable[[Command], Command]:
    """`--format`, `--json`, `--ids`, `--full`, `--sort` and `--reverse`; the command receives them as `wanted`.

    Args:
        sorts: What the command can sort by.
        default: How it sorts by itself, for the help.
    """
    options = (
        click.option(
            "--format", "-f", "form", type=click.Choice(FORMATS), help="How to answer: a table, or for programs."
        ),
        click.option("--json", "as_json", is_flag=True, help="Answer as JSON, as --format json does."),
        click.option("--ids", is_flag=True, help="Print only ids, one a line: for `rekall delete -` and its like."),
        click.option("--full", is_flag=True, help="Print whole entries; with --json, put them into the answer."),
        click.option("--sort", type=click.Choice(sorts), help=f"What comes first ({default})."),
        click.option("--reverse", "is_reversed", is_flag=True, help="Turn the order around."),
    )

    def decorate(command: Command) -> Command:
        @functools.wraps(command)
        def with_form(*arguments: Any, **given: Any) -> Any:
            names = ("form", "as_json", "ids", "full", "sort", "is_reversed")
            return command(*arguments, wanted=_wanted(**{name: given.pop(name) for name in names}), **given)

        shown: Any = with_form
        for option in reversed(options):
            shown = option(shown)
        return shown  # type: ignore[no-any-return]  # click decorates in place

    return decorate


def _wanted(form: str | None, as_json: bool, ids: bool, full: bool, sort: str | None, is_reversed: bool) -> Wanted:
    """What the options say together.

    Raises:
        UsageError: They contradict each other.
    """
    said = [f"--format {form}"] if form else []
    said += ["--json"] if as_json and form != "json" else []
    said += ["--ids"] if ids else []
    if full and not (as_json or form in ("json", "jsonl")):
        said += ["--full"]
    if len(said) > 1:
        raise UsageError(f"{said[0]} and {said[1]} are two forms of one answer", "give one of them")
    chosen = Form.JSON if as_json else Form.IDS if ids else Form(form) if form else Form.FULL if full else Form.TABLE
    return Wanted(chosen, full, sort, is_reversed)


def scope(app: App, project: str | None) -> tuple[str | None, str | None]:
    """Which project to keep to, and which to prefer.

    Args:
        app: Knows the project of the folder one stands in.
        project: What was given for --project: a name, `all`, `.` for the project of the folder, or nothing.

    Raises:
        UsageError: `.` was given outside of a repository.
    """
    if project is None:
        here = app.project()
        return None, here.name if here else None
    if project.casefold() == "all":
        return None, None
    if project != ".":
        return project, None
    here = app.project()
    if here is None:
        raise UsageError("this folder belongs to no project", "name one with -p NAME; -p all leaves it open")
    return here.name, None
