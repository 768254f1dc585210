"""Texts with known vectors, and how close an encoder comes to them."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from rekall.vectors import Matrix, row_cosines


class _EncodesDocuments(Protocol):
    def encode_documents(self, texts: list[str]) -> Matrix: ...


@dataclass(frozen=True, slots=True)
class Probes:
    """n texts and their reference vectors, (n, d) float32."""

    texts: tuple[str, ...]
    vectors: Matrix

    def to_json(self) -> bytes:
        """Texts and vectors, five decimals each: 2e-9 of cosine, and the same bytes on every processor."""
        vectors = [[round(float(value), 5) + 0.0 for value in row] for row in self.vectors]
        return (
            json.dumps({"texts": self.texts, "vectors": vectors}, ensure_ascii=False, separators=(",", ":")) + "\n"
        ).encode()

    @classmethod
    def from_json(cls, data: bytes) -> Probes:
        """Read what `to_json` wrote, or any file of that shape.

        Raises:
            ValueError, KeyError, TypeError: It is not of that shape.
        """
        raw = json.loads(data)
        texts = tuple(str(text) for text in raw["texts"])
        vectors = np.asarray(raw["vectors"], dtype=np.float32)
        if vectors.ndim != 2 or len(vectors) != len(texts) or not texts:
            raise ValueError(f"{len(texts)} texts and vectors of shape {vectors.shape}")
        if not np.isfinite(vectors).all() or not vectors.any(axis=1).all():
            raise ValueError("a vector is zero or not finite")
        return cls(texts, vectors)


@dataclass(frozen=True, slots=True)
class Measured:
    """Cosines between an encoder's vectors and the probes' own."""

    texts: int
    min_cosine: float
    mean_cosine: float
    worst_text: str


def measure(encoder: _EncodesDocuments, probes: Probes) -> Measured:
    """Encode the probe texts and compare.

    Raises:
        ValueError: The encoder and the probes differ in dimensions.
    """
    cosines = row_cosines(encoder.encode_documents(list(probes.texts)), probes.vectors)
    worst = int(np.argmin(cosines))
    return Measured(len(probes.texts), float(cosines[worst]), float(cosines.mean()), probes.texts[worst])
