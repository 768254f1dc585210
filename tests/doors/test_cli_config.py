"""config from the shell, and where everything lies."""

from __future__ import annotations

import errno
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from support import Ran, in_threads
from support.waiting import PATIENCE_S

from rekall.cli.settings_file import unset_setting, write_search, write_setting
from rekall.config import find_places
from rekall.settings import SETTINGS

Rekall = Callable[..., Ran]
MINE = """\
# my own remark
[search]
limit = 7  # seven is enough

[ui]
# nothing else will do
editor = "vim -n"
"""


@pytest.fixture
def config_file(home: Path) -> Path:
    """A config file as a person keeps it."""
    home.mkdir()
    file = home / "config.toml"
    file.write_text(MINE, "utf-8")
    return file


def got(rekall: Rekall, key: str, *flags: str) -> tuple[object, str]:
    answer = rekall(*flags, "config", "get", key, "--json").json
    return answer["value"], answer["origin"]


# looking


def test_list_shows_every_setting_with_its_value_and_origin(rekall: Rekall, config_file: Path) -> None:
    ran = rekall("config", "list")
    assert (ran.code, ran.err) == (0, "")
    lines = ran.out.splitlines()
    assert len(lines) == len(SETTINGS)
    assert [line.split()[0] for line in lines] == [setting.key for setting in SETTINGS]
    (limit,) = (line.split() for line in lines if line.startswith("search.limit"))
    assert limit[1:3] == ["7", "file"]


def test_list_in_json_documents_every_setting(rekall: Rekall, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("REKALL_ADD_PROJECT")  # the suite's own
    answer = rekall("config", "list", "--json").json
    assert answer["schema_version"] == 2
    for item, setting in zip(answer["settings"], SETTINGS):
        assert item == {
            "key": setting.key,
            "value": setting.default,
            "origin": "default",
            "default": setting.default,
            "doc": setting.doc,
        }
        assert setting.doc.endswith(".")


def test_the_settings_of_the_plan_have_their_defaults(rekall: Rekall) -> None:
    planned = {
        "cache_max_size": "1000",
        "cache_ttl_seconds": "600",
        "model_idle_timeout_minutes": "10",
        "vector_index_backend": "auto",
    }
    for name, value in planned.items():
        assert rekall("config", "get", f"performance.{name}").out == f"{value}\n"


def test_get_prints_the_bare_value(rekall: Rekall, config_file: Path) -> None:
    assert rekall("config", "get", "ui.editor").out == "vim -n\n"
    assert rekall("config", "get", "search.limit", "--json").json == {
        "schema_version": 2,
        "key": "search.limit",
        "value": 7,
        "origin": "file",
    }


def test_each_layer_overrides_the_one_before(
    rekall: Rekall, config_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert got(rekall, "search.lexical_share") == (0.6, "default")
    assert got(rekall, "search.limit") == (7, "file")
    monkeypatch.setenv("REKALL_SEARCH_LIMIT", "8")
    assert got(rekall, "search.limit") == (8, "REKALL_SEARCH_LIMIT")
    assert got(rekall, "search.limit", "--set", "search.limit=9") == (9, "flag")
    assert got(rekall, "search.limit", "--set", "search.limit=9", "--set", "search.limit=10") == (10, "flag")


def test_an_empty_variable_is_no_value(rekall: Rekall, config_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REKALL_SEARCH_LIMIT", "")
    assert got(rekall, "search.limit") == (7, "file")


@pytest.mark.parametrize("setting", SETTINGS, ids=lambda setting: setting.key)
def test_every_setting_has_its_variable(rekall: Rekall, monkeypatch: pytest.MonkeyPatch, setting: object) -> None:
    key, default = setting.key, setting.default  # type: ignore[attr-defined]
    name = "REKALL_" + key.upper().replace(".", "_")
    value = setting.choices[-1] if setting.choices else "3" if not isinstance(default, str) else "words"  # type: ignore[attr-defined]
    monkeypatch.setenv(name, value)
    found, origin = got(rekall, key)
    assert (str(found).removesuffix(".0"), origin) == (value, name)


# changing


def test_a_config_file_that_nobody_lets_read_is_not_called_wrong(
    rekall: Rekall, config_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read = Path.read_bytes

    def refuse(path: Path) -> bytes:
        if path.name == "config.toml":
            raise PermissionError(errno.EACCES, "Permission denied", str(path))
        return read(path)

    monkeypatch.setattr(Path, "read_bytes", refuse)
    for command in (["list"], ["config", "set", "ui.theme", "dark"]):
        ran = rekall(*command)
        assert ran.code == 4
        assert f"cannot read {config_file}: Permission denied\n" in ran.err
        assert "check its permissions" in ran.err


def test_what_is_set_at_once_is_all_kept(rekall: Rekall, config_file: Path) -> None:
    places = find_places({"REKALL_HOME": str(config_file.parent)})
    steps = [
        lambda: write_setting(places, "search.lexical_share", "0.4"),
        lambda: write_setting(places, "ui.theme", "dark"),
        lambda: write_setting(places, "engine.threads", "2"),
        lambda: write_search(places, "mine", "nginx"),
        lambda: write_search(places, "yours", "safari"),
        lambda: unset_setting(places, "search.limit"),
    ]
    assert not in_threads(len(steps), lambda number: steps[number]())
    text = config_file.read_text("utf-8")
    for said in (
        "lexical_share = 0.4",
        'theme = "dark"',
        "threads = 2",
        'mine = "nginx"',
        'yours = "safari"',
        "vim -n",
    ):
        assert said in text
    assert "limit = 7" not in text


def test_set_keeps_comments_and_the_other_keys(rekall: Rekall, config_file: Path) -> None:
    ran = rekall("config", "set", "search.limit", "20")
    assert (ran.code, ran.out, ran.err) == (0, "", "search.limit = 20\n")
    assert config_file.read_text("utf-8") == MINE.replace("limit = 7", "limit = 20")


def test_set_adds_keys_and_sections(rekall: Rekall, config_file: Path) -> None:
    rekall("config", "set", "search.lexical_share", "0.4")
    rekall("config", "set", "engine.threads", "2")
    rekall("config", "set", "performance.vector_index_backend", "numpy")
    text = config_file.read_text("utf-8")
    assert all(line in text for line in MINE.splitlines())
    assert (got(rekall, "search.lexical_share"), got(rekall, "engine.threads")) == ((0.4, "file"), (2, "file"))
    assert got(rekall, "performance.vector_index_backend") == ("numpy", "file")


def test_set_makes_the_first_file(rekall: Rekall, home: Path) -> None:
    answer = rekall("config", "set", "ui.editor", 'code --wait "x" ü', "--json").json
    assert answer == {"schema_version": 2, "key": "ui.editor", "value": 'code --wait "x" ü', "origin": "file"}
    assert got(rekall, "ui.editor") == ('code --wait "x" ü', "file")
    assert [path.name for path in home.iterdir()] == ["config.toml"]


def test_set_says_when_the_environment_hides_the_change(
    rekall: Rekall, config_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REKALL_SEARCH_LIMIT", "8")
    ran = rekall("config", "set", "search.limit", "20")
    assert ran.code == 0
    assert "limit = 20" in config_file.read_text("utf-8")
    assert "REKALL_SEARCH_LIMIT" in ran.err


def test_a_setting_takes_effect(rekall: Rekall) -> None:
    rekall("config", "set", "performance.vector_index_backend", "numpy")
    assert rekall("index", "status", "--json").json["backend"]["name"] == "numpy"


BAD = [
    ("search.limit", "many"),
    ("search.limit", "0"),
    ("search.limit", "1001"),
    ("search.limit", "1.5"),
    ("search.limit", ""),
    ("search.limit", "9" * 400),
    ("search.lexical_share", "nan"),
    ("search.lexical_share", "inf"),
    ("search.lexical_share", "-0.1"),
    ("engine.threads", "true"),
    ("ui.theme", "pink"),
    ("performance.vector_index_backend", "faiss"),
    ("performance.cache_max_size", "-1"),
]


@pytest.mark.parametrize(("key", "value"), BAD)
def test_a_bad_value_is_refused_and_the_file_stays(rekall: Rekall, config_file: Path, key: str, value: str) -> None:
    ran = rekall("config", "set", "--", key, value)
    assert (ran.code, ran.out) == (4, "")
    assert key in ran.err
    assert "\n\nhint: " in ran.err
    assert config_file.read_text("utf-8") == MINE
    assert rekall("--set", f"{key}={value}", "config", "list").code == 4


@pytest.mark.parametrize(("key", "value"), [pair for pair in BAD if pair[1]])
def test_a_bad_variable_is_named(rekall: Rekall, monkeypatch: pytest.MonkeyPatch, key: str, value: str) -> None:
    name = "REKALL_" + key.upper().replace(".", "_")
    monkeypatch.setenv(name, value)
    ran = rekall("list")
    assert ran.code == 4
    assert name in ran.err


@pytest.mark.parametrize(
    "arguments",
    [
        ("config", "get", "search.limti"),
        ("config", "set", "search.limti", "3"),
        ("--set", "search.limti=3", "config", "list"),
        ("--set", "search.limti=3", "list"),
    ],
)
def test_an_unknown_key_suggests_the_nearest(rekall: Rekall, home: Path, arguments: tuple[str, ...]) -> None:
    ran = rekall(*arguments)
    assert (ran.code, ran.out) == (3, "")
    assert "search.limti" in ran.err
    assert "did you mean `search.limit`?" in ran.err
    assert rekall(*arguments, "--json").json["error"]["kind"] == "not_found"
    assert not home.exists()


def test_a_key_like_no_other_points_to_the_list(rekall: Rekall) -> None:
    assert "rekall config list" in rekall("config", "get", "zzz").err


def test_a_flag_without_value_is_a_usage_error(rekall: Rekall) -> None:
    ran = rekall("--set", "search.limit", "list")
    assert ran.code == 2
    assert "search.limit=5" in ran.err


# files that a person broke


@pytest.mark.parametrize(
    "data",
    [
        b"[search\nlimit = 3",
        b"limit = = 3",
        b"[search]\nlimit = 1\nlimit = 2",
        b"\xff\xfe[search]",
        b"caf\xe9\n",
        b"x = " + b"[" * 3000 + b"]" * 3000,
    ],
)
@pytest.mark.parametrize(
    "command",
    [("list",), ("config", "list"), ("search", "x"), ("config", "set", "search.limit", "3"), ("add", "til", "title")],
)
def test_a_file_that_is_no_toml_is_named_and_left_alone(
    rekall: Rekall, home: Path, config_file: Path, data: bytes, command: tuple[str, ...]
) -> None:
    config_file.write_bytes(data)
    ran = rekall(*command)
    assert (ran.code, ran.out) == (4, "")
    assert str(config_file) in ran.err
    assert "\n\nhint: " in ran.err
    assert config_file.read_bytes() == data
    assert sorted(path.name for path in home.iterdir()) == ["config.toml"]


@pytest.mark.parametrize(
    ("text", "key", "default"),
    [
        ("[search]\nlimit = true", "search.limit", "10"),
        ('[search]\nlimit = "many"', "search.limit", "10"),
        ("[search]\nlimit = [1]", "search.limit", "10"),
        ("[ui]\neditor = 3", "ui.editor", ""),
        ('[ui]\neditor = "a\\u0000"', "ui.editor", ""),
        ("[ui]\ntheme = 1979-05-27", "ui.theme", "auto"),
        ("[search]\nlimit = 0", "search.limit", "10"),
        ("[search.limit]\nx = 1", "search.limit", "10"),
        ("[performance]\ncache_max_size = 1e400", "performance.cache_max_size", "1000"),
    ],
)
def test_a_value_in_the_file_that_cannot_be_used_stops_nothing(
    rekall: Rekall, config_file: Path, text: str, key: str, default: str
) -> None:
    config_file.write_text(text)
    ran = rekall("list")
    assert ran.code == 0
    assert f"{config_file}: " in ran.err
    assert key.rpartition(".")[2] in ran.err
    assert f"{default or 'the default'} is used instead" in ran.err
    assert rekall("config", "get", key).out == f"{default}\n"


UNKNOWN = {
    "[search]\nlimti = 3": "search.limti (did you mean search.limit?)",
    "search = 3": "search",
    "[serach]\nlimit = 3": "serach.limit (did you mean search.limit?)",
    "limit = 3": "limit",
    "[later]\na = 1\nb.c = 2\n[[list]]\nx = 1": "[later], list",
    '[ui]\n"my key" = 1': "ui.my key",
}


@pytest.mark.parametrize("text", UNKNOWN)
@pytest.mark.parametrize(
    "command",
    [
        ("list", "--json"),
        ("config", "list", "--json"),
        ("config", "get", "search.limit", "--json"),
        ("search", "x", "--mode", "words", "--json"),
        ("add", "til", "a note", "-c", "its text", "--json"),
    ],
)
@pytest.mark.usefixtures("quick_model")
def test_an_unknown_key_in_the_file_is_named_once_and_passed_over(
    rekall: Rekall, config_file: Path, text: str, command: tuple[str, ...]
) -> None:
    config_file.write_text(text)
    ran = rekall(*command)
    assert ran.code == 0
    assert ran.json["schema_version"]
    assert ran.err == f"note: {config_file}: passed over, no settings of this Rekall: {UNKNOWN[text]}\n"


def test_a_file_of_many_unknown_keys_is_told_shortly(rekall: Rekall, config_file: Path) -> None:
    config_file.write_text("\n".join(f"key{number} = 1" for number in range(100)))
    assert rekall("list").err.splitlines()[0].endswith(", key11, and 88 more")


ORIGINAL = """\
data_dir = "/somewhere"
editor = "nano"
default_project = "shop"
debug_backends = true

[smart_embeddings]
enabled = true
model = "gemma"
dimensions = 384

[ui]
detail_panel_ratio = 0.4
column_widths = [10, 20]

[promotion]
threshold = 70.0

[autoscan]
connectors = ["claude"]

[performance]
cache_max_size = 500
cache_ttl_seconds = 60
model_idle_timeout_minutes = 5
vector_backend = "numpy"
"""


def test_a_file_of_the_original_stops_nothing(rekall: Rekall, config_file: Path) -> None:
    config_file.write_text(ORIGINAL)
    ran = rekall("list")
    assert ran.code == 0
    renamed, unknown = ran.err.splitlines()[:2]
    assert "editor (now ui.editor), performance.vector_backend (now performance.vector_index_backend)" in renamed
    assert "data_dir (REKALL_HOME names the folder), default_project, debug_backends, [smart_embeddings] (" in unknown
    assert unknown.endswith("ui.detail_panel_ratio, ui.column_widths, [promotion], [autoscan]")
    expected = {
        "ui.editor": "nano",
        "performance.cache_max_size": 500,
        "performance.cache_ttl_seconds": 60,
        "performance.model_idle_timeout_minutes": 5.0,
        "performance.vector_index_backend": "numpy",
    }
    assert {key: got(rekall, key) for key in expected} == {key: (value, "file") for key, value in expected.items()}


@pytest.mark.parametrize(
    ("value", "today"),
    [
        ('"sqlite_vec"', "sqlite-vec"),
        ('"SQLite-vec"', "sqlite-vec"),
        ('"auto"', "auto"),
        ('"faiss"', "auto"),
        ("3", "auto"),
    ],
)
def test_a_value_of_the_original_is_read_or_passed_over(
    rekall: Rekall, config_file: Path, value: str, today: str
) -> None:
    config_file.write_text(f"[performance]\nvector_backend = {value}\n")
    assert rekall("config", "get", "performance.vector_index_backend").out == f"{today}\n"


def test_today_s_name_goes_before_the_original_s(rekall: Rekall, config_file: Path) -> None:
    config_file.write_text('editor = "nano"\n[ui]\neditor = "vim"\n')
    assert rekall("config", "get", "ui.editor").out == "vim\n"


def test_set_keeps_keys_that_it_does_not_know(rekall: Rekall, config_file: Path) -> None:
    config_file.write_text(ORIGINAL)
    ran = rekall("config", "set", "performance.vector_index_backend", "auto")
    assert ran.code == 0
    assert ran.err.count("default_project") == 1
    assert ORIGINAL.rstrip() in config_file.read_text()
    assert got(rekall, "performance.vector_index_backend") == ("auto", "file")
    assert rekall("config", "set", "ui.editor", "vim").code == 0
    assert got(rekall, "ui.editor") == ("vim", "file")


def test_set_mends_a_value_that_cannot_be_used(rekall: Rekall, config_file: Path) -> None:
    config_file.write_text('[search]\nlimit = "many"\n')
    assert rekall("config", "set", "search.limit", "3").err == "search.limit = 3\n"
    assert rekall("config", "get", "search.limit").err == ""


def test_a_name_of_the_original_is_no_setting_but_leads_to_today_s(rekall: Rekall) -> None:
    ran = rekall("config", "set", "performance.vector_backend", "numpy")
    assert ran.code == 3
    assert "did you mean `performance.vector_index_backend`?" in ran.err
    assert "did you mean `ui.editor`?" in rekall("--set", "editor=vi", "list").err


def test_a_server_says_it_once_beside_what_it_serves(config_file: Path) -> None:
    config_file.write_text("unheard = 1\n")
    hello = {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "test", "version": "1"}}
    calls = [
        {"id": 1, "method": "initialize", "params": hello},
        {"method": "notifications/initialized"},
        *({"id": number, "method": "tools/call", "params": {"name": "recent", "arguments": {}}} for number in (2, 3)),
    ]
    pipe = subprocess.PIPE
    with subprocess.Popen(
        [sys.executable, "-m", "rekall", "mcp"], stdin=pipe, stdout=pipe, stderr=pipe, text=True, encoding="utf-8"
    ) as server:
        assert server.stdin is not None
        assert server.stdout is not None
        for call in calls:
            server.stdin.write(json.dumps({"jsonrpc": "2.0", **call}) + "\n")
            server.stdin.flush()
            if "id" in call:
                assert json.loads(server.stdout.readline())["id"] == call["id"]
        rest, said = server.communicate(timeout=PATIENCE_S)
    assert (rest, server.returncode) == ("", 0)
    assert said.count("unheard") == 1


@pytest.mark.parametrize("text", ["search = 3", "[[search]]\nlimit = 3", "[search.limit]\nx = 1"])
def test_set_on_a_file_of_another_shape_is_refused(rekall: Rekall, config_file: Path, text: str) -> None:
    config_file.write_text(text)
    ran = rekall("config", "set", "search.limit", "5")
    assert ran.code in (3, 4)
    assert str(config_file) in ran.err
    assert config_file.read_text() == text


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="makes a pipe")
def test_a_pipe_in_place_of_the_file_is_named_and_not_waited_for(rekall: Rekall, home: Path) -> None:
    home.mkdir(parents=True)
    os.mkfifo(home / "config.toml")
    for command in (("list",), ("config", "set", "search.limit", "3")):
        ran = rekall(*command)
        assert ran.code == 4
        assert "it is no file" in ran.err


def test_a_byte_order_mark_is_passed_over(rekall: Rekall, config_file: Path) -> None:
    config_file.write_bytes(b"\xef\xbb\xbf[search]\r\nlimit = 3\r\n")
    assert rekall("config", "get", "search.limit").out == "3\n"
    assert rekall("config", "set", "search.limit", "4").code == 0
    assert rekall("config", "get", "search.limit").out == "4\n"


def test_a_folder_in_place_of_the_file_is_named(rekall: Rekall, home: Path) -> None:
    (home / "config.toml").mkdir(parents=True)
    for command in (("list",), ("config", "set", "search.limit", "3")):
        ran = rekall(*command)
        assert ran.code == 4
        assert "config.toml" in ran.err


# places


def test_path_names_what_rekall_owns(rekall: Rekall, home: Path) -> None:
    assert rekall("config", "path", "--json").json == {
        "schema_version": 2,
        "config": str(home / "config.toml"),
        "database": str(home / "rekall.db"),
        "models": str(home / "models"),
    }
    assert str(home / "rekall.db") in rekall("config", "path").out
    assert not home.exists()


def test_rekall_home_moves_everything(rekall: Rekall, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    user = tmp_path / "user"
    user.mkdir()
    monkeypatch.setenv("REKALL_HOME", str(tmp_path / "elsewhere"))
    monkeypatch.setenv("REKALL_ENGINE_MODEL", "missing")
    monkeypatch.chdir(user)
    assert rekall("add", "til", "a note").code == 0
    assert rekall("config", "set", "search.limit", "3").code == 0
    assert {path.name for path in (tmp_path / "elsewhere").iterdir()} >= {"rekall.db", "config.toml"}
    assert list(user.iterdir()) == []


def test_two_homes_know_nothing_of_each_other(rekall: Rekall, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REKALL_ENGINE_MODEL", "missing")
    assert rekall("add", "til", "a note").code == 0
    monkeypatch.setenv("REKALL_HOME", str(tmp_path / "second"))
    assert rekall("stats", "--json").json["entries"] == 0


def test_a_home_may_begin_with_a_tilde_or_be_relative(
    rekall: Rekall, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("USERPROFILE", str(tmp_path / "user"))
    monkeypatch.setenv("REKALL_HOME", "~/notes")
    assert Path(rekall("config", "path", "--json").json["database"]) == tmp_path / "user" / "notes" / "rekall.db"
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("REKALL_HOME", "here")
    assert Path(rekall("config", "path", "--json").json["database"]) == tmp_path / "here" / "rekall.db"


@pytest.mark.skipif(os.name == "nt", reason="the folders of Windows do not follow HOME")
def test_without_rekall_home_the_platform_decides(
    rekall_process: Callable[..., subprocess.CompletedProcess[str]], tmp_path: Path
) -> None:
    ran = rekall_process("config", "path", env={"REKALL_HOME": "", "XDG_CONFIG_HOME": "", "XDG_DATA_HOME": ""})
    paths = [Path(line.split(None, 1)[1]) for line in ran.stdout.splitlines()]
    assert len(paths) == 3
    assert all(tmp_path / "user" in path.parents and "rekall" in path.parts for path in paths)


@pytest.mark.parametrize("line", [["config", "set", "search.limit", "many"], ["--set", "search.limit=many", "list"]])
def test_a_value_that_was_typed_is_told_without_its_place(rekall: Rekall, line: list[str]) -> None:
    assert rekall(*line).err.startswith("error: search.limit cannot be 'many'\n")


@pytest.mark.parametrize("written", ["Numpy", " numpy ", "NUMPY"])
def test_a_choice_is_known_however_it_is_written(rekall, monkeypatch, written):
    assert rekall("config", "set", "engine.backend", written).code == 0
    assert rekall("config", "get", "engine.backend").out == "numpy\n"
    assert rekall("config", "unset", "engine.backend").code == 0
    monkeypatch.setenv("REKALL_ENGINE_BACKEND", written)
    assert rekall("config", "get", "engine.backend").out == "numpy\n"
