"""The card of a model folder: what the model is, and the hash of each of its files."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from rekall.errors import ExportFailed, ModelDamaged
from rekall.system.files import crc32_of, sha256_of

CARD_FILE = "model.json"
GRAPH_FILE = "model.onnx"
WEIGHTS_FILE = "model.weights"
TABLE_FILE = "table.npy"
SCALES_FILE = "scales.npy"
ROWS_FILE = "rows.npy"
TOKENIZER_FILE = "tokenizer.json"
PIECES_FILE = "tokenizer.pieces"
PROBES_FILE = "probes.json"
FORMAT = 1
_IN_GRAPHS = (GRAPH_FILE, WEIGHTS_FILE, TOKENIZER_FILE)
_IN_TABLES = (TABLE_FILE, TOKENIZER_FILE)
_ALSO_DECIDING = (SCALES_FILE, ROWS_FILE, PIECES_FILE)
_CARD_LIMIT_BYTES = 1 << 20
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")


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
        level: The mean cosine between its probe texts, which have nothing to do with one another; None in older cards.
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
        return (json.dumps(asdict(self), indent=2, ensure_ascii=False) + "\n").encode()


def read_card(folder: Path) -> ModelCard:
    """Read and check the card of a model folder.

    Raises:
        ModelDamaged: The card is missing, or this Rekall does not understand it.
    """
    path = folder / CARD_FILE
    try:
        if path.stat().st_size > _CARD_LIMIT_BYTES:
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
    files: Mapping[str, FileRecord], prompts: Prompts, max_tokens: int, trims: bool = True, max_characters: int = 0
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
    if not trims or max_characters:  # others keep the fingerprint they had before these two existed
        identity += [trims, max_characters]
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


def check_checksums(folder: Path, card: ModelCard) -> None:
    """Check the bytes of every file against its CRC-32: cheap enough for every load.

    Raises:
        ModelDamaged: A file is missing or damaged; the message names it.
    """
    check_sizes(folder, card)
    for name, record in card.files.items():
        if crc32_of(folder / name) != record.crc32:
            raise ModelDamaged(
                f"{folder / name} is not the file that was exported (its checksum differs)", repair_hint(folder.name)
            )


def check_hashes(folder: Path, card: ModelCard) -> None:
    """Check the bytes of every file against its SHA-256, and the fingerprint against all of them.

    Raises:
        ModelDamaged: A file is missing or altered; the message names it.
    """
    check_sizes(folder, card)
    if card.fingerprint != fingerprint_of(card.files, card.prompts, card.max_tokens, card.trims, card.max_characters):
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
            f"{name!r} cannot be the name of a model", "use letters, digits, dots, dashes and underscores"
        )
    return name


def is_name(name: str) -> bool:
    """Whether a model may have this name."""
    return _NAME.fullmatch(name) is not None


def repair_hint(name: str) -> str:
    """The hint for someone whose model folder is damaged."""
    return f"run `rekall model verify {name}` to see what is wrong; reinstall Rekall, or export the model again with `rekall model export`"


def _parse(raw: Any) -> ModelCard:
    if not isinstance(raw, dict):
        raise ValueError("it is not a JSON object")
    if raw.get("format") != FORMAT:
        raise ValueError(f"its format is {raw.get('format')!r}, this Rekall reads {FORMAT}")
    files = {
        name: FileRecord(str(record["sha256"]), int(record["crc32"]), int(record["size"]))
        for name, record in raw["files"].items()
    }
    for name in files:
        if not is_name(name):
            raise ValueError(f"{name!r} is not a plain file name")
    for name in _IN_TABLES if TABLE_FILE in files else _IN_GRAPHS:
        if name not in files:
            raise ValueError(f"it does not list {name}")
    if not re.fullmatch(r"\d+\.\d+(\.\d+)*", str(raw["minimum_onnxruntime"])):
        raise ValueError(f"minimum_onnxruntime is {raw['minimum_onnxruntime']!r}")
    return ModelCard(
        format=FORMAT,
        name=str(raw["name"]),
        source=Source(**raw["source"]),
        architecture=str(raw["architecture"]),
        dimensions=_positive(raw, "dimensions"),
        max_tokens=_positive(raw, "max_tokens"),
        pooling=str(raw["pooling"]),
        normalize=bool(raw["normalize"]),
        prompts=Prompts(**raw["prompts"]),
        precision=str(raw["precision"]),
        minimum_onnxruntime=str(raw["minimum_onnxruntime"]),
        licence=str(raw["licence"]),
        exporter=int(raw["exporter"]),
        files=files,
        fidelity={name: Fidelity(**figures) for name, figures in raw["fidelity"].items()},
        fingerprint=str(raw["fingerprint"]),
        trims=bool(raw.get("trims", True)),
        max_characters=int(raw.get("max_characters", 0)),
        dense=tuple(str(layer) for layer in raw.get("dense", ())),
        level=None if raw.get("level") is None else float(raw["level"]),
    )


def _positive(raw: Mapping[str, Any], key: str) -> int:
    value = int(raw[key])
    if value <= 0:
        raise ValueError(f"{key} is {value}")
    return value
