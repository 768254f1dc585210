"""Text to token ids: the model's own limit, and a cut that never shows."""

from __future__ import annotations

import base64
import json
import struct
import subprocess
import sys

import pytest
import tokenizers
from hypothesis import given, settings
from hypothesis import strategies as st
from support import CHECKOUT

from rekall.errors import ModelDamaged
from rekall.models.engine.growth import MOST_TIMES, growth_of
from rekall.models.engine.tokenizer import Tokenizer

FILE = CHECKOUT / "models" / "all-MiniLM-L6-v2" / "tokenizer.json"
CLS, SEP, MASK = 101, 102, 103
LIMIT = 256

FRAGMENTS = [
    "a",
    "word",
    "lock ",
    "x" * 37,
    "tokenization",
    " ",
    " " * 29,
    "\n",
    "\t",
    ".",
    "...",
    "-",
    "'",
    "e\u0301",
    "\u0301",
    "é",
    "ß",
    "İ",
    "漢",
    "한",
    "ﬁ",
    "🙂",
    "👩‍👩‍👧",
    "\u200b",
    "[SEP]",
    "[MASK]",
    "[CLS]",
    "[SE",
    "P]",
    "[",
    "]",
    "##ing",
    "#",
    "\ufffd",
    "\0",
]


@pytest.fixture(scope="module")
def tokenizer() -> Tokenizer:
    return Tokenizer(FILE, LIMIT)


@pytest.fixture(scope="module")
def narrow() -> Tokenizer:
    """A limit so low that a text of a few hundred characters is cut."""
    return Tokenizer(FILE, 6)


@pytest.fixture(scope="module")
def backend() -> tokenizers.Tokenizer:
    """The tokenizer itself, without a limit."""
    bare = tokenizers.Tokenizer.from_file(str(FILE))
    bare.no_truncation()
    bare.no_padding()
    return bare


def uncut_ids(backend: tokenizers.Tokenizer, text: str, limit: int) -> list[int]:
    """The ids of the whole text tokenised, then limited."""
    return [CLS, *backend.encode(text.strip(), add_special_tokens=False).ids[: limit - 2], SEP]


def test_the_limit_baked_into_the_file_does_not_hold(tokenizer):
    baked = json.loads(FILE.read_text("utf-8"))["truncation"]["max_length"]
    assert baked < LIMIT
    assert len(tokenizer.encode(["deploy " * 200])[0]) == 202
    assert len(tokenizer.encode(["deploy " * 400])[0]) == LIMIT


def test_texts_are_not_padded(tokenizer):
    assert [len(ids) for ids in tokenizer.encode(["one", "one two three"])] == [3, 5]


def test_special_tokens_frame_every_text(tokenizer):
    for ids in tokenizer.encode(["", "lock", "lock " * 1000]):
        assert (ids[0], ids[-1]) == (CLS, SEP)


def test_the_empty_text_has_its_special_tokens_only(tokenizer):
    assert tokenizer.encode(["", "  \n\t "]) == [[CLS, SEP], [CLS, SEP]]


def test_no_texts_have_no_ids(tokenizer):
    assert tokenizer.encode([]) == []


def test_neighbours_do_not_change_ids(tokenizer):
    texts = ["lock", "lock " * 1000, "", "漢字", "[SEP]"]
    assert tokenizer.encode(texts) == [tokenizer.encode([text])[0] for text in texts]


def test_blanks_at_the_ends_are_trimmed(tokenizer):
    assert tokenizer.encode([" \t\nlock held\r\n "]) == tokenizer.encode(["lock held"])


@pytest.mark.parametrize(
    ("lone", "clean"),
    [
        ("a \ud800 b", "a \ufffd b"),
        ("\udfff", "\ufffd"),
        ("\ude00\ud83d", "\ufffd\ufffd"),
        ("\ud83d\ude00", "\U0001f600"),
        ("end \udbff", "end \ufffd"),
    ],
)
def test_surrogates_are_paired_or_replaced(tokenizer, lone, clean):
    assert tokenizer.encode([lone]) == tokenizer.encode([clean])


@pytest.mark.parametrize(
    "text", ["\ufeffbegins with a byte order mark", "\ufeff\ufeff", "a\ufeffb", "𝔘𝔫𝔦𝔠𝔬𝔡𝔢", "\U0010ffff"]
)
def test_unusual_characters_reach_the_tokenizer_as_they_are(tokenizer, backend, text):
    assert tokenizer.encode([text]) == [uncut_ids(backend, text, LIMIT)]


@pytest.mark.parametrize(
    "text",
    [
        "the quick deploy failed again " * 35_000,
        "x" * 1_000_000,
        "検索履歴" * 85_000,
        "\n" * 1_000_000,
        "first" + "\n" * 1_000_000 + "last",
        ("y" * 99 + " ") * 1_500,
        "e\u0301" * 500_000,
        "[MASK]" * 170_000,
    ],
    ids=[
        "words",
        "one unbroken word",
        "CJK",
        "newlines",
        "two far words",
        "words at the limit",
        "combining accents",
        "special tokens",
    ],
)
def test_a_long_text_has_the_ids_of_the_whole_text(tokenizer, backend, text):
    assert tokenizer.encode([text]) == [uncut_ids(backend, text, LIMIT)]


@settings(max_examples=300, deadline=None)
@given(parts=st.lists(st.sampled_from(FRAGMENTS), max_size=60), filler=st.integers(0, 200))
def test_the_cut_never_changes_the_ids_that_are_kept(narrow, backend, parts, filler):
    text = "".join(parts) + " word" * filler
    assert narrow.encode([text]) == [uncut_ids(backend, text, 6)]


@pytest.mark.parametrize("hidden", range(6))
@pytest.mark.parametrize("special", ["[SEP]", "[MASK]"])
def test_a_special_token_across_the_cut_stays_whole(narrow, backend, special, hidden):
    window = 96  # what six tokens are given
    text = "a" + " " * 10 + "a" + " " * 10 + "a" + " " * (window - 23 - hidden) + special + " and so on" * 20
    assert len(text[:window].split()) in (3, 4)
    assert narrow.encode([text]) == [uncut_ids(backend, text, 6)]


@settings(max_examples=50, deadline=None)
@given(text=st.text(st.characters(codec="utf-8"), max_size=400))
def test_any_text_has_the_ids_of_the_whole_text(narrow, backend, text):
    assert narrow.encode([text]) == [uncut_ids(backend, text, 6)]


@settings(max_examples=100, deadline=None)
@given(texts=st.lists(st.text(max_size=300), max_size=5), limit=st.sampled_from([6, LIMIT]))
def test_no_text_is_longer_than_the_limit(narrow, tokenizer, texts, limit):
    rows = (narrow if limit == 6 else tokenizer).encode(texts)
    assert len(rows) == len(texts)
    assert all(2 <= len(row) <= limit for row in rows)


@pytest.mark.parametrize("content", [b"", b"{}", b"not json", b"\xff\xfe\x00", b"[1, 2, 3]"])
def test_a_file_that_is_no_tokenizer_is_damage_that_names_it(tmp_path, content):
    path = tmp_path / "tokenizer.json"
    path.write_bytes(content)
    with pytest.raises(ModelDamaged, match=r"tokenizer\.json") as caught:
        Tokenizer(path, LIMIT)
    assert caught.value.hint


def test_a_missing_tokenizer_is_damage_that_names_it(tmp_path):
    with pytest.raises(ModelDamaged, match=r"tokenizer\.json") as caught:
        Tokenizer(tmp_path / "tokenizer.json", LIMIT)
    assert caught.value.hint


def test_a_tokenizer_without_special_tokens_adds_none(tmp_path):
    words = {"[UNK]": 0, "a": 1, "b": 2}
    bare = tokenizers.Tokenizer(tokenizers.models.WordLevel(words, unk_token="[UNK]"))
    bare.pre_tokenizer = tokenizers.pre_tokenizers.Whitespace()
    bare.save(str(tmp_path / "tokenizer.json"))
    assert Tokenizer(tmp_path / "tokenizer.json", 3).encode(["a b", "a b a b", ""]) == [[1, 2], [1, 2, 1], []]


def test_a_limit_without_room_for_the_special_tokens_is_damage():
    with pytest.raises(ModelDamaged):
        Tokenizer(FILE, 1)


@pytest.mark.parametrize(
    ("text", "share"),
    [
        ("docker run", 1.0),
        ("connexion refusée", 1.0),
        ("", 1.0),
        ("   ", 1.0),
        ("超时", 0.0),
        ("超时 timeout", 0.5),
        ("การเชื่อมต่อ", 0.0),
        ("🚀 🔥", 0.0),
    ],
)
def test_the_share_of_known_tokens_is_that_of_the_vocabulary(tokenizer, text, share):
    assert tokenizer.known([text, "lock"]) == [pytest.approx(share, abs=0.2 if "timeout" in text else 0.0), 1.0]


@pytest.mark.parametrize("kind", ["bytes", "unigram"])
def test_what_a_vocabulary_of_another_kind_does_not_know(tmp_path, kind):
    path = tmp_path / "tokenizer.json"
    if kind == "bytes":
        alphabet = tokenizers.pre_tokenizers.ByteLevel.alphabet()
        model = tokenizers.models.BPE({sign: row for row, sign in enumerate(sorted(alphabet))}, [])
        backend = tokenizers.Tokenizer(model)
        backend.pre_tokenizer = tokenizers.pre_tokenizers.ByteLevel(add_prefix_space=False)
    else:
        pieces = [("<unk>", 0.0), ("\u2581", -2.0), ("lock", -3.0), ("a", -3.0)]
        backend = tokenizers.Tokenizer(tokenizers.models.Unigram(pieces, unk_id=0))
        backend.pre_tokenizer = tokenizers.pre_tokenizers.Metaspace()
    backend.save(str(path))
    shares = Tokenizer(path, LIMIT, special=False).known(["lock", "漢", "lock 漢"])
    assert shares[0] == 1.0
    assert shares[1:] == ([1.0, 1.0] if kind == "bytes" else [pytest.approx(0.5), pytest.approx(0.75)])


def with_normalizer(path, described):
    """A tokenizer file with another normalizer."""
    content = json.loads(FILE.read_text("utf-8"))
    content["normalizer"] = described
    path.write_text(json.dumps(content), "utf-8")
    return path


def replacing(pattern, content):
    return {"type": "Replace", "pattern": pattern, "content": content}


def charsmap(longest):
    """A table of SentencePiece whose tree is empty."""
    tree = b"\0" * 16
    table = struct.pack("<I", len(tree)) + tree + b"a\0" + b"x" * longest + b"\0"
    return {"type": "Precompiled", "precompiled_charsmap": base64.b64encode(table).decode()}


@pytest.mark.parametrize(
    "described",
    [
        replacing({"String": "Safari"}, "deploy " * 3000),
        {
            "type": "Sequence",
            "normalizers": [replacing({"String": "ab"}, "c" * 40), replacing({"String": "cc"}, "d" * 40)],
        },
        {"type": "Sequence", "normalizers": [replacing({"Regex": "(?=.)"}, "a")] * 30},
        {"type": "Sequence", "normalizers": [replacing({"Regex": "x*"}, "a")] * 30},
        {"type": "Prepend", "prepend": "x" * 100_000},
        charsmap(5_000),
    ],
)
def test_a_tokenizer_that_makes_texts_endlessly_longer_is_refused(tmp_path, described):
    with pytest.raises(ModelDamaged, match="longer"):
        Tokenizer(with_normalizer(tmp_path / "tokenizer.json", described), LIMIT)


@pytest.mark.parametrize(
    "described",
    [
        None,
        {"type": "Sequence", "normalizers": [{"type": "NFKC"}, replacing({"Regex": " {2,}"}, "\u2581"), charsmap(33)]},
        {
            "type": "Sequence",
            "normalizers": [replacing({"String": "``"}, '"'), {"type": "Prepend", "prepend": "\u2581"}],
        },
        {"type": "Sequence", "normalizers": [replacing({"Regex": r"\s+"}, " "), replacing({"String": "\n"}, "<0x0A>")]},
    ],
)
def test_what_real_tokenizers_do_to_a_text_is_let_be(tmp_path, described):
    path = with_normalizer(tmp_path / "tokenizer.json", described)
    times = growth_of(tokenizers.Tokenizer.from_file(str(path)).normalizer)
    assert 1.0 <= times <= MOST_TIMES
    if "charsmap" not in path.read_text("utf-8"):  # ours has no tree to look into
        assert Tokenizer(path, LIMIT).encode(["a text"])


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="counts threads in /proc")
def test_a_single_text_is_read_without_further_threads() -> None:
    script = (
        "import os, sys\nfrom pathlib import Path\nfrom rekall.models.engine.tokenizer import Tokenizer\n"
        "tokenizer = Tokenizer(Path(sys.argv[1]), 256)\nbefore = len(os.listdir('/proc/self/task'))\n"
        "tokenizer.encode(['a single text'])\nprint(len(os.listdir('/proc/self/task')) - before)\n"
        "tokenizer.encode(['several', 'texts'] * 20)\n"
    )
    ran = subprocess.run([sys.executable, "-c", script, FILE], capture_output=True, text=True, check=True, cwd=CHECKOUT)
    assert ran.stdout == "0\n"


@pytest.mark.parametrize("text", ["", "a word", "word " * 900, "x" * 9_000, "e\u0301 \U00010000 [MASK]\ud800"])
def test_a_text_gets_the_same_ids_alone_as_among_others(text: str) -> None:
    tokenizer = Tokenizer(FILE, LIMIT)
    assert tokenizer.encode([text]) == tokenizer.encode([text, "another one"])[:1]
