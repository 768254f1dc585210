"""Texts with known vectors, and how close an encoder comes to them."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from rekall.models.engine.card import Fidelity
from rekall.models.vectors import Matrix, row_cosines


class _EncodesDocuments(Protocol):
    def encode_documents(self, texts: list[str]) -> Matrix: ...


@dataclass(frozen=True, slots=True)
class Probes:
    """n texts and their reference vectors, (n, d) float32."""

    texts: tuple[str, ...]
    vectors: Matrix

    def to_json(self) -> bytes:
        """Texts and vectors, to five decimals: a cosine error of 2e-9, and the same bytes on every processor."""
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
        return cls.of(raw["texts"], raw["vectors"])

    @classmethod
    def of(cls, texts: Any, vectors: Any) -> Probes:
        """Probes from the content of a file.

        Raises:
            ValueError, TypeError: They do not belong together, or a vector has no direction.
        """
        with np.errstate(over="ignore", invalid="ignore"):  # looked at below
            rows = np.asarray(vectors, dtype=np.float32)
        if rows.ndim != 2 or len(rows) != len(texts) or not len(texts):
            raise ValueError(f"{len(texts)} texts and vectors of shape {rows.shape}")
        if not np.isfinite(rows).all() or not rows.any(axis=1).all():
            raise ValueError("a vector is zero or not finite")
        return cls(tuple(str(text) for text in texts), rows)

    def some(self, most: int) -> Probes:
        """As many of them at most, spread over all."""
        count = len(self.texts)
        chosen = range(count) if count <= most else [place * count // most for place in range(most)]
        return Probes(tuple(self.texts[place] for place in chosen), self.vectors[list(chosen)])


@dataclass(frozen=True, slots=True)
class Measured(Fidelity):
    """Exact figures on this machine, and the text that came out furthest away."""

    worst_text: str


def measure(encoder: _EncodesDocuments, probes: Probes) -> Measured:
    """Encode the probe texts and compare.

    Raises:
        ValueError: The encoder and the probes differ in dimensions.
    """
    cosines = row_cosines(encoder.encode_documents(list(probes.texts)), probes.vectors)
    worst = int(np.argmin(cosines))
    return Measured(len(probes.texts), float(cosines[worst]), float(cosines.mean()), probes.texts[worst])
