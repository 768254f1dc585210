"""Plain text, reStructuredText and AsciiDoc: the whole file is the text, and its title is found where such files have it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from rekall.errors import InvalidInput
from rekall.exchange.dialect import Note, Refused, Source
from rekall.exchange.json_shapes import file_words, when

_NO_NOTES = re.compile(
    r"(?:robots|humans|security|ads|llms(?:-full)?|CMakeLists|requirements.*|constraints.*|.*[-_.]requirements|top_level|entry_points|SOURCES)\.txt\Z",
    re.IGNORECASE,
)
_LONGEST_TITLE = 100
_RULE = re.compile(r"[=\-~^\"'`#*+:.<>_]{3,}[ \t]*\Z")
_RST_FIELD = re.compile(r"(?:\.\.[ \t]+(?P<nikola>[\w-]+):|:(?P<field>[\w -]+):)(?:[ \t]+(?P<value>.*\S))?[ \t]*\Z")
_RST_SKIPPED = re.compile(r"\.\.(?:[ \t]|\Z)")
_ADOC_TITLE = re.compile(r"(?:=|#)[ \t]+(?P<title>\S.*)\Z")
_ADOC_FIELD = re.compile(r":(?P<name>!?[\w-]+!?):(?:[ \t]+(?P<value>.*\S))?[ \t]*\Z")
_MARKED = re.compile(r"(?P<mark>#{1,6}|={1,6})[ \t]+(?P<title>\S.*)\Z")
_ZIM_FIELD = re.compile(r"(?P<name>Content-Type|Wiki-Format|Creation-Date|Modification-Date):[ \t]*(?P<value>.*)\Z")
_HEAD_FIELD = re.compile(r"(?P<name>title|date|tags|identifier|signature):[ \t]*(?P<value>.*)\Z")
_HEAD_END = re.compile(r"-{5,}[ \t]*\Z")
_PLACEHOLDER = re.compile(r"%(?P<name>title|date|template|nohtml)(?:[ \t]+(?P<value>.*))?\Z")
_NO_TITLE = re.compile(r"(?:[-*+•>|$%{<\[(]|\d+[.)][ \t]|//|https?:)")

_CREATED = ("date", "created", "creation-date", "revdate", "published", "page-date")
_CHANGED = ("modified", "updated", "modification-date", "last-modified", "docdate")
_TAGS = ("tags", "keywords", "page-tags", "category", "categories", "tag")
_KEPT = (
    "author",
    "authors",
    "status",
    "slug",
    "summary",
    "description",
    "link",
    "version",
    "copyright",
    "organization",
    "contact",
    "type",
    "lang",
)


class PlainText:
    """A text of no tool's own."""

    name = "text"
    title = "Plain text, reStructuredText, AsciiDoc"
    suffixes: tuple[str, ...] = (".txt", ".text", ".rst", ".rest", ".adoc", ".asciidoc", ".asc", ".wiki")
    keys: Mapping[str, str] = {}
    hint = "A folder of text files, as it is: also those of nvALT, Notational Velocity, Zim, vimwiki, DokuWiki, Apple's Notes and of any editor."

    def fits(self, source: Source) -> bool:
        """Whether a file is a text that says something, and not one that an export has beside its own file."""
        if _NO_NOTES.match(source.path.name) or _is_second_form(source):
            return False
        try:
            text = source.text
        except InvalidInput:
            return False
        except OSError:
            return True
        return bool(text.strip()) and not (source.suffix == ".asc" and text.lstrip().startswith("-----BEGIN "))

    def notes(self, source: Source) -> Iterator[Note | Refused]:
        """The note of a file."""
        text = source.text
        lines = text.split("\n")
        if source.suffix in (".rst", ".rest"):
            title, said = _rst(lines)
        elif source.suffix in (".adoc", ".asciidoc", ".asc"):
            title, said = _asciidoc(lines)
        else:
            title, said = _text(lines)
        fields: dict[str, Any] = {name: said[name] for name in _KEPT if said.get(name)}
        yield Note(
            fields=fields,
            content=text.strip("\n"),
            title=title[:500],
            name=file_words(source),
            created_at=next(filter(None, (when(said.get(name)) for name in _CREATED)), None),
            updated_at=next(filter(None, (when(said.get(name)) for name in _CHANGED)), None),
            tags=tuple(dict.fromkeys(tag for name in _TAGS for tag in _tags(said.get(name, "")))),
        )


def _is_second_form(source: Source) -> bool:
    """Whether the file says again what lies in the export beside it: of Simplenote, Standard Notes, Google Keep."""
    folders = list(source.path.parents)[:4]
    if any((folder / "source" / "notes.json").is_file() for folder in folders[:2]):
        return True
    if source.path.name == "Labels.txt" and any(source.path.parent.glob("*.json")):
        return True
    backup = "Standard Notes Backup and Import File.txt"
    return source.path.name != backup and any(
        folder.name == "Items" and (folder.parent / backup).is_file() for folder in folders
    )


def _text(lines: list[str]) -> tuple[str, dict[str, str]]:
    """The title of a plain text, and what the head of a page of Zim says."""
    said: dict[str, str] = {}
    at = _first(lines)
    head = _head_of_denote(lines[at : at + 8])
    if head.get("title"):
        return head["title"], head
    while at < len(lines) and (found := _ZIM_FIELD.match(lines[at]) or _PLACEHOLDER.match(lines[at])):
        said[found["name"].lower()] = found["value"] or ""
        at += 1
    if said.get("title"):
        return said["title"], said
    at = _first(lines, at)
    if at >= len(lines):
        return "", said
    line, following = lines[at].strip(), lines[at + 1].strip() if at + 1 < len(lines) else ""
    marked = _MARKED.match(line)
    if marked:
        title = marked["title"]
        bare = title.removesuffix(marked["mark"])
        return (bare.rstrip(" \t") if bare[-1:] in (" ", "\t") else title), said
    underlined = bool(_RULE.match(following)) and len(following) >= 3
    looks = (
        len(line) <= _LONGEST_TITLE and not _NO_TITLE.match(line) and not line.endswith((".", ",", ";", "{", "\\", ":"))
    )
    return line if bool(re.search(r"\w", line)) and looks and (underlined or not following) else "", said


def _head_of_denote(lines: list[str]) -> dict[str, str]:
    """The fields at the top of a text of denote, which a line of dashes ends; empty for none."""
    said: dict[str, str] = {}
    for line in lines:
        if _HEAD_END.match(line):
            return said
        found = _HEAD_FIELD.match(line)
        if not found:
            break
        said[found["name"]] = found["value"].strip()
    return {}


def _rst(lines: list[str]) -> tuple[str, dict[str, str]]:
    """The title of a reStructuredText, and the fields above and below it."""
    said: dict[str, str] = {}
    title, at = "", 0
    while at < len(lines):
        line = lines[at].rstrip()
        field = _RST_FIELD.match(line)
        following = lines[at + 1].rstrip() if at + 1 < len(lines) else ""
        if field and (field["nikola"] or field["field"]):
            said.setdefault((field["nikola"] or field["field"]).strip().lower(), field["value"] or "")
        elif not line or _RST_SKIPPED.match(line) or line.startswith((" ", "\t")) or _RULE.match(line):
            pass
        elif not title and _RULE.match(following):
            title, at = line.strip(), at + 1
        else:
            break
        at += 1
    return said.get("title", "") or title, said


def _asciidoc(lines: list[str]) -> tuple[str, dict[str, str]]:
    """The title of an AsciiDoc, and the attributes of its header."""
    said: dict[str, str] = {}
    title = ""
    for number, line in enumerate(lines[_first(lines) :], _first(lines)):
        line = line.rstrip(" \t")
        heading, field = _ADOC_TITLE.match(line), _ADOC_FIELD.match(line)
        if heading and not title:
            title = heading["title"]
        elif field:
            said.setdefault(field["name"].lower().strip("!"), field["value"] or "")
        elif not line.strip():
            if title:
                break
        elif not line.startswith("//") and not title:
            following = lines[number + 1].strip() if number + 1 < len(lines) else ""
            return (line.strip(), said) if re.fullmatch(r"={3,}", following) else ("", said)
    return title, said


def _first(lines: list[str], at: int = 0) -> int:
    """The number of the first line with something in it, from one on."""
    return next((number for number in range(at, len(lines)) if lines[number].strip()), len(lines))


def _tags(value: str) -> list[str]:
    """Tags between commas, in brackets or not; between blanks where there is no comma."""
    plain = value.strip("[] ")
    return [tag.strip() for tag in (plain.split(",") if "," in plain else plain.split()) if tag.strip()]


DIALECT = PlainText()
