"""Writes what is made from the code: docs/cli.md, README's session, tables of docs/models.md, mcp.md and tui.md.

    python scripts/generate_docs.py            writes them
    python scripts/generate_docs.py --check    only says whether they are up to date

The session is run for real on examples/notes; figures in it may differ in the last digit between
processors, so the check compares it with its digits masked.
"""

from __future__ import annotations

import inspect
import os
import re
import shlex
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import click

from rekall.cli.curated import CURATED
from rekall.cli.main import EXIT_CODES, cli
from rekall.config import SETTINGS
from rekall.mcp.inputs import schema_of
from rekall.mcp.tools import TOOLS
from rekall.tui.dialogs import KEYS

ROOT = Path(__file__).parent.parent
SESSION = (
    "rekall import examples/notes",
    'rekall search "people get signed out on iphones" --limit 1 --explain',
    "rekall search nginx 502 type:bug --limit 2",
    "rekall add til 'git log -S finds when a string came or went' --tag git",
)
_SESSION_BLOCK = re.compile(r"(?<=<!-- session -->\n).*?(?=<!-- end of session -->)", re.DOTALL)

_TOOLS_BLOCK = re.compile(r"(?<=<!-- tools -->\n).*?(?=<!-- end of tools -->)", re.DOTALL)

_KEYS_BLOCK = re.compile(r"(?<=<!-- keys -->\n).*?(?=<!-- end of keys -->)", re.DOTALL)

_MODELS_BLOCK = re.compile(r"(?<=<!-- models -->\n).*?(?=<!-- end of models -->)", re.DOTALL)

CLI_PREFACE = """# The command line

Made from the commands by `make docs`; a test keeps it true.

Data goes to stdout, everything else to stderr. Colour and progress appear on a terminal only, and `NO_COLOR` is
honoured. An entry is named by any beginning of its id that no other entry shares.
"""

JSON_NOTE = """## JSON

`--json` gives one object with `schema_version` (1). New fields do not change it; a renamed or removed field does.
`search --format jsonl` gives one hit a line, without the envelope. An error is JSON too, on stdout, with the exit
code of the table above:

```json
{"schema_version": 1, "error": {"kind": "not_found", "message": "…", "hint": "…", "retryable": false}}
```

A search answers `query`, `mode` and `hits`. `mode.used` differs from `mode.requested` when the engine cannot be used,
and `mode.reason` says why:

```json
{"schema_version": 1, "query": "safari login",
 "mode": {"requested": "hybrid", "used": "hybrid", "reason": null},
 "hits": [{"id": "01J…", "type": "bug", "title": "…", "score": 0.83, "similarity": 0.5, "snippet": "…", "tags": [],
           "project": "webapp", "status": "active", "superseded_by": null, "updated_at": "2025-03-14T09:12:00Z",
           "why": {"coverage": 0.66, "words_rank": 1, "matched": ["safari"], "head": 0.5, "best_passage": 0.5,
                   "meaning_rank": 1}}]}
```
"""


def main() -> None:
    """Write or check every generated document."""
    check = "--check" in sys.argv[1:]
    readme, models, mcp = ROOT / "README.md", ROOT / "docs" / "models.md", ROOT / "docs" / "mcp.md"
    tui = ROOT / "docs" / "tui.md"
    stale = []
    for path, text, mask in (
        (ROOT / "docs" / "cli.md", cli_document(), False),
        (models, _MODELS_BLOCK.sub(lambda _: models_table(), models.read_text("utf-8")), False),
        (mcp, _TOOLS_BLOCK.sub(lambda _: tools_table(), mcp.read_text("utf-8")), False),
        (tui, _KEYS_BLOCK.sub(lambda _: keys_table(), tui.read_text("utf-8")), False),
        (readme, _SESSION_BLOCK.sub(lambda _: session(), readme.read_text("utf-8")), True),
    ):
        old = path.read_text("utf-8") if path.exists() else ""
        if (masked(old) != masked(text)) if mask else old != text:
            stale.append(path)
            if not check:
                path.write_text(text, "utf-8", newline="\n")
                print(f"wrote {path.relative_to(ROOT)}")
    if check and stale:
        sys.exit(f"error: out of date: {', '.join(path.name for path in stale)}\n\nhint: run `make docs`")


def cli_document() -> str:
    """docs/cli.md."""
    parts = [CLI_PREFACE]
    for name, command in commands(cli, "rekall"):
        level = "##" if name.count(" ") < 2 else "###"
        parts.append(f"{level} {name}\n\n{command_document(name, command)}\n")
    codes = "\n".join(f"| {code} | {meaning} |" for code, meaning in EXIT_CODES)
    parts.append(f"## Exit codes\n\n| code | meaning |\n|---|---|\n{codes}\n")
    parts.append(JSON_NOTE)
    rows = "\n".join(
        f"| `{setting.key}` | `{default_text(setting.default)}` | `{setting.environment_name}` | {setting.doc} |"
        for setting in SETTINGS
    )
    parts.append(
        "## Settings\n\nA default gives way to `config.toml`, that to the environment, that to `rekall --set KEY=VALUE`. "
        "`rekall config path`\nsays where the file is; `REKALL_HOME` moves everything Rekall owns.\n\n"
        f"| key | default | environment | |\n|---|---|---|---|\n{rows}\n"
    )
    return "\n".join(parts)


def default_text(value: float | str) -> str:
    """A default as it is written in config.toml."""
    return f"{value:g}" if isinstance(value, float) else repr(value)


def models_table() -> str:
    """The curated models."""
    rows = [
        f"| {each.repository} | {each.parameters_million:g} M | {each.dimensions} | {each.max_tokens or 'any'} | "
        f"{each.disk_mb} MB | {each.ram_mb} MB | {each.languages} | {each.licence} | {each.score:g} | {each.benchmark} |"
        for each in CURATED
    ]
    head = "| repository | parameters | dimensions | tokens | disk | RAM | languages | licence | retrieval | on |"
    return "\n".join([head, "|---" * 10 + "|", *rows]) + "\n"


def tools_table() -> str:
    """The tools of the server for assistants: what each is for, and its arguments with those that must be given first."""
    rows = []
    for tool in TOOLS:
        schema = schema_of(tool.takes)
        required = schema.get("required", [])
        arguments = ", ".join(f"**{name}**" if name in required else name for name in schema["properties"])
        effect = "replaces or deletes" if tool.destroys else "writes" if tool.writes else "reads"
        rows.append(f"| `{tool.name}` | {tool.description} | {arguments} | {effect} |")
    return "\n".join(["| tool | for | arguments | |", "|---|---|---|---|", *rows]) + "\n"


def keys_table() -> str:
    """The keys of the terminal UI."""
    rows = [f"| `{keys}` | {what} |" for keys, what in KEYS]
    return "\n".join(["| key | |", "|---|---|", *rows]) + "\n"


def command_document(name: str, command: click.Command) -> str:
    """Usage, description and options; our own rendering, because click's changes from release to release."""
    arguments = [argument_text(parameter) for parameter in command.params if isinstance(parameter, click.Argument)]
    options = [parameter for parameter in command.params if isinstance(parameter, click.Option)]
    usage = " ".join(
        [
            name,
            *(["[OPTIONS]"] if options else []),
            *(["COMMAND"] if isinstance(command, click.Group) else []),
            *arguments,
        ]
    )
    lines = [
        f"`{usage}`",
        "",
        " ".join(inspect.cleandoc(command.help or "").replace("\n\n", "\0").split("\n")).replace("\0", "\n\n"),
    ]
    if options:
        lines += ["", "| option | |", "|---|---|"]
        lines += [f"| `{option_text(option)}` | {option.help} |" for option in options]
    return "\n".join(lines)


def argument_text(argument: click.Argument) -> str:
    """An argument as it stands in a usage line."""
    text = argument.metavar or (argument.name or "").upper()
    if not argument.metavar and argument.nargs == -1:
        text += "..."
    return text if argument.required or text.startswith("[") else f"[{text}]"


def option_text(option: click.Option) -> str:
    """An option's names and what it takes."""
    if option.is_flag:
        value = ""
    elif isinstance(option.type, click.Choice):
        value = "|".join(str(choice) for choice in option.type.choices)
    else:
        value = option.metavar or {"path": "PATH", "float": "X"}.get(option.type.name, option.type.name.upper())
    return f"{', '.join(sorted(option.opts, key=len))} {value}".strip().replace("|", "\\|")


def commands(group: click.Command, name: str) -> Iterator[tuple[str, click.Command]]:
    """Every command below a group, with its full name, in the order of the help."""
    yield name, group
    if isinstance(group, click.Group):
        context = click.Context(group)
        for child in group.list_commands(context):
            command = group.get_command(context, child)
            assert command is not None
            yield from commands(command, f"{name} {child}")


def session() -> str:
    """A terminal session, run for real in a home of its own."""
    lines = []
    with tempfile.TemporaryDirectory() as home:
        env = {**os.environ, "REKALL_HOME": home, "COLUMNS": "100", "NO_COLOR": "1"}
        for line in SESSION:
            command = [sys.executable, "-m", *shlex.split(line)]
            ran = subprocess.run(
                command, env=env, cwd=ROOT, capture_output=True, text=True, encoding="utf-8", check=True
            )
            lines += [f"$ {line}", *ran.stdout.rstrip().splitlines(), ""]
    return "```console\n" + "\n".join(lines).rstrip() + "\n```\n"


def masked(text: str) -> str:
    """A text with its digits and ids masked."""
    return re.sub(r"\b01[0-9A-Z]+\b|\d", "#", text)


if __name__ == "__main__":
    main()
