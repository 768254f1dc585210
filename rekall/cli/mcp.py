"""`rekall mcp`: the server for AI assistants, and its place in their configuration."""

from __future__ import annotations

import contextlib
import os
import sys

import click

from rekall.app import App
from rekall.cli.options import is_installed, json_option, pass_app
from rekall.cli.render import columns, out, out_json, talk
from rekall.errors import UsageError

DEFAULT_PORT = 8799
HINT = "run `pip install 'rekall[mcp]'`"


@click.group(invoke_without_command=True)
@click.option("--http", is_flag=True, help="Serve over HTTP on this machine instead of stdin and stdout.")
@click.option(
    "--port",
    type=click.IntRange(0, 65_535),
    metavar="N",
    help=f"The port for --http ({DEFAULT_PORT}; 0 picks a free one).",
)
@click.option("--read-only", is_flag=True, help="Offer only tools that change nothing.")
@click.pass_context
def mcp(context: click.Context, http: bool, port: int | None, read_only: bool) -> None:
    """Serve AI assistants over the Model Context Protocol until they disconnect.

    Assistants start it themselves once configured: see `rekall mcp install`.
    """
    if context.invoked_subcommand:
        if http or port is not None or read_only:
            raise UsageError("a server option was given before install", "put options after `install CLIENT`")
        return
    if port is not None and not http:
        raise UsageError("--port needs --http", "add --http, or leave out --port")
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
            port = DEFAULT_PORT if port is None else port
            run.serve_http(server, port, _say_where, read_only=read_only)
        else:
            if sys.stdin.isatty():
                talk("waiting for an assistant on stdin; `rekall mcp install` shows how yours can start this")
            run.serve_stdio(server, read_only=read_only)


def _say_where(url: str) -> None:
    talk(f"serving at {url} to every user of this machine; stop with Ctrl-C")


@mcp.command()
@click.argument("client", required=False)
@click.option("--write", is_flag=True, help="Change the client's own file, keeping a copy of it.")
@click.option("--read-only", is_flag=True, help="Offer the client only tools that change nothing.")
@json_option
@pass_app
def install(app: App, client: str | None, write: bool, read_only: bool, as_json: bool) -> None:
    """Print the configuration that lets CLIENT use Rekall, or write it to the client's file.

    Without CLIENT, list the known clients.
    """
    from rekall.mcp.clients import CLIENTS, find_client, this_launch, write_entry

    if client is None:
        if write:
            raise UsageError("--write needs a client", "run `rekall mcp install` to see the clients")
        rows = [[each.name, each.title, "there" if each.path().exists() else "-", str(each.path())] for each in CLIENTS]
        if as_json:
            names = ("name", "title", "path")
            out_json({"clients": [dict(zip(names, (each.name, each.title, str(each.path())))) for each in CLIENTS]})
        else:
            out(columns(rows))
            talk("\nhint: `rekall mcp install NAME` prints what to add, `--write` adds it")
        return
    known = find_client(client)
    if not is_installed("mcp"):
        talk(f"note: the server needs the package mcp; {HINT}\n")
    launch = this_launch(os.environ.get("REKALL_HOME"), read_only=read_only)
    path = known.path()
    if not write:
        if as_json:
            out_json({"client": known.name, "path": str(path), "section": known.section, "entry": known.entry(launch)})
        else:
            talk(f"{known.title} reads {path}; add this to it:\n")
            out(known.snippet(launch).rstrip())
            talk(f"\nhint: `rekall mcp install {known.name} --write` does that, and keeps a copy of the file")
        return
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
