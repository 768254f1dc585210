"""The vectors of one space, whatever keeps them: what a backend does, and what every vector must be.

A store brings the backends (`store/vectors.py`); `tests/contracts/test_vector_index.py` holds for each.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from array import array
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Union

from rekall.entry.passages import MOST_PASSAGES
from rekall.errors import EngineError

if TYPE_CHECKING:  # with sqlite-vec a process searches without numpy
    import numpy as np
    import numpy.typing as npt

Vector = Union["npt.NDArray[np.float32]", bytes, memoryview]
"""(d,) float32 of unit length, as an array or as its bytes."""

_ALWAYS, _MANY, _OF_MANY = 250, 50_000, 2
"""Up to so many passages are asked for at once. Of many vectors so few for each entry come first, each a page to read."""

UNIT_TOLERANCE = 1e-3
"""How far a vector's length may be from 1; float32 and 8-bit weights stay below 1e-6."""


@dataclass(frozen=True, slots=True)
class Backend:
    """Which backend serves, and why not the preferred one (empty when it is the preferred one)."""

    name: str
    reason: str


@dataclass(frozen=True, slots=True)
class Wide:
    """Ids to choose from that are too many to list: candidates are asked for, and all are listed only where these are too few.

    Attributes:
        share: About how many of all ids they are, 0 to 1.
        passing: Those of some ids that are among them.
        all: Lists them.
    """

    share: float
    passing: Callable[[Sequence[int]], Collection[int]]
    all: Callable[[], Sequence[int]]


class VectorIndex(ABC):
    """The vectors of one space by passage id. Writing methods belong inside a transaction of the caller."""

    @abstractmethod
    def search(self, query_vec: Vector, k: int, among: Sequence[int] | Wide | None = None) -> list[tuple[int, float]]:
        """The nearest vectors, most similar first; equal ones by id.

        Args:
            query_vec: (d,) float32 of unit length.
            k: How many.
            among: Ids to choose from; None means all.

        Returns:
            At most k pairs of id and cosine similarity.
        """

    @abstractmethod
    def similarities(self, query_vec: Vector, ids: Iterable[int]) -> dict[int, float]:
        """The cosine similarity of each given id; an id without a vector is left out."""

    @abstractmethod
    def pairs(self, ids: Iterable[int]) -> list[tuple[int, int, float]]:
        """The cosine similarity of each two of the given ids, the smaller id first; one without a vector is left out.

        For some dozens: fifty ids are 1,225 pairs, a millisecond.
        """

    @abstractmethod
    def neighbours(
        self, ids: Sequence[int], among: Sequence[int] | None, at_least: float, most_each: int
    ) -> list[tuple[int, int, float]]:
        """The nearest of each of many vectors: all pairs of ten thousand in seconds.

        Args:
            ids: Whose neighbours are looked for; one without a vector has none.
            among: Ids to choose from; None means all.
            at_least: The least cosine similarity of a neighbour.
            most_each: The most neighbours of each.

        Returns:
            The smaller id, the larger and their cosine similarity, each pair once, the most similar first.
        """

    @abstractmethod
    def get(self, passage_id: int) -> bytes | None:
        """The bytes of one vector, (d,) float32, or None."""

    @abstractmethod
    def get_many(self, ids: Iterable[int]) -> dict[int, bytes]:
        """The bytes of each given id's vector, (d,) float32; an id without a whole one is left out."""

    def add(self, passage_id: int, vector: Vector) -> None:
        """Store a vector in place of any of the same id.

        Raises:
            EngineError: It is not finite or not of unit length; nothing is stored.
        """
        self.add_many([(passage_id, vector)])

    @abstractmethod
    def add_many(self, vectors: Iterable[tuple[int, Vector]]) -> None:
        """Store many vectors by passage id, as `add` does.

        Raises:
            EngineError: One of them is not finite or not of unit length; nothing is stored.
        """

    @abstractmethod
    def delete(self, passage_id: int) -> None:
        """Remove a vector; an id without one is no error."""

    @abstractmethod
    def clear(self) -> None:
        """Remove every vector."""

    @abstractmethod
    def rebuild(self) -> None:
        """Make again what is derived from the vectors; a damaged vector is removed, to be embedded again."""

    @abstractmethod
    def rebuild_from(self, first: int) -> int | None:
        """Do a part of `rebuild`, a tenth of a second's work, so that others can write before the next.

        Args:
            first: The first passage to look at: 0, then what the last call returned.

        Returns:
            Where the next part begins, None when that was the last.
        """

    def wants_rebuild(self) -> bool:
        """Whether searches would be faster after `rebuild`."""
        return False

    @abstractmethod
    def __len__(self) -> int:
        """How many vectors there are."""


def vector_bytes(vector: Vector, dim: int) -> bytes:
    """The bytes of a vector that is what it should be.

    Args:
        vector: (d,) float32 of unit length, as an array or as its bytes.
        dim: The length d it must have.

    Raises:
        EngineError: It has another length, is not finite or not of unit length.
    """
    view = memoryview(vector)  # type: ignore[arg-type]  # before 3.12 an array has no type that says so
    if view.format not in ("f", "<f", "B") or view.nbytes != 4 * dim or not view.contiguous:
        raise EngineError(
            f"expected {dim} float32 numbers, got {view.nbytes} bytes of {view.format!r}", "run `rekall index status`"
        )
    data = view.tobytes()
    if not is_unit(data):
        raise EngineError("a vector is not finite or not of unit length", "run `rekall model verify`")
    return data


def is_unit(data: bytes) -> bool:
    """Whether the bytes of float32 numbers make a vector of unit length; False when one is not finite."""
    length = math.hypot(*array("f", data))
    return abs(length - 1.0) <= UNIT_TOLERANCE  # NaN compares as False


def passages_for(entries: int, vectors: Callable[[], int]) -> tuple[int, ...]:
    """How many of the nearest passages to ask for so many entries, and then, if these are too few: all of one may be nearest.

    Args:
        entries: The entries that are wanted.
        vectors: Tells how many vectors there are at most.
    """
    most = entries * (1 + MOST_PASSAGES)
    return (most,) if most <= _ALWAYS or vectors() <= _MANY else (_OF_MANY * entries, most)
