"""Texts that are searched for, as vectors: what is remembered, and how much of a text a model knows."""

import threading
from collections.abc import Callable, Sequence

import numpy as np
import pytest
from support import Bench, FakeEncoder, FakeLoader, in_threads, make_bench

from rekall.entry.fields import Draft
from rekall.entry.types import EntryType
from rekall.errors import EngineError, Superseded
from rekall.model_manager import ModelManager
from rekall.questions import MOST_KEPT, Question, Questions

STRANGE = "\ue000\ue001"
YES: Callable[[], bool] = lambda: True  # noqa: E731


class Counting(FakeEncoder):
    """Remembers what it was asked whether it knows."""

    def __init__(self, dim: int = 64, fingerprint: str = "fake") -> None:
        super().__init__(dim, fingerprint)
        self.judged: list[str] = []

    def known(self, texts: Sequence[str]) -> list[float]:
        self.judged += texts
        return super().known(texts)


@pytest.fixture
def encoder() -> Counting:
    return Counting()


@pytest.fixture
def loader(encoder: Counting) -> FakeLoader:
    return FakeLoader(encoder)


@pytest.fixture
def questions(loader: FakeLoader) -> Questions:
    return Questions(ModelManager(loader, lambda: 0.0))


def test_a_question_is_the_vector_of_its_text(questions, loader, encoder):
    model = loader.identify()
    question = questions.of(model, "safari cookie", YES)
    assert question == Question("fake", FakeEncoder().encode_queries(["safari cookie"])[0].tobytes(), 1.0, model)
    assert np.frombuffer(question.vector, dtype=np.float32).shape == (64,)


def test_a_text_of_ascii_is_known_without_asking(questions, loader, encoder):
    assert questions.of(loader.identify(), "safari cookie", YES).known == 1.0
    assert encoder.judged == []


@pytest.mark.parametrize(("text", "known"), [("größe", 1.0), (STRANGE, 0.0), (f"ab{STRANGE}", 0.5)])
def test_of_other_texts_the_model_says_what_it_knows_once(questions, loader, encoder, text, known):
    for _ in range(3):
        assert questions.of(loader.identify(), text, YES).known == pytest.approx(known)
    assert encoder.judged == encoder.encoded == [text]


def test_every_model_has_its_own_question(questions, loader):
    loader.others["other"] = Counting(32, "other")
    one, other = (questions.of(loader.identify(name), f"a{STRANGE}", YES) for name in (None, "other"))
    assert (one.fingerprint, other.fingerprint) == ("fake", "other")
    assert len(one.vector) == 2 * len(other.vector)
    assert questions.of(loader.identify(), f"a{STRANGE}", YES) is one


def test_the_last_are_remembered_and_no_more(questions, loader, encoder):
    model = loader.identify()
    for number in range(3 * MOST_KEPT):
        questions.of(model, f"question {number}", YES)
    assert len(questions._kept) == MOST_KEPT
    encoder.encoded.clear()
    for number in reversed(range(2 * MOST_KEPT, 3 * MOST_KEPT)):
        questions.of(model, f"question {number}", YES)
    assert encoder.encoded == []


def test_a_question_that_nobody_waits_for_is_neither_made_nor_remembered(questions, loader, encoder):
    with pytest.raises(Superseded):
        questions.of(loader.identify(), "safari", lambda: False)
    assert encoder.encoded == []
    questions.of(loader.identify(), "safari", YES)
    assert encoder.encoded == ["safari"]


def test_many_threads_ask_and_every_one_gets_its_own_answer(questions, loader):
    model = loader.identify()
    expected = {
        text: FakeEncoder().encode_queries([text])[0].tobytes() for text in map("question {}".format, range(90))
    }
    start = threading.Barrier(6)

    def work(number: int) -> None:
        start.wait()
        for turn in range(150):
            text = f"question {(turn * (number + 1) + number) % 90}"
            assert questions.of(model, text, YES).vector == expected[text]

    assert in_threads(6, work) == []
    assert len(questions._kept) <= MOST_KEPT


def test_what_is_known_of_entries_is_what_the_model_of_the_question_says(questions, loader, encoder):
    loader.others["other"] = other = Counting(32, "other")
    question = questions.of(loader.identify("other"), "safari", YES)
    assert questions.known(question, ["größe", f"ab{STRANGE}", STRANGE]) == pytest.approx([1.0, 0.5, 0.0])
    assert (len(other.judged), encoder.judged) == (3, [])


def test_of_a_stored_vector_without_its_model_everything_counts_as_known(questions, encoder):
    assert questions.known(Question("gone", b""), ["größe", STRANGE]) == [1.0, 1.0]
    assert encoder.judged == []


def test_a_model_that_is_gone_is_an_error(questions, loader):
    question = questions.of(loader.identify(), "safari", YES)
    questions.manager.close()
    loader.problem = EngineError("no engine")
    with pytest.raises(EngineError, match="no engine"):
        questions.known(question, [STRANGE])
    assert questions.of(question.model, "safari", YES) is question


def test_a_base_asks_nothing_of_entries_that_are_not_foreign():
    encoder = Counting()
    bench: Bench = make_bench(loader=FakeLoader(encoder))
    for title in ("safari cookie", "Größe und Maß", "nginx"):
        bench.base.add(Draft(EntryType.TIL, title))
    bench.base.search("safari cookie")
    assert encoder.judged == []
    bench.base.add(Draft(EntryType.TIL, f"{STRANGE}{STRANGE} cookie", STRANGE * 20))
    bench.base.search("safari cookie")
    assert len(encoder.judged) == 1
    assert encoder.judged[0].startswith(STRANGE)
    bench.base.close()
