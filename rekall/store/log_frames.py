"""The log of writes beside a database, read without SQLite: which frames are whole, and what lies behind damage."""

from __future__ import annotations

import mmap
import struct
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

SIZES = (8192, 4096, 1024, 2048, 16384, 32768, 65536, 512)
"""Sizes that a page may have, the likely ones first."""

_LOG_MAGICS = (0x377F0682, 0x377F0683)


class LogFrames:
    """Which pages the log of writes replaces: those of whole commits whose checksums hold.

    SQLite follows a log up to the first damage. Here what lies behind is read, too: a frame's checksum goes on from the one
    before it, which stands in that frame whether its page is damaged or not.

    Attributes:
        page_size: The size of a page, 0 when there is no log.
        committed: Where in the log the latest bytes of a page begin, by page.
        pages: How many pages the file has after the last commit, 0 when there was none.
        damage: How many whole commits lie behind damage, where SQLite does not look.
    """

    def __init__(self, data: bytes | mmap.mmap) -> None:
        """Read a log; anything that is none is one without frames."""
        self.page_size, self.pages, self.damage = 0, 0, 0
        self.committed: dict[int, int] = {}
        head = _LogHead.read(data)
        if head is None:
            return
        self.page_size = size = head.size
        is_sound = head.is_sound
        sums: tuple[int, int] | None = head.sums
        waiting: dict[int, int] = {}
        for at in range(32, len(data) - size - 23, size + 24):
            frame = data[at : at + 24]
            number, after, *stored = struct.unpack(">II8xII", frame)
            if frame[8:16] != head.salts or not number:  # damaged, or what an earlier round of the log left
                is_sound, sums = False, None
                continue
            found = _checksum(
                data[at + 24 : at + 24 + size], head.order, _checksum(frame[:8], head.order, sums or (0, 0))
            )
            is_right = sums is None or list(found) == stored  # what the one before said is not always known
            is_sound = is_sound and sums is not None and is_right
            sums = (stored[0], stored[1])
            if not is_right:
                continue
            waiting[number] = at + 24
            if after:  # what a change that was never finished left behind the last commit has no such frame
                self.damage += not is_sound
                self.pages = after
                self.committed.update(waiting)
                waiting.clear()
        if self.pages:
            self.committed = {number: place for number, place in self.committed.items() if number <= self.pages}


@dataclass(frozen=True, slots=True)
class _LogHead:
    """What the head of a log says, or what its frames say where that is damaged."""

    size: int
    salts: bytes
    order: str
    sums: tuple[int, int] | None
    is_sound: bool

    @classmethod
    def read(cls, data: bytes | mmap.mmap) -> _LogHead | None:
        """The head of a log; None where nothing in it looks like one."""
        if len(data) < 32:
            return None
        magic, _, size = struct.unpack_from(">III", data)
        if magic in _LOG_MAGICS and size in SIZES:
            order = ">" if magic & 1 else "<"
            sums = _checksum(data[:24], order, (0, 0))
            if struct.pack(">II", *sums) == data[24:32]:
                return cls(size, data[16:24], order, sums, True)
        return cls._from_frames(data)

    @classmethod
    def _from_frames(cls, data: bytes | mmap.mmap) -> _LogHead | None:
        """What most frames agree in."""
        best: tuple[int, int, bytes] = (1, 0, b"")
        for size in SIZES:
            frames = Counter(data[at + 8 : at + 16] for at in range(32, len(data) - size - 23, size + 24))
            frames.pop(bytes(8), None)
            for salts, count in frames.most_common(1):
                best = max(best, (count, size, salts), key=lambda each: each[0])
        _, size, salts = best
        if not size:
            return None
        for at in range(32, len(data) - 2 * size - 47, size + 24):
            start, after = struct.unpack_from(">II", data, at + 16), at + size + 24
            for order in "<>":
                sums = _checksum(data[after : after + 8], order, start)
                sums = _checksum(data[after + 24 : after + 24 + size], order, sums)
                if struct.pack(">II", *sums) == data[after + 16 : after + 24]:
                    return cls(size, salts, order, None, False)
        return None


def _checksum(data: bytes, order: str, sums: Sequence[int]) -> tuple[int, int]:
    one, other = sums[0], sums[1]
    words = struct.unpack(f"{order}{len(data) // 4}I", data)
    for left, right in zip(words[::2], words[1::2]):
        one = one + left + other & 0xFFFFFFFF
        other = other + right + one & 0xFFFFFFFF
    return one, other
