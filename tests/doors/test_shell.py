"""Completion, the key and the last error: what the scripts of `rekall init` ask, and one real bash that runs them."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import apsw
import pytest
from support import CHECKOUT, Ran

from rekall.app import App
from rekall.cli.init import KEY, SHELLS, how_to_install, script
from rekall.cli.inserting import after_command, as_typed, parts
from rekall.cli.prompts import take_apart
from rekall.entry.fields import Draft
from rekall.entry.types import EntryType
from rekall.errors import InvalidInput
from rekall.hooks.hosts import HOSTS
from rekall.settings import SETTINGS

Rekall = Callable[..., Ran]
SCRIPTS = CHECKOUT / "rekall" / "cli" / "scripts"
MENU = "63"


@pytest.fixture
def base(quick_model, home: Path) -> dict[str, str]:
    """Ids by title."""
    app = App()
    base = app.open_base(to_write=True)
    drafts = (
        Draft(EntryType.BUG, "nginx answers 502 after a reload", "x", ("nginx", "two words"), "web shop"),
        Draft(EntryType.TIL, "nginx rate limit", "y", ("nginx",), "infra"),
        Draft(EntryType.TIL, "evil \x1b[2J\u202e title", "z", ("postgres",)),
    )
    ids = {draft.title: base.add(draft).entry.id for draft in drafts}
    app.close()
    return ids


def offered(rekall: Rekall, line: str, kind: str = "9", breaks: str = "") -> list[str]:
    """What bash is told for a line, without the kind."""
    return rekall("__complete", "bash", line, breaks, kind).out.splitlines()[1:]


@pytest.mark.parametrize(
    ("line", "some"),
    [
        ("rekall se", ["search"]),
        ("rekall tags re", ["rename", "remove"]),
        ("rekall --se", ["--set"]),
        ("rekall search --mo", ["--mode"]),
        ("rekall search --mode ", ["hybrid", "words", "meaning"]),
        ("rekall search --mode=w", ["words"]),
        ("rekall search nginx --type b", ["bug"]),
        ("rekall list --tag ", ["nginx", "postgres", "two\\ words"]),
        ("rekall list --tag=ng", ["nginx"]),
        ("rekall list -p we", ["web\\ shop"]),
        ('rekall list -p "we', ["web shop"]),
        ("rekall list --since y", ["yesterday"]),
        ("rekall edit 1 --status ", ["active", "obsolete"]),
        ("rekall edit 1 --confidence ", ["0", "5"]),
        ("rekall link --as ", ["supersedes", "contradicts"]),
        ("rekall search ty", ["type:"]),
        ("rekall search type:b", ["bug"]),
        ("rekall search nginx tag:ng", ["nginx"]),
        ("rekall search tag:two", [r"\"two\ words\""]),
        ("rekall search tag:two\\ w", [r"\"two\ words\""]),
        ("rekall search -tag:post", ["postgres"]),
        ("rekall config set search.se", ["search.second_stage"]),
        ("rekall config set search.second_stage ", ["on", "off"]),
        ("rekall --set ui.th", ["ui.theme="]),
        ("rekall --set ui.theme=d", ["dark"]),
        ("rekall model use ", ["all-MiniLM-L6-v2"]),
        ("rekall mcp install cl", ["claude-code", "claude-desktop"]),
        ("rekall help da", ["dates"]),
        ("rekall init z", ["zsh"]),
        ("rekall ls --ty", ["--type"]),
        ("rekall tags rename ng", ["nginx"]),
        ("rekall hook install c", ["claude-code", "codex", "cursor"]),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
@pytest.mark.usefixtures("base")
def test_values_are_completed(rekall: Rekall, line: str, some: list[str]) -> None:
    assert set(some) <= set(offered(rekall, line)), offered(rekall, line)


def test_only_clients_with_hooks_are_completed_for_hooks(rekall: Rekall) -> None:
    assert set(offered(rekall, "rekall hook status ")) == {host.name for host in HOSTS}


def test_every_setting_is_completed(rekall: Rekall) -> None:
    assert offered(rekall, "rekall config get ") == [setting.key for setting in SETTINGS]


def test_an_entry_is_completed_by_its_id_and_by_words_of_its_title(rekall: Rekall, base: dict[str, str]) -> None:
    short = {title: entry_id[-4:] for title, entry_id in base.items()}
    limit = short["nginx rate limit"]
    assert limit in offered(rekall, f"rekall show {limit[:3]}")  # another id may hold the same three by chance
    assert limit in offered(rekall, f"rekall show {limit[:3].lower()}")
    assert offered(rekall, "rekall show 'nginx ra") == [limit]
    assert offered(rekall, f"rekall show {base['nginx rate limit'][:26]}") == [base["nginx rate limit"]]
    listed = offered(rekall, "rekall show nginx", MENU)
    assert f"{limit}  nginx rate limit" in listed
    assert {line[:4] for line in listed} - {" "} == {limit, short["nginx answers 502 after a reload"]}


def test_versions_and_what_was_done_are_completed(rekall: Rekall, base: dict[str, str]) -> None:
    entry = rekall("add", "til", "of three versions", "--json").json["entry"]["id"]
    numbers = [rekall("history", "--json").json["operations"][0]["number"]]
    for title in ("second", "third"):
        rekall("edit", entry, "--title", title)
        numbers.insert(0, numbers[0] + 1)
    short = entry[-4:]
    assert offered(rekall, f"rekall diff {short} ") == [str(each) for each in numbers]
    assert offered(rekall, f"rekall diff {short} {numbers[1]}") == [str(numbers[1])]
    for command in ("show", "restore"):
        assert offered(rekall, f"rekall {command} {short}@") == [f"{short}@{each}" for each in numbers]
    assert offered(rekall, "rekall undo ")[:3] == [str(each) for each in numbers]
    rekall("delete", entry, "--yes")
    assert any(short in each or entry in each for each in offered(rekall, "rekall restore "))
    assert offered(rekall, "rekall diff xy ") == []


def test_a_title_that_a_terminal_would_obey_is_spelled_out(rekall: Rekall, base: dict[str, str]) -> None:
    for shell in SHELLS:
        asked = ("rekall show evil", "", MENU) if shell == "bash" else ("show", "=")
        said = rekall("__complete", shell, *asked).out
        assert "\x1b" not in said
        assert "\u202e" not in said
    assert any("<U+202E>" in line for line in rekall("__complete", "zsh", "show", "=").out.splitlines())
    assert not any("title" in line for line in rekall("__complete", "fish", "show", "=evil").out.splitlines())


def test_the_shells_are_told_in_their_own_way(rekall: Rekall, base: dict[str, str]) -> None:
    assert rekall("__complete", "zsh", "search", "=type:b").out.splitlines() == ["values", "type:bug", "-", "blank"]
    assert rekall("__complete", "zsh", "search", "=ty").out.splitlines()[1::3] == ["type:"]
    assert rekall("__complete", "fish", "list", "--tag", "=two").out.splitlines() == ["values", "two words\t"]
    assert rekall("__complete", "powershell", "list", "--tag", "=two").out.splitlines() == [
        "values",
        "'two words'\ttwo words\ttwo words",
    ]
    limit = base["nginx rate limit"][-4:]
    assert f"nginx rate limit\t{limit}" in rekall("__complete", "fish", "show", "=limit").out.splitlines()
    assert rekall("__complete", "zsh", "import", "=x").out == "files\n"
    assert rekall("__complete", "nushell", "x", "=").out == "\n"


@pytest.mark.parametrize("what", ["missing", "damaged", "foreign", "newer", "locked"])
def test_a_base_that_cannot_be_read_completes_nothing_and_says_nothing(
    rekall: Rekall, base: dict[str, str], home: Path, what: str
) -> None:
    file = home / "rekall.db"
    holding = None
    if what == "missing":
        file.unlink()
    elif what == "damaged":
        file.write_bytes(file.read_bytes()[:5000] + os.urandom(9000))
    elif what == "foreign":
        file.unlink()
        with sqlite3.connect(file) as other:
            other.execute("CREATE TABLE item (kind, value)")
        other.close()
    elif what == "newer":
        with sqlite3.connect(file) as other:
            other.execute("PRAGMA user_version = 999")
        other.close()
    else:
        holding = apsw.Connection(str(file))  # of the same library: a lock of another is none within one process
        holding.execute("PRAGMA journal_mode = delete")
        holding.execute("BEGIN EXCLUSIVE")
    before = sorted(path.name for path in home.iterdir())
    for line in ("rekall show ", "rekall list --tag ", "rekall list -p "):
        ran = rekall("__complete", "bash", line, "", "9")
        assert (ran.code, ran.err, ran.out.splitlines()[1:]) == (0, "", [])
    assert sorted(path.name for path in home.iterdir()) == before
    if holding:
        holding.close()


def test_completion_loads_no_engine_and_no_terminal_library() -> None:
    program = """
import sys
from rekall.cli.main import run
try:
    run(["__complete", "bash", "rekall show x", "", "9"])
except SystemExit:
    heavy = ("numpy", "onnxruntime", "tokenizers", "textual", "mcp", "pydantic", "rich.console", "tomlkit")
    print([name for name in heavy if name in sys.modules])
"""
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert ran.stdout.splitlines()[-1] == "[]"


def test_a_line_is_taken_apart_as_bash_does() -> None:
    assert take_apart("rekall show a\\ b").last == "a b"
    typed = take_apart("rekall list --tag='two w")
    assert (typed.words, typed.last, typed.fixed, typed.quote) == (("rekall", "list"), "--tag=two w", "--tag=", "'")
    assert take_apart("rekall search type:b").fixed == "type:"
    assert take_apart("rekall search type:b", " \t").fixed == ""
    assert take_apart("rekall show ").words == ("rekall", "show")
    assert take_apart('rekall add "" ').words == ("rekall", "add", "")


# the scripts


def test_init_without_a_shell_says_how_to_install(rekall: Rekall, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHELL", "/usr/local/bin/zsh")
    ran = rekall("init")
    assert ran.code == 0
    assert ran.out.startswith("add this line to ~/.zshrc")
    assert all(shell.line in ran.out for shell in SHELLS.values())
    assert "for your shell" in how_to_install({"SHELL": "/bin/csh"})


def test_what_was_asked_for_stands_in_the_lines_to_install(rekall: Rekall) -> None:
    said = rekall("init", "--last-error", "--key", "ctrl-x k").out
    assert """eval "$(rekall init zsh --key 'ctrl-x k' --last-error)\"""" in said
    assert "rekall init fish --key 'ctrl-x k' --last-error | source" in said


def test_init_of_an_unknown_shell_names_those_there_are(rekall: Rekall) -> None:
    ran = rekall("init", "csh")
    assert ran.code == 3
    assert all(name in ran.err for name in SHELLS)
    assert rekall("init", "pwsh").out == rekall("init", "powershell").out


@pytest.mark.parametrize("shell", SHELLS.values(), ids=lambda shell: shell.name)
def test_the_key_can_be_another_or_none(shell, rekall: Rekall, monkeypatch: pytest.MonkeyPatch) -> None:
    usual, other, none = (script(shell, key) for key in ("", "ctrl-g", "none"))
    assert len({usual, other, none}) == 3
    assert usual.startswith(none)
    assert "rk!" not in usual
    assert "rk!" in script(shell, "", last_error=True)
    monkeypatch.setenv("REKALL_KEY", "ctrl-g")
    assert rekall("init", shell.name).out == other
    assert rekall("init", shell.name, "--key", KEY).out != other
    for wrong in ("g", "ctrl-", "alt-k x y", "ctrl-g'; rm -rf ~", ";"):
        with pytest.raises(InvalidInput):
            script(shell, wrong)


IN_BASH = r"""
PATH="$1:$PATH"
eval "$("$2" -m rekall init bash --last-error)" || exit 1
rekall() { "$PYTHON" -m rekall "$@"; }
command() { if [ "$1" = rekall ]; then shift; "$PYTHON" -m rekall "$@"; else builtin command "$@"; fi; }
asked() {
    COMP_LINE=$1 COMP_POINT=${#1} COMP_TYPE=9
    _rekall_complete 2>/dev/null
    printf '%s|' "${COMPREPLY[@]}"
    printf '\n'
}
asked 'rekall search type:b'
asked 'rekall list --tag two'
asked 'rekall show limit'
asked 'rekall show nosuchthing'
complete -p rekall
_rekall_ask() { printf 'asked: %s\n' "$_rekall_said"; }
rk sh -c 'echo out; echo "QueuePool limit" >&2; exit 3' 2>/dev/null
echo "code $?"
rk sh -c 'echo fine >&2' 2>/dev/null
echo "code $?"
ls "${TMPDIR}"
"""


@pytest.mark.skipif(not shutil.which("bash"), reason="there is no bash")
def test_bash_completes_and_keeps_what_a_command_said(base: dict[str, str], tmp_path: Path) -> None:
    kept = tmp_path / "kept"
    kept.mkdir()
    ran = subprocess.run(
        ["bash", "--norc", "-c", IN_BASH, "bash", str(Path(sys.executable).parent), sys.executable],
        env={**os.environ, "PYTHON": sys.executable, "TMPDIR": str(kept)},
        cwd=CHECKOUT,
        capture_output=True,
        text=True,
        check=True,
    )
    assert ran.stdout.splitlines() == [
        "bug|",
        "two\\ words|",
        f"{base['nginx rate limit'][-4:]}|",
        "|",
        "complete -F _rekall_complete rekall",
        "out",
        "asked: QueuePool limit",
        "code 3",
        "code 0",
    ]


@pytest.mark.parametrize("path", sorted(SCRIPTS.iterdir()), ids=lambda path: path.name)
def test_the_scripts_hold_what_their_shell_can_read(path: Path) -> None:
    """A shell that is installed reads them; of the others only quotes and brackets are looked at."""
    text = path.read_text("utf-8")
    program = {".bash": ["bash", "-n"], ".zsh": ["zsh", "-n"], ".fish": ["fish", "--no-execute"]}.get(path.suffix, [""])
    if shutil.which(program[0]):
        subprocess.run([*program, str(path)], check=True, capture_output=True)
    assert all(text.count(begin) == text.count(end) for begin, end in ("{}", "()")) or path.suffix in (".bash", ".zsh")
    assert "\t" not in text
    assert text.endswith("\n")


# what the key puts in


@pytest.mark.parametrize(
    ("line", "head", "query"),
    [
        ("", "", ""),
        ("undo last commit", "", "undo last commit"),
        ("rekall", "rekall show", ""),
        ("rekall show ", "rekall show", ""),
        ("rekall show nginx 502", "rekall show", "nginx 502"),
        ("rekall edit --fresh nginx", "rekall edit --fresh", "nginx"),
        ("rekall --set ui.theme=light show nginx", "rekall --set ui.theme=light show", "nginx"),
        ("rekall --set 'ui.editor=code --wait' edit", "rekall --set 'ui.editor=code --wait' edit", ""),
        ('rekall show "an open quote', "rekall show", '"an open quote'),
    ],
)
def test_the_key_searches_what_is_on_the_line(line: str, head: str, query: str) -> None:
    assert parts(line) == (head, query)


@pytest.mark.parametrize(
    ("kind", "content", "typed"),
    [
        (EntryType.TIL, "how:\n\n```bash\ngit reset --soft HEAD~1\n```\nand then\n", "git reset --soft HEAD~1"),
        (EntryType.TIL, "```console\n$ du -sh *\n4K x\n$ ls\n```\n", "du -sh *\nls"),
        (EntryType.BUG, "```python\nx = 1\n```\n", "rekall show K7Q2"),
        (EntryType.SNIPPET, "```sql\nVACUUM;\n```\n", "VACUUM;"),
        (EntryType.SNIPPET, "lsof -i :8080\n", "lsof -i :8080"),
        (EntryType.SNIPPET, "two\nlines", "rekall show K7Q2"),
        (EntryType.SNIPPET, "echo \x1b[31m", "rekall show K7Q2"),
        (EntryType.SNIPPET, "", "rekall show K7Q2"),
    ],
)
def test_an_entry_becomes_what_one_types(bench, kind: EntryType, content: str, typed: str) -> None:
    entry = bench.base.add(Draft(kind, "a title", content)).entry
    assert as_typed(entry, "K7Q2") == typed


def test_what_a_screen_shows_behind_a_command(rekall: Rekall) -> None:
    screen = "$ make\nok\n$ make test\nerror: no rule\nmake: *** [all] Error 2\n$ rk!\n\n"
    assert after_command(screen, "make test") == "error: no rule\nmake: *** [all] Error 2"
    assert after_command(screen, "cargo build") == ""
    assert after_command("", "make") == ""
    assert after_command("$ make\n$ rk!", "") == ""
    assert rekall("__screen", "=make test", stdin=screen).out == "error: no rule\nmake: *** [all] Error 2\n"


def test_without_a_terminal_the_key_leaves_the_line_alone(rekall: Rekall, base: dict[str, str]) -> None:
    ran = rekall("__insert", "=nginx")
    assert (ran.code, ran.out) == (0, "")
