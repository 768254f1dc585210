"""The process that `idle.py` watches: a long-lived one that searches, rests, and searches again.

    python benchmarks/idle_worker.py child|here

Prints a line of JSON as each phase begins: its name, and the time. It imports nothing that a door would not.
"""

import json
import sys
import time

from rekall.app import App
from rekall.entry.filters import Filters
from rekall.search.results import Mode

REST_S = 0.8
IDLE_S = 3.0
QUESTIONS = (
    "mobile users lose their login",
    "why does the deploy hang",
    "the build is slow on the first run only",
    "too many open connections to the database",
    "which timeout is shorter than the other",
    "numbers are off by one cent",
    "a test fails at night",
    "the cache serves old files",
    "how do we page through long lists",
    "docker image is far too large",
    "requests fail behind the proxy",
    "what did we decide about retries",
)


def main() -> None:
    in_child = sys.argv[1] == "child"
    begin("start")
    flags = {"performance.model_idle_timeout_minutes": str(IDLE_S / 60)}
    app = App(flags=flags, is_long_lived=in_child)
    base = app.open_base()

    def search(questions: tuple[str, ...]) -> float:
        """Seconds of some searches."""
        started = time.perf_counter()
        for question in questions:
            mode = base.search(question, Filters(), Mode.HYBRID, 10).mode
            if mode.used is not Mode.HYBRID:
                sys.exit(f"error: answered by {mode.used.value}: {mode.reason}")
        return time.perf_counter() - started

    time.sleep(REST_S)
    begin("first search")
    seconds = search(QUESTIONS[:1])
    time.sleep(REST_S)
    begin("ten searches", seconds)
    seconds = search(QUESTIONS[1:11])
    time.sleep(REST_S)
    begin("idle", seconds)
    if in_child:
        while base.index.is_model_loaded():
            time.sleep(0.01)
        begin("dropped")
    else:
        time.sleep(IDLE_S - REST_S)
        begin("dropped")
        base.index.drop_model()  # a command does not stay, so this placement has no watch of its own
    time.sleep(2 * REST_S)
    begin("search again")
    seconds = search(QUESTIONS[11:])
    time.sleep(REST_S)
    begin("end", seconds)
    app.close()


def begin(phase: str, seconds: float | None = None) -> None:
    """Say that a phase begins, and how long the searches of the one before took."""
    print(json.dumps({"phase": phase, "at": time.time(), "searched_s": seconds}), flush=True)


if __name__ == "__main__":
    main()
