"""The HTML page of an export: what it shows, what it refuses to run or load, and that it can be read without a script."""

from __future__ import annotations

import base64
import hashlib
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support import Bench, make_bench
from support.depth import tries
from support.drafts import DRAFTS, TEXT

from rekall.entry.fields import Draft
from rekall.entry.filters import Filters
from rekall.entry.types import EntryType

FRAME = {
    *("html", "head", "meta", "title", "style", "body", "h1", "form", "input", "select", "option", "output", "main"),
    "script",
}
ENTRY = {"article", "h2", "h3", "h4", "h5", "h6", "p", "div", "bdi", "ul", "ol", "li", "a", "pre", "code", "em", "strong", "s",
    "blockquote", "table", "thead", "tbody", "tr", "th", "td", "hr", "br"}  # fmt: skip
ATTRIBUTES = {
    "article": {"id", "data-type", "data-project", "class"},
    "a": {"href", "rel"},
    "div": {"dir", "class"},
    "li": {"dir", "class"},
    "h2": {"dir"},
    "p": {"class"},
    "code": {"class"},
    "ol": {"start"},
    "th": {"style"},
    "td": {"style"},
}
VOID = {"meta", "input", "hr", "br"}


class Seen(HTMLParser):
    """What a browser sees: elements, their attributes, and texts by element."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.texts: dict[str, list[str]] = {}
        self.open: list[str] = []
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.texts.setdefault(self.open[-1] if self.open else "", []).append(data)


def page_of(bench: Bench, folder: Path, filters: Filters = Filters()) -> str:  # noqa: B008  # frozen
    bench.base.files.export(folder / "page.html", filters)
    return (folder / "page.html").read_bytes().decode()


def harmless(page: str) -> Seen:
    """The page, after nothing was found in it that could run or load."""
    seen = Seen(page)
    assert seen.open == []
    assert [tag for tag, _ in seen.elements].count("script") == 1
    inside = False
    for tag, attributes in seen.elements:
        inside |= tag == "article"
        if inside and tag != "script":
            assert tag in ENTRY
            assert set(attributes) <= ATTRIBUTES.get(tag, set())
            assert re.fullmatch(r"text-align:\w+", attributes.get("style") or "text-align:left")
            address = attributes.get("href") or "#"
            assert not re.match(r"\s*(?:javascript|vbscript|data|file):", address, re.IGNORECASE)
        else:
            assert tag in FRAME | {"script"}
            assert not {"src", "onload", "onclick", "href"} & set(attributes)
    return seen


def test_a_page_shows_entries_with_their_links_and_what_no_longer_holds(bench: Bench, tmp_path: Path) -> None:
    old = bench.base.add(
        Draft(EntryType.BUG, "Old", "# Head\n\nsome *text*", ("web",), "api", error_messages=("E: <1>",))
    ).entry
    new = bench.base.add(Draft(EntryType.TIL, "New", "| a | b |\n|---|---|\n| 1 | 2 |")).entry
    bench.base.link(new.id, old.id, "supersedes", "because <b>")
    page = page_of(bench, tmp_path)
    seen = harmless(page)
    articles = [attributes for tag, attributes in seen.elements if tag == "article"]
    assert [(each["id"], each["data-type"], each.get("data-project"), each.get("class")) for each in articles] == [
        (old.id, "bug", "api", "obsolete"),
        (new.id, "til", None, None),
    ]
    hrefs = [attributes["href"] for tag, attributes in seen.elements if tag == "a"]
    assert hrefs == [f"#{new.id}", f"#{old.id}"]
    assert "#web" in seen.texts["bdi"]
    assert "because <b>" in seen.texts["bdi"]
    assert "E: <1>" in seen.texts["li"]
    assert (seen.texts["em"], seen.texts["td"]) == (["text"], ["1", "2"])
    assert "<h3>Head</h3>" in page
    assert seen.texts["title"] == ["Rekall: 2 entries"]


def test_a_link_to_an_entry_that_is_not_on_the_page_is_its_title(bench: Bench, tmp_path: Path) -> None:
    first = bench.base.add(Draft(EntryType.BUG, "First")).entry
    second = bench.base.add(Draft(EntryType.TIL, "Second")).entry
    bench.base.link(first.id, second.id)
    page = page_of(bench, tmp_path, Filters(types=(EntryType.BUG,)))
    assert second.id not in page
    assert "<bdi>Second</bdi>" in page


HOSTILE = [
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "</article></main><script>alert(1)</script>",
    "<!--", "-->", "]]>", "<![CDATA[", "<style>*{display:none}</style>", "</script>", "</title><script>",
    "[x](javascript:alert(1))", "[x](JaVaScRiPt:alert(1))", "[x](java\nscript:alert(1))", "[x](&#106;avascript:alert(1))",
    "[x](data:text/html,<script>alert(1)</script>)", "<javascript:alert(1)>", "[x]: javascript:alert(1)\n\n[x]",
    "![a](http://example.org/track.png)", "![a](data:image/svg+xml;base64,PHN2Zz4=)", "[![a](b.png)](c)",
    '[x](http://e.org "\\"onmouseover=alert(1)")', "[a](<x\" onclick=alert(1)>)", "`</code><script>`",
    "```html\" onload=alert(1)\n<script>\n```", "<a href=\"x\" onclick=y>", "<svg/onload=alert(1)>",
    "<iframe src=//e.org>", "<base href=//e.org>", "<meta http-equiv=refresh content=0>", "&lt;script&gt;",
    "\u202eevil\u2066", "\x1b[31mred", "\x00".replace("\x00", "\x01"), "> " * 40, "[" * 60, "*" * 60, "~~x~~",
]  # fmt: skip


@pytest.mark.parametrize("text", HOSTILE)
def test_nothing_in_a_note_can_run_or_load(bench: Bench, tmp_path: Path, text: str) -> None:
    line = " ".join(text.split())
    bench.base.add(
        Draft(EntryType.BUG, line, f"{text}\n\n# {text}\n\n- {text}", (line,), line, situation=text, sources=(text,))
    )
    page = page_of(bench, tmp_path)
    harmless(page)
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]", page)


@settings(deadline=None, max_examples=tries(60))
@given(drafts=st.lists(DRAFTS, max_size=3), text=st.lists(st.sampled_from(HOSTILE) | TEXT, max_size=6).map(" ".join))
def test_no_note_at_all_can_run_or_load(
    tmp_path_factory: pytest.TempPathFactory, drafts: list[Draft], text: str
) -> None:
    bench = make_bench()
    try:
        for draft in (*drafts, Draft(EntryType.TIL, "t", text)):
            bench.base.add(draft)
        harmless(page_of(bench, tmp_path_factory.mktemp("page")))
    finally:
        bench.base.close()


def test_what_would_turn_the_direction_of_a_text_is_seen(bench: Bench, tmp_path: Path) -> None:
    bench.base.add(Draft(EntryType.TIL, "a \u202e b", "c \u2066 d, e &#8238; f"))
    page = page_of(bench, tmp_path)
    assert "a &lt;U+202E&gt; b" in page
    assert "c &lt;U+2066&gt; d, e &lt;U+202E&gt; f" in page
    assert "\u202e" not in page


def test_the_policy_lets_only_the_page_s_own_script_and_styles_in(bench: Bench, tmp_path: Path) -> None:
    seen = harmless(page_of(bench, tmp_path))
    policy = next(attributes["content"] or "" for tag, attributes in seen.elements if attributes.get("http-equiv"))
    rules = dict(rule.strip().partition(" ")[::2] for rule in policy.split(";"))
    for element, rule in (("script", "script-src"), ("style", "style-src")):
        digest = base64.b64encode(hashlib.sha256("".join(seen.texts[element]).encode()).digest()).decode()
        assert rules[rule] == f"'sha256-{digest}'"
    assert (rules["default-src"], rules["base-uri"], rules["form-action"]) == ("'none'", "'none'", "'none'")


def test_a_page_can_be_read_without_a_script(bench: Bench, tmp_path: Path) -> None:
    bench.base.add(Draft(EntryType.TIL, "Readable", "all of it"))
    seen = harmless(page_of(bench, tmp_path))
    (form,) = (attributes for tag, attributes in seen.elements if tag == "form")
    assert "hidden" in form  # the search shows itself once it works
    assert not any("hidden" in attributes for tag, attributes in seen.elements if tag == "article")
    assert any("all of it" in text for text in seen.texts["p"])
