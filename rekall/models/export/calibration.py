"""What the matrix products of a graph are given, seen over texts of every shape."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from rekall.models.engine.session import open_graph
from rekall.models.export.integers import Seen, WatchedGraphBuilder
from rekall.models.export.probe_texts import PROBE_TEXTS

_JOINED = 5
_MOST_TOKENS = 256  # of a text; longer ones show nothing larger, and take memory

CALIBRATION_TEXTS: tuple[str, ...] = (
    *PROBE_TEXTS,
    *("\n".join(PROBE_TEXTS[start : start + _JOINED]) for start in range(len(PROBE_TEXTS))),
    *(part * 40 for part in ("word ", "- ", "x", "= ", "# ", "一", "1 2 3 ", "the ")),
)
"""Short and long texts, and those of one thing only, which give the largest numbers."""


def watch(graph: WatchedGraphBuilder, folder: Path, oldest: str, ids: Sequence[Sequence[int]]) -> dict[str, Seen]:
    """Run a graph over some texts and look at what its matrix products are given.

    Args:
        graph: The graph, saved to `folder`.
        folder: Where its files lie.
        oldest: The version of ONNX Runtime that it needs.
        ids: The texts' token ids; one without any is passed over.

    Returns:
        By the name of each source.
    """
    sources = graph.sources()
    session = open_graph(folder / graph.graph_file, oldest, "onnxruntime")
    seen: dict[str, Seen] = {}
    read = [row[:_MOST_TOKENS] for row in ids if row]
    for row in read:
        tokens = np.array([row], dtype=np.int64)
        given = {name: tokens if name == "input_ids" else np.ones_like(tokens) for name in session.inputs}
        found = session.run(given, graph.outputs)
        for source, largest, least, mean in zip(sources, found[::3], found[1::3], found[2::3]):
            before = seen.get(source, Seen(largest, least, np.zeros_like(mean)))
            seen[source] = Seen(
                np.maximum(before.largest, largest),
                np.minimum(before.least, least),
                before.mean + mean / np.float32(len(read)),
            )
    return seen
