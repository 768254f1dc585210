"""What sets the configurations of BERT's kin apart: narrow tables, layers that run more than once, task types."""

from __future__ import annotations

from dataclasses import replace

from rekall.models.export.figures import Config, Figures, malformed

_MOST_LAYERS = 1 << 10


def electra_figures(figures: Figures, config: Config, where: str) -> Figures:
    """The tables of ELECTRA, which a projection follows only where they are narrower than the hidden states."""
    width = _whole(config, "embedding_size", where)
    return replace(figures, embedding=0 if width == figures.hidden else width)


def rembert_figures(figures: Figures, config: Config, where: str) -> Figures:
    """The tables of RemBERT, which a projection always follows."""
    return replace(figures, embedding=_whole(config, "input_embedding_size", where))


def bare_embeddings(figures: Figures, config: Config, where: str) -> Figures:
    """Megatron-BERT and XLM-RoBERTa-XL do not normalise what they look up."""
    return replace(figures, normed_embeddings=False)


def ernie_figures(figures: Figures, config: Config, where: str) -> Figures:
    """Whether ERNIE has a table of task types."""
    return replace(figures, task_types=bool(config.get("use_task_id")))


def albert_figures(figures: Figures, config: Config, where: str) -> Figures:
    """The tables of ALBERT, and its groups of layers, each of which runs as often as its share of all runs.

    Raises:
        ExportFailed: A number is missing or out of bounds.
    """
    groups, inner = _whole(config, "num_hidden_groups", where), _whole(config, "inner_group_num", where)
    if groups > figures.layers or figures.layers * inner > _MOST_LAYERS:
        raise malformed(where, ValueError(f"{figures.layers} layers in {groups} groups of {inner}"))
    runs = [int(run / (figures.layers / groups)) for run in range(figures.layers)]  # as transformers divides
    names = [f"encoder.albert_layer_groups.{group}.albert_layers.{place}" for group in runs for place in range(inner)]
    return replace(figures, embedding=_whole(config, "embedding_size", where), layer_names=tuple(names))


def _whole(config: Config, key: str, where: str) -> int:
    """A size or count of a configuration."""
    try:
        value = int(config[key])
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        raise malformed(where, error) from error
    if not 1 <= value <= 1 << 20:
        raise malformed(where, ValueError(f"{key} is {value}"))
    return value
