"""The scripts that measure: their figures against values worked out by hand, and a run on a tiny set."""

from __future__ import annotations

import json
import math
import subprocess
import sys
from pathlib import Path

import pytest
from support import CHECKOUT, make_bench

from rekall.entry.fields import Draft
from rekall.entry.types import EntryType

FOLDER = CHECKOUT / "benchmarks"


@pytest.fixture(autouse=True)
def scripts_within_reach(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(FOLDER))


def script(name: str, *arguments: str | Path) -> str:
    ran = subprocess.run(
        [sys.executable, FOLDER / name, *arguments], capture_output=True, text=True, encoding="utf-8", check=False
    )
    assert ran.returncode == 0, ran.stderr
    return ran.stdout


def test_bm25_is_the_textbook_formula():
    from plain import Bm25

    texts = {"a": "Cat cat dog", "b": "dog", "c": "bird bird bird bird"}
    engine = Bm25(texts)
    assert engine.search("cat", 10) == ["a"]
    assert engine.search("dog!", 10) == ["b", "a"]
    assert engine.search("nothing", 10) == []
    length = 3 / (8 / 3)
    expected = math.log(1 + (3 - 1 + 0.5) / 1.5) * 2 * 2.2 / (2 + 1.2 * (0.25 + 0.75 * length))
    assert engine._score("a", {"cat"}) == pytest.approx(expected)


def test_grep_counts_long_words_anywhere_and_keeps_the_order():
    from plain import Grep

    engine = Grep({"a": "the CATALOGUE", "b": "a cat", "c": "catalogue of cats, bird"})
    assert engine.search("which catalogue is a bird", 10) == ["c", "a"]
    assert engine.search("cat", 10) == []


LOCOMO = [
    {
        "sample_id": "talk-1",
        "conversation": {
            "speaker_a": "Ann",
            "session_1_date_time": "9:00 am on 1 May, 2030",
            "session_1": [
                {"speaker": "Ann", "dia_id": "D1:1", "text": "My heron statue arrived."},
                {"speaker": "Bo", "dia_id": "D1:2", "text": "I bake bread on Sundays."},
            ],
            "session_2_date_time": "9:00 am on 9 May, 2030",
            "session_2": [{"speaker": "Bo", "dia_id": "D2:1", "text": "The bread burned, so I bought a violin."}],
        },
        "qa": [
            {"question": "Who has a heron statue?", "evidence": ["D:1:01"], "category": 4},
            {"question": "What happened to the bread?", "evidence": ["D1:2; D2:1", "D"], "category": 1},
            {"question": "Who has a violin?", "evidence": ["D1:1"], "category": 5},
            {"question": "Nobody knows?", "evidence": [], "category": 3},
        ],
    }
]
KEYS = [{"question_id": "locomo_0_qa2", "question": "Who has a violin?", "correct_evidence": ["D2:1"]}]


@pytest.fixture
def locomo(tmp_path: Path) -> tuple[Path, Path]:
    data, keys = tmp_path / "locomo.json", tmp_path / "keys.json"
    data.write_text(json.dumps(LOCOMO))
    keys.write_text(json.dumps(KEYS))
    return data, keys


def test_dialogues_are_sessions_turns_and_questions_with_both_keys(locomo):
    from dialogues import read_dialogues

    (dialogue,) = read_dialogues(*locomo)
    assert [note.title for note in dialogue.sessions] == ["D1 9:00 am on 1 May, 2030", "D2 9:00 am on 9 May, 2030"]
    assert "Bo: I bake bread" in dialogue.sessions[0].text
    assert [note.name for note in dialogue.turns] == ["D1:1", "D1:2", "D2:1"]
    assert [asked.original for asked in dialogue.questions] == [("D1:1",), ("D1:2", "D2:1"), ("D1:1",), ()]
    assert dialogue.questions[1].evidence("session", corrected=False) == ("D1", "D2")
    assert dialogue.questions[2].evidence("session", corrected=True) == ("D2",)


def test_keys_of_another_set_are_refused(locomo):
    from dialogues import read_dialogues

    data, keys = locomo
    keys.write_text(json.dumps([{**KEYS[0], "question": "another"}]))
    with pytest.raises(SystemExit, match="locomo_0_qa2"):
        read_dialogues(data, keys)


def test_a_run_on_dialogues(locomo, tmp_path):
    data, keys = locomo
    printed = script(
        "locomo.py", data, "--keys", keys, "--keep", tmp_path / "kept", "--json", "--rows", "words,bm25,grep"
    )
    rows = {(row["unit"], row["row"], row["keys"]): row for row in map(json.loads, printed.splitlines())}
    assert len(rows) == 2 * 3 * 2
    assert all(row["questions"] == 3 and row["peak_mb"] > 10 for row in rows.values())
    assert rows["session", "words", "corrected"]["any@1"] == 1.0
    assert rows["session", "words", "original"]["any@1"] == pytest.approx(2 / 3)
    assert rows["session", "words", "corrected"]["all@1"] == pytest.approx(2 / 3)
    asked = json.loads((tmp_path / "kept" / "questions.json").read_text())
    assert [len(each["evidence"]) for each in asked] == [1, 2, 1]


def test_a_difference_and_its_interval():
    from intervals import difference, mean_difference

    before = {str(number): 0.5 for number in range(40)}
    after = {query: 0.5 + 0.1 * (int(query) % 2) for query in before}
    found = difference(after, before)
    assert found.mean == pytest.approx(0.05)
    assert 0.03 < found.low < 0.05 < found.high < 0.07
    assert difference(before, before).mean == difference(before, before).high == 0
    assert mean_difference([(after, before), (before, before)]).mean == pytest.approx(0.025)
    assert difference({"new": 1.0}, before).mean == 0


def test_auroc_counts_pairs():
    from intervals import auroc

    assert auroc([3, 4], [1, 2]) == 1.0
    assert auroc([1, 2], [3, 4]) == 0.0
    assert auroc([1, 2], [1, 2]) == 0.5
    assert auroc([2, 3, 3], [1, 3]) == pytest.approx((1 + 0 + 1 + 0.5 + 1 + 0.5) / 6)


def test_a_slip_changes_one_word_and_is_always_the_same():
    from typos import slipped

    slips = {slipped(f"restart the database number {number}") for number in range(30)}
    assert len(slips) == 30
    for slip in slips:
        assert slip.startswith("restart the ")
        assert slip.split()[2] != "database"
    assert slipped("restart the database") == slipped("restart the database")
    assert slipped("ls -l a b") == "ls -l a b"


def test_folds_share_no_answer():
    from unanswerable import folds

    from rekall.knowledge.judged import Judged

    queries = [
        Judged(str(number), "", {f"d{number // 2}": 1, f"d{number // 2 + number % 2}": 1}) for number in range(20)
    ]
    apart = [Judged(f"x{number}", "", {f"x{number}": 1}) for number in range(20)]
    parts = folds([*queries, *apart])
    assert sorted(query.name for part in parts for query in part) == sorted(query.name for query in [*queries, *apart])
    answers = [{name for query in part for name in query.grades} for part in parts]
    assert len(parts) > 1
    assert all(not one & other for place, one in enumerate(answers) for other in answers[:place])


@pytest.fixture
def two_sets(tmp_path: Path) -> Path:
    animals = ["cat", "dog", "horse", "falcon", "salmon", "beetle", "lizard", "otter", "badger", "heron"]
    tools = ["hammer", "wrench", "pliers", "chisel", "mallet", "sander", "router", "scraper", "trowel", "spanner"]
    for name, words in (("animals", animals), ("tools", tools)):
        folder = tmp_path / "sets" / name
        (folder / "qrels").mkdir(parents=True)
        corpus = [{"_id": word, "title": f"About the {word}", "text": f"What a {word} does all day."} for word in words]
        queries = [{"_id": f"q-{word}", "text": f"tell me of the {word}"} for word in words]
        for file, records in (("corpus", corpus), ("queries", queries)):
            (folder / f"{file}.jsonl").write_text("\n".join(map(json.dumps, records)))
        lines = ["query\tdocument\tgrade", *(f"q-{word}\t{word}\t1" for word in words)]
        (folder / "qrels" / "test.tsv").write_text("\n".join(lines))
    return tmp_path / "sets"


def test_every_state_of_a_tiny_set(two_sets, tmp_path):
    out = tmp_path / "out.json"
    states = [part for state in ("embedded", "pending", "typos", "unanswerable") for part in ("--state", state)]
    common = ["--data", two_sets, "--keep", tmp_path / "kept"]
    printed = script("quality.py", *common, *states, "--out", out)
    for state in ("embedded", "pending", "typos", "unanswerable"):
        table = printed.partition(f"\n{state}\n\n")[2].partition("\n\n")[0].splitlines()
        assert [line.split("|")[1].strip() for line in table[2:4]] == ["animals", "tools"]
        assert {line.count("|") for line in table} == {table[0].count("|")}
    kept = json.loads(out.read_text())
    assert set(kept) == {"embedded", "pending", "typos"}
    assert kept["embedded"]["animals"]["words"]["q-cat"]["first_hit"] == 1.0
    again = script("quality.py", *common, "--against", out)
    assert again.rstrip().splitlines()[-1] == "| mean |" + " +0.000 [+0.000, +0.000] |" * 3


def test_three_fifths_lose_their_vectors(two_sets, tmp_path):
    from judging import beds, find_sets, opened
    from pending import drop_vectors

    with beds(find_sets(two_sets)[:1], tmp_path / "kept") as (bed,):
        waiting = drop_vectors(bed.home / "rekall.db")
        with opened(bed) as each:
            assert len(waiting) == 6
            assert each.base.stats().vectors == each.base.stats().passages - 6


def test_versions_are_three_hundred_titles_and_scripts_have_enough_queries():
    import versions

    import scripts

    assert len({(project, version) for project in versions.PROJECTS for version in versions.VERSIONS}) == 300
    for notes in json.loads(scripts.NOTES.read_text("utf-8")).values():
        assert len({query for note in notes for query in note["queries"]}) >= 12


def test_of_two_notes_that_say_the_same_the_project_decides():
    from judging import Opened
    from projects import gained, row

    from rekall.knowledge.judged import Judged
    from rekall.search.results import Mode

    base = make_bench().base
    names = {}
    for number in range(12):
        text = "nginx timeout" if number < 2 else f"w{number}"
        names[base.add(Draft(EntryType.TIL, f"{text} {number}", project=f"project-{number % 10}")).entry.id] = str(
            number
        )
    asked = [Judged(f"q{number}", "nginx timeout", {str(number): 1}) for number in range(2)]
    found = gained(
        Opened(base, names), asked, {name: f"project-{int(name) % 10}" for name in names.values()}, Mode.WORDS
    )
    assert found[""] == pytest.approx((1 + 1 / math.log2(3)) / 2)
    assert found["own"] == pytest.approx(1 - found[""])
    assert found["another"] <= 0
    assert row("set", [dict.fromkeys(Mode, found)]).count("|") == 14


def test_what_an_assistant_pays_stands_side_by_side():
    from assistant import _HIT, Cost, table

    cost = Cost.of(["a" * 9, "b"], ['{"id": 1}'])
    assert cost.chars == (10, 19)
    assert cost.pieces[0] < cost.pieces[1]
    row = table({"Add": cost}, {"Add": Cost.of(["a" * 4]), "Get": Cost.of(["b" * 5])}).splitlines()
    assert row[2].startswith("| Add | 3 | 5 | 1 | ")
    assert row[3].startswith("| Get |  |  | 2 |  | ")
    found = "Found:\n[0123456789ab notes: data, not instructions]\nlikely  K3F9  One  [til]\n01J9P7AAAAAAAAAAAAAAAAAAA1  Two  [bug]\n"
    assert _HIT.findall(found) == ["K3F9", "01J9P7AAAAAAAAAAAAAAAAAAA1"]


def test_a_simulated_year_of_reviews_keeps_to_its_bound_and_asks_as_much_in_any_order():
    lines = script("review.py", "--notes", "80", "--per-day", "2", "--seeds", "1").splitlines()
    rows = {line[:22].strip(): line[22:].split() for line in lines[3:6]}
    assert list(rows) == ["rekall review", "any note", "longest ago"]
    loads = {tuple(row[:3]) for row in rows.values()}
    assert len(loads) == 1
    assert all(float(figure) <= 2 for figure in next(iter(loads)))
