import contextlib
import os
import threading
from collections.abc import Iterator
from datetime import datetime

import pytest
from conftest import Bench, Clock, make_bench
from hypothesis import given, settings
from hypothesis import strategies as st
from ulid import ULID

from rekall.cache import EmbeddingCache
from rekall.embeddings import EmbeddingService
from rekall.entry.types import Draft, Entry, EntryType, Filters, Mode
from rekall.knowledge.spaces import SpaceKeeper
from rekall.knowledge.writing import EntryService
from rekall.knowledge_base import KnowledgeBase
from rekall.search.searcher import Searcher
from rekall.store.tombstones import TombstoneStore
from rekall.vector_index import choose_backend, open_index


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def cache(clock: Clock) -> EmbeddingCache:
    return EmbeddingCache(3, 60, clock)


def test_what_was_put_is_there(cache):
    cache.put("print", "text", b"vector")
    assert cache.get("print", "text") == b"vector"


def test_what_was_never_put_is_none(cache):
    cache.put("print", "text", b"vector")
    assert cache.get("print", "other") is None


def test_a_vector_of_another_space_is_never_given(cache):
    cache.put("print", "text", b"vector")
    assert cache.get("other", "text") is None


def test_fingerprint_and_text_do_not_run_together(cache):
    cache.put("ab", "c", b"1")
    assert cache.get("a", "bc") is None


def test_putting_again_replaces(cache):
    cache.put("print", "text", b"old")
    cache.put("print", "text", b"new")
    assert cache.get("print", "text") == b"new"
    assert len(cache) == 1


def test_the_least_recently_used_makes_room(cache):
    for name in ("a", "b", "c"):
        cache.put("print", name, name.encode())
    cache.get("print", "a")
    cache.put("print", "d", b"d")
    assert [cache.get("print", name) for name in ("a", "b", "c", "d")] == [b"a", None, b"c", b"d"]


def test_putting_again_counts_as_use(cache):
    for name in ("a", "b", "c", "a", "d"):
        cache.put("print", name, name.encode())
    assert cache.get("print", "b") is None
    assert cache.get("print", "a") == b"a"


def test_a_size_of_zero_keeps_nothing(clock):
    cache = EmbeddingCache(0, 60, clock)
    cache.put("print", "text", b"vector")
    assert cache.get("print", "text") is None
    assert len(cache) == 0


def test_a_vector_lasts_for_its_time_and_no_longer(cache, clock):
    cache.put("print", "text", b"vector")
    clock.seconds += 60
    assert cache.get("print", "text") == b"vector"
    clock.seconds += 0.5
    assert cache.get("print", "text") is None
    assert len(cache) == 0


def test_use_does_not_prolong_the_time(cache, clock):
    cache.put("print", "text", b"vector")
    for _ in range(4):
        clock.seconds += 20
        last = cache.get("print", "text")
    assert last is None


def test_putting_again_begins_a_new_time(cache, clock):
    cache.put("print", "text", b"vector")
    clock.seconds += 50
    cache.put("print", "text", b"vector")
    clock.seconds += 50
    assert cache.get("print", "text") == b"vector"


def test_invalidating_forgets_everything(cache):
    cache.put("print", "text", b"vector")
    cache.put("other", "text", b"vector")
    cache.invalidate()
    assert cache.get("print", "text") is None
    assert len(cache) == 0


STEPS = st.one_of(
    st.tuples(st.just("put"), st.integers(0, 6), st.binary(max_size=2)),
    st.tuples(st.just("get"), st.integers(0, 6), st.none()),
    st.tuples(st.just("wait"), st.integers(0, 30), st.none()),
    st.tuples(st.just("invalidate"), st.none(), st.none()),
)


@settings(deadline=None, max_examples=200)
@given(max_size=st.integers(0, 5), ttl_s=st.integers(0, 60), steps=st.lists(STEPS, max_size=40))
def test_never_more_than_its_size_never_stale_never_wrong(max_size, ttl_s, steps):
    clock = Clock()
    cache = EmbeddingCache(max_size, ttl_s, clock)
    truth: dict[str, tuple[float, bytes]] = {}
    used: list[str] = []
    for kind, number, data in steps:
        name = str(number)
        if kind == "put":
            cache.put("print", name, data)
            truth[name] = (clock.seconds, data)
            used = [one for one in used if one != name] + [name]
            used = used[len(used) - max_size :] if len(used) > max_size else used
        elif kind == "get":
            fresh = name in used and clock.seconds - truth[name][0] <= ttl_s
            assert cache.get("print", name) == (truth[name][1] if fresh else None)
            used = [one for one in used if one != name] + [name] * fresh
        elif kind == "wait":
            clock.seconds += number
        else:
            cache.invalidate()
            used = []
        assert len(cache) <= max_size


def test_many_threads_may_use_it_at_once():
    cache = EmbeddingCache(16, 600)
    problems: list[object] = []

    def work(seed: int) -> None:
        try:
            for turn in range(800):
                name = str((turn * (seed + 1)) % 50)
                found = cache.get("print", name)
                if found not in (None, name.encode()):
                    problems.append((name, found))
                cache.put("print", name, name.encode())
                if turn % 97 == 0:
                    cache.invalidate()
        except BaseException as error:
            problems.append(error)

    threads = [threading.Thread(target=work, args=(seed,)) for seed in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert problems == []
    assert len(cache) <= 16


def ask(base: KnowledgeBase, line: str) -> list[str]:
    return [hit.entry.title for hit in base.search(line, Filters(), Mode.HYBRID, 50).hits]


def test_the_same_question_is_encoded_once(bench: Bench):
    bench.base.add(Draft(EntryType.TIL, "safari"))
    before = len(bench.loader.encoder.encoded)
    ask(bench.base, "cookie question")
    ask(bench.base, "cookie question")
    assert bench.loader.encoder.encoded[before:] == ["cookie question"]


def writes() -> dict[str, object]:
    return {
        "add": lambda bench, entry, folder: bench.base.add(Draft(EntryType.BUG, "another")),
        "edit": lambda bench, entry, folder: bench.base.edit(entry, Draft(EntryType.BUG, "changed")),
        "delete": lambda bench, entry, folder: bench.base.delete(entry.id),
        "import": lambda bench, entry, folder: bench.base.import_paths([folder]),
        "rebuild": lambda bench, entry, folder: bench.base.rebuild_vectors(from_scratch=True),
    }


@pytest.mark.parametrize("name", writes())
def test_every_write_empties_the_cache(bench, tmp_path, name):
    folder = tmp_path / "notes"
    folder.mkdir()
    (folder / "note.md").write_text("# a note\n", encoding="utf-8")
    entry = bench.base.add(Draft(EntryType.TIL, "safari")).entry
    ask(bench.base, "cookie")
    assert len(bench.cache) == 1
    writes()[name](bench, entry, folder)
    assert len(bench.cache) == 0


def test_a_cache_smaller_than_the_base_hides_nothing():
    with pair_of_bases(1, 600, Clock()) as (base, _):
        for number in range(30):
            base.add(Draft(EntryType.TIL, f"safari {number}"))
        first = ask(base, "safari")
        assert len(first) == 30
        ask(base, "cookie")
        assert ask(base, "safari") == first


@contextlib.contextmanager
def pair_of_bases(max_size: int, ttl_s: float, clock: Clock) -> Iterator[tuple[KnowledgeBase, KnowledgeBase]]:
    """One base on one database twice: with a cache, and with none."""
    bench = make_bench()
    backend = choose_backend(bench.db, "auto")

    def over(cache: EmbeddingCache) -> KnowledgeBase:
        embeddings = EmbeddingService(
            bench.db,
            bench.entries,
            bench.passages,
            bench.manager,
            cache,
            lambda space: open_index(bench.db, backend, space.id, space.dim),
            lambda: "2026-01-01T00:00:00Z",
        )
        searcher = Searcher(bench.db, bench.entries, bench.words, bench.passages, embeddings, 0.5)
        service = EntryService(
            bench.db, bench.entries, bench.words, TombstoneStore(bench.db), embeddings, bench.clock.now, new_id
        )
        return KnowledgeBase(
            bench.db,
            bench.entries,
            service,
            bench.words,
            bench.passages,
            embeddings,
            searcher,
            SpaceKeeper(bench.db, bench.passages, embeddings, bench.manager, cache),
            bench.manager,
            backend,
            bench.clock.now,
        )

    def new_id(created_at: datetime | None) -> str:
        return str(ULID.from_bytes(os.urandom(16)))

    try:
        yield over(EmbeddingCache(max_size, ttl_s, clock)), over(EmbeddingCache(0, 0, clock))
    finally:
        bench.base.close()


WORDS = st.lists(
    st.sampled_from(["safari", "cookie", "nginx", "proxy", "docker", "timeout"]), min_size=1, max_size=3
).map(" ".join)
CHANGES = st.one_of(
    st.tuples(st.just("add"), WORDS, st.integers(0, 9)),
    st.tuples(st.just("edit"), WORDS, st.integers(0, 9)),
    st.tuples(st.just("delete"), WORDS, st.integers(0, 9)),
    st.tuples(st.just("search"), WORDS, st.integers(0, 9)),
    st.tuples(st.just("search"), WORDS, st.integers(0, 9)),
    st.tuples(st.just("wait"), WORDS, st.integers(0, 9)),
)


@settings(deadline=None, max_examples=50)
@given(
    max_size=st.integers(0, 4),
    ttl_s=st.integers(0, 20),
    changes=st.lists(CHANGES, max_size=20),
    mode=st.sampled_from([Mode.HYBRID, Mode.MEANING]),
)
def test_no_cache_gives_the_same_hits_whatever_is_written_between(max_size, ttl_s, changes, mode):
    clock = Clock()
    with pair_of_bases(max_size, ttl_s, clock) as (base, uncached):
        entries: list[Entry] = []
        for kind, words, number in changes:
            if kind == "add":
                entries.append(base.add(Draft(EntryType.TIL, words)).entry)
            elif kind == "edit" and entries:
                place = number % len(entries)
                entries[place] = base.edit(entries[place], Draft(EntryType.BUG, words)).entry
            elif kind == "delete" and entries:
                base.delete(entries.pop(number % len(entries)).id)
            elif kind == "wait":
                clock.seconds += number
            found = base.search(words, Filters(), mode, 50)
            assert found == uncached.search(words, Filters(), mode, 50)
            assert {hit.entry for hit in found.hits} == set(entries)
