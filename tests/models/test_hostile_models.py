"""Models made to do harm, every hash of them right: each is refused or says what is wrong, and the words answer."""

from __future__ import annotations

import io
import json
import shutil
import sys
import tarfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support import DATA, Ran

from rekall.errors import EngineError, EngineLost, ModelDamaged
from rekall.models.archive import pack
from rekall.models.engine.card import FileRecord, ModelCard, fingerprint_of, read_card
from rekall.models.engine.card_values import LINE_CHARS, as_line
from rekall.models.engine.opening import open_encoder
from rekall.models.engine.process_encoder import ProcessEncoder

Rekall = Callable[..., Ran]

PANIC = "a" * 60 + "!"
"""Sends the pattern of `with_endless_pattern` back and forth until the tokenizer gives up, with a panic."""


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two tiny models: `table`, which is static, and `graph`."""
    pytest.importorskip("onnx")
    pytest.importorskip("safetensors")
    from rekall.models.export.exporter import export_model
    from rekall.models.export.options import ExportOptions

    parent = tmp_path_factory.mktemp("exported")
    for name, checkpoint in (("table", "static"), ("graph", "bert")):
        export_model(DATA / "checkpoints" / checkpoint, parent / name, ExportOptions(min_cosine=0.9, precision="fp32"))
    return parent


def remade(folder: Path, **changes: Any) -> ModelCard:
    """Make the card of a folder fit its files again, as whoever altered them would."""
    card = read_card(folder)
    files = {name: FileRecord.of(folder / name) for name in card.files}
    card = replace(card, files=files, **changes)
    print_ = fingerprint_of(files, card.prompts, card.max_tokens, card.trims, card.max_characters)
    card = replace(card, fingerprint=print_)
    (folder / "model.json").write_bytes(card.to_json())
    return card


def edit_tokenizer(folder: Path, change: Callable[[dict[str, Any]], object]) -> None:
    path = folder / "tokenizer.json"
    content = json.loads(path.read_text("utf-8"))
    change(content)
    path.write_text(json.dumps(content), "utf-8")
    remade(folder)


def with_endless_pattern(folder: Path) -> None:
    split = {"type": "Split", "pattern": {"Regex": "(a+)+$"}, "behavior": "Isolated", "invert": False}
    edit_tokenizer(folder, lambda content: content.update(pre_tokenizer=split))


def with_token_beyond_rows(folder: Path) -> None:
    """Tokens that the tokenizer knows, and the weights have no rows for."""

    def add(content: dict[str, Any]) -> None:
        vocabulary = content["model"]["vocab"]
        number = len(vocabulary) if isinstance(vocabulary, list) else max(vocabulary.values()) + 1
        same = {"single_word": False, "lstrip": False, "rstrip": False, "normalized": False, "special": False}
        number = max(number, *(each["id"] + 1 for each in content["added_tokens"]), 0)
        content["added_tokens"] += [{"id": number + more, "content": f"[TICKET{more}]", **same} for more in range(4)]

    edit_tokenizer(folder, add)


def with_numbers(folder: Path, value: float) -> None:
    """The row of one word is nothing but one number."""
    table = np.load(folder / "table.npy")
    tokenizer = json.loads((folder / "tokenizer.json").read_text("utf-8"))
    table[tokenizer["model"]["vocab"]["lock"]] = value
    np.save(folder / "table.npy", table)
    remade(folder)


EVIL: dict[str, tuple[str, Callable[[Path], None], str]] = {
    "a pattern without end": ("graph", with_endless_pattern, PANIC),
    "a pattern without end, static": ("table", with_endless_pattern, PANIC),
    "a token beyond the rows": ("graph", with_token_beyond_rows, "the [TICKET3] of the deploy"),
    "a token beyond the rows, static": ("table", with_token_beyond_rows, "the [TICKET3] of the deploy"),
    "a row of zeros": ("table", lambda folder: with_numbers(folder, 0.0), "lock"),
    "a row of nan": ("table", lambda folder: with_numbers(folder, float("nan")), "lock"),
    "a row of infinity": ("table", lambda folder: with_numbers(folder, float("inf")), "lock"),
    "a row of huge numbers": ("table", lambda folder: with_numbers(folder, 3e38), "lock"),
}
"""What is wrong with a model, and a text that shows it."""


@pytest.fixture(params=EVIL)
def evil(request: pytest.FixtureRequest, exported: Path, tmp_path: Path) -> tuple[Path, str]:
    """A model folder, and a text at which the model fails; it embeds others."""
    kind, spoil, text = EVIL[request.param]
    folder = tmp_path / "evil"
    shutil.copytree(exported / kind, folder)
    spoil(folder)
    return folder, text


@pytest.fixture
def installed(evil: tuple[Path, str], home: Path) -> str:
    """The evil model, installed as `evil`. Gives the text."""
    shutil.copytree(evil[0], home / "models" / "evil")
    return evil[1]


def test_whatever_a_model_does_is_an_error_of_ours(evil):
    folder, text = evil
    encoder = open_encoder(folder)
    try:
        for texts in ([text], ["before", text, "after"]):
            with pytest.raises(EngineError) as caught:
                encoder.encode_documents(texts)
            assert caught.value.message.isprintable()
        with pytest.raises(EngineError):
            encoder.encode_queries([text])
        assert len(encoder.encode_documents(["a deploy", "an index"])) == 2
    finally:
        encoder.close()


def test_a_child_answers_what_the_model_did_and_lives_on(evil):
    folder, text = evil
    card = read_card(folder)
    child = ProcessEncoder(folder, card.fingerprint, card.dimensions)
    try:
        with pytest.raises(EngineError) as caught:
            child.encode_documents(["before", text])
        assert not isinstance(caught.value, EngineLost)
        assert len(child.encode_documents(["a deploy"])) == 1
    finally:
        child.close()


def test_everything_but_that_text_is_embedded_and_it_is_named(installed, rekall, tmp_path):
    texts = ["a deploy", installed, "an index"]
    (tmp_path / "notes.jsonl").write_text("".join(json.dumps({"title": text}) + "\n" for text in texts))
    assert rekall("--set", "engine.model=evil", "import", str(tmp_path / "notes.jsonl")).code == 0
    status = rekall("index", "status", "--json").json
    assert (status["vectors"], status["pending_passages"], status["set_aside_passages"]) == (2, 0, 1)
    assert [each["title"] for each in status["set_aside"]] == [installed]
    assert "evil" in status["set_aside"][0]["reason"]
    shown = rekall("index", "status")
    assert installed[:30] in shown.out
    assert "hint: words find what is set aside" in shown.err


def test_words_answer_a_question_that_the_model_cannot_read(installed, rekall):
    added = rekall("--set", "engine.model=evil", "add", "til", "a deploy", "--json").json
    assert added["warning"] is None
    stored = rekall("add", "bug", installed)
    assert stored.code == 0
    assert "cannot be embedded" in stored.err
    found = rekall("search", installed, "--json").json
    assert (found["mode"]["used"], [hit["title"] for hit in found["hits"]]) == ("words", [installed])
    assert "Traceback" not in stored.err


def test_commands_that_need_the_model_end_with_its_code(installed, rekall):
    assert rekall("embed", "--model", "evil", "a deploy").code == 0
    ran = rekall("embed", "--model", "evil", installed)
    assert (ran.code, ran.out) == (6, "")
    assert ran.err.startswith("error: ")


def test_a_model_is_used_all_the_same_for_what_it_can_embed(installed, rekall):
    for text in ("a deploy", installed, "an index"):
        assert rekall("add", "til", text).code == 0
    ran = rekall("model", "use", "evil", "--json")
    assert ran.code == 0, ran.err
    assert (ran.json["embedded"], ran.json["set_aside"], ran.json["in_use"]) == (2, 1, True)
    assert rekall("search", "deploy", "--json").json["mode"]["used"] == "hybrid"


@pytest.mark.parametrize("kind", ["graph", "table"])
def test_a_model_that_embeds_nothing_is_not_taken(exported, home, rekall, kind):
    folder = home / "models" / "broken"
    shutil.copytree(exported / kind, folder)
    edit_tokenizer(folder, lambda content: content.update(pre_tokenizer=None, normalizer={"type": "Replace",
                   "pattern": {"Regex": ""}, "content": "x"}) if False else content["model"].update(vocab={}))  # fmt: skip
    assert rekall("add", "til", "a deploy").code == 0
    ran = rekall("model", "use", "broken")
    assert ran.code == 6
    assert "Traceback" not in ran.err
    assert rekall("search", "deploy", "--json").json["mode"]["used"] == "hybrid"
    assert rekall("model", "verify", "broken").code == 6


def looping(folder: Path) -> None:
    """A graph that goes round for ever before it answers."""
    from onnx import TensorProto, helper

    def value(name: str, kind: int, shape: list[int | str]) -> Any:
        return helper.make_tensor_value_info(name, kind, shape)

    same = helper.make_node("Identity", ["going"], ["goes_on"])
    body = helper.make_graph(
        [same], "body", [value("turn", TensorProto.INT64, []), value("going", TensorProto.BOOL, [])],
        [value("goes_on", TensorProto.BOOL, [])],
    )  # fmt: skip
    yes = helper.make_node("Constant", [], ["yes"], value=helper.make_tensor("yes", TensorProto.BOOL, [], [True]))
    loop = helper.make_node("Loop", ["", "yes"], [], body=body)
    rows = helper.make_node("Cast", ["input_ids"], ["sentence_embedding"], to=TensorProto.FLOAT)
    inputs = [value(name, TensorProto.INT64, ["b", "t"]) for name in ("input_ids", "attention_mask")]
    output = value("sentence_embedding", TensorProto.FLOAT, ["b", read_card(folder).dimensions])
    graph = helper.make_graph([yes, loop, rows], "graph", inputs, [output])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    (folder / "model.onnx").write_bytes(model.SerializeToString())
    remade(folder)


def test_a_graph_that_may_never_end_is_refused(exported, tmp_path):
    shutil.copytree(exported / "graph", tmp_path / "endless")
    looping(tmp_path / "endless")
    with pytest.raises(ModelDamaged, match="loop"):
        open_encoder(tmp_path / "endless")


@pytest.mark.parametrize("numbers", ["1e999", "-1e999", "NaN", "1" + "0" * 400, "[[1]]", '"x"', "null", "1e200"])
def test_an_older_card_beside_odd_probes_has_the_usual_level(exported, home, rekall, numbers):
    folder = home / "models" / "older"
    shutil.copytree(exported / "table", folder)
    (folder / "probes.json").write_text(f'{{"texts": ["a", "b"], "vectors": [[{numbers}, 1.0], [1.0, {numbers}]]}}')
    remade(folder, level=None)
    assert rekall("--set", "engine.model=older", "add", "til", "a deploy").code == 0
    found = rekall("--set", "engine.model=older", "search", "deploy", "--json")
    assert (found.code, found.json["mode"]["used"]) == (0, "hybrid")
    assert rekall("model", "verify", "older").code == 6


def with_growing_text(folder: Path) -> None:
    """Every character becomes two, forty times over."""
    double = {"type": "Replace", "pattern": {"String": "a"}, "content": "aa"}
    edit_tokenizer(
        folder, lambda content: content.update(normalizer={"type": "Sequence", "normalizers": [double] * 40})
    )


@pytest.mark.parametrize(
    ("kind", "spoil"),
    [("graph", with_growing_text), ("table", with_growing_text), ("graph", looping)],
    ids=["growing", "growing, static", "endless"],
)
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="memory is bounded on Linux alone")
def test_a_model_that_ends_its_process_is_not_imported(exported, tmp_path, home, rekall, kind, spoil):
    shutil.copytree(exported / kind, tmp_path / "evil")
    spoil(tmp_path / "evil")
    pack(tmp_path / "evil", tmp_path / "evil.tar")
    ran = rekall("model", "import", str(tmp_path / "evil.tar"))
    assert (ran.code, ran.out) == (6, "")
    assert str(tmp_path / "evil.tar") in ran.err
    assert ".part" not in ran.err
    assert not list((home / "models").iterdir())


# cards

OSC = "MIT\x1b]0;owned\x07\x1b[2J\u202etfel\u200b\nright"
SHOWN = ("name", "architecture", "pooling", "precision", "licence")


def spoken(folder: Path) -> ModelCard:
    """A card that tries to speak to the terminal with every text in it."""
    card = read_card(folder)
    source = replace(card.source, name=OSC, revision=OSC)
    raw = json.loads(replace(card, source=source, dense=(OSC,), fidelity={OSC: card.fidelity["float64"]}).to_json())
    raw |= dict.fromkeys(SHOWN, OSC)
    (folder / "model.json").write_text(json.dumps(raw), "utf-8")
    return read_card(folder)


def test_a_card_is_lines_of_visible_text(exported, tmp_path):
    shutil.copytree(exported / "table", tmp_path / "loud")
    card = spoken(tmp_path / "loud")
    texts = [getattr(card, name) for name in SHOWN]
    texts += [card.source.name, str(card.source.revision), *card.dense, *card.fidelity]
    assert set(texts) == {as_line(OSC)}
    assert as_line(OSC).isprintable() or "\ufffd" in as_line(OSC)
    assert not set("\x1b\x07\u202e\u200b\n") & set(as_line(OSC))


def test_no_door_lets_a_card_speak_to_the_terminal(exported, home, rekall):
    shutil.copytree(exported / "table", home / "models" / "loud")
    spoken(home / "models" / "loud")
    assert rekall("add", "til", "a deploy").code == 0
    said = [
        rekall(*command, *form)
        for form in ((), ("--json",))
        for command in (("model", "list"), ("model", "info", "loud"), ("model", "verify", "loud"),
                        ("model", "pack", "loud", "--out", str(home / "loud.tar")),
                        ("model", "import", str(home / "loud.tar"), "--name", "loud-2"),
                        ("model", "use", "loud"), ("index", "status"), ("search", "deploy", "--explain"),
                        ("model", "bench", "loud"), ("config", "list"))
    ]  # fmt: skip
    for ran in said:
        assert ran.code == 0, ran.err
        assert not set("\x1b\x07\u202e\u200b") & set(ran.out + ran.err)


def test_a_long_text_of_a_card_is_cut(exported, tmp_path):
    shutil.copytree(exported / "table", tmp_path / "long")
    raw = json.loads((tmp_path / "long" / "model.json").read_text("utf-8"))
    raw["licence"] = "x" * 500_000
    (tmp_path / "long" / "model.json").write_text(json.dumps(raw), "utf-8")
    assert len(read_card(tmp_path / "long").licence) == LINE_CHARS


# archives of these


def headers(kind: bytes, size: int) -> bytes:
    """The header of a member that claims a size."""
    member = tarfile.TarInfo("tiny/model.json")
    member.type, member.size = kind, size
    return member.tobuf(tarfile.GNU_FORMAT)


@pytest.fixture
def packed(exported: Path, tmp_path: Path) -> bytes:
    pack(exported / "table", tmp_path / "table.tar")
    return (tmp_path / "table.tar").read_bytes()


def evil_archives(packed: bytes) -> Iterator[tuple[str, bytes, int]]:
    """Name, beginning, and how long the file is made with holes."""
    for kind in (tarfile.XHDTYPE, tarfile.XGLTYPE, tarfile.GNUTYPE_LONGNAME, tarfile.GNUTYPE_LONGLINK):
        for size in (1 << 31, 3 << 30, 1 << 40):
            yield f"{kind!r} of {size}", headers(kind, size) + b"9" * 512, (4 << 30) if size < 1 << 40 else 0
    for text in (b"99999999999999999999 path=x\n", b"-5 path=x\n", b"0 a=b\n", b"\xff" * 300, b"30 path=x\n", b" =\n"):
        yield f"a record {text[:24]!r}", headers(tarfile.XHDTYPE, len(text)) + text.ljust(512, b"\0") + packed, 0
    yield "a hole", headers(tarfile.GNUTYPE_SPARSE, 512) + b"\0" * 512 + packed, 0
    size = bytearray(headers(tarfile.REGTYPE, 0))
    size[124:136] = b"\xff" * 12
    size[148:156] = b"%06o\0 " % (sum(size[:148]) + 256 + sum(size[156:]))
    yield "a size below nothing", bytes(size) + packed, 0
    yield "headers without end", headers(tarfile.XHDTYPE, 0) * 5_000, 0
    record = f"27 size={(1 << 62):d}\n".encode()
    record = f"{len(record)} size={(1 << 62):d}\n".encode()
    yield "a record of size", headers(tarfile.XHDTYPE, len(record)) + record.ljust(512, b"\0") + packed, 0


def test_an_archive_that_claims_the_impossible_is_refused_in_little_memory(packed, tmp_path, home, rekall):
    import tracemalloc

    path = tmp_path / "sent.tar"
    for name, beginning, length in evil_archives(packed):
        with path.open("wb") as file:
            file.write(beginning)
            if length:
                file.truncate(length)
        tracemalloc.start()
        ran = rekall("model", "import", str(path), "--json")
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert (ran.code, ran.json["error"]["kind"]) == (4, "invalid_input"), name
        assert "sent.tar" in ran.json["error"]["message"], name
        assert peak < 20e6, name
        assert not list((home / "models").glob("*")), name


def test_a_pipe_is_no_archive(tmp_path, rekall):
    import os

    if not hasattr(os, "mkfifo"):
        pytest.skip("this system has no named pipes")
    os.mkfifo(tmp_path / "pipe")
    ran = rekall("model", "import", str(tmp_path / "pipe"))
    assert ran.code == 4
    assert "is not a file" in ran.err


def test_a_model_that_lies_about_its_files_takes_no_more_room_than_it_has(packed, tmp_path, home, rekall):
    """Eight gigabytes of zeros, in a file of holes that fits its card."""
    with tarfile.open(fileobj=io.BytesIO(packed)) as tar:
        files = {member.name: tar.extractfile(member).read() for member in tar}  # type: ignore[union-attr]
    card = json.loads(files["table/model.json"])
    card["files"]["table.npy"]["size"] = 1 << 50
    data = json.dumps(card).encode()
    member = tarfile.TarInfo("table/model.json")
    member.size = len(data)
    huge = tarfile.TarInfo("table/table.npy")
    huge.size = 1 << 50
    head = member.tobuf(tarfile.GNU_FORMAT) + data + b"\0" * (-len(data) % 512) + huge.tobuf(tarfile.GNU_FORMAT)
    (tmp_path / "sent.tar").write_bytes(head + b"\0" * 1024)
    assert rekall("model", "import", str(tmp_path / "sent.tar")).code == 4
    assert not list((home / "models").glob("*"))
