"""What a record of the original Rekall means: its context in all three forms, its schedule, its sources."""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from rekall.entry.record import means
from rekall.entry.rules import is_ulid
from rekall.entry.types import LinkType
from rekall.entry.values import clean
from rekall.exchange.dialect import NamedLink, Note

MOST_CONTEXT_BYTES = 16 * 1024 * 1024
"""The longest context that is unpacked; the original allowed 1 MB."""

CONTEXTS = ("context_blob", "context_structured", "context_compressed")
"""Where a context may stand, the best first. They are unpacked, and not kept as they are."""

_EMPTY: tuple[Any, ...] = (None, "", [], {})

_NAMES = {"trigger_keywords": "keywords", "files_modified": "files"}
_MEANT = ("situation", "solution", "what_failed", "error_messages", *_NAMES)
_SCHEDULE = {"next_review": None, "review_interval": 1, "ease_factor": 2.5}
_DEFAULTS = {"memory_type": "episodic", "access_count": 0, "consolidation_score": 0, "centrality_score": 0}
"""What the original wrote where nobody said anything, which says nothing here either."""


@dataclass(slots=True)
class Context:
    """What a record's contexts say, in whatever form.

    Attributes:
        values: The names and values of a structured one.
        texts: What is no such thing: the free text of old records, and JSON that is broken.
        lost: Where something stood that could not be unpacked, or not to its end.
    """

    values: dict[str, Any] = field(default_factory=dict)
    texts: list[str] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)

    def take(self, place: str, values: Mapping[Any, Any]) -> None:
        """Add what an older form says; where it says something else than a newer one, under the name of its place too."""
        for key, value in values.items():
            name, known = str(key), self.values.get(str(key))
            if known in _EMPTY:
                self.values[name] = value
            elif value not in (*_EMPTY, known):
                self.values[f"{place}_{name}"] = value


def context_of(record: Mapping[str, Any]) -> Context:
    """The context of a record, from all places where one may stand; the newest form has the first word."""
    found = Context()
    failed: list[str] = []
    pieces: list[str] = []
    for place in (*CONTEXTS, "context", "structured_context"):
        raw = record.get(place)
        if raw in (None, "", b""):
            continue
        if isinstance(raw, bytes):
            text, is_whole = _unpacked(raw)
            if not is_whole:
                failed.append(place)
                pieces += [text.strip()] if text.strip() else []
                continue
            raw = text
        values = _parsed(raw) if isinstance(raw, str) else raw
        if isinstance(values, Mapping):
            found.take(place, values)
        else:
            text = raw if isinstance(raw, str) else _as_text(raw)
            if text.strip() and not any(text.strip() in known for known in found.texts):
                found.texts.append(text.strip())
    if not found.values:  # else another form of it said it all
        found.lost = failed
        found.texts += pieces
    return found


def note_of(
    record: Mapping[str, Any],
    context: Context,
    part: str,
    *,
    tags: Sequence[str] = (),
    keywords: Sequence[str] = (),
    sources: Sequence[Mapping[str, Any]] = (),
    links: Sequence[NamedLink] = (),
) -> Note | None:
    """A record as a note; None when there is not a word in it.

    Args:
        record: Its columns or fields; what is NULL is left out.
        context: What `context_of` read of it.
        part: Which part of the file it is, for a report.
        tags: Its tags, where the record itself has none.
        keywords: Its keywords, beside those of the context.
        sources: Where it comes from, as rows of `entry_sources`.
        links: The links that start at it.
    """
    fields = dict(_said(record))
    content = str(fields.pop("content", ""))
    excerpt = ""
    for name, value in context.values.items():
        if name == "conversation_excerpt":
            excerpt = _as_text(value).strip()
        elif value not in _EMPTY:
            own = _NAMES.get(name, name)
            if name not in _MEANT and (
                means(name) or name in fields
            ):  # what it names is the entry's, not the context's
                own = f"context_{name}"
            fields[own] = value
    fields["keywords"] = _joined(fields.get("keywords"), keywords)
    fields["tags"] = _joined(fields.get("tags"), tags)
    fields["sources"] = _joined(fields.get("sources"), [_source(row) for row in sources])
    fields = {str(name): clean(value) for name, value in fields.items() if value not in _EMPTY}
    parts = [content, *(f"## Conversation\n\n{excerpt}" for _ in [1] if excerpt)]
    parts += [f"## Context\n\n{text}" for text in context.texts]
    content = clean("\n\n".join(part for part in parts if part.strip()))
    name = next(_lines(fields, content), "")
    if not name:
        return None
    record_id = str(fields.get("id", ""))
    return Note(fields=fields, content=content, name=name[:100], record_id=record_id, part=part, links=tuple(links))


def link_to(target: str, relation: str, reason: str = "") -> NamedLink:
    """A link as a note names it; a relation of a later version is kept in the reason."""
    try:
        kind = LinkType(relation.strip().lower().replace("-", "_") or "related")
    except ValueError:
        kind, reason = LinkType.RELATED, f"{relation}: {reason}" if reason else relation
    return NamedLink(_id(target), kind, clean(reason))


def _said(record: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """What a record says beside its contexts and the original's own defaults."""
    is_scheduled = any(record.get(name) not in (None, default) for name, default in _SCHEDULE.items())
    for name, value in record.items():
        if name in (*CONTEXTS, "context", "structured_context", "links") or value is None:
            continue
        if name in _SCHEDULE and not is_scheduled:
            continue
        if name in _DEFAULTS and value == _DEFAULTS[name]:
            continue
        if name == "last_accessed" and value == record.get("created_at"):
            continue
        if isinstance(value, bytes):
            text, is_text = _unpacked(value)
            if not is_text and not means(name):  # the numbers of a vector, say
                continue
            value = text if is_text else value.decode("cp1252", "replace")
        yield name, _id(value) if name in ("id", "superseded_by") else value


def _id(value: Any) -> str:
    text = str(value).strip()
    return text.upper() if is_ulid(text) else text


def _source(row: Mapping[str, Any]) -> str:
    """Where an entry comes from, on a line: a link as it is, all else with its kind."""
    place, kind, note = (_as_text(row.get(name)).strip() for name in ("source_ref", "source_type", "note"))
    if place and kind and not (kind == "url" and "://" in place):
        place = f"{kind}: {place}"
    return f"{place} ({note})" if place and note else place or note


def _joined(given: Any, more: Sequence[str]) -> Any:
    """A list with more items, each once. What is no list stays as it is where there are none."""
    if not more:
        return given
    first = given if isinstance(given, (list, tuple)) else [] if given in (None, "") else [given]
    return list(dict.fromkeys([_as_text(each) for each in first] + [each for each in more if each]))


def _lines(fields: Mapping[str, Any], content: str) -> Iterator[str]:
    """Everything that could be a title, the best first."""
    for text in (
        fields.get("title"),
        content,
        *(fields.get(name) for name in (*_MEANT, "keywords", "tags", "sources")),
    ):
        for each in text if isinstance(text, list) else [text]:
            for line in _as_text(each).splitlines():
                if not line.startswith("## Con") and line.strip("#-*> \t"):
                    yield line.strip("#-*> \t")


def _parsed(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text


def _as_text(value: Any) -> str:
    if value is None or isinstance(value, str):
        return value or ""
    if isinstance(value, (list, tuple)) and all(isinstance(each, str) for each in value):
        return "\n".join(value)
    if isinstance(value, (Mapping, list, tuple)):
        return json.dumps(value, ensure_ascii=False, default=str)
    return str(value)


def _unpacked(data: bytes) -> tuple[str, bool]:
    """Bytes as text: unpacked where zlib packed them. And whether that is all of it."""
    unpacking = zlib.decompressobj()
    text, is_whole = bytearray(), False
    try:
        for start in range(0, len(data), 1024):  # a step at a time, so that what lies before a damage is kept
            text += unpacking.decompress(data[start : start + 1024], MOST_CONTEXT_BYTES - len(text) + 1)
            if len(text) > MOST_CONTEXT_BYTES:
                return text[:MOST_CONTEXT_BYTES].decode("utf-8", "replace"), False
        is_whole = unpacking.eof
    except zlib.error:
        pass  # what was unpacked so far says whether it is packed at all
    if text or is_whole:
        return text.decode("utf-8", "replace"), is_whole
    try:
        return data.decode("utf-8"), True
    except UnicodeDecodeError:
        return "", False
