"""Tensors that an export leaves out: those of heads quietly, any other one not without being told so."""

from __future__ import annotations

import re
from collections.abc import Sequence
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from rekall.errors import ExportFailed
from rekall.models.export.kinds import RERANKER, refuse
from rekall.models.export.rules import KeyCheck, vouching

if TYPE_CHECKING:
    from rekall.models.export.checkpoint import Checkpoint
    from rekall.models.export.weights import Weights

_HEADS = (
    "pooler.*",
    "*.pooler.*",
    "cls.*",
    "nsp_cls.*",
    "lm_head.*",
    "mlm_head.*",
    "lm_bias",
    "predictions.*",
    "*.predictions.*",
    "sop_classifier.*",
    "qa_outputs.*",
    "vocab_transform.*",
    "vocab_layer_norm.*",
    "vocab_projector.*",
    "generator_predictions.*",
    "generator_lm_head.*",
    "discriminator_predictions.*",
)
"""What models are pretrained with; an embedding never reads it."""

_TABLES = ("*position_ids", "*token_type_ids", "*.inv_freq", "*rotary_emb.*", "*num_batches_tracked")
"""Numbers that follow from the configuration, which older releases saved as tensors."""

_CLASSIFIERS = ("classifier.*", "pre_classifier.*", "score.*")


def check_unread(weights: Weights, checkpoint: Checkpoint) -> None:
    """Refuse weights of which something was not read that may decide: adapters, further layers, a second tower.

    Args:
        weights: After the graph was built from them.
        checkpoint: Where they come from; `checkpoint.keys` knows what somebody vouches for.

    Raises:
        ExportFailed: A tensor belongs to nothing that is known; some of them are named.
    """
    heads = (*_HEADS, *_TABLES, *(checkpoint.family.spare if checkpoint.family else ()))
    left = [name for name in weights.unread() if not any(fnmatchcase(name, head) for head in heads)]
    classifier = [name for name in left if any(fnmatchcase(name, head) for head in _CLASSIFIERS)]
    if classifier and checkpoint.lone:
        raise refuse(checkpoint.repository, f"{RERANKER} or sorts them ({classifier[0]})")
    refuse_tensors([name for name in left if name not in classifier], str(checkpoint.chain.root), checkpoint.keys)


def refuse_tensors(names: Sequence[str], where: str, keys: KeyCheck) -> None:
    """Refuse tensors that nobody vouches for.

    Raises:
        ExportFailed: There is one.
    """
    kinds = list(dict.fromkeys(re.sub(r"\d+", "*", name) for name in names if not keys.vouched(name)))
    if kinds:
        shown = ", ".join(kinds[:4]) + (f" and {len(kinds) - 4} more kinds" if len(kinds) > 4 else "")
        raise ExportFailed(
            f"{where} holds tensors that the model does not read as Rekall knows it, so vectors might come out wrong: {shown}",
            vouching(kinds),
        )
