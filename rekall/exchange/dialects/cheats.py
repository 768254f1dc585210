"""Pages of commands, taken in as they are: tldr, navi's `.cheat` files, and the sheets of cheat."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace

from rekall.exchange.dialect import Note, Refused, Source
from rekall.exchange.markdown_note import KEYS, note_of, page_of, text_or_nothing
from rekall.exchange.markdown_text import SUFFIXES, unique

NAVI = ".cheat"

_TLDR = re.compile(r"\A\s*# (?P<name>[^\n]+)\n+(?:> [^\n]*\n)+\n*(?:- [^\n]+:?\n+`[^\n]+`|>|\Z)")
_TLDR_ITEM = re.compile(r"^- [^\n]+:\n\n?`[^\n]+`[ \t]*$", re.MULTILINE)
_NAVI_TAGS = re.compile(r"^%[ \t]*(?P<tags>[^\n]+)$", re.MULTILINE)
_FOLDERS = frozenset(
    {"cheat", "cheats", "cheatsheet", "cheatsheets", "cheat.sheets", ".cheat", "personal", "community"}
)
_SHEET_HEAD = re.compile(r"\A---\n(?:[^\n]*\n){0,10}?(?:syntax|tags):", re.MULTILINE)
_SHEET_ITEM = re.compile(r"^# ?\S[^\n]*\n[^\s#][^\n]*$", re.MULTILINE)
_SHEET_TASK = re.compile(r"^# ?(?:To [a-z]|[A-Z][^\n]*:$)[^\n]*\n[^\s#][^\n]*$", re.MULTILINE)
_NO_SHEET = re.compile(
    r"[A-Z][A-Z_.-]+\Z|(?i:makefile|dockerfile|vagrantfile|gemfile|rakefile|procfile|jenkinsfile|justfile|brewfile)|"
    r".*(?:config|rc)\Z"
)
_MOST_BYTES = 256 * 1024
"""Files without a suffix are of any kind; a larger one is no sheet, and is not read."""


class Tldr:
    """A page of tldr a file."""

    name = "tldr"
    title = "tldr pages"
    suffixes: tuple[str, ...] = SUFFIXES
    keys: Mapping[str, str] = KEYS
    hint = "Import a clone of tldr-pages, or the cache of a client: pages/, or one folder of it."

    def fits(self, source: Source) -> bool:
        """Whether a file is a name, a description, and commands with what they do."""
        if source.suffix not in self.suffixes:
            return False
        text = text_or_nothing(source)
        return bool(_TLDR.match(text)) and bool(_TLDR_ITEM.search(text))

    def notes(self, source: Source) -> Iterator[Note | Refused]:
        """The page. What is in double braces are its placeholders, and makes it no template."""
        found = note_of(page_of(source))
        yield replace(found, tags=(), is_template=False)


class Cheat:
    """A sheet of commands a file."""

    name = "cheat"
    title = "Cheat sheets (cheat, navi)"
    suffixes: tuple[str, ...] = (NAVI, "")
    keys: Mapping[str, str] = KEYS
    hint = "Import the folder of the sheets: ~/.config/cheat/cheatsheets, or navi's folder of .cheat files."

    def fits(self, source: Source) -> bool:
        """Whether a file is one of navi's, or has no suffix and is a sheet of commands."""
        if source.suffix == NAVI:
            return True
        if source.suffix or _NO_SHEET.match(source.path.name) or source.path.name.startswith("."):
            return False
        try:
            if source.path.stat().st_size > _MOST_BYTES:
                return False
        except OSError:
            return False
        text = text_or_nothing(source)
        if text.startswith("#!") or not text.strip():
            return False
        if _SHEET_HEAD.match(text) or len(_SHEET_TASK.findall(text)) > 1:
            return True
        return not _FOLDERS.isdisjoint(source.path.parts[-4:-1]) and bool(_SHEET_ITEM.search(text))

    def notes(self, source: Source) -> Iterator[Note | Refused]:
        """The sheet; nothing for an empty file."""
        page = page_of(source)
        if page.is_empty:
            return
        found = note_of(page, takes_heading=False)
        lines = _NAVI_TAGS.findall(page.body) if source.suffix == NAVI else []
        tags = [tag.strip() for line in lines for tag in line.split(",") if tag.strip()]
        yield replace(found, content=page.body, name=source.stem, tags=unique(tags), links=(), is_template=False)


DIALECTS = (Tldr(), Cheat())
