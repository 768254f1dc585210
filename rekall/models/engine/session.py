"""Opens a graph, with ONNX Runtime or in numpy: the only room that imports the former."""

from __future__ import annotations

import contextlib
import functools
import os
import re
import sys
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Any, Protocol

from rekall.errors import EngineError, ModelDamaged
from rekall.models.engine.card import INTEGER_GRAPH_FILE, ModelCard, repair_hint
from rekall.models.engine.guard import first_line, is_out_of_memory
from rekall.models.engine.runtimes import OUTPUT, import_hint, what_is_too_old
from rekall.models.engine.tried import TRIALS

_ENDLESS = re.compile(rb"\x22[\x04\x84][\x80\x00]*(?:Loop|Scan)")
"""A node of such a type, as a graph file spells it: a run of it could not be interrupted. No export has one."""


_STDERR = 2


class Session(Protocol):
    """An open graph."""

    @property
    def inputs(self) -> Collection[str]:
        """The names of what it takes."""
        ...

    @property
    def outputs(self) -> Mapping[str, int]:
        """What it gives, and the last extent of each, 0 where that is not fixed."""
        ...

    @property
    def runtime(self) -> str:
        """What runs it, with its version."""
        ...

    @property
    def takes_one_thread(self) -> bool:
        """Whether a run keeps to the thread that asks for it."""
        ...

    def run(self, given: Mapping[str, Any], wanted: Collection[str] = (OUTPUT,), *, last: bool = False) -> list[Any]:
        """The wanted outputs of one run, in their order.

        Args:
            given: Each input's array.
            wanted: Names of outputs.
            last: Return to the system what earlier runs left behind.
        """
        ...


class RuntimeMissing(EngineError):
    """ONNX Runtime is not there, too old for a model, or cannot be used."""


def open_session(path: Path, card: ModelCard, backend: str) -> Session:
    """A model's graph, with one thread a run; it maps its weights.

    Args:
        path: The graph.
        card: The model's card.
        backend: `onnxruntime` or `numpy`.

    Raises:
        ModelDamaged: The file is not a graph that Rekall exported.
        RuntimeMissing: ONNX Runtime cannot be used.
        EngineError: Numpy does not know an operator of the graph.
    """
    if backend == "onnxruntime":
        tried = TRIALS.of(path.parent, card.minimum_onnxruntime)
        if tried.problem:
            raise RuntimeMissing(tried.problem, tried.hint)
    session = open_graph(path, card.minimum_onnxruntime, backend)
    expected = {"input_ids", "attention_mask"} | (set() if card.pools_prompt else {"pooling_mask"})
    if set(session.inputs) != expected or session.outputs.get(OUTPUT) != card.dimensions:
        raise ModelDamaged(
            f"{path} is not a graph that Rekall exported (inputs {sorted(session.inputs)}, outputs {dict(session.outputs)})",
            "export the model with `rekall model export`",
        )
    return session


def open_graph(path: Path, oldest: str, backend: str) -> Session:
    """Any graph.

    Args:
        path: The graph; its weights lie beside it.
        oldest: The version of ONNX Runtime that it needs.
        backend: See `open_session`.

    Raises:
        ModelDamaged: It cannot be loaded, or holds a loop.
        RuntimeMissing: ONNX Runtime cannot be used.
        EngineError: Numpy does not know an operator of the graph.
    """
    if backend == "numpy":
        from rekall.models.engine.numpy_session import NumpySession

        return NumpySession(path)
    return _OnnxSession(path, oldest)


def has_onnxruntime() -> bool:
    """Whether ONNX Runtime can be imported, which it is."""
    if TRIALS.of(None, "0").problem:
        return False
    try:
        load_onnxruntime()
    except RuntimeMissing:
        return False
    return True


def load_onnxruntime() -> None:
    """Import it. Raises RuntimeMissing."""
    _imported()


class _OnnxSession:
    """A graph that ONNX Runtime runs."""

    takes_one_thread = True

    def __init__(self, path: Path, oldest: str) -> None:
        onnxruntime = _imported(oldest, path.parent.name)
        options = onnxruntime.SessionOptions()
        options.enable_cpu_mem_arena = True  # without it every buffer is mapped and zeroed again: a tenth of the time
        options.enable_mem_pattern = False  # plans one block per input shape, and shapes vary
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL  # exported fused
        options.execution_mode = onnxruntime.ExecutionMode.ORT_SEQUENTIAL
        # in the order of the graph file, which widens a matrix just before its use; the default widens all of them first
        options.execution_order = onnxruntime.ExecutionOrder.PRIORITY_BASED
        options.intra_op_num_threads = 1
        options.inter_op_num_threads = 1
        options.log_severity_level = 4
        options.add_session_config_entry("session.use_env_allocators", "1")
        if path.name == INTEGER_GRAPH_FILE:
            options.add_session_config_entry("session.disable_prepacking", "1")  # would copy all weights to the heap
        if _ENDLESS.search(path.read_bytes()):
            raise ModelDamaged(
                f"{path} holds a loop, which may never end", "export the model with `rekall model export`"
            )
        try:
            self._session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
        except Exception as error:  # the binding has a dozen unrelated exception classes and no base of its own
            if is_out_of_memory(error):
                raise
            name = path.parent.name
            raise ModelDamaged(f"onnxruntime cannot load {path}: {first_line(error)}", repair_hint(name)) from error
        self.runtime = f"onnxruntime {onnxruntime.__version__}"
        self.inputs = [item.name for item in self._session.get_inputs()]
        self.outputs = {item.name: _last_extent(item.shape) for item in self._session.get_outputs()}

    def run(self, given: Mapping[str, Any], wanted: Collection[str] = (OUTPUT,), *, last: bool = False) -> list[Any]:
        options = None
        if last:
            options = _imported().RunOptions()
            options.add_run_config_entry("memory.enable_memory_arena_shrinkage", "cpu:0")
        found: list[Any] = self._session.run(list(wanted), given, options)
        return found


def _last_extent(shape: Any) -> int:
    return shape[-1] if shape and isinstance(shape[-1], int) else 0


def _imported(oldest: str = "0", model: str = "") -> Any:
    """ONNX Runtime, of that version at least, which a model needs."""
    os.environ["ORT_DISABLE_TELEMETRY"] = "1"  # wheels from 1.29 on contain an uploader; read once, at import
    try:
        with _unsaid():
            import onnxruntime

            too_old = what_is_too_old(onnxruntime.__version__, oldest, model)
            if too_old:
                raise RuntimeMissing(*too_old)
            _prepare()
    except RuntimeMissing:
        raise
    except Exception as error:  # another library's import may fail in any way: a missing DLL, another numpy
        if is_out_of_memory(error):
            raise
        raise RuntimeMissing(f"onnxruntime cannot be loaded: {first_line(error)}", import_hint()) from error
    return onnxruntime


@contextlib.contextmanager
def _unsaid() -> Iterator[None]:
    """Keep off stderr what the library says of a processor it does not know, or of a container without /sys, when it is loaded.

    It says it before it can be told how much to say, and there is nothing that a person could do about it.
    """
    if "onnxruntime" in sys.modules:
        yield
        return
    try:
        kept = os.dup(_STDERR)
    except OSError:  # there is none
        yield
        return
    nowhere = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, _STDERR)
        yield
    finally:
        os.dup2(kept, _STDERR)
        os.close(kept)
        os.close(nowhere)


@functools.cache
def _prepare() -> None:
    """What is set once in a process."""
    import onnxruntime

    onnxruntime.disable_telemetry_events()  # on Windows it uses the system's event tracing
    onnxruntime.set_default_logger_severity(4)  # newer releases warn on stderr about missing graphics cards
    where = onnxruntime.OrtMemoryInfo(
        "Cpu", onnxruntime.OrtAllocatorType.ORT_ARENA_ALLOCATOR, 0, onnxruntime.OrtMemType.DEFAULT
    )
    # as much as is asked for: by default each piece is twice the one before, of which bulk leaves 8 MB unused
    how = {"max_mem": 0, "arena_extend_strategy": 1, "initial_chunk_size_bytes": -1, "max_dead_bytes_per_chunk": -1}
    onnxruntime.create_and_register_allocator(where, onnxruntime.OrtArenaCfg(how))
