"""How close the shipped model comes to reference vectors, with each of its graphs.

    python benchmarks/fidelity.py [--golden FOLDER]

FOLDER holds NAME.texts.json, a list of texts, and NAME.vectors.npy, their vectors; without it the texts that travel with
the model are taken. Prints for floats and for bytes the mean and the least cosine, the texts that come out worst, and how
much a text's vector depends on its batch.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np
import onnxruntime

from rekall.models.engine.arithmetic import Arithmetic, multiplies_bytes
from rekall.models.engine.opening import open_encoder
from rekall.models.engine.probes import Probes
from rekall.models.vectors import row_cosines

SHIPPED = Path(__file__).parent.parent / "models" / "all-MiniLM-L6-v2"
ARITHMETICS: tuple[Arithmetic, ...] = ("floats", "bytes")
WORST = 8


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--golden", type=Path, help="a folder of texts and vectors")
    parser.add_argument("--worst", type=int, default=WORST, help=f"how many of the worst texts to show ({WORST})")
    options = parser.parse_args()
    reference = (
        read_golden(options.golden)
        if options.golden
        else Probes.from_json(SHIPPED.joinpath("probes.json").read_bytes())
    )
    print(
        f"onnxruntime {onnxruntime.__version__}; here a text is run with {'bytes' if multiplies_bytes() else 'floats'}"
    )
    for arithmetic in ARITHMETICS:
        show(arithmetic, reference, options.worst)


def read_golden(folder: Path) -> Probes:
    """Texts and vectors of a folder."""
    (texts_file,) = folder.glob("*.texts.json")
    vectors = np.load(texts_file.with_name(texts_file.name.replace(".texts.json", ".vectors.npy")))
    return Probes.of(json.loads(texts_file.read_text("utf-8")), vectors)


def show(arithmetic: Arithmetic, reference: Probes, worst: int) -> None:
    """Print how close one graph comes."""
    texts = list(reference.texts)
    encoder = open_encoder(SHIPPED, arithmetic=arithmetic)
    together = encoder.encode_documents(texts)
    alone = np.concatenate([encoder.encode_documents([text]) for text in texts])
    encoder.close()
    cosines = row_cosines(together, reference.vectors)
    company = row_cosines(together, alone).min()
    print(
        f"{arithmetic}: {len(texts)} texts, mean cosine {cosines.mean():.5f}, least {cosines.min():.5f}; "
        f"alone against in a batch: least {company:.7f}"
    )
    for place in np.argsort(cosines)[:worst]:
        print(f"  {cosines[place]:.5f}  {texts[place][:60]!r}")


if __name__ == "__main__":
    main()
