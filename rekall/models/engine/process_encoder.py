"""The encoder whose model lives in a child process: its memory is freed when the child ends."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from io import FileIO
from pathlib import Path
from typing import cast

from rekall.errors import EngineClosed, EngineError, EngineLost, ModelDamaged, ModelNotFound, OutOfMemory
from rekall.models.engine.frames import (
    MOST_BYTES,
    Frame,
    PipeClosed,
    as_json,
    receive,
    send,
    send_json,
    skip_to_beginning,
)
from rekall.models.engine.guard import called_within
from rekall.models.engine.runtimes import Backend
from rekall.system.forks import FORKS
from rekall.system.pipes import closed_pipe_ignored

LOAD_DEADLINE_S = 45.0
"""For the child to start and load. It takes 0.3 s; importing onnxruntime alone was reported to take 11 s on Windows
with a cold disk."""

REQUEST_DEADLINE_S = 15.0
"""For an answer, plus `TEXT_DEADLINE_S` for each text. A query takes 5 ms."""

TEXT_DEADLINE_S = 1.0

FRAME_TEXTS = 128
"""Texts sent at a time: as many as an encoder sorts together; more would be no faster."""

_START = "import sys; sys.path[:] = sys.argv[1:]; from rekall.models.engine.child import main; main()"
"""Its arguments are the module search path, set before the first import."""

_HINT = "try again: the next request starts a new one"

_ERRORS = {kind.kind: kind for kind in (ModelNotFound, ModelDamaged, OutOfMemory)}


class ProcessEncoder:
    """Turns texts into unit vectors in a child process, so that this one needs neither numpy nor onnxruntime.

    The child answers over a private pipe and ends with this process, however that ends. It starts loading at once; the
    first request, even one without texts, waits for it and raises what went wrong. Thread-safe: one request at a time,
    and `close` does not wait for it.
    """

    def __init__(
        self,
        folder: Path,
        fingerprint: str,
        dim: int,
        threads: int = 0,
        backend: Backend = "auto",
        tried: Path | None = None,
        *,
        load_deadline_s: float = LOAD_DEADLINE_S,
        request_deadline_s: float = REQUEST_DEADLINE_S,
    ) -> None:
        """Start the child.

        Args:
            folder: A model folder.
            fingerprint: What its card says.
            dim: Length of a vector, d.
            threads: See `OnnxEncoder`.
            backend: See there.
            tried: What keeps which onnxruntime works, see `Trials`; without it nothing is tried.
            load_deadline_s: Seconds until the model must be loaded.
            request_deadline_s: Seconds until an answer must be there, plus `TEXT_DEADLINE_S` for each text.

        Raises:
            EngineError: No process can be started.
        """
        self.fingerprint = fingerprint
        self.dim = dim
        self._turn = threading.RLock()
        self._request_deadline_s = request_deadline_s
        self._load_deadline_s = load_deadline_s
        self._name = folder.name
        self._is_busy = False
        self._is_ready = False
        self._is_closed = False
        self._is_elsewhere = False
        self._expired_after_s = 0.0
        try:
            self._process = subprocess.Popen(
                [sys.executable, "-c", _START, *_module_path()],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                bufsize=0,
                start_new_session=True,  # Ctrl-C in the terminal is for this process, from the child's start
                creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),  # Windows: a server has no console
            )
        except OSError as error:
            raise EngineError(f"the engine's process cannot be started: {error}") from error
        self._requests, self._replies = cast(FileIO, self._process.stdin), cast(FileIO, self._process.stdout)
        FORKS.tell(self)
        with contextlib.suppress(OSError):  # if it has died already, the first request says so
            order = {"folder": str(folder), "threads": threads, "backend": backend, "tried": tried and str(tried)}
            send_json(self._requests, Frame.LOAD, order)

    @property
    def pid(self) -> int:
        """The child's process id."""
        return self._process.pid

    def encode_documents(self, texts: Sequence[str]) -> Sequence[memoryview[float]]:
        """Encode what is to be found.

        Args:
            texts: n texts.

        Returns:
            n vectors of unit length, each a view of d float32.

        Raises:
            EngineLost: The child died, or did not answer in time and was killed.
            EngineClosed: Somebody closed it meanwhile.
            EngineError: The model cannot be loaded or run, or the texts are too long for a frame.
        """
        return self._ask(Frame.DOCUMENTS, texts)

    def encode_queries(self, texts: Sequence[str]) -> Sequence[memoryview[float]]:
        """Encode questions; the same shape and errors as `encode_documents`."""
        return self._ask(Frame.QUERIES, texts)

    def known(self, texts: Sequence[str]) -> list[float]:
        """The share of each text's tokens that the vocabulary has a token for; the errors of `encode_documents`."""
        with self._turn:
            self._be_ready()
            with self._deadline(self._request_deadline_s + TEXT_DEADLINE_S * len(texts)):
                self._put(Frame.KNOWN, as_json(list(texts)))
                shares = json.loads(self._answer(Frame.SHARES))
                if len(shares) != len(texts):
                    raise PipeClosed(f"{len(shares)} shares for {len(texts)} texts")
        return [float(share) for share in shares]

    def is_open(self) -> bool:
        """Whether the child runs and was not closed."""
        return not self._is_closed and not self._is_elsewhere and self._process.poll() is None

    def close(self) -> None:
        """End the child, even while another thread waits for its answer. It has nothing to lose."""
        if self._is_elsewhere:
            return
        self._is_closed = True
        self._process.kill()
        self._process.wait()
        # the kill ends the pipe and wakes its reader; closing our end first could let the descriptor number be reused
        with self._turn:
            for end in (self._requests, self._replies):
                with contextlib.suppress(OSError):  # unwritten data has no reader left
                    end.close()

    def after_fork(self, *, is_whole: bool) -> None:
        """In a child of this process: leave the engine, and both ends of its pipe, to the process that started it."""
        self._is_elsewhere = True
        self._turn = threading.RLock()
        for end in (self._requests, self._replies):
            with contextlib.suppress(
                OSError
            ):  # as long as an end is open here, the engine would not see its parent end
                end.close()

    def _ask(self, kind: Frame, texts: Sequence[str]) -> Sequence[memoryview[float]]:
        if isinstance(texts, str) or not all(isinstance(text, str) for text in texts):
            raise TypeError("expected a list of str")
        rows: list[memoryview[float]] = []
        with self._turn:
            self._be_ready()
            for start in range(0, len(texts), FRAME_TEXTS):
                rows += self._ask_some(kind, list(texts[start : start + FRAME_TEXTS]))
        return rows

    def _ask_some(self, kind: Frame, texts: list[str]) -> list[memoryview[float]]:
        question = as_json(texts)
        if len(question) > MOST_BYTES:
            raise EngineError(
                f"{len(question) >> 20} MB of text is more than the engine takes at a time", "shorten the text"
            )
        with self._deadline(self._request_deadline_s + TEXT_DEADLINE_S * len(texts)):
            self._put(kind, question)
            content = memoryview(self._answer(Frame.VECTORS))
            size = 4 * self.dim
            if len(content) != size * len(texts):
                raise PipeClosed(f"{len(content)} bytes for {len(texts)} texts")
        return [content[start : start + size].cast("f") for start in range(0, len(content), size)]

    def _be_ready(self) -> None:
        """Wait for the model, the first time."""
        if self._is_elsewhere:
            raise EngineLost("the engine belongs to the process that forked this one", _HINT)
        if self._is_ready:
            return
        with self._deadline(self._load_deadline_s):
            try:
                skip_to_beginning(self._replies)
                loaded = json.loads(self._answer(Frame.READY))
                if (loaded["fingerprint"], loaded["dim"]) != (self.fingerprint, self.dim):
                    raise EngineError("the model has just been changed", "run the command again")
            except EngineError:
                self.close()
                raise
            self._is_ready = True

    def _put(self, kind: Frame, content: bytes) -> None:
        """Send a request. A child that has ended may have said why before: reading its answer tells."""
        with closed_pipe_ignored():
            send(self._requests, kind, content)

    def _answer(self, wanted: Frame) -> bytes:
        kind, content = receive(self._replies)
        if kind is Frame.FAILED:
            error = json.loads(content)
            if error["kind"] == EngineLost.kind:  # the child is ending
                self.close()
                raise EngineLost(error["message"], _HINT)
            raise _ERRORS.get(error["kind"], EngineError)(error["message"], error["hint"])
        if kind is not wanted:
            raise PipeClosed(f"{kind.name} where {wanted.name} was expected")
        return content

    @contextlib.contextmanager
    def _deadline(self, seconds: float) -> Iterator[None]:
        """Kill the child when the block takes longer: that ends its pipe, and wakes whoever waits for it."""

        def expire() -> None:
            self._expired_after_s = seconds
            self._process.kill()

        if self._is_busy:  # the thread that has the turn: it would take the answer that is on its way for its own
            raise called_within(self._name)
        timer = threading.Timer(seconds, expire)
        timer.daemon = True
        self._is_busy = True
        try:
            timer.start()
            yield
        except EngineError:  # reported by the child, which may well go on
            raise
        except (PipeClosed, OSError, ValueError) as error:  # ValueError: the pipe was closed here
            if self._is_closed:
                self.close()
                raise EngineClosed("the engine was closed", _HINT) from error
            reason = self._how_it_ended()
            self.close()
            raise EngineLost(reason, _HINT) from error
        except (MemoryError, RuntimeError, RecursionError) as error:  # RuntimeError: no thread can be started
            self.close()
            raise EngineLost(f"the engine cannot be asked: {type(error).__name__} {error}".rstrip(), _HINT) from error
        except BaseException:  # Ctrl-C: the unread answer would be taken for that of the next request
            self.close()
            raise
        finally:
            self._is_busy = False
            timer.cancel()

    def _how_it_ended(self) -> str:
        try:
            code = self._process.wait(timeout=1.0)  # its pipe ends a moment before it does
        except subprocess.TimeoutExpired:
            return "the engine's process sent a malformed reply"
        if self._expired_after_s:
            return f"the engine did not answer within {self._expired_after_s:g} s and was stopped"
        if sys.platform != "win32" and code == -signal.SIGKILL:
            return "the engine's process was killed, perhaps for lack of memory"
        return (
            f"the engine's process was killed by signal {-code}"
            if code < 0
            else f"the engine's process ended with code {code}"
        )


def _module_path() -> list[str]:
    """The module search path without the folder this process was started in: any project may have a `json.py`."""
    entries = [entry for entry in sys.path if isinstance(entry, str)]
    if entries and entries[0] == _folder():
        del entries[0]  # `python -m` puts it first
    kept = [entry for entry in entries if entry]  # `python -c` has an empty one
    own = str(Path(__file__).parents[3])
    return kept if own in kept else [own, *kept]


def _folder() -> str | None:
    with contextlib.suppress(OSError):  # it has been removed
        return os.getcwd()
    return None
