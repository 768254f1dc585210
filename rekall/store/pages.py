"""The file format of SQLite, read without SQLite: pages with the log of writes laid over them, cells, records.

For a file that SQLite refuses (sqlite.org/fileformat2.html). Every length and every pointer may be wrong: what does not
fit is left out, and whoever asks is told.
"""

from __future__ import annotations

import mmap
import struct
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from types import TracebackType
from typing import IO

from rekall.store import page_layout
from rekall.store.log_frames import LogFrames
from rekall.store.page_layout import INNER_INDEX, INNER_TABLE, KINDS, LEAF_TABLE, MAGIC, places, start

_MOST_BYTES = 256 * 1024 * 1024
"""No row of ours is longer; a length beyond is damage."""
_MOST_COLUMNS = 64
_READINGS = 8
"""So often every page may be read as the continuation of a row: in a file made to take for ever each row leads through all."""


class Damaged(Exception):
    """A stretch of bytes is not what it should be.

    Attributes:
        raw: The bytes, where somebody may want to keep them.
        key: The row id of the row that they were, where it is known.
    """

    raw = b""
    key: int | None = None


class Text(bytes):
    """The bytes of a text value, which should be UTF-8."""

    __slots__ = ()


class CutText(Text):
    """The readable beginning of a text whose end is lost."""

    __slots__ = ()


class _Lost:
    """Stands for a value that is lost."""


LOST = _Lost()
Value = object
"""None, int, float, bytes, Text, CutText or LOST."""


@dataclass(frozen=True, slots=True)
class Cell:
    """One row of a page.

    Attributes:
        page: The number of its page.
        key: The row id; None in an index.
        values: What it holds, as far as that can be read.
        raw: The bytes of the record.
        is_whole: Whether all of it could be read.
        used: The pages that hold it, its own first.
    """

    page: int
    key: int | None
    values: tuple[Value, ...]
    raw: bytes
    is_whole: bool
    used: tuple[int, ...]


class Pages:
    """The pages of a file that nobody writes meanwhile, as the last whole commit left them."""

    def __init__(self, file: Path, log: Path | None = None) -> None:
        """Map the file, and read which pages its log replaces.

        Args:
            file: The database.
            log: The log of writes beside it, None for none.
        """
        self._file, self._data = _mapped(file)
        self._log: IO[bytes] | None = None
        self._log_data: bytes | mmap.mmap = b""
        if log is not None and log.exists():
            self._log, self._log_data = _mapped(log)
        self.has_whole_header = self._data[:16] == MAGIC
        frames = LogFrames(self._log_data)
        self.log_damage = frames.damage
        self.size = page_layout.page_size(self._data, frames)
        self._over = frames.committed
        self.count = frames.pages or -(-len(self._data) // self.size)
        self._to_follow = _READINGS * self.count + 1000
        self.usable = page_layout.usable_bytes(self) if self.count else self.size
        self.encoding = "utf-8"
        if self.count:
            self.encoding = page_layout.encoding_of(self.header_number(56), self._texts())
        self._to_follow = _READINGS * self.count + 1000

    def close(self) -> None:
        """Let go of the files."""
        for mapped, file in ((self._data, self._file), (self._log_data, self._log)):
            if isinstance(mapped, mmap.mmap):
                mapped.close()
            if file is not None:
                file.close()

    def __enter__(self) -> Pages:
        """The pages themselves."""
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        """Let go of the files."""
        self.close()

    def __getitem__(self, number: int) -> bytes:
        """The bytes of a page, the first being 1; zeros stand for what the file no longer has."""
        place = self._over.get(number)
        if place is not None:
            found = self._log_data[place : place + self.size]
        else:
            found = self._data[(number - 1) * self.size : number * self.size]
        return found.ljust(self.size, b"\0")

    def image(self) -> Iterator[bytes]:
        """The whole file as it stands with its log laid over it, a page at a time."""
        for number in range(1, self.count + 1):
            yield self[number]

    def header_number(self, at: int) -> int:
        """A number of four bytes in the header of the file."""
        return int.from_bytes(self[1][at : at + 4], "big", signed=True)

    def kind(self, number: int) -> int:
        """What the first byte of a page says it is."""
        return self[number][start(number)]

    def children(self, number: int) -> list[int]:
        """The pages below one, from its left to its right; those that cannot be are left out."""
        page, at = self[number], start(number)
        found = [int.from_bytes(page[place : place + 4], "big") for place in places(page, at, self.usable)]
        found.append(int.from_bytes(page[at + 8 : at + 12], "big"))
        return [child for child in found if 1 < child <= self.count]

    def cells(self, number: int) -> Iterator[Cell | Damaged]:
        """The rows of a page; `Damaged` in place of one of which nothing can be read."""
        page, at = self[number], start(number)
        kind = page[at]
        if kind == INNER_TABLE:
            return
        found = places(page, at, self.usable)
        for place in found:
            try:
                yield self._decoded(self._cell(number, page, place, kind))
            except Damaged as error:
                end = min((other for other in found if other > place), default=self.usable)
                error.raw = error.raw or page[place:end].rstrip(b"\0")
                yield error

    def free(self) -> set[int]:
        """The pages that hold nothing any more, as far as their list can be followed."""
        found: set[int] = set()
        trunk = self.header_number(32)
        while 1 < trunk <= self.count and trunk not in found:
            page = self[trunk]
            following, count = struct.unpack_from(">II", page)
            leaves = struct.unpack_from(f">{min(count, self.size // 4 - 2)}I", page, 8)
            if count > self.size // 4 - 2 or page[0] in KINDS or not all(1 < leaf <= self.count for leaf in leaves):
                break  # no trunk
            found |= {trunk, *leaves}
            trunk = following
        return found

    def _cell(self, number: int, page: bytes, place: int, kind: int) -> Cell:
        if kind == INNER_INDEX:
            place += 4
        total, place = _varint(page, place)
        key = None
        if kind == LEAF_TABLE:
            key, place = _varint(page, place)
            key = key - (1 << 64) if key >= 1 << 63 else key
        if not 0 < total <= min(_MOST_BYTES, self.count * self.size):
            raise _damaged(f"page {number}: a row of {total} bytes", key)
        local = page_layout.local_bytes(total, self.usable, is_table=kind == LEAF_TABLE)
        raw = page[place : min(place + local, self.usable)]
        if len(raw) < local:
            raise _damaged(f"page {number}: a row ends behind its page", key)
        used = [number]
        if local < total:
            rest, chain = self._overflow(page[place + local : place + local + 4], total - local)
            raw, used = raw + rest, used + chain
        try:
            values, is_whole = decoded(raw, total)
        except Damaged as error:
            raise _damaged(f"page {number}: {error}", key, raw) from error
        return Cell(number, key, values, raw, is_whole, tuple(used))

    def _overflow(self, pointer: bytes, missing: int) -> tuple[bytes, list[int]]:
        """The rest of a long row from the pages that continue it, up to where they cannot be followed."""
        parts: list[bytes] = []
        chain: dict[int, None] = {}
        following = int.from_bytes(pointer, "big")
        while missing > 0 and self._to_follow > 0:
            if not 1 < following <= self.count or following in chain:
                break
            self._to_follow -= 1
            page = self[following]
            after = int.from_bytes(page[:4], "big")
            has_more = missing > self.usable - 4
            if has_more and not 1 < after <= self.count:
                break  # a page of something else, or nothing: its bytes are not those of this row
            chain[following] = None
            parts.append(page[4 : min(4 + missing, self.usable)])
            missing -= self.usable - 4
            following = after
        return b"".join(parts), list(chain)

    def readable(self, raw: bytes) -> str:
        """The text in the bytes of a row whose values cannot be told apart."""
        if self.encoding == "utf-8":
            return raw.decode("utf-8", "replace")
        both = (raw[at:].decode(self.encoding, "replace") for at in (0, 1))  # its texts may begin at either
        return max(both, key=lambda text: sum(map(str.isascii, text)))

    def _texts(self) -> Iterator[bytes]:
        """Texts as they stand in the file, from the first pages on."""
        for number in range(1, self.count + 1):
            page, at = self[number], start(number)
            if page[at] != LEAF_TABLE:
                continue
            for place in places(page, at, self.usable):
                try:
                    values = self._cell(number, page, place, LEAF_TABLE).values
                except Damaged:
                    continue
                yield from (value for value in values if isinstance(value, Text))

    def _decoded(self, cell: Cell) -> Cell:
        """A row whose texts are UTF-8, whatever they are in the file."""
        if self.encoding == "utf-8":
            return cell
        return replace(cell, values=tuple(map(self._recoded, cell.values)))

    def _recoded(self, value: Value) -> Value:
        if not isinstance(value, Text):
            return value
        whole = bytes(value[: len(value) // 2 * 2])  # half a character is none to SQLite either
        return type(value)(whole.decode(self.encoding, "surrogatepass").encode("utf-8", "surrogatepass"))


def decoded(raw: bytes, total: int) -> tuple[tuple[Value, ...], bool]:
    """The values of a record, and whether all of them could be read.

    Args:
        raw: Its bytes, or as many of them as could be read.
        total: How many there should be.

    Raises:
        Damaged: Nothing can be read.
    """
    head, at = _varint(raw, 0)
    if not 1 < head <= min(total, 3 * _MOST_COLUMNS):
        raise Damaged(f"a record with a head of {head} bytes")
    kinds: list[int] = []
    while at < head:
        kind, at = _varint(raw, at)
        kinds.append(kind)
    sizes = [_size(kind) for kind in kinds]
    if at != head or head + sum(sizes) > total:
        raise Damaged("a record whose head does not fit it")
    values: list[Value] = []
    for kind, size in zip(kinds, sizes):
        values.append(_value(kind, size, raw[at : at + size]))
        at += size
    return tuple(values), len(raw) >= at and at == total


def _damaged(why: str, key: int | None, raw: bytes = b"") -> Damaged:
    """A row of which something is known."""
    error = Damaged(why)
    error.key, error.raw = key, raw
    return error


def _value(kind: int, size: int, data: bytes) -> Value:
    is_whole = len(data) == size
    if kind >= 13 and kind % 2:
        return Text(data) if is_whole else CutText(data) if data else LOST
    if not is_whole:
        return LOST
    if kind >= 12:
        return bytes(data)
    if kind == 7:
        return struct.unpack(">d", data)[0]
    if kind in (8, 9):
        return kind - 8
    return int.from_bytes(data, "big", signed=True) if kind else None


def _size(kind: int) -> int:
    """How many bytes a value of a serial type takes."""
    if kind >= 12:
        return (kind - 12) // 2
    if kind in (10, 11):
        raise Damaged("a value of a kind that there is not")
    return (0, 1, 2, 3, 4, 6, 8, 8, 0, 0)[kind]


def _varint(data: bytes, at: int) -> tuple[int, int]:
    """A number of one to nine bytes, and where it ends."""
    try:
        return page_layout.varint(data, at)
    except IndexError:
        raise Damaged("a number ends behind its page") from None


def _mapped(path: Path) -> tuple[IO[bytes], bytes | mmap.mmap]:
    """An open file and its bytes."""
    file = path.open("rb")
    try:
        return file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    except ValueError:  # an empty file
        return file, b""
