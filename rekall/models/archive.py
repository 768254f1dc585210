"""A model folder as one file, for machines without a network: packed, and unpacked only when every byte is right."""

from __future__ import annotations

import os
import shutil
import stat
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import IO

from rekall.errors import DiskFull, InvalidInput, ModelDamaged
from rekall.models.engine.card import CARD_FILE, CARD_LIMIT_BYTES, ModelCard, check_hashes, is_name, read_card
from rekall.models.tar_reader import Archive, Member, NoArchive, read_archive
from rekall.system.files import file_written_whole, folder_written_whole, make_private_folder, sha256_of

_MOST_FILES = 64
_LARGEST_BYTES = 8 << 30  # a fp32 model of two billion parameters
_CHUNK_BYTES = 1 << 20
_REMEDY = "pack it again with `rekall model pack NAME` on the other machine"
_CARD_HASH = "REKALL.card.sha256"


def pack(folder: Path, archive: Path) -> ModelCard:
    """Write a model folder to a tar file, whole or not at all; the same folder gives the same bytes.

    Not compressed: weights do not get smaller.

    Raises:
        ModelDamaged: A file of the model is missing or altered.
    """
    import tarfile

    card = read_card(folder)
    check_hashes(folder, card)
    headers = {_CARD_HASH: sha256_of(folder / CARD_FILE)}  # the card holds the hashes of the other files
    with (
        file_written_whole(archive) as file,
        tarfile.open(fileobj=file, mode="w", format=tarfile.PAX_FORMAT, pax_headers=headers) as tar,
    ):
        for name in (CARD_FILE, *sorted(card.files)):
            member = tarfile.TarInfo(f"{folder.name}/{name}")
            member.size = (folder / name).stat().st_size
            member.mode = 0o644
            with (folder / name).open("rb") as source:
                tar.addfile(member, source)
    return card


def unpack(
    archive: Path,
    parent: Path,
    name: str = "",
    *,
    replace: bool = False,
    shipped: Sequence[Path] = (),
    check: Callable[[Path, ModelCard], None] = lambda folder, card: None,
) -> tuple[Path, ModelCard]:
    """Unpack the model of a tar file into its own folder below `parent`, whole or not at all.

    Args:
        archive: What `pack` wrote.
        parent: Where models are kept; made if missing.
        name: The model's name here; by default its own.
        replace: Whether a model of that name may be replaced by another one.
        shipped: Model folders elsewhere, which one of the same name would hide.
        check: Told of the unpacked folder before it takes its place; it may refuse the model.

    Returns:
        The model's folder and its card.

    Raises:
        InvalidInput: The file is not an archive of a model, or another model has that name.
        ModelDamaged: A file inside is missing or altered.
    """
    with _opened(archive) as file:
        try:
            found = read_archive(file)
        except NoArchive as error:
            raise InvalidInput(f"{archive} is not a model archive: {error}", _REMEDY) from error
        members = _members(archive, found)
        name = name or members[CARD_FILE].name.partition("/")[0]
        if not is_name(name):
            raise InvalidInput(f"{name!r} cannot be the name of a model", "give one with --name")
        make_private_folder(parent)
        folder = parent / name
        with folder_written_whole(folder) as scratch:
            card = _extract(archive, file, members, found.records.get(_CARD_HASH, ""), scratch)
            try:
                check(scratch, card)
            except ModelDamaged as error:
                raise ModelDamaged(error.message.replace(str(scratch), str(archive)), error.hint or _REMEDY) from error
            hidden = [other for other in shipped if other.name == name]
            if not replace and not all(_may_replace(other, card) for other in (folder, *hidden)):
                raise InvalidInput(
                    f"another model is already named {name!r}",
                    "give --name, or --replace to put this one in its place",
                )
        return folder, card


def _opened(archive: Path) -> IO[bytes]:
    """An archive, opened: a plain file, for a pipe or a device may never end."""
    file = os.fdopen(os.open(archive, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)), "rb")
    if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
        file.close()
        raise InvalidInput(f"{archive} is not a file", _REMEDY)
    return file


def _members(archive: Path, found: Archive) -> dict[str, Member]:
    """The files of an archive by their plain names, in one folder; anything else is refused."""
    members: dict[str, Member] = {}
    folders = set()
    for member in found.members:
        folder, _, file = member.name.partition("/")
        folders.add(folder)
        if not (is_name(folder) and is_name(file)) or file in members:
            raise InvalidInput(f"{archive} holds {member.name[:100]!r}, which is not part of a model", _REMEDY)
        members[file] = member
        if len(members) > _MOST_FILES or sum(each.size for each in members.values()) > _LARGEST_BYTES:
            raise InvalidInput(f"{archive} is too large to be a model")
    if CARD_FILE not in members or len(folders) != 1:
        raise InvalidInput(f"{archive} does not hold a model", _REMEDY)
    return members


def _extract(
    archive: Path, source: IO[bytes], members: Mapping[str, Member], card_hash: str, scratch: Path
) -> ModelCard:
    """Unpack the files into a folder, the card first, and check every byte.

    Raises:
        InvalidInput: The archive holds a file that the card does not list, or one of another size.
        ModelDamaged: A file is missing or altered.
        DiskFull: There is no room for it.
    """
    try:
        if members[CARD_FILE].size > CARD_LIMIT_BYTES:
            raise ModelDamaged(f"{scratch / CARD_FILE} is too large to be a model card")
        _copy(source, members[CARD_FILE], scratch / CARD_FILE)
        if card_hash and sha256_of(scratch / CARD_FILE) != card_hash:  # another tar program may have packed it
            raise ModelDamaged(f"{scratch / CARD_FILE} is not the card that was packed (its hash differs)")
        card = read_card(scratch)
        files = {file: member for file, member in members.items() if file != CARD_FILE}
        for file, member in files.items():
            if file not in card.files or card.files[file].size != member.size:
                raise InvalidInput(f"{archive} holds {file!r}, which does not match its card (name or size)", _REMEDY)
        _check_disk(scratch, sum(member.size for member in files.values()))
        for file, member in files.items():
            _copy(source, member, scratch / file)
        check_hashes(scratch, card)
    except ModelDamaged as error:
        raise ModelDamaged(error.message.replace(str(scratch), str(archive)), _REMEDY) from error
    return card


def _check_disk(folder: Path, needed: int) -> None:
    free = shutil.disk_usage(folder).free
    if free < needed:
        raise DiskFull(f"the model takes {needed:,} bytes, and {free:,} are free", "free some space and try again")


def _copy(source: IO[bytes], member: Member, path: Path) -> None:
    source.seek(member.start)
    left = member.size
    with path.open("wb") as target:
        while left and (chunk := source.read(min(left, _CHUNK_BYTES))):
            target.write(chunk)
            left -= len(chunk)


def _may_replace(folder: Path, card: ModelCard) -> bool:
    """Whether a folder may be replaced unasked: it is missing, or holds the same model or a damaged one."""
    if not folder.exists():
        return True
    try:
        return read_card(folder).fingerprint == card.fingerprint
    except ModelDamaged:
        return (folder / CARD_FILE).is_file()
