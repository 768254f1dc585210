"""The encoder whose model lives in a child process: what it costs goes when the child goes."""

from __future__ import annotations

import contextlib
import json
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from io import FileIO
from pathlib import Path
from typing import cast

from rekall.engine.frames import Frame, PipeClosed, receive, send_json
from rekall.errors import EngineError, EngineLost, ModelDamaged, ModelNotFound

LOAD_DEADLINE_S = 45.0
"""For the child to start and load. It takes 0.3 s; importing onnxruntime alone was reported to take 11 s on Windows
with a cold disk."""

REQUEST_DEADLINE_S = 15.0
"""For an answer, and `TEXT_DEADLINE_S` more for each text. A query takes 5 ms."""

TEXT_DEADLINE_S = 1.0

_START = "import sys; sys.path[:] = sys.argv[1:]; from rekall.engine.child import main; main()"
"""The parent's own path, so that both find the same modules, and not those of the folder the parent was started in."""

_ERRORS = {kind.kind: kind for kind in (ModelNotFound, ModelDamaged)}


class ProcessEncoder:
    """Turns texts into unit vectors in a child process, so that this one needs neither numpy nor onnxruntime.

    The child answers over a private pipe and ends with this process, however that ends. It starts at once and loads
    meanwhile; the first request waits for it. One thread at a time, but for `close` and `is_open`.
    """

    def __init__(
        self,
        folder: Path,
        fingerprint: str,
        dim: int,
        threads: int = 0,
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
            load_deadline_s: Seconds until the model must be loaded.
            request_deadline_s: Seconds until an answer must be there, besides `TEXT_DEADLINE_S` a text.

        Raises:
            EngineError: No process can be started.
        """
        self.fingerprint = fingerprint
        self.dim = dim
        self._request_deadline_s = request_deadline_s
        self._load_deadline_s = load_deadline_s
        self._is_ready = False
        self._is_closed = False
        self._expired_after_s = 0.0
        try:
            self._process = subprocess.Popen(
                [sys.executable, "-c", _START, *sys.path],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                bufsize=0,
                creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),  # Windows: a server has no console to share
            )
        except OSError as error:
            raise EngineError(f"the engine's process cannot be started: {error}") from error
        self._requests, self._replies = cast(FileIO, self._process.stdin), cast(FileIO, self._process.stdout)
        self._order = {"folder": str(folder), "threads": threads}

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
            EngineLost: The child died, or did not answer in time and was ended.
            EngineError: The model cannot be loaded or run.
        """
        return self._ask(Frame.DOCUMENTS, texts)

    def encode_queries(self, texts: Sequence[str]) -> Sequence[memoryview[float]]:
        """Encode what is asked; the same shape and errors as `encode_documents`."""
        return self._ask(Frame.QUERIES, texts)

    def is_open(self) -> bool:
        """Whether the child is there and was not told to end."""
        return not self._is_closed and self._process.poll() is None

    def close(self) -> None:
        """End the child, also when another thread waits for its answer. It has nothing to lose."""
        self._is_closed = True
        self._process.kill()
        self._process.wait()
        for end in (self._requests, self._replies):
            with contextlib.suppress(OSError):  # what was not written yet, nobody reads
                end.close()

    def _ask(self, kind: Frame, texts: Sequence[str]) -> Sequence[memoryview[float]]:
        if isinstance(texts, str) or not all(isinstance(text, str) for text in texts):
            raise TypeError("expected a list of str")
        if not self._is_ready:
            self._load()
        with self._deadline(self._request_deadline_s + TEXT_DEADLINE_S * len(texts)):
            send_json(self._requests, kind, list(texts))
            content = memoryview(self._answer(Frame.VECTORS))
        size = 4 * self.dim
        if len(content) != size * len(texts):
            self.close()
            raise EngineLost(f"the engine answered {len(content)} bytes for {len(texts)} texts", _HINT)
        return [content[start : start + size].cast("f") for start in range(0, len(content), size)]

    def _load(self) -> None:
        with self._deadline(self._load_deadline_s):
            send_json(self._requests, Frame.LOAD, self._order)
            try:
                loaded = json.loads(self._answer(Frame.READY))
            except EngineError:
                self.close()
                raise
        if (loaded["fingerprint"], loaded["dim"]) != (self.fingerprint, self.dim):
            self.close()
            raise EngineError("the model was changed just now", "run the command again")
        self._is_ready = True

    def _answer(self, wanted: Frame) -> bytes:
        kind, content = receive(self._replies)
        if kind is Frame.FAILED:
            error = json.loads(content)
            raise _ERRORS.get(error["kind"], EngineError)(error["message"], error["hint"])
        if kind is not wanted:
            raise PipeClosed(f"{kind.name} where {wanted.name} was expected")
        return content

    @contextlib.contextmanager
    def _deadline(self, seconds: float) -> Iterator[None]:
        """End the child when the block takes longer: its pipe then ends, and with it whatever waits for it."""

        def expire() -> None:
            self._expired_after_s = seconds
            self._process.kill()

        timer = threading.Timer(seconds, expire)
        timer.daemon = True
        timer.start()
        try:
            yield
        except (PipeClosed, OSError, ValueError) as error:  # ValueError: the pipe was closed here
            reason = "the engine was closed" if self._is_closed else self._how_it_ended()
            self.close()
            raise EngineLost(reason, _HINT) from error
        finally:
            timer.cancel()

    def _how_it_ended(self) -> str:
        try:
            code = self._process.wait(timeout=1.0)  # its pipe ends a moment before it does
        except subprocess.TimeoutExpired:
            return "the engine's process answered what is no answer"
        if self._expired_after_s:
            return f"the engine did not answer within {self._expired_after_s:g} s and was ended"
        if sys.platform != "win32" and code == -signal.SIGKILL:
            return "the engine's process was killed, perhaps for lack of memory"
        return (
            f"the engine's process was ended by signal {-code}"
            if code < 0
            else f"the engine's process ended with code {code}"
        )


_HINT = "try again: the next request starts a new one"
