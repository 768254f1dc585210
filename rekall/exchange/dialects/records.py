"""Any JSON whose text is somewhere: lists, lines, our own exports, and whatever a tool calls its fields. Asked last."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from rekall.errors import InvalidInput
from rekall.exchange.dialect import Note, Refused, Source
from rekall.exchange.json_shapes import (
    LINES,
    Ids,
    as_name,
    as_text,
    document_of,
    file_words,
    first_line,
    has_letters,
    strings_in,
    values_of,
    when,
    words_of,
)
from rekall.exchange.record_shapes import (
    ID_NAMES,
    PARTS_NAMES,
    TEXT_NAMES,
    TITLE_NAMES,
    Record,
    has_text,
    is_machinery,
    is_prose,
    longest_text_name,
    nested_text_name,
    records_in,
    text_name,
    unwrapped,
)

_KEYS = {
    **dict.fromkeys(
        ("createdAt", "creationDate", "created_time", "createdTime", "date_created", "dateCreated"), "created_at"
    ),
    **dict.fromkeys(
        ("creation_date", "created_on", "createdOn", "create_time", "ctime", "added_at", "time"), "created_at"
    ),
    **dict.fromkeys(("createTime", "createdTs", "time_added", "highlighted_at", "createdDate", "ts"), "created_at"),
    **dict.fromkeys(
        ("updatedAt", "modified", "modified_at", "modifiedAt", "modifiedDate", "lastModified"), "updated_at"
    ),
    **dict.fromkeys(
        ("last_modified", "lastmod", "date_updated", "update_time", "edited_at", "last_edited_time"), "updated_at"
    ),
    **dict.fromkeys(
        ("updateTime", "updatedTs", "time_updated", "lastUpdate", "last_update", "updatedDate"), "updated_at"
    ),
    **dict.fromkeys(("labels", "tag", "tag_list", "tagList", "topics", "categories"), "tags"),
    **dict.fromkeys(("aliases", "alias"), "keywords"),
    **dict.fromkeys(("url", "href", "link", "source_url", "sourceUrl", "web_url", "html_url", "given_url"), "sources"),
    **dict.fromkeys(("memory_type", "kind"), "type"),
}


class Records:
    """Any JSON object whose text is somewhere."""

    name = "records"
    title = "JSON records"
    suffixes: tuple[str, ...] = (".json", *LINES)
    keys: Mapping[str, str] = _KEYS
    hint = "Any list of JSON objects, or JSON lines, with a text in each; what `rekall list --json` and `rekall export` write comes back whole."

    def fits(self, source: Source) -> bool:
        """Whether there is text in a file; a file that cannot be read fits, so that somebody hears of it."""
        if source.suffix in LINES:
            return True
        if is_machinery(source.path.name, None):
            return False
        document = document_of(source)
        if document is None:
            return not _says_nothing(source)
        return not is_machinery(source.path.name, document) and any(True for _record in records_in(document))

    def notes(self, source: Source) -> Iterator[Note | Refused]:
        """Every record of a file."""
        ids = Ids()
        has_any = False
        waiting: list[Note] = []
        for place, value in values_of(source):
            if isinstance(value, Refused):
                yield value
                continue
            if not place and is_machinery(source.path.name, value):
                continue
            found = False
            for record in records_in(value):
                part = ", ".join(
                    name for name in (place, record.part if not place or record.part != "record 1" else "") if name
                )
                note = note_of(record, part, file_words(source))
                if note is not None:
                    found = True
                    yield replace(note, record_id=ids.once(note.record_id))
            has_any = has_any or found
            if place and not found and isinstance(value, Mapping) and len(waiting) < _MOST_WAITING:
                poor = note_of(Record(dict(value), ""), place, file_words(source))
                waiting += [poor] if poor else []
            if has_any:  # a line of few words among lines of text says something, as it does in a list
                yield from (replace(note, record_id=ids.once(note.record_id)) for note in waiting)
                waiting.clear()


def note_of(record: Record, part: str, default_name: str) -> Note | None:
    """A record as a note; None where nothing in it says anything.

    Args:
        record: The record.
        part: Its place, for a report.
        default_name: What it is called where it has no name of its own.
    """
    if isinstance(record.value, str):
        text = as_text(record.value)
        return (
            Note(fields=dict(record.shared), content=text, title=first_line(text), name=default_name, part=part)
            if text.strip()
            else None
        )
    fields = {name: value for name, value in unwrapped(record.value).items() if value not in (None, "", [], {})}
    if not _says_something(fields):
        return None
    deleted_at = _deletion(fields)
    tags = _taken_labels(fields)
    content = _taken_text(fields) or _deep_text(fields)
    title = "" if as_name(fields.get("title")) else _taken_title(fields, record.name)
    named = (
        title
        or as_name(fields.get("title"))
        or first_line(content)
        or next(filter(None, map(first_line, strings_in(fields))), "")
    )
    shared = {name: value for name, value in record.shared.items() if name not in fields}
    return Note(
        fields={**fields, **shared},
        content=content,
        title=title or ("" if as_name(fields.get("title")) else named),
        name=record.name or default_name,
        record_id=next(filter(None, (as_name(fields.get(name)) for name in ID_NAMES)), "") or record.name,
        part=part,
        deleted_at=deleted_at,
        tags=tags,
    )


def _taken_text(fields: dict[str, Any]) -> str:
    """A record's text, taken out of its fields. What lies deeper is read, and kept as it was where the text misses a word of it."""
    parts = "" if text_name(fields, TEXT_NAMES) else nested_text_name(fields, PARTS_NAMES)
    name = "" if parts else text_name(fields) or longest_text_name(fields)
    if name:
        return as_text(fields.pop(name))
    name = parts or nested_text_name(fields)
    if not name:
        return ""
    value = fields.pop(name)
    content = "\n\n".join(text for text in _texts_in(value) if text.strip())
    if not words_of(" ".join([*strings_in(value), *_keys_in(value)])) <= words_of(content) | _BLOCK_WORDS:
        fields[f"{name}_as_it_was"] = value
    return content


def _taken_labels(fields: dict[str, Any]) -> tuple[str, ...]:
    """Tags that are objects with a name each, or stand in a mapping by their names; the objects stay where they say more."""
    found: list[str] = []
    for name in ("tags", "labels", "book_tags"):
        value = fields.get(name)
        items = list(value.values()) if isinstance(value, dict) else value
        if not isinstance(items, list) or not items or not all(isinstance(item, dict) for item in items):
            continue
        names = [as_name(item.get("name") or item.get("tag") or item.get("title")) for item in items]
        if all(names):
            found += names
            kept = fields.pop(name)
            said = words_of(" ".join(names))
            if any(is_prose(text) and not words_of(text) <= said for text in strings_in(kept)):
                fields[f"{name}_as_it_was"] = kept
    return tuple(dict.fromkeys(found))


def _deep_text(fields: Mapping[str, Any]) -> str:
    """The prose that lies deeper under names that nobody knows; the fields stay as they are. Empty where there is a title."""
    if any(as_name(fields.get(name)) for name in TITLE_NAMES):
        return ""
    deep = [
        as_text(text)
        for value in fields.values()
        if isinstance(value, (dict, list))
        for text in strings_in(value)
        if is_prose(text)
    ]
    return "\n\n".join(dict.fromkeys(deep))


def _texts_in(value: Any) -> Iterator[str]:
    """The texts in blocks and wrapped objects: what lies under a name of texts, else every text."""
    found = [text for text in _named_texts(value) if text.strip()]
    yield from found or [as_text(text) for text in strings_in(value)]


def _named_texts(value: Any) -> Iterator[str]:
    waiting: list[Any] = [value]
    while waiting:
        top = waiting.pop()
        if isinstance(top, list):
            waiting.extend(reversed(top))
        elif isinstance(top, dict):
            name = text_name(top)
            if name:
                yield as_text(top[name])
            waiting.extend(
                item for own, item in reversed(top.items()) if own != name and isinstance(item, (dict, list))
            )
        elif isinstance(top, str):
            yield as_text(top)


def _keys_in(value: Any) -> Iterator[str]:
    waiting: list[Any] = [value]
    while waiting:
        top = waiting.pop()
        if isinstance(top, dict):
            yield from top
        waiting.extend(top.values() if isinstance(top, dict) else top if isinstance(top, list) else ())


_MOST_WAITING = 10_000
"""Lines without text that are remembered until one with text comes, if one does."""

_LONGEST_TITLE = 200
_BLOCK_WORDS = frozenset({"type", "text", "content", "paragraph", "children", "doc", "blocks", "body", "value"})
"""Words of the building of blocks, which say nothing of what stands in them."""


def _taken_title(fields: dict[str, Any], record_name: str) -> str:
    """A record's title under another name than ours, taken out of its fields; empty for none."""
    for name in TITLE_NAMES[1:]:
        if isinstance(fields.get(name), str) and 0 < len(as_name(fields[name])) <= _LONGEST_TITLE:
            return as_name(fields.pop(name))
    return record_name if has_letters(record_name) else ""


def _deletion(fields: dict[str, Any]) -> datetime | None:
    """When a record was deleted, taken out of its fields; None for one that was not."""
    moment = when(fields.get("deleted_at", fields.get("deletedAt")))
    if moment is not None:
        fields.pop("deleted_at", fields.pop("deletedAt", None))
    return moment


def _says_something(fields: Mapping[str, Any]) -> bool:
    """Whether anything but ids is said in words."""
    return has_text(fields) or any(
        text.strip() for name, value in fields.items() if name not in ID_NAMES for text in strings_in(value)
    )


def _says_nothing(source: Source) -> bool:
    """Whether a file that is no JSON is empty or `null`, and so nothing to report."""
    try:
        return source.path.stat().st_size < 64 and source.text.strip() in ("", "null")
    except (InvalidInput, OSError):
        return False


DIALECT = Records()
