"""A Unigram vocabulary in a mapped file, and the best segmentation of a word into its pieces.

The file holds one array after the other, in this machine's byte order (little-endian on every platform
served), each aligned to its items:

    header    magic, six counts, the least score; see `HEADER`
    scores    (rows,) float64, a piece's log-probability
    starts    (rows + 1,) uint32, where in the file the UTF-8 bytes of a piece begin
    slots     (slots,) int32, rows of a hash table with linear probing, negative where empty
    added     (added,) int32, ids of the added tokens
    reach     (REACHES,) uint8, characters of the longest piece that begins with such a character
    pieces    the UTF-8 bytes of all pieces
"""

from __future__ import annotations

import mmap
import os
import struct
import sys
from collections.abc import Sequence
from itertools import accumulate
from pathlib import Path
from zlib import crc32

from rekall.engine.card import repair_hint
from rekall.errors import ModelDamaged

MAGIC = b"RKPIECE1"
HEADER = struct.Struct("=8s6Id")
"""Magic, rows, slots, buckets, added tokens, bytes of all pieces, row of the unknown piece; the least score."""

REACHES = 1 << 14
"""Characters share a reach when their code points are equal modulo this: a bound that costs 16 KiB."""

_UNKNOWN_PENALTY = 10.0  # what an unknown character scores below the least piece
_KNOWN_WORDS = 1 << 12
_KNOWN_CHARS = 32


class Unigram:
    """Pieces with scores, looked up in the file itself: what is never asked for is never read.

    Segments as the `tokenizers` library does, tie for tie: float64 sums in the same order, where only a strictly
    better candidate replaces an earlier one. One thread at a time.
    """

    def __init__(self, path: Path) -> None:
        """Map a file of pieces.

        Raises:
            ModelDamaged: The file is missing, or its header does not fit its size.
        """
        self._path = path
        try:
            with path.open("rb") as file:
                size = os.fstat(file.fileno()).st_size
                if size < HEADER.size:
                    raise self._damaged("it is cut")
                self._map = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        except OSError as error:
            raise ModelDamaged(f"cannot read {path}: {error.strerror}", repair_hint(path.parent.name)) from error
        magic, rows, slots, buckets, added, text, self._unknown, least = HEADER.unpack_from(self._map)
        ends = list(accumulate((HEADER.size, 8 * rows, 4 * (rows + 1), 4 * slots, 4 * added, REACHES, text)))
        fits = magic == MAGIC and ends[-1] == size and self._unknown < rows and 0 < buckets < slots
        if not fits or buckets & (buckets - 1):
            self._map.close()
            raise self._damaged("its header does not fit its size")
        whole = memoryview(self._map)
        self._scores = whole[ends[0] : ends[1]].cast("d")
        self._starts = whole[ends[1] : ends[2]].cast("I")
        self._slots = whole[ends[2] : ends[3]].cast("i")
        self.added: tuple[int, ...] = tuple(whole[ends[3] : ends[4]].cast("i"))
        """Ids of the added tokens, in the order of `tokenizer.json`."""
        self._reach = bytes(whole[ends[4] : ends[5]])
        whole.release()
        self._longest = max(1, *self._reach)
        self._mask = buckets - 1
        self._unknown_score = least - _UNKNOWN_PENALTY
        self._known: dict[str, Sequence[int]] = {}
        if self._slots[-1] >= 0:  # an empty last slot ends every search
            self.close()
            raise self._damaged("its hash table has no end")

    def ids(self, word: str, limit: int = sys.maxsize) -> Sequence[int]:
        """Ids of the best segmentation of a word.

        Args:
            word: What the pre-tokeniser made, of valid Unicode.
            limit: Ids that are wanted; a long word is read only as far as they need.

        Returns:
            All ids of the word, or its first ones, at least `limit`.

        Raises:
            ModelDamaged: The file contradicts itself.
        """
        ids = self._known.get(word)
        if ids is None:
            try:
                ids = self._first_ids(word, limit)
            except IndexError as error:
                raise self._damaged("it names a piece that it does not hold") from error
            if len(word) <= _KNOWN_CHARS:
                if len(self._known) >= _KNOWN_WORDS:
                    self._known.clear()
                self._known[word] = ids
        return ids

    def close(self) -> None:
        """Release the file, which Windows neither renames nor removes before."""
        for view in (self._scores, self._starts, self._slots):
            view.release()
        self._map.close()

    def _first_ids(self, word: str, limit: int) -> Sequence[int]:
        window = max(_KNOWN_CHARS, 4 * limit)  # a short word is always read whole, so that it can be kept
        while window < len(word):
            ids = self._segment(word[:window], whole=False)
            if len(ids) > limit:  # the last one may grow: unknown characters join
                return ids[:limit]
            window *= 2
        return self._segment(word, whole=True)

    def _segment(self, word: str, whole: bool) -> list[int]:
        """Ids of a whole word; of the beginning of one, those that no continuation changes."""
        size = len(word)
        raw = word.encode()
        at = range(size + 1) if len(raw) == size else list(accumulate((len(char.encode()) for char in word), initial=0))
        find, scores, reach = self._find, self._scores, self._reach
        best = [0.0] * (size + 1)  # score of the best way to a place between two characters
        came = [-1] * (size + 1)  # where its last piece begins
        rows = [self._unknown] * (size + 1)  # its last piece
        for start in range(size):
            here, head = best[start], at[start]
            alone = False  # whether the character is a piece by itself
            for end in range(start + 1, min(start + reach[ord(word[start]) % REACHES], size) + 1):
                row = find(raw[head : at[end]])
                if row >= 0:
                    alone = alone or end == start + 1
                    score = here + scores[row]
                    if came[end] < 0 or score > best[end]:
                        best[end], came[end], rows[end] = score, start, row
            if not alone:
                score, end = here + self._unknown_score, start + 1
                if came[end] < 0 or score > best[end]:
                    best[end], came[end], rows[end] = score, start, self._unknown
        end = size if whole else self._settled(came)
        ids: list[int] = []
        while end > 0:
            row, stop = rows[end], end
            end = came[end]
            if row == self._unknown:
                while end > 0 and rows[end] == self._unknown:
                    end = came[end]
                row = find(raw[at[end] : at[stop]])  # the run as a whole may be a piece that scores worse
                row = self._unknown if row < 0 else row
            ids.append(row)
        return ids[::-1]

    def _settled(self, came: Sequence[int]) -> int:
        """The last place that every continuation's best way goes through.

        A way on leaves from one of the last places, no further back than the longest piece reaches.
        """
        places = set(range(max(0, len(came) - self._longest), len(came)))
        while len(places) > 1:
            last = max(places)
            places.remove(last)
            places.add(came[last])
        return places.pop()

    def _find(self, piece: bytes) -> int:
        """The row of a piece; negative when there is none."""
        slots, starts = self._slots, self._starts
        place = crc32(piece) & self._mask
        row: int
        while (row := slots[place]) >= 0 and self._map[starts[row] : starts[row + 1]] != piece:
            place += 1
        return row

    def _damaged(self, what: str) -> ModelDamaged:
        return ModelDamaged(f"{self._path} is not a file of pieces: {what}", repair_hint(self._path.parent.name))
