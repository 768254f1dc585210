"""The one place where what goes wrong inside a model becomes an error of ours, whoever raised it.

Tokenizers, ONNX Runtime and numpy fail in their own ways: bare exceptions, panics of Rust that are no `Exception`,
indexes out of range, memory. Whoever asks a model has to know `EngineError` alone, and then the words answer.
"""

from __future__ import annotations

from collections.abc import Callable
from types import TracebackType

from rekall.errors import EngineError, ModelDamaged, OutOfMemory, RekallError
from rekall.models.engine.card import repair_hint
from rekall.models.engine.card_values import as_line

_NOT_OURS = (RekallError, KeyboardInterrupt, SystemExit, GeneratorExit)
_OUT_OF_MEMORY = ("bad_alloc", "failed to allocate memory", "cannot allocate memory", "out of memory")
_OUT_OF_THREADS = (
    "start new thread",
    "threadpoolbuilderror",
    "failed to spawn thread",
    "resource temporarily unavailable",
)


class guarded:  # noqa: N801 - a context manager, read as a word
    """Turn whatever a block raises into an EngineError; ours, and the wish to end, pass through."""

    __slots__ = ("_doing", "_kind", "_name")

    def __init__(self, name: str, doing: str, kind: Callable[[str, str], EngineError] = EngineError) -> None:
        """Guard a block.

        Args:
            name: The model.
            doing: What is done with it, to follow "failed".
            kind: What is raised.
        """
        self._name = name
        self._doing = doing
        self._kind = kind

    def __enter__(self) -> None:
        """Nothing to prepare."""

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Raise what happened in our words."""
        if error is not None and not isinstance(error, _NOT_OURS):
            raise self._in_our_words(error) from error

    def _in_our_words(self, error: BaseException) -> EngineError:
        said = first_line(error)
        if any(sign in str(error).lower() for sign in _OUT_OF_THREADS):
            return OutOfMemory(
                f"no thread can be started for model {self._name}",
                "end other programs, or raise the limit (`ulimit -u`, or that of the container)",
            )
        if is_out_of_memory(error):
            return OutOfMemory(
                f"there is not enough memory for model {self._name}",
                "end other programs, raise the memory limit, or use a smaller model: `rekall model list`",
            )
        return self._kind(f"model {self._name} failed {self._doing}: {said}", repair_hint(self._name))


def called_within(name: str) -> EngineError:
    """What a call inside another one of the same thread meets: waiting for its turn, it would wait for itself."""
    return EngineError(
        f"model {name} is at work in this thread already: a signal's handler or a finaliser called it",
        "let the handler leave a mark, and encode after it",
    )


def loading(name: str) -> guarded:
    """Guard what loads a model."""
    return guarded(name, "to load", ModelDamaged)


def answering(name: str) -> guarded:
    """Guard what asks a loaded model."""
    return guarded(name, "to read a text")


def is_out_of_memory(error: BaseException) -> bool:
    """Whether there was not enough memory, in whosever words."""
    said = str(error).lower()
    return isinstance(error, MemoryError) or any(sign in said for sign in _OUT_OF_MEMORY)


def first_line(error: BaseException) -> str:
    """What an error of another library says, as it can be shown."""
    text = str(error).strip()
    return as_line(text.splitlines()[0]) if text else type(error).__name__
