"""`rekall mcp install`, `status` and `uninstall`: Rekall's place in the configuration of assistants."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from rekall.app import App
from rekall.cli.options import is_installed, json_option, pass_app
from rekall.cli.render import columns, out, out_json, talk
from rekall.errors import InvalidInput, UsageError
from rekall.mcp.token import ENVIRONMENT_NAME, token_file, wanted_token
from rekall.system.homes import from_home
from rekall.wording import install_command

if TYPE_CHECKING:
    from rekall.mcp.client_files import Standing
    from rekall.mcp.clients import Client
    from rekall.mcp.launching import Address, Launch

DEFAULT_PORT = 8799
HINT = f"run `{install_command('mcp')}`"

_project_option = click.option(
    "--project", is_flag=True, help="The file of the project you stand in, which goes to everybody who works on it."
)


@click.command()
@click.argument("client", required=False)
@click.option("--write", is_flag=True, help="Change the client's own file, keeping a copy of it.")
@click.option("--all", "every", is_flag=True, help="Every client that seems to be installed.")
@_project_option
@click.option("--read-only", is_flag=True, help="Offer the client only tools that change nothing.")
@click.option("--http", is_flag=True, help="Point the client at a server that runs with `rekall mcp --http`.")
@click.option("--port", type=click.IntRange(1, 65_535), metavar="N", help=f"The port of that server ({DEFAULT_PORT}).")
@json_option
@pass_app
def install(
    app: App,
    client: str | None,
    write: bool,
    every: bool,
    project: bool,
    read_only: bool,
    http: bool,
    port: int | None,
    as_json: bool,
) -> None:
    """Print the configuration that lets CLIENT use Rekall, or write it to the client's file.

    Without CLIENT, list the known clients, which of them are installed, and what each starts as Rekall.
    """
    from rekall.mcp.clients import find_client
    from rekall.mcp.launching import Address, this_launch

    _check(client, write=write, every=every, project=project, read_only=read_only, http=http, port=port)
    if client is None and not every:
        _list_clients(project=project, as_json=as_json)
        return
    known = [find_client(client)] if client else [each for each in _clients(project) if each.is_installed()]
    if not is_installed("mcp"):
        talk(f"note: the server needs the package mcp; {HINT}\n")
    launch: Launch | Address = this_launch(os.environ.get("REKALL_HOME"), read_only=read_only, is_shared=project)
    if http:
        launch = Address(f"http://127.0.0.1:{port or DEFAULT_PORT}/mcp", "")
        known = [each for each in known if each.address or client]
        for each in known:
            each.entry(launch)  # raises where it knows none, before a token is made
        launch = Address(launch.url, wanted_token(app.places, None)) if write else launch
    if every:
        _install_all(known, launch, project=project, write=write, as_json=as_json)
    elif write:
        _write_entry(known[0], launch, project=project, as_json=as_json)
    else:
        _print_entry(app, known[0], launch, project=project, as_json=as_json)


@click.command()
@_project_option
@json_option
def status(project: bool, as_json: bool) -> None:
    """List the known clients, which of them are installed, and what each starts as Rekall."""
    _list_clients(project=project, as_json=as_json)


@click.command()
@click.argument("client", required=False)
@click.option("--all", "every", is_flag=True, help="Every client whose file names Rekall.")
@_project_option
@json_option
def uninstall(client: str | None, every: bool, project: bool, as_json: bool) -> None:
    """Take Rekall out of the configuration of CLIENT; a copy of the file is kept, and your notes are not touched."""
    from rekall.mcp.client_files import remove_entry, standing
    from rekall.mcp.clients import find_client

    if (client is None) == (not every):
        raise UsageError("name a client, or say --all", "run `rekall mcp install` to see the clients")
    if client:
        known = find_client(client)
        path = _path(known, project=project)
        if path is None:
            raise InvalidInput(f"{known.title} keeps it where no other program writes", f"take it out at {known.paste}")
        before = _bytes_in(path)
        copy = remove_entry(known, path)
        _tell_written(known, path, copy, changed=_bytes_in(path) != before, as_json=as_json)
        return
    changes, problems = [], []
    for known in _clients(project):
        path = _path(known, project=project)
        if path is None or standing(known, path).state not in ("configured", "missing"):
            continue
        try:
            changes.append((known, path, remove_entry(known, path)))
        except InvalidInput as error:
            problems.append((known, path, error))
    _tell_all("took it out of", changes, problems, as_json=as_json, nothing="no client's file names Rekall")


def _check(
    client: str | None, *, write: bool, every: bool, project: bool, read_only: bool, http: bool, port: int | None
) -> None:
    """Refuse options that do not go together."""
    if port is not None and not http:
        raise UsageError("--port needs --http", "add --http, or leave out --port")
    if http and read_only:
        raise UsageError("over HTTP the server decides what it offers", "run `rekall mcp --http --read-only`")
    if http and project:
        raise UsageError("a project's file is no place for a token", "leave out --project, or --http")
    if client and every:
        raise UsageError("--all names every client already", "leave out --all, or the client")
    if write and not (client or every):
        raise UsageError("--write needs a client, or --all", "run `rekall mcp install` to see the clients")


def _clients(project: bool) -> list[Client]:
    from rekall.mcp.clients import CLIENTS

    return [each for each in CLIENTS if each.project or not project]


def _path(known: Client, *, project: bool) -> Path | None:
    """The file to look at: the person's, or the project's; None where no program should write it.

    Raises:
        InvalidInput: The client has none for a project.
    """
    if project:
        if not known.project:
            names = ", ".join(each.name for each in _clients(True))
            raise InvalidInput(f"{known.title} has no file for a project", f"those that have one: {names}")
        return known.project_path(_top())
    return known.path() if known.files else None


def _top() -> Path:
    """The top folder of the project in which this process stands: a repository's, else the folder itself."""
    here = Path.cwd()
    return next((each for each in (here, *here.parents) if (each / ".git").exists()), here)


def _list_clients(*, project: bool, as_json: bool) -> None:
    from rekall.mcp.client_files import standing
    from rekall.mcp.launching import this_launch

    ours = this_launch(None, is_shared=project).command
    rows, listed = [], []
    for each in _clients(project):
        path = _path(each, project=project)
        said = standing(each, path) if path else None
        listed.append(
            {
                "name": each.name,
                "title": each.title,
                "path": str(path) if path else None,
                "installed": each.is_installed(),
                "state": said.state if said else "by hand",
                "command": (said.command if said else "") or None,
            }
        )
        rows.append([each.name, _in_words(each, said, ours), short_path(path) if path else each.paste])
    if as_json:
        out_json({"clients": listed})
    else:
        out(columns(rows))
        talk(
            "\nhint: `rekall mcp install NAME` prints what to add, `--write` adds it; `--all` means all that are installed"
        )


def _in_words(known: Client, said: Standing | None, ours: str) -> str:
    """How it stands with a client."""
    if said is None:
        return "by hand"
    if said.state == "configured":
        is_other = said.command != ours and not said.command.startswith("http")
        return f"configured, runs {short_path(Path(said.command))}" if is_other else "configured"
    if said.state == "missing":
        return f"broken: {short_path(Path(said.command))} is gone"
    if said.state == "unreadable":
        return "its file cannot be read"
    return "installed, not configured" if known.is_installed() else "not installed"


def short_path(path: Path) -> str:
    """A path as a person reads it: the home folder is ~."""
    return from_home(str(path))


def _print_entry(app: App, known: Client, launch: Launch | Address, *, project: bool, as_json: bool) -> None:
    """What to add to a client's file; a token is named, not shown."""
    from rekall.mcp.client_files import snippet
    from rekall.mcp.launching import Address, without_token

    launch = without_token(launch)
    path, entry, is_remote = _path(known, project=project), known.entry(launch), isinstance(launch, Address)
    if as_json:
        where = str(path) if path else None
        out_json({"client": known.name, "path": where, "section": known.section, "entry": entry})
        return
    talk(f"{known.title} reads {path}; add this to it:\n" if path else f"paste this at {known.paste}:\n")
    out(snippet(known, launch).rstrip())
    if is_remote:
        talk(f"\nTOKEN stands for the one in {token_file(app.places)}, or in {ENVIRONMENT_NAME} where that is set")
    if path:
        options = f"{' --project' if project else ''}{' --http' if is_remote else ''} --write"
        talk(f"\nhint: `rekall mcp install {known.name}{options}` does that, and keeps a copy of the file")


def _bytes_in(path: Path) -> bytes | None:
    """What a client's file holds now; None where there is none."""
    return path.read_bytes() if path.is_file() else None


def _write_entry(known: Client, launch: Launch | Address, *, project: bool, as_json: bool) -> None:
    from rekall.mcp.client_files import snippet, write_entry
    from rekall.mcp.launching import is_on_path, without_token

    path = _path(known, project=project)
    if path is None:
        shown = snippet(known, without_token(launch))
        raise InvalidInput(
            f"{known.title} keeps it where no other program writes", f"paste this at {known.paste}:\n\n{shown}"
        )
    before = _bytes_in(path)
    copy = write_entry(known, path, launch)
    _tell_written(known, path, copy, changed=path.read_bytes() != before, as_json=as_json, restart=True)
    if project and not is_on_path():
        talk("note: the file says `rekall`, and no shell here finds that: put it on the PATH")


def _install_all(
    known: Sequence[Client], launch: Launch | Address, *, project: bool, write: bool, as_json: bool
) -> None:
    from rekall.mcp.client_files import write_entry

    places = [(each, path) for each in known if (path := _path(each, project=project)) is not None]
    if not write:
        if as_json:
            out_json({"clients": [_written(each, path, None, changed=False) for each, path in places]})
        elif places:
            out(columns([[each.name, short_path(path)] for each, path in places]))
        talk(f"\nhint: add --write to put Rekall into {'these files' if places else 'them'}" if places else _NONE)
        return
    changes, problems = [], []
    for each, path in places:
        before = _bytes_in(path)
        try:
            copy = write_entry(each, path, launch)
        except InvalidInput as error:
            problems.append((each, path, error))
            continue
        if path.read_bytes() != before:
            changes.append((each, path, copy))
        elif not as_json:
            talk(f"{short_path(path)} already has it")
    _tell_all("wrote", changes, problems, as_json=as_json, nothing="" if places else _NONE)


_NONE = "no client seems to be installed; `rekall mcp install` lists those that are known"


def _written(known: Client, path: Path, copy: Path | None, *, changed: bool) -> dict[str, Any]:
    return {"client": known.name, "path": str(path), "changed": changed, "copy": str(copy) if copy else None}


def _tell_written(
    known: Client, path: Path, copy: Path | None, *, changed: bool, as_json: bool, restart: bool = False
) -> None:
    if as_json:
        out_json(_written(known, path, copy, changed=changed))
    elif changed:
        did = f"wrote {path}" if path.exists() else f"removed {path}, which held nothing else"
        talk(did + (f"; the old file: {copy}" if copy else ""))
        talk(f"\nhint: restart {known.title}" + (", then ask it to call rekall's `usage` tool" if restart else ""))
    else:
        talk(f"{path} {'already has it' if restart else 'does not name Rekall'}; nothing changed")


def _tell_all(
    verb: str,
    changes: Sequence[tuple[Client, Path, Path | None]],
    problems: Sequence[tuple[Client, Path, InvalidInput]],
    *,
    as_json: bool,
    nothing: str,
) -> None:
    """What was done to several files; those that were left alone are an error at the end."""
    if as_json and not problems:
        out_json({"clients": [_written(known, path, copy, changed=True) for known, path, copy in changes]})
    elif not as_json:
        for known, path, copy in changes:
            talk(f"{verb} {short_path(path)} ({known.title})" + (f"; the old file: {copy.name}" if copy else ""))
        if not changes and not problems and nothing:
            talk(nothing)
    if problems:
        raise InvalidInput(
            "; ".join(error.message for _, _, error in problems),
            f"`rekall mcp install {problems[0][0].name}` prints what to add",
        )
