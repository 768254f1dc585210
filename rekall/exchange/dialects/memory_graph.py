"""The MCP memory server's graph: an entity becomes a note, what was observed its text, a relation a link."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from rekall.entry.types import LinkType
from rekall.exchange.dialect import NamedLink, Note, Refused, Source
from rekall.exchange.json_shapes import (
    LINES,
    LISTS,
    Ids,
    as_name,
    as_text,
    document_of,
    entry_type,
    file_words,
    first_object,
    listed,
    refuse_too_large,
    strings_in,
    values_of,
    without,
)
from rekall.exchange.leftovers import whole

_LINK_TYPES = {
    **dict.fromkeys(("supersedes", "replaces", "obsoletes"), LinkType.SUPERSEDES),
    **dict.fromkeys(
        ("derived_from", "derives_from", "based_on", "is_derived_from", "was_derived_from"), LinkType.DERIVED_FROM
    ),
    **dict.fromkeys(("contradicts", "conflicts_with", "disagrees_with"), LinkType.CONTRADICTS),
}
_KINDS = ("type", "_type")
"""Where a line says what it is."""

_SAID_OF_ONE = ("text", "content", "observation", "contents")


class MemoryGraph:
    """A graph of entities and relations."""

    name = "mcp-memory"
    title = "MCP memory server"
    suffixes: tuple[str, ...] = (".json", *LINES)
    keys: Mapping[str, str] = {"createdAt": "created_at", "lastUpdated": "updated_at", "updatedAt": "updated_at"}
    hint = "Its file, memory.jsonl or memory.json: MEMORY_FILE_PATH in the settings of the server says where it lies."

    def fits(self, source: Source) -> bool:
        """Whether a file holds such a graph, as lines or as one object."""
        document = document_of(source) if source.suffix not in LINES else None
        if isinstance(document, dict) and isinstance(document.get("entities"), list):
            return any(_is_entity(item) for item in document["entities"][:5])
        if isinstance(document, list):
            return bool(document) and all(_is_tagged(item) for item in document[:5])
        return _is_tagged(document) if isinstance(document, dict) else _is_tagged(first_object(source))

    def notes(self, source: Source) -> Iterator[Note | Refused]:
        """Every entity with the relations that start at it; what is neither is kept as a note of its own."""
        if source.suffix not in LINES:
            refuse_too_large(source)  # all of it is kept until the last relation is known
        graph = _Graph()
        for place, value in values_of(source):
            if isinstance(value, Refused):
                yield value
            else:
                graph.take(value, place)
        yield from graph.notes(file_words(source))


class _Graph:
    """What was read of a graph so far."""

    def __init__(self) -> None:
        self._entities: list[tuple[str, dict[str, Any]]] = []
        self._relations: dict[str, list[dict[str, Any]]] = {}
        self._others: list[tuple[str, Any]] = []

    def take(self, value: Any, place: str) -> None:
        """Sort in a value: an entity, a relation, lists of them, or something else."""
        if isinstance(value, LISTS):
            for number, item in enumerate(value, 1):
                self.take(item, place or f"record {number}")
        elif isinstance(value, dict) and isinstance(value.get("entities"), LISTS):
            for number, item in enumerate(value["entities"], 1):
                self._sort(item, f"entity {number}", "entity")
            relations = value.get("relations")
            for number, item in enumerate(relations if isinstance(relations, LISTS) else [], 1):
                self._sort(item, f"relation {number}", "relation")
            rest = (
                without(value, "entities", "relations") if isinstance(relations, LISTS) else without(value, "entities")
            )
            if rest:
                self._others.append(("head", rest))
        else:
            self._sort(value, place, _kind(value))

    def _sort(self, value: Any, place: str, kind: str) -> None:
        if isinstance(value, dict) and kind == "relation" and as_name(value.get("from")) and as_name(value.get("to")):
            self._relations.setdefault(as_name(value["from"]), []).append(value)
        elif isinstance(value, dict) and _is_entity(value):
            self._entities.append(
                (place, {name: item for name, item in value.items() if name not in _KINDS or item != "entity"})
            )
        else:
            self._others.append((place, value))

    def notes(self, default_name: str) -> Iterator[Note]:
        """The graph as notes."""
        ids = Ids()
        known = {as_name(entity["name"]) for _, entity in self._entities} | set(self._relations)
        for place, entity in self._entities:
            record_id = ids.once(entity["name"])
            yield _note(entity, place, self._relations.pop(as_name(entity["name"]), []), record_id, known)
        for name, relations in self._relations.items():  # they start at nothing that is in the file
            yield _note({"name": name}, f"relations of {name}", relations, ids.once(name), known)
        for place, other in self._others:
            if any(text.strip() for text in strings_in(other)):
                fields = dict(other) if isinstance(other, dict) else {}
                content = "" if isinstance(other, dict) else "\n".join(strings_in(other))
                yield Note(fields=without(fields), content=content, name=default_name, part=place)


def _note(
    entity: Mapping[str, Any], place: str, relations: list[dict[str, Any]], record_id: str, known: set[str]
) -> Note:
    """An entity as a note. A relation that can be no link, or says more than one, is kept as a field too."""
    fields = without(entity, "name", "observations")
    observed = entity.get("observations")
    items = observed if isinstance(observed, list) else [observed] if observed else []
    said = [_said(item) for item in items]
    if [*filter(None, said)] != [*items]:
        fields["observations"] = observed  # there is more to them than their text
    kind = entry_type(entity.get("entityType"))
    if kind and "type" not in fields:
        fields["type"] = kind
        fields.pop("entityType")
    others = known - {as_name(entity["name"])}
    more = [
        relation
        for relation in relations
        if as_name(relation["to"]) not in others or set(relation) - {*_KINDS, "from", "to", "relationType"}
    ]
    if more:
        fields["relations"] = more
    lines = [text for text in said if text]
    return whole(
        Note(
            fields=fields,
            content=lines[0] if len(lines) == 1 else listed(lines),
            title=as_name(entity["name"]),
            record_id=record_id,
            part=place,
            links=tuple(
                _link(relation) for relation in relations if as_name(relation["to"]) != as_name(entity["name"])
            ),
        ),
        entity,
        *(["entityType"] if kind else []),
    )


def _said(observation: Any) -> str:
    if isinstance(observation, dict):
        return next((as_text(observation[name]) for name in _SAID_OF_ONE if as_text(observation.get(name))), "")
    return as_text(observation).strip() or as_name(observation)


def _link(relation: Mapping[str, Any]) -> NamedLink:
    named = as_name(relation.get("relationType")) or (
        "" if relation.get("type") == "relation" else as_name(relation.get("type"))
    )
    plain = re.sub(r"[^a-z]+", "_", re.sub(r"(?<=[a-z])(?=[A-Z])", "_", named).lower()).strip("_")
    return NamedLink(as_name(relation["to"]), _LINK_TYPES.get(plain, LinkType.RELATED), named)


def _is_entity(value: Any) -> bool:
    return (
        isinstance(value, dict)
        and bool(as_name(value.get("name")))
        and ("entityType" in value or "observations" in value)
    )


def _is_tagged(value: Any) -> bool:
    """Whether a value is an entity or a relation and says so."""
    if not isinstance(value, dict):
        return False
    if _kind(value) == "relation":
        return "from" in value and "to" in value and "relationType" in value
    return _kind(value) == "entity" and _is_entity(value)


def _kind(value: Any) -> str:
    return (
        next((as_name(value[name]) for name in _KINDS if as_name(value.get(name))), "")
        if isinstance(value, dict)
        else ""
    )


DIALECT = MemoryGraph()
