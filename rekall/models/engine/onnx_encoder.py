"""The encoder that runs the graph of a model folder, with ONNX Runtime or in numpy."""

from __future__ import annotations

import contextlib
import functools
import threading
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from rekall.errors import EngineError, ModelDamaged, RekallError
from rekall.models.engine.arithmetic import Arithmetic, graph_of
from rekall.models.engine.card import (
    GRAPH_FILE,
    INTEGER_FILES,
    TOKENIZER_FILE,
    WEIGHTS_FILE,
    ModelCard,
    check_checksums,
    check_sizes,
    read_card,
)
from rekall.models.engine.folder_encoder import FolderEncoder
from rekall.models.engine.runtimes import Backend, is_installed
from rekall.models.engine.session import RuntimeMissing, Session, open_session
from rekall.models.engine.tokenizer import Tokenizer
from rekall.models.vectors import Matrix
from rekall.system.forks import FORKS
from rekall.system.processors import usable_processors
from rekall.system.resident import trim_heap

IN_FLIGHT_TOKENS = 512
"""Padded tokens in all concurrent runs of the session together. Twice as many take 20 MB more, four times 30, and neither is
faster: 400 notes of 200 tokens, 17 to 20 a second with any, at 122, 142 MB (docs/adr/0007)."""

MOST_RUN_TOKENS = 256
"""In one run: with one thread 512 take 10 MB more, and a tenth longer for short texts (docs/adr/0043)."""

LEAST_RUN_TOKENS = 128

WHOLE_TOKENS = 4
"""A run has a multiple of these tokens a text. ONNX Runtime adds up what an attention weighs four keys at a time on ARM64, and those left over
afterwards: with another number of keys, and be it of padding, the last bit of a sum is another, which a graph that rounds to bytes makes 0.002 of
(`scripts/platform_vectors.py`; docs/adr/0055). On x86-64 it is 4e-8 without, and nothing with it."""

FEW_TOKENS = 256
"""Of questions, which numpy runs in a sparing process: it takes 8 ms and half a millisecond a token more, where ONNX Runtime takes 70 ms and
27 MB to be imported (docs/adr/0041)."""

SMALL_BYTES = 64_000_000
"""Weights of a model that numpy widens for each run of a sparing process."""

MAX_AUTO_THREADS = 4
"""A laptop has other work."""


class OnnxEncoder(FolderEncoder):
    """Runs the graph of a model folder.

    Every run of the session has one thread, and bulk uses several runs at once: two threads in one run wait for each
    other at every small operator (a short query then takes half as long again, bulk a quarter).
    """

    def __init__(
        self, folder: Path, threads: int = 0, arithmetic: Arithmetic = "auto", backend: Backend = "auto"
    ) -> None:
        """Check the folder, then load the tokenizer and the session.

        Args:
            folder: A model folder with its card.
            threads: Runs at once in bulk; 0 chooses, up to `MAX_AUTO_THREADS`.
            arithmetic: See `Arithmetic`; a model without a graph of bytes has floats alone, and so has numpy.
            backend: See `Backend`.

        Raises:
            ModelDamaged: A file is missing, differs from its hash, or is not what it should be.
            RuntimeMissing: ONNX Runtime cannot be used, and numpy may not or cannot do without.
        """
        card = read_card(folder)
        check_sizes(folder, card)
        is_there = backend in ("numpy", "onnxruntime") or is_installed()
        is_sparing = backend == "sparing" and is_there and card.files[WEIGHTS_FILE].size <= SMALL_BYTES
        backend = "auto" if backend == "sparing" else backend
        if arithmetic != "bytes" and (backend == "numpy" or not is_there):
            backend, arithmetic = "numpy", "floats"
        graph = graph_of(card, arithmetic)
        unused = INTEGER_FILES if graph == GRAPH_FILE else (GRAPH_FILE,)
        checking = _InBackground(lambda: check_checksums(folder, card, unused))  # free: the imports below take longer
        try:
            # the tokenizer first: the session then reuses the memory freed by parsing it (2 MB)
            tokenizer = Tokenizer(folder / TOKENIZER_FILE, card.max_tokens, trim=card.trims)
            self._session: Session | None = None
            self._open = functools.partial(self._opened, folder, card, graph, backend, arithmetic)
            if is_sparing:
                with contextlib.suppress(EngineError):  # numpy does not know an operator of it
                    self._session = open_session(folder / graph, card, "numpy")
            self._is_sparing = self._session is not None
            if not self._is_sparing:
                self._session = self._open()
        finally:
            checking.join()
        self._threads = threads or min(MAX_AUTO_THREADS, usable_processors())
        super().__init__(folder, card, tokenizer)

    @staticmethod
    def _opened(folder: Path, card: ModelCard, graph: str, backend: Backend, arithmetic: Arithmetic) -> Session:
        if backend == "numpy":
            return open_session(folder / graph, card, "numpy")
        try:
            return open_session(folder / graph, card, "onnxruntime")
        except RuntimeMissing as error:  # it is installed, and cannot be used
            if backend != "auto" or arithmetic == "bytes":
                raise
            missing = error
        check_checksums(folder, card, INTEGER_FILES)
        try:
            return open_session(folder / GRAPH_FILE, card, "numpy")
        except ModelDamaged:
            raise
        except EngineError:  # numpy does not know it
            raise missing from None

    @property
    def runtime(self) -> str:
        """What runs the graph, with its version."""
        return self._opened_session().runtime

    def encode_documents(self, texts: Sequence[str]) -> Matrix:
        """See `FolderEncoder`: what is stored has the vector of the same engine, whoever stores it."""
        with self._lock, FORKS:
            if self.is_open():
                self._spare_no_more()
        return super().encode_documents(texts)

    def _spare_no_more(self) -> None:
        if self._is_sparing:
            self._session, self._is_sparing = self._open(), False

    def close(self) -> None:
        """Free the session and the tokenizer, and return their memory to the system."""
        super().close()
        trim_heap()

    def _release(self) -> None:
        self._session = None

    def _opened_session(self) -> Session:
        assert self._session is not None  # `_check_usable` was asked
        return self._session

    def _finished(self, vectors: Matrix) -> Matrix:
        return vectors  # the graph scales them

    def _rows_of(self, ids: Sequence[Sequence[int]], left_out: int) -> Iterator[tuple[Sequence[int], Matrix]]:
        if sum(map(len, ids)) > FEW_TOKENS:
            self._spare_no_more()
        threads = self._threads if self._opened_session().takes_one_thread else 1  # those of a run wait for each other
        budget = max(LEAST_RUN_TOKENS, min(MOST_RUN_TOKENS, IN_FLIGHT_TOKENS // threads))
        some = [place for place, row in enumerate(ids) if row]  # without a token there is nothing to run
        widths = [self._width(len(ids[place])) for place in some]
        runs = [[some[at] for at in run] for run in plan_runs(widths, budget)]

        def vectors_of(run: list[int]) -> Matrix:
            return self._run([ids[place] for place in run], left_out)

        # the longest first, so that all end together, and that the arena has room for each where one before it was
        runs.reverse()
        if len(runs) <= 1 or threads == 1:
            yield from ((run, vectors_of(run)) for run in runs)
        else:
            from concurrent.futures import ThreadPoolExecutor  # 4 ms, which a query need not pay

            with ThreadPoolExecutor(min(threads, len(runs))) as pool:
                try:
                    answers: Iterable[Matrix] = pool.map(vectors_of, runs)
                except RuntimeError:  # no thread can be started
                    answers = map(vectors_of, runs)
                yield from zip(runs, answers)
        if len(runs) > 1:
            self._give_back()

    def _give_back(self) -> None:
        """Return to the system what bulk left in the arena, up to 17 MB; a short run triggers it."""
        self._run([[0]], 0, last=True)
        trim_heap()

    def _width(self, tokens: int) -> int:
        """How many tokens each text takes, padded, in a run whose longest has so many; the model has no positions beyond its own."""
        return min(-(-tokens // WHOLE_TOKENS) * WHOLE_TOKENS, self.card.max_tokens)

    def _run(self, rows: Sequence[Sequence[int]], left_out: int, *, last: bool = False) -> Matrix:
        """One run of the session. Returns (b, d) float32."""
        width = self._width(max(len(row) for row in rows))
        ids: npt.NDArray[np.int64] = np.zeros((len(rows), width), dtype=np.int64)
        mask: npt.NDArray[np.int64] = np.zeros((len(rows), width), dtype=np.int64)
        for place, row in enumerate(rows):
            ids[place, : len(row)] = row
            mask[place, : len(row)] = 1
        given = {"input_ids": ids, "attention_mask": mask}
        if not self.card.pools_prompt:
            given["pooling_mask"] = _without_start(mask, left_out)
        with FORKS:
            (vectors,) = self._opened_session().run(given, last=last)
        if np.shape(vectors) != (len(rows), self.dim):
            raise EngineError(
                f"model {self.name} gave an array of shape {np.shape(vectors)} for {len(rows)} texts",
                f"run `rekall model verify {self.name}`",
            )
        return np.asarray(vectors, dtype=np.float32)


def _without_start(mask: npt.NDArray[np.int64], left_out: int) -> npt.NDArray[np.int64]:
    """A mask (b, t) without the first tokens of each row; a row that has no others is left whole."""
    pooled: npt.NDArray[np.int64] = mask.copy()
    pooled[:, :left_out] = 0
    nothing = ~pooled.any(axis=1)
    pooled[nothing] = mask[nothing]
    return pooled


def plan_runs(lengths: Sequence[int], budget: int) -> Iterator[list[int]]:
    """Group texts of similar length so that a run holds at most `budget` padded tokens.

    Args:
        lengths: Tokens of each text, with the padding that it has alone.
        budget: Padded tokens a run may hold; one text longer than that runs alone.

    Yields:
        Places in `lengths`, each exactly once over all runs, shortest texts first.
    """
    run: list[int] = []
    for place in sorted(range(len(lengths)), key=lengths.__getitem__):
        if run and lengths[place] * (len(run) + 1) > budget:
            yield run
            run = []
        run.append(place)
    if run:
        yield run


class _InBackground:
    """A check that runs in a thread, or at once where none can be started; `join` raises what it raised."""

    def __init__(self, check: Any) -> None:
        self._check = check
        self._error: RekallError | OSError | None = None
        self._thread: threading.Thread | None = threading.Thread(target=self._run, daemon=True)
        try:
            self._thread.start()
        except RuntimeError:
            self._thread = None
            self._run()

    def join(self) -> None:
        if self._thread is not None:
            self._thread.join()
        if self._error is not None:
            raise self._error

    def _run(self) -> None:
        try:
            self._check()
        except (RekallError, OSError) as error:
            self._error = error
