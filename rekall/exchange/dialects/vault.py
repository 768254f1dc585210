"""A vault that Rekall wrote for Obsidian, read back with what was changed in it."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Mapping

from rekall.exchange.dialect import Note, Refused, Source
from rekall.exchange.file_names import SUFFIX, sameness, titled_names
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
        """The note as it was, and what was changed in it. One that was renamed is called what its file is called."""
        back = restored(*own_parts(source.text))
        given = titled_names(str(back.fields.get("title", "")), str(back.fields.get("id", "")))
        is_renamed = sameness(f"{source.stem}{SUFFIX}") not in map(sameness, given)
        renamed = {"title": unicodedata.normalize("NFC", source.stem)} if is_renamed else {}
        yield Note(fields={**back.fields, **renamed}, content=back.content, name=source.stem, links=back.links)


DIALECT = Vault()
