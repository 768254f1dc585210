"""The encoder: faithful to its source, the same vector in any company, small, and robust."""

from __future__ import annotations

import json
import random
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support import CHECKOUT, DATA
from support.systems import own_memory, own_time

from rekall import load_encoder
from rekall.errors import EngineError
from rekall.models.contract import Encoder
from rekall.models.engine.onnx_encoder import plan_runs
from rekall.models.vectors import Matrix, row_cosines

GOLDEN = json.loads((DATA / "golden.json").read_text("utf-8"))
SHARED_GOLDEN = CHECKOUT.parent / "shared" / "golden"

NATURAL_FLOOR = 0.999
DEGENERATE_FLOOR = 0.998
MEAN_FLOOR = 0.9995
SAME = 0.99999

SHORT = "why is the login cookie gone"
LONG = "The deploy waits for a lock that an idle session holds, and nobody sees it. " * 40
MEGABYTE = {
    "words": "the quick deploy failed again " * 35_000,
    "one unbroken word": "x" * 1_000_000,
    "CJK characters": "検索履歴" * 85_000,
    "newlines": "\n" * 1_000_000,
    "newlines between two words": "first" + "\n" * 1_000_000 + "last",
    "punctuation": "." * 1_000_000,
}

linux_only = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc/self/status")


@pytest.fixture
def own_encoder() -> Iterator[Encoder]:
    """An encoder that the test may close."""
    loaded = load_encoder("all-MiniLM-L6-v2")
    yield loaded
    loaded.close()


@pytest.fixture(scope="module")
def one_by_one(encoder: Encoder) -> Matrix:
    """The vectors of the golden texts, one call each."""
    return np.concatenate([encoder.encode_documents([text]) for text in GOLDEN["texts"]])


def is_degenerate(text: str) -> bool:
    """No letters but one at most, or literal special tokens: nothing a person would search for."""
    bare = text.strip()
    return len(bare) <= 1 or not any(character.isalnum() for character in bare) or "[CLS]" in bare or "[SEP]" in bare


@pytest.mark.parametrize(("kind", "floor"), [("natural", NATURAL_FLOOR), ("degenerate", DEGENERATE_FLOOR)])
def test_the_shipped_model_is_faithful_to_its_source(encoder, kind, floor):
    chosen = [place for place, its_kind in enumerate(GOLDEN["kinds"]) if its_kind == kind]
    texts = [GOLDEN["texts"][place] for place in chosen]
    cosines = row_cosines(encoder.encode_documents(texts), np.array([GOLDEN["vectors"][place] for place in chosen]))
    assert len(texts) >= 6
    assert {text: cosine for text, cosine in zip(texts, cosines) if cosine < floor} == {}


def test_the_shipped_model_is_faithful_on_average(encoder):
    cosines = row_cosines(encoder.encode_documents(GOLDEN["texts"]), np.array(GOLDEN["vectors"]))
    assert cosines.mean() >= MEAN_FLOOR


def test_golden_vectors_are_of_unit_length():
    assert np.linalg.norm(np.array(GOLDEN["vectors"]), axis=1) == pytest.approx(1.0, abs=1e-4)


@pytest.mark.slow
@pytest.mark.skipif(not SHARED_GOLDEN.is_dir(), reason="no shared/golden beside the checkout")
def test_the_shipped_model_is_faithful_to_sentence_transformers(encoder):
    texts = json.loads((SHARED_GOLDEN / "all-MiniLM-L6-v2.texts.json").read_text("utf-8"))
    cosines = row_cosines(encoder.encode_documents(texts), np.load(SHARED_GOLDEN / "all-MiniLM-L6-v2.vectors.npy"))
    floors = [DEGENERATE_FLOOR if is_degenerate(text) else NATURAL_FLOOR for text in texts]
    assert {text: cosine for text, cosine, floor in zip(texts, cosines, floors) if cosine < floor} == {}
    assert cosines.mean() >= MEAN_FLOOR


def test_rows_are_float32_of_unit_length(encoder):
    rows = encoder.encode_documents(["one", "", LONG])
    assert rows.dtype == np.float32
    assert rows.shape == (3, encoder.dim)
    assert np.linalg.norm(rows.astype(np.float64), axis=1) == pytest.approx(1.0, abs=1e-5)


@pytest.mark.parametrize("method", ["encode_documents", "encode_queries"])
def test_no_texts_give_no_rows(encoder, method):
    rows = getattr(encoder, method)([])
    assert rows.shape == (0, encoder.dim)
    assert rows.dtype == np.float32


def test_long_neighbours_do_not_change_a_vector(encoder):
    alone = encoder.encode_documents([SHORT])
    among = encoder.encode_documents([LONG, SHORT, LONG, "", LONG])[1:2]
    assert row_cosines(alone, among)[0] >= SAME


@settings(max_examples=8, deadline=None)
@given(order=st.permutations(range(len(GOLDEN["texts"]))), size=st.integers(2, 25))
def test_order_and_batch_do_not_change_a_vector(encoder, one_by_one, order, size):
    chosen = order[:size]
    rows = encoder.encode_documents([GOLDEN["texts"][place] for place in chosen])
    assert row_cosines(rows, one_by_one[chosen]).min() >= SAME


def test_a_text_keeps_its_place_beyond_one_window(encoder):
    words = ["lock", "cookie", "deploy", "index", "cache", "queue", "token"]
    texts = [random.Random(place).choice(words) + f" {place % 10}" for place in range(700)]  # more than a window of 512
    unique = sorted(set(texts))
    by_text = dict(zip(unique, encoder.encode_documents(unique)))
    assert row_cosines(encoder.encode_documents(texts), np.stack([by_text[text] for text in texts])).min() >= SAME


def test_a_question_is_encoded_as_a_document_by_a_model_without_prompts(encoder):
    texts = [SHORT, LONG, "", "日本語"]
    assert np.array_equal(encoder.encode_queries(texts), encoder.encode_documents(texts))


def test_a_paraphrase_is_nearer_than_another_subject(encoder):
    near, far = encoder.encode_documents(["users are logged out on their phones", "the invoice total is off by a cent"])
    query = encoder.encode_queries(["people get signed out on iphones"])[0]
    assert query @ near > query @ far + 0.3


@pytest.mark.parametrize("texts", ["one text", ""])
def test_one_string_instead_of_a_list_is_a_type_error(encoder, texts):
    with pytest.raises(TypeError):
        encoder.encode_documents(texts)
    with pytest.raises(TypeError):
        encoder.encode_queries(texts)


@pytest.mark.parametrize("stranger", [None, 7, b"bytes", ["nested"]])
def test_something_that_is_no_text_is_a_type_error(encoder, stranger):
    with pytest.raises(TypeError):
        encoder.encode_documents(["a text", stranger])


def test_a_refused_text_leaves_the_encoder_usable(encoder):
    with pytest.raises((TypeError, AttributeError)):
        encoder.encode_documents([SHORT, None])
    assert encoder.encode_documents([SHORT]).shape == (1, encoder.dim)


@pytest.mark.parametrize("lone", ["\ud83d", "\ude00 first", "\ud83d text", "text \ude00 text", "\ude00\ud83d"])
def test_a_lone_surrogate_counts_as_a_replacement_character(encoder, lone):
    replaced = "".join("\ufffd" if "\ud800" <= character <= "\udfff" else character for character in lone)
    rows = encoder.encode_documents([f"broken {lone}", f"broken {replaced}"])
    assert row_cosines(rows[:1], rows[1:])[0] >= SAME


def test_a_nul_does_not_cut_a_text(encoder):
    rows = encoder.encode_documents(["lock \0 held by an idle session", "lock held by an idle session", "lock"])
    assert row_cosines(rows[:1], rows[1:2])[0] >= SAME
    assert row_cosines(rows[:1], rows[2:])[0] < 0.95


def test_blanks_around_a_text_do_not_count(encoder):
    rows = encoder.encode_documents([f"\n\t  {SHORT} \r\n", SHORT])
    assert np.array_equal(rows[0], rows[1])


@settings(max_examples=15, deadline=None)
@given(texts=st.lists(st.text(st.characters(codec=None), max_size=60), min_size=1, max_size=4))
def test_any_text_gives_finite_unit_rows(encoder, texts):
    rows = encoder.encode_documents(texts)
    assert np.isfinite(rows).all()
    assert np.linalg.norm(rows, axis=1) == pytest.approx(1.0, abs=1e-4)


@own_time
@pytest.mark.parametrize("kind", MEGABYTE)
def test_a_megabyte_is_encoded_quickly(encoder, kind):
    start = time.process_time()  # what others do on the machine does not count
    rows = encoder.encode_documents([MEGABYTE[kind]])
    assert time.process_time() - start < 10.0
    assert rows.shape == (1, encoder.dim)


def test_a_megabyte_has_the_vector_of_its_beginning(encoder):
    rows = encoder.encode_documents([MEGABYTE["words"], MEGABYTE["words"][:3_000]])
    assert row_cosines(rows[:1], rows[1:])[0] >= SAME


@settings(max_examples=200, deadline=None)
@given(lengths=st.lists(st.integers(0, 600)), budget=st.integers(1, 2048))
def test_runs_hold_every_place_exactly_once(lengths, budget):
    places = [place for run in plan_runs(lengths, budget) for place in run]
    assert sorted(places) == list(range(len(lengths)))


@settings(max_examples=200, deadline=None)
@given(lengths=st.lists(st.integers(0, 600)), budget=st.integers(1, 2048))
def test_runs_stay_within_the_budget_but_for_one_text_alone(lengths, budget):
    for run in plan_runs(lengths, budget):
        assert run
        assert len(run) == 1 or len(run) * max(lengths[place] for place in run) <= budget


@settings(max_examples=200, deadline=None)
@given(lengths=st.lists(st.integers(0, 600)), budget=st.integers(1, 2048))
def test_runs_are_as_full_as_the_budget_allows(lengths, budget):
    runs = list(plan_runs(lengths, budget))
    for run, after in pairwise(runs):
        assert lengths[after[0]] * (len(run) + 1) > budget


def test_many_threads_share_one_encoder(encoder, one_by_one):
    orders = [random.Random(seed).sample(range(len(one_by_one)), 8) for seed in range(8)]

    def encode(order: list[int]) -> float:
        rows = encoder.encode_documents([GOLDEN["texts"][place] for place in order])
        return float(row_cosines(rows, one_by_one[order]).min())

    with ThreadPoolExecutor(8) as pool:
        assert min(pool.map(encode, orders)) >= SAME


def test_a_closed_encoder_refuses_texts(own_encoder):
    own_encoder.close()
    for texts in ([SHORT], []):
        with pytest.raises(EngineError):
            own_encoder.encode_documents(texts)
        with pytest.raises(EngineError):
            own_encoder.encode_queries(texts)


def test_closing_twice_is_harmless(own_encoder):
    own_encoder.close()
    own_encoder.close()


def test_a_closed_encoder_still_says_what_it_was(own_encoder):
    before = own_encoder.fingerprint, own_encoder.dim
    own_encoder.close()
    assert (own_encoder.fingerprint, own_encoder.dim) == before


def test_closing_while_others_encode_ends_them_cleanly(own_encoder):
    def encode(_: int) -> str:
        try:
            return f"rows {own_encoder.encode_documents([SHORT, LONG]).shape}"
        except EngineError:
            return "refused"

    with ThreadPoolExecutor(4) as pool:
        running = [pool.submit(encode, number) for number in range(12)]
        running[0].result()
        own_encoder.close()
        outcomes = {future.result() for future in running}
    assert outcomes <= {"rows (2, 384)", "refused"}
    assert encode(0) == "refused"


def test_two_encoders_live_side_by_side(encoder, own_encoder):
    assert np.array_equal(own_encoder.encode_documents([SHORT]), encoder.encode_documents([SHORT]))


def test_one_thread_gives_the_vectors_of_many(encoder, monkeypatch):
    monkeypatch.setenv("REKALL_ENGINE_THREADS", "1")
    single = load_encoder("all-MiniLM-L6-v2")
    try:
        assert (
            row_cosines(single.encode_documents([SHORT, LONG]), encoder.encode_documents([SHORT, LONG])).min() >= SAME
        )
    finally:
        single.close()


MEASURING = """
import sys

def kilobytes(field):
    for line in open("/proc/self/status"):
        if line.startswith(field):
            return int(line.split()[1])
"""


def measured_mb(code: str, *arguments: str) -> list[float]:
    """Run a program that prints kilobytes, one a line; megabytes of each.

    It reads VmHWM where ru_maxrss would do elsewhere: Linux hands the parent's peak on to the child in the latter.
    """
    ran = subprocess.run(
        [sys.executable, "-c", MEASURING + code, *arguments],
        capture_output=True,
        text=True,
        check=True,
        timeout=600,
        cwd=CHECKOUT,
    )
    return [int(line) / 1024 for line in ran.stdout.split()]


@linux_only
@own_memory
def test_loading_and_one_query_stay_below_110_mb():
    (peak,) = measured_mb("""
import rekall
rekall.load_encoder("all-MiniLM-L6-v2").encode_queries(["why is the login cookie gone"])
print(kilobytes("VmHWM"))
""")
    assert peak < 110


@linux_only
@own_memory
def test_closing_gives_the_memory_back():
    """At once: what nothing names any more goes, without a search for garbage in all that a process has."""
    loaded, closed = measured_mb("""
import gc, rekall
gc.disable()
encoder = rekall.load_encoder("all-MiniLM-L6-v2")
encoder.encode_documents(["The deploy waits for a lock that an idle session holds. " * 30] * 4)
print(kilobytes("VmRSS"))
encoder.close()
print(kilobytes("VmRSS"))
""")
    assert closed < loaded - 10
    assert closed < (75 if sys.version_info < (3, 13) else 85)  # the libraries stay mapped


@linux_only
@own_memory
@pytest.mark.slow
def test_embedding_six_hundred_notes_stays_below_150_mb():
    """Many whole ones, run after run as long as the model reads, and the beginnings of the others."""
    (peak,) = measured_mb(
        """
import pathlib, rekall
notes = [path.read_text("utf-8") for path in sorted(pathlib.Path(sys.argv[1]).glob("*.md"))]
assert len(notes) >= 30
texts = (notes * 20)[:600]
texts[60:] = [text[:60] for text in texts[60:]]
assert len(texts) == 600
rekall.load_encoder("all-MiniLM-L6-v2").encode_documents(texts)
print(kilobytes("VmHWM"))
""",
        str(CHECKOUT / "examples" / "notes"),
    )
    assert peak < 150
