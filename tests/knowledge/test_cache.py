import contextlib
import importlib.util
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support import Bench, FakeClock, FakeEncoder, FakeLoader, in_threads, make_bench
from support.depth import tries

from rekall.app import App
from rekall.cache import EmbeddingCache, EntryVectors
from rekall.entry.fields import Draft, Entry
from rekall.entry.types import EntryType
from rekall.errors import EngineError
from rekall.knowledge_base import KnowledgeBase
from rekall.models.vectors import Matrix, unit_rows
from rekall.questions import MOST_KEPT as QUESTIONS
from rekall.search.results import Mode
from rekall.store.sqlite import SqliteStore
from rekall.store.vectors import NumpyIndex
from rekall.wiring import Tuning, build


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def cache(clock: FakeClock) -> EmbeddingCache:
    return EmbeddingCache(3, 60, clock)


def vectors(number: float = 0.0) -> EntryVectors:
    return EntryVectors((0,), np.full((1, 4), number, dtype=np.float32))


ONE, TWO = vectors(1), vectors(2)


def put(cache: EmbeddingCache, *keys: int, value: EntryVectors = ONE) -> None:
    for key in keys:
        cache.put(key, value, cache.follow("state"))


def test_what_was_put_is_there(cache):
    put(cache, 1)
    assert cache.get(1) is ONE


def test_what_was_never_put_is_none(cache):
    put(cache, 1)
    assert cache.get(2) is None


def test_putting_again_replaces(cache):
    put(cache, 1, value=ONE)
    put(cache, 1, value=TWO)
    assert cache.get(1) is TWO
    assert len(cache) == 1


def test_the_least_recently_used_makes_room(cache):
    put(cache, 1, 2, 3)
    cache.get(1)
    put(cache, 4)
    assert cache.get_entry_ids() == [3, 1, 4]
    assert cache.get(2) is None


def test_asking_for_many_uses_each(cache):
    put(cache, 1, 2, 3)
    assert set(cache.get_many([2, 1, 9], cache.follow("state"))) == {2, 1}
    assert cache.get_entry_ids() == [3, 2, 1]
    put(cache, 4)
    assert cache.get(3) is None


def test_putting_again_counts_as_use(cache):
    put(cache, 1, 2, 3, 1, 4)
    assert cache.get(2) is None
    assert cache.get(1) is ONE


def test_looking_at_all_is_no_use(cache):
    put(cache, 1, 2, 3)
    assert cache.get_entry_ids() == list(cache.get_all_vectors()) == [1, 2, 3]
    put(cache, 4)
    assert cache.get_entry_ids() == [2, 3, 4]


def test_a_size_of_zero_keeps_nothing(clock):
    cache = EmbeddingCache(0, 60, clock)
    put(cache, 1)
    assert cache.get(1) is None
    assert len(cache) == 0
    assert cache.get_entry_ids() == []
    assert cache.get_all_vectors() == {}


def test_vectors_last_for_their_time_and_no_longer(cache, clock):
    put(cache, 1)
    clock.elapsed_s += 60
    assert cache.get(1) is ONE
    clock.elapsed_s += 0.5
    assert cache.get_entry_ids() == []
    assert cache.get_all_vectors() == {}
    assert cache.get(1) is None
    assert len(cache) == 0


def test_use_does_not_prolong_the_time(cache, clock):
    put(cache, 1)
    for _ in range(4):
        clock.elapsed_s += 20
        last = cache.get(1)
    assert last is None


def test_putting_again_begins_a_new_time(cache, clock):
    put(cache, 1)
    clock.elapsed_s += 50
    put(cache, 1)
    clock.elapsed_s += 50
    assert cache.get(1) is ONE


def test_what_is_past_its_time_is_not_given_among_many(cache, clock):
    put(cache, 1)
    clock.elapsed_s += 50
    put(cache, 2)
    clock.elapsed_s += 50
    assert cache.get_many([1, 2], cache.follow("state")) == {2: ONE}


def test_one_entry_is_forgotten_and_the_others_stay(cache):
    put(cache, 1, 2, 3)
    cache.invalidate(2)
    assert cache.get_entry_ids() == [1, 3]
    cache.invalidate(9)
    assert cache.get_all_vectors() == {1: ONE, 3: ONE}


def test_all_are_forgotten(cache):
    put(cache, 1, 2)
    cache.invalidate()
    assert cache.get(1) is None
    assert len(cache) == 0


def test_what_is_given_out_is_a_copy(cache):
    put(cache, 1)
    cache.get_all_vectors().clear()
    cache.get_entry_ids().clear()
    assert cache.get(1) is ONE


def test_another_state_of_the_base_forgets_everything(cache):
    put(cache, 1, 2)
    first = cache.follow("state")
    assert cache.follow("state") == first
    assert len(cache) == 2
    assert cache.follow("other") != first
    assert len(cache) == 0


@pytest.mark.parametrize("key", [1, 2, None])
def test_vectors_that_were_read_before_a_write_are_not_kept_after_it(cache, key):
    read_in = cache.follow("state")
    cache.invalidate(key)
    cache.put(1, ONE, read_in)
    assert cache.get(1) is None
    cache.put(1, TWO, cache.follow("state"))
    assert cache.get(1) is TWO


def test_vectors_that_were_read_in_another_state_are_neither_kept_nor_given(cache):
    read_in = cache.follow("state")
    now = cache.follow("other")
    cache.put(1, TWO, now)
    cache.put(2, ONE, read_in)
    assert cache.get_many([1, 2], read_in) == {}
    assert cache.get_many([1, 2], now) == {1: TWO}


def test_going_back_to_a_state_brings_nothing_back(cache):
    first = cache.follow("state")
    cache.put(1, ONE, first)
    cache.follow("other")
    assert cache.follow("state") != first
    assert cache.get(1) is None


STEPS = st.one_of(
    st.tuples(st.just("put"), st.integers(0, 6)),
    st.tuples(st.just("put"), st.integers(0, 6)),
    st.tuples(st.just("get"), st.integers(0, 6)),
    st.tuples(st.just("wait"), st.integers(0, 30)),
    st.tuples(st.just("write"), st.integers(0, 6)),
    st.tuples(st.just("read"), st.none()),
    st.tuples(st.just("forget"), st.none()),
    st.tuples(st.just("state"), st.integers(0, 2)),
)


@settings(deadline=None, max_examples=tries(300))
@given(max_size=st.integers(0, 5), ttl_s=st.integers(0, 60), steps=st.lists(STEPS, max_size=40))
def test_never_more_than_its_size_never_stale_never_wrong(max_size, ttl_s, steps):
    clock = FakeClock()
    cache = EmbeddingCache(max_size, ttl_s, clock)
    truth: dict[int, tuple[float, EntryVectors]] = {}
    used: list[int] = []
    state, read_in, is_current = 0, cache.follow(0), True
    for kind, number in steps:
        if kind == "put":
            made = vectors(len(truth))
            cache.put(number, made, read_in)
            if is_current:
                truth[number] = (clock.elapsed_s, made)
                used = [one for one in used if one != number] + [number]
                used = used[max(len(used) - max_size, 0) :]
        elif kind == "get":
            fresh = number in used and clock.elapsed_s - truth[number][0] <= ttl_s
            assert cache.get(number) is (truth[number][1] if fresh else None)
            used = [one for one in used if one != number] + [number] * fresh
        elif kind == "wait":
            clock.elapsed_s += number
        elif kind == "write":
            cache.invalidate(number)
            used, is_current = [one for one in used if one != number], False
        elif kind == "read":
            read_in, is_current = cache.follow(state), True
        elif kind == "forget":
            cache.invalidate()
            used, is_current = [], False
        elif number != state:
            state = number
            cache.follow(state)
            used, is_current = [], False
        assert len(cache) <= max_size
        fresh_now = [one for one in used if clock.elapsed_s - truth[one][0] <= ttl_s]
        assert cache.get_entry_ids() == list(cache.get_all_vectors()) == fresh_now


def test_many_threads_may_use_it_at_once():
    cache = EmbeddingCache(16, 600)
    made = {key: vectors(key) for key in range(50)}

    def work(seed: int) -> None:
        for turn in range(800):
            key = (turn * (seed + 1)) % 50
            assert cache.get(key) in (None, made[key])
            read_in = cache.follow(turn // 300)
            cache.put(key, made[key], read_in)
            for other, found in cache.get_many([key, 49 - key], read_in).items():
                assert found is made[other]
            assert len(cache.get_all_vectors()) <= 16
            if turn % 97 == 0:
                cache.invalidate(key if seed % 2 else None)

    assert in_threads(8, work) == []
    assert len(cache) <= 16


# ---- in a base


def tuned(size: int, ttl_s: float = 600.0) -> Tuning:
    return Tuning(lexical_share=0.5, cache_max_size=size, cache_ttl_s=ttl_s)


@pytest.fixture
def kept() -> Iterator[Bench]:
    """A base on the numpy backend that keeps vectors of a thousand entries."""
    made = make_bench(backend="numpy", tuning=tuned(1000))
    yield made
    made.base.close()


def cache_of(bench: Bench) -> EmbeddingCache:
    found = bench.embeddings._cache
    assert found is not None
    return found


def drafted(words: str, size: int = 0) -> Draft:
    """A note that says the words, in so many hundred words."""
    return Draft(EntryType.TIL, words, f"{words} filler{size} " * (100 * size))


def ask(base: KnowledgeBase, line: str, mode: Mode = Mode.HYBRID) -> list[tuple[Any, ...]]:
    return [(hit.entry, hit.score, hit.why, hit.snippet) for hit in base.search(line, mode=mode, limit=50).hits]


def titles(base: KnowledgeBase, line: str) -> list[str]:
    return [entry.title for entry, *_ in ask(base, line)]


def reads_of(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The passages whose vectors are read from now on."""
    read: list[int] = []
    get_many = NumpyIndex.get_many

    def counted(self: NumpyIndex, ids: Any) -> dict[int, bytes]:
        wanted = list(ids)
        read.extend(wanted)
        return get_many(self, wanted)

    monkeypatch.setattr(NumpyIndex, "get_many", counted)
    return read


def test_the_second_search_reads_no_vector_of_an_entry_again(monkeypatch):
    kept = make_bench(backend="numpy", tuning=replace(tuned(1000), second_stage=False))
    for number in range(5):
        kept.base.add(drafted(f"safari {number}", number % 3))
    kept.store.vectors.keep_spread(kept.store.vectors.active_space(), 0.12)
    read = reads_of(monkeypatch)
    first = ask(kept.base, "safari")
    assert len(read) == kept.store.passages.count() > 5
    read.clear()
    assert ask(kept.base, "safari") == first
    ask(kept.base, "cookie")
    kept.base.similar("safari")
    assert read == []
    assert sorted(cache_of(kept).get_entry_ids()) == [1, 2, 3, 4, 5]
    kept.base.close()


def test_a_second_stage_reads_heads_again_and_nothing_else(kept, monkeypatch):
    """It compares them with one another, which the cache is not made for."""
    for number in range(5):
        kept.base.add(drafted(f"safari {number}", number % 3))
    kept.store.vectors.keep_spread(kept.store.vectors.active_space(), 0.12)
    first = ask(kept.base, "safari")
    read = reads_of(monkeypatch)
    assert ask(kept.base, "safari") == first
    assert {passage.position for passage in kept.store.passages.by_ids(read)} == {0}
    assert len(read) <= 5 + 3  # all for crowding, the best three for feedback


def test_what_is_kept_are_the_vectors_of_the_entry(kept):
    kept.base.add(drafted("safari", 4))
    ask(kept.base, "safari")
    found = cache_of(kept).get_all_vectors()[1]
    passages = kept.store.passages.of_entries([1])
    assert dict(zip(found.positions, (row.tobytes() for row in found.rows))) == {
        passage.position: kept.index_of().get(passage.id) for passage in passages
    }
    assert len(passages) > 1


def edit_without_engine(bench: Bench, entry: Entry, folder: Path) -> None:
    bench.manager.close()
    bench.loader.problem = EngineError("no engine")
    assert bench.base.edit(entry, drafted("changed")).warning


WRITES: dict[str, Callable[[Bench, Entry, Path], object]] = {
    "edit without engine": edit_without_engine,
    "edit": lambda bench, entry, folder: bench.base.edit(entry, drafted("changed")),
    "change": lambda bench, entry, folder: bench.base.change(entry.id, title="changed"),
    "delete": lambda bench, entry, folder: bench.base.delete(entry.id),
    "delete for ever": lambda bench, entry, folder: bench.base.delete(entry.id, forever=True),
    "import": lambda bench, entry, folder: bench.base.files.import_paths([folder]),
    "rebuild": lambda bench, entry, folder: bench.base.index.rebuild_vectors(),
    "rebuild from scratch": lambda bench, entry, folder: bench.base.index.rebuild_vectors(from_scratch=True),
    "another model": lambda bench, entry, folder: bench.base.index.use_model("other"),
}


@pytest.mark.parametrize("name", WRITES)
def test_every_write_drops_what_it_touched(kept, tmp_path, name):
    folder = tmp_path / "notes"
    folder.mkdir()
    (folder / "note.md").write_text("# a note\n", encoding="utf-8")
    kept.loader.others["other"] = FakeEncoder(fingerprint="other")
    entry = kept.base.add(drafted("safari")).entry
    kept.base.add(drafted("cookie"))
    ask(kept.base, "cookie")
    assert sorted(cache_of(kept).get_entry_ids()) == [1, 2]
    WRITES[name](kept, entry, folder)
    assert 1 not in cache_of(kept).get_entry_ids()


@pytest.mark.parametrize("name", ["edit", "edit without engine", "change", "delete"])
def test_a_write_keeps_the_other_entries(kept, tmp_path, name):
    entry = kept.base.add(drafted("safari")).entry
    kept.base.add(drafted("cookie"))
    ask(kept.base, "cookie")
    WRITES[name](kept, entry, tmp_path)
    assert cache_of(kept).get_entry_ids() == [2]


def test_a_new_entry_drops_no_other(kept):
    kept.base.add(drafted("safari"))
    ask(kept.base, "cookie")
    kept.base.add(drafted("cookie"))
    assert cache_of(kept).get_entry_ids() == [1]
    assert titles(kept.base, "cookie")[0] == "cookie"


def test_a_write_that_fails_leaves_the_old_vectors_in_use(kept):
    entry = kept.base.add(drafted("safari")).entry
    before = ask(kept.base, "safari")
    kept.store.db.run("CREATE TEMP TRIGGER refusal BEFORE INSERT ON vectors_1 BEGIN SELECT RAISE(ABORT, 'no'); END")
    with pytest.raises(Exception, match="no"):
        kept.base.edit(entry, drafted("cookie"))
    assert ask(kept.base, "safari") == before


def test_a_reader_that_a_write_overtakes_keeps_nothing_old(kept, monkeypatch):
    entry = kept.base.add(drafted("safari")).entry
    kept.base.add(drafted("nginx"))
    question = kept.embeddings.question("safari")
    get_many = NumpyIndex.get_many

    def overtaken(self: NumpyIndex, ids: Any) -> dict[int, bytes]:
        found = get_many(self, ids)
        monkeypatch.setattr(NumpyIndex, "get_many", get_many)
        kept.base.edit(entry, drafted("cookie"))
        return found

    monkeypatch.setattr(NumpyIndex, "get_many", overtaken)
    assert kept.embeddings.closeness(question, [1, 2])[1].similarity == pytest.approx(1, abs=1e-3)
    assert cache_of(kept).get_entry_ids() == []
    assert kept.embeddings.closeness(question, [1, 2])[1].similarity < 0.5


@pytest.mark.parametrize("size", [1, 3])
def test_a_cache_smaller_than_the_base_hides_nothing(size):
    bench = make_bench(backend="numpy", tuning=tuned(size))
    for number in range(30):
        bench.base.add(drafted(f"safari {number}", number % 3))
    first = ask(bench.base, "safari")
    assert len(first) == 30
    assert len(cache_of(bench)) == size
    ask(bench.base, "cookie")
    assert ask(bench.base, "safari") == first
    bench.base.close()


@dataclass
class Pair:
    """One base twice: with a cache, and with none. What is written is written by the first."""

    base: KnowledgeBase
    plain: KnowledgeBase
    loader: FakeLoader
    clock: FakeClock

    def assert_alike(self, words: str) -> None:
        for mode in (Mode.HYBRID, Mode.MEANING):
            assert ask(self.base, words, mode) == ask(self.plain, words, mode)
        for entry in self.plain.list_entries(limit=2).entries:
            found = [near(base, entry) for base in (self.base, self.plain)]
            assert found[0] == found[1]


def near(base: KnowledgeBase, entry: Entry) -> list[tuple[Any, ...]] | str:
    try:
        return [(hit.entry, hit.score, hit.why) for hit in base.similar(entry.id).hits]
    except EngineError as error:
        return str(error)


class DenseEncoder(FakeEncoder):
    """A FakeEncoder whose vectors have no zeros, so that a sum depends on its order."""

    def encode_documents(self, texts: Sequence[str]) -> Matrix:
        turn = np.linalg.qr(np.random.default_rng(7).standard_normal((self.dim, self.dim)))[0]
        return unit_rows(super().encode_documents(texts) @ turn)


@contextlib.contextmanager
def pair(size: int, ttl_s: float, path: Path | None = None) -> Iterator[Pair]:
    """In memory both are over one connection; in a file each has its own, as two processes have."""
    loader = FakeLoader(DenseEncoder(96), others={"other": DenseEncoder(56, "other")})
    bench = make_bench(path, "numpy", loader, tuned(size, ttl_s))
    other = bench.store if path is None else SqliteStore(path, "numpy")
    try:
        yield Pair(bench.base, build(other, loader, tuned(0), bench.clock).base, loader, bench.clock)
    finally:
        bench.base.close()
        other.close()


WORDS = st.lists(
    st.sampled_from(["safari", "cookie", "nginx", "proxy", "docker", "timeout"]), min_size=1, max_size=3
).map(" ".join)
KINDS = st.sampled_from(
    [
        *["add", "edit", "delete", "restore", "search", "wait"] * 3,
        *["add without engine", "edit without engine", "import", "embed"] * 2,
        *["rebuild", "rebuild from scratch", "use other", "use fake", "prune", "prune unfinished"],
    ]
)
CHANGES = st.tuples(KINDS, WORDS, st.integers(0, 9))


def change(pair: Pair, base: KnowledgeBase, kind: str, words: str, number: int, notes: Path) -> None:
    """One change of a base; what cannot be done now is left out."""
    pair.loader.problem = EngineError("no engine") if kind.endswith("without engine") else None
    if kind.startswith("add"):
        base.add(drafted(words, number % 4))
    elif kind == "import":
        (notes / f"{number % 3}.md").write_text(f"# {words}\n\n{words} {'more ' * 40 * number}\n", encoding="utf-8")
        base.files.import_paths([notes], overwrite=True)
    elif kind == "wait":
        pair.clock.elapsed_s += number
    elif kind == "restore" and (deleted := base.deleted()):
        base.restore(deleted[number % len(deleted)].id)
    elif entries := sorted(base.list_entries().entries, key=lambda entry: entry.id):
        change_stored(base, entries[number % len(entries)], kind, words, number)
    pair.loader.problem = None


def change_stored(base: KnowledgeBase, entry: Entry, kind: str, words: str, number: int) -> None:
    if kind.startswith("edit"):
        base.edit(entry, drafted(words, number % 4))
    elif kind == "delete":
        base.delete(entry.id, forever=number == 9)
    elif kind == "embed":
        base.index.rebuild_vectors()
    elif kind.startswith("rebuild"):
        base.index.rebuild_vectors(from_scratch="scratch" in kind)
    elif kind.startswith("use"):
        base.index.use_model(kind.split()[1], budget_s=0 if number % 3 == 0 else None)
    elif kind.startswith("prune"):
        base.index.prune(unfinished="unfinished" in kind)


@settings(deadline=None, max_examples=tries(60))
@given(
    size=st.sampled_from([0, 3, 1000]),
    ttl_s=st.integers(0, 20),
    changes=st.lists(CHANGES, max_size=25),
)
def test_no_cache_gives_the_same_hits_whatever_is_written_between(tmp_path_factory, size, ttl_s, changes):
    notes = tmp_path_factory.mktemp("notes")
    with pair(size, ttl_s) as both:
        for kind, words, number in changes:
            change(both, both.base, kind, words, number, notes)
            both.assert_alike(words)


@settings(deadline=None, max_examples=tries(25))
@given(
    size=st.sampled_from([0, 3, 1000]),
    changes=st.lists(st.tuples(st.booleans(), CHANGES), max_size=15),
)
def test_no_cache_gives_the_same_hits_whatever_another_process_writes(tmp_path_factory, size, changes):
    folder = tmp_path_factory.mktemp("base")
    with pair(size, 600, folder / "base.db") as both:
        for is_other, (kind, words, number) in changes:
            change(both, both.plain if is_other else both.base, kind, words, number, folder)
            both.assert_alike(words)


def test_what_another_process_wrote_is_noticed(tmp_path):
    path = tmp_path / "base.db"
    bench = make_bench(path, "numpy", tuning=tuned(1000))
    entry = bench.base.add(drafted("safari", 3)).entry
    bench.base.add(drafted("nginx"))
    question = bench.embeddings.question("cookie")
    assert max(close.similarity for close in bench.embeddings.closeness(question, [1, 2]).values()) < 0.5
    other = make_bench(path, "numpy")
    other.base.edit(entry, drafted("cookie"))
    found = bench.embeddings.closeness(question, [1, 2])
    assert found[1].similarity == pytest.approx(1, abs=1e-3)
    other.base.delete(entry.id)
    assert set(bench.embeddings.closeness(question, [1, 2])) == {2}
    other.base.close()
    bench.base.close()


def test_two_models_in_turn_get_their_own_vectors(kept):
    kept.loader.others["other"] = FakeEncoder(fingerprint="other")
    kept.base.add(drafted("safari"))
    kept.base.add(drafted("cookie"))
    old = kept.embeddings.question("safari")
    first = kept.embeddings.closeness(old, [1, 2])
    kept.base.index.use_model("other")
    kept.store.db.run("UPDATE vectors_2 SET vector = (SELECT vector FROM vectors_1 WHERE passage_id = 2)")
    new = kept.embeddings.question("safari")
    for _ in range(2):
        assert kept.embeddings.closeness(old, [1, 2]) == first
        assert kept.embeddings.closeness(new, [1, 2])[1].similarity < 0.5


def test_searches_and_writes_at_once_end_alike():
    with pair(3, 600) as both:
        for number in range(8):
            both.base.add(drafted(f"safari {number}", number % 3))
        ids = [entry.id for entry in both.base.list_entries().entries]

        def work(number: int) -> None:
            for turn in range(12):
                if number < 4:
                    assert len(ask(both.base, f"safari {turn}")) == 8
                else:
                    mine = ids[number - 4 :: 2]
                    both.base.change(mine[turn % len(mine)], title=f"cookie {turn}", content="safari " * turn)

        assert in_threads(6, work) == []
        for words in ("safari", "cookie 11", "safari 3"):
            both.assert_alike(words)


# ---- where it is used


@pytest.mark.skipif(importlib.util.find_spec("sqlite_vec") is None, reason="sqlite-vec is not installed")
def test_sqlite_vec_keeps_nothing():
    bench = make_bench(backend="sqlite-vec", tuning=tuned(1000))
    bench.base.add(drafted("safari"))
    assert titles(bench.base, "safari") == ["safari"]
    assert bench.embeddings._cache is None
    bench.base.close()


@pytest.mark.skipif(importlib.util.find_spec("sqlite_vec") is None, reason="sqlite-vec is not installed")
def test_a_process_that_stays_searches_without_numpy(rekall):
    rekall("add", "til", "safari blocks cookies", "--content", "none")
    code = """
import sys
from rekall.app import App
app = App().long_lived()
base = app.open_base()
assert base.index.status().backend.name == "sqlite-vec"
for _ in range(2):
    assert base.search("cookies").mode.reason == ""
assert "numpy" not in sys.modules
app.close()
"""
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120, check=False)
    assert ran.returncode == 0, ran.stderr


@pytest.mark.parametrize(("is_long_lived", "backend", "keeps"), [(True, "numpy", True), (False, "numpy", False)])
def test_only_a_process_that_stays_keeps_vectors(is_long_lived, backend, keeps):
    tuning = Tuning.of(App().settings, is_long_lived=is_long_lived)
    bench = make_bench(backend=backend, tuning=tuning)
    assert (bench.embeddings._cache is not None) == keeps
    bench.base.close()


def test_a_size_of_zero_in_the_settings_keeps_nothing(monkeypatch):
    monkeypatch.setenv("REKALL_PERFORMANCE_CACHE_MAX_SIZE", "0")
    bench = make_bench(backend="numpy", tuning=Tuning.of(App().settings, is_long_lived=True))
    assert bench.embeddings._cache is None
    bench.base.close()


# ---- questions


def encoded(bench: Bench) -> list[str]:
    texts = list(bench.loader.encoder.encoded)
    bench.loader.encoder.encoded.clear()
    return texts


def test_the_same_question_is_encoded_once(bench):
    bench.base.add(drafted("safari"))
    encoded(bench)
    ask(bench.base, "cookie question")
    ask(bench.base, "cookie question")
    ask(bench.base, "cookie question", Mode.MEANING)
    assert encoded(bench) == ["cookie question"]


def test_a_write_forgets_no_question(bench):
    bench.base.add(drafted("safari"))
    ask(bench.base, "cookie")
    bench.base.add(drafted("nginx"))
    encoded(bench)
    assert len(ask(bench.base, "cookie")) == 2
    assert encoded(bench) == []


def test_another_model_is_asked_again(bench):
    other = bench.loader.others["other"] = FakeEncoder(32, "other")
    bench.base.add(drafted("safari"))
    ask(bench.base, "cookie")
    bench.base.index.use_model("other")
    other.encoded.clear()
    ask(bench.base, "cookie")
    ask(bench.base, "cookie")
    assert other.encoded == ["cookie"]


def test_a_bounded_number_of_questions_is_remembered(bench):
    bench.base.add(drafted("safari"))
    for number in range(QUESTIONS + 1):
        bench.embeddings.question(f"question {number}")
    encoded(bench)
    bench.embeddings.question(f"question {QUESTIONS}")
    bench.embeddings.question("question 1")
    assert encoded(bench) == []
    bench.embeddings.question("question 0")
    assert encoded(bench) == ["question 0"]


def test_a_question_that_failed_is_not_remembered(bench):
    bench.base.add(drafted("safari"))
    bench.manager.close()
    bench.loader.problem = EngineError("no engine")
    with pytest.raises(EngineError):
        bench.embeddings.question("cookie")
    bench.loader.problem = None
    encoded(bench)
    bench.embeddings.question("cookie")
    assert encoded(bench) == ["cookie"]


def test_threads_may_ask_at_once(bench):
    bench.base.add(drafted("safari"))
    start = threading.Barrier(6)

    def work(number: int) -> None:
        start.wait()
        for turn in range(100):
            assert bench.embeddings.question(f"question {(turn * (number + 1)) % 80}").fingerprint == "fake"

    assert in_threads(6, work) == []
