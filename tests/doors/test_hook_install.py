"""`rekall hook install` and its kin: what they do to files that belong to others, and that all of it can be taken back."""

from __future__ import annotations

import json
import shlex
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support import CHECKOUT, Ran

from rekall.entry.types import EntryType
from rekall.errors import InvalidInput
from rekall.hooks.hosts import HOSTS, Host, Moment, find_host
from rekall.hooks.skill import LINES, SKILL, with_lines, without_lines
from rekall.hooks.wiring import command_line, found_in, moment_of, with_ours, without_ours
from rekall.mcp.answers import tokens_of
from rekall.system import jsonc

Rekall = Callable[..., Ran]

needs_links = pytest.mark.skipif(
    sys.platform == "win32", reason="links there need a right, and a folder that is used stays"
)

LAUNCH = ["/opt/re kall/bin/rekall"]
NAMES = [host.name for host in HOSTS]
CLAUDE = find_host("claude-code")

SETTINGS = """\
{
    // kept by hand
    "model": "opus",  /* the best */
    "permissions": {"allow": ["Bash(git status)"], "deny": []},
    "hooks": {
        "PreToolUse": [
            {"matcher": "Bash", "hooks": [{"type": "command", "command": "./guard.sh"}]},
        ],
        // a note on starting
        "SessionStart": [
            {
                "matcher": "startup",
                "hooks": [{"type": "command", "command": "echo 'rekall hook run claude-code session'"}],
            },
        ],
    },
    "env": {"A": "1"},  // the last one
}
"""

CURSOR = """\
{
\t"version": 1,
\t"hooks": {
\t\t"postToolUse": [{ "command": "./audit.sh", "matcher": "Shell" }]
\t}
}
"""

REAL = [
    (CLAUDE, SETTINGS),
    (CLAUDE, SETTINGS.replace("\n", "\r\n")),
    (CLAUDE, '{"model":"opus"}'),
    (CLAUDE, '{\n  "theme": "dark"\n}\n'),
    (find_host("cursor"), CURSOR),
    (find_host("gemini"), '{\n  "hooksConfig": {"enabled": true},\n  "general": {}\n}\n'),
    (find_host("codex"), '{"hooks": {"Stop": [{"hooks": [{"type": "command", "command": "say done"}]}]}}\n'),
]


@pytest.fixture(autouse=True)
def user(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home folder of the test's own, and a project that it stands in."""
    folder = tmp_path / "user"
    folder.mkdir()
    monkeypatch.setenv("USERPROFILE", str(folder))
    for name in ("CLAUDE_CONFIG_DIR", "CODEX_HOME", "COPILOT_HOME"):
        monkeypatch.delenv(name, raising=False)
    (tmp_path / "project").mkdir()
    monkeypatch.chdir(tmp_path / "project")
    return folder


def commands(host: Host, launch: list[str] = LAUNCH) -> dict[Moment, str]:
    return {moment: command_line(launch, host, moment, None) for moment in host.wirings}


def put(path: Path, text: str | bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


# in the text of a file


@pytest.mark.parametrize(("host", "text"), REAL)
def test_what_is_put_in_is_found_again_and_can_be_taken_out_to_the_byte(host, text):
    new = with_ours(text, host, commands(host))
    assert {ours.moment for ours in found_in(new)} == {moment.value for moment in host.wirings}
    assert with_ours(new, host, commands(host)) == new
    assert without_ours(new) == text


@pytest.mark.parametrize("host", HOSTS, ids=lambda host: host.name)
@pytest.mark.parametrize("text", ["", "{}", "{\n}\n", "\n"])
def test_a_file_that_held_nothing_else_is_gone_again(host, text):
    new = with_ours(text, host, commands(host))
    assert len(found_in(new)) == len(host.wirings)
    assert without_ours(new) is None


def test_foreign_hooks_stay_before_ours_and_keep_their_words():
    new = jsonc.parsed(with_ours(SETTINGS, CLAUDE, commands(CLAUDE)))
    assert new["hooks"]["SessionStart"][0]["hooks"][0]["command"].startswith("echo ")
    assert new["hooks"]["SessionStart"][1]["matcher"] == "startup|clear|compact"
    assert list(new) == ["model", "permissions", "hooks", "env"]


@pytest.mark.parametrize(("host", "text"), REAL)
def test_those_of_a_rekall_that_moved_are_changed_in_their_place(host, text):
    old = with_ours(text, host, commands(host, ["/old/venv/bin/rekall"]))
    new = with_ours(old, host, commands(host))
    assert new == with_ours(text, host, commands(host))
    assert without_ours(old) == text


def test_what_a_person_changed_in_ours_stays():
    new = with_ours("{}", CLAUDE, commands(CLAUDE)).replace(
        '"timeout": 5', '"timeout": 5,\n            "statusMessage": "notes"', 1
    )
    moved = with_ours(new, CLAUDE, commands(CLAUDE, ["/elsewhere/rekall"]))
    assert '"statusMessage": "notes"' in moved
    assert without_ours(moved) is None


def test_only_the_moments_that_are_wanted_stay():
    everything = with_ours(SETTINGS, CLAUDE, commands(CLAUDE))
    one = {Moment.SESSION: commands(CLAUDE)[Moment.SESSION]}
    assert with_ours(everything, CLAUDE, one) == with_ours(SETTINGS, CLAUDE, one)


def test_a_second_one_of_ours_goes():
    once = with_ours(SETTINGS, CLAUDE, commands(CLAUDE))
    again = jsonc.parsed(once)["hooks"]["UserPromptSubmit"][0]
    twice = jsonc.put(once, ["hooks", "UserPromptSubmit", 1], again)
    assert with_ours(twice, CLAUDE, commands(CLAUDE)) == once


@pytest.mark.parametrize(
    ("command", "moment"),
    [
        ("/a/b/rekall hook run claude-code session", "session"),
        ("'/a b/rekall' hook run codex prompt --home '/data/x y'", "prompt"),
        ('"C:/Program Files/x/rekall.exe" hook run gemini failure', "failure"),
        ("C:/x/Rekall.EXE hook run gemini failure", "failure"),
        (
            "python3 -c 'import sys; sys.path.pop(0); from rekall.cli.main import run; run()' hook run cursor session",
            "session",
        ),
        ("rekall hook status", ""),
        ("rekall hook run claude-code session && rm -rf x", ""),
        ("time rekall hook run claude-code session", ""),
        ("echo rekall hook run claude-code session", ""),
        ("/a/other hook run claude-code session", ""),
        ("rekall hook run 'unbalanced", ""),
        ("", ""),
    ],
)
def test_ours_is_what_runs_rekall_and_nothing_beside_it(command, moment):
    assert moment_of(command) == moment


@given(st.text(st.characters(codec="utf-8", exclude_characters="\x00\n\r"), min_size=1, max_size=30))
def test_any_path_of_rekall_is_known_again_and_is_one_word_of_a_shell(folder):
    command = command_line([f"/{folder}/rekall"], CLAUDE, Moment.PROMPT, f"/{folder}")
    assert shlex.split(command) == [f"/{folder}/rekall", "hook", "run", "claude-code", "prompt", "--home", f"/{folder}"]
    assert moment_of(command) == "prompt"


def test_a_path_of_windows_is_written_as_every_shell_there_reads_it():
    command = command_line([r"C:\Program Files\py\rekall.exe"], CLAUDE, Moment.PROMPT, r"D:\notes")
    assert command == '"C:/Program Files/py/rekall.exe" hook run claude-code prompt --home D:/notes'


@pytest.mark.parametrize(
    "text", ["[]", '"x"', '{"hooks": []}', '{"hooks": {"SessionStart": {}}}', "{", '{"hooks": 1}', "// only\n{]"]
)
def test_what_is_not_as_documented_is_left_alone(text):
    with pytest.raises(InvalidInput):
        with_ours(text, CLAUDE, commands(CLAUDE))


# the commands


@pytest.mark.parametrize("name", NAMES)
def test_a_host_is_given_hooks_and_loses_them_again(rekall: Rekall, name, user):
    host = find_host(name)
    said = rekall("hook", "install", name)
    assert said.code == 0
    path = host.file(None)
    assert path.is_relative_to(user)
    first = path.read_bytes()
    assert rekall("hook", "install", name).code == 0
    assert path.read_bytes() == first
    found = rekall("hook", "status", name, "--json").json["hooks"]
    assert [(each["scope"], each["moments"], each["current"]) for each in found] == [
        ("user", [moment.value for moment in host.wirings], True),
        ("project", [], False),
    ]
    assert rekall("hook", "uninstall", name).code == 0
    assert not path.exists()
    assert not list(path.parent.iterdir())


def test_a_project_s_file_and_a_copy_of_what_was_there(rekall: Rekall, tmp_path, user, monkeypatch):
    path = put(tmp_path / "project" / ".claude" / "settings.local.json", SETTINGS)
    path.chmod(0o640)
    (tmp_path / "project" / ".git").mkdir()
    (tmp_path / "project" / "src" / "deep").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "project" / "src" / "deep")
    said = rekall("hook", "install", "claude-code", "--project", "--json").json
    copy = Path(said["files"][0]["copy"])
    assert copy.read_text() == SETTINGS
    if sys.platform != "win32":
        assert path.stat().st_mode & 0o777 == copy.stat().st_mode & 0o777 == 0o640
    assert rekall("hook", "uninstall", "claude-code", "--project").code == 0
    assert path.read_text() == SETTINGS
    assert list(user.iterdir()) == []
    assert "`rekall hook uninstall codex --project` ends it" in rekall("hook", "install", "codex", "--project").err


def test_a_dry_run_shows_the_change_and_makes_none(rekall: Rekall, user):
    path = put(user / ".claude" / "settings.json", SETTINGS)
    shown = rekall("hook", "install", "claude-code", "--dry-run", "--skill")
    assert "+" in shown.out
    assert "UserPromptSubmit" in shown.out
    assert "name: rekall" in shown.out
    asked = rekall("hook", "install", "claude-code", "--dry-run", "--json").json
    assert asked["files"][0]["changed"]
    assert "UserPromptSubmit" in asked["files"][0]["diff"]
    assert rekall("hook", "uninstall", "claude-code", "--dry-run").code == 0
    assert path.read_text() == SETTINGS
    assert [each.name for each in path.parent.iterdir()] == ["settings.json"]


def test_the_skill_comes_and_goes_with_the_hooks(rekall: Rekall, user):
    assert rekall("hook", "install", "claude-code", "--skill").code == 0
    path = user / ".claude" / "skills" / "rekall" / "SKILL.md"
    assert path.read_text("utf-8") == SKILL
    assert rekall("hook", "status", "claude-code", "--json").json["hooks"][0]["skill"]
    assert rekall("hook", "uninstall", "claude-code").code == 0
    assert not path.parent.exists()


def test_a_skill_that_a_person_changed_is_kept_as_a_copy(rekall: Rekall, user, monkeypatch):
    monkeypatch.chdir(user)
    assert rekall("hook", "install", "claude-code", "--skill").code == 0
    path = user / ".claude" / "skills" / "rekall" / "SKILL.md"
    path.write_text(f"{SKILL}\nmine\n", "utf-8")
    assert rekall("hook", "status").out.count("skill") == 1
    said = rekall("hook", "uninstall", "claude-code")
    assert not path.exists()
    assert path.with_name("SKILL.md.before-rekall").read_text("utf-8") == f"{SKILL}\nmine\n"
    assert "the old file: " in said.err


def test_copies_do_not_pile_up(rekall: Rekall, user):
    path = put(user / "AGENTS.md", "# Ours\n")
    for option in ((), ("--remove",)) * 4:
        assert rekall("hook", "line", "--write-to", str(path), *option).code == 0
    assert path.read_text() == "# Ours\n"
    copies = sorted(each.name for each in user.iterdir() if each != path)
    assert copies == ["AGENTS.md.before-rekall", "AGENTS.md.before-rekall-2"]


def test_somebody_else_s_skill_of_that_name_stays(rekall: Rekall, user):
    path = put(user / ".claude" / "skills" / "rekall" / "SKILL.md", "---\nname: mine\n---\n")
    assert rekall("hook", "uninstall", "claude-code").code == 0
    assert path.read_text() == "---\nname: mine\n---\n"


@pytest.mark.parametrize("data", [b"\xff\xfe", b'{"hooks": 3}', b"not json"])
def test_a_file_that_cannot_be_read_is_left_alone_and_said(rekall: Rekall, user, data):
    path = put(user / ".claude" / "settings.json", data)
    for verb in ("install", "uninstall"):
        said = rekall("hook", verb, "claude-code")
        assert said.code == 4
        assert "was left alone" in said.err
    assert path.read_bytes() == data
    assert rekall("hook", "status", "claude-code", "--json").json["hooks"][0]["problem"]


@needs_links
def test_links_are_followed_and_one_that_leads_to_itself_is_said(rekall: Rekall, user, tmp_path):
    path = user / ".claude" / "settings.json"
    path.parent.mkdir(parents=True)
    path.symlink_to(put(tmp_path / "dotfiles" / "claude.json", "{}"))
    assert rekall("hook", "install", "claude-code").code == 0
    assert rekall("hook", "uninstall", "claude-code").code == 0
    assert path.is_symlink()
    assert jsonc.parsed(path.read_text()) == {}
    path.unlink()
    path.symlink_to(path)
    for verb in ("install", "uninstall"):
        said = rekall("hook", verb, "claude-code")
        assert said.code == 4
        assert "leads back to itself" in said.err
    found = rekall("hook", "status", "--json").json["hooks"]
    assert [each["client"] for each in found if each["problem"]] == ["claude-code"]


def test_a_file_that_is_the_user_s_and_the_project_s_is_shown_once(rekall: Rekall, user, monkeypatch):
    monkeypatch.chdir(user)
    assert rekall("hook", "install", "gemini").code == 0
    assert rekall("hook", "status").out.split() == [
        *("gemini", "yours", "session,", "prompt,", "failure"), str(Path("~") / ".gemini" / "settings.json")
    ]  # fmt: skip


def test_the_clients_fit_eighty_columns(rekall: Rekall, user):
    assert max(map(len, rekall("hook", "install").out.splitlines())) <= 80


def test_hooks_over_another_base_are_told_of(rekall: Rekall, tmp_path, user, monkeypatch):
    (tmp_path / "project" / ".git").mkdir(parents=True)
    (tmp_path / "project" / "src").mkdir()
    monkeypatch.chdir(tmp_path / "project" / "src")
    assert rekall("hook", "install", "gemini", "--project").code == 0
    monkeypatch.setenv("REKALL_HOME", str(tmp_path / "other"))
    assert "of another rekall or base" in rekall("hook", "status").out
    assert "`rekall hook install gemini --project`" in rekall("doctor").out
    assert rekall("hook", "install", "gemini", "--project").code == 0
    assert [each["current"] for each in rekall("hook", "status", "gemini", "--json").json["hooks"]] == [False, True]


@needs_links
def test_where_the_folder_is_gone_the_user_s_files_are_shown(rekall: Rekall, tmp_path, user, monkeypatch):
    assert rekall("hook", "install", "gemini").code == 0
    (tmp_path / "gone").mkdir()
    monkeypatch.chdir(tmp_path / "gone")
    (tmp_path / "gone").rmdir()
    assert [each["scope"] for each in rekall("hook", "status", "gemini", "--json").json["hooks"]] == ["user"]
    assert "installed: Gemini CLI" in rekall("doctor").out
    said = rekall("hook", "install", "gemini", "--project")
    assert said.code == 2
    assert "gone" in said.err


def test_a_folder_of_the_host_s_own_is_kept_to(rekall: Rekall, tmp_path, monkeypatch):
    monkeypatch.setenv("CLAUDE_CONFIG_DIR", str(tmp_path / "conf"))
    assert rekall("hook", "install", "claude-code", "--skill").code == 0
    assert sorted(each.name for each in (tmp_path / "conf").iterdir()) == ["settings.json", "skills"]


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["install", "claude"], 3, "did you mean claude-code"),
        (["install", "codex", "--on", "failure"], 2, "does not say whether a command failed"),
        (["install", "--project"], 2, "no client was named"),
        (["uninstall", "vim"], 3, "clients with hooks"),
        (["install", "opencode"], 3, "hint: clients with hooks"),
        (["line", "--remove"], 2, "--write-to AGENTS.md"),
        (["skill", "--dry-run"], 2, "--write-to FOLDER"),
    ],
)
def test_a_slip_is_said_with_what_to_do(rekall: Rekall, arguments, code, words):
    said = rekall("hook", *arguments)
    assert said.code == code
    assert words in said.err


def test_where_hooks_are_silent_the_status_says_so(rekall: Rekall, monkeypatch):
    assert rekall("hook", "status", "--json").json["off"] is None
    assert rekall("--set", "hooks.notes=off", "hook", "status", "--json").json["off"] == "hooks.notes is off"
    monkeypatch.setenv("REKALL_HOOKS", "off")
    assert "REKALL_HOOKS is off" in rekall("hook", "status").err


@pytest.mark.parametrize(
    ("name", "text", "setting"),
    [
        ("claude-code", '{"disableAllHooks": true}', "disableAllHooks"),
        ("gemini", '{"hooksConfig": {"enabled": false}}', "hooksConfig.enabled"),
    ],
)
def test_where_the_host_runs_no_hooks_that_is_said(rekall: Rekall, name, text, setting):
    put(find_host(name).file(None), text)
    assert setting in rekall("hook", "install", name).err
    assert rekall("hook", "status", name, "--json").json["hooks"][0]["turned_off"] == setting
    assert setting in rekall("hook", "status").out


@pytest.mark.skipif(sys.platform == "win32", reason="a shell as POSIX has it")
def test_what_is_installed_runs_in_a_shell_as_a_host_runs_it(rekall: Rekall, home):
    rekall("add", "pitfall", "Never cache /me", "--project", "webapp")
    Path(".rekall.toml").write_text('project = "webapp"\n')
    rekall("hook", "install", "codex")
    found = jsonc.parsed(find_host("codex").file(None).read_text())["hooks"]["SessionStart"][0]["hooks"][0]
    ran = subprocess.run(
        ["sh", "-c", found["command"]],
        input=json.dumps({"session_id": "s", "cwd": str(Path.cwd()), "source": "startup"}).encode(),
        capture_output=True,
        cwd=CHECKOUT,
        env={"PATH": "/usr/bin:/bin", "HOME": "/", "REKALL_HOOKS_SECONDS": "60"},
    )
    assert (ran.returncode, ran.stderr) == (0, b"")
    assert "Never cache /me" in json.loads(ran.stdout)["hookSpecificOutput"]["additionalContext"]


# lines and skill


FILES = ["", "# Rules\n", "# Rules", "# Rules\n\nMore.\n\n\n", "a\r\nb\r\n", "one\r\nline\nends otherwise\r\n"]


@pytest.mark.parametrize("text", FILES)
def test_our_lines_stand_in_a_file_once_and_go_again(text):
    new = with_lines(text)
    assert LINES in new.replace("\r\n", "\n")
    assert with_lines(new) == new
    assert (without_lines(new) or "").removesuffix("" if text.endswith("\n") else "\n") == text


def test_lines_of_an_earlier_rekall_are_replaced_where_they_are():
    old = with_lines("# Rules\n").replace(LINES, "Something of before.") + "\nBelow.\n"
    assert with_lines(old) == with_lines("# Rules\n") + "\nBelow.\n"


@pytest.mark.parametrize("text", ["<!-- rekall -->\nno end", "<!-- /rekall -->\n", with_lines("") + with_lines("")])
def test_marks_that_are_no_pair_are_not_guessed_at(text):
    for change in (with_lines, without_lines):
        with pytest.raises(InvalidInput):
            change(text)


def test_lines_are_printed_or_put_where_they_are_wanted(rekall: Rekall, tmp_path):
    assert rekall("hook", "line").out.strip() == LINES
    path = put(tmp_path / "AGENTS.md", "# Rules\n")
    assert "+This developer" in rekall("hook", "line", "--write-to", str(path), "--dry-run").out
    assert path.read_text() == "# Rules\n"
    assert rekall("hook", "line", "--write-to", str(path), "--json").json["changed"]
    assert not rekall("hook", "line", "--write-to", str(path), "--json").json["changed"]
    assert rekall("hook", "line", "--write-to", str(path), "--remove").code == 0
    assert path.read_text() == "# Rules\n"


def test_lines_cost_little_in_every_session():
    assert tokens_of(LINES) <= 160


def test_a_skill_is_printed_or_put_where_it_is_wanted(rekall: Rekall, tmp_path):
    assert rekall("hook", "skill").out == SKILL
    assert rekall("hook", "skill", "--write-to", str(tmp_path)).code == 0
    assert (tmp_path / "rekall" / "SKILL.md").read_text("utf-8") == SKILL
    assert rekall("hook", "skill", "--write-to", str(tmp_path), "--remove").code == 0
    assert not (tmp_path / "rekall").exists()


def test_the_skill_is_in_the_form_that_hosts_share():
    head, body = SKILL.removeprefix("---\n").split("\n---\n", 1)
    assert head.startswith("name: rekall\ndescription: ")
    assert len(head.partition("description: ")[2]) <= 1_024
    assert len(body.splitlines()) < 500
    assert all(kind.value in body for kind in EntryType)


def test_every_command_of_the_skill_is_one_that_there_is(rekall: Rekall):
    lines = SKILL.replace("\\\n", " ").splitlines()
    shown = [line.partition("#")[0].partition("|")[2] or line.partition("#")[0] for line in lines]
    used = [shlex.split(line.strip()) for line in shown if line.strip().startswith("rekall ")]
    assert {words[1] for words in used} == {"search", "show", "add", "edit", "deprecate"}
    for words in used:
        help_ = rekall(words[1], "--help").out
        assert [word for word in words if word.startswith("--") and word not in help_] == []
