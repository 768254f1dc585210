"""The `rekall` command: its group, its exit codes, and how errors end it."""

from __future__ import annotations

import contextlib
import importlib
import itertools
import os
import sys
from collections.abc import Sequence
from typing import NoReturn

import click

from rekall.app import App
from rekall.cli.render import error_fields, error_text, out_json, talk
from rekall.errors import DiskFull, RekallError, UsageError

EXIT_CODES = (
    (0, "done; a search without hits is done too"),
    (1, "an error that Rekall did not foresee"),
    (2, "the command line makes no sense"),
    (3, "no entry, setting or path of that name, or an ambiguous id"),
    (4, "invalid input: text, file or value that cannot be accepted; part of an import was refused"),
    (5, "the database cannot be used: locked, read-only, damaged, foreign, too new, disk full"),
    (6, "the embedding model cannot be used or exported"),
    (130, "interrupted"),
)

INTERRUPTED = 130


COMMANDS = {
    "add": "entries:add",
    "search": "search:search",
    "show": "entries:show",
    "edit": "entries:edit",
    "delete": "entries:delete",
    "list": "entries:list_entries",
    "similar": "search:similar",
    "import": "exchange:import_files",
    "export": "exchange:export",
    "stats": "stats:stats",
    "index": "index:index",
    "model": "model:model",
    "embed": "embed:embed",
    "config": "config:config",
    "version": "stats:version",
}
"""Commands in the order of the help, and where each lives; only the one that is called is imported."""


class _Commands(click.Group):
    def list_commands(self, context: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, context: click.Context, name: str) -> click.Command | None:
        if name not in COMMANDS:
            return None
        module, _, attribute = COMMANDS[name].partition(":")
        command = getattr(importlib.import_module(f"rekall.cli.{module}"), attribute)
        assert isinstance(command, click.Command)
        return command

    def resolve_command(
        self, context: click.Context, arguments: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if arguments and arguments[0] not in COMMANDS and not arguments[0].startswith("-"):
            import difflib

            near = difflib.get_close_matches(arguments[0], COMMANDS, n=1)
            raise UsageError(
                f"no command {arguments[0]!r}", f"did you mean `rekall {near[0]}`?" if near else "run `rekall --help`"
            )
        return super().resolve_command(context, arguments)


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.option(
    "--set",
    "settings",
    multiple=True,
    metavar="KEY=VALUE",
    help="Use a setting for this command, for instance search.limit=5.",
)
@click.pass_context
def cli(context: click.Context, settings: tuple[str, ...]) -> None:
    """Write down what you learned; find it again by word or by meaning.

    Everything stays on this machine. Start with `rekall add` or `rekall import`, then `rekall search`.
    """
    flags = {}
    for setting in settings:
        key, equals, value = setting.partition("=")
        if not equals:
            raise UsageError(f"--set {setting} has no value", "write --set search.limit=5")
        flags[key] = value
    context.obj = context.with_resource(contextlib.closing(App(flags=flags)))


def run(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run the command line and exit with a code of `EXIT_CODES`."""
    arguments = list(sys.argv[1:] if arguments is None else arguments)
    _make_output_robust()
    try:
        code = cli.main(arguments, prog_name="rekall", standalone_mode=False)
        sys.stdout.flush()
    except BrokenPipeError:  # `rekall list | head`: the reader has what it wanted
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(0)
    except RekallError as error:
        sys.exit(_report(error, arguments))
    except click.UsageError as error:
        hint = f"run `{error.ctx.command_path} --help`" if error.ctx else "run `rekall --help`"
        sys.exit(_report(UsageError(error.format_message().rstrip("."), hint), arguments))
    except click.ClickException as error:
        sys.exit(_report(RekallError(error.format_message()), arguments))
    except (click.Abort, KeyboardInterrupt):
        talk("interrupted; whatever was not finished was not stored, run the command again to go on")
        sys.exit(INTERRUPTED)
    except OSError as error:
        sys.exit(_report(_from_os(error), arguments))
    sys.exit(code if isinstance(code, int) else 0)


def _report(error: RekallError, arguments: Sequence[str]) -> int:
    """Say what went wrong, to programs on stdout, to people on stderr. Returns the exit code."""
    if _wants_json(arguments):
        out_json(error_fields(error))
    else:
        talk(error_text(error))
    return error.exit_code


def _wants_json(arguments: Sequence[str]) -> bool:
    """Whether the caller reads JSON; asked of the bare arguments, because parsing them may have failed."""
    words = list(arguments[: arguments.index("--")] if "--" in arguments else arguments)
    formats = {after for word, after in itertools.pairwise(words) if word in ("--format", "-f")}
    return bool({"--json", "--format=json", "--format=jsonl"} & set(words) or {"json", "jsonl"} & formats)


def _from_os(error: OSError) -> RekallError:
    import errno

    where = f"{error.filename}: " if error.filename else ""
    if error.errno == errno.ENOSPC:
        return DiskFull(f"{where}no room left on the disk", "free some space and try again; nothing was lost")
    return RekallError(f"{where}{error.strerror or error}", "check the path and its permissions")


def _make_output_robust() -> None:
    """A terminal that cannot show a character shows a question mark instead of ending the command."""
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(errors="replace")
