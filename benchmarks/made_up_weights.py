"""The configuration and the tensors of published architectures, by their sizes; see `shapes.py`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

Sizes = dict[str, tuple[int, ...]]
"""The shape of each tensor, by its name."""


@dataclass(frozen=True, slots=True)
class Shape:
    """What disk and memory of a model depend on, as its repository publishes it.

    Attributes:
        kind: The model type of a transformer, "static" (sentence-transformers' StaticEmbedding) or "model2vec".
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
        more: What else `config.json` says.
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
    more: Mapping[str, Any] = field(default_factory=dict)


def config(shape: Shape) -> dict[str, Any]:
    """The transformer's `config.json`; what it leaves out has the published value by default."""
    if shape.kind == "nomic_bert":  # as the code names it that the model was published with
        sizes = {"n_embd": shape.width, "n_layer": shape.layers, "n_head": shape.heads, "n_inner": shape.inner}
        return {
            "model_type": shape.kind,
            **sizes,
            "n_positions": shape.positions,
            "vocab_size": shape.rows,
            **shape.more,
        }
    return {
        "model_type": shape.kind,
        "hidden_size": shape.width,
        "num_hidden_layers": shape.layers,
        "num_attention_heads": shape.heads,
        "intermediate_size": shape.inner,
        "max_position_embeddings": shape.positions,
        "vocab_size": shape.rows,
        **shape.more,
    }


def linear(name: str, outputs: int, inputs: int) -> Sizes:
    return {f"{name}.weight": (outputs, inputs), f"{name}.bias": (outputs,)}


def norm(name: str, width: int) -> Sizes:
    return {f"{name}.weight": (width,), f"{name}.bias": (width,)}


def bert(shape: Shape) -> Sizes:
    width = shape.width
    tensors: Sizes = {
        "embeddings.word_embeddings.weight": (shape.rows, width),
        "embeddings.position_embeddings.weight": (shape.positions, width),
        "embeddings.token_type_embeddings.weight": (2, width),
        **norm("embeddings.LayerNorm", width),
        **linear("pooler.dense", width, width),
    }
    for layer in (f"encoder.layer.{number}" for number in range(shape.layers)):
        for part in ("self.query", "self.key", "self.value", "output.dense"):
            tensors |= linear(f"{layer}.attention.{part}", width, width)
        tensors |= linear(f"{layer}.intermediate.dense", shape.inner, width)
        tensors |= linear(f"{layer}.output.dense", width, shape.inner)
        tensors |= norm(f"{layer}.attention.output.LayerNorm", width) | norm(f"{layer}.output.LayerNorm", width)
    return tensors


def modernbert(shape: Shape) -> Sizes:
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


def nomic(shape: Shape) -> Sizes:
    width = shape.width
    tensors: Sizes = {
        "embeddings.word_embeddings.weight": (shape.rows, width),
        "embeddings.token_type_embeddings.weight": (2, width),
        **norm("emb_ln", width),
    }
    for layer in (f"encoder.layers.{number}" for number in range(shape.layers)):
        tensors[f"{layer}.attn.Wqkv.weight"] = (3 * width, width)
        tensors[f"{layer}.attn.out_proj.weight"] = (width, width)
        tensors[f"{layer}.mlp.fc11.weight"] = tensors[f"{layer}.mlp.fc12.weight"] = (shape.inner, width)
        tensors[f"{layer}.mlp.fc2.weight"] = (width, shape.inner)
        tensors |= norm(f"{layer}.norm1", width) | norm(f"{layer}.norm2", width)
    return tensors


def gte(shape: Shape) -> Sizes:
    width = shape.width
    tensors: Sizes = {
        "embeddings.word_embeddings.weight": (shape.rows, width),
        "embeddings.token_type_embeddings.weight": (1, width),
        **norm("embeddings.LayerNorm", width),
    }
    for layer in (f"encoder.layer.{number}" for number in range(shape.layers)):
        tensors |= linear(f"{layer}.attention.qkv_proj", 3 * width, width)
        tensors |= linear(f"{layer}.attention.o_proj", width, width)
        tensors[f"{layer}.mlp.up_gate_proj.weight"] = (2 * shape.inner, width)
        tensors |= linear(f"{layer}.mlp.down_proj", width, shape.inner)
        tensors |= norm(f"{layer}.attn_ln", width) | norm(f"{layer}.mlp_ln", width)
    return tensors


def embedding_gemma2(shape: Shape) -> Sizes:
    width, told = shape.width, shape.more["hidden_size_per_layer_input"]
    tensors: Sizes = {"embed_tokens.weight": (shape.rows, width), "norm.weight": (width,)}
    for number, kind in enumerate(shape.more["layer_types"]):
        full, layer = kind == "full_attention", f"layers.{number}"
        size, keys = (512, 1) if full else (shape.more["head_dim"], shape.more["num_key_value_heads"])
        tensors[f"{layer}.self_attn.q_proj.weight"] = (shape.heads * size, width)
        for part in ("k", "v"):
            tensors[f"{layer}.self_attn.{part}_proj.weight"] = (keys * size, width)
        tensors[f"{layer}.self_attn.o_proj.weight"] = (width, shape.heads * size)
        tensors[f"{layer}.self_attn.q_norm.weight"] = tensors[f"{layer}.self_attn.k_norm.weight"] = (size,)
        for part in ("gate", "up"):
            tensors[f"{layer}.mlp.{part}_proj.weight"] = (shape.inner, width)
        tensors[f"{layer}.mlp.down_proj.weight"] = (width, shape.inner)
        norms = ("input", "post_attention", "pre_feedforward", "post_feedforward")
        tensors |= {f"{layer}.{place}_layernorm.weight": (width,) for place in norms}
        tensors[f"{layer}.ple_block.per_layer_input_gate.weight"] = (told, width)
        tensors[f"{layer}.ple_block.per_layer_projection.weight"] = (width, told)
        tensors[f"{layer}.ple_block.post_per_layer_input_norm.weight"] = (width,)
        tensors[f"{layer}.layer_scalar"] = (1,)
    tensors["ple.per_layer_model_projection.weight"] = (shape.layers * told, width)
    tensors["ple.per_layer_projection_norm.weight"] = (told,)
    tensors["embedding_projection.weight"] = (shape.more["embedding_dim"], width)
    return tensors


TENSORS: Mapping[str, Callable[[Shape], Sizes]] = {
    "bert": bert,
    "modernbert": modernbert,
    "nomic_bert": nomic,
    "gte": gte,
    "new": gte,
    "embedding_gemma2_text": embedding_gemma2,
    "static": lambda shape: {"embedding.weight": (shape.rows, shape.width)},
    "model2vec": lambda shape: {"embeddings": (shape.rows, shape.width)},
}
