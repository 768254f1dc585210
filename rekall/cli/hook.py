"""`rekall hook`: let assistants' programs run Rekall at set moments, and tell assistants that it is there."""

from __future__ import annotations

import contextlib
import difflib
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from rekall.app import App
from rekall.cli.options import json_option, pass_app
from rekall.cli.render import columns, out, out_json, talk
from rekall.errors import InvalidInput, UsageError

if TYPE_CHECKING:
    from rekall.hooks.hosts import Host
    from rekall.hooks.standing import Standing
    from rekall.system.their_files import TheirChange

_MOMENTS = ("session", "prompt", "failure")

project_option = click.option("--project", is_flag=True, help="In the files of this project, not in your own.")
dry_run_option = click.option("--dry-run", is_flag=True, help="Show what would change, and change nothing.")


@click.group()
def hook() -> None:
    """Give an assistant your notes when it needs them, without being asked.

    Hooks are commands that a client runs at set moments. Rekall's say what matters in this repository when a session begins,
    and what is surely about a prompt or about a command that failed; else nothing.
    """


@hook.command()
@click.argument("client", required=False)
@project_option
@click.option(
    "--on",
    "moments",
    multiple=True,
    type=click.Choice(_MOMENTS),
    help="Only at this moment; may be given again. By default at all that the client knows.",
)
@click.option("--skill", is_flag=True, help="Write the skill, too, that teaches when to search and what to keep.")
@dry_run_option
@json_option
def install(
    client: str | None, project: bool, moments: Sequence[str], skill: bool, dry_run: bool, as_json: bool
) -> None:
    """Put Rekall's hooks into CLIENT's settings, keeping a copy of the file; without CLIENT, list the clients."""
    if client is None:
        if project or moments or skill or dry_run:
            raise UsageError("no client was named", "run `rekall hook install` to see the clients")
        _list_hosts(as_json=as_json)
        return
    from rekall.hooks.hosts import Moment, find_host
    from rekall.hooks.standing import home_named, skill_file
    from rekall.hooks.wiring import command_line, with_ours

    host = find_host(client)
    wanted = [Moment(name) for name in moments] or list(host.wirings)
    for each in wanted:
        if each not in host.wirings:
            raise UsageError(f"{host.title} has no hook for {each.value}: {host.lacks[each]}", "leave it out of --on")
    commands = {each: command_line(_launch(), host, each, home_named()) for each in wanted}
    folder = _folder(project)
    change = _planned(host.file(folder), lambda text: with_ours(text, host, commands))
    changes = [change, *([_skill_change(skill_file(host, folder))] if skill else [])]
    copies = _made(changes, dry_run=dry_run, as_json=as_json)
    if as_json:
        out_json(_changes_data(host, changes, copies, dry_run=dry_run))
        return
    if dry_run:
        return
    _tell_changes(changes, copies)
    if any(each.is_any for each in changes):
        ends = f"rekall hook uninstall {host.name}{' --project' if project else ''}"
        talk(f"\nhint: {host.after}; `rekall hook status` shows what is there, `{ends}` ends it")
        _tell_of_the_file(change, project)
        if not skill:
            talk("hint: --skill teaches it when to search and what to keep; `rekall hook line` is shorter")


@hook.command()
@click.argument("client")
@project_option
@dry_run_option
@json_option
def uninstall(client: str, project: bool, dry_run: bool, as_json: bool) -> None:
    """Take Rekall's hooks out of CLIENT's settings, and its skill; everything else stays as it is."""
    from rekall.hooks.hosts import find_host
    from rekall.hooks.standing import skill_file
    from rekall.hooks.wiring import without_ours

    host = find_host(client)
    folder = _folder(project)
    path = host.file(folder)
    changes = [
        _planned(path, (lambda text: without_ours(text, keeps_file=True)) if path.is_symlink() else without_ours)
    ]
    taught = skill_file(host, folder)
    if taught.is_file():
        changes.append(_skill_change(taught, remove=True))
    copies = _made(changes, dry_run=dry_run, as_json=as_json)
    if as_json:
        out_json(_changes_data(host, changes, copies, dry_run=dry_run))
    elif not dry_run:
        _tell_changes(changes, copies)


@hook.command()
@click.argument("client", required=False)
@json_option
@pass_app
def status(app: App, client: str | None, as_json: bool) -> None:
    """Show which clients have Rekall's hooks and skill: your own files, and those of this project."""
    from rekall.hooks.hosts import HOSTS, find_host
    from rekall.hooks.standing import home_named, scopes, standing

    hosts = HOSTS if client is None else (find_host(client),)
    launch, home = _launch(), home_named()
    found = [standing(host, folder, launch, home) for host in hosts for folder in scopes(host)]
    why = _is_off(app)
    if as_json:
        out_json({"hooks": [_standing_data(each) for each in found], "off": why or None})
        return
    from rekall.cli.mcp_install import short_path

    shown = [each for each in found if client is not None or each.moments or each.has_skill or each.problem]
    if shown:
        whose = ["yours" if each.folder is None else "project" for each in shown]
        out(
            columns([[each.host.name, scope, _state(each), short_path(each.path)] for each, scope in zip(shown, whose)])
        )
    else:
        talk("no client has Rekall's hooks\n\nhint: `rekall hook install` shows the clients that can have them")
    if why:
        talk(f"\nnote: {why}, so no hook says anything")


@hook.command(context_settings={"ignore_unknown_options": True, "allow_extra_args": True})
@click.argument("client", default="")
@click.argument("moment", default="")
@click.option(  # a mistake would end with 2, which blocks a client's prompt
    "--home", metavar="FOLDER", is_flag=False, flag_value="", help="What REKALL_HOME was when the hooks were installed."
)
def run(client: str, moment: str, home: str | None) -> None:
    """Answer one event of CLIENT: clients run this, with the event on stdin.

    It takes at most half a second, never fails, and says nothing where it knows nothing for sure.
    """
    from rekall.hooks.run import run as answer

    if sys.stdin is not None and sys.stdin.isatty():
        talk("clients run this, with an event on stdin; `rekall hook install` puts it into their settings")
        return
    answer(client, moment, home)


@hook.command()
@click.option("--write-to", "path", type=click.Path(path_type=Path), metavar="FILE", help="Put them into this file.")
@click.option("--remove", is_flag=True, help="Take them out of it again.")
@dry_run_option
@json_option
def line(path: Path | None, remove: bool, dry_run: bool, as_json: bool) -> None:
    """Print the lines that tell any assistant of Rekall: for AGENTS.md, CLAUDE.md or .cursorrules.

    With --write-to they stand there once, between two marks, however often you do that.
    """
    from rekall.hooks.skill import LINES, with_lines, without_lines

    if path is None:
        if remove or dry_run:
            raise UsageError("no file was named", "name it with --write-to AGENTS.md")
        if as_json:
            out_json({"text": LINES})
        else:
            out(LINES)
            talk("\nhint: `rekall hook line --write-to AGENTS.md` puts them there")
        return
    _answer_for_file(_planned(path, without_lines if remove else with_lines), dry_run=dry_run, as_json=as_json)


@hook.command()
@click.option(
    "--write-to", "folder", type=click.Path(path_type=Path), metavar="FOLDER", help="Put it into this folder of skills."
)
@click.option("--remove", is_flag=True, help="Take it away from there again.")
@dry_run_option
@json_option
def skill(folder: Path | None, remove: bool, dry_run: bool, as_json: bool) -> None:
    """Print the skill that teaches an assistant when to search, what to write down, and how.

    `rekall hook install CLIENT --skill` puts it where CLIENT looks; others read it as FOLDER/rekall/SKILL.md.
    """
    from rekall.hooks.skill import SKILL
    from rekall.hooks.standing import skill_in

    if folder is None:
        if remove or dry_run:
            raise UsageError("no folder was named", "name it with --write-to FOLDER")
        if as_json:
            out_json({"text": SKILL})
        else:
            out(SKILL.rstrip())
        return
    change = _skill_change(skill_in(folder), remove=remove)
    _answer_for_file(change, dry_run=dry_run, as_json=as_json)


def _answer_for_file(change: TheirChange, *, dry_run: bool, as_json: bool) -> None:
    copies = _made([change], dry_run=dry_run, as_json=as_json)
    if as_json:
        out_json(_change_data(change, copies[0], dry_run=dry_run))
    elif not dry_run:
        _tell_changes([change], copies)


def _launch() -> list[str]:
    """What starts this very installation, as `rekall mcp install` writes it."""
    from rekall.mcp.launching import this_launch

    launch = this_launch(None)
    return [launch.command, *launch.arguments[: launch.arguments.index("mcp")]]


def _folder(project: bool) -> Path | None:
    if not project:
        return None
    from rekall.hooks.standing import project_top

    top = project_top()
    if top is None:
        raise UsageError("the folder you are in is gone", "go to the project's folder, then try again")
    return top


def _planned(path: Path, change: Callable[[str], str | None]) -> TheirChange:
    from rekall.system.their_files import planned

    with _left_alone(path):
        return planned(path, change)


@contextlib.contextmanager
def _left_alone(path: Path) -> Iterator[None]:
    """Name the file that cannot be changed."""
    try:
        yield
    except InvalidInput as error:
        raise InvalidInput(f"{path} was left alone: {error.message}", error.hint) from error


def _skill_change(path: Path, *, remove: bool = False) -> TheirChange:
    from rekall.hooks.skill import SKILL, without_skill

    return _planned(path, without_skill if remove else lambda _: SKILL)


def _made(changes: Sequence[TheirChange], *, dry_run: bool, as_json: bool) -> list[Path | None]:
    """Make the changes, or show them; the copies that were kept."""
    if not dry_run:
        return [_written(each) for each in changes]
    for each in changes if not as_json else ():
        shown = _diff(each)
        if shown:
            out(shown)
        else:
            talk(f"{each.path}: nothing would change")
    return [None for _ in changes]


def _written(change: TheirChange) -> Path | None:
    """Make a change; a skill that goes takes its own folder with it where nothing else is there."""
    from rekall.hooks.skill import SKILL, SKILL_FILE

    is_skill = change.path.name == SKILL_FILE
    with _left_alone(change.path):
        copy = change.write(keep=change.old != SKILL and (change.new is not None or is_skill))
    if change.new is None and is_skill and not any(change.path.parent.iterdir()):
        change.path.parent.rmdir()
    return copy


def _diff(change: TheirChange) -> str:
    old, new = (text.splitlines() for text in (change.old, change.new or ""))
    before = str(change.path) if change.old else os.devnull
    after = os.devnull if change.new is None else str(change.path)
    return "\n".join(difflib.unified_diff(old, new, before, after, lineterm=""))


def _tell_changes(changes: Sequence[TheirChange], copies: Sequence[Path | None]) -> None:
    for change, copy in zip(changes, copies):
        kept = f"; the old file: {copy}" if copy else ""
        if not change.is_any:
            talk(f"{change.path}: nothing to change")
        elif change.new is None:
            talk(f"removed {change.path}{kept or ', in which nothing else was'}")
        else:
            talk(f"wrote {change.path}{kept}")


def _tell_of_the_file(change: TheirChange, project: bool) -> None:
    from rekall.hooks.wiring import turns_off

    off = turns_off(change.new or "")
    if off:
        talk(f"note: {off} in {change.path} lets no hook run")
    if project:
        talk("note: the file names the rekall of this machine; keep it out of what you share")


def _change_data(change: TheirChange, copy: Path | None, *, dry_run: bool) -> dict[str, Any]:
    diff = _diff(change) if dry_run else None
    return {"path": str(change.path), "changed": change.is_any, "copy": str(copy) if copy else None, "diff": diff}


def _changes_data(
    host: Host, changes: Sequence[TheirChange], copies: Sequence[Path | None], *, dry_run: bool
) -> dict[str, Any]:
    files = [_change_data(change, copy, dry_run=dry_run) for change, copy in zip(changes, copies)]
    return {"client": host.name, "files": files}


def _list_hosts(*, as_json: bool) -> None:
    from rekall.hooks.hosts import HOSTS, Moment

    if as_json:
        data = [
            {
                "name": host.name,
                "title": host.title,
                "path": str(host.file(None)),
                "moments": [moment.value for moment in host.wirings],
                "lacks": {moment.value: why for moment, why in host.lacks.items()},
            }
            for host in HOSTS
        ]
        out_json({"clients": data})
        return
    from rekall.cli.mcp_install import short_path

    rows = [
        [
            host.name,
            host.title,
            ", ".join(each.value for each in Moment if each in host.wirings),
            short_path(host.file(None)),
        ]
        for host in HOSTS
    ]
    out(columns(rows))
    talk(
        "\nhint: `rekall hook install NAME` adds them, --dry-run only shows it; `rekall hook line` is for every other one"
    )


def _state(found: Standing) -> str:
    if found.problem:
        return f"cannot be read: {found.problem}"
    parts = [moment.value for moment in found.moments] + (["skill"] if found.has_skill else [])
    old = "" if found.is_current or not found.moments else " (of another rekall or base: install again)"
    off = f" (turned off by {found.turned_off})" if found.turned_off else ""
    return (", ".join(parts) or "-") + old + off


def _standing_data(found: Standing) -> dict[str, Any]:
    return {
        "client": found.host.name,
        "scope": "user" if found.folder is None else "project",
        "path": str(found.path),
        "moments": [moment.value for moment in found.moments],
        "commands": list(found.commands),
        "current": found.is_current,
        "skill": found.has_skill,
        "turned_off": found.turned_off or None,
        "problem": found.problem or None,
    }


def _is_off(app: App) -> str:
    """Why no hook says anything; empty where they do."""
    from rekall.hooks.run import is_off

    if is_off():
        return "REKALL_HOOKS is off"
    return "hooks.notes is off" if app.settings.text("hooks.notes") == "off" else ""
