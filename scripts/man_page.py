"""The man page, made from the commands, their examples and the topics of `rekall help`."""

from __future__ import annotations

import inspect
from collections.abc import Iterator

import click

from rekall.cli.commands import ALIASES, COMMANDS, EXIT_CODES
from rekall.cli.examples import EXAMPLES
from rekall.cli.main import cli
from rekall.cli.topics import TOPICS, page

HEAD = r""".\" Made from the commands by `make docs`; a test keeps it true.
.TH REKALL 1 "" "Rekall" "User Commands"
.SH NAME
rekall \- write down what you learned; find it again by word or by meaning
.SH SYNOPSIS
.B rekall
[\fIOPTIONS\fR] \fICOMMAND\fR [\fIARGS\fR]...
.br
.B rekall
.SH DESCRIPTION
Rekall is a developer's local memory: notes in one SQLite file, found by words and by meaning,
from the shell, a terminal UI, or an AI assistant. Everything is kept on this machine.
Without a command it opens the terminal UI.
"""


def man_page() -> str:
    """The whole page, as roff."""
    lines = [HEAD.rstrip("\n"), ".SH COMMANDS"]
    context = click.Context(cli, info_name="rekall")
    for name in COMMANDS:
        command = cli.get_command(context, name)
        assert command is not None
        lines += _command(name, command)
    lines += [
        ".PP",
        "Short for others: " + ", ".join(f"{_bold(name)} ({_plain(of)})" for name, of in ALIASES.items()) + ".",
    ]
    lines += [".SH OPTIONS", *_options(cli)]
    for topic in TOPICS:
        if topic.name != "exit-codes":
            lines += [f".SH {_plain(topic.name.upper())}", *_page(page(topic))]
    lines.append(".SH EXIT STATUS")
    for code, meaning in EXIT_CODES:
        lines += [".TP", _bold(str(code)), _plain(meaning)]
    lines += [".SH EXAMPLES", *_example(EXAMPLES[""])]
    lines += [".SH SEE ALSO", "`rekall COMMAND \\-\\-help`, `rekall help TOPIC`; the documents of the project."]
    return "\n".join(lines) + "\n"


def _command(name: str, command: click.Command) -> Iterator[str]:
    """A command, its options, and the commands below it."""
    usage = " ".join(piece for piece in command.collect_usage_pieces(click.Context(command)) if piece != "[OPTIONS]")
    yield f".SS {_plain(f'{name} {usage}'.strip())}"
    yield from _paragraphs(command.help or "")
    yield from _options(command)
    if isinstance(command, click.Group):
        for child_name, child in command.commands.items():
            if not child.hidden:
                pieces = " ".join(
                    piece for piece in child.collect_usage_pieces(click.Context(child)) if piece != "[OPTIONS]"
                )
                yield from (".TP", f"{_bold(f'{name} {child_name}')} {_plain(pieces)}".rstrip())
                yield _plain(child.get_short_help_str(300))
    yield from _example(EXAMPLES.get(name, ()))


def _options(command: click.Command) -> Iterator[str]:
    for each in command.params:
        if isinstance(each, click.Option) and not each.hidden:
            value = "" if each.is_flag else f" \\fI{_plain(each.metavar or each.type.name.upper())}\\fR"
            yield from (".TP", ", ".join(map(_bold, each.opts)) + value, _plain(each.help or ""))


def _paragraphs(text: str) -> Iterator[str]:
    for number, paragraph in enumerate(inspect.cleandoc(text).split("\n\n")):
        if number:
            yield ".PP"
        yield _plain(" ".join(paragraph.split()))


def _page(text: str) -> Iterator[str]:
    """A topic: what is indented stands as it is."""
    is_table = False
    for line in text.splitlines():
        if line.startswith("  ") != is_table and line:
            is_table = not is_table
            yield ".nf" if is_table else ".fi"
        yield _plain(line) if line else ".sp"
    if is_table:
        yield ".fi"


def _example(lines: tuple[str, ...]) -> Iterator[str]:
    if lines:
        yield from (".PP", "Examples:", ".PP", ".nf", ".RS", *map(_plain, lines), ".RE", ".fi")


def _bold(text: str) -> str:
    return f"\\fB{_plain(text)}\\fR"


def _plain(text: str) -> str:
    """A text in which nothing is a request or an escape, and a dash is one that can be copied."""
    text = (
        text.replace("\\", "\\e")
        .replace("-", "\\-")
        .replace("'", "\\(aq")
        .replace("`", "\\(ga")
        .replace("^", "\\(ha")
        .replace("~", "\\(ti")
    )
    return f"\\&{text}" if text.startswith(".") else text
