"""mem0, and OpenMemory: what `get_all` answers and what its export writes."""

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
    listed,
    objects_in,
    placed,
    sampled,
    strings_in,
    values_of,
    without,
)
from rekall.exchange.leftovers import ABOUT_THE_EXPORT, says_something, whole

_LISTS = ("results", "memories")
_IDS = ("id", "hash", "user_id", "agent_id", "run_id", "app_id", "org_id", "actor_id")
_OWN = frozenset({"hash", "user_id", "agent_id", "run_id", "app_id", "metadata", "categories", "created_at", "id"})


class Mem0:
    """Memories of mem0."""

    name = "mem0"
    title = "mem0"
    suffixes: tuple[str, ...] = (".json", *LINES)
    keys: Mapping[str, str] = {"categories": "tags"}
    hint = "`json.dump(client.get_all(...), open('mem0.json', 'w'))`, or an export of the dashboard."

    def fits(self, source: Source) -> bool:
        """Whether a file holds memories of mem0."""
        found = sampled(source, *_LISTS)
        return bool(found) and all(isinstance(item.get("memory"), str) and bool(_OWN & item.keys()) for item in found)

    def notes(self, source: Source) -> Iterator[Note | Refused]:
        """Every memory; relations of its graph as one list."""
        ids = Ids()
        for place, value in values_of(source):
            if isinstance(value, Refused):
                yield value
                continue
            for part, item in placed(place, value, *_LISTS):
                note = _note(item if isinstance(item, dict) else {"memory": item}, part, source, ids)
                if note is not None:
                    yield note
            name = list_name(value, *_LISTS)
            if name:
                yield from _rest(value, source, name)


def _note(record: dict[str, Any], part: str, source: Source, ids: Ids) -> Note | None:
    content = as_text(record.get("memory"))
    fields = without(record, "memory") if content else without(record)
    if not says_something(record, _IDS):
        return None
    metadata = record.get("metadata")
    tags = (
        as_names(metadata.get("tags")) if isinstance(metadata, dict) and isinstance(metadata.get("tags"), list) else ()
    )
    return whole(
        Note(
            fields=fields,
            content=content,
            title="" if as_name(fields.get("title")) else first_line(content),
            name=file_words(source),
            record_id=ids.once(record.get("id")),
            part=part,
            tags=tags,
        ),
        record,
    )


def _rest(document: dict[str, Any], source: Source, name: str) -> Iterator[Note]:
    """What the graph says, a line a relation; and what else stands around the memories."""
    relations = objects_in(document.get("relations"))
    lines = [
        " ".join(
            as_name(item.get(name)) for name in ("source", "relationship", "target", "destination") if item.get(name)
        )
        for item in relations
    ]
    fields = without(document, name, "relations", *ABOUT_THE_EXPORT)
    if document.get("relations") and set(strings_in(document["relations"])) - {
        text
        for item in relations
        for text in (item.get("source"), item.get("relationship"), item.get("target"), item.get("destination"))
        if isinstance(text, str)
    }:
        fields["relations"] = document["relations"]
    if any(lines) or any(text.strip() for text in strings_in(fields)):
        yield Note(
            fields=fields,
            content=listed([line for line in lines if line]),
            title=f"Relations in {file_words(source)}",
            part="relations",
        )


DIALECT = Mem0()
