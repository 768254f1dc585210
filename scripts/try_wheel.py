"""Builds the wheel, installs it into an empty environment of every Python that is named, and uses it with an empty home.

python scripts/try_wheel.py PYTHON ...                   say what came of it, a line a Python; ends with 1 where something failed
python scripts/try_wheel.py --out docs/wheel.json PYTHON ...    keep it too, beside what is there of other Pythons
python scripts/try_wheel.py --wheel FILE --from FOLDER PYTHON   a wheel that is there, its dependencies from a folder: no network
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path
from typing import Any

CHECKOUT = Path(__file__).resolve().parent.parent
SCRIPTS, EXE = ("Scripts", ".exe") if os.name == "nt" else ("bin", "")
DEADLINE_S = 600.0

TITLE = "Sessions end early in Safari"
TEXT = "The browser drops third-party cookies after a day."
QUESTION = "logged out of the web browser too soon"
"""Shares no word with the note, so that only the model finds it."""


class Failed(Exception):
    """A step did not do what it should."""


@dataclass(frozen=True, slots=True)
class Tried:
    """What came of the wheel in one Python.

    Attributes:
        python: Its version.
        system: The system and its processor.
        on: The day.
        installed_mb: What the environment takes with all that was installed.
        done: The steps that went well.
        failed: The one that did not, and why; empty where all did.
    """

    python: str
    system: str
    on: str
    installed_mb: int
    done: tuple[str, ...]
    failed: str


class Place:
    """An environment with the wheel in it, and an empty home."""

    def __init__(self, python: str, folder: Path, wheel: Path, wheels: Path | None) -> None:
        """Make it."""
        self.folder = folder
        self.home = folder / "home"
        self.home.mkdir()
        self.bin = folder / "env" / SCRIPTS
        run([python, "-m", "venv", str(folder / "env")])
        offline = ["--no-index", "--find-links", str(wheels)] if wheels else []
        pip = [str(self.bin / f"python{EXE}"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        run([*pip, "--only-binary", ":all:", *offline, f"{wheel}[mcp]"])

    @property
    def environment(self) -> dict[str, str]:
        """Nothing of the developer's own but what a process cannot start without."""
        kept = {name: os.environ[name] for name in ("SYSTEMROOT", "TEMP", "TMP", "LANG") if name in os.environ}
        homes = dict.fromkeys(("HOME", "USERPROFILE", "APPDATA", "LOCALAPPDATA"), str(self.home))
        return {**kept, **homes, "PATH": os.pathsep.join([str(self.bin), os.defpath])}

    def rekall(self, *arguments: str, stdin: str = "", codes: tuple[int, ...] = (0,)) -> str:
        """What the installed command says."""
        command = [str(self.bin / f"rekall{EXE}"), *arguments]
        return run(command, environment=self.environment, folder=self.home, stdin=stdin, codes=codes)

    def json(self, *arguments: str, codes: tuple[int, ...] = (0,)) -> Any:
        """The same as JSON."""
        return json.loads(self.rekall(*arguments, "--json", codes=codes))


def run(
    command: list[str],
    *,
    environment: dict[str, str] | None = None,
    folder: Path | None = None,
    stdin: str = "",
    codes: tuple[int, ...] = (0,),
) -> str:
    """What a command says on stdout. Raises Failed."""
    ran = subprocess.run(
        command, env=environment, cwd=folder, input=stdin, capture_output=True, encoding="utf-8", timeout=DEADLINE_S
    )
    if ran.returncode not in codes or "Traceback" in ran.stderr:
        raise Failed(
            f"{Path(command[0]).name} ended with {ran.returncode}: {(ran.stderr or ran.stdout).strip()[-300:]}"
        )
    return ran.stdout


def must(*, be: bool, what: str) -> None:
    """Raise Failed where something is not as it must be."""
    if not be:
        raise Failed(what)


def add(place: Place) -> None:
    """Store a note where the system keeps a person's data."""
    place.rekall("add", "til", TITLE, "--content", TEXT)
    place.rekall("add", "til", "Tomato soup", "--content", "Onions, garlic, basil at the end.")
    must(be=len(list(place.home.rglob("rekall.db"))) == 1, what="the base does not lie in the home")


def search(place: Place) -> None:
    """Find it by meaning, with the model that came along."""
    found = place.json("search", QUESTION)
    must(be=found["mode"]["used"] == "hybrid", what=f"searched by {found['mode']}")
    must(be=found["hits"][0]["title"] == TITLE, what=f"found {found['hits'][0]['title']} first")


def doctor(place: Place) -> None:
    """Look around; only an editor may be missing."""
    lines = place.json("doctor", codes=(0, 5))["lines"]
    bad = [line["text"] for line in lines if line["level"] == "bad" and line["topic"] != "editor"]
    must(be=not bad, what="; ".join(bad))
    must(be=any(line["topic"] == "engine" for line in lines), what="nothing is said of the engine")


def verify(place: Place) -> None:
    """Hold the vectors of the model against those of its export."""
    must(be=place.json("model", "verify")["ok"] is True, what="the model is not faithful")


def mcp(place: Place) -> None:
    """Greet the server as an assistant does, list its tools, and call one."""
    hello = {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "try", "version": "1"}}
    call = {"name": "search", "arguments": {"query": QUESTION}}
    asked: list[dict[str, Any]] = [
        {"id": 1, "method": "initialize", "params": hello},
        {"method": "notifications/initialized"},
        {"id": 2, "method": "tools/list", "params": {}},
        {"id": 3, "method": "tools/call", "params": call},
    ]
    server = subprocess.Popen(
        [str(place.bin / f"rekall{EXE}"), "mcp"],
        env=place.environment,
        cwd=place.home,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        encoding="utf-8",
    )
    with server:
        assert server.stdin is not None
        assert server.stdout is not None
        answers: dict[int, Any] = {}
        for message in asked:  # one after the other: the end of its input ends the server
            server.stdin.write(json.dumps({"jsonrpc": "2.0", **message}) + "\n")
            server.stdin.flush()
            while message.get("id", 0) not in {0, *answers}:
                line = server.stdout.readline()
                must(be=bool(line), what="the server ended")
                answer = json.loads(line)
                answers[answer.get("id", 0)] = answer.get("result", answer)
        server.stdin.close()
    must(be=server.returncode == 0, what=f"the server ended with {server.returncode}")
    must(be=answers[1]["serverInfo"]["name"] == "rekall", what=str(answers[1]))
    must(be=len(answers[2]["tools"]) > 3, what=str(answers[2]))
    must(be=TITLE in json.dumps(answers[3]), what=str(answers[3]))


STEPS = (add, search, doctor, verify, mcp)


def tried(python: str, wheel: Path, wheels: Path | None) -> Tried:
    """Install the wheel for a Python, and go through the steps."""
    version = run([python, "-c", "import platform; print(platform.python_version())"]).strip()
    system = run([python, "-c", "import platform; print(platform.system(), platform.machine())"]).strip()
    done: list[str] = []
    size, failed, doing = 0, "", "install"
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        try:
            place = Place(python, Path(folder), wheel, wheels)
            size = sum(file.stat().st_size for file in (Path(folder) / "env").rglob("*") if file.is_file())
            done.append("install")
            for step in STEPS:
                doing = step.__name__
                step(place)
                done.append(doing)
        except (Failed, OSError, subprocess.TimeoutExpired, ValueError, KeyError, IndexError) as error:
            failed = f"{doing}: {error}"
    return Tried(version, system, date.today().isoformat(), size // 1_000_000, tuple(done), failed)


def build(folder: Path) -> Path:
    """The wheel of this checkout."""
    run([sys.executable, "-m", "build", "--wheel", "--outdir", str(folder), str(CHECKOUT)])
    (wheel,) = folder.glob("*.whl")
    return wheel


def rows(kept: dict[str, Any]) -> list[str]:
    """What was kept, as lines of a table."""
    lines = ["| Python | system | day | with all it needs | went well | failed |", "|---|---|---|---|---|---|"]
    for each in sorted(kept.values(), key=lambda one: [int(part) for part in re.findall(r"\d+", one["python"])]):
        done, failed = ", ".join(each["done"]), each["failed"].replace("|", "/") or "nothing"
        lines.append(
            f"| {each['python']} | {each['system']} | {each['on']} | {each['installed_mb']} MB | {done} | {failed} |"
        )
    return lines


def main() -> int:
    """Try each Python, and say and keep what came of it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--wheel", type=Path)
    parser.add_argument("--from", dest="wheels", type=Path)
    parser.add_argument("--out", type=Path)
    parser.add_argument("pythons", nargs="+")
    given = parser.parse_args()
    kept = json.loads(given.out.read_text("utf-8")) if given.out and given.out.exists() else {}
    with tempfile.TemporaryDirectory() as folder:
        wheel = given.wheel.absolute() if given.wheel else build(Path(folder))
        failed = False
        for python in given.pythons:
            each = tried(shutil.which(python) or python, wheel, given.wheels)
            failed |= bool(each.failed)
            print(f"{each.python}: {', '.join(each.done)}" + (f"; FAILED at {each.failed}" if each.failed else ""))
            kept[f"{each.python}, {each.system}"] = asdict(each)
            if given.out:  # at once: the next may take minutes, and be broken off
                given.out.write_text(json.dumps(kept, indent=1, sort_keys=True) + "\n", "utf-8")
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
