"""`rekall mcp install`: what it prints, and what it does to files that belong to others."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from support import CHECKOUT, Ran
from support.systems import WINDOWS

from rekall.errors import InvalidInput
from rekall.mcp.client_files import merged, snippet, standing, without
from rekall.mcp.clients import CLIENTS as EVERY_CLIENT
from rekall.mcp.clients import Client, find_client
from rekall.mcp.launching import Launch, this_launch
from rekall.system import jsonc, their_files
from rekall.system.files import write_atomically
from rekall.system.their_files import planned

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

Rekall = Callable[..., Ran]

LAUNCH = Launch("/opt/re kall/bin/rekall", ("mcp",), (("REKALL_HOME", "/data/ré"),))
CLIENTS = [client for client in EVERY_CLIENT if client.files]
JSON_CLIENTS = [client for client in CLIENTS if client.format == "json"]
IN_PROJECTS = [client for client in CLIENTS if client.project]
NAMES = [client.name for client in EVERY_CLIENT]

posix_only = pytest.mark.skipif(sys.platform == "win32", reason="links and modes as POSIX has them")


@pytest.fixture(autouse=True)
def user(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home folder of the test's own, also where Windows looks."""
    folder = tmp_path / "user"
    folder.mkdir()
    monkeypatch.setenv("USERPROFILE", str(folder))
    monkeypatch.setenv("APPDATA", str(folder / "AppData" / "Roaming"))
    for name in ("XDG_CONFIG_HOME", "CLAUDE_CONFIG_DIR", "CODEX_HOME", "COPILOT_HOME"):
        monkeypatch.delenv(name, raising=False)
    return folder


def parsed(client: Client, text: str) -> dict[str, object]:
    return {"toml": tomllib.loads, "yaml": yaml.safe_load, "json": json.loads}[client.format](text)


def command_of(entry: dict[str, Any]) -> list[str]:
    """What an entry starts, word by word."""
    command = entry.get("command", entry.get("cmd"))
    return command if isinstance(command, list) else [command, *entry["args"]]


def env_of(entry: dict[str, Any]) -> dict[str, str]:
    return entry.get("env") or entry.get("environment") or entry.get("envs") or {}


def put(client: Client, text: str | bytes) -> Path:
    path = client.path()
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


# what it prints


@pytest.mark.parametrize("client", CLIENTS, ids=lambda client: client.name)
def test_what_is_printed_is_a_whole_configuration(rekall: Rekall, client, home, user):
    ran = rekall("mcp", "install", client.name)
    assert ran.code == 0
    entry = parsed(client, ran.out)[client.section]["rekall"]
    command = command_of(entry)
    assert command[-1] == "mcp"
    assert Path(command[0]).is_absolute()
    assert Path(command[0]).exists()
    assert env_of(entry) == {"REKALL_HOME": str(home)}
    assert str(client.path()) in ran.err
    assert f"rekall mcp install {client.name} --write" in ran.err
    assert list(user.iterdir()) == []


def test_what_is_printed_starts_a_server(rekall: Rekall):
    entry = rekall("mcp", "install", "cursor", "--json").json["entry"]
    ran = subprocess.run([entry["command"], *entry["args"], "--help"], capture_output=True, text=True, check=True)
    assert "Usage: rekall mcp" in ran.stdout


@pytest.mark.parametrize("client", CLIENTS, ids=lambda client: client.name)
def test_any_launch_can_be_written_and_read_back(client):
    read = parsed(client, snippet(client, LAUNCH))
    entry = read[client.section]["rekall"]  # type: ignore[index]
    assert entry == client.entry(LAUNCH)
    assert "/data/ré" in snippet(client, LAUNCH)


def test_a_home_is_carried_as_a_whole_path(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    assert dict(this_launch("base").env) == {"REKALL_HOME": str(tmp_path / "base")}
    assert dict(this_launch("~/base").env) == {"REKALL_HOME": str(Path.home() / "base")}
    assert this_launch(None).env == this_launch("").env == ()


@pytest.mark.parametrize("client", CLIENTS, ids=lambda client: client.name)
def test_without_a_home_none_is_named(client):
    assert env_of(client.entry(Launch("rekall", ("mcp",)))) == {}


def test_read_only_goes_into_the_command(rekall: Rekall):
    entry = rekall("mcp", "install", "cursor", "--read-only", "--json").json["entry"]
    assert entry["args"][-2:] == ["mcp", "--read-only"]


@pytest.mark.parametrize("options", [["--read-only"], ["--http"], ["--port", "1"], ["--structured"]])
def test_an_option_before_install_is_not_lost(rekall: Rekall, options):
    ran = rekall("mcp", *options, "install", "cursor")
    assert ran.code == 2
    assert "after `install CLIENT`" in ran.err


def hostile(folder: Path) -> Path:
    (folder / "click.py").write_text("raise SystemExit('not this one')")
    return folder


def test_without_a_script_python_itself_is_started(monkeypatch, tmp_path):
    python = sys.executable
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))
    launch = this_launch(None)
    assert (launch.command, launch.arguments[0], launch.arguments[-1]) == (str(tmp_path / "python"), "-c", "mcp")
    ran = subprocess.run(  # the folder a client has open may hold modules of any name
        [python, *launch.arguments, "--help"], cwd=hostile(tmp_path), capture_output=True, text=True, check=True
    )
    assert "Usage: rekall mcp" in ran.stdout


# which clients


def test_without_a_client_all_are_listed(rekall: Rekall):
    put(find_client("cursor"), "{}")
    ran = rekall("mcp", "install")
    assert ran.code == 0
    rows = {line.split()[0]: line for line in ran.out.splitlines()}
    assert set(rows) == set(NAMES)
    assert [name for name, row in rows.items() if "installed, not configured" in row] == ["cursor"]
    assert "by hand" in rows["jetbrains"]
    assert "  ~/.cursor/mcp.json" in rows["cursor"].replace("\\", "/")
    listed = rekall("mcp", "install", "--json").json["clients"]
    assert [each["name"] for each in listed] == NAMES
    assert [each["name"] for each in listed if each["installed"]] == ["cursor"]


@pytest.mark.parametrize(("name", "near"), [("cursr", "cursor"), ("Claude", "claude-"), ("vs-code", "vscode")])
def test_an_unknown_client_is_told_which_are_near(rekall: Rekall, name, near):
    ran = rekall("mcp", "install", name)
    assert ran.code == 3
    assert f"unknown client {name!r}" in ran.err
    assert f"did you mean {near}" in ran.err
    assert rekall("mcp", "install", name, "--json").json["error"]["kind"] == "not_found"


def test_a_client_is_known_in_any_case(rekall: Rekall):
    assert rekall("mcp", "install", "Cursor", "--json").json["client"] == "cursor"
    assert rekall("mcp", "install", "Claude Code", "--json").json["client"] == "claude-code"


def test_status_lists_what_install_lists(rekall: Rekall):
    assert rekall("mcp", "status").out == rekall("mcp", "install").out
    assert rekall("mcp", "status", "--json").json == rekall("mcp", "install", "--json").json


def test_write_needs_a_client(rekall: Rekall):
    assert rekall("mcp", "install", "--write").code == 2


@pytest.mark.parametrize(
    ("name", "darwin", "win32", "linux"),
    [
        (
            "claude-desktop",
            "Library/Application Support/Claude/claude_desktop_config.json",
            "AppData/Roaming/Claude/claude_desktop_config.json",
            ".config/Claude/claude_desktop_config.json",
        ),
        (
            "vscode",
            "Library/Application Support/Code/User/mcp.json",
            "AppData/Roaming/Code/User/mcp.json",
            ".config/Code/User/mcp.json",
        ),
        ("zed", ".config/zed/settings.json", "AppData/Roaming/Zed/settings.json", ".config/zed/settings.json"),
        ("claude-code", ".claude.json", ".claude.json", ".claude.json"),
        ("codex", ".codex/config.toml", ".codex/config.toml", ".codex/config.toml"),
        ("cursor", ".cursor/mcp.json", ".cursor/mcp.json", ".cursor/mcp.json"),
        (
            "goose",
            ".config/goose/config.yaml",
            "AppData/Roaming/Block/goose/config/config.yaml",
            ".config/goose/config.yaml",
        ),
        ("copilot-cli", ".copilot/mcp-config.json", ".copilot/mcp-config.json", ".copilot/mcp-config.json"),
        ("kiro", ".kiro/settings/mcp.json", ".kiro/settings/mcp.json", ".kiro/settings/mcp.json"),
        ("qwen", ".qwen/settings.json", ".qwen/settings.json", ".qwen/settings.json"),
        ("junie", ".junie/mcp/mcp.json", ".junie/mcp/mcp.json", ".junie/mcp/mcp.json"),
    ],
)
def test_each_system_has_its_place(name, darwin, win32, linux, user):
    environ = {"APPDATA": str(user / "AppData" / "Roaming")}
    client = find_client(name)
    assert client.path(environ, "darwin") == user / darwin
    assert client.path(environ, "win32") == client.path({}, "win32") == user / win32
    assert client.path(environ, "linux") == user / linux


@pytest.mark.parametrize(
    ("name", "variable", "file"),
    [
        ("claude-code", "CLAUDE_CONFIG_DIR", ".claude.json"),
        ("codex", "CODEX_HOME", "config.toml"),
        ("copilot-cli", "COPILOT_HOME", "mcp-config.json"),
        ("zed", "XDG_CONFIG_HOME", "zed/settings.json"),
        ("goose", "XDG_CONFIG_HOME", "goose/config.yaml"),
    ],
)
def test_a_file_that_was_moved_by_a_variable_is_found(name, variable, file, tmp_path):
    assert find_client(name).path({variable: str(tmp_path)}, "linux") == tmp_path / file
    assert find_client(name).path({variable: ""}, "linux").is_relative_to(Path.home())


def test_a_file_with_comments_in_its_name_is_used_where_only_that_is_there(rekall: Rekall):
    client = find_client("opencode")
    commented = client.path().with_suffix(".jsonc")
    commented.parent.mkdir(parents=True)
    commented.write_text("// mine\n{}\n")
    assert rekall("mcp", "install", "opencode", "--write", "--json").json["path"] == str(commented)
    assert commented.read_text().startswith("// mine\n")
    assert list(commented.parent.glob("*.json")) == []


# what it writes


@pytest.mark.parametrize("client", CLIENTS, ids=lambda client: client.name)
def test_a_file_that_is_not_there_is_made(rekall: Rekall, client):
    ran = rekall("mcp", "install", client.name, "--write", "--json")
    assert ran.json["changed"]
    assert ran.json["copy"] is None
    shown = rekall("mcp", "install", client.name)
    assert client.path().read_text("utf-8") == shown.out
    again = rekall("mcp", "install", client.name, "--write", "--json")
    assert not again.json["changed"]
    assert client.path().read_text("utf-8") == shown.out
    assert len(list(client.path().parent.iterdir())) == 1


@pytest.mark.parametrize("empty", ["", "\n", "  \n\t"])
@pytest.mark.parametrize("client", CLIENTS, ids=lambda client: client.name)
def test_an_empty_file_is_filled(rekall: Rekall, client, empty):
    path = put(client, empty)
    assert rekall("mcp", "install", client.name, "--write").code == 0
    assert "rekall" in parsed(client, path.read_text("utf-8"))[client.section]  # type: ignore[operator]


@pytest.mark.parametrize("client", JSON_CLIENTS, ids=lambda client: client.name)
@pytest.mark.parametrize("indent", [2, 4, "\t"], ids=repr)
@pytest.mark.parametrize("end", ["", "\n"], ids=repr)
def test_what_else_is_in_a_json_file_stays(rekall: Rekall, client, indent, end):
    document = {
        "zebra": {"naïve": "文字", "list": [1, 2.5, True, None]},
        client.section: {"other": {"command": "npx", "args": ["-y", "thing"]}},
        "alpha": "🦊",
    }
    old = json.dumps(document, indent=indent, ensure_ascii=False) + end
    path = put(client, old)
    assert rekall("mcp", "install", client.name, "--write").code == 0
    new = path.read_text("utf-8")
    read = json.loads(new)
    added = read[client.section].pop("rekall")
    assert json.dumps(read, indent=indent, ensure_ascii=False) + end == old
    assert added["command"]
    kept = old[: old.index("thing")]  # up to there nothing moved
    assert new.startswith(kept)


def test_the_copy_is_what_was_there_and_is_made_once(rekall: Rekall):
    client = find_client("cursor")
    old = b'{\r\n  "mcpServers": {\r\n    "a": {"command": "b"}\r\n  }\r\n}\r\n'
    path = put(client, old)
    copy = Path(rekall("mcp", "install", "cursor", "--write", "--json").json["copy"])
    assert copy == path.with_name("mcp.json.before-rekall")
    assert copy.read_bytes() == old
    written = path.read_bytes()
    assert written.count(b"\n") == written.count(b"\r\n") > 5
    again = rekall("mcp", "install", "cursor", "--write")
    assert "already has it; nothing changed" in again.err
    assert path.read_bytes() == written
    assert sorted(path.parent.iterdir()) == [path, copy]


@pytest.mark.parametrize(
    ("client", "old"),
    [("cursor", b'\xef\xbb\xbf{"mcpServers": {}}'), ("codex", b"\xef\xbb\xbf# mine\r\na = 1\r\n")],
)
def test_a_byte_order_mark_stays(rekall: Rekall, client, old):
    path = put(find_client(client), old)
    copy = Path(rekall("mcp", "install", client, "--write", "--json").json["copy"])
    assert copy.read_bytes() == old
    written = path.read_bytes()
    assert written.startswith(b"\xef\xbb\xbf")
    assert written.count(b"\xef\xbb\xbf") == 1
    assert b"rekall" in written
    assert not rekall("mcp", "install", client, "--write", "--json").json["changed"]


def test_an_earlier_copy_is_not_overwritten(rekall: Rekall):
    path = put(find_client("cursor"), '{"first": 1}')
    first = Path(rekall("mcp", "install", "cursor", "--write", "--json").json["copy"])
    between = path.read_bytes()
    second = Path(rekall("mcp", "install", "cursor", "--write", "--read-only", "--json").json["copy"])
    assert first.read_text() == '{"first": 1}'
    assert second != first
    assert second.read_bytes() == between


def test_what_a_person_added_to_the_entry_stays(rekall: Rekall):
    path = put(
        find_client("cursor"),
        '{"mcpServers": {"rekall": {"command": "old", "args": ["x"], "disabled": true, "env": {"A": "b"}}}}',
    )
    assert rekall("mcp", "install", "cursor", "--write").code == 0
    entry = json.loads(path.read_text("utf-8"))["mcpServers"]["rekall"]
    assert entry["disabled"] is True
    assert entry["command"] != "old"
    assert set(entry["env"]) == {"A", "REKALL_HOME"}
    assert not rekall("mcp", "install", "cursor", "--write", "--json").json["changed"]


def test_an_entry_of_another_kind_is_replaced(rekall: Rekall):
    path = put(find_client("cursor"), '{"mcpServers": {"rekall": {"url": "http://127.0.0.1:8799/mcp"}}}')
    assert rekall("mcp", "install", "cursor", "--write").code == 0
    assert "url" not in json.loads(path.read_text("utf-8"))["mcpServers"]["rekall"]


def test_half_a_character_in_somebody_s_history_stays(rekall: Rekall):
    path = put(find_client("claude-code"), '{"history": ["cut \\ud83d", "whole \\ud83e\\udd8a"]}')
    assert rekall("mcp", "install", "claude-code", "--write").code == 0
    assert json.loads(path.read_text("utf-8"))["history"] == ["cut \ud83d", "whole 🦊"]


BROKEN = {
    "names without quotes": b"{mcpServers: {}}",
    "half a file": b'{"mcpServers": {',
    "a list": b"[]",
    "a text": b'"mcpServers"',
    "servers that are a list": b'{"mcpServers": []}',
    "deep": b"[" * 100_000,
}


@pytest.mark.parametrize("before", ["", '{"a": 1}'])
def test_what_its_own_program_wrote_meanwhile_stays(tmp_path, before):
    path = tmp_path / "settings.json"
    if before:
        path.write_text(before)
    change = planned(path, lambda old: old + " ")
    path.write_text('{"b": 2}')
    with pytest.raises(InvalidInput, match="another program wrote to it just now"):
        change.write()
    assert [(each.name, each.read_text()) for each in tmp_path.iterdir() if each.is_file()] == [(path.name, '{"b": 2}')]


def test_what_its_own_program_writes_while_a_copy_is_made_stays(tmp_path, monkeypatch):
    path = tmp_path / "settings.json"
    path.write_text('{"a": 1}')

    def in_company(copy: Path, data: bytes) -> None:
        write_atomically(copy, data)
        path.write_text('{"b": 2}')

    monkeypatch.setattr(their_files, "write_atomically", in_company)
    with pytest.raises(InvalidInput, match="another program wrote to it just now"):
        planned(path, lambda old: old + " ").write()
    assert [(each.name, each.read_text()) for each in tmp_path.iterdir() if each.is_file()] == [(path.name, '{"b": 2}')]


@pytest.mark.skipif(WINDOWS, reason="it has no named pipes among its files")
def test_a_pipe_in_the_place_of_a_file_is_not_waited_for(rekall: Rekall):
    path = put(find_client("cursor"), b"")
    path.unlink()
    os.mkfifo(path)
    for words in (("install", "cursor", "--write"), ("uninstall", "cursor")):
        ran = rekall("mcp", *words)
        assert ran.code == 4
        assert f"error: {path} was left alone: it is no file" in ran.err
    assert standing(find_client("cursor"), path).problem == "it is no file"


@pytest.mark.parametrize("kind", BROKEN)
def test_a_file_that_is_no_json_even_with_comments_is_left_alone(rekall: Rekall, kind):
    path = put(find_client("cursor"), BROKEN[kind])
    ran = rekall("mcp", "install", "cursor", "--write")
    assert ran.code == 4
    assert f"error: {path} was left alone: " in ran.err
    _, _, shown = ran.err.partition("add this yourself:\n\n")
    assert "rekall" in json.loads(shown)["mcpServers"]
    assert path.read_bytes() == BROKEN[kind]
    assert list(path.parent.iterdir()) == [path]
    assert rekall("mcp", "install", "cursor", "--write", "--json").json["error"]["kind"] == "invalid_input"


@pytest.mark.parametrize("client", [find_client("cursor"), find_client("codex")], ids=["cursor", "codex"])
def test_a_file_that_is_not_utf_8_is_left_alone(rekall: Rekall, client):
    data = '{"mcpServers": {"a": "é"}}'.encode("latin-1")
    path = put(client, data)
    ran = rekall("mcp", "install", client.name, "--write")
    assert ran.code == 4
    assert "was left alone: it is not UTF-8" in ran.err
    assert path.read_bytes() == data


TOML = """\
# mine
model = "big"  # do not touch

[mcp_servers.other]
command = "npx"   # other
args = [ "-y",
  "thing" ]

[profiles.x]
a = 1
"""


def test_a_toml_file_keeps_its_comments_and_order(rekall: Rekall):
    path = put(find_client("codex"), TOML)
    ran = rekall("mcp", "install", "codex", "--write", "--json")
    assert Path(ran.json["copy"]).read_text("utf-8") == TOML
    text = path.read_text("utf-8")
    lines = text.splitlines()
    places = [lines.index(line) for line in TOML.splitlines() if line]
    assert places == sorted(places)
    read = tomllib.loads(text)
    assert read["mcp_servers"]["rekall"]["args"][-1] == "mcp"
    assert read["mcp_servers"]["other"] == {"command": "npx", "args": ["-y", "thing"]}
    assert read["profiles"] == {"x": {"a": 1}}
    assert not rekall("mcp", "install", "codex", "--write", "--json").json["changed"]
    assert path.read_text("utf-8") == text


@pytest.mark.parametrize(
    "text",
    [
        '[mcp_servers.a]\ncommand = "x"\n\n[z]\nb = 1\n\n[mcp_servers.c]\ncommand = "y"\n',
        'mcp_servers = { a = { command = "x" } }\n',
        'mcp_servers.a.command = "x"\n\n[z]\nb = 1\n',
        'mcp_servers.a.command = "x"\nmcp_servers.a.args = []\nmodel = "m"\n',
        '[mcp_servers]\na.command = "x"\nrekall.command = "old"\nb.command = "y"\n',
        '[mcp_servers.rekall]\ncommand = "old"\n\n# of the next\n[z]\nb = 1\n',
        "[mcp_servers]\n",
        '[mcp_servers.rekall]\ncommand = "old"\nstartup_timeout_sec = 20\n',
        'a = 1\r\n\r\n[mcp_servers.a]\r\ncommand = "x"\r\n',
    ],
    ids=range(9),
)
def test_a_toml_file_of_any_shape_takes_the_entry_and_gives_it_back(text):
    client = find_client("codex")
    before, after = tomllib.loads(text), tomllib.loads(merged(client, text, LAUNCH))
    added = after["mcp_servers"].pop("rekall")
    old = before["mcp_servers"].pop("rekall", {})
    assert after == before
    assert added == {**old, **client.entry(LAUNCH)}
    new = merged(client, text, LAUNCH)
    assert merged(client, new, LAUNCH) == new
    gone = without(client, new)
    assert {"mcp_servers": {}, **tomllib.loads(gone)} == before
    assert [line for line in text.splitlines() if line.startswith("#") and line not in gone.splitlines()] == []


@pytest.mark.parametrize("text", ["a = ", "[x", 'mcp_servers = "none"\n', "[[mcp_servers]]\na = 1\n"])
def test_a_broken_toml_file_is_left_alone(rekall: Rekall, text):
    path = put(find_client("codex"), text)
    ran = rekall("mcp", "install", "codex", "--write")
    assert ran.code == 4
    assert "was left alone" in ran.err
    assert "[mcp_servers.rekall]" in ran.err
    assert path.read_text("utf-8") == text


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


@settings(max_examples=100, deadline=None)
@given(
    document=st.dictionaries(st.text(max_size=8), values, max_size=4),
    servers=st.dictionaries(st.text(max_size=8), values, max_size=3),
    ascii_only=st.booleans(),
)
def test_merging_adds_one_entry_and_nothing_else(document, servers, ascii_only):
    client = find_client("cursor")
    old = json.dumps({**document, "mcpServers": servers}, ensure_ascii=ascii_only)
    new = merged(client, old, LAUNCH)
    new.encode()
    read = json.loads(new)
    assert read["mcpServers"].pop("rekall")["command"] == LAUNCH.command
    expected = {**document, "mcpServers": {name: value for name, value in servers.items() if name != "rekall"}}
    assert read == expected
    assert list(read) == list(json.loads(old))
    assert merged(client, new, LAUNCH) == new


@posix_only
def test_a_link_stays_a_link_and_its_target_changes(rekall: Rekall, user):
    target = user / "dotfiles" / "mcp.json"
    target.parent.mkdir()
    target.write_text("{}")
    path = find_client("cursor").path()
    path.parent.mkdir()
    path.symlink_to(target)
    ran = rekall("mcp", "install", "cursor", "--write", "--json")
    assert path.is_symlink()
    assert "rekall" in target.read_text("utf-8")
    assert Path(ran.json["copy"]).parent == target.parent


@posix_only
@pytest.mark.parametrize("mode", [0o600, 0o644, 0o640])
def test_a_file_keeps_its_mode_and_the_copy_has_it(rekall: Rekall, mode):
    path = put(find_client("claude-code"), '{"a": "secret"}')
    path.chmod(mode)
    copy = Path(rekall("mcp", "install", "claude-code", "--write", "--json").json["copy"])
    assert path.stat().st_mode & 0o777 == copy.stat().st_mode & 0o777 == mode


@posix_only
def test_a_folder_in_its_place_is_an_error_in_our_words(rekall: Rekall):
    find_client("cursor").path().mkdir(parents=True)
    ran = rekall("mcp", "install", "cursor", "--write")
    assert ran.code == 4
    assert ran.err.startswith("error: ")


COMMENTED = """\
// my servers
{
  "mcpServers": {
    // the one for tickets
    "other": { "command": "npx" }, // do not touch
  },
  /* and the rest */
}
"""


@pytest.mark.parametrize("client", JSON_CLIENTS, ids=lambda client: client.name)
def test_comments_stay_when_it_comes_and_when_it_goes(rekall: Rekall, client):
    old = COMMENTED.replace("mcpServers", client.section)
    path = put(client, old)
    assert rekall("mcp", "install", client.name, "--write").code == 0
    new = path.read_text("utf-8")
    assert command_of(jsonc.parsed(new)[client.section]["rekall"])[-1] == "mcp"
    assert [line for line in old.splitlines() if line not in new.splitlines()] == []
    ran = rekall("mcp", "uninstall", client.name)
    assert ran.code == 0
    assert path.read_text("utf-8") == old


YAML = """\
# mine
GOOSE_MODEL: big   # do not touch

extensions:
  # tools
  developer:
    bundled: true
    name: developer

    type: builtin
  memory:
    args: ["-y", "thing"]   # other
# the end
GOOSE_MODE: auto
"""


def test_a_yaml_file_keeps_its_comments_and_order(rekall: Rekall):
    path = put(find_client("goose"), YAML)
    assert rekall("mcp", "install", "goose", "--write").code == 0
    text = path.read_text("utf-8")
    lines = text.splitlines()
    places = [lines.index(line) for line in YAML.splitlines() if line]
    assert places == sorted(places)
    read = yaml.safe_load(text)
    assert read["extensions"].pop("rekall")["cmd"]
    assert read == yaml.safe_load(YAML)
    assert not rekall("mcp", "install", "goose", "--write", "--json").json["changed"]
    assert rekall("mcp", "install", "goose", "--write", "--read-only", "--json").json["changed"]
    changed = yaml.safe_load(path.read_text("utf-8"))["extensions"]["rekall"]
    assert changed["args"][-2:] == ["mcp", "--read-only"]
    assert rekall("mcp", "uninstall", "goose").code == 0
    assert path.read_text("utf-8") == YAML


@pytest.mark.parametrize(
    "text",
    [
        "",
        "# only this\n",
        "a: 1",
        "extensions:\n",
        "extensions: {}  # none\n",
        "extensions: # none yet\na: 1\n",
        "a: 1\r\nextensions:\r\n    x:\r\n        y: 1\r\n",
        "extensions:\n  rekall:\n    cmd: old\n    timeout: 20\n    mine: [1,\n      2]\n  x: {y: 1}\n",
        "extensions:\n  x:\n    text: |\n      rekall:\n        # no comment\n\nz: 1\n",
    ],
    ids=range(9),
)
def test_a_yaml_file_of_any_shape_takes_the_entry_and_gives_it_back(text):
    client = find_client("goose")
    before, new = yaml.safe_load(text) or {}, merged(client, text, LAUNCH)
    after = yaml.safe_load(new)
    added = after["extensions"].pop("rekall")
    old = (before.get("extensions") or {}).pop("rekall", {})
    assert {**after, "extensions": after["extensions"] or None} == {
        **before,
        "extensions": before.get("extensions") or None,
    }
    assert added == {**old, **client.entry(LAUNCH), **({"timeout": 20} if old else {})}
    assert merged(client, new, LAUNCH) == new
    gone = yaml.safe_load(without(client, new)) or {}
    assert {**gone, "extensions": gone.get("extensions") or None} == {
        **before,
        "extensions": before.get("extensions") or None,
    }


@pytest.mark.parametrize(
    "text",
    [
        "extensions: [a]\n",
        "{extensions: {a: {b: 1}}}\n",
        "a: [\n",
        "- a\n",
        "extensions: {a: {b: 1}}\n",
        "a: 1\n---\nb: 2\n",
    ],
)
def test_a_yaml_file_that_is_not_written_by_lines_is_left_alone(rekall: Rekall, text):
    path = put(find_client("goose"), text)
    ran = rekall("mcp", "install", "goose", "--write")
    assert ran.code == 4
    assert "was left alone" in ran.err
    assert path.read_text("utf-8") == text


# taken out again


@pytest.mark.parametrize("client", CLIENTS, ids=lambda client: client.name)
def test_a_file_that_holds_nothing_else_goes(rekall: Rekall, client):
    assert rekall("mcp", "install", client.name, "--write").code == 0
    ran = rekall("mcp", "uninstall", client.name, "--json")
    assert (ran.json["changed"], ran.json["copy"]) == (True, None)
    assert not client.path().exists()
    assert not rekall("mcp", "uninstall", client.name, "--json").json["changed"]


WHOLE_FILES = {
    "cursor": [
        b"",
        b"null\n",
        b'{"mcpServers": null, "a": 1}',
        b'\xef\xbb\xbf{\n  "mcpServers": {}\n}\n',
        b'{\r\n\t"mcpServers": {\r\n\t\t// none yet\r\n\t},\r\n}',
        b'{"mcpServers":{"a":{"command":"rekall"}},"z":[1, 2]}',
    ],
    "codex": [
        b"a = 1",
        b'[mcp_servers."a"]\r\ncommand = "x"\r\n# end',
        b'mcp_servers = { a = { command = "x" } }\nb = 1\n',
        b'mcp_servers.a.command = "x"\nmodel = "m"\n',
    ],
    "goose": [
        b"extensions: {}  # none",
        b"extensions: ~\n",
        b"d: &d\n  x: 1\nextensions:  # mine\n  a:\n    <<: *d\n# end",
    ],
}


@pytest.mark.parametrize(("name", "old"), [(name, old) for name, files in WHOLE_FILES.items() for old in files])
def test_a_file_is_what_it_was_to_the_byte_when_it_goes(rekall: Rekall, name, old):
    path = put(find_client(name), old)
    assert rekall("mcp", "install", name, "--write").code == 0
    assert rekall("mcp", "install", name, "--write", "--read-only").code == 0
    assert standing(find_client(name), path).state == "configured"
    assert rekall("mcp", "uninstall", name).code == 0
    assert path.read_bytes() == old


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("cursor", '{\n  "mcpServers": {\n    // none yet\n  }\n}\n'),
        ("goose", "extensions:  # none yet\na: 1\n"),
        ("goose", "extensions: {}  # none yet\n"),
    ],
)
def test_a_comment_of_an_empty_section_stays_without_any_copy(name, text):
    client = find_client(name)
    gone = without(client, merged(client, text, LAUNCH))
    assert "none yet" in gone
    assert client.section in gone


def test_what_others_put_there_stays_when_it_goes(rekall: Rekall):
    path = put(find_client("codex"), TOML)
    rekall("mcp", "install", "codex", "--write")
    assert rekall("mcp", "uninstall", "codex").code == 0
    assert tomllib.loads(path.read_text("utf-8")) == tomllib.loads(TOML)
    assert [line for line in TOML.splitlines() if line not in path.read_text("utf-8").splitlines()] == []


def test_uninstall_says_what_it_wants_and_what_it_cannot(rekall: Rekall):
    assert rekall("mcp", "uninstall").code == 2
    assert rekall("mcp", "uninstall", "cursor", "--all").code == 2
    assert "does not name Rekall; nothing changed" in rekall("mcp", "uninstall", "cursor").err
    assert "AI Assistant" in rekall("mcp", "uninstall", "jetbrains").err
    broken = put(find_client("cursor"), "{")
    ran = rekall("mcp", "uninstall", "cursor")
    assert (ran.code, broken.read_text()) == (4, "{")
    assert "was left alone" in ran.err


def test_all_are_those_that_are_installed(rekall: Rekall, user):
    (user / ".cursor").mkdir()
    (user / ".codex").mkdir()
    (user / ".claude").mkdir()
    shown = rekall("mcp", "install", "--all")
    assert [line.split()[0] for line in shown.out.splitlines()] == ["claude-code", "codex", "cursor"]
    assert "--write" in shown.err
    written = rekall("mcp", "install", "--all", "--write", "--json").json["clients"]
    assert [(each["client"], each["changed"]) for each in written] == [
        ("claude-code", True),
        ("codex", True),
        ("cursor", True),
    ]
    put(find_client("cursor"), "{")
    ran = rekall("mcp", "install", "--all", "--write", "--read-only")
    assert ran.code == 4
    assert "mcp.json was left alone" in ran.err
    assert "--read-only" in (user / ".claude.json").read_text()
    gone = rekall("mcp", "uninstall", "--all", "--json").json["clients"]
    assert [each["client"] for each in gone] == ["claude-code", "codex"]
    assert "no client's file names Rekall" in rekall("mcp", "uninstall", "--all").err


def test_none_is_installed(rekall: Rekall):
    assert "no client seems to be installed" in rekall("mcp", "install", "--all", "--write").err


# how it stands


def test_the_list_says_how_it_stands_with_each(rekall: Rekall, user, tmp_path):
    other = tmp_path / "other" / "rekall"
    other.parent.mkdir()
    other.write_text("#!/bin/sh\n")
    other.chmod(0o755)
    rekall("mcp", "install", "cursor", "--write")
    put(find_client("codex"), f"[mcp_servers.rekall]\ncommand = {json.dumps(str(other))}\n")
    put(find_client("kiro"), '{"mcpServers": {"rekall": {"command": "/gone/rekall"}}}')
    put(find_client("gemini"), "{")
    put(find_client("qwen"), '{"mcpServers": {"rekall": {"httpUrl": "http://127.0.0.1:8799/mcp"}}}')
    rows = {line.split()[0]: line for line in rekall("mcp", "install").out.splitlines()}
    assert "  configured  " in rows["cursor"]
    assert f"configured, runs {other}" in rows["codex"] or sys.platform == "win32"
    assert f"broken: {Path('/gone/rekall')} is gone" in rows["kiro"]
    assert "its file cannot be read" in rows["gemini"]
    assert "  configured  " in rows["qwen"]
    states = {each["name"]: each["state"] for each in rekall("mcp", "install", "--json").json["clients"]}
    assert [states[name] for name in ("cursor", "kiro", "gemini", "vscode", "jetbrains")] == [
        "configured",
        "missing",
        "unreadable",
        "not configured",
        "by hand",
    ]


# for a project


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The top of a repository, seen from a folder in it."""
    top = tmp_path / "webapp"
    (top / ".git").mkdir(parents=True)
    (top / "src").mkdir()
    monkeypatch.chdir(top / "src")
    return top


@pytest.mark.parametrize("client", IN_PROJECTS, ids=lambda client: client.name)
def test_a_project_s_file_names_nothing_of_this_machine(rekall: Rekall, client, project, user):
    ran = rekall("mcp", "install", client.name, "--project", "--write", "--json")
    path = project / client.project
    assert Path(ran.json["path"]) == path
    text = path.read_text("utf-8")
    entry = parsed(client, text)[client.section]["rekall"]  # type: ignore[index]
    assert command_of(entry) == ["rekall", "mcp"]
    assert not env_of(entry)
    assert str(user) not in text
    assert list(user.iterdir()) == []
    assert rekall("mcp", "install", client.name, "--project").out.strip() == text.strip()
    rows = {line.split()[0]: line for line in rekall("mcp", "install", "--project").out.splitlines()}
    assert set(rows) == {each.name for each in IN_PROJECTS}
    assert rekall("mcp", "uninstall", client.name, "--project", "--json").json["changed"]


def test_not_every_client_has_a_file_for_a_project(rekall: Rekall, project):
    ran = rekall("mcp", "install", "windsurf", "--project", "--write")
    assert ran.code == 4
    assert "those that have one: claude-code, " in ran.err
    assert rekall("mcp", "install", "cursor", "--project", "--http").code == 2
    assert rekall("mcp", "install", "cursor", "--all").code == 2


def test_a_client_without_a_file_is_told_where_to_paste(rekall: Rekall):
    shown = rekall("mcp", "install", "jetbrains")
    assert json.loads(shown.out)["mcpServers"]["rekall"]["command"]
    assert "AI Assistant" in shown.err
    ran = rekall("mcp", "install", "jetbrains", "--write")
    assert ran.code == 4
    assert "paste this at " in ran.err
    assert rekall("mcp", "install", "aider").code == 3


# which command it names


@posix_only
@pytest.mark.parametrize("is_same", [True, False])
def test_the_rekall_that_a_shell_finds_is_named_where_it_is_this_one(tmp_path, monkeypatch, is_same):
    inside, shell = tmp_path / "venv" / "bin", tmp_path / "bin"
    inside.mkdir(parents=True)
    shell.mkdir()
    own, found = inside / "rekall", shell / "rekall"
    own.write_text("#!/venv/bin/python\n")
    own.chmod(0o755)
    if is_same:
        found.symlink_to(own)
    else:
        found.write_text("#!/another/python\n")
        found.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(inside / "python"))
    launch = this_launch(None, environ={"PATH": str(shell)})
    assert launch.command == str(found if is_same else own)
    assert this_launch(None, environ={"PATH": ""}).command == str(own)
    assert this_launch("~/base", is_shared=True, environ={"PATH": ""}) == Launch("rekall", ("mcp",))


# what it needs

WITHOUT = """
import sys

class Missing:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in ({names}):
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)

sys.meta_path.insert(0, Missing())
from rekall.cli.main import run
run(sys.argv[1:])
"""


@pytest.mark.parametrize(
    ("names", "which"),
    [("'mcp', 'mcp_types'", "the"), ("'mcp_types',", "another version of the")],
    ids=["missing", "older"],
)
def test_without_the_package_the_extra_is_named(names, which):
    command = [sys.executable, "-c", WITHOUT.format(names=names), "mcp"]
    ran = subprocess.run(command, capture_output=True, text=True, cwd=CHECKOUT, stdin=subprocess.DEVNULL, timeout=300)
    assert ran.returncode == 2
    assert ran.stderr.startswith(f"error: the server for assistants needs {which} package mcp")
    assert "rekall-memory[mcp]" in ran.stderr.partition("hint: ")[2]
    assert ran.stdout == ""


def test_install_and_help_need_no_package(user):
    for arguments in (["mcp", "--help"], ["mcp", "install"], ["mcp", "install", "codex", "--write"], ["--help"]):
        command = [sys.executable, "-c", WITHOUT.format(names="'mcp', 'mcp_types', 'pydantic', 'anyio'"), *arguments]
        ran = subprocess.run(command, capture_output=True, text=True, cwd=CHECKOUT, env={**os.environ}, timeout=300)
        assert ran.returncode == 0, ran.stderr
    assert (user / ".codex" / "config.toml").exists()


def test_a_port_goes_with_http(rekall: Rekall):
    ran = rekall("mcp", "--port", "8000")
    assert ran.code == 2
    assert "--port needs --http" in ran.err
