"""What the cases of `field_reading` and `field_models` are staged with: a folder, checkpoints to change in it, and what they compare with."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

from rekall.errors import ExportFailed
from rekall.models.engine.tokenizer import ids_of
from rekall.models.export.exporter import ExportReport, export_model
from rekall.models.export.options import ExportOptions
from rekall.models.export.tokenizer_choice import choose_tokenizer
from rekall.models.vectors import row_cosines
from support.checkpoints import CASE, Source, vectors_of
from support.checkpoints import TEXTS as GOLDEN_TEXTS
from support.tokenizer_cases import CASES as TOKENIZERS
from support.tokenizer_cases import IDS_FILE, TEXTS, write_case

NEARLY_ONE = 1 - 1e-5
ADDED = {"single_word": False, "lstrip": False, "rstrip": False, "normalized": False, "special": True}


@dataclass(frozen=True, slots=True)
class Case:
    """A report from the field.

    Attributes:
        situation: What its author had.
        reported: Where.
        run: Stages it. Gives what happens; raises when that is not what is promised.
    """

    situation: str
    reported: str
    run: Callable[[Stage], str]


CASES: list[Case] = []


def every_case() -> list[Case]:
    """All of them, in the order of the document."""
    for rows in ("reading", "models"):
        import_module(f"support.field_{rows}")
    return CASES


def case(situation: str, reported: str) -> Callable[[Callable[[Stage], str]], Callable[[Stage], str]]:
    """Add the case that a function stages."""

    def add(run: Callable[[Stage], str]) -> Callable[[Stage], str]:
        CASES.append(Case(situation, reported, run))
        return run

    return add


class Stage:
    """A folder, with checkpoints and a home in it."""

    def __init__(self, place: Path) -> None:
        self.place = place
        self._env = {**os.environ, "REKALL_HOME": str(place / "home"), "PYTHONUTF8": "1"}

    def source(self, name: str, folder: str = "source") -> Source:
        """A checkpoint of tests/data, to change."""
        CASE[name].write(self.place / folder)
        return Source(self.place / folder)

    def export(self, source: Source, out: str = "out", **options: Any) -> ExportReport:
        """Export it in float32."""
        return export_model(source.path, self.place / out, ExportOptions(**{"precision": "fp32", **options}))

    def refused(self, source: Source, *says: str, **options: Any) -> str:
        """What an export says that must be refused, and must say something."""
        try:
            self.export(source, **options)
        except ExportFailed as error:
            said = error
        else:
            raise AssertionError("it is exported")
        missing = [text for text in says if text not in f"{said.message} {said.hint}"]
        assert not missing, f"{missing} not in: {said.message} ({said.hint})"
        return f"refused: {said.message.replace(f'{source.path}/', '').replace(str(source.path), 'it')}"

    def rekall(self, *arguments: str, code: int = 0) -> str:
        """What a command says; it must end with this code."""
        done = subprocess.run(
            [sys.executable, "-m", "rekall", *arguments], env=self._env, capture_output=True, text=True, check=False
        )
        assert done.returncode == code, f"`rekall {arguments[0]}` ended with {done.returncode}: {done.stderr[-300:]}"
        return done.stdout + done.stderr

    def as_golden(self, name: str) -> str:
        """How near the vectors of an export come to those of sentence-transformers."""
        self.export(self.source(name))
        golden = CASE[name].golden("document")
        some = golden.any(axis=1)
        found = vectors_of(self.place / "out", [text for text, has in zip(GOLDEN_TEXTS, some) if has])
        least = float(row_cosines(found, golden[some]).min())
        assert least > NEARLY_ONE, f"cosine {least:.5f}"
        return f"cosine {least:.5f} to sentence-transformers 6.2"


def with_ticket(source: Source) -> None:
    """Add a token behind the last row of the table."""
    described = source.read_json("tokenizer.json")
    described["added_tokens"].append({"id": len(described["model"]["vocab"]), "content": "[TICKET]", **ADDED})
    source.write_json("tokenizer.json", described)


def with_zeros(source: Source) -> None:
    """The rows of `lock` and of the padding are zeros."""
    ids = source.read_json("tokenizer.json")["model"]["vocab"]

    def zero(tensors: Mapping[str, Any]) -> dict[str, Any]:
        ((name, table),) = tensors.items()
        table = table.copy()
        table[[ids["lock"], ids["[PAD]"]]] = 0
        return {name: table}

    source.edit_weights(zero)


def use_zeros(stage: Stage) -> None:
    """Let the base use a model in which some rows are zeros."""
    source = stage.source("static")
    with_zeros(source)
    stage.rekall("model", "export", str(source.path), "--name", "zeros")
    stage.rekall("model", "use", "zeros")


def tokenizer(name: str) -> Callable[[Stage], str]:
    """A folder of tests/data/tokenizers, which must be read as transformers 5 reads it, or left to a person."""

    def run(stage: Stage) -> str:
        (found,) = (each for each in TOKENIZERS if each.name == name)
        root = write_case(found, stage.place)
        arguments = (root, found.architecture, {"model_type": found.architecture}, 100_000)
        refusal = None
        try:
            chosen = choose_tokenizer(*arguments)
            told = f"; told: {chosen.notes[0]}" if chosen.notes else ""
        except ExportFailed as error:
            refusal = error
        if refusal:
            assert "--tokenizer file" in refusal.hint
            told = f" with `--tokenizer class`; without, refused: {refusal.message.replace(f'{root}/', '')}"
            chosen = choose_tokenizer(*arguments, "class")
        content = chosen.content or (root / "tokenizer.json").read_text("utf-8")
        assert ids_of(content, TEXTS) == json.loads(IDS_FILE.read_text("utf-8"))[name]
        return f"the ids of transformers 5{told}"

    return run


def golden(name: str) -> Callable[[Stage], str]:
    """A checkpoint as it is."""
    return lambda stage: stage.as_golden(name)


def recall_of(kind: str) -> str:
    """How much of the ten nearest an index finds in a space of this kind."""
    from index import BATCH, DIM, NOW, make_passages
    from index_spaces import recall, vectors_of

    from rekall.store.sqlite import SqliteStore

    rows, queries = vectors_of(kind, 20_000)
    store = SqliteStore(None)
    with store.transaction():
        index = store.vectors.index(store.vectors.make_space("case", "case", DIM, NOW))
        make_passages(store, len(rows))
        for start in range(0, len(rows), BATCH):
            index.add_many(enumerate(rows[start : start + BATCH], start + 1))
    shares = [recall([number - 1 for number, _ in index.search(query, 10)], rows @ query) for query in queries]
    store.close()
    share = sum(shares) / len(shares)
    assert share >= 0.97, f"recall {share:.3f}"
    return f"{share:.3f} of the ten nearest among 20,000 are found, by signs taken from the middle of the space"
