"""What is claimed of systems and Pythons is what the resolver found: the locks fit pyproject.toml, and the tables say what the locks say."""

from __future__ import annotations

import re
import sys

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.version import Version
from support import CHECKOUT

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

sys.path.insert(0, str(CHECKOUT / "scripts"))
import linux_runs
import platform_table
import wine_results
from platform_table import EXTRAS, OPTIONAL, PYTHONS, SYSTEMS, Combination

from rekall.cli.doctor_around import _EXTRAS
from rekall.wording import DISTRIBUTION, install_command

CONFIGURATION = tomllib.loads((CHECKOUT / "pyproject.toml").read_text("utf-8"))
PROJECT = CONFIGURATION["project"]
DAY, FOUND = platform_table.read()


@pytest.mark.parametrize("found", FOUND, ids=lambda each: f"{each.system} {each.python}")
def test_a_lock_holds_every_dependency_in_a_version_that_is_allowed(found: Combination):
    if not found.packages:
        assert found.missing
        return
    system = next(system for system in SYSTEMS if system.name == found.system)
    environment = {
        "sys_platform": system.sys_platform,
        "platform_machine": system.platform_machine,
        "platform_system": {"win32": "Windows", "darwin": "Darwin", "linux": "Linux"}[system.sys_platform],
        "os_name": "nt" if system.sys_platform == "win32" else "posix",
        "python_version": found.python,
        "python_full_version": f"{found.python}.0",
    }
    for line in PROJECT["dependencies"]:
        wanted = Requirement(line)
        if wanted.name not in found.without and (wanted.marker is None or wanted.marker.evaluate(environment)):
            assert Version(found.packages[wanted.name]) in wanted.specifier, wanted.name
    assert set(found.without) <= set(OPTIONAL)
    assert set(found.extras) <= set(EXTRAS)


def test_every_system_is_resolved_with_every_python_that_is_claimed():
    assert [(each.system, each.python) for each in FOUND] == [
        (each.name, python) for each in SYSTEMS for python in PYTHONS
    ]
    claimed = [line.rpartition(" ")[2] for line in PROJECT["classifiers"] if re.search(r"Python :: 3\.\d", line)]
    assert claimed == list(PYTHONS)
    assert PROJECT["requires-python"] == f">={PYTHONS[0]}"


@pytest.mark.parametrize("document", platform_table.DOCUMENTS, ids=lambda path: path.name)
def test_a_document_says_what_the_locks_say(document):
    assert f"<!-- platforms -->\n{platform_table.table()}<!-- end of platforms -->" in document.read_text("utf-8")


def test_the_workflow_tries_every_python_that_is_claimed_on_three_systems():
    workflow = yaml.safe_load((CHECKOUT / ".github" / "workflows" / "tests.yml").read_text("utf-8"))
    matrix = workflow["jobs"]["tests"]["strategy"]["matrix"]
    assert matrix["python"] == list(PYTHONS)
    assert {system.partition("-")[0] for system in matrix["system"]} == {"ubuntu", "windows", "macos"}
    for job in workflow["jobs"].values():
        for step in job["steps"]:
            assert "secrets" not in str(step)
            assert re.fullmatch(r"[\w-]+/[\w-]+@v\d+", step.get("uses", "a/b@v1"))
            assert re.match(r"python -m ", step.get("run", "python -m "))  # on every shell


@pytest.mark.parametrize("job", ["tests", "lowest"])
def test_the_workflow_installs_every_extra_that_is_claimed(job):
    """Else what needs it is skipped there, unseen; psycopg comes with `dev`, where it has a wheel."""
    workflow = yaml.safe_load((CHECKOUT / ".github" / "workflows" / "tests.yml").read_text("utf-8"))
    lines = [step["run"] for step in workflow["jobs"][job]["steps"] if "run" in step]
    [extras] = [found[1] for line in lines if (found := re.search(r"--editable \"\.\[([\w,]+)\]\"", line))]
    assert {"dev", *EXTRAS} - {"team"} <= {*extras.split(",")} <= {*PROJECT["optional-dependencies"]}


def test_the_source_distribution_holds_all_that_its_tests_read():
    held = {name.strip("/") for name in CONFIGURATION["tool"]["hatch"]["build"]["targets"]["sdist"]["include"]}
    assert all((CHECKOUT / name).exists() for name in held)
    read = re.compile(r"CHECKOUT / \"([\w.]+)\"")
    texts = [file.read_text("utf-8") for file in (CHECKOUT / "tests").rglob("*.py")]
    named = {name for text in texts for name in read.findall(text) if (CHECKOUT / name).exists()}
    assert named - {"pyproject.toml", ".git"} <= held


def test_the_doctor_looks_for_every_extra_that_all_names():
    [everything] = PROJECT["optional-dependencies"]["all"]
    assert {*everything[everything.index("[") + 1 : -1].split(",")} == {*_EXTRAS}


def test_whatever_says_how_to_install_names_the_package_and_extras_that_there_are():
    assert PROJECT["name"] == DISTRIBUTION
    texts = [CHECKOUT / "README.md", *(CHECKOUT / "docs").glob("*.md"), *(CHECKOUT / "rekall").rglob("*.py")]
    said = [found for file in texts for found in re.findall(r"\b(rekall[\w-]*)\[([\w,-]+)\]", file.read_text("utf-8"))]
    assert {name for name, _ in said} == {DISTRIBUTION}
    assert {extra for _, extras in said for extra in extras.split(",")} <= {*PROJECT["optional-dependencies"]}


@pytest.mark.parametrize("extra", ["team", "tui", "export-torch"])
def test_what_adds_an_extra_keeps_those_that_are_there(monkeypatch, extra):
    monkeypatch.setattr(sys, "prefix", "/home/me/.local/share/uv/tools/rekall-memory")
    said = install_command(extra)
    wanted = "all" if extra in ("team", "tui") else f"all,{extra}"
    assert re.fullmatch(rf"uv tool install (['\"]){re.escape(DISTRIBUTION)}\[{wanted}\]\1", said)
    monkeypatch.setattr(sys, "prefix", "C:\\Users\\me\\pipx\\venvs\\rekall-memory")
    assert install_command(extra).startswith(f"pipx runpip {DISTRIBUTION} install ")


def test_the_tables_of_the_tests_under_wine_are_those_of_their_results():
    text = wine_results.PAGE.read_text("utf-8")
    assert f"<!-- wine -->\n{wine_results.tables()}<!-- end of wine -->" in text


def test_the_tables_of_the_tests_on_linux_are_those_of_their_results():
    text = linux_runs.PAGE.read_text("utf-8")
    assert f"<!-- linux -->\n{linux_runs.tables()}<!-- end of linux -->" in text
    for run in linux_runs.read().values():
        counts = [sum(column) for column in zip(*run.folders.values())]
        assert counts == [run.passed, len(run.failed), run.skipped]
        assert not {*run.failed} & {*run.mended}
