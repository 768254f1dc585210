"""Org files: one file one note, the text as it is; keywords and drawers say what it is about."""

from __future__ import annotations

import re
import shlex
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from rekall.errors import InvalidInput
from rekall.exchange.dialect import NamedLink, Note, Refused, Source
from rekall.exchange.json_shapes import file_words, when

_KEYWORD = re.compile(r"^#\+(?P<name>[\w-]+):(?P<value>.*)$", re.MULTILINE)
_DRAWER = re.compile(
    r"\A(?:[ \t]*(?:#.*)?\n)*[ \t]*:PROPERTIES:[ \t]*\n(?P<lines>(?:[ \t]*:[^:\s]+:.*\n)*?)[ \t]*:END:", re.IGNORECASE
)
_PROPERTY = re.compile(r"^[ \t]*:(?P<name>[^:\s]+):(?P<value>.*)$", re.MULTILINE)
_HEADLINE = re.compile(r"^\*+[ \t](?P<line>.*)$", re.MULTILINE)
_TODO = re.compile(r"(?P<todo>[A-Z]{2,}(?:-[A-Z]+)?)[ \t]+")
_PRIORITY = re.compile(r"\[#\w\][ \t]+")
_HEADLINE_TAGS = re.compile(r":[\w@#%:]+:\Z")
_LINK = re.compile(
    r"\[\[(?P<kind>id|file|denote|roam|docview|attachment):(?P<target>[^\[\]\n]+)\](?:\[[^\[\]\n]*\])?\]",
    re.IGNORECASE,
)
_BLOCK = re.compile(r"^[ \t]*#\+(?P<edge>begin|end)_(?P<kind>src|example|export)\b", re.IGNORECASE | re.MULTILINE)
_STAMP = re.compile(
    r"[<\[](?P<day>\d{4}-\d\d-\d\d)(?:[ \t]+[^\s\d\]>]+)?(?:[ \t]+(?P<time>\d\d?:\d\d))?[^\]>]{0,100}[\]>]"
)
_DENOTE = re.compile(r"\A(?P<id>\d{8}T\d{6})(?:==[^-_]+)?(?:--(?P<title>.*?))?(?:__(?P<tags>[^.]+?))?\Z")
_TODO_WORDS = frozenset(
    {"TODO", "DONE", "NEXT", "WAITING", "HOLD", "CANCELLED", "CANCELED", "STARTED", "IN-PROGRESS", "PROJ", "SOMEDAY"}
)
_CREATED = ("date", "created", "hugo_publishdate", "export_date")
_CHANGED = ("last_modified", "lastmod", "hugo_lastmod", "modified", "updated")
_TAGS = ("filetags", "roam_tags", "hugo_tags", "tags", "hugo_categories")
_ALIASES = ("roam_aliases", "roam_alias", "aliases")
_SOURCES = ("roam_refs", "roam_key", "source", "url", "reference")
_KEPT = ("author", "category", "description", "subtitle", "keywords", "email", "language", "status", "project", "type")


class Org:
    """A file of Org mode, Org-roam or Denote."""

    name = "org"
    title = "Org"
    suffixes: tuple[str, ...] = (".org",)
    keys: Mapping[str, str] = {}
    hint = "The folder of your Org files, of org-roam or of denote, as it is. A file is one note; its text stays Org."

    def fits(self, source: Source) -> bool:
        """Whether there is anything in a file."""
        try:
            return bool(source.text.strip())
        except InvalidInput:
            return False
        except OSError:
            return True

    def notes(self, source: Source) -> Iterator[Note | Refused]:
        """The note of a file."""
        text = source.text
        bare = _without_examples(text)
        said = _said(bare)
        denote = _DENOTE.match(source.stem)
        headlines = [_headline(found) for found in _HEADLINE.finditer(bare)]
        tags = [tag for name in _TAGS for value in said.get(name, []) for tag in _split(value)]
        tags += [tag for found in headlines for tag in found.tags]
        tags += denote["tags"].split("_") if denote and denote["tags"] else []
        fields: dict[str, Any] = {name: ", ".join(said[name]) for name in _KEPT if name in said}
        sources = [part for name in _SOURCES for value in said.get(name, []) for part in _words(value)]
        if sources:
            fields["sources"] = sources
        yield Note(
            fields=fields,
            content=text.strip("\n"),
            title=" ".join(said.get("title", [])) or _first_headline(bare, headlines),
            name=denote["title"].replace("-", " ") if denote and denote["title"] else file_words(source),
            record_id=next(
                iter(
                    [
                        *said.get("id", []),
                        *said.get("custom_id", []),
                        *said.get("identifier", []),
                        *([denote["id"]] if denote else []),
                    ]
                ),
                "",
            ),
            created_at=_first_time(said, _CREATED) or (when(denote["id"]) if denote else None),
            updated_at=_first_time(said, _CHANGED),
            tags=tuple(dict.fromkeys(tag for tag in tags if tag)),
            keywords=tuple(part for name in _ALIASES for value in said.get(name, []) for part in _words(value)),
            links=_links(bare),
        )


def _said(text: str) -> dict[str, list[str]]:
    """What keywords and the drawer at the top say of the whole file, by names in lower case."""
    said: dict[str, list[str]] = {}
    drawer = _DRAWER.match(text)
    lines = [*(_PROPERTY.finditer(drawer["lines"]) if drawer else ()), *_KEYWORD.finditer(text)]
    for found in lines:
        if value := found["value"].strip(" \t"):
            said.setdefault(found["name"].lower().rstrip("+"), []).append(value)
    return said


def _without_examples(text: str) -> str:
    """A text without its blocks of code: what is an example is not meant. One that does not end is text."""
    parts, at, begun = list[str](), 0, None
    ends = Counter(found["kind"].lower() for found in _BLOCK.finditer(text) if found["edge"].lower() == "end")
    for found in _BLOCK.finditer(text):
        kind, is_end = found["kind"].lower(), found["edge"].lower() == "end"
        ends[kind] -= is_end
        if begun is None and not is_end and ends[kind] > 0:
            begun = kind
            parts.append(text[at : found.start()])
        elif begun == kind and is_end:
            begun, at = None, found.end()
    return "".join((*parts, text[at:]))


@dataclass(frozen=True, slots=True)
class _Headline:
    """A headline taken apart."""

    start: int
    todo: str
    title: str
    tags: tuple[str, ...]


def _headline(found: re.Match[str]) -> _Headline:
    line = found["line"].strip(" \t")
    todo = _TODO.match(line)
    line = line[todo.end() :] if todo else line
    priority = _PRIORITY.match(line)
    line = line[priority.end() :] if priority else line
    cut = max(line.rfind(" "), line.rfind("\t"))
    title, last = line[: max(cut, 0)], line[cut + 1 :]
    if cut < 0 or not _HEADLINE_TAGS.match(last):
        return _Headline(found.start(), todo["todo"] if todo else "", line, ())
    return _Headline(
        found.start(), todo["todo"] if todo else "", title.rstrip(" \t"), tuple(last.strip(":").split(":"))
    )


def _first_headline(text: str, headlines: list[_Headline]) -> str:
    """The first headline, where nothing but keywords and drawers stands above it."""
    if not headlines:
        return ""
    above = _KEYWORD.sub("", _DRAWER.sub("", text[: headlines[0].start]))
    if above.strip():
        return ""
    first = headlines[0]
    is_task = not first.todo or first.todo in _TODO_WORDS
    return first.title.strip() if is_task else f"{first.todo} {first.title}".strip()


def _first_time(said: Mapping[str, list[str]], names: tuple[str, ...]) -> Any:
    for value in (value for name in names for value in said.get(name, [])):
        stamp = _STAMP.search(value)
        moment = when(f"{stamp['day']} {stamp['time'] or ''}".strip() if stamp else value)
        if moment is not None:
            return moment
    return None


def _links(text: str) -> tuple[NamedLink, ...]:
    """Links to other notes: by their id, or by their file."""
    found: dict[str, NamedLink] = {}
    for link in _LINK.finditer(text):
        target = link["target"].split("::")[0].strip().removeprefix("./")
        named = re.sub(r"\.org\Z", "", target, flags=re.IGNORECASE)
        if link["kind"].lower() in ("id", "denote", "roam") or (
            link["kind"].lower() == "file" and target.lower().endswith((".org", ".md", ".txt"))
        ):
            found.setdefault(named, NamedLink(named))
    return tuple(found.values())


def _split(tags: str) -> list[str]:
    """Tags as Org has them, `:a:b:`, or between blanks."""
    return [tag for tag in re.split(r"[:\s,]+", tags) if tag]


def _words(value: str) -> list[str]:
    """Words, of which some are between quotes."""
    try:
        return shlex.split(value)
    except ValueError:
        return value.split()


DIALECT = Org()
