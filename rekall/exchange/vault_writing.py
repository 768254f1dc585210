"""Writes entries to an Obsidian vault: one note each, named by its title."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path

from rekall.exchange.file_names import SUFFIX, Names, titled_names
from rekall.exchange.folder_writing import fields_of, make_folder, put, remove_stale
from rekall.exchange.outgoing import Outgoing, Written
from rekall.exchange.vault import is_vault_note, vault_note
from rekall.system.files import sync_folder


def write_vault(folder: Path, outgoing: Outgoing) -> Written:
    """Write each entry to a note of its own, every file whole or not at all.

    A note of somebody else is never replaced: an entry of the same title gets the end of its id.

    Raises:
        InvalidInput: `folder` is a file.
    """
    make_folder(folder)
    titles = outgoing.titles()
    ids = outgoing.ids()
    replaced = {*ids, *outgoing.deleted_at()}
    names = Names(path.name for path in folder.iterdir() if not _may_replace(path, replaced, titles))
    files = {entry_id: names.titled(titles[entry_id], entry_id) for entry_id in sorted(ids) if entry_id in titles}
    stems = {entry_id: name.removesuffix(SUFFIX) for entry_id, name in files.items()}
    for count, (entry, links) in enumerate(outgoing.entries, 1):
        put(folder / files[entry.id], vault_note(entry, links, stems, titles).encode())
        outgoing.progress(count)
    removed = remove_stale(folder, files, outgoing, _is_titled)
    sync_folder(folder)
    return Written(len(files), 0, removed)


def _may_replace(path: Path, ids: Collection[str], titles: Mapping[str, str]) -> bool:
    """Whether a file is the note of one of these entries, under a name that an export gives it or gave it."""
    if path.suffix != SUFFIX or path.is_symlink() or not path.is_file():
        return False
    fields = fields_of(path)
    entry_id = str(fields.get("id", "")).upper()
    if entry_id not in ids or not is_vault_note(fields):
        return False
    return _is_titled(path.name, fields) or path.name in titled_names(titles.get(entry_id, ""), entry_id)


def _is_titled(name: str, fields: Mapping[str, object]) -> bool:
    """Whether an export gave a note its name; one that was copied or renamed in Obsidian is somebody's own."""
    return is_vault_note(fields) and name in titled_names(str(fields.get("title", "")), str(fields.get("id", "")))
