"""Texts that are searched for, as vectors; those asked lately are remembered, for another page asks the same again."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from rekall.model_manager import ModelIdentity, ModelManager
from rekall.models.level import USUAL

MOST_KEPT = 64


@dataclass(frozen=True, slots=True)
class Question:
    """A vector to search with.

    Attributes:
        fingerprint: Its space.
        vector: (d,) float32 of unit length, as bytes.
        known: The share of the text's tokens that the model knows, 0 to 1.
        model: What made it; None where it is not at hand.
    """

    fingerprint: str
    vector: bytes
    known: float = 1.0
    model: ModelIdentity | None = None

    @property
    def level(self) -> float:
        """The cosine that two texts have that have nothing to do with each other."""
        return USUAL if self.model is None else self.model.level


class Questions:
    """Makes questions, and keeps the latest."""

    def __init__(self, manager: ModelManager) -> None:
        """Load models through a manager."""
        self.manager = manager
        self._kept: OrderedDict[tuple[str, str], Question] = OrderedDict()

    def of(self, model: ModelIdentity, text: str, is_wanted: Callable[[], bool]) -> Question:
        """The question that a text is to a model.

        Raises:
            EngineError: The model cannot be used.
            Superseded: `is_wanted` said no while the model was waited for.
        """
        asked = (model.fingerprint, text)
        question = self._kept.get(asked)
        if question is None:
            with self.manager.use(model, is_wanted) as encoder:
                if asked in self._kept:  # another base was asked the same meanwhile
                    return self._kept[asked]
                vector = encoder.encode_queries([text])[0].tobytes()
                known = 1.0 if text.isascii() else encoder.known([text])[0]
                question = self._kept[asked] = Question(model.fingerprint, vector, known, model)
                while len(self._kept) > MOST_KEPT:
                    self._kept.popitem(last=False)
        return question

    def known(self, question: Question, texts: Sequence[str]) -> Sequence[float]:
        """The share of each text's tokens that the model of a question knows; 1 where that model is not at hand.

        Raises:
            EngineError: The model cannot be used.
        """
        if question.model is None:
            return [1.0] * len(texts)
        with self.manager.use(question.model) as encoder:
            return encoder.known(texts)
