"""Roam Research's JSON: pages of blocks, which become nested lists; references to blocks are written out."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from rekall.exchange.dialect import NamedLink, Note, Refused, Source
from rekall.exchange.json_shapes import (
    Ids,
    as_name,
    as_text,
    document_of,
    file_words,
    has_letters,
    listed,
    strings_in,
    when,
    without,
)

_TASK = re.compile(r"\A\{\{(?:\[\[)?(TODO|DONE)(?:\]\])?\}\}[ \t]*")
_REFERENCE = re.compile(r"\(\(([\w-]{2,40})\)\)")
_LINK = re.compile(r"\[\[([^\[\]\n]+)\]\]")
_TAG = re.compile(r"(?<![\w#/&\[(])#(?:\[\[([^\[\]\n]+)\]\]|([^\W\d_][\w/-]*))")
_OF_A_BLOCK = (
    *("string", "uid", "children", "heading", "create-time", "edit-time", "create-email", "edit-email", "text-align"),
    *("refs", "open", "order", "view-type", "children-view-type", "emojis"),
)
"""What a block has beside its text, and what says nothing in words. Names with a colon are of Roam's own base."""

_MOST_CHARS = 8 * 1024 * 1024
"""Characters of a page up to which references are written out."""
_MOST_REFERENCES = 1_000
"""References in one block that are written out; of blocks of at most so many characters."""
_MOST_REFERRED = 4_000

_TAGS_LINE = re.compile(r"\Atags::(?P<tags>.*)", re.IGNORECASE | re.DOTALL)


class Roam:
    """A graph of Roam."""

    name = "roam"
    title = "Roam Research"
    suffixes: tuple[str, ...] = (".json",)
    keys: Mapping[str, str] = {}
    hint = "… → Export All → JSON, unpacked: import the .json."

    def fits(self, source: Source) -> bool:
        """Whether a file is a graph: pages with a title and blocks."""
        document = document_of(source)
        found = [item for item in document if isinstance(item, dict)] if isinstance(document, list) else []
        with_blocks = [item for item in found if isinstance(item.get("children"), list)]
        return bool(with_blocks) and all(
            "title" in item and all(isinstance(block, dict) and "string" in block for block in item["children"])
            for item in with_blocks[:5]
        )

    def notes(self, source: Source) -> Iterator[Note | Refused]:
        """Every page."""
        ids, pages = Ids(), source.document
        meant = {
            uid for page in pages for _uid, text in _named(page) if "((" in text for uid in _REFERENCE.findall(text)
        }
        texts = {uid: text for page in pages for uid, text in _named(page) if uid in meant} if meant else {}
        for number, item in enumerate(pages, 1):
            page = item if isinstance(item, dict) else {"title": as_text(item)}
            note = _note(page, number, source, ids, texts)
            if note is not None:
                yield note


def _note(page: dict[str, Any], number: int, source: Source, ids: Ids, texts: Mapping[str, str]) -> Note | None:
    children = page.get("children")
    content = _outline(children, texts) if isinstance(children, list) else ""
    title = as_name(page.get("title"))
    fields = without(page, "title", "uid", "children", "create-time", "edit-time")
    if _says_more(children) or (children and not isinstance(children, list)):
        fields["children"] = children
    if not (title or content or fields):
        return None
    linked = dict.fromkeys(name.strip() for name in _LINK.findall(content))
    return Note(
        fields=fields,
        content=content,
        title=title,
        name=f"{file_words(source)} {number}",
        record_id=ids.once(page.get("uid") or page.get("title")),
        part=f"record {number}",
        created_at=when(page.get("create-time")) or when(title),
        updated_at=when(page.get("edit-time")),
        tags=tuple(dict.fromkeys(tag for line in content.split("\n") for tag in _tags(line))),
        links=tuple(NamedLink(name) for name in linked if name and name != title),
    )


def _tags(line: str) -> list[str]:
    """Tags of a block; a block `Tags:: …` names some without the mark."""
    found = [one or other for one, other in _TAG.findall(line)]
    meant = _TAGS_LINE.match(line.strip().removeprefix("- "))
    return found + [name for name in _LINK.findall(meant["tags"]) if meant] if meant else found


def _outline(blocks: list[Any], texts: Mapping[str, str]) -> str:
    """Blocks as nested lists, however deep; a heading keeps its mark."""
    size = 0
    lines: list[str] = []
    waiting: list[tuple[int, Any]] = [(0, block) for block in reversed(blocks)]
    while waiting:
        depth, block = waiting.pop()
        record = block if isinstance(block, dict) else {"string": as_text(block)}
        text = as_text(record.get("string"))
        shown = _shown(text, texts) if size < _MOST_CHARS else text
        size += len(shown)
        text = shown if size < _MOST_CHARS else text
        level = record.get("heading")
        mark = "#" * level + " " if isinstance(level, int) and 0 < level < 7 else ""
        indent = "  " * min(depth, 20)
        lines += [f"{indent}{line}" for line in listed([mark + text]).split("\n")]
        children = record.get("children")
        waiting += [(depth + 1, child) for child in reversed(children if isinstance(children, list) else [])]
    return "\n".join(lines)


def _shown(text: str, texts: Mapping[str, str]) -> str:
    """A block's text with what it refers to, and tasks as boxes."""
    text = _REFERENCE.sub(lambda found: _referred(texts, found), text) if text.count("((") <= _MOST_REFERENCES else text
    return _TASK.sub(lambda found: "[x] " if found[1] == "DONE" else "[ ] ", text)


def _referred(texts: Mapping[str, str], found: re.Match[str]) -> str:
    """The text of a block that another refers to; a very long one stays where it is."""
    text = texts.get(found[1], found[0])
    return _TASK.sub("", text) if len(text) <= _MOST_REFERRED else found[0]


def _says_more(children: Any) -> bool:
    """Whether blocks say something beside their text, or have it in another form than a text."""
    waiting = [children]
    while waiting:
        top = waiting.pop()
        if isinstance(top, list):
            waiting += top
        elif isinstance(top, dict):
            below, text = top.get("children"), top.get("string")
            strange = [value for value, kind in ((below, list), (text, str)) if not isinstance(value, kind)]
            rest = [value for name, value in top.items() if name not in _OF_A_BLOCK and ":" not in name]
            if any(has_letters(found) for found in strings_in([*strange, *rest])):
                return True
            waiting.append(below if isinstance(below, list) else None)
    return False


def _named(page: Any) -> Iterator[tuple[str, str]]:
    """The texts of a page's blocks with their ids."""
    waiting = [page]
    while waiting:
        top = waiting.pop()
        if isinstance(top, list):
            waiting += top
        elif isinstance(top, dict):
            if isinstance(top.get("string"), str):
                yield as_name(top.get("uid")), top["string"]
            waiting.append(top.get("children"))


DIALECT = Roam()
