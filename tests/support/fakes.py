"""Stand-ins that obey the contract of what they stand for: an encoder, its loader, and a clock."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone

import numpy as np

from rekall.errors import EngineError, ModelNotFound
from rekall.models.contract import Encoder, ModelIdentity
from rekall.models.vectors import Matrix, unit_rows
from rekall.system.clock import Clock
from rekall.system.processes import Processes


class FakeEncoder:
    """Obeys the Encoder contract with a bag of hashed words: texts that share words are near."""

    def __init__(self, dim: int = 64, fingerprint: str = "fake") -> None:
        self.dim = dim
        self.fingerprint = fingerprint
        self.encoded: list[str] = []
        self.closed = False

    def encode_documents(self, texts: Sequence[str]) -> Matrix:
        self.encoded += texts
        rows = np.zeros((len(texts), self.dim), dtype=np.float32)
        for row, text in zip(rows, texts):
            row[0] = 0.01  # the empty text has a direction too
            for word in re.findall(r"\w+", text.lower()):
                row[1 + int.from_bytes(hashlib.md5(word.encode()).digest()[:4], "big") % (self.dim - 1)] += 1
        return unit_rows(rows)

    def encode_queries(self, texts: Sequence[str]) -> Matrix:
        return self.encode_documents(texts)

    def known(self, texts: Sequence[str]) -> list[float]:
        """A word knows its letters; only a text of the private area, which no test means, is unknown."""
        return [1.0 - sum("\ue000" <= sign <= "\uf8ff" for sign in text) / max(1, len(text)) for text in texts]

    def is_open(self) -> bool:
        return not self.closed

    def close(self) -> None:
        self.closed = True


@dataclass
class FakeLoader:
    """Loads a FakeEncoder, or fails with `problem` while that is set. `others` are further models, by name."""

    encoder: FakeEncoder = field(default_factory=FakeEncoder)
    problem: EngineError | None = None
    loads: int = 0
    others: dict[str, FakeEncoder] = field(default_factory=dict)

    def identify(self, name: str | None = None) -> ModelIdentity:
        if self.problem:
            raise self.problem
        encoder = self._encoder(name)
        return ModelIdentity(name or "fake", encoder.fingerprint, encoder.dim)

    def find(self, name: str, fingerprint: str) -> ModelIdentity:
        if self.problem:
            raise self.problem
        for other, encoder in {"fake": self.encoder, **self.others}.items():
            if encoder.fingerprint == fingerprint:
                return ModelIdentity(other, fingerprint, encoder.dim)
        raise ModelNotFound(f"the vectors were made by another model ({name})", "run `rekall model use NAME`")

    def load(self, name: str | None = None) -> Encoder:
        if self.problem:
            raise self.problem
        self.loads += 1
        self._encoder(name).closed = False
        return self._encoder(name)

    def _encoder(self, name: str | None) -> FakeEncoder:
        encoder = {None: self.encoder, "fake": self.encoder, **self.others}.get(name)
        if encoder is None:
            raise ModelNotFound(f"no model {name!r} is installed")
        return encoder


@dataclass
class FakeClock(Clock):
    """Seconds and dates that move when the test says so; ids in the order in which they are made."""

    elapsed_s: float = 0.0
    made: int = 0

    def __call__(self) -> float:
        return self.elapsed_s

    def seconds(self) -> float:
        return self.elapsed_s

    def now(self) -> datetime:
        return datetime(2026, 1, 1, tzinfo=timezone.utc) + timedelta(seconds=self.elapsed_s)

    def new_id(self, created_at: datetime | None) -> str:
        from ulid import ULID

        self.made += 1
        return str(ULID.from_bytes((1_700_000_000_000 + 1000 * self.made).to_bytes(6, "big") + os.urandom(10)))


@dataclass
class FakeProcesses(Processes):
    """One process of one machine; `running` are the ones that run there, shared by who shares the machine."""

    pid: int = 1
    machine: str = "here"
    running: set[int] = field(default_factory=lambda: {1})

    def this(self) -> int:
        return self.pid

    def host(self) -> str:
        return self.machine

    def is_running(self, pid: int, since: datetime) -> bool:
        return pid in self.running
