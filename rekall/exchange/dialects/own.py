"""Rekall's own Markdown: what `rekall export` wrote, read back as it is."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from rekall.entry.record import is_own
from rekall.exchange.dialect import Note, Refused, Source
from rekall.exchange.markdown import own_parts
from rekall.exchange.markdown_note import head_of, text_or_nothing

_ID_LINE = re.compile(r"^id: ['\"]?[0-9A-Za-z]{26}['\"]?\s*$", re.MULTILINE)
_LOOKED_AT = 4096


class Own:
    """A file an entry."""

    name = "rekall"
    title = "Rekall"
    suffixes: tuple[str, ...] = (".md", ".markdown", ".mdown")
    keys: Mapping[str, str] = {}
    hint = "`rekall export FOLDER` writes it; `rekall import FOLDER` reads it back the same."

    def fits(self, source: Source) -> bool:
        """Whether its front matter has an id and a time of ours."""
        top = text_or_nothing(source)[:_LOOKED_AT]  # the pattern costs more than the name
        return "id: " in top and bool(_ID_LINE.search(top)) and is_own(head_of(source).fields)

    def notes(self, source: Source) -> Iterator[Note | Refused]:
        """The one entry of the file."""
        fields, content = own_parts(source.text)
        yield Note(fields=fields, content=content, name=source.stem)


DIALECT = Own()
