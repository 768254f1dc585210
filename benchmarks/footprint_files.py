"""Makes the files that `footprint.py` gives to the other engines, from the checkpoint that Rekall exports too.

    python footprint_files.py FORM CHECKPOINT OUT

OUT/FORM is the checkpoint in one of these forms:

onnx          the encoder in float32, traced by torch, one vector a token
int8          the same after dynamic quantisation with ONNX Runtime's defaults
st-onnx       what sentence-transformers saves with its backend of that name
st-openvino   likewise
gguf          for llama.cpp, matrices in halves
static        a model2vec table: the checkpoint's own rows of tokens, to measure speed and memory alone
"""

from __future__ import annotations

import json
import shutil
import sys
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

from footprint_engines import TOKENS

INPUTS = ("input_ids", "attention_mask", "token_type_ids")
OUTPUT = "last_hidden_state"
OPSET = 17
MEAN_POOLING = 1


@dataclass(frozen=True, slots=True)
class Maker:
    """How a form is made.

    Attributes:
        make: Writes the files of a checkpoint into a folder.
        distributions: What that needs, in one Python.
    """

    make: Callable[[Path, Path], None]
    distributions: tuple[str, ...]


def main() -> None:
    form, checkpoint, out = sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3])
    part = out / f"{form}.part"
    shutil.rmtree(part, ignore_errors=True)  # of a run that was ended
    part.mkdir(parents=True)
    MAKERS[form].make(checkpoint, part)
    part.rename(out / form)


def make_onnx(checkpoint: Path, folder: Path) -> None:
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
            folder / "model.onnx",
            input_names=list(INPUTS),
            output_names=[OUTPUT],
            dynamic_axes={name: {0: "batch", 1: "tokens"} for name in (*INPUTS, OUTPUT)},
            opset_version=OPSET,
            dynamo=False,
        )
    copy_tokenizer(checkpoint, folder)


def make_int8(checkpoint: Path, folder: Path) -> None:
    """Narrow the matrices of the file of floats, which is made first."""
    traced = folder / "floats.onnx"
    make_onnx(checkpoint, folder)
    (folder / "model.onnx").rename(traced)
    import_module("onnxruntime.quantization").quantize_dynamic(traced, folder / "model.onnx")
    traced.unlink()


def make_with(backend: str) -> Callable[[Path, Path], None]:
    """The conversion of sentence-transformers for one of its backends."""

    def make(checkpoint: Path, folder: Path) -> None:
        load = import_module("sentence_transformers").SentenceTransformer
        load(str(checkpoint), device="cpu", backend=backend).save_pretrained(str(folder))

    return make


def make_gguf(checkpoint: Path, folder: Path) -> None:
    """A file of the architecture `bert` with the names that llama.cpp looks for."""
    gguf, numpy = import_module("gguf"), import_module("numpy")
    weights = import_module("safetensors.numpy").load_file(checkpoint / "model.safetensors")
    config = json.loads((checkpoint / "config.json").read_text("utf-8"))
    layers = config["num_hidden_layers"]
    writer = gguf.GGUFWriter(str(folder / "model.gguf"), "bert")
    writer.add_context_length(config["max_position_embeddings"])
    writer.add_embedding_length(config["hidden_size"])
    writer.add_feed_forward_length(config["intermediate_size"])
    writer.add_block_count(layers)
    writer.add_head_count(config["num_attention_heads"])
    writer.add_layer_norm_eps(config["layer_norm_eps"])
    writer.add_causal_attention(False)
    writer.add_pooling_type(gguf.PoolingType(MEAN_POOLING))
    writer.add_token_type_count(config["type_vocab_size"])
    writer.add_file_type(gguf.LlamaFileType.MOSTLY_F16)
    add_pieces(writer, gguf, checkpoint)
    names = gguf.get_tensor_name_map(gguf.MODEL_ARCH.BERT, layers)
    for name, values in weights.items():
        found = names.get_name(name, try_suffixes=(".weight", ".bias"))
        if found is None or "pooler" in name:  # the pooler is not read for the mean
            continue
        halves = values.ndim == 2 and not found.startswith(("position_embd", "token_types"))
        writer.add_tensor(found, values.astype(numpy.float16 if halves else numpy.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def add_pieces(writer: Any, gguf: Any, checkpoint: Path) -> None:
    """The vocabulary as llama.cpp spells it: what begins a word has a mark, what goes on has none."""
    described = json.loads((checkpoint / "tokenizer.json").read_text("utf-8"))
    vocabulary: dict[str, int] = described["model"]["vocab"]
    special = {token["content"]: token["id"] for token in described["added_tokens"] if token["special"]}
    pieces, kinds = [], []
    for piece in sorted(vocabulary, key=vocabulary.__getitem__):
        kinds.append(gguf.TokenType.CONTROL if piece in special else gguf.TokenType.NORMAL)
        begins = "" if piece in special else "\u2581"
        pieces.append(piece[2:] if piece.startswith("##") else begins + piece)
    writer.add_tokenizer_model("bert")
    writer.add_tokenizer_pre("default")
    writer.add_token_list(pieces)
    writer.add_token_types(kinds)
    writer.add_bos_token_id(special["[CLS]"])
    writer.add_sep_token_id(special["[SEP]"])
    writer.add_eos_token_id(special["[SEP]"])
    writer.add_unk_token_id(special["[UNK]"])
    writer.add_pad_token_id(special["[PAD]"])
    writer.add_mask_token_id(special["[MASK]"])


def make_static(checkpoint: Path, folder: Path) -> None:
    """Not distilled, which needs further packages: its speed and memory depend on the size of the table alone."""
    weights = import_module("safetensors.numpy").load_file(checkpoint / "model.safetensors")
    tokenizer = import_module("tokenizers").Tokenizer.from_file(str(checkpoint / "tokenizer.json"))
    table = weights["embeddings.word_embeddings.weight"]
    import_module("model2vec").StaticModel(vectors=table, tokenizer=tokenizer, normalize=True).save_pretrained(folder)


def copy_tokenizer(checkpoint: Path, folder: Path) -> None:
    """The tokenizer, with the token limit where fastembed looks for it."""
    shutil.copyfile(checkpoint / "tokenizer.json", folder / "tokenizer.json")
    shutil.copyfile(checkpoint / "config.json", folder / "config.json")
    config = json.loads((checkpoint / "tokenizer_config.json").read_text("utf-8"))
    config.pop("max_length", None)
    (folder / "tokenizer_config.json").write_text(json.dumps({**config, "model_max_length": TOKENS}), "utf-8")


TRACED = ("torch", "transformers", "onnx", "onnxruntime")
MAKERS: Mapping[str, Maker] = {
    "onnx": Maker(make_onnx, TRACED),
    "int8": Maker(make_int8, TRACED),
    "st-onnx": Maker(make_with("onnx"), ("sentence-transformers", "torch", "optimum-onnx", "onnxruntime")),
    "st-openvino": Maker(make_with("openvino"), ("sentence-transformers", "torch", "optimum-intel", "openvino")),
    "gguf": Maker(make_gguf, ("gguf", "safetensors")),
    "static": Maker(make_static, ("model2vec", "safetensors")),
}


if __name__ == "__main__":
    main()
