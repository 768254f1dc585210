"""How close the shipped model comes to reference vectors.

    python benchmarks/fidelity.py --golden FOLDER

FOLDER holds NAME.texts.json, a list of texts, and NAME.vectors.npy, their vectors. Prints the mean and the
least cosine, the texts that come out worst, and how much a text's vector depends on its batch.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np

import rekall
from rekall.models.vectors import row_cosines

WORST = 8


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--golden", type=Path, required=True)
    options = parser.parse_args()
    (texts_file,) = options.golden.glob("*.texts.json")
    texts = json.loads(texts_file.read_text("utf-8"))
    reference = np.load(texts_file.with_name(texts_file.name.replace(".texts.json", ".vectors.npy")))
    encoder = rekall.load_encoder()
    together = encoder.encode_documents(texts)
    alone = np.concatenate([encoder.encode_documents([text]) for text in texts])
    cosines = row_cosines(together, reference)
    print(f"{len(texts)} texts: mean cosine {cosines.mean():.5f}, least {cosines.min():.5f}")
    for place in np.argsort(cosines)[:WORST]:
        print(f"  {cosines[place]:.5f}  {texts[place][:60]!r}")
    print(f"alone against in a batch: least cosine {row_cosines(together, alone).min():.7f}")


if __name__ == "__main__":
    main()
