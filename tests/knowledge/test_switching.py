"""Changing the model while the base is in use: two vector spaces side by side, and never a look from one into the other."""

from __future__ import annotations

import contextlib
import json
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import apsw
import numpy as np
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from support import CHECKOUT, DATA, Bench, FakeEncoder, FakeLoader, make_bench
from support.depth import some, tries
from support.launching import obeying_signals
from support.systems import KILL, WINDOWS, signals

from rekall import backlog
from rekall.embedder import Embedder
from rekall.entry.fields import Draft, Entry
from rekall.entry.filters import Filters
from rekall.entry.passages import passage_texts
from rekall.entry.types import EntryType
from rekall.errors import EngineError, ModelNotFound, StorageError
from rekall.knowledge.spaces import Switch
from rekall.models.vectors import Matrix
from rekall.search.results import Mode, SearchResult
from rekall.store.values import SpaceState

TITLES = ("safari cookie", "nginx proxy", "docker image", "git rebase", "python wheel", "redis queue", "long story")
BATCH = 2


class Model(FakeEncoder):
    """A fake that knows documents from questions, and whose numbers stand in another order than other models'."""

    def __init__(self, fingerprint: str, dim: int = 64) -> None:
        super().__init__(dim, fingerprint)
        self.shift = sum(fingerprint.encode()) % dim if fingerprint != "fake" else 0
        self.questions: list[str] = []
        self.batches = 0
        self.before_batch: Callable[[int], None] = lambda number: None
        self.before_question: Callable[[], None] = lambda: None

    def encode_documents(self, texts: Sequence[str]) -> Matrix:
        if texts:  # none are asked for to wait for a load
            self.batches += 1
            self.before_batch(self.batches)
        self.encoded += texts
        return self.vectors(texts)

    def encode_queries(self, texts: Sequence[str]) -> Matrix:
        self.before_question()
        self.questions += texts
        return self.vectors(texts)

    def vectors(self, texts: Sequence[str]) -> Matrix:
        """What the texts come to, leaving no trace."""
        rows = FakeEncoder(self.dim).encode_documents(texts)
        return np.ascontiguousarray(np.roll(rows, self.shift, axis=1))


def draft(title: str, content: str = "") -> Draft:
    return Draft(EntryType.TIL, title, content)


def long_text(word: str) -> str:
    return f"{word} " * 300


def make(path: Path | None, *others: Model, backend: str = "auto", configured: Model | None = None) -> Bench:
    """A base whose loader knows the model `fake` and others by their fingerprint; call it again for another process."""
    loader = FakeLoader(configured or Model("fake"), others={model.fingerprint: model for model in others})
    return make_bench(path, backend, loader)


def model_of(bench: Bench, name: str) -> Model:
    """The model of that name as this base's loader gives it."""
    encoder = {"fake": bench.loader.encoder, **bench.loader.others}[name]
    assert isinstance(encoder, Model)
    return encoder


def fill(bench: Bench, titles: Sequence[str] = TITLES) -> None:
    for title in titles:
        bench.base.add(draft(title, long_text("story") if title.startswith("long") else ""))


def ask(bench: Bench, line: str, mode: Mode = Mode.MEANING) -> SearchResult:
    return bench.base.search(line, Filters(), mode, 20)


def assert_finds(bench: Bench, *titles: str) -> None:
    """A question that says just what a short note says is that note's vector, when both are of one model."""
    for title in titles:
        result = ask(bench, title)
        assert (result.mode.used, result.mode.reason) == (Mode.MEANING, "")
        assert result.hits[0].entry.title == title
        assert result.hits[0].why.similarity == pytest.approx(1, abs=1e-5)


def entry_of(bench: Bench, title: str) -> Entry:
    (found,) = [entry for _, entry in bench.store.entries.stream() if entry.title == title]
    return found


def states(bench: Bench) -> dict[str, str]:
    return {space.fingerprint: space.state.name for space in bench.store.vectors.spaces()}


def active(bench: Bench) -> str:
    space = bench.store.vectors.active_space()
    return space.fingerprint if space else ""


def assert_true_vectors(bench: Bench, *complete: str) -> None:
    """Every vector is that of its passage by the model of its space; the spaces named here lack none."""
    texts = {
        passage.id: passage_texts(entry)[passage.position]
        for key, entry in bench.store.entries.stream()
        for passage in bench.store.passages.of_entries([key])
    }
    for space in bench.store.vectors.spaces():
        stored = dict(bench.store.db.rows(f"SELECT passage_id, vector FROM vectors_{space.id}"))
        assert stored.keys() <= texts.keys()
        assert bench.store.vectors.count(space) == len(stored)
        if space.fingerprint in complete:
            assert stored.keys() == texts.keys()
        truth = model_of(bench, space.fingerprint).vectors([texts[passage_id] for passage_id in stored])
        for vector, row in zip(stored.values(), truth):
            assert bytes(vector) == row.tobytes()


def everything(bench: Bench) -> dict[str, list[tuple]]:
    """Every row of every table."""
    tables = bench.store.db.rows(
        "SELECT name FROM sqlite_schema WHERE type = 'table' AND sql NOT LIKE 'CREATE VIRTUAL%' ORDER BY name"
    )
    return {name: bench.store.db.rows(f"SELECT * FROM {name} ORDER BY 1, 2") for (name,) in tables}


@pytest.fixture(autouse=True)
def small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backlog, "EMBED_BATCH", BATCH)
    monkeypatch.setattr(backlog, "MOST_BATCH", BATCH)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "base.db"


@pytest.fixture
def opened() -> Iterator[Callable[..., Bench]]:
    """`make`, and everything it made is closed at the end."""
    with contextlib.ExitStack() as stack:

        def make_and_close(*arguments: object, **options: object) -> Bench:
            made = make(*arguments, **options)  # type: ignore[arg-type]
            stack.callback(made.base.close)
            return made

        yield make_and_close


@pytest.fixture
def bench(opened: Callable[..., Bench], path: Path) -> Bench:
    """A file of seven notes, embedded with `fake`; `other` can be had as well."""
    made = opened(path, Model("other"))
    fill(made)
    model_of(made, "fake").encoded.clear()
    return made


@pytest.fixture
def second(opened: Callable[..., Bench], bench: Bench, path: Path) -> Bench:
    """Another process on the same file."""
    return opened(path, Model("other"))


# while the new vectors are made


@pytest.mark.parametrize("backend", ["sqlite-vec", "numpy"])
@pytest.mark.parametrize("dim", [64, 32, 96])
def test_searches_look_into_the_old_space_until_the_last_batch_and_then_into_the_new_one(opened, path, backend, dim):
    other = Model("other", dim)
    bench, second = (opened(path, other, backend=backend) for _ in range(2))
    fill(bench)
    seen = []

    def look(number: int) -> None:
        assert other.questions == []
        for each in (bench, second):
            assert_finds(each, "safari cookie", "redis queue")
            each.embeddings._questions._kept.clear()
            seen.append(number)

    other.before_batch = look
    switch = bench.base.index.use_model("other")
    assert (switch.is_active, switch.pending, switch.before) == (True, 0, "fake")
    assert len(seen) == 2 * other.batches > 6
    asked = [len(model_of(each, "fake").questions) for each in (bench, second)]
    for each in (bench, second):
        assert_finds(each, "safari cookie", "redis queue")
    assert [len(model_of(each, "fake").questions) for each in (bench, second)] == asked
    assert len(other.questions) == 4
    assert_true_vectors(bench, "fake", "other")


def test_the_first_look_after_the_switch_is_right_with_both_modes_and_with_similar(bench, second):
    bench.base.index.use_model("other")
    for each in (bench, second):
        for mode in (Mode.MEANING, Mode.HYBRID):
            result = ask(each, "safari cookie", mode)
            assert (result.mode.used, result.mode.reason) == (mode, "")
            assert result.hits[0].why.similarity == pytest.approx(1, abs=1e-5)
        found = each.base.similar(entry_of(each, "safari cookie").id, Filters(), 5)
        assert all(hit.why.similarity < 0.99 for hit in found.hits)
        assert each.base.similar("nginx proxy", Filters(), 5).hits[0].entry.title == "nginx proxy"


def test_progress_counts_up_to_what_there_is(bench):
    steps = []
    switch = bench.base.index.use_model("other", lambda done, total: steps.append((done, total)))
    total = bench.store.passages.count()
    assert steps[0] == (0, total)
    assert steps[-1] == (total, total)
    assert steps == sorted(steps)
    assert switch.embedded == total


def test_a_switch_to_a_model_embeds_equal_texts_of_many_notes_for_each_of_them(bench):
    fill(bench, ["twin note", "twin note"])
    bench.base.index.use_model("other")
    assert_true_vectors(bench, "other")


def test_notes_written_while_the_space_is_built_land_in_both(bench, second):
    def write(number: int) -> None:
        if number == 2:
            second.base.add(draft("zebra crossing"))
            second.base.add(draft("long zebra", long_text("zebra")))
            second.base.edit(entry_of(second, "safari cookie"), draft("safari changed"))
            second.base.edit(entry_of(second, "redis queue"), draft("redis changed"))
            second.base.delete(entry_of(second, "nginx proxy").id)
            assert_finds(second, "zebra crossing", "safari changed", "redis changed")

    model_of(bench, "other").before_batch = write
    assert bench.base.index.use_model("other").is_active
    assert states(bench) == {"fake": "RETIRED", "other": "ACTIVE"}
    assert_true_vectors(bench, "fake", "other")
    for each in (bench, second):
        assert_finds(each, "zebra crossing", "safari changed", "redis changed")
        assert "nginx proxy" not in [hit.entry.title for hit in ask(each, "nginx proxy").hits]


@pytest.mark.parametrize("change", ["add", "edit", "delete"])
def test_a_note_that_changes_while_the_last_batch_is_embedded_is_not_left_out(bench, second, change):
    last = -(-bench.store.passages.count() // BATCH)

    def write(number: int) -> None:
        if number != last:
            return
        if change == "add":
            second.base.add(draft("late note"))
        elif change == "edit":
            second.base.edit(entry_of(second, "long story"), draft("late note", long_text("late")))
        else:
            second.base.delete(entry_of(second, "long story").id)

    model_of(bench, "other").before_batch = write
    switch = bench.base.index.use_model("other")
    assert (switch.is_active, switch.pending) == (True, 0)
    assert_true_vectors(bench, "fake", "other")
    if change == "add":
        assert_finds(bench, "late note")


def test_a_note_that_changes_between_the_last_batch_and_the_switch_is_not_left_out(bench, second):
    total = bench.store.passages.count()
    written = []

    def write(done: int, of: int) -> None:
        if done == total and not written:
            written.append(second.base.add(draft("late note")))

    assert bench.base.index.use_model("other", write).is_active
    assert len(written) == 1
    assert_true_vectors(bench, "fake", "other")
    assert_finds(bench, "late note")


def test_every_note_deleted_meanwhile_leaves_an_empty_space_that_serves(bench, second):
    def empty(number: int) -> None:
        for _, entry in list(second.store.entries.stream()):
            second.base.delete(entry.id)

    model_of(bench, "other").before_batch = empty
    assert bench.base.index.use_model("other").is_active
    assert active(second) == "other"
    second.base.add(draft("a new beginning"))
    assert_finds(bench, "a new beginning")


def test_a_note_prepared_before_the_switch_and_stored_after_it_gets_the_new_models_vector(bench, second):
    model_of(second, "fake").before_batch = lambda number: bench.base.index.use_model("other")
    saved = second.base.add(draft("late note", long_text("late")))
    assert saved.warning == ""
    assert_true_vectors(bench, "fake", "other")
    assert ask(bench, "late note").mode.reason == ""


def test_an_edit_prepared_before_the_switch_and_stored_after_it_gets_the_new_models_vectors(bench, second):
    model_of(second, "fake").before_batch = lambda number: bench.base.index.use_model("other")
    saved = second.base.edit(entry_of(second, "safari cookie"), draft("late note", long_text("late")))
    assert saved.warning == ""
    assert_true_vectors(bench, "fake", "other")


def test_a_note_stored_after_its_models_vectors_were_pruned_makes_no_space_of_its_own(bench, second):
    def switch_and_prune(number: int) -> None:
        bench.base.index.use_model("other")
        bench.base.index.prune()

    model_of(second, "fake").before_batch = switch_and_prune
    assert second.base.add(draft("late note")).warning == ""
    assert states(bench) == {"other": "ACTIVE"}
    assert_true_vectors(bench, "other")
    assert_finds(bench, "late note")


def test_a_note_that_cannot_be_embedded_with_the_new_model_is_stored_and_waits(opened, bench, path):
    second = opened(path)  # a process that does not have the new model
    model_of(second, "fake").before_batch = lambda number: bench.base.index.use_model("other")
    saved = second.base.add(draft("late note"))
    assert saved.warning
    assert bench.base.index.status().pending_entries == 1
    assert "late note" in [hit.entry.title for hit in ask(bench, "late note", Mode.WORDS).hits]
    assert bench.base.index.rebuild_vectors().done == 1
    assert_finds(bench, "late note")


def test_an_import_while_the_space_is_built_lands_in_the_new_space_too(bench, second, tmp_path):
    file = tmp_path / "notes.jsonl"
    file.write_text("".join(json.dumps({"title": f"imported number{n}", "type": "til"}) + "\n" for n in range(5)))
    model_of(bench, "other").before_batch = lambda number: (
        second.base.files.import_paths([file]) if number == 2 else None
    )
    assert bench.base.index.use_model("other").is_active
    assert_true_vectors(bench, "fake", "other")
    assert_finds(second, "imported number3")


# between a question and its answer


@pytest.mark.parametrize("dim", [64, 32])
@pytest.mark.parametrize("backend", ["sqlite-vec", "numpy"])
def test_a_question_is_answered_by_its_own_space_when_the_model_changes_in_between(opened, path, backend, dim):
    bench, second = (opened(path, Model("other", dim), backend=backend) for _ in range(2))
    fill(bench)
    question = bench.embeddings.question("safari cookie")
    second.base.index.use_model("other")
    key, close = next(iter(bench.embeddings.semantic_search(question, 3).items()))
    assert bench.store.entries.by_keys([key])[key].title == "safari cookie"
    assert close.similarity == pytest.approx(1, abs=1e-5)
    assert bench.embeddings.closeness(question, [key])[key].similarity == pytest.approx(1, abs=1e-5)
    assert bench.embeddings.question("safari cookie").fingerprint == "other"


def test_a_question_of_vectors_that_are_gone_compares_with_none(bench, second):
    question = bench.embeddings.question("safari cookie")
    second.base.index.use_model("other")
    second.base.index.prune()
    assert bench.embeddings.semantic_search(question, 3) == {}
    assert bench.embeddings.closeness(question, [1, 2]) == {}


def test_a_search_during_which_the_model_changes_is_answered(bench, second):
    model_of(bench, "fake").before_question = lambda: second.base.index.use_model("other")
    assert_finds(bench, "safari cookie")


@pytest.mark.parametrize("mode", [Mode.MEANING, Mode.HYBRID])
def test_a_search_whose_vectors_vanish_meanwhile_is_answered_or_says_why_not(bench, second, mode):
    def switch_and_prune() -> None:
        second.base.index.use_model("other")
        second.base.index.prune()

    model_of(bench, "fake").before_question = switch_and_prune
    result = ask(bench, "safari cookie", mode)
    assert result.mode.reason or [hit.why.similarity for hit in result.hits[:1]] == [pytest.approx(1, abs=1e-5)]


def test_a_remembered_question_is_not_used_in_the_other_space(bench, second):
    for each in (bench, second):
        assert_finds(each, "safari cookie")
    bench.base.index.use_model("other")
    for each in (bench, second):
        assert_finds(each, "safari cookie")
        assert model_of(each, "other").questions == ["safari cookie"]
    second.base.index.use_model("fake")
    for each in (bench, second):
        assert_finds(each, "safari cookie")


# a part at a time


def timed(bench: Bench, name: str, seconds: float) -> None:
    """Let each batch of a model take so long."""

    def pass_time(number: int) -> None:
        bench.clock.elapsed_s += seconds

    model_of(bench, name).before_batch = pass_time


def test_a_budget_does_a_part_and_the_next_calls_the_rest_and_nothing_twice(bench):
    timed(bench, "other", 10)
    total = bench.store.passages.count()
    first = bench.base.index.use_model("other", budget_s=15)
    assert (first.embedded, first.pending, first.is_active) == (2 * BATCH, total - 2 * BATCH, False)
    assert first.before == "fake"
    assert_finds(bench, "safari cookie")
    second = bench.base.index.use_model("other")
    assert (second.embedded, second.pending, second.is_active) == (total - 2 * BATCH, 0, True)
    assert len(model_of(bench, "other").encoded) == total
    assert_true_vectors(bench, "fake", "other")


def test_the_smallest_budget_gets_there_in_the_end(bench):
    timed(bench, "other", 1)
    total = bench.store.passages.count()
    switches = []
    while not switches or not switches[-1].is_active:
        switches.append(bench.base.index.use_model("other", budget_s=0))
        assert switches[-1].embedded > 0
        assert_finds(bench, "safari cookie")
    assert [switch.embedded for switch in switches] == [BATCH] * (total // BATCH) + [1] * (total % BATCH)
    assert len(model_of(bench, "other").encoded) == total
    assert active(bench) == "other"


def test_a_budget_that_suffices_is_no_hindrance(bench):
    timed(bench, "other", 1)
    assert bench.base.index.use_model("other", budget_s=1000).is_active


def test_a_space_complete_when_the_time_is_up_serves_at_once(bench):
    timed(bench, "other", 10)
    total = bench.store.passages.count()
    switch = bench.base.index.use_model("other", budget_s=10.0 * -(-total // BATCH))
    assert (switch.pending, switch.is_active) == (0, True)


def test_what_changes_between_two_parts_is_all_that_is_embedded_again(bench, second):
    timed(bench, "other", 10)
    bench.base.index.use_model("other", budget_s=25)
    done = list(model_of(bench, "other").encoded)
    second.base.edit(entry_of(second, "safari cookie"), draft("safari changed"))
    bench.base.index.use_model("other")
    again = model_of(bench, "other").encoded[len(done) :]
    assert not set(done) & set(again)
    assert sum("safari" in text for text in again) == 1
    assert_true_vectors(bench, "fake", "other")


@pytest.mark.parametrize("problem", [KeyboardInterrupt(), EngineError("the model broke"), RuntimeError("a defect")])
def test_an_interruption_keeps_what_was_done_and_the_next_call_goes_on(bench, second, problem):
    def stop(number: int) -> None:
        if number >= 3:
            raise problem

    other = model_of(bench, "other")
    other.before_batch = stop
    total = bench.store.passages.count()
    with pytest.raises(type(problem)):
        bench.base.index.use_model("other")
    assert states(bench) == {"fake": "ACTIVE", "other": "BUILDING"}
    for each in (bench, second):
        assert_finds(each, "safari cookie", "redis queue")
    other.before_batch = lambda number: None
    switch = bench.base.index.use_model("other")
    assert (switch.embedded, switch.is_active) == (total - 2 * BATCH, True)
    assert len(other.encoded) == total
    assert_true_vectors(bench, "fake", "other")


def test_an_interruption_at_the_moment_of_change_leaves_the_old_space_or_the_new_one(bench):
    bench.store.db.run(
        "CREATE TEMP TRIGGER refusal BEFORE UPDATE ON space WHEN new.active = 1 BEGIN SELECT RAISE(ABORT, 'refused'); END"
    )
    with pytest.raises(StorageError, match="refused"):
        bench.base.index.use_model("other")
    assert states(bench) == {"fake": "ACTIVE", "other": "BUILDING"}
    assert_finds(bench, "safari cookie")
    bench.store.db.run("DROP TRIGGER refusal")
    assert bench.base.index.use_model("other").embedded == 0
    assert_finds(bench, "safari cookie")


def test_the_rest_of_an_interrupted_build_can_be_done_by_another_process(bench, second):
    timed(bench, "other", 10)
    bench.base.index.use_model("other", budget_s=10)
    assert second.base.index.use_model("other").embedded == bench.store.passages.count() - BATCH
    assert_finds(bench, "safari cookie")


# to the same model, to none, and back


def test_the_model_in_use_again_changes_nothing(bench):
    before = everything(bench)
    assert bench.base.index.use_model("fake") == Switch(bench.manager.identify("fake"), "fake", False, 0, 0, True)
    assert everything(bench) == before
    assert model_of(bench, "fake").encoded == []


def test_the_model_in_use_again_embeds_what_waits(bench, opened, path):
    without = opened(path)
    without.loader.problem = EngineError("no engine")
    without.base.add(draft("waits for its vector"))
    switch = bench.base.index.use_model("fake")
    assert (switch.embedded, switch.pending, switch.is_active) == (1, 0, True)
    assert_finds(bench, "waits for its vector")


def test_an_unknown_model_changes_nothing(bench):
    before = everything(bench)
    with pytest.raises(ModelNotFound, match="nowhere"):
        bench.base.index.use_model("nowhere")
    assert everything(bench) == before
    assert_finds(bench, "safari cookie")


def test_a_model_that_cannot_be_loaded_changes_nothing(bench, monkeypatch):
    before = everything(bench)

    def load(name: str) -> FakeEncoder:
        raise EngineError("its weights are torn")

    monkeypatch.setattr(bench.loader, "load", load)
    with pytest.raises(EngineError, match="torn"):
        bench.base.index.use_model("other")
    assert everything(bench) == before


def test_a_model_whose_vectors_are_no_vectors_is_refused_and_the_old_one_goes_on(bench):
    class Broken(Model):
        def vectors(self, texts: Sequence[str]) -> Matrix:
            return np.full((len(texts), self.dim), np.nan, dtype=np.float32)

    bench.loader.others["broken"] = Broken("broken")
    with pytest.raises(EngineError):
        bench.base.index.use_model("broken")
    assert active(bench) == "fake"
    assert_finds(bench, "safari cookie")
    assert bench.base.index.use_model("other").is_active


def test_the_way_back_embeds_only_what_changed(bench):
    bench.base.index.use_model("other")
    bench.base.add(draft("zebra crossing"))
    bench.base.edit(entry_of(bench, "safari cookie"), draft("safari changed"))
    bench.base.delete(entry_of(bench, "nginx proxy").id)
    fake = model_of(bench, "fake")
    fake.encoded.clear()
    switch = bench.base.index.use_model("fake")
    assert (switch.before, switch.embedded, switch.is_active) == ("other", 2, True)
    assert sorted(text.strip() for text in fake.encoded) == ["safari changed", "zebra crossing"]
    assert states(bench) == {"fake": "ACTIVE", "other": "RETIRED"}
    assert_finds(bench, "zebra crossing", "safari changed")
    assert_true_vectors(bench, "fake")


def test_an_interrupted_way_back_leaves_the_model_in_use(bench):
    bench.base.index.use_model("other")
    for number in range(5):
        bench.base.add(draft(f"zebra number{number}"))
    timed(bench, "fake", 10)
    assert not bench.base.index.use_model("fake", budget_s=0).is_active
    assert states(bench) == {"fake": "BUILDING", "other": "ACTIVE"}
    assert_finds(bench, "safari cookie", "zebra number4")
    assert bench.base.index.use_model("fake").embedded == 3


def test_a_third_model_overtakes_a_build_that_is_not_finished(bench):
    bench.loader.others["third"] = Model("third", 48)
    timed(bench, "other", 10)
    bench.base.index.use_model("other", budget_s=0)
    assert bench.base.index.use_model("third").before == "fake"
    assert states(bench) == {"fake": "RETIRED", "other": "BUILDING", "third": "ACTIVE"}
    assert_finds(bench, "safari cookie")
    assert bench.base.index.use_model("other").before == "third"
    assert_true_vectors(bench, "fake", "other", "third")


def test_a_base_without_notes_switches_at_once(opened, path):
    bench = opened(path, Model("other"))
    assert bench.base.index.use_model("other") == Switch(bench.manager.identify("other"), "", False, 0, 0, True)
    bench.base.add(draft("safari cookie"))
    assert active(bench) == "other"
    assert_finds(bench, "safari cookie")
    assert model_of(bench, "fake").encoded == []


def test_a_base_whose_notes_were_all_deleted_switches_at_once(bench):
    for _, entry in list(bench.store.entries.stream()):
        bench.base.delete(entry.id)
    switch = bench.base.index.use_model("other")
    assert (switch.embedded, switch.is_active, active(bench)) == (0, True, "other")


def test_notes_that_never_had_a_vector_are_embedded_with_the_chosen_model(opened, path):
    bench = opened(path, Model("other"))
    bench.loader.problem = EngineError("no engine")
    fill(bench)
    bench.loader.problem = None
    switch = bench.base.index.use_model("other")
    assert (switch.before, switch.embedded, switch.is_active) == ("", bench.store.passages.count(), True)
    assert states(bench) == {"other": "ACTIVE"}
    assert_finds(bench, "safari cookie")


def test_the_bases_model_answers_whatever_is_configured(opened, bench, path):
    bench.base.index.use_model("other")
    configured_otherwise = opened(path, Model("other"), configured=Model("fake"))
    assert_finds(configured_otherwise, "safari cookie")
    configured_otherwise.base.add(draft("zebra crossing"))
    assert_finds(bench, "zebra crossing")
    assert configured_otherwise.base.index.status().model.name == "other"


# a changed artefact under the same name


@pytest.fixture
def changed(opened, bench, path) -> Bench:
    """The base in a process where the model `fake` was exported anew and gives other vectors of the same length."""
    return opened(path, Model("other"), configured=Model("fake-2"))


def renamed(bench: Bench) -> None:
    """Let `model_of` find the changed artefact by its fingerprint."""
    bench.loader.others["fake-2"] = bench.loader.encoder
    bench.loader.others["fake-2"].fingerprint = "fake-2"


@pytest.mark.parametrize("mode", [Mode.MEANING, Mode.HYBRID])
def test_a_search_after_the_model_was_changed_answers_by_words_and_names_the_way_out(changed, mode):
    result = ask(changed, "safari cookie", mode)
    assert result.mode.used is Mode.WORDS
    assert "rekall model use" in result.mode.reason
    assert result.hits[0].entry.title == "safari cookie"
    assert all(hit.why.similarity is None for hit in result.hits)
    assert changed.loader.encoder.questions == []


def test_similar_after_the_model_was_changed_is_refused_with_the_way_out(changed):
    for question in ("safari", entry_of(changed, "safari cookie").id):
        with pytest.raises(EngineError) as refused:
            changed.base.similar(question, Filters(), 5)
        assert "rekall model use" in refused.value.message + refused.value.hint


def test_a_note_added_after_the_model_was_changed_is_stored_without_a_vector(changed, bench):
    before = everything(changed)["vectors_1"]
    saved = changed.base.add(draft("zebra crossing"))
    assert saved.warning
    assert everything(changed)["vectors_1"] == before
    assert states(changed) == {"fake": "ACTIVE"}
    assert ask(changed, "zebra", Mode.WORDS).hits[0].entry.title == "zebra crossing"
    assert changed.loader.encoder.encoded == []
    assert bench.base.index.status().pending_entries == 1


@pytest.mark.parametrize("from_scratch", [False, True])
def test_a_rebuild_after_the_model_was_changed_does_not_mix_and_forgets_nothing(changed, from_scratch):
    before = everything(changed)
    with pytest.raises(EngineError) as refused:
        changed.base.index.rebuild_vectors(from_scratch=from_scratch)
    assert "rekall model use" in refused.value.message + refused.value.hint
    assert everything(changed) == before


def test_using_a_changed_model_again_builds_its_space_anew(changed):
    changed.base.add(draft("zebra crossing"))
    total = changed.store.passages.count()
    switch = changed.base.index.use_model("fake")
    assert (switch.before, switch.embedded, switch.is_active) == ("fake", total, True)
    assert states(changed) == {"fake": "RETIRED", "fake-2": "ACTIVE"}
    assert_finds(changed, "zebra crossing", "safari cookie")
    assert [space.model for space in changed.base.index.prune()] == ["fake"]
    renamed(changed)
    assert_true_vectors(changed, "fake-2")


def test_another_model_can_be_used_after_the_one_in_use_was_changed(changed):
    assert changed.base.index.use_model("other").is_active
    assert_finds(changed, "safari cookie")


def test_a_model_changed_in_the_middle_of_a_build_is_not_mixed_with_what_is_there(bench):
    timed(bench, "other", 10)
    bench.base.index.use_model("other", budget_s=0)
    bench.manager.close()
    bench.loader.others["other"] = Model("other-2")
    bench.loader.others["other"].fingerprint = "other-2"
    switch = bench.base.index.use_model("other")
    assert (switch.embedded, switch.is_active) == (bench.store.passages.count(), True)
    assert active(bench) == "other-2"
    assert_finds(bench, "safari cookie")
    assert bench.base.index.prune(unfinished=True)
    assert states(bench) == {"other-2": "ACTIVE"}


def test_a_model_changed_between_two_batches_is_not_mixed_with_what_is_there(bench):
    def change(done: int, total: int) -> None:
        if done == BATCH:
            bench.manager.close()
            bench.loader.others["other"] = Model("other-2")

    with pytest.raises(EngineError):
        bench.base.index.use_model("other", change)
    assert active(bench) == "fake"
    assert_finds(bench, "safari cookie")
    bench.loader.others["other"] = Model("other")
    assert_true_vectors(bench, "fake")


# prune


def test_prune_drops_what_searches_no_longer_use_and_nothing_else(bench):
    bench.loader.others["third"] = Model("third", 48)
    bench.base.index.use_model("other")
    timed(bench, "third", 10)
    bench.base.index.use_model("third", budget_s=0)
    total = bench.store.passages.count()
    (gone,) = bench.base.index.prune()
    assert (gone.model, gone.fingerprint, gone.vectors, gone.dim) == ("fake", "fake", total, 64)
    assert gone.state is SpaceState.RETIRED
    assert gone.bytes >= total * 64 * 4
    assert states(bench) == {"other": "ACTIVE", "third": "BUILDING"}
    assert bench.base.index.prune() == []
    assert [space.model for space in bench.base.index.prune(unfinished=True)] == ["third"]
    assert states(bench) == {"other": "ACTIVE"}
    tables = {name for (name,) in bench.store.db.rows("SELECT name FROM sqlite_schema WHERE name LIKE 'vectors%'")}
    assert len(tables) == 1
    assert_finds(bench, "safari cookie")
    assert_true_vectors(bench, "other")


def test_the_space_in_use_is_never_pruned(bench):
    before = everything(bench)
    assert bench.base.index.prune(unfinished=True) == []
    assert everything(bench) == before


def test_a_base_without_vectors_has_nothing_to_prune(opened, path):
    assert opened(path).base.index.prune(unfinished=True) == []


@pytest.mark.parametrize("others_open", [False, True])
def test_prune_gives_the_room_back_to_the_disk(opened, path, others_open):
    bench = opened(path, Model("wide", 2048))
    for number in range(200):
        bench.base.add(draft(f"number{number} note"))
    bench.base.close()
    before = path.stat().st_size
    bench = opened(path, Model("wide", 2048))
    bench.base.index.use_model("wide")
    bench.base.index.use_model("fake")
    if others_open:
        opened(path)
    (gone,) = bench.base.index.prune()
    assert gone.vectors == 200
    if not others_open:
        bench.base.close()
    assert sum(file.stat().st_size for file in path.parent.glob("base.db*")) < before + gone.bytes / 4


def test_a_pruned_space_is_built_anew(bench):
    bench.base.index.use_model("other")
    bench.base.index.prune()
    total = bench.store.passages.count()
    switch = bench.base.index.use_model("fake")
    assert (switch.embedded, switch.is_active) == (total, True)
    assert_finds(bench, "safari cookie")


def test_a_failing_prune_changes_nothing(bench):
    bench.base.index.use_model("other")
    before = everything(bench)
    bench.store.db.run("CREATE TEMP TRIGGER refusal BEFORE DELETE ON space BEGIN SELECT RAISE(ABORT, 'refused'); END")
    with pytest.raises(StorageError, match="refused"):
        bench.base.index.prune()
    assert everything(bench) == before


def prune_during(bench: Bench, second: Bench, when: str) -> Callable[[int, int], None]:
    """Lets another process prune at some moment of a build. Returns the progress to build with."""
    total = bench.store.passages.count()

    def prune() -> None:
        assert [space.model for space in second.base.index.prune(unfinished=True)] == ["other"]

    def at_progress(done: int, of: int) -> None:
        if (when, done) in (("before a batch", BATCH), ("after the last batch", total)):
            prune()

    def at_batch(number: int) -> None:
        if when == "in a batch" and number == 2:
            prune()

    model_of(bench, "other").before_batch = at_batch
    return at_progress


@pytest.mark.parametrize("when", ["in a batch", "before a batch", "after the last batch"])
def test_a_space_pruned_while_it_is_built_is_a_clear_error_and_nothing_is_lost(bench, second, when):
    progress = prune_during(bench, second, when)
    with pytest.raises(StorageError) as stopped:
        bench.base.index.use_model("other", progress)
    assert "prune" in stopped.value.message
    assert "again" in stopped.value.hint
    assert states(bench) == {"fake": "ACTIVE"}
    assert_finds(bench, "safari cookie")
    assert_true_vectors(bench, "fake")
    model_of(bench, "other").before_batch = lambda number: None
    assert bench.base.index.use_model("other").embedded == bench.store.passages.count()
    assert_finds(bench, "safari cookie")


def test_a_space_pruned_and_begun_anew_meanwhile_never_gets_vectors_of_another_model(opened, path):
    """Numbers of dropped spaces must not lead a build that knows them into the space that has them now."""
    bench, second = (opened(path, Model("other"), Model("third")) for _ in range(2))
    fill(bench)

    def exchange(number: int) -> None:
        if number == 2:
            second.base.index.prune(unfinished=True)
            timed(second, "third", 10)
            second.base.index.use_model("third", budget_s=0)
            timed(second, "other", 10)
            second.base.index.use_model("other", budget_s=0)

    model_of(bench, "other").before_batch = exchange
    with contextlib.suppress(StorageError):
        bench.base.index.use_model("other")
    assert_true_vectors(second, "fake")
    for name in ("third", "other"):
        second.base.index.use_model(name)
        assert_finds(second, "safari cookie", "redis queue")
        assert_true_vectors(second, name)


# two at once


def test_of_two_processes_that_build_the_same_space_one_leaves_it_to_the_other(bench, second):
    left = []
    model_of(bench, "other").before_batch = lambda number: (
        left.append(second.base.index.use_model("other")) if number == 2 else None
    )
    switch = bench.base.index.use_model("other")
    total = bench.store.passages.count()
    assert (left[0].is_active, left[0].embedded, left[0].pending) == (False, 0, total - BATCH)
    assert left[0].holder == Embedder(1, "", BATCH, total)
    assert (switch.is_active, switch.embedded, switch.holder) == (True, total, None)
    assert len(model_of(bench, "other").encoded) == total
    assert states(bench) == {"fake": "RETIRED", "other": "ACTIVE"}
    assert_true_vectors(bench, "other")


def test_of_two_processes_with_two_models_the_last_to_finish_wins(opened, path):
    bench, second = (opened(path, Model("other", 32), Model("third")) for _ in range(2))
    fill(bench)
    model_of(bench, "other").before_batch = lambda number: second.base.index.use_model("third") if number == 2 else None
    switch = bench.base.index.use_model("other")
    assert (switch.is_active, active(second)) == (True, "other")
    assert states(bench) == {"fake": "RETIRED", "third": "RETIRED", "other": "ACTIVE"}
    assert_finds(second, "safari cookie")
    assert_true_vectors(bench, "other", "third")


def test_a_switch_tells_the_truth_about_which_model_serves_when_another_overtook_it(opened, bench, second, path):
    without = opened(path)
    without.loader.problem = EngineError("no engine")
    without.base.add(draft("waits for its vector"))
    model_of(bench, "fake").before_batch = lambda number: second.base.index.use_model("other")
    switch = bench.base.index.use_model("fake")
    assert switch.is_active == (active(bench) == "fake")


def test_a_rebuild_overtaken_by_a_switch_does_not_take_the_retired_space_up_again(opened, bench, second, path):
    without = opened(path)
    without.loader.problem = EngineError("no engine")
    without.base.add(draft("waits for its vector"))
    model_of(bench, "fake").before_batch = lambda number: second.base.index.use_model("other")
    bench.base.index.rebuild_vectors()
    assert states(bench) == {"fake": "RETIRED", "other": "ACTIVE"}
    assert_true_vectors(bench, "other")


def test_threads_that_switch_write_and_search_at_once_leave_no_wrong_vector(path):
    first = make(path)
    fill(first)
    first.base.close()
    problems: list[BaseException] = []

    def work(act: Callable[[Bench, int], object]) -> None:
        bench = make(path, Model("other", 32), Model("third"))
        try:
            for number in range(4):
                act(bench, number)
        except BaseException as error:
            problems.append(error)
        finally:
            bench.base.close()

    def look(bench: Bench, number: int) -> None:
        for title in TITLES:
            for hit in ask(bench, title).hits:
                if hit.entry.title == title:
                    assert hit.why.similarity is None or hit.why.similarity > 0.99 or title.startswith("long")

    threads = [
        threading.Thread(target=work, args=(act,))
        for act in (
            lambda bench, number: bench.base.index.use_model(("other", "third", "fake", "other")[number]),
            lambda bench, number: bench.base.index.use_model(("third", "other", "third", "fake")[number]),
            lambda bench, number: bench.base.add(draft(f"threaded number{number}")),
            look,
        )
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    bench = make(path, Model("other", 32), Model("third"))
    try:
        assert problems == []
        bench.base.index.rebuild_vectors()
        assert_true_vectors(bench, active(bench))
        assert bench.base.count() == len(TITLES) + 4
        assert_finds(bench, "safari cookie", "threaded number3")
    finally:
        bench.base.close()


# any sequence of all of this


class Switching(RuleBasedStateMachine):
    """Two processes on one file do whatever they like, in any order."""

    @initialize()
    def begin(self) -> None:
        import tempfile

        self.folder = tempfile.TemporaryDirectory()
        path = Path(self.folder.name) / "base.db"
        self.both = [make(path, Model("other"), Model("third", 32)) for _ in range(2)]
        for bench in self.both:
            for name in ("fake", "other", "third"):
                timed(bench, name, 10)
        self.number = 0

    @rule(who=st.integers(0, 1), long=st.booleans())
    def add(self, who: int, long: bool) -> None:
        self.number += 1
        content = long_text(f"word{self.number}") if long else ""
        assert self.both[who].base.add(draft(f"title{self.number} note", content)).warning == ""

    @precondition(lambda self: self.both[0].base.count())
    @rule(who=st.integers(0, 1), which=st.integers(0, 10**6), delete=st.booleans())
    def change(self, who: int, which: int, delete: bool) -> None:
        base = self.both[who].base
        entries = [entry for _, entry in self.both[who].store.entries.stream()]
        entry = entries[which % len(entries)]
        self.number += 1
        if delete:
            base.delete(entry.id)
        else:
            assert base.edit(entry, draft(f"title{self.number} note", entry.content)).warning == ""

    @rule(
        who=st.integers(0, 1), name=st.sampled_from(["fake", "other", "third"]), budget=st.sampled_from([0, 15, None])
    )
    def use(self, who: int, name: str, budget: float | None) -> None:
        switch = self.both[who].base.index.use_model(name, budget_s=budget)
        assert switch.is_active == (active(self.both[who]) == name)
        assert budget is not None or (switch.is_active and not switch.pending)
        assert switch.is_active or switch.pending

    @rule(who=st.integers(0, 1), name=st.sampled_from(["fake", "other", "third"]), at=st.integers(1, 3))
    def break_off(self, who: int, name: str, at: int) -> None:
        model = model_of(self.both[who], name)
        go_on, model.batches = model.before_batch, 0

        def stop(number: int) -> None:
            if number == at:
                raise KeyboardInterrupt

        model.before_batch = stop
        with contextlib.suppress(KeyboardInterrupt):
            self.both[who].base.index.use_model(name)
        model.before_batch = go_on

    @rule(who=st.integers(0, 1), unfinished=st.booleans())
    def prune(self, who: int, unfinished: bool) -> None:
        serves = active(self.both[who])
        self.both[who].base.index.prune(unfinished=unfinished)
        assert active(self.both[who]) == serves
        assert "RETIRED" not in states(self.both[who]).values()

    @rule(who=st.integers(0, 1), from_scratch=st.booleans())
    def rebuild(self, who: int, from_scratch: bool) -> None:
        self.both[who].base.index.rebuild_vectors(from_scratch=from_scratch)

    @invariant()
    def every_vector_is_true_and_every_search_finds(self) -> None:
        if not hasattr(self, "both"):
            return
        bench = self.both[self.number % 2]
        assert_true_vectors(bench)
        assert list(states(bench).values()).count("ACTIVE") <= 1
        short = [entry.title for _, entry in bench.store.entries.stream() if not entry.content][-1:]
        if bench.store.passages.count() and not bench.base.index.status().pending_passages:
            assert_finds(bench, *short)

    def teardown(self) -> None:
        for bench in getattr(self, "both", ()):
            bench.base.close()
        if hasattr(self, "folder"):
            self.folder.cleanup()


TestSwitching = Switching.TestCase
TestSwitching.settings = settings(
    max_examples=tries(40),
    stateful_step_count=20,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


# a process that is killed


@pytest.fixture(scope="module")
def model_folders(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two tiny models, `static` and `bert`."""
    pytest.importorskip("onnx")
    pytest.importorskip("safetensors")
    from rekall.models.export.exporter import export_model
    from rekall.models.export.options import ExportOptions

    parent = tmp_path_factory.mktemp("models")
    for name, checkpoint in (("static", "model2vec"), ("bert", "bert")):
        export_model(DATA / "checkpoints" / checkpoint, parent / name, ExportOptions(min_cosine=0.9))
    return parent


def vectors_stored(database: Path) -> dict[str, tuple[int, int]]:
    """State and number of vectors of every space, by model."""
    connection = apsw.Connection(str(database), flags=apsw.SQLITE_OPEN_READONLY)
    connection.set_busy_timeout(5000)
    try:
        spaces = connection.execute("SELECT id, model, active FROM space").fetchall()
        return {
            model: (state, connection.execute(f"SELECT count(*) FROM vectors_{number}").fetchone()[0])
            for number, model, state in spaces
        }
    finally:
        connection.close()


@pytest.mark.slow
@some(1 / 2)
@pytest.mark.parametrize("blow", [KILL, pytest.param(signal.SIGINT, marks=signals)])
def test_a_build_that_is_killed_goes_on_where_it_was(rekall_process, home, tmp_path, model_folders, blow):
    import shutil

    shutil.copytree(model_folders, home / "models")
    words = [f"word{number}" for number in range(97)]
    file = tmp_path / "notes.jsonl"
    with file.open("w") as notes:
        for number in range(2500):
            text = " ".join(words[(number * step) % 97] for step in range(1, 60))
            notes.write(
                json.dumps({"title": f"title{number} {words[number % 97]}", "content": text, "type": "til"}) + "\n"
            )
    rekall_process("model", "use", "static")
    rekall_process("import", str(file))
    database = next(home.rglob("*.db"))
    (before,) = vectors_stored(database).values()
    assert before[0] == 1
    total = before[1]
    command = [sys.executable, "-m", "rekall", "model", "use", "bert"]
    process = subprocess.Popen(
        command if WINDOWS else obeying_signals(command),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        cwd=CHECKOUT,
    )
    deadline = time.monotonic() + 300
    while vectors_stored(database).get("bert", (0, 0))[1] == 0 and time.monotonic() < deadline:
        time.sleep(0.01)
    process.send_signal(blow)
    out, err = process.communicate(timeout=300)
    state, kept = vectors_stored(database)["bert"]
    assert (state, out) == (0, b"")
    assert 0 < kept < total
    if blow == signal.SIGINT:
        assert process.returncode == 130
        assert b"again" in err
    answer = json.loads(rekall_process("search", "title17 word17", "--mode", "meaning", "--json").stdout)
    assert (answer["mode"]["used"], answer["mode"]["reason"]) == ("meaning", None)
    assert json.loads(rekall_process("config", "get", "engine.model", "--json").stdout)["value"] == "static"

    done = json.loads(rekall_process("model", "use", "bert", "--json").stdout)
    assert (done["embedded"], done["pending"], done["in_use"]) == (total - kept, 0, True)
    assert vectors_stored(database) == {"static": (-1, total), "bert": (1, total)}
    answer = json.loads(rekall_process("search", "title17 word17", "--mode", "meaning", "--json").stdout)
    assert (answer["mode"]["used"], answer["mode"]["reason"]) == ("meaning", None)
