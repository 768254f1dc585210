"""Holds the vectors of one system beside those of another: 200 texts of the sample notes, embedded by the shipped model.

python scripts/platform_vectors.py --write FILE.npz        on each system
python scripts/platform_vectors.py FILE.npz FILE.npz ...   a row each in Markdown, compared with the first
"""

from __future__ import annotations

import argparse
import platform
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from rekall.face import load_encoder

ROOT = Path(__file__).parent.parent
COUNT = 200

Matrix = NDArray[np.float32]


def main() -> None:
    """Embed, or compare."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--write", type=Path)
    parser.add_argument("files", nargs="*", type=Path)
    given = parser.parse_args()
    if given.write:
        import onnxruntime

        encoder = load_encoder("all-MiniLM-L6-v2")
        asked = np.array([np.frombuffer(row, np.float32) for text in texts() for row in encoder.encode_queries([text])])
        stored = np.array([np.frombuffer(row, np.float32) for row in encoder.encode_documents(texts())])
        encoder.close()
        name = f"{platform.system()} {platform.machine()}, Python {platform.python_version()}, onnxruntime {onnxruntime.__version__}"
        np.savez(given.write, asked=asked, stored=stored, name=name)
        print(name, asked.shape, stored.shape)
        return
    print(
        "| system | as questions: least cosine, largest difference | as entries | a text alone and beside others |\n|---|---|---|---|"
    )
    for file in given.files:
        with np.load(given.files[0]) as one, np.load(file) as other:
            cells = [compared(one[way], other[way]) for way in ("asked", "stored")]
            # the shipped model puts nothing before either, so both are of the same text
            cells.append(compared(other["asked"], other["stored"]))
            print(f"| {other['name']} | " + " | ".join(f"{cosine:.7f}, {most:.1e}" for cosine, most in cells) + " |")


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


def compared(ones: Matrix, others: Matrix) -> tuple[float, float]:
    """The least cosine of the two vectors of a text, and the largest difference of two of their numbers; (n, d) float32 each."""
    one, other = ones.astype(np.float64), others.astype(np.float64)
    lengths = np.linalg.norm(one, axis=1) * np.linalg.norm(other, axis=1)
    is_text = lengths > 0  # a text without tokens has no direction
    cosines = (one * other).sum(axis=1)[is_text] / lengths[is_text]
    return float(cosines.min()), float(np.abs(one - other).max())


if __name__ == "__main__":
    main()
