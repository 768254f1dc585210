"""Writes entries to a folder with one Markdown file each, and clears away what an earlier export left there."""

from __future__ import annotations

import heapq
import itertools
import json
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from pathlib import Path

from rekall.entry.rules import is_ulid
from rekall.entry.times import moment, written
from rekall.errors import InvalidInput
from rekall.exchange.file_names import SUFFIX, Names, sameness
from rekall.exchange.front_matter import split
from rekall.exchange.json_writing import json_line
from rekall.exchange.markdown_writing import dump_front_matter, without_sources
from rekall.exchange.outgoing import DELETED_AT, Outgoing, Written, deleted_record, record_of
from rekall.system.files import file_written_whole, make_private_folder, sync_folder, write_atomically
from rekall.system.replacing import remove_file

DELETED_FILE = "deleted.jsonl"
"""Holds the deleted entries, so that they do not come back from a copy that still has them."""


def write_markdown_folder(folder: Path, outgoing: Outgoing) -> Written:
    """Write each entry to a file of its own, every file whole or not at all.

    Raises:
        InvalidInput: `folder` is a file, or holds a `deleted.jsonl` of somebody else.
    """
    make_folder(folder)
    before = _deleted_before(folder) if outgoing.takes_deleted else {}
    names, files = Names(), {}
    for count, (entry, links) in enumerate(outgoing.entries, 1):
        name = files[entry.id] = names.slug(entry.title, entry.id)
        text = dump_front_matter(without_sources(record_of(entry, links)), entry.content)
        put(folder / name, text.encode())
        outgoing.progress(count)
    deleted = _put_deleted(folder, outgoing, before) if outgoing.takes_deleted else 0
    removed = remove_stale(folder, files, outgoing, _is_slug)
    sync_folder(folder)
    return Written(len(files), deleted, removed)


def make_folder(folder: Path) -> None:
    """Make the folder of an export. Raises InvalidInput where a file is in its place."""
    if folder.exists() and not folder.is_dir():
        raise InvalidInput(f"{folder} is a file", "give a folder, or a path that ends in .jsonl, .json or .html")
    make_private_folder(folder)


def put(path: Path, data: bytes) -> None:
    """Write a file that does not hold this already, so that a copy or a commit sees only what changed."""
    if path.is_symlink() or not path.is_file() or path.read_bytes() != data:
        write_atomically(path, data, is_last=False)  # the whole folder is brought to the disk at the end


def remove_stale(
    folder: Path,
    files: Mapping[str, str],
    outgoing: Outgoing,
    is_ours: Callable[[str, Mapping[str, object]], bool],
) -> tuple[str, ...]:
    """Remove what an earlier export wrote for an entry that has another name now, or was deleted since.

    Otherwise the next import would bring it back.

    Args:
        folder: The folder.
        files: The name that each entry has now, by id.
        outgoing: What was written.
        is_ours: Tells by a file's name and fields whether an export gave it that name.

    Returns:
        The names of the files that went.
    """
    now = {sameness(name): name for name in files.values()}
    deleted_at = outgoing.deleted_at()
    removed = []
    for path in sorted(folder.iterdir()):
        if path.suffix != SUFFIX or path.name in now.values() or path.is_symlink() or not path.is_file():
            continue
        same = now.get(sameness(path.name))
        if same is not None and _is_one(path, folder / same):
            continue  # one file to this system, whatever case its name was written in
        fields = fields_of(path)
        entry_id = str(fields.get("id", "")).upper()
        is_gone = entry_id in files or _is_older(fields, deleted_at.get(entry_id))
        if is_gone and is_ulid(entry_id) and is_ours(path.name, fields):
            remove_file(path)
            removed.append(path.name)
    return tuple(removed)


def _is_one(path: Path, other: Path) -> bool:
    try:
        return path.samefile(other)
    except FileNotFoundError:  # another export has just replaced one of them
        return False


def _is_slug(name: str, fields: Mapping[str, object]) -> bool:
    entry_id = str(fields["id"]).lower()
    return name.removesuffix(SUFFIX).endswith((f"-{entry_id[-8:]}", f"-{entry_id}"))


def _is_older(fields: Mapping[str, object], deleted_at: datetime | None) -> bool:
    """Whether a file says nothing that was written after its entry was deleted."""
    if deleted_at is None:
        return False
    try:
        return moment(str(fields.get("updated_at", ""))) <= deleted_at
    except InvalidInput:
        return False


def fields_of(path: Path) -> Mapping[str, object]:
    """The front matter of a file; empty where it has none, or is no text."""
    try:
        return split(path.read_text("utf-8")).fields
    except (OSError, UnicodeDecodeError):
        return {}


def _deleted_before(folder: Path) -> dict[str, bytes]:
    """The deleted entries that a folder holds already, by id; another base may have put them there.

    Raises:
        InvalidInput: The file of that name is none of ours.
    """
    path = folder / DELETED_FILE
    found: dict[str, bytes] = {}
    for line in _lines(path):
        try:
            record = json.loads(line)
        except ValueError:
            record = None
        if not (isinstance(record, dict) and is_ulid(str(record.get("id"))) and record.get(DELETED_AT)):
            raise InvalidInput(
                f"{path} was not written by an export",
                "move it away, or export with --no-deleted, which leaves it alone",
            )
        found[str(record["id"]).upper()] = json_line(record)
    return found


def _lines(path: Path) -> Iterator[bytes]:
    try:
        data = path.read_bytes() if path.is_file() else b""
    except FileNotFoundError:  # another export has just removed it
        return
    yield from (line for line in data.splitlines() if line.strip())


def _put_deleted(folder: Path, outgoing: Outgoing, before: Mapping[str, bytes]) -> int:
    """Write the deleted entries, with those of other bases that this one never had. Returns how many this one has.

    No file is left where there are none.
    """
    path, count = folder / DELETED_FILE, 0
    known = {*outgoing.ids(), *outgoing.deleted_at()}
    foreign = [(_deleted_at(line), entry_id, line) for entry_id, line in before.items() if entry_id not in known]
    own = ((written(each.deleted_at), each.entry.id, json_line(deleted_record(each))) for each in outgoing.deleted)
    lines = heapq.merge(sorted(foreign), own)
    first = next(lines, None)
    if first is None:
        remove_file(path)
        return 0
    with file_written_whole(path) as file:
        for _, entry_id, line in itertools.chain([first], lines):
            file.write(line)
            count += entry_id in known
    return count


def _deleted_at(line: bytes) -> str:
    return str(json.loads(line)[DELETED_AT])
