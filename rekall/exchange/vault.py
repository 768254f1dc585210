"""An entry as a note of an Obsidian vault, and back: both halves of one form.

Properties hold the fields, links are wikilinks; a block at the end of the text says the links in words, with their reasons,
and the ids of their other ends in comments that Obsidian does not show.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rekall.entry.fields import Entry
from rekall.entry.types import Link, LinkType, NamedLink
from rekall.exchange.markdown_writing import dump_front_matter
from rekall.exchange.outgoing import record_of

MARK, MARKED = "rekall", "vault"
"""The property by which a note of ours is known, and its value."""

MARK_LINE = f"\n{MARK}: {MARKED}\n"

TAGS_AS_WRITTEN = "tags_as_written"
SUPERSEDED_BY = "superseded_by"
ALIASES, KEYWORDS, TAGS, LINKS = "aliases", "keywords", "tags", "links"
KINDS = tuple(kind.value for kind in LinkType)
TAKEN = (MARK, TAGS_AS_WRITTEN, ALIASES, *KINDS)

_FIRST = ("id", "title", ALIASES, TAGS)
_BEGIN, _END = f"%%{MARK}%%", f"%%/{MARK}%%"
_BLOCK = re.compile(rf"^{_BEGIN}\n(?P<lines>(?:(?!{_BEGIN}$).*\n)*?){_END}[ \t]*$\n?", re.MULTILINE)
_LINE = re.compile(
    r"^- (?P<phrase>[a-z ]+) \[\[(?P<target>[^\[\]|]+)(?:\|[^\[\]]*)?\]\](?:: (?P<reason>.*?))? %%(?P<id>[0-9A-Z]{26})%%$"
)
_WIKILINK = re.compile(r"\A\s*\[\[(?P<target>[^\[\]|]+)(?:\|[^\[\]]*)?\]\]\s*\Z")
_NO_ALIAS = dict.fromkeys(map(ord, "[]|\n"), " ")
_WORDS_OF_TAGS = {"+": "plus", "#": "sharp"}


@dataclass(frozen=True, slots=True)
class _Line:
    """What a line of the block says of a link: the id of its other end, and why, or empty."""

    entry_id: str
    reason: str


@dataclass(frozen=True, slots=True)
class Restored:
    """A note of ours, taken apart.

    Attributes:
        fields: The record that it was; links to known ids are in it.
        content: The text without the block.
        links: Links that somebody has added, to notes known by name alone.
    """

    fields: Mapping[str, Any]
    content: str
    links: tuple[NamedLink, ...]


def vault_note(entry: Entry, links: Sequence[Link], names: Mapping[str, str], titles: Mapping[str, str]) -> str:
    """An entry as a note.

    Args:
        entry: The entry.
        links: Those that start at it.
        names: The names of the vault's files without their suffix, by id.
        titles: The titles of all entries, by id.
    """

    def wikilink(entry_id: str) -> str:
        title = " ".join(titles.get(entry_id, entry_id).translate(_NO_ALIAS).split())
        name = names.get(entry_id) or _linkable(titles.get(entry_id, "")) or entry_id
        return f"[[{name}]]" if name == title or not title else f"[[{name}|{title}]]"

    record = record_of(entry, links, TAKEN)
    record.pop(LINKS, None)
    lines = []
    if KEYWORDS in record:
        record[ALIASES] = record.pop(KEYWORDS)
    if entry.tags:
        record |= _obsidian_tags(entry.tags)
    if entry.superseded_by:
        record[SUPERSEDED_BY] = wikilink(entry.superseded_by)
        lines.append(f"- superseded by {record[SUPERSEDED_BY]} %%{entry.superseded_by}%%")
    for link in links:
        record.setdefault(link.type.value, []).append(wikilink(link.target))
        reason = f": {link.reason}" if link.reason else ""
        lines.append(f"- {_phrase(link.type.value)} {wikilink(link.target)}{reason} %%{link.target}%%")
    record = {**{name: record[name] for name in _FIRST if name in record}, **record, MARK: MARKED}
    content = entry.content
    if lines or _BEGIN in content:
        block = "\n".join([_BEGIN, *(("**Links**", "", *lines) if lines else ()), _END])
        content = f"{content}\n\n{block}" if content else block
    return dump_front_matter(record, content, width=float("inf"))


def is_vault_note(fields: Mapping[str, Any]) -> bool:
    """Whether properties are those of a note that an export wrote."""
    return fields.get(MARK) == MARKED


def restored(fields: Mapping[str, Any], text: str) -> Restored:
    """What a note of ours says, also after somebody has edited it in Obsidian.

    Args:
        fields: Its properties, scalars as text.
        text: What follows them.
    """
    record = {name: value for name, value in fields.items() if name not in TAKEN}
    blocks = list(_BLOCK.finditer(text))
    known: dict[tuple[str, str], _Line] = {}
    if blocks:
        known = dict(_known(blocks[-1]["lines"]))
        text = text[: blocks[-1].start()].rstrip("\n") + "\n\n" + text[blocks[-1].end() :].lstrip("\n")
    if ALIASES in fields:
        record[KEYWORDS] = fields[ALIASES]
    if TAGS in fields:
        record[TAGS] = _own_tags(_texts(fields[TAGS]), _texts(fields.get(TAGS_AS_WRITTEN)))
    successor = _target(record.get(SUPERSEDED_BY))
    if ("superseded by", successor) in known:
        record[SUPERSEDED_BY] = known["superseded by", successor].entry_id
    links, named = [], []
    for kind in LinkType:
        for value in _texts(fields.get(kind.value)):
            target = _target(value)
            line = known.get((_phrase(kind.value), target))
            if line:
                links.append({"target": line.entry_id, "type": kind.value, "reason": line.reason})
            else:
                named.append(NamedLink(target or value, kind))
    if links:
        record[LINKS] = links
    return Restored(record, text.strip("\n"), tuple(named))


def obsidian_tag(tag: str) -> str:
    """A tag as Obsidian can have it: letters, digits, `_`, `-` and `/` for nesting, and not only digits."""
    spelled = "".join(_WORDS_OF_TAGS.get(char, char) for char in tag)
    kept = "".join(char if char in "_-/" or _is_of_a_tag(char) else "-" for char in spelled)
    kept = re.sub(r"-{2,}", "-", re.sub(r"/{2,}", "/", kept)).strip("-/") or "_"
    return f"_{kept}" if kept.replace("/", "").isdecimal() else kept


def _is_of_a_tag(char: str) -> bool:
    return unicodedata.category(char)[0] in "LMN" or unicodedata.category(char) == "So"


def _obsidian_tags(tags: Sequence[str]) -> dict[str, list[str]]:
    """The tags in Obsidian's form, and beside them all as they are where one looks otherwise."""
    forms = list(dict.fromkeys(map(obsidian_tag, tags)))
    return {TAGS: forms} if forms == list(tags) else {TAGS: forms, TAGS_AS_WRITTEN: list(tags)}


def _own_tags(tags: Sequence[str], as_written: Sequence[str]) -> list[str]:
    """The tags as they were, without those that went in Obsidian and with those that came."""
    forms = {obsidian_tag(tag) for tag in as_written}
    return [*(tag for tag in as_written if obsidian_tag(tag) in tags), *(tag for tag in tags if tag not in forms)]


def _known(lines: str) -> Iterable[tuple[tuple[str, str], _Line]]:
    """What the lines of a block say, by the words before a link and its target."""
    for line in lines.splitlines():
        found = _LINE.match(line)
        if found:
            yield (found["phrase"], found["target"]), _Line(found["id"], found["reason"] or "")


def _phrase(kind: str) -> str:
    return kind.replace("_", " ")


def _target(value: object) -> str:
    found = _WIKILINK.match(value) if isinstance(value, str) else None
    return found["target"] if found else ""


def _texts(value: object) -> list[str]:
    if value in (None, ""):
        return []
    return [str(item) for item in value] if isinstance(value, list) else [str(value)]


def _linkable(title: str) -> str:
    """A title as the target of a link to a note that is not in the vault."""
    return " ".join(re.sub(r"[\[\]|#^\\/:%]", " ", title).split())
