"""The original Rekall: its base, `knowledge.db`, its archive, `.rekall.zip`, and its JSON."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import IO, Any, BinaryIO

from rekall.errors import InvalidInput
from rekall.exchange.bounds import MOST_JSON_BYTES, clipped, opened, refuse_many_values
from rekall.exchange.dialect import Note, Refused, Source, parsed_json
from rekall.exchange.dialects.original_base import OriginalBase, is_base, is_ours
from rekall.exchange.dialects.original_notes import context_of, link_to, note_of
from rekall.exchange.long_json import sample_of

MANIFEST = "manifest.json"
ENTRIES = "entries.json"
MOST_BYTES = MOST_JSON_BYTES
"""The most that is unpacked of an archive: tens of thousands of entries."""

_MOST_LISTING_BYTES = 1024 * 1024
"""The longest listing of an archive that is read: the original's has a dozen names, one of a million is an attack."""

_ONLY_ITS_OWN = frozenset({"id", "title", "type", "memory_type", "access_count", "consolidation_score"})
_NO_WORD = InvalidInput("there is no text in it: no title, no content, no context")
_CHANGED = InvalidInput(
    "its checksum does not fit the entries: the archive was changed or damaged after it was made",
    "the entries were taken in all the same; compare them with the base they came from",
)


class OriginalRekallBase:
    """A base of the original, of any of its schemas, with everything that a person wrote into it."""

    name = "original"
    title = "The original Rekall: knowledge.db"
    suffixes = (".db", ".sqlite", ".sqlite3")
    keys: Mapping[str, str] = {"trigger_keywords": "keywords", "files_modified": "files"}
    hint = (
        "Its file is `~/.local/share/rekall/knowledge.db`, or lies in `.rekall/` of a project. It is read as it is, and not"
        " changed; entries keep their ids."
    )

    def fits(self, source: Source) -> bool:
        """Whether it is a SQLite file with the original's entries; one of this Rekall too, to be refused with a reason."""
        return is_base(source.path)

    def notes(self, source: Source) -> Iterator[Note | Refused]:
        """Every entry that can be read. A damaged place costs what stood there, and is said."""
        if is_ours(source.path):
            raise InvalidInput(
                "this is a base of this Rekall, which an import does not read",
                "run `rekall export FILE.jsonl` with REKALL_HOME set to its folder, then import that file",
            )
        with OriginalBase(source.path) as base:
            for number, row in enumerate(base.rows(), 1):
                part = f"entry {row.values.get('id') or f'number {number}'}"
                context = context_of(row.values)
                links = [link_to(each.target, each.relation, each.reason) for each in row.links]
                note = note_of(
                    row.values, context, part, tags=row.tags, keywords=row.keywords, sources=row.sources, links=links
                )
                lost = [name for name in row.lost if name not in row.values] + context.lost
                if note is not None:
                    yield note
                if lost or note is None:
                    yield Refused(
                        f"{source.path}, {part}", _damaged(f"{', '.join(lost)} cannot be read") if lost else _NO_WORD
                    )
            for table in base.damaged:
                yield Refused(f"{source.path}, table {table}", _damaged("some of its rows cannot be read"))


class OriginalRekallArchive:
    """An archive that the original exported: a manifest and a list of entries, without links and contexts."""

    name = "original-archive"
    title = "The original Rekall: .rekall.zip"
    suffixes = (".zip",)
    keys: Mapping[str, str] = {}
    hint = "Exported by the original's `rekall export FILE.rekall.zip`. It holds no links and no contexts: import the base itself where you have it."

    def fits(self, source: Source) -> bool:
        """Whether it is a ZIP file with a list of entries, and a manifest or the original's own suffix."""
        import zipfile

        try:
            with _opened(source.path) as file, zipfile.ZipFile(file) as archive:
                names = set(archive.namelist())
        except InvalidInput:
            return True
        except _unreadable():
            return source.path.name.lower().endswith(".rekall.zip")  # worth an answer, if only why it cannot be read
        return ENTRIES in names and (MANIFEST in names or source.path.name.lower().endswith(".rekall.zip"))

    def notes(self, source: Source) -> Iterator[Note | Refused]:
        """Every entry of the list. Of the archive nothing but the two members is unpacked, and neither beyond a bound."""
        manifest, data = _members(source.path)
        records, rest = _listed(data.decode("utf-8", "replace"))
        yield from _notes_of(records, source)
        if rest:
            yield Refused(f"{source.path}, {ENTRIES}", _damaged(rest))
        if _is_other(data, manifest.get("checksum")):
            yield Refused(f"{source.path}, {MANIFEST}", _CHANGED)


class OriginalRekallJson:
    """The list of entries that the original wrote as JSON, without links and contexts."""

    name = "original-json"
    title = "The original Rekall: JSON"
    suffixes = (".json",)
    keys: Mapping[str, str] = {}
    hint = "Exported by the original's `rekall export FILE.json --format json`. It holds no links and no contexts: import the base itself where you have it."

    def fits(self, source: Source) -> bool:
        """Whether it is a list whose records have what only the original's have."""
        try:
            document = sample_of(source.document)
        except (InvalidInput, OSError):
            return False
        first = document[0] if isinstance(document, list) and document else None
        return isinstance(first, Mapping) and first.keys() >= _ONLY_ITS_OWN

    def notes(self, source: Source) -> Iterator[Note | Refused]:
        """Every entry of the list."""
        yield from _notes_of(source.document, source)


def _notes_of(records: Iterable[Any], source: Source) -> Iterator[Note | Refused]:
    """Records of the original as notes."""
    for number, record in enumerate(records, 1):
        part = f"record {number}"
        where = f"{source.path}, {part}"
        if not isinstance(record, Mapping):
            yield Refused(where, InvalidInput("it is not a JSON object"))
            continue
        links = [link_to(*each) for each in _links(record)]
        note = note_of(record, context_of(record), part, links=links)
        yield note if note is not None else Refused(where, _NO_WORD)


def _damaged(what: str) -> InvalidInput:
    return InvalidInput(what, "everything else was taken in; a backup of the file may hold the rest")


def _is_other(data: bytes, checksum: object) -> bool:
    """Whether the entries are not those of which the manifest tells the checksum. One of another kind tells nothing."""
    kind, _, wanted = str(checksum or "").partition(":")
    return kind == "sha256" and wanted.lower() != hashlib.sha256(data).hexdigest()


def _members(path: Path) -> tuple[Mapping[str, Any], bytes]:
    """The manifest, empty where it says nothing, and the bytes of the entries.

    Raises:
        InvalidInput: There are no entries in it, or they are too large or packed in a way that cannot be read.
    """
    import zipfile

    try:
        with _opened(path) as file, zipfile.ZipFile(file) as archive:
            manifest: Any = {}
            if MANIFEST in archive.namelist():
                with archive.open(MANIFEST) as member:
                    manifest = _json(_bounded(member))
            with archive.open(ENTRIES) as member:
                return (manifest if isinstance(manifest, Mapping) else {}), _bounded(member)
    except KeyError:
        raise InvalidInput(f"there is no {ENTRIES} in this archive", "export it again with the original") from None
    except _unreadable() as error:
        raise InvalidInput(
            f"this archive cannot be read: {clipped(str(error))}", "export it again, or import the base, knowledge.db"
        ) from error


@contextlib.contextmanager
def _opened(path: Path) -> Iterator[BinaryIO]:
    """An archive whose listing is not longer than any that the original wrote.

    Raises:
        InvalidInput: It is longer.
    """
    with opened(path) as file:
        size = file.seek(0, os.SEEK_END)
        file.seek(max(0, size - _END_BYTES))
        tail = file.read(_END_BYTES)
        end = tail.rfind(b"PK\5\6")
        listing = int.from_bytes(tail[end + 12 : end + 16], "little") if end >= 0 else 0
        if listing > _MOST_LISTING_BYTES:
            raise InvalidInput(
                "this archive lists more files than any of the original does", "import the base itself, knowledge.db"
            )
        file.seek(0)
        yield file


_END_BYTES = 65_536 + 22
"""How far from the end of a ZIP file the record of its listing may stand."""


def _unreadable() -> tuple[type[Exception], ...]:
    """What reading an archive raises that is damaged, locked by a password, or packed in a way that nobody knows here."""
    import lzma
    import struct
    import zipfile
    import zlib

    packed = (zipfile.BadZipFile, zlib.error, lzma.LZMAError, struct.error, EOFError)
    return (*packed, OSError, ValueError, RuntimeError, OverflowError)  # RuntimeError: also NotImplementedError


def _bounded(member: IO[bytes]) -> bytes:
    """What is packed in a member; what lies before a damage where there is one.

    Raises:
        InvalidInput: It is larger than any archive of the original, whatever its header says.
    """
    data = bytearray()
    try:
        while part := member.read(4096):
            data += part
            if len(data) > MOST_BYTES:
                raise InvalidInput(
                    f"its entries are larger than {MOST_BYTES / 1e6:g} MB, the most that is unpacked",
                    "import the base itself, knowledge.db",
                )
    except _unreadable():
        pass  # the checksum of the manifest tells, and what is missing of the list
    return bytes(data)


def _json(data: bytes) -> Any:
    try:
        return parsed_json(data.decode("utf-8", "replace"))
    except InvalidInput:
        return {}


def _listed(text: str) -> tuple[list[Any], str]:
    """The items of a JSON list, one after the other, and why there are no more where it breaks off."""
    refuse_many_values(text)
    try:
        whole = json.loads(text)
    except (ValueError, RecursionError):
        pass
    else:
        if isinstance(whole, dict) and isinstance(whole.get("entries"), list):
            whole = whole["entries"]
        return (whole, "") if isinstance(whole, list) else ([whole], "")
    found: list[Any] = []
    read, place = json.JSONDecoder(), text.find("[") + 1
    try:
        while place:
            while text[place : place + 1] and text[place] in " \t\r\n,":
                place += 1
            item, place = read.raw_decode(text, place)
            found.append(item)
    except (ValueError, RecursionError) as error:
        return found, f"after {len(found)} records it is not valid JSON: {clipped(str(error))}"
    return found, "it is not valid JSON"


def _links(record: Mapping[str, Any]) -> Iterator[tuple[str, str, str]]:
    """The links of a record, should it have some."""
    given = record.get("links")
    for each in given if isinstance(given, list) else ():
        if isinstance(each, Mapping) and (target := each.get("target_id") or each.get("target")):
            relation = each.get("relation_type") or each.get("type") or ""
            yield str(target), str(relation), str(each.get("reason") or "")


DIALECTS = (OriginalRekallBase(), OriginalRekallArchive(), OriginalRekallJson())
