"""The session manager: loads the model on first use, once, and drops it when nobody needs it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from rekall.errors import EngineError
from rekall.types import Encoder


@dataclass(frozen=True, slots=True)
class ModelIdentity:
    """What can be known of a model without loading it."""

    name: str
    fingerprint: str
    dim: int


class EncoderLoader(Protocol):
    """Knows models and how to load them: in this process, or wherever an implementation puts them."""

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


class ModelManager:
    """At most one encoder for a whole process. Thread-safe: many threads asking at once cause one load."""

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
        self._last_use_s = 0.0

    def identify(self, name: str | None = None) -> ModelIdentity:
        """A model as it is installed now, without loading it; None is the configured one.

        Raises:
            EngineError: There is no such model, or it is damaged.
        """
        return self._loader.identify(name)

    def find(self, name: str, fingerprint: str) -> ModelIdentity:
        """The installed model that makes vectors of a fingerprint; see `EncoderLoader.find`."""
        return self._loader.find(name, fingerprint)

    def get_encoder(self, model: ModelIdentity | None = None) -> Encoder:
        """The encoder of a model, loaded now if it was not; another one that was is dropped.

        Args:
            model: By default the configured one.

        Raises:
            EngineError: It cannot be loaded, or was changed since it was identified; the next call tries again.
        """
        with self._lock:
            wanted = model or self._loader.identify()
            if self._encoder is not None and self._encoder.fingerprint != wanted.fingerprint:
                self._drop()
            if self._encoder is None:
                encoder = self._loader.load(wanted.name)
                if encoder.fingerprint != wanted.fingerprint:
                    encoder.close()
                    raise EngineError(f"model {wanted.name} was changed just now", "run the command again")
                self._encoder = encoder
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
