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
from rekall.errors import UsageError

if TYPE_CHECKING:
    from rekall.entry.fields import Field

Command = TypeVar("Command", bound=Callable[..., Any])

pass_app = click.make_pass_decorator(App)
"""Gives a command the `App`."""


def json_option(command: Command) -> Command:
    """`--json`: the answer as one JSON object."""
    return click.option("--json", "as_json", is_flag=True, help="Answer as JSON.")(command)


def filter_options(command: Command) -> Command:
    """One option for each filter of search and list; the command receives them as `filters`."""
    from rekall.entry.filters import FILTERS, Filters

    @functools.wraps(command)
    def with_filters(*arguments: Any, **given: Any) -> Any:
        typed = {each.name: given.pop(each.name) for each in FILTERS}
        for each in FILTERS:  # a variable of a script that is not set must not choose every entry
            if any(not value.strip() for value in typed[each.name] or ()):
                raise UsageError(f"--{each.key} is empty", f"leave it out, or write --{each.key} {each.metavar}")
        return command(*arguments, filters=Filters.read(typed), **given)

    for each in reversed(FILTERS):
        names = [f"--{each.key}", *([f"-{each.short}"] if each.short else []), each.name]
        with_filters = click.option(*names, multiple=True, metavar=each.metavar, help=each.help)(with_filters)
    return with_filters  # type: ignore[return-value]  # click decorates in place


def link_kinds_option(command: Command) -> Command:
    """`--as`, kinds of links; `--type`, a filter, may name them too, as it does for `link`. The command receives `kinds`."""

    @functools.wraps(command)
    def with_kinds(*arguments: Any, **given: Any) -> Any:
        from rekall.entry.types import LinkType

        known = {kind.value for kind in LinkType}
        named = [each for each in given["types"] if each in known]
        given["types"] = tuple(each for each in given["types"] if each not in known)
        return command(*arguments, **{**given, "kinds": (*given["kinds"], *named)})

    said = "Follow links of this kind only: supersedes, derived_from; may be repeated."
    return click.option("--as", "kinds", multiple=True, metavar="KIND", help=said)(with_kinds)  # type: ignore[return-value]  # click decorates in place


def field_options(*names: str) -> Callable[[Command], Command]:
    """One option for each of these fields of an entry; the command receives the values under the fields' names."""
    from rekall.entry.fields import BY_NAME

    def decorate(command: Command) -> Command:
        for name in reversed(names):
            command = _field_option(BY_NAME[name])(command)
        return command

    return decorate


def _field_option(field: Field) -> Callable[[Command], Command]:
    names = [f"--{field.option_name}", *([f"-{_SHORT[field.name]}"] if field.name in _SHORT else []), field.name]
    if field.kind.is_list:
        return click.option(*names, multiple=True, metavar=_METAVARS.get(field.name, "TEXT"), help=field.item_help)
    if field.most and field.kind.value == "number":
        allowed = click.IntRange(0, field.most)
        return click.option(*names, type=allowed, metavar=f"0-{field.most}", help=field.help)
    return click.option(*names, metavar=_METAVARS.get(field.name, "TEXT"), help=_HELP.get(field.name, field.help))


_SHORT = {"content": "c", "project": "p", "type": "t"}
_METAVARS = {
    "tags": "TAG",
    "files": "PATH",
    "keywords": "WORD",
    "project": "NAME",
    "type": "TYPE",
    "status": "STATUS",
    "superseded_by": "ID",
}
_HELP = {"content": "The text itself; - reads it from stdin.", "project": "The project it belongs to; - is none."}


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
            self.fail(f"{value!r} is not a duration; write 30s, 5m or 2h", parameter, context)
        return float(found[1]) * {"s": 1, "m": 60, "h": 3600}[found[2] or "s"]


MOST_STDIN_BYTES = 64_000_000


def read_stdin() -> str:
    """Everything on stdin, as text.

    Raises:
        InvalidInput: It is no text, or more than anybody writes.
    """
    return as_text(sys.stdin.buffer.read(MOST_STDIN_BYTES + 1))


def as_text(data: bytes, name: str = "stdin") -> str:
    """What came over stdin, or from a file, as text; an encoding that is not UTF-8 is told on stderr.

    Shells and compilers of Windows write UTF-16 or one of its code pages, and a log may hold a byte of anything.

    Raises:
        InvalidInput: As `read_stdin` does.
    """
    from rekall.errors import InvalidInput

    if len(data) > MOST_STDIN_BYTES:
        raise InvalidInput(
            f"{name} has more than {MOST_STDIN_BYTES // 1_000_000} MB, the most that is read", "split it into several"
        )
    try:
        text = data.decode("utf-8-sig")
        if "\0" not in text:
            return text
    except UnicodeDecodeError:
        pass  # it is looked at below
    from rekall.cli.render import talk
    from rekall.system.decoding import decoded

    try:
        found = decoded(data)
    except InvalidInput as error:
        raise InvalidInput(f"{name}: {error.message}", "give it text") from error
    talk(f"note: {name} is {found.said}")
    return found.text


def is_installed(package: str) -> bool:
    """Whether an extra's package is installed; does not import it."""
    import importlib.util

    try:
        return importlib.util.find_spec(package) is not None
    except ImportError:
        return False


def on_terminal() -> bool:
    """Whether both stdin and stdout are a terminal."""
    return sys.stdin.isatty() and sys.stdout.isatty() and os.environ.get("TERM") != "dumb"
