"""A BPE vocabulary in a mapped file, and the merging of a word's characters into its pieces.

The file holds one array after the other, in this machine's byte order (little-endian on every platform
served), each aligned to its items:

    header    see `HEADER`
    pairs     (pairs,) uint64, sorted: two characters side by side in what a merge makes, `first << 32 | second`
    merges    (merges,) uint64, by rank: ids of the left and of the right piece and of what they become, `ID_BITS` each
    slots     (values + CHAIN,) int32, a hash table of merges: a rank, or `NOTHING`
    letters   (letters,) uint32, sorted: the characters that are pieces
    letter ids (letters,) int32
    bytes     (256,) int32, ids of the pieces that stand for a byte, or `NOTHING`
    added     (added,) int32, ids of the added tokens
    word ids  (words,) int32, the pieces that are taken before any merge where they are a whole word
    starts    (words + 1,) uint32, where in the file the UTF-8 bytes of such a word begin
    word slots (word values + CHAIN,) int32, a hash table of such words: a row, or `NOTHING`
    words     the UTF-8 bytes of all of them
"""

from __future__ import annotations

import re
import struct
import sys
from bisect import bisect_left
from collections.abc import Callable, Iterator, Sequence
from heapq import heapify, heappop, heappush
from itertools import accumulate, pairwise
from pathlib import Path
from typing import TypeVar
from zlib import crc32

from rekall.errors import ModelDamaged
from rekall.models.engine.mapped import damaged, map_vocabulary

MAGIC = b"RKMERGE1"
HEADER = struct.Struct("=8s8I2i")
"""Magic; pairs, merges, hash values (a power of two), letters, added tokens, words, hash values of words (a power of
two), bytes of all words; id of the unknown piece or `NOTHING`; whether unknown characters in a row are one."""

CHAIN = 256
"""How many slots from that of its hash value on may hold what is looked for: enough for any half-full table, and the
bound of a search in a file that is not ours."""

NOTHING = -1

ID_BITS = 21
"""Vocabularies have up to 262,144 pieces, which takes 18."""

_ID = (1 << ID_BITS) - 1
_PLACE_BITS = 40
_PLACE = (1 << _PLACE_BITS) - 1
_MOST_WORDS = 1 << 13
_SHORT = 32
_BLANK = "\u2581"
_BEGINNINGS = re.compile(f"{_BLANK}*[^{_BLANK}]+|{_BLANK}+")


_Key = TypeVar("_Key")
_Value = TypeVar("_Value")


def slot_of(pair: int) -> int:
    """The hash value of a pair of ids, before the mask."""
    return (pair * 0x9E3779B97F4A7C15 >> 40) & 0xFFFFFF


class _Found(dict[_Key, _Value]):
    """The latest things that were looked up in the file, the first ones of them forgotten when they get too many."""

    def __init__(self, find: Callable[[_Key], _Value], most: int) -> None:
        super().__init__()
        self._find = find
        self._most = most

    def __missing__(self, key: _Key) -> _Value:
        found = self._find(key)
        if len(self) >= self._most:
            self.clear()
        self[key] = found
        return found


class Bpe:
    """Merges with their ranks, looked up in the file itself: what is never needed is never read.

    Merges as the `tokenizers` library does, tie for tie: the lowest rank first, and of equal ones the leftmost. One
    thread at a time.
    """

    def __init__(self, path: Path) -> None:
        """Map a file of merges.

        Raises:
            ModelDamaged: The file is missing, or its header does not match its size.
        """
        self._path = path
        self._map, size = map_vocabulary(path, HEADER.size, "merges")
        magic, *counts, unknown, fuses = HEADER.unpack_from(self._map)
        pairs, merges, values, letters, added, words, word_values, text = counts
        numbers = (2 * pairs, 2 * merges, values + CHAIN, letters, letters, 256, added)
        words_too = (words, words + 1, word_values + CHAIN)
        lengths = (*(4 * count for count in (*numbers, *words_too)), text)
        ends = list(accumulate(lengths, initial=HEADER.size))
        powers = all(count and not count & (count - 1) for count in (values, word_values))
        if magic != MAGIC or ends[-1] != size or not powers or unknown < NOTHING:
            self._map.close()
            raise self._damaged("its header does not match its size")
        whole = memoryview(self._map)
        views = [whole[start:end] for start, end in pairwise(ends[:-1])]
        whole.release()
        self._pairs, self._merges = (view.cast("Q") for view in views[:2])
        self._letters, self._starts = views[3].cast("I"), views[8].cast("I")
        others = (view.cast("i") for view in (views[2], *views[4:8], views[9]))
        self._slots, self._letter_ids, self._bytes, ids_of_added, self._word_ids, self._word_slots = others
        self.added: tuple[int, ...] = tuple(ids_of_added)
        """Ids of the added tokens, in the order of `tokenizer.json`."""
        ids_of_added.release()
        self.unknown: int | None = None if unknown == NOTHING else unknown
        """Id of the piece for what there is no piece for; None where that is left out."""
        self._fuses = bool(fuses)
        self._mask, self._word_mask = values - 1, word_values - 1
        spells_all = min(self._bytes) > NOTHING
        # unknown characters that are left out let others touch; those that are not may become one, or let bytes pass
        self._least_known = 0 if spells_all else 2 if self.unknown is None else 1
        self._merge = _Found(self._find_merge, 1 << 14)
        self._letter = _Found(self._find_letter, 1 << 13)
        self._parted = _Found(self._find_parted, 1 << 12)
        self._known: dict[str, Sequence[int]] = {}
        self._parts: dict[str, Sequence[int]] = {} if words else self._known

    @staticmethod
    def is_file_of(path: Path) -> bool:
        """Whether a file says that it is one of merges."""
        try:
            with path.open("rb") as file:
                return file.read(len(MAGIC)) == MAGIC
        except OSError:
            return False

    def ids(self, word: str, limit: int = sys.maxsize) -> Sequence[int]:
        """Ids of the pieces of a word.

        Args:
            word: What the pre-tokeniser made, of valid Unicode.
            limit: How many ids are wanted; a long word is read only as far as that takes.

        Returns:
            All ids of the word, or its first ones, at least `limit`.

        Raises:
            ModelDamaged: The file contradicts itself.
        """
        known = self._known.get(word)
        if known is not None:
            return known
        try:
            row = self._row_of(word.encode()) if self._word_ids else NOTHING
            if row >= 0:
                return _kept(self._known, word, [self._word_ids[row]])
            if len(word) <= _SHORT:
                return _kept(self._known, word, self._merged(word))
            ids: list[int] = []
            for part in self._split(word):
                ids += self._of_part(part)
                if len(ids) >= limit:
                    break
        except IndexError as error:
            raise self._damaged("it refers to a piece that it does not hold") from error
        return ids

    def settles(self, word: str, count: int) -> bool:
        """Whether the first ids of what begins with a word are the same whatever follows it.

        Those of all parts but the last are.
        """
        for part, _ in pairwise(self._split(word)):
            count -= len(self._of_part(part))
            if count <= 0:
                return True
        return False

    def close(self) -> None:
        """Release the file; until then Windows neither renames nor removes it."""
        for view in (self._pairs, self._merges, self._slots, self._letters, self._letter_ids, self._bytes):
            view.release()
        for view in (self._word_ids, self._starts, self._word_slots):
            view.release()
        self._map.close()

    def _of_part(self, part: str) -> Sequence[int]:
        known = self._parts.get(part)
        if known is not None:
            return known
        merged = self._merged(part)
        return _kept(self._parts, part, merged) if len(part) <= _SHORT else merged

    def _split(self, word: str) -> Iterator[str]:
        """The parts of a long word that no merge joins, so that each can be merged by itself.

        Two characters that stand side by side in nothing that a merge makes are parted for good. Most words of a
        text that nobody has split begin with the sign for a blank, so it is there that this is looked at first.
        """
        parted = self._parted
        start = end = 0
        for beginning in _BEGINNINGS.findall(word):
            if start < end and parted[word[end - 1 : end + 1]]:
                yield from self._short_parts(word[start:end])
                start = end
            end += len(beginning)
        yield from self._short_parts(word[start:])

    def _short_parts(self, part: str) -> Iterator[str]:
        start = 0
        if len(part) > _SHORT:
            for end in range(1, len(part)):
                if self._parted[part[end - 1 : end + 1]]:
                    yield part[start:end]
                    start = end
        yield part[start:]

    def _merged(self, word: str) -> list[int]:
        """Ids of a word after all merges that it allows, as the library's queue makes them."""
        ids = self._characters(word)
        merge = self._merge
        queue = [
            found << _PLACE_BITS | place
            for place, (left, right) in enumerate(pairwise(ids))
            if (found := merge[left << ID_BITS | right]) >= 0
        ]
        if not queue:
            return ids
        heapify(queue)
        before = list(range(-1, len(ids) - 1))
        after = [*range(1, len(ids)), NOTHING]
        while queue:
            top = heappop(queue)
            place, made = top & _PLACE, top >> _PLACE_BITS & _ID
            right = after[place]
            if ids[place] < 0 or right < 0:  # merged into what is on its left, or the last one
                continue
            if merge[ids[place] << ID_BITS | ids[right]] & _ID != made:  # queued before a neighbour changed
                continue
            beyond, left = after[right], before[place]
            ids[place], ids[right], after[place] = made, NOTHING, beyond
            if left >= 0 and (found := merge[ids[left] << ID_BITS | made]) >= 0:
                heappush(queue, found << _PLACE_BITS | left)
            if beyond >= 0:
                before[beyond] = place
                if (found := merge[made << ID_BITS | ids[beyond]]) >= 0:
                    heappush(queue, found << _PLACE_BITS | place)
        return [number for number in ids if number >= 0]

    def _characters(self, word: str) -> list[int]:
        """Ids of a word before any merge."""
        letter = self._letter
        ids = [letter[char] for char in word]
        if NOTHING not in ids:
            return ids
        whole: list[int] = []
        unknown = [] if self.unknown is None else [self.unknown]
        waits = False  # as in the library, an unknown piece comes after the bytes that follow it
        for char, number in zip(word, ids):
            if number >= 0:
                whole += [*unknown, number] if waits else [number]
                waits = False
                continue
            spelled = [self._bytes[byte] for byte in char.encode()]
            if NOTHING not in spelled:
                whole += spelled
            else:
                whole += unknown if waits and not self._fuses else []
                waits = True
        return whole + unknown if waits else whole

    def _find_letter(self, char: str) -> int:
        """The id of a character that is a piece; `NOTHING` when it is none."""
        place = bisect_left(self._letters, ord(char))
        found = place < len(self._letters) and self._letters[place] == ord(char)
        return self._letter_ids[place] if found else NOTHING

    def _find_parted(self, pair: str) -> bool:
        """Whether what comes before two characters' border and what comes after never touch each other."""
        key = ord(pair[0]) << 32 | ord(pair[1])
        place = bisect_left(self._pairs, key)
        if place < len(self._pairs) and self._pairs[place] == key:
            return False
        known = (self._letter[pair[0]] >= 0) + (self._letter[pair[1]] >= 0)
        return known >= self._least_known

    def _find_merge(self, pair: int) -> int:
        """The rank of the merge of a pair of ids, and what it makes; `NOTHING` when there is none."""
        home = slot_of(pair) & self._mask
        for rank in self._slots[home : home + CHAIN]:
            if rank < 0:
                return NOTHING
            merge = self._merges[rank]
            if merge >> ID_BITS == pair:
                return int(rank) << ID_BITS | merge & _ID
        return NOTHING

    def _row_of(self, word: bytes) -> int:
        """The row of a word that is taken whole; `NOTHING` when it is none."""
        home = crc32(word) & self._word_mask
        for row in self._word_slots[home : home + CHAIN]:
            if row < 0:
                return NOTHING
            if self._map[self._starts[row] : self._starts[row + 1]] == word:
                return int(row)
        return NOTHING

    def _damaged(self, what: str) -> ModelDamaged:
        return damaged(self._path, "merges", what)


def _kept(known: dict[str, Sequence[int]], word: str, ids: Sequence[int]) -> Sequence[int]:
    """Remember a word's ids, if it is a short one."""
    if len(word) <= _SHORT:
        if len(known) >= _MOST_WORDS:
            known.clear()
        known[word] = ids
    return ids
