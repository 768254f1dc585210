"""Our hooks in a host's settings: put in, found again and taken out; everything else stays as it is, byte for byte."""

from __future__ import annotations

import re
import shlex
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from rekall.errors import InvalidInput
from rekall.hooks.hosts import Host, Moment
from rekall.system import jsonc

TIMEOUT_S = 5
"""After this the host ends us; we end after half a second."""

_COMMAND_KEYS = ("command", "bash", "powershell")
_COMMENT = re.compile(r"//|/\*")


@dataclass(frozen=True, slots=True)
class Ours:
    """A hook of ours that stands in a host's settings.

    Attributes:
        event: The host's name of the moment.
        place: The numbers of its group and of itself in it; one number where the host has no groups.
        command: What is run.
        moment: The moment it names.
        group: What stands at the first of its places.
    """

    event: str
    place: tuple[int, ...]
    command: str
    moment: str
    group: dict[str, Any]


def command_line(launch: Sequence[str], host: Host, moment: Moment, home: str | None) -> str:
    """The command of a hook, as every shell reads it.

    Args:
        launch: What starts rekall.
        host: Who runs it.
        moment: When.
        home: REKALL_HOME, when it is set.
    """
    words = [*launch, "hook", "run", host.name, moment.value, *(["--home", home] if home else [])]
    return " ".join(_quoted(word) for word in words)


def found_in(text: str) -> list[Ours]:
    """Our hooks in a host's settings, of this installation or of another one.

    Raises:
        InvalidInput: It is not JSON, or its hooks are not in the form that hosts document.
    """
    return list(_ours(_events(text)))


def turns_off(text: str) -> str:
    """The setting by which a file lets its host run no hooks at all; empty where it does."""
    document = jsonc.parsed(text)
    if not isinstance(document, dict):
        return ""
    if document.get("disableAllHooks") is True:
        return "disableAllHooks"
    config = document.get("hooksConfig")
    return "hooksConfig.enabled" if isinstance(config, dict) and config.get("enabled") is False else ""


def with_ours(text: str, host: Host, commands: dict[Moment, str]) -> str:
    """The settings with our hooks for some moments, and none of ours for others.

    Raises:
        InvalidInput: The text cannot be read, or holds something else where hooks belong.
    """
    wanted = {host.wirings[moment].event: _group(host, moment, command) for moment, command in commands.items()}
    there = found_in(text)
    kept: set[str] = set()
    gone = []
    for ours in there:
        is_first = ours.event in wanted and ours.event not in kept
        if is_first and _matcher(ours.group) == _matcher(wanted[ours.event]):
            kept.add(ours.event)
            text = _updated(text, ours, wanted[ours.event], host)
        else:
            gone.append(ours)
    text = _without(text, gone)
    if host.version and "version" not in (jsonc.parsed(text) or {}):
        text = jsonc.put(text, ["version"], host.version)
    for event, group in wanted.items():
        if event not in kept:
            groups = _events(text).get(event)
            text = jsonc.put(text, ["hooks", event], [group]) if groups is None else _appended(text, event, group)
    return text


def without_ours(text: str, *, keeps_file: bool = False) -> str | None:
    """The settings without our hooks; None where nothing but these was in the file.

    Args:
        text: The settings.
        keeps_file: Whether the file stays all the same: a link of somebody's dotfiles leads to it.

    Raises:
        InvalidInput: The text cannot be read.
    """
    there = found_in(text)
    new = _without(text, there)
    left = jsonc.parsed(new)
    is_bare = not left or set(left) == {"version"}
    if there and is_bare and not _COMMENT.search(new):
        return "{}\n" if keeps_file else None
    return new


def _ours(events: dict[str, Any]) -> Iterator[Ours]:
    for event, groups in events.items():
        for number, group in enumerate(groups if isinstance(groups, list) else ()):
            if not isinstance(group, dict):
                continue
            inner = group.get("hooks")
            items = enumerate(inner) if isinstance(inner, list) else [(-1, group)]
            for at, item in items:
                command = _command_of(item)
                moment = moment_of(command)
                if moment:
                    yield Ours(event, (number,) if at < 0 else (number, at), command, moment, group)


def moment_of(command: str) -> str:
    """The moment that a command of ours names, whichever rekall it starts; empty for anybody else's."""
    try:
        words = shlex.split(command)
    except ValueError:
        return ""
    program = re.split(r"[/\\]", words[0])[-1].lower() if words else ""
    rest = words[1:]
    if rest[:1] == ["-c"] and "rekall.cli.main import run" in " ".join(rest[1:2]):
        program, rest = "rekall", rest[2:]
    if program not in ("rekall", "rekall.exe") or rest[:2] != ["hook", "run"] or len(rest) not in (4, 6):
        return ""
    return rest[3] if len(rest) == 4 or rest[4] == "--home" else ""


def _events(text: str) -> dict[str, Any]:
    document = jsonc.parsed(text)
    if document is None:
        return {}
    if not isinstance(document, dict):
        raise InvalidInput("it is not a JSON object", "correct the file, then try again")
    hooks = document.get("hooks", {})
    if not isinstance(hooks, dict):
        raise InvalidInput("hooks is not an object in it", "correct the file, then try again")
    return hooks


def _appended(text: str, event: str, group: dict[str, Any]) -> str:
    groups = _events(text)[event]
    if not isinstance(groups, list):
        raise InvalidInput(f"hooks.{event} is not a list in it", "correct the file, then try again")
    return jsonc.put(text, ["hooks", event, len(groups)], group)


def _updated(text: str, ours: Ours, group: dict[str, Any], host: Host) -> str:
    """The text with what is ours in a hook as it is wanted; keys that a person added stay."""
    way: list[str | int] = ["hooks", ours.event, ours.place[0]]
    if host.is_grouped:
        way += ["hooks", ours.place[1]]
    item = group["hooks"][0] if host.is_grouped else {key: value for key, value in group.items() if key != "matcher"}
    for key, value in item.items():
        text = jsonc.put(text, [*way, key], value)
    return text


def _without(text: str, gone: Collection[Ours]) -> str:
    """The text without some hooks, and without the groups and lists that held nothing else."""
    for ours in sorted(gone, key=lambda each: each.place, reverse=True):  # from the end: the places before stay
        way: list[str | int] = ["hooks", ours.event, ours.place[0]]
        if len(ours.place) == 2:
            text = jsonc.removed(text, [*way, "hooks", ours.place[1]])
            if not _events(text)[ours.event][ours.place[0]]["hooks"]:
                text = jsonc.removed(text, way)
        else:
            text = jsonc.removed(text, way)
        if not _events(text)[ours.event]:
            text = jsonc.removed(text, ["hooks", ours.event])
    if gone and not _events(text):
        text = jsonc.removed(text, ["hooks"])
    return text


def _group(host: Host, moment: Moment, command: str) -> dict[str, Any]:
    wiring = host.wirings[moment]
    name, units = host.timeout
    item = {"type": "command", "command": command, name: TIMEOUT_S * units}
    matcher = {"matcher": wiring.matcher} if wiring.matcher else {}
    return {**matcher, "hooks": [item]} if host.is_grouped else {**item, **matcher}


def _matcher(group: dict[str, Any]) -> str:
    matcher = group.get("matcher", "")
    return matcher if isinstance(matcher, str) else ""


def _command_of(item: object) -> str:
    if not isinstance(item, dict):
        return ""
    return next((item[key] for key in _COMMAND_KEYS if isinstance(item.get(key), str)), "")


def _quoted(word: str) -> str:
    """A word as a POSIX shell, cmd and PowerShell read it; a path of Windows with slashes, which all of them take."""
    plain = word.replace("\\", "/") if re.match(r"[A-Za-z]:\\|\\\\", word) else word
    if re.fullmatch(r"[\w@%+=:,./~-]+", plain, re.ASCII):
        return plain
    return f'"{plain}"' if plain != word else shlex.quote(plain)
