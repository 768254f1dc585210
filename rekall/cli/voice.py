"""What click says of a wrong command line, in our words: what is wrong, and what to type instead."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

import click

from rekall.cli.commands import ALIASES
from rekall.entry.rules import nearest
from rekall.errors import InvalidInput, NotFound, RekallError, UsageError
from rekall.wording import printable, shell_word

_QUOTED = re.compile(r"'(?P<value>.*)' (?:is|does) not\b", re.DOTALL)
_NUMBER = re.compile(r"(?P<value>-?[0-9.]+) is not in the range")
_EXTRA = re.compile(r"Got unexpected extra arguments? \((?P<words>.*)\)\.?", re.DOTALL)
_NO_COMMAND = re.compile(r"No such command '(?P<name>.*?)'", re.DOTALL)
_MOST_SHOWN = 60


def told(error: click.UsageError, command: str) -> RekallError:
    """The error as Rekall says it, with its hint.

    Args:
        error: What click raised.
        command: The command of the line, for an error that does not know its own.
    """
    path = error.ctx.command_path if error.ctx else f"rekall {command}".strip()
    message, hint = _told(error, path)
    kind = NotFound if _is_missing_path(error) else UsageError
    return kind(message, hint or _by_example(path))


def _is_missing_path(error: click.UsageError) -> bool:
    """Whether a path was named well, and nothing is there."""
    parameter = error.param if isinstance(error, click.BadParameter) else None
    return parameter is not None and isinstance(parameter.type, click.Path) and "does not exist" in error.message


_MEANT = {
    **dict.fromkeys(("undelete", "trash"), "restore"),
    **dict.fromkeys(("redo", "revert", "rollback", "back"), "undo"),
    **dict.fromkeys(("versions", "revisions", "changes", "blame", "audit"), "history"),
    **dict.fromkeys(("compare", "changed"), "diff"),
    **dict.fromkeys(("links", "backlinks", "neighbors", "neighbours"), "related"),
    **dict.fromkeys(("tree", "map", "network"), "graph"),
    **dict.fromkeys(("due", "revise", "revisit", "quiz"), "review"),
    **dict.fromkeys(("outdated", "expired", "old", "rotten"), "stale"),
    **dict.fromkeys(("generalise", "summarize", "summarise"), "generalize"),
    **dict.fromkeys(("completion", "completions", "shell", "integrate"), "init"),
    **dict.fromkeys(("status", "health", "diagnose"), "doctor"),
    **dict.fromkeys(("get", "cat", "view", "open", "read"), "show"),
    **dict.fromkeys(("create", "note", "jot", "write", "save", "remember", "log"), "add"),
    **dict.fromkeys(("remove", "del", "forget"), "delete"),
    **dict.fromkeys(("query", "grep", "s", "q", "recall"), "search"),
    **dict.fromkeys(("recent", "latest"), "list"),
    **dict.fromkeys(("daily", "journal", "diary"), "today"),
    **dict.fromkeys(("verify", "fsck", "repair"), "check"),
    **dict.fromkeys(("settings", "set", "configure"), "config"),
    **dict.fromkeys(("tag", "label", "labels"), "tags"),
    **dict.fromkeys(("project", "notebooks"), "projects"),
    **dict.fromkeys(("man", "docs", "topics"), "help"),
    **dict.fromkeys(("watch", "pull", "push", "share", "clone"), "sync"),
    **dict.fromkeys(("server", "serve"), "mcp"),
}
"""What people type from habit, and the command that does it."""

_MEANT_BELOW = {
    ("projects", "merge"): "`rekall projects rename A B` moves the entries of A to B, which may be there already",
    **dict.fromkeys(
        (("projects", name) for name in ("remove", "delete", "rm")),
        "`rekall projects rename NAME -` leaves its entries without a project",
    ),
    **dict.fromkeys((("tags", name) for name in ("delete", "rm")), "did you mean `rekall tags remove`?"),
    **dict.fromkeys(
        (("config", name) for name in ("remove", "delete", "rm", "reset")), "did you mean `rekall config unset`?"
    ),
    **dict.fromkeys((("model", name) for name in ("get", "install", "add")), "did you mean `rekall model pull`?"),
}
"""The same below a command, and what to type."""

_INSTEAD = {
    "list": "it takes no arguments; `rekall search {}` searches",
    "tags": "`rekall list --tag {}` lists the entries with a tag; below `rekall tags` are {}",
    "projects": "`rekall list --project {}` lists the entries of a project; below `rekall projects` are {}",
}
"""What a word behind these was meant to do."""


def no_command(name: str, names: Iterable[str]) -> UsageError:
    """The error for a command that does not exist."""
    near = _MEANT.get(name.lower()) or nearest(name, list(names))
    hint = f"did you mean `rekall {near}`?" if near else "`rekall --help` lists the commands"
    return UsageError(f"no command {_shown(name)}", hint)


def _told(error: click.UsageError, path: str) -> tuple[str, str]:
    """Message and hint; the hint may be empty."""
    if isinstance(error, click.NoSuchOption):
        near = _near_option(error.option_name, error.ctx)
        hint = f"did you mean {near}?" if near else f"`{path} --help` lists its options"
        if error.option_name == "--set" and path != "rekall":
            hint = f"it stands before the command: `rekall --set KEY=VALUE {path.partition(' ')[2]}`"
        return f"{_command(path)} has no option {_shown(error.option_name)}", hint
    if isinstance(error, click.MissingParameter):
        return f"{_label(error.param, error.ctx)} is missing", ""
    if isinstance(error, click.BadParameter) and error.param is not None:
        return _bad_value(error.param, error)
    if isinstance(error, click.BadOptionUsage):
        name = error.option_name
        if "does not take a value" in error.message:
            return f"{name} takes no value", ""
        return f"{name} needs a value", _by_example(path, error)
    return _in_words(error, path)


def _in_words(error: click.UsageError, path: str) -> tuple[str, str]:
    """What click says only in words."""
    found = _EXTRA.fullmatch(error.message)
    if found:
        words = found["words"]
        takes = _arguments(error.ctx)
        hint = f"it takes {takes}; what has blanks in it goes in quotes" if takes else ""
        hint = hint or _INSTEAD.get(_name(path), "").format(_typed(words))
        hint = _split_date(words, error.ctx) or hint or f"it takes no arguments: `{path} --help`"
        return f"too many arguments for {_command(path)}: {printable(words)}", hint
    found = _NO_COMMAND.match(error.message)
    if found and error.ctx is not None and isinstance(error.ctx.command, click.Group):
        names = error.ctx.command.list_commands(error.ctx)
        near = nearest(found["name"], names)
        hint = f"did you mean `{path} {near}`?" if near else f"`{path} --help` lists them: {', '.join(names)}"
        if (_name(path), found["name"]) in _MEANT_BELOW:
            hint = _MEANT_BELOW[_name(path), found["name"]]
        elif not near and _name(path) in _INSTEAD:
            hint = _INSTEAD[_name(path)].format(_typed(found["name"]), _listed(names, "and"))
        return f"{_command(path)} has no command {_shown(found['name'])}", hint
    if error.message.startswith("Missing command"):
        return f"{_command(path)} needs a command", f"`{path} --help` lists them"
    return error.format_message().rstrip("."), f"run `{path} --help`"


def _split_date(words: str, context: click.Context | None) -> str:
    """What to type where the words that are too many belong to a date: `--since last week`; else empty."""
    from rekall.entry.filters import FILTERS

    given = context.params if context else {}
    for each in FILTERS:
        for value in given.get(each.name) or () if each.is_date else ():
            date = f"{value} {words}"
            try:
                each.read(date)
            except InvalidInput:
                continue
            return f'a date of several words goes in quotes: --{each.key} "{printable(date)}"'
    return ""


def _bad_value(parameter: click.Parameter, error: click.BadParameter) -> tuple[str, str]:
    """A value that a parameter cannot take."""
    label, kind = _label(parameter, error.ctx), parameter.type
    found = _QUOTED.match(error.message) or _NUMBER.match(error.message)
    value = found["value"] if found else ""
    if isinstance(kind, click.Choice) and found:
        choices = [str(choice) for choice in kind.choices]
        near = nearest(value, choices)
        return f"{label} takes {_listed(choices)}, not {_shown(value)}", f"did you mean {near}?" if near else ""
    if isinstance(kind, click.IntRange) and found:
        return f"{label} takes {_range(kind)}, not {_shown(value)}", ""
    if isinstance(kind, (click.types.FloatParamType, click.types.IntParamType)) and found:
        return f"{label} takes a number, not {_shown(value)}", ""
    message = error.message.rstrip(".")
    if isinstance(kind, click.Path):
        return message[:1].lower() + message[1:], "check the path"
    return f"{label}: {message}", ""


def _range(kind: click.IntRange) -> str:
    if kind.max is None:
        return f"a whole number, {kind.min:,} or more" if kind.min is not None else "a whole number"
    return f"a whole number from {kind.min or 0:,} to {kind.max:,}"


def _listed(choices: Sequence[str], word: str = "or") -> str:
    return choices[0] if len(choices) == 1 else f"{', '.join(choices[:-1])} {word} {choices[-1]}"


def _label(parameter: click.Parameter | None, context: click.Context | None) -> str:
    """A parameter as help calls it."""
    if isinstance(parameter, click.Option):
        return max(parameter.opts, key=len)
    if parameter is None:
        return "something"
    return (parameter.metavar or (parameter.name or "").upper()).strip("[].")


def _arguments(context: click.Context | None) -> str:
    """What a command takes, as in its usage."""
    parameters = context.command.params if context else []
    return " ".join(_label(each, context) for each in parameters if isinstance(each, click.Argument))


def _near_option(typed: str, context: click.Context | None) -> str:
    """The long option that looks most like what was typed, or empty; the dashes, which all have, count for nothing."""
    parameters = context.command.params if context else []
    named = [name for each in parameters if isinstance(each, click.Option) and not each.hidden for name in each.opts]
    long = [name.removeprefix("--") for name in (*named, "--help") if name.startswith("--")]
    near = nearest(typed.lstrip("-"), long)
    return f"--{near}" if near else ""


def _name(path: str) -> str:
    """The names of the commands in a path, without `rekall`, and without aliases."""
    first, *rest = path.split()[1:] or [""]
    return " ".join([ALIASES.get(first, first), *rest])


def _typed(value: str) -> str:
    """A word as one types it in a shell."""
    return printable(shell_word(value))


def _by_example(path: str, needed: click.BadOptionUsage | None = None) -> str:
    """A line that would be right; where an option needs a value, one that has it."""
    from rekall.cli.examples import EXAMPLES

    lines = [line.partition("  #")[0].rstrip() for line in EXAMPLES.get(_name(path), ())]
    if needed is not None:
        name = needed.option_name
        lines = [line for line in lines if name in line.split()] or [f"{path} {name} VALUE"]
    return f"for example `{lines[0]}`; more by `{path} --help`" if lines else f"run `{path} --help`"


def _command(path: str) -> str:
    return f"`{path}`"


def _shown(value: str) -> str:
    return repr(printable(value if len(value) <= _MOST_SHOWN else f"{value[: _MOST_SHOWN - 1]}…"))
