"""The session manager: loads the model on first use, once, and drops it when it is idle."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

from rekall.errors import EngineClosed, EngineError, EngineLost, OutOfMemory, Superseded
from rekall.models.contract import Encoder, EncoderLoader, ModelIdentity
from rekall.system.forks import FORKS

__all__ = ["EncoderLoader", "ModelIdentity", "ModelManager"]

_ASK_AGAIN_S = 0.05

PLAIN = ("a", "the", "note", "1", "lock")
"""Texts that every model has a vector for, or nearly: a static one has no row for a few of them."""


class ModelManager:
    """At most one encoder for a whole process, used by one thread at a time.

    Thread-safe: many threads that ask at once cause one load and take turns. With a timeout, a thread watches a loaded
    model and drops it when it has been idle that long.
    """

    def __init__(
        self,
        loader: EncoderLoader,
        clock: Callable[[], float] = time.monotonic,
        idle_timeout_s: float = 0.0,
        when_idle: Callable[[], None] = lambda: None,
    ) -> None:
        """Nothing is loaded yet.

        Args:
            loader: Where encoders come from.
            clock: Seconds, monotonic.
            idle_timeout_s: Seconds without use after which the model is dropped; 0 keeps it.
            when_idle: Called after such a drop, to free what else is idle.
        """
        self._loader = loader
        self._clock = clock
        self._timeout_s = idle_timeout_s
        self._when_idle = when_idle
        self._turn = threading.RLock()
        self._dropped = threading.Event()
        self._watcher: threading.Thread | None = None
        self._encoder: Encoder | None = None
        self._last_use_s = 0.0
        FORKS.tell(self)

    def identify(self, name: str | None = None) -> ModelIdentity:
        """A model as it is installed now, without loading it; None is the configured one.

        Raises:
            EngineError: There is no such model, or it is damaged.
        """
        return self._loader.identify(name)

    def find(self, name: str, fingerprint: str) -> ModelIdentity:
        """The installed model that makes vectors of a fingerprint; see `EncoderLoader.find`."""
        return self._loader.find(name, fingerprint)

    @contextlib.contextmanager
    def use(
        self, model: ModelIdentity | None = None, is_wanted: Callable[[], bool] = lambda: True
    ) -> Iterator[Encoder]:
        """The encoder of a model, loaded if it was not, and kept while the block runs; other threads wait.

        Args:
            model: By default the configured one.
            is_wanted: Asked while waiting for another thread, and before and after a load.

        Raises:
            EngineError: It cannot be loaded; the next call tries again.
            Superseded: `is_wanted` returned False.
        """
        while not self._turn.acquire(timeout=_ASK_AGAIN_S):
            _check(is_wanted)
        try:
            _check(is_wanted)
            encoder = self.get_encoder(model)
            _check(is_wanted)
            try:
                yield encoder
            finally:
                self._last_use_s = self._clock()
        finally:
            self._turn.release()

    def get_encoder(self, model: ModelIdentity | None = None) -> Encoder:
        """The encoder of a model, loaded now if it was not; any other one is dropped.

        Another thread may drop it at any time; `use` keeps it.

        Args:
            model: By default the configured one.

        Raises:
            EngineError: It cannot be loaded, or has changed since it was identified; the next call tries again.
        """
        with self._turn:
            wanted = model or self._loader.identify()
            if self._encoder is not None and (
                self._encoder.fingerprint != wanted.fingerprint or not self._encoder.is_open()
            ):
                self._drop()
            if self._encoder is None:
                encoder = self._loader.load(wanted.name)
                if encoder.fingerprint != wanted.fingerprint:
                    encoder.close()
                    raise EngineError(f"model {wanted.name} has just been changed", "run the command again")
                self._encoder = encoder
                self._last_use_s = self._clock()
                self._watch()
            self._last_use_s = self._clock()
            return self._encoder

    def load(self, model: ModelIdentity | None = None) -> None:
        """Load a model and wait until it can answer; only then does a child say what is wrong.

        Raises:
            EngineError: It cannot be loaded.
        """
        with self.use(model) as encoder:
            encoder.encode_documents([])

    def blame_text(self, model: ModelIdentity, error: EngineError) -> None:
        """Return when a model that has failed at some texts embeds another one: then it is about those texts.

        Args:
            model: The model.
            error: How it has failed.

        Raises:
            EngineError: That error, where the model cannot be used at all, or was closed.
        """
        if isinstance(error, EngineClosed):
            raise error
        for text in PLAIN:
            try:
                with self.use(model) as encoder:
                    if _is_usable(encoder.encode_documents([text])[0]):
                        return
            except (EngineLost, OutOfMemory):
                break
            except EngineError:
                continue
        raise error

    def is_loaded(self) -> bool:
        """Whether an encoder is in memory. Never waits."""
        encoder = self._encoder
        return encoder is not None and encoder.is_open()

    def unload_if_idle(self, timeout_minutes: float) -> bool:
        """Drop the encoder when its last use was at least `timeout_minutes` ago; 0 keeps it for ever.

        Waits for a use in progress.

        Returns:
            Whether it was dropped.
        """
        return self._unload_after(timeout_minutes * 60)

    def close(self) -> None:
        """Drop the encoder. A child process ends at once, even in the middle of a request. A later use loads it again."""
        while not self._turn.acquire(timeout=_ASK_AGAIN_S):
            encoder = self._encoder
            if encoder is not None:
                encoder.close()
        try:
            self._drop()
            watcher = self._watcher
        finally:
            self._turn.release()
        if watcher is not None:
            watcher.join()

    def after_fork(self, *, is_whole: bool) -> None:
        """Live on in the child of a fork: nobody there holds the turn, and nobody watches."""
        self._turn = threading.RLock()
        self._dropped = threading.Event()
        self._watcher = None

    def _watch(self) -> None:
        """Start the thread that waits for idleness and ends when the encoder is dropped."""
        if self._timeout_s <= 0:
            return
        self._dropped = dropped = threading.Event()

        def wait() -> None:
            while not dropped.is_set() and not self._unload_after(self._timeout_s):
                idle_s = self._clock() - self._last_use_s
                dropped.wait(max(self._timeout_s - idle_s, _ASK_AGAIN_S))

        self._watcher = threading.Thread(target=wait, name="rekall-idle", daemon=True)
        self._watcher.start()

    def _unload_after(self, timeout_s: float) -> bool:
        """`unload_if_idle`, in seconds."""
        with self._turn:
            idle_s = self._clock() - self._last_use_s
            if self._encoder is None or timeout_s <= 0 or idle_s < timeout_s:
                return False
            self._drop()
        self._when_idle()
        return True

    def _drop(self) -> None:
        self._dropped.set()
        if self._encoder is not None:
            encoder, self._encoder = self._encoder, None
            encoder.close()


def _is_usable(vector: Any) -> bool:
    """Whether d float32 are a vector of unit length, or nearly."""
    return abs(sum(number * number for number in memoryview(vector)) - 1.0) < 0.01


def _check(is_wanted: Callable[[], bool]) -> None:
    if not is_wanted():
        raise Superseded("a later search replaced this one")
