"""What a model costs: measured in a process of its own, reported as a table or as JSON."""

from __future__ import annotations

from pathlib import Path

import pytest
from support import DATA

from rekall.errors import EngineError
from rekall.models.bench import bench
from rekall.models.export.exporter import export_model
from rekall.models.export.options import ExportOptions


@pytest.fixture
def models(home: Path) -> Path:
    """Two tiny models in the user's own folder."""
    for name in ("bert", "static"):
        export_model(DATA / "checkpoints" / name, home / "models" / name, ExportOptions(min_cosine=0.99))
    return home / "models"


def test_every_figure_is_measured(models):
    cost = bench(models / "bert")
    assert cost.cold_s > cost.query_s > 0
    assert cost.texts_per_s > 1
    assert 10 << 20 < cost.query_peak_bytes <= cost.bulk_peak_bytes < 500 << 20
    assert 0.99 < cost.min_cosine <= 1.0000001


def test_a_static_model_needs_less_memory_than_one_with_a_runtime(models):
    assert bench(models / "static").bulk_peak_bytes < bench(models / "bert").query_peak_bytes


def test_a_damaged_model_is_told_with_its_name(models):
    (models / "bert" / "model.weights").write_bytes(b"torn")
    with pytest.raises(EngineError, match="bert") as caught:
        bench(models / "bert")
    assert "model.weights" in caught.value.message
    assert "rekall model verify bert" in caught.value.hint


def test_the_command_measures_the_named_models_in_one_table(models, rekall):
    ran = rekall("model", "bench", "static", "bert")
    assert (ran.code, ran.err) == (0, "")
    head, *rows = ran.out.splitlines()
    assert all(word in head for word in ("cold start", "query", "bulk", "RAM", "fidelity"))
    assert [row.split()[0] for row in rows] == ["static", "bert"]
    answer = rekall("model", "bench", "static", "--json").json["models"]
    assert [model["name"] for model in answer] == ["static"]
    assert set(answer[0]) > {"cold_s", "query_s", "texts_per_s", "query_peak_bytes", "bulk_peak_bytes", "min_cosine"}


def test_an_unknown_model_is_told(rekall):
    assert rekall("model", "bench", "nope").code == 6
