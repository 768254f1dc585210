"""Reads a tar file from somebody else: plain files alone, with headers of bounded size, and nothing else.

Python's `tarfile` reads what a header of a long name or of PAX says whole, however much that claims to be. Here every
size is held against the file and against a bound before anything is read. A name of a model's file is short, so the
extended headers that archives really have are small.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import IO

BLOCK = 512
LARGEST_EXTENDED = 1 << 16
"""Bytes of an extended header; one of `pack` has 90."""

MOST_HEADERS = 512
"""Headers of an archive, extended ones included."""

_PLAIN = (b"0", b"\0", b"7")
_PAX, _PAX_FOR_ALL, _LONG_NAME = b"x", b"g", b"L"
_KINDS = {
    b"1": "a hard link",
    b"2": "a symbolic link",
    b"3": "a device",
    b"4": "a device",
    b"5": "a folder",
    b"6": "a pipe",
    b"K": "a long link",
    b"S": "a file with holes",
}


class NoArchive(Exception):
    """The file is no tar file, or one with something in it that a model does not have; the text says what."""


@dataclass(frozen=True, slots=True)
class Member:
    """A plain file of an archive: its name, and where its bytes are."""

    name: str
    start: int
    size: int


@dataclass(slots=True)
class Archive:
    """What an archive says: its files in order, and the PAX records that hold for all of them."""

    members: list[Member] = field(default_factory=list)
    records: dict[str, str] = field(default_factory=dict)


def read_archive(file: IO[bytes]) -> Archive:
    """Find the files of a tar file that is open and can seek.

    Raises:
        NoArchive: It is none, or holds anything but plain files.
    """
    size = file.seek(0, os.SEEK_END)
    archive = Archive()
    own: dict[str, str] = {}  # what extended headers say of the next file
    place = 0
    for _ in range(MOST_HEADERS):
        block = _at(file, place, BLOCK, size) if place < size else b""
        if not block.strip(b"\0"):  # the end
            if own:
                raise NoArchive("it ends after the header of a file")
            return archive
        header = _header(block)
        place += BLOCK
        if header.kind in _PLAIN:
            member = _member(header, {**archive.records, **own}, place)
            if member.start + member.size > size:
                raise NoArchive("it is cut short")
            archive.members.append(member)
            place, own = _after(place, member.size), {}
            continue
        if header.kind not in (_PAX, _PAX_FOR_ALL, _LONG_NAME):
            what = _KINDS.get(header.kind, f"something of type {header.kind!r}")
            raise NoArchive(f"it holds {what}, {header.name[:100]!r}, which is not part of a model")
        if header.size > LARGEST_EXTENDED:
            raise NoArchive(f"a header in it claims {header.size:,} bytes")
        said = _at(file, place, header.size, size)
        if header.kind == _LONG_NAME:
            own["path"] = _text(said.rstrip(b"\0"))
        else:
            (archive.records if header.kind == _PAX_FOR_ALL else own).update(_pax_records(said))
        place = _after(place, header.size)
    raise NoArchive("it has too many headers")


@dataclass(frozen=True, slots=True)
class _Header:
    """A block that stands before a file: its name, its type, and how many bytes follow."""

    name: str
    kind: bytes
    size: int


def _header(block: bytes) -> _Header:
    if _octal(block[148:156]) != sum(block[:148]) + sum(b" " * 8) + sum(block[156:]):
        raise NoArchive("it is no tar file, or damaged")
    name = _text(block[:100].partition(b"\0")[0])
    prefix = _text(block[345:500].partition(b"\0")[0]) if block[257:263] == b"ustar\0" else ""
    return _Header(f"{prefix}/{name}" if prefix else name, block[156:157], _size(block[124:136]))


def _member(header: _Header, records: Mapping[str, str], start: int) -> Member:
    sparse = next((key for key in records if key.startswith("GNU.sparse")), None)
    if sparse is not None:
        raise NoArchive(f"it holds {_KINDS[b'S']}, {header.name[:100]!r}, which is not part of a model")
    said = records.get("size")
    if said is not None and not (said.isascii() and said.isdecimal() and len(said) < 20):
        raise NoArchive(f"a file in it has the size {said[:40]!r}")
    return Member(records.get("path", header.name), start, header.size if said is None else int(said))


def _pax_records(data: bytes) -> dict[str, str]:
    """The records of an extended header, each "LENGTH KEY=VALUE" and a line end."""
    records = {}
    while data:
        length, blank, _ = data[:8].partition(b" ")
        end = int(length) if length.isdigit() else 0
        if not blank or not len(length) + 1 < end <= len(data) or data[end - 1 : end] != b"\n":
            raise NoArchive("a header in it contradicts itself")
        key, equals, value = data[len(length) + 1 : end - 1].partition(b"=")
        if not equals:
            raise NoArchive("a header in it contradicts itself")
        records[_text(key)] = _text(value)
        data = data[end:]
    return records


def _size(data: bytes) -> int:
    """The size in a header: octal digits, or a large number in bytes, which may claim to be negative."""
    if data[0] & 0x80:
        if data[0] != 0x80:
            raise NoArchive("a file in it has a size that no file has")
        return int.from_bytes(data[1:], "big")
    return _octal(data)


def _octal(data: bytes) -> int:
    digits = data.strip(b" \0")
    if digits.strip(b"01234567"):
        raise NoArchive("it is no tar file, or damaged")
    return int(digits or b"0", 8)


def _text(data: bytes) -> str:
    return data.decode("utf-8", "surrogateescape")


def _after(place: int, size: int) -> int:
    """Where the next header stands."""
    return place + size + -size % BLOCK


def _at(file: IO[bytes], place: int, length: int, size: int) -> bytes:
    if place + length > size:
        raise NoArchive("it is cut short")
    file.seek(place)
    data = file.read(length)
    if len(data) != length:
        raise NoArchive("it is cut short")
    return data
