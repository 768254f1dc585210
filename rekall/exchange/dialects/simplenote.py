"""Simplenote, as its export gives it out: `source/notes.json` with all notes, and those in the trash."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from rekall.exchange.dialect import Note, Refused, Source
from rekall.exchange.json_shapes import (
    LISTS,
    Ids,
    as_name,
    as_text,
    changed_on_disk,
    document_of,
    file_words,
    first_line,
    when,
    without,
)
from rekall.exchange.leftovers import head_of, says_something, whole

_LISTS = ("activeNotes", "trashedNotes")


class Simplenote:
    """All notes of Simplenote in one file."""

    name = "simplenote"
    title = "Simplenote"
    suffixes: tuple[str, ...] = (".json",)
    keys: Mapping[str, str] = {"creationDate": "created_at", "lastModified": "updated_at", "publicURL": "sources"}
    hint = "Settings → Tools → Export notes, unpacked: import source/notes.json. The .txt files beside it say the same again."

    def fits(self, source: Source) -> bool:
        """Whether a file is such an export."""
        document = document_of(source)
        return isinstance(document, dict) and any(isinstance(document.get(name), list) for name in _LISTS)

    def notes(self, source: Source) -> Iterator[Note | Refused]:
        """Every note; those in the trash as deleted ones."""
        ids, document = Ids(), source.document
        number = 0
        for name in _LISTS:
            listing = document.get(name)
            for item in listing if isinstance(listing, LISTS) else [listing] if listing else []:
                number += 1
                note = _note(item, number, source, ids, changed_on_disk(source) if name == "trashedNotes" else None)
                if note is not None:
                    yield note
        yield from head_of(source, document, *_LISTS)


def _note(item: Any, number: int, source: Source, ids: Ids, deleted_at: datetime | None) -> Note | None:
    record = item if isinstance(item, dict) else {"content": item}
    content = as_text(record.get("content"))
    fields = without(record, "content") if content else without(record)
    if not says_something(record, ("id",), ("creationDate", "lastModified")):
        return None
    return whole(
        Note(
            fields=fields,
            content=content,
            title="" if as_name(fields.get("title")) else first_line(content),
            name=f"{file_words(source)} {number}",
            record_id=ids.once(record.get("id")),
            part=f"record {number}",
            deleted_at=deleted_at and (when(record.get("lastModified")) or deleted_at),
        ),
        record,
    )


DIALECT = Simplenote()
