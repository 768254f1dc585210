"""What ends the process that uses it is tried in one of its own, once for each library and graph."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path

import pytest
from support import CHECKOUT

from rekall.models.engine.card import CARD_FILE, GRAPH_FILE, INTEGER_GRAPH_FILE
from rekall.models.engine.tried import Trials, Tried

pytestmark = pytest.mark.slow

SHIPPED = CHECKOUT / "models" / "all-MiniLM-L6-v2"


@pytest.fixture(autouse=True)
def not_loaded(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("onnxruntime", reason="there is no onnxruntime for this system")
    monkeypatch.delitem(sys.modules, "onnxruntime")


def begun(file: Path | None) -> Trials:
    trials = Trials()
    trials.begin(file)
    return trials


def test_what_works_is_tried_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import onnxruntime  # again, for its version

    file, model = tmp_path / "engine.json", SHIPPED
    monkeypatch.delitem(sys.modules, "onnxruntime")
    assert begun(file).of(model, "1.0") == Tried(onnxruntime.__version__)
    kept = file.read_bytes()
    monkeypatch.setattr("rekall.models.engine.tried.tried_anew", lambda *_: pytest.fail("tried again"))
    assert not begun(file).of(model, "1.0").problem
    assert file.read_bytes() == kept


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"onnxruntime": 3}', b'{"onnxruntime": [null]}', b"\xff\0"])
def test_what_was_kept_by_somebody_else_is_made_anew(content: bytes, tmp_path: Path) -> None:
    file = tmp_path / "engine.json"
    file.write_bytes(content)
    assert begun(file).of(None, "0").version
    assert len(json.loads(file.read_bytes())["onnxruntime"]) == 1


def test_before_there_is_a_base_nothing_is_left_behind(tmp_path: Path) -> None:
    assert begun(tmp_path / "home" / "engine.json").of(None, "0").version
    assert not list(tmp_path.iterdir())


def needing(folder: Path, oldest: str) -> Path:
    model = folder / SHIPPED.name
    shutil.copytree(SHIPPED, model)
    card = json.loads((model / CARD_FILE).read_text("utf-8"))
    (model / CARD_FILE).write_text(json.dumps({**card, "minimum_onnxruntime": oldest}), "utf-8")
    return model


def test_what_does_not_work_is_not_kept(tmp_path: Path) -> None:
    file = tmp_path / "engine.json"
    tried = begun(file).of(needing(tmp_path, "999.0"), "999.0")
    assert f"model {SHIPPED.name} needs onnxruntime 999.0" in tried.problem
    assert "pip install" in tried.hint
    assert not file.exists()


def test_a_model_that_cannot_be_read_is_not_the_librarys_fault(tmp_path: Path) -> None:
    model = needing(tmp_path, "1.0")
    for graph in (GRAPH_FILE, INTEGER_GRAPH_FILE):
        (model / graph).write_bytes(b"no graph")
    assert begun(tmp_path / "engine.json").of(model, "1.0") == Tried()


def test_a_program_that_uses_rekall_is_not_started_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rekall.models.engine.tried.tried_anew", lambda *_: pytest.fail("started"))
    assert Trials().of(SHIPPED, "999.0") == Tried()
