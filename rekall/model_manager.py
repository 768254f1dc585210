"""The session manager: loads the model on first use, once, and drops it when nobody needs it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from rekall.types import Encoder


@dataclass(frozen=True, slots=True)
class ModelIdentity:
    """What can be known of a model without loading it."""

    name: str
    fingerprint: str
    dim: int


class EncoderLoader(Protocol):
    """Knows a model and how to load it: in this process, or wherever an implementation puts it."""

    def identify(self) -> ModelIdentity:
        """Read the model's card. Raises EngineError when there is no such model or it is damaged."""
        ...

    def load(self) -> Encoder:
        """Load the model. Raises EngineError when that fails."""
        ...


class ModelManager:
    """One encoder for a whole process. Thread-safe: many threads asking at once cause one load."""

    def __init__(self, loader: EncoderLoader, clock: Callable[[], float] = time.monotonic) -> None:
        """Nothing is loaded yet.

        Args:
            loader: Where encoders come from.
            clock: Seconds that never go back.
        """
        self._loader = loader
        self._clock = clock
        self._lock = threading.Lock()
        self._encoder: Encoder | None = None
        self._identity: ModelIdentity | None = None
        self._last_use_s = 0.0

    @property
    def identity(self) -> ModelIdentity:
        """The model's name, fingerprint and dimensions, without loading it.

        Raises:
            EngineError: There is no such model, or it is damaged.
        """
        with self._lock:
            if self._identity is None:
                self._identity = self._loader.identify()
            return self._identity

    def get_encoder(self) -> Encoder:
        """The encoder, loaded now if it was not.

        Raises:
            EngineError: It cannot be loaded; the next call tries again.
        """
        with self._lock:
            if self._encoder is None:
                self._encoder = self._loader.load()
            self._last_use_s = self._clock()
            return self._encoder

    def is_loaded(self) -> bool:
        """Whether an encoder is in memory."""
        return self._encoder is not None

    def unload_if_idle(self, timeout_minutes: float) -> bool:
        """Drop the encoder when its last use lies at least `timeout_minutes` back; 0 keeps it for ever.

        Returns:
            Whether it was dropped.
        """
        with self._lock:
            idle_s = self._clock() - self._last_use_s
            if self._encoder is None or timeout_minutes <= 0 or idle_s < timeout_minutes * 60:
                return False
            self._drop()
            return True

    def close(self) -> None:
        """Drop the encoder. A later use loads it again."""
        with self._lock:
            self._drop()

    def _drop(self) -> None:
        if self._encoder is not None:
            self._encoder.close()
            self._encoder = None
