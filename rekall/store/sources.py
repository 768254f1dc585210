"""The part of a store that says where imported entries came from; see `contract`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Protocol

from rekall.store.values import Origin


class Origins(Protocol):
    """Where imported entries came from. Writing belongs inside a transaction."""

    def of(self, key: int) -> Origin | None:
        """Where an entry was imported from, or None."""
        ...

    def at(self, path: str) -> Origin | None:
        """What was imported from `path`, or None."""
        ...

    def at_many(self, paths: Iterable[str]) -> dict[str, Origin]:
        """What was imported from each of some paths; one from which nothing was is left out."""
        ...

    def said(self, paths: Iterable[str]) -> dict[str, str]:
        """What the sources at some paths said, `Origin.said`; one that is not known is left out."""
        ...

    def say(self, said: Mapping[str, str]) -> None:
        """Remember that sources said something else, by their paths."""
        ...

    def put(self, *origins: Origin) -> None:
        """Remember where entries were imported from."""
        ...

    def paths(self) -> Iterator[str]:
        """Every path from which something was imported, in order, a bounded number in memory at a time."""
        ...

    def known(self, hashes: Iterable[bytes], record_ids: Iterable[str]) -> tuple[set[bytes], set[str]]:
        """Which of some hashes, and which of some record ids, any source has that was imported."""
        ...

    def like(self, source_hash: bytes, record_id: str = "") -> list[Origin]:
        """What was imported from a source of the same hash, or of the same record id unless that is empty, by path."""
        ...

    def naming(self, entry_id: str) -> list[Origin]:
        """What was imported from sources that named an id."""
        ...

    def under(self, path: str) -> Iterator[Origin]:
        """What was imported from a file, or from below a folder, by path, a bounded number in memory at a time."""
        ...
