"""Whether there is room for a model, asked before anything is loaded: ONNX Runtime and `tokenizers` abort without it."""

from __future__ import annotations

from dataclasses import dataclass

from rekall.errors import OutOfMemory
from rekall.models.engine.card import TOKENIZER_FILE, ModelCard
from rekall.system.limits import Room, Rooms, rooms

MB = 1_000_000

FOR_THREADS = 800 * MB
"""What threads may want besides: the stacks and heaps of four here and four of `tokenizers`. One that gets none aborts."""

_TOKENIZER_TIMES = 20
"""A `tokenizer.json` takes so many times its size while it is parsed."""


@dataclass(frozen=True, slots=True)
class Need:
    """What loading a model and answering with it adds to a process, in bytes; see `rekall.system.limits.Rooms`."""

    addresses: int
    data: int
    resident: int


def need_of(card: ModelCard, *, is_numpy: bool = False) -> Need:
    """What a model needs, generously: measured with numpy 2.4, onnxruntime 1.32 and tokenizers 0.23 on two processors.

    With all-MiniLM-L6-v2 the first thread that gets no room in bulk aborts below 350 MB of addresses, a question below
    310; nothing limited, 530 are mapped. 140 MB are written to, 170 in bulk, and 75 are resident. In numpy, where it
    takes one thread, loading fails below 230 MB of addresses, and OpenBLAS ends the process below 110 MB written to;
    50 are resident.

    Args:
        card: The model.
        is_numpy: Numpy runs its graph, in a process of ours.
    """
    weights = card.size
    text = _TOKENIZER_TIMES * (card.files[TOKENIZER_FILE].size if TOKENIZER_FILE in card.files else 0)
    if card.is_static:
        return Need(200 * MB + 2 * weights + text, 100 * MB + text, 30 * MB + weights // 4 + text)
    if is_numpy:
        return Need(190 * MB + 2 * weights + text, 90 * MB + weights + text, 40 * MB + weights // 4 + text)
    return Need(340 * MB + 2 * weights + text, 140 * MB + weights + text, 55 * MB + weights // 4 + text)


def check_room(card: ModelCard, room: Rooms | None = None, *, is_numpy: bool = False) -> bool:
    """Refuse a model that would end the process.

    Args:
        card: The model.
        room: What there is; by default this process's.
        is_numpy: See `need_of`.

    Returns:
        Whether there is room for several threads, each of which asks for much more than it uses.

    Raises:
        OutOfMemory: A memory limit is too low for it.
    """
    room, need = room or rooms(), need_of(card, is_numpy=is_numpy)
    pairs = ((room.addresses, need.addresses), (room.data, need.data), (room.resident, need.resident))
    for there, needed in pairs:
        if there is not None and there.left_bytes < needed:
            raise _too_low(card, there, needed)
    return all(there is None or there.left_bytes >= needed + FOR_THREADS for there, needed in pairs)


def _too_low(card: ModelCard, there: Room, needed: int) -> OutOfMemory:
    in_all = there.limit_bytes - there.left_bytes + needed
    return OutOfMemory(
        f"the memory limit of {there.limit_bytes // MB:,} MB is too low for model {card.name}, "
        f"which needs about {-(-in_all // (10 * MB)) * 10:,} MB",
        "raise the limit (`ulimit -v`, `ulimit -d`, or that of the container), or use a smaller model: `rekall model list`",
    )
