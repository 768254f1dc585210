"""Tokenizers of published kinds and sizes with vocabularies that are made up; see `shapes.py`."""

from __future__ import annotations

import json
import math
import random
import string
from collections.abc import Iterable, Iterator
from itertools import chain
from pathlib import Path
from typing import Any

SHIPPED_TOKENIZER = Path(__file__).parent.parent / "models" / "all-MiniLM-L6-v2" / "tokenizer.json"
SEED = 20260101

LONGEST = 16  # characters of a piece
SCRIPTS = (  # first and last letter, share of the made-up pieces, mean length of one that extends no other
    ("a", "z", 0.24, 4),
    ("à", "ÿ", 0.10, 4),
    ("α", "ω", 0.05, 4),
    ("а", "я", 0.21, 4),
    ("ء", "ي", 0.10, 4),
    ("अ", "ह", 0.10, 4),
    ("ก", "ฮ", 0.05, 4),
    ("가", "힣", 0.05, 2),
    ("一", "龥", 0.10, 2),
)
"""Together with the English ones, pieces average 5.6 characters and 10.7 bytes; those of XLM-R, 5.5 and 10.3."""


def word_piece(pieces: int) -> dict[str, Any]:
    """The tokenizer of BERT, without its unused rows and with made-up words where the size asks for it."""
    tokenizer: dict[str, Any] = json.loads(SHIPPED_TOKENIZER.read_bytes())
    tokenizer |= {"truncation": None, "padding": None}
    vocabulary: dict[str, int] = tokenizer["model"]["vocab"]
    if pieces == len(vocabulary):
        return tokenizer
    words = {word: None for word in sorted(vocabulary, key=vocabulary.__getitem__) if not word.startswith("[unused")}
    fill(words, pieces, made_up_words())
    renumbered = {word: row for row, word in enumerate(words)}
    for token in tokenizer["added_tokens"]:
        token["id"] = renumbered[token["content"]]
    tokenizer["model"]["vocab"] = renumbered
    return {**tokenizer, "post_processor": None}  # static models take no special tokens


def unigram(pieces: int) -> dict[str, Any]:
    """A tokenizer like XLM-R's: the words of BERT's, as they are and capitalised, then pieces of many scripts."""
    special = ["<s>", "<pad>", "</s>", "<unk>"]
    words: dict[str, None] = dict.fromkeys([*special, "▁", *string.printable.strip()])
    for word in bert_words():
        words |= dict.fromkeys([word[2:]] if word.startswith("##") else [f"▁{word}", f"▁{word.capitalize()}"])
    fill(words, pieces - 1, made_up_words("▁"))
    # as if frequencies fell with the rank, which is near the truth
    vocabulary = [[word, 0.0 if word in special else -2.0 - math.log(rank)] for rank, word in enumerate(words, 1)]
    vocabulary.append(["<mask>", 0.0])
    return {
        "version": "1.0",
        "added_tokens": [added(row, word) for row, word in [*enumerate(special), (pieces - 1, "<mask>")]],
        "normalizer": {"type": "NFKC"},
        "pre_tokenizer": {
            "type": "Sequence",
            "pretokenizers": [
                {"type": "WhitespaceSplit"},
                {"type": "Metaspace", "replacement": "▁", "prepend_scheme": "always", "split": True},
            ],
        },
        "post_processor": around("<s>", 0, "</s>", 2),
        "model": {"type": "Unigram", "unk_id": 3, "vocab": vocabulary, "byte_fallback": False},
    }


def byte_pairs(pieces: int) -> dict[str, Any]:
    """A tokenizer like ModernBERT's: bytes, merges that spell the words of BERT's, 114 special rows at the end."""
    from tokenizers.pre_tokenizers import ByteLevel

    special = ["[UNK]", "[CLS]", "[SEP]", "[PAD]", "[MASK]", *(f"[unused{number}]" for number in range(109))]
    words: dict[str, None] = dict.fromkeys(sorted(ByteLevel.alphabet()))
    spelled = (word for word in bert_words() if word.isascii() and word.isalnum())
    english = (form for bare in spelled for form in (f"Ġ{bare}", bare))
    spell = ByteLevel(add_prefix_space=False, use_regex=False).pre_tokenize_str
    others = (spell(word)[0][0] for word in made_up_words(" "))
    merges = spelled_out(words, chain(english, others), pieces - len(special))
    first = len(words)
    return {
        "version": "1.0",
        "added_tokens": [added(row, word) for row, word in enumerate(special, first)],
        "normalizer": {"type": "NFC"},
        "pre_tokenizer": {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": True},
        "post_processor": around("[CLS]", first + 1, "[SEP]", first + 2),
        "model": {
            "type": "BPE",
            "vocab": {word: row for row, word in enumerate(words)},
            "merges": merges,
            "ignore_merges": True,
        },
    }


def letter_pairs(pieces: int) -> dict[str, Any]:
    """A tokenizer like Gemma's: letters, bytes for those it has no piece for, merges that spell words of many scripts."""
    special = ["<pad>", "<eos>", "<bos>", "<unk>", "<mask>"]
    words: dict[str, None] = dict.fromkeys([*special, *(f"<0x{byte:02X}>" for byte in range(256)), "▁"])
    words |= dict.fromkeys(string.printable.strip())
    words |= dict.fromkeys(chr(code) for a, z, _, _ in SCRIPTS for code in range(ord(a), ord(z) + 1))
    english = (word[2:] if word.startswith("##") else f"▁{word}" for word in bert_words() if word.isascii())
    merges = spelled_out(words, chain(english, made_up_words("▁")), pieces)
    return {
        "version": "1.0",
        "added_tokens": [added(row, word) for row, word in enumerate(special)],
        "normalizer": {"type": "Replace", "pattern": {"String": " "}, "content": "▁"},
        "pre_tokenizer": None,
        "post_processor": around("<bos>", 2, "<eos>", 1),
        "model": {
            "type": "BPE",
            "vocab": {word: row for row, word in enumerate(words)},
            "merges": merges,
            "unk_token": "<unk>",
            "fuse_unk": True,
            "byte_fallback": True,
        },
    }


def spelled_out(words: dict[str, None], more: Iterable[str], size: int) -> list[list[str]]:
    """Fill `words` with the beginnings of more words. Returns the merges that build them, letter by letter."""
    merges: list[list[str]] = []
    for word in more:
        for end in range(1, len(word)):
            if len(words) == size:
                return merges
            if word[: end + 1] not in words:
                words[word[: end + 1]] = None
                merges.append([word[:end], word[end]])
    return merges


TOKENIZERS = {"WordPiece": word_piece, "Unigram": unigram, "BPE": byte_pairs, "SentencePiece": letter_pairs}


def bert_words() -> list[str]:
    """The words of the shipped vocabulary, frequent ones first, and its word endings, which begin with ##."""
    vocabulary: dict[str, int] = json.loads(SHIPPED_TOKENIZER.read_bytes())["model"]["vocab"]
    return [word for word in sorted(vocabulary, key=vocabulary.__getitem__) if not word.startswith("[")]


def made_up_words(mark: str = "") -> Iterator[str]:
    """Words of many scripts, without end; six in ten carry the mark of a word's beginning.

    Four in ten are an earlier one with a letter more: the library's memory for a vocabulary depends on how many pieces
    begin alike. 250,002 of these take 287 MB, those of XLM-R 301.
    """
    chance = random.Random(SEED)  # noqa: S311 - no secret
    alphabets = [[chr(code) for code in range(ord(first), ord(last) + 1)] for first, last, _, _ in SCRIPTS]
    shares = [share for _, _, share, _ in SCRIPTS]
    earlier: list[list[str]] = [[] for _ in SCRIPTS]
    while True:
        (script,) = chance.choices(range(len(SCRIPTS)), shares)
        letters, known = alphabets[script], earlier[script]
        if known and chance.random() < 0.4:
            word = chance.choice(known) + chance.choice(letters)
        else:
            length = max(1, round(chance.gauss(SCRIPTS[script][3], 1.5)))
            word = (mark if chance.random() < 0.6 else "") + "".join(chance.choices(letters, k=length))
        if len(word) <= LONGEST:
            known.append(word)
            yield word


def fill(words: dict[str, None], size: int, more: Iterator[str]) -> None:
    while len(words) < size:
        words[next(more)] = None


def added(row: int, content: str) -> dict[str, Any]:
    """An entry of `added_tokens`."""
    switches = dict.fromkeys(("single_word", "lstrip", "rstrip", "normalized"), False)
    return {"id": row, "content": content, **switches, "special": True}


def around(first: str, first_row: int, last: str, last_row: int) -> dict[str, Any]:
    """A post-processor that puts a special token before and after a text."""
    tokens = [{"SpecialToken": {"id": first, "type_id": 0}}, {"SpecialToken": {"id": last, "type_id": 0}}]
    text = {"Sequence": {"id": "A", "type_id": 0}}
    rows = ((first, first_row), (last, last_row))
    return {
        "type": "TemplateProcessing",
        "single": [tokens[0], text, tokens[1]],
        "pair": [tokens[0], text, tokens[1], {"Sequence": {"id": "B", "type_id": 0}}, tokens[1]],
        "special_tokens": {token: {"id": token, "ids": [row], "tokens": [token]} for token, row in rows},
    }
