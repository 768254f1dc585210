"""The program of the process that tries ONNX Runtime with a model, see `tried`: it says on stdout what came of it, unless it is ended."""

from __future__ import annotations

import json
import os
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np

from rekall.errors import RekallError
from rekall.models.engine.arithmetic import graph_of
from rekall.models.engine.card import read_card
from rekall.models.engine.session import RuntimeMissing, load_onnxruntime, open_session


def main() -> None:
    """Import it, and run a model once where one is named. Does not return."""
    out = os.dup(1)
    os.dup2(2, 1)  # what libraries print is not the answer
    os.write(out, json.dumps(_found(sys.argv[1])).encode())
    os._exit(0)  # some builds end badly when they are unloaded, which is nobody's loss


def _found(folder: str) -> dict[str, str]:
    """The values of a `Tried`; none where the model is at fault, which whoever loads it says."""
    try:
        if not folder:
            load_onnxruntime()
        else:
            card = replace(read_card(Path(folder)), name=Path(folder).name)
            session = open_session(Path(folder) / graph_of(card, "auto"), card, "onnxruntime")
            session.run(dict.fromkeys(session.inputs, np.ones((1, 1), dtype=np.int64)))
    except RuntimeMissing as error:
        return {"problem": error.message, "hint": error.hint}
    except RekallError:
        return {}
    version: str = sys.modules["onnxruntime"].__version__
    return {"version": version}
