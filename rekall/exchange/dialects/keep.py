"""Google Keep, as Takeout gives it out: one JSON file a note."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from rekall.exchange.dialect import Note, Refused, Source
from rekall.exchange.json_shapes import (
    as_name,
    as_names,
    as_text,
    changed_on_disk,
    document_of,
    file_words,
    first_line,
    listed,
    when,
    without,
    words_of,
)
from rekall.exchange.leftovers import whole

_OWN = frozenset({"textContent", "listContent", "userEditedTimestampUsec", "createdTimestampUsec"})
_MOST_ITEMS = 5_000
"""Items of a list that are looked at one by one; a longer list is kept as it was beside its text."""

_SAID = ("textContent", "textContentHtml", "listContent", "labels", "isTrashed")


class Keep:
    """One note of Google Keep a file."""

    name = "keep"
    title = "Google Keep"
    suffixes: tuple[str, ...] = (".json",)
    keys: Mapping[str, str] = {"createdTimestampUsec": "created_at", "userEditedTimestampUsec": "updated_at"}
    hint = "takeout.google.com, with Keep alone chosen, unpacked: import the folder Takeout/Keep. The .html beside each .json says the same again and is passed over."

    def fits(self, source: Source) -> bool:
        """Whether a file is a note of Keep."""
        document = document_of(source)
        return (
            isinstance(document, dict)
            and len(_OWN & document.keys()) >= 2
            and ("title" in document or "isTrashed" in document)
        )

    def notes(self, source: Source) -> Iterator[Note | Refused]:
        """The note of a file; none where it is empty."""
        record: Mapping[str, Any] = source.document
        text = as_text(record.get("textContent"))
        items = _items(record.get("listContent"))
        content = "\n\n".join(part for part in (text.strip("\n"), items) if part.strip())
        fields = {
            name: value for name, value in without(record, *_SAID).items() if value is not False and value != "DEFAULT"
        }
        html = as_text(record.get("textContentHtml"))
        if html and not _same(html, content):
            fields["textContentHtml"] = html
        links = [link for link in _annotations(record) if as_name(link.get("url"))]
        if links:
            fields["sources"] = list(dict.fromkeys(as_name(link["url"]) for link in links))
        labels = as_names(record.get("labels"))
        if not (content or as_name(fields.get("title")) or links or fields.get("attachments") or labels):
            return
        deleted = record.get("isTrashed") is True
        note = Note(
            fields=fields,
            content=content,
            title="" if as_name(fields.get("title")) else first_line(content) or _annotation_title(links),
            name=file_words(source),
            tags=labels,
            deleted_at=(when(record.get("userEditedTimestampUsec")) or changed_on_disk(source)) if deleted else None,
        )
        yield whole(
            note,
            record,
            *(["textContentHtml"] if html else []),
            *(["color"] if record.get("color") == "DEFAULT" else []),
            *(["listContent"] if _plain(record.get("listContent")) else []),
        )


def _items(value: Any) -> str:
    """A list of things to do as Markdown; empty for none."""
    items = (
        [item for item in value if isinstance(item, dict) and as_text(item.get("text")).strip()]
        if isinstance(value, list)
        else []
    )
    return listed(
        [as_text(item["text"]) for item in items], lambda at: "[x] " if items[at].get("isChecked") is True else "[ ] "
    )


def _plain(items: Any) -> bool:
    """Whether a list is nothing but texts with a box each, and their HTML the same texts."""
    return (
        isinstance(items, list)
        and len(items) <= _MOST_ITEMS
        and all(
            isinstance(item, dict)
            and item.keys() <= {"text", "textHtml", "isChecked"}
            and isinstance(item.get("text"), str)
            and isinstance(item.get("textHtml", ""), str)
            and _same(item.get("textHtml", ""), item["text"])
            for item in items
        )
    )


def _same(html: str, text: str) -> bool:
    """Whether HTML says nothing but a text."""
    from rekall.exchange.page import page_text

    return words_of(page_text(html) if "<" in html or "&" in html else html) <= words_of(text)


def _annotations(record: Mapping[str, Any]) -> list[dict[str, Any]]:
    value = record.get("annotations")
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def _annotation_title(links: list[dict[str, Any]]) -> str:
    return next(filter(None, (as_name(link.get("title")) for link in links)), "")


DIALECT = Keep()
