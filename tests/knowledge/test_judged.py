"""Judged queries: read from a BEIR folder, from the sample notes, and made of a base's own titles."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from support import Bench

from rekall.errors import InvalidInput, NotFound
from rekall.knowledge.judged import Judged, known_answers, read_documents, read_judged, read_samples, sample_folder
from rekall.knowledge.measuring import judge, mean


@pytest.fixture
def beir(tmp_path: Path) -> Path:
    folder = tmp_path / "set"
    write(folder, "corpus.jsonl", {"_id": 1, "title": "one", "text": "first"}, {"_id": "d2", "text": "second"})
    write(folder, "queries.jsonl", {"_id": "q1", "text": "which"}, {"_id": "q2", "text": "never judged"})
    (folder / "qrels").mkdir()
    (folder / "qrels" / "test.tsv").write_text("query-id\tcorpus-id\tscore\nq1\td2\t2\nq1\t1\t0\n\nq2\td2\t0\n")
    return folder


def write(folder: Path, name: str, *records: dict[str, object]) -> None:
    folder.mkdir(exist_ok=True)
    (folder / name).write_text("\n".join(map(json.dumps, records)) + "\n")


def test_documents_and_queries_that_were_judged(beir):
    assert [(each.name, each.title, each.text) for each in read_documents(beir)] == [
        ("1", "one", "first"),
        ("d2", "", "second"),
    ]
    assert read_judged(beir) == [Judged("q1", "which", {"d2": 2})]


def test_a_set_of_duplicates_names_the_query_itself(beir):
    (beir / "meta.json").write_text('{"exclude_self": true}')
    (query,) = read_judged(beir)
    assert query.itself == "q1"
    found = ["x", "d2"]
    assert judge(query, ["q1", *found]) == judge(Judged("", "", {"d2": 2}), found)


def test_judgements_without_a_head_are_read_from_the_first_line(beir):
    (beir / "qrels" / "test.tsv").write_text("q1\td2\t2\r\nq2\t1\t1\r\n")
    assert [(query.name, query.grades) for query in read_judged(beir)] == [("q1", {"d2": 2}), ("q2", {"1": 1})]


def test_a_document_without_text_is_an_empty_one(beir):
    write(beir, "corpus.jsonl", {"_id": "d", "title": None, "text": None})
    assert [(each.title, each.text) for each in read_documents(beir)] == [("", "")]


def test_a_mark_of_byte_order_is_no_part_of_a_file(beir):
    for name in ("corpus.jsonl", "queries.jsonl", "qrels/test.tsv"):
        (beir / name).write_bytes(b"\xef\xbb\xbf" + (beir / name).read_bytes().replace(b"\n", b"\r\n"))
    assert [each.name for each in read_documents(beir)] == ["1", "d2"]
    assert read_judged(beir) == [Judged("q1", "which", {"d2": 2})]


def test_two_documents_of_one_id_are_told(beir):
    write(beir, "corpus.jsonl", {"_id": 1, "text": "first"}, {"_id": "1", "text": "second"})
    with pytest.raises(InvalidInput, match="a second document '1'"):
        list(read_documents(beir))


def test_other_names_leave_out_what_has_none():
    query = Judged("q", "text", {"a": 1, "b": 2}, itself="a")
    assert query.renamed({"a": "1"}) == Judged("q", "text", {"1": 1}, itself="1")


@pytest.mark.parametrize("name", ["corpus.jsonl", "queries.jsonl", "qrels/test.tsv"])
def test_what_a_folder_lacks_is_named(beir, name):
    (beir / name).unlink()
    with pytest.raises(NotFound, match=re.escape(str(Path(name)))) as caught:
        (read_judged(beir), list(read_documents(beir)))
    assert "BEIR" in caught.value.hint


@pytest.mark.parametrize(
    ("name", "text", "problem"),
    [
        ("queries.jsonl", '{"_id": "q1", "text"', "queries.jsonl:1: no JSON object"),
        ("queries.jsonl", '["q1"]', "queries.jsonl:1: no JSON object"),
        ("queries.jsonl", '{"_id": "q1"}', "queries.jsonl:1: no 'text'"),
        ("qrels/test.tsv", "head\nq1\td2\tgood\n", "test.tsv:2: no judgement"),
        ("qrels/test.tsv", "head\nq1 d2 1\n", "test.tsv:2: no judgement"),
        ("qrels/test.tsv", "head\nq9\td2\t1\n", "no query was judged"),
    ],
)
def test_what_cannot_be_read_is_told_with_its_line(beir, name, text, problem):
    (beir / name).write_text(text)
    with pytest.raises(InvalidInput, match=problem.replace("[", r"\[")):
        read_judged(beir)


def test_bytes_that_are_no_text_are_told(beir):
    (beir / "queries.jsonl").write_bytes(b'{"_id": "q1", "text": "caf\xe9"}')
    with pytest.raises(InvalidInput, match="UTF-8"):
        read_judged(beir)


def test_every_sample_query_is_answered_by_notes_that_are_there():
    notes = {path.stem for path in (sample_folder() / "notes").glob("*.md")}
    queries = read_samples()
    assert len(queries) >= 25
    assert len({query.text for query in queries}) == len({query.name for query in queries}) == len(queries)
    assert [query for query in queries if not query.grades or set(query.grades) - notes] == []


def test_a_title_is_answered_by_every_entry_that_bears_it(bench: Bench):
    ids = [bench.base.add("bug", title).entry.id for title in ("same", "other", "same")]
    known = {query.text: set(query.grades) for query in known_answers(bench.base.list_entries().entries)}
    assert known == {"same": {ids[0], ids[2]}, "other": {ids[1]}}


def test_of_many_titles_the_same_are_always_taken(bench: Bench):
    for number in range(30):
        bench.base.add("bug", f"title {number}")
    entries = bench.base.list_entries().entries
    chosen = known_answers(entries, 10)
    assert len({query.text for query in chosen}) == 10
    assert known_answers(reversed(entries), 10) == chosen


def test_means_are_over_queries():
    query = Judged("q", "text", {"a": 1})
    found = mean([judge(query, ["a"]), judge(query, ["x", "a"]), judge(query, [])])
    assert found.first_hit == pytest.approx(1 / 3)
    assert found.recall == pytest.approx(2 / 3)
    assert found.mrr == pytest.approx(0.5)
