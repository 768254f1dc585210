"""What `--help` prints: usage, description, commands by what people do, options, and examples; 80 columns hold it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

import click

from rekall.cli.examples import EXAMPLES

GROUPS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("Write", ("add", "today", "edit", "tags", "projects", "undo")),
    ("Find", ("search", "show", "list", "similar", "pick", "history", "diff", "tui")),
    (
        "Keep",
        (
            "delete",
            "restore",
            "import",
            "export",
            "sync",
            "backup",
            "restore-base",
            "check",
            "doctor",
            "stats",
            "index",
        ),
    ),
    ("Other bases", ("base", "share", "take")),
    ("Link", ("link", "related", "graph", "suggest", "generalize")),
    ("Keep true", ("review", "stale", "conflicts", "merge", "supersede")),
    ("Assistants", ("mcp", "hook")),
    ("Models", ("model", "embed", "bench")),
    ("Setup", ("init", "config", "help", "version")),
)
"""The commands by what people do."""

WIDEST = 80
_RANGE = re.compile(r"\[(?P<least>[0-9.]+)<=x(?:<=(?P<most>[0-9.]+))?\]|\[x>=(?P<only>[0-9.]+)\]")
_NAMES = 12
"""Cells for the names of commands, so that all lists stand in one line."""


def help_text(context: click.Context) -> str:
    """The help of a command."""
    command = context.command
    formatter = click.HelpFormatter(width=min(context.terminal_width or _columns(), WIDEST) - 1)
    command.format_usage(context, formatter)
    command.format_help_text(context, formatter)
    if isinstance(command, click.Group):
        _write_commands(context, command, formatter)
    _write_options(context, formatter)
    path = context.command_path.partition(" ")[2]
    _write_lines(formatter, "Examples", EXAMPLES.get(_plain_path(path), ()))
    if not path:
        _write_lines(
            formatter, "More", ("rekall help COMMAND, or one of its topics: query, names, dates, types, files",)
        )
    return formatter.getvalue().rstrip("\n")


def _columns() -> int:
    import shutil

    return shutil.get_terminal_size().columns


def _plain_path(path: str) -> str:
    """A path of commands with the name of the command in the place of an alias."""
    from rekall.cli.commands import ALIASES

    first, _, rest = path.partition(" ")
    return f"{ALIASES.get(first, first)} {rest}".strip()


def _write_commands(context: click.Context, group: click.Group, formatter: click.HelpFormatter) -> None:
    for title, rows in _sections(context, group):
        if rows:
            with formatter.section(title):
                formatter.write_dl([(f"{name:<{_NAMES}}", said) for name, said in rows], col_max=_NAMES)


def _sections(context: click.Context, group: click.Group) -> Iterator[tuple[str, Sequence[tuple[str, str]]]]:
    if context.parent is None:
        from rekall.cli.commands import COMMANDS, SUMMARIES

        grouped = {name for _, names in GROUPS for name in names}
        for title, names in (*GROUPS, ("More", tuple(name for name in COMMANDS if name not in grouped))):
            yield title, [(name, SUMMARIES[name]) for name in names if name in COMMANDS]
        return
    children = ((name, group.get_command(context, name)) for name in group.list_commands(context))
    yield "Commands", [(name, each.get_short_help_str(200)) for name, each in children if each and not each.hidden]


def _write_options(context: click.Context, formatter: click.HelpFormatter) -> None:
    options = (each for each in context.command.get_params(context) if isinstance(each, click.Option))
    rows = [
        (names, _RANGE.sub(_range, said))
        for each in options
        if (row := each.get_help_record(context))
        for names, said in [row]
    ]
    if rows:
        with formatter.section("Options"):
            formatter.write_dl(rows, col_max=24)


def _range(found: re.Match[str]) -> str:
    """What numbers an option takes, in words."""
    least, most = found["least"] or found["only"], found["most"]
    return f"({least} to {most})" if most else f"(from {least})"


def _write_lines(formatter: click.HelpFormatter, title: str, lines: Sequence[str]) -> None:
    """Lines that are not wrapped: they are to be copied."""
    if lines:
        with formatter.section(title):
            for line in lines:
                formatter.write(f"{'':>{formatter.current_indent}}{line}\n")
