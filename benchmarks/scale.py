"""Time and memory of everything that may grow with a base, at 1,000 to 1,000,000 notes that nobody wrote.

    python benchmarks/scale.py --make SIZE FOLDER [--vectors]

--make fills FOLDER, a REKALL_HOME, with so many notes, and goes on where it was stopped; with --vectors each gets a vector
near its subject in the space of the shipped model, which took no model to make.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from rekall.models.contract import ModelIdentity


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--make", nargs=2, metavar=("SIZE", "FOLDER"))
    parser.add_argument("--vectors", action="store_true", help="with --make: a vector for every note")
    options = parser.parse_args()
    if options.make:
        from scale_base import fill

        fill(Path(options.make[1]), int(options.make[0]), shipped() if options.vectors else None)


def shipped() -> ModelIdentity:
    """The model that ships, known by its card alone."""
    from rekall.models.library import FolderLoader, ModelLibrary
    from rekall.wiring import shipped_models

    name = next(folder for parent in shipped_models() if parent.is_dir() for folder in sorted(parent.iterdir())).name
    return FolderLoader(ModelLibrary(shipped_models()), name, 1).identify()


if __name__ == "__main__":
    main()
