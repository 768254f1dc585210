"""Writes what is made from the code: docs/cli.md, json.md and rekall.1, README's session, tables of docs/models.md, mcp.md and tui.md.

    python scripts/generate_docs.py            writes them
    python scripts/generate_docs.py --check    only says whether they are up to date

The session is run for real on examples/notes; figures in it may differ in the last digit between
processors, so the check compares it without them; see `transcripts`.
"""

from __future__ import annotations

import inspect
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import click
from man_page import man_page
from transcripts import masked, replayed

from rekall.cli import shapes as command_shapes
from rekall.cli.commands import EXIT_CODES
from rekall.cli.curated import CHOICES, CURATED, Known
from rekall.cli.main import cli
from rekall.cli.render import SCHEMA_VERSION
from rekall.entry.fields import FIELDS, Kind
from rekall.exchange.catalog import dialects
from rekall.hooks.hosts import HOSTS, Moment
from rekall.hooks.skill import LINES
from rekall.knowledge import shapes
from rekall.mcp import shapes as tool_shapes
from rekall.mcp.inputs import schema_of
from rekall.mcp.tools import TOOLS
from rekall.models.export import config_rules, file_rules
from rekall.models.export.families import FAMILIES
from rekall.models.export.rules import Rule, Verdict
from rekall.settings import SETTINGS
from rekall.tui.dialogs import KEYS

ROOT = Path(__file__).parent.parent
SESSION = (
    "rekall import examples/notes",
    'rekall search "authentication vanishes on ipad" --limit 1 --explain',
    "rekall search nginx 502 type:bug --limit 2",
    "rekall add til 'git log -S finds when a string came or went' --tag git",
)
TRANSCRIPTS = tuple(
    ROOT / "docs" / name for name in ("first-hour.md", "living.md", *(("sync.md",) if shutil.which("git") else ()))
)
"""Documents whose sessions are run on a terminal, which only POSIX has; one of them with git."""

_SESSION_BLOCK = re.compile(r"(?<=<!-- session -->\n).*?(?=<!-- end of session -->)", re.DOTALL)

_TOOLS_BLOCK = re.compile(r"(?<=<!-- tools -->\n).*?(?=<!-- end of tools -->)", re.DOTALL)

_KEYS_BLOCK = re.compile(r"(?<=<!-- keys -->\n).*?(?=<!-- end of keys -->)", re.DOTALL)

_HOOKS_BLOCK = re.compile(r"(?<=<!-- hooks -->\n).*?(?=<!-- end of hooks -->)", re.DOTALL)

_LINES_BLOCK = re.compile(r"(?<=<!-- lines -->\n).*?(?=<!-- end of lines -->)", re.DOTALL)

_MODELS_BLOCK = re.compile(r"(?<=<!-- models -->\n).*?(?=<!-- end of models -->)", re.DOTALL)

_RULES_BLOCK = re.compile(r"(?<=<!-- checkpoint keys -->\n).*?(?=<!-- end of checkpoint keys -->)", re.DOTALL)

_DIALECTS_BLOCK = re.compile(r"(?<=<!-- dialects -->\n).*?(?=<!-- end of dialects -->)", re.DOTALL)

_FIELDS_BLOCK = re.compile(r"(?<=<!-- fields -->\n).*?(?=<!-- end of fields -->)", re.DOTALL)

CLI_PREFACE = """# The command line

Made from the commands by `make docs`; a test keeps it true.

Data goes to stdout, everything else to stderr. Colour and progress appear on a terminal only, and `NO_COLOR` is
honoured. To name an entry, give its id or any prefix of it that no other id shares.
"""

CLI_JSON = """## JSON

`--json` answers with one JSON object; `search` and `similar` also take `--format jsonl`, one line per hit.
[json.md](json.md) describes every shape.
"""

JSON_PREFACE = """# JSON

Made from `rekall/knowledge/shapes.py`, `cli/shapes.py` and `mcp/shapes.py` by `make docs`; a test runs every command and
tool and compares its answer with these tables.

`--json` prints one object on stdout: `schema_version` first, then the fields of the command's answer:

```json
{VERSIONED_EXAMPLE}
```

- **`schema_version`** is {VERSION}. Adding a field does not change it; renaming or removing one does.
- **An error** is JSON too, on stdout, with its usual [exit code](cli.md#exit-codes). Programs branch on `kind`.
- **`--format jsonl`** prints one line per hit, without `schema_version`; an error is also one line. `embed` has no
  `--json`: it prints one line per text.
- **Every field is present**, even if empty: an empty text is `""`, an empty list `[]`, and `null` appears only where the
  table says so. Fields that depend on an option are marked.
- **Tools** for assistants answer in text. Started with `rekall mcp --structured`, the server says ids and cursors beside it as structured
  content, in shapes of their own and without `schema_version` ([why](adr/0028-text-for-models.md)).
- **Texts are exact** in what commands print: what a terminal would obey or nobody sees is written as an escape
  (`\\u202e`).

{TYPES}
"""

JSON_FILES = """## Export files

`rekall export FILE.jsonl` writes one entry per line, with the field names of [Entry](#entry). Three things differ, so that
a file can be imported anywhere: empty fields are left out, `superseded_by` is an id, and `links` holds only those that
start at the entry.
A link has the fields of [Link](#link). `rekall import` also accepts entries
in the form that answers use.

Deleted entries come last. Each has a `deleted_at` beside its fields, and `links` in both directions. A field of that name that another
tool's file had stands under `other_fields`.

`rekall export FILE.json` writes one object with `schema_version`, `entries` and `deleted`, which hold the same records.
"""

JSON_CHANGES = """## Since schema 1

| in schema 1 | now |
|---|---|
| `superseded_by` was an id in entries, and `{"id", "title"}` in hits | [Reference](#reference) or null everywhere |
| `links` of `show` were those that start at the entry, without `source` | [Link](#link), in both directions |
| `links` of `list` were always `[]` | left out |
| `delete` answered `"deleted": ID` | `"deleted":` [Deleted](#deleted) |
| `restore` without ID answered `deleted` | `tombstones` |
| `search` and `similar` answered `query`, `mode`, `hits` | also `filters` and `notes`, and `stages` with `--explain` |
| `link --remove` answered `removed`, as `model remove` does with a name | `removed_links` |
| `index status`: `model` was an object with `name`, `fingerprint`, `dimensions` | `model` is the name; `fingerprint` and `dimensions` stand beside it, null with it |
| `model info`: `model` was an object with everything | `model` is the name, everything else stands beside it |
| `model info`: `size` of a file | `bytes`; `model.json` itself still has `size` |
"""


def main() -> None:
    """Write or check every generated document."""
    check = "--check" in sys.argv[1:]
    readme, models, mcp = ROOT / "README.md", ROOT / "docs" / "models.md", ROOT / "docs" / "mcp.md"
    tui, importing = ROOT / "docs" / "tui.md", ROOT / "docs" / "importing.md"
    assistants = ROOT / "docs" / "assistants.md"
    stale = []
    for path, text, mask in (
        (ROOT / "docs" / "cli.md", cli_document(), False),
        (ROOT / "docs" / "json.md", json_document(), False),
        (ROOT / "docs" / "rekall.1", man_page(), False),
        (models, models_document(models.read_text("utf-8")), False),
        (mcp, _TOOLS_BLOCK.sub(lambda _: tools_table(), mcp.read_text("utf-8")), False),
        (assistants, assistants_document(assistants.read_text("utf-8")), False),
        (tui, _KEYS_BLOCK.sub(lambda _: keys_table(), tui.read_text("utf-8")), False),
        (importing, importing_document(importing.read_text("utf-8")), False),
        (readme, _SESSION_BLOCK.sub(lambda _: session(), readme.read_text("utf-8")), True),
        *((path, replayed(path.read_text("utf-8")), True) for path in TRANSCRIPTS if os.name == "posix"),
    ):
        old = path.read_text("utf-8") if path.exists() else ""
        if (masked(old) != masked(text)) if mask else old != text:
            stale.append(path)
            if not check:
                path.write_text(text, "utf-8", newline="\n")
                print(f"wrote {path.relative_to(ROOT)}")
    if check and stale:
        sys.exit(f"error: out of date: {', '.join(path.name for path in stale)}\n\nhint: run `make docs`")


def importing_document(text: str) -> str:
    """docs/importing.md with its tables made anew."""
    rows = []
    common = next(dialect.keys for dialect in dialects() if dialect.name == "markdown")
    for dialect in dialects():
        suffixes = " ".join(f"`{suffix}`" for suffix in dialect.suffixes if suffix) or "no suffix"
        by_field: dict[str, list[str]] = {}
        is_relative = dialect.name != "markdown" and common.items() <= dialect.keys.items()
        for name, meant in dialect.keys.items():
            if is_relative and name in common:
                continue
            by_field.setdefault(meant, []).append(f"`{name}`")
        keys = "; ".join(f"{meant}: {', '.join(names)}" for meant, names in sorted(by_field.items()))
        also = "as Markdown" + ("; " if keys else "") if is_relative else ""
        rows.append(f"| {dialect.title} | {suffixes} | {dialect.hint} | {also}{keys} |")
    dialect_table = "\n".join(
        ["| what | files | how to get it | more names of fields |", "|---|---|---|---|", *rows, ""]
    )
    names = [
        f"| `{field.name}` | {', '.join(f'`{alias}`' for alias in field.aliases)} | {field.help} |"
        for field in FIELDS
        if field.kind is not Kind.OTHER
    ]
    field_table = "\n".join(["| field | also called | |", "|---|---|---|", *names, ""])
    text = _DIALECTS_BLOCK.sub(lambda _: dialect_table, text)
    return _FIELDS_BLOCK.sub(lambda _: field_table, text)


def assistants_document(text: str) -> str:
    """docs/assistants.md with its table of clients and the lines for AGENTS.md made anew."""
    rows = []
    for host in HOSTS:
        events = {moment: f"`{wiring.event}`" for moment, wiring in host.wirings.items()}
        cells = [events.get(moment) or f"no: {host.lacks[moment]}" for moment in Moment]
        rows.append(f"| {host.title} | {' | '.join(cells)} | `~/{host.user_file}` | `{host.project_file}` |")
    head = ["| client | session | prompt | failed command | your file | the project's |", "|---|---|---|---|---|---|"]
    text = _HOOKS_BLOCK.sub(lambda _: "\n".join([*head, *rows, ""]), text)
    return _LINES_BLOCK.sub(lambda _: f"```markdown\n{LINES}\n```\n", text)


def cli_document() -> str:
    """docs/cli.md."""
    parts = [CLI_PREFACE]
    for name, command in commands(cli, "rekall"):
        level = "##" if name.count(" ") < 2 else "###"
        parts.append(f"{level} {name}\n\n{command_document(name, command)}\n")
    codes = "\n".join(f"| {code} | {meaning} |" for code, meaning in EXIT_CODES)
    parts.append(f"## Exit codes\n\n| code | meaning |\n|---|---|\n{codes}\n")
    parts.append(CLI_JSON)
    rows = "\n".join(
        f"| `{setting.key}` | `{default_text(setting.default)}` | `{setting.environment_name}` | {setting.doc} |"
        for setting in SETTINGS
    )
    parts.append(
        "## Settings\n\n`config.toml` overrides the defaults, the environment overrides it, and `rekall --set KEY=VALUE` overrides both. "
        "`rekall config path`\nsays where the file is; `REKALL_HOME` moves everything Rekall owns.\n\n"
        f"| key | default | environment | |\n|---|---|---|---|\n{rows}\n"
    )
    return "\n".join(parts)


def json_document() -> str:
    """docs/json.md."""
    error = '{"kind": "not_found", "message": "…", "hint": "…", "retryable": false}'
    example = f'{{"schema_version": {SCHEMA_VERSION}, "error": {error}}}'
    types = "\n".join(f"| {name} | {meaning} |" for name, meaning in shapes.PLAIN_TYPES.items())
    preface = JSON_PREFACE.replace("{VERSIONED_EXAMPLE}", example).replace("{VERSION}", str(SCHEMA_VERSION))
    parts = [preface.replace("{TYPES}", f"| type | |\n|---|---|\n{types}")]
    for title, kind, answers in (
        ("Commands", "command", command_shapes.COMMANDS),
        ("Tools", "tool", tool_shapes.TOOLS),
    ):
        rows = "\n".join(f"| `{answer.call}` | {linked(answer.shape)} |" for answer in answers)
        parts.append(f"## {title}\n\n| {kind} | answers |\n|---|---|\n{rows}\n")
    parts.append("If something goes wrong, any of them answers [Failed](#failed) instead.\n")
    for title, described in (
        ("What answers speak of", shapes.SHAPES),
        ("What commands answer", command_shapes.SHAPES),
        ("What tools answer", tool_shapes.SHAPES),
    ):
        parts.append(f"## {title}\n")
        parts += map(shape_table, described)
    return "\n".join([*parts, JSON_FILES, JSON_CHANGES])


def shape_table(shape: shapes.Shape) -> str:
    """A shape with its members."""
    rows = [
        f"| `{name}` | {linked(member.type)} | {member.meaning}{f' ({member.only})' if member.only else ''} |"
        for name, member in shape.members.items()
    ]
    head = ["| field | type | |", "|---|---|---|"]
    return "\n".join([f"### {shape.name}\n", f"{shape.meaning}\n", *head, *rows]) + "\n"


def linked(type_: str) -> str:
    """A type with a link to each shape that it names."""
    return re.sub(r"\b[A-Z]\w+", lambda found: f"[{found[0]}](#{found[0].lower()})", type_)


def default_text(value: float | str) -> str:
    """A default as it is written in config.toml."""
    return f"{value:g}" if isinstance(value, float) else repr(value)


def models_document(text: str) -> str:
    """docs/models.md with its tables made anew."""
    return _RULES_BLOCK.sub(lambda _: rules_tables(), _MODELS_BLOCK.sub(lambda _: models_table(), text))


def rules_tables() -> str:
    """What is done with every key of a checkpoint's files."""
    tables = [
        ("config_sentence_transformers.json", file_rules.SETTINGS),
        ("modules.json, each entry", file_rules.MODULES),
        ("sentence_bert_config.json and its older names", file_rules.TRANSFORMER),
        *((f"config.json of {kind}", rules) for kind, rules in file_rules.BY_MODULE.items()),
        ("tokenizer_config.json", file_rules.TOKENIZER),
        ("config.json of model2vec", config_rules.MODEL2VEC),
        ("config.json of every transformer", config_rules.EVERY_TRANSFORMER),
    ]
    own: dict[str, list[str]] = {}
    for name, family in sorted(FAMILIES.items()):
        own.setdefault(repr(family.own_rules), []).append(name)
    tables += [(f"config.json of {', '.join(names)}", FAMILIES[names[0]].own_rules) for names in own.values()]
    parts = []
    for title, rules in tables:
        rows = [f"| {', '.join(f'`{key}`' for key in rule.keys)} | {verdict_text(rule)} |" for rule in flat(rules)]
        parts.append("\n".join([f"| {title} | |", "|---|---|", *rows]) + "\n")
    return "\n".join(parts)


def flat(rules: Sequence[Rule], before: str = "") -> Iterator[Rule]:
    """Rules, and after each one those of what stands inside, with the names of both."""
    for rule in rules:
        yield replace(rule, keys=tuple(before + key for key in rule.keys))
        yield from flat(rule.inside, f"{before}{rule.keys[0]}.")


def verdict_text(rule: Rule) -> str:
    """What is done with the keys of a rule."""
    if rule.verdict is Verdict.ONLY:
        values = ", ".join(f"`{json.dumps(value)}`" for value in rule.values)
        return f"only {values}: else {rule.said}" if values else f"refused: {rule.said}"
    if rule.verdict is Verdict.SAME:
        return f"must be as `{rule.other}`: {rule.said}"
    return f"{rule.verdict.value}: {rule.said}"


def models_table() -> str:
    """The curated models."""
    rows = [
        f"| {each.repository} | {each.parameters_million:g} M | {each.dimensions} | {each.max_tokens or 'any'} | "
        f"{_megabytes(each, each.disk_mb)} | {_megabytes(each, each.ram_mb)} | {each.languages} | {each.licence} | {_score(each.score)} | {each.benchmark or '–'} |"
        for each in CURATED
    ]
    head = "| repository | parameters | dimensions | tokens | disk | RAM | languages | licence | retrieval | on |"
    choices = [f"- For {need}: {repository}" for need, repository in CHOICES]
    return "\n".join([head, "|---" * 10 + "|", *rows, "", *choices]) + "\n"


def _megabytes(known: Known, size: int) -> str:
    return f"{'about ' if known.reckoned else ''}{size} MB"


def _score(score: float | None) -> str:
    return "–" if score is None else f"{score:g}"


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
        env = {**os.environ, "REKALL_HOME": home, "REKALL_ADD_PROJECT": "off", "COLUMNS": "100", "NO_COLOR": "1"}
        env["REKALL_ADD_PROJECT"] = "off"  # the name of a checkout is nobody's project
        for line in SESSION:
            command = [sys.executable, "-m", *shlex.split(line)]
            ran = subprocess.run(
                command, env=env, cwd=ROOT, capture_output=True, text=True, encoding="utf-8", check=True
            )
            lines += [f"$ {line}", *ran.stdout.rstrip().splitlines(), ""]
    return "```console\n" + "\n".join(lines).rstrip() + "\n```\n"


if __name__ == "__main__":
    main()
