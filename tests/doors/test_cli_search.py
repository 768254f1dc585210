"""search and similar from the shell: formats, filters, reasons, and answers without an engine."""

from __future__ import annotations

import json
import subprocess
import sys
import unicodedata
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from rich.cells import cell_len
from support import FakeEncoder, Ran

from rekall.app import App
from rekall.models.library import FolderLoader

Rekall = Callable[..., Ran]

NOTES: list[dict[str, Any]] = [
    {
        "id": "01J9P7AAAAAAAAAAAAAAAAAAA1",
        "type": "bug",
        "title": "nginx answers 502 after a deploy",
        "content": "The keep-alive timeout of the upstream was shorter.",
        "tags": ["nginx", "deploy"],
        "project": "api",
        "updated": "2024-05-01",
    },
    {
        "id": "01J9P7AAAAAAAAAAAAAAAAAAA2",
        "type": "config",
        "title": "nginx rate limit",
        "content": "limit_req zone=login burst=5",
        "tags": ["nginx"],
        "project": "web",
        "updated": "2024-04-01",
    },
    {
        "id": "01J8AAAAAAAAAAAAAAAAAAAAA3",
        "type": "pitfall",
        "title": "Celery loses tasks",
        "content": "acks_late and the visibility timeout",
        "tags": ["celery"],
        "updated": "2024-03-01",
    },
    {
        "id": "01J7AAAAAAAAAAAAAAAAAAAAA4",
        "type": "decision",
        "title": "Old way to restart nginx",
        "content": "restart it",
        "status": "obsolete",
        "superseded_by": "01J6AAAAAAAAAAAAAAAAAAAAA5",
        "updated": "2024-02-01",
    },
    {
        "id": "01J6AAAAAAAAAAAAAAAAAAAAA5",
        "type": "decision",
        "title": "Reload instead of restart",
        "content": "nginx -s reload keeps connections",
        "updated": "2024-01-01",
    },
    {
        "id": "01J5AAAAAAAAAAAAAAAAAAAAA6",
        "type": "til",
        "title": "日本語のとても長いタイトル 🦊 about 文字化け and mojibake in terminals of every width",
        "content": "文字化け " * 60,
        "updated": "2023-01-01",
    },
    {
        "id": "01J4AAAAAAAAAAAAAAAAAAAAA7",
        "type": "snippet",
        "title": "bell \x07 here",
        "content": "evil \x1b]0;title\x07 \x9b31m text\x08\x08\x7f",
        "project": "pro\x07\x9bject",
        "tags": ["ta\x07g"],
        "error_messages": ["err\x1b[2Jor"],
        "files": ["fi\x0ble"],
        "sources": ["sou\x9drce"],
        "keywords": ["key\x07word"],
        "updated": "2022-01-01",
    },
    {"id": "01J3AAAAAAAAAAAAAAAAAAAAA8", "type": "snippet", "title": "b", "content": "b", "updated": "2021-01-01"},
]
FIRST, SECOND, OLD, NEW, WIDE, EVIL = (NOTES[place]["id"] for place in (0, 1, 3, 4, 5, 6))


def quick_load(loader: FolderLoader, name: str) -> FakeEncoder:
    # fails as the real one does when there is no such model
    return FakeEncoder(dim=384, fingerprint=loader.identify(name).fingerprint)


@pytest.fixture(scope="module")
def stocked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with `NOTES`, made once; the tests only read it."""
    folder = tmp_path_factory.mktemp("stocked")
    file = folder / "notes.jsonl"
    file.write_text("".join(json.dumps(note) + "\n" for note in NOTES), "utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(FolderLoader, "load", quick_load)
        app = App({"REKALL_HOME": str(folder / "home")})
        report = app.open_base(to_write=True).files.import_paths([file])
        app.close()
    assert (report.added, report.refused, report.warning) == (len(NOTES), [], "")
    return folder / "home"


@pytest.fixture(autouse=True)
def stocked_home(home: Path, stocked: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REKALL_HOME", str(stocked))
    monkeypatch.setattr(FolderLoader, "load", quick_load)


def ids(ran: Ran) -> list[str]:
    return [hit["id"] for hit in ran.json["hits"]]


# shape


def test_the_answer_has_the_documented_shape(rekall: Rekall) -> None:
    ran = rekall("search", "nginx", "timeout", "--json")
    assert (ran.code, ran.err) == (0, "")
    answer = ran.json
    assert list(answer) == ["schema_version", "query", "filters", "notes", "mode", "nothing_close", "weaker", "hits"]
    assert (answer["schema_version"], answer["query"]) == (2, "nginx timeout")
    assert (answer["filters"], answer["notes"]) == (None, [])
    assert answer["mode"] == {"requested": "hybrid", "used": "hybrid", "reason": None}
    kinds: dict[str, Any] = {
        "id": str,
        "type": str,
        "title": str,
        "score": float,
        "similarity": float,
        "snippet": str,
        "tags": list,
        "project": (str, type(None)),
        "status": str,
    }
    for hit in answer["hits"]:
        for name, kind in kinds.items():
            assert isinstance(hit[name], kind), name
    hit = answer["hits"][0]
    assert (hit["id"], hit["type"], hit["tags"], hit["project"], hit["status"]) == (
        FIRST,
        "bug",
        ["nginx", "deploy"],
        "api",
        "active",
    )


def test_json_is_short_for_format_json(rekall: Rekall) -> None:
    assert (
        rekall("search", "nginx", "--json").out
        == rekall("search", "nginx", "--format", "json").out
        == rekall("search", "nginx", "-f", "json").out
    )


def test_json_lines_are_the_same_hits_one_a_line(rekall: Rekall) -> None:
    ran = rekall("search", "nginx", "--format", "jsonl")
    assert [json.loads(line) for line in ran.out.splitlines()] == rekall("search", "nginx", "--json").json["hits"]


def test_plain_is_id_type_score_title_and_match_between_tabs(rekall: Rekall) -> None:
    hits = rekall("search", "nginx", "--mode", "words", "--json").json["hits"]
    lines = rekall("search", "nginx", "--mode", "words", "--format", "plain").out.splitlines()
    assert len(lines) == len(hits) > 2
    for line, hit in zip(lines, hits):
        short, kind, score, title, *match = line.split("\t")
        assert match == ([hit["match"]] if hit["match"] else [])
        assert hit["id"].endswith(short)
        assert (kind, float(score), title) == (hit["type"], pytest.approx(hit["score"], abs=0.001), hit["title"])
        assert rekall("show", short, "--json").json["entry"]["id"] == hit["id"]


def test_the_table_names_every_hit_with_its_short_id(rekall: Rekall, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "120")
    table = rekall("search", "nginx", "--limit", "3").out
    for line in rekall("search", "nginx", "--limit", "3", "--format", "plain").out.splitlines():
        short, kind, _, title = line.split("\t")[:4]
        assert short in table
        assert kind in table
        assert title in table


@pytest.mark.parametrize("width", [40, 80])
@pytest.mark.parametrize("command", [("search", "mojibake in nginx"), ("similar", FIRST)])
def test_a_table_fits_the_terminal(
    rekall: Rekall, monkeypatch: pytest.MonkeyPatch, width: int, command: tuple[str, ...]
) -> None:
    monkeypatch.setenv("COLUMNS", str(width))
    lines = rekall(*command).out.splitlines()
    assert len(lines) > 4
    assert [line for line in lines if cell_len(line) > width] == []


@pytest.mark.parametrize("form", ["table", "plain", "json", "jsonl"])
def test_a_pipe_gets_no_escape_sequences(rekall: Rekall, form: str) -> None:
    ran = rekall("search", "nginx", "--explain", "--format", form)
    assert FIRST[-4:] in ran.out
    assert "\x1b" not in ran.out + ran.err


@pytest.mark.parametrize(
    "command",
    [
        ("search", "bell"),
        ("search", "bell", "--explain"),
        ("search", "bell", "--format", "plain"),
        ("search", "bell", "--json"),
        ("search", "bell", "--format", "jsonl"),
        ("show", EVIL),
        ("show", EVIL, "--json"),
        ("list",),
        ("list", "--json"),
        ("similar", FIRST),
        ("similar", "bell here"),
        ("stats",),
        ("stats", "--json"),
        ("show", "01J"),
        ("index", "status"),
    ],
)
def test_control_characters_of_an_entry_never_reach_the_terminal(
    rekall: Rekall, monkeypatch: pytest.MonkeyPatch, command: tuple[str, ...]
) -> None:
    import click

    monkeypatch.setattr("click.utils.should_strip_ansi", lambda stream, color=None: False)  # as on a terminal
    said = rekall(*command)
    text = click.unstyle(said.out + said.err)  # our own colours are welcome
    assert text
    assert {character for character in text if unicodedata.category(character) == "Cc"} <= {"\n", "\t"}


def test_an_empty_answer_is_a_success_that_says_so_on_stderr(rekall: Rekall) -> None:
    ran = rekall("search", "zzzzqqqq", "--mode", "words")
    assert (ran.code, ran.out) == (0, "")
    assert "nothing found" in ran.err
    assert rekall("search", "zzzzqqqq", "--mode", "words", "--json").json["hits"] == []
    assert rekall("search", "zzzzqqqq", "--mode", "words", "--format", "jsonl").out == ""


@pytest.mark.parametrize("line", ["", "  \n"])
def test_an_empty_line_searches_for_nothing(rekall: Rekall, line: str) -> None:
    ran = rekall("search", line)
    assert (ran.code, ran.out) == (0, "")
    assert "nothing to search for" in ran.err


def test_an_empty_base_says_how_to_begin(rekall: Rekall, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REKALL_HOME", str(home))
    ran = rekall("search", "anything")
    assert (ran.code, ran.out) == (0, "")
    assert "rekall add" in ran.err
    assert rekall("search", "anything", "--json").json["hits"] == []
    assert not home.exists()


# query and filters


@pytest.mark.parametrize(
    ("line", "found"),
    [
        (("nginx", "--type", "bug"), {FIRST}),
        (("nginx", "--type", "bug", "--type", "config"), {FIRST, SECOND}),
        (("nginx", "--tag", "deploy"), {FIRST}),
        (("nginx", "--tag", "NGINX", "--project", "web"), {SECOND}),
        (("nginx", "--since", "2024-04-15"), {FIRST}),
        (("nginx", "--status", "obsolete"), {OLD}),
        (("nginx", "type:bug"), {FIRST}),
        (("nginx tag:deploy project:api",), {FIRST}),
        (("status:obsolete",), {OLD}),
        (("type:bug", "--type", "config"), {SECOND}),
        (("--mode", "words", "--", "nginx", "-rate", "-restart"), {FIRST}),
        (("--mode", "words", '"keep-alive timeout"'), {FIRST}),
        (("--mode", "words", "limit_req"), {SECOND}),
    ],
)
def test_queries_and_options_filter(rekall: Rekall, line: tuple[str, ...], found: set[str]) -> None:
    assert set(ids(rekall("search", "--json", *line))) == found


def test_since_in_the_line_filters_like_the_option(rekall: Rekall) -> None:
    every = ids(rekall("search", "nginx", "--json"))
    assert every
    for words in (("since:2099-01-01 nginx",), ("nginx", "since:2099-01-01"), ("nginx", "--since", "2099-01-01")):
        ran = rekall("search", *words, "--json")
        assert (ran.json["hits"], ran.json["filters"]) == ([], "since:2099-01-01")
        assert all("since:2099-01-01" in note for note in ran.json["notes"])
        assert rekall("search", *words, "--mode", "words").out == ""
    assert ids(rekall("search", "since:2000-01-01 nginx", "--json")) == every


def test_dates_in_the_line_are_said_as_people_say_them_and_need_no_quotes(rekall: Rekall) -> None:
    ran = rekall("search", "nginx", "until:the", "day", "before", "yesterday", "created:2024-04..", "--json")
    assert ran.json["filters"].startswith("until:20")
    assert ran.json["filters"].endswith(" created:2024-04-01..")
    assert set(ids(ran)) == set(ids(rekall("search", "nginx", "--created", "2024-04..", "--json"))) != set()


def test_dates_that_nothing_can_pass_are_said(rekall: Rekall) -> None:
    why = "since:2024-05-01 lies after until:2024-03-31"
    ran = rekall("search", "nginx", "since:2024-05", "--until", "2024-03", "--json")
    assert ran.json["hits"] == []
    assert why in " ".join(ran.json["notes"])
    ran = rekall("search", "nginx", "--since", "2024-05", "--until", "2024-03")
    assert ran.code == 4
    assert why in ran.err


@pytest.mark.parametrize(
    ("word", "words"),
    [
        ("type:bgu", "`bug`"),
        ("tags:nginx", "`tag:nginx`"),
        ("types:bug", "`type:bug`"),
        ("since:yesterdya", "did you mean yesterday?"),
        ("status:done", "obsolete"),
    ],
)
def test_what_looks_like_a_filter_and_is_none_is_noted(rekall: Rekall, word: str, words: str) -> None:
    answer = rekall("search", "nginx", word, "--json").json
    assert answer["filters"] is None
    (note,) = answer["notes"]
    assert note.startswith(f"{word} is not a filter and was searched as text")
    assert words in note
    for form in ("table", "plain", "jsonl"):
        ran = rekall("search", "nginx", word, "--format", form)
        assert f"\nnote: {note}\n" in ran.err
        assert "is not a filter" not in ran.out


@pytest.mark.parametrize("line", ["nginx", "std::map nginx", "http://nginx", "nginx 10:30", "C:\\nginx"])
def test_no_note_where_nothing_looks_wrong(rekall: Rekall, line: str) -> None:
    assert rekall("search", line, "--json").json["notes"] == []
    assert "note:" not in rekall("search", line).err


def test_filters_apply_before_the_cut(rekall: Rekall) -> None:
    assert ids(rekall("search", "nginx", "--limit", "1", "--type", "decision", "--status", "active", "--json")) == [NEW]


def test_words_may_be_quoted_or_not(rekall: Rekall) -> None:
    assert rekall("search", "nginx", "timeout", "--json").out == rekall("search", "nginx timeout", "--json").out


def test_a_lone_dash_reads_the_query_from_stdin(rekall: Rekall) -> None:
    assert ids(rekall("search", "-", "--json", "--mode", "words", stdin="acks_late\n")) == [NOTES[2]["id"]]


@pytest.mark.parametrize("flags", [("--limit", "2"), ("-n", "2")])
def test_the_limit_holds(rekall: Rekall, flags: tuple[str, ...]) -> None:
    assert len(ids(rekall("search", "nginx", *flags, "--json"))) == 2


def test_the_limit_has_a_setting(rekall: Rekall, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REKALL_SEARCH_LIMIT", "3")
    assert len(ids(rekall("search", "nginx", "--json"))) == 3
    assert len(ids(rekall("search", "nginx", "--json", "--limit", "1"))) == 1
    assert len(ids(rekall("--set", "search.limit=2", "search", "nginx", "--json"))) == 2


@pytest.mark.parametrize(
    ("options", "code"),
    [
        (("--type", "bugs"), 4),
        (("--since", "soon"), 4),
        (("--status", "gone"), 4),
        (("--mode", "magic"), 2),
        (("--limit", "0"), 2),
        (("--format", "xml"), 2),
        (("--limt", "3"), 2),
    ],
)
def test_what_makes_no_sense_is_explained(rekall: Rekall, options: tuple[str, ...], code: int) -> None:
    ran = rekall("search", "nginx", *options)
    assert (ran.code, ran.out) == (code, "")
    assert ran.err.startswith("error: ")
    assert "\n\nhint: " in ran.err
    ran = rekall("search", "nginx", *options, "--json")
    assert ran.code == code
    assert set(ran.json["error"]) == {"kind", "message", "hint", "retryable"}


def test_an_error_in_json_lines_is_one_line(rekall: Rekall) -> None:
    ran = rekall("search", "nginx", "--format", "jsonl", "--type", "bugs")
    assert ran.code == 4
    assert [json.loads(line)["error"]["kind"] for line in ran.out.splitlines()] == ["invalid_input"]


def test_a_search_without_words_is_a_usage_error(rekall: Rekall) -> None:
    assert rekall("search").code == 2
    assert rekall("similar").code == 2


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.text(max_size=40), st.sampled_from(["hybrid", "words", "meaning"]))
@example("foo-bar c++ what? a/b.py don't AND OR NOT NEAR( * ^ : {", "words")
@example('"', "hybrid")
@example('-" "-" -- tag: type:nothing project:', "hybrid")
@example("\x00", "words")
@example('"\x00" -"\x00"', "hybrid")
@example("", "meaning")
def test_no_line_is_an_error(rekall: Rekall, line: str, mode: str) -> None:
    ran = rekall("search", "--json", "--mode", mode, "--", line, stdin=line)
    assert ran.code == 0
    assert isinstance(ran.json["hits"], list)


# reasons


def test_each_hit_says_why_it_is_there(rekall: Rekall) -> None:
    ran = rekall("search", "nginx", "--explain", "--limit", "2")
    reasons = [line.strip() for line in ran.out.splitlines() if line.strip().startswith("score")]
    assert len(reasons) == 2
    for reason in reasons:
        assert "words" in reason
        assert "meaning" in reason
        assert "nginx" in reason
    assert "score" not in rekall("search", "nginx", "--limit", "2").out


def test_plain_can_explain_too(rekall: Rekall) -> None:
    (line,) = rekall("search", "nginx", "--explain", "--limit", "1", "--format", "plain").out.splitlines()
    assert "score" in line.split("\t")[5]


def test_each_mode_gives_its_own_reasons(rekall: Rekall) -> None:
    words = rekall("search", "nginx", "--mode", "words", "--json").json["hits"][0]
    assert (words["similarity"], words["why"]["meaning_rank"]) == (None, None)
    assert 0.6 * words["why"]["coverage"] < words["score"] < 0.6 * words["why"]["coverage"] + 0.6
    plain = rekall("--set", "search.second_stage=off", "search", "nginx", "--mode", "words", "--json").json["hits"][0]
    assert plain["score"] == pytest.approx(plain["why"]["coverage"]) == pytest.approx(words["why"]["coverage"])
    meaning = rekall("search", "nginx", "--mode", "meaning", "--json").json["hits"][0]
    assert meaning["why"]["words_rank"] is None
    assert meaning["score"] == pytest.approx(meaning["similarity"])


def test_obsolete_entries_sink_and_point_to_their_successor(rekall: Rekall) -> None:
    answer = rekall("search", "restart nginx", "--json", "--type", "decision").json["hits"]
    assert [hit["id"] for hit in answer] == [NEW, OLD]
    assert answer[1]["status"] == "obsolete"
    assert answer[1]["superseded_by"] == {"id": NEW, "title": "Reload instead of restart"}
    table = rekall("search", "restart nginx", "--type", "decision").out
    assert "obsolete, see AAA5" in table
    assert "Reload instead of restart" in table


# without an engine


@pytest.mark.usefixtures("missing_model")
def test_without_an_engine_the_words_answer_and_say_so(rekall: Rekall) -> None:
    expected = ids(rekall("search", "nginx timeout", "--mode", "words", "--json"))
    for requested in ("hybrid", "meaning"):
        ran = rekall("search", "nginx timeout", "--mode", requested, "--json")
        assert (ran.code, ids(ran)) == (0, expected)
        mode = ran.json["mode"]
        assert (mode["requested"], mode["used"]) == (requested, "words")
        assert "missing" in mode["reason"]
        ran = rekall("search", "nginx timeout", "--mode", requested)
        assert "words only" in ran.err
        assert "missing" in ran.err
        assert "missing" not in ran.out


@pytest.mark.usefixtures("missing_model")
def test_words_need_no_engine_and_no_excuse(rekall: Rekall) -> None:
    ran = rekall("search", "nginx", "--mode", "words")
    assert (ran.code, ran.err) == (0, "")
    assert rekall("search", "nginx", "--mode", "words", "--json").json["mode"] == {
        "requested": "words",
        "used": "words",
        "reason": None,
    }


@pytest.mark.usefixtures("missing_model")
def test_similar_without_an_engine_is_an_engine_error(rekall: Rekall) -> None:
    ran = rekall("similar", "some text")
    assert (ran.code, ran.out) == (6, "")
    assert "missing" in ran.err
    assert rekall("similar", "some text", "--json").json["error"]["kind"] == "engine"


# similar


@pytest.mark.parametrize("name", [FIRST, FIRST.lower(), FIRST[:26]])
def test_similar_to_an_entry_leaves_the_entry_out(rekall: Rekall, name: str) -> None:
    ran = rekall("similar", name, "--json")
    assert ran.code == 0
    found = ids(ran)
    assert FIRST not in found
    assert len(found) == len(NOTES) - 1
    scores = [hit["similarity"] for hit in ran.json["hits"] if hit["status"] == "active"]
    assert scores == sorted(scores, reverse=True)


def test_similar_to_a_title_is_similar_to_its_entry(rekall: Rekall) -> None:
    found = ids(rekall("similar", "celery", "loses", "tasks", "--json"))
    assert found == ids(rekall("similar", NOTES[2]["id"], "--json"))


def test_similar_to_a_short_id(rekall: Rekall) -> None:
    assert ids(rekall("similar", "01J8", "--json")) == ids(rekall("similar", NOTES[2]["id"], "--json"))


def test_similar_to_a_text(rekall: Rekall) -> None:
    assert ids(rekall("similar", "Celery", "lost", "tasks", "--json"))[0] == NOTES[2]["id"]
    assert ids(rekall("similar", "mojibake", "--json", "--limit", "1")) == [WIDE]


def test_similar_filters_and_prints_like_search(rekall: Rekall) -> None:
    assert ids(rekall("similar", FIRST, "--type", "config", "--json")) == [SECOND]
    assert len(rekall("similar", FIRST, "-n", "2", "--format", "plain").out.splitlines()) == 2
    assert len(rekall("similar", FIRST, "-n", "2", "--format", "jsonl").out.splitlines()) == 2


def test_an_ambiguous_id_is_not_taken_for_a_text(rekall: Rekall) -> None:
    ran = rekall("similar", "01J9P7")
    assert ran.code == 3
    assert FIRST in ran.err
    assert SECOND in ran.err


# pipes


@pytest.mark.parametrize(
    "command", [("list", "--all", "--json"), ("search", "notes", "--mode", "words", "--format", "jsonl", "-n", "5000")]
)
def test_a_reader_that_has_enough_ends_the_command_quietly(
    rekall: Rekall, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: tuple[str, ...]
) -> None:
    monkeypatch.setenv("REKALL_HOME", str(home))
    monkeypatch.setenv("REKALL_ENGINE_MODEL", "missing")
    file = tmp_path / "many.jsonl"
    file.write_text(
        "".join(json.dumps({"title": f"notes {number}", "content": "x" * 500}) + "\n" for number in range(1000))
    )
    assert rekall("import", str(file)).code == 0
    with subprocess.Popen(
        [sys.executable, "-m", "rekall", *command], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert process.stdout.readline()
        process.stdout.close()
        said = process.stderr.read()
        code = process.wait(timeout=120)
    assert (code, said) == (0, b"")


def test_a_process_prints_utf8_data_on_stdout_and_talks_on_stderr(
    rekall_process: Callable[..., subprocess.CompletedProcess[str]],
) -> None:
    ran = rekall_process("search", "mojibake", "--mode", "words", env={"PYTHONUTF8": "0", "PYTHONIOENCODING": "utf-8"})
    assert "日本語" in ran.stdout
    assert ran.stderr == ""
    ran = rekall_process("search", "zzzzqqq", "--mode", "words")
    assert ran.stdout == ""
    assert "nothing found" in ran.stderr


def test_a_stream_that_cannot_show_a_character_ends_no_command(
    rekall_process: Callable[..., subprocess.CompletedProcess[str]],
) -> None:
    ran = rekall_process(
        "search", "mojibake", "--mode", "words", env={"PYTHONIOENCODING": "latin-1", "PYTHONUTF8": "0"}
    )
    assert "about" in ran.stdout


@pytest.mark.parametrize("command", [("search", "mojibake", "--json"), ("list", "--json")])
@pytest.mark.parametrize("encoding", ["ascii", "latin-1"])
def test_json_is_whole_whatever_the_encoding_of_the_pipe(
    rekall_process: Callable[..., subprocess.CompletedProcess[str]], command: tuple[str, ...], encoding: str
) -> None:
    """A pipe on Windows is in the code page of the system."""
    ran = rekall_process(
        *command, env={"PYTHONIOENCODING": encoding, "PYTHONUTF8": "0", "REKALL_ENGINE_MODEL": "missing"}
    )
    answer = json.loads(ran.stdout)
    titles = [item["title"] for item in answer.get("hits", answer.get("entries"))]
    assert NOTES[5]["title"] in titles
