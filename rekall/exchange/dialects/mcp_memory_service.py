"""mcp-memory-service: its export, and the same memories as JSON lines."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from rekall.exchange.dialect import Note, Refused, Source
from rekall.exchange.json_shapes import (
    LINES,
    Ids,
    as_name,
    as_names,
    as_text,
    file_words,
    first_line,
    list_name,
    placed,
    sampled,
    values_of,
    without,
)
from rekall.exchange.leftovers import head_of, says_something, whole

_LISTS = ("memories", "results", "entries")
_OWN = frozenset({"content_hash", "memory_type", "created_at_iso", "updated_at_iso"})


class McpMemoryService:
    """Memories of mcp-memory-service."""

    name = "mcp-memory-service"
    title = "mcp-memory-service"
    suffixes: tuple[str, ...] = (".json", *LINES)
    keys: Mapping[str, str] = {"memory_type": "type", "created_at_iso": "created_at", "updated_at_iso": "updated_at"}
    hint = "Its export (`memory export`, or /api/sync/export of its server): import the .json."

    def fits(self, source: Source) -> bool:
        """Whether a file holds memories of this service."""
        found = sampled(source, *_LISTS)
        return bool(found) and all(isinstance(item.get("content"), str) and bool(_OWN & item.keys()) for item in found)

    def notes(self, source: Source) -> Iterator[Note | Refused]:
        """Every memory."""
        ids = Ids()
        for place, value in values_of(source):
            if isinstance(value, Refused):
                yield value
                continue
            for part, item in placed(place, value, *_LISTS):
                note = _note(item if isinstance(item, dict) else {"content": item}, part, source, ids)
                if note is not None:
                    yield note
            name = list_name(value, *_LISTS)
            if name:
                yield from head_of(source, value, name)


def _note(record: dict[str, Any], part: str, source: Source, ids: Ids) -> Note | None:
    """A memory. Of a time that is given twice, the number is left out where the text says it."""
    content = as_text(record.get("content"))
    fields = without(record, "content", "embedding") if content else without(record, "embedding")
    if not says_something(record, ("content_hash", "id", "memory_type"), ("created_at_iso", "updated_at_iso")):
        return None
    for name in ("created_at", "updated_at"):
        if fields.get(f"{name}_iso") and isinstance(fields.get(name), (int, float)):
            fields.pop(f"{name}_iso")
    return whole(
        Note(
            fields=fields,
            content=content,
            title="" if as_name(fields.get("title")) else first_line(content),
            name=file_words(source),
            record_id=ids.once(record.get("content_hash") or record.get("id")),
            part=part,
            tags=() if record.get("tags") else _tags_of(record.get("metadata")),
        ),
        record,
        "created_at_iso",
        "updated_at_iso",
    )


def _tags_of(metadata: Any) -> tuple[str, ...]:
    """Tags that a memory has in its metadata alone: a list, or between commas."""
    written = metadata.get("tags") if isinstance(metadata, dict) else None
    return as_names(written.split(",") if isinstance(written, str) else written)


DIALECT = McpMemoryService()
