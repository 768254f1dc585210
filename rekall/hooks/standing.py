"""Where our hooks and skills stand: what a host's files hold of us, and whether it is of this very installation."""

from __future__ import annotations

import os
import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from rekall.errors import InvalidInput
from rekall.hooks.hosts import Host, Moment
from rekall.hooks.skill import SKILL_FILE, SKILL_FOLDER
from rekall.hooks.wiring import Ours, found_in, turns_off
from rekall.system.their_files import planned


@dataclass(frozen=True, slots=True)
class Standing:
    """What one file of a host holds of us.

    Attributes:
        folder: The project's folder; None for the user's own file.
        moments: The moments at which we are run.
        commands: What is run.
        is_current: Whether all of them start this rekall, as it would be put there today.
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


def standing(host: Host, folder: Path | None, launch: Sequence[str]) -> Standing:
    """What a file of a host holds of us.

    Args:
        host: The host.
        folder: The project's folder; None for the user's own file.
        launch: What starts this rekall.
    """
    path = host.file(folder)
    has_skill = os.path.isfile(skill_file(host, folder))
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
        bool(found) and all(_is_current(ours, host, launch) for ours in found),
        has_skill,
        off,
    )


def _is_current(ours: Ours, host: Host, launch: Sequence[str]) -> bool:
    """Whether a hook starts this very rekall, for this host, at a moment that it has, under its name for that."""
    words = [word.replace("\\", "/") for word in shlex.split(ours.command)]
    starts = [word.replace("\\", "/") for word in launch]
    events = {moment.value: wiring.event for moment, wiring in host.wirings.items()}
    is_this = words[: len(starts)] == starts and words[len(starts) + 2] == host.name
    return is_this and events.get(ours.moment) == ours.event
