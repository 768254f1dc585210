"""Checks the shipped model on the oldest and the newest ONNX Runtime that Rekall allows.

    python scripts/verify_runtimes.py [--keep FOLDER] [VERSION ...]

Makes an environment for each version in FOLDER (build/runtimes), or uses the one that is there, and prints what `rekall
model verify` and `benchmarks/fidelity.py` say in it. VERSION is what pip understands after `==`, as 1.25.*; without one, the
lower bound in pyproject.toml and whatever pip takes for the newest. Ends with code 1 where a check fails.
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

CHECKOUT = Path(__file__).parent.parent
SCRIPTS = "Scripts" if sys.platform == "win32" else "bin"
NEWEST = "newest"


def main() -> None:
    """Check each version."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("versions", nargs="*", metavar="VERSION", help="versions of onnxruntime")
    parser.add_argument("--keep", type=Path, default=CHECKOUT / "build" / "runtimes", help="where the environments lie")
    options = parser.parse_args()
    failed = [
        version
        for version in options.versions or (f"{lower_bound()}.*", NEWEST)
        if not verifies(environment(options.keep.resolve(), version))
    ]
    if failed:
        sys.exit(f"error: the model does not verify on onnxruntime {', '.join(failed)}")


def lower_bound() -> str:
    """The oldest version of ONNX Runtime that pyproject.toml allows."""
    found = re.search(r'"onnxruntime>=([\d.]+)', (CHECKOUT / "pyproject.toml").read_text("utf-8"))
    if found is None:
        sys.exit("error: pyproject.toml has no lower bound of onnxruntime")
    return found.group(1)


def environment(folder: Path, version: str) -> Path:
    """The scripts of an environment with this checkout and a version of ONNX Runtime."""
    place = folder / f"onnxruntime-{version.replace('*', 'x')}"
    scripts = place / SCRIPTS
    if not (place / "ready").exists():
        wanted = "onnxruntime" if version == NEWEST else f"onnxruntime=={version}"
        subprocess.run([sys.executable, "-m", "venv", "--clear", place], check=True)
        pip = [str(scripts / "python"), "-m", "pip", "--quiet", "--disable-pip-version-check"]
        subprocess.run([*pip, "install", "--editable", str(CHECKOUT), wanted], check=True)
        (place / "ready").touch()
    return scripts


def verifies(scripts: Path) -> bool:
    """Whether the shipped model keeps its promise there."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("REKALL_")}
    with tempfile.TemporaryDirectory() as home:
        env = {**kept, "REKALL_HOME": home}
        figures = subprocess.run(
            [scripts / "python", CHECKOUT / "benchmarks" / "fidelity.py", "--worst", "1"], env=env, check=False
        )
        verdict = subprocess.run([scripts / "rekall", "model", "verify", "all-MiniLM-L6-v2"], env=env, check=False)
    return figures.returncode == verdict.returncode == 0


if __name__ == "__main__":
    main()
