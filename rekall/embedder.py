"""Who embeds now and how far it is, as every door says it; what a call to embed has come to."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from rekall.claims import Claims
from rekall.store.values import Space

Progress = Callable[[int, int], None]

PATIENCE_S = 600.0
"""Seconds that work of minutes waits for another process that writes: a large import, or a program that makes a copy, may
keep the base for long, and nobody should have to begin again."""

IMPORTING = "importing "
"""How the names of leases begin of who stores the notes of an import; the holder follows."""


@dataclass(frozen=True, slots=True)
class Embedder:
    """A process that embeds now, and how far it is.

    Attributes:
        pid: Its number.
        host: The machine where it runs, empty for this one.
        done: How many passages it has embedded.
        total: Of how many.
        is_storing: Whether it still stores the notes of an import, and embeds them next.
    """

    pid: int
    host: str
    done: int
    total: int
    is_storing: bool = False

    @property
    def text(self) -> str:
        """Who embeds and how far it is, in the words of every door."""
        where = f" on {self.host}" if self.host else ""
        if self.is_storing:
            return f"process {self.pid}{where} is importing, and embeds what it imports"
        return f"process {self.pid}{where} is embedding, {self.done:,} of {self.total:,} passages done"


@dataclass(frozen=True, slots=True)
class Embedded:
    """What a call has embedded.

    Attributes:
        done: How many passages.
        left: How many still lack a vector.
        holder: Who embeds those, None when nobody does.
        aside: How many the model cannot embed, found by this call.
    """

    done: int
    left: int
    holder: Embedder | None
    aside: int = 0

    @property
    def remark(self) -> str:
        """What to say of passages that the model cannot embed, or empty."""
        if not self.aside:
            return ""
        some = "1 passage" if self.aside == 1 else f"{self.aside:,} passages"
        return f"the model cannot embed {some}; `rekall index status` says which and why"


@dataclass(frozen=True, slots=True)
class Filled:
    """The space that was filled, how many vectors this call made, and who else is at it, None when nobody is.

    `aside` is how many passages this call found that the model cannot embed.
    """

    space: Space
    made: int
    holder: Embedder | None
    aside: int = 0


def embedder_of(claims: Claims, space: Space | None) -> Embedder | None:
    """Who embeds for a space now: who fills it, else an import that embeds its own passages, or is about to."""
    found = (claims.of(filling(space)) or next(iter(claims.under(in_hand(space))), None)) if space else None
    lease = found or next(iter(claims.under(IMPORTING)), None)
    if lease is None:
        return None
    host = "" if claims.is_here(lease) else lease.host.partition("/")[0]
    return Embedder(lease.pid, host, lease.done, lease.total, is_storing=found is None)


def advice(embedder: Embedder | None) -> str:
    """What a person should know or do while passages lack a vector, for every door."""
    return embedder.text if embedder else "run `rekall index rebuild --vectors`"


def how_far(vectors: int, passages: int) -> str:
    """What an interrupted import or rebuild has reached, and how it goes on."""
    return f"{vectors:,} of {passages:,} passages embedded; it goes on with the next import or `rekall index rebuild`"


def filling(space: Space) -> str:
    """The name of the lease of who fills a space."""
    return f"embedding {space.fingerprint}"


def in_hand(space: Space) -> str:
    """How the names of leases on a space's passages begin; the numbers of the passages follow."""
    return f"{filling(space)}: "
