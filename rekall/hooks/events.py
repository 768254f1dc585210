"""What a host sends when it runs us, read into what is asked: a session, a folder, and the text to search for."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from rekall.hooks.hosts import Host, Moment
from rekall.hooks.substance import ERROR_WORDS, PROMPT_WORDS, says_enough, without_code

MOST_BYTES = 8 << 20
"""What is longer is not read as an event: hosts cut the output of commands far below."""

_SESSIONS = ("session_id", "sessionId", "conversation_id")
_STARTS_OVER = ("clear", "compact")
"""How a session begins whose assistant no longer has what it was told before."""

_PROMPT_CHARS = (1_200, 400)
"""What is searched of a long prompt: how it begins, and how it ends."""

_LEAST_CHARS = 12
"""A shorter prompt says yes, or go on."""

_ERROR_CHARS, _LINE_CHARS, _LOOKED_AT = 900, 300, 20_000
_FIRST_LINES, _LAST_LINES = 3, 3
"""Of the lines that say why: a compiler's first is the cause of the others, a traceback's last."""


_OF_HOST = re.compile(r"<([a-z]+[-_][a-z_-]+)>.{0,2000}?</\1>", re.DOTALL)
"""What hosts put beside a person's words: `<ide_opened_file>…</ide_opened_file>`."""

_ANSI = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[@-Z\\-_])")
_SAYS_WHY = re.compile(
    r"error|exception|fatal|panic|fail|abort|segfault|cannot|can't|could not|couldn't|unable|denied|refused|reset by|"
    r"not found|not allowed|no such|no module|missing|undefined|unresolved|unknown|unrecogni[sz]ed|unexpected|invalid|illegal|"
    r"expired|mismatch|conflict|timed? ?out|too (?:many|large|long)|out of memory|killed|deadlock|must be|is not",
    re.IGNORECASE,
)
_EXIT = re.compile(
    r"(?im)^[ \t]*(?:command )?(?:exit(?:ed)?(?: with)?(?: status)? code|exit status):?[ \t]*(-?\d+)[ \t]*$\n?"
)
_PASSING = re.compile(
    r"0x[0-9a-fA-F]+|"  # addresses
    r"\b\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d(?:[.,]\d+)?)?Z?)?|\b\d\d?:\d\d:\d\d(?:[.,]\d+)?|"  # times
    r"(?<=\w):\d+:\d+\b|(?<=\.[a-z]):\d+\b|(?<=\.(?:py|ts|js|go|rs|cc|kt|rb|cs|sh|md|ex|hs|ml)):\d+\b|"  # places in files,
    r"(?<=\.(?:tsx|jsx|mjs|cjs|cpp|hpp|php|vue|sql|yml|exs|css)):\d+\b|(?<=\.java):\d+\b|"  # not ports of hosts
    r"\bline \d+(?:,? col(?:umn)? \d+)?(?: \(char \d+\))?|\(\d+[,:]\d+\)|"
    r"\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b|\b(?=[a-f]*\d)(?=\d*[a-f])[0-9a-f]{12,40}\b|"  # ids
    r"\b\d+(?:\.\d+)? ?(?:ms|m?s(?:ec(?:ond)?s?)?|min(?:ute)?s?|%|[kKMG]i?B)(?=$|\W)|\[\d+\]|\bpid[ =:]+\d+|"  # durations, sizes
    r"(?<!port )(?<!status )(?<!code )(?<!http )\b\d+ (?=(?:failed|passed|skipped|errors?|warnings?|failures?|problems?|tests?)\b)|"
    r"\bexit(?:ed)?(?: with)?(?: (?:code|status))+:? ?[0-2]\b|(?<=\] error )[12]$",  # counts, and codes that say nothing
    re.IGNORECASE | re.MULTILINE,
)
"""Numbers of one run alone: a note about the same error has none of them."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What a host asks.

    Attributes:
        session: The host's name of the session; empty where it gives none.
        folder: Where the assistant works; empty where the host does not say.
        text: What is searched for; empty at the start of a session.
        starts_over: Whether the assistant no longer has what it was told in this session.
    """

    host: Host
    moment: Moment
    session: str = ""
    folder: str = ""
    text: str = ""
    starts_over: bool = False


def read_event(host: Host, moment: Moment, data: bytes) -> Asked | None:
    """What is asked; None where nothing is, or the data is not what the host documents."""
    wiring = host.wirings.get(moment)
    if wiring is None or len(data) > MOST_BYTES:
        return None
    try:
        sent = json.loads(data.decode("utf-8-sig", "replace"))
    except (ValueError, RecursionError):
        return None
    if not isinstance(sent, dict):
        return None
    text = _READERS[wiring.reads](sent) if wiring.reads else ""
    if wiring.reads and not text:
        return None
    roots = sent.get("workspace_roots")
    folder = _text(sent, "cwd") or (roots[0] if isinstance(roots, list) and roots and isinstance(roots[0], str) else "")
    session = next(filter(None, (_text(sent, name) for name in _SESSIONS)), "")
    return Asked(host, moment, session, folder, text, sent.get("source") in _STARTS_OVER)


def prompt_text(prompt: str) -> str:
    """What of a prompt is searched for; empty where it is a command of the host, or says too little."""
    text = _OF_HOST.sub("", _ends(prompt.strip(), _LOOKED_AT, _LOOKED_AT)).strip()
    if len(text.encode("utf-8", "replace")) < _LEAST_CHARS or re.match(r"[/!][\w-]*(?:\s|$)|<[a-z]", text):
        return ""
    text = text if _SAYS_WHY.search(text) else without_code(text)
    if not says_enough(text, PROMPT_WORDS, 1):
        return ""
    return _ends(text, *_PROMPT_CHARS)


def _ends(text: str, begin: int, end: int) -> str:
    """How a long text begins, and how it ends."""
    return text if len(text) <= begin + end else f"{text[:begin]}\n{text[-end:]}"


def error_text(output: str) -> str:
    """The lines of a command's output that say what went wrong, without what only this run had: places, times, addresses.

    Empty where they say no more than that something is wrong.
    """
    text = _EXIT.sub("", _ANSI.sub("", output[-_LOOKED_AT:].replace("\r\n", "\n")))
    lines = [line.strip()[:_LINE_CHARS] for line in re.split(r"[\r\n]", text) if line.strip()]
    saying = [line for line in lines if _SAYS_WHY.search(line)]
    kept = list(
        dict.fromkeys(filter(None, (_PASSING.sub("", line).strip() for line in saying or lines[-_LAST_LINES:])))
    )
    if len(kept) > _FIRST_LINES + _LAST_LINES:
        kept = [*kept[:_FIRST_LINES], *kept[-_LAST_LINES:]]
    found = "\n".join(kept)[:_ERROR_CHARS].strip()
    return found if says_enough(found, ERROR_WORDS, 2) else ""


def _text(sent: Mapping[str, Any], name: str) -> str:
    value = sent.get(name)
    return value if isinstance(value, str) else ""


def _error(sent: Mapping[str, Any]) -> str:
    """Claude Code and Qwen Code call failures by a name of their own."""
    return "" if sent.get("is_interrupt") is True else error_text(_text(sent, "error"))


def _exit_code_field(sent: Mapping[str, Any]) -> str:
    """Cursor sends the result of a command as JSON in a text."""
    result = sent.get("tool_output")
    if isinstance(result, str):
        try:
            result = json.loads(result)
        except (ValueError, RecursionError):
            return ""
    if not isinstance(result, dict) or result.get("exitCode") in (0, None):
        return ""
    return error_text("\n".join(filter(None, (_text(result, name) for name in ("stdout", "output", "stderr")))))


def _exit_code_line(sent: Mapping[str, Any]) -> str:
    """Gemini CLI writes a line of it where it is not 0."""
    response = sent.get("tool_response")
    content = response.get("llmContent") if isinstance(response, dict) else None
    parts = content if isinstance(content, list) else [content]
    texts = [part if isinstance(part, str) else _text(part, "text") if isinstance(part, dict) else "" for part in parts]
    output = "\n".join(filter(None, texts))
    codes = [found[1] for found in _EXIT.finditer(output[-_LOOKED_AT:])]
    if not codes or codes[-1] == "0":
        return ""
    body = re.sub(r"(?m)^(?:Command|Directory|Signal|Background PIDs|Process Group PGID): .*$\n?", "", output)
    return error_text(re.sub(r"(?m)^(?:Output|Stdout|Stderr|Error): (?:\((?:empty|none)\)$)?", "", body))


_READERS: Mapping[str, Callable[[Mapping[str, Any]], str]] = {
    "prompt": lambda sent: prompt_text(_text(sent, "prompt")),
    "submitted_prompt": lambda sent: prompt_text(_text(sent, "submitted_prompt")),
    "error": _error,
    "exit_code_field": _exit_code_field,
    "exit_code_line": _exit_code_line,
}
