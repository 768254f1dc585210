"""The soft boost of a project: it decides between hits that are about as good, and nothing else."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support import Bench, make_bench, titles

from rekall.entry.fields import Draft
from rekall.entry.types import EntryType
from rekall.search.explain import why_line
from rekall.search.fusion import NEAR_PROJECT, NEAR_PROJECT_ALONE, lifted
from rekall.search.results import Mode, SearchResult

MODES = pytest.mark.parametrize("mode", list(Mode))


def add(bench: Bench, title: str, content: str = "", project: str | None = None) -> str:
    return bench.base.add(Draft(EntryType.TIL, title, content, project=project)).entry.id


@pytest.fixture
def twins() -> Bench:
    """Two notes that say the same, in two projects, one that says more and many that say something else."""
    bench = make_bench()
    for number in range(20):
        add(bench, f"w{number} zebra", f"w{number + 1} w{number + 2}")
    add(bench, "nginx timeout of the web", "nginx timeout", "web")
    add(bench, "nginx timeout of the api", "nginx timeout", "api")
    add(bench, "some timeout", "w1 w2 w3 w4", "far")
    return bench


@MODES
def test_of_two_that_are_as_good_that_of_the_project_comes_first(twins, mode):
    for project, other in (("web", "api"), ("API", "web")):
        found = twins.base.search("nginx timeout", mode=mode, near=project)
        assert titles(found)[:2] == [f"nginx timeout of the {name}" for name in (project.lower(), other)]


@MODES
def test_what_is_clearly_better_stays_above(twins, mode):
    found = twins.base.search("nginx timeout", mode=mode, near="far")
    assert "some timeout" not in titles(found)[:2]


@MODES
@pytest.mark.parametrize("near", ["web", "api", "far"])
def test_how_sure_a_hit_is_does_not_change(twins, mode, near):
    def labels(found: SearchResult) -> dict[str, object]:
        return {hit.entry.id: hit.match for hit in found.hits}

    plain, moved = (twins.base.search("nginx timeout", mode=mode, limit=30, near=name) for name in (None, near))
    assert labels(plain) == labels(moved)
    assert plain.nothing_close == moved.nothing_close


@MODES
@pytest.mark.parametrize("near", [None, "", "unknown"])
def test_without_a_project_of_that_name_nothing_changes(twins, mode, near):
    plain, moved = (twins.base.search("nginx timeout", mode=mode, near=name) for name in (None, near))
    assert moved.hits == plain.hits


def test_what_is_gained_is_explained(twins):
    found = twins.base.search("nginx timeout", near="web")
    gained = {hit.entry.title: hit.why.near_project for hit in found.hits[:2]}
    assert gained == {"nginx timeout of the web": NEAR_PROJECT, "nginx timeout of the api": 0.0}
    assert f"this project +{NEAR_PROJECT:.3f}" in why_line(found.hits[0])
    assert "this project" not in why_line(found.hits[1])
    plain = {hit.entry.id: hit.score for hit in twins.base.search("nginx timeout").hits}
    assert found.hits[0].score == pytest.approx(plain[found.hits[0].entry.id] + NEAR_PROJECT)
    alone = twins.base.search("nginx timeout", mode="words", near="web")
    assert alone.hits[0].why.near_project == NEAR_PROJECT_ALONE


def test_an_exact_title_stays_first_and_of_two_the_one_of_the_project(twins):
    add(twins, "timeout", project="web")
    add(twins, "timeout", project="api")
    for near in ("far", "web", "api"):
        found = twins.base.search("timeout", near=near)
        assert titles(found)[:2] == ["timeout", "timeout"]
        if near != "far":
            assert found.hits[0].entry.project == near


@MODES
def test_what_is_obsolete_stays_below_its_successor(twins, mode):
    old, new = add(twins, "slow upstream", "proxy", "api"), add(twins, "slow upstream again", "proxy", "web")
    twins.base.deprecate(old, new)
    found = twins.base.search("slow upstream proxy", mode=mode, near="api", limit=30)
    places = {hit.entry.id: place for place, hit in enumerate(found.hits)}
    assert places[new] < places[old]


def test_what_is_similar_is_lifted_too(twins):
    for near, other in (("web", "api"), ("api", "web")):
        found = twins.base.similar("nginx timeout", near=near)
        assert [hit.entry.project for hit in found.hits[:2]] == [near, other]
        (first,) = twins.base.similar("nginx timeout", limit=1, near=near).hits
        assert first.why.near_project == NEAR_PROJECT_ALONE
    plain, unknown = (titles(twins.base.similar("nginx timeout", near=name)) for name in (None, "none"))
    assert plain[:3] == unknown[:3]


def test_it_takes_one_statement_and_none_without_a_project(twins):
    def count(near: str | None) -> int:
        seen: list[str] = []
        connection = twins.store.db._connection
        connection.exec_trace = lambda cursor, sql, bindings: seen.append(sql) or True
        try:
            twins.base.search("nginx timeout", near=near)
        finally:
            connection.exec_trace = None
        return len(seen)

    count(None)  # what is read once and kept
    assert count("web") == count(None) + 1


@given(
    st.lists(st.floats(-1, 2), min_size=1, max_size=12),
    st.sets(st.integers(0, 11)),
    st.dictionaries(st.integers(0, 11), st.none() | st.integers(0, 11), max_size=4),
)
def test_only_pairs_whose_scores_lie_close_change_places(scores, near, obsolete):
    obsolete = {key: after for key, after in obsolete.items() if key != after}
    ordered = sorted(enumerate(scores), key=lambda pair: -pair[1])
    moved = lifted(ordered, dict.fromkeys(near, 0.1), obsolete)
    assert sorted(key for key, _ in moved) == sorted(key for key, _ in ordered)
    assert [score for _, score in moved] == sorted((score for _, score in moved), reverse=True)
    if not obsolete:
        places = {key: place for place, (key, _) in enumerate(moved)}
        for place, (upper, high) in enumerate(ordered):
            for lower, low in ordered[place + 1 :]:
                if places[lower] < places[upper]:
                    assert lower in near
                    assert upper not in near
                    assert high - low < 0.1
