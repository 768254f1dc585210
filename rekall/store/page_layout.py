"""How a file of SQLite is laid out, as its pages say where its head may be damaged.

Three things vary: the size of a page, how many bytes at the end of each hold nothing, and how texts are encoded.
"""

from __future__ import annotations

import mmap
import struct
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Protocol

from rekall.store.log_frames import SIZES, LogFrames

MAGIC = b"SQLite format 3\0"
LEAF_TABLE, LEAF_INDEX, INNER_TABLE, INNER_INDEX = 0x0D, 0x0A, 0x05, 0x02
KINDS = (LEAF_TABLE, LEAF_INDEX, INNER_TABLE, INNER_INDEX)
ENCODINGS = {1: "utf-8", 2: "utf-16-le", 3: "utf-16-be"}

_LOOKED_AT = 8192
_LONG_ROWS = 64
_LONGEST_CHAIN = 4096
_LEAST_USABLE = 480
_VOTES = 500


class PagesOf(Protocol):
    """Pages by number, the first being 1."""

    @property
    def count(self) -> int:
        """How many there are."""
        ...

    @property
    def size(self) -> int:
        """How many bytes each has."""
        ...

    def __getitem__(self, number: int) -> bytes:
        """The bytes of one."""
        ...


def page_size(data: bytes | mmap.mmap, frames: LogFrames) -> int:
    """The size of a page: what head or log say, unless another size makes far more sense of the file."""
    said = int.from_bytes(data[16:18], "big")
    said = 65536 if said == 1 else said
    if frames.page_size in SIZES and (said == frames.page_size or data[:16] != MAGIC):
        return frames.page_size
    likely = max(SIZES, key=lambda size: _sense(data, size))
    if data[:16] == MAGIC and said in SIZES and 2 * _sense(data, said) >= _sense(data, likely):
        return said
    return frames.page_size if frames.page_size in SIZES else likely


def usable_bytes(pages: PagesOf) -> int:
    """How many bytes of a page hold something: those for which long rows find the pages that continue them."""
    said: int = pages.size - pages[1][20]
    rows = _long_rows(pages)
    if said < _LEAST_USABLE:
        said = pages.size
    if not rows or _continued(pages, rows, said) == len(rows):
        return said
    candidates: list[int] = [said, *range(pages.size, max(pages.size - 256, _LEAST_USABLE - 1), -1)]
    return max(candidates, key=lambda usable: _continued(pages, rows, usable))


def local_bytes(total: int, usable: int, *, is_table: bool) -> int:
    """How many bytes of a row lie on its own page."""
    most = usable - 35 if is_table else (usable - 12) * 64 // 255 - 23
    if total <= most:
        return total
    least = (usable - 12) * 32 // 255 - 23
    local = least + (total - least) % (usable - 4)
    return local if local <= most else least


def encoding_of(said: int, texts: Iterable[bytes]) -> str:
    """How texts are encoded, by those that are ASCII: ids, times, kinds; what the head says where there are none."""
    votes: Counter[str] = Counter()
    for text in texts:
        found = _ascii_in(text)
        if found:
            votes[found] += 1
        if votes.total() >= _VOTES:
            break
    return votes.most_common(1)[0][0] if votes else ENCODINGS.get(said, "utf-8")


def start(number: int) -> int:
    """Where the head of a page begins: the first has the file's before it."""
    return 100 if number == 1 else 0


def places(page: bytes, at: int, size: int) -> list[int]:
    """Where the cells of a page begin."""
    head = 12 if page[at] in (INNER_TABLE, INNER_INDEX) else 8
    count = int.from_bytes(page[at + 3 : at + 5], "big")
    count = min(count, (size - at - head) // 4)
    first = at + head + 2 * count
    found = struct.unpack_from(f">{count}H", page, at + head)
    return [place for place in dict.fromkeys(found) if first <= place < size - 3]


def varint(data: bytes, at: int) -> tuple[int, int]:
    """A number of one to nine bytes, and where it ends.

    Raises:
        IndexError: It goes on behind the data.
    """
    value = 0
    for place in range(at, at + 8):
        byte = data[place]
        value = value << 7 | byte & 0x7F
        if byte < 0x80:
            return value, place + 1
    return value << 8 | data[at + 8], at + 9


def _ascii_in(text: bytes) -> str:
    """In which encoding a text is plain ASCII, or empty."""
    if len(text) < 4:
        return ""
    if 0 not in text:
        return "utf-8" if text.isascii() else ""
    for name, zeros, letters in (("utf-16-le", text[1::2], text[::2]), ("utf-16-be", text[::2], text[1::2])):
        if not any(zeros) and all(letters) and letters.isascii() and len(text) % 2 == 0:
            return name
    return ""


def _long_rows(pages: PagesOf) -> list[tuple[int, int, int, bool]]:
    """Some rows that go on on other pages: page, place behind the head, bytes in all, whether it is one of a table."""
    found: list[tuple[int, int, int, bool]] = []
    for number in range(1, min(pages.count, _LOOKED_AT) + 1):
        page, at = pages[number], start(number)
        if page[at] not in (LEAF_TABLE, LEAF_INDEX, INNER_INDEX):
            continue
        is_table = page[at] == LEAF_TABLE
        for place in places(page, at, pages.size):
            try:
                total, behind = varint(page, place + 4 if page[at] == INNER_INDEX else place)
                behind = varint(page, behind)[1] if is_table else behind
            except IndexError:
                continue
            if local_bytes(total, pages.size, is_table=is_table) < total <= pages.count * pages.size:
                found.append((number, behind, total, is_table))
        if len(found) >= _LONG_ROWS:
            break
    return found[:_LONG_ROWS]


def _continued(pages: PagesOf, rows: Sequence[tuple[int, int, int, bool]], usable: int) -> int:
    """How many long rows are continued by just so many pages as they need."""
    return sum(_is_continued(pages, usable, *row) for row in rows)


def _is_continued(pages: PagesOf, usable: int, number: int, behind: int, total: int, is_table: bool) -> bool:
    local = local_bytes(total, usable, is_table=is_table)
    if behind + local + 4 > usable:
        return False
    following = int.from_bytes(pages[number][behind + local : behind + local + 4], "big")
    for _ in range(min(-(-(total - local) // (usable - 4)), _LONGEST_CHAIN)):
        if not 1 < following <= pages.count:
            return False
        following = int.from_bytes(pages[following][:4], "big")
    return following == 0 or total > _LONGEST_CHAIN * (usable - 4)


def _sense(data: bytes | mmap.mmap, size: int) -> int:
    """How many pages of a size make sense. A smaller size cuts pages in two, a larger one skips some."""
    good = 0
    for number in range(1, min(len(data) // size, _LOOKED_AT)):
        page = data[number * size : number * size + 14]
        if page[0] not in KINDS:
            continue
        head = 12 if page[0] in (INNER_TABLE, INNER_INDEX) else 8
        count, content = struct.unpack_from(">HH", page, 3)
        (first,) = struct.unpack_from(">H", page, head)
        good += 0 < count < size // 4 and head + 2 * count <= (content or 65536) <= first < size
    return good
