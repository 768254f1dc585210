"""Many entries changed at once: all of them, or none."""

from __future__ import annotations

import pytest
from support import Bench, all_links

from rekall.embeddings import EmbeddingService
from rekall.entry.fields import Draft, Entry
from rekall.entry.filters import Filters
from rekall.entry.types import EntryType
from rekall.errors import EditConflict, InvalidInput, NotFound


def add(bench: Bench, title: str, *tags: str, project: str | None = None) -> Entry:
    return bench.base.add(Draft(EntryType.TIL, title, tags=tags, project=project)).entry


def everything(bench: Bench) -> dict[str, Entry]:
    return {entry.title: entry for entry in bench.base.list_entries().entries}


def test_several_are_changed_and_only_those_that_differ_are_said(bench: Bench) -> None:
    one, two, three = add(bench, "one"), add(bench, "two", "git"), add(bench, "three")
    saved = bench.base.change_all([three.id, one.id[-5:], one.id.lower(), two.id], add_tags=["git"], project="web")
    assert [each.entry.title for each in saved] == ["three", "one", "two"]
    assert [(entry.tags, entry.project) for entry in everything(bench).values()] == [(("git",), "web")] * 3
    assert bench.base.change_all([one.id, two.id], add_tags=["git"]) == []
    found = bench.base.search("git", Filters(tags=("git",)), "words").hits
    assert {hit.entry.title for hit in found} == {"one", "two", "three"}  # the words index knows


@pytest.mark.parametrize("wrong", ["ZZZZ", "01ZZZZZZZZZZZZZZZZZZZZZZZZ"])
def test_where_one_id_is_wrong_nothing_is_changed_or_deleted(bench: Bench, wrong: str) -> None:
    before = add(bench, "one")
    for attempt in (lambda ids: bench.base.change_all(ids, add_tags=["x"]), bench.base.delete_all):
        with pytest.raises(NotFound):
            attempt([before.id, wrong])
    assert everything(bench) == {"one": before}


def test_what_one_entry_cannot_be_none_becomes(bench: Bench) -> None:
    before = [add(bench, "one"), add(bench, "two")]
    with pytest.raises(InvalidInput):
        bench.base.change_all([entry.id for entry in before], title="")
    assert list(everything(bench).values()) == before[::-1]


def test_where_another_window_was_quicker_nothing_is_changed(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    one, two = add(bench, "one"), add(bench, "two")
    prepare = EmbeddingService.prepare

    def meanwhile(*arguments: object) -> object:
        monkeypatch.undo()
        bench.base.change(two.id, content="quicker")
        return prepare(*arguments)

    monkeypatch.setattr(EmbeddingService, "prepare", meanwhile)
    with pytest.raises(EditConflict):
        bench.base.change_all([two.id, one.id], content="slower")
    assert {title: entry.content for title, entry in everything(bench).items()} == {"one": "", "two": "quicker"}


def test_several_are_deleted_and_each_can_be_restored(bench: Bench) -> None:
    one, two, three = add(bench, "one"), add(bench, "two"), add(bench, "three")
    bench.base.link(one.id, two.id)
    assert bench.base.delete_all([two.id, one.id, two.id]) == [two, one]
    assert set(everything(bench)) == {"three"}
    for entry in (one, two):
        bench.base.restore(entry.id)
    assert everything(bench) == {"one": one, "two": two, "three": three}
    assert len(all_links(bench.store)) == 1


def test_a_tag_is_renamed_merged_and_removed(bench: Bench) -> None:
    for title, tags in (("one", ("git", "old")), ("two", ("old",)), ("three", ("git",))):
        add(bench, title, *tags)
    assert bench.base.rename_tag("Old", "git") == 2
    assert bench.base.facets().tags == {"git": 3}
    assert bench.base.rename_tag("git", "VCS") == 3
    assert bench.base.facets().tags == {"vcs": 3}
    assert bench.base.rename_tag("vcs", None) == 3
    assert bench.base.facets().tags == {}
    with pytest.raises(NotFound, match="vcs"):
        bench.base.rename_tag("vcs", "x")
    add(bench, "four", "a")
    with pytest.raises(InvalidInput, match="same"):
        bench.base.rename_tag("a", "A")


def test_tags_below_a_renamed_one_go_with_it(bench: Bench) -> None:
    for title, tags in (("one", ("git/hooks", "git")), ("two", ("git/hooks", "gitlab")), ("three", ("digit",))):
        add(bench, title, *tags)
    assert bench.base.rename_tag("git", "vcs") == 2
    assert bench.base.facets().tags == {"vcs/hooks": 2, "digit": 1, "gitlab": 1, "vcs": 1}
    assert bench.base.rename_tag("vcs", None) == 1
    assert bench.base.facets().tags == {"vcs/hooks": 2, "digit": 1, "gitlab": 1}


def test_a_project_is_renamed_and_left(bench: Bench) -> None:
    add(bench, "one", project="web")
    add(bench, "two", project="api")
    assert bench.base.rename_project("web", "api") == 1
    assert bench.base.facets().projects == {"api": 2}
    assert bench.base.rename_project("api", None) == 2
    assert bench.base.facets().projects == {}
    with pytest.raises(NotFound, match="'api'"):
        bench.base.rename_project("api", "x")
