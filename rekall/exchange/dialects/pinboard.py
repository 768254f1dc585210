"""Pinboard's bookmarks, and those that others write in its shape."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from rekall.exchange.dialect import Note, Refused, Source
from rekall.exchange.json_shapes import (
    Ids,
    as_name,
    as_text,
    document_of,
    file_words,
    first_line,
    list_name,
    objects_in,
    without,
)
from rekall.exchange.leftovers import head_of, says_something, whole


class Pinboard:
    """Bookmarks with a description each."""

    name = "pinboard"
    title = "Pinboard"
    suffixes: tuple[str, ...] = (".json",)
    keys: Mapping[str, str] = {"href": "sources", "time": "created_at"}
    hint = "pinboard.in/settings/backup, JSON."

    def fits(self, source: Source) -> bool:
        """Whether a file is an export of bookmarks."""
        found = objects_in(document_of(source), "posts", "bookmarks")
        return bool(found) and all(
            "href" in item and ("description" in item or "extended" in item) for item in found[:5]
        )

    def notes(self, source: Source) -> Iterator[Note | Refused]:
        """Every bookmark."""
        ids, document = Ids(), source.document
        name = list_name(document, "posts", "bookmarks")
        listing = document[name] if name else document
        for number, item in enumerate(listing, 1):
            note = _note(item if isinstance(item, dict) else {"extended": item}, number, source, ids)
            if note is not None:
                yield note
        yield from head_of(source, document, name, "date")


def _note(record: dict[str, Any], number: int, source: Source, ids: Ids) -> Note | None:
    """A bookmark; its tags are written between blanks, by some between commas."""
    fields = without(record, "tags", "tag")
    content = as_text(fields.pop("extended", None)) if isinstance(fields.get("extended"), str) else ""
    title = as_name(fields.get("description"))
    if title:
        fields.pop("description")
    written = record.get("tags") or record.get("tag")
    tags = tuple(written.replace(",", " ").split()) if isinstance(written, str) else ()
    if written and not tags:
        fields["tags"] = written
    if not says_something(record, ("hash", "meta")):
        return None
    return whole(
        Note(
            fields=fields,
            content=content,
            title=title or first_line(content),
            name=as_name(record.get("href")) or f"{file_words(source)} {number}",
            record_id=ids.once(record.get("hash")),
            part=f"record {number}",
            tags=tags,
        ),
        record,
    )


DIALECT = Pinboard()
