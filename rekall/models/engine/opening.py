"""Opens a model folder: the encoder that its card asks for, in this process."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from rekall.errors import OutOfMemory
from rekall.models.contract import ArrayEncoder
from rekall.models.engine.card import ModelCard, read_card
from rekall.models.engine.guard import loading
from rekall.models.engine.room import check_room
from rekall.system.forks import FORKS
from rekall.system.products import PRODUCTS

if TYPE_CHECKING:
    from rekall.models.engine.arithmetic import Arithmetic
    from rekall.models.engine.runtimes import Backend, Runtime


def open_encoder(
    folder: Path,
    threads: int = 0,
    arithmetic: Arithmetic = "auto",
    backend: Backend = "auto",
    *,
    alone: bool = False,
) -> ArrayEncoder:
    """Load the model of a folder into this process.

    Args:
        folder: A model folder.
        threads: See `OnnxEncoder`; a static model takes one.
        arithmetic: See there.
        backend: What runs its graph; a static model has none.
        alone: The process is Rekall's own, so numpy may be imported as suits it.

    Raises:
        ModelDamaged: The folder is incomplete or altered.
        EngineError: What the model needs to run is missing or too old, or there is not enough memory for it.
    """
    card = replace(read_card(folder), name=folder.name)
    is_roomy, backend = _that_fits(card, arithmetic, backend, alone=alone)
    if not is_roomy:
        threads = 1
        os.environ["TOKENIZERS_PARALLELISM"] = "false"
    with loading(folder.name), FORKS:
        if alone:
            PRODUCTS.import_numpy()
        if card.is_static:
            from rekall.models.engine.static_encoder import StaticEncoder  # numpy and tokenizers: 30 MB

            return StaticEncoder(folder)
        from rekall.models.engine.onnx_encoder import OnnxEncoder  # numpy, onnxruntime and tokenizers: 40 MB, 0.2 s

        return OnnxEncoder(folder, threads, arithmetic, backend)


def runtime_of(folder: Path, backend: Backend = "auto", *, alone: bool = False) -> Runtime:
    """What runs a model here, tried without loading it into this process; see `open_encoder`.

    Raises:
        ModelDamaged: Its card cannot be read.
    """
    from rekall.models.engine.runtimes import Runtime, version_of

    card = replace(read_card(folder), name=folder.name)
    in_numpy = Runtime("numpy", version_of("numpy"))
    if card.is_static or backend == "numpy":
        return in_numpy
    if alone:
        try:
            if _that_fits(card, "auto", backend, alone=True)[1] == "numpy":
                check_room(card)
        except OutOfMemory as error:
            return replace(in_numpy, reason=error.message, hint=error.hint)
    from rekall.models.engine.tried import TRIALS

    tried = TRIALS.anew(folder, card.minimum_onnxruntime)
    if tried.problem and backend != "onnxruntime":
        return replace(in_numpy, reason=tried.problem, hint=tried.hint)
    return Runtime("onnxruntime", tried.version or version_of("onnxruntime"), tried.problem, tried.hint)


def _that_fits(card: ModelCard, arithmetic: Arithmetic, backend: Backend, *, alone: bool) -> tuple[bool, Backend]:
    """Whether there is room for several threads, and what runs the graph: numpy where there is room for that alone."""
    if not alone or arithmetic == "bytes" or backend == "onnxruntime":
        return check_room(card), backend
    if backend != "numpy":
        try:
            return check_room(card), backend
        except OutOfMemory:
            backend = "numpy"
    return check_room(card, is_numpy=True), backend
