"""Day One, as its JSON export gives it out: one file a journal."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from rekall.errors import InvalidInput
from rekall.exchange.dialect import Note, Refused, Source, parsed_json
from rekall.exchange.json_shapes import (
    Ids,
    as_text,
    document_of,
    file_words,
    first_line,
    objects_in,
    strings_in,
    when,
    without,
    words_of,
)
from rekall.exchange.leftovers import head_of, says_something, whole

_OWN = frozenset({"creationDate", "creationDevice", "richText", "timeZone", "modifiedDate", "starred", "uuid"})


class DayOne:
    """A journal of Day One."""

    name = "day-one"
    title = "Day One"
    suffixes: tuple[str, ...] = (".json",)
    keys: Mapping[str, str] = {"creationDate": "created_at", "modifiedDate": "updated_at"}
    hint = "File → Export → JSON, unpacked: import the .json of each journal; photos stay where they are and are named."

    def fits(self, source: Source) -> bool:
        """Whether a file is a journal of Day One."""
        document = document_of(source)
        entries = objects_in(document, "entries") if isinstance(document, dict) else []
        return bool(entries) and any("creationDate" in entry and len(_OWN & entry.keys()) >= 2 for entry in entries[:5])

    def notes(self, source: Source) -> Iterator[Note | Refused]:
        """Every entry of the journal."""
        ids, document = Ids(), source.document
        for number, item in enumerate(document["entries"], 1):
            record = item if isinstance(item, dict) else {"text": item}
            text, rich = as_text(record.get("text")), _rich_text(record.get("richText"))
            fields = without(record, *(["text"] if text else []), "richText")
            content = text or rich
            if rich and not words_of(rich) <= words_of(content):
                fields["richText"] = rich
            if not says_something(record, ("uuid", "timeZone"), ("creationDate", "modifiedDate")):
                continue
            day = when(record.get("creationDate"))
            yield whole(
                Note(
                    fields=fields,
                    content=content,
                    title=first_line(content),
                    name=f"{file_words(source)} {day:%Y-%m-%d}" if day else file_words(source),
                    record_id=ids.once(record.get("uuid")),
                    part=f"record {number}",
                ),
                record,
                "richText",
            )
        yield from head_of(source, document, "entries", "metadata")


def _rich_text(value: Any) -> str:
    """The words of an entry's formatted text, which is JSON within a text; empty for none."""
    if not isinstance(value, str):
        return "\n".join(strings_in(value))
    try:
        parts = objects_in(parsed_json(value), "contents")
    except InvalidInput:
        return value
    return "".join(as_text(part.get("text")) for part in parts) or value


DIALECT = DayOne()
