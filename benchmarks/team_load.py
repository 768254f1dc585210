"""Many people at once on a team's base: what they wait, what is refused, and whether all that was acknowledged is there.

    python benchmarks/team_load.py --at ADDRESS --home FOLDER [--size 20000] [--writers 10] [--readers 30] [--seconds 120] [--pause 2]

ADDRESS is a database that is there for this; FOLDER holds the base in a file that is copied there, and is filled with notes that
nobody wrote (`scale_notes`). Each person is a process with the model that ships and a connection of its own, and pauses for some
seconds, two on average, before each search, addition or change; `--pause 0` lets all of them do what they can. Clients and server
share this machine.
"""

from __future__ import annotations

import os

os.environ.update(OPENBLAS_NUM_THREADS="1", OMP_NUM_THREADS="1", TOKENIZERS_PARALLELISM="false")  # forty are many

import argparse
import contextlib
import itertools
import multiprocessing
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from multiprocessing.queues import Queue
from pathlib import Path

import numpy as np
from scale_base import fill
from scale_notes import batch_of
from scale_worker import shipped
from team import asking, copy, team_base

from rekall.entry.filters import Filters
from rekall.errors import RekallError
from rekall.knowledge_base import KnowledgeBase
from rekall.search.results import Mode
from rekall.store.postgres import open_store
from rekall.store.sqlite import SqliteStore


@dataclass
class Client:
    """What a person did.

    Attributes:
        took: Milliseconds of each deed, by what it was.
        stored: What the entries that were acknowledged must say, by id.
        errors: What was said instead of an answer.
    """

    took: dict[str, list[float]] = field(default_factory=dict)
    stored: dict[str, str] = field(default_factory=dict)
    errors: list[str] = field(default_factory=list)

    @contextlib.contextmanager
    def doing(self, what: str) -> Iterator[None]:
        """Time a deed, and keep what is refused."""
        began = time.perf_counter()
        try:
            yield
        except RekallError as error:
            self.errors.append(f"{what}: {error.message}")
        else:
            self.took.setdefault(what, []).append(1000 * (time.perf_counter() - began))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--at", required=True, help="the address of a database, as libpq takes it")
    parser.add_argument("--home", type=Path, required=True, help="where the base in a file is, or will be")
    parser.add_argument("--size", type=int, default=20_000, help="notes (20000)")
    parser.add_argument("--writers", type=int, default=10)
    parser.add_argument("--readers", type=int, default=30)
    parser.add_argument("--seconds", type=float, default=120.0)
    parser.add_argument("--pause", type=float, default=2.0, help="mean seconds between two deeds of a person (2)")
    options = parser.parse_args()
    fill(options.home, options.size, shipped())
    with team_base(options.at) as store:
        with contextlib.closing(SqliteStore(options.home / "rekall.db")) as source:
            copy(source, store)
        deadlocks = "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()"
        before = store.db.value(deadlocks)
        clients = run(options, f"{options.at} options='-csearch_path={store.db.schema}'")
        stored = {entry_id: said for client in clients for entry_id, said in client.stored.items()}
        there = store.entries.by_ids(stored)
        lost = sum(entry_id not in there or there[entry_id].content != said for entry_id, said in stored.items())
        report(options, clients, lost, store.db.value(deadlocks) - before)


def run(options: argparse.Namespace, where: str) -> list[Client]:
    """Let everybody work for a while. Returns what each did."""
    fork = multiprocessing.get_context("fork")
    notes = [note.entry for batch in range(max(1, options.size // 1000)) for note in batch_of(batch)]
    texts = [note.entry.content[:400] for note in batch_of(options.size // 1000)]
    answers: Queue[Client] = fork.Queue()
    ready = fork.Barrier(options.writers + options.readers)

    def work(number: int) -> None:
        chance = np.random.default_rng(number)
        client = Client()
        with contextlib.closing(open_store(where)) as store, asking(store, options.home) as base:
            base.search("the model is loaded", Filters(), Mode.HYBRID, 10)
            ready.wait()
            end = time.monotonic() + options.seconds
            for count in itertools.count():
                time.sleep(min(chance.exponential(options.pause), max(0.0, end - time.monotonic())))
                if time.monotonic() >= end:
                    break
                if number < options.writers:
                    write(base, client, number, count, str(chance.choice(texts)), chance)
                else:
                    note = notes[int(chance.integers(len(notes)))]
                    asked = note.title if count % 2 else " ".join(note.content.split()[5:11])
                    with client.doing("search"):
                        base.search(asked, Filters(), Mode.HYBRID, 10, literal=True)
        answers.put(client)

    people = [fork.Process(target=work, args=(number,)) for number in range(options.writers + options.readers)]
    for each in people:
        each.start()
    clients = [answers.get() for _ in people]
    for each in people:
        each.join()
    return clients


def write(base: KnowledgeBase, client: Client, number: int, count: int, text: str, chance: np.random.Generator) -> None:
    """Add an entry, or change one of those that this person added."""
    said = f"written by {number} as the {count}th: {text}".rstrip()
    if client.stored and chance.random() < 0.4:
        entry_id = str(chance.choice(sorted(client.stored)))
        with client.doing("change"):
            base.change(entry_id, content=said)
            client.stored[entry_id] = said
    else:
        with client.doing("add"):
            client.stored[base.add("til", f"Of {number}, the {count}th", content=said).entry.id] = said


def report(options: argparse.Namespace, clients: list[Client], lost: int, deadlocks: int) -> None:
    """Print the table, and what was lost or refused."""
    print(
        f"{options.writers} write and {options.readers} search for {options.seconds:.0f} s, over {options.size:,} notes,"
    )
    print(f"each after a pause of {options.pause:g} s on average\n")
    print("| deed | times | p50 ms | p95 | p99 | longest |\n|---|---|---|---|---|---|")
    for what in ("search", "add", "change"):
        took = sorted(each for client in clients for each in client.took.get(what, ()))
        if took:
            shown = " | ".join(f"{took[int(share * (len(took) - 1))]:,.0f}" for share in (0.5, 0.95, 0.99, 1.0))
            print(f"| {what} | {len(took):,} | {shown} |")
    errors = [error for client in clients for error in client.errors]
    stored = sum(len(client.stored) for client in clients)
    print(f"\n{stored:,} entries acknowledged, {lost} lost; {len(errors)} refused; {deadlocks} deadlocks on the server")
    for error in sorted(set(errors)):
        print(f"  {errors.count(error)} x {error}")


if __name__ == "__main__":
    main()
