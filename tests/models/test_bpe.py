"""Large BPE vocabularies: the mapped file gives the ids of the library, for every text and every trap."""

from __future__ import annotations

import contextlib
import itertools
import json
import random
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
import tokenizers
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.depth import IS_DEEP, tries
from tokenizers import AddedToken, Regex, models, normalizers, pre_tokenizers, processors

from rekall.errors import ExportFailed, ModelDamaged
from rekall.models.engine import bpe
from rekall.models.engine.bpe import CHAIN, HEADER, ID_BITS, Bpe, slot_of
from rekall.models.engine.card import PIECES_FILE, TOKENIZER_FILE
from rekall.models.engine.tokenizer import Tokenizer
from rekall.models.export import merges, pieces

LIMIT = 40
SPECIAL = ["<pad>", "<bos>", "<eos>", "<unk>"]
BOS, EOS, UNKNOWN = 1, 2, 3
BYTES = [f"<0x{byte:02X}>" for byte in range(256)]
ALPHABET = "abc▁dé日本🙂"
FLAGGED = [
    AddedToken("<mask>", lstrip=True, special=True),
    AddedToken("[right]", rstrip=True, special=True),
    AddedToken("abc", single_word=True, normalized=False),
    AddedToken("日本語", normalized=False),
    AddedToken("\n\n", normalized=False),
]

SAMPLE = [
    "The deploy waits for a lock that an idle session holds, and nobody sees it.",
    "def find(self, text: str) -> list[Hit]:\n    return [hit for hit in self.hits if text in hit.title]",
    "    The indexes, indices and indexing of the index: 2026-11-27, 3.14, v1.2.3; it's they're we'll",
    "Die Suche läuft über Wörter und Bedeutung. La recherche trouve des notes déjà écrites.",
    "検索履歴はローカルに保存されます。本日は晴天なり。日本語の文章。",
    "поиск заметок по смыслу и по словам; เขียนบันทึก; 한국어 문장입니다",
]

SPLIT = r"(?i:'s|'t|'re|'ll)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"


def trained(kind: str) -> tokenizers.Tokenizer:
    """A small tokenizer of a kind that embedding models have, its merges learned from a few sentences."""
    byte_level = kind in ("gpt2", "qwen")
    made = tokenizers.Tokenizer(models.BPE())
    if kind == "gpt2":
        made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    elif kind == "qwen":
        made.normalizer = normalizers.NFC()
        split = pre_tokenizers.Split(Regex(SPLIT), "isolated")
        made.pre_tokenizer = pre_tokenizers.Sequence(
            [split, pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)]
        )
    else:
        made.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="never")
    alphabet = pre_tokenizers.ByteLevel.alphabet() if byte_level else []
    first = SPECIAL if byte_level else [*SPECIAL, *BYTES]
    made.train_from_iterator(
        SAMPLE, tokenizers.trainers.BpeTrainer(vocab_size=900, special_tokens=first, initial_alphabet=alphabet)
    )
    described = json.loads(made.to_str())
    described["added_tokens"] = []
    model = described["model"]
    if kind == "qwen":
        model["ignore_merges"] = True
        model["vocab"] |= {"Ġzzz": len(model["vocab"]), "Ġqq": len(model["vocab"]) + 1}  # no merge leads there
    if not byte_level:
        model |= {"unk_token": "<unk>", "fuse_unk": kind != "llama", "byte_fallback": kind != "partial"}
        described["pre_tokenizer"] = None
        described["normalizer"] = {"type": "Replace", "pattern": {"String": " "}, "content": "▁"}
        spread(model)
    if kind == "gemma":
        described["pre_tokenizer"] = {
            "type": "Split",
            "pattern": {"String": " "},
            "behavior": "MergedWithPrevious",
            "invert": False,
        }
    if kind == "llama":
        model["vocab"] = {token: row for token, row in model["vocab"].items() if token not in BYTES[0x80:0xA0]}
    return tokenizers.Tokenizer.from_str(json.dumps(described))


def spread(model: dict[str, Any]) -> None:
    """Let a model reach each piece from any two that make it, as those from sentencepiece do."""
    vocab = model["vocab"]
    made = {left + right: None for left, right in model["merges"]}
    model["merges"] = [
        (piece[:place], piece[place:])
        for piece in made
        for place in range(1, len(piece))
        if piece[:place] in vocab and piece[place:] in vocab
    ]


def write(path: Path, made: tokenizers.Tokenizer, added: Sequence[AddedToken] = FLAGGED) -> Path:
    """A tokenizer.json with special tokens around each text."""
    made.add_special_tokens([AddedToken(token, special=True) for token in SPECIAL])
    made.add_tokens([*added])
    made.post_processor = processors.TemplateProcessing(
        single="<bos> $A <eos>", special_tokens=[(token, made.token_to_id(token)) for token in ("<bos>", "<eos>")]
    )
    path.mkdir()
    made.save(str(path / TOKENIZER_FILE))
    return path / TOKENIZER_FILE


def plain(vocab: Mapping[str, int], made: Sequence[tuple[str, str]], **settings_: Any) -> tokenizers.Tokenizer:
    """Merges over whole texts, with the special tokens as the first rows."""
    rows = {token: row for row, token in enumerate([*SPECIAL, *vocab])}
    return tokenizers.Tokenizer(models.BPE(rows, [*made], **settings_))


def listed(*pieces_: str) -> dict[str, int]:
    return dict.fromkeys(pieces_, 0)


def library(source: Path) -> tokenizers.Tokenizer:
    return tokenizers.Tokenizer.from_file(str(source))


def uncut_ids(whole: tokenizers.Tokenizer, text: str, limit: int = LIMIT) -> list[int]:
    """The ids of the whole text by the library, then limited."""
    frame = whole.encode("", add_special_tokens=True).ids
    return [frame[0], *whole.encode(text, add_special_tokens=False).ids[: limit - 2], frame[1]]


def mapped(source: Path, limit: int = LIMIT) -> Tokenizer:
    """The tokenizer with its vocabulary in a file of its own."""
    folder = source.parent.parent / "packed"
    folder.mkdir()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pieces, "MIN_ROWS", 1)
        assert pieces.write_tokenizer(source, folder)
    return Tokenizer(folder / TOKENIZER_FILE, limit, trim=False)


@pytest.fixture
def all_sizes(monkeypatch) -> None:
    """A vocabulary of any size gets a file of its own."""
    monkeypatch.setattr(pieces, "MIN_ROWS", 1)


@pytest.fixture(scope="module", params=["gpt2", "qwen", "gemma", "llama", "partial"])
def pair(request, tmp_path_factory) -> tuple[tokenizers.Tokenizer, Tokenizer]:
    """The same tokenizer by the library and by the mapped file."""
    source = write(tmp_path_factory.mktemp(request.param) / "source", trained(request.param))
    return library(source), mapped(source)


FRAGMENTS = [
    *SPECIAL,
    *(token.content for token in FLAGGED),
    *("index", " indexing", " zzz", "Ġzzz", " qq", "日本", "läu", "e\u0301", "▁", "▁▁the", "<0x41>", "it's", "x" * 40),
    *(" ", "   ", "\n", "\t", "\r\n", "🙂", "👩‍👩‍👧", "\U00013000", "\0", "\ufffd", "0123456789", "!?--"),
]
WORDS = st.text(alphabet=ALPHABET + " xyz\n\u0100", max_size=60)
MIXED = st.lists(st.one_of(st.sampled_from(FRAGMENTS), WORDS), max_size=8).map("".join)
ANY_TEXT = st.one_of(WORDS, MIXED, st.text(st.characters(codec="utf-8"), max_size=80))


# the ids


@settings(max_examples=tries(400, 60), deadline=None)
@given(text=ANY_TEXT)
def test_the_mapped_file_gives_the_ids_of_the_library(pair, text):
    whole, tokenizer = pair
    assert tokenizer.encode([text]) == [uncut_ids(whole, text)]


def generated(made: random.Random) -> str:
    """A text of fragments, sentences and letters of any script, short or long."""
    parts = []
    for _ in range(made.randint(0, 7)):
        sentence = made.choice(SAMPLE)
        start = made.randrange(len(sentence))
        block = made.choice((0x20, 0x61, 0xC0, 0x3B1, 0x430, 0x5D0, 0xE01, 0x3041, 0x4E00, 0xAC00, 0x12000, 0x1F600))
        parts += [
            made.choice(FRAGMENTS),
            sentence[start : start + made.randint(1, 40)],
            "".join(chr(block + made.randrange(24)) for _ in range(made.randint(0, 9))),
        ]
    made.shuffle(parts)
    return "".join(parts[: made.randint(0, len(parts))])


def test_generated_texts_have_the_ids_of_the_library(pair):
    whole, tokenizer = pair
    made = random.Random()
    for _ in range(200 if IS_DEEP else 2):
        texts = [generated(made) for _ in range(500)]
        rows = whole.encode_batch(texts, add_special_tokens=False)
        expected = [[BOS, *row.ids[: LIMIT - 2], EOS] for row in rows]
        assert tokenizer.encode(texts) == expected


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
        "<bos>a<eos> <unk>z<unk>",
        "日本語日本日本語",
        "👩‍👩‍👧🙂🙃",
        "tokenizer.pieces a tokenizer.pieces",
        "\U00013000é\U00013000a\U00013000\U00013000",
        "▁a ▁ ▁▁b\n ▁c",
    ],
)
def test_traps_have_the_ids_of_the_library(pair, text):
    whole, tokenizer = pair
    assert tokenizer.encode([text]) == [uncut_ids(whole, text)]


@pytest.mark.parametrize(
    "text",
    [
        "a" * 5000,
        "日本" * 3000,
        "\U00013000" * 900,
        "the index " * 900,
        "<bos>" * 60,
        " " * 4000 + "a",
        "indexing" * 900,
        "検索履歴はローカルに保存されます。" * 200,
        "\n" * 2000,
    ],
)
def test_a_long_text_has_the_ids_of_the_whole_text(pair, text):
    whole, tokenizer = pair
    assert tokenizer.encode([text]) == [uncut_ids(whole, text)]


FILLERS = [
    "a",
    "ab",
    "the index ",
    "=-",
    "日本",
    "e\u0301x",
    "läu fen▁",
    "🙂",
    "\U00013000",
    "indexing",
    " ",
    "b c\n",
    "Xq7",
]


@settings(max_examples=tries(400, 40), deadline=None)
@given(
    fillers=st.lists(st.sampled_from(FILLERS), min_size=2, max_size=2),
    at=st.one_of(st.integers(200, 700), st.integers(300, 330), st.integers(620, 650)),
    odd=st.sampled_from(FRAGMENTS),
)
def test_what_follows_the_beginning_of_a_long_text_changes_no_id(pair, fillers, at, odd):
    whole, tokenizer = pair
    before, after = ((filler * 3000)[:3000] for filler in fillers)
    text = before[:at] + odd + after
    assert tokenizer.encode([text]) == [uncut_ids(whole, text)]


def test_of_a_long_text_only_the_beginning_is_read(pair):
    _, tokenizer = pair
    text = "".join(SAMPLE) * 100
    assert len(tokenizer._cut(text)) == LIMIT * 16


def test_lone_surrogates_are_replaced_as_for_every_tokenizer(pair):
    _, tokenizer = pair
    assert tokenizer.encode(["a\ud800b"]) == tokenizer.encode(["a\ufffdb"])


def test_neighbours_and_repeats_do_not_change_ids(pair):
    _, tokenizer = pair
    texts = ["the index", "日本" * 900, "", "the index", "<mask> the index"]
    assert tokenizer.encode(texts) == [tokenizer.encode([text])[0] for text in texts]


def test_what_is_remembered_changes_no_id(pair, monkeypatch):
    whole, tokenizer = pair
    monkeypatch.setattr(bpe, "_MOST_WORDS", 3)
    for found in (tokenizer._pieces._merge, tokenizer._pieces._letter, tokenizer._pieces._parted):
        monkeypatch.setattr(found, "_most", 2)
    for text in SAMPLE * 2:
        assert tokenizer.encode([text]) == [uncut_ids(whole, text)]


def test_the_same_share_of_a_text_is_known(pair, tmp_path):
    whole, tokenizer = pair
    whole.save(str(tmp_path / TOKENIZER_FILE))
    texts = ["", "the index", "\U00013000 and Ω", "🙂", "\U00013000"]
    assert tokenizer.known(texts) == Tokenizer(tmp_path / TOKENIZER_FILE, LIMIT, trim=False).known(texts)


@settings(max_examples=tries(200, 40), deadline=None)
@given(word=st.text(alphabet=ALPHABET + "xyzindexg ▁\U00013000Ω\n", max_size=400), limit=st.integers(1, 30))
def test_a_word_is_read_only_as_far_as_its_first_ids_need(pair, word, limit):
    whole, tokenizer = pair
    ids = [token.id for token in whole.model.tokenize(word)]
    assert list(tokenizer._pieces.ids(word)) == ids
    assert list(tokenizer._pieces.ids(word, limit))[:limit] == ids[:limit]


@st.composite
def vocabularies(draw) -> tuple[dict[str, int], list[tuple[str, str]]]:
    """Letters, and merges of what is there in any order of rank, so that one piece may be made in several ways."""
    rows = [*"ab▁é"]
    made = []
    for _ in range(draw(st.integers(0, 25))):
        left, right = draw(st.sampled_from(rows)), draw(st.sampled_from(rows))
        if len(left + right) <= 8:
            made.append((left, right))
            rows += [left + right] if left + right not in rows else []
    every = [(p[:i], p[i:]) for p in rows for i in range(1, len(p)) if p[:i] in rows and p[i:] in rows]
    chosen = draw(st.sampled_from([made, every]))
    return dict.fromkeys(rows, 0), draw(st.permutations(chosen)) if draw(st.booleans()) else chosen


# half as many examples as the profile says: the export compares hundreds of texts for each
@settings(
    max_examples=settings.default.max_examples // 2,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    vocabulary=vocabularies(),
    texts=st.lists(st.text("ab éxy", max_size=60), max_size=8),
    fallback=st.sampled_from([[], BYTES, BYTES[:0x80], BYTES[0x70:]]),
    fuses=st.booleans(),
    unknown=st.sampled_from([None, "<unk>"]),
    whole_words=st.booleans(),
)
def test_any_vocabulary_gives_the_ids_of_the_library(
    tmp_path_factory, vocabulary, texts, fallback, fuses, unknown, whole_words
):
    """Pieces that are made in several ways, whose merges stand in any order; all that a model may say of the unknown."""
    vocab, made = vocabulary
    backend = plain(
        {**vocab, **listed(*fallback)},
        made,
        unk_token=unknown,
        fuse_unk=fuses,
        byte_fallback=bool(fallback),
        ignore_merges=whole_words,
    )
    backend.normalizer = normalizers.Replace(" ", "▁")
    source = write(tmp_path_factory.mktemp("any") / "source", backend)
    tokenizer, whole = mapped(source), library(source)
    assert tokenizer.encode(texts) == [uncut_ids(whole, text) for text in texts]
    tokenizer.close()


def same_tokens(tmp_path: Path, backend: tokenizers.Tokenizer, text: str) -> list[str]:
    """The tokens of a text, the same by both."""
    source = write(tmp_path / "source", backend)
    ids = mapped(source).encode([text])[0]
    assert ids == uncut_ids(library(source), text)
    return [backend.id_to_token(number) for number in ids[1:-1]]


def test_of_two_equal_ranks_the_leftmost_is_merged_first(tmp_path):
    backend = plain(listed("a", "aa"), [("a", "a")])
    assert same_tokens(tmp_path, backend, "aaaaa") == ["aa", "aa", "a"]


def test_unknown_characters_come_after_the_bytes_that_follow_them(tmp_path):
    """As the library does it, where some bytes have no piece."""
    backend = plain(listed("a", *BYTES[:0x80]), [], unk_token="<unk>", byte_fallback=True)
    assert same_tokens(tmp_path, backend, "éBa") == ["<0x42>", "<unk>", "a"]


@pytest.mark.parametrize(("fuses", "tokens"), [(True, ["<unk>", "a"]), (False, ["<unk>", "<unk>", "a"])])
def test_unknown_characters_in_a_row_are_one_if_the_model_says_so(tmp_path, fuses, tokens):
    backend = plain(listed("a"), [], unk_token="<unk>", fuse_unk=fuses)
    assert same_tokens(tmp_path, backend, "xya") == tokens


def test_unknown_characters_in_a_long_word_are_one_too(tmp_path):
    backend = plain(listed("a"), [], unk_token="<unk>", fuse_unk=True)
    assert same_tokens(tmp_path, backend, "x" * 100 + "a" * 3 + "x" * 50) == ["<unk>", "a", "a", "a", "<unk>"]


def test_without_an_unknown_piece_what_is_unknown_is_left_out(tmp_path):
    assert same_tokens(tmp_path, plain(listed("a"), []), "xayaz") == ["a", "a"]


def test_a_word_of_the_vocabulary_is_taken_whole_if_merges_do_not_count(tmp_path):
    backend = plain(listed("a", "b", "ab", "aab"), [("a", "b")], ignore_merges=True)
    backend.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    assert same_tokens(tmp_path, backend, "aab aaab ab") == ["aab", "a", "a", "ab", "ab"]


def test_a_part_of_a_long_word_is_no_whole_word(tmp_path):
    """`ab` is a piece that no merge makes: by itself it is one, within a word that is read in parts it is two."""
    backend = plain(listed("a", "b", "▁", "ab", "▁ab"), [], ignore_merges=True)
    assert same_tokens(tmp_path, backend, "ab") == ["ab"]
    assert library(tmp_path / "source" / TOKENIZER_FILE).encode("▁ab" * 20).tokens[1:4] == ["▁", "a", "b"]
    tokenizer = Tokenizer(tmp_path / "packed" / TOKENIZER_FILE, 200, trim=False)
    whole = library(tmp_path / "source" / TOKENIZER_FILE)
    for text in ("▁ab", "▁ab" * 20, "▁ab"):
        assert tokenizer.encode([text]) == [uncut_ids(whole, text, 200)]


@pytest.mark.slow
def test_a_large_vocabulary_is_mapped_without_being_asked(tmp_path):
    backend = large(pieces.MIN_ROWS)
    source = write(tmp_path / "source", backend)
    assert pieces.write_tokenizer(source, tmp_path)
    tokenizer, whole = Tokenizer(tmp_path / TOKENIZER_FILE, 64, trim=False), library(source)
    made = random.Random(7)
    texts = ["".join(made.choice("abcdefgh ") for _ in range(200)) for _ in range(300)]
    assert tokenizer.encode(texts) == [uncut_ids(whole, text, 64) for text in texts]
    mapped_merges = Bpe(tmp_path / PIECES_FILE)
    vocab = whole.get_vocab(with_added_tokens=False)
    for rank, (left, right) in enumerate(json.loads(whole.to_str())["model"]["merges"]):
        found = mapped_merges._merge[vocab[left] << ID_BITS | vocab[right]]
        assert (found >> ID_BITS, found & (1 << ID_BITS) - 1) == (rank, vocab[left + right])


def large(rows: int) -> tokenizers.Tokenizer:
    """A vocabulary of letters and of the first words that can be made of them, each by one letter more."""
    letters = "abcdefghijklmnopqrstuvwxyz▁"
    every = ("".join(word) for length in itertools.count(1) for word in itertools.product(letters, repeat=length))
    words = [*itertools.islice(every, rows - len(SPECIAL))]
    return plain(listed(*words), [(word[:-1], word[-1]) for word in words if len(word) > 1])


# what stays with the library


def stays(source: Path, folder: Path) -> bool:
    """Whether the folder holds the source as it is, and nothing else."""
    taken = pieces.write_tokenizer(source, folder)
    kept = (folder / TOKENIZER_FILE).read_bytes() == source.read_bytes()
    return not taken and kept and not (folder / PIECES_FILE).exists()


def test_a_small_vocabulary_stays_with_the_library(tmp_path):
    assert stays(write(tmp_path / "source", trained("gpt2")), tmp_path)


@pytest.mark.parametrize(
    ("rows", "made", "said"),
    [
        (["a", "##b", "ab"], [("a", "##b")], {"continuing_subword_prefix": "##"}),
        (["a", "b</w>", "ab</w>"], [("a", "b</w>")], {"end_of_word_suffix": "</w>"}),
        (["a"], [], {"unk_token": "[missing]"}),
        (["<", "unk>", "a", "<unk>a"], [("<unk>", "a")], {"unk_token": "<unk>"}),
        ([*BYTES, "<0xC3><0xA9>"], [("<0xC3>", "<0xA9>")], {"byte_fallback": True}),
    ],
    ids=["prefix", "suffix", "no such unknown", "the unknown is merged", "bytes are merged"],
)
def test_what_the_file_does_not_reproduce_stays_with_the_library(tmp_path, all_sizes, rows, made, said):
    assert stays(write(tmp_path / "source", plain(listed(*rows), made, **said)), tmp_path)


def test_two_pieces_with_one_id_stay_with_the_library(tmp_path, all_sizes):
    described = json.loads(plain(listed("a", "b"), []).to_str())
    described["model"]["vocab"]["c"] = described["model"]["vocab"]["a"]
    (tmp_path / "source").mkdir()
    (tmp_path / "source" / TOKENIZER_FILE).write_text(json.dumps(described), "utf-8")
    assert stays(tmp_path / "source" / TOKENIZER_FILE, tmp_path)


def test_an_id_that_the_file_cannot_carry_stays_with_the_library(tmp_path, all_sizes):
    described = json.loads(plain(listed("a", "b"), []).to_str())
    described["model"]["vocab"]["a"] = (1 << ID_BITS) - 1
    assert merges.packed_merges(described["model"], []) is None


def test_merges_that_share_a_hash_value_too_often_stay_with_the_library(monkeypatch):
    described = json.loads(large(2000).to_str())
    assert merges.packed_merges(described["model"], []) is not None
    monkeypatch.setattr(merges, "slot_of", lambda pair: slot_of(pair) & 1)
    assert len(described["model"]["merges"]) > CHAIN + 1
    assert merges.packed_merges(described["model"], []) is None


def test_an_added_token_named_like_the_file_stays_with_the_library(tmp_path, all_sizes):
    assert stays(write(tmp_path / "source", trained("gpt2"), [AddedToken(PIECES_FILE, special=True)]), tmp_path)


def test_merges_left_out_at_random_are_refused(tmp_path):
    source = write(tmp_path / "source", plain(listed("a", "b", "ab"), [("a", "b")], dropout=0.1))
    with pytest.raises(ExportFailed, match="at random") as caught:
        pieces.write_tokenizer(source, tmp_path)
    assert "dropout" in caught.value.hint


# the files


@pytest.fixture(scope="module", params=["gpt2", "qwen", "gemma"])
def files(request, tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("files")
    mapped(write(folder / "source", trained(request.param))).close()
    return folder


@pytest.fixture
def packed(files, tmp_path) -> Path:
    for name in ("source", "packed"):
        shutil.copytree(files / name, tmp_path / name)
    return tmp_path / "packed" / PIECES_FILE


def test_the_same_tokenizer_gives_the_same_files(tmp_path, packed, all_sizes):
    pieces.write_tokenizer(tmp_path / "source" / TOKENIZER_FILE, tmp_path)
    for name in (PIECES_FILE, TOKENIZER_FILE):
        assert (tmp_path / name).read_bytes() == packed.with_name(name).read_bytes()


def test_vocabulary_and_merges_leave_the_json(packed):
    model = json.loads(packed.with_name(TOKENIZER_FILE).read_text("utf-8"))["model"]
    assert len(model["vocab"]) == 1
    assert "merges" not in model


def test_a_missing_file_is_damage_that_names_it(packed):
    packed.unlink()
    with pytest.raises(ModelDamaged, match=r"tokenizer\.pieces") as caught:
        Tokenizer(packed.with_name(TOKENIZER_FILE), LIMIT)
    assert caught.value.hint


@pytest.mark.parametrize("size", [0, 1, 7, 8, HEADER.size - 1, HEADER.size, HEADER.size + 100, -1])
def test_a_cut_file_is_damage(packed, size):
    packed.write_bytes(packed.read_bytes()[:size])
    with pytest.raises(ModelDamaged, match=r"tokenizer\.pieces") as caught:
        Tokenizer(packed.with_name(TOKENIZER_FILE), LIMIT)
    assert caught.value.hint


def test_a_grown_file_is_damage(packed):
    packed.write_bytes(packed.read_bytes() + b"\0")
    with pytest.raises(ModelDamaged, match="header"):
        Bpe(packed)


@pytest.mark.parametrize("value", [0, 1, 3, 399, 1 << 31, (1 << 32) - 1])
@pytest.mark.parametrize("field", range(1, 9))
def test_counts_that_do_not_fit_the_size_are_damage(packed, field, value):
    data = bytearray(packed.read_bytes())
    fields = list(HEADER.unpack_from(data))
    assert fields[field] != value or fields[field] in (0, 1)
    if fields[field] != value:
        fields[field] = value
        HEADER.pack_into(data, 0, *fields)
        packed.write_bytes(data)
        with pytest.raises(ModelDamaged, match="header"):
            Bpe(packed)


@settings(max_examples=tries(150), deadline=120_000, suppress_health_check=[HealthCheck.function_scoped_fixture])
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
        strange = Bpe(path)
    except ModelDamaged:
        return
    with contextlib.closing(strange), contextlib.suppress(ModelDamaged):
        assert all(
            isinstance(number, int) for word in ("the", "▁index", "日本xé" * 20) for number in strange.ids(word, 9)
        )


def test_a_closed_file_can_be_removed(packed):
    tokenizer = Tokenizer(packed.with_name(TOKENIZER_FILE), LIMIT)
    tokenizer.encode(["abc"])
    tokenizer.close()
    packed.unlink()
    assert not packed.exists()


# the memory

GROWTH = """
import sys
from pathlib import Path
from rekall.models.engine.tokenizer import Tokenizer
from rekall.system.resident import resident_bytes

small, large, texts = sys.argv[1:]
texts = Path(texts).read_text("utf-8").splitlines()
Tokenizer(Path(small), 64).encode(texts)
before = resident_bytes()
tokenizer = Tokenizer(Path(large), 64)
for start in range(0, len(texts), 16):
    tokenizer.encode(texts[start : start + 16])
print(resident_bytes() - before)
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads memory as Linux reports it")
def test_256_000_pieces_take_less_than_20_mb(tmp_path):
    small = write(tmp_path / "small", plain(listed("a"), []))
    described = json.loads(large(256_000).to_str())
    packed = merges.packed_merges({**described["model"], "ignore_merges": True}, [])
    assert packed is not None
    (tmp_path / PIECES_FILE).write_bytes(packed)
    (tmp_path / TOKENIZER_FILE).write_text(json.dumps(pieces._stripped(described)), "utf-8")
    made = random.Random(5)
    lines = [" ".join("".join(made.choices("abcdefghijklmnopqrstuvwxyz", k=5)) for _ in range(100)) for _ in range(400)]
    (tmp_path / "texts").write_text("\n".join(lines), "utf-8")
    command = [sys.executable, "-c", GROWTH, str(small), str(tmp_path / TOKENIZER_FILE), str(tmp_path / "texts")]
    grown = int(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    assert grown < 20_000_000
