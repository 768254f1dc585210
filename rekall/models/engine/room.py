"""Whether there is room for a model, asked before anything is loaded: ONNX Runtime and `tokenizers` abort without it."""

from __future__ import annotations

from dataclasses import dataclass

from rekall.errors import EngineError
from rekall.models.engine.card import TOKENIZER_FILE, ModelCard
from rekall.system.limits import Room, Rooms, rooms

MB = 1_000_000

_TOKENIZER_TIMES = 20
"""A `tokenizer.json` takes so many times its size while it is parsed."""


@dataclass(frozen=True, slots=True)
class Need:
    """What loading a model and answering with it adds to a process, in bytes; see `rekall.system.limits.Rooms`."""

    addresses: int
    data: int
    resident: int


def need_of(card: ModelCard) -> Need:
    """What a model needs, generously: measured with numpy 2.4, onnxruntime 1.32 and tokenizers 0.23 on two processors.

    all-MiniLM-L6-v2 maps 420 MB more when nothing limits it, of which it can do without a third: threads ask for room
    that they do not use. It writes to 140 MB, and 72 MB are resident.
    """
    weights = card.size
    text = _TOKENIZER_TIMES * (card.files[TOKENIZER_FILE].size if TOKENIZER_FILE in card.files else 0)
    if card.is_static:
        return Need(160 * MB + 2 * weights + text, 100 * MB + text, 30 * MB + weights // 4 + text)
    return Need(250 * MB + 2 * weights + text, 110 * MB + weights + text, 55 * MB + weights // 4 + text)


def check_room(card: ModelCard, room: Rooms | None = None) -> None:
    """Refuse a model that would end the process.

    Args:
        card: The model.
        room: What there is; by default this process's.

    Raises:
        EngineError: A memory limit is too low for it.
    """
    room, need = room or rooms(), need_of(card)
    pairs = ((room.addresses, need.addresses), (room.data, need.data), (room.resident, need.resident))
    for there, needed in pairs:
        if there is not None and there.left_bytes < needed:
            raise _too_low(card, there, needed)


def _too_low(card: ModelCard, there: Room, needed: int) -> EngineError:
    in_all = there.limit_bytes - there.left_bytes + needed
    return EngineError(
        f"the memory limit of {there.limit_bytes // MB:,} MB is too low for model {card.name}, "
        f"which needs about {-(-in_all // (10 * MB)) * 10:,} MB",
        "raise the limit (`ulimit -v`, `ulimit -d`, or that of the container), or use a smaller model: `rekall model list`",
    )
