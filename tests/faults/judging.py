"""Judges a home after a command over it was stopped or failed: with fresh eyes, and then with Rekall itself."""

from __future__ import annotations

import contextlib
import io
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from faults.operations import Operation
from faults.states import GROWING, LOOKUPS, Fact, State, faults_of, faults_of_copies, files_of, holds_bytes, read_state

_COPY = re.compile(r"backups/[\w-]+\.db(?:-wal)?")
"""A copy that Rekall makes before a step that could go wrong, with its time in its name."""

BEFORE, AFTER, BETWEEN = "before", "after", "between"


@dataclass(frozen=True, slots=True)
class Reference:
    """What a home held before the command, and what it holds when nothing stopped it.

    Attributes:
        before: The state before; of a base that migrates, once it is opened.
        after: The state after.
        files: The files that lie there after.
        calls: The calls that change a file, in order.
    """

    before: State
    after: State
    files: frozenset[str]
    calls: tuple[str, ...]


def in_this_process(arguments: Sequence[str]) -> tuple[int, str, str]:
    """Run a command here; returns its exit code and what it printed."""
    from rekall.cli.main import run

    out, err = io.TextIOWrapper(io.BytesIO(), "utf-8"), io.TextIOWrapper(io.BytesIO(), "utf-8")
    code: object = 0
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            run(list(arguments))
        except SystemExit as ended:
            code = ended.code
    out.flush(), err.flush()
    texts = [stream.buffer.getvalue().decode("utf-8", "replace") for stream in (out, err)]  # type: ignore[attr-defined]
    return code if isinstance(code, int) else int(code is not None), texts[0], texts[1]


def stage_of(state: State, reference: Reference, *, is_whole: bool) -> tuple[str, list[str]]:
    """How far a command has come, by what a home holds, and what of it is neither before nor after.

    Args:
        state: What it holds.
        reference: What it held, and would hold.
        is_whole: Whether the command does all or nothing.
    """
    hit = reference.after.changed_since(reference.before)
    problems, sides = [], set()
    for name in sorted(state.facts.keys() | reference.before.facts.keys() | reference.after.facts.keys()):
        found = state.facts.get(name)
        before, after = reference.before.facts.get(name), reference.after.facts.get(name)
        if name not in hit:
            if found != before and (is_whole or not name.startswith(GROWING)):
                problems.append(f"{name} was not touched by the command and is {_short(found)}, not {_short(before)}")
            continue
        is_before, is_after = found == before, _same_but_times(found, after)
        if is_before != is_after:
            sides.add(BEFORE if is_before else AFTER)
        elif not is_before:
            sides.add(BETWEEN)
            if is_whole or not name.startswith(GROWING):
                problems.append(f"{name} is {_short(found)}: neither {_short(before)} nor {_short(after)}")
    stage = BEFORE if not sides else sides.pop() if len(sides) == 1 else BETWEEN
    if is_whole and stage == BETWEEN and not problems:
        problems.append("some of the command was done and some was not")
    return (AFTER if not hit else stage), problems


def _firm(state: State, reference: Reference) -> str:
    """How far a command has come, but for what is still being embedded."""

    def firm(given: State) -> State:
        return State({name: fact for name, fact in given.facts.items() if not name.startswith(GROWING)})

    kept = Reference(firm(reference.before), firm(reference.after), reference.files, reference.calls)
    return stage_of(firm(state), kept, is_whole=False)[0]


def _same_but_times(found: Fact | None, wanted: Fact | None) -> bool:
    if found is None or wanted is None:
        return found is wanted
    return bool(found[0] == wanted[0])


def _short(fact: Fact | None) -> str:
    text = repr(fact)
    return text if len(text) < 160 else text[:157] + "..."


def judge(home: Path, operation: Operation, again: Sequence[str], reference: Reference, *, is_said: bool) -> list[str]:
    """What is wrong with a home; the first line is how far the command had come. Runs in a process of its own.

    Args:
        home: The folder.
        operation: What was stopped.
        again: The same command, to complete it with.
        reference: What there was, and should be.
        is_said: It had said that it was done.
    """
    problems: list[str] = []
    had_base = (home / "rekall.db").exists()
    code, out, err = in_this_process(["list", "--all", "--json"])
    if code or "Traceback" in err:
        return [BETWEEN, f"list ends with {code}: {out[-300:]}{err[-600:]}", *faults_of(home)]
    problems += faults_of(home)
    state = read_state(home)
    listed = sorted(entry["title"] for entry in json.loads(out)["entries"])
    if listed != state.titles():
        problems.append(f"list shows {len(listed)} entries and the base holds {len(state.titles())}")
    stage, wrong = stage_of(state, reference, is_whole=operation.is_whole)
    problems += wrong
    if is_said and _firm(state, reference) != AFTER:
        problems.append(f"it said that it was done, and the base is {stage}")
    if had_base and listed:
        problems += _finds(listed[0])
    if again:
        problems += _complete(home, operation, again, reference, stage)
    problems += _takes_another(home, listed)
    problems += _goes_back()
    left = files_of(home) - reference.files - {"rekall.db", LOOKUPS}
    problems += [f"left over: {name}" for name in sorted(left) if not _COPY.fullmatch(name)]
    problems += faults_of_copies(home, min(len(reference.before.titles()), len(reference.after.titles())))
    if operation.vanishing and (again or stage == AFTER):
        problems += [f"traces in {name}" for name in holds_bytes(home, operation.vanishing)]
    return [stage, *problems]


def _finds(title: str) -> list[str]:
    code, out, err = in_this_process(["search", f'"{title}"', "--json", "--limit", "3"])
    if code:
        return [f"search ends with {code}: {out[-300:]}{err[-600:]}"]
    found = [hit["title"] for hit in json.loads(out)["hits"]]
    return [] if title in found else [f"search for {title!r} finds {found}"]


def _complete(home: Path, operation: Operation, again: Sequence[str], reference: Reference, stage: str) -> list[str]:
    """Run the command again where it was not done, or where that does no harm."""
    if stage == AFTER and not operation.is_repeatable:
        return []
    code, out, err = in_this_process(again)
    if code:
        return [f"run again, it ends with {code}: {out[-300:]}{err[-600:]}"]
    found, wrong = stage_of(read_state(home), reference, is_whole=operation.is_whole)
    return wrong if found == AFTER else [f"run again, the base is {found}", *wrong]


def _takes_another(home: Path, listed: Sequence[str]) -> list[str]:
    title = "Written after the fault"
    code, out, err = in_this_process(["add", "til", title, "-c", "says afterword"])
    if code:
        return [f"add ends with {code}: {out[-300:]}{err[-600:]}"]
    code, out, err = in_this_process(["list", "--all", "--json"])
    now = {entry["title"] for entry in json.loads(out)["entries"]} if code == 0 else set()
    if not {title} <= now:
        return [f"what was added is not listed ({code})"]
    return []


def _goes_back() -> list[str]:
    """What was added last is undone, and everything that was done can be read."""
    code, out, err = in_this_process(["undo", "--yes"])
    if code or "removes Written after the fault" not in err:
        return [f"undo ends with {code}: {out[-300:]}{err[-600:]}"]
    code, out, err = in_this_process(["history", "--json"])
    if code:
        return [f"history ends with {code}: {out[-300:]}{err[-600:]}"]
    for entry_id in {each["id"] for each in json.loads(out)["operations"][2:4]} - {None}:
        code, out, err = in_this_process(["history", entry_id, "--json"])
        if code or not json.loads(out)["versions"]:
            return [f"history of {entry_id} ends with {code}: {out[-300:]}{err[-600:]}"]
    return []
