"""Prompts that the pooling leaves out (`include_prompt: false`): read by the model, but no part of the vector.

That the vectors are those of sentence-transformers is held by the goldens of `test_architectures`.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from support.checkpoints import CASE, Source, refused, vectors_of

from rekall.models.engine.card import read_card
from rekall.models.engine.tokenizer import Tokenizer
from rekall.models.export.exporter import export_model
from rekall.models.export.options import ExportOptions

FP32 = ExportOptions(precision="fp32")


@pytest.fixture
def source(tmp_path: Path) -> Callable[[str], Source]:
    def copy(name: str) -> Source:
        CASE[name].write(tmp_path / name)
        return Source(tmp_path / name)

    return copy


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return tmp_path / "exported" / "tiny"


def test_whether_prompts_are_left_out_decides_the_space(source, out):
    checkpoint = source("bert-prompt-left-out")
    report = export_model(checkpoint.path, out, FP32)
    checkpoint.edit_json("1_Pooling/config.json", include_prompt=True)
    other = export_model(checkpoint.path, out.with_name("pooled"), FP32)
    assert (report.card.pools_prompt, other.card.pools_prompt) == (False, True)
    assert read_card(out) == report.card
    assert report.card.fingerprint != other.card.fingerprint
    assert np.abs(vectors_of(out) - vectors_of(out.with_name("pooled"))).max() > 1e-2


@pytest.mark.parametrize("name", ["bert", "t5"])
def test_there_is_nothing_to_leave_out_without_a_prompt(source, out, name):
    checkpoint = source(name)
    checkpoint.edit_json("1_Pooling/config.json", include_prompt=False)
    assert export_model(checkpoint.path, out, FP32).card.pools_prompt
    assert np.abs(vectors_of(out) - CASE[name].golden("document")).max() <= 1e-5


def test_a_prompt_that_is_asked_for_is_left_out_too(source, out):
    checkpoint = source("bert-prompt-left-out")
    checkpoint.write_json("config_sentence_transformers.json", {"__version__": {"sentence_transformers": "6.2.0"}})
    export_model(checkpoint.path, out, ExportOptions(precision="fp32", document_prompt="note: "))
    assert np.abs(vectors_of(out) - CASE["bert-prompt-left-out"].golden("document")).max() <= 1e-5


def test_instructor_leaves_its_prompts_out_whatever_its_files_say(source, out):
    checkpoint = source("t5-instructor")
    checkpoint.edit_json("1_Pooling/config.json", include_prompt=None)
    export_model(checkpoint.path, out, ExportOptions(precision="fp32", repository="hkunlp/instructor-base"))
    assert np.abs(vectors_of(out) - CASE["t5-instructor"].golden("document")).max() <= 1e-5


@pytest.mark.parametrize("name", ["bert-prompt-left-out", "bert-prompt-left-out-of-all"])
def test_a_text_that_is_nothing_but_its_prompt_has_a_vector(source, out, name):
    """Without a token at the end there is nothing left to pool; sentence-transformers gives zeros, or no numbers."""
    checkpoint = source(name)
    tokenizer = checkpoint.read_json("tokenizer.json")
    checkpoint.write_json("tokenizer.json", {**tokenizer, "post_processor": None})
    checkpoint.edit_json("tokenizer_config.json", tokenizer_class="PreTrainedTokenizerFast")
    checkpoint.edit_json("config_sentence_transformers.json", prompts={"query": "q: ", "document": "note: "})
    export_model(checkpoint.path, out, FP32)
    alone, among = vectors_of(out, [""]), vectors_of(out, ["", "the lock is held"])
    assert np.linalg.norm(alone) == pytest.approx(1, abs=1e-5)
    assert np.abs(alone[0] - among[0]).max() <= 1e-6


def test_torch_cannot_leave_a_prompt_out(source, out):
    failure = refused(source("bert-prompt-left-out"), out, via_torch=True)
    assert "include_prompt" in failure.message


@pytest.mark.parametrize(
    ("framed", "prompt", "dropped"),
    [(True, "note: ", 1), (True, "note: [SEP]", 1), (False, "note: ", 0), (False, "note: [SEP]", 1), (True, "", 2)],
)
def test_a_special_token_at_the_end_is_no_part_of_a_prompt(source, framed, prompt, dropped):
    """As sentence-transformers counts; without a prompt nothing is left out, not even the token at the start."""
    checkpoint = source("bert")
    if not framed:
        checkpoint.edit_json("tokenizer.json", post_processor=None)
    tokenizer = Tokenizer(checkpoint.path / "tokenizer.json", 64)
    assert tokenizer.opening_tokens(prompt) == len(tokenizer.encode([prompt])[0]) - dropped
