"""One measure of `scale.py`, in the process that is measured."""

from __future__ import annotations

import contextlib
import statistics
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from rekall.entry.filters import Filters
from rekall.models.contract import Encoder, ModelIdentity
from rekall.search.results import Mode
from rekall.store.sqlite import SqliteStore
from rekall.system.resident import peak_bytes
from rekall.wiring import Rooms, Tuning, build, shipped_models

if TYPE_CHECKING:
    from rekall.models.contract import Rows


TIMES = 5

LINES: Mapping[str, str] = {
    "two words": "docker timeout",
    "common words": "with not from",
    "a rare word and common ones": "sibling of the deploy with not",
    "a question of eight words": "why does the connection time out after upload",
    "a phrase": '"connection timeout" upload',
    "without a word": "docker timeout -upload",
    "a type": "docker timeout type:bug",
    "a project": "docker with not project:project-7",
}
"""What is asked, by what it is."""


@dataclass(frozen=True, slots=True)
class Figures:
    """What one search takes: milliseconds of the processor for the first and for another, and the most memory."""

    cold_ms: float
    warm_ms: float
    peak_mb: float

    def plain(self) -> dict[str, float]:
        """As JSON holds it."""
        return asdict(self)

    def row(self) -> str:
        """As cells of a table."""
        return f"{self.cold_ms:.0f} | {self.warm_ms:.0f} | {self.peak_mb:.0f}"


class MadeUp:
    """Stands where an encoder does, and takes neither time nor memory: every text has a vector near some note's."""

    def __init__(self, model: ModelIdentity, store: SqliteStore) -> None:
        """Be of the space of a model."""
        self.fingerprint, self.dim = model.fingerprint, model.dim
        self._store = store

    def encode_queries(self, texts: Sequence[str]) -> Rows:
        """A vector for each text, near that of some note: (n, d) float32, rows of unit length."""
        import random
        from array import array

        space = self._store.vectors.active_space()
        rows = []
        for text in texts:
            drawn = random.Random(text)  # noqa: S311
            near = (
                self._store.vectors.index(space).get(drawn.randint(1, self._store.entries.count())) if space else None
            )
            noise = [drawn.gauss(0, 0.7 / self.dim**0.5) for _ in range(self.dim)]
            numbers = [one + other for one, other in zip(array("f", near or bytes(4 * self.dim)), noise)]
            length = sum(number * number for number in numbers) ** 0.5
            rows.append(memoryview(array("f", [number / length for number in numbers]).tobytes()).cast("f"))
        return rows

    encode_documents = encode_queries

    def known(self, texts: Sequence[str]) -> Sequence[float]:
        """It knows every word."""
        return [1.0] * len(texts)

    def is_open(self) -> bool:
        """Always."""
        return True

    def close(self) -> None:
        """Nothing is held."""


@dataclass(frozen=True, slots=True)
class MadeUpLoader:
    """Loads an encoder that stands in for a model."""

    model: ModelIdentity
    store: SqliteStore

    def identify(self, name: str | None = None) -> ModelIdentity:
        """The model."""
        return self.model

    def find(self, name: str, fingerprint: str) -> ModelIdentity:
        """The model."""
        return self.model

    def load(self, name: str) -> Encoder:
        """What stands in for it."""
        return MadeUp(self.model, self.store)


def shipped() -> ModelIdentity:
    """The model that ships, known by its card alone."""
    from rekall.models.library import FolderLoader, ModelLibrary

    name = next(folder for parent in shipped_models() if parent.is_dir() for folder in sorted(parent.iterdir())).name
    return FolderLoader(ModelLibrary(shipped_models()), name, 1).identify()


@contextlib.contextmanager
def opened(home: Path, *, stands_in: bool = True) -> Iterator[Rooms]:
    """A base with all its rooms, on the model itself or on what stands in for it."""
    from rekall.models.library import FolderLoader, ModelLibrary
    from rekall.system.clock import Clock

    model = shipped()
    store = SqliteStore(home / "rekall.db")
    loader = MadeUpLoader(model, store) if stands_in else FolderLoader(ModelLibrary(shipped_models()), model.name, 0)
    with contextlib.closing(store):
        yield build(store, loader, Tuning(lexical_share=0.6), Clock())


def measure(home: Path, mode: str, name: str) -> Figures:
    """Search a base in this process."""
    took = []
    with opened(home) as rooms:
        for _ in range(1 + TIMES):
            began = time.process_time()
            rooms.base.search(LINES[name], Filters(), Mode(mode), 10)
            took.append((time.process_time() - began) * 1e3)
    return Figures(took[0], statistics.median(took[1:]), peak_bytes() / 1e6)
