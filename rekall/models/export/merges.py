"""The file of merges of a BPE vocabulary, described in `rekall.models.engine.bpe`."""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Mapping, Sequence
from itertools import accumulate, pairwise
from typing import Any
from zlib import crc32

from rekall.models.engine.bpe import CHAIN, HEADER, ID_BITS, MAGIC, NOTHING, slot_of

_BYTES = tuple(f"<0x{byte:02X}>" for byte in range(256))


def packed_merges(model: Mapping[str, Any], added: Sequence[int]) -> bytes | None:
    """The file of a vocabulary's merges.

    Args:
        model: A model of the type BPE, as the library writes it.
        added: Ids of the added tokens.

    Returns:
        The file; None where `Bpe` would not reproduce the model, or too many merges share a hash value.
    """
    vocab: Mapping[str, int] = model["vocab"]
    if not _is_reproduced(model):
        return None
    merged = [vocab[left] << ID_BITS | vocab[right] for left, right in model["merges"]]
    made = [pair << ID_BITS | vocab[left + right] for pair, (left, right) in zip(merged, model["merges"])]
    slots = _hash_table(map(slot_of, merged), len(merged))
    words = [*vocab] if model.get("ignore_merges") else []
    coded = [word.encode() for word in words]
    word_slots = _hash_table(map(crc32, coded), len(coded))
    if slots is None or word_slots is None:
        return None
    pairs = array(
        "Q", sorted({ord(a) << 32 | ord(b) for left, right in model["merges"] for a, b in pairwise(left + right)})
    )
    letters = sorted(piece for piece in vocab if len(piece) == 1)
    fallback = [vocab.get(piece, NOTHING) if model["byte_fallback"] else NOTHING for piece in _BYTES]
    arrays = [
        pairs,
        array("Q", made),
        slots,
        array("I", map(ord, letters)),
        array("i", (vocab[letter] for letter in letters)),
        array("i", fallback),
        array("i", added),
        array("i", (vocab[word] for word in words)),
    ]
    before = HEADER.size + sum(len(part) * part.itemsize for part in arrays)
    starts = array("I", accumulate(map(len, coded), initial=before + 4 * (len(words) + 1 + len(word_slots))))
    of_merges = (len(pairs), len(made), len(slots) - CHAIN, len(letters), len(added))
    of_words = (len(words), len(word_slots) - CHAIN, starts[-1] - starts[0])
    unknown = NOTHING if model["unk_token"] is None else vocab[model["unk_token"]]
    header = HEADER.pack(MAGIC, *of_merges, *of_words, unknown, bool(model["fuse_unk"]))
    return b"".join([header, *arrays, starts, word_slots, *coded])


def _is_reproduced(model: Mapping[str, Any]) -> bool:
    """Whether `Bpe` reproduces a model exactly.

    It may part a word where no merge reaches across, which holds only while a piece is made of the characters that it
    stands for: so no merge may take the unknown piece or that of a byte.
    """
    vocab: Mapping[str, int] = model["vocab"]
    if model["dropout"] or model["continuing_subword_prefix"] or model["end_of_word_suffix"]:
        return False
    if model["unk_token"] is not None and model["unk_token"] not in vocab:
        return False
    if len({*vocab.values()}) < len(vocab) or max(vocab.values(), default=0) >= (1 << ID_BITS) - 1:
        return False
    stand_ins = {model["unk_token"], *(_BYTES if model["byte_fallback"] else ())}
    return all(left not in stand_ins and right not in stand_ins for left, right in model["merges"])


def _hash_table(hashes: Iterable[int], count: int) -> array[int] | None:
    """Slots for each row; None when too many rows share a hash value."""
    values = 1 << (2 * count).bit_length()  # a quarter to a half of the slots are taken
    slots = array("i", [NOTHING]) * (values + CHAIN)
    for row, value in enumerate(hashes):
        home = value & (values - 1)
        place = next((place for place in range(home, home + CHAIN) if slots[place] < 0), None)
        if place is None:
            return None
        slots[place] = row
    return slots
