"""Reads what an import is pointed at: picks each file's dialect, and makes drafts of what the dialect found."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timezone
from functools import lru_cache
from pathlib import Path, PurePosixPath
from typing import Any

from rekall.entry.fields import MAX_LIST_ITEMS, Draft
from rekall.entry.record import NO_KEYS, Problem, Read, from_record, is_own
from rekall.entry.types import EntryType, Link, LinkType
from rekall.entry.values import clean
from rekall.errors import InvalidInput
from rekall.exchange.bounds import (
    MOST_ID_CHARS,
    MOST_LINKS,
    clipped,
    most_bytes,
    plainly,
    read_whole,
    refuse_endless,
    too_large,
)
from rekall.exchange.catalog import dialects_for
from rekall.exchange.cutting import parts
from rekall.exchange.dialect import LONG_SUFFIXES, Dialect, Note, Refused, Source, hash_of, with_set_aside
from rekall.exchange.folders import File
from rekall.exchange.lost_lines import with_lost_lines
from rekall.exchange.pipes import is_pipe, spooled
from rekall.exchange.places import identity, shown
from rekall.system.spelling import openable

MOST_REFUSED = 1_000
"""Parts of one file of which it is said why they cannot be read; where no part before can, the rest is not tried."""

AUTO = "auto"
"""The name of a project that stands for the folder or repository of each file."""

WHOLE = frozenset(("rekall", "rekall-json", "vault"))
"""Dialects of Rekall's own: what a record of theirs leaves out is empty."""

_STREAMED = (".jsonl", ".ndjson", ".enex", ".db", ".sqlite", ".sqlite3", ".zip", ".jex")
EMPTY = "empty"
"""The kind of a file that holds nothing."""

_LOOKED_AT = 64 * 1024
_MARKUP = re.compile(r"<[\w!]|\{[%{]")
"""A tag, or what an engine fills in: a page that its own dialect left out."""

_PAGES = (".html", ".htm", ".xhtml")
_MARKED_UP = (".json", ".canvas", ".ipynb", ".opml", ".tid", ".html", ".htm", ".xhtml")
"""Files whose own lines are no text; their dialects see to it that no word is lost."""

_TEMPLATE = re.compile(r"(?:\A|[/_.-])templates?(?:[/_.-]|\Z)", re.IGNORECASE)
_CONFLICT = tuple(re.compile(mark, re.MULTILINE) for mark in (r"^<{7} ", r"^={7}$", r"^>{7} "))
"""The marks of a merge, in the order in which they stand."""
_TITLE_CHARS = 100
_WHERE_CHARS = 4_500
"""A path, and which part of the file."""


@dataclass(frozen=True, slots=True)
class Found:
    """Something to import.

    Attributes:
        where: What a report calls it: the file, and the part of it.
        file: The lasting identity of its file: the absolute path.
        record: What tells it from the others of its file; empty where it is the whole file.
        has_id: Whether `record` is an id that its tool gave it, so that it is the same wherever its file lies.
        source_hash: Hash of its bytes.
        read: What it says.
        is_whole: Whether it says all there is to say: what it leaves out is empty. Rekall's own files do.
        relative: Its place below the folder that is imported, without the suffix; by which others may name it.
        names: Other names by which notes may mean it: aliases, the id of its tool.
        deleted_at: When its tool put it into the bin; None for what is no waste.
        file_time: When its file was changed last; the time of what says none itself.
        touching: The links of a deleted entry of ours, in both directions.
    """

    where: str
    file: str
    record: str
    has_id: bool
    source_hash: bytes
    read: Read
    is_whole: bool = False
    relative: str = ""
    names: tuple[str, ...] = ()
    deleted_at: datetime | None = None
    file_time: datetime | None = None
    touching: tuple[Link, ...] = ()

    @property
    def path(self) -> str:
        """Its lasting identity."""
        return f"{self.file}#{self.record}" if self.record else self.file


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A file that holds no note: a template, or of a kind that nobody reads."""

    where: str
    why: str


@dataclass(frozen=True, slots=True)
class Choices:
    """What a person chose for an import.

    Attributes:
        unknown: The type of what names no known type.
        project: The project of what names none; `AUTO` for the folder or repository it lies in.
    """

    unknown: EntryType = EntryType.REFERENCE
    project: str = ""


def read_files(files: Iterable[File], choices: Choices) -> Iterator[Found | Refused | LeftOut]:
    """Everything in some files, one after the other; what cannot be read is refused, and the rest goes on."""
    _identity_of.cache_clear()
    for file in files:
        yield from _read_file(file, choices)


def _read_file(file: File, choices: Choices) -> Iterator[Found | Refused | LeftOut]:
    try:
        path = file.path
        if _is_named(file) and is_pipe(os.stat(openable(file.name))):
            with spooled(path) as path:
                yield from _read_at(path, file, choices)
        else:
            yield from _read_at(path, file, choices)
    except OSError as error:
        yield Refused(
            shown(file.name),
            InvalidInput(
                f"cannot be read: {error.strerror or error}",
                "check its permissions, and that no other program has it locked",
            ),
        )
    except Exception as error:  # the one place where whatever a parser or a dialect raises costs one file, and no other
        yield Refused(shown(file.name), plainly(error))


def read_note(data: bytes, file: File, choices: Choices, time: datetime) -> Found | Refused | LeftOut | None:
    """The one note that a file of these bytes is; None where it would be none, or several."""
    source = Source(file.path, file.relative, file.marks, data)
    if not data.strip():
        return LeftOut(shown(file.name), EMPTY)
    dialect = _dialect_of(source)
    if dialect is None:
        return None
    try:
        found = list(_read_notes(_Place(file, source, identity_of(file), time, dialect, choices)))
    except Exception as error:  # as for a file of an import: it costs no other
        return Refused(shown(file.name), plainly(error))
    return found[0] if len(found) == 1 else None


def identity_of(file: File) -> str:
    """The lasting name of a file; of one that is read it is asked for again right after it."""
    return _identity_of(file.name)


@lru_cache(maxsize=2)
def _identity_of(name: str) -> str:
    return identity(Path(name))


def _is_named(file: File) -> bool:
    """Whether somebody named a file, which does not only lie in a folder that was named."""
    return file.name == str(file.root)


def _read_at(path: Path, file: File, choices: Choices) -> Iterator[Found | Refused | LeftOut]:
    source = Source(path, file.relative if str(path) == file.name else PurePosixPath(path.name), file.marks)
    status = os.stat(openable(path))
    refuse_endless(status)
    is_empty = status.st_size == 0 and not read_whole(source.path, most_bytes(source.suffix))  # /proc has no sizes
    is_too_large = source.suffix not in _STREAMED and status.st_size > most_bytes(source.suffix)
    if is_too_large and not (source.suffix in LONG_SUFFIXES and source.begins_as_json):
        raise too_large(status.st_size, most_bytes(source.suffix))
    if is_empty and source.suffix not in _STREAMED:
        yield LeftOut(shown(file.name), EMPTY)
        return
    dialect = _dialect_of(source)
    if dialect is None and is_too_large:
        raise too_large(status.st_size, most_bytes(source.suffix))
    if dialect is None and _is_named(file):
        raise InvalidInput("no notes are found in it", "docs/importing.md lists the files that are read")
    if dialect is None:
        yield LeftOut(shown(file.name), source.suffix or "no suffix")
        return
    time = datetime.fromtimestamp(int(status.st_mtime), timezone.utc)
    place = _Place(file, source, identity_of(file), time, dialect, choices)
    yield from _read_notes(place)


def _read_notes(place: _Place) -> Iterator[Found | Refused | LeftOut]:
    """What a dialect finds in a file; of very many refusals the first alone are told."""
    found = refused = 0
    for note in with_set_aside(place.dialect.notes(place.source), place.source):
        if isinstance(note, Note):
            found += 1
            yield from _all_found(note, place)
            continue
        refused += 1
        if refused <= MOST_REFUSED:
            yield _refused(note, place)
        elif not found:
            raise InvalidInput(f"nothing of it can be read: its first {MOST_REFUSED:,} parts cannot")
    if refused > MOST_REFUSED:
        more = f"{refused - MOST_REFUSED:,} more parts of it cannot be read"
        yield Refused(shown(place.file.name), InvalidInput(more))


def _all_found(note: Note, place: _Place) -> Iterator[Found | LeftOut | Refused]:
    """What a note is; one that nothing can be made of costs no other note of its file."""
    try:
        for part in parts(note):
            yield _found(part, place)
    except Exception as error:  # as for a file: no shape of one note may keep the others
        where = f"{place.file.name}, {clipped(note.part)}" if note.part else place.file.name
        yield Refused(shown(where), plainly(error))


def _beginning(source: Source) -> str:
    """The first characters of a file that is a text; what is none looks like markup."""
    try:
        return source.text[:_LOOKED_AT]
    except InvalidInput:
        return "<none"


def _refused(refused: Refused, place: _Place) -> Refused:
    where = shown(refused.where.replace(str(place.source.path), place.file.name, 1))
    return Refused(clipped(where, _WHERE_CHARS), plainly(refused.error))


def _dialect_of(source: Source) -> Dialect | None:
    """The first dialect that a file fits; a file that is no text fits none but those for its suffix."""
    found = next((each for each in dialects_for(source.suffix) if each.fits(source)), None)
    if found is None and source.suffix in _PAGES and not _MARKUP.search(_beginning(source)):  # a text called a page
        found = next((each for each in dialects_for(".txt") if each.fits(source)), None)
    return found


@dataclass(frozen=True, slots=True)
class _Place:
    """What is the same for every note of a file."""

    file: File
    source: Source
    identity: str
    time: datetime
    dialect: Dialect
    choices: Choices


def _found(note: Note, place: _Place) -> Found | LeftOut | Refused:
    source, file, dialect, choices = place.source, place.file, place.dialect, place.choices
    where = shown(f"{file.name}, {clipped(note.part)}" if note.part else file.name)
    if note.is_template and _TEMPLATE.search(source.relative.as_posix()):
        return LeftOut(where, "template")
    own = is_own(note.fields)
    fallback = note.title or note.name or _first_line(note.content) or source.stem.strip() or source.path.name
    read = from_record(
        note.fields, clean(note.content), clean(fallback), choices.unknown, keys=NO_KEYS if own else dialect.keys
    )
    draft = read.draft
    if not own:
        draft = _completed(draft, note, file, choices)
    is_whole = not note.part
    if is_whole and source.is_decoded and not own and source.suffix not in _MARKED_UP:
        draft = with_lost_lines(draft, source.text, note, dialect)
    encoding = source.decoded.encoding if source.is_decoded else ""
    problems = read.problems
    if encoding not in ("", "utf-8"):
        problems = (*problems, Problem("encoding", f"is not UTF-8: read as {encoding}"))
    if source.is_decoded and source.decoded.left_out_bytes:
        problems = (*problems, Problem("text", f"is {source.decoded.said}"))
    if is_whole and "<<<<<<< " in note.content and _has_conflict(note.content):
        problems = (*problems, Problem("text", "holds the conflict markers of a merge"))
    named = (*read.named, *note.links)
    if len(named) + len(read.links) > MOST_LINKS:
        problems = (*problems, Problem("links", f"are more than {MOST_LINKS:,}: the first are made, the text has all"))
    links, named = read.links[:MOST_LINKS], named[: max(0, MOST_LINKS - len(read.links))]
    read = Read(draft, links, named, _short_id(read.record_id), clipped(read.unknown_type), problems)
    record_id = _short_id(note.record_id) or read.record_id
    names = (*draft.keywords[:MAX_LIST_ITEMS], record_id)
    content_hash = _content_hash(note) if note.part or source.suffix in _STREAMED else source.digest
    record = "" if is_whole else (draft.id or record_id or f"={content_hash.hex()}")
    return Found(
        where,
        place.identity,
        record,
        bool(draft.id or record_id),
        content_hash,
        read,
        dialect.name in WHOLE,
        source.relative.as_posix().removesuffix(source.relative.suffix) if is_whole else "",
        tuple(name for name in names if 0 < len(name) <= MOST_ID_CHARS),
        note.deleted_at,
        place.time,
        _touching(note) if note.deleted_at else (),
    )


def _has_conflict(text: str) -> bool:
    at = 0
    for mark in _CONFLICT:
        found = mark.search(text, at)
        if found is None:
            return False
        at = found.end()
    return True


def _touching(note: Note) -> tuple[Link, ...]:
    """The links of a deleted entry: nobody else tells those that lead to it."""
    told = note.fields.get("links")
    kinds = {kind.value for kind in LinkType}
    return tuple(
        Link(str(link.get("source") or ""), str(link["target"]), LinkType(link["type"]), str(link.get("reason") or ""))
        for link in (told if isinstance(told, list) else ())
        if isinstance(link, Mapping) and link.get("type") in kinds and link.get("target")
    )


def _completed(draft: Draft, note: Note, file: File, choices: Choices) -> Draft:
    """The draft with what stands outside its fields: tags, other names, times, the project."""
    updated = draft.updated_at or _aware(note.updated_at)
    created = draft.created_at or _aware(note.created_at) or updated
    project = draft.project or (_project_of(file) if choices.project == AUTO else choices.project) or None
    told = (draft.created_at, draft.updated_at, draft.project)
    if not note.tags and not note.keywords and (created, updated, project) == told:
        return draft
    return replace(
        draft,
        tags=(*draft.tags, *note.tags),
        keywords=tuple(dict.fromkeys((*draft.keywords, *note.keywords))),
        created_at=created,
        updated_at=updated,
        project=project,
    )


def _aware(time: datetime | None) -> datetime | None:
    """A naive time is local."""
    try:
        return time.astimezone(timezone.utc) if time else None
    except (OverflowError, OSError, ValueError):
        return None


def _project_of(file: File) -> str:
    """The git repository of a file below the root; else the top folder in which it lies."""
    parts = file.relative.parts
    root = file.root if file.root.is_dir() else file.root.absolute().parent
    return shown(file.repository or (parts[0] if len(parts) > 1 else root.resolve().name))


def _first_line(content: str) -> str:
    lines = (line.strip("#*-> \t").strip() for line in content.splitlines())
    first = next((line for line in lines if line), "")
    return first if len(first) <= _TITLE_CHARS else first[: _TITLE_CHARS - 1].rsplit(" ", 1)[0] + "…"


def _content_hash(note: Note) -> bytes:
    """Hash of everything that a note says: what a record without an id is known by."""
    said: Sequence[Any] = (
        note.fields,
        note.content,
        note.title,
        note.tags,
        note.keywords,
        [link.target for link in note.links],
    )
    return hash_of(json.dumps(said, sort_keys=True, default=str).encode("utf-8", "surrogatepass"))


def _short_id(record_id: str) -> str:
    """An id as it is remembered: its hash for one that is longer than ids are."""
    if len(record_id) <= MOST_ID_CHARS:
        return str(clean(record_id))
    return f"#{hash_of(record_id.encode('utf-8', 'surrogatepass')).hex()}"
