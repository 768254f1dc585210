"""Large Unigram vocabularies: the mapped file gives the ids of the library, for every text and every trap."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import pytest
import tokenizers
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tokenizers import models, normalizers, pre_tokenizers, processors

from rekall.engine.card import PIECES_FILE, TOKENIZER_FILE
from rekall.engine.tokenizer import Tokenizer
from rekall.engine.unigram import HEADER, Unigram
from rekall.errors import ModelDamaged
from rekall.export import pieces

ALPHABET = "abc▁dé日本🙂"
ADDED = ["<s>", "<pad>", "</s>", "<unk>"]


def vocabulary(rows: int = 400, seed: int = 1) -> list[tuple[str, float]]:
    """Special tokens, then random pieces; scores repeat, so that ties happen."""
    made = random.Random(seed)
    found: dict[str, float] = dict.fromkeys(ADDED, 0.0)
    while len(found) < rows:
        piece = "".join(made.choice(ALPHABET) for _ in range(made.choice((1, 1, 2, 2, 3, 5))))
        found.setdefault(piece, -float(made.randint(2, 12)) / 2)
    return list(found.items())


def write(path: Path, vocab: list[tuple[str, float]], **changes: Any) -> Path:
    made = tokenizers.Tokenizer(models.Unigram(vocab, unk_id=3, byte_fallback=changes.get("byte_fallback", False)))
    made.normalizer = normalizers.Sequence([normalizers.NFKC(), normalizers.Replace(tokenizers.Regex(" {2,}"), " ")])
    made.pre_tokenizer = changes.get(
        "pre_tokenizer", pre_tokenizers.Sequence([pre_tokenizers.WhitespaceSplit(), pre_tokenizers.Metaspace()])
    )
    made.add_special_tokens([tokenizers.AddedToken(token, special=True) for token in ADDED])
    made.add_special_tokens([tokenizers.AddedToken("<mask>", lstrip=True, special=True)])
    made.post_processor = processors.TemplateProcessing(single="<s> $A </s>", special_tokens=[("<s>", 0), ("</s>", 2)])
    path.mkdir()
    made.save(str(path / TOKENIZER_FILE))
    return path / TOKENIZER_FILE


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> tuple[Tokenizer, Tokenizer]:
    """The same tokenizer by the library and by the mapped file."""
    folder = tmp_path_factory.mktemp("pair")
    source = write(folder / "source", vocabulary())
    (folder / "packed").mkdir()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pieces, "MIN_ROWS", 1)
        assert pieces.write_tokenizer(source, folder / "packed")
    return Tokenizer(source, 40, trim=False), Tokenizer(folder / "packed" / TOKENIZER_FILE, 40, trim=False)


WORDS = st.text(alphabet=ALPHABET + " xyz\n", max_size=60)
MIXED = st.lists(st.one_of(st.sampled_from([*ADDED, "<mask>", " "]), WORDS), max_size=6).map("".join)


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=st.one_of(WORDS, MIXED, st.text(max_size=80)))
def test_the_mapped_file_gives_the_ids_of_the_library(pair, text):
    whole, mapped = pair
    assert mapped.encode([text]) == whole.encode([text])


@pytest.mark.parametrize("text", ["a" * 5000, "日本" * 3000, "🙃" * 900, "ab é " * 900, "<s>" * 60, " " * 4000 + "a"])
def test_a_long_text_is_cut_as_the_library_cuts_it(pair, text):
    whole, mapped = pair
    assert mapped.encode([text]) == whole.encode([text])
    assert len(mapped.encode([text])[0]) <= 40


def test_the_vocabulary_leaves_the_json_and_is_not_needed_there(tmp_path, monkeypatch):
    monkeypatch.setattr(pieces, "MIN_ROWS", 1)
    source = write(tmp_path / "source", vocabulary())
    pieces.write_tokenizer(source, tmp_path)
    assert len(json.loads((tmp_path / TOKENIZER_FILE).read_text("utf-8"))["model"]["vocab"]) == 1
    (tmp_path / PIECES_FILE).unlink()
    with pytest.raises(ModelDamaged, match=r"tokenizer\.pieces"):
        Tokenizer(tmp_path / TOKENIZER_FILE, 40)


def test_a_small_vocabulary_stays_with_the_library(tmp_path):
    source = write(tmp_path / "source", vocabulary())
    assert not pieces.write_tokenizer(source, tmp_path)
    assert (tmp_path / TOKENIZER_FILE).read_bytes() == source.read_bytes()
    assert not (tmp_path / PIECES_FILE).exists()


def test_what_cannot_be_reproduced_stays_with_the_library(tmp_path, monkeypatch):
    monkeypatch.setattr(pieces, "MIN_ROWS", 1)
    fallback = [*vocabulary(), *((f"<0x{byte:02X}>", -20.0) for byte in range(256))]
    source = write(tmp_path / "bytes", fallback, byte_fallback=True)
    assert not pieces.write_tokenizer(source, tmp_path)
    assert (tmp_path / TOKENIZER_FILE).read_bytes() == source.read_bytes()


@pytest.fixture
def packed(tmp_path, monkeypatch) -> Path:
    monkeypatch.setattr(pieces, "MIN_ROWS", 1)
    pieces.write_tokenizer(write(tmp_path / "source", vocabulary()), tmp_path)
    return tmp_path / PIECES_FILE


@pytest.mark.parametrize("size", [0, 1, HEADER.size - 1, HEADER.size, HEADER.size + 100, -1])
def test_a_cut_file_is_damage(packed, size):
    data = packed.read_bytes()
    packed.write_bytes(data[: size if size >= 0 else len(data) - 1])
    with pytest.raises(ModelDamaged, match=r"tokenizer\.pieces"):
        Unigram(packed)


@pytest.mark.parametrize("place", range(0, HEADER.size - 16, 4))
def test_a_header_that_lies_is_damage_or_harmless(packed, place):
    data = bytearray(packed.read_bytes())
    data[place : place + 4] = b"\xff\xff\xff\x7f"
    packed.write_bytes(data)
    try:
        unigram = Unigram(packed)
    except ModelDamaged:
        return
    assert all(isinstance(number, int) for number in unigram.ids("abc"))
    unigram.close()


def test_a_closed_file_can_be_removed(packed):
    unigram = Unigram(packed)
    unigram.ids("abc")
    unigram.close()
    packed.unlink()


@pytest.mark.slow
def test_a_large_vocabulary_is_mapped_without_being_asked(tmp_path):
    source = write(tmp_path / "source", vocabulary(20_000))
    assert pieces.write_tokenizer(source, tmp_path)
    whole, mapped = (Tokenizer(path, 64) for path in (source, tmp_path / TOKENIZER_FILE))
    made = random.Random(7)
    texts = ["".join(made.choice(ALPHABET + " ") for _ in range(200)) for _ in range(200)]
    assert mapped.encode(texts) == whole.encode(texts)
