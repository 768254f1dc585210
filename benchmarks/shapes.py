"""Disk and memory of every model in the curated list, measured on models of the same shape with random weights.

    python benchmarks/shapes.py [--only NAME] [--memory]

No hub is asked. For each model a checkpoint of the published sizes is made up, with a tokenizer of the published kind
and size; then it is exported and used as a user would, and measured: the bytes of the folder, the peak resident set of
a whole `rekall search` over the sample notes and of the export, and what `rekall model bench` reports. Disk and memory
are those of the real model; times are close, since English takes a few more tokens with a made-up vocabulary.
`--memory` leaves times out, which a busy machine makes meaningless. Megabytes are 10^6 bytes. Needs the extra `export`, and 2 GB of disk for the largest model.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

from cold import NOTES, QUERY, REKALL, run
from made_up_tokenizers import SEED, TOKENIZERS
from made_up_weights import TENSORS, Shape, Sizes, config

from rekall.cli.curated import CURATED, Known
from rekall.models.bench import bench

MADE_UP = "made-up"  # the name of every model: that of the shipped one is taken
SEARCHES = 5
DEVIATION = 0.02  # of the weights; what transformers are initialised with
HEAD = "model | parameters | disk MB | search MB | query ms | bulk texts/s | bulk MB | export s | export MB"

LAYERS_6 = Shape("bert", "WordPiece", pieces=30_522, rows=30_522, width=384, layers=6)
LAYERS_12 = replace(LAYERS_6, layers=12)
MULTILINGUAL = replace(LAYERS_12, tokenizer="Unigram", pieces=250_002, rows=250_037)
MM_BERT = Shape(
    "modernbert",
    "SentencePiece",
    256_000,
    256_000,
    384,
    layers=4,
    positions=8192,
    dtype="bfloat16",
    heads=6,
    inner=1152,
)
MM_BERT_13 = replace(MM_BERT, layers=13)
NOMIC = Shape(
    "nomic_bert",
    "WordPiece",
    30_522,
    30_528,
    768,
    layers=12,
    positions=8192,
    inner=3072,
    more={
        "activation_function": "swiglu",
        "rotary_emb_base": 1000,
        "rotary_emb_fraction": 1.0,
        "max_trained_positions": 2048,
    },
)
ARCTIC_2 = Shape(
    "gte",
    "Unigram",
    250_002,
    250_048,
    768,
    layers=12,
    positions=8192,
    pooling="cls",
    inner=3072,
    more={
        "layer_norm_type": "layer_norm",
        "pack_qkv": True,
        "position_embedding_type": "rope",
        "rope_theta": 160_000,
        "type_vocab_size": 1,
    },
)
GTE = replace(
    ARCTIC_2,
    kind="new",
    more={**ARCTIC_2.more, "rope_theta": 20_000, "rope_scaling": {"type": "ntk", "factor": 8.0}},
)
GEMMA_2 = Shape(
    "embedding_gemma2_text",
    "SentencePiece",
    262_144,
    262_144,
    512,
    layers=24,
    positions=262_144,
    dtype="bfloat16",
    heads=4,
    inner=2048,
    more={
        "head_dim": 256,
        "num_key_value_heads": 2,
        "layer_types": [f"{'sliding' if number % 6 else 'full'}_attention" for number in range(1, 25)],
        "sliding_window": 512,
        "hidden_size_per_layer_input": 512,
        "embedding_dim": 768,
    },
)
SHAPES = {
    "all-MiniLM-L6-v2": LAYERS_6,
    "snowflake-arctic-embed-xs": replace(LAYERS_6, pooling="cls"),
    "snowflake-arctic-embed-s": replace(LAYERS_12, pooling="cls"),
    "mdbr-leaf-ir": LAYERS_6,
    "mdbr-leaf-mt": LAYERS_6,
    "bge-small-en-v1.5": replace(LAYERS_12, pooling="cls"),
    "granite-embedding-small-english-r2": Shape(
        "modernbert", "BPE", 50_368, 50_368, 384, layers=12, positions=8192, pooling="cls", dtype="bfloat16"
    ),
    "multilingual-e5-small": MULTILINGUAL,
    "paraphrase-multilingual-MiniLM-L12-v2": MULTILINGUAL,
    "granite-embedding-97m-multilingual-r2": Shape(
        "modernbert", "BPE", 180_000, 180_000, 384, layers=12, positions=32_768, pooling="cls", dtype="bfloat16"
    ),
    "bekko-embedding-v1-a8m": MM_BERT,
    "bekko-embedding-v1-a25m": MM_BERT_13,
    "nomic-embed-text-v1.5": NOMIC,
    "gte-multilingual-base": GTE,
    "snowflake-arctic-embed-m-v2.0": ARCTIC_2,
    "embeddinggemma-2": GEMMA_2,
    "blink-8M": Shape("model2vec", "WordPiece", 30_000, 30_000, 256),
    "blink-code-16M": Shape("model2vec", "WordPiece", 62_500, 62_500, 256),
    "bekko-static-embedding-v1": Shape("static", "WordPiece", 200_000, 200_000, 1024),
    "potion-retrieval-32M": Shape("model2vec", "WordPiece", 63_091, 63_091, 512),
    "static-retrieval-mrl-en-v1": Shape("static", "WordPiece", 30_522, 30_522, 1024),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", choices=[known.name for known in CURATED], metavar="NAME", help="one model")
    parser.add_argument("--memory", action="store_true", help="disk and memory alone")
    parser.add_argument("--build", type=Path, metavar="FOLDER", help=argparse.SUPPRESS)
    options = parser.parse_args()
    models = [known for known in CURATED if options.only in (None, known.name)]
    if options.build:
        print(build(models[0], options.build))
        return
    print(f"| {HEAD} |\n|{'---|' * len(HEAD.split(' | '))}", flush=True)
    for known in models:
        with tempfile.TemporaryDirectory() as scratch:
            print(f"| {' | '.join(measured(known, Path(scratch), times=not options.memory))} |", flush=True)


def measured(known: Known, scratch: Path, *, times: bool) -> list[str]:
    """One row of the table. Leaves its files in `scratch`."""
    source = scratch / known.name  # which the exporter looks prompts up by
    # in its own process: the peak that a process measures of its children starts at its own
    command = [sys.executable, __file__, "--only", known.name, "--build", str(source)]
    parameters = int(subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout)
    env = {**os.environ, "REKALL_HOME": str(scratch / "home")}
    export = ["model", "export", str(source), "--name", MADE_UP, "--min-cosine", "0"]
    export_s, export_mb = run([*REKALL, *export], env)
    for arguments in (["model", "use", MADE_UP], ["import", str(NOTES)]):
        run([*REKALL, *arguments], env)
    search_mb = max(run([*REKALL, *QUERY], env)[1] for _ in range(SEARCHES))
    folder = scratch / "home" / "models" / MADE_UP
    cost = bench(folder) if times else None
    return [
        known.name,
        f"{parameters / 1e6:.1f} M",
        f"{sum(file.stat().st_size for file in folder.iterdir()) / 1e6:.1f}",
        f"{search_mb:.1f}",
        f"{cost.query_s * 1e3:.2f}" if cost else "–",
        f"{cost.texts_per_s:,.0f}" if cost else "–",
        f"{cost.bulk_peak_bytes / 1e6:.1f}" if cost else "–",
        f"{export_s:.1f}" if cost else "–",
        f"{export_mb:.0f}",
    ]


def build(known: Known, folder: Path) -> int:
    """Make a checkpoint up. Returns the number of its parameters."""
    import ml_dtypes  # noqa: F401 - teaches numpy bfloat16
    import numpy as np
    from safetensors.numpy import save_file

    shape = SHAPES[known.name]
    numbers = np.random.default_rng(SEED)
    count = 0

    def save(tensors: Sizes, path: Path) -> None:
        nonlocal count
        values = {}
        for name, size in tensors.items():
            if name.endswith("bias"):
                value = np.zeros(size, dtype=np.float32)
            elif len(size) == 1:  # of a normalisation
                value = np.ones(size, dtype=np.float32)
            else:
                value = numbers.standard_normal(size, dtype=np.float32) * np.float32(DEVIATION)
            values[name] = value.astype(np.dtype(shape.dtype), copy=False)
            count += value.size
        save_file(values, path)

    folder.mkdir(parents=True)
    write_json(folder / "tokenizer.json", TOKENIZERS[shape.tokenizer](shape.pieces))
    # the published class would build the rest of the tokenizer from tables that a made-up one does not have
    write_json(folder / "tokenizer_config.json", {"tokenizer_class": "PreTrainedTokenizerFast"})
    save(TENSORS[shape.kind](shape), folder / "model.safetensors")
    if shape.kind == "model2vec":
        write_json(folder / "config.json", {"model_type": "model2vec", "normalize": True})
        return count
    modules = ["StaticEmbedding"] if shape.kind == "static" else ["Transformer", "Pooling"]
    if shape.layers:
        write_json(folder / "config.json", config(shape))
        write_json(folder / "sentence_bert_config.json", {"max_seq_length": known.max_tokens})
        write_json(folder / "Pooling" / "config.json", {"pooling_mode": shape.pooling})
        if known.dimensions != shape.more.get("embedding_dim", shape.width):
            modules.append("Dense")
            dense = {"in_features": shape.width, "out_features": known.dimensions}
            write_json(folder / "Dense" / "config.json", {**dense, "activation_function": "torch.nn.Identity"})
            sizes = {"linear.weight": (known.dimensions, shape.width), "linear.bias": (known.dimensions,)}
            save(sizes, folder / "Dense" / "model.safetensors")
        modules.append("Normalize")
    entries = [
        {"type": f"sentence_transformers.models.{name}", "path": name if place else ""}
        for place, name in enumerate(modules)
    ]
    write_json(folder / "modules.json", entries)
    return count


def write_json(path: Path, value: Any) -> None:
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(value, ensure_ascii=False), "utf-8")


if __name__ == "__main__":
    main()
