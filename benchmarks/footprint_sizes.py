"""What the engines of `footprint.py` take on disk: the packages a user installs, and the model.

    python footprint_sizes.py ENGINE FOLDER

prints the sizes as JSON, as the packages of that Python are; FOLDER holds work.json, see `footprint_engines.Work`.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from importlib import metadata
from pathlib import Path

from footprint_engines import CONTENDERS, Work

INSTALLED = """
import json
from importlib import metadata
found = ((each.metadata["Name"], each.version) for each in metadata.distributions())
print(json.dumps({name.lower().replace("_", "-"): version for name, version in found if name}))
"""
"""Prints the versions of all distributions of a Python, by their names."""

SHIPPED_MODELS = ("rekall", "models")  # part of the wheel, counted as a model here


def main() -> None:
    work = Work(**json.loads((Path(sys.argv[2]) / "work.json").read_text("utf-8")))
    print(json.dumps(sizes(sys.argv[1], work)))


def is_installed(distribution: str) -> bool:
    try:
        metadata.distribution(distribution)
    except metadata.PackageNotFoundError:
        return False
    return True


def sizes(name: str, work: Work) -> dict[str, int]:
    """Bytes of the packages that are installed for an engine, and of its model."""
    contender = CONTENDERS[name]
    if contender.files:
        model = {file for file in work.folder(contender.files).rglob("*") if file.is_file()}
    else:
        from rekall.app import App

        model = set(
            App({"REKALL_HOME": str(Path(__file__).parent)}).library.folder("all-MiniLM-L6-v2").resolve().iterdir()
        )
    return {"package_bytes": total_bytes(files_of_closure(contender.distributions)), "model_bytes": total_bytes(model)}


def files_of_closure(roots: Sequence[str]) -> set[Path]:
    """The files of these distributions and of all that they require here."""
    from packaging.requirements import Requirement

    todo = [(root, "") for root in roots]
    seen: set[tuple[str, str]] = set()
    files: set[Path] = set()
    while todo:
        name, extra = todo.pop()
        if (name, extra) in seen or not is_installed(name):
            continue
        seen.add((name, extra))
        distribution = metadata.distribution(name)
        listed = (file for file in distribution.files or () if file.parts[:2] != SHIPPED_MODELS)
        files |= {Path(str(file.locate())).resolve() for file in listed}
        if name == "rekall-memory":  # in a checkout it is installed by reference, and its own files are not listed
            import rekall

            files |= set(Path(rekall.__file__).resolve().parent.rglob("*.py"))
        for line in distribution.requires or ():
            required = Requirement(line)
            if required.marker is None or required.marker.evaluate({"extra": extra}):
                todo += [(required.name, each) for each in ("", *required.extras)]
    return {file for file in files if file.is_file()}


def total_bytes(files: set[Path]) -> int:
    return sum(file.stat().st_size for file in files)


if __name__ == "__main__":
    main()
