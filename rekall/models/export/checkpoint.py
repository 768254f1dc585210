"""Reads a sentence-transformers or model2vec folder, of either generation of its config schema."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rekall.errors import ExportFailed
from rekall.models.engine.card import TOKENIZER_FILE, Prompts
from rekall.models.export.families import FAMILIES, Family
from rekall.models.export.figures import Figures
from rekall.models.export.modules import STATIC_KIND, WEIGHTS_FILE, Chain, Normalize, read_chain, read_json
from rekall.models.export.options import PLAIN, ExportOptions
from rekall.models.export.prompts import prompts_of
from rekall.models.export.weights import Weights
from rekall.system.files import sha256_of

STATIC = "static"
MODEL2VEC = "model2vec"

LONGEST_TOKENS = 1_024
"""A model that reads more is exported with this limit unless another is given: the memory of attention grows with the
square of the length (50 MB a layer here, 3 GB at 8,192), and a passage of Rekall's has a few hundred tokens."""

UNLIMITED = 1 << 20
"""The limit of a static model that has none; tokenizer_config.json says 1e30."""

_SBERT_CONFIGS = tuple(
    f"sentence_{kind}_config.json"
    for kind in ("bert", "roberta", "distilbert", "camembert", "albert", "xlm-roberta", "xlnet")
)
_FRONT_MATTER = re.compile(r"\A---\n(?P<fields>.*?)^---$", re.DOTALL | re.MULTILINE)
_TRIMMED_BEFORE = (5, 4)  # sentence-transformers trimmed every text until release 5.3


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """What a folder says about its model, weights aside.

    Attributes:
        source: The folder where modules.json is.
        repository: Where the folder came from, "owner/name"; else the folder's name.
        revision: The repository's commit, where it is known.
        architecture: A key of `families.FAMILIES`, "static" or "model2vec"; another one needs torch.
        config: The content of the transformer's `config.json`, empty for a static model.
        figures: The transformer's sizes; None for static models and for architectures that need torch.
        max_tokens: The sequence limit, special tokens included.
        trims: Whether the ends of a text are trimmed before it is tokenised.
        weights_sha256: The identity of the first module's weights.
    """

    source: Path
    repository: str
    revision: str | None
    architecture: str
    config: Mapping[str, Any]
    figures: Figures | None
    max_tokens: int
    trims: bool
    chain: Chain
    prompts: Prompts
    licence: str
    weights_sha256: str

    @property
    def family(self) -> Family | None:
        """How the transformer is built and read; None for static models and for architectures that need torch."""
        return FAMILIES.get(self.architecture)

    @property
    def tokenizer(self) -> Path:
        """The tokenizer file."""
        return self.chain.root / TOKENIZER_FILE

    def open_weights(self) -> Weights:
        """The first module's tensors, by the names the graph builders use.

        Raises:
            ExportFailed: It is not a safetensors file.
        """
        path = self.chain.root / WEIGHTS_FILE
        return Weights(path, self.family.rename, self.family.original) if self.family else Weights(path)


def read_checkpoint(source: Path, options: ExportOptions = PLAIN, *, complete: bool = True) -> Checkpoint:
    """Read a model's folder.

    Args:
        source: Where modules.json, config.json, model.safetensors and tokenizer.json are.
        options: Repository, revision, token limit and prompts are read.
        complete: Whether weights must be there already; without them the rest can be checked before a download.

    Raises:
        ExportFailed: A file is missing or malformed, or the model has a part that is not supported.
    """
    repository = options.repository or source.resolve().name
    settings_path = source / "config_sentence_transformers.json"
    settings = read_json(settings_path) if settings_path.is_file() else {}
    config_path = source / "config.json"
    config = read_json(config_path) if config_path.is_file() else {}
    if _is_model2vec(config):
        architecture, chain = (
            MODEL2VEC,
            Chain(STATIC_KIND, source, (Normalize(),) if config.get("normalize") else ()),
        )
    else:
        chain = read_chain(source, complete=complete)
        config_path = chain.root / "config.json"
        config = read_json(config_path) if chain.kind == "Transformer" and config_path.is_file() else {}
        architecture = str(config.get("model_type", "")) if chain.kind == "Transformer" else STATIC
    _check_files(chain, complete=complete)
    if "auto_map" in config:
        raise ExportFailed(
            f"{config_path} asks for remote code (auto_map), which Rekall never runs",
            "`rekall model list` names models without it",
        )
    prompts = _asked_prompts(prompts_of(settings, repository, str(settings_path)), options)
    if not chain.prompt_pooled and (prompts.query or prompts.document):
        raise ExportFailed(
            f"{source} leaves its prompts out of the pooling (include_prompt), which is not supported",
            "`rekall model list` names models that can be exported",
        )
    family = FAMILIES.get(architecture)
    figures = family.figures(config, str(config_path)) if family else None
    own_limit = _limit(chain, architecture, config, figures)
    return Checkpoint(
        source=source,
        repository=repository,
        revision=options.revision,
        architecture=architecture,
        config=config,
        figures=figures,
        max_tokens=_asked_limit(own_limit, options.max_tokens, chain),
        trims=chain.kind == "Transformer" and _trims(settings),
        chain=chain,
        prompts=prompts,
        licence=_licence(source),
        weights_sha256=sha256_of(chain.root / WEIGHTS_FILE) if complete else "",
    )


def _is_model2vec(config: Mapping[str, Any]) -> bool:
    """Whether a `config.json` is one of model2vec's; since its release 0.10 it names no model type.

    A folder may also carry modules.json, by which sentence-transformers reads the same table. model2vec's own reading
    is what the published figures were measured with: it leaves unknown tokens out.
    """
    return config.get("model_type") == MODEL2VEC or ("model_type" not in config and "normalize" in config)


def _check_files(chain: Chain, *, complete: bool) -> None:
    root = chain.root
    needed = (TOKENIZER_FILE,) + (("config.json",) if chain.kind == "Transformer" else ())
    if complete and not (root / WEIGHTS_FILE).is_file():
        pickled = next((name for name in ("pytorch_model.bin", "model.bin") if (root / name).is_file()), "")
        if pickled:
            raise ExportFailed(
                f"{root} has its weights only as {pickled}; pickled weights can run any code, so Rekall never opens them",
                "look for a revision with model.safetensors",
            )
        needed = (WEIGHTS_FILE, *needed)
    for file in needed:
        if not (root / file).is_file():
            raise ExportFailed(
                f"{root} has no {file}",
                "give a sentence-transformers folder with safetensors weights and a tokenizer.json",
            )


def _limit(chain: Chain, architecture: str, config: Mapping[str, Any], figures: Figures | None) -> int:
    """The model's own sequence limit: sentence-transformers' own, else the tokenizer's, within the position table.

    A static model reads up to what its tokenizer file cuts off, model2vec's up to 512 tokens.
    """
    root = chain.root
    if chain.kind == STATIC_KIND:
        truncation = read_json(root / TOKENIZER_FILE).get("truncation") or {}
        limit = config.get("max_length", 512) if architecture == MODEL2VEC else truncation.get("max_length")
    else:
        sbert: Mapping[str, Any] = next(
            (read_json(root / file) for file in _SBERT_CONFIGS if (root / file).is_file()), {}
        )
        if sbert.get("do_lower_case") and not _lowers(root / TOKENIZER_FILE):
            raise ExportFailed(
                f"{root} lowercases its texts outside the tokenizer (do_lower_case), which is not supported"
            )
        limit = sbert.get("max_seq_length")
        if limit is None and (root / "tokenizer_config.json").is_file():
            limit = read_json(root / "tokenizer_config.json").get("model_max_length")
    if not isinstance(limit, (int, float, type(None))) or (limit is not None and not limit >= 1):
        raise ExportFailed(f"{root} limits its texts to {limit!r} tokens")
    positions = figures.positions if figures else int(config.get("max_position_embeddings") or UNLIMITED)
    return int(min(positions, UNLIMITED if limit is None else limit, UNLIMITED))


def _asked_limit(own: int, asked: int | None, chain: Chain) -> int:
    if asked is None:
        return min(own, LONGEST_TOKENS) if chain.kind == "Transformer" else own
    if not 1 <= asked <= own:
        raise ExportFailed(f"a limit of {asked} tokens is out of bounds", f"this model takes 1 to {own}")
    return asked


def _asked_prompts(own: Prompts, options: ExportOptions) -> Prompts:
    query, document = options.query_prompt, options.document_prompt
    return Prompts(own.query if query is None else query, own.document if document is None else document)


def _lowers(path: Path) -> bool:
    """Whether a tokenizer lowercases its text itself."""
    normalizer = read_json(path).get("normalizer") or {}
    parts = normalizer.get("normalizers") or [normalizer]
    return any(part.get("lowercase") or part.get("type") == "Lowercase" for part in parts)


def _trims(settings: Mapping[str, Any]) -> bool:
    """Whether the release that saved the model trimmed texts; one that is not named is an old one."""
    versions = settings.get("__version__") or {}
    version = str(versions.get("sentence_transformers", "")) if isinstance(versions, dict) else ""
    numbers = [int(part) for part in re.findall(r"\d+", version)[:2]]
    return tuple(numbers) < _TRIMMED_BEFORE


def _licence(folder: Path) -> str:
    """The licence of the model card's front matter, or "unknown"."""
    import yaml

    path = folder / "README.md"
    head = _FRONT_MATTER.match(path.read_text("utf-8", "replace")) if path.is_file() else None
    try:
        fields = yaml.safe_load(head["fields"]) if head else {}
    except yaml.YAMLError:
        fields = {}  # front matter that is not YAML
    licence = str(fields.get("license") or "unknown") if isinstance(fields, dict) else "unknown"
    return {"apache-2.0": "Apache-2.0", "mit": "MIT"}.get(licence, licence)
