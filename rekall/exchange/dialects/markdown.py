"""Markdown of no tool in particular; asked when no other dialect knows a file."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from rekall.exchange.dialect import Note, Refused, Source
from rekall.exchange.markdown_note import KEYS, note_of, page_of
from rekall.exchange.markdown_text import SUFFIXES


class Markdown:
    """A file a note, with or without front matter."""

    name = "markdown"
    title = "Markdown"
    suffixes: tuple[str, ...] = SUFFIXES
    keys: Mapping[str, str] = KEYS
    hint = "Any folder of Markdown files, with front matter in YAML, TOML or JSON or without."

    def fits(self, source: Source) -> bool:
        """Whatever has the suffix is Markdown."""
        return source.suffix in self.suffixes

    def notes(self, source: Source) -> Iterator[Note | Refused]:
        """The note; nothing for an empty file."""
        page = page_of(source)
        if not page.is_empty:
            yield note_of(page)


DIALECT = Markdown()
