"""What a decoder should give, in plain numpy: no code of the graph in `decoder`."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from rekall.models.export.activations import ACTIVATIONS
from rekall.models.export.figures import Figures
from rekall.models.export.reference import Array64, States, project, sums, table_rows, wide
from rekall.models.export.rotary import turn, window
from rekall.models.export.weights import Weights


def decoder_states(figures: Figures, weights: Weights, ids: Sequence[Sequence[int]]) -> States:
    """What the nodes should give: the last hidden states of each text, and at the end their projection."""
    decoder = figures.decoder
    known = [[decoder.media_padding if token in decoder.media else token for token in text] for text in ids]
    embedded = [rows * decoder.embedding_scale for rows in table_rows(weights, "embed_tokens.weight", figures, known)]
    states = embedded
    for number in range(figures.layers):
        states = _block(figures, weights, states, number)
        if decoder.side:
            states = _mixed(figures, weights, states, embedded, number)
    states = _normed(figures, weights, states, "norm")
    return project(states, weights, "embedding_projection") if decoder.projected else states


def _block(figures: Figures, weights: Weights, states: States, number: int) -> States:
    name = f"layers.{number}"
    attended = _attended(figures, weights, _normed(figures, weights, states, f"{name}.input_layernorm"), number)
    if figures.decoder.post_norms:
        states = sums(states, _normed(figures, weights, attended, f"{name}.post_attention_layernorm"))
        fed = _fed(figures, weights, _normed(figures, weights, states, f"{name}.pre_feedforward_layernorm"), name)
        return sums(states, _normed(figures, weights, fed, f"{name}.post_feedforward_layernorm"))
    states = sums(states, attended)
    return sums(
        states, _fed(figures, weights, _normed(figures, weights, states, f"{name}.post_attention_layernorm"), name)
    )


def _attended(figures: Figures, weights: Weights, states: States, number: int) -> States:
    decoder, name = figures.decoder, f"layers.{number}.self_attn"
    size, rotary = decoder.sizes[number], figures.rotary[number]
    query, key, value = (
        _linear(weights, states, f"{name}.{part}_proj", decoder.attention_bias) for part in ("q", "k", "v")
    )
    if decoder.head_norms:
        query, key = (
            [
                _rms(rows.reshape(len(rows), -1, size), figures) * _factors(figures, weights, f"{name}.{part}_norm")
                for rows in given
            ]
            for part, given in (("q", query), ("k", key))
        )
    results = []
    for rows, keys, values in zip(query, key, value):
        tokens = len(rows)
        rows, keys = (
            turn(part.reshape(tokens, -1), part.size // tokens // size, rotary).reshape(tokens, -1, size)
            for part in (rows, keys)
        )
        values = values.reshape(tokens, -1, size)
        if decoder.value_norms:
            values = _rms(values, figures)
        shared = [part.repeat(figures.heads // decoder.key_heads[number], axis=1) for part in (keys, values)]
        scores = np.einsum("qhd,khd->hqk", rows, shared[0]) * (decoder.scale or 1.0 / np.sqrt(size))
        unseen = window(tokens, figures.windows[number], causal=decoder.causal)
        shares = np.exp(_below_zero(scores if unseen is None else scores + unseen))
        shares /= shares.sum(axis=2, keepdims=True)
        results.append(np.einsum("hqk,khd->qhd", shares, shared[1]).reshape(tokens, -1))
    return _linear(weights, results, f"{name}.o_proj", decoder.output_bias)


def _below_zero(scores: Array64) -> Array64:
    return np.asarray(scores - scores.max(axis=2, keepdims=True))


def _fed(figures: Figures, weights: Weights, states: States, layer: str) -> States:
    biased = figures.decoder.inner_bias
    gates, ups = (_linear(weights, states, f"{layer}.mlp.{part}_proj", biased) for part in ("gate", "up"))
    active = ACTIVATIONS[figures.activation].values
    return _linear(weights, [active(gate) * up for gate, up in zip(gates, ups)], f"{layer}.mlp.down_proj", biased)


def _mixed(figures: Figures, weights: Weights, states: States, embedded: States, number: int) -> States:
    """EmbeddingGemma 2's third block and the scale after it."""
    name, side = f"layers.{number}", figures.decoder.side
    rows = wide(weights, "ple.per_layer_model_projection.weight", -1, figures.hidden)[
        number * side : (number + 1) * side
    ]
    told = [_rms(text @ rows.T / np.sqrt(figures.hidden), figures) for text in embedded]
    told = [text * _factors(figures, weights, "ple.per_layer_projection_norm") for text in told]
    gates = project(states, weights, f"{name}.ple_block.per_layer_input_gate")
    active: Callable[[Array64], Array64] = ACTIVATIONS[figures.activation].values
    joined = [active(gate) * text for gate, text in zip(gates, told)]
    mixed = project(joined, weights, f"{name}.ple_block.per_layer_projection")
    states = sums(states, _normed(figures, weights, mixed, f"{name}.ple_block.post_per_layer_input_norm"))
    scale = wide(weights, f"{name}.layer_scalar", 1)
    return [state * scale for state in states]


def _linear(weights: Weights, states: States, name: str, biased: bool) -> States:
    matrix = wide(weights, f"{name}.weight", -1, -1).T
    shift = wide(weights, f"{name}.bias", -1) if biased else 0.0
    return [np.asarray(state @ matrix + shift) for state in states]


def _normed(figures: Figures, weights: Weights, states: States, name: str) -> States:
    factors = _factors(figures, weights, name)
    return [_rms(state, figures) * factors for state in states]


def _factors(figures: Figures, weights: Weights, name: str) -> Array64:
    return figures.decoder.norm_offset + wide(weights, f"{name}.weight", -1)


def _rms(numbers: Array64, figures: Figures) -> Array64:
    return np.asarray(numbers / np.sqrt(np.mean(numbers**2, axis=-1, keepdims=True) + figures.epsilon))
