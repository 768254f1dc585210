"""Many small cases in one child after another; one that hangs, crashes or raises what it should not is named."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from faults.forking import forked
from faults.tally import SLOWEST, Tally

Outcome = tuple[str, str]
"""How a case came out, and what was wrong with it, or nothing."""


def try_batch(
    tally: Tally,
    cases: Sequence[Any],
    start: Callable[[], Callable[[Any], Outcome]],
    scratch: Path,
    environ: Mapping[str, str],
    wait_s: float = 60.0,
) -> None:
    """Try cases in a child, and go on behind one that ended it.

    Args:
        tally: Counts them.
        cases: The cases; each is named by its `repr` where it fails.
        start: Makes, in the child, what tries a case.
        scratch: A folder for output.
        environ: What the child sees.
        wait_s: How long the whole batch may take.
    """
    at = 0
    while at < len(cases):
        begin = at

        def work(begin: int = begin) -> None:
            attempt = start()
            for number, case in enumerate(cases[begin:], begin):
                began = time.perf_counter()
                outcome, problem = attempt(case)
                took = round(time.perf_counter() - began, 4)
                os.write(1, json.dumps([number, outcome, problem, took]).encode() + b"\n")

        ended = forked(work, scratch, environ, wait_s)
        for line in ended.out.splitlines():
            number, outcome, problem, took = json.loads(line)
            tally.count(outcome)
            tally.notes[SLOWEST] = max(tally.notes.get(SLOWEST, 0), round(1000 * took))
            if problem:
                tally.problems.append(f"{_short(cases[number])}: {problem}")
            at = number + 1
        if at < len(cases) or ended.code or ended.has_traceback:
            said = "it hung" if ended.hung else f"it ended with {ended.code}: {ended.err[-1500:]}"
            tally.count("broke")
            tally.problems.append(f"{_short(cases[min(at, len(cases) - 1)])}: {said}")
            at += 1


def _short(case: Any) -> str:
    text = repr(case)
    return text if len(text) < 600 else f"{text[:400]}... ({len(text):,} characters)"
