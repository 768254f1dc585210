"""Disk and memory of every model in the curated list, measured on models of the same shape with random weights.

    python benchmarks/shapes.py [--only NAME]

No hub is asked. For each model a checkpoint of the published sizes is made up, with a tokenizer of the published kind
and size; then it is exported and used as a user would, and measured: the bytes of the folder, the peak resident set of
a whole `rekall search` over the sample notes and of the export, and what `rekall model bench` reports. Disk and memory
are those of the real model; times are close, since English takes a few more tokens with a made-up vocabulary.
Megabytes are 10^6 bytes. Needs the extra `export`, and 0.7 GB of disk for the largest model.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import random
import string
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path
from typing import Any

from cold import NOTES, QUERY, REKALL, run

from rekall.cli.curated import CURATED, Known
from rekall.models.bench import bench

Sizes = dict[str, tuple[int, ...]]
"""The shape of each tensor, by its name."""

SHIPPED_TOKENIZER = Path(__file__).parent.parent / "models" / "all-MiniLM-L6-v2" / "tokenizer.json"
MADE_UP = "made-up"  # the name of every model: that of the shipped one is taken
SEARCHES = 5
SEED = 20260101
DEVIATION = 0.02  # of the weights; what transformers are initialised with
HEAD = "model | parameters | disk MB | search MB | query ms | bulk texts/s | bulk MB | export s | export MB"

LONGEST = 16  # characters of a piece
SCRIPTS = (  # first and last letter, share of the made-up pieces, mean length of one that extends no other
    ("a", "z", 0.24, 4),
    ("à", "ÿ", 0.10, 4),
    ("α", "ω", 0.05, 4),
    ("а", "я", 0.21, 4),
    ("ء", "ي", 0.10, 4),
    ("अ", "ह", 0.10, 4),
    ("ก", "ฮ", 0.05, 4),
    ("가", "힣", 0.05, 2),
    ("一", "龥", 0.10, 2),
)
"""Together with the English ones, pieces average 5.6 characters and 10.7 bytes; those of XLM-R, 5.5 and 10.3."""


@dataclass(frozen=True, slots=True)
class Shape:
    """What disk and memory of a model depend on, as its repository publishes it.

    Attributes:
        kind: "bert", "modernbert", "static" (sentence-transformers' StaticEmbedding) or "model2vec".
        tokenizer: "WordPiece", "Unigram", "BPE" (of bytes) or "SentencePiece" (BPE of letters, as Gemma has it).
        pieces: Rows of the tokenizer.
        rows: Rows of the embedding table.
        width: Numbers in a row.
        layers: Of the transformer; 0 for a static model.
        positions: The longest text that the transformer takes.
        pooling: As in `1_Pooling/config.json`.
        dtype: Of the published weights.
        heads: Of the attention.
        inner: Width of the feed-forward part.
    """

    kind: str
    tokenizer: str
    pieces: int
    rows: int
    width: int
    layers: int = 0
    positions: int = 512
    pooling: str = "mean"
    dtype: str = "float32"
    heads: int = 12
    inner: int = 1536


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
SHAPES = {
    "all-MiniLM-L6-v2": LAYERS_6,
    "snowflake-arctic-embed-xs": replace(LAYERS_6, pooling="cls"),
    "snowflake-arctic-embed-s": replace(LAYERS_12, pooling="cls"),
    "mdbr-leaf-ir": LAYERS_6,
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
    "blink-8M": Shape("model2vec", "WordPiece", 30_000, 30_000, 256),
    "blink-code-16M": Shape("model2vec", "WordPiece", 62_500, 62_500, 256),
    "bekko-static-embedding-v1": Shape("static", "WordPiece", 200_000, 200_000, 1024),
    "potion-retrieval-32M": Shape("model2vec", "WordPiece", 63_091, 63_091, 512),
    "static-retrieval-mrl-en-v1": Shape("static", "WordPiece", 30_522, 30_522, 1024),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", choices=[known.name for known in CURATED], metavar="NAME", help="one model")
    parser.add_argument("--build", type=Path, metavar="FOLDER", help=argparse.SUPPRESS)
    options = parser.parse_args()
    models = [known for known in CURATED if options.only in (None, known.name)]
    if options.build:
        print(build(models[0], options.build))
        return
    print(f"| {HEAD} |\n|{'---|' * len(HEAD.split(' | '))}", flush=True)
    for known in models:
        with tempfile.TemporaryDirectory() as scratch:
            print(f"| {' | '.join(measured(known, Path(scratch)))} |", flush=True)


def measured(known: Known, scratch: Path) -> list[str]:
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
    cost = bench(folder)
    return [
        known.name,
        f"{parameters / 1e6:.1f} M",
        f"{sum(file.stat().st_size for file in folder.iterdir()) / 1e6:.1f}",
        f"{search_mb:.1f}",
        f"{cost.query_s * 1e3:.2f}",
        f"{cost.texts_per_s:,.0f}",
        f"{cost.bulk_peak_bytes / 1e6:.1f}",
        f"{export_s:.1f}",
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
    save(TENSORS[shape.kind](shape), folder / "model.safetensors")
    if shape.kind == "model2vec":
        write_json(folder / "config.json", {"model_type": "model2vec", "normalize": True})
        return count
    modules = ["StaticEmbedding"] if shape.kind == "static" else ["Transformer", "Pooling"]
    if shape.layers:
        write_json(folder / "config.json", config(shape))
        write_json(folder / "sentence_bert_config.json", {"max_seq_length": known.max_tokens})
        write_json(folder / "Pooling" / "config.json", {"pooling_mode": shape.pooling})
        if known.dimensions != shape.width:
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


def config(shape: Shape) -> dict[str, Any]:
    """The transformer's `config.json`; what it leaves out has the published value by default."""
    return {
        "model_type": shape.kind,
        "hidden_size": shape.width,
        "num_hidden_layers": shape.layers,
        "num_attention_heads": shape.heads,
        "intermediate_size": shape.inner,
        "max_position_embeddings": shape.positions,
        "vocab_size": shape.rows,
    }


def bert_tensors(shape: Shape) -> Sizes:
    width = shape.width

    def linear(name: str, outputs: int, inputs: int) -> Sizes:
        return {f"{name}.weight": (outputs, inputs), f"{name}.bias": (outputs,)}

    def norm(name: str) -> Sizes:
        return {f"{name}.LayerNorm.weight": (width,), f"{name}.LayerNorm.bias": (width,)}

    tensors: Sizes = {
        "embeddings.word_embeddings.weight": (shape.rows, width),
        "embeddings.position_embeddings.weight": (shape.positions, width),
        "embeddings.token_type_embeddings.weight": (2, width),
        **norm("embeddings"),
        **linear("pooler.dense", width, width),
    }
    for layer in (f"encoder.layer.{number}" for number in range(shape.layers)):
        for part in ("self.query", "self.key", "self.value", "output.dense"):
            tensors |= linear(f"{layer}.attention.{part}", width, width)
        tensors |= linear(f"{layer}.intermediate.dense", shape.inner, width)
        tensors |= linear(f"{layer}.output.dense", width, shape.inner)
        tensors |= norm(f"{layer}.attention.output") | norm(f"{layer}.output")
    return tensors


def modernbert_tensors(shape: Shape) -> Sizes:
    width = shape.width
    tensors: Sizes = {
        "embeddings.tok_embeddings.weight": (shape.rows, width),
        "embeddings.norm.weight": (width,),
        "final_norm.weight": (width,),
    }
    for number in range(shape.layers):
        layer = f"layers.{number}"
        if number:
            tensors[f"{layer}.attn_norm.weight"] = (width,)
        tensors[f"{layer}.attn.Wqkv.weight"] = (3 * width, width)
        tensors[f"{layer}.attn.Wo.weight"] = (width, width)
        tensors[f"{layer}.mlp_norm.weight"] = (width,)
        tensors[f"{layer}.mlp.Wi.weight"] = (2 * shape.inner, width)
        tensors[f"{layer}.mlp.Wo.weight"] = (width, shape.inner)
    return tensors


TENSORS: Mapping[str, Callable[[Shape], Sizes]] = {
    "bert": bert_tensors,
    "modernbert": modernbert_tensors,
    "static": lambda shape: {"embedding.weight": (shape.rows, shape.width)},
    "model2vec": lambda shape: {"embeddings": (shape.rows, shape.width)},
}


def word_piece(pieces: int) -> dict[str, Any]:
    """The tokenizer of BERT, without its unused rows and with made-up words where the size asks for it."""
    tokenizer: dict[str, Any] = json.loads(SHIPPED_TOKENIZER.read_bytes())
    tokenizer |= {"truncation": None, "padding": None}
    vocabulary: dict[str, int] = tokenizer["model"]["vocab"]
    if pieces == len(vocabulary):
        return tokenizer
    words = {word: None for word in sorted(vocabulary, key=vocabulary.__getitem__) if not word.startswith("[unused")}
    fill(words, pieces, made_up_words())
    renumbered = {word: row for row, word in enumerate(words)}
    for token in tokenizer["added_tokens"]:
        token["id"] = renumbered[token["content"]]
    tokenizer["model"]["vocab"] = renumbered
    return {**tokenizer, "post_processor": None}  # static models take no special tokens


def unigram(pieces: int) -> dict[str, Any]:
    """A tokenizer like XLM-R's: the words of BERT's, as they are and capitalised, then pieces of many scripts."""
    special = ["<s>", "<pad>", "</s>", "<unk>"]
    words: dict[str, None] = dict.fromkeys([*special, "▁", *string.printable.strip()])
    for word in bert_words():
        words |= dict.fromkeys([word[2:]] if word.startswith("##") else [f"▁{word}", f"▁{word.capitalize()}"])
    fill(words, pieces - 1, made_up_words("▁"))
    # as if frequencies fell with the rank, which is near the truth
    vocabulary = [[word, 0.0 if word in special else -2.0 - math.log(rank)] for rank, word in enumerate(words, 1)]
    vocabulary.append(["<mask>", 0.0])
    return {
        "version": "1.0",
        "added_tokens": [added(row, word) for row, word in [*enumerate(special), (pieces - 1, "<mask>")]],
        "normalizer": {"type": "NFKC"},
        "pre_tokenizer": {
            "type": "Sequence",
            "pretokenizers": [
                {"type": "WhitespaceSplit"},
                {"type": "Metaspace", "replacement": "▁", "prepend_scheme": "always", "split": True},
            ],
        },
        "post_processor": around("<s>", 0, "</s>", 2),
        "model": {"type": "Unigram", "unk_id": 3, "vocab": vocabulary, "byte_fallback": False},
    }


def byte_pairs(pieces: int) -> dict[str, Any]:
    """A tokenizer like ModernBERT's: bytes, merges that spell the words of BERT's, 114 special rows at the end."""
    from tokenizers.pre_tokenizers import ByteLevel

    special = ["[UNK]", "[CLS]", "[SEP]", "[PAD]", "[MASK]", *(f"[unused{number}]" for number in range(109))]
    words: dict[str, None] = dict.fromkeys(sorted(ByteLevel.alphabet()))
    spelled = (word for word in bert_words() if word.isascii() and word.isalnum())
    english = (form for bare in spelled for form in (f"Ġ{bare}", bare))
    spell = ByteLevel(add_prefix_space=False, use_regex=False).pre_tokenize_str
    others = (spell(word)[0][0] for word in made_up_words(" "))
    merges = spelled_out(words, chain(english, others), pieces - len(special))
    first = len(words)
    return {
        "version": "1.0",
        "added_tokens": [added(row, word) for row, word in enumerate(special, first)],
        "normalizer": {"type": "NFC"},
        "pre_tokenizer": {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": True},
        "post_processor": around("[CLS]", first + 1, "[SEP]", first + 2),
        "model": {
            "type": "BPE",
            "vocab": {word: row for row, word in enumerate(words)},
            "merges": merges,
            "ignore_merges": True,
        },
    }


def letter_pairs(pieces: int) -> dict[str, Any]:
    """A tokenizer like Gemma's: letters, bytes for those it has no piece for, merges that spell words of many scripts."""
    special = ["<pad>", "<eos>", "<bos>", "<unk>", "<mask>"]
    words: dict[str, None] = dict.fromkeys([*special, *(f"<0x{byte:02X}>" for byte in range(256)), "▁"])
    words |= dict.fromkeys(string.printable.strip())
    words |= dict.fromkeys(chr(code) for a, z, _, _ in SCRIPTS for code in range(ord(a), ord(z) + 1))
    english = (word[2:] if word.startswith("##") else f"▁{word}" for word in bert_words() if word.isascii())
    merges = spelled_out(words, chain(english, made_up_words("▁")), pieces)
    return {
        "version": "1.0",
        "added_tokens": [added(row, word) for row, word in enumerate(special)],
        "normalizer": {"type": "Replace", "pattern": {"String": " "}, "content": "▁"},
        "pre_tokenizer": None,
        "post_processor": around("<bos>", 2, "<eos>", 1),
        "model": {
            "type": "BPE",
            "vocab": {word: row for row, word in enumerate(words)},
            "merges": merges,
            "unk_token": "<unk>",
            "fuse_unk": True,
            "byte_fallback": True,
        },
    }


def spelled_out(words: dict[str, None], more: Iterable[str], size: int) -> list[list[str]]:
    """Fill `words` with the beginnings of more words. Returns the merges that build them, letter by letter."""
    merges: list[list[str]] = []
    for word in more:
        for end in range(1, len(word)):
            if len(words) == size:
                return merges
            if word[: end + 1] not in words:
                words[word[: end + 1]] = None
                merges.append([word[:end], word[end]])
    return merges


TOKENIZERS = {"WordPiece": word_piece, "Unigram": unigram, "BPE": byte_pairs, "SentencePiece": letter_pairs}


def bert_words() -> list[str]:
    """The words of the shipped vocabulary, frequent ones first, and its word endings, which begin with ##."""
    vocabulary: dict[str, int] = json.loads(SHIPPED_TOKENIZER.read_bytes())["model"]["vocab"]
    return [word for word in sorted(vocabulary, key=vocabulary.__getitem__) if not word.startswith("[")]


def made_up_words(mark: str = "") -> Iterator[str]:
    """Words of many scripts, without end; six in ten carry the mark of a word's beginning.

    Four in ten are an earlier one with a letter more: the library's memory for a vocabulary depends on how many pieces
    begin alike. 250,002 of these take 287 MB, those of XLM-R 301.
    """
    chance = random.Random(SEED)  # noqa: S311 - no secret
    alphabets = [[chr(code) for code in range(ord(first), ord(last) + 1)] for first, last, _, _ in SCRIPTS]
    shares = [share for _, _, share, _ in SCRIPTS]
    earlier: list[list[str]] = [[] for _ in SCRIPTS]
    while True:
        (script,) = chance.choices(range(len(SCRIPTS)), shares)
        letters, known = alphabets[script], earlier[script]
        if known and chance.random() < 0.4:
            word = chance.choice(known) + chance.choice(letters)
        else:
            length = max(1, round(chance.gauss(SCRIPTS[script][3], 1.5)))
            word = (mark if chance.random() < 0.6 else "") + "".join(chance.choices(letters, k=length))
        if len(word) <= LONGEST:
            known.append(word)
            yield word


def fill(words: dict[str, None], size: int, more: Iterator[str]) -> None:
    while len(words) < size:
        words[next(more)] = None


def added(row: int, content: str) -> dict[str, Any]:
    """An entry of `added_tokens`."""
    switches = dict.fromkeys(("single_word", "lstrip", "rstrip", "normalized"), False)
    return {"id": row, "content": content, **switches, "special": True}


def around(first: str, first_row: int, last: str, last_row: int) -> dict[str, Any]:
    """A post-processor that puts a special token before and after a text."""
    tokens = [{"SpecialToken": {"id": first, "type_id": 0}}, {"SpecialToken": {"id": last, "type_id": 0}}]
    text = {"Sequence": {"id": "A", "type_id": 0}}
    rows = ((first, first_row), (last, last_row))
    return {
        "type": "TemplateProcessing",
        "single": [tokens[0], text, tokens[1]],
        "pair": [tokens[0], text, tokens[1], {"Sequence": {"id": "B", "type_id": 0}}, tokens[1]],
        "special_tokens": {token: {"id": token, "ids": [row], "tokens": [token]} for token, row in rows},
    }


if __name__ == "__main__":
    main()
