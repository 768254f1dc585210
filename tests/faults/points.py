"""Kills a command, or fails its calls, at every n-th call that changes a file, and judges what it leaves."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from faults import injecting
from faults.forking import Child, Ended, command, forked
from faults.homes import Home, filled_in
from faults.injecting import COUNT, KILL, POWER, TORN, WRITE, Fault
from faults.judging import AFTER, Reference, judge
from faults.operations import Operation
from faults.states import State, files_of, read_state
from faults.tally import Tally

CALLS = "calls.json"


class Workshop:
    """One operation, its home, and what it does when nothing stops it."""

    def __init__(self, operation: Operation, folder: Path) -> None:
        """Make the home, and run the operation once undisturbed.

        Args:
            operation: The command.
            folder: Where to work; must not exist.
        """
        self.operation = operation
        self.home: Home = operation.make(folder)
        self.scratch = folder / "scratch"
        self.scratch.mkdir()
        self._number = 0
        before = self._opened_state()
        place = self.copy()
        ended, calls = self.run(place, Fault(COUNT))
        assert ended.code == 0, f"{operation.name}: {ended}"
        assert operation.says in ended.text, f"{operation.name}: {ended}"
        self.reference = Reference(before, read_state(place), frozenset(files_of(place)), tuple(calls))
        shutil.rmtree(place)

    def case(self, fault: Fault) -> tuple[str, list[str], Ended]:
        """One fault on a fresh copy. Returns how far it came, what is wrong, and how the command ended."""
        place = self.copy()
        try:
            ended, _ = self.run(place, fault)
            return *self.judged(place, ended, fault), ended
        finally:
            shutil.rmtree(place, ignore_errors=True)

    def run(self, place: Path, fault: Fault) -> tuple[Ended, list[str]]:
        """Run the operation over a copy of its home with a fault. Returns how it ended, and its calls."""
        work = self.operation.work(self.home, place)
        report = self.scratch / CALLS
        report.unlink(missing_ok=True)

        def with_fault() -> None:
            handle = os.open(report, os.O_WRONLY | os.O_CREAT)
            injecting.install(fault)
            try:
                work()
            finally:
                os.write(handle, json.dumps(fault.met).encode())

        environ = self.home.environ(place)
        if self.operation.tool:
            ended = self._converse(with_fault, environ)
        else:
            ended = forked(with_fault, self.scratch, environ)
        return ended, json.loads(report.read_bytes() or b"[]")

    def judged(self, place: Path, ended: Ended, fault: Fault) -> tuple[str, list[str]]:
        """How far it came, and what is wrong."""
        operation = self.operation
        is_said = operation.says in ended.text if ended.was_killed and operation.says else ended.code == 0
        if operation.tool:
            is_said = '"id":2' in ended.out and '"isError":true' not in ended.out
        again = () if operation.tool else self.arguments(place)

        def look() -> None:
            found = judge(place, operation, again, self.reference, is_said=is_said)
            os.write(1, json.dumps(found).encode())

        looked = forked(look, self.scratch, self.home.environ(place))
        if looked.code or looked.hung:
            return "unknown", [f"cannot be judged: {looked.err[-2000:]}"]
        stage, *problems = json.loads(looked.out)
        problems += self._of_the_end(ended, fault, stage)
        return stage, problems

    def arguments(self, place: Path) -> list[str]:
        """The words of the command over a copy of its home."""
        return [word.replace("{home}", str(place)) for word in filled_in(self.home, self.operation.words)]

    def _of_the_end(self, ended: Ended, fault: Fault, stage: str) -> Iterator[str]:
        if ended.hung:
            yield "it hung"
        if ended.has_traceback:
            yield f"a traceback: {ended.err[-1500:]}"
        if fault.what in (KILL, TORN, POWER):
            if not ended.was_killed and ended.code:
                yield f"it ended with {ended.code} and was not killed: {ended.text[-500:]}"
        elif not self.operation.tool:
            if ended.code not in (0, *self.operation.codes):
                yield f"exit code {ended.code}: {ended.text[-500:]}"
            is_changed = self.reference.before != self.reference.after
            if (
                ended.code
                and fault.what == "ENOSPC"
                and stage == AFTER
                and is_changed
                and not self.operation.is_repeatable
            ):
                yield "it says that it failed, and what it did is stored: whoever repeats it does it twice"
            if ended.code and not ended.err.startswith("error: ") and "\nerror: " not in ended.err:
                yield f"no error is said: {ended.text[-500:]}"

    def _converse(self, work: Callable[[], object], environ: dict[str, str]) -> Ended:
        """Speak to a server until it has answered, then close its input."""
        reading, writing = os.pipe()
        child = Child(work, self.scratch, environ, reading, shut=(writing,))
        os.close(reading)
        with contextlib.suppress(BrokenPipeError):
            os.write(writing, self.operation.spoken(self.home))
        _until_answered(child)
        os.close(writing)
        return child.wait()

    def copy(self) -> Path:
        """A fresh copy of the home."""
        self._number += 1
        place = self.home.folder / f"home{self._number}"
        shutil.copytree(self.home.home, place)
        return place

    def _opened_state(self) -> State:
        """What the home holds once Rekall has opened it, which migrates an earlier base."""
        place = self.copy()
        ended = forked(command(["list"]), self.scratch, self.home.environ(place))
        assert ended.code == 0, ended
        state = read_state(place)
        shutil.rmtree(place)
        return state


def _until_answered(child: Child, wait_s: float = 30.0) -> None:
    """Wait until the server has answered the last request, or has ended."""
    end = time.monotonic() + wait_s
    while time.monotonic() < end:
        if child.out.exists() and b'"id":2' in child.out.read_bytes():
            return
        if os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT):
            return
        time.sleep(0.002)


def spread_over(count: int, most: int) -> list[int]:
    """At most so many of the numbers 1 to count, evenly spread; two or more hold the first and the last."""
    if count <= most:
        return list(range(1, count + 1))
    if most < 2:
        return [(count + 1) // 2]
    return sorted({1 + round(step * (count - 1) / (most - 1)) for step in range(most)})


def kill_faults(calls: Sequence[str], most: int) -> Iterator[Fault]:
    """A kill before each of these calls, and in the middle of every third write; calls that are rare come first."""
    rare = [number for number, name in enumerate(calls, 1) if name != WRITE][:most]
    for number in sorted({*spread_over(len(calls), most), *rare}):
        yield Fault(KILL, number)
        if number % 3 == 0 and calls[number - 1] == WRITE:
            yield Fault(TORN, number)


def power_faults(calls: Sequence[str], most: int) -> Iterator[Fault]:
    """The power goes before each of these calls: everything that was not synced is lost, or half of it."""
    for number in spread_over(len(calls), most):
        yield Fault(POWER, number)


def error_faults(calls: Sequence[str], most: int) -> Iterator[Fault]:
    """A full disk from each of these calls on, a broken one from it on, and one that fails once."""
    for number in spread_over(len(calls), most):
        yield Fault("ENOSPC", number)
        yield Fault("EIO", number)
        yield Fault("EIO", number, once=True)
        yield Fault("ENOSPC", number, once=True)


def try_points(workshop: Workshop, faults: Sequence[Fault], kind: str) -> Tally:
    """Try every fault on an operation."""
    tally = Tally(kind)
    for fault in faults:
        stage, problems, ended = workshop.case(fault)
        tally.count(stage)
        said = f"{workshop.operation.name}: {fault.what} at {fault.at}{' once' if fault.once else ''} of {len(workshop.reference.calls)} ({stage}, exit {ended.code})"
        if ended.code > 0 and stage == AFTER and workshop.reference.before != workshop.reference.after:
            tally.note("said failed though stored")
        tally.problems += [f"{said}: {problem}" for problem in problems]
    return tally
