"""Where an unknown JSON object keeps its text, its title and its id, and which objects of a document are records."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from rekall.entry.record import CONTENT, means
from rekall.exchange.json_shapes import LISTS, as_name, as_text, has_letters, strings_in
from rekall.exchange.leftovers import ABOUT_THE_EXPORT
from rekall.exchange.long_json import LongList, sample_of

TEXT_NAMES = (
    *("content", "text", "body", "note", "markdown", "memory", "textContent", "plain_text", "plainText", "contents"),
    *("fact", "observation", "observations", "insight", "lesson", "message", "page_content", "document", "snippet"),
    *("code", "command", "answer", "note_text", "noteText", "quote", "highlight"),
)
"""What tools call the text of a note, the plainest first."""

SECOND_TEXT_NAMES = (
    *("description", "extended", "details", "detail", "comment", "comments", "summary", "abstract", "excerpt"),
    *("data", "value", "html", "raw"),
)
"""Names of the text where none of the plain ones has one."""

PARTS_NAMES = ("messages", "turns", "conversation", "highlights", "children", "sections", "blocks", "steps", "parts")
"""What tools call the parts of which a text is made, each an object with a text of its own."""

WRAPPERS = ("fields", "attributes", "node", "_source")
"""Objects in a record that hold all its fields: of Jira, of JSON:API, of GraphQL, of Elasticsearch."""

TITLE_NAMES = (
    "title",
    "name",
    "subject",
    "heading",
    "headline",
    "label",
    "question",
    "summary",
    "key",
    "term",
    "front",
    "resolved_title",
    "given_title",
)
"""What tools call the title."""

_LABELS = ("labels", "tag_list", "tagList", "topics", "categories")
"""Other names of tags."""

ID_NAMES = (
    "id",
    "_id",
    "uuid",
    "guid",
    "uid",
    "note_id",
    "noteId",
    "memory_id",
    "content_hash",
    "hash",
    "permalink",
    "key",
)
"""What tools call a lasting id. A number of a record in its file is none."""

RECORD_LISTS = (
    *(
        "entries",
        "notes",
        "memories",
        "items",
        "results",
        "data",
        "records",
        "documents",
        "bookmarks",
        "posts",
        "cards",
    ),
    *("snippets", "highlights", "facts", "activeNotes", "issues", "conversations", "list"),
)
"""Names of the list of records in a document, the plainest first."""

SHARED_NAMES = (
    *(
        "project",
        "user_id",
        "agent_id",
        "app_id",
        "run_id",
        "namespace",
        "workspace",
        "notebook",
        "folder",
        "collection",
    ),
    *("author", "owner", "category", "tags", "source", "vault", "deck", "language"),
)
"""What is said once for all records of a document, and holds for each of them."""

_NO_NOTES = re.compile(
    r"(?:!!!meta|package|package-lock|npm-shrinkwrap|composer|bower|lerna|turbo|vercel|netlify|renovate|manifest|angular|angular-cli"
    r"|deno|jsr|biome|firebase|launch|keybindings|hotkeys|core-plugins|community-plugins|core-plugins-migration|devcontainer"
    r"|[tj]sconfig.*|.*\.tsconfig|.*[-.]lock|.*\.schema|.*\.config|\..*rc|swagger|openapi|asset-manifest)\.json\Z",
    re.IGNORECASE,
)
"""Names that programs give their own files."""

_MACHINE_KEYS = (
    "dependencies",
    "devDependencies",
    "peerDependencies",
    "compilerOptions",
    "engines",
    "mcpServers",
    "$defs",
    "definitions",
)
"""Fields of files for programs, where they hold an object."""

_MACHINE_MARKS = frozenset(
    {"lockfileVersion", "openapi", "swagger", "$schema", "manifest_version", "minAppVersion", "asyncapi", "nbformat"}
)
"""Fields of files for programs, whatever they hold."""

_SENTENCE = re.compile(r"\S\s+\S")
_WORD = re.compile(r"[^\W\d_]{2,}")
_WITHOUT_BLANKS = re.compile("[\u0e00-\u0e7f\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]{4,}")
"""Scripts that set no blanks between words, and Korean, which sets few."""

_ADDRESS = re.compile(r"\A[a-z][a-z0-9+.-]*:\S+\Z|\A\S+@\S+\Z|\A[\d\s:./+TZ-]+\Z", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Record:
    """A record of a document.

    Attributes:
        value: An object, or a text alone.
        part: Its place: "record 3"; empty where it is the whole document.
        name: The name that the document gives it, where it lies in a mapping.
        shared: What the document says for all its records.
    """

    value: Any
    part: str = ""
    name: str = ""
    shared: Mapping[str, Any] = field(default_factory=dict)


def is_machinery(file_name: str, document: Any) -> bool:
    """Whether a file is for a program: a manifest, a lock file, a schema, settings."""
    if _NO_NOTES.match(file_name):
        return True
    if not isinstance(document, dict):
        return False
    if document.get("type") in ("FeatureCollection", "Topology", "excalidraw"):
        return True
    if document.get("type") == "object" and isinstance(document.get("properties"), dict):
        return True  # a schema
    marks = bool(_MACHINE_MARKS & document.keys()) or any(
        isinstance(document.get(name), dict) for name in _MACHINE_KEYS
    )
    return marks and not text_name(document, TEXT_NAMES)


def text_name(record: Mapping[str, Any], names: tuple[str, ...] = (*TEXT_NAMES, *SECOND_TEXT_NAMES)) -> str:
    """The name of the field that holds a record's text, by its name; empty for none."""
    return next((name for name in names if as_text(record.get(name)).strip()), "")


def longest_text_name(record: Mapping[str, Any]) -> str:
    """The field with the longest text of several words, whatever its name, unless that means another field of an entry."""
    best, most = "", 0
    for name, value in record.items():
        if means(name) not in ("", CONTENT) or name in _LABELS:
            continue
        text = as_text(value).strip()
        if len(text) > most and name not in (*TITLE_NAMES, *ID_NAMES) and is_prose(text):
            best, most = name, len(text)
    return best


def nested_text_name(
    record: Mapping[str, Any], names: tuple[str, ...] = (*TEXT_NAMES, *SECOND_TEXT_NAMES, *PARTS_NAMES)
) -> str:
    """A field whose text lies deeper: blocks, parts, a wrapped object; empty for none."""
    return next(
        (
            name
            for name in names
            if isinstance(record.get(name), (dict, list)) and any(is_prose(text) for text in strings_in(record[name]))
        ),
        "",
    )


def has_text(value: Any) -> bool:
    """Whether a value is a record that says something: a text or a title of its own."""
    if isinstance(value, str):
        return is_prose(value)
    if not isinstance(value, dict):
        return False
    value = unwrapped(value)
    name = text_name(value)
    if name and (has_letters(as_text(value[name])) or name in TEXT_NAMES):
        return True
    if as_name(value.get("title")) and has_letters(as_name(value.get("title"))):
        return True
    return bool(
        longest_text_name(value)
        or nested_text_name(value)
        or any(is_prose(as_name(value.get(name))) for name in TITLE_NAMES)
    )


def unwrapped(record: dict[str, Any]) -> dict[str, Any]:
    """A record with the fields that an object in it holds, beside its own; a name that stands in both keeps what it says in both."""
    for name in WRAPPERS:
        inside = record.get(name)
        if isinstance(inside, dict) and not text_name(record, TEXT_NAMES):
            own = {key: value for key, value in record.items() if key != name}
            both = {key: value for key, value in inside.items() if key in own and own[key] != value}
            return {**inside, **own, **({name: both} if both else {})}
    return record


def records_in(document: Any) -> Iterator[Record]:
    """The records of a document, in order; none where it holds no text.

    A document is a list of records, a record, or an object around records: in lists, or in a mapping by their names.
    """
    if isinstance(document, LISTS):
        if any(has_text(item) or _has_deep_text(item) for item in _flattened(document)):
            yield from (Record(item, f"record {number}") for number, item in enumerate(_flattened(document), 1))
        return
    if not isinstance(document, dict):
        if has_text(document):
            yield Record(document)
        return
    blocks = nested_text_name(sample_of(document))
    if text_name(document, TEXT_NAMES) or (
        blocks in TEXT_NAMES and any(has_letters(as_name(document.get(name))) for name in ("title", "name", "subject"))
    ):
        yield Record(document)
        return
    lists = _lists_of_records(document)
    if lists:
        yield from _around(document, lists)
    elif _is_mapping_of_records(document):
        for number, (name, value) in enumerate(document.items(), 1):
            yield Record(value, f"record {number}", name)
    elif has_text(document) or _has_deep_text(document):
        yield Record(document)


def _around(document: dict[str, Any], names: list[str]) -> Iterator[Record]:
    """The records of an object around them, and what it says itself."""
    rest = {key: value for key, value in document.items() if key not in names and key not in ABOUT_THE_EXPORT}
    rest = {key: value for key, value in rest.items() if value not in (None, "", [], {})}
    shared: dict[str, Any] = {}
    if has_text(rest) or _has_deep_text(rest):
        yield Record(rest, "head")
    else:
        shared = {key: value for key, value in rest.items() if key in SHARED_NAMES}
        others = {key: value for key, value in rest.items() if key not in shared and any(strings_in(value))}
        if others:
            shared["envelope"] = others
    number = 0
    for name in names:
        inside = document[name]
        pairs = inside.items() if isinstance(inside, dict) else (("", item) for item in _flattened(inside))
        for own, item in pairs:
            number += 1
            where = {"list": name} if len(names) > 1 else {}
            yield Record(item, f"record {number}", own, {**shared, **where})


def _lists_of_records(document: dict[str, Any]) -> list[str]:
    """The names under which an object has its records; one well-known name, or every list of records."""
    inside = [
        name
        for name, value in sample_of(document).items()
        if (isinstance(value, list) and any(has_text(item) for item in _flattened(value)) and _mostly_objects(value))
        or (name in RECORD_LISTS and isinstance(value, list) and any(has_text(item) for item in _flattened(value)))
        or (name in RECORD_LISTS and isinstance(value, dict) and _is_mapping_of_records(value))
    ]
    known = [name for name in RECORD_LISTS if name in inside]
    if known:
        return [name for name in inside if name in known]
    return (
        inside
        if not has_text({key: value for key, value in document.items() if key not in inside}) or len(inside) == 1
        else []
    )


def _mostly_objects(value: list[Any]) -> bool:
    return sum(isinstance(item, dict) for item in value) * 2 > len(value)


def _is_mapping_of_records(document: dict[str, Any]) -> bool:
    """Whether an object is records by name: each value is an object with text."""
    return bool(document) and all(isinstance(value, dict) and has_text(value) for value in document.values())


def _has_deep_text(document: Any) -> bool:
    """Whether there is prose anywhere in a value."""
    return any(is_prose(text) for text in strings_in(document))


def _flattened(items: list[Any] | LongList) -> Iterator[Any]:
    """The items of a list; lists within it are opened. What is neither object nor text says nothing."""
    waiting = [iter(items)]
    while waiting:
        item = next(waiting[-1], _END)
        if item is _END:
            waiting.pop()
        elif isinstance(item, list):
            waiting.append(iter(item))
        elif isinstance(item, (dict, str)):
            yield item


_END = object()


def is_prose(text: str) -> bool:
    """Whether a text is more than a word, a number, a date or an address."""
    text = text.strip()
    if _WITHOUT_BLANKS.search(text):
        return True
    return bool(_SENTENCE.search(text)) and bool(_WORD.search(text)) and not _ADDRESS.match(text)
