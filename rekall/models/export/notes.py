"""What a person should know of an export: what it guesses, what it leaves out, and what would prove it."""

from __future__ import annotations

from collections.abc import Collection

from rekall.models.export.checkpoint import Checkpoint
from rekall.models.export.prompts import expected_of
from rekall.models.proof import GIVEN, SOURCE

_DOT = (
    "this model was trained for dot products, in which longer vectors count more; Rekall compares by cosine, which ranks "
    "worse than published: take its variant for cosine if there is one"
)
_DISTANCE = (
    "this model was trained for {} distance between vectors of any length; Rekall compares by cosine, which may rank "
    "otherwise"
)


def notes_on(checkpoint: Checkpoint, name: str, proofs: Collection[str]) -> tuple[str, ...]:
    """Notes on an export, in the order of their weight.

    Args:
        checkpoint: What was exported.
        name: The name it was given; empty for none.
        proofs: The kinds of vectors it was held against.
    """
    notes = []
    if checkpoint.lone:
        pooling = (
            "mean pooling is assumed, as sentence-transformers does" if checkpoint.figures else "its pooling is a guess"
        )
        notes.append(f"without modules.json nothing says how token vectors become one; {pooling}")
    if not checkpoint.chain.normalizes or checkpoint.similarity == "manhattan":
        if checkpoint.similarity == "dot":
            notes.append(_DOT)
        elif checkpoint.similarity != "cosine":
            notes.append(_DISTANCE.format(checkpoint.similarity))
    if not (checkpoint.prompts.query or checkpoint.prompts.document):
        notes += expected_of(
            checkpoint.settings, (checkpoint.repository, checkpoint.source.resolve().name, name, *_hints(checkpoint))
        )
    if checkpoint.keys.passed:
        notes.append(f"passed over because of --ignore: {', '.join(sorted(checkpoint.keys.passed))}")
    doubtful = checkpoint.lone or bool(checkpoint.keys.passed)
    if doubtful and not {GIVEN, SOURCE} & set(proofs):
        notes.append(
            "whether this is read as its authors meant it, only `--reference` shows; docs/models.md says how to make one"
        )
    return tuple(notes)


def _hints(checkpoint: Checkpoint) -> list[str]:
    """Other names that a checkpoint gives away: what its configuration was loaded from."""
    named = checkpoint.config.get("_name_or_path")
    return [named.rstrip("/")] if isinstance(named, str) else []
