"""Kindle's "My Clippings.txt": every highlight and note is a note of its own, with the book as its source."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import datetime

from rekall.errors import InvalidInput
from rekall.exchange.dialect import Note, Refused, Source
from rekall.exchange.json_shapes import file_words, first_line, when

_END = re.compile(r"^={10}[ \t]*$", re.MULTILINE)
_PLACE = re.compile(r"-[ \t]+\S.*\|")


class Kindle:
    """Clippings, one after the other."""

    name = "kindle"
    title = "Kindle's clippings"
    suffixes: tuple[str, ...] = (".txt",)
    keys: Mapping[str, str] = {}
    hint = "Connect the Kindle by USB: documents/My Clippings.txt."

    def fits(self, source: Source) -> bool:
        """Whether a file is a list of clippings, in whatever language the device speaks."""
        try:
            first = _END.split(source.text, maxsplit=1)
        except (InvalidInput, OSError):
            return False
        return len(first) == 2 and _is_clipping(first[0])

    def notes(self, source: Source) -> Iterator[Note | Refused]:
        """Every clipping with a text; bookmarks have none, and become one note together."""
        bare = []
        for number, text in enumerate(_END.split(source.text), 1):
            if not text.strip():
                continue
            part = f"record {number}"
            if not _is_clipping(text):
                yield Note(content=text.strip(), title=first_line(text), name=file_words(source), part=part)
                continue
            book, place, *rest = text.strip().replace("\ufeff", "").split("\n")
            content = "\n".join(rest).strip()
            place = place.strip().removeprefix("-").strip()
            if not content:
                bare.append(f"- {book.strip()}: {place}")
                continue
            yield Note(
                fields={"sources": [book.strip()], "place": place},
                content=content,
                title=first_line(content),
                name=book.strip(),
                part=part,
                created_at=_moment(place),
            )
        if bare:
            yield Note(content="\n".join(bare), title="Bookmarks", name=file_words(source), part="bookmarks")


def _is_clipping(text: str) -> bool:
    lines = text.strip().split("\n")
    return len(lines) >= 2 and bool(_PLACE.match(lines[1].strip()))


def _moment(place: str) -> datetime | None:
    return when(re.sub(r"\A[^\d,]*?on[ \t]+", "", place.rpartition("|")[2].strip()))


DIALECT = Kindle()
