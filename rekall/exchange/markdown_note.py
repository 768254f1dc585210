"""What every dialect of Markdown has in common: a file's head, its title, its date, its tags and the notes it names."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from rekall.entry.record import OTHER, means
from rekall.entry.types import NamedLink
from rekall.errors import RekallError
from rekall.exchange import markdown_names as names
from rekall.exchange import markdown_text as text_of
from rekall.exchange.dialect import Note, Source
from rekall.exchange.front_matter import NOT_READ, FrontMatter, split
from rekall.exchange.inline_fields import labels_at_the_top
from rekall.exchange.markdown_title import titled

KEYS: Mapping[str, str] = {
    "createdAt": "created_at",
    "dateCreated": "created_at",
    "creationDate": "created_at",
    "created_time": "created_at",
    "creation_time": "created_at",
    "createTime": "created_at",
    "Created time": "created_at",
    "created_date": "created_at",
    "date_added": "created_at",
    "ctime": "created_at",
    "pubDate": "created_at",
    "updatedDate": "updated_at",
    "publishDate": "created_at",
    "publish_date": "created_at",
    "published_at": "created_at",
    "publishedAt": "created_at",
    "datePublished": "created_at",
    "updatedAt": "updated_at",
    "lastUpdated": "updated_at",
    "lastModified": "updated_at",
    "last_updated": "updated_at",
    "last updated": "updated_at",
    "last-updated": "updated_at",
    "last_modified_at": "updated_at",
    "modified_at": "updated_at",
    "modifiedAt": "updated_at",
    "dateModified": "updated_at",
    "updated_time": "updated_at",
    "modified_time": "updated_at",
    "last_edited_time": "updated_at",
    "modification_date": "updated_at",
    "modification date": "updated_at",
    "Last edited time": "updated_at",
    "Last Edited Time": "updated_at",
    "modified_date": "updated_at",
    "updated_date": "updated_at",
    "mtime": "updated_at",
}
"""Names that tools of Markdown use for fields of an entry, besides those that every file may use."""

_NO_REASON = frozenset({"related", "links", "link", "see also", "see_also", "see-also", "relates", "related_to"})
_NO_LINKS = frozenset({"title", "tags", "keywords", "content", "links", "created_at", "updated_at"})
_PLACEHOLDER_LINE = re.compile(r"^(?P<name>[\w][\w -]{0,80}?)[ \t]*:[ \t]*(?P<value>(?:\{\{|<%)[^\n]*)$", re.MULTILINE)
_WORD = re.compile(r"\w+")
_ESCAPE = re.compile(r"\"[^\"]*\\")


@dataclass(frozen=True, slots=True)
class Page:
    """A Markdown file taken apart.

    Attributes:
        source: The file.
        head: Its front matter.
        fields: What that says, nothing left out.
        body: The text without blank lines around it.
        shown: The same, code left out.
    """

    source: Source
    head: FrontMatter
    fields: Mapping[str, Any]
    body: str
    shown: str

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing in it."""
        return not self.fields and not self.body.strip()


def text_or_nothing(source: Source) -> str:
    """A file's text for one who only asks whether it is of a kind; empty where it cannot be read."""
    try:
        return source.text
    except (RekallError, OSError):
        return ""


def head_of(source: Source) -> FrontMatter:
    """A file's front matter for one who only asks; empty where it cannot be read."""
    return _split(text_or_nothing(source))


@lru_cache(maxsize=4)
def _split(text: str) -> FrontMatter:
    """A text taken apart, once for all dialects that ask what it is."""
    return split(text)


def page_of(source: Source, text: str | None = None) -> Page:
    """A file taken apart. Raises InvalidInput and OSError where it cannot be read.

    Args:
        source: The file.
        text: Its text, where that is not all of it.
    """
    head = _split(source.text if text is None else text)
    fields, body = _whole(head), head.body.strip("\n")
    if not head.kind and body[:6].lower() == "title:":
        labels, below = labels_at_the_top(body)
        if len(labels) > 1:  # as MultiMarkdown and Pelican have it, without lines around it
            fields, body = dict(labels), below
    return Page(source, head, fields, body, text_of.masked(body))


def _whole(head: FrontMatter) -> dict[str, Any]:
    """The fields of a head, with the lines of it that no field holds: comments, and what YAML makes of `{{title}}`."""
    fields = dict(head.fields)
    if head.kind == "yaml" and ("{{" in head.raw or "<%" in head.raw):
        for line in _PLACEHOLDER_LINE.finditer(head.raw):
            if not isinstance(fields.get(line["name"]), str):
                fields[line["name"]] = line["value"].strip()
    if head.kind in ("yaml", "toml"):
        known = set(_WORD.findall("\n".join(texts_of(fields))))
        if known.issuperset(_WORD.findall(head.raw)):
            return fields
        lost = [line for line in head.raw.split("\n") if not known.issuperset(_WORD.findall(line))]
        kept = set(str(fields.get(NOT_READ, "")).split("\n"))
        lost = [line for line in lost if not _ESCAPE.search(line) and line not in kept]
        if lost:
            fields[NOT_READ] = "\n".join((*texts_of(fields.get(NOT_READ)), *lost))
    return fields


def texts_of(value: Any) -> Iterator[str]:
    """Every text in a value: names of mappings, items of lists, numbers as they are written."""
    if isinstance(value, Mapping):
        for name, item in value.items():
            yield str(name)
            yield from texts_of(item)
    elif isinstance(value, (list, tuple)):
        for item in value:
            yield from texts_of(item)
    elif value is not None:
        yield str(value)


def note_of(
    page: Page,
    *,
    takes_heading: bool = True,
    only_heading: bool = False,
    is_alias_first: bool = False,
) -> Note:
    """The note in a file, as it is where nothing of one tool's own is known.

    Args:
        page: The file.
        takes_heading: Whether its first heading may be the title.
        only_heading: Whether that needs to be the only one of the first level, as with tools for which a note is called
            what its file is called.
        is_alias_first: How its wikilinks are written; see `markdown_text.wikilinks`.
    """
    source, fields = page.source, dict(page.fields)
    named = next((name for name in fields if means(name) == "title" and fields[name] not in (None, "")), "")
    given = _text(fields.get(named))
    is_titled = _is_title(given, source)
    title, content = "", page.body
    if takes_heading and not is_titled:
        title, content = titled(source, page.body, page.shown, only=only_heading)
    kept = [
        name for name, value in fields.items() if _is_switch(name, value) or (name == named and given and not is_titled)
    ]
    fields = kept_as_they_are(fields, kept)
    links = (*links_of(page.shown, is_alias_first=is_alias_first), *links_in(fields))
    return Note(
        fields=fields,
        content=content,
        title=title,
        name=names.name_of(source),
        record_id=names.number_of(source.stem),
        created_at=names.date_of(source),
        tags=text_of.inline_tags(page.shown),
        links=tuple({(link.target, link.type): link for link in reversed(links)}.values())[::-1],
        is_template=names.is_template(source, given or title, f"{page.head.raw}\n{page.shown}"),
    )


def kept_as_they_are(fields: Mapping[str, Any], names_of: Sequence[str]) -> dict[str, Any]:
    """Fields of which some are kept under their names, whatever those mean elsewhere."""
    if not names_of:
        return dict(fields)
    kept = {name: fields[name] for name in names_of}
    others = fields.get(OTHER)
    rest = {name: value for name, value in fields.items() if name not in kept}
    if others is not None:
        kept |= others if isinstance(others, Mapping) else {OTHER: others}
    return {**rest, OTHER: kept}


def _is_switch(name: str, value: Any) -> bool:
    """Whether `published` says yes or no; with other tools it is a date."""
    return name == "published" and str(value).lower() in ("true", "false", "yes", "no")


def _text(value: Any) -> str:
    """A title as text; empty for what is none."""
    while isinstance(value, list) and len(value) == 1:
        value = value[0]
    return str(value).strip() if isinstance(value, (str, int, float)) else ""


def _is_title(given: str, source: Source) -> bool:
    """Whether the title in a head says something."""
    if not given or names.is_generic(given, names.FILE_NAMES):
        return False
    return not (names.is_generic(given) and names.is_generic(source.stem, names.FILE_NAMES))


def links_of(shown: str, *, is_alias_first: bool = False) -> Iterator[NamedLink]:
    """The notes that a masked text names."""
    yield from (NamedLink(name) for name in text_of.wikilinks(shown, is_alias_first=is_alias_first))
    yield from (NamedLink(path) for path in text_of.note_links(shown))


def links_in(fields: Mapping[str, Any]) -> Iterator[NamedLink]:
    """The notes that fields name in wikilinks, with the field as the reason."""
    for name, value in fields.items():
        if name == NOT_READ or (KEYS.get(name) or means(name)) in _NO_LINKS:
            continue
        reason = "" if name.lower() in _NO_REASON else name
        for item in _link_texts(value):
            yield from (NamedLink(target, reason=reason) for target in text_of.wikilinks(item))


def _link_texts(value: Any, depth: int = 0) -> Iterator[str]:
    """Texts that may hold links. YAML takes `up: [[Home]]` without quotes for a list in a list."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, list) and depth < 3:
        for item in value:
            if isinstance(item, list) and len(item) == 1 and isinstance(item[0], str):
                yield f"[[{item[0]}]]"
            else:
                yield from _link_texts(item, depth + 1)


def without_brackets(text: str) -> str:
    """A value that is a wikilink or a tag by the name in it: `[[a/b]]`, `#a` and `#[[a b]]`."""
    bare = text.strip().removeprefix("#")
    return bare[2:-2].strip() if bare.startswith("[[") and bare.endswith("]]") else bare.strip()


def listed(value: Any) -> list[str]:
    """The items of a list that may be written on one line, without brackets."""
    parts = [str(item) for item in value] if isinstance(value, (list, tuple)) else str(value or "").split(",")
    return [bare for part in parts if (bare := without_brackets(part))]
