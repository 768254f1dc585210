"""Lets a model from elsewhere run once in a process of its own, before it is installed: what ends a process stays out."""

from __future__ import annotations

import contextlib
import sys
from pathlib import Path

from rekall.errors import EngineError, EngineLost, ModelDamaged
from rekall.models.engine.card import ModelCard
from rekall.models.engine.process_encoder import ProcessEncoder
from rekall.models.engine.room import FOR_THREADS, need_of
from rekall.models.engine.tried import TRIALS

_SPARE_BYTES = 1 << 30
"""What the process may take beyond what the model is known to need: some tokenizers make a text a thousand times longer."""

TEXTS = (
    "a",
    "",
    "why does the session expire so early",
    "connection refused " * 120,
    "x" * 2_400,
    "été 連線 сессия 🔑 \u202etfel\u200b \x1b[0m",
)
"""What notes are made of, as long as passages get."""


def try_out(folder: Path, card: ModelCard) -> None:
    """Let a model load and answer, in bounded time and memory.

    A text that it cannot embed is no reason to refuse it, nor is what this machine lacks to run it.

    Args:
        folder: Where it lies.
        card: Its card.

    Raises:
        ModelDamaged: It cannot be loaded, or ends the process that runs it, or never answers.
    """
    child = ProcessEncoder(folder, card.fingerprint, card.dimensions, tried=TRIALS.file)
    try:
        _bound(child.pid, need_of(card).addresses + FOR_THREADS + _SPARE_BYTES)
        for text in TEXTS:
            for ask in (child.encode_documents, child.encode_queries, child.known):
                try:
                    ask([text])
                except (EngineLost, ModelDamaged) as error:
                    said = error.message.replace(str(folder), card.name).replace(folder.name, card.name)
                    raise ModelDamaged(f"{folder} is not a model that can be run: {said}") from error
                except EngineError:
                    if not child.is_open():  # it cannot be loaded on this machine
                        return
    finally:
        child.close()


def _bound(pid: int, most_bytes: int) -> None:
    """Bound what a process may map, where the system can do that for another one."""
    if sys.platform.startswith("linux"):
        import resource

        with contextlib.suppress(OSError, ValueError):  # it has ended, or its own limit is lower
            resource.prlimit(pid, resource.RLIMIT_AS, (most_bytes, most_bytes))
