from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from support import Bench, FakeEncoder, FakeLoader, make_bench

from rekall import backlog
from rekall.entry.fields import Draft
from rekall.entry.filters import Filters
from rekall.entry.passages import passage_texts
from rekall.entry.types import EntryType
from rekall.errors import EditConflict, EngineError, NotFound, StorageError
from rekall.models.vectors import Matrix
from rekall.search.results import Mode, SearchResult
from rekall.store.values import Selection

NO_ENGINE = EngineError("no engine")


def draft(title: str, content: str = "", **parts: object) -> Draft:
    return Draft(EntryType.TIL, title, content, **parts)


def numbered(count: int) -> str:
    return " ".join(f"word{number:04}" for number in range(count))


def everything(bench: Bench) -> dict[str, list[tuple]]:
    """Every row of every table, those of the words index included."""
    tables = bench.store.db.rows(
        "SELECT name FROM sqlite_schema WHERE type = 'table' AND sql NOT LIKE 'CREATE VIRTUAL%' ORDER BY name"
    )
    return {name: bench.store.db.rows(f"SELECT * FROM {name} ORDER BY 1, 2") for (name,) in tables}


def encoded(bench: Bench) -> list[str]:
    """What was encoded since the last time."""
    texts = list(bench.loader.encoder.encoded)
    bench.loader.encoder.encoded.clear()
    return texts


def without_engine(bench: Bench) -> None:
    bench.manager.close()
    bench.loader.problem = NO_ENGINE


def ask(bench: Bench, line: str, mode: Mode = Mode.MEANING) -> SearchResult:
    return bench.base.search(line, Filters(), mode, 20)


def titles(result: SearchResult) -> list[str]:
    return [hit.entry.title for hit in result.hits]


def vectors_by_text(bench: Bench) -> dict[str, bytes | None]:
    """The stored vector of every passage, by the passage's text."""
    found = {}
    for key, entry in bench.store.entries.stream():
        texts = passage_texts(entry)
        for passage in bench.store.passages.of_entries([key]):
            found[texts[passage.position]] = bench.index_of().get(passage.id)
    return found


def assert_vectors_are_right(bench: Bench) -> None:
    truth = FakeEncoder(bench.loader.encoder.dim)
    for text, vector in vectors_by_text(bench).items():
        assert vector == truth.encode_documents([text])[0].tobytes()


def test_adding_stores_entry_words_and_vectors(bench):
    saved = bench.base.add(draft("safari", numbered(300)))
    assert saved.warning == ""
    assert bench.store.words.count() == 1
    assert len(bench.index_of()) == bench.store.passages.count() == len(passage_texts(saved.entry)) > 2
    assert_vectors_are_right(bench)


def test_editing_replaces_words_and_vectors(bench):
    entry = bench.base.add(draft("safari")).entry
    bench.base.edit(entry, draft("cookie", numbered(300)))
    assert titles(ask(bench, "safari", Mode.WORDS)) == []
    assert titles(ask(bench, "cookie", Mode.WORDS)) == ["cookie"]
    assert len(bench.index_of()) == bench.store.passages.count()
    assert_vectors_are_right(bench)


def test_shortening_a_note_leaves_no_vector_behind(bench):
    entry = bench.base.add(draft("safari", numbered(400))).entry
    bench.base.edit(entry, draft("safari", "short"))
    assert bench.store.passages.count() == len(bench.index_of()) == 1


def test_deleting_leaves_nothing_behind(bench):
    entry = bench.base.add(draft("safari", numbered(300), tags=("a",))).entry
    bench.base.delete(entry.id)
    assert titles(ask(bench, "safari", Mode.HYBRID)) == []
    assert len(bench.index_of()) == bench.store.passages.count() == bench.store.words.count() == bench.base.count() == 0
    with pytest.raises(NotFound):
        bench.base.delete(entry.id)


def refuse(bench: Bench, when: str) -> None:
    """Lets the database refuse a statement, as a full disk would."""
    bench.store.db.run(f"CREATE TEMP TRIGGER refusal BEFORE {when} BEGIN SELECT RAISE(ABORT, 'refused'); END")


@pytest.mark.parametrize(
    "when", ["INSERT ON vectors_1", "INSERT ON signs_1", "INSERT ON passage", "INSERT ON item", "INSERT ON entry"]
)
def test_a_failure_while_adding_changes_nothing(bench, when):
    bench.base.add(draft("kept", tags=("a",)))
    before = everything(bench)
    refuse(bench, when)
    with pytest.raises(StorageError, match="refused"):
        bench.base.add(draft("safari", numbered(300), tags=("a",)))
    assert everything(bench) == before


@pytest.mark.parametrize(
    "when",
    [
        "INSERT ON vectors_1",
        "INSERT ON signs_1",
        "INSERT ON passage",
        "DELETE ON passage",
        "INSERT ON item",
        "UPDATE ON entry",
    ],
)
def test_a_failure_while_editing_changes_nothing(bench, when):
    entry = bench.base.add(draft("kept", numbered(300), tags=("a",))).entry
    before = everything(bench)
    refuse(bench, when)
    with pytest.raises(StorageError, match="refused"):
        bench.base.edit(entry, draft("safari", "other " * 250, tags=("b",)))
    assert everything(bench) == before
    assert titles(ask(bench, "kept", Mode.WORDS)) == ["kept"]


@pytest.mark.parametrize("when", ["DELETE ON entry", "DELETE ON passage", "DELETE ON vectors_1", "DELETE ON item"])
def test_a_failure_while_deleting_changes_nothing(bench, when):
    entry = bench.base.add(draft("kept", numbered(300), tags=("a",))).entry
    before = everything(bench)
    refuse(bench, when)
    with pytest.raises(StorageError, match="refused"):
        bench.base.delete(entry.id)
    assert everything(bench) == before
    assert titles(ask(bench, "kept", Mode.WORDS)) == ["kept"]


def test_an_edit_of_what_changed_meanwhile_changes_nothing(bench):
    entry = bench.base.add(draft("first")).entry
    bench.base.edit(entry, draft("second"))
    before = everything(bench)
    with pytest.raises(EditConflict):
        bench.base.edit(entry, draft("third", numbered(300)))
    assert everything(bench) == before


class BadEncoder(FakeEncoder):
    """Gives vectors that are no directions."""

    def encode_documents(self, texts: Sequence[str]) -> Matrix:
        return super().encode_documents(texts) * np.float32(np.nan)


def test_vectors_that_are_no_numbers_are_never_stored():
    bench = make_bench(loader=FakeLoader(BadEncoder()))
    with pytest.raises(EngineError):
        bench.base.add(draft("safari"))
    assert bench.base.count() == bench.store.words.count() == bench.store.passages.count() == 0
    bench.base.close()


def test_without_an_engine_an_entry_is_stored_all_the_same(bench):
    without_engine(bench)
    saved = bench.base.add(draft("safari", numbered(300)))
    assert "no engine" in saved.warning
    assert bench.base.get(saved.entry.id).entry == saved.entry
    assert titles(ask(bench, "safari", Mode.WORDS)) == ["safari"]
    assert bench.base.index.status().pending_entries == 1


def test_what_is_stored_is_said_to_be_stored_though_the_base_is_gone_a_moment_later(bench, monkeypatch):
    def gone(key):
        raise StorageError("the connection was lost", "nothing was changed; try again in a moment")

    monkeypatch.setattr(bench.embeddings, "catch_up", gone)
    saved = bench.base.add("til", "kept all the same")
    assert saved.warning == "the connection was lost"
    assert "it is stored" in saved.hint
    assert "nothing was changed" not in saved.hint
    assert bench.base.get(saved.entry.id).entry.title == "kept all the same"


def test_an_edit_without_an_engine_never_keeps_the_old_vectors(bench):
    entry = bench.base.add(draft("safari", numbered(300))).entry
    without_engine(bench)
    saved = bench.base.edit(entry, draft("cookie", "other " * 300))
    assert saved.warning
    bench.loader.problem = None
    assert bench.base.index.status().vectors == 0
    assert titles(ask(bench, "safari")) == []
    bench.embeddings.embed_pending()
    assert_vectors_are_right(bench)


def test_an_edit_that_changes_no_text_embeds_nothing(bench):
    entry = bench.base.add(draft("safari", numbered(300))).entry
    encoded(bench)
    entry = bench.base.edit(entry, draft("safari", numbered(300), tags=("new",), project="p", confidence=5)).entry
    assert encoded(bench) == []
    without_engine(bench)
    assert bench.base.edit(entry, draft("safari", numbered(300))).warning == ""
    assert bench.base.index.status().pending_passages == 0


def test_an_edit_embeds_only_the_passages_that_changed(bench):
    content = numbered(420)
    entry = bench.base.add(draft("safari", content)).entry
    before = passage_texts(entry)
    encoded(bench)
    entry = bench.base.edit(entry, draft("safari", content[:-8] + "changed.")).entry
    assert encoded(bench) == [text for text in passage_texts(entry) if text not in before] == [passage_texts(entry)[-1]]
    entry = bench.base.edit(entry, draft("another title", content[:-8] + "changed.")).entry
    assert encoded(bench) == [passage_texts(entry)[0]]
    assert_vectors_are_right(bench)


def test_going_back_to_a_text_that_is_gone_embeds_it_again(bench):
    entry = bench.base.add(draft("first")).entry
    entry = bench.base.edit(entry, draft("second")).entry
    encoded(bench)
    bench.base.edit(entry, draft("first"))
    assert len(encoded(bench)) == 1
    assert_vectors_are_right(bench)


def test_a_text_that_occurs_twice_in_a_note_is_encoded_once_and_has_its_vectors(bench):
    part = "word " * 179
    bench.base.add(draft("safari", part * 8))
    texts = encoded(bench)
    assert len(texts) == len(set(texts))
    assert len(bench.index_of()) == bench.store.passages.count() > len(texts)
    assert_vectors_are_right(bench)


def fill_without_engine(count: int, path: Path | None = None, loader: FakeLoader | None = None) -> Bench:
    bench = make_bench(path, loader=loader)
    bench.loader.problem = NO_ENGINE
    for number in range(count):
        bench.base.add(draft(f"note {number}", numbered(number * 20)))
    bench.loader.problem = None
    return bench


def test_pending_passages_are_embedded_once(monkeypatch):
    monkeypatch.setattr(backlog, "EMBED_BATCH", 4)
    monkeypatch.setattr(backlog, "MOST_BATCH", 4)
    bench = fill_without_engine(12)
    total = bench.store.passages.count()
    told: list[tuple[int, int]] = []
    assert bench.embeddings.embed_pending(lambda done, of: told.append((done, of))).done == total
    assert len(encoded(bench)) == total
    assert told[0] == (0, total)
    assert told[-1] == (total, total)
    assert told == sorted(told)
    assert bench.embeddings.embed_pending().done == 0
    assert encoded(bench) == []
    assert_vectors_are_right(bench)
    bench.base.close()


def test_nothing_pending_loads_no_model(bench):
    assert bench.embeddings.embed_pending().done == 0
    assert bench.loader.loads == 0


class StoppingEncoder(FakeEncoder):
    """Stops with `problem` in the middle of the batch after `good` batches."""

    def __init__(self, good: int, problem: BaseException) -> None:
        super().__init__()
        self.good = good
        self.problem: BaseException | None = problem

    def encode_documents(self, texts: Sequence[str]) -> Matrix:
        if self.good == 0 and self.problem:
            raise self.problem
        self.good -= 1
        return super().encode_documents(texts)


@pytest.mark.parametrize(
    "problem",
    [KeyboardInterrupt(), EngineError("out of memory"), MemoryError()],
    ids=lambda problem: type(problem).__name__,
)
def test_interrupted_embedding_goes_on_where_it_stopped(monkeypatch, problem):
    monkeypatch.setattr(backlog, "EMBED_BATCH", 4)
    monkeypatch.setattr(backlog, "MOST_BATCH", 4)
    encoder = StoppingEncoder(3, problem)
    bench = fill_without_engine(12, loader=FakeLoader(encoder))
    total = bench.store.passages.count()
    with pytest.raises(type(problem)):
        bench.embeddings.embed_pending()
    assert len(bench.index_of()) == 12
    first = encoded(bench)
    encoder.problem = None
    assert bench.embeddings.embed_pending().done == total - 12
    assert len([*first, *encoded(bench)]) == total
    assert_vectors_are_right(bench)
    bench.base.close()


def test_a_failure_while_storing_a_batch_keeps_the_batches_before(monkeypatch):
    monkeypatch.setattr(backlog, "EMBED_BATCH", 4)
    monkeypatch.setattr(backlog, "MOST_BATCH", 4)
    bench = fill_without_engine(12)
    space = bench.store.vectors.make_space("fake", "fake", 64, bench.clock.now())
    refused = bench.store.passages.pending(space, 8)[-1].passage_id
    bench.store.db.run(
        f"CREATE TEMP TRIGGER refusal BEFORE INSERT ON vectors_1 WHEN NEW.passage_id = {refused} BEGIN SELECT RAISE(ABORT, 'refused'); END"
    )
    with pytest.raises(StorageError, match="refused"):
        bench.embeddings.embed_pending()
    assert len(bench.index_of()) == 4
    assert bench.base.index.status().vectors == 4
    bench.store.db.run("DROP TRIGGER refusal")
    bench.embeddings.embed_pending()
    assert_vectors_are_right(bench)
    bench.base.close()


def test_passages_cut_by_other_rules_are_cut_anew(bench):
    bench.base.add(draft("safari", numbered(300)))
    bench.store.db.run("UPDATE passage SET text_hash = zeroblob(16) WHERE position = 1")
    bench.index_of().delete(2)
    bench.embeddings.embed_pending()
    assert bench.base.index.status().pending_passages == 0
    assert_vectors_are_right(bench)


def test_rebuilding_from_scratch_embeds_everything_again(bench):
    for number in range(5):
        bench.base.add(draft(f"note {number}", numbered(150)))
    encoded(bench)
    total = bench.store.passages.count()
    assert bench.base.index.rebuild_vectors().done == 0
    assert encoded(bench) == []
    assert bench.base.index.rebuild_vectors(from_scratch=True).done == total
    assert len(encoded(bench)) == total
    assert_vectors_are_right(bench)


def test_a_rebuild_mends_a_damaged_vector(bench):
    bench.base.add(draft("safari"))
    bench.base.add(draft("cookie"))
    bench.store.db.run("UPDATE vectors_1 SET vector = zeroblob(12) WHERE passage_id = 1")
    assert bench.base.index.rebuild_vectors().done == 1
    assert_vectors_are_right(bench)


def test_a_rebuild_without_an_engine_forgets_nothing(bench):
    bench.base.add(draft("safari", numbered(300)))
    before = everything(bench)
    without_engine(bench)
    with pytest.raises(EngineError):
        bench.base.index.rebuild_vectors(from_scratch=True)
    assert everything(bench) == before


def other_model(path: Path, encoder: FakeEncoder) -> Bench:
    return make_bench(path, loader=FakeLoader(encoder))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A base of a few notes, embedded with the model `fake`."""
    file = tmp_path / "base.db"
    bench = make_bench(file)
    for title in ("safari cookie", "nginx proxy", "docker image"):
        bench.base.add(draft(title, numbered(150)))
    bench.base.close()
    return file


@pytest.mark.parametrize("dim", [64, 32])
def test_vectors_of_two_models_are_never_compared(path, dim):
    bench = other_model(path, FakeEncoder(dim, "other"))
    for mode in (Mode.HYBRID, Mode.MEANING):
        result = ask(bench, "safari", mode)
        assert result.mode.used is Mode.WORDS
        assert "another model" in result.mode.reason
        assert "rekall model use" in result.mode.reason
        assert all(hit.why.similarity is None for hit in result.hits)
    with pytest.raises(EngineError, match="another model"):
        bench.base.similar("safari", Filters(), 5)
    entry_id = ask(bench, "safari", Mode.WORDS).hits[0].entry.id
    with pytest.raises(EngineError, match="another model"):
        bench.base.similar(entry_id, Filters(), 5)
    with pytest.raises(EngineError, match="another model"):
        bench.base.index.rebuild_vectors()
    assert bench.loader.loads == 0
    bench.base.close()


def test_a_question_is_remembered_for_its_own_model_only(bench):
    bench.base.add(draft("safari"))
    encoded(bench)
    first = bench.embeddings.question("cookie")
    assert first.fingerprint == "fake"
    assert bench.embeddings.question("cookie") == first
    assert encoded(bench) == ["cookie"]
    other = FakeEncoder(fingerprint="other")
    bench.loader.others["other"] = other
    bench.base.index.use_model("other")
    other.encoded.clear()
    second = bench.embeddings.question("cookie")
    assert second.fingerprint == "other"
    assert other.encoded == ["cookie"]
    assert bench.embeddings.question("cookie") == second
    assert other.encoded == ["cookie"]


def test_similar_entries_leave_out_the_entry_itself(bench):
    for title in ("safari cookie", "safari cookie blocked", "nginx"):
        bench.base.add(draft(title))
    (key,) = [key for key, entry in bench.store.entries.stream() if entry.title == "safari cookie"]
    found = bench.embeddings.find_similar(key, 5)
    assert next(iter(bench.store.entries.by_keys(found).values())).title == "safari cookie blocked"
    assert key not in found
    assert len(found) == 2
    assert len(bench.embeddings.find_similar(key, 1)) == 1


def test_an_entry_is_left_out_even_beside_its_twins(bench):
    for _ in range(6):
        bench.base.add(draft("safari cookie"))
    assert set(bench.embeddings.find_similar(6, 5)) == {1, 2, 3, 4, 5}
    assert len(bench.embeddings.find_similar(6, 3)) == 3


def test_nothing_is_similar_to_an_entry_without_a_vector(bench):
    bench.base.add(draft("safari"))
    without_engine(bench)
    bench.base.add(draft("cookie"))
    assert bench.embeddings.find_similar(2, 5) == {}
    assert bench.embeddings.find_similar(99, 5) == {}


def test_as_many_long_notes_as_wanted_are_found(bench):
    for number in range(20):
        bench.base.add(draft(f"safari {number}", "safari cookie blocked proxy " * 200))
    assert len(bench.embeddings.find_similar(1, 10)) == 10
    assert len(bench.embeddings.semantic_search(bench.embeddings.question("safari cookie blocked proxy"), 10)) == 10


def test_similar_entries_are_found_while_the_signs_are_missing(bench):
    for title in ("safari cookie", "safari cookie blocked"):
        bench.base.add(draft(title))
    bench.store.db.run("DELETE FROM signs_1")
    assert list(bench.embeddings.find_similar(1, 5)) == [2]
    assert titles(ask(bench, "safari"))[0].startswith("safari")


def test_similarity_is_the_mean_of_head_and_best_passage(bench):
    bench.base.add(draft("short"))
    bench.base.add(draft("long", "filler " * 180 + "zebra " * 140))
    found = bench.embeddings.closeness(bench.embeddings.question("zebra"), [1, 2, 99])
    assert set(found) == {1, 2}
    assert found[1].similarity == found[1].head == found[1].best_passage
    assert found[1].best_position == 0
    assert found[2].best_position > 0
    assert found[2].best_passage > found[2].head
    assert found[2].similarity == pytest.approx((found[2].head + found[2].best_passage) / 2)


def test_semantic_search_orders_by_similarity_and_keeps_to_the_selected_entries(bench):
    for number, title in enumerate(("safari", "safari cookie", "nginx", "cookie safari"), 1):
        bench.base.add(draft(title, project="odd" if number % 2 else "even"))
    vector = bench.embeddings.question("safari cookie")
    found = bench.embeddings.semantic_search(vector, 4)
    assert list(found)[:2] == [2, 4]
    scores = [close.similarity for close in found.values()]
    assert scores == sorted(scores, reverse=True)
    allowed = Selection(Filters(project="odd"))
    assert list(bench.embeddings.semantic_search(vector, 4, allowed)) == [1, 3]
    assert list(bench.embeddings.semantic_search(vector, 1, allowed)) == [1]
    assert list(bench.embeddings.find_similar(2, 5, allowed)) == [1, 3]


def test_before_anything_was_stored_nothing_is_near(bench):
    vector = bench.embeddings.question("safari")
    assert bench.embeddings.semantic_search(vector, 5) == {}
    assert bench.embeddings.closeness(vector, [1]) == {}
    assert bench.embeddings.question_of(1) is None


def test_a_search_without_vectors_loads_no_model():
    bench = fill_without_engine(3)
    assert bench.embeddings.readiness().reason
    ask(bench, "note", Mode.HYBRID)
    assert bench.loader.loads == 0
    bench.base.close()
