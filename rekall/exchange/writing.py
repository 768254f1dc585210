"""The forms in which entries are written out, which one a path asks for, and who writes it."""

from __future__ import annotations

from enum import Enum
from pathlib import Path
from typing import IO

from rekall.errors import InvalidInput
from rekall.exchange.outgoing import Outgoing, Written
from rekall.system.files import make_private_folder, named_file_written_whole
from rekall.system.leftovers import sweep_beside

MARKDOWN_FILES = (".md", ".markdown")


class Format(str, Enum):
    """A form in which entries are written out."""

    JSONL = "jsonl"
    JSON = "json"
    MARKDOWN = "markdown"
    OBSIDIAN = "obsidian"
    HTML = "html"


_BY_SUFFIX = {
    ".jsonl": Format.JSONL,
    ".ndjson": Format.JSONL,
    ".json": Format.JSON,
    ".html": Format.HTML,
    ".htm": Format.HTML,
    **dict.fromkeys(MARKDOWN_FILES, Format.MARKDOWN),
}


def format_of(path: Path) -> Format:
    """The form that a path asks for: its suffix says so, and a folder is Markdown.

    Raises:
        InvalidInput: It ends in something else.
    """
    suffix = path.suffix.lower()
    if suffix not in _BY_SUFFIX and (path.is_dir() or not suffix):
        return Format.MARKDOWN
    if suffix not in _BY_SUFFIX:
        raise InvalidInput(
            f"cannot tell the format of {path.suffix} files",
            f"give a folder, or a path that ends in {', '.join(_BY_SUFFIX)}, or choose with --format",
        )
    return _BY_SUFFIX[suffix]


def write(target: Path | IO[bytes], form: Format, outgoing: Outgoing) -> Written:
    """Write entries to a folder, a file or a stream; a file is written whole or not at all.

    Raises:
        InvalidInput: The form needs a folder and the target is none, or the other way round; several entries are to go
            into one Markdown file.
    """
    if isinstance(target, Path):
        sweep_beside(target)
        if form is Format.OBSIDIAN or (form is Format.MARKDOWN and not _is_markdown_file(target)):
            return _write_folder(target, form, outgoing)
        if target.is_dir():
            raise InvalidInput(
                f"{target} is a folder, and {form.value} is one file",
                f"name the file: {target / 'rekall'}.{form.value}",
            )
        make_private_folder(target.parent)
        with named_file_written_whole(target) as file:
            return _write_stream(file, form, outgoing)
    if form is Format.OBSIDIAN:
        raise InvalidInput("a vault is a folder and cannot go to stdout", "name a folder, or choose another --format")
    return _write_stream(target, form, outgoing)


def _is_markdown_file(path: Path) -> bool:
    return path.suffix.lower() in MARKDOWN_FILES and not path.is_dir()


def _write_folder(folder: Path, form: Format, outgoing: Outgoing) -> Written:
    if form is Format.OBSIDIAN:
        from rekall.exchange.vault_writing import write_vault

        return write_vault(folder, outgoing)
    from rekall.exchange.folder_writing import write_markdown_folder

    return write_markdown_folder(folder, outgoing)


def _write_stream(file: IO[bytes], form: Format, outgoing: Outgoing) -> Written:
    if form is Format.HTML:
        from rekall.exchange.html_writing import write_html

        return write_html(file, outgoing)
    if form is Format.MARKDOWN:
        return _write_one(file, outgoing)
    from rekall.exchange.json_writing import write_json, write_json_lines

    return write_json(file, outgoing) if form is Format.JSON else write_json_lines(file, outgoing)


def _write_one(file: IO[bytes], outgoing: Outgoing) -> Written:
    from rekall.exchange.markdown_writing import dump_front_matter, without_sources
    from rekall.exchange.outgoing import record_of

    if outgoing.count != 1:
        count = "no entry" if not outgoing.count else f"{outgoing.count:,} entries"
        raise InvalidInput(
            f"a Markdown file holds one entry, and these are {count}"
            if outgoing.count
            else "there is no entry to export",
            "name a folder, which gets a file for each: `rekall export notes`",
        )
    for entry, links in outgoing.entries:
        file.write(dump_front_matter(without_sources(record_of(entry, links)), entry.content).encode())
        outgoing.progress(1)
    return Written(1)
