"""`rekall tags` and `rekall projects`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from support import Ran

from rekall.app import App
from rekall.entry.fields import Draft
from rekall.entry.types import EntryType

Rekall = Callable[..., Ran]


@pytest.fixture
def base(quick_model, home: Path) -> None:
    app = App()
    base = app.open_base(to_write=True)
    for number, tags in enumerate((("k8s", "net"), ("k8s",), ("kubernetes", "net/dns"), ("net",))):
        base.add(Draft(EntryType.TIL, f"note {number}", "x", tags, "webapp" if number else "infra"))
    app.close()


def counts(rekall: Rekall, what: str = "tags", *options: str) -> dict[str, int]:
    return {each["name"]: each["entries"] for each in rekall(what, *options, "--json").json[what]}


pytestmark = pytest.mark.usefixtures("base")


def test_tags_are_listed_with_their_counts(rekall: Rekall) -> None:
    assert counts(rekall) == {"k8s": 2, "net": 2, "kubernetes": 1, "net/dns": 1}
    assert list(counts(rekall, "tags", "--sort", "name")) == ["k8s", "kubernetes", "net", "net/dns"]
    assert counts(rekall, "tags", "--project", "infra") == {"k8s": 1, "net": 1}
    assert rekall("tags", "list").out == rekall("tags").out
    assert rekall("tags").out.splitlines()[0].split() == ["k8s", "2"]
    assert counts(rekall, "projects") == {"webapp": 3, "infra": 1}


def test_a_tag_is_renamed_with_those_below_it(rekall: Rekall) -> None:
    dry = rekall("tags", "rename", "net", "network", "--dry-run")
    assert (dry.code, dry.out, dry.err) == (0, "", "dry run, nothing changed: 'net' becomes 'network' in 3 entries\n")
    ran = rekall("tags", "rename", "net", "network")
    assert (ran.code, ran.err) == (0, "changed 3 entries\n")
    assert counts(rekall) == {"k8s": 2, "network": 2, "kubernetes": 1, "network/dns": 1}


def test_what_nobody_can_take_apart_again_is_asked_first(rekall: Rekall) -> None:
    ran = rekall("tags", "rename", "k8s", "kubernetes")
    assert ran.code == 2
    assert "one entry has already" in ran.err
    assert "--yes" in ran.err
    assert counts(rekall)["k8s"] == 2
    assert rekall("tags", "merge", "k8s", "net", "kubernetes", "--yes").code == 0
    assert counts(rekall) == {"kubernetes": 4, "kubernetes/dns": 1}


def test_tags_are_removed_and_the_entries_stay(rekall: Rekall) -> None:
    assert rekall("tags", "remove", "k8s", "net", "--json").json["changed"] == 4
    assert counts(rekall) == {"kubernetes": 1, "net/dns": 1}
    assert rekall("list", "--json").json["total"] == 4


def test_nothing_is_changed_where_one_of_them_is_unknown(rekall: Rekall) -> None:
    before = counts(rekall)
    ran = rekall("tags", "merge", "k8s", "nett", "kubernetes", "--yes")
    assert (ran.code, ran.err) == (3, "error: no entry has the tag 'nett'\n\nhint: did you mean 'net'?\n")
    assert counts(rekall) == before
    assert rekall("tags", "merge", "k8s").code == 2


def test_a_project_is_renamed_joined_and_left(rekall: Rekall) -> None:
    assert rekall("projects", "rename", "infra", "ops").err == "changed 1 entry\n"
    assert counts(rekall, "projects") == {"webapp": 3, "ops": 1}
    assert rekall("projects", "rename", "ops", "webapp").code == 2
    assert rekall("projects", "rename", "ops", "webapp", "--yes").code == 0
    assert rekall("projects", "rename", "webapp", "-", "--json").json["changed"] == 4
    assert counts(rekall, "projects") == {}
    ran = rekall("projects", "rename", "webap", "x")
    assert (ran.code, "no project 'webap'" in ran.err) == (3, True)


@pytest.mark.parametrize(
    "arguments", [("rename", "k8s", "k8s"), ("rename", "K8S", "k8s"), ("remove", ""), ("rename", "k8s", " ")]
)
def test_a_name_that_cannot_be_is_refused(rekall: Rekall, arguments: tuple[str, ...]) -> None:
    ran = rekall("tags", *arguments, "--yes")
    assert ran.code in (2, 3, 4)
    assert ran.err.startswith("error: ")
    assert counts(rekall)["k8s"] == 2


def test_filters_that_choose_nothing_are_not_taken_for_an_empty_base(rekall: Rekall) -> None:
    for what in ("tags", "projects"):
        ran = rekall(what, "--tag", "nowhere")
        assert (ran.code, ran.err) == (0, f"no {what}: no entry that these filters choose has one\n")
