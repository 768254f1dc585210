"""What an entry was, kept as what differs from what it became: some dozens of bytes for an edit (docs/adr/0045)."""

from __future__ import annotations

import json
import zlib
from collections.abc import Mapping
from typing import Any

from rekall.entry.fields import Draft, Entry
from rekall.entry.record import from_record, to_record
from rekall.errors import EntryDamaged, RekallError
from rekall.knowledge import merging
from rekall.store.values import Origin

Saying = Mapping[str, Any]
"""What an entry says, and where it was imported from, as JSON can hold it; links and successors are kept elsewhere."""

ORIGIN = "origin"
_LINKED = ("links", "superseded_by")
_PLAIN, _PACKED = b"j", b"z"
_MOST_HELP = 32_000
"""Bytes of the later text that help to pack the earlier one: as far back as deflate looks."""

_BROKEN = (ValueError, TypeError, AttributeError, KeyError, StopIteration, zlib.error, RecursionError, RekallError)
"""What reading ends in where something was damaged."""


def saying(entry: Entry, origin: Origin | None = None) -> dict[str, Any]:
    """What an entry says, and where it came from."""
    said = {name: value for name, value in to_record(entry, full=True).items() if name not in _LINKED}
    said["content"] = entry.content
    if origin is not None:
        hashes = (origin.source_hash.hex(), origin.entry_hash.hex())
        fields, _ = merging.decoded(origin.said)  # the reasons of links are those of other entries, too
        said[ORIGIN] = [origin.path, *hashes, origin.successor, origin.record_id, merging.encoded(fields, [])]
    return said


def without_origin(said: Saying) -> dict[str, Any]:
    """What an entry says alone."""
    return {name: value for name, value in said.items() if name != ORIGIN}


def draft_of(said: Saying) -> Draft:
    """The draft that says this, with no successor. Raises EntryDamaged: It cannot be read."""
    try:
        fields = {name: value for name, value in said.items() if name not in (ORIGIN, "content")}
        return from_record(fields, said["content"], said["title"], is_literal=True).draft
    except _BROKEN as error:
        raise _damaged() from error


def origin_of(said: Saying, key: int) -> Origin | None:
    """Where an entry had been imported from, for the key that it has now."""
    if not said.get(ORIGIN):
        return None
    try:
        path, source_hash, entry_hash, *more = said[ORIGIN]
        return Origin(path, key, bytes.fromhex(source_hash), bytes.fromhex(entry_hash), *more)
    except _BROKEN as error:
        raise _damaged() from error


def packed(before: Saying, after: Saying | None) -> bytes:
    """What must be known to get from what an entry says to what it said; all of it where it says nothing any more.

    The first line names the fields that differ, and of texts how much is the same at both ends; then follow the values, packed
    with the help of what stands in their places.
    """
    later = after or {}
    head: list[list[Any]] = [[name] for name in later if name not in before]
    values, help_texts = [], []
    for name, value in before.items():
        if name in later and later[name] == value:
            continue
        if name in later and isinstance(value, str) and isinstance(later[name], str):
            first, last = _same_ends(value, later[name])
            head.append([name, first, last, len(later[name])])
            values.append(value[first : len(value) - last])
            help_texts.append(later[name][first : len(later[name]) - last])
        else:
            head.append([name, 0])
            values.append(value)
    body = _bytes(json.dumps(values, ensure_ascii=False, separators=(",", ":")))
    helped = _bytes("\n".join(help_texts))[-_MOST_HELP:]
    packer = zlib.compressobj(9, zlib.DEFLATED, -15, 9, zlib.Z_DEFAULT_STRATEGY, helped)
    short = packer.compress(body) + packer.flush()
    mark, body = (_PACKED, short) if len(short) < len(body) else (_PLAIN, body)
    return mark + _bytes(json.dumps(head, separators=(",", ":"))) + b"\n" + body


def unpacked(data: bytes, after: Saying | None) -> dict[str, Any]:
    """What an entry said, by `packed` and by what it says after that. Raises EntryDamaged: They do not fit."""
    later = dict(after or {})
    try:
        line, _, body = data[1:].partition(b"\n")
        head = json.loads(line)
        texts = [part for part in head if len(part) > 2]
        if any(len(later[name]) != length for name, _, _, length in texts):
            raise _damaged()
        if data[:1] == _PACKED:
            helped = _bytes("\n".join(later[name][first : length - last] for name, first, last, length in texts))
            body = zlib.decompressobj(-15, helped[-_MOST_HELP:]).decompress(body)
        values = iter(json.loads(body.decode("utf-8", "surrogatepass")))
        for name, *ends in head:
            if not ends:
                del later[name]
            elif len(ends) == 1:
                later[name] = next(values)
            else:
                later[name] = later[name][: ends[0]] + next(values) + later[name][len(later[name]) - ends[1] :]
    except _BROKEN as error:
        raise _damaged() from error
    return later


def _same_ends(one: str, other: str) -> tuple[int, int]:
    """How many characters two texts have in common at the beginning, and at the end."""
    most = min(len(one), len(other))
    first = _same(one, other, most)
    return first, _same(one[first:][::-1], other[first:][::-1], most - first)


def _same(one: str, other: str, most: int) -> int:
    """How many characters two texts begin with in common, found by halves, so that long texts are compared whole."""
    least = 0
    while least < most:
        middle = (least + most + 1) // 2
        if one[least:middle] == other[least:middle]:
            least = middle
        else:
            most = middle - 1
    return least


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")


def _damaged() -> EntryDamaged:
    return EntryDamaged("what is kept of an earlier version is damaged")
