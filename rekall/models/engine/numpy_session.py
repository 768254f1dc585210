"""Runs a graph in numpy, where ONNX Runtime cannot be had."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from rekall.errors import EngineError, ModelDamaged
from rekall.models.engine.card import repair_hint
from rekall.models.engine.graph_file import Array, GraphFile, GraphNode, read_graph
from rekall.models.engine.operators import OPERATORS, Operator
from rekall.models.engine.runtimes import OUTPUT
from rekall.system.products import PRODUCTS

_ABSENT = 0
"""The slot of an input that a node leaves out."""


@dataclass(frozen=True, slots=True)
class _Step:
    """A node that is ready to run: where its arrays lie, and which of them nobody needs afterwards."""

    run: Operator
    takes: tuple[int, ...]
    gives: tuple[int, ...]
    frees: tuple[int, ...]


class NumpySession:
    """A graph whose nodes run one after the other, in the order of its file. Thread-safe: a run shares nothing with another."""

    def __init__(self, path: Path) -> None:
        """Read the graph and map its weights.

        Raises:
            ModelDamaged: It cannot be read, or its nodes do not fit together.
            EngineError: It has operators that only ONNX Runtime knows.
        """
        graph = read_graph(path)
        _check_operators(path, graph)
        self.runtime = f"numpy {np.__version__}"
        self.takes_one_thread = PRODUCTS.can_take_one()
        self.inputs = graph.inputs
        self.outputs = graph.outputs
        places = {"": _ABSENT}
        for name in (*graph.constants, *graph.inputs):
            places.setdefault(name, len(places))
        last: dict[int, int] = {}
        wired: list[tuple[GraphNode, tuple[int, ...], tuple[int, ...]]] = []
        try:
            for number, node in enumerate(graph.nodes):
                takes = tuple(places[name] for name in node.inputs)
                gives = tuple(places.setdefault(name, len(places)) for name in node.outputs)
                last.update(dict.fromkeys((*takes, *gives), number))
                wired.append((node, takes, gives))
            kept = {places[name] for name in (*graph.constants, "", *graph.outputs)}
        except KeyError as error:
            raise ModelDamaged(f"{path} uses {error}, which nothing gives", repair_hint(path.parent.name)) from error
        self._places = places
        self._slots: list[Array | None] = [None] * len(places)
        for name, value in graph.constants.items():
            self._slots[places[name]] = value
        self._steps = [
            _Step(
                _bound(node),
                takes,
                gives,
                tuple(place for place in {*takes, *gives} if last[place] == number and place not in kept),
            )
            for number, (node, takes, gives) in enumerate(wired)
        ]

    def run(
        self, given: Mapping[str, Array], wanted: Collection[str] = (OUTPUT,), *, last: bool = False
    ) -> list[Array]:
        """See `Session.run`; numpy leaves nothing behind."""
        slots = self._slots.copy()
        for name, value in given.items():
            slots[self._places[name]] = value
        with PRODUCTS, np.errstate(all="ignore"):  # whoever asked looks at the vectors
            for step in self._steps:
                result = step.run(*[slots[place] for place in step.takes])
                if len(step.gives) == 1:
                    slots[step.gives[0]] = result
                else:
                    for place, part in zip(step.gives, result):
                        slots[place] = part
                del result
                for place in step.frees:
                    slots[place] = None
        return [np.asarray(slots[self._places[name]]) for name in wanted]


def _bound(node: GraphNode) -> Operator:
    operator = OPERATORS[node.domain, node.operator]
    return partial(operator, **node.attributes) if node.attributes else operator


def _check_operators(path: Path, graph: GraphFile) -> None:
    unknown = sorted({node.operator for node in graph.nodes if not _is_known(node)})
    if unknown:
        raise EngineError(
            f"model {path.parent.name} needs onnxruntime: numpy does not know its {', '.join(unknown)}",
            "install onnxruntime, or use another model: `rekall model list`",
        )


def _is_known(node: GraphNode) -> bool:
    operator = OPERATORS.get((node.domain, node.operator))
    return operator is not None and node.attributes.keys() <= _attributes_of(operator)


def _attributes_of(operator: Operator) -> set[str]:
    code = getattr(operator, "__code__", None)  # numpy's own functions have none, and no attributes
    return set() if code is None else set(code.co_varnames[code.co_argcount :][: code.co_kwonlyargcount])
