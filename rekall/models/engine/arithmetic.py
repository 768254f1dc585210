"""What the products of a model are made of: whether this processor multiplies bytes so much faster than floats that they should be."""

from __future__ import annotations

import functools
import platform
import sys
from pathlib import Path
from typing import Any, Literal

from rekall.models.engine.card import GRAPH_FILE, INTEGER_GRAPH_FILE, ModelCard

Arithmetic = Literal["auto", "floats", "bytes"]
"""What is asked for; "auto" goes by the processor."""

CPUINFO = Path("/proc/cpuinfo")

_FLAGS = {
    "x86_64": {"avx512_vnni", "avx_vnni"},
    "amd64": {"avx512_vnni", "avx_vnni"},
    "aarch64": {"asimddp"},
    "arm64": {"asimddp"},
}
"""Linux's names of what adds up products of four bytes in one instruction without losing bits, by kind of processor. AVX2 alone
has none: its products of bytes saturate, which changes vectors."""

_NUMPY_FLAGS = ("AVX512VNNI", "AVX512_ICL", "AVX512_CLX", "ASIMDDP")
"""The same by numpy, which does not know the VNNI of processors without AVX-512."""

_NUMPY_KNOWS = {"avx512_vnni", "asimddp"}
"""Linux's names of what numpy asks the processor itself for. Under emulation (a container for another kind of processor, say)
Linux tells of the one outside."""


def graph_of(card: ModelCard, arithmetic: Arithmetic) -> str:
    """The graph of a model that multiplies so; one without a graph of bytes has floats alone. Numpy is loaded before."""
    is_wanted = arithmetic == "bytes" or (arithmetic == "auto" and multiplies_bytes())
    return INTEGER_GRAPH_FILE if is_wanted and INTEGER_GRAPH_FILE in card.files else GRAPH_FILE


@functools.cache
def multiplies_bytes() -> bool:
    """The same answer at every call on one machine, so that the same text gets the same vector there.

    With such an instruction, a product of bytes takes a quarter of the time of one of floats (docs/adr/0037).
    """
    features = _numpy_features()
    if any(features.get(name) for name in _NUMPY_FLAGS) or _is_apple():
        return True
    return has_flag(_linux_flags(CPUINFO) - (_NUMPY_KNOWS if features else set()))


def has_flag(flags: set[str]) -> bool:
    """Whether one of a processor's flags, as Linux names them, stands for products of bytes on a processor like this one."""
    return bool(_FLAGS.get(platform.machine().lower(), set()) & flags)


def _linux_flags(path: Path) -> set[str]:
    """The flags of the first processor; none where the file is missing."""
    try:
        lines = path.read_text("utf-8", "replace").splitlines()
    except OSError:
        return set()
    named = (line.partition(":") for line in lines)
    return next((set(flags.split()) for name, _, flags in named if name.strip() in ("flags", "Features")), set())


def _is_apple() -> bool:
    return sys.platform == "darwin" and platform.machine() == "arm64"  # all of them have it


def _numpy_features() -> dict[str, bool]:
    """What numpy found that the processor has, by its own names; empty where it does not say."""
    module: Any = sys.modules.get(
        "numpy._core._multiarray_umath"
    )  # loaded with numpy; a later one may keep it elsewhere
    features: dict[str, bool] = getattr(module, "__cpu_features__", {})
    return features
