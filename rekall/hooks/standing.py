"""Where our hooks and skills stand: what a host's files hold of us, and whether it is of this very installation."""

from __future__ import annotations

import os
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from rekall.errors import InvalidInput
from rekall.hooks.hosts import Host, Moment
from rekall.hooks.skill import SKILL_FILE, SKILL_FOLDER
from rekall.hooks.wiring import Ours, command_line, found_in, turns_off
from rekall.system.homes import home_folder, named_home
from rekall.system.their_files import planned


@dataclass(frozen=True, slots=True)
class Standing:
    """What one file of a host holds of us.

    Attributes:
        folder: The project's folder; None for the user's own file.
        moments: The moments at which we are run.
        commands: What is run.
        is_current: Whether all of them start this rekall over this base, as they would be put there today.
        has_skill: Whether the skill is beside it.
        turned_off: The setting in the file by which the host runs no hooks; empty where it runs them.
        problem: Why the file cannot be read; empty where it can.
    """

    host: Host
    folder: Path | None
    path: Path
    moments: tuple[Moment, ...] = ()
    commands: tuple[str, ...] = ()
    is_current: bool = False
    has_skill: bool = False
    turned_off: str = ""
    problem: str = ""


def skill_file(host: Host, folder: Path | None) -> Path:
    """Where the skill lies for a host."""
    return skill_in(host.skills(folder))


def skill_in(folder: Path) -> Path:
    """Where the skill lies in a folder of skills."""
    return folder / SKILL_FOLDER / SKILL_FILE


def project_top() -> Path | None:
    """The top folder of the project that this process stands in: of the checkout, or the folder itself; None if it is gone."""
    try:
        here = Path.cwd()
    except OSError:
        return None
    home = home_folder()
    above = [folder for folder in (here, *here.parents) if folder != home]
    return next((folder for folder in above if (folder / ".git").exists()), here)


def scopes(host: Host) -> list[Path | None]:
    """Where a host's files are looked at: None for the user's, and the project's folder where its file is another one."""
    top = project_top()
    is_other = top is not None and os.path.realpath(host.file(top)) != os.path.realpath(host.file(None))
    return [None, top] if is_other else [None]


def home_named(environ: Mapping[str, str] = os.environ) -> str | None:
    """The folder that the commands of hooks name: that of REKALL_HOME, where it is set."""
    home = named_home(environ)
    return str(home) if home else None


def standing(host: Host, folder: Path | None, launch: Sequence[str], home: str | None) -> Standing:
    """What a file of a host holds of us.

    Args:
        host: The host.
        folder: The project's folder; None for the user's own file.
        launch: What starts this rekall.
        home: What `home_named` says.
    """
    path = host.file(folder)
    taught = skill_file(host, folder)
    is_users = folder is not None and os.path.realpath(taught) == os.path.realpath(skill_file(host, None))
    has_skill = os.path.isfile(taught) and not is_users
    try:
        text = planned(path, lambda text: text).old
        found, off = found_in(text), turns_off(text)
    except InvalidInput as error:
        return Standing(host, folder, path, has_skill=has_skill, problem=error.message)
    except OSError as error:
        return Standing(host, folder, path, has_skill=has_skill, problem=error.strerror or str(error))
    named = {ours.moment for ours in found}
    return Standing(
        host,
        folder,
        path,
        tuple(moment for moment in Moment if moment.value in named),
        tuple(dict.fromkeys(ours.command for ours in found)),
        bool(found) and all(_is_current(ours, host, launch, home) for ours in found),
        has_skill,
        off,
    )


def _is_current(ours: Ours, host: Host, launch: Sequence[str], home: str | None) -> bool:
    """Whether a hook is what would be put there today, at a moment that the host has, under its name for that."""
    wiring = next((each for moment, each in host.wirings.items() if moment.value == ours.moment), None)
    if wiring is None or wiring.event != ours.event:
        return False
    return _words(ours.command) == _words(command_line(launch, host, Moment(ours.moment), home))


def _words(command: str) -> list[str]:
    return [word.replace("\\", "/") for word in shlex.split(command)]
