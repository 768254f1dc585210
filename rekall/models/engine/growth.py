"""How much longer a tokenizer may make a text before it takes it apart: what grows without bound ends the process.

The library has no bound of its own, and aborts where memory ends: no error that could be caught.
"""

from __future__ import annotations

import base64
import json
import re
import struct
from typing import Any

MOST_TIMES = 64.0
"""The longest that NFKC makes of one character is eighteen, thirty-three bytes in a table of SentencePiece; a text of 16,000 becomes a million."""

_MOST_ADDED = 1_000
"""Characters that may be put before a text."""

_MAY_BE_EMPTY = re.compile(r"\(\?|\\[bBGAzZK]|[\^$]")
"""In a pattern: what may match between two characters."""


def growth_of(normalizer: Any) -> float:
    """How many times longer a text may become.

    Args:
        normalizer: A normalizer of `tokenizers`; None for none.
    """
    if normalizer is None:
        return 1.0
    state: bytes = normalizer.__getstate__()
    return _growth(json.loads(state))


def _growth(described: Any) -> float:
    if not isinstance(described, dict):
        return 1.0
    kind = described.get("type")
    if kind == "Sequence":
        times = 1.0
        for each in described.get("normalizers", []):
            times *= _growth(each)
        return times
    if kind == "Replace":
        return _replaced(described.get("pattern"), len(str(described.get("content", ""))))
    if kind == "Prepend":
        return 1.0 if len(str(described.get("prepend", ""))) <= _MOST_ADDED else float("inf")
    if kind == "Precompiled":
        return _mapped(described.get("precompiled_charsmap"))
    return 1.0


def _replaced(pattern: Any, length: int) -> float:
    """What replacing makes of a text."""
    given = pattern if isinstance(pattern, dict) else {}
    if "String" in given:
        text = str(given["String"])
        return max(1.0, length / len(text)) if text else length + 1.0
    expression = str(given.get("Regex", ""))
    try:
        may_be_empty = bool(_MAY_BE_EMPTY.search(expression)) or re.search(expression, "") is not None
    except re.error:  # the library reads another dialect
        may_be_empty = True
    return length + 1.0 if may_be_empty else max(1.0, float(length))


def _mapped(charsmap: Any) -> float:
    """The longest text that a character becomes in a table of SentencePiece: a tree, then texts that end with NUL."""
    try:
        data = base64.b64decode(charsmap or "")
        (tree,) = struct.unpack_from("<I", data)
    except (ValueError, TypeError, struct.error):
        return 1.0  # the library refuses it, or it maps nothing
    return float(max(map(len, data[4 + tree :].split(b"\0")), default=1) or 1)
