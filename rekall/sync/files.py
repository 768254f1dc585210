"""What a file of a synced folder says, and an entry as a file."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timezone
from functools import lru_cache
from pathlib import Path, PurePosixPath
from typing import Any

from rekall.entry.fields import BY_NAME
from rekall.entry.record import CONTENT, is_own
from rekall.entry.record import ORDER as RECORD
from rekall.entry.rules import is_ulid
from rekall.entry.times import moment
from rekall.entry.types import Link
from rekall.entry.values import Taken, read_links
from rekall.errors import RekallError
from rekall.exchange import reading
from rekall.exchange.bounds import MOST_TEXT_BYTES
from rekall.exchange.folders import File
from rekall.exchange.front_matter import FrontMatter, split
from rekall.exchange.markdown_writing import dump_field
from rekall.exchange.reading import Choices, Found, LeftOut
from rekall.knowledge.fitting import fitted
from rekall.sync.copies import without_mark
from rekall.sync.heads import Head, with_head
from rekall.sync.ids import id_of
from rekall.sync.reports import Refused
from rekall.sync.states import CREATED, LINKS, State, link_of, state_of
from rekall.system.spelling import openable

SUFFIXES = (".md", ".markdown", ".mdown", ".mkd")
"""Files that may hold an entry."""

_MOST_REMEMBERED_BYTES = 20_000
_BOM = b"\xef\xbb\xbf"
_NO_TIME = datetime(2020, 1, 1, tzinfo=timezone.utc)
_DAY_S = 86_400

ORDER = tuple(field.name for field in RECORD if field.name not in ("updated_at", "other_fields"))
"""The fields of a file of ours, in their order."""

ID = "rekall_id"
"""The name of our id in a note to which another tool gave an id of its own."""

_HEAD_OPENS = re.compile(r"\A---[ \t]*\n(?=(?:[ \t]*\n|#[^\n]*\n)*[A-Za-z_\"'][\w \"'-]*:(?:\s))")
_HEAD_CLOSES = re.compile(r"^(?:---|\.\.\.)[ \t]*$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Root:
    """The folder, as the dialects of notes ask for it.

    Attributes:
        path: Where it lies.
        marks: What lies in it and tells whose notes these are.
    """

    path: Path
    marks: frozenset[str] = frozenset()

    def at(self, below: str) -> Path:
        """Where a path below it lies, so that the system opens it however long it is."""
        return Path(openable(self.path / below))


@dataclass(frozen=True, slots=True)
class Says:
    """What a file says.

    Attributes:
        path: The file, below the folder.
        data: Its bytes.
        entry_id: The id of its entry; empty where it names none.
        state: What it says.
        is_own: Whether all of it is written as Rekall writes it.
        updated_at: When it says that it was changed, or None.
        on_disk: What its bytes on the disk are known by, where these are others.
        versions: What further versions in the same file say, each after what it began with, if that is known.
    """

    path: str
    data: bytes
    entry_id: str
    state: State
    is_own: bool
    updated_at: datetime | None
    on_disk: str = ""
    versions: tuple[tuple[State | None, State], ...] = ()

    @property
    def hash(self) -> str:
        """What its bytes on the disk are known by."""
        return self.on_disk or hash_of(self.data)


@dataclass(frozen=True, slots=True)
class Nothing:
    """A file that holds no note: it is empty, or a template. It is left alone."""

    path: str


def hash_of(data: bytes) -> str:
    """What a file is known by."""
    return hashlib.blake2b(data, digest_size=16).hexdigest()


def read(root: Root, path: str, data: bytes) -> Says | Nothing | Refused:
    """What a file of these bytes says; why it says nothing that can be synced."""
    return _read_again(root, path, data) if len(data) <= _MOST_REMEMBERED_BYTES else _read(root, path, data)


@lru_cache(maxsize=512)
def _read_again(root: Root, path: str, data: bytes) -> Says | Nothing | Refused:
    """The same: a file is planned, and then looked at beside what was stored."""
    return _read(root, path, data)


def _read(root: Root, path: str, data: bytes) -> Says | Nothing | Refused:
    if not data.removeprefix(_BOM).strip():
        return Nothing(path)
    head = _head(path, data)
    if isinstance(head, Refused):
        return head
    own = is_own(head.fields)
    entry_id = next((each for each in map(_ulid, (head.fields.get(ID), head.fields.get("id"))) if each), "")
    relative = PurePosixPath(without_mark(path))
    file = File(str(root.path / relative), str(relative), root.path, root.marks)
    found = reading.read_note(data if own else _without_ours(data, head), file, Choices(), _NO_TIME)
    if isinstance(found, LeftOut):
        return Nothing(path)
    if found is None:
        why = "it holds several notes, and a file of a synced folder is one"
        return Refused(path, why, "`rekall import` takes them apart")
    if not isinstance(found, Found):
        return Refused(path, found.error.message, found.error.hint)
    try:
        draft = fitted(found)
    except RekallError as error:
        return Refused(path, error.message, error.hint)
    links = found.read.links if own else read_links(Taken(True), LINKS, _our_links(head), entry_id)[0]
    links = tuple(replace(link, source=entry_id) for link in links if link.target != entry_id)
    if draft.superseded_by == entry_id:
        draft = replace(draft, superseded_by=None)
    return Says(path, data, entry_id, state_of(draft, links), own, draft.updated_at)


def _ulid(value: object) -> str:
    text = value.strip().upper() if isinstance(value, str) else ""
    return text if is_ulid(text) else ""


def _our_links(head: FrontMatter) -> list[Any]:
    """The links that Rekall wrote into the front matter of somebody else."""
    given = head.fields.get(LINKS)
    is_ours = isinstance(given, list) and all(isinstance(item, dict) and "target" in item for item in given)
    return list(given) if is_ours and isinstance(given, list) else []


def _without_ours(data: bytes, head: FrontMatter) -> bytes:
    """A note of somebody else without what Rekall wrote into it, which says nothing about the note."""
    if head.kind not in ("yaml", "toml"):
        return data
    ours = Head.of(head.kind, head.raw, head.fields, lambda name: "")
    for name in (ID, "id", LINKS):
        if _our_links(head) if name == LINKS else _ulid(head.fields.get(name)):
            ours.set(name, "")
    text = data.removeprefix(_BOM).decode("utf-8").replace("\r\n", "\n")
    return (with_head(text, head, ours, head.body) if ours.blocks else head.body).encode()


def _head(path: str, data: bytes) -> FrontMatter | Refused:
    """The front matter of a file; why it cannot be read."""
    if len(data) > MOST_TEXT_BYTES:
        why = f"it has {len(data) / 1e6:.0f} MB, and a note has {MOST_TEXT_BYTES / 1e6:.0f} at most"
        return Refused(path, why, "split it, or move it out of the folder")
    try:
        text = data.removeprefix(_BOM).decode("utf-8").replace("\r\n", "\n")
    except UnicodeDecodeError:
        return Refused(path, "it is not text in UTF-8", "convert it, or move it out of the folder")
    if "\0" in text:
        return Refused(path, "it is no text", "move it out of the folder")
    head = split(text)
    if head.problem or (not head.kind and _is_broken(text)):
        why = f"its front matter cannot be read{': ' if head.problem else ''}{head.problem}"
        return Refused(path, why, "mend it by hand; nothing was written to it")
    return head


def _is_broken(text: str) -> bool:
    """Whether a text begins with what should be front matter, and is none that anybody can read."""
    opened = _HEAD_OPENS.match(text)
    return bool(opened and _HEAD_CLOSES.search(text, opened.end()))


def whole(state: State, entry_id: str) -> bytes:
    """An entry as a file of its own: fields in a fixed order, an item a line, empty ones left out."""
    head = "".join(dump_field(name, value) for name, value in record_of(state, entry_id))
    content = state[CONTENT]
    return (f"---\n{head}---\n\n{content}\n" if content else f"---\n{head}---\n").encode()


def record_of(state: State, entry_id: str) -> Iterator[tuple[str, Any]]:
    """The fields that are written of an entry, by name."""
    known = {"id": entry_id, **state}
    for name in (*ORDER, *(name for name in state if name not in ORDER)):
        value = known.get(name, "")
        is_said = value or value == 0 or (name not in BY_NAME and value != "")
        if name not in (CONTENT, LINKS) and is_said:
            yield name, value
    if state[LINKS]:
        yield LINKS, link_records(state)


def link_records(state: State) -> list[dict[str, str]]:
    """The links of an entry as a file holds them, in a fixed order."""
    links = sorted((link_of("", name, reason) for name, reason in state[LINKS].items()), key=_order)
    return [
        {"target": link.target, "type": link.type.value, **({"reason": link.reason} if link.reason else {})}
        for link in links
    ]


def _order(link: Link) -> tuple[str, str]:
    return link.type.value, link.target


def new_id(folder_id: str, says: Says, changed_at: int) -> str:
    """The id of a note that somebody wrote into the folder: whichever base sees it first gives it the same one.

    Args:
        folder_id: What the folder is known by.
        says: The note.
        changed_at: When its file was changed, in nanoseconds; its day counts where the note says no time.
    """
    created = str(says.state.get(CREATED) or "")
    seconds = moment(created).timestamp() if created else changed_at // 1_000_000_000 // _DAY_S * _DAY_S
    digest = hashlib.blake2b(f"{folder_id}\n{says.path}\n".encode("utf-8", "surrogatepass") + says.data, digest_size=10)
    return id_of(int(seconds * 1000), digest.digest())
