"""From a transformer's checkpoint to its graph and weights, and the vectors it should produce."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from rekall.errors import ExportFailed
from rekall.models.export.calibration import watch
from rekall.models.export.checkpoint import Checkpoint
from rekall.models.export.families import FAMILIES
from rekall.models.export.family import Family
from rekall.models.export.figures import Figures
from rekall.models.export.graph import GraphBuilder
from rekall.models.export.head import add_head, check_widths
from rekall.models.export.integers import IntegerGraphBuilder, WatchedGraphBuilder, narrowings
from rekall.models.export.options import ExportOptions
from rekall.models.export.reference import head_vectors
from rekall.models.export.spare import check_unread

MINIMUM_ONNXRUNTIME = "1.23"
"""The oldest that exports are measured on."""


def check_architecture(checkpoint: Checkpoint) -> tuple[Family, Figures]:
    """The family and the figures of a transformer whose graph can be built.

    Raises:
        ExportFailed: Its architecture needs torch.
    """
    if checkpoint.family is None or checkpoint.figures is None:
        raise ExportFailed(
            f"cannot export architecture {checkpoint.architecture!r} without torch",
            f"supported: {', '.join(sorted(FAMILIES))}, static models; others with `--via torch`",
        )
    return checkpoint.family, checkpoint.figures


def write_graph(checkpoint: Checkpoint, folder: Path, options: ExportOptions) -> tuple[int, GraphBuilder]:
    """Write the graph and the weights of a transformer.

    Args:
        checkpoint: One of the architectures in `FAMILIES`.
        folder: Where to.
        options: Precision and dimensions are read.

    Returns:
        The dimensions of a vector, and the graph.

    Raises:
        ExportFailed: The architecture is not supported, or a tensor is missing or has another shape.
    """
    _, figures = check_architecture(checkpoint)
    dimensions = checkpoint.kept(check_widths(checkpoint.chain.modules, figures.width), options.dimensions)
    graph = GraphBuilder(options.precision, folder)
    _build(checkpoint, graph, dimensions)
    return dimensions, graph


def write_integer_graph(
    checkpoint: Checkpoint, folder: Path, graph: GraphBuilder, dimensions: int, ids: Sequence[Sequence[int]]
) -> None:
    """Write the graph of bytes beside that of floats.

    Args:
        checkpoint: The same as for `graph`.
        folder: The same.
        graph: What `write_graph` gave.
        dimensions: The same.
        ids: Token ids of the texts that show how large numbers get.
    """
    _, figures = check_architecture(checkpoint)
    watched = WatchedGraphBuilder("q8", folder, graph)
    try:
        _build(checkpoint, watched, dimensions)
        seen = watch(watched, folder, MINIMUM_ONNXRUNTIME, ids)
    finally:
        watched.remove()
    plans = narrowings(watched.products, watched.heaviest, seen, figures.hidden)
    _build(checkpoint, IntegerGraphBuilder(graph, folder, plans), dimensions)


def _build(checkpoint: Checkpoint, graph: GraphBuilder, dimensions: int) -> None:
    family, figures = check_architecture(checkpoint)
    with checkpoint.open_weights() as weights:
        hidden = family.nodes(figures, checkpoint.max_tokens, weights, graph)
        check_unread(weights, checkpoint)
    add_head(checkpoint.chain.modules, hidden, graph, dimensions)
    graph.save(dimensions)


def expected_vectors(
    checkpoint: Checkpoint, ids: Sequence[Sequence[int]], dimensions: int, left_out: int = 0
) -> npt.NDArray[np.float64]:
    """The vectors that the graph should produce for token ids, computed without it.

    The first `left_out` tokens of each text are read, but left out of the pooling.

    Returns:
        (n, dimensions) float64, rows of unit length.
    """
    family, figures = check_architecture(checkpoint)
    with checkpoint.open_weights() as weights:
        states = family.states(figures, weights, ids)
    return head_vectors(checkpoint.chain.modules, states, dimensions, left_out)
