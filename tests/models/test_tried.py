"""What a machine may lack to run a model: an onnxruntime that ends the process is tried in one of its own, once; threads."""

from __future__ import annotations

import json
import shutil
import sys
import threading
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
from support import CHECKOUT

from rekall.errors import OutOfMemory
from rekall.models.engine.card import CARD_FILE, GRAPH_FILE, INTEGER_GRAPH_FILE
from rekall.models.engine.guard import loading
from rekall.models.engine.onnx_encoder import OnnxEncoder
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


def test_where_no_thread_can_be_started_texts_are_embedded_one_run_after_the_other(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    texts = [f"note {number} on queue pool limits, " * 20 for number in range(8)]
    with closing(OnnxEncoder(SHIPPED, threads=2)) as encoder:
        expected = encoder.encode_documents(texts)

    def refuse(self: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", refuse)
    with closing(OnnxEncoder(SHIPPED, threads=2)) as encoder:
        assert np.array_equal(encoder.encode_documents(texts), expected)


@pytest.mark.parametrize("said", ["can't start new thread", "ThreadPoolBuildError { kind: IOError(Os { code: 11 }) }"])
def test_a_lack_of_threads_is_no_damage(said: str) -> None:
    with pytest.raises(OutOfMemory, match="no thread can be started for model tiny") as caught, loading("tiny"):
        raise RuntimeError(said)
    assert "ulimit -u" in caught.value.hint
