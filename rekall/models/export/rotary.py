"""Rotary positions (Su et al. 2021) and windows, for every architecture that has them: nodes, figures, and a reference.

Queries and keys are turned pair by pair, each pair by an angle that grows with the token's position. What is turned may
have fewer heads than the queries, only a share of a head may turn, and the angles may be scaled for longer texts.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from rekall.errors import ExportFailed
from rekall.models.export.figures import WITH_TORCH, Rotary, malformed
from rekall.models.export.graph import FLOAT, MICROSOFT, GraphBuilder
from rekall.models.export.reference import Array64

_OUT_OF_SIGHT = np.float32(-30_000.0)
"""Added to the score of a token outside the window: its exp is 0, and together with the padding's -10,000 it stays
finite."""

_KEYS: Mapping[str, tuple[str, ...]] = {
    "default": (),
    "linear": ("factor",),
    "ntk": ("factor",),
    "dynamic": ("factor", "original_max_position_embeddings"),
    "llama3": ("factor", "low_freq_factor", "high_freq_factor", "original_max_position_embeddings"),
    "yarn": ("factor", "beta_fast", "beta_slow", "original_max_position_embeddings", "attention_factor", "truncate"),
}
"""The kinds of scaling, and what each one reads beside the type, the base and the share.

A dynamic one begins where the configuration's positions end, and no export reads more than these.
"""


def read_rotary(
    parameters: Mapping[str, Any], where: str, *, theta: float, share: float = 1.0, trained: int = 0
) -> Rotary:
    """The rotary positions that a `rope_parameters` or `rope_scaling` asks for.

    Args:
        parameters: Of one kind of layer; empty for plain ones.
        where: The path of the configuration, for messages.
        theta: The base where the parameters name none.
        share: How much of a head turns; the parameters must agree.
        trained: The longest text of the training where the parameters do not say; 0 if nothing else does.

    Raises:
        ExportFailed: Another kind of scaling, a parameter that is not known, or one that is missing or no number.
    """
    given = {key: value for key, value in parameters.items() if value is not None}
    kind = str(given.pop("rope_type", given.pop("type", "default")))
    given.pop("type", None)
    if kind not in _KEYS:
        raise ExportFailed(f"{where} scales its rotary positions by {kind!r}, which is not supported", WITH_TORCH)
    if given.get("partial_rotary_factor") == share:
        given.pop("partial_rotary_factor")
    unknown = given.keys() - {"rope_theta", *_KEYS[kind]}
    if unknown or given.get("truncate", True) is not True:
        names = ", ".join(sorted(unknown or {"truncate"}))
        raise ExportFailed(f"{where} asks for {names} of {kind} rotary positions, which is not supported", WITH_TORCH)
    try:
        factor = 1.0 if kind in ("default", "dynamic") else float(given["factor"])
        slow, fast = {
            "llama3": lambda: (float(given["low_freq_factor"]), float(given["high_freq_factor"])),
            "yarn": lambda: (float(given.get("beta_slow") or 1.0), float(given.get("beta_fast") or 32.0)),
        }.get(kind, lambda: (1.0, 1.0))()
        usual = 0.1 * math.log(factor) + 1.0 if factor > 1.0 else 1.0
        rotary = Rotary(
            theta=float(given.get("rope_theta", theta)),
            share=share,
            scaling="default" if kind == "dynamic" else kind,
            factor=factor,
            slow=slow,
            fast=fast,
            trained=int(given.get("original_max_position_embeddings", trained)) if kind in ("llama3", "yarn") else 0,
            gain=float(given.get("attention_factor", usual)) if kind == "yarn" else 1.0,
        )
    except (KeyError, TypeError, ValueError, OverflowError, AttributeError) as error:
        raise malformed(where, error) from error
    bad = not (1.0 < rotary.theta < math.inf and 0.0 < rotary.share <= 1.0 and 0.0 < factor < math.inf)
    if bad or (rotary.trained < 1 and kind in ("llama3", "yarn")) or (kind == "llama3" and not slow < fast):
        raise ExportFailed(f"{where} does not describe rotary positions: {rotary}", "look for another revision of it")
    return rotary


def rotary_angles(rotary: Rotary, positions: int, size: int) -> npt.NDArray[np.float64]:
    """The angle by which each pair of a head of `size` numbers turns at each position. Returns (positions, pairs)."""
    turning = int(size * rotary.share)
    speeds = rotary.theta ** (-np.arange(0, turning, 2, dtype=np.float64) / turning)
    if rotary.scaling == "linear":
        speeds = speeds / rotary.factor
    elif rotary.scaling == "ntk" and rotary.factor > 1.0:
        stretched = rotary.theta * rotary.factor
        speeds = stretched ** (-np.arange(0, turning, 2, dtype=np.float64) / turning) / rotary.factor ** (2 / turning)
    elif rotary.scaling == "llama3":
        turns = rotary.trained * speeds / (2 * np.pi)  # of a pair, over the texts of the training
        kept = np.clip((turns - rotary.slow) / (rotary.fast - rotary.slow), 0.0, 1.0)
        speeds = speeds * (kept + (1 - kept) / rotary.factor)
    elif rotary.scaling == "yarn":
        pairs = np.log(rotary.trained / (2 * np.pi * np.array([rotary.fast, rotary.slow]))) / np.log(rotary.theta)
        low = max(math.floor(pairs[0] * turning / 2), 0)
        high = min(math.ceil(pairs[1] * turning / 2), turning - 1)
        scaled = np.clip((np.arange(turning // 2) - low) / (high - low or 0.001), 0.0, 1.0)
        speeds = speeds * (1 - scaled + scaled / rotary.factor)
    return np.asarray(np.arange(positions, dtype=np.float64)[:, None] * speeds)


def add_turn(rotary: Rotary, size: int, heads: int, max_tokens: int, graph: GraphBuilder, source: str) -> str:
    """Queries or keys of some heads, (b, t, heads * size), turned by their positions."""
    angles = rotary_angles(rotary, max_tokens, size)
    name = f"rotary.{size}.{rotary.name}"
    cosines = graph.constant(f"{name}.cos", (rotary.gain * np.cos(angles)).astype(np.float32))
    sines = graph.constant(f"{name}.sin", (rotary.gain * np.sin(angles)).astype(np.float32))
    turning = 2 * angles.shape[1]
    partly = {"num_heads": heads, "rotary_embedding_dim": turning} if turning < size else {}
    return graph.node(
        "RotaryEmbedding",
        [source, graph.numbers(0), cosines, sines],
        domain=MICROSOFT,
        interleaved=int(rotary.interleaved),
        **partly,
    )


def add_window_bias(reach: int | None, graph: GraphBuilder, *, causal: bool = False) -> str:
    """What is added to attention scores, (1, 1, t, t): nothing within `reach` tokens to either side, inclusive.

    Where the attention is causal nothing ahead is seen, and None stands for all that came before.
    """

    def make(name: str) -> None:
        offsets = graph.token_offsets()
        unseen = [] if reach is None else [_beyond(graph, graph.node("Abs", [offsets]), reach)]
        unseen += [_beyond(graph, offsets, 0)] if causal else []
        outside = unseen[0] if len(unseen) == 1 else graph.node("Or", unseen)
        bias = graph.node(
            "Mul", [graph.node("Cast", [outside], to=FLOAT), graph.constant("out_of_sight", np.array(_OUT_OF_SIGHT))]
        )
        graph.node("Unsqueeze", [bias, graph.numbers(0, 1)], output=name)

    return graph.once(f"{'causal_' if causal else ''}window_{'all' if reach is None else reach}", make)


def _beyond(graph: GraphBuilder, offsets: str, reach: int) -> str:
    limit = graph.constant(f"reach_{reach}", np.array(reach, dtype=np.int64))
    return graph.node("Greater", [offsets, limit])


# the reference: no code of the graph above


def window(tokens: int, reach: int | None, *, causal: bool = False) -> Array64 | None:
    """What the reference adds to attention scores, (t, t); None where every token sees all."""
    if reach is None and not causal:
        return None
    ahead = np.arange(tokens) - np.arange(tokens)[:, None]
    least, most = -tokens if reach is None else -reach, 0 if causal else reach or 0
    return np.where((ahead < least) | (ahead > most), -np.inf, 0.0)


def turn(source: Array64, heads: int, rotary: Rotary) -> Array64:
    """Rotate each pair of each head by its position's angle, (t, h) to (t, h).

    The pairs are (i, i + half), or neighbours where they are interleaved, of the share of a head that turns.
    """
    tokens, width = source.shape
    size = width // heads
    turning = int(size * rotary.share)
    parts, rest = np.split(source.reshape(tokens, heads, size), [turning], axis=2)
    shape = (tokens, heads, turning // 2, 2) if rotary.interleaved else (tokens, heads, 2, turning // 2)
    pairs = np.moveaxis(parts.reshape(shape), 3 if rotary.interleaved else 2, 0)
    speeds = np.array([_speed(rotary, number, turning) for number in range(turning // 2)])
    turned = (pairs[0] + 1j * pairs[1]) * (rotary.gain * np.exp(1j * np.outer(np.arange(tokens), speeds)))[:, None, :]
    joined = np.stack([turned.real, turned.imag], axis=3 if rotary.interleaved else 2)
    return np.concatenate([joined.reshape(tokens, heads, turning), rest], axis=2).reshape(tokens, width)


def _speed(rotary: Rotary, pair: int, turning: int) -> float:
    """The angle of one pair at position 1."""
    speed = math.pow(rotary.theta, -2 * pair / turning)
    if rotary.scaling == "linear":
        return speed / rotary.factor
    if rotary.scaling == "ntk" and rotary.factor > 1:
        return speed / math.pow(rotary.factor, 2 * (pair + 1) / turning)
    if rotary.scaling == "llama3":
        wavelength = 2 * math.pi / speed
        if wavelength < rotary.trained / rotary.fast:
            return speed
        if wavelength > rotary.trained / rotary.slow:
            return speed / rotary.factor
        smooth = (rotary.trained / wavelength - rotary.slow) / (rotary.fast - rotary.slow)
        return (1 - smooth) * speed / rotary.factor + smooth * speed
    if rotary.scaling == "yarn":
        first, last = (
            turning * math.log(rotary.trained / (turns * 2 * math.pi)) / (2 * math.log(rotary.theta))
            for turns in (rotary.fast, rotary.slow)
        )
        start, end = max(math.floor(first), 0), min(math.ceil(last), turning - 1)
        share = (pair - start) / (end - start) if end != start else float(pair > start)
        return speed * (1 - min(max(share, 0.0), 1.0) * (1 - 1 / rotary.factor))
    return speed
