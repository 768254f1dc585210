"""What the key of a shell puts into its line: an entry is picked by what stands there, and becomes what one types."""

from __future__ import annotations

import re
import shlex
from typing import TYPE_CHECKING

from rekall.app import App

if TYPE_CHECKING:
    from rekall.entry.fields import Entry

_BLOCK = re.compile(
    r"^(?P<fence>```+|~~~+)[ \t]*(?P<language>[\w+-]*)[^\n]*\n(?P<code>.*?)^(?P=fence)[ \t]*$", re.DOTALL | re.MULTILINE
)
_PROMPT = re.compile(r"^\$ (.*)$", re.MULTILINE)
_SHELLS = ("bash", "sh", "shell", "zsh", "fish", "console", "shell-session", "powershell", "pwsh", "ps1")
_LONGEST = 2_000
"""More than anybody wants to see in a line."""


def inserted(app: App, line: str) -> str:
    """Let a person pick an entry by what stands in the line. Returns the new line; empty leaves the old one."""
    from rekall.cli.pick import can_pick, pick_one

    head, query = parts(line)
    if not can_pick():
        return ""
    chosen = pick_one(app, query)
    if chosen is None:
        return ""
    base = app.open_base()
    short = base.short_ids([chosen])[chosen]
    return f"{head} {short}" if head else as_typed(base.get(chosen).entry, short)


def parts(line: str) -> tuple[str, str]:
    """The beginning of a line that stays, and what is searched: of `rekall show nginx`, the words behind the options."""
    try:
        words = shlex.split(line)
    except ValueError:  # a quote is open
        words = line.split()
    if words[:1] != ["rekall"]:
        return "", line.strip()
    stays, rest = words[:1], words[1:]
    while rest[:1] == ["--set"]:
        stays, rest = stays + rest[:2], rest[2:]
    stays, rest = stays + (rest[:1] or ["show"]), rest[1:]
    while rest and rest[0].startswith("-"):
        stays, rest = stays + rest[:1], rest[1:]
    return shlex.join(stays), " ".join(rest)


def as_typed(entry: Entry, short: str) -> str:
    """An entry as a line of a shell.

    Its first block of a shell's lines; of a snippet its first block of any kind, or its one line; else what shows it.
    """
    blocks = list(_BLOCK.finditer(entry.content))
    content = entry.content.strip()
    found = next((block for block in blocks if block["language"].lower() in _SHELLS), None)
    if found is None and entry.type.value == "snippet" and blocks:
        found = blocks[0]
    code = found["code"].rstrip() if found else content if entry.type.value == "snippet" and "\n" not in content else ""
    code = _typed(code)
    is_plain = all(letter.isprintable() or letter in "\n\t" for letter in code)
    return code if code and is_plain and len(code) <= _LONGEST else f"rekall show {short}"


def _typed(code: str) -> str:
    """What is typed of a session: the lines behind prompts, without what was answered; without prompts everything."""
    prompted = _PROMPT.findall(code)
    return "\n".join(prompted) if prompted else code


def after_command(screen: str, command: str) -> str:
    """What a screen shows behind the last line that ends with a command, without the line of the next prompt."""
    lines = [line.rstrip() for line in screen.rstrip().splitlines()]
    command = command.strip().splitlines()[-1].strip() if command.strip() else ""
    places = [place for place, line in enumerate(lines) if command and line.endswith(command)]
    return "\n".join(lines[places[-1] + 1 : -1]).strip() if places else ""
