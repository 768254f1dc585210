"""Which files of a repository a pull needs, and whether a file on disk is the one that was asked for."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path, PurePosixPath, PureWindowsPath

from rekall.errors import PullFailed
from rekall.models.engine.card import TOKENIZER_FILE

MODULES_FILE = "modules.json"
WEIGHTS_FILE = "model.safetensors"

_OF_THE_MODEL = (MODULES_FILE, "config_sentence_transformers.json", "README.md", "LICENSE*", "NOTICE*")
_OF_A_MODULE = ("config.json", "sentence_*_config.json", TOKENIZER_FILE, "tokenizer_config.json", WEIGHTS_FILE)
_REQUIRED = {
    "Transformer": ("config.json", WEIGHTS_FILE, TOKENIZER_FILE),
    "StaticEmbedding": (WEIGHTS_FILE, TOKENIZER_FILE),
    "Dense": ("config.json", WEIGHTS_FILE),
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


def needed_files(listing: Listing, modules: Sequence[Module]) -> list[RemoteFile]:
    """Every file an export reads, small ones first and weights last; other formats of the weights are left out.

    Raises:
        PullFailed: The repository lacks a file that an export needs.
    """
    wanted = {name for name in listing.files if "/" not in name and _matches(name, _OF_THE_MODEL)}
    for module in modules:
        there = {path.name for path in map(PurePosixPath, listing.files) if path.parent == module.folder}
        for name in _REQUIRED.get(module.kind, ()):
            if name not in there:
                raise _refusal(listing.owner, module, name, there)
        wanted |= {str(module.folder / name) for name in there if _matches(name, _OF_A_MODULE)} & listing.files.keys()
    return sorted((listing.files[name] for name in wanted), key=lambda file: (is_weights(file), file.size, file.name))


def is_weights(file: RemoteFile) -> bool:
    """Whether a file is one of the large ones."""
    return PurePosixPath(file.name).name == WEIGHTS_FILE


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
        if f"{WEIGHTS_FILE}.index.json" in there:
            return PullFailed(
                f"{owner} has its weights in several parts{place}: it is far too large for Rekall",
                "choose a smaller one; `rekall model list` names some",
            )
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
