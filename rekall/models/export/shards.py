"""The files of a module's weights: one, or the parts that an index names."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path

from rekall.errors import ExportFailed

WEIGHTS_FILE = "model.safetensors"
INDEX_FILE = f"{WEIGHTS_FILE}.index.json"
"""What names the parts of weights that are saved in several files."""

DAMAGED = "fetch the model again, or look for another revision of it"
POINTER = "{} is a Git LFS pointer and not the file itself"
FETCH_LFS = "run `git lfs pull` in that folder, or fetch the model with `rekall model pull`"
_POINTS = b"version https://git-lfs."
_READ_BYTES = 1 << 20


def is_pointer(path: Path) -> bool:
    """Whether a clone left the place of a large file there instead of the file."""
    try:
        with path.open("rb") as file:
            return file.read(len(_POINTS)) == _POINTS
    except OSError:
        return False


def weight_files(folder: Path) -> tuple[Path, ...]:
    """The files with a module's weights: one, or the parts that an index names, in the order of their names.

    Returns:
        Nothing where there are no safetensors at all.

    Raises:
        ExportFailed: The index is malformed, or a part of it is missing.
    """
    whole, index = folder / WEIGHTS_FILE, folder / INDEX_FILE
    if whole.is_file() or not index.is_file():
        return (whole,) if whole.is_file() else ()
    try:
        parts = tuple(folder / name for name in parts_of(index.read_bytes()))
    except (OSError, ValueError) as error:
        raise ExportFailed(f"{index} does not say which files hold the weights: {error}", DAMAGED) from error
    for part in parts:
        if not part.is_file():
            raise ExportFailed(f"{part} is missing, which {index.name} names", DAMAGED)
    return parts


def parts_of(index: bytes) -> list[str]:
    """The names of the files that an index of parts names, sorted.

    Raises:
        ValueError: It is no such index, or names a file elsewhere.
    """
    content = json.loads(index)
    places = content.get("weight_map") if isinstance(content, dict) else None
    if not isinstance(places, dict) or not places:
        raise ValueError("it has no weight_map")
    for name in places.values():
        if not isinstance(name, str) or not name.endswith(".safetensors") or Path(name).name != name or "\\" in name:
            raise ValueError(f"{name!r} is not the name of a safetensors file")
    return sorted(set(places.values()))


def identity_of(files: Sequence[Path]) -> str:
    """SHA-256 of the bytes of all files in order, in hex digits: for one file its own."""
    digest = hashlib.sha256()
    for path in files:
        with path.open("rb") as stream:
            while chunk := stream.read(_READ_BYTES):
                digest.update(chunk)
    return digest.hexdigest()
