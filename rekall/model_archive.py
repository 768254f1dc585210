"""A model folder as one file, for machines without a network: packed, and taken in again only when every byte fits."""

from __future__ import annotations

import tarfile
from pathlib import Path

from rekall.engine.card import CARD_FILE, ModelCard, check_hashes, is_name, read_card
from rekall.errors import InvalidInput, ModelDamaged
from rekall.files import file_written_whole, folder_written_whole, make_private_folder

_MOST_FILES = 64
_LARGEST_BYTES = 8 << 30  # a fp32 model of two billion parameters
_CHUNK_BYTES = 1 << 20


def pack(folder: Path, archive: Path) -> ModelCard:
    """Write a model folder to a tar file, the file whole or not at all; the same folder gives the same bytes.

    Not compressed: weights do not get smaller.

    Raises:
        ModelDamaged: A file of the model is missing or altered.
    """
    card = read_card(folder)
    check_hashes(folder, card)
    with file_written_whole(archive) as file, tarfile.open(fileobj=file, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for name in (CARD_FILE, *sorted(card.files)):
            member = tarfile.TarInfo(f"{card.name}/{name}")
            member.size = (folder / name).stat().st_size
            member.mode = 0o644
            with (folder / name).open("rb") as source:
                tar.addfile(member, source)
    return card


def unpack(archive: Path, parent: Path, name: str = "", *, replace: bool = False) -> tuple[Path, ModelCard]:
    """Put the model of a tar file into a folder of its own below `parent`, whole or not at all.

    Args:
        archive: What `pack` wrote.
        parent: Where models lie; made when it is not there.
        name: The model's name here; by default its own.
        replace: Whether a model of that name may be replaced by another one.

    Returns:
        The model's folder and its card.

    Raises:
        InvalidInput: The file is no archive of a model, or there is another model of that name.
        ModelDamaged: A file inside is missing or altered.
    """
    try:
        with tarfile.open(archive, mode="r:") as tar:
            members = _members(archive, tar)
            inside = next(iter(members.values())).name.partition("/")[0]
            name = name or inside
            if not is_name(name):
                raise InvalidInput(f"{name!r} cannot be the name of a model", "give one with --name")
            make_private_folder(parent)
            folder = parent / name
            with folder_written_whole(folder) as scratch:
                for file, member in members.items():
                    _extract(tar, member, scratch / file)
                card = read_card(scratch)
                _check_listed(archive, card, set(members))
                check_hashes(scratch, card)
                if folder.exists() and not replace and _fingerprint(folder) != card.fingerprint:
                    raise InvalidInput(
                        f"there is another model {name!r} already",
                        "give --name, or --replace to put this one in its place",
                    )
            return folder, card
    except tarfile.TarError as error:
        raise InvalidInput(
            f"{archive} is not a model archive: {error}", "`rekall model pack NAME` makes one"
        ) from error


def _members(archive: Path, tar: tarfile.TarFile) -> dict[str, tarfile.TarInfo]:
    """The files of an archive by their plain names, in one folder; anything else is refused."""
    members: dict[str, tarfile.TarInfo] = {}
    folders = set()
    for member in tar:
        folder, _, file = member.name.partition("/")
        folders.add(folder)
        if not (member.isreg() and is_name(folder) and is_name(file)) or file in members:
            raise InvalidInput(
                f"{archive} holds {member.name!r}, which no model has", "`rekall model pack NAME` makes one"
            )
        members[file] = member
        if len(members) > _MOST_FILES or sum(each.size for each in members.values()) > _LARGEST_BYTES:
            raise InvalidInput(f"{archive} holds more than a model does")
    if CARD_FILE not in members or len(folders) != 1:
        raise InvalidInput(f"{archive} holds no model", "`rekall model pack NAME` makes one")
    return members


def _extract(tar: tarfile.TarFile, member: tarfile.TarInfo, path: Path) -> None:
    source = tar.extractfile(member)
    assert source is not None  # a regular file
    with source, path.open("wb") as target:
        while chunk := source.read(_CHUNK_BYTES):
            target.write(chunk)


def _check_listed(archive: Path, card: ModelCard, files: set[str]) -> None:
    strange = files - set(card.files) - {CARD_FILE}
    if strange:
        raise InvalidInput(f"{archive} holds {', '.join(sorted(strange))}, which the model's card does not list")


def _fingerprint(folder: Path) -> str:
    """The fingerprint of an installed model; empty when it is damaged, and so may be replaced."""
    try:
        return read_card(folder).fingerprint
    except ModelDamaged:
        return ""
