"""Finds and reads what an import is pointed at: Markdown files, folders of them, JSON and JSON lines."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rekall.entry.fields import BY_NAME
from rekall.entry.record import CONTENT, Read, from_record
from rekall.entry.types import EntryType
from rekall.errors import InvalidInput, NotFound, RekallError
from rekall.exchange.markdown import from_markdown

MARKDOWN = (".md", ".markdown", ".mdown")
RECORDS = (".jsonl", ".ndjson", ".json")
_CONTENT_NAMES = (CONTENT, *BY_NAME[CONTENT].aliases)
MAX_JSON_BYTES = 256 * 1024 * 1024
"""A `.json` file is read whole; a larger base comes as JSON lines, which are read one by one."""


@dataclass(frozen=True, slots=True)
class Found:
    """Something to import.

    Attributes:
        where: What a report calls it: the file, and the line of a record.
        path: Its lasting identity: the absolute file, and the id of a record.
        source_hash: Hash of its bytes.
        read: What it says.
    """

    where: str
    path: str
    source_hash: bytes
    read: Read


@dataclass(frozen=True, slots=True)
class Refused:
    """Something that cannot be imported, and why."""

    where: str
    error: RekallError


def find_files(paths: list[Path]) -> list[Path]:
    """The files that an import of these paths reads, each once, in order; folders are walked, hidden ones not.

    Raises:
        NotFound: A path does not exist.
        InvalidInput: A path names a file of another kind.
    """
    files: dict[Path, None] = {}
    for path in paths:
        if path.is_dir():
            inside = (
                file for file in path.rglob("*") if file.suffix.lower() in (*MARKDOWN, *RECORDS) and file.is_file()
            )
            files.update(
                dict.fromkeys(
                    sorted(
                        file
                        for file in inside
                        if not any(part.startswith(".") for part in file.relative_to(path).parts)
                    )
                )
            )
        elif not path.exists():
            raise NotFound(f"{path} does not exist", "check the path; `rekall import` takes files and folders")
        elif path.suffix.lower() not in (*MARKDOWN, *RECORDS):
            raise InvalidInput(f"{path} is neither Markdown nor JSON", f"supported: {', '.join((*MARKDOWN, *RECORDS))}")
        else:
            files[path] = None
    return list(files)


def read_files(files: Iterable[Path], unknown: EntryType) -> Iterator[Found | Refused]:
    """Everything in some files, one after the other; see `read_file`."""
    for file in files:
        yield from read_file(file, unknown)


def read_file(path: Path, unknown: EntryType) -> Iterator[Found | Refused]:
    """Everything in one file; what cannot be read is refused, and the rest goes on.

    Args:
        path: A Markdown or JSON file.
        unknown: The type of what names no known type.
    """
    try:
        if path.suffix.lower() in MARKDOWN:
            yield _read_markdown(path, unknown)
        elif path.suffix.lower() == ".json":
            yield from _read_json(path, unknown)
        else:
            yield from _read_json_lines(path, unknown)
    except RekallError as error:
        yield Refused(str(path), error)
    except OSError as error:
        yield Refused(
            str(path),
            InvalidInput(
                f"cannot be read: {error.strerror or error}",
                "check its permissions, and that no other program has it locked",
            ),
        )


def _read_markdown(path: Path, unknown: EntryType) -> Found:
    data = path.read_bytes()
    read = from_markdown(_decoded(data), path.stem.replace("-", " ").replace("_", " ").strip() or path.name, unknown)
    return Found(str(path), _identity(path), _hash(data), read)


def _read_json(path: Path, unknown: EntryType) -> Iterator[Found | Refused]:
    if path.stat().st_size > MAX_JSON_BYTES:
        raise InvalidInput(
            f"this .json file is larger than {MAX_JSON_BYTES >> 20} MB, the most that is read at once",
            "convert it to JSON lines (.jsonl)",
        )
    raw = _json(_decoded(path.read_bytes()))
    if isinstance(raw, dict) and isinstance(raw.get("entries"), list):  # what `rekall list --json` prints
        raw = raw["entries"]
    records = raw if isinstance(raw, list) else [raw]
    for number, record in enumerate(records, 1):
        yield _record(
            path, f"{path}, record {number}", number, record, json.dumps(record, sort_keys=True).encode(), unknown
        )


def _read_json_lines(path: Path, unknown: EntryType) -> Iterator[Found | Refused]:
    with path.open("rb") as file:
        for number, line in enumerate(file, 1):
            if line.strip():
                where = f"{path}, line {number}"
                try:
                    yield _record(path, where, number, _json(_decoded(line)), line.strip(), unknown)
                except RekallError as error:
                    yield Refused(where, error)


def _record(path: Path, where: str, number: int, record: Any, data: bytes, unknown: EntryType) -> Found | Refused:
    try:
        if not isinstance(record, Mapping):
            raise InvalidInput("it is not a JSON object", 'a record looks like {"title": "…", "content": "…"}')
        content = next((record[name] for name in _CONTENT_NAMES if record.get(name) is not None), "")
        if not isinstance(content, str):
            raise InvalidInput("its content is not text")
        read = from_record(record, content, _first_line(content), unknown)
        return Found(where, f"{_identity(path)}#{read.draft.id or read.record_id or number}", _hash(data), read)
    except RekallError as error:
        return Refused(where, error)


def _identity(path: Path) -> str:
    """One name for a file, however it was reached."""
    return os.path.normcase(path.resolve())


def _first_line(content: str) -> str:
    return next((line.strip("# ").strip()[:100] for line in content.splitlines() if line.strip("# ").strip()), "")


def _json(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InvalidInput(f"not valid JSON: {error}") from error


def _decoded(data: bytes) -> str:
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InvalidInput(
            f"not valid UTF-8 (byte {error.start:,})", "convert it first, for example with iconv"
        ) from error


def _hash(data: bytes) -> bytes:
    return hashlib.blake2b(data, digest_size=16).digest()
