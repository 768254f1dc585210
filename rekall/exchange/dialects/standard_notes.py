"""Standard Notes, as its decrypted backup gives it out: JSON in a text file, notes and tags as items of one list."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from rekall.errors import InvalidInput
from rekall.exchange.dialect import NamedLink, Note, Refused, Source, parsed_json
from rekall.exchange.json_shapes import (
    Ids,
    as_name,
    as_text,
    changed_on_disk,
    document_of,
    file_words,
    first_line,
    objects_in,
    strings_in,
    when,
    without,
    words_of,
)
from rekall.exchange.leftovers import head_of, says_something, whole

_NOT_NOTES = ("SN|", "Extension", "ItemsKey", "SmartTag", "SF|", "Theme", "Privileges")
_ENCRYPTED = re.compile(r"00\d[:\-]|[A-Za-z0-9+/]{200,}=*\Z")

_OF_A_REFERENCE = {
    "uuid": re.compile(""),
    "content_type": re.compile(r"(Note|Tag|File|SN\|\w+)\Z"),
    "reference_type": re.compile(r"(Note|Tag|File)To\w+\Z"),
}
"""What is in one, and how it looks."""


class StandardNotes:
    """A backup of Standard Notes."""

    name = "standard-notes"
    title = "Standard Notes"
    suffixes: tuple[str, ...] = (".txt", ".json")
    keys: Mapping[str, str] = {}
    hint = "Preferences → Backups, decrypted, unpacked: import “Standard Notes Backup and Import File.txt”. The folder Items beside it says the same again."

    def fits(self, source: Source) -> bool:
        """Whether a file is such a backup."""
        try:
            if source.suffix == ".txt" and not source.begins_as_json:
                return False
        except (InvalidInput, OSError):
            return False
        document = document_of(source)
        return isinstance(document, dict) and any("content_type" in item for item in objects_in(document, "items")[:5])

    def notes(self, source: Source) -> Iterator[Note | Refused]:
        """Every note, with its tags; settings and extensions are none."""
        ids, items = Ids(), source.document["items"]
        tags = _tags(items)
        for number, item in enumerate(items, 1):
            part = f"item {number}"
            if not isinstance(item, dict):
                if any(text.strip() for text in strings_in(item)):
                    yield Note(content="\n".join(strings_in(item)), name=file_words(source), part=part)
            elif item.get("content_type") == "Note" and _ENCRYPTED.match(str(item.get("content"))):
                yield Refused(
                    f"{source.path}, {part}",
                    InvalidInput("the note is encrypted", "make a decrypted backup: Preferences → Backups → Decrypted"),
                )
            elif item.get("content_type") == "Note":
                uuid = as_name(item.get("uuid"))
                note = _note(item, part, source, tuple(tags.get(uuid, ())), ids.once(uuid))
                if note is not None:
                    yield note
            elif item.get("content_type") not in ("Tag", None) and str(item["content_type"]).startswith(_NOT_NOTES):
                continue
            elif not _is_plain_tag(item):
                fields = without(item)
                if says_something(fields, ("uuid", "content_type"), ("created_at", "updated_at")):
                    yield Note(fields=fields, name=file_words(source), part=part, record_id=ids.once(item.get("uuid")))
        yield from head_of(source, source.document, "items", "keyParams", "auth_params")


def _is_plain_tag(item: Mapping[str, Any]) -> bool:
    """Whether an item is a tag and nothing else; one that no note has says nothing."""
    content = item.get("content")
    return (
        item.get("content_type") == "Tag"
        and isinstance(content, dict)
        and bool(as_name(content.get("title")))
        and isinstance(content.get("references"), list)
    )


def _are_references(value: object) -> bool:
    """Whether a value names other items and says nothing else."""
    return isinstance(value, list) and all(isinstance(each, dict) and _is_reference(each) for each in value)


def _is_reference(record: Mapping[str, Any]) -> bool:
    return all(
        isinstance(value, str) and name in _OF_A_REFERENCE and _OF_A_REFERENCE[name].match(value) is not None
        for name, value in record.items()
    )


def _tags(items: list[Any]) -> dict[str, list[str]]:
    """The tags of each note by its uuid, nested ones as paths."""
    titles: dict[str, str] = {}
    parents: dict[str, str] = {}
    members: dict[str, list[str]] = {}
    for item in items:
        content = item.get("content") if isinstance(item, dict) and item.get("content_type") == "Tag" else None
        if isinstance(content, dict) and as_name(content.get("title")):
            uuid = as_name(item.get("uuid"))
            titles[uuid] = as_name(content["title"])
            for reference in objects_in(content.get("references")):
                if reference.get("content_type") == "Tag":
                    parents[uuid] = as_name(reference.get("uuid"))
                else:
                    members.setdefault(uuid, []).append(as_name(reference.get("uuid")))
    found: dict[str, list[str]] = {}
    for uuid, notes in members.items():
        path, above, seen = titles[uuid], parents.get(uuid, ""), {uuid}
        while above in titles and above not in seen:
            seen.add(above)
            path, above = f"{titles[above]}/{path}", parents.get(above, "")
        for note in notes:
            found.setdefault(note, []).append(path)
    return found


def _note(item: Mapping[str, Any], part: str, source: Source, tags: tuple[str, ...], record_id: str) -> Note | None:
    given = item.get("content")
    inside = (
        given if isinstance(given, dict) else {"text": given} if isinstance(given, str) else without({"content": given})
    )
    content = _plain(as_text(inside.get("text")))
    title = as_name(inside.get("title"))
    around = without(item, "content", "uuid", "content_type", "created_at", "updated_at")
    if not says_something(around) and not says_something(inside, ("noteType", "editorIdentifier", "preview_plain")):
        return None
    fields = without(inside, *(["title"] if title else []), "text")
    if _are_references(inside.get("references")):
        fields.pop("references", None)
    if words_of(as_text(inside.get("preview_plain"))) <= words_of(content):
        fields.pop("preview_plain", None)
    fields |= {name: value for name, value in around.items() if name not in fields}
    data = inside.get("appData")
    own = data.get("org.standardnotes.sn") if isinstance(data, dict) else None
    changed = (when(own.get("client_updated_at")) if isinstance(own, dict) else None) or when(item.get("updated_at"))
    gone = inside.get("trashed") is True or item.get("deleted") is True
    return whole(
        Note(
            fields=fields,
            content=content,
            title=title or first_line(content),
            name=file_words(source),
            record_id=record_id,
            part=part,
            created_at=when(item.get("created_at")),
            updated_at=changed,
            tags=tags,
            links=tuple(
                NamedLink(as_name(to.get("uuid")))
                for to in objects_in(inside.get("references"))
                if to.get("content_type") == "Note"
            ),
            deleted_at=(changed or changed_on_disk(source)) if gone else None,
        ),
        inside,
        "references",
        "preview_plain",
        *(["text"] if content != as_text(inside.get("text")) else []),  # read as a tree
    )


def _plain(text: str) -> str:
    """A note's text. The newer editor keeps JSON in it: a tree of which the leaves are text."""
    if not text.startswith('{"root"'):
        return text
    try:
        lines = _leaves(parsed_json(text))
    except InvalidInput:
        return text
    return "\n".join(lines).strip() or text


def _leaves(tree: Any) -> list[str]:
    """The text of a tree, a line a paragraph."""
    lines: list[str] = [""]
    waiting: list[Any] = [tree]
    while waiting:
        top = waiting.pop()
        if isinstance(top, list):
            waiting.extend(reversed(top))
        elif isinstance(top, dict):
            if top.get("type") in ("paragraph", "heading", "listitem", "quote", "code", "linebreak") and lines[-1]:
                lines.append("")
            for name in ("text", "url"):
                if isinstance(top.get(name), str):
                    lines[-1] += top[name] if name == "text" else f"<{top[name]}> "
            waiting.extend(top[name] for name in ("children", "root") if name in top)
    return lines


DIALECT = StandardNotes()
