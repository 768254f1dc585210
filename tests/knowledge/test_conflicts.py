"""Entries that contradict or repeat each other, found in a base; merged into one; remembered as fine."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from support import Bench, make_bench
from support.bases import all_links
from support.fakes import FakeLoader

from rekall.entry.filters import Filters
from rekall.entry.types import Link, LinkType, Status
from rekall.errors import EditConflict, EngineError, InvalidInput
from rekall.knowledge import conflicts as rooms
from rekall.knowledge.conflicts import Conflicts
from rekall.knowledge.disagreement import Clash
from rekall.knowledge.review import Answer
from rekall.store.pairs import Verdict

NODE = ("Deploys need Node 18", "Deploys need Node 20")
SQUASH = ("Always squash before merging", "Never squash before merging")


def put(bench: Bench, *titles: str, **fields: object) -> list[str]:
    return [bench.base.add("til", title, **fields).entry.id for title in titles]


def told(found: Conflicts) -> list[tuple[str, str, str]]:
    return [(each.what.clash.value, *sorted((each.one.title, each.other.title))) for each in found.pairs]


def test_pairs_are_told_what_a_link_says_first(bench):
    put(bench, *NODE, *SQUASH, "Something else about the weather")
    one, other = put(bench, "Cats are fine", "Dogs bark")
    bench.base.link(one, other, LinkType.CONTRADICTS, "said in a meeting")
    found = bench.base.conflicts.find()
    assert told(found)[0] == ("contradicts", "Cats are fine", "Dogs bark")
    assert found.pairs[0].reason == "said in a meeting"
    assert sorted(told(found)[1:]) == [("negation", *SQUASH), ("version", *NODE)]
    assert (found.total, found.compared, found.entries, found.by_words) == (3, 7, 7, 0)
    assert all(0.0 < each.score <= 1.0 for each in found.pairs)


def test_the_one_is_what_was_changed_later(bench):
    old, new = put(bench, *NODE)
    pair = bench.base.conflicts.find().pairs[0]
    assert (pair.one.id, pair.other.id) == (new, old)
    assert (pair.what.here, pair.what.there) == ("20", "18")
    bench.clock.elapsed_s += 60
    bench.base.change(old, content="still true")
    pair = bench.base.conflicts.find().pairs[0]
    assert (pair.one.id, pair.what.here) == (old, "18")


def test_limits_kinds_filters_and_names_choose(bench):
    put(bench, *NODE, project="api")
    first, _ = put(bench, *SQUASH)
    finder = bench.base.conflicts
    assert (len(finder.find(limit=1).pairs), finder.find(limit=1).total) == (1, 2)
    assert told(finder.find(clashes=[Clash.VERSION])) == [("version", *NODE)]
    assert told(finder.find(Filters(project="api"))) == [("version", *NODE)]
    assert told(finder.find(ids=[first])) == [("negation", *SQUASH)]
    assert told(finder.find(ids=["01" + "Z" * 24])) == []


def test_what_is_settled_is_not_told(bench):
    old, new = put(bench, *NODE)
    bench.base.deprecate(old, new)
    assert told(bench.base.conflicts.find()) == []
    text = "the very same text about cookies that are blocked in one browser"
    one, other = put(bench, "Cookies are lost", "Lost cookies", content=text)
    assert [each[0] for each in told(bench.base.conflicts.find())] == ["repeat"]
    bench.base.link(one, other, LinkType.RELATED)
    assert told(bench.base.conflicts.find()) == []  # who linked them knows both
    first, second = put(bench, *SQUASH)
    bench.base.link(first, second, LinkType.RELATED)
    assert told(bench.base.conflicts.find()) == [("negation", *SQUASH)]


def test_pairs_that_are_fine_are_not_told_until_that_is_taken_back(bench):
    old, new = put(bench, *NODE)
    finder = bench.base.conflicts
    finder.dismiss(new, old)
    assert told(finder.find()) == []
    assert [(each.first, each.second, each.verdict) for each in finder.dismissed()] == [(old, new, Verdict.FINE)]
    bench.base.delete(old)
    assert finder.dismissed() == []
    bench.base.restore(old)
    assert finder.take_back(old, new)
    assert not finder.take_back(old, new)
    assert told(finder.find()) == [("version", *NODE)]
    with pytest.raises(InvalidInput):
        finder.dismiss(old, old)
    finder.dismiss(old, new)
    bench.base.delete(old, forever=True)
    assert bench.store.pairs.all(Verdict.FINE) == []


def test_without_vectors_the_words_are_compared():
    loader = FakeLoader(problem=EngineError("there is no model"))
    made = make_bench(loader=loader)
    text = "Cookies of another site are blocked by the browser, so the API is served from the same site as the page."
    put(made, "Login is lost", content=text)
    put(made, "The session is gone", content=f"{text} Nothing else helped.")
    put(made, *NODE, "Something else entirely")
    found = made.base.conflicts.find()
    assert sorted(told(found)) == [("repeat", "Login is lost", "The session is gone"), ("version", *NODE)]
    assert found.by_words == found.compared == 5
    assert all(each.similarity is None for each in found.pairs)
    loader.problem = None
    made.base.index.embed_waiting()
    put(made, *SQUASH)
    assert made.base.conflicts.find().by_words == 0
    made.base.close()


def test_of_a_large_base_what_was_changed_last_is_compared_with_all(bench, monkeypatch):
    monkeypatch.setattr(rooms, "MOST_COMPARED", 12)
    put(bench, NODE[0], "one thing", "another matter", "a third subject", "something else", NODE[1])
    found = bench.base.conflicts.find()
    assert (found.compared, found.entries) == (2, 6)
    assert told(found) == [("version", *NODE)]


def test_copies_of_a_text_are_one_however_many(bench):
    ids = put(bench, *["the same words in one note after the other"] * 12)
    (pair,) = bench.base.conflicts.find().pairs
    assert (pair.what.clash, [each.id for each in pair.entries]) == (Clash.REPEAT, ids[::-1])
    assert bench.base.conflicts.find().total == 1


def test_copies_hide_nothing_and_what_they_contradict_is_told_once(bench):
    put(bench, *[SQUASH[0]] * 12, *NODE, "Something else about the weather", "A note on the kitchen")
    put(bench, SQUASH[1])
    found = bench.base.conflicts.find()
    assert sorted(told(found)) == [
        ("negation", *SQUASH),
        ("repeat", SQUASH[0], SQUASH[0]),
        ("version", *NODE),
    ]
    assert sorted(len(each.entries) for each in found.pairs) == [2, 2, 12]


def test_an_empty_base_has_no_conflicts(bench):
    found = bench.base.conflicts.find()
    assert (found.pairs, found.total, found.entries) == ((), 0, 0)


# resembling


def test_a_new_entry_is_said_to_contradict_before_what_it_resembles(bench):
    first, second = put(bench, *NODE)
    alike = bench.base.resembling(second)
    assert [(each.hit.entry.id, each.told) for each in alike] == [(first, "20 here, 18 there")]
    assert alike[0].fields()["conflict"] == "version"
    third = put(bench, "Deploys need Node 20 ")[0]
    assert [(each.hit.entry.id, each.told) for each in bench.base.resembling(third)] == [
        (first, "20 here, 18 there"),
        (second, ""),
    ]


def test_an_obsolete_entry_is_not_contradicted(bench):
    first, second = put(bench, *NODE)
    bench.base.deprecate(first)
    assert all(each.what is None for each in bench.base.resembling(second))


# merging


def merge(bench: Bench, ids: Sequence[str]) -> str:
    one, other = (bench.base.get(each).entry for each in ids)
    return bench.base.conflicts.merge(one, other, bench.base.conflicts.united(one, other)).entry.id


def test_one_entry_keeps_what_both_said(bench):
    code = "```sh\ngit reset --soft HEAD~3\n\ngit commit\n```"
    one = bench.base.add(
        "bug", "Squash commits", content=f"Shared.\n\nMine.\n\n{code}", tags=["git"], confidence=2, solution="reset"
    ).entry
    other = bench.base.add(
        "til",
        "Fold commits",
        content=f"  shared.\n\nTheirs.\n\n{code}",
        tags=["Git", "history"],
        project="web",
        confidence=4,
        solution="rebase",
        sources=["https://git-scm.com"],
    ).entry
    third = put(bench, "Third")[0]
    bench.base.link(other.id, third, LinkType.DERIVED_FROM, "why")
    bench.base.link(third, other.id, LinkType.SUPERSEDES)
    bench.base.change(other.id, status="active")
    bench.base.link(one.id, other.id, LinkType.CONTRADICTS)
    other = bench.base.get(other.id).entry
    assert merge(bench, [one.id, other.id]) == one.id
    kept, gone = bench.base.get(one.id).entry, bench.base.get(other.id).entry
    assert kept.content == f"Shared.\n\nMine.\n\n{code}\n\nTheirs."
    assert kept.solution == "reset\n\nrebase"
    assert (kept.title, kept.type.value, kept.project, kept.confidence) == ("Squash commits", "bug", "web", 4)
    assert (kept.tags, kept.keywords, kept.sources) == (("git", "history"), ("Fold commits",), ("https://git-scm.com",))
    assert (gone.status, gone.superseded_by) == (Status.OBSOLETE, one.id)
    assert Link(one.id, third, LinkType.DERIVED_FROM, "why") in all_links(bench.store)
    assert [each[0] for each in told(bench.base.conflicts.find())] == []


def test_a_merge_is_undone_as_a_whole(bench):
    one, other = put(bench, *NODE)
    before = [bench.base.get(each).entry for each in (one, other)]
    merge(bench, [one, other])
    bench.base.past.undo()
    after = [bench.base.get(each).entry for each in (one, other)]
    assert [(each.title, each.content, each.keywords, each.status, each.superseded_by) for each in after] == [
        (each.title, each.content, each.keywords, each.status, each.superseded_by) for each in before
    ]
    assert all_links(bench.store) == []


def test_no_merge_and_no_round_of_successors_leaves_two_entries_without_one_that_holds(bench):
    ids = put(bench, *NODE, "Node in CI is pinned")
    bench.base.deprecate(ids[0], ids[1])
    bench.base.deprecate(ids[1], ids[2])
    old, new = (bench.base.get(each).entry for each in (ids[0], ids[2]))
    for act in (
        lambda: bench.base.conflicts.merge(old, new, bench.base.conflicts.united(old, new)),
        lambda: bench.base.deprecate(ids[2], ids[0]),
        lambda: bench.base.review.answer(ids[2], Answer.OUTDATED, ids[1]),
    ):
        with pytest.raises(InvalidInput):
            act()
    assert bench.base.get(ids[2]).entry == new
    bench.base.change(ids[0], status=Status.ACTIVE)
    bench.base.deprecate(ids[2], ids[0])
    assert bench.base.get(ids[0]).entry.status is Status.ACTIVE


def test_a_merge_of_what_has_changed_changes_nothing(bench):
    one, other = (bench.base.get(each).entry for each in put(bench, *NODE))
    draft = bench.base.conflicts.united(one, other)
    bench.base.change(other.id, content="new")
    with pytest.raises(EditConflict):
        bench.base.conflicts.merge(one, other, draft)
    assert bench.base.get(one.id).entry == one
    with pytest.raises(InvalidInput):
        bench.base.conflicts.merge(one, one, draft)
