"""Obsidian: a vault of Markdown files, where a note is called what its file is called; and its canvases."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Any

from rekall.errors import InvalidInput
from rekall.exchange.bounds import read_whole
from rekall.exchange.canvas import canvas_note
from rekall.exchange.dialect import Note, Refused, Source, parsed_json
from rekall.exchange.inline_fields import at_the_top
from rekall.exchange.markdown_names import FILE_NAMES, is_generic
from rekall.exchange.markdown_note import KEYS, Page, head_of, links_in, note_of, page_of, text_or_nothing
from rekall.exchange.markdown_text import SUFFIXES, unique

CANVAS = ".canvas"
MARK = ".obsidian"
_MOST_SETTINGS = 1024 * 1024

_SHAPES = re.compile(
    r"^```(?:dataview|dataviewjs|tasks|query)\b|!\[\[[^\[\]\n]{1,500}\]\]|^> \[!\w+\][+-]?[ \t]*(?!\[)\S|\[\[[^\[\]\n]{1,300}#\^|^%%",
    re.MULTILINE,
)
_SIGNS_OF_TEXT = ("![[", "> [!", "#^", "%%")
_SIGNS = ("```dataview", "```tasks", "```query", *_SIGNS_OF_TEXT)
_FIELD = re.compile(r"\A\s*(?:#{1,6} [^\n]*\n\s*)?[A-Za-z][\w -]{0,40}:: \S")
_ID_OF_BLOCK = re.compile(r"[ \t]\^[\w-]{3,}$", re.MULTILINE)
_OWN = frozenset({"cssclass", "cssclasses", "kanban-plugin", "excalidraw-plugin", "publish", "banner"})


class Obsidian:
    """A note a file."""

    name = "obsidian"
    title = "Obsidian"
    suffixes: tuple[str, ...] = (*SUFFIXES, CANVAS)
    keys: Mapping[str, str] = KEYS
    hint = "Import the vault's folder itself; nothing needs to be exported. Canvases come with it."

    def fits(self, source: Source) -> bool:
        """Whether a file lies in a vault, or is written as only Obsidian reads it."""
        if source.suffix == CANVAS or MARK in source.marks:
            return source.suffix in self.suffixes
        text = text_or_nothing(source)
        if (
            (_has_signs(text) and _SHAPES.search(text))
            or _FIELD.match(head_of(source).body)
            or ("^" in text and _ID_OF_BLOCK.search(text))
        ):
            return True
        return not _OWN.isdisjoint(head_of(source).fields)

    def notes(self, source: Source) -> Iterator[Note | Refused]:
        """The note; nothing for an empty file."""
        if source.suffix == CANVAS:
            yield from canvas_note(source)
            return
        page = page_of(source)
        if page.is_empty:
            return
        found = note_of(page, only_heading=True)
        own = {name: value for name, value in at_the_top(page.body, page.shown).items() if name not in page.fields}
        links = (*found.links, *links_in(own))
        yield replace(
            found,
            fields={**found.fields, **own},
            keywords=unique((*found.keywords, *_names(page, found))),
            links=tuple({(link.target, link.type): link for link in links}.values()),
            is_template=found.is_template or (MARK in source.marks and _is_in_template_folder(source)),
        )


def _has_signs(text: str) -> bool:
    """Whether it is worth to look for what only Obsidian reads: the patterns cost more than their signs."""
    signs = _SIGNS if "`" in text else _SIGNS_OF_TEXT
    return any(map(text.__contains__, signs))


def _names(page: Page, note: Note) -> tuple[str, ...]:
    """The name of the file, where it is not the title: people link and look for that."""
    stem = page.source.stem.strip()
    title = str(page.fields.get("title") or "") or note.title
    if not title or is_generic(stem, FILE_NAMES) or not any(char.isalpha() for char in stem):
        return ()
    words = set(re.findall(r"\w+", title.lower()))
    return () if words.issuperset(re.findall(r"\w+", stem.lower())) else (stem,)


def _is_in_template_folder(source: Source) -> bool:
    """Whether the settings of the vault around a file say that it is a template."""
    root = next((folder for folder in source.path.parents if (folder / MARK).is_dir()), None)
    if root is None:
        return False
    settings = (
        (root / MARK / "templates.json", "folder"),
        (root / MARK / "plugins" / "templater-obsidian" / "data.json", "templates_folder"),
    )
    folders = (_setting(path, name, _changed(path)) for path, name in settings)
    return any(folder and root / folder in source.path.parents for folder in folders)


def _changed(path: Path) -> int:
    try:
        return path.stat().st_mtime_ns
    except OSError:
        return 0


@lru_cache(maxsize=64)
def _setting(path: Path, name: str, changed: int) -> str:
    """A folder that a file of settings names, empty for none.

    Args:
        path: The file.
        name: The setting.
        changed: When the file was changed, 0 for none; a vault of a thousand notes reads it once.
    """
    if not changed:
        return ""
    try:
        read: Any = parsed_json(read_whole(path, _MOST_SETTINGS).decode("utf-8"))
    except (OSError, ValueError, InvalidInput):
        return ""
    value = read.get(name) if isinstance(read, dict) else None
    return value.strip("/") if isinstance(value, str) else ""


DIALECT = Obsidian()
