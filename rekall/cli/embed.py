"""`rekall embed`: vectors for other programs."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from rekall.app import App
from rekall.cli.options import as_text, pass_app, read_stdin
from rekall.cli.render import out, talk
from rekall.errors import InvalidInput, NotFound, UsageError

if TYPE_CHECKING:
    from rekall.models.vectors import Matrix

_WINDOW = 128


@click.command()
@click.argument("texts", nargs=-1, metavar="[TEXT]...")
@click.option("--input", "source", metavar="FILE|-", help="Read JSON lines, each a string or an object with text.")
@click.option("--query", is_flag=True, help="Encode as questions (documents).")
@click.option(
    "--format",
    "-f",
    "form",
    type=click.Choice(["jsonl", "npy"]),
    default="jsonl",
    help="JSON lines, or one numpy array (jsonl).",
)
@click.option("--output", "-o", type=click.Path(path_type=Path), help="The file to write (stdout).")
@click.option("--model", "name", metavar="NAME", help="The model (engine.model).")
@pass_app
def embed(
    app: App, texts: tuple[str, ...], source: str | None, query: bool, form: str, output: Path | None, name: str | None
) -> None:
    """Turn texts into vectors, one per text, in order."""
    from rekall.entry import rules

    if bool(texts) == bool(source):
        raise UsageError(
            "give either texts or --input", "rekall embed 'some text', or rekall embed --input texts.jsonl"
        )
    if form == "npy" and output is None and sys.stdout.isatty():
        raise UsageError("a .npy array cannot be printed to a terminal", "add --output vectors.npy")
    chosen = [rules.text(text, "text") for text in texts] if texts else _read(str(source))
    encoder = app.load_encoder(name)
    encode = encoder.encode_queries if query else encoder.encode_documents
    try:
        if output is None and form == "jsonl":
            for start in range(0, len(chosen), _WINDOW):  # as they come: a reader need not wait for all
                for vector in encode(chosen[start : start + _WINDOW]):
                    out(_line(vector))
        else:
            _write(output, form, encode(chosen))
    finally:
        encoder.close()
    if output is not None:
        talk(f"{len(chosen):,} vectors in {output}")


def _write(output: Path | None, form: str, vectors: Matrix) -> None:
    from rekall.models.vectors import npy_bytes
    from rekall.system.files import write_atomically

    data = npy_bytes(vectors) if form == "npy" else "".join(f"{_line(vector)}\n" for vector in vectors).encode()
    if output is None:
        sys.stdout.buffer.write(data)
    else:
        write_atomically(output, data, is_named=True)


def _line(vector: Any) -> str:
    """A vector as JSON, in the fewest digits that read back as the same float32."""
    return json.dumps({"vector": [float(str(number)) for number in vector]})


def _read(source: str) -> list[str]:
    if source == "-":
        text = read_stdin()
    else:
        try:
            text = as_text(Path(source).read_bytes(), source)
        except FileNotFoundError as error:
            raise NotFound(f"{source} does not exist", "check the path; use - for stdin") from error
    return [_text(line, f"{source}, line {number}") for number, line in enumerate(text.split("\n"), 1) if line.strip()]


def _text(line: str, where: str) -> str:
    try:
        value = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise InvalidInput(f"{where}: not valid JSON: {error}", 'each line is a "string" or {"text": "…"}') from error
    if isinstance(value, dict):
        value = value.get("text")
    if not isinstance(value, str):
        raise InvalidInput(
            f"{where}: neither a string nor an object with text", 'each line is a "string" or {"text": "…"}'
        )
    return value
