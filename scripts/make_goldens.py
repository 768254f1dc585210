"""Makes tests/data/checkpoints: tiny random checkpoints of every architecture, and the vectors their own libraries give.

Needs torch, sentence-transformers and model2vec, which Rekall itself never does: `make goldens` remakes the data where
they are installed. The weights come from seeded generators, so a second run on one machine writes the same bytes.
Given names, it remakes those checkpoints alone.

cases.json, kept by hand, lists the checkpoints; each is a folder. One with a `base` holds only the files in which it
differs from that.
"""

from __future__ import annotations

import functools
import inspect
import json
import math
import re
import shutil
import sys
import tempfile
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import tokenizers
import torch  # noqa: TID251 - these are the references
import transformers  # noqa: TID251
from golden_jina import JinaBert, JinaBertConfig, published
from golden_tokenizers import TOKENIZERS
from model2vec import StaticModel
from safetensors.numpy import save_file
from sentence_transformers import SentenceTransformer  # noqa: TID251

DATA = Path(__file__).parent.parent / "tests/data/checkpoints"
TEXTS: list[str] = json.loads((DATA / "edge_texts.json").read_text("utf-8"))
CASES: list[dict[str, Any]] = json.loads((DATA / "cases.json").read_text("utf-8"))
NEW = "6.2.0"
"""The release of sentence-transformers that computes; older ones stripped the ends of every text."""

Array = npt.NDArray[Any]
Json = Mapping[str, Any]


# checkpoints

HOMES = {
    "Transformer": "base.modules.transformer",
    "StaticEmbedding": "sentence_transformer.modules.static_embedding",
    "Pooling": "sentence_transformer.modules.pooling",
    "Dense": "base.modules.dense",
    "Normalize": "base.modules.normalize",
    "Dropout": "sentence_transformer.modules.dropout",
    "LayerNorm": "sentence_transformer.modules.layer_norm",
}
LEGACY_POOLING = ("cls_token", "mean_tokens", "max_tokens", "mean_sqrt_len_tokens", "weightedmean_tokens", "lasttoken")


@dataclass(frozen=True, slots=True)
class Case:
    """One checkpoint of cases.json.

    Attributes:
        name: Its folder.
        architecture: As config.json names it; "static" or "model2vec".
        width: Length of the vectors.
        pooling: Modes in the order of the vector's parts; empty for static models.
        after: The modules after the pooling: the figures of a Dense module, else its kind.
        max_tokens: Its limit; 0 when it has none.
        release: The release of sentence-transformers whose schema its files have; "" for an old one that left no name.
        prompts: By name; queries take "query", documents the other one.
        dimensions: Leading dimensions to keep, None for all.
        base: The case whose files it shares; empty when it stands alone. With the base's tokenizer, it has weights of
            its own.
        tokenizer: Key of `TOKENIZERS`; empty leaves tokenizer and weights to the base.
        config: Figures of the transformer, all or those that differ from the base's; or options of model2vec.
        limit: Content of sentence_bert_config.json, None for no such file.
        baked: Tokens to which tokenizer.json cuts and pads, as if saved with both switched on.
        home: Folder of the first module.
        table: Name of a static model's tensor.
        include_prompt: Whether the pooling includes the tokens of a prompt; models of an old release include them here.
    """

    name: str
    architecture: str
    width: int
    pooling: list[str]
    after: list[Any]
    max_tokens: int
    release: str
    prompts: Mapping[str, str] = field(default_factory=dict)
    dimensions: int | None = None
    base: str = ""
    tokenizer: str = ""
    config: Json = field(default_factory=dict)
    limit: Json | None = None
    baked: int = 0
    home: str = ""
    table: str = "embedding.weight"
    include_prompt: bool = True

    @property
    def strips(self) -> bool:
        """Whether the ends of a text are cut off: a transformer's old tokenizing did that, never a static model's."""
        return self.release != NEW and bool(self.pooling)

    def write(self, folder: Path) -> None:
        """Write the files in which this checkpoint differs from its base."""
        home = folder / self.home
        home.mkdir(parents=True)
        seed = zlib.crc32(self.name.encode())
        if self.tokenizer:
            self._write_model(home, TOKENIZERS[self.tokenizer](), seed)
        elif self.config:
            others = json.loads((DATA / self.base / "config.json").read_bytes())
            write_json(home / "config.json", {**others, **self.config})
        if self.baked:
            bake_limits(home / "tokenizer.json", self.baked)
        if self.limit is not None:
            write_json(home / "sentence_bert_config.json", self.limit)
        if self.architecture == "model2vec":
            return  # it writes its own modules.json
        if self.release:
            about = {"__version__": {"sentence_transformers": self.release}, "prompts": self.prompts}
            write_json(folder / "config_sentence_transformers.json", {**about, "default_prompt_name": None})
        self._write_modules(folder, seed)

    def _write_model(self, home: Path, tokenizer: Any, seed: int) -> None:
        if self.architecture == "model2vec":
            write_model2vec(home, tokenizer.backend_tokenizer, self.width, seed, **self.config)
        elif self.architecture == "static":
            tokenizer.backend_tokenizer.save(str(home / "tokenizer.json"))
            save_file({self.table: table(seed, len(tokenizer), self.width)}, home / "model.safetensors")
        else:
            write_transformer(home, self.architecture, tokenizer, seed, self.config)

    def _write_modules(self, folder: Path, seed: int) -> None:
        chain = [("Transformer" if self.pooling else "StaticEmbedding", self.home)]
        if self.pooling:
            chain.append(("Pooling", "1_Pooling"))
            write_json(folder / "1_Pooling" / "config.json", self._pooling())
        for place, module in enumerate(self.after, len(chain)):
            kind = module if isinstance(module, str) else "Dense"
            chain.append((kind, f"{place}_{kind}"))
            if kind == "Dense":
                write_dense(folder / f"{place}_{kind}", seed + place, **module)
            elif kind in ("Dropout", "LayerNorm"):
                write_plain(folder / f"{place}_{kind}", kind, self.width, seed + place)
        modules = []
        for place, (kind, path) in enumerate(chain):
            name = f"sentence_transformers.{HOMES[kind] if self.release == NEW else 'models'}.{kind}"
            modules.append({"idx": place, "name": str(place), "path": path, "type": name})
        write_json(folder / "modules.json", modules)

    def _pooling(self) -> Json:
        if self.release == NEW:
            mode: object = self.pooling[0] if len(self.pooling) == 1 else self.pooling
            return {"embedding_dimension": 32, "pooling_mode": mode, "include_prompt": self.include_prompt}
        on = {f"{mode}{ending}" for mode in self.pooling for ending in ("_token", "_tokens", "")}
        return {"word_embedding_dimension": 32, **{f"pooling_mode_{key}": key in on for key in LEGACY_POOLING}}


def write_json(path: Path, value: object) -> None:
    """Write a JSON file and the folder it is in."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(value, indent=1, ensure_ascii=False) + "\n", "utf-8")


def bake_limits(path: Path, tokens: int) -> None:
    """Switch on truncation and padding in a tokenizer.json."""
    tokenizer = tokenizers.Tokenizer.from_file(str(path))
    tokenizer.enable_truncation(tokens)
    tokenizer.enable_padding(length=tokens)
    tokenizer.save(str(path))


ENCODERS = {
    "t5": transformers.T5EncoderModel,
    "mt5": transformers.MT5EncoderModel,
    "umt5": transformers.UMT5EncoderModel,
}
"""Architectures with a decoder, of which sentence-transformers loads the encoder alone."""


def write_transformer(folder: Path, model_type: str, tokenizer: Any, seed: int, figures: Json) -> None:
    """Write configuration, weights and tokenizer, as transformers does."""
    roles = {"pad": "pad", "bos": "cls", "eos": "sep"}
    ids = {f"{role}_token_id": getattr(tokenizer, f"{token}_token_id") for role, token in roles.items()}
    own = model_type == "jina_bert"
    make = JinaBertConfig if own else functools.partial(transformers.AutoConfig.for_model, model_type)
    config = make(vocab_size=len(tokenizer), **ids, **figures)
    kind = JinaBert if own else ENCODERS.get(model_type) or transformers.MODEL_MAPPING[type(config)]
    pools = "add_pooling_layer" in inspect.signature(kind).parameters
    model = kind(config, **({"add_pooling_layer": model_type == "bert"} if pools else {}))
    random = np.random.default_rng(seed)
    drawn = ((name, each) for name, each in model.named_parameters() if "embed_positions" not in name)  # of RoFormer
    for name, parameter in sorted(drawn):
        numbers = weights(name, tuple(parameter.shape), random)
        if "gemma" in model_type and "embed_tokens" in name:
            numbers *= 2 / math.sqrt(config.hidden_size)  # by the root it multiplies; each block adds a whole row
        if model_type == "gemma3_text" and "norm" in name:
            numbers -= 1  # which it adds
        if "gemma2" in model_type and re.search("[qk]_norm", name):
            numbers *= len(numbers) ** -0.25  # scores are not divided by a root
        parameter.data = torch.from_numpy(numbers)
    for name, buffer in model.named_buffers():
        if name.endswith("layer_scalar"):
            buffer.fill_(random.uniform(0.5, 1.5))
    model.to(config.dtype or torch.float32).save_pretrained(folder)
    if own:
        write_json(folder / "config.json", published(json.loads((folder / "config.json").read_bytes())))
    tokenizer.save_pretrained(folder)


def weights(name: str, shape: tuple[int, ...], random: np.random.Generator) -> Array:
    """Weights with which every part of a model shows in its vectors; those that training starts from would not do."""
    middle = 0.0
    if len(shape) == 1 and name.endswith("weight"):  # of a normalisation
        middle, spread = 1.0, 0.2
    elif len(shape) == 1:
        spread = 0.1
    elif "relative_attention_bias" in name:
        spread = 0.8
    elif "embed_tokens" in name or "shared" in name:  # of models that do not normalise their rows
        spread = 1.2
    elif "embeddings" in name:
        spread = 0.05 if "position" in name or "type" in name else 0.1
    else:
        wide, narrow = re.search(r"intermediate|lin1", name), "SelfAttention.q" in name  # scores that nothing divides
        spread = (2 if wide else 0.3 if narrow else 1) / math.sqrt(shape[1])
    return random.normal(middle, spread, shape).astype(np.float32)


def write_plain(folder: Path, kind: str, width: int, seed: int) -> None:
    """Write a Dropout, or a LayerNorm with its weights."""
    write_json(folder / "config.json", {"dropout": 0.4} if kind == "Dropout" else {"dimension": width})
    if kind == "LayerNorm":
        random = np.random.default_rng(seed)
        tensors = {f"norm.{part}": weights(f"norm.{part}", (width,), random) for part in ("weight", "bias")}
        save_file(tensors, folder / "model.safetensors")


def write_dense(folder: Path, seed: int, inside: int, outside: int, activation: str, bias: bool) -> None:
    """Write configuration and weights of a Dense module."""
    random = np.random.default_rng(seed)
    tensors = {"linear.weight": weights("linear.weight", (outside, inside), random)}
    if bias:
        tensors["linear.bias"] = weights("linear.bias", (outside,), random)
    sizes = {"in_features": inside, "out_features": outside, "bias": bias}
    write_json(folder / "config.json", {**sizes, "activation_function": f"torch.nn.modules.{activation}"})
    save_file(tensors, folder / "model.safetensors")


def table(seed: int, rows: int, width: int) -> Array:
    """Rows of very different lengths, as the tables of static models have."""
    random = np.random.default_rng(seed)
    return (random.standard_normal((rows, width)) * np.exp(random.standard_normal((rows, 1)))).astype(np.float32)


def write_model2vec(folder: Path, tokenizer: Any, width: int, seed: int, clusters: int = 0, **options: Any) -> None:
    """Write a model2vec folder; with clusters, tokens share that many rows and each has a weight of its own."""
    size = tokenizer.get_vocab_size()
    if clusters:
        random = np.random.default_rng(seed + 1)
        options["weights"] = np.exp(random.standard_normal(size)).astype(np.float32)
        options["token_mapping"] = random.integers(0, clusters, size)
    StaticModel(table(seed, clusters or size, width), tokenizer, **options).save_pretrained(folder)
    (folder / "README.md").unlink()


# vectors


def reference(case: Case, folder: Path, kind: str, prompt: str) -> Array:
    """Vectors of every edge text, each computed alone: (n, d) float32 rows of unit length, or of zeros."""
    texts = [(prompt + text).strip() for text in TEXTS] if case.strips else TEXTS
    if case.architecture == "model2vec":
        encode = StaticModel.from_pretrained(folder).encode
    else:
        model = SentenceTransformer(str(folder), device="cpu", model_kwargs={"dtype": torch.float32})
        encode = model.encode if case.strips else getattr(model, f"encode_{kind}")
        if case.pooling:
            model.max_seq_length = case.max_tokens
        if case.architecture == "jina_bert":
            model[0].model = JinaBert.from_pretrained(
                folder, config=JinaBertConfig.from_pretrained(folder, **case.config)
            )
    alone = unit(np.concatenate([encode([text]) for text in texts])[:, : case.width])
    if (apart := np.abs(unit(encode(texts)[:, : case.width]) - alone).max()) > 5e-6:
        raise SystemExit(f"{case.name}: a batch changes its vectors by {apart}")
    return alone


def unit(vectors: Array) -> Array:
    """Rows of unit length, (n, d) float32; a row of zeros stays one."""
    lengths = np.linalg.norm(vectors.astype(np.float64), axis=1, keepdims=True)
    return np.asarray(vectors / np.where(lengths == 0, 1, lengths), dtype=np.float32)


def drop_shared(home: Path, base: Path) -> None:
    """Remove the files that a checkpoint shares with its base."""
    for path in home.rglob("*") if base != home else ():
        twin = base / path.relative_to(home)
        if path.is_file() and twin.is_file() and path.read_bytes() == twin.read_bytes():
            path.unlink()


def main(names: Sequence[str]) -> None:
    """Remake the cases of these names; without one, every case."""
    torch.set_num_threads(1)
    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    for case in (Case(**values) for values in CASES if not names or values["name"] in names):
        home = DATA / case.name
        shutil.rmtree(home, ignore_errors=True)
        case.write(home)
        drop_shared(home, DATA / case.base if case.base else home)
        with tempfile.TemporaryDirectory() as temporary:
            folder = Path(temporary) / case.name
            for name in filter(None, (case.base, case.name)):
                shutil.copytree(DATA / name, folder, dirs_exist_ok=True)
            for name, prompt in (case.prompts or {"document": ""}).items():
                kind = "query" if name == "query" else "document"
                np.save(home / f"{kind}.npy", reference(case, folder, kind, prompt))


if __name__ == "__main__":
    main(sys.argv[1:])
