"""Which files of a repository a pull needs, and whether a file on disk is the one that was asked for."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path, PurePosixPath, PureWindowsPath
from types import MappingProxyType

from rekall.errors import PullFailed
from rekall.models.engine.card import TOKENIZER_FILE
from rekall.models.export.shards import INDEX_FILE, WEIGHTS_FILE

MODULES_FILE = "modules.json"
LARGEST_BYTES = 8_000_000_000
"""Weights that are pulled at most: two thousand million numbers in float32, a search's peak of some 2.5 GB in 8 bits."""

_OF_THE_MODEL = (MODULES_FILE, "config_sentence_transformers.json", "README.md", "LICENSE*", "NOTICE*")
_OF_A_MODULE = (
    "config.json",
    "sentence_*_config.json",
    TOKENIZER_FILE,
    "tokenizer_config.json",
    "special_tokens_map.json",
    "added_tokens.json",
    WEIGHTS_FILE,
)
_REQUIRED = {
    "Transformer": ("config.json", WEIGHTS_FILE, TOKENIZER_FILE),
    "StaticEmbedding": (WEIGHTS_FILE, TOKENIZER_FILE),
    "Dense": ("config.json", WEIGHTS_FILE),
    "LayerNorm": ("config.json", WEIGHTS_FILE),
    "Pooling": ("config.json",),
}
"""By kind of module; other kinds have no weights, or the exporter says why it does not support them."""

_CHUNK_BYTES = 1 << 18


@dataclass(frozen=True, slots=True)
class RemoteFile:
    """A file as a repository has it.

    Attributes:
        name: Its path in the repository, with slashes.
        size: In bytes.
        digest: 64 hex digits of SHA-256, or 40 of git's SHA-1 of the blob; empty where it is not known.
    """

    name: str
    size: int
    digest: str


@dataclass(frozen=True, slots=True)
class Listing:
    """What a repository holds at one commit.

    Attributes:
        owner: Who has the files, for messages: the repository, or its copy in the cache.
        commit: 40 hex digits.
        files: By name.
    """

    owner: str
    commit: str
    files: Mapping[str, RemoteFile]


@dataclass(frozen=True, slots=True)
class Module:
    """A part of a sentence-transformers model: the last word of its class, and its folder in the repository."""

    kind: str
    folder: PurePosixPath


LONE_TRANSFORMER = (Module("Transformer", PurePosixPath()),)
"""What a repository without `modules.json` holds; one of model2vec's has the same files."""


def read_modules(data: bytes, owner: str) -> tuple[Module, ...]:
    """The modules that a `modules.json` names.

    Raises:
        PullFailed: It names none, or one outside the repository.
    """
    try:
        entries = [(str(entry["type"]), str(entry.get("path", ""))) for entry in json.loads(data)]
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise PullFailed(f"{MODULES_FILE} of {owner} is not a list of modules", _ASK_THE_AUTHOR) from error
    for _, path in entries:
        if not is_inside(path):
            raise PullFailed(f"{MODULES_FILE} of {owner} points outside the repository: {path!r}", _ASK_THE_AUTHOR)
    return tuple(Module(kind.rpartition(".")[2], PurePosixPath(path)) for kind, path in entries)


def is_inside(path: str) -> bool:
    """Whether a path stays inside its folder, on Windows too."""
    parts = PureWindowsPath(path)
    return not parts.anchor and ".." not in parts.parts


def indexes(listing: Listing, modules: Sequence[Module]) -> dict[PurePosixPath, RemoteFile]:
    """By the folder of a module, the index of its weights where they are in several parts and not in one file."""
    found = {}
    for folder in {module.folder for module in modules}:
        index = listing.files.get(str(folder / INDEX_FILE))
        if index and str(folder / WEIGHTS_FILE) not in listing.files:
            found[folder] = index
    return found


def needed_files(
    listing: Listing, modules: Sequence[Module], parts: Mapping[PurePosixPath, Sequence[str]] = MappingProxyType({})
) -> list[RemoteFile]:
    """Every file an export reads, small ones first and weights last; other formats of the weights are left out.

    Args:
        listing: What the repository holds.
        modules: What its modules.json names.
        parts: By folder, the names of the files that its index of weights names.

    Raises:
        PullFailed: The repository lacks a file that an export needs.
    """
    wanted = {name for name in listing.files if "/" not in name and _matches(name, _OF_THE_MODEL)}
    for module in modules:
        there = {path.name for path in map(PurePosixPath, listing.files) if path.parent == module.folder}
        split = set(parts.get(module.folder, ()))
        for name in _REQUIRED.get(module.kind, ()):
            if name not in there and not (name == WEIGHTS_FILE and split):
                raise _refusal(listing.owner, module, name, there)
        if split - there:
            raise PullFailed(
                f"{listing.owner} has no {sorted(split - there)[0]}, which its index names", _ASK_THE_AUTHOR
            )
        index = {INDEX_FILE} if split else set()
        own = {name for name in there if _matches(name, _OF_A_MODULE)} | split | index
        wanted |= {str(module.folder / name) for name in own} & listing.files.keys()
    return sorted((listing.files[name] for name in wanted), key=lambda file: (is_weights(file), file.size, file.name))


def check_size(owner: str, files: Sequence[RemoteFile]) -> None:
    """Refuse a model that is too large for a tool that runs beside everything else.

    Raises:
        PullFailed: Its weights are larger than `LARGEST_BYTES`.
    """
    size = sum(file.size for file in files if is_weights(file))
    if size > LARGEST_BYTES:
        raise PullFailed(
            f"{owner} has weights of {size / 1e9:.1f} GB, and Rekall pulls models of up to {LARGEST_BYTES / 1e9:.0f} GB",
            "choose a smaller one; `rekall model list` names some",
        )


def is_weights(file: RemoteFile) -> bool:
    """Whether a file is one of the large ones."""
    return file.name.endswith(".safetensors")


def is_whole(path: Path, file: RemoteFile) -> bool:
    """Whether `path` holds `file`, by its size and, where it is known, its hash."""
    if not path.is_file() or path.stat().st_size != file.size:
        return False
    if not file.digest:
        return True
    if len(file.digest) == 40:
        digest = hashlib.sha1(b"blob %d\0" % file.size, usedforsecurity=False)
    else:
        digest = hashlib.sha256()
    with path.open("rb") as stream:
        while chunk := stream.read(_CHUNK_BYTES):
            digest.update(chunk)
    return digest.hexdigest() == file.digest


def _matches(name: str, patterns: Sequence[str]) -> bool:
    return any(fnmatchcase(name, pattern) for pattern in patterns)


_ASK_THE_AUTHOR = "only its author can fix this; an earlier revision may work: `rekall model pull OWNER/NAME@REVISION`"
_SAVE_AGAIN = (
    "load and save it with sentence-transformers on another machine, which writes model.safetensors and "
    "tokenizer.json, then run `rekall model export FOLDER`"
)


def _refusal(owner: str, module: Module, lacking: str, there: set[str]) -> PullFailed:
    """Why a module is not supported, given the names in its folder."""
    place = "" if module.folder == PurePosixPath() else f" in {module.folder}"
    if lacking == WEIGHTS_FILE:
        pickles = sorted(name for name in there if name.endswith((".bin", ".pt", ".pth", ".pkl", ".ckpt")))
        if pickles:
            return PullFailed(
                f"{owner} has its weights only as {pickles[0]}{place}, a pickle, which can run any code when it is opened",
                f"look for a revision with {WEIGHTS_FILE}; or {_SAVE_AGAIN}",
            )
    if lacking == TOKENIZER_FILE:
        return PullFailed(
            f"{owner} has no {TOKENIZER_FILE}{place}; older tokenizer formats are not supported", _SAVE_AGAIN
        )
    return PullFailed(
        f"{owner} has no {lacking}{place}",
        "give a sentence-transformers or model2vec repository with safetensors weights, `rekall model list` names some",
    )
