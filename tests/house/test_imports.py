"""What a process does not need, it does not load."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest
from support import CHECKOUT

HEAVY = ("numpy", "onnxruntime", "tokenizers", "textual", "rekall.tui", "mcp", "pydantic", "psycopg", "rich.console")
ENGINE = ("numpy", "onnxruntime", "tokenizers")
UNUSED = (*ENGINE, "rich", "psycopg", "rekall.knowledge.kept", "rekall.store.postgres")
"""What a search by words of Western texts has no use for."""

REPORT = """
import json, sys

def loaded(names):
    return sorted(name for name in names if name in sys.modules)
"""

HELP = """
import contextlib, io
import click
from rekall.cli.main import cli, run

def paths(command, before=()):
    yield before
    if isinstance(command, click.Group):
        context = click.Context(command)
        for name in command.list_commands(context):
            yield from paths(command.get_command(context, name), (*before, name))

found = {}
for path in paths(cli):
    shown = io.StringIO()
    with contextlib.redirect_stdout(shown), contextlib.suppress(SystemExit):
        run([*path, "--help"])
    assert "Usage: rekall" in shown.getvalue(), path
    found[" ".join(path)] = loaded(HEAVY)
print(json.dumps(found))
"""


def reported(program: str, *arguments: str) -> object:
    """Run a program in a process of its own; what it prints last, as JSON."""
    ran = subprocess.run(
        [sys.executable, "-c", REPORT + program, *arguments],
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=600,
        cwd=CHECKOUT,
        env={**os.environ},
    )
    assert ran.returncode == 0, ran.stderr
    return json.loads(ran.stdout.splitlines()[-1])


def test_importing_the_package_loads_nothing_heavy():
    assert reported(f"import rekall\nprint(json.dumps(loaded({HEAVY})))") == []


def test_importing_the_package_reaches_no_room():
    assert reported(
        "import rekall\nprint(json.dumps(sorted(name for name in sys.modules if name.startswith('rekall'))))"
    ) == [
        "rekall",
    ]


def test_the_help_loads_nothing_heavy():
    program = f"""
from rekall.cli.main import run
try:
    run(["--help"])
except SystemExit:
    print()
    print(json.dumps(loaded({HEAVY})))
"""
    assert reported(program) == []


def test_the_help_of_no_command_loads_anything_heavy():
    found = reported(f"HEAVY = {HEAVY}\n{HELP}")
    assert isinstance(found, dict)
    assert {"search", "model export", "index rebuild", "config set"} <= set(found)
    assert {command: names for command, names in found.items() if names} == {}


@pytest.mark.parametrize("form", ["table", "plain", "json", "jsonl"])
def test_a_search_by_words_loads_nothing_that_it_does_not_use(rekall, form):
    assert rekall("add", "bug", "CORS fails on Safari", "--content", "cookie – “blocked” café " * 20).code == 0
    program = f"""
from rekall.cli.main import run
try:
    run(sys.argv[1:])
except SystemExit as ended:
    assert not ended.code, ended.code
print()
print(json.dumps({{"loaded": loaded({UNUSED}), "searched": "rekall.search.searcher" in sys.modules}}))
"""
    assert reported(program, "search", "--mode", "words", "--format", form, "safari") == {
        "loaded": [],
        "searched": True,
    }


@pytest.mark.parametrize(
    "command",
    [
        ["list"],
        ["list", "--json"],
        ["stats"],
        ["index", "status"],
        ["model", "list"],
        ["model", "info"],
        ["config", "list"],
        ["version"],
    ],
    ids=" ".join,
)
def test_a_command_that_reads_no_vector_loads_no_engine(rekall, command):
    assert rekall("add", "bug", "CORS fails on Safari").code == 0
    program = f"""
from rekall.cli.main import run
try:
    run(sys.argv[1:])
except SystemExit as ended:
    assert not ended.code, ended.code
print()
print(json.dumps(loaded({ENGINE})))
"""
    assert reported(program, *command) == []


def test_a_search_by_meaning_loads_no_exporter_and_no_network(rekall):
    assert rekall("add", "bug", "CORS fails on Safari", "--content", "cookie blocked").code == 0
    program = """
from rekall.cli.main import run
try:
    run(sys.argv[1:])
except SystemExit as ended:
    assert not ended.code, ended.code
print()
print(json.dumps(loaded(["onnx", "safetensors", "huggingface_hub", "torch", "transformers", "requests", "httpx", "rekall.models.export"])))
"""
    assert reported(program, "search", "--mode", "meaning", "signed", "out") == []
