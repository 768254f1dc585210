"""Three-way merge of an entry by field; pure."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class MergedFile:
    """What comes of two versions of a file.

    Attributes:
        data: The bytes; None where both sides, or the only one that changed, have none any more.
        conflicts: Fields that both changed in ways that do not fit; `data` says what `mine` said there.
        theirs: What `theirs` said in a conflict, as a file of an entry of its own, with the name that it is to have; None
            where there is no conflict.
    """

    data: bytes | None
    conflicts: tuple[str, ...] = ()
    theirs: tuple[str, bytes] | None = None
