"""How a transformer's texts are cut and read: sentence_bert_config.json, the tokenizer's limits, and old habits."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rekall.errors import ExportFailed
from rekall.models.engine.card import TOKENIZER_FILE
from rekall.models.export.figures import Figures
from rekall.models.export.file_rules import TOKENIZER, TOKENIZER_LIMITS, TRANSFORMER
from rekall.models.export.kinds import ELSEWHERE, check_task
from rekall.models.export.modules import Chain, read_json
from rekall.models.export.rules import KeyCheck

LONGEST_TOKENS = 1_024
"""A model that reads more is exported with this limit unless another is given: the memory of attention grows with the
square of the length (50 MB a layer here, 3 GB at 8,192), and a passage of Rekall's has a few hundred tokens."""

UNLIMITED = 1 << 20
"""The limit of a static model that has none; tokenizer_config.json says 1e30."""

SETTINGS_FILES = tuple(
    f"sentence_{kind}_config.json"
    for kind in ("bert", "roberta", "distilbert", "camembert", "albert", "xlm-roberta", "xlnet")
)
"""Of which the first that is there counts."""

_TRIMMED_BEFORE = (5, 4)  # sentence-transformers trimmed every text until release 5.3


@dataclass(frozen=True, slots=True)
class Reading:
    """How a model reads a text.

    Attributes:
        max_tokens: The sequence limit, special tokens included.
        lowers: Whether it is lowercased before the tokenizer sees it.
    """

    max_tokens: int
    lowers: bool


def read_transformer(
    chain: Chain, what: str, config: Mapping[str, Any], figures: Figures | None, keys: KeyCheck
) -> Reading:
    """How a transformer reads: sentence-transformers' own limit, else the tokenizer's, within the position table.

    Raises:
        ExportFailed: A file is malformed, or asks for what is not supported.
    """
    root = chain.root
    path = next((root / name for name in SETTINGS_FILES if (root / name).is_file()), None)
    settings: Mapping[str, Any] = read_json(path) if path else {}
    check_task(what, settings.get("transformer_task"))
    keys(settings, TRANSFORMER, str(path), ELSEWHERE)
    limit = settings.get("max_seq_length")
    tokenizer = root / "tokenizer_config.json"
    own: Mapping[str, Any] = read_json(tokenizer) if tokenizer.is_file() else {}
    if figures is None:  # its vectors are those of the source's own library, which has read the rest
        own = {key: value for key, value in own.items() if any(rule.names(key) for rule in TOKENIZER_LIMITS)}
    keys(own, TOKENIZER, str(tokenizer), ELSEWHERE)
    if limit is None:
        limit = own.get("model_max_length")
    positions = figures.positions if figures else int(config.get("max_position_embeddings") or UNLIMITED)
    lowers = settings.get("do_lower_case")
    if not isinstance(lowers, (bool, type(None))):
        raise ExportFailed(f"{path} has `do_lower_case` {lowers!r}", "make it true or false there")
    return Reading(min(positions, _tokens(limit, root)), bool(lowers))


def read_static(chain: Chain, config: Mapping[str, Any], *, model2vec: bool) -> int:
    """The limit of a static model: what its tokenizer file cuts off, or model2vec's 512 tokens.

    Raises:
        ExportFailed: It is no number.
    """
    truncation = read_json(chain.root / TOKENIZER_FILE).get("truncation") or {}
    return _tokens(config.get("max_length", 512) if model2vec else truncation.get("max_length"), chain.root)


def _tokens(limit: Any, root: Path) -> int:
    if (
        isinstance(limit, bool)
        or not isinstance(limit, (int, float, type(None)))
        or (limit is not None and not limit >= 1)
    ):
        raise ExportFailed(f"{root} limits its texts to {limit!r} tokens", "correct the limit in its files")
    return int(min(UNLIMITED if limit is None else limit, UNLIMITED))


def asked_limit(own: int, asked: int | None, chain: Chain) -> int:
    """The limit of an export, given the model's own.

    Raises:
        ExportFailed: More is asked for than the model reads.
    """
    if asked is None:
        return min(own, LONGEST_TOKENS) if chain.kind == "Transformer" else own
    if not 1 <= asked <= own:
        raise ExportFailed(f"a limit of {asked} tokens is out of bounds", f"this model takes 1 to {own}")
    return asked


def trims(settings: Mapping[str, Any]) -> bool:
    """Whether the release that saved the model trimmed texts; one that is not named is an old one."""
    versions = settings.get("__version__") or {}
    version = str(versions.get("sentence_transformers", "")) if isinstance(versions, dict) else ""
    numbers = [int(part) for part in re.findall(r"\d+", version)[:2]]
    return tuple(numbers) < _TRIMMED_BEFORE
