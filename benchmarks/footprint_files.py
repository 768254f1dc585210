"""Makes the ONNX files that `footprint.py` gives to the other engines, from the checkpoint that Rekall exports too.

    python footprint_files.py CHECKPOINT OUT

OUT/onnx is the encoder in float32, traced by torch, one vector a token; OUT/int8 is the same after dynamic
quantisation with ONNX Runtime's defaults. Needs torch, transformers and onnx.
"""

from __future__ import annotations

import json
import shutil
import sys
import warnings
from importlib import import_module
from pathlib import Path
from typing import Any

from footprint_engines import TOKENS

from rekall.system.files import folder_written_whole, make_private_folder

INPUTS = ("input_ids", "attention_mask", "token_type_ids")
OUTPUT = "last_hidden_state"
OPSET = 17


def main() -> None:
    checkpoint, out = Path(sys.argv[1]), Path(sys.argv[2])
    make_private_folder(out)
    with folder_written_whole(out / "onnx") as folder:
        trace(checkpoint, folder / "model.onnx")
        copy_tokenizer(checkpoint, folder)
    with folder_written_whole(out / "int8") as folder:
        import_module("onnxruntime.quantization").quantize_dynamic(out / "onnx" / "model.onnx", folder / "model.onnx")
        copy_tokenizer(checkpoint, folder)


def trace(checkpoint: Path, file: Path) -> None:
    """Export the encoder with torch's tracer, as the published ONNX files of such models were made."""
    torch, transformers = import_module("torch"), import_module("transformers")

    class Encoder(torch.nn.Module):  # type: ignore[misc, name-defined]  # torch is loaded by name, so mypy does not know it
        def __init__(self) -> None:
            super().__init__()
            self.model = transformers.AutoModel.from_pretrained(checkpoint, attn_implementation="eager").eval()

        def forward(self, input_ids: Any, attention_mask: Any, token_type_ids: Any) -> Any:
            return self.model(input_ids=input_ids, attention_mask=attention_mask, token_type_ids=token_type_ids)[0]

    example = torch.ones((2, 8), dtype=torch.int64)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of branches the tracer fixes; the cosines would show a wrong one
        torch.onnx.export(
            Encoder(),
            (example, example, example * 0),
            file,
            input_names=list(INPUTS),
            output_names=[OUTPUT],
            dynamic_axes={name: {0: "batch", 1: "tokens"} for name in (*INPUTS, OUTPUT)},
            opset_version=OPSET,
            dynamo=False,
        )


def copy_tokenizer(checkpoint: Path, folder: Path) -> None:
    """The tokenizer, with the token limit where fastembed looks for it."""
    shutil.copyfile(checkpoint / "tokenizer.json", folder / "tokenizer.json")
    shutil.copyfile(checkpoint / "config.json", folder / "config.json")
    config = json.loads((checkpoint / "tokenizer_config.json").read_text("utf-8"))
    config.pop("max_length", None)
    (folder / "tokenizer_config.json").write_text(json.dumps({**config, "model_max_length": TOKENS}), "utf-8")


if __name__ == "__main__":
    main()
