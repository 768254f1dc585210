"""Writes a tokenizer into a model folder: its vocabulary as a mapped file, where that pays and changes no id."""

from __future__ import annotations

import json
import math
import shutil
from array import array
from collections.abc import Iterable, Mapping, Sequence
from itertools import accumulate
from pathlib import Path
from typing import Any
from zlib import crc32

from rekall.errors import ExportFailed, ModelDamaged
from rekall.models.engine.card import PIECES_FILE, TOKENIZER_FILE
from rekall.models.engine.tokenizer import Tokenizer
from rekall.models.engine.unigram import BEGINNING, CHAIN, HEADER, LONGEST_PIECE, MAGIC, NOTHING
from rekall.models.export.merges import packed_merges
from rekall.models.export.probe_texts import PROBE_TEXTS
from rekall.system.files import write_in_pieces

MIN_ROWS = 16_000
"""Smaller vocabularies stay with the library, which needs 25 MiB for this many and is five times as fast."""

_NO_LIMIT = 1 << 20
_COMPARED_PIECES = 20_000

_PLAIN_BYTES = (*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100))
_OTHER_BYTES = (byte for byte in range(256) if byte not in _PLAIN_BYTES)
_BYTE_OF_LETTER = {
    **{chr(byte): byte for byte in _PLAIN_BYTES},
    **{chr(0x100 + place): byte for place, byte in enumerate(_OTHER_BYTES)},
}

_TRAPS = (
    "",
    " ",
    "   three  blanks   and\ttabs\r\nand\u00a0\u2003\u3000others \u2581 \u2581\u2581x",
    "\ufeff\u200b\u200d\u00ad\u0000\u0001\u001c\u0085\ufffd\ufffe\U0010ffff\ue000\U000f0000",
    "e\u0301 \u0301\u0301 n\u0303o \u1100\u1161\u11a8 \u0e01\u0e33 \u0f40\u0fb5 \u0627\u064e\u0651 \u05e9\u05b8\u05c1",
    "ﬁ ㎏ ① Ⅻ ｆｕｌｌ ｶﾞ ﷺ ½ x² İı ẞß Ǆ 𝔘𝔫𝔦 ＜s＞ ＜mask＞ ＜unk＞",
    "🙂🙂🏽👩‍👩‍👧🇩🇪\u2764\ufe0f 𓀀𓀁𓀂𓀃 𐎀𐎁 ꙮ ᚠᚢᚦ",
    "検索履歴はローカルに保存されます。" * 20,
    "การค้นหาบันทึกในเครื่องของคุณ" * 20,
    "x" * 3000,
    "ab" * 1500,
    "\U00013000" * 700,
    "snake_case camelCase SCREAMING https://example.org/a/b?c=d#e C:\\dir\\file.py 0xDEADBEEF 3.14e-10 v1.2.3-rc.4",
)


def write_tokenizer(source: Path, folder: Path) -> bool:
    """Write a tokenizer into a model folder.

    A large Unigram or BPE vocabulary goes into `PIECES_FILE`, and `TOKENIZER_FILE` keeps the rest; anything else is copied.
    Every id of a text stays the same, which is checked on texts of many scripts and on the pieces themselves.

    Args:
        source: A `tokenizer.json`.
        folder: Where the files go.

    Returns:
        Whether the vocabulary got a file of its own.

    Raises:
        ModelDamaged: `source` is not a tokenizer.
        ExportFailed: It gives a text other ids every time.
    """
    whole = Tokenizer(source, _NO_LIMIT, trim=False)
    described = json.loads(whole.to_json())
    if described["model"].get("dropout"):
        raise ExportFailed(
            f"{source.name} leaves out merges at random, so that a text has another vector every time",
            'set "dropout" to null under "model" in that file: it is meant for training',
        )
    packed = _packed(described, source)
    if packed is not None:
        with (folder / PIECES_FILE).open("wb") as file:
            write_in_pieces(file, packed)
        (folder / TOKENIZER_FILE).write_text(json.dumps(_stripped(described), ensure_ascii=False), "utf-8")
        if _same_ids(whole, folder / TOKENIZER_FILE, _texts(described)):
            return True
        (folder / PIECES_FILE).unlink()
    shutil.copyfile(source, folder / TOKENIZER_FILE)
    return False


def _is_reproduced(model: Mapping[str, Any]) -> bool:
    """Whether `Unigram` reproduces a model exactly."""
    if model["byte_fallback"] or model["unk_id"] is None:
        return False
    return all(0 < len(piece) <= LONGEST_PIECE and math.isfinite(score) for piece, score in model["vocab"])


def _stripped(described: Mapping[str, Any]) -> dict[str, Any]:
    """The tokenizer without its vocabulary: the added tokens follow the one row that is left."""
    added = [{**token, "id": place} for place, token in enumerate(described["added_tokens"], start=1)]
    model = {"type": "Unigram", "unk_id": 0, "vocab": [[PIECES_FILE, 0.0]], "byte_fallback": False}
    return {**described, "added_tokens": added, "model": model}


def _packed(described: Mapping[str, Any], source: Path) -> bytes | None:
    """The file of pieces or of merges; None for a vocabulary too small or too odd."""
    model, added = described["model"], [token["id"] for token in described["added_tokens"]]
    if len(model["vocab"]) < MIN_ROWS:
        return None
    if model["type"] == "Unigram":
        return _packed_pieces(model, added)
    if model["type"] == "BPE" and len(model["vocab"]) == len(json.loads(source.read_bytes())["model"]["vocab"]):
        return packed_merges(model, added)
    return None


def _packed_pieces(model: Mapping[str, Any], added: Sequence[int]) -> bytes | None:
    """The file of pieces, described in `rekall.models.engine.unigram`."""
    if not _is_reproduced(model):
        return None
    pieces = [piece for piece, _ in model["vocab"]]
    slots = _hash_table(pieces)
    if slots is None:
        return None
    coded = [piece.encode() for piece in pieces]
    scores = array("d", (score for _, score in model["vocab"]))
    text = HEADER.size + 8 * len(scores) + 4 * (len(pieces) + 1 + len(slots) + len(added))
    starts = array("I", accumulate(map(len, coded), initial=text))
    longest = max(map(len, pieces))
    counts = (len(pieces), len(slots) - CHAIN, len(added), starts[-1] - text, longest, model["unk_id"])
    return b"".join([HEADER.pack(MAGIC, *counts, min(scores)), scores, starts, slots, array("i", added), *coded])


def _hash_table(pieces: Sequence[str]) -> array[int] | None:
    """Slots for every piece and every beginning of a piece; None when too many share a hash value."""
    rows = {piece.encode(): row for row, piece in enumerate(pieces)}  # of a piece listed twice, the last counts
    values = 1 << (2 * len(rows)).bit_length()  # a quarter to a half of the slots hold a piece
    slots = array("i", [NOTHING]) * (values + CHAIN)
    for piece, row in rows.items():
        home = crc32(piece) % values
        place = next((place for place in range(home, home + CHAIN) if slots[place] < 0), None)
        if place is None:
            return None
        slots[place] = row
    for beginning in {piece[:length].encode() for piece in pieces for length in range(1, len(piece))}:
        home = crc32(beginning) % values
        if slots[home] < 0:
            slots[home] = BEGINNING
    return slots


def _same_ids(whole: Tokenizer, stripped: Path, texts: Sequence[str]) -> bool:
    try:
        tokenizer = Tokenizer(stripped, _NO_LIMIT, trim=False)
    except ModelDamaged:  # an added token has the name that marks a stripped file
        return False
    try:
        return tokenizer.encode(texts) == whole.encode(texts)
    finally:
        tokenizer.close()


def _texts(described: Mapping[str, Any]) -> list[str]:
    """Texts to compare on: ordinary ones, traps, the added tokens in various contexts, a sample of the pieces."""
    texts = [*PROBE_TEXTS, *_TRAPS]
    for token in described["added_tokens"]:
        content = token["content"]
        texts += [content, f"a {content} b", f"a{content}b", f"  {content}  {content}x  {content.upper()}"]
    pieces = [*_pieces_of(described["model"])]
    sample = pieces[:: max(1, len(pieces) // _COMPARED_PIECES)]
    for start in range(0, len(sample), 100):
        together = sample[start : start + 100]
        texts += ["".join(together), " ".join(together), "".join(map(_plain, together))]
    return texts


def _pieces_of(model: Mapping[str, Any]) -> Iterable[str]:
    vocab = model["vocab"]
    return vocab if isinstance(vocab, Mapping) else (piece for piece, _ in vocab)


def _plain(piece: str) -> str:
    """A piece as it stands in a text: bytes that byte-level vocabularies write as letters, and blanks."""
    if all(char in _BYTE_OF_LETTER for char in piece):
        return bytes(_BYTE_OF_LETTER[char] for char in piece).decode("utf-8", "replace")
    return piece.replace("\u2581", " ")
