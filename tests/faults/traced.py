"""The same faults from outside, by strace: a true process, the kernel's own answers. Only where strace may trace."""

from __future__ import annotations

import functools
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from faults.forking import Ended
from faults.injecting import KILL, Fault
from faults.points import Workshop, spread_over
from faults.tally import Tally

CALLS = ("pwrite64", "fdatasync", "fsync", "ftruncate", "rename", "unlink")
_CALL = re.compile(r"^(?:\[pid +\d+\] |\d+ +)?(\w+)\(")


@functools.cache
def why_not() -> str:
    """Why strace cannot be used here; empty where it can."""
    if not sys.platform.startswith("linux") or shutil.which("strace") is None:
        return "strace is not installed"
    with tempfile.TemporaryDirectory() as folder:
        words = ["strace", "-f", "-qq", "-o", f"{folder}/log", "-e", "inject=rename:error=EIO:when=99", "true"]
        ran = subprocess.run(words, capture_output=True, text=True, check=False)
    return "" if ran.returncode == 0 else f"strace may not trace here: {ran.stderr.strip()[:200]}"


def try_traced(workshop: Workshop, most: int) -> Tally:
    """Kill a command, or fail its calls, at so many of each of its system calls."""
    tally = Tally("the same from outside, by strace")
    place = workshop.copy()
    counts = _counts(_traced(workshop, place, ())[1])
    shutil.rmtree(place)
    for call, how, number in _faults(counts, most):
        place = workshop.copy()
        inject = f"inject={call}:{how}:when={number}{'+' if how.startswith('error') else ''}"
        ended, _ = _traced(workshop, place, ("-e", inject))
        fault = Fault(KILL if how.startswith("signal") else how.removeprefix("error="), number)
        stage, problems = workshop.judged(place, ended, fault)
        tally.count(stage)
        tally.problems += [
            f"{workshop.operation.name}: {inject} ({stage}, exit {ended.code}): {each}" for each in problems
        ]
        shutil.rmtree(place, ignore_errors=True)
    return tally


def _faults(counts: dict[str, int], most: int) -> Iterator[tuple[str, str, int]]:
    for call, count in counts.items():
        few = most if call == "pwrite64" else max(1, most // 2)
        for number in spread_over(count, few):
            yield call, "signal=KILL", number
        if call in ("pwrite64", "fdatasync"):
            for number in spread_over(count, max(1, few // 2)):
                yield call, "error=ENOSPC" if call == "pwrite64" else "error=EIO", number


def _traced(workshop: Workshop, place: Path, inject: Sequence[str]) -> tuple[Ended, str]:
    log = workshop.scratch / "strace"
    calls = "trace=" + ",".join(CALLS)
    command = [
        "strace",
        "-f",
        "-qq",
        "-o",
        str(log),
        "-e",
        calls,
        *inject,
        sys.executable,
        "-m",
        "rekall",
        *workshop.arguments(place),
    ]
    environ = {**os.environ, **workshop.home.environ(place)}
    ran = subprocess.run(
        command, capture_output=True, text=True, env=environ, check=False, timeout=120, stdin=subprocess.DEVNULL
    )
    code = -9 if ran.returncode == 137 else ran.returncode
    return Ended(code, ran.stdout, ran.stderr), log.read_text("utf-8", "replace")


def _counts(log: str) -> dict[str, int]:
    found = [match[1] for line in log.splitlines() if (match := _CALL.match(line))]
    return {call: found.count(call) for call in CALLS if call in found}
