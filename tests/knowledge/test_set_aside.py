"""A text that the model cannot embed costs nobody else a vector: it is found, set aside, named, and tried again in time."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import apsw
import pytest
from support.bases import Bench, ask, make_bench, titles
from support.fakes import FakeEncoder, FakeLoader

from rekall import backlog
from rekall.entry.fields import Draft
from rekall.entry.types import EntryType
from rekall.errors import DatabaseLocked, EngineClosed, EngineError, EngineLost, OutOfMemory
from rekall.models.vectors import Matrix
from rekall.store.values import SetAside

BAD = "crash"


class PickyEncoder(FakeEncoder):
    """Fails as it is told to at texts that hold `BAD`, and counts what it was asked."""

    def __init__(self, fingerprint: str = "fake") -> None:
        super().__init__(fingerprint=fingerprint)
        self.asked: list[list[str]] = []
        self.fails: Callable[[Sequence[str]], object] = lambda texts: None

    def encode_documents(self, texts: Sequence[str]) -> Matrix:
        self.asked.append(list(texts))
        self.fails(texts)
        return super().encode_documents(texts)


def at_bad(problem: Exception) -> Callable[[Sequence[str]], None]:
    def fail(texts: Sequence[str]) -> None:
        if any(BAD in text for text in texts):
            raise problem

    return fail


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "base.db"


@pytest.fixture
def bench(path: Path) -> Iterator[Bench]:
    """Twenty notes without a vector, two of which the model cannot embed."""
    loader = FakeLoader(PickyEncoder(), others={"other": PickyEncoder("other")})
    made = make_bench(path, loader=loader)
    loader.problem = EngineError("no engine")
    for number in range(20):
        made.clock.elapsed_s += 1
        made.base.add(Draft(EntryType.TIL, f"note {number}" + f" {BAD}" * (number in (5, 11))))
    loader.problem = None
    encoder_of(made).fails = at_bad(EngineError("cannot read this"))
    yield made
    made.base.close()


def encoder_of(bench: Bench, name: str = "fake") -> PickyEncoder:
    encoder = bench.loader._encoder(name)
    assert isinstance(encoder, PickyEncoder)
    return encoder


def state(bench: Bench) -> tuple[int, int, int]:
    """Vectors, passages that wait, passages that were set aside."""
    found = bench.base.index.status()
    return found.vectors, found.pending_passages, found.aside_passages


def id_of(bench: Bench, title: str) -> str:
    return next(entry.id for entry in bench.base.list_entries(limit=100).entries if entry.title == title)


@pytest.mark.parametrize("problem", [EngineError("cannot read this"), EngineLost("it died")])
@pytest.mark.parametrize("size", [1, 3, 16])
def test_everything_but_the_bad_texts_is_embedded(bench, monkeypatch, problem, size):
    monkeypatch.setattr(backlog, "EMBED_BATCH", size)
    encoder_of(bench).fails = at_bad(problem)
    told: list[tuple[int, int]] = []
    done = bench.embeddings.embed_pending(lambda done, total: told.append((done, total)))
    assert (done.done, done.left, done.aside) == (18, 0, 2)
    assert "2 passages" in done.remark
    assert (told[-1], told == sorted(told)) == ((20, 20), True)
    assert state(bench) == (18, 0, 2)
    named = bench.base.index.status().aside
    assert named == tuple(
        SetAside(id_of(bench, title), title, 0, problem.message) for title in (f"note 11 {BAD}", f"note 5 {BAD}")
    )
    assert bench.store.leases.under("") == []


def test_a_vector_that_is_none_is_a_text_that_cannot_be_embedded(bench):
    def zeros(texts: Sequence[str]) -> Matrix:
        rows = FakeEncoder.encode_documents(encoder_of(bench), texts)
        for row, text in zip(rows, texts):
            row *= BAD not in text
        return rows

    encoder_of(bench).encode_documents = zeros  # type: ignore[method-assign]
    assert bench.embeddings.embed_pending().aside == 2
    assert state(bench) == (18, 0, 2)


def test_what_was_set_aside_is_not_tried_at_every_chance(bench):
    bench.embeddings.embed_pending()
    encoder_of(bench).asked.clear()
    done = bench.embeddings.embed_pending()
    assert (done.done, done.left, done.aside, done.remark) == (0, 0, 0, "")
    assert encoder_of(bench).asked == []


def test_another_process_knows_what_was_set_aside(bench, path):
    bench.embeddings.embed_pending()
    again = make_bench(path)
    try:
        assert state(again) == (18, 0, 2)
    finally:
        again.base.close()


@pytest.mark.parametrize("from_scratch", [False, True])
def test_a_rebuild_tries_again(bench, from_scratch):
    bench.embeddings.embed_pending()
    assert bench.base.index.rebuild_vectors(from_scratch=from_scratch).aside == 2
    encoder_of(bench).fails = lambda texts: None
    done = bench.base.index.rebuild_vectors(from_scratch=from_scratch)
    assert (done.done, done.aside) == (20 if from_scratch else 2, 0)
    assert state(bench) == (20, 0, 0)


def test_a_text_that_changes_is_tried_and_one_that_goes_is_forgotten(bench):
    bench.embeddings.embed_pending()
    entry = bench.base.get(id_of(bench, f"note 5 {BAD}")).entry
    assert bench.base.edit(entry, Draft(EntryType.TIL, "mended")).warning == ""
    assert state(bench) == (19, 0, 1)
    bench.base.delete(id_of(bench, f"note 11 {BAD}"))
    assert state(bench) == (19, 0, 0)


def test_a_change_of_something_else_does_not_try_the_text_again(bench):
    bench.embeddings.embed_pending()
    entry = bench.base.get(id_of(bench, f"note 5 {BAD}")).entry
    encoder_of(bench).asked.clear()
    assert bench.base.edit(entry, Draft(EntryType.TIL, entry.title, confidence=5)).warning == ""
    assert encoder_of(bench).asked == []
    assert state(bench) == (18, 0, 2)


def test_another_model_tries_them(bench):
    bench.embeddings.embed_pending()
    switch = bench.base.index.use_model("other")
    assert (switch.is_active, switch.embedded, switch.aside) == (True, 20, 0)
    assert state(bench) == (20, 0, 0)
    back = bench.base.index.use_model("fake")
    assert (back.is_active, back.embedded, back.aside) == (True, 0, 2)
    assert bench.base.index.prune() != []
    assert state(bench) == (18, 0, 2)


def test_a_model_is_used_although_it_cannot_embed_everything(bench):
    encoder_of(bench).fails = lambda texts: None
    bench.embeddings.embed_pending()
    encoder_of(bench, "other").fails = at_bad(EngineError("cannot read this"))
    switch = bench.base.index.use_model("other")
    assert (switch.is_active, switch.embedded, switch.pending, switch.aside) == (True, 18, 0, 2)


@pytest.mark.parametrize("problem", [EngineError("broken"), EngineLost("it died"), OutOfMemory("no memory")])
def test_a_model_that_embeds_nothing_sets_nothing_aside(bench, problem):
    def fail(texts: Sequence[str]) -> None:
        if texts:
            raise problem

    encoder_of(bench).fails = fail
    with pytest.raises(type(problem)) as caught:
        bench.embeddings.embed_pending()
    assert caught.value.message == problem.message
    assert state(bench) == (0, 20, 0)
    assert bench.store.leases.under("") == []


def test_an_engine_that_was_closed_is_not_asked_again(bench):
    encoder_of(bench).fails = at_bad(EngineClosed("closed"))
    with pytest.raises(EngineClosed):
        bench.embeddings.embed_pending()
    assert len(encoder_of(bench).asked) == 1
    assert state(bench) == (0, 20, 0)


def test_an_engine_that_dies_once_blames_no_text(bench):
    died = []

    def die_once(texts: Sequence[str]) -> None:
        if any(BAD in text for text in texts) and len(died) < 2:
            died.append(texts)
            raise EngineLost("killed")

    encoder_of(bench).fails = die_once
    assert bench.embeddings.embed_pending().aside == 0
    assert state(bench) == (20, 0, 0)


def test_a_batch_too_large_for_the_memory_is_made_smaller(bench):
    def need(texts: Sequence[str]) -> None:
        if len(texts) > 3:
            raise OutOfMemory("no memory")

    encoder_of(bench).fails = need
    assert bench.embeddings.embed_pending().done == 20
    assert state(bench) == (20, 0, 0)


def test_a_text_for_which_there_is_no_memory_now_waits(bench):
    encoder_of(bench).fails = at_bad(OutOfMemory("no memory"))
    with pytest.raises(OutOfMemory):
        bench.embeddings.embed_pending()
    vectors, waiting, aside = state(bench)
    assert (vectors + waiting, aside) == (20, 0)
    encoder_of(bench).fails = lambda texts: None
    bench.embeddings.embed_pending()
    assert state(bench) == (20, 0, 0)


def test_a_note_with_a_bad_text_is_stored_and_says_so(bench):
    saved = bench.base.add(Draft(EntryType.TIL, f"new {BAD}"))
    assert saved.warning == "it cannot be embedded: cannot read this"
    assert "rekall index status" in saved.hint
    assert state(bench)[2] == 1


def test_of_a_long_note_the_other_passages_get_their_vectors(bench):
    content = "".join(f"sentence number {number} says nothing. " for number in range(80)) + BAD
    saved = bench.base.add(Draft(EntryType.TIL, "long", content=content))
    passages = bench.store.passages.count() - 20
    assert saved.warning == f"1 of its {passages} passages cannot be embedded: cannot read this"
    assert state(bench) == (passages - 1, 20, 1)
    assert [each.position for each in bench.base.index.status().aside] == [passages - 1]
    assert titles(ask(bench, "sentence number 7", mode="meaning"))[0] == "long"


def test_a_note_that_kills_the_engine_waits_for_who_embeds_next(bench):
    encoder_of(bench).fails = at_bad(EngineLost("it died"))
    saved = bench.base.add(Draft(EntryType.TIL, f"new {BAD}"))
    assert saved.warning == "it died"
    assert state(bench) == (0, 21, 0)


def test_words_find_what_was_set_aside_beside_what_has_vectors(bench):
    bench.embeddings.embed_pending()
    result = ask(bench, "note 5")
    assert (result.mode.used.value, result.mode.reason) == ("hybrid", "")
    assert titles(result)[0] == f"note 5 {BAD}"
    asked = ask(bench, BAD)
    assert (asked.mode.used.value, asked.mode.reason, len(asked.hits)) == ("words", "cannot read this", 2)


def test_an_import_says_what_could_not_be_embedded(bench, tmp_path):
    bench.embeddings.embed_pending()
    (tmp_path / "notes.jsonl").write_text(f'{{"title": "one {BAD}"}}\n{{"title": "two"}}\n')
    report = bench.base.files.import_paths([tmp_path / "notes.jsonl"])
    assert (report.embedded, report.pending, report.warning) == (1, 0, "")
    assert "1 passage" in report.note


# other programs that write


@pytest.fixture
def held(bench, path, monkeypatch):
    """Another program writes, until this one has asked for the lock ten times."""
    bench.store.db._busy_timeout_s = 0.2
    other = apsw.Connection(str(path))
    other.execute("BEGIN IMMEDIATE")
    asked = []

    def pause(seconds: float) -> None:
        asked.append(seconds)
        if len(asked) == 10:
            other.execute("ROLLBACK")

    monkeypatch.setattr("rekall.db.time.sleep", pause)
    yield asked
    other.close()


@pytest.mark.parametrize(
    "work",
    [
        lambda bench: bench.embeddings.embed_pending(),
        lambda bench: bench.base.index.use_model("other"),
        lambda bench: bench.base.index.rebuild_vectors(),
        lambda bench: bench.base.index.rebuild_words(),
        lambda bench: bench.base.index.prune(),
    ],
    ids=["embedding", "model use", "rebuild", "words", "prune"],
)
def test_long_work_waits_until_another_program_has_written(bench, held, work):
    work(bench)
    assert len(held) >= 10


def test_a_note_is_not_kept_waiting_so_long(bench, held):
    with pytest.raises(DatabaseLocked):
        bench.base.add(Draft(EntryType.TIL, "new"))
