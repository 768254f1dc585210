"""Joplin: its export of Markdown with front matter, and its RAW and JEX exports of everything."""

from __future__ import annotations

import contextlib
import tarfile
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import PurePosixPath

from rekall.errors import InvalidInput, RekallError
from rekall.exchange.bounds import clipped, opened
from rekall.exchange.dialect import Note, Refused, Source
from rekall.exchange.joplin_items import Item, Names, folder_names, item_of, named, note_of_item
from rekall.exchange.markdown_note import KEYS, head_of, note_of, page_of, text_or_nothing
from rekall.exchange.markdown_text import SUFFIXES
from rekall.system.decoding import decoded

JEX = ".jex"
_MOST_HEADER_BYTES = 64 * 1024
MOST_ITEMS = 500_000
MOST_BYTES = 16 * 1024 * 1024
"""A larger note is refused; what is attached to notes is passed over anyway."""


class Joplin:
    """A note a file; a JEX is an archive of them."""

    name = "joplin"
    title = "Joplin"
    suffixes: tuple[str, ...] = (*SUFFIXES, JEX)
    keys: Mapping[str, str] = {**KEYS, "user_created_time": "created_at", "user_updated_time": "updated_at"}
    hint = "File → Export all → “MD - Markdown + Front Matter”, or JEX, which keeps notebooks and tags in one file."

    def fits(self, source: Source) -> bool:
        """Whether a file is an item of Joplin, or has the head that its export writes."""
        if source.suffix == JEX:
            return True
        if source.suffix not in self.suffixes:
            return False
        if item_of(text_or_nothing(source)) is not None:
            return True
        fields = head_of(source).fields
        return {"latitude", "longitude", "altitude"} <= set(fields) or {"title", "completed?"} <= set(fields)

    def notes(self, source: Source) -> Iterator[Note | Refused]:
        """The notes; nothing for a notebook, a tag, a file that is attached."""
        if source.suffix == JEX:
            yield from _archived(source)
            return
        item = item_of(source.text)
        if item is None:
            page = page_of(source)
            if not page.is_empty:
                yield note_of(page)
        elif item.is_note:
            yield _note(source, item, folder_names(source.path.parent))


def _note(source: Source, item: Item, names: Names, part: str = "") -> Note | Refused:
    if item.is_encrypted:
        where = f"{source.path}, {part}" if part else str(source.path)
        return Refused(where, InvalidInput("it is encrypted", "export it again after Joplin has decrypted all notes"))
    return replace(note_of_item(source, item, names), part=part)


def _archived(source: Source) -> Iterator[Note | Refused]:
    """The notes of a JEX: names of notebooks and tags first, so that every note finds its own."""
    try:
        with _opened(source) as archive:
            names = Names()
            for _, item in _items(archive):
                if isinstance(item, Item) and not item.is_note:
                    named(names, item)
        with _opened(source) as archive:
            for member, item in _items(archive):
                if isinstance(item, RekallError):
                    yield Refused(f"{source.path}, {clipped(member)}", item)
                elif item.is_note:
                    yield _note(source, item, names, part=member)
    except (tarfile.TarError, EOFError, OverflowError, ValueError) as error:
        raise InvalidInput(
            f"it is no JEX that can be read: {clipped(str(error))}", "export it again from Joplin"
        ) from error


class _Header(tarfile.TarInfo):
    """A header of an archive. One of a long name or of PAX is read whole by `tarfile`, however long it claims to be."""

    @classmethod
    def frombuf(cls, buf: bytes | bytearray, encoding: str, errors: str) -> _Header:
        """A header from its block. Raises InvalidInput for one that claims more than any has."""
        header: _Header = super().frombuf(buf, encoding, errors)
        if header.type not in tarfile.REGULAR_TYPES and header.size > _MOST_HEADER_BYTES:
            raise InvalidInput("one of its headers claims to be longer than any is", "export it again from Joplin")
        return header


@contextlib.contextmanager
def _opened(source: Source) -> Iterator[tarfile.TarFile]:
    """The archive, which is never packed: a packed one could hold a thousand times its size."""
    with opened(source.path) as file, tarfile.open(fileobj=file, mode="r:", tarinfo=_Header) as archive:
        yield archive


def _items(archive: tarfile.TarFile) -> Iterator[tuple[str, Item | RekallError]]:
    """What an archive holds, one after the other; nothing is unpacked to disk."""
    for count, member in enumerate(archive):
        if count >= MOST_ITEMS:
            raise InvalidInput(f"it holds more than {MOST_ITEMS:,} files", "export one notebook at a time")
        archive.members = []  # type: ignore[attr-defined]  # else it remembers every header
        path = PurePosixPath(member.name)
        if not member.isfile() or path.suffix.lower() != ".md" or "resources" in path.parts:
            continue
        if member.size > MOST_BYTES:
            yield member.name, InvalidInput(f"it is larger than {MOST_BYTES >> 20} MB", "split the note")
            continue
        file = archive.extractfile(member)
        if file is None:
            continue
        try:
            item = item_of(decoded(file.read()).text)
        except RekallError as error:
            yield member.name, error
            continue
        if item is None:
            yield member.name, InvalidInput("it is no item of Joplin", "import it as Markdown")
        else:
            yield member.name, item


DIALECT = Joplin()
