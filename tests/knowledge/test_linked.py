"""What is linked around an entry, which links are worth making, what entries share, and what was learned when."""

from __future__ import annotations

import random
from collections.abc import Sequence
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support import Bench, make_bench
from support.depth import tries

from rekall.entry.fields import Draft
from rekall.entry.filters import Filters
from rekall.entry.spans import Span
from rekall.entry.types import EntryType, LinkType, Status
from rekall.errors import InvalidInput, ModelNotFound, NotFound
from rekall.knowledge.generalizing import drafted, shared_by
from rekall.knowledge.mentions import Sort, mentions

SUPERSEDES, DERIVED, RELATED = LinkType.SUPERSEDES, LinkType.DERIVED_FROM, LinkType.RELATED


def filled(bench: Bench, *titles: str) -> list[str]:
    """Entries of these titles, each of words of its own. Returns their ids."""
    return [bench.base.add(Draft(EntryType.TIL, title, f"{title} " * 3)).entry.id for title in titles]


def reached(bench: Bench, start: str, depth: int, types: Sequence[LinkType] = ()) -> dict[str, tuple[int, str]]:
    steps = bench.base.graph.around(start, depth, types).steps
    return {step.entry.id: (step.distance, step.through) for step in steps}


def test_what_is_linked_is_told_by_its_distance_and_through_whom(bench):
    a, b, c, d, e = filled(bench, "a", "b", "c", "d", "e")
    for source, target, kind in ((a, b, RELATED), (c, b, DERIVED), (c, d, SUPERSEDES), (d, a, RELATED)):
        bench.base.link(source, target, kind)
    assert reached(bench, a, 1) == {b: (1, a), d: (1, a)}
    assert reached(bench, a, 2) == {b: (1, a), d: (1, a), c: (2, b)}
    assert reached(bench, a, 9) == reached(bench, a, 2)  # a circle ends
    assert reached(bench, a, 9, [RELATED]) == {b: (1, a), d: (1, a)}
    assert reached(bench, e, 9) == {}
    with pytest.raises(NotFound):
        bench.base.graph.around("01K2KTZZZZZZZZZZZZZZZZZZZZ")


def test_each_link_is_said_as_the_entry_before_says_it(bench):
    old, new = filled(bench, "old", "new")
    bench.base.link(new, old, SUPERSEDES, "faster")
    bench.base.link(old, new, RELATED)
    (step,) = bench.base.graph.around(old).steps
    assert [(line.phrase, line.link.reason) for line in step.lines] == [("superseded by", "faster"), ("related to", "")]
    (step,) = bench.base.graph.around(new).steps
    assert [line.phrase for line in step.lines] == ["supersedes", "related to"]


def test_what_does_not_pass_a_filter_is_left_out_and_not_gone_through(bench):
    a, b, c = filled(bench, "a", "b", "c")
    bench.base.change(b, type="bug")
    bench.base.link(a, b)
    bench.base.link(b, c)
    assert [step.entry.id for step in bench.base.graph.around(a, 5).steps] == [b, c]
    assert bench.base.graph.around(a, 5, (), Filters(types=(EntryType.TIL,))).steps == ()


def test_a_step_is_two_statements_however_many_entries_it_reaches(bench, monkeypatch):
    """The cost is counted, not timed: what grows with the links is rows, not statements."""
    hub, *others = filled(bench, *(f"n{number}" for number in range(120)))
    asked: list[int] = []
    store = bench.store
    touching = type(store.links).touching

    def counted(self: object, keys: object) -> object:
        asked.append(1)
        return touching(self, keys)  # type: ignore[arg-type]

    monkeypatch.setattr(type(store.links), "touching", counted)
    for other in others[:60]:
        bench.base.link(hub, other)
    for one, other in zip(others[:60], others[60:]):
        bench.base.link(one, other)
    assert len(bench.base.graph.around(hub, 3).steps) == 119
    assert len(asked) == 3


@settings(max_examples=tries(30))
@given(st.integers(2, 14), st.randoms(use_true_random=False), st.integers(1, 5))
def test_distances_are_the_shortest_ways_of_any_graph(count: int, dice: random.Random, depth: int):
    bench = make_bench()
    ids = filled(bench, *(f"entry {number}" for number in range(count)))
    pairs = {tuple(dice.sample(range(count), 2)) for _ in range(dice.randrange(2 * count))}
    for one, other in sorted(pairs):
        bench.base.link(ids[one], ids[other], dice.choice([RELATED, DERIVED, LinkType.CONTRADICTS]))
    far = {0: 0}
    for distance in range(1, depth + 1):
        level = {node for node, at in far.items() if at == distance - 1}
        new = {b for a, b in pairs if a in level} | {a for a, b in pairs if b in level}
        far |= dict.fromkeys(new - far.keys(), distance)
    found = reached(bench, ids[0], depth)
    assert {each: at for each, (at, _) in found.items()} == {ids[node]: at for node, at in far.items() if node}
    for at, through in found.values():
        assert far[ids.index(through)] == at - 1
    bench.base.close()


def test_what_is_near_is_told_apart_from_what_is_linked(bench):
    one = bench.base.add("til", "redis drops sessions", content="redis drops sessions when memory is full").entry.id
    linked = bench.base.add("til", "redis keeps sessions", content="redis keeps sessions when memory is free").entry.id
    near = bench.base.add("til", "redis loses sessions", content="redis loses sessions when memory is full").entry.id
    bench.base.add("til", "bread", content="flour water salt yeast")
    bench.base.link(one, linked)
    found = bench.base.graph.related(one)
    assert [step.entry.id for step in found.around.steps] == [linked]
    assert [hit.entry.id for hit in found.near] == [near]
    assert bench.base.graph.related(one, most_near=0).near == ()


# mentions


def named(bench: Bench) -> set[tuple[str, str, Sort]]:
    with bench.store.snapshot():
        found = list(mentions(bench.store))
        entries = bench.store.entries.by_keys({key for each in found for key in (each.source, each.target)})
    return {(entries[each.source].title, entries[each.target].title, each.sort) for each in found}


def test_entries_name_each_other_by_id_title_error_and_file(bench):
    add = bench.base.add
    first = add(
        "bug", "Sessions vanish after a deploy", error_messages=["NOSCRIPT No matching script"], files=["a/redis.conf"]
    )
    add("til", "by id", content=f"see {first.entry.id}, there")
    add("til", "by title", content="It was *sessions  vanish, after a DEPLOY*: that is all.")
    add("til", "by wiki link", content="[[by id|that one]] and [[nobody]]")
    add("til", "by error", error_messages=["noscript  no matching SCRIPT"])
    add("til", "by file", files=["a/redis.conf"])
    add("til", "nothing", content="sessions vanish after a rain; by title we mean none", error_messages=["Error"])
    title = "Sessions vanish after a deploy"
    assert named(bench) == {
        ("by id", title, Sort.ID),
        ("by title", title, Sort.TITLE),
        ("by wiki link", "by id", Sort.TITLE),
        (title, "by error", Sort.ERROR),
        (title, "by file", Sort.FILE),
    }


def test_a_title_of_several_entries_and_what_holds_no_longer_name_nothing(bench):
    add = bench.base.add
    add("til", "Configure the reverse proxy", content="one")
    add("til", "Configure the reverse proxy", content="another")
    gone = add("til", "Renew the certificates by hand")
    bench.base.deprecate(gone.entry.id)
    add("til", "x", content=f"configure the reverse proxy; renew the certificates by hand; {gone.entry.id}")
    add("bug", "y", error_messages=["Error"])
    add("bug", "z", error_messages=["Error"])
    assert named(bench) == set()


def test_what_many_entries_name_tells_nothing(bench):
    for number in range(6):
        bench.base.add("til", f"note {number}", files=["README.md"], error_messages=["connection refused by peer"])
    assert named(bench) == set()


# suggestions


@pytest.fixture
def cited(bench: Bench) -> tuple[Bench, str, str, str]:
    """An entry that two others name, one of them nearby in meaning, too."""
    add = bench.base.add
    first = add("bug", "Sessions vanish after a deploy", content="redis evicts keys").entry.id
    second = add("til", "about eviction", content="Sessions vanish after a deploy when redis evicts keys").entry.id
    third = add("til", "bread", content=f"flour water salt, and {first}").entry.id
    return bench, first, second, third


def test_links_are_suggested_with_reasons_and_in_the_direction_of_the_mention(cited):
    bench, first, second, third = cited
    found = bench.base.graph.suggester.find()
    by_ends = {(each.source.id, each.target.id): each for each in found.links}
    assert set(by_ends) == {(second, first), (third, first)}
    assert by_ends[third, first].reasons[0] == "names its id"
    assert by_ends[second, first].reasons[0] == "names its title"
    assert [each.score for each in found.links] == sorted((each.score for each in found.links), reverse=True)
    assert found.total == 2
    assert len(bench.base.graph.suggester.find(limit=1).links) == 1
    only = bench.base.graph.suggester.find(Filters(types=(EntryType.BUG,)))
    assert only.total == 2  # at either end
    assert not bench.base.graph.suggester.find(Filters(types=(EntryType.CONFIG,))).links


def test_what_is_accepted_is_linked_and_what_is_dismissed_is_not_suggested_again(cited):
    bench, first, second, third = cited
    suggester = bench.base.graph.suggester
    (made,) = suggester.accept([(second, first)], DERIVED)
    assert (made.source, made.target, made.type) == (second, first, DERIVED)
    assert [each.target.id for each in suggester.find().links] == [first]
    suggester.dismiss([(first, third)])
    assert suggester.find().links == ()
    assert suggester.take_back([(third, first)]) == 1
    assert suggester.find().total == 1
    assert bench.base.past.operations(1)[0].source == "suggest"
    bench.base.past.undo()
    assert {(each.source.id, each.target.id) for each in suggester.find().links} == {(second, first), (third, first)}


def test_what_says_the_same_is_left_to_conflicts(bench):
    for place in ("here", "here"):
        bench.base.add(
            "til", f"Restart nginx {place}", content="systemctl restart nginx after each change of the config"
        )
    found = bench.base.graph.suggester.find()
    assert (found.links, found.repeats) == ((), 1)


def test_without_vectors_mentions_are_suggested_all_the_same(bench):
    bench.loader.problem = ModelNotFound("none")
    first = bench.base.add("bug", "Sessions vanish after a deploy").entry.id
    bench.base.add("til", "x", content=first)
    found = bench.base.graph.suggester.find()
    assert (len(found.links), found.without_vectors) == (1, True)
    assert found.links[0].similarity is None


# generalising


def test_a_draft_holds_what_entries_share_and_quotes_each_with_its_id(bench):
    add = bench.base.add
    ids = [
        add(
            "bug",
            f"Cookie is lost in {browser}",
            content=f"```\ncurl -v\n```\nIt happens in {browser} only.",
            tags=["cookies", browser.lower()],
            project="shop",
            situation=f"login in {browser}",
            solution="send SameSite=None",
            error_messages=["401 Unauthorized"],
        ).entry.id
        for browser in ("Safari", "Firefox", "Chrome")
    ]
    short = bench.base.short_ids(ids)
    draft = bench.base.graph.generalizer.draft(ids, short)
    assert (draft.type, draft.title, draft.project) == (EntryType.PATTERN, "cookie lost", "shop")
    assert (draft.tags, draft.error_messages) == (("cookies",), ("401 Unauthorized",))
    assert draft.situation.splitlines()[0] == f"- {short[ids[0]]}: login in Safari"
    for entry_id in ids:
        assert f"({short[entry_id]})" in draft.content
    assert "> curl -v It happens in Firefox only." in draft.content
    saved = bench.base.graph.generalizer.add(draft, ids)
    links = bench.base.get(saved.entry.id).links
    assert {(line.phrase, line.other.id) for line in links} == {("derived from", each) for each in ids}
    assert bench.base.past.operations(1)[0].verb == "generalize"
    bench.base.past.undo()
    assert bench.base.count() == 3


def test_nothing_is_made_up(bench):
    """Every word of a draft stands in its entries, but for headings, labels and ids."""
    texts = ["alpha beta gamma", "delta epsilon zeta"]
    entries = [bench.base.add("til", text, content=text.upper()).entry for text in texts]
    short = {entry.id: "ID" for entry in entries}
    draft = drafted(entries, short)
    words = set(f"{draft.title} {draft.content} {draft.situation} {draft.solution}".lower().split())
    said = {"##", "###", "what", "they", "share", "from", "-", ">", "(id)", "words:", "tags:"}
    assert words <= said | {word for text in texts for word in text.split()}


def test_a_pattern_needs_two_entries_that_are_there(bench):
    (one,) = filled(bench, "one")
    with pytest.raises(InvalidInput):
        bench.base.graph.generalizer.draft([one], {})
    with pytest.raises(NotFound):
        bench.base.graph.generalizer.draft([one, "01K2KTZZZZZZZZZZZZZZZZZZZZ"], {one: "X"})


def test_projects_that_differ_give_none(bench):
    made = [bench.base.add("til", "x y z", project=name).entry for name in ("a", "b")]
    assert drafted(made, {each.id: "X" for each in made}).project is None
    assert shared_by(made).projects == ("a", "b")


def test_groups_are_near_each_other_and_none_is_generalised_twice(bench):
    words = "nginx proxy reload worker upstream timeout"
    ids = [bench.base.add("til", f"{words} {tail}", content=words * 2).entry.id for tail in ("one", "two", "three")]
    bench.base.add("til", "bread", content="flour water salt yeast")
    (group,) = bench.base.graph.generalizer.groups()
    assert {entry.id for entry in group.entries} == set(ids)
    assert group.least > 0.6
    assert set(group.shared.words) >= {"nginx", "reload"}
    draft = bench.base.graph.generalizer.draft(ids, bench.base.short_ids(ids))
    bench.base.graph.generalizer.add(draft, ids)
    assert bench.base.graph.generalizer.groups() == []


# days

ANY = Span()
DAY_S = 86_400.0


def test_a_day_tells_what_was_added_changed_outdated_and_deleted(bench):
    add, clock = bench.base.add, bench.clock
    kept, stale, gone = (add("til", title).entry.id for title in ("kept", "stale", "gone"))
    first = clock.now()
    clock.elapsed_s += DAY_S
    bench.base.change(kept, title="kept better")
    new = add("til", "new").entry.id
    bench.base.deprecate(stale, new)
    bench.base.delete(gone)
    second = clock.now()
    clock.elapsed_s += DAY_S
    bench.base.change(kept, title="kept best")
    days = {day.day: day for day in bench.base.graph.days(ANY)}
    assert list(days) == sorted(days, reverse=True)
    days_in_order = list(days.values())[::-1]
    assert [[entry.id for entry in day.added] for day in days_in_order] == [[kept], [new], []]
    assert [[entry.id for entry in day.changed] for day in days_in_order] == [[], [kept], [kept]]
    assert [entry.id for entry in days_in_order[1].obsolete] == [stale]
    assert [[each.id for each in day.deleted] for day in days_in_order] == [[], [gone], []]
    only = bench.base.graph.days(Span(first + timedelta(hours=12), second + timedelta(hours=1)))
    assert [day.day for day in only] == [days_in_order[1].day]
    assert bench.base.graph.days(Span(second + timedelta(days=9))) == []
    assert bench.base.get(stale).entry.status is Status.OBSOLETE


def test_what_was_undone_was_not_changed(bench):
    (one,) = filled(bench, "one")
    bench.clock.elapsed_s += DAY_S
    bench.base.change(one, title="two")
    bench.base.past.undo()
    assert [day.changed for day in bench.base.graph.days(ANY)] == [()]
