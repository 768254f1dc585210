"""`rekall mcp`: the server for AI assistants, and its place in their configuration."""

from __future__ import annotations

import contextlib
import os
import sys

import click

from rekall.app import App
from rekall.cli.mcp_install import DEFAULT_PORT, HINT, install, status, uninstall
from rekall.cli.options import is_installed
from rekall.cli.render import talk
from rekall.errors import UsageError
from rekall.mcp.token import ENVIRONMENT_NAME, token_file, wanted_token
from rekall.system.left_out import left_out


@click.group(invoke_without_command=True, subcommand_metavar="[COMMAND] [ARGS]...")
@click.option("--http", is_flag=True, help="Serve over HTTP on this machine instead of stdin and stdout.")
@click.option(
    "--port",
    type=click.IntRange(0, 65_535),
    metavar="N",
    help=f"The port for --http ({DEFAULT_PORT}; 0 picks a free one).",
)
@click.option("--read-only", is_flag=True, help="Offer only tools that change nothing.")
@click.option(
    "--token",
    metavar="TOKEN",
    help="What requests over HTTP must send. Other users see it here: REKALL_MCP_TOKEN is better, and one is made and kept anyway.",
)
@click.option("--no-token", is_flag=True, help="Let every user of this machine in over HTTP.")
@click.option(
    "--structured",
    is_flag=True,
    help="Also answer ids and cursors as structured content, for programs; many assistants then see nothing else.",
)
@click.pass_context
def mcp(
    context: click.Context,
    http: bool,
    port: int | None,
    read_only: bool,
    token: str | None,
    no_token: bool,
    structured: bool,
) -> None:
    """Serve AI assistants over the Model Context Protocol until they disconnect.

    Assistants start it themselves once configured: see `rekall mcp install`.
    """
    if context.invoked_subcommand:
        if http or port is not None or read_only or token is not None or no_token or structured:
            command = context.invoked_subcommand
            raise UsageError(f"a server option was given before {command}", f"put options after `{command} CLIENT`")
        return
    _check_options(http=http, port=port, token=token, no_token=no_token)
    if not is_installed("mcp"):
        raise UsageError("the server for assistants needs the package mcp", HINT)
    try:
        # what the SDK's web server would take along, and the whole of it where there is no HTTP
        with left_out("watchfiles", *(() if http else ("uvicorn",))):
            from rekall.mcp.lean import defer_packages

            defer_packages()
            from rekall.mcp import run  # half a second, 40 MB
    except ImportError as error:
        raise UsageError(
            f"the server for assistants needs another version of the package mcp ({error})", HINT
        ) from error
    app = context.find_object(App)
    assert app is not None
    with contextlib.closing(app.long_lived("mcp")) as server:
        if http:
            wanted = None if no_token else wanted_token(server.places, token)
            who = _who_is_let_in(server, is_open=no_token, is_given=token is not None)
            run.serve_http(
                server,
                DEFAULT_PORT if port is None else port,
                wanted,
                lambda url: talk(f"serving at {url} to {who}; stop with Ctrl-C"),
                read_only=read_only,
                with_data=structured,
            )
        else:
            if sys.stdin is None or sys.stdout is None:
                raise UsageError("the server talks over stdin and stdout, and one of them is closed", "leave both open")
            if sys.stdin.isatty():
                talk("waiting for an assistant on stdin; `rekall mcp install` shows how yours can start this")
            run.serve_stdio(server, read_only=read_only, with_data=structured)


def _check_options(*, http: bool, port: int | None, token: str | None, no_token: bool) -> None:
    """Refuse options of a server over HTTP for one over stdin."""
    if port is not None and not http:
        raise UsageError("--port needs --http", "add --http, or leave out --port")
    if (token is not None or no_token) and not http:
        name = "--no-token" if no_token else "--token"
        raise UsageError(f"{name} needs --http", "over stdin only your client talks to it")
    if token is not None and no_token:
        raise UsageError("--token and --no-token exclude each other", "leave one of them out")


def _who_is_let_in(app: App, *, is_open: bool, is_given: bool) -> str:
    if is_open:
        return "every user of this machine"
    kept = "" if is_given or os.environ.get(ENVIRONMENT_NAME) else f" in {token_file(app.places)}"
    return f"whoever sends the token{kept}"


mcp.add_command(install)
mcp.add_command(status)
mcp.add_command(uninstall)
