"""Maps the file of a vocabulary: what is never needed is never read."""

from __future__ import annotations

import mmap
import os
from pathlib import Path

from rekall.errors import ModelDamaged
from rekall.models.engine.card import repair_hint
from rekall.system.mappable import opened_to_map


def map_vocabulary(path: Path, header_bytes: int, kind: str) -> tuple[mmap.mmap, int]:
    """The file, mapped, and its size; `kind` is what it holds, for messages.

    Raises:
        ModelDamaged: It cannot be read, or is shorter than its header.
    """
    try:
        with opened_to_map(path) as file:
            size = os.fstat(file.fileno()).st_size
            if size < header_bytes:
                raise damaged(path, kind, "it is cut short")
            return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ), size
    except OSError as error:
        raise ModelDamaged(f"cannot read {path}: {error.strerror}", repair_hint(path.parent.name)) from error


def damaged(path: Path, kind: str, what: str) -> ModelDamaged:
    """The error for a file that does not hold what it should."""
    return ModelDamaged(f"{path} is not a file of {kind}: {what}", repair_hint(path.parent.name))
