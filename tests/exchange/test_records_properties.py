"""Whatever a JSON file holds: nothing but InvalidInput is raised, and no word of it is lost."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.depth import tries

from rekall.errors import InvalidInput
from rekall.exchange.dialect import Dialect, Note, Refused, Source
from rekall.exchange.dialects import (
    day_one,
    jrnl,
    keep,
    mcp_memory_service,
    mem0,
    memory_graph,
    pinboard,
    records,
    simplenote,
    standard_notes,
)
from rekall.exchange.json_shapes import strings_in

JSON_DIALECTS: tuple[Dialect, ...] = (
    keep.DIALECT,
    simplenote.DIALECT,
    day_one.DIALECT,
    jrnl.DIALECT,
    mcp_memory_service.DIALECT,
    mem0.DIALECT,
    memory_graph.DIALECT,
    pinboard.DIALECT,
    standard_notes.DIALECT,
    records.DIALECT,
)
NAMES = (
    *(
        "title",
        "name",
        "content",
        "text",
        "body",
        "textContent",
        "textContentHtml",
        "listContent",
        "isTrashed",
        "isChecked",
        "labels",
    ),
    *(
        "annotations",
        "url",
        "createdTimestampUsec",
        "userEditedTimestampUsec",
        "activeNotes",
        "trashedNotes",
        "id",
        "uuid",
        "tags",
    ),
    *(
        "entries",
        "creationDate",
        "starred",
        "richText",
        "date",
        "time",
        "memory",
        "results",
        "hash",
        "user_id",
        "metadata",
        "memories",
    ),
    *(
        "content_hash",
        "memory_type",
        "type",
        "entityType",
        "observations",
        "relations",
        "entities",
        "from",
        "to",
        "relationType",
    ),
    *(
        "href",
        "description",
        "extended",
        "posts",
        "items",
        "content_type",
        "references",
        "notes",
        "data",
        "odd field",
        "deleted_at",
    ),
)
WORDS = (
    "alpha",
    "bravo",
    "charlie",
    "delta",
    "echo foxtrot",
    "golf hotel india",
    "juliett\nkilo",
    "lima\r\nmike",
    "été",
    "数据库",
    "",
    " ",
)
texts = st.one_of(
    st.sampled_from(WORDS),
    st.text(max_size=12),
    st.sampled_from(("entity", "relation", "Note", "Tag", "2024-05-01", "2024-05-01T10:00:00Z")),
)
leaves = st.one_of(texts, st.integers(), st.floats(allow_nan=False), st.booleans(), st.none())
documents = st.recursive(
    leaves,
    lambda inner: st.one_of(
        st.lists(inner, max_size=4), st.dictionaries(st.one_of(st.sampled_from(NAMES), texts), inner, max_size=6)
    ),
    max_leaves=25,
)


def shaped(*names: str, inside: st.SearchStrategy[Any] = documents) -> st.SearchStrategy[Any]:
    """Objects that nearly always have these fields, of any kind."""
    return st.fixed_dictionaries({}, optional={name: st.one_of(texts, inside) for name in names}).flatmap(
        lambda known: st.dictionaries(st.sampled_from(NAMES), leaves, max_size=3).map(lambda more: {**more, **known})
    )


def around(name: str, needed: dict[str, st.SearchStrategy[Any]], *fields: str) -> st.SearchStrategy[Any]:
    """Objects with a list of such objects, which all have what is needed, and oddities behind them."""
    item = st.tuples(shaped(*fields, inside=leaves), st.fixed_dictionaries(needed)).map(
        lambda pair: {**pair[0], **pair[1]}
    )
    listing = st.tuples(st.lists(item, min_size=1, max_size=3), st.lists(documents, max_size=2)).map(
        lambda pair: [*pair[0]] if len(pair[0]) < 3 else [*pair[0], *pair[0], *pair[1]]
    )
    return st.tuples(listing, st.dictionaries(texts, leaves, max_size=2)).map(lambda pair: {**pair[1], name: pair[0]})


odd = st.one_of(texts, documents)
SHAPES: dict[str, st.SearchStrategy[Any]] = {
    "keep": shaped("title", "textContent", "textContentHtml", "listContent", "labels", "annotations", "isTrashed").map(
        lambda note: {"title": "", **note, "userEditedTimestampUsec": 1, "createdTimestampUsec": 2}
    ),
    "simplenote": around("activeNotes", {"content": odd}, "id", "lastModified", "tags"),
    "day-one": around("entries", {"creationDate": odd, "uuid": odd}, "text", "richText", "starred"),
    "jrnl": around("entries", {"title": odd, "body": odd, "date": odd}, "time", "tags", "starred"),
    "mcp-memory-service": around(
        "memories", {"content": texts, "memory_type": odd}, "content_hash", "created_at", "tags", "metadata"
    ),
    "mem0": around("results", {"memory": texts, "metadata": odd}, "hash", "user_id", "categories", "id"),
    "mcp-memory": around("entities", {"name": st.sampled_from(WORDS[:5]), "observations": odd}, "entityType", "type"),
    "pinboard": around("posts", {"href": odd, "description": odd}, "extended", "tags", "hash"),
    "standard-notes": around("items", {"content_type": st.sampled_from(("Note", "Tag")), "content": odd}, "uuid"),
    "records": st.one_of(documents, st.lists(shaped("title", "text", "content", "name", "description"), max_size=4)),
}
"""For each dialect, files of nearly its shape, with values of any kind."""


def words(values: Iterable[str]) -> set[str]:
    """Words of letters, in lower case."""
    return {word for value in values for word in re.findall(r"[^\W\d_]{3,}", value.lower())}


def said_by(note: Note) -> list[str]:
    """Everything that a note says."""
    keys = [name for mapping in mappings_in(note.fields) for name in mapping]
    links = [text for link in note.links for text in (link.target, link.reason)]
    return [
        *strings_in(dict(note.fields)),
        *keys,
        note.content,
        note.title,
        note.name,
        note.record_id,
        *note.tags,
        *note.keywords,
        *links,
    ]


def mappings_in(value: Any) -> list[dict[str, Any]]:
    found, waiting = [], [value]
    while waiting:
        top = waiting.pop()
        if isinstance(top, dict):
            found.append(top)
            waiting += top.values()
        elif isinstance(top, (list, tuple)):
            waiting += top
    return found


def read(dialect: Dialect, source: Source) -> list[Note]:
    try:
        found = list(dialect.notes(source))
    except InvalidInput:
        return []
    assert not [item for item in found if isinstance(item, Refused) and not isinstance(item.error, InvalidInput)]
    return [item for item in found if isinstance(item, Note)]


def machinery(document: Any) -> set[str]:
    """Words that say what a part of a file is, or what its marks are, and nothing of a note."""
    ids = {
        value
        for mapping in mappings_in(document)
        for name, value in mapping.items()
        if name in ("id", "_id", "uuid", "hash", "content_hash", "key", "user_id", "memory_type")
        and isinstance(value, str)
    }
    times = {value for value in strings_in(document) if re.match(r"\d{4}-\d\d-\d\d", value)}
    tags = [
        text
        for mapping in mappings_in(document)
        if mapping.get("content_type") == "Tag"
        for text in strings_in(mapping)
    ]
    return words([*ids, *times, *tags, "entity relation note tag true false"])


@settings(
    max_examples=tries(200),
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
    deadline=None,
)
@given(data=st.data())
@pytest.mark.parametrize("dialect", JSON_DIALECTS, ids=lambda dialect: dialect.name)
def test_any_json_is_read_whole_or_not_at_all(dialect: Dialect, data: st.DataObject, tmp_path: Path) -> None:
    document = data.draw(SHAPES[dialect.name])
    path = tmp_path / "file.json"
    path.write_text(json.dumps(document, ensure_ascii=True), "utf-8")
    source = Source(path)
    if not dialect.fits(source):
        return
    notes = read(dialect, source)
    if notes:
        lost = (
            words(strings_in(document)) - words(text for note in notes for text in said_by(note)) - machinery(document)
        )
        assert not lost, f"{sorted(lost)} of {document} are nowhere in {notes}"


@settings(max_examples=tries(200), suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    lines=st.lists(st.one_of(documents.map(json.dumps), st.text(max_size=20)), max_size=6),
    ending=st.sampled_from(("\n", "\r\n")),
)
@pytest.mark.parametrize(
    "dialect",
    [memory_graph.DIALECT, mem0.DIALECT, mcp_memory_service.DIALECT, records.DIALECT],
    ids=lambda dialect: dialect.name,
)
def test_any_lines_are_read(dialect: Dialect, lines: list[str], ending: str, tmp_path: Path) -> None:
    path = tmp_path / "file.jsonl"
    path.write_bytes(ending.join(lines).encode("utf-8", "surrogatepass"))
    source = Source(path)
    if dialect.fits(source):
        read(dialect, source)


@settings(max_examples=tries(150), suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(data=st.binary(max_size=300))
@pytest.mark.parametrize("suffix", [".json", ".jsonl", ".txt", ".org", ".rst", ".adoc", ".html", ".enex", ".md"])
def test_no_bytes_break_a_dialect(suffix: str, data: bytes, tmp_path: Path) -> None:
    from rekall.exchange.dialects import enex, gemini, org, plain_text, web_page

    path = tmp_path / f"file{suffix}"
    path.write_bytes(data)
    for dialect in (*JSON_DIALECTS, enex.DIALECT, gemini.DIALECT, org.DIALECT, plain_text.DIALECT, web_page.DIALECT):
        source = Source(path)
        if suffix in dialect.suffixes and dialect.fits(source):
            read(dialect, source)
