"""Large Unigram vocabularies: the mapped file gives the ids of the library, for every text and every trap."""

from __future__ import annotations

import contextlib
import json
import random
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import tokenizers
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tokenizers import AddedToken, models, normalizers, pre_tokenizers, processors

from rekall.errors import ModelDamaged
from rekall.models.engine.card import PIECES_FILE, TOKENIZER_FILE
from rekall.models.engine.tokenizer import Tokenizer
from rekall.models.engine.unigram import CHAIN, HEADER, LONGEST_PIECE, Unigram
from rekall.models.export import pieces

ALPHABET = "abc▁dé日本🙂"
ADDED = ["<s>", "<pad>", "</s>", "<unk>"]
BOS, EOS, UNKNOWN = 0, 2, 3
LIMIT = 40

PRE_TOKENIZERS = {
    "always": pre_tokenizers.Metaspace(prepend_scheme="always"),
    "first": pre_tokenizers.Metaspace(prepend_scheme="first"),
    "never": pre_tokenizers.Metaspace(prepend_scheme="never"),
    "unsplit": pre_tokenizers.Metaspace(prepend_scheme="always", split=False),
    "nested": pre_tokenizers.Sequence([pre_tokenizers.WhitespaceSplit(), pre_tokenizers.Metaspace()]),
    "none": None,
}

FLAGGED = [
    AddedToken("<mask>", lstrip=True, special=True),
    AddedToken("[right]", rstrip=True, special=True),
    AddedToken("abc", single_word=True, normalized=False),
    AddedToken("ﬁx", normalized=True),
    AddedToken("日本語", normalized=False),
]
"""One of them, `abc`, may be a row of the vocabulary too; the others come after its end."""


def vocabulary(rows: int = 400, seed: int = 1) -> list[tuple[str, float]]:
    """Special tokens, then random pieces; scores repeat, so that ties happen."""
    made = random.Random(seed)
    found: dict[str, float] = dict.fromkeys(ADDED, 0.0)
    while len(found) < rows:
        piece = "".join(made.choice(ALPHABET) for _ in range(made.choice((1, 1, 2, 2, 3, 5))))
        found.setdefault(piece, -float(made.randint(2, 12)) / 2)
    return list(found.items())


def write(path: Path, vocab: Sequence[tuple[str, float]], **changes: Any) -> Path:
    """A tokenizer.json of the kind that multilingual models have."""
    made = tokenizers.Tokenizer(
        models.Unigram(
            list(vocab), unk_id=changes.get("unk_id", UNKNOWN), byte_fallback=changes.get("byte_fallback", False)
        )
    )
    made.normalizer = normalizers.Sequence([normalizers.NFKC(), normalizers.Replace(tokenizers.Regex(" {2,}"), " ")])
    pre_tokenizer = changes.get("pre_tokenizer", PRE_TOKENIZERS["nested"])
    if pre_tokenizer is not None:
        made.pre_tokenizer = pre_tokenizer
    made.add_special_tokens([AddedToken(token, special=True) for token in ADDED])
    made.add_tokens(changes.get("added", FLAGGED))
    made.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>", special_tokens=[("<s>", BOS), ("</s>", EOS)]
    )
    path.mkdir()
    made.save(str(path / TOKENIZER_FILE))
    return path / TOKENIZER_FILE


def library(source: Path) -> tokenizers.Tokenizer:
    return tokenizers.Tokenizer.from_file(str(source))


def uncut_ids(whole: tokenizers.Tokenizer, text: str, limit: int = LIMIT) -> list[int]:
    """The ids of the whole text by the library, then limited."""
    return [BOS, *whole.encode(text, add_special_tokens=False).ids[: limit - 2], EOS]


@pytest.fixture
def all_sizes(monkeypatch) -> None:
    """A vocabulary of any size gets a file of its own."""
    monkeypatch.setattr(pieces, "MIN_ROWS", 1)


def mapped(source: Path, limit: int = LIMIT) -> Tokenizer:
    """The tokenizer with its vocabulary in a file of its own."""
    folder = source.parent.parent / "packed"
    folder.mkdir()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pieces, "MIN_ROWS", 1)
        assert pieces.write_tokenizer(source, folder)
    return Tokenizer(folder / TOKENIZER_FILE, limit, trim=False)


@pytest.fixture(scope="module", params=PRE_TOKENIZERS)
def pair(request, tmp_path_factory) -> tuple[tokenizers.Tokenizer, Tokenizer]:
    """The same tokenizer by the library and by the mapped file."""
    folder = tmp_path_factory.mktemp("pair")
    source = write(folder / "source", vocabulary(), pre_tokenizer=PRE_TOKENIZERS[request.param])
    return library(source), mapped(source)


WORDS = st.text(alphabet=ALPHABET + " xyz\n\u2581", max_size=60)
MIXED = st.lists(
    st.one_of(
        st.sampled_from([*ADDED, *(token.content for token in FLAGGED), " ", "   ", "＜unk＞", "<unk", "fix", "ﬁ"]),
        WORDS,
    ),
    max_size=8,
).map("".join)
ANY_TEXT = st.one_of(WORDS, MIXED, st.text(st.characters(codec="utf-8"), max_size=80))


# the ids


@settings(max_examples=100, deadline=None)
@given(text=ANY_TEXT)
def test_the_mapped_file_gives_the_ids_of_the_library(pair, text):
    whole, tokenizer = pair
    assert tokenizer.encode([text]) == [uncut_ids(whole, text)]


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "\0\x01\x1f\x7f\x85\ufeff",
        "Ωψ ЖЩ 漢漢漢漢 zzzzz",
        "a日a本a" * 30,
        "xxabcxx abc xabc abcx",
        "a<mask>b   <mask>  <mask>c",
        "[right]   a [right] b",
        "<s>a</s> <unk>z<unk> ＜unk＞",
        "ﬁx fix ＜mask＞",
        "日本語日本日本語",
        "👩‍👩‍👧🙂🙃",
    ],
)
def test_traps_have_the_ids_of_the_library(pair, text):
    whole, tokenizer = pair
    assert tokenizer.encode([text]) == [uncut_ids(whole, text)]


@pytest.mark.parametrize(
    "text", ["a" * 5000, "日本" * 3000, "🙃" * 900, "ab é " * 900, "<s>" * 60, " " * 4000 + "a", "abcdé" * 2000]
)
def test_a_long_text_has_the_ids_of_the_whole_text(pair, text):
    whole, tokenizer = pair
    assert tokenizer.encode([text]) == [uncut_ids(whole, text)]


@pytest.mark.parametrize("blanks", [1, 50, 600, 640])
@pytest.mark.parametrize("hidden", range(6))
def test_blanks_that_a_special_token_across_the_cut_swallows_are_no_tokens(tmp_path, blanks, hidden):
    source = write(tmp_path / "source", vocabulary(), pre_tokenizer=PRE_TOKENIZERS["always"])
    tokenizer = mapped(source)
    start = tokenizer._window - hidden
    text = ("a\u00a0" * start)[: start - blanks] + "\u2003" * blanks + "<mask> and so on" + " a" * 400
    assert tokenizer.encode([text]) == [uncut_ids(library(source), text)]


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(word=st.text(alphabet=ALPHABET + "xyz", max_size=400), limit=st.integers(1, 30))
def test_a_word_is_read_only_as_far_as_its_first_ids_need(unigram, word, limit):
    unigram, model = unigram
    ids = [token.id for token in model.tokenize(word)]
    assert list(unigram.ids(word)) == ids
    assert list(unigram.ids(word, limit))[:limit] == ids[:limit]


@pytest.fixture(scope="module")
def unigram(tmp_path_factory) -> tuple[Unigram, models.Unigram]:
    source = write(tmp_path_factory.mktemp("word") / "source", vocabulary(seed=2))
    mapped(source)
    return Unigram(source.parent.parent / "packed" / PIECES_FILE), library(source).model


# half as many examples as the profile says: the export compares hundreds of texts for each
@settings(
    max_examples=settings.default.max_examples // 2,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    vocab=st.lists(
        st.tuples(
            st.text("ab▁", min_size=1, max_size=4),
            st.one_of(st.sampled_from([0.0, -1.0, -2.0, -3.0, 40.0]), st.floats(-20, 5)),
        ),
        max_size=20,
    ),
    texts=st.lists(st.text("ab xy", max_size=30), max_size=5),
)
def test_any_vocabulary_gives_the_ids_of_the_library(tmp_path_factory, vocab, texts):
    """Pieces that are there twice, equal scores, scores so high that what is joined from unknowns is a piece."""
    source = write(tmp_path_factory.mktemp("any") / "source", [*((token, 0.0) for token in ADDED), *vocab])
    tokenizer, whole = mapped(source), library(source)
    assert tokenizer.encode(texts) == [uncut_ids(whole, text) for text in texts]
    tokenizer.close()


def test_the_first_of_two_equal_ways_is_taken(tmp_path):
    vocab = [*((token, 0.0) for token in ADDED), ("a", -1.0), ("aa", -2.0), ("aaa", -3.0)]
    source = write(tmp_path / "source", vocab, pre_tokenizer=None)
    assert mapped(source).encode(["aaa"]) == [uncut_ids(library(source), "aaa")] == [[BOS, 6, EOS]]


def test_unknown_characters_in_a_row_are_one_id(tmp_path):
    tokenizer = mapped(write(tmp_path / "source", [*((token, 0.0) for token in ADDED), ("▁", -1.0), ("a", -1.0)]))
    assert tokenizer.encode(["xyz", "xaz"]) == [[BOS, 4, UNKNOWN, EOS], [BOS, 4, UNKNOWN, 5, UNKNOWN, EOS]]


def test_scores_are_those_that_the_library_has_read(tmp_path):
    """It reads decimals to within one unit of the last place, and a tie may hang on that."""
    written = [-3.4635426998138428 - step / 997 for step in range(300)]
    vocab = [*((token, 0.0) for token in ADDED), *((chr(0x4E00 + row), score) for row, score in enumerate(written))]
    source = write(tmp_path / "source", vocab)
    mapped(source).close()
    unigram = Unigram(tmp_path / "packed" / PIECES_FILE)
    read = [score for _, score in json.loads(library(source).to_str())["model"]["vocab"]]
    assert list(unigram._scores) == read
    unigram.close()


def test_a_tokenizer_without_special_tokens_adds_none(tmp_path):
    source = write(tmp_path / "source", vocabulary())
    mapped(source).close()
    bare = Tokenizer(tmp_path / "packed" / TOKENIZER_FILE, LIMIT, special=False)
    assert bare.encode(["ab cd", "<s>"]) == [
        library(source).encode(text, add_special_tokens=False).ids for text in ("ab cd", "<s>")
    ]


def test_neighbours_and_repeats_do_not_change_ids(pair):
    _, tokenizer = pair
    texts = ["ab cd", "日本" * 900, "", "ab cd", "<mask> ab cd"]
    assert tokenizer.encode(texts) == [tokenizer.encode([text])[0] for text in texts]


@pytest.mark.slow
def test_a_large_vocabulary_is_mapped_without_being_asked(tmp_path):
    made, vocab = random.Random(7), vocabulary(pieces.MIN_ROWS)
    source = write(tmp_path / "source", vocab)
    assert pieces.write_tokenizer(source, tmp_path)
    tokenizer, whole = Tokenizer(tmp_path / TOKENIZER_FILE, 64, trim=False), library(source)
    texts = ["".join(made.choice(ALPHABET + " ") for _ in range(200)) for _ in range(300)]
    assert tokenizer.encode(texts) == [uncut_ids(whole, text, 64) for text in texts]
    row = {piece: number for number, (piece, _) in enumerate(vocab)}
    unigram = Unigram(tmp_path / PIECES_FILE)
    assert all(unigram._find(piece.encode()) == number for piece, number in row.items())


# what stays with the library


def stays(source: Path, folder: Path) -> bool:
    """Whether the folder holds the source as it is, and nothing else."""
    taken = pieces.write_tokenizer(source, folder)
    kept = (folder / TOKENIZER_FILE).read_bytes() == source.read_bytes()
    return not taken and kept and not (folder / PIECES_FILE).exists()


def test_a_small_vocabulary_stays_with_the_library(tmp_path):
    assert stays(write(tmp_path / "source", vocabulary()), tmp_path)


def test_byte_fallback_stays_with_the_library(tmp_path, all_sizes):
    fallback = [*vocabulary(), *((f"<0x{byte:02X}>", -20.0) for byte in range(256))]
    assert stays(write(tmp_path / "source", fallback, byte_fallback=True), tmp_path)


def test_a_vocabulary_without_an_unknown_piece_stays_with_the_library(tmp_path, all_sizes):
    everything = [(chr(code), -1.0) for code in range(32, 127)] + [("▁", -1.0)]
    source = write(tmp_path / "source", everything, unk_id=None, added=[])
    with pytest.raises(Exception, match="unk"):
        library(source).encode("日本")
    assert stays(source, tmp_path)


@pytest.mark.parametrize("piece", ["", "a" * (LONGEST_PIECE + 1)], ids=["empty", "too long"])
def test_a_piece_that_the_file_cannot_carry_stays_with_the_library(tmp_path, all_sizes, piece):
    assert stays(write(tmp_path / "source", [*vocabulary(), (piece, -1.0)]), tmp_path)


def test_pieces_that_share_a_hash_value_too_often_stay_with_the_library(tmp_path, all_sizes):
    values = 1 << (2 * (CHAIN + 20)).bit_length()
    alike = [text for text in (f"a{number}" for number in range(400_000)) if zlib.crc32(text.encode()) % values == 7]
    vocab = [*((token, 0.0) for token in ADDED), *((text, -1.0) for text in alike[: CHAIN + 1])]
    assert 1 << (2 * len(vocab)).bit_length() == values
    assert stays(write(tmp_path / "source", vocab), tmp_path)


def test_an_added_token_named_like_the_file_stays_with_the_library(tmp_path, all_sizes):
    added = [AddedToken(PIECES_FILE, special=True), *FLAGGED]
    assert stays(write(tmp_path / "source", vocabulary(), added=added), tmp_path)


@pytest.mark.parametrize(
    "model",
    [
        models.WordLevel({"[UNK]": 0, "a": 1}, unk_token="[UNK]"),
        models.WordPiece({"[UNK]": 0, "a": 1}, unk_token="[UNK]"),
    ],
    ids=lambda model: type(model).__name__,
)
def test_any_other_kind_of_vocabulary_stays_with_the_library(tmp_path, all_sizes, model):
    (tmp_path / "source").mkdir()
    tokenizers.Tokenizer(model).save(str(tmp_path / "source" / TOKENIZER_FILE))
    assert stays(tmp_path / "source" / TOKENIZER_FILE, tmp_path)


def test_what_is_no_tokenizer_is_damage(tmp_path):
    (tmp_path / "other.json").write_text("{}")
    with pytest.raises(ModelDamaged, match=r"other\.json"):
        pieces.write_tokenizer(tmp_path / "other.json", tmp_path)


# the files


@pytest.fixture
def packed(tmp_path) -> Path:
    mapped(write(tmp_path / "source", vocabulary())).close()
    return tmp_path / "packed" / PIECES_FILE


def test_the_same_tokenizer_gives_the_same_files(tmp_path, packed, all_sizes):
    pieces.write_tokenizer(tmp_path / "source" / TOKENIZER_FILE, tmp_path)
    for name in (PIECES_FILE, TOKENIZER_FILE):
        assert (tmp_path / name).read_bytes() == packed.with_name(name).read_bytes()


def test_the_vocabulary_leaves_the_json(packed):
    assert len(json.loads(packed.with_name(TOKENIZER_FILE).read_text("utf-8"))["model"]["vocab"]) == 1


def test_a_missing_file_of_pieces_is_damage_that_names_it(packed):
    packed.unlink()
    with pytest.raises(ModelDamaged, match=r"tokenizer\.pieces") as caught:
        Tokenizer(packed.with_name(TOKENIZER_FILE), LIMIT)
    assert caught.value.hint


def test_the_pieces_of_another_tokenizer_are_damage(tmp_path, packed):
    other = write(tmp_path / "other", vocabulary(), added=[])
    (tmp_path / "other" / "packed").mkdir()
    mapped_elsewhere = tmp_path / "other" / "packed"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pieces, "MIN_ROWS", 1)
        pieces.write_tokenizer(other, mapped_elsewhere)
    packed.write_bytes((mapped_elsewhere / PIECES_FILE).read_bytes())
    with pytest.raises(ModelDamaged, match="does not belong"):
        Tokenizer(packed.with_name(TOKENIZER_FILE), LIMIT)


def test_pieces_beside_a_whole_tokenizer_are_not_looked_at(tmp_path, packed):
    source = tmp_path / "source" / TOKENIZER_FILE
    source.with_name(PIECES_FILE).write_bytes(b"something else")
    assert Tokenizer(source, LIMIT).encode(["ab"]) == [uncut_ids(library(source), "ab")]


@pytest.mark.parametrize("size", [0, 1, HEADER.size - 1, HEADER.size, HEADER.size + 100, -1])
def test_a_cut_file_is_damage(packed, size):
    packed.write_bytes(packed.read_bytes()[:size])
    with pytest.raises(ModelDamaged, match=r"tokenizer\.pieces") as caught:
        Unigram(packed)
    assert caught.value.hint


def test_a_grown_file_is_damage(packed):
    packed.write_bytes(packed.read_bytes() + b"\0")
    with pytest.raises(ModelDamaged, match=r"tokenizer\.pieces"):
        Unigram(packed)


def changed(packed: Path, field: int, value: Any) -> Path:
    """The file with another value in its header."""
    data = bytearray(packed.read_bytes())
    fields = list(HEADER.unpack_from(data))
    fields[field] = value
    HEADER.pack_into(data, 0, *fields)
    packed.write_bytes(data)
    return packed


@pytest.mark.parametrize("value", [0, 1, 3, 399, 1 << 31, (1 << 32) - 1])
@pytest.mark.parametrize("field", range(1, 5), ids=["rows", "values", "added", "bytes"])
def test_counts_that_do_not_fit_the_size_are_damage(packed, field, value):
    with pytest.raises(ModelDamaged, match="header"):
        Unigram(changed(packed, field, value))


@pytest.mark.parametrize(
    ("field", "value"), [(0, b"RKPIECE9"), (5, 0), (5, LONGEST_PIECE + 1), (6, 400), (6, (1 << 32) - 1)]
)
def test_a_header_out_of_bounds_is_damage(packed, field, value):
    with pytest.raises(ModelDamaged, match="header"):
        Unigram(changed(packed, field, value))


@settings(max_examples=150, deadline=120_000, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_a_file_with_bytes_of_a_stranger_ends_in_ids_or_in_damage(packed, data):
    content = bytearray(packed.read_bytes())
    for _ in range(data.draw(st.integers(1, 3))):
        start = data.draw(st.integers(0, len(content) - 1))
        length = data.draw(st.sampled_from([1, 4, 8, 4000]))
        byte = data.draw(st.sampled_from([0, 1, 0x7F, 0x80, 0xFF]))
        content[start : start + length] = bytes([byte]) * len(content[start : start + length])
    path = packed.with_name("strange")
    path.write_bytes(content)
    try:
        unigram = Unigram(path)
    except ModelDamaged:
        return
    with contextlib.closing(unigram), contextlib.suppress(ModelDamaged):
        assert all(isinstance(number, int) for word in ("▁abc", "日本xé" * 20) for number in unigram.ids(word, 9))


def test_a_closed_file_can_be_removed(packed):
    tokenizer = Tokenizer(packed.with_name(TOKENIZER_FILE), LIMIT)
    tokenizer.encode(["abc"])
    tokenizer.close()
    packed.unlink()
    assert not packed.exists()
