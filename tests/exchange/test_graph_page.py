"""The page to wander in: what it holds, that nothing a note says can run, and what it does in a browser."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import random
import re
from collections.abc import Iterator
from html import unescape
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from support import Bench, make_bench
from support.browser import Tab, browser
from support.secret_samples import KINDS

from rekall.entry.fields import Draft
from rekall.entry.filters import Filters
from rekall.entry.types import EntryType, LinkType
from rekall.errors import InvalidInput
from rekall.exchange import graph_page
from rekall.exchange.graph_page import NEAR

HOSTILE = (
    "</script><script>window.hit = 1</script>",
    "<img src=x onerror=window.hit=1>",
    "\u2028\u2029 --> <!-- ]]> </main></body>",
    '"><svg onload=window.hit=1>',
    "${window.hit = 1} `window.hit = 1` \\u003cscript>",
)


class Seen(HTMLParser):
    """The elements of a page, with the text of each script and style."""

    def __init__(self, page: str) -> None:
        super().__init__(convert_charrefs=False)
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.code: list[str] = []
        self._in = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        self._in = tag
        if tag in ("script", "style"):
            self.code.append("")

    def handle_endtag(self, tag: str) -> None:
        self._in = ""

    def handle_data(self, data: str) -> None:
        if self._in in ("script", "style"):
            self.code[-1] += data

    @property
    def data(self) -> dict[str, Any]:
        return dict(json.loads(next(code for code in self.code if code.startswith("{"))))


def page_of(bench: Bench, start: str = "", **filters: Any) -> str:
    file = io.BytesIO()
    around = bench.base.graph.around(start, 2) if start else None
    bench.base.graph.write_page(file, Filters(**filters), around)
    return file.getvalue().decode()


@pytest.fixture
def linked() -> Iterator[tuple[Bench, list[str]]]:
    """Four entries: two are linked, two near each other, the last is obsolete."""
    bench = make_bench()
    drafts = [
        Draft(EntryType.BUG, "Redis drops sessions", "redis drops sessions under pressure", ("redis",), "shop"),
        Draft(EntryType.DECISION, "Use a table", "postgres table", ("sql",), "shop"),
        Draft(EntryType.TIL, "redis drops sessions too", "redis drops sessions under pressure, often", (), "blog"),
        Draft(EntryType.TIL, "Baking bread", "flour water salt yeast"),
    ]
    ids = [bench.base.add(draft).entry.id for draft in drafts]
    bench.base.link(ids[1], ids[0], LinkType.DERIVED_FROM, "why")
    bench.base.deprecate(ids[3])
    yield bench, ids
    bench.base.close()


def test_the_map_knows_entries_links_and_what_is_near(linked):
    bench, ids = linked
    data = Seen(page_of(bench)).data
    place = {node[0]: at for at, node in enumerate(data["nodes"])}
    assert set(place) == set(ids)
    assert data["nodes"][place[ids[0]]] == [ids[0], "Redis drops sessions", "bug", "shop", "shop", 0]
    assert data["nodes"][place[ids[3]]][-1] == 1
    assert [place[ids[1]], place[ids[0]], "derived_from"] in data["links"]
    near = [set(link[:2]) for link in data["links"] if link[2] == NEAR]
    assert near == [{place[ids[0]], place[ids[2]]}]
    assert data["colour"] == "project"


def test_a_base_of_one_project_is_grouped_by_its_commonest_tags():
    bench = make_bench()
    for title, tags in (("a", ("x", "y")), ("b", ("y",)), ("c", ())):
        bench.base.add("til", title, tags=tags)
    data = Seen(page_of(bench)).data
    assert {node[1]: node[4] for node in data["nodes"]} == {"a": "y", "b": "y", "c": "til"}
    assert data["colour"] == "type"
    bench.base.close()


def test_filters_surroundings_and_the_most_choose_the_entries(linked):
    bench, ids = linked

    def inside(page: str) -> set[str]:
        return {node[0] for node in Seen(page).data["nodes"]}

    assert inside(page_of(bench, types=(EntryType.BUG,))) == {ids[0]}
    assert inside(page_of(bench, start=ids[0])) == {ids[0], ids[1]}
    file = io.BytesIO()
    written, left = bench.base.graph.write_page(file, most=3)
    assert (written.exported, left) == (3, 1)
    file = io.BytesIO()  # of what is around an entry the nearest stays, however old it is
    bench.base.graph.write_page(file, around=bench.base.graph.around(ids[0]), most=1)
    assert inside(file.getvalue().decode()) == {ids[0]}
    assert len(Seen(page_of(bench, types=(EntryType.CONFIG,))).data["nodes"]) == 0


def test_only_what_is_ours_may_run_and_nothing_may_be_loaded(linked):
    page = page_of(linked[0])
    seen = Seen(page)
    policy = next(
        values["content"] for tag, values in seen.elements if values.get("http-equiv") == "Content-Security-Policy"
    )
    assert policy is not None
    said = dict(part.split(" ", 1) for part in policy.split("; "))
    assert said["default-src"] == "'none'"

    def digest(code: str) -> str:
        return "'sha256-" + base64.b64encode(hashlib.sha256(code.encode()).digest()).decode() + "'"

    style, _, library, own = seen.code
    assert said["style-src"] == digest(style)
    assert said["script-src"].split() == [digest(library), digest(own)]
    for _, values in seen.elements:
        assert not {name for name in values if name.startswith("on") or name in ("style", "src", "srcset")}, values
    assert not [tag for tag, _ in seen.elements if tag in ("link", "img", "iframe", "object", "embed", "base")]
    assert "Permission to use, copy, modify" in library


@pytest.mark.parametrize("text", HOSTILE)
def test_a_hostile_note_stays_text(text: str):
    bench = make_bench()
    entry = bench.base.add(
        "bug", f"a {text}", content=f"{text}\n\n```\n{text}\n```", project=text[:90], tags=[text[:30]]
    )
    page = page_of(bench)
    seen = Seen(page)
    assert len(seen.code) == 4  # style, data, library, our own
    assert not [tag for tag, _ in seen.elements if tag in ("img", "svg")]
    (node,) = seen.data["nodes"]
    assert node[0] == entry.entry.id
    assert re.search(r"\u2028|\u2029", page) is None
    bench.base.close()


def test_a_file_is_written_whole_or_not_at_all(linked, tmp_path, monkeypatch):
    bench, _ = linked
    file = tmp_path / "deep" / "map.html"
    bench.base.graph.write_page(file)
    before = file.read_bytes()
    assert before.startswith(b"<!doctype html>")
    with pytest.raises(InvalidInput):
        bench.base.graph.write_page(tmp_path)

    def fails(*_: object) -> str:
        raise OSError("the disk is full")

    monkeypatch.setattr(graph_page, "_tail", fails)
    with pytest.raises(OSError, match="full"):
        bench.base.graph.write_page(file)
    assert file.read_bytes() == before
    assert [each.name for each in file.parent.iterdir()] == ["map.html"]


def test_what_holds_a_secret_is_named_as_an_export_names_it(linked):
    bench, _ = linked
    _, make = KINDS["github classic"]
    holder = bench.base.add("til", "key", content=f"the token is {make(random.Random(1))}").entry.id
    written, _ = bench.base.graph.write_page(io.BytesIO())
    assert list(written.secrets) == [holder]


# in a browser


@pytest.fixture
def tab(tmp_path: Path) -> Iterator[Tab]:
    with browser(tmp_path / "profile") as opened:
        yield opened


def test_one_wanders_with_mouse_and_keys_without_a_network(tab: Tab, linked, tmp_path: Path):
    bench, ids = linked
    for text in HOSTILE:
        bench.base.add("til", f"hostile {text}", content=f"{text}\n\n`{text}`", tags=[text[:30]])
    file = tmp_path / "map.html"
    bench.base.graph.write_page(file)
    tab.size(1000, 700)
    tab.open(file)
    tab.until("document.documentElement.dataset.laidOut")
    assert tab.run("getComputedStyle(document.querySelector('main')).display") == "none"
    assert _is_drawn(tab)

    # words find, enter opens the first, its links lead on, and back again
    tab.key("/")
    tab.type("table")
    tab.until("document.querySelectorAll('.found button').length === 1")
    assert tab.run("document.querySelector('.bar output').textContent") == f"1 of {len(ids) + len(HOSTILE)}"
    tab.key("Enter")
    tab.until("!document.querySelector('.panel').hidden")
    assert tab.run("document.querySelector('.panel h2').textContent") == "Use a table"
    tab.run("document.querySelector('.panel article a').click()")
    tab.until("document.querySelector('.panel h2').textContent === 'Redis drops sessions'")
    near = tab.run("[...document.querySelectorAll('.note > ul a')].map((each) => each.textContent)")
    assert near == ["redis drops sessions too"]
    tab.run("history.back()")
    tab.until("document.querySelector('.panel h2').textContent === 'Use a table'")
    tab.key("Escape")
    tab.until("document.querySelector('.panel').hidden")
    assert len(tab.run("[...document.querySelectorAll('main article')].map((each) => each.id)")) == len(ids) + len(
        HOSTILE
    )

    # the map: keys zoom and move it, the wheel and the mouse too
    tab.run("document.querySelector('.bar input').value = ''; document.querySelector('canvas').focus()")
    pictures = [tab.picture()]
    for act in (
        lambda: tab.key("+", "+"),
        lambda: tab.key("ArrowLeft"),
        lambda: tab.wheel(400, 300, -240),
        lambda: tab.drag((300, 300), (420, 340)),
    ):
        act()
        tab.run("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
        pictures.append(tab.picture())
    assert len(set(pictures)) == len(pictures)
    tab.key("0", "0")
    tab.key("Enter")
    tab.until("!document.querySelector('.panel').hidden")

    # what is told apart by colour can be left out
    tab.run(
        "[...document.querySelectorAll('.legend button')].find((each) => each.textContent.startsWith('shop')).click()"
    )
    assert tab.run("document.querySelectorAll('.legend button[aria-pressed=false]').length") == 1
    light = tab.picture()
    tab.scheme("dark")
    tab.run("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
    assert tab.picture() != light

    assert tab.run("window.hit") is None
    assert tab.complaints == []
    assert {unescape(address) for address in tab.requests} == {file.as_uri()}


def _is_drawn(tab: Tab) -> bool:
    """Whether anything but the background is on the map."""
    return bool(
        tab.run(
            "(() => { const c = document.querySelector('canvas'), "
            "d = c.getContext('2d').getImageData(0, 0, c.width, c.height).data; return d.some((each) => each !== 0); })()"
        )
    )


def test_a_click_on_an_entry_opens_it_and_one_beside_it_closes_it(tab: Tab, tmp_path: Path):
    bench = make_bench()
    bench.base.add("til", "The only one", content="and its text")
    file = tmp_path / "map.html"
    bench.base.graph.write_page(file)
    bench.base.close()
    tab.size(800, 600)
    tab.open(file)
    tab.until("document.documentElement.dataset.laidOut")
    x, y = tab.run(
        "(() => { const box = document.querySelector('canvas').getBoundingClientRect(); "
        "return [box.left + box.width / 2, box.top + box.height / 2]; })()"
    )
    tab.click(x, y)
    tab.until("!document.querySelector('.panel').hidden")
    assert "and its text" in tab.run("document.querySelector('.panel').textContent")
    tab.click(40, 300)
    tab.until("document.querySelector('.panel').hidden")
    assert tab.complaints == []
