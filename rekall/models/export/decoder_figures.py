"""How the configurations of decoders are read: what each of transformers' classes makes of its keys."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import wraps
from typing import Any

from rekall.errors import ExportFailed
from rekall.models.export.figures import WITH_TORCH, Config, Decoder, Figures, Rotary, malformed
from rekall.models.export.rotary import read_rotary

_FULL, _SLIDING = "full_attention", "sliding_attention"
_THETA = 10_000.0  # where a configuration names none
_GEMMA_THETAS = {_FULL: 1_000_000.0, _SLIDING: _THETA}
_TRAINED = ("llama3", "yarn")  # scalings that depend on the longest text of the training
_MEDIA = ("image_token_id", "video_token_id", "audio_token_id")
_LARGEST = 1 << 20
_ODD = (KeyError, TypeError, ValueError, OverflowError, AttributeError, ZeroDivisionError)


def _reading(read: Callable[[Figures, Config, str], Figures]) -> Callable[[Figures, Config, str], Figures]:
    """A reading that refuses a configuration where it finds something of another kind than it looks for."""

    @wraps(read)
    def figures_of(figures: Figures, config: Config, where: str) -> Figures:
        try:
            return read(figures, config, where)
        except _ODD as error:
            raise malformed(where, error) from error

    return figures_of


@_reading
def qwen3_figures(figures: Figures, config: Config, where: str) -> Figures:
    """Qwen 3: heads of their own size, normalised; windows only where they are switched on."""
    biased = bool(config.get("attention_bias"))
    decoder = Decoder(head_norms=True, attention_bias=biased, output_bias=biased)
    return _alike(figures, config, where, decoder, _qwen_windows(figures, config, where))


@_reading
def qwen2_figures(figures: Figures, config: Config, where: str) -> Figures:
    """Qwen 2: biases on queries, keys and values, and nowhere else."""
    return _alike(figures, config, where, Decoder(attention_bias=True), _qwen_windows(figures, config, where))


@_reading
def llama_figures(figures: Figures, config: Config, where: str) -> Figures:
    """Llama: every layer sees all."""
    biased = bool(config.get("attention_bias"))
    decoder = Decoder(attention_bias=biased, output_bias=biased, inner_bias=bool(config.get("mlp_bias")))
    return _alike(figures, config, where, decoder, [None] * figures.layers)


@_reading
def eurobert_figures(figures: Figures, config: Config, where: str) -> Figures:
    """EuroBERT: Llama in both directions."""
    return llama_figures(figures, {**config, "is_causal": False}, where)


@_reading
def mistral_figures(figures: Figures, config: Config, where: str) -> Figures:
    """Mistral: no biases, and one window for all layers."""
    window = _window(config, where) if "sliding_window" in config else None
    return _alike(figures, config, where, Decoder(), [window] * figures.layers)


@_reading
def gemma3_figures(figures: Figures, config: Config, where: str) -> Figures:
    """Gemma 3's text part, in one direction or, as EmbeddingGemma is, in both."""
    if config.get("attn_logit_softcapping") is not None:
        raise ExportFailed(f"{where} caps its attention scores (attn_logit_softcapping)", WITH_TORCH)
    kinds, window = _kinds(figures, config, where), _window(config, where)
    both, biased = bool(config.get("use_bidirectional_attention")), bool(config.get("attention_bias"))
    decoder = Decoder(
        scale=1.0 / math.sqrt(config["query_pre_attn_scalar"]),
        head_norms=True,
        post_norms=True,
        norm_offset=1.0,
        embedding_scale=figures.hidden**0.5,
        attention_bias=biased,
        output_bias=biased,
    )
    if both:  # given is what is seen to both sides together; transformers widens it where both flags say so
        window = window // 2 + (not config.get("is_causal", True))
        config = {**config, "is_causal": False}
    figures = _alike(figures, config, where, decoder, [window if kind == _SLIDING else None for kind in kinds], {})
    return replace(figures, rotary=_by_kind(_gemma_rotary(config, where), kinds, config, where))


@_reading
def gemma_embedding_figures(figures: Figures, config: Config, where: str) -> Figures:
    """EmbeddingGemma 2's text part: Gemma 3's blocks in both directions, a third one, and wide heads in full layers."""
    kinds = [*_kinds(figures, config, where)[:-1], _FULL]
    window, biased = _window(config, where), bool(config.get("attention_bias"))
    wide = {"head_dim": config["global_head_dim"], "num_key_value_heads": config["num_global_key_value_heads"]}
    apart = {int(layer): own for layer, own in (config.get("per_layer_config") or {}).items()}
    if not apart:
        apart = {number: wide for number, kind in enumerate(kinds) if kind == _FULL}
    own = [{**config, **apart.get(number, {})} for number in range(figures.layers)]
    decoder = Decoder(
        key_heads=tuple(int(layer["num_key_value_heads"]) for layer in own),
        sizes=tuple(int(layer["head_dim"]) for layer in own),
        causal=False,
        scale=1.0,
        attention_bias=biased,
        output_bias=biased,
        head_norms=True,
        value_norms=True,
        post_norms=True,
        embedding_scale=figures.hidden**0.5,
        side=int(config["hidden_size_per_layer_input"]),
        projected=int(config["embedding_dim"]),
        media=tuple(int(config[key]) for key in _MEDIA if key in config),
        media_padding=int(config["pad_token_id"]),
    )
    if unknown := {key for layer in apart.values() for key in layer} - wide.keys():
        raise ExportFailed(f"{where} sets layers apart by {', '.join(sorted(unknown))}", WITH_TORCH)
    asked = {kind: {"rope_theta": theta} for kind, theta in _GEMMA_THETAS.items()}
    rotary = _by_kind(config.get("rope_parameters") or asked, kinds, config, where)
    windows = tuple(window if kind == _SLIDING else None for kind in kinds)
    return _checked(replace(figures, decoder=decoder, windows=windows, rotary=rotary), where)


def _alike(
    figures: Figures,
    config: Config,
    where: str,
    decoder: Decoder,
    windows: Sequence[int | None],
    positions: Mapping[str, Any] | None = None,
) -> Figures:
    """Figures where all layers have the same heads.

    Args:
        figures: Those that every transformer has.
        config: The content of `config.json`, with what it may leave out.
        where: The file's path, for messages.
        decoder: What the architecture fixes.
        windows: How many tokens each layer sees, in one direction with the token itself; None for all.
        positions: The parameters of rotary positions; None for those that the configuration names.
    """
    causal = bool(config.get("is_causal", True))
    size = int(config.get("head_dim", figures.hidden // figures.heads))
    key_heads = int(config.get("num_key_value_heads", figures.heads))
    theta = float(config.get("rope_theta", _THETA))
    if positions is None:
        positions = config.get("rope_scaling") or config.get("rope_parameters") or {}
    rotary = _rotary(positions, config, where, theta)
    layers = figures.layers
    decoder = replace(decoder, causal=causal, key_heads=(key_heads,) * layers, sizes=(size,) * layers)
    reaches = tuple(None if window is None else window - causal for window in windows)
    return _checked(replace(figures, decoder=decoder, rotary=(rotary,) * layers, windows=reaches), where)


def _checked(figures: Figures, where: str) -> Figures:
    """The figures, where heads and widths fit together."""
    decoder = figures.decoder
    sizes = (*decoder.sizes, *decoder.key_heads, decoder.side + 1, decoder.projected + 1)
    reaches = [reach for reach in figures.windows if reach is not None]
    unfit = any(size % 2 for size in decoder.sizes) or any(figures.heads % (keys or 1) for keys in decoder.key_heads)
    bounds = min(sizes) >= 1 and max(sizes) <= _LARGEST and min(reaches, default=0) >= 0
    if unfit or not bounds or not 0.0 <= decoder.scale < math.inf:
        heads, keys = sorted({*decoder.sizes}), sorted({*decoder.key_heads})
        raise ExportFailed(
            f"{where} does not describe a decoder: {figures.heads} heads of {heads} numbers on {keys} of keys, "
            f"windows of {sorted({*reaches})}, scores times {decoder.scale:g}, {decoder.side} told, {decoder.projected} given",
            "fetch the model again, or look for another revision of it",
        )
    return figures


def _qwen_windows(figures: Figures, config: Config, where: str) -> list[int | None]:
    """The windows of Qwen: none, or one that layers from `max_window_layers` on have."""
    if not config.get("use_sliding_window"):
        if _SLIDING in (config.get("layer_types") or ()):
            raise ExportFailed(f"{where} has layers with a window and no use_sliding_window", WITH_TORCH)
        return [None] * figures.layers
    window = _window(config, where)
    if config.get("layer_types"):
        return [window if kind == _SLIDING else None for kind in _kinds(figures, config, where)]
    first = _whole(config, "max_window_layers", where, least=0)
    return [window if number >= first else None for number in range(figures.layers)]


def _kinds(figures: Figures, config: Config, where: str) -> list[str]:
    """What each layer sees: listed, or all in every sixth."""
    every = _whole(config, "sliding_window_pattern", where) if "sliding_window_pattern" in config else 6
    kinds = config.get("layer_types") or [
        _SLIDING if number % every else _FULL for number in range(1, figures.layers + 1)
    ]
    if not isinstance(kinds, list) or len(kinds) != figures.layers or not set(kinds) <= {_FULL, _SLIDING}:
        raise ExportFailed(f"{where} asks for layers of another kind: {kinds}", WITH_TORCH)
    return kinds


def _window(config: Config, where: str) -> int:
    return _whole(config, "sliding_window", where)


def _whole(config: Config, key: str, where: str, least: int = 1) -> int:
    """A figure that has a least value."""
    value = config.get(key)
    if not isinstance(value, int) or isinstance(value, bool) or value < least:
        raise malformed(where, ValueError(f"{key} is {value!r}"))
    return value


def _gemma_rotary(config: Config, where: str) -> Mapping[str, Mapping[str, Any]]:
    """The parameters of each kind of layer: newer files hold them by kind, older ones in keys of their own."""
    named: Mapping[str, Any] = config.get("rope_parameters") or {}
    if not set(named) <= {_FULL, _SLIDING}:
        raise ExportFailed(f"{where} asks for rotary positions of other layers: {', '.join(sorted(named))}", WITH_TORCH)
    full = {"rope_theta": config.get("rope_theta"), **(named.get(_FULL) or {}), **(config.get("rope_scaling") or {})}
    return {_FULL: full, _SLIDING: {"rope_theta": config.get("rope_local_base_freq"), **(named.get(_SLIDING) or {})}}


def _by_kind(
    asked: Mapping[str, Mapping[str, Any]], kinds: Sequence[str], config: Config, where: str
) -> tuple[Rotary, ...]:
    """How the positions of each layer turn, by its kind."""
    turns = {
        kind: _rotary(asked.get(kind) or {}, config, where, theta)
        for kind, theta in _GEMMA_THETAS.items()
        if kind in kinds
    }
    return tuple(turns[kind] for kind in kinds)


def _rotary(parameters: Mapping[str, Any], config: Config, where: str, theta: float) -> Rotary:
    """One kind of rotary positions. `dynamic` ones change only beyond the position table, where no text reaches."""
    if not isinstance(parameters, dict):
        raise malformed(where, TypeError("rotary positions are not an object"))
    given = dict(parameters)
    kind = given.get("rope_type") or given.get("type") or "default"
    if kind == "dynamic":
        given = {"rope_theta": given.get("rope_theta")}
    if kind in _TRAINED:
        own = given.get("original_max_position_embeddings") or config.get("max_position_embeddings")
        given["original_max_position_embeddings"] = config.get("original_max_position_embeddings") or own
    rotary = read_rotary(given, where, theta=theta)
    if rotary.share != 1.0 or rotary.scaling == "ntk":
        raise ExportFailed(f"{where} turns its positions in another way: {rotary}", WITH_TORCH)
    return rotary
