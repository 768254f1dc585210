"""What builds a graph: weights go to their file at once, and every name keeps its first array."""

from __future__ import annotations

import tracemalloc

import numpy as np

from rekall.models.engine.card import WEIGHTS_FILE
from rekall.models.export.graph import GraphBuilder
from rekall.models.export.weights import Table

MEGABYTE = 1 << 20


def test_weights_are_not_kept_until_the_graph_is_written(tmp_path):
    graph = GraphBuilder("fp32", tmp_path)
    tracemalloc.start()
    try:
        for number in range(24):
            graph.constant(f"matrix_{number}", np.full((512, 512), number, dtype=np.float32))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert (tmp_path / WEIGHTS_FILE).stat().st_size >= 24 * MEGABYTE
    assert peak < 4 * MEGABYTE


def test_a_table_is_narrowed_part_by_part(tmp_path):
    rows, width, step = 8192, 512, 256
    table = Table(rows, width, lambda: (np.ones((step, width), dtype=np.float32) for _ in range(rows // step)))
    graph = GraphBuilder("q8", tmp_path)
    tracemalloc.start()
    try:
        graph.table_rows("words", "input_ids", table)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert (tmp_path / WEIGHTS_FILE).stat().st_size >= rows * width
    assert peak < rows * width


def test_a_name_that_is_used_again_keeps_its_array(tmp_path):
    graph = GraphBuilder("fp32", tmp_path)
    for value in (1, 2):
        graph.constant("matrix", np.full((512, 512), value, dtype=np.float32))
    assert set(np.frombuffer((tmp_path / WEIGHTS_FILE).read_bytes(), dtype=np.float32)) == {1.0}
