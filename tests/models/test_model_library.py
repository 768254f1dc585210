"""Model folders: damage is told by the file's name and a way to mend it, and never runs."""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support import CHECKOUT

from rekall import load_encoder
from rekall.app import App
from rekall.errors import EngineError, ModelDamaged, ModelNotFound
from rekall.models.engine.card import FileRecord, fingerprint_of, read_card
from rekall.models.engine.onnx_encoder import OnnxEncoder
from rekall.models.engine.opening import runtime_of
from rekall.models.engine.operators import OPERATORS
from rekall.models.library import FolderLoader, ModelLibrary

NAME = "all-MiniLM-L6-v2"
SHIPPED = CHECKOUT / "models" / NAME
FILES = ("model.onnx", "model.weights", "tokenizer.json", "probes.json")


class ModelFolder:
    """A model folder that a test may spoil: files are linked to the shipped ones until they are replaced."""

    def __init__(self, path: Path) -> None:
        self.path = path
        path.mkdir(parents=True)
        for file in SHIPPED.iterdir():
            link_or_copy(file, path / file.name)

    def replace(self, name: str, data: bytes) -> None:
        """Give a file other bytes; the shipped one, which may be the same file, stays as it is."""
        (self.path / name).unlink(missing_ok=True)
        (self.path / name).write_bytes(data)

    def edit_card(self, edit: Callable[[dict[str, Any]], object]) -> None:
        """Change the card and leave the rest."""
        card = json.loads((self.path / "model.json").read_text("utf-8"))
        edit(card)
        self.replace("model.json", json.dumps(card).encode())

    def replace_and_record(self, name: str, data: bytes) -> None:
        """Give a file other bytes, and the card the size and checksums that go with them."""
        self.replace(name, data)
        record = FileRecord.of(self.path / name)
        self.edit_card(
            lambda card: card["files"].update(
                {name: {"sha256": record.sha256, "crc32": record.crc32, "size": record.size}}
            )
        )
        card = read_card(self.path)
        self.edit_card(lambda raw: raw.update(fingerprint=fingerprint_of(card.files, card.prompts, card.max_tokens)))

    def damage(self) -> ModelDamaged:
        """The error that loading the folder ends in."""
        with pytest.raises(ModelDamaged) as caught:
            OnnxEncoder(self.path, arithmetic="floats").close()
        assert "rekall model" in caught.value.hint
        return caught.value


def link_or_copy(source: Path, target: Path) -> None:
    try:
        if sys.platform == "win32":
            raise OSError("Windows does not remove a link to a file that a session maps")
        os.link(source, target)
    except OSError:  # also another volume, or one without hard links
        shutil.copyfile(source, target)


@pytest.fixture
def folder(tmp_path: Path) -> ModelFolder:
    return ModelFolder(tmp_path / "models" / "spoiled")


@pytest.fixture
def installed(home: Path) -> ModelFolder:
    """The user's own model of the shipped one's name: it comes first."""
    return ModelFolder(home / "models" / NAME)


def flipped(data: bytes, place: int) -> bytes:
    changed = bytearray(data)
    changed[place] ^= 0x10
    return bytes(changed)


def graph(inputs: tuple[str, ...], output: str, value: float) -> bytes:
    """An ONNX graph of strange inputs, or of ours, whose rows are all of one value."""
    from onnx import TensorProto, helper, numpy_helper

    nodes = [
        helper.make_node("Cast", [inputs[0]], ["wide"], to=TensorProto.FLOAT),
        helper.make_node("ReduceSum", ["wide", "axis"], ["sums"], keepdims=1),
        helper.make_node("Mul", ["sums", "nothing"], ["zeros"]),
        helper.make_node("Add", ["zeros", "row"], [output]),
    ]
    constants = {
        "axis": np.array([1], dtype=np.int64),
        "nothing": np.zeros((1, 384), dtype=np.float32),
        "row": np.full((1, 384), value, dtype=np.float32),
    }
    made = helper.make_graph(
        nodes,
        "foreign",
        [helper.make_tensor_value_info(name, TensorProto.INT64, ["b", "t"]) for name in inputs],
        [helper.make_tensor_value_info(output, TensorProto.FLOAT, ["b", 384])],
        initializer=[numpy_helper.from_array(array, name) for name, array in constants.items()],
    )
    model = helper.make_model(made, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    return bytes(model.SerializeToString())


def test_an_untouched_copy_loads_and_has_the_same_fingerprint(folder, encoder):
    copy = OnnxEncoder(folder.path)
    try:
        assert copy.fingerprint == encoder.fingerprint
        assert np.array_equal(copy.encode_documents(["lock"]), encoder.encode_documents(["lock"]))
    finally:
        copy.close()


@pytest.mark.parametrize("name", [*FILES, "model.json"])
def test_a_missing_file_is_named(folder, name):
    (folder.path / name).unlink()
    assert name in folder.damage().message


@pytest.mark.parametrize("name", FILES)
def test_an_empty_file_is_named(folder, name):
    folder.replace(name, b"")
    assert name in folder.damage().message


@pytest.mark.parametrize("name", FILES)
def test_a_folder_in_place_of_a_file_is_named(folder, name):
    (folder.path / name).unlink()
    (folder.path / name).mkdir()
    assert name in folder.damage().message


def test_cut_weights_are_named(folder):
    folder.replace("model.weights", (SHIPPED / "model.weights").read_bytes()[:-1])
    assert "model.weights" in folder.damage().message


@pytest.mark.parametrize("place", [0, 13_000_001, -1])
def test_one_flipped_byte_in_the_weights_is_found(folder, place):
    folder.replace("model.weights", flipped((SHIPPED / "model.weights").read_bytes(), place))
    assert "model.weights" in folder.damage().message


@pytest.mark.parametrize("name", ["model.onnx", "tokenizer.json", "probes.json"])
def test_one_flipped_byte_in_a_small_file_is_found(folder, name):
    data = (SHIPPED / name).read_bytes()
    folder.replace(name, flipped(data, len(data) // 2))
    assert name in folder.damage().message


@pytest.mark.parametrize("data", [b"garbage", b"\x08\x08\x12\x04", b"\0" * 4096])
def test_garbage_that_the_card_vouches_for_is_no_model(folder, data):
    folder.replace_and_record("model.onnx", data)
    assert "model.onnx" in folder.damage().message


@pytest.mark.parametrize("data", [b"garbage", b"{}", b'{"version": "1.0", "model": {"type": "WordPiece"}}'])
def test_garbage_that_the_card_vouches_for_is_no_tokenizer(folder, data):
    folder.replace_and_record("tokenizer.json", data)
    assert "tokenizer.json" in folder.damage().message


def test_a_graph_with_other_inputs_is_not_ours(folder):
    folder.replace_and_record("model.onnx", graph(("pixels",), "sentence_embedding", 1.0))
    assert "model.onnx" in folder.damage().message


def test_a_graph_with_another_output_is_not_ours(folder):
    folder.replace_and_record("model.onnx", graph(("input_ids", "attention_mask"), "logits", 1.0))
    assert "model.onnx" in folder.damage().message


@pytest.mark.parametrize("value", [0.0, 1.0, float("nan"), float("inf")])
def test_a_graph_whose_rows_are_not_of_unit_length_gives_no_vector(folder, value):
    folder.replace_and_record("model.onnx", graph(("input_ids", "attention_mask"), "sentence_embedding", value))
    broken = OnnxEncoder(folder.path, arithmetic="floats")
    try:
        with pytest.raises(EngineError, match=r"unit length|no vector") as caught:
            broken.encode_documents(["lock"])
    finally:
        broken.close()
    assert "rekall model verify" in caught.value.hint or not value  # a row of zeros may be the text's own fault


def test_cut_weights_that_the_card_vouches_for_do_not_load(folder):
    folder.replace_and_record("model.weights", (SHIPPED / "model.weights").read_bytes()[:1_000_000])
    assert str(folder.path) in folder.damage().message


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b"7",
        b"\xff\xfe\x00",
        b"{}",
        b'{"format": 99}',
        b'{"format": 1}',
        b'{"format": 1, "files": {}}',
        b" " * (2 << 20),
        b"[" * 200_000,
    ],
    ids=[
        "empty",
        "cut",
        "array",
        "null",
        "number",
        "not UTF-8",
        "no format",
        "later format",
        "no files",
        "empty files",
        "huge",
        "deeply nested",
    ],
)
def test_a_card_that_is_none_is_named(folder, data):
    folder.replace("model.json", data)
    assert "model.json" in folder.damage().message


@pytest.mark.parametrize(
    "changes",
    [
        {"files": []},
        {"files": None},
        {"files": {"model.onnx": 3}},
        {"fidelity": []},
        {"fidelity": {"float64": {"texts": 1}}},
        {"source": None},
        {"prompts": []},
        {"dimensions": 0},
        {"dimensions": "many"},
        {"dimensions": float("inf")},
        {"max_tokens": -1},
        {"minimum_onnxruntime": "recent"},
    ],
    ids=lambda changes: json.dumps(changes),
)
def test_a_card_with_a_value_of_another_kind_is_named(folder, changes):
    folder.edit_card(lambda card: card.update(changes))
    assert "model.json" in folder.damage().message


@pytest.mark.parametrize("trick", ["../x", "..", "/etc/passwd", "sub/model.onnx", ".hidden", "", ".", "model\0onnx"])
def test_a_card_lists_plain_file_names_only(folder, trick):
    folder.edit_card(lambda card: card["files"].update({trick: card["files"]["model.onnx"]}))
    assert "model.json" in folder.damage().message


@pytest.mark.parametrize("name", ["model.onnx", "model.weights", "tokenizer.json"])
def test_a_card_lists_every_file_that_makes_vectors(folder, name):
    folder.edit_card(lambda card: card["files"].pop(name))
    damage = folder.damage()
    assert "model.json" in damage.message
    assert name in damage.message


def test_a_card_with_other_dimensions_than_the_graph_is_damage(folder):
    folder.edit_card(lambda card: card.update(dimensions=128))
    folder.damage()


def test_a_card_with_more_tokens_than_the_model_reads_is_an_engine_error(folder):
    folder.edit_card(lambda card: card.update(max_tokens=512))
    altered = OnnxEncoder(folder.path, arithmetic="floats")
    try:
        with pytest.raises(EngineError):
            altered.encode_documents(["deploy " * 400])
    finally:
        altered.close()


def test_too_old_an_onnxruntime_is_told_with_the_command_that_mends_it(folder, monkeypatch):
    import onnxruntime

    monkeypatch.setattr(onnxruntime, "__version__", "1.9.9")
    with pytest.raises(EngineError, match=r"1\.9\.9") as caught:
        OnnxEncoder(folder.path, arithmetic="floats", backend="onnxruntime")
    assert not isinstance(caught.value, ModelDamaged)
    assert "pip install" in caught.value.hint
    assert runtime_of(folder.path, "onnxruntime").reason == caught.value.message


def test_where_onnxruntime_is_too_old_numpy_runs_the_model_and_the_status_says_so(folder, monkeypatch):
    import onnxruntime

    monkeypatch.setattr(onnxruntime, "__version__", "1.9.9")
    encoder = OnnxEncoder(folder.path)
    assert encoder.runtime == str(replace(runtime_of(folder.path), reason=""))
    assert encoder.runtime.startswith("numpy ")
    encoder.close()


def test_what_neither_can_run_is_told_as_the_library_that_is_too_old(folder, monkeypatch):
    import onnxruntime

    monkeypatch.setattr(onnxruntime, "__version__", "1.9.9")
    monkeypatch.delitem(OPERATORS, ("", "Gather"))
    with pytest.raises(EngineError, match=r"1\.9\.9"):
        OnnxEncoder(folder.path)


@pytest.mark.parametrize("version", ["1.23.0", "1.100.1", "2.0.0", "1.24.0rc1", "1.24.0.dev20260101"])
def test_a_later_onnxruntime_will_do(folder, monkeypatch, version):
    import onnxruntime

    monkeypatch.setattr(onnxruntime, "__version__", version)
    OnnxEncoder(folder.path, arithmetic="floats").close()


@pytest.mark.parametrize("library", ["onnxruntime", "tokenizers"])
def test_a_missing_library_is_an_engine_error_with_the_command_that_mends_it(folder, monkeypatch, library):
    monkeypatch.setitem(sys.modules, library, None)
    with pytest.raises(EngineError, match=library) as caught:
        OnnxEncoder(folder.path, arithmetic="floats", backend="onnxruntime")
    assert "pip install" in caught.value.hint


def test_verify_accepts_the_shipped_model(rekall):
    ran = rekall("model", "verify", "--json")
    assert ran.code == 0, ran.err
    assert ran.json["ok"] is True
    assert ran.json["min_cosine"] >= 0.998


@pytest.mark.parametrize("name", FILES)
def test_verify_finds_an_altered_file(installed, rekall, name):
    data = (SHIPPED / name).read_bytes()
    installed.replace(name, flipped(data, len(data) // 3))
    ran = rekall("model", "verify", NAME)
    assert ran.code == 6
    assert name in ran.err
    assert "hint:" in ran.err


@pytest.mark.parametrize(
    "changes",
    [{"max_tokens": 128}, {"fingerprint": "0" * 16}, {"prompts": {"query": "query: ", "document": ""}}],
    ids=lambda changes: next(iter(changes)),
)
def test_verify_finds_an_altered_card(installed, rekall, changes):
    installed.edit_card(lambda card: card.update(changes))
    ran = rekall("model", "verify", NAME)
    assert ran.code == 6
    assert "model.json" in ran.err


def test_verify_finds_a_file_altered_behind_its_checksum(installed, rekall):
    data = flipped((SHIPPED / "probes.json").read_bytes(), 500)
    installed.replace("probes.json", data)
    record = FileRecord.of(installed.path / "probes.json")
    installed.edit_card(lambda card: card["files"]["probes.json"].update(crc32=record.crc32))
    ran = rekall("model", "verify", NAME)
    assert ran.code == 6
    assert "probes.json" in ran.err


def test_verify_measures_what_the_hashes_cannot_tell(installed, rekall):
    probes = json.loads((SHIPPED / "probes.json").read_text("utf-8"))
    probes["vectors"].reverse()
    installed.replace_and_record("probes.json", json.dumps(probes).encode())
    ran = rekall("model", "verify", NAME)
    assert ran.code == 6
    assert "faithful" in ran.err


@pytest.mark.parametrize(
    "data",
    [
        b"garbage",
        b"{}",
        b'{"texts": [], "vectors": []}',
        b'{"texts": ["a"], "vectors": [[1.0, 0.0]]}',
        b'{"texts": ["a"], "vectors": [["x"]]}',
    ],
)
def test_verify_refuses_probes_of_another_shape(installed, rekall, data):
    installed.replace_and_record("probes.json", data)
    ran = rekall("model", "verify", NAME)
    assert ran.code == 6
    assert "probes.json" in ran.err


def test_a_damaged_model_ends_embed_with_its_code_and_a_hint(installed, rekall):
    (installed.path / "model.weights").unlink()
    ran = rekall("embed", "lock")
    assert ran.code == 6
    assert ran.out == ""
    assert "model.weights" in ran.err
    assert "hint:" in ran.err


def test_a_damaged_model_does_not_keep_words_from_answering(installed, rekall):
    assert rekall("add", "bug", "lock held", "--content", "by an idle session").code == 0
    (installed.path / "model.weights").unlink()
    ran = rekall("search", "lock", "--json")
    assert ran.code == 0
    assert ran.json["mode"]["used"] == "words"
    assert "model.weights" in ran.json["mode"]["reason"]
    assert [hit["title"] for hit in ran.json["hits"]] == ["lock held"]


def test_the_users_own_model_comes_before_the_shipped_one(installed, home):
    assert App().library.folder(NAME) == home / "models" / NAME


def test_the_shipped_model_is_found_without_a_home():
    assert App().library.folder(NAME) == SHIPPED


def test_the_library_lists_each_name_once(installed, folder):
    library = ModelLibrary([installed.path.parent, folder.path.parent, CHECKOUT / "models"])
    assert [path.name for path in library.folders()] == [NAME, "spoiled"]
    assert next(iter(library.folders())) == installed.path


@pytest.mark.parametrize("leftover", [".spoiled.abc123.part", ".spoiled.old"])
def test_what_an_interrupted_export_left_is_no_model(folder, leftover):
    (folder.path.parent / leftover).mkdir()
    link_or_copy(SHIPPED / "model.json", folder.path.parent / leftover / "model.json")
    assert [path.name for path in ModelLibrary([folder.path.parent]).folders()] == ["spoiled"]


@pytest.mark.parametrize(
    "name", ["none-such", "", ".", "..", "../spoiled", "/etc", "a/b", "a\\b", "a\0b", "x" * 300, ".spoiled"]
)
def test_a_name_that_is_no_installed_model_is_not_found(folder, name):
    with pytest.raises(ModelNotFound) as caught:
        ModelLibrary([folder.path.parent]).folder(name)
    assert "spoiled" in caught.value.hint


def test_no_model_at_all_is_told(tmp_path):
    with pytest.raises(ModelNotFound) as caught:
        ModelLibrary([tmp_path / "nowhere"]).folder(NAME)
    assert "rekall model list" in caught.value.hint


def test_a_folder_without_a_card_is_damage_and_not_a_model_elsewhere(folder):
    (folder.path / "model.json").unlink()
    with pytest.raises(ModelDamaged, match=r"model\.json"):
        FolderLoader(ModelLibrary([folder.path.parent]), "spoiled", 0).identify()


def test_a_model_is_identified_by_its_card_without_loading_it(folder, encoder):
    for name in ("model.onnx", "model.weights", "tokenizer.json"):
        (folder.path / name).unlink()
    identity = FolderLoader(ModelLibrary([folder.path.parent]), "spoiled", 0).identify()
    assert (identity.name, identity.fingerprint, identity.dim) == ("spoiled", encoder.fingerprint, 384)


def test_load_encoder_takes_the_configured_model(monkeypatch):
    monkeypatch.setenv("REKALL_ENGINE_MODEL", "none-such")
    with pytest.raises(ModelNotFound, match="none-such"):
        load_encoder()


def test_load_encoder_tells_an_unknown_name():
    with pytest.raises(ModelNotFound, match="none-such") as caught:
        load_encoder("none-such")
    assert NAME in caught.value.hint


def test_the_fingerprint_changes_with_everything_that_changes_vectors():
    card = read_card(SHIPPED)
    other = FileRecord("0" * 64, 0, 0)
    prints = {
        fingerprint_of({**card.files, name: other}, card.prompts, card.max_tokens)
        for name in ("model.onnx", "model.weights", "tokenizer.json")
    }
    prints |= {
        fingerprint_of(card.files, type(card.prompts)("query: ", ""), card.max_tokens),
        fingerprint_of(card.files, type(card.prompts)("", "query: "), card.max_tokens),
        fingerprint_of(card.files, card.prompts, 128),
        fingerprint_of(card.files, card.prompts, card.max_tokens, pools_prompt=False),
    }
    assert len(prints | {card.fingerprint}) == 8


def test_the_fingerprint_does_not_change_with_probes_and_notices():
    card = read_card(SHIPPED)
    others = {**card.files, "probes.json": FileRecord("0" * 64, 0, 0), "LICENSE": FileRecord("1" * 64, 1, 1)}
    assert fingerprint_of(others, card.prompts, card.max_tokens) == card.fingerprint


def test_the_shipped_card_says_what_the_model_is():
    card = read_card(SHIPPED)
    assert (
        card.name,
        card.architecture,
        card.dimensions,
        card.max_tokens,
        card.pooling,
        card.precision,
        card.licence,
    ) == (
        NAME,
        "bert",
        384,
        256,
        "mean",
        "q8",
        "Apache-2.0",
    )
    assert card.source.sha256 == "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"


def test_a_card_survives_writing_and_reading(tmp_path):
    card = read_card(SHIPPED)
    (tmp_path / "model.json").write_bytes(card.to_json())
    assert read_card(tmp_path) == card
    assert card.to_json() == (SHIPPED / "model.json").read_bytes()
