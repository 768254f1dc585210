"""zk: a notebook of Markdown files with ids in their names, and tags as `:a:b:` and `#two words#`."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace

from rekall.exchange.dialect import Note, Refused, Source
from rekall.exchange.markdown_note import KEYS, note_of, page_of, text_or_nothing
from rekall.exchange.markdown_text import SUFFIXES, unique

MARK = ".zk"

_COLONS = re.compile(r"^[ \t]*:(?P<tags>[^\s:`][^\s:`]*(?::[^\s:`]+)*):[ \t]*$", re.MULTILINE)
_COLON_FIRST = re.compile(r"\n[ \t]*:")
_COLONS_INSIDE = re.compile(r"(?<!\S):(?P<tags>[^\W\d_][\w/-]*(?::[^\W\d_][\w/-]*)*):(?!\S)")
_WORDS = re.compile(r"(?<!\S)#(?P<tag>[^\s#`(\[\]][^#\n`\[\]]{0,60}[^\s#`\\])#(?![\w#])")
_ID = re.compile(r"(?P<id>(?=[a-z0-9]*\d)[a-z0-9]{4,8})(?:[ _-]|\Z)")


class Zk:
    """A note a file."""

    name = "zk"
    title = "zk"
    suffixes: tuple[str, ...] = SUFFIXES
    keys: Mapping[str, str] = KEYS
    hint = "Import the notebook's folder itself; nothing needs to be exported."

    def fits(self, source: Source) -> bool:
        """Whether a file lies in a notebook, or has a line of tags between colons near its top."""
        if source.suffix not in self.suffixes:
            return False
        if MARK in source.marks:
            return True
        top = text_or_nothing(source)[:2000]
        is_asked = _COLON_FIRST.search(f"\n{top}")  # the pattern costs more than that sign
        return is_asked is not None and any(":" in found["tags"] for found in _COLONS.finditer(top))

    def notes(self, source: Source) -> Iterator[Note | Refused]:
        """The note; nothing for an empty file."""
        page = page_of(source)
        if page.is_empty:
            return
        found = note_of(page)
        is_notebook = MARK in source.marks
        words = [match["tag"] for match in _WORDS.finditer(page.shown) if " " in match["tag"]] if is_notebook else []
        first_words = {tag.split()[0] for tag in words}
        runs = [match["tags"] for match in _COLONS.finditer(page.shown) if is_notebook or ":" in match["tags"]]
        runs += [match["tags"] for match in _COLONS_INSIDE.finditer(page.shown) if ":" in match["tags"]]
        colons = [tag for run in runs for tag in run.split(":")]
        own = _ID.match(source.stem) if is_notebook else None
        yield replace(
            found,
            tags=unique((*(tag for tag in found.tags if tag not in first_words), *words, *colons)),
            keywords=unique((*found.keywords, *((own["id"],) if own else ()), *filter(None, (found.record_id,)))),
        )


DIALECT = Zk()
