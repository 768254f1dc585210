"""Of tests that are marked so, each run takes a share of the cases, and all processes of a run take the same."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

from support.depth import left_out, some


def cases(name: str, values: list[Any], share: float = 1 / 3, by: str = "") -> list[Any]:
    """The cases of a test, as pytest collects them."""
    marks = {"some": some(share, by=by).mark}
    return [
        Case(
            path=Path("test_a.py"),
            originalname=name,
            nodeid=f"test_a.py::{name}[{value}]",
            callspec=SimpleNamespace(params={"case": value}),
            get_closest_marker=marks.get,
        )
        for value in values
    ]


class Case(SimpleNamespace):
    def __hash__(self) -> int:
        return hash(self.nodeid)


def kept(items: list[Any], seed: int) -> set[str]:
    out = left_out(items, seed)
    return {item.nodeid for item in items if item not in out}


def test_a_share_is_taken_at_least_one_and_others_with_another_seed():
    items = cases("test_one", list(range(30))) + cases("test_two", ["only"])
    first = kept(items, 1)
    assert len([name for name in first if "test_one" in name]) == 10
    assert "test_a.py::test_two[only]" in first
    assert kept(items[::-1], 1) == first
    assert len({frozenset(kept(items, seed)) for seed in range(5)}) == 5
    assert set().union(*(kept(items, seed) for seed in range(40))) == {item.nodeid for item in items}


def test_what_is_chosen_by_an_argument_is_the_same_for_all_tests_of_a_module():
    found = kept(cases("test_one", list(range(20)), by="case") + cases("test_two", list(range(20)), by="case"), 3)
    ones, twos = ({name.partition("[")[2] for name in found if test in name} for test in ("test_one", "test_two"))
    assert ones == twos
    assert len(ones) == 7


def test_what_is_not_marked_is_all_taken():
    items = [Case(nodeid="a", path=Path("a"), get_closest_marker=lambda name: None)]
    assert left_out(items, 1) == set()
