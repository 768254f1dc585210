"""Products of bytes: chosen by the processor, faithful, and sharing what the graph of floats has."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from support import CHECKOUT, DATA
from support.checkpoints import TEXTS

from rekall.errors import ModelDamaged
from rekall.models.engine import arithmetic
from rekall.models.engine.card import GRAPH_FILE, INTEGER_FILES, INTEGER_GRAPH_FILE, INTEGER_WEIGHTS_FILE, read_card
from rekall.models.engine.onnx_encoder import OnnxEncoder
from rekall.models.export.exporter import export_model
from rekall.models.export.integers import MOST_SPANS, SPAN, Seen, narrowings
from rekall.models.export.options import ExportOptions
from rekall.models.vectors import row_cosines

SHIPPED = CHECKOUT / "models" / "all-MiniLM-L6-v2"
GOLDEN = json.loads((DATA / "golden.json").read_text("utf-8"))


def seen(*largest: float, least: float = -1.0) -> Seen:
    sizes = np.array(largest, dtype=np.float32)
    return Seen(sizes, sizes * np.float32(least), np.zeros_like(sizes))


@pytest.fixture
def light_copy(tmp_path):
    """The shipped model, copied where a test may write to it."""
    return Path(shutil.copytree(SHIPPED, tmp_path / SHIPPED.name))


# the shipped model


@pytest.fixture(scope="module", params=["floats", "bytes", "bytes in numpy"])
def shipped(request):
    arithmetic, _, numpy = request.param.partition(" in ")
    encoder = OnnxEncoder(SHIPPED, arithmetic=arithmetic, backend=numpy or "auto")
    yield encoder
    encoder.close()


def test_either_arithmetic_keeps_the_promise(shipped):
    cosines = row_cosines(shipped.encode_documents(GOLDEN["texts"]), np.array(GOLDEN["vectors"]))
    floors = np.array([0.998 if kind == "degenerate" else 0.999 for kind in GOLDEN["kinds"]])
    assert cosines.mean() >= 0.9995
    assert dict(zip(np.array(GOLDEN["texts"])[cosines < floors], cosines[cosines < floors])) == {}


def test_either_arithmetic_gives_a_text_the_same_vector_in_any_company(shipped):
    if shipped.runtime.startswith("numpy "):
        pytest.skip(
            "numpy adds up numbers in an order that the number of texts decides; it is asked one question at a time"
        )
    alone = np.concatenate([shipped.encode_documents([text]) for text in TEXTS])
    np.testing.assert_array_equal(alone, shipped.encode_documents(TEXTS))  # see WHOLE_TOKENS


def test_a_table_of_tokens_is_stored_once():
    card = read_card(SHIPPED)
    assert card.files[INTEGER_WEIGHTS_FILE].size < 0.45 * card.files["model.weights"].size
    assert card.integers is not None
    assert card.integers.mean_cosine >= 0.9995


# what runs where


@pytest.mark.parametrize(
    ("flags", "multiplies"),
    [
        ("fpu sse4_2 avx2 fma", False),
        ("fpu avx2 avx512f avx512bw", False),  # products of bytes saturate there
        ("fpu avx2 avx512f avx512_vnni", True),
        ("fpu avx2 avx_vnni", True),
        ("fp asimd evtstrm aes asimddp", True),
        ("fp asimd evtstrm aes", False),
        ("", False),
    ],
)
def test_a_processor_is_known_by_its_flags(processor, flags, multiplies):
    assert processor("aarch64" if "asimd" in flags else "x86_64", flags, {}) is multiplies


@pytest.mark.parametrize(
    ("machine", "flags", "features", "multiplies"),
    [
        ("x86_64", "fpu avx2 avx512f avx512_vnni", {"AVX2": True, "AVX512VNNI": False}, False),
        ("x86_64", "fp asimd asimddp", {"AVX2": True}, False),
        ("AMD64", "fp asimd asimddp", {}, False),
        ("aarch64", "fpu avx2 avx_vnni avx512_vnni", {"ASIMD": True, "ASIMDDP": False}, False),
        ("aarch64", "fpu avx2", {"ASIMD": True, "ASIMDDP": True}, True),
        ("x86_64", "fpu avx2 avx_vnni", {"AVX2": True, "AVX512VNNI": False}, True),  # numpy does not know that one
    ],
)
def test_an_emulated_processor_is_not_taken_for_the_one_outside(processor, machine, flags, features, multiplies):
    assert processor(machine, flags, features) is multiplies


@pytest.fixture
def processor(tmp_path, monkeypatch):
    """Whether bytes are multiplied, by the kind of processor, what Linux says of it and what numpy found."""

    def ask(machine: str, flags: str, features: dict[str, bool]) -> bool:
        field = "Features" if "asimd" in flags else "flags"
        (tmp_path / "cpuinfo").write_text(
            f"processor\t: 0\nmodel name\t: avx512_vnni\n{field}\t: {flags}\n\nprocessor\t: 1\n"
        )
        monkeypatch.setattr(arithmetic, "CPUINFO", tmp_path / "cpuinfo")
        monkeypatch.setattr(arithmetic, "_numpy_features", lambda: features)
        monkeypatch.setattr(arithmetic, "_is_apple", lambda: False)
        monkeypatch.setattr(arithmetic.platform, "machine", lambda: machine)
        arithmetic.multiplies_bytes.cache_clear()
        return arithmetic.multiplies_bytes()

    yield ask
    arithmetic.multiplies_bytes.cache_clear()


def test_what_is_not_used_is_not_read(light_copy):
    with (light_copy / INTEGER_WEIGHTS_FILE).open("r+b") as file:
        file.write(b"torn")
    OnnxEncoder(light_copy, arithmetic="floats").close()
    with pytest.raises(ModelDamaged, match=r"integer\.weights"):
        OnnxEncoder(light_copy, arithmetic="bytes")


# the export


def test_an_unfaithful_graph_of_bytes_is_not_kept(source, out, monkeypatch):
    monkeypatch.setattr("rekall.models.export.integers.SHARE", 30.0)
    card = export_model(source("bert").path, out, ExportOptions()).card
    assert card.integers is None
    assert not any(file in card.files or (out / file).exists() for file in INTEGER_FILES)
    assert "watched.onnx" not in {path.name for path in out.iterdir()}
    assert (out / GRAPH_FILE).is_file()


def test_float32_has_no_graph_of_bytes(source, out):
    card = export_model(source("bert").path, out, ExportOptions(precision="fp32")).card
    assert INTEGER_GRAPH_FILE not in card.files


def test_the_fingerprint_is_that_of_the_graph_of_floats(source, out, monkeypatch):
    with_bytes = export_model(source("bert").path, out, ExportOptions()).card
    monkeypatch.setattr("rekall.models.export.integers.SHARE", 30.0)
    without = export_model(source("bert").path, out, ExportOptions()).card
    assert (with_bytes.integers is None, without.integers is None) == (False, True)
    assert with_bytes.fingerprint == without.fingerprint


def test_products_that_share_a_source_or_weights_agree():
    """q and k share a source; one layer's weights have two sources; o stands alone."""
    products = {"q": ["a"], "k": ["a"], "shared": ["b", "c"], "c only": ["c"], "o": ["d"]}
    weights = {name: np.ones(2, dtype=np.float32) for name in products}
    found = {source: seen(1.0, size) for source, size in zip("abcd", (2.0, 3.0, 50.0, 5.0))}
    plans = narrowings(products, weights, found, 2)
    assert plans["q"] is plans["k"]
    assert plans["shared"] is plans["c only"]
    assert len({id(plan) for plan in plans.values()}) == 3


def test_channels_that_are_always_large_are_made_smaller():
    plan = narrowings({"p": ["a"]}, {"p": np.ones(3, dtype=np.float32)}, {"a": seen(1.0, 1.0, 60.0)}, 3)["p"]
    assert plan.scale[2] > 5 * plan.scale[0]
    assert plan.shift == 0.0


def test_numbers_of_one_sign_are_counted_from_their_least():
    plan = narrowings({"p": ["a"]}, {"p": np.ones(2, dtype=np.float32)}, {"a": seen(1.7, 1.0, least=-0.1)}, 2)["p"]
    assert plan.shift == pytest.approx(0.17)


@pytest.mark.parametrize("hidden", [384, 768, 1024])
def test_a_hidden_state_has_few_spans(hidden):
    weights = np.ones(hidden, dtype=np.float32)
    plan = narrowings({"p": ["a"]}, {"p": weights}, {"a": seen(*[1.0] * hidden)}, hidden)["p"]
    assert len(plan.spans) <= MOST_SPANS
    assert min(span.stop - span.start for span in plan.spans) >= SPAN
