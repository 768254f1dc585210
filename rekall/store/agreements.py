"""The part of a store that remembers what folders and the base last said alike; see `contract` and docs/adr/0046."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Folder:
    """A folder that the base is synced with.

    Attributes:
        number: The store's own; 0 before it is stored.
        id: The folder's own, which lies in it.
        place: Where it lay last.
        options: What was chosen for it, as JSON.
        synced_at: When it was last synced, or None.
    """

    number: int
    id: str
    place: str
    options: str = "{}"
    synced_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Agreed:
    """What a folder and the base last said alike of an entry.

    Attributes:
        entry_id: The entry.
        path: Its file below the folder, with slashes; empty where both agree that it is deleted.
        seen: What tells that neither its file nor the entry changed since, in a form of the caller's own.
        file_hash: The hash of its file, in hex.
        state: What both said, in a form of the caller's own; empty where that was forgotten, or was not asked for.
    """

    entry_id: str
    path: str
    seen: str
    file_hash: str
    state: bytes = b""


class Agreements(Protocol):
    """What was agreed with folders. Writing belongs inside a transaction."""

    def folders(self) -> list[Folder]:
        """Every folder, in the order in which they came."""
        ...

    def put_folder(self, folder: Folder) -> Folder:
        """Store a folder, a new one where its number is 0. Returns it with its number."""
        ...

    def drop_folder(self, number: int) -> None:
        """Forget a folder and everything that was agreed with it."""
        ...

    def count(self, number: int) -> int:
        """How many entries a folder and the base both have."""
        ...

    def of(self, number: int) -> list[Agreed]:
        """Everything that was agreed with a folder, without what was said."""
        ...

    def states(self, number: int, ids: Iterable[str]) -> dict[str, bytes]:
        """What was said of some entries, by id."""
        ...

    def put(self, number: int, agreed: Sequence[Agreed]) -> None:
        """Remember what was agreed, in the place of what was before."""
        ...

    def see(self, number: int, seen: Mapping[str, str]) -> None:
        """Remember what tells that nothing changed, by id; all else stays."""
        ...

    def drop(self, number: int, ids: Iterable[str]) -> None:
        """Forget what was agreed of some entries."""
        ...

    def forget(self, entry_id: str) -> None:
        """Forget what any folder said of an entry, and keep that it was agreed."""
        ...

    def stamps(self, ids: Iterable[str] | None = None) -> dict[str, str]:
        """A short text an entry, which differs when anything that the entry says differs, its links from it included.

        Args:
            ids: The entries; None for all. One that is not there, or is damaged, is left out.
        """
        ...
