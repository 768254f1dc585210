"""Nothing leaves the machine, and nothing is written but in Rekall's own folder."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from support import CHECKOUT

COMMANDS = {
    "add": ["add", "bug", "CORS fails on Safari", "--content", "the cookie is blocked", "--tag", "browser"],
    "search": ["search", "people", "get", "signed", "out"],
    "embed": ["embed", "why is the login cookie gone"],
    "model list": ["model", "list"],
    "model use": ["model", "use", "all-MiniLM-L6-v2"],
    "model verify": ["model", "verify"],
    "model pull --from-dir": [
        *("model", "pull", "tiny/static", "--from-dir", str(CHECKOUT / "tests" / "data" / "checkpoints" / "static"))
    ],
}

AUDITED = """
import json, os, sys

written, sockets = [], []
WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND

def watch(event, arguments):
    if event.startswith("socket.") and event != "socket.gethostname":  # which opens none: `platform` asks on Windows
        sockets.append(event)
    elif event == "open" and isinstance(arguments[2], int) and arguments[2] & WRITING:
        written.append(os.fsdecode(arguments[0]) if not isinstance(arguments[0], int) else "")
    elif event in ("os.mkdir", "os.remove", "os.rmdir", "os.truncate", "os.chmod"):
        written.append(os.fsdecode(arguments[0]))
    elif event in ("os.rename", "os.link", "os.symlink"):
        written.extend(os.fsdecode(path) for path in arguments[:2])

sys.addaudithook(watch)
from rekall.cli.main import run
try:
    run(sys.argv[2:])
except SystemExit as ended:
    code = ended.code or 0
with open(sys.argv[1], "w", encoding="utf-8") as report:
    json.dump({"code": code, "written": written, "sockets": sockets}, report)
"""

TELEMETRY = """
import os, sys

def watch(event, arguments):
    if event == "import" and arguments[0] == "onnxruntime":  # a look whether it is there is none
        print("telemetry", os.environ.get("ORT_DISABLE_TELEMETRY"))

sys.addaudithook(watch)
"""

TRACED = (
    "network,?open,openat,?openat2,?creat,?mkdir,mkdirat,?rename,?renameat,renameat2,?unlink,unlinkat,?rmdir,"
    "?link,linkat,?symlink,symlinkat,truncate,?mknod,mknodat"
)
CHANGES = ("mkdir", "rename", "unlink", "rmdir", "link", "symlink", "truncate", "mknod", "creat")
DEVICES = ("/dev/null", "/dev/tty", "/dev/shm", "/proc/self")


@dataclass(frozen=True)
class Bystanders:
    """Folders that a careless program writes to; all of them stay empty."""

    root: Path
    home: Path
    env: dict[str, str]

    def files(self) -> list[str]:
        return sorted(
            path.relative_to(self.root).as_posix()
            for path in self.root.rglob("*")
            if path.is_file() or path.is_symlink() or not any(path.iterdir())
        )


@pytest.fixture
def bystanders(tmp_path: Path, home: Path) -> Bystanders:
    root = tmp_path / "bystanders"
    names = {
        "HOME": "user",
        "USERPROFILE": "user",
        "APPDATA": "roaming",
        "LOCALAPPDATA": "local",
        "TMPDIR": "tmp",
        "TEMP": "tmp",
        "TMP": "tmp",
        "SQLITE_TMPDIR": "tmp",
        "XDG_CACHE_HOME": "cache",
        "XDG_CONFIG_HOME": "config",
        "XDG_DATA_HOME": "data",
        "XDG_STATE_HOME": "state",
        "XDG_RUNTIME_DIR": "runtime",
        "HF_HOME": "hub",
    }
    for name in {*names.values(), "cwd"}:
        (root / name).mkdir(parents=True)
    env = {**os.environ, **{name: str(root / folder) for name, folder in names.items()}}
    env |= {"REKALL_HOME": str(home), "PYTHONDONTWRITEBYTECODE": "1", "PYTHONPATH": str(CHECKOUT)}
    env.pop("ORT_DISABLE_TELEMETRY", None)
    return Bystanders(root, home, env)


def run_in(bystanders: Bystanders, command: list[str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command,
        env=bystanders.env,
        cwd=bystanders.root / "cwd",
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=600,
    )


def is_inside(path: str, folder: Path, cwd: Path) -> bool:
    return Path(os.path.realpath(cwd / path)).is_relative_to(os.path.realpath(folder))


def prepare(bystanders: Bystanders, name: str) -> None:
    """A base to search in, for the commands that read one."""
    if name == "search":
        ran = run_in(bystanders, [sys.executable, "-m", "rekall", *COMMANDS["add"]])
        assert ran.returncode == 0, ran.stderr


@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_opens_no_socket_and_writes_only_at_home(bystanders, tmp_path, name):
    prepare(bystanders, name)
    empty = bystanders.files()
    ran = run_in(bystanders, [sys.executable, "-c", AUDITED, str(tmp_path / "report.json"), *COMMANDS[name]])
    report = json.loads((tmp_path / "report.json").read_text("utf-8"))
    assert report["code"] == 0, ran.stderr
    assert report["sockets"] == []
    cwd = bystanders.root / "cwd"
    allowed = (os.devnull, str(tmp_path / "report.json"), "")
    assert [
        path for path in report["written"] if path not in allowed and not is_inside(path, bystanders.home, cwd)
    ] == []
    assert bystanders.files() == empty == sorted(folder.name for folder in bystanders.root.iterdir())


def test_the_audit_sees_what_it_is_there_to_see(bystanders, tmp_path):
    program = AUDITED.replace(
        "from rekall.cli.main import run",
        """
def run(arguments):
    import socket
    socket.socket(socket.AF_INET, socket.SOCK_DGRAM).close()
    os.mkdir("made")
    open(os.path.join("made", "file"), "w").close()
""",
    ).replace("    code = ended.code or 0", "    pass\ncode = 0")
    run_in(bystanders, [sys.executable, "-c", program, str(tmp_path / "report.json")])
    report = json.loads((tmp_path / "report.json").read_text("utf-8"))
    assert report["sockets"]
    assert [Path(path).name for path in report["written"]][:2] == ["made", "file"]
    assert "cwd/made/file" in bystanders.files()


@pytest.mark.parametrize("name", ["add", "search", "embed", "model use", "model verify"])
def test_telemetry_is_off_before_onnxruntime_is_imported(bystanders, name):
    prepare(bystanders, name)
    program = f"{TELEMETRY}\nfrom rekall.cli.main import run\nrun(sys.argv[1:])"
    ran = run_in(bystanders, [sys.executable, "-c", program, *COMMANDS[name]])
    assert ran.returncode == 0, ran.stderr
    seen = [line for line in ran.stdout.splitlines() if line.startswith("telemetry")]
    assert set(seen) <= {"telemetry 1"}
    assert seen or name != "embed"  # a question may do without onnxruntime


def test_telemetry_stays_off_when_the_environment_asks_for_it(bystanders):
    bystanders.env["ORT_DISABLE_TELEMETRY"] = "0"
    program = f"{TELEMETRY}\nimport rekall\nrekall.load_encoder('all-MiniLM-L6-v2').close()"
    ran = run_in(bystanders, [sys.executable, "-c", program])
    assert ran.stdout.split() == ["telemetry", "1"], ran.stderr


def test_loading_an_encoder_in_a_program_writes_nothing_at_all(bystanders):
    empty = bystanders.files()
    ran = run_in(
        bystanders, [sys.executable, "-c", "import rekall; print(rekall.load_encoder().encode_queries(['lock']).shape)"]
    )
    assert ran.stdout.strip() == "(1, 384)", ran.stderr
    assert bystanders.files() == empty
    assert not bystanders.home.exists()


@pytest.mark.parametrize("name", ["search", "embed"])
def test_reading_makes_no_home(bystanders, name):
    ran = run_in(bystanders, [sys.executable, "-m", "rekall", *COMMANDS[name]])
    assert ran.returncode == 0, ran.stderr
    assert not bystanders.home.exists()


def tracing_works() -> bool:
    strace = shutil.which("strace")
    return (
        strace is not None
        and subprocess.run([strace, "-f", "-o", os.devnull, "true"], capture_output=True).returncode == 0
    )


def calls(trace: Path) -> Iterator[tuple[str, str, str]]:
    """Name, arguments and result of every finished call; an interrupted one is put together again."""
    unfinished: dict[str, str] = {}
    for line in trace.read_text("utf-8", "replace").splitlines():
        process, _, call = line.partition(" ")
        call = call.strip()
        if call.endswith("<unfinished ...>"):
            unfinished[process] = call.removesuffix("<unfinished ...>")
            continue
        if resumed := re.match(r"<\.\.\. \w+ resumed>(.*)", call):
            call = unfinished.pop(process, "") + resumed[1]
        if parts := re.match(r"(\w+)\((.*)\)\s+= (.*)", call):
            yield parts[1], parts[2], parts[3]


@pytest.mark.slow
@pytest.mark.skipif(
    not tracing_works(), reason="strace is not installed or may not trace here; the audit above always runs"
)
@pytest.mark.parametrize("name", COMMANDS)
def test_the_system_sees_no_socket_and_no_file_written_elsewhere(bystanders, tmp_path, name):
    prepare(bystanders, name)
    trace = tmp_path / "trace"
    ran = run_in(
        bystanders,
        [
            "strace",
            "-f",
            "-qq",
            "-s",
            "4096",
            "-e",
            f"trace={TRACED}",
            "-e",
            "signal=none",
            "-o",
            str(trace),
            sys.executable,
            "-m",
            "rekall",
            *COMMANDS[name],
        ],
    )
    assert ran.returncode == 0, ran.stderr
    opened, sockets, elsewhere = 0, [], []
    for call, arguments, result in calls(trace):
        if call.startswith(("open", "creat")):
            opened += 1
        if call in ("socket", "connect", "sendto", "sendmsg", "bind", "socketpair"):
            sockets.append(f"{call}({arguments})")
        writes = call.startswith(CHANGES) or (
            call.startswith("open") and re.search(r"O_WRONLY|O_RDWR|O_CREAT|O_TRUNC|O_APPEND|O_TMPFILE", arguments)
        )
        if writes and not result.startswith("-1"):
            paths = re.findall(r'"([^"]*)"', arguments)
            elsewhere += [
                f"{call} {path}"
                for path in paths
                if not path.startswith(DEVICES) and not is_inside(path, bystanders.home, bystanders.root / "cwd")
            ]
    assert opened > 100  # the trace holds what it should
    assert sockets == []
    assert elsewhere == []
