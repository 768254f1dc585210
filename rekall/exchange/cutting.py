"""Cuts a note whose text is longer than an entry's may be into several."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from rekall.entry.fields import MAX_TEXT_BYTES
from rekall.entry.values import normal
from rekall.exchange.dialect import Note


def parts(note: Note) -> Iterator[Note]:
    """A note as it is, or one whose text is longer than an entry's may be as several, cut between lines."""
    text = note.content
    size = len(text) if len(text) * 4 <= MAX_TEXT_BYTES else len(text.encode("utf-8", "replace"))
    if size <= MAX_TEXT_BYTES:
        yield note
        return
    pieces = list(_pieces(text, MAX_TEXT_BYTES * len(text) // size * 9 // 10))
    if max(len(piece.encode("utf-8", "replace")) for piece in pieces) > MAX_TEXT_BYTES:
        pieces = list(_pieces(text, MAX_TEXT_BYTES // 4))  # most of its large letters stand together
    title = next((value for name, value in note.fields.items() if normal(name) == "title" and value), "")
    title = str(title) or note.title or note.name
    others = {name: value for name, value in note.fields.items() if normal(name) not in ("title", "id", "_id")}
    for number, piece in enumerate(pieces, 1):
        whole = f"{note.part}, " if note.part else ""
        yield replace(
            note,
            fields=others,
            content=piece,
            title=f"{title} ({number} of {len(pieces)})",
            part=f"{whole}part {number}",
            record_id=f"{note.record_id or note.part}~part {number}",
            links=note.links if number == 1 else (),
        )


def _pieces(text: str, most: int) -> Iterator[str]:
    """A text in pieces of at most `most` characters, each ending with a line where there is one."""
    start = 0
    while start < len(text):
        end = min(start + most, len(text))
        if end < len(text):
            end = text.rfind("\n", start, end) + 1 or end
        yield text[start:end]
        start = end
