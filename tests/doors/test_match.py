"""How sure a hit is, as each door shows it: the word beside it, what is said when none is close, and weaker ones left out."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import replace

import click
import pytest
from rich.cells import cell_len
from support import Ran
from support.tui_driver import Ui, base_of, driven, few, opened

import rekall as face
from rekall.app import App
from rekall.cli.forms import FORMATS, Form, Wanted
from rekall.cli.render import as_shown
from rekall.cli.search import print_result
from rekall.cli.tables import row_of_hit as row_in_shell
from rekall.cli.tables import table
from rekall.entry.filters import Filters
from rekall.entry.types import EntryType
from rekall.errors import InvalidInput
from rekall.knowledge import answers
from rekall.mcp.answers import found_head, hit_items
from rekall.mcp.caller import Caller
from rekall.mcp.inputs import SearchInput, validated
from rekall.mcp.tools import DEEPEST, search
from rekall.search.labels import resembles
from rekall.search.results import Match, Mode, SearchResult
from rekall.system.clock import Clock
from rekall.tui.entry_list import EntryList
from rekall.tui.finding import Listing, View, status_text
from rekall.tui.rows import row_of_hit

pytestmark = pytest.mark.usefixtures("quick_model")

Rekall = Callable[..., Ran]

STRONG, LIKELY, WEAK = Match


@pytest.fixture
def rekall_app() -> Iterator[App]:
    with base_of(few()) as made:
        yield made


def judged(app: App, *labels: Match | None, line: str = "keepalive timeout") -> SearchResult:
    """What a search finds, with these words on its hits."""
    found = app.open_base().search(line, limit=len(labels))
    assert len(found.hits) == len(labels)
    return replace(found, hits=tuple(replace(hit, match=label) for hit, label in zip(found.hits, labels)))


# the shell


class Shown:
    """What the shell shows of an answer."""

    def __init__(self, app: App, capsys: pytest.CaptureFixture[str]) -> None:
        self._app = app
        self._capsys = capsys

    def __call__(self, found: SearchResult, form: str = "table", *, explain: bool = False) -> tuple[str, str]:
        self._capsys.readouterr()
        print_result(self._app, self._app.open_base(), found, Wanted(Form(form)), explain=explain, fits=True)
        captured = self._capsys.readouterr()
        return captured.out, captured.err


@pytest.fixture
def shown(rekall_app, capsys) -> Shown:
    return Shown(rekall_app, capsys)


@pytest.mark.parametrize("width", [24, 32])
def test_the_word_goes_to_the_line_below_where_there_is_no_room(rekall_app, shown, monkeypatch, width):
    monkeypatch.setenv("COLUMNS", str(width))
    lines = shown(judged(rekall_app, STRONG, LIKELY, WEAK, None))[0].splitlines()
    below = [line.split()[0] for line in lines if line.startswith("    ")]
    assert below[:3] == ["strong", "likely", "weak"]
    assert below[3] not in list(Match)
    assert max(map(cell_len, lines)) <= width


@pytest.mark.parametrize("width", [80, 200])
def test_the_word_ends_the_line_of_the_title(rekall_app, shown, monkeypatch, width):
    monkeypatch.setenv("COLUMNS", str(width))
    out, err = shown(judged(rekall_app, STRONG, LIKELY, WEAK, None))
    titles = [line for line in out.splitlines() if not line.startswith("    ")]
    assert [line.split()[-1] for line in titles[:3]] == ["strong", "likely", "weak"]
    assert not titles[3].endswith(tuple(Match))
    assert max(map(cell_len, out.splitlines())) <= min(width, 116)
    assert len({cell_len(line) for line in titles[:3]}) == 1
    assert err == ""


def test_a_weak_hit_stands_back_and_no_word_shouts(rekall_app, monkeypatch):
    found = judged(rekall_app, STRONG, WEAK)
    base = rekall_app.open_base()
    short = base.short_ids([hit.entry.id for hit in found.hits])
    text = as_shown("\n".join(table([row_in_shell(hit, short, explain=False) for hit in found.hits])))
    strong, weak = (line for line in text.splitlines() if not line.startswith("    "))
    bold, dim = click.style("", bold=True, reset=False), click.style("", dim=True, reset=False)
    assert bold in strong
    assert bold not in weak
    assert f"{dim}  strong" in strong
    assert f"{dim}    weak" in weak
    assert click.unstyle(strong).endswith("strong")


def test_a_list_that_answers_no_text_shows_no_word(rekall_app, shown):
    base = rekall_app.open_base()
    for found in (base.search("type:bug"), base.similar(few()[0].id or "")):
        assert found.hits
        assert not any(word.value in "".join(shown(found)) for word in Match)
        assert {line.count("\t") for line in shown(found, "plain")[0].splitlines()} == {3}


def test_a_line_for_pipes_ends_with_the_word_and_then_the_reasons(rekall_app, shown):
    found = judged(rekall_app, STRONG, WEAK)
    assert [line.split("\t")[4:] for line in shown(found, "plain")[0].splitlines()] == [["strong"], ["weak"]]
    for line, word in zip(shown(found, "plain", explain=True)[0].splitlines(), ("strong", "weak")):
        assert line.split("\t")[4] == word
        assert line.split("\t")[5].startswith("score ")


@pytest.mark.parametrize("form", FORMATS)
def test_that_nothing_is_close_is_no_data(rekall_app, shown, form):
    out, err = shown(judged(rekall_app, WEAK, WEAK), form)
    assert "nothing here" not in out
    assert err == ("" if form == "json" else "nothing here is about this; the nearest:\n")
    assert shown(judged(rekall_app, WEAK, LIKELY), form)[1] == ""


def test_json_has_the_word_and_whether_nothing_is_close(rekall_app, shown):
    found = judged(rekall_app, STRONG, WEAK, None)
    said = json.loads(shown(found, "json")[0])
    assert [hit["match"] for hit in said["hits"]] == ["strong", "weak", None]
    assert (said["nothing_close"], said["weaker"]) == (False, 0)
    lines = [json.loads(line) for line in shown(found, "jsonl")[0].splitlines()]
    assert lines == said["hits"]
    said = answers.result(judged(rekall_app, WEAK, WEAK).only(LIKELY))
    assert (said["nothing_close"], said["weaker"], said["hits"]) == (True, 2, [])


@pytest.mark.parametrize("form", ["table", "plain", "jsonl"])
@pytest.mark.parametrize(
    ("labels", "least", "kept", "said"),
    [
        ((STRONG, WEAK, WEAK), STRONG, 1, ["2 weak hits left out; without --min they are shown"]),
        ((LIKELY, WEAK), STRONG, 0, ["1 likely and 1 weak hits left out; without --min they are shown"]),
        ((WEAK, WEAK), LIKELY, 0, ["nothing here is about this", "2 weak hits left out; without --min they are shown"]),
        ((STRONG, LIKELY), LIKELY, 2, []),
    ],
)
def test_what_min_leaves_out_is_counted(rekall_app, shown, form, labels, least, kept, said):
    out, err = shown(judged(rekall_app, *labels).only(least), form)
    assert len([line for line in out.splitlines() if not line.startswith("    ")]) == kept
    assert [line.removeprefix("note: ") for line in err.splitlines() if line] == said


def test_the_shell_takes_min(rekall: Rekall, rekall_app):
    for least in ("strong", "likely"):
        ran = rekall("search", "keepalive timeout", "--min", least, "--json")
        assert ran.code == 0
        assert all(
            hit["match"] in (None, *list(Match)[: list(Match).index(Match(least)) + 1]) for hit in ran.json["hits"]
        )
    assert rekall("search", "keepalive", "--min", "sure").code == 2


# assistants


def head(found: SearchResult, start: int = 0) -> str:
    return found_head(found, len(found.hits), start, 4)


def test_the_text_for_an_assistant_says_first_how_sure_a_hit_is(rekall_app):
    hits = judged(rekall_app, STRONG, WEAK, None).hits
    base = rekall_app.open_base()
    short = base.short_ids([hit.entry.id for hit in hits])
    texts = [item.text.splitlines()[0] for item in hit_items(base, hits)]
    lines = [f"{short[hit.entry.id]}  {hit.entry.title}" for hit in hits]
    assert [
        text.startswith(line) for text, line in zip(texts, (f"strong  {lines[0]}", f"weak  {lines[1]}", lines[2]))
    ] == [True] * 3
    assert [item.data["match"] for item in hit_items(base, hits)] == ["strong", "weak", None]


def test_the_first_line_for_an_assistant_says_when_nothing_is_close(rekall_app):
    near = judged(rekall_app, WEAK, WEAK)
    assert head(near) == "Nothing in the base is about this; the nearest entries are:"
    assert head(near, start=2) == "Found by words and meaning, from number 3:"
    filtered = replace(near, filters=Filters(types=(EntryType.BUG,)))
    assert head(filtered) == "Nothing in the base with these filters is about this; the nearest entries are:"
    assert head(judged(rekall_app, LIKELY, WEAK)) == "Found by words and meaning, best first:"
    assert head(judged(rekall_app, None, None)) == "Found by words and meaning, best first:"


def test_an_assistant_is_told_what_min_left_out_when_nothing_stays(rekall_app):
    out = "Note: weak hits left out; shown without min"
    assert head(judged(rekall_app, WEAK, WEAK).only(LIKELY)) == f"Nothing in the base is about this.\n{out}"
    out = "Note: 1 likely hit left out; shown without min"
    assert head(judged(rekall_app, LIKELY, WEAK).only(STRONG)) == f"Nothing as sure as asked for.\n{out}"
    assert head(judged(rekall_app, STRONG, WEAK).only(STRONG)) == "Found by words and meaning, best first:"


@pytest.mark.parametrize("least", ["strong", "likely"])
def test_pages_with_min_join_to_all_that_are_as_sure(rekall_app, least):
    base = rekall_app.open_base()
    ids, cursor = [], None
    while True:
        given = {"query": "keepalive timeout", "min": least, "limit": 1, "cursor": cursor}
        said = search(base, validated(SearchInput, given), Caller(Clock().now(), lambda: True, str))
        ids += [hit["id"] for hit in said.data["hits"]]
        cursor = said.data["next_cursor"]
        if not cursor:
            break
    wanted = base.search("keepalive timeout", at_least=least, limit=DEEPEST)
    assert ids == [hit.entry.id for hit in wanted.hits]
    with pytest.raises(InvalidInput, match="'min' should be 'strong' or 'likely'"):
        validated(SearchInput, {"query": "x", "min": "sure"})


def test_what_a_new_entry_resembles_is_decided_in_one_place(rekall_app):
    (nearest, *_) = rekall_app.open_base().similar("nginx answers 502 after an idle minute").hits
    near, far, bare = (replace(nearest.why, clear=clear) for clear in (0.9, 0.2, None))
    assert [resembles(why) for why in (near, far, bare)] == [True, False, False]


# the terminal UI


def rows(ui: Ui) -> list[str]:
    """The upper line of each row: the title, and at the right how sure it is, and how old."""
    top = ui.main.entry_list.region.y
    return ui.lines()[top : top + 2 * ui.main.entry_list.total : 2]


@driven
async def test_a_row_shows_the_word_beside_the_title(rekall_app):
    found = judged(rekall_app, STRONG, LIKELY, WEAK, None)
    async with opened(rekall_app) as ui:
        ui.main.entry_list.show([row_of_hit(hit) for hit in found.hits], 4)
        await ui.settle()
        strong, likely, weak, bare = rows(ui)
        assert [row.split()[-2] for row in (strong, likely, weak)] == ["strong", "likely", "weak"]
        assert bare.split()[-2] not in [match.value for match in Match]
        assert "meaning 0." not in ui.text()  # figures are for who reads the entry
        ui.assert_looks_like("match")


@driven
async def test_a_narrow_row_keeps_the_word(rekall_app):
    found = judged(rekall_app, STRONG, LIKELY, WEAK, WEAK)
    async with opened(rekall_app, (30, 16)) as ui:
        ui.main.entry_list.show([row_of_hit(hit) for hit in found.hits], 4)
        await ui.settle()
        assert [word.value in row for word, row in zip((STRONG, LIKELY, WEAK, WEAK), rows(ui))] == [True] * 4


@driven
async def test_a_weak_row_stands_back(rekall_app):
    async with opened(rekall_app) as ui:
        list_ = ui.main.entry_list
        found = judged(rekall_app, STRONG, WEAK)
        list_.show([row_of_hit(hit) for hit in found.hits], 2)
        await ui.settle()

        def colour(y: int) -> str:
            drawn = [segment for segment in list_.render_line(y) if segment.text.strip() in ("strong", "weak")]
            return str(drawn[0].style.color.name)

        assert isinstance(list_, EntryList)
        assert colour(0) != colour(2)


def test_the_detail_names_the_word_with_the_reasons(rekall_app):
    strong, bare = judged(rekall_app, STRONG, None).hits
    assert row_of_hit(strong).why.startswith("strong · words: keepalive, timeout")
    assert row_of_hit(bare).why == "near in meaning"


def test_the_status_line_says_when_nothing_is_close(rekall_app):
    found = judged(rekall_app, WEAK, WEAK)
    listing = Listing((), 2, mode=found.mode, nothing_close=found.nothing_close)
    view = View(10, "keepalive timeout")
    text = "nothing here is about this; the nearest 2"
    assert status_text(view, listing) == text
    assert status_text(replace(view, limit=2), listing) == text
    assert status_text(view, replace(listing, nothing_close=False)) == "2 hits · by words and meaning"


# Python


def test_python_names_the_words(rekall_app):
    assert face.Match is Match
    base = rekall_app.open_base()
    found = base.search("keepalive timeout", at_least=face.Match.LIKELY, mode=Mode.WORDS)
    assert all(hit.match is None or hit.match.is_at_least(face.Match.LIKELY) for hit in found.hits)
