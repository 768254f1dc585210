"""The script that calibrates how sure a hit is: thresholds by hand, and a picture that holds what was seen."""

from __future__ import annotations

from xml.etree import ElementTree

import pytest
from support import CHECKOUT

from rekall.search.results import Match


@pytest.fixture(autouse=True)
def scripts_within_reach(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(CHECKOUT / "benchmarks"))


def seen(figure: float, *, is_right: bool = False, is_exact: bool = False):
    from evidence import Seen

    return Seen(figure, Match.LIKELY, is_right, is_exact, nothing_close=False)


def a_set(right: list[float], wrong: list[float], other: list[float]):
    from evidence import Evidence

    own = [seen(figure, is_right=True) for figure in right] + [seen(figure) for figure in wrong]
    return Evidence(own, [seen(figure) for figure in other], [seen(figure) for figure in other], [])


def test_strong_begins_where_enough_are_right():
    from calibration import strong_from

    assert strong_from([a_set([0.9] * 6, [0.5], [])]) == 0.51
    assert strong_from([a_set([0.9] * 9, [0.5], [])]) == 0.3  # nine of ten are enough
    assert strong_from([a_set([0.9] * 6, [0.5], []), a_set([0.9] * 60, [0.7] * 60, [])]) == 0.71
    assert strong_from([a_set([0.4], [0.5], [])]) is None


def test_exact_titles_choose_no_threshold():
    from calibration import strong_from
    from evidence import Evidence

    exact = Evidence([seen(0.9, is_exact=True)] * 9 + [seen(0.6, is_right=True)] * 5, [], [], [])
    assert strong_from([exact]) == 0.3


def test_likely_begins_where_few_others_are_and_sets_count_alike():
    from calibration import likely_from

    tens = [place / 10 for place in range(10)]
    assert likely_from([a_set([], [], tens)]) == 0.9
    many = [place / 100 for place in range(100)]
    assert likely_from([a_set([], [], tens), a_set([], [], many)]) == 0.9
    assert likely_from([a_set([], [], many), a_set([], [], [-1.0])]) == pytest.approx(0.8)


def test_the_picture_is_well_formed_and_has_a_line_a_set():
    from labels_picture import draw

    figures = [place / 20 for place in range(36)]
    found = {name: a_set(figures[18:], figures[:18], figures[:9]) for name in ("one", "two")}
    picture = ElementTree.fromstring(draw(found, 0.9, 0.5))
    kinds = [path.get("class") for path in picture.iter("{http://www.w3.org/2000/svg}path")]
    assert kinds == ["set", "set", "all", "own", "other"]
    words = [text.text for text in picture.iter("{http://www.w3.org/2000/svg}text")]
    assert {"strong", "likely", "weak"} <= set(words)


def test_everyday_questions_are_many_and_each_is_there_once():
    from evidence import everyday_questions

    texts = [question.text for question in everyday_questions()]
    assert len(texts) == len(set(texts)) == 60
    assert all(texts)
