"""The card of a model folder: what the model is, and the hash of each of its files."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from rekall.errors import ExportFailed, ModelDamaged
from rekall.models.engine.card_values import (
    as_line,
    few,
    line,
    matching,
    number,
    prompt,
    shown,
    table,
    whole,
    yes_or_no,
)
from rekall.system.files import crc32_of, sha256_of

CARD_FILE = "model.json"
GRAPH_FILE = "model.onnx"
WEIGHTS_FILE = "model.weights"
INTEGER_GRAPH_FILE = "integer.onnx"
INTEGER_WEIGHTS_FILE = "integer.weights"
INTEGER_FILES = (INTEGER_GRAPH_FILE, INTEGER_WEIGHTS_FILE)
TABLE_FILE = "table.npy"
SCALES_FILE = "scales.npy"
ROWS_FILE = "rows.npy"
TOKENIZER_FILE = "tokenizer.json"
PIECES_FILE = "tokenizer.pieces"
PROBES_FILE = "probes.json"
REFERENCES_FILE = "references.json"
FORMAT = 1
_IN_GRAPHS = (GRAPH_FILE, WEIGHTS_FILE, TOKENIZER_FILE)
_IN_TABLES = (TABLE_FILE, TOKENIZER_FILE)
_ALSO_DECIDING = (SCALES_FILE, ROWS_FILE, PIECES_FILE)
CARD_LIMIT_BYTES = 1 << 20
_MOST_FILES = 64
_MOST_DIMENSIONS = 1 << 16

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
_SHA256 = re.compile(r"[0-9a-f]{64}")
_FINGERPRINT = re.compile(r"[0-9a-f]{16}")
_VERSION = re.compile(r"[0-9]{1,6}\.[0-9]{1,6}(\.[0-9]{1,6})*")


@dataclass(frozen=True, slots=True)
class FileRecord:
    """The identity of one file of a model folder."""

    sha256: str
    crc32: int
    size: int

    @classmethod
    def of(cls, path: Path) -> FileRecord:
        """The identity of a file as it is."""
        return cls(sha256_of(path), crc32_of(path), path.stat().st_size)


@dataclass(frozen=True, slots=True)
class Source:
    """Where the weights came from."""

    name: str
    sha256: str
    revision: str | None


@dataclass(frozen=True, slots=True)
class Prompts:
    """Text put before a query or a document, empty for most models."""

    query: str
    document: str


@dataclass(frozen=True, slots=True)
class Fidelity:
    """How close a model's vectors come to known ones: cosines over some texts.

    A card has them to its source, rounded down to steps of 0.0005, which keep the card the same on every processor;
    `rekall model verify` gives exact figures.
    """

    texts: int
    min_cosine: float
    mean_cosine: float


@dataclass(frozen=True, slots=True)
class ModelCard:
    """All one needs to know of a model folder before opening it.

    Attributes:
        source: Where the weights came from.
        max_tokens: The sequence limit, special tokens included.
        pooling: The modes, joined with + where there are several.
        normalize: Whether the source scales its vectors to unit length; Rekall always does.
        fingerprint: The name of the vector space; see `fingerprint_of`.
        trims: Whether the ends of a text are trimmed before it is tokenised.
        max_characters: Where a text is cut before it is tokenised; 0 for never.
        dense: The dense layers after the pooling, in words.
        pools_prompt: Whether the pooling includes the tokens of a prompt.
        similarity: What its vectors are meant to be compared by; Rekall compares by cosine.
        unread: Keys and tensors of the source that were passed over because somebody vouched for them.
        level: The mean cosine between its probe texts, which have nothing to do with one another; None in older cards.
        integers: How close its graph of bytes comes to its probes; None without one.
    """

    format: int
    name: str
    source: Source
    architecture: str
    dimensions: int
    max_tokens: int
    pooling: str
    normalize: bool
    prompts: Prompts
    precision: str
    minimum_onnxruntime: str
    licence: str
    exporter: int
    files: Mapping[str, FileRecord]
    fidelity: Mapping[str, Fidelity]
    fingerprint: str
    trims: bool = True
    max_characters: int = 0
    dense: tuple[str, ...] = ()
    level: float | None = None
    similarity: str = "cosine"
    unread: tuple[str, ...] = ()
    pools_prompt: bool = True
    integers: Fidelity | None = None

    @property
    def is_static(self) -> bool:
        """Whether the model is a table of token vectors, which needs no ONNX Runtime."""
        return TABLE_FILE in self.files

    @property
    def size(self) -> int:
        """Bytes of all files together."""
        return sum(record.size for record in self.files.values())

    def to_json(self) -> bytes:
        """The card as `model.json` holds it; the same card gives the same bytes."""
        shown = {key: value for key, value in asdict(self).items() if _LATER.get(key) != value}
        return (json.dumps(shown, indent=2, ensure_ascii=False) + "\n").encode()


_LATER = {"similarity": "cosine", "unread": (), "pools_prompt": True}
"""What a card leaves unsaid: cards from before these existed stay as they are."""


def read_card(folder: Path) -> ModelCard:
    """Read and check the card of a model folder.

    Raises:
        ModelDamaged: The card is missing, or this Rekall does not understand it.
    """
    path = folder / CARD_FILE
    try:
        if path.stat().st_size > CARD_LIMIT_BYTES:
            raise ModelDamaged(f"{path} is too large to be a model card", repair_hint(folder.name))
        raw = json.loads(path.read_bytes())
        return _parse(raw)
    except OSError as error:
        raise ModelDamaged(f"cannot read the model card {path}: {error.strerror}", repair_hint(folder.name)) from error
    except (ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError) as error:
        raise ModelDamaged(
            f"{path} is not a model card Rekall understands: {error}", repair_hint(folder.name)
        ) from error


def fingerprint_of(
    files: Mapping[str, FileRecord],
    prompts: Prompts,
    max_tokens: int,
    trims: bool = True,
    max_characters: int = 0,
    pools_prompt: bool = True,
) -> str:
    """Sixteen hex digits that change when the vectors of the same text may change.

    Covers the bytes of graph or table, weights and tokenizer, the prompts, and how texts are cut; pooling,
    normalisation and precision are inside the graph.
    """
    import hashlib

    deciding = (
        *(_IN_TABLES if TABLE_FILE in files else _IN_GRAPHS),
        *(name for name in _ALSO_DECIDING if name in files),
    )
    identity: list[object] = [[files[name].sha256 for name in deciding], prompts.query, prompts.document, max_tokens]
    if not trims or max_characters or not pools_prompt:  # others keep the fingerprint from before these existed
        identity += [trims, max_characters]
    if not pools_prompt:
        identity.append("pools no prompt")
    return hashlib.sha256(json.dumps(identity).encode()).hexdigest()[:16]


def check_sizes(folder: Path, card: ModelCard) -> None:
    """Check that every file of the card is there, with its size.

    Raises:
        ModelDamaged: A file is missing or has another size; the message names it.
    """
    for name, record in card.files.items():
        path = folder / name
        try:
            size = path.stat().st_size
        except OSError as error:
            raise ModelDamaged(f"{path} is missing from the model", repair_hint(folder.name)) from error
        if size != record.size:
            raise ModelDamaged(f"{path} has {size:,} bytes instead of {record.size:,}", repair_hint(folder.name))


def check_checksums(folder: Path, card: ModelCard, unused: Collection[str] = ()) -> None:
    """Check the bytes of every file but the unused ones against its CRC-32: cheap enough for every load.

    Raises:
        ModelDamaged: A file is missing or damaged; the message names it.
    """
    check_sizes(folder, card)
    for name, record in card.files.items():
        if name not in unused and crc32_of(folder / name) != record.crc32:
            raise ModelDamaged(
                f"{folder / name} is not the file that was exported (its checksum differs)", repair_hint(folder.name)
            )


def check_hashes(folder: Path, card: ModelCard) -> None:
    """Check the bytes of every file against its SHA-256, and the fingerprint against all of them.

    Raises:
        ModelDamaged: A file is missing or altered; the message names it.
    """
    check_sizes(folder, card)
    known = (card.prompts, card.max_tokens, card.trims, card.max_characters, card.pools_prompt)
    if card.fingerprint != fingerprint_of(card.files, *known):
        raise ModelDamaged(
            f"{folder / CARD_FILE} was altered: its fingerprint does not match", repair_hint(folder.name)
        )
    for name, record in card.files.items():
        if sha256_of(folder / name) != record.sha256:
            raise ModelDamaged(
                f"{folder / name} is not the file that was exported (its hash differs)", repair_hint(folder.name)
            )


def checked_name(name: str) -> str:
    """The name of a model, which is also that of its folder.

    Raises:
        ExportFailed: It holds anything but letters, digits, dots, dashes and underscores.
    """
    if not is_name(name):
        raise ExportFailed(
            f"{name!r} cannot be the name of a model",
            "give one of letters, digits, dots, dashes and underscores with `--name`",
        )
    return name


def is_name(name: str) -> bool:
    """Whether a model may have this name."""
    return _NAME.fullmatch(name) is not None


def repair_hint(name: str) -> str:
    """The hint for someone whose model folder is damaged."""
    return f"run `rekall model verify {name}` to see what is wrong; reinstall Rekall, or export the model again with `rekall model export`"


def _parse(raw: Any) -> ModelCard:
    """The card in what `model.json` holds. Raises ValueError, KeyError or TypeError for anything else."""
    raw = table(raw, "the card")
    if raw.get("format") != FORMAT:
        raise ValueError(f"its format is {shown(raw.get('format'))}, this Rekall reads {FORMAT}")
    files = {_file_name(name): _record(record) for name, record in table(raw["files"], "files").items()}
    if len(files) > _MOST_FILES:
        raise ValueError(f"it lists {len(files)} files")
    for name in _IN_TABLES if TABLE_FILE in files else _IN_GRAPHS:
        if name not in files:
            raise ValueError(f"it does not list {name}")
    source, prompts = table(raw["source"], "source"), table(raw["prompts"], "prompts")
    revision = source["revision"]
    return ModelCard(
        format=FORMAT,
        name=line(raw["name"], "name"),
        source=Source(
            line(source["name"], "source.name"),
            matching(_SHA256, source["sha256"], "source.sha256"),
            None if revision is None else line(revision, "source.revision"),
        ),
        architecture=line(raw["architecture"], "architecture"),
        dimensions=whole(raw["dimensions"], "dimensions", 1, _MOST_DIMENSIONS),
        max_tokens=whole(raw["max_tokens"], "max_tokens", 1),
        pooling=line(raw["pooling"], "pooling"),
        normalize=yes_or_no(raw["normalize"], "normalize"),
        prompts=Prompts(prompt(prompts["query"], "prompts.query"), prompt(prompts["document"], "prompts.document")),
        precision=line(raw["precision"], "precision"),
        minimum_onnxruntime=matching(_VERSION, raw["minimum_onnxruntime"], "minimum_onnxruntime"),
        licence=line(raw["licence"], "licence"),
        exporter=whole(raw["exporter"], "exporter"),
        files=files,
        fidelity=dict(map(_fidelity, few(list(table(raw["fidelity"], "fidelity").items()), "fidelity"))),
        fingerprint=matching(_FINGERPRINT, raw["fingerprint"], "fingerprint"),
        trims=yes_or_no(raw.get("trims", True), "trims"),
        max_characters=whole(raw.get("max_characters", 0), "max_characters"),
        dense=tuple(line(layer, "dense") for layer in few(raw.get("dense", []), "dense")),
        level=None if raw.get("level") is None else number(raw["level"], "level", -1.0, 1.0),
        similarity=line(raw.get("similarity", "cosine"), "similarity"),
        unread=tuple(line(name, "unread") for name in few(raw.get("unread", []), "unread")),
        pools_prompt=yes_or_no(raw.get("pools_prompt", True), "pools_prompt"),
        integers=None if raw.get("integers") is None else _fidelity(("integers", raw["integers"]))[1],
    )


def _record(raw: Any) -> FileRecord:
    raw = table(raw, "a file")
    return FileRecord(
        matching(_SHA256, raw["sha256"], "sha256"),
        whole(raw["crc32"], "crc32", most=0xFFFFFFFF),
        whole(raw["size"], "size"),
    )


def _fidelity(item: tuple[str, Any]) -> tuple[str, Fidelity]:
    kind, raw = item[0], table(item[1], "fidelity")
    least, mean = (number(raw[key], key, -1.001, 1.001) for key in ("min_cosine", "mean_cosine"))
    return as_line(kind), Fidelity(whole(raw["texts"], "texts"), least, mean)


def _file_name(name: str) -> str:
    if not is_name(name):
        raise ValueError(f"{shown(name)} is not a plain file name")
    return name
