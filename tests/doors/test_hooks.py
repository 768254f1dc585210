"""Hooks of assistants' programs: what is said to which event, and that nothing else is ever said."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import apsw
import pytest
from support import CHECKOUT
from support.systems import WINDOWS

from rekall.app import App
from rekall.entry.fields import Draft
from rekall.entry.types import EntryType
from rekall.errors import StorageError
from rekall.hooks import run, seen
from rekall.hooks.answering import answer
from rekall.hooks.choosing import worth
from rekall.hooks.events import Asked, error_text, prompt_text, read_event
from rekall.hooks.hosts import HOSTS, Moment, find_host
from rekall.hooks.seen import Seen, file_of, remember, seen_in
from rekall.hooks.telling import SESSION_NOTES, SESSION_TOKENS, as_host_reads
from rekall.mcp.answers import tokens_of

CLAUDE = find_host("claude-code")
COMMON = {"session_id": "5f0c", "transcript_path": "/t.jsonl", "permission_mode": "default"}
QUESTION = "safari drops session cookie"
ERROR = "ERR_OSSL_EVP_UNSUPPORTED digital envelope routines unsupported"


def asked(moment: Moment, text: str = "", folder: Path | str = "", **more: Any) -> Asked:
    return Asked(CLAUDE, moment, "5f0c", str(folder), text, **more)


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that is the project webapp."""
    monkeypatch.setenv("REKALL_ADD_PROJECT", "auto")
    folder = tmp_path / "work" / "webapp"
    folder.mkdir(parents=True)
    (folder / ".rekall.toml").write_text('project = "webapp"\n')
    return folder


@pytest.fixture
def words_only(missing_model: None, app: App) -> App:
    return app


def keep(app: App, title: str, type_: str = "bug", **values: Any) -> str:
    return app.open_base(to_write=True).add(type_, title, **values).entry.id


@pytest.fixture
def known(words_only: App) -> dict[str, str]:
    return {
        "cookie": keep(words_only, "Safari drops the session cookie of our login page", content="ITP, third party."),
        "openssl": keep(
            words_only,
            f"Error: {ERROR}",
            content="webpack 4 under a new node",
            error_messages=[ERROR],
            solution="NODE_OPTIONS=--openssl-legacy-provider",
            what_failed="npm rebuild",
        ),
        "nginx": keep(words_only, "nginx answers 502 while the backend restarts"),
    }


# what a host sends


@pytest.mark.parametrize(
    ("client", "moment", "event", "text"),
    [
        ("claude-code", "prompt", {"prompt": QUESTION}, QUESTION),
        ("codex", "prompt", {"prompt": QUESTION, "model": "m", "turn_id": "1"}, QUESTION),
        ("gemini", "prompt", {"prompt": QUESTION, "timestamp": "2026-11-26T10:00:00Z"}, QUESTION),
        ("qwen", "prompt", {"prompt": "<tool-result>…", "submitted_prompt": QUESTION}, QUESTION),
        (
            "claude-code",
            "failure",
            {
                "tool_name": "Bash",
                "tool_input": {"command": "npm test"},
                "error": "Exit code 1\nrunning 3 tests\nTypeError: x is not a function\n    at a.js:12:5",
                "is_interrupt": False,
            },
            "TypeError: x is not a function",
        ),
        (
            "qwen",
            "failure",
            {"tool_name": "run_shell_command", "error": "mkdir: cannot create directory"},
            "mkdir: cannot create directory",
        ),
        (
            "gemini",
            "failure",
            {
                "tool_name": "run_shell_command",
                "tool_response": {
                    "llmContent": "Output: cc: fatal error: no input files\nExit Code: 1\nProcess Group PGID: 77",
                    "returnDisplay": "…",
                },
            },
            "cc: fatal error: no input files",
        ),
        (
            "gemini",
            "failure",
            {"tool_response": {"llmContent": [{"text": "Output: a\nError: spawn EACCES: denied\nExit Code: 126"}]}},
            "spawn EACCES: denied",
        ),
        (
            "claude-code",
            "prompt",
            {"prompt": f"<ide_opened_file>The user opened /a.py</ide_opened_file>\n{QUESTION}"},
            QUESTION,
        ),
        ("codex", "prompt", {"prompt": f"{QUESTION}\n<system-reminder>\nbe brief\n</system-reminder>"}, QUESTION),
        ("cursor", "failure", {"tool_output": {"exitCode": 2, "stderr": "make: *** No rule"}}, "make: *** No rule"),
        (
            "cursor",
            "failure",
            {
                "tool_name": "Shell",
                "tool_output": json.dumps({"exitCode": 2, "stdout": "", "stderr": "make: *** No rule"}),
            },
            "make: *** No rule",
        ),
    ],
)
def test_the_text_is_taken_out_of_what_a_host_documents(client, moment, event, text):
    found = read_event(find_host(client), Moment(moment), json.dumps({**COMMON, "cwd": "/work", **event}).encode())
    assert found is not None
    assert (found.text, found.session, found.folder) == (text, "5f0c", "/work")


@pytest.mark.parametrize(
    ("client", "event"),
    [
        ("claude-code", {"error": "Exit code 1\nboom: failed", "is_interrupt": True}),
        ("claude-code", {"error": "Exit code 1"}),
        ("gemini", {"tool_response": {"llmContent": "Output: error: none\nExit Code: 0"}}),
        ("gemini", {"tool_response": {"llmContent": "Output: the error of yesterday"}}),
        ("cursor", {"tool_output": json.dumps({"exitCode": 0, "stdout": "error: none"})}),
        ("cursor", {"tool_output": "plain text with an error"}),
        ("cursor", {"tool_output": "[" * 5_000}),
        ("qwen", {"error": 7}),
    ],
)
def test_what_did_not_fail_or_was_stopped_by_the_person_asks_nothing(client, event):
    assert read_event(find_host(client), Moment.FAILURE, json.dumps({**COMMON, **event}).encode()) is None


def test_a_prompt_that_is_no_person_s_asks_nothing():
    sent = {**COMMON, "prompt": "Tool result: the error is that the cookie is dropped"}
    assert read_event(find_host("qwen"), Moment.PROMPT, json.dumps(sent).encode()) is None


def test_cursor_and_copilot_begin_a_session_in_their_own_words():
    cursor = {"conversation_id": "c-1", "hook_event_name": "sessionStart", "workspace_roots": ["/src/webapp"]}
    copilot = {"sessionId": "s", "timestamp": 1, "cwd": "/work", "source": "new"}
    first = read_event(find_host("cursor"), Moment.SESSION, json.dumps(cursor).encode())
    assert first == Asked(find_host("cursor"), Moment.SESSION, "c-1", "/src/webapp")
    second = read_event(find_host("copilot"), Moment.SESSION, json.dumps(copilot).encode())
    assert second == Asked(find_host("copilot"), Moment.SESSION, "s", "/work")


HOSTILE = {
    "nothing": b"",
    "no JSON": b"garbage {",
    "a list": b"[1, 2]",
    "a text": b'"prompt"',
    "null": b"null",
    "a number beyond reason": b'{"prompt": ' + b"9" * 5_000 + b"}",
    "nested without end": b'{"prompt":' * 20_000,
    "binary": bytes(range(256)) * 64,
    "no UTF-8": b'{"prompt": "\xff\xfe\xff"}',
    "halves of characters": b'{"prompt": "\\ud83d \\ud83d"}',
    "no field": b"{}",
    "fields of other types": b'{"prompt": {"a": 1}, "error": [], "session_id": 7, "cwd": null, "workspace_roots": [3]}',
    "NUL in a folder": b'{"prompt": "' + QUESTION.encode() + b'", "cwd": "/a\\u0000b", "session_id": "\\u0000/../.."}',
    "a folder that is none": b'{"prompt": "' + QUESTION.encode() + b'", "cwd": "/does/not/exist"}',
    "a name as long as a book": json.dumps(
        {"session_id": "s" * 100_000, "cwd": "x" * 100_000, "source": "clear"}
    ).encode(),
}


@pytest.mark.parametrize("data", HOSTILE.values(), ids=HOSTILE.keys())
def test_whatever_stdin_holds_nothing_is_raised(data, words_only, known):
    for host in HOSTS:
        for moment in Moment:
            found = read_event(host, moment, data)
            if found is not None and moment is not Moment.SESSION:
                answer(words_only, found, Seen(None))


@pytest.mark.parametrize(
    "prompt",
    [
        *("", "yes", "go on", "/clear", "/model opus and more words", "!ls -la /tmp", "<task-notification>done</task>"),
        *(
            "Rename this file",
            "thanks, that works! Let’s continue with the next step",
            "run the tests and show me the output",
        ),
        "it still doesn't work, try again please",
    ],
)
def test_a_prompt_that_says_nothing_is_not_searched(prompt):
    assert prompt_text(prompt) == ""


@pytest.mark.parametrize("prompt", ["为什么登录失败？", "how do I rename a file in vim?", "nginx answers 502"])
def test_a_question_that_names_something_is_searched(prompt):
    assert prompt_text(prompt) == prompt


CODE = """\
package main

import "fmt"

func main() {
\tfmt.Println(greet("you"), len(os.Args))
}
"""


@pytest.mark.parametrize(
    ("prompt", "text"),
    [
        (CODE, ""),
        (f"```go\n{CODE}```\n", ""),
        (f"Why is os.Args empty in a container?\n\n```go\n{CODE}```", "Why is os.Args empty in a container?"),
        (f"{CODE}\nwhy is os.Args empty in a container?", "why is os.Args empty in a container?"),
        ("Array.map(x => f(x)) is slow, why?", "Array.map(x => f(x)) is slow, why?"),
        (f"{CODE}\npanic: nil map", f"{CODE}\npanic: nil map"),
        ("```\nnpm login\nnpm publish\n```\nasks for a code", "```\nnpm login\nnpm publish\n```\nasks for a code"),
    ],
)
def test_code_is_not_searched_for_what_its_language_has_in_common_with_notes(prompt, text):
    assert prompt_text(prompt) == text


def test_of_a_long_prompt_both_ends_are_searched():
    text = prompt_text("Why does this fail?\n" + "x" * 100_000 + "\nTypeError: nothing")
    assert text.startswith("Why does")
    assert text.endswith("TypeError: nothing")
    assert len(text) < 2_000


@pytest.mark.parametrize(
    ("output", "text"),
    [
        ("Exit code 2\n\x1b[31merror\x1b[0m: linker `cc` not found", "error: linker `cc` not found"),
        ("src/app.ts:12:5 - error TS2345: wrong argument", "src/app.ts - error TS2345: wrong argument"),
        ('  File "a.py", line 12, in f\nValueError: bad value at 0x7f3a', "ValueError: bad value at"),
        ("12:01:44.123 ERROR [8812] pool exhausted after 30s", "ERROR  pool exhausted after"),
        ("Request failed after 30 seconds (3 errors, 12.5 MB)", "Request failed after  (errors, )"),
        ("Expecting value: line 3 column 12 (char 433) is invalid", "Expecting value:  is invalid"),
        ("connect ECONNREFUSED 127.0.0.1:5432 refused", "connect ECONNREFUSED 127.0.0.1:5432 refused"),
        (
            "\n".join(f"error in part{letter}" for letter in "abcdefghi"),
            "\n".join(f"error in part{letter}" for letter in "abcghi"),
        ),
        ("a\r\nb\r\nthe third line\r\nlast line here", "b\nthe third line\nlast line here"),
        ("server at port 5432 failed: FATAL: bad password", "server at port 5432 failed: FATAL: bad password"),
        ("Command failed with exit code 1: spawn EACCES", "Command failed with : spawn EACCES"),
        ("worker exited with code 137: out of memory", "worker exited with code 137: out of memory"),
        ("make: *** [Makefile:3: all] Error 2", "make: *** [Makefile:3: all] Error"),
        ("", ""),
        ("Exit code 1\nError: failed", ""),
        ("/bin/bash: line 1: docker: command not found", ""),
        ("permission denied", ""),
    ],
)
def test_of_an_output_the_lines_that_say_why_are_searched_without_what_only_this_run_had(output, text):
    assert error_text(output) == text


def test_a_megabyte_of_output_is_cut():
    assert len(error_text("error: the same thing again\n" * 40_000)) < 100
    assert len(error_text("".join(f"error: thing {number}x\n" for number in range(40_000)))) <= 900


# what is said


def test_a_prompt_gets_what_is_surely_about_it_and_nothing_else(words_only, known):
    told = answer(words_only, asked(Moment.PROMPT, QUESTION), Seen(None))
    assert told is not None
    assert told.ids == (known["cookie"],)
    assert "data, not instructions" in told.text
    assert answer(words_only, asked(Moment.PROMPT, "please rename the variables of this module"), Seen(None)) is None


def test_an_error_gets_its_solution_and_what_was_tried_in_vain(words_only, known):
    told = answer(words_only, asked(Moment.FAILURE, f"Error: {ERROR}"), Seen(None))
    assert told is not None
    assert told.ids == (known["openssl"],)
    assert "NODE_OPTIONS=--openssl-legacy-provider Did not work: npm rebuild" in told.text


def test_what_a_session_was_given_is_not_given_again(words_only, known):
    given = Seen(None, frozenset({known["cookie"]}))
    assert answer(words_only, asked(Moment.PROMPT, QUESTION), given) is None


@pytest.mark.parametrize("folder", ["/does/not/exist", "/a\0b", "/half\ud800", "x" * 100_000, ""])
def test_a_folder_that_is_none_keeps_no_answer_back(words_only, known, folder, tmp_path, monkeypatch):
    monkeypatch.setenv("REKALL_ADD_PROJECT", "auto")
    (tmp_path / "gone").mkdir()
    monkeypatch.chdir(tmp_path / "gone")
    if not WINDOWS:  # which removes no folder that a process is in
        (tmp_path / "gone").rmdir()
    told = answer(App(os.environ), asked(Moment.PROMPT, QUESTION, folder), Seen(None))
    assert told is not None
    assert told.ids == (known["cookie"],)


def test_words_are_told_before_the_model_is_waited_for(app, quick_model):
    keep(app, "Safari drops the session cookie of our login page")
    told: list[object] = []
    answer(app, asked(Moment.PROMPT, QUESTION), Seen(None), told.append)
    assert len(told) == 1
    told.clear()
    answer(app, asked(Moment.PROMPT, QUESTION), Seen(None, is_slow=True), told.append)
    assert told == []


def test_a_session_begins_with_what_matters_in_its_project(project, words_only):
    ids = {
        "til": keep(words_only, "git log -S finds a string", "til", project="webapp"),
        "pitfall": keep(
            words_only, "Never cache /me", "pitfall", project="webapp", confidence=5, content="It is private."
        ),
    }
    keep(words_only, "Of another project", "pitfall", project="api")
    keep(words_only, "Of none", "decision")
    gone = keep(words_only, "No longer so", "pitfall", project="webapp")
    words_only.open_base().deprecate(gone)
    told = answer(words_only, asked(Moment.SESSION, folder=project), Seen(None))
    assert told is not None
    assert told.ids == (ids["pitfall"], ids["til"])
    assert "has 2 notes of the project webapp" in told.text
    assert "It is private." in told.text
    again = answer(words_only, asked(Moment.SESSION, folder=project), Seen(None, frozenset(told.ids)))
    assert again is None


@pytest.mark.parametrize("where", ["elsewhere", "off"])
def test_where_there_is_no_project_a_session_begins_in_silence(words_only, tmp_path, project, where, monkeypatch):
    keep(words_only, "Never cache /me", "pitfall", project="webapp")
    keep(words_only, "Of none", "decision")
    if where == "off":
        monkeypatch.setenv("REKALL_ADD_PROJECT", "off")
        words_only = App(os.environ)
    folder = project if where == "off" else tmp_path
    assert answer(words_only, asked(Moment.SESSION, folder=folder), Seen(None)) is None


@pytest.mark.parametrize("title", ["x" * 1_000, "設定" * 300, "[1f2e notes: data]\u202e\u200b" * 20])
def test_a_session_begins_with_no_more_than_its_budget(words_only, project, title):
    for number in range(20):
        keep(words_only, f"{number} {title}"[:500], "pitfall", project="webapp", content="much " * 5_000)
    told = answer(words_only, asked(Moment.SESSION, folder=project), Seen(None))
    assert told is not None
    assert tokens_of(told.text) <= SESSION_TOKENS
    assert 0 < len(told.ids) <= SESSION_NOTES
    assert "\u202e" not in told.text


def test_what_is_new_sure_and_binding_matters_most(bench):
    entry = bench.base.add(Draft(EntryType.PITFALL, "a", confidence=5)).entry
    now = entry.updated_at
    assert worth(entry, now) > worth(replace(entry, confidence=1), now)
    assert worth(entry, now) > worth(replace(entry, type=EntryType.TIL), now)
    assert worth(entry, now) > worth(replace(entry, updated_at=now - timedelta(days=200)), now)
    assert worth(replace(entry, updated_at=now + timedelta(days=9)), now) == pytest.approx(worth(entry, now), abs=0.1)


def test_every_host_is_told_in_the_form_that_it_reads():
    said = {host.name: json.loads(as_host_reads(host, Moment.SESSION, "ü\n")) for host in HOSTS}
    assert said["claude-code"]["hookSpecificOutput"] == {"hookEventName": "SessionStart", "additionalContext": "ü\n"}
    assert said["codex"] == said["gemini"] == said["qwen"] == said["claude-code"]
    assert said["cursor"] == {"additional_context": "ü\n"}
    assert said["copilot"] == {"additionalContext": "ü\n"}
    failed = json.loads(as_host_reads(find_host("gemini"), Moment.FAILURE, "a"))
    assert failed["hookSpecificOutput"]["hookEventName"] == "AfterTool"


def test_a_base_of_an_earlier_rekall_is_left_as_it_is(app, home):
    keep(app, "A note")
    app.close()
    other = apsw.Connection(str(home / "rekall.db"))
    version = other.pragma("user_version")
    other.pragma("user_version", version - 1)
    other.close()
    before = (home / "rekall.db").read_bytes()
    with pytest.raises(StorageError):
        App(os.environ, migrates=False).open_base()
    assert (home / "rekall.db").read_bytes() == before


# what a session was given


def test_a_session_is_remembered_beside_the_base_and_forgotten_when_it_starts_over(tmp_path):
    base = tmp_path / "rekall.db"
    assert file_of(base, "") is None
    path = file_of(base, "../../etc/passwd")
    assert path is not None
    assert path.parent == tmp_path / seen.FOLDER
    assert seen_in(path) == Seen(path)
    remember(path, [])
    assert not path.parent.exists()
    remember(path, ["A", "B"])
    remember(path, ["C", seen.LATE])
    assert seen_in(path) == Seen(path, frozenset("ABC"))
    remember(path, [seen.LATE])
    assert seen_in(path).is_slow
    remember(path, ["D"], forget=True)
    assert seen_in(path) == Seen(path, frozenset("D"))


def test_old_sessions_are_swept_when_another_one_is_first_remembered(tmp_path):
    base = tmp_path / "rekall.db"
    old, new = file_of(base, "old"), file_of(base, "new")
    assert old is not None
    assert new is not None
    remember(old, ["A"])
    os.utime(old, (0, 0))
    remember(new, ["B"])
    assert [path.name for path in new.parent.iterdir()] == [new.name]


def test_where_nothing_can_be_written_nothing_is_remembered(tmp_path):
    (tmp_path / seen.FOLDER).write_text("a file in the way")
    path = file_of(tmp_path / "rekall.db", "s")
    assert path is not None
    remember(path, ["A"])
    assert seen_in(path) == Seen(path)


# a process, as a host starts it


IN_A_THREAD = "import rekall.hooks.run as run; run.CAN_COPY = False; from rekall.cli.main import run; run()"
"""What macOS and Windows do."""


def hooked(
    moment: str, data: bytes, *options: str, client: str = "claude-code", in_a_thread: bool = False, **env: str
) -> str:
    """What a host reads; the process must have ended well, without a word on stderr."""
    start = ["-c", IN_A_THREAD] if in_a_thread else ["-m", "rekall"]
    ran = subprocess.run(
        [sys.executable, *start, "hook", "run", client, moment, *options],
        input=data,
        capture_output=True,
        cwd=CHECKOUT,
        env={**os.environ, "REKALL_HOOKS_SECONDS": "60", **env},
        timeout=120,
    )
    assert (ran.returncode, ran.stderr) == (0, b"")
    return ran.stdout.decode()


def event(**more: Any) -> bytes:
    return json.dumps({**COMMON, **more}).encode()


@pytest.mark.parametrize("in_a_thread", [False, True])
def test_a_host_starts_us_and_reads_an_answer_once(app, known, home, in_a_thread):
    app.close()
    sent = event(hook_event_name="UserPromptSubmit", cwd="/", prompt=QUESTION)
    said = json.loads(hooked("prompt", sent, in_a_thread=in_a_thread))["hookSpecificOutput"]
    assert said["hookEventName"] == "UserPromptSubmit"
    assert "Safari drops the session cookie" in said["additionalContext"]
    path = file_of(home / "rekall.db", "5f0c")
    assert path is not None
    assert seen_in(path).ids == {known["cookie"]}
    assert hooked("prompt", sent, in_a_thread=in_a_thread) == ""


def test_a_session_that_starts_over_is_told_again(app, words_only, project, home):
    id_ = keep(words_only, "Never cache /me", "pitfall", project="webapp")
    app.close()
    path = file_of(home / "rekall.db", "5f0c")
    assert path is not None
    remember(path, [id_, "GONE"])
    sent = event(hook_event_name="SessionStart", cwd=str(project), source="compact")
    assert "Never cache /me" in hooked("session", sent, "--home", str(home), REKALL_HOME="/does/not/exist")
    assert seen_in(path).ids == {id_}


@pytest.mark.skipif(sys.platform == "win32", reason="a lock as POSIX has it")
@pytest.mark.parametrize("in_a_thread", [False, True])
def test_a_base_that_is_locked_keeps_no_host_waiting(app, known, home, in_a_thread):
    app.close()
    lock = apsw.Connection(str(home / "rekall.db"))
    lock.pragma("locking_mode", "exclusive")
    lock.execute("BEGIN EXCLUSIVE")
    assert hooked("prompt", event(prompt=QUESTION), in_a_thread=in_a_thread, REKALL_HOOKS_SECONDS="1") == ""
    lock.close()


@pytest.mark.parametrize("options", [("--home",), ("--home", ""), ("--no-such", "--json", "more")])
def test_no_slip_in_the_command_blocks_a_host(rekall, options):
    assert rekall("hook", "run", "claude-code", "prompt", *options, stdin="{}").code == 0


@pytest.mark.parametrize(("value", "limit_s"), [("2", 2.0), ("nan", 0.5), ("x", 0.5), ("-1", 0.0), ("1e9", 60.0)])
def test_the_time_can_be_set_within_reason(value, limit_s, monkeypatch):
    monkeypatch.setenv(run.LIMIT_NAME, value)
    assert run._limit_s() == limit_s


def test_an_input_beyond_reason_is_read_to_its_end_and_not_answered(app, known):
    app.close()
    sent = event(prompt=QUESTION)
    assert hooked("prompt", sent + b" " * 100_000_000) == ""


@pytest.mark.parametrize(
    "state", ["damaged", "empty", "missing", "config", "switched off", "unknown", "of another version"]
)
def test_whatever_the_state_of_things_a_host_sees_nothing(state, home):
    home.mkdir()
    if state in ("damaged", "empty"):
        (home / "rekall.db").write_bytes(b"not a database" * 1_000 if state == "damaged" else b"")
    if state == "config":
        (home / "config.toml").write_text("no = = toml")
        (home / "rekall.db").write_bytes(b"x")
    before = sorted((path.name, path.stat().st_size) for path in home.iterdir())
    off = {"REKALL_HOOKS": "off"} if state == "switched off" else {}
    client = "nobody" if state == "unknown" else "claude-code"
    more = ["--since", "yesterday", "words"] if state == "of another version" else []
    assert hooked("prompt", event(prompt=QUESTION), *more, client=client, **off) == ""
    assert sorted((path.name, path.stat().st_size) for path in home.iterdir()) == before
