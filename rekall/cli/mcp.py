"""`rekall mcp`: the server for AI assistants, and its place in their configuration."""

from __future__ import annotations

import contextlib
import os
import sys
from typing import TYPE_CHECKING

import click

from rekall.app import App
from rekall.cli.options import is_installed, json_option, pass_app
from rekall.cli.render import columns, out, out_json, talk
from rekall.errors import UsageError
from rekall.mcp.token import ENVIRONMENT_NAME, token_file, wanted_token
from rekall.wording import install_command

if TYPE_CHECKING:
    from rekall.mcp.clients import Address, Client, Launch

DEFAULT_PORT = 8799
HINT = f"run `{install_command('mcp')}`"


@click.group(invoke_without_command=True)
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
        from rekall.mcp import run  # half a second, 50 MB
    except ImportError as error:
        raise UsageError(
            f"the server for assistants needs another version of the package mcp ({error})", HINT
        ) from error
    app = context.find_object(App)
    assert app is not None
    with contextlib.closing(app.long_lived()) as server:
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


@mcp.command()
@click.argument("client", required=False)
@click.option("--write", is_flag=True, help="Change the client's own file, keeping a copy of it.")
@click.option("--read-only", is_flag=True, help="Offer the client only tools that change nothing.")
@click.option("--http", is_flag=True, help="Point the client at a server that runs with `rekall mcp --http`.")
@click.option("--port", type=click.IntRange(1, 65_535), metavar="N", help=f"The port of that server ({DEFAULT_PORT}).")
@json_option
@pass_app
def install(
    app: App, client: str | None, write: bool, read_only: bool, http: bool, port: int | None, as_json: bool
) -> None:
    """Print the configuration that lets CLIENT use Rekall, or write it to the client's file.

    Without CLIENT, list the known clients.
    """
    from rekall.mcp.clients import Address, find_client, this_launch, without_token

    if port is not None and not http:
        raise UsageError("--port needs --http", "add --http, or leave out --port")
    if http and read_only:
        raise UsageError("over HTTP the server decides what it offers", "run `rekall mcp --http --read-only`")
    if client is None:
        if write:
            raise UsageError("--write needs a client", "run `rekall mcp install` to see the clients")
        _list_clients(as_json=as_json)
        return
    known = find_client(client)
    if not is_installed("mcp"):
        talk(f"note: the server needs the package mcp; {HINT}\n")
    launch: Launch | Address = this_launch(os.environ.get("REKALL_HOME"), read_only=read_only)
    if http:
        launch = Address(f"http://127.0.0.1:{port or DEFAULT_PORT}/mcp", "")
        known.entry(launch)  # raises where it knows none, before a token is made
        launch = Address(launch.url, wanted_token(app.places, None)) if write else launch
    if write:
        _write_entry(known, launch, as_json=as_json)
    else:
        _print_entry(app, known, without_token(launch), as_json=as_json)


def _list_clients(*, as_json: bool) -> None:
    from rekall.mcp.clients import CLIENTS

    rows = [[each.name, each.title, "there" if each.path().exists() else "-", str(each.path())] for each in CLIENTS]
    if as_json:
        names = ("name", "title", "path")
        out_json({"clients": [dict(zip(names, (each.name, each.title, str(each.path())))) for each in CLIENTS]})
    else:
        out(columns(rows))
        talk("\nhint: `rekall mcp install NAME` prints what to add, `--write` adds it")


def _print_entry(app: App, known: Client, launch: Launch | Address, *, as_json: bool) -> None:
    """What to add to a client's file; a token is named, not shown."""
    from rekall.mcp.clients import Address

    path, entry, is_remote = known.path(), known.entry(launch), isinstance(launch, Address)
    if as_json:
        out_json({"client": known.name, "path": str(path), "section": known.section, "entry": entry})
        return
    talk(f"{known.title} reads {path}; add this to it:\n")
    out(known.snippet(launch).rstrip())
    if is_remote:
        talk(f"\nTOKEN stands for the one in {token_file(app.places)}, or in {ENVIRONMENT_NAME} where that is set")
    command = f"rekall mcp install {known.name}{' --http' if is_remote else ''} --write"
    talk(f"\nhint: `{command}` does that, and keeps a copy of the file")


def _write_entry(known: Client, launch: Launch | Address, *, as_json: bool) -> None:
    from rekall.mcp.clients import write_entry

    path = known.path()
    before = path.read_bytes() if path.exists() else None
    copy = write_entry(known, path, launch)
    changed = path.read_bytes() != before
    if as_json:
        out_json({"client": known.name, "path": str(path), "changed": changed, "copy": str(copy) if copy else None})
    elif changed:
        talk(f"wrote {path}" + (f"; the old file: {copy}" if copy else ""))
        talk(f"\nhint: restart {known.title}, then ask it to call rekall's `usage` tool")
    else:
        talk(f"{path} already has it; nothing changed")
