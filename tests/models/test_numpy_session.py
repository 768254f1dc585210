"""Graphs in numpy: every operator that the exporter writes, as close to ONNX Runtime as rounding allows."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support import CHECKOUT, DATA
from support.checkpoints import TEXTS

from rekall.errors import EngineError, ModelDamaged
from rekall.models.engine.card import GRAPH_FILE, read_card
from rekall.models.engine.graph_file import read_graph
from rekall.models.engine.numpy_session import NumpySession
from rekall.models.engine.onnx_encoder import OnnxEncoder
from rekall.models.engine.opening import runtime_of
from rekall.models.engine.process_encoder import ProcessEncoder
from rekall.models.engine.session import open_graph, open_session
from rekall.models.export.activations import ACTIVATIONS
from rekall.models.export.graph import MICROSOFT, GraphBuilder
from rekall.models.vectors import Matrix, row_cosines
from rekall.system.products import Products

SHIPPED = CHECKOUT / "models" / "all-MiniLM-L6-v2"
GOLDEN = json.loads((DATA / "golden.json").read_text("utf-8"))
OLDEST = "1.23"
CLOSE = 1e-5


def encoded(folder: Path, texts: list[str], backend: Any) -> Matrix:
    encoder = OnnxEncoder(folder, arithmetic="floats", backend=backend)
    try:
        return encoder.encode_documents(texts)
    finally:
        encoder.close()


# the shipped model


@pytest.fixture(scope="module")
def golden() -> Matrix:
    return encoded(SHIPPED, GOLDEN["texts"], "numpy")


def test_it_keeps_the_promise(golden: Matrix) -> None:
    cosines = row_cosines(golden, np.array(GOLDEN["vectors"]))
    floors = np.array([0.998 if kind == "degenerate" else 0.999 for kind in GOLDEN["kinds"]])
    assert cosines.mean() >= 0.9995
    assert dict(zip(np.array(GOLDEN["texts"])[cosines < floors], cosines[cosines < floors])) == {}


def test_its_vectors_are_those_of_onnxruntime(golden: Matrix) -> None:
    assert np.abs(golden - encoded(SHIPPED, GOLDEN["texts"], "onnxruntime")).max() <= CLOSE


def test_a_text_has_the_same_vector_in_any_company(golden: Matrix) -> None:
    some = list(range(0, len(GOLDEN["texts"]), 7))
    alone = np.concatenate([encoded(SHIPPED, [GOLDEN["texts"][place]], "numpy") for place in some[:4]])
    few = encoded(SHIPPED, [GOLDEN["texts"][place] for place in some], "numpy")
    assert row_cosines(few, golden[some]).min() >= 0.9999999
    assert row_cosines(alone, golden[some[:4]]).min() >= 0.9999999


QUESTION = ["how do I stop docker from filling the disk with old layers"]


@pytest.mark.parametrize(("arithmetic", "then"), [("floats", "a long question"), ("bytes", "a note")])
def test_a_process_that_asks_one_question_goes_without_onnxruntime(arithmetic: Any, then: str) -> None:
    encoder = OnnxEncoder(SHIPPED, arithmetic=arithmetic, backend="sparing")
    with_onnxruntime = OnnxEncoder(SHIPPED, arithmetic=arithmetic)
    one = encoder.encode_queries(QUESTION)
    assert encoder.runtime.startswith("numpy ")
    # products of bytes are rounded, and where numbers differ in the last bit one falls to the other side
    assert row_cosines(one, with_onnxruntime.encode_queries(QUESTION)).min() >= 1 - (
        1e-6 if arithmetic == "floats" else 5e-4
    )
    if then == "a long question":
        encoder.encode_queries(["a long question " * 100] * 2)
    else:
        assert np.array_equal(encoder.encode_documents(QUESTION), with_onnxruntime.encode_documents(QUESTION))
    assert encoder.runtime.startswith("onnxruntime ")
    assert np.array_equal(encoder.encode_queries(QUESTION), with_onnxruntime.encode_queries(QUESTION))
    encoder.close()
    with_onnxruntime.close()


def test_a_large_model_or_one_that_numpy_does_not_know_has_onnxruntime_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in (("SMALL_BYTES", 1_000), ("open_session", _refused_by_numpy)):
        with monkeypatch.context() as patch:
            patch.setattr(f"rekall.models.engine.onnx_encoder.{name}", value)
            encoder = OnnxEncoder(SHIPPED, backend="sparing")
            assert encoder.runtime.startswith("onnxruntime ")
            encoder.close()


def _refused_by_numpy(path: Path, card: Any, backend: str) -> Any:
    if backend == "numpy":
        raise EngineError("numpy does not know its Loop", "")
    return open_session(path, card, backend)


def test_numpy_alone_multiplies_floats(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rekall.models.engine.arithmetic.multiplies_bytes", lambda: True)
    encoder = OnnxEncoder(SHIPPED, backend="numpy")
    assert encoder.runtime == f"numpy {np.__version__}"
    assert np.abs(encoder.encode_documents(TEXTS) - encoded(SHIPPED, TEXTS, "onnxruntime")).max() <= CLOSE
    encoder.close()
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(EngineError, match="onnxruntime"):
        OnnxEncoder(SHIPPED, arithmetic="bytes")


def test_the_engine_of_a_process_that_stays_runs_it_too() -> None:
    card = read_card(SHIPPED)
    here = encoded(SHIPPED, TEXTS[:5], "onnxruntime")
    child = ProcessEncoder(SHIPPED, card.fingerprint, card.dimensions, backend="numpy")
    try:
        assert np.abs(np.array([np.asarray(row) for row in child.encode_documents(TEXTS[:5])]) - here).max() <= CLOSE
        loaded = Path(f"/proc/{child.pid}/maps")
        if loaded.exists():
            assert "onnxruntime" not in loaded.read_text()
    finally:
        child.close()


# every operator


@pytest.fixture
def both(tmp_path: Path) -> Callable[..., float]:
    """The largest difference between both engines for a graph of one input, which `add` makes."""

    def difference(add: Callable[[GraphBuilder, str], str], shape: tuple[int, ...] = (3, 7, 32)) -> float:
        graph = GraphBuilder("fp32", tmp_path)
        spread = np.linspace(-12.0, 12.0, int(np.prod(shape)), dtype=np.float32).reshape(shape)
        shaped = graph.node("Reshape", [graph.constant("spread", spread), graph.numbers(*shape)])
        rows = graph.node("Add", [shaped, graph.constant("nothing", np.zeros(1, dtype=np.float32))])
        given = add(graph, rows)
        graph._write({given: None})
        ids = np.ones((shape[0], shape[1]), dtype=np.int64)
        ids[1:, -2:] = 0
        graph_file = tmp_path / GRAPH_FILE
        mine, theirs = (
            open_graph(graph_file, OLDEST, backend).run({"input_ids": ids, "attention_mask": ids}, [given])[0]
            for backend in ("numpy", "onnxruntime")
        )
        assert (mine.shape, mine.dtype) == (theirs.shape, theirs.dtype)
        return float(np.abs(mine.astype(np.float64) - theirs.astype(np.float64)).max())

    return difference


@pytest.mark.parametrize("name", sorted(ACTIVATIONS))
def test_an_activation(both: Callable[..., float], name: str) -> None:
    def add(graph: GraphBuilder, rows: str) -> str:
        active = ACTIVATIONS[name].nodes(graph, rows)
        return graph.node("Mul", [active, graph.constant("one", np.ones(1, dtype=np.float32))])

    assert both(add) <= 2e-5  # of numbers up to 144


@pytest.mark.parametrize("interleaved", [0, 1])
@pytest.mark.parametrize("turning", [8, 4])
def test_a_rotation(both: Callable[..., float], interleaved: int, turning: int) -> None:
    angles = np.outer(np.arange(16), 0.5 ** np.arange(turning // 2))

    def add(graph: GraphBuilder, rows: str) -> str:
        tables = [graph.constant(name, of(angles).astype(np.float32)) for name, of in (("c", np.cos), ("s", np.sin))]
        partly = {"num_heads": 4, "rotary_embedding_dim": turning} if turning < 8 else {}
        inputs = [rows, graph.numbers(0), *tables]
        return graph.node("RotaryEmbedding", inputs, domain=MICROSOFT, interleaved=interleaved, **partly)

    assert both(add) <= 1e-5


@pytest.mark.parametrize("operator", ["ReduceMax", "ReduceMin", "ReduceMean", "ReduceSum", "ReduceL2"])
@pytest.mark.parametrize(("axes", "keepdims"), [((1,), 1), ((0, 1), 0), ((-1,), 0)])
def test_a_reduction(both: Callable[..., float], operator: str, axes: tuple[int, ...], keepdims: int) -> None:
    assert both(lambda graph, rows: graph.node(operator, [rows, graph.numbers(*axes)], keepdims=keepdims)) <= 1e-4


@pytest.mark.parametrize(("start", "end", "axis"), [(1, 3, 1), (-3, -1, 2), (0, 1 << 40, 1), (2, 1, 2)])
def test_a_slice(both: Callable[..., float], start: int, end: int, axis: int) -> None:
    def add(graph: GraphBuilder, rows: str) -> str:
        return graph.node("Slice", [rows, *(graph.numbers(each) for each in (start, end, axis))])

    if start < end or end < 0:
        assert both(add) == 0.0
    else:
        with pytest.raises(ValueError, match="zero-size"):  # both give nothing at all
            both(add)


def test_attention_of_a_long_text_is_worked_out_a_part_at_a_time(
    both: Callable[..., float], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rekall.models.engine.operators._SCORES", 3 * 4 * 40 * 7)  # seven queries at a time
    random = np.random.default_rng(5)
    bias, shift = (random.normal(size=shape).astype(np.float32) for shape in ((1, 4, 40, 40), (96,)))

    def add(graph: GraphBuilder, rows: str) -> str:
        graph.node("Cast", ["attention_mask"], to=6, output="key_mask")
        small = graph.node("Mul", [rows, graph.constant("small", np.array([0.2], dtype=np.float32))])
        constants = [graph.constant("shift", shift), "key_mask", graph.constant("bias", bias)]
        return graph.node("MultiHeadAttention", [small, small, small, *constants], domain=MICROSOFT, num_heads=4)

    assert both(add, (3, 40, 32)) <= 1e-5


def test_it_knows_every_operator_that_the_exporter_can_write() -> None:
    """Read from the exporter's own text: a new one that is not here would be met by whoever has no onnxruntime."""
    import re

    from rekall.models.engine.operators import OPERATORS

    written = {
        name
        for path in (CHECKOUT / "rekall" / "models" / "export").glob("*.py")
        if path.name != "via_torch.py"
        for name in re.findall(r"(?:\.node|_one)\(\s*\"(\w+)\"", path.read_text("utf-8"))
    }
    assert len(written) > 30
    assert written - {name for _, name in OPERATORS} == set()


# the file


def test_a_graph_file_is_read_as_the_onnx_package_reads_it(tmp_path: Path) -> None:
    onnx = pytest.importorskip("onnx")
    for name in (
        GRAPH_FILE,
        "model.weights",
    ):  # the package reads no file that has two names, as another test may give it
        shutil.copy(SHIPPED / name, tmp_path)
    model = onnx.load(tmp_path / GRAPH_FILE)
    graph = read_graph(SHIPPED / GRAPH_FILE)
    assert [(node.operator, node.domain, list(node.inputs), list(node.outputs)) for node in graph.nodes] == [
        (node.op_type, node.domain, list(node.input), list(node.output)) for node in model.graph.node
    ]
    for mine, theirs in zip(graph.nodes, model.graph.node):
        assert mine.attributes == {each.name: onnx.helper.get_attribute_value(each) for each in theirs.attribute}
    named = {each.name: onnx.numpy_helper.to_array(each) for each in model.graph.initializer}
    assert graph.constants.keys() == named.keys()
    for name, value in graph.constants.items():
        assert value.dtype == named[name].dtype
        np.testing.assert_array_equal(value, named[name])
    assert (set(graph.inputs), graph.outputs) == ({"input_ids", "attention_mask"}, {"sentence_embedding": 384})


@pytest.mark.parametrize("kind", ["float", "int32", "int64", "uint8", "bool"])
def test_numbers_may_lie_in_fields_of_their_own(tmp_path: Path, kind: str) -> None:
    onnx = pytest.importorskip("onnx")
    values = [-1.5, 2.0, 3e9] if kind == "float" else [0, 1, 1] if kind == "bool" else [1, 2, 200]
    if kind in ("int32", "int64"):
        values[0] = -1
    element = {"float": 1, "int32": 6, "int64": 7, "uint8": 2, "bool": 9}[kind]
    tensor = onnx.helper.make_tensor("given", element, [3, 1], values)
    assert not tensor.raw_data
    graph = onnx.helper.make_graph([], "g", [], [], initializer=[tensor])
    (tmp_path / GRAPH_FILE).write_bytes(onnx.helper.make_model(graph).SerializeToString())
    np.testing.assert_array_equal(
        read_graph(tmp_path / GRAPH_FILE).constants["given"], onnx.numpy_helper.to_array(tensor)
    )


@pytest.mark.parametrize(
    "data",
    [b"", b"\x00", b"graph", b"\x3a\x7f", b"\x3a\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", b"\x3a\x02\x0a\x05"],
)
def test_a_file_that_is_no_graph_is_damaged(tmp_path: Path, data: bytes) -> None:
    (tmp_path / GRAPH_FILE).write_bytes(data)
    with pytest.raises(ModelDamaged, match=r"model\.onnx"):
        NumpySession(tmp_path / GRAPH_FILE)


def test_a_graph_cut_anywhere_is_damaged_or_lacks_its_output(tmp_path: Path) -> None:
    data = (SHIPPED / GRAPH_FILE).read_bytes()
    shutil.copy(SHIPPED / "model.weights", tmp_path)
    for size in np.linspace(1, len(data) - 1, 25).astype(int):
        (tmp_path / GRAPH_FILE).write_bytes(data[:size])
        with pytest.raises(ModelDamaged):
            NumpySession(tmp_path / GRAPH_FILE)


@pytest.mark.parametrize("place", ["../model.weights", "/etc/hostname", "missing.weights"])
def test_weights_elsewhere_are_not_read(tmp_path: Path, place: str) -> None:
    onnx = pytest.importorskip("onnx")
    folder = tmp_path / "model"
    folder.mkdir()
    (tmp_path / "model.weights").write_bytes(b"\0" * 64)
    tensor = onnx.TensorProto(name="w", dims=[4], data_type=1, data_location=onnx.TensorProto.EXTERNAL)
    tensor.external_data.add(key="location", value=place)
    graph = onnx.helper.make_graph([], "g", [], [], initializer=[tensor])
    (folder / GRAPH_FILE).write_bytes(onnx.helper.make_model(graph).SerializeToString())
    with pytest.raises(ModelDamaged, match=r"weights|hostname"):
        read_graph(folder / GRAPH_FILE)


@pytest.mark.parametrize(("offset", "extent"), [(-4, 4), (60, 4), (1 << 70, 4), (0, -4), (0, 1 << 62)])
def test_weights_beyond_their_file_are_damaged(tmp_path: Path, offset: int, extent: int) -> None:
    onnx = pytest.importorskip("onnx")
    (tmp_path / "model.weights").write_bytes(b"\0" * 64)
    tensor = onnx.TensorProto(name="w", dims=[extent], data_type=1, data_location=onnx.TensorProto.EXTERNAL)
    for key, value in (("location", "model.weights"), ("offset", str(offset))):
        tensor.external_data.add(key=key, value=value)
    graph = onnx.helper.make_graph([], "g", [], [], initializer=[tensor])
    (tmp_path / GRAPH_FILE).write_bytes(onnx.helper.make_model(graph).SerializeToString())
    with pytest.raises(ModelDamaged):
        read_graph(tmp_path / GRAPH_FILE)


@pytest.mark.parametrize(
    ("operator", "attributes"), [("Loop", {}), ("LSTM", {}), ("Relu", {"slope": 1.0}), ("Gather", {"batch_dims": 1})]
)
def test_what_numpy_does_not_know_is_named_before_anything_runs(
    tmp_path: Path, operator: str, attributes: dict[str, Any]
) -> None:
    graph = GraphBuilder("fp32", tmp_path)
    graph._write({graph.node(operator, ["input_ids"], **attributes): None})
    with pytest.raises(EngineError, match=operator) as caught:
        NumpySession(tmp_path / GRAPH_FILE)
    assert not isinstance(caught.value, ModelDamaged)
    assert "onnxruntime" in caught.value.message + caught.value.hint


def test_an_input_that_nothing_gives_is_damaged(tmp_path: Path) -> None:
    graph = GraphBuilder("fp32", tmp_path)
    graph._write({graph.node("Relu", ["nobody"]): None})
    with pytest.raises(ModelDamaged, match="nobody"):
        NumpySession(tmp_path / GRAPH_FILE)


# threads


THREADS = """
import importlib.util, os, sys
from rekall.system.products import PRODUCTS
def threads():
    return len(os.listdir("/proc/self/task"))
at_first = threads()  # an emulator has some of its own
before = dict(os.environ)
if sys.argv[1] == "import":
    PRODUCTS.import_numpy()
if sys.argv[1] == "await":
    PRODUCTS.expect_numpy()
    PRODUCTS.expect_numpy()
    assert importlib.util.find_spec("numpy") is not None  # as who only asks whether it is there
assert dict(os.environ) == before
import numpy as np
assert dict(os.environ) == before and np.__spec__.loader.get_filename() == np.__file__
assert not any("Awaited" in repr(finder) for finder in sys.meta_path)
def multiply():
    np.ones((900, 900), np.float32) @ np.ones((900, 900), np.float32)
    return threads() - at_first
with PRODUCTS:
    inside = multiply()
print(PRODUCTS.can_take_one(), inside, multiply())
"""


def threads_seen(how: str, variable: str) -> list[str]:
    """Whether one can be taken, and how many threads there are beside the first, then and otherwise."""
    environment = {key: value for key, value in os.environ.items() if not key.endswith("_NUM_THREADS")}
    environment |= {"OPENBLAS_NUM_THREADS": variable} if variable else {}
    command = [sys.executable, "-c", THREADS, how]
    ran = subprocess.run(command, env=environment, capture_output=True, text=True, check=True, cwd=CHECKOUT)
    return ran.stdout.split()


several = pytest.mark.skipif(
    not sys.platform.startswith("linux") or (os.cpu_count() or 1) < 2, reason="counts threads in /proc"
)


@several
def test_numpy_takes_one_thread_in_a_process_of_our_own_and_no_program_that_is_started_knows() -> None:
    assert threads_seen("import", "") == ["True", "0", "0"]


@several
def test_whoever_imports_numpy_first_where_it_is_awaited_imports_it_with_one_thread() -> None:
    assert threads_seen("await", "") == ["True", "0", "0"]


@several
def test_as_many_threads_as_were_asked_for_stay() -> None:
    assert threads_seen("import", "2")[2] == "1"


def test_a_process_of_others_gets_its_threads_back(monkeypatch: pytest.MonkeyPatch) -> None:
    products, told = Products(), []
    monkeypatch.setattr(products, "_calls", (lambda: 7, told.append))
    monkeypatch.setattr(products, "_looked_for", True)
    with products, products:
        assert told == [1]
    assert told == [1, 7]
    with pytest.raises(KeyError), products:
        raise KeyError
    assert told == [1, 7, 1, 7]


def test_numpys_library_of_products_is_found() -> None:
    """As numpy's wheels bring it along; a numpy with another library takes the threads it takes."""
    if "openblas" not in json.dumps(np.show_config("dicts")).lower():
        pytest.skip("this numpy multiplies with another library")
    products = Products()
    assert products.can_take_one()
    ask, _ = products._calls or (lambda: 0, None)
    before = ask()
    with products:
        assert ask() == 1
    assert ask() == before


def test_what_is_left_of_onnxruntime_is_none(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "onnxruntime").mkdir()
    (tmp_path / "onnxruntime" / "__init__.py").write_text("")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "onnxruntime", raising=False)
    here = runtime_of(SHIPPED)
    assert here.name == "numpy"
    assert "onnxruntime cannot be loaded" in here.reason
