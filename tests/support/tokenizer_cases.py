"""Tokenizers whose files contradict each other: how a folder of each is made."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

_DATA = Path(__file__).parent.parent / "data"
IDS_FILE = _DATA / "tokenizers/ids.json"
TEXTS = (
    "the Lock is HELD: Grüße, naïve ÉTÉ",
    "检索 index 키",
    "a [MASK] b <mask> c</s> <s>",
    "[TICKET] a[ticket]  [TICKET]b",
    "don't 12345 snake_case",
    "  two  blanks\n``new'' <|endoftext|>",
    "",
)


@dataclass(frozen=True, slots=True)
class Case:
    """A folder of tests/data/tokenizers/cases.json.

    Attributes:
        base: The checkpoint whose tokenizer.json it has.
        architecture: Its model type.
        verdict: "kept" where tokenizer.json stays, "changed" where another one is written, "refused" where a person has
            to choose.
        says: What the note or the refusal must name.
        config: The content of tokenizer_config.json; None for no such file.
        file: What differs in tokenizer.json, by path.
        others: Further files.
    """

    name: str
    base: str
    architecture: str
    verdict: str
    says: str = ""
    config: Mapping[str, Any] | None = None
    file: Mapping[str, Any] = field(default_factory=dict)
    others: Mapping[str, Any] = field(default_factory=dict)


CASES = [Case(**each) for each in json.loads((_DATA / "tokenizers/cases.json").read_text("utf-8"))]


def write_case(case: Case, root: Path) -> Path:
    """Write a case's files into a folder. Returns it."""
    source = next((_DATA / "checkpoints" / case.base).rglob("tokenizer.json"))
    described = json.loads(source.read_bytes())
    for path, value in case.file.items():
        *outer, last = path.split(".")
        place = described
        for key in outer:
            place = place[key]
        if last == "+":
            place.append(value)
        else:
            place[last] = value
    files = {"tokenizer.json": described, "config.json": {"model_type": case.architecture}, **case.others}
    if case.config is not None:
        files["tokenizer_config.json"] = case.config
    for name, content in files.items():
        (root / name).write_text(json.dumps(content, ensure_ascii=False), "utf-8")
    return root
