"""basic-memory: notes with observations, `- [kind] text #tag (context)`, and relations, `- implements [[Note]]`."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace

from rekall.entry.types import LinkType, NamedLink
from rekall.exchange.dialect import Note, Refused, Source
from rekall.exchange.markdown_note import KEYS, head_of, note_of, page_of, text_or_nothing
from rekall.exchange.markdown_text import SUFFIXES, unique

_OBSERVATION = re.compile(r"^[ \t]*- \[(?P<kind>[^\[\]\n]{2,80})\] +\S", re.MULTILINE)
_RELATION = re.compile(
    r"^[ \t]*[-*] (?P<kind>[^\[\]\n`]{0,120})\[\[(?P<target>[^\[\]\n]{1,500})\]\](?P<rest>[^\n]*)$", re.MULTILINE
)
_ADDRESS = re.compile(r"memory://(?P<target>[^\s)\]>\"'`]+)")
_HEADING = re.compile(r"^#{1,6} (?:Observations|Relations)[ \t]*$", re.MULTILINE)
_KINDS = {
    "supersedes": LinkType.SUPERSEDES,
    "replaces": LinkType.SUPERSEDES,
    "derived_from": LinkType.DERIVED_FROM,
    "based_on": LinkType.DERIVED_FROM,
    "contradicts": LinkType.CONTRADICTS,
}
_PLAIN = frozenset(
    {"", "relates_to", "related_to", "relates", "related", "links_to", "link", "see", "see_also", "references"}
)


class BasicMemory:
    """A note a file."""

    name = "basic-memory"
    title = "basic-memory"
    suffixes: tuple[str, ...] = SUFFIXES
    keys: Mapping[str, str] = KEYS
    hint = "Import the folder of the project, ~/basic-memory by default."

    def fits(self, source: Source) -> bool:
        """Whether a file has observations or relations, or the head that basic-memory writes."""
        if source.suffix not in self.suffixes:
            return False
        text = text_or_nothing(source)
        is_asked = "Observations" in text or "Relations" in text  # the patterns cost more than the words
        has_parts = (
            is_asked and bool(_HEADING.search(text)) and bool(_OBSERVATION.search(text) or _RELATION.search(text))
        )
        return has_parts or {"permalink", "type", "title"} <= set(head_of(source).fields)

    def notes(self, source: Source) -> Iterator[Note | Refused]:
        """The note; nothing for an empty file."""
        page = page_of(source)
        if page.is_empty:
            return
        found = note_of(page)
        relations = [link for match in _RELATION.finditer(page.shown) if (link := _link(match))]
        said = {link.target for link in relations}
        links = [*relations, *(link for link in found.links if link.target not in said)]
        links += [NamedLink(match["target"].rstrip(".,;")) for match in _ADDRESS.finditer(page.shown)]
        permalink = page.fields.get("permalink")
        name = permalink.strip() if isinstance(permalink, str) else ""
        yield replace(
            found,
            record_id=name or found.record_id,
            keywords=unique((*found.keywords, *((name,) if name else ()))),
            links=tuple({(link.target, link.type, link.reason): link for link in links}.values()),
        )


def _link(match: re.Match[str]) -> NamedLink | None:
    """A relation: its kind and its context are the reason. None where the line goes on in other words."""
    rest = match["rest"].strip()
    if rest and not (rest.startswith("(") and rest.endswith(")")):
        return None
    kind = match["kind"].strip().strip("*_:")
    word = "_".join(kind.lower().split())
    context = rest[1:-1].strip()
    said = "" if word in _PLAIN or word in _KINDS else kind
    reason = f"{said} ({context})" if said and context else said or context
    return NamedLink(match["target"].split("|")[0].strip(), _KINDS.get(word, LinkType.RELATED), reason)


DIALECT = BasicMemory()
