"""What an architecture is to the exporter: how its files are read, and how it is built and checked."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import astuple, dataclass, field, replace
from typing import Any

from rekall.models.export.config_rules import EVERY_TRANSFORMER, FIGURES
from rekall.models.export.figures import Config, Figures, Keys, read_figures
from rekall.models.export.graph import GraphBuilder
from rekall.models.export.reference import States
from rekall.models.export.rules import Rule, honoured, nothing
from rekall.models.export.weights import Weights


@dataclass(frozen=True, slots=True)
class Family:
    """An architecture: how its configuration and its tensors are read, and how it is built and checked.

    Attributes:
        nodes: Adds the encoder to a graph, given the longest text in tokens. Returns the name of the last hidden
            states, (b, t, h).
        states: The same in plain numpy, from token ids: what an export is measured against.
        prefixes: What may stand before the name of every tensor.
        names: Parts of tensor names, and the part that `nodes` and `states` ask for in its place.
        keys: The configuration's key for each figure.
        defaults: What a configuration may leave out.
        fixed: What the architecture's own code fixes, whatever the configuration says.
        token_types, relative_bias: See `Figures`.
        today: A configuration by the names that the others here go by, from one that may have older ones.
        refine: Adds the figures that this architecture alone has, given the configuration and the file's path.
        remote: Classes of code in repositories (auto_map) that compute what `nodes` does.
        rules: What is done with the keys that this architecture alone has, before `EVERY_TRANSFORMER`.
        spare: Tensors that an embedding never reads, beside the heads that every architecture may have; `*` stands for
            any text.
    """

    nodes: Callable[[Figures, int, Weights, GraphBuilder], str]
    states: Callable[[Figures, Weights, Sequence[Sequence[int]]], States]
    prefixes: tuple[str, ...]
    names: tuple[tuple[str, str], ...] = ()
    keys: Keys = field(default_factory=Keys)
    defaults: Mapping[str, Any] = field(default_factory=dict)
    fixed: Mapping[str, Any] = field(default_factory=dict)
    token_types: bool = True
    relative_bias: bool = False
    today: Callable[[Config], Config] = lambda config: config
    refine: Callable[[Figures, Config, str], Figures] = lambda figures, config, where: figures
    remote: tuple[str, ...] = ()
    rules: tuple[Rule, ...] = ()
    spare: tuple[str, ...] = ()

    @property
    def own_rules(self) -> tuple[Rule, ...]:
        """What is done with the keys of this architecture: what it fixes, its own rules, its figures."""
        fixed = (nothing(*self.fixed, said="the architecture's own code fixes it"),) if self.fixed else ()
        figures = dict.fromkeys(filter(None, astuple(self.keys)))
        return (*fixed, *self.rules, honoured(*figures, said=FIGURES))

    @property
    def every_rule(self) -> tuple[Rule, ...]:
        """The table of this architecture's config.json: the first rule that names a key decides."""
        return (*self.own_rules, *EVERY_TRANSFORMER)

    def figures(self, config: Config, where: str) -> Figures:
        """The figures of a transformer from its configuration.

        Args:
            config: The content of `config.json`.
            where: The file's path, for messages.

        Raises:
            ExportFailed: A figure is missing, not a number, or out of bounds.
        """
        given = {key: value for key, value in self.today(config).items() if value is not None}
        complete = {**self.defaults, **given, **self.fixed}
        figures = read_figures(complete, self.keys, where)
        figures = replace(figures, token_types=self.token_types, relative_bias=self.relative_bias)
        return self.refine(figures, complete, where)

    def rename(self, name: str) -> str:
        """The name by which `nodes` and `states` ask for a tensor of a file."""
        for prefix in self.prefixes:
            name = name.removeprefix(prefix)
        for own, asked in self.names:
            name = name.replace(own, asked)
        return name.replace("LayerNorm.gamma", "LayerNorm.weight").replace("LayerNorm.beta", "LayerNorm.bias")

    def original(self, name: str) -> str:
        """The name that the architecture itself uses, for messages; of several, the first in `names`."""
        owns = {asked: own for own, asked in reversed(self.names)}
        for asked in sorted(owns, key=len, reverse=True):
            name = name.replace(asked, owns[asked])
        return name
