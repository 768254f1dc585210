"""The program of the engine's own process: loads one model, and answers its parent until the parent is gone.

It reads only its pipe and the model folder, and ends as soon as the pipe does, which happens however the parent ends,
even when it is killed.
"""

from __future__ import annotations

import json
import os
import queue
import signal
import threading
from io import FileIO
from pathlib import Path

from rekall.errors import EngineLost, RekallError
from rekall.models.contract import ArrayEncoder
from rekall.models.engine.frames import BEGINNING, Frame, PipeClosed, as_json, receive, send, send_json, send_raw
from rekall.models.engine.opening import open_encoder
from rekall.models.engine.tried import TRIALS


def main() -> None:
    """Serve the parent at the other end of stdin and stdout. Does not return."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the parent; when that ends, so does this
    requests, replies = _private_pipe()
    send_raw(replies, BEGINNING)
    frames: queue.SimpleQueue[tuple[Frame, bytes]] = queue.SimpleQueue()
    try:
        threading.Thread(target=_read, args=(requests, frames), daemon=True).start()
        _serve(frames, replies)
    except BaseException as error:  # a defect: the parent shows this message
        _say_failed(replies, EngineLost(f"the engine failed: {type(error).__name__}: {error}"))
        os._exit(1)


def _serve(frames: queue.SimpleQueue[tuple[Frame, bytes]], replies: FileIO) -> None:
    _, content = frames.get()
    order = json.loads(content)
    if order["tried"]:
        TRIALS.begin(Path(order["tried"]))
    try:
        encoder = open_encoder(Path(order["folder"]), order["threads"], backend=order["backend"], alone=True)
    except RekallError as error:
        _say_failed(replies, error)
        os._exit(0)
    send_json(replies, Frame.READY, {"fingerprint": encoder.fingerprint, "dim": encoder.dim})
    while True:
        kind, content = frames.get()
        try:
            reply, answer = _answered(encoder, kind, json.loads(content))
        except RekallError as error:
            _say_failed(replies, error)
        else:
            send(replies, reply, answer)


def _answered(encoder: ArrayEncoder, kind: Frame, texts: list[str]) -> tuple[Frame, bytes]:
    """The answer to some texts: shares as JSON, or the bytes of (n, d) float32."""
    if kind is Frame.KNOWN:
        return Frame.SHARES, as_json(encoder.known(texts))
    encode = encoder.encode_queries if kind is Frame.QUERIES else encoder.encode_documents
    return Frame.VECTORS, encode(texts).astype("<f4", copy=False).tobytes()


def _read(requests: FileIO, frames: queue.SimpleQueue[tuple[Frame, bytes]]) -> None:
    """Read what the parent sends, even while the engine works, so that the parent's end is noticed at once."""
    code = 1  # any other failure must end the process: only this thread notices that the parent is gone
    try:
        while True:
            frames.put(receive(requests))
    except (PipeClosed, OSError):
        code = 0
    finally:
        os._exit(code)


def _private_pipe() -> tuple[FileIO, FileIO]:
    """The pipe to the parent, moved out of reach of libraries that print or read."""
    requests, replies = FileIO(os.dup(0), "r"), FileIO(os.dup(1), "w")
    nothing = os.open(os.devnull, os.O_RDWR)
    os.dup2(nothing, 0)
    os.dup2(nothing, 1)
    os.close(nothing)
    return requests, replies


def _say_failed(replies: FileIO, error: RekallError) -> None:
    send_json(replies, Frame.FAILED, {"kind": error.kind, "message": error.message, "hint": error.hint})
