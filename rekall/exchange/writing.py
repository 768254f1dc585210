"""Writes entries out: one JSON lines file, or a folder with one Markdown file each."""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Callable, Iterable
from pathlib import Path

from rekall.entry.fields import Entry
from rekall.entry.record import to_record
from rekall.entry.types import Link
from rekall.errors import InvalidInput
from rekall.exchange.markdown_writing import to_markdown
from rekall.system.files import file_written_whole, make_private_folder, write_atomically

_SLUG_CHARS = 60


def write(path: Path, entries: Iterable[tuple[Entry, list[Link]]], progress: Callable[[int], None]) -> int:
    """Write entries to a `.jsonl` file or a Markdown folder. Returns how many.

    Raises:
        InvalidInput: The path ends in something else.
    """
    if path.suffix.lower() in (".jsonl", ".ndjson"):
        return write_json_lines(path, entries)
    if path.suffix and not path.is_dir():
        raise InvalidInput(
            f"cannot export to {path.suffix} files", "give a path that ends in .jsonl, or a folder for Markdown"
        )
    return write_markdown_folder(path, entries, progress)


def write_json_lines(path: Path, entries: Iterable[tuple[Entry, list[Link]]]) -> int:
    """Write entries as JSON lines, the file whole or not at all. Returns how many."""
    make_private_folder(path.parent)
    count = 0
    with file_written_whole(path) as file:
        for entry, links in entries:
            record = {**to_record(entry, links), "content": entry.content}
            file.write(json.dumps(record, ensure_ascii=False).encode() + b"\n")
            count += 1
    return count


def write_markdown_folder(
    folder: Path, entries: Iterable[tuple[Entry, list[Link]]], progress: Callable[[int], None]
) -> int:
    """Write each entry to a file of its own, every file whole or not at all. Returns how many.

    Raises:
        InvalidInput: `folder` is a file.
    """
    if folder.exists() and not folder.is_dir():
        raise InvalidInput(f"{folder} is a file", "give a folder, or a path that ends in .jsonl")
    make_private_folder(folder)
    count = 0
    for entry, links in entries:
        write_atomically(folder / file_name(entry), to_markdown(entry, links).encode())
        count += 1
        progress(count)
    return count


def file_name(entry: Entry) -> str:
    """A readable, lasting name that every file system takes: words of the title, and the id's last characters."""
    ascii_title = unicodedata.normalize("NFKD", entry.title).encode("ascii", "ignore").decode().lower()
    slug = re.sub(r"[^a-z0-9]+", "-", ascii_title).strip("-")[:_SLUG_CHARS].strip("-")
    return f"{slug or 'entry'}-{entry.id[-8:].lower()}.md"
