"""What a dialect of JSON does not take out of a record or of what is around records, so that nothing of it is lost."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from rekall.exchange.dialect import Note, Source
from rekall.exchange.json_shapes import as_name, file_words, strings_in, when, without, words_of

ABOUT_THE_EXPORT = frozenset(
    {
        *("schema_version", "version", "format_version", "exporter_version", "format", "generator", "app_version"),
        *(
            "exported_at",
            "export_date",
            "exportDate",
            "exportedAt",
            "export_time",
            "export_timestamp",
            "generated_at",
            "timestamp",
        ),
        *(
            "count",
            "total",
            "total_count",
            "totalCount",
            "page",
            "page_size",
            "pageSize",
            "per_page",
            "limit",
            "offset",
        ),
        *(
            "next",
            "previous",
            "prev",
            "next_cursor",
            "has_more",
            "cursor",
            "ok",
            "success",
            "took",
            "export_metadata",
            "meta",
        ),
    }
)
"""Of a document with records: what speaks of the export, and is another at every export."""


def says_something(record: Mapping[str, Any], ids: tuple[str, ...] = (), times: tuple[str, ...] = ()) -> bool:
    """Whether anything is said in words, beside ids and times."""
    return any(
        text.strip() and not (name in times and when(text) is not None)
        for name, value in record.items()
        if name not in ids or not as_name(value)
        for text in strings_in(value)
    )


def head_of(source: Source, document: Any, *but: str) -> Iterator[Note]:
    """What an export says beside its notes, as a note of its own, where that is more than about the export.

    Args:
        source: The file.
        document: What it holds.
        but: The fields that were read.
    """
    rest = without(document, *but, *ABOUT_THE_EXPORT) if isinstance(document, dict) else {}
    if any(text.strip() for text in strings_in(rest)):
        yield Note(fields=rest, name=file_words(source), part="head")


def whole(note: Note, record: Mapping[str, Any], *but: str) -> Note:
    """A note with every field of its record of which a word is missing in it, under that field's own name.

    What a dialect takes out of a field may be of another kind than it expects; so nothing of it is lost.

    Args:
        note: What was made of the record.
        record: The record.
        but: Fields that say the same as others, and are looked after elsewhere.
    """
    links = (text for link in note.links for text in (link.target, link.reason))
    said = words_of(
        "\n".join(
            [
                note.content,
                note.title,
                note.record_id,
                *note.tags,
                *note.keywords,
                *links,
                *_names_and_texts(note.fields),
            ]
        )
    )
    said |= _NAMED_BY_ITSELF
    missing = {
        name: value
        for name, value in record.items()
        if name not in but
        and name not in note.fields
        and not words_of("\n".join(_names_and_texts(value))) <= said | _names_of(value)
    }
    return replace(note, fields={**note.fields, **missing}) if missing else note


_NAMED_BY_ITSELF = frozenset({"true", "false"})


def _names_and_texts(value: Any) -> Iterator[str]:
    """Texts, and the names of fields that are not the plain names of texts."""
    yield from strings_in(value)
    waiting: list[Any] = [value]
    while waiting:
        top = waiting.pop()
        if isinstance(top, dict):
            yield from (name for name, item in top.items() if item not in (None, "", [], {}))
            waiting.extend(top.values())
        elif isinstance(top, (list, tuple)):
            waiting.extend(top)


def _names_of(value: Any) -> set[str]:
    """Names of fields that only say that a text or a name follows."""
    return {"text", "name", "content", "isChecked".lower(), "texthtml"} if isinstance(value, (list, dict)) else set()
