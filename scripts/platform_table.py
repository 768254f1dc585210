"""Asks the resolver where Rekall can be installed today, from wheels alone: every system and Python that is claimed.

    python scripts/platform_table.py             asks (wants uv and the network), writes docs/platforms.json and the tables
    python scripts/platform_table.py --tables    writes the tables of docs/platforms.md and README.md from docs/platforms.json

A combination's versions are a lock of it: the tests hold them against pyproject.toml, without network.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent
LOCKS = ROOT / "docs" / "platforms.json"
DOCUMENTS = (ROOT / "README.md", ROOT / "docs" / "platforms.md")
PYTHONS = ("3.10", "3.11", "3.12", "3.13", "3.14")
EXTRAS = ("export", "mcp", "team", "tui", "watch")
OPTIONAL = ("onnxruntime", "sqlite-vec")
"""Without these the shipped model and the vectors are computed by numpy."""

_BLOCK = re.compile(r"(?<=<!-- platforms -->\n).*?(?=<!-- end of platforms -->)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class System:
    """A system, its name among the resolver's, and what markers see there."""

    name: str
    platform: str
    sys_platform: str
    platform_machine: str
    macos: str = ""


SYSTEMS = (
    System("Linux, x86-64, glibc 2.28 or later", "x86_64-manylinux_2_28", "linux", "x86_64"),
    System("Linux, ARM64, glibc 2.28 or later", "aarch64-manylinux_2_28", "linux", "aarch64"),
    System("Linux with musl (Alpine), x86-64", "x86_64-unknown-linux-musl", "linux", "x86_64"),
    System("Linux with musl (Alpine), ARM64", "aarch64-unknown-linux-musl", "linux", "aarch64"),
    System("Windows, x86-64", "x86_64-pc-windows-msvc", "win32", "AMD64"),
    System("Windows, ARM64", "aarch64-pc-windows-msvc", "win32", "ARM64"),
    System("macOS 14 or later, Apple silicon", "aarch64-apple-darwin", "darwin", "arm64", "14.0"),
    System("macOS 13, Apple silicon", "aarch64-apple-darwin", "darwin", "arm64", "13.0"),
    System("macOS 13 or later, Intel", "x86_64-apple-darwin", "darwin", "x86_64", "13.0"),
)


@dataclass(frozen=True, slots=True)
class Combination:
    """What the resolver found for one system and Python."""

    system: str
    python: str
    packages: dict[str, str] = field(default_factory=dict)  # name to version; none where there is no solution
    without: tuple[str, ...] = ()  # what had to be left out by hand
    extras: tuple[str, ...] = ()  # those that resolve as well
    missing: tuple[str, ...] = ()  # direct dependencies that the resolver names where there is no solution

    @property
    def cell(self) -> str:
        """What the table says."""
        if not self.packages:
            return f"no: {', '.join(self.missing)}"
        found = "numpy" if "onnxruntime" not in self.packages else "yes"
        found += "*" if self.without else ""
        lacking = [extra for extra in EXTRAS if extra not in self.extras]
        return found + (f", not {', '.join(lacking)}" if lacking else "")


def main() -> None:
    """Resolve unless told not to, and write the tables."""
    if "--tables" not in sys.argv[1:]:
        uv = shutil.which("uv") or str(Path(os.environ.get("UV", "")))
        asked = [(uv, system, python) for system in SYSTEMS for python in PYTHONS]
        with ThreadPoolExecutor(2) as pool:
            found = list(pool.map(lambda each: combination(*each), asked))
        written = {"resolved": date.today().isoformat(), "combinations": [asdict(each) for each in found]}
        LOCKS.write_text(json.dumps(written, indent=1, ensure_ascii=False) + "\n", "utf-8")
    for document in DOCUMENTS:
        text = document.read_text("utf-8")
        document.write_text(_BLOCK.sub(lambda _: table(), text), "utf-8")


def combination(uv: str, system: System, python: str) -> Combination:
    """Ask for one, and where there is no solution ask again without what numpy can stand in for."""
    for without in ((), *((name,) for name in OPTIONAL), OPTIONAL):
        packages, said = resolved(uv, system, python, without)
        if packages:
            extras = tuple(extra for extra in EXTRAS if resolved(uv, system, python, without, extra)[0])
            return Combination(system.name, python, packages, without, extras)
        if not without:
            first = said
    return Combination(system.name, python, missing=tuple(named(first)))


def resolved(
    uv: str, system: System, python: str, without: Sequence[str], extra: str = ""
) -> tuple[dict[str, str], str]:
    """The versions of all packages, and what the resolver said where it found none."""
    with tempfile.NamedTemporaryFile("w", suffix=".txt", encoding="utf-8") as left_out:
        left_out.write("".join(f"{name}; sys_platform == 'none'\n" for name in without))
        left_out.flush()
        command = [uv, "pip", "compile", str(ROOT / "pyproject.toml"), "--quiet", "--no-header", "--no-annotate"]
        command += ["--only-binary", ":all:", "--python-version", python, "--python-platform", system.platform]
        command += ["--override", left_out.name] if without else []
        command += ["--extra", extra] if extra else []
        environ = {**os.environ, **({"MACOSX_DEPLOYMENT_TARGET": system.macos} if system.macos else {})}
        ran = subprocess.run(command, capture_output=True, text=True, env=environ, check=False)
    lines = ran.stdout.splitlines() if ran.returncode == 0 else []
    return dict(line.partition(" ;")[0].split("==") for line in lines if "==" in line), ran.stderr


def named(said: str) -> Iterator[str]:
    """The direct dependencies that the resolver names, the first named first."""
    names = re.findall(r'^  "([A-Za-z0-9_.-]+)', (ROOT / "pyproject.toml").read_text("utf-8"), re.MULTILINE)
    found = [
        (match.start(), name) for name in dict.fromkeys(names) if (match := re.search(rf"\b{re.escape(name)}\b", said))
    ]
    yield from (name for _, name in sorted(found)[:1])


def read() -> tuple[str, list[Combination]]:
    """The day on which the resolver was asked, and what it found."""
    data: dict[str, Any] = json.loads(LOCKS.read_text("utf-8"))
    return data["resolved"], [
        Combination(
            row["system"],
            row["python"],
            row["packages"],
            tuple(row["without"]),
            tuple(row["extras"]),
            tuple(row["missing"]),
        )
        for row in data["combinations"]
    ]


def table() -> str:
    """The table in Markdown."""
    day, found = read()
    cells = {(each.system, each.python): each.cell for each in found}
    lines = ["| " + " | ".join(("", *PYTHONS)) + " |", "|---" * (len(PYTHONS) + 1) + "|"]
    lines += [
        "| " + " | ".join((system.name, *(cells[system.name, python] for python in PYTHONS))) + " |"
        for system in SYSTEMS
    ]
    return "\n".join((*lines, "", f"Resolved on {day}, wheels alone.", ""))


if __name__ == "__main__":
    main()
