"""The sizes and constants of a transformer, and how its configuration names them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from rekall.errors import ExportFailed

Config = Mapping[str, Any]
"""The content of a `config.json`."""

WITH_TORCH = "with torch installed try `--via torch`"
_ELSEWHERE = "fetch the model again, or look for another revision of it"


@dataclass(frozen=True, slots=True)
class Rotary:
    """How queries and keys turn with their positions.

    Attributes:
        theta: The base of the angles.
        share: How much of each head turns, from its start.
        interleaved: Whether a pair are neighbours; else numbers of the two halves.
        scaling: How the angles are fitted to longer texts, by the name that transformers gives it.
        factor: How much longer they are.
        slow, fast: Turns over the texts of the training: pairs with fewer are scaled whole, with more not at all.
        trained: The longest of those texts in tokens.
        gain: What queries and keys are multiplied with.
    """

    theta: float
    share: float = 1.0
    interleaved: bool = False
    scaling: str = "default"
    factor: float = 1.0
    slow: float = 1.0
    fast: float = 1.0
    trained: int = 0
    gain: float = 1.0

    @property
    def name(self) -> str:
        """A name that only the same angles share."""
        parts = (self.share, self.scaling, self.factor, self.slow, self.fast, self.trained, self.gain)
        return ".".join(f"{part:.17g}" if isinstance(part, float) else str(part) for part in (self.theta, *parts))


@dataclass(frozen=True, slots=True)
class Biases:
    """Where an encoder with rotary positions has biases.

    Attributes:
        attention: The projections to queries, keys and values, and that of what attention gives.
        opening, closing: Those of the feed-forward block.
        norms: The normalisations.
    """

    attention: bool = True
    opening: bool = True
    closing: bool = True
    norms: bool = True


_EVERYWHERE = Biases()


@dataclass(frozen=True, slots=True)
class Decoder:
    """What the blocks of a decoder have that those of an encoder have not.

    Attributes:
        key_heads: Heads of keys and values in each layer; the heads of the queries share them in groups.
        sizes: Numbers in one head of each layer.
        causal: Whether a token sees only itself and those before it.
        scale: What scores are multiplied with; 0 for one over the root of the head's size.
        attention_bias, output_bias, inner_bias: Whether queries, keys and values, what attention gives, and the
            feed-forward block have biases.
        head_norms: Whether each head of queries and keys is normalised; `value_norms` the same for values.
        post_norms: Whether a block's outcome is normalised before it is added.
        norm_offset: What is added to the weights of a normalisation.
        embedding_scale: What the rows of the table are multiplied with.
        side: Width of what each layer is told of the embeddings, as in EmbeddingGemma 2; 0 without that.
        projected: Width of the states after a last projection; 0 without one.
        media: Tokens that stand for pictures and sounds, read as `media_padding`.
    """

    key_heads: tuple[int, ...] = ()
    sizes: tuple[int, ...] = ()
    causal: bool = True
    scale: float = 0.0
    attention_bias: bool = False
    output_bias: bool = False
    inner_bias: bool = False
    head_norms: bool = False
    value_norms: bool = False
    post_norms: bool = False
    norm_offset: float = 0.0
    embedding_scale: float = 1.0
    side: int = 0
    projected: int = 0
    media: tuple[int, ...] = ()
    media_padding: int = 0


@dataclass(frozen=True, slots=True)
class T5:
    """What sets an encoder of T5's kind apart.

    Attributes:
        size: Numbers in one head, which may be more or less than the heads' share of the width.
        buckets: How many kinds of distances the bias of the attention tells apart, half of them for tokens ahead.
        farthest: The distance from which on all are one kind.
        every_layer: Whether each layer has a bias of its own; else all have that of the first.
        gated: Whether the feed-forward block is gated.
    """

    size: int
    buckets: int
    farthest: int
    every_layer: bool
    gated: bool


_NONE = Decoder()


@dataclass(frozen=True, slots=True)
class Figures:
    """The sizes and constants of a transformer.

    Attributes:
        positions: The longest text in tokens; what the position table holds beyond that is left out.
        activation: Name of the activation between the two halves of a feed-forward block.
        padding_id: Where positions are counted from this id on, as RoBERTa does; None counts from 0.
        token_types: Whether there is a table of token types; every text is of type 0.
        relative_bias: Whether attention scores get a bias by distance, as MPNet's do.
        rotary: How the positions of each layer turn; empty without rotary positions.
        windows: How many tokens to either side each layer looks at, None for all; empty when all do.
        embedding: Width of the tables that tokens are looked up in, where a projection leads from there to the hidden
            states; else 0.
        normed_embeddings: Whether what was looked up is normalised.
        task_types: Whether there is a table of task types; every text is of type 0.
        layer_names: What the tensors of each layer begin with, in the order in which layers run; ALBERT repeats some.
            Empty for BERT's names.
        gated: Whether a second projection of the feed-forward block gates the first.
        biases: Where an encoder with rotary positions has biases.
        decoder: What sets a decoder apart; for others it says nothing.
        t5: What sets an encoder of T5's kind apart; None for others.
        alibi: Whether attention fades with distance, in place of positions.
    """

    hidden: int
    inner: int
    layers: int
    heads: int
    positions: int
    activation: str
    epsilon: float
    padding_id: int | None = None
    token_types: bool = True
    relative_bias: bool = False
    rotary: tuple[Rotary, ...] = ()
    windows: tuple[int | None, ...] = ()
    embedding: int = 0
    normed_embeddings: bool = True
    task_types: bool = False
    layer_names: tuple[str, ...] = ()
    gated: bool = False
    biases: Biases = _EVERYWHERE
    decoder: Decoder = _NONE
    t5: T5 | None = None
    alibi: bool = False

    @property
    def width(self) -> int:
        """Width of the last hidden states."""
        return self.decoder.projected or self.hidden


@dataclass(frozen=True, slots=True)
class Keys:
    """The keys of a configuration for the figures; by default those of BERT."""

    hidden: str = "hidden_size"
    inner: str = "intermediate_size"
    layers: str = "num_hidden_layers"
    heads: str = "num_attention_heads"
    positions: str = "max_position_embeddings"
    activation: str = "hidden_act"
    epsilon: str = "layer_norm_eps"
    padding_id: str = ""


def read_figures(config: Config, keys: Keys, where: str) -> Figures:
    """The figures that every transformer has.

    Args:
        config: With what it may leave out filled in.
        keys: The configuration's key for each figure; the padding id is read only where positions are counted from it.
        where: The file's path, for messages.

    Raises:
        ExportFailed: A figure is missing, not a number, or out of bounds.
    """
    try:
        padding_id = int(config[keys.padding_id]) if keys.padding_id else None
        positions = int(config[keys.positions])
        figures = Figures(
            hidden=int(config[keys.hidden]),
            inner=int(config[keys.inner]),
            layers=int(config[keys.layers]),
            heads=int(config[keys.heads]),
            positions=positions if padding_id is None else positions - padding_id - 1,
            activation=str(config[keys.activation]),
            epsilon=float(config[keys.epsilon]),
            padding_id=padding_id,
        )
    except (KeyError, TypeError, ValueError, OverflowError, AttributeError) as error:
        raise malformed(where, error) from error
    _check_bounds(figures, config, keys, where)
    if config.get("position_embedding_type", "absolute") != "absolute":
        raise ExportFailed(f"{where} asks for {config['position_embedding_type']} positions", WITH_TORCH)
    return figures


def _check_bounds(figures: Figures, config: Config, keys: Keys, where: str) -> None:
    sizes = {
        keys.hidden: figures.hidden,
        keys.inner: figures.inner,
        keys.layers: figures.layers,
        keys.heads: figures.heads,
        keys.positions: figures.positions,
    }
    wrong = next((key for key, size in sizes.items() if not 1 <= size <= 1 << 20), "")
    if (figures.padding_id or 0) < 0:
        wrong = keys.padding_id
    if not 0 < figures.epsilon < math.inf:
        wrong = keys.epsilon
    if wrong:
        raise ExportFailed(f"{where} does not describe a transformer: `{wrong}` is {config[wrong]}", _ELSEWHERE)
    if figures.hidden % figures.heads and not {"head_dim", "d_kv"} & config.keys():
        raise ExportFailed(
            f"{where} does not describe a transformer: `{keys.hidden}` {figures.hidden} is not divided by "
            f"`{keys.heads}` {figures.heads}",
            _ELSEWHERE,
        )


def malformed(where: str, error: Exception) -> ExportFailed:
    """The error for a configuration without a figure, or with one that cannot be read."""
    return ExportFailed(f"{where} lacks a figure or has one that is not a number: {error}", _ELSEWHERE)
