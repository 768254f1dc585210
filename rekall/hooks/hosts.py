"""The table of hosts: programs that run a command at set moments and let the assistant read what it says.

A host is here when it documents where its hooks are configured, what they get and what it does with their answer. A moment is
left out where the host reads no answer then, or does not say that a command failed (docs/assistants.md, docs/adr/0027).
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path

from rekall.errors import NotFound
from rekall.system.homes import below_home


class Moment(str, Enum):
    """When a host runs us."""

    SESSION = "session"
    """A session begins, or begins again without what was said before."""
    PROMPT = "prompt"
    """A person asked something."""
    FAILURE = "failure"
    """A command that the assistant ran has failed."""


@dataclass(frozen=True, slots=True)
class Wiring:
    """How a host calls a moment.

    Attributes:
        event: Its name of it.
        reads: Which reader of `events` takes the text out of what it sends.
        matcher: The value of its `matcher` that keeps other occasions out; empty for none.
    """

    event: str
    reads: str = ""
    matcher: str = ""


@dataclass(frozen=True, slots=True)
class Host:
    """A program with an assistant in it.

    Attributes:
        user_file: Where it reads hooks for everything, below the home folder.
        project_file: Where it reads those for one project, below that project's folder.
        wirings: The moments at which it reads an answer.
        lacks: The others, and why.
        is_grouped: Whether a hook stands in a group beside a matcher; else both are one.
        answers: Where it looks for the text: "hookSpecificOutput", "additional_context" or "additionalContext".
        timeout: The name of its limit, and how many of its units are a second.
        version: What its file says of its own form; 0 for nothing.
        home_variable: The variable that names its own folder in the place of the first part of `user_file`.
        user_skills: Where it looks for skills, below the home folder.
        project_skills: The same of a project.
        after: What a person has to do before the hooks run.
    """

    name: str
    title: str
    user_file: str
    project_file: str
    wirings: Mapping[Moment, Wiring]
    lacks: Mapping[Moment, str] = field(default_factory=dict)
    is_grouped: bool = True
    answers: str = "hookSpecificOutput"
    timeout: tuple[str, int] = ("timeout", 1)
    version: int = 0
    home_variable: str = ""
    user_skills: str = ""
    project_skills: str = ""
    after: str = "start a new session"

    def file(self, folder: Path | None, environ: Mapping[str, str] = os.environ) -> Path:
        """The file that holds its hooks: the user's own, or that of a project's folder."""
        return folder / self.project_file if folder else self._below_home(self.user_file, environ)

    def skills(self, folder: Path | None, environ: Mapping[str, str] = os.environ) -> Path:
        """The folder in which it looks for skills."""
        return folder / self.project_skills if folder else self._below_home(self.user_skills, environ)

    def _below_home(self, path: str, environ: Mapping[str, str]) -> Path:
        first, _, rest = path.partition("/")
        own = environ.get(self.home_variable) if self.home_variable else None
        is_own = bool(own) and first == self.user_file.partition("/")[0]
        return Path(own or "", rest) if is_own else below_home(path)


_NO_FAILURE_SAID = "it does not say whether a command failed"
_NO_PROMPT_READ = "it reads no text from a hook then"
_BEGINS = "startup|clear|compact"

HOSTS = (
    Host(
        "claude-code",
        "Claude Code",
        ".claude/settings.json",
        ".claude/settings.local.json",
        {
            Moment.SESSION: Wiring("SessionStart", matcher=_BEGINS),
            Moment.PROMPT: Wiring("UserPromptSubmit", "prompt"),
            Moment.FAILURE: Wiring("PostToolUseFailure", "error", "Bash"),
        },
        home_variable="CLAUDE_CONFIG_DIR",
        user_skills=".claude/skills",
        project_skills=".claude/skills",
    ),
    Host(
        "codex",
        "Codex",
        ".codex/hooks.json",
        ".codex/hooks.json",
        {
            Moment.SESSION: Wiring("SessionStart", matcher=_BEGINS),
            Moment.PROMPT: Wiring("UserPromptSubmit", "prompt"),
        },
        {Moment.FAILURE: _NO_FAILURE_SAID},
        home_variable="CODEX_HOME",
        user_skills=".agents/skills",
        project_skills=".agents/skills",
        after="start Codex, and trust them with /hooks; until then it runs none",
    ),
    Host(
        "gemini",
        "Gemini CLI",
        ".gemini/settings.json",
        ".gemini/settings.json",
        {
            Moment.SESSION: Wiring("SessionStart"),
            Moment.PROMPT: Wiring("BeforeAgent", "prompt"),
            Moment.FAILURE: Wiring("AfterTool", "exit_code_line", "run_shell_command"),
        },
        timeout=("timeout", 1000),
        user_skills=".gemini/skills",
        project_skills=".gemini/skills",
    ),
    Host(
        "qwen",
        "Qwen Code",
        ".qwen/settings.json",
        ".qwen/settings.json",
        {
            Moment.SESSION: Wiring("SessionStart", matcher=_BEGINS),
            Moment.PROMPT: Wiring("UserPromptSubmit", "submitted_prompt"),
            Moment.FAILURE: Wiring("PostToolUseFailure", "error", "run_shell_command"),
        },
        timeout=("timeout", 1000),
        user_skills=".qwen/skills",
        project_skills=".qwen/skills",
    ),
    Host(
        "cursor",
        "Cursor",
        ".cursor/hooks.json",
        ".cursor/hooks.json",
        {
            Moment.SESSION: Wiring("sessionStart"),
            Moment.FAILURE: Wiring("postToolUse", "exit_code_field", "Shell"),
        },
        {Moment.PROMPT: _NO_PROMPT_READ},
        is_grouped=False,
        answers="additional_context",
        version=1,
        user_skills=".cursor/skills",
        project_skills=".cursor/skills",
    ),
    Host(
        "copilot",
        "Copilot CLI",
        ".copilot/hooks/rekall.json",
        ".github/hooks/rekall.json",
        {Moment.SESSION: Wiring("sessionStart")},
        {Moment.PROMPT: _NO_PROMPT_READ, Moment.FAILURE: _NO_FAILURE_SAID},
        is_grouped=False,
        answers="additionalContext",
        timeout=("timeoutSec", 1),
        version=1,
        home_variable="COPILOT_HOME",
        user_skills=".copilot/skills",
        project_skills=".github/skills",
    ),
)


def find_host(name: str) -> Host:
    """The host of that name.

    Raises:
        NotFound: It is not known; the nearest is suggested.
    """
    import difflib

    known = {host.name: host for host in HOSTS}
    if name.lower() in known:
        return known[name.lower()]
    begun = [each for each in known if name and each.startswith(name.lower())]
    near = begun or difflib.get_close_matches(name.lower(), known, n=1, cutoff=0.7)
    hint = f"did you mean {near[0]}? " if near else ""
    others = "for every other one: `rekall hook line`"
    raise NotFound(f"no hooks for {name!r}", f"{hint}clients with hooks: {', '.join(known)}; {others}")
