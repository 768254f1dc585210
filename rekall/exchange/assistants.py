"""Where the assistants of developers keep what they remember, for `rekall import --from`.

Nothing is read here: a door shows what was found and asks. Memories that an assistant keeps in a database or with its maker
(Cursor's own, Copilot's on GitHub) are no files, and are not found.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from rekall.errors import NotFound
from rekall.system.homes import expanded

_TEXTS = (".md", ".mdc", ".markdown", ".txt", ".json", ".jsonl")
_EDITORS = ("Code", "Code - Insiders", "VSCodium", "Code - OSS")
_SERVERS = (".vscode-server", ".vscode-server-insiders", ".vscode-remote", ".vscodium-server")
_CHAT = re.compile(r"github\.copilot(?:-chat)?\Z", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Places:
    """Where to look.

    Attributes:
        home: The home folder.
        project: The folder that a person works in; None for no project.
        environ: The environment.
    """

    home: Path
    project: Path | None
    environ: Mapping[str, str]

    def own(self, variable: str, default: str) -> Path:
        """An assistant's own folder: where a variable says, else at its usual place in the home folder."""
        return expanded(self.environ[variable]) if self.environ.get(variable) else self.home / default

    def projects(self) -> Iterator[Path]:
        """The project's folder and those above it, up to its repository; never the home folder or what is above that."""
        folder = self.project
        while (
            folder is not None and folder != self.home and folder not in self.home.parents and folder != folder.parent
        ):
            yield folder
            folder = None if (folder / ".git").exists() else folder.parent


@dataclass(frozen=True, slots=True)
class Assistant:
    """An assistant whose memories can be imported.

    Attributes:
        title: Its name as people read it.
        keeps: Where it keeps them, one sentence.
        find: The files that may be there.
    """

    title: str
    keeps: str
    find: Callable[[Places], Iterator[Path]]


def find_memories(assistant: str, home: Path, project_folder: Path | None, environ: Mapping[str, str]) -> list[Path]:
    """The files in which an assistant keeps what it remembers, each once, in order; empty where it keeps none here.

    Args:
        assistant: Its name, one of `ASSISTANTS`.
        home: The home folder.
        project_folder: The folder that a person works in; its project's own files are found too.
        environ: The environment, which may name other places.

    Raises:
        NotFound: There is no such assistant.
    """
    known = ASSISTANTS.get(assistant.strip().lower())
    if known is None:
        raise NotFound(f"no assistant {assistant!r}", f"one of: {', '.join(ASSISTANTS)}")
    project = project_folder.absolute() if project_folder is not None else None
    found: dict[Path, Path] = {}
    for path in known.find(Places(home.absolute(), project, environ)):
        if path.is_file() and path.stat().st_size:
            found.setdefault(path.resolve(), path)
    return sorted(found.values())


def _claude_code(places: Places) -> Iterator[Path]:
    own = places.own("CLAUDE_CONFIG_DIR", ".claude")
    yield own / "CLAUDE.md"
    yield from _texts(own / "rules")
    for memory in _inside(own / "projects", "*/memory"):
        yield from _texts(memory)
    yield from _texts(own / "agent-memory")
    for folder in places.projects():
        yield from (folder / "CLAUDE.md", folder / "CLAUDE.local.md", folder / ".claude" / "CLAUDE.md")
        for name in ("rules", "agent-memory", "agent-memory-local", "memory"):
            yield from _texts(folder / ".claude" / name)


def _copilot(places: Places) -> Iterator[Path]:
    for user in _editor_folders(places):
        for storage in (user / "globalStorage", *_inside(user / "workspaceStorage", "*")):
            for chat in _inside(storage, "*"):
                if _CHAT.match(chat.name):
                    yield from _texts(chat / "memory-tool" / "memories")
        yield from _inside(user / "prompts", "*.instructions.md")
    own = places.own("COPILOT_HOME", ".copilot")
    yield own / "copilot-instructions.md"
    for name in ("instructions", "memories", "memory"):
        yield from _texts(own / name)
    for folder in places.projects():
        yield folder / ".github" / "copilot-instructions.md"
        yield from _inside(folder / ".github" / "instructions", "**/*.instructions.md")


def _cursor(places: Places) -> Iterator[Path]:
    yield from _texts(places.home / ".cursor" / "rules")
    for folder in places.projects():
        yield folder / ".cursorrules"
        for name in ("rules", "memories"):
            yield from _texts(folder / ".cursor" / name)


def _gemini(places: Places) -> Iterator[Path]:
    own = places.own("GEMINI_CLI_HOME", ".") / ".gemini"
    yield own / "GEMINI.md"
    for memory in (*_inside(own / "tmp", "*/memory"), *_inside(own / "memory", "*")):
        yield from _texts(memory)
    for folder in places.projects():
        yield from (folder / "GEMINI.md", folder / ".gemini" / "GEMINI.md")


def _windsurf(places: Places) -> Iterator[Path]:
    yield from _texts(places.home / ".codeium" / "windsurf" / "memories")
    for folder in places.projects():
        yield folder / ".windsurfrules"
        yield from _texts(folder / ".windsurf" / "rules")


def _codex(places: Places) -> Iterator[Path]:
    own = places.own("CODEX_HOME", ".codex")
    yield from (own / "AGENTS.md", own / "AGENTS.override.md")
    yield from _texts(own / "memories")
    for folder in places.projects():
        yield from (folder / "AGENTS.md", folder / "AGENTS.override.md")


def _cline(places: Places) -> Iterator[Path]:
    yield from _texts(places.home / "Documents" / "Cline" / "Rules")
    for folder in places.projects():
        yield folder / ".clinerules"
        yield from _texts(folder / ".clinerules")
        yield from _texts(folder / "memory-bank")


ASSISTANTS: Mapping[str, Assistant] = {
    "claude-code": Assistant(
        "Claude Code",
        "CLAUDE.md and rules of yours and of the project, and its own memory of every project.",
        _claude_code,
    ),
    "copilot": Assistant(
        "GitHub Copilot", "The memory folders of VS Code, and the instructions of yours and of the project.", _copilot
    ),
    "cursor": Assistant(
        "Cursor",
        "Rules of yours and of the project; what it keeps in its settings or with its maker is no file.",
        _cursor,
    ),
    "gemini": Assistant(
        "Gemini", "GEMINI.md of yours and of the project, and its own memory of every project.", _gemini
    ),
    "windsurf": Assistant("Windsurf", "Its global rules, and the rules of the project.", _windsurf),
    "codex": Assistant("Codex", "AGENTS.md of yours and of the project, and its own memories.", _codex),
    "cline": Assistant("Cline", "Rules of yours and of the project, and the project's memory bank.", _cline),
}
"""The assistants whose memories are files."""


def _editor_folders(places: Places) -> Iterator[Path]:
    """The folders in which VS Code and its kin keep a person's data, on every system and on both ends of a remote session."""
    bases = [
        places.own("XDG_CONFIG_HOME", ".config"),
        places.home / "Library" / "Application Support",
        places.own("APPDATA", "AppData/Roaming"),
    ]
    yield from (base / editor / "User" for base in bases for editor in _EDITORS)
    yield from (places.home / server / "data" / "User" for server in _SERVERS)
    if places.environ.get("VSCODE_PORTABLE"):
        yield Path(places.environ["VSCODE_PORTABLE"]) / "user-data" / "User"


def _texts(folder: Path) -> Iterator[Path]:
    """The files with text in a folder, however deep."""
    return (path for path in _inside(folder, "**/*") if path.suffix.lower() in _TEXTS)


def _inside(folder: Path, pattern: str) -> list[Path]:
    """What a folder holds, in order; nothing for one that is not there."""
    return sorted(folder.glob(pattern)) if folder.is_dir() else []
