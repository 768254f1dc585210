"""Holds the vectors of one system beside those of another: 200 texts of the sample notes, embedded by the shipped model.

python scripts/platform_vectors.py --write FILE.npz        on each system
python scripts/platform_vectors.py FILE.npz FILE.npz ...   a row each in Markdown, compared with the first
"""

from __future__ import annotations

import argparse
import platform
from pathlib import Path

import numpy as np

from rekall.app import load_encoder

ROOT = Path(__file__).parent.parent
COUNT = 200


def main() -> None:
    """Embed, or compare."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--write", type=Path)
    parser.add_argument("files", nargs="*", type=Path)
    given = parser.parse_args()
    if given.write:
        import onnxruntime

        encoder = load_encoder("all-MiniLM-L6-v2")
        vectors = np.array([np.frombuffer(row, np.float32) for row in encoder.encode_documents(texts())])
        encoder.close()
        name = f"{platform.system()} {platform.machine()}, Python {platform.python_version()}, onnxruntime {onnxruntime.__version__}"
        np.savez(given.write, vectors=vectors, name=name)
        print(name, vectors.shape)
        return
    first, *_ = given.files
    print("| system | least cosine | largest difference |\n|---|---|---|")
    for file in given.files:
        cosine, difference, name = compared(first, file)
        print(f"| {name} | {cosine:.9f} | {difference:.1e} |")


def texts() -> list[str]:
    """Paragraphs of the sample notes, in the order of their files, and what else has to be held beside them: short, long, of other scripts."""
    paragraphs = [
        "",
        "nginx",
        "naïve Größe",
        "数据库连接超时",
        "كلمة",
        "x" * 3000,
        "the quick deploy failed again " * 200,
    ]
    for path in sorted((ROOT / "examples" / "notes").rglob("*.md")):
        paragraphs += [part.strip() for part in path.read_text("utf-8").split("\n\n") if part.strip()]
    assert len(paragraphs) >= COUNT
    return paragraphs[:COUNT]


def compared(first: Path, other: Path) -> tuple[float, float, str]:
    """The least cosine of a text's two vectors, the largest difference of two numbers, and where the others were made."""
    with np.load(first) as a, np.load(other) as b:
        one, two = a["vectors"].astype(np.float64), b["vectors"].astype(np.float64)
        name = str(b["name"])
    lengths = np.linalg.norm(one, axis=1) * np.linalg.norm(two, axis=1)
    is_text = lengths > 0  # a text without tokens has no direction
    cosines = (one * two).sum(axis=1)[is_text] / lengths[is_text]
    return float(cosines.min()), float(np.abs(one - two).max()), name


if __name__ == "__main__":
    main()
