"""The `rekall` command: its group, its exit codes, and how errors end it."""

from __future__ import annotations

import contextlib
import functools
import importlib
import itertools
import os
import sys
from collections.abc import Callable, Sequence
from typing import NoReturn

import click

from rekall.app import OWN, App
from rekall.cli.commands import ALIASES, ASKED, COMMANDS, EARLIER, OF_ONES_OWN, STAYS_OWN
from rekall.cli.ending import (
    Answers,
    Ended,
    end_at_once,
    hold_streams,
    is_of_output,
    is_unread,
    listen,
    output_lost,
    silence,
    takes_effect,
)
from rekall.cli.options import on_terminal
from rekall.cli.render import ANSWERS, error_fields, error_text, out_json, out_json_line, talk
from rekall.errors import Interrupted, InvalidInput, NotFound, OutputLost, RekallError, UsageError, in_our_words
from rekall.system.products import PRODUCTS


class _Context(click.Context):
    def get_help(self) -> str:
        from rekall.cli.helping import help_text

        return help_text(self)


def _in_our_form(command: click.Command) -> click.Command:
    """A command of which the help, and that of the commands below it, is ours."""
    command.context_class = _Context
    if isinstance(command, click.Group):
        for child in command.commands.values():
            _in_our_form(child)
    return command


class _Commands(click.Group):
    context_class = _Context

    def list_commands(self, context: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, context: click.Context, name: str) -> click.Command | None:
        place = COMMANDS.get(ALIASES.get(name, name)) or EARLIER.get(name)
        if place is None:
            return None
        module, _, attribute = place.partition(":")
        command = getattr(importlib.import_module(f"rekall.cli.{module}"), attribute)
        assert isinstance(command, click.Command)
        return _in_our_form(command)

    def parse_args(self, context: click.Context, args: list[str]) -> list[str]:
        if args and args[0] in ("--global", "-g", "--legacy"):
            _refuse_earlier(args[0])
        return super().parse_args(context, args)

    def resolve_command(
        self, context: click.Context, arguments: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if arguments and not arguments[0].startswith("-") and arguments[0] not in {*COMMANDS, *EARLIER, *ALIASES}:
            from rekall.cli.voice import no_command

            _refuse_earlier(arguments[0])
            raise no_command(arguments[0], COMMANDS)
        return super().resolve_command(context, arguments)


def _refuse_earlier(name: str) -> None:
    """Raise the error for a verb of the original that has no command today."""
    from rekall.cli.earlier import refusal

    error = refusal(name)
    if error is not None:
        raise error


def _tell_version(context: click.Context, parameter: click.Parameter, wanted: bool) -> None:
    """`--version`."""
    if wanted and not context.resilient_parsing:
        from rekall.wording import installed_version

        click.echo(f"rekall {installed_version()}")
        context.exit()


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.option(
    "--set",
    "settings",
    multiple=True,
    metavar="KEY=VALUE",
    help="Set a setting for this command only, for example search.limit=5.",
)
@click.option("--base", "-b", metavar="NAME", help="Work with this base for this command only; see `rekall base`.")
@click.option(
    "--version",
    "-V",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_tell_version,
    help="Show the version and end.",
)
@click.pass_context
def cli(context: click.Context, settings: tuple[str, ...], base: str | None) -> None:
    """Write down what you learned; find it again by word or by meaning.

    Everything is kept on this machine. Start with `rekall add` or `rekall import`, then `rekall search`.
    """
    if os.environ.get("NO_COLOR"):
        context.color = False
    flags = {}
    for setting in settings:
        key, equals, value = setting.partition("=")
        if not equals:
            raise UsageError(f"--set {setting} has no value", "write it as --set search.limit=5")
        flags[key] = value
    command = ALIASES.get(context.invoked_subcommand or "", context.invoked_subcommand or "")
    if base is not None:
        flags["bases.use"] = base
    named = flags.get("bases.use", OWN)
    if named != OWN and command in OF_ONES_OWN:
        raise UsageError(f"{command} is about your own base, not about {named}", f"leave {named} out")
    app = App(flags=flags, tell=_remarking(), alone=True)
    context.obj = context.with_resource(contextlib.closing(_of_ones_own(app, command) if command in STAYS_OWN else app))
    context.obj.door = "shell"


def _of_ones_own(app: App, command: str) -> App:
    """The app of a command that is about one's own base, which is said where another one is in use."""
    try:
        in_use = app.in_use
    except (InvalidInput, NotFound):  # of a setting that is wrong: the command says it, or `doctor` mends it
        return app
    if in_use == OWN:
        return app
    app.tell(f"{command} is about your own base, not about {in_use}")
    return App(flags={**(app.flags or {}), "bases.use": OWN}, tell=app.tell, alone=True)


def _remarking() -> Callable[[str], None]:
    """Says what is to be said of the config file on stderr, each thing once a command."""
    return functools.cache(lambda remark: talk(f"note: {remark}"))


def run(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run the command line and exit with a code of `EXIT_CODES`.

    Args:
        arguments: The command line. None takes that of the process, which is the command's own then: signals end it.
    """
    is_own = arguments is None
    arguments = list(sys.argv[1:] if arguments is None else arguments)
    answers = Answers(takes_effect=_takes_effect(arguments))
    try:
        hold_streams()
        _make_output_robust()
        if is_own:
            listen()
            PRODUCTS.expect_numpy()
        code = _invoke(arguments, answers)
        sys.stdout.flush()
    except Ended as ended:
        silence(sys.stdout)
        code = ended.exit_code
    except (RekallError, click.ClickException, click.Abort, KeyboardInterrupt, OSError) as error:
        if is_own:
            end_at_once()
        if is_unread(error):
            silence(sys.stdout)
            code = 0
        else:
            code = _report(_in_our_words(error, _command(arguments)), arguments)
    if is_own:
        end_at_once()
    if answers.why:
        talk(answers.told())
    _flush_stderr()
    sys.exit(code)


def _invoke(arguments: list[str], answers: Answers) -> int:
    """Run a command. Not through `cli.main`, which ends the process itself on some errors."""
    if arguments and arguments[0] in ASKED:
        from rekall.cli.prompts import answer

        return answer(cli, arguments[0], arguments[1:])
    if not arguments and on_terminal():
        from rekall.cli.tui import HINT, can_draw, is_installed

        if not is_installed():
            talk(f"hint: the terminal UI needs the package textual, {HINT}")
        elif can_draw():
            arguments = ["tui"]
    try:
        with cli.make_context("rekall", arguments) as context:
            context.meta[ANSWERS] = answers
            cli.invoke(context)
    except click.exceptions.Exit as ended:
        return ended.exit_code
    except click.exceptions.NoArgsIsHelpError as error:
        click.echo(error.format_message())
    return 0


def _takes_effect(arguments: Sequence[str]) -> bool:
    """Whether the command has done its work when it answers: it is one that changes something, and not asked for help."""
    words = list(arguments[: arguments.index("--")] if "--" in arguments else arguments)
    if "--help" in words or "-h" in words or "--dry-run" in words:
        return False
    typed = _command(words)
    if not typed:
        return False
    name, after = ALIASES.get(typed, typed), arguments[arguments.index(typed) + 1 :]
    return (
        takes_effect([name, *(word for word in after if not word.startswith("-"))])
        or (name == "export" and "-" not in after)
        or ("--write" in words)
        or (name == "conflicts" and ("--dismiss" in words or "--reopen" in words))
        or ("--repair" in words)
    )


def _flush_stderr() -> None:
    """Let what cannot be said on stderr go nowhere, so that Python does not say that it could not be said."""
    try:
        sys.stderr.flush()
    except (OSError, ValueError):
        silence(sys.stderr)


def _in_our_words(error: BaseException, command: str) -> RekallError:
    """Any error that may end a command, as a RekallError."""
    if isinstance(error, OSError) and is_of_output(error):
        return output_lost(error)
    if isinstance(error, (RekallError, OSError)):
        return in_our_words(error)
    if isinstance(error, click.UsageError):
        from rekall.cli.voice import told

        return told(error, command)
    if isinstance(error, click.ClickException):
        return RekallError(error.format_message())
    return Interrupted("interrupted", _AGAIN.get(command, "what was stored stays; run the command again to continue"))


_AGAIN = {
    "add": "what was stored stays; `rekall list -n 1` shows whether it was stored",
    "undo": "all of it is undone, or nothing: `rekall history -n 1` shows which",
}
"""What an interrupted command leaves, where running it again does not just go on."""


def _report(error: RekallError, arguments: Sequence[str]) -> int:
    """Report an error: to programs on stdout, to people on stderr. Returns the exit code."""
    form = _wanted_form(arguments)
    try:
        if form == "json":
            out_json(error_fields(error))
        elif form == "jsonl":
            out_json_line(error_fields(error))
        sys.stdout.flush()
    except (OSError, ValueError, OutputLost):  # stdout itself is what failed
        form = ""
        silence(sys.stdout)
    if not form:
        talk(error_text(error))
    return error.exit_code


def _wanted_form(arguments: Sequence[str]) -> str:
    """Which JSON the caller reads, if any; read from the raw arguments, since parsing them may have failed."""
    words = list(arguments[: arguments.index("--")] if "--" in arguments else arguments)
    found = {after for word, after in itertools.pairwise(words) if word in ("--format", "-f")}
    found |= {
        word.removeprefix("--format=").removeprefix("-f") for word in words if word.startswith(("--format=", "-f"))
    }
    if _command(words) == "export":  # its format is that of a file
        found = set()
    return "json" if "--json" in words or "json" in found else "jsonl" if "jsonl" in found else ""


def _command(words: Sequence[str]) -> str:
    """The name of the command among the words of a command line."""
    before = ("", *words)
    with_value = ("--set", "-b", "--base")
    return next((word for last, word in zip(before, words) if not word.startswith("-") and last not in with_value), "")


def _make_output_robust() -> None:
    """Pipes carry UTF-8 and lines of LF on every system; a terminal that cannot show a character shows a question mark."""
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None and not stream.closed:
            reconfigure(errors="replace", **({} if stream.isatty() else {"encoding": "utf-8", "newline": "\n"}))
