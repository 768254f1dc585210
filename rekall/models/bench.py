"""What a model costs on this machine: a fresh process loads it, answers, embeds, and reports what that took.

This module is both ends: `bench` starts a process that runs it as a program.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import cast

from rekall.errors import EngineError
from rekall.models.engine.card_values import as_line
from rekall.models.engine.runtimes import Backend

_QUERIES = 30
_ROUNDS = 4  # how often the probe texts are embedded in bulk
_TIMEOUT_S = 600.0


@dataclass(frozen=True, slots=True)
class Cost:
    """What one model took.

    Attributes:
        cold_s: Seconds from the start of a process to the first vector.
        query_s: Median seconds of a short query after that.
        texts_per_s: Texts a second in bulk, over the model's own probe texts.
        query_peak_bytes: Peak resident memory of the process up to the end of the queries.
        bulk_peak_bytes: The same up to the end of the bulk.
        min_cosine: Least cosine to the reference vectors that travel with the model.
    """

    cold_s: float
    query_s: float
    texts_per_s: float
    query_peak_bytes: int
    bulk_peak_bytes: int
    min_cosine: float


def bench(folder: Path, threads: int = 0, backend: Backend = "auto") -> Cost:
    """Measure a model folder in a process of its own.

    Args:
        folder: A model folder.
        threads: See `OnnxEncoder`.
        backend: See there.

    Raises:
        EngineError: The model cannot be run.
    """
    start = time.perf_counter()
    command = [sys.executable, "-m", "rekall.models.bench", str(folder), str(threads), backend]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as worker:
        assert worker.stdout is not None
        first = worker.stdout.readline()
        cold_s = time.perf_counter() - start
        try:
            rest, complaint = worker.communicate(timeout=_TIMEOUT_S)
        except subprocess.TimeoutExpired as error:
            worker.kill()
            raise _failed(folder.name, f"it took more than {_TIMEOUT_S:g} s") from error
        except BaseException:
            worker.kill()
            raise
    if worker.returncode or not first:
        lines = complaint.strip().splitlines()
        raise _failed(folder.name, as_line(lines[-1]) if lines else f"exit code {worker.returncode}")
    return Cost(cold_s=cold_s, **json.loads(rest))


def _failed(name: str, reason: str) -> EngineError:
    return EngineError(f"model {name} cannot be measured: {reason}", f"run `rekall model verify {name}`")


def _work(folder: Path, threads: int, backend: Backend) -> None:
    """The other end: prints a line at the first vector, then the figures."""
    from rekall.models.engine.opening import open_encoder

    encoder = open_encoder(folder, threads, backend=backend, alone=True)
    encoder.encode_queries(["why does the session expire so early"])
    print("first vector", flush=True)  # noqa: T201 - to the process that measures

    from rekall.models.engine.card import PROBES_FILE
    from rekall.models.engine.probes import Probes, measure
    from rekall.system.resident import peak_bytes

    times = []
    for number in range(_QUERIES):
        start = time.perf_counter()
        encoder.encode_queries([f"connection refused after deploy {number}"])
        times.append(time.perf_counter() - start)
    query_peak = peak_bytes()
    probes = Probes.from_json((folder / PROBES_FILE).read_bytes())
    texts = list(probes.texts) * _ROUNDS
    start = time.perf_counter()
    encoder.encode_documents(texts)
    took = time.perf_counter() - start
    bulk_peak = peak_bytes()
    cost = Cost(
        cold_s=0.0,
        query_s=statistics.median(times),
        texts_per_s=len(texts) / took,
        query_peak_bytes=query_peak,
        bulk_peak_bytes=bulk_peak,
        min_cosine=measure(encoder, probes).min_cosine,
    )
    encoder.close()
    print(json.dumps({key: value for key, value in asdict(cost).items() if key != "cold_s"}))  # noqa: T201


if __name__ == "__main__":
    _work(Path(sys.argv[1]), int(sys.argv[2]), cast("Backend", sys.argv[3]))
