"""What the rest of Rekall knows of a model: an encoder, its identity, and who loads it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:  # numpy stays out of the processes that never see a vector
    from rekall.models.vectors import Matrix

    Rows = Matrix | Sequence[memoryview[float]]
    """n vectors, each a buffer of d float32: (n, d), rows of unit length. An array where numpy made them, else views of
    the bytes that another process sent."""


@dataclass(frozen=True, slots=True)
class ModelIdentity:
    """What can be known of a model without loading it.

    Attributes:
        level: The cosine that two texts have that have nothing to do with each other; see `models.level`.
    """

    name: str
    fingerprint: str
    dim: int
    level: float = 0.05


class Encoder(Protocol):
    """Turns texts into unit vectors of one space, in this process or in another."""

    @property
    def fingerprint(self) -> str:
        """Identity of the vector space; vectors of two fingerprints are never compared."""
        ...

    @property
    def dim(self) -> int:
        """Length d of a vector."""
        ...

    def encode_documents(self, texts: Sequence[str]) -> Rows:
        """Encode n texts to be found. Returns (n, d) float32, rows of unit length."""
        ...

    def encode_queries(self, texts: Sequence[str]) -> Rows:
        """Encode n questions. Returns (n, d) float32, rows of unit length."""
        ...

    def known(self, texts: Sequence[str]) -> Sequence[float]:
        """The share of each text's tokens that the vocabulary has a token for, 0 to 1; 1 for a text without tokens."""
        ...

    def is_open(self) -> bool:
        """Whether it can be used: not closed, and its process alive."""
        ...

    def close(self) -> None:
        """Free what the encoder holds; a second time does nothing."""
        ...


class ArrayEncoder(Encoder, Protocol):
    """An encoder of this process: its rows are one array."""

    @property
    def runtime(self) -> str:
        """What runs the model, with its version."""
        ...

    def encode_documents(self, texts: Sequence[str]) -> Matrix:
        """Encode n texts to be found. Returns (n, d) float32, rows of unit length."""
        ...

    def encode_queries(self, texts: Sequence[str]) -> Matrix:
        """Encode n questions. Returns (n, d) float32, rows of unit length."""
        ...


class EncoderLoader(Protocol):
    """Knows models and how to load them: into this process, or into a child of it."""

    def identify(self, name: str | None = None) -> ModelIdentity:
        """Read a model's card; None is the configured model.

        Raises:
            EngineError: There is no such model, or it is damaged.
        """
        ...

    def find(self, name: str, fingerprint: str) -> ModelIdentity:
        """The installed model that makes vectors of a fingerprint, looked for under `name` first.

        Raises:
            EngineError: There is none.
        """
        ...

    def load(self, name: str) -> Encoder:
        """Load a model. Raises EngineError when that fails."""
        ...
