"""embed: vectors for other programs."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
from support import FakeEncoder, Ran
from support.waiting import PATIENCE_S

from rekall.models.contract import Encoder
from rekall.models.library import FolderLoader
from rekall.models.vectors import Matrix

Rekall = Callable[..., Ran]
TEXTS = ["the first text", "", "日本語 🦊", "a\nb", "the first text"]


class ShyEncoder(FakeEncoder):
    """Queries and documents come out differently."""

    def encode_queries(self, texts: Sequence[str]) -> Matrix:
        return self.encode_documents([f"query {text}" for text in texts])


@pytest.fixture
def quick_model(monkeypatch: pytest.MonkeyPatch) -> ShyEncoder:
    encoder = ShyEncoder(dim=8)

    def load(self: FolderLoader, name: str) -> ShyEncoder:
        self.identify(name)  # fails as the real one does when there is no such model
        return encoder

    monkeypatch.setattr(FolderLoader, "load", load)
    return encoder


def vectors(output: str) -> Matrix:
    return np.array([json.loads(line)["vector"] for line in output.splitlines()], dtype=np.float32)


def test_texts_become_the_vectors_that_python_gets(rekall: Rekall, encoder: Encoder) -> None:
    ran = rekall("embed", *TEXTS)
    assert (ran.code, ran.err) == (0, "")
    found = vectors(ran.out)
    assert found.shape == (5, 384)
    np.testing.assert_allclose(np.linalg.norm(found, axis=1), 1, atol=1e-5)
    assert np.min(np.sum(found * encoder.encode_documents(TEXTS), axis=1)) > 0.99999


def test_the_digits_bring_back_the_same_float32(rekall: Rekall, quick_model: ShyEncoder) -> None:
    np.testing.assert_array_equal(vectors(rekall("embed", *TEXTS).out), quick_model.encode_documents(TEXTS))


@pytest.mark.usefixtures("quick_model")
def test_a_line_holds_a_vector_and_nothing_else(rekall: Rekall) -> None:
    for line in rekall("embed", "a", "b").out.splitlines():
        assert list(json.loads(line)) == ["vector"]


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """`TEXTS` as strings and objects in turn, with blank lines, a BOM and a Windows line end."""
    lines = [
        json.dumps(text if number % 2 else {"id": number, "text": text}, ensure_ascii=False)
        for number, text in enumerate(TEXTS)
    ]
    file = tmp_path / "texts.jsonl"
    file.write_bytes(("\ufeff" + "\r\n\n  \n".join(lines)).encode())
    return file


def test_a_file_gives_a_vector_for_each_text_in_order(rekall: Rekall, quick_model: ShyEncoder, source: Path) -> None:
    np.testing.assert_array_equal(
        vectors(rekall("embed", "--input", str(source)).out), quick_model.encode_documents(TEXTS)
    )


def test_stdin_is_a_file_too(rekall: Rekall, quick_model: ShyEncoder, source: Path) -> None:
    np.testing.assert_array_equal(
        vectors(rekall("embed", "--input", "-", stdin=source.read_bytes()).out), quick_model.encode_documents(TEXTS)
    )


def test_unusual_separators_inside_a_text_end_no_line(rekall: Rekall, quick_model: ShyEncoder) -> None:
    text = "one\u2028two\x85three\x0cfour"
    ran = rekall("embed", "--input", "-", stdin=json.dumps(text, ensure_ascii=False).replace("\\f", "\\u000c"))
    np.testing.assert_array_equal(vectors(ran.out), quick_model.encode_documents([text]))


def test_the_order_is_kept_over_many_texts(rekall: Rekall, quick_model: ShyEncoder) -> None:
    texts = [f"text number {number} {'x ' * (number % 7)}" for number in range(1100)]
    ran = rekall("embed", "--input", "-", stdin="\n".join(map(json.dumps, texts)))
    np.testing.assert_array_equal(vectors(ran.out), quick_model.encode_documents(texts))


def test_query_encodes_as_questions(rekall: Rekall, quick_model: ShyEncoder) -> None:
    np.testing.assert_array_equal(vectors(rekall("embed", "--query", "why").out), quick_model.encode_queries(["why"]))
    assert rekall("embed", "why").out != rekall("embed", "--query", "why").out


def test_npy_is_one_array_on_stdout(encoder: Encoder, source: Path) -> None:
    ran = subprocess.run(
        [sys.executable, "-W", "error", "-m", "rekall", "embed", "--format", "npy", "--input", str(source)],
        capture_output=True,
        check=False,
        timeout=PATIENCE_S,
    )
    assert (ran.returncode, ran.stderr) == (0, b"")
    array = np.load(io.BytesIO(ran.stdout), allow_pickle=False)
    assert (array.shape, array.dtype) == ((5, 384), np.float32)
    assert np.min(np.sum(array * encoder.encode_documents(TEXTS), axis=1)) > 0.99999


def test_npy_goes_into_a_file(rekall: Rekall, quick_model: ShyEncoder, source: Path, tmp_path: Path) -> None:
    output = tmp_path / "vectors.npy"
    ran = rekall("embed", "--format", "npy", "--input", str(source), "--output", str(output))
    assert (ran.code, ran.out) == (0, "")
    assert "5 vectors" in ran.err
    np.testing.assert_array_equal(np.load(output, allow_pickle=False), quick_model.encode_documents(TEXTS))


def test_json_lines_go_into_a_file(rekall: Rekall, quick_model: ShyEncoder, tmp_path: Path) -> None:
    output = tmp_path / "vectors.jsonl"
    assert rekall("embed", *TEXTS, "-o", str(output)).out == ""
    np.testing.assert_array_equal(vectors(output.read_text("utf-8")), quick_model.encode_documents(TEXTS))


@pytest.mark.usefixtures("quick_model")
def test_an_empty_file_has_no_vectors_but_their_length(rekall: Rekall, tmp_path: Path) -> None:
    ran = rekall("embed", "--input", "-", stdin="\n")
    assert (ran.code, ran.out) == (0, "")
    rekall("embed", "--input", "-", "--format", "npy", "--output", str(tmp_path / "none.npy"), stdin="")
    assert np.load(tmp_path / "none.npy").shape == (0, 8)


@pytest.mark.usefixtures("quick_model")
@pytest.mark.parametrize(
    "bad",
    [
        "not json",
        "12",
        "null",
        "[1]",
        '{"txt": "x"}',
        '{"text": 5}',
        '{"text": null}',
        '"open',
        "[" * 100_000,
        '"a" "b"',
    ],
)
def test_a_bad_line_is_named_and_nothing_is_written(rekall: Rekall, tmp_path: Path, bad: str) -> None:
    source, output = tmp_path / "texts.jsonl", tmp_path / "out.jsonl"
    source.write_text(f'"good"\n\n{bad}\n"good"\n')
    output.write_text("as before")
    ran = rekall("embed", "--input", str(source), "--output", str(output))
    assert (ran.code, ran.out) == (4, "")
    assert "texts.jsonl, line 3" in ran.err
    assert "hint: " in ran.err
    assert output.read_text() == "as before"


@pytest.mark.usefixtures("quick_model")
@pytest.mark.parametrize("encoding", ["utf-8", "cp1252", "cp850", "utf-16"])
def test_lines_of_any_encoding_are_texts(rekall: Rekall, tmp_path: Path, encoding: str) -> None:
    source = tmp_path / "texts.jsonl"
    source.write_bytes('"café"\n'.encode(encoding))
    for ran in (rekall("embed", "--input", str(source)), rekall("embed", "--input", "-", stdin=source.read_bytes())):
        assert (ran.code, ran.out) == (0, rekall("embed", "café").out)
        assert ("is read as" in ran.err) == (encoding != "utf-8")


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        ((), 2),
        (("text", "--input", "-"), 2),
        (("text", "--format", "csv"), 2),
        (("--input", "nowhere.jsonl"), 3),
        (("text", "--model", "missing"), 6),
        (("text", "--model", "../models"), 6),
    ],
)
def test_what_makes_no_sense_is_explained(rekall: Rekall, arguments: tuple[str, ...], code: int) -> None:
    ran = rekall("embed", *arguments)
    assert (ran.code, ran.out) == (code, "")
    assert ran.err.startswith("error: ")
    assert "\n\nhint: " in ran.err


@pytest.mark.usefixtures("quick_model")
def test_a_folder_is_no_input_and_no_output(rekall: Rekall, tmp_path: Path) -> None:
    for arguments in (
        ("--input", str(tmp_path)),
        ("text", "--output", str(tmp_path)),
        ("text", "--output", str(tmp_path / "nowhere" / "x.jsonl")),
    ):
        ran = rekall("embed", *arguments)
        assert ran.code in (3, 4)
        assert "hint: " in ran.err


def test_embedding_makes_no_database(rekall: Rekall, quick_model: ShyEncoder, home: Path) -> None:
    rekall("embed", "text")
    assert not home.exists()
    assert quick_model.closed


@pytest.mark.skipif(os.name == "nt", reason="Windows has no pseudo terminals in the standard library")
def test_an_array_is_not_thrown_at_a_terminal(home: Path) -> None:
    import pty

    leader, follower = pty.openpty()
    ran = subprocess.run(
        [sys.executable, "-m", "rekall", "embed", "x", "--format", "npy"],
        stdin=follower,
        stdout=follower,
        stderr=subprocess.PIPE,
        timeout=PATIENCE_S,
    )
    os.close(follower)
    os.close(leader)
    assert ran.returncode == 2
    assert b"--output" in ran.stderr
