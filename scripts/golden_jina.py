"""JinaBERT in torch, for the vectors of its tiny checkpoints: no library has it, its code lies in repositories alone.

Written from the mathematics (Günther et al. 2023; ALiBi by Press et al. 2022) and the names and shapes of the published
tensors. So these vectors prove what two readings of the same sources agree on, not that the sources were read rightly.
"""

from __future__ import annotations

from typing import Any

import torch  # noqa: TID251 - these are the references
import transformers  # noqa: TID251
from torch import nn  # noqa: TID251
from transformers.modeling_outputs import BaseModelOutput  # noqa: TID251


class JinaBertConfig(transformers.BertConfig):  # type: ignore[misc]  # a base without types
    """BERT's, and what it leaves out."""

    feed_forward_type: str = "original"
    position_embedding_type: str = "alibi"
    normed_twice: bool = False


class _Attention(nn.Module):  # type: ignore[misc]  # a base without types
    def __init__(self, config: Any) -> None:
        super().__init__()
        width = config.hidden_size
        self.heads = config.num_attention_heads
        inside = {part: nn.Linear(width, width) for part in ("query", "key", "value")}
        if config.normed_twice:
            inside |= {f"layer_norm_{part}": nn.LayerNorm(width, config.layer_norm_eps) for part in "qk"}
        self.add_module("self", nn.ModuleDict(inside))
        after = {"dense": nn.Linear(width, width), "LayerNorm": nn.LayerNorm(width, config.layer_norm_eps)}
        self.output = nn.ModuleDict(after)

    def forward(self, hidden: Any, mask: Any) -> Any:
        inside = self.get_submodule("self")
        query, key, value = (inside[part](hidden) for part in ("query", "key", "value"))
        if "layer_norm_q" in inside:
            query, key = inside["layer_norm_q"](query), inside["layer_norm_k"](key)
        batch, tokens, width = hidden.shape
        query, key, value = (
            part.view(batch, tokens, self.heads, -1).permute(0, 2, 1, 3) for part in (query, key, value)
        )
        scores = torch.einsum("bhic,bhjc->bhij", query, key) / (width / self.heads) ** 0.5
        place = torch.arange(tokens)
        scores = scores - slopes(self.heads)[:, None, None] * (place[:, None] - place[None]).abs()
        scores = scores.masked_fill(mask[:, None, None, :] == 0, torch.finfo(scores.dtype).min)
        mixed = torch.einsum("bhij,bhjc->bihc", scores.softmax(-1), value).reshape(batch, tokens, width)
        return self.output["LayerNorm"](self.output["dense"](mixed) + hidden)


class _Layer(nn.Module):  # type: ignore[misc]
    def __init__(self, config: Any) -> None:
        super().__init__()
        width, inner, epsilon = config.hidden_size, config.intermediate_size, config.layer_norm_eps
        self.attention = _Attention(config)
        self.act = {"reglu": nn.ReLU(), "geglu": nn.GELU(), "original": nn.GELU()}[config.feed_forward_type]
        self.kind = "code" if config.normed_twice else config.feed_forward_type
        if self.kind == "code":
            self.mlp = nn.ModuleDict(
                {"up_gated_layer": nn.Linear(width, 2 * inner, bias=False), "down_layer": nn.Linear(inner, width)}
            )
            self.layer_norm_1, self.layer_norm_2 = (nn.LayerNorm(width, epsilon) for _ in range(2))
        elif self.kind == "original":
            self.intermediate = nn.ModuleDict({"dense": nn.Linear(width, inner)})
            self.output = nn.ModuleDict({"dense": nn.Linear(inner, width), "LayerNorm": nn.LayerNorm(width, epsilon)})
        else:
            self.mlp = nn.ModuleDict(
                {
                    "gated_layers": nn.Linear(width, 2 * inner, bias=False),
                    "wo": nn.Linear(inner, width),
                    "layernorm": nn.LayerNorm(width, epsilon),
                }
            )

    def forward(self, hidden: Any, mask: Any) -> Any:
        attended = self.attention(hidden, mask)
        if self.kind == "original":
            return self.output["LayerNorm"](
                self.output["dense"](self.act(self.intermediate["dense"](attended))) + attended
            )
        if self.kind == "code":
            attended = self.layer_norm_1(hidden + attended)
            up, gate = self.mlp["up_gated_layer"](attended).chunk(2, -1)
            return self.layer_norm_2(attended + self.mlp["down_layer"](up * self.act(gate)))
        gate, other = self.mlp["gated_layers"](attended).chunk(2, -1)
        return self.mlp["layernorm"](self.mlp["wo"](self.act(gate) * other) + attended)


class JinaBert(transformers.PreTrainedModel):  # type: ignore[misc]  # a base without types
    """The encoder: its parameters have the names that the published files have."""

    config_class = JinaBertConfig

    def __init__(self, config: Any) -> None:
        """Make one with the numbers that torch starts from."""
        super().__init__(config)
        width = config.hidden_size
        self.embeddings = nn.ModuleDict(
            {
                "word_embeddings": nn.Embedding(config.vocab_size, width),
                "token_type_embeddings": nn.Embedding(config.type_vocab_size, width),
                "LayerNorm": nn.LayerNorm(width, config.layer_norm_eps),
            }
        )
        self.encoder = nn.ModuleDict({"layer": nn.ModuleList(_Layer(config) for _ in range(config.num_hidden_layers))})
        self.post_init()

    def forward(self, input_ids: Any, attention_mask: Any, **_: Any) -> Any:
        """From ids and mask (b, t) to hidden states (b, t, h)."""
        embeddings = self.embeddings
        total = embeddings["word_embeddings"](input_ids) + embeddings["token_type_embeddings"].weight[0]
        hidden = embeddings["LayerNorm"](total)
        for layer in self.encoder["layer"]:
            hidden = layer(hidden, attention_mask)
        return BaseModelOutput(last_hidden_state=hidden)


def published(config: dict[str, Any]) -> dict[str, Any]:
    """A configuration as the repositories of these models hold it."""
    code = "jinaai/jina-bert-v2-qk-post-norm" if config.pop("normed_twice") else "jinaai/jina-bert-implementation"
    named = {"AutoConfig": "configuration_bert.JinaBertConfig", "AutoModel": "modeling_bert.JinaBertModel"}
    auto_map = {key: f"{code}--{name}" for key, name in named.items()}
    return {**config, "model_type": "bert", "architectures": ["JinaBertModel"], "auto_map": auto_map}


def slopes(heads: int) -> Any:
    """By how much the scores of each head fall for every token of distance, as ALiBi's own code computes it."""

    def power(count: int) -> list[float]:
        first = 2 ** (-(2 ** -(torch.log2(torch.tensor(float(count))).item() - 3)))
        return [first * first**place for place in range(count)]

    below = 1
    while below * 2 <= heads:
        below *= 2
    return torch.tensor([*power(below), *power(2 * below)[0::2]][:heads])
