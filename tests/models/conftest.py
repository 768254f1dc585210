"""What tests of models share: a checkpoint to change, and a place to export it to."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from support.checkpoints import CASE, Source


@pytest.fixture
def source(tmp_path: Path) -> Callable[[str], Source]:
    def copy(name: str) -> Source:
        CASE[name].write(tmp_path / "source")
        return Source(tmp_path / "source")

    return copy


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return tmp_path / "exported" / "tiny"
