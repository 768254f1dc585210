"""Counts the steps of the model-checked histories of `rekall sync`: three bases, one folder, and people who do anything in any order.

    .venv/bin/python tests/sync/histories.py [--steps 10000] [--most-minutes 60]

The machine is that of `test_machine`. A step is one thing that a person or a base does: an edit, a deletion, a file that is moved,
a sync. Histories have 40 steps at most, and after each everybody syncs: all bases are equal, nothing that is owed is lost, and a
further round changes nothing, or it ends with the history that shows otherwise. Each run takes other histories.
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

from hypothesis import HealthCheck, settings
from hypothesis.stateful import invariant, run_state_machine_as_test

sys.path.append(str(Path(__file__).resolve().parents[1]))

from support.syncing import no_waiting_for_the_disk
from test_machine import Synced

STEPS_OF_A_HISTORY = 40
HISTORIES_AT_ONCE = 10
SETTINGS = settings(
    max_examples=HISTORIES_AT_ONCE,
    stateful_step_count=STEPS_OF_A_HISTORY,
    deadline=None,
    database=None,
    suppress_health_check=list(HealthCheck),
)


class Counted(Synced):
    """The machine, which counts what is done."""

    histories = steps = syncs = 0

    def teardown(self) -> None:
        """End a history."""
        super().teardown()
        Counted.histories += 1

    def run(self, where: int) -> object:
        """Sync a base."""
        Counted.syncs += 1
        return super().run(where)

    @invariant()
    def count(self) -> None:
        """Count what was done, the beginning included."""
        Counted.steps += 1


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=10_000)
    parser.add_argument("--most-minutes", type=float, default=60.0)
    options = parser.parse_args()
    end = time.monotonic() + 60 * options.most_minutes
    with no_waiting_for_the_disk():
        while Counted.steps - Counted.histories < options.steps and time.monotonic() < end:
            run_state_machine_as_test(Counted, settings=SETTINGS)
            told = f"{Counted.steps - Counted.histories:,} steps in {Counted.histories:,} histories, {Counted.syncs:,} syncs"
            sys.stdout.write(f"{told}: all equal, nothing lost\n")
            sys.stdout.flush()


if __name__ == "__main__":
    main()
