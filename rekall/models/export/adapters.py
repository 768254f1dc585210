"""Adapters for tasks, as jina-embeddings-v3 has them: which one is asked for, and weights with it merged into them.

An adapter is a product of two small matrices for each large one (LoRA, Hu et al. 2021). It is added to the weights at
export, so that a search costs nothing more.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from rekall.errors import ExportFailed
from rekall.models.engine.card import Prompts
from rekall.models.export.figures import Config, malformed
from rekall.models.export.weights import Array, Table, Weights

NO_TASK = "none"
"""Asks for the weights without any adapter."""

_STORED = ((".parametrizations.weight.original", ".weight"), (".parametrizations.weight.0.", "."))
_SYMMETRIC = "text-matching"


@dataclass(frozen=True, slots=True)
class Adapter:
    """The adapter of one task.

    Attributes:
        place: Its place among those of the model; None for the weights without any.
        scale: What its product is multiplied with.
        prompt: What is put before every text of the task.
    """

    place: int | None
    scale: float = 1.0
    prompt: str = ""

    @property
    def prompts(self) -> Prompts:
        """The prompt, for queries and documents alike."""
        return Prompts(self.prompt, self.prompt)


def adapter_for(config: Config, task: str, where: str) -> Adapter | None:
    """The adapter that is asked for; None for a model without any.

    Args:
        config: The content of `config.json`.
        task: Its name, `NO_TASK`, or empty where nothing was asked for.
        where: The file's path, for messages.

    Raises:
        ExportFailed: Nothing was asked for although there is a choice, there is no such task, or the figures are malformed.
    """
    named: Any = config.get("lora_adaptations") or []
    if not isinstance(named, list) or not all(isinstance(name, str) for name in named):
        raise malformed(where, ValueError(f"`lora_adaptations` is {named!r}"))
    if not named:
        if task:
            raise ExportFailed(f"{where} has no adapters for tasks", "leave `--task` out")
        return None
    proposed = _SYMMETRIC if _SYMMETRIC in named else named[0]
    choose = f"give `--task {proposed}` or another one of: {', '.join((*named, NO_TASK))}"
    if not task:
        raise ExportFailed(
            f"{where} has an adapter for each of {len(named)} tasks, and a model here has one for queries and documents alike",
            choose,
        )
    if task == NO_TASK:
        return Adapter(None)
    if task not in named:
        raise ExportFailed(f"{where} has no adapter for {task!r}", choose)
    try:
        instructions = config.get("task_instructions") or {}
        scale = float(config["lora_alpha"]) / int(config["lora_rank"])
        return Adapter(named.index(task), scale, str(instructions.get(task) or ""))
    except (KeyError, TypeError, ValueError, AttributeError, ZeroDivisionError) as error:
        raise malformed(where, error) from error


class AdaptedWeights(Weights):
    """Weights with the adapter of one task merged into them."""

    def __init__(
        self,
        files: Path | Sequence[Path],
        rename: Callable[[str], str],
        original: Callable[[str], str],
        adapter: Adapter,
    ) -> None:
        """Open the files; see `Weights`."""

        def plain(name: str) -> str:
            for stored, meant in _STORED:
                name = name.replace(stored, meant)
            return rename(name)

        super().__init__(files, plain, original)
        self._adapter = adapter

    def unread(self) -> list[str]:
        """The tensors that nobody has asked for, those of other tasks aside."""
        return [name for name in super().unread() if not name.endswith((".lora_A", ".lora_B"))]

    def tensor(self, name: str, *shape: int) -> Array:
        """A tensor as float32; see `Weights.tensor`."""
        found = super().tensor(name, *shape)
        factors = self._factors(name)
        return found + self._product(*factors, len(found)) if factors else found

    def table(self, name: str, width: int) -> Table:
        """A matrix of any number of rows; see `Weights.table`."""
        plain, factors = super().table(name, width), self._factors(name)
        if factors is None:
            return plain
        left, right = factors

        def parts() -> Iterator[Array]:
            start = 0
            for part in plain.parts():
                rows = left[start : start + len(part)]
                yield part + self._product(rows, right, len(part))
                start += len(part)

        return Table(plain.rows, width, parts)

    def rows(self, name: str, wanted: Sequence[int], width: int) -> Array:
        """Some rows of a table; see `Weights.rows`."""
        found, factors = super().rows(name, wanted, width), self._factors(name)
        return found + self._product(factors[0][list(wanted)], factors[1], len(found)) if factors else found

    def _factors(self, name: str) -> tuple[Array, Array] | None:
        """What is multiplied for one weight: (rows, rank) and (rank, columns). A table's two are stored as A and B."""
        stem, dot, kind = name.rpartition(".")
        if kind != "weight" or self._adapter.place is None or f"{stem}{dot}lora_A" not in self:
            return None
        first, second = (super(AdaptedWeights, self).tensor(f"{stem}.lora_{part}", -1, -1, -1) for part in "AB")
        if not self._adapter.place < min(len(first), len(second)):
            raise ExportFailed(f"{stem} has {len(first)} adapters, too few for its tasks", "look for another revision")
        left, right = first[self._adapter.place], second[self._adapter.place]
        return (left, right) if stem.endswith("_embeddings") else (right, left)

    def _product(self, left: Array, right: Array, rows: int) -> Array:
        if left.shape[1] != right.shape[0] or len(left) != rows:
            raise ExportFailed(
                "an adapter does not fit the weights it is for", "look for another revision of the model"
            )
        return np.asarray(left @ right * np.float32(self._adapter.scale), dtype=np.float32)
