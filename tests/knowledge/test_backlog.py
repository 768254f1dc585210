"""One process embeds for all: who has the work, who takes it over, and that nothing is embedded twice."""

from __future__ import annotations

import itertools
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest
from support import CHECKOUT
from support.bases import TUNING, Bench, ask, make_bench
from support.fakes import FakeEncoder, FakeLoader, FakeProcesses
from support.systems import WINDOWS

from rekall import backlog
from rekall.claims import LEASE_S
from rekall.embedder import Embedded, Embedder
from rekall.entry.fields import Draft
from rekall.entry.times import written
from rekall.entry.types import EntryType
from rekall.errors import EngineError, StorageError
from rekall.models.vectors import Matrix
from rekall.search.results import Mode
from rekall.store.sqlite import SqliteStore
from rekall.system.clock import Clock
from rekall.system.processes import Processes
from rekall.wiring import Rooms, build

BATCH = 4
NOW = written(datetime.now(timezone.utc))
NO_ENGINE = EngineError("no engine")


class WatchedEncoder(FakeEncoder):
    """Calls `before_batch` with the number of each batch, from 1 on, before it encodes documents."""

    def __init__(self) -> None:
        super().__init__()
        self.batches = 0
        self.before_batch: Callable[[int], object] = lambda number: None

    def encode_documents(self, texts: Sequence[str]) -> Matrix:
        self.batches += 1
        self.before_batch(self.batches)
        return super().encode_documents(texts)


@pytest.fixture(autouse=True)
def small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backlog, "EMBED_BATCH", BATCH)
    monkeypatch.setattr(backlog, "MOST_BATCH", BATCH)
    monkeypatch.setattr(backlog, "FEW_PASSAGES", 3 * BATCH)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "base.db"


@pytest.fixture
def machine() -> set[int]:
    """The processes that run."""
    return {1, 2, 3}


@pytest.fixture
def opened(path: Path, machine: set[int]) -> Iterator[Callable[..., Bench]]:
    """Opens the base as the process of a number, of this machine or another."""
    with ExitStack() as stack:

        def open_as(pid: int, host: str = "here") -> Bench:
            made = make_bench(path, loader=FakeLoader(WatchedEncoder()), processes=FakeProcesses(pid, host, machine))
            stack.callback(made.base.close)
            return made

        yield open_as


@pytest.fixture
def bench(opened: Callable[..., Bench]) -> Bench:
    """Twenty notes without a vector, in process 1."""
    made = opened(1)
    store_unembedded(made, 20)
    return made


@pytest.fixture
def second(bench: Bench, opened: Callable[..., Bench]) -> Bench:
    """The same base in process 2."""
    return opened(2)


def store_unembedded(bench: Bench, count: int, name: str = "note") -> list[int]:
    """Store notes of one passage each, every one a second after the one before. Returns their keys."""
    keys = []
    problem, bench.loader.problem = bench.loader.problem, NO_ENGINE
    bench.manager.close()
    for number in range(count):
        bench.clock.elapsed_s += 1
        entry = bench.base.add(Draft(EntryType.TIL, f"{name} {number}")).entry
        key = bench.store.entries.key_of(entry.id)
        assert key is not None
        keys.append(key)
    bench.loader.problem = problem
    return keys


def oldest(bench: Bench) -> str:
    return bench.store.entries.ids_in_order()[0]


def watched(bench: Bench) -> WatchedEncoder:
    assert isinstance(bench.loader.encoder, WatchedEncoder)
    return bench.loader.encoder


def names(bench: Bench) -> list[str]:
    """The titles that were embedded, in order."""
    return [text.strip() for text in bench.loader.encoder.encoded]


def held(bench: Bench) -> list[str]:
    return [lease.name for lease in bench.store.leases.under("")]


class Gone(BaseException):
    """Ends a process of the test."""


def vanish_at(batch: int) -> Callable[[int], None]:
    """Ends the process that embeds before it has embedded a batch."""

    def vanish(number: int) -> None:
        if number == batch:
            raise Gone

    return vanish


def killed(bench: Bench) -> None:
    """Embed until the process is ended in such a way that it releases nothing."""
    give_up = bench.store.leases.release
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(bench.store.leases, "release", lambda holder, under="": give_up(holder, under) if under else None)
        with pytest.raises(Gone):
            bench.embeddings.embed_pending()


def pending(bench: Bench) -> int:
    return bench.store.passages.pending_counts(bench.store.vectors.active_space())[0]


# who is at it


def test_who_comes_while_another_embeds_returns_at_once_and_says_who_it_is(bench, second):
    seen: list[Embedded] = []
    watched(bench).before_batch = lambda number: seen.append(second.embeddings.embed_pending())
    assert bench.embeddings.embed_pending() == Embedded(20, 0, None)
    assert seen == [Embedded(0, 20 - done, Embedder(1, "", done, 20)) for done in range(0, 20, BATCH)]
    assert (second.loader.loads, len(names(bench)), len(set(names(bench)))) == (0, 20, 20)
    assert held(bench) == []
    assert second.embeddings.embed_pending() == Embedded(0, 0, None)


def test_what_was_changed_last_is_embedded_first(bench):
    first = bench.base.get(oldest(bench)).entry
    bench.loader.problem = NO_ENGINE
    bench.clock.elapsed_s += 1
    bench.base.edit(first, Draft(EntryType.TIL, "changed"))
    bench.loader.problem = None
    bench.embeddings.embed_pending()
    assert names(bench) == ["changed", *(f"note {number}" for number in range(19, 0, -1))]


def test_who_embeds_goes_on_with_what_others_store_meanwhile_first_with_that(bench, second):
    told: list[tuple[int, int]] = []
    watched(bench).before_batch = lambda number: store_unembedded(second, 6, "later") if number == 2 else None
    second.clock.elapsed_s = 1000
    done = bench.embeddings.embed_imported((), lambda done, total: told.append((done, total)))
    assert done == Embedded(26, 0, None)
    assert names(bench)[2 * BATCH : 2 * BATCH + 6] == [f"later {number}" for number in range(5, -1, -1)]
    assert (told[0], told[-1]) == ((0, 20), (26, 26))
    assert told == sorted(told)


def test_what_there_is_to_do_is_counted_again_now_and_then(bench, second):
    told: list[tuple[int, int]] = []

    def later(number: int) -> None:
        bench.clock.elapsed_s += backlog.RECOUNT_S
        if number == 1:
            store_unembedded(second, 6, "later")

    watched(bench).before_batch = later
    bench.embeddings.embed_pending(lambda done, total: told.append((done, total)))
    assert told[:2] == [(0, 20), (BATCH, 26)]


def test_a_batch_grows_while_the_model_is_quick_and_no_longer(bench, monkeypatch):
    took_s = iter([0.0, backlog.QUICK_S / 2, backlog.QUICK_S, 0.0, 0.0, 0.0])
    monkeypatch.setattr(backlog, "EMBED_BATCH", 1)
    monkeypatch.setattr(backlog, "MOST_BATCH", 5)

    def pass_time(number: int) -> None:
        bench.clock.elapsed_s += next(took_s)

    watched(bench).before_batch = pass_time
    told = [0]
    bench.embeddings.embed_pending(lambda done, total: told.append(done))
    sizes = [after - before for before, after in itertools.pairwise(told) if after > before]
    assert sizes == [1, 2, 4, 4, 5, 4]


def test_a_lease_is_renewed_with_every_batch(bench, second):
    """Without that it would run out in the middle of long work."""
    refused = []

    def slow(number: int) -> None:
        for each in (bench, second):
            each.clock.elapsed_s += LEASE_S - 1
        refused.append(second.embeddings.embed_pending().holder)

    second.clock.elapsed_s = bench.clock.elapsed_s
    watched(bench).before_batch = slow
    assert bench.embeddings.embed_pending().done == 20
    assert [each.pid for each in refused] == [1] * 5


@pytest.mark.parametrize(
    ("since_s", "host", "runs", "is_free"),
    [
        (LEASE_S, "here", True, False),
        (LEASE_S + 1, "here", True, True),
        (0, "here", False, True),
        (0, "there", False, False),
        (LEASE_S + 1, "there", False, True),
        (-LEASE_S - 1, "there", False, True),
        (-LEASE_S, "here", True, False),
    ],
)
def test_a_lease_is_free_when_its_process_is_gone_or_nothing_was_heard_of_it_for_long(
    opened, bench, machine, since_s, host, runs, is_free
):
    other = opened(3, host)

    watched(other).before_batch = vanish_at(1)
    killed(other)
    assert len(held(bench)) == 2
    if not runs:
        machine.discard(3)
    bench.clock.elapsed_s = other.clock.elapsed_s + since_s
    found = bench.embeddings.embedder()
    assert found == (None if is_free else Embedder(3, "" if host == "here" else "there", 0, 20))
    assert bench.embeddings.embed_pending() == Embedded(20 if is_free else 0, 0 if is_free else 20, found)
    assert len(names(bench)) == (20 if is_free else 0)
    assert (held(bench) == []) == is_free


def test_who_stood_still_so_long_that_another_took_over_stops_when_it_wakes(bench, second):
    def stand_still(number: int) -> None:
        if number == 2:
            bench.clock.elapsed_s = second.clock.elapsed_s = bench.clock.elapsed_s + LEASE_S + 1
            watched(second).before_batch = vanish_at(3)
            killed(second)

    watched(bench).before_batch = stand_still
    got = bench.embeddings.embed_pending()
    assert names(bench) == [f"note {number}" for number in range(19, 11, -1)]
    assert names(second) == [f"note {number}" for number in range(15, 7, -1)]
    assert got == Embedded(2 * BATCH, 20 - 3 * BATCH, Embedder(2, "", 2 * BATCH, 16))
    assert [lease.pid for lease in second.store.leases.under("")] == [2, 2]


@pytest.mark.parametrize("problem", [KeyboardInterrupt(), EngineError("broke"), RuntimeError("a defect")])
def test_an_interruption_gives_the_work_back_and_says_how_far_it_came(bench, second, problem):
    def stop(number: int) -> None:
        if number >= 3:
            raise problem

    watched(bench).before_batch = stop
    with pytest.raises(type(problem)):
        bench.embeddings.embed_pending()
    assert held(bench) == []
    assert bench.base.index.how_far() == (
        "8 of 20 passages embedded; it goes on with the next import or `rekall index rebuild`"
    )
    assert second.embeddings.embed_pending() == Embedded(12, 0, None)
    assert sorted(names(bench) + names(second)) == sorted(f"note {number}" for number in range(20))


def test_a_model_that_cannot_be_loaded_keeps_nobody_else_from_it(bench, second):
    bench.loader.problem = NO_ENGINE
    with pytest.raises(EngineError):
        bench.embeddings.embed_pending()
    assert held(bench) == []
    assert second.embeddings.embed_pending().done == 20


def test_another_space_is_other_work(bench, second):
    """`rekall model use` may go on while an import embeds for the space in use."""
    bench.embeddings.embed_pending()
    for each in (bench, second):
        each.loader.others["other"] = WatchedEncoder()
        each.loader.others["other"].fingerprint = "other"
    both = []

    def meanwhile(number: int) -> None:
        if number == 2:
            keys = store_unembedded(bench, 20, "more")
            both.append((bench.embeddings.embedder(), bench.embeddings.embed_imported(keys)))

    other = second.loader.others["other"]
    assert isinstance(other, WatchedEncoder)
    other.before_batch = meanwhile
    switch = second.base.index.use_model("other")
    assert both == [(None, Embedded(20, 0, None))]
    assert (switch.is_active, switch.embedded) == (True, 40)
    assert len(other.encoded) == len(set(other.encoded)) == 40


# a small import beside


def test_a_small_import_embeds_its_own_while_another_is_at_the_backlog(bench, second):
    got: list[Embedded] = []
    told: list[tuple[int, int]] = []

    def small(number: int) -> None:
        if number == 2:
            keys = store_unembedded(second, 6, "own")
            got.append(second.embeddings.embed_imported(keys, lambda done, total: told.append((done, total))))

    watched(bench).before_batch = small
    second.clock.elapsed_s = 1000
    bench.clock.elapsed_s = 1000
    assert bench.embeddings.embed_pending() == Embedded(20, 0, None)
    assert got == [Embedded(6, 20 - BATCH, Embedder(1, "", BATCH, 20))]
    assert names(second) == [f"own {number}" for number in range(5, -1, -1)]
    assert (told[-1], told == sorted(told)) == ((6, 6), True)
    assert sorted(names(bench)) == sorted(f"note {number}" for number in range(20))


def test_a_large_import_leaves_its_own_to_who_is_at_the_backlog(bench, second):
    got: list[Embedded] = []

    def large(number: int) -> None:
        if number == 2:
            got.append(second.embeddings.embed_imported(store_unembedded(second, backlog.FEW_PASSAGES + 1, "own")))

    watched(bench).before_batch = large
    second.clock.elapsed_s = bench.clock.elapsed_s = 1000
    total = 20 + backlog.FEW_PASSAGES + 1
    assert bench.embeddings.embed_pending() == Embedded(total, 0, None)
    assert got == [Embedded(0, total - BATCH, Embedder(1, "", BATCH, 20))]
    assert names(second) == []
    assert len(names(bench)) == len(set(names(bench))) == total


def test_what_another_has_in_hand_is_left_to_it(bench, second):
    """The batch that is being embedded holds the very entries of the small import."""
    keys = [key for key, _ in bench.store.entries.stream()]
    got: list[Embedded] = []

    def small(number: int) -> None:
        if number == 1:
            got.append(second.embeddings.embed_imported(keys[-6:]))

    watched(bench).before_batch = small
    assert bench.embeddings.embed_pending().done == 18
    assert got == [Embedded(2, 18, Embedder(1, "", 0, 20))]
    assert len({*names(bench), *names(second)}) == len(names(bench) + names(second)) == 20


def test_what_a_small_import_has_in_hand_is_left_to_it_and_said(bench, second):
    keys = [key for key, _ in bench.store.entries.stream()]
    seen = []

    def meanwhile(number: int) -> None:
        if number == 1:
            seen.append(bench.embeddings.embedder())
            seen.append(bench.embeddings.embed_pending())

    watched(second).before_batch = meanwhile
    second.embeddings.embed_imported(keys[:3])
    assert seen == [Embedder(2, "", 0, 3), Embedded(17, 3, Embedder(2, "", 0, 3))]
    assert len({*names(bench), *names(second)}) == len(names(bench) + names(second)) == 20


def test_an_import_embeds_its_own_before_the_backlog_and_then_the_backlog(bench):
    keys = [key for key, _ in bench.store.entries.stream()]
    told: list[tuple[int, int]] = []
    done = bench.embeddings.embed_imported(keys[3:6], lambda done, total: told.append((done, total)))
    assert done == Embedded(20, 0, None)
    assert names(bench)[:4] == ["note 5", "note 4", "note 3", "note 19"]
    assert (told[0], told[-1]) == ((3, 20), (20, 20))
    assert told == sorted(told)


def test_what_a_dead_process_had_in_hand_is_embedded_by_the_next(bench, second, machine):
    watched(second).before_batch = vanish_at(1)
    killed(second)
    assert len(held(bench)) == 2
    machine.discard(2)
    assert bench.embeddings.embed_pending().done == 20
    assert held(bench) == []


def test_a_space_dropped_meanwhile_ends_the_work_and_leaves_no_lease(bench, second):
    bench.embeddings.embed_pending()
    other = WatchedEncoder()
    other.fingerprint = "other"
    bench.loader.others["other"] = other
    other.before_batch = lambda number: second.base.index.prune(unfinished=True) if number == 2 else None
    with pytest.raises(StorageError, match="pruned"):
        bench.base.index.use_model("other")
    assert held(bench) == []


@pytest.mark.parametrize(
    "damage",
    ["renewed_at = 'yesterday'", "pid = -1", "pid = 9223372036854775807", "name = name || ' x,-1'", "host = ''"],
)
def test_a_damaged_lease_stops_nobody_for_longer_than_another(path, bench, damage):
    watched(bench).before_batch = vanish_at(1)
    killed(bench)
    bench.store.db.run(f"UPDATE lease SET pid = {os.getpid()}, host = ?, renewed_at = ?", (Processes().host(), NOW))
    bench.store.db.run(f"UPDATE lease SET {damage}")
    rooms = real(path)
    assert "vector" in rooms.base.search("note 1").mode.reason
    done = rooms.embeddings.embed_pending()
    assert (done.done == 20) == (done.holder is None)
    bench.store.db.run("UPDATE lease SET renewed_at = '2026-01-01T00:00:00Z'")
    assert rooms.embeddings.embed_pending().left == 0
    rooms.base.close()


# what people are told


WHO = "process 1 is embedding, 4 of 20 passages done"


def while_embedding(bench: Bench, look: Callable[[], None]) -> None:
    """Look at the base while process 1 embeds its second batch."""
    looked = []
    watched(bench).before_batch = lambda number: looked.append(look()) if number == 2 else None
    bench.embeddings.embed_pending()
    assert len(looked) == 1


def test_a_search_says_who_embeds_and_gives_no_command(bench, second):
    def look() -> None:
        reason = ask(second, "note 1").mode.reason
        assert reason == f"16 entries have no vector yet and can be found only by words; {WHO}"
        assert ask(second, "note 1", Mode.MEANING).mode.reason == reason

    while_embedding(bench, look)
    assert ask(second, "note 1").mode.reason == ""


def test_a_search_names_the_command_when_nobody_embeds(bench, second):
    watched(bench).before_batch = vanish_at(2)
    with pytest.raises(Gone):
        bench.embeddings.embed_pending()
    assert ask(second, "note 1").mode.reason.endswith("by words; run `rekall index rebuild --vectors`")


def test_every_other_answer_says_it_too(bench, second):
    entry_id = oldest(bench)

    def look() -> None:
        status = second.base.index.status()
        assert status.embedder == second.base.stats().embedder == Embedder(1, "", 4, 20)
        assert second.base.index.advice() == WHO
        with pytest.raises(EngineError) as refused:
            second.base.similar(entry_id)
        assert refused.value.hint == WHO
        second.loader.problem = NO_ENGINE
        second.manager.close()
        assert second.base.add(Draft(EntryType.TIL, "new")).hint == WHO
        second.loader.problem = None

    while_embedding(bench, look)
    assert second.base.index.status().embedder is second.base.stats().embedder is None


def test_a_rebuild_beside_another_leaves_it_the_work(bench, second):
    def look() -> None:
        assert second.base.index.rebuild_vectors() == Embedded(0, 16, Embedder(1, "", 4, 20))

    while_embedding(bench, look)
    assert names(second) == []
    assert len(names(bench)) == len(set(names(bench))) == 20


def test_somebody_on_another_machine_is_named_with_it():
    assert Embedder(4711, "laptop", 4617, 5497).text == (
        "process 4711 on laptop is embedding, 4,617 of 5,497 passages done"
    )


# real processes

CHILD = """
import json, sys
from pathlib import Path
from rekall import backlog
from rekall.wiring import build
from rekall.store.sqlite import SqliteStore
from rekall.system.clock import Clock
from support.bases import TUNING
from support.fakes import FakeEncoder, FakeLoader

path, log, is_gated = Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3] == "gated"
backlog.EMBED_BATCH = backlog.MOST_BATCH = 4
backlog.FEW_PASSAGES = 12

class Logging(FakeEncoder):
    def encode_documents(self, texts):
        if is_gated:
            print("batch", flush=True)
            sys.stdin.readline()
        with log.open("a") as file:
            file.write("".join(text.strip() + chr(10) for text in texts))
        return super().encode_documents(texts)

rooms = build(SqliteStore(path), FakeLoader(Logging()), TUNING, Clock())
print("ready", flush=True)
keys = json.loads(sys.stdin.readline())
left = 1
while left:
    left = rooms.embeddings.embed_imported(keys).left
rooms.base.close()
"""


@pytest.fixture
def start(path: Path, tmp_path: Path) -> Iterator[Callable[[str], subprocess.Popen[str]]]:
    """Starts a process that embeds until nothing is left, and writes what it embeds into a file of the test's folder."""
    started: list[subprocess.Popen[str]] = []

    def begin(pace: str) -> subprocess.Popen[str]:
        child = subprocess.Popen(
            [sys.executable, "-c", CHILD, str(path), str(tmp_path / "embedded"), pace],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": os.pathsep.join([str(CHECKOUT), str(CHECKOUT / "tests")])},
        )
        started.append(child)
        assert said(child) == "ready"
        return child

    yield begin
    for child in started:
        child.kill()
        child.communicate()


def said(child: subprocess.Popen[str]) -> str:
    assert child.stdout is not None
    return child.stdout.readline().strip()


def tell(child: subprocess.Popen[str], line: object = "go") -> None:
    assert child.stdin is not None
    child.stdin.write(f"{line}\n")
    child.stdin.flush()


def real(path: Path) -> Rooms:
    """The base as this process has it, with the real clock and the real processes."""
    return build(SqliteStore(path), FakeLoader(), TUNING, Clock())


def embedded(tmp_path: Path) -> list[str]:
    return (tmp_path / "embedded").read_text().splitlines()


def test_of_processes_that_embed_at_once_none_embeds_what_another_does(path, tmp_path, start):
    bench = make_bench(path)
    store_unembedded(bench, 120)
    keys = [key for key, _ in bench.store.entries.stream()]
    children = [start("free") for _ in range(3)]
    for child, own in zip(children, (keys[:10], keys[-10:], [])):
        tell(child, json.dumps(own))
    assert [child.wait(120) for child in children] == [0, 0, 0]
    assert sorted(embedded(tmp_path)) == sorted(f"note {number}" for number in range(120))
    assert (pending(bench), held(bench)) == (0, [])
    bench.base.close()


def test_a_killed_process_holds_nothing_and_the_next_one_finishes(path, tmp_path, start):
    bench = make_bench(path)
    store_unembedded(bench, 30)
    bench.base.close()
    child = start("gated")
    tell(child, "[]")
    for _ in range(2):
        assert said(child) == "batch"
        tell(child)
    assert said(child) == "batch"  # the third one, in hand
    rooms = real(path)
    assert rooms.embeddings.embed_pending() == Embedded(0, 22, Embedder(child.pid, "", 8, 30))
    assert rooms.base.index.advice() == f"process {child.pid} is embedding, 8 of 30 passages done"
    child.kill()
    if WINDOWS:
        child.wait()
    else:
        os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)  # dead, and nobody has looked yet
    assert rooms.embeddings.embedder() is None
    assert rooms.base.index.advice() == "run `rekall index rebuild --vectors`"
    assert rooms.embeddings.embed_pending() == Embedded(22, 0, None)
    assert rooms.store.leases.under("") == []
    again = start("free")
    tell(again, "[]")
    assert again.wait(120) == 0
    assert len(embedded(tmp_path)) == 8
    rooms.base.close()


def test_a_process_runs_until_it_has_ended_and_is_not_the_one_that_has_its_number_next():
    processes = Processes()
    now = datetime.now(timezone.utc)
    assert processes.is_running(processes.this(), now)
    assert not processes.is_running(processes.this(), now - timedelta(days=1))  # an earlier one had the number
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    assert processes.is_running(child.pid, now)
    child.communicate(b"\n")
    assert not processes.is_running(child.pid, now)
    assert processes.host() == Processes().host() != ""


def test_a_few_entries_are_embedded_and_what_waits_beside_them_waits_on(bench: Bench) -> None:
    keys = [key for key, _ in bench.store.entries.stream()]
    came = [bench.store.entries.one(key).id for key in keys[3:6]]
    done = bench.base.index.embed_entries(came)
    assert (done.done, done.left, done.holder) == (3, 17, None)
    assert bench.base.index.embed_entries(came).done == 0
    many = [bench.store.entries.one(key).id for key in keys]
    assert bench.base.index.embed_entries(many).left == 0
