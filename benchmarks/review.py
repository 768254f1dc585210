"""A year of reviews of a base of 2,000 notes, simulated: how many a day, and how soon what went out of date is asked about.

    .venv/bin/python benchmarks/review.py [--notes 2000] [--per-day 10] [--seeds 5] [--marked 3]

Notes go out of date by chance, each at a pace of its own around that of its type, and some need work before that. The order that
`rekall review` asks in is compared with two others that ask as many questions on each day: any note, and the one that was looked at
longest ago, which is what a fixed interval comes to. A person answers every question, and rightly.

With --marked a third of the notes bear a mark (they are about versions or files, or were never sure) and go out of date so many times as
fast as the others; a further order believes what is marked half as long from the beginning. With 1 the mark says nothing.
"""

from __future__ import annotations

import argparse
import math
import random
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta, timezone

from rekall.entry.types import EntryType
from rekall.knowledge import review_memory as memories
from rekall.knowledge.review_memory import Memory

START = datetime(2026, 1, 1, tzinfo=timezone.utc)
DAYS = 365
ADDED_A_DAY = 1
YEARS_OF_NOTES = 3
MEDIAN_YEARS = {
    EntryType.CONFIG: 2.5,
    EntryType.BUG: 2.5,
    EntryType.PITFALL: 3.0,
    EntryType.TIL: 4.0,
    EntryType.DECISION: 4.0,
    EntryType.PATTERN: 6.0,
    EntryType.REFERENCE: 6.0,
    EntryType.SNIPPET: 6.0,
}
"""After how long half of the notes of a type are out of date: a guess. What is compared holds for others as well, see --pace."""

WIDTH = 1.0
"""How far notes of one type lie apart: the deviation of the logarithm of their pace."""

WORK_SHARE = 0.5
"""How often a note needs work, in parts of how often one goes out of date."""

KINDS = (*[EntryType.TIL] * 4, *[EntryType.BUG] * 3, *EntryType)


@dataclass
class Note:
    """A note of the simulation.

    Attributes:
        entry_id: Its id.
        kind: Its type.
        written_on: The day it was written, 0 is the first of the year.
        outdated_on: The day it goes out of date.
        works_on: The days on which it comes to need work.
        seen_on: When it was looked at last.
        memory: What is known of it.
        due_on: The day it comes up.
        times: How often it was asked about.
    """

    entry_id: str
    kind: EntryType
    written_on: float
    outdated_on: float
    works_on: list[float]
    seen_on: float
    memory: Memory
    due_on: float
    times: int = 0


@dataclass
class Year:
    """What came of a year.

    Attributes:
        load: Questions on each day.
        waiting: Notes that were due at the end of each day, and not asked about.
        lags: Days from going out of date to being asked about, of what went out of date in the year.
        missed: How many of those were not asked about by the end.
        hits: Questions that found something to do.
        left: Notes that are out of date at the end, and nobody knows.
    """

    load: list[int] = field(default_factory=list)
    waiting: list[int] = field(default_factory=list)
    lags: list[float] = field(default_factory=list)
    missed: int = 0
    hits: int = 0
    left: int = 0


Order = Callable[[list[Note], int, random.Random], Sequence[Note]]
"""Which notes are asked about on a day, the first ones first."""


def on(day: float) -> datetime:
    """The moment of a day."""
    return START + timedelta(days=day)


MARKED_SHARE, BELIEVED = 1 / 3, 0.5
"""How many notes bear a mark, and how long such a one is believed by the order that looks at marks."""


def note(number: int, written_on: float, pace: float, chance: random.Random, marked: float, is_seeded: bool) -> Note:
    """A note with its fate, which a mark hastens; on the whole as many go out of date as without."""
    kind = chance.choice(KINDS)
    rate = math.log(2) / (MEDIAN_YEARS[kind] * 365 * pace) * math.exp(chance.gauss(0, WIDTH))
    entry_id = f"{number:06}{chance.getrandbits(64):016X}"
    memory = memories.first_memory(kind, on(written_on))
    if marked:
        is_marked = chance.random() < MARKED_SHARE
        rate *= (marked if is_marked else 1) / (MARKED_SHARE * marked + 1 - MARKED_SHARE)
        if is_marked and is_seeded:
            memory = replace(memory, stability=memory.stability * BELIEVED)
    due = (memories.first_due(entry_id, memory) - START) / timedelta(days=1)
    outdated_on = written_on + chance.expovariate(rate)
    works_on, day = [], written_on
    while day < DAYS:
        day += chance.expovariate(rate * WORK_SHARE)
        works_on.append(day)
    return Note(entry_id, kind, written_on, outdated_on, works_on, written_on, memory, due)


def as_rekall(notes: list[Note], day: int, chance: random.Random) -> Sequence[Note]:
    """What is due, the least likely to hold first."""
    due = [each for each in notes if each.due_on <= day]
    return sorted(due, key=lambda each: -each.memory.age(on(day)))


def at_random(notes: list[Note], day: int, chance: random.Random) -> Sequence[Note]:
    """Any note."""
    return chance.sample(notes, len(notes))


def longest_ago(notes: list[Note], day: int, chance: random.Random) -> Sequence[Note]:
    """The note that was looked at longest ago."""
    return sorted(notes, key=lambda each: each.seen_on)


def lived(
    start: Sequence[Note], later: Sequence[Note], order: Order, loads: Iterator[int], chance: random.Random
) -> Year:
    """A year in which so many questions are asked a day at most."""
    year = Year()
    notes = list(start)
    coming = sorted(later, key=lambda each: each.written_on)
    for day in range(DAYS):
        while coming and coming[0].written_on <= day:
            notes.append(coming.pop(0))
        most = next(loads)
        asked = list(order(notes, day, chance)[:most])
        year.load.append(len(asked))
        gone = set()
        for each in asked:
            if each.outdated_on <= day:
                year.hits += 1
                gone.add(each.entry_id)
                if each.outdated_on >= 0:
                    year.lags.append(day - each.outdated_on)
                continue
            needs = [when for when in each.works_on if each.seen_on < when <= day]
            year.hits += bool(needs)
            each.memory = memories.after(each.memory, on(day), held=not needs)
            each.seen_on, each.times = day, each.times + 1
            each.due_on = (memories.next_due(each.entry_id, each.times, each.memory) - START) / timedelta(days=1)
        notes = [each for each in notes if each.entry_id not in gone]
        year.waiting.append(sum(each.due_on <= day for each in notes))
    year.missed = sum(0 <= each.outdated_on < DAYS for each in notes)
    year.left = sum(each.outdated_on < DAYS for each in notes)
    return year


def world(
    count: int, pace: float, seed: int, *, at_once: bool = False, marked: float = 0, is_seeded: bool = False
) -> tuple[list[Note], list[Note]]:
    """The notes there are, and those that are written in the year."""
    chance = random.Random(seed)  # noqa: S311
    span = 0.0 if at_once else YEARS_OF_NOTES * 365
    there = [note(number, -chance.uniform(0, span), pace, chance, marked, is_seeded) for number in range(count)]
    later = [
        note(count + number, chance.uniform(0, DAYS), pace, chance, marked, is_seeded)
        for number in range(ADDED_A_DAY * DAYS)
    ]
    return there, later


def told(name: str, years: Sequence[Year]) -> None:
    """A line of figures."""
    load = [each for year in years for each in year.load]
    went = sum(len(year.lags) + year.missed for year in years)

    def within(days: int) -> str:
        return f"{sum(lag <= days for year in years for lag in year.lags) / max(went, 1):4.0%}"

    print(
        f"{name:<22} {statistics.mean(load):5.1f} {sorted(load)[int(len(load) * 0.95)]:4} {max(load):4}"
        f"  {within(30)} {within(90)} {within(180)}"
        f"  {sum(year.hits for year in years) / max(sum(load), 1):4.0%}"
        f"  {statistics.mean(year.left for year in years):6.0f}  {max(year.waiting[-1] for year in years):6}"
    )


def main() -> None:
    """Print what came of each order."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--notes", type=int, default=2000)
    parser.add_argument("--per-day", type=int, default=10)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--pace", type=float, default=1.0, help="How much longer notes hold than is guessed.")
    parser.add_argument("--at-once", action="store_true", help="All notes came with one import, on the first day.")
    parser.add_argument(
        "--marked", type=float, default=0, help="How many times as fast a marked note goes out of date."
    )
    options = parser.parse_args()
    orders = {"rekall review": as_rekall, "any note": at_random, "longest ago": longest_ago}
    if options.marked:
        orders["by marks, too"] = as_rekall
    print(f"{options.notes} notes, at most {options.per_day} a day, {options.seeds} years each; pace {options.pace:g}")
    print(f"{'':<22}  load a day      caught within         to do  unseen  waiting")
    print(f"{'':<22}  mean  p95  max   30 d  90 d 180 d        at the end")
    begun = time.process_time()
    by_order: dict[str, list[Year]] = {}
    for seed in range(options.seeds):
        loads: list[int] = [options.per_day] * DAYS
        for name, order in orders.items():
            is_seeded = name == "by marks, too"
            there, later = world(
                options.notes, options.pace, seed, at_once=options.at_once, marked=options.marked, is_seeded=is_seeded
            )
            year = lived(there, later, order, iter(loads), random.Random(seed))  # noqa: S311
            by_order.setdefault(name, []).append(year)
            if name == "rekall review":
                loads = year.load
    for name, years in by_order.items():
        told(name, years)
    print(f"{time.process_time() - begun:.0f} s of CPU")


if __name__ == "__main__":
    main()
