"""A Unigram vocabulary in a mapped file, and the best segmentation of a word into its pieces.

The file holds one array after the other, in this machine's byte order (little-endian on every platform
served), each aligned to its items:

    header    see `HEADER`
    scores    (rows,) float64, a piece's log-probability
    starts    (rows + 1,) uint32, where in the file the UTF-8 bytes of a piece begin
    slots     (values + CHAIN,) int32, a hash table: a row, or `BEGINNING` or `NOTHING` where there is none
    added     (added,) int32, ids of the added tokens
    pieces    the UTF-8 bytes of all pieces
"""

from __future__ import annotations

import struct
import sys
from collections.abc import Sequence
from itertools import accumulate
from pathlib import Path
from zlib import crc32

from rekall.errors import ModelDamaged
from rekall.models.engine.mapped import damaged, map_vocabulary

MAGIC = b"RKPIECE1"
HEADER = struct.Struct("=8s6Id")
"""Magic; rows, hash values (a power of two), added tokens, bytes of all pieces, characters of the longest piece, row
of the unknown piece; the least score."""

CHAIN = 256
"""How many slots from that of its hash value on may hold a piece: enough for any half-full table, and the bound of a
search in a file that is not ours."""

LONGEST_PIECE = 255
"""Characters; vocabularies have 16 to 64."""

NOTHING = -1
"""No piece begins with anything of this hash value: most searches end here, after one look."""

BEGINNING = -2
"""There is no such piece, but a longer one begins with it."""

_UNKNOWN_PENALTY = 10.0  # what an unknown character scores below the least piece
_KNOWN_WORDS = 1 << 12
_KNOWN_CHARS = 32


class Unigram:
    """Pieces with scores, looked up in the file itself: what is never needed is never read.

    Segments as the `tokenizers` library does, tie for tie: float64 sums in the same order, where only a strictly
    better candidate replaces an earlier one. One thread at a time.
    """

    def __init__(self, path: Path) -> None:
        """Map a file of pieces.

        Raises:
            ModelDamaged: The file is missing, or its header does not match its size.
        """
        self._path = path
        self._map, size = map_vocabulary(path, HEADER.size, "pieces")
        self.unknown: int
        """Row of the piece for what there is no piece for."""
        magic, rows, values, added, text, longest, self.unknown, least = HEADER.unpack_from(self._map)
        ends = list(accumulate((HEADER.size, 8 * rows, 4 * (rows + 1), 4 * (values + CHAIN), 4 * added, text)))
        fits = magic == MAGIC and ends[-1] == size and self.unknown < rows and 0 < longest <= LONGEST_PIECE
        if not fits or values & (values - 1) or not values:
            self._map.close()
            raise self._damaged("its header does not match its size")
        whole = memoryview(self._map)
        self._scores = whole[ends[0] : ends[1]].cast("d")
        self._starts = whole[ends[1] : ends[2]].cast("I")
        self._slots = whole[ends[2] : ends[3]].cast("i")
        self.added: tuple[int, ...] = tuple(whole[ends[3] : ends[4]].cast("i"))
        """Ids of the added tokens, in the order of `tokenizer.json`."""
        whole.release()
        self._longest = longest
        self._mask = values - 1
        self._unknown_score = least - _UNKNOWN_PENALTY
        self._known: dict[str, Sequence[int]] = {}

    def ids(self, word: str, limit: int = sys.maxsize) -> Sequence[int]:
        """Ids of the best segmentation of a word.

        Args:
            word: What the pre-tokeniser made, of valid Unicode.
            limit: How many ids are wanted; a long word is read only as far as that takes.

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
                raise self._damaged("it refers to a piece that it does not hold") from error
            if len(word) <= _KNOWN_CHARS:
                if len(self._known) >= _KNOWN_WORDS:
                    self._known.clear()
                self._known[word] = ids
        return ids

    def settles(self, word: str, count: int) -> bool:
        """See `Bpe.settles`: here what follows may change all of them."""
        return False

    def close(self) -> None:
        """Release the file; until then Windows neither renames nor removes it."""
        for view in (self._scores, self._starts, self._slots):
            view.release()
        self._map.close()

    def _first_ids(self, word: str, limit: int) -> Sequence[int]:
        window = max(_KNOWN_CHARS, 4 * limit)  # a short word is always read whole, so that it can be kept
        while window < len(word):
            ids = self._segment(word[:window], whole=False)
            if len(ids) > limit:  # the last one may grow: unknown characters join
                return ids[:limit]
            window *= 4
        return self._segment(word, whole=True)

    def _segment(self, word: str, whole: bool) -> list[int]:
        """Ids of a whole word; of the beginning of one, those that no continuation changes."""
        raw = word.encode()
        at = list(accumulate((len(char.encode()) for char in word), initial=0))
        came, rows = self._best_ways(raw, at)
        end = len(word) if whole else self._settled(came)
        ids: list[int] = []
        while end > 0:
            row, stop = rows[end], end
            end = came[end]
            if row == self.unknown:
                while end > 0 and rows[end] == self.unknown:
                    end = came[end]
                found = self._find(raw[at[end] : at[stop]])  # joined, they may be a piece that scored worse
                row = found if found >= 0 else row
            ids.append(row)
        return ids[::-1]

    def _best_ways(self, raw: bytes, at: Sequence[int]) -> tuple[list[int], list[int]]:
        """The last piece of the best way to each place between two characters, as Viterbi finds it.

        Args:
            raw: The UTF-8 bytes of a word.
            at: Where in `raw` its characters begin, and the end.

        Returns:
            For each place, where that piece begins (-1 for the first place), and its row.
        """
        size, find, scores, unknown = len(at) - 1, self._find, self._scores, self.unknown
        best = [0.0] * (size + 1)
        came = [-1] * (size + 1)
        rows = [unknown] * (size + 1)
        for start in range(size):
            here, head = best[start], at[start]
            alone = False  # whether the character is a piece by itself
            for end in range(start + 1, min(start + self._longest, size) + 1):
                row = find(raw[head : at[end]])
                if row >= 0:
                    alone = alone or end == start + 1
                    score = here + scores[row]
                    if came[end] < 0 or score > best[end]:
                        best[end], came[end], rows[end] = score, start, row
                elif row == NOTHING:
                    break
            if not alone:
                score, end = here + self._unknown_score, start + 1
                if came[end] < 0 or score > best[end]:
                    best[end], came[end], rows[end] = score, start, unknown
        return came, rows

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
        """The row of a piece; `NOTHING` or `BEGINNING` when there is none."""
        home = crc32(piece) & self._mask
        if self._slots[home] == NOTHING:
            return NOTHING
        for row in self._slots[home : home + CHAIN]:
            if row < 0:
                break
            if self._map[self._starts[row] : self._starts[row + 1]] == piece:
                return int(row)
        return BEGINNING

    def _damaged(self, what: str) -> ModelDamaged:
        return damaged(self._path, "pieces", what)
