"""Items of Joplin as it exports them raw: a title, a text, and a block of `name: value` lines at the end."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timezone
from functools import lru_cache
from pathlib import Path
from typing import Any

from rekall.entry.types import NamedLink
from rekall.errors import RekallError
from rekall.exchange.bounds import read_whole
from rekall.exchange.dialect import Note, Source
from rekall.exchange.markdown_note import links_of
from rekall.exchange.markdown_text import inline_tags, link_targets, masked
from rekall.system.decoding import decoded

NOTE, NOTEBOOK, TAG, NOTE_TAG = "1", "2", "5", "6"

_PROPERTY = re.compile(r"(?P<name>[a-z][a-z_]*): ?(?P<value>.*)\Z")
_ID = re.compile(r"[0-9a-f]{32}\Z")
_LINK = re.compile(r":/(?P<id>[0-9a-f]{32})(?:#.*)?\Z")
_ITEM_NAME = re.compile(r"[0-9a-f]{32}\.md\Z")
MACHINE = "joplin"
"""The name under which a note keeps what Joplin notes for itself: ids, empty values, noughts."""
_OWN = frozenset(
    [
        "id",
        "parent_id",
        "type_",
        "created_time",
        "updated_time",
        "encryption_applied",
        "encryption_cipher_text",
        "markup_language",
        "is_shared",
        "share_id",
        "master_key_id",
        "user_data",
        "deleted_time",
        "order",
        "application_data",
        "source",
        "source_application",
    ]
)
_SMALL = 64 * 1024
_MOST_DEPTH = 50


@dataclass(frozen=True, slots=True)
class Item:
    """One item.

    Attributes:
        title: Its first line.
        body: Its text.
        properties: The block at its end.
    """

    title: str
    body: str
    properties: Mapping[str, str]

    @property
    def id(self) -> str:
        """Its id, 32 hexadecimal digits."""
        return self.properties.get("id", "")

    @property
    def kind(self) -> str:
        """What it is: a note, a notebook, a tag, the tag of a note."""
        return self.properties["type_"]

    @property
    def is_note(self) -> bool:
        """Whether it is a note."""
        return self.kind == NOTE

    @property
    def is_encrypted(self) -> bool:
        """Whether its text cannot be read."""
        return self.properties.get("encryption_applied") == "1"


@dataclass(slots=True)
class Names:
    """What an export calls things.

    Attributes:
        notebooks: Title and parent of each notebook, by id.
        tags: The names of tags, by id.
        tags_of: The ids of the tags of a note, by its id.
    """

    notebooks: dict[str, tuple[str, str]] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)
    tags_of: dict[str, list[str]] = field(default_factory=dict)

    def notebook(self, item_id: str) -> str:
        """The name of a notebook with those above it, `Work/Servers`; empty where it is not known."""
        parts: list[str] = []
        while item_id in self.notebooks and len(parts) < _MOST_DEPTH:
            title, item_id = self.notebooks[item_id]
            parts.insert(0, title)
        return "/".join(parts)


def item_of(text: str) -> Item | None:
    """The item that a text is, None for any other text."""
    if "type_:" not in text:
        return None
    lines = text.rstrip("\n").rsplit("\n", 60)
    properties: dict[str, str] = {}
    count = len(lines)
    while count and (found := _PROPERTY.match(lines[count - 1])):
        properties[found["name"]] = found["value"].strip()
        count -= 1
    if "type_" not in properties or not _ID.match(properties.get("id", "")):
        return None
    above = "\n".join(lines[:count]).strip("\n")
    title, _, body = above.partition("\n")
    return Item(title.strip(), body.strip("\n"), dict(reversed(properties.items())))


def named(names: Names, item: Item) -> None:
    """Take up what an item says of names."""
    said = item.properties
    if item.kind == NOTEBOOK:
        names.notebooks[item.id] = (item.title, said.get("parent_id", ""))
    elif item.kind == TAG:
        names.tags[item.id] = item.title
    elif item.kind == NOTE_TAG:
        names.tags_of.setdefault(said.get("note_id", ""), []).append(said.get("tag_id", ""))


def folder_names(folder: Path) -> Names:
    """The names in a folder of a RAW export."""
    try:
        return _folder_names(folder, folder.stat().st_mtime_ns)
    except OSError:
        return Names()


@lru_cache(maxsize=4)
def _folder_names(folder: Path, changed: int) -> Names:
    """Those names, read once for all notes of a folder that has not changed."""
    names = Names()
    for path in folder.iterdir():
        if not _ITEM_NAME.match(path.name):
            continue
        try:
            item = item_of(decoded(read_whole(path, _SMALL)).text)  # a larger one is neither a notebook nor a tag
        except (OSError, RekallError):
            continue  # the import reads it as a note of its own, and says what is wrong
        if item is not None and not item.is_note:
            named(names, item)
    return names


def note_of_item(source: Source, item: Item, names: Names) -> Note:
    """The note that an item is."""
    said = item.properties
    own = {name for name, value in said.items() if _is_told(name, value)}
    fields: dict[str, Any] = {name: value for name, value in said.items() if name in own}
    notebook = names.notebook(said.get("parent_id", ""))
    if notebook:
        fields["project"] = notebook
    fields[MACHINE] = {name: value for name, value in said.items() if name not in own}
    tags = [names.tags[tag] for tag in names.tags_of.get(item.id, ()) if tag in names.tags]
    shown = masked(item.body)
    links = [NamedLink(found["id"]) for target in link_targets(shown) if (found := _LINK.match(target))]
    return Note(
        fields=fields,
        content=item.body,
        title=item.title,
        name=source.stem,
        record_id=item.id,
        tags=tuple(dict.fromkeys((*tags, *inline_tags(shown)))),
        links=tuple({link.target: link for link in (*links, *links_of(shown))}.values()),
        deleted_at=_moment(said.get("deleted_time", "")),
    )


def _is_told(name: str, value: str) -> bool:
    """Whether a property says something to a person: it is none of Joplin's own, and neither empty nor nought."""
    return name not in _OWN and bool(value.strip("0."))


def _moment(milliseconds: str) -> datetime | None:
    """A time in milliseconds; nought is none."""
    if not milliseconds.isdigit() or not int(milliseconds):
        return None
    try:
        return datetime.fromtimestamp(int(milliseconds) / 1000, timezone.utc)
    except (ValueError, OverflowError, OSError):
        return None
