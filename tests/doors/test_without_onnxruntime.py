"""Where there is no onnxruntime, or one that cannot be loaded, numpy runs the model: everything is still found by meaning."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support import CHECKOUT, DATA
from support.peak import peak_kib
from support.systems import not_on_windows

pytestmark = pytest.mark.slow

ABSENT = """
import sys
class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] == "onnxruntime":
            raise ModuleNotFoundError("No module named 'onnxruntime'", name="onnxruntime")
sys.meta_path.insert(0, Absent())
"""
LOADERS = {
    "broken": 'raise ImportError("DLL load failed while importing onnxruntime_pybind11_state")\n',
    "deadly": "import os\nos.abort()\n",
    "old": '__version__ = "1.10.2"\nclass InferenceSession: pass\n',
}
"""What an onnxruntime that is there and of no use does when it is imported."""

SAID = {
    "absent": "onnxruntime is not installed",
    "broken": "DLL load failed",
    "deadly": "onnxruntime ends the process that uses it (",
    "old": "this is 1.10.2",
}
NOTES = {
    "cookies": "# Sessions end early in Safari\n\nThe browser drops third-party cookies after a day.\n",
    "pool": "# Queue pool limit reached\n\nDatabase connections are held while Stripe answers.\n",
    "soup": "# Tomato soup\n\nOnions, garlic, a kilo of tomatoes, basil at the end.\n",
}
SEARCH_PEAK_KIB = 80 * 1000 * 1000 // 1024
"""71 MB were measured; with onnxruntime it is 97."""


@dataclass(frozen=True)
class Place:
    """A base of a few notes that were imported without onnxruntime, and how commands run over it."""

    kind: str
    environment: dict[str, str]

    def run(self, *arguments: str, codes: tuple[int, ...] = (0,)) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "rekall", *arguments]
        ran = subprocess.run(command, env=self.environment, capture_output=True, text=True, timeout=120)
        assert ran.returncode in codes, ran.stderr
        assert "Traceback" not in ran.stderr
        return ran

    def json(self, *arguments: str, codes: tuple[int, ...] = (0,)) -> Any:
        return json.loads(self.run(*arguments, "--json", codes=codes).stdout)

    def engine_line(self, *arguments: str) -> Any:
        page = self.json(*arguments, "doctor", codes=(0, 5))  # 5: there may be no editor
        (line,) = (look for look in page["lines"] if look["topic"] == "engine")
        return line


@pytest.fixture(scope="module")
def place_of(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Place]:
    @cache
    def make(kind: str) -> Place:
        folder, notes = tmp_path_factory.mktemp(kind), write_notes(tmp_path_factory.mktemp("notes"))
        if kind == "absent":
            (folder / "sitecustomize.py").write_text(ABSENT)
        else:
            (folder / "onnxruntime").mkdir()
            (folder / "onnxruntime" / "__init__.py").write_text(LOADERS[kind])
        environment = {
            **os.environ,
            "PYTHONPATH": os.pathsep.join([str(folder), str(CHECKOUT)]),
            "REKALL_HOME": str(tmp_path_factory.mktemp("home")),
        }
        place = Place(kind, environment)
        assert "3 added" in place.run("import", str(notes)).stdout
        return place

    return make


@pytest.fixture
def absent(place_of: Callable[[str], Place]) -> Place:
    return place_of("absent")


@pytest.fixture(params=SAID)
def either(request: pytest.FixtureRequest, place_of: Callable[[str], Place]) -> Place:
    return place_of(request.param)


def write_notes(folder: Path) -> Path:
    for name, text in NOTES.items():
        (folder / f"{name}.md").write_text(text)
    return folder


def test_what_was_imported_is_found_by_meaning(either: Place) -> None:
    found = either.json("search", "logged out of the web browser too soon")
    assert (found["mode"]["used"], found["mode"]["reason"]) == ("hybrid", None)
    assert found["hits"][0]["title"] == "Sessions end early in Safari"


def test_what_is_added_is_found_by_meaning(absent: Place) -> None:
    absent.run("add", "Bread", "--content", "Flour, water, yeast, and patience.")
    assert absent.json("search", "how to bake a loaf")["hits"][0]["title"] == "Bread"


def test_the_status_of_the_index_names_the_engine_and_says_why(either: Place) -> None:
    engine = either.json("index", "status")["engine"]
    assert (engine["name"], engine["version"]) == ("numpy", np.__version__)
    assert SAID[either.kind] in engine["reason"]
    if either.kind == "absent":
        text = either.run("index", "status").stdout
        assert f"run by       numpy {np.__version__}  (onnxruntime is not installed)" in text


def test_the_doctor_says_it_and_what_to_do(either: Place) -> None:
    line = either.engine_line()
    assert line["level"] == ("good" if either.kind == "absent" else "warn")
    assert "numpy runs the model" in line["text"]
    assert "pip install" in line["hint"]


def test_what_the_status_says_is_what_runs(either: Place) -> None:
    verified = either.json("model", "verify")
    assert (verified["ok"], verified["engine"]) == (True, f"numpy {np.__version__}")
    assert verified["min_cosine"] >= 0.998


@pytest.mark.parametrize("kind", ["deadly", "old"])
def test_a_text_is_embedded(kind: str, place_of: Callable[[str], Place]) -> None:
    assert len(json.loads(place_of(kind).run("embed", "queue pool limit").stdout)["vector"]) == 384


def test_what_a_model_needs_is_described(absent: Place) -> None:
    assert "or numpy" in absent.run("model", "info").stdout


@pytest.mark.parametrize(("kind", "said"), [("absent", "onnxruntime cannot be loaded"), ("deadly", SAID["deadly"])])
def test_asked_for_by_name_onnxruntime_is_missed_aloud(kind: str, said: str, place_of: Callable[[str], Place]) -> None:
    wanted, place = ("--set", "engine.backend=onnxruntime"), place_of(kind)
    ran = place.run(*wanted, "search", "safari")
    assert "Sessions end early" in ran.stdout
    assert f"found by words only: {said}" in ran.stdout + ran.stderr
    line = place.engine_line(*wanted)
    assert line["level"] == "bad"
    assert "engine.backend" in line["hint"]
    assert "pip install" in line["hint"]


LONG_LIVED = """
import os, sys
from rekall.app import App
app = App(os.environ).long_lived()
result = app.open_base().search("logged out of the web browser too soon")
print(result.mode.used.value, result.hits[0].entry.title, [name for name in ("numpy", "onnxruntime") if name in sys.modules])
app.close()
"""


def test_a_process_that_stays_has_it_in_its_engine(absent: Place) -> None:
    command = [sys.executable, "-c", LONG_LIVED]
    ran = subprocess.run(command, env=absent.environment, capture_output=True, text=True, timeout=120, check=True)
    assert ran.stdout.splitlines()[0] == "hybrid Sessions end early in Safari []"


@not_on_windows("Windows does not tell the peak of a child")
def test_a_search_takes_less_memory_than_with_onnxruntime(absent: Place) -> None:
    assert peak_kib("search", "logged", "out", "too", "soon", environ=absent.environment) <= SEARCH_PEAK_KIB


def test_a_search_does_without_openssl(absent: Place) -> None:
    """It is 3 MB resident, which hashlib brings."""
    listing = Place(absent.kind, {**absent.environment, "PYTHONPROFILEIMPORTTIME": "1"})
    imported = {line.rpartition("|")[2].strip() for line in listing.run("search", "soup").stderr.splitlines()}
    assert "numpy" in imported
    assert not {"hashlib", "_hashlib", "ssl"} & imported


def test_a_model_is_exported_without_a_graph_of_bytes(absent: Place, tmp_path: Path) -> None:
    pytest.importorskip("onnx")
    source, out = DATA / "checkpoints" / "bert", tmp_path / "tiny"
    ran = absent.run("model", "export", str(source), "--out", str(out))
    assert "no graph of bytes" in ran.stdout + ran.stderr
    assert (out / "model.onnx").exists()
    assert not list(out.glob("integer.*"))


# where both are there


def test_the_setting_takes_numpy_where_both_are_there(rekall: Callable[..., Any], tmp_path: Path) -> None:
    assert rekall("import", str(write_notes(tmp_path))).code == 0
    status = rekall("--set", "engine.backend=numpy", "index", "status", "--json").json
    assert status["engine"] == {"name": "numpy", "version": np.__version__, "reason": None}
    assert status["pending_passages"] == 0  # one space: nothing is embedded again
    assert rekall("index", "status", "--json").json["engine"]["name"] == "onnxruntime"
    assert rekall("--set", "engine.backend=cuda", "search", "x").code == 4
