"""Dendron: notes whose names are hierarchies, `lang.python.venv`."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace

from rekall.entry.types import NamedLink
from rekall.exchange.dialect import Note, Refused, Source
from rekall.exchange.markdown_names import date_in, words_of
from rekall.exchange.markdown_note import KEYS, head_of, note_of, page_of
from rekall.exchange.markdown_text import SUFFIXES, unique

MARK = "dendron.yml"

_MILLISECONDS = re.compile(r"1\d{12}\Z")
_VAULT = re.compile(r"dendron://[^/\s]*/")
_ID = re.compile(r"[\w-]{8,40}\Z")
_DAY = re.compile(r"\d{4}\.\d\d\.\d\d\Z")


class Dendron:
    """A note a file."""

    name = "dendron"
    title = "Dendron"
    suffixes: tuple[str, ...] = SUFFIXES
    keys: Mapping[str, str] = KEYS
    hint = "Import the workspace or one vault: the folder itself, nothing needs to be exported. Schemas are left out."

    def fits(self, source: Source) -> bool:
        """Whether a file lies in a workspace, or its head is what Dendron writes."""
        if source.suffix not in self.suffixes:
            return False
        fields = head_of(source).fields
        times = [str(fields.get(name) or "") for name in ("created", "updated")]
        is_dated = any(map(_MILLISECONDS.match, times))
        return ("id" in fields and (MARK in source.marks or is_dated)) and ("desc" in fields or is_dated)

    def notes(self, source: Source) -> Iterator[Note | Refused]:
        """The note; nothing for an empty file."""
        page = page_of(source)
        if page.is_empty:
            return
        found = note_of(page, is_alias_first=True)
        parts = source.stem.split(".")
        is_day = bool(_DAY.search(source.stem))
        day = ".".join(parts[-3:]) if is_day else ""
        above = parts[: -3 if is_day else -1]
        yield replace(
            found,
            name=day.replace(".", "-") or words_of(parts[-1]),
            record_id=str(page.fields["id"]) if _ID.match(str(page.fields.get("id") or "")) else "",
            created_at=found.created_at or (date_in(day) if day else None),
            tags=unique((*found.tags, *(("/".join(above),) if above else ()))),
            keywords=unique((*found.keywords, *((source.stem,) if above else ()))),
            links=tuple(_named(link) for link in found.links if not link.target.startswith("@")),
            is_template=found.is_template or parts[0] in ("template", "templates"),
        )


def _named(link: NamedLink) -> NamedLink:
    """A link by its name alone; `dendron://vault/name` says in which vault it is."""
    return replace(link, target=_VAULT.sub("", link.target))


DIALECT = Dendron()
