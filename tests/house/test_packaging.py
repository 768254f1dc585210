"""The wheel: what is in it, and that it works away from the checkout."""

from __future__ import annotations

import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable, Iterator
from email.parser import BytesParser
from pathlib import Path

import pytest
from support import CHECKOUT
from support.systems import WINE

from rekall.wording import DISTRIBUTION

pytestmark = pytest.mark.slow
PATIENCE_S = 600.0
SCRIPTS, EXE = ("Scripts", ".exe") if os.name == "nt" else ("bin", "")
MODEL = "rekall/models/shipped/all-MiniLM-L6-v2/"


def made_once(tmp_path_factory: pytest.TempPathFactory, name: str, make: Callable[[Path], object]) -> Path:
    """A folder that one of several workers fills, while the others wait for it."""
    shared = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        shared = shared.parent  # each worker has a folder of its own in there
    folder, lock, done = shared / name, shared / f"{name}.lock", shared / f"{name}.done"
    end = time.monotonic() + PATIENCE_S
    while not done.exists():
        try:
            lock.touch(exist_ok=False)
        except FileExistsError:
            assert time.monotonic() < end, f"nobody has finished {folder}"
            time.sleep(0.1)
            continue
        try:
            if not done.exists():
                make(folder)
                done.touch()
        finally:
            lock.unlink()
    return folder


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    pytest.importorskip("build")
    (built,) = made_once(tmp_path_factory, "wheel", lambda out: build_wheel(out, tmp_path_factory)).glob("*.whl")
    return built


def build_wheel(out: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    try:
        import hatchling  # noqa: F401
    except ImportError:
        isolation = []
    else:
        isolation = ["--no-isolation"]
    source = tmp_path_factory.mktemp("source") / "rekall"
    left_out = shutil.ignore_patterns(
        ".git", ".venv*", ".demo", "build", "dist", "__pycache__", ".*_cache", ".hypothesis"
    )
    shutil.copytree(CHECKOUT, source, ignore=left_out)  # so that nothing is left behind in the checkout
    subprocess.run(
        [sys.executable, "-m", "build", "--wheel", *isolation, "--outdir", str(out), str(source)],
        check=True,
        capture_output=True,
        timeout=PATIENCE_S,
    )


@pytest.fixture(scope="module")
def contents(wheel: Path) -> Iterator[zipfile.ZipFile]:
    with zipfile.ZipFile(wheel) as archive:
        yield archive


def test_it_is_pure_python_and_small(wheel: Path) -> None:
    assert wheel.name.endswith("-py3-none-any.whl")
    assert wheel.stat().st_size < 40_000_000


def test_it_carries_the_model_byte_for_byte_with_its_licence(contents: zipfile.ZipFile) -> None:
    carried = {name.removeprefix(MODEL) for name in contents.namelist() if name.startswith(MODEL)}
    assert {"model.json", "model.onnx", "model.weights", "tokenizer.json", "probes.json", "LICENSE"} <= carried
    for name in carried:
        assert contents.read(MODEL + name) == (CHECKOUT / "models" / "all-MiniLM-L6-v2" / name).read_bytes()
    assert b"Apache License" in contents.read(MODEL + "LICENSE")


def test_it_carries_types_and_licences_and_no_tests(contents: zipfile.ZipFile) -> None:
    names = contents.namelist()
    assert "rekall/py.typed" in names
    notices = {name.rpartition("/")[2]: contents.read(name) for name in names if ".dist-info/licenses/" in name}
    assert b"MIT" in notices["LICENSE"]
    assert b"all-MiniLM-L6-v2" in notices["NOTICE"]
    assert b"Apache" in notices["NOTICE"]
    assert b"d3-force" in notices["NOTICE"]
    assert {name.partition("/")[0].partition("-")[0] for name in names} == {"rekall", "rekall_memory"}
    samples = [name for name in names if name.startswith("rekall/samples/")]
    assert "rekall/samples/queries.json" in samples
    assert len([name for name in samples if name.startswith("rekall/samples/notes/")]) == len(samples) - 1 > 40
    code = [name for name in names if name not in samples]
    assert [name for name in code if "test" in name.lower() or "conftest" in name or name.endswith(".pyc")] == []


def test_it_carries_every_module_of_the_package(contents: zipfile.ZipFile) -> None:
    modules = {path.relative_to(CHECKOUT).as_posix() for path in (CHECKOUT / "rekall").rglob("*.py")}
    assert modules <= set(contents.namelist())


def test_it_carries_what_the_page_to_wander_in_is_made_of(contents: zipfile.ZipFile) -> None:
    parts = {path.relative_to(CHECKOUT).as_posix() for path in (CHECKOUT / "rekall" / "exchange" / "graph").iterdir()}
    assert {part.rpartition("/")[2] for part in parts} == {"d3-force.js", "graph.css", "graph.js"}
    assert parts <= set(contents.namelist())


def test_it_carries_the_scripts_of_shells_and_the_man_page(contents: zipfile.ZipFile) -> None:
    scripts = {path.relative_to(CHECKOUT).as_posix() for path in (CHECKOUT / "rekall" / "cli" / "scripts").iterdir()}
    assert len(scripts) == 8
    assert scripts <= set(contents.namelist())
    (page,) = (name for name in contents.namelist() if name.endswith(".data/data/share/man/man1/rekall.1"))
    assert contents.read(page) == (CHECKOUT / "docs" / "rekall.1").read_bytes()


def test_its_metadata_say_what_it_needs(contents: zipfile.ZipFile) -> None:
    (name,) = (name for name in contents.namelist() if name.endswith(".dist-info/METADATA"))
    metadata = BytesParser().parsebytes(contents.read(name))
    needs = [str(need) for need in metadata.get_all("Requires-Dist", [])]
    assert metadata["Name"] == DISTRIBUTION
    assert metadata["Requires-Python"] == ">=3.10"
    assert set(metadata.get_all("Provides-Extra", [])) == {
        "all",
        "bench",
        "dev",
        "export",
        "export-torch",
        "mcp",
        "team",
        "tui",
        "watch",
    }
    base = {need.split(">")[0].split(";")[0].strip() for need in needs if "extra ==" not in need}
    assert {
        "onnxruntime",
        "tokenizers",
        "numpy",
        "sqlite-vec",
        "apsw",
        "click",
        "rich",
        "platformdirs",
    } <= base
    assert not base & {"torch", "transformers", "sentence-transformers", "huggingface-hub", "onnx"}
    (vec,) = (need for need in needs if need.startswith("sqlite-vec"))
    assert "win32" in vec
    assert "ARM64" in vec


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The scripts folder of an environment that holds the wheel and what it needs, and nothing else."""
    if WINE:
        pytest.skip("Wine: numpy as it is on the index asks for functions that Wine lacks")
    return made_once(tmp_path_factory, "environment", lambda folder: install(wheel, folder)) / SCRIPTS


def install(wheel: Path, folder: Path) -> None:
    bare = [sys.executable, "-m", "venv", "--without-pip", str(folder)]  # a pip of its own would take seconds
    subprocess.run(bare, check=True, capture_output=True, timeout=PATIENCE_S)
    pip = [
        sys.executable,
        "-m",
        "pip",
        "--disable-pip-version-check",
        "--python",
        str(folder / SCRIPTS / f"python{EXE}"),
    ]
    subprocess.run(
        [*pip, "install", "--quiet", "--no-compile", str(wheel)], check=True, capture_output=True, timeout=PATIENCE_S
    )


@pytest.fixture
def away(tmp_path: Path) -> tuple[Path, dict[str, str]]:
    """An empty folder to work in, and an environment with an empty home."""
    folder, user = tmp_path / "empty", tmp_path / "nobody"
    folder.mkdir()
    user.mkdir()
    kept = {
        name: value
        for name, value in os.environ.items()
        if name.upper() in ("PATH", "SYSTEMROOT", "TEMP", "TMP", "LANG", "LC_ALL")
    }
    return folder, {
        **kept,
        "HOME": str(user),
        "USERPROFILE": str(user),
        "APPDATA": str(user),
        "LOCALAPPDATA": str(user),
    }


def run(program: Path, away: tuple[Path, dict[str, str]], *arguments: str) -> str:
    folder, environment = away
    ran = subprocess.run(
        [str(program), *arguments],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=False,
        timeout=PATIENCE_S,
    )
    assert ran.returncode == 0, ran.stderr
    return ran.stdout


def test_it_works_in_an_empty_environment_away_from_the_checkout(
    installed: Path, away: tuple[Path, dict[str, str]]
) -> None:
    rekall, python = installed / "rekall", installed / "python"
    place = Path(run(python, away, "-c", "import rekall; print(rekall.__file__)").strip())
    assert installed.parent in place.parents
    assert json.loads(run(rekall, away, "stats", "--json"))["entries"] == 0
    run(rekall, away, "add", "bug", "Safari drops our session cookie", "--content", "Intelligent Tracking Prevention.")
    run(rekall, away, "add", "til", "Bread needs eight hours")
    answer = json.loads(run(rekall, away, "search", "people get signed out on iphones", "--json"))
    assert answer["mode"] == {"requested": "hybrid", "used": "hybrid", "reason": None}
    assert answer["hits"][0]["title"] == "Safari drops our session cookie"
    folder = Path(json.loads(run(rekall, away, "model", "info", "--json"))["folder"])
    assert installed.parent in folder.parents
    assert json.loads(run(rekall, away, "model", "verify", "--json"))["ok"] is True
    assert list(away[0].iterdir()) == []


def test_it_brings_neither_torch_nor_what_only_extras_need(installed: Path, away: tuple[Path, dict[str, str]]) -> None:
    program = (
        "import importlib.metadata as found, json; print(json.dumps([each.name for each in found.distributions()]))"
    )
    names = {name.lower() for name in json.loads(run(installed / "python", away, "-c", program))}
    assert "rekall-memory" in names
    assert (
        names & {"torch", "transformers", "sentence-transformers", "onnx", "safetensors", "textual", "mcp", "pytest"}
        == set()
    )


def test_python_gets_its_encoder_from_the_wheel(installed: Path, away: tuple[Path, dict[str, str]]) -> None:
    program = "import rekall; rows = rekall.load_encoder().encode_documents(['a', 'b']); print(rows.shape, rows.dtype)"
    assert run(installed / "python", away, "-c", program) == "(2, 384) float32\n"


def test_its_samples_measure_searches(installed: Path, away: tuple[Path, dict[str, str]]) -> None:
    answer = json.loads(run(installed / "rekall", away, "bench", "--json"))
    assert [row["mode"] for row in answer["modes"]] == ["words", "meaning", "hybrid"]
    assert min(row["recall"] for row in answer["modes"]) > 0.8


def test_the_page_of_an_index_leads_nowhere_wrong(contents: zipfile.ZipFile) -> None:
    (name,) = (name for name in contents.namelist() if name.endswith(".dist-info/METADATA"))
    metadata = BytesParser().parsebytes(contents.read(name))
    text = metadata.get_payload()
    assert "# Rekall" in text
    assert not re.search(r"\]\((?!https?:|#)", text)
    assert metadata.get_all("Project-URL", []) == []  # it was built without a repository


def test_the_page_of_a_release_leads_into_its_repository() -> None:
    spec = importlib.util.spec_from_file_location("index_page", CHECKOUT / "scripts" / "index_page.py")
    assert spec
    assert spec.loader
    index_page = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(index_page)
    readme = (CHECKOUT / "README.md").read_text("utf-8")
    text = index_page.page(readme, "https://forge.example/us/rekall", "v1.2.3")
    targets = re.findall(r"\]\(([^)]+)\)", text)
    ours = [each for each in targets if each.startswith("https://forge.example/us/rekall/")]
    assert len(ours) == len(re.findall(r"\]\((?!https?:|#)", readme)) > 20
    for target in ours:
        kind, tag, path = target.removeprefix("https://forge.example/us/rekall/").split("/", 2)
        assert (kind, tag) == ("raw" if path.endswith(".svg") else "blob", "v1.2.3")
        assert (CHECKOUT / path.partition("#")[0]).exists()
    assert index_page.urls("https://forge.example/us/rekall")["Issues"] == "https://forge.example/us/rekall/issues"
