"""Posts and pages of site generators: Hugo, Zola, Jekyll, Eleventy, Astro, Docusaurus."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from rekall.exchange.dialect import Note, Refused, Source
from rekall.exchange.markdown_names import date_in
from rekall.exchange.markdown_note import (
    KEYS,
    head_of,
    kept_as_they_are,
    listed,
    note_of,
    page_of,
    text_or_nothing,
    texts_of,
)
from rekall.exchange.markdown_text import SUFFIXES, unique

_OWN = frozenset(
    [
        "layout",
        "permalink",
        "lastmod",
        "draft",
        "slug",
        "weight",
        "menu",
        "categories",
        "category",
        "series",
        "taxonomies",
        "extra",
        "excerpt",
        "last_modified_at",
        "sidebar_position",
        "sidebar_label",
        "pubDate",
        "heroImage",
        "eleventyNavigation",
        "redirect_from",
        "toc",
        "nav_order",
        "parent",
        "has_children",
        "url",
        "publishDate",
        "expiryDate",
        "linkTitle",
        "isCJKLanguage",
    ]
)
_SHORTCODE = re.compile(r"\{\{[<%] ?/?[\w./-]+|\{% ?(?:highlight|raw|include|post_url|link|assign|endhighlight)\b")
_POSTS = frozenset({"_posts", "_drafts", "_pages", "_til", "_notes"})
_ADDRESSES = ("aliases", "alias", "url")
"""Old and new addresses of a page within its site: kept as they are, for they are no other names of it, and no source."""

_PLACES = ("path", "permalink", "url", "slug")
_DAY = re.compile(r"[/\w-]{0,40}?(\d{4})/(\d\d)/(\d\d)(?:/|\Z)")
_LABELS = ("categories", "category", "series", "topics")


class Hugo:
    """A page a file."""

    name = "hugo"
    title = "Hugo, Jekyll and other site generators"
    suffixes: tuple[str, ...] = SUFFIXES
    keys: Mapping[str, str] = KEYS
    hint = "Import the folder of the site's content: content/, _posts/, docs/."

    def fits(self, source: Source) -> bool:
        """Whether a file has a head as site generators have it, or their codes in its text."""
        if source.suffix not in self.suffixes or ".obsidian" in source.marks:
            return False
        head = head_of(source)
        if head.kind in ("toml", "json"):
            return True
        if not head.kind:
            return False
        if any(str(alias).startswith("/") for alias in listed(head.fields.get("aliases"))):
            return True
        is_post = not _POSTS.isdisjoint(source.relative.parts[:-1])
        return is_post or not _OWN.isdisjoint(head.fields) or bool(_SHORTCODE.search(text_or_nothing(source)))

    def notes(self, source: Source) -> Iterator[Note | Refused]:
        """The page; nothing for an empty file."""
        page = page_of(source)
        if page.is_empty:
            return
        found = note_of(page)
        tags, names = _labels(page.fields), _names(page.fields)
        fields = kept_as_they_are(found.fields, [name for name in _ADDRESSES if name in found.fields])
        yield replace(
            found,
            fields=fields,
            created_at=found.created_at or _date(page.fields),
            tags=unique((*found.tags, *tags)),
            keywords=unique((*found.keywords, *names)),
        )


def _date(fields: Mapping[str, Any]) -> datetime | None:
    """The day that the address of a page says: `path = "2015/08/06/rust-1.2"`."""
    for name in _PLACES:
        found = _DAY.match(str(fields.get(name) or ""))
        if found:
            return date_in("-".join(found.groups()))
    return None


def _labels(fields: Mapping[str, Any]) -> list[str]:
    """Tags that stand elsewhere than under `tags`: categories, and what Zola calls taxonomies."""
    labels = [label for name in _LABELS for label in _said(fields.get(name))]
    taxonomies = fields.get("taxonomies")
    if isinstance(taxonomies, Mapping):
        labels += [label for value in taxonomies.values() for label in _said(value)]
    return labels


def _said(value: Any) -> list[str]:
    """The items of a list, or of one that is written on a line."""
    if isinstance(value, str):
        return listed(value)
    return [text.strip() for text in texts_of(value) if text.strip()] if isinstance(value, list) else []


def _names(fields: Mapping[str, Any]) -> list[str]:
    """Other names of a page among its aliases; most of them are old addresses, and stay what they are."""
    value = fields.get("aliases")
    names = listed(value) if isinstance(value, str) else _said(value)
    return [name for name in names if "/" not in name]


DIALECT = Hugo()
