"""A misspelt word is repaired to one of the base's, and said; a beginning finds its word; an exact title is first."""

import pytest
from support import make_bench

from rekall.entry.fields import Draft
from rekall.entry.filters import Filters
from rekall.entry.types import EntryType, LinkType
from rekall.models.vocabulary import KnownWords
from rekall.search.explain import why_line
from rekall.search.query import ParsedQuery, parse_query
from rekall.search.results import Mode, Repair
from rekall.search.snippet import make_snippet
from rekall.search.spelling import Spelling, edits, swapped
from rekall.search.titles import titles_first


@pytest.fixture
def bench():
    made = make_bench()
    for title, content in (
        ("Postgres refuses connections", "pg_hba.conf lists who may connect to PostgreSQL"),
        ("Kubernetes restarts a pod", "the liveness probe of the cluster fails"),
        ("Flask behind a proxy", "the configuration of the proxy says which headers are trusted"),
        ("Modules en Python", "comment importer un module"),
        ("C", "structs"),
        ("C++", "templates"),
    ):
        made.base.add(Draft(EntryType.TIL, title, content))
    yield made
    made.base.close()


def spelling(bench, *known: str) -> Spelling:
    return Spelling(bench.store, lambda word: word in known)


def searched(bench, line: str, *known: str) -> dict[str, str]:
    return {repair.typed: repair.searched for repair in spelling(bench, *known).repaired(parse_query(line))[1]}


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("postgers", "Postgres"),
        ("kuberntes", "Kubernetes"),
        ("conections", "connections"),
        ("flaask", "Flask"),
        ("configurstion", "configuration"),
        ("pobe", None),
        ("porxy", "proxy"),
        ("hte", None),
        ("prbo", None),
    ],
)
def test_a_word_one_edit_from_one_of_the_base_is_repaired(bench, typed, meant):
    assert list(searched(bench, typed).values()) == [meant] * bool(meant)


def test_a_repair_is_said_and_searched_by_every_mode(bench):
    result = bench.base.search("postgers refuses", Filters(), Mode.HYBRID, 3)
    assert result.repaired == (Repair("postgers", "Postgres"),)
    assert result.notes == ('searching for *Postgres* instead of postgers; "postgers" searches as typed',)
    assert result.hits[0].entry.title == "Postgres refuses connections"
    assert "Postgres" in result.hits[0].why.matched


@pytest.mark.parametrize(
    "line",
    [
        '"postgers"',
        "postgres kubernetes",
        "src/postgers.py",
        "--postgers",
        "postgers_1",
        "postgers2",
        "xylophone",
        "",
    ],
)
def test_what_is_quoted_held_a_name_or_far_from_everything_is_left(bench, line):
    assert searched(bench, line) == {}


def test_a_line_taken_as_text_is_not_repaired(bench):
    result = bench.base.search("postgers", Filters(), Mode.WORDS, 3, literal=True)
    assert result.repaired == result.notes == result.hits == ()


def test_a_word_is_never_repaired(bench):
    assert searched(bench, "flash probed", "flash") == {}
    assert searched(bench, "probed robe precluster", "cluster") == {}
    assert searched(bench, "clusted", "clusted") == {}


def test_other_endings_of_a_word_are_no_misspellings(bench):
    assert searched(bench, "importez importes importée modulés") == {}
    assert "parles" not in set(edits("parle"))
    assert "etters" in set(edits("letters"))
    assert "getters" not in set(edits("letters"))


def test_edits_are_bounded_and_swaps_keep_the_letters():
    assert len(set(edits("configuration"))) < 800
    assert all(sorted(each) == sorted("proxy") for each in swapped("proxy"))


def test_the_shipped_vocabulary_knows_words_and_none_without_a_file(tmp_path):
    folder = tmp_path / "model"
    folder.mkdir()
    assert KnownWords([tmp_path])("anything")
    (folder / "tokenizer.json").write_text('{"model": {"vocab": {"the": 1, "##ly": 2, "apple":3}}}', "utf-8")
    known = KnownWords([tmp_path / "none", tmp_path])
    assert [known(word) for word in ("the", "apple", "ly", "teh")] == [True, True, False, False]


@pytest.mark.parametrize(
    ("line", "title"),
    [
        ("postg", "Postgres refuses connections"),
        ("restart kuber", "Kubernetes restarts a pod"),
        ("configurat", "Flask behind a proxy"),
        ("livenes", "Kubernetes restarts a pod"),
    ],
)
@pytest.mark.parametrize("unfinished", [True, False])
def test_the_beginning_of_a_word_finds_it(bench, line, title, unfinished):
    hit = bench.base.search(line, Filters(), Mode.WORDS, 3, unfinished=unfinished).hits[0]
    assert hit.entry.title == title
    assert line.split()[-1] in hit.why.matched


@pytest.mark.parametrize("line", ["naï", "nai", "éch", "ÉCH", "Äpf", "äpf"])
def test_a_beginning_with_an_accent_finds_its_word_from_the_third_letter(bench, line):
    for title in ("Naïve Bayes", "La requête échouée", "Zwei Äpfel"):
        bench.base.add(Draft(EntryType.TIL, title))
    (hit,) = bench.base.search(line, Filters(), Mode.WORDS, 3, unfinished=True).hits
    assert hit.why.matched == (line,)


def test_only_an_unfinished_word_that_is_held_goes_on(bench):
    bench.base.add(Draft(EntryType.TIL, "a post on a blog"))
    found = {
        unfinished: {
            hit.entry.title for hit in bench.base.search("post", Filters(), "words", 9, unfinished=unfinished).hits
        }
        for unfinished in (True, False)
    }
    assert found[False] == {"a post on a blog"}
    assert found[True] == {"a post on a blog", "Postgres refuses connections"}
    finished = bench.base.search("post ", Filters(), "words", 9, unfinished=True).hits
    assert {hit.entry.title for hit in finished} == {"a post on a blog"}


def test_a_snippet_shows_the_word_that_begins_so(bench):
    text = "filler words here " * 30 + "the Kubernetes cluster " + "more of the same " * 30
    assert "Kubernetes" in make_snippet(text, {"kube": "kube"}, bench.store.words.places, ("kube",)).text


@pytest.mark.parametrize("mode", ["words", "hybrid"])
def test_an_exact_title_is_first_and_says_so(bench, mode):
    for number in range(5):
        bench.base.add(Draft(EntryType.TIL, f"proxy proxy {number}", "flask behind a proxy " * 3))
    first, *others = bench.base.search("flask behind a PROXY", Filters(), mode, 9).hits
    assert first.entry.title == "Flask behind a proxy"
    assert first.why.exact_title
    assert "exact title" in why_line(first)
    assert not any(hit.why.exact_title for hit in others)
    assert bench.base.search("c++", Filters(), mode, 9).hits[0].entry.title == "C++"
    assert bench.base.search("c", Filters(), mode, 9).hits[0].entry.title == "C"


def test_an_exact_title_that_no_longer_holds_comes_after_what_replaced_it(bench):
    old = bench.base.add(Draft(EntryType.TIL, "how to rotate logs", "by hand")).entry
    new = bench.base.add(Draft(EntryType.TIL, "logs rotate with logrotate", "how to")).entry
    bench.base.link(new.id, old.id, LinkType.SUPERSEDES)
    hits = bench.base.search("how to rotate logs", Filters(), "words", 5).hits
    assert [hit.entry.id for hit in hits][:2] == [new.id, old.id]


def test_exact_titles_keep_the_order_of_scores_and_the_current_ones_lead():
    ordered = [(1, 0.9), (2, 0.8), (3, 0.5), (4, 0.4), (5, 0.1)]
    assert titles_first(ordered, [], {}) == ordered
    assert [key for key, _ in titles_first(ordered, [3, 5], {})] == [3, 5, 1, 2, 4]
    assert [key for key, _ in titles_first(ordered, [3, 5], {3: None})] == [5, 3, 1, 2, 4]
    assert [key for key, _ in titles_first(ordered, [5], {5: 4, 4: 2, 2: 5})] == [2, 4, 5, 1, 3]


def test_a_query_without_words_is_left(bench):
    query = ParsedQuery("... 123 ?")
    assert spelling(bench).repaired(query) == (query, ())
