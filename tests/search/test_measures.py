"""Ranking measures against values worked out by hand."""

from __future__ import annotations

import math

import pytest

from rekall.search.measures import first_hit, found_all, found_any, ndcg, recall, reciprocal_rank

GRADES = {"a": 3, "b": 1, "c": 0}


def test_the_ideal_order_is_one():
    assert ndcg(["a", "b", "x"], GRADES) == pytest.approx(1.0)


def test_ndcg_discounts_by_place_and_gains_by_grade():
    got = 1 / math.log2(2) + 7 / math.log2(4)
    assert ndcg(["b", "x", "a"], GRADES) == pytest.approx(got / (7 / math.log2(2) + 1 / math.log2(3)))


def test_what_lies_behind_the_last_place_counts_nothing():
    ranked = ["x"] * 10 + ["a", "b"]
    assert (ndcg(ranked, GRADES), recall(ranked, GRADES), reciprocal_rank(ranked, GRADES)) == (0, 0, 0)
    assert recall(ranked, GRADES, 11) == 0.5


def test_a_grade_of_nothing_is_no_answer():
    assert (found_any(["c"], GRADES), recall(["c"], GRADES), reciprocal_rank(["c"], GRADES)) == (0, 0, 0)


@pytest.mark.parametrize(
    ("ranked", "any_", "all_", "share", "place", "first"),
    [
        (["a", "b"], 1, 1, 1, 1, 1),
        (["x", "b"], 1, 0, 0.5, 0.5, 0),
        (["x", "y"], 0, 0, 0, 0, 0),
        ([], 0, 0, 0, 0, 0),
    ],
)
def test_any_all_share_place_and_first(ranked, any_, all_, share, place, first):
    assert found_any(ranked, GRADES) == any_
    assert found_all(ranked, GRADES) == all_
    assert recall(ranked, GRADES) == share
    assert reciprocal_rank(ranked, GRADES) == place
    assert first_hit(ranked, GRADES) == first


def test_a_query_without_answers_finds_nothing():
    assert (ndcg(["a"], {}), recall(["a"], {}), found_all(["a"], {}), found_any(["a"], {})) == (0, 0, 0, 0)
