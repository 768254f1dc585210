"""A cold `rekall search` beside the bare import of what it stands on, in one run.

    python benchmarks/cold.py [--base FOLDER] [--repeat N] [--json]

Without --base the sample notes are imported first. Times are medians of whole processes; what counts is the
ratio, machines differ. Memory is the peak resident set of the whole process.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

NOTES = Path(__file__).parent.parent / "examples" / "notes"
REKALL = [sys.executable, "-m", "rekall"]
QUERY = ["search", "safari", "blocks", "my", "api", "call"]
PROCESSES = {
    "import numpy, onnxruntime, tokenizers": [sys.executable, "-c", "import numpy, onnxruntime, tokenizers"],
    "rekall search": [*REKALL, *QUERY],
    "rekall search, engine.backend = onnxruntime": [*REKALL, "--set", "engine.backend=onnxruntime", *QUERY],
    "rekall search --mode words": [*REKALL, *QUERY, "--mode", "words"],
    "rekall --help": [*REKALL, "--help"],
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--base", type=Path, help="a REKALL_HOME with entries")
    parser.add_argument("--repeat", type=int, default=7)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        home = options.base or Path(scratch)
        env = {**os.environ, "REKALL_HOME": str(home), "ORT_DISABLE_TELEMETRY": "1"}
        if options.base is None:
            subprocess.run([*REKALL, "import", str(NOTES)], env=env, check=True, stdout=subprocess.DEVNULL)
        runs: dict[str, list[tuple[float, float]]] = {name: [] for name in PROCESSES}
        for _ in range(options.repeat):
            for name, command in PROCESSES.items():  # interleaved, so that a busy moment hits all of them
                runs[name].append(run(command, env))
    seconds = {name: statistics.median(second for second, _ in figures) for name, figures in runs.items()}
    bare = seconds["import numpy, onnxruntime, tokenizers"]
    rows = {
        name: {
            "seconds": round(seconds[name], 3),
            "ratio": round(seconds[name] / bare, 2),
            "peak_mb": round(max(peak for _, peak in figures), 1),
        }
        for name, figures in runs.items()
    }
    if options.json:
        print(json.dumps(rows))
        return
    print("| process | seconds | ratio to the bare import | peak MB |\n|---|---|---|---|")
    for name, row in rows.items():
        print(f"| {name} | {row['seconds']:.3f} | {row['ratio']:.2f} | {row['peak_mb']:.1f} |")


def run(command: list[str], env: dict[str, str]) -> tuple[float, float]:
    """Seconds and peak resident megabytes (10^6 bytes) of a process."""
    import psutil

    started = time.perf_counter()
    process = subprocess.Popen(command, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    if hasattr(os, "wait4"):
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        peak = usage.ru_maxrss * (1 if sys.platform == "darwin" else 1024)
    else:
        watched, peak = psutil.Process(process.pid), 0
        while process.poll() is None:
            peak = max(peak, watched.memory_info().peak_wset)
            time.sleep(0.002)
    seconds = time.perf_counter() - started
    if process.returncode != 0:
        sys.exit(f"error: {' '.join(command)} ended with code {process.returncode}")
    return seconds, peak / 1e6


if __name__ == "__main__":
    main()
