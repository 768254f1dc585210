"""Options that several commands share, and how their values are read."""

from __future__ import annotations

import functools
import os
import re
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import click

from rekall.app import App

if TYPE_CHECKING:
    from rekall.entry.types import Filters

Command = TypeVar("Command", bound=Callable[..., Any])

pass_app = click.make_pass_decorator(App)
"""Gives a command the `App`."""


def json_option(command: Command) -> Command:
    """`--json`: the answer as one JSON object."""
    return click.option("--json", "as_json", is_flag=True, help="Answer as JSON.")(command)


def filter_options(command: Command) -> Command:
    """The filters of search and list; the command receives them as `filters`."""

    @functools.wraps(command)
    def with_filters(
        *arguments: Any,
        types: tuple[str, ...],
        tags: tuple[str, ...],
        project: str | None,
        since: str | None,
        status: str | None,
        **others: Any,
    ) -> Any:
        return command(*arguments, filters=_filters(types, tags, project, since, status), **others)

    for option in (
        click.option("--status", metavar="STATUS", help="Only active or only obsolete entries."),
        click.option("--since", metavar="DATE", help="Only entries changed on or after this date (2026-01-31)."),
        click.option("--project", "-p", metavar="NAME", help="Only entries of this project."),
        click.option(
            "--tag", "tags", multiple=True, metavar="TAG", help="Only entries with this tag; several must all be there."
        ),
        click.option(
            "--type",
            "-t",
            "types",
            multiple=True,
            metavar="TYPE",
            help="Only entries of this type; several allow any of them.",
        ),
    ):
        with_filters = option(with_filters)
    return with_filters  # type: ignore[return-value]  # click decorates in place


def limit_option(default: str) -> Callable[[Command], Command]:
    """`--limit N`."""
    return click.option(
        "--limit", "-n", type=click.IntRange(1, 100_000), metavar="N", help=f"At most N entries ({default})."
    )


class Duration(click.ParamType):  # type: ignore[type-arg]  # generic from click 8.3 on only
    """Seconds, written as 30s, 5m, 2h, or as a bare number."""

    name = "duration"

    def convert(self, value: Any, parameter: click.Parameter | None, context: click.Context | None) -> float:
        """The seconds; anything else is a usage error."""
        if isinstance(value, float):
            return value
        found = re.fullmatch(r"(\d+(?:\.\d+)?)(s|m|h)?", str(value).strip())
        if not found:
            self.fail(f"{value!r} is no duration; write 30s, 5m or 2h", parameter, context)
        return float(found[1]) * {"s": 1, "m": 60, "h": 3600}[found[2] or "s"]


def read_stdin() -> str:
    """Everything on stdin, as text.

    Raises:
        InvalidInput: It is not valid UTF-8.
    """
    from rekall.errors import InvalidInput

    data = sys.stdin.buffer.read()
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InvalidInput(
            f"stdin is not valid UTF-8 (byte {error.start:,})", "convert it first, for instance with iconv"
        ) from error


def is_installed(package: str) -> bool:
    """Whether a package of an extra is there, asked without importing it."""
    import importlib.util

    try:
        return importlib.util.find_spec(package) is not None
    except ImportError:
        return False


def on_terminal() -> bool:
    """Whether a person sits at both ends."""
    return sys.stdin.isatty() and sys.stdout.isatty() and os.environ.get("TERM") != "dumb"


def _filters(
    types: tuple[str, ...], tags: tuple[str, ...], project: str | None, since: str | None, status: str | None
) -> Filters:
    from rekall.entry import rules
    from rekall.entry.types import Filters

    return Filters(
        types=tuple(rules.entry_type(name) for name in types),
        tags=tags,
        project=project,
        since=rules.moment(since) if since else None,
        status=rules.status(status) if status else None,
    )
