"""Assistants' configuration files: our entry put into one or taken out, with everything else as it was, and what one says now."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rekall.errors import InvalidInput
from rekall.mcp.clients import ENVIRONMENTS, HEADERS, OURS, SERVER_NAME, Client
from rekall.mcp.launching import HOME, Address, Launch, without_token
from rekall.system.jsonc import is_bare, parsed, put, removed
from rekall.system.their_files import copies, planned


@dataclass(frozen=True, slots=True)
class Standing:
    """What a client's file says of Rekall.

    Attributes:
        state: "configured", "not configured", "missing" (its command is gone) or "unreadable".
        command: The command or address that it names; empty where there is none.
        problem: Why the file cannot be read.
    """

    state: str
    command: str = ""
    problem: str = ""


def snippet(client: Client, launch: Launch | Address) -> str:
    """The whole text of a file that holds nothing else."""
    return _put(client, "", client.entry(launch))


def merged(client: Client, text: str, launch: Launch | Address) -> str:
    """The text of a client's file with the entry in it; everything else stays.

    Raises:
        InvalidInput: The text cannot be read, or holds something else in that place.
    """
    servers = _servers(client, text)
    old = servers.get(SERVER_NAME)
    entry = client.entry(launch)
    if isinstance(old, Mapping) and ({"command", "cmd"} & old.keys() or _is_there(client, old, launch)):
        entry |= {key: value for key, value in old.items() if key not in OURS and key not in entry}
        entry |= {key: old[key] for key in ("enabled", "timeout", "tools") if key in old}  # what a person set stays
        for name in HEADERS if isinstance(launch, Address) else ENVIRONMENTS:
            said = old.get(name)
            kept = {key: value for key, value in said.items() if key != HOME} if isinstance(said, Mapping) else {}
            if kept:
                entry[name] = {**kept, **entry.get(name, {})}
    return text if old == entry else _put(client, text, entry)


def without(client: Client, text: str) -> str:
    """The text of a client's file without the entry, and without the section that held nothing else."""
    servers = _servers(client, text)
    if SERVER_NAME not in servers:
        return text
    if client.format == "toml":
        from rekall.mcp import toml_entry

        return toml_entry.removed_entry(text, client.section, SERVER_NAME)
    if client.format == "yaml":
        from rekall.mcp.yaml_entry import removed_entry

        return removed_entry(text, client.section, SERVER_NAME)
    rest = removed(text, [client.section, SERVER_NAME])
    return removed(rest, [client.section]) if is_bare(rest, [client.section]) else rest


def standing(client: Client, path: Path) -> Standing:
    """What a client's file says of Rekall, and whether what it names is still there."""
    try:
        entry = _servers(client, planned(path, lambda text: text).old).get(SERVER_NAME)
    except (InvalidInput, OSError) as error:
        return Standing("unreadable", problem=str(error))
    if not isinstance(entry, Mapping):
        return Standing("not configured")
    named = entry.get("command", entry.get("cmd", entry.get(client.address or "url", "")))
    command = str(named[0] if isinstance(named, list) and named else named or "")
    is_local = "command" in entry or "cmd" in entry
    return Standing("missing" if is_local and shutil.which(command) is None else "configured", command)


def write_entry(client: Client, path: Path, launch: Launch | Address) -> Path | None:
    """Put the entry into a client's file, after a copy was made beside it. A file with the token is its owner's alone.

    Returns:
        The copy; None when there was no file before, or nothing to change.

    Raises:
        InvalidInput: The file cannot be read; nothing was changed.
    """
    try:
        return planned(path, lambda old: merged(client, old, launch)).write(private=isinstance(launch, Address))
    except InvalidInput as error:
        shown = snippet(client, without_token(launch))
        hint = error.hint or f"add this yourself:\n\n{shown}"
        raise InvalidInput(f"{path} was left alone: {error.message}", hint) from error


def remove_entry(client: Client, path: Path) -> Path | None:
    """Take the entry out of a client's file, after a copy was made beside it; a file that holds nothing else goes.

    Where a copy shows that only the entry has come since, the file is again what it was, to the byte.

    Returns:
        The copy; None when there was nothing to take out, or nothing else in the file.

    Raises:
        InvalidInput: The file cannot be read; nothing was changed.
    """
    if not path.exists():
        return None
    try:
        change = planned(path, lambda old: _before(client, path, old))
        return change.write(keep=change.new is not None)
    except InvalidInput as error:
        hint = error.hint or f"take {SERVER_NAME} out of {client.section} yourself"
        raise InvalidInput(f"{path} was left alone: {error.message}", hint) from error


def _before(client: Client, path: Path, text: str) -> str | None:
    """What a file said before the entry came; None where it was not there."""
    entry = _servers(client, text).get(SERVER_NAME)
    if not isinstance(entry, Mapping):
        return without(client, text)
    for copy in copies(path):
        try:
            old = copy.read_bytes().decode("utf-8-sig")
            if SERVER_NAME not in _servers(client, old) and _put(client, old, dict(entry)) == text:
                return old
        except (InvalidInput, OSError, UnicodeDecodeError):  # it is no copy of this file
            continue
    return None if _put(client, "", dict(entry)) == text else without(client, text)


def _servers(client: Client, text: str) -> Mapping[str, Any]:
    """What stands in the section of a client's file; empty where there is none.

    Raises:
        InvalidInput: The text cannot be read, or holds something else there.
    """
    if client.format == "toml":
        from rekall.mcp import toml_entry

        document: Any = toml_entry.read(text)
    elif client.format == "yaml":
        from rekall.mcp.yaml_entry import read

        document = read(text)
    else:
        document = parsed(text)
    document = {} if document is None else document  # null, or nothing
    if not isinstance(document, Mapping):
        raise InvalidInput("it is not a JSON object" if client.format == "json" else "it holds no keys")
    servers = document.get(client.section, {})
    if servers is None:  # a key with nothing below it
        return {}
    if not isinstance(servers, Mapping):
        raise InvalidInput(f"{client.section} is not an object in it")
    return servers


def _put(client: Client, text: str, entry: dict[str, Any]) -> str:
    if client.format == "toml":
        from rekall.mcp import toml_entry

        return toml_entry.put_entry(text, client.section, SERVER_NAME, entry)
    if client.format == "yaml":
        from rekall.mcp.yaml_entry import put_entry

        return put_entry(text, client.section, SERVER_NAME, entry)
    return put(text, [client.section, SERVER_NAME], entry)


def _is_there(client: Client, old: Mapping[str, Any], launch: Launch | Address) -> bool:
    """Whether an entry already names the server at that address."""
    return isinstance(launch, Address) and old.get(client.address) == launch.url
