"""Reads a sentence-transformers or model2vec folder, of either generation of its config schema."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rekall.errors import ExportFailed
from rekall.models.engine.card import TOKENIZER_FILE, Prompts
from rekall.models.export.adapters import AdaptedWeights, Adapter, adapter_for
from rekall.models.export.config_rules import MODEL2VEC as MODEL2VEC_CONFIG
from rekall.models.export.families import FAMILIES, architecture_of
from rekall.models.export.family import Family
from rekall.models.export.figures import WITH_TORCH, Figures
from rekall.models.export.file_rules import SETTINGS
from rekall.models.export.kinds import ELSEWHERE, check_config, check_reads_text, check_settings
from rekall.models.export.limits import Reading, asked_limit, read_static, read_transformer, trims
from rekall.models.export.modules import MODULES_FILE, STATIC_KIND, Chain, Normalize, read_chain, read_json
from rekall.models.export.options import PLAIN, ExportOptions
from rekall.models.export.prompts import prompts_of
from rekall.models.export.remote_code import check_remote_code, check_remote_module
from rekall.models.export.rules import KeyCheck
from rekall.models.export.shards import FETCH_LFS, POINTER, WEIGHTS_FILE, identity_of, is_pointer, weight_files
from rekall.models.export.weights import Weights

STATIC = "static"
MODEL2VEC = "model2vec"

SETTINGS_FILE = "config_sentence_transformers.json"
_FRONT_MATTER = re.compile(r"\A---\n(?P<fields>.*?)^---$", re.DOTALL | re.MULTILINE)
_SIMILARITIES = {
    "cosine": "cosine",
    "dot": "dot",
    "dot_score": "dot",
    "euclidean": "euclidean",
    "manhattan": "manhattan",
}
_INSTRUCTOR = r"hkunlp/instructor-(base|large|xl)"
"""Models of which sentence-transformers knows by name that they leave prompts out of the pooling."""

_CACHED = re.compile(r"models--(?P<owner>.+?)--(?P<name>.+)")


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
        lowers: Whether a text is lowercased before the tokenizer sees it.
        weights: The files of the first module's weights; empty before they are fetched.
        weights_sha256: Their identity.
        cut: The leading numbers of a vector that the model itself keeps; None for all.
        similarity: What its vectors are meant to be compared by.
        lone: Whether there is no modules.json, so that the pooling is a guess.
        keys: What was passed over, because somebody vouches for it.
        adapter: What `--task` asks for; None for a model without adapters.
    """

    source: Path
    repository: str
    revision: str | None
    architecture: str
    config: Mapping[str, Any]
    figures: Figures | None
    max_tokens: int
    trims: bool
    lowers: bool
    chain: Chain
    prompts: Prompts
    licence: str
    weights: tuple[Path, ...]
    weights_sha256: str
    cut: int | None
    similarity: str
    lone: bool
    settings: Mapping[str, Any]
    keys: KeyCheck
    adapter: Adapter | None

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
            ExportFailed: A file is not a safetensors file.
        """
        if self.family and self.adapter:
            return AdaptedWeights(self.weights, self.family.rename, self.family.original, self.adapter)
        if self.family:
            return Weights(self.weights, self.family.rename, self.family.original)
        return Weights(self.weights, floats=False)

    def kept(self, width: int, asked: int | None) -> int:
        """How many leading numbers of a vector an export keeps: as many as asked for, else as the model itself keeps.

        Raises:
            ExportFailed: There are fewer than asked for.
        """
        if asked is not None and not 1 <= asked <= width:
            raise ExportFailed(f"the model has {width} dimensions, not {asked}", f"ask for 1 to {width}")
        return asked or min(width, self.cut or width)


def read_checkpoint(source: Path, options: ExportOptions = PLAIN, *, complete: bool = True) -> Checkpoint:
    """Read a model's folder.

    Args:
        source: Where modules.json, config.json, model.safetensors and tokenizer.json are.
        options: Repository, revision, token limit and prompts are read.
        complete: Whether weights must be there already; without them the rest can be checked before a download.

    Raises:
        ExportFailed: A file is missing or malformed, or the model has a part that is not supported.
    """
    repository, revision = _origin(source, options)
    settings_path, config_path = source / SETTINGS_FILE, source / "config.json"
    settings = read_json(settings_path) if settings_path.is_file() else {}
    keys = KeyCheck(options.ignored)
    check_settings(repository, settings)
    keys(settings, SETTINGS, str(settings_path), ELSEWHERE)
    config = read_json(config_path) if config_path.is_file() else {}
    if _is_model2vec(config):
        keys(config, MODEL2VEC_CONFIG, str(config_path), ELSEWHERE)
        architecture, chain = MODEL2VEC, Chain(STATIC_KIND, source, (Normalize(),) if config.get("normalize") else ())
    else:
        chain = read_chain(source, keys, complete=complete)
        config_path = chain.root / "config.json"
        config = read_json(config_path) if chain.kind == "Transformer" and config_path.is_file() else {}
        architecture = architecture_of(config) if chain.kind == "Transformer" else STATIC
    lone = architecture != MODEL2VEC and not (source / MODULES_FILE).is_file()
    weights = weight_files(chain.root) if complete else ()
    if chain.kind == "Transformer":
        check_config(repository, config, lone=lone)
    _check_files(chain, weights, complete=complete)
    family = FAMILIES.get(architecture)
    own = family.remote if family and not options.via_torch else ()
    check_remote_module(chain.remote, own, str(source / MODULES_FILE))
    if not options.via_torch:  # which asks transformers for its own classes
        check_remote_code(config, own, str(config_path), torch_may_help=family is None)
    if family is None:
        check_reads_text(repository, config)
    elif not options.via_torch:
        keys(config, family.every_rule, str(config_path), WITH_TORCH)
    names = (repository, source.resolve().name, options.name)
    adapter = adapter_for(config if family and not options.via_torch else {}, options.task, str(config_path))
    own_prompts = adapter.prompts if adapter else prompts_of(settings, names, str(settings_path))
    prompts = _asked_prompts(own_prompts, options)
    if re.fullmatch(_INSTRUCTOR, repository):
        chain = chain.with_prompts(False)
    if not (prompts.query or prompts.document):
        chain = chain.with_prompts(True)  # there is nothing to leave out
    if not chain.pools_prompt and options.via_torch:
        raise ExportFailed(
            f"{source} leaves its prompts out of the pooling (include_prompt), which `--via torch` cannot do",
            "export it without `--via torch`" if family else ELSEWHERE,
        )
    figures = None
    with contextlib.suppress(ExportFailed) if options.via_torch else contextlib.nullcontext():  # torch needs no figures
        figures = family.figures(config, str(config_path)) if family else None
    if chain.kind == "Transformer":
        reading = read_transformer(chain, repository, config, figures, keys)
    else:
        reading = Reading(read_static(chain, config, model2vec=architecture == MODEL2VEC), lowers=False)
    return Checkpoint(
        source=source,
        repository=repository,
        revision=revision,
        architecture=architecture,
        config=config,
        figures=figures,
        max_tokens=asked_limit(reading.max_tokens, options.max_tokens, chain),
        trims=chain.kind == "Transformer" and trims(settings),
        lowers=reading.lowers,
        chain=chain,
        prompts=prompts,
        licence=_licence(source),
        weights=weights,
        weights_sha256=identity_of(weights),
        cut=_cut(settings, str(settings_path)),
        similarity=_similarity(settings, str(settings_path)),
        lone=lone,
        settings=settings,
        keys=keys,
        adapter=adapter,
    )


def _origin(source: Path, options: ExportOptions) -> tuple[str, str | None]:
    """Repository and revision: as asked, else as the hub client's cache names its folders, else the folder's name."""
    folder = source.resolve()
    cached = _CACHED.fullmatch(folder.parent.parent.name) if folder.parent.name == "snapshots" else None
    if options.repository or not cached:
        return options.repository or folder.name, options.revision
    return f"{cached['owner']}/{cached['name']}", options.revision or folder.name


def _cut(settings: Mapping[str, Any], where: str) -> int | None:
    cut = settings.get("truncate_dim")
    if cut is not None and (not isinstance(cut, int) or isinstance(cut, bool) or cut < 1):
        raise ExportFailed(
            f"{where} has `truncate_dim` {cut!r}, which is no number of dimensions",
            "correct it there, or take it out and give `--dimensions`",
        )
    return cut


def _similarity(settings: Mapping[str, Any], where: str) -> str:
    named = settings.get("similarity_fn_name") or "cosine"
    if not isinstance(named, str) or named not in _SIMILARITIES:
        raise ExportFailed(f"{where} has `similarity_fn_name` {named!r}", f"known: {', '.join(_SIMILARITIES)}")
    return _SIMILARITIES[named]


def _is_model2vec(config: Mapping[str, Any]) -> bool:
    """Whether a `config.json` is one of model2vec's; since its release 0.10 it names no model type.

    A folder may also carry modules.json, by which sentence-transformers reads the same table. model2vec's own reading
    is what the published figures were measured with: it leaves unknown tokens out.
    """
    return config.get("model_type") == MODEL2VEC or ("model_type" not in config and "normalize" in config)


def _check_files(chain: Chain, weights: Sequence[Path], *, complete: bool) -> None:
    root = chain.root
    if complete and not weights:
        pickled = next((name for name in ("pytorch_model.bin", "model.bin") if (root / name).is_file()), "")
        if pickled:
            raise ExportFailed(
                f"{root} has its weights only as {pickled}; pickled weights can run any code, so Rekall never opens them",
                f"look for a revision with {WEIGHTS_FILE}",
            )
        raise _incomplete(root, WEIGHTS_FILE)
    for file in (TOKENIZER_FILE,) + (("config.json",) if chain.kind == "Transformer" else ()):
        if not (root / file).is_file():
            raise _incomplete(root, file)
        if is_pointer(root / file):
            raise ExportFailed(POINTER.format(root / file), FETCH_LFS)


def _incomplete(root: Path, file: str) -> ExportFailed:
    return ExportFailed(
        f"{root} has no {file}", "give a sentence-transformers folder with safetensors weights and a tokenizer.json"
    )


def _asked_prompts(own: Prompts, options: ExportOptions) -> Prompts:
    query, document = options.query_prompt, options.document_prompt
    return Prompts(own.query if query is None else query, own.document if document is None else document)


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
