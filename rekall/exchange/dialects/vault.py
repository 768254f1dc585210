"""A vault that Rekall wrote for Obsidian, read back with what was changed in it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from rekall.exchange.dialect import Note, Refused, Source
from rekall.exchange.markdown import own_parts
from rekall.exchange.markdown_note import text_or_nothing
from rekall.exchange.markdown_text import SUFFIXES
from rekall.exchange.vault import MARK_LINE, is_vault_note, restored


class Vault:
    """A file a note, with the properties that an export gives it."""

    name = "vault"
    title = "Rekall's vault for Obsidian"
    suffixes: tuple[str, ...] = SUFFIXES
    keys: Mapping[str, str] = {}
    hint = "`rekall export vault --format obsidian` makes one; what is changed in Obsidian comes back with the next import."

    def fits(self, source: Source) -> bool:
        """Whether its properties carry Rekall's mark."""
        text = text_or_nothing(source)
        return MARK_LINE in text and is_vault_note(own_parts(text)[0])

    def notes(self, source: Source) -> Iterator[Note | Refused]:
        """The note as it was, and what was changed in it."""
        back = restored(*own_parts(source.text))
        yield Note(fields=back.fields, content=back.content, name=source.stem, links=back.links)


DIALECT = Vault()
