"""Where assistants keep what they remember: every place is found on every system, and nothing else is."""

from __future__ import annotations

from pathlib import Path

import pytest

from rekall.errors import NotFound
from rekall.exchange.assistants import ASSISTANTS, find_memories

MAC, WINDOWS = "Library/Application Support", "AppData/Roaming"
CHAT = "github.copilot-chat/memory-tool/memories"
HOME = {
    "claude-code": [
        *(
            ".claude/CLAUDE.md",
            ".claude/rules/style.md",
            ".claude/projects/-home-ana-app/memory/MEMORY.md",
            ".claude/projects/-home-ana-app/memory/deep/debugging.md",
        ),
        ".claude/agent-memory/reviewer/MEMORY.md",
    ],
    "copilot": [
        *(
            f".config/Code/User/globalStorage/{CHAT}/preferences.md",
            f"{MAC}/Code - Insiders/User/globalStorage/{CHAT}/repo/build.md",
        ),
        f"{WINDOWS}/Code/User/workspaceStorage/0123abcd/GitHub.copilot-chat/memory-tool/memories/repo/facts.jsonl",
        f".vscode-server/data/User/globalStorage/{CHAT}/remote.md",
        *(
            ".config/Code/User/prompts/mine.instructions.md",
            ".copilot/copilot-instructions.md",
            ".copilot/instructions/x.instructions.md",
        ),
    ],
    "cursor": [".cursor/rules/all.mdc"],
    "gemini": [".gemini/GEMINI.md", ".gemini/tmp/app/memory/MEMORY.md", ".gemini/memory/app/GEMINI.md"],
    "windsurf": [".codeium/windsurf/memories/global_rules.md"],
    "codex": [".codex/AGENTS.md", ".codex/memories/MEMORY.md"],
    "cline": ["Documents/Cline/Rules/mine.md"],
}
PROJECT = {
    "claude-code": [
        "CLAUDE.md",
        "CLAUDE.local.md",
        ".claude/CLAUDE.md",
        ".claude/rules/api/x.md",
        ".claude/agent-memory-local/a/MEMORY.md",
    ],
    "copilot": [".github/copilot-instructions.md", ".github/instructions/deep/py.instructions.md"],
    "cursor": [".cursorrules", ".cursor/rules/deep/py.mdc"],
    "gemini": ["GEMINI.md"],
    "windsurf": [".windsurfrules", ".windsurf/rules/x.md"],
    "codex": ["AGENTS.md"],
    "cline": [".clinerules", "memory-bank/activeContext.md"],
}
NONE = [
    *(
        ".claude/settings.json",
        ".claude/projects/-home-ana-app/0a1b.jsonl",
        ".claude/history.jsonl",
        ".gemini/oauth_creds.json",
        ".codex/auth.json",
    ),
    *(
        ".gemini/tmp/app/chats/session.json",
        ".config/Code/User/settings.json",
        ".codeium/windsurf/memories/x.pb",
        ".copilot/config.json",
    ),
    ".config/Code/User/globalStorage/other.extension/memory-tool/memories/x.md",
]


@pytest.fixture
def home(tmp_path: Path) -> Path:
    for name in (*(name for names in HOME.values() for name in names), *NONE):
        path = tmp_path / "ana" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("something to remember", "utf-8")
    return tmp_path / "ana"


@pytest.fixture
def project(home: Path) -> Path:
    for name in (name for names in PROJECT.values() for name in names):
        path = home / "code" / "app" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("something of the project", "utf-8")
    (home / "code" / "app" / ".git").mkdir()
    (home / "code" / "CLAUDE.md").write_text("above the repository", "utf-8")
    return home / "code" / "app"


@pytest.mark.parametrize("assistant", ASSISTANTS)
def test_every_place_is_found_and_no_other(assistant: str, home: Path, project: Path) -> None:
    alone = find_memories(assistant, home, None, {})
    assert alone == sorted(home / name for name in HOME[assistant])
    inside = project / "src" / "deep"
    inside.mkdir(parents=True)
    both = find_memories(assistant, home, inside, {})
    assert both == sorted([*alone, *(project / name for name in PROJECT[assistant])])


@pytest.mark.parametrize(
    ("assistant", "variable", "inside"),
    [
        ("claude-code", "CLAUDE_CONFIG_DIR", "CLAUDE.md"),
        ("copilot", "COPILOT_HOME", "copilot-instructions.md"),
        ("gemini", "GEMINI_CLI_HOME", ".gemini/GEMINI.md"),
        ("codex", "CODEX_HOME", "AGENTS.md"),
    ],
)
def test_a_variable_names_another_place(assistant: str, variable: str, inside: str, tmp_path: Path) -> None:
    file = tmp_path / "elsewhere" / inside
    file.parent.mkdir(parents=True)
    file.write_text("x", "utf-8")
    assert find_memories(assistant, tmp_path / "nobody", None, {variable: str(tmp_path / "elsewhere")}) == [file]


@pytest.mark.parametrize("assistant", ASSISTANTS)
def test_nothing_is_there(assistant: str, tmp_path: Path) -> None:
    assert find_memories(assistant, tmp_path / "nobody", tmp_path, {}) == []


def test_empty_files_and_the_same_file_twice_are_left_out(tmp_path: Path) -> None:
    own = tmp_path / ".claude"
    (own / "rules").mkdir(parents=True)
    (own / "CLAUDE.md").write_text("x", "utf-8")
    (own / "rules" / "empty.md").touch()
    (own / "rules" / "same.md").symlink_to(own / "CLAUDE.md")
    assert find_memories("claude-code", tmp_path, None, {}) == [own / "CLAUDE.md"]


def test_the_home_folder_is_no_project(home: Path) -> None:
    (home / "CLAUDE.md").write_text("x", "utf-8")
    assert home / "CLAUDE.md" not in find_memories("claude-code", home, home, {})


def test_an_unknown_assistant_is_said() -> None:
    with pytest.raises(NotFound) as caught:
        find_memories("clippy", Path("/nowhere"), None, {})
    assert "claude-code" in caught.value.hint
