"""What the encoders of this process share: a card, a tokenizer, and texts that become vectors window by window."""

from __future__ import annotations

import threading
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from rekall.errors import EngineClosed, EngineError
from rekall.models.engine.card import ModelCard
from rekall.models.engine.guard import answering, called_within
from rekall.models.engine.tokenizer import Tokenizer
from rekall.models.vectors import Matrix, first_bad_row
from rekall.system.forks import FORKS

WINDOW_TEXTS = 128
"""Texts tokenised together; bounds the memory of a stream. With ONNX, 512 take 10 MB more and are no faster."""


class FolderEncoder(ABC):
    """Turns texts into unit vectors with the model of one folder.

    Thread-safe: one call at a time. The vector of a text does not depend on its neighbours.
    """

    def __init__(self, folder: Path, card: ModelCard, tokenizer: Tokenizer) -> None:
        """Take over what the subclass has read from the folder, whose name is the model's name here."""
        self.name = folder.name
        self._folder = folder.absolute()
        self.card = card
        self._tokenizer = tokenizer
        self._lock = threading.RLock()
        self._is_busy = False
        self._is_open = True
        self._is_whole = True
        FORKS.tell(self)

    @property
    def fingerprint(self) -> str:
        """Identity of the vector space; vectors of two fingerprints are never compared."""
        return self.card.fingerprint

    @property
    def dim(self) -> int:
        """Length of a vector."""
        return self.card.dimensions

    def encode_documents(self, texts: Sequence[str]) -> Matrix:
        """Encode what is to be found.

        Args:
            texts: n texts of any length; each is read up to the model's token limit.

        Returns:
            (n, d) float32, rows of unit length.

        Raises:
            EngineClosed: The encoder is closed.
            EngineError: The model failed, or gave a vector that cannot be used.
        """
        return self._encode(texts, self.card.prompts.document)

    def encode_queries(self, texts: Sequence[str]) -> Matrix:
        """Encode questions; the same shape and errors as `encode_documents`."""
        return self._encode(texts, self.card.prompts.query)

    def known(self, texts: Sequence[str]) -> list[float]:
        """The share of each text's tokens that the vocabulary has a token for, 0 to 1; 1 for a text without tokens.

        Raises:
            EngineClosed: The encoder is closed.
            EngineError: The tokenizer failed.
        """
        limit = self.card.max_characters or None
        with self._lock, answering(self.name):
            self._check_usable()
            self._is_busy = True
            try:
                with FORKS:
                    return self._tokenizer.known([text[:limit] for text in texts])
            finally:
                self._is_busy = False

    def is_open(self) -> bool:
        """Whether it was not closed, and can be used in this process."""
        return self._is_open and self._is_whole

    def close(self) -> None:
        """Free the model and the tokenizer; a second time does nothing.

        Raises:
            EngineError: A signal's handler closes what the call that it interrupted still uses.
        """
        with self._lock, FORKS:
            if self.is_open():
                if self._is_busy:
                    raise called_within(self.name)
                self._is_open = False
                self._tokenizer.close()
                del self._tokenizer
                self._release()

    def __reduce__(self) -> tuple[type[FolderEncoder], tuple[Path, ...]]:
        """Another process that is sent an encoder opens the folder itself."""
        return type(self), (self._folder,)

    def after_fork(self, *, is_whole: bool) -> None:
        """Live on in the child of a fork: nobody there holds the lock."""
        self._lock = threading.RLock()
        self._is_busy = False
        self._is_whole = self._is_whole and is_whole

    def _check_usable(self) -> None:
        if not self._is_open:
            raise EngineClosed("the encoder is closed", "try again")
        if not self._is_whole:
            raise EngineError(
                f"model {self.name} was at work when this process was forked, so it cannot be used here",
                "load it in the child, fork while nothing is encoded, or start processes with `spawn`",
            )
        if self._is_busy:
            raise called_within(self.name)

    def _encode(self, texts: Sequence[str], prompt: str) -> Matrix:
        if isinstance(texts, str) or not all(isinstance(text, str) for text in texts):
            raise TypeError("expected a list of str")
        with self._lock, answering(self.name):
            self._check_usable()
            self._is_busy = True
            try:
                vectors = self._vectors_of(texts, prompt)
            finally:
                self._is_busy = False
            bad = first_bad_row(vectors)
        if bad is not None:
            which = f" for text {bad + 1} of {len(vectors)}" if len(vectors) > 1 else ""
            if not vectors[bad].any():
                raise EngineError(
                    f"model {self.name} has no vector{which}: it knows nothing of what stands in it",
                    "leave that text out",
                )
            raise EngineError(
                f"model {self.name} gives a vector that is not of unit length{which}",
                f"run `rekall model verify {self.name}`",
            )
        return vectors

    def _vectors_of(self, texts: Sequence[str], prompt: str) -> Matrix:
        limit = self.card.max_characters or None
        vectors = np.zeros((len(texts), self.dim), dtype=np.float32)
        with FORKS:
            left_out = 0 if self.card.pools_prompt else self._tokenizer.opening_tokens(prompt)
        for start in range(0, len(texts), WINDOW_TEXTS):
            window = [(prompt + text)[:limit] for text in texts[start : start + WINDOW_TEXTS]]
            with FORKS:
                ids = self._tokenizer.encode(window)
            for places, rows in self._rows_of(ids, left_out):
                vectors[[start + place for place in places]] = rows
        return self._finished(vectors)

    @abstractmethod
    def _rows_of(self, ids: Sequence[Sequence[int]], left_out: int) -> Iterator[tuple[Sequence[int], Matrix]]:
        """Run the model over the token ids of some texts. Yields places in `ids` and their vectors, (b, d) float32.

        The first `left_out` tokens of each text are read, but left out of the pooling.
        """

    @abstractmethod
    def _finished(self, vectors: Matrix) -> Matrix:
        """All vectors of a call as they are to be: rows of unit length, except where the model has none for a text."""

    @abstractmethod
    def _release(self) -> None:
        """Free the model."""
