"""Rekall's own JSON: what `rekall export` wrote to a file of records, read back as it is."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from rekall.entry.record import CONTENT, is_own
from rekall.exchange.dialect import Note, Refused, Source
from rekall.exchange.dialects import records
from rekall.exchange.json_shapes import LINES, LISTS, document_of, file_words, first_object, values_of, when
from rekall.exchange.outgoing import DELETED_AT, ORIGIN
from rekall.exchange.record_shapes import Record, records_in

_LISTS = ("entries", "deleted")


class OwnRecords:
    """A record an entry, or a deleted one. Records of others between them are read as any JSON is."""

    name = "rekall-json"
    title = "Rekall's JSON"
    suffixes: tuple[str, ...] = (".json", *LINES)
    keys: Mapping[str, str] = records.DIALECT.keys
    hint = "`rekall export notes.jsonl` or `notes.json` writes it; what was deleted comes along."

    def fits(self, source: Source) -> bool:
        """Whether the first record has an id and a time of ours."""
        if source.suffix in LINES:
            return _is_own(first_object(source))
        return _is_own(next(iter(_listed(document_of(source))), None))

    def notes(self, source: Source) -> Iterator[Note | Refused]:
        """Every record of a file."""
        number = 0
        for place, value in values_of(source):
            if isinstance(value, Refused):
                yield value
                continue
            for record in [value] if place else _listed(value):
                number += 1
                yield from _read(record, place or f"record {number}", source)


def _listed(document: Any) -> Iterable[Any]:
    """The records of a document: a list of them, one of them, or an object around entries and deleted ones."""
    if isinstance(document, LISTS):
        return document
    if isinstance(document, dict) and any(isinstance(document.get(name), LISTS) for name in _LISTS):
        return (record for name in _LISTS for record in document.get(name) or ())
    return [document]


def _read(record: Any, part: str, source: Source) -> Iterator[Note | Refused]:
    if not _is_own(record):
        inside = list(records_in(record)) or ([Record(dict(record))] if isinstance(record, Mapping) else [])
        found = (records.note_of(each, part, file_words(source)) for each in inside)
        yield from (note for note in found if note is not None)
        return
    fields = dict(record)
    content = fields.pop(CONTENT)
    fields.pop(ORIGIN, None)  # an answer says where its entry came from
    deleted_at = when(fields.get(DELETED_AT))
    if deleted_at is not None:
        del fields[DELETED_AT]
    yield Note(fields=fields, content=content, part=part, deleted_at=deleted_at)


def _is_own(record: Any) -> bool:
    return isinstance(record, Mapping) and is_own(record) and isinstance(record.get(CONTENT), str)


DIALECT = OwnRecords()
