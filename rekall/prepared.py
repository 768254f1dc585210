"""The vectors of an entry, made before the transaction that stores it; without those of a text that has none."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from rekall.entry.passages import Passage
from rekall.errors import EngineError, EngineLost, OutOfMemory
from rekall.model_manager import ModelIdentity, ModelManager

if TYPE_CHECKING:
    from rekall.vector_index import Vector

_NOT_THE_TEXT = (EngineLost, OutOfMemory)
"""Failures that may have nothing to do with a text: whoever takes up the backlog finds out."""


@dataclass(frozen=True, slots=True)
class Prepared:
    """The passages of an entry, the vectors of those that had none, and what made them (None when none was missing).

    `aside` says why the model cannot embed some of them. Both are by the hash of a text.
    """

    passages: tuple[Passage, ...]
    vectors: Mapping[bytes, Vector]
    model: ModelIdentity | None
    aside: Mapping[bytes, str] = field(default_factory=dict)

    @property
    def problem(self) -> EngineError | None:
        """What to say of passages that cannot be embedded, or None."""
        if not self.aside:
            return None
        which = "it" if len(self.passages) == 1 else f"{len(self.aside)} of its {len(self.passages)} passages"
        reason = next(iter(self.aside.values()))
        return EngineError(
            f"{which} cannot be embedded: {reason}", "words find it; `rekall index status` lists such entries"
        )


def embedded_apart(
    manager: ModelManager, model: ModelIdentity, passages: tuple[Passage, ...], missing: Sequence[tuple[bytes, str]]
) -> Prepared:
    """Embed what an entry lacks: all at once, and one by one where the model cannot embed one of the texts.

    Args:
        manager: Loads the model.
        model: Which one.
        passages: All of the entry.
        missing: The hashes and texts of those without a vector.

    Raises:
        EngineError: The model cannot be used.
    """
    try:
        with manager.use(model) as encoder:
            rows = encoder.encode_documents([text for _, text in missing])
        return Prepared(passages, {text_hash: row for (text_hash, _), row in zip(missing, rows)}, model)
    except _NOT_THE_TEXT:
        raise
    except EngineError as error:
        manager.blame_text(model, error)
    vectors: dict[bytes, Any] = {}  # views of bytes or rows of an array
    aside: dict[bytes, str] = {}
    for text_hash, text in missing:
        try:
            with manager.use(model) as encoder:
                vectors[text_hash] = encoder.encode_documents([text])[0]
        except _NOT_THE_TEXT:
            raise
        except EngineError as error:
            aside[text_hash] = error.message
    return Prepared(passages, vectors, model, aside)
