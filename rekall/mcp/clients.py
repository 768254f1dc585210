"""The configuration files of AI assistants, and the entry that lets each of them start Rekall."""

from __future__ import annotations

import codecs
import itertools
import json
import os
import re
import sys
from collections.abc import Mapping, MutableMapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from rekall.errors import InvalidInput, NotFound
from rekall.system.files import write_atomically

SERVER_NAME = "rekall"

_ADDRESS = ("url", "httpUrl", "serverUrl")
_HEADERS = ("headers", "http_headers")
_OURS = ("type", "command", "args", "env", "environment", *_ADDRESS, *_HEADERS)
"""The keys that are rewritten; anything else a person put there stays."""

_PLACEHOLDER = "TOKEN"
_LONE_SURROGATE = re.compile("[\ud800-\udfff]")
"""Half of a character that somebody cut: JSON can hold it, UTF-8 cannot."""


@dataclass(frozen=True, slots=True)
class Client:
    """An assistant: where its configuration lies, and how it names a server there.

    Attributes:
        files: Its file by platform ("darwin", "win32", other), below the home folder or `%APPDATA%`.
        section: The key that holds its servers.
        style: "command" for command and args; "typed" with a type besides; "list" for one list of both.
        address: What it calls the address of a server over HTTP; empty where it reads none from this file.
    """

    name: str
    title: str
    files: Mapping[str, str]
    section: str
    style: str = "command"
    address: str = "url"

    def path(self, environ: Mapping[str, str] = os.environ, platform: str = sys.platform) -> Path:
        """Its configuration file on this machine."""
        file = self.files.get(platform) or self.files["other"]
        if platform == "win32" and platform in self.files:
            return Path(environ.get("APPDATA") or Path.home() / "AppData" / "Roaming") / file
        return Path.home() / file

    @property
    def is_toml(self) -> bool:
        """Whether its file is TOML; else it is JSON."""
        return self.files["other"].endswith(".toml")

    def entry(self, launch: Launch | Address) -> dict[str, Any]:
        """What stands below the server's name.

        Raises:
            InvalidInput: It knows no server over HTTP.
        """
        if isinstance(launch, Address):
            return self._remote_entry(launch)
        env = {"env": dict(launch.env)} if launch.env else {}
        if self.style == "list":
            environment = {"environment": dict(launch.env)} if launch.env else {}
            return {"type": "local", "command": [launch.command, *launch.arguments], "enabled": True, **environment}
        typed = {"type": "stdio"} if self.style == "typed" else {}
        return {**typed, "command": launch.command, "args": list(launch.arguments), **env}

    def _remote_entry(self, there: Address) -> dict[str, Any]:
        if not self.address:
            raise InvalidInput(
                f"{self.title} starts its servers itself", f"run `rekall mcp install {self.name}` without --http"
            )
        kinds: dict[str, dict[str, Any]] = {"list": {"type": "remote", "enabled": True}, "typed": {"type": "http"}}
        headers = {"Authorization": f"Bearer {there.token}"}
        return {
            **kinds.get(self.style, {}),
            self.address: there.url,
            "http_headers" if self.is_toml else "headers": headers,
        }

    def snippet(self, launch: Launch | Address) -> str:
        """The whole text of a file that holds nothing else."""
        return self._dump({self.section: {SERVER_NAME: self.entry(launch)}})

    def merged(self, text: str, launch: Launch | Address) -> str:
        """The text of its file with the entry in it; everything else stays.

        Raises:
            InvalidInput: The text cannot be read, or holds something else in that place.
        """
        document = self._parse(text)
        servers = document.setdefault(self.section, {})
        if not isinstance(servers, MutableMapping):
            raise InvalidInput(f"{self.section} is not an object in it", "correct the file, then try again")
        old = servers.get(SERVER_NAME)
        entry = self.entry(launch)
        if isinstance(old, Mapping) and (
            "command" in old or self._is_there(old, launch)
        ):  # else it named another server
            entry |= {key: value for key, value in old.items() if key not in _OURS}
            for name in _HEADERS:
                if name in entry and isinstance(old.get(name), Mapping):
                    entry[name] = {**old[name], **entry[name]}
        if old == entry:
            return text
        servers[SERVER_NAME] = entry
        new = self._dump(document, text)
        return new.replace("\r\n", "\n").replace("\n", "\r\n") if "\r\n" in text else new

    def _is_there(self, old: Mapping[str, Any], launch: Launch | Address) -> bool:
        """Whether an entry already names the server at that address."""
        return isinstance(launch, Address) and old.get(self.address) == launch.url

    def _parse(self, text: str) -> MutableMapping[str, Any]:
        if self.is_toml:
            import tomlkit
            from tomlkit.exceptions import TOMLKitError

            try:
                return tomlkit.parse(text)
            except TOMLKitError as error:
                raise InvalidInput(f"it is not TOML: {error}") from error
        try:
            document = json.loads(text) if text.strip() else {}
        except (ValueError, RecursionError) as error:
            raise InvalidInput(f"it is not plain JSON ({error}); comments would be lost") from error
        if not isinstance(document, dict):
            raise InvalidInput("it is not a JSON object")
        return document

    def _dump(self, document: MutableMapping[str, Any], like: str = "") -> str:
        if self.is_toml:
            import tomlkit

            return tomlkit.dumps(document)
        indent = re.search(r"^([ \t]+)\S", like, re.MULTILINE)
        end = "" if like and not like.endswith("\n") else "\n"
        dumped = json.dumps(document, indent=indent[1] if indent else 2, ensure_ascii=False)
        return _LONE_SURROGATE.sub(lambda half: f"\\u{ord(half[0]):04x}", dumped) + end


@dataclass(frozen=True, slots=True)
class Launch:
    """How a client starts the server."""

    command: str
    arguments: tuple[str, ...]
    env: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Address:
    """Where a server over HTTP is, and what it wants to be sent."""

    url: str
    token: str = field(repr=False)


_DESKTOP = "Claude/claude_desktop_config.json"

CLIENTS = (
    Client(
        "claude-desktop",
        "Claude Desktop",
        {"darwin": f"Library/Application Support/{_DESKTOP}", "win32": _DESKTOP, "other": f".config/{_DESKTOP}"},
        "mcpServers",
        address="",
    ),
    Client("claude-code", "Claude Code", {"other": ".claude.json"}, "mcpServers", "typed"),
    Client("codex", "Codex", {"other": ".codex/config.toml"}, "mcp_servers"),
    Client("cursor", "Cursor", {"other": ".cursor/mcp.json"}, "mcpServers"),
    Client("gemini", "Gemini CLI", {"other": ".gemini/settings.json"}, "mcpServers", address="httpUrl"),
    Client("opencode", "OpenCode", {"other": ".config/opencode/opencode.json"}, "mcp", "list"),
    Client(
        "vscode",
        "Visual Studio Code",
        {
            "darwin": "Library/Application Support/Code/User/mcp.json",
            "win32": "Code/User/mcp.json",
            "other": ".config/Code/User/mcp.json",
        },
        "servers",
        "typed",
    ),
    Client("windsurf", "Windsurf", {"other": ".codeium/windsurf/mcp_config.json"}, "mcpServers", address="serverUrl"),
    Client("zed", "Zed", {"win32": "Zed/settings.json", "other": ".config/zed/settings.json"}, "context_servers"),
)


def find_client(name: str) -> Client:
    """The client of that name.

    Raises:
        NotFound: It is not known; the nearest is suggested.
    """
    import difflib

    known = {client.name: client for client in CLIENTS}
    if name.lower() in known:
        return known[name.lower()]
    near = difflib.get_close_matches(name.lower(), known, n=1)
    hint = f"did you mean {near[0]}? " if near else ""
    raise NotFound(f"unknown client {name!r}", f"{hint}clients: {', '.join(known)}")


def this_launch(home: str | None, *, read_only: bool = False) -> Launch:
    """How to start the server of this very installation; clients do not have the shell's PATH.

    Args:
        home: REKALL_HOME, when it is set.
        read_only: With `--read-only`.
    """
    arguments = ("mcp", "--read-only") if read_only else ("mcp",)
    env = (("REKALL_HOME", str(Path(home).expanduser().absolute())),) if home else ()
    script = Path(sys.executable).with_name("rekall.exe" if sys.platform == "win32" else "rekall")
    if script.exists():
        return Launch(str(script), arguments, env)
    # not -m, which would look for modules in the folder that the client has open
    start = "import sys; sys.path.pop(0); from rekall.cli.main import run; run()"
    return Launch(sys.executable, ("-c", start, *arguments), env)


def write_entry(client: Client, path: Path, launch: Launch | Address) -> Path | None:
    """Put the entry into a client's file, after a copy was made beside it. A file with the token is its owner's alone.

    Returns:
        The copy; None when there was no file before, or nothing to change.

    Raises:
        InvalidInput: The file cannot be read; nothing was changed.
    """
    path = path.resolve()  # a link of somebody's dotfiles stays one
    try:
        data = path.read_bytes() if path.exists() else b""  # line ends as they are
        mark = codecs.BOM_UTF8 if data.startswith(codecs.BOM_UTF8) else b""  # Windows' editors write one
        old = data.removeprefix(mark).decode("utf-8")
        new = client.merged(old, launch)
    except InvalidInput as error:
        raise InvalidInput(
            f"{path} was left alone: {error.message}", f"add this yourself:\n\n{client.snippet(without_token(launch))}"
        ) from error
    except UnicodeDecodeError as error:
        raise InvalidInput(f"{path} was left alone: it is not UTF-8", "convert it, then try again") from error
    if new == old:
        return None
    path.parent.mkdir(parents=True, exist_ok=True)
    copy = None
    if path.exists():
        copy = _free_name(path)
        mode = path.stat().st_mode & (0o700 if isinstance(launch, Address) else 0o777)
        write_atomically(copy, data)
        write_atomically(path, mark + new.encode(), is_named=True)
        path.chmod(mode)
        copy.chmod(mode)
    else:
        write_atomically(path, new.encode(), is_named=True)
    return copy


def without_token(launch: Launch | Address) -> Launch | Address:
    """The same to be shown: a token is written into files, never on a screen."""
    return replace(launch, token=_PLACEHOLDER) if isinstance(launch, Address) else launch


def _free_name(path: Path) -> Path:
    """Where the copy goes: no copy takes the place of an earlier one."""
    names = (f"{path.name}.before-rekall{f'-{number}' if number > 1 else ''}" for number in itertools.count(1))
    return next(copy for name in names if not (copy := path.with_name(name)).exists())
