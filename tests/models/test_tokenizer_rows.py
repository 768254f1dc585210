"""Every id that a tokenizer can give has a row, and no tokenizer file ends an export in a traceback."""

import json

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file
from support.checkpoints import CASE

from rekall.errors import EngineError, ExportFailed
from rekall.models.engine.opening import open_encoder
from rekall.models.export.exporter import export_model
from rekall.models.export.options import ExportOptions

TICKET = {"lstrip": False, "rstrip": False, "single_word": False, "normalized": False, "special": True}


@pytest.fixture
def make(tmp_path):
    def write(name="bert", config=None, **file):
        source = tmp_path / "source"
        CASE[name].write(source)
        path = next(source.rglob("tokenizer.json"))
        path.write_text(json.dumps({**json.loads(path.read_bytes()), **file}))
        if config is not None:
            path.with_name("tokenizer_config.json").write_text(json.dumps(config))
        return source

    return write


def added(source, *contents):
    """Add tokens behind the vocabulary, where the table has no rows."""
    path = source / "tokenizer.json"
    described = json.loads(path.read_bytes())
    first = len(described["model"]["vocab"])
    described["added_tokens"] += [
        {"id": first + place, "content": text, **TICKET} for place, text in enumerate(contents)
    ]
    path.write_text(json.dumps(described))


def test_an_added_token_without_a_row_is_read_as_text(make, tmp_path):
    source = make()
    added(source, "[TICKET]", "[OTHER]")
    report = export_model(source, tmp_path / "out")
    assert any("'[TICKET]', '[OTHER]'" in note for note in report.notes)
    encoder = open_encoder(tmp_path / "out")
    vectors = encoder.encode_documents(["the lock", "see [TICKET] 7", "see [ticket] 7"])
    assert np.allclose(vectors[1], vectors[2])
    encoder.close()


def test_a_piece_without_a_row_is_refused(make, tmp_path):
    source = make()
    weights = load_file(source / "model.safetensors")
    name = next(name for name in weights if name.endswith("word_embeddings.weight"))
    save_file({**weights, name: weights[name][:-2].copy()}, source / "model.safetensors")
    with pytest.raises(ExportFailed, match="2 pieces without a row") as caught:
        export_model(source, tmp_path / "out")
    assert caught.value.hint


def test_a_token_around_every_text_without_a_row_is_refused(make, tmp_path):
    ends = {"type": "BertProcessing", "sep": ["[SEP]", 3], "cls": ["[NEW]", 900]}
    source = make(config={"tokenizer_class": "PreTrainedTokenizerFast"}, post_processor=ends)
    with pytest.raises(ExportFailed, match="around every text"):
        export_model(source, tmp_path / "out")


def test_a_tokenizer_that_puts_nothing_around_a_text_is_exported_and_says_what_it_cannot_read(make, tmp_path):
    source = make(config={"tokenizer_class": "PreTrainedTokenizerFast"}, post_processor=None)
    export_model(source, tmp_path / "out")
    encoder = open_encoder(tmp_path / "out")
    assert len(encoder.encode_documents(["a", "the lock"])) == 2
    with pytest.raises(EngineError, match=r"text 2 of 3.*knows nothing") as caught:
        encoder.encode_documents(["a", "", "b"])
    assert caught.value.hint
    encoder.close()


def test_a_tokenizer_without_a_post_processor_gets_that_of_its_class_when_asked(make, tmp_path):
    source = make(config={"tokenizer_class": "BertTokenizer"}, post_processor=None)
    export_model(source, tmp_path / "class", ExportOptions(tokenizer="class"))
    whole = make()
    export_model(whole, tmp_path / "whole")
    one, other = (open_encoder(tmp_path / name) for name in ("class", "whole"))
    assert np.array_equal(one.encode_documents(["the lock", ""]), other.encode_documents(["the lock", ""]))


def test_a_table_of_zeros_for_a_word_costs_that_word_its_vector_alone(make, tmp_path):
    source = make("static")
    words = json.loads((source / "tokenizer.json").read_bytes())["model"]["vocab"]
    ids = {piece[0]: row for row, piece in enumerate(words)} if isinstance(words, list) else words
    (name,) = weights = load_file(source / "model.safetensors")
    table = weights[name].copy()
    table[[ids[piece] for piece in ("▁lock", "lock", "▁a", "a", "▁") if piece in ids]] = 0  # "a" is a probe as well
    save_file({name: table}, source / "model.safetensors")
    for precision in ("q8", "fp32"):
        export_model(source, tmp_path / precision, ExportOptions(precision=precision))
        encoder = open_encoder(tmp_path / precision)
        assert len(encoder.encode_documents(["the index", "the lock"])) == 2
        with pytest.raises(EngineError, match=r"text 2 of 2.*knows nothing"):
            encoder.encode_documents(["the index", "lock"])
        encoder.close()


HOSTILE = [
    {"post_processor": {"type": "TemplateProcessing", "single": [], "pair": [], "special_tokens": {}}},
    {"normalizer": {"type": "Nonsense"}},
    {"normalizer": {"type": "Replace", "pattern": {"String": ""}, "content": "x" * 90}},
    {"added_tokens": [{"id": -1, "content": ""}]},
    {"added_tokens": [{"id": 2**70, "content": "a", **TICKET}]},
    {"added_tokens": "none"},
    {"model": None},
    {"model": {"type": "WordPiece", "unk_token": "[NONE]", "continuing_subword_prefix": "##", "max_input_chars_per_word": 9, "vocab": {"a": 0}}},
    {"model": {"type": "BPE", "vocab": {}, "merges": []}},
    {"model": {"type": "Unigram", "unk_id": 9, "vocab": [["a", 0.0]]}},
    {"truncation": {"direction": "Left", "max_length": 9, "strategy": "LongestFirst", "stride": 0}},
]  # fmt: skip
CONFIGS = [
    {"tokenizer_class": 7},
    {"tokenizer_class": "BertJapaneseTokenizer"},
    {"do_lower_case": "no"},
    {"cls_token": None},
    {"cls_token": ["[CLS]"]},
    {"added_tokens_decoder": []},
    {"added_tokens_decoder": {"x": {}}},
    {"additional_special_tokens": "[A]"},
    {"fast_tokenizer_files": ["tokenizer.4.0.0.json", "tokenizer.json"]},
    {"split_special_tokens": "yes"},
]


@pytest.mark.parametrize("file", HOSTILE, ids=lambda file: json.dumps(file)[:40])
def test_a_hostile_file_is_refused_in_words(make, tmp_path, file):
    with pytest.raises(ExportFailed) as caught:
        export_model(make(**file), tmp_path / "out")
    assert caught.value.hint
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("config", CONFIGS, ids=lambda config: json.dumps(config)[:40])
def test_a_hostile_configuration_is_refused_in_words(make, tmp_path, config):
    with pytest.raises(ExportFailed) as caught:
        export_model(make(config=config), tmp_path / "out")
    assert caught.value.hint
    named = (next(iter(config)), "Tokenizer", "class")
    assert any(name in caught.value.message for name in named)
