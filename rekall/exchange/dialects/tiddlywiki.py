"""TiddlyWiki: tiddlers in JSON, as its export gives them out, and `.tid` files, of which Node.js keeps one for each."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from rekall.errors import InvalidInput
from rekall.exchange.dialect import NamedLink, Note, Refused, Source
from rekall.exchange.json_shapes import Ids, as_name, as_text, document_of, file_words, objects_in, when, without

_STAMP = re.compile(r"\d{17}\Z")
_TAG = re.compile(r"\[\[([^\[\]\n]+)\]\]|(\S+)")
_LINK = re.compile(r"\[\[(?:[^\[\]|\n]*\|)?([^\[\]|\n]+)\]\]")
_FIELD = re.compile(r"(?P<name>[^\s:][^:\n]*):[ \t]*(?P<value>.*)\Z")
_OWN_TYPES = ("text/vnd.tiddlywiki", "text/x-markdown", "text/markdown", "text/plain")


class TiddlyWiki:
    """Tiddlers, each with its fields."""

    name = "tiddlywiki"
    title = "TiddlyWiki"
    suffixes: tuple[str, ...] = (".json", ".tid")
    keys: Mapping[str, str] = {}
    hint = "Tools → Export all → JSON file; of a wiki of Node.js, the folder tiddlers/ as it is."

    def fits(self, source: Source) -> bool:
        """Whether a file holds tiddlers."""
        if source.suffix == ".tid":
            try:
                return bool(source.text.strip())
            except (InvalidInput, OSError):
                return False
        found = objects_in(document_of(source))
        dated = [item for item in found if _STAMP.match(str(item.get("created", item.get("modified", ""))))]
        return bool(dated) and all("title" in item for item in found)

    def notes(self, source: Source) -> Iterator[Note | Refused]:
        """Every tiddler; what is a plugin, and what says only how the wiki looks, is none."""
        if source.suffix == ".tid":
            yield _note(_tiddler(source.text), "", source, Ids())
            return
        ids = Ids()
        for number, item in enumerate(source.document, 1):
            record = item if isinstance(item, dict) else {"text": as_text(item)}
            if not _is_of_the_wiki(record) and any(map(as_text, record.values())):
                yield _note(record, f"record {number}", source, ids)


def _is_of_the_wiki(record: Mapping[str, Any]) -> bool:
    is_system = as_name(record.get("title")).startswith("$:/")
    return is_system and ("plugin-type" in record or not as_text(record.get("text")).strip())


def _tiddler(text: str) -> dict[str, Any]:
    """The fields of a `.tid` file: a line each up to an empty one, and the text."""
    lines, fields = text.split("\n"), dict[str, Any]()
    for number, line in enumerate(lines):
        found = _FIELD.match(line)
        if not found:
            rest = lines[number:]
            return {**fields, "text": "\n".join(rest[1:] if not line.strip() else rest)}
        if found["name"] in fields:
            return {**fields, "text": "\n".join(lines[number:])}
        fields[found["name"]] = found["value"]
    return fields


def _note(record: Mapping[str, Any], part: str, source: Source, ids: Ids) -> Note:
    """A tiddler. Its dates have seventeen digits, in UTC; its tags are written between blanks, longer ones in brackets."""
    fields, content = without(record, "text"), as_text(record.get("text")).strip("\n")
    if record.get("text") and not content.strip():
        fields["text"] = record["text"]
    written = fields.get("tags")
    tags: tuple[str, ...] = ()
    if isinstance(written, str):
        tags = tuple(one or other for one, other in _TAG.findall(fields.pop("tags")))
    if fields.get("type") in _OWN_TYPES:
        fields["text_type"] = fields.pop("type")
    moments = {name: _moment(fields.get(name)) for name in ("created", "modified")}
    fields = {name: value for name, value in fields.items() if not moments.get(name)}
    return Note(
        fields=fields,
        content=content,
        name=file_words(source),
        record_id=ids.once(record.get("title")),
        part=part,
        created_at=moments["created"],
        updated_at=moments["modified"],
        tags=tags,
        links=tuple(NamedLink(name) for name in dict.fromkeys(_LINK.findall(content)) if "://" not in name),
    )


def _moment(value: Any) -> datetime | None:
    text = as_name(value)
    if not _STAMP.match(text):
        return None
    return when(f"{text[:4]}-{text[4:6]}-{text[6:8]}T{text[8:10]}:{text[10:12]}:{text[12:14]}.{text[14:]}Z")


DIALECT = TiddlyWiki()
