"""How far the cosines of a space lie apart: measured by hand, kept with the space, and what it does for a search."""

import math
import random
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support import Bench, FakeEncoder, FakeLoader, ask, make_bench, titles

from rekall import spread
from rekall.entry.fields import Draft
from rekall.entry.types import EntryType
from rekall.errors import EngineError
from rekall.models.vectors import Matrix, unit_rows
from rekall.search.results import Mode
from rekall.spread import QUICK_SAMPLE, REFERENCE, SAMPLE, measured, spread_of, unit_of
from rekall.wiring import Tuning

BACKENDS = ("sqlite-vec", "numpy")


class Given(FakeEncoder):
    """Gives the texts vectors in their order."""

    def __init__(self, rows: Sequence[Sequence[float]]) -> None:
        super().__init__(dim=len(rows[0]))
        self.rows = unit_rows(np.array(rows, dtype=np.float32))
        self.given = 0

    def encode_documents(self, texts: Sequence[str]) -> Matrix:
        self.given += len(texts)
        return self.rows[self.given - len(texts) : self.given]


def with_vectors(rows: Sequence[Sequence[float]], backend: str = "auto") -> Bench:
    bench = make_bench(backend=backend, loader=FakeLoader(Given(rows)))
    for number in range(len(rows)):
        bench.base.add(Draft(EntryType.TIL, f"note {number}"))
    return bench


def space_of(bench: Bench):
    space = bench.store.vectors.active_space()
    assert space is not None
    return space


# what one of cosine is worth


def test_in_a_space_of_the_usual_spread_one_of_cosine_counts_one():
    assert REFERENCE == 0.12
    assert unit_of(0.12) == 1


@pytest.mark.parametrize("found", [0.095, 0.1, 0.11, 0.13, 0.14, 0.15])
def test_what_notes_of_one_subject_change_is_hardly_corrected(found):
    assert 0.93 <= unit_of(found) <= 1.10


def test_what_another_model_changes_is():
    assert unit_of(0.025) > 4
    assert unit_of(0.025) < 0.12 / 0.025
    assert 0.3 < unit_of(0.3) < 0.5


@given(one=st.floats(0.0012, 2), other=st.floats(0.0012, 2))
def test_the_unit_falls_with_the_spread_and_never_jumps(one, other):
    """Its logarithm changes by no more than 9 / 8 of that of the spread: the derivative of x³ / (x² + c²) at most."""
    low, high = sorted((one, other))
    assert unit_of(low) >= unit_of(high) > 0
    assert math.log(unit_of(low) / unit_of(high)) <= 9 / 8 * math.log(high / low) + 1e-9


# measured


@pytest.mark.parametrize("backend", BACKENDS)
def test_the_spread_of_three_entries_is_mostly_the_usual_one(backend):
    """Cosines of 0.8, 0 and 0.6 lie sqrt(0.1156) apart; three entries count 9 / (9 + 64) of it."""
    bench = with_vectors([(1, 0), (0.8, 0.6), (0, 1)], backend)
    deviation = math.sqrt(sum((cosine - 1.4 / 3) ** 2 for cosine in (0.8, 0.0, 0.6)) / 3)
    share = 9 / (9 + 64)
    expected = math.exp(share * math.log(deviation) + (1 - share) * math.log(0.12))
    assert measured(bench.store, space_of(bench)) == pytest.approx(expected, rel=1e-4)
    bench.base.close()


@pytest.mark.parametrize("backend", BACKENDS)
def test_the_spread_of_many_entries_is_nearly_their_own(backend):
    rows = unit_rows(np.random.default_rng(1).standard_normal((60, 16)))
    cosines = (rows @ rows.T)[np.triu_indices(60, k=1)]
    bench = with_vectors(rows.tolist(), backend)
    share = 3600 / 3664
    expected = float(cosines.std()) ** share * 0.12 ** (1 - share)
    assert measured(bench.store, space_of(bench)) == pytest.approx(expected, rel=1e-3)
    bench.base.close()


@pytest.mark.parametrize("rows", [[], [(1, 0)]], ids=["none", "one"])
def test_without_two_entries_the_spread_is_the_usual_one(rows):
    bench = with_vectors([*rows, (1, 0)])
    for entry in bench.base.list_entries().entries[len(rows) :]:
        bench.base.delete(entry.id)
    assert measured(bench.store, space_of(bench)) == REFERENCE
    bench.base.close()


def test_entries_that_are_all_alike_have_a_spread_too():
    bench = with_vectors([(1, 0)] * 30)
    found = measured(bench.store, space_of(bench))
    assert 0 < found < REFERENCE
    assert math.isfinite(unit_of(found))
    assert [hit.entry.title for hit in ask(bench, "note 3", Mode.WORDS).hits]
    bench.base.close()


def test_a_bounded_number_of_heads_is_compared(bench, monkeypatch):
    for number in range(150):
        bench.base.add(Draft(EntryType.TIL, f"note {number}", "word " * (300 if number % 3 == 0 else 1)))
    compared: list[int] = []
    pairs = type(bench.index_of()).pairs

    def counted(self, ids):
        wanted = list(ids)
        compared.append(len(wanted))
        places = {passage.position for passage in bench.store.passages.by_ids(wanted)}
        assert places == {0}
        return pairs(self, wanted)

    monkeypatch.setattr(type(bench.index_of()), "pairs", counted)
    measured(bench.store, space_of(bench))
    assert spread_of(bench.store, space_of(bench)) > 0
    assert SAMPLE // 2 < compared[0] <= SAMPLE
    assert QUICK_SAMPLE // 2 < compared[1] <= QUICK_SAMPLE


def test_damaged_vectors_are_left_out():
    bench = with_vectors([(1, 0), (0.8, 0.6), (0, 1), (0.6, 0.8)])
    space = space_of(bench)
    whole = measured(bench.store, space)
    bench.store.db.run(f"UPDATE vectors_{space.id} SET vector = x'00' WHERE passage_id = 4")
    assert 0 < measured(bench.store, space) != whole
    bench.base.close()


# kept


def fill_texts(count: int) -> list[tuple[str, str]]:
    """Titles and bodies of words that occur here and there."""
    chosen = random.Random(3)
    words = [f"word{number}" for number in range(90)]
    return [(" ".join(chosen.sample(words, 4)), " ".join(chosen.sample(words, 12))) for _ in range(count)]


def fill(bench: Bench, count: int) -> None:
    for title, body in fill_texts(count):
        bench.base.add(Draft(EntryType.TIL, title, body))


@pytest.fixture
def pending(bench: Bench) -> Bench:
    """Sixty notes that were stored while there was no model."""
    bench.loader.problem = EngineError("no engine")
    fill(bench, 60)
    bench.loader.problem = None
    return bench


def test_after_an_embed_the_spread_is_kept_with_the_space(pending):
    pending.embeddings.embed_pending()
    space = space_of(pending)
    assert space.spread == pytest.approx(measured(pending.store, space), rel=1e-9)
    assert spread_of(pending.store, space) == space.spread


def test_what_is_kept_is_not_measured_again(pending, monkeypatch):
    pending.embeddings.embed_pending()
    monkeypatch.setattr(spread, "measured", None)
    assert spread_of(pending.store, space_of(pending)) == space_of(pending).spread


def test_where_nothing_is_kept_a_search_measures_and_keeps_nothing(bench):
    fill(bench, 50)
    assert space_of(bench).spread is None
    assert spread_of(bench.store, space_of(bench)) == measured(bench.store, space_of(bench), QUICK_SAMPLE)
    assert ask(bench, "word1 word2").hits
    assert space_of(bench).spread is None


@pytest.mark.parametrize("from_scratch", [False, True])
def test_after_a_rebuild_the_spread_is_kept_again(bench, from_scratch):
    fill(bench, 50)
    assert space_of(bench).spread is None
    bench.base.index.rebuild_vectors(from_scratch=from_scratch)
    assert space_of(bench).spread == pytest.approx(measured(bench.store, space_of(bench)), rel=1e-9)


def test_every_model_has_a_spread_of_its_own(pending):
    pending.embeddings.embed_pending()
    pending.loader.others["narrow"] = Narrow(64, "narrow")
    before = space_of(pending)
    pending.base.index.use_model("narrow")
    after = space_of(pending)
    assert (before.fingerprint, after.fingerprint) == ("fake", "narrow")
    assert pending.store.vectors.space_of("fake").spread == before.spread
    assert 0 < after.spread < before.spread / 3


def test_a_spread_that_few_entries_showed_is_not_what_many_are_judged_by(tmp_path):
    """Three notes say nothing of a model; who adds hundreds one by one never embeds again."""
    encoder = Narrow()
    bench = make_bench(loader=FakeLoader(encoder, problem=EngineError("no engine")))
    for title, body in fill_texts(3):
        bench.base.add(Draft(EntryType.TIL, title, body))
    bench.loader.problem = None
    bench.embeddings.embed_pending()
    fill(bench, 80)
    assert spread_of(bench.store, space_of(bench)) == pytest.approx(measured(bench.store, space_of(bench)), rel=0.25)
    bench.base.close()


# a model whose cosines lie close together


class Narrow(FakeEncoder):
    """The fake encoder with one strong direction that all texts share: cosines from 0.8 on, a fifth as far apart.

    (√0.8, √0.2 v) for the vector v of a text, so that each cosine c becomes 0.8 + 0.2 c.
    """

    SHARED = 0.8

    def __init__(self, dim: int = 64, fingerprint: str = "narrow") -> None:
        super().__init__(dim, fingerprint)

    def encode_documents(self, texts: Sequence[str]) -> Matrix:
        inner = FakeEncoder(self.dim - 1).encode_documents(texts)
        shared = np.full((len(texts), 1), math.sqrt(self.SHARED), dtype=np.float32)
        return unit_rows(np.concatenate([shared, math.sqrt(1 - self.SHARED) * inner], axis=1))


class Wide(FakeEncoder):
    """What `Narrow` would be without the direction that all texts share."""

    def encode_documents(self, texts: Sequence[str]) -> Matrix:
        inner = FakeEncoder(self.dim - 1).encode_documents(texts)
        return np.concatenate([np.zeros((len(texts), 1), dtype=np.float32), inner], axis=1)


def test_a_shared_direction_makes_cosines_high_and_a_fifth_as_far_apart():
    texts = [f"{title} {body}" for title, body in fill_texts(30)]
    wide, narrow = (encoder.encode_documents(texts) for encoder in (Wide(), Narrow()))
    assert narrow @ narrow.T == pytest.approx(0.8 + 0.2 * (wide @ wide.T), abs=1e-5)


def rankings(encoder: FakeEncoder, lines: Sequence[str], tuning: Tuning) -> list[list[str]]:
    bench = make_bench(loader=FakeLoader(encoder, problem=EngineError("no engine")), tuning=tuning)
    fill(bench, 60)
    bench.loader.problem = None
    bench.embeddings.embed_pending()
    assert space_of(bench).spread is not None
    found = [titles(ask(bench, line)) for line in lines]
    bench.base.close()
    return found


def questions() -> list[str]:
    """Some words of a note and some of none, as people ask."""
    chosen = random.Random(5)
    lines = []
    for title, body in fill_texts(60)[::2]:
        words = [*title.split(), *body.split()]
        lines.append(" ".join([*chosen.sample(words, 3), "unheard", f"word{chosen.randrange(90)}"]))
    return lines


@pytest.mark.parametrize("second_stage", [True, False])
def test_a_model_of_narrow_cosines_ranks_nearly_as_the_same_model_of_wide_ones(second_stage):
    """The first hit is the same for nine lines in ten, and of ten hits nine: the unit corrects a fifth to about 0.9."""
    tuning = Tuning(lexical_share=0.6, second_stage=second_stage)
    lines = questions()
    wide, narrow = (rankings(encoder, lines, tuning) for encoder in (Wide(), Narrow()))
    assert all(len(hits) == 10 for hits in (*wide, *narrow))
    same_first = sum(one[0] == other[0] for one, other in zip(wide, narrow)) / len(lines)
    shared = sum(len({*one} & {*other}) for one, other in zip(wide, narrow)) / (10 * len(lines))
    assert (same_first, shared) >= (0.9, 0.0)
    assert shared >= 0.85


def test_without_the_spread_the_same_model_would_rank_by_words_mostly(monkeypatch):
    """So the test before can fail: were one of cosine worth one, fewer hits would be the same."""
    tuning, lines = Tuning(lexical_share=0.6), questions()
    wide, narrow = (rankings(encoder, lines, tuning) for encoder in (Wide(), Narrow()))
    monkeypatch.setattr("rekall.search.meaning.unit_of", lambda spread: 1.0)
    flat = rankings(Narrow(), lines, tuning)

    def shared(other: list[list[str]]) -> int:
        return sum(len({*hits} & {*found}) for hits, found in zip(wide, other))

    assert shared(narrow) > shared(flat)
