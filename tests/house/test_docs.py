from __future__ import annotations

import importlib.util
import re
import shutil
import subprocess
import sys
from types import ModuleType

import click
import pytest

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

from support import CHECKOUT

from rekall.cli.commands import COMMANDS, EXIT_CODES, SUMMARIES
from rekall.cli.main import cli
from rekall.errors import RekallError
from rekall.settings import SETTINGS
from rekall.store.schema import MIGRATIONS

DOCUMENTS = [
    CHECKOUT / "README.md",
    CHECKOUT / "CONTRIBUTING.md",
    CHECKOUT / "CHANGELOG.md",
    CHECKOUT / "SECURITY.md",
    *sorted((CHECKOUT / "docs").rglob("*.md")),
]


def test_the_generated_documents_are_up_to_date():
    ran = subprocess.run(
        [sys.executable, "scripts/generate_docs.py", "--check"],
        cwd=CHECKOUT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr


def script_of(name: str) -> ModuleType:
    """A script of the repository, as a module."""
    spec = importlib.util.spec_from_file_location(name, CHECKOUT / "scripts" / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    script = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = script  # dataclasses look their module up
    spec.loader.exec_module(script)
    return script


def test_a_session_shows_what_stays_on_the_terminal():
    screen = script_of("transcripts").screen
    assert screen("\x1b[1madded\x1b[0m one\r\n") == "added one"
    assert screen("1 %\r50 %\rdone\nnext\n") == "done\nnext"
    bar = "before\n\x1b[?25lreading 1/2\r\x1b[2Kreading 2/2\n\x1b[?25h\r\x1b[1A\x1b[2K"
    assert screen(bar) == "before"
    assert screen(bar + "after\n") == "before\nafter"


def test_every_state_of_the_terminal_ui_has_its_picture_and_is_shown():
    script = script_of("make_screenshots")
    names = {script.file_name(state) for state in script.STATES}
    assert {path.name for path in (CHECKOUT / "docs" / "pictures").glob("tui*.svg")} == names
    document = (CHECKOUT / "docs" / "tui.md").read_text("utf-8")
    assert {name for name in names if f"(pictures/{name})" not in document} == set()


@pytest.mark.skipif(not shutil.which("groff"), reason="there is no groff")
def test_the_man_page_is_set_without_a_complaint():
    page = ["groff", "-man", "-Tutf8", "-ww", "docs/rekall.1"]
    ran = subprocess.run(page, cwd=CHECKOUT, capture_output=True, text=True, encoding="utf-8", check=True)
    assert ran.stderr == ""
    shown = re.sub(r"\x1b\[[0-9;]*m|.\x08", "", ran.stdout)
    assert "rekall - write down what you learned" in shown
    assert all(re.search(rf"^ +{name}\b", shown, re.MULTILINE) for name in COMMANDS)
    assert 'rekall search "safari blocks my api call"' in shown  # as it is typed, quotes and dashes and all


def test_every_command_setting_and_exit_code_is_documented():
    document = (CHECKOUT / "docs" / "cli.md").read_text("utf-8")
    assert all(f"## rekall {name}\n" in document for name in COMMANDS)
    assert all(f"`{setting.key}`" in document and setting.doc in document for setting in SETTINGS)
    assert all(f"| {code} | {meaning} |" in document for code, meaning in EXIT_CODES)


def test_every_error_ends_with_a_documented_exit_code():
    def tree(kind: type[RekallError]):
        yield kind
        for child in kind.__subclasses__():
            yield from tree(child)

    documented = {code for code, _ in EXIT_CODES}
    assert {kind.exit_code for kind in tree(RekallError)} <= documented


def test_every_dependency_has_its_line():
    project = tomllib.loads((CHECKOUT / "pyproject.toml").read_text("utf-8"))["project"]
    document = (CHECKOUT / "docs" / "dependencies.md").read_text("utf-8")
    for requirement in project["dependencies"]:
        assert f"\n| {re.split('[><=;! ]', requirement)[0]} |" in document
    for extra in project["optional-dependencies"]:
        assert f"`{extra}`" in document


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_links_inside_the_documents_lead_somewhere(path):
    for target in re.findall(r"\]\(([^)#\s]+)[^)]*\)", path.read_text("utf-8")):
        if "://" not in target:
            assert (path.parent / target).exists(), target


def test_the_readme_commands_are_make_targets():
    makefile = (CHECKOUT / "Makefile").read_text("utf-8")
    for target in re.findall(r"^\$ make (\w+)", (CHECKOUT / "README.md").read_text("utf-8"), re.MULTILINE):
        assert f"\n{target}:" in makefile


def test_the_readme_says_how_many_notes_there_are():
    notes = len(list((CHECKOUT / "examples" / "notes").glob("*.md")))
    assert f"imports {notes} sample notes" in (CHECKOUT / "README.md").read_text("utf-8")


def test_the_changelog_says_which_schema_a_base_has():
    assert f"Database schema: {len(MIGRATIONS)}." in (CHECKOUT / "CHANGELOG.md").read_text("utf-8")


def test_the_help_says_of_each_command_what_its_own_help_says():
    context = click.Context(cli)
    assert list(SUMMARIES) == list(COMMANDS)
    for name, summary in SUMMARIES.items():
        command = cli.get_command(context, name)
        assert command is not None
        assert summary == command.get_short_help_str(200), name
