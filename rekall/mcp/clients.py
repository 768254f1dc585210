"""The assistants that are known: where each keeps its configuration, and what the entry that starts Rekall looks like there.

docs/mcp.md says against what each was checked.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rekall.errors import InvalidInput, NotFound
from rekall.mcp.launching import Address, Launch
from rekall.system.homes import below_home, expanded, home_folder

SERVER_NAME = "rekall"

ADDRESSES = ("url", "httpUrl", "serverUrl", "uri")
HEADERS = ("headers", "http_headers")
ENVIRONMENTS = ("env", "envs", "environment")
OURS = ("type", "command", "cmd", "args", *ENVIRONMENTS, *ADDRESSES, *HEADERS)
"""The keys that are rewritten; anything else a person put there stays."""


@dataclass(frozen=True, slots=True)
class Client:
    """An assistant: where its configuration lies, and how it names a server there.

    Attributes:
        files: Its file by platform ("darwin", "win32", other), below the home folder or `%APPDATA%`; empty for one that
            keeps it where no other program should write.
        section: The key that holds its servers.
        style: What an entry looks like; see `entry`.
        address: What it calls the address of a server over HTTP; empty where it reads none from this file.
        project: Its file for a project, below the project's top folder; empty where it has none.
        sign: A file or folder that is there where the assistant is installed, as in `files`; the file's folder by default.
        paste: Where a person puts the entry, for one without a file.
        moved_by: The variable that names another folder for its file, and the file in there.
    """

    name: str
    title: str
    files: Mapping[str, str]
    section: str
    style: str = "command"
    address: str = "url"
    project: str = ""
    sign: str = ""
    paste: str = ""
    moved_by: tuple[str, str] = ("", "")

    def path(self, environ: Mapping[str, str] = os.environ, platform: str = sys.platform) -> Path:
        """Its configuration file on this machine."""
        variable, file = self.moved_by
        moved = environ.get(variable, "") if variable else ""
        return _as_kept(expanded(moved) / file if moved else self._place(self.files, environ, platform))

    def project_path(self, top: Path) -> Path:
        """Its file for a project, below the project's top folder."""
        return _as_kept(top / self.project)

    def is_installed(self) -> bool:
        """Whether it seems to be on this machine."""
        if not self.files:
            return False
        sign = self._place({"other": self.sign}, os.environ, "") if self.sign else self.path().parent
        return self.path().exists() or (sign != home_folder() and sign.exists())

    @property
    def format(self) -> str:
        """How its file is written: "json", "toml" or "yaml"."""
        suffix = Path(self.files.get("other", "")).suffix
        return {".toml": "toml", ".yaml": "yaml"}.get(suffix, "json")

    def entry(self, launch: Launch | Address) -> dict[str, Any]:
        """What stands below the server's name.

        Raises:
            InvalidInput: It knows no server over HTTP.
        """
        return self._remote_entry(launch) if isinstance(launch, Address) else self._local_entry(launch)

    def _local_entry(self, launch: Launch) -> dict[str, Any]:
        env, command, arguments = dict(launch.env), launch.command, list(launch.arguments)
        if self.style == "list":  # OpenCode
            more = {"environment": env} if env else {}
            return {"type": "local", "command": [command, *arguments], "enabled": True, **more}
        if self.style == "goose":
            kept = {"type": "stdio", "enabled": True, "timeout": 300, "envs": env}
            return {"name": SERVER_NAME, "cmd": command, "args": arguments, **kept}
        named = {"command": command, "args": arguments, **({"env": env} if env else {})}
        if self.style == "copilot":
            return {"type": "local", **named, "tools": ["*"]}
        return {"type": "stdio", **named} if self.style == "typed" else named

    def _remote_entry(self, there: Address) -> dict[str, Any]:
        if not self.address:
            raise InvalidInput(
                f"{self.title} starts its servers itself", f"run `rekall mcp install {self.name}` without --http"
            )
        kinds: dict[str, dict[str, Any]] = {
            "list": {"type": "remote", "enabled": True},
            "typed": {"type": "http"},
            "copilot": {"type": "http", "tools": ["*"]},
            "cline": {"type": "streamableHttp"},
            "goose": {"name": SERVER_NAME, "type": "streamable_http", "enabled": True, "timeout": 300},
        }
        headers = {"Authorization": f"Bearer {there.token}"}
        return {
            **kinds.get(self.style, {}),
            self.address: there.url,
            "http_headers" if self.format == "toml" else "headers": headers,
        }

    @staticmethod
    def _place(files: Mapping[str, str], environ: Mapping[str, str], platform: str) -> Path:
        file = files.get(platform) or files["other"]
        if platform == "win32" and platform in files:
            return Path(environ.get("APPDATA") or below_home("AppData/Roaming")) / file
        settings = environ.get("XDG_CONFIG_HOME", "")
        if file.startswith(".config/") and os.path.isabs(settings):
            return Path(settings) / file.removeprefix(".config/")
        return below_home(file)


def _as_kept(path: Path) -> Path:
    """A file of JSON, or the one beside it that says by its name that it has comments, where only that is there."""
    commented = path.with_suffix(".jsonc")
    return commented if path.suffix == ".json" and commented.exists() and not path.exists() else path


_DESKTOP = "Claude/claude_desktop_config.json"
_CODE = "Code/User"
_CLINE = "globalStorage/saoudrizwan.claude-dev/settings/cline_mcp_settings.json"


def _application(file: str) -> dict[str, str]:
    """Where a program with windows keeps a file on each system."""
    return {"darwin": f"Library/Application Support/{file}", "win32": file, "other": f".config/{file}"}


CLIENTS = (
    Client("claude-desktop", "Claude Desktop", _application(_DESKTOP), "mcpServers", address=""),
    Client(
        "claude-code",
        "Claude Code",
        {"other": ".claude.json"},
        "mcpServers",
        "typed",
        project=".mcp.json",
        sign=".claude",
        moved_by=("CLAUDE_CONFIG_DIR", ".claude.json"),
    ),
    Client("cline", "Cline in Visual Studio Code", _application(f"{_CODE}/{_CLINE}"), "mcpServers", "cline"),
    Client(
        "cline-cli",
        "Cline in the terminal",
        {"other": ".cline/data/settings/cline_mcp_settings.json"},
        "mcpServers",
        "cline",
        sign=".cline",
    ),
    Client(
        "codex",
        "Codex",
        {"other": ".codex/config.toml"},
        "mcp_servers",
        project=".codex/config.toml",
        moved_by=("CODEX_HOME", "config.toml"),
    ),
    Client(
        "continue",
        "Continue",
        {"other": ".continue/mcpServers/rekall.json"},
        "mcpServers",
        address="",
        project=".continue/mcpServers/rekall.json",
        sign=".continue",
    ),
    Client(
        "copilot-cli",
        "GitHub Copilot CLI",
        {"other": ".copilot/mcp-config.json"},
        "mcpServers",
        "copilot",
        project=".github/mcp.json",
        moved_by=("COPILOT_HOME", "mcp-config.json"),
    ),
    Client("cursor", "Cursor", {"other": ".cursor/mcp.json"}, "mcpServers", project=".cursor/mcp.json"),
    Client(
        "gemini",
        "Gemini CLI",
        {"other": ".gemini/settings.json"},
        "mcpServers",
        address="httpUrl",
        project=".gemini/settings.json",
    ),
    Client(
        "goose",
        "goose",
        {"win32": "Block/goose/config/config.yaml", "other": ".config/goose/config.yaml"},
        "extensions",
        "goose",
        address="uri",
    ),
    Client(
        "jetbrains",
        "JetBrains AI Assistant",
        {},
        "mcpServers",
        address="",
        paste="Settings | Tools | AI Assistant | Model Context Protocol (MCP) | Add | As JSON",
    ),
    Client(
        "junie",
        "JetBrains Junie",
        {"other": ".junie/mcp/mcp.json"},
        "mcpServers",
        address="",
        project=".junie/mcp/mcp.json",
        sign=".junie",
    ),
    Client(
        "kiro",
        "Kiro",
        {"other": ".kiro/settings/mcp.json"},
        "mcpServers",
        project=".kiro/settings/mcp.json",
        sign=".kiro",
    ),
    Client("opencode", "OpenCode", {"other": ".config/opencode/opencode.json"}, "mcp", "list", project="opencode.json"),
    Client(
        "qwen",
        "Qwen Code",
        {"other": ".qwen/settings.json"},
        "mcpServers",
        address="httpUrl",
        project=".qwen/settings.json",
    ),
    Client(
        "vscode",
        "Visual Studio Code",
        _application(f"{_CODE}/mcp.json"),
        "servers",
        "typed",
        project=".vscode/mcp.json",
    ),
    Client("windsurf", "Windsurf", {"other": ".codeium/windsurf/mcp_config.json"}, "mcpServers", address="serverUrl"),
    Client("zed", "Zed", {"win32": "Zed/settings.json", "other": ".config/zed/settings.json"}, "context_servers"),
)

_OTHERS = {
    "aider": (
        "aider starts no MCP servers",
        "put what `rekall hook line` prints into a file that it reads (`read: CONVENTIONS.md` in .aider.conf.yml); "
        "`/run rekall search WORDS` shows it what is known",
    )
}
"""Assistants that people ask for and that cannot start a server."""


def find_client(name: str) -> Client:
    """The client of that name or title, in either case.

    Raises:
        NotFound: It is not known; the nearest is suggested.
    """
    import difflib

    known = {client.name: client for client in CLIENTS}
    by_title = {client.title.lower(): client for client in CLIENTS}
    said = name.strip().lower()
    if said in known or said in by_title:
        return known.get(said) or by_title[said]
    if said in _OTHERS:
        raise NotFound(*_OTHERS[said])
    near = difflib.get_close_matches(said, known, n=1)
    hint = f"did you mean {near[0]}? " if near else ""
    raise NotFound(f"unknown client {name!r}", f"{hint}clients: {', '.join(known)}")
