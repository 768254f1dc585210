"""Reports about spaces, tokenizers, settings and prompts; the first rows of docs/engine-cases.md, in order."""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from rekall.models.engine.opening import open_encoder
from rekall.models.engine.tokenizer import ids_of
from rekall.models.export.checkpoint import read_checkpoint
from rekall.models.export.options import ExportOptions
from rekall.models.vectors import row_cosines
from support.field_stage import Stage, case, recall_of, tokenizer, use_zeros, with_ticket

if TYPE_CHECKING:
    pass

WORDS = ["the index is rebuilt", "a lock is held while the deploy waits"]
TICKETS = '{"title": "see [TICKET] 7"}\n{"title": "the lock is held"}\n{"title": "why the deploy waits"}\n'
LOCKS = '{"title": "lock"}\n{"title": "the index is rebuilt"}\n'


@case("vectors that all have a cosine of 0.85 to each other, as multilingual-e5's", "unilm#1216, BERTopic#1650")
def _(stage: Stage) -> str:
    return recall_of("one-sided (cosine 0.85)")


@case("vectors without a number below zero: outputs of ReLU", "BERTopic#1650 and its kind")
def _(stage: Stage) -> str:
    return recall_of("rectified")


@case("outputs of a sigmoid", "its kind")
def _(stage: Stage) -> str:
    return recall_of("sigmoid")


@case("an added token one past the table", "mempalace#2114")
def _(stage: Stage) -> str:
    source = stage.source("bert")
    with_ticket(source)
    report = stage.export(source)
    encoder = open_encoder(stage.place / "out")
    vectors = encoder.encode_documents(["see [TICKET] 7", "see [ticket] 7"])
    encoder.close()
    assert np.allclose(vectors[0], vectors[1])
    return f"exported; told: {report.notes[0]}"


@case("a piece of the vocabulary past the table", "transformers#12763, #5611, sentence-transformers#1600")
def _(stage: Stage) -> str:
    source = stage.source("bert")
    name = "embeddings.word_embeddings.weight"
    source.edit_weights(lambda tensors: {**tensors, name: tensors[name][:-2].copy()})
    return stage.refused(source, "2 pieces without a row")


@case("a note with that token, and one command to embed all", "neomjs/neo#16843, mempalace#2114")
def _(stage: Stage) -> str:
    source = stage.source("bert")
    with_ticket(source)
    stage.rekall("model", "export", str(source.path), "--name", "added")
    (stage.place / "notes.jsonl").write_text(TICKETS)
    stage.rekall("import", str(stage.place / "notes.jsonl"))
    stage.rekall("model", "use", "added")
    stats = json.loads(stage.rekall("stats", "--json"))
    assert stats["vectors"] == stats["passages"] >= 3, stats
    assert "[TICKET]" in stage.rekall("search", "ticket 7")
    return f"all {stats['passages']} passages are embedded, and the note is found"


@case("a word whose row is zeros, in a note", "sentence-transformers#625, fastText#343")
def _(stage: Stage) -> str:
    use_zeros(stage)
    said = stage.rekall("add", "bug", "lock")
    assert "lock" in stage.rekall("list")
    assert "without" in said or "embed" in said or "warning" in said, said
    return "the note is stored, and said to have no vector"


@case("the same word, searched for", "fastText#343")
def _(stage: Stage) -> str:
    use_zeros(stage)
    stage.rekall("add", "bug", "lock")
    said = stage.rekall("search", "lock")
    assert "lock" in said
    assert "words" in said
    return "found by words, and said so"


@case("an import in which one note has such a word alone", "model2vec#114")
def _(stage: Stage) -> str:
    use_zeros(stage)
    (stage.place / "notes.jsonl").write_text(LOCKS)
    said = stage.rekall("import", str(stage.place / "notes.jsonl"))
    assert "2" in said
    found = stage.rekall("search", "index rebuilt", "--mode", "meaning")
    assert "index is rebuilt" in found
    return "both are stored, the other one is embedded"


CASES_OF_TOKENIZERS: Sequence[tuple[str, str, str]] = (
    ("`do_lower_case: false` beside a tokenizer.json that lowercases", "vllm#11184, vllm#11815", "upper case kept"),
    (
        "a class that lowercases beside a tokenizer.json that does not",
        "biobert-pytorch#24",
        "lowercased by its class alone",
    ),
    ("`strip_accents` against tokenizer.json", "transformers#6186", "accents kept"),
    ("a class of transformers 5 that builds another tokenizer than tokenizer.json", "mteb#5377", "another normalizer"),
    ("`add_eos_token`, which transformers 5 no longer heeds", "mteb#5237", "Qwen with an end asked for"),
)
for situation, reported, name in CASES_OF_TOKENIZERS:
    case(situation, reported)(tokenizer(name))


@case("BertTokenizer over a Unigram vocabulary, as in multilingual MiniLM", "sentence-transformers#1010, #975")
def _(stage: Stage) -> str:
    source = stage.source("bert")
    xlm = stage.source("xlm-roberta", "other").path
    shutil.copyfile(xlm / "tokenizer.json", source.path / "tokenizer.json")
    source.write_json("tokenizer_config.json", {"tokenizer_class": "BertTokenizer", "unk_token": "<unk>"})
    rows = len(source.read_json("tokenizer.json")["model"]["vocab"])
    name = "embeddings.word_embeddings.weight"
    source.edit_weights(lambda tensors: {**tensors, name: np.resize(tensors[name], (rows, 32)).copy()})
    source.edit_json("config.json", vocab_size=rows)
    report = stage.export(source)
    assert ids_of((stage.place / "out/tokenizer.json").read_text("utf-8"), WORDS) == ids_of(
        (xlm / "tokenizer.json").read_text("utf-8"), WORDS
    )
    (note,) = (note for note in report.notes if "made for" in note)
    return f"exported; told: {note}"


@case("`truncate_dim`, which sentence-transformers 6 saves", "sentence-transformers 6")
def _(stage: Stage) -> str:
    source = stage.source("bert")
    stage.export(source, "whole")
    source.edit_json("config_sentence_transformers.json", truncate_dim=16)
    assert stage.export(source).card.dimensions == 16
    both = []
    for name in ("out", "whole"):
        encoder = open_encoder(stage.place / name)
        both.append(encoder.encode_documents(WORDS)[:, :16])
        encoder.close()
    assert row_cosines(*both).min() > 1 - 1e-6
    return "the first 16 numbers are kept"


@case("`include_prompt: false`", "INSTRUCTOR, sentence-transformers 6")
def _(stage: Stage) -> str:
    return stage.as_golden("bert-prompt-left-out")


@case("a key that a later release saves", "sentence-transformers and transformers, any release")
def _(stage: Stage) -> str:
    source = stage.source("bert")
    source.edit_json("sentence_bert_config.json", mystery_knob=3)
    return stage.refused(source, "`mystery_knob`", "--ignore mystery_knob")


@case("a key of tokenizer_config.json that nobody knows", "its kind")
def _(stage: Stage) -> str:
    source = stage.source("bert")
    source.edit_json("tokenizer_config.json", mystery_knob=3)
    return stage.refused(source, "`mystery_knob`", "--ignore mystery_knob")


@case("a copy of bge under another name loses its prompt", "qdrant/fastembed#251")
def _(stage: Stage) -> str:
    source = stage.source("bert")
    prompts = read_checkpoint(source.path, ExportOptions(name="bge-small-en-v1.5")).prompts
    assert prompts.query
    return f"found by `--name`: {prompts.query!r}"


@case("a folder that still has the model's name", "basic-memory#1264, #1284")
def _(stage: Stage) -> str:
    prompts = read_checkpoint(stage.source("bert", "BGE-Small-EN-v1.5").path).prompts
    assert prompts.query
    return f"found, whatever the case: {prompts.query!r}"


@case("a fine-tuned e5 that says no prompt", "rtk-ai/icm#266, qdrant#9024")
def _(stage: Stage) -> str:
    source = stage.source("bert")
    source.edit_json("config.json", _name_or_path="someone/my-e5-for-laws")
    said = stage.rekall("model", "export", str(source.path), "--name", "laws")
    assert "query prompt: none" in said
    assert "family e5" in said
    return "exported; `query prompt: none` is printed, and that the family e5 expects one"


@case("`is_decoder` in a BERT's configuration", "transformers")
def _(stage: Stage) -> str:
    source = stage.source("bert")
    source.edit_json("config.json", is_decoder=True)
    return stage.refused(source, "`is_decoder`")


@case("relative positions in a BERT's configuration", "transformers")
def _(stage: Stage) -> str:
    source = stage.source("bert")
    source.edit_json("config.json", position_embedding_type="relative_key")
    return stage.refused(source, "`position_embedding_type`")


@case("an adapter among the weights", "peft, adapters")
def _(stage: Stage) -> str:
    source = stage.source("bert")
    name = "encoder.layer.0.attention.self.query.lora_A.default.weight"
    source.edit_weights(lambda tensors: {**tensors, name: np.ones((2, 2), dtype=np.float32)})
    return stage.refused(source, "lora_A", "--ignore")


@case("a model for dot products", "sentence-transformers#712")
def _(stage: Stage) -> str:
    source = stage.source("bert-cls")
    source.edit_json("config_sentence_transformers.json", similarity_fn_name="dot")
    (note,) = (note for note in stage.export(source).notes if "by cosine" in note)
    return f"exported; told: {note}"


@case(
    "a tokenizer.json without a post-processor, under a class that adds tokens", "llama-cpp-python#1463, ollama#13091"
)
def _(stage: Stage) -> str:
    source = stage.source("bert")
    source.edit_json("tokenizer.json", post_processor=None)
    source.write_json("tokenizer_config.json", {"tokenizer_class": "BertTokenizer"})
    return stage.refused(source, "--tokenizer file")


@case("the same under a class that takes the file as it is, and a text without a token", "its kind")
def _(stage: Stage) -> str:
    source = stage.source("bert")
    source.edit_json("tokenizer.json", post_processor=None)
    source.write_json("tokenizer_config.json", {"tokenizer_class": "PreTrainedTokenizerFast"})
    stage.export(source)
    encoder = open_encoder(stage.place / "out")
    assert len(encoder.encode_documents(WORDS)) == 2
    try:
        encoder.encode_documents(["before", ""])
    except Exception as error:
        return f"exported; {error} - the others are embedded"
    finally:
        encoder.close()
    raise AssertionError("a text without a token got a vector")


@case("modules Dropout and LayerNorm", "sentence-transformers")
def _(stage: Stage) -> str:
    return stage.as_golden("bert-layer-norm")
