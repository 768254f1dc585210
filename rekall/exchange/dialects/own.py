"""Rekall's own Markdown: what `rekall export` wrote, read back as it is."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from rekall.entry.record import is_own
from rekall.exchange.dialect import Note, Refused, Source
from rekall.exchange.markdown import own_parts

_ID_LINE = re.compile(r"^id: ['\"]?[0-9A-Za-z]{26}['\"]?\s*$", re.MULTILINE)
_LOOKED_AT = 4096


@dataclass(frozen=True, slots=True)
class _Own:
    name: str = "rekall"
    title: str = "Rekall"
    suffixes: tuple[str, ...] = (".md", ".markdown", ".mdown")
    keys: Mapping[str, str] = ()  # type: ignore[assignment]
    hint: str = "`rekall export FOLDER` writes it; `rekall import FOLDER` reads it back the same."

    def fits(self, source: Source) -> bool:
        """Whether its front matter has an id and a time of ours."""
        if not _ID_LINE.search(source.text[:_LOOKED_AT]):
            return False
        return is_own(own_parts(source.text)[0])

    def notes(self, source: Source) -> Iterator[Note | Refused]:
        """The one entry of the file."""
        fields, content = own_parts(source.text)
        yield Note(fields=fields, content=content, name=source.stem)


DIALECT = _Own(keys={})
