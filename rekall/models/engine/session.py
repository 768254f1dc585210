"""Opens a graph with ONNX Runtime: the only room that imports it."""

from __future__ import annotations

import functools
import os
import re
import sys
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from rekall.errors import EngineError, ModelDamaged
from rekall.models.engine.card import INTEGER_GRAPH_FILE, ModelCard, repair_hint
from rekall.models.engine.guard import first_line, is_out_of_memory

OUTPUT = "sentence_embedding"

_ENDLESS = re.compile(rb"\x22[\x04\x84][\x80\x00]*(?:Loop|Scan)")
"""A node of such a type, as a graph file spells it: a run of it could not be interrupted. No export has one."""


def open_session(path: Path, card: ModelCard) -> Any:
    """An InferenceSession of a model's graph, with one thread a run; it maps its weights.

    Raises:
        ModelDamaged: The file is not a graph that Rekall exported.
        EngineError: ONNX Runtime is missing or too old.
    """
    session = open_graph(path, card.minimum_onnxruntime)
    inputs = {item.name for item in session.get_inputs()}
    outputs = {item.name: item.shape for item in session.get_outputs()}
    expected = {"input_ids", "attention_mask"} | (set() if card.pools_prompt else {"pooling_mask"})
    if inputs != expected or outputs.get(OUTPUT, [0])[-1] != card.dimensions:
        raise ModelDamaged(
            f"{path} is not a graph that Rekall exported (inputs {sorted(inputs)}, outputs {sorted(outputs)})",
            "export the model with `rekall model export`",
        )
    return session


def open_graph(path: Path, oldest: str) -> Any:
    """An InferenceSession of any graph.

    Args:
        path: The graph; its weights lie beside it.
        oldest: The version of ONNX Runtime that it needs.

    Raises:
        ModelDamaged: It cannot be loaded, or holds a loop.
        EngineError: ONNX Runtime is missing or too old.
    """
    onnxruntime = _imported()
    if _version(onnxruntime.__version__) < _version(oldest):
        raise EngineError(
            f"model {path.parent.name} needs onnxruntime {oldest}, this is {onnxruntime.__version__}",
            f"run `pip install 'onnxruntime>={oldest}'`",
        )
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
        raise ModelDamaged(f"{path} holds a loop, which may never end", "export the model with `rekall model export`")
    try:
        return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    except Exception as error:  # the binding has a dozen unrelated exception classes and no base of its own
        if is_out_of_memory(error):
            raise
        name = path.parent.name
        raise ModelDamaged(f"onnxruntime cannot load {path}: {first_line(error)}", repair_hint(name)) from error


def run(session: Any, given: Mapping[str, Any], wanted: Collection[str] = (OUTPUT,), *, last: bool = False) -> Any:
    """The wanted outputs of one run, in their order.

    Args:
        session: An open one.
        given: Each input's array.
        wanted: Names of outputs.
        last: Return to the system what earlier runs left in the arena.
    """
    if not last:
        return session.run(list(wanted), given)
    options = _imported().RunOptions()
    options.add_run_config_entry("memory.enable_memory_arena_shrinkage", "cpu:0")
    return session.run(list(wanted), given, options)


def _imported() -> Any:
    os.environ["ORT_DISABLE_TELEMETRY"] = "1"  # wheels from 1.29 on contain an uploader; read once, at import
    try:
        import onnxruntime
    except ImportError as error:
        raise EngineError(f"onnxruntime cannot be loaded: {error}", _import_hint()) from error
    _prepare()
    return onnxruntime


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


def _import_hint() -> str:
    if sys.platform == "win32":
        return "install the Microsoft Visual C++ Redistributable, then `pip install --force-reinstall onnxruntime`"
    return "run `pip install --force-reinstall onnxruntime`"


def _version(text: str) -> tuple[int, ...]:
    """The leading numbers of a version: 1.23.2rc1 gives (1, 23)."""
    return tuple(int(part) for part in text.split(".")[:2])
