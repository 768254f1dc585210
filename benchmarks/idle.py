"""A long-lived process over time: what it holds while it works, rests, and has dropped its model.

    python benchmarks/idle.py [--base FOLDER] [--draw]

Once with the model in a child process, as servers and the terminal UI keep it, and once in the process itself.
Each runs in a process of its own and is looked at from outside every 20 ms. Without --base the sample notes are
imported first. Memory is resident megabytes (10^6 bytes) at the end of a phase; pages that parent and child share
count in both. --draw makes the picture.
"""

from __future__ import annotations

import argparse
import json
import os
import queue
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import IO, Any

from idle_picture import Phase, Run, Sample, draw

from rekall.system.files import write_atomically

CHECKOUT = Path(__file__).parent.parent
NOTES = CHECKOUT / "examples" / "notes"
PICTURE = CHECKOUT / "docs" / "pictures" / "idle.svg"
WORKER = Path(__file__).with_name("idle_worker.py")
EVERY_S = 0.02
SETTLED = 10
"""Samples at the end of a phase whose median counts."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--base", type=Path, help="a REKALL_HOME with entries")
    parser.add_argument("--draw", action="store_true", help=f"write {PICTURE.relative_to(CHECKOUT)}")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        kept = {key: value for key, value in os.environ.items() if not key.startswith("REKALL_")}
        env = {**kept, "REKALL_HOME": str((options.base or Path(scratch)).absolute())}
        if options.base is None:
            command = [sys.executable, "-m", "rekall", "import", str(NOTES)]
            subprocess.run(command, env=env, check=True, stdout=subprocess.DEVNULL)
        child, here = (watch(place, env) for place in ("child", "here"))
    print("\n".join(table(child, here)))
    if options.draw:
        write_atomically(PICTURE, draw(child, here).encode())


def watch(place: str, env: Mapping[str, str]) -> Run:
    """Run the worker, and look at it from outside until it ends."""
    import psutil

    samples: list[Sample] = []
    lines: queue.SimpleQueue[dict[str, object]] = queue.SimpleQueue()
    with subprocess.Popen([sys.executable, str(WORKER), place], env=env, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        reader = threading.Thread(target=read, args=(process.stdout, lines))
        reader.start()
        watched = psutil.Process(process.pid)
        own = watched.cmdline()
        due = time.perf_counter()
        while process.poll() is None:
            try:
                parent = int(watched.memory_info().rss)
                children = sum(resident(child, own) for child in watched.children(recursive=True))
            except (psutil.NoSuchProcess, psutil.ZombieProcess):  # it ends just now
                break
            samples.append(Sample(time.time(), parent, children))
            due += EVERY_S
            time.sleep(max(due - time.perf_counter(), 0))
        reader.join()
    if process.returncode != 0:
        sys.exit(f"error: the watched process ended with code {process.returncode}")
    return run_of(samples, [lines.get() for _ in range(lines.qsize())])


def read(out: IO[str], lines: queue.SimpleQueue[dict[str, object]]) -> None:
    for line in out:
        lines.put(json.loads(line))


def resident(process: Any, parents: Sequence[str]) -> int:
    """Resident bytes of a child; none before it has become another program than its parent, or when it has ended."""
    import psutil

    try:
        return 0 if process.cmdline() == parents else int(process.memory_info().rss)
    except psutil.Error:
        return 0


def run_of(samples: Sequence[Sample], lines: Sequence[Mapping[str, object]]) -> Run:
    """Samples and phases on one clock that begins with the first sample."""
    zero = samples[0].at_s
    moved = [Sample(sample.at_s - zero, sample.parent_bytes, sample.child_bytes) for sample in samples]
    phases: list[Phase] = []
    for line, following in pairwise(lines):
        begin, end = (float(str(item["at"])) - zero for item in (line, following))
        begin = begin if phases else 0.0  # the start of the interpreter belongs to it
        last = [sample for sample in moved if begin <= sample.at_s < end][-SETTLED:]
        searched = following["searched_s"]
        phases.append(
            Phase(
                name=str(line["phase"]),
                begin_s=begin,
                end_s=end,
                parent_bytes=int(statistics.median(sample.parent_bytes for sample in last)),
                child_bytes=int(statistics.median(sample.child_bytes for sample in last)),
                searched_s=None if searched is None else float(str(searched)),
            )
        )
    return Run(tuple(sample for sample in moved if sample.at_s <= phases[-1].end_s), tuple(phases))


def table(child: Run, here: Run) -> list[str]:
    """The figures as Markdown: the child's placement on the left, the other on the right."""
    lines = [
        "| phase | parent MB | child MB | searches s | one process MB | searches s |",
        "|---|---|---|---|---|---|",
    ]
    for left, right in zip(child.phases, here.phases):
        lines.append(
            f"| {left.name} | {left.parent_bytes / 1e6:.1f} | {left.child_bytes / 1e6:.1f} | {seconds(left)} "
            f"| {right.parent_bytes / 1e6:.1f} | {seconds(right)} |"
        )
    return lines


def seconds(phase: Phase) -> str:
    return "–" if phase.searched_s is None else f"{phase.searched_s:.3f}"


if __name__ == "__main__":
    main()
