"""The shipped model for commands in this process: loaded by the first that needs it, and lent to the others."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import pytest

from rekall.models.contract import ArrayEncoder
from rekall.models.library import FolderLoader
from rekall.models.vectors import Matrix
from support.runs import CHECKOUT

LOAD = FolderLoader.load
"""As it is outside of the tests."""

SHIPPED = CHECKOUT / "models" / "all-MiniLM-L6-v2"
_loaded: dict[int, ArrayEncoder] = {}
"""By the number of threads."""


class Lent:
    """An encoder whose closing ends the loan alone."""

    def __init__(self, encoder: ArrayEncoder) -> None:
        self._encoder = encoder
        self._is_open = True
        self.dim, self.fingerprint = encoder.dim, encoder.fingerprint

    def encode_documents(self, texts: Sequence[str]) -> Matrix:
        assert self._is_open
        return self._encoder.encode_documents(texts)

    def encode_queries(self, texts: Sequence[str]) -> Matrix:
        assert self._is_open
        return self._encoder.encode_queries(texts)

    def known(self, texts: Sequence[str]) -> list[float]:
        assert self._is_open
        return self._encoder.known(texts)

    def is_open(self) -> bool:
        return self._is_open

    def close(self) -> None:
        self._is_open = False


def lend(loader: FolderLoader, name: str) -> ArrayEncoder:
    """The shipped model, as it was loaded before; any other is loaded."""
    if loader._library.folder(name).resolve() != SHIPPED:
        return LOAD(loader, name)
    if loader._threads not in _loaded:
        _loaded[loader._threads] = LOAD(loader, name)
    return Lent(_loaded[loader._threads])


@contextmanager
def shipped_model_loaded_once() -> Iterator[None]:
    """Lend it, unless a test has put another loader in its place."""
    with pytest.MonkeyPatch.context() as patch:
        if FolderLoader.load is LOAD:
            patch.setattr(FolderLoader, "load", lend)
        yield
